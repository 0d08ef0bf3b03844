//! The texts about links, embeds and files.

use super::Lang;
use crate::app::link::{LinkFault, MOST_KIB, MOST_PACKETS, MOST_STEPS};
use crate::app::{End, Group, LeftOut, Place};
use crate::embed::Snippet;
use crate::svg::MOST_FRAMES;
use std::borrow::Cow;

super::ui::texts! { Give, give:
    Copy: "Copy", "コピー";
    Diagram: "Diagram", "図";
    Rules: "Rules", "ルール";
    Packet: "Packet", "パケット";
    ReadOnly: "Read only", "読み取り専用";
    OpenHere: "Open in Packetwalk", "Packetwalk で開く";
    ShareLink: "Link", "リンク";
    ShareEmbed: "Embed", "埋め込み";
    ShareFiles: "Files", "ファイル";
    Shows: "shows", "表示";
    DiagramAndRules: "Diagram and rules", "図とルール";
    Shortcode: "Shortcode", "ショートコード";
    Copied: "Copied", "コピーしました";
    KeepSecrets: "Keep Secrets, tokens and passwords", "Secret、トークン、パスワードも含める";
    LeftOut: "Left out:", "含まれないもの：";
    ExportSvg: "Picture of this moment (SVG)", "この時点の図（SVG）";
    ExportPng: "Picture of this moment (PNG)", "この時点の図（PNG）";
    ExportAnimation: "Animation of the run (SVG)", "アニメーション（SVG）";
    ExportText: "Run, one line per event (text)", "全イベント（テキスト）";
    ExportMarkdown: "Run as a table (Markdown)", "表（Markdown）";
    ExportMermaid: "Run as a sequence diagram (Mermaid)", "シーケンス図（Mermaid）";
    ExportJson: "Run as JSON", "全イベント（JSON）";
    ExportPcapng: "Capture for Wireshark (pcapng)", "Wireshark 用キャプチャ（pcapng）";
    ExportSave: "Rules at this moment (iptables-save)", "この時点のルール（iptables-save）";
    ExportLab: "Lab for a real kernel (bash)", "実カーネル用ラボ（bash）";
    Columns: "packet | where | what happens", "パケット | 場所 | 起きること";
    NoPng: "The browser could not render the picture. Save it as SVG instead.", "ブラウザーが図を描画できませんでした。代わりに SVG で保存してください。";
    NothingToExport: "There is no run to export: send a packet first.", "書き出す内容がありません。先にパケットを送信してください。";
}

/// Why a link cannot be opened.
pub fn link_fault(f: &LinkFault, lang: Lang) -> String {
    match lang {
        Lang::En => {
            let why = match f {
                LinkFault::Broken => {
                    "it is truncated or was changed; copy the whole link".to_owned()
                }
                LinkFault::Version(v) if v == "1" => {
                    "it was made by a version before the first release; open the page that it \
                     came from and share again"
                        .to_owned()
                }
                LinkFault::Version(v) => format!(
                    "it has version {v} and this page reads version 2; load the page again, or \
                     open the link where it was made"
                ),
                LinkFault::TooLarge => {
                    format!("it exceeds {MOST_KIB} KiB; ask for the file instead")
                }
                LinkFault::TooManySteps(n) => {
                    format!("it has {n} steps; the limit is {MOST_STEPS}")
                }
                LinkFault::TooManyPackets(n) => {
                    format!("its steps send up to {n} packets; the limit is {MOST_PACKETS}")
                }
                LinkFault::Script(s) => format!("its Script has an error: {s}"),
            };
            format!("The link was not opened: {why}.")
        }
        Lang::Ja => {
            let why = match f {
                LinkFault::Broken => {
                    "リンクが途中で切れているか、変更されています。リンク全体をコピーしてください"
                        .to_owned()
                }
                LinkFault::Version(v) if v == "1" => {
                    "最初のリリースより前の版で作られたものです。作られたページを開いて、\
                     もう一度共有してください"
                        .to_owned()
                }
                LinkFault::Version(v) => format!(
                    "リンクの版は {v} で、ここで読めるのは 2 です。ページを読み込み直すか、\
                     作られたページで開いてください"
                ),
                LinkFault::TooLarge => {
                    format!("{MOST_KIB} KiB を超えています。代わりにファイルを受け取ってください")
                }
                LinkFault::TooManySteps(n) => {
                    format!("ステップが {n} 個あります。再生できるのは {MOST_STEPS} 個までです")
                }
                LinkFault::TooManyPackets(n) => format!(
                    "最大 {n} 個のパケットを送ります。再生できるのは {MOST_PACKETS} 個までです"
                ),
                LinkFault::Script(s) => format!("Script に誤りがあります: {s}"),
            };
            format!("リンクを開けませんでした。{why}。")
        }
    }
}

/// The title of an embed: who sends to whom.
pub fn embed_title(from: &str, to: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("Packetwalk: {from} to {to}"),
        Lang::Ja => format!("Packetwalk: {from} から {to} へ"),
    }
}

/// Something that a link leaves out: where it is, and what it is.
pub fn left_out(l: &LeftOut, lang: Lang) -> String {
    let place = match (l.place, lang) {
        (Place::Line(n), Lang::En) => format!("line {n}"),
        (Place::Step(n), Lang::En) => format!("step {n}"),
        (Place::Line(n), Lang::Ja) => format!("{n} 行目"),
        (Place::Step(n), Lang::Ja) => format!("ステップ {n}"),
    };
    let whole = match lang {
        Lang::En => "all of this YAML document, as it cannot be edited",
        Lang::Ja => "この YAML ドキュメント全体（編集できないため）",
    };
    let comma = match (l.object.is_empty(), lang) {
        (true, _) => "",
        (_, Lang::En) => ", ",
        (_, Lang::Ja) => "、",
    };
    format!("{place}{comma}{}: {}", l.object, l.field.as_deref().unwrap_or(whole))
}

/// What a link contains: the document, the number of steps, and the moment.
pub fn link_holds(steps: usize, moment: usize, lang: Lang) -> String {
    match (lang, steps) {
        (Lang::En, 0) => "The link contains the document.".to_owned(),
        (Lang::En, n) => format!(
            "The link contains the document, the session (actions: {n}) and this moment (step {moment})."
        ),
        (Lang::Ja, 0) => "リンクにはドキュメントが含まれます。".to_owned(),
        (Lang::Ja, n) => format!(
            "リンクにはドキュメント、セッション（操作 {n} 個）、この時点（ステップ {moment}）が含まれます。"
        ),
    }
}

/// A warning about a long link, with its length; `None`: the session does not fit into a link.
pub fn link_long(characters: Option<usize>, lang: Lang) -> String {
    match (lang, characters) {
        (Lang::En, Some(n)) => format!(
            "The link has {n} characters. Many programs truncate addresses after a few thousand: share the saved file instead."
        ),
        (Lang::En, None) => {
            "The session does not fit into a link. Share the saved file instead.".to_owned()
        }
        (Lang::Ja, Some(n)) => format!(
            "リンクは {n} 文字です。数千文字で切り捨てるプログラムが多いため、代わりに保存したファイルを共有してください。"
        ),
        (Lang::Ja, None) => {
            "セッションが大きすぎてリンクにできません。代わりに保存したファイルを共有してください。"
                .to_owned()
        }
    }
}

/// Who can see the contents of a link.
pub const fn link_private(lang: Lang) -> &'static str {
    match lang {
        Lang::En => {
            "Nothing is uploaded. The link contains everything after its #, which browsers do not send to servers. Anyone who has the link can read it."
        }
        Lang::Ja => {
            "データはアップロードされません。内容はすべてリンクの # 以降に含まれ、ブラウザーがサーバーに送信することはありません。リンクを知っている人は誰でも内容を読めます。"
        }
    }
}

/// What to do if the browser refuses to copy.
pub const fn link_by_hand(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "The browser blocked copying. The text is selected: press Ctrl+C (⌘C).",
        Lang::Ja => {
            "ブラウザーがコピーを許可しませんでした。テキストを選択してあるので、Ctrl+C（⌘C）を押してください。"
        }
    }
}

/// Where to paste a snippet, and what it needs.
pub const fn snippet_note(kind: Snippet, lang: Lang) -> &'static str {
    match (lang, kind) {
        (Lang::En, Snippet::Iframe) => {
            "For any page. The frame is sandboxed and loads the engine only when the reader starts it."
        }
        (Lang::En, Snippet::Element) => {
            "For any page; include the script once. The height follows the content. The element has events and play(), pause() and seek()."
        }
        (Lang::En, Snippet::MdBook) => "For a chapter, with an empty line before and after.",
        (Lang::En, Snippet::Docusaurus) => "For a page, .md or .mdx.",
        (Lang::En, Snippet::Hugo) => {
            "For a page. Create layouts/shortcodes/packetwalk.html once, with this content:"
        }
        (Lang::En, Snippet::Markdown) => {
            "For sites that strip frames, such as a README. Save the picture (under Files) as packetwalk.svg in the same folder."
        }
        (Lang::Ja, Snippet::Iframe) => {
            "どのページにも貼り付けられます。フレームはサンドボックス内で動作し、開始するまでエンジンを読み込みません。"
        }
        (Lang::Ja, Snippet::Element) => {
            "どのページにも貼り付けられます（script は 1 回だけ）。高さは内容に合わせて変わります。イベントと play()、pause()、seek() を利用できます。"
        }
        (Lang::Ja, Snippet::MdBook) => "章の中に、前後を 1 行空けて貼り付けます。",
        (Lang::Ja, Snippet::Docusaurus) => "ページ（.md、.mdx）に貼り付けます。",
        (Lang::Ja, Snippet::Hugo) => {
            "ページに貼り付けます。また、次の内容で layouts/shortcodes/packetwalk.html を作成します（1 回だけ）："
        }
        (Lang::Ja, Snippet::Markdown) => {
            "README など、フレームを使えない場所用です。図を packetwalk.svg として同じフォルダーに保存してください（「ファイル」から）。"
        }
    }
}

/// The number of interfaces in the capture.
pub fn capture_chosen(chosen: usize, all: usize, lang: Lang) -> String {
    match (lang, chosen) {
        (Lang::En, 0) => format!("Interfaces in the capture: all {all}"),
        (Lang::En, n) => format!("Interfaces in the capture: {n} of {all}"),
        (Lang::Ja, 0) => format!("キャプチャするインターフェース：全部（{all} 個）"),
        (Lang::Ja, n) => format!("キャプチャするインターフェース：{all} 個中 {n} 個"),
    }
}

/// The message that a run is too long for an animation.
pub fn animation_too_long(steps: usize, lang: Lang) -> String {
    match lang {
        Lang::En => {
            format!(
                "The run has {steps} hops between devices; an animation can have {MOST_FRAMES}. Send fewer packets at once."
            )
        }
        Lang::Ja => {
            format!(
                "デバイス間の移動が {steps} 回あります。アニメーションにできるのは {MOST_FRAMES} 回までです。一度に送信する数を減らしてください。"
            )
        }
    }
}

/// The message that a destination has no random endpoints.
pub fn no_draw(to: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{to} has no endpoints to choose from: remove the endpoint"),
        Lang::Ja => format!(
            "{to} には選択できるエンドポイントがありません。エンドポイントの指定を外してください"
        ),
    }
}

/// The message that a destination does not have this endpoint.
pub fn none_of_draw(endpoint: &str, to: &str, all: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("endpoint {endpoint}: the endpoints of {to} are {all}"),
        Lang::Ja => format!("エンドポイント {endpoint}：{to} のエンドポイントは {all} です"),
    }
}

/// The title of a group of senders or destinations.
pub fn group(group: &Group, end: End, lang: Lang) -> Cow<'static, str> {
    let (en, ja) = match (group, end) {
        (Group::Pods(of), End::From) if of.contains('/') => return of.to_string().into(),
        (Group::Pods(of), End::From) => return format!("Deployment {of}").into(),
        (Group::Pods(_), End::To) => ("Pods", "Pod"),
        (Group::Hosts, _) => ("Hosts", "ホスト"),
        (Group::Nodes, _) => ("Nodes", "ノード"),
        (Group::NodePorts, _) => ("Services: node ports", "Service：NodePort"),
        (Group::Outside, _) => ("Services: external addresses", "Service：外部アドレス"),
        (Group::ClusterIps, _) => ("Services: cluster IPs", "Service：ClusterIP"),
        (Group::OtherProtocol, _) => {
            ("Services: ports of another protocol", "Service：別のプロトコルのポート")
        }
        (Group::Gateway, _) => ("Gateway", "ゲートウェイ"),
    };
    if lang == Lang::En { en.into() } else { ja.into() }
}

/// The button that adds an item to a list.
pub fn add_item(name: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("Add {name}"),
        Lang::Ja => format!("{name} を追加"),
    }
}

/// The note below a list that shows some of its choices.
pub fn more_choices(more: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{more} more: type part of a name or address"),
        Lang::Ja => format!("ほか {more} 件。名前やアドレスの一部を入力してください"),
    }
}

/// The number of Services that a menu does not show, and how to find them.
pub fn more_services(more: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("… and {more} more: type to filter"),
        Lang::Ja => format!("… ほか {more} 件（入力して絞り込む）"),
    }
}

/// The message that a text is not a number in a range.
pub fn out_of_range(text: &str, (first, last): (u32, u32), lang: Lang) -> String {
    match lang {
        Lang::En => format!("{text}: write a number from {first} to {last}"),
        Lang::Ja => format!("{text}：{first}〜{last} の数値を指定してください"),
    }
}

/// The message that a text is not an endpoint.
pub fn no_endpoint(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => {
            format!("endpoint {text:?}: write an address or address:port, such as 10.1.6.5:80")
        }
        Lang::Ja => format!(
            "エンドポイント {text:?}：アドレス、またはアドレス:ポートを指定してください（例：10.1.6.5:80）"
        ),
    }
}

//! What is said of links, of embeds and of files.

use super::Lang;
use crate::app::link::{LinkFault, MOST_KIB, MOST_PACKETS, MOST_STEPS};
use crate::embed::Snippet;
use crate::svg::MOST_FRAMES;

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
    KeepSecrets: "Keep Secrets and tokens", "Secret とトークンも含める";
    LeftOut: "Left out: the data of Secrets, tokens, and last-applied-configuration.", "Secret のデータ、トークン、last-applied-configuration は含まれません。";
    ExportSvg: "Picture of this moment (SVG)", "この時点の図（SVG）";
    ExportPng: "Picture of this moment (PNG)", "この時点の図（PNG）";
    ExportAnimation: "The run, moving (SVG)", "動く図（SVG）";
    ExportText: "The run, a line an event", "全イベント（テキスト）";
    ExportMarkdown: "The run as a table (Markdown)", "表（Markdown）";
    ExportMermaid: "The run as a sequence (Mermaid)", "シーケンス図（Mermaid）";
    ExportJson: "The run for programs (JSON)", "プログラム用（JSON）";
    ExportPcapng: "Capture for Wireshark (pcapng)", "Wireshark 用キャプチャ（pcapng）";
    ExportSave: "Rules at this moment (iptables-save)", "この時点のルール（iptables-save）";
    ExportLab: "Lab for a real kernel (bash)", "実カーネル用ラボ（bash）";
    NoPng: "The browser could not paint the picture. Save it as SVG.", "ブラウザーが図を描けませんでした。SVG で保存してください。";
    NothingToExport: "There is nothing to write yet: send a packet first.", "まだ書き出すものがありません。先にパケットを送ってください。";
}

/// Why a link cannot be opened.
pub fn link_fault(f: &LinkFault, lang: Lang) -> String {
    match lang {
        Lang::En => {
            let why = match f {
                LinkFault::Broken => {
                    "a part of it is missing or was changed; copy all of it, to its last character"
                        .to_owned()
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
                    format!("it holds more than {MOST_KIB} KiB; ask for the file instead")
                }
                LinkFault::TooManySteps(n) => {
                    format!("it holds {n} steps, and no more than {MOST_STEPS} are played")
                }
                LinkFault::TooManyPackets(n) => format!(
                    "its steps send up to {n} packets, and no more than {MOST_PACKETS} are played"
                ),
                LinkFault::Script(s) => format!("its Script has an error: {s}"),
            };
            format!("The link was not opened: {why}.")
        }
        Lang::Ja => {
            let why = match f {
                LinkFault::Broken => {
                    "一部が欠けているか、書き換わっています。最後の文字まですべてコピーしてください"
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
                    format!("{MOST_KIB} KiB を超えています。代わりにファイルをもらってください")
                }
                LinkFault::TooManySteps(n) => {
                    format!("操作が {n} 個あります。再生できるのは {MOST_STEPS} 個までです")
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

/// What a link holds: so many things that were done, and the moment behind so many steps.
pub fn link_holds(steps: usize, moment: usize, lang: Lang) -> String {
    match (lang, steps) {
        (Lang::En, 0) => "It holds the text.".to_owned(),
        (Lang::En, n) => {
            format!("It holds the text, what was done ({n}), and this moment (step {moment}).")
        }
        (Lang::Ja, 0) => "テキストが入っています。".to_owned(),
        (Lang::Ja, n) => {
            format!("テキスト、行った操作（{n} 個）、この時点（ステップ {moment}）が入っています。")
        }
    }
}

/// That a link is so long that it may be cut; none: too long to be opened at all.
pub fn link_long(characters: Option<usize>, lang: Lang) -> String {
    match (lang, characters) {
        (Lang::En, Some(n)) => format!(
            "It has {n} characters, and many programs cut an address behind some thousand. Give the file instead: it holds the text."
        ),
        (Lang::En, None) => {
            "It is too much for a link. Give the file instead: it holds the text.".to_owned()
        }
        (Lang::Ja, Some(n)) => format!(
            "{n} 文字あります。数千文字で切ってしまうプログラムが多いので、代わりにファイルを渡してください（テキストが入ります）。"
        ),
        (Lang::Ja, None) => {
            "リンクには大きすぎます。代わりにファイルを渡してください（テキストが入ります）。"
                .to_owned()
        }
    }
}

/// Where what is in a link goes: nowhere.
pub const fn link_private(lang: Lang) -> &'static str {
    match lang {
        Lang::En => {
            "Nothing is sent anywhere. Everything is in the link itself, behind #, which a browser keeps to itself. Whoever has the link can read it."
        }
        Lang::Ja => {
            "どこにも送信されません。すべてリンク自体の # の後ろに入っていて、ブラウザーはそれをサーバーに送りません。リンクを持つ人は誰でも読めます。"
        }
    }
}

/// What to do where a browser does not let the page copy.
pub const fn link_by_hand(lang: Lang) -> &'static str {
    match lang {
        Lang::En => {
            "The browser does not let the page copy. The text is selected: press Ctrl+C (⌘C)."
        }
        Lang::Ja => {
            "ブラウザーがコピーを許可しません。テキストは選択されています。Ctrl+C（⌘C）を押してください。"
        }
    }
}

/// Where a snippet goes, and what it needs there.
pub const fn snippet_note(kind: Snippet, lang: Lang) -> &'static str {
    match (lang, kind) {
        (Lang::En, Snippet::Iframe) => {
            "Into any page. The frame is sandboxed; until it is clicked it holds a small script and no engine."
        }
        (Lang::En, Snippet::Element) => {
            "Into any page, the script once. As high as what it shows; it has events and play(), pause(), seek()."
        }
        (Lang::En, Snippet::MdBook) => "Into a chapter, with an empty line before and behind it.",
        (Lang::En, Snippet::Docusaurus) => "Into a page, .md or .mdx.",
        (Lang::En, Snippet::Hugo) => {
            "Into a page; and once, into layouts/shortcodes/packetwalk.html:"
        }
        (Lang::En, Snippet::Markdown) => {
            "Where frames are left out, as in a README: save the picture beside it as packetwalk.svg (under Files)."
        }
        (Lang::Ja, Snippet::Iframe) => {
            "どのページにも貼れます。フレームはサンドボックスの中で動き、クリックするまでエンジンは読み込まれません。"
        }
        (Lang::Ja, Snippet::Element) => {
            "どのページにも貼れます（script は 1 回だけ）。高さは内容に合い、イベントと play()、pause()、seek() があります。"
        }
        (Lang::Ja, Snippet::MdBook) => "章の中に、前後を 1 行空けて貼ります。",
        (Lang::Ja, Snippet::Docusaurus) => "ページ（.md、.mdx）の中に貼ります。",
        (Lang::Ja, Snippet::Hugo) => {
            "ページの中に貼ります。次の内容を layouts/shortcodes/packetwalk.html に 1 回だけ置きます："
        }
        (Lang::Ja, Snippet::Markdown) => {
            "README などフレームの使えない所に。図を packetwalk.svg として隣に保存してください（「ファイル」から）。"
        }
    }
}

/// Of how many interfaces a capture is written.
pub fn capture_chosen(chosen: usize, all: usize, lang: Lang) -> String {
    match (lang, chosen) {
        (Lang::En, 0) => format!("Interfaces in the capture: all {all}"),
        (Lang::En, n) => format!("Interfaces in the capture: {n} of {all}"),
        (Lang::Ja, 0) => format!("キャプチャするインターフェース：全部（{all} 個）"),
        (Lang::Ja, n) => format!("キャプチャするインターフェース：{all} 個中 {n} 個"),
    }
}

/// That a run is too long to move in a picture.
pub fn animation_too_long(steps: usize, lang: Lang) -> String {
    match lang {
        Lang::En => {
            format!(
                "The run has {steps} steps from device to device, and a picture that moves holds {MOST_FRAMES}: send less at once."
            )
        }
        Lang::Ja => {
            format!(
                "機器から機器への手順が {steps} あります。動く図に入るのは {MOST_FRAMES} までです。一度に送る数を減らしてください。"
            )
        }
    }
}

/// That chance does not choose for a target.
pub fn no_draw(to: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{to} is not drawn by chance: leave the endpoint out"),
        Lang::Ja => format!("{to} は抽選されません。エンドポイントの指定を外してください"),
    }
}

/// That an endpoint is none of those that chance chooses among.
pub fn none_of_draw(endpoint: &str, to: &str, all: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("endpoint {endpoint}: {to} is drawn among {all}"),
        Lang::Ja => format!("エンドポイント {endpoint}：{to} の抽選の対象は {all} です"),
    }
}

/// That a text is no endpoint.
pub fn no_endpoint(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => {
            format!("endpoint {text:?}: write an address or address:port, such as 10.1.6.5:80")
        }
        Lang::Ja => format!(
            "エンドポイント {text:?}：10.1.6.5:80 のように、アドレス、またはアドレスとポートを書いてください"
        ),
    }
}

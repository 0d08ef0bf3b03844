//! What is said of links.

use super::Lang;
use crate::app::link::{LinkFault, MOST_KIB, MOST_PACKETS, MOST_STEPS};

/// Why a link cannot be opened.
pub fn link_fault(f: &LinkFault, lang: Lang) -> String {
    match lang {
        Lang::En => {
            let why = match f {
                LinkFault::Broken => "a part of it is missing or was changed; copy all of it, to its last character".to_owned(),
                LinkFault::Version(v) => {
                    format!("it is of version {v} and version 1 is read here; load the page again, or open it where it was made")
                }
                LinkFault::TooLarge => format!("it holds more than {MOST_KIB} KiB; ask for the file instead"),
                LinkFault::TooManySteps(n) => format!("it holds {n} steps, and no more than {MOST_STEPS} are played"),
                LinkFault::TooManyPackets(n) => format!("its steps send up to {n} packets, and no more than {MOST_PACKETS} are played"),
                LinkFault::Step(s) => format!("it holds something that is no step: {s}"),
            };
            format!("The link was not opened: {why}.")
        }
        Lang::Ja => {
            let why = match f {
                LinkFault::Broken => "一部が欠けているか、書き換わっています。最後の文字まですべてコピーしてください".to_owned(),
                LinkFault::Version(v) => {
                    format!("リンクの版は {v} で、ここで読めるのは 1 です。ページを読み込み直すか、作られたページで開いてください")
                }
                LinkFault::TooLarge => format!("{MOST_KIB} KiB を超えています。代わりにファイルをもらってください"),
                LinkFault::TooManySteps(n) => format!("操作が {n} 個あります。再生できるのは {MOST_STEPS} 個までです"),
                LinkFault::TooManyPackets(n) => format!("最大 {n} 個のパケットを送ります。再生できるのは {MOST_PACKETS} 個までです"),
                LinkFault::Step(s) => format!("操作として読めないものがあります: {s}"),
            };
            format!("リンクを開けませんでした。{why}。")
        }
    }
}

/// What a link holds: so many things that were done, and the moment behind so many steps.
pub fn link_holds(steps: usize, moment: usize, lang: Lang) -> String {
    match (lang, steps) {
        (Lang::En, 0) => "It holds the text.".to_owned(),
        (Lang::En, n) => format!("It holds the text, what was done ({n}), and this moment (step {moment})."),
        (Lang::Ja, 0) => "テキストが入っています。".to_owned(),
        (Lang::Ja, n) => format!("テキスト、行った操作（{n} 個）、この時点（ステップ {moment}）が入っています。"),
    }
}

/// That a link is so long that it may be cut; none: too long to be opened at all.
pub fn link_long(characters: Option<usize>, lang: Lang) -> String {
    match (lang, characters) {
        (Lang::En, Some(n)) => format!(
            "It has {n} characters, and many programs cut an address behind some thousand. Give the file instead: it holds the text."
        ),
        (Lang::En, None) => "It is too much for a link. Give the file instead: it holds the text.".to_owned(),
        (Lang::Ja, Some(n)) => format!(
            "{n} 文字あります。数千文字で切ってしまうプログラムが多いので、代わりにファイルを渡してください（テキストが入ります）。"
        ),
        (Lang::Ja, None) => "リンクには大きすぎます。代わりにファイルを渡してください（テキストが入ります）。".to_owned(),
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
        Lang::En => "The browser does not let the page copy. The link is selected: press Ctrl+C (⌘C).",
        Lang::Ja => "ブラウザーがコピーを許可しません。リンクは選択されています。Ctrl+C（⌘C）を押してください。",
    }
}

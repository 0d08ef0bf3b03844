//! The texts of `guard.js` and `embed.js`, which are shown without the engine. The build writes
//! them into these scripts. `{0}`, `{1}` are replaced there.

use super::{Give, Lang, give};
use std::collections::BTreeMap;

super::ui::texts! { Load, load:
    YourDocument: "Your document, to copy:", "編集していたドキュメント（コピーできます）：";
    Unsupported: "This browser cannot run Packetwalk.", "このブラウザーでは Packetwalk を実行できません。";
    UnsupportedHint: "It needs WebAssembly: use Chrome 96, Firefox 89, Safari 15 or later.", "WebAssembly が必要です。Chrome 96、Firefox 89、Safari 15 以降をご利用ください。";
    Panicked: "Packetwalk stopped because of an internal error.", "内部エラーのため、Packetwalk は停止しました。";
    PanickedHint: "Copy what you need from here, then reload the page.", "必要な内容をコピーしてから、ページを再読み込みしてください。";
    NotLoaded: "The engine could not be loaded, so nothing can be sent or edited.", "エンジンを読み込めなかったため、送信と編集はできません。";
    NotLoadedHint: "Check the network connection, then try again.", "ネットワーク接続を確認して、もう一度お試しください。";
    Retry: "Try again", "再試行";
    Loading: "Loading…", "読み込んでいます…";
    Start: "▶ Walk through it", "▶ 再生する";
    StartAt: "▶ Walk through it from step {0}", "▶ ステップ {0} から再生する";
    NoWebAssembly: "This browser cannot run Packetwalk: it has no WebAssembly.", "このブラウザーは WebAssembly に対応していないため、Packetwalk を実行できません。";
    NotFetched: "The engine could not be loaded. Check the network connection.", "エンジンを読み込めませんでした。ネットワーク接続を確認してください。";
    Blocked: "The browser or the content security policy of this page blocked the engine: {0}", "ブラウザーまたはこのページのコンテンツセキュリティポリシーがエンジンの実行を拒否しました: {0}";
    NotStarted: "The engine could not be started: {0}", "エンジンを起動できませんでした: {0}";
    Comma: ", ", "、";
    Or: " or ", "、";
    WrongWord: "{0}: write {1}.", "{0}：{1} のいずれかを指定してください。";
    WrongStep: "{0}: write a step number, such as 12; 0 is the start.", "{0}：12 のようなステップ番号を指定してください（0 は開始時点）。";
    WrongPreset: "{0}: unknown; the presets are {1}.", "{0}：不明なプリセットです。指定できるのは {1} です。";
    WrongPoster: "{0}: write the name of an SVG file in the folder of this page.", "{0}：このページと同じフォルダーにある SVG ファイルの名前を指定してください。";
    UnknownParameter: "{0}: unknown parameter; the parameters are {1}.", "{0}：不明なパラメーターです。指定できるのは {1} です。";
    StepTooFar: "{0}: the last step is {1}.", "{0}：最後のステップは {1} です。";
}

/// All of them as JSON, `{"en": {"Retry": "Try again", …}, "ja": …}`.
pub fn load_words() -> String {
    let texts = |lang: Lang| -> BTreeMap<&str, &str> {
        let own = Load::ALL.iter().map(|(name, text)| (*name, load(*text, lang)));
        own.chain([("OpenHere", give(Give::OpenHere, lang))]).collect()
    };
    let all = [Lang::En, Lang::Ja].map(|lang| (lang.tag(), texts(lang)));
    serde_json::json!(BTreeMap::from(all)).to_string()
}

//! A Service of which some endpoints answer.

use super::{Lang, en, ja};
use play::repair::Reached;

/// How many endpoints answer.
pub fn counts(answering: usize, all: usize, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{answering} of {all} endpoints answer."),
        Lang::Ja => format!("{all} 個のエンドポイントのうち {answering} 個が応答します。"),
    }
}

/// What comes of the connections to an endpoint that does not answer; `share` of them in percent.
pub fn endpoint(r: &Reached, share: f64, why: &str, lang: Lang) -> String {
    let to = &r.endpoint;
    let got = r.outcome.as_ref().map(|o| match lang {
        Lang::En => en::outcome(o),
        Lang::Ja => ja::outcome(o),
    });
    let got = got.unwrap_or_default();
    match lang {
        Lang::En => format!("Connections to `{to}` ({share:.0} %): {got} {why}"),
        Lang::Ja => format!("`{to}` への接続（{share:.0} %）: {got}{why}"),
    }
}

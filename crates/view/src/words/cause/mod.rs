//! The chain of a cause in sentences.

mod en;
mod ja;

use super::{Context, Lang};
use play::Cause;
use play::cause::{Link, Origin, RuleRef};

/// A link as a sentence.
pub fn link(c: &Context<'_>, l: &Link, lang: Lang) -> String {
    match lang {
        Lang::En => en::fact(c, l),
        Lang::Ja => ja::fact(c, l),
    }
}

/// Where a link's value is in the text.
pub fn origin(o: &Origin, lang: Lang) -> String {
    let (object, field, line) = (&o.object, &o.field, o.span.line);
    match lang {
        Lang::En => format!("`{object}`, `{field}`, line {line}"),
        Lang::Ja => format!("`{object}` の `{field}`、{line} 行目"),
    }
}

/// A line about the losses that decided nothing; none if there are none.
pub fn others(n: usize, lang: Lang) -> Option<String> {
    (n > 0).then(|| match (lang, n) {
        (Lang::En, 1) => "1 other loss did not matter.".to_owned(),
        (Lang::En, n) => format!("{n} other losses did not matter."),
        (Lang::Ja, n) => format!("ほかに {n} 個のパケットが失われましたが、影響はありません。"),
    })
}

/// The heading of the chain.
pub const fn heading(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "Why",
        Lang::Ja => "経緯",
    }
}

/// A line of the chain.
pub struct Line {
    /// The event.
    pub event: usize,
    /// The sentence.
    pub text: String,
    /// Whether this decided it.
    pub decided: bool,
    /// Where in the text it comes from.
    pub origin: Option<String>,
    /// Whether it is so on purpose.
    pub control: bool,
}

/// The chain, line by line.
pub fn lines(c: &Context<'_>, cause: &Cause, lang: Lang) -> Vec<Line> {
    let line = |(i, l): (usize, &Link)| Line {
        event: l.event,
        text: link(c, l, lang),
        decided: cause.decided == Some(i),
        origin: l.origin.as_ref().map(|o| origin(o, lang)),
        control: l.fact.is_control(),
    };
    cause.links.iter().enumerate().map(line).collect()
}

/// A rule without its chain, which is named beside it.
fn bare(rule: &RuleRef) -> &str {
    rule.text.strip_prefix(&format!("-A {} ", rule.chain)).unwrap_or(&rule.text)
}

/// An address, with its port if the protocol has any.
fn shown(a: &net::socket::AddrPort) -> String {
    if a.port == 0 { a.addr.to_string() } else { a.to_string() }
}

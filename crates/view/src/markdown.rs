//! A run as Markdown: CommonMark with the tables of GitHub. Names and commands are escaped: they
//! stay the text of their cell.

use crate::labels::NetnsLabels;
use crate::story::{self, Grain};
use crate::words::{Context, Give, Lang, cause, give, pieces, sentence, verdict};
use net::{Event, State};
use play::Run;
use std::fmt::Write;

/// The steps of a run as a table, followed by its verdict.
pub fn run(state: &State, events: &[Event], labels: &NetnsLabels, run: &Run, lang: Lang) -> String {
    let c = Context { state, labels };
    let mut out =
        format!("| # | s | {} |\n| --: | --: | --: | --- | --- |\n", give(Give::Columns, lang));
    for i in run.events.clone() {
        let e = &events[i];
        if !story::shown(e, state, Grain::Decisions) {
            continue;
        }
        let packet = e.packet.map(|p| p.0.to_string()).unwrap_or_default();
        let place = story::place(e, state, labels);
        let _ = writeln!(
            out,
            "| {i} | {} | {packet} | {} | {} |",
            e.at,
            code(&place),
            rich(&sentence(&c, e, lang))
        );
    }
    let _ = writeln!(out, "\n**{}**", rich(&verdict(&c, &run.verdict, lang)));
    let why = cause::lines(&c, &run.verdict.cause, lang);
    if !why.is_empty() {
        let _ = writeln!(out, "\n{}:\n", cause::heading(lang));
    }
    for l in why {
        let text = rich(&l.text);
        let text = if l.decided { format!("**{text}**") } else { text };
        let origin = l.origin.map(|o| format!(" ({})", rich(&o))).unwrap_or_default();
        let _ = writeln!(out, "- {}: {text}{origin}", l.event);
    }
    out
}

/// A sentence, with its `code` as code spans.
pub(crate) fn rich(sentence: &str) -> String {
    pieces(sentence)
        .iter()
        .map(|(text, is_code)| if *is_code { code(text) } else { plain(text) })
        .collect()
}

/// Escapes every character that Markdown gives a meaning, so that text stays text.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Every character with a meaning; `://`, `@` and `www.` because GitHub turns bare addresses
        // into links.
        let begins = matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '['
                | ']'
                | '<'
                | '>'
                | '&'
                | '|'
                | '!'
                | '~'
                | '@'
                | '$'
                | '#'
        ) || (c == '/' && out.ends_with(':'))
            || (c == '.' && out.to_ascii_lowercase().ends_with("www"));
        if begins {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

/// A code span, with as many backquotes as its text needs.
fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().is_empty() {
        return String::new();
    }
    // A table is split into cells before the text of a cell is parsed.
    let text = text.replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{room}{text}{room}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::rng::Rng;
    use pulldown_cmark::{Event as Md, Options, Parser, Tag, TagEnd};

    /// The rendered text of the only cell of a table.
    fn seen(cell: &str) -> String {
        let page = format!("| a |\n| --- |\n| x{cell}x |\n");
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM;
        let (mut out, mut cells) = (String::new(), 0);
        for e in Parser::new_ext(&page, options) {
            match e {
                Md::Text(t) | Md::Code(t) => out.push_str(&t),
                Md::Start(Tag::TableCell) => {
                    cells += 1;
                    out.clear();
                }
                Md::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow) => {}
                Md::End(
                    TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell,
                ) => {}
                other => panic!("{cell:?} became {other:?}"),
            }
        }
        assert_eq!(cells, 2, "{cell:?}");
        out
    }

    #[test]
    fn hostile_text_stays_text() {
        let parts = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[a](javascript:alert(1))",
            "![a](http://x)",
            "`",
            "``",
            "|",
            "\\",
            "\\|",
            "*",
            "**",
            "_",
            "~~",
            "<!--",
            "-->",
            "&lt;",
            "&#60;",
            "http://evil.example",
            "www.evil.example",
            "a@b.example",
            "$x$",
            "$$",
            "#",
            "\n",
            "\r\n\r\n",
            "\t",
            " ",
            "x",
            "二",
            "---",
            "| - |",
            "[^1]",
            "[x]: y",
            "://",
            ":",
            "<https://x>",
            "{{",
            "}}",
            "\u{0}",
        ];
        let mut rng = Rng::new(3);
        for n in 0..5_000u64 {
            let some = (0..1 + n % 6).map(|_| parts[rng.below(parts.len() as u64) as usize]);
            let text: String = some.collect();
            let said = |t: &str| {
                t.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
            };
            assert_eq!(seen(&plain(&text)), format!("x{}x", said(&text)), "{text:?}");
            let words = said(&text);
            if !words.trim().is_empty() {
                assert_eq!(
                    seen(&format!(" {} ", code(&text))).replace(' ', ""),
                    format!("x{words}x").replace(' ', ""),
                    "{text:?}"
                );
            }
        }
    }
}

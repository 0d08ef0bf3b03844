//! What every line of source is held to: its width, and the words it does without.

use super::{checkout, with_ending};
use support::read;

/// The greatest width of a line, in characters. Text in string literals does not count: it is as
/// long as what it says.
const WIDTH: usize = 100;

/// Words that have to be decoded, and what says the same in plain English (lower case).
const BANNED: &[(&str, &str)] = &[
    ("manieth", "a number, or \"count\""),
    ("so many", "the number, or what it counts"),
    ("is told", "name what is reported, printed or shown"),
    ("are told", "name what is reported, printed or shown"),
    ("that is none", "say what it is not"),
    ("it is none", "say what it is not"),
    ("what is not said", "\"missing fields\""),
    ("says so", "name what it prints"),
    ("away with", "\"removes\""),
    ("stands behind", "\"follows\""),
    ("stands beside", "\"is next to\""),
    ("somebody", "name the reader, the caller or the client"),
    ("the page around", "\"the parent page\""),
];

#[test]
fn no_line_of_code_is_wider_than_the_page() {
    let mut wide = Vec::new();
    for file in with_ending(&["rs", "mjs", "js", "ts", "css", "py", "sh"]) {
        let text = read(&file);
        let quotes: &[char] = match file.extension().and_then(|e| e.to_str()) {
            Some("rs") => &['"'],
            Some("css" | "sh") => &[],
            _ => &['"', '\'', '`'],
        };
        for (number, columns) in code_widths(&text, quotes).into_iter().enumerate() {
            if columns > WIDTH {
                wide.push(format!("{}:{}: {columns}", file.display(), number + 1));
            }
        }
    }
    assert!(wide.is_empty(), "lines of more than {WIDTH} characters:\n{}", wide.join("\n"));
}

/// The width of each line without the text of its string literals, which may span lines.
fn code_widths(text: &str, quotes: &[char]) -> Vec<usize> {
    let mut widths = Vec::new();
    // The quote that ends the literal, and how many # follow it.
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        let chars: Vec<char> = line.chars().collect();
        let (mut i, mut width) = (0, 0);
        while i < chars.len() {
            let c = chars[i];
            match open {
                Some((_, 0)) if c == '\\' => i += 1,
                Some((quote, hashes)) if c == quote => {
                    let after = &chars[i + 1..];
                    if after.len() >= hashes && after[..hashes].iter().all(|c| *c == '#') {
                        open = None;
                        width += 1;
                        i += hashes;
                    }
                }
                Some(_) => {}
                None => {
                    width += 1;
                    let comment = c == '/' && chars.get(i + 1) == Some(&'/');
                    if comment {
                        width += chars.len() - i - 1;
                        break;
                    }
                    // A character literal of Rust is no string: '"'.
                    let literal = c == '\'' && !quotes.contains(&'\'');
                    if literal && chars.get(i + 2) == Some(&'\'') {
                        i += 2;
                        width += 2;
                    } else if quotes.contains(&c) {
                        let hashes = chars[..i].iter().rev().take_while(|c| **c == '#').count();
                        open = Some((c, hashes));
                    }
                }
            }
            i += 1;
        }
        // What is in quotes of ' and " ends with its line.
        if matches!(open, Some((q, 0)) if q != '`' && quotes.len() > 1) {
            open = None;
        }
        widths.push(width);
    }
    widths
}

#[test]
fn nothing_has_to_be_decoded() {
    let mut found = Vec::new();
    let own = checkout().join("tests/tidy/lines.rs");
    for file in with_ending(&["rs", "mjs", "js", "ts", "css", "py", "sh", "md", "toml", "html"]) {
        if file == own {
            continue;
        }
        for (number, line) in read(&file).lines().enumerate() {
            let lower = line.to_lowercase();
            for (banned, instead) in BANNED {
                if lower.contains(banned) {
                    let place = format!("{}:{}", file.display(), number + 1);
                    found.push(format!("{place}: {banned:?}; write {instead}"));
                }
            }
        }
    }
    assert!(found.is_empty(), "{} sentences to rewrite:\n{}", found.len(), found.join("\n"));
}

//! Prints elements as SVG text. Names from a document are escaped.

use crate::picture::{Child, Element};
use std::fmt::Write;

/// Prints an element without its controls and description.
pub(super) fn print(out: &mut String, e: &Element) {
    let _ = write!(out, "<{}", e.name);
    for (name, value) in &e.attributes {
        let _ = write!(out, " {name}=\"{}\"", escaped(value));
    }
    if e.children.is_empty() {
        return out.push_str("/>");
    }
    out.push('>');
    for child in &e.children {
        match child {
            Child::Element(e) => print(out, e),
            Child::Text(text) => out.push_str(&escaped(text)),
        }
    }
    let _ = write!(out, "</{}>", e.name);
}

/// Text between tags or in quotes. A character that XML 1.0 does not allow (section 2.2) becomes
/// U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::text;

    #[test]
    fn a_name_is_text_and_what_only_the_page_needs_is_left_out() {
        let mut e = text("mono", 1.0, -0.04, "a\u{7}<b>&\"\n");
        e.controls.push(("role", "button".into()));
        e.description = Some("a name".to_owned());
        let mut out = String::new();
        print(&mut out, &e);
        let printed =
            "<text class=\"mono\" x=\"1.0\" y=\"0.0\">a\u{fffd}&lt;b&gt;&amp;&quot; </text>";
        assert_eq!(out, printed);
        e.attributes[0].1 = "\"><script>".into();
        out.clear();
        print(&mut out, &e);
        assert!(out.starts_with("<text class=\"&quot;&gt;&lt;script&gt;\""), "{out}");
    }
}

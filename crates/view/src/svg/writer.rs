//! Writes SVG. Whatever is drawn, a name from a document is text and nothing else.

use crate::layout::Rect;
use crate::px::Px;
use std::fmt::Write;

/// SVG as it is being written.
#[derive(Default)]
pub(super) struct SvgWriter(pub(super) String);

impl SvgWriter {
    /// Begins a group.
    pub(super) fn open(&mut self, class: &str) {
        let _ = write!(self.0, "<g class=\"{}\">", class.trim());
    }

    /// Ends it.
    pub(super) fn close(&mut self) {
        self.0.push_str("</g>");
    }

    /// A group.
    pub(super) fn group(&mut self, class: &str, draw: impl FnOnce(&mut Self)) {
        self.open(class);
        draw(self);
        self.close();
    }

    /// A rectangle with round corners.
    pub(super) fn rect(&mut self, class: &str, r: &Rect, rx: f32) {
        let (x, y, w, h) = (Px(r.x), Px(r.y), Px(r.w), Px(r.h));
        let _ = write!(
            self.0,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{}\"/>",
            Px(rx)
        );
    }

    /// A line of text.
    pub(super) fn text(&mut self, class: &str, x: f32, y: f32, text: &str) {
        let _ = write!(
            self.0,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
            Px(x),
            Px(y),
            escaped(text)
        );
    }

    /// A line of text in pieces: the class of each, the room before it, what it says.
    pub(super) fn spans(&mut self, class: &str, (x, y): (f32, f32), spans: &[(&str, f32, &str)]) {
        let _ = write!(
            self.0,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\" xml:space=\"preserve\">",
            Px(x),
            Px(y)
        );
        for (class, dx, text) in spans {
            let room = if *dx == 0.0 { String::new() } else { format!(" dx=\"{}\"", Px(*dx)) };
            let _ = write!(self.0, "<tspan class=\"{class}\"{room}>{}</tspan>", escaped(text));
        }
        self.0.push_str("</text>");
    }

    /// A path.
    pub(super) fn path(&mut self, class: &str, d: &str) {
        let _ = write!(self.0, "<path class=\"{class}\" d=\"{d}\"/>");
    }
}

/// Text between tags or in quotes. What XML 1.0 has no sign for (section 2.2) becomes U+FFFD.
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

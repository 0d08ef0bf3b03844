//! The sentence of a step below the picture. SVG does not break lines: they are broken here, by
//! estimated character widths.

use super::print;
use crate::app::App;
use crate::picture::{Span, spans, text};
use crate::story::place;
use crate::words::{Context, pieces, sentence};

/// The margin at the left and right, in pixels.
const EDGE: f32 = 16.0;
/// The line height, in pixels.
const LINE: f32 = 19.0;
/// The height above the first baseline, with the row of count and place, in pixels.
const HEAD: f32 = 42.0;

/// The caption of a step.
pub(super) struct Caption {
    /// Number of the step and of all steps: `12 / 140`.
    count: String,
    /// Where the step happens: `node01 PREROUTING nat`.
    place: String,
    /// The lines, each in pieces: whether it is code, and the text.
    lines: Vec<Vec<(bool, String)>>,
    /// The sentence in one line, without markup.
    pub(super) plain: String,
}

impl Caption {
    /// The caption of the current step, if there is one.
    pub(super) fn new(app: &App, width: f32) -> Option<Self> {
        let (l, e) = app.current_event()?;
        let said =
            sentence(&Context { state: l.session.last(), labels: &l.labels }, e, app.chrome.lang);
        Some(Self {
            count: format!("{} / {}", app.step(), app.derived.steps.len()),
            place: place(e, l.session.last(), &l.labels),
            lines: broken(&said, width - 2.0 * EDGE),
            plain: said.replace('`', ""),
        })
    }

    /// The height that [`Self::drawn`] takes, in pixels.
    pub(super) fn height(&self) -> f32 {
        HEAD + LINE * self.lines.len() as f32
    }

    /// The SVG elements of the caption, from `y` downwards.
    pub(super) fn drawn(&self, y: f32) -> String {
        let place_x = EDGE + self.count.chars().count() as f32 * 6.8 + 14.0;
        let mut rows = vec![
            text("said-count", EDGE, y + 20.0, &self.count),
            text("said-place", place_x, y + 20.0, &self.place),
        ];
        for (line, n) in self.lines.iter().zip(0_u8..) {
            let words = line.iter().map(|(code, text)| Span {
                class: code.then_some("said-code"),
                room: None,
                text,
            });
            let y = y + HEAD + LINE * f32::from(n);
            // The spaces between the pieces are kept.
            rows.push(spans("said", (EDGE, y), words).with("xml:space", "preserve"));
        }
        let mut out = String::new();
        rows.iter().for_each(|row| print(&mut out, row));
        out
    }
}

/// The estimated width of a character, in pixels.
fn room(c: char, code: bool) -> f32 {
    match (c.is_ascii(), code) {
        (true, true) => 7.4,
        (true, false) => 6.8,
        (false, _) => 13.0,
    }
}

/// Breaks a sentence into lines: at spaces, in Japanese anywhere, and in a word that is longer
/// than a line.
fn broken(sentence: &str, width: f32) -> Vec<Vec<(bool, String)>> {
    let mut lines: Vec<Vec<(bool, String)>> = vec![Vec::new()];
    let mut used = 0.0;
    for (text, code) in pieces(sentence) {
        for word in words(&text) {
            let long: f32 = word.chars().map(|c| room(c, code)).sum();
            if used + long > width && used > 0.0 && word != " " {
                lines.push(Vec::new());
                used = 0.0;
            }
            for c in word.chars() {
                if used + room(c, code) > width {
                    lines.push(Vec::new());
                    used = 0.0;
                }
                if used == 0.0 && c == ' ' {
                    continue;
                }
                used += room(c, code);
                let Some(line) = lines.last_mut() else { continue };
                match line.last_mut() {
                    Some((same, t)) if *same == code => t.push(c),
                    _ => line.push((code, c.to_string())),
                }
            }
        }
    }
    lines.retain(|l| !l.is_empty());
    lines
}

/// The units that stay on one line: a space, an ASCII word, or one other character.
fn words(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in text.chars() {
        let letter = c.is_ascii() && c != ' ';
        match out.last_mut() {
            Some(last) if letter && in_word => last.push(c),
            _ => out.push(c.to_string()),
        }
        in_word = letter;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_and_no_line_is_too_long() {
        let long = "x".repeat(90);
        for text in [
            "The packet's `destination` becomes `10.1.6.5:80`: by a rule of `PREROUTING`.",
            "宛先 `10.1.6.5:80` は同じセグメントにないので、既定のゲートウェイへ送ります。",
            &long,
            "",
            " `a` ",
        ] {
            for width in [60.0, 140.0, 2000.0] {
                let lines = broken(text, width);
                let all: String = lines.iter().flatten().map(|(_, t)| t.as_str()).collect();
                let plain = |t: &str| t.replace(['`', ' '], "");
                assert_eq!(plain(&all), plain(text));
                for line in lines {
                    let long: f32 =
                        line.iter().flat_map(|(code, t)| t.chars().map(|c| room(c, *code))).sum();
                    assert!(long <= width, "{line:?}");
                }
            }
        }
    }
}

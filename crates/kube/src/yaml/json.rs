//! Streams of JSON values, as `kubectl -o json` and `jq` print them: one after another, with
//! nothing or only white space between them.

use super::{Value, YamlNode};
use crate::diag::{Diagnostic, Span};
use std::ops::Range;

/// The place of each value in a text of several JSON values; none if it is anything else.
pub(super) fn values(text: &str) -> Option<Vec<Range<usize>>> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !body.trim_start().starts_with('{') {
        return None;
    }
    let (mut out, mut depth, mut start, mut quoted, mut escaped) = (Vec::new(), 0, 0, false, false);
    for (i, b) in text.bytes().enumerate().skip(text.len() - body.len()) {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if depth > 0 => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => {
                if depth == 0 {
                    start = i;
                }
                depth += 1;
            }
            b'}' | b']' if depth == 1 => {
                depth = 0;
                out.push(start..i + 1);
            }
            b'}' | b']' => depth -= 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if depth <= 0 => return None,
            _ => {}
        }
    }
    (depth == 0 && out.len() > 1).then_some(out)
}

/// The place where a part of a text begins.
#[derive(Clone, Copy)]
pub(super) struct Start {
    line: u32,
    column: u32,
    byte: u32,
}

impl Start {
    /// The beginning of the text.
    pub(super) const TEXT: Self = Self { line: 1, column: 1, byte: 0 };

    /// A byte behind this place.
    pub(super) fn advanced(self, text: &str, to: usize) -> Self {
        let passed = &text[self.byte as usize..to];
        let lines = passed.matches('\n').count() as u32;
        let last = passed.rsplit('\n').next().unwrap_or_default().chars().count() as u32;
        let column = if lines > 0 { 1 + last } else { self.column + last };
        Self { line: self.line + lines, column, byte: to as u32 }
    }

    fn moved(self, span: &mut Span) {
        if span.line == 1 {
            span.column += self.column - 1;
        }
        span.line += self.line - 1;
        span.start += self.byte;
        span.end += self.byte;
    }

    /// Moves a value of the part to its place in the text.
    pub(super) fn node(self, node: &mut YamlNode) {
        self.moved(&mut node.span);
        match &mut node.value {
            Value::Scalar { .. } => {}
            Value::Seq(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(pairs) => pairs.iter_mut().for_each(|(key, value)| {
                self.node(key);
                self.node(value);
            }),
        }
    }

    /// Moves a fault of the part to its place in the text.
    pub(super) fn fault(self, diag: &mut Diagnostic) {
        self.moved(&mut diag.span);
    }
}

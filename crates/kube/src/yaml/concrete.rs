//! The position of values in their text: the colon or dash before them, their anchor, their column.
//! The parser gives the bytes of scalars and keys; the rest is found in the text between them.

use super::tree::Style;
use super::{Value, YamlNode};
use std::ops::Range;

/// What the value is written in, which decides how far its lines are indented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing but the document.
    Root,
    /// A mapping in block style, with its key in this column, counted from 0.
    Key(usize),
    /// A list in block style, with its dash in this column.
    Dash(usize),
    /// Brackets or braces, where indentation does not matter.
    Flow,
}

/// A value and its position.
#[derive(Clone, Debug)]
pub(super) struct Slot<'a> {
    pub(super) node: &'a YamlNode,
    pub(super) within: Within,
    /// The byte after the colon, dash, bracket or comma before it.
    pub(super) after: usize,
    /// Its first byte, anchor and tag included; `after` if it is empty.
    pub(super) start: usize,
    /// Its first byte without them.
    pub(super) body: usize,
    /// The byte after its last; including the final line breaks of a block scalar with `+`.
    pub(super) end: usize,
    /// Its anchor: the name, and the bytes from `&` to the next token in the line.
    pub(super) anchor: Option<(&'a str, Range<usize>)>,
}

/// A key with its value, or an item of a list.
#[derive(Clone, Debug)]
pub(super) struct Child<'a> {
    /// The first byte of the key, the dash, or an item in flow style.
    pub(super) start: usize,
    /// Its key; `None` for an item of a list.
    pub(super) key: Option<&'a YamlNode>,
    /// Its value, or the item.
    pub(super) value: Slot<'a>,
}

impl Child<'_> {
    /// The byte after its last.
    pub(super) fn end(&self) -> usize {
        self.value.end
    }

    /// Whether its key is `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        self.key.is_some_and(|k| matches!(&k.value, Value::Scalar { text, .. } if text == name))
    }
}

/// A text in which positions are looked up.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl<'a> Text<'a> {
    pub(super) fn byte(self, at: usize) -> u8 {
        self.0.as_bytes().get(at).copied().unwrap_or(b'\n')
    }

    /// The first byte of a line.
    pub(super) fn line_start(self, at: usize) -> usize {
        self.0[..at].rfind('\n').map_or(0, |i| i + 1)
    }

    /// The end of a line, before its line break.
    pub(super) fn line_end(self, at: usize) -> usize {
        let end = self.0[at..].find('\n').map_or(self.0.len(), |i| at + i);
        if end > at && self.byte(end - 1) == b'\r' { end - 1 } else { end }
    }

    /// The first byte of the next line.
    pub(super) fn next_line(self, at: usize) -> usize {
        self.0[at..].find('\n').map_or(self.0.len(), |i| at + i + 1)
    }

    /// The column of a byte, in characters from 0.
    pub(super) fn column(self, at: usize) -> usize {
        self.0[self.line_start(at)..at].chars().filter(|c| *c != '\u{feff}').count()
    }

    /// Whether only spaces precede it in its line.
    pub(super) fn is_first(self, at: usize) -> bool {
        self.0[self.line_start(at)..at].bytes().all(|b| b == b' ')
    }

    /// The next byte that is neither white space nor in a comment.
    pub(super) fn skip(self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                _ if at >= self.0.len() => return self.0.len(),
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                b'#' if at == 0
                    || self.byte(at - 1).is_ascii_whitespace()
                    || self.0[..at] == *"\u{feff}" =>
                {
                    at = self.next_line(at);
                }
                _ => return at,
            }
        }
    }

    /// Whether a range contains a comment.
    pub(super) fn comment(self, range: Range<usize>) -> bool {
        self.0[range].contains('#')
    }

    /// A document's root; `before`: the end of the previous document.
    pub(super) fn root(self, node: &'a YamlNode, before: usize) -> Slot<'a> {
        let mut at = if self.0.starts_with('\u{feff}') && before == 0 {
            '\u{feff}'.len_utf8()
        } else {
            before
        };
        loop {
            at = self.skip(at);
            match &self.0[at..] {
                marker if marker.starts_with("---") || marker.starts_with("...") => at += 3,
                directive if directive.starts_with('%') => at = self.next_line(at),
                _ => return self.slot(node, at, Within::Root),
            }
        }
    }

    fn slot(self, node: &'a YamlNode, after: usize, within: Within) -> Slot<'a> {
        let mut slot =
            Slot { node, within, after, start: after, body: after, end: after, anchor: None };
        let first = self.skip(after);
        let nothing = node.is_null() && node.span.start == node.span.end;
        if nothing && !matches!(self.byte(first), b'&' | b'!') {
            return slot;
        }
        (slot.start, slot.body) = (first, first);
        while matches!(self.byte(slot.body), b'&' | b'!') {
            let rest = &self.0[slot.body..];
            let stop = |c: char| {
                c.is_whitespace()
                    || within == Within::Flow && matches!(c, ',' | '[' | ']' | '{' | '}')
            };
            let end = slot.body + rest.find(stop).unwrap_or(rest.len());
            slot.end = end;
            let next = self.skip(end);
            if let Some(name) = self.0[slot.body..end].strip_prefix('&') {
                slot.anchor = Some((name, slot.body..next.min(self.line_end(end))));
            }
            if nothing && !matches!(self.byte(next), b'&' | b'!') {
                slot.body = slot.end;
                return slot;
            }
            slot.body = next;
        }
        slot.end = node.span.end as usize;
        if self.byte(slot.body) == b'*' || self.is_flow(&slot) {
            return slot;
        }
        match &node.value {
            Value::Scalar { plain: false, .. } if matches!(self.byte(slot.body), b'|' | b'>') => {
                let header = self.line_end(slot.body);
                slot.end = slot.end.max(header);
                if self.0[slot.body..header].contains('+') {
                    let blank = self.0[slot.end..].len() - self.0[slot.end..].trim_start().len();
                    let last = self.0[slot.end..slot.end + blank]
                        .rfind('\n')
                        .map_or(slot.end, |i| slot.end + i);
                    slot.end = if last > slot.end && self.byte(last - 1) == b'\r' {
                        last - 1
                    } else {
                        last
                    };
                }
            }
            Value::Scalar { .. } => {}
            _ => slot.end = self.children(&slot).last().map_or(slot.end, Child::end),
        }
        slot
    }

    /// Whether a value is written in flow style.
    pub(super) fn is_flow(self, slot: &Slot<'_>) -> bool {
        match &slot.node.value {
            Value::Seq(_) => self.byte(slot.body) == b'[',
            Value::Map(_) => self.byte(slot.body) == b'{',
            Value::Scalar { .. } => false,
        }
    }

    /// Whether a value is an alias.
    pub(super) fn is_alias(self, slot: &Slot<'_>) -> bool {
        self.byte(slot.body) == b'*'
    }

    /// The keys or items of a value; none for an alias.
    pub(super) fn children(self, slot: &Slot<'a>) -> Vec<Child<'a>> {
        let flow = self.is_flow(slot);
        let mut at = if flow { slot.body + 1 } else { slot.body };
        let mut out: Vec<Child<'a>> = Vec::new();
        if self.is_alias(slot) {
            return out;
        }
        let step = |at: usize, first: bool| {
            let at = self.skip(at);
            if flow && !first && self.byte(at) == b',' { self.skip(at + 1) } else { at }
        };
        match &slot.node.value {
            Value::Scalar { .. } => {}
            Value::Seq(items) => {
                for node in items {
                    let start = step(at, out.is_empty());
                    let value = if flow {
                        self.slot(node, start, Within::Flow)
                    } else {
                        self.slot(
                            node,
                            (start + 1).min(self.0.len()),
                            Within::Dash(self.column(start)),
                        )
                    };
                    at = value.end.max(start);
                    out.push(Child { start, key: None, value });
                }
            }
            Value::Map(pairs) => {
                for (key, node) in pairs {
                    let start = step(at, out.is_empty());
                    let behind = (key.span.end as usize).max(start);
                    let colon = self.skip(behind);
                    let value = match self.byte(colon) {
                        b':' => self.slot(
                            node,
                            colon + 1,
                            if flow { Within::Flow } else { Within::Key(self.column(start)) },
                        ),
                        // A key without a colon.
                        _ => self.slot(node, behind, Within::Flow),
                    };
                    at = value.end.max(behind);
                    out.push(Child { start, key: Some(key), value });
                }
            }
        }
        out
    }

    /// The formatting of the text.
    pub(super) fn style(self, roots: &[Slot<'a>]) -> Style {
        let newline = if self.0.find('\n').is_some_and(|i| i > 0 && self.byte(i - 1) == b'\r') {
            "\r\n"
        } else {
            "\n"
        };
        let mut style = (None, None);
        for root in roots {
            self.detect_style(root, &mut style, 0);
        }
        Style { newline, step: style.0.unwrap_or(2), hanging: style.1.unwrap_or(false) }
    }

    /// Derives the formatting from the first nested mapping and the first list below a key.
    fn detect_style(
        self,
        slot: &Slot<'a>,
        style: &mut (Option<usize>, Option<bool>),
        depth: usize,
    ) {
        if depth > 8 || style.0.is_some() && style.1.is_some() {
            return;
        }
        for child in self.children(slot) {
            if let (Within::Key(column), false) = (child.value.within, self.is_flow(&child.value)) {
                let own = self.column(child.value.body);
                match &child.value.node.value {
                    Value::Map(_) if own > column => _ = style.0.get_or_insert(own - column),
                    Value::Seq(_) => _ = style.1.get_or_insert(own > column),
                    _ => {}
                }
            }
            self.detect_style(&child.value, style, depth + 1);
        }
    }
}

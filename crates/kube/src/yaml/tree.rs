//! Values without spans, which edits insert, and how they are written.

use super::{Value, YamlNode};

/// A scalar, list or mapping to be written.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A string, number, boolean or null.
    Scalar {
        /// The text, without quotes and escapes.
        text: String,
        /// Whether it is written without quotes: it can be a number, a boolean or null.
        plain: bool,
    },
    /// A list, in order.
    Seq(Vec<Self>),
    /// A mapping, in the order it is written.
    Map(Vec<(Self, Self)>),
}

/// Scalars are equal if they parse to the same value, quoted or not.
impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar { text: a, .. }, Self::Scalar { text: b, .. }) => {
                self.is_null() && other.is_null() || self.kind() == other.kind() && a == b
            }
            (Self::Seq(a), Self::Seq(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Tree {}

impl From<&YamlNode> for Tree {
    fn from(node: &YamlNode) -> Self {
        match &node.value {
            Value::Scalar { text, plain } => Self::Scalar { text: text.clone(), plain: *plain },
            Value::Seq(items) => Self::Seq(items.iter().map(Self::from).collect()),
            Value::Map(pairs) => {
                Self::Map(pairs.iter().map(|(k, v)| (k.into(), v.into())).collect())
            }
        }
    }
}

impl Tree {
    /// A string; quoted if it would be parsed as something else.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Scalar { text: text.into(), plain: false }
    }

    /// A number, boolean or null; never quoted.
    pub fn plain(value: impl ToString) -> Self {
        Self::Scalar { text: value.to_string(), plain: true }
    }

    /// A mapping with these keys, in this order.
    pub fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Map(pairs.into_iter().map(|(k, v)| (Self::text(k), v)).collect())
    }

    fn node(&self) -> YamlNode {
        let value = match self {
            Self::Scalar { text, plain } => Value::Scalar { text: text.clone(), plain: *plain },
            Self::Seq(_) => Value::Seq(Vec::new()),
            Self::Map(_) => Value::Map(Vec::new()),
        };
        YamlNode { span: crate::diag::Span::default(), value }
    }

    /// Whether it is read back as null: `null`, `~` or nothing, unquoted.
    pub fn is_null(&self) -> bool {
        self.node().is_null()
    }

    fn kind(&self) -> &'static str {
        self.node().kind()
    }

    /// The value of a mapping's key.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter_mut().find(|(k, _)| k.is(key)).map(|(_, v)| v)
    }

    /// Whether a scalar has this text.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Scalar { text, .. } if text == word)
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Scalar { .. } => true,
            Self::Seq(items) => items.is_empty(),
            Self::Map(pairs) => pairs.is_empty(),
        }
    }

    /// Whether block style writes it on one line.
    pub(super) fn is_inline(&self) -> bool {
        self.is_empty()
    }

    /// Flow style: `{name: nginx, ports: [80]}`.
    pub fn flow(&self) -> String {
        match self {
            Self::Scalar { text, plain } => scalar(text, *plain),
            Self::Seq(items) => {
                format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", "))
            }
            Self::Map(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(k, v)| format!("{}: {}", k.flow(), v.flow())).collect();
                format!("{{{}}}", pairs.join(", "))
            }
        }
    }

    /// Block style in column `indent`, counted from 0; the first line is not indented.
    pub(super) fn block(&self, indent: usize, style: &Style) -> String {
        let next = format!("{}{}", style.newline, " ".repeat(indent));
        match self {
            _ if self.is_inline() => self.flow(),
            Self::Scalar { .. } => self.flow(),
            Self::Seq(items) => {
                let lines: Vec<_> =
                    items.iter().map(|i| format!("- {}", i.block(indent + 2, style))).collect();
                lines.join(&next)
            }
            Self::Map(pairs) => {
                let lines: Vec<_> = pairs
                    .iter()
                    .map(|(k, v)| format!("{}:{}", k.flow(), v.behind_key(indent, style)))
                    .collect();
                lines.join(&next)
            }
        }
    }

    /// What follows a key in column `indent` and its colon, in block style.
    pub(super) fn behind_key(&self, indent: usize, style: &Style) -> String {
        if self.is_inline() {
            return format!(" {}", self.flow());
        }
        let indent = match self {
            Self::Seq(_) if !style.hanging => indent,
            _ => indent + style.step,
        };
        format!("{}{}{}", style.newline, " ".repeat(indent), self.block(indent, style))
    }
}

/// How a text is formatted, for additions to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// The line break of the text: `\n` or `\r\n`.
    pub(super) newline: &'static str,
    /// The indentation of a nested mapping, in spaces.
    pub(super) step: usize,
    /// Whether a list is indented relative to its key.
    pub(super) hanging: bool,
}

/// A scalar as it is written: in double quotes, unless it parses to the same value without.
pub(super) fn scalar(text: &str, plain: bool) -> String {
    let tree = Tree::Scalar { text: text.to_owned(), plain: true };
    if plain && tree.is_null() {
        return "null".to_owned();
    }
    let harmless = text.chars().all(|c| {
        c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '+' | ' ' | '(' | ')')
    });
    let begins = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '_'))
        || plain && tree.kind() != "string";
    let ends = !text.ends_with([' ', ':']) && !text.contains(": ");
    // YAML 1.1 parses 00:50:56 as a base 60 number.
    let sexagesimal = text.contains(':') && text.chars().all(|c| c.is_ascii_hexdigit() || c == ':');
    let same = tree.kind() == "string" || plain;
    if harmless && begins && ends && same && !sexagesimal {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_if_they_would_parse_as_something_else() {
        for (text, written) in [
            ("nginx", "nginx"),
            ("10.1.4.0/22", "10.1.4.0/22"),
            ("1.10", "\"1.10\""),
            ("true", "\"true\""),
            ("on", "\"on\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("- a", "\"- a\""),
            ("00:50:56:98:c1:7a", "\"00:50:56:98:c1:7a\""),
            ("a\"b\\\n", "\"a\\\"b\\\\\\n\""),
        ] {
            assert_eq!(scalar(text, false), written);
        }
        assert_eq!(scalar("8000", true), "8000");
        assert_eq!(scalar("-1", true), "-1");
        assert_eq!(scalar("~", true), "null");
    }

    #[test]
    fn block_and_flow() {
        let tree = Tree::map([
            ("name", Tree::text("a")),
            (
                "ports",
                Tree::Seq(vec![Tree::map([
                    ("port", Tree::plain(80)),
                    ("none", Tree::Map(vec![])),
                ])]),
            ),
        ]);
        assert_eq!(tree.flow(), "{name: a, ports: [{port: 80, none: {}}]}");
        let style = Style { newline: "\n", step: 2, hanging: false };
        assert_eq!(tree.block(2, &style), "name: a\n  ports:\n  - port: 80\n    none: {}");
        let style = Style { newline: "\n", step: 4, hanging: true };
        assert_eq!(tree.block(0, &style), "name: a\nports:\n    - port: 80\n      none: {}");
    }
}

//! YAML with the span of every value. Only this module knows the parser behind it.
//!
//! Aliases are resolved by copying, up to a limit; so are merge keys.

mod concrete;
pub mod edit;
mod json;
mod merge;
mod tree;

pub use tree::Tree;

use crate::diag::{Code, Diagnostic, Span};
use granit_parser::{Event, Options, Parser, ScalarStyle};
use std::collections::BTreeMap;

/// A value and its span.
#[derive(Clone, Debug, PartialEq)]
pub struct YamlNode {
    /// Where it is; of a collection, from its first value to its last.
    pub span: Span,
    /// The scalar, list or mapping.
    pub value: Value,
}

/// A scalar, list or mapping as the parser read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string, number, boolean or null; which one is decided when it is decoded.
    Scalar {
        /// The text with escapes resolved and without quotes.
        text: String,
        /// Whether it is not quoted: it can be a number, a boolean or null.
        plain: bool,
    },
    /// A list, in block or flow style.
    Seq(Vec<YamlNode>),
    /// A mapping, in the order of the text.
    Map(Vec<(YamlNode, YamlNode)>),
}

impl YamlNode {
    /// The text of a scalar; empty for a collection.
    pub fn text(&self) -> &str {
        if let Value::Scalar { text, .. } = &self.value { text } else { "" }
    }

    /// The value of a mapping's key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Value::Map(pairs) = &self.value else { return None };
        pairs.iter().find(|(k, _)| k.text() == key).map(|(_, v)| v)
    }

    /// The value at nested keys.
    pub fn at(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The items of a list; empty for anything else.
    pub fn items(&self) -> &[Self] {
        if let Value::Seq(items) = &self.value { items } else { &[] }
    }

    /// The keys and values of a mapping; empty for anything else.
    pub fn pairs(&self) -> &[(Self, Self)] {
        if let Value::Map(pairs) = &self.value { pairs } else { &[] }
    }

    /// Whether it is null: empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => {
                *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// The number, if it is a whole one: decimal, octal (`0644`, `0o644`), hexadecimal or binary,
    /// as kubectl's parser reads it.
    pub fn integer(&self) -> Option<i64> {
        let Value::Scalar { text, plain: true } = &self.value else { return None };
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !unsigned.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (radix, digits) = match unsigned.get(..2) {
            Some("0x" | "0X") => (16, &unsigned[2..]),
            Some("0o" | "0O") => (8, &unsigned[2..]),
            Some("0b" | "0B") => (2, &unsigned[2..]),
            Some(two) if two.starts_with('0') => (8, &unsigned[1..]),
            _ => (10, unsigned),
        };
        if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
            return None;
        }
        let n = i64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
        Some(if text.starts_with('-') { -n } else { n })
    }

    /// Its type, as the API server names it.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "null",
            Value::Seq(_) => "array",
            Value::Map(_) => "map",
            Value::Scalar { .. } if self.integer().is_some() => "integer",
            Value::Scalar { text, plain: true } if BOOLEANS.contains(&text.as_str()) => "boolean",
            Value::Scalar { text, plain: true } if is_number(text) => "number",
            Value::Scalar { .. } => "string",
        }
    }
}

/// The booleans of YAML 1.1, which kubectl's parser still accepts.
const BOOLEANS: [&str; 18] = [
    "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no", "No", "NO", "on",
    "On", "ON", "off", "Off", "OFF",
];

fn is_number(text: &str) -> bool {
    // Not `inf` and `nan`, which have no digit.
    text.bytes().any(|b| b.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

/// The most values in one text. Aliases of aliases could grow exponentially.
const MAX_NODES: usize = 2_000_000;

struct Loader<'a> {
    text: &'a str,
    anchors: BTreeMap<usize, YamlNode>,
    diags: Vec<Diagnostic>,
    nodes: usize,
}

/// Parses the documents of a text, YAML or a stream of JSON, and resolves its merge keys. A syntax
/// error ends its document; parsing continues with the next.
pub fn parse(text: &str) -> (Vec<YamlNode>, Vec<Diagnostic>) {
    let (mut docs, mut diags) = load(text);
    helm_actions(text, &mut docs, &mut diags);
    docs.iter_mut().for_each(|doc| merge::merge(doc, &mut diags));
    (docs, diags)
}

/// Names the actions of a template of Helm: no YAML, or YAML that means something else, whose
/// documents are dropped.
fn helm_actions(text: &str, docs: &mut Vec<YamlNode>, diags: &mut Vec<Diagnostic>) {
    for d in diags.iter_mut().filter(|d| d.code == Code::YamlSyntax) {
        if let Some(fault) = helm_action(text, d.span) {
            *d = fault;
        }
    }
    docs.retain(|doc| {
        let fault = mapping_as_key(doc).and_then(|key| helm_action(text, key.span));
        let is_yaml = fault.is_none();
        diags.extend(fault);
        is_yaml
    });
}

/// The fault of an action of Helm in the line of a span.
fn helm_action(text: &str, found: Span) -> Option<Diagnostic> {
    let line_start = text[..found.start as usize].rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    // One in quotes, or in the middle of a text, is the value of a ConfigMap.
    let begins = |at: &usize| {
        let before = line[..*at].trim_end();
        before.is_empty() || before.ends_with([':', '-', '[', '{', ','])
    };
    let column = line.match_indices("{{").map(|(at, _)| at).find(begins)?;
    let start = line_start + column;
    let length = text[start..].find("}}").map_or(2, |i| i + 2);
    let span = Span {
        line: found.line,
        column: line[..column].chars().count() as u32 + 1,
        start: start as u32,
        end: (start + length) as u32,
    };
    let action = text[start..start + length].split_whitespace().collect::<Vec<_>>().join(" ");
    let message = format!("{action} is an action of a Helm template, not YAML");
    let hint = "run helm template, and bring what it prints";
    Some(Diagnostic::error(Code::YamlSyntax, span, message, hint))
}

/// The first mapping that is the key of another, as `{{ x }}` reads.
fn mapping_as_key(node: &YamlNode) -> Option<&YamlNode> {
    let is_map = |k: &YamlNode| matches!(k.value, Value::Map(_));
    node.pairs()
        .iter()
        .find_map(|(k, v)| if is_map(k) { Some(k) } else { mapping_as_key(v) })
        .or_else(|| node.items().iter().find_map(mapping_as_key))
}

/// Parses the documents of a text as they are written.
fn load(text: &str) -> (Vec<YamlNode>, Vec<Diagnostic>) {
    let Some(values) = json::values(text) else { return load_yaml(text) };
    let (mut docs, mut diags) = (Vec::new(), Vec::new());
    let mut start = json::Start::TEXT;
    for value in values {
        start = start.advanced(text, value.start);
        let (mut found, mut faults) = load_yaml(&text[value]);
        found.iter_mut().for_each(|node| start.node(node));
        faults.iter_mut().for_each(|fault| start.fault(fault));
        docs.extend(found);
        diags.extend(faults);
    }
    (docs, diags)
}

fn load_yaml(text: &str) -> (Vec<YamlNode>, Vec<Diagnostic>) {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut loader = Loader { text, anchors: BTreeMap::new(), diags: Vec::new(), nodes: 0 };
    let mut docs = Vec::new();
    loop {
        match loader.document(&mut parser) {
            Ok(Some(node)) => docs.push(node),
            Ok(None) => break,
            Err((line, column, message)) => {
                let span = span_at(text, line, column);
                let hint = hint_for(text, line, &message);
                loader.diags.push(Diagnostic::error(Code::YamlSyntax, span, message, hint));
                match parser.proceed_next_document() {
                    Ok(true) => {}
                    _ => break,
                }
            }
        }
    }
    (docs, loader.diags)
}

/// A syntax error: line, column, message.
type SyntaxError = (u32, u32, String);

impl Loader<'_> {
    /// The next document that is not empty.
    fn document<'i, T>(
        &mut self,
        parser: &mut Parser<'i, T>,
    ) -> Result<Option<YamlNode>, SyntaxError>
    where
        T: granit_parser::BorrowedInput<'i>,
    {
        loop {
            let Some((event, span)) = self.next(parser)? else { return Ok(None) };
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(None),
                other => {
                    let node = self.node(parser, other, span)?;
                    self.anchors.clear();
                    if !node.is_null() {
                        return Ok(Some(node));
                    }
                }
            }
        }
    }

    fn next<'i, T>(
        &mut self,
        parser: &mut Parser<'i, T>,
    ) -> Result<Option<(Event<'i>, granit_parser::Span)>, SyntaxError>
    where
        T: granit_parser::BorrowedInput<'i>,
    {
        match parser.next_event() {
            None => Ok(None),
            Some(Ok(e)) => Ok(Some(e)),
            Some(Err(e)) => {
                Err((e.marker().line() as u32, e.marker().col() as u32 + 1, message(&e)))
            }
        }
    }

    fn span(&self, s: &granit_parser::Span) -> Span {
        let range = s.byte_range().unwrap_or(0..0);
        let mut end = range.end.min(self.text.len());
        while end > range.start && self.text.as_bytes()[end - 1].is_ascii_whitespace() {
            end -= 1;
        }
        Span {
            line: s.start.line() as u32,
            column: s.start.col() as u32 + 1,
            start: range.start as u32,
            end: end as u32,
        }
    }

    /// The byte after the closing bracket of a collection; 0 in block style, which has none: there
    /// the parser ends the collection where the next token starts, after comments.
    fn bracket_end(&self, s: &granit_parser::Span) -> u32 {
        let span = self.span(s);
        if span.start < span.end { span.end } else { 0 }
    }

    fn check_limit(&self, at: Span) -> Result<(), SyntaxError> {
        if self.nodes > MAX_NODES {
            return Err((at.line, at.column, format!("more than {MAX_NODES} values in one text")));
        }
        Ok(())
    }

    fn node<'i, T>(
        &mut self,
        parser: &mut Parser<'i, T>,
        event: Event<'i>,
        at: granit_parser::Span,
    ) -> Result<YamlNode, SyntaxError>
    where
        T: granit_parser::BorrowedInput<'i>,
    {
        self.nodes += 1;
        let mut span = self.span(&at);
        self.check_limit(span)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (
                Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain },
                anchor,
            ),
            Event::Alias(id) => {
                let Some(target) = self.anchors.get(&id) else {
                    return Err((
                        span.line,
                        span.column,
                        "an alias inside its own anchor".to_owned(),
                    ));
                };
                // Counted before copying.
                self.nodes += count(target);
                self.check_limit(span)?;
                return Ok(YamlNode { span, value: target.value.clone() });
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("alias *{name} has no anchor before it in this document");
                self.diags.push(Diagnostic::error(
                    Code::YamlAlias,
                    span,
                    message,
                    format!("write &{name} before the value that it should repeat"),
                ));
                (Value::Scalar { text: String::new(), plain: true }, 0)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                while let Some((e, s)) = self.next(parser)? {
                    if e == Event::SequenceEnd {
                        span.end = span.end.max(self.bracket_end(&s));
                        break;
                    }
                    items.push(self.node(parser, e, s)?);
                }
                span.end = items.last().map_or(span.end, |n| span.end.max(n.span.end));
                (Value::Seq(items), anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let mut pairs: Vec<(YamlNode, YamlNode)> = Vec::new();
                while let Some((e, s)) = self.next(parser)? {
                    if e == Event::MappingEnd {
                        span.end = span.end.max(self.bracket_end(&s));
                        break;
                    }
                    let key = self.node(parser, e, s)?;
                    let Some((e, s)) = self.next(parser)? else { break };
                    let value = self.node(parser, e, s)?;
                    self.check_duplicate(&pairs, &key);
                    pairs.push((key, value));
                }
                if let Some((key, value)) = pairs.last() {
                    let empty = value.span.start == value.span.end;
                    span.end = span.end.max(if empty { key.span.end } else { value.span.end });
                }
                (Value::Map(pairs), anchor)
            }
            _ => (Value::Scalar { text: String::new(), plain: true }, 0),
        };
        let node = YamlNode { span, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// Reports a key that the mapping already has.
    fn check_duplicate(&mut self, pairs: &[(YamlNode, YamlNode)], key: &YamlNode) {
        if let Some((first, _)) = pairs.iter().find(|(k, _)| k.value == key.value)
            && let Value::Scalar { text, .. } = &key.value
        {
            let message =
                format!("key {text:?} is already set in this mapping, in line {}", first.span.line);
            self.diags.push(Diagnostic::error(
                Code::DuplicateKey,
                key.span,
                message,
                "remove one of the two lines",
            ));
        }
    }
}

/// The number of values in a node.
fn count(node: &YamlNode) -> usize {
    1 + match &node.value {
        Value::Scalar { .. } => 0,
        Value::Seq(items) => items.iter().map(count).sum(),
        Value::Map(pairs) => pairs.iter().map(|(k, v)| count(k) + count(v)).sum(),
    }
}

/// The parser's message without the position.
fn message(e: &granit_parser::ScanError) -> String {
    let text = e.to_string();
    let cut = text
        .find(" at byte ")
        .or_else(|| text.find(" at line "))
        .or_else(|| text.find(" at char "))
        .unwrap_or(text.len());
    text[..cut].to_owned()
}

/// The span of the word at a line and column.
fn span_at(text: &str, line: u32, column: u32) -> Span {
    let mut start = 0;
    for (i, l) in text.split_inclusive('\n').enumerate() {
        if i + 1 == line as usize {
            let skip: usize =
                l.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
            let len: usize =
                l[skip..].chars().take_while(|c| !c.is_whitespace()).map(char::len_utf8).sum();
            return Span {
                line,
                column,
                start: (start + skip) as u32,
                end: (start + skip + len) as u32,
            };
        }
        start += l.len();
    }
    Span { line, column, start: text.len() as u32, end: text.len() as u32 }
}

fn hint_for(text: &str, line: u32, message: &str) -> String {
    let this = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    if this.contains('\t') {
        return "replace the tab in this line by spaces: YAML indents with spaces only".to_owned();
    }
    if message.contains("alias") || message.contains("more than") {
        return "write the value itself in place of the alias".to_owned();
    }
    if message.contains("unclosed quote") {
        return "close the string with the quote it begins with".to_owned();
    }
    if message.contains("mapping") || message.contains("simple key") {
        return "write a colon and a space after the key, and indent it like its neighbours"
            .to_owned();
    }
    if message.contains("flow") || this.contains('[') || this.contains('{') {
        return "close every [ with ] and every { with }".to_owned();
    }
    "check the indentation of this line and the one above: the keys of a mapping must begin in the \
     same column"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar<'a>(n: &'a YamlNode, path: &[&str]) -> (&'a str, Span) {
        let mut n = n;
        for key in path {
            n =
                match &n.value {
                    Value::Map(pairs) => &pairs
                        .iter()
                        .find(
                            |(k, _)| matches!(&k.value, Value::Scalar { text, .. } if text == key),
                        )
                        .expect(key)
                        .1,
                    Value::Seq(items) => &items[key.parse::<usize>().expect("index")],
                    Value::Scalar { .. } => panic!("{key}: a scalar"),
                };
        }
        match &n.value {
            Value::Scalar { text, .. } => (text, n.span),
            _ => panic!("not a scalar"),
        }
    }

    #[test]
    fn every_value_has_its_span() {
        let text = "a: 1\nb:\n- c: \"二\"\n  d: {e: 5}\n---\nf: g\n";
        let (docs, diags) = parse(text);
        assert_eq!(diags, []);
        let (word, span) = scalar(&docs[0], &["b", "0", "d", "e"]);
        assert_eq!((word, span.line, span.column), ("5", 4, 10));
        let (word, span) = scalar(&docs[0], &["b", "0", "c"]);
        assert_eq!((word, &text[span.start as usize..span.end as usize]), ("二", "\"二\""));
        assert_eq!(scalar(&docs[1], &["f"]).1.line, 6);
    }

    #[test]
    fn a_collection_ends_before_the_comments_behind_it() {
        let text = "a:\n  b: 1\n# c\n";
        let (docs, _) = parse(text);
        assert_eq!(&text[..docs[0].span.end as usize], "a:\n  b: 1");
    }

    #[test]
    fn merge_keys_add_what_the_mapping_does_not_have() {
        let text = "base: &b {x: 1, y: 2}\nmore: &m\n  y: 3\n  z: 4\nall:\n  <<: [*b, *m]\n  \
                    x: 0\none: {<<: *m}\nwrong: {<<: 5}\n";
        let (docs, diags) = parse(text);
        let all = docs[0].get("all").expect("a mapping");
        let words: Vec<_> = all.pairs().iter().map(|(k, v)| (k.text(), v.text())).collect();
        assert_eq!(words, [("x", "0"), ("y", "2"), ("z", "4")]);
        assert_eq!(scalar(&docs[0], &["one", "z"]).0, "4");
        assert_eq!(
            diags.iter().map(|d| (d.code, d.span.line)).collect::<Vec<_>>(),
            [(Code::WrongType, 9)]
        );
    }

    #[test]
    fn streams_of_json_are_documents_at_their_places() {
        let text = "{\"a\": \"}{\"}{\"b\":\n\t[1, 2]}\n\n {\"c\": {\"d\": \"二\"}} {\"e\": 5}";
        let (docs, diags) = parse(text);
        assert_eq!((docs.len(), diags.len()), (4, 0), "{diags:?}");
        for (doc, path) in [(0, &["a"][..]), (1, &["b", "1"]), (2, &["c", "d"]), (3, &["e"])] {
            let (word, span) = scalar(&docs[doc], path);
            let found = &text[span.start as usize..span.end as usize];
            assert_eq!(found.trim_matches('"'), word);
            let before = &text[..span.start as usize];
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32;
            assert_eq!(
                (span.line as usize, span.column),
                (before.matches('\n').count() + 1, column + 1)
            );
        }
        let (_, diags) = parse("{\"a\": 1}\n{\"b\": 1, \"b\": 2}");
        assert_eq!(
            diags.iter().map(|d| (d.code, d.span.line, d.span.column)).collect::<Vec<_>>(),
            [(Code::DuplicateKey, 2, 10)]
        );
    }

    #[test]
    fn unusual_texts_are_read() {
        for text in [
            "%YAML 1.1\n---\na: 1\n...\n",
            "\u{feff}a: 1\n",
            "# Source: chart/templates/x.yaml\n---\n# nothing\n---\n\n---\na: 1\n--- # end\n",
            "---\r\na: 1\r\nb: |\r\n  x\r\n  y\r\n",
            "a: 1\n...\n---\nb: 2\n...\n",
            "a: |2\n    indented\n  text\nb: >-\n  folded\n  text\nc: |+\n  kept\n\n",
            "{\n\t\"a\": 1,\n\t\"b\": [\n\t\t\"c\"\n\t]\n}\n",
            "1: a\ntrue: b\nnull: c\n",
            "? a\n: 1\n",
            "a: !!str 5\nb: !!binary aGk=\n",
            "a: 'it''s'\nb: \"\\u00e9\\t\\x41\"\n",
            "- a\n-  - b\n   - c\n",
            "--- {a: 1}\n--- \na: 2\n",
            "a:\n- b: 1\n  c: 2\n-\n  b: 3\n",
            "key: # comment\n  b: 1   # more\n\n  # between\n  c: \"#no\"\n",
            "a: 1\t# a tab before a comment\nb: \t2\n",
            "a: @b\n",
        ] {
            let (docs, diags) = parse(text);
            assert!(diags.is_empty() || text.contains('@'), "{text:?}: {diags:?}");
            assert!(!docs.is_empty() || text.contains('@'), "{text:?}");
        }
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let (docs, diags) = parse("a: [1\n---\nb: 2\n---\nc: d: e\n---\nf: 1\n");
        assert_eq!(docs.len(), 2, "{docs:?}");
        assert_eq!(
            diags.iter().map(|d| (d.code, d.span.line)).collect::<Vec<_>>().len(),
            2,
            "{diags:?}"
        );
    }

    #[test]
    fn duplicate_keys_and_unknown_aliases_are_reported() {
        let (_, diags) = parse("a: 1\nb: *x\na: 2\n");
        let found: Vec<_> = diags.iter().map(|d| (d.code, d.span.line, d.span.column)).collect();
        assert_eq!(found, [(Code::YamlAlias, 2, 4), (Code::DuplicateKey, 3, 1)]);
    }
    #[test]
    fn an_action_of_helm_hides_no_other_fault_and_no_other_document() {
        let places = |text: &str| {
            let (docs, diags) = parse(text);
            let helm = |d: &Diagnostic| d.message.contains("Helm");
            let places: Vec<_> = diags.iter().map(|d| (d.span.line, helm(d))).collect();
            (docs.len(), places)
        };
        // Templates of Alertmanager and Grafana are text.
        let text = "data:\n  t: |\n    {{ define \"x\" }}\n    {{ end }}\n";
        assert_eq!(places(text), (1, Vec::new()));
        let unclosed = format!("{text}---\na: [\n---\nb: 1\n");
        let (docs, faults) = places(&unclosed);
        assert!(docs >= 1 && !faults.is_empty() && faults.iter().all(|f| !f.1), "{faults:?}");
        assert_eq!(places(&format!("{text} bad: x\n")), (0, vec![(5, false)]));
        // One that is no YAML, and one that is, each without the other documents.
        let broken = format!("{text}---\na:\n  {{{{- toYaml .b }}}}\n---\nc: 1\n");
        assert_eq!(places(&broken), (2, vec![(7, true)]));
        let valid = format!("{text}---\na: {{{{ .Values.b }}}}\n---\nc: 1\n");
        assert_eq!(places(&valid), (2, vec![(6, true)]));
    }
}

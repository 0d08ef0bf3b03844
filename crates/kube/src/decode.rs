//! From YAML nodes to typed fields: every key is asked for by name, what nobody asked for is
//! unknown, and everything wrong is said at once.

use crate::diag::{Code, Diagnostic, Span, nearest};
use crate::yaml::{Value, YamlNode};
use litemap::LiteMap;
use std::str::FromStr;

/// Collects what is wrong while a document is decoded.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What was found so far.
    pub diags: Vec<Diagnostic>,
    /// What could stand where, if somebody wants to know.
    pub(crate) known: Option<Vec<Known>>,
}

/// What could stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The mapping, or the value.
    pub(crate) span: Span,
    /// Its path, as the API server writes it.
    pub(crate) path: String,
    /// Its keys, or the words it can be.
    pub(crate) words: Vec<String>,
    /// Keys of a mapping, with those that are there; else words of a value.
    pub(crate) keys: Option<Vec<String>>,
}

/// The fields of one mapping.
pub struct Fields<'a> {
    /// The field's path, as the API server writes it: `spec.ports[0]`.
    pub path: String,
    /// Where the mapping stands.
    pub span: Span,
    pairs: Vec<(&'a str, Span, &'a YamlNode)>,
    asked: Vec<&'static str>,
    not_simulated: &'static [&'static str],
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl Decoder {
    /// Says an error.
    pub fn error(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.diags.push(Diagnostic::error(code, span, message, hint));
    }

    /// The fields of a node that must be a mapping.
    pub fn fields<'a>(&mut self, node: &'a YamlNode, path: &str) -> Option<Fields<'a>> {
        match &node.value {
            Value::Map(pairs) => {
                let pairs = pairs.iter().filter_map(|(k, v)| match &k.value {
                    Value::Scalar { text, .. } => Some((text.as_str(), k.span, v)),
                    _ => None,
                });
                Some(Fields {
                    path: path.to_owned(),
                    span: node.span,
                    pairs: pairs.collect(),
                    asked: Vec::new(),
                    not_simulated: &[],
                })
            }
            _ => {
                let hint = if path.is_empty() {
                    "begin with apiVersion: and kind:, each in a line of its own"
                } else {
                    "write its fields below it, indented by two spaces"
                };
                self.wrong_type(node, path, "map", hint);
                None
            }
        }
    }

    fn wrong_type(&mut self, node: &YamlNode, path: &str, want: &str, hint: &str) {
        let path = if path.is_empty() { "the document" } else { path };
        let message = format!("{path}: invalid type: got \"{}\", expected \"{want}\"", node.kind());
        self.error(Code::WrongType, node.span, message, hint);
    }

    /// The items of a node that must be a list.
    pub fn items<'a>(&mut self, node: &'a YamlNode, path: &str) -> &'a [YamlNode] {
        match &node.value {
            Value::Seq(items) => items,
            _ if node.is_null() => &[],
            _ => {
                self.wrong_type(node, path, "array", "begin each item with a dash and a space: - ");
                &[]
            }
        }
    }

    /// A text. Numbers and booleans must be quoted to be one.
    pub fn string(&mut self, node: &YamlNode, path: &str) -> Option<Spanned<String>> {
        match &node.value {
            Value::Scalar { text, plain } if !plain || node.kind() == "string" => {
                Some(Spanned { value: text.clone(), span: node.span })
            }
            Value::Scalar { text, .. } => {
                let message =
                    format!("{path}: invalid type: got \"{}\", expected \"string\"", node.kind());
                let quoted = format!("\"{text}\"");
                self.diags.push(
                    Diagnostic::error(
                        Code::WrongType,
                        node.span,
                        message,
                        format!("put it in quotes: {quoted}"),
                    )
                    .with_fix(node.span, quoted),
                );
                None
            }
            _ => {
                self.wrong_type(node, path, "string", "write a single word or a quoted text");
                None
            }
        }
    }

    /// A whole number.
    pub fn integer(&mut self, node: &YamlNode, path: &str) -> Option<Spanned<i64>> {
        match &node.value {
            Value::Scalar { text, plain: true } if node.kind() == "integer" => {
                Some(Spanned { value: text.parse().unwrap_or(0), span: node.span })
            }
            Value::Scalar { text, .. } if text.trim().parse::<i64>().is_ok() => {
                let bare = text.trim().to_owned();
                let message = format!("{path}: invalid type: got \"string\", expected \"integer\"");
                self.diags.push(
                    Diagnostic::error(
                        Code::WrongType,
                        node.span,
                        message,
                        format!("take the quotes off: {bare}"),
                    )
                    .with_fix(node.span, bare),
                );
                None
            }
            _ => {
                self.wrong_type(node, path, "integer", "write a whole number");
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, node: &YamlNode, path: &str) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            Value::Scalar { text, .. }
                if matches!(
                    text.as_str(),
                    "yes" | "on" | "Yes" | "True" | "no" | "off" | "No" | "False"
                ) =>
            {
                let word = if matches!(text.as_str(), "yes" | "on" | "Yes" | "True") {
                    "true"
                } else {
                    "false"
                };
                let message = format!("{path}: Invalid value: {text}: a boolean is true or false");
                self.diags.push(
                    Diagnostic::error(Code::WrongType, node.span, message, format!("write {word}"))
                        .with_fix(node.span, word),
                );
                None
            }
            _ => {
                self.wrong_type(node, path, "boolean", "write true or false");
                None
            }
        }
    }

    /// A text that is read as something else: an address, a network, a MAC.
    pub fn parsed<T: FromStr>(
        &mut self,
        node: &YamlNode,
        path: &str,
        example: &str,
    ) -> Option<Spanned<T>> {
        let Value::Scalar { text, .. } = &node.value else {
            self.wrong_type(node, path, "string", &format!("write it like {example}"));
            return None;
        };
        match text.parse() {
            Ok(value) => Some(Spanned { value, span: node.span }),
            Err(_) => {
                self.error(
                    Code::InvalidAddress,
                    node.span,
                    format!("{path}: Invalid value: {text:?}"),
                    format!("write it like {example}"),
                );
                None
            }
        }
    }

    /// A mapping from texts to texts: labels, selectors.
    pub fn string_map(&mut self, node: &YamlNode, path: &str) -> LiteMap<String, String> {
        let Some(fields) = self.fields(node, path) else { return LiteMap::new() };
        if let Some(known) = &mut self.known {
            let keys = Some(fields.pairs.iter().map(|(k, ..)| (*k).to_owned()).collect());
            known.push(Known { span: node.span, path: path.to_owned(), words: Vec::new(), keys });
        }
        let mut out = LiteMap::new();
        for (key, _, value) in &fields.pairs {
            if let Some(text) = self.string(value, &format!("{path}.{key}")) {
                out.insert((*key).to_owned(), text.value);
            }
        }
        out
    }

    /// One of some words.
    pub fn word(
        &mut self,
        node: &YamlNode,
        path: &str,
        allowed: &[&'static str],
    ) -> Option<&'static str> {
        let text = self.string(node, path)?;
        if let Some(known) = &mut self.known {
            let words = allowed.iter().map(|w| (*w).to_owned()).collect();
            known.push(Known { span: node.span, path: path.to_owned(), words, keys: None });
        }
        if let Some(word) = allowed.iter().find(|w| **w == text.value) {
            return Some(word);
        }
        let list: Vec<_> = allowed.iter().map(|w| format!("\"{w}\"")).collect();
        let message = format!(
            "{path}: Unsupported value: {:?}: supported values: {}",
            text.value,
            list.join(", ")
        );
        let near = nearest(&text.value, allowed.iter().copied());
        let hint = format!(
            "write {}",
            near.unwrap_or_else(|| allowed.first().copied().unwrap_or_default())
        );
        let mut diag = Diagnostic::error(Code::UnsupportedValue, text.span, message, hint);
        if let Some(near) = near {
            diag = diag.with_fix(text.span, near);
        }
        self.diags.push(diag);
        None
    }

    /// A port: 1 to 65535.
    pub fn port(&mut self, node: &YamlNode, path: &str) -> Option<Spanned<u16>> {
        let n = self.integer(node, path)?;
        match u16::try_from(n.value) {
            Ok(port) if port > 0 => Some(Spanned { value: port, span: n.span }),
            _ => {
                let message = format!(
                    "{path}: Invalid value: {}: must be between 1 and 65535, inclusive",
                    n.value
                );
                self.error(Code::OutOfRange, n.span, message, "write a port from 1 to 65535");
                None
            }
        }
    }

    /// Ends a mapping: what nobody asked for is unknown, or not simulated.
    pub fn finish(&mut self, fields: Fields<'_>) {
        if let Some(known) = &mut self.known {
            let words =
                fields.asked.iter().chain(fields.not_simulated).map(|w| (*w).to_owned()).collect();
            let keys = Some(fields.pairs.iter().map(|(k, ..)| (*k).to_owned()).collect());
            known.push(Known { span: fields.span, path: fields.path.clone(), words, keys });
        }
        for (key, span, _) in &fields.pairs {
            if fields.asked.contains(key) {
                continue;
            }
            let path = if fields.path.is_empty() {
                (*key).to_owned()
            } else {
                format!("{}.{key}", fields.path)
            };
            if fields.not_simulated.contains(key) {
                self.diags.push(Diagnostic::note(
                    Code::NotSimulated,
                    *span,
                    format!("{path} is not simulated"),
                    "it changes nothing here; it may stay",
                ));
                continue;
            }
            let known = fields.asked.iter().chain(fields.not_simulated).copied();
            let near = nearest(key, known);
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the fields here are {}", fields.asked.join(", ")),
            };
            let mut diag = Diagnostic::error(
                Code::UnknownField,
                *span,
                format!("unknown field \"{path}\""),
                hint,
            );
            if let Some(near) = near {
                diag = diag.with_fix(*span, near);
            }
            self.diags.push(diag);
        }
    }
}

impl<'a> Fields<'a> {
    /// Names valid fields that are not simulated.
    #[must_use]
    pub fn not_simulated(mut self, names: &'static [&'static str]) -> Self {
        self.not_simulated = names;
        self
    }

    /// Every field, of a mapping whose keys are names.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, &'a YamlNode)> + '_ {
        self.pairs.iter().map(|(k, _, v)| (*k, *v))
    }

    /// The path of a field.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field, unless it is absent or says nothing.
    pub fn get(&mut self, name: &'static str) -> Option<&'a YamlNode> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.pairs.iter().find(|(k, _, v)| *k == name && !v.is_null()).map(|(_, _, v)| *v)
    }

    /// A field that is a text, if it is there.
    pub fn string(&mut self, d: &mut Decoder, name: &'static str) -> Option<Spanned<String>> {
        self.get(name).and_then(|n| d.string(n, &self.path_of(name)))
    }

    /// A field that is a whole number, if it is there.
    pub fn integer(&mut self, d: &mut Decoder, name: &'static str) -> Option<Spanned<i64>> {
        self.get(name).and_then(|n| d.integer(n, &self.path_of(name)))
    }

    /// A field that is `true` or `false`, if it is there.
    pub fn boolean(&mut self, d: &mut Decoder, name: &'static str) -> Option<bool> {
        self.get(name).and_then(|n| d.boolean(n, &self.path_of(name)))
    }

    /// A field that is a port, if it is there.
    pub fn port(&mut self, d: &mut Decoder, name: &'static str) -> Option<Spanned<u16>> {
        self.get(name).and_then(|n| d.port(n, &self.path_of(name)))
    }

    /// A field that is one of some words, if it is there.
    pub fn word(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        allowed: &[&'static str],
    ) -> Option<&'static str> {
        self.get(name).and_then(|n| d.word(n, &self.path_of(name), allowed))
    }

    /// A field that has fields itself, if it is there.
    pub fn fields(&mut self, d: &mut Decoder, name: &'static str) -> Option<Self> {
        self.get(name).and_then(|n| d.fields(n, &self.path_of(name)))
    }

    /// A text that must be there.
    pub fn require_string(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        hint: &str,
    ) -> Option<Spanned<String>> {
        self.require(d, name, hint).and_then(|n| d.string(n, &self.path_of(name)))
    }

    /// A port that must be there.
    pub fn require_port(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        hint: &str,
    ) -> Option<Spanned<u16>> {
        self.require(d, name, hint).and_then(|n| d.port(n, &self.path_of(name)))
    }

    /// A field that must be there.
    pub fn require(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        hint: &str,
    ) -> Option<&'a YamlNode> {
        let found = self.get(name);
        if found.is_none() {
            // At the key if it stands there empty, else at the mapping.
            let span = self
                .pairs
                .iter()
                .find(|(k, ..)| *k == name)
                .map_or(Span { end: self.span.start, ..self.span }, |(_, s, _)| *s);
            d.error(
                Code::MissingField,
                span,
                format!("{}: Required value", self.path_of(name)),
                hint,
            );
        }
        found
    }
}

//! From YAML nodes to typed values. A mapping's decoder requests each field by name; any other key
//! is reported as unknown, with the nearest known key as the fix. Decoding continues after a fault.
//!
//! Fields of Topology and Script are described by a table ([`crate::fields`]), from which the known
//! keys, ranges, words and defaults are taken. The structure of a Kubernetes object is checked
//! against its type as a whole, after its decoder ([`crate::schema`]).

mod time;

use crate::diag::{Code, Diagnostic, Span, nearest, nearest_first};
use crate::fields::{DefaultValue, Field, Format, Type};
use crate::release::Release;
use crate::schema;
use crate::yaml::{Value, YamlNode};
use std::collections::BTreeMap;
use std::str::FromStr;

/// The longest list of words that a message names in full.
const LONGEST_LIST: usize = 12;

/// Collects the diagnostics of a document while it is decoded.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The faults found so far, in the order they were found.
    pub diags: Vec<Diagnostic>,
    /// What each decoded place accepts; recorded for completion only.
    pub(crate) accepted: Option<Vec<Accepted>>,
    /// The release of Kubernetes whose API server the text is for.
    pub(crate) release: Release,
    /// The Kubernetes object that is being decoded.
    pub(crate) object: Option<schema::Object>,
    /// The fields that were requested of each mapping of that object, by its place.
    pub(crate) requested: BTreeMap<(u32, u32), Vec<&'static str>>,
    /// What is valid and not simulated: its place, the kind and, of an object that is simulated,
    /// the path of the field.
    pub(crate) noted: Vec<(Span, String, Option<String>)>,
    /// Whether an object that makes pods has an error, so that its pods are missing.
    pub(crate) lacks_pods: bool,
    /// Whether `noted` is recorded for objects with errors, too: for help.
    pub(crate) notes_all: bool,
    /// The number of names that were generated from `generateName`.
    pub(crate) generated: usize,
}

/// What a place in the text accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The mapping, or the value.
    pub(crate) span: Span,
    /// The keys of the mapping, or the words that the value can be.
    pub(crate) words: Vec<String>,
    /// The keys that the mapping has; none for a value.
    pub(crate) present: Option<Vec<String>>,
}

/// The fields of one mapping.
pub struct Fields<'a> {
    /// The mapping's path, as the API server writes it: `spec.ports[0]`; empty for a document.
    pub path: String,
    /// The mapping in the text.
    pub span: Span,
    pairs: Vec<(&'a str, Span, &'a YamlNode)>,
    /// The names that the decoder has requested.
    requested: Vec<&'static str>,
    /// Whether it belongs to a Kubernetes object: empty texts are then missing, as in Go.
    is_object: bool,
    /// The table of its fields, in a kind that has one.
    table: &'static [Field],
    /// The forms of the mapping, each with its own fields of the table.
    forms: &'static [&'static [&'static str]],
    /// The form was chosen: only requested fields are valid.
    chosen: bool,
}

/// A value with the place it was read from. Equal values are equal wherever they are written.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value, decoded and checked.
    pub value: T,
    /// Where it is written, or where it would be.
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl Decoder {
    /// Adds a fault that the API server would reject.
    pub fn error(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.diags.push(Diagnostic::error(code, span, message, hint));
    }

    /// Adds the note that something valid is ignored.
    pub(crate) fn not_simulated(&mut self, span: Span, what: &str) {
        self.diags.push(Diagnostic::note(
            Code::NotSimulated,
            span,
            format!("{what} is not simulated"),
            "it has no effect here and can stay",
        ));
    }

    /// Adds a kind, or a field of a kind that is simulated, to those that are valid and have no
    /// effect here. One diagnostic tells all of them ([`crate::diag::folded`]).
    pub(crate) fn noted(&mut self, span: Span, kind: String, field: Option<String>) {
        self.noted.push((span, kind, field));
    }

    /// The fields of a node that must be a mapping.
    pub fn fields<'a>(&mut self, node: &'a YamlNode, path: &str) -> Option<Fields<'a>> {
        let Value::Map(pairs) = &node.value else {
            let hint = if path.is_empty() {
                "begin with apiVersion: and kind:, each on its own line"
            } else {
                "write its fields below it, indented by two spaces"
            };
            self.wrong_type(node, path, "map", hint);
            return None;
        };
        let pairs = pairs.iter().filter_map(|(k, v)| match &k.value {
            Value::Scalar { text, .. } => Some((text.as_str(), k.span, v)),
            _ => None,
        });
        Some(Fields {
            path: path.to_owned(),
            span: node.span,
            pairs: pairs.collect(),
            requested: Vec::new(),
            is_object: self.object.is_some(),
            table: &[],
            forms: &[],
            chosen: false,
        })
    }

    pub(crate) fn wrong_type(&mut self, node: &YamlNode, path: &str, want: &str, hint: &str) {
        let message = self.mistyped(node, path, want);
        self.error(Code::WrongType, node.span, message, hint);
    }

    /// What the API server says of a value that does not have the type of its field.
    fn mistyped(&self, node: &YamlNode, path: &str, want: &str) -> String {
        let object = self.object.as_ref();
        object.and_then(|o| o.mistyped(path, node)).unwrap_or_else(|| {
            let path = if path.is_empty() { "the document" } else { path };
            format!("{path}: invalid type: got \"{}\", expected \"{want}\"", node.kind())
        })
    }

    /// The items of a node that must be a list; none if it is empty.
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

    /// A string. Numbers and booleans are strings only in quotes.
    pub fn string(&mut self, node: &YamlNode, path: &str) -> Option<Spanned<String>> {
        match &node.value {
            Value::Scalar { text, plain } if !plain || node.kind() == "string" => {
                Some(Spanned { value: text.clone(), span: node.span })
            }
            Value::Scalar { text, .. } => {
                let message = self.mistyped(node, path, "string");
                let quoted = format!("\"{text}\"");
                let hint = format!("put it in quotes: {quoted}");
                self.diags.push(
                    Diagnostic::error(Code::WrongType, node.span, message, hint)
                        .with_fix(node.span, quoted),
                );
                None
            }
            _ => {
                self.wrong_type(node, path, "string", "write a single word or a quoted string");
                None
            }
        }
    }

    /// Decodes a whole number. A number in quotes is a fault with a fix.
    pub fn integer(&mut self, node: &YamlNode, path: &str) -> Option<Spanned<i64>> {
        if let Some(value) = node.integer() {
            return Some(Spanned { value, span: node.span });
        }
        match &node.value {
            Value::Scalar { text, .. } if text.trim().parse::<i64>().is_ok() => {
                let bare = text.trim().to_owned();
                let message = self.mistyped(node, path, "integer");
                let hint = format!("remove the quotes: {bare}");
                self.diags.push(
                    Diagnostic::error(Code::WrongType, node.span, message, hint)
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

    /// Decodes `true` or `false`. Other spellings of them are a fault with a fix.
    pub fn boolean(&mut self, node: &YamlNode, path: &str) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            // YAML 1.1, as kubectl reads it.
            Value::Scalar { text, .. } if self.object.is_some() && node.kind() == "boolean" => {
                Some(matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on"))
            }
            Value::Scalar { .. } if self.object.is_some() => {
                self.wrong_type(node, path, "boolean", "write true or false");
                None
            }
            Value::Scalar { text, .. } => {
                let meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "true" => Some("true"),
                    "no" | "off" | "false" => Some("false"),
                    _ => None,
                };
                let Some(meant) = meant else {
                    self.wrong_type(node, path, "boolean", "write true or false");
                    return None;
                };
                let message = format!("{path}: Invalid value: {text:?}: must be true or false");
                self.diags.push(
                    Diagnostic::error(
                        Code::WrongType,
                        node.span,
                        message,
                        format!("write {meant}"),
                    )
                    .with_fix(node.span, meant),
                );
                None
            }
            _ => {
                self.wrong_type(node, path, "boolean", "write true or false");
                None
            }
        }
    }

    /// A scalar that is parsed as an address, a network or a MAC.
    pub fn parsed<T: FromStr>(
        &mut self,
        node: &YamlNode,
        path: &str,
        format: &Format,
    ) -> Option<Spanned<T>> {
        self.parsed_or(node, path, format, Code::InvalidAddress)
    }

    /// A scalar in a format; `code` is that of a value that does not parse.
    pub(crate) fn parsed_or<T: FromStr>(
        &mut self,
        node: &YamlNode,
        path: &str,
        format: &Format,
        code: Code,
    ) -> Option<Spanned<T>> {
        let hint = format!("write it like {}", format.example);
        let Value::Scalar { text, .. } = &node.value else {
            self.wrong_type(node, path, "string", &hint);
            return None;
        };
        let value = text.parse().ok();
        if value.is_none() {
            self.error(
                code,
                node.span,
                format!("{path}: Invalid value: {text:?}: must be {}", format.with_article()),
                hint,
            );
        }
        value.map(|value| Spanned { value, span: node.span })
    }

    /// A mapping from strings to strings: labels, selectors.
    pub fn string_map(&mut self, node: &YamlNode, path: &str) -> BTreeMap<String, String> {
        let Some(fields) = self.fields(node, path) else { return BTreeMap::new() };
        if let Some(accepted) = &mut self.accepted {
            let present = Some(fields.keys());
            accepted.push(Accepted { span: node.span, words: Vec::new(), present });
        }
        let mut out = BTreeMap::new();
        for (key, _, value) in &fields.pairs {
            if let Some(text) = self.string(value, &format!("{path}.{key}")) {
                out.insert((*key).to_owned(), text.value);
            }
        }
        out
    }

    /// One of the allowed words.
    pub fn word(
        &mut self,
        node: &YamlNode,
        path: &str,
        allowed: &[&'static str],
    ) -> Option<&'static str> {
        self.word_or(node, path, allowed, None)
    }

    /// One of the allowed words, where there is another form of value, written like `other`.
    fn word_or(
        &mut self,
        node: &YamlNode,
        path: &str,
        allowed: &[&'static str],
        other: Option<&str>,
    ) -> Option<&'static str> {
        let text = self.string(node, path)?;
        if let Some(accepted) = &mut self.accepted {
            let words = allowed.iter().map(|w| (*w).to_owned()).collect();
            accepted.push(Accepted { span: node.span, words, present: None });
        }
        if let Some(word) = allowed.iter().find(|w| **w == text.value) {
            return Some(word);
        }
        let near = nearest(&text.value, allowed.iter().copied());
        let (supported, hint) = if allowed.len() > LONGEST_LIST {
            let nearest = nearest_first(&text.value, allowed.iter().copied());
            (
                format!("none of the {} supported values", allowed.len()),
                format!("write {}; the document reference lists all", nearest[..3].join(" or ")),
            )
        } else {
            let list: Vec<String> = allowed.iter().map(|w| format!("\"{w}\"")).collect();
            let all = list.into_iter().chain(other.map(str::to_owned)).collect::<Vec<_>>();
            let words = allowed.iter().copied().chain(other).collect::<Vec<_>>();
            (
                format!("supported values: {}", all.join(", ")),
                format!("write {}", words.join(" or ")),
            )
        };
        let message = format!("{path}: Unsupported value: {:?}: {supported}", text.value);
        let hint = near.map_or(hint, |w| format!("write {w}"));
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

    /// Ends a mapping: reports the keys that are unknown. Those of a Kubernetes object are checked
    /// with the whole object.
    pub fn finish(&mut self, fields: Fields<'_>) {
        if fields.is_object {
            let at = (fields.span.start, fields.span.end);
            self.requested.entry(at).or_default().extend(fields.requested);
            return;
        }
        let known = fields.known();
        if let Some(accepted) = &mut self.accepted {
            let words = known.iter().map(|w| (*w).to_owned()).collect();
            let present = Some(fields.keys());
            accepted.push(Accepted { span: fields.span, words, present });
        }
        for (key, span, _) in &fields.pairs {
            let path = fields.path_of(key);
            if fields.is_ignored(key) {
                if !fields.requested.contains(key) {
                    self.not_simulated(*span, &path);
                }
            } else if !known.contains(key) {
                let near = nearest(key, known.iter().copied());
                let hint = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => {
                        let simulated: Vec<_> =
                            known.iter().filter(|k| !fields.is_ignored(k)).copied().collect();
                        format!("the fields here are {}", simulated.join(", "))
                    }
                };
                let message = format!("unknown field \"{path}\"");
                let mut diag = Diagnostic::error(Code::UnknownField, *span, message, hint);
                if let Some(near) = near {
                    diag = diag.with_fix(*span, near);
                }
                self.diags.push(diag);
            }
        }
    }

    /// What the API server says of a missing field.
    fn missing(&self, path: &str) -> String {
        let object = self.object.as_ref();
        object.map_or_else(|| format!("{path}: Required value"), |o| o.missing(path))
    }
}

impl<'a> Fields<'a> {
    /// Declares that they are those of a Kubernetes object.
    pub(crate) fn of_object(mut self) -> Self {
        self.is_object = true;
        self
    }

    /// Declares the table that describes the fields.
    #[must_use]
    pub fn described(mut self, table: &'static [Field]) -> Self {
        self.table = table;
        self
    }

    /// Declares the field whose mapping, or one of whose mappings, this is.
    #[must_use]
    pub fn of(mut self, field: &'static Field) -> Self {
        (self.table, self.forms) = (field.fields(), field.forms());
        self
    }

    /// Chooses the form of the mapping: the first that is complete, else the first that is begun.
    /// The fields of other forms are then unknown. `None`: no field of any form is present.
    pub fn form(&mut self) -> Option<&'static [&'static str]> {
        let has = |key: &&str| self.pairs.iter().any(|(k, _, v)| k == key && !v.is_null());
        let complete = self.forms.iter().find(|form| form.iter().all(&has));
        let begun = || self.forms.iter().find(|form| form.iter().any(&has));
        let form = complete.or_else(begun).copied();
        self.chosen = form.is_some();
        form
    }

    /// The keys that are valid here, those that are ignored last.
    fn known(&self) -> Vec<&'static str> {
        let described = |ignored: bool| {
            self.table
                .iter()
                .filter(move |f| matches!(f.value, Type::Ignored) == ignored)
                .filter(|f| !self.chosen || self.requested.contains(&f.key))
                .map(|f| f.key)
        };
        let undescribed = self.requested.iter().copied().filter(|r| self.field(r).is_none());
        described(false).chain(undescribed).chain(described(true)).collect()
    }

    fn is_ignored(&self, key: &str) -> bool {
        self.field(key).is_some_and(|f| matches!(f.value, Type::Ignored))
    }

    /// The table's row of a key.
    fn field(&self, key: &str) -> Option<&'static Field> {
        self.table.iter().find(|f| f.key == key)
    }

    fn keys(&self) -> Vec<String> {
        self.pairs.iter().map(|(k, ..)| (*k).to_owned()).collect()
    }

    /// Every key and value of a mapping whose keys are names.
    pub fn all(&self) -> impl Iterator<Item = (&'a str, &'a YamlNode)> + '_ {
        self.pairs.iter().map(|(k, _, v)| (*k, *v))
    }

    /// The value of a key that is no field, to be explained better than as an unknown one.
    pub fn get_unknown(&mut self, name: &'static str) -> Option<&'a YamlNode> {
        let (_, value) = self.all().find(|(key, _)| *key == name)?;
        self.requested.push(name);
        Some(value)
    }

    /// The path of a field.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value of a field; none if it is missing or null, or an empty text in a Kubernetes
    /// object, which Go cannot tell from a missing one.
    pub fn get(&mut self, name: &'static str) -> Option<&'a YamlNode> {
        debug_assert!(
            self.table.is_empty() || self.field(name).is_some(),
            "{} is not in the table of fields",
            self.path_of(name)
        );
        if !self.requested.contains(&name) {
            self.requested.push(name);
        }
        let is_empty = |v: &YamlNode| {
            let empty = matches!(&v.value, Value::Scalar { text, .. } if text.is_empty());
            v.is_null() || self.is_object && empty
        };
        self.pairs.iter().find(|(k, _, v)| *k == name && !is_empty(v)).map(|(_, _, v)| *v)
    }

    /// A string; `None` if the field is absent or faulty.
    pub fn string(&mut self, d: &mut Decoder, name: &'static str) -> Option<Spanned<String>> {
        self.get(name).and_then(|n| d.string(n, &self.path_of(name)))
    }

    /// A whole number; `None` if the field is absent or faulty.
    pub fn integer(&mut self, d: &mut Decoder, name: &'static str) -> Option<Spanned<i64>> {
        self.get(name).and_then(|n| d.integer(n, &self.path_of(name)))
    }

    /// `true` or `false`; `None` if the field is absent or faulty.
    pub fn boolean(&mut self, d: &mut Decoder, name: &'static str) -> Option<bool> {
        self.get(name).and_then(|n| d.boolean(n, &self.path_of(name)))
    }

    /// A port from 1 to 65535; `None` if the field is absent, 0 or faulty.
    pub fn port(&mut self, d: &mut Decoder, name: &'static str) -> Option<Spanned<u16>> {
        let node = self.get(name).filter(|n| n.integer() != Some(0))?;
        d.port(node, &self.path_of(name))
    }

    /// An optional word out of the allowed ones.
    pub fn word(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        allowed: &[&'static str],
    ) -> Option<&'static str> {
        self.get(name).and_then(|n| d.word(n, &self.path_of(name), allowed))
    }

    /// The fields of a mapping; `None` if it is absent or faulty.
    pub fn fields(&mut self, d: &mut Decoder, name: &'static str) -> Option<Self> {
        let node = self.get(name)?;
        let field = self.field(name);
        d.fields(node, &self.path_of(name)).map(|f| match field {
            Some(field) => f.of(field),
            None => f,
        })
    }

    /// The mappings of an optional list.
    pub fn list(&mut self, d: &mut Decoder, name: &'static str) -> Vec<Self> {
        let Some(node) = self.get(name) else { return Vec::new() };
        let path = self.path_of(name);
        let field = self.field(name);
        let mut out = Vec::new();
        for (i, item) in d.items(node, &path).iter().enumerate() {
            let fields = d.fields(item, &format!("{path}[{i}]"));
            out.extend(fields.map(|f| match field {
                Some(field) => f.of(field),
                None => f,
            }));
        }
        out
    }

    /// The names and mappings of a mapping by name.
    pub fn by_name(&self, d: &mut Decoder) -> Vec<(&'a str, Self)> {
        let mut out = Vec::new();
        for (name, _, node) in &self.pairs {
            let fields = d.fields(node, &self.path_of(name));
            out.extend(fields.map(|f| (*name, f.described(self.table))));
        }
        out
    }

    /// A described number within its range, or its default.
    pub fn number<T: TryFrom<i64>>(&mut self, d: &mut Decoder, name: &'static str) -> Option<T> {
        let Some(Type::Integer(min, max)) = self.field(name).map(|f| &f.value) else { return None };
        let Some(n) = self.integer(d, name) else {
            return self.default_value(name)?.parse().ok().and_then(|n: i64| T::try_from(n).ok());
        };
        if (*min..=*max).contains(&n.value) {
            return T::try_from(n.value).ok();
        }
        let unit = self.field(name).and_then(|f| f.unit);
        let unit = unit.map(|u| format!(" {}", u.names()[0])).unwrap_or_default();
        let path = self.path_of(name);
        let (expected, hint) = if *max == i64::MAX {
            (
                format!("must be greater than or equal to {min}"),
                format!("write {min} or a larger number"),
            )
        } else {
            (
                format!("must be between {min} and {max}{unit}, inclusive"),
                format!("write a number from {min} to {max}"),
            )
        };
        let message = format!("{path}: Invalid value: {}: {expected}", n.value);
        d.error(Code::OutOfRange, n.span, message, hint);
        None
    }

    /// A described boolean, or its default.
    pub fn flag(&mut self, d: &mut Decoder, name: &'static str) -> bool {
        let default = self.default_value(name) == Some("true");
        self.boolean(d, name).unwrap_or(default)
    }

    /// A described word, or its default.
    pub fn choice(&mut self, d: &mut Decoder, name: &'static str) -> Option<&'static str> {
        let field = self.field(name)?;
        let (Type::Word(words) | Type::Either(Type::Word(words), ..)) = &field.value else {
            return None;
        };
        let other = field.form_example();
        let (node, path) = (self.get(name), self.path_of(name));
        node.and_then(|n| d.word_or(n, &path, words, other.as_deref()))
            .or_else(|| self.default_value(name))
    }

    /// A text in the format that the table of fields gives; `None` if it is absent or faulty.
    pub fn parsed<T: FromStr>(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
    ) -> Option<Spanned<T>> {
        let Some(Type::Text(format)) = self.field(name).map(|f| &f.value) else { return None };
        let example = self.default_value(name).unwrap_or(format.example);
        let format = Format { example, ..**format };
        self.get(name).and_then(|n| d.parsed(n, &self.path_of(name), &format))
    }

    /// The default of a described field, if it is a fixed value.
    pub fn default_value(&self, name: &str) -> Option<&'static str> {
        match self.field(name)?.default? {
            DefaultValue::Fixed(value) => Some(value),
            DefaultValue::Rule(_) => None,
        }
    }

    /// A string whose absence is a fault.
    pub fn require_string(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        hint: &str,
    ) -> Option<Spanned<String>> {
        self.require(d, name, hint).and_then(|n| d.string(n, &self.path_of(name)))
    }

    /// A port from 1 to 65535 whose absence is a fault.
    pub fn require_port(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        hint: &str,
    ) -> Option<Spanned<u16>> {
        self.require(d, name, hint).and_then(|n| d.port(n, &self.path_of(name)))
    }

    /// A field whose absence is a fault.
    pub fn require(
        &mut self,
        d: &mut Decoder,
        name: &'static str,
        hint: &str,
    ) -> Option<&'a YamlNode> {
        let found = self.get(name);
        if found.is_none() {
            // At the key if it has no value, else at the start of the mapping.
            let span = self
                .pairs
                .iter()
                .find(|(k, ..)| *k == name)
                .map_or(Span { end: self.span.start, ..self.span }, |(_, s, _)| *s);
            d.error(Code::MissingField, span, d.missing(&self.path_of(name)), hint);
        }
        found
    }
}

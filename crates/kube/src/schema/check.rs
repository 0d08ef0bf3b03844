//! Whether an object has the structure of its type, and what of it is not simulated.

use super::path::{Path, Segment};
use super::words::Object;
use super::{Required, Shape, Type, rules, validate};
use crate::decode::Decoder;
use crate::diag::{Code, Diagnostic, Severity, Span, nearest};
use crate::yaml::{Value, YamlNode};

/// The deepest nesting that is checked.
const MAX_DEPTH: usize = 200;

struct Check<'a> {
    d: &'a mut Decoder,
    object: &'a Object,
    found: Vec<Diagnostic>,
    /// Fields that no decoder requested.
    noted: Vec<(Span, String)>,
    /// Fields that are misspelt, with the start of their mapping.
    misspelt: Vec<(u32, &'static str)>,
}

/// Checks an object after its decoder, which reported the faults from `before` on. Each fault is
/// reported once, by the decoder if it found it. `simulated`: it has a decoder.
pub(crate) fn check(
    d: &mut Decoder,
    node: &YamlNode,
    object: &Object,
    before: usize,
    simulated: bool,
) {
    let mut check = Check { d, object, found: Vec::new(), noted: Vec::new(), misspelt: Vec::new() };
    let root = Path::ROOT;
    let state = State { notes: simulated, is_status: false, depth: 0 };
    check.mapping(node, object.root, root, state);
    let Check { found, noted, misspelt, .. } = check;
    // One fault, one error: what is misspelt is not missing, too.
    let is_effect = |x: &Diagnostic| {
        let about = |(start, field): &(u32, &str)| {
            let new = format!("{field}: Required value");
            x.span.start == *start
                && (x.message.contains(&new) || x.message.contains(&format!("field {field:?} in")))
        };
        x.code == Code::MissingField && misspelt.iter().any(about)
    };
    let earlier = d.diags.split_off(before);
    d.diags.extend(earlier.into_iter().filter(|x| !is_effect(x)));
    let found = found.into_iter().filter(|x| !is_effect(x));
    let by_decoder: Vec<(u32, Code, String)> = d.diags[before..]
        .iter()
        .filter(|x| x.severity == Severity::Error)
        .map(|x| (x.span.start, x.code, x.message.clone()))
        .collect();
    let is_new = |x: &Diagnostic| {
        let missing = x.code == Code::MissingField;
        // At the start of a mapping stands its first key, too.
        let unknown = x.code == Code::UnknownField;
        !by_decoder.iter().any(|(start, code, message)| {
            let at_key = unknown && *code == Code::MissingField;
            *message == x.message || !missing && *start == x.span.start && !at_key
        })
    };
    d.diags.extend(found.filter(is_new));
    let broken = d.diags[before..].iter().any(|x| x.severity == Severity::Error);
    if !broken || d.notes_all {
        for (span, what) in noted {
            d.noted(span, object.kind.clone(), Some(what));
        }
    }
}

#[derive(Clone, Copy)]
struct State {
    /// Whether fields that no decoder requested are noted.
    notes: bool,
    /// Inside `status`, which the API server overwrites.
    is_status: bool,
    depth: usize,
}

impl Check<'_> {
    fn error(&mut self, code: Code, span: Span, message: String, hint: impl Into<String>) {
        self.found.push(Diagnostic::error(code, span, message, hint));
    }

    fn mapping(&mut self, node: &YamlNode, t: &'static Type, path: Path<'_>, state: State) {
        let Value::Map(pairs) = &node.value else { return };
        let release = self.object.release;
        let sound = self.found.len();
        let requested = self.d.requested.get(&(node.span.start, node.span.end)).cloned();
        for (key, value) in pairs {
            let name = key.text();
            let Some(field) = t.field(name, release) else {
                self.unknown(node, key, t, path);
                continue;
            };
            let below = path.then(Segment::Key(name));
            let mut state = State { depth: state.depth + 1, ..state };
            state.is_status |= name == "status" && state.depth == 1;
            if let Some(requested) = requested.as_ref().filter(|_| state.notes)
                && !requested.contains(&name)
            {
                self.noted.push((key.span, below.to_string()));
                state.notes = false;
            }
            if value.is_null() {
                continue;
            }
            let before = self.found.len();
            self.value(value, field.shape(), below, state);
            if self.found.len() == before && !state.is_status {
                self.found.extend(rules::check(t, field, value, &below));
            }
        }
        let is_missing = |name: &str| {
            node.get(name).is_none_or(|v| {
                let quoted = matches!(v.value, Value::Scalar { plain: false, .. });
                v.is_null() || quoted && v.text().is_empty()
            })
        };
        let strict = release.strict_fields();
        for field in t.fields(release) {
            let required = match field.required {
                Required::No => false,
                Required::Client => !strict && node.get(field.name).is_none(),
                Required::Server => !(strict && state.is_status) && is_missing(field.name),
            };
            if required {
                let key = pairs.iter().find(|(k, _)| k.text() == field.name).map(|(k, _)| k.span);
                let span = key.unwrap_or(Span { end: node.span.start, ..node.span });
                let below = path.then(Segment::Key(field.name));
                let message = self.object.missing(&below.to_string());
                let hint = match field.shape() {
                    Shape::Object(_) | Shape::Map(_) => {
                        format!("write {}: with its fields below it", field.name)
                    }
                    Shape::List(_) => format!("write {}: with a list below it", field.name),
                    _ => format!("write {}: with a value", field.name),
                };
                self.error(Code::MissingField, span, message, hint);
            }
        }
        // The server validates only what it could decode.
        let undecoded = |x: &Diagnostic| matches!(x.code, Code::UnknownField | Code::WrongType);
        if state.is_status || self.found[sound..].iter().any(undecoded) {
            return;
        }
        for fault in validate::check(self.object, t, node, &path) {
            let at = (fault.span.start, fault.code);
            let found = &mut self.found[sound..];
            // Of what is missing the longer message says why.
            let shorter = found.iter().position(|x| fault.message.starts_with(&x.message));
            match shorter {
                Some(i) => found[i] = fault,
                None if fault.code == Code::MissingField => self.found.push(fault),
                None if found.iter().any(|x| at == (x.span.start, x.code)) => {}
                None => self.found.push(fault),
            }
        }
    }

    fn unknown(&mut self, of: &YamlNode, key: &YamlNode, t: &'static Type, path: Path<'_>) {
        let release = self.object.release;
        let name = key.text();
        let known = || t.fields(release).map(|f| f.name);
        let near = nearest(name, known());
        let ever = t.fields.iter().find(|f| f.name == name);
        let of_whole = matches!(name, "configMapRef" | "secretRef") && t.name == "EnvVar";
        let near = near.filter(|_| !of_whole);
        let hint = match (near, ever) {
            _ if of_whole => "write it below envFrom:, beside env:".to_owned(),
            (_, Some(field)) => format!(
                "{} has this field in {}, not in {release}",
                t.name,
                super::range_text(field.releases.ranges)
            ),
            (Some(near), _) => format!("did you mean {near}?"),
            (None, None) => match self.elsewhere(name) {
                Some(place) => format!("this field belongs below {place}"),
                None => {
                    let known: Vec<_> = known().collect();
                    format!("the fields here are {}", known.join(", "))
                }
            },
        };
        let message = self.object.unknown(&path.to_string(), name, t);
        let mut diag = Diagnostic::error(Code::UnknownField, key.span, message, hint);
        if let (Some(near), None) = (near, ever) {
            diag = diag.with_fix(key.span, near);
            self.misspelt.push((of.span.start, near));
        }
        self.found.push(diag);
    }

    /// The place that a misplaced field belongs to: the object, its `spec`, or its pods' `spec`.
    fn elsewhere(&self, name: &str) -> Option<&'static str> {
        let places = ["", "metadata", "spec", "spec.template", "spec.template.spec"];
        places.into_iter().find(|place| {
            let path = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
            !place.is_empty() && self.object.target(&path).is_some_and(|t| t.field.name == name)
        })
    }

    fn value(&mut self, node: &YamlNode, shape: Shape, path: Path<'_>, state: State) {
        if node.is_null() || state.depth > MAX_DEPTH {
            return;
        }
        let kind = node.kind();
        let fits = match shape {
            Shape::Any => true,
            Shape::String => kind == "string",
            Shape::Time | Shape::Bytes | Shape::Quantity => {
                let number = shape == Shape::Quantity && matches!(kind, "integer" | "number");
                let why = (kind == "string").then(|| rules::undecodable(shape, node.text()));
                if let Some(Some((why, hint))) = why {
                    let message = self.object.undecodable(&path.to_string(), &why);
                    self.error(Code::WrongType, node.span, message, hint);
                }
                number || kind == "string"
            }
            Shape::IntOrString => matches!(kind, "integer" | "string"),
            Shape::Int32 => node.integer().is_some_and(|n| i32::try_from(n).is_ok()),
            Shape::Int64 => node.integer().is_some(),
            Shape::Number => matches!(kind, "integer" | "number"),
            Shape::Bool => kind == "boolean",
            Shape::List(inner) => {
                let Value::Seq(items) = &node.value else {
                    return self.mistyped(node, shape, path);
                };
                for (i, item) in items.iter().enumerate() {
                    let below = path.then(Segment::Index(i));
                    self.value(item, inner.shape(), below, state);
                }
                true
            }
            Shape::Map(inner) => {
                let Value::Map(pairs) = &node.value else {
                    return self.mistyped(node, shape, path);
                };
                for (key, value) in pairs {
                    let below = path.then(Segment::Key(key.text()));
                    let state = State { depth: state.depth + 1, ..state };
                    self.value(value, inner.shape(), below, state);
                }
                true
            }
            Shape::Object(t) => {
                if matches!(node.value, Value::Map(_)) {
                    self.mapping(node, t, path, state);
                }
                matches!(node.value, Value::Map(_))
            }
        };
        if !fits {
            self.mistyped(node, shape, path);
        }
    }

    fn mistyped(&mut self, node: &YamlNode, shape: Shape, path: Path<'_>) {
        let path = path.to_string();
        let Some(message) = self.object.mistyped(&path, node) else { return };
        let text = node.text();
        let scalar = matches!(node.value, Value::Scalar { .. });
        let (hint, fix) = match shape {
            Shape::String | Shape::Quantity | Shape::IntOrString | Shape::Time if scalar => {
                let quoted = format!("\"{text}\"");
                (format!("put it in quotes: {quoted}"), Some(quoted))
            }
            Shape::Int32 | Shape::Int64 if text.trim().parse::<i32>().is_ok() => {
                let bare = text.trim().to_owned();
                (format!("remove the quotes: {bare}"), Some(bare))
            }
            Shape::Int32 | Shape::Int64 => ("write a whole number".to_owned(), None),
            Shape::Bool if matches!(text, "true" | "false") => {
                (format!("remove the quotes: {text}"), Some(text.to_owned()))
            }
            Shape::Bool => ("write true or false".to_owned(), None),
            Shape::List(_) => ("begin each item with a dash and a space: - ".to_owned(), None),
            Shape::Object(_) | Shape::Map(_) => {
                ("write its fields below it, indented by two spaces".to_owned(), None)
            }
            _ => ("write a single word or a quoted string".to_owned(), None),
        };
        let mut diag = Diagnostic::error(Code::WrongType, node.span, message, hint);
        if let Some(fix) = fix {
            diag = diag.with_fix(node.span, fix);
        }
        self.found.push(diag);
    }
}

//! What the API server and kubectl say about a structure that they refuse.

use super::{Field, Shape, Type};
use crate::release::Release;
use crate::yaml::YamlNode;

/// An object of a built-in kind.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// Its `apiVersion`.
    pub(crate) api_version: String,
    /// Its kind.
    pub(crate) kind: String,
    /// Its type.
    pub(crate) root: &'static Type,
    /// The release of the API server.
    pub(crate) release: Release,
}

/// What a path leads to: a field of a type, and the shape of what is there, which may be inside the
/// field's lists and maps.
pub(crate) struct Target {
    pub(crate) owner: &'static Type,
    pub(crate) field: &'static Field,
    pub(crate) shape: Shape,
}

impl Object {
    /// Whether the API server itself refuses unknown fields, since 1.25; before, kubectl validates.
    fn is_strict(&self) -> bool {
        self.release.strict_fields()
    }

    /// What a path such as `spec.ports[0].port` leads to.
    pub(crate) fn target(&self, path: &str) -> Option<Target> {
        let (mut shape, mut rest) = (Shape::Object(self.root), path);
        let mut found = None;
        while !rest.is_empty() {
            let end = rest[1..].find(['.', '[']).map_or(rest.len(), |i| i + 1);
            match shape {
                Shape::Object(owner) => {
                    let field = owner.field(rest[..end].trim_start_matches('.'), self.release)?;
                    shape = field.shape();
                    found = Some((owner, field));
                    rest = &rest[end..];
                }
                Shape::List(inner) => {
                    shape = inner.shape();
                    rest = rest.split_once(']')?.1;
                }
                // The name may contain dots itself.
                Shape::Map(inner) => {
                    shape = inner.shape();
                    let leaf = !matches!(shape, Shape::Object(_));
                    rest = if leaf { "" } else { &rest[end..] };
                }
                _ => break,
            }
        }
        found.map(|(owner, field)| Target { owner, field, shape })
    }

    /// A mapping has a key that its type does not have.
    pub(crate) fn unknown(&self, path: &str, key: &str, owner: &Type) -> String {
        if self.is_strict() {
            let dot = if path.is_empty() { "" } else { "." };
            return format!("strict decoding error: unknown field \"{path}{dot}{key}\"");
        }
        format!(
            "error validating data: ValidationError({}): unknown field {key:?} in {}",
            self.full_path(path),
            owner.full_name()
        )
    }

    /// A mapping lacks a key.
    pub(crate) fn missing(&self, path: &str) -> String {
        match self.target(path) {
            Some(t) if !self.is_strict() => {
                let above = path.rsplit_once('.').map_or("", |(above, _)| above);
                format!(
                    "error validating data: ValidationError({}): missing required field {:?} in {}",
                    self.full_path(above),
                    t.field.name,
                    t.owner.full_name()
                )
            }
            _ => format!("{path}: Required value"),
        }
    }

    /// A value is not of the type of its field.
    pub(crate) fn mistyped(&self, path: &str, node: &YamlNode) -> Option<String> {
        let Target { owner, field, shape } = self.target(path)?;
        if !self.is_strict() {
            let got = if node.kind() == "number" { "float" } else { node.kind() };
            return Some(format!(
                "error validating data: ValidationError({}): invalid type for {}.{}: got {got:?}, \
                 expected {:?}",
                self.full_path(path),
                owner.full_name(),
                field.name,
                shape.openapi()
            ));
        }
        let integer = matches!(shape, Shape::Int32 | Shape::Int64);
        let got = match node.kind() {
            "integer" | "number" if integer => format!("number {}", node.text()),
            "integer" | "number" => "number".to_owned(),
            "boolean" => "bool".to_owned(),
            "map" => "object".to_owned(),
            other => other.to_owned(),
        };
        Some(format!(
            "json: cannot unmarshal {got} into Go struct field {}.{} of type {}",
            owner.name,
            fields_only(path, field),
            shape.go()
        ))
    }

    /// A text cannot be decoded.
    pub(crate) fn undecodable(&self, path: &str, why: &str) -> String {
        if self.is_strict() { why.to_owned() } else { format!("{path}: Invalid value: {why}") }
    }

    fn full_path(&self, path: &str) -> String {
        if path.is_empty() { self.kind.clone() } else { format!("{}.{path}", self.kind) }
    }
}

/// The path as Go's decoder reports it: without indices, and up to the last field.
fn fields_only(path: &str, last: &Field) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    // Below the field there can only be names of a map.
    if matches!(last.shape(), Shape::Map(_))
        && let Some(at) = format!(".{out}").find(&format!(".{}.", last.name))
    {
        out.truncate(at + last.name.len());
    }
    out
}

impl Shape {
    /// Its type in the schema.
    pub fn openapi(self) -> &'static str {
        match self {
            Self::String | Self::Time | Self::Bytes | Self::Quantity | Self::IntOrString => {
                "string"
            }
            Self::Int32 | Self::Int64 => "integer",
            Self::Number => "number",
            Self::Bool => "boolean",
            Self::List(_) => "array",
            Self::Object(_) | Self::Map(_) | Self::Any => "map",
        }
    }

    /// Its type in Go.
    pub fn go(self) -> String {
        match self {
            Self::String => "string".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Number => "float64".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Quantity => "resource.Quantity".to_owned(),
            Self::IntOrString => "intstr.IntOrString".to_owned(),
            Self::Time => "v1.Time".to_owned(),
            Self::Bytes => "[]uint8".to_owned(),
            Self::Any => "runtime.RawExtension".to_owned(),
            Self::List(inner) => format!("[]{}", inner.shape().go()),
            Self::Map(inner) => format!("map[string]{}", inner.shape().go()),
            Self::Object(t) => {
                let version = t.package.rsplit('.').next().unwrap_or_default();
                format!("{version}.{}", t.name)
            }
        }
    }
}

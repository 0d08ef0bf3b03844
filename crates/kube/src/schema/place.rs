//! The type of a place in the text: for completion and help in the editor.

use super::{Resolved, Shape, Type, resolve, words_of};
use crate::diag::Span;
use crate::release::Release;
use crate::yaml::{Value, YamlNode};

/// The innermost mapping at a byte of a document.
pub struct Place<'a> {
    /// The mapping.
    pub mapping: &'a YamlNode,
    /// What it is: an object or a map.
    pub shape: Shape,
    /// The key whose value it is, or is an item of.
    pub name: &'a str,
    /// The keys that lead to it.
    pub keys: Vec<Span>,
}

/// The innermost mapping at a byte, in a document of a built-in kind.
pub fn place(doc: &YamlNode, at: usize, release: Release) -> Option<Place<'_>> {
    let (api_version, kind) = (doc.get("apiVersion")?.text(), doc.get("kind")?.text());
    if kind == "List" {
        let items = doc.get("items").map(YamlNode::items).unwrap_or_default();
        return place(items.iter().find(|i| i.span.contains(at))?, at, release);
    }
    let Resolved::Served(root) = resolve(api_version, kind, release) else { return None };
    let (mut node, mut shape, mut name, mut keys) = (doc, Shape::Object(root), "", Vec::new());
    let mut found = (doc, shape, name, 0);
    loop {
        let next = match (&node.value, shape) {
            (Value::Map(pairs), Shape::Object(_) | Shape::Map(_)) => {
                found = (node, shape, name, keys.len());
                pairs.iter().filter(|(_, v)| v.span.contains(at)).find_map(|(k, v)| {
                    let below = match shape {
                        Shape::Object(t) => t.field(k.text(), release)?.shape(),
                        Shape::Map(inner) => inner.shape(),
                        _ => return None,
                    };
                    keys.push(k.span);
                    Some((v, below, k.text()))
                })
            }
            (Value::Seq(items), Shape::List(inner)) => {
                let item = items.iter().find(|i| i.span.contains(at));
                item.map(|i| (i, inner.shape(), name))
            }
            _ => None,
        };
        let Some(below) = next else { break };
        (node, shape, name) = below;
    }
    keys.truncate(found.3);
    Some(Place { mapping: found.0, shape: found.1, name: found.2, keys })
}

impl Shape {
    /// What it is called, with the supported values if it is one of a few words.
    pub fn text(self, owner: &Type, field: &str) -> String {
        if let Some(words) = words_of(owner, field) {
            let words: Vec<_> = words.iter().copied().filter(|w| !w.is_empty()).collect();
            let list = if matches!(self, Self::List(_)) { "[] " } else { "" };
            return format!("{list}{}", words.join(" | "));
        }
        match self {
            Self::Object(t) => t.name.to_owned(),
            Self::List(inner) => format!("[]{}", inner.shape().text(owner, "")),
            Self::Map(inner) => format!("map[string]{}", inner.shape().text(owner, "")),
            Self::Any => "any".to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::Time => "Time".to_owned(),
            Self::Quantity => "Quantity".to_owned(),
            Self::IntOrString => "IntOrString".to_owned(),
            Self::Bytes => "base64".to_owned(),
            other => other.go(),
        }
    }
}

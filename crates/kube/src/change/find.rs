//! Objects in the documents of a text, by kind and name or by place.

use super::Thing;
use crate::yaml::edit::{PathPart, YamlPath};
use crate::yaml::{YamlNode, parse};

/// An object of a text.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its path.
    pub at: YamlPath,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`, `default` if it names none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

/// The node at a path.
pub fn node_at<'a>(docs: &'a [YamlNode], path: &YamlPath) -> Option<&'a YamlNode> {
    let step = |node: &'a YamlNode, part: &PathPart| match part {
        PathPart::Key(key) => node.get(key),
        PathPart::Item(i) => node.items().get(*i),
    };
    path.parts.iter().try_fold(docs.get(path.document)?, step)
}

/// The items of a list; none if there is no list.
pub(super) fn items(node: Option<&YamlNode>) -> &[YamlNode] {
    node.map_or(&[], YamlNode::items)
}

/// Every object of some documents, those in Lists included.
pub fn objects(docs: &[YamlNode]) -> Vec<Object> {
    fn one(node: &YamlNode, at: YamlPath, out: &mut Vec<Object>) {
        let text = |keys: &[&str]| node.at(keys).map(YamlNode::text).unwrap_or_default().to_owned();
        let kind = text(&["kind"]);
        if kind == "List" {
            for (i, item) in items(node.get("items")).iter().enumerate() {
                one(item, at.clone().key("items").item(i), out);
            }
            return;
        }
        let namespace = Some(text(&["metadata", "namespace"]))
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| "default".to_owned());
        out.push(Object { at, kind, namespace, name: text(&["metadata", "name"]) });
    }
    let mut out = Vec::new();
    docs.iter().enumerate().for_each(|(i, doc)| one(doc, YamlPath::root(i), &mut out));
    out
}

/// What the text defines at a byte.
pub fn thing_at(text: &str, at: usize) -> Option<Thing> {
    let holds = |n: &YamlNode| n.span.contains(at);
    let (docs, _) = parse(text);
    let mut found: Vec<&YamlNode> = docs.iter().filter(|d| holds(d)).collect();
    // Within a List, the item.
    while let Some(item) =
        found.last().and_then(|n| items(n.get("items")).iter().find(|i| holds(i)))
    {
        found.push(item);
    }
    let node = found.pop()?;
    let word_at = |keys: &[&str]| {
        node.at(keys).map(YamlNode::text).filter(|w| !w.is_empty()).map(str::to_owned)
    };
    let name = || word_at(&["metadata", "name"]);
    let namespace = || word_at(&["metadata", "namespace"]).unwrap_or_else(|| "default".to_owned());
    let end = |list: &str| {
        let item = items(node.at(&["spec", list])).iter().find(|i| holds(i))?;
        item.get("name").map(|n| n.text().to_owned())
    };
    match word_at(&["kind"])?.as_str() {
        "Deployment" => Some(Thing::Deployment(namespace(), name()?)),
        "Service" => Some(Thing::Service(namespace(), name()?)),
        "Topology" => end("nodes")
            .map(Thing::Node)
            .or_else(|| end("hosts").or_else(|| end("routers")).map(Thing::Host)),
        _ => None,
    }
}

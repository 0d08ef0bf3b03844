//! Renaming something, with every reference to it in a Topology and in objects.

use super::editor::Editor;
use super::find::items;
use super::{ChangeError, Thing};
use crate::fields::TOPOLOGY;
use crate::topology::{Balancer, Topology};
use crate::yaml::edit::{Edit, PathPart, YamlPath};
use crate::yaml::{Tree, Value, YamlNode};

impl Editor {
    pub(super) fn rename(&mut self, thing: &Thing, to: &str) -> Result<(), ChangeError> {
        let name = thing.name().to_owned();
        let set = |at: YamlPath| Edit::Set(at, Tree::text(to));
        match thing {
            Thing::Deployment(namespace, _) | Thing::Service(namespace, _) => {
                let kind =
                    if matches!(thing, Thing::Deployment(..)) { "Deployment" } else { "Service" };
                let at = self.object(kind, namespace, &name)?;
                self.edit(set(at.key("metadata").key("name")))?;
            }
            Thing::Node(_) | Thing::Host(_) => {
                let at = self.machine(thing)?;
                self.edit(set(at.key("name")))?;
                let place = self.topology()?.key("spec").key("layout").key(&name);
                if self.node(&place).is_some() {
                    self.edit(Edit::Rename(place, to.to_owned()))?;
                }
            }
            Thing::Segment(_) => {
                let list = self.topology()?.key("spec").key("segments");
                let node = self.node(&list);
                let all = items(node.as_ref());
                // The first one has a name even if none is written.
                let is_it =
                    |(i, n): (usize, &YamlNode)| n.get("name").map_or(i == 0, |n| n.text() == name);
                let i = all.iter().enumerate().position(is_it).or(all.is_empty().then_some(0));
                let i = i.ok_or_else(|| ChangeError::NotWritten(name.clone()))?;
                self.edit(set(list.item(i).key("name")))?;
            }
        }
        if let Thing::Host(_) = thing {
            self.name_balancer(&name)?;
        }
        self.rename_references(thing, to)
    }

    /// Writes the name of the host that is the load balancer, if it is `host` by default.
    fn name_balancer(&mut self, host: &str) -> Result<(), ChangeError> {
        let spec = self.topology()?.key("spec");
        let named = spec.clone().key("loadBalancerHost");
        let balancer = self.node(&spec.key("loadBalancer"));
        let is_external = balancer.is_some_and(|b| b.text() == Balancer::External.name());
        let is_default =
            self.node(&named).is_none() && host == Topology::default().load_balancer_host;
        if is_external && is_default {
            self.edit(Edit::Set(named, Tree::text(host)))?;
        }
        Ok(())
    }

    fn rename_references(&mut self, thing: &Thing, to: &str) -> Result<(), ChangeError> {
        let mut references = Vec::new();
        for (i, doc) in self.docs().iter().enumerate() {
            let own = doc.get("kind").is_some_and(|k| k.text() == TOPOLOGY.name);
            let mut found = Vec::new();
            references_in(doc, YamlPath::root(i), thing, to, &mut found);
            // In a Kubernetes object, only a pod template refers to a node.
            references.extend(found.into_iter().filter(|(at, _)| {
                own || at.parts.last() == Some(&PathPart::Key("nodeName".to_owned()))
            }));
        }
        for (at, value) in references {
            self.edit(Edit::Set(at, Tree::text(value)))?;
        }
        Ok(())
    }
}

/// Manifests in which an object is renamed, where they define it or refer to it.
pub fn renamed(text: &str, thing: &Thing, to: &str) -> String {
    let mut e = Editor::new(text);
    let is_defined = match thing {
        Thing::Deployment(namespace, name) => e.object("Deployment", namespace, name).is_ok(),
        Thing::Service(namespace, name) => e.object("Service", namespace, name).is_ok(),
        Thing::Node(_) | Thing::Host(_) | Thing::Segment(_) => false,
    };
    let done = if is_defined { e.rename(thing, to) } else { e.rename_references(thing, to) };
    if done.is_ok() { e.text } else { text.to_owned() }
}

/// The scalars that refer to a thing, with their text after it is renamed.
fn references_in(
    node: &YamlNode,
    at: YamlPath,
    thing: &Thing,
    to: &str,
    out: &mut Vec<(YamlPath, String)>,
) {
    match &node.value {
        Value::Map(pairs) => {
            for (k, v) in pairs {
                let (key, old) = (k.text(), v.text());
                let place = at.clone().key(key);
                let new = match (thing, key) {
                    (Thing::Node(n), "node" | "nodeName") if old == n => Some(to.to_owned()),
                    (Thing::Node(n) | Thing::Host(n), "cut" | "down" | "stopped") => {
                        with_prefix(old, n, to)
                    }
                    (Thing::Host(n), "loadBalancerHost") | (Thing::Segment(n), "segment")
                        if old == n =>
                    {
                        Some(to.to_owned())
                    }
                    (Thing::Deployment(_, n), "of") if old == n => Some(to.to_owned()),
                    _ => None,
                };
                match new {
                    Some(new) => out.push((place, new)),
                    None => references_in(v, place, thing, to, out),
                }
            }
        }
        Value::Seq(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, v)| references_in(v, at.clone().item(i), thing, to, out)),
        Value::Scalar { .. } => {}
    }
}

/// The text with the prefix `old` replaced, if `/` or nothing follows it.
fn with_prefix(text: &str, old: &str, new: &str) -> Option<String> {
    let rest = text.strip_prefix(old)?;
    (rest.is_empty() || rest.starts_with('/')).then(|| format!("{new}{rest}"))
}

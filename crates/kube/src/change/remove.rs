//! Removing something, with every reference to it.

use super::editor::Editor;
use super::find::{items, objects};
use super::{ChangeError, Thing};
use crate::yaml::edit::{Edit, YamlPath};
use crate::yaml::{Value, YamlNode};

impl Editor {
    /// Removes an object: its document, or its item of a List.
    pub(super) fn remove_object(&mut self, at: YamlPath) -> Result<(), ChangeError> {
        self.edit(if at.parts.is_empty() {
            Edit::RemoveDocument(at.document)
        } else {
            Edit::Remove(at)
        })
    }

    pub(super) fn remove(&mut self, thing: &Thing) -> Result<(), ChangeError> {
        match thing {
            Thing::Deployment(namespace, name) => {
                let at = self.object("Deployment", namespace, name)?;
                self.remove_object(at)?;
                self.remove_placements(|of, _, _| of == name)
            }
            Thing::Service(namespace, name) => {
                let at = self.object("Service", namespace, name)?;
                self.remove_object(at)
            }
            Thing::Segment(_) => Err(ChangeError::SegmentStays),
            Thing::Node(name) | Thing::Host(name) => {
                let at = self.machine(thing)?;
                self.edit(Edit::Remove(at))?;
                self.remove_placements(|_, node, _| node == name)?;
                let spec = self.topology()?.key("spec");
                let place = spec.key("layout").key(name);
                if self.node(&place).is_some() {
                    self.edit(Edit::Remove(place))?;
                }
                self.each_fault(|d, at, _, value| {
                    if value.split('/').next() == Some(name) {
                        d.edit(Edit::Remove(at))
                    } else {
                        Ok(())
                    }
                })
            }
        }
    }

    /// Removes the items of `spec.pods` for which `gone` is true, given the Deployment, the node
    /// and the number of earlier items of the same Deployment.
    pub(super) fn remove_placements(
        &mut self,
        gone: impl Fn(&str, &str, usize) -> bool,
    ) -> Result<(), ChangeError> {
        if !objects(&self.docs()).iter().any(|o| o.kind == "Topology") {
            return Ok(());
        }
        let list = self.topology()?.key("spec").key("pods");
        let node = self.node(&list);
        let mut seen: Vec<&str> = Vec::new();
        let mut which = Vec::new();
        for (i, pod) in items(node.as_ref()).iter().enumerate() {
            let of = pod.get("of").map(YamlNode::text).unwrap_or_default();
            let k = seen.iter().filter(|s| **s == of).count();
            seen.push(of);
            if gone(of, pod.get("node").map(YamlNode::text).unwrap_or_default(), k) {
                which.push(i);
            }
        }
        which.into_iter().rev().try_for_each(|i| self.edit(Edit::Remove(list.clone().item(i))))
    }

    /// Calls `f` for every fault, from the last: its path, key and value.
    pub(super) fn each_fault(
        &mut self,
        f: impl Fn(&mut Self, YamlPath, &str, &str) -> Result<(), ChangeError>,
    ) -> Result<(), ChangeError> {
        let list = self.topology()?.key("spec").key("faults");
        let node = self.node(&list);
        for (i, item) in items(node.as_ref()).iter().enumerate().rev() {
            if let Value::Map(pairs) = &item.value
                && let Some((k, v)) = pairs.first()
            {
                f(self, list.clone().item(i), k.text(), v.text())?;
            }
        }
        Ok(())
    }
}

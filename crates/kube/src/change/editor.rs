//! A text while a change is made to it.

use super::find::{items, node_at, objects};
use super::templates::{deployment, topology};
use super::{ChangeError, ClusterChange, NicField, Thing};
use crate::controller::build;
use crate::diag::Severity;
use crate::fault::Fault;
use crate::topology::{Role, Topology};
use crate::yaml::edit::{Edit, EditError, PathPart, YamlPath, edit, spliced};
use crate::yaml::{Tree, YamlNode, parse};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Whether a path of a machine is that of a router.
pub(super) fn is_router(machine: &YamlPath) -> bool {
    machine.parts.contains(&PathPart::Key("routers".to_owned()))
}

/// A text while a change is made to it.
pub(super) struct Editor {
    pub(super) text: String,
}

impl Editor {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// Makes one edit.
    pub(super) fn edit(&mut self, e: Edit) -> Result<(), ChangeError> {
        let splices = edit(&self.text, &e)?;
        self.text = spliced(&self.text, &splices);
        Ok(())
    }

    /// The documents of the text.
    pub(super) fn docs(&self) -> Vec<YamlNode> {
        parse(&self.text).0
    }

    /// The path of an object.
    pub(super) fn object(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<YamlPath, ChangeError> {
        let all = objects(&self.docs());
        let found =
            all.into_iter().find(|o| o.kind == kind && o.namespace == namespace && o.name == name);
        found.map(|o| o.at).ok_or_else(|| ChangeError::NotWritten(name.to_owned()))
    }

    /// The path of the Topology. If the text has none, the default one is added.
    pub(super) fn topology(&mut self) -> Result<YamlPath, ChangeError> {
        let find =
            |d: &Self| objects(&d.docs()).into_iter().find(|o| o.kind == "Topology").map(|o| o.at);
        if let Some(at) = find(self) {
            return Ok(at);
        }
        self.edit(Edit::AddDocument(topology(&Topology::default())))?;
        find(self).ok_or_else(|| ChangeError::NotWritten("Topology".to_owned()))
    }

    /// The node at a path.
    pub(super) fn node(&self, path: &YamlPath) -> Option<YamlNode> {
        node_at(&self.docs(), path).cloned()
    }

    /// The path of a node or host in the Topology; a router is a host too.
    pub(super) fn machine(&mut self, thing: &Thing) -> Result<YamlPath, ChangeError> {
        let lists: &[&str] =
            if matches!(thing, Thing::Node(_)) { &["nodes"] } else { &["hosts", "routers"] };
        let spec = self.topology()?.key("spec");
        let node = self.node(&spec);
        let is_it = |n: &YamlNode| n.get("name").is_some_and(|n| n.text() == thing.name());
        let found = lists.iter().find_map(|list| {
            let all = items(node.as_ref().and_then(|n| n.get(list)));
            all.iter().position(is_it).map(|i| spec.clone().key(list).item(i))
        });
        found.ok_or_else(|| ChangeError::NotWritten(thing.name().to_owned()))
    }

    /// The path of a machine's first interface.
    fn nic(&mut self, thing: &Thing) -> Result<YamlPath, ChangeError> {
        let at = self.machine(thing)?;
        Ok(if is_router(&at) { at.key("interfaces").item(0) } else { at.key("nic") })
    }

    pub(super) fn change(&mut self, change: &ClusterChange) -> Result<(), ChangeError> {
        match change {
            ClusterChange::AddNode => self.add_machine("nodes"),
            ClusterChange::AddHost => self.add_machine("hosts"),
            ClusterChange::AddDeployment => {
                let name = self.free_name("web");
                self.edit(Edit::AddDocument(deployment(&name)))
            }
            ClusterChange::AddService(namespace, name) => self.add_service(namespace, name),
            ClusterChange::Remove(thing) => self.remove(thing),
            ClusterChange::Rename(thing, to) => self.rename(thing, to),
            ClusterChange::Scale(namespace, name, n) => {
                let at = self.object("Deployment", namespace, name)?;
                self.edit(Edit::Set(at.key("spec").key("replicas"), Tree::plain(n)))?;
                self.remove_placements(|of, _, k| of == name && k >= *n as usize)
            }
            ClusterChange::ServiceType(namespace, name, kind) => {
                let at = self.object("Service", namespace, name)?.key("spec");
                self.edit(Edit::Set(at.clone().key("type"), Tree::text(*kind)))?;
                let ports = self.node(&at.clone().key("ports"));
                for i in (0..items(ports.as_ref()).len()).filter(|_| *kind == "ClusterIP") {
                    let port = at.clone().key("ports").item(i).key("nodePort");
                    if self.node(&port).is_some() {
                        self.edit(Edit::Remove(port))?;
                    }
                }
                Ok(())
            }
            ClusterChange::Nic(thing, field, value) => {
                let (key, value) = match field {
                    NicField::Address => ("address", Tree::text(value)),
                    NicField::Mac => ("mac", Tree::text(value)),
                    NicField::Mtu => ("mtu", Tree::plain(value)),
                };
                let at = self.nic(thing)?.key(key);
                self.edit(Edit::Set(at, value))
            }
            ClusterChange::Version(release) => {
                let at = self.topology()?.key("spec").key("kubernetes").key("version");
                self.edit(Edit::Set(at, Tree::text(release.to_string())))
            }
            ClusterChange::Sysctl(node, key, value) => {
                let at = self.machine(&Thing::Node(node.clone()))?.key("sysctl").key(key);
                self.edit(Edit::Set(at, Tree::plain(value)))
            }
            ClusterChange::Set(thing, path, value) => self.set_field(thing, path, value.as_ref()),
            ClusterChange::AddItem(thing, list) => self.add_item(thing, list),
            ClusterChange::Fault(fault, on) => self.fault(fault, *on),
            ClusterChange::Move(thing, to) => {
                let at = self.topology()?.key("spec").key("layout").key(thing.name());
                match to {
                    Some((x, y)) => self.edit(Edit::Set(
                        at,
                        Tree::map([("x", Tree::plain(x)), ("y", Tree::plain(y))]),
                    )),
                    None if self.node(&at).is_some() => self.edit(Edit::Remove(at)),
                    None => Ok(()),
                }
            }
        }
    }

    /// An unused name for an object, node, host or segment: `base`, or `base` with the next number.
    fn free_name(&self, base: &str) -> String {
        let docs = self.docs();
        let mut taken: Vec<String> = objects(&docs).into_iter().map(|o| o.name).collect();
        for topology in
            docs.iter().filter(|d| d.get("kind").is_some_and(|k| k.text() == "Topology"))
        {
            let lists = ["nodes", "hosts", "routers", "segments"];
            let all = lists.iter().flat_map(|list| items(topology.at(&["spec", list])));
            taken.extend(all.filter_map(|n| n.get("name")).map(|n| n.text().to_owned()));
        }
        if !taken.iter().any(|t| t == base) {
            return base.to_owned();
        }
        // node02 becomes node03, worker becomes worker-2.
        let stem = base.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &base[stem.len()..];
        let (stem, width, first) = match digits.parse::<u64>() {
            Ok(n) => (stem.to_owned(), digits.len(), n + 1),
            Err(_) => (format!("{base}-"), 1, 2),
        };
        let name = |n: u64| format!("{stem}{n:0width$}");
        (first..).map(name).find(|n| !taken.contains(n)).unwrap_or_default()
    }

    /// Adds a node or host, `list`, like the last one.
    fn add_machine(&mut self, list: &str) -> Result<(), ChangeError> {
        let topology = self.topology()?;
        let (built, diags) = build(&self.text);
        let line = diags.iter().find(|d| d.severity == Severity::Error).map_or(1, |d| d.span.line);
        let t = built.map(|c| c.topology).ok_or(EditError::InvalidYaml { line })?;
        let like = match list {
            "nodes" => t
                .nodes
                .iter()
                .rev()
                .find(|n| n.role == Role::Worker)
                .or(t.nodes.last())
                .map(|n| (&n.name.value, &n.nic)),
            _ => {
                let mut hosts = t.hosts.iter().rev().filter(|h| h.router.is_none());
                hosts.next().map(|h| (&h.name.value, &h.nic))
            }
        };
        let used: BTreeSet<_> =
            t.machines().flat_map(|(_, nics, _)| nics).map(|n| n.address.value.addr()).collect();
        // The first free address after the last machine's, then from the start of the subnet.
        let segment = &t.segments[like.map_or(0, |(_, nic)| nic.segment)];
        let subnet = segment.subnet;
        let after = like.map_or(subnet.network(), |(_, nic)| nic.address.value.addr());
        let is_free = |a: &u32| {
            let a = Ipv4Addr::from(*a);
            a != subnet.network()
                && a != subnet.broadcast()
                && !used.contains(&a)
                && segment.gateway != Some(a)
        };
        let (first, last, after) =
            (u32::from(subnet.network()), u32::from(subnet.broadcast()), u32::from(after));
        let address = (after..=last)
            .chain(first..after)
            .find(is_free)
            .map(Ipv4Addr::from)
            .ok_or(ChangeError::NoAddress)?;
        let base = like
            .map_or(if list == "nodes" { "node01" } else { "client" }, |(name, _)| name.as_str());
        let nic_name = like.map_or("eth0", |(_, nic)| nic.name.as_str());
        let address = format!("{address}/{}", subnet.prefix_len());
        let nic = Tree::map([("name", Tree::text(nic_name)), ("address", Tree::text(address))]);
        let item = Tree::map([("name", Tree::text(self.free_name(base))), ("nic", nic)]);
        self.edit(Edit::Push(topology.key("spec").key(list), item))
    }

    /// Adds a Service that selects a Deployment's pods.
    fn add_service(&mut self, namespace: &str, name: &str) -> Result<(), ChangeError> {
        let at = self.object("Deployment", namespace, name)?;
        let node = self.node(&at);
        let spec = |keys: &[&str]| node.as_ref().and_then(|n| n.at(keys));
        let labels = spec(&["spec", "template", "metadata", "labels"])
            .or_else(|| spec(&["spec", "selector", "matchLabels"]));
        let selector = labels.map_or(Tree::Map(Vec::new()), Tree::from);
        let containers = items(spec(&["spec", "template", "spec", "containers"]));
        let port = containers
            .iter()
            .flat_map(|c| items(c.get("ports")))
            .find_map(|p| p.get("containerPort")?.text().parse::<u16>().ok());
        let short = name.trim_end_matches("-deployment");
        let service = self.free_name(&format!("{short}-service"));
        let mut meta = vec![("name", Tree::text(service))];
        if namespace != "default" {
            meta.push(("namespace", Tree::text(namespace)));
        }
        let port = Tree::plain(port.unwrap_or(80));
        let ports = Tree::Seq(vec![Tree::map([("port", port.clone()), ("targetPort", port)])]);
        let spec =
            Tree::map([("type", Tree::text("NodePort")), ("selector", selector), ("ports", ports)]);
        let tree = [
            ("apiVersion", Tree::text("v1")),
            ("kind", Tree::text("Service")),
            ("metadata", Tree::map(meta)),
            ("spec", spec),
        ];
        self.edit(Edit::AddDocument(Tree::map(tree)))
    }

    /// Adds a fault, or removes it.
    fn fault(&mut self, fault: &Fault, on: bool) -> Result<(), ChangeError> {
        let (key, value) = (fault.key(), fault.value());
        // A fault that is listed twice is removed twice.
        self.each_fault(|d, at, k, v| {
            if k == key && v == value && !on { d.edit(Edit::Remove(at)) } else { Ok(()) }
        })?;
        let list = self.topology()?.key("spec").key("faults");
        if !on {
            return match self.node(&list) {
                Some(n) if items(Some(&n)).is_empty() => self.edit(Edit::Remove(list)),
                _ => Ok(()),
            };
        }
        let node = self.node(&list);
        let there =
            items(node.as_ref()).iter().any(|n| n.get(key).is_some_and(|v| v.text() == value));
        if there {
            Ok(())
        } else {
            self.edit(Edit::Push(list, Tree::map([(key, Tree::text(value))])))
        }
    }
}

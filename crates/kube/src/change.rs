//! Edits of a cluster, as a person makes them on its diagram: each is a few edits of the text, and
//! leaves every other byte as it was.

use crate::fault::Fault;
use crate::proxy::Release;
use crate::topology::{Role, Topology};
use crate::yaml::edit::{Edit, Place, Refused, Step, edit, spliced};
use crate::yaml::{Tree, Value, YamlNode, parse};
use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;

/// Something in a cluster that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A node.
    Node(String),
    /// A host outside.
    Host(String),
    /// A Deployment: namespace, name.
    Deployment(String, String),
    /// A Service: namespace, name.
    Service(String, String),
    /// The segment.
    Segment(String),
}

impl Thing {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Node(n)
            | Self::Host(n)
            | Self::Segment(n)
            | Self::Deployment(_, n)
            | Self::Service(_, n) => n,
        }
    }
}

/// A field of a NIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NicField {
    /// `address`: with its length.
    Address,
    /// `mac`.
    Mac,
    /// `mtu`, in bytes.
    Mtu,
}

/// An edit of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// One more worker.
    AddNode,
    /// One more host outside.
    AddHost,
    /// One more Deployment, of nginx.
    AddDeployment,
    /// A Service for a Deployment: namespace, name.
    AddService(String, String),
    /// Away with it, and with what says something about it.
    Remove(Thing),
    /// Another name, also where it is named.
    Rename(Thing, String),
    /// So many pods: namespace, name.
    Scale(String, String, u32),
    /// `ClusterIP` or `NodePort`: namespace, name, type.
    ServiceType(String, String, &'static str),
    /// A field of the NIC of a node or host.
    Nic(Thing, NicField, String),
    /// A sysctl of a node.
    Sysctl(String, &'static str, u8),
    /// A fault, or no fault.
    Fault(Fault, bool),
    /// Another release of Kubernetes.
    Version(Release),
    /// Where a node or host stands, in pixels from where it would; none: there.
    Move(Thing, Option<(i32, i32)>),
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cannot {
    /// The text cannot be edited so.
    Text(Refused),
    /// It is not written in the text: the cluster brings it itself.
    NotWritten(String),
    /// No address is left on the segment.
    NoAddress,
    /// Everything hangs on the one segment.
    OneSegment,
}

impl From<Refused> for Cannot {
    fn from(r: Refused) -> Self {
        Self::Text(r)
    }
}

impl fmt::Display for Cannot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(r) => r.fmt(f),
            Self::NotWritten(name) => {
                write!(f, "{name} is not written in the text: the cluster brings it itself")
            }
            Self::OneSegment => f.write_str(
                "every node and host hangs on this segment: it can be renamed, not removed",
            ),
            Self::NoAddress => f.write_str("no address is left on the segment"),
        }
    }
}

/// The text after a change.
///
/// # Errors
/// Something that is not written in the text, or that cannot be edited.
pub fn change(text: &str, change: &Change) -> Result<String, Cannot> {
    let mut d = Draft { text: text.to_owned() };
    d.change(change)?;
    Ok(d.text)
}

/// An object of a text.
#[derive(Clone, Debug)]
struct Object {
    at: Place,
    kind: String,
    namespace: String,
    name: String,
}

/// What was done about an object that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `created`, `configured` or `unchanged`.
    pub what: &'static str,
}

/// The text after other objects are applied to it: one of the same kind, namespace and name is
/// replaced, another added.
///
/// # Errors
/// Something that cannot be edited.
pub fn applied(
    text: &str,
    more: &str,
    namespace: Option<&str>,
) -> Result<(String, Vec<Told>), Cannot> {
    let mut d = Draft { text: text.to_owned() };
    let mut told = Vec::new();
    let docs = parse(more).0;
    for mut new in objects(&docs) {
        let node = walk(&docs, &new.at).ok_or_else(|| Cannot::NotWritten(new.name.clone()))?;
        let mut tree = Tree::from(node);
        if let (Some(namespace), None) = (namespace, way(node, &["metadata", "namespace"])) {
            new.namespace = namespace.to_owned();
            if let Some(Tree::Map(meta)) = found_mut(&mut tree, "metadata") {
                meta.push((Tree::text("namespace"), Tree::text(namespace)));
            }
        }
        let same = |o: &Object| {
            o.kind == new.kind
                && (new.kind == "Topology" || (o.namespace == new.namespace && o.name == new.name))
        };
        let old = objects(&d.docs()).into_iter().find(same);
        let what = match old {
            Some(old) if d.at(&old.at).is_some_and(|n| Tree::from(&n) == tree) => "unchanged",
            Some(old) => {
                d.remove_object(old.at)?;
                d.edit(Edit::AddDocument(tree))?;
                "configured"
            }
            None => {
                d.edit(Edit::AddDocument(tree))?;
                "created"
            }
        };
        told.push(Told { kind: new.kind, name: new.name, what });
    }
    Ok((d.text, told))
}

fn found_mut<'t>(tree: &'t mut Tree, key: &str) -> Option<&'t mut Tree> {
    let Tree::Map(pairs) = tree else { return None };
    pairs
        .iter_mut()
        .find(|(k, _)| matches!(k, Tree::Scalar { text, .. } if text == key))
        .map(|(_, v)| v)
}

/// What stands at a place of some documents.
fn walk<'a>(docs: &'a [YamlNode], place: &Place) -> Option<&'a YamlNode> {
    let step = |node: &'a YamlNode, step: &Step| match step {
        Step::Key(key) => get(node, key),
        Step::Item(i) => items(Some(node)).get(*i),
    };
    place.steps.iter().try_fold(docs.get(place.document)?, step)
}

fn get<'a>(node: &'a YamlNode, key: &str) -> Option<&'a YamlNode> {
    match &node.value {
        Value::Map(pairs) => pairs.iter().find(|(k, _)| word(k) == key).map(|(_, v)| v),
        _ => None,
    }
}

fn way<'a>(node: &'a YamlNode, keys: &[&str]) -> Option<&'a YamlNode> {
    keys.iter().try_fold(node, |n, k| get(n, k))
}

fn word(node: &YamlNode) -> &str {
    if let Value::Scalar { text, .. } = &node.value { text } else { "" }
}

fn items(node: Option<&YamlNode>) -> &[YamlNode] {
    match node.map(|n| &n.value) {
        Some(Value::Seq(items)) => items,
        _ => &[],
    }
}

fn objects(docs: &[YamlNode]) -> Vec<Object> {
    fn one(node: &YamlNode, at: Place, out: &mut Vec<Object>) {
        let text = |keys: &[&str]| way(node, keys).map(word).unwrap_or_default().to_owned();
        let kind = text(&["kind"]);
        if kind == "List" {
            for (i, item) in items(get(node, "items")).iter().enumerate() {
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
    docs.iter().enumerate().for_each(|(i, doc)| one(doc, Place::root(i), &mut out));
    out
}

/// The thing that is written at a byte of a text.
pub fn thing_at(text: &str, at: usize) -> Option<Thing> {
    let holds = |n: &YamlNode| (n.span.start as usize..=n.span.end as usize).contains(&at);
    let (docs, _) = parse(text);
    let mut found: Vec<&YamlNode> = docs.iter().filter(|d| holds(d)).collect();
    // Of a List, its item.
    while let Some(item) =
        found.last().and_then(|n| items(get(n, "items")).iter().find(|i| holds(i)))
    {
        found.push(item);
    }
    let node = found.pop()?;
    let word_at =
        |keys: &[&str]| way(node, keys).map(word).filter(|w| !w.is_empty()).map(str::to_owned);
    let name = || word_at(&["metadata", "name"]);
    let namespace = || word_at(&["metadata", "namespace"]).unwrap_or_else(|| "default".to_owned());
    let end = |list: &str| {
        let item = items(way(node, &["spec", list])).iter().find(|i| holds(i))?;
        get(item, "name").map(|n| word(n).to_owned())
    };
    match word_at(&["kind"])?.as_str() {
        "Deployment" => Some(Thing::Deployment(namespace(), name()?)),
        "Service" => Some(Thing::Service(namespace(), name()?)),
        "Topology" => end("nodes").map(Thing::Node).or_else(|| end("hosts").map(Thing::Host)),
        _ => None,
    }
}

struct Draft {
    text: String,
}

impl Draft {
    fn edit(&mut self, e: Edit) -> Result<(), Cannot> {
        let splices = edit(&self.text, &e)?;
        self.text = spliced(&self.text, &splices);
        Ok(())
    }

    fn docs(&self) -> Vec<YamlNode> {
        parse(&self.text).0
    }

    fn object(&self, kind: &str, namespace: &str, name: &str) -> Result<Place, Cannot> {
        let all = objects(&self.docs());
        let found =
            all.into_iter().find(|o| o.kind == kind && o.namespace == namespace && o.name == name);
        found.map(|o| o.at).ok_or_else(|| Cannot::NotWritten(name.to_owned()))
    }

    /// The Topology; written out if there is none.
    fn topology(&mut self) -> Result<Place, Cannot> {
        let find =
            |d: &Self| objects(&d.docs()).into_iter().find(|o| o.kind == "Topology").map(|o| o.at);
        if let Some(at) = find(self) {
            return Ok(at);
        }
        self.edit(Edit::AddDocument(written(&Topology::default())))?;
        find(self).ok_or_else(|| Cannot::NotWritten("Topology".to_owned()))
    }

    /// What stands at a place now.
    fn at(&self, place: &Place) -> Option<YamlNode> {
        walk(&self.docs(), place).cloned()
    }

    /// The item of `spec.nodes` or `spec.hosts` of that name.
    fn end(&mut self, thing: &Thing) -> Result<Place, Cannot> {
        let list = self.topology()?.key("spec").key(if matches!(thing, Thing::Node(_)) {
            "nodes"
        } else {
            "hosts"
        });
        let node = self.at(&list);
        let i = items(node.as_ref())
            .iter()
            .position(|n| get(n, "name").is_some_and(|n| word(n) == thing.name()));
        i.map(|i| list.item(i)).ok_or_else(|| Cannot::NotWritten(thing.name().to_owned()))
    }

    fn change(&mut self, change: &Change) -> Result<(), Cannot> {
        match change {
            Change::AddNode => self.add_end("nodes"),
            Change::AddHost => self.add_end("hosts"),
            Change::AddDeployment => {
                let name = self.free("web");
                self.edit(Edit::AddDocument(deployment(&name)))
            }
            Change::AddService(namespace, name) => self.add_service(namespace, name),
            Change::Remove(thing) => self.remove(thing),
            Change::Rename(thing, to) => self.rename(thing, to),
            Change::Scale(namespace, name, n) => {
                let at = self.object("Deployment", namespace, name)?;
                self.edit(Edit::Set(at.key("spec").key("replicas"), Tree::plain(n)))?;
                self.forget_places(|of, _, k| of == name && k >= *n as usize)
            }
            Change::ServiceType(namespace, name, kind) => {
                let at = self.object("Service", namespace, name)?.key("spec");
                self.edit(Edit::Set(at.clone().key("type"), Tree::text(*kind)))?;
                let ports = self.at(&at.clone().key("ports"));
                for i in (0..items(ports.as_ref()).len()).filter(|_| *kind == "ClusterIP") {
                    let port = at.clone().key("ports").item(i).key("nodePort");
                    if self.at(&port).is_some() {
                        self.edit(Edit::Remove(port))?;
                    }
                }
                Ok(())
            }
            Change::Nic(thing, field, value) => {
                let (key, value) = match field {
                    NicField::Address => ("address", Tree::text(value)),
                    NicField::Mac => ("mac", Tree::text(value)),
                    NicField::Mtu => ("mtu", Tree::plain(value)),
                };
                let at = self.end(thing)?.key("nic").key(key);
                self.edit(Edit::Set(at, value))
            }
            Change::Version(release) => {
                let at = self.topology()?.key("spec").key("kubernetes").key("version");
                self.edit(Edit::Set(at, Tree::text(release.to_string())))
            }
            Change::Sysctl(node, key, value) => {
                let at = self.end(&Thing::Node(node.clone()))?.key("sysctl").key(key);
                self.edit(Edit::Set(at, Tree::plain(value)))
            }
            Change::Fault(fault, on) => self.fault(fault, *on),
            Change::Move(thing, to) => {
                let at = self.topology()?.key("spec").key("layout").key(thing.name());
                match to {
                    Some((x, y)) => self.edit(Edit::Set(
                        at,
                        Tree::map([("x", Tree::plain(x)), ("y", Tree::plain(y))]),
                    )),
                    None if self.at(&at).is_some() => self.edit(Edit::Remove(at)),
                    None => Ok(()),
                }
            }
        }
    }

    /// A name that no object, node or host has.
    fn free(&self, base: &str) -> String {
        let docs = self.docs();
        let mut taken: Vec<String> = objects(&docs).into_iter().map(|o| o.name).collect();
        for topology in
            docs.iter().filter(|d| get(d, "kind").is_some_and(|k| word(k) == "Topology"))
        {
            let ends = items(way(topology, &["spec", "nodes"]))
                .iter()
                .chain(items(way(topology, &["spec", "hosts"])));
            taken.extend(ends.filter_map(|n| get(n, "name")).map(|n| word(n).to_owned()));
            taken.extend(
                items(way(topology, &["spec", "segments"]))
                    .iter()
                    .filter_map(|n| get(n, "name"))
                    .map(|n| word(n).to_owned()),
            );
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

    fn add_end(&mut self, list: &str) -> Result<(), Cannot> {
        let topology = self.topology()?;
        let (built, diags) = crate::build(&self.text);
        let line =
            diags.iter().find(|d| d.severity == crate::Severity::Error).map_or(1, |d| d.span.line);
        let t = built.map(|c| c.topology).ok_or(Refused::Broken { line })?;
        let like = match list {
            "nodes" => t
                .nodes
                .iter()
                .rev()
                .find(|n| n.role == Role::Worker)
                .or(t.nodes.last())
                .map(|n| (&n.name.value, &n.nic)),
            _ => t.hosts.last().map(|h| (&h.name.value, &h.nic)),
        };
        let used: BTreeSet<_> = t
            .nodes
            .iter()
            .map(|n| &n.nic)
            .chain(t.hosts.iter().map(|h| &h.nic))
            .map(|n| n.address.value.addr())
            .collect();
        // From the one it is like upwards, then from the first.
        let after = like.map_or(t.segment.subnet.network(), |(_, nic)| nic.address.value.addr());
        let subnet = t.segment.subnet;
        let is_free = |a: &u32| {
            let a = Ipv4Addr::from(*a);
            a != subnet.network()
                && a != subnet.broadcast()
                && !used.contains(&a)
                && t.segment.gateway != Some(a)
        };
        let (first, last, after) =
            (u32::from(subnet.network()), u32::from(subnet.broadcast()), u32::from(after));
        let address = (after..=last)
            .chain(first..after)
            .find(is_free)
            .map(Ipv4Addr::from)
            .ok_or(Cannot::NoAddress)?;
        let base = like
            .map_or(if list == "nodes" { "node01" } else { "client" }, |(name, _)| name.as_str());
        let nic_name = like.map_or("eth0", |(_, nic)| nic.name.as_str());
        let address = format!("{address}/{}", t.segment.subnet.prefix_len());
        let nic = Tree::map([("name", Tree::text(nic_name)), ("address", Tree::text(address))]);
        let item = Tree::map([("name", Tree::text(self.free(base))), ("nic", nic)]);
        self.edit(Edit::Push(topology.key("spec").key(list), item))
    }

    fn add_service(&mut self, namespace: &str, name: &str) -> Result<(), Cannot> {
        let at = self.object("Deployment", namespace, name)?;
        let node = self.at(&at);
        let spec = |keys: &[&str]| node.as_ref().and_then(|n| way(n, keys));
        let labels = spec(&["spec", "template", "metadata", "labels"])
            .or_else(|| spec(&["spec", "selector", "matchLabels"]));
        let selector = labels.map_or(Tree::Map(Vec::new()), Tree::from);
        let containers = items(spec(&["spec", "template", "spec", "containers"]));
        let port = containers
            .iter()
            .flat_map(|c| items(get(c, "ports")))
            .find_map(|p| word(get(p, "containerPort")?).parse::<u16>().ok());
        let short = name.trim_end_matches("-deployment");
        let service = self.free(&format!("{short}-service"));
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

    /// Removes the object at a place: its document, or its item of a List.
    fn remove_object(&mut self, at: Place) -> Result<(), Cannot> {
        self.edit(if at.steps.is_empty() {
            Edit::RemoveDocument(at.document)
        } else {
            Edit::Remove(at)
        })
    }

    fn remove(&mut self, thing: &Thing) -> Result<(), Cannot> {
        match thing {
            Thing::Deployment(namespace, name) => {
                let at = self.object("Deployment", namespace, name)?;
                self.remove_object(at)?;
                self.forget_places(|of, _, _| of == name)
            }
            Thing::Service(namespace, name) => {
                let at = self.object("Service", namespace, name)?;
                self.remove_object(at)
            }
            Thing::Segment(_) => Err(Cannot::OneSegment),
            Thing::Node(name) | Thing::Host(name) => {
                let at = self.end(thing)?;
                self.edit(Edit::Remove(at))?;
                self.forget_places(|_, node, _| node == name)?;
                let spec = self.topology()?.key("spec");
                let place = spec.key("layout").key(name);
                if self.at(&place).is_some() {
                    self.edit(Edit::Remove(place))?;
                }
                self.each_fault(|d, at, key, value| {
                    _ = key;
                    if value.split('/').next() == Some(name) {
                        d.edit(Edit::Remove(at))
                    } else {
                        Ok(())
                    }
                })
            }
        }
    }

    /// Forgets decisions about pods: Deployment, node, and the how manieth of its Deployment it is.
    fn forget_places(&mut self, gone: impl Fn(&str, &str, usize) -> bool) -> Result<(), Cannot> {
        if !objects(&self.docs()).iter().any(|o| o.kind == "Topology") {
            return Ok(());
        }
        let list = self.topology()?.key("spec").key("pods");
        let node = self.at(&list);
        let mut seen: Vec<&str> = Vec::new();
        let mut which = Vec::new();
        for (i, pod) in items(node.as_ref()).iter().enumerate() {
            let of = get(pod, "of").map(word).unwrap_or_default();
            let k = seen.iter().filter(|s| **s == of).count();
            seen.push(of);
            if gone(of, get(pod, "node").map(word).unwrap_or_default(), k) {
                which.push(i);
            }
        }
        which.into_iter().rev().try_for_each(|i| self.edit(Edit::Remove(list.clone().item(i))))
    }

    /// Calls `f` for every fault, from the last: its place, key and value.
    fn each_fault(
        &mut self,
        f: impl Fn(&mut Self, Place, &str, &str) -> Result<(), Cannot>,
    ) -> Result<(), Cannot> {
        let list = self.topology()?.key("spec").key("faults");
        let node = self.at(&list);
        for (i, item) in items(node.as_ref()).iter().enumerate().rev() {
            if let Value::Map(pairs) = &item.value
                && let Some((k, v)) = pairs.first()
            {
                f(self, list.clone().item(i), word(k), word(v))?;
            }
        }
        Ok(())
    }

    fn fault(&mut self, fault: &Fault, on: bool) -> Result<(), Cannot> {
        let (key, value) = (fault.key(), fault.value());
        // Once is enough, also to take it away.
        self.each_fault(|d, at, k, v| {
            if k == key && v == value && !on { d.edit(Edit::Remove(at)) } else { Ok(()) }
        })?;
        let list = self.topology()?.key("spec").key("faults");
        if !on {
            return match self.at(&list) {
                Some(n) if items(Some(&n)).is_empty() => self.edit(Edit::Remove(list)),
                _ => Ok(()),
            };
        }
        let node = self.at(&list);
        let there =
            items(node.as_ref()).iter().any(|n| get(n, key).is_some_and(|v| word(v) == value));
        if there {
            Ok(())
        } else {
            self.edit(Edit::Push(list, Tree::map([(key, Tree::text(value))])))
        }
    }

    fn rename(&mut self, thing: &Thing, to: &str) -> Result<(), Cannot> {
        let name = thing.name().to_owned();
        let set = |at: Place| Edit::Set(at, Tree::text(to));
        match thing {
            Thing::Deployment(namespace, _) | Thing::Service(namespace, _) => {
                let kind =
                    if matches!(thing, Thing::Deployment(..)) { "Deployment" } else { "Service" };
                let at = self.object(kind, namespace, &name)?;
                self.edit(set(at.key("metadata").key("name")))?;
            }
            Thing::Node(_) | Thing::Host(_) => {
                let at = self.end(thing)?;
                self.edit(set(at.key("name")))?;
            }
            Thing::Segment(_) => {
                let at = self.topology()?.key("spec").key("segments").item(0).key("name");
                return self.edit(set(at));
            }
        }
        // Where it is named.
        let mut places = Vec::new();
        for (i, doc) in self.docs().iter().enumerate() {
            let own = get(doc, "kind").is_some_and(|k| matches!(word(k), "Topology" | "Script"));
            let mut found = Vec::new();
            named(doc, Place::root(i), thing, to, &mut found);
            // Elsewhere only a pod template names a node.
            places.extend(found.into_iter().filter(|(at, _)| {
                own || at.steps.last() == Some(&Step::Key("nodeName".to_owned()))
            }));
        }
        for (at, value) in places {
            self.edit(Edit::Set(at, Tree::text(value)))?;
        }
        if matches!(thing, Thing::Node(_) | Thing::Host(_)) {
            let place = self.topology()?.key("spec").key("layout").key(&name);
            if self.at(&place).is_some() {
                self.edit(Edit::Rename(place, to.to_owned()))?;
            }
        }
        Ok(())
    }
}

/// Scalars that name a thing, and what they say after it has another name.
fn named(node: &YamlNode, at: Place, thing: &Thing, to: &str, out: &mut Vec<(Place, String)>) {
    match &node.value {
        Value::Map(pairs) => {
            for (k, v) in pairs {
                let (key, old) = (word(k), word(v));
                let place = at.clone().key(key);
                let new = match (thing, key) {
                    (Thing::Node(n), "node" | "nodeName") if old == n => Some(to.to_owned()),
                    (
                        Thing::Node(n) | Thing::Host(n),
                        "from" | "to" | "on" | "cut" | "down" | "stopped",
                    ) => ahead(old, n, to),
                    (Thing::Deployment(_, n), "of") if old == n => Some(to.to_owned()),
                    (Thing::Deployment(_, n), "from" | "on") => {
                        ahead(old, &format!("deploy/{n}"), &format!("deploy/{to}"))
                    }
                    (Thing::Service(ns, n), "to") => {
                        let long = ahead(old, &format!("svc/{ns}/{n}"), &format!("svc/{ns}/{to}"));
                        long.or_else(|| {
                            ahead(old, &format!("svc/{n}"), &format!("svc/{to}"))
                                .filter(|_| ns == "default")
                        })
                    }
                    _ => None,
                };
                match new {
                    Some(new) => out.push((place, new)),
                    None => named(v, place, thing, to, out),
                }
            }
        }
        Value::Seq(items) => {
            items.iter().enumerate().for_each(|(i, v)| named(v, at.clone().item(i), thing, to, out))
        }
        Value::Scalar { .. } => {}
    }
}

/// `old` at the beginning of a name, before `/`, `:` or its end.
fn ahead(text: &str, old: &str, new: &str) -> Option<String> {
    let rest = text.strip_prefix(old)?;
    (rest.is_empty() || rest.starts_with(['/', ':'])).then(|| format!("{new}{rest}"))
}

fn deployment(name: &str) -> Tree {
    let labels = || Tree::map([("app", Tree::text(name))]);
    let ports = Tree::Seq(vec![Tree::map([("containerPort", Tree::plain(80))])]);
    let container = Tree::map([
        ("name", Tree::text("nginx")),
        ("image", Tree::text("nginx:1.7.9")),
        ("ports", ports),
    ]);
    let template = Tree::map([
        ("metadata", Tree::map([("labels", labels())])),
        ("spec", Tree::map([("containers", Tree::Seq(vec![container]))])),
    ]);
    let spec = [
        ("replicas", Tree::plain(2)),
        ("selector", Tree::map([("matchLabels", labels())])),
        ("template", template),
    ];
    Tree::map([
        ("apiVersion", Tree::text("apps/v1")),
        ("kind", Tree::text("Deployment")),
        ("metadata", Tree::map([("name", Tree::text(name))])),
        ("spec", Tree::map(spec)),
    ])
}

/// A Topology as a document: what it says is what it is.
fn written(t: &Topology) -> Tree {
    let nic = |n: &crate::topology::Nic| {
        Tree::map([
            ("name", Tree::text(n.name.clone())),
            ("address", Tree::text(n.address.value.to_string())),
        ])
    };
    let nodes = t.nodes.iter().map(|n| {
        let mut pairs = vec![("name", Tree::text(n.name.value.clone()))];
        if n.role == Role::ControlPlane {
            pairs.push(("role", Tree::text("control-plane")));
        }
        pairs.push(("nic", nic(&n.nic)));
        Tree::map(pairs)
    });
    let hosts = t
        .hosts
        .iter()
        .map(|h| Tree::map([("name", Tree::text(h.name.value.clone())), ("nic", nic(&h.nic))]));
    let mut segment = vec![
        ("name", Tree::text(t.segment.name.clone())),
        ("subnet", Tree::text(t.segment.subnet.to_string())),
    ];
    segment.extend(t.segment.gateway.map(|g| ("gateway", Tree::text(g.to_string()))));
    let spec = [
        ("segments", Tree::Seq(vec![Tree::map(segment)])),
        ("nodes", Tree::Seq(nodes.collect())),
        ("hosts", Tree::Seq(hosts.collect())),
    ];
    Tree::map([
        ("apiVersion", Tree::text("packetwalk.dev/v1alpha1")),
        ("kind", Tree::text("Topology")),
        ("metadata", Tree::map([("name", Tree::text(t.name.clone()))])),
        ("spec", Tree::map(spec)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build;
    use crate::fault::Daemon;

    const TEXT: &str = "\
# A cluster.
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
metadata: {name: t}
spec:
  segments: [{name: lan, subnet: 192.168.120.0/24, gateway: 192.168.120.254}]
  nodes:
  - {name: node01, nic: {name: ens192, address: 192.168.120.226/24}} # the first
  - name: node02
    nic: {name: ens192, address: 192.168.120.227/24}
  hosts:
  - {name: bastion, nic: {address: 192.168.120.252/24}}
  pods:
  - {of: nginx, node: node01, ip: 10.244.0.4}
  - {of: nginx, node: node02, ip: 10.244.1.4}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  replicas: 2 # two
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: nginx, image: nginx, ports: [{containerPort: 8080}]}]}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
  - send: {from: bastion, to: \"node01:30080\"}
";

    fn done(text: &str, c: Change) -> String {
        let new = change(text, &c).unwrap_or_else(|e| panic!("{c:?}: {e}"));
        let (cluster, diags) = build(&new);
        assert!(cluster.is_some(), "{c:?}: {diags:?}\n{new}");
        for comment in ["# A cluster.", "# two"] {
            assert!(!text.contains(comment) || new.contains(comment), "{new}");
        }
        new
    }

    fn cluster(text: &str) -> crate::Cluster {
        build(text).0.expect("valid")
    }

    fn nginx() -> (String, String) {
        ("default".to_owned(), "nginx".to_owned())
    }

    #[test]
    fn nodes_and_hosts_come_like_the_last_and_go_with_all_about_them() {
        let new = done(TEXT, Change::AddNode);
        let node = &cluster(&new).nodes[2].spec;
        assert_eq!(
            (node.name.value.as_str(), node.nic.name.as_str(), node.nic.address.value.to_string()),
            ("node03", "ens192", "192.168.120.228/24".to_owned())
        );
        let new = done(&new, Change::AddHost);
        assert_eq!(cluster(&new).topology.hosts[1].name.value, "bastion-2");
        let new = done(&new, Change::Fault(Fault::Cut("node02".into()), true));
        let new = done(&new, Change::Remove(Thing::Node("node02".into())));
        assert!(!new.contains("node02"), "{new}");
        assert!(new.contains("# the first"));
    }

    #[test]
    fn a_new_name_is_also_where_the_old_one_stood() {
        let new = done(TEXT, Change::Move(Thing::Node("node01".into()), Some((40, -3))));
        let new =
            done(&new, Change::Fault(Fault::Stopped("node01".into(), Daemon::KubeProxy), true));
        let new = done(&new, Change::Rename(Thing::Node("node01".into()), "edge".into()));
        assert!(
            !new.contains("node01")
                && new.contains("to: \"edge:30080\"")
                && new.contains("stopped: edge/kube-proxy"),
            "{new}"
        );
        assert_eq!(cluster(&new).topology.layout[&"edge".to_owned()], (40, -3));
        let new = done(
            &new,
            Change::Rename(Thing::Deployment("default".into(), "nginx".into()), "web".into()),
        );
        assert!(
            new.contains("of: web") && cluster(&new).pods.iter().any(|p| p.deployment == "web"),
            "{new}"
        );
    }

    #[test]
    fn scaling_keeps_the_line_and_forgets_places_of_pods_that_are_gone() {
        let (ns, name) = nginx();
        let new = done(TEXT, Change::Scale(ns, name, 1));
        assert!(new.contains("replicas: 1 # two") && !new.contains("10.244.1.4"), "{new}");
        assert_eq!(cluster(&new).pods.iter().filter(|p| p.deployment == "nginx").count(), 1);
    }

    #[test]
    fn a_service_for_a_deployment_has_its_labels_and_port() {
        let (ns, name) = nginx();
        let new = done(TEXT, Change::AddService(ns.clone(), name));
        let c = cluster(&new);
        let s = c.services.iter().find(|s| s.name == "nginx-service").expect("there");
        assert_eq!(s.ports[0].endpoints.len(), 2);
        assert_eq!(s.ports[0].port, 8080);
        let new = done(&new, Change::ServiceType(ns.clone(), "nginx-service".into(), "ClusterIP"));
        assert!(
            cluster(&new).services.iter().all(|s| s.ports.iter().all(|p| p.node_port.is_none()))
        );
        let new = done(&new, Change::Remove(Thing::Service(ns, "nginx-service".into())));
        assert_eq!(new, TEXT);
    }

    #[test]
    fn faults_are_there_and_gone() {
        for fault in [
            Fault::Cut("bastion".into()),
            Fault::Down("node01".into(), "flannel.1".into()),
            Fault::Stopped("node01".into(), Daemon::Flanneld),
        ] {
            let new = done(TEXT, Change::Fault(fault.clone(), true));
            assert!(cluster(&new).topology.faults.iter().eq([&fault]));
            assert_eq!(done(&new, Change::Fault(fault.clone(), true)), new);
            assert_eq!(done(&new, Change::Fault(fault, false)), TEXT);
        }
    }

    #[test]
    fn a_text_without_a_topology_gets_the_one_it_has() {
        let plain = TEXT.split_once("---\n").map(|(_, rest)| rest).expect("documents");
        let plain = plain.split_once("---\n").map(|(first, _)| first).expect("documents");
        let before = cluster(plain);
        let new = done(plain, Change::Sysctl("worker-1".into(), "net.ipv4.ip_forward", 0));
        let after = cluster(&new);
        assert!(new.starts_with(plain));
        assert!(!after.topology.nodes[1].ip_forward);
        let summary = |c: &crate::Cluster| {
            let nodes: Vec<_> = c
                .nodes
                .iter()
                .map(|n| (n.spec.name.value.clone(), n.address(), n.mac, n.pod_cidr))
                .collect();
            let pods: Vec<_> = c.pods.iter().map(|p| (p.name.clone(), p.ip)).collect();
            (nodes, pods)
        };
        assert_eq!(summary(&before), summary(&after));
    }

    #[test]
    fn what_stands_at_a_place_is_found() {
        let at = |word: &str| thing_at(TEXT, TEXT.find(word).expect("there"));
        assert_eq!(at("192.168.120.227"), Some(Thing::Node("node02".into())));
        assert_eq!(at("bastion, nic"), Some(Thing::Host("bastion".into())));
        assert_eq!(at("replicas"), Some(Thing::Deployment("default".into(), "nginx".into())));
        assert_eq!(at("metadata: {name: t}"), None);
        assert_eq!(thing_at(TEXT, 1_000_000), None);
    }

    #[test]
    fn nics_and_the_segment() {
        let new = done(
            TEXT,
            Change::Nic(Thing::Host("bastion".into()), NicField::Mac, "00:50:56:00:00:01".into()),
        );
        let new =
            done(&new, Change::Nic(Thing::Node("node02".into()), NicField::Mtu, "1400".into()));
        let c = cluster(&new);
        assert_eq!(c.topology.nodes[1].nic.mtu, 1400);
        let new = done(&new, Change::Rename(Thing::Segment("lan".into()), "dc".into()));
        assert_eq!(cluster(&new).topology.segment.name, "dc");
        assert!(change(&new, &Change::Remove(Thing::Segment("dc".into()))).is_err());
        assert_eq!(
            change(TEXT, &Change::Scale("kube-system".into(), "kube-dns".into(), 2)),
            Err(Cannot::NotWritten("kube-dns".into()))
        );
    }
}

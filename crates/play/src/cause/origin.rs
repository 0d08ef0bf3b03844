//! Where in the text a link's value comes from.

use super::{Fact, Known, Link, Missing, Origin, Silence};
use crate::probe::service_at;
use kube::Span;
use kube::change::{Object, node_at, objects};
use kube::fault::Daemon;
use kube::yaml::edit::{PathPart, YamlPath};
use kube::yaml::{self, YamlNode};
use net::DropReason;
use std::cell::OnceCell;
use std::ops::Deref;
use std::rc::Rc;

/// Manifests, parsed when the first place in them is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Manifests {
    text: Rc<str>,
    parsed: Rc<OnceCell<Text>>,
}

impl<T: Into<Rc<str>>> From<T> for Manifests {
    fn from(text: T) -> Self {
        Self { text: text.into(), parsed: Rc::default() }
    }
}

impl Deref for Manifests {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Manifests {
    pub(crate) fn parsed(&self) -> &Text {
        self.parsed.get_or_init(|| Text::new(&self.text))
    }
}

/// The documents of a text with its objects.
#[derive(Debug)]
pub(crate) struct Text {
    docs: Vec<YamlNode>,
    objects: Vec<Object>,
}

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        let docs = yaml::parse(text).0;
        Self { objects: objects(&docs), docs }
    }

    /// The object of a kind, or of any if it is empty, with its namespace and name.
    pub(crate) fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<&Object> {
        self.objects
            .iter()
            .rev()
            .find(|o| o.kind == kind && o.namespace == namespace && o.name == name)
    }

    /// The Topology.
    pub(crate) fn topology(&self) -> Option<&Object> {
        self.objects.iter().find(|o| o.kind == "Topology")
    }

    /// The objects of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Object> {
        self.objects.iter().filter(|o| o.kind == kind).cloned().collect()
    }

    /// The value at a path.
    pub(crate) fn node(&self, path: &YamlPath) -> Option<&YamlNode> {
        node_at(&self.docs, path)
    }

    /// A field of an object, if it is written: keys with `/` between them, items by number.
    pub(crate) fn field(&self, object: &Object, path: &str) -> Option<(YamlPath, &YamlNode)> {
        let at = below(object.at.clone(), path);
        let node = self.node(&at)?;
        Some((at, node))
    }

    fn origin(&self, object: &Object, path: &str) -> Option<Origin> {
        let (_, node) = self.field(object, path)?;
        Some(Origin { object: named(object), field: shown(path), span: span_of(node) })
    }

    /// As [`Text::origin`] of the first of these fields that is written.
    fn first(&self, object: Option<&Object>, paths: &[&str]) -> Option<Origin> {
        let object = object?;
        paths.iter().find_map(|p| self.origin(object, p))
    }

    /// The item of a list of the Topology whose key has a value.
    pub(crate) fn item(&self, list: &str, key: &str, value: &str) -> Option<(usize, &YamlNode)> {
        let (_, node) = self.field(self.topology()?, list)?;
        node.items().iter().enumerate().find(|(_, n)| n.get(key).is_some_and(|v| v.text() == value))
    }
}

fn span_of(node: &YamlNode) -> Span {
    node.span
}

/// A path below another: keys with `/` between them, items by number.
pub(crate) fn below(mut at: YamlPath, path: &str) -> YamlPath {
    for part in path.split('/').filter(|p| !p.is_empty()) {
        at.parts.push(match part.parse::<usize>() {
            Ok(i) => PathPart::Item(i),
            Err(_) => PathPart::Key(part.to_owned()),
        });
    }
    at
}

fn shown(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('/') {
        match part.parse::<usize>() {
            Ok(i) => out.push_str(&format!("[{i}]")),
            Err(_) if out.is_empty() => out.push_str(part),
            Err(_) => out.extend([".", part]),
        }
    }
    out
}

fn named(o: &Object) -> String {
    if o.kind == "Topology" {
        format!("Topology {}", o.name)
    } else {
        format!("{} {}/{}", o.kind, o.namespace, o.name)
    }
}

/// The sysctl that a fact is about.
fn sysctl_of(fact: &Fact) -> Option<&'static str> {
    match fact {
        Fact::Switched { .. } => Some("net.bridge.bridge-nf-call-iptables"),
        Fact::NotForwarding(_) => Some("net.ipv4.ip_forward"),
        Fact::ReversePath { .. } => Some("net.ipv4.conf.all.rp_filter"),
        _ => None,
    }
}

/// Where a link's value comes from.
pub(super) fn of(k: &Known<'_>, text: &Text, link: &Link) -> Option<Origin> {
    let service = |name: &str| {
        let (namespace, name) = name.split_once('/')?;
        text.object("Service", namespace, name)
    };
    let here = k.name(link.netns);
    let machine = |field: &str| {
        let list = ["spec/nodes", "spec/hosts", "spec/routers"];
        let (list, (i, _)) = list.iter().find_map(|l| Some((*l, text.item(l, "name", here)?)))?;
        text.origin(text.topology()?, &format!("{list}/{i}/{field}"))
    };
    // What is written of a cable, of the first interface that has it.
    let cable = |field: &str| {
        let others = (0..8).map(|i| format!("interfaces/{i}/{field}"));
        std::iter::once(format!("nic/{field}")).chain(others).find_map(|path| machine(&path))
    };
    let fault = |keys: &[(&str, String)]| {
        let (i, key) = keys
            .iter()
            .find_map(|(key, value)| Some((text.item("spec/faults", key, value)?.0, *key)))?;
        text.origin(text.topology()?, &format!("spec/faults/{i}/{key}"))
    };
    match &link.fact {
        Fact::SetBy(_) => {
            let (_, span) = (k.typed)(link.event)?;
            (span.line > 0).then(|| Origin {
                object: "Script".to_owned(),
                field: "spec.steps".to_owned(),
                span,
            })
        }
        Fact::NoEndpoints { service: name, why } => match why {
            Missing::Selected { .. } | Missing::Slice => {
                text.first(service(name), &["spec/selector", "metadata/name"])
            }
            Missing::PortName(_) => text.first(service(name), &["spec/ports/0/targetPort"]),
            Missing::Ready { pod, .. } => {
                let found = k.cluster.all_pods().find(|p| p.netns() == *pod)?;
                let o = &found.owner;
                text.first(
                    text.object(o.kind.name(), &found.namespace, &o.name),
                    &[
                        "spec/template/spec/containers/0/readinessProbe",
                        "spec/containers/0/readinessProbe",
                        "metadata/name",
                    ],
                )
            }
            Missing::Runs { pod, .. } => {
                let owner = k.cluster.workloads.iter().find(|w| w.owner.to_string() == *pod);
                let owner = owner.map(|w| (&w.owner, &w.namespace)).or_else(|| {
                    let idle = k.cluster.idle_pods.iter().find(|p| p.name == *pod)?;
                    Some((&idle.owner, &idle.namespace))
                })?;
                text.first(
                    text.object(owner.0.kind.name(), owner.1, &owner.0.name),
                    &[
                        "spec/template/spec/nodeSelector",
                        "spec/template/spec/nodeName",
                        "spec/replicas",
                        "metadata/name",
                    ],
                )
            }
        },
        Fact::LocalOnly { service: name, field, .. } => {
            text.first(service(name), &[&format!("spec/{field}")])
        }
        Fact::SourceRanges { service: name, .. } => {
            text.first(service(name), &["spec/loadBalancerSourceRanges"])
        }
        Fact::Unannounced { service: name, why, .. } => {
            let stopped = match why {
                Silence::Stopped(node) => {
                    fault(&[("stopped", format!("{node}/{}", Daemon::Speaker.name()))])
                }
                Silence::NoSpeaker => text.first(text.topology(), &["spec/loadBalancer"]),
                Silence::NoNode => None,
            };
            let paths = ["status/loadBalancer", "spec/externalIPs", "metadata/name"];
            stopped.or_else(|| text.first(service(name), &paths))
        }
        Fact::Lost(DropReason::PortBlocked) => cable("blocked"),
        Fact::Lost(DropReason::CableLoss) => cable("loss"),
        Fact::NoSuchPort { service: name, .. } => text.first(service(name), &["spec/ports"]),
        Fact::OutsideOfCluster { service: name, .. } => {
            text.first(service(name), &["spec/type", "metadata/name"])
        }
        Fact::NoListener { .. } | Fact::Destination { .. } => {
            let s = service_at(k.cluster, k.to?)?;
            let object = text.object("Service", &s.namespace, &s.name)?;
            let i = s
                .ports
                .iter()
                .position(|p| k.to.is_some_and(|to| p.port == to.1 || p.node_port == Some(to.1)))?;
            let keys = ["targetPort", "port"].map(|key| format!("spec/ports/{i}/{key}"));
            text.first(Some(object), &[&keys[0], &keys[1]])
        }
        Fact::TranslatedOnce { .. } => {
            let s = service_at(k.cluster, k.to?)?;
            ["Endpoints", "EndpointSlice"].iter().find_map(|kind| {
                let all = text.of_kind(kind);
                let o = all.iter().find(|o| o.name.starts_with(&s.name))?;
                text.first(Some(o), &["subsets/0/ports", "ports", "metadata/name"])
            })
        }
        Fact::Down(dev) => {
            fault(&[("down", format!("{here}/{dev}"))]).or_else(|| machine("nic/name"))
        }
        Fact::NoCarrier(_) => fault(&[("cut", here.to_owned())]),
        Fact::Stopped(daemon) => fault(&[("stopped", format!("{here}/{}", daemon.name()))]),
        Fact::TooBig { .. } => machine("nic/mtu"),
        Fact::NotMine { .. } => machine("vtepMAC"),
        fact => machine(&format!("sysctl/{}", sysctl_of(fact)?)),
    }
}

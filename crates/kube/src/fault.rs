//! `spec.faults` of a Topology: what is broken in a cluster from its beginning.
//!
//! ```yaml
//! faults:
//! - {cut: node01}                   # the cable of its NIC
//! - {down: node01/flannel.1}        # ip link set flannel.1 down
//! - {stopped: node01/kube-proxy}    # has not run since the node was started; flanneld too
//! ```

use crate::decode::{Decoder, Spanned};
use crate::diag::{Code, nearest};
use crate::topology::Topology;
use crate::yaml::YamlNode;
use net::spec::Spec;
use std::fmt;

/// A daemon of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Writes the rules of Services.
    KubeProxy,
    /// Writes routes, neighbours and forwarding entries to other nodes.
    Flanneld,
}

impl Daemon {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeProxy => "kube-proxy",
            Self::Flanneld => "flanneld",
        }
    }

    /// The daemon of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::KubeProxy, Self::Flanneld].into_iter().find(|d| d.name() == name)
    }
}

/// Something broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The cable of a node's or host's NIC is cut.
    Cut(String),
    /// A device is down: host or node, device.
    Down(String, String),
    /// A daemon has not run since its node was started.
    Stopped(String, Daemon),
}

/// As it stands in a document: `cut: node01`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key(), self.value())
    }
}

impl Fault {
    /// Its key in a document.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::Down(..) => "down",
            Self::Stopped(..) => "stopped",
        }
    }

    /// Its value in a document.
    pub fn value(&self) -> String {
        match self {
            Self::Cut(name) => name.clone(),
            Self::Down(name, dev) => format!("{name}/{dev}"),
            Self::Stopped(name, daemon) => format!("{name}/{}", daemon.name()),
        }
    }

    /// Who has it.
    pub fn owner(&self) -> &str {
        match self {
            Self::Cut(name) | Self::Down(name, _) | Self::Stopped(name, _) => name,
        }
    }
}

/// Reads one item of `spec.faults`.
pub(crate) fn decode(d: &mut Decoder, node: &YamlNode, path: &str, t: &Topology) -> Option<Fault> {
    let mut f = d.fields(node, path)?;
    let mut found: Vec<(&str, Spanned<String>)> = Vec::new();
    for key in ["cut", "down", "stopped"] {
        if let Some(n) = f.get(key) {
            found.extend(d.string(n, &format!("{path}.{key}")).map(|s| (key, s)));
        }
    }
    let (span, told) = (f.span, d.diags.len());
    d.finish(f);
    let [(key, text)] = found.as_slice() else {
        if found.len() > 1 || d.diags.len() == told {
            let message = format!("{path}: a fault is one of cut, down and stopped");
            d.error(
                Code::MissingField,
                span,
                message,
                "write - {cut: node01}, - {down: node01/flannel.1} or - {stopped: node01/kube-proxy}",
            );
        }
        return None;
    };
    let (owner, thing) =
        text.value.split_once('/').map_or((text.value.as_str(), None), |(a, b)| (a, Some(b)));
    let nodes = t.nodes.iter().map(|n| n.name.value.as_str());
    let hosts = t.hosts.iter().map(|h| h.name.value.as_str()).filter(|_| *key != "stopped");
    let names: Vec<&str> = nodes.chain(hosts).collect();
    if !names.contains(&owner) {
        let hint = nearest(owner, names.iter().copied()).map_or_else(
            || format!("write one of {}", names.join(", ")),
            |n| format!("did you mean {n}?"),
        );
        d.error(
            Code::NoSuchNode,
            text.span,
            format!("{path}.{key}: no node or host {owner:?}"),
            hint,
        );
        return None;
    }
    let mut wrong = |message: String, hint: String| {
        d.error(Code::UnsupportedValue, text.span, format!("{path}.{key}: {message}"), hint);
        None
    };
    match (*key, thing) {
        ("cut", None) => Some(Fault::Cut(owner.to_owned())),
        ("cut", Some(_)) => wrong(
            "a cut names no device: it is the cable of the NIC".to_owned(),
            format!("write cut: {owner}"),
        ),
        ("down", Some(dev)) => {
            let there = devices(t, owner);
            if there.iter().any(|d| d == dev) || dev.starts_with("veth") {
                return Some(Fault::Down(owner.to_owned(), dev.to_owned()));
            }
            wrong(
                format!("{owner} has no device {dev:?}"),
                format!("write one of {}", there.join(", ")),
            )
        }
        ("down", None) => {
            wrong("which device?".to_owned(), format!("write down: {owner}/ and the device's name"))
        }
        (_, daemon) => match daemon.and_then(Daemon::from_name) {
            Some(daemon) => Some(Fault::Stopped(owner.to_owned(), daemon)),
            None => wrong(
                "which daemon?".to_owned(),
                format!("write stopped: {owner}/kube-proxy or stopped: {owner}/flanneld"),
            ),
        },
    }
}

/// The devices of a node or host, but for the cables of its pods.
fn devices(t: &Topology, owner: &str) -> Vec<String> {
    let host = t.hosts.iter().find(|h| h.name.value == owner).map(|h| vec![h.nic.name.clone()]);
    let node = || {
        let n = t.nodes.iter().find(|n| n.name.value == owner)?;
        let docker = n.docker.then(|| "docker0".to_owned());
        let vxlan = (t.backend != crate::topology::Backend::HostGw)
            .then(|| crate::flannel::device_name(t.vni));
        let own = [n.nic.name.clone(), "cni0".to_owned()];
        Some(own.into_iter().chain(vxlan).chain(docker).collect())
    };
    host.or_else(node).unwrap_or_default()
}

/// Breaks what can be broken once everything is there. What daemons did not do is left out where
/// they do it.
pub(crate) fn apply(spec: &mut Spec, t: &Topology) {
    for fault in &t.faults {
        let (owner, dev) = match fault {
            // The far end, so that the near one loses its carrier.
            Fault::Cut(name) => (&t.segment.name, format!("p-{name}")),
            Fault::Down(name, dev) => (name, dev.clone()),
            Fault::Stopped(..) => continue,
        };
        let Some(ns) = spec.netns.iter_mut().find(|ns| ns.name == *owner) else { continue };
        if let Some(d) = ns.devices.iter_mut().find(|d| d.name == dev) {
            d.up = false;
            // A device that is down has no routes and knows nobody.
            ns.routes.retain(|r| r.dev != dev);
            ns.neighbours.retain(|n| n.dev != dev);
        }
    }
}

//! The short names of network namespaces that are shown: `node01`, `bastion`, `nginx 10.1.5.4`.

use kube::Cluster;
use net::{NetnsId, State};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a network namespace stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetnsKind {
    /// A node, by its index in the cluster.
    Node(usize),
    /// A pod, by its index in the cluster.
    Pod(usize),
    /// A host outside of the cluster, by its index in the topology.
    Host(usize),
    /// The network segment that nodes and hosts are on.
    Segment,
}

/// The names of a session's network namespaces, and who has which address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetnsLabels {
    names: Vec<String>,
    kinds: Vec<NetnsKind>,
    owners: BTreeMap<IpAddr, usize>,
}

/// A pod's short name: its label `app` or `k8s-app`, otherwise the name of its Deployment without
/// `-deployment`.
pub fn app_of(pod: &kube::cluster::Pod) -> String {
    let label = pod.labels.get("app").or_else(|| pod.labels.get("k8s-app"));
    label.cloned().unwrap_or_else(|| pod.deployment.trim_end_matches("-deployment").to_owned())
}

/// A text of at most `chars` characters, shortened in the middle: `ip-192…internal`.
pub fn shortened(text: &str, chars: usize) -> String {
    let all: Vec<char> = text.chars().collect();
    if all.len() <= chars {
        return text.to_owned();
    }
    let kept = chars.saturating_sub(1);
    let tail = kept / 2;
    let (head, end) = (&all[..kept - tail], &all[all.len() - tail..]);
    head.iter().chain(&['…']).chain(end).collect()
}

/// The width of a text in the sans face, semi-bold, of this font size. It is estimated: each letter
/// is as wide as the widest of its kind in Inter.
pub fn text_width(text: &str, size: f32) -> f32 {
    let ems = text.chars().map(|c| match c {
        'I' | 'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' => 0.33,
        'f' | 'r' | 't' | '-' | '/' | '(' | ')' | ' ' => 0.47,
        'M' | 'W' | 'm' | '%' | '…' => 1.0,
        'A'..='Z' | 'w' => 0.8,
        _ if c.is_ascii() => 0.65,
        _ => 1.0,
    });
    ems.sum::<f32>() * size
}

/// A text that is at most `width` wide in this font size, shortened in the middle.
pub fn fitted(text: &str, size: f32, width: f32) -> String {
    let chars = (0..=text.chars().count()).rev();
    let mut texts = chars.map(|n| shortened(text, n));
    texts.find(|t| text_width(t, size) <= width).unwrap_or_else(|| "…".to_owned())
}

/// The first index of each name.
fn by_name(
    names: impl DoubleEndedIterator<Item = String> + ExactSizeIterator,
) -> BTreeMap<String, usize> {
    names.enumerate().rev().map(|(i, name)| (name, i)).collect()
}

impl NetnsLabels {
    /// The names of all namespaces that ever existed; `state` is that of the session's end.
    pub fn new(cluster: &Cluster, state: &State) -> Self {
        let mut this = Self { names: Vec::new(), kinds: Vec::new(), owners: BTreeMap::new() };
        let nodes = by_name(cluster.nodes.iter().map(|n| n.spec.name.value.clone()));
        let pods = by_name(cluster.pods.iter().map(kube::cluster::Pod::netns));
        let hosts = by_name(cluster.topology.hosts.iter().map(|h| h.name.value.clone()));
        for (ns, i) in state.netns.iter().zip(0..) {
            let of = |all: &BTreeMap<String, usize>| all.get(&*ns.name).copied();
            let (node, pod, host) = (of(&nodes), of(&pods), of(&hosts));
            let (name, kind) = match (node, pod, host) {
                (Some(n), ..) => (ns.name.to_string(), NetnsKind::Node(n)),
                (_, Some(p), _) => (
                    format!("{} {}", app_of(&cluster.pods[p]), cluster.pods[p].ip),
                    NetnsKind::Pod(p),
                ),
                (.., Some(h)) => (ns.name.to_string(), NetnsKind::Host(h)),
                _ => (ns.name.to_string(), NetnsKind::Segment),
            };
            if ns.tapped {
                for net in ns.devices.iter().skip(1).flat_map(|d| &d.addrs) {
                    this.owners.entry(net.addr()).or_insert(i);
                }
            }
            this.names.push(name);
            this.kinds.push(kind);
        }
        this
    }

    /// What does not exist in `state`: not yet, or no longer.
    pub fn absent(&self, state: &State) -> Vec<NetnsKind> {
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for (k, i) in self.kinds.iter().zip(0..) {
            if state.netns.get(i).is_none_or(|n| n.gone) {
                gone.push(*k);
            } else {
                there.push(*k);
            }
        }
        // What was removed and came back has two namespaces.
        gone.retain(|k| !there.contains(k));
        gone
    }

    /// The name of a namespace.
    pub fn name(&self, id: NetnsId) -> &str {
        self.names.get(id.0 as usize).map_or("?", String::as_str)
    }

    /// What a network namespace stands for.
    pub fn kind(&self, id: NetnsId) -> NetnsKind {
        self.kinds.get(id.0 as usize).copied().unwrap_or(NetnsKind::Segment)
    }

    /// The pod with an address, by its index in the cluster.
    pub fn pod_at(&self, addr: IpAddr) -> Option<usize> {
        match self.kinds.get(*self.owners.get(&addr)?)? {
            NetnsKind::Pod(p) => Some(*p),
            _ => None,
        }
    }

    /// The name of the namespace with an address.
    pub fn owner(&self, addr: IpAddr) -> Option<&str> {
        self.owners.get(&addr).map(|i| self.names[*i].as_str())
    }
}

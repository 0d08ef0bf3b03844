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

/// The namespace of the cluster's own pods.
pub const SYSTEM: &str = "kube-system";

/// A pod's short name: its label `app` or `k8s-app`, otherwise the name of what it belongs to without
/// `-deployment`.
pub fn app_of(pod: &kube::cluster::Pod) -> String {
    let label = pod.labels.get("app").or_else(|| pod.labels.get("k8s-app"));
    label.cloned().unwrap_or_else(|| pod.owner.name.trim_end_matches("-deployment").to_owned())
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

/// The prefix and suffix that all names of a kind share. Shortening cuts these first, so that names
/// stay distinct.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommonAffixes {
    /// Length of the common prefix, in characters.
    prefix: usize,
    /// Length of the common suffix, in characters.
    suffix: usize,
}

impl CommonAffixes {
    /// Compares names; names that are equal count once.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut names = names.map(|name| name.chars().collect::<Vec<_>>());
        let Some(first) = names.next() else { return Self::default() };
        let mut this: Option<Self> = None;
        for name in names.filter(|name| *name != first) {
            let same = |(a, b): &(&char, &char)| a == b;
            let prefix = first.iter().zip(&name).take_while(same).count();
            let suffix = first.iter().rev().zip(name.iter().rev()).take_while(same).count();
            let other = this.unwrap_or(Self { prefix, suffix });
            this =
                Some(Self { prefix: prefix.min(other.prefix), suffix: suffix.min(other.suffix) });
        }
        this.unwrap_or_default()
    }

    /// A name of at most `chars` characters: `ip-192-168-64-12.ec2.internal` and `…-13…` become
    /// `ip-1…64-12…` and `ip-1…64-13…`.
    pub fn shorten(self, name: &str, chars: usize) -> String {
        let all: Vec<char> = name.chars().collect();
        let end = all.len() - self.suffix.min(all.len());
        let begin = self.prefix.min(end);
        let own = end - begin;
        let text = |part: &[char]| part.iter().collect::<String>();
        if all.len() <= chars || own == 0 {
            return shortened(name, chars);
        }
        if own + 2 > chars {
            return shortened(&text(&all[begin..end]), chars);
        }
        // The begin is cut before the end is, as it is read first.
        if end < chars {
            return text(&all[..chars - 1]) + "…";
        }
        let tail = if end < all.len() { "…" } else { "" };
        let head = chars - own - 1 - tail.chars().count();
        text(&all[..head.min(begin)]) + "…" + &text(&all[begin..end]) + tail
    }

    /// A name that is at most `width` wide in this font size.
    pub fn fit(self, name: &str, size: f32, width: f32) -> String {
        let chars = (0..=name.chars().count()).rev();
        let mut names = chars.map(|n| self.shorten(name, n));
        names.find(|t| text_width(t, size) <= width).unwrap_or_else(|| "…".to_owned())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_long_names_stays_when_they_are_shortened() {
        let kinds: [&[&str]; 5] = [
            &[
                "ip-192-168-64-12.ap-northeast-1.compute.internal",
                "ip-192-168-64-13.ap-northeast-1.compute.internal",
                "ip-192-168-97-130.ap-northeast-1.compute.internal",
            ],
            &[
                "gke-production-cluster-default-pool-1a2b3c4d-x7k2",
                "gke-production-cluster-default-pool-1a2b3c4d-q9zz",
            ],
            &["aks-nodepool1-12345678-vmss000000", "aks-nodepool1-12345678-vmss000001"],
            &["node01", "node02", "node02"],
            &["team-payments-frontend-service", "team-payments-backend-service"],
        ];
        for names in kinds {
            let alike = CommonAffixes::of(names.iter().copied());
            for chars in [10, 12, 15, 20, 33, 60] {
                let short: Vec<String> = names.iter().map(|n| alike.shorten(n, chars)).collect();
                for (i, a) in short.iter().enumerate() {
                    assert!(a.chars().count() <= chars, "{a} {chars}");
                    let other = |j: usize| short[j] != *a || names[j] == names[i];
                    assert!((0..i).all(other), "{short:?} {chars}");
                }
            }
        }
        let one = CommonAffixes::of(["ip-192-168-64-12.compute.internal"].into_iter());
        assert_eq!(one.shorten("ip-192-168-64-12.compute.internal", 11), "ip-19…ernal");
    }
}

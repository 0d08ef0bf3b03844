//! Short names of network namespaces for people: `node01`, `bastion`, `nginx 10.1.5.4`.

use kube::Cluster;
use net::{NetnsId, State};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a namespace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A node, by its number in the cluster.
    Node(usize),
    /// A pod, by its number in the cluster.
    Pod(usize),
    /// A host outside, by its number in the topology.
    Host(usize),
    /// The LAN.
    Segment,
}

/// Names of a session's namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    kinds: Vec<Kind>,
    owners: BTreeMap<IpAddr, usize>,
}

/// A pod's short name: its app label, or its Deployment's without the ending.
pub fn app_of(pod: &kube::cluster::Pod) -> String {
    let label = pod.labels.get("app").or_else(|| pod.labels.get("k8s-app"));
    label.cloned().unwrap_or_else(|| pod.deployment.trim_end_matches("-deployment").to_owned())
}

impl Labels {
    /// The names of everybody who was ever there, at the last moment of a session.
    pub fn new(cluster: &Cluster, state: &State) -> Self {
        let mut this = Self { names: Vec::new(), kinds: Vec::new(), owners: BTreeMap::new() };
        for (ns, i) in state.netns.iter().zip(0..) {
            let node = cluster.nodes.iter().position(|n| *n.spec.name.value == *ns.name);
            let pod = cluster.pods.iter().position(|p| p.netns() == *ns.name);
            let host = cluster.topology.hosts.iter().position(|h| *h.name.value == *ns.name);
            let (name, kind) = match (node, pod, host) {
                (Some(n), ..) => (ns.name.to_string(), Kind::Node(n)),
                (_, Some(p), _) => {
                    (format!("{} {}", app_of(&cluster.pods[p]), cluster.pods[p].ip), Kind::Pod(p))
                }
                (.., Some(h)) => (ns.name.to_string(), Kind::Host(h)),
                _ => (ns.name.to_string(), Kind::Segment),
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

    /// How many namespaces have a name.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Who is not there at a moment: not yet, or not any more.
    pub fn absent(&self, state: &State) -> Vec<Kind> {
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for (k, i) in self.kinds.iter().zip(0..) {
            if state.netns.get(i).is_none_or(|n: &net::state::Netns| n.gone) {
                gone.push(*k)
            } else {
                there.push(*k)
            }
        }
        // One that went and came again has two namespaces.
        gone.retain(|k| !there.contains(k));
        gone
    }

    /// A namespace's name.
    pub fn name(&self, id: NetnsId) -> &str {
        self.names.get(id.0 as usize).map_or("?", String::as_str)
    }

    /// What a namespace is.
    pub fn kind(&self, id: NetnsId) -> Kind {
        self.kinds.get(id.0 as usize).copied().unwrap_or(Kind::Segment)
    }

    /// The pod that has an address, by its number in the cluster.
    pub fn pod_at(&self, addr: IpAddr) -> Option<usize> {
        match self.kinds.get(*self.owners.get(&addr)?)? {
            Kind::Pod(p) => Some(*p),
            _ => None,
        }
    }

    /// Who has an address.
    pub fn owner(&self, addr: IpAddr) -> Option<&str> {
        self.owners.get(&addr).map(|i| self.names[*i].as_str())
    }
}

//! MetalLB's speakers in layer 2 mode (`speaker/layer2_controller.go`, 0.15): a process on every
//! node; of each address one of them is elected, and answers ARP for it.
//!
//! The speakers find each other by gossip: one that stops, or whose node loses its NIC, is no
//! candidate. A cut that a command makes later is not noticed by the others here.

use crate::cluster::{Cluster, Node, RunningService};
use crate::fault::Fault;
use crate::object::ServiceType;
use crate::topology::Balancer;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// The label by which a node takes no part in load balancing; kubeadm gives it to the control
/// plane.
pub(crate) const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// The addresses that the speaker of each node answers for, by the node's name, in the order of the
/// Services. `runs`: whether the speaker of a node runs.
pub fn elections<'c>(
    cluster: &'c Cluster,
    runs: &dyn Fn(&str) -> bool,
) -> BTreeMap<&'c str, Vec<Ipv4Addr>> {
    let mut out: BTreeMap<&str, Vec<Ipv4Addr>> = BTreeMap::new();
    for s in cluster.services.iter().filter(|s| s.kind == ServiceType::LoadBalancer) {
        let Some(node) = elected(cluster, s, runs) else { continue };
        let announced = out.entry(&node.spec.name.value).or_default();
        for address in addresses(s) {
            if !announced.contains(&address) {
                announced.push(address);
            }
        }
    }
    out
}

/// What the speaker of one node answers for, of [`elections`].
pub fn announced(cluster: &Cluster, node: &str, runs: &dyn Fn(&str) -> bool) -> Vec<Ipv4Addr> {
    elections(cluster, runs).remove(node).unwrap_or_default()
}

/// The node that answers for a Service's addresses: of those that may, the one with the smallest
/// SHA-256 of its name, `#` and the first address. With `externalTrafficPolicy: Local` it has a
/// ready endpoint; without any endpoint there is none.
pub fn elected<'c>(
    cluster: &'c Cluster,
    s: &RunningService,
    runs: &dyn Fn(&str) -> bool,
) -> Option<&'c Node> {
    if cluster.topology.load_balancer != Balancer::Layer2 {
        return None;
    }
    let address = addresses(s).next()?;
    let endpoints = || s.ports.iter().flat_map(|p| &p.endpoints).filter(|e| e.ready || e.serving);
    endpoints().next()?;
    let has_endpoint =
        |n: &&Node| endpoints().any(|e| e.node.as_deref() == Some(n.spec.name.value.as_str()));
    let candidates = cluster
        .nodes
        .iter()
        .filter(|n| runs(&n.spec.name.value) && !n.labels.contains_key(EXCLUDED))
        .filter(|n| has_lan(cluster, n))
        .filter(|n| !s.traffic.external_local || has_endpoint(n));
    candidates.min_by_key(|n| Sha256::digest(format!("{}#{address}", n.spec.name.value)))
}

/// Whether a node's NIC has a carrier by the faults of the document.
pub(crate) fn has_lan(cluster: &Cluster, node: &Node) -> bool {
    let (name, nic) = (&node.spec.name.value, &node.spec.nic.name);
    !cluster.topology.faults.iter().any(|f| match f {
        Fault::Cut(owner) => owner == name,
        Fault::Down(owner, dev) => owner == name && dev == nic,
        Fault::Stopped(..) => false,
    })
}

/// The IPv4 addresses of a Service's load balancer.
pub(crate) fn addresses(s: &RunningService) -> impl Iterator<Item = Ipv4Addr> {
    s.traffic.ingress.iter().filter_map(|(a, _)| match a {
        IpAddr::V4(a) => Some(*a),
        IpAddr::V6(_) => None,
    })
}

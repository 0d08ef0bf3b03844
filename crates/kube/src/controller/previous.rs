//! A running cluster to which another document is applied: what exists keeps its node, addresses
//! and ports; what is new is added; what the document no longer contains is removed
//! (`pkg/controller/controller_utils.go`, `pkg/registry/core/service`, host-local).

use super::{ControlPlane, build_cluster, finish};
use crate::cluster::{Cluster, Node, Owner, Pod, RunningService};
use crate::decode::Decoder;
use crate::diag::Diagnostic;
use crate::ipam::HostLocal;
use crate::object::{self, Service};
use crate::topology::{PodPlacement, Topology};
use crate::yaml;
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// The cluster that a change starts from.
pub(super) struct Previous<'a> {
    pub(super) cluster: &'a Cluster,
    /// The network namespaces of pods that `kubectl delete pod` removed.
    deleted: &'a BTreeSet<String>,
}

/// A running cluster after a document is applied to it and the pods with the network namespaces in
/// `deleted` are deleted.
pub fn after(
    before: &Cluster,
    text: &str,
    deleted: &BTreeSet<String>,
) -> (Option<Cluster>, Vec<Diagnostic>) {
    let (docs, diags) = yaml::parse(text);
    let mut d = Decoder { diags, ..Decoder::default() };
    let mut cluster = build_cluster(&mut d, &docs, Some(Previous { cluster: before, deleted }));
    release_addresses(&mut cluster, before);
    // Pods that existed keep their place in the order.
    let order: BTreeMap<String, usize> = before.pods.iter().map(Pod::netns).zip(0..).collect();
    cluster.pods.sort_by_cached_key(|p| order.get(&p.netns()).copied().unwrap_or(usize::MAX));
    finish(cluster, d)
}

/// Frees the addresses of pods that are gone. host-local does not allocate them next.
fn release_addresses(cluster: &mut Cluster, before: &Cluster) {
    for pod in &before.pods {
        let node = &before.nodes[pod.node].spec.name.value;
        if !cluster.pods.iter().any(|p| p.ip == pod.ip)
            && let Some(addresses) = cluster.allocated.addresses.get_mut(node)
        {
            addresses.release(pod.ip);
        }
    }
}

impl Previous<'_> {
    fn node(&self, name: &str) -> Option<&Node> {
        self.cluster.nodes.iter().find(|n| n.spec.name.value == name)
    }

    /// The `podCIDR` of a node.
    pub(super) fn pod_cidr(&self, name: &str) -> Option<Ipv4Net> {
        self.node(name).map(|n| n.pod_cidr)
    }

    /// The pods of the text that were deleted, now or earlier.
    pub(super) fn deleted(&self) -> BTreeSet<String> {
        self.cluster.allocated.deleted.union(self.deleted).cloned().collect()
    }

    /// Whether a pod network belongs to a node, so that it is not allocated to another.
    pub(super) fn uses(&self, cidr: Ipv4Net) -> bool {
        self.cluster.nodes.iter().any(|n| n.pod_cidr == cidr)
    }

    /// The pod addresses of a node.
    pub(super) fn addresses(&self, name: &str) -> Option<HostLocal> {
        self.cluster.allocated.addresses.get(name).cloned()
    }

    /// Whether a placement was in the document when the cluster started: its pod has been created.
    pub(super) fn has_placement(&self, place: &PodPlacement) -> bool {
        self.cluster
            .topology
            .pods
            .iter()
            .any(|p| p.of.value == place.of.value && p.ip.value == place.ip.value)
    }

    /// The pods that can stay. A smaller replica count removes them from the end: first those that
    /// are not ready, then those on the node with most pods of their owner, then the youngest
    /// (`ActivePodsWithRanks`).
    pub(super) fn remaining(&self, topology: &Topology, nodes: &[Node]) -> Vec<Pod> {
        let mut out: Vec<Pod> = Vec::new();
        for p in self.cluster.all_pods().filter(|p| !self.deleted.contains(&p.netns())) {
            let name = &self.cluster.nodes[p.node].spec.name.value;
            let Some(node) = nodes.iter().position(|n| n.spec.name.value == *name) else {
                continue;
            };
            let place = topology.pods.iter().find(|x| x.ip.value == p.ip);
            let (ready, terminating) =
                place.map_or((p.ready, p.terminating), |x| (x.ready, x.terminating));
            out.push(Pod { node, ready, terminating, ..p.clone() });
        }
        let mut on_node: BTreeMap<(String, Owner, usize), usize> = BTreeMap::new();
        let key = |p: &Pod| (p.namespace.clone(), p.owner.clone(), p.node);
        for p in out.iter().filter(|_| topology.version.spreads_removals()) {
            *on_node.entry(key(p)).or_default() += 1;
        }
        out.sort_by_cached_key(|p| (!p.ready, on_node.get(&key(p)).copied()));
        out
    }
}

impl ControlPlane<'_> {
    /// The running state of a Service.
    pub(super) fn previous_service(&self, s: &Service) -> Option<&RunningService> {
        let previous = self.previous.as_ref()?;
        previous
            .cluster
            .services
            .iter()
            .find(|x| x.namespace == s.meta.namespace && x.name == s.meta.name.value)
    }

    /// Reserves what a Service has without requesting it.
    pub(super) fn reserve(&mut self, s: &Service) {
        let Some(was) = self.previous_service(s) else { return };
        let ip = was.cluster_ip;
        let node_ports = was.ports.iter().filter_map(|p| p.node_port);
        let ports: Vec<u16> = node_ports.chain(was.traffic.health_check).collect();
        if let (Some(ip), None) = (ip, &s.cluster_ip) {
            self.ips.take(ip);
        }
        for port in ports {
            if !s.ports.iter().any(|p| p.node_port.as_ref().is_some_and(|n| n.value == port)) {
                self.node_ports.take(port);
            }
        }
    }

    /// The cluster IP that a Service has.
    pub(super) fn kept_ip(&self, s: &Service) -> Option<Ipv4Addr> {
        self.previous_service(s)?.cluster_ip
    }

    /// The node port that a Service's port has.
    pub(super) fn kept_node_port(&self, s: &Service, port: &object::ServicePort) -> Option<u16> {
        self.previous_service(s)?
            .ports
            .iter()
            .find(|p| p.port == port.port.value && p.protocol == port.protocol)?
            .node_port
    }

    /// The health check node port that a Service has.
    pub(super) fn kept_health_check(&self, s: &Service) -> Option<u16> {
        self.previous_service(s)?.traffic.health_check
    }
}

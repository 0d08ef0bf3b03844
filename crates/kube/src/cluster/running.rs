//! A cluster that runs on, with another text: what is there stays as it is (a pod's node and
//! address, a Service's address and ports), what is new is added to it, and what is not written any
//! more goes (`pkg/controller/controller_utils.go`, `pkg/registry/core/service`, host-local).

use super::{Cluster, Endpoint, Maker, Node, Pod, RunningService, finish, make};
use crate::decode::Decoder;
use crate::diag::Diagnostic;
use crate::ipam::HostLocal;
use crate::object::{self, Service};
use crate::topology::{Placed, Topology};
use crate::yaml;
use ipnet::Ipv4Net;
use litemap::LiteMap;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The cluster that runs already.
pub(super) struct Before<'a> {
    pub(super) cluster: &'a Cluster,
    /// The namespaces of pods that somebody deleted.
    deleted: &'a BTreeSet<String>,
}

/// A running cluster after another text is applied to it, and after somebody deleted the pods whose
/// network namespaces are `deleted`.
pub fn after(
    before: &Cluster,
    text: &str,
    deleted: &BTreeSet<String>,
) -> (Option<Cluster>, Vec<Diagnostic>) {
    let (docs, diags) = yaml::parse(text);
    let mut d = Decoder { diags, known: None };
    let mut cluster = make(&mut d, &docs, Some(Before { cluster: before, deleted }));
    if let Some(c) = &mut cluster {
        c.give_back(before);
        // Who was there first is named first.
        let first: LiteMap<String, usize> = before.pods.iter().map(Pod::netns).zip(0..).collect();
        c.pods.sort_by_cached_key(|p| first.get(&p.netns()).copied().unwrap_or(usize::MAX));
    }
    finish(cluster, d.diags)
}

impl Cluster {
    /// Everybody who was ever there: those of this cluster in their order, then who came with a
    /// later one. Services and the topology are the later one's.
    #[must_use]
    pub fn joined(&self, later: &Self) -> Self {
        let mut all = later.clone();
        all.nodes = self.nodes.clone();
        for n in &later.nodes {
            match all.nodes.iter_mut().find(|x| x.spec.name.value == n.spec.name.value) {
                Some(x) => *x = n.clone(),
                None => all.nodes.push(n.clone()),
            }
        }
        let number = |i: usize| {
            all.nodes
                .iter()
                .position(|x| x.spec.name.value == later.nodes[i].spec.name.value)
                .unwrap_or(i)
        };
        all.pods = self.pods.clone();
        let there: LiteMap<String, usize> = self.pods.iter().map(Pod::netns).zip(0..).collect();
        for p in &later.pods {
            let at = there.get(&p.netns()).copied();
            let p = Pod { node: number(p.node), ..p.clone() };
            match at {
                Some(i) => all.pods[i] = p,
                None => all.pods.push(p),
            }
        }
        for e in all.services.iter_mut().flat_map(|s| &mut s.ports).flat_map(|p| &mut p.endpoints) {
            e.node = e.node.map(number);
        }
        for p in &mut all.host_pods {
            p.node = number(p.node);
        }
        all.topology.hosts = self.topology.hosts.clone();
        for h in &later.topology.hosts {
            if !all.topology.hosts.iter().any(|x| x.name.value == h.name.value) {
                all.topology.hosts.push(h.clone());
            }
        }
        all
    }

    /// This cluster while pods still come and go: `coming` are not ready yet; `leaving`, of the
    /// cluster before, are on their way out, and `kept` are as they were.
    pub(crate) fn on_its_way(
        &self,
        before: &Self,
        coming: &[Ipv4Addr],
        leaving: &[Ipv4Addr],
        kept: &[Ipv4Addr],
    ) -> Self {
        let mut now = self.clone();
        let number = |i: usize| {
            self.nodes.iter().position(|n| n.spec.name.value == before.nodes[i].spec.name.value)
        };
        for s in &mut now.services {
            let was =
                before.services.iter().find(|w| w.namespace == s.namespace && w.name == s.name);
            let unready_counts = s.traffic.publish_not_ready;
            for p in &mut s.ports {
                for e in p.endpoints.iter_mut().filter(|e| coming.contains(&e.addr)) {
                    (e.ready, e.serving) = (unready_counts, false);
                }
                let old = was
                    .and_then(|w| w.ports.iter().find(|q| q.name == p.name))
                    .map_or(&[][..], |q| q.endpoints.as_slice());
                for e in old.iter().filter(|e| leaving.contains(&e.addr) || kept.contains(&e.addr))
                {
                    let terminating = leaving.contains(&e.addr);
                    let ready = e.ready && (!terminating || unready_counts);
                    p.endpoints.push(Endpoint {
                        node: e.node.and_then(number),
                        ready,
                        terminating,
                        ..e.clone()
                    });
                }
                p.endpoints.sort_by_cached_key(|e| (e.addr.to_string(), e.port));
            }
        }
        now
    }

    /// The addresses of pods that are gone are free, but not the next to be given.
    fn give_back(&mut self, before: &Self) {
        for pod in &before.pods {
            if !self.pods.iter().any(|p| p.ip == pod.ip)
                && let Some(ipam) =
                    self.ledger.ipam.get_mut(&before.nodes[pod.node].spec.name.value)
            {
                ipam.release(pod.ip);
            }
        }
    }
}

impl Before<'_> {
    fn node(&self, name: &str) -> Option<&Node> {
        self.cluster.nodes.iter().find(|n| n.spec.name.value == name)
    }

    /// The pod network that a node has.
    pub(super) fn pod_cidr(&self, name: &str) -> Option<Ipv4Net> {
        self.node(name).map(|n| n.pod_cidr)
    }

    /// Whether a pod network is some node's: it is not given to another at once.
    pub(super) fn uses(&self, cidr: Ipv4Net) -> bool {
        self.cluster.nodes.iter().any(|n| n.pod_cidr == cidr)
    }

    /// The addresses of a node's pod network.
    pub(super) fn ipam(&self, name: &str) -> Option<HostLocal> {
        self.cluster.ledger.ipam.get(name).cloned()
    }

    /// Whether a place was there when the cluster began.
    pub(super) fn has_place(&self, place: &Placed) -> bool {
        self.cluster
            .topology
            .pods
            .iter()
            .any(|p| p.of.value == place.of.value && p.ip.value == place.ip.value)
    }

    /// The pods that can stay, those last that go first if fewer are wanted: not ready, of the node
    /// that has most of their set, the youngest (`ActivePodsWithRanks`). Of one age they are as
    /// they were started.
    pub(super) fn staying(&self, topology: &Topology, nodes: &[Node]) -> Vec<Pod> {
        let mut out: Vec<Pod> = Vec::new();
        for p in self.cluster.pods.iter().filter(|p| !self.deleted.contains(&p.netns())) {
            let name = &self.cluster.nodes[p.node].spec.name.value;
            let Some(node) = nodes.iter().position(|n| n.spec.name.value == *name) else {
                continue;
            };
            let place = topology.pods.iter().find(|x| x.ip.value == p.ip);
            let (ready, terminating) =
                place.map_or((p.ready, p.terminating), |x| (x.ready, x.terminating));
            out.push(Pod { node, ready, terminating, ..p.clone() });
        }
        let mut on_node: LiteMap<(String, String, usize), usize> = LiteMap::new();
        let key = |p: &Pod| (p.namespace.clone(), p.deployment.clone(), p.node);
        for p in out.iter().filter(|_| topology.version.prefers_doubled()) {
            let n = on_node.get(&key(p)).copied().unwrap_or(0);
            on_node.insert(key(p), n + 1);
        }
        out.sort_by_cached_key(|p| (!p.ready, on_node.get(&key(p)).copied()));
        out
    }
}

impl Maker<'_> {
    /// A Service as it runs already.
    pub(super) fn was(&self, s: &Service) -> Option<&RunningService> {
        let before = self.before.as_ref()?;
        before
            .cluster
            .services
            .iter()
            .find(|x| x.namespace == s.meta.namespace && x.name == s.meta.name.value)
    }

    /// Takes what a Service has and does not ask for.
    pub(super) fn keep(&mut self, s: &Service) {
        let Some(was) = self.was(s) else { return };
        let (ip, ports) = (
            was.cluster_ip,
            was.ports
                .iter()
                .filter_map(|p| p.node_port)
                .chain(was.traffic.health_check)
                .collect::<Vec<_>>(),
        );
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
        self.was(s)?.cluster_ip
    }

    /// The node port that a Service's port has.
    pub(super) fn kept_node_port(&self, s: &Service, port: &object::ServicePort) -> Option<u16> {
        self.was(s)?
            .ports
            .iter()
            .find(|p| p.port == port.port.value && p.protocol == port.protocol)?
            .node_port
    }
}

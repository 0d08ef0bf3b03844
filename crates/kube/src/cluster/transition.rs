//! Clusters that change: the union of two states, and the states of a rollout.

use super::{Cluster, Endpoint, Pod};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

impl Cluster {
    /// All nodes, pods and hosts of this cluster and of a later state: those of this one first, in
    /// their order. Services and the topology are the later state's.
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
        let there: BTreeMap<String, usize> = self.pods.iter().map(Pod::netns).zip(0..).collect();
        for p in &later.pods {
            let at = there.get(&p.netns()).copied();
            let p = Pod { node: number(p.node), ..p.clone() };
            match at {
                Some(i) => all.pods[i] = p,
                None => all.pods.push(p),
            }
        }
        all.host_pods = self.host_pods.clone();
        for p in &later.host_pods {
            let p = Pod { node: number(p.node), ..p.clone() };
            match all.host_pods.iter_mut().find(|x| x.netns() == p.netns()) {
                Some(x) => *x = p,
                None => all.host_pods.push(p),
            }
        }
        all.topology.hosts = self.topology.hosts.clone();
        for h in &later.topology.hosts {
            if !all.topology.hosts.iter().any(|x| x.name.value == h.name.value) {
                all.topology.hosts.push(h.clone());
            }
        }
        all
    }

    /// This cluster while pods still start and stop: the pods at `starting` are not ready yet;
    /// those at `stopping`, of the cluster before, are terminating, and those at `kept` still run.
    pub(crate) fn during_rollout(
        &self,
        before: &Self,
        starting: &[Ipv4Addr],
        stopping: &[Ipv4Addr],
        kept: &[Ipv4Addr],
    ) -> Self {
        let is_at = |e: &Endpoint, addrs: &[Ipv4Addr]| addrs.iter().any(|a| e.addr == *a);
        let mut now = self.clone();
        for s in &mut now.services {
            let old =
                before.services.iter().find(|w| w.namespace == s.namespace && w.name == s.name);
            let unready_counts = s.traffic.publish_not_ready;
            for p in &mut s.ports {
                for e in p.endpoints.iter_mut().filter(|e| is_at(e, starting)) {
                    (e.ready, e.serving) = (unready_counts, false);
                }
                let old = old
                    .and_then(|w| w.ports.iter().find(|q| q.name == p.name))
                    .map_or(&[][..], |q| q.endpoints.as_slice());
                for e in old.iter().filter(|e| is_at(e, stopping) || is_at(e, kept)) {
                    let terminating = is_at(e, stopping);
                    let ready = e.ready && (!terminating || unready_counts);
                    p.endpoints.push(Endpoint { ready, terminating, ..e.clone() });
                }
                sort_endpoints(&mut p.endpoints);
            }
        }
        now
    }
}

/// Sorts endpoints by the text of their address (`LessEndpointAddress`): .10 comes before .4.
pub(crate) fn sort_endpoints(endpoints: &mut [Endpoint]) {
    endpoints.sort_by_cached_key(|e| (e.addr.to_string(), e.port));
}

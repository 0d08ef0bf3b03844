//! kube-scheduler: the node of a pod (`pkg/scheduler/framework/plugins`).
//!
//! A node is feasible if every filter passes it; the filters run in the scheduler's order and the
//! first that fails names the reason. Of the feasible nodes the one with the largest sum of the
//! weights of preferred affinity is taken; of several, the one with the fewest taints that are
//! preferred to be avoided, then the one that spreads best, then the one with the fewest pods, then
//! the first. CPU, memory and volumes are not simulated.

use super::ControlPlane;
use super::pods::NewPod;
use crate::cluster::Pod;
use crate::object::{HostPort, Labels, PodTerm, Scheduling, Spread, Taint, TaintEffect};
use std::collections::BTreeMap;

/// Whether two host ports are the same port of the same address.
fn clash(a: &HostPort, b: &HostPort) -> bool {
    let (a_ip, b_ip) = (a.2, b.2);
    a.0 == b.0 && a.1 == b.1 && (a_ip.is_none() || b_ip.is_none() || a_ip == b_ip)
}

/// Whether two pods' host ports clash.
pub(super) fn ports_clash(a: &[HostPort], b: &[HostPort]) -> bool {
    a.iter().any(|x| b.iter().any(|y| clash(x, y)))
}

impl ControlPlane<'_> {
    /// The nodes on which a pod can run, the best first; or, if there is none, why.
    pub(super) fn schedule(&self, pod: &NewPod<'_>) -> Result<Vec<usize>, String> {
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        let mut feasible = Vec::new();
        for node in 0..self.nodes.len() {
            match self.filter(pod, node) {
                None => feasible.push(node),
                Some(reason) => *reasons.entry(reason).or_default() += 1,
            }
        }
        if feasible.is_empty() {
            let mut all: Vec<_> = reasons.iter().map(|(why, n)| format!("{n} {why}")).collect();
            all.sort();
            let n = self.nodes.len();
            let all = if all.is_empty() { "no nodes available".to_owned() } else { all.join(", ") };
            return Err(format!("0/{n} nodes are available: {all}"));
        }
        feasible.sort_by_cached_key(|node| self.rank(pod, *node));
        Ok(feasible)
    }

    /// Why a pod cannot run on a node.
    fn filter(&self, pod: &NewPod<'_>, node: usize) -> Option<String> {
        let (this, release, rules) =
            (&self.nodes[node], self.topology.version, &pod.spec.scheduling);
        let unschedulable = Taint {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
        };
        if this.unschedulable && !rules.tolerations.iter().any(|t| t.tolerates(&unschedulable)) {
            return Some("node(s) were unschedulable".to_owned());
        }
        let wanted = rules.wants(&this.spec.name.value, &this.labels);
        if pod.only.is_some_and(|n| n != node) {
            return Some(release.no_affinity().to_owned());
        }
        if let Some(taint) = rules.untolerated(&this.taints, false) {
            return Some(release.untolerated(&taint.key, &taint.value));
        }
        if !wanted {
            return Some(release.no_affinity().to_owned());
        }
        if !self.has_ports_free(node, &pod.spec.host_ports()) {
            let why = "node(s) didn't have free ports for the requested pod ports";
            return Some(why.to_owned());
        }
        if let Some(why) = rules.spread.iter().find_map(|s| self.skewed(pod, s, node)) {
            return Some(why.to_owned());
        }
        self.apart(pod, rules, node).map(str::to_owned)
    }

    /// Whether no pod of a node has one of these host ports.
    fn has_ports_free(&self, node: usize, wanted: &[HostPort]) -> bool {
        let there = || self.everywhere().filter(|p| p.node == node);
        wanted.is_empty() || !there().any(|p| ports_clash(&p.host_ports(), wanted))
    }

    /// All running pods, those that no controller has claimed yet included.
    fn everywhere(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().chain(&self.remaining)
    }

    /// The value of a node's label.
    fn domain(&self, node: usize, key: &str) -> Option<&String> {
        self.nodes[node].labels.get(key)
    }

    /// Whether a pod is among those that a term of a pod in `namespace` is about.
    fn is_meant(term: &PodTerm, namespace: &str, of: &str, labels: &Labels) -> bool {
        let named = if term.namespaces.is_empty() {
            of == namespace
        } else {
            term.namespaces.iter().any(|n| n == of)
        };
        (named || term.every_namespace) && term.selector.selects(labels)
    }

    /// Whether a pod that a term is about runs in a node's domain.
    fn has_neighbour(&self, term: &PodTerm, namespace: &str, node: usize) -> bool {
        let Some(domain) = self.domain(node, &term.topology_key) else { return false };
        self.everywhere().any(|p| {
            Self::is_meant(term, namespace, &p.namespace, &p.labels)
                && self.domain(p.node, &term.topology_key) == Some(domain)
        })
    }

    /// Why affinity or anti-affinity between pods keeps a pod off a node.
    fn apart(&self, pod: &NewPod<'_>, rules: &Scheduling, node: usize) -> Option<&'static str> {
        let own = |term: &PodTerm| Self::is_meant(term, pod.namespace, pod.namespace, &pod.labels);
        // The first pod of a group that must be together finds no other yet.
        let nowhere = |term: &PodTerm| {
            !self.everywhere().any(|p| Self::is_meant(term, pod.namespace, &p.namespace, &p.labels))
        };
        let near = rules.affinity.iter().all(|t| {
            self.has_neighbour(t, pod.namespace, node)
                || (own(t) && nowhere(t) && self.domain(node, &t.topology_key).is_some())
        });
        if !near {
            return Some("node(s) didn't match pod affinity rules");
        }
        if rules.anti_affinity.iter().any(|t| self.has_neighbour(t, pod.namespace, node)) {
            return Some("node(s) didn't match pod anti-affinity rules");
        }
        let refused = self.everywhere().any(|p| {
            p.spec.scheduling.anti_affinity.iter().any(|t| {
                Self::is_meant(t, &p.namespace, pod.namespace, &pod.labels)
                    && self.domain(node, &t.topology_key).is_some()
                    && self.domain(p.node, &t.topology_key) == self.domain(node, &t.topology_key)
            })
        });
        refused.then_some("node(s) didn't satisfy existing pods anti-affinity rules")
    }

    /// The number of pods that a constraint counts in each domain of the nodes that the pod's
    /// node affinity allows.
    fn domains(&self, pod: &NewPod<'_>, spread: &Spread) -> BTreeMap<&String, usize> {
        let mut out = BTreeMap::new();
        for (i, n) in self.nodes.iter().enumerate() {
            let allowed = pod.spec.scheduling.wants(&n.spec.name.value, &n.labels);
            if let Some(domain) = self.domain(i, &spread.topology_key).filter(|_| allowed) {
                out.entry(domain).or_default();
            }
        }
        for p in self.everywhere().filter(|p| p.namespace == pod.namespace) {
            let domain = self.domain(p.node, &spread.topology_key);
            if let Some(n) = domain.and_then(|d| out.get_mut(d))
                && spread.selector.selects(&p.labels)
            {
                *n += 1;
            }
        }
        out
    }

    /// Why a required topology spread keeps a pod off a node.
    fn skewed(&self, pod: &NewPod<'_>, spread: &Spread, node: usize) -> Option<&'static str> {
        if !spread.required {
            return None;
        }
        let Some(domain) = self.domain(node, &spread.topology_key) else {
            return Some(
                "node(s) didn't match pod topology spread constraints (missing required label)",
            );
        };
        let domains = self.domains(pod, spread);
        let least = domains.values().copied().min().unwrap_or(0);
        let with = domains.get(domain).copied().unwrap_or(0)
            + usize::from(spread.selector.selects(&pod.labels));
        (with > least + spread.max_skew)
            .then_some("node(s) didn't match pod topology spread constraints")
    }

    /// The order of feasible nodes: the smallest is the best.
    fn rank(&self, pod: &NewPod<'_>, node: usize) -> (i64, usize, usize, usize, usize) {
        let (this, rules) = (&self.nodes[node], &pod.spec.scheduling);
        let of_nodes = rules
            .node_preferences
            .iter()
            .filter(|(_, t)| t.matches(&this.spec.name.value, &this.labels))
            .map(|(weight, _)| *weight);
        let of_pods = rules
            .pod_preferences
            .iter()
            .filter(|(_, t)| self.has_neighbour(t, pod.namespace, node))
            .map(|(weight, _)| *weight);
        let score: i64 = of_nodes.chain(of_pods).sum();
        let soft = |t: &&Taint| rules.untolerated(std::slice::from_ref(t), true).is_some();
        let avoided = this.taints.iter().filter(soft).count();
        let spread = rules.spread.iter().map(|s| {
            let domains = self.domains(pod, s);
            self.domain(node, &s.topology_key).and_then(|d| domains.get(d)).copied().unwrap_or(0)
        });
        (-score, avoided, spread.sum(), self.load[node], node)
    }
}

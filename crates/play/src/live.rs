//! The part of the running cluster that is not in its nodes' kernels: every version of the API
//! server's objects, what each kube-proxy has synced, and the pending operations of components.

use crate::cause::Manifests;
use kube::Cluster;
use kube::fault::{Daemon, Fault};
use kube::rollout::Operation;
use net::Instant;
use net::netfilter::Ruleset;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The state of a session's cluster that is not in a kernel: the API server's objects and the
/// components' pending work.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The cluster as the API server knew it, with the number of events before it; the first is the
    /// cluster at the beginning.
    pub(crate) history: Vec<(usize, Rc<Cluster>)>,
    /// The manifests: the document with every later `kubectl apply`, `scale` and `delete`.
    pub(crate) text: Manifests,
    /// The daemons that do not run, each with its node.
    pub(crate) stopped: Vec<(String, Daemon)>,
    /// The cluster of the last election of the speakers.
    pub(crate) elected: Rc<Cluster>,
    /// The cluster that the load balancer outside has rules for.
    pub(crate) balanced: Rc<Cluster>,
    /// The cluster that each node's kube-proxy synced last; at first it is that of the beginning.
    pub(crate) known: Vec<(String, Rc<Cluster>)>,
    /// Every sync so far, with the index of the event that it caused.
    pub(crate) syncs: Vec<(usize, Synchronized)>,
    /// Pending operations of components, by due time, then in the order in which they were
    /// scheduled.
    pub(crate) due: BTreeMap<(Instant, u64), Operation>,
    /// Count of the operations scheduled so far.
    scheduled: u64,
}

/// A sync of kube-proxy: enough to print what it fed to iptables-restore.
#[derive(Clone, Debug)]
pub(crate) struct Synchronized {
    pub(crate) node: String,
    /// The node's rules before the sync.
    pub(crate) rules: Ruleset,
    /// The cluster of the last sync; none if kube-proxy had just started.
    pub(crate) before: Option<Rc<Cluster>>,
    pub(crate) cluster: Rc<Cluster>,
}

impl Live {
    pub(crate) fn new(cluster: Rc<Cluster>, text: Rc<str>) -> Self {
        let stopped = |f: &Fault| {
            if let Fault::Stopped(node, daemon) = f { Some((node.clone(), *daemon)) } else { None }
        };
        let stopped = cluster.topology.faults.iter().filter_map(stopped).collect();
        Self {
            elected: cluster.clone(),
            balanced: cluster.clone(),
            history: vec![(0, cluster)],
            text: text.into(),
            stopped,
            known: Vec::new(),
            syncs: Vec::new(),
            due: BTreeMap::new(),
            scheduled: 0,
        }
    }

    /// The cluster after the first `events` events.
    pub(crate) fn at(&self, events: usize) -> &Rc<Cluster> {
        let i = self.history.partition_point(|(from, _)| *from <= events).max(1) - 1;
        &self.history[i].1
    }

    /// The cluster as the API server knows it now.
    pub(crate) fn cluster(&self) -> &Rc<Cluster> {
        self.at(usize::MAX)
    }

    /// The cluster that a node's kube-proxy synced last.
    pub(crate) fn known(&self, node: &str) -> Rc<Cluster> {
        self.known
            .iter()
            .find(|(n, _)| n == node)
            .map_or_else(|| self.history[0].1.clone(), |(_, c)| c.clone())
    }

    /// A node's kube-proxy has synced a cluster.
    pub(crate) fn learn(&mut self, node: &str, cluster: Rc<Cluster>) {
        self.known.retain(|(n, _)| n != node);
        self.known.push((node.to_owned(), cluster));
    }

    /// Adds an operation, after everything that is due at that time or before.
    pub(crate) fn schedule(&mut self, at: Instant, task: Operation) {
        self.due.insert((at, self.scheduled), task);
        self.scheduled += 1;
    }
}

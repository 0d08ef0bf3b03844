//! How a run ended, which event decided it, and what would mend it.

use kube::cluster::{Cluster, RunningService};
use net::event::EventKind;
use net::socket::Outcome;
use net::{DropReason, Event, NetnsId};
use std::net::IpAddr;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client got an answer.
    Answered,
    /// The client was refused, told that it is unreachable, or heard nothing.
    Failed,
}

/// What most likely went wrong, as far as the target itself tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// No pod stands behind the Service.
    NoEndpoints {
        /// Its namespace and name.
        service: String,
    },
    /// The Service has no such port.
    NoSuchPort {
        /// Its namespace and name.
        service: String,
        /// Those it has: `80/TCP`.
        ports: Vec<String>,
    },
    /// A cluster IP, asked for from outside: only nodes and pods know it.
    OutsideOfCluster {
        /// Its namespace and name.
        service: String,
        /// The node port that would do.
        node_port: Option<u16>,
    },
    /// No Service has that node port.
    NoSuchNodePort {
        /// The port.
        port: u16,
    },
}

/// Compares a target with the Services: is it one, has it that port, is anybody behind it?
pub(crate) fn advice(cluster: &Cluster, from_outside: bool, to: (IpAddr, u16), protocol: &str) -> Option<Advice> {
    let (addr, port) = to;
    let full = |s: &RunningService| format!("{}/{}", s.namespace, s.name);
    if let Some(s) = cluster.services.iter().find(|s| s.cluster_ip.map(IpAddr::from) == Some(addr)) {
        let service = full(s);
        let found = s.ports.iter().find(|p| p.port == port && p.protocol == protocol);
        return match found {
            _ if from_outside => Some(Advice::OutsideOfCluster { service, node_port: s.ports.iter().find_map(|p| p.node_port) }),
            None => Some(Advice::NoSuchPort { service, ports: s.ports.iter().map(|p| format!("{}/{}", p.port, p.protocol)).collect() }),
            Some(p) if p.endpoints.is_empty() => Some(Advice::NoEndpoints { service }),
            Some(_) => None,
        };
    }
    let (first, last) = cluster.topology.node_ports;
    if !cluster.nodes.iter().any(|n| IpAddr::from(n.address()) == addr) || !(first..=last).contains(&port) {
        return None;
    }
    let with_port = |s: &&RunningService| s.ports.iter().any(|p| p.node_port == Some(port));
    let Some(s) = cluster.services.iter().find(with_port) else { return Some(Advice::NoSuchNodePort { port }) };
    let found = s.ports.iter().find(|p| p.node_port == Some(port) && p.protocol == protocol);
    match found {
        None => {
            let ports = s.ports.iter().filter_map(|p| p.node_port.map(|n| format!("{n}/{}", p.protocol))).collect();
            Some(Advice::NoSuchPort { service: full(s), ports })
        }
        Some(p) if p.endpoints.is_empty() => Some(Advice::NoEndpoints { service: full(s) }),
        Some(_) => None,
    }
}

/// The verdict of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub ending: Ending,
    /// What the client got; the last, if there were several. None if nothing ended.
    pub outcome: Option<Outcome>,
    /// The event that decided a failure, counted within the run: the last packet lost.
    pub cause: Option<usize>,
    /// Where and why that packet was lost.
    pub lost: Option<(NetnsId, DropReason)>,
    /// Who answered, as the server saw its client.
    pub server: Option<(NetnsId, net::socket::Endpoint)>,
    /// What a failure most likely comes from.
    pub advice: Option<Advice>,
}

/// Looks at a run's events.
pub(crate) fn verdict(events: &[Event], tag: u32) -> Verdict {
    let outcomes: Vec<&Outcome> = events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Ended { tag: t, outcome, .. } if *t == tag => Some(outcome),
            _ => None,
        })
        .collect();
    let answered = outcomes.iter().find(|o| matches!(o, Outcome::Answered { .. }));
    let outcome = answered.or(outcomes.last()).map(|o| (*o).clone());
    let lost = events.iter().enumerate().rev().find_map(|(i, e)| match &e.kind {
        EventKind::Dropped { reason, .. } if !harmless(*reason) => Some((i, e.netns, *reason)),
        _ => None,
    });
    let server = events.iter().find_map(|e| match &e.kind {
        EventKind::Accepted { peer, .. } => Some((e.netns, *peer)),
        _ => None,
    });
    let failed = answered.is_none();
    Verdict {
        ending: if failed { Ending::Failed } else { Ending::Answered },
        outcome,
        cause: lost.filter(|_| failed).map(|l| l.0),
        lost: lost.filter(|_| failed).map(|l| (l.1, l.2)),
        server,
        advice: None,
    }
}

/// Copies of flooded frames end at everybody they are not for.
fn harmless(reason: DropReason) -> bool {
    matches!(reason, DropReason::OtherHost)
}

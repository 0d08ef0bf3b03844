//! How a run ended, which event decided it, and the likely fault of the destination.

use crate::probe::service_at;
use kube::cluster::{Cluster, Listening, Origin, Pod, Port};
use net::event::EventKind;
use net::socket::Outcome;
use net::{DropReason, Event, NetnsId, State};
use std::net::IpAddr;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client got an answer.
    Answered,
    /// The client got a refusal, an ICMP error, or nothing.
    Failed,
}

/// The most likely fault of the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The Service has no endpoints.
    NoEndpoints {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
    },
    /// No endpoint of the Service is ready.
    NotReady {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
    },
    /// The load balancer's address admits only other sources.
    SourceRanges {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// `loadBalancerSourceRanges`.
        ranges: Vec<String>,
    },
    /// No machine answers ARP for the load balancer's address.
    NotAnnounced {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
    },
    /// The Service has no such port.
    NoSuchPort {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// Those it has: `80/TCP`.
        ports: Vec<String>,
    },
    /// A cluster IP used from outside the cluster, where no kube-proxy translates it.
    OutsideOfCluster {
        /// The Service as `NAMESPACE/NAME`.
        service: String,
        /// A node port of the Service, which is reachable from outside.
        node_port: Option<u16>,
    },
    /// No Service has that node port.
    NoSuchNodePort {
        /// The destination port.
        port: u16,
    },
}

/// Looks for a fault of the destination: whether its Service exists, has that port, and has ready
/// endpoints that the sender may reach. `is_announced`: whether a machine answers for the address.
pub(crate) fn advice(
    cluster: &Cluster,
    from: (bool, &[IpAddr]),
    to: (IpAddr, u16),
    protocol: &str,
    is_announced: bool,
) -> Option<Advice> {
    let (from_outside, own) = from;
    let Some(s) = service_at(cluster, to) else {
        let (first, last) = cluster.topology.node_ports;
        let is_node_port = (first..=last).contains(&to.1)
            && cluster.nodes.iter().any(|n| IpAddr::from(n.address()) == to.0);
        return is_node_port.then_some(Advice::NoSuchNodePort { port: to.1 });
    };
    let service = format!("{}/{}", s.namespace, s.name);
    let by_cluster_ip = s.cluster_ip.map(IpAddr::from) == Some(to.0);
    if by_cluster_ip && from_outside {
        return Some(Advice::OutsideOfCluster {
            service,
            node_port: s.ports.iter().find_map(|p| p.node_port),
        });
    }
    let number = |p: &Port| if s.has_address(to.0) { Some(p.port) } else { p.node_port };
    match s.ports.iter().find(|p| number(p) == Some(to.1) && p.protocol == protocol) {
        None => {
            let ports =
                s.ports.iter().filter_map(|p| number(p).map(|n| format!("{n}/{}", p.protocol)));
            Some(Advice::NoSuchPort { service, ports: ports.collect() })
        }
        Some(p) if p.endpoints.is_empty() => Some(Advice::NoEndpoints { service }),
        Some(p) if p.endpoints.iter().all(|e| !e.ready) => Some(Advice::NotReady { service }),
        Some(_) => {
            let t = &s.traffic;
            let balanced = t.ingress.iter().any(|(a, _)| *a == to.0);
            if balanced && from_outside && !is_announced {
                return Some(Advice::NotAnnounced { service });
            }
            let let_in = own.iter().any(|a| t.source_ranges.iter().any(|r| r.contains(a)));
            let ranges = || t.source_ranges.iter().map(ToString::to_string).collect();
            (balanced && !t.source_ranges.is_empty() && !let_in)
                .then(|| Advice::SourceRanges { service, ranges: ranges() })
        }
    }
}

/// The verdict of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub ending: Ending,
    /// What the client got; the last, if there were several. None if nothing ended.
    pub outcome: Option<Outcome>,
    /// Count of the requests that were answered.
    pub answered: u16,
    /// Count of the requests that the client was to send: more than one for pings and datagrams.
    pub requests: u16,
    /// The event that decided a failure, as an index of the run's events: the last packet lost.
    pub cause: Option<usize>,
    /// Where and why that packet was lost.
    pub lost: Option<(NetnsId, DropReason)>,
    /// The namespace that answered, and the client's address as the server saw it.
    pub server: Option<(NetnsId, net::socket::AddrPort)>,
    /// The most likely fault of the destination, after a failure.
    pub advice: Option<Advice>,
    /// The assumption that the answer depends on.
    pub assumed: Option<Box<Assumption>>,
    /// The request was to be encrypted, and was sent as it is: TLS is not simulated.
    pub without_tls: bool,
}

/// That a pod listens on a port, which only its program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The pod, as [`kube::cluster::Pod::netns`] names it.
    pub pod: String,
    /// The port.
    pub port: u16,
    /// Why it is assumed.
    pub origin: Origin,
}

/// The first assumed port of a pod that packets of a run reached.
pub(crate) fn assumption(cluster: &Cluster, state: &State, events: &[Event]) -> Option<Assumption> {
    events.iter().find_map(|e| {
        let EventKind::Delivered { local, .. } = &e.kind else { return None };
        let name = &*state.ns(e.netns?).name;
        let pods = cluster.all_pods().filter(|p| cluster.netns(p) == name);
        let of_pod = |p: &Pod| {
            let at = |l: &&Listening| l.at.port == local.port && l.origin.assumed();
            let found = p.listening.iter().find(at)?;
            Some(Assumption { pod: p.netns(), port: local.port, origin: found.origin })
        };
        pods.into_iter().find_map(of_pod)
    })
}

/// The verdict of a run, from its events; without advice.
pub(crate) fn verdict(events: &[Event], tag: u32, requests: u16) -> Verdict {
    let outcomes: Vec<&Outcome> = events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Ended { tag: t, outcome, .. } if *t == tag => Some(outcome),
            _ => None,
        })
        .collect();
    let answers = || outcomes.iter().filter(|o| o.is_answer());
    let answered = answers().next();
    let outcome = answered.or(outcomes.last()).map(|o| (*o).clone());
    let lost = events.iter().enumerate().rev().find_map(|(i, e)| match &e.kind {
        EventKind::Dropped { reason, .. } if !harmless(*reason) => Some((i, e.netns?, *reason)),
        _ => None,
    });
    // No server accepts a ping or a single segment: an accepted connection is that of another
    // probe in flight.
    let no_connection =
        matches!(outcome, Some(Outcome::Answered { ttl: Some(_), .. } | Outcome::Segment { .. }));
    let server = events.iter().filter(|_| !no_connection).find_map(|e| match &e.kind {
        EventKind::Accepted { peer, .. } => Some((e.netns?, *peer)),
        _ => None,
    });
    let failed = answered.is_none();
    Verdict {
        ending: if failed { Ending::Failed } else { Ending::Answered },
        outcome,
        answered: answers().count() as u16,
        requests,
        cause: lost.filter(|_| failed).map(|l| l.0),
        lost: lost.filter(|_| failed).map(|l| (l.1, l.2)),
        server,
        advice: None,
        assumed: None,
        without_tls: false,
    }
}

/// Flooded copies of a frame are dropped by every host that they are not addressed to.
fn harmless(reason: DropReason) -> bool {
    matches!(reason, DropReason::OtherHost)
}

//! How a run ended.

use crate::cause::Cause;
use kube::cluster::{Cluster, Listening, Origin, Pod};
use net::event::EventKind;
use net::socket::Outcome;
use net::{Event, NetnsId, State};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client got an answer.
    Answered,
    /// The client got a refusal, an ICMP error, or nothing.
    Failed,
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
    /// Why: what led there, and which event decided.
    pub cause: Cause,
    /// The namespace that answered, and the client's address as the server saw it.
    pub server: Option<(NetnsId, net::socket::AddrPort)>,
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

/// The verdict of a run, from its events; without the cause.
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
        cause: Cause::default(),
        server,
        assumed: None,
        without_tls: false,
    }
}

//! Why a run ended as it did: a chain of at most five links from the events, with the one that
//! decided it.
//!
//! The search begins with what the client got and walks back. After a timeout it looks for the
//! packet, or the answer, that was lost for good; copies that were flooded elsewhere decide
//! nothing. After a reset or an ICMP error it looks for who sent it, and why. What is found is
//! explained by the tables as they were then and by the cluster's objects: which rule, which entry
//! and what is true elsewhere, which field.
//!
//! It sees the cluster, the state and the events, and no session: [`crate::session`] asks it.

mod around;
mod explain;
mod fact;
mod loss;
mod origin;
mod service;

pub use fact::{EntryKind, Fact, Link, Missing, Origin, RuleRef, Silence};
pub(crate) use origin::{Manifests, Text, below};

use crate::anchor::{Census, Direction};
use explain::Explained;
use kube::Cluster;
use kube::fault::Daemon;
use net::event::EventKind;
use net::socket::{AddrPort, Outcome, ServerApp};
use net::state::Netns;
use net::{Event, NetnsId, PacketId, State};
use std::net::IpAddr;
use std::ops::Range;

/// The most links of a chain.
pub const MOST: usize = 5;

/// Why a run ended as it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The chain, in order of time.
    pub links: Vec<Link>,
    /// The link that decided it; none if the client got its answer.
    pub decided: Option<usize>,
    /// Count of the packets that were lost and decided nothing.
    pub others: usize,
}

impl Cause {
    /// The link that decided it.
    pub fn deciding(&self) -> Option<&Link> {
        self.links.get(self.decided?)
    }
}

/// What is known of a run.
pub(crate) struct Known<'a> {
    pub(crate) cluster: &'a Cluster,
    /// The manifests.
    pub(crate) text: &'a Manifests,
    pub(crate) state: &'a State,
    pub(crate) events: &'a [Event],
    /// The events of the run.
    pub(crate) range: Range<usize>,
    pub(crate) census: &'a Census,
    /// The probe's number.
    pub(crate) tag: u32,
    /// The client's namespace.
    pub(crate) from: NetnsId,
    pub(crate) to: Option<(IpAddr, u16)>,
    /// `TCP` or `UDP`.
    pub(crate) protocol: Option<&'static str>,
    /// Whether a daemon runs on a node.
    pub(crate) runs: &'a dyn Fn(&str, Daemon) -> bool,
    /// The command that a step typed, and its place, by an event that it caused.
    pub(crate) typed: &'a dyn Fn(usize) -> Option<(String, kube::Span)>,
}

impl<'a> Known<'a> {
    fn all(&self) -> impl DoubleEndedIterator<Item = (usize, &'a Event)> + use<'a> {
        let (events, range) = (self.events, self.range.clone());
        range.map(move |i| (i, &events[i]))
    }

    /// The direction of a packet of this probe.
    fn direction(&self, packet: Option<PacketId>) -> Option<Direction> {
        let (probe, direction, _) = self.census.packet(packet?)?;
        (probe == self.tag).then_some(direction)
    }

    fn name(&self, netns: NetnsId) -> &'a str {
        &self.state.ns(netns).name
    }

    fn is_node(&self, netns: NetnsId) -> bool {
        self.cluster.nodes.iter().any(|n| n.spec.name.value == self.name(netns))
    }

    /// Who has an address now, or else whose speaker answers ARP for it.
    fn owner(&self, addr: IpAddr) -> Option<NetnsId> {
        let has = |ns: &Netns| ns.devices.iter().any(|d| d.addrs.iter().any(|a| a.addr() == addr));
        let speaks = |ns: &Netns| {
            ns.services.iter().any(|l| l.app == ServerApp::Arp && l.addr == Some(addr))
        };
        let all = || self.state.netns.iter().zip(0..).filter(|(ns, _)| !ns.gone);
        let mut found = all().filter(|(ns, _)| has(ns)).chain(all().filter(|(ns, _)| speaks(ns)));
        found.next().map(|(_, n)| NetnsId(n))
    }

    /// Whether a machine is meant to forward: a node, or a router.
    fn is_router(&self, netns: NetnsId) -> bool {
        let name = self.name(netns);
        let mut hosts = self.cluster.topology.hosts.iter();
        self.is_node(netns) || hosts.any(|h| h.name.value == name && h.router.is_some())
    }

    /// The first translation of the request's destination: event, before, after.
    fn destination(&self, before: usize) -> Option<(usize, AddrPort, AddrPort)> {
        self.all().take_while(|(i, _)| *i <= before).find_map(|(i, e)| match &e.kind {
            EventKind::Translated { source: false, restored: false, before, after, .. }
                if self.direction(e.packet) == Some(Direction::Request)
                    && self.to.is_none_or(|to| to == (before.addr, before.port) || to.1 == 0) =>
            {
                Some((i, *before, *after))
            }
            _ => None,
        })
    }

    fn link(&self, event: usize, netns: NetnsId, fact: Fact) -> Link {
        Link { event, netns, fact, origin: None }
    }
}

/// Why a run ended with this outcome; `None`: nothing ended.
pub(crate) fn find(k: &Known<'_>, outcome: Option<&Outcome>, answered: bool) -> Cause {
    if answered {
        return around::answered(k);
    }
    let mut found = match outcome {
        Some(Outcome::Unresolved(why)) => loss::unresolved(k, why),
        Some(Outcome::Reset) => loss::reset(k),
        Some(Outcome::Unreachable { .. }) => loss::error(k),
        _ => None,
    };
    found = found.or_else(|| loss::timeout(k));
    let Some(mut found) = found.or_else(|| loss::nothing(k)) else {
        return Cause::default();
    };
    service::refine(k, &mut found);
    assembled(k, found)
}

/// The chain: what led there, what decided, what followed.
fn assembled(k: &Known<'_>, found: Explained) -> Cause {
    let Explained { mut links, mut decided, lost } = found;
    let last = links.iter().map(|l| l.event).max().unwrap_or_default();
    let before: Vec<Link> = around::context(k, last)
        .into_iter()
        .filter(|c| !links.iter().any(|l| l.event == c.event))
        .collect();
    let room = MOST.saturating_sub(links.len());
    let skip = before.len().saturating_sub(room);
    let deciding = links.get(decided).cloned();
    links.extend(before.into_iter().skip(skip));
    links.sort_by_key(|l| (l.event, matches!(l.fact, Fact::Error { .. })));
    links.truncate(MOST.max(1));
    if let Some(deciding) = deciding {
        match links.iter().position(|l| *l == deciding) {
            Some(at) => decided = at,
            None => {
                decided = links.len() - 1;
                links[decided] = deciding;
            }
        }
    }
    for l in &mut links {
        l.origin = origin::of(k, k.text.parsed(), l);
    }
    let is_loss = |e: &Event| matches!(e.kind, EventKind::Dropped { .. });
    let losses = k.all().filter(|(_, e)| is_loss(e)).count();
    Cause { links, decided: Some(decided), others: losses.saturating_sub(lost) }
}

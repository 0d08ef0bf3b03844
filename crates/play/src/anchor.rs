//! Anchors: when a step is done, in words that survive an edit of the document.
//!
//! An edit that adds one rule renumbers every later event. So an event is named by the probe that
//! it follows, its kind and a count; an event of a probe's packet by that packet.
//!
//! **Probes** are the steps that send (`send`, and `run` of `curl` or `ping`), numbered from 1 in
//! the order of the list. Number 0 stands for the session's beginning.
//!
//! **Packets of a probe** are counted from 1, for each direction in the order in which they were
//! made. Each packet is counted in exactly one direction, the first that fits:
//!
//! | direction | packets |
//! | --- | --- |
//! | `arp` | ARP requests that a packet of the probe waits for, and their answers |
//! | `error` | ICMP errors |
//! | `request` | made in the client's namespace with the probe's source port or ICMP identifier |
//! | `reply` | with the reverse of a tuple that a request of the probe had, before or after NAT |
//! | that of another | made from that packet: its fragments, flooded copies, duplicates |
//! | `other` | everything else |
//!
//! The queries of a lookup are requests, too.
//!
//! Where this does not tell the probe (ARP, errors and others that no packet caused), it is the one
//! that was sent last.

use crate::probe::LOOKUP_PORTS;
use net::event::EventKind;
use net::state::Change;
use net::wire::{Body, Icmp, Ipv4, Payload};
use net::{Duration, Event, Instant, NetnsId, PacketId};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// When a step is performed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// When everything before it in the list is over: the world is idle, or the `settle` time of
    /// the last probe has passed.
    Quiet,
    /// At a virtual time since the start of the session.
    At(Instant),
    /// A span of virtual time after a probe was sent.
    After {
        /// The probe's number.
        probe: u32,
        /// The span.
        after: Duration,
    },
    /// Right after an event.
    Event(EventAnchor),
}

/// The name of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventAnchor {
    /// The probe since whose start events are counted; 0: the start of the session.
    pub probe: u32,
    /// Only events of this packet of the probe count: its direction, and its number there from 1.
    pub packet: Option<(Direction, u32)>,
    /// The kind of the event: one of [`net::marker::NAMES`].
    pub marker: &'static str,
    /// Which of those events, from 1.
    pub occurrence: u32,
}

/// Which way a packet of a probe goes; the module's documentation defines each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Packets from the client.
    Request,
    /// Packets to the client.
    Reply,
    /// ARP requests and their answers.
    Arp,
    /// ICMP errors.
    Error,
    /// All other packets.
    Other,
}

impl Direction {
    /// Every direction.
    pub const ALL: [Self; 5] = [Self::Request, Self::Reply, Self::Arp, Self::Error, Self::Other];

    /// Its name in a Script.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Arp => "arp",
            Self::Error => "error",
            Self::Other => "other",
        }
    }

    /// The direction of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

/// A probe that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Its number, from 1.
    pub(crate) probe: u32,
    /// Count of the events before it.
    pub(crate) event: usize,
    /// When it was sent.
    pub(crate) at: Instant,
    /// The client's namespace.
    pub(crate) from: NetnsId,
    /// The client's port, or the identifier of its echo requests.
    pub(crate) key: u16,
    /// The port of the first socket of its lookup.
    pub(crate) lookup: Option<u16>,
}

impl Sent {
    /// Whether a port is the client's, or one of its lookup.
    fn sends_from(&self, port: u16) -> bool {
        let of_lookup = |first: u16| (first..first + LOOKUP_PORTS).contains(&port);
        self.key == port || self.lookup.is_some_and(of_lookup)
    }
}

/// Source, destination and protocol of a packet, with ports or an identifier.
type Flow = (IpAddr, IpAddr, u8, u16, u16);

fn flow(p: &Ipv4) -> Flow {
    let (sport, dport) = match &p.body {
        Body::Icmp(Icmp::Echo { id, .. }) => (*id, *id),
        _ => p.ports().unwrap_or_default(),
    };
    (p.src.into(), p.dst.into(), p.body.proto(), sport, dport)
}

fn reversed((src, dst, proto, sport, dport): Flow) -> Flow {
    (dst, src, proto, dport, sport)
}

fn is_error(p: &Ipv4) -> bool {
    matches!(&p.body, Body::Icmp(i) if !matches!(i, Icmp::Echo { .. }))
}

/// A packet of a probe: the probe's number, the direction, and the packet's number there, from 1.
pub type PacketName = (u32, Direction, u32);

/// Which packet of which probe each packet is, for the events that were read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    read: usize,
    packets: BTreeMap<PacketId, PacketName>,
    counts: BTreeMap<(u32, Direction), u32>,
    /// The flow of each request as NAT left it.
    requests: BTreeMap<PacketId, Flow>,
    /// Where replies come from.
    replies: BTreeMap<Flow, u32>,
}

impl Census {
    /// Reads the events up to `end` that were not read yet.
    pub(crate) fn read(&mut self, events: &[Event], sent: &[Sent], end: usize) {
        for (i, e) in events.iter().enumerate().take(end).skip(self.read) {
            let last = sent.iter().rev().find(|s| s.event <= i).map_or(0, |s| s.probe);
            for change in &e.changes {
                if let Change::Packet { id, before: None, after: Some(skb) } = change {
                    let parent = skb.parent.and_then(|p| self.packets.get(&p).copied());
                    let packet = match &skb.frame.payload {
                        Payload::Ipv4(p) => Some(p),
                        _ => None,
                    };
                    let arp = matches!(skb.frame.payload, Payload::Arp(_));
                    let made = sent.iter().rev().filter(|s| s.event <= i);
                    let (probe, direction) =
                        self.place(packet.map(flow), parent, made, (skb.netns, arp, packet), last);
                    let count = self.counts.entry((probe, direction)).or_default();
                    *count += 1;
                    self.packets.insert(*id, (probe, direction, *count));
                    if let (Direction::Request, Some(p)) = (direction, packet) {
                        self.requests.insert(*id, flow(p));
                        self.replies.insert(reversed(flow(p)), probe);
                    }
                }
            }
            self.translate(e);
        }
        self.read = self.read.max(end.min(events.len()));
    }

    fn place<'s>(
        &self,
        flow: Option<Flow>,
        parent: Option<PacketName>,
        mut sent: impl Iterator<Item = &'s Sent>,
        (netns, arp, packet): (NetnsId, bool, Option<&Ipv4>),
        last: u32,
    ) -> (u32, Direction) {
        let of_parent = parent.map_or(last, |p| p.0);
        if arp {
            return (of_parent, Direction::Arp);
        }
        if packet.is_some_and(is_error) {
            return (of_parent, Direction::Error);
        }
        if let Some(flow) = flow {
            if let Some(s) = sent.find(|s| s.from == netns && s.sends_from(flow.3)) {
                return (s.probe, Direction::Request);
            }
            if let Some(probe) = self.replies.get(&flow) {
                return (*probe, Direction::Reply);
            }
        }
        parent.map_or((last, Direction::Other), |(probe, direction, _)| (probe, direction))
    }

    /// Notes the tuple of a translated request: its replies have the reverse of that one.
    fn translate(&mut self, e: &Event) {
        let EventKind::Translated { source, after, .. } = &e.kind else { return };
        let Some(p) = e.packet else { return };
        let Some((probe, ..)) = self.packets.get(&p).copied() else { return };
        let Some(flow) = self.requests.get_mut(&p) else { return };
        if *source {
            (flow.0, flow.3) = (after.addr, after.port);
        } else {
            (flow.1, flow.4) = (after.addr, after.port);
        }
        self.replies.insert(reversed(*flow), probe);
    }

    /// The name of a packet.
    pub(crate) fn packet(&self, id: PacketId) -> Option<PacketName> {
        self.packets.get(&id).copied()
    }

    /// The packet of a name.
    pub(crate) fn named(&self, name: PacketName) -> Option<PacketId> {
        self.packets.iter().find(|(_, n)| **n == name).map(|(id, _)| *id)
    }

    /// Whether an event is one of those that an anchor counts.
    pub(crate) fn counts(
        &self,
        anchor: &EventAnchor,
        sent: &[Sent],
        i: usize,
        all: &[Event],
    ) -> bool {
        let e = &all[i];
        net::marker::name(&e.kind) == anchor.marker
            && match anchor.packet {
                None => {
                    let since = sent.iter().find(|s| s.probe == anchor.probe).map(|s| s.event);
                    anchor.probe == 0 || since.is_some_and(|since| i >= since)
                }
                Some((direction, k)) => {
                    e.packet.and_then(|p| self.packet(p)) == Some((anchor.probe, direction, k))
                }
            }
    }

    /// The event that an anchor names, among those that were read.
    pub(crate) fn find(&self, anchor: &EventAnchor, all: &[Event], sent: &[Sent]) -> Option<usize> {
        let before = anchor.occurrence.checked_sub(1)? as usize;
        (0..self.read).filter(|i| self.counts(anchor, sent, *i, all)).nth(before)
    }

    /// The name of an event that was read.
    pub(crate) fn name(&self, event: usize, events: &[Event], sent: &[Sent]) -> EventAnchor {
        let e = &events[event];
        let mut anchor = EventAnchor {
            probe: sent.iter().rev().find(|s| s.event <= event).map_or(0, |s| s.probe),
            packet: None,
            marker: net::marker::name(&e.kind),
            occurrence: 0,
        };
        if let Some((probe, direction, k)) = e.packet.and_then(|p| self.packet(p)) {
            (anchor.probe, anchor.packet) = (probe, Some((direction, k)));
        }
        let counted = (0..=event).filter(|i| self.counts(&anchor, sent, *i, events)).count();
        anchor.occurrence = u32::try_from(counted).unwrap_or(u32::MAX);
        anchor
    }
}

//! From what the client got back to the packet that was lost, or to who refused it.

use super::explain::{Explained, explain_drop};
use super::{Fact, Known};
use crate::anchor::Direction;
use net::dns::{Failure, Unresolved};
use net::event::EventKind;
use net::socket::AddrPort;
use net::state::Change;
use net::wire::{Body, Icmp, Payload, TcpFlags};
use net::{DropReason, Event, NetnsId, PacketId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Who sent the reset that the client got, and why.
pub(super) fn reset(k: &Known<'_>) -> Option<Explained> {
    let is_reset = |e: &Event| match &e.kind {
        EventKind::PacketMade { packet } => match &packet.body {
            Body::Tcp(t) if t.flags.has(TcpFlags::RST) => Some(IpAddr::from(packet.src)),
            _ => None,
        },
        _ => None,
    };
    let (made, from) = k
        .all()
        .rev()
        .filter(|(_, e)| e.netns != Some(k.from))
        .find_map(|(i, e)| Some((i, is_reset(e)?)))
        .or_else(|| k.all().rev().find_map(|(i, e)| Some((i, is_reset(e)?))))?;
    let netns = k.events[made].netns?;
    let drop =
        near(k, made, netns, &|r| matches!(r, DropReason::NoSocket | DropReason::NetfilterReject))?;
    let mut found = explain_drop(k, drop);
    // The kernel frees the packet after it has answered it.
    found.links.push(k.link(made.max(drop), netns, Fact::Error { from, icmp: None }));
    found.lost = alike(k, drop);
    Some(found)
}

/// Who sent the ICMP error that the client got, and why.
pub(super) fn error(k: &Known<'_>) -> Option<Explained> {
    let is_error = |e: &Event| match &e.kind {
        EventKind::PacketMade { packet } => match &packet.body {
            Body::Icmp(i @ (Icmp::Unreachable { .. } | Icmp::TimeExceeded { .. })) => {
                Some((IpAddr::from(packet.src), i.type_code()))
            }
            _ => None,
        },
        _ => None,
    };
    let (made, (from, icmp)) = k.all().rev().find_map(|(i, e)| Some((i, is_error(e)?)))?;
    let e = &k.events[made];
    let netns = e.netns?;
    let about = e.changes.iter().find_map(|c| match c {
        Change::Packet { before: None, after: Some(skb), .. } => skb.parent,
        _ => None,
    });
    let of_packet = |p: PacketId| {
        k.all()
            .filter(|(_, e)| e.packet == Some(p) && e.netns == Some(netns))
            .find(|(_, e)| matches!(e.kind, EventKind::Dropped { .. }))
            .map(|(i, _)| i)
    };
    let drop = about.and_then(of_packet).or_else(|| near(k, made, netns, &|_| true))?;
    let mut found = explain_drop(k, drop);
    // The kernel frees the packet after it has answered it.
    found.links.push(k.link(made.max(drop), netns, Fact::Error { from, icmp: Some(icmp) }));
    found.lost = alike(k, drop);
    Some(found)
}

/// The drop in a namespace that is nearest to an event.
fn near(
    k: &Known<'_>,
    event: usize,
    netns: NetnsId,
    fits: &dyn Fn(DropReason) -> bool,
) -> Option<usize> {
    let is_drop = |e: &Event| {
        e.netns == Some(netns)
            && matches!(e.kind, EventKind::Dropped { reason, .. } if fits(reason))
    };
    k.all().filter(|(_, e)| is_drop(e)).map(|(i, _)| i).min_by_key(|i| i.abs_diff(event))
}

/// The loss that made the client wait in vain.
pub(super) fn timeout(k: &Known<'_>) -> Option<Explained> {
    let copies = Copies::of(k);
    let decisive: Vec<usize> =
        k.all().filter(|(i, e)| is_decisive(k, &copies, *i, e)).map(|(i, _)| i).collect();
    let last = *decisive.last()?;
    // Of tries that end alike, the first is shown.
    let first = *decisive.iter().find(|i| key(k, **i) == key(k, last))?;
    let mut found = explain_drop(k, first);
    found.lost = alike(k, first);
    Some(found)
}

/// Where, why and in which direction a packet was lost.
fn key(k: &Known<'_>, i: usize) -> (Option<NetnsId>, Option<DropReason>, Option<Direction>) {
    let e = &k.events[i];
    let reason = if let EventKind::Dropped { reason, .. } = e.kind { Some(reason) } else { None };
    (e.netns, reason, k.direction(e.packet))
}

/// Count of the losses of the run that are like this one.
fn alike(k: &Known<'_>, drop: usize) -> usize {
    k.all().filter(|(i, _)| key(k, *i) == key(k, drop)).count()
}

/// Whether a loss can decide: of a packet of this probe, and not of one that arrived elsewhere.
fn is_decisive(k: &Known<'_>, copies: &Copies, i: usize, e: &Event) -> bool {
    let EventKind::Dropped { reason, .. } = e.kind else { return false };
    let (Some(direction), Some(packet)) = (k.direction(e.packet), e.packet) else { return false };
    // What a client's own reset meets, or an error on its way back, decides nothing.
    let aside = matches!(direction, Direction::Arp)
        || copies.resets.contains(&packet)
        || direction == Direction::Error && reason != DropReason::NetfilterDrop;
    // A segment of a connection that the server has closed follows from what went before.
    let late = reason == DropReason::NoSocket
        && e.netns != Some(k.from)
        && direction == Direction::Request
        && copies.later.contains(&packet);
    !aside && !late && (reason != DropReason::OtherHost || !copies.arrive(packet, i))
}

/// The frames that bridges flooded, and which of their copies were taken.
#[derive(Default)]
struct Copies {
    /// The packet that each copy is of.
    root: BTreeMap<PacketId, PacketId>,
    /// When the first copy of a packet was made.
    made: BTreeMap<PacketId, usize>,
    /// Who took a packet, and when.
    taken: BTreeMap<PacketId, Vec<(usize, PacketId)>>,
    /// The packets that are resets.
    resets: BTreeSet<PacketId>,
    /// The segments that do not open a connection.
    later: BTreeSet<PacketId>,
}

impl Copies {
    fn of(k: &Known<'_>) -> Self {
        let mut this = Self::default();
        for (i, e) in k.all() {
            for change in &e.changes {
                let Change::Packet { id, before: None, after: Some(skb) } = change else {
                    continue;
                };
                let Payload::Ipv4(p) = &skb.frame.payload else { continue };
                let is_copy = !p.is_fragment() && !matches!(&p.body, Body::Icmp(i) if is_news(i));
                if let Some(parent) = skb.parent.filter(|_| is_copy) {
                    let root = this.root.get(&parent).copied().unwrap_or(parent);
                    this.root.insert(*id, root);
                    this.made.entry(root).or_insert(i);
                }
            }
            let Some(packet) = e.packet else { continue };
            match &e.kind {
                EventKind::PacketMade { packet: p } => {
                    let is_reset = matches!(&p.body, Body::Tcp(t) if t.flags.has(TcpFlags::RST));
                    this.resets.extend(is_reset.then_some(packet));
                    let opens = !matches!(&p.body, Body::Tcp(t) if !t.flags.has(TcpFlags::SYN));
                    this.later.extend((!opens).then_some(packet));
                }
                EventKind::Tracked { .. }
                | EventKind::Routed { .. }
                | EventKind::Delivered { .. }
                | EventKind::Decapsulated { .. }
                | EventKind::Bridged { .. } => {
                    let root = this.root.get(&packet).copied().unwrap_or(packet);
                    this.taken.entry(root).or_default().push((i, packet));
                }
                _ => {}
            }
        }
        this
    }

    /// Whether another copy of a packet that was lost at an event was taken.
    fn arrive(&self, packet: PacketId, at: usize) -> bool {
        let root = self.root.get(&packet).copied().unwrap_or(packet);
        let Some(made) = self.made.get(&root) else { return false };
        let other = |(i, p): &(usize, PacketId)| i > made && *p != packet && at.abs_diff(*i) < 400;
        self.taken.get(&root).is_some_and(|all| all.iter().any(other))
    }
}

/// Whether a message is about another packet, and no copy of it.
fn is_news(i: &Icmp) -> bool {
    !matches!(i, Icmp::Echo { .. })
}

/// Why a name was not found.
pub(super) fn unresolved(k: &Known<'_>, why: &Unresolved) -> Option<Explained> {
    let answered = why.tried.iter().any(|t| !matches!(t.failure, Failure::TimedOut));
    if !answered {
        return None;
    }
    let event = k.all().rev().find(|(_, e)| e.netns == Some(k.from)).map(|(i, _)| i)?;
    let tried = why.tried.iter().map(|t| format!("{:#}", t.name)).collect();
    Some(Explained::one(k.link(event, k.from, Fact::NoSuchName { tried })))
}

/// Nothing was lost: whoever got the last request did not answer it.
pub(super) fn nothing(k: &Known<'_>) -> Option<Explained> {
    let (event, e, at) = k.all().rev().find_map(|(i, e)| match &e.kind {
        EventKind::Delivered { local, .. } if k.direction(e.packet) == Some(Direction::Request) => {
            Some((i, e, *local))
        }
        _ => None,
    })?;
    let at = AddrPort { addr: at.addr, port: at.port };
    Some(Explained::one(k.link(event, e.netns?, Fact::Silent(at))))
}

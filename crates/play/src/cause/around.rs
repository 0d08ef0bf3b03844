//! What happened around the deciding event: the translation, the answer; and what is worth saying
//! of a run that was answered.

use super::explain::{rule_at, walked};
use super::{Cause, Fact, Known, Link};
use crate::anchor::Direction;
use net::event::EventKind;
use net::netfilter::{RuleEffect, WalkStep};
use net::socket::AddrPort;
use net::wire::{Body, TcpFlags};

/// What led to an event: the translation of the destination, and the server's answer.
pub(super) fn context(k: &Known<'_>, before: usize) -> Vec<Link> {
    let mut out = Vec::new();
    if let Some((i, from, to)) = k.destination(before)
        && let Some(netns) = k.events[i].netns
    {
        let fact = Fact::Destination { before: from, after: to, remembered: remembered(k, i) };
        out.push(k.link(i, netns, fact));
    }
    let replied = k.all().take_while(|(i, _)| *i < before).find_map(|(i, e)| match &e.kind {
        EventKind::PacketMade { packet }
            if k.direction(e.packet) == Some(Direction::Reply)
                && k.destination(before).is_none_or(|(_, _, to)| {
                    (to.addr, to.port) == (packet.src.into(), packet.ports().map_or(0, |p| p.0))
                })
                && !matches!(&packet.body, Body::Tcp(t) if t.flags.has(TcpFlags::RST)) =>
        {
            let port = packet.ports().map_or(0, |p| p.0);
            Some((i, e.netns?, AddrPort { addr: packet.src.into(), port }))
        }
        _ => None,
    });
    if let Some((i, netns, from)) = replied {
        out.push(k.link(i, netns, Fact::Replied { from }));
    }
    out
}

/// Whether a translation was remembered: no rule of this packet's asked for it.
pub(super) fn remembered(k: &Known<'_>, translated: usize) -> bool {
    !walked(k, translated).any(|(_, _, _, _, step)| {
        matches!(step, WalkStep::Matched { effect: RuleEffect::Dnat { .. }, .. })
    })
}

/// What is worth saying of a run that was answered: whose address the server saw, and whose
/// translation an old entry decided.
pub(super) fn answered(k: &Known<'_>) -> Cause {
    let mut links = Vec::new();
    let destination = k.destination(k.range.end);
    if let Some((i, before, after)) = destination
        && let Some(netns) = k.events[i].netns
        && remembered(k, i)
    {
        links.push(k.link(i, netns, Fact::Destination { before, after, remembered: true }));
    }
    let source = k.all().find_map(|(i, e)| match &e.kind {
        EventKind::Translated { source: true, restored: false, before, after, .. }
            if k.direction(e.packet) == Some(Direction::Request) && before.addr != after.addr =>
        {
            Some((i, e.netns?, *before, *after))
        }
        _ => None,
    });
    if let Some((i, netns, before, after)) = source {
        let rule = walked(k, i).find_map(|(_, rules, table, _, step)| match step {
            WalkStep::Matched {
                chain,
                rule,
                effect: RuleEffect::Masquerade { .. } | RuleEffect::Snat { .. },
                ..
            } => rule_at(rules, table, *chain, *rule),
            _ => None,
        });
        links.push(k.link(i, netns, Fact::Source { before, after, rule }));
    }
    let other = k.all().find_map(|(i, e)| match e.kind {
        EventKind::Decapsulated { .. } if k.direction(e.packet) == Some(Direction::Request) => {
            Some((i, e.netns?))
        }
        _ => None,
    });
    if let (Some((i, _, _)), Some((at, netns))) = (destination, other)
        && let Some(first) = k.events[i].netns.filter(|f| *f != netns && *f != k.from)
    {
        links.push(k.link(at, netns, Fact::OtherNode { first }));
    }
    links.sort_by_key(|l| l.event);
    Cause { links, decided: None, others: 0 }
}

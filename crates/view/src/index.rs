//! An index of a session's events, built once, so that drawing a moment of a long session costs no
//! more than one of a short session.

use net::event::EventKind;
use net::netfilter::WalkStep;
use net::{Event, NetnsId, PacketId};
use std::collections::{BTreeMap, BTreeSet};

/// The index of a session's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The events about each packet, in order.
    of: BTreeMap<PacketId, Vec<usize>>,
    /// The events in which a rule matched after a draw, its own or one before it.
    pub draws: Vec<usize>,
    /// The network namespaces in which a process sent something.
    asked: BTreeSet<NetnsId>,
}

impl Index {
    /// Indexes the events of a session.
    pub fn new(events: &[Event]) -> Self {
        let mut index = Self::default();
        for (i, e) in events.iter().enumerate() {
            if let Some(id) = e.packet {
                index.of.entry(id).or_default().push(i);
            }
            match &e.kind {
                EventKind::Asked { .. } => index.asked.extend(e.netns),
                EventKind::Walked { step: WalkStep::Matched { draws, .. }, .. }
                    if !draws.is_empty() =>
                {
                    index.draws.push(i);
                }
                _ => {}
            }
        }
        index
    }

    /// Whether an event is in a network namespace in which a process sent something.
    pub fn is_in_client(&self, e: &Event) -> bool {
        e.netns.is_some_and(|n| self.asked.contains(&n))
    }

    /// The events about a packet, in order.
    pub fn of(&self, id: PacketId) -> &[usize] {
        self.of.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The events about a packet before event `cursor`.
    pub fn behind(&self, id: PacketId, cursor: usize) -> &[usize] {
        let all = self.of(id);
        &all[..all.partition_point(|i| *i < cursor)]
    }

    /// Every packet with its events, in the order of packet numbers.
    pub fn packets(&self) -> impl Iterator<Item = (PacketId, &[usize])> {
        self.of.iter().map(|(id, events)| (*id, events.as_slice()))
    }

    /// The packet with the earliest event.
    pub fn first(&self) -> Option<PacketId> {
        self.of.iter().min_by_key(|(_, events)| events[0]).map(|(id, _)| *id)
    }
}

//! What every moment looks up in a session's events, worked out once after they came to be: so that
//! a moment of a long session costs no more than one of a short.

use net::event::EventKind;
use net::netfilter::WalkStep;
use net::{Event, NetnsId, PacketId};
use std::collections::{BTreeMap, BTreeSet};

/// The index of a session's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    of: BTreeMap<PacketId, Vec<usize>>,
    /// The events in which a rule matched after a draw, its own or one before it.
    pub draws: Vec<usize>,
    /// Where a process asked.
    pub asked: BTreeSet<NetnsId>,
}

impl Index {
    /// Of all events of a session.
    pub fn new(events: &[Event]) -> Self {
        let mut index = Self::default();
        for (i, e) in events.iter().enumerate() {
            if let Some(id) = e.packet {
                index.of.entry(id).or_default().push(i);
            }
            match &e.kind {
                EventKind::Asked { .. } => _ = index.asked.insert(e.netns),
                EventKind::Walked { step: WalkStep::Matched { draws, .. }, .. }
                    if !draws.is_empty() =>
                {
                    index.draws.push(i)
                }
                _ => {}
            }
        }
        index
    }

    /// The events about a packet, in order.
    pub fn of(&self, id: PacketId) -> &[usize] {
        self.of.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Those of them that lie behind.
    pub fn behind(&self, id: PacketId, cursor: usize) -> &[usize] {
        let all = self.of(id);
        &all[..all.partition_point(|i| *i < cursor)]
    }

    /// Every packet, by number.
    pub fn packets(&self) -> impl Iterator<Item = (PacketId, &[usize])> {
        self.of.iter().map(|(id, events)| (*id, events.as_slice()))
    }

    /// The first of all packets.
    pub fn first(&self) -> Option<PacketId> {
        self.of.iter().min_by_key(|(_, events)| events[0]).map(|(id, _)| *id)
    }
}

//! Operations of the user on a packet in flight. A kernel does the same at random with `tc netem`.

use super::{Job, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::PacketId;
use crate::skb::Skb;
use crate::state::Change;
use crate::time::{Duration, Instant};

/// An operation on a packet in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketOp {
    /// Drops the packet, also one that waits for a neighbour or for fragments.
    Drop,
    /// Delays all that is due for the packet by this long.
    Delay(Duration),
    /// Copies the packet; the copy follows the original.
    Duplicate,
}

impl World {
    /// Carries out an operation now. False if the packet is not in flight, or waits for a neighbour
    /// or for fragments, in which case it can only be dropped.
    pub fn handle(&mut self, pkt: PacketId, op: PacketOp) -> bool {
        let Some(skb) = self.state.packets.get(&pkt).cloned() else { return false };
        match op {
            PacketOp::Drop => {
                self.leave_queues(pkt);
                self.drop_packet(pkt, DropReason::ByHand, None);
            }
            PacketOp::Delay(by) => {
                let jobs = self.take_jobs(pkt);
                if jobs.is_empty() {
                    return false;
                }
                self.emit(skb.netns, Some(pkt), EventKind::Delayed { by });
                for (at, job) in jobs {
                    self.later(at + by - self.now, job);
                }
            }
            PacketOp::Duplicate => {
                let Some((at, next)) = self.next_of(pkt) else { return false };
                let copy = self.new_packet(Skb { parent: Some(pkt), ..Skb::clone(&skb) });
                self.emit(skb.netns, Some(copy), EventKind::Duplicated { of: pkt });
                let job = match next {
                    Job::Hook(_, hook) => Job::Hook(copy, hook),
                    Job::Packet(_, next) => Job::Packet(copy, next),
                    other => other,
                };
                // Behind the other, wherever that is.
                self.later(at - self.now, job);
            }
        }
        true
    }

    fn is_of(job: &Job, pkt: PacketId) -> bool {
        matches!(job, Job::Packet(p, _) | Job::Hook(p, _) if *p == pkt)
    }

    /// The next job of a packet, and when it is due.
    fn next_of(&self, pkt: PacketId) -> Option<(Instant, Job)> {
        let on_stack =
            self.stack.iter().rev().find(|j| Self::is_of(j, pkt)).map(|j| (self.now, j.clone()));
        on_stack.or_else(|| {
            self.agenda
                .iter()
                .find(|(_, j)| Self::is_of(j, pkt))
                .map(|((at, _), j)| (*at, j.clone()))
        })
    }

    /// Removes all jobs of a packet, and returns them in order, with when they are due.
    fn take_jobs(&mut self, pkt: PacketId) -> Vec<(Instant, Job)> {
        let mut out: Vec<(Instant, Job)> = Vec::new();
        while let Some(i) = self.stack.iter().rposition(|j| Self::is_of(j, pkt)) {
            out.push((self.now, self.stack.remove(i)));
        }
        let keys: Vec<_> =
            self.agenda.iter().filter(|(_, j)| Self::is_of(j, pkt)).map(|(k, _)| *k).collect();
        out.extend(keys.iter().filter_map(|k| Some((k.0, self.agenda.remove(k)?))));
        out
    }

    /// Removes a packet from the queue of a neighbour or of fragments.
    pub(super) fn leave_queues(&mut self, pkt: PacketId) {
        let waits = self.state.netns.iter().zip(0..).find_map(|(ns, i)| {
            let (key, n) = ns.neighbours.iter().find(|(_, n)| n.queue.contains(&pkt))?;
            Some((crate::id::NetnsId(i), *key, n.clone()))
        });
        if let Some((netns, (dev, addr), before)) = waits {
            let mut after = before.clone();
            after.queue.retain(|p| *p != pkt);
            self.change(Change::Neighbour {
                netns,
                dev,
                addr,
                before: Some(Box::new(before)),
                after: Some(Box::new(after)),
            });
        }
        let row = self.state.netns.iter().zip(0..).find_map(|(ns, i)| {
            let (key, row) = ns.fragments.iter().find(|(_, row)| row.contains(&pkt))?;
            Some((crate::id::NetnsId(i), *key, row.clone()))
        });
        if let Some((netns, key, before)) = row {
            let after: Vec<_> = before.iter().copied().filter(|p| *p != pkt).collect();
            self.change(Change::Fragments {
                netns,
                key,
                before: Some(before),
                after: (!after.is_empty()).then_some(after),
            });
        }
    }
}

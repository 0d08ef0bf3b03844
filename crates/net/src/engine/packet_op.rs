//! What a person does to a packet in flight. No kernel does this by itself; `tc netem` on a device
//! does the same to packets by chance.

use super::{Job, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::PacketId;
use crate::skb::Skb;
use crate::state::Change;
use crate::time::{Duration, Instant};

/// What can be done to a packet in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketOp {
    /// It is lost.
    Drop,
    /// It stands still for so long.
    Delay(Duration),
    /// There are two of it from now on.
    Duplicate,
}

impl World {
    /// Does something to a packet in flight, now. False: it is not in flight, or it waits for
    /// something (a neighbour, the rest of its fragments) and can only be dropped.
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

    /// What is done with a packet next, and when.
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

    /// Everything that was to be done with a packet and when, first things first.
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

    /// A packet that waits for a neighbour, or for the rest of its fragments, waits no more.
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

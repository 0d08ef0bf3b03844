//! Going on from an earlier moment: a session with the steps until then, and one more.
//!
//! A step is kept if it began before the moment. The others are discarded, with every anchored step
//! that was not performed: it changed nothing. A step without an anchor is kept even if it was
//! refused, because it begins a group. So the kept steps play as before.
//!
//! Anchors name a probe by its number in the list. If a discarded step sends, the probes behind it
//! in the list get new numbers, and the anchors that name them are changed accordingly. The source
//! port of such a probe is drawn from its old number, so it becomes part of the step.

use crate::anchor::{Anchor, EventAnchor};
use crate::session::Session;
use crate::step::{Act, Step};
use net::{Instant, PacketId};
use std::collections::BTreeMap;

impl Session {
    /// A session in which the steps that began in the first `at` events are followed by a step at
    /// that moment: after the last of these events, or with `of` after the last of that packet.
    #[must_use]
    pub fn forked(&self, at: usize, of: Option<PacketId>, act: Act) -> Self {
        let events = &self.events()[..at];
        let last = events.iter().rposition(|e| of.is_none() || e.packet == of);
        let anchor = last.and_then(|i| self.name(i)).map_or(Anchor::Quiet, Anchor::Event);
        let mut steps = self.kept(at);
        steps.push(Step::new(anchor, act));
        self.renumber(at, &mut steps);
        let forked = self.played(&steps);
        let time = last.map_or(Instant::default(), |i| events[i].at);
        let Some((step, result)) = steps.last_mut().zip(forked.results().last()) else {
            return forked;
        };
        if of.is_some() || result.is_done() && result.at == time || step.anchor == Anchor::Quiet {
            return forked;
        }
        // The world was at this event only because a discarded step waited for a later time.
        step.anchor = Anchor::At(time);
        self.played(&steps)
    }

    fn played(&self, steps: &[Step]) -> Self {
        let mut session = self.rewound();
        session.play(steps);
        session
    }

    /// Whether each step is kept at a moment.
    fn is_kept(&self, at: usize) -> impl Iterator<Item = (&Step, bool)> {
        self.steps().iter().zip(self.results()).map(move |(step, result)| {
            let counts = result.is_done() || step.anchor == Anchor::Quiet;
            (step, counts && result.events.start < at)
        })
    }

    fn kept(&self, at: usize) -> Vec<Step> {
        self.is_kept(at).filter(|(_, kept)| *kept).map(|(step, _)| step.clone()).collect()
    }

    /// Gives the probes of the steps that are kept their new numbers.
    fn renumber(&self, at: usize, steps: &mut [Step]) {
        // By old number, the new one.
        let sending = self.is_kept(at).filter(|(step, _)| step.sends());
        let kept = (1..).zip(sending).filter(|(_, (_, kept))| *kept).map(|(old, _)| old);
        let new: BTreeMap<u32, u32> = kept.zip(1..).collect();
        for step in &mut *steps {
            if let Anchor::After { probe, .. } | Anchor::Event(EventAnchor { probe, .. }) =
                &mut step.anchor
            {
                *probe = new.get(probe).copied().unwrap_or(*probe);
            }
        }
        let sending = steps.iter_mut().filter(|step| step.sends());
        for (step, (old, new)) in sending.zip(new) {
            if let Act::Send(probe) = &mut step.act
                && let Some(sent) = self.sent.iter().find(|s| s.probe == old && old != new)
            {
                probe.sport = Some(sent.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;
    use crate::probe::Probe;
    use crate::script::Script;
    use crate::step::StepResult;
    use net::Duration;

    #[test]
    fn a_discarded_probe_leaves_its_number_to_the_next_one() {
        let send =
            |anchor| Step::new(anchor, Act::Send(Probe::new("bastion", "192.168.120.226:30080")));
        let event = |probe, marker| {
            Anchor::Event(EventAnchor { probe, packet: None, marker, occurrence: 1 })
        };
        let run = |anchor, line| Step { anchor, ..Step::run("node01", line) };
        let steps = vec![
            send(Anchor::Quiet),
            send(Anchor::At(Instant(5_000_000_000))),
            send(Anchor::At(Instant(1_000_000_000))),
            run(event(3, "ended"), "conntrack -F"),
            run(Anchor::After { probe: 3, after: Duration::secs(1) }, "conntrack -L"),
            run(event(2, "killed"), "conntrack -L"),
        ];
        let document = Preset::named("article-nodeport").expect("preset").document();
        let session = Script { steps, ..Script::default() }.play(&document).expect("valid");
        let at = session.results()[4].events.start + 1;
        let fork = session.forked(at, None, Act::Run { host: "node01".into(), line: "".into() });
        let numbers: Vec<_> = fork
            .steps()
            .iter()
            .map(|s| match &s.anchor {
                Anchor::After { probe, .. } | Anchor::Event(EventAnchor { probe, .. }) => *probe,
                _ => 0,
            })
            .collect();
        assert_eq!(numbers, [0, 0, 2, 2, 0], "{}", fork.script());
        assert!(fork.results().iter().all(StepResult::is_done), "{}", fork.script());
        let port = |s: &Session, i: usize| s.sent[i].key;
        assert_eq!((port(&fork, 0), port(&fork, 1)), (port(&session, 0), port(&session, 1)));
        assert_eq!(fork.sent.len(), 2);
    }
}

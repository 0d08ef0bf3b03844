//! What is done at which moment of a session: the past is played again, changed, and goes on.
//!
//! A session is its document, its seed and its steps; played again it is the same to the last
//! event. So going back and doing something else is playing the steps before that moment, then the
//! new one.

use crate::probe::{Probe, ProbeError};
use crate::session::{Action, Begun, Run, Session};
use crate::shell;
use crate::shell::Output;
use net::PacketId;
use net::engine::PacketOp;

/// When a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once nothing is under way.
    Quiet,
    /// As soon as so many events lie behind.
    After(usize),
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A probe is sent, or a command given.
    Action(Action),
    /// Something is done to a packet in flight.
    Packet(PacketId, PacketOp),
}

/// Something done at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub when: When,
    /// What.
    pub act: Act,
}

/// A step that was done.
#[derive(Clone, Debug)]
pub struct Stepped {
    /// How many events lay behind when it was done.
    pub behind: usize,
    /// What came of it.
    pub came: Came,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Came {
    /// Of a probe: what happened from when it began to when nothing was under way.
    Run(Run),
    /// Of a command: what it printed.
    Output(Output),
    /// Of a op: whether it could be done.
    Done(bool),
    /// It could not be begun.
    Refused(ProbeError),
}

use shell::exec_at_once as command;

impl Session {
    /// Does steps, in order, and lets the world go on until nothing is under way.
    pub fn steps(&mut self, steps: &[Step]) -> Vec<Stepped> {
        enum Half {
            Begun(Begun),
            Whole(Came),
        }
        let mut halves = Vec::new();
        for step in steps {
            match step.when {
                When::Quiet => self.go_on(usize::MAX),
                When::After(events) => self.go_on(events),
            }
            let behind = self.events().len();
            let half = match &step.act {
                Act::Action(Action::Send(probe)) => match self.start_probe(probe) {
                    Ok(begun) => Half::Begun(begun),
                    Err(e) => Half::Whole(Came::Refused(e)),
                },
                Act::Action(Action::Shell { host, line }) => {
                    Half::Whole(Came::Output(command(self, host, line)))
                }
                Act::Packet(packet, op) => {
                    Half::Whole(Came::Done(self.world_mut().handle(*packet, *op)))
                }
            };
            halves.push((behind, half));
        }
        self.go_on(usize::MAX);
        // A probe's events end where nothing was under way.
        let end = self.events().len();
        let quiet: Vec<usize> = steps
            .iter()
            .zip(&halves)
            .filter(|(s, _)| s.when == When::Quiet)
            .map(|(_, (behind, _))| *behind)
            .collect();
        let whole = |(behind, half)| {
            let came = match half {
                Half::Begun(begun) => {
                    let end = quiet.iter().copied().find(|q| *q > behind).unwrap_or(end);
                    Came::Run(self.judged(&begun, behind..end))
                }
                Half::Whole(came) => came,
            };
            Stepped { behind, came }
        };
        halves.into_iter().map(whole).collect()
    }
}

impl Step {
    /// A probe, sent at a moment.
    pub fn send(when: When, probe: Probe) -> Self {
        Self { when, act: Act::Action(Action::Send(probe)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;
    use net::Duration;
    use net::event::EventKind;
    use net::socket::Outcome;

    fn session() -> Session {
        Session::new(&Preset::named("article-nodeport").expect("preset").document(), 7, true)
            .expect("valid")
    }

    fn probe() -> Probe {
        Probe {
            endpoint: crate::probe::parse_endpoint("10.1.6.5:80"),
            ..Probe::new("bastion", "192.168.120.226:30080")
        }
    }

    fn outcome(done: &Stepped) -> Option<&Outcome> {
        if let Came::Run(run) = &done.came { run.verdict.outcome.as_ref() } else { None }
    }

    #[test]
    fn one_step_is_what_sending_is() {
        let (mut a, mut b) = (session(), session());
        a.send(&probe()).expect("sent");
        b.steps(&[Step::send(When::Quiet, probe())]);
        assert!(a.events() == b.events());
    }

    #[test]
    fn the_past_up_to_a_fork_is_the_same_and_a_lost_packet_is_sent_again() {
        let mut plain = session();
        plain.steps(&[Step::send(When::Quiet, probe())]);
        let at = plain
            .events()
            .iter()
            .position(|e| matches!(e.kind, EventKind::Encapsulated { .. }))
            .expect("encapsulated")
            + 1;
        let packet = plain.events()[at - 1].packet.expect("a packet");
        let mut forked = plain.rewound();
        let drop = Step { when: When::After(at), act: Act::Packet(packet, PacketOp::Drop) };
        let came = forked.steps(&[Step::send(When::Quiet, probe()), drop]);
        assert!(forked.events()[..at] == plain.events()[..at]);
        // Encapsulation is one step with the route of its outer packet: the fork is behind both.
        let lost = forked.events().iter().position(|e| matches!(e.kind, EventKind::Dropped { .. }));
        assert!(lost.is_some_and(|i| (at..at + 3).contains(&i)), "{lost:?}, forked at {at}");
        assert!(forked.events().iter().any(|e| matches!(e.kind, EventKind::Retransmitted { .. })));
        assert!(matches!(came[1].came, Came::Done(true)));
        assert!(matches!(outcome(&came[0]), Some(Outcome::Answered { .. })));
    }

    #[test]
    fn a_delayed_packet_comes_later_and_a_doubled_one_twice() {
        let mut plain = session();
        plain.steps(&[Step::send(When::Quiet, probe())]);
        for at in (0..plain.events().len()).step_by(7) {
            let Some(packet) = plain.events()[at].packet else { continue };
            for op in [PacketOp::Delay(Duration::secs(3)), PacketOp::Duplicate, PacketOp::Drop] {
                let mut forked = plain.rewound();
                let step = Step { when: When::After(at + 1), act: Act::Packet(packet, op) };
                let came = forked.steps(&[Step::send(When::Quiet, probe()), step]);
                assert!(
                    matches!(outcome(&came[0]), Some(Outcome::Answered { .. })),
                    "event {at}, {op:?}: {:?}",
                    outcome(&came[0])
                );
                let (mut state, initial) =
                    (forked.world().state().clone(), forked.initial().clone());
                for change in forked.events().iter().rev().flat_map(|e| e.changes.iter().rev()) {
                    state.undo(change);
                }
                assert!(state == initial, "event {at}, {op:?}: what was done can be undone");
            }
        }
    }

    #[test]
    fn two_probes_are_under_way_at_once() {
        let mut s = session();
        let second = Probe { endpoint: crate::probe::parse_endpoint("10.1.5.4:80"), ..probe() };
        let came =
            s.steps(&[Step::send(When::Quiet, probe()), Step::send(When::After(20), second)]);
        assert!(came.iter().all(|c| matches!(outcome(c), Some(Outcome::Answered { .. }))));
        let ended: Vec<_> = s
            .events()
            .iter()
            .filter_map(
                |e| if let EventKind::Ended { tag, .. } = e.kind { Some(tag) } else { None },
            )
            .collect();
        assert_eq!(ended.len(), 2);
        let first_end = s
            .events()
            .iter()
            .position(|e| matches!(e.kind, EventKind::Ended { .. }))
            .expect("ended");
        assert!(
            s.events()[..first_end]
                .iter()
                .filter(|e| matches!(e.kind, EventKind::Asked { .. }))
                .count()
                == 2
        );
    }

    #[test]
    fn each_probe_has_its_own_endpoint_and_its_own_events() {
        let to =
            |endpoint: &str| Probe { endpoint: crate::probe::parse_endpoint(endpoint), ..probe() };
        let steps = [
            Step::send(When::Quiet, to("10.1.6.5:80")),
            Step::send(When::After(2), to("10.1.5.4:80")),
            Step::send(When::Quiet, to("10.1.5.5:80")),
        ];
        let mut played = session();
        let came = played.steps(&steps);
        let asked: Vec<String> = played
            .events()
            .iter()
            .filter_map(|e| {
                if let EventKind::Translated { source: false, after, restored: false, .. } = &e.kind
                {
                    Some(after.addr.to_string())
                } else {
                    None
                }
            })
            .collect();
        let first: std::collections::BTreeSet<_> =
            asked.iter().take(2).map(String::as_str).collect();
        assert_eq!(first, ["10.1.5.4", "10.1.6.5"].into());
        // Played on or played again, a probe has the same events.
        let mut on = session();
        let mut again = on.steps(&steps[..2]);
        again.extend(on.steps(&steps[2..]));
        let ranges = |c: &[Stepped]| {
            c.iter()
                .map(|s| if let Came::Run(r) = &s.came { r.events.clone() } else { 0..0 })
                .collect::<Vec<_>>()
        };
        assert_eq!(ranges(&came), ranges(&again));
    }

    #[test]
    fn a_moment_prints_what_was_true_then() {
        let mut s = session();
        s.steps(&[Step::send(When::Quiet, probe())]);
        let list = |s: &mut Session| shell::exec(s, "node01", "conntrack -L").text;
        assert!(list(&mut s.clone()).contains("30080"));
        assert!(!list(&mut s.moment(s.initial(), 0)).contains("30080"));
    }
}

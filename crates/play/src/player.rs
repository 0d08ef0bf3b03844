//! The player: one agenda for packets, timers, components and the steps of a Script.
//!
//! A step without an anchor begins a *group*: itself and the anchored steps after it, up to the
//! next one without. The next group begins when this one is over:
//!
//! - after a probe, when the world is idle (no packet in flight, no process waiting) and no
//!   component has a pending operation; or, for a probe with `settle`, that long after its client
//!   has finished;
//! - after a command, when components have finished what it caused.
//!
//! Within a group every anchored step waits for its own anchor; steps for the same moment are
//! performed in the order of the list. A step for a time is always performed: the group lasts until
//! then, and a time that has passed counts as now. A step for an event is *not done* if the group
//! ends without that event, or if it happened before the group began. So a group never depends on
//! later ones, and further groups can be played as if they had been there from the beginning.
//!
//! At one moment components come first, then packets and timers, then steps.

use crate::anchor::{Anchor, EventAnchor, Sent};
use crate::probe::{Probe, ProbeError, Protocol, resolve_netns};
use crate::session::{Begun, LONGEST_RUN, Session};
use crate::shell::{self, kubectl};
use crate::step::{Act, NotDone, ResultKind, Run, Step, StepResult};
use net::Instant;
use net::event::EventKind;
use net::socket::Outcome;

/// A step that waits for an event.
#[derive(Debug)]
struct Waiting {
    step: usize,
    anchor: EventAnchor,
    /// Count of the events so far that the anchor counts.
    seen: u32,
}

/// A probe that was sent in a group.
#[derive(Debug)]
struct UnderWay {
    step: usize,
    probe: Probe,
    begun: Begun,
    first: usize,
    /// Count of its requests that have ended.
    ended: u16,
    /// When the last request ended.
    over: Option<Instant>,
    /// It was sent by `curl` or `ping`, which prints when the group is over.
    prints: bool,
}

/// The steps that are played together.
#[derive(Debug)]
struct Group {
    /// For each step that sends, the number of its probe.
    numbers: Vec<Option<u32>>,
    first: usize,
    /// Steps that wait for a time.
    timed: Vec<usize>,
    /// Steps that wait for an event.
    waiting: Vec<Waiting>,
    probes: Vec<UnderWay>,
    /// Count of the events that were examined.
    seen: usize,
    longest: Instant,
    /// The group lasts until the world is idle, whatever the probes' `settle`.
    quiet: bool,
}

impl Group {
    fn number(&self, step: usize) -> u32 {
        self.numbers.get(step - self.first).copied().flatten().unwrap_or_default()
    }

    /// When the group ends at the latest; none if it has no probe.
    fn deadline(&self) -> Option<Instant> {
        if self.quiet {
            return Some(self.longest);
        }
        let end = |p: &UnderWay| Some(p.over? + p.probe.settle?);
        let ends = self.probes.iter().map(|p| end(p).unwrap_or(self.longest));
        ends.max().map(|end| end.min(self.longest))
    }

    /// Whether every probe has `settle`.
    fn is_watched(&self) -> bool {
        !self.probes.is_empty() && self.probes.iter().all(|p| p.probe.settle.is_some())
    }
}

impl Session {
    /// Sends a probe when everything before it is over, and plays until the probe is over.
    ///
    /// # Errors
    /// There is no such sender or target, or the port is missing.
    pub fn send(&mut self, probe: &Probe) -> Result<Run, ProbeError> {
        match self.play(&[Step::send(probe.clone())]) {
            [StepResult { kind: ResultKind::Sent { run, .. }, .. }] => Ok(run.clone()),
            [StepResult { kind: ResultKind::Invalid(e), .. }] => Err(e.clone()),
            _ => unreachable!("a step that sends does so, or is refused"),
        }
    }

    /// Plays further steps until the last group is over. The first of them must have no anchor,
    /// unless nothing was played yet.
    pub fn play(&mut self, steps: &[Step]) -> &[StepResult] {
        let new = self.steps().len();
        let quiet = |s: &Step| s.anchor == Anchor::Quiet;
        let mut rest = steps;
        while let Some((_, after)) = rest.split_first() {
            let n = 1 + after.iter().take_while(|s| !quiet(s)).count();
            let (group, later) = rest.split_at(n);
            self.play_group(group);
            rest = later;
        }
        &self.results()[new..]
    }

    fn play_group(&mut self, steps: &[Step]) {
        let first = self.steps().len();
        let probes = self.steps().iter().filter(|s| s.sends()).count() as u32;
        let number = |last: &mut u32, s: &Step| {
            *last += u32::from(s.sends());
            Some(s.sends().then_some(*last))
        };
        let mut group = Group {
            numbers: steps.iter().scan(probes, number).collect(),
            first,
            timed: Vec::new(),
            waiting: Vec::new(),
            probes: Vec::new(),
            seen: self.events().len(),
            longest: self.world().now() + LONGEST_RUN,
            quiet: false,
        };
        self.enter(steps);
        for (step, i) in steps.iter().zip(first..) {
            match &step.anchor {
                Anchor::Quiet => {}
                Anchor::At(_) | Anchor::After { .. } => group.timed.push(i),
                Anchor::Event(anchor) => {
                    let seen = self.count(anchor);
                    if seen >= anchor.occurrence {
                        self.conclude(i, ResultKind::NotDone(NotDone::TooLate));
                    } else {
                        group.waiting.push(Waiting { step: i, anchor: anchor.clone(), seen });
                    }
                }
            }
        }
        if steps.first().is_some_and(|s| s.anchor == Anchor::Quiet) {
            self.perform(&mut group, first, None);
        }
        self.look(&mut group);
        self.run(&mut group);
        let mut begun = group.probes.len();
        if group.is_watched() {
            let deadline = group.deadline().unwrap_or_default();
            self.advance(deadline.max(self.world().now()));
            self.look(&mut group);
        }
        let watched = self.events().len();
        // Components finish their pending operations, and the world becomes idle.
        while self.next_due().is_some() || group.probes.len() > begun {
            begun = group.probes.len();
            group.quiet = true;
            group.longest = self.world().now() + LONGEST_RUN;
            self.run(&mut group);
        }
        self.close(group, steps, watched);
    }

    /// Runs components, world and timed steps in order of time, until the deadline or until the
    /// world is idle.
    fn run(&mut self, group: &mut Group) {
        loop {
            let (world, due) = (self.world().poll_timeout(), self.next_due());
            let timed = self.next_timed(group);
            let deadline = group.deadline();
            // A step for a time is always performed.
            let Some(limit) = deadline.max(timed.map(|(at, _)| at)) else { break };
            if let Some(due) = due
                && due <= limit
                && world.is_none_or(|w| due <= w)
                && timed.is_none_or(|(at, _)| due <= at)
            {
                self.perform_next();
            } else if let Some((at, step)) = timed.filter(|(at, _)| world.is_none_or(|w| *at < w)) {
                group.timed.retain(|t| *t != step);
                self.advance(at);
                self.look(group);
                self.perform(group, step, None);
            } else if let Some(at) = world.filter(|w| *w <= limit) {
                while self.poll(at) {
                    self.look(group);
                }
            } else {
                break;
            }
            self.look(group);
        }
    }

    /// The next step that waits for a time.
    fn next_timed(&self, group: &Group) -> Option<(Instant, usize)> {
        let time = |step: &usize| {
            let at = match &self.steps()[*step].anchor {
                Anchor::At(at) => *at,
                Anchor::After { probe: 0, after } => Instant::default() + *after,
                Anchor::After { probe, after } => {
                    self.sent.iter().find(|s| s.probe == *probe)?.at + *after
                }
                _ => return None,
            };
            Some((at.max(self.world().now()), *step))
        };
        group.timed.iter().filter_map(time).min()
    }

    /// Examines the new events: performs the steps that wait for them, and notes which probes they
    /// end.
    fn look(&mut self, group: &mut Group) {
        while group.seen < self.events().len() {
            let i = group.seen;
            group.seen += 1;
            if let EventKind::Ended { tag, outcome, .. } = &self.events()[i].kind
                && let Some(p) = group.probes.iter_mut().find(|p| p.begun.tag == *tag)
            {
                let silent = !matches!(outcome, Outcome::Answered { .. });
                let all = p.probe.count.max(1);
                let is_last = p.probe.proto == Protocol::Udp && silent
                    || matches!(outcome, Outcome::Unresolved(_));
                p.ended = if is_last { all } else { p.ended + 1 };
                if p.ended >= all {
                    p.over.get_or_insert(self.events()[i].at);
                }
            }
            if let EventKind::Resolved { tag, addrs, .. } = &self.events()[i].kind
                && let Some(p) = group.probes.iter_mut().find(|p| p.begun.tag == *tag)
                && p.probe.query.is_none()
            {
                let addrs = addrs.clone();
                self.resolved(&mut p.begun, &p.probe, &addrs);
            }
            if group.waiting.is_empty() {
                continue;
            }
            let mut reached = Vec::new();
            for w in &mut group.waiting {
                w.seen += u32::from(self.is_counted(&w.anchor, i));
                if w.seen >= w.anchor.occurrence {
                    reached.push(w.step);
                }
            }
            group.waiting.retain(|w| !reached.contains(&w.step));
            for step in reached {
                self.perform(group, step, Some(i));
            }
        }
    }

    /// Performs a step now. `event`: the one that it waited for.
    fn perform(&mut self, group: &mut Group, step: usize, event: Option<usize>) {
        let (at, first) = (self.world().now(), self.events().len());
        let act = self.steps()[step].act.clone();
        let kind = match act {
            Act::Send(probe) => self.send_from(group, step, probe, false),
            Act::Run { host, line } => match resolve_netns(self.running(), self.world(), &host) {
                Err(e) => Some(ResultKind::Invalid(e)),
                Ok(_) if shell::sends(&line) => match shell::probe(self, &host, &line) {
                    Ok(probe) => self.send_from(group, step, probe, true),
                    Err(out) => Some(ResultKind::Printed(out)),
                },
                Ok(netns) => Some(ResultKind::Printed(shell::run(self, netns, &host, &line))),
            },
            Act::Apply(text) => Some(ResultKind::Applied(kubectl::apply_text(self, &text))),
            Act::Packet(op) => {
                let packet = event.and_then(|i| self.events()[i].packet);
                Some(match packet {
                    Some(p) if self.world_mut().handle(p, op) => ResultKind::Handled,
                    Some(p) if self.last().packets.contains_key(&p) => {
                        ResultKind::NotDone(NotDone::Queued)
                    }
                    _ => ResultKind::NotDone(NotDone::NotInFlight),
                })
            }
        };
        let events = first..self.events().len();
        if let Some(kind) = kind {
            self.note(step, StepResult { at, events, kind });
        }
    }

    /// Sends a step's probe. `None`: its result is known when the group is over.
    fn send_from(
        &mut self,
        group: &mut Group,
        step: usize,
        probe: Probe,
        prints: bool,
    ) -> Option<ResultKind> {
        let (event, at, tag) = (self.events().len(), self.world().now(), group.number(step));
        let begun = match self.start_probe(&probe, tag) {
            Ok(begun) => begun,
            Err(e) if prints => {
                return Some(ResultKind::Printed(shell::report(self, &probe, Err(&e))));
            }
            Err(e) => return Some(ResultKind::Invalid(e)),
        };
        let Begun { from, key, lookup, .. } = begun;
        self.sent.push(Sent { probe: tag, event, at, from, key, lookup });
        self.note(
            step,
            StepResult { at, events: event..event, kind: ResultKind::NotDone(NotDone::NotReached) },
        );
        group.probes.push(UnderWay {
            step,
            probe,
            begun,
            first: event,
            ended: 0,
            over: None,
            prints,
        });
        None
    }

    /// Enters the results of probes, and which steps were not performed.
    fn close(&mut self, group: Group, steps: &[Step], watched: usize) {
        let end = self.events().len();
        for p in group.probes {
            let last = if p.first < watched { watched } else { end };
            let run = self.judged(&p.begun, p.first..last);
            let printed = p.prints.then(|| shell::report(self, &p.probe, Ok(&run)));
            let at = self.results()[p.step].at;
            let kind = ResultKind::Sent { probe: Box::new(p.probe), run, printed };
            self.note(p.step, StepResult { at, events: p.first..end, kind });
        }
        for step in group.timed.into_iter().chain(group.waiting.into_iter().map(|w| w.step)) {
            self.conclude(step, ResultKind::NotDone(NotDone::NotReached));
        }
        if steps.first().is_some_and(|s| s.anchor == Anchor::Quiet) {
            let mut result = self.results()[group.first].clone();
            result.events.end = end;
            self.note(group.first, result);
        }
    }

    fn conclude(&mut self, step: usize, kind: ResultKind) {
        let (at, n) = (self.world().now(), self.events().len());
        self.note(step, StepResult { at, events: n..n, kind });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;
    use net::Duration;
    use net::engine::PacketOp;

    fn session() -> Session {
        Session::new(&Preset::named("article-nodeport").expect("preset").document(), 7, true)
            .expect("valid")
    }

    fn probe() -> Probe {
        to("10.1.6.5:80")
    }

    fn to(endpoint: &str) -> Probe {
        Probe {
            endpoint: crate::probe::parse_endpoint(endpoint),
            ..Probe::new("bastion", "192.168.120.226:30080")
        }
    }

    fn outcome(result: &StepResult) -> Option<&Outcome> {
        result.run().and_then(|r| r.verdict.outcome.as_ref())
    }

    fn answered(result: &StepResult) -> bool {
        matches!(outcome(result), Some(Outcome::Answered { .. }))
    }

    fn after(session: &Session, event: usize, act: Act) -> Step {
        Step::new(Anchor::Event(session.name(event).expect("an event")), act)
    }

    #[test]
    fn every_event_has_a_name_of_its_own_and_is_found_by_it() {
        let mut s = session();
        let second = Step { anchor: Anchor::At(Instant(200_000)), ..Step::send(to("10.1.5.4:80")) };
        let ping = Probe { proto: Protocol::Icmp, count: 2, ..Probe::new("node01", "10.1.6.5") };
        let large = Probe { size: Some(3_000), ..ping.clone() };
        let [ping, large] = [ping, large].map(Step::send);
        s.play(&[Step::send(probe()), second, ping, large, Step::run("node01", "conntrack -F")]);
        for i in 0..s.events().len() {
            let name = s.name(i).expect("a name");
            assert_eq!(s.find(&name), Some(i), "{name:?}");
        }
        let packets = s.events().iter().filter_map(|e| e.packet);
        for p in packets {
            assert_eq!(s.packet_name(p).and_then(|n| s.packet(n)), Some(p));
        }
    }

    #[test]
    fn a_step_falls_where_its_event_is_and_what_lies_before_stays() {
        let mut plain = session();
        plain.play(&[Step::send(probe())]);
        let is = |e: &net::Event| matches!(e.kind, EventKind::Encapsulated { .. });
        let at = plain.events().iter().position(is).expect("encapsulated");
        let mut forked = plain.rewound();
        let drop = after(&plain, at, Act::Packet(PacketOp::Drop));
        assert_eq!(
            crate::script::anchor_tree(&drop.anchor).flow(),
            "{probe: 1, direction: request, marker: encapsulated}"
        );
        let results = forked.play(&[Step::send(probe()), drop]).to_vec();
        assert!(forked.events()[..=at] == plain.events()[..=at]);
        assert!(forked.events().iter().any(|e| matches!(e.kind, EventKind::Retransmitted { .. })));
        assert_eq!(results[1].kind, ResultKind::Handled);
        assert!(answered(&results[0]), "lost, and sent again");
    }

    #[test]
    fn whatever_is_done_to_a_packet_is_answered_in_the_end_and_can_be_undone() {
        let mut plain = session();
        plain.play(&[Step::send(probe())]);
        for at in (0..plain.events().len()).step_by(7) {
            if plain.events()[at].packet.is_none() {
                continue;
            }
            for op in [PacketOp::Delay(Duration::secs(3)), PacketOp::Duplicate, PacketOp::Drop] {
                let mut forked = plain.rewound();
                let step = after(&plain, at, Act::Packet(op));
                let results = forked.play(&[Step::send(probe()), step]);
                assert!(answered(&results[0]), "event {at}, {op:?}: {results:?}");
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
    fn two_probes_are_under_way_at_once_and_each_has_its_own_endpoint() {
        let mut plain = session();
        plain.play(&[Step::send(probe())]);
        let second = after(&plain, 20, Act::Send(to("10.1.5.4:80")));
        let third = Step::send(to("10.1.5.5:80"));
        let steps = [Step::send(probe()), second, third];
        let mut s = plain.rewound();
        let results = s.play(&steps).to_vec();
        assert!(results.iter().all(answered));
        let kinds =
            |f: fn(&EventKind) -> bool| s.events().iter().position(|e| f(&e.kind)).expect("there");
        let first_end = kinds(|k| matches!(k, EventKind::Ended { .. }));
        assert!(results[1].events.start < first_end && results[2].events.start > first_end);
        let runs = |r: &[StepResult]| {
            r.iter().map(|r| r.run().map(|run| run.events.clone())).collect::<Vec<_>>()
        };
        // Played on or played again, a probe has the same events.
        let mut on = plain.rewound();
        on.play(&steps[..2]);
        on.play(&steps[2..]);
        assert_eq!((runs(on.results()), on.events()), (runs(&results), s.events()));
        assert_eq!(on.results(), results);
    }

    #[test]
    fn what_does_not_come_is_not_done_and_holds_nothing_up() {
        let mut s = session();
        let event = |probe, marker, occurrence| {
            Anchor::Event(EventAnchor { probe, packet: None, marker, occurrence })
        };
        let run = |anchor| Step { anchor, ..Step::run("node01", "conntrack -F") };
        let results = s.play(&[
            Step::send(probe()),
            run(event(1, "killed", 1)),
            run(event(1, "encapsulated", 99)),
            run(event(2, "asked", 1)),
            run(Anchor::After { probe: 2, after: Duration::millis(1) }),
            Step::new(Anchor::At(Instant(5_000_000_000)), Act::Packet(PacketOp::Drop)),
            Step::send(probe()),
            run(event(1, "encapsulated", 1)),
            Step::send(Probe::new("nobody", "192.168.120.226:30080")),
        ]);
        use NotDone::{NotInFlight, NotReached, TooLate};
        let why = |r: &StepResult| if let ResultKind::NotDone(n) = r.kind { Some(n) } else { None };
        let expected =
            [None, Some(NotReached), Some(NotReached), Some(NotReached), Some(NotReached)];
        assert_eq!(results.iter().map(why).take(5).collect::<Vec<_>>(), expected);
        assert_eq!((why(&results[5]), why(&results[7])), (Some(NotInFlight), Some(TooLate)));
        assert!(answered(&results[0]) && answered(&results[6]));
        assert!(results[6].at >= Instant(5_000_000_000), "a time is waited for");
        assert!(
            matches!(&results[8].kind, ResultKind::Invalid(e) if e.message().contains("nobody"))
        );
    }

    #[test]
    fn a_command_that_sends_is_a_probe_and_prints() {
        let mut s = session();
        let results = s.play(&[
            Step::run("bastion", "curl http://192.168.120.226:30080"),
            Step {
                anchor: Anchor::After { probe: 1, after: Duration::millis(2_000) },
                ..Step::run("bastion", "ping -c 1 192.168.120.227")
            },
            Step::run("node01", "conntrack -L"),
        ]);
        let text = |i: usize| results[i].output().map_or("", |o| &o.text);
        assert!(text(0).contains("nginx") && text(1).contains("1 received"), "{}", text(1));
        assert!(text(2).contains("30080") && results[1].at == Instant(2_000_000_000));
    }

    #[test]
    fn manifests_are_applied_to_the_running_cluster() {
        let mut s = session();
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: third}\nspec:\n  \
            type: NodePort\n  selector: {app: nginx}\n  \
            ports: [{port: 82, targetPort: 80, nodePort: 30082}]\n";
        let results = s.play(&[
            Step::new(Anchor::Quiet, Act::Apply(service.to_owned())),
            Step::send(Probe::new("bastion", "192.168.120.226:30082")),
            Step::new(Anchor::Quiet, Act::Apply("kind: [".to_owned())),
        ]);
        assert_eq!(results[0].output().map(|o| &*o.text), Some("service/third created\n"));
        assert!(answered(&results[1]), "kube-proxy has synced by then");
        assert!(results[2].output().is_some_and(|o| o.status != 0));
    }

    #[test]
    fn a_moment_prints_what_was_true_then() {
        let mut s = session();
        s.play(&[Step::send(probe())]);
        let list = |s: &mut Session| shell::exec(s, "node01", "conntrack -L").text;
        assert!(list(&mut s.clone()).contains("30080"));
        assert!(!list(&mut s.moment(s.initial(), 0)).contains("30080"));
    }

    /// The first packet that a probe's client makes, and how the probe ends.
    fn first(probe: Probe) -> (net::wire::Ipv4, Option<Outcome>) {
        let mut s = session();
        let run = s.send(&probe).expect("it can be sent");
        let made = s.events()[run.events.clone()].iter().find_map(|e| match &e.kind {
            EventKind::PacketMade { packet } => Some(net::wire::Ipv4::clone(packet)),
            _ => None,
        });
        (made.expect("a packet"), run.verdict.outcome)
    }

    #[test]
    fn ttl_and_df_are_those_of_the_probe_in_every_protocol() {
        use net::socket::Pmtudisc;
        let udp = Protocol::Udp;
        for (proto, to) in [
            (Protocol::Tcp, "10.1.6.5:80"),
            (udp, "svc/kube-system/kube-dns:53"),
            (Protocol::Icmp, "10.1.6.5"),
        ] {
            let probe = Probe { proto, ..Probe::new("node01", to) };
            let (usual, outcome) = first(probe.clone());
            assert_eq!((usual.ttl, usual.df), (64, true), "{proto:?}");
            assert!(matches!(outcome, Some(Outcome::Answered { .. })), "{proto:?}: {outcome:?}");
            let cut = Probe { pmtudisc: Pmtudisc::Dont, ttl: Some(9), ..probe.clone() };
            let (packet, outcome) = first(cut);
            assert_eq!((packet.ttl, packet.df), (9, false), "{proto:?}");
            assert!(matches!(outcome, Some(Outcome::Answered { .. })), "{proto:?}: {outcome:?}");
        }
        let short = Probe { ttl: Some(1), ..Probe::new("node01", "10.1.6.5:80") };
        let (_, outcome) = first(short);
        assert!(matches!(outcome, Some(Outcome::Unreachable { kind: 11, .. })), "{outcome:?}");
        let whole = Probe { pmtudisc: Pmtudisc::Do, size: Some(4000), proto: udp, ..probe() };
        let mut s = session();
        let run = s.send(&Probe { endpoint: None, ..whole }).expect("it can be sent");
        let reason = net::DropReason::PktTooBig;
        assert_eq!(run.verdict.outcome, Some(Outcome::NotSent(reason)), "EMSGSIZE");
    }

    #[test]
    fn a_single_segment_is_answered_as_the_kernel_answers_it() {
        let segment = |flags: &str, to: &str| {
            let flags = crate::probe::parse_flags(flags);
            first(Probe { flags, ..Probe::new("node01", to) })
        };
        let (packet, outcome) = segment("syn", "10.1.6.5:80");
        assert_eq!(packet.len(), 40, "no options");
        let syn_ack = crate::probe::parse_flags("syn,ack").expect("flags");
        assert!(
            matches!(outcome, Some(Outcome::Segment { flags, ttl: 63, .. }) if flags == syn_ack),
            "{outcome:?}"
        );
        assert_eq!(segment("syn", "10.1.6.5:81").1, Some(Outcome::Reset), "nobody listens");
        assert_eq!(segment("ack", "10.1.6.5:80").1, Some(Outcome::Reset), "no connection");
        assert_eq!(segment("rst", "10.1.6.5:80").1, Some(Outcome::TimedOut), "never answered");
        // The host of a raw socket knows no connection, and resets what the SYN-ACK offers.
        let mut s = session();
        let flags = crate::probe::parse_flags("syn");
        let run = s.send(&Probe { flags, ..Probe::new("node01", "10.1.6.5:80") }).expect("sent");
        let resets = s.events()[run.events].iter().filter(|e| match &e.kind {
            EventKind::PacketMade { packet } => matches!(
                &packet.body,
                net::wire::Body::Tcp(t) if t.flags.has(net::wire::TcpFlags::RST)
            ),
            _ => false,
        });
        assert_eq!(resets.count(), 1);
        let send = |size| {
            session().send(&Probe {
                flags,
                size: Some(size),
                ..Probe::new("node01", "10.1.6.5:80")
            })
        };
        assert!(send(crate::probe::MAX_SEGMENT).is_ok());
        let error = send(crate::probe::MAX_SEGMENT + 1).expect_err("longer than a packet");
        assert_eq!(error.hint(), "write 0 to 65495");
    }

    #[test]
    fn the_usual_protocol_is_that_of_the_service_however_it_is_written() {
        let echo = "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo}\n\
            spec: {ports: [{port: 53, protocol: UDP}]}\n";
        let s = Session::new(&format!("{}{echo}", session().document()), 7, true).expect("valid");
        let usual = |to: &str| crate::target::usual_protocol(s.running(), s.world(), to);
        for to in ["svc/nginx-service", "nginx-service", "nginx-service.default", "10.1.6.5:80"] {
            assert_eq!(usual(to), Protocol::Tcp, "{to}");
        }
        for to in ["svc/echo", "service/default/echo:53", "echo", "echo.default:53"] {
            assert_eq!(usual(to), Protocol::Udp, "{to}");
        }
        assert_eq!(usual("10.1.6.5"), Protocol::Icmp);
        assert_eq!(usual("node01"), Protocol::Icmp);
    }
}

//! Several faults at once, Services of which some endpoints answer, and one drop reason with
//! different causes.

use crate::faults::{Case, Fault, Sound};
use crate::{kernel, objects, play, repairs_it, send};
use net::DropReason;
use net::event::EventKind;
use net::rng::Rng;
use play::repair::{endpoints, repairs};
use play::{Probe, Session, Step};
use std::collections::BTreeSet;

/// A case with the faults of two kinds, if both are about the same request.
fn both(a: &Fault, b: &Fault, seed: u64) -> Option<Case> {
    let (one, two) = ((a.apply)(&mut Sound::new(seed)), (b.apply)(&mut Sound::new(seed)));
    let same = (&one.from, &one.to) == (&two.from, &two.to) && one.works && two.works;
    // The second must not edit the text, or its edit would have to be merged.
    let typed = !two.commands.is_empty() && a.name != b.name;
    let commands = one.commands.iter().chain(&two.commands).cloned().collect();
    (same && typed).then_some(Case { commands, ..one })
}

/// A request that two faults prevent: repaired, or shown as not repaired, and never by a proposal
/// that fails.
#[test]
fn two_faults_at_once_are_repaired_together() {
    let full = std::env::var("PACKETWALK_FULL").is_ok_and(|v| v == "1");
    let wanted = if full { 200 } else { 20 };
    let all: Vec<&Fault> = objects::FAULTS.iter().chain(kernel::FAULTS).collect();
    let mut rng = Rng::new(2);
    let (mut drawn, mut repaired, mut misses) = (0u32, 0u32, Vec::new());
    while drawn < wanted {
        let seed = rng.below(1_000);
        let [a, b] = [0; 2].map(|_| all[rng.below(all.len() as u64) as usize]);
        let Some(case) = both(a, b, seed) else { continue };
        let Some(mut s) = play(&case.document, &case.commands) else { continue };
        let Some(false) = send(&mut s, &case) else { continue };
        drawn += 1;
        let found = repairs(&s, s.steps().len() - 1);
        for r in &found.found {
            assert!(repairs_it(&case, r, &r.edits), "{}, {}: {:?} fails", a.name, b.name, r.what);
        }
        if found.found.is_empty() {
            misses.push(format!("{}, {} (draw {seed}): {} tried", a.name, b.name, found.tried));
        }
        repaired += u32::from(!found.found.is_empty());
    }
    println!("{drawn} pairs, {repaired} repaired\n{}", misses.join("\n"));
    assert!(repaired * 100 >= drawn * 70, "{repaired} of {drawn}");
}

#[test]
fn a_service_of_which_some_endpoints_answer_is_told_apart_by_endpoint() {
    let sound = Sound::new(1);
    let silent = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: old, labels: {app: web}}\n\
                  spec:\n  containers: [{name: c, image: busybox, command: [sleep, 1d]}]\n";
    let text = format!("{}{silent}", sound.document);
    let mut s = Session::new(&text, 1, true).expect("valid");
    s.play(&[Step::send(Probe::new("deploy/caller", "svc/web:80"))]);
    let reached = endpoints(&s, 0);
    assert_eq!((reached.len(), reached.iter().filter(|r| r.answered).count()), (3, 2));
    let failing = reached.iter().find(|r| !r.answered).expect("one fails");
    let fact = format!("{:?}", failing.cause.deciding().expect("a cause").fact);
    assert!(fact.starts_with("NoListener"), "{fact}");
    let said = view::diagnosis::text(&s, 0, view::Lang::En);
    assert!(said.starts_with("2 of 3 endpoints answer.\nConnections to "), "{said}");
    assert!(said.contains("(33 %)") && said.contains("Nothing listens on 80/TCP"), "{said}");
}

/// The reason of the drop that decided, and what decided.
fn decided(case: &Case) -> Option<(DropReason, String)> {
    let mut s = play(&case.document, &case.commands)?;
    let false = send(&mut s, case)? else { return None };
    let run = s.results().last()?.run()?;
    let fact = format!("{:?}", run.verdict.cause.deciding()?.fact);
    let fact = fact.split([' ', '{', '(']).next().unwrap_or_default().to_owned();
    let reason = s.events()[run.events.clone()].iter().rev().find_map(|e| match e.kind {
        EventKind::Dropped { reason, .. } if reason != DropReason::OtherHost => Some(reason),
        _ => None,
    })?;
    Some((reason, fact))
}

#[test]
fn a_drop_reason_alone_decides_nothing() {
    let all: Vec<(DropReason, String)> = objects::FAULTS
        .iter()
        .chain(kernel::FAULTS)
        .filter_map(|f| decided(&(f.apply)(&mut Sound::new(3))))
        .collect();
    for reason in [DropReason::NetfilterReject, DropReason::NoSocket, DropReason::NeighFailed] {
        let facts: BTreeSet<&str> =
            all.iter().filter(|(r, _)| *r == reason).map(|(_, f)| f.as_str()).collect();
        assert!(facts.len() > 1, "{reason}: {facts:?}");
    }
}

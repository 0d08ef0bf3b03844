//! Random single faults: whether the verdict names what was broken, on the right machine, and
//! whether what it proposes repairs it. Every repair is played here again, by itself.
//!
//! A sample by default; 1,000 draws with `PACKETWALK_FULL=1`.
#![forbid(unsafe_code)]

mod cases;
mod faults;
mod kernel;
mod objects;
mod several;
mod topology;

use faults::{Case, Fault, Sound};
use kube::fault::Daemon;
use play::repair::{Edit, Repair, repairs};
use play::{Ending, Probe, Session, Step, shell};
use std::collections::BTreeMap;

/// What came of the draws of a kind.
#[derive(Default)]
struct Count {
    drawn: u32,
    named: u32,
    repaired: u32,
    /// Proposed repairs that do not repair.
    failed: u32,
    misses: Vec<String>,
}

/// A session of a document with some commands; `None` if the release refuses the document.
fn play(document: &str, commands: &[(String, String)]) -> Option<Session> {
    let mut s = Session::new(document, 1, true).ok()?;
    for (host, line) in commands {
        shell::exec(&mut s, host, line);
    }
    Some(s)
}

/// Sends the request of a case; whether it was answered.
fn send(s: &mut Session, c: &Case) -> Option<bool> {
    let mut probe = Probe::new(&c.from, &c.to);
    probe.timeout = Some(net::Duration::secs(8));
    s.play(&[Step::send(probe)]);
    let run = s.results().last()?.run()?;
    Some(run.verdict.ending == Ending::Answered)
}

/// Whether a repair, played by itself, brings the answer after every daemon has synced.
fn repairs_it(c: &Case, r: &Repair, edits: &[Edit]) -> bool {
    let text = edits.iter().rev().find_map(|e| match e {
        Edit::Text { after, .. } => Some(after.to_string()),
        Edit::Command { .. } => None,
    });
    let Some(mut s) = play(text.as_deref().unwrap_or(&c.document), &c.commands) else {
        return false;
    };
    for e in edits {
        if let Edit::Command { host, line } = e {
            assert_eq!(shell::exec(&mut s, host, line).status, 0, "{host}$ {line}: {r:?}");
        }
    }
    let nodes: Vec<String> = s.running().nodes.iter().map(|n| n.spec.name.value.clone()).collect();
    for node in nodes {
        for daemon in [Daemon::Flanneld, Daemon::KubeProxy] {
            if s.runs(&node, daemon) {
                shell::exec(&mut s, &node, &format!("systemctl restart {}", daemon.name()));
            }
        }
    }
    send(&mut s, c) == Some(true)
}

fn draw(fault: &Fault, seed: u64, count: &mut Count) {
    let mut sound = Sound::new(seed);
    let case = (fault.apply)(&mut sound);
    if case.works {
        let mut whole = play(&sound.document, &[]).expect("a sound cluster");
        let answered = send(&mut whole, &case);
        assert_eq!(answered, Some(true), "{}: without the fault it is answered", fault.name);
    }
    let Some(mut s) = play(&case.document, &case.commands) else { return };
    // A client that is not affected, or a request that cannot even be sent, is no case.
    let Some(false) = send(&mut s, &case) else { return };
    count.drawn += 1;
    let step = s.steps().len() - 1;
    let verdict = &s.results()[step].run().expect("a run").verdict;
    let link = verdict.cause.deciding();
    let said = link.map_or_else(String::new, |l| format!("{:?}", l.fact));
    let fact = said.split([' ', '{', '(']).next().unwrap_or_default();
    let place = link.map_or("", |l| &*s.last().ns(l.netns).name);
    let right = fault.facts.contains(&fact)
        && (case.places.is_empty() || case.places.iter().any(|p| p == place));
    count.named += u32::from(right);
    let at =
        format!("{} (draw {seed}, {}, {} to {})", fault.name, sound.version, case.from, case.to);
    if !right {
        count.misses.push(format!("{at}: decided by {said} on {place}, {:?}", verdict.outcome));
    }
    let found = repairs(&s, step);
    let ways = |r: &Repair| {
        [r.edits.clone(), r.or.clone()].into_iter().filter(|e| !e.is_empty()).collect::<Vec<_>>()
    };
    for r in &found.found {
        for edits in ways(r) {
            if !repairs_it(&case, r, &edits) {
                count.failed += 1;
                count.misses.push(format!("{at}: {:?} fails", r.what));
            }
        }
    }
    if found.found.is_empty() {
        let tried = found.tried;
        count.misses.push(format!("{at}: no repair, {tried} tried; {said} on {place}"));
    } else {
        count.repaired += 1;
    }
}

#[test]
fn single_faults_are_named_and_repaired() {
    let full = std::env::var("PACKETWALK_FULL").is_ok_and(|v| v == "1");
    let faults: Vec<&Fault> = objects::FAULTS.iter().chain(kernel::FAULTS).collect();
    let draws = if full { 1_000 } else { faults.len() as u64 };
    assert!(faults.len() >= 40);
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    for seed in 0..draws {
        let fault = faults[seed as usize % faults.len()];
        draw(fault, seed, counts.entry(fault.name).or_default());
    }
    println!("{:50} drawn named repaired failed", "kind");
    for (name, c) in &counts {
        println!("{name:50} {:5} {:5} {:8} {:6}", c.drawn, c.named, c.repaired, c.failed);
    }
    for miss in counts.values().flat_map(|c| &c.misses) {
        println!("{miss}");
    }
    let sum = |f: fn(&Count) -> u32| counts.values().map(f).sum::<u32>();
    let (drawn, named) = (sum(|c| c.drawn), sum(|c| c.named));
    let (repaired, failed) = (sum(|c| c.repaired), sum(|c| c.failed));
    println!("{drawn} affected, {named} named, {repaired} repaired, {failed} proposals fail");
    let kinds = counts.values().filter(|c| c.drawn > 0).count();
    assert!(kinds >= 40, "{kinds} kinds affect a client");
    assert!(named * 100 >= drawn * 95, "{named} of {drawn} are named");
    assert!(repaired * 100 >= drawn * 95, "{repaired} of {drawn} are repaired");
    assert_eq!(failed, 0, "a proposed repair fails");
}

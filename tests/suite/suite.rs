//! The scenarios: each gives its golden trace and the same hash on every machine, and every event
//! can be undone. `BLESS=1 cargo test` rewrites the traces: review the changes before committing.

use play::Timeline;
use std::collections::BTreeSet;
use support::scenario::{ALL, Scenario};
use support::{difference, folders, hashes, read, root};
use view::{Lang, NetnsLabels, trace};

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn blessing() -> bool {
    std::env::vars().any(|(k, v)| k == "BLESS" && v == "1")
}

#[test]
fn every_scenario_plays_to_its_golden_trace() {
    let mut failures = String::new();
    for s in ALL {
        let (session, runs) = Scenario::parse(s.name, s.scenario).play(s.name, s.manifests);
        let labels = NetnsLabels::new(session.cluster(), session.last());
        let story: String = runs
            .iter()
            .map(|r| trace::text(session.last(), session.events(), &labels, r, Lang::En))
            .collect();
        let expect = root().join("suite").join(s.name).join("expect");
        let (trace_file, hash_file) = (expect.join("trace.txt"), expect.join("hash.txt"));
        if blessing() {
            std::fs::write(&trace_file, story).expect("write");
            std::fs::write(&hash_file, hashes::text(session.events())).expect("write");
            continue;
        }
        let golden = if trace_file.exists() { read(&trace_file) } else { String::new() };
        failures.extend(difference(s.name, &lines(&golden), &lines(&story)));
        failures.extend(hashes::difference(s.name, s.hash, session.events()));
    }
    assert!(
        failures.is_empty(),
        "\n{failures}\nIf this is intended: BLESS=1 cargo test -p packetwalk-tests --test suite"
    );
}

#[test]
fn every_scenario_folder_is_in_the_list() {
    let suite = root().join("suite");
    let name =
        |p: &std::path::Path| p.strip_prefix(&suite).expect("below").to_string_lossy().into_owned();
    let have: BTreeSet<String> =
        folders(&suite).iter().flat_map(|g| folders(g)).map(|p| name(&p)).collect();
    let listed: BTreeSet<String> = ALL.iter().map(|s| s.name.to_owned()).collect();
    assert_eq!(have, listed);
}

#[test]
fn every_event_of_every_scenario_can_be_undone() {
    let mut n = 0;
    for s in ALL {
        let (session, _) = Scenario::parse(s.name, s.scenario).play(s.name, s.manifests);
        let events = session.events();
        let mut timeline = Timeline::new(session.initial());
        for i in 0..events.len() {
            let before = timeline.state().clone();
            timeline.seek(events, i + 1);
            let after = timeline.state().clone();
            timeline.seek(events, i);
            assert!(
                *timeline.state() == before,
                "{}: undoing event {i} does not restore the state: {:?}",
                s.name,
                events[i]
            );
            timeline.seek(events, i + 1);
            assert!(
                *timeline.state() == after,
                "{}: redoing event {i} does not restore the state: {:?}",
                s.name,
                events[i]
            );
            n += 1;
        }
        // The events contain every change of state.
        assert!(
            timeline.state() == session.world().state(),
            "{}: applying the events does not give the final state",
            s.name
        );
        timeline.seek(events, 0);
        assert!(
            timeline.state() == session.initial(),
            "{}: undoing the events does not give the initial state",
            s.name
        );
    }
    println!("{n} events applied, undone and redone");
    assert!(n > 3_000, "{n}");
}

#[test]
fn equal_sessions_give_equal_events_and_other_seeds_others() {
    let play = |seed: u64| {
        let s = ALL.iter().find(|s| s.name == "service/two-connections").expect("listed");
        let mut scenario = Scenario::parse(s.name, s.scenario);
        scenario.seed = seed;
        let (session, _) = scenario.play(s.name, s.manifests);
        net::encoding::hash(session.events())
    };
    assert_eq!(play(3), play(3));
    assert_ne!(play(3), play(4));
}

//! Every figure of the article is a moment of a run, and they follow in the article's order.

use play::presets::Preset;
use play::{Probe, Protocol, Session};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use support::{read, root};
use view::trace;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figures {
    run: Vec<FigureRun>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FigureRun {
    name: String,
    preset: String,
    from: String,
    to: String,
    #[serde(default)]
    proto: String,
    endpoint: Option<String>,
    #[serde(default)]
    cold: bool,
    figures: Vec<Figure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    id: String,
    facts: BTreeMap<String, String>,
}

#[test]
fn every_figure_is_a_moment_in_the_order_of_the_article() {
    let figures: Figures =
        toml::from_str(&read(&root().join("suite/figures.toml"))).expect("figures.toml");
    let mut found = BTreeSet::new();
    for run in &figures.run {
        let preset = Preset::named(&run.preset).expect("preset");
        let mut session = Session::new(&preset.document(), 7, !run.cold).expect("valid");
        let mut probe = Probe::new(&run.from, &run.to);
        probe.proto = if run.proto == "icmp" { Protocol::Icmp } else { Protocol::Tcp };
        probe.endpoint = run.endpoint.as_ref().map(|e| (e.parse().expect("endpoint"), None));
        let played = session.send(&probe).expect("sent");
        let nodes: Vec<_> =
            session.cluster().nodes.iter().map(|n| n.spec.name.value.clone()).collect();
        let mut at = played.events.start;
        for figure in &run.figures {
            let matches = |i: &usize| {
                let mut facts = trace::facts(session.last(), &session.events()[*i]);
                facts.insert("nodes", nodes.join(" "));
                figure.facts.iter().all(|(k, v)| facts.get(k.as_str()) == Some(v))
            };
            let Some(i) = (at..played.events.end).find(matches) else {
                panic!(
                    "{}: figure {} is not found after event {at}: {:?}",
                    run.name, figure.id, figure.facts
                );
            };
            println!("figure {:4} is event {i:4} of {:?}", figure.id, run.name);
            at = i + 1;
            found.insert(figure.id.clone());
        }
    }
    let all: BTreeSet<String> =
        (1..=35).map(|n| format!("{n:03}")).chain(["memo".to_owned()]).collect();
    assert_eq!(found, all);
}

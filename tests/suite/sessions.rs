//! Random sessions as text and back, played and played again, and after an edit of the document.
//!
//! `PACKETWALK_FULL=1 cargo test --test sessions` checks 200 of them, in which every kind of step
//! and anchor is played at least 20 times. `BLESS=1` writes the hashes that the browser compares.

use play::anchor::Direction;
use play::presets::Preset;
use play::{Act, Anchor, Probe, Script, Step};
use std::collections::BTreeSet;
use std::fmt::Write;
use support::sessions::{HASHES, KINDS, Tally, check_session, session};
use support::{difference, hashes, root};
use view::Lang;
use view::app::{Action, App, update};

fn is_set(name: &str) -> bool {
    std::env::vars().any(|(k, v)| k == name && v == "1")
}

#[test]
fn random_sessions_are_the_same_as_text_and_when_played_again() {
    let (n, least) = if is_set("PACKETWALK_FULL") { (200, 20) } else { (40, 3) };
    let mut tally = Tally::default();
    let hashes: Vec<String> =
        (0..n).map(|seed| format!("{:016x}", check_session(seed, &mut tally))).collect();
    let mut table = String::new();
    for (what, n) in &tally.0 {
        let _ = writeln!(table, "{n:5} {what}");
    }
    println!("{n} sessions\n{table}");
    for kind in KINDS {
        let n = tally.0.get(kind).copied().unwrap_or_default();
        assert!(n >= least, "{kind} was played {n} times\n{table}");
    }
    let first = &hashes[..40];
    if is_set("BLESS") {
        let file = root().join("suite/sessions/hashes.txt");
        std::fs::write(file, first.join("\n") + "\n").expect("written");
        return;
    }
    let golden: Vec<String> = HASHES.lines().map(str::to_owned).collect();
    let differs = difference("hashes", &golden, first);
    assert!(differs.is_none(), "{}", differs.unwrap_or_default());
}

/// A step at any moment leaves what is before it as it was, and is done at that moment.
#[test]
fn a_step_in_the_past_keeps_the_past() {
    let act = || Act::Run { host: "node01".to_owned(), line: "conntrack -F".to_owned() };
    for seed in 0..if is_set("PACKETWALK_FULL") { 200 } else { 40 } {
        let (document, script) = session(seed);
        let played = script.play(&document).expect("valid");
        let n = played.events().len();
        // At every moment at which a step began, and at a few others.
        let began = played.results().iter().map(|r| r.events.start);
        let moments: BTreeSet<usize> = began.chain((1..n).step_by(1 + n / 5)).collect();
        for at in moments.into_iter().filter(|at| (1..n).contains(at)) {
            let fork = played.forked(at, None, act());
            let text = fork.script().to_string();
            let (read, diags) = Script::read(&text);
            assert!(diags.is_empty(), "seed {seed}, event {at}: {}\n{text}", diags[0]);
            assert_eq!(read, Some(fork.script()));
            let seen = |e: &net::Event| (e.at, e.netns, e.packet, net::marker::name(&e.kind));
            let (past, now) = (&played.events()[..at], fork.events());
            assert!(now[..at].iter().map(seen).eq(past.iter().map(seen)), "seed {seed}\n{text}");
            let all = fork.steps().iter().zip(fork.results());
            let lost = all.filter(|(s, r)| !r.is_done() && s.anchor != Anchor::Quiet);
            assert_eq!(lost.count(), 0, "seed {seed}, event {at}\n{text}");
            let time = fork.results().last().map(|r| r.at);
            assert_eq!(time, past.last().map(|e| e.at), "seed {seed}, event {at}\n{text}");
        }
    }
}

/// `cargo test --release --test sessions -- --nocapture` prints the time: a frame has 16 ms.
#[test]
fn a_session_that_is_rewound_and_played_again_has_the_same_events() {
    let document = Preset::named("article-nodeport").expect("preset").document();
    let send = |to| Step::send(Probe::new("bastion", to));
    let steps = vec![send("192.168.120.226:30080"), send("192.168.120.227:30080")];
    let script = Script { steps, ..Script::default() };
    let began = clock();
    let session = script.play(&document).expect("valid");
    let (built, events) = (began.elapsed(), session.events().len());
    let began = clock();
    let mut again = session.rewound();
    again.play(&script.steps);
    let replayed = began.elapsed();
    println!("{events} events: built and played in {built:?}, played again in {replayed:?}");
    assert!(events > 300 && again.events() == session.events());
    assert!(again.events() == session.events());
}

#[allow(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

#[test]
fn the_schema_knows_every_marker_and_direction() {
    let file = root().join("../crates/engine/npm/schema/document.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&support::read(&file)).expect("JSON");
    let steps = &schema["$defs"]["script"]["properties"]["spec"]["properties"]["steps"];
    let forms = steps["items"]["properties"]["at"]["oneOf"].as_array().expect("two forms");
    let fields = &forms[1]["properties"];
    let names = |field: &str| -> BTreeSet<String> {
        let all = fields[field]["enum"].as_array().expect("a list");
        all.iter().filter_map(|n| n.as_str().map(str::to_owned)).collect()
    };
    assert_eq!(names("marker"), net::marker::NAMES.iter().map(|m| (*m).to_owned()).collect());
    let directions = Direction::ALL.map(|d| d.name().to_owned());
    assert_eq!(names("direction"), directions.into_iter().collect());
}

/// A file with every kind of step.
const EVERY_KIND: &str = include_str!("sessions/every-kind.yaml");
/// A file with every kind of step that a real kernel can be asked to do.
const FOR_A_KERNEL: &str = include_str!("sessions/for-a-kernel.yaml");

#[test]
fn a_file_is_the_same_session_through_every_door() {
    use view::app::link;
    let (script, _) = Script::read(EVERY_KIND);
    let session = script.expect("a Script").play(EVERY_KIND).expect("valid");
    assert!(session.results().iter().all(play::StepResult::is_done), "{:?}", session.results());
    let hash = |app: &App| {
        net::encoding::hash(app.session.loaded.as_ref().map_or(&[][..], |l| l.session.events()))
    };
    let mut page = App::new(Lang::En, "");
    update(&mut page, Action::Opened(EVERY_KIND.to_owned()));
    let linked = link::open(&link::link(&page).expect("short"), &App::new(Lang::Ja, ""));
    let linked = linked.expect("it opens");
    let mut saved = App::new(Lang::En, "article-clusterip");
    update(&mut saved, Action::Opened(page.file()));
    let expected = net::encoding::hash(session.events());
    assert_eq!([&page, &linked, &saved].map(hash), [expected; 3]);
    // The page and the embed are compared with this file in a browser.
    let file = root().join("suite/sessions/every-kind.hash.txt");
    if is_set("BLESS") {
        std::fs::write(file, hashes::text(session.events())).expect("written");
        return;
    }
    let differs = hashes::difference("every-kind", &support::read(&file), session.events());
    assert!(differs.is_none(), "{}", differs.unwrap_or_default());
}

#[test]
fn nothing_of_a_file_for_a_kernel_is_left_out_of_its_lab() {
    let (script, _) = Script::read(FOR_A_KERNEL);
    let session = script.expect("a Script").play(FOR_A_KERNEL).expect("valid");
    assert!(session.results().iter().all(play::StepResult::is_done), "{:?}", session.results());
    assert_eq!(play::lab::script(&session).expect("a lab").left_out, [""; 0]);
}

/// The page's file: what the reader wrote keeps its bytes, comments included, until it changes.
#[test]
fn a_file_keeps_its_bytes_as_long_as_it_says_the_same() {
    let script = "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script   # mine\nspec:\n  \
                  # two requests\n  steps:\n  - send: {from: client, to: 192.168.1.11:30080}\n";
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let file = format!("{manifest}{script}---\n{}", manifest.replace("name: a", "name: b"));
    let mut app = App::new(Lang::En, "");
    update(&mut app, Action::Opened(file.clone()));
    assert_eq!(app.file(), file);
    assert!(!app.document.text.contains("kind: Script"));
    // An edit of the document moves the Script to the end, as it was written.
    let edited = app.document.text.replace("name: a", "name: c");
    update(&mut app, Action::Text(edited));
    assert!(app.file().contains(script) && app.file().contains("name: c"), "{}", app.file());
    // Another step: the Script is printed again.
    update(&mut app, Action::From("client".to_owned()));
    update(&mut app, Action::To("192.168.1.12:30080".to_owned()));
    update(&mut app, Action::Send);
    assert!(!app.file().contains("# mine") && app.file().contains("- send:"), "{}", app.file());
}

/// What is typed is kept as it is: a Script in the text, also one with an error, is the reader's.
#[test]
fn a_typed_script_is_kept_as_it_is() {
    let mut app = App::new(Lang::En, "");
    let script = |step: &str| {
        format!(
            "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script  # mine\nspec:\n  steps:\n  \
             - send: {{from: bastion, to: \"192.168.120.226:30080\"}}\n  - {step}\n"
        )
    };
    let preset = app.document.text.to_string();
    for step in ["{on: node01, run: conntrack -F}", "{on: node01, runn: conntrack -F}", "sned: {}"]
    {
        let typed = format!("{preset}{}", script(step));
        // As the page does: kept before it is read, and again afterwards.
        assert_eq!(app.file_of(&typed), typed);
        update(&mut app, Action::Text(typed.clone()));
        assert_eq!(app.file(), typed, "{step}");
        assert!(!app.session.script.steps.is_empty(), "the last valid Script is played: {step}");
    }
}

//! Compares the simulator with recordings of a real kernel (Linux 6.18): every frame at every tap,
//! every hook, table and rule, every counter, every conntrack event and entry, neighbours, and the
//! clients' results. Only the differences listed in `accepted.toml` are allowed.

mod cases;

use cases::{Case, Then, cases};
use net::netfilter::Ruleset;
use net::socket::ServerApp;
use net::{Spec, State};
use play::presets::Preset;
use play::{Anchor, Probe, Run, Session, Start, Step, Timeline};
use serde::Deserialize;
use std::collections::BTreeSet;
use support::kernel::{by_device, mask_ports, near, settled};
use support::record;
use support::{difference, folders, read, root};

/// The list of accepted differences.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    difference: Vec<Difference>,
}

/// One accepted difference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// The kind of difference: `ports`, `timers`, `listing`, `hosts`.
    what: String,
    /// Why the difference is not an error of the simulator.
    reason: String,
    /// The recordings it applies to; empty: all of them.
    #[serde(default)]
    only: Vec<String>,
}

impl Accepted {
    fn read() -> Self {
        toml::from_str(&read(&root().join("kernel/accepted.toml"))).expect("accepted.toml")
    }

    fn has(&self, what: &str, case: &str) -> bool {
        self.difference
            .iter()
            .any(|d| d.what == what && (d.only.is_empty() || d.only.iter().any(|o| o == case)))
    }
}

/// The recordings' short names of pods.
fn short(session: &Session, netns: &str) -> String {
    let Some(pod) = session.cluster().pods.iter().find(|p| p.netns() == netns) else {
        return netns.to_owned();
    };
    match pod.owner.name.as_str() {
        "kube-dns" => "dns".to_owned(),
        "centos-deployment" => "c".to_owned(),
        _ => {
            let [.., c, d] = pod.ip.octets();
            format!("n{c}{d}")
        }
    }
}

/// The lines below each header `## NAME`, in order.
fn sections(text: &str) -> Vec<(String, Vec<String>)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(h) = line.strip_prefix("## ") {
            out.push((h.to_owned(), Vec::new()));
        } else if let Some((_, lines)) = out.last_mut() {
            lines.push(line.to_owned());
        }
    }
    out
}

/// The lines below a header; empty if there is no such header.
fn section(text: &str, header: &str) -> Vec<String> {
    sections(text).into_iter().find(|(h, _)| h == header).map_or(Vec::new(), |(_, lines)| lines)
}

/// The counters of a recording: table, chain, rule (or policy), packets, bytes.
fn recorded_counters(text: &str, node: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for table in ["nat", "filter"] {
        let mut chain = String::new();
        for line in section(text, &format!("{node} -t {table}")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["Chain", name, rest @ ..] = words.as_slice() {
                chain = (*name).to_owned();
                if let ["(policy", _, packets, "packets,", bytes, "bytes)"] = rest
                    && *packets != "0"
                {
                    out.insert(format!("{table} {chain} policy {packets} {bytes}"));
                }
            } else if let [rule, packets, bytes, ..] = words.as_slice() {
                out.insert(format!("{table} {chain} {rule} {packets} {bytes}"));
            }
        }
    }
    out
}

fn our_counters(state: &State, node: &str) -> BTreeSet<String> {
    record::counter_lines(state.ns_named(node).expect("node").1).into_iter().collect()
}

/// Plays a case. Returns the session, the runs, and the client's result of each.
fn run(case: &Case) -> (Session, Vec<Run>, Vec<String>) {
    let preset = Preset::named(case.preset).expect("preset");
    let mut document = preset.document();
    if let Some((from, to)) = case.edit {
        assert!(document.contains(from), "{}: nothing to edit", case.name);
        document = document.replacen(from, to, 1);
    }
    let edit = |spec: &mut Spec| {
        for ns in &mut spec.netns {
            // On the recorded kernel an echo listened at the address of kube-dns.
            for l in ns.services.iter_mut().filter(|l| matches!(l.app, ServerApp::Dns(_))) {
                l.app = ServerApp::Echo;
            }
            let filters = ns.rules.tables_in_use().next().is_some();
            if let Some(change) = case.rules.filter(|_| filters) {
                let text =
                    change(&net::netfilter::save(&ns.rules, "a test", "a day", &|_, _| (0, 0)));
                ns.rules =
                    Ruleset::parse(&text).unwrap_or_else(|e| panic!("{}: {}", case.name, e[0]));
            }
        }
        cases::gateway_has_an_outside(spec);
        if let Some(change) = case.spec {
            change(spec);
        }
    };
    let mut session =
        Session::edited(&document, 7, if case.cold { Start::Cold } else { Start::Used }, edit)
            .unwrap_or_else(|d| panic!("{}: {}", case.name, d[0]));
    for (host, line) in &case.before {
        let out = play::shell::exec(&mut session, host, line);
        assert_eq!(out.status, 0, "{}: {host}$ {line}\n{}", case.name, out.text);
    }
    let (mut runs, mut results) = (Vec::new(), Vec::new());
    for then in &case.then {
        match then {
            Then::Send(probe, lines) => {
                let n = runs.len() as u32 + 1;
                let mut steps = vec![Step::send(Probe::clone(probe))];
                steps.extend(lines.iter().map(|line| {
                    let anchor = Anchor::After { probe: n, after: net::Duration::millis(20) };
                    let line = cases::fill_in_rules(&session, line);
                    Step { anchor, ..Step::run("node01", &line) }
                }));
                let done = session.play(&steps);
                let run = done[0].run().unwrap_or_else(|| panic!("{}: {done:?}", case.name));
                let run = run.clone();
                results.extend(record::results(&session, probe, &run, &|n| short(&session, n)));
                runs.push(run);
            }
            Then::Inject(host, packet) => {
                session
                    .inject(host, packet.clone(), net::Duration::millis(130))
                    .unwrap_or_else(|e| panic!("{}: {e}", case.name));
                results.push("sent".to_owned());
            }
        }
    }
    (session, runs, results)
}

/// The state at the moment of a recorded snapshot: `while open`, `after query N`, `after`.
fn moment(session: &Session, title: &str) -> State {
    let ends: Vec<usize> = (0..session.events().len())
        .filter(|i| matches!(session.events()[*i].kind, net::event::EventKind::Ended { .. }))
        .map(|i| i + 1)
        .collect();
    let at = match title.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok()) {
        Some(n) => ends.get(n - 1).copied(),
        None if title == "after" => Some(session.events().len()),
        None => ends.last().copied(),
    };
    let mut timeline = Timeline::new(session.initial());
    timeline.seek(session.events(), at.unwrap_or(session.events().len()));
    timeline.state().clone()
}

/// Compares one recording. Returns the number of compared items, and the differences.
fn compare(case: &Case, accepted: &Accepted) -> (usize, Vec<String>) {
    let (session, _, results) = run(case);
    let folder = root().join("kernel/recordings").join(case.name);
    let file = |name: &str| {
        let path = folder.join(name);
        if path.exists() { read(&path) } else { String::new() }
    };
    let (state, events) = (session.world().state(), session.events());
    let mut items = 0;
    let mut wrong = Vec::new();
    let known = cases::known_ports(case);
    let ports = |lines: Vec<String>| {
        if accepted.has("ports", case.name) { mask_ports(lines, &known) } else { lines }
    };
    let timers = |expected: Vec<String>, got: Vec<String>| {
        if accepted.has("timers", case.name) {
            (near(&expected, &got), got)
        } else {
            (expected, got)
        }
    };
    let mut check = |what: String, expected: Vec<String>, got: Vec<String>| {
        items += expected.len();
        wrong.extend(difference(&what, &expected, &got));
    };
    let recorded = file("packets.txt");
    let head = |l: &str| l.strip_prefix("# result: ").map(str::to_owned);
    check("results".to_owned(), ports(recorded.lines().filter_map(head).collect()), ports(results));
    // The order of frames of different hosts is ignored only where their timers expire in the same
    // second.
    let order = |lines: Vec<String>| {
        if accepted.has("hosts", case.name) { by_device(&lines) } else { lines }
    };
    let frames = recorded.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
    check(
        "packets".to_owned(),
        order(ports(frames)),
        order(ports(record::packets(state, events, &|n| short(&session, n)))),
    );
    for node in ["master01", "node01", "node02"] {
        // Rule 1 of table raw is the TRACE rule of the recording, seen for packets that arrive with
        // the trace bit set.
        let hooks = section(&file("trace.txt"), node)
            .iter()
            .map(|l| l.replace("| PREROUTING:1 PREROUTING(policy)", "| PREROUTING(policy)"))
            .collect();
        check(format!("hooks of {node}"), ports(hooks), ports(record::hooks(state, events, node)));
        let counters = |c: BTreeSet<String>| c.into_iter().collect::<Vec<_>>();
        check(
            format!("counters of {node}"),
            counters(recorded_counters(&file("counters.txt"), node)),
            counters(our_counters(state, node)),
        );
        let recorded = section(&file("conntrack.txt"), &format!("{node} conntrack -E"));
        let recorded = recorded
            .iter()
            .map(|l| l.split(" [USERSPACE]").next().unwrap_or(l).to_owned())
            .collect();
        let (expected, got) =
            timers(ports(recorded), ports(record::conntrack_events(state, events, node)));
        check(format!("conntrack -E of {node}"), expected, got);
    }
    for (header, lines) in sections(&file("conntrack.txt")) {
        let Some((node, title)) = header.split_once(" conntrack -L (") else { continue };
        let title = title.trim_end_matches(')');
        let got = record::conntrack(&moment(&session, title), node);
        let listed =
            |lines| if accepted.has("listing", case.name) { settled(lines) } else { lines };
        let (expected, got) = timers(listed(ports(lines)), listed(ports(got)));
        check(format!("conntrack -L of {node} {title}"), expected, got);
    }
    for (header, lines) in sections(&file("neigh.txt")) {
        let Some(host) = header.strip_suffix(" ip n") else { continue };
        let netns = state.netns.iter().find(|n| short(&session, &n.name) == host).expect("host");
        check(format!("neighbours of {host}"), lines, record::neighbours(state, &netns.name));
    }
    (items, wrong)
}

#[test]
fn the_simulator_does_what_the_kernel_did() {
    let accepted = Accepted::read();
    let mut failures = String::new();
    let (mut table, mut total, mut equal) = (String::new(), 0, 0);
    let all = cases();
    for case in &all {
        let (items, wrong) = compare(case, &accepted);
        table.push_str(&format!("{:34} {items:5} items, {} differ\n", case.name, wrong.len()));
        total += items;
        equal += usize::from(wrong.is_empty());
        for w in wrong {
            failures.push_str(&format!("== {}\n{w}\n", case.name));
        }
    }
    println!("{table}{equal} of {} recordings agree, {total} items compared", all.len());
    assert!(failures.is_empty(), "\n{failures}\n{table}");
}

#[test]
fn every_recording_is_compared() {
    let have: BTreeSet<String> = folders(&root().join("kernel/recordings"))
        .iter()
        .map(|p| p.file_name().expect("name").to_string_lossy().into_owned())
        .collect();
    let compared: BTreeSet<String> = cases().iter().map(|c| c.name.to_owned()).collect();
    assert_eq!(have, compared);
    assert_eq!(have.len(), 87);
}

#[test]
fn at_most_five_differences_are_accepted_each_with_a_reason() {
    let accepted = Accepted::read();
    assert!(accepted.difference.len() <= 5, "{accepted:?}");
    for d in &accepted.difference {
        assert!(
            ["ports", "timers", "listing", "hosts"].contains(&d.what.as_str()),
            "{} is not a known kind of difference",
            d.what
        );
        assert!(d.reason.len() > 40, "{}: say why", d.what);
        assert!(
            d.only.iter().all(|o| cases().iter().any(|c| c.name == o)),
            "{}: no such recording",
            d.what
        );
    }
}

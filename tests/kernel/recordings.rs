//! The simulator against recordings of a real kernel (Linux 6.18): every frame at every tap, every
//! hook, table and rule, every counter, every connection tracking event. Only the numbers of random
//! ports may differ.

use net::State;
use play::presets::Preset;
use play::{Probe, Protocol, Session, record};
use std::collections::BTreeSet;
use support::{difference, folders, read, root};

/// What a recording did.
struct Case {
    name: &'static str,
    preset: &'static str,
    from: &'static str,
    to: &'static str,
    /// Source port, or identifier of the ping.
    sport: u16,
    ping: bool,
    endpoint: Option<&'static str>,
    cold: bool,
    /// A setting changed in the document: what, to what.
    edit: Option<(&'static str, &'static str)>,
}

const fn case(name: &'static str, preset: &'static str, from: &'static str, to: &'static str, sport: u16) -> Case {
    Case { name, preset, from, to, sport, ping: false, endpoint: None, cold: false, edit: None }
}

const fn ping(name: &'static str, from: &'static str, to: &'static str, id: u16) -> Case {
    Case { ping: true, ..case(name, "article-clusterip", from, to, id) }
}

const fn service(
    name: &'static str,
    preset: &'static str,
    from: &'static str,
    to: &'static str,
    sport: u16,
    endpoint: &'static str,
) -> Case {
    Case { endpoint: Some(endpoint), ..case(name, preset, from, to, sport) }
}

const fn cold(case: Case) -> Case {
    Case { cold: true, ..case }
}

const CIP: &str = "10.1.2.120:8000";
const NODE_PORT: &str = "192.168.120.226:30080";
const CLUSTERIP: &str = "article-clusterip";
const NODEPORT: &str = "article-nodeport";

const CASES: &[Case] = &[
    ping("01a-pod-pod-same-node-ping", "10.1.5.4", "10.1.5.5", 101),
    case("01b-pod-pod-same-node-tcp", CLUSTERIP, "centos", "10.1.5.4:80", 40101),
    cold(ping("01c-pod-pod-same-node-cold", "10.1.5.4", "10.1.5.5", 103)),
    Case {
        edit: Some((
            "vtepMAC: \"ba:12:6c:5e:8f:01\"",
            "vtepMAC: \"ba:12:6c:5e:8f:01\"\n    sysctl: {net.bridge.bridge-nf-call-iptables: 0}",
        )),
        ..case("01d-pod-pod-same-node-nobrnf", CLUSTERIP, "centos", "10.1.5.4:80", 40104)
    },
    ping("02a-pod-pod-cross-node-ping", "10.1.5.4", "10.1.6.5", 201),
    case("02b-pod-pod-cross-node-tcp", CLUSTERIP, "centos", "10.1.6.5:80", 40201),
    cold(ping("02c-pod-pod-cross-node-cold", "10.1.5.4", "10.1.6.5", 203)),
    service("03a-clusterip-n54", CLUSTERIP, "centos", CIP, 40301, "10.1.5.4"),
    service("03b-clusterip-n55", CLUSTERIP, "centos", CIP, 40302, "10.1.5.5"),
    service("03c-clusterip-n65", CLUSTERIP, "centos", CIP, 40303, "10.1.6.5"),
    service("03d-clusterip-n66", CLUSTERIP, "centos", CIP, 40304, "10.1.6.6"),
    service("03e-clusterip-hairpin", CLUSTERIP, "10.1.5.4", CIP, 40305, "10.1.5.4"),
    cold(service("03g-clusterip-n54-cold", CLUSTERIP, "centos", CIP, 40307, "10.1.5.4")),
    cold(service("03k-clusterip-n65-cold", CLUSTERIP, "centos", CIP, 40311, "10.1.6.5")),
    service("04a-nodeport-n55", NODEPORT, "bastion", NODE_PORT, 40401, "10.1.5.5"),
    service("04b-nodeport-n54", NODEPORT, "bastion", NODE_PORT, 40402, "10.1.5.4"),
    cold(service("04c-nodeport-n54-cold", NODEPORT, "bastion", NODE_PORT, 40403, "10.1.5.4")),
    service("05a-nodeport-n65", NODEPORT, "bastion", NODE_PORT, 40501, "10.1.6.5"),
    cold(service("05b-nodeport-n65-cold", NODEPORT, "bastion", NODE_PORT, 40502, "10.1.6.5")),
];

/// The recordings' short names of pods.
fn short(session: &Session, netns: &str) -> String {
    let Some(pod) = session.cluster().pods.iter().find(|p| p.netns() == netns) else { return netns.to_owned() };
    match pod.deployment.as_str() {
        "kube-dns" => "dns".to_owned(),
        "centos-deployment" => "c".to_owned(),
        _ => {
            let [.., c, d] = pod.ip.octets();
            format!("n{c}{d}")
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect()
}

/// The lines below a header `## NAME …`.
fn section(text: &str, header: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut on = false;
    for line in text.lines() {
        if let Some(h) = line.strip_prefix("## ") {
            on = h == header;
        } else if on {
            out.push(line.to_owned());
        }
    }
    out
}

/// Counters of a recording: table, chain, rule (0: policy), packets, bytes.
fn recorded_counters(text: &str, node: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for table in ["nat", "filter"] {
        let mut chain = "";
        for line in section(text, &format!("{node} -t {table}")).iter().map(|l| l.trim().to_owned()).collect::<Vec<_>>() {
            let words: Vec<&str> = line.split(' ').collect();
            if let ["Chain", name, ..] = words.as_slice() {
                chain = Box::leak((*name).to_owned().into_boxed_str());
                if let ["(policy", _, packets, "packets,", bytes, "bytes)"] = &words[2..]
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
    let ns = state.ns_named(node).expect("node").1;
    let row = |(table, chain, rule, packets, bytes): (net::netfilter::TableName, String, u32, u64, u64)| {
        let rule = if rule == 0 { "policy".to_owned() } else { rule.to_string() };
        format!("{table} {chain} {rule} {packets} {bytes}")
    };
    record::counters(ns).into_iter().map(row).collect()
}

/// Conntrack lines without the numbers of outer ports, in an order of their own: connections are
/// independent of each other.
fn masked(lines: Vec<String>) -> Vec<String> {
    lines
        .into_iter()
        .map(|l| {
            let outer = l.contains("dport=8472");
            l.split(' ').filter(|w| !(outer && (w.starts_with("sport=") || w.starts_with("dport=")))).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn run(case: &Case) -> (Session, play::Run) {
    let preset = Preset::named(case.preset).expect("preset");
    let mut document = preset.document();
    if let Some((from, to)) = case.edit {
        assert!(document.contains(from), "{}: nothing to edit", case.name);
        document = document.replacen(from, to, 1);
    }
    let mut session = Session::new(&document, 7, !case.cold).unwrap_or_else(|d| panic!("{}: {}", case.name, d[0]));
    let mut probe = Probe::new(case.from, case.to);
    probe.proto = if case.ping { Protocol::Icmp } else { Protocol::Tcp };
    probe.sport = Some(case.sport);
    probe.endpoint = case.endpoint.map(|e| (e.parse().expect("endpoint"), None));
    let run = session.send(&probe).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    (session, run)
}

/// Compares one recording; gives how many items were compared, and what differs.
fn compare(case: &Case) -> (usize, Vec<String>) {
    let (session, run) = run(case);
    let folder = root().join("kernel/recordings").join(case.name);
    let file = |name: &str| read(&folder.join(name));
    let (state, events) = (session.world().state(), &session.events()[run.events]);
    let mut items = 0;
    let mut wrong = Vec::new();
    let mut check = |what: String, expected: Vec<String>, got: Vec<String>| {
        items += expected.len();
        wrong.extend(difference(&what, &expected, &got));
    };
    // The recordings leave payload checksums of ICMP unsaid.
    let got = record::packets(state, events, &|n| short(&session, n));
    check("packets".to_owned(), lines(&file("packets.txt")), got.iter().map(|l| l.trim_end_matches(" ").to_owned()).collect());
    for node in ["master01", "node01", "node02"] {
        check(format!("hooks of {node}"), section(&file("trace.txt"), node), record::hooks(state, events, node));
        let counters = |c: BTreeSet<String>| c.into_iter().collect::<Vec<_>>();
        check(format!("counters of {node}"), counters(recorded_counters(&file("counters.txt"), node)), counters(our_counters(state, node)));
        let conntrack = section(&file("conntrack.txt"), &format!("{node} conntrack -E"));
        check(format!("conntrack of {node}"), masked(conntrack), masked(record::conntrack_events(state, events, node)));
    }
    (items, wrong)
}

#[test]
fn the_simulator_does_what_the_kernel_did() {
    let mut failures = String::new();
    let mut table = String::new();
    for case in CASES {
        let (items, wrong) = compare(case);
        table.push_str(&format!("{:34} {items:5} items, {} differ\n", case.name, wrong.len()));
        for w in wrong {
            failures.push_str(&format!("== {}\n{w}\n", case.name));
        }
    }
    println!("{table}");
    assert!(failures.is_empty(), "\n{failures}\n{table}");
}

#[test]
fn every_recording_is_compared() {
    let have: BTreeSet<String> =
        folders(&root().join("kernel/recordings")).iter().map(|p| p.file_name().expect("name").to_string_lossy().into_owned()).collect();
    let compared: BTreeSet<String> = CASES.iter().map(|c| c.name.to_owned()).collect();
    assert_eq!(have, compared);
}

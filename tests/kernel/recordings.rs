//! The simulator against recordings of a real kernel (Linux 6.18): every frame at every tap, every
//! hook, table and rule, every counter, every connection tracking event. Only the numbers of random
//! ports may differ.

use net::netfilter::Ruleset;
use net::spec::{NetnsSpec, RouteSpec};
use net::{Spec, State};
use play::presets::Preset;
use play::{Probe, Protocol, Session, record};
use std::collections::BTreeSet;
use std::rc::Rc;
use support::{difference, folders, read, root};

/// What a recording did.
struct Case {
    name: &'static str,
    preset: &'static str,
    from: &'static str,
    to: &'static str,
    /// Source port, or identifier of the ping.
    sport: u16,
    proto: Protocol,
    ttl: Option<u8>,
    endpoint: Option<&'static str>,
    cold: bool,
    /// A setting changed in the document: what, to what.
    edit: Option<(&'static str, &'static str)>,
    /// The rules of every node, changed as text.
    rules: Option<fn(&str) -> String>,
    /// The Linux state, changed.
    spec: Option<fn(&mut Spec)>,
}

const fn case(name: &'static str, preset: &'static str, from: &'static str, to: &'static str, sport: u16) -> Case {
    Case {
        name,
        preset,
        from,
        to,
        sport,
        proto: Protocol::Tcp,
        ttl: None,
        endpoint: None,
        cold: false,
        edit: None,
        rules: None,
        spec: None,
    }
}

const fn ping(name: &'static str, from: &'static str, to: &'static str, id: u16) -> Case {
    Case { proto: Protocol::Icmp, ..case(name, "article-clusterip", from, to, id) }
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

/// The Service selects nothing.
const fn no_endpoints(name: &'static str, from: &'static str, to: &'static str, sport: u16) -> Case {
    Case { edit: Some(("selector:\n    app: nginx\n---", "selector:\n    app: none\n---")), ..case(name, NODEPORT, from, to, sport) }
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
    Case { edit: NO_BRIDGE_NF, ..case("01d-pod-pod-same-node-nobrnf", CLUSTERIP, "centos", "10.1.5.4:80", 40104) },
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
    service("06a-node-clusterip-n54", CLUSTERIP, "node01", CIP, 40601, "10.1.5.4"),
    service("06b-node-clusterip-n65", CLUSTERIP, "node01", CIP, 40602, "10.1.6.5"),
    ping("06c-node-pod-same-node", "node01", "10.1.5.4", 603),
    ping("06d-node-pod-cross-node", "node01", "10.1.6.5", 604),
    service("06e-node-own-nodeport", NODEPORT, "node01", NODE_PORT, 40605, "10.1.5.4"),
    service("06f-node-localhost-nodeport", NODEPORT, "node01", "127.0.0.1:30080", 40606, "10.1.5.4"),
    service("06g-master-clusterip-n54", CLUSTERIP, "master01", CIP, 40607, "10.1.5.4"),
    ping("07c-pod-other-node-ip", "centos", "192.168.120.227", 703),
    ping("07d-pod-own-node-ip", "centos", "192.168.120.226", 704),
    no_endpoints("08a-noep-node", "node01", "10.1.0.125:8000", 40801),
    no_endpoints("08d-noep-external-nodeport", "bastion", NODE_PORT, 40804),
    no_endpoints("08e-noep-pod-nodeport", "centos", NODE_PORT, 40805),
    service("09a-pod-other-nodeport-n65", NODEPORT, "centos", "192.168.120.227:30080", 40901, "10.1.6.5"),
    service("09b-pod-other-nodeport-n54", NODEPORT, "centos", "192.168.120.227:30080", 40902, "10.1.5.4"),
    service("09c-pod-other-nodeport-self", NODEPORT, "10.1.5.4", "192.168.120.227:30080", 40903, "10.1.5.4"),
    service("10a-pod-own-nodeport-n54", NODEPORT, "centos", NODE_PORT, 41001, "10.1.5.4"),
    service("10b-pod-own-nodeport-n65", NODEPORT, "centos", NODE_PORT, 41002, "10.1.6.5"),
    Case { proto: Protocol::Udp, ..case("13c-udp-closed-port", CLUSTERIP, "centos", "10.1.5.4:53", 41303) },
    Case { ttl: Some(1), ..ping("16a-ttl1", "centos", "10.1.6.5", 1601) },
    Case { ttl: Some(2), ..ping("16b-ttl2", "centos", "10.1.6.5", 1602) },
    Case { ttl: Some(1), ..ping("16c-ttl1-same-node", "centos", "10.1.5.4", 1603) },
    Case { edit: NO_BRIDGE_NF, ..service("03j-clusterip-n65-nobrnf", CLUSTERIP, "centos", CIP, 40310, "10.1.6.5") },
    // As later versions have it: services are asked in FORWARD too.
    Case { rules: Some(forward_asks_services), ..no_endpoints("08c-noep-pod-fwd", "centos", "10.1.0.125:8000", 40803) },
    ping("15a-ping-clusterip-pod", "centos", "10.1.2.120", 1501),
    ping("15b-ping-clusterip-node", "node01", "10.1.2.120", 1502),
    Case { spec: Some(bastion_routes_pods), ..case("18a-external-pod-same-node", CLUSTERIP, "bastion", "10.1.5.4:80", 41801) },
    Case { spec: Some(bastion_routes_pods), ..case("18b-external-pod-other-node", CLUSTERIP, "bastion", "10.1.6.5:80", 41802) },
    Case {
        spec: Some(|s| node01(s).fdb.retain(|f| f.1.to_string() != "36:dc:08:bc:b6:23")),
        ..ping("19b-flannel-no-fdb", "10.1.5.4", "10.1.6.5", 1902)
    },
    Case {
        spec: Some(|s| node01(s).routes.retain(|r| r.dst.to_string() != "10.1.6.0/24")),
        ..ping("19c-flannel-no-route", "10.1.5.4", "10.1.6.5", 1903)
    },
    Case {
        rules: Some(|t| t.replace("--to-destination 10.1.6.5:80", "--to-destination 10.1.6.5:81")),
        ..service("22a-endpoint-refuses-nodeport", NODEPORT, "bastion", NODE_PORT, 42201, "10.1.6.5")
    },
    Case {
        rules: Some(|t| t.replace("--to-destination 10.1.5.4:80", "--to-destination 10.1.5.4:81")),
        ..service("22b-endpoint-refuses-clusterip", CLUSTERIP, "centos", CIP, 42202, "10.1.5.4")
    },
    Case { rules: Some(without_mark), ..service("25a-nodeport-nomark-n54", NODEPORT, "bastion", NODE_PORT, 42501, "10.1.5.4") },
    Case { rules: Some(without_mark), ..service("25b-nodeport-nomark-n65", NODEPORT, "bastion", NODE_PORT, 42502, "10.1.6.5") },
    case("21-nodeport-closed", NODEPORT, "bastion", "192.168.120.226:30081", 42101),
    service("05a-nodeport-n65", NODEPORT, "bastion", NODE_PORT, 40501, "10.1.6.5"),
    cold(service("05b-nodeport-n65-cold", NODEPORT, "bastion", NODE_PORT, 40502, "10.1.6.5")),
];

const NO_BRIDGE_NF: Option<(&str, &str)> =
    Some(("vtepMAC: \"ba:12:6c:5e:8f:01\"", "vtepMAC: \"ba:12:6c:5e:8f:01\"\n    sysctl: {net.bridge.bridge-nf-call-iptables: 0}"));

fn forward_asks_services(text: &str) -> String {
    const FIRST: &str = "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD";
    const NEW: &str = "-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES";
    text.replace(FIRST, &format!("{FIRST}\n{NEW}"))
}

/// KUBE-NODEPORTS without its mark.
fn without_mark(text: &str) -> String {
    let keep = |l: &&str| !(l.starts_with("-A KUBE-NODEPORTS") && l.contains("KUBE-MARK-MASQ"));
    text.lines().filter(keep).map(|l| format!("{l}\n")).collect()
}

fn named<'a>(spec: &'a mut Spec, name: &str) -> &'a mut NetnsSpec {
    spec.netns.iter_mut().find(|n| n.name == name).expect("a namespace of that name")
}

fn node01(spec: &mut Spec) -> &mut NetnsSpec {
    named(spec, "node01")
}

fn bastion_routes_pods(spec: &mut Spec) {
    let bastion = named(spec, "bastion");
    let (dst, via) = ("10.1.4.0/22".parse().expect("network"), "192.168.120.226".parse().expect("address"));
    let route = RouteSpec { dst, via: Some(via), ..bastion.routes[0].clone() };
    bastion.routes.push(route);
}

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

/// Conntrack lines without the numbers of outer ports, and with timeouts as they were set: the
/// recordings may have read them a tick later.
fn masked(lines: Vec<String>) -> Vec<String> {
    let mask = |line: String| {
        let outer = line.contains("dport=8472");
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        words.retain(|w| !(outer && (w.starts_with("sport=") || w.starts_with("dport="))));
        let proto = words.iter().position(|w| matches!(w.as_str(), "6" | "17" | "1"));
        if let Some(timeout) = proto.and_then(|i| words.get_mut(i + 1))
            && timeout.ends_with('9')
            && let Ok(n) = timeout.parse::<u32>()
        {
            *timeout = (n + 1).to_string();
        }
        words.join(" ")
    };
    lines.into_iter().map(mask).collect()
}

fn run(case: &Case) -> (Session, play::Run) {
    let preset = Preset::named(case.preset).expect("preset");
    let mut document = preset.document();
    if let Some((from, to)) = case.edit {
        assert!(document.contains(from), "{}: nothing to edit", case.name);
        document = document.replacen(from, to, 1);
    }
    let edit = |spec: &mut Spec| {
        for ns in &mut spec.netns {
            let filters = ns.rules.tables_in_use().next().is_some();
            if let Some(change) = case.rules.filter(|_| filters) {
                let text = change(&net::netfilter::save(&ns.rules, "a test", "a day", &|_, _| (0, 0)));
                ns.rules = Rc::new(Ruleset::parse(&text).unwrap_or_else(|e| panic!("{}: {}", case.name, e[0])));
            }
        }
        if let Some(change) = case.spec {
            change(spec);
        }
    };
    let mut session = Session::edited(&document, 7, !case.cold, edit).unwrap_or_else(|d| panic!("{}: {}", case.name, d[0]));
    let mut probe = Probe::new(case.from, case.to);
    (probe.proto, probe.ttl) = (case.proto, case.ttl);
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
        // Rule 1 of table raw is the recordings' own TRACE, seen where a packet came traced already.
        let hooks = section(&file("trace.txt"), node)
            .iter()
            .map(|l| l.replace("| PREROUTING:1 PREROUTING(policy)", "| PREROUTING(policy)"))
            .collect();
        check(format!("hooks of {node}"), hooks, record::hooks(state, events, node));
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

//! The steps of each recording, as actions of the product.

use net::socket::Pmtudisc;
use net::spec::{NeighbourSpec, NetnsSpec};
use net::wire::{Body, Ipv4, Tcp, TcpFlags, TcpOptions};
use net::{Duration, Spec, neigh::NudState};
use play::{Probe, Protocol, Session};

/// One step of a recording.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// A client's request, with commands that are run on node01 20 ms after it began.
    Send(Box<Probe>, Vec<&'static str>),
    /// A packet that was injected.
    Inject(&'static str, Ipv4),
}

/// The session that a recording corresponds to.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The folder of the recording.
    pub(crate) name: &'static str,
    /// The built-in document.
    pub(crate) preset: &'static str,
    /// A change of the document: the text to replace, and its replacement.
    pub(crate) edit: Option<(&'static str, &'static str)>,
    /// A change of the rules of every node, as text.
    pub(crate) rules: Option<fn(&str) -> String>,
    /// A change of the initial Linux state.
    pub(crate) spec: Option<fn(&mut Spec)>,
    /// Commands that run first: host, line.
    pub(crate) before: Vec<(&'static str, &'static str)>,
    /// Whether the neighbour tables are empty at the start.
    pub(crate) cold: bool,
    /// The steps, in order.
    pub(crate) then: Vec<Then>,
}

const CIP: &str = "10.1.2.120:8000";
const NODE_PORT: &str = "192.168.120.226:30080";
const CLUSTERIP: &str = "article-clusterip";
const NODEPORT: &str = "article-nodeport";
const OUTSIDE: &str = "203.0.113.10";

/// A recorded client waits 1.2 s for an answer; the recording continues for 80 ms after it.
fn probe(from: &str, to: &str, sport: u16) -> Probe {
    let (timeout, settle) = (Some(Duration::millis(1200)), Some(Duration::millis(120)));
    Probe { sport: Some(sport), timeout, settle, ..Probe::new(from, to) }
}

fn echo(from: &str, to: &str, id: u16) -> Probe {
    Probe { proto: Protocol::Icmp, timeout: Some(Duration::millis(600)), ..probe(from, to, id) }
}

fn datagram(from: &str, to: &str, sport: u16) -> Probe {
    Probe { proto: Protocol::Udp, timeout: Some(Duration::millis(600)), ..probe(from, to, sport) }
}

fn at(endpoint: &str, probe: Probe) -> Probe {
    Probe { endpoint: Some((endpoint.parse().expect("endpoint"), None)), ..probe }
}

fn case(name: &'static str, preset: &'static str, probes: Vec<Probe>) -> Case {
    let then = probes.into_iter().map(|p| Then::Send(Box::new(p), Vec::new())).collect();
    Case {
        name,
        preset,
        edit: None,
        rules: None,
        spec: None,
        before: Vec::new(),
        cold: false,
        then,
    }
}

fn tcp(name: &'static str, preset: &'static str, from: &str, to: &str, sport: u16) -> Case {
    case(name, preset, vec![probe(from, to, sport)])
}

fn ping(name: &'static str, from: &str, to: &str, id: u16) -> Case {
    case(name, CLUSTERIP, vec![echo(from, to, id)])
}

/// A request to the Service, with the endpoint forced.
fn service(
    name: &'static str,
    preset: &'static str,
    from: &str,
    to: &str,
    sport: u16,
    endpoint: &str,
) -> Case {
    case(name, preset, vec![at(endpoint, probe(from, to, sport))])
}

fn cold(case: Case) -> Case {
    Case { cold: true, ..case }
}

/// A request to a Service that selects no pod.
fn no_endpoints(name: &'static str, from: &str, to: &str, sport: u16) -> Case {
    Case {
        edit: Some(("selector:\n    app: nginx\n---", "selector:\n    app: none\n---")),
        ..tcp(name, NODEPORT, from, to, sport)
    }
}

/// Every recording.
pub(crate) fn cases() -> Vec<Case> {
    let mut all = pods_and_services();
    all.extend(nodes_and_outside());
    all.extend(packets());
    all.extend(failures());
    all
}

fn pods_and_services() -> Vec<Case> {
    vec![
        ping("01a-pod-pod-same-node-ping", "10.1.5.4", "10.1.5.5", 101),
        tcp("01b-pod-pod-same-node-tcp", CLUSTERIP, "centos", "10.1.5.4:80", 40101),
        cold(ping("01c-pod-pod-same-node-cold", "10.1.5.4", "10.1.5.5", 103)),
        Case {
            edit: NO_BRIDGE_NF,
            ..tcp("01d-pod-pod-same-node-nobrnf", CLUSTERIP, "centos", "10.1.5.4:80", 40104)
        },
        ping("02a-pod-pod-cross-node-ping", "10.1.5.4", "10.1.6.5", 201),
        tcp("02b-pod-pod-cross-node-tcp", CLUSTERIP, "centos", "10.1.6.5:80", 40201),
        cold(ping("02c-pod-pod-cross-node-cold", "10.1.5.4", "10.1.6.5", 203)),
        service("03a-clusterip-n54", CLUSTERIP, "centos", CIP, 40301, "10.1.5.4"),
        service("03b-clusterip-n55", CLUSTERIP, "centos", CIP, 40302, "10.1.5.5"),
        service("03c-clusterip-n65", CLUSTERIP, "centos", CIP, 40303, "10.1.6.5"),
        service("03d-clusterip-n66", CLUSTERIP, "centos", CIP, 40304, "10.1.6.6"),
        service("03e-clusterip-hairpin", CLUSTERIP, "10.1.5.4", CIP, 40305, "10.1.5.4"),
        Case {
            before: vec![("node01", "ip link set veth0a010504 type bridge_slave hairpin off")],
            ..service("03f-clusterip-hairpin-off", CLUSTERIP, "10.1.5.4", CIP, 40306, "10.1.5.4")
        },
        cold(service("03g-clusterip-n54-cold", CLUSTERIP, "centos", CIP, 40307, "10.1.5.4")),
        Case {
            spec: Some(pod_is_stale),
            ..service("03h-clusterip-n54-stale", CLUSTERIP, "centos", CIP, 40308, "10.1.5.4")
        },
        Case {
            edit: NO_BRIDGE_NF,
            ..service("03i-clusterip-n54-nobrnf", CLUSTERIP, "centos", CIP, 40309, "10.1.5.4")
        },
        Case {
            edit: NO_BRIDGE_NF,
            ..service("03j-clusterip-n65-nobrnf", CLUSTERIP, "centos", CIP, 40310, "10.1.6.5")
        },
        cold(service("03k-clusterip-n65-cold", CLUSTERIP, "centos", CIP, 40311, "10.1.6.5")),
        service("04a-nodeport-n55", NODEPORT, "bastion", NODE_PORT, 40401, "10.1.5.5"),
        service("04b-nodeport-n54", NODEPORT, "bastion", NODE_PORT, 40402, "10.1.5.4"),
        cold(service("04c-nodeport-n54-cold", NODEPORT, "bastion", NODE_PORT, 40403, "10.1.5.4")),
        service("05a-nodeport-n65", NODEPORT, "bastion", NODE_PORT, 40501, "10.1.6.5"),
        cold(service("05b-nodeport-n65-cold", NODEPORT, "bastion", NODE_PORT, 40502, "10.1.6.5")),
        service(
            "09a-pod-other-nodeport-n65",
            NODEPORT,
            "centos",
            "192.168.120.227:30080",
            40901,
            "10.1.6.5",
        ),
        service(
            "09b-pod-other-nodeport-n54",
            NODEPORT,
            "centos",
            "192.168.120.227:30080",
            40902,
            "10.1.5.4",
        ),
        service(
            "09c-pod-other-nodeport-self",
            NODEPORT,
            "10.1.5.4",
            "192.168.120.227:30080",
            40903,
            "10.1.5.4",
        ),
        service("10a-pod-own-nodeport-n54", NODEPORT, "centos", NODE_PORT, 41001, "10.1.5.4"),
        service("10b-pod-own-nodeport-n65", NODEPORT, "centos", NODE_PORT, 41002, "10.1.6.5"),
        Case {
            spec: Some(pod_is_stale),
            ..service(
                "10c-pod-own-nodeport-n54-stale",
                NODEPORT,
                "centos",
                NODE_PORT,
                41003,
                "10.1.5.4",
            )
        },
        case(
            "17-masquerade-port-clash",
            NODEPORT,
            vec![
                at("10.1.5.4", probe("bastion", NODE_PORT, 41701)),
                at("10.1.5.4", probe("centos", NODE_PORT, 41701)),
            ],
        ),
        case(
            "28-nodeport-any-local-address",
            NODEPORT,
            vec![
                at("10.1.6.5", probe("centos", "10.1.5.1:30080", 42801)),
                at("10.1.6.5", probe("centos", "172.17.0.1:30080", 42802)),
                at("10.1.6.5", probe("centos", "10.1.5.0:30080", 42803)),
            ],
        ),
    ]
}

fn nodes_and_outside() -> Vec<Case> {
    vec![
        service("06a-node-clusterip-n54", CLUSTERIP, "node01", CIP, 40601, "10.1.5.4"),
        service("06b-node-clusterip-n65", CLUSTERIP, "node01", CIP, 40602, "10.1.6.5"),
        ping("06c-node-pod-same-node", "node01", "10.1.5.4", 603),
        ping("06d-node-pod-cross-node", "node01", "10.1.6.5", 604),
        service("06e-node-own-nodeport", NODEPORT, "node01", NODE_PORT, 40605, "10.1.5.4"),
        service(
            "06f-node-localhost-nodeport",
            NODEPORT,
            "node01",
            "127.0.0.1:30080",
            40606,
            "10.1.5.4",
        ),
        service("06g-master-clusterip-n54", CLUSTERIP, "master01", CIP, 40607, "10.1.5.4"),
        tcp("07a-pod-external-tcp", CLUSTERIP, "centos", "203.0.113.10:80", 40701),
        ping("07b-pod-external-ping", "centos", OUTSIDE, 702),
        ping("07c-pod-other-node-ip", "centos", "192.168.120.227", 703),
        ping("07d-pod-own-node-ip", "centos", "192.168.120.226", 704),
        tcp("14a-pod-apiserver", CLUSTERIP, "centos", "10.1.0.1:443", 41401),
        tcp("14b-master-apiserver", CLUSTERIP, "master01", "10.1.0.1:443", 41402),
        Case {
            before: vec![("bastion", "ip route add 10.1.4.0/22 via 192.168.120.226")],
            ..tcp("18a-external-pod-same-node", CLUSTERIP, "bastion", "10.1.5.4:80", 41801)
        },
        Case {
            before: vec![("bastion", "ip route add 10.1.4.0/22 via 192.168.120.226")],
            ..tcp("18b-external-pod-other-node", CLUSTERIP, "bastion", "10.1.6.5:80", 41802)
        },
    ]
}

/// MTU, fragments, redirects, checksums, ttl.
fn packets() -> Vec<Case> {
    let thrice = |count| Probe {
        count,
        timeout: Some(Duration::millis(250)),
        interval: Duration::millis(250),
        ..echo("bastion", OUTSIDE, 1101)
    };
    let by_node01 = ("bastion", "ip route add 203.0.113.0/24 via 192.168.120.226");
    let large = |to: &str, id, size| Probe { size: Some(size), ..echo("centos", to, id) };
    let hard = |p: Probe| Probe { pmtudisc: Pmtudisc::Do, ..p };
    let soft = |p: Probe| Probe { pmtudisc: Pmtudisc::Dont, ..p };
    let syn = Tcp {
        sport: 42001,
        dport: 8000,
        seq: 1000,
        ack: 0,
        flags: TcpFlags::SYN,
        window: 64240,
        options: TcpOptions::default(),
        data: [].into(),
    };
    let syn = Ipv4::new([10, 1, 5, 10].into(), [10, 1, 2, 120].into(), Body::Tcp(syn));
    vec![
        Case { before: vec![by_node01], ..case("11a-forward-drop", CLUSTERIP, vec![thrice(3)]) },
        Case {
            before: vec![("node01", "sysctl -w net.ipv4.conf.all.send_redirects=0"), by_node01],
            ..case("11b-forward-drop-no-redirects", CLUSTERIP, vec![thrice(3)])
        },
        Case {
            before: vec![by_node01],
            rules: Some(bare),
            ..case("11c-redirect-when-forwarded", CLUSTERIP, vec![thrice(4)])
        },
        Case {
            spec: Some(|s| mtu_1500(s, &["centos"])),
            ..case(
                "12a-mtu-df-cross-node",
                CLUSTERIP,
                vec![
                    hard(large("10.1.6.5", 1201, 1472)),
                    Probe { seq: 2, ..large("10.1.6.5", 1201, 1472) },
                    Probe { seq: 3, ..hard(large("10.1.6.5", 1201, 1472)) },
                ],
            )
        },
        Case {
            spec: Some(|s| mtu_1500(s, &["centos"])),
            ..case("12b-mtu-df-same-node", CLUSTERIP, vec![hard(large("10.1.5.4", 1202, 1472))])
        },
        Case {
            spec: Some(|s| mtu_1500(s, &["centos"])),
            ..case(
                "12c-mtu-fragment-cross-node",
                CLUSTERIP,
                vec![soft(large("10.1.6.5", 1203, 1472))],
            )
        },
        Case {
            spec: Some(|s| mtu_1500(s, &["centos", "10.1.6.5"])),
            ..case(
                "12d-mtu-tcp-pmtud",
                CLUSTERIP,
                vec![Probe { size: Some(2900), ..probe("centos", "10.1.6.5:80", 41204) }],
            )
        },
        case(
            "12e-tcp-gso",
            CLUSTERIP,
            vec![Probe { size: Some(2900), ..probe("centos", "10.1.6.5:80", 41205) }],
        ),
        case("12f-fragments-from-pod", CLUSTERIP, vec![soft(large("10.1.6.5", 1206, 1972))]),
        case("12g-fragments-same-node", CLUSTERIP, vec![soft(large("10.1.5.4", 1207, 1972))]),
        case(
            "13a-dns-clusterip",
            CLUSTERIP,
            vec![Probe { count: 2, ..datagram("centos", "10.1.0.10:53", 41301) }],
        ),
        case(
            "13b-dns-zero-checksum",
            CLUSTERIP,
            vec![Probe { checksum: false, ..datagram("centos", "10.1.0.10:53", 41302) }],
        ),
        case("13c-udp-closed-port", CLUSTERIP, vec![datagram("centos", "10.1.5.4:53", 41303)]),
        ping("15a-ping-clusterip-pod", "centos", "10.1.2.120", 1501),
        ping("15b-ping-clusterip-node", "node01", "10.1.2.120", 1502),
        case(
            "16a-ttl1",
            CLUSTERIP,
            vec![Probe { ttl: Some(1), ..echo("centos", "10.1.6.5", 1601) }],
        ),
        case(
            "16b-ttl2",
            CLUSTERIP,
            vec![Probe { ttl: Some(2), ..echo("centos", "10.1.6.5", 1602) }],
        ),
        case(
            "16c-ttl1-same-node",
            CLUSTERIP,
            vec![Probe { ttl: Some(1), ..echo("centos", "10.1.5.4", 1603) }],
        ),
        Case {
            rules: Some(|t| pinned(t, "10.1.6.5")),
            then: vec![Then::Inject("centos", syn)],
            ..case("20-nat-full-checksum", CLUSTERIP, Vec::new())
        },
    ]
}

fn failures() -> Vec<Case> {
    let patient = |p: Probe| Probe {
        timeout: Some(Duration::secs(4)),
        settle: Some(Duration::millis(340)),
        ..p
    };
    let gone: fn(&str) -> String = |t| {
        pinned(t, "10.1.5.4")
            .replace("--to-destination 10.1.5.4:80", "--to-destination 10.1.5.99:80")
    };
    let midway = |name, sport, lines: Vec<&'static str>| {
        let probe = Probe { pause: Duration::millis(40), ..probe("centos", CIP, sport) };
        Case { then: vec![Then::Send(Box::new(probe), lines)], ..case(name, CLUSTERIP, Vec::new()) }
    };
    let pinned_54: Option<fn(&str) -> String> = Some(|t| pinned(t, "10.1.5.4"));
    vec![
        no_endpoints("08a-noep-node", "node01", "10.1.0.125:8000", 40801),
        no_endpoints("08b-noep-pod", "centos", "10.1.0.125:8000", 40802),
        // As in later versions, FORWARD jumps to KUBE-SERVICES, too.
        Case {
            rules: Some(forward_asks_services),
            ..no_endpoints("08c-noep-pod-fwd", "centos", "10.1.0.125:8000", 40803)
        },
        no_endpoints("08d-noep-external-nodeport", "bastion", NODE_PORT, 40804),
        no_endpoints("08e-noep-pod-nodeport", "centos", NODE_PORT, 40805),
        Case {
            before: vec![("node01", "ip neigh del 10.1.6.0 dev flannel.1")],
            ..case(
                "19a-flannel-no-neigh",
                CLUSTERIP,
                vec![Probe {
                    timeout: Some(Duration::millis(3500)),
                    settle: Some(Duration::millis(300)),
                    ..echo("10.1.5.4", "10.1.6.5", 1901)
                }],
            )
        },
        Case {
            before: vec![(
                "node01",
                "bridge fdb del 36:dc:08:bc:b6:23 dev flannel.1 dst 192.168.120.227",
            )],
            ..ping("19b-flannel-no-fdb", "10.1.5.4", "10.1.6.5", 1902)
        },
        Case {
            before: vec![("node01", "ip route del 10.1.6.0/24")],
            ..ping("19c-flannel-no-route", "10.1.5.4", "10.1.6.5", 1903)
        },
        tcp("21-nodeport-closed", NODEPORT, "bastion", "192.168.120.226:30081", 42101),
        Case {
            rules: Some(|t| {
                t.replace("--to-destination 10.1.6.5:80", "--to-destination 10.1.6.5:81")
            }),
            ..service(
                "22a-endpoint-refuses-nodeport",
                NODEPORT,
                "bastion",
                NODE_PORT,
                42201,
                "10.1.6.5",
            )
        },
        Case {
            rules: Some(|t| {
                t.replace("--to-destination 10.1.5.4:80", "--to-destination 10.1.5.4:81")
            }),
            ..service("22b-endpoint-refuses-clusterip", CLUSTERIP, "centos", CIP, 42202, "10.1.5.4")
        },
        Case {
            rules: Some(gone),
            ..case(
                "23a-endpoint-gone-nodeport",
                NODEPORT,
                vec![patient(probe("bastion", NODE_PORT, 42301))],
            )
        },
        Case {
            rules: Some(gone),
            ..case(
                "23b-endpoint-gone-clusterip",
                CLUSTERIP,
                vec![patient(probe("centos", CIP, 42302))],
            )
        },
        Case {
            rules: pinned_54,
            ..midway("24a-rules-change-midway", 42401, vec!["iptables-restore 10.1.5.5"])
        },
        Case {
            rules: pinned_54,
            ..midway("24b-conntrack-flush-same-endpoint", 42402, vec!["conntrack -F"])
        },
        Case {
            rules: pinned_54,
            // No packet was sent to 10.1.5.5 yet.
            before: vec![
                ("node01", "ip neigh del 10.1.5.5 dev cni0"),
                ("node01", "ip neigh add 10.1.5.5 lladdr 0a:58:0a:01:05:05 dev cni0 nud reachable"),
            ],
            ..midway(
                "24c-conntrack-flush-other-endpoint",
                42403,
                vec!["iptables-restore 10.1.5.5", "conntrack -F"],
            )
        },
        Case {
            rules: Some(without_mark),
            ..service("25a-nodeport-nomark-n54", NODEPORT, "bastion", NODE_PORT, 42501, "10.1.5.4")
        },
        Case {
            rules: Some(without_mark),
            ..service("25b-nodeport-nomark-n65", NODEPORT, "bastion", NODE_PORT, 42502, "10.1.6.5")
        },
        Case {
            rules: Some(without_masquerade),
            ..service("25c-nodeport-nomasq-n65", NODEPORT, "bastion", NODE_PORT, 42503, "10.1.6.5")
        },
        Case {
            rules: Some(mark_cleared),
            ..service(
                "26-nodeport-n65-mark-cleared",
                NODEPORT,
                "bastion",
                NODE_PORT,
                42601,
                "10.1.6.5",
            )
        },
        Case {
            rules: Some(random_fully),
            ..service(
                "27-nodeport-n65-random-fully",
                NODEPORT,
                "bastion",
                NODE_PORT,
                42701,
                "10.1.6.5",
            )
        },
        Case {
            rules: Some(without_masquerade),
            before: vec![("node02", "sysctl -w net.ipv4.conf.all.rp_filter=0")],
            ..service(
                "29-nodeport-nomasq-n65-rp0",
                NODEPORT,
                "bastion",
                NODE_PORT,
                42901,
                "10.1.6.5",
            )
        },
    ]
}

/// The ports that are not random.
pub(crate) fn known_ports(case: &Case) -> Vec<u16> {
    let sports =
        case.then.iter().filter_map(|t| if let Then::Send(p, _) = t { p.sport } else { None });
    [53, 80, 81, 443, 6443, 8000, 8472, 30080, 30081, 42001].into_iter().chain(sports).collect()
}

const NO_BRIDGE_NF: Option<(&str, &str)> = Some((
    "vtepMAC: \"ba:12:6c:5e:8f:01\"",
    "vtepMAC: \"ba:12:6c:5e:8f:01\"\n    sysctl: {net.bridge.bridge-nf-call-iptables: 0}",
));

/// Replaces `iptables-restore ENDPOINT` by one with the rules of node01, in which every random rule
/// chooses the endpoint.
pub(crate) fn fill_in_rules(session: &Session, line: &str) -> String {
    let Some(endpoint) = line.strip_prefix("iptables-restore ") else { return line.to_owned() };
    let ns = session.world().state().ns_named("node01").expect("node").1;
    let text = net::netfilter::save(&ns.rules, "a test", "a day", &|_, _| (0, 0));
    format!("iptables-restore <<< '{}'", pinned(&text, endpoint))
}

/// Sets the probabilities of the Service's endpoints to 0 and 1, as the recordings did.
fn pinned(text: &str, endpoint: &str) -> String {
    let target = format!("--to-destination {endpoint}:");
    let chain = text
        .lines()
        .find(|l| l.contains(&target))
        .and_then(|l| l.split(' ').nth(1))
        .expect("an endpoint's chain")
        .to_owned();
    let pin = |line: &str| match line.split_once("--probability ") {
        Some((head, tail)) if line.starts_with("-A KUBE-SVC-GKN7") => {
            let rest = tail.split_once(' ').map_or("", |(_, r)| r);
            format!(
                "{head}--probability {} {rest}\n",
                if line.ends_with(&chain) { "1.0" } else { "0.0" }
            )
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(pin).collect()
}

fn forward_asks_services(text: &str) -> String {
    const FIRST: &str =
        "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD";
    const NEW: &str = "-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES";
    text.replace(FIRST, &format!("{FIRST}\n{NEW}"))
}

fn kept(text: &str, keep: impl Fn(&str) -> bool) -> String {
    text.lines().filter(|l| keep(l)).map(|l| format!("{l}\n")).collect()
}

/// Removes the jump to KUBE-MARK-MASQ from KUBE-NODEPORTS.
fn without_mark(text: &str) -> String {
    kept(text, |l| !(l.starts_with("-A KUBE-NODEPORTS") && l.contains("KUBE-MARK-MASQ")))
}

/// Also removes flannel's rules for traffic from outside.
fn without_masquerade(text: &str) -> String {
    kept(&without_mark(text), |l| {
        !(l.starts_with("-A POSTROUTING") && l.contains("! -s 10.1.4.0/22"))
    })
}

/// Removes the rules of kube-proxy and accepts in FORWARD: only docker's rules remain.
fn bare(text: &str) -> String {
    let kube = |l: &str| l.contains("KUBE-") || l.contains("10.1.4.0/22");
    kept(text, |l| !kube(l)).replace(":FORWARD DROP", ":FORWARD ACCEPT")
}

const MASQUERADE: &str = "-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -m mark --mark 0x4000/0x4000 -j MASQUERADE";

/// Replaces KUBE-POSTROUTING by that of later versions, which clears the mark first.
fn mark_cleared(text: &str) -> String {
    const LATER: &str = "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully";
    assert!(text.contains(MASQUERADE), "{text}");
    text.replace(MASQUERADE, LATER)
}

fn random_fully(text: &str) -> String {
    assert!(text.contains(MASQUERADE), "{text}");
    text.replace(MASQUERADE, &format!("{MASQUERADE} --random-fully"))
}

fn named<'a>(spec: &'a mut Spec, name: &str) -> &'a mut NetnsSpec {
    spec.netns.iter_mut().find(|n| n.name == name).expect("a namespace of that name")
}

/// Adds the address outside the cluster that the recordings have on the gateway, with a server.
pub(crate) fn gateway_has_an_outside(spec: &mut Spec) {
    let page = named_service(spec);
    let gateway = named(spec, "gateway");
    gateway.devices[0].addrs.push(format!("{OUTSIDE}/32").parse().expect("address"));
    gateway.services.push(page.clone());
    // In the recordings an nginx stands in for the API server.
    let master = named(spec, "master01");
    for s in &mut master.services {
        s.app = page.app.clone();
    }
}

/// The nginx of a pod.
fn named_service(spec: &Spec) -> net::socket::Listener {
    let pod = spec.netns.iter().find(|n| n.services.iter().any(|s| s.port == 80)).expect("nginx");
    pod.services.iter().find(|s| s.port == 80).expect("nginx").clone()
}

/// Sets node01's neighbour entry of 10.1.5.4 to STALE.
fn pod_is_stale(spec: &mut Spec) {
    let lladdr = "0a:58:0a:01:05:04".parse().expect("MAC");
    let stale = NeighbourSpec {
        dev: "cni0".to_owned(),
        addr: [10, 1, 5, 4].into(),
        lladdr,
        state: NudState::Stale,
    };
    named(spec, "node01").neighbours.push(stale);
}

/// Sets the MTU of both ends of the pods' veth pairs to 1500.
fn mtu_1500(spec: &mut Spec, pods: &[&str]) {
    let mut ends = Vec::new();
    for ns in &spec.netns {
        for d in &ns.devices {
            let mine = pods
                .iter()
                .any(|p| ns.name.contains(p) || d.addrs.iter().any(|a| a.addr().to_string() == *p));
            if let (true, net::spec::DeviceKindSpec::Cable { peer_netns, peer, .. }) =
                (mine && d.name == "eth0", &d.kind)
            {
                ends.push((ns.name.clone(), d.name.clone()));
                ends.push((peer_netns.clone(), peer.clone()));
            }
        }
    }
    assert_eq!(ends.len(), 2 * pods.len());
    for (ns, dev) in ends {
        named(spec, &ns).devices.iter_mut().find(|d| d.name == dev).expect("device").mtu = 1500;
    }
}

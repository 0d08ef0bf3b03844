//! Names: what a pod asks cluster DNS for, in which order, what it gets, and how long it waits.

use net::dns::Message;
use net::event::EventKind;
use net::socket::Outcome;
use net::wire::{Body, UdpPayload};
use play::{Ending, Probe, Protocol, Run, Session, Start, shell};
use std::net::IpAddr;

const CLUSTER: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: 'nginx:1.7.9', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: example.com}
";

fn session() -> Session {
    Session::new(CLUSTER, 7, true).unwrap_or_else(|d| panic!("{}", d[0]))
}

fn send(s: &mut Session, to: &str) -> Run {
    s.send(&Probe::new("deploy/web", to)).unwrap_or_else(|e| panic!("{to}: {e}"))
}

/// The queries that the client's host sent: name and type.
fn queries(s: &Session, run: &Run) -> Vec<String> {
    let events = &s.events()[run.events.clone()];
    let made = events.iter().filter(|e| e.netns == Some(run.from));
    let sent = made.filter_map(|e| match &e.kind {
        EventKind::PacketMade { packet } => match &packet.body {
            Body::Udp(udp) if udp.dport == 53 => match &udp.payload {
                UdpPayload::Data(data) => Some(Message::parse(data).expect("a DNS message")),
                UdpPayload::Vxlan(_) => None,
            },
            _ => None,
        },
        _ => None,
    });
    let asks = |m: Message| format!("{} {}", m.questions[0].name, m.questions[0].kind);
    sent.map(asks).collect()
}

/// Both queries about each of these names.
fn both(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|n| [format!("{n}. A"), format!("{n}. AAAA")]).collect()
}

/// How long a run took until its client was done, in seconds.
fn took(s: &Session, run: &Run) -> u64 {
    let events = &s.events()[run.events.clone()];
    let ended = events.iter().rfind(|e| matches!(e.kind, EventKind::Ended { .. }));
    (ended.expect("it ended").at - events[0].at).0 / 1_000_000_000
}

fn service_ip(s: &Session, name: &str) -> IpAddr {
    let service = s.running().services.iter().find(|x| x.name == name);
    service.and_then(|x| x.cluster_ip).expect("a cluster IP").into()
}

#[test]
fn the_search_list_decides_which_names_are_asked_for() {
    let below = |name: &str| {
        ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]
            .map(|domain| format!("{name}.{domain}"))
    };
    let [short, ..] = below("web");
    let [_, spaced, _] = below("web.default");
    let full = "web.default.svc.cluster.local";
    let searched = below(full);
    let mut all: Vec<&str> = searched.iter().map(String::as_str).collect();
    all.push(full);
    let in_default = below("web.default");
    let cases: [(&str, Vec<&str>); 5] = [
        ("http://web", vec![&short]),
        ("web:80", vec![&short]),
        ("http://web.default/", vec![&in_default[0], &spaced]),
        // Four dots are fewer than ndots:5.
        ("http://web.default.svc.cluster.local", all),
        ("http://web.default.svc.cluster.local.:80/", vec![full]),
    ];
    for (to, names) in cases {
        let mut s = session();
        let run = send(&mut s, to);
        assert_eq!(queries(&s, &run), both(&names), "{to}");
        assert_eq!(run.verdict.ending, Ending::Answered, "{to}");
        assert_eq!(run.to, Some((service_ip(&s, "web"), 80)), "{to}");
    }
}

#[test]
fn queries_pass_the_rules_of_the_dns_service() {
    let mut s = session();
    let run = send(&mut s, "http://web");
    let dns = service_ip(&s, "kube-dns");
    let servers: Vec<IpAddr> = s
        .running()
        .pods
        .iter()
        .filter(|p| p.namespace == "kube-system")
        .map(|p| p.ip.into())
        .collect();
    let translated = s.events()[run.events].iter().filter(|e| match &e.kind {
        EventKind::Translated { before, after, source: false, .. } => {
            before.addr == dns && before.port == 53 && servers.contains(&after.addr)
        }
        _ => false,
    });
    assert_eq!(translated.count(), 2, "A and AAAA, by one connection");
}

#[test]
fn a_headless_service_leads_to_a_pod_and_an_alias_to_its_service() {
    let mut s = session();
    let run = send(&mut s, "http://peers");
    let found = s.events()[run.events.clone()].iter().find_map(|e| match &e.kind {
        EventKind::Resolved { addrs, .. } => Some(addrs.clone()),
        _ => None,
    });
    let mut found = found.expect("found");
    let pods: Vec<IpAddr> =
        s.running().pods.iter().filter(|p| p.owner.name == "web").map(|p| p.ip.into()).collect();
    assert_eq!(run.to, Some((found[0], 80)));
    // The client's own address is in its own subnet, and does not differ from itself.
    found.sort();
    assert_eq!(found, pods);
    assert_eq!(run.verdict.ending, Ending::Answered);
    let run = send(&mut s, "http://alias.shop:80");
    assert_eq!(run.to, Some((service_ip(&s, "web"), 80)));
    assert_eq!(run.verdict.ending, Ending::Answered);
    let dashed = pods[1].to_string().replace('.', "-");
    let run = send(&mut s, &format!("http://{dashed}.default.pod.cluster.local."));
    assert_eq!(run.to, Some((pods[1], 80)));
}

/// The text and exit status of a command of the client.
fn run(s: &mut Session, line: &str) -> (String, i32) {
    let out = shell::exec(s, "deploy/web", line);
    (out.text, out.status)
}

#[test]
fn tools_print_what_dns_says() {
    let mut s = session();
    let web = service_ip(&s, "web");
    let full = "web.default.svc.cluster.local";
    let head = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n";
    for (line, text, status) in [
        ("nslookup web", format!("{head}Name:\t{full}\nAddress: {web}\n\n"), 0),
        (
            "nslookup no.default.svc.cluster.local.",
            format!("{head}** server can't find no.default.svc.cluster.local: NXDOMAIN\n\n"),
            1,
        ),
        ("dig +short web.default.svc.cluster.local", format!("{web}\n"), 0),
        ("dig +short +search web", format!("{web}\n"), 0),
        ("dig +short web", String::new(), 0),
        ("dig +short -x 10.96.0.10", "kube-dns.kube-system.svc.cluster.local.\n".to_owned(), 0),
        ("dig +short outside.shop.svc.cluster.local", "example.com.\n".to_owned(), 0),
        ("host web", format!("{full} has address {web}\n"), 0),
        (
            "host alias.shop",
            format!(
                "alias.shop.svc.cluster.local is an alias for {full}.\n{full} has address {web}\n"
            ),
            0,
        ),
        ("host example.com.", "Host example.com not found: 2(SERVFAIL)\n".to_owned(), 1),
        ("getent hosts web", format!("{:<15} {full}\n", web.to_string()), 0),
        ("getent hosts localhost", "127.0.0.1       localhost\n".to_owned(), 0),
        ("getent hosts nosuch", String::new(), 2),
        (
            "curl http://outside.shop",
            "curl: (6) Could not resolve host: outside.shop\n".to_owned(),
            6,
        ),
        (
            "ping -c 1 no.such",
            "ping: no.such: Temporary failure in name resolution\n".to_owned(),
            2,
        ),
        (
            "ping no.default.svc.cluster.local.",
            "ping: no.default.svc.cluster.local.: Name or service not known\n".to_owned(),
            2,
        ),
    ] {
        assert_eq!(run(&mut s, line), (text, status), "{line}");
    }
    let (text, _) = run(&mut s, "dig _none._tcp.web.default.svc.cluster.local SRV");
    assert!(text.contains("status: NXDOMAIN") && text.contains("SOA\tns.dns.cluster.local."));
}

/// A session whose nodes drop DNS queries.
fn deaf() -> Session {
    let mut s = session();
    for node in ["control-plane", "worker-1", "worker-2"] {
        let rules = "*raw\n-A PREROUTING -p udp -m udp --dport 53 -j DROP\nCOMMIT";
        let line = format!("iptables-restore --noflush <<< '{rules}'");
        let out = shell::exec(&mut s, node, &line);
        assert_eq!(out.status, 0, "{}", out.text);
    }
    s
}

#[test]
fn silence_lasts_two_attempts_of_five_seconds_for_each_name() {
    let mut s = deaf();
    let run = send(&mut s, "http://web");
    let names = ["web.default.svc.cluster.local", "web"];
    let twice = names.map(|n| [n, n]).concat();
    assert_eq!(queries(&s, &run), both(&twice));
    assert_eq!((took(&s, &run), run.to), (20, None));
    let Some(Outcome::Unresolved(why)) = &run.verdict.outcome else { panic!("{:?}", run.verdict) };
    assert!(why.temporary);
    assert!(run.verdict.cause.deciding().is_some(), "the verdict says where the query was lost");
}

#[test]
fn a_refused_query_ends_the_lookup() {
    let crashed = |spec: &mut net::Spec| {
        let servers = spec.netns.iter_mut().filter(|n| n.name.starts_with("kube-system/"));
        servers.for_each(|n| n.services.clear());
    };
    let mut s = Session::edited(CLUSTER, 7, Start::Used, crashed).expect("valid");
    let run = send(&mut s, "http://web");
    assert_eq!(queries(&s, &run).len(), 4, "two attempts for one name");
    assert_eq!(took(&s, &run), 0);
    let (text, status) = self::run(&mut s, "curl http://web");
    assert_eq!((text.as_str(), status), ("curl: (6) Could not resolve host: web\n", 6));
}

#[test]
fn dns_follows_the_cluster() {
    let mut s = session();
    let count =
        |s: &mut Session| run(s, "dig +short peers.default.svc.cluster.local").0.lines().count();
    assert_eq!(count(&mut s), 2);
    let out = shell::exec(&mut s, "control-plane", "kubectl scale deployment web --replicas=5");
    assert_eq!(out.status, 0, "{}", out.text);
    assert_eq!(count(&mut s), 5);
    let out = shell::exec(&mut s, "control-plane", "kubectl delete svc peers");
    assert_eq!(out.status, 0, "{}", out.text);
    assert_eq!(count(&mut s), 0);
}

#[test]
fn machines_know_machines_and_no_cluster_dns() {
    let mut s = session();
    let refused = |s: &mut Session, from: &str, to: &str| {
        s.send(&Probe::new(from, to)).map(|_| ()).map_err(|e| (e.message(), e.hint()))
    };
    let why = refused(&mut s, "worker-1", "http://web").expect_err("no DNS");
    assert_eq!(why.0, "Could not resolve host: web");
    assert_eq!(why.1, "worker-1 does not use cluster DNS: write svc/default/web");
    let ping = Probe { proto: Protocol::Icmp, ..Probe::new("client", "worker-1") };
    assert_eq!(s.send(&ping).expect("sent").verdict.ending, Ending::Answered);
    let out = shell::exec(&mut s, "client", "getent hosts worker-1");
    assert_eq!(out.text, "192.168.1.11    worker-1\n");
    // A pod's /etc/hosts has no machines.
    let out = run(&mut s, "curl http://worker-1:30080");
    assert_eq!(out.0, "curl: (6) Could not resolve host: worker-1\n");
    assert_eq!(refused(&mut s, "worker-1", "svc/web"), Ok(()));
}

#[test]
fn a_lookup_is_undone_and_played_again_like_everything_else() {
    let mut s = session();
    send(&mut s, "http://web.default");
    let (mut state, initial) = (s.last().clone(), s.initial().clone());
    for change in s.events().iter().rev().flat_map(|e| e.changes.iter().rev()) {
        state.undo(change);
    }
    assert!(state == initial);
    let mut again = s.rewound();
    send(&mut again, "http://web.default");
    assert_eq!(net::encoding::hash(s.events()), net::encoding::hash(again.events()));
    for i in 0..s.events().len() {
        let name = s.name(i).expect("a name");
        assert_eq!(s.find(&name), Some(i), "{name:?}");
    }
}

#[test]
fn a_pod_of_a_stateful_set_has_a_name_once_it_is_ready() {
    let document = |publish: bool| {
        format!(
            "
apiVersion: v1
kind: Service
metadata: {{name: peers}}
spec: {{clusterIP: None, publishNotReadyAddresses: {publish}, selector: {{app: db}}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  serviceName: peers
  replicas: 2
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec:
      containers:
      - name: c
        image: nginx
        ports: [{{containerPort: 80}}]
        readinessProbe: {{tcpSocket: {{port: PORT}}}}
"
        )
    };
    for (publish, port, found) in [(false, 80, true), (false, 81, false), (true, 81, true)] {
        let text = document(publish).replace("PORT", &port.to_string());
        let mut s = Session::new(&text, 7, true).unwrap_or_else(|d| panic!("{}", d[0]));
        let Some(first) = s.running().pods.iter().find(|p| p.name == "db-0").cloned() else {
            panic!("no db-0")
        };
        let out = shell::exec(&mut s, "pod/db-0", "getent hosts db-0.peers");
        // The pod's own name is in its /etc/hosts under the whole name only.
        let full = "db-0.peers.default.svc.cluster.local";
        let line = format!("{:<15} {full}\n", first.ip.to_string());
        assert_eq!(out.text, if found { line } else { String::new() }, "{publish} {port}");
    }
}

#[test]
fn the_dns_policy_decides_whom_a_pod_asks() {
    let pod = |name: &str, more: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  \
             containers: [{{name: c, image: busybox}}]\n{more}"
        )
    };
    let document = [
        CLUSTER,
        &pod("usual", ""),
        &pod("node", "  hostNetwork: true\n"),
        &pod("both", "  hostNetwork: true\n  dnsPolicy: ClusterFirstWithHostNet\n"),
        &pod("default", "  dnsPolicy: Default\n"),
        &pod(
            "own",
            "  dnsPolicy: None\n  dnsConfig:\n    nameservers: [10.96.0.10]\n    \
             searches: [svc.cluster.local]\n    options: [{name: ndots, value: \"2\"}]\n  \
             hostAliases: [{ip: 10.9.9.9, hostnames: [old.example.com]}]\n",
        ),
    ]
    .concat();
    let mut s = Session::new(&document, 7, true).unwrap_or_else(|d| panic!("{}", d[0]));
    let cluster = "search default.svc.cluster.local svc.cluster.local cluster.local\n\
                   nameserver 10.96.0.10\noptions ndots:5\n";
    let own = "search svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:2\n";
    let cases =
        [("usual", cluster), ("node", ""), ("both", cluster), ("default", ""), ("own", own)];
    for (name, file) in cases {
        let from = format!("pod/{name}");
        assert_eq!(shell::exec(&mut s, &from, "cat /etc/resolv.conf").text, file, "{name}");
        let to = if name == "own" { "http://web.default" } else { "http://web" };
        let sent = s.send(&Probe::new(&from, to));
        assert_eq!(sent.is_ok(), !file.is_empty(), "{name}: {sent:?}");
        assert!(
            sent.is_err()
                || s.results()
                    .last()
                    .and_then(|r| r.run())
                    .is_some_and(|r| { r.verdict.ending == Ending::Answered }),
            "{name}"
        );
    }
    let hosts = shell::exec(&mut s, "pod/own", "cat /etc/hosts").text;
    assert!(hosts.ends_with("10.9.9.9\told.example.com\n"), "{hosts}");
}

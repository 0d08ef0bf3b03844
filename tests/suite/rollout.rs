//! A running cluster that changes: `kubectl apply`, `scale`, `delete`. Whatever is done, every node
//! ends with the state that its components would write for the final cluster, and every event can
//! be undone.

use kube::Cluster;
use net::event::EventKind;
use net::neigh::NudState;
use net::rng::Rng;
use net::state::FdbEntry;
use play::presets::Preset;
use play::{Anchor, Ending, Probe, Protocol, Run, Session, Step, shell};
use std::collections::BTreeSet;

fn session(version: &str, more: &str) -> Session {
    let document = Preset::named("article-nodeport").expect("preset").document();
    let document = document.replace("version: \"1.10\"", &format!("version: \"{version}\"")) + more;
    Session::new(&document, 1, true).unwrap_or_else(|d| panic!("{}", d[0]))
}

fn run(s: &mut Session, line: &str) -> String {
    let out = shell::exec(s, "node01", line);
    assert_eq!(out.status, 0, "{line}: {}", out.text);
    out.text
}

/// Sends a probe, and runs commands on node01 a number of milliseconds after.
fn send_while(s: &mut Session, probe: Probe, during: Vec<(u64, String)>) -> Run {
    let n = 1 + s.steps().iter().filter(|s| s.sends()).count() as u32;
    let mut steps = vec![Step::send(probe)];
    steps.extend(during.into_iter().map(|(ms, line)| {
        let anchor = Anchor::After { probe: n, after: net::Duration::millis(ms) };
        Step { anchor, ..Step::run("node01", &line) }
    }));
    s.play(&steps)[0].run().expect("sent").clone()
}

/// The differences between the nodes and the state that would be written for the cluster now.
fn strays(s: &Session) -> Vec<String> {
    let spec = kube::plan::spec(&s.running().clone().into());
    let state = s.last();
    let mut out = Vec::new();
    let there: BTreeSet<&str> = state.netns.iter().filter(|n| !n.gone).map(|n| &*n.name).collect();
    let wanted: BTreeSet<&str> = spec.netns.iter().map(|n| n.name.as_str()).collect();
    if there != wanted {
        out.push(format!("namespaces {there:?}, expected {wanted:?}"));
    }
    for n in &spec.netns {
        let Some((_, ns)) = state.ns_named(&n.name) else { continue };
        let name = &n.name;
        if *ns.services != n.services {
            out.push(format!("{name}: what listens differs"));
        }
        if ns.rules != n.rules {
            let plain = |ns: &net::state::Netns| net::dump::iptables_save(ns, "", "");
            let mut other = ns.clone();
            other.counters = Default::default();
            other.rules = n.rules.clone();
            let (is, want) = (plain(ns), plain(&other));
            let only = |a: &str, b: &str| {
                a.lines()
                    .filter(|l| l.starts_with("-A") && !b.contains(*l))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            return vec![format!(
                "{name}: rules\n{:.1500}\nexpected\n{:.1500}",
                only(&is, &want),
                only(&want, &is)
            )];
        }
        let devices: BTreeSet<_> = ns
            .devices
            .iter()
            .filter(|d| !d.gone)
            .map(|d| (d.name.to_string(), d.mac, d.mtu))
            .collect();
        let want: BTreeSet<_> = n.devices.iter().map(|d| (d.name.clone(), d.mac, d.mtu)).collect();
        if devices != want {
            out.push(format!("{name}: devices {devices:?}, expected {want:?}"));
        }
        let routes: BTreeSet<_> =
            ns.routes.iter().map(|r| (r.dst, r.via, ns.dev(r.dev).name.to_string())).collect();
        let want: BTreeSet<_> = n.routes.iter().map(|r| (r.dst, r.via, r.dev.clone())).collect();
        if routes != want {
            out.push(format!("{name}: routes {routes:?}, expected {want:?}"));
        }
        let permanent = ns.neighbours.iter().filter(|(_, x)| x.state == NudState::Permanent);
        let peers: BTreeSet<_> =
            permanent.map(|((d, a), x)| (ns.dev(*d).name.to_string(), *a, x.lladdr)).collect();
        let want: BTreeSet<_> =
            n.neighbours.iter().map(|x| (x.dev.clone(), x.addr, Some(x.lladdr))).collect();
        if peers != want {
            out.push(format!("{name}: neighbours {peers:?}, expected {want:?}"));
        }
        let remote = |((d, mac), e): (&(net::DevId, net::wire::Mac), &FdbEntry)| match e {
            FdbEntry::Remote(vtep) => Some((ns.dev(*d).name.to_string(), *mac, *vtep)),
            _ => None,
        };
        let fdb: BTreeSet<_> = ns.fdb.iter().filter_map(remote).collect();
        let missing: Vec<_> = n.fdb.iter().filter(|e| !fdb.contains(*e)).collect();
        if !missing.is_empty() {
            out.push(format!("{name}: missing FDB entries {missing:?}"));
        }
    }
    out
}

fn undone(s: &Session) {
    let mut state = s.last().clone();
    for change in s.events().iter().rev().flat_map(|e| e.changes.iter().rev()) {
        state.undo(change);
    }
    assert!(state == *s.initial(), "undoing every event does not give the initial state");
}

fn names(c: &Cluster) -> Vec<(String, String)> {
    c.pods.iter().map(|p| (p.name.clone(), p.ip.to_string())).collect()
}

#[test]
fn remaining_pods_keep_their_name_and_address() {
    let mut s = session("1.10", "");
    let before = names(s.running());
    run(&mut s, "kubectl scale deployment nginx-deployment --replicas=6");
    let after = names(s.running());
    assert!(before.iter().all(|p| after.contains(p)), "{before:?} {after:?}");
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(strays(&s), Vec::<String>::new());
    run(&mut s, "kubectl scale deployment nginx-deployment --replicas 2");
    assert_eq!(strays(&s), Vec::<String>::new());
    let gone = after.iter().find(|p| !names(s.running()).contains(p)).expect("a removed pod");
    let refused = shell::exec(&mut s, "node01", &format!("kubectl delete pod {}", gone.0));
    assert_eq!(
        refused.text,
        format!("Error from server (NotFound): pods {:?} not found\n", gone.0)
    );
    undone(&s);
}

#[test]
fn a_service_is_applied_and_deleted_and_its_node_port_answers_in_between() {
    for version in ["1.10", "1.22", "1.28", "1.36"] {
        let mut s = session(version, "");
        let text = "{apiVersion: v1, kind: Service, metadata: {name: second}, spec: {type: NodePort, selector: {app: nginx}, ports: [{port: 8080, targetPort: 80, nodePort: 30081}]}}";
        let probe = Probe::new("bastion", "192.168.120.226:30081");
        assert_ne!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered);
        assert_eq!(
            run(&mut s, &format!("kubectl apply -f - <<< '{text}'")),
            "service/second created\n"
        );
        assert_eq!(
            run(&mut s, &format!("kubectl apply -f - <<< '{text}'")),
            "service/second unchanged\n"
        );
        assert_eq!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered, "{version}");
        assert_eq!(strays(&s), Vec::<String>::new(), "{version}");
        assert_eq!(run(&mut s, "kubectl delete svc second"), "service \"second\" deleted\n");
        assert_ne!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered, "{version}");
        assert_eq!(strays(&s), Vec::<String>::new(), "{version}");
        undone(&s);
    }
}

#[test]
fn packets_before_a_sync_traverse_the_old_rules() {
    let mut s = session("1.28", "");
    // Without kube-proxy there is no sync: the Service is deleted, and its rules remain.
    run(&mut s, "systemctl stop kube-proxy");
    run(&mut s, "kubectl delete svc nginx-service");
    let probe = Probe::new("bastion", "192.168.120.226:30080");
    assert_eq!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered);
    run(&mut s, "systemctl start kube-proxy");
    assert_ne!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered);
    assert_eq!(strays(&s), Vec::<String>::new());
}

#[test]
fn a_partial_sync_keeps_the_counters_of_other_services() {
    for (version, kept) in [("1.10", false), ("1.26", false), ("1.27", true), ("1.36", true)] {
        let mut s = session(version, "");
        s.send(&Probe::new("bastion", "192.168.120.226:30080")).expect("sent");
        let service =
            s.running().services.iter().find(|x| x.name == "nginx-service").expect("it").clone();
        let chain =
            kube::plan::chain_of(s.running(), &service, &service.ports[0]).expect("a chain");
        let count = |s: &Session| {
            let ns = s.last().ns_named("node01").expect("node01").1;
            let t = ns.rules.table(net::netfilter::TableName::Nat);
            let (id, c) = t.chain(&chain).expect("the chain");
            (0..c.rules.len() as u32)
                .map(|i| ns.counter(net::netfilter::TableName::Nat, t.rule_counter(id, i)).0)
                .sum::<u64>()
        };
        assert!(count(&s) > 0, "{version}");
        let text = "{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: nginx}, ports: [{port: 81, targetPort: 80}]}}";
        run(&mut s, &format!("kubectl apply -f - <<< '{text}'"));
        assert_eq!(count(&s) > 0, kept, "{version}");
        assert_eq!(strays(&s), Vec::<String>::new(), "{version}");
    }
}

#[test]
fn a_node_with_a_new_mac_leaves_a_stale_fdb_entry() {
    let mut s = session("1.10", "");
    let old = s.running().nodes[2].vtep_mac;
    let document = s.document().to_owned();
    let at = document.find("kind: Topology").expect("a topology");
    let start = document[..at].rfind("---").map_or(0, |i| i + 4);
    let topology = document[start..].replace(&old.to_string(), "02:00:00:00:00:99");
    run(&mut s, &format!("kubectl apply -f - <<< '{topology}'"));
    assert_eq!(strays(&s), Vec::<String>::new());
    let fdb = shell::exec(&mut s, "node01", "bridge fdb show dev flannel.1").text;
    assert!(fdb.contains(&old.to_string()) && fdb.contains("02:00:00:00:00:99"), "{fdb}");
    let neigh = shell::exec(&mut s, "node01", "ip neigh").text;
    assert!(!neigh.contains(&old.to_string()), "{neigh}");
    let probe = Probe {
        endpoint: play::probe::parse_endpoint("10.1.6.5:80"),
        ..Probe::new("bastion", "192.168.120.226:30080")
    };
    assert_eq!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered);
    undone(&s);
}

#[test]
fn the_pods_of_a_deleted_node_are_recreated_on_others() {
    let mut s = session("1.28", "");
    assert_eq!(run(&mut s, "kubectl delete node node02"), "node \"node02\" deleted\n");
    assert_eq!(strays(&s), Vec::<String>::new());
    let fdb = shell::exec(&mut s, "node01", "bridge fdb show dev flannel.1").text;
    assert!(!fdb.contains("192.168.120.227"), "{fdb}");
    assert_eq!(
        s.send(&Probe::new("bastion", "192.168.120.226:30080")).expect("sent").verdict.ending,
        Ending::Answered
    );
    assert!(
        s.events().iter().any(
            |e| matches!(&e.kind, EventKind::NetnsDeleted { name, .. } if &**name == "node02")
        )
    );
    undone(&s);
}

const UDP: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec: {containers: [{name: echo, image: echo, ports: [{containerPort: 9000, protocol: UDP}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {type: NodePort, selector: {app: echo}, ports: [{port: 9000, protocol: UDP, nodePort: 30090}]}
";

/// Whether a client that keeps its source port is answered after its endpoint was deleted.
fn after_its_endpoint_went(version: &str, from: &str, to: &str) -> bool {
    let document = Preset::named("article-nodeport")
        .expect("preset")
        .document()
        .replace("\"1.10\"", &format!("{version:?}"));
    let mut s =
        Session::new(&(UDP.trim_start_matches("---\n").to_owned() + "---\n" + &document), 1, true)
            .unwrap_or_else(|d| panic!("{}", d[0]));
    let pod = s.running().pods.iter().find(|p| p.owner.name == "echo").expect("a pod").clone();
    let mut probe = Probe { proto: Protocol::Udp, sport: Some(5_353), ..Probe::new(from, to) };
    probe.endpoint = Some((pod.ip.into(), None));
    assert_eq!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered, "{version}");
    run(&mut s, &format!("kubectl delete pod {}", pod.name));
    assert_eq!(strays(&s), Vec::<String>::new());
    probe.endpoint = None;
    let ending = s.send(&probe).expect("sent").verdict.ending;
    undone(&s);
    ending == Ending::Answered
}

#[test]
fn each_release_deletes_udp_connections_to_removed_endpoints() {
    // By cluster IP always, except in releases that looked at the node port only; by node port from
    // 1.14 on.
    for (version, by_cluster_ip, by_node_port) in [
        ("1.10", true, false),
        ("1.13", true, false),
        ("1.14", false, true),
        ("1.19", false, true),
        ("1.20", true, true),
        ("1.31", true, true),
        ("1.36", true, true),
    ] {
        assert_eq!(
            after_its_endpoint_went(version, "node01", "svc/echo:9000"),
            by_cluster_ip,
            "{version} by cluster IP"
        );
        assert_eq!(
            after_its_endpoint_went(version, "bastion", "192.168.120.226:30090"),
            by_node_port,
            "{version} by node port"
        );
    }
}

#[test]
fn random_changes_end_in_the_right_state_and_can_be_undone() {
    for (version, seed) in
        [("1.10", 1), ("1.16", 2), ("1.22", 3), ("1.28", 4), ("1.36", 5), ("1.36", 6)]
    {
        let mut s = session(version, "");
        let mut rng = Rng::new(seed);
        let mut log = Vec::new();
        for i in 0..30 {
            let pods: Vec<String> = s
                .running()
                .pods
                .iter()
                .filter(|p| p.namespace == "default")
                .map(|p| p.name.clone())
                .collect();
            let line = match (rng.next_u64() as u32 >> 8) % 6 {
                0 => format!(
                    "kubectl scale deploy/nginx-deployment --replicas={}",
                    (rng.next_u64() as u32 >> 8) % 7
                ),
                1 if !pods.is_empty() => format!(
                    "kubectl delete pod {}",
                    pods[(rng.next_u64() >> 40) as usize % pods.len()]
                ),
                2 => format!("kubectl delete svc s{}", (rng.next_u64() as u32 >> 8) % 3),
                3 => format!(
                    "kubectl apply -f - <<< '{{apiVersion: v1, kind: Service, metadata: {{name: s{}}}, spec: {{type: {}, selector: {{app: nginx}}, ports: [{{port: {}, targetPort: 80}}]}}}}'",
                    (rng.next_u64() as u32 >> 8) % 3,
                    ["ClusterIP", "NodePort"][(rng.next_u64() >> 40) as usize % 2],
                    80 + (rng.next_u64() as u32 >> 8) % 2
                ),
                4 => format!(
                    "systemctl {} kube-proxy",
                    ["stop", "start", "restart"][(rng.next_u64() >> 40) as usize % 3]
                ),
                _ => {
                    let to =
                        if i % 2 == 0 { "192.168.120.226:30080" } else { "svc/nginx-service:80" };
                    _ = s.send(&Probe::new(["bastion", "node01"][i % 2], to));
                    continue;
                }
            };
            _ = shell::exec(&mut s, "node01", &line);
            log.push(line);
        }
        run(&mut s, "systemctl start kube-proxy");
        assert_eq!(strays(&s), Vec::<String>::new(), "{version}, seed {seed}:\n{}", log.join("\n"));
        undone(&s);
        let again = s.rewound();
        assert!(
            again.running().pods.len() == again.cluster().pods.len() && again.events().is_empty()
        );
    }
}

const EDGE: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge}
spec:
  replicas: 2
  selector: {matchLabels: {app: edge}}
  template:
    metadata: {labels: {app: edge}}
    spec:
      containers: [{name: nginx, image: \"nginx:1.7.9\", ports: [{containerPort: 80, hostPort: 8080}]}]
";

#[test]
fn a_host_port_leads_to_the_pod_of_its_node_while_there_is_one() {
    for version in ["1.10", "1.13", "1.14", "1.36"] {
        let mut s = session(version, EDGE);
        let nodes: BTreeSet<usize> =
            s.running().pods.iter().filter(|p| p.owner.name == "edge").map(|p| p.node).collect();
        assert_eq!(nodes.len(), 2, "pods with the same host port are on different nodes");
        let ask = |s: &mut Session, from: &str, to: &str| {
            s.send(&Probe::new(from, to)).expect("sent").verdict.ending
        };
        for (from, to) in [
            ("bastion", "192.168.120.226:8080"),
            ("node01", "127.0.0.1:8080"),
            ("bastion", "192.168.120.227:8080"),
        ] {
            assert_eq!(ask(&mut s, from, to), Ending::Answered, "{version}: {from} to {to}");
        }
        assert_ne!(
            ask(&mut s, "bastion", "192.168.120.225:8080"),
            Ending::Answered,
            "{version}: this node has no pod"
        );
        // A pod connects to itself by its host port: its packets return with the node's address.
        let pod = s
            .running()
            .pods
            .iter()
            .find(|p| p.owner.name == "edge" && p.node == 1)
            .expect("a pod")
            .netns();
        let itself = ask(&mut s, &format!("pod/{pod}"), "192.168.120.226:8080");
        assert_eq!(
            itself == Ending::Answered,
            !matches!(version, "1.10" | "1.13"),
            "{version}: marked from 0.7 on"
        );
        run(&mut s, "kubectl scale deploy edge --replicas=0");
        assert_ne!(
            ask(&mut s, "bastion", "192.168.120.226:8080"),
            Ending::Answered,
            "{version}: gone"
        );
        let saved = shell::exec(&mut s, "node01", "iptables-save").text;
        assert!(saved.contains(":CNI-HOSTPORT-DNAT") && !saved.contains("CNI-DN-"), "{saved}");
        run(&mut s, "kubectl scale deploy edge --replicas=2");
        assert_eq!(
            ask(&mut s, "bastion", "192.168.120.226:8080"),
            Ending::Answered,
            "{version}: back"
        );
        undone(&s);
    }
}

#[test]
fn a_pod_whose_host_port_is_taken_on_every_node_stays_pending() {
    let document = Preset::named("article-nodeport").expect("preset").document()
        + &EDGE.replace("replicas: 2", "replicas: 3");
    let s = Session::new(&document, 1, true).unwrap_or_else(|d| panic!("{}", d[0]));
    assert_eq!(s.running().pods.iter().filter(|p| p.owner.name == "edge").count(), 2);
    assert!(s.notes().iter().any(|d| d.message.contains("stays Pending")), "{:?}", s.notes());
}

#[test]
fn of_overlapping_changes_the_last_one_wins() {
    let apply = |port: u32| {
        format!(
            "kubectl apply -f - <<< '{{apiVersion: v1, kind: Service, metadata: {{name: other}}, spec: {{type: NodePort, selector: {{app: nginx}}, ports: [{{port: {port}, targetPort: 80, nodePort: 30085}}]}}}}'"
        )
    };
    for version in ["1.10", "1.28", "1.36"] {
        for seed in 0..6 {
            let mut s = session(version, "");
            let mut rng = Rng::new(seed);
            let probe = Probe {
                pause: net::Duration::secs(6),
                ..Probe::new("bastion", "192.168.120.226:30080")
            };
            let mut during = Vec::new();
            for i in 0..12 {
                let line = match rng.below(5) {
                    0 => format!(
                        "kubectl scale deploy nginx-deployment --replicas={}",
                        1 + rng.below(6)
                    ),
                    1 => "kubectl delete svc other".to_owned(),
                    2 => {
                        format!("systemctl {} kube-proxy", ["stop", "start"][rng.below(2) as usize])
                    }
                    _ => apply(80 + rng.below(3) as u32),
                };
                during.push((100 + i * 350 + rng.below(300), line));
            }
            let told = format!("{version}, seed {seed}: {during:?}");
            send_while(&mut s, probe, during);
            run(&mut s, "systemctl start kube-proxy");
            assert_eq!(strays(&s), Vec::<String>::new(), "{told}");
            undone(&s);
        }
    }
}

#[test]
fn deleting_the_only_pod_interrupts_its_service_until_another_is_ready() {
    // From 1.26 on a terminating pod serves while there is no other; it is gone a second later.
    for version in ["1.10", "1.22", "1.28"] {
        let mut s = session(version, "");
        run(&mut s, "kubectl scale deploy nginx-deployment --replicas=1");
        let pod = s
            .running()
            .pods
            .iter()
            .find(|p| p.owner.name == "nginx-deployment")
            .expect("a pod")
            .name
            .clone();
        let start = s.world().now();
        run(&mut s, &format!("kubectl delete pod {pod}"));
        let syncs = |s: &Session| {
            let on = s.last().ns_named("node01").expect("node01").0;
            let rules = |k: &EventKind| match k {
                EventKind::Configured { by: Some("kube-proxy"), setting } => {
                    matches!(**setting, net::engine::Setting::Rules(_))
                }
                _ => false,
            };
            s.events()
                .iter()
                .filter(|e| e.at > start && e.netns == Some(on) && rules(&e.kind))
                .map(|e| (e.at - start).0 / 1_000_000)
                .collect::<Vec<_>>()
        };
        let at = syncs(&s);
        assert!(at.len() >= 2 && at[0] < 1_100 && at[at.len() - 1] > 1_000, "{version}: {at:?} ms");
        assert_eq!(strays(&s), Vec::<String>::new());
        undone(&s);
    }
}

#[test]
fn a_client_ends_with_its_pod() {
    let mut s = session("1.28", "");
    let pod = s
        .running()
        .pods
        .iter()
        .find(|p| p.owner.name == "nginx-deployment")
        .expect("a pod")
        .clone();
    let probe = Probe {
        pause: net::Duration::secs(3),
        settle: Some(net::Duration::millis(10)),
        ..Probe::new(&format!("pod/{}", pod.netns()), "svc/nginx-service:8000")
    };
    let line = format!("kubectl delete pod {}", pod.name);
    let verdict = send_while(&mut s, probe, vec![(50, line)]).verdict;
    assert_eq!(
        (verdict.ending, verdict.outcome),
        (Ending::Failed, Some(net::socket::Outcome::Killed))
    );
    assert!(s.world().now() < net::Instant(10_000_000_000), "the run ends with the pod");
    undone(&s);
}

#[test]
fn an_earlier_moment_has_the_cluster_of_that_moment() {
    let mut s = session("1.28", "");
    let at = s.events().len();
    run(&mut s, "kubectl delete svc nginx-service");
    let list = |s: &mut Session| shell::exec(s, "node01", "kubectl get svc").text;
    assert!(!list(&mut s.clone()).contains("nginx-service"));
    assert!(list(&mut s.moment(s.initial(), at)).contains("nginx-service"));
}

#[test]
fn a_deleted_node_can_be_added_again() {
    let mut s = session("1.28", EDGE);
    let document = s.document().to_owned();
    let at = document.find("kind: Topology").expect("a topology");
    let start = document[..at].rfind("---").map_or(0, |i| i + 4);
    let end = document[at..].find("\n---").map_or(document.len(), |i| at + i);
    let topology = &document[start..end];
    run(&mut s, "kubectl delete node node02");
    assert_eq!(strays(&s), Vec::<String>::new());
    // The node returns with its host port; then it is deleted and added within one second.
    run(&mut s, &format!("kubectl apply -f - <<< '{topology}'"));
    run(&mut s, "kubectl scale deploy edge --replicas=1");
    run(&mut s, "kubectl scale deploy edge --replicas=2");
    assert_eq!(
        s.send(&Probe::new("bastion", "192.168.120.227:8080")).expect("sent").verdict.ending,
        Ending::Answered
    );
    let probe =
        Probe { pause: net::Duration::secs(4), ..Probe::new("bastion", "192.168.120.226:30080") };
    let apply = format!("kubectl apply -f - <<< '{topology}'");
    let during = vec![(100, "kubectl delete node node02".to_owned()), (300, apply)];
    send_while(&mut s, probe, during);
    assert!(s.last().ns_named("node02").is_some(), "the node is back");
    let refused = shell::exec(&mut s, "node01", "kubectl delete node master01");
    assert!(refused.status != 0 && refused.text.contains("API server"), "{}", refused.text);
    undone(&s);
}

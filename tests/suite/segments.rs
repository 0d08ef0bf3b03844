//! Several segments, routers, security groups and bad cables.

use kube::Severity;
use kube::rollout::{Work, flanneld_start};
use net::event::EventKind;
use net::state::DeviceKind;
use net::{DropReason, Event};
use play::{Script, Session};
use support::record;

/// Two racks and an office behind one router; a Service with a pod in each rack.
const WORKLOAD: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: 'nginx:1.7.9', ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 8000, targetPort: 80, nodePort: 30080}]
";

const RACKS: &str = "  segments:
  - {name: rack-a, subnet: 10.11.0.0/24}
  - {name: rack-b, subnet: 10.12.0.0/24}
  - {name: office, subnet: 10.13.0.0/24}
  nodes:
  - {name: node01, role: worker, nic: {segment: rack-a}}
  - {name: node02, role: worker, nic: {segment: rack-b}}
  hosts:
  - {name: laptop, nic: {segment: office}}
  routers:
  - name: core
    interfaces: [{segment: rack-a}, {segment: rack-b}, {segment: office}]
";

fn document(topology: &str) -> String {
    format!(
        "{WORKLOAD}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  \
         kubernetes: {{version: '1.22', podCIDR: 10.1.4.0/22}}\n{topology}  \
         pods: [{{of: web, node: node01, ip: 10.1.4.4}}, {{of: web, node: node02, ip: 10.1.5.4}}]\n"
    )
}

/// Plays steps in a cluster with these machines.
fn play(topology: &str, steps: &str) -> Session {
    play_seeded(topology, steps, 1)
}

fn play_seeded(topology: &str, steps: &str, seed: u64) -> Session {
    let document = format!(
        "{}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  \
         seed: {seed}\n  start: known\n  steps:\n{steps}",
        document(topology)
    );
    let (script, diags) = Script::read(&document);
    let script = script.unwrap_or_else(|| panic!("{}", diags[0]));
    let (_, diags) = kube::build(&document);
    script.play(&document).unwrap_or_else(|_| panic!("{}", diags[0]))
}

/// What the clients of a step got.
fn results(session: &Session, step: usize) -> Vec<String> {
    let (probe, run) = session.results()[step].sent().expect("a probe");
    record::results(session, probe, run, &str::to_owned)
}

/// Sends once, and returns the session and what the client got.
fn send(topology: &str, send: &str) -> (Session, Vec<String>) {
    let session = play(topology, &format!("  - send: {{{send}}}\n"));
    let got = results(&session, 0);
    (session, got)
}

/// The names of the machines in which an event happened.
fn machines(session: &Session, is: impl Fn(&EventKind) -> bool) -> Vec<String> {
    let name = |e: &Event| e.netns.map(|n| session.last().ns(n).name.to_string());
    session.events().iter().filter(|e| is(&e.kind)).filter_map(name).collect()
}

fn drops(session: &Session, reason: DropReason) -> Vec<String> {
    machines(session, |k| matches!(k, EventKind::Dropped { reason: r, .. } if *r == reason))
}

const TO_POD: &str = "from: 10.1.4.4, to: '10.1.5.4:80', timeout: 3s";

#[test]
fn vxlan_crosses_a_router() {
    let (session, got) = send(RACKS, TO_POD);
    assert!(got[0].contains("200 OK"), "{got:?}");
    let hops = machines(&session, |k| matches!(k, EventKind::TtlDecremented { .. }));
    // The pod's packet at both nodes, the outer one at the router.
    assert_eq!(hops[..3], ["node01", "core", "node02"]);
    let wrapped = machines(&session, |k| matches!(k, EventKind::Encapsulated { .. }));
    assert_eq!(wrapped[..2], ["node01", "node02"]);
}

#[test]
fn direct_routing_is_for_nodes_of_one_segment() {
    let racks = RACKS.replace(
        "  hosts:",
        "  - {name: node03, nic: {segment: rack-a}}\n  flannel: {directRouting: true}\n  hosts:",
    );
    let session = play(&racks, &format!("  - send: {{{TO_POD}}}\n"));
    let ns = session.initial().ns_named("node01").expect("a node").1;
    let via = |net: &str| {
        let route = ns.routes.iter().find(|r| r.dst.to_string() == net).expect("a route");
        (ns.dev(route.dev).name.to_string(), route.via.expect("a gateway").to_string())
    };
    assert_eq!(via("10.1.5.0/24"), ("flannel.1".to_owned(), "10.1.5.0".to_owned()));
    assert_eq!(via("10.1.6.0/24"), ("eth0".to_owned(), "10.11.0.12".to_owned()));
    assert!(results(&session, 0)[0].contains("200 OK"));
}

#[test]
fn host_gw_has_no_route_to_another_segment() {
    let racks = format!("  flannel: {{backend: host-gw}}\n{RACKS}");
    let (_, diags) = kube::build(&document(&racks));
    let warning = diags.iter().find(|d| d.code == kube::Code::NodeUnreachable).expect("a warning");
    assert_eq!(warning.severity, Severity::Warning);
    assert!(warning.message.contains("node02") && warning.message.contains("10.12.0.11"));
    let (session, got) = send(&racks, TO_POD);
    // node01 has a default route; the router knows no pods, not even the one it would answer.
    assert!(got[0].contains("timeout"), "{got:?}");
    assert_eq!(drops(&session, DropReason::IpOutNoRoutes)[0], "core");
}

#[test]
fn a_node_port_is_reached_from_another_segment_and_masqueraded() {
    let to = "from: laptop, to: '10.11.0.10:30080', endpoint: 10.1.5.4";
    let (session, got) = send(RACKS, to);
    assert!(got[0].contains("200 OK"), "{got:?}");
    let peer = session.events().iter().find_map(|e| match &e.kind {
        EventKind::Accepted { peer, .. } => Some(peer.addr.to_string()),
        _ => None,
    });
    assert_eq!(peer.as_deref(), Some("10.1.4.0"), "the address of flannel.1 of node01");
}

#[test]
fn a_rule_of_the_router_decides() {
    let racks = RACKS.replace(
        "  routers:\n  - name: core\n",
        "  routers:\n  - name: core\n    iptables: [-P FORWARD DROP, \
         -A FORWARD -s 10.12.0.0/24 -j ACCEPT, -A FORWARD -p udp --dport 8472 -j ACCEPT]\n",
    );
    // VXLAN passes, a request to the node port does not.
    let steps = format!(
        "  - send: {{{TO_POD}}}\n  - send: {{from: laptop, to: '10.12.0.11:30080', timeout: 1s}}\n"
    );
    let session = play(&racks, &steps);
    assert!(results(&session, 0)[0].contains("200 OK"));
    assert!(results(&session, 1)[0].contains("timeout"), "{:?}", results(&session, 1));
    assert_eq!(drops(&session, DropReason::NetfilterDrop)[0], "core");
}

#[test]
fn the_router_answers_with_icmp() {
    let (_, got) = send(RACKS, "from: laptop, to: 10.12.0.11, proto: icmp, ttl: 1");
    assert!(got[0].contains("10.13.0.1") && got[0].contains("11"), "{got:?}");
    // A network that nobody has.
    let (_, got) = send(RACKS, "from: laptop, to: 10.99.0.1, proto: icmp");
    assert!(got[0].contains("10.13.0.1"), "{got:?}");
    let small = RACKS.replace("10.12.0.0/24}", "10.12.0.0/24, mtu: 1300}");
    let large = "from: laptop, to: 10.12.0.11, proto: icmp, size: 1400, pmtudisc: do";
    let (session, got) = send(&small, large);
    let learned = session.events().iter().find_map(|e| match e.kind {
        EventKind::PathLearned { mtu, .. } => mtu,
        _ => None,
    });
    assert_eq!(learned, Some(1300), "{got:?}");
    assert_eq!(drops(&session, DropReason::PktTooBig), ["core"]);
}

#[test]
fn without_a_router_the_others_are_unreachable() {
    let alone = RACKS.split("  routers:").next().expect("the racks");
    let (session, got) = send(alone, "from: laptop, to: 10.12.0.11, proto: icmp");
    assert!(got[0].contains("ENETUNREACH"), "{got:?}");
    let sent = machines(&session, |k| matches!(k, EventKind::FrameSent { .. }));
    assert!(sent.is_empty(), "{sent:?}");
}

#[test]
fn a_security_group_without_8472_stops_vxlan_at_the_port_of_the_segment() {
    let racks = RACKS
        .replace("{segment: rack-b}}\n  hosts", "{segment: rack-b, blocked: [8472/udp]}}\n  hosts");
    let steps = format!(
        "  - send: {{{TO_POD}}}\n  - send: {{from: node01, to: '10.12.0.11:30080', endpoint: 10.1.5.4}}\n"
    );
    let session = play(&racks, &steps);
    assert!(results(&session, 0)[0].contains("timeout"), "{:?}", results(&session, 0));
    // What is not VXLAN passes.
    assert!(results(&session, 1)[0].contains("200 OK"), "{:?}", results(&session, 1));
    let at = drops(&session, DropReason::PortBlocked);
    assert!(!at.is_empty() && at.iter().all(|n| n == "rack-b"), "{at:?}");
}

#[test]
fn a_cable_delays_loses_and_duplicates() {
    let cable = |what: &str| {
        RACKS.replace(
            "{segment: office}}\n  routers",
            &format!("{{segment: office, {what}}}}}\n  routers"),
        )
    };
    let ping =
        "from: laptop, to: 10.12.0.11, proto: icmp, count: 20, interval: 10ms, timeout: 500ms";
    let (session, _) = send(&cable("delay: 20ms"), "from: laptop, to: 10.12.0.11, proto: icmp");
    let answered = |session: &Session| {
        let took = session.events().iter().filter_map(|e| match &e.kind {
            EventKind::Ended {
                outcome: net::socket::Outcome::Answered { took_ns, .. }, ..
            } => Some(*took_ns),
            _ => None,
        });
        took.collect::<Vec<_>>()
    };
    // There and back.
    assert!((40_000_000..41_000_000).contains(&answered(&session)[0]), "{:?}", answered(&session));

    let (session, _) = send(&cable("loss: 100%"), ping);
    assert_eq!(
        (answered(&session).len(), drops(&session, DropReason::CableLoss).is_empty()),
        (0, false)
    );
    let counts = |seed: u64| {
        let steps = format!("  - send: {{{ping}}}\n");
        let session = play_seeded(&cable("loss: 20%"), &steps, seed);
        let lost = drops(&session, DropReason::CableLoss).len();
        assert_eq!(answered(&session).len() + lost, 20);
        lost
    };
    // 40 frames cross the cable at most, and a fifth of them is lost.
    let lost: Vec<usize> = (1..=8).map(counts).collect();
    assert_eq!(lost, (1..=8).map(counts).collect::<Vec<_>>());
    assert!((30..80).contains(&lost.iter().sum::<usize>()), "{lost:?}");
    assert!(lost.iter().any(|n| *n != lost[0]), "{lost:?}");

    let (session, got) =
        send(&cable("duplicate: 100%"), "from: laptop, to: 10.12.0.11, proto: icmp");
    assert_eq!(answered(&session).len(), 1, "{got:?}");
    // The request is doubled once, each of the two answers once.
    let doubled = machines(&session, |k| matches!(k, EventKind::CableDuplicated { .. }));
    assert_eq!(doubled.len(), 3, "{doubled:?}");
    // TCP does not care.
    let (_, got) = send(&cable("duplicate: 100%"), "from: laptop, to: '10.12.0.11:30080'");
    assert!(got[0].contains("200 OK"), "{got:?}");
}

#[test]
fn flannel_uses_the_interface_it_is_told() {
    let racks = "  segments:
  - {name: front, subnet: 10.11.0.0/24}
  - {name: back, subnet: 10.12.0.0/24, mtu: 9000}
  flannel: {iface: eth1}
  nodes:
  - {name: node01, nic: {segment: front}, interfaces: [{segment: back}]}
  - {name: node02, nic: {segment: front}, interfaces: [{segment: back}]}
";
    let (session, got) = send(racks, TO_POD);
    assert!(got[0].contains("200 OK"), "{got:?}");
    let ns = session.initial().ns_named("node01").expect("a node").1;
    let (_, vxlan) = ns.dev_named("flannel.1").expect("the tunnel");
    let DeviceKind::Vxlan { local, dev, .. } = &vxlan.kind else { panic!("{:?}", vxlan.kind) };
    assert_eq!((local.to_string().as_str(), &*ns.dev(*dev).name), ("10.12.0.10", "eth1"));
    assert_eq!(vxlan.mtu, 8950);
    let outer = session.events().iter().find_map(|e| match &e.kind {
        EventKind::VtepFound { remote, .. } => Some(remote.to_string()),
        _ => None,
    });
    assert_eq!(outer.as_deref(), Some("10.12.0.11"));
    // The node port answers at both addresses.
    for to in ["10.11.0.11", "10.12.0.11"] {
        let (_, got) = send(racks, &format!("from: node01, to: '{to}:30080', endpoint: 10.1.5.4"));
        assert!(got[0].contains("200 OK"), "{to}: {got:?}");
    }
}

#[test]
fn flannel_does_not_write_the_routes_of_the_topology() {
    let routes = RACKS.replace(
        "{segment: rack-a}}\n",
        "{segment: rack-a}, routes: [{to: 10.99.0.0/16, via: 10.11.0.1}]}\n",
    );
    let (cluster, _) = kube::build(&document(&routes));
    let started = flanneld_start(&cluster.expect("valid"), "node01");
    let written: Vec<_> = started
        .iter()
        .filter_map(|work| match work {
            Work::Route(_, r) => Some(r.dst.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(written, ["10.1.5.0/24"]);
}

#[test]
fn a_node_that_host_gw_cannot_reach_is_reported_once() {
    let racks = RACKS.replace("  hosts:", "  - {name: node03, nic: {segment: rack-b}}\n  hosts:");
    let racks = racks.replace("node01, role: worker", "node00}\n  - {name: node01");
    let racks = format!("  flannel: {{backend: host-gw}}\n{racks}");
    let (_, diags) = kube::build(&document(&racks));
    let unreachable = diags.iter().filter(|d| d.code == kube::Code::NodeUnreachable);
    assert_eq!(unreachable.count(), 2, "{diags:?}");
}

#[test]
fn the_default_name_of_a_segment_is_a_name_too() {
    let lans = |second: &str| {
        document(&format!(
            "  segments: [{{subnet: 10.11.0.0/24}}, {{name: {second}, subnet: 10.12.0.0/24}}]\n  \
             nodes: [{{name: node01}}, {{name: node02}}]\n"
        ))
    };
    let found =
        |text: &str| kube::build(text).1.iter().any(|d| d.code == kube::Code::DuplicateObject);
    assert!(found(&lans("lan")) && !found(&lans("office")));
}

#[test]
fn a_lab_has_the_cables_and_the_blocked_ports() {
    let bad = RACKS
        .replace(
            "{segment: office}}\n  routers",
            "{segment: office, delay: 20ms, loss: 10%}}\n  routers",
        )
        .replace("{segment: rack-b}}\n  hosts", "{segment: rack-b, blocked: [8472/udp]}}\n  hosts");
    let (session, _) = send(&bad, "from: laptop, to: 10.11.0.10, proto: icmp");
    let lab = play::lab::script(&session).expect("a lab");
    // Both ends of the cable.
    for end in ["eth0", "p-laptop"] {
        let line = format!("qdisc add dev {end} root netem delay 20000us loss 10.000000%\n");
        assert!(lab.script.contains(&line), "{end}");
    }
    let rule = "-A FORWARD -m physdev --physdev-out p-node02 -p udp -m udp --dport 8472 -j DROP";
    assert!(lab.script.contains(rule));
    assert_eq!(lab.left_out.len(), 1, "{:?}", lab.left_out);
}

#[test]
fn every_event_can_be_undone() {
    let bad = RACKS.replace(
        "{segment: office}}\n  routers",
        "{segment: office, loss: 10%, duplicate: 30%, delay: 1ms}}\n  routers",
    );
    let (session, _) = send(&bad, "from: laptop, to: '10.11.0.10:30080', endpoint: 10.1.5.4");
    let mut timeline = play::Timeline::new(session.initial());
    let end = session.events().len();
    timeline.seek(session.events(), end);
    assert_eq!(timeline.state(), session.last());
    timeline.seek(session.events(), 0);
    assert_eq!(timeline.state(), session.initial());
}

//! Load balancers: who gives a Service its address, and who answers for it.

use kube::{Cluster, Severity};
use net::event::EventKind;
use net::wire::{ArpOp, Payload};
use play::{Ending, Probe, Session, Timeline, shell};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A Deployment on two nodes behind a Service of type LoadBalancer, and a client on the LAN.
/// `spec`: more of the Service; `topology`: more of the Topology.
fn document(spec: &str, topology: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: web, image: nginx, ports: [{{containerPort: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: LoadBalancer, selector: {{app: web}}, ports: [{{port: 80, nodePort: 30080}}]{spec}}}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  nodes: [{{name: cp, role: control-plane}}, {{name: n1}}, {{name: n2}}, {{name: n3}}]
  hosts: [{{name: client}}, {{name: other}}]
{topology}"
    )
}

fn session(document: &str) -> Session {
    let told =
        |d: Vec<kube::Diagnostic>| d.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Session::new(document, 1, false).unwrap_or_else(|d| panic!("{}", told(d)))
}

fn ask(s: &mut Session, from: &str, to: &str) -> Ending {
    s.send(&Probe::new(from, to)).unwrap_or_else(|e| panic!("{from} → {to}: {e}")).verdict.ending
}

fn run(s: &mut Session, host: &str, line: &str) -> String {
    let out = shell::exec(s, host, line);
    assert_eq!(out.status, 0, "{line}: {}", out.text);
    out.text
}

/// The addresses of a Service's load balancer.
fn addresses(c: &Cluster, name: &str) -> Vec<String> {
    let s = c.services.iter().find(|s| s.name == name).expect("a Service");
    s.traffic.ingress.iter().map(|(a, _)| a.to_string()).collect()
}

/// The name of the node whose MAC a host has for an address.
fn owner(s: &Session, host: &str, addr: &str) -> Option<String> {
    let addr: IpAddr = addr.parse().expect("an address");
    let (_, ns) = s.last().ns_named(host).expect("a host");
    let mac = ns.neighbours.iter().find(|((_, a), _)| *a == addr)?.1.lladdr?;
    let is_it = |n: &&kube::cluster::Node| n.mac == mac;
    s.running().nodes.iter().find(is_it).map(|n| n.spec.name.value.clone())
}

/// Another Service of type LoadBalancer for the same pods.
fn service(name: &str, annotations: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, annotations: \
         {{{annotations}}}}}\nspec: {{type: LoadBalancer, selector: {{app: web}}, ports: [{{port: \
         80}}]{spec}}}\n"
    )
}

fn apply(s: &mut Session, name: &str, spec: &str) {
    let text = service(name, "", spec);
    let text = text.trim_start_matches("---\n");
    run(s, "cp", &format!("kubectl apply -f - <<< '{text}'"));
}

#[test]
fn addresses_come_from_the_pool_in_the_order_of_the_text() {
    let text = document("", "  loadBalancerPool: [192.168.1.10/31, 192.168.1.20-192.168.1.22]\n")
        + &service("asks", "", ", loadBalancerIP: 192.168.1.20")
        + &service("annotated", "metallb.io/loadBalancerIPs: 192.168.1.22", "")
        + &service("last", "", "")
        + &service("older", "metallb.universe.tf/loadBalancerIPs: 10.9.9.9", "");
    let (cluster, diags) = kube::build(&text);
    let c = cluster.expect("a cluster");
    // .10 and .11 are machines; .20 and .22 are requested.
    assert_eq!(addresses(&c, "web"), ["192.168.1.21"]);
    assert_eq!(addresses(&c, "asks"), ["192.168.1.20"]);
    assert_eq!(addresses(&c, "annotated"), ["192.168.1.22"]);
    assert!(addresses(&c, "last").is_empty() && addresses(&c, "older").is_empty());
    let warnings: Vec<&str> = diags
        .iter()
        .filter(|d| d.severity == Severity::Warning)
        .map(|d| d.message.as_str())
        .collect();
    assert_eq!(
        warnings,
        [
            "no address is left in the loadBalancerPool: that of \"last\" stays <pending>",
            "10.9.9.9 is not allowed in the loadBalancerPool: the load balancer's address of \
             \"older\" stays <pending>",
        ]
    );
}

#[test]
fn an_address_stays_with_its_service() {
    let mut s = session(&document("", ""));
    assert_eq!(addresses(s.running(), "web"), ["192.168.1.240"]);
    // One that comes before it in the namespace does not take its address.
    apply(&mut s, "api", "");
    assert_eq!(addresses(s.running(), "web"), ["192.168.1.240"]);
    assert_eq!(addresses(s.running(), "api"), ["192.168.1.241"]);
    run(&mut s, "cp", "kubectl delete svc web");
    apply(&mut s, "more", "");
    assert_eq!(addresses(s.running(), "more"), ["192.168.1.240"]);
    assert_eq!(addresses(s.running(), "api"), ["192.168.1.241"]);
    assert!(run(&mut s, "cp", "kubectl get svc").contains("192.168.1.241"));
}

#[test]
fn an_address_outside_of_a_changed_pool_is_given_up() {
    let other = "  loadBalancerPool: [10.0.0.0/8]\n";
    let (before, _) = kube::build(&document("", ""));
    let before = before.expect("valid");
    assert_eq!(addresses(&before, "web"), ["192.168.1.240"]);
    let (after, diags) = kube::after(&before, &document("", other), &BTreeSet::new());
    assert_eq!(addresses(&after.expect("valid"), "web"), ["10.0.0.0"], "{diags:?}");
}

#[test]
fn a_plain_manifest_answers_at_its_address() {
    let mut s = session(&document("", ""));
    assert_eq!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
    // The election is MetalLB's; the control plane is no candidate.
    let first = owner(&s, "client", "192.168.1.240").expect("resolved");
    assert!(["n1", "n2", "n3"].contains(&first.as_str()), "{first}");
    // The address is no address of the node: its kernel does not know it.
    let shown = run(&mut s, &first, "ip -br a");
    assert!(!shown.contains("192.168.1.240"));
}

/// The ARP messages that one machine sent from an event on: operation, address asked for or
/// announced.
fn arp_of(s: &Session, host: &str, from: usize) -> Vec<(ArpOp, String)> {
    let (id, _) = s.last().ns_named(host).expect("a machine");
    let sent = s.events()[from..].iter().filter(|e| e.netns == Some(id));
    let arp = sent.filter_map(|e| match &e.kind {
        EventKind::FrameSent { frame, .. } => match &frame.payload {
            Payload::Arp(arp) if arp.op == ArpOp::Reply => Some((arp.op, arp.spa.to_string())),
            Payload::Arp(arp) => Some((arp.op, arp.tpa.to_string())),
            _ => None,
        },
        _ => None,
    });
    arp.collect()
}

/// The nodes in the order of MetalLB's election for 192.168.1.240: by the SHA-256 of
/// `NAME#192.168.1.240`.
const ORDER: [&str; 3] = ["n1", "n3", "n2"];

#[test]
fn a_speaker_that_stops_hands_its_address_to_the_next() {
    let mut s = session(&document("", ""));
    let addr = "192.168.1.240";
    assert_eq!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
    assert_eq!(owner(&s, "client", addr).as_deref(), Some(ORDER[0]));
    for next in [Some(ORDER[1]), Some(ORDER[2]), None] {
        let stopping = owner(&s, "client", addr).expect("an owner");
        let from = s.events().len();
        run(&mut s, &stopping, "systemctl stop speaker");
        if let Some(next) = next {
            // Gratuitous ARP: who knew the old MAC has the new one.
            let announced = [ArpOp::Request, ArpOp::Reply].map(|op| (op, addr.to_owned()));
            assert_eq!(arp_of(&s, next, from), announced);
            assert_eq!(owner(&s, "client", addr).as_deref(), Some(next));
            assert_eq!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
        }
        // Who never knew it asks, and gets one answer or none.
        let mut cold = s.clone();
        run(&mut cold, "client", "ip neigh del 192.168.1.240 dev eth0");
        let from = cold.events().len();
        let answered = ask(&mut cold, "client", "192.168.1.240:80") == Ending::Answered;
        assert_eq!(answered, next.is_some());
        for n in ORDER {
            let replies = arp_of(&cold, n, from);
            let replies =
                replies.iter().filter(|(op, of)| *op == ArpOp::Reply && of == addr).count();
            assert_eq!(replies, usize::from(Some(n) == next), "{n}");
        }
    }
    run(&mut s, ORDER[2], "systemctl start speaker");
    assert_eq!(ask(&mut s, "other", "192.168.1.240:80"), Ending::Answered);
    assert_eq!(owner(&s, "other", addr).as_deref(), Some(ORDER[2]));
}

#[test]
fn nobody_announces_what_no_speaker_may() {
    let faults = |names: &[&str]| {
        let all = names.iter().map(|n| format!("{{stopped: {n}/speaker}}"));
        format!("  faults: [{}]\n", all.collect::<Vec<_>>().join(", "))
    };
    for (topology, first) in [
        (faults(&[ORDER[0]]), Some(ORDER[1])),
        (faults(&ORDER), None),
        (format!("  faults: [{{cut: {}}}]\n", ORDER[0]), Some(ORDER[1])),
    ] {
        let mut s = session(&document("", &topology));
        let answered = ask(&mut s, "client", "192.168.1.240:80") == Ending::Answered;
        assert_eq!(answered, first.is_some(), "{topology}");
        assert_eq!(owner(&s, "client", "192.168.1.240").as_deref(), first, "{topology}");
    }
    // Without an endpoint there is no election.
    let mut s = session(&document("", "").replace("replicas: 2", "replicas: 0"));
    assert_ne!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
    assert_eq!(owner(&s, "client", "192.168.1.240"), None);
    run(&mut s, "cp", "kubectl scale deploy/web --replicas=1");
    assert_eq!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
}

#[test]
fn with_policy_local_a_node_with_an_endpoint_is_elected() {
    let local = ", externalTrafficPolicy: Local";
    let one = document(local, "").replace("replicas: 2", "replicas: 1");
    for node in ["n1", "n2", "n3"] {
        let pinned = one.replace("containers:", &format!("nodeName: {node}, containers:"));
        let mut s = session(&pinned);
        let run = s.send(&Probe::new("client", "192.168.1.240:80")).expect("sent");
        assert_eq!(run.verdict.ending, Ending::Answered);
        assert_eq!(owner(&s, "client", "192.168.1.240").as_deref(), Some(node));
        // The pod sees the client's own address.
        let (_, peer) = run.verdict.server.expect("a server");
        assert_eq!(peer.addr.to_string(), "192.168.1.100");
    }
    // With Cluster it sees a node's, whichever node is elected.
    let mut s = session(&document("", ""));
    let run = s.send(&Probe::new("client", "192.168.1.240:80")).expect("sent");
    assert_ne!(run.verdict.server.expect("a server").1.addr.to_string(), "192.168.1.100");
}

#[test]
fn source_ranges_hold_at_the_address_and_not_at_the_node_port() {
    for policy in ["Cluster", "Local"] {
        let spec = format!(
            ", externalTrafficPolicy: {policy}, loadBalancerSourceRanges: [192.168.1.100/32]"
        );
        let mut s = session(&document(&spec, ""));
        assert_eq!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
        assert_ne!(ask(&mut s, "other", "192.168.1.240:80"), Ending::Answered);
        let node = owner(&s, "client", "192.168.1.240").expect("resolved");
        assert_eq!(ask(&mut s, "other", &format!("{node}:30080")), Ending::Answered);
    }
}

#[test]
fn without_a_balancer_the_address_is_pending() {
    let mut s = session(&document("", "  loadBalancer: none\n"));
    assert!(addresses(s.running(), "web").is_empty());
    let line = run(&mut s, "cp", "kubectl get svc web");
    assert!(line.contains("LoadBalancer") && line.contains("<pending>"), "{line}");
    let sent = s.send(&Probe::new("client", "lb/web"));
    let told = sent.expect_err("no address").message();
    assert_eq!(
        told,
        "the load balancer's address of svc/default/web is <pending>: nobody gives it one"
    );
    // An address in its status is its, but no machine answers for it.
    let text = document("", "  loadBalancer: none\n").replace(
        "---\napiVersion: pack",
        "status: {loadBalancer: {ingress: [{ip: 192.168.1.99}]}}\n---\napiVersion: pack",
    );
    let mut s = session(&text);
    assert_ne!(ask(&mut s, "client", "lb/web"), Ending::Answered);
    assert_eq!(ask(&mut s, "n1", "lb/web"), Ending::Answered);
}

#[test]
fn every_event_of_an_election_can_be_undone() {
    let mut s = session(&document("", ""));
    run(&mut s, ORDER[0], "systemctl stop speaker");
    ask(&mut s, "client", "192.168.1.240:80");
    run(&mut s, "cp", "kubectl scale deploy/web --replicas=0");
    let mut timeline = Timeline::new(s.initial());
    timeline.seek(s.events(), s.events().len());
    assert!(*timeline.state() == *s.last());
    timeline.seek(s.events(), 0);
    assert!(*timeline.state() == *s.initial());
}

/// The nodes of the pods of ServiceLB for a Service.
fn svclb(c: &Cluster, service: &str) -> Vec<String> {
    let label = "svccontroller.k3s.cattle.io/svcname";
    let of = c.all_pods().filter(|p| p.labels.get(label).is_some_and(|v| v == service));
    of.map(|p| c.nodes[p.node].spec.name.value.clone()).collect()
}

const SERVICE_LB: &str = "  loadBalancer: servicelb\n";

#[test]
fn service_lb_has_a_pod_with_the_port_on_every_node() {
    let mut s = session(&document("", SERVICE_LB));
    let c = s.cluster().clone();
    // Its pods tolerate the taint of the control plane.
    assert_eq!(svclb(&c, "web"), ["cp", "n1", "n2", "n3"]);
    let nodes = ["192.168.1.10", "192.168.1.11", "192.168.1.12", "192.168.1.13"];
    assert_eq!(addresses(&c, "web"), nodes);
    let pods = run(&mut s, "cp", "kubectl get pods -n kube-system");
    assert_eq!(pods.matches("svclb-web-").count(), 4, "{pods}");
    for node in nodes {
        assert_eq!(ask(&mut s, "client", &format!("{node}:80")), Ending::Answered, "{node}");
    }
    // The port is taken on every node: a second Service of that port has no address.
    let (cluster, diags) = kube::build(&(document("", SERVICE_LB) + &service("second", "", "")));
    let c = cluster.expect("a cluster");
    assert!(svclb(&c, "second").is_empty() && addresses(&c, "second").is_empty());
    assert!(addresses(&c, "web").len() == 4);
    assert!(diags.iter().any(|d| d.message.contains("free ports")), "{diags:?}");
}

#[test]
fn a_pod_of_service_lb_forwards_by_its_own_rules() {
    for policy in ["Cluster", "Local"] {
        let spec =
            format!(", externalTrafficPolicy: {policy}, loadBalancerSourceRanges: [10.244.0.0/16]");
        let text = document(&spec, SERVICE_LB).replace("containers:", "nodeName: n1, containers:");
        let mut s = session(&text);
        let c = s.cluster().clone();
        let wanted: &[&str] = if policy == "Local" {
            &["192.168.1.11"]
        } else {
            &["192.168.1.10", "192.168.1.11", "192.168.1.12", "192.168.1.13"]
        };
        assert_eq!(addresses(&c, "web"), wanted);
        // Sent to it directly, the rules of kube-proxy for the node's address do not apply.
        let pod = c
            .all_pods()
            .find(|p| p.name.starts_with("svclb-") && c.nodes[p.node].spec.name.value == "n1");
        let pod = pod.expect("a pod of ServiceLB");
        let to = format!("{}:80", pod.ip);
        let (id, _) = s.last().ns_named(&pod.netns()).expect("its namespace");
        let from = s.events().len();
        assert_eq!(ask(&mut s, "n1", &to), Ending::Answered, "{policy}");
        let translated = s.events()[from..].iter().filter(|e| e.netns == Some(id));
        let nat = translated.filter(|e| matches!(e.kind, EventKind::NatDecided { .. })).count();
        assert_eq!(nat, 2, "{policy}: the destination and the source");
        // Outside of the source ranges the pod drops the packet.
        assert_ne!(ask(&mut s, "client", &to), Ending::Answered, "{policy}");
    }
}

#[test]
fn service_lb_follows_the_label_of_nodes_and_the_endpoints() {
    let labelled = document(", externalTrafficPolicy: Local", SERVICE_LB)
        + "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2, labels: \
           {svccontroller.k3s.cattle.io/enablelb: \"true\"}}\n";
    let s = session(&labelled);
    assert_eq!(svclb(s.cluster(), "web"), ["n2"]);
    let mut s = session(&document(", externalTrafficPolicy: Local", SERVICE_LB));
    assert_eq!(addresses(s.running(), "web").len(), 2);
    run(&mut s, "cp", "kubectl scale deploy/web --replicas=0");
    assert!(addresses(s.running(), "web").is_empty());
    assert_eq!(svclb(s.running(), "web").len(), 4);
    run(&mut s, "cp", "kubectl delete svc web");
    assert!(svclb(s.running(), "web").is_empty());
}

/// A document with a load balancer in front of the nodes.
fn in_front(spec: &str) -> String {
    document(spec, "  loadBalancer: external\n")
        .replace("hosts: [", "hosts: [{name: load-balancer, nic: {address: 192.168.1.90/24}}, ")
}

/// The nodes that the load balancer forwards to, by its rules.
fn backends(s: &mut Session) -> Vec<String> {
    let rules = run(s, "load-balancer", "iptables-save");
    let to = rules.lines().filter_map(|l| l.split_once("--to-destination ")).map(|(_, to)| to);
    let mut out: Vec<String> = to.map(|to| to.trim_end_matches(":30080").to_owned()).collect();
    out.sort();
    out
}

#[test]
fn a_load_balancer_outside_forwards_to_healthy_nodes() {
    let mut s = session(&in_front(""));
    let nodes = ["192.168.1.11", "192.168.1.12", "192.168.1.13"];
    // The control plane is excluded by its label.
    assert_eq!(backends(&mut s), nodes);
    assert_eq!(addresses(s.cluster(), "web"), ["192.168.1.240"]);
    let sent = s.send(&Probe::new("client", "lb/web")).expect("sent");
    assert_eq!(sent.verdict.ending, Ending::Answered);
    let (_, peer) = sent.verdict.server.expect("a server");
    assert_ne!(peer.addr.to_string(), "192.168.1.100");
    assert_eq!(owner(&s, "client", "192.168.1.240"), None, "no node answers ARP");
    // kube-proxy's health check ends with it; the rules stay, so a node port still answers.
    run(&mut s, "n1", "systemctl stop kube-proxy");
    assert_eq!(ask(&mut s, "client", "n1:30080"), Ending::Answered);
    assert_eq!(backends(&mut s), nodes[1..]);
    run(&mut s, "n1", "systemctl start kube-proxy");
    assert_eq!(backends(&mut s), nodes);
    // Every node is taken in some run.
    let taken: BTreeSet<String> = (0..20)
        .map(|seed| {
            let mut s = Session::new(&in_front(""), seed, true).expect("a session");
            ask(&mut s, "client", "lb/web");
            let (_, ns) = s.last().ns_named("load-balancer").expect("a host");
            let found = ns.conntrack.iter().next().expect("a connection").1.reply.src;
            found.to_string()
        })
        .collect();
    assert_eq!(taken.into_iter().collect::<Vec<_>>(), nodes);
}

#[test]
fn with_policy_local_only_nodes_with_endpoints_are_healthy() {
    let mut s = session(&in_front(", externalTrafficPolicy: Local"));
    let of = |s: &Session| {
        let mut at: Vec<String> = s
            .running()
            .pods
            .iter()
            .filter(|p| p.owner.name == "web")
            .map(|p| s.running().nodes[p.node].address().to_string())
            .collect();
        at.sort();
        at
    };
    for replicas in [2, 3, 1, 0] {
        run(&mut s, "cp", &format!("kubectl scale deploy/web --replicas={replicas}"));
        let healthy = of(&s);
        assert_eq!(healthy.len(), replicas);
        assert_eq!(backends(&mut s), healthy);
        // Without a healthy node the load balancer itself refuses.
        let wanted = if replicas == 0 { Ending::Failed } else { Ending::Answered };
        assert_eq!(ask(&mut s, "client", "lb/web"), wanted, "{replicas}");
    }
}

#[test]
fn a_load_balancer_outside_has_source_ranges_and_takes_new_services() {
    let mut s = session(&in_front(", loadBalancerSourceRanges: [192.168.1.101/32]"));
    assert_eq!(ask(&mut s, "client", "lb/web"), Ending::Answered);
    assert_eq!(ask(&mut s, "other", "lb/web"), Ending::Failed);
    apply(&mut s, "second", "");
    assert_eq!(addresses(s.running(), "second"), ["192.168.1.241"]);
    assert_eq!(ask(&mut s, "other", "lb/second"), Ending::Answered);
    run(&mut s, "cp", "kubectl delete svc web");
    assert_ne!(ask(&mut s, "client", "192.168.1.240:80"), Ending::Answered);
    assert_eq!(ask(&mut s, "client", "lb/second"), Ending::Answered);
    let (cluster, diags) = kube::build(&document("", "  loadBalancer: external\n"));
    assert!(cluster.is_none());
    assert_eq!(diags[0].message, "spec.loadBalancer: external: no host \"load-balancer\"");
}

//! Faults that only a Topology or its load balancer can have: speakers, routers and cables.

use crate::faults::{Case, Sound};
use crate::{play, repairs_it, send};
use play::repair::{Edit, Repair, repairs};
use play::shell;

const BALANCED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {nodeName: n2, containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  nodes: [{name: cp, role: control-plane}, {name: n1}, {name: n2}]
  hosts: [{name: client}]
";

const ROUTED: &str = "  segments:
  - {name: rack, subnet: 10.11.0.0/24}
  - {name: other, subnet: 10.12.0.0/24}
  - {name: office, subnet: 10.13.0.0/24}
  nodes:
  - {name: n1, nic: {segment: rack}}
  - {name: n2, nic: {segment: other}}
  hosts: [{name: client, nic: {segment: office}}]
  routers:
  - {name: core, interfaces: [{segment: rack}, {segment: other}, {segment: office}]}
";

fn routed() -> String {
    let (head, _) = BALANCED.split_once("  nodes:").expect("nodes");
    format!("{head}{ROUTED}").replace("type: LoadBalancer", "type: NodePort")
}

/// What decided and where, the field that it comes from, and the repairs; every one is played.
fn diagnosed(case: &Case) -> (String, String, Option<String>, Vec<Repair>) {
    if let Err(wrong) = play::Session::new(&case.document, 1, true) {
        panic!("{}", wrong.iter().map(ToString::to_string).collect::<String>());
    }
    let mut s = play(&case.document, &case.commands).expect("a valid document");
    assert_eq!(send(&mut s, case), Some(false), "it is affected");
    let step = s.steps().len() - 1;
    let link = s.results()[step].run().expect("a run").verdict.cause.deciding().expect("a cause");
    let place = s.last().ns(link.netns).name.to_string();
    let field = link.origin.as_ref().map(|o| o.field.clone());
    let found = repairs(&s, step).found;
    for r in &found {
        assert!(repairs_it(case, r, &r.edits), "{:?} fails", r.what);
    }
    (format!("{:?}", link.fact), place, field, found)
}

fn case(document: String, commands: &[(&str, &str)], to: &str) -> Case {
    let commands = commands.iter().map(|(host, line)| ((*host).into(), (*line).into())).collect();
    let (from, to) = ("client".to_owned(), to.to_owned());
    Case { document, commands, from, to, places: Vec::new(), works: true }
}

fn types(found: &[Repair], at: &str, command: &str) -> bool {
    let is = |e: &Edit| matches!(e, Edit::Command { host, line } if host == at && line == command);
    found.iter().any(|r| r.edits.iter().chain(&r.or).any(is))
}

fn edits(found: &[Repair], gone: &str) -> bool {
    let is = |e: &Edit| {
        let Edit::Text { before, after } = e else { return false };
        before.contains(gone) && !after.contains(gone)
    };
    found.iter().any(|r| r.edits.iter().chain(&r.or).any(is))
}

const ADDRESS: &str = "192.168.1.240:80";

#[test]
fn a_speaker_that_is_stopped_is_named_and_started() {
    let stop = "systemctl stop speaker";
    let forget = ("client", "ip neigh del 192.168.1.240 dev eth0");
    let stopped = [("n1", stop), ("n2", stop), forget];
    let typed = case(BALANCED.to_owned(), &stopped, ADDRESS);
    let (fact, _, _, found) = diagnosed(&typed);
    assert!(fact.starts_with("Unannounced") && fact.contains("Stopped(\"n"), "{fact}");
    let start = "systemctl start speaker";
    assert!(["n1", "n2"].iter().any(|n| types(&found, n, start)), "{found:?}");
    let faults = "  faults: [{stopped: n1/speaker}, {stopped: n2/speaker}]\n";
    let written = case(format!("{BALANCED}{faults}"), &[], ADDRESS);
    let (fact, _, field, found) = diagnosed(&written);
    assert!(fact.contains("Stopped(\"n"), "{fact}");
    assert!(field.is_some_and(|f| f.starts_with("spec.faults")));
    let start = "systemctl start speaker";
    assert!(["n1", "n2"].iter().any(|n| types(&found, n, start)), "{found:?}");
}

#[test]
fn an_address_without_speakers_is_said_to_have_none() {
    let none = BALANCED.replace("  hosts:", "  loadBalancer: none\n  hosts:").replace(
        "nodePort: 30080}]}\n",
        "nodePort: 30080}]}\nstatus: {loadBalancer: {ingress: [{ip: 192.168.1.240}]}}\n",
    );
    let (fact, _, field, found) = diagnosed(&case(none, &[], ADDRESS));
    assert!(fact.contains("NoSpeaker"), "{fact}");
    assert_eq!(field.as_deref(), Some("spec.loadBalancer"));
    assert!(edits(&found, "loadBalancer: none"), "{found:?}");
}

#[test]
fn a_router_that_does_not_forward_is_named_and_made_to() {
    let off = routed().replace("{name: core,", "{name: core, sysctl: {net.ipv4.ip_forward: 0},");
    let (fact, place, field, found) = diagnosed(&case(off, &[], "10.11.0.10:30080"));
    assert!(fact.starts_with("NotForwarding"), "{fact}");
    assert_eq!(place, "core");
    assert_eq!(field.as_deref(), Some("spec.routers[0].sysctl.net.ipv4.ip_forward"));
    assert!(types(&found, "core", "sysctl -w net.ipv4.ip_forward=1"), "{found:?}");
    assert!(edits(&found, "ip_forward: 0"), "{found:?}");
}

#[test]
fn a_port_that_a_cable_blocks_is_named_and_opened() {
    let blocked = routed().replace("{segment: other}}", "{segment: other, blocked: [8472/udp]}}");
    let (fact, place, field, found) = diagnosed(&case(blocked, &[], "10.11.0.10:30080"));
    assert_eq!((fact.as_str(), place.as_str()), ("Lost(PortBlocked)", "n2"));
    assert_eq!(field.as_deref(), Some("spec.nodes[1].nic.blocked"));
    assert!(edits(&found, "blocked"), "{found:?}");
}

#[test]
fn a_cable_that_loses_everything_is_named_and_mended() {
    let lossy = routed().replace("{segment: office}]}", "{segment: office, loss: 100%}]}");
    let (fact, _, field, found) = diagnosed(&case(lossy, &[], "10.11.0.10:30080"));
    assert!(fact.starts_with("Lost(CableLoss") || fact.starts_with("NoNeighbour"), "{fact}");
    if fact.starts_with("Lost") {
        assert_eq!(field.as_deref(), Some("spec.routers[0].interfaces[2].loss"));
    }
    assert!(edits(&found, "loss"), "{found:?}");
}

#[test]
fn an_entry_of_a_unicast_address_is_only_replaced() {
    let mut s = Sound::new(1).session;
    let before = shell::exec(&mut s, "node-b", "bridge fdb show dev flannel.1").text;
    let mac = before.split_whitespace().next().expect("an entry").to_owned();
    let mut fdb = |verb: &str| {
        let line = format!("bridge fdb {verb} {mac} dev flannel.1 dst 192.168.1.99");
        let status = shell::exec(&mut s, "node-b", &line).status;
        (status == 0, shell::exec(&mut s, "node-b", "bridge fdb show dev flannel.1").text)
    };
    assert_eq!(fdb("add"), (false, before.clone()));
    assert_eq!(fdb("append"), (true, before));
    assert!(fdb("replace").1.contains(&format!("{mac} dst 192.168.1.99")));
}

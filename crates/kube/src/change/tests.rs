use super::*;
use crate::cluster::Cluster;
use crate::controller::build;
use crate::fault::Daemon;

const TEXT: &str = "\
# A cluster.
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
metadata: {name: t}
spec:
  segments: [{name: lan, subnet: 192.168.120.0/24, gateway: 192.168.120.254}]
  nodes:
  - {name: node01, nic: {name: ens192, address: 192.168.120.226/24}} # the first
  - name: node02
    nic: {name: ens192, address: 192.168.120.227/24}
  hosts:
  - {name: bastion, nic: {address: 192.168.120.252/24}}
  pods:
  - {of: nginx, node: node01, ip: 10.244.0.4}
  - {of: nginx, node: node02, ip: 10.244.1.4}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  replicas: 2 # two
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: nginx, image: nginx, ports: [{containerPort: 8080}]}]}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
  - send: {from: bastion, to: \"node01:30080\"}
";

fn done(text: &str, c: ClusterChange) -> String {
    let new = change(text, &c).unwrap_or_else(|e| panic!("{c:?}: {e}"));
    let (cluster, diags) = build(&new);
    assert!(cluster.is_some(), "{c:?}: {diags:?}\n{new}");
    for comment in ["# A cluster.", "# two"] {
        assert!(!text.contains(comment) || new.contains(comment), "{new}");
    }
    new
}

fn cluster(text: &str) -> Cluster {
    build(text).0.expect("valid")
}

fn nginx() -> (String, String) {
    ("default".to_owned(), "nginx".to_owned())
}

#[test]
fn nodes_and_hosts_are_added_like_the_last_and_removed_with_their_references() {
    let new = done(TEXT, ClusterChange::AddNode);
    let node = &cluster(&new).nodes[2].spec;
    assert_eq!(
        (node.name.value.as_str(), node.nic.name.as_str(), node.nic.address.value.to_string()),
        ("node03", "ens192", "192.168.120.228/24".to_owned())
    );
    let new = done(&new, ClusterChange::AddHost);
    assert_eq!(cluster(&new).topology.hosts[1].name.value, "bastion-2");
    let new = done(&new, ClusterChange::Fault(Fault::Cut("node02".into()), true));
    let new = done(&new, ClusterChange::Remove(Thing::Node("node02".into())));
    assert!(!new.contains("node02"), "{new}");
    assert!(new.contains("# the first"));
}

#[test]
fn renaming_updates_references() {
    let new = done(TEXT, ClusterChange::Move(Thing::Node("node01".into()), Some((40, -3))));
    let new =
        done(&new, ClusterChange::Fault(Fault::Stopped("node01".into(), Daemon::KubeProxy), true));
    let new = done(&new, ClusterChange::Rename(Thing::Node("node01".into()), "edge".into()));
    assert!(
        !new.replace("node01:30080", "").contains("node01")
            && new.contains("stopped: edge/kube-proxy"),
        "{new}"
    );
    assert_eq!(cluster(&new).topology.layout["edge"], (40, -3));
    let new = done(
        &new,
        ClusterChange::Rename(Thing::Deployment("default".into(), "nginx".into()), "web".into()),
    );
    assert!(
        new.contains("of: web") && cluster(&new).pods.iter().any(|p| p.deployment == "web"),
        "{new}"
    );
}

#[test]
fn scaling_keeps_the_line_and_removes_placements() {
    let (ns, name) = nginx();
    let new = done(TEXT, ClusterChange::Scale(ns, name, 1));
    assert!(new.contains("replicas: 1 # two") && !new.contains("10.244.1.4"), "{new}");
    assert_eq!(cluster(&new).pods.iter().filter(|p| p.deployment == "nginx").count(), 1);
}

#[test]
fn a_service_for_a_deployment_has_its_labels_and_port() {
    let (ns, name) = nginx();
    let new = done(TEXT, ClusterChange::AddService(ns.clone(), name));
    let c = cluster(&new);
    let s = c.services.iter().find(|s| s.name == "nginx-service").expect("there");
    assert_eq!(s.ports[0].endpoints.len(), 2);
    assert_eq!(s.ports[0].port, 8080);
    let new =
        done(&new, ClusterChange::ServiceType(ns.clone(), "nginx-service".into(), "ClusterIP"));
    assert!(cluster(&new).services.iter().all(|s| s.ports.iter().all(|p| p.node_port.is_none())));
    let new = done(&new, ClusterChange::Remove(Thing::Service(ns, "nginx-service".into())));
    assert_eq!(new, TEXT);
}

#[test]
fn faults_are_added_and_removed() {
    for fault in [
        Fault::Cut("bastion".into()),
        Fault::Down("node01".into(), "flannel.1".into()),
        Fault::Stopped("node01".into(), Daemon::Flanneld),
    ] {
        let new = done(TEXT, ClusterChange::Fault(fault.clone(), true));
        assert!(cluster(&new).topology.faults.iter().eq([&fault]));
        assert_eq!(done(&new, ClusterChange::Fault(fault.clone(), true)), new);
        assert_eq!(done(&new, ClusterChange::Fault(fault, false)), TEXT);
    }
}

#[test]
fn a_text_without_a_topology_gets_the_default_one() {
    let plain = TEXT.split_once("---\n").map(|(_, rest)| rest).expect("documents");
    let plain = plain.split_once("---\n").map(|(first, _)| first).expect("documents");
    let before = cluster(plain);
    let new = done(plain, ClusterChange::Sysctl("worker-1".into(), "net.ipv4.ip_forward", 0));
    let after = cluster(&new);
    assert!(new.starts_with(plain));
    assert!(!after.topology.nodes[1].ip_forward);
    let summary = |c: &Cluster| {
        let nodes: Vec<_> = c
            .nodes
            .iter()
            .map(|n| (n.spec.name.value.clone(), n.address(), n.mac, n.pod_cidr))
            .collect();
        let pods: Vec<_> = c.pods.iter().map(|p| (p.name.clone(), p.ip)).collect();
        (nodes, pods)
    };
    assert_eq!(summary(&before), summary(&after));
}

#[test]
fn a_thing_is_found_at_its_place() {
    let at = |word: &str| thing_at(TEXT, TEXT.find(word).expect("there"));
    assert_eq!(at("192.168.120.227"), Some(Thing::Node("node02".into())));
    assert_eq!(at("bastion, nic"), Some(Thing::Host("bastion".into())));
    assert_eq!(at("replicas"), Some(Thing::Deployment("default".into(), "nginx".into())));
    assert_eq!(at("metadata: {name: t}"), None);
    assert_eq!(thing_at(TEXT, 1_000_000), None);
}

#[test]
fn nics_and_the_segment() {
    let new = done(
        TEXT,
        ClusterChange::Nic(
            Thing::Host("bastion".into()),
            NicField::Mac,
            "00:50:56:00:00:01".into(),
        ),
    );
    let new =
        done(&new, ClusterChange::Nic(Thing::Node("node02".into()), NicField::Mtu, "1400".into()));
    let c = cluster(&new);
    assert_eq!(c.topology.nodes[1].nic.mtu, 1400);
    let new = done(&new, ClusterChange::Rename(Thing::Segment("lan".into()), "dc".into()));
    assert_eq!(cluster(&new).topology.segment.name, "dc");
    assert!(change(&new, &ClusterChange::Remove(Thing::Segment("dc".into()))).is_err());
    assert_eq!(
        change(TEXT, &ClusterChange::Scale("kube-system".into(), "kube-dns".into(), 2)),
        Err(ChangeError::NotWritten("kube-dns".into()))
    );
}

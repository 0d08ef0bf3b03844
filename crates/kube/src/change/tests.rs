use super::*;
use crate::cluster::Cluster;
use crate::controller::build;
use crate::fault::Daemon;
use std::net::Ipv4Addr;

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
        new.contains("of: web") && cluster(&new).pods.iter().any(|p| p.owner.name == "web"),
        "{new}"
    );
}

#[test]
fn scaling_keeps_the_line_and_removes_placements() {
    let (ns, name) = nginx();
    let new = done(TEXT, ClusterChange::Scale(ns, name, 1));
    assert!(new.contains("replicas: 1 # two") && !new.contains("10.244.1.4"), "{new}");
    assert_eq!(cluster(&new).pods.iter().filter(|p| p.owner.name == "nginx").count(), 1);
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
    assert_eq!(cluster(&new).topology.segment().name, "dc");
    assert!(change(&new, &ClusterChange::Remove(Thing::Segment("dc".into()))).is_err());
    assert_eq!(
        change(TEXT, &ClusterChange::Scale("kube-system".into(), "kube-dns".into(), 2)),
        Err(ChangeError::NotWritten("kube-dns".into()))
    );
}

const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer # outside
  selector:
    app: nginx # the pods
    tier: front
  ports:
  - port: 80 # http
    targetPort: 8080
  externalIPs: [192.0.2.1, 192.0.2.2]
";

fn web() -> Thing {
    Thing::Service("default".into(), "web".into())
}

/// Sets a field of a form by its name.
fn set(text: &str, thing: &Thing, of: &str, name: &str, value: &str) -> String {
    let groups = form(text, thing).expect("a form");
    let field = groups
        .iter()
        .filter(|g| g.title == of)
        .flat_map(|g| &g.fields)
        .find(|f| f.name == name)
        .unwrap_or_else(|| panic!("{of} {name}: {groups:#?}"));
    done(text, ClusterChange::Set(thing.clone(), field.path.clone(), field.input.read(value)))
}

#[test]
fn every_field_of_a_service_is_set_in_its_place_and_removed_again() {
    let text = format!("{TEXT}---\n{SERVICE}");
    let traffic = |text: &str| {
        let c = cluster(text);
        c.services.iter().find(|s| s.name == "web").expect("there").clone()
    };
    let web = web();
    let set = |of: &str, name: &str, value: &str| set(&text, &web, of, name, value);
    let new = set("", "selector", "app=nginx, tier=back");
    assert_eq!(new, text.replace("tier: front", "tier: back"));
    let new = set("", "selector", "app=nginx");
    assert_eq!(new, text.replace("    tier: front\n", ""));
    let new = set("", "externalIPs", "192.0.2.1, 192.0.2.9");
    assert_eq!(new, text.replace("192.0.2.2", "192.0.2.9"));
    let new = set("", "externalIPs", "192.0.2.1");
    assert_eq!(new, text.replace(", 192.0.2.2", ""));
    let new = set("ports[0]", "port", "8000");
    assert_eq!(new, text.replace("port: 80 # http", "port: 8000 # http"));
    let new = set("ports[0]", "targetPort", "http");
    assert_eq!(new, text.replace("targetPort: 8080", "targetPort: http"));
    assert_eq!(traffic(&set("ports[0]", "nodePort", "30123")).ports[0].node_port, Some(30_123));
    assert_eq!(traffic(&set("ports[0]", "protocol", "UDP")).ports[0].protocol, "UDP");
    assert_eq!(traffic(&set("ports[0]", "name", "http")).ports[0].name, "http");
    assert!(traffic(&set("", "externalTrafficPolicy", "Local")).traffic.external_local);
    assert!(traffic(&set("", "internalTrafficPolicy", "Local")).traffic.internal_local);
    assert!(traffic(&set("", "publishNotReadyAddresses", "true")).traffic.publish_not_ready);
    let ranges = traffic(&set("", "loadBalancerSourceRanges", "192.0.2.0/24, 10.0.0.0/8"));
    assert_eq!(ranges.traffic.source_ranges.len(), 2);
    let fixed = traffic(&set("", "clusterIP", "10.96.7.7"));
    assert_eq!(fixed.cluster_ip, Some(Ipv4Addr::new(10, 96, 7, 7)));
    // Earlier releases ignore the field.
    let release = "  kubernetes: {version: \"1.24\"}\n  nodes:\n";
    let without = set("", "allocateLoadBalancerNodePorts", "false");
    let without = traffic(&without.replace("  nodes:\n", release));
    assert_eq!(without.ports[0].node_port, None);
    let sticky = set("", "sessionAffinity", "ClientIP");
    assert_eq!(traffic(&sticky).traffic.affinity, Some(10_800));
    let short = self::set(&sticky, &web, "", "sessionAffinityConfig.clientIP.timeoutSeconds", "60");
    assert_eq!(traffic(&short).traffic.affinity, Some(60));
    assert_eq!(
        self::set(&short, &web, "", "sessionAffinityConfig.clientIP.timeoutSeconds", ""),
        sticky
    );
    assert_eq!(self::set(&sticky, &web, "", "sessionAffinity", ""), text);
    let local = set("", "externalTrafficPolicy", "Local");
    let checked = self::set(&local, &web, "", "healthCheckNodePort", "31000");
    assert_eq!(traffic(&checked).traffic.health_check, Some(31_000));
}

#[test]
fn ports_and_addresses_are_added_and_removed() {
    let text = format!("{TEXT}---\n{SERVICE}");
    let path = |keys: &[&str]| keys.iter().map(|k| PathPart::Key((*k).to_owned())).collect();
    let ports: Vec<PathPart> = path(&["spec", "ports"]);
    let new = done(&text, ClusterChange::AddItem(web(), ports.clone()));
    let c = cluster(&new);
    let ports_of = &c.services.iter().find(|s| s.name == "web").expect("there").ports;
    let names: Vec<_> = ports_of.iter().map(|p| (p.name.as_str(), p.port)).collect();
    assert_eq!(names, [("port-80", 80), ("port-81", 81)], "{new}");
    assert!(new.contains("# http") && new.contains("# the pods"));
    let second: Vec<_> = ports.into_iter().chain([PathPart::Item(1)]).collect();
    let new = done(&new, ClusterChange::Set(web(), second, None));
    assert_eq!(
        cluster(&new).services.iter().find(|s| s.name == "web").map(|s| s.ports.len()),
        Some(1)
    );
    let list = path(&["status", "loadBalancer", "ingress"]);
    let new = done(&text, ClusterChange::AddItem(web(), list));
    let c = cluster(&new);
    let s = c.services.iter().find(|s| s.name == "web").expect("there");
    assert_eq!(s.traffic.ingress.len(), 1);
    let (ns, name) = nginx();
    let list = form(&text, &Thing::Deployment(ns.clone(), name.clone())).expect("a form");
    let (list, _) = list.last().and_then(|g| g.add.clone()).expect("ports can be added");
    let new = done(&text, ClusterChange::AddItem(Thing::Deployment(ns, name), list));
    let pod = cluster(&new).pods.iter().find(|p| p.owner.name == "nginx").expect("a pod").clone();
    assert_eq!(pod.spec.containers[0].ports.iter().map(|p| p.port).collect::<Vec<_>>(), [8080, 80]);
}

#[test]
fn fields_of_workloads_machines_and_the_network() {
    let (ns, name) = nginx();
    let deployment = Thing::Deployment(ns, name);
    let pod = |text: &str| {
        let pods = cluster(text).pods;
        pods.into_iter().find(|p| p.owner.name == "nginx").expect("a pod")
    };
    let new = set(TEXT, &deployment, "", "template.metadata.labels", "app=nginx, tier=front");
    let labels = pod(&new).labels;
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["app", "pod-template-hash", "tier"], "{new}");
    assert_eq!(
        pod(&set(TEXT, &deployment, "containers[0]", "image", "httpd")).spec.containers[0].image,
        "httpd"
    );
    let new = set(TEXT, &deployment, "containers[0].ports[0]", "containerPort", "80");
    assert_eq!(new, TEXT.replace("containerPort: 8080", "containerPort: 80"));
    let new = set(TEXT, &deployment, "containers[0].ports[0]", "hostPort", "8081");
    assert_eq!(pod(&new).spec.containers[0].ports[0].host_port, Some(8081));
    let node = Thing::Node("node02".into());
    let spec = |text: &str| cluster(text).topology.nodes[1].clone();
    assert_eq!(spec(&set(TEXT, &node, "", "zone", "b")).zone.as_deref(), Some("b"));
    assert_eq!(spec(&set(TEXT, &node, "", "hostname", "n2")).hostname, "n2");
    assert_eq!(
        set(TEXT, &node, "", "nic.name", "eth1").matches("name: eth1").count(),
        1,
        "the device's name"
    );
    assert!(spec(&set(TEXT, &node, "", "docker", "true")).docker);
    let lan = Thing::Segment("lan".into());
    let t = |name: &str, value: &str| cluster(&set(TEXT, &lan, "", name, value)).topology;
    assert!(t("kubeProxy.masqueradeAll", "true").kube_proxy.masquerade_all);
    assert_eq!(t("flannel.vni", "7").vni, 7);
    assert_eq!(t("flannel.port", "4789").vxlan_port, 4789);
    assert_eq!(
        t("kubernetes.serviceCIDR", "10.97.0.0/16").service_cidr.to_string(),
        "10.97.0.0/16"
    );
    let gateway = set(TEXT, &lan, "segments[0]", "gateway", "192.168.120.1");
    assert_eq!(gateway, TEXT.replace("192.168.120.254", "192.168.120.1"));
}

#[test]
fn titles_and_names_tell_groups_and_fields_apart() {
    let second = "8080}]}, {name: api, image: api, ports: [{containerPort: 9}]}]}";
    let text = TEXT.replace("8080}]}]}", second);
    let (ns, name) = nginx();
    let groups = form(&text, &Thing::Deployment(ns, name)).expect("a form");
    let titles: Vec<_> = groups.iter().map(|g| g.title.as_str()).collect();
    let items = ["containers[0]", "containers[0].ports[0]"];
    let more = ["containers[1]", "containers[1].ports[0]"];
    assert_eq!(titles, [&[""], &items[..], &more[..]].concat());
    let host = form(TEXT, &Thing::Host("bastion".into())).expect("a form");
    let fields: Vec<_> = host[0].fields.iter().map(|f| (f.name.as_str(), f.default)).collect();
    assert_eq!(fields, [("hostname", ""), ("nic.name", "eth0")]);
    let lan = form(TEXT, &Thing::Segment("lan".into())).expect("a form");
    let vni = lan.iter().flat_map(|g| &g.fields).find(|f| f.name == "flannel.vni");
    assert_eq!(vni.map(|f| f.input), Some(Input::Number(1, 9_999_999)));
}

const RACKS: &str = "\
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  loadBalancer: external
  segments:
  - {name: rack-a, subnet: 10.11.0.0/24}
  - {name: rack-b, subnet: 10.12.0.0/24}
  nodes:
  - {name: node01, nic: {segment: rack-a}}
  - {name: node02, nic: {segment: rack-a}, interfaces: [{segment: rack-b}]}
  hosts:
  - {name: load-balancer, nic: {segment: rack-b}}
  routers:
  - {name: core, interfaces: [{segment: rack-a}, {segment: rack-b}]}
";

#[test]
fn the_segment_that_is_named_is_renamed_with_its_interfaces() {
    let new = done(RACKS, ClusterChange::Rename(Thing::Segment("rack-b".into()), "office".into()));
    assert_eq!(new, RACKS.replace("rack-b", "office"));
    let none = ClusterChange::Rename(Thing::Segment("rack-c".into()), "office".into());
    assert_eq!(change(RACKS, &none), Err(ChangeError::NotWritten("rack-c".into())));
}

#[test]
fn a_router_is_found_edited_renamed_and_removed() {
    let core = || Thing::Host("core".into());
    assert_eq!(thing_at(RACKS, RACKS.find("core").expect("there")), Some(core()));
    let new = done(RACKS, ClusterChange::Rename(core(), "edge".into()));
    assert_eq!(new, RACKS.replace("core", "edge"));
    let new = done(RACKS, ClusterChange::Nic(core(), NicField::Mtu, "1400".into()));
    let router = &cluster(&new).topology.hosts[1];
    assert_eq!((router.nic.mtu, router.interfaces[0].mtu), (1400, 1500));
    let new = set(RACKS, &core(), "interfaces[1]", "address", "10.12.0.9/24");
    assert_eq!(cluster(&new).topology.segments[1].gateway, Some(Ipv4Addr::new(10, 12, 0, 9)));
    assert!(!done(RACKS, ClusterChange::Remove(core())).contains("core"));
    // Its name is taken.
    let named = RACKS.replace("name: core", "name: node03");
    assert_eq!(cluster(&done(&named, ClusterChange::AddNode)).nodes[2].spec.name.value, "node04");
}

#[test]
fn the_load_balancer_keeps_its_host() {
    let rename =
        |from: &str, to: &str| ClusterChange::Rename(Thing::Host(from.to_owned()), to.to_owned());
    let new = done(RACKS, rename("load-balancer", "front"));
    assert_eq!(cluster(&new).topology.load_balancer_host, "front");
    let new = done(&new, rename("front", "edge"));
    assert_eq!(cluster(&new).topology.load_balancer_host, "edge");
}

#[test]
fn a_segment_has_an_mtu() {
    let new = set(RACKS, &Thing::Segment("rack-b".into()), "segments[1]", "mtu", "9000");
    assert_eq!(cluster(&new).topology.segments[1].mtu, 9000);
}

//! Nodes: the pod network and MAC addresses of each, its labels and taints, and a topology made of
//! the Node objects of a cluster's output.

use super::previous::Previous;
use crate::cluster::Node;
use crate::decode::{Decoder, Spanned};
use crate::diag::{Code, Diagnostic, nearest};
use crate::ipam::pod_cidrs;
use crate::naming;
use crate::object::{Labels, NodeObject, Object, Taint, TaintEffect, TextPod};
use crate::release::Release;
use crate::speaker::EXCLUDED;
use crate::topology::{Host, NodeSpec, Role, Topology};
use ipnet::Ipv4Net;
use net::wire::Mac;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The nodes of a Topology with their pod networks, MAC addresses, labels and taints. `bare`: the
/// topology itself was made of the Node objects, which then say everything about taints.
pub(super) fn allocate_nodes(
    d: &mut Decoder,
    topology: &Topology,
    objects: &[Object],
    bare: bool,
    previous: Option<&Previous<'_>>,
) -> Vec<Node> {
    let written = nodes(objects);
    report_unknown(d, topology, &written);
    let given: Vec<(&str, Ipv4Net)> = topology
        .nodes
        .iter()
        .filter_map(|n| Some((n.name.value.as_str(), given_cidr(objects, &n.name.value, bare)?)))
        .collect();
    let is_free = |c: &Ipv4Net| {
        previous.is_none_or(|p| !p.uses(*c)) && !given.iter().any(|(_, g)| overlap(g, c))
    };
    let mut free = pod_cidrs(topology.pod_cidr).filter(is_free);
    let mut out = Vec::new();
    for n in &topology.nodes {
        let name = &n.name.value;
        let kept = previous.and_then(|p| p.pod_cidr(name));
        let own = given.iter().find(|(of, _)| of == name).map(|(_, cidr)| *cidr);
        let Some(pod_cidr) = kept.or(own).or_else(|| free.next()) else {
            d.error(
                Code::AddressesExhausted,
                n.name.span,
                "CIDR allocation failed; there are no remaining CIDRs left to allocate in the \
                 accepted range",
                "choose a larger podCIDR, or fewer nodes",
            );
            break;
        };
        let mac = |given: Option<Mac>, device: &str| {
            given.unwrap_or_else(|| naming::random_mac(topology.seed, &format!("{name}/{device}")))
        };
        let object = written.iter().find(|o| o.meta.name.value == *name);
        let mut labels = default_labels(n, topology.version);
        let mut taints = default_taints(n.role, topology.version);
        if let Some(object) = object {
            if bare {
                labels.retain(|key, _| !key.starts_with("node-role.") && key != EXCLUDED);
            }
            labels.extend(object.meta.labels.clone());
            if bare {
                taints.clear();
            }
            taints.extend(
                object.taints.iter().filter(|t| !taints.contains(t)).cloned().collect::<Vec<_>>(),
            );
        }
        out.push(Node {
            pod_cidr,
            mac: mac(n.nic.mac, "nic"),
            vtep_mac: mac(n.vtep_mac, "flannel"),
            docker_mac: mac(n.docker_mac, "docker0"),
            labels,
            taints,
            unschedulable: object.is_some_and(|o| o.unschedulable),
            spec: n.clone(),
        });
    }
    out
}

fn nodes(objects: &[Object]) -> Vec<&NodeObject> {
    objects.iter().filter_map(|o| if let Object::Node(n) = o { Some(&**n) } else { None }).collect()
}

fn pods(objects: &[Object]) -> impl Iterator<Item = &TextPod> {
    objects.iter().filter_map(|o| if let Object::Pod(p) = o { Some(&**p) } else { None })
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

/// Reports a Node that the Topology does not have.
fn report_unknown(d: &mut Decoder, topology: &Topology, written: &[&NodeObject]) {
    for object in written {
        let name = &object.meta.name;
        let names = || topology.nodes.iter().map(|n| n.name.value.as_str());
        if !names().any(|n| n == name.value) {
            let hint = nearest(&name.value, names()).map_or_else(
                || "add it to the nodes of the Topology, or remove the Topology".to_owned(),
                |n| format!("did you mean {n}?"),
            );
            let message = format!("the Topology has no node {:?}", name.value);
            d.error(Code::NoSuchNode, name.span, message, hint);
        }
    }
}

/// The pod network that the text gives to a node: `spec.podCIDR`, or, of a cluster's output without
/// it, the /24 of its pods.
fn given_cidr(objects: &[Object], node: &str, bare: bool) -> Option<Ipv4Net> {
    let object = nodes(objects).into_iter().find(|o| o.meta.name.value == node);
    if let Some(cidr) = object.and_then(|o| o.pod_cidr.as_ref()) {
        return Some(cidr.value);
    }
    let mut here = pods(objects).filter(|p| {
        let spec = &p.template.spec;
        !spec.host_network && spec.node_name.as_ref().is_some_and(|n| n.value == node)
    });
    let ip = here.find_map(|p| p.ip.as_ref()).filter(|_| bare)?;
    Ipv4Net::new(ip.value, 24).ok().map(|n| n.trunc())
}

/// Of the output of a cluster whose network plugin does not give each node a network of its own,
/// takes the addresses of its pods away, and notes it: they get others from flannel.
pub(super) fn forget_foreign_addresses(d: &mut Decoder, objects: &mut [Object]) {
    let written = nodes(objects);
    let all = || pods(objects).filter(|p| !p.template.spec.host_network);
    let lan = subnet(written.iter().filter_map(|n| n.address).chain(node_addresses(objects)));
    let mut networks: Vec<(&str, Ipv4Net)> = Vec::new();
    let foreign = all().find_map(|p| {
        let (node, ip) = p.template.spec.node_name.as_ref().zip(p.ip.as_ref())?;
        let cidr = given_cidr(objects, &node.value, true)?;
        let known = networks.iter().any(|(of, _)| *of == node.value);
        let shared = !known && networks.iter().any(|(_, other)| overlap(other, &cidr));
        networks.push((&node.value, cidr));
        let beside = lan.is_some_and(|lan| lan.contains(&ip.value));
        (beside || shared || !cidr.contains(&ip.value)).then_some(ip.span)
    });
    let Some(span) = foreign else { return };
    let message = "the pods' addresses are not of networks of their nodes: the network plugin of \
                   this cluster is not simulated";
    let hint = "flannel carries them here, with other addresses; Services, names and ports are as \
                in the text";
    d.diags.push(Diagnostic::note(Code::NotSimulated, span, message, hint));
    for o in objects {
        if let Object::Pod(p) = o
            && !p.template.spec.host_network
        {
            p.ip = None;
        }
    }
}

/// The labels that kubelet and kubeadm give to a node.
fn default_labels(n: &NodeSpec, release: Release) -> Labels {
    let mut out = Labels::new();
    let mut add = |key: &str, value: &str| {
        out.insert(key.to_owned(), value.to_owned());
    };
    add("kubernetes.io/hostname", &n.name.value);
    add("beta.kubernetes.io/os", "linux");
    add("beta.kubernetes.io/arch", "amd64");
    if release.stable_node_labels() {
        add("kubernetes.io/os", "linux");
        add("kubernetes.io/arch", "amd64");
    }
    if let Some(zone) = &n.zone {
        add("failure-domain.beta.kubernetes.io/zone", zone);
        if release.topology_labels() {
            add("topology.kubernetes.io/zone", zone);
        }
    }
    if n.role == Role::ControlPlane {
        if !release.no_master() {
            add("node-role.kubernetes.io/master", "");
        }
        if release.two_roles() {
            add("node-role.kubernetes.io/control-plane", "");
        }
        if release.excludes_control_plane() {
            add(EXCLUDED, "");
        }
    }
    out
}

/// The taints that kubeadm gives to a node of the control plane.
fn default_taints(role: Role, release: Release) -> Vec<Taint> {
    let taint = |role: &str| Taint {
        key: format!("node-role.kubernetes.io/{role}"),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
    };
    let mut out = Vec::new();
    if role == Role::ControlPlane && !release.no_master_taint() {
        out.push(taint("master"));
    }
    if role == Role::ControlPlane && release.no_master() {
        out.push(taint("control-plane"));
    }
    out
}

/// The topology of a text without one, if its Node objects or the nodes of its Pods say more than
/// the default one: a cluster's own output.
pub(super) fn topology_of(objects: &[Object]) -> Option<Topology> {
    let default = Topology::default();
    let written = nodes(objects);
    let mut names: Vec<Spanned<String>> = written.iter().map(|n| n.meta.name.clone()).collect();
    if names.is_empty() {
        let of_pods = pods(objects).filter_map(|p| p.template.spec.node_name.clone());
        for name in of_pods {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if names.iter().all(|n| default.nodes.iter().any(|d| d.name == *n)) {
            return None;
        }
    }
    let release = written.iter().filter_map(|n| n.release).max();
    let version = release.unwrap_or(default.version);
    let addresses: BTreeMap<&str, Ipv4Addr> = written
        .iter()
        .filter_map(|n| Some((n.meta.name.value.as_str(), n.address?)))
        .chain(host_addresses(objects))
        .collect();
    let subnet = subnet(addresses.values().copied()).unwrap_or(default.segment().subnet);
    let mut free = subnet.hosts().filter(|a| !addresses.values().any(|x| x == a));
    let gateway = free.next();
    // As in the default topology, the first node is the ninth host behind the gateway.
    let mut free = free.skip(usize::from(addresses.is_empty()) * 8);
    let leads = |name: &str| {
        let of_node = written.iter().any(|n| n.meta.name.value == name && n.leads());
        let of_name =
            written.is_empty() && (name.contains("control-plane") || name.contains("master"));
        of_node || of_name
    };
    // Of a managed cluster, whose control plane has no Nodes, the first stands for it; of a cluster
    // known by its pods only, there is one more.
    let mut first_leads = false;
    if !names.iter().any(|n| leads(&n.value)) {
        if written.is_empty() {
            names.insert(0, default.nodes[0].name.clone());
        }
        first_leads = true;
    }
    let mut nodes = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        let address = addresses.get(name.value.as_str()).copied().or_else(|| free.next())?;
        let is_leader = leads(&name.value) || (first_leads && i == 0);
        let role = if is_leader { Role::ControlPlane } else { Role::Worker };
        nodes.push(NodeSpec::at(name, role, address, subnet, version.brings_docker()));
    }
    let mut hosts: Vec<Host> = default.hosts.clone();
    for host in &mut hosts {
        let wanted =
            if host.name.value == "gateway" { gateway } else { free.nth(40).or(free.next()) };
        host.nic.address.value = Ipv4Net::new(wanted?, subnet.prefix_len()).ok()?;
    }
    hosts.retain(|h| !nodes.iter().any(|n| n.name.value == h.name.value));
    let mut out = Topology { version, nodes, hosts, ..default };
    (out.segments[0].subnet, out.segments[0].gateway) = (subnet, gateway);
    let free = POD_CIDRS.map(|[a, b]| Ipv4Net::new(Ipv4Addr::new(a, b, 0, 0), 16).ok());
    let free = free.into_iter().flatten().find(|c| !overlap(c, &subnet));
    if let Some(cidr) = free.filter(|_| overlap(&out.pod_cidr, &subnet)) {
        out.pod_cidr = cidr;
        out.kube_proxy.cluster_cidr = Some(cidr);
    }
    let cidrs: Vec<Ipv4Net> =
        out.nodes.iter().filter_map(|n| given_cidr(objects, &n.name.value, true)).collect();
    if let Some(cidr) = covering(cidrs.iter().flat_map(|c| [c.network(), c.broadcast()]), 16)
        && !out.pod_cidr.contains(&cidr)
    {
        out.pod_cidr = cidr;
        out.kube_proxy.cluster_cidr = Some(cidr);
    }
    Some(out)
}

/// The addresses of [`host_addresses`].
fn node_addresses(objects: &[Object]) -> impl Iterator<Item = Ipv4Addr> {
    host_addresses(objects).map(|(_, address)| address)
}

/// The pod networks that are taken, the first that the LAN does not overlap.
const POD_CIDRS: [[u8; 2]; 4] = [[10, 244], [172, 30], [192, 168], [100, 64]];

/// The addresses of nodes as pods on their own network have them.
fn host_addresses(objects: &[Object]) -> impl Iterator<Item = (&str, Ipv4Addr)> {
    pods(objects).filter(|p| p.template.spec.host_network).filter_map(|p| {
        Some((p.template.spec.node_name.as_ref()?.value.as_str(), p.ip.as_ref()?.value))
    })
}

/// The network of a LAN with these addresses, of at most 254 of them if they fit.
fn subnet(addresses: impl Iterator<Item = Ipv4Addr>) -> Option<Ipv4Net> {
    covering(addresses, 24)
}

/// The smallest network that contains all addresses and is at least as large as a prefix length
/// says.
fn covering(addresses: impl Iterator<Item = Ipv4Addr>, prefix: u8) -> Option<Ipv4Net> {
    let all: Vec<Ipv4Addr> = addresses.collect();
    let first = *all.first()?;
    (0..=prefix).rev().find_map(|length| {
        let net = Ipv4Net::new(first, length).ok()?.trunc();
        all.iter().all(|a| net.contains(a)).then_some(net)
    })
}

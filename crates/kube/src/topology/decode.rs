//! Decoding and validation of `kind: Topology`.

use super::network::{self, DefinedNetwork, Segments, check_device, mac};
use super::{AddressRange, Backend, Balancer, NodeSpec, PodPlacement, Role, Topology};
use crate::decode::{Decoder, Fields, Spanned};
use crate::device;
use crate::diag::{Code, Diagnostic, nearest};
use crate::docker;
use crate::fault::{Daemon, Fault};
use crate::fields;
use crate::object::NameRule;
use crate::release::Release;
use crate::yaml::Value;
use ipnet::Ipv4Net;

/// Decodes `kind: Topology`; `None` if there is no `spec`.
pub fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Option<Topology> {
    let mut t = Topology { nodes: Vec::new(), hosts: Vec::new(), ..Topology::default() };
    if let Some(mut m) = f.fields(d, "metadata") {
        if let Some(name) = m.string(d, "name") {
            t.name = name.value;
        }
        d.finish(m);
    }
    f.require(d, "spec", "write spec: with nodes: below it")?;
    let spec = f.fields(d, "spec");
    d.finish(f);
    let mut s = spec?;
    let mut networks = Vec::new();
    t.seed = s.number(d, "seed").unwrap_or_default();
    if let Some(f) = s.fields(d, "kubernetes") {
        kubernetes(d, f, &mut t, &mut networks);
    }
    t.kube_proxy.cluster_cidr = Some(t.pod_cidr);
    if let Some(f) = s.fields(d, "kubeProxy") {
        kube_proxy(d, f, &mut t);
    }
    if let Some(f) = s.fields(d, "flannel") {
        flannel(d, f, &mut t);
    }
    network::segments(d, &mut s, &mut t.segments, &mut networks);
    load_balancer(d, &mut s, &mut t);
    s.require(d, "nodes", "write nodes: with - name: below it");
    let machines = |number| Segments { all: &t.segments, number, of_router: false };
    for (i, f) in (0..).zip(s.list(d, "nodes")) {
        t.nodes.extend(node(d, f, machines(10 + i), t.version));
    }
    for (i, f) in (0..).zip(s.list(d, "hosts")) {
        t.hosts.extend(network::host(d, f, machines(100 + i)));
    }
    for (i, f) in (0..).zip(s.list(d, "routers")) {
        t.hosts.extend(network::router(d, f, Segments { of_router: true, ..machines(1 + i) }));
    }
    network::default_gateways(&mut t.segments, &t.hosts);
    check_flannel(d, &t);
    for f in s.list(d, "pods") {
        t.pods.extend(pod(d, f));
    }
    for f in s.list(d, "faults") {
        let fault = fault(d, f, &t);
        t.faults.extend(fault);
    }
    check_balancer(d, &mut s, &t);
    if let Some(f) = s.fields(d, "layout") {
        layout(d, &f, &mut t);
    }
    d.finish(s);
    check_machines(d, &t);
    check_veths(d, &t);
    warn_of_overlaps(d, &t, &networks);
    Some(t)
}

fn load_balancer(d: &mut Decoder, s: &mut Fields<'_>, t: &mut Topology) {
    let word = s.choice(d, "loadBalancer");
    let found = Balancer::ALL.into_iter().find(|b| Some(b.name()) == word);
    t.load_balancer = found.unwrap_or(Balancer::Layer2);
    if let Some(host) = s.string(d, "loadBalancerHost") {
        t.load_balancer_host = host.value;
    }
    let Some(list) = s.get("loadBalancerPool") else { return };
    let path = s.path_of("loadBalancerPool");
    for (i, n) in d.items(list, &path).iter().enumerate() {
        let range = d.parsed::<AddressRange>(n, &format!("{path}[{i}]"), &fields::ADDRESS_RANGE);
        t.load_balancer_pool.extend(range.map(|r| r.value));
    }
    if !t.load_balancer.has_pool() {
        d.diags.push(Diagnostic::warning(
            Code::UnsupportedValue,
            list.span,
            format!("{path} has no effect with loadBalancer: {}", t.load_balancer.name()),
            "write loadBalancer: layer2 or external, or remove this line",
        ));
    }
}

/// Reports an external load balancer without its host.
fn check_balancer(d: &mut Decoder, s: &mut Fields<'_>, t: &Topology) {
    let name = &t.load_balancer_host;
    let is_there = t.hosts.iter().any(|h| h.name.value == *name);
    if t.load_balancer != Balancer::External || is_there {
        return;
    }
    let named = s.get("loadBalancerHost").or_else(|| s.get("loadBalancer"));
    let span = named.map_or(s.span, |n| n.span);
    d.error(
        Code::NoSuchNode,
        span,
        format!("spec.loadBalancer: external: no host {name:?}"),
        format!("add - name: {name} to spec.hosts, or name another host in loadBalancerHost"),
    );
}

fn kubernetes(
    d: &mut Decoder,
    mut f: Fields<'_>,
    t: &mut Topology,
    networks: &mut Vec<DefinedNetwork>,
) {
    // Unquoted, 1.10 is the number 1.1: the text decides.
    if let Some(v) = f.get("version")
        && let Value::Scalar { text, .. } = &v.value
    {
        match Release::parse(text) {
            Some(release) => t.version = release,
            None => d.error(
                Code::NotSimulated,
                v.span,
                format!("spec.kubernetes.version: {text:?} is not simulated"),
                format!(
                    "write a version from {} to {}, such as \"1.22\"",
                    Release::FIRST,
                    Release::LAST
                ),
            ),
        }
    }
    let each = (24, "each node gets a /24 of it");
    if let Some(net) = range(d, &mut f, "podCIDR", each, networks) {
        t.pod_cidr = net;
    }
    let tenth = (28, "kube-dns gets the tenth address of it");
    if let Some(net) = range(d, &mut f, "serviceCIDR", tenth, networks) {
        t.service_cidr = net;
    }
    if let Some(r) = f.string(d, "serviceNodePortRange") {
        match r.value.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))) {
            Some((first, last)) if first <= last && first > 0 => t.node_ports = (first, last),
            _ => d.error(
                Code::OutOfRange,
                r.span,
                format!("spec.kubernetes.serviceNodePortRange: Invalid value: {:?}", r.value),
                "write it like 30000-32767",
            ),
        }
    }
    d.finish(f);
}

/// A network of at most `longest` bits; like Go's `net.ParseCIDR`, without its host bits.
fn range(
    d: &mut Decoder,
    f: &mut Fields<'_>,
    name: &'static str,
    (longest, why): (u8, &str),
    networks: &mut Vec<DefinedNetwork>,
) -> Option<Ipv4Net> {
    let path = f.path_of(name);
    let c = f.parsed::<Ipv4Net>(d, name)?;
    if c.value.prefix_len() > longest {
        d.error(
            Code::OutOfRange,
            c.span,
            format!("{path}: Invalid value: {}: must be /{longest} or larger: {why}", c.value),
            format!(
                "write a network of /{longest} or larger, such as {}",
                f.default_value(name).unwrap_or_default()
            ),
        );
        return None;
    }
    networks.push((name, c.value.trunc(), c.span));
    Some(c.value.trunc())
}

fn kube_proxy(d: &mut Decoder, mut f: Fields<'_>, t: &mut Topology) {
    let k = &mut t.kube_proxy;
    f.choice(d, "mode");
    k.masquerade_all = f.flag(d, "masqueradeAll");
    if let Some(n) = f.get("clusterCIDR") {
        k.cluster_cidr = match &n.value {
            Value::Scalar { text, .. } if text.is_empty() => None,
            _ => f.parsed::<Ipv4Net>(d, "clusterCIDR").map(|c| c.value.trunc()),
        };
    }
    if let Some(list) = f.get("nodePortAddresses") {
        let path = f.path_of("nodePortAddresses");
        for (i, n) in d.items(list, &path).iter().enumerate() {
            let net = d.parsed::<Ipv4Net>(n, &format!("{path}[{i}]"), &fields::NETWORK);
            k.node_port_addresses.extend(net.map(|n| n.value));
        }
    }
    if let Some(n) = f.get("localhostNodePorts").filter(|_| !t.version.localhost_flag()) {
        d.diags.push(Diagnostic::note(
            Code::NotSimulated,
            n.span,
            format!(
                "spec.kubeProxy.localhostNodePorts is ignored: Kubernetes {} does not support it \
                 (since 1.26)",
                t.version
            ),
            "choose a later version, or remove the field",
        ));
    }
    k.localhost_node_ports = f.flag(d, "localhostNodePorts");
    d.finish(f);
}

fn flannel(d: &mut Decoder, mut f: Fields<'_>, t: &mut Topology) {
    let host_gw = f.choice(d, "backend") == Some("host-gw");
    let direct_routing = f.flag(d, "directRouting");
    t.backend = if host_gw { Backend::HostGw } else { Backend::Vxlan { direct_routing } };
    if let Some(n) = f.get("directRouting").filter(|_| host_gw && direct_routing) {
        d.error(
            Code::UnsupportedValue,
            n.span,
            "spec.flannel.directRouting: not an option of host-gw, which always routes directly",
            "remove this line, or write backend: vxlan",
        );
    }
    if let Some(vni) = f.number(d, "vni") {
        t.vni = vni;
    }
    if let Some(port) = f.number(d, "port") {
        t.vxlan_port = port;
    }
    t.ip_masq = f.flag(d, "ipMasq");
    if let Some(name) = f.parsed(d, "iface") {
        t.flannel_iface = Some(name);
    }
    d.finish(f);
}

/// Reports nodes without flannel's interface, and nodes that its backend cannot reach.
fn check_flannel(d: &mut Decoder, t: &Topology) {
    if let Some(name) = &t.flannel_iface {
        for n in t.nodes.iter().filter(|n| n.nics().all(|nic| nic.name != name.value)) {
            let names: Vec<&str> = n.nics().map(|nic| nic.name.as_str()).collect();
            d.error(
                Code::UnsupportedValue,
                name.span,
                format!("spec.flannel.iface: {} has no interface {:?}", n.name.value, name.value),
                format!("write one of {}, or add it to spec.nodes.interfaces", names.join(", ")),
            );
        }
    }
    if t.backend != Backend::HostGw {
        return;
    }
    for (i, b) in t.nodes.iter().enumerate() {
        let to = t.flannel_nic(b).address.value.addr();
        let earlier = t.nodes[..i].iter().map(|a| (a, t.flannel_nic(a)));
        if let Some((a, from)) = earlier.into_iter().find(|(_, from)| !from.reaches(to)) {
            d.diags.push(Diagnostic::warning(
                Code::NodeUnreachable,
                b.name.span,
                format!(
                    "flannel on {} cannot add the route to the pods of {}: {to} is not on the \
                     segment of {} (host-gw: network is unreachable)",
                    a.name.value, b.name.value, from.name
                ),
                "attach the nodes to one segment, or write backend: vxlan",
            ));
        }
    }
}

fn node(
    d: &mut Decoder,
    mut f: Fields<'_>,
    segments: Segments<'_>,
    version: Release,
) -> Option<NodeSpec> {
    let name = f.require_string(d, "name", "write - name: node01");
    let unnamed = Spanned { value: String::new(), span: f.span };
    let mut node = NodeSpec::named(name.clone().unwrap_or(unnamed));
    if let Some(h) = f.string(d, "hostname") {
        node.hostname = h.value;
    }
    if f.choice(d, "role") == Some("control-plane") {
        node.role = Role::ControlPlane;
    }
    node.docker = f.boolean(d, "docker").unwrap_or(version.brings_docker());
    node.zone = f.string(d, "zone").map(|z| z.value);
    node.docker_mac = mac(d, &mut f, "dockerMAC");
    node.vtep_mac = mac(d, &mut f, "vtepMAC");
    (node.nic, node.interfaces, node.routes) = segments.machine(d, &mut f);
    if let Some(mut s) = f.fields(d, "sysctl") {
        if let Some(v) = s.number::<u8>(d, "net.ipv4.ip_forward") {
            node.ip_forward = v == 1;
        }
        if let Some(v) = s.number::<u8>(d, "net.bridge.bridge-nf-call-iptables") {
            node.bridge_nf = v == 1;
        }
        if let Some(v) = s.number(d, "net.ipv4.conf.all.rp_filter") {
            node.rp_filter = v;
        }
        d.finish(s);
    }
    d.finish(f);
    name.map(|_| node)
}

fn pod(d: &mut Decoder, mut f: Fields<'_>) -> Option<PodPlacement> {
    let of = f.require_string(d, "of", "write of: with the Deployment's name");
    let node = f.require_string(d, "node", "write node: with a node's name");
    let ip = f.require(d, "ip", "write ip: with the pod's address");
    let ip = ip.and_then(|n| d.parsed(n, &f.path_of("ip"), &fields::POD_ADDRESS));
    let suffix = f.string(d, "suffix").map(|s| s.value);
    let veth = f.string(d, "veth").filter(|n| check_device(d, &f.path_of("veth"), n));
    let veth_mac = mac(d, &mut f, "vethMAC");
    let ready = f.flag(d, "ready");
    let terminating = f.flag(d, "terminating");
    d.finish(f);
    Some(PodPlacement { of: of?, node: node?, ip: ip?, suffix, veth, veth_mac, ready, terminating })
}

/// Decodes one item of `spec.faults`.
fn fault(d: &mut Decoder, mut f: Fields<'_>, t: &Topology) -> Option<Fault> {
    let (path, span, faults_before) = (f.path.clone(), f.span, d.diags.len());
    let mut found: Vec<(&str, Spanned<String>)> = Vec::new();
    for key in ["cut", "down", "stopped"] {
        found.extend(f.string(d, key).map(|s| (key, s)));
    }
    d.finish(f);
    let [(key, text)] = found.as_slice() else {
        if found.len() > 1 || d.diags.len() == faults_before {
            d.error(
                Code::MissingField,
                span,
                format!("{path}: must have exactly one of cut, down and stopped"),
                "write - {cut: node01}, - {down: node01/flannel.1} or \
                 - {stopped: node01/kube-proxy}",
            );
        }
        return None;
    };
    let (owner, part) =
        text.value.split_once('/').map_or((text.value.as_str(), None), |(a, b)| (a, Some(b)));
    let nodes = t.nodes.iter().map(|n| n.name.value.as_str());
    let hosts = t.hosts.iter().map(|h| h.name.value.as_str()).filter(|_| *key != "stopped");
    let names: Vec<&str> = nodes.chain(hosts).collect();
    if !names.contains(&owner) {
        let hint = nearest(owner, names.iter().copied()).map_or_else(
            || format!("write one of {}", names.join(", ")),
            |n| format!("did you mean {n}?"),
        );
        let message = format!("{path}.{key}: no node or host {owner:?}");
        d.error(Code::NoSuchNode, text.span, message, hint);
        return None;
    }
    let mut refuse = |message: String, hint: String| {
        d.error(Code::UnsupportedValue, text.span, format!("{path}.{key}: {message}"), hint);
        None
    };
    match (*key, part) {
        ("cut", None) => Some(Fault::Cut(owner.to_owned())),
        ("cut", Some(_)) => refuse(
            "must name a node or host, not a device".to_owned(),
            format!("write cut: {owner}"),
        ),
        ("down", Some(dev)) => {
            let present = devices(t, owner);
            if present.iter().any(|d| d == dev) || dev.starts_with("veth") {
                return Some(Fault::Down(owner.to_owned(), dev.to_owned()));
            }
            refuse(
                format!("{owner} has no device {dev:?}"),
                format!("write one of {}", present.join(", ")),
            )
        }
        ("down", None) => refuse(
            "the device is missing".to_owned(),
            format!("write down: {owner}/ and one of {}", devices(t, owner).join(", ")),
        ),
        (_, daemon) => match daemon.and_then(Daemon::from_name) {
            Some(daemon) => Some(Fault::Stopped(owner.to_owned(), daemon)),
            None => refuse(
                "must name kube-proxy, flanneld or speaker".to_owned(),
                format!("write stopped: {owner}/kube-proxy, {owner}/flanneld or {owner}/speaker"),
            ),
        },
    }
}

/// The devices of a node or host, without the veths of pods.
fn devices(t: &Topology, owner: &str) -> Vec<String> {
    if let Some(host) = t.hosts.iter().find(|h| h.name.value == owner) {
        return host.nics().map(|n| n.name.clone()).collect();
    }
    let Some(node) = t.nodes.iter().find(|n| n.name.value == owner) else { return Vec::new() };
    let mut out: Vec<String> = node.nics().map(|n| n.name.clone()).collect();
    out.push(device::CNI_BRIDGE.to_owned());
    if t.backend != Backend::HostGw {
        out.push(device::flannel(t.vni));
    }
    if node.docker {
        out.push(device::DOCKER_BRIDGE.to_owned());
    }
    out
}

/// Decodes `spec.layout`. A name that no longer exists is not a fault: nothing depends on it.
fn layout(d: &mut Decoder, by_name: &Fields<'_>, t: &mut Topology) {
    for (name, mut f) in by_name.by_name(d) {
        let mut offset =
            |key| f.integer(d, key).map_or(0, |v| v.value.clamp(-20_000, 20_000) as i32);
        let at = (offset("x"), offset("y"));
        d.finish(f);
        t.layout.insert(name.to_owned(), at);
    }
}

/// Reports networks that overlap: valid, but hardly intended.
fn warn_of_overlaps(d: &mut Decoder, t: &Topology, defined: &[DefinedNetwork]) {
    let docker = t.nodes.iter().any(|n| n.docker);
    let docker = docker.then(|| (device::DOCKER_BRIDGE, docker::network().trunc()));
    let all: Vec<_> = [("podCIDR", t.pod_cidr), ("serviceCIDR", t.service_cidr)]
        .into_iter()
        .chain(t.segments.iter().map(|s| (network::SUBNET, s.subnet)))
        .chain(docker)
        .collect();
    network::warn_of_overlaps(d, &all, defined);
}

/// Reports two devices of one name on a node.
fn check_veths(d: &mut Decoder, t: &Topology) {
    for (i, p) in t.pods.iter().enumerate() {
        let Some(veth) = &p.veth else { continue };
        let has = |n: &NodeSpec| n.nics().any(|nic| nic.name == veth.value);
        let nic = t.nodes.iter().any(|n| n.name.value == p.node.value && has(n));
        let same = |q: &PodPlacement| {
            q.node.value == p.node.value && q.veth.as_ref().is_some_and(|v| v.value == veth.value)
        };
        if nic || t.pods[..i].iter().any(same) {
            d.error(
                Code::DuplicateObject,
                veth.span,
                format!("{} already has a device {:?}", p.node.value, veth.value),
                "give each veth of a node its own name",
            );
        }
    }
}

/// Reports invalid names, and names and addresses that two machines have.
fn check_machines(d: &mut Decoder, t: &Topology) {
    let mut names: Vec<&Spanned<String>> = Vec::new();
    let mut addrs: Vec<&Spanned<Ipv4Net>> = Vec::new();
    for (name, nics, _) in t.machines() {
        if !NameRule::Subdomain.accepts(&name.value) {
            d.error(
                Code::InvalidName,
                name.span,
                format!("{:?} is not a valid name of a node or host", name.value),
                "use lower case letters, digits, '-' and '.', and begin with a letter or digit",
            );
        }
        if t.segments.iter().any(|s| s.name == name.value) {
            d.error(
                Code::DuplicateObject,
                name.span,
                format!("the segment is already named {:?}", name.value),
                "give each node, host and segment its own name",
            );
        }
        if let Some(first) = names.iter().find(|n| n.value == name.value) {
            d.error(
                Code::DuplicateObject,
                name.span,
                format!("{:?} is already defined in line {}", name.value, first.span.line),
                "give each node and host its own name",
            );
        }
        for nic in nics {
            let addr = nic.address.value.addr();
            if let Some(first) = addrs.iter().find(|a| a.value.addr() == addr) {
                d.error(
                    Code::AddressTaken,
                    nic.address.span,
                    format!("{addr} is already assigned in line {}", first.span.line),
                    "give each NIC its own address",
                );
            }
            addrs.push(&nic.address);
        }
        names.push(name);
    }
}

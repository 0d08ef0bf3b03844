//! `kind: Topology`: what is under the cluster. Every field has a default; a text without a
//! Topology gets the default one: a control plane, two workers and a client on one LAN.

use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Diagnostic, Span};
use crate::fault::{self, Daemon, Fault};
use crate::proxy::Release;
use crate::yaml::YamlNode;
use ipnet::Ipv4Net;
use litemap::LiteMap;
use net::wire::Mac;
use std::net::Ipv4Addr;

/// A NIC on a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// Its name.
    pub name: String,
    /// Its address with its length.
    pub address: Spanned<Ipv4Net>,
    /// Its MAC; drawn from the seed if not given.
    pub mac: Option<Mac>,
    /// Its MTU, in bytes.
    pub mtu: u32,
}

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The API server runs there; no pods of Deployments.
    ControlPlane,
    /// Pods run there.
    Worker,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: Spanned<String>,
    /// Its host name, as tools print it.
    pub hostname: String,
    /// What it is for.
    pub role: Role,
    /// Its NIC.
    pub nic: Nic,
    /// Whether docker runs there, with docker0 and its rules. As a rule up to 1.23: then it went.
    pub docker: bool,
    /// The MAC of docker0.
    pub docker_mac: Option<Mac>,
    /// The MAC of its VXLAN device.
    pub vtep_mac: Option<Mac>,
    /// `net.ipv4.ip_forward`.
    pub ip_forward: bool,
    /// `net.bridge.bridge-nf-call-iptables`.
    pub bridge_nf: bool,
    /// `net.ipv4.conf.all.rp_filter`.
    pub rp_filter: u8,
    /// Its zone: the label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
}

/// A host outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: Spanned<String>,
    /// Its host name.
    pub hostname: String,
    /// Its NIC.
    pub nic: Nic,
}

/// What chance decided about one pod of a running cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The Deployment it belongs to.
    pub of: Spanned<String>,
    /// The node it was scheduled to.
    pub node: Spanned<String>,
    /// The address it got.
    pub ip: Spanned<Ipv4Addr>,
    /// The letters behind its name: five, or the template's hash, `-` and five.
    pub suffix: Option<String>,
    /// The name of its veth on the node.
    pub veth: Option<Spanned<String>>,
    /// The MAC of that veth.
    pub veth_mac: Option<Mac>,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is on its way out.
    pub terminating: bool,
}

/// How kube-proxy is started on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeProxy {
    /// `masqueradeAll`.
    pub masquerade_all: bool,
    /// `clusterCIDR`: who is in the cluster. As a rule the pods' network.
    pub cluster_cidr: Option<Ipv4Net>,
    /// `nodePortAddresses`: where node ports are reached; empty: everywhere.
    pub node_port_addresses: Vec<Ipv4Net>,
    /// `iptables.localhostNodePorts`: whether they are reached at 127.0.0.1.
    pub localhost_node_ports: bool,
}

/// How flannel carries packets to other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `vxlan`: in UDP.
    Vxlan {
        /// `DirectRouting`: as they are, to nodes on the same segment.
        direct_routing: bool,
    },
    /// `host-gw`: as they are.
    HostGw,
}

/// A LAN segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its network.
    pub subnet: Ipv4Net,
    /// The default gateway of everybody on it.
    pub gateway: Option<Ipv4Addr>,
}

/// What is under the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Its name.
    pub name: String,
    /// Decides what the real components draw: names, addresses, the order of a map.
    pub seed: u64,
    /// Kubernetes' release: what kube-proxy, flannel, the CNI plugins and docker of its day write.
    pub version: Release,
    /// `--pod-network-cidr`.
    pub pod_cidr: Ipv4Net,
    /// `--service-cidr`.
    pub service_cidr: Ipv4Net,
    /// `--service-node-port-range`.
    pub node_ports: (u16, u16),
    /// How kube-proxy is started.
    pub kube_proxy: KubeProxy,
    /// How flannel carries packets.
    pub backend: Backend,
    /// VXLAN network identifier of flannel.
    pub vni: u32,
    /// UDP port of flannel's VXLAN.
    pub vxlan_port: u16,
    /// `--ip-masq` of flannel.
    pub ip_masq: bool,
    /// The LAN.
    pub segment: Segment,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Hosts.
    pub hosts: Vec<Host>,
    /// Pods whose place and address are known.
    pub pods: Vec<Placed>,
    /// What is broken.
    pub faults: Vec<Fault>,
    /// Where a person dragged nodes and hosts to, in pixels from where they would stand.
    pub layout: LiteMap<String, (i32, i32)>,
}

fn literal<T: std::str::FromStr>(text: &str) -> T {
    let Ok(value) = text.parse() else { unreachable!("a literal in the source") };
    value
}

impl Default for Topology {
    fn default() -> Self {
        let at = Span { line: 1, column: 1, start: 0, end: 0 };
        let nic = |last: u8| Nic {
            name: "eth0".to_owned(),
            address: Spanned { value: literal(&format!("192.168.1.{last}/24")), span: at },
            mac: None,
            mtu: 1500,
        };
        let node = |name: &str, role, last| Node {
            role,
            nic: nic(last),
            ..Node::named(Spanned { value: name.to_owned(), span: at })
        };
        let host = |name: &str, last| Host {
            name: Spanned { value: name.to_owned(), span: at },
            hostname: name.to_owned(),
            nic: nic(last),
        };
        Self {
            name: "default".to_owned(),
            seed: 0,
            version: Release::FIRST,
            pod_cidr: literal("10.244.0.0/16"),
            service_cidr: literal("10.96.0.0/12"),
            node_ports: (30_000, 32_767),
            kube_proxy: KubeProxy {
                masquerade_all: false,
                cluster_cidr: Some(literal("10.244.0.0/16")),
                node_port_addresses: Vec::new(),
                localhost_node_ports: true,
            },
            backend: Backend::Vxlan { direct_routing: false },
            vni: 1,
            vxlan_port: net::wire::VXLAN_PORT,
            ip_masq: true,
            segment: Segment {
                name: "lan".to_owned(),
                subnet: literal("192.168.1.0/24"),
                gateway: Some(literal("192.168.1.1")),
            },
            nodes: vec![
                node("control-plane", Role::ControlPlane, 10),
                node("worker-1", Role::Worker, 11),
                node("worker-2", Role::Worker, 12),
            ],
            hosts: vec![host("gateway", 1), host("client", 100)],
            pods: Vec::new(),
            faults: Vec::new(),
            layout: LiteMap::new(),
        }
    }
}

impl Topology {
    /// Whether a daemon runs on a node.
    pub fn runs(&self, node: &str, daemon: Daemon) -> bool {
        !self.faults.iter().any(|f| matches!(f, Fault::Stopped(n, d) if n == node && *d == daemon))
    }
}

impl Node {
    fn named(name: Spanned<String>) -> Self {
        let nic = Nic {
            name: "eth0".to_owned(),
            address: Spanned { value: literal("192.168.1.11/24"), span: name.span },
            mac: None,
            mtu: 1500,
        };
        Self {
            hostname: name.value.clone(),
            name,
            role: Role::Worker,
            nic,
            docker: true,
            docker_mac: None,
            vtep_mac: None,
            ip_forward: true,
            bridge_nf: true,
            rp_filter: 1,
            zone: None,
        }
    }
}

/// Decodes a Topology.
pub fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Option<Topology> {
    let mut t = Topology { nodes: Vec::new(), hosts: Vec::new(), ..Topology::default() };
    if let Some(mut m) = f.fields(d, "metadata") {
        if let Some(name) = m.string(d, "name") {
            t.name = name.value;
        }
        d.finish(m);
    }
    let spec = f.require(d, "spec", "write spec: with nodes: below it")?;
    d.finish(f);
    let mut s = d.fields(spec, "spec")?;
    let mut nets = Vec::new();
    if let Some(seed) = s.integer(d, "seed") {
        t.seed = seed.value.unsigned_abs();
    }
    if let Some(k) = s.get("kubernetes") {
        kubernetes(d, k, &mut t, &mut nets);
    }
    t.kube_proxy.cluster_cidr = Some(t.pod_cidr);
    if let Some(p) = s.get("kubeProxy") {
        kube_proxy(d, p, &mut t.kube_proxy, t.version);
    }
    if let Some(mut p) = s.fields(d, "flannel") {
        let backend = p.word(d, "backend", &["vxlan", "host-gw"]);
        let direct = p
            .get("directRouting")
            .and_then(|n| Some((d.boolean(n, "spec.flannel.directRouting")?, n.span)));
        t.backend = match (backend, direct) {
            (Some("host-gw"), None | Some((false, _))) => Backend::HostGw,
            (Some("host-gw"), Some((true, span))) => {
                let message = "spec.flannel.directRouting: host-gw always routes directly";
                d.error(
                    Code::UnsupportedValue,
                    span,
                    message,
                    "remove this line, or write backend: vxlan",
                );
                Backend::HostGw
            }
            (_, direct) => Backend::Vxlan { direct_routing: direct.is_some_and(|(on, _)| on) },
        };
        if let Some(v) = p.integer(d, "vni") {
            match u32::try_from(v.value) {
                Ok(vni @ 1..=9_999_999) => t.vni = vni,
                _ => d.error(
                    Code::OutOfRange,
                    v.span,
                    format!("spec.flannel.vni: Invalid value: {}", v.value),
                    "write a number from 1 to 9999999: the device is flannel.VNI, and a device name has 15 characters",
                ),
            }
        }
        if let Some(port) = p.port(d, "port") {
            t.vxlan_port = port.value;
        }
        t.ip_masq = p.boolean(d, "ipMasq").unwrap_or(true);
        d.finish(p);
    }
    if let Some(list) = s.get("segments") {
        let items = d.items(list, "spec.segments");
        if let Some(extra) = items.get(1) {
            d.error(
                Code::NotSimulated,
                extra.span,
                "spec.segments: only one segment is simulated",
                "remove this one",
            );
        }
        if let Some(node) = items.first() {
            segment(d, node, &mut t.segment, &mut nets);
        }
    }
    if let Some(list) = s.require(d, "nodes", "write nodes: with - name: below it") {
        for (n, i) in d.items(list, "spec.nodes").iter().zip(0..) {
            let node = node(d, n, &format!("spec.nodes[{i}]"), (&t.segment, t.version), i);
            t.nodes.extend(node);
        }
    }
    if let Some(list) = s.get("hosts") {
        for (n, i) in d.items(list, "spec.hosts").iter().zip(0..) {
            let host = host(d, n, &format!("spec.hosts[{i}]"), &t.segment, i);
            t.hosts.extend(host);
        }
    }
    if let Some(list) = s.get("pods") {
        for (n, i) in d.items(list, "spec.pods").iter().zip(0..) {
            let placed = placed(d, n, &format!("spec.pods[{i}]"));
            t.pods.extend(placed);
        }
    }
    if let Some(list) = s.get("faults") {
        for (n, i) in d.items(list, "spec.faults").iter().zip(0..) {
            let fault = fault::decode(d, n, &format!("spec.faults[{i}]"), &t);
            t.faults.extend(fault);
        }
    }
    if let Some(node) = s.get("layout") {
        layout(d, node, &mut t.layout);
    }
    d.finish(s);
    check(d, &t);
    check_places(d, &t);
    overlaps(d, &t, &nets);
    Some(t)
}

/// `layout: {node01: {x: 40, y: -12}}`. Nothing else depends on it: a name that is gone is no
/// fault.
fn layout(d: &mut Decoder, node: &YamlNode, to: &mut LiteMap<String, (i32, i32)>) {
    let Some(places) = d.fields(node, "spec.layout") else { return };
    for (name, place) in places.all() {
        let path = places.path_of(name);
        let Some(mut f) = d.fields(place, &path) else { continue };
        let mut read = |key| {
            f.get(key)
                .and_then(|n| d.integer(n, &format!("{path}.{key}")))
                .map_or(0, |v| v.value.clamp(-20_000, 20_000) as i32)
        };
        let at = (read("x"), read("y"));
        d.finish(f);
        to.insert(name.to_owned(), at);
    }
}

/// A network that is written in the text: its name, itself, its place.
type Written = (&'static str, Ipv4Net, Span);

/// Networks that overlap are allowed, and hardly meant.
fn overlaps(d: &mut Decoder, t: &Topology, written: &[Written]) {
    let docker = t
        .nodes
        .iter()
        .any(|n| n.docker)
        .then(|| ("docker0", literal::<Ipv4Net>(crate::docker::NETWORK).trunc()));
    let all = [
        ("podCIDR", t.pod_cidr),
        ("serviceCIDR", t.service_cidr),
        ("the segment's subnet", t.segment.subnet),
    ]
    .into_iter()
    .chain(docker);
    let all: Vec<_> = all.collect();
    let mut told: Vec<(&str, &str)> = Vec::new();
    for (name, net, span) in written.iter().rev() {
        for (other, range) in all.iter().filter(|(n, _)| n != name) {
            if (net.contains(range) || range.contains(net)) && !told.contains(&(other, name)) {
                told.push((name, other));
                d.diags.push(Diagnostic::warning(
                    Code::NetworkOverlap,
                    *span,
                    format!("{net} overlaps {other}, {range}: a packet to an address of both goes to one of them only"),
                    "choose a network that nothing else uses",
                ));
            }
        }
    }
}

fn kubernetes(d: &mut Decoder, node: &YamlNode, t: &mut Topology, nets: &mut Vec<Written>) {
    let Some(mut k) = d.fields(node, "spec.kubernetes") else { return };
    if let Some(v) = k.get("version") {
        // 1.10 without quotes is the number 1.1: the text is what counts.
        if let crate::yaml::Value::Scalar { text, .. } = &v.value {
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
    }
    if let Some(net) =
        range(d, &mut k, "podCIDR", (24, "each node gets a /24 of it"), "10.244.0.0/16", nets)
    {
        t.pod_cidr = net;
    }
    if let Some(net) = range(
        d,
        &mut k,
        "serviceCIDR",
        (28, "kube-dns takes the tenth address of it"),
        "10.96.0.0/12",
        nets,
    ) {
        t.service_cidr = net;
    }
    if let Some(r) = k.string(d, "serviceNodePortRange") {
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
    d.finish(k);
}

fn kube_proxy(d: &mut Decoder, node: &YamlNode, k: &mut KubeProxy, version: Release) {
    let Some(mut p) = d.fields(node, "spec.kubeProxy") else { return };
    if let Some(n) = p.get("mode") {
        d.word(n, "spec.kubeProxy.mode", &["iptables"]);
    }
    k.masquerade_all = p.boolean(d, "masqueradeAll").unwrap_or(false);
    if let Some(n) = p.get("clusterCIDR") {
        // Empty: kube-proxy does not know who is in the cluster.
        k.cluster_cidr = match &n.value {
            crate::yaml::Value::Scalar { text, .. } if text.is_empty() => None,
            _ => d
                .parsed::<Ipv4Net>(
                    n,
                    "spec.kubeProxy.clusterCIDR",
                    "10.244.0.0/16, or \"\" for none",
                )
                .map(|c| c.value.trunc()),
        };
    }
    if let Some(list) = p.get("nodePortAddresses") {
        for (n, i) in d.items(list, "spec.kubeProxy.nodePortAddresses").iter().zip(0..) {
            let path = format!("spec.kubeProxy.nodePortAddresses[{i}]");
            k.node_port_addresses
                .extend(d.parsed::<Ipv4Net>(n, &path, "192.168.120.0/24").map(|c| c.value));
        }
    }
    if let Some(n) = p.get("localhostNodePorts").filter(|_| !version.localhost_flag()) {
        let message = format!(
            "spec.kubeProxy.localhostNodePorts counts from 1.26 on: Kubernetes {version} does not know it"
        );
        d.diags.push(Diagnostic::note(
            Code::NotSimulated,
            n.span,
            message,
            "choose a later release, or leave it out",
        ));
    }
    let localhost = p.boolean(d, "localhostNodePorts");
    k.localhost_node_ports = localhost.unwrap_or(true);
    d.finish(p);
}

/// A range of addresses, no smaller than `longest`; as Go reads it, without bits behind its length.
fn range(
    d: &mut Decoder,
    k: &mut Fields<'_>,
    name: &'static str,
    (longest, why): (u8, &str),
    example: &str,
    nets: &mut Vec<Written>,
) -> Option<Ipv4Net> {
    let path = k.path_of(name);
    let c = k.get(name).and_then(|n| d.parsed::<Ipv4Net>(n, &path, example))?;
    if c.value.prefix_len() > longest {
        let hint = format!("write a network of /{longest} or larger, such as {example}");
        d.error(
            Code::OutOfRange,
            c.span,
            format!("{path}: Invalid value: {}: {why}", c.value),
            hint,
        );
        return None;
    }
    nets.push((name, c.value.trunc(), c.span));
    Some(c.value.trunc())
}

fn segment(d: &mut Decoder, node: &YamlNode, s: &mut Segment, nets: &mut Vec<Written>) {
    let Some(mut f) = d.fields(node, "spec.segments[0]") else { return };
    if let Some(n) = f.string(d, "name") {
        s.name = n.value;
    }
    if let Some(n) = f
        .get("subnet")
        .and_then(|n| d.parsed::<Ipv4Net>(n, "spec.segments[0].subnet", "192.168.120.0/24"))
    {
        s.subnet = n.value.trunc();
        s.gateway = None;
        nets.push(("the segment's subnet", s.subnet, n.span));
    }
    if let Some(n) =
        f.get("gateway").and_then(|n| d.parsed(n, "spec.segments[0].gateway", "192.168.120.254"))
    {
        s.gateway = Some(n.value);
        usable(d, "spec.segments[0].gateway", n.value, s.subnet, n.span);
    }
    d.finish(f);
}

fn mac(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Option<Mac> {
    let path = f.path_of(name);
    f.get(name).and_then(|n| d.parsed(n, &path, "00:50:56:98:c1:7a")).map(|m| m.value)
}

/// Whether an address can be somebody's in a network; says so if not.
fn usable(d: &mut Decoder, path: &str, addr: Ipv4Addr, net: Ipv4Net, span: Span) {
    let why = if !net.contains(&addr) {
        format!("not in the segment's {net}")
    } else if net.prefix_len() < 31 && (addr == net.network() || addr == net.broadcast()) {
        format!("the network's own address, or its broadcast address, in {net}")
    } else {
        return;
    };
    d.error(
        Code::InvalidAddress,
        span,
        format!("{path}: Invalid value: {addr}: {why}"),
        format!("write an address of {net}"),
    );
}

/// A NIC. Without an address it gets the segment's `.10` plus its number.
fn nic(
    d: &mut Decoder,
    node: Option<&YamlNode>,
    path: &str,
    segment: &Segment,
    at: Span,
    number: u32,
) -> Nic {
    let base = u32::from(segment.subnet.network()).wrapping_add(number);
    let address = Ipv4Net::new(base.into(), segment.subnet.prefix_len()).unwrap_or(segment.subnet);
    let mut nic = Nic {
        name: "eth0".to_owned(),
        address: Spanned { value: address, span: at },
        mac: None,
        mtu: 1500,
    };
    let Some(mut f) = node.and_then(|n| d.fields(n, path)) else {
        usable(d, &format!("{path}.address"), address.addr(), segment.subnet, at);
        return nic;
    };
    if let Some(n) = f.string(d, "name")
        && device_name(d, &format!("{path}.name"), &n)
    {
        nic.name = n.value;
    }
    if let Some(a) = f
        .get("address")
        .and_then(|n| d.parsed::<Ipv4Net>(n, &format!("{path}.address"), "192.168.120.226/24"))
    {
        nic.address = a;
    }
    usable(
        d,
        &format!("{path}.address"),
        nic.address.value.addr(),
        segment.subnet,
        nic.address.span,
    );
    nic.mac = mac(d, &mut f, "mac");
    if let Some(m) = f.integer(d, "mtu") {
        match u32::try_from(m.value) {
            Ok(mtu @ 576..=65_535) => nic.mtu = mtu,
            _ => d.error(
                Code::OutOfRange,
                m.span,
                format!("{path}.mtu: Invalid value: {}", m.value),
                "write a number of bytes from 576 to 65535, usually 1500",
            ),
        }
    }
    d.finish(f);
    nic
}

fn node(
    d: &mut Decoder,
    n: &YamlNode,
    path: &str,
    (segment, version): (&Segment, Release),
    i: u32,
) -> Option<Node> {
    let mut f = d.fields(n, path)?.not_simulated(&["kernel", "tools"]);
    let name = f.require_string(d, "name", "write - name: node01");
    let mut node =
        Node::named(name.clone().unwrap_or(Spanned { value: String::new(), span: n.span }));
    if let Some(h) = f.string(d, "hostname") {
        node.hostname = h.value;
    }
    if f.word(d, "role", &["worker", "control-plane"]) == Some("control-plane") {
        node.role = Role::ControlPlane;
    }
    node.docker = f.boolean(d, "docker").unwrap_or(version.brings_docker());
    node.zone = f.string(d, "zone").map(|z| z.value);
    node.docker_mac = mac(d, &mut f, "dockerMAC");
    node.vtep_mac = mac(d, &mut f, "vtepMAC");
    node.nic = nic(d, f.get("nic"), &format!("{path}.nic"), segment, n.span, 10 + i);
    if let Some(list) = f.get("sysctl") {
        sysctl(d, list, &format!("{path}.sysctl"), &mut node);
    }
    d.finish(f);
    name.map(|_| node)
}

/// Whether a name can be that of a device of a person's own (`dev_valid_name`); says so if not.
fn device_name(d: &mut Decoder, path: &str, name: &Spanned<String>) -> bool {
    let n = name.value.as_str();
    let hint = if n.is_empty()
        || n.len() > 15
        || n.contains(|c: char| c == '/' || c == ':' || c.is_whitespace())
        || n == "."
        || n == ".."
    {
        "a device name has 1 to 15 characters, without spaces, '/' or ':'"
    } else if matches!(n, "lo" | "cni0" | "docker0") || n.starts_with("flannel.") {
        "lo, cni0, docker0 and flannel.VNI are there already; choose another name, such as eth0"
    } else {
        return true;
    };
    d.error(Code::InvalidName, name.span, format!("{path}: Invalid value: {n:?}"), hint);
    false
}

fn sysctl(d: &mut Decoder, list: &YamlNode, path: &str, node: &mut Node) {
    let Some(mut f) = d.fields(list, path) else { return };
    let mut read = |name: &'static str, max: i64, d: &mut Decoder| {
        let value = f.get(name).and_then(|n| d.integer(n, &format!("{path}.{name}")))?;
        if (0..=max).contains(&value.value) {
            return Some(value.value as u8);
        }
        d.error(
            Code::OutOfRange,
            value.span,
            format!("{path}.{name}: Invalid value: {}", value.value),
            format!("write a number from 0 to {max}"),
        );
        None
    };
    if let Some(v) = read("net.ipv4.ip_forward", 1, d) {
        node.ip_forward = v == 1;
    }
    if let Some(v) = read("net.bridge.bridge-nf-call-iptables", 1, d) {
        node.bridge_nf = v == 1;
    }
    if let Some(v) = read("net.ipv4.conf.all.rp_filter", 2, d) {
        node.rp_filter = v;
    }
    d.finish(f);
}

fn host(d: &mut Decoder, n: &YamlNode, path: &str, segment: &Segment, i: u32) -> Option<Host> {
    let mut f = d.fields(n, path)?;
    let name = f.require_string(d, "name", "write - name: bastion");
    let hostname = f.string(d, "hostname").map(|h| h.value);
    let nic = nic(d, f.get("nic"), &format!("{path}.nic"), segment, n.span, 100 + i);
    d.finish(f);
    let name = name?;
    Some(Host { hostname: hostname.unwrap_or_else(|| name.value.clone()), name, nic })
}

fn placed(d: &mut Decoder, n: &YamlNode, path: &str) -> Option<Placed> {
    let mut f = d.fields(n, path)?;
    let of = f.require_string(d, "of", "write of: with the Deployment's name");
    let node = f.require_string(d, "node", "write node: with a node's name");
    let ip = f
        .require(d, "ip", "write ip: with the pod's address")
        .and_then(|n| d.parsed(n, &format!("{path}.ip"), "10.1.5.4"));
    let suffix = f.string(d, "suffix").map(|s| s.value);
    let veth = f.string(d, "veth").filter(|n| device_name(d, &format!("{path}.veth"), n));
    let veth_mac = mac(d, &mut f, "vethMAC");
    let ready = f.boolean(d, "ready").unwrap_or(true);
    let terminating = f.boolean(d, "terminating").unwrap_or(false);
    d.finish(f);
    Some(Placed { of: of?, node: node?, ip: ip?, suffix, veth, veth_mac, ready, terminating })
}

/// Two veths of one name on a node.
fn check_places(d: &mut Decoder, t: &Topology) {
    for (p, i) in t.pods.iter().zip(0..) {
        let Some(veth) = &p.veth else { continue };
        let nic = t.nodes.iter().any(|n| n.name.value == p.node.value && n.nic.name == veth.value);
        let other = |q: &Placed| {
            q.node.value == p.node.value && q.veth.as_ref().is_some_and(|v| v.value == veth.value)
        };
        if nic || t.pods[..i].iter().any(other) {
            let message = format!("{} already has a device {:?}", p.node.value, veth.value);
            d.error(
                Code::DuplicateObject,
                veth.span,
                message,
                "give each veth of a node its own name",
            );
        }
    }
}

/// Names and addresses that clash.
fn check(d: &mut Decoder, t: &Topology) {
    let mut names: Vec<&Spanned<String>> = Vec::new();
    let mut addrs: Vec<&Spanned<Ipv4Net>> = Vec::new();
    let ends =
        t.nodes.iter().map(|n| (&n.name, &n.nic)).chain(t.hosts.iter().map(|h| (&h.name, &h.nic)));
    for (name, nic) in ends {
        if !crate::object::valid_label(&name.value, false) {
            let message = format!("{:?} is no name of a node or host", name.value);
            d.error(
                Code::InvalidName,
                name.span,
                message,
                "use lower case letters, digits, '-' and '.', and begin with a letter or digit",
            );
        }
        if name.value == t.segment.name {
            let message = format!("{:?} is already the name of the segment", name.value);
            d.error(
                Code::DuplicateObject,
                name.span,
                message,
                "give each node, host and segment its own name",
            );
        }
        if let Some(first) = names.iter().find(|n| n.value == name.value) {
            d.error(
                Code::DuplicateObject,
                name.span,
                format!(
                    "{:?} is already the name of another, in line {}",
                    name.value, first.span.line
                ),
                "give each node and host its own name",
            );
        }
        if let Some(first) = addrs.iter().find(|a| a.value.addr() == nic.address.value.addr()) {
            let message = format!(
                "{} is already the address of another, in line {}",
                nic.address.value.addr(),
                first.span.line
            );
            d.error(Code::AddressTaken, nic.address.span, message, "give each NIC its own address");
        }
        names.push(name);
        addrs.push(&nic.address);
    }
}

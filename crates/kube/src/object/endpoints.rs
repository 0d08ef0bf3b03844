//! EndpointSlice and Endpoints of a Service without a selector, and what kube-proxy makes of them:
//! endpoints.

use super::meta::NameRule;
use super::{Meta, ServicePort, protocol};
use crate::decode::{Decoder, Fields, Spanned};
use crate::fields;
use crate::yaml::YamlNode;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One address and port that a Service's port forwards to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address of a pod, or of whatever an EndpointSlice lists.
    pub addr: IpAddr,
    /// The port at `addr`, which may differ from the Service's.
    pub port: u16,
    /// `nodeName`: the node it is on, if known.
    pub node: Option<String>,
    /// `conditions.ready`: it gets new connections.
    pub ready: bool,
    /// `conditions.serving`: its readiness probe succeeds, whether it terminates or not.
    pub serving: bool,
    /// `conditions.terminating`: it is being deleted.
    pub terminating: bool,
    /// `hints.forZones`: the zones whose nodes should use it.
    pub zones: Vec<String>,
    /// `hints.forNodes`: the nodes that should use it.
    pub nodes: Vec<String>,
}

impl Endpoint {
    /// A ready endpoint without hints.
    pub fn ready(addr: IpAddr, port: u16, node: Option<String>) -> Self {
        Self {
            addr,
            port,
            node,
            ready: true,
            serving: true,
            terminating: false,
            zones: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Address and port, `10.1.5.4:80` or `[fd00::1]:80`.
    pub fn text(&self) -> String {
        std::net::SocketAddr::new(self.addr, self.port).to_string()
    }
}

/// A port of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// The name of the Service's port; may be empty.
    pub name: String,
    /// `protocol`: `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// The port of the endpoints.
    pub port: u16,
}

/// A slice that the document defines: an EndpointSlice, or one subset of an Endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualSlice {
    /// The Service, in the slice's own namespace.
    pub service: Spanned<String>,
    /// `metadata.namespace`, that of the Service too.
    pub namespace: String,
    /// Whether a controller of Kubernetes writes it, if the Service has a selector.
    pub managed: bool,
    /// `ports`, each of which every endpoint has.
    pub ports: Vec<SlicePort>,
    /// `endpoints`; their `port` is 0, as each has every port of the slice.
    pub endpoints: Vec<Endpoint>,
}

impl ManualSlice {
    /// The port numbers of the slice's ports with the name and protocol of a Service's port.
    pub(crate) fn port_of<'a>(&'a self, p: &'a ServicePort) -> impl Iterator<Item = u16> + 'a {
        self.ports.iter().filter(|q| q.name == p.name && q.protocol == p.protocol).map(|q| q.port)
    }
}

/// The label that names the Service of an EndpointSlice.
const LABEL: &str = "kubernetes.io/service-name";

/// The label that names the controller of an EndpointSlice.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";

/// Decodes an EndpointSlice; `None` if a required field is missing or faulty.
pub(super) fn endpoint_slice(d: &mut Decoder, mut f: Fields<'_>) -> Option<ManualSlice> {
    let metadata = f.require(d, "metadata", "write metadata: with a name: and labels: below it");
    let meta = metadata.and_then(|n| Meta::decode(d, n, NameRule::Subdomain));
    let family = f.word(d, "addressType", &["IPv4", "IPv6", "FQDN"]);
    if let (Some(family @ ("IPv6" | "FQDN")), Some(n)) = (family, f.get("addressType")) {
        d.not_simulated(n.span, &format!("addressType {family}"));
    }
    let ports = slice_ports(d, &mut f);
    let mut endpoints = Vec::new();
    for e in f.list(d, "endpoints") {
        endpoints.extend(endpoint(d, e, family == Some("IPv4")));
    }
    d.finish(f);
    let meta = meta?;
    let Some(service) = meta.labels.get(LABEL) else {
        // The API server takes it; kube-proxy has no Service to use it for.
        d.not_simulated(meta.name.span, &format!("EndpointSlice without the label {LABEL}"));
        return None;
    };
    let service = Spanned { value: service.clone(), span: meta.name.span };
    let by = meta.labels.get(MANAGED_BY);
    let managed = by.is_some_and(|by| by.ends_with("-controller.k8s.io"));
    Some(ManualSlice { service, namespace: meta.namespace, managed, ports, endpoints })
}

/// Decodes an Endpoints: one slice for each of its subsets.
pub(super) fn endpoints(d: &mut Decoder, mut f: Fields<'_>) -> Option<Vec<ManualSlice>> {
    let metadata = f.require(d, "metadata", "write metadata: with the Service's name: below it");
    let meta = metadata.and_then(|n| Meta::decode(d, n, NameRule::Subdomain));
    let mut subsets = Vec::new();
    for mut s in f.list(d, "subsets") {
        let ports = slice_ports(d, &mut s);
        let mut endpoints = Vec::new();
        for (key, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for a in s.list(d, key) {
                endpoints.extend(subset_address(d, a, ready));
            }
        }
        d.finish(s);
        subsets.push((ports, endpoints));
    }
    d.finish(f);
    let meta = meta?;
    let slice = |(ports, endpoints)| ManualSlice {
        service: meta.name.clone(),
        namespace: meta.namespace.clone(),
        managed: true,
        ports,
        endpoints,
    };
    Some(subsets.into_iter().map(slice).collect())
}

/// Decodes `ports` of an EndpointSlice or a subset.
fn slice_ports(d: &mut Decoder, parent: &mut Fields<'_>) -> Vec<SlicePort> {
    let mut out = Vec::new();
    for mut f in parent.list(d, "ports") {
        let name = f.string(d, "name").map(|n| n.value).unwrap_or_default();
        let port = f.require_port(d, "port", "write port: with the endpoints' port");
        let protocol = protocol(d, &mut f);
        d.finish(f);
        if let (Some(port), Some(protocol)) = (port, protocol) {
            out.push(SlicePort { name, protocol, port: port.value });
        }
    }
    out
}

/// Decodes an endpoint of an EndpointSlice.
fn endpoint(d: &mut Decoder, mut f: Fields<'_>, ipv4: bool) -> Option<Endpoint> {
    let list = f.require(d, "addresses", "write addresses: with one address below it");
    // kube-proxy uses the first address only.
    let path = f.path_of("addresses");
    let first = list.and_then(|l| d.items(l, &path).first()).filter(|_| ipv4);
    let addr =
        first.and_then(|n| d.parsed::<Ipv4Addr>(n, &format!("{path}[0]"), &fields::POD_ADDRESS));
    let (mut ready, mut serving, mut terminating) = (None, None, None);
    if let Some(mut c) = f.fields(d, "conditions") {
        ready = c.boolean(d, "ready");
        serving = c.boolean(d, "serving");
        terminating = c.boolean(d, "terminating");
        d.finish(c);
    }
    let node = f.string(d, "nodeName").map(|n| n.value);
    let (mut zones, mut nodes) = (Vec::new(), Vec::new());
    if let Some(mut h) = f.fields(d, "hints") {
        for (key, out) in [("forZones", &mut zones), ("forNodes", &mut nodes)] {
            for mut hint in h.list(d, key) {
                let name = hint.require_string(d, "name", "write name: with a zone or node");
                out.extend(name.map(|n| n.value));
                d.finish(hint);
            }
        }
        d.finish(h);
    }
    d.finish(f);
    Some(Endpoint {
        addr: addr?.value.into(),
        port: 0,
        ready: ready != Some(false),
        serving: serving != Some(false),
        terminating: terminating == Some(true),
        node,
        zones,
        nodes,
    })
}

/// Decodes an address of a subset.
fn subset_address(d: &mut Decoder, mut f: Fields<'_>, ready: bool) -> Option<Endpoint> {
    let ip = f.require(d, "ip", "write ip: with the endpoint's address");
    let is_ipv6 = |n: &&YamlNode| n.text().parse::<Ipv6Addr>().is_ok();
    if let Some(n) = ip.filter(is_ipv6) {
        d.not_simulated(n.span, &format!("{}: IPv6", f.path_of("ip")));
    }
    let ip = ip.filter(|n| !is_ipv6(n));
    let addr = ip.and_then(|n| d.parsed::<Ipv4Addr>(n, &f.path_of("ip"), &fields::POD_ADDRESS));
    let node = f.string(d, "nodeName").map(|n| n.value);
    d.finish(f);
    Some(Endpoint { ready, serving: ready, ..Endpoint::ready(addr?.value.into(), 0, node) })
}

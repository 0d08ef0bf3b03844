//! EndpointSlice and Endpoints of a Service without a selector, and what kube-proxy makes of them:
//! endpoints.

use super::meta::NameRule;
use super::{Meta, PROTOCOLS, ServicePort};
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::Code;
use crate::fields;
use crate::yaml::YamlNode;
use std::net::{IpAddr, Ipv4Addr};

/// One address and port that a Service's port forwards to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address of a pod, or of whatever an EndpointSlice lists.
    pub addr: IpAddr,
    /// The port there.
    pub port: u16,
    /// `nodeName`: the node it is on, if known.
    pub node: Option<String>,
    /// `conditions.ready`.
    pub ready: bool,
    /// `conditions.serving`: ready, disregarding termination.
    pub serving: bool,
    /// `conditions.terminating`.
    pub terminating: bool,
    /// `hints.forZones`.
    pub zones: Vec<String>,
    /// `hints.forNodes`.
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

    /// `10.1.5.4:80`, `[fd00::1]:80`.
    pub fn text(&self) -> String {
        std::net::SocketAddr::new(self.addr, self.port).to_string()
    }
}

/// A port of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// The name of the Service's port; may be empty.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// The port of the endpoints.
    pub port: u16,
}

/// A slice that the document defines: an EndpointSlice, or one subset of an Endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualSlice {
    /// The Service, in the slice's own namespace.
    pub service: Spanned<String>,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `ports`.
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

/// Decodes an EndpointSlice.
pub(super) fn endpoint_slice(d: &mut Decoder, fields: Fields<'_>) -> Option<ManualSlice> {
    let mut f = fields;
    let metadata = f.require(d, "metadata", "write metadata: with a name: and labels: below it");
    let named = metadata.and_then(|n| Meta::decode(d, n, NameRule::Subdomain));
    let family = f.word(d, "addressType", &["IPv4", "IPv6", "FQDN"]);
    if let (Some(family @ ("IPv6" | "FQDN")), Some(n)) = (family, f.get("addressType")) {
        d.not_simulated(n.span, &format!("addressType {family}"));
    }
    let ports = f.get("ports").map(|n| ports(d, n, "ports")).unwrap_or_default();
    let mut endpoints = Vec::new();
    if let Some(list) = f.get("endpoints") {
        for (n, i) in d.items(list, "endpoints").iter().zip(0..) {
            endpoints.extend(endpoint(d, n, &format!("endpoints[{i}]"), family == Some("IPv4")));
        }
    }
    d.finish(f);
    let named = named?;
    let Some(service) = named.labels.get(LABEL) else {
        let hint = format!("write labels: {{{LABEL}: web}} with the Service's name");
        d.error(
            Code::MissingField,
            named.name.span,
            format!("metadata.labels[{LABEL}]: Required value"),
            hint,
        );
        return None;
    };
    let service = Spanned { value: service.clone(), span: named.name.span };
    Some(ManualSlice { service, namespace: named.namespace, ports, endpoints })
}

/// Decodes an Endpoints: one slice for each of its subsets.
pub(super) fn endpoints(d: &mut Decoder, fields: Fields<'_>) -> Option<Vec<ManualSlice>> {
    let mut f = fields;
    let named = f
        .require(d, "metadata", "write metadata: with the Service's name: below it")
        .and_then(|n| Meta::decode(d, n, NameRule::Subdomain));
    let mut subsets = Vec::new();
    if let Some(list) = f.get("subsets") {
        for (n, i) in d.items(list, "subsets").iter().zip(0..) {
            let path = format!("subsets[{i}]");
            let Some(mut s) = d.fields(n, &path) else { continue };
            let ports =
                s.get("ports").map(|n| ports(d, n, &format!("{path}.ports"))).unwrap_or_default();
            let mut all = Vec::new();
            for (key, ready) in [("addresses", true), ("notReadyAddresses", false)] {
                let Some(list) = s.get(key) else { continue };
                for (n, j) in d.items(list, &format!("{path}.{key}")).iter().zip(0..) {
                    all.extend(address(d, n, &format!("{path}.{key}[{j}]"), ready));
                }
            }
            d.finish(s);
            subsets.push((ports, all));
        }
    }
    d.finish(f);
    let named = named?;
    let slice = |(ports, endpoints)| ManualSlice {
        service: named.name.clone(),
        namespace: named.namespace.clone(),
        ports,
        endpoints,
    };
    Some(subsets.into_iter().map(slice).collect())
}

fn ports(d: &mut Decoder, list: &YamlNode, path: &str) -> Vec<SlicePort> {
    let mut out = Vec::new();
    for (n, i) in d.items(list, path).iter().zip(0..) {
        let path = format!("{path}[{i}]");
        let Some(mut f) = d.fields(n, &path).map(|f| f.not_simulated(&["appProtocol"])) else {
            continue;
        };
        let name = f.string(d, "name").map(|n| n.value).unwrap_or_default();
        let port = f.require_port(d, "port", "write port: with the endpoints' port");
        let protocol = f
            .get("protocol")
            .map_or(Some("TCP"), |n| d.word(n, &format!("{path}.protocol"), PROTOCOLS));
        d.finish(f);
        if let (Some(port), Some(protocol)) = (port, protocol) {
            out.push(SlicePort { name, protocol, port: port.value });
        }
    }
    out
}

fn endpoint(d: &mut Decoder, node: &YamlNode, path: &str, ipv4: bool) -> Option<Endpoint> {
    let mut f = d.fields(node, path)?.not_simulated(&[
        "targetRef",
        "zone",
        "hostname",
        "deprecatedTopology",
        "topology",
    ]);
    let list = f.require(d, "addresses", "write addresses: with one address below it");
    // kube-proxy uses the first address only.
    let first =
        list.and_then(|l| d.items(l, &format!("{path}.addresses")).first()).filter(|_| ipv4);
    let addr = first.and_then(|n| {
        d.parsed::<Ipv4Addr>(n, &format!("{path}.addresses[0]"), &fields::POD_ADDRESS)
    });
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
            let Some(list) = h.get(key) else { continue };
            for (n, i) in d.items(list, &format!("{path}.hints.{key}")).iter().zip(0..) {
                let path = format!("{path}.hints.{key}[{i}]");
                let Some(mut one) = d.fields(n, &path) else { continue };
                out.extend(
                    one.require_string(d, "name", "write name: with a zone or node")
                        .map(|n| n.value),
                );
                d.finish(one);
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

fn address(d: &mut Decoder, node: &YamlNode, path: &str, ready: bool) -> Option<Endpoint> {
    let mut f = d.fields(node, path)?.not_simulated(&["targetRef", "hostname"]);
    let addr = f
        .require(d, "ip", "write ip: with the endpoint's address")
        .and_then(|n| d.parsed::<Ipv4Addr>(n, &format!("{path}.ip"), &fields::POD_ADDRESS));
    let node = f.string(d, "nodeName").map(|n| n.value);
    d.finish(f);
    let addr = addr?.value.into();
    Some(Endpoint { ready, serving: ready, ..Endpoint::ready(addr, 0, node) })
}

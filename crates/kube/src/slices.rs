//! EndpointSlice and Endpoints that are written by hand, for a Service that selects no pods.

use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::Code;
use crate::object::{Object, PROTOCOLS, Slice, SliceEndpoint, meta};
use crate::yaml::YamlNode;
use std::net::Ipv4Addr;

const LABEL: &str = "kubernetes.io/service-name";

/// Reads an EndpointSlice.
pub(crate) fn endpoint_slice(d: &mut Decoder, fields: Fields<'_>) -> Option<Object> {
    let mut f = fields;
    let metadata = f.require(d, "metadata", "write metadata: with a name: and labels: below it");
    let named = metadata.and_then(|n| meta(d, n, false));
    let family = f.word(d, "addressType", &["IPv4", "IPv6", "FQDN"]);
    if let (Some(family @ ("IPv6" | "FQDN")), Some(n)) = (family, f.get("addressType")) {
        let message = format!("addressType {family} is not simulated");
        d.diags.push(crate::Diagnostic::note(
            Code::NotSimulated,
            n.span,
            message,
            "it changes nothing here; it may stay",
        ));
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
    Some(Object::Slices(vec![Slice { service, namespace: named.namespace, ports, endpoints }]))
}

/// Reads an Endpoints: one slice for each of its subsets.
pub(crate) fn endpoints(d: &mut Decoder, fields: Fields<'_>) -> Option<Object> {
    let mut f = fields;
    let named = f
        .require(d, "metadata", "write metadata: with the Service's name: below it")
        .and_then(|n| meta(d, n, false));
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
    let slice = |(ports, endpoints)| Slice {
        service: named.name.clone(),
        namespace: named.namespace.clone(),
        ports,
        endpoints,
    };
    Some(Object::Slices(subsets.into_iter().map(slice).collect()))
}

fn ports(d: &mut Decoder, list: &YamlNode, path: &str) -> Vec<(String, &'static str, u16)> {
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
            out.push((name, protocol, port.value));
        }
    }
    out
}

fn endpoint(d: &mut Decoder, node: &YamlNode, path: &str, ipv4: bool) -> Option<SliceEndpoint> {
    let mut f = d.fields(node, path)?.not_simulated(&[
        "targetRef",
        "zone",
        "hostname",
        "deprecatedTopology",
        "topology",
    ]);
    let list = f.require(d, "addresses", "write addresses: with one address below it");
    // An endpoint is its first address.
    let first =
        list.and_then(|l| d.items(l, &format!("{path}.addresses")).first()).filter(|_| ipv4);
    let addr =
        first.and_then(|n| d.parsed::<Ipv4Addr>(n, &format!("{path}.addresses[0]"), "10.1.5.4"));
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
                out.extend(one.require_string(d, "name", "write a name").map(|n| n.value));
                d.finish(one);
            }
        }
        d.finish(h);
    }
    d.finish(f);
    Some(SliceEndpoint {
        addr: addr?.value,
        ready: ready != Some(false),
        serving: serving != Some(false),
        terminating: terminating == Some(true),
        node,
        zones,
        nodes,
    })
}

fn address(d: &mut Decoder, node: &YamlNode, path: &str, ready: bool) -> Option<SliceEndpoint> {
    let mut f = d.fields(node, path)?.not_simulated(&["targetRef", "hostname"]);
    let addr = f
        .require(d, "ip", "write ip: with the endpoint's address")
        .and_then(|n| d.parsed(n, &format!("{path}.ip"), "10.1.5.4"));
    let node = f.string(d, "nodeName").map(|n| n.value);
    d.finish(f);
    Some(SliceEndpoint {
        addr: addr?.value,
        ready,
        serving: ready,
        terminating: false,
        node,
        zones: Vec::new(),
        nodes: Vec::new(),
    })
}

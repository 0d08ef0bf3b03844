//! Ingresses and NetworkPolicies (`pkg/apis/networking/validation`).

use super::{At, Faults};
use crate::address::sloppy_net;
use crate::object::NameRule;

/// Whether the object is an Ingress of the stable version.
fn is_v1(f: &Faults<'_>) -> bool {
    f.object.api_version == "networking.k8s.io/v1"
}

pub(super) fn ingress(f: &mut Faults<'_>, at: &At<'_>) {
    let default = if is_v1(f) { "defaultBackend" } else { "backend" };
    if at.items("rules").is_empty() && !at.has(default) && !at.has("defaultBackend") {
        let why = format!("either `{default}` or `rules` must be specified");
        f.invalid(at, &why, "write rules: with - http: below it");
    }
    f.named(at.get("ingressClassName"), NameRule::Subdomain);
    for tls in at.items("tls") {
        for name in tls.items("hosts") {
            host(f, &name);
        }
    }
}

/// A host's name, which may begin with `*.`.
fn host(f: &mut Faults<'_>, at: &At<'_>) {
    let text = at.node.text();
    let name = text.strip_prefix("*.").unwrap_or(text);
    if !NameRule::Subdomain.accepts(name) {
        f.named(Some(at.clone()), NameRule::Subdomain);
    }
}

pub(super) fn rule(f: &mut Faults<'_>, at: &At<'_>) {
    let Some(name) = at.get("host") else { return };
    if name.node.text().parse::<std::net::IpAddr>().is_ok() {
        let why = "must be a DNS name, not an IP address";
        f.invalid(&name, why, "write a name such as shop.example.com, or remove host:");
    } else {
        host(f, &name);
    }
}

/// What the path of a rule must not contain.
const WRONG: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];
/// What it must not end with.
const WRONG_ENDS: [&str; 2] = ["/..", "/."];

pub(super) fn path(f: &mut Faults<'_>, at: &At<'_>) {
    let kind = at.text("pathType");
    if is_v1(f) && kind.is_empty() {
        let hint = "write pathType: Prefix or pathType: Exact";
        f.required(at, "pathType", "pathType must be specified", hint);
    }
    let strict = matches!(kind, "Exact" | "Prefix");
    let Some(path) = at.get("path") else {
        if strict {
            let place = At { path: at.below("path"), ..at.clone() };
            f.invalid(&place, "must be an absolute path", "write path: /");
        }
        return;
    };
    let text = path.node.text();
    if !text.starts_with('/') {
        f.invalid(&path, "must be an absolute path", format!("write /{text}"));
    } else if let Some(wrong) = WRONG.iter().find(|w| strict && text.contains(**w)) {
        f.invalid(&path, &format!("must not contain '{wrong}'"), "write a plain path");
    } else if let Some(wrong) = WRONG_ENDS.iter().find(|w| strict && text.ends_with(**w)) {
        f.invalid(&path, &format!("cannot end with '{wrong}'"), "write a plain path");
    }
}

pub(super) fn backend(f: &mut Faults<'_>, at: &At<'_>) {
    if !is_v1(f) {
        return;
    }
    let none = "Required value: resource or service backend is required";
    let many = "Invalid value: \"\": cannot set both resource and service backends";
    f.exactly_one(at, none, many, &["service", "resource"]);
}

pub(super) fn service_backend(f: &mut Faults<'_>, at: &At<'_>) {
    f.named(at.get("name"), NameRule::Dns1035Label);
    let port = at.get("port");
    let (name, number) = match &port {
        Some(port) => (port.get("name"), port.get("number")),
        None => (None, None),
    };
    let number = number.filter(|n| n.node.integer() != Some(0));
    let hint = "write port: with name: or number: below it";
    match (name, number) {
        (None, None) => f.required(at, "port", "port name or number is required", hint),
        (Some(name), Some(_)) => {
            let place = At { path: at.below("port"), ..name };
            f.invalid(&place, "cannot set both port name & port number", "keep one of the two");
        }
        (name, _) => f.port_name(name),
    }
}

pub(super) fn peer(f: &mut Faults<'_>, at: &At<'_>) {
    let [block, pods, namespaces] =
        ["ipBlock", "podSelector", "namespaceSelector"].map(|key| at.get(key));
    let selects = pods.is_some() || namespaces.is_some();
    match block {
        Some(block) if selects => {
            let place = At { path: at.path.clone(), ..block };
            let hint = "write the ipBlock as an item of its own";
            f.forbidden(&place, "may not specify both ipBlock and another peer", hint);
        }
        None if !selects => {
            f.required(at, "", "must specify a peer", "write podSelector: {} for every pod");
        }
        _ => {}
    }
}

pub(super) fn ip_block(f: &mut Faults<'_>, at: &At<'_>) {
    let Some(cidr) = at.get("cidr").and_then(|c| f.cidr(&c)) else { return };
    for except in at.items("except") {
        let Some(net) = f.cidr(&except) else { continue };
        let inside = sloppy_net(at.text("cidr")).is_some_and(|c| {
            c.trunc().contains(&net.addr()) && net.prefix_len() > cidr.prefix_len()
        });
        if !inside {
            let why = "must be a strict subset of `cidr`";
            f.bad_address(&except, why, "write a smaller network inside of cidr");
        }
    }
}

pub(super) fn policy_port(f: &mut Faults<'_>, at: &At<'_>) {
    let port = at.get("port");
    let number = port.as_ref().and_then(|p| p.node.integer());
    if let Some(n) = port.as_ref().filter(|_| number.is_some_and(|n| !(1..=65535).contains(&n))) {
        let why = "must be between 1 and 65535, inclusive";
        f.invalid(n, why, "write a port from 1 to 65535");
    }
    f.port_name(port.clone().filter(|p| p.node.kind() == "string"));
    let Some(end) = at.get("endPort") else { return };
    match (port, number) {
        (None, _) => {
            let why = "may not be specified when `port` is not specified";
            f.invalid(&end, why, "write port: with the first port");
        }
        (Some(_), None) => {
            let why = "may not be specified when `port` is non-numeric";
            f.invalid(&end, why, "write port: with a number");
        }
        (Some(_), Some(first)) if end.node.integer().is_some_and(|last| last < first) => {
            let why = "must be greater than or equal to `port`";
            f.invalid(&end, why, format!("write {first} or more"));
        }
        _ => {}
    }
}

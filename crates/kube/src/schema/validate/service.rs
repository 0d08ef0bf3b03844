//! Services and their endpoints (`pkg/apis/core/validation`, `pkg/apis/discovery/validation`).

use super::{At, Faults};
use crate::diag::Code;
use crate::object::NameRule;
use std::net::IpAddr;

const BALANCER: &str = "may only be used when `type` is 'LoadBalancer'";

pub(super) fn spec(f: &mut Faults<'_>, at: &At<'_>) {
    let (kind, ip) = (at.text("type"), at.get("clusterIP"));
    let balances = kind == "LoadBalancer";
    for p in at.items("ports") {
        f.named(p.get("name"), NameRule::Dns1123Label);
        let target = p.get("targetPort").filter(|t| t.node.kind() == "string");
        f.port_name(target.filter(|t| t.node.text().contains(|c: char| c.is_ascii_alphabetic())));
        if let Some(protocol) = p.get("appProtocol") {
            f.qualified(&protocol);
        }
    }
    cluster_ips(f, at, ip.as_ref());
    families(f, at);
    if kind == "ExternalName" {
        external_name(f, at);
    }
    for address in at.items("externalIPs") {
        f.foreign_ip(&address);
    }
    if let Some(config) = at.get("sessionAffinityConfig")
        && at.text("sessionAffinity") != "ClientIP"
    {
        let why = "must not be set when session affinity is None";
        f.forbidden(&config, why, "write sessionAffinity: ClientIP, or remove this");
    }
    let hint = "write type: LoadBalancer, or remove this line";
    for key in ["loadBalancerClass", "allocateLoadBalancerNodePorts"] {
        if let Some(field) = at.get(key).filter(|_| !balances) {
            f.forbidden(&field, BALANCER, hint);
        }
    }
    if let Some(ranges) = at.get("loadBalancerSourceRanges").filter(|_| !balances) {
        // The server writes it so.
        let place = At { path: at.below("LoadBalancerSourceRanges"), ..ranges };
        if f.minor() < 24 {
            f.invalid(&place, BALANCER, hint);
        } else {
            f.forbidden(&place, BALANCER, hint);
        }
    }
    let local = at.text("externalTrafficPolicy") == "Local";
    let checks = at.get("healthCheckNodePort").filter(|p| p.node.integer() != Some(0));
    if let Some(port) = checks.filter(|_| !(balances && local)) {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is \
                   'Local'";
        f.invalid(&port, why, "write both, or remove this line");
    }
    let outside = balances || kind == "NodePort" || !at.items("externalIPs").is_empty();
    if let Some(policy) = at.get("externalTrafficPolicy").filter(|_| !outside) {
        let why = "may only be set for externally-accessible services";
        f.invalid(&policy, why, "write type: NodePort or type: LoadBalancer, or remove this line");
    }
}

/// `clusterIP` and `clusterIPs`, which since 1.20 must agree.
fn cluster_ips(f: &mut Faults<'_>, at: &At<'_>, ip: Option<&At<'_>>) {
    let kind = at.text("type");
    let plural = at.items("clusterIPs");
    if let Some(ip) = ip.filter(|ip| ip.node.text() == "None")
        && matches!(kind, "NodePort" | "LoadBalancer")
    {
        let why = format!("may not be set to 'None' for {kind} services");
        let path = at.below(if f.minor() < 20 { "clusterIP" } else { "clusterIPs[0]" });
        let hint = "remove clusterIP:, or remove type: for a headless Service";
        f.invalid(&At { path, ..ip.clone() }, &why, hint);
    }
    if kind == "ExternalName"
        && let Some(any) = ip
    {
        let (key, why) = if f.minor() < 20 {
            ("clusterIP", "must be empty for ExternalName services")
        } else {
            ("clusterIPs", "may not be set for ExternalName services")
        };
        f.forbidden(&At { path: at.below(key), ..any.clone() }, why, "remove clusterIP:");
        return;
    }
    let Some(first) = plural.first() else { return };
    let path = at.below("clusterIPs");
    let place = At { path, ..first.clone() };
    match ip {
        None => {
            let why = "must be empty when `clusterIP` is not specified";
            f.invalid(
                &place,
                why,
                "write clusterIP: with the first of them, or remove clusterIPs:",
            );
        }
        Some(ip) if ip.node.text() != first.node.text() => {
            let why = "first value must match `clusterIP`";
            f.invalid(&place, why, format!("write {}", ip.node.text()));
        }
        Some(_) => {}
    }
}

fn families(f: &mut Faults<'_>, at: &At<'_>) {
    let all = at.items("ipFamilies");
    let [first, second, ..] = &all[..] else { return };
    if first.node.text() == second.node.text() {
        f.duplicate(second, "remove it");
    } else if let Some(policy) = at.get("ipFamilyPolicy").filter(|p| p.node.text() == "SingleStack")
    {
        let why = "must be RequireDualStack or PreferDualStack when multiple 'ipFamilies' are \
                   specified";
        f.invalid(&policy, why, "write PreferDualStack, or keep one family");
    }
}

/// An alias is a domain name; an IPv4 address is one, too.
fn external_name(f: &mut Faults<'_>, at: &At<'_>) {
    let Some(name) = at.get("externalName") else { return };
    let text = name.node.text();
    if !NameRule::Subdomain.accepts(text.strip_suffix('.').unwrap_or(text)) {
        f.named(Some(name), NameRule::Subdomain);
    }
}

pub(super) fn endpoint_address(f: &mut Faults<'_>, at: &At<'_>) {
    if let Some(ip) = at.get("ip") {
        f.foreign_ip(&ip);
    }
}

pub(super) fn subset(f: &mut Faults<'_>, at: &At<'_>) {
    if at.items("addresses").is_empty() && at.items("notReadyAddresses").is_empty() {
        let why = "must specify `addresses` or `notReadyAddresses`";
        f.required(at, "", why, "write addresses: with - ip: below it");
    }
    let ports = at.items("ports");
    if ports.len() > 1 {
        for p in ports.iter().filter(|p| !p.has("name")) {
            f.required(p, "name", "", "with more than one port, each needs a name");
        }
    }
    for p in ports {
        f.named(p.get("name"), NameRule::Dns1123Label);
    }
}

pub(super) fn slice(f: &mut Faults<'_>, at: &At<'_>) {
    let family = at.text("addressType");
    for e in at.items("endpoints") {
        let addresses = e.items("addresses");
        if addresses.is_empty() {
            f.required(&e, "addresses", "must contain at least 1 address", "write one address");
        }
        for a in addresses.iter().filter(|_| matches!(family, "IPv4" | "IPv6")) {
            let ip = crate::address::sloppy_ip(a.node.text());
            if ip.is_none_or(|ip| ip.is_ipv4() != (family == "IPv4")) {
                let why = format!("must be a valid {family} address");
                f.bad_address(a, &why, "write an address of the type in addressType");
            } else if ip.is_some_and(|ip: IpAddr| !ip.is_unspecified()) {
                f.foreign_ip(a);
            }
        }
    }
    let ports = at.items("ports");
    for p in &ports {
        f.named(p.get("name"), NameRule::Dns1123Label);
    }
    for (i, p) in ports.iter().enumerate() {
        if ports[..i].iter().any(|q| q.text("name") == p.text("name")) {
            let place = At { path: p.below("name"), ..p.clone() };
            let what = format!("Duplicate value: {:?}", p.text("name"));
            f.add(Code::DuplicateValue, &place, what, "give each port its own name");
        }
    }
}

//! Decoding of a Service's addresses and traffic policies.

use super::{Distribution, ServiceType, Traffic};
use crate::address::{sloppy_ip, sloppy_net};
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Diagnostic, Span};
use crate::yaml::YamlNode;
use std::net::{IpAddr, Ipv4Addr};

/// The default `timeoutSeconds` of `sessionAffinity: ClientIP`
/// (`DefaultClientIPServiceAffinitySeconds`).
const AFFINITY_SECONDS: u32 = 10_800;

/// Decodes the fields of [`Traffic`] in `spec` and `status`, and the addresses that are requested.
/// `annotated`: those of MetalLB's annotation.
pub(super) fn decode(
    d: &mut Decoder,
    f: &mut Fields<'_>,
    kind: Option<ServiceType>,
    status: Option<&YamlNode>,
    annotated: Option<&Spanned<String>>,
) -> (Traffic, Option<Vec<Spanned<Ipv4Addr>>>) {
    let mut t = Traffic::default();
    if let Some(list) = f.get("externalIPs") {
        t.external_ips = addresses(d, list, "spec.externalIPs");
    }
    affinity(d, f, &mut t);
    let external = local(d, f, "externalTrafficPolicy");
    let outside = matches!(kind, Some(ServiceType::NodePort | ServiceType::LoadBalancer))
        || !t.external_ips.is_empty();
    match external {
        Some(policy) if policy.value && !outside && kind.is_some() => d.error(
            Code::UnsupportedValue,
            policy.span,
            "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for \
             externally-accessible services",
            "write type: NodePort or type: LoadBalancer, or remove this line",
        ),
        other => t.external_local = other.is_some_and(|p| p.value),
    }
    t.internal_local = local(d, f, "internalTrafficPolicy").is_some_and(|p| p.value);
    t.publish_not_ready = f.boolean(d, "publishNotReadyAddresses") == Some(true);
    let words = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    let word = f.word(d, "trafficDistribution", &words);
    t.distribution = word.map(|w| match w {
        "PreferClose" => Distribution::Close,
        "PreferSameZone" => Distribution::SameZone,
        _ => Distribution::SameNode,
    });
    let requested = load_balancer(d, f, &mut t, kind, status);
    let annotated = annotated.filter(|_| kind == Some(ServiceType::LoadBalancer));
    let requested = match (requested, annotated) {
        (Some(_), Some(text)) => {
            d.diags.push(Diagnostic::warning(
                Code::UnsupportedValue,
                text.span,
                "the Service can not have both this annotation and spec.loadBalancerIP: MetalLB \
                 gives it no address",
                "keep one of them",
            ));
            Some(Vec::new())
        }
        (None, Some(text)) => Some(annotation(d, text)),
        (requested, None) => requested.map(|a| vec![a]),
    };
    (t, requested)
}

/// The addresses in MetalLB's annotation `loadBalancerIPs`, which are separated by commas.
fn annotation(d: &mut Decoder, text: &Spanned<String>) -> Vec<Spanned<Ipv4Addr>> {
    let mut out = Vec::new();
    for word in text.value.split(',').map(str::trim) {
        match word.parse::<IpAddr>() {
            Ok(IpAddr::V4(value)) => out.push(Spanned { value, span: text.span }),
            Ok(IpAddr::V6(_)) => not_ipv6(d, text.span, "loadBalancerIPs"),
            Err(_) => {
                let message = format!(
                    "loadBalancerIPs: Invalid value: {word:?}: MetalLB gives it no address"
                );
                let hint = "write addresses like 192.168.1.240, with commas between them";
                d.diags.push(Diagnostic::warning(Code::InvalidAddress, text.span, message, hint));
                return Vec::new();
            }
        }
    }
    out
}

fn addresses(d: &mut Decoder, list: &YamlNode, path: &str) -> Vec<IpAddr> {
    let mut out = Vec::new();
    for (i, n) in d.items(list, path).iter().enumerate() {
        out.extend(address(d, n, &format!("{path}[{i}]")).map(|a| a.value));
    }
    out
}

fn address(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Spanned<IpAddr>> {
    let text = d.string(node, path)?;
    let read = sloppy_ip(&text.value);
    if read.is_none() {
        d.error(
            Code::InvalidAddress,
            text.span,
            format!(
                "{path}: Invalid value: {:?}: must be a valid IP address, (e.g. 10.9.8.7)",
                text.value
            ),
            "write an address like 192.168.99.22",
        );
    }
    read.map(|value| {
        if value.is_ipv6() {
            not_ipv6(d, text.span, path);
        }
        Spanned { value, span: text.span }
    })
}

/// Notes that kube-proxy writes no rule for an IPv6 address here.
fn not_ipv6(d: &mut Decoder, span: Span, path: &str) {
    d.not_simulated(span, &format!("{path}: IPv6"));
}

fn affinity(d: &mut Decoder, f: &mut Fields<'_>, t: &mut Traffic) {
    let word = f.word(d, "sessionAffinity", &["None", "ClientIP"]);
    let mut seconds = AFFINITY_SECONDS;
    if let Some(mut c) = f.fields(d, "sessionAffinityConfig") {
        if let Some(mut ip) = c.fields(d, "clientIP") {
            let path = ip.path_of("timeoutSeconds");
            if let Some(n) = ip.integer(d, "timeoutSeconds") {
                match u32::try_from(n.value) {
                    Ok(value @ 1..=86_400) => seconds = value,
                    _ => d.error(
                        Code::OutOfRange,
                        n.span,
                        format!(
                            "{path}: Invalid value: {}: must be greater than 0 and less than 86400",
                            n.value
                        ),
                        "write seconds from 1 to 86400",
                    ),
                }
            }
            d.finish(ip);
        }
        d.finish(c);
    }
    t.affinity = (word == Some("ClientIP")).then_some(seconds);
}

/// Whether a traffic policy is `Local`.
fn local(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Option<Spanned<bool>> {
    let span = f.get(name)?.span;
    let word = f.word(d, name, &["Cluster", "Local"])?;
    Some(Spanned { value: word == "Local", span })
}

/// The fields about a load balancer: its addresses in `status`. Returns the requested
/// `loadBalancerIP`.
fn load_balancer(
    d: &mut Decoder,
    f: &mut Fields<'_>,
    t: &mut Traffic,
    kind: Option<ServiceType>,
    status: Option<&YamlNode>,
) -> Option<Spanned<Ipv4Addr>> {
    let balances = kind == Some(ServiceType::LoadBalancer);
    let mut ignored = None;
    let mut ingress = Vec::new();
    let mut requested = None;
    if let Some(n) = f.get("loadBalancerIP") {
        requested = address(d, n, "spec.loadBalancerIP");
        ignored = Some(n.span);
    }
    if let Some(list) = f.get("loadBalancerSourceRanges") {
        for (i, n) in d.items(list, "spec.loadBalancerSourceRanges").iter().enumerate() {
            let path = format!("spec.loadBalancerSourceRanges[{i}]");
            let Some(text) = d.string(n, &path) else { continue };
            match sloppy_net(&text.value) {
                Some(net) => {
                    if net.addr().is_ipv6() {
                        not_ipv6(d, text.span, &path);
                    }
                    t.source_ranges.push(net);
                }
                None => {
                    let message = format!(
                        "{path}: Invalid value: {:?}: must be a valid CIDR value, \
                         (e.g. 10.9.8.0/24)",
                        text.value
                    );
                    d.error(
                        Code::InvalidAddress,
                        text.span,
                        message,
                        "write a network like 203.0.113.0/25",
                    );
                }
            }
        }
    }
    if let Some(port) = f.port(d, "healthCheckNodePort") {
        t.health_check = Some(port.value);
    }
    if let Some(mut s) = status.and_then(|n| d.fields(n, "status")) {
        if let Some(mut b) = s.fields(d, "loadBalancer") {
            for mut f in b.list(d, "ingress") {
                let addr = f.get("ip").and_then(|n| address(d, n, &f.path_of("ip")));
                let mode = f.word(d, "ipMode", &["VIP", "Proxy"]);
                d.finish(f);
                let Some(addr) = addr else { continue };
                // A repeated address replaces the earlier entry.
                ingress.retain(|(a, _)| *a != addr.value);
                ingress.push((addr.value, mode == Some("Proxy")));
            }
            d.finish(b);
        }
        d.finish(s);
    }
    if balances {
        t.ingress = ingress;
        return requested.and_then(|a| match a.value {
            IpAddr::V4(value) => Some(Spanned { value, span: a.span }),
            IpAddr::V6(_) => None,
        });
    }
    if let (Some(span), Some(_)) = (ignored, kind) {
        d.diags.push(Diagnostic::warning(
            Code::UnsupportedValue,
            span,
            "spec.loadBalancerIP has no effect: the Service is not of type LoadBalancer",
            "write type: LoadBalancer, or remove this line",
        ));
    }
    None
}

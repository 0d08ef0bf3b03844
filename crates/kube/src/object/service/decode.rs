//! Decoding and validation of a Service (`pkg/apis/core/validation`, `ValidateService`).

use super::{Service, ServicePort, ServiceType, TargetPort, traffic};
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::Code;
use crate::object::meta::NameRule;
use crate::object::{Labels, Meta, protocol};
use crate::yaml::{Value, YamlNode};
use std::net::IpAddr;

/// Decodes a Service; `None` if a required field is missing or faulty.
pub(in crate::object) fn decode(d: &mut Decoder, fields: Fields<'_>) -> Option<Service> {
    let mut f = fields;
    let metadata = f.require(d, "metadata", "write metadata: with a name: below it");
    let spec = f.require(d, "spec", "write spec: with the object's fields below it");
    let status = f.get("status");
    let object = metadata
        .and_then(|n| Meta::decode(d, n, NameRule::Dns1035Label))
        .zip(spec)
        .and_then(|(meta, spec)| decode_spec(d, meta, spec, status));
    d.finish(f);
    object
}

fn decode_spec(
    d: &mut Decoder,
    meta: Meta,
    node: &YamlNode,
    status: Option<&YamlNode>,
) -> Option<Service> {
    let mut f = d.fields(node, "spec")?;
    let names = ServiceType::ALL.map(ServiceType::name);
    let name = f.get("type").map_or(Some("ClusterIP"), |n| d.word(n, "spec.type", &names));
    let kind = name.and_then(|name| ServiceType::ALL.into_iter().find(|k| k.name() == name));
    let ip_node = f.get("clusterIP");
    let headless =
        matches!(ip_node.map(|n| &n.value), Some(Value::Scalar { text, .. }) if text == "None");
    let cluster_ip = ip_node.filter(|_| !headless).and_then(|n| {
        let text = d.string(n, "spec.clusterIP")?;
        match text.value.parse() {
            Ok(IpAddr::V4(value)) => Some(Spanned { value, span: text.span }),
            Ok(IpAddr::V6(_)) => None,
            Err(_) => {
                let message = format!(
                    "spec.clusterIP: Invalid value: {:?}: must be empty, 'None', or a valid IP \
                     address",
                    text.value
                );
                let hint = "remove the line to get an address, or write one like 10.1.2.120";
                d.error(Code::InvalidAddress, text.span, message, hint);
                None
            }
        }
    });
    let ipv6_only = families(d, &mut f, ip_node);
    let selector =
        f.get("selector").map_or(Spanned { value: Labels::new(), span: meta.name.span }, |n| {
            Spanned { value: selector(d, n), span: n.span }
        });
    let external_name = if kind == Some(ServiceType::ExternalName) {
        f.require(
            d,
            "externalName",
            "write externalName: with the name that DNS answers, such as db.example.com",
        )
    } else {
        f.get("externalName")
    };
    let external_name =
        external_name.and_then(|n| d.string(n, "spec.externalName")).map(|n| n.value);
    let (traffic, requested) = traffic::decode(d, &mut f, kind, status, meta.balancer_ips.as_ref());
    let skips_node_ports = f.boolean(d, "allocateLoadBalancerNodePorts") == Some(false);
    // Headless Services and ExternalNames may omit ports.
    let list = if kind == Some(ServiceType::ExternalName) || headless {
        f.get("ports")
    } else {
        f.require(d, "ports", "write ports: with - port: below it")
    };
    d.finish(f);
    let items = list.map(|l| d.items(l, "spec.ports")).unwrap_or_default();
    if let (Some(l), true) = (list, items.is_empty()) {
        d.error(
            Code::MissingField,
            l.span,
            "spec.ports: Required value",
            "write - port: 80 below ports:",
        );
    }
    let kind = kind?;
    let many = items.len() > 1;
    let ports: Vec<_> =
        items.iter().enumerate().filter_map(|(i, n)| service_port(d, n, i, many, kind)).collect();
    duplicate_ports(d, &ports);
    Some(Service {
        meta,
        kind,
        cluster_ip,
        headless,
        ipv6_only,
        ports,
        selector,
        traffic,
        requested,
        external_name,
        skips_node_ports,
    })
}

/// Decodes the labels of the pods of a Service.
fn selector(d: &mut Decoder, node: &YamlNode) -> Labels {
    let key = ["matchLabels", "matchExpressions"];
    let meant = key.iter().find_map(|k| node.get(k)).filter(|n| n.kind() != "string");
    let Some(meant) = meant else { return d.string_map(node, "spec.selector") };
    let hint = "write the labels directly below selector: a Service has no matchLabels";
    d.wrong_type(meant, "spec.selector.matchLabels", "string", hint);
    Labels::new()
}

/// Decodes the address families of a Service, of which IPv6 is not simulated. Whether it has no
/// IPv4 address.
fn families(d: &mut Decoder, f: &mut Fields<'_>, ip: Option<&YamlNode>) -> bool {
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    let policy = f.word(d, "ipFamilyPolicy", &policies);
    let list = f.get("ipFamilies").map(|n| d.items(n, "spec.ipFamilies")).unwrap_or_default();
    let ips = f.get("clusterIPs").map(|n| d.items(n, "spec.clusterIPs")).unwrap_or_default();
    let is_ipv6 = |n: &&YamlNode| n.text() == "IPv6" || n.text().contains(':');
    let first = list.iter().chain(ips).chain(ip).find(is_ipv6);
    if let Some(first) = first {
        d.not_simulated(first.span, &format!("{}: IPv6", f.path));
    } else if let (Some(policy @ ("PreferDualStack" | "RequireDualStack")), Some(n)) =
        (policy, f.get("ipFamilyPolicy"))
    {
        d.not_simulated(n.span, &format!("{}.ipFamilyPolicy: {policy}: IPv6", f.path));
    }
    let is_ipv4 = |n: &YamlNode| !is_ipv6(&n) && n.text() != "None";
    let dual = matches!(policy, Some("PreferDualStack" | "RequireDualStack"));
    first.is_some() && !dual && !list.iter().chain(ips).chain(ip).any(is_ipv4)
}

fn service_port(
    d: &mut Decoder,
    node: &YamlNode,
    i: usize,
    many: bool,
    kind: ServiceType,
) -> Option<ServicePort> {
    let path = format!("spec.ports[{i}]");
    let mut f = d.fields(node, &path)?;
    let name = if many {
        f.require(d, "name", "with more than one port, each needs a name")
    } else {
        f.get("name")
    };
    let name = name
        .and_then(|n| d.string(n, &format!("{path}.name")))
        .map(|n| n.value)
        .unwrap_or_default();
    let port = f.require_port(d, "port", "write port: with the port of the Service");
    let protocol = protocol(d, &mut f);
    let written = f.get("targetPort");
    let target = written.and_then(|n| target_port(d, n, &format!("{path}.targetPort")));
    let node_port = f.port(d, "nodePort");
    d.finish(f);
    if let (Some(np), true) = (&node_port, kind <= ServiceType::ClusterIp) {
        let message =
            format!("{path}.nodePort: Forbidden: may not be used when `type` is '{}'", kind.name());
        d.error(
            Code::NodePortForbidden,
            np.span,
            message,
            "write type: NodePort under spec, or remove this line",
        );
    }
    let port = port?;
    let target = target.unwrap_or(TargetPort::Number(port.value));
    let target_span = written.map_or(port.span, |n| n.span);
    Some(ServicePort { name, port, target, target_span, node_port, protocol: protocol? })
}

/// Port names must be unique, and so must pairs of protocol and port (`ValidateService`).
fn duplicate_ports(d: &mut Decoder, ports: &[ServicePort]) {
    for (i, p) in ports.iter().enumerate() {
        let before = &ports[..i];
        if before.iter().any(|q| q.name == p.name && !p.name.is_empty()) {
            let message = format!("spec.ports[{i}].name: Duplicate value: {:?}", p.name);
            d.error(Code::DuplicateValue, p.port.span, message, "give each port its own name");
        }
        if before.iter().any(|q| (q.protocol, q.port.value) == (p.protocol, p.port.value)) {
            let message =
                format!("spec.ports[{i}]: Duplicate value: {} {}", p.protocol, p.port.value);
            d.error(
                Code::DuplicateValue,
                p.port.span,
                message,
                "remove this port, or give it another number or protocol",
            );
        }
    }
}

fn target_port(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<TargetPort> {
    match &node.value {
        Value::Scalar { plain: true, .. } if node.kind() == "integer" => {
            d.port(node, path).map(|p| TargetPort::Number(p.value))
        }
        _ => {
            let name = d.string(node, path)?;
            if !name.value.contains(|c: char| c.is_ascii_alphabetic()) {
                let message = format!(
                    "{path}: Invalid value: {:?}: must contain at least one letter (a-z)",
                    name.value
                );
                let hint = "write a number without quotes, or the name of a container's port";
                d.error(Code::InvalidName, name.span, message, hint);
                return None;
            }
            if name.value.len() > 15 {
                d.error(
                    Code::InvalidName,
                    name.span,
                    format!(
                        "{path}: Invalid value: {:?}: must be no more than 15 characters",
                        name.value
                    ),
                    "use the name of a container's port, or its number",
                );
                return None;
            }
            Some(TargetPort::Name(name))
        }
    }
}

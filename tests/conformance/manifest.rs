//! Manifests as kube-proxy sees them: Service, EndpointSlice, Endpoints, Node.

use kube::object::{ServiceType, Traffic};
use kube::proxy::{Endpoint, ServicePortInfo, ServiceProtocol, sloppy_ip, sloppy_net};
use kube::yaml::{Value, YamlNode};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    kind: String,
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    address_type: String,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    endpoints: Vec<SliceEndpoint>,
    #[serde(default)]
    subsets: Vec<Subset>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: Map<String, Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    ports: Vec<Port>,
    #[serde(rename = "externalIPs")]
    external_ips: Vec<String>,
    load_balancer_source_ranges: Vec<String>,
    session_affinity: String,
    session_affinity_config: Option<AffinityConfig>,
    external_traffic_policy: String,
    internal_traffic_policy: String,
    health_check_node_port: u16,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AffinityConfig {
    #[serde(rename = "clientIP")]
    client_ip: Option<ClientIp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientIp {
    timeout_seconds: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    load_balancer: Balancer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Balancer {
    ingress: Vec<Ingress>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ingress {
    #[serde(default)]
    ip: String,
    ip_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    #[serde(default)]
    name: String,
    port: u16,
    #[serde(default = "tcp")]
    protocol: String,
    node_port: Option<u16>,
}

fn tcp() -> String {
    "TCP".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SliceEndpoint {
    addresses: Vec<String>,
    #[serde(default)]
    conditions: Conditions,
    node_name: Option<String>,
    #[serde(default)]
    hints: Hints,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    ready: Option<bool>,
    serving: Option<bool>,
    terminating: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Hints {
    for_zones: Vec<Named>,
    for_nodes: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct Subset {
    #[serde(default)]
    addresses: Vec<Address>,
    #[serde(default)]
    ports: Vec<Port>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    ip: String,
    node_name: Option<String>,
}

/// A YAML value as JSON.
fn json(node: &YamlNode) -> Json {
    match &node.value {
        Value::Map(pairs) => Json::Object(
            pairs
                .iter()
                .filter_map(|(k, v)| {
                    if let Value::Scalar { text, .. } = &k.value {
                        Some((text.clone(), json(v)))
                    } else {
                        None
                    }
                })
                .collect(),
        ),
        Value::Seq(items) => Json::Array(items.iter().map(json).collect()),
        Value::Scalar { text, plain } => match (node.kind(), plain) {
            ("integer", true) => {
                text.parse::<i64>().map_or_else(|_| text.as_str().into(), Json::from)
            }
            ("boolean", true) => (text == "true").into(),
            ("null", true) => Json::Null,
            _ => text.as_str().into(),
        },
    }
}

/// The contents of a case's manifests.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// Every port of every Service, with its endpoints.
    pub(crate) ports: Vec<ServicePortInfo>,
    /// The zone of each node.
    pub(crate) zones: Vec<(String, String)>,
}

/// Reads manifests, as kube-proxy does.
pub(crate) fn read(text: &str) -> Result<Cluster, String> {
    let (docs, diags) = kube::yaml::parse(text);
    if let Some(d) = diags.first() {
        return Err(d.to_string());
    }
    let objects: Vec<Object> = docs
        .iter()
        .map(|d| serde_json::from_value(json(d)))
        .collect::<Result<_, _>>()
        .map_err(|e| format!("manifest: {e}"))?;
    let mut out = Cluster::default();
    for o in objects.iter().filter(|o| o.kind == "Node") {
        if let Some(zone) =
            o.metadata.labels.get("topology.kubernetes.io/zone").and_then(Json::as_str)
        {
            out.zones.push((o.metadata.name.clone(), zone.to_owned()));
        }
    }
    for o in objects.iter().filter(|o| o.kind == "Service") {
        if o.spec.kind.as_deref() == Some("ExternalName") {
            continue;
        }
        let Some(cluster_ip) = sloppy_ip(&o.spec.cluster_ip) else { continue };
        for p in &o.spec.ports {
            let protocol = ServiceProtocol::from_name(&p.protocol)
                .ok_or_else(|| format!("protocol {:?}", p.protocol))?;
            out.ports.push(ServicePortInfo {
                namespace: o.metadata.namespace.clone(),
                service: o.metadata.name.clone(),
                name: p.name.clone(),
                protocol,
                kind: match o.spec.kind.as_deref() {
                    Some("NodePort") => ServiceType::NodePort,
                    Some("LoadBalancer") => ServiceType::LoadBalancer,
                    _ => ServiceType::ClusterIp,
                },
                cluster_ip,
                port: p.port,
                node_port: p.node_port.filter(|n| *n != 0),
                traffic: Traffic {
                    external_ips: o.spec.external_ips.iter().filter_map(|t| sloppy_ip(t)).collect(),
                    ingress: o
                        .status
                        .load_balancer
                        .ingress
                        .iter()
                        .filter_map(|i| {
                            Some((sloppy_ip(&i.ip)?, i.ip_mode.as_deref() == Some("Proxy")))
                        })
                        .collect(),
                    source_ranges: o
                        .spec
                        .load_balancer_source_ranges
                        .iter()
                        .filter_map(|t| sloppy_net(t))
                        .collect(),
                    affinity: (o.spec.session_affinity == "ClientIP").then(|| {
                        let config = o
                            .spec
                            .session_affinity_config
                            .as_ref()
                            .and_then(|c| c.client_ip.as_ref())
                            .and_then(|c| c.timeout_seconds);
                        config.unwrap_or(10_800)
                    }),
                    external_local: o.spec.external_traffic_policy == "Local",
                    internal_local: o.spec.internal_traffic_policy == "Local",
                    health_check: Some(o.spec.health_check_node_port).filter(|n| *n != 0),
                    ..Traffic::default()
                },
                endpoints: endpoints(&objects, o, p, cluster_ip.is_ipv6()),
            });
        }
    }
    Ok(out)
}

fn endpoints(objects: &[Object], service: &Object, port: &Port, ipv6: bool) -> Vec<Endpoint> {
    let mut out = Vec::new();
    let same = |p: &&Port| p.name == port.name && p.protocol == port.protocol;
    for o in objects.iter().filter(|o| o.metadata.namespace == service.metadata.namespace) {
        let mine = o.metadata.labels.get("kubernetes.io/service-name").and_then(Json::as_str)
            == Some(service.metadata.name.as_str());
        let family = (o.address_type == "IPv6") == ipv6;
        if o.kind == "EndpointSlice" && mine && family {
            for p in o.ports.iter().filter(same) {
                for e in &o.endpoints {
                    let Some(addr) = e.addresses.first().and_then(|a| sloppy_ip(a)) else {
                        continue;
                    };
                    out.push(Endpoint {
                        ready: e.conditions.ready != Some(false),
                        serving: e.conditions.serving != Some(false),
                        terminating: e.conditions.terminating == Some(true),
                        zones: e.hints.for_zones.iter().map(|z| z.name.clone()).collect(),
                        nodes: e.hints.for_nodes.iter().map(|n| n.name.clone()).collect(),
                        ..Endpoint::ready(addr, p.port, e.node_name.clone())
                    });
                }
            }
        }
        if o.kind == "Endpoints" && o.metadata.name == service.metadata.name {
            for s in &o.subsets {
                for p in s.ports.iter().filter(same) {
                    let ready = s.addresses.iter().filter_map(|a| {
                        Some(Endpoint::ready(sloppy_ip(&a.ip)?, p.port, a.node_name.clone()))
                    });
                    out.extend(ready);
                }
            }
        }
    }
    out
}

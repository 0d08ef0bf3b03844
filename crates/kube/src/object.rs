//! The Kubernetes objects that are understood: Deployment, Service, and the endpoints of a Service
//! that selects none: EndpointSlice, Endpoints.

use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Diagnostic, nearest};
use crate::yaml::{Value, YamlNode};
use ipnet::IpNet;
use litemap::LiteMap;
use std::net::{IpAddr, Ipv4Addr};

/// Labels or a selector.
pub type Labels = LiteMap<String, String>;

/// Whether a selector selects these labels. An empty one selects nothing.
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
}

/// An object's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its name.
    pub name: Spanned<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: Labels,
}

/// A port a container says it listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// Its name, which a Service may use.
    pub name: Option<String>,
    /// The port.
    pub port: u16,
    /// TCP, UDP or SCTP.
    pub protocol: &'static str,
    /// The port of the node that leads to it.
    pub host_port: Option<u16>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// Its ports.
    pub ports: Vec<ContainerPort>,
    /// Whether it runs a command of its own instead of the image's server.
    pub own_command: bool,
}

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its name.
    pub meta: Meta,
    /// How many pods, and where that is written.
    pub replicas: Spanned<u32>,
    /// What selects its pods.
    pub selector: Labels,
    /// The labels of its pods.
    pub pod_labels: Labels,
    /// Their containers.
    pub containers: Vec<Container>,
    /// The node they are bound to, if they are.
    pub node_name: Option<Spanned<String>>,
    /// A text that stands for the whole template, to hash.
    pub template: String,
}

/// What a Service port leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// The name of a container's port.
    Name(Spanned<String>),
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; empty if the Service has just one.
    pub name: String,
    /// The port.
    pub port: Spanned<u16>,
    /// Where it leads.
    pub target: TargetPort,
    /// The node port that was asked for.
    pub node_port: Option<Spanned<u16>>,
    /// TCP, UDP or SCTP.
    pub protocol: &'static str,
}

/// What a Service can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceType {
    /// Another name in DNS; nothing on a node.
    ExternalName,
    /// Reached from within.
    ClusterIp,
    /// And at a port of every node.
    NodePort,
    /// And at the address of a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// The word in a manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalName => "ExternalName",
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// How the controllers hint where traffic should stay (`trafficDistribution`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// `PreferClose`: in its zone.
    Close,
    /// `PreferSameZone`.
    SameZone,
    /// `PreferSameNode`: on its node, or else in its zone.
    SameNode,
}

/// How packets to a Service are led, beside its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// `externalIPs`.
    pub external_ips: Vec<IpAddr>,
    /// The load balancer's addresses, and whether their `ipMode` is `Proxy`.
    pub ingress: Vec<(IpAddr, bool)>,
    /// `loadBalancerSourceRanges`.
    pub source_ranges: Vec<IpNet>,
    /// `sessionAffinity: ClientIP`: for so many seconds.
    pub affinity: Option<u32>,
    /// `externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// `internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `healthCheckNodePort`.
    pub health_check: Option<u16>,
    /// `publishNotReadyAddresses`: every pod counts as ready.
    pub publish_not_ready: bool,
    /// `trafficDistribution`.
    pub distribution: Option<Distribution>,
}

/// Endpoints that are written by hand: an EndpointSlice, or one subset of an Endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The Service they are of, in their own namespace.
    pub service: Spanned<String>,
    /// Their namespace.
    pub namespace: String,
    /// Names of ports, protocols, numbers.
    pub ports: Vec<(String, &'static str, u16)>,
    /// Who is there.
    pub endpoints: Vec<SliceEndpoint>,
}

/// One endpoint of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// Its address.
    pub addr: Ipv4Addr,
    /// `conditions.ready`.
    pub ready: bool,
    /// `conditions.serving`.
    pub serving: bool,
    /// `conditions.terminating`.
    pub terminating: bool,
    /// `nodeName`.
    pub node: Option<String>,
    /// `hints.forZones`.
    pub zones: Vec<String>,
    /// `hints.forNodes`.
    pub nodes: Vec<String>,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub meta: Meta,
    /// What it is.
    pub kind: ServiceType,
    /// The address that was asked for.
    pub cluster_ip: Option<Spanned<Ipv4Addr>>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// What it selects, and where that is written.
    pub selector: Spanned<Labels>,
    /// How packets to it are led.
    pub traffic: Traffic,
    /// `externalName`.
    pub external_name: Option<String>,
    /// `allocateLoadBalancerNodePorts: false`.
    pub skips_node_ports: bool,
}

impl Service {
    /// Whether a port that asks for none gets a node port.
    pub fn allocates_node_ports(&self, release: crate::proxy::Release) -> bool {
        self.kind == ServiceType::NodePort
            || (self.kind == ServiceType::LoadBalancer
                && !(self.skips_node_ports && release.may_skip_node_ports()))
    }
}

/// One object of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A Deployment.
    Deployment(Deployment),
    /// A Service.
    Service(Service),
    /// Endpoints that are written by hand.
    Slices(Vec<Slice>),
}

/// Kinds that are valid and change nothing here yet.
const OTHER_KINDS: &[&str] = &[
    "Namespace",
    "Node",
    "Pod",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "ConfigMap",
    "Secret",
    "Ingress",
    "NetworkPolicy",
    "Job",
    "CronJob",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StorageClass",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
];

/// What a document of a text says it is.
pub struct Typed<'a> {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: Spanned<String>,
    /// All its fields.
    pub fields: Fields<'a>,
}

/// Reads `apiVersion` and `kind`.
pub fn typed<'a>(d: &mut Decoder, node: &'a YamlNode) -> Option<Typed<'a>> {
    let mut fields = d.fields(node, "")?;
    let version = fields.require(
        d,
        "apiVersion",
        "write apiVersion: v1 for a Service, apiVersion: apps/v1 for a Deployment",
    );
    let kind = fields.require(d, "kind", "write kind: Service or kind: Deployment");
    let api_version = d.string(version?, "apiVersion")?.value;
    let kind = d.string(kind?, "kind")?;
    Some(Typed { api_version, kind, fields })
}

/// Decodes a Kubernetes object; none if it is of a kind that changes nothing, or too broken.
pub fn decode(d: &mut Decoder, t: Typed<'_>) -> Option<Object> {
    let want = match t.kind.value.as_str() {
        "Deployment" => "apps/v1",
        "Service" | "Endpoints" => "v1",
        "EndpointSlice" => "discovery.k8s.io/v1",
        kind if OTHER_KINDS.contains(&kind) => {
            d.diags.push(Diagnostic::note(
                Code::NotSimulated,
                t.kind.span,
                format!("kind {kind} is not simulated"),
                "it changes nothing here; it may stay",
            ));
            return None;
        }
        kind => {
            let message = format!("no matches for kind {kind:?} in version {:?}", t.api_version);
            let near = nearest(
                kind,
                [
                    "Deployment",
                    "Service",
                    "EndpointSlice",
                    "Endpoints",
                    "List",
                    "Topology",
                    "Script",
                ]
                .into_iter()
                .chain(OTHER_KINDS.iter().copied()),
            );
            let mut diag = Diagnostic::error(
                Code::UnknownKind,
                t.kind.span,
                message,
                near.map_or_else(
                    || "write kind: Deployment or kind: Service".to_owned(),
                    |n| format!("did you mean {n}?"),
                ),
            );
            if let Some(near) = near {
                diag = diag.with_fix(t.kind.span, near);
            }
            d.diags.push(diag);
            return None;
        }
    };
    if t.api_version != want
        && !(t.api_version == "discovery.k8s.io/v1beta1" && t.kind.value == "EndpointSlice")
    {
        let message =
            format!("no matches for kind {:?} in version {:?}", t.kind.value, t.api_version);
        d.error(Code::UnknownKind, t.kind.span, message, format!("write apiVersion: {want}"));
        return None;
    }
    let deployment = t.kind.value == "Deployment";
    match t.kind.value.as_str() {
        "EndpointSlice" => return crate::slices::endpoint_slice(d, t.fields),
        "Endpoints" => return crate::slices::endpoints(d, t.fields),
        _ => {}
    }
    let mut fields = t.fields.not_simulated(if deployment { &["status"] } else { &[] });
    let meta = fields
        .require(d, "metadata", "write metadata: with a name: below it")
        .and_then(|n| meta(d, n, !deployment));
    let spec = fields.require(d, "spec", "write spec: with the object's fields below it");
    let status = if deployment { None } else { fields.get("status") };
    let object = match (meta, spec) {
        (Some(meta), Some(spec)) if deployment => {
            deployment_spec(d, meta, spec).map(Object::Deployment)
        }
        (Some(meta), Some(spec)) => service_spec(d, meta, spec, status).map(Object::Service),
        _ => None,
    };
    d.finish(fields);
    object
}

pub(crate) fn meta(d: &mut Decoder, node: &YamlNode, dns_1035: bool) -> Option<Meta> {
    let mut f = d.fields(node, "metadata")?.not_simulated(&[
        "annotations",
        "creationTimestamp",
        "uid",
        "resourceVersion",
        "generation",
        "generateName",
        "managedFields",
        "selfLink",
        "ownerReferences",
        "finalizers",
    ]);
    let name = f.require_string(d, "name", "write a name, such as name: nginx");
    let namespace = f.string(d, "namespace").map_or_else(|| "default".to_owned(), |n| n.value);
    let labels = f.get("labels").map(|n| d.string_map(n, "metadata.labels")).unwrap_or_default();
    d.finish(f);
    let name = name?;
    if !valid_label(&name.value, dns_1035) {
        let (what, regex) = if dns_1035 {
            (
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123'",
                "[a-z]([-a-z0-9]*[a-z0-9])?",
            )
        } else {
            (
                "a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com'",
                "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
            )
        };
        let message = format!(
            "metadata.name: Invalid value: {:?}: {what}, regex used for validation is '{regex}')",
            name.value
        );
        d.error(
            Code::InvalidName,
            name.span,
            message,
            "use lower case letters, digits and '-', and begin with a letter",
        );
        return None;
    }
    Some(Meta { name, namespace, labels })
}

pub(crate) fn valid_label(name: &str, dns_1035: bool) -> bool {
    let edge = |c: Option<char>, first: bool| {
        c.is_some_and(|c| c.is_ascii_lowercase() || (c.is_ascii_digit() && !(first && dns_1035)))
    };
    let inner = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (c == '.' && !dns_1035)
    };
    edge(name.chars().next(), true)
        && edge(name.chars().last(), false)
        && name.chars().all(inner)
        && name.len() <= if dns_1035 { 63 } else { 253 }
}

const POD_FIELDS: &[&str] = &[
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "dnsPolicy",
    "dnsConfig",
    "serviceAccount",
    "serviceAccountName",
    "securityContext",
    "volumes",
    "affinity",
    "tolerations",
    "initContainers",
    "imagePullSecrets",
    "hostNetwork",
    "hostname",
    "subdomain",
    "nodeSelector",
    "schedulerName",
    "priorityClassName",
    "topologySpreadConstraints",
    "readinessGates",
    "automountServiceAccountToken",
    "hostAliases",
    "shareProcessNamespace",
];
const CONTAINER_FIELDS: &[&str] = &[
    "args",
    "env",
    "envFrom",
    "resources",
    "volumeMounts",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "tty",
    "workingDir",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeDevices",
];

fn deployment_spec(d: &mut Decoder, meta: Meta, node: &YamlNode) -> Option<Deployment> {
    let mut f = d.fields(node, "spec")?.not_simulated(&[
        "strategy",
        "minReadySeconds",
        "revisionHistoryLimit",
        "paused",
        "progressDeadlineSeconds",
    ]);
    let replicas = f
        .get("replicas")
        .and_then(|n| replicas(d, n))
        .unwrap_or(Spanned { value: 1, span: meta.name.span });
    let selector_node = f.require(
        d,
        "selector",
        "write selector: with matchLabels: below it, equal to the template's labels",
    );
    let template =
        f.require(d, "template", "write template: with metadata: and spec: of the pods below it");
    let selector = selector_node.and_then(|n| {
        let mut f = d.fields(n, "spec.selector")?.not_simulated(&["matchExpressions"]);
        let labels = f
            .require(d, "matchLabels", "write matchLabels: with a label below it")
            .map(|n| d.string_map(n, "spec.selector.matchLabels"));
        d.finish(f);
        labels
    });
    d.finish(f);
    let mut t = d.fields(template?, "spec.template")?;
    let pod_meta = t.require(d, "metadata", "write metadata: with labels: below it");
    let pod_spec = t.require(d, "spec", "write spec: with containers: below it");
    d.finish(t);
    let mut labels_span = template?.span;
    let pod_labels = pod_meta.and_then(|n| {
        let mut f = d.fields(n, "spec.template.metadata")?.not_simulated(&[
            "annotations",
            "name",
            "namespace",
            "creationTimestamp",
        ]);
        let labels =
            f.require(d, "labels", "write labels: with the selector's labels below it").map(|n| {
                labels_span = n.span;
                d.string_map(n, "spec.template.metadata.labels")
            });
        d.finish(f);
        labels
    });
    let mut p = d.fields(pod_spec?, "spec.template.spec")?.not_simulated(POD_FIELDS);
    let list = p.require(d, "containers", "write containers: with - name: and image: below it");
    let node_name = p.string(d, "nodeName");
    d.finish(p);
    let containers = list.map(|l| containers(d, l)).unwrap_or_default();
    let (selector, pod_labels) = (selector?, pod_labels?);
    if !selects(&selector, &pod_labels) {
        let have: Vec<_> = pod_labels.iter().map(|(k, v)| format!("{k:?}:{v:?}")).collect();
        let want: Vec<_> = selector.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        let message = format!(
            "spec.template.metadata.labels: Invalid value: map[string]string{{{}}}: `selector` does not match template `labels`",
            have.join(", ")
        );
        d.error(
            Code::SelectorMismatch,
            labels_span,
            message,
            format!("give the template the selector's labels: {}", want.join(", ")),
        );
    }
    let template =
        format!("{pod_labels:?}{containers:?}{:?}", node_name.as_ref().map(|n| &n.value));
    Some(Deployment { meta, replicas, selector, pod_labels, containers, node_name, template })
}

fn replicas(d: &mut Decoder, node: &YamlNode) -> Option<Spanned<u32>> {
    let n = d.integer(node, "spec.replicas")?;
    match i32::try_from(n.value).map(u32::try_from) {
        Ok(Ok(value)) => return Some(Spanned { value, span: n.span }),
        Err(_) if n.value > 0 => d.error(
            Code::OutOfRange,
            n.span,
            format!("spec.replicas: Invalid value: {}: it is an int32", n.value),
            "write a number from 0 to 2147483647",
        ),
        _ => d.error(
            Code::OutOfRange,
            n.span,
            format!(
                "spec.replicas: Invalid value: {}: must be greater than or equal to 0",
                n.value
            ),
            "write 0 or more",
        ),
    }
    None
}

fn containers(d: &mut Decoder, list: &YamlNode) -> Vec<Container> {
    let mut out = Vec::new();
    let mut taken: Vec<(u16, &str)> = Vec::new();
    for (node, i) in d.items(list, "spec.template.spec.containers").iter().zip(0..) {
        let path = format!("spec.template.spec.containers[{i}]");
        let Some(f) = d.fields(node, &path) else { continue };
        let mut f = f.not_simulated(CONTAINER_FIELDS);
        let name = f.require_string(d, "name", "write a name, such as name: nginx");
        let image = f.require_string(d, "image", "write an image, such as image: nginx:1.7.9");
        let own_command = f.get("command").is_some();
        let mut ports = Vec::new();
        if let Some(list) = f.get("ports") {
            for (node, j) in d.items(list, &format!("{path}.ports")).iter().zip(0..) {
                ports.extend(container_port(d, node, &format!("{path}.ports[{j}]"), &mut taken));
            }
        }
        d.finish(f);
        if let (Some(name), Some(image)) = (name, image) {
            out.push(Container { name: name.value, image: image.value, ports, own_command });
        }
    }
    out
}

pub(crate) const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];

fn container_port(
    d: &mut Decoder,
    node: &YamlNode,
    path: &str,
    taken: &mut Vec<(u16, &'static str)>,
) -> Option<ContainerPort> {
    let mut f = d.fields(node, path)?.not_simulated(&["hostIP"]);
    let port = f.require_port(
        d,
        "containerPort",
        "write containerPort: with the port the container listens on",
    );
    let name = f.string(d, "name").map(|n| n.value);
    let protocol = f
        .get("protocol")
        .map_or(Some("TCP"), |n| d.word(n, &format!("{path}.protocol"), PROTOCOLS));
    let host_port = f.port(d, "hostPort");
    d.finish(f);
    if let (Some(p), Some(protocol)) = (&host_port, protocol) {
        if taken.contains(&(p.value, protocol)) {
            let message = format!("{path}.hostPort: Duplicate value: \"{protocol}//{}\"", p.value);
            d.error(Code::DuplicateObject, p.span, message, "write another port, or leave it out");
        }
        taken.push((p.value, protocol));
    }
    let host_port = host_port.map(|p| p.value);
    Some(ContainerPort { name, port: port?.value, protocol: protocol?, host_port })
}

const SERVICE_FIELDS: &[&str] =
    &["loadBalancerClass", "ipFamilies", "ipFamilyPolicy", "clusterIPs"];

fn service_spec(
    d: &mut Decoder,
    meta: Meta,
    node: &YamlNode,
    status: Option<&YamlNode>,
) -> Option<Service> {
    use ServiceType::{ClusterIp, ExternalName, LoadBalancer, NodePort};
    let mut f = d.fields(node, "spec")?.not_simulated(SERVICE_FIELDS);
    let words = [ClusterIp, ExternalName, LoadBalancer, NodePort].map(ServiceType::name);
    let word = f.get("type").map_or(Some("ClusterIP"), |n| d.word(n, "spec.type", &words));
    let kind = word.and_then(|w| {
        [ClusterIp, ExternalName, LoadBalancer, NodePort].into_iter().find(|k| k.name() == w)
    });
    let ip_node = f.get("clusterIP");
    let headless =
        matches!(ip_node.map(|n| &n.value), Some(Value::Scalar { text, .. }) if text == "None");
    let cluster_ip = ip_node.filter(|_| !headless).and_then(|n| {
        let text = d.string(n, "spec.clusterIP")?;
        match text.value.parse() {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(_) => {
                let message = format!("spec.clusterIP: Invalid value: {:?}: must be empty, 'None', or a valid IP address", text.value);
                d.error(Code::InvalidAddress, text.span, message, "leave the line out to get an address, or write one like 10.1.2.120");
                None
            }
        }
    });
    let selector =
        f.get("selector").map_or(Spanned { value: Labels::new(), span: meta.name.span }, |n| {
            Spanned { value: d.string_map(n, "spec.selector"), span: n.span }
        });
    let external_name = if kind == Some(ExternalName) {
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
    let traffic = crate::traffic::decode(d, &mut f, kind, status);
    let skips_node_ports = f.boolean(d, "allocateLoadBalancerNodePorts") == Some(false);
    // An ExternalName may do without, and one without an address.
    let list = if kind == Some(ExternalName) || headless {
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
        items.iter().zip(0..).filter_map(|(n, i)| service_port(d, n, i, many, kind)).collect();
    duplicate_ports(d, &ports);
    Some(Service {
        meta,
        kind,
        cluster_ip,
        headless,
        ports,
        selector,
        traffic,
        external_name,
        skips_node_ports,
    })
}

fn service_port(
    d: &mut Decoder,
    node: &YamlNode,
    i: usize,
    many: bool,
    kind: ServiceType,
) -> Option<ServicePort> {
    let path = format!("spec.ports[{i}]");
    let mut f = d.fields(node, &path)?.not_simulated(&["appProtocol"]);
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
    let protocol = f
        .get("protocol")
        .map_or(Some("TCP"), |n| d.word(n, &format!("{path}.protocol"), PROTOCOLS));
    let target = f.get("targetPort").and_then(|n| target_port(d, n, &format!("{path}.targetPort")));
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
    Some(ServicePort { name, port, target, node_port, protocol: protocol? })
}

/// Names, and protocols with ports, are each there once (`ValidateService`).
fn duplicate_ports(d: &mut Decoder, ports: &[ServicePort]) {
    for (p, i) in ports.iter().zip(0..) {
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
                "remove this port, or write another number or protocol",
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

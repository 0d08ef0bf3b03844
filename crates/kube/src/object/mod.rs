//! The Kubernetes objects that are simulated: pods and what makes them, Nodes, Services, and the
//! endpoints of a Service without a selector (EndpointSlice, Endpoints).

mod endpoints;
mod meta;
mod node;
pub(crate) mod pod;
mod selector;
mod service;
mod workload;

pub use endpoints::{Endpoint, ManualSlice, SlicePort};
pub(crate) use meta::NameRule;
pub use meta::{Meta, OwnerReference};
pub use node::NodeObject;
pub use pod::{
    Container, ContainerPort, DnsConfig, DnsPolicy, HostAlias, HostPort, ListenAddress, NodeTerm,
    PodSpec, PodTemplate, PodTerm, Probe, ProbeAction, ProbePort, Scheduling, Spread, Taint,
    TaintEffect, TextPod, Toleration,
};
pub use selector::{LabelSelector, Operator, Requirement};
pub use service::{Distribution, Service, ServicePort, ServiceType, TargetPort, Traffic};
pub use workload::{Share, Strategy, Workload, WorkloadKind};

use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Diagnostic, nearest};
use crate::fields;
use crate::yaml::YamlNode;
use std::collections::BTreeMap;

/// Labels of an object, or the labels that a selector requires.
pub type Labels = BTreeMap<String, String>;

/// Decodes `protocol` of a port; TCP by default.
fn protocol(d: &mut Decoder, port: &mut Fields<'_>) -> Option<&'static str> {
    match port.get("protocol") {
        Some(_) => port.word(d, "protocol", &["TCP", "UDP", "SCTP"]),
        None => Some("TCP"),
    }
}

/// Whether a selector matches labels. An empty selector matches nothing.
pub fn selects(selector: &Labels, labels: &Labels) -> bool {
    !selector.is_empty() && selector.iter().all(|(k, v)| labels.get(k) == Some(v))
}

/// One object of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A Deployment or another kind that makes pods of a template.
    Workload(Box<Workload>),
    /// A Pod.
    Pod(Box<TextPod>),
    /// A Node.
    Node(Box<NodeObject>),
    /// A Service; its endpoints follow from its selector or from slices.
    Service(Service),
    /// An EndpointSlice, or each subset of an Endpoints.
    Slices(Vec<ManualSlice>),
}

/// Kinds that Kubernetes knows and the simulation ignores.
const OTHER_KINDS: &[&str] = &[
    "Namespace",
    "ConfigMap",
    "Secret",
    "Ingress",
    "NetworkPolicy",
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

/// The kinds that are simulated, with the apiVersion each is written with.
const KINDS: &[(&str, &str)] = &[
    ("Deployment", "apps/v1"),
    ("ReplicaSet", "apps/v1"),
    ("ReplicationController", "v1"),
    ("StatefulSet", "apps/v1"),
    ("DaemonSet", "apps/v1"),
    ("Job", "batch/v1"),
    ("CronJob", "batch/v1"),
    ("Pod", "v1"),
    ("Node", "v1"),
    ("Service", "v1"),
    ("EndpointSlice", "discovery.k8s.io/v1"),
    ("Endpoints", "v1"),
];

/// A document with its `apiVersion` and `kind` decoded.
pub struct Typed<'a> {
    /// `apiVersion`: group and version.
    pub api_version: String,
    /// `kind`; those decoded here are listed in `KINDS`.
    pub kind: Spanned<String>,
    /// All fields of the document.
    pub fields: Fields<'a>,
}

/// Decodes `apiVersion` and `kind`. The fields of Topology and Script are described by their table.
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
    if let Some(own) = fields::kind(&kind.value) {
        fields = fields.described(own.fields);
    }
    Some(Typed { api_version, kind, fields })
}

/// Decodes a Kubernetes object. None if its kind is not simulated, or if a required field is
/// missing or invalid.
pub fn decode(d: &mut Decoder, t: Typed<'_>) -> Option<Object> {
    let kind = t.kind.value.as_str();
    if OTHER_KINDS.contains(&kind) {
        d.not_simulated(t.kind.span, &format!("kind {kind}"));
        return None;
    }
    let no_match = format!("no matches for kind {kind:?} in version {:?}", t.api_version);
    let Some((_, version)) = KINDS.iter().find(|(k, _)| *k == kind) else {
        let simulated = KINDS.iter().map(|(k, _)| *k).chain(["List", "Topology", "Script"]);
        let near = nearest(kind, simulated.chain(OTHER_KINDS.iter().copied()));
        let hint = near.map_or_else(
            || "write kind: Deployment or kind: Service".to_owned(),
            |n| format!("did you mean {n}?"),
        );
        let mut diag = Diagnostic::error(Code::UnknownKind, t.kind.span, no_match, hint);
        if let Some(near) = near {
            diag = diag.with_fix(t.kind.span, near);
        }
        d.diags.push(diag);
        return None;
    };
    let beta_slice = kind == "EndpointSlice" && t.api_version == "discovery.k8s.io/v1beta1";
    if t.api_version != *version && !beta_slice {
        d.error(Code::UnknownKind, t.kind.span, no_match, format!("write apiVersion: {version}"));
        return None;
    }
    match kind {
        "EndpointSlice" => endpoints::endpoint_slice(d, t.fields).map(|s| Object::Slices(vec![s])),
        "Endpoints" => endpoints::endpoints(d, t.fields).map(Object::Slices),
        "Pod" => pod::decode(d, t.fields).map(|p| Object::Pod(Box::new(p))),
        "Node" => node::decode(d, t.fields).map(|n| Object::Node(Box::new(n))),
        kind if let Some(kind) = WorkloadKind::from_name(kind) => {
            workload::decode(d, kind, t.fields).map(|w| Object::Workload(Box::new(w)))
        }
        _ => service::decode::decode(d, t.fields).map(Object::Service),
    }
}

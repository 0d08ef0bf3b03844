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
    TaintEffect, TextPod, Toleration, ports_clash,
};
pub use selector::{LabelSelector, Operator, Requirement};
pub use service::{Distribution, Service, ServicePort, ServiceType, TargetPort, Traffic};
pub use workload::{Share, Strategy, Workload, WorkloadKind};

use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Diagnostic, Severity, Span, nearest};
use crate::fields;
use crate::schema::{self, Meant, Resolved};
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
    Service(Box<Service>),
    /// An EndpointSlice, or each subset of an Endpoints.
    Slices(Vec<ManualSlice>),
}

/// A decoder of a kind. The structure of the object is checked after it.
type Decode = fn(&mut Decoder, Fields<'_>) -> Option<Object>;

/// The kinds that are simulated beside the workloads, in every version that the release serves.
const SIMULATED: &[(&str, Decode)] = &[
    ("Pod", |d, f| pod::decode(d, f).map(|p| Object::Pod(Box::new(p)))),
    ("Node", |d, f| node::decode(d, f).map(|n| Object::Node(Box::new(n)))),
    ("Service", |d, f| service::decode::decode(d, f).map(|s| Object::Service(Box::new(s)))),
    ("EndpointSlice", |d, f| endpoints::endpoint_slice(d, f).map(|s| Object::Slices(vec![s]))),
    ("Endpoints", |d, f| endpoints::endpoints(d, f).map(Object::Slices)),
];

/// Whether a kind is simulated.
pub fn is_simulated(kind: &str) -> bool {
    SIMULATED.iter().any(|(name, _)| *name == kind) || WorkloadKind::from_name(kind).is_some()
}

/// Decodes an object of a kind that is simulated.
fn decode_simulated(d: &mut Decoder, kind: &str, fields: Fields<'_>) -> Option<Object> {
    if let Some((_, decode)) = SIMULATED.iter().find(|(name, _)| *name == kind) {
        return decode(d, fields);
    }
    let kind = WorkloadKind::from_name(kind)?;
    workload::decode(d, kind, fields).map(|w| Object::Workload(Box::new(w)))
}

/// A document with its `apiVersion` and `kind` decoded.
pub struct Typed<'a> {
    /// `apiVersion`: group and version.
    pub api_version: Spanned<String>,
    /// `kind`.
    pub kind: Spanned<String>,
    /// All fields of the document.
    pub fields: Fields<'a>,
    node: &'a YamlNode,
}

/// Decodes `apiVersion` and `kind`. The fields of Topology and Script are described by their table.
pub fn typed<'a>(d: &mut Decoder, node: &'a YamlNode) -> Option<Typed<'a>> {
    typed_as(d, node, None)
}

/// Decodes `apiVersion` and `kind`, which the items of a typed list may omit: `implied`.
pub(crate) fn typed_as<'a>(
    d: &mut Decoder,
    node: &'a YamlNode,
    implied: Option<(&str, &str)>,
) -> Option<Typed<'a>> {
    if is_kustomization(node) {
        let span = node.get("kind").map_or(Span { end: node.span.start, ..node.span }, |k| k.span);
        let message = "no matches for kind \"Kustomization\" in version \
                       \"kustomize.config.k8s.io/v1beta1\"";
        d.error(
            Code::UnknownKind,
            span,
            message,
            "run kubectl kustomize, and bring what it prints",
        );
        return None;
    }
    let mut fields = d.fields(node, "")?;
    let mut field = |name, implied: Option<&str>, hint| match implied {
        Some(value) if node.get(name).is_none() => {
            Some(Spanned { value: value.to_owned(), span: node.span })
        }
        _ => fields.require_string(d, name, hint),
    };
    let hint = "write apiVersion: v1 for a Service, apiVersion: apps/v1 for a Deployment";
    let api_version = field("apiVersion", implied.map(|i| i.0), hint);
    let kind = field("kind", implied.map(|i| i.1), "write kind: Service or kind: Deployment");
    let (api_version, kind) = (api_version?, kind?);
    if let Some(own) = fields::kind(&kind.value).filter(|_| {
        api_version.value == fields::API_VERSION || !schema::is_custom(&api_version.value)
    }) {
        fields = fields.described(own.fields);
    }
    Some(Typed { api_version, kind, fields, node })
}

/// Whether a document is a `kustomization.yaml`, which may omit its kind.
fn is_kustomization(node: &YamlNode) -> bool {
    let keys = ["resources", "bases", "namePrefix", "configMapGenerator", "patches", "images"];
    match node.get("apiVersion") {
        Some(version) => version.text().starts_with("kustomize.config.k8s.io/"),
        None => node.get("kind").is_none() && keys.iter().any(|key| node.get(key).is_some()),
    }
}

/// Decodes a Kubernetes object and checks its structure. None if its kind is not simulated, or if a
/// required field is missing or invalid.
pub fn decode(d: &mut Decoder, t: Typed<'_>) -> Option<Object> {
    let kind = t.kind.value.clone();
    match schema::resolve(&t.api_version.value, &kind, d.release) {
        Resolved::NoMatch(meant) => {
            no_match(d, &t, meant);
            None
        }
        Resolved::Custom => {
            let custom = format!("{kind}.{}", schema::group(&t.api_version.value));
            d.noted(t.kind.span, custom, None);
            None
        }
        Resolved::Served(root) => {
            let before = d.diags.len();
            let (release, node) = (d.release, t.node);
            d.requested.clear();
            let api_version = t.api_version.value.clone();
            d.object = Some(schema::Object { api_version, kind: kind.clone(), root, release });
            let simulated = is_simulated(&kind);
            let object = decode_simulated(d, &kind, t.fields.of_object());
            if !simulated {
                d.noted(t.kind.span, kind.clone(), None);
                // What a client asks the server has no name.
                let metadata = node.get("metadata").filter(|_| !kind.ends_with("Review"));
                metadata.map(|metadata| Meta::decode(d, metadata, NameRule::of(&kind)));
            }
            if let Some(object) = d.object.take() {
                schema::check(d, node, &object, before, simulated);
            }
            let is_wrong = d.diags[before..].iter().any(|x| x.severity == Severity::Error);
            // What follows from its pods would be told of others.
            let lacks_pods = is_wrong && WorkloadKind::from_name(&kind).is_some();
            d.lacks_pods |= lacks_pods;
            object.filter(|_| !lacks_pods)
        }
    }
}

/// Reports a kind that the release does not serve.
fn no_match(d: &mut Decoder, t: &Typed<'_>, meant: Option<Meant>) {
    let (kind, version) = (&t.kind.value, &t.api_version.value);
    let message = format!("no matches for kind {kind:?} in version {version:?}");
    let own = [fields::TOPOLOGY.name, fields::SCRIPT.name];
    let meant = match nearest(kind, own) {
        Some(own) if !matches!(meant, Some(Meant::Version(_) | Meant::Release(_))) => {
            Some(Meant::Kind(own))
        }
        _ => meant,
    };
    let (hint, fix) = match meant {
        Some(Meant::Version(v)) => {
            (format!("write apiVersion: {v}"), Some((t.api_version.span, v)))
        }
        Some(Meant::Kind(near)) => (format!("did you mean {near}?"), Some((t.kind.span, near))),
        Some(Meant::Release(k)) => (
            format!(
                "Kubernetes {} does not serve it; {} is served in {}",
                d.release,
                k.api_version,
                k.releases_text()
            ),
            None,
        ),
        None => (
            "write a kind of Kubernetes such as Deployment, with its apiVersion; the group of a \
             custom resource contains a dot"
                .to_owned(),
            None,
        ),
    };
    let mut diag = Diagnostic::error(Code::UnknownKind, t.kind.span, message, hint);
    if let Some((span, text)) = fix.filter(|_| t.node.get("kind").is_some()) {
        diag = diag.with_fix(span, text);
    }
    d.diags.push(diag);
}

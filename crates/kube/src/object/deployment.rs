//! Deployment: decoding and validation (`pkg/apis/apps/validation`, `pkg/apis/core/validation`).

use super::meta::NameRule;
use super::{Labels, Meta, protocol, selects};
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::Code;
use crate::yaml::YamlNode;

/// A declared port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// The name that a Service's `targetPort` may refer to.
    pub name: Option<String>,
    /// `containerPort`, from 1 to 65535.
    pub port: u16,
    /// `protocol`: `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// `hostPort`: the node's port that the portmap plugin forwards to this one.
    pub host_port: Option<u16>,
}

/// A container of a pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// `name`, unique in the pod.
    pub name: String,
    /// `image`, as written; decides what listens in the pod.
    pub image: String,
    /// `ports`; the image decides what listens, these only name it.
    pub ports: Vec<ContainerPort>,
    /// Whether `command` replaces the image's own server; then nothing listens.
    pub own_command: bool,
}

/// A Deployment (`apps/v1`), decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// `metadata`: its name, namespace and labels.
    pub meta: Meta,
    /// `spec.replicas`; 1 by default, with the span of the name.
    pub replicas: Spanned<u32>,
    /// `spec.selector.matchLabels`: the pods it owns; part of `pod_labels`.
    pub selector: Labels,
    /// `spec.template.metadata.labels`: the labels of its pods.
    pub pod_labels: Labels,
    /// `spec.template.spec.containers`, at least one.
    pub containers: Vec<Container>,
    /// `spec.template.spec.nodeName`: the node of all its pods, without the scheduler.
    pub node_name: Option<Spanned<String>>,
    /// The text that the pod template hash is computed over.
    pub template: String,
}

/// The text that the pod template hash is computed over. Its form is arbitrary but frozen: the
/// hash is part of every pod's name.
fn template_text(labels: &Labels, containers: &[Container], node_name: Option<&String>) -> String {
    let labels: Vec<_> = labels.iter().collect();
    format!(
        "LiteMap {{ values: {labels:?}, _key_type: PhantomData<alloc::string::String>, \
         _value_type: PhantomData<alloc::string::String> }}{containers:?}{node_name:?}"
    )
}

/// Decodes a Deployment; `None` if a required field is missing or faulty.
pub(super) fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Option<Deployment> {
    let metadata = f.require(d, "metadata", "write metadata: with a name: below it");
    let spec = f.require(d, "spec", "write spec: with the object's fields below it");
    let object = metadata
        .and_then(|n| Meta::decode(d, n, NameRule::Subdomain))
        .zip(spec)
        .and_then(|(meta, spec)| decode_spec(d, meta, spec));
    d.finish(f);
    object
}

fn decode_spec(d: &mut Decoder, meta: Meta, node: &YamlNode) -> Option<Deployment> {
    let mut f = d.fields(node, "spec")?;
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
        let mut f = d.fields(n, "spec.selector")?;
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
        let mut f = d.fields(n, "spec.template.metadata")?;
        let labels =
            f.require(d, "labels", "write labels: with the selector's labels below it").map(|n| {
                labels_span = n.span;
                d.string_map(n, "spec.template.metadata.labels")
            });
        d.finish(f);
        labels
    });
    let mut p = d.fields(pod_spec?, "spec.template.spec")?;
    p.require(d, "containers", "write containers: with - name: and image: below it");
    let containers = containers(d, &mut p);
    let node_name = p.string(d, "nodeName");
    d.finish(p);
    let (selector, pod_labels) = (selector?, pod_labels?);
    if !selects(&selector, &pod_labels) {
        let have: Vec<_> = pod_labels.iter().map(|(k, v)| format!("{k:?}:{v:?}")).collect();
        let want: Vec<_> = selector.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        let message = format!(
            "spec.template.metadata.labels: Invalid value: map[string]string{{{}}}: \
             `selector` does not match template `labels`",
            have.join(", ")
        );
        d.error(
            Code::SelectorMismatch,
            labels_span,
            message,
            format!("give the template the selector's labels: {}", want.join(", ")),
        );
    }
    let template = template_text(&pod_labels, &containers, node_name.as_ref().map(|n| &n.value));
    Some(Deployment { meta, replicas, selector, pod_labels, containers, node_name, template })
}

fn replicas(d: &mut Decoder, node: &YamlNode) -> Option<Spanned<u32>> {
    let n = d.integer(node, "spec.replicas")?;
    match i32::try_from(n.value).map(u32::try_from) {
        Ok(Ok(value)) => return Some(Spanned { value, span: n.span }),
        Err(_) if n.value > 0 => d.error(
            Code::OutOfRange,
            n.span,
            format!("spec.replicas: Invalid value: {}: must fit in an int32", n.value),
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

fn containers(d: &mut Decoder, pod: &mut Fields<'_>) -> Vec<Container> {
    let mut out = Vec::new();
    let mut host_ports: Vec<(u16, &str)> = Vec::new();
    for mut f in pod.list(d, "containers") {
        let name = f.require_string(d, "name", "write a name, such as name: nginx");
        let image = f.require_string(d, "image", "write an image, such as image: nginx:1.7.9");
        let own_command = f.get("command").is_some();
        let mut ports = Vec::new();
        for port in f.list(d, "ports") {
            ports.extend(container_port(d, port, &mut host_ports));
        }
        d.finish(f);
        if let (Some(name), Some(image)) = (name, image) {
            out.push(Container { name: name.value, image: image.value, ports, own_command });
        }
    }
    out
}

/// Decodes a port. `host_ports`: those of the pod so far, with their protocols.
fn container_port(
    d: &mut Decoder,
    mut f: Fields<'_>,
    host_ports: &mut Vec<(u16, &'static str)>,
) -> Option<ContainerPort> {
    let hint = "write containerPort: with the port the container listens on";
    let port = f.require_port(d, "containerPort", hint);
    let name = f.string(d, "name").map(|n| n.value);
    let protocol = protocol(d, &mut f);
    let host_port = f.port(d, "hostPort");
    let path = f.path_of("hostPort");
    d.finish(f);
    if let (Some(p), Some(protocol)) = (&host_port, protocol) {
        if host_ports.contains(&(p.value, protocol)) {
            let message = format!("{path}: Duplicate value: \"{protocol}//{}\"", p.value);
            d.error(Code::DuplicateObject, p.span, message, "write another port, or remove it");
        }
        host_ports.push((p.value, protocol));
    }
    let host_port = host_port.map(|p| p.value);
    Some(ContainerPort { name, port: port?.value, protocol: protocol?, host_port })
}

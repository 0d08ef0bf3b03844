//! The text of a pod template that its hash is computed over.

use super::{Container, PodSpec, command};
use crate::object::Labels;
use crate::yaml::{Value, YamlNode};

/// The text of a template. Its form is arbitrary but frozen: the hash is part of every pod's name.
/// `metadata` and `spec`: the template as it is written.
pub(super) fn text(
    labels: &Labels,
    spec: &PodSpec,
    metadata: Option<&YamlNode>,
    node: Option<&YamlNode>,
) -> String {
    let labels: Vec<_> = labels.iter().collect();
    let containers: Vec<String> = spec.containers.iter().map(container).collect();
    format!(
        "LiteMap {{ values: {labels:?}, _key_type: PhantomData<alloc::string::String>, \
         _value_type: PhantomData<alloc::string::String> }}[{}]{:?}{}",
        containers.join(", "),
        spec.node_name.as_ref().map(|n| &n.value),
        rest(spec, metadata, node)
    )
}

fn container(c: &Container) -> String {
    let ports: Vec<String> = c
        .ports
        .iter()
        .map(|p| {
            format!(
                "ContainerPort {{ name: {:?}, port: {:?}, protocol: {:?}, host_port: {:?} }}",
                p.name, p.port, p.protocol, p.host_port
            )
        })
        .collect();
    format!(
        "Container {{ name: {:?}, image: {:?}, ports: [{}], own_command: {:?} }}",
        c.name,
        c.image,
        ports.join(", "),
        !c.command.is_empty()
    )
}

/// Everything else that is written, with its keys in order; empty if there is nothing.
fn rest(spec: &PodSpec, metadata: Option<&YamlNode>, node: Option<&YamlNode>) -> String {
    let mut out = String::new();
    if let Some(annotations) = metadata.and_then(|m| m.get("annotations")) {
        write(&mut out, annotations);
    }
    let Some(node) = node else { return out };
    for (key, value) in sorted(node) {
        if !matches!(key, "containers" | "nodeName") {
            out.push_str(key);
            write(&mut out, value);
        }
    }
    let items = node.get("containers").map(YamlNode::items).unwrap_or_default();
    for (i, item) in items.iter().enumerate() {
        for (key, value) in sorted(item) {
            // Two commands that only wait are the same.
            let waits = || spec.containers.get(i).is_some_and(command::only_waits);
            if !matches!(key, "name" | "image" | "ports") && !(key == "command" && waits()) {
                out.push_str(key);
                write(&mut out, value);
            }
        }
        let addresses = item.get("ports").map(YamlNode::items).unwrap_or_default();
        for address in addresses.iter().filter_map(|p| p.get("hostIP")) {
            write(&mut out, address);
        }
    }
    out
}

fn sorted(node: &YamlNode) -> Vec<(&str, &YamlNode)> {
    let mut pairs: Vec<_> = node.pairs().iter().map(|(k, v)| (k.text(), v)).collect();
    pairs.sort_by_key(|(k, _)| *k);
    pairs
}

fn write(out: &mut String, node: &YamlNode) {
    match &node.value {
        Value::Scalar { text, .. } => out.push_str(&format!("{text:?}")),
        Value::Seq(items) => {
            out.push('[');
            items.iter().for_each(|x| write(out, x));
            out.push(']');
        }
        Value::Map(_) => {
            out.push('{');
            for (key, value) in sorted(node) {
                out.push_str(key);
                write(out, value);
            }
            out.push('}');
        }
    }
}

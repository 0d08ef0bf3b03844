//! Documents that a change adds.

use crate::fields::API_VERSION;
use crate::topology::{Nic, Role, Topology};
use crate::yaml::Tree;

/// A Deployment of nginx with two replicas.
pub(super) fn deployment(name: &str) -> Tree {
    let labels = || Tree::map([("app", Tree::text(name))]);
    let ports = Tree::Seq(vec![Tree::map([("containerPort", Tree::plain(80))])]);
    let container = Tree::map([
        ("name", Tree::text("nginx")),
        ("image", Tree::text("nginx:1.7.9")),
        ("ports", ports),
    ]);
    let template = Tree::map([
        ("metadata", Tree::map([("labels", labels())])),
        ("spec", Tree::map([("containers", Tree::Seq(vec![container]))])),
    ]);
    let spec = [
        ("replicas", Tree::plain(2)),
        ("selector", Tree::map([("matchLabels", labels())])),
        ("template", template),
    ];
    Tree::map([
        ("apiVersion", Tree::text("apps/v1")),
        ("kind", Tree::text("Deployment")),
        ("metadata", Tree::map([("name", Tree::text(name))])),
        ("spec", Tree::map(spec)),
    ])
}

/// The document that decodes to a Topology with the default settings.
pub(super) fn topology(t: &Topology) -> Tree {
    let nic = |n: &Nic| {
        Tree::map([
            ("name", Tree::text(n.name.clone())),
            ("address", Tree::text(n.address.value.to_string())),
        ])
    };
    let nodes = t.nodes.iter().map(|n| {
        let mut pairs = vec![("name", Tree::text(n.name.value.clone()))];
        if n.role == Role::ControlPlane {
            pairs.push(("role", Tree::text("control-plane")));
        }
        pairs.push(("nic", nic(&n.nic)));
        Tree::map(pairs)
    });
    let hosts = t
        .hosts
        .iter()
        .map(|h| Tree::map([("name", Tree::text(h.name.value.clone())), ("nic", nic(&h.nic))]));
    let first = t.segment();
    let mut segment = vec![
        ("name", Tree::text(first.name.clone())),
        ("subnet", Tree::text(first.subnet.to_string())),
    ];
    segment.extend(first.gateway.map(|g| ("gateway", Tree::text(g.to_string()))));
    let spec = [
        ("segments", Tree::Seq(vec![Tree::map(segment)])),
        ("nodes", Tree::Seq(nodes.collect())),
        ("hosts", Tree::Seq(hosts.collect())),
    ];
    Tree::map([
        ("apiVersion", Tree::text(API_VERSION)),
        ("kind", Tree::text("Topology")),
        ("metadata", Tree::map([("name", Tree::text(t.name.clone()))])),
        ("spec", Tree::map(spec)),
    ])
}

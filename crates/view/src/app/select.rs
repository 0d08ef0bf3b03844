//! The contents of the menus in the send bar.

use super::parts::{Loaded, SendBar};
use crate::labels::{SYSTEM, app_of};
use play::Protocol;
use play::probe::resolve_target;

/// An option of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// The value.
    pub value: String,
    /// The label.
    pub label: String,
}

/// The menus of the send bar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menus {
    /// The senders.
    pub from: Vec<MenuItem>,
    /// The destinations.
    pub to: Vec<MenuItem>,
    /// The endpoints of the chosen Service.
    pub endpoints: Vec<MenuItem>,
}

fn choice(value: impl Into<String>, label: impl Into<String>) -> MenuItem {
    MenuItem { value: value.into(), label: label.into() }
}

/// The possible senders: hosts, nodes, pods; those of the cluster itself come last.
pub fn senders(l: &Loaded) -> Vec<MenuItem> {
    let c = l.session.running();
    let hosts = c.topology.hosts.iter().map(|h| choice(h.name.value.clone(), h.name.value.clone()));
    let nodes =
        c.nodes.iter().map(|n| choice(n.spec.name.value.clone(), n.spec.name.value.clone()));
    let mut pods: Vec<_> = c.pods.iter().collect();
    pods.sort_by_key(|p| p.namespace == SYSTEM);
    let pods = pods
        .into_iter()
        .map(|p| choice(format!("pod/{}", p.netns()), format!("{} {}", app_of(p), p.ip)));
    hosts.chain(nodes).chain(pods).collect()
}

/// The possible destinations: node ports, Services, pods; for ICMP, addresses only. The Services
/// that the cluster creates itself come last.
pub(super) fn targets(l: &Loaded, proto: Protocol) -> Vec<MenuItem> {
    let c = l.session.running();
    let mut out = Vec::new();
    let Some(word) = proto.transport() else {
        out.extend(
            c.pods.iter().map(|p| choice(p.ip.to_string(), format!("{} {}", app_of(p), p.ip))),
        );
        out.extend(c.nodes.iter().map(|n| {
            choice(n.address().to_string(), format!("{} {}", n.spec.name.value, n.address()))
        }));
        return out;
    };
    let mut services: Vec<_> = c.services.iter().collect();
    services.sort_by_key(|s| s.written.is_none());
    for s in services {
        for p in s.ports.iter().filter(|p| p.protocol == word) {
            if let Some(np) = p.node_port {
                out.extend(c.nodes.iter().map(|n| {
                    choice(format!("{}:{np}", n.address()), format!("{}:{np}", n.spec.name.value))
                }));
            }
            let outside = s.traffic.ingress.iter().map(|(a, _)| a).chain(&s.traffic.external_ips);
            out.extend(
                outside.map(|a| {
                    choice(format!("{a}:{}", p.port), format!("{}:{} {a}", s.name, p.port))
                }),
            );
            if s.cluster_ip.is_some() {
                out.push(choice(
                    format!("svc/{}/{}:{}", s.namespace, s.name, p.port),
                    format!("{}:{}", s.name, p.port),
                ));
            }
        }
    }
    for pod in &c.pods {
        for p in pod.containers.iter().flat_map(|c| &c.ports).filter(|p| p.protocol == word) {
            out.push(choice(
                format!("{}:{}", pod.ip, p.port),
                format!("{} {}:{}", app_of(pod), pod.ip, p.port),
            ));
        }
    }
    out
}

/// A request that can be sent with one click.
pub struct Request {
    /// The sender.
    pub from: MenuItem,
    /// The destination.
    pub to: MenuItem,
}

/// Requests to begin with: the one in the send bar, and one from a pod to a Service.
pub fn requests(menus: &Menus, bar: &SendBar) -> Vec<Request> {
    let named =
        |all: &[MenuItem], is: &dyn Fn(&str) -> bool| all.iter().find(|c| is(&c.value)).cloned();
    let request = |from: &dyn Fn(&str) -> bool, to: &dyn Fn(&str) -> bool| {
        Some(Request { from: named(&menus.from, from)?, to: named(&menus.to, to)? })
    };
    let first = request(&|v| v == bar.from, &|v| v == bar.to);
    let second = request(&|v| v.starts_with("pod/"), &|v| v.starts_with("svc/"));
    first.into_iter().chain(second.filter(|r| r.to.value != bar.to)).collect()
}

/// The endpoints that the rules of the chosen Service can select, with their probabilities.
pub(super) fn endpoints(l: &Loaded, to: &str) -> Vec<MenuItem> {
    let cluster = l.session.running();
    let Ok((addr, Some(port))) = resolve_target(cluster, l.session.world(), to) else {
        return Vec::new();
    };
    let asked = cluster.services.iter().find_map(|s| {
        let by_ip = s.has_address(addr);
        let found = s
            .ports
            .iter()
            .find(|p| if by_ip { p.port == port } else { p.node_port == Some(port) })?;
        kube::plan::chain_of(cluster, s, found)
    });
    let (Some(chain), Some(node)) = (asked, cluster.nodes.first()) else { return Vec::new() };
    let Some((_, ns)) = l.session.last().ns_named(&node.spec.name.value) else { return Vec::new() };
    let draws = crate::scene::draws(ns.rules.table(net::netfilter::TableName::Nat), &chain);
    if draws.len() < 2 {
        return Vec::new();
    }
    let one = |d: crate::scene::DrawOf| {
        let at = net::dump::endpoint(d.addr, d.port);
        let name = l.labels.owner(d.addr).unwrap_or_default();
        choice(
            at.clone(),
            format!(
                "{at} · {}% · {}",
                crate::px::Px(d.share as f32 * 100.0),
                name.split(' ').next().unwrap_or_default()
            ),
        )
    };
    draws.into_iter().map(one).collect()
}

//! A load balancer outside of the cluster: a host in front of the nodes that has the addresses of
//! Services, and forwards what is sent to them to node ports, as a cloud's network load balancer or
//! IPVS with masquerading does. It forwards by iptables rules in its namespace:
//!
//! ```text
//! PREROUTING ──address, port, source range──▶ LB-<Service port> ──random──▶ DNAT to node:nodePort
//! POSTROUTING ──▶ MASQUERADE
//! ```
//!
//! A node gets traffic while its health check succeeds: with `externalTrafficPolicy: Local` at
//! `healthCheckNodePort`, which kube-proxy answers with 200 if the node has a ready endpoint, else
//! at kube-proxy's own /healthz (10256). What they would answer is computed; no packet asks.

use crate::cluster::{Cluster, Node, Port, RunningService};
use crate::naming;
use crate::object::ServiceType;
use crate::portmap::{from_range, to_port, with};
use crate::proxy::{ServiceProtocol, probability};
use crate::release::Release;
use crate::speaker::{EXCLUDED, addresses, has_lan};
use crate::topology::Balancer;
use ipnet::{IpNet, Ipv4Net};
use net::netfilter::{
    Match, Negatable, Restored, Rule, Ruleset, RulesetBuilder, TableName, Target,
};
use std::net::Ipv4Addr;

/// The name of its program, in events.
pub const PROGRAM: &str = "load-balancer";

/// The name of the host that is the load balancer; none if there is no such host.
pub fn host(cluster: &Cluster) -> Option<&str> {
    let t = &cluster.topology;
    (t.load_balancer == Balancer::External).then_some(t.load_balancer_host.as_str())
}

/// The addresses that the host has besides its own.
pub fn own_addresses(cluster: &Cluster) -> Vec<IpNet> {
    let mut out = Vec::new();
    for s in balanced(cluster) {
        let all = addresses(s).map(|a| IpNet::from(Ipv4Net::from(a)));
        out.extend(all.filter(|a| !out.contains(a)).collect::<Vec<_>>());
    }
    out
}

/// Writes the rules that it forwards by. `runs`: whether kube-proxy runs on a node.
pub(crate) fn write(b: &mut RulesetBuilder, cluster: &Cluster, runs: &dyn Fn(&str) -> bool) {
    let mut forwarded = Vec::new();
    for s in balanced(cluster) {
        for p in &s.ports {
            let protocol = ServiceProtocol::from_name(p.protocol);
            let (Some(protocol), Some(node_port)) = (protocol, p.node_port) else { continue };
            let healthy: Vec<Ipv4Addr> = cluster
                .nodes
                .iter()
                .filter(|n| runs(&n.spec.name.value) && is_healthy(cluster, s, n))
                .map(Node::address)
                .collect();
            service_port(b, s, p, protocol, (&healthy, node_port));
            forwarded.extend(healthy.into_iter().map(|n| (n, node_port, protocol)));
        }
    }
    for (node, port, protocol) in forwarded {
        let masquerade = Rule::to(Target::Masquerade { random_fully: false });
        let rule = to_port(protocol, port, masquerade).to_net(false, node.into());
        b.append(TableName::Nat, "POSTROUTING", rule);
    }
}

/// The rules of its host after a change: its own take the place of the table nat.
pub fn restored(rules: &Ruleset, cluster: &Cluster, runs: &dyn Fn(&str) -> bool) -> Restored {
    let mut b = RulesetBuilder::from(rules);
    for chain in &rules.table(TableName::Nat).chains {
        b.flush(TableName::Nat, &chain.name);
        if chain.policy.is_none() {
            b.delete(TableName::Nat, &chain.name);
        }
    }
    write(&mut b, cluster, runs);
    Restored { rules: b.build(), tables: [TableName::Nat].into(), kept: [].into() }
}

fn balanced(cluster: &Cluster) -> impl Iterator<Item = &RunningService> {
    cluster.services.iter().filter(|s| s.kind == ServiceType::LoadBalancer)
}

/// Whether a node whose kube-proxy runs passes the health check of a Service.
fn is_healthy(cluster: &Cluster, s: &RunningService, n: &Node) -> bool {
    let mut endpoints = s.ports.iter().flat_map(|p| &p.endpoints).filter(|e| e.ready);
    let is_here = |node: Option<&str>| node == Some(n.spec.name.value.as_str());
    !n.labels.contains_key(EXCLUDED)
        && has_lan(cluster, n)
        && (!s.traffic.external_local || endpoints.any(|e| is_here(e.node.as_deref())))
}

/// The rules of a Service port: one of the healthy nodes is taken, each as likely as the others.
fn service_port(
    b: &mut RulesetBuilder,
    s: &RunningService,
    p: &Port,
    protocol: ServiceProtocol,
    (healthy, node_port): (&[Ipv4Addr], u16),
) {
    let name = format!("{}/{}:{}", s.namespace, s.name, p.name);
    let chain = naming::service_chain("LB-", &name, protocol.name());
    b.new_chain(TableName::Nat, &chain);
    let jump = |to: Ipv4Addr| {
        let rule = Rule::to(Target::Jump(chain.as_str().into()));
        to_port(protocol, p.port, rule).to_net(false, to.into())
    };
    for address in addresses(s) {
        if s.traffic.source_ranges.is_empty() {
            b.append(TableName::Nat, "PREROUTING", jump(address));
        }
        for range in &s.traffic.source_ranges {
            let IpNet::V4(range) = range else { continue };
            b.append(TableName::Nat, "PREROUTING", from_range(*range, jump(address)));
        }
    }
    for (node, left) in healthy.iter().zip((1..=healthy.len()).rev()) {
        let rule = Rule::to(Target::Dnat { addr: (*node).into(), port: Some(node_port) });
        let rule = Rule { proto: Some(Negatable::plain(protocol.number())), ..rule };
        let rule = if left > 1 {
            let (_, probability) = probability(left, Release::LAST);
            with(Match::Random { probability }, rule)
        } else {
            rule
        };
        b.append(TableName::Nat, &chain, rule);
    }
}

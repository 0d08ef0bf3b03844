//! kube-proxy 1.10, iptables mode: the rules it writes (`pkg/proxy/iptables/proxier.go`,
//! `syncProxyRules`), and kubelet's (`pkg/kubelet/kubelet_network.go`).
//!
//! kube-proxy walks a Go map, whose order is random; here it is drawn from the topology's seed.

use crate::cluster::{Cluster, Port, RunningService};
use crate::naming::{endpoint_chain, service_chain};
use ipnet::Ipv4Net;
use net::netfilter::{AddrType, CtStates, Match, Negatable, PortRange, RejectWith, Rule, RulesetBuilder, TableName, Target};
use net::rng;
use std::net::Ipv4Addr;
use std::rc::Rc;

const MASQ: u32 = 0x4000;
const DROP: u32 = 0x8000;

fn jump(to: &str) -> Target {
    Target::Jump(to.into())
}

fn commented(comment: &str, target: Target) -> Rule {
    Rule { matches: vec![Match::Comment(comment.into())], ..Rule::to(target) }
}

fn mark_rule(bits: u32) -> Rule {
    Rule::to(Target::Mark { value: bits, mask: bits })
}

fn mark_match(bits: u32) -> Match {
    Match::Mark(Negatable::plain((bits, bits)))
}

fn dst_local() -> Match {
    Match::AddrType { src: None, dst: Some(Negatable::plain(AddrType::Local)) }
}

fn new_only(comment: &str, to: &str) -> Rule {
    Rule { matches: vec![Match::CtState(Negatable::plain(CtStates::NEW)), Match::Comment(comment.into())], ..Rule::to(jump(to)) }
}

/// The chains both keep on every node, and the jumps to them. Call it after docker and before
/// flannel: both are prepended.
pub fn write_fixed(b: &mut RulesetBuilder) {
    use TableName::{Filter, Nat};
    b.append(Nat, "KUBE-MARK-DROP", mark_rule(DROP));
    b.append(Nat, "KUBE-MARK-MASQ", mark_rule(MASQ));
    let firewall = Rule {
        matches: vec![Match::Comment("kubernetes firewall for dropping marked packets".into()), mark_match(DROP)],
        ..Rule::to(Target::Drop)
    };
    b.append(Filter, "KUBE-FIREWALL", firewall);
    b.prepend(Filter, "OUTPUT", Rule::to(jump("KUBE-FIREWALL")));
    b.prepend(Filter, "INPUT", Rule::to(jump("KUBE-FIREWALL")));
    for chain in ["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD"] {
        b.new_chain(Filter, chain);
    }
    for chain in ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING"] {
        b.new_chain(Nat, chain);
    }
    b.prepend(Filter, "INPUT", new_only("kubernetes externally-visible service portals", "KUBE-EXTERNAL-SERVICES"));
    b.prepend(Filter, "OUTPUT", new_only("kubernetes service portals", "KUBE-SERVICES"));
    b.prepend(Nat, "OUTPUT", commented("kubernetes service portals", jump("KUBE-SERVICES")));
    b.prepend(Nat, "PREROUTING", commented("kubernetes service portals", jump("KUBE-SERVICES")));
    b.prepend(Nat, "POSTROUTING", commented("kubernetes postrouting rules", jump("KUBE-POSTROUTING")));
    b.prepend(Filter, "FORWARD", commented("kubernetes forwarding rules", jump("KUBE-FORWARD")));
    let masquerade = Rule {
        matches: vec![Match::Comment("kubernetes service traffic requiring SNAT".into()), mark_match(MASQ)],
        ..Rule::to(Target::Masquerade { random_fully: false })
    };
    b.append(Nat, "KUBE-POSTROUTING", masquerade);
}

/// The services' rules, in the order of the map.
pub fn write_services(b: &mut RulesetBuilder, cluster: &Cluster) {
    use TableName::{Filter, Nat};
    let t = &cluster.topology;
    let mut ports: Vec<(u64, &RunningService, &Port)> = cluster
        .services
        .iter()
        .flat_map(|s| s.ports.iter().map(move |p| (rng::hash_str(t.seed, &format!("{}/{}:{}", s.namespace, s.name, p.name)), s, p)))
        .collect();
    ports.sort_by_key(|(order, ..)| *order);
    for (_, service, port) in ports {
        write_port(b, cluster, service, port);
    }
    let last = "kubernetes service nodeports; NOTE: this must be the last rule in this chain";
    b.append(Nat, "KUBE-SERVICES", Rule { matches: vec![Match::Comment(last.into()), dst_local()], ..Rule::to(jump("KUBE-NODEPORTS")) });
    let related = || Match::CtState(Negatable::plain(CtStates::RELATED.with(CtStates::ESTABLISHED)));
    let cidr = t.pod_cidr;
    b.append(
        Filter,
        "KUBE-FORWARD",
        Rule { matches: vec![Match::Comment("kubernetes forwarding rules".into()), mark_match(MASQ)], ..Rule::to(Target::Accept) },
    );
    let pods = |comment: &str| Rule { matches: vec![Match::Comment(comment.into()), related()], ..Rule::to(Target::Accept) };
    b.append(Filter, "KUBE-FORWARD", pods("kubernetes forwarding conntrack pod source rule").from_net(false, cidr));
    b.append(Filter, "KUBE-FORWARD", pods("kubernetes forwarding conntrack pod destination rule").to_net(false, cidr));
}

fn service_port(service: &RunningService, port: &Port) -> (String, String) {
    (format!("{}/{}:{}", service.namespace, service.name, port.name), port.protocol.to_lowercase())
}

/// The chain that chooses an endpoint of a Service's port.
pub fn chain_of(service: &RunningService, port: &Port) -> String {
    let (name, proto) = service_port(service, port);
    service_chain("KUBE-SVC-", &name, &proto)
}

fn write_port(b: &mut RulesetBuilder, cluster: &Cluster, service: &RunningService, port: &Port) {
    use TableName::{Filter, Nat};
    let Some(ip) = service.cluster_ip else { return };
    let t = &cluster.topology;
    let (name, proto) = service_port(service, port);
    let number = if port.protocol == "UDP" { net::wire::PROTO_UDP } else { net::wire::PROTO_TCP };
    let svc = chain_of(service, port);
    let has = !port.endpoints.is_empty();
    let to_port = |comment: &Rc<str>, dport: u16, local: bool, target: Target| {
        let mut matches = vec![Match::Comment(comment.clone())];
        if local {
            matches.push(dst_local());
        }
        matches.push(Match::Ports { proto: number, sport: None, dport: Some(Negatable::plain(PortRange::one(dport))) });
        Rule { proto: Some(Negatable::plain(number)), matches, ..Rule::to(target) }
    };
    let host = Ipv4Net::from(ip);
    if has {
        b.new_chain(Nat, &svc);
        let comment: Rc<str> = format!("{name} cluster IP").into();
        let masq = to_port(&comment, port.port, false, jump("KUBE-MARK-MASQ")).to_net(false, host);
        b.append(Nat, "KUBE-SERVICES", if t.masquerade_all { masq } else { masq.from_net(true, t.pod_cidr) });
        b.append(Nat, "KUBE-SERVICES", to_port(&comment, port.port, false, jump(&svc)).to_net(false, host));
    } else {
        let comment: Rc<str> = format!("{name} has no endpoints").into();
        let reject = Target::Reject(RejectWith::PortUnreachable);
        b.append(Filter, "KUBE-SERVICES", to_port(&comment, port.port, false, reject).to_net(false, host));
    }
    if let Some(np) = port.node_port {
        if has {
            let comment: Rc<str> = name.as_str().into();
            b.append(Nat, "KUBE-NODEPORTS", to_port(&comment, np, false, jump("KUBE-MARK-MASQ")));
            b.append(Nat, "KUBE-NODEPORTS", to_port(&comment, np, false, jump(&svc)));
        } else {
            let comment: Rc<str> = format!("{name} has no endpoints").into();
            let reject = Target::Reject(RejectWith::PortUnreachable);
            b.append(Filter, "KUBE-EXTERNAL-SERVICES", to_port(&comment, np, true, reject));
        }
    }
    let comment: Rc<str> = name.as_str().into();
    let n = port.endpoints.len();
    for (i, (addr, target_port)) in port.endpoints.iter().enumerate() {
        let sep = endpoint_chain(&name, &proto, &format!("{addr}:{target_port}"));
        let mut matches = vec![Match::Comment(comment.clone())];
        if i + 1 < n {
            matches.push(Match::Random { probability: probability(n - i) });
        }
        b.append(Nat, &svc, Rule { matches, ..Rule::to(jump(&sep)) });
        let own = Rule { matches: vec![Match::Comment(comment.clone())], ..Rule::to(jump("KUBE-MARK-MASQ")) };
        b.append(Nat, &sep, own.from_net(false, Ipv4Net::from(*addr)));
        b.append(Nat, &sep, dnat(number, &comment, *addr, *target_port));
    }
}

fn dnat(number: u8, comment: &Rc<str>, addr: Ipv4Addr, port: u16) -> Rule {
    Rule {
        proto: Some(Negatable::plain(number)),
        matches: vec![Match::Comment(comment.clone()), Match::Ports { proto: number, sport: None, dport: None }],
        ..Rule::to(Target::Dnat { addr: addr.into(), port: Some(port) })
    }
}

/// `1/n` as kube-proxy 1.10 writes it, with five digits, in the kernel's 2^31.
fn probability(n: usize) -> u32 {
    let written = (100_000.0 / n as f64).round() / 100_000.0;
    (written * 2_147_483_648.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_the_article_prints() {
        let printed: Vec<_> = [4, 3, 2].map(|n| format!("{:.11}", f64::from(probability(n)) / 2_147_483_648.0)).into();
        assert_eq!(printed, ["0.25000000000", "0.33332999982", "0.50000000000"]);
    }
}

//! The portmap plugin: host ports of pods (`plugins/meta/portmap/portmap_iptables.go`; CNI plugins
//! 0.6 with Kubernetes 1.10, later ones after that).
//!
//! ```text
//! PREROUTING, OUTPUT ──local──▶ CNI-HOSTPORT-DNAT ──port──▶ CNI-DN-<pod> ──▶ DNAT to the pod
//! ```
//!
//! Traffic from the node's 127.0.0.1, and in later versions from the node's pods, is masqueraded:
//! up to 0.6 by CNI-HOSTPORT-SNAT and a chain of the pod, from 0.7 on by a mark. From 0.9 on,
//! adding a pod deletes the conntrack entries of UDP to its host ports.

use crate::cluster::{Cluster, Pod};
use crate::naming;
use crate::object::ContainerPort;
use crate::proxy::ServiceProtocol;
use ipnet::Ipv4Net;
use net::netfilter::{
    AddrType, Match, Negatable, PortRange, Restored, Rule, Ruleset, RulesetBuilder, Side,
    TableName, Target,
};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The name of flannel's network in its CNI configuration.
const NETWORK: &str = "cbr0";
/// The mark of packets to masquerade.
const MARK: u32 = 0x2000;
/// The most ports of one `multiport` match.
const MULTIPORT_MAX: usize = 15;

/// The ports of a pod that have a host port, with the host port and protocol.
fn ports(pod: &Pod) -> Vec<(&ContainerPort, u16, ServiceProtocol)> {
    let all = pod.spec.running().flat_map(|c| &c.ports);
    all.filter_map(|p| Some((p, p.host_port?, ServiceProtocol::from_name(p.protocol)?))).collect()
}

/// Whether a pod has host ports.
pub(crate) fn has_host_ports(pod: &Pod) -> bool {
    !ports(pod).is_empty()
}

/// The UDP host ports whose conntrack entries the plugin deletes when it adds a pod.
pub fn stale_udp_ports(cluster: &Cluster, pod: &Pod) -> Vec<u16> {
    let all = ports(pod).into_iter().filter(|(.., p)| {
        cluster.topology.version.portmap_deletes_udp() && *p == ServiceProtocol::Udp
    });
    all.map(|(_, host_port, _)| host_port).collect()
}

/// A node's rules after the plugin's ADD (`added`) or DEL of a pod.
pub fn after(rules: &Ruleset, cluster: &Cluster, pod: &Pod, added: bool) -> Restored {
    let mut b = RulesetBuilder::from(rules);
    if added {
        add(&mut b, cluster, pod);
    } else {
        remove(&mut b, cluster, pod);
    }
    let after = b.build();
    // Rules that stay keep their counters, even if others are inserted between them.
    let chains =
        rules.table(TableName::Nat).chains.iter().map(|c| (TableName::Nat, c.name.clone()));
    let kept = chains.filter(|(t, c)| after.table(*t).chain(c).is_some()).collect();
    Restored { rules: after, tables: [TableName::Nat].into(), kept }
}

/// Adds the rules of every pod of a node.
pub(crate) fn write(b: &mut RulesetBuilder, cluster: &Cluster, node: usize) {
    for pod in cluster.pods.iter().filter(|p| p.node == node && has_host_ports(p)) {
        add(b, cluster, pod);
    }
}

fn jump(to: &str) -> Rule {
    Rule::to(Target::Jump(to.into()))
}

/// A rule with one more match.
pub(crate) fn with(m: Match, rule: Rule) -> Rule {
    let mut matches = rule.matches;
    matches.push(m);
    Rule { matches, ..rule }
}

/// A rule with a comment.
fn commented(text: impl Into<Rc<str>>, rule: Rule) -> Rule {
    with(Match::Comment(text.into()), rule)
}

/// A rule restricted to one destination port.
pub(crate) fn to_port(protocol: ServiceProtocol, port: u16, rule: Rule) -> Rule {
    let proto = protocol.number();
    let dport = Some(Negatable::plain(PortRange::one(port)));
    with(
        Match::Ports { proto, sport: None, dport },
        Rule { proto: Some(Negatable::plain(proto)), ..rule },
    )
}

/// A rule restricted to the sources of a network: none for all of them, as iptables has no `-s` for
/// `0.0.0.0/0`.
pub(crate) fn from_range(range: Ipv4Net, rule: Rule) -> Rule {
    if range.prefix_len() == 0 { rule } else { rule.from_net(false, range) }
}

/// The jumps to a pod's own chains, each with the chain it stands in.
fn entries(cluster: &Cluster, pod: &Pod) -> Vec<(&'static str, Rule)> {
    let id = naming::container_id(cluster.topology.seed, &pod.netns());
    let chain = |prefix: &str| naming::portmap_chain(prefix, NETWORK, &id);
    let comment = |kind: &str| format!("{kind} name: \"{NETWORK}\" id: \"{id}\"");
    let dnat = chain("CNI-DN-");
    if !cluster.topology.version.portmap_marks() {
        return vec![
            ("CNI-HOSTPORT-DNAT", commented(comment("dnat"), jump(&dnat))),
            ("CNI-HOSTPORT-SNAT", commented(comment("snat"), jump(&chain("CNI-SN-")))),
        ];
    }
    let mut out = Vec::new();
    for protocol in [ServiceProtocol::Tcp, ServiceProtocol::Udp, ServiceProtocol::Sctp] {
        let all: Vec<PortRange> = ports(pod)
            .into_iter()
            .filter(|(.., p)| *p == protocol)
            .map(|(_, port, _)| PortRange::one(port))
            .collect();
        for some in all.chunks(MULTIPORT_MAX) {
            let rule = Rule { proto: Some(Negatable::plain(protocol.number())), ..jump(&dnat) };
            let ports = Match::Multiport {
                side: Side::Destination,
                ports: Negatable::plain(some.to_vec()),
            };
            out.push(("CNI-HOSTPORT-DNAT", with(ports, commented(comment("dnat"), rule))));
        }
    }
    out
}

/// What the plugin writes when a pod starts (CNI command ADD).
fn add(b: &mut RulesetBuilder, cluster: &Cluster, pod: &Pod) {
    use TableName::Nat;
    let marks = cluster.topology.version.portmap_marks();
    let id = naming::container_id(cluster.topology.seed, &pod.netns());
    let local = || {
        with(
            Match::AddrType { src: None, dst: Some(Negatable::plain(AddrType::Local)) },
            jump("CNI-HOSTPORT-DNAT"),
        )
    };
    let localhost = Ipv4Net::from(Ipv4Addr::LOCALHOST);
    // 0.6 inserts every rule at the top; later versions append the jumps to pods' chains.
    let add_once = |b: &mut RulesetBuilder, chain: &str, rule: Rule, first: bool| {
        if b.has(Nat, chain, &rule) {
            return;
        }
        if first { b.prepend(Nat, chain, rule) } else { b.append(Nat, chain, rule) }
    };
    b.new_chain(Nat, "CNI-HOSTPORT-DNAT");
    add_once(b, "PREROUTING", local(), !marks);
    add_once(b, "OUTPUT", local(), !marks);
    if marks {
        let set = commented(
            "CNI portfwd masquerade mark",
            Rule::to(Target::Mark { value: MARK, mask: MARK }),
        );
        add_once(b, "CNI-HOSTPORT-SETMARK", set, false);
        let marked = Match::Mark(Negatable::plain((MARK, MARK)));
        add_once(
            b,
            "CNI-HOSTPORT-MASQ",
            with(marked, Rule::to(Target::Masquerade { random_fully: false })),
            false,
        );
        add_once(
            b,
            "POSTROUTING",
            commented("CNI portfwd requiring masquerade", jump("CNI-HOSTPORT-MASQ")),
            true,
        );
    } else {
        b.new_chain(Nat, "CNI-HOSTPORT-SNAT");
        add_once(
            b,
            "POSTROUTING",
            jump("CNI-HOSTPORT-SNAT").from_net(false, localhost).to_net(true, localhost),
            true,
        );
    }
    let dnat = naming::portmap_chain("CNI-DN-", NETWORK, &id);
    let masquerade = naming::portmap_chain("CNI-SN-", NETWORK, &id);
    for chain in [&dnat, &masquerade] {
        if b.has_chain(Nat, chain) {
            b.flush(Nat, chain);
        }
    }
    let subnet = cluster.topology.version.portmap_marks_subnet();
    let pods = if subnet { cluster.nodes[pod.node].pod_cidr } else { pod.ip.into() };
    for (port, host_port, protocol) in ports(pod) {
        let here = |rule: Rule| match port.host_ip {
            Some(ip) => rule.to_net(false, ip.into()),
            None => rule,
        };
        if marks {
            for from in [pods, localhost] {
                b.append(
                    Nat,
                    &dnat,
                    to_port(
                        protocol,
                        host_port,
                        here(jump("CNI-HOSTPORT-SETMARK").from_net(false, from)),
                    ),
                );
            }
        } else {
            let out = Rule::to(Target::Masquerade { random_fully: false })
                .from_net(false, localhost)
                .to_net(false, pod.ip.into());
            b.append(Nat, &masquerade, to_port(protocol, port.port, out));
        }
        let to = Target::Dnat { addr: pod.ip.into(), port: Some(port.port) };
        b.append(Nat, &dnat, to_port(protocol, host_port, here(Rule::to(to))));
    }
    for (chain, rule) in entries(cluster, pod) {
        add_once(b, chain, rule, !marks);
    }
}

/// What the plugin deletes when a pod ends (CNI command DEL).
fn remove(b: &mut RulesetBuilder, cluster: &Cluster, pod: &Pod) {
    for (chain, rule) in entries(cluster, pod) {
        b.delete_rule(TableName::Nat, chain, &rule);
    }
    let id = naming::container_id(cluster.topology.seed, &pod.netns());
    for prefix in ["CNI-DN-", "CNI-SN-"] {
        b.delete(TableName::Nat, &naming::portmap_chain(prefix, NETWORK, &id));
    }
}

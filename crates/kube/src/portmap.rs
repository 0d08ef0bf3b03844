//! The portmap plugin: host ports of pods (`plugins/meta/portmap/portmap_iptables.go`, CNI plugins
//! 0.6 beside Kubernetes 1.10, and later ones).
//!
//! ```text
//! PREROUTING, OUTPUT ──local──▶ CNI-HOSTPORT-DNAT ──port──▶ CNI-DN-<pod> ──▶ DNAT to the pod
//! ```
//!
//! What comes from the node's own 127.0.0.1, and later from the pods of the node, is masqueraded:
//! by CNI-HOSTPORT-SNAT and a chain of the pod, from 0.7 on by a mark. From 0.9 on connections of
//! UDP to a host port are deleted when its pod comes.

use crate::cluster::{Cluster, Pod};
use crate::naming;
use crate::object::ContainerPort;
use crate::proxy::Protocol;
use ipnet::Ipv4Net;
use net::netfilter::{
    AddrType, Match, Negatable, PortRange, Restored, Rule, Ruleset, RulesetBuilder, Side,
    TableName, Target,
};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The name of flannel's network.
const NETWORK: &str = "cbr0";
/// The mark of what is masqueraded.
const MARK: u32 = 0x2000;
/// So many ports fit into one `multiport`.
const PORTS: usize = 15;

/// A pod's ports on its node.
fn ports(pod: &Pod) -> Vec<(&ContainerPort, u16, Protocol)> {
    let all = pod.containers.iter().flat_map(|c| &c.ports);
    all.filter_map(|p| Some((p, p.host_port?, Protocol::from_name(p.protocol)?))).collect()
}

/// Whether the plugin does something about a pod.
pub(crate) fn maps(pod: &Pod) -> bool {
    !ports(pod).is_empty()
}

/// The host ports whose connections of UDP are deleted when a pod comes.
pub fn forgotten(cluster: &Cluster, pod: &Pod) -> Vec<u16> {
    let all = ports(pod)
        .into_iter()
        .filter(|(.., p)| cluster.topology.version.portmap_forgets() && *p == Protocol::Udp);
    all.map(|(_, host_port, _)| host_port).collect()
}

/// A node's rules once a pod has come, or gone.
pub fn after(rules: &Ruleset, cluster: &Cluster, pod: &Pod, there: bool) -> Restored {
    let mut b = RulesetBuilder::from(rules);
    if there {
        add(&mut b, cluster, pod);
    } else {
        remove(&mut b, cluster, pod);
    }
    let after = b.build();
    // Rules that stay keep their counters, whatever comes between them.
    let chains =
        rules.table(TableName::Nat).chains.iter().map(|c| (TableName::Nat, c.name.clone()));
    let kept = chains.filter(|(t, c)| after.table(*t).chain(c).is_some()).collect();
    Restored { rules: after, tables: [TableName::Nat].into(), kept }
}

/// Its rules about every pod of a node.
pub(crate) fn write(b: &mut RulesetBuilder, cluster: &Cluster, node: usize) {
    for pod in cluster.pods.iter().filter(|p| p.node == node && maps(p)) {
        add(b, cluster, pod);
    }
}

fn jump(to: &str) -> Rule {
    Rule::to(Target::Jump(to.into()))
}

fn with(m: Match, rule: Rule) -> Rule {
    let mut matches = rule.matches;
    matches.push(m);
    Rule { matches, ..rule }
}

fn said(text: impl Into<Rc<str>>, rule: Rule) -> Rule {
    with(Match::Comment(text.into()), rule)
}

/// A packet of a protocol to one port.
fn to_port(protocol: Protocol, port: u16, rule: Rule) -> Rule {
    let proto = protocol.number();
    let dport = Some(Negatable::plain(PortRange::one(port)));
    with(
        Match::Ports { proto, sport: None, dport },
        Rule { proto: Some(Negatable::plain(proto)), ..rule },
    )
}

/// The rules that lead to a pod's own chains: chain, rule.
fn entries(cluster: &Cluster, pod: &Pod) -> Vec<(&'static str, Rule)> {
    let id = naming::container_id(cluster.topology.seed, &pod.netns());
    let chain = |prefix: &str| naming::portmap_chain(prefix, NETWORK, &id);
    let name = |what: &str| format!("{what} name: \"{NETWORK}\" id: \"{id}\"");
    let dnat = chain("CNI-DN-");
    if !cluster.topology.version.portmap_marks() {
        return vec![
            ("CNI-HOSTPORT-DNAT", said(name("dnat"), jump(&dnat))),
            ("CNI-HOSTPORT-SNAT", said(name("snat"), jump(&chain("CNI-SN-")))),
        ];
    }
    let mut out = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp, Protocol::Sctp] {
        let all: Vec<PortRange> = ports(pod)
            .into_iter()
            .filter(|(.., p)| *p == protocol)
            .map(|(_, port, _)| PortRange::one(port))
            .collect();
        for some in all.chunks(PORTS) {
            let rule = Rule { proto: Some(Negatable::plain(protocol.number())), ..jump(&dnat) };
            let ports = Match::Multiport {
                side: Side::Destination,
                ports: Negatable::plain(some.to_vec()),
            };
            out.push(("CNI-HOSTPORT-DNAT", with(ports, said(name("dnat"), rule))));
        }
    }
    out
}

/// What it does when a pod comes.
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
    // 0.6 puts everything first, later ones what leads to the pods last.
    let enter = |b: &mut RulesetBuilder, chain: &str, rule: Rule, first: bool| {
        if b.has(Nat, chain, &rule) {
            return;
        }
        if first { b.prepend(Nat, chain, rule) } else { b.append(Nat, chain, rule) }
    };
    b.new_chain(Nat, "CNI-HOSTPORT-DNAT");
    enter(b, "PREROUTING", local(), !marks);
    enter(b, "OUTPUT", local(), !marks);
    if marks {
        let set =
            said("CNI portfwd masquerade mark", Rule::to(Target::Mark { value: MARK, mask: MARK }));
        enter(b, "CNI-HOSTPORT-SETMARK", set, false);
        let marked = Match::Mark(Negatable::plain((MARK, MARK)));
        enter(
            b,
            "CNI-HOSTPORT-MASQ",
            with(marked, Rule::to(Target::Masquerade { random_fully: false })),
            false,
        );
        enter(
            b,
            "POSTROUTING",
            said("CNI portfwd requiring masquerade", jump("CNI-HOSTPORT-MASQ")),
            true,
        );
    } else {
        b.new_chain(Nat, "CNI-HOSTPORT-SNAT");
        enter(
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
    let neighbours = if subnet { cluster.nodes[pod.node].pod_cidr } else { pod.ip.into() };
    for (port, host_port, protocol) in ports(pod) {
        if marks {
            for from in [neighbours, localhost] {
                b.append(
                    Nat,
                    &dnat,
                    to_port(
                        protocol,
                        host_port,
                        jump("CNI-HOSTPORT-SETMARK").from_net(false, from),
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
        b.append(Nat, &dnat, to_port(protocol, host_port, Rule::to(to)));
    }
    for (chain, rule) in entries(cluster, pod) {
        enter(b, chain, rule, !marks);
    }
}

/// What it does when a pod goes.
fn remove(b: &mut RulesetBuilder, cluster: &Cluster, pod: &Pod) {
    for (chain, rule) in entries(cluster, pod) {
        b.delete_rule(TableName::Nat, chain, &rule);
    }
    let id = naming::container_id(cluster.topology.seed, &pod.netns());
    for prefix in ["CNI-DN-", "CNI-SN-"] {
        b.delete(TableName::Nat, &naming::portmap_chain(prefix, NETWORK, &id));
    }
}

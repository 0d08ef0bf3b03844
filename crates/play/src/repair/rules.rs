//! What might help where a rule, a policy or an entry decided: the narrowest exception, a move, a
//! deletion.

use super::{Candidate, What, specification};
use crate::cause::{EntryKind, Fact, Link, Silence};
use crate::session::Session;
use crate::step::Run;
use net::conntrack;
use net::event::{EventKind, Seen};
use net::netfilter::{Rule, TableName, Target, WalkStep};
use net::wire::{Body, Ipv4, PROTO_UDP};
use std::net::IpAddr;

/// The commands that follow from the deciding link.
pub(super) fn commands(session: &Session, run: &Run, link: &Link) -> Vec<Candidate> {
    let state = session.last();
    let ns = state.ns(link.netns);
    let host = &*ns.name;
    let mut out = Vec::new();
    let mut typed = |what, lines: Vec<String>| out.push(Candidate::typed(host, what, lines));
    match &link.fact {
        Fact::Refused { rule, .. } | Fact::Unknown { rule, .. } | Fact::Marked(rule) => {
            let t = option(rule.table);
            let Some(seen) = seen(session, link.event) else { return out };
            let (chain, number) = (&rule.chain, rule.number);
            let exception = exception(&seen.packet);
            let line = format!("iptables {t}-I {chain} {number} {exception} -j ACCEPT");
            // Only the filter table's ACCEPT is an exception.
            if rule.table == TableName::Filter {
                typed(What::Exception, vec![line]);
                for (n, later) in later_accepts(session, link, seen) {
                    let lines = vec![
                        format!("iptables {t}-D {chain} {n}"),
                        format!("iptables {t}-I {chain} {number} {later}"),
                    ];
                    typed(What::MoveRule, lines);
                }
            }
            typed(What::DeleteRule, vec![format!("iptables {t}-D {chain} {number}")]);
        }
        Fact::Policy { table, chain, .. } => {
            let t = option(*table);
            if let Some(seen) = seen(session, link.event) {
                let exception = exception(&seen.packet);
                let there = format!("iptables {t}-A {chain} {exception} -j ACCEPT");
                let answers = format!(
                    "iptables {t}-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
                );
                typed(What::Exception, vec![there.clone()]);
                typed(What::Exception, vec![there, answers]);
            }
            typed(What::ChainPolicy, vec![format!("iptables {t}-P {chain} ACCEPT")]);
        }
        Fact::ReversePath { .. } => {
            typed(What::Sysctl, vec!["sysctl -w net.ipv4.conf.all.rp_filter=2".to_owned()]);
            typed(What::Sysctl, vec!["sysctl -w net.ipv4.conf.all.rp_filter=0".to_owned()]);
        }
        Fact::Unannounced { why: Silence::Stopped(_), .. } => {}
        Fact::Unannounced { to, .. } | Fact::OutsideOfCluster { to, .. } => {
            for node in session.running().nodes.iter().rev().take(3) {
                let via = node.address();
                let line = format!("ip route replace {to}/32 via {via}");
                typed(What::Route, vec![line]);
            }
        }
        Fact::Hairpin { port } => {
            let line = format!("ip link set {port} type bridge_slave hairpin on");
            typed(What::HairpinMode, vec![line]);
        }
        Fact::Down(dev) => typed(What::Up, vec![format!("ip link set {dev} up")]),
        Fact::TooBig { dev, len, .. } => {
            let widest = ns.devices.iter().map(|d| d.mtu).filter(|m| *m < 65_000).max();
            for mtu in [Some(*len), widest].into_iter().flatten().filter(|m| *m >= *len) {
                typed(What::Mtu, vec![format!("ip link set {dev} mtu {mtu}")]);
            }
        }
        Fact::Entry { kind: EntryKind::Neighbour, entry, truth } => {
            let mut words = entry.split_whitespace();
            if let (Some(addr), Some(dev)) = (words.next(), words.nth(1)) {
                if let Some(mac) = truth {
                    let line =
                        format!("ip neigh replace {addr} lladdr {mac} dev {dev} nud reachable");
                    typed(What::Neighbour, vec![line]);
                }
                typed(What::Neighbour, vec![format!("ip neigh del {addr} dev {dev}")]);
            }
        }
        Fact::Destination { after, .. } => {
            let gone = ns.conntrack.iter().find(|(_, c)| c.reply.src == after.addr);
            if let Some((_, c)) = gone {
                typed(What::Conntrack, vec![forget(c)]);
            }
        }
        _ => {}
    }
    // Old entries of conntrack about the client's own flow, wherever it passed.
    for c in remembered(session, run) {
        out.push(c);
    }
    out
}

fn option(table: TableName) -> String {
    if table == TableName::Filter { String::new() } else { format!("-t {} ", table.name()) }
}

/// What a table saw of the packet at an event.
fn seen(session: &Session, event: usize) -> Option<&Seen> {
    match &session.events().get(event)?.kind {
        EventKind::Walked { seen, .. } => Some(seen),
        _ => None,
    }
}

/// The conditions that only packets like this one meet.
fn exception(p: &Ipv4) -> String {
    let (src, dst) = (p.src, p.dst);
    match &p.body {
        Body::Tcp(t) => format!("-s {src} -d {dst} -p tcp -m tcp --dport {}", t.dport),
        Body::Udp(u) => format!("-s {src} -d {dst} -p udp -m udp --dport {}", u.dport),
        Body::Icmp(_) => format!("-s {src} -d {dst} -p icmp"),
        Body::Raw { .. } => format!("-s {src} -d {dst}"),
    }
}

/// The rules behind the deciding one that would accept the packet: number and specification.
fn later_accepts(session: &Session, link: &Link, seen: &Seen) -> Vec<(u32, String)> {
    let EventKind::Walked { rules, table, step, .. } = &session.events()[link.event].kind else {
        return Vec::new();
    };
    let WalkStep::Matched { chain, rule, .. } = step else { return Vec::new() };
    let Some(chain) = rules.0.table(*table).chains.get(*chain as usize) else { return Vec::new() };
    let p = &seen.packet;
    let from = |r: &Rule| {
        let n = r.src.as_ref();
        n.is_none_or(|n| n.value.contains(&IpAddr::from(p.src)) != n.negated)
    };
    let to = |r: &Rule| {
        let n = r.dst.as_ref();
        n.is_none_or(|n| n.value.contains(&IpAddr::from(p.dst)) != n.negated)
    };
    chain
        .rules
        .iter()
        .zip(1u32..)
        .filter(|(r, n)| {
            *n > rule + 1
                && r.target == Target::Accept
                && (r.src.is_some() || r.dst.is_some())
                && from(r)
                && to(r)
        })
        .map(|(r, n)| (n, specification(&chain.name, r)))
        .collect()
}

/// The command that deletes an entry.
fn forget(c: &conntrack::Connection) -> String {
    let t = &c.original;
    let proto = t.proto_name();
    let sport = t.sport().map(|p| format!(" --sport {p}")).unwrap_or_default();
    let dport = t.dport().map(|p| format!(" --dport {p}")).unwrap_or_default();
    format!("conntrack -D -p {proto} -s {} -d {}{sport}{dport}", t.src, t.dst)
}

/// Entries that were there before the run, about the address that it asked for.
fn remembered(session: &Session, run: &Run) -> Vec<Candidate> {
    let Some((addr, port)) = run.to else { return Vec::new() };
    let begun = session.events().get(run.events.start).map_or(session.last().now, |e| e.at);
    let mut out = Vec::new();
    for ns in session.last().netns.iter().filter(|n| n.tapped && !n.gone) {
        for (_, c) in ns.conntrack.iter() {
            let mine = c.original.dst == addr && c.original.dport().is_none_or(|p| p == port);
            if mine && c.since < begun && c.original.proto == PROTO_UDP {
                out.push(Candidate::typed(&ns.name, What::Conntrack, vec![forget(c)]));
            }
        }
    }
    out.truncate(4);
    out
}

//! Coverage of the sessions: the outcomes, and the findings (F1 to F47) from the recordings, that
//! they reached.

use net::conntrack::CtInfo;
use net::engine::Setting;
use net::event::{BridgeTo, EventKind};
use net::neigh::NudState;
use net::netfilter::{Hook, RuleEffect, TableName, WalkStep};
use net::state::{Change, DeviceKind, Netns};
use net::wire::{ArpOp, Body, Icmp, Ipv4, Payload, UdpPayload};
use net::{DropReason, Event, PacketId, Skb};
use play::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use support::record;

/// The groups of findings, each with the number of its last one.
const GROUPS: [(&str, u8); 5] = [
    ("bridge and netfilter", 10),
    ("hooks, rules, counters", 27),
    ("VXLAN", 35),
    ("ARP", 40),
    ("ICMP", 47),
];

/// Counts over all sessions.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    endings: BTreeMap<String, usize>,
    /// The number of sessions that reached each finding.
    findings: BTreeMap<u8, usize>,
}

impl Coverage {
    /// Adds a session.
    pub(crate) fn add(&mut self, session: &Session) {
        for (probe, run) in session.results().iter().filter_map(|r| r.sent()) {
            for line in record::results(session, probe, run, &str::to_owned) {
                *self.endings.entry(ending(&line)).or_default() += 1;
            }
        }
        for f in findings(session) {
            *self.findings.entry(f).or_default() += 1;
        }
    }

    /// Adds the counts of another worker.
    pub(crate) fn join(&mut self, other: Self) {
        for (name, n) in other.endings {
            *self.endings.entry(name).or_default() += n;
        }
        for (f, n) in other.findings {
            *self.findings.entry(f).or_default() += n;
        }
    }

    /// The percentage of outcomes other than an answer of a server.
    pub(crate) fn failures_percent(&self) -> usize {
        let total: usize = self.endings.values().sum();
        let fine = self.endings.get("200 OK").copied().unwrap_or(0);
        100 * (total - fine) / total.max(1)
    }

    /// What no session reached: groups of findings, and segments without a connection.
    pub(crate) fn groups_missed(&self) -> Vec<&'static str> {
        let mut first = 1;
        let mut out = Vec::new();
        for (name, last) in GROUPS {
            if !(first..=last).any(|f| self.findings.contains_key(&f)) {
                out.push(name);
            }
            first = last + 1;
        }
        if !self.endings.keys().any(|e| e.starts_with("segment ")) {
            out.push("segments of raw sockets");
        }
        out
    }
}

/// A result line without addresses and parameters.
fn ending(line: &str) -> String {
    if line.contains("200 OK") {
        return "200 OK".to_owned();
    }
    let words: Vec<&str> =
        line.split(' ').filter(|w| !w.contains('.') && !w.contains('=')).collect();
    words.join(" ").replace(" from", "")
}

/// The context of one event.
struct Moment<'a> {
    e: &'a Event,
    ns: &'a Netns,
    /// The packet as it is after the event.
    skb: Option<&'a Skb>,
    /// What happened to the packet earlier in this namespace.
    seen: &'a BTreeSet<&'static str>,
}

fn is_error(p: &Ipv4) -> bool {
    matches!(&p.body, Body::Icmp(i) if i.quoted().is_some())
}

fn is_vxlan(p: &Ipv4) -> bool {
    matches!(&p.body, Body::Udp(u) if matches!(u.payload, UdpPayload::Vxlan(_)))
}

/// The findings a session reached.
fn findings(session: &Session) -> BTreeSet<u8> {
    let mut out = BTreeSet::new();
    let mut live: BTreeMap<PacketId, Rc<Skb>> = BTreeMap::new();
    let mut seen: BTreeMap<PacketId, BTreeSet<&'static str>> = BTreeMap::new();
    let mut changed_rules = false;
    let nothing = BTreeSet::new();
    for e in session.events() {
        for change in &e.changes {
            match change {
                Change::Packet { id, after: Some(skb), .. } => {
                    if live.get(id).is_some_and(|old| old.netns != skb.netns) {
                        seen.remove(id);
                    }
                    live.insert(*id, skb.clone());
                }
                Change::Neighbour { after: Some(n), .. } if n.state == NudState::Delay => {
                    _ = out.insert(40);
                }
                _ => {}
            }
        }
        if let EventKind::Configured { setting, .. } = &e.kind {
            changed_rules |= matches!(**setting, Setting::Rules(_) | Setting::FlushConntrack);
        }
        let skb = e.packet.and_then(|p| live.get(&p)).cloned();
        let before = e.packet.and_then(|p| seen.get(&p)).unwrap_or(&nothing);
        let Some(ns) = e.netns.map(|n| session.world().state().ns(n)) else { continue };
        let moment = Moment { e, ns, skb: skb.as_deref(), seen: before };
        out.extend(of_bridge(&moment));
        out.extend(of_rules(&moment, session, changed_rules));
        out.extend(of_vxlan(&moment));
        out.extend(of_arp(&moment));
        out.extend(of_icmp(&moment, session));
        let mark = match &e.kind {
            EventKind::BridgedDnat { .. } => Some("bridged-dnat"),
            EventKind::Translated { hook: Hook::Prerouting, .. } => Some("dnat"),
            EventKind::Walked { hook: Hook::Prerouting, seen, .. } if seen.physin.is_some() => {
                Some("bridge-prerouting")
            }
            EventKind::TtlDecremented { .. } => Some("forwarded"),
            EventKind::PacketMade { .. } => Some("made"),
            _ => None,
        };
        if let (Some(p), Some(m)) = (e.packet, mark) {
            seen.entry(p).or_default().insert(m);
        }
    }
    out
}

fn of_bridge(m: &Moment<'_>) -> Vec<u8> {
    let saved = m.skb.and_then(|s| s.bridge.as_ref()).is_some_and(|b| b.saved_src_mac.is_some());
    let on_bridge = |d: net::DevId| matches!(m.ns.dev(d).kind, DeviceKind::Bridge { .. });
    let filters = m.ns.rules.tables_in_use().next().is_some();
    match &m.e.kind {
        EventKind::BridgedDnat { .. } => vec![1],
        EventKind::NeighbourUsed { .. } if saved => vec![2],
        EventKind::NeighbourAwaited { .. } if m.seen.contains("bridged-dnat") => vec![3],
        EventKind::Walked { hook: Hook::Forward, seen, .. }
            if seen.physin.is_some() && seen.physin == seen.physout =>
        {
            vec![8]
        }
        EventKind::Walked { hook: Hook::Forward, seen, .. }
            if seen.physin.is_some() && seen.physout.is_none() =>
        {
            vec![4]
        }
        EventKind::Bridged { to: BridgeTo::Up, .. } if m.seen.contains("bridge-prerouting") => {
            vec![5]
        }
        EventKind::FrameReceived { dev, .. } if on_bridge(*dev) && m.seen.contains("dnat") => {
            vec![6]
        }
        EventKind::Bridged { to: BridgeTo::Port(_), .. }
            if filters && !m.ns.sysctl.bridge_nf_call_iptables =>
        {
            vec![7]
        }
        EventKind::Dropped { reason: DropReason::BridgeSamePort, .. } => vec![8],
        EventKind::Bridged { to: BridgeTo::Flood(ports), .. } if ports.len() > 1 && filters => {
            vec![9]
        }
        EventKind::Dropped { reason: DropReason::PktTooBig, .. }
            if m.skb.is_some_and(|s| s.bridge.is_some()) =>
        {
            vec![10]
        }
        _ => Vec::new(),
    }
}

fn of_rules(m: &Moment<'_>, session: &Session, changed: bool) -> Vec<u8> {
    let node = |a: std::net::Ipv4Addr| session.cluster().nodes.iter().any(|n| n.address() == a);
    let pods = |a: std::net::Ipv4Addr| session.cluster().topology.pod_cidr.contains(&a);
    let mut out = Vec::new();
    match &m.e.kind {
        EventKind::Walked { hook, table, seen, step, mark, .. } => {
            let state = seen.ctstate;
            let new = state.meets(net::netfilter::CtStates::NEW);
            let p = &seen.packet;
            out.push(11);
            match step {
                WalkStep::Returned { to_policy: true, .. } => out.push(14),
                WalkStep::Matched { effect: RuleEffect::Mark(_), .. } => out.push(15),
                WalkStep::Matched { effect: RuleEffect::Dnat { .. }, .. }
                    if m.ns.is_local(p.dst.into()) && !node(p.dst) =>
                {
                    out.push(23);
                }
                _ => {}
            }
            if *hook == Hook::Forward && *table == TableName::Filter && pods(p.src) && pods(p.dst) {
                out.push(if new { 17 } else { 16 });
            }
            if *mark != 0
                && seen.in_dev.is_some()
                && *hook == Hook::Prerouting
                && *table == TableName::Mangle
            {
                out.push(22);
            }
            if *hook == Hook::Forward && !pods(p.src) && pods(p.dst) && new && *mark == 0 {
                // From outside to a pod without a mark: routed directly, or without the mark rule.
                out.push(27);
            }
        }
        EventKind::TtlDecremented { .. } => out.push(12),
        EventKind::NatSkipped { .. } => out.push(13),
        EventKind::Tracked { info: Some(CtInfo::New), new: false, .. } => out.push(18),
        EventKind::Translated { hook: Hook::Output, restored: false, .. } => out.push(19),
        EventKind::Translated { hook: Hook::Postrouting, before, restored: false, .. } => {
            if m.seen.contains("made") {
                out.push(20);
            }
            if let std::net::IpAddr::V4(a) = before.addr
                && pods(a)
                && m.skb.and_then(Skb::ip).is_some_and(|p| node(p.dst))
            {
                out.push(24);
            }
        }
        EventKind::PacketMade { packet } if node(packet.src) && pods(packet.dst) => out.push(21),
        EventKind::Confirmed { .. } if changed => out.push(25),
        EventKind::Dropped { reason: DropReason::IpRpFilter, .. } => out.push(26),
        _ => {}
    }
    out
}

fn of_vxlan(m: &Moment<'_>) -> Vec<u8> {
    match &m.e.kind {
        EventKind::Walked { hook: Hook::Output, seen, .. } if is_vxlan(&seen.packet) => {
            vec![28, 29]
        }
        EventKind::Walked {
            hook: Hook::Postrouting, table: TableName::Nat, seen, mark, ..
        } if is_vxlan(&seen.packet) && *mark != 0 => {
            vec![30]
        }
        EventKind::Tracked { new: true, .. } if m.skb.and_then(Skb::ip).is_some_and(is_vxlan) => {
            vec![31]
        }
        EventKind::Encapsulated { .. } => vec![32, 33],
        EventKind::Decapsulated { .. } => vec![34],
        EventKind::Dropped { reason: DropReason::VxlanNoRemote, .. } => vec![35],
        _ => Vec::new(),
    }
}

fn of_arp(m: &Moment<'_>) -> Vec<u8> {
    match &m.e.kind {
        EventKind::NeighbourAwaited { .. } if m.seen.contains("forwarded") => vec![36],
        EventKind::NeighbourLearned { state: NudState::Stale, .. } => vec![37],
        EventKind::FrameSent { dev, frame, .. } => match &frame.payload {
            Payload::Arp(a) if a.op == ArpOp::Request && &*m.ns.dev(*dev).name == "eth0" => {
                vec![38]
            }
            _ => Vec::new(),
        },
        EventKind::NeighbourFailed { .. } => vec![39],
        _ => Vec::new(),
    }
}

fn of_icmp(m: &Moment<'_>, session: &Session) -> Vec<u8> {
    let services = session.cluster().topology.service_cidr;
    match &m.e.kind {
        EventKind::Translated { .. } if m.skb.and_then(Skb::ip).is_some_and(is_error) => vec![41],
        EventKind::Dropped { reason: DropReason::NetfilterReject, .. } => vec![42],
        EventKind::PacketMade { packet } => match &packet.body {
            Body::Icmp(Icmp::Redirect { .. }) => vec![45],
            Body::Icmp(Icmp::TimeExceeded { .. }) => vec![43, 44],
            Body::Icmp(i) if i.quoted().is_some() => vec![43],
            Body::Icmp(Icmp::Echo { reply: false, .. }) if services.contains(&packet.dst) => {
                vec![46]
            }
            _ => Vec::new(),
        },
        EventKind::Tracked { info: Some(CtInfo::Related | CtInfo::RelatedReply), .. } => vec![47],
        _ => Vec::new(),
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:30} {:>6}", "ending", "count")?;
        for (name, n) in &self.endings {
            writeln!(f, "{name:30} {n:6}")?;
        }
        writeln!(f, "{} % of the outcomes are not 200 OK", self.failures_percent())?;
        let mut first = 1;
        for (name, last) in GROUPS {
            let reached = |f: u8| {
                self.findings.get(&f).map_or_else(|| format!("F{f} -"), |n| format!("F{f} {n}"))
            };
            writeln!(
                f,
                "{name:24} {}",
                (first..=last).map(reached).collect::<Vec<_>>().join(", ")
            )?;
            first = last + 1;
        }
        Ok(())
    }
}

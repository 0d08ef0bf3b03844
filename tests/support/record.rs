//! A run in the form of the committed recordings: every frame at every tap, the hooks with their
//! rules, counters, and what connection tracking did. Two runs agree when these texts do.

use crate::frames::{Checksums, frame_text, icmp_kind, ipv4_text};
use net::conntrack::{Connection, Proto, TcpState};
use net::dump::conntrack_line;
use net::event::{EventKind, Seen};
use net::netfilter::{TableName, WalkStep};
use net::skb::PktType;
use net::socket::Outcome;
use net::state::{Change, Netns};
use net::{DropReason, Event, State};
use play::{Probe, Protocol, Run, Session};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Outer UDP source ports are chance: `S1`, `S2`… in order of appearance.
#[derive(Debug, Default)]
struct Ports(BTreeMap<u16, String>);

impl Ports {
    fn name(&mut self, port: u16) -> String {
        let next = format!("S{}", self.0.len() + 1);
        self.0.entry(port).or_insert(next).clone()
    }
}

/// Every frame at every device, as [`packets`], but with the namespaces' own names, and every outer
/// port called `S`.
pub fn frames(state: &State, events: &[Event]) -> Vec<String> {
    frame_lines(state, events, &str::to_owned, &mut |_| "S".to_owned())
}

/// Every frame at every device, one a line: number, host, device, direction, frame.
pub fn packets(state: &State, events: &[Event], host: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut ports = Ports::default();
    frame_lines(state, events, host, &mut |p| ports.name(p))
}

fn frame_lines(
    state: &State,
    events: &[Event],
    host: &dyn Fn(&str) -> String,
    sport: &mut dyn FnMut(u16) -> String,
) -> Vec<String> {
    let mut out = Vec::new();
    for e in events {
        let (dev, frame, dir, partial) = match &e.kind {
            EventKind::FrameSent { dev, frame, csum_partial } => (dev, frame, "Out", csum_partial),
            EventKind::FrameReceived { dev, frame, pkt_type, csum_partial } => {
                let dir = match pkt_type {
                    PktType::Host => "In",
                    PktType::Broadcast => "B",
                    PktType::Multicast => "M",
                    PktType::OtherHost => "P",
                };
                (dev, frame, dir, csum_partial)
            }
            _ => continue,
        };
        let Some(ns) = e.netns.map(|n| state.ns(n)) else { continue };
        let sums = if *partial { Checksums::Partial } else { Checksums::Complete };
        let text = frame_text(frame, sums, sport);
        out.push(format!(
            "{:3} {:8} {:12} {dir:3} {text}",
            out.len() + 1,
            host(&ns.name),
            ns.dev(*dev).name
        ));
    }
    out
}

/// One table's look at one packet.
struct Look {
    key: (usize, TableName, net::netfilter::Hook),
    head: String,
    steps: Vec<String>,
    mark: u32,
}

/// What the tables of one namespace did, one look a line, equal looks of later packets counted.
pub fn hooks(state: &State, events: &[Event], netns: &str) -> Vec<String> {
    let mut ports = Ports::default();
    let mut looks: Vec<Look> = Vec::new();
    let Some((id, ns)) = state.ns_named(netns) else { return Vec::new() };
    for e in events.iter().filter(|e| e.netns == Some(id)) {
        let EventKind::Walked { hook, table, seen, mark, step, .. } = &e.kind else { continue };
        let key = (std::rc::Rc::as_ptr(seen) as usize, *table, *hook);
        if looks.last().is_none_or(|l| l.key != key) {
            let mark_text = if *mark == 0 { String::new() } else { format!(" mark={mark:#x}") };
            let packet = ipv4_text(&seen.packet, &mut |p| ports.name(p));
            let head = format!(
                "{:11} {:6} {} | {packet}{mark_text}",
                hook.name(),
                table.name(),
                devices(ns, seen)
            );
            looks.push(Look { key, head, steps: Vec::new(), mark: *mark });
        }
        let look = looks.last_mut().expect("invariant: pushed above");
        for mut text in steps(ns, *table, step) {
            if look.mark == 0 && *mark != 0 {
                text = format!("[mark={mark:#x}] {text}");
                look.mark = *mark;
            }
            look.steps.push(text);
        }
    }
    let mut lines: Vec<(String, usize)> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for look in looks {
        let line = format!("{} | {}", look.head, look.steps.join(" "));
        match at.get(&shape(&line)) {
            Some(i) => lines[*i].1 += 1,
            None => {
                at.insert(shape(&line), lines.len());
                lines.push((line, 1));
            }
        }
    }
    lines.into_iter().map(|(l, n)| if n > 1 { format!("{l} | x{n}") } else { l }).collect()
}

fn devices(ns: &Netns, seen: &Seen) -> String {
    let name = |d: &Option<net::DevId>| d.map(|d| ns.dev(d).name.to_string());
    let mut out = String::new();
    let input = name(&seen.in_dev);
    if let Some(i) = &input {
        let _ = write!(out, "IN={i}");
    }
    if let Some(p) = name(&seen.physin) {
        let _ = write!(out, "({p})");
    }
    let output = name(&seen.out_dev);
    out.push_str(match (&input, &output) {
        (Some(_), Some(_)) => "->",
        (Some(_), None) => " ",
        _ => "",
    });
    if let Some(o) = &output {
        let _ = write!(out, "OUT={o}");
    }
    if let Some(p) = name(&seen.physout) {
        let _ = write!(out, "({p})");
    }
    out
}

/// A step in the words of the kernel's TRACE: `CHAIN:N`, `CHAIN:N(return)`, `CHAIN(policy)`.
fn steps(ns: &Netns, table: TableName, step: &WalkStep) -> Vec<String> {
    let chains = &ns.rules.table(table).chains;
    let chain = |id: &u32| chains.get(*id as usize);
    let name = |id: &u32| chain(id).map_or("", |c| &c.name);
    match step {
        WalkStep::Matched { chain: c, rule, .. } => vec![format!("{}:{}", name(c), rule + 1)],
        WalkStep::Returned { chain: c, rule: Some(rule), .. } => {
            // An unconditional RETURN is logged as a return, any other as the rule it is.
            let bare = chain(c)
                .and_then(|x| x.rules.get(*rule as usize))
                .is_some_and(|r| **r == net::netfilter::Rule::to(net::netfilter::Target::Return));
            vec![format!("{}:{}{}", name(c), rule + 1, if bare { "(return)" } else { "" })]
        }
        WalkStep::Returned { chain: c, rule: None, .. } => {
            vec![format!("{}:{}(return)", name(c), chain(c).map_or(0, |x| x.rules.len()) + 1)]
        }
        WalkStep::Policy { chain: c, .. } => vec![format!("{}(policy)", name(c))],
        WalkStep::Unsupported { chain: c, rule } => {
            vec![format!("{}:{}(unsupported)", name(c), rule + 1)]
        }
    }
}

/// A line without what differs from one packet of a direction to the next: length, flags, MSS.
fn shape(line: &str) -> String {
    let mut out = Vec::new();
    let mut words = line.split(' ').peekable();
    while let Some(w) = words.next() {
        let size = w.strip_prefix('+').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        if size || w.starts_with("len=") || w.starts_with("mss=") {
            continue;
        }
        if w == "TCP" {
            words.next();
            continue;
        }
        out.push(w);
    }
    out.join(" ")
}

/// Every counter of the tables in use that is not zero: table, chain, rule (0: the policy),
/// packets, bytes.
pub fn counters(ns: &Netns) -> Vec<(TableName, String, u32, u64, u64)> {
    let mut out = Vec::new();
    for t in ns.rules.tables_in_use() {
        let table = t.name;
        let read = |i: u32| ns.counter(table, i);
        for (chain, id) in t.chains.iter().zip(0..) {
            let policy =
                if chain.policy.is_some() { Some((0, read(t.policy_counter(id)))) } else { None };
            let rules = (0..chain.rules.len() as u32).map(|r| (r + 1, read(t.rule_counter(id, r))));
            for (rule, (packets, bytes)) in
                policy.into_iter().chain(rules).filter(|(_, (p, _))| *p > 0)
            {
                out.push((table, chain.name.to_string(), rule, packets, bytes));
            }
        }
    }
    out
}

/// Those counters as text: `table chain rule packets bytes`.
pub fn counter_lines(ns: &Netns) -> Vec<String> {
    let line = |(table, chain, rule, packets, bytes): (TableName, String, u32, u64, u64)| {
        let rule = if rule == 0 { "policy".to_owned() } else { rule.to_string() };
        format!("{table} {chain} {rule} {packets} {bytes}")
    };
    counters(ns).into_iter().map(line).collect()
}

/// Whether an answer showed that an ignored SYN was the true beginning.
fn resynced(before: &Connection, after: &Connection) -> bool {
    let ignored = |c: &Connection| if let Proto::Tcp(t) = c.proto { t.ignored_syn } else { None };
    ignored(before).is_some()
        && ignored(after).is_none()
        && after.tcp_state() == Some(TcpState::SynRecv)
}

/// What `conntrack -E` prints for one namespace.
pub fn conntrack_events(state: &State, events: &[Event], netns: &str) -> Vec<String> {
    let Some((id, _)) = state.ns_named(netns) else { return Vec::new() };
    let mut out = Vec::new();
    for e in events {
        for change in &e.changes {
            let Change::Connection { netns, before, after, .. } = change else { continue };
            if *netns != id {
                continue;
            }
            let live =
                |c: &Option<std::rc::Rc<Connection>>| c.as_ref().filter(|c| c.confirmed()).cloned();
            let line = |c: &Connection| {
                conntrack_line(c, e.at, 0).trim_end_matches(" mark=0 use=1").to_owned()
            };
            match (live(before), live(after)) {
                (None, Some(c)) => out.push(format!("    [NEW] {}", line(&c))),
                (Some(a), Some(b)) if a.tcp_state() != b.tcp_state() || resynced(&a, &b) => {
                    out.push(format!(" [UPDATE] {}", line(&b)));
                }
                // The state is named only if it changed.
                (Some(a), Some(b)) if a.status != b.status => {
                    let name = b.tcp_state().map_or(String::new(), |s| format!(" {}", s.name()));
                    out.push(format!(" [UPDATE] {}", line(&b).replacen(&name, "", 1)));
                }
                // As it was at last: closed by the reset that ended it.
                (Some(a), None) => {
                    out.push(format!("[DESTROY] {}", line(after.as_deref().unwrap_or(&a))));
                }
                _ => {}
            }
        }
    }
    out
}

/// What the clients of a run got, one outcome a line, in the words of the recordings' clients.
pub fn results(
    session: &Session,
    probe: &Probe,
    run: &Run,
    host: &dyn Fn(&str) -> String,
) -> Vec<String> {
    let events = &session.events()[run.events.clone()];
    let outcomes = events.iter().filter_map(|e| match &e.kind {
        EventKind::Ended { outcome: Outcome::Unresolved(_), .. } => None,
        EventKind::Ended { tag, outcome, .. } if *tag == run.tag => Some(outcome),
        _ => None,
    });
    let mut out = lookups(events);
    if run.to.is_none() {
        return out;
    }
    let to = &probe.to;
    out.extend(match probe.proto {
        Protocol::Tcp if probe.flags.is_some() => {
            let one = |o: &Outcome| match o {
                Outcome::Segment { flags, from, ttl } => {
                    format!("segment {to}: {flags} from {from} ttl={ttl}")
                }
                Outcome::Reset => format!("segment {to}: reset"),
                Outcome::NotSent(_) => format!("segment {to}: {}", errno(o, false)),
                _ => format!("segment {to}: no answer"),
            };
            outcomes.map(one).collect()
        }
        Protocol::Tcp => {
            let one = |o: &Outcome| match o {
                Outcome::Answered { bytes, .. } => {
                    let server = run.verdict.server.map_or(String::new(), |(netns, peer)| {
                        format!(
                            "; server {} saw peer {peer}",
                            host(&session.world().state().ns(netns).name)
                        )
                    });
                    let from = events.iter().find_map(|e| {
                        if let EventKind::PacketMade { packet } = &e.kind
                            && matches!(packet.body, net::wire::Body::Tcp(_))
                        {
                            Some(packet)
                        } else {
                            None
                        }
                    });
                    let from = from.map_or(String::new(), |p| {
                        format!("{}:{}", p.src, p.ports().unwrap_or_default().0)
                    });
                    format!("{from} -> {to}: HTTP/1.1 200 OK {bytes} bytes{server}")
                }
                other => {
                    let opened = events
                        .iter()
                        .any(|e| matches!(e.kind, EventKind::Wrote { bytes: 1.., .. }));
                    format!("{}: {}", if opened { "recv" } else { "connect" }, errno(other, opened))
                }
            };
            outcomes.map(one).collect()
        }
        Protocol::Udp => {
            let words = outcomes.map(|o| {
                if matches!(o, Outcome::Answered { .. }) { "reply" } else { errno(o, false) }
            });
            vec![format!("udp {to}: {}", words.collect::<Vec<_>>().join(" "))]
        }
        Protocol::Icmp => {
            let one = |o: &Outcome| match o {
                Outcome::Answered { from, ttl, .. } => {
                    format!("ping {to}: echo-reply from {from} ttl={}", ttl.unwrap_or_default())
                }
                Outcome::Unreachable { from, kind, code, ttl, mtu, .. } => {
                    let mtu = mtu.map_or(String::new(), |m| format!(" mtu={m}"));
                    format!("ping {to}: {} from {from} ttl={ttl}{mtu}", icmp_kind(*kind, *code))
                }
                Outcome::NotSent(_) => format!("sendto: {}", errno(o, false)),
                Outcome::Unresolved(_) => format!("ping {to}: no such name"),
                Outcome::Closed
                | Outcome::Reset
                | Outcome::Segment { .. }
                | Outcome::TimedOut
                | Outcome::Killed => {
                    format!("ping {to}: no answer")
                }
            };
            outcomes.map(one).collect()
        }
    });
    out
}

/// What became of the queries about each name that a client asked for.
fn lookups(events: &[Event]) -> Vec<String> {
    let asked = events.iter().enumerate().filter_map(|(i, e)| match &e.kind {
        EventKind::Queried { socket, name, kinds, .. } => Some((i, *socket, name, kinds.len())),
        _ => None,
    });
    let became = |(i, id, name, n): (usize, net::socket::SocketId, &net::dns::Name, usize)| {
        let again = |k: &EventKind| matches!(k, EventKind::Queried { socket, .. } if *socket == id);
        let next = |e: &&Event| !again(&e.kind);
        let heard = events[i + 1..].iter().take_while(next).filter_map(|e| match &e.kind {
            EventKind::Delivered { socket: Some(s), local } if *s == id => Some(local.port),
            _ => None,
        });
        let heard: Vec<u16> = heard.collect();
        let why = if heard.iter().filter(|port| **port > 0).count() >= n {
            "answered"
        } else if heard.contains(&0) {
            "ECONNREFUSED"
        } else {
            "timeout"
        };
        format!("lookup {name} {why}")
    };
    asked.map(became).collect()
}

/// The error a process gets (`icmp_err_convert`, `tcp_reset`).
fn errno(outcome: &Outcome, opened: bool) -> &'static str {
    match outcome {
        Outcome::Reset if opened => "ECONNRESET",
        Outcome::Reset | Outcome::Unreachable { kind: 3, code: 3, .. } => "ECONNREFUSED",
        Outcome::Unreachable { kind: 3, code: 0 | 6 | 9 | 11, .. }
        | Outcome::NotSent(DropReason::IpOutNoRoutes) => "ENETUNREACH",
        Outcome::Unreachable { kind: 3, code: 2, .. } => "ENOPROTOOPT",
        Outcome::NotSent(DropReason::NetfilterDrop | DropReason::NetfilterReject) => "EPERM",
        Outcome::Unreachable { kind: 3, code: 4, .. } | Outcome::NotSent(_) => "EMSGSIZE",
        Outcome::Unreachable { .. } => "EHOSTUNREACH",
        Outcome::Killed => "killed",
        Outcome::Closed => "closed",
        Outcome::Unresolved(_) => "no such name",
        Outcome::TimedOut | Outcome::Answered { .. } | Outcome::Segment { .. } => "timeout",
    }
}

/// Every connection of a namespace, as `conntrack -L` lists it, in order of the text.
pub fn conntrack(state: &State, netns: &str) -> Vec<String> {
    let Some((id, _)) = state.ns_named(netns) else { return Vec::new() };
    let mut lines: Vec<_> =
        net::dump::conntrack_list(state, id).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Every neighbour of a namespace, as `ip neigh` lists it, in order of the text.
pub fn neighbours(state: &State, netns: &str) -> Vec<String> {
    let Some((_, ns)) = state.ns_named(netns) else { return Vec::new() };
    let mut lines: Vec<_> =
        net::dump::ip_neigh(ns, true).lines().map(|l| l.trim_end().to_owned()).collect();
    lines.sort();
    lines
}

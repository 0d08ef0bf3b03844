//! The plan the lab's processes read: who listens, what is done when, in JSON.

use super::netns_names;
use crate::probe::{Probe, Protocol, resolve_netns, resolve_target};
use crate::script::{Done, Outcome};
use crate::session::{Action, PING_WAIT, Run, Session, UDP_WAIT, curl_request, local_key};
use crate::shell;
use net::event::EventKind;
use net::netfilter::{Match, TableName, WalkStep};
use net::socket::{Pmtudisc, ServerApp};
use net::{Duration, NetnsId};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How long a client without a patience of its own is given on a real kernel.
const PATIENCE: Duration = Duration::secs(140);
/// The commands that are typed on the real kernel too.
const REAL: [&str; 8] = ["ip", "bridge", "sysctl", "conntrack", "iptables", "iptables-save", "iptables-restore", "ping"];

/// A text in JSON's quotes; beyond ASCII everything is escaped.
fn text(s: &str) -> String {
    let mut out = String::from("\"");
    for unit in s.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Some(c @ ' '..='~') => out.push(c),
            _ => _ = write!(out, "\\u{unit:04x}"),
        }
    }
    out.push('"');
    out
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

fn seconds(d: Duration) -> String {
    format!("{}.{:09}", d.0 / 1_000_000_000, d.0 % 1_000_000_000)
}

/// The whole plan.
pub(super) fn json(session: &Session, done: &[Done], names: &[String]) -> String {
    let mut services = Vec::new();
    for (ns, netns) in session.spec().netns.iter().zip(names) {
        for s in &ns.services {
            let parts = match &s.app {
                ServerApp::Http(parts) => list(parts.iter().map(|p| text(&latin(p)))),
                ServerApp::Echo => "[]".to_owned(),
            };
            let addr = s.addr.map_or_else(|| "0.0.0.0".to_owned(), |a| a.to_string());
            services.push(format!(
                "{{\"netns\": {}, \"name\": {}, \"proto\": {}, \"addr\": {}, \"port\": {}, \"parts\": {parts}}}",
                text(netns),
                text(&ns.name),
                s.proto,
                text(&addr),
                s.port
            ));
        }
    }
    let mut pinned = BTreeMap::new();
    let steps = done.iter().filter_map(|d| step(session, d, names, &mut pinned)).collect::<Vec<_>>();
    let end = seconds(Duration(session.world().now().0));
    format!("{{\"services\": [\n{}\n], \"steps\": [\n{}\n], \"end\": {end}}}", services.join(",\n"), steps.join(",\n"))
}

/// Bytes as characters of the same number.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

type Pins = BTreeMap<(NetnsId, u32), u32>;

fn step(session: &Session, d: &Done, names: &[String], pinned: &mut Pins) -> Option<String> {
    let head = |pins: &str, netns: &str| format!("{{\"at\": {}, \"pins\": {pins}, \"netns\": {}", seconds(Duration(d.at.0)), text(netns));
    match (&d.action, &d.result) {
        (Action::Send(probe), Outcome::Run(run)) => {
            let netns = resolve_netns(session.cluster(), session.world(), &probe.from).ok()?;
            let pins = pins(session, run, names, pinned);
            let body = client(session, probe, run)?;
            let during = probe.during.iter().filter_map(|(after, a)| {
                let (netns, command) = command(session, a, names)?;
                Some(format!("{{\"after\": {}, \"netns\": {}, {command}}}", seconds(*after), text(&netns)))
            });
            Some(format!("{}, {body}, \"during\": {}}}", head(&pins, &names[netns.0 as usize]), list(during)))
        }
        (action @ Action::Shell { .. }, _) => {
            let (netns, command) = command(session, action, names)?;
            // Other rules may have other chains: what was pinned is not any more.
            pinned.clear();
            Some(format!("{}, \"kind\": \"run\", {command}}}", head("[]", &netns)))
        }
        (Action::Send(_), Outcome::Output(_)) => None,
    }
}

/// What a client does.
fn client(session: &Session, probe: &Probe, run: &Run) -> Option<String> {
    let (addr, port) = resolve_target(session.cluster(), session.world(), &probe.to).ok()?;
    let key = local_key(session.seed(), probe, run.tag);
    let to = format!("\"to\": {}, \"addr\": {}", text(&probe.to), text(&addr.to_string()));
    let port = port.unwrap_or(0);
    Some(match probe.proto {
        Protocol::Tcp => {
            let host = probe.host.clone().unwrap_or_else(|| format!("{addr}:{port}"));
            let request = latin(&curl_request(&host, probe.size.unwrap_or(0)));
            format!(
                "\"kind\": \"tcp\", {to}, \"port\": {port}, \"sport\": {key}, \"request\": {}, \"pause\": {}, \"timeout\": {}",
                text(&request),
                seconds(probe.pause),
                seconds(probe.timeout.unwrap_or(PATIENCE))
            )
        }
        Protocol::Udp => format!(
            "\"kind\": \"udp\", {to}, \"port\": {port}, \"sport\": {key}, \"size\": {}, \"count\": {}, \"checksum\": {}, \"timeout\": {}",
            probe.size.unwrap_or(30),
            probe.count.max(1),
            probe.checksum,
            seconds(probe.timeout.unwrap_or(UDP_WAIT))
        ),
        Protocol::Icmp => {
            let pmtudisc = match probe.pmtudisc {
                Pmtudisc::Want => "want",
                Pmtudisc::Do => "do",
                Pmtudisc::Dont => "dont",
            };
            format!(
                "\"kind\": \"icmp\", {to}, \"id\": {key}, \"seq\": {}, \"count\": {}, \"interval\": {}, \"size\": {}, \"ttl\": {}, \"pmtudisc\": \"{pmtudisc}\", \"timeout\": {}",
                probe.seq,
                probe.count.max(1),
                seconds(probe.interval),
                probe.size.unwrap_or(56),
                probe.ttl.unwrap_or(64),
                seconds(probe.timeout.unwrap_or(PING_WAIT))
            )
        }
    })
}

/// A command of the script, if it is one of those that are typed for real: where, and its words.
fn command(session: &Session, action: &Action, names: &[String]) -> Option<(String, String)> {
    let Action::Shell { host, line } = action else { return None };
    let netns = resolve_netns(session.cluster(), session.world(), host).ok()?;
    let mut words = shell::split(line);
    let tool = words.first()?.clone();
    if !REAL.contains(&tool.as_str()) {
        return None;
    }
    let at = words.iter().position(|w| w == "<<<");
    let stdin = at.map(|i| words.split_off(i).into_iter().skip(1).collect::<Vec<_>>().join(" ") + "\n");
    let argv = list(words.iter().map(|w| text(w)));
    let stdin = stdin.map_or_else(|| "null".to_owned(), |s| text(&s));
    Some((names.get(netns.0 as usize)?.clone(), format!("\"argv\": {argv}, \"stdin\": {stdin}")))
}

/// The choices a run made, where they are not pinned already: in which chain of which namespace,
/// and the how manieth `statistic` rule was taken (0: none).
fn pins(session: &Session, run: &Run, names: &[String], pinned: &mut Pins) -> String {
    let mut out = Vec::new();
    for e in &session.events()[run.events.clone()] {
        let EventKind::Walked { table: TableName::Nat, step, .. } = &e.kind else { continue };
        let (chain, rule, draws) = match step {
            WalkStep::Matched { chain, rule, draws, .. } => (*chain, Some(*rule), draws),
            WalkStep::Returned { chain, draws, .. } => (*chain, None, draws),
            _ => continue,
        };
        if draws.is_empty() {
            continue;
        }
        // Commands may have changed the rules since; chains are found by what they are now.
        let rules = &session.world().state().ns(e.netns).rules;
        let Some(c) = rules.table(TableName::Nat).chains.get(chain as usize) else { continue };
        let random = |r: &net::netfilter::Rule| r.matches.iter().any(|m| matches!(m, Match::Random { .. }));
        let choice = rule
            .filter(|r| c.rules.get(*r as usize).is_some_and(random))
            .map_or(0, |r| c.rules.iter().take(r as usize + 1).filter(|r| random(r)).count() as u32);
        if pinned.insert((e.netns, chain), choice) != Some(choice) {
            out.push(format!("{{\"netns\": {}, \"chain\": {}, \"choice\": {choice}}}", text(&names[e.netns.0 as usize]), text(&c.name)));
        }
    }
    list(out)
}

/// The names of a session's namespaces in its lab, in order.
pub fn lab_names(session: &Session) -> Vec<String> {
    netns_names(session.spec().netns.iter().map(|n| n.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_beyond_ascii() {
        assert_eq!(text("a\"b\\c\n\u{7f}é😀"), "\"a\\\"b\\\\c\\u000a\\u007f\\u00e9\\ud83d\\ude00\"");
    }
}

//! The plan the lab's processes read: who listens, what is done when, in JSON.

use super::{LabError, netns_names};
use crate::probe::{Probe, Protocol, resolve_netns};
use crate::script::{Done, Outcome};
use crate::session::{Action, PING_WAIT, Run, Session, UDP_WAIT, curl_request, local_key};
use crate::shell;
use net::conntrack::{L4, Tuple};
use net::engine::Setting;
use net::event::EventKind;
use net::netfilter::{Match, Ruleset, TableName, WalkStep};
use net::socket::{Pmtudisc, ServerApp};
use net::state::Change;
use net::{Duration, Instant, NetnsId};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::rc::Rc;

/// How long a client without a patience of its own is given on a real kernel.
const PATIENCE: Duration = Duration::secs(140);
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
///
/// # Errors
/// A step that a lab cannot do as the simulator did it.
pub(super) fn json(session: &Session, done: &[Done], names: &[String]) -> Result<String, LabError> {
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
    let mut past = Past {
        rules: session.initial().netns.iter().map(|n| n.rules.clone()).collect(),
        seen: 0,
        pinned: BTreeMap::new(),
    };
    let mut steps = Vec::new();
    for (d, n) in done.iter().zip(1..) {
        steps.extend(step(session, d, n, names, &mut past)?);
    }
    let end = seconds(Duration(session.world().now().0));
    Ok(format!(
        "{{\"services\": [\n{}\n], \"steps\": [\n{}\n], \"end\": {end}}}",
        services.join(",\n"),
        steps.join(",\n")
    ))
}

/// Bytes as characters of the same number.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// What the steps so far have led to.
struct Past {
    /// The rules of each namespace.
    rules: Vec<Rc<Ruleset>>,
    /// So many events are in it.
    seen: usize,
    /// What the lab has made certain: the choice of a chain.
    pinned: BTreeMap<(NetnsId, u32), u32>,
}

impl Past {
    /// One more event. Other rules may have other chains: what was pinned is not any more.
    fn add(&mut self, e: &net::Event) {
        for c in &e.changes {
            if let Change::Rules { netns, after, .. } = c {
                if let Some(rules) = self.rules.get_mut(netns.0 as usize) {
                    *rules = after.0.clone();
                }
                self.pinned.clear();
            }
        }
    }

    fn up_to(&mut self, session: &Session, event: usize) {
        session.events()[self.seen..event].iter().for_each(|e| self.add(e));
        self.seen = event;
    }
}

/// What a lab does for a step, counted from 1: nothing for a command that only prints, or was
/// refused.
fn step(
    session: &Session,
    d: &Done,
    n: usize,
    names: &[String],
    past: &mut Past,
) -> Result<Vec<String>, LabError> {
    let wrong = |what: &str| LabError { message: format!("step {n}: {what}") };
    let head = |pins: &str, netns: &str| {
        format!(
            "{{\"step\": {n}, \"at\": {}, \"pins\": {pins}, \"netns\": {}",
            seconds(Duration(d.at.0)),
            text(netns)
        )
    };
    match (&d.action, &d.result) {
        (Action::Send(probe), Outcome::Run(run)) => {
            let netns = names
                .get(run.from.0 as usize)
                .ok_or_else(|| wrong("its sender was not there from the beginning"))?;
            past.up_to(session, run.events.start);
            let pins = pins(session, run, names, past).map_err(|e| wrong(&e))?;
            let body = client(session, probe, run);
            let by_hand =
                |e: &&net::Event| matches!(e.kind, EventKind::Configured { by: None, .. });
            let typed = |a: &Action| matches!(a, Action::Shell { line, .. } if !is_cluster(line));
            let configured = session.events()[run.events.clone()].iter().filter(by_hand).count();
            if configured < probe.during.iter().filter(|(_, a)| typed(a)).count() {
                return Err(wrong(
                    "a command of its during: is refused, so a lab does not type it either; mend or remove it",
                ));
            }
            let at = |after: Duration, (netns, command): (String, String)| {
                format!("{{\"after\": {}, \"netns\": {}, {command}}}", seconds(after), text(&netns))
            };
            let typed = probe
                .during
                .iter()
                .filter(|(_, a)| typed(a))
                .filter_map(|(after, a)| Some(at(*after, command(session, a, names)?)));
            let mut during: Vec<String> = typed.collect();
            for (e, command) in ops(session, run.events.clone(), names).map_err(|e| wrong(&e))? {
                during.push(at(e - d.at, command));
            }
            let probe = format!("{}, {body}, \"during\": {}}}", head(&pins, netns), list(during));
            let mut out = vec![probe];
            out.extend(
                acts(session, run.events.end..d.events.end, n, names).map_err(|e| wrong(&e))?,
            );
            Ok(out)
        }
        (Action::Shell { line, .. }, Outcome::Output(_)) if shell::sends(line) => Err(wrong(
            &format!("{line:?} is a command; write it as send: so that a lab sends it too"),
        )),
        // A lab has no cluster: it does what the components did.
        (Action::Shell { line, .. }, Outcome::Output(_)) if is_cluster(line) => {
            acts(session, d.events.clone(), n, names).map_err(|e| wrong(&e))
        }
        (action @ Action::Shell { .. }, Outcome::Output(out)) if out.status == 0 => {
            let typed = command(session, action, names);
            Ok(typed
                .map(|(netns, command)| {
                    format!("{}, \"kind\": \"run\", {command}}}", head("[]", &netns))
                })
                .into_iter()
                .collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// Whether a command is one to the cluster, which its components obey.
fn is_cluster(line: &str) -> bool {
    matches!(shell::split(line).first().map(String::as_str), Some("kubectl" | "systemctl"))
}

/// What components did in some events, as steps of their own.
fn acts(
    session: &Session,
    events: Range<usize>,
    n: usize,
    names: &[String],
) -> Result<Vec<String>, String> {
    let one = |(at, (netns, command)): (Instant, (String, String))| {
        let (at, netns) = (seconds(Duration(at.0)), text(&netns));
        format!(
            "{{\"step\": {n}, \"at\": {at}, \"pins\": [], \"netns\": {netns}, \"kind\": \"run\", {command}}}"
        )
    };
    Ok(ops(session, events, names)?.into_iter().map(one).collect())
}

/// What components did in some events: when, where, and the command that does it.
#[allow(clippy::type_complexity, reason = "a time, and what `command` gives")]
fn ops(
    session: &Session,
    events: Range<usize>,
    names: &[String],
) -> Result<Vec<(Instant, (String, String))>, String> {
    let mut out = Vec::new();
    for (e, i) in session.events()[events.clone()].iter().zip(events) {
        let argv = |words: &[&str]| {
            format!("\"argv\": {}, \"stdin\": null", list(words.iter().map(|w| text(w))))
        };
        let command = match &e.kind {
            EventKind::Configured { setting, by: Some(by) } => match &**setting {
                Setting::Rules(_) => {
                    let words = session
                        .words(i)
                        .ok_or_else(|| format!("a lab cannot do all that {by} did"))?;
                    let argv = list(
                        ["iptables-restore", "--noflush", "--counters"].iter().map(|w| text(w)),
                    );
                    format!("\"argv\": {argv}, \"stdin\": {}", text(&words))
                }
                Setting::Forget(id) => {
                    let gone = e.changes.iter().find_map(|c| match c {
                        Change::Connection { id: x, before: Some(c), .. } if x == id => {
                            Some(c.original)
                        }
                        _ => None,
                    });
                    let Some(Tuple { src, dst, l4: L4::Ports(sport, dport), .. }) = gone else {
                        continue;
                    };
                    let [src, dst, sport, dport] =
                        [src.to_string(), dst.to_string(), sport.to_string(), dport.to_string()];
                    argv(&[
                        "conntrack",
                        "-D",
                        "-p",
                        "udp",
                        "-s",
                        &src,
                        "-d",
                        &dst,
                        "--sport",
                        &sport,
                        "--dport",
                        &dport,
                    ])
                }
                _ => return Err(format!("a lab cannot do yet what {by} did")),
            },
            // Its namespace stays, without a cable.
            EventKind::NetnsDeleted { .. } => {
                let veth = e.changes.iter().find_map(|c| match c {
                    Change::Device { netns, after, .. } if *netns == e.netns && after.gone => {
                        Some(after.name.clone())
                    }
                    _ => None,
                });
                argv(&["ip", "link", "del", &veth.ok_or("a lab cannot take a machine away")?])
            }
            EventKind::NetnsAdded { name, .. } => {
                return Err(format!(
                    "a lab cannot start {name}: only what is there from the beginning"
                ));
            }
            _ => continue,
        };
        out.push((e.at, (names.get(e.netns.0 as usize).cloned().unwrap_or_default(), command)));
    }
    Ok(out)
}

/// What a client does.
fn client(session: &Session, probe: &Probe, run: &Run) -> String {
    let (addr, port) = run.to;
    let key = local_key(session.seed(), probe, run.tag);
    let to = format!("\"to\": {}, \"addr\": {}", text(&probe.to), text(&addr.to_string()));
    match probe.proto {
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
    }
}

/// A command that changes something: where, and its words. No other is typed on a real kernel, and
/// none that the simulator does not understand.
fn command(session: &Session, action: &Action, names: &[String]) -> Option<(String, String)> {
    let Action::Shell { host, line } = action else { return None };
    let netns = resolve_netns(session.running(), session.world(), host).ok()?;
    if !shell::changes(line) {
        return None;
    }
    let mut words = shell::split(line);
    let at = words.iter().position(|w| w == "<<<");
    let stdin =
        at.map(|i| words.split_off(i).into_iter().skip(1).collect::<Vec<_>>().join(" ") + "\n");
    let argv = list(words.iter().map(|w| text(w)));
    let stdin = stdin.map_or_else(|| "null".to_owned(), |s| text(&s));
    Some((names.get(netns.0 as usize)?.clone(), format!("\"argv\": {argv}, \"stdin\": {stdin}")))
}

/// The choices a run made, where they are not pinned already: in which chain of which namespace,
/// and the how manieth `statistic` rule was taken (0: none).
fn pins(session: &Session, run: &Run, names: &[String], past: &mut Past) -> Result<String, String> {
    let mut out = Vec::new();
    let mut drawn = BTreeMap::new();
    for e in &session.events()[run.events.clone()] {
        past.add(e);
        let EventKind::Walked { table: TableName::Nat, step, .. } = &e.kind else { continue };
        let (chain, rule, draws) = match step {
            WalkStep::Matched { chain, rule, draws, .. } => (*chain, Some(*rule), draws),
            WalkStep::Returned { chain, draws, .. } => (*chain, None, draws),
            _ => continue,
        };
        let Some(c) = past
            .rules
            .get(e.netns.0 as usize)
            .and_then(|r| r.table(TableName::Nat).chains.get(chain as usize))
        else {
            continue;
        };
        if draws.is_empty() {
            continue;
        }
        let random =
            |r: &net::netfilter::Rule| r.matches.iter().any(|m| matches!(m, Match::Random { .. }));
        let choice = rule.filter(|r| c.rules.get(*r as usize).is_some_and(random)).map_or(0, |r| {
            c.rules.iter().take(r as usize + 1).filter(|r| random(r)).count() as u32
        });
        if *drawn.entry((e.netns, chain)).or_insert(choice) != choice {
            return Err(format!(
                "chain {} draws twice and not the same; a lab can make one choice certain",
                c.name
            ));
        }
        if past.pinned.insert((e.netns, chain), choice) != Some(choice) {
            out.push(format!(
                "{{\"netns\": {}, \"chain\": {}, \"choice\": {choice}}}",
                text(names.get(e.netns.0 as usize).map_or("", String::as_str)),
                text(&c.name)
            ));
        }
    }
    past.seen = run.events.end;
    Ok(list(out))
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
        assert_eq!(
            text("a\"b\\c\n\u{7f}é😀"),
            "\"a\\\"b\\\\c\\u000a\\u007f\\u00e9\\ud83d\\ude00\""
        );
    }
}

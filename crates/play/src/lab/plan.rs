//! The plan that the lab's processes read, in JSON: servers, and the actions with their times.

use super::{names as dns, netns_names};
use crate::anchor::Anchor;
use crate::probe::{Probe, Protocol, resolve_netns};
use crate::script::not_done;
use crate::session::{PING_WAIT, Session, UDP_WAIT, curl_request, local_key};
use crate::shell;
use crate::step::{Act, ResultKind, Run};
use crate::timeline::Timeline;
use kube::external;
use kube::fault::Daemon;
use net::conntrack::{L4, Tuple};
use net::engine::Setting;
use net::event::EventKind;
use net::netfilter::{self, Match, Ruleset, TableName, WalkStep};
use net::socket::{AddrPort, Listener, ServerApp};
use net::spec::{DeviceKindSpec, DeviceSpec, NetnsSpec};
use net::state::Change;
use net::{Duration, Instant, NetnsId};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::ops::Range;

/// How long a client without `timeout` waits on a real kernel.
const PATIENCE: Duration = Duration::secs(140);
/// A JSON string, with everything beyond ASCII escaped.
pub(super) fn text(s: &str) -> String {
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

pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

pub(super) fn seconds(d: Duration) -> String {
    format!("{}.{:09}", d.0 / 1_000_000_000, d.0 % 1_000_000_000)
}

/// The whole plan. Steps that a lab cannot perform are entered in `left_out` instead.
pub(super) fn json(session: &Session, names: &[String], left_out: &mut Vec<String>) -> String {
    let mut services = Vec::new();
    for (ns, netns) in session.spec().netns.iter().zip(names) {
        for s in &ns.services {
            let parts = match &s.app {
                ServerApp::Http(parts) => list(parts.iter().map(|p| text(&latin(p)))),
                ServerApp::Echo => "[]".to_owned(),
                ServerApp::Dns(_) => "\"dns\"".to_owned(),
                ServerApp::Arp => continue,
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
    let all = session.steps();
    let mut steps = Vec::new();
    let mut first = 0;
    while first < all.len() {
        let quiet = |i: &usize| all[*i].anchor == Anchor::Quiet;
        let end = (first + 1..all.len()).find(quiet).unwrap_or(all.len());
        steps.extend(group(session, first..end, names, &mut past, left_out));
        first = end;
    }
    let end = seconds(Duration(session.world().now().0));
    format!(
        "{{\"services\": [\n{}\n], \"speakers\": {}, \"dns\": {}, \"steps\": [\n{}\n], \"end\": {end}}}",
        services.join(",\n"),
        speakers(session, names),
        dns::answers(session),
        steps.join(",\n")
    )
}

/// The speakers of the session: namespace, NICs, and the addresses that each answers ARP for at
/// first.
fn speakers(session: &Session, names: &[String]) -> String {
    let cluster = session.cluster();
    if !cluster.daemons().contains(&Daemon::Speaker) {
        return "[]".to_owned();
    }
    let is_node = |name: &str| cluster.nodes.iter().any(|n| n.spec.name.value == name);
    let all = session.spec().netns.iter().zip(names).filter(|(ns, _)| is_node(&ns.name));
    let of = |(ns, netns): (&NetnsSpec, &String)| {
        let is_nic = |d: &&DeviceSpec| matches!(d.kind, DeviceKindSpec::Cable { nic: true, .. });
        let nics = list(ns.devices.iter().filter(is_nic).map(|d| text(&d.name)));
        let addrs = spoken(&ns.services);
        format!("{{\"netns\": {}, \"nics\": {nics}, \"addrs\": {addrs}}}", text(netns))
    };
    list(all.map(of))
}

/// The addresses that a speaker answers ARP for, among what listens.
fn spoken<'a>(all: impl IntoIterator<Item = &'a Listener>) -> String {
    let of_speaker = all.into_iter().filter(|l| l.app == ServerApp::Arp);
    list(of_speaker.filter_map(|l| Some(text(&l.addr?.to_string()))))
}

/// Bytes as the characters U+0000 to U+00FF.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// The state of the lab after the steps so far.
struct Past {
    /// The rules of each namespace.
    rules: Vec<Ruleset>,
    /// The number of events included.
    seen: usize,
    /// Chains whose choice is fixed, with the number of the rule that is taken.
    pinned: BTreeMap<(NetnsId, u32), u32>,
}

impl Past {
    /// Adds an event. New rules reset the fixed choices.
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

/// An action of the lab: the step's number from 1, its time, and its JSON.
struct Item {
    step: usize,
    at: Instant,
    netns: String,
    body: String,
    /// The events of a client's run; none for a command.
    run: Option<Range<usize>>,
}

impl Item {
    /// The action as an entry of a JSON list, with its separators.
    fn json(&self, head: &str, tail: &str) -> String {
        let (step, netns) = (self.step, text(&self.netns));
        format!("{{\"step\": {step}, {head}, \"netns\": {netns}, {}{tail}}}", self.body)
    }
}

/// The actions for the steps of a group: in sequence, but those during its first client
/// concurrently with it.
fn group(
    session: &Session,
    steps: Range<usize>,
    names: &[String],
    past: &mut Past,
    left_out: &mut Vec<String>,
) -> Vec<String> {
    let results = session.results();
    let head = steps.start + 1;
    let mut items = Vec::new();
    for i in steps.clone() {
        match item(session, i, names) {
            Ok(found) => items.extend(found),
            Err(why) => left_out.push(format!("step {}: {why}", i + 1)),
        }
    }
    let begin = results[steps.start].events.start;
    let end = match results.get(steps.end) {
        Some(next) => next.events.start,
        None => session.events().len(),
    };
    for op in ops(session, begin..end, names) {
        match op {
            Ok((at, (netns, body))) => {
                items.push(Item { step: head, at, netns, body, run: None });
            }
            Err(why) => left_out.push(format!("step {head}: {why}")),
        }
    }
    items.sort_by_key(|i| i.at);
    let client = items.iter().position(|i| i.run.is_some());
    let run = client.and_then(|c| items[c].run.clone());
    let pins = run.clone().map_or_else(String::new, |run| {
        past.up_to(session, run.start);
        pins(session, run, names, past).unwrap_or_else(|why| {
            left_out.push(format!("step {head}: {why}"));
            "[]".to_owned()
        })
    });
    let over = run.map_or(Instant::default(), |r| {
        session.events()[r].last().map_or(Instant::default(), |e| e.at)
    });
    let mut out = Vec::new();
    for (n, item) in items.iter().enumerate() {
        let at = format!("\"at\": {}, \"pins\": ", seconds(Duration(item.at.0)));
        match client {
            Some(c) if n == c => {
                let beside = items[c + 1..].iter().take_while(|i| i.at <= over);
                let beside =
                    beside.map(|i| i.json(&format!("\"after\": {}", seconds(i.at - item.at)), ""));
                let during = format!(", \"during\": {}", list(beside));
                out.push(item.json(&format!("{at}{pins}"), &during));
            }
            Some(c) if n > c && item.at <= over => {}
            _ => out.push(item.json(&format!("{at}[]"), "")),
        }
    }
    out
}

/// The action for a step: none for one that components carry out.
///
/// # Errors
/// Why a lab cannot perform the step.
fn item(session: &Session, i: usize, names: &[String]) -> Result<Option<Item>, String> {
    let (step, result) = (&session.steps()[i], &session.results()[i]);
    let waits = || match step.anchor {
        Anchor::Event(_) => Err("it waits for an event, which a lab cannot see".to_owned()),
        _ => Ok(()),
    };
    let item = |netns, body, run| Some(Item { step: i + 1, at: result.at, netns, body, run });
    match (&step.act, &result.kind) {
        (_, ResultKind::NotDone(why)) => {
            Err(format!("it is not done here either: {}", not_done(step, *why)))
        }
        (_, ResultKind::Invalid(e)) => Err(e.message()),
        (Act::Packet(_), _) => Err("a kernel cannot be asked to do this to one packet".to_owned()),
        (_, ResultKind::Sent { probe, run, .. }) => {
            waits()?;
            let netns = names.get(run.from.0 as usize);
            let netns = netns.ok_or("its sender was not there from the beginning")?;
            let lookup = dns::lookup(session, run);
            let request = match run.to {
                Some(to) => client(session, probe, run, to),
                None => "\"kind\": \"nothing\"".to_owned(),
            };
            let body = format!("\"lookup\": {lookup}, {request}");
            Ok(item(netns.clone(), body, Some(run.events.clone())))
        }
        (Act::Run { line, .. }, ResultKind::Printed(out)) if out.status != 0 => {
            Err(format!("{line:?} is refused, so a lab does not type it either"))
        }
        (_, ResultKind::Applied(out)) if out.status != 0 => {
            Err("apply is refused, so a lab does not do it either".to_owned())
        }
        (Act::Run { line, .. }, _) if !shell::changes(line) => {
            Err(format!("{line:?} only prints; a lab prints all tables at its end"))
        }
        (Act::Run { host, line }, _) if !is_cluster(line) => {
            waits()?;
            let netns = then(session, result.events.start, host)?;
            let netns = names.get(netns.0 as usize);
            let netns = netns.ok_or("its host was not there from the beginning")?;
            Ok(item(netns.clone(), command(line), None))
        }
        _ => Ok(None),
    }
}

/// The namespace that was called `host` after the first `events` events.
fn then(session: &Session, events: usize, host: &str) -> Result<NetnsId, String> {
    let mut timeline = Timeline::new(session.initial());
    timeline.seek(session.events(), events);
    let moment = session.moment(timeline.state(), events);
    resolve_netns(moment.running(), moment.world(), host).map_err(|e| e.message())
}

/// Whether a command changes the cluster; components then carry it out.
fn is_cluster(line: &str) -> bool {
    matches!(shell::split(line).first().map(String::as_str), Some("kubectl" | "systemctl"))
}

/// A change by a component: its time, namespace and command; or why a lab cannot make it.
type Op = Result<(Instant, (String, String)), String>;

/// The changes by components in some events.
fn ops(session: &Session, events: Range<usize>, names: &[String]) -> Vec<Op> {
    let one = |i: usize| {
        let e = &session.events()[i];
        let name = e.netns.and_then(|n| names.get(n.0 as usize));
        let netns = || name.cloned().ok_or("its machine is not there");
        let done = |body| Ok((e.at, (netns()?, body)));
        match operation(session, i)? {
            Ok(body) => Some(done(body)),
            Err(why) => Some(Err(why)),
        }
    };
    events.filter_map(one).collect()
}

/// The command for a component's change in an event; none if the event has no such change.
fn operation(session: &Session, i: usize) -> Option<Result<String, String>> {
    let e = &session.events()[i];
    let argv = |words: &[&str]| run_body(list(words.iter().map(|w| text(w))), None);
    match &e.kind {
        EventKind::Configured { setting, by: Some(by) } => match &**setting {
            Setting::Rules(after) if *by == external::PROGRAM => {
                let words = netfilter::save(&after.rules, by, "after a change", &|_, _| (0, 0));
                let argv = ["iptables-restore", "--counters"].map(text);
                Some(Ok(run_body(list(argv), Some(&words))))
            }
            Setting::Device { to, .. } if *by == external::PROGRAM => {
                let before = e.changes.iter().find_map(|c| match c {
                    Change::Device { before, .. } => before.as_ref().map(|d| d.addrs.clone()),
                    _ => None,
                });
                let before = before.unwrap_or_default();
                let mut words = String::new();
                for (op, all, others) in [("add", &to.addrs, &before), ("del", &before, &to.addrs)]
                {
                    for a in all.iter().filter(|a| !others.contains(a)) {
                        let _ = writeln!(words, "addr {op} {a} dev {}", to.name);
                    }
                }
                Some(Ok(run_body(list(["ip", "-batch", "-"].map(text)), Some(&words))))
            }
            Setting::Rules(_) => Some(match session.words(i) {
                Some(words) => {
                    let argv = ["iptables-restore", "--noflush", "--counters"].map(text);
                    Ok(run_body(list(argv), Some(&words)))
                }
                None => Err(format!("a lab cannot do all that {by} did")),
            }),
            Setting::Forget(id) => {
                let gone = e.changes.iter().find_map(|c| match c {
                    Change::Connection { id: x, before: Some(c), .. } if x == id => {
                        Some(c.original)
                    }
                    _ => None,
                });
                let Some(Tuple { src, dst, l4: L4::Ports(sport, dport), .. }) = gone else {
                    return None;
                };
                let [src, dst, sport, dport] =
                    [src.to_string(), dst.to_string(), sport.to_string(), dport.to_string()];
                #[rustfmt::skip]
                let words = [
                    "conntrack", "-D", "-p", "udp", "-s", &src, "-d", &dst,
                    "--sport", &sport, "--dport", &dport,
                ];
                Some(Ok(argv(&words)))
            }
            Setting::Services(after) if *by == Daemon::Speaker.name() => {
                let before = e.changes.iter().find_map(|c| match c {
                    Change::Services { before, .. } => Some(before.clone()),
                    _ => None,
                });
                let before = before.unwrap_or_default();
                let new = spoken(after.iter().filter(|l| !before.contains(l)));
                let addrs = spoken(after.iter());
                Some(Ok(format!("\"kind\": \"announce\", \"addrs\": {addrs}, \"new\": {new}")))
            }
            // A lab's DNS server has the answers of every moment.
            Setting::Services(_) => None,
            _ => Some(Err(format!("a lab cannot do yet what {by} did"))),
        },
        // Its namespace stays, without a cable.
        EventKind::NetnsDeleted { .. } => {
            let veth = e.changes.iter().find_map(|c| match c {
                Change::Device { netns, after, .. } if Some(*netns) == e.netns && after.gone => {
                    Some(after.name.clone())
                }
                _ => None,
            });
            Some(match veth {
                Some(veth) => Ok(argv(&["ip", "link", "del", &veth])),
                None => Err("a lab cannot take a machine away".to_owned()),
            })
        }
        EventKind::NetnsAdded { name, .. } => {
            Some(Err(format!("a lab cannot start {name}: only what is there from the beginning")))
        }
        _ => None,
    }
}

/// A command, by its words and its standard input.
fn run_body(argv: String, stdin: Option<&str>) -> String {
    let stdin = stdin.map_or_else(|| "null".to_owned(), text);
    format!("\"kind\": \"run\", \"argv\": {argv}, \"stdin\": {stdin}")
}

/// The JSON of a client.
fn client(session: &Session, probe: &Probe, run: &Run, (addr, port): (IpAddr, u16)) -> String {
    let key = local_key(session.seed(), probe, run.tag);
    let to = format!(
        "\"to\": {}, \"addr\": {}, \"ttl\": {}, \"pmtudisc\": \"{}\"",
        text(&probe.to),
        text(&addr.to_string()),
        probe.ttl.unwrap_or(64),
        probe.pmtudisc.name()
    );
    match (probe.proto, probe.flags) {
        (Protocol::Tcp, Some(flags)) => format!(
            "\"kind\": \"segment\", {to}, \"port\": {port}, \"sport\": {key}, \"flags\": {}, \"size\": {}, \"timeout\": {}",
            flags.0,
            probe.size.unwrap_or(0),
            seconds(probe.timeout.unwrap_or(UDP_WAIT))
        ),
        (Protocol::Tcp, None) => {
            let request = latin(&curl_request(probe, AddrPort { addr, port }));
            format!(
                "\"kind\": \"tcp\", {to}, \"port\": {port}, \"sport\": {key}, \"request\": {}, \"pause\": {}, \"timeout\": {}",
                text(&request),
                seconds(probe.pause),
                seconds(probe.timeout.unwrap_or(PATIENCE))
            )
        }
        (Protocol::Udp, _) => format!(
            "\"kind\": \"udp\", {to}, \"port\": {port}, \"sport\": {key}, \"size\": {}, \"count\": {}, \"checksum\": {}, \"timeout\": {}",
            probe.size.unwrap_or(30),
            probe.count.max(1),
            probe.checksum,
            seconds(probe.timeout.unwrap_or(UDP_WAIT))
        ),
        (Protocol::Icmp, _) => format!(
            "\"kind\": \"icmp\", {to}, \"id\": {key}, \"seq\": {}, \"count\": {}, \"interval\": {}, \"size\": {}, \"timeout\": {}",
            probe.seq,
            probe.count.max(1),
            seconds(probe.interval),
            probe.size.unwrap_or(56),
            seconds(probe.timeout.unwrap_or(PING_WAIT))
        ),
    }
}

/// The JSON of a command that the simulator has parsed.
fn command(line: &str) -> String {
    let mut words = shell::split(line);
    let at = words.iter().position(|w| w == "<<<");
    let stdin =
        at.map(|i| words.split_off(i).into_iter().skip(1).collect::<Vec<_>>().join(" ") + "\n");
    let argv = list(words.iter().map(|w| text(w)));
    run_body(argv, stdin.as_deref())
}

/// The random choices of a run that are not fixed yet: the namespace, the chain, and the number of
/// the `statistic` rule that was taken, from 1 (0: none).
fn pins(
    session: &Session,
    run: Range<usize>,
    names: &[String],
    past: &mut Past,
) -> Result<String, String> {
    let mut out = Vec::new();
    let mut drawn = BTreeMap::new();
    past.seen = run.end;
    for e in &session.events()[run] {
        past.add(e);
        let (Some(netns), EventKind::Walked { table: TableName::Nat, step, .. }) =
            (e.netns, &e.kind)
        else {
            continue;
        };
        let (chain, rule, draws) = match step {
            WalkStep::Matched { chain, rule, draws, .. } => (*chain, Some(*rule), draws),
            WalkStep::Returned { chain, draws, .. } => (*chain, None, draws),
            _ => continue,
        };
        let Some(c) = past
            .rules
            .get(netns.0 as usize)
            .and_then(|r| r.table(TableName::Nat).chains.get(chain as usize))
        else {
            continue;
        };
        if draws.is_empty() {
            continue;
        }
        let random = |r: &std::rc::Rc<netfilter::Rule>| {
            r.matches.iter().any(|m| matches!(m, Match::Random { .. }))
        };
        let choice = rule.filter(|r| c.rules.get(*r as usize).is_some_and(random)).map_or(0, |r| {
            c.rules.iter().take(r as usize + 1).filter(|r| random(r)).count() as u32
        });
        if *drawn.entry((netns, chain)).or_insert(choice) != choice {
            return Err(format!(
                "chain {} makes different random choices in this session; a lab can fix only one",
                c.name
            ));
        }
        if past.pinned.insert((netns, chain), choice) != Some(choice) {
            out.push(format!(
                "{{\"netns\": {}, \"chain\": {}, \"choice\": {choice}}}",
                text(names.get(netns.0 as usize).map_or("", String::as_str)),
                text(&c.name)
            ));
        }
    }
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

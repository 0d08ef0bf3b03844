//! `ip`, `bridge`, `conntrack`, and what `ping` prints.

use super::{CommandOutput, admin};
use crate::probe::Probe;
use crate::session::Session;
use crate::step::Run;
use net::engine::Setting;
use net::event::EventKind;
use net::socket::Outcome;
use net::{DropReason, NetnsId, dump};
use std::fmt::Write;

pub(super) fn ip(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    match args {
        ["r" | "ro" | "route", verb @ ("add" | "replace" | "del" | "flush"), rest @ ..] => {
            return admin::route(session, netns, verb, rest);
        }
        ["n" | "ne" | "neigh", verb @ ("add" | "replace" | "del"), rest @ ..] => {
            return admin::neigh(session, netns, verb, rest);
        }
        ["l" | "li" | "link", "set", rest @ ..] => return admin::link(session, netns, rest),
        _ => {}
    }
    let ns = session.world().state().ns(netns);
    match args {
        ["r" | "ro" | "route"] | ["r" | "ro" | "route", "s" | "show" | "list"] => {
            CommandOutput::ok(dump::ip_route(ns))
        }
        ["n" | "ne" | "neigh"] | ["n" | "ne" | "neigh", "s" | "show" | "list"] => {
            CommandOutput::ok(dump::ip_neigh(ns, false))
        }
        ["-br", "a" | "ad" | "addr" | "address"] => {
            CommandOutput::ok(dump::ip_brief(session.world().state(), netns))
        }
        [] => CommandOutput::fail(255, "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n"),
        [object, ..] => CommandOutput::fail(
            1,
            format!("Object \"{object}\" is not understood here; try: ip r, ip n, ip -br a\n"),
        ),
    }
}

pub(super) fn bridge(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    if let ["fdb", verb @ ("add" | "append" | "replace" | "del"), rest @ ..] = args {
        return admin::fdb(session, netns, verb, rest);
    }
    let ns = session.world().state().ns(netns);
    match args {
        ["fdb", "show" | "s", kind @ ("dev" | "br"), name] => {
            match dump::bridge_fdb(ns, name, *kind == "br") {
                Some(text) => CommandOutput::ok(text),
                None => CommandOutput::fail(1, format!("Cannot find device \"{name}\"\n")),
            }
        }
        ["link"] | ["link", "show" | "s"] => {
            CommandOutput::ok(dump::bridge_link(session.world().state(), netns))
        }
        _ => CommandOutput::fail(
            1,
            "bridge: not understood here; try: bridge fdb show dev flannel.1\n",
        ),
    }
}

pub(super) fn conntrack(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let state = session.world().state();
    match args {
        ["-L"] => {
            let text = dump::conntrack_list(state, netns);
            let n = text.lines().count();
            CommandOutput::ok(format!(
                "{text}conntrack v1.4.4 (conntrack-tools): {n} flow entries have been shown.\n"
            ))
        }
        ["-F"] => {
            session.configure(netns, Setting::FlushConntrack);
            CommandOutput::ok(
                "conntrack v1.4.4 (conntrack-tools): connection tracking table has been emptied.\n",
            )
        }
        ["-D", rest @ ..] => admin::forget(session, netns, rest),
        _ => CommandOutput::fail(
            2,
            "conntrack: not understood here; try: conntrack -L, conntrack -F, conntrack -D -s ADDRESS\n",
        ),
    }
}

/// `hostname`, and with `-i` or `-I` the first address or all of them.
pub(super) fn hostname(
    session: &Session,
    (netns, host): (NetnsId, &str),
    args: &[&str],
) -> CommandOutput {
    let devices = session.world().state().ns(netns).devices.iter().skip(1);
    let mut addrs = devices.flat_map(|d| &d.addrs).map(|net| net.addr().to_string());
    match args {
        [] => {
            let c = session.running();
            let node = c.nodes.iter().map(|n| &n.spec).find(|n| n.name.value == host);
            let outside = || c.topology.hosts.iter().find(|h| h.name.value == host);
            let name = node.map(|n| &n.hostname).or_else(|| outside().map(|h| &h.hostname));
            let name = name.map_or(host.trim_start_matches("pod/"), String::as_str);
            CommandOutput::ok(format!("{name}\n"))
        }
        ["-i"] => CommandOutput::ok(addrs.next().unwrap_or_default() + "\n"),
        ["-I"] => CommandOutput::ok(addrs.map(|a| a + " ").collect::<String>() + "\n"),
        [other, ..] => CommandOutput::fail(
            1,
            format!("hostname: {other:?} is not understood here; try: hostname, hostname -i\n"),
        ),
    }
}

/// The lines of a ping after its first (`iputils`, s20160308). Its `time` is that of the last
/// request, not of the end. `pipe` is the most requests that were under way at once.
pub(super) fn ping_report(
    session: &Session,
    run: &Run,
    (probe, name): (&Probe, &str),
    out: &mut String,
) -> CommandOutput {
    let events = &session.events()[run.events.clone()];
    let (sent, interval) = (u64::from(probe.count), probe.interval.0.max(1));
    let started = events.first().map_or(session.world().now(), |e| e.at);
    let (mut times, mut errors, mut pipe) = (Vec::new(), 0, 0);
    let mut heard = |e: &net::Event, seq: u16| {
        let begun = ((e.at - started).0 / interval + 1).min(sent);
        pipe = pipe.max(begun.saturating_sub(seq.wrapping_sub(probe.seq).into()));
    };
    for e in events {
        let EventKind::Ended { tag, outcome, .. } = &e.kind else { continue };
        if *tag != run.tag {
            continue;
        }
        match outcome {
            Outcome::Answered { bytes, from, ttl, seq, took_ns } => {
                let us = took_ns / 1000;
                times.push(us);
                heard(e, *seq);
                let _ = writeln!(
                    out,
                    "{bytes} bytes from {from}: icmp_seq={seq} ttl={} time={} ms",
                    ttl.unwrap_or(0),
                    millis(us)
                );
            }
            Outcome::Unreachable { from, kind, code, seq, mtu, .. } => {
                errors += 1;
                heard(e, *seq);
                let why = match (kind, code) {
                    (11, _) => "Time to live exceeded",
                    (3, 0) => "Destination Net Unreachable",
                    (3, 3) => "Destination Port Unreachable",
                    (3, 4) => "Frag needed and DF set",
                    _ => "Destination Host Unreachable",
                };
                let mtu = mtu.map_or(String::new(), |m| format!(" (mtu = {m})"));
                let _ = writeln!(out, "From {from} icmp_seq={seq} {why}{mtu}");
            }
            Outcome::NotSent(DropReason::PktTooBig) => {
                errors += 1;
                out.push_str("ping: sendmsg: Message too long\n");
            }
            Outcome::NotSent(DropReason::NetfilterDrop | DropReason::NetfilterReject) => {
                out.push_str("ping: sendmsg: Operation not permitted\n");
            }
            Outcome::NotSent(_) => {
                return CommandOutput::fail(2, "connect: Network is unreachable\n");
            }
            Outcome::TimedOut
            | Outcome::Closed
            | Outcome::Reset
            | Outcome::Segment { .. }
            | Outcome::Killed
            | Outcome::Unresolved(_) => {}
        }
    }
    let n = times.len() as u64;
    let loss = 100 * sent.saturating_sub(n) / sent.max(1);
    let took = (sent.max(1) - 1) * interval / 1_000_000;
    let _ =
        write!(out, "\n--- {name} ping statistics ---\n{sent} packets transmitted, {n} received");
    if errors > 0 {
        let _ = write!(out, ", +{errors} errors");
    }
    let _ = writeln!(out, ", {loss}% packet loss, time {took}ms");
    let mut last = Vec::new();
    if let (Some(min), Some(max)) = (times.iter().min(), times.iter().max()) {
        let mean = times.iter().sum::<u64>() / n;
        let var = times.iter().map(|t| t.abs_diff(mean).pow(2)).sum::<u64>() / n;
        let [min, mean, max, dev] =
            [*min, mean, *max, var.isqrt()].map(|us| format!("{}.{:03}", us / 1000, us % 1000));
        last.push(format!("rtt min/avg/max/mdev = {min}/{mean}/{max}/{dev} ms"));
    }
    if pipe > 1 {
        last.push(format!("pipe {pipe}"));
    }
    let _ = writeln!(out, "{}", last.join(", "));
    CommandOutput { text: std::mem::take(out), status: i32::from(times.is_empty()) }
}

/// Milliseconds with the digits that ping prints.
fn millis(us: u64) -> String {
    match us {
        100_000.. => format!("{}", us / 1000),
        10_000.. => format!("{}.{}", us / 1000, us % 1000 / 100),
        1000.. => format!("{}.{:02}", us / 1000, us % 1000 / 10),
        _ => format!("0.{us:03}"),
    }
}

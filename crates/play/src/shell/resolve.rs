//! `nslookup`, `dig`, `host` and `getent hosts`: what they ask DNS for, and what they print (BIND
//! 9.18, glibc 2.36). A and AAAA are asked in parallel by all of them.
//!
//! Left out: EDNS, other options than those below, and the questions for MX of `host`.

use super::CommandOutput;
use crate::probe::{Probe, Protocol, Query, Tool, resolve_netns};
use crate::session::Session;
use crate::step::Run;
use crate::target::resolver_of;
use net::dns::{Failure, Lookup, Message, Name, Rcode, Record, RecordData, RecordType};
use net::socket::{Outcome, Socket};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];
const NO_SERVER: &str = ";; connection timed out; no servers could be reached\n";

/// The name of an address in `in-addr.arpa`.
fn reverse(addr: Ipv4Addr) -> String {
    let [a, b, c, d] = addr.octets();
    format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
}

/// The probe that a line sends.
///
/// # Errors
/// The output of the tool if it refuses the line, or needs no packet.
pub(super) fn probe(session: &Session, from: &str, words: &[&str]) -> Result<Probe, CommandOutput> {
    let (tool, args) = match words {
        ["nslookup", args @ ..] => (Tool::Nslookup, args),
        ["dig", args @ ..] => (Tool::Dig { short: args.contains(&"+short") }, args),
        ["host", args @ ..] => (Tool::Host, args),
        ["getent", "hosts", args @ ..] => (Tool::Getent, args),
        _ => {
            return Err(CommandOutput::fail(
                1,
                "getent: only the database hosts is simulated: getent hosts NAME\n",
            ));
        }
    };
    let usage = || {
        let text = match tool {
            Tool::Nslookup => "nslookup NAME [SERVER]",
            Tool::Dig { .. } => "dig [@SERVER] NAME [TYPE] [-x ADDRESS] [+short] [+search]",
            Tool::Host => "host NAME [SERVER]",
            Tool::Getent => "getent hosts NAME",
        };
        CommandOutput::fail(1, format!("{}: write {text}\n", words[0]))
    };
    let is_dig = matches!(tool, Tool::Dig { .. });
    let mut query = Query { tool, kinds: Vec::new(), server: None, searches: !is_dig };
    let (mut name, mut reversed) = (None, false);
    for arg in args {
        let server = arg.strip_prefix('@').filter(|_| is_dig);
        let kind = RecordType::from_name(arg).filter(|_| is_dig && name.is_some());
        match (*arg, server, kind) {
            ("+short", ..) if is_dig => {}
            ("+search", ..) if is_dig => query.searches = true,
            ("-x", ..) if is_dig => reversed = true,
            (_, Some(server), _) => query.server = Some(server.parse().map_err(|_| usage())?),
            (_, _, Some(kind)) => query.kinds = vec![kind],
            (text, ..) if text.starts_with(['-', '+']) => return Err(usage()),
            (text, ..) if name.is_none() => name = Some(text.to_owned()),
            (text, ..) if !is_dig && query.server.is_none() => {
                query.server = Some(text.parse().map_err(|_| usage())?);
            }
            _ => return Err(usage()),
        }
    }
    let name = name.ok_or_else(usage)?;
    if let Some(line) = known(session, from, &name).filter(|_| tool == Tool::Getent) {
        return Err(CommandOutput::ok(line));
    }
    let addr = name.parse::<Ipv4Addr>().ok().filter(|_| reversed || !is_dig);
    let to = addr.map_or(name, reverse);
    if query.kinds.is_empty() {
        query.kinds = match (addr, is_dig) {
            (Some(_), _) => vec![RecordType::PTR],
            (None, true) => vec![RecordType::A],
            (None, false) => ADDRESSES.into(),
        };
    }
    let proto = Protocol::Udp;
    Ok(Probe { proto, by_name: true, query: Some(query), ..Probe::new(from, &to) })
}

/// What a tool prints after its lookup.
pub(super) fn report(session: &Session, run: &Run, probe: &Probe, query: &Query) -> CommandOutput {
    let ns = session.world().state().ns(run.from);
    let lookup = ns.sockets.values().rev().find_map(|s| match &**s {
        Socket::Resolver(r) if r.tag == run.tag => Some(&r.lookup),
        _ => None,
    });
    let Some(lookup) = lookup else { return CommandOutput::fail(1, NO_SERVER) };
    if let Some(Outcome::Killed) = run.verdict.outcome {
        return CommandOutput::fail(137, "Killed\n");
    }
    let silent = lookup
        .tried
        .last()
        .is_some_and(|t| matches!(t.failure, Failure::TimedOut | Failure::Refused));
    let server = lookup.conf.nameservers.first().copied();
    let (Some(server), false) = (server, silent) else {
        return match query.tool {
            Tool::Getent => CommandOutput::fail(2, ""),
            Tool::Dig { .. } => CommandOutput::fail(9, NO_SERVER),
            Tool::Nslookup | Tool::Host => CommandOutput::fail(1, NO_SERVER),
        };
    };
    match query.tool {
        Tool::Nslookup => nslookup(lookup, server),
        Tool::Dig { short } => dig(lookup, server, probe, short),
        Tool::Host => host(lookup),
        Tool::Getent => getent(lookup),
    }
}

/// The line of `/etc/hosts` with a name or address, as `getent` prints it.
fn known(session: &Session, from: &str, name: &str) -> Option<String> {
    let (cluster, world) = (session.running(), session.world());
    let netns = resolve_netns(cluster, world, from).ok()?;
    let place = resolver_of(cluster, world, from, netns);
    let mut lines = kube::dns::hosts(cluster, &place).into_iter();
    let is_it = |(addr, names): &(IpAddr, Vec<String>)| {
        names.iter().any(|n| n == name) || addr.to_string() == name
    };
    let (addr, names) = lines.find(is_it)?;
    Some(format!("{:<15} {}\n", addr.to_string(), names.join(" ")))
}

fn messages(lookup: &Lookup) -> impl Iterator<Item = &Message> {
    lookup.answers.iter().flatten().map(|m| &**m)
}

/// The records of all answers, each once.
fn records(lookup: &Lookup) -> Vec<&Record> {
    let mut out: Vec<&Record> = Vec::new();
    for r in messages(lookup).flat_map(|m| &m.answers) {
        if !out.contains(&r) {
            out.push(r);
        }
    }
    out
}

/// The name that was asked for last, and why it has no record.
fn failure(lookup: &Lookup) -> Option<(&Name, Rcode)> {
    let last = lookup.tried.last().filter(|_| lookup.at >= lookup.names.len())?;
    match last.failure {
        Failure::Rcode(rcode) => Some((&last.name, rcode)),
        _ => None,
    }
}

fn nslookup(lookup: &Lookup, server: IpAddr) -> CommandOutput {
    let mut out = format!("Server:\t\t{server}\nAddress:\t{server}#53\n\n");
    if let Some((name, rcode)) = failure(lookup) {
        let _ = writeln!(out, "** server can't find {name:#}: {rcode}\n");
        return CommandOutput { text: out, status: 1 };
    }
    let all = records(lookup);
    if all.is_empty() {
        let _ = writeln!(out, "*** Can't find {:#}: No answer\n", lookup.name());
        return CommandOutput { text: out, status: 1 };
    }
    if messages(lookup).any(|m| !m.authoritative) {
        out.push_str("Non-authoritative answer:\n");
    }
    for r in all {
        let _ = match &r.data {
            RecordData::A(addr) => writeln!(out, "Name:\t{:#}\nAddress: {addr}", r.name),
            RecordData::Aaaa(addr) => writeln!(out, "Name:\t{:#}\nAddress: {addr}", r.name),
            RecordData::Cname(to) => writeln!(out, "{:#}\tcanonical name = {to}", r.name),
            data => writeln!(out, "{:#}\tname = {data}", r.name),
        };
    }
    out.push('\n');
    CommandOutput::ok(out)
}

fn dig(lookup: &Lookup, server: IpAddr, probe: &Probe, short: bool) -> CommandOutput {
    let Some(m) = messages(lookup).next() else { return CommandOutput::fail(9, NO_SERVER) };
    if short {
        let lines = m.answers.iter().map(|r| format!("{}\n", r.data));
        return CommandOutput::ok(lines.collect::<String>());
    }
    let asked = probe.to.trim_end_matches('.');
    let mut out = format!(
        "\n; <<>> DiG 9.18 <<>> {asked}\n;; global options: +cmd\n;; Got answer:\n\
         ;; ->>HEADER<<- opcode: QUERY, status: {}, id: {}\n",
        m.rcode, m.id
    );
    let flags =
        [(m.authoritative, " aa"), (m.recursion_desired, " rd"), (m.recursion_available, " ra")];
    let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    let _ = writeln!(
        out,
        ";; flags: qr{flags}; QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}",
        m.questions.len(),
        m.answers.len(),
        m.authority.len(),
        m.additional.len()
    );
    if m.recursion_desired && !m.recursion_available {
        out.push_str(";; WARNING: recursion requested but not available\n");
    }
    out.push_str("\n;; QUESTION SECTION:\n");
    for q in &m.questions {
        let _ = writeln!(out, ";{}\t\tIN\t{}", q.name, q.kind);
    }
    let sections =
        [("ANSWER", &m.answers), ("AUTHORITY", &m.authority), ("ADDITIONAL", &m.additional)];
    for (name, records) in sections.into_iter().filter(|(_, records)| !records.is_empty()) {
        let _ = writeln!(out, "\n;; {name} SECTION:");
        for r in records {
            let _ = writeln!(out, "{}\t{}\tIN\t{}\t{}", r.name, r.ttl, r.data.kind(), r.data);
        }
    }
    let _ = writeln!(
        out,
        "\n;; Query time: 0 msec\n;; SERVER: {server}#53({server}) (UDP)\n;; MSG SIZE  rcvd: {}\n",
        m.emit(false).len()
    );
    CommandOutput::ok(out)
}

fn host(lookup: &Lookup) -> CommandOutput {
    if let Some((name, rcode)) = failure(lookup) {
        let text = format!("Host {name:#} not found: {}({rcode})\n", rcode.0);
        return CommandOutput::fail(1, text);
    }
    let mut out = String::new();
    for r in records(lookup) {
        let _ = match &r.data {
            RecordData::A(addr) => writeln!(out, "{:#} has address {addr}", r.name),
            RecordData::Aaaa(addr) => writeln!(out, "{:#} has IPv6 address {addr}", r.name),
            RecordData::Cname(to) => writeln!(out, "{:#} is an alias for {to}", r.name),
            data => writeln!(out, "{:#} domain name pointer {data}", r.name),
        };
    }
    if out.is_empty() {
        let _ = writeln!(out, "{:#} has no A record", lookup.name());
    }
    CommandOutput::ok(out)
}

fn getent(lookup: &Lookup) -> CommandOutput {
    let lines = records(lookup).into_iter().filter_map(|r| match &r.data {
        RecordData::A(addr) => Some(format!("{:<15} {:#}\n", addr.to_string(), r.name)),
        RecordData::Aaaa(addr) => Some(format!("{:<15} {:#}\n", addr.to_string(), r.name)),
        RecordData::Ptr(name) => Some(format!("{name:#}\n")),
        _ => None,
    });
    let text: String = lines.collect();
    let status = if text.is_empty() { 2 } else { 0 };
    CommandOutput { text, status }
}

/// `cat` of the two files by which a machine or pod resolves names.
pub(super) fn cat(session: &Session, place: &str, args: &[&str]) -> CommandOutput {
    match args {
        ["/etc/resolv.conf"] => {
            CommandOutput::ok(kube::dns::resolv_conf(session.running(), place).to_string())
        }
        ["/etc/hosts"] => {
            let lines = kube::dns::hosts(session.running(), place).into_iter();
            let line =
                |(addr, names): (IpAddr, Vec<String>)| format!("{addr}\t{}\n", names.join(" "));
            CommandOutput::ok(lines.map(line).collect::<String>())
        }
        [path] => CommandOutput::fail(
            1,
            format!(
                "cat: {path}: No such file or directory\n  \
                 here are: /etc/hosts, /etc/resolv.conf\n"
            ),
        ),
        _ => CommandOutput::fail(1, "cat: one file at a time is understood here\n"),
    }
}

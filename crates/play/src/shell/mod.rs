//! The emulated shell: runs a command line on a node, pod or host and prints what the real tool
//! prints. Other commands and options are refused with a message, as a real shell does.

mod admin;
mod complete;
mod daemon;
pub mod kubectl;
mod network;
mod resolve;
mod rules;

pub use crate::command::{CommandOutput, sends, split};
pub use complete::complete;

use crate::probe::{MAX_COUNT, MAX_SIZE, Probe, ProbeError, Protocol, Tool};
use crate::session::Session;
use crate::step::{ResultKind, Run, Step, StepResult};
use crate::target::resolver_of;
use net::NetnsId;
use net::event::EventKind;
use net::socket::{Outcome, Pmtudisc, Socket, TcpApp};
use std::net::IpAddr;

/// The commands that are simulated.
pub const COMMANDS: &[&str] = &[
    "curl",
    "ping",
    "nslookup",
    "dig",
    "host",
    "getent",
    "cat",
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip",
    "bridge",
    "conntrack",
    "sysctl",
    "systemctl",
    "kubectl",
    "hostname",
];

/// Runs a command line on a node, pod or outside host, until components have done what it caused.
pub fn exec(session: &mut Session, host: &str, line: &str) -> CommandOutput {
    match session.play(&[Step::run(host, line)]) {
        [StepResult { kind: ResultKind::Invalid(e), .. }] => {
            CommandOutput::fail(1, format!("{e}\n"))
        }
        results => results.last().and_then(StepResult::output).cloned().unwrap_or_default(),
    }
}

/// Runs a command that sends nothing, at the current time.
pub(crate) fn run(session: &mut Session, netns: NetnsId, host: &str, line: &str) -> CommandOutput {
    let words = split(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => CommandOutput::default(),
        ["iptables", rest @ ..] => rules::iptables(session, netns, rest),
        ["iptables-save"] => CommandOutput::ok(net::dump::iptables_save(
            session.world().state().ns(netns),
            "iptables-save v1.4.21",
            SAVED_ON,
        )),
        ["iptables-save", ..] => CommandOutput::fail(
            2,
            "iptables-save: no options are understood here; iptables -t TABLE -vnL prints counters\n",
        ),
        ["iptables-restore", rest @ ..] => admin::restore(session, netns, rest),
        ["sysctl", rest @ ..] => admin::sysctl(session, netns, rest),
        ["systemctl", rest @ ..] => daemon::systemctl(session, netns, rest),
        ["ip", rest @ ..] => network::ip(session, netns, rest),
        ["bridge", rest @ ..] => network::bridge(session, netns, rest),
        ["conntrack", rest @ ..] => network::conntrack(session, netns, rest),
        ["kubectl", rest @ ..] => kubectl::run(session, (netns, line), rest),
        ["cat", rest @ ..] => {
            let place = resolver_of(session.running(), session.world(), host, netns);
            resolve::cat(session, &place, rest)
        }
        ["hostname", rest @ ..] => network::hostname(session, (netns, host), rest),
        [other, ..] => CommandOutput::fail(
            127,
            format!("bash: {other}: command not found\n  here are: {}\n", COMMANDS.join(", ")),
        ),
    }
}

/// Whether a line changes a namespace or the cluster. Such a line sends nothing.
pub fn changes(line: &str) -> bool {
    let words = split(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ip", "r" | "ro" | "route", "add" | "replace" | "del", ..]
        | ["ip", "r" | "ro" | "route", "flush", "cache"] => true,
        ["ip", "n" | "ne" | "neigh", "add" | "replace" | "del", ..]
        | ["ip", "l" | "li" | "link", "set", ..] => true,
        ["bridge", "fdb", "add" | "append" | "replace" | "del", ..] => true,
        ["iptables", rest @ ..] => rules::changes(rest),
        ["sysctl", rest @ ..] => rest.iter().any(|w| w.contains('=')),
        ["systemctl", "start" | "stop" | "restart", ..]
        | ["kubectl", "apply" | "delete" | "scale", ..] => true,
        ["conntrack", "-F"]
        | ["conntrack", "-D", ..]
        | ["iptables-restore", "<<<", _]
        | ["iptables-restore", "-n" | "--noflush", "<<<", _] => true,
        _ => false,
    }
}

/// The date in the comments of iptables-save; virtual time begins there.
const SAVED_ON: &str = "Sun Jun 10 08:00:00 2018";

/// The probe that a line sends: `curl`, `ping`, or what looks a name up.
///
/// # Errors
/// The output of the tool if it refuses the line, or sends nothing.
pub fn probe(session: &Session, host: &str, line: &str) -> Result<Probe, CommandOutput> {
    let words = split(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["curl", rest @ ..] => curl(host, rest),
        ["ping", rest @ ..] => ping(host, rest),
        ["nslookup" | "dig" | "host" | "getent", ..] => resolve::probe(session, host, &words),
        _ => Err(CommandOutput::fail(127, format!("bash: {line}: sends nothing\n"))),
    }
}

/// The output of the command that sent a probe.
pub fn report(session: &Session, probe: &Probe, sent: Result<&Run, &ProbeError>) -> CommandOutput {
    if let Some(query) = &probe.query {
        return match sent {
            Ok(run) => resolve::report(session, run, probe, query),
            Err(_) if query.tool == Tool::Getent => CommandOutput::fail(2, ""),
            Err(e) => CommandOutput::fail(1, format!("{e}\n")),
        };
    }
    match (probe.proto, sent) {
        (Protocol::Icmp, Ok(run)) => {
            let size = probe.size.unwrap_or(56);
            if let Some(Outcome::Unresolved(why)) = &run.verdict.outcome {
                let why = if why.temporary {
                    "Temporary failure in name resolution"
                } else {
                    "Name or service not known"
                };
                return CommandOutput::fail(2, format!("ping: {}: {why}\n", probe.to));
            }
            let name = canonical(session, run).unwrap_or_else(|| probe.to.clone());
            let addr = run.to.map_or_else(|| probe.to.clone(), |(addr, _)| addr.to_string());
            let mut out =
                format!("PING {name} ({addr}) {size}({}) bytes of data.\n", u32::from(size) + 28);
            network::ping_report(session, run, (probe, &name), &mut out)
        }
        (Protocol::Icmp, Err(_)) => {
            CommandOutput::fail(2, format!("ping: {}: Name or service not known\n", probe.to))
        }
        (_, Ok(run)) => curl_report(session, run, probe),
        (_, Err(e)) => {
            let name = probe.target_name();
            if name.parse::<IpAddr>().is_ok() {
                return CommandOutput::fail(2, format!("curl: {e}\n"));
            }
            let text = format!("curl: (6) Could not resolve host: {name}\n  hint: {}\n", e.hint());
            CommandOutput::fail(6, text)
        }
    }
}

/// The name that a run's lookup found.
fn canonical(session: &Session, run: &Run) -> Option<String> {
    session.events()[run.events.clone()].iter().find_map(|e| match &e.kind {
        EventKind::Resolved { tag, name, .. } if *tag == run.tag => Some(format!("{name:#}")),
        _ => None,
    })
}

fn curl(host: &str, args: &[&str]) -> Result<Probe, CommandOutput> {
    let url = match args.iter().filter(|a| !a.starts_with('-')).collect::<Vec<_>>().as_slice() {
        [url] => **url,
        [] => {
            return Err(CommandOutput::fail(
                2,
                "curl: try 'curl --help' or 'curl --manual' for more information\n",
            ));
        }
        _ => return Err(CommandOutput::fail(2, "curl: one URL at a time is understood here\n")),
    };
    if let Some(option) =
        args.iter().find(|a| a.starts_with('-') && !matches!(**a, "-s" | "-S" | "-sS"))
    {
        return Err(CommandOutput::fail(
            2,
            format!("curl: option {option}: not understood here\n"),
        ));
    }
    if url.contains("://") && !url.starts_with("http://") {
        return Err(CommandOutput::fail(1, "curl: only http:// is simulated\n"));
    }
    let bare = url.trim_start_matches("http://");
    let (bare, path) = bare.split_once('/').unwrap_or((bare, ""));
    let target =
        if bare.rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit())) {
            bare.to_owned()
        } else {
            format!("{bare}:80")
        };
    // curl omits the scheme's default port.
    let authority = target.strip_suffix(":80").unwrap_or(&target).to_owned();
    let target = if path.is_empty() { target } else { format!("http://{target}/{path}") };
    Ok(Probe { host: Some(authority), by_name: true, ..Probe::new(host, &target) })
}

fn curl_report(session: &Session, run: &Run, probe: &Probe) -> CommandOutput {
    let target = probe.to.trim_start_matches("http://");
    let target = target.split('/').next().unwrap_or_default();
    let failed = |why: &str| {
        CommandOutput::fail(7, format!("curl: (7) Failed connect to {target}; {why}\n"))
    };
    match run.verdict.outcome {
        Some(Outcome::Unresolved(_)) => {
            let name = probe.target_name();
            CommandOutput::fail(6, format!("curl: (6) Could not resolve host: {name}\n"))
        }
        Some(Outcome::Answered { .. }) => {
            let mut sockets = session.world().state().netns.iter().flat_map(|n| n.sockets.values());
            let body = sockets.find_map(|s| match &**s {
                Socket::Tcp(t) => match t.app {
                    TcpApp::Client { tag, .. } if tag == run.tag => Some(t.received.clone()),
                    _ => None,
                },
                _ => None,
            });
            let text = body.map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
            CommandOutput::ok(text.split_once("\r\n\r\n").map_or("", |(_, body)| body))
        }
        Some(Outcome::Closed) => CommandOutput::fail(52, "curl: (52) Empty reply from server\n"),
        Some(Outcome::Reset | Outcome::Unreachable { code: 3, .. }) => failed("Connection refused"),
        Some(Outcome::Unreachable { .. }) => failed("No route to host"),
        Some(Outcome::NotSent(_)) => failed("Network is unreachable"),
        Some(Outcome::Killed) => CommandOutput::fail(137, "Killed\n"),
        Some(Outcome::TimedOut | Outcome::Segment { .. }) | None => failed("Connection timed out"),
    }
}

/// The echo requests of `ping` without `-c`; the real one does not stop.
const DEFAULT_PINGS: u16 = 4;

fn ping(host: &str, args: &[&str]) -> Result<Probe, CommandOutput> {
    let mut probe = Probe {
        proto: Protocol::Icmp,
        count: DEFAULT_PINGS,
        by_name: true,
        ..Probe::new(host, "")
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse::<u16>().ok());
        match *arg {
            "-c" => match number() {
                Some(n @ 1..) => probe.count = n.min(MAX_COUNT),
                _ => {
                    return Err(CommandOutput::fail(
                        2,
                        "ping: bad number of packets to transmit.\n",
                    ));
                }
            },
            "-s" => match number() {
                Some(n) if n <= MAX_SIZE => probe.size = Some(n),
                Some(n) => {
                    return Err(CommandOutput::fail(
                        2,
                        format!("ping: packet size {n} is too large. Maximum is {MAX_SIZE}\n"),
                    ));
                }
                None => return Err(CommandOutput::fail(2, "ping: bad packet size.\n")),
            },
            "-M" => match args.next().and_then(|name| Pmtudisc::from_name(name)) {
                Some(setting) => probe.pmtudisc = setting,
                None => {
                    return Err(CommandOutput::fail(
                        2,
                        "ping: wrong value for -M: do, dont, want are valid ones.\n",
                    ));
                }
            },
            "-W" => match number() {
                Some(n @ 1..) => probe.timeout = Some(net::Duration::secs(n.into())),
                _ => return Err(CommandOutput::fail(2, "ping: bad linger time.\n")),
            },
            "-t" => match number().and_then(|n| u8::try_from(n).ok()).filter(|n| *n > 0) {
                Some(n) => probe.ttl = Some(n),
                None => return Err(CommandOutput::fail(2, "ping: bad time to live.\n")),
            },
            name if !name.starts_with('-') => probe.to = name.to_owned(),
            other => {
                return Err(CommandOutput::fail(
                    2,
                    format!("ping: invalid option -- '{}'\n", other.trim_start_matches('-')),
                ));
            }
        }
    }
    Ok(probe)
}

/// Runs every line `HOST$ COMMAND` of a transcript in one session, and returns the new transcript.
/// Other lines, the old output, are skipped.
pub fn transcript(session: &mut Session, input: &str) -> String {
    let mut out = String::new();
    for line in input.lines() {
        let Some((host, command)) = prompt(line) else { continue };
        out.push_str(line.trim_end());
        out.push('\n');
        out.push_str(&exec(session, host, command).text);
    }
    out
}

/// Splits a line `HOST$ COMMAND`.
pub fn prompt(line: &str) -> Option<(&str, &str)> {
    let (host, command) = line.split_once('$')?;
    let host = host.trim();
    let named = !host.is_empty() && !host.contains(char::is_whitespace);
    named.then(|| (host, command.trim()))
}

//! The simulator against the kernel this runs on: builds sessions from network namespaces, plays
//! them there, and compares frames, rule counters, connections and what the clients got.
//!
//! Needs root on Linux. Without, it says so and compares with the committed recordings.

mod coverage;
mod generate;
mod observe;

use coverage::Coverage;
use observe::{Observation, masked, nodes, observe};
use play::script::{Done, Outcome, PlayError, Script};
use net::event::EventKind;
use net::wire::{Body, Payload, TcpFlags};
use net::{Duration, Instant};
use play::{Action, Session, record};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use support::difference;
use support::kernel::{by_device, near, settled};

const USAGE: &str = "usage: cargo xtask kernel [--random N] [--seed S] [FILE…]

  --random N   so many random sessions beside the suite; 30 if not given
  --seed S     the first random session; each of the next has the next number
  FILE         documents with a Script, instead of suite and random sessions";

struct Options {
    random: u64,
    seed: u64,
    files: Vec<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut o = Options { random: 30, seed: 1, files: Vec::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|n| n.parse().ok()).ok_or(format!("{arg} needs a number behind it\n\n{USAGE}"));
        match arg.as_str() {
            "--random" => o.random = number()?,
            "--seed" => o.seed = number()?,
            "-h" | "--help" => return Err(USAGE.to_owned()),
            other if other.starts_with('-') => return Err(format!("{other} is not understood\n\n{USAGE}")),
            file => o.files.push(file.into()),
        }
    }
    Ok(o)
}

fn main() -> ExitCode {
    let o = match options() {
        Ok(o) => o,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let dir = std::env::temp_dir().join(format!("packetwalk-kernel-{}", std::process::id()));
    if let Err(e) = std::fs::create_dir_all(&dir) {
        eprintln!("{}: {e}", dir.display());
        return ExitCode::FAILURE;
    }
    let ok = compare_all(&o, &dir);
    if ok {
        let _ = std::fs::remove_dir_all(&dir);
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

fn compare_all(o: &Options, dir: &Path) -> bool {
    let mut sessions: Vec<(String, String)> = Vec::new();
    for file in &o.files {
        sessions.push((file.display().to_string(), support::read(file)));
    }
    if o.files.is_empty() {
        sessions.extend((o.seed..o.seed + o.random).map(|seed| (format!("random session, seed {seed}"), generate::session(seed))));
    }
    let mut coverage = Coverage::default();
    let (mut compared, mut failed, mut items) = (0, 0, 0);
    for (name, document) in &sessions {
        match compare(document, dir, &mut coverage) {
            Ok((n, wrong)) if wrong.is_empty() => {
                compared += 1;
                items += n;
            }
            Ok((n, wrong)) => {
                compared += 1;
                items += n;
                failed += 1;
                let kept = dir.join(format!("{failed}.yaml"));
                let _ = std::fs::write(&kept, document);
                println!("== {name}: differs; its document is {}", kept.display());
                for w in wrong {
                    println!("{w}");
                }
            }
            Err(why) => {
                failed += 1;
                let kept = dir.join(format!("{failed}.yaml"));
                let _ = std::fs::write(&kept, document);
                println!("== {name}: {why}\n  its document is {}", kept.display());
            }
        }
    }
    println!("{coverage}");
    println!("{compared} sessions were compared with the kernel in {items} items, {failed} differ");
    failed == 0 && compared > 0 && items > 0
}

/// Plays a document here and on the kernel: how many items were compared, and what differs.
fn compare(document: &str, dir: &Path, coverage: &mut Coverage) -> Result<(usize, Vec<String>), String> {
    let (script, diags) = Script::read(document);
    let script = script.ok_or_else(|| format!("it has no Script: {diags:?}"))?;
    let (session, done) = steady(document, script)?;
    coverage.add(&session, &done);
    let seen = observe(&session, &done, dir)?;
    Ok(differences(&session, &done, &seen))
}

/// Plays a script so that no step begins or ends while a timer is about to run out: a real kernel's
/// timers are some milliseconds late.
fn steady(document: &str, mut script: Script) -> Result<(Session, Vec<Done>), String> {
    loop {
        let (session, done) = script.play(document).map_err(|e| match e {
            PlayError::Document(d) => d[0].to_string(),
            PlayError::Step(n, e) => format!("step {n}: {e}"),
        })?;
        let ends = done.iter().skip(1).map(|d| d.at).chain([session.world().now()]);
        let timers = timers(&session);
        let close = |end: Instant| timers.iter().any(|t| *t < end + Duration::millis(30) && end < *t + Duration::millis(80));
        let late = ends.zip(&done).position(|(end, d)| matches!(d.action, Action::Send(_)) && close(end));
        let Some(Action::Send(probe)) = late.and_then(|i| script.steps.get_mut(i)) else { return Ok((session, done)) };
        probe.settle = Some(Duration(probe.settle.unwrap_or_default().0 + Duration::millis(50).0));
    }
}

/// When something may be sent again: whole seconds after every SYN and every question of ARP.
fn timers(session: &Session) -> BTreeSet<Instant> {
    let asks = |e: &net::Event| match &e.kind {
        EventKind::PacketMade { packet } => matches!(&packet.body, Body::Tcp(t) if t.flags.has(TcpFlags::SYN)),
        EventKind::FrameSent { frame, .. } => matches!(frame.payload, Payload::Arp(_)),
        _ => false,
    };
    let at = session.events().iter().filter(|e| asks(e)).map(|e| e.at);
    at.flat_map(|t| [1, 2, 3, 4, 5].map(|n| t + Duration::secs(n))).collect()
}

fn results(session: &Session, done: &[Done]) -> Vec<String> {
    let mut out = Vec::new();
    for (d, n) in done.iter().zip(1..) {
        match (&d.action, &d.result) {
            (Action::Send(probe), Outcome::Run(run)) => {
                out.extend(record::results(session, probe, run, &str::to_owned).iter().map(|l| format!("step {n}: {l}")));
            }
            (Action::Shell { host, line }, Outcome::Output(o)) if o.status != 0 => {
                out.push(format!("step {n}: {host}$ {line}: {}", o.text.trim()));
            }
            _ => {}
        }
    }
    out
}

/// Ports that are not chance.
fn known_ports(session: &Session, done: &[Done]) -> Vec<u16> {
    let mut out = vec![53, 80, 81, 443, 6443, 8472, 5300, 8000, 30099];
    for p in session.cluster().services.iter().flat_map(|s| &s.ports) {
        out.extend([Some(p.port), p.node_port].into_iter().flatten());
        out.extend(p.endpoints.iter().map(|e| e.1));
    }
    out.extend(done.iter().filter_map(|d| if let Action::Send(p) = &d.action { p.sport } else { None }));
    out
}

fn differences(session: &Session, done: &[Done], seen: &Observation) -> (usize, Vec<String>) {
    let (state, events) = (session.world().state(), session.events());
    let known = known_ports(session, done);
    let ports = |lines: &[String]| masked(lines, &known);
    let mut out = Vec::new();
    let mut items = 0;
    let mut check = |what: &str, kernel: Vec<String>, ours: Vec<String>| {
        items += kernel.len();
        out.extend(difference(what, &kernel, &ours));
    };
    check("results", ports(&seen.results), ports(&results(session, done)));
    let ours = record::frames(state, events);
    check("frames", by_device(&ports(&seen.frames)), by_device(&ports(&ours)));
    for node in nodes(session) {
        let mut counters: Vec<String> = record::counter_lines(state.ns_named(&node).expect("a node").1);
        let mut kernel = seen.counters.get(&node).cloned().unwrap_or_default();
        counters.sort();
        kernel.sort();
        check(&format!("counters of {node}"), kernel, counters);
        let kernel = settled(ports(seen.conntrack.get(&node).map_or(&[][..], Vec::as_slice)));
        let ours: Vec<_> = record::conntrack(state, &node).iter().map(|l| l[..l.rfind(" use=").unwrap_or(l.len())].to_owned()).collect();
        let ours = settled(ports(&ours));
        check(&format!("conntrack of {node}"), near(&kernel, &ours), ours);
    }
    (items, out)
}

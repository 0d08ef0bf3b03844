//! Compares the simulator with the running kernel: builds sessions from network namespaces, plays
//! them there, and compares frames, rule counters, connections and the clients' results.
//!
//! Needs root on Linux.

mod coverage;
mod generate;
mod observe;
mod releases;

use coverage::Coverage;
use net::event::EventKind;
use net::wire::{Body, Icmp, Payload, TcpFlags};
use net::{DropReason, Duration, Instant};
use observe::{Observation, masked, nodes, observe};
use play::{Act, Anchor, Script, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use support::difference;
use support::kernel::{by_device, near, settled};
use support::record;
use support::scenario::{ALL, Embedded, Scenario};

const USAGE: &str = "usage: cargo xtask kernel [--random N] [--seed S] [FILE…]

  --random N   play N random sessions after the suite (default: 30)
  --seed S     the seed of the first random session; each next one has the next seed (default: 1)
  FILE         play the Scripts of these documents instead of the suite and random sessions";

struct Options {
    random: u64,
    seed: u64,
    files: Vec<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut o = Options { random: 30, seed: 1, files: Vec::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || {
            args.next()
                .and_then(|n| n.parse().ok())
                .ok_or(format!("{arg} requires a number\n\n{USAGE}"))
        };
        match arg.as_str() {
            "--random" => o.random = number()?,
            "--seed" => o.seed = number()?,
            "-h" | "--help" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            other if other.starts_with('-') => {
                return Err(format!("unknown option {other}\n\n{USAGE}"));
            }
            file => o.files.push(file.into()),
        }
    }
    Ok(o)
}

/// A session to compare, by its source.
enum Work {
    File(PathBuf),
    Scenario(&'static Embedded),
    /// A Kubernetes release and a shape of Services, as indices into `releases`, and a seed.
    Release(usize, usize, u64),
    Random(u64),
    /// Changing Services and pods under a Kubernetes release, an index into `releases`.
    Rollout(usize),
    /// A document of [`CASES`].
    Case(&'static str, &'static str),
}

/// Documents of our own that are compared on every run.
const CASES: &[(&str, &str)] = &[
    // Names and comments that a shell would execute if they were not quoted.
    ("hostile names", include_str!("hostile.yaml")),
    ("a port refuses a request", include_str!("port-refuses-request.yaml")),
    ("a port loses a request", include_str!("port-loses-request.yaml")),
    ("a rule resets a connection", include_str!("reset-by-rule.yaml")),
    ("an error about a fragment", include_str!("error-about-fragment.yaml")),
    ("names", include_str!("names.yaml")),
    ("segments and routers", include_str!("segments.yaml")),
    ("several interfaces", include_str!("interfaces.yaml")),
    ("layer2", include_str!("layer2.yaml")),
    ("servicelb", include_str!("servicelb.yaml")),
    ("external", include_str!("external.yaml")),
    ("external, with changes", include_str!("external-changes.yaml")),
    ("a file of every step for a kernel", include_str!("../../suite/sessions/for-a-kernel.yaml")),
];

/// A file that `hostile.yaml` tries to create; it must not appear.
const TRAP: &str = "/tmp/packetwalk-was-here";

impl Work {
    fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Scenario(s) => s.name.to_owned(),
            Self::Release(release, shape, _) => releases::name(*release, *shape),
            Self::Random(seed) => format!("--random 1 --seed {seed}"),
            Self::Rollout(release) => format!("1.{} rollout", releases::MINORS[*release]),
            Self::Case(name, _) => (*name).to_owned(),
        }
    }

    /// The document and its Script.
    fn load(&self) -> Result<(String, Script), String> {
        let document = match self {
            Self::File(path) => std::fs::read_to_string(path).map_err(|e| e.to_string())?,
            Self::Scenario(s) => {
                return Ok(Scenario::parse(s.name, s.scenario).script(s.name, s.manifests));
            }
            Self::Random(seed) => return fair(&|attempt| generate::session(*seed, attempt)),
            Self::Release(release, shape, seed) => {
                return fair(&|attempt| {
                    releases::session(*release, *shape, seed + (attempt << 16))
                });
            }
            Self::Rollout(release) => include_str!("rollout.yaml")
                .replace("VERSION", &format!("1.{}", releases::MINORS[*release])),
            Self::Case(_, document) => (*document).to_owned(),
        };
        parse(document)
    }
}

/// The first of the drawn sessions that does not depend on a race between timers of the kernel.
fn fair(draw: &dyn Fn(u64) -> String) -> Result<(String, Script), String> {
    let mut drawn = (0..).map(|attempt| parse(draw(attempt)));
    let fair = |(d, s): &(String, Script)| {
        steady(d, s.clone()).is_ok_and(|session| !is_race(&session) && !is_beyond(&session))
    };
    drawn.find(|d| d.as_ref().map_or(true, fair)).expect("invariant: the iterator is endless")
}

/// A document with its Script.
fn parse(document: String) -> Result<(String, Script), String> {
    let (script, diags) = Script::read(&document);
    let told = || diags.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    script.map(|s| (document, s)).ok_or_else(|| format!("it has no Script {}", told()))
}

fn main() -> ExitCode {
    let o = match options() {
        Ok(o) => o,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let mut work: Vec<Work> = o.files.into_iter().map(Work::File).collect();
    if work.is_empty() {
        work.extend(ALL.iter().map(Work::Scenario));
        work.extend(CASES.iter().map(|(name, document)| Work::Case(name, document)));
        work.extend((o.seed..o.seed + o.random).map(Work::Random));
        let (releases, shapes) = (releases::MINORS.len(), releases::SHAPES.len());
        work.extend((0..releases).map(Work::Rollout));
        work.extend(
            (0..releases).flat_map(|r| (0..shapes).map(move |s| Work::Release(r, s, o.seed))),
        );
        println!(
            "comparing the suite, documents of our own, {} random sessions from seed {}, \
             and {shapes} shapes of Services and a rollout under {releases} Kubernetes releases",
            o.random, o.seed
        );
    }
    let _ = std::fs::remove_file(TRAP);
    // Root runs scripts from this folder: it must be new and accessible to root only.
    let dir = std::env::temp_dir().join(format!("packetwalk-kernel-{}", std::process::id()));
    match std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .map_err(|e| format!("{}: {e}", dir.display()))
        .and_then(|()| compare_all(work, &dir))
    {
        Ok(()) => {
            let _ = std::fs::remove_dir_all(&dir);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The counts of one worker.
#[derive(Default)]
struct Tally {
    compared: usize,
    failed: usize,
    items: usize,
    /// Sessions that agreed only when they were played again, or in which two flows share a VXLAN
    /// source port on one side only.
    unsteady: Vec<String>,
    coverage: Coverage,
}

/// Compares everything, with a worker on each CPU. A lab is bound to one CPU, because there the
/// kernel works in a fixed order.
fn compare_all(work: Vec<Work>, dir: &Path) -> Result<(), String> {
    let random = work.iter().filter(|w| matches!(w, Work::Random(_))).count();
    let queue = Mutex::new(work.into_iter());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(4);
    let mut total = Tally::default();
    std::thread::scope(|scope| {
        let one = |cpu: usize| {
            let queue = &queue;
            scope.spawn(move || {
                let mut tally = Tally::default();
                loop {
                    let Some(w) = queue.lock().ok().and_then(|mut q| q.next()) else {
                        return tally;
                    };
                    compare(&w, cpu, dir, &mut tally);
                }
            })
        };
        let running: Vec<_> = (0..workers).map(one).collect();
        for worker in running {
            // A panic has already printed its cause.
            let t = worker.join().unwrap_or_else(|_| Tally { failed: 1, ..Tally::default() });
            total.compared += t.compared;
            total.failed += t.failed;
            total.items += t.items;
            total.unsteady.extend(t.unsteady);
            total.coverage.join(t.coverage);
        }
    });
    println!("{}", total.coverage);
    println!(
        "{} sessions were compared with the kernel, {} items; {} sessions differ",
        total.compared, total.items, total.failed
    );
    if !total.unsteady.is_empty() {
        println!(
            "these sessions agreed only in the second run, or but for a VXLAN source port that two \
             flows share by chance: {}",
            total.unsteady.join(", ")
        );
    }
    if total.unsteady.len() > 2 + random / 100 {
        return Err("too many sessions agreed only in the second run or but for chance".to_owned());
    }
    if total.compared == 0 || total.items == 0 {
        return Err("nothing was compared".to_owned());
    }
    let missed = total.coverage.groups_missed();
    if random >= 30 && (!missed.is_empty() || total.coverage.failures_percent() < 30) {
        return Err(format!("the random sessions cover too little; missed: {missed:?}"));
    }
    if total.failed > 0 {
        return Err(format!("the documents of the sessions that differ are in {}", dir.display()));
    }
    Ok(())
}

/// Compares one session and prints the differences. A kernel is not deterministic: a session that
/// differs is played again, and counted separately if it agrees then.
fn compare(w: &Work, cpu: usize, dir: &Path, tally: &mut Tally) {
    let (name, own) = (w.name(), dir.join(cpu.to_string()));
    let played = w.load().and_then(|(document, script)| {
        std::fs::create_dir_all(&own).map_err(|e| e.to_string())?;
        let _ = std::fs::write(own.join("session.yaml"), &document);
        steady(&document, script)
    });
    if let Ok(session) = &played {
        tally.coverage.add(session);
    }
    let once = || {
        let session = played.as_ref().map_err(Clone::clone)?;
        let seen = observe(session, cpu, &own)?;
        if Path::new(TRAP).exists() {
            return Err(format!("a shell executed a name: {TRAP} exists"));
        }
        let (mut items, mut wrong) = differences(session, &seen);
        if matches!(w, Work::Release(..)) {
            let (lines, differ) = releases::printed(session, &own)?;
            items += lines;
            wrong.extend(differ);
        }
        // Frames and results are the same then, and what a release prints.
        let tables = |w: &String| w.starts_with("counters of ") || w.starts_with("conntrack of ");
        let by_chance =
            !wrong.is_empty() && wrong.iter().all(tables) && is_port_collision(session, &seen);
        Ok((items, wrong, by_chance))
    };
    let found = || once().unwrap_or_else(|why: String| (0, vec![why], false));
    let (mut items, mut wrong, mut by_chance) = found();
    if !wrong.is_empty() {
        (items, wrong, by_chance) = found();
        if wrong.is_empty() || by_chance {
            tally.unsteady.push(name.clone());
        }
    }
    tally.items += items;
    tally.compared += usize::from(items > 0);
    if wrong.is_empty() || by_chance {
        return;
    }
    tally.failed += 1;
    let kept = dir.join(name.replace(['/', ' '], "-"));
    let _ = std::fs::rename(&own, &kept);
    println!("== {name} differs; see {}\n{}", kept.display(), wrong.join("\n"));
}

/// Plays a script so that no step begins or ends shortly before or after a timer expires: timers of
/// a real kernel are late, those of one second by up to 80 ms.
fn steady(document: &str, mut script: Script) -> Result<Session, String> {
    loop {
        let session = script.play(document).map_err(|d| d[0].to_string())?;
        let quiet: Vec<usize> =
            (0..script.steps.len()).filter(|i| script.steps[*i].anchor == Anchor::Quiet).collect();
        let ends = quiet.iter().skip(1).map(|i| session.results()[*i].at);
        let ends = ends.chain([session.world().now()]);
        let timers = timers(&session);
        let close = |end: Instant| {
            timers
                .iter()
                .any(|t| *t < end + Duration::millis(30) && end < *t + Duration::millis(150))
        };
        let sends = |i: usize| matches!(script.steps[i].act, Act::Send(_));
        let late = ends.zip(&quiet).find(|(end, i)| sends(**i) && close(*end)).map(|(_, i)| *i);
        let Some(Act::Send(probe)) = late.map(|i| &mut script.steps[i].act) else {
            return Ok(session);
        };
        probe.settle = Some(Duration(probe.settle.unwrap_or_default().0 + Duration::millis(50).0));
    }
}

/// Whether the result depends on which of two kernel timers expires first: a neighbour entry fails
/// while a packet is sent to it, or client and server retransmit at the same time.
fn is_race(session: &Session) -> bool {
    let margin = Duration::millis(60);
    let close = |a: Instant, b: Instant| a < b + margin && b < a + margin;
    let (mut asked, mut opened, mut lost) =
        (Vec::new(), BTreeMap::<_, Vec<Instant>>::new(), Vec::new());
    for e in session.events() {
        match &e.kind {
            EventKind::Dropped { reason: DropReason::NeighFailed, .. } => lost.push(e.at),
            EventKind::PacketMade { packet } => match &packet.body {
                Body::Tcp(t) if t.flags.has(TcpFlags::SYN) && t.flags.has(TcpFlags::ACK) => {
                    opened
                        .entry((packet.src, packet.dst, t.sport, t.dport))
                        .or_default()
                        .push(e.at);
                }
                Body::Tcp(t) if t.flags.has(TcpFlags::SYN) => asked.push(e.at),
                Body::Icmp(Icmp::Echo { .. }) => asked.push(e.at),
                _ => {}
            },
            _ => {}
        }
    }
    let again: Vec<Instant> =
        opened.into_values().flat_map(|times| times.into_iter().skip(1)).collect();
    let meet = |some: &[Instant], others: &[Instant]| {
        some.iter().any(|a| others.iter().any(|b| close(*a, *b)))
    };
    meet(&lost, &asked) || meet(&lost, &again) || meet(&again, &asked)
}

/// Whether several TCP segments in flight exceed the path MTU: a kernel reports each, and
/// retransmits them one by one, which the simulator does not do yet.
fn is_beyond(session: &Session) -> bool {
    let large = session.events().iter().filter_map(|e| match &e.kind {
        EventKind::PacketMade { packet }
            if matches!(packet.body, Body::Tcp(_)) && packet.len() > 1500 =>
        {
            e.packet
        }
        _ => None,
    });
    let large: BTreeSet<_> = large.collect();
    let lost =
        |e: &net::Event| matches!(e.kind, EventKind::Dropped { reason: DropReason::PktTooBig, .. });
    session.events().iter().any(|e| lost(e) && e.packet.is_some_and(|p| large.contains(&p)))
}

/// When retransmissions may occur: whole seconds after every SYN and every ARP frame, when a
/// segment was sent again, and when it will be after the end. (The kernel's tables are read some
/// 100 ms after the end.)
fn timers(session: &Session) -> BTreeSet<Instant> {
    let asks = |e: &net::Event| match &e.kind {
        EventKind::PacketMade { packet } => {
            matches!(&packet.body, Body::Tcp(t) if t.flags.has(TcpFlags::SYN))
        }
        EventKind::FrameSent { frame, .. } => matches!(frame.payload, Payload::Arp(_)),
        _ => false,
    };
    let events = session.events();
    let again = events.iter().filter(|e| matches!(e.kind, EventKind::Retransmitted { .. }));
    let asked = events.iter().filter(|e| asks(e)).map(|e| e.at);
    let seconds = asked.flat_map(|t| [1, 2, 3, 4, 5].map(|n| t + Duration::secs(n)));
    let mut out: BTreeSet<Instant> = seconds.chain(again.map(|e| e.at)).collect();
    let mut world = session.world().clone();
    let (end, known) = (world.now(), world.events().len());
    world.run_to(usize::MAX, end + Duration::millis(120));
    let soon = world.events()[known..].iter();
    out.extend(soon.filter(|e| matches!(e.kind, EventKind::Retransmitted { .. })).map(|_| end));
    out
}

fn results(session: &Session) -> Vec<String> {
    let mut out = Vec::new();
    for (result, n) in session.results().iter().zip(1..) {
        if let Some((probe, run)) = result.sent() {
            out.extend(
                record::results(session, probe, run, &str::to_owned)
                    .iter()
                    .map(|l| format!("step {n}: {l}")),
            );
        }
    }
    out
}

/// The ports that are not random.
fn known_ports(session: &Session) -> Vec<u16> {
    let mut out = vec![53, 80, 81, 443, 6443, 8472, 5300, 8000, 30099];
    for p in session.cluster().services.iter().flat_map(|s| &s.ports) {
        out.extend([Some(p.port), p.node_port].into_iter().flatten());
        out.extend(p.endpoints.iter().map(|e| e.port));
    }
    let sport = |s: &play::Step| if let Act::Send(p) = &s.act { p.sport } else { None };
    out.extend(session.steps().iter().filter_map(sport));
    out
}

/// Whether two flows share the source port of their VXLAN packets on one side only: both draw it
/// from a hash of the flow, so that the outer connections of a node differ by chance.
fn is_port_collision(session: &Session, seen: &Observation) -> bool {
    let outer = |lines: &[String]| lines.iter().filter(|l| l.contains("dport=8472 ")).count();
    nodes(session).iter().any(|node| {
        let kernel = seen.conntrack.get(node).map_or(0, |lines| outer(lines));
        kernel != outer(&record::conntrack(session.world().state(), node))
    })
}

/// The differences between the simulation and the kernel, and the number of compared lines.
fn differences(session: &Session, seen: &Observation) -> (usize, Vec<String>) {
    let (state, events) = (session.world().state(), session.events());
    let known = known_ports(session);
    let ports = |lines: &[String]| masked(lines, &known);
    let mut out = Vec::new();
    let mut items = 0;
    let mut check = |what: &str, kernel: Vec<String>, ours: Vec<String>| {
        items += kernel.len();
        out.extend(difference(what, &kernel, &ours));
    };
    check("results", ports(&seen.results), ports(&results(session)));
    let ours = record::frames(state, events);
    check("frames", by_device(&ports(&seen.frames)), by_device(&ports(&ours)));
    for node in nodes(session) {
        let mut counters: Vec<String> =
            record::counter_lines(state.ns_named(&node).expect("a node").1);
        let mut kernel = seen.counters.get(&node).cloned().unwrap_or_default();
        counters.sort();
        kernel.sort();
        check(&format!("counters of {node}"), kernel, counters);
        let kernel = settled(ports(seen.conntrack.get(&node).map_or(&[][..], Vec::as_slice)));
        let ours: Vec<_> = record::conntrack(state, &node)
            .iter()
            .map(|l| l[..l.rfind(" use=").unwrap_or(l.len())].to_owned())
            .collect();
        let ours = settled(ports(&ours));
        check(&format!("conntrack of {node}"), near(&kernel, &ours), ours);
    }
    (items, out)
}

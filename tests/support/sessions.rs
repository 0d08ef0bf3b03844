//! Random sessions: from a number, the same on every machine. They are checked natively and in a
//! browser.

use net::engine::PacketOp;
use net::rng::Rng;
use net::socket::Pmtudisc;
use net::{Duration, Instant};
use play::presets::Preset;
use play::script::check;
use play::{Act, Anchor, NotDone, Probe, Protocol, ResultKind, Script, Session, Start, Step};
use std::collections::BTreeMap;

/// How often each kind of step and anchor was played, and what came of it.
#[derive(Debug, Default)]
pub struct Tally(pub BTreeMap<&'static str, usize>);

impl Tally {
    fn add(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    fn add_step(&mut self, step: &Step, result: &ResultKind) {
        self.add(match (&step.act, result) {
            (_, ResultKind::NotDone(NotDone::NotReached)) => "not reached",
            (_, ResultKind::NotDone(NotDone::TooLate)) => "too late",
            (_, ResultKind::NotDone(NotDone::NotInFlight)) => "not in flight",
            (_, ResultKind::NotDone(NotDone::Queued)) => "queued",
            (_, ResultKind::Invalid(_)) => "refused",
            (Act::Send(p), _) if p.proto == Protocol::Tcp => "send tcp",
            (Act::Send(p), _) if p.proto == Protocol::Udp => "send udp",
            (Act::Send(_), _) => "send icmp",
            (Act::Run { .. }, _) => "run",
            (Act::Apply(_), _) => "apply",
            (Act::Packet(PacketOp::Drop), _) => "drop",
            (Act::Packet(PacketOp::Delay(_)), _) => "delay",
            (Act::Packet(PacketOp::Duplicate), _) => "duplicate",
        });
        if let ResultKind::NotDone(_) | ResultKind::Invalid(_) = result {
            return;
        }
        self.add(match &step.anchor {
            Anchor::Quiet => "at quiescence",
            Anchor::At(_) => "at a time",
            Anchor::After { .. } => "at a time after a probe",
            Anchor::Event(e) if e.packet.is_none() => "at an event",
            Anchor::Event(_) => "at an event of a packet",
        });
    }
}

/// The hashes of the first sessions, a line each.
pub const HASHES: &str = include_str!("../suite/sessions/hashes.txt");

/// Every kind of step and anchor that must be played.
pub const KINDS: [&str; 13] = [
    "send tcp",
    "send udp",
    "send icmp",
    "run",
    "apply",
    "drop",
    "delay",
    "duplicate",
    "at quiescence",
    "at a time",
    "at a time after a probe",
    "at an event",
    "at an event of a packet",
];

/// The document of a number, and its Script.
pub fn session(seed: u64) -> (String, Script) {
    let mut r = Rng::new(seed);
    let preset = ["article-nodeport", "article-clusterip"][r.below(2) as usize];
    let document = Preset::named(preset).expect("preset").document();
    let start = [Start::Cold, Start::Known, Start::Used][r.below(3) as usize];
    let mut script = Script { seed: r.below(1 << 40), start, steps: Vec::new() };
    for _ in 0..2 + r.below(2) {
        script.steps.push(Step::new(Anchor::Quiet, quiet(&mut r)));
        let played = script.play(&document).expect("valid");
        let first = played.results().last().map_or(0, |r| r.events.start);
        for _ in 0..r.below(4) {
            let step = anchored(&mut r, &played, first);
            script.steps.extend(step);
        }
    }
    (document, script)
}

/// Checks the session of a number: its text says the same, it is played the same each time, and
/// after an edit of the document every step is done or reported. Gives the hash of its events.
///
/// # Panics
/// If any of that is not so.
pub fn check_session(seed: u64, tally: &mut Tally) -> u64 {
    let (document, script) = session(seed);
    let text = script.to_string();
    let (read, diags) = Script::read(&text);
    assert!(diags.is_empty(), "seed {seed}: {}\n{text}", diags[0]);
    assert_eq!(read.as_ref(), Some(&script), "seed {seed}\n{text}");
    assert_eq!(read.map(|s| s.to_string()), Some(text.clone()), "seed {seed}");
    let file = script.put(&document);
    let taken = Script::take(&file).expect("without errors");
    assert_eq!(taken, (Some(script.clone()), document.clone()), "seed {seed}\n{file}");
    assert!(file.starts_with(&document), "seed {seed}");

    let played = script.play(&document).expect("valid");
    let again = script.play(&file).expect("valid");
    let hash = net::encoding::hash(played.events());
    assert_eq!(hash, net::encoding::hash(again.events()), "seed {seed}\n{text}");
    assert_eq!(played.results(), again.results(), "seed {seed}\n{text}");
    let n = played.events().len();
    for event in (0..n).step_by(1 + n / 40) {
        let name = played.name(event).expect("a name");
        assert_eq!(played.find(&name), Some(event), "seed {seed}: {name:?}");
    }
    for (step, result) in played.steps().iter().zip(played.results()) {
        tally.add_step(step, &result.kind);
    }

    let mut r = Rng::new(seed ^ 0xed17);
    let other = edited(&mut r, &document);
    if let Ok(session) = script.play(&other) {
        assert_eq!(session.results().len(), script.steps.len());
        let mut of_edit = Tally::default();
        for (step, result) in session.steps().iter().zip(session.results()) {
            of_edit.add_step(step, &result.kind);
        }
        tally.add("played after an edit");
        // What is reported is what `check` says.
        let lost = session.results().iter().filter(|r| !r.is_done()).count();
        let said = check(&script.put(&other));
        let is_lost = |d: &&kube::Diagnostic| {
            d.severity == kube::Severity::Error || d.message.contains(": not done: ")
        };
        let said = said.iter().filter(is_lost);
        assert_eq!(said.count(), lost, "seed {seed}");
    }
    hash
}

fn pick<'t>(r: &mut Rng, of: &[&'t str]) -> &'t str {
    of[r.below(of.len() as u64) as usize]
}

fn time(r: &mut Rng) -> Duration {
    Duration([1_000, 1_000_000, 1_000_000_000][r.below(3) as usize] * (1 + r.below(2_000)))
}

fn maybe<T>(r: &mut Rng, value: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    (r.below(4) == 0).then(|| value(r))
}

fn probe(r: &mut Rng) -> Probe {
    let from = pick(r, &["bastion", "node01", "node02", "master01", "deploy/centos-deployment"]);
    let (proto, to) = match r.below(3) {
        0 => (Protocol::Udp, pick(r, &["10.1.0.10:53", "10.1.5.4:53", "192.168.120.227:7"])),
        1 => (Protocol::Icmp, pick(r, &["10.1.6.5", "192.168.120.227", "10.1.2.120", "1.2.3.4"])),
        _ => (
            Protocol::Tcp,
            pick(r, &["192.168.120.226:30080", "10.1.6.5:80", "svc/nginx-service", "10.1.5.4:81"]),
        ),
    };
    let mut p = Probe { proto, ..Probe::new(from, to) };
    p.sport = maybe(r, |r| 40_000 + r.below(500) as u16);
    p.timeout = Some(Duration::millis(200 + r.below(1_500)));
    p.settle = maybe(r, |r| Duration::millis(r.below(300)));
    p.size = maybe(r, |r| r.below(3_000) as u16);
    match proto {
        Protocol::Tcp => {
            p.pause = maybe(r, |r| time(r).min(Duration::secs(2))).unwrap_or_default();
            p.host = maybe(r, |_| "a: b\\ \"#'\u{7f}二".to_owned());
        }
        Protocol::Udp => {
            p.count = 1 + r.below(3) as u16;
            p.checksum = r.below(4) > 0;
        }
        Protocol::Icmp => {
            p.count = 1 + r.below(3) as u16;
            p.interval = Duration::millis(100 + r.below(1_000));
            p.ttl = maybe(r, |r| 1 + r.below(64) as u8);
            p.seq = 1 + r.below(3) as u16;
            p.pmtudisc = [Pmtudisc::Want, Pmtudisc::Do, Pmtudisc::Dont][r.below(3) as usize];
        }
    }
    p
}

fn quiet(r: &mut Rng) -> Act {
    match r.below(6) {
        0 => run(r),
        1 => apply(r),
        _ => Act::Send(probe(r)),
    }
}

fn run(r: &mut Rng) -> Act {
    let line = pick(
        r,
        &[
            "conntrack -F",
            "ip route del 10.1.6.0/24",
            "ip route add 10.9.9.0/24 via 192.168.120.227",
            "ip neigh del 192.168.120.227 dev ens192",
            "sysctl -w net.ipv4.ip_forward=0",
            "ip link set ens192 mtu 1400",
            "kubectl scale deploy nginx-deployment --replicas=3",
            "kubectl delete svc nginx-service",
            "systemctl restart kube-proxy",
            "conntrack -L",
            "no such command: \"x\" # 'y'",
            "iptables-restore -n <<< '*nat\n-A PREROUTING -j MARK --set-xmark 0x1/0x1\nCOMMIT\n'",
            "ping -c 1 10.1.5.4",
            " leading and trailing ",
            "",
        ],
    );
    let host = pick(r, &["node01", "node02", "master01"]);
    Act::Run { host: host.to_owned(), line: line.to_owned() }
}

fn apply(r: &mut Rng) -> Act {
    let port = 82 + r.below(3);
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: other\nspec:\n  selector: {{app: nginx}}\n  \
        ports:\n  # a comment\n  - {{port: {port}, targetPort: 80}}\n"
    );
    Act::Apply(match r.below(5) {
        0 => "no: [manifest".to_owned(),
        1 => service.trim_end().to_owned(),
        2 => format!("\n{service}\n\n"),
        3 => service.replace("# a comment", "# tab\t, bell \u{7}, 終わり  "),
        _ => service,
    })
}

/// A step in the group that was played last, whose first event is `first`.
fn anchored(r: &mut Rng, played: &Session, first: usize) -> Option<Step> {
    let sent = played.steps().iter().filter(|s| s.sends()).count() as u32;
    let events = first..played.events().len();
    let some =
        (!events.is_empty()).then(|| events.start + r.below(events.len().min(400) as u64) as usize);
    let anchor = match r.below(6) {
        0 => Anchor::At(Instant(played.world().now().0.saturating_sub(r.below(1_000_000_000)))),
        1 if sent > 0 => {
            Anchor::After { probe: 1 + r.below(u64::from(sent)) as u32, after: time(r) }
        }
        2 => {
            let mut name = played.name(some?)?;
            name.occurrence += r.below(3) as u32;
            Anchor::Event(name)
        }
        _ => Anchor::Event(played.name(some?)?),
    };
    let of_packet = matches!(&anchor, Anchor::Event(_)) && r.below(4) > 0;
    let act = match r.below(7) {
        _ if of_packet => Act::Packet(match r.below(3) {
            0 => PacketOp::Drop,
            1 => PacketOp::Duplicate,
            _ => PacketOp::Delay(time(r).min(Duration::secs(3))),
        }),
        0..2 => Act::Send(probe(r)),
        2 => apply(r),
        _ => run(r),
    };
    Some(Step::new(anchor, act))
}

/// A document with one thing changed, removed or broken.
fn edited(r: &mut Rng, document: &str) -> String {
    let edits = [
        ("app: nginx", "app: none"),
        ("replicas: 4", "replicas: 1"),
        ("replicas: 4", "replicas: 7"),
        ("nodePort: 30080", "nodePort: 30081"),
        ("targetPort: 80", "targetPort: 81"),
        ("containerPort: 80", "containerPort: 8080"),
        ("version: \"1.10\"", "version: \"1.30\""),
        ("name: node02", "name: node03"),
        ("name: bastion", "name: jump"),
        ("10.1.4.0/22", "10.1.4.0/21"),
    ];
    let (from, to) = edits[r.below(edits.len() as u64) as usize];
    if r.below(6) > 0 && document.contains(from) {
        return document.replacen(from, to, 1 + r.below(3) as usize);
    }
    // A line goes.
    let lines: Vec<&str> = document.split_inclusive('\n').collect();
    let gone = r.below(lines.len() as u64) as usize;
    lines.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, l)| *l).collect()
}

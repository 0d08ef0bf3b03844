//! `kind: Script`: what is done in a document's cluster, step by step, so that the whole session is
//! one text.
//!
//! ```yaml
//! apiVersion: packetwalk.dev/v1alpha1
//! kind: Script
//! spec:
//!   seed: 7               # decides every chance; 0 if not written
//!   start: used           # neighbour tables: cold, known (entered by hand) or used
//!   steps:
//!   - send: {from: bastion, to: "192.168.120.226:30080", endpoint: 10.1.6.5}
//!   - {on: node01, run: conntrack -F}
//! ```

use crate::probe::{MAX_SIZE, Probe, ProbeError, Protocol, parse_endpoint, resolve_netns};
use crate::session::{Action, Run, Session, Start};
use crate::shell::{self, Output, Said};
use kube::decode::{Decoder, Fields};
use kube::yaml::YamlNode;
use kube::{Code, Diagnostic, Severity, Span, object, yaml};
use net::socket::Pmtudisc;
use net::{Duration, Instant};
use std::ops::{Range, RangeInclusive};

/// What is done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Decides every chance.
    pub seed: u64,
    /// What the neighbour tables know at first.
    pub start: Start,
    /// What is done.
    pub steps: Vec<Action>,
    /// Where each step stands in the document, if it was read from one.
    pub places: Vec<Span>,
}

/// A step that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// When it began.
    pub at: Instant,
    /// What it was.
    pub action: Action,
    /// What came of it.
    pub result: Outcome,
    /// Everything that happened from when it began, with what components did about it.
    pub events: Range<usize>,
    /// The commands of its `during`, and what they printed.
    pub said: Vec<Said>,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Of a probe.
    Run(Run),
    /// Of a command.
    Output(Output),
}

impl Script {
    /// The Script of a document, if it has one, and everything that is wrong with it.
    pub fn read(document: &str) -> (Option<Self>, Vec<Diagnostic>) {
        let (docs, _) = yaml::parse(document);
        let mut d = Decoder::default();
        let mut found = None;
        for doc in &docs {
            // What is wrong with kind and version is said where objects are read.
            let Some(t) = object::typed(&mut Decoder::default(), doc) else { continue };
            if t.kind.value != "Script" {
                continue;
            }
            if found.is_some() {
                d.error(Code::DuplicateObject, t.kind.span, "a second Script", "keep one of them");
                continue;
            }
            found = decode(&mut d, t.fields);
        }
        (found, d.diags)
    }

    /// Plays it in a new session of its document.
    ///
    /// # Errors
    /// What is wrong with the document; a step that names something that is not there, at its
    /// place.
    pub fn play(&self, document: &str) -> Result<(Session, Vec<Done>), Vec<Diagnostic>> {
        let mut session = Session::edited(document, self.seed, self.start, |_| {})?;
        let mut done = Vec::new();
        for (i, action) in self.steps.iter().enumerate() {
            let wrong = |e: ProbeError| {
                let place = self.places.get(i).copied().unwrap_or_default();
                vec![Diagnostic::error(
                    Code::UnsupportedValue,
                    place,
                    format!("spec.steps[{i}]: {}", e.message),
                    e.hint,
                )]
            };
            let (at, first) = (session.world().now(), session.events().len());
            let result = match action {
                Action::Send(probe) => {
                    Outcome::Run(shell::send(&mut session, probe).map_err(wrong)?)
                }
                Action::Shell { host, line } => {
                    resolve_netns(session.running(), session.world(), host).map_err(wrong)?;
                    Outcome::Output(shell::exec(&mut session, host, line))
                }
            };
            done.push(Done {
                at,
                action: action.clone(),
                result,
                events: first..session.events().len(),
                said: std::mem::take(&mut session.said),
            });
        }
        Ok((session, done))
    }
}

/// Everything that is wrong with a document and its Script, in order. Whether hosts, targets and
/// commands are there is known when the Script is played.
pub fn check(document: &str) -> Vec<Diagnostic> {
    let (_, mut diags) = kube::build(document);
    let (script, wrong) = Script::read(document);
    diags.extend(wrong);
    if let Some(script) = script
        && !diags.iter().any(|d| d.severity == Severity::Error)
    {
        diags.extend(
            script.play(document).map_or_else(|wrong| wrong, |(_, done)| script.refused(&done)),
        );
    }
    diags.sort_by_key(|d| d.span.start);
    diags
}

impl Script {
    /// The commands that were refused, which may be meant.
    fn refused(&self, done: &[Done]) -> Vec<Diagnostic> {
        let told = |line: &str, out: &Output, place: &Span| {
            let message =
                format!("{line:?} is refused: {}", out.text.lines().next().unwrap_or_default());
            Diagnostic::warning(
                Code::UnsupportedValue,
                *place,
                message,
                "mend it, if it is not meant; a lab leaves it out",
            )
        };
        let mut diags = Vec::new();
        for (d, place) in done.iter().zip(&self.places) {
            if let (Action::Shell { line, .. }, Outcome::Output(out)) = (&d.action, &d.result) {
                diags.extend((out.status != 0).then(|| told(line, out, place)));
            }
            diags.extend(
                d.said
                    .iter()
                    .filter(|s| s.output.status != 0)
                    .map(|s| told(&s.line, &s.output, place)),
            );
        }
        diags
    }
}

fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Option<Script> {
    if let Some(mut m) = f.get("metadata").and_then(|n| d.fields(n, "metadata")) {
        m.get("name").and_then(|n| d.string(n, "metadata.name"));
        d.finish(m);
    }
    let spec = f.require(d, "spec", "write spec: with steps: below it")?;
    d.finish(f);
    let mut s = d.fields(spec, "spec")?;
    let seed = s.get("seed").and_then(|n| number(d, n, "spec.seed", 0..=i64::MAX)).unwrap_or(0);
    let start =
        match s.get("start").and_then(|n| d.word(n, "spec.start", &["used", "known", "cold"])) {
            Some("cold") => Start::Cold,
            Some("known") => Start::Known,
            _ => Start::Used,
        };
    let steps = s.require(d, "steps", "write steps: with - send: below it");
    let (mut out, mut places) = (Vec::new(), Vec::new());
    for (n, i) in steps.map_or(&[][..], |n| d.items(n, "spec.steps")).iter().zip(0..) {
        if let Some(action) = step(d, n, &format!("spec.steps[{i}]")) {
            out.push(action);
            places.push(n.span);
        }
    }
    d.finish(s);
    Some(Script { seed, start, steps: out, places })
}

fn step(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Action> {
    let mut f = d.fields(node, path)?;
    if let Some(send) = f.get("send") {
        d.finish(f);
        return probe(d, send, &format!("{path}.send")).map(Action::Send);
    }
    let action = shell_step(d, &mut f, path);
    d.finish(f);
    action
}

fn shell_step(d: &mut Decoder, f: &mut Fields<'_>, path: &str) -> Option<Action> {
    let on = f.require(
        d,
        "on",
        "write on: and a host, beside run: and a command; or send: and a request",
    )?;
    let host = d.string(on, &format!("{path}.on"))?.value;
    let run = f.require(d, "run", "write run: and a command, such as run: conntrack -F")?;
    let line = d.string(run, &format!("{path}.run"))?.value;
    Some(Action::Shell { host, line })
}

/// A time: `1.2s`, `20ms`.
fn duration(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Duration> {
    let text = d.string(node, path)?;
    let (number, unit) = match text.value.strip_suffix("ms") {
        Some(n) => (n, 1_000_000),
        None => (text.value.strip_suffix('s').unwrap_or(""), 1_000_000_000),
    };
    match nanoseconds(number, unit) {
        Some(n) => Some(Duration(n)),
        None => {
            let message = format!("{path}: Invalid value: {:?}: not a time", text.value);
            d.error(Code::UnsupportedValue, text.span, message, "write it like 1.2s or 20ms");
            None
        }
    }
}

/// A decimal number of units of so many nanoseconds, up to a million of them.
fn nanoseconds(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |t: &str| !t.is_empty() && t.len() <= 18 && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(part) || !(whole.is_empty() && number.starts_with('.') || digits(whole)) {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let (part, of) = (part.parse::<u64>().ok()?, 10_u64.pow(part.len() as u32));
    let more = (u128::from(part) * u128::from(unit) / u128::from(of)) as u64;
    whole.checked_mul(unit)?.checked_add(more).filter(|n| *n <= 1_000_000 * unit)
}

/// A number in its range.
fn number<T: TryFrom<i64>>(
    d: &mut Decoder,
    node: &YamlNode,
    path: &str,
    range: RangeInclusive<i64>,
) -> Option<T> {
    let n = d.integer(node, path)?;
    let value = T::try_from(n.value).ok().filter(|_| range.contains(&n.value));
    if value.is_none() {
        let hint = format!("write a number from {} to {}", range.start(), range.end());
        d.error(Code::OutOfRange, n.span, format!("{path}: Invalid value: {}", n.value), hint);
    }
    value
}

fn probe(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Probe> {
    let at = |name: &str| format!("{path}.{name}");
    let mut f = d.fields(node, path)?;
    let from = f
        .require(d, "from", "write who sends: a host, node or pod")
        .and_then(|n| d.string(n, &at("from")));
    let to = f
        .require(d, "to", "write to whom: an address with its port, or svc/NAME")
        .and_then(|n| d.string(n, &at("to")));
    let mut p = Probe::new("", "");
    p.proto = match f.get("proto").and_then(|n| d.word(n, &at("proto"), &["tcp", "udp", "icmp"])) {
        Some("udp") => Protocol::Udp,
        Some("icmp") => Protocol::Icmp,
        _ => Protocol::Tcp,
    };
    p.sport = f.get("sport").and_then(|n| number(d, n, &at("sport"), 1..=65_535));
    p.ttl = f.get("ttl").and_then(|n| number(d, n, &at("ttl"), 1..=255));
    p.size = f.get("size").and_then(|n| number(d, n, &at("size"), 0..=i64::from(MAX_SIZE)));
    p.pmtudisc =
        match f.get("pmtudisc").and_then(|n| d.word(n, &at("pmtudisc"), &["want", "do", "dont"])) {
            Some("do") => Pmtudisc::Do,
            Some("dont") => Pmtudisc::Dont,
            _ => Pmtudisc::Want,
        };
    p.checksum = f.get("checksum").and_then(|n| d.boolean(n, &at("checksum"))).unwrap_or(true);
    if let Some(n) = f.get("endpoint") {
        let path = at("endpoint");
        let text = d.string(n, &path);
        p.endpoint = text.and_then(|t| {
            let parsed = parse_endpoint(&t.value);
            if parsed.is_none() {
                d.error(
                    Code::InvalidAddress,
                    t.span,
                    format!("{path}: Invalid value: {:?}", t.value),
                    "write it like 10.1.6.5 or 10.1.6.5:80",
                );
            }
            parsed
        });
    }
    if let Some(n) = f.get("count") {
        p.count = number(d, n, &at("count"), 1..=100).unwrap_or(1);
        if p.proto == Protocol::Tcp && p.count > 1 {
            let message =
                format!("{}: Invalid value: {}: a TCP request is one", at("count"), p.count);
            d.error(
                Code::UnsupportedValue,
                n.span,
                message,
                "leave it out, or write more send: steps",
            );
        }
    }
    if let Some(interval) = f.get("interval").and_then(|n| duration(d, n, &at("interval"))) {
        p.interval = interval;
    }
    if let Some(n) = f.get("timeout") {
        p.timeout = duration(d, n, &at("timeout"));
        if p.timeout == Some(Duration::default()) {
            d.error(
                Code::OutOfRange,
                n.span,
                format!("{}: Invalid value: 0", at("timeout")),
                "write how long it waits, such as 350ms",
            );
        }
    }
    p.settle = f.get("settle").and_then(|n| duration(d, n, &at("settle")));
    p.pause = f.get("pause").and_then(|n| duration(d, n, &at("pause"))).unwrap_or_default();
    for (n, i) in f.get("during").map_or(&[][..], |n| d.items(n, &at("during"))).iter().zip(0..) {
        let path = at(&format!("during[{i}]"));
        let Some(mut g) = d.fields(n, &path) else { continue };
        let after =
            g.require(d, "after", "write how long after the beginning, such as after: 20ms");
        let after = after.and_then(|n| duration(d, n, &format!("{path}.after")));
        let run = g.get("run").map(|n| n.span);
        let action = shell_step(d, &mut g, &path);
        d.finish(g);
        if let (Some(Action::Shell { line, .. }), Some(span)) = (&action, run)
            && !shell::changes(line)
        {
            let message = format!("{path}.run: Invalid value: {line:?}: it changes nothing");
            d.error(
                Code::UnsupportedValue,
                span,
                message,
                "write a command that does, such as ip route add, sysctl -w or conntrack -F",
            );
        }
        p.during.extend(after.zip(action));
    }
    p.during.sort_by_key(|(after, _)| *after);
    d.finish(f);
    (p.from, p.to) = (from?.value, to?.value);
    Some(p)
}

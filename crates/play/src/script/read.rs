//! From YAML to a [`Script`], with everything that is wrong.

use super::Script;
use crate::anchor::{Anchor, Direction, EventAnchor};
use crate::probe::{MAX_SIZE, Probe, Protocol, parse_endpoint};
use crate::session::Start;
use crate::step::{Act, Step};
use kube::Code;
use kube::decode::{Decoder, Fields};
use kube::yaml::{Value, YamlNode};
use net::engine::PacketOp;
use net::socket::Pmtudisc;
use net::{Duration, Instant};
use std::ops::RangeInclusive;

pub(super) fn script(d: &mut Decoder, mut f: Fields<'_>) -> Option<Script> {
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
    // What a page showed when it made a link; the page reads it.
    s.get("view");
    let list = s.require(d, "steps", "write steps: with - send: below it");
    let nodes = list.map_or(&[][..], |n| d.items(n, "spec.steps"));
    let mut steps = Vec::new();
    for (node, i) in nodes.iter().zip(0..) {
        steps.extend(step(d, node, &format!("spec.steps[{i}]")));
    }
    d.finish(s);
    let sent = steps.iter().filter(|s| s.sends()).count() as u32;
    for s in &steps {
        if let Anchor::After { probe, .. } | Anchor::Event(EventAnchor { probe, .. }) = s.anchor
            && probe > sent
        {
            let message = format!("there is no probe {probe}: {sent} of the steps send");
            d.error(Code::OutOfRange, s.span, message, "count the steps that send, from 1");
        }
    }
    Some(Script { seed, start, steps })
}

fn step(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Step> {
    let mut f = d.fields(node, path)?;
    let at = |name: &str| format!("{path}.{name}");
    let written = f.get("at");
    let when = written.map_or(Some(Anchor::Quiet), |n| read_anchor(d, n, &at("at")));
    let act = if let Some(n) = f.get("send") {
        probe(d, n, &at("send")).map(Act::Send)
    } else if let Some(n) = f.get("apply") {
        d.string(n, &at("apply")).map(|t| Act::Apply(t.value))
    } else if let Some(n) = f.get("packet") {
        if !matches!(when, None | Some(Anchor::Event(_))) {
            let message = format!("{}: which packet?", at("packet"));
            let hint = "write at: with probe, direction, packet and marker, such as \
                at: {probe: 1, direction: request, packet: 1, marker: encapsulated}";
            d.error(Code::UnsupportedValue, n.span, message, hint);
        }
        packet_op(d, n, &at("packet")).map(Act::Packet)
    } else {
        command(d, &mut f, path)
    };
    d.finish(f);
    Some(Step { anchor: when?, act: act?, span: node.span })
}

fn command(d: &mut Decoder, f: &mut Fields<'_>, path: &str) -> Option<Act> {
    let on = f.require(
        d,
        "on",
        "write on: and a host, beside run: and a command; or send: and a request",
    )?;
    let host = d.string(on, &format!("{path}.on"))?.value;
    let run = f.require(d, "run", "write run: and a command, such as run: conntrack -F")?;
    let line = d.string(run, &format!("{path}.run"))?.value;
    Some(Act::Run { host, line })
}

fn packet_op(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<PacketOp> {
    if !matches!(node.value, Value::Map(_)) {
        return match d.word(node, path, &["drop", "duplicate", "delay"])? {
            "drop" => Some(PacketOp::Drop),
            "duplicate" => Some(PacketOp::Duplicate),
            _ => {
                let message = format!("{path}: Required value: for how long?");
                d.error(Code::MissingField, node.span, message, "write it like {delay: 20ms}");
                None
            }
        };
    }
    let mut f = d.fields(node, path)?;
    let by = f.require(d, "delay", "write delay: and a time, such as {delay: 20ms}");
    let by = by.and_then(|n| duration(d, n, &format!("{path}.delay")));
    d.finish(f);
    by.map(PacketOp::Delay)
}

/// The anchor in the value of `at:`.
pub fn read_anchor(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Anchor> {
    if !matches!(node.value, Value::Map(_)) {
        return duration(d, node, path).map(|t| Anchor::At(Instant(t.0)));
    }
    let at = |name: &str| format!("{path}.{name}");
    let mut f = d.fields(node, path)?;
    let probe = f
        .require(d, "probe", "write probe: and which of the steps that send, from 1")
        .and_then(|n| number(d, n, &at("probe"), 0..=i64::from(u32::MAX)));
    let anchor = if let Some(n) = f.get("after") {
        duration(d, n, &at("after")).zip(probe).map(|(after, probe)| Anchor::After { probe, after })
    } else {
        event(d, &mut f, path)
            .zip(probe)
            .map(|(e, probe)| Anchor::Event(EventAnchor { probe, ..e }))
    };
    d.finish(f);
    anchor
}

/// The fields of an event's name but the probe.
fn event(d: &mut Decoder, f: &mut Fields<'_>, path: &str) -> Option<EventAnchor> {
    let at = |name: &str| format!("{path}.{name}");
    let names = Direction::ALL.map(Direction::name);
    let direction = f.get("direction").and_then(|n| d.word(n, &at("direction"), &names));
    let direction = Direction::ALL.into_iter().find(|x| Some(x.name()) == direction);
    let one = 1..=i64::from(u32::MAX);
    let packet = match f.get("packet") {
        Some(n) if direction.is_none() => {
            let message = format!("{}: of which direction?", at("packet"));
            d.error(Code::MissingField, n.span, message, "write direction: request beside it");
            None
        }
        Some(n) => number(d, n, &at("packet"), one.clone()),
        None => Some(1),
    };
    let hint = "write marker: and a kind of event, such as marker: encapsulated; or after: 20ms";
    let marker =
        f.require(d, "marker", hint).and_then(|n| d.word(n, &at("marker"), net::marker::NAMES));
    let occurrence = match f.get("occurrence") {
        Some(n) => number(d, n, &at("occurrence"), one),
        None => Some(1),
    };
    let packet = direction.zip(packet);
    Some(EventAnchor { probe: 0, packet, marker: marker?, occurrence: occurrence? })
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

/// A decimal number of units, at most a million; `unit` is in nanoseconds.
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
    p.seq = f.get("seq").and_then(|n| number(d, n, &at("seq"), 0..=65_535)).unwrap_or(1);
    p.host = f.get("host").and_then(|n| d.string(n, &at("host"))).map(|h| h.value);
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
    // Only where it is written: no hint names it.
    if f.all().any(|(name, _)| name == "during")
        && let Some(n) = f.get("during")
    {
        d.error(
            Code::UnsupportedValue,
            n.span,
            format!("{}: commands during a probe are steps of their own", at("during")),
            "write a step below this one: \
             {at: {probe: 1, after: 20ms}, on: node01, run: conntrack -F}",
        );
    }
    d.finish(f);
    (p.from, p.to) = (from?.value, to?.value);
    Some(p)
}

//! Decodes a [`Script`]. Names, ranges, words and defaults are those of [`kube::fields::SCRIPT`].

use super::Script;
use crate::anchor::{Anchor, Direction, EventAnchor};
use crate::probe::{MAX_SEGMENT, Probe, Protocol, TCP_FLAGS, parse_endpoint, parse_flags};
use crate::session::Start;
use crate::step::{Act, Step};
use kube::Code;
use kube::decode::{Decoder, Fields};
use kube::fields::AT;
use kube::yaml::{Value, YamlNode};
use net::engine::PacketOp;
use net::socket::Pmtudisc;
use net::{Duration, Instant};

pub(super) fn script(d: &mut Decoder, mut f: Fields<'_>) -> Option<Script> {
    if let Some(mut m) = f.fields(d, "metadata") {
        m.string(d, "name");
        d.finish(m);
    }
    f.require(d, "spec", "write spec: with steps: below it");
    let spec = f.fields(d, "spec");
    d.finish(f);
    let mut s = spec?;
    let seed = s.number(d, "seed").unwrap_or_default();
    let start = s.choice(d, "start").and_then(Start::from_name).unwrap_or(Start::Used);
    // The view of the page that made a link; the page decodes it.
    s.get("view");
    s.require(d, "steps", "write steps: with - send: below it");
    let mut steps = Vec::new();
    for f in s.list(d, "steps") {
        steps.extend(step(d, f));
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

fn step(d: &mut Decoder, mut f: Fields<'_>) -> Option<Step> {
    let (span, path) = (f.span, f.path_of("at"));
    let when = f.get("at").map_or(Some(Anchor::Quiet), |n| read_anchor(d, n, &path));
    let act = match f.form() {
        Some(["send"]) => f.fields(d, "send").and_then(|f| probe(d, f)).map(Act::Send),
        Some(["apply"]) => manifests(d, &mut f).map(Act::Apply),
        Some(["packet"]) => packet_op(d, &mut f, when.as_ref()).map(Act::Packet),
        Some(_) => command(d, &mut f),
        None => {
            f.require(d, "on", NO_ACTION);
            None
        }
    };
    d.finish(f);
    Some(Step { anchor: when?, act: act?, span })
}

/// The hint for a step without an action.
const NO_ACTION: &str = "write on: and a host, with run: and a command; or send: and a request";

fn command(d: &mut Decoder, f: &mut Fields<'_>) -> Option<Act> {
    let host = f.require_string(d, "on", NO_ACTION);
    let hint = "write run: and a command, such as run: conntrack -F";
    let line = f.require_string(d, "run", hint);
    Some(Act::Run { host: host?.value, line: line?.value })
}

fn manifests(d: &mut Decoder, f: &mut Fields<'_>) -> Option<String> {
    let (node, path) = (f.get("apply")?, f.path_of("apply"));
    if matches!(node.value, Value::Scalar { .. }) {
        return d.string(node, &path).map(|t| t.value);
    }
    let message = format!("{path}: invalid type: got \"{}\", expected \"string\"", node.kind());
    let hint = "write apply: | and the manifests on the lines below it, indented by two spaces";
    d.error(Code::WrongType, node.span, message, hint);
    None
}

fn packet_op(d: &mut Decoder, f: &mut Fields<'_>, when: Option<&Anchor>) -> Option<PacketOp> {
    let (node, path) = (f.get("packet")?, f.path_of("packet"));
    if !matches!(when, None | Some(Anchor::Event(_))) {
        let message = format!("{path}: which packet?");
        let hint = "write at: with probe, direction, packet and marker, such as \
            at: {probe: 1, direction: request, packet: 1, marker: encapsulated}";
        d.error(Code::UnsupportedValue, node.span, message, hint);
    }
    if node.text() == "delay" {
        let message = format!("{path}: Required value: for how long?");
        d.error(Code::MissingField, node.span, message, "write it like {delay: 20ms}");
        return None;
    }
    if !matches!(node.value, Value::Map(_)) {
        return f.choice(d, "packet").map(|op| match op {
            "drop" => PacketOp::Drop,
            _ => PacketOp::Duplicate,
        });
    }
    let mut f = f.fields(d, "packet")?;
    f.require(d, "delay", "write delay: and a time, such as {delay: 20ms}");
    let by = f.time(d, "delay");
    d.finish(f);
    by.map(PacketOp::Delay)
}

/// The anchor in the value of `at:`.
pub fn read_anchor(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Anchor> {
    if !matches!(node.value, Value::Map(_)) {
        return d.time(node, path).map(|t| Anchor::At(Instant(t.0)));
    }
    let mut f = d.fields(node, path)?.of(&AT);
    if f.get("after").is_some() {
        let more = ["direction", "packet", "marker", "occurrence"];
        let more: Vec<&str> = more.into_iter().filter(|name| f.get(name).is_some()).collect();
        if !more.is_empty() {
            let message = format!("{path}: after does not go with {}", more.join(", "));
            let hint = "write probe and after for a time, or probe and marker for an event";
            d.error(Code::UnsupportedValue, node.span, message, hint);
            d.finish(f);
            return None;
        }
    }
    f.require(d, "probe", "write probe: and which of the steps that send, from 1");
    let probe = f.number(d, "probe");
    let anchor = if f.form() == Some(&["after"]) {
        let after = f.time(d, "after");
        after.zip(probe).map(|(after, probe)| Anchor::After { probe, after })
    } else {
        let event = event(d, &mut f);
        event.zip(probe).map(|(e, probe)| Anchor::Event(EventAnchor { probe, ..e }))
    };
    d.finish(f);
    anchor
}

/// The fields of an event's name but the probe.
fn event(d: &mut Decoder, f: &mut Fields<'_>) -> Option<EventAnchor> {
    let direction = f.choice(d, "direction").and_then(Direction::from_name);
    if let Some(n) = f.get("packet").filter(|_| direction.is_none()) {
        let message = format!("{}: of which direction?", f.path_of("packet"));
        d.error(Code::MissingField, n.span, message, "add direction: request");
    }
    let packet = f.number(d, "packet");
    let hint = "write marker: and a kind of event, such as marker: encapsulated; or after: 20ms";
    f.require(d, "marker", hint);
    let marker = f.choice(d, "marker");
    let occurrence = f.number(d, "occurrence");
    let packet = direction.zip(packet);
    Some(EventAnchor { probe: 0, packet, marker: marker?, occurrence: occurrence? })
}

fn probe(d: &mut Decoder, mut f: Fields<'_>) -> Option<Probe> {
    let from = f.require_string(d, "from", "write who sends: a host, node or pod");
    let to = f.require_string(d, "to", "write to whom: an address with its port, or svc/NAME");
    let mut p = Probe::new("", "");
    p.proto = f.choice(d, "proto").and_then(Protocol::from_name).unwrap_or_default();
    p.sport = f.number(d, "sport");
    // None, not the default: the printer omits it.
    p.ttl = f.get("ttl").and_then(|_| f.number(d, "ttl"));
    p.size = f.number(d, "size");
    p.flags = f.string(d, "flags").and_then(|t| {
        let path = f.path_of("flags");
        let Some(flags) = parse_flags(&t.value) else {
            let message = format!("{path}: Invalid value: {:?}", t.value);
            let hint = format!("write {TCP_FLAGS}");
            d.error(Code::UnsupportedValue, t.span, message, hint);
            return None;
        };
        if p.proto != Protocol::Tcp {
            let message = format!("{path}: Invalid value: {} has no TCP flags", p.proto.name());
            d.error(Code::UnsupportedValue, t.span, message, "leave it out, or write proto: tcp");
        }
        Some(flags)
    });
    if let (Some(n), Some(_)) = (f.get("size"), p.flags)
        && let Some(size) = p.size.filter(|n| *n > MAX_SEGMENT)
    {
        let path = f.path_of("size");
        let message = format!("{path}: Invalid value: {size}: more than fits into a segment");
        d.error(Code::OutOfRange, n.span, message, format!("write 0 to {MAX_SEGMENT}"));
    }
    p.pmtudisc = f.choice(d, "pmtudisc").and_then(Pmtudisc::from_name).unwrap_or_default();
    p.checksum = f.flag(d, "checksum");
    p.seq = f.number(d, "seq").unwrap_or(p.seq);
    p.host = f.string(d, "host").map(|h| h.value);
    p.endpoint = f.string(d, "endpoint").and_then(|t| {
        let parsed = parse_endpoint(&t.value);
        if parsed.is_none() {
            let message = format!("{}: Invalid value: {:?}", f.path_of("endpoint"), t.value);
            let hint = "write it like 10.1.6.5 or 10.1.6.5:80";
            d.error(Code::InvalidAddress, t.span, message, hint);
        }
        parsed
    });
    p.count = f.number(d, "count").unwrap_or(p.count);
    if let Some(n) = f.get("count").filter(|_| p.proto == Protocol::Tcp && p.count > 1) {
        let path = f.path_of("count");
        let message = format!("{path}: Invalid value: {}: a TCP request is one", p.count);
        let hint = "leave it out, or write more send: steps";
        d.error(Code::UnsupportedValue, n.span, message, hint);
    }
    p.interval = f.time(d, "interval").unwrap_or(p.interval);
    p.timeout = f.time(d, "timeout");
    if let Some(n) = f.get("timeout").filter(|_| p.timeout == Some(Duration::default())) {
        let message = format!("{}: Invalid value: 0", f.path_of("timeout"));
        d.error(Code::OutOfRange, n.span, message, "write how long it waits, such as 350ms");
    }
    if let Some(n) = f.get_unknown("during") {
        let message =
            format!("{}: commands during a probe are steps of their own", f.path_of("during"));
        let hint = "write a step below this one: \
                    {at: {probe: 1, after: 20ms}, on: node01, run: conntrack -F}";
        d.error(Code::UnsupportedValue, n.span, message, hint);
    }
    p.settle = f.time(d, "settle");
    p.pause = f.time(d, "pause").unwrap_or(p.pause);
    d.finish(f);
    (p.from, p.to) = (from?.value, to?.value);
    Some(p)
}

//! Prints a Script as YAML, without defaults; [`Script::read`] is the inverse.
//!
//! Text from elsewhere (names, command lines, manifests) is quoted wherever it could be read as
//! something else. Several lines are a block scalar if that keeps every character, else a quoted
//! text.

use super::Script;
use crate::anchor::{Anchor, EventAnchor};
use crate::probe::{Probe, Protocol, flags_text};
use crate::session::Start;
use crate::step::{Act, Step};
use kube::yaml::Tree;
use net::Duration;
use net::engine::PacketOp;
use std::fmt;

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("apiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n")?;
        if self.seed != 0 {
            writeln!(f, "  seed: {}", self.seed)?;
        }
        if self.start != Start::Used {
            writeln!(f, "  start: {}", self.start.name())?;
        }
        if self.steps.is_empty() {
            return f.write_str("  steps: []\n");
        }
        f.write_str("  steps:\n")?;
        self.steps.iter().try_for_each(|s| f.write_str(&step(s)))
    }
}

/// A step as an item of the list.
fn step(step: &Step) -> String {
    let mut fields: Vec<(&str, Tree)> = Vec::new();
    if step.anchor != Anchor::Quiet {
        fields.push(("at", anchor(&step.anchor)));
    }
    // What may have several lines comes last.
    let long = match &step.act {
        Act::Send(p) => {
            fields.push(("send", probe(p)));
            None
        }
        Act::Run { host, line } => {
            fields.push(("on", Tree::text(host)));
            Some(("run", line))
        }
        Act::Apply(text) => Some(("apply", text)),
        Act::Packet(op) => {
            let op = match op {
                PacketOp::Drop => Tree::text("drop"),
                PacketOp::Duplicate => Tree::text("duplicate"),
                PacketOp::Delay(by) => Tree::map([("delay", Tree::text(duration(*by)))]),
            };
            fields.push(("packet", op));
            None
        }
    };
    if let Some((key, text)) = long {
        if let Some(block) = block(text) {
            let first: String =
                fields.iter().map(|(k, v)| format!("{k}: {}\n    ", v.flow())).collect();
            return format!("  - {first}{key}: {block}");
        }
        fields.push((key, Tree::text(text)));
    }
    match fields.as_slice() {
        [(key, value)] => format!("  - {key}: {}\n", value.flow()),
        // `on` is a name here; a text of that word would be quoted.
        _ => {
            let named = fields.into_iter().map(|(k, v)| (Tree::plain(k), v));
            format!("  - {}\n", Tree::Map(named.collect()).flow())
        }
    }
}

/// Several lines as a block scalar below a step's key. `None` for a single line, and where a block
/// scalar would change a character.
fn block(text: &str) -> Option<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let kept = |c: char| c == '\n' || !(c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c));
    let plain = body.contains('\n')
        && !body.starts_with([' ', '\n'])
        && !body.ends_with('\n')
        && body.lines().all(|l| l.trim_end() == l)
        && body.chars().all(kept);
    if !plain {
        return None;
    }
    let head = if text.ends_with('\n') { "|" } else { "|-" };
    let indented = |l: &str| if l.is_empty() { "\n".to_owned() } else { format!("      {l}\n") };
    Some(format!("{head}\n{}", body.split('\n').map(indented).collect::<String>()))
}

/// An anchor as the value of `at:`.
pub fn anchor(a: &Anchor) -> Tree {
    match a {
        Anchor::Quiet => Tree::plain("null"),
        Anchor::At(at) => Tree::text(duration(Duration(at.0))),
        Anchor::After { probe, after } => {
            Tree::map([("probe", Tree::plain(probe)), ("after", Tree::text(duration(*after)))])
        }
        Anchor::Event(EventAnchor { probe, packet, marker, occurrence }) => {
            let mut fields = vec![("probe", Tree::plain(probe))];
            if let Some((direction, k)) = packet {
                fields.push(("direction", Tree::text(direction.name())));
                if *k != 1 {
                    fields.push(("packet", Tree::plain(k)));
                }
            }
            fields.push(("marker", Tree::text(*marker)));
            if *occurrence != 1 {
                fields.push(("occurrence", Tree::plain(occurrence)));
            }
            Tree::map(fields)
        }
    }
}

fn probe(p: &Probe) -> Tree {
    let usual = Probe::new("", "");
    let mut fields = vec![("from", Tree::text(&p.from)), ("to", Tree::text(&p.to))];
    let mut put = |name, differs: bool, value: Tree| {
        if differs {
            fields.push((name, value));
        }
    };
    let number = |n: Option<u16>| Tree::plain(n.unwrap_or_default());
    put("proto", p.proto != Protocol::Tcp, Tree::text(p.proto.name()));
    let endpoint = p.endpoint.map(|(addr, port)| net::dump::endpoint(addr, port));
    put("endpoint", endpoint.is_some(), Tree::text(endpoint.unwrap_or_default()));
    put("sport", p.sport.is_some(), number(p.sport));
    put("ttl", p.ttl.is_some(), number(p.ttl.map(u16::from)));
    put("flags", p.flags.is_some(), Tree::text(flags_text(p.flags.unwrap_or_default())));
    put("size", p.size.is_some(), number(p.size));
    put("pmtudisc", p.pmtudisc != usual.pmtudisc, Tree::text(p.pmtudisc.name()));
    put("seq", p.seq != usual.seq, Tree::plain(p.seq));
    put("checksum", p.checksum != usual.checksum, Tree::plain(p.checksum));
    put("count", p.count != usual.count, Tree::plain(p.count));
    put("interval", p.interval != usual.interval, Tree::text(duration(p.interval)));
    put("host", p.host.is_some(), Tree::text(p.host.clone().unwrap_or_default()));
    let time = |t: Option<Duration>| Tree::text(duration(t.unwrap_or_default()));
    put("timeout", p.timeout.is_some(), time(p.timeout));
    put("pause", p.pause != usual.pause, Tree::text(duration(p.pause)));
    put("settle", p.settle.is_some(), time(p.settle));
    Tree::map(fields)
}

/// A time, exactly: `1.5s`, `20ms`.
fn duration(d: Duration) -> String {
    let (whole, part, digits, unit) = if d.0.is_multiple_of(1_000_000_000) || d.0 > 1_000_000_000 {
        (d.0 / 1_000_000_000, d.0 % 1_000_000_000, 9, "s")
    } else {
        (d.0 / 1_000_000, d.0 % 1_000_000, 6, "ms")
    };
    if part == 0 {
        return format!("{whole}{unit}");
    }
    let part = format!("{part:0digits$}");
    format!("{whole}.{}{unit}", part.trim_end_matches('0'))
}

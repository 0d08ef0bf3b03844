//! Why a rule did not match: the first condition that failed, with the values of packet and rule.
//!
//! Computed on demand from what an event keeps; nothing is stored per rule.

use super::matches::{Match, MatchContext, MatchInput, RecentOp};
use super::matches::{fraction, proto_text};
use super::ruleset::Rule;
use super::save::{match_text, net_text, ranges};
use std::net::IpAddr;
use std::rc::Rc;

/// The first condition of a rule that a packet failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The value compared: `source`, `destination`, `protocol`, `dport`, `mark`, `ctstate`, …
    pub field: &'static str,
    /// What the packet has there, as text.
    pub packet: String,
    /// What the rule wants there, as text and without `!`.
    pub rule: String,
    /// The condition is negated: any other value would have matched.
    pub negated: bool,
    /// The condition as `iptables -S` prints it.
    pub token: String,
}

/// The first condition that fails, in the order the rule is printed; `None` if all hold. `draw` is
/// the number that a random condition compared.
pub fn first_failing(rule: &Rule, v: &MatchInput<'_>, draw: Option<u32>) -> Option<Failing> {
    let bang = |negated: bool| if negated { "! " } else { "" };
    let failing = |field, packet: String, rule: String, negated: bool, flag: &str| {
        Some(Failing {
            field,
            packet,
            token: format!("{}{flag} {rule}", bang(negated)),
            rule,
            negated,
        })
    };
    if let Some(n) = &rule.src
        && !n.holds(|n| n.contains(&v.src))
    {
        return failing("source", v.src.to_string(), net_text(&n.value), n.negated, "-s");
    }
    if let Some(n) = &rule.dst
        && !n.holds(|n| n.contains(&v.dst))
    {
        return failing("destination", v.dst.to_string(), net_text(&n.value), n.negated, "-d");
    }
    for (name, dev, flag, have) in
        [("in", &rule.in_dev, "-i", v.in_dev), ("out", &rule.out_dev, "-o", v.out_dev)]
    {
        if let Some(d) = dev
            && !d.holds(|d| d.matches(have))
        {
            let have = if have.is_empty() { "-" } else { have };
            return failing(name, have.to_owned(), d.value.0.to_string(), d.negated, flag);
        }
    }
    if let Some(p) = &rule.proto
        && !p.holds(|p| *p == v.proto)
    {
        return failing("protocol", proto_text(v.proto), proto_text(p.value), p.negated, "-p");
    }
    rule.matches.iter().find_map(|m| failing_match(m, v, draw))
}

/// What was drawn. A list that a rule asked, and did not match, did not hold the source; whether it
/// does now says nothing about then.
struct Then(Option<u32>);

impl MatchContext for Then {
    fn draw(&mut self, probability: u32) -> bool {
        self.0.is_some_and(|d| d < probability)
    }
    fn recent(&mut self, _: &Rc<str>, op: RecentOp, _: IpAddr) -> bool {
        op == RecentOp::Set
    }
}

fn failing_match(m: &Match, v: &MatchInput<'_>, draw: Option<u32>) -> Option<Failing> {
    if m.holds(v, &mut Then(draw)) {
        return None;
    }
    let ports = v.ports.unwrap_or_default();
    let (field, packet, rule, negated) = match m {
        Match::Comment(_) | Match::Unsupported(_) | Match::Nfacct(_) => return None,
        Match::Ports { proto, .. } if v.proto != *proto => {
            ("protocol", proto_text(v.proto), proto_text(*proto), false)
        }
        Match::Ports { sport: Some(s), .. } if !s.holds(|r| r.contains(ports.0)) => {
            ("sport", ports.0.to_string(), s.value.to_string(), s.negated)
        }
        Match::Ports { dport, .. } => {
            let d = dport.as_ref()?;
            ("dport", ports.1.to_string(), d.value.to_string(), d.negated)
        }
        Match::AddrType { src: Some(t), .. } if !t.holds(|t| (v.addr_type)(v.src) == *t) => (
            "src-type",
            (v.addr_type)(v.src).name().to_owned(),
            t.value.name().to_owned(),
            t.negated,
        ),
        Match::AddrType { dst, .. } => {
            let t = dst.as_ref()?;
            (
                "dst-type",
                (v.addr_type)(v.dst).name().to_owned(),
                t.value.name().to_owned(),
                t.negated,
            )
        }
        Match::CtState(s) => ("ctstate", v.ctstate.to_string(), s.value.to_string(), s.negated),
        Match::Mark(m) => (
            "mark",
            format!("{:#x}", v.mark),
            format!("{:#x}/{:#x}", m.value.0, m.value.1),
            m.negated,
        ),
        Match::Random { probability } => (
            "draw",
            draw.map_or_else(String::new, |d| fraction(d, 3)),
            fraction(*probability, 5),
            false,
        ),
        Match::Recent { list, .. } => ("recent", v.src.to_string(), list.to_string(), false),
        Match::Multiport { side, ports: wanted } => {
            let (s, d) = ports;
            let packet = match side {
                super::Side::Source => s.to_string(),
                super::Side::Destination => d.to_string(),
                super::Side::Either => format!("{s},{d}"),
            };
            ("port", packet, ranges(&wanted.value), wanted.negated)
        }
        Match::PhysdevIsIn(n) => {
            ("physdev", v.physin.to_owned(), "--physdev-is-in".to_owned(), n.negated)
        }
    };
    Some(Failing { field, packet, rule, negated, token: match_text(m) })
}

//! Rules as `iptables-save` and `iptables -S` print them.

use super::TableName;
use super::matches::{IfName, Match, Negatable, PortRange, RecentOp, fraction, proto_text};
use super::ruleset::{Rule, Ruleset, Table, Target};
use ipnet::IpNet;
use std::fmt::Write;

/// A network, always with its prefix length.
pub(super) fn net_text(net: &IpNet) -> String {
    net.to_string()
}

/// A match extension, beginning with `-m`.
pub(super) fn match_text(m: &Match) -> String {
    let mut out = format!("-m {}", m.module());
    let bang = |negated: bool| if negated { "! " } else { "" };
    match m {
        Match::Comment(c) => _ = write!(out, " --comment {}", quoted(c)),
        Match::Ports { sport, dport, .. } => {
            for (flag, range) in [("--sport", sport), ("--dport", dport)] {
                if let Some(r) = range {
                    let _ = write!(out, " {}{flag} {}", bang(r.negated), r.value);
                }
            }
        }
        Match::AddrType { src, dst } => {
            for (flag, kind) in [("--src-type", src), ("--dst-type", dst)] {
                if let Some(t) = kind {
                    let _ = write!(out, " {}{flag} {}", bang(t.negated), t.value.name());
                }
            }
        }
        Match::CtState(s) => _ = write!(out, " {}--ctstate {}", bang(s.negated), s.value),
        Match::Mark(m) => {
            let (value, mask) = m.value;
            let _ = write!(out, " {}--mark {value:#x}", bang(m.negated));
            if mask != u32::MAX {
                let _ = write!(out, "/{mask:#x}");
            }
        }
        Match::Random { probability } => {
            let _ = write!(out, " --mode random --probability {}", fraction(*probability, 11));
        }
        Match::PhysdevIsIn(n) => _ = write!(out, " {}--physdev-is-in", bang(n.negated)),
        Match::Recent { list, op } => {
            match op {
                RecentOp::Set => out.push_str(" --set"),
                RecentOp::Check { seconds, reap } => {
                    out.push_str(" --rcheck");
                    if let Some(s) = seconds {
                        let _ = write!(out, " --seconds {s}");
                    }
                    if *reap {
                        out.push_str(" --reap");
                    }
                }
            }
            let _ = write!(out, " --name {list} --mask 255.255.255.255 --rsource");
        }
        Match::Multiport { side, ports } => {
            let _ =
                write!(out, " {}{} {}", bang(ports.negated), side.words().0, ranges(&ports.value));
        }
        Match::Nfacct(name) => _ = write!(out, " --nfacct-name  {name}"),
        Match::Unsupported(text) => return text.to_string(),
    }
    out
}

/// Ports and ranges, separated by commas.
pub(super) fn ranges(ports: &[PortRange]) -> String {
    ports.iter().map(PortRange::to_string).collect::<Vec<_>>().join(",")
}

/// A word, quoted if it would not be read back as one (`xtables_save_string`).
pub(super) fn word_text(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

/// A comment, quoted unless it is a plain word.
fn quoted(text: &str) -> String {
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A rule as `-A CHAIN …`.
pub fn rule_text(chain: &str, rule: &Rule) -> String {
    let mut out = format!("-A {chain}");
    let net = |out: &mut String, flag, n: &Option<Negatable<IpNet>>| {
        if let Some(n) = n {
            let _ =
                write!(out, "{} {flag} {}", if n.negated { " !" } else { "" }, net_text(&n.value));
        }
    };
    let dev = |out: &mut String, flag, d: &Option<Negatable<IfName>>| {
        if let Some(d) = d {
            let _ = write!(out, "{} {flag} {}", if d.negated { " !" } else { "" }, d.value.0);
        }
    };
    net(&mut out, "-s", &rule.src);
    net(&mut out, "-d", &rule.dst);
    dev(&mut out, "-i", &rule.in_dev);
    dev(&mut out, "-o", &rule.out_dev);
    if let Some(p) = &rule.proto {
        let _ = write!(out, "{} -p {}", if p.negated { " !" } else { "" }, proto_text(p.value));
    }
    for m in &rule.matches {
        out.push(' ');
        out.push_str(&match_text(m));
    }
    match &rule.target {
        Target::None => {}
        Target::Accept => out.push_str(" -j ACCEPT"),
        Target::Drop => out.push_str(" -j DROP"),
        Target::Return => out.push_str(" -j RETURN"),
        Target::Jump(to) => _ = write!(out, " -j {to}"),
        Target::Goto(to) => _ = write!(out, " -g {to}"),
        Target::Reject(with) => _ = write!(out, " -j REJECT --reject-with {}", with.name()),
        Target::Mark { value, mask } => {
            _ = write!(out, " -j MARK --set-xmark {value:#x}/{mask:#x}");
        }
        Target::Dnat { addr, port } => {
            let _ = write!(out, " -j DNAT --to-destination {addr}");
            if let Some(p) = port {
                let _ = write!(out, ":{p}");
            }
        }
        Target::Snat { addr } => _ = write!(out, " -j SNAT --to-source {addr}"),
        Target::Masquerade { random_fully } => {
            out.push_str(" -j MASQUERADE");
            if *random_fully {
                out.push_str(" --random-fully");
            }
        }
        Target::Unsupported(text) => _ = write!(out, " {text}"),
    }
    out
}

/// What `iptables-save` prints of the tables in use: `counter(table, index)` gives packets and
/// bytes, `program` and `date` stand in the comment lines.
pub fn save(
    rules: &Ruleset,
    program: &str,
    date: &str,
    counter: &dyn Fn(TableName, u32) -> (u64, u64),
) -> String {
    let mut out = String::new();
    for table in rules.tables_in_use() {
        save_table(&mut out, table, program, date, counter);
    }
    out
}

fn save_table(
    out: &mut String,
    table: &Table,
    program: &str,
    date: &str,
    counter: &dyn Fn(TableName, u32) -> (u64, u64),
) {
    let _ = writeln!(out, "# Generated by {program} on {date}\n*{}", table.name);
    for (chain, id) in table.chains.iter().zip(0..) {
        let (packets, bytes) =
            chain.policy.map_or((0, 0), |_| counter(table.name, table.policy_counter(id)));
        let policy = chain.policy.map_or("-", |p| p.name());
        let _ = writeln!(out, ":{} {policy} [{packets}:{bytes}]", chain.name);
    }
    for chain in &table.chains {
        for rule in &chain.rules {
            out.push_str(&rule_text(&chain.name, rule));
            out.push('\n');
        }
    }
    let _ = writeln!(out, "COMMIT\n# Completed on {date}");
}

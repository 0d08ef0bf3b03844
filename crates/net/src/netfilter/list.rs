//! `iptables -vnL`: the listing with counters (`iptables/iptables.c`, `libxtables/xtables.c`).
//! Protocols are printed by name, as every version but 1.8.9 does.

use super::matches::proto_text;
use super::matches::{Match, Negatable, RecentOp};
use super::ruleset::{Chain, Rule, Table, Target};
use super::save::ranges;
use ipnet::IpNet;
use std::fmt::Write;

/// A counter in at most five characters: `1612`, `252K`, `55M` (`xtables_print_num`).
pub fn print_count(n: u64) -> String {
    let mut n = n;
    if n <= 99_999 {
        return n.to_string();
    }
    for unit in ["K", "M", "G"] {
        n = (n + 500) / 1000;
        if n <= 9_999 {
            return format!("{n}{unit}");
        }
    }
    format!("{}T", (n + 500) / 1000)
}

/// What `iptables -t TABLE -vnL` prints; `counter` gives the packets and bytes of a counter.
pub fn list_table(table: &Table, counter: &dyn Fn(u32) -> (u64, u64)) -> String {
    let chains: Vec<_> =
        (0..table.chains.len() as u32).map(|id| list_chain(table, id, counter)).collect();
    chains.join("\n")
}

/// What `iptables -t TABLE -vnL CHAIN` prints.
pub fn list_chain(table: &Table, id: u32, counter: &dyn Fn(u32) -> (u64, u64)) -> String {
    let Some(chain) = table.chains.get(id as usize) else { return String::new() };
    let mut out = header(table, chain, id, counter);
    out.push_str(concat!(
        " pkts bytes target     prot opt in     out     ",
        "source               destination         \n"
    ));
    for (rule, i) in chain.rules.iter().zip(0..) {
        let (packets, bytes) = counter(table.rule_counter(id, i));
        let _ = write!(out, "{:>5} {:>5} ", print_count(packets), print_count(bytes));
        row(&mut out, rule);
    }
    out
}

fn header(table: &Table, chain: &Chain, id: u32, counter: &dyn Fn(u32) -> (u64, u64)) -> String {
    match chain.policy {
        Some(policy) => {
            let (packets, bytes) = counter(table.policy_counter(id));
            format!(
                "Chain {} (policy {} {} packets, {} bytes)\n",
                chain.name,
                policy.name(),
                print_count(packets),
                print_count(bytes)
            )
        }
        None => format!("Chain {} ({} references)\n", chain.name, chain.references),
    }
}

/// One rule's columns from `target` on, as `-vnL` prints them.
fn row(out: &mut String, rule: &Rule) {
    let proto = match &rule.proto {
        None => " all".to_owned(),
        Some(p) => format!("{}{}", if p.negated { "!" } else { " " }, proto_text(p.value)),
    };
    let dev = |d: &Option<Negatable<super::IfName>>| match d {
        None => "*".to_owned(),
        Some(d) => format!("{}{}", if d.negated { "!" } else { "" }, d.value.0),
    };
    let _ = write!(
        out,
        "{:<9} {proto:<5} --  {:<6} {:<6} ",
        target_name(&rule.target),
        dev(&rule.in_dev),
        dev(&rule.out_dev)
    );
    for n in [&rule.src, &rule.dst] {
        let (bang, text) = n.as_ref().map_or((" ", "0.0.0.0/0".to_owned()), |n| {
            (if n.negated { "!" } else { " " }, short_net(&n.value))
        });
        let _ = write!(out, "{bang}{text:<19} ");
    }
    for m in &rule.matches {
        out.push_str(&match_words(m));
    }
    out.push_str(&target_words(&rule.target));
    out.push('\n');
}

fn short_net(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

fn target_name(target: &Target) -> &str {
    match target {
        Target::None => "",
        Target::Accept => "ACCEPT",
        Target::Drop => "DROP",
        Target::Return => "RETURN",
        Target::Jump(to) | Target::Goto(to) => to,
        Target::Reject(_) => "REJECT",
        Target::Mark { .. } => "MARK",
        Target::Dnat { .. } => "DNAT",
        Target::Snat { .. } => "SNAT",
        Target::Masquerade { .. } => "MASQUERADE",
        Target::Unsupported(text) => text.split_whitespace().nth(1).unwrap_or("?"),
    }
}

fn match_words(m: &Match) -> String {
    let bang = |negated: bool| if negated { "!" } else { "" };
    match m {
        Match::Comment(c) => format!(" /* {c} */"),
        Match::Ports { proto, sport, dport } => {
            let mut out = format!(" {}", proto_text(*proto));
            for (word, range) in [("spt", sport), ("dpt", dport)] {
                if let Some(r) = range {
                    let many = if r.value.first == r.value.last { "" } else { "s" };
                    let _ = write!(out, " {word}{many}:{}{}", bang(r.negated), r.value);
                }
            }
            out
        }
        Match::AddrType { src, dst } => {
            let mut out = " ADDRTYPE match".to_owned();
            for (word, kind) in [("src-type", src), ("dst-type", dst)] {
                if let Some(t) = kind {
                    let _ = write!(out, " {word} {}{}", bang(t.negated), t.value.name());
                }
            }
            out
        }
        Match::CtState(s) => format!(" {}ctstate {}", if s.negated { "! " } else { "" }, s.value),
        Match::Mark(m) => {
            let (value, mask) = m.value;
            let mask = if mask == u32::MAX { String::new() } else { format!("/{mask:#x}") };
            format!(" mark match {}{value:#x}{mask}", if m.negated { "! " } else { "" })
        }
        Match::Random { probability } => {
            format!(
                " statistic mode random probability {}",
                super::matches::fraction(*probability, 11)
            )
        }
        Match::PhysdevIsIn(n) => {
            format!(" PHYSDEV match {}--physdev-is-in", if n.negated { "! " } else { "" })
        }
        Match::Recent { list, op } => {
            let op = match op {
                RecentOp::Set => "SET".to_owned(),
                RecentOp::Check { seconds, reap } => {
                    let seconds = seconds.map_or_else(String::new, |s| format!(" seconds: {s}"));
                    format!("CHECK{seconds}{}", if *reap { " reap" } else { "" })
                }
            };
            format!(" recent: {op} name: {list} side: source mask: 255.255.255.255")
        }
        Match::Multiport { side, ports } => {
            format!(" multiport {} {}{}", side.words().1, bang(ports.negated), ranges(&ports.value))
        }
        Match::Nfacct(name) => format!(" nfacct-name  {name}"),
        Match::Unsupported(text) => format!(" {text}"),
    }
}

fn target_words(target: &Target) -> String {
    match target {
        Target::Reject(with) => format!(" reject-with {}", with.name()),
        Target::Mark { value, mask } => match (*value, *mask) {
            (v, m) if v == m => format!(" MARK or {v:#x}"),
            (0, m) => format!(" MARK and {:#x}", !m),
            (v, 0) => format!(" MARK xor {v:#x}"),
            (v, u32::MAX) => format!(" MARK set {v:#x}"),
            (v, m) => format!(" MARK xset {v:#x}/{m:#x}"),
        },
        Target::Dnat { addr, port: Some(p) } => format!(" to:{addr}:{p}"),
        Target::Dnat { addr, port: None } | Target::Snat { addr } => format!(" to:{addr}"),
        Target::Masquerade { random_fully: true } => " random-fully".to_owned(),
        Target::Goto(_) => " [goto] ".to_owned(),
        _ => String::new(),
    }
}

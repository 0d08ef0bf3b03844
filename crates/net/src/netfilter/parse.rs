//! Reads the text that `iptables-save` prints.

use super::TableName;
use super::matches::{
    AddrType, CtStates, IfName, Match, Negatable, PROTOCOLS, PortRange, RecentOp, Side,
};
use super::ruleset::{Policy, RejectWith, Rule, Ruleset, RulesetBuilder, Target};
use super::save::word_text;
use crate::wire::{PROTO_TCP, PROTO_UDP};
use ipnet::{IpNet, Ipv4Net};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// A line that iptables-restore would reject, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreError {
    /// Line of the text, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl Ruleset {
    /// Reads a text in the format of iptables-save: `*table`, `:CHAIN POLICY [packets:bytes]`,
    /// `-A CHAIN …`, `COMMIT`.
    ///
    /// # Errors
    /// Every line that is rejected, in order.
    pub fn parse(text: &str) -> Result<Self, Vec<RestoreError>> {
        Self::default().restored(text, false).map(|r| r.rules)
    }

    /// The result of `iptables-restore` on this ruleset. Tables and policies that the text does not
    /// name stay; with `noflush`, so do the chains it does not name.
    ///
    /// # Errors
    /// Every line that is rejected, in order.
    pub fn restored(&self, text: &str, noflush: bool) -> Result<Restored, Vec<RestoreError>> {
        let mut named = BTreeSet::new();
        let mut builder =
            if noflush { RulesetBuilder::from(self) } else { RulesetBuilder::default() };
        let mut chains = BTreeSet::new();
        // Chains whose rules are those from before, and jumps of theirs.
        let mut kept: BTreeSet<(TableName, Rc<str>)> = BTreeSet::new();
        for t in TableName::ALL {
            for (hook, chain) in t.hooks().iter().zip(&self.table(t).chains) {
                builder.policy(t, *hook, chain.policy.unwrap_or(Policy::Accept));
            }
            for chain in self.table(t).chains.iter().filter(|_| noflush) {
                chains.insert((t, chain.name.to_string()));
                kept.insert((t, chain.name.clone()));
            }
        }
        let mut deleted: Vec<(TableName, String, u32)> = Vec::new();
        let mut errors = Vec::new();
        let mut table = None;
        let mut jumps = Vec::new();
        for (line, n) in text.lines().zip(1..) {
            let mut fail = |column: u32, message: String| {
                errors.push(RestoreError { line: n, column, message });
            };
            let line = line.trim_end();
            match line.chars().next() {
                None | Some('#') => {}
                Some('*') => match TableName::from_name(&line[1..]) {
                    Some(t) => {
                        // A kernel has these without being told.
                        chains.extend(t.hooks().iter().map(|h| (t, h.name().to_owned())));
                        named.insert(t);
                        table = Some((t, n));
                    }
                    None => fail(
                        2,
                        format!(
                            "no table {:?}; the tables are raw, mangle, nat and filter",
                            &line[1..]
                        ),
                    ),
                },
                Some(':') => {
                    let mut words = line[1..].split_whitespace();
                    let (name, policy) =
                        (words.next().unwrap_or_default(), words.next().unwrap_or("-"));
                    let Some((t, _)) = table else {
                        fail(
                            1,
                            "a chain before any table; write *nat or *filter above it".to_owned(),
                        );
                        continue;
                    };
                    let hook = t.hooks().iter().find(|h| h.name() == name);
                    if let Some(why) = bad_chain_name(name) {
                        fail(2, why);
                        continue;
                    }
                    chains.insert((t, name.to_owned()));
                    if hook.is_none() && kept.remove(&(t, name.into())) {
                        builder.flush(t, name);
                    }
                    match (hook, policy) {
                        (None, _) => builder.new_chain(t, name),
                        (Some(h), "ACCEPT") => builder.policy(t, *h, Policy::Accept),
                        (Some(h), "DROP") => builder.policy(t, *h, Policy::Drop),
                        (Some(_), "-") => {}
                        (Some(_), other) => fail(
                            name.len() as u32 + 3,
                            format!("policy {other:?}; it must be ACCEPT or DROP"),
                        ),
                    }
                }
                Some(_) if line == "COMMIT" => table = None,
                Some(_) if line.starts_with("-X ") => {
                    let name = line[3..].trim();
                    match table {
                        Some((t, _))
                            if chains.contains(&(t, name.to_owned()))
                                && !t.hooks().iter().any(|h| h.name() == name) =>
                        {
                            kept.remove(&(t, name.into()));
                            deleted.push((t, name.to_owned(), n));
                        }
                        Some((t, _)) => fail(
                            4,
                            format!(
                                "no chain {name:?} of your own in table {} to delete",
                                t.name()
                            ),
                        ),
                        None => fail(
                            1,
                            "a chain to delete before any table; write *nat or *filter above it"
                                .to_owned(),
                        ),
                    }
                }
                Some(_) => {
                    let Some((t, _)) = table else {
                        fail(
                            1,
                            "a rule before any table; write *nat or *filter above it".to_owned(),
                        );
                        continue;
                    };
                    match parse_rule(line) {
                        Ok((chain, _)) if !chains.contains(&(t, chain.clone())) => {
                            fail(
                                4,
                                format!(
                                    "no chain {chain:?} in table {}; \
                                     write :{chain} - [0:0] above the rules",
                                    t.name()
                                ),
                            );
                        }
                        Ok((chain, rule)) => {
                            if let Target::Jump(to) | Target::Goto(to) = &rule.target {
                                jumps.push((t, chain.clone(), to.clone(), n));
                            }
                            builder.append(t, &chain, rule);
                        }
                        Err(mut e) => {
                            e.line = n;
                            errors.push(e);
                        }
                    }
                }
            }
        }
        for (t, chain) in &kept {
            for rule in self.table(*t).chain(chain).map_or(&[][..], |(_, c)| &c.rules) {
                if let Target::Jump(to) | Target::Goto(to) = &rule.target {
                    jumps.push((*t, chain.to_string(), to.clone(), 1));
                }
            }
        }
        for (t, name, line) in &deleted {
            let from = jumps
                .iter()
                .find(|(table, from, to, _)| table == t && **to == **name && from != name);
            if let Some((_, from, ..)) = from {
                errors.push(RestoreError {
                    line: *line,
                    column: 4,
                    message: format!("{name:?} cannot be deleted: {from:?} jumps to it"),
                });
            }
            builder.delete(*t, name);
        }
        for (t, _, to, line) in &jumps {
            if !chains.contains(&(*t, to.to_string())) {
                let message = format!(
                    "no chain and no target {to:?} in table {}; \
                     write :{to} - [0:0] above the rules",
                    t.name()
                );
                errors.push(RestoreError { line: *line, column: 1, message });
            }
        }
        if let Some((t, n)) = table {
            errors.push(RestoreError {
                line: n,
                column: 1,
                message: format!("table {} has no end; write COMMIT below its rules", t.name()),
            });
        }
        errors.extend(in_circles(&jumps));
        if !errors.is_empty() {
            return Err(errors);
        }
        kept.retain(|(t, _)| named.contains(t));
        Ok(Restored { rules: self.with(&named, &builder.build()), tables: named, kept })
    }
}

/// What `iptables-restore` loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The ruleset after the restore, with the tables that the text does not name.
    pub rules: Ruleset,
    /// The tables that the text names.
    pub tables: BTreeSet<TableName>,
    /// Chains of these tables that stay as they are, with their counters (`--noflush`).
    pub kept: BTreeSet<(TableName, Rc<str>)>,
}

/// Why a chain cannot have this name (`parse_chain` of iptables); `None` if it can.
fn bad_chain_name(name: &str) -> Option<String> {
    let fine = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\');
    match name {
        "" => Some("a chain without a name; write :NAME - [0:0]".to_owned()),
        _ if name.len() > 28 => {
            Some(format!("the chain name {name:?} is too long; 28 characters at most"))
        }
        _ if name.starts_with(['-', '!']) || !name.chars().all(fine) => Some(format!(
            "no chain can be named {name:?}; write letters, digits and '-', and begin with a letter"
        )),
        _ => None,
    }
}

/// A loop of jumps, which the kernel rejects (ELOOP).
fn in_circles(jumps: &[(TableName, String, Rc<str>, u32)]) -> Option<RestoreError> {
    let mut leads: BTreeMap<(TableName, &str), Vec<(&str, u32)>> = BTreeMap::new();
    for (table, from, to, line) in jumps {
        leads.entry((*table, from)).or_default().push((to, *line));
    }
    let mut done = BTreeSet::new();
    for (table, start) in leads.keys() {
        let mut path = vec![(*start, 0)];
        while let Some((chain, next)) = path.last_mut() {
            let (from, at) = (*chain, *next);
            *next += 1;
            match leads.get(&(*table, from)).and_then(|l| l.get(at)) {
                Some((to, line)) if path.iter().any(|(on, _)| on == to) => {
                    let message = format!(
                        "the jump to {to:?} leads back to {from:?}, which is a loop; remove it"
                    );
                    return Some(RestoreError { line: *line, column: 1, message });
                }
                Some((to, _)) if !done.contains(&(*table, *to)) => path.push((to, 0)),
                Some(_) => {}
                None => {
                    done.insert((*table, from));
                    path.pop();
                }
            }
        }
    }
    None
}

struct Words<'a> {
    line: &'a str,
    at: usize,
    start: usize,
    /// The last word was quoted: it is a value even if it looks like an option.
    quoted: bool,
    /// A quote is not closed.
    unclosed: bool,
}

impl Words<'_> {
    /// The next word, without quotes; `\` escapes the next character.
    fn next(&mut self) -> Option<String> {
        let rest = &self.line[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.start = self.at;
        let mut word = String::new();
        let mut quote = None;
        let mut chars = self.line[self.at..].char_indices();
        let mut any = false;
        self.quoted = false;
        while let Some((i, c)) = chars.next() {
            any = true;
            match c {
                '\\' => word.extend(chars.next().map(|(_, c)| c)),
                '"' | '\'' if quote.is_none() => (quote, self.quoted) = (Some(c), true),
                _ if quote == Some(c) => quote = None,
                _ if c.is_whitespace() && quote.is_none() => {
                    self.at += i;
                    return Some(word);
                }
                _ => word.push(c),
            }
        }
        self.unclosed |= quote.is_some();
        self.at = self.line.len();
        any.then_some(word)
    }

    fn error(&self, message: impl Into<String>) -> RestoreError {
        let column = self.line[..self.start].chars().count() as u32 + 1;
        RestoreError { line: 1, column, message: message.into() }
    }

    fn value(&mut self, flag: &str, what: &str) -> Result<String, RestoreError> {
        self.next().ok_or_else(|| self.error(format!("{flag} needs {what} behind it")))
    }
}

/// Loads the module of the rule's protocol, as its options do, unless it is loaded. Returns whether
/// the rule has it then.
fn loads_ports(rule: &mut Rule) -> bool {
    let is_loaded = rule.matches.iter().any(|m| matches!(m, Match::Ports { .. }));
    if is_loaded {
        return true;
    }
    let proto = rule.proto.as_ref().filter(|p| !p.negated).map(|p| p.value);
    let Some(proto) = proto.filter(|p| matches!(*p, PROTO_TCP | PROTO_UDP)) else { return false };
    rule.matches.push(Match::Ports { proto, sport: None, dport: None });
    true
}

/// Reads an `-A CHAIN …` line: the chain and the rule.
///
/// # Errors
/// The first word that is rejected. Unknown matches and targets are accepted: they are kept as text
/// and stop a packet that reaches them.
pub fn parse_rule(line: &str) -> Result<(String, Rule), RestoreError> {
    let mut w = Words { line, at: 0, start: 0, quoted: false, unclosed: false };
    let mut first = w.next();
    if first.as_deref().is_some_and(|f| f.starts_with('[')) {
        first = w.next();
    }
    if !matches!(first.as_deref(), Some("-A" | "--append")) {
        return Err(w.error("expected a rule: -A CHAIN, then conditions, then -j TARGET"));
    }
    let chain = w.value("-A", "a chain name")?;
    let mut rule = Rule::to(Target::None);
    let mut negated = false;
    while let Some(word) = w.next() {
        let bang = std::mem::take(&mut negated);
        let neg = |value| Negatable { negated: bang, value };
        match word.as_str() {
            "!" => negated = true,
            "-s" | "--source" => {
                rule.src = Some(Negatable { negated: bang, value: net(&mut w, &word)? });
            }
            "-d" | "--destination" => {
                rule.dst = Some(Negatable { negated: bang, value: net(&mut w, &word)? });
            }
            "-i" | "--in-interface" => {
                rule.in_dev = Some(Negatable {
                    negated: bang,
                    value: IfName(w.value(&word, "a device name")?.into()),
                });
            }
            "-o" | "--out-interface" => {
                rule.out_dev = Some(Negatable {
                    negated: bang,
                    value: IfName(w.value(&word, "a device name")?.into()),
                });
            }
            "-p" | "--protocol" => {
                let name = w.value(&word, "a protocol")?;
                let number = PROTOCOLS
                    .into_iter()
                    .find(|(_, n)| *n == name)
                    .map(|(n, _)| n)
                    .or_else(|| name.parse().ok());
                match number {
                    _ if name == "all" || number == Some(0) => {}
                    Some(n) => rule.proto = Some(neg(n)),
                    None => {
                        return Err(w.error(format!(
                            "no protocol {name:?}; write tcp, udp, icmp, sctp or a number"
                        )));
                    }
                }
            }
            "-m" | "--match" | "-j" | "--jump" | "-g" | "--goto" if bang => {
                return Err(w.error(format!("{word:?} cannot be negated; remove the ! before it")));
            }
            "-m" | "--match" => {
                let module = w.value(&word, "a module name")?;
                let found = module_match(&mut w, &module)?;
                rule.matches.push(found);
            }
            "-j" | "--jump" | "-g" | "--goto" => {
                let name = w.value(&word, "a target")?;
                rule.target = if word == "-g" || word == "--goto" {
                    Target::Goto(name.into())
                } else {
                    target(&mut w, &name)?
                };
            }
            // An option of the protocol's module, which may stand anywhere behind it.
            "--sport" | "--source-port" | "--dport" | "--destination-port"
                if loads_ports(&mut rule) =>
            {
                let value = w.value(&word, "a port")?;
                let range = Some(Negatable { negated: bang, value: port_range(&w, &value)? });
                if let Some(Match::Ports { sport, dport, .. }) =
                    rule.matches.iter_mut().rfind(|m| matches!(m, Match::Ports { .. }))
                {
                    *(if word.starts_with("--s") { sport } else { dport }) = range;
                }
            }
            other => {
                return Err(
                    w.error(format!("{other:?} is not an option of iptables that is known here"))
                );
            }
        }
    }
    if negated {
        return Err(w.error("a ! with nothing behind it; remove it, or write what is negated"));
    }
    if w.unclosed {
        return Err(w.error(
            "a quote is opened here and not closed; close it, or write \\\" for the character",
        ));
    }
    // Ports are those of a protocol, which the rule must ask for.
    let asked = rule.proto.as_ref().filter(|p| !p.negated).map(|p| p.value);
    let other = |m: &&Match| matches!(m, Match::Ports { proto, .. } if Some(*proto) != asked);
    if let Some(m) = rule.matches.iter().find(other) {
        return Err(w.error(format!("-m {0} needs -p {0} before it", m.module())));
    }
    Ok((chain, rule))
}

fn net(w: &mut Words<'_>, flag: &str) -> Result<IpNet, RestoreError> {
    let text = w.value(flag, "an address")?;
    let parsed =
        text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    parsed.map(|n| n.trunc()).ok_or_else(|| {
        w.error(format!("{text:?} is not an address; write 10.1.5.4 or 10.1.4.0/22"))
    })
}

/// The words that belong to a match extension: everything up to the next single-letter option.
fn module_words(w: &mut Words<'_>) -> Vec<(bool, String)> {
    let mut out = Vec::new();
    loop {
        let (at, start) = (w.at, w.start);
        let Some(mut word) = w.next() else { break };
        let bang = word == "!" && !w.quoted;
        if bang {
            let Some(next) = w.next() else { break };
            word = next;
        }
        if word.starts_with('-') && !word.starts_with("--") && !w.quoted {
            (w.at, w.start) = (at, start);
            break;
        }
        out.push((bang, word));
    }
    out
}

fn module_match(w: &mut Words<'_>, module: &str) -> Result<Match, RestoreError> {
    let words = module_words(w);
    let pairs = || {
        words.chunks(2).map(|c| (c[0].0, c[0].1.as_str(), c.get(1).map_or("", |v| v.1.as_str())))
    };
    let unsupported = || {
        let text: Vec<_> = words
            .iter()
            .map(|(b, t)| format!("{}{}", if *b { "! " } else { "" }, word_text(t)))
            .collect();
        Match::Unsupported(format!("-m {} {}", word_text(module), text.join(" ")).trim_end().into())
    };
    Ok(match module {
        "comment" => Match::Comment(words.get(1).map_or("", |v| v.1.as_str()).into()),
        "tcp" | "udp" | "sctp" => {
            let number = PROTOCOLS.into_iter().find(|(_, n)| *n == module).map_or(6, |(n, _)| n);
            let (mut sport, mut dport) = (None, None);
            for (negated, flag, value) in pairs() {
                match flag {
                    "--sport" | "--source-port" => {
                        sport = Some(Negatable { negated, value: port_range(w, value)? });
                    }
                    "--dport" | "--destination-port" => {
                        dport = Some(Negatable { negated, value: port_range(w, value)? });
                    }
                    _ => return Ok(unsupported()),
                }
            }
            Match::Ports { proto: number, sport, dport }
        }
        "addrtype" => {
            let (mut src, mut dst) = (None, None);
            for (negated, flag, value) in pairs() {
                let kinds =
                    [AddrType::Local, AddrType::Broadcast, AddrType::Multicast, AddrType::Unicast];
                let Some(kind) = kinds.into_iter().find(|k| k.name() == value) else {
                    return Ok(unsupported());
                };
                match flag {
                    "--src-type" => src = Some(Negatable { negated, value: kind }),
                    "--dst-type" => dst = Some(Negatable { negated, value: kind }),
                    _ => return Ok(unsupported()),
                }
            }
            Match::AddrType { src, dst }
        }
        "conntrack" | "state" => match pairs().next() {
            Some((negated, "--ctstate" | "--state", value)) if words.len() == 2 => {
                let mut states = CtStates::default();
                for name in value.split(',') {
                    let known = CtStates::NAMES.into_iter().find(|(_, n)| *n == name);
                    let Some((state, _)) = known else {
                        return Err(w.error(format!("no connection state {name:?}")));
                    };
                    states = states.with(state);
                }
                Match::CtState(Negatable { negated, value: states })
            }
            _ => unsupported(),
        },
        "mark" => match pairs().next() {
            Some((negated, "--mark", value)) if words.len() == 2 => {
                let mark = masked(value).ok_or_else(|| {
                    w.error(format!("{value:?} is not a mark; write 0x4000/0x4000"))
                })?;
                Match::Mark(Negatable { negated, value: mark })
            }
            _ => unsupported(),
        },
        "statistic" => {
            let found: Vec<_> = pairs().collect();
            match found.as_slice() {
                [(_, "--mode", "random"), (false, "--probability", value)] => {
                    let p = value.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
                    let p = p.ok_or_else(|| {
                        w.error(format!(
                            "{value:?} is not a probability; write a number from 0 to 1"
                        ))
                    })?;
                    Match::Random { probability: (p * 2_147_483_648.0).round() as u32 }
                }
                _ => unsupported(),
            }
        }
        "recent" => recent(&words).unwrap_or_else(unsupported),
        "nfacct" => match words.as_slice() {
            [(false, flag), (_, name)] if flag == "--nfacct-name" => {
                Match::Nfacct(name.as_str().into())
            }
            _ => unsupported(),
        },
        "multiport" => {
            let side = [Side::Source, Side::Destination, Side::Either].into_iter().find(|s| {
                let first = words.first().map(|w| w.1.as_str());
                first == Some(s.words().0) || first == Some(s.long())
            });
            let all =
                words.get(1).and_then(|w| w.1.split(',').map(ports).collect::<Option<Vec<_>>>());
            match (side, all, words.as_slice()) {
                (Some(side), Some(all), [(negated, _), _]) => {
                    Match::Multiport { side, ports: Negatable { negated: *negated, value: all } }
                }
                _ => unsupported(),
            }
        }
        "physdev" => match words.as_slice() {
            [(negated, flag)] if flag == "--physdev-is-in" => {
                Match::PhysdevIsIn(Negatable { negated: *negated, value: () })
            }
            _ => unsupported(),
        },
        _ => unsupported(),
    })
}

fn port_range(w: &Words<'_>, text: &str) -> Result<PortRange, RestoreError> {
    ports(text).ok_or_else(|| {
        w.error(format!("{text:?} is not a port; write a number from 0 to 65535, or first:last"))
    })
}

/// `recent` with `--set`, or with `--rcheck` without `--hitcount`, by the whole source address;
/// `None` for anything else.
fn recent(words: &[(bool, String)]) -> Option<Match> {
    let (mut list, mut op, mut since, mut oldest): (Rc<str>, _, _, _) =
        ("DEFAULT".into(), None, None, false);
    let mut words = words.iter();
    while let Some((negated, word)) = words.next() {
        if *negated {
            return None;
        }
        let mut value = || words.next().map(|(_, v)| v.as_str());
        match word.as_str() {
            "--set" => op = Some(RecentOp::Set),
            "--rcheck" => op = Some(RecentOp::Check { seconds: None, reap: false }),
            "--name" => list = value()?.into(),
            "--seconds" => since = Some(value()?.parse().ok()?),
            "--reap" => oldest = true,
            "--rsource" => {}
            "--mask" => value().filter(|m| *m == "255.255.255.255").map(|_| ())?,
            _ => return None,
        }
    }
    let op = match op? {
        RecentOp::Set => RecentOp::Set,
        RecentOp::Check { .. } => RecentOp::Check { seconds: since, reap: oldest },
    };
    Some(Match::Recent { list, op })
}

fn ports(text: &str) -> Option<PortRange> {
    match text.split_once(':') {
        None => text.parse().ok().map(PortRange::one),
        Some((a, b)) => {
            let first = if a.is_empty() { 0 } else { a.parse().ok()? };
            let last = if b.is_empty() { u16::MAX } else { b.parse().ok()? };
            Some(PortRange { first, last })
        }
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn masked(text: &str) -> Option<(u32, u32)> {
    match text.split_once('/') {
        Some((value, mask)) => Some((number(value)?, number(mask)?)),
        None => Some((number(text)?, u32::MAX)),
    }
}

fn target(w: &mut Words<'_>, name: &str) -> Result<Target, RestoreError> {
    let words = module_words(w);
    let flag = words.first().map(|v| v.1.as_str());
    let value = words.get(1).map_or("", |v| v.1.as_str());
    let unsupported = || {
        let text: Vec<_> = words.iter().map(|v| word_text(&v.1)).collect();
        Target::Unsupported(format!("-j {} {}", word_text(name), text.join(" ")).trim_end().into())
    };
    Ok(match (name, flag) {
        ("ACCEPT", None) => Target::Accept,
        ("DROP", None) => Target::Drop,
        ("RETURN", None) => Target::Return,
        ("REJECT", None) => Target::Reject(RejectWith::PortUnreachable),
        ("REJECT", Some("--reject-with")) => {
            let found = RejectWith::NAMES
                .into_iter()
                .find(|(_, n)| *n == value || n.strip_prefix("icmp-") == Some(value));
            Target::Reject(
                found
                    .ok_or_else(|| {
                        w.error(format!(
                            "no answer {value:?}; the default is icmp-port-unreachable"
                        ))
                    })?
                    .0,
            )
        }
        ("MARK", Some(flag)) => {
            let (v, m) = masked(value)
                .ok_or_else(|| w.error(format!("{value:?} is not a mark; write 0x4000/0x4000")))?;
            match flag {
                "--set-xmark" => Target::Mark { value: v, mask: m },
                "--set-mark" => Target::Mark { value: v, mask: v | m },
                "--or-mark" => Target::Mark { value: v, mask: v },
                "--and-mark" => Target::Mark { value: 0, mask: !v },
                "--xor-mark" => Target::Mark { value: v, mask: 0 },
                _ => unsupported(),
            }
        }
        ("DNAT", Some("--to-destination")) if words.len() == 2 => {
            let plain = value.parse::<IpAddr>().map(|addr| (addr, None));
            let with_port =
                || value.parse::<std::net::SocketAddr>().map(|s| (s.ip(), Some(s.port())));
            match plain.or_else(|_| with_port()) {
                Ok((addr, port)) => Target::Dnat { addr, port },
                Err(_) => unsupported(),
            }
        }
        ("SNAT", Some("--to-source")) if words.len() == 2 => match value.parse() {
            Ok(addr) => Target::Snat { addr },
            Err(_) => unsupported(),
        },
        ("MASQUERADE", None) => Target::Masquerade { random_fully: false },
        ("MASQUERADE", Some("--random-fully")) if words.len() == 1 => {
            Target::Masquerade { random_fully: true }
        }
        (_, None) if is_builtin_target(name) => unsupported(),
        (_, None) => Target::Jump(name.into()),
        _ => unsupported(),
    })
}

/// Whether a target is an extension rather than a chain, although it may come without options.
fn is_builtin_target(name: &str) -> bool {
    matches!(
        name,
        "LOG"
            | "NFLOG"
            | "QUEUE"
            | "NFQUEUE"
            | "TRACE"
            | "NOTRACK"
            | "CT"
            | "REDIRECT"
            | "NETMAP"
            | "TPROXY"
            | "CONNMARK"
            | "DNAT"
            | "SNAT"
            | "MARK"
    )
}

impl Rule {
    /// This rule with `-s net`, or `! -s net`.
    #[must_use]
    pub fn from_net(mut self, negated: bool, net: Ipv4Net) -> Self {
        self.src = Some(Negatable { negated, value: net.into() });
        self
    }
    /// This rule with `-d net`, or `! -d net`.
    #[must_use]
    pub fn to_net(mut self, negated: bool, net: Ipv4Net) -> Self {
        self.dst = Some(Negatable { negated, value: net.into() });
        self
    }
}

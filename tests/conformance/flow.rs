//! Packet flows: the product's rule evaluation, repeated for every outcome of the random rules.

use net::netfilter::{
    AddrType, CtStates, Hook, MatchInput, RecentOp, RuleEffect, Ruleset, TableName, Walk,
    WalkContext, WalkStep,
};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The contents of `NAME.flows.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Flows {
    /// The addresses of the node.
    pub(crate) local_ips: Vec<IpAddr>,
    /// The packets to check.
    pub(crate) flows: Vec<Flow>,
}

/// A packet, and its expected destination.
#[derive(Debug, Deserialize)]
pub(crate) struct Flow {
    pub(crate) name: String,
    src: IpAddr,
    dst: IpAddr,
    dport: u16,
    proto: String,
    expect: Expect,
    masq: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Expect {
    Word(String),
    Endpoints(Vec<String>),
}

/// Random choices: those given, then always a match.
struct Given {
    given: Vec<bool>,
    made: Vec<bool>,
}

impl WalkContext for Given {
    fn draw(&mut self, _: u32, _: u32, _: u32) -> (u32, bool) {
        let taken = self.given.get(self.made.len()).copied().unwrap_or(true);
        self.made.push(taken);
        (if taken { 0 } else { 0x7fff_ffff }, false)
    }
    // No client is in a `recent` list.
    fn recent(&mut self, _: &Rc<str>, op: RecentOp, _: IpAddr) -> bool {
        op == RecentOp::Set
    }
}

/// The result of one evaluation.
#[derive(Default)]
struct WalkResult {
    dnat: Option<SocketAddr>,
    word: Option<&'static str>,
    masq: bool,
    choices: Vec<bool>,
}

fn walk(
    rules: &Ruleset,
    table: TableName,
    hook: Hook,
    view: &MatchInput<'_>,
    given: Vec<bool>,
) -> Result<WalkResult, String> {
    let mut result = WalkResult::default();
    let mut chance = Given { given, made: Vec::new() };
    let mut walk = Walk::new(rules, table, hook).ok_or("no such hook")?;
    while let Some(step) = walk.step(rules, view, &mut chance) {
        match step {
            WalkStep::Matched { effect, .. } => match effect {
                RuleEffect::Jump(to) => result.masq |= &*to == "KUBE-MARK-MASQ",
                RuleEffect::Dnat { addr, port } => {
                    result.dnat = Some(SocketAddr::new(addr, port.unwrap_or_default()));
                }
                RuleEffect::Drop => result.word = Some("DROP"),
                RuleEffect::Reject(_) => result.word = Some("REJECT"),
                RuleEffect::Accept => result.word = Some("ACCEPT"),
                _ => {}
            },
            WalkStep::Unsupported { rule, .. } => {
                return Err(format!("rule {rule} is not simulated"));
            }
            WalkStep::Returned { .. } | WalkStep::Policy { .. } => {}
        }
    }
    result.choices = chance.made;
    Ok(result)
}

/// Parses rules and adds the jumps to kube-proxy's chains from the hooks where the cases start.
pub(crate) fn entered(rules: &str) -> Result<Ruleset, String> {
    let has = |table: &str, chain: &str| {
        let body = rules
            .split(&format!("*{table}\n"))
            .nth(1)
            .and_then(|t| t.split("COMMIT").next())
            .unwrap_or_default();
        body.lines().any(|l| l.starts_with(&format!(":{chain} ")))
    };
    let mut text = String::new();
    for line in rules.lines() {
        // The cases have their own jumps in built-in chains, with unquoted comments: dropped.
        let built_in = ["INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"]
            .iter()
            .any(|c| line.starts_with(&format!("-A {c} ")));
        if built_in {
            continue;
        }
        if line == "COMMIT" {
            let filter = text.rfind("*filter").unwrap_or(0) >= text.rfind("*nat").unwrap_or(0);
            let jumps: &[(&str, &str)] = if filter && text.contains("*filter") {
                &[
                    ("FORWARD", "KUBE-SERVICES"),
                    ("FORWARD", "KUBE-EXTERNAL-SERVICES"),
                    ("FORWARD", "KUBE-NODEPORTS"),
                    ("FORWARD", "KUBE-PROXY-FIREWALL"),
                ]
            } else {
                &[("PREROUTING", "KUBE-SERVICES")]
            };
            for (from, to) in jumps {
                if has(if filter { "filter" } else { "nat" }, to) {
                    text += &format!("-A {from} -j {to}\n");
                }
            }
        }
        text += line;
        text.push('\n');
    }
    Ruleset::parse(&text)
        .map_err(|e| format!("rules: {}", e.first().map(ToString::to_string).unwrap_or_default()))
}

/// Compares the destinations of a packet with those expected.
pub(crate) fn check(rules: &Ruleset, local: &[IpAddr], f: &Flow) -> Result<(), String> {
    let proto = kube::proxy::ServiceProtocol::from_name(&f.proto)
        .ok_or_else(|| format!("protocol {:?}", f.proto))?
        .number();
    let addr_type =
        |a: IpAddr| if local.contains(&a) { AddrType::Local } else { AddrType::Unicast };
    let view = |dst| MatchInput {
        src: f.src,
        dst,
        proto,
        ports: Some((40_000, f.dport)),
        tcp_flags: None,
        in_dev: "",
        out_dev: "",
        physin: "",
        physout: "",
        mark: 0,
        ctstate: CtStates::default(),
        addr_type: &addr_type,
    };
    let (mut ends, mut masq): (Vec<String>, bool) = (Vec::new(), false);
    let (mut given, mut first) = (Vec::new(), f.dst);
    loop {
        let result = walk(rules, TableName::Nat, Hook::Prerouting, &view(f.dst), given)?;
        masq |= result.masq;
        if let Some(to) = result.dnat {
            if ends.is_empty() {
                first = to.ip();
            }
            if !ends.contains(&to.to_string()) {
                ends.push(to.to_string());
            }
        }
        // Next branch: the last choice that matched does not match now.
        let mut next = result.choices;
        while next.last() == Some(&false) {
            next.pop();
        }
        match next.last_mut() {
            Some(taken) => *taken = false,
            None => break,
        }
        given = next;
    }
    let result = walk(rules, TableName::Filter, Hook::Forward, &view(first), Vec::new())?;
    ends.extend(result.word.map(str::to_owned));
    let expected: Vec<String> = match &f.expect {
        Expect::Word(w) if w.is_empty() => Vec::new(),
        Expect::Word(w) => vec![w.clone()],
        Expect::Endpoints(all) => all.clone(),
    };
    if (&ends, masq) == (&expected, f.masq) {
        return Ok(());
    }
    let told = |ends: &[String], masq: bool| {
        format!("[{}]{}", ends.join(", "), if masq { " masqueraded" } else { "" })
    };
    Err(format!(
        "{}: {} > {}:{} {}: {} expected, {} found",
        f.name,
        f.src,
        f.dst,
        f.dport,
        f.proto,
        told(&expected, f.masq),
        told(&ends, masq)
    ))
}

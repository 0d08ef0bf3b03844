//! `iptables`: listing with counters, and the operations on one rule, chain or policy
//! (`iptables/iptables.c`, `do_command4`).

use super::CommandOutput;
use crate::session::Session;
use net::NetnsId;
use net::engine::Setting;
use net::netfilter::{
    Policy, Restored, Rule, Ruleset, RulesetBuilder, TableName, Target, parse_rule,
};
use std::rc::Rc;

const NO_CHAIN: &str = "iptables: No chain/target/match by that name.";
const NO_RULE: &str = "iptables: Bad rule (does a matching rule exist in that chain?).";

/// Runs `iptables` with these arguments.
pub(super) fn iptables(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let (table, rest) = match table(args) {
        Ok(found) => found,
        Err(out) => return out,
    };
    let Some(at) = rest.iter().position(|a| OPERATIONS.contains(a)) else {
        return list(session, netns, table, &rest);
    };
    let rules = &session.world().state().ns(netns).rules;
    let operands = [&rest[..at], &rest[at + 1..]].concat();
    match changed(rules, table, rest[at], &operands) {
        Ok(Some(rules)) => {
            let kept = rules.table(table).chains.iter().map(|c| (table, c.name.clone())).collect();
            let restored = Restored { rules, tables: [table].into(), kept };
            session.configure(netns, Setting::Rules(Box::new(restored)));
            CommandOutput::default()
        }
        Ok(None) => CommandOutput::default(),
        Err(message) => CommandOutput::fail(1, message + "\n"),
    }
}

/// The operations that change rules, and `-C`, which asks for one.
const OPERATIONS: [&str; 20] = [
    "-A",
    "--append",
    "-I",
    "--insert",
    "-D",
    "--delete",
    "-R",
    "--replace",
    "-P",
    "--policy",
    "-F",
    "--flush",
    "-N",
    "--new-chain",
    "-X",
    "--delete-chain",
    "-Z",
    "--zero",
    "-C",
    "--check",
];

/// Whether a command line changes rules.
pub(super) fn changes(args: &[&str]) -> bool {
    args.iter().any(|a| OPERATIONS[..16].contains(a))
}

/// The table of `-t`, and the other arguments without those that only say how to wait.
fn table<'a>(args: &[&'a str]) -> Result<(TableName, Vec<&'a str>), CommandOutput> {
    let (mut table, mut rest, mut args) = (TableName::Filter, Vec::new(), args.iter());
    while let Some(arg) = args.next() {
        match *arg {
            "-t" | "--table" => match args.next().and_then(|n| TableName::from_name(n)) {
                Some(t) => table = t,
                None => {
                    return Err(CommandOutput::fail(
                        3,
                        "iptables: can't initialize iptables table: the tables are raw, mangle, nat and filter\n",
                    ));
                }
            },
            "-w" | "--wait" => {}
            other => rest.push(other),
        }
    }
    Ok((table, rest))
}

/// The ruleset after one operation; `None` if it changes nothing.
fn changed(
    rules: &Ruleset,
    table: TableName,
    operation: &str,
    operands: &[&str],
) -> Result<Option<Ruleset>, String> {
    let mut b = RulesetBuilder::from(rules);
    let built_in = |name: &str| table.hooks().iter().copied().find(|h| h.name() == name);
    let number = |text: Option<&&str>| text.and_then(|n| n.parse::<usize>().ok());
    let Some((chain, rest)) = operands.split_first() else {
        if !matches!(operation, "-F" | "--flush") {
            return Err(format!("iptables: {operation} needs the name of a chain"));
        }
        for c in &rules.table(table).chains {
            b.flush(table, &c.name);
        }
        return Ok(Some(b.build()));
    };
    let exists = b.has_chain(table, chain);
    if !exists && !matches!(operation, "-N" | "--new-chain") {
        return Err(NO_CHAIN.to_owned());
    }
    match operation {
        "-N" | "--new-chain" if exists => return Err("iptables: Chain already exists.".to_owned()),
        "-N" | "--new-chain" => {
            let text = format!("*{}\n:{chain} - [0:0]\nCOMMIT\n", table.name());
            rules.restored(&text, true).map_err(|e| first(&e))?;
            b.new_chain(table, chain);
        }
        "-F" | "--flush" => b.flush(table, chain),
        "-X" | "--delete-chain" => {
            let (_, found) = rules.table(table).chain(chain).ok_or(NO_CHAIN)?;
            if built_in(chain).is_some() || found.references > 0 {
                return Err("iptables: Too many links.".to_owned());
            }
            if !found.rules.is_empty() {
                return Err("iptables: Directory not empty.".to_owned());
            }
            b.delete(table, chain);
        }
        "-P" | "--policy" => {
            let hook = built_in(chain).ok_or("iptables: Bad built-in chain name.")?;
            let policy = match rest {
                ["ACCEPT"] => Policy::Accept,
                ["DROP"] => Policy::Drop,
                _ => return Err("iptables: Bad policy name: write ACCEPT or DROP".to_owned()),
            };
            b.policy(table, hook, policy);
        }
        "-D" | "--delete" if number(rest.first()).is_some() && rest.len() == 1 => {
            let at = number(rest.first()).unwrap_or_default();
            let all = b.rules_mut(table, chain).ok_or(NO_CHAIN)?;
            if at == 0 || at > all.len() {
                return Err("iptables: Index of deletion too big.".to_owned());
            }
            all.remove(at - 1);
        }
        "-D" | "--delete" | "-C" | "--check" => {
            let rule = read(rules, table, chain, rest)?;
            let all = b.rules_mut(table, chain).ok_or(NO_CHAIN)?;
            let at = all.iter().position(|r| **r == rule).ok_or(NO_RULE)?;
            if operation.starts_with("-C") || operation == "--check" {
                return Ok(None);
            }
            all.remove(at);
        }
        "-A" | "--append" => {
            let rule = read(rules, table, chain, rest)?;
            b.append(table, chain, rule);
        }
        "-I" | "--insert" => {
            let at = number(rest.first());
            let rule = read(rules, table, chain, &rest[usize::from(at.is_some())..])?;
            let all = b.rules_mut(table, chain).ok_or(NO_CHAIN)?;
            let at = at.unwrap_or(1);
            if at == 0 || at > all.len() + 1 {
                return Err("iptables: Index of insertion too big.".to_owned());
            }
            all.insert(at - 1, Rc::new(rule));
        }
        "-R" | "--replace" => {
            let at = number(rest.first()).ok_or("iptables: -R requires a rule number")?;
            let rule = read(rules, table, chain, &rest[1..])?;
            let all = b.rules_mut(table, chain).ok_or(NO_CHAIN)?;
            *all.get_mut(at.wrapping_sub(1)).ok_or("iptables: Index of replacement too big.")? =
                Rc::new(rule);
        }
        _ => return Err(format!("iptables: {operation} is not understood here")),
    }
    Ok(Some(b.build()))
}

/// Reads the conditions and target of a rule, and checks that the kernel would take it.
fn read(rules: &Ruleset, table: TableName, chain: &str, words: &[&str]) -> Result<Rule, String> {
    let line = words.iter().fold(format!("-A {chain}"), |line, w| format!("{line} {}", quoted(w)));
    let (_, rule) = parse_rule(&line).map_err(|e| format!("iptables: {}", e.message))?;
    if let Target::Jump(to) | Target::Goto(to) = &rule.target
        && rules.table(table).chain(to).is_none()
    {
        return Err(NO_CHAIN.to_owned());
    }
    let text = format!("*{}\n{line}\nCOMMIT\n", table.name());
    rules.restored(&text, true).map_err(|e| first(&e))?;
    Ok(rule)
}

fn first(errors: &[net::netfilter::RestoreError]) -> String {
    errors.first().map_or_else(String::new, |e| format!("iptables: {}", e.message))
}

/// A word as it is written in a rule: in quotes if it has a space.
fn quoted(word: &str) -> String {
    if word.is_empty()
        || word.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\'))
    {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        word.to_owned()
    }
}

fn list(session: &Session, netns: NetnsId, table: TableName, args: &[&str]) -> CommandOutput {
    let (mut list, mut verbose, mut chain) = (false, false, None);
    for arg in args {
        match *arg {
            "-L" | "--list" => list = true,
            "-n" | "-v" | "--line-numbers" => verbose |= *arg == "-v",
            flags
                if flags.starts_with('-')
                    && flags.len() > 1
                    && flags[1..].chars().all(|c| "vnL".contains(c)) =>
            {
                list |= flags.contains('L');
                verbose |= flags.contains('v');
            }
            name if !name.starts_with('-') => chain = Some(name),
            other => {
                return CommandOutput::fail(
                    2,
                    format!(
                        "iptables: option {other:?} is not understood here; try: iptables -t nat -vnL [CHAIN]\n"
                    ),
                );
            }
        }
    }
    if !list || !verbose {
        return CommandOutput::fail(
            2,
            "iptables: only listing with counters is understood here: iptables -t nat -vnL [CHAIN]\n",
        );
    }
    match net::dump::iptables_list(session.world().state().ns(netns), table, chain) {
        Some(text) => CommandOutput::ok(text),
        None => CommandOutput::fail(1, format!("{NO_CHAIN}\n")),
    }
}

#[cfg(test)]
mod tests {
    use crate::presets::Preset;
    use crate::session::Session;
    use crate::shell::exec;

    #[test]
    fn rules_are_inserted_replaced_and_deleted_by_number_and_by_text() {
        let preset = Preset::named("article-nodeport").expect("preset").document();
        let mut s = Session::new(&preset, 7, true).expect("valid");
        let before = exec(&mut s, "node01", "iptables-save").text;
        let mut run = |line: &str| {
            let out = exec(&mut s, "node01", line);
            (out.status, out.text)
        };
        let fine = (0, String::new());
        let spec = "-s 10.0.0.0/8 -p tcp -m tcp --dport 80 -m comment --comment \"no web\" -j DROP";
        assert_eq!(run(&format!("iptables -I FORWARD 2 {spec}")), fine);
        assert_eq!(run(&format!("iptables -C FORWARD {spec}")), fine);
        assert_eq!(run("iptables -R FORWARD 2 -s 10.0.0.0/8 -j ACCEPT"), fine);
        assert_eq!(run(&format!("iptables -D FORWARD {spec}")).0, 1, "it was replaced");
        assert_eq!(run("iptables -D FORWARD 2"), fine);
        assert_eq!(run("iptables -P FORWARD DROP"), fine);
        assert_eq!(run("iptables -P FORWARD ACCEPT"), fine);
        assert_eq!(run("iptables -t nat -N MINE"), fine);
        assert_eq!(run("iptables -t nat -A MINE -j MINE").0, 1, "a loop");
        assert_eq!(run("iptables -t nat -A MINE -j NOWHERE").0, 1);
        assert_eq!(run("iptables -t nat -A MINE -d 10.0.0.1 -j RETURN"), fine);
        assert_eq!(run("iptables -t nat -X MINE").0, 1, "it has a rule");
        assert_eq!(run("iptables -t nat -F MINE"), fine);
        assert_eq!(run("iptables -t nat -X MINE"), fine);
        let rules = |text: &str| {
            text.lines().filter(|l| l.starts_with("-A")).map(str::to_owned).collect::<Vec<_>>()
        };
        let after = exec(&mut s, "node01", "iptables-save").text;
        assert_eq!(rules(&after), rules(&before));
    }
}

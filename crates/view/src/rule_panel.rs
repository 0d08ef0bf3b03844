//! The walk of a packet through a table, up to the cursor: the chains, each rule as iptables-save
//! prints it, and for a rule that did not match the first condition that failed.

use net::engine::explain;
use net::event::{EventKind, Seen};
use net::netfilter::{
    Failing, Hook, Match, Policy, Rule, RuleEffect, TableName, Target, WalkStep, rule_text,
};
use net::state::Netns;
use net::{Event, NetnsId, PacketId, State};
use std::rc::Rc;

/// A line of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Neighbouring rules that did not match for the same reason.
    Folded {
        /// The numbers of the first and the last rule, from 1.
        rules: (u32, u32),
        /// The field that differs in all of them.
        field: &'static str,
        /// Whether they follow one by one.
        open: bool,
    },
    /// A rule that did not match.
    Failed {
        /// Its number in the chain, from 1.
        number: u32,
        /// The rule without `-A CHAIN`.
        text: String,
        /// The first condition that the packet failed.
        why: Failing,
        /// The random match was decided by the chosen endpoint.
        forced: bool,
    },
    /// A rule that matched the packet.
    Matched {
        /// Its number in the chain, from 1.
        number: u32,
        /// The rule without `-A CHAIN`.
        text: String,
        /// What it did to the packet; `None` if the rule returned from its chain.
        effect: Option<RuleEffect>,
        /// Its counter at this moment: packets and bytes.
        counter: (u64, u64),
        /// The random number that it was compared with, if it has a random match.
        draw: Option<net::netfilter::Draw>,
    },
    /// The end of a chain without a verdict.
    End,
    /// The policy of a built-in chain.
    Policy(Policy),
}

/// A chain that the packet went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainView {
    /// Its name, as the rules print it.
    pub name: Rc<str>,
    /// The Service or endpoint behind a hashed name.
    pub alias: Option<String>,
    /// The number of jumps that lead to it.
    pub depth: usize,
    /// The rules of it that were looked at.
    pub rows: Vec<Row>,
    /// Whether the packet is in it now.
    pub current: bool,
}

/// The walk through a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePanel {
    /// The network namespace whose table it is.
    pub netns: NetnsId,
    /// The hook from which the table was called.
    pub hook: Hook,
    /// Which table was walked.
    pub table: TableName,
    /// The chains, in the order in which the packet entered them.
    pub chains: Vec<ChainView>,
    /// The number of rules that were looked at, and of all rules in the table.
    pub looked: (usize, usize),
    /// The stack of chains, outermost first.
    pub breadcrumb: Vec<Rc<str>>,
    /// Whether the packet has left the hook since.
    pub left: bool,
}

/// The Service or endpoint behind a chain with a hashed name.
fn alias(ns: &Netns, table: TableName, name: &str) -> Option<String> {
    let (_, chain) = ns.rules.table(table).chain(name)?;
    if name.starts_with("KUBE-SEP-") {
        return chain.rules.iter().find_map(|r| match &r.target {
            Target::Dnat { addr, port } => Some(net::dump::endpoint(*addr, *port)),
            _ => None,
        });
    }
    if name.starts_with("KUBE-SVC-") {
        let comment = chain.rules.first()?.comment()?;
        return Some(comment.trim_start_matches("default/").trim_end_matches(':').to_owned());
    }
    None
}

fn text(rule: &Rule) -> String {
    rule_text("", rule).trim_start_matches("-A").trim_start().to_owned()
}

/// The last walk of a packet before event `cursor`. Of the folded rules, those that begin at rule
/// `unfolded.1` of chain `unfolded.0` are listed one by one.
pub fn panel(
    state: &State,
    events: &[Event],
    (packet, cursor): (PacketId, usize),
    unfolded: Option<&(String, u32)>,
) -> Option<RulePanel> {
    let behind = || (0..cursor.min(events.len())).rev();
    let mut own = behind().filter(|i| events[*i].packet == Some(packet));
    let at = own.clone().find(|i| matches!(events[*i].kind, EventKind::Walked { .. }))?;
    let left = own.any(|i| i > at && leaves_hook(&events[i].kind));
    let EventKind::Walked { hook, table, seen, .. } = &events[at].kind else { return None };
    let netns = events[at].netns?;
    let ns = state.ns(netns);
    let first = (0..=at)
        .rev()
        .take_while(|i| {
            same_walk(&events[*i], seen, *table)
                || !matches!(events[*i].kind, EventKind::Walked { .. })
        })
        .filter(|i| same_walk(&events[*i], seen, *table))
        .last()?;
    let mut panel = RulePanel {
        netns,
        hook: *hook,
        table: *table,
        chains: Vec::new(),
        looked: (0, 0),
        breadcrumb: Vec::new(),
        left,
    };
    let rules = ns.rules.table(*table);
    panel.looked.1 = rules.chains.iter().map(|c| c.rules.len()).sum();
    let mut stack: Vec<usize> = Vec::new();
    for e in events[first..=at].iter().filter(|e| same_walk(e, seen, *table)) {
        let EventKind::Walked { step, mark, .. } = &e.kind else { continue };
        let (chain_id, from) = match step {
            WalkStep::Matched { chain, from, .. }
            | WalkStep::Returned { chain, from, .. }
            | WalkStep::Policy { chain, from, .. } => (*chain, *from),
            WalkStep::Unsupported { chain, rule } => (*chain, *rule),
        };
        let Some(chain) = rules.chains.get(chain_id as usize) else { continue };
        let here = match stack.last() {
            Some(i) if panel.chains[*i].name == chain.name => *i,
            _ => {
                let i = panel.chains.len();
                panel.chains.push(ChainView {
                    name: chain.name.clone(),
                    alias: alias(ns, *table, &chain.name),
                    depth: stack.len(),
                    rows: Vec::new(),
                    current: false,
                });
                stack.push(i);
                i
            }
        };
        let n = chain.rules.len() as u32;
        let (until, draws): (u32, &[net::netfilter::Draw]) = match step {
            WalkStep::Matched { rule, draws, .. } => (*rule, draws),
            WalkStep::Returned { rule, draws, .. } => (rule.unwrap_or(n), draws),
            WalkStep::Policy { .. } => (n, &[]),
            WalkStep::Unsupported { rule, .. } => (*rule, &[]),
        };
        let from = from.min(until);
        let drawn = |i: u32| draws.iter().find(|d| d.rule == i).copied();
        let failed = (from..until).filter_map(|i| {
            let rule = chain.rules.get(i as usize)?;
            Some((i, &**rule, explain(ns, seen, *mark, rule, drawn(i).map(|d| d.value))?))
        });
        let unfolded = unfolded.filter(|u| *u.0 == *chain.name).map(|u| u.1);
        let rows =
            fold(&failed.collect::<Vec<_>>(), &|i| drawn(i).is_some_and(|d| d.forced), unfolded);
        panel.looked.0 += (until - from) as usize;
        panel.chains[here].rows.extend(rows);
        let counter = |i: u32| ns.counter(*table, rules.rule_counter(chain_id, i));
        let matched = |i: u32, effect| {
            let rule = chain.rules.get(i as usize).map(|r| text(r)).unwrap_or_default();
            Row::Matched { number: i + 1, text: rule, effect, counter: counter(i), draw: drawn(i) }
        };
        match step {
            WalkStep::Matched { rule, effect, .. } => {
                panel.looked.0 += 1;
                panel.chains[here].rows.push(matched(*rule, Some(effect.clone())));
                match effect {
                    RuleEffect::Jump(to) | RuleEffect::Goto(to) => {
                        let i = panel.chains.len();
                        panel.chains.push(ChainView {
                            name: to.clone(),
                            alias: alias(ns, *table, to),
                            depth: stack.len(),
                            rows: Vec::new(),
                            current: false,
                        });
                        stack.push(i);
                    }
                    _ => {}
                }
            }
            WalkStep::Returned { rule, to_policy, .. } => {
                panel.chains[here].rows.push(rule.map_or(Row::End, |r| matched(r, None)));
                if !to_policy {
                    stack.pop();
                }
            }
            WalkStep::Policy { policy, .. } => panel.chains[here].rows.push(Row::Policy(*policy)),
            WalkStep::Unsupported { rule, .. } => {
                panel.chains[here].rows.push(matched(*rule, None));
            }
        }
    }
    panel.breadcrumb = stack.iter().map(|i| panel.chains[*i].name.clone()).collect();
    if let Some(i) = stack.last() {
        panel.chains[*i].current = !left;
    }
    Some(panel)
}

/// Whether the packet is no longer at the hook where it was before an event like this.
fn leaves_hook(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::Walked { .. }
            | EventKind::NatDecided { .. }
            | EventKind::Translated { .. }
            | EventKind::Tracked { .. }
            | EventKind::Confirmed { .. }
            | EventKind::Dropped { .. }
            | EventKind::Delayed { .. }
    )
}

fn same_walk(e: &Event, seen: &Rc<Seen>, table: TableName) -> bool {
    let EventKind::Walked { seen: s, table: t, .. } = &e.kind else { return false };
    Rc::ptr_eq(s, seen) && *t == table
}

/// This many neighbours that fail for the same reason are folded into a line.
const FOLD_FROM: usize = 3;
/// Random matches are folded only from this number on.
const FOLD_DRAWS_FROM: usize = 9;
/// Of folded random matches, the last ones are listed all the same.
const DRAWS_SHOWN: usize = 2;

fn fold(
    failed: &[(u32, &Rule, Failing)],
    forced: &dyn Fn(u32) -> bool,
    unfolded: Option<u32>,
) -> Vec<Row> {
    let single = |(number, rule, why): &(u32, &Rule, Failing)| Row::Failed {
        number: number + 1,
        text: text(rule),
        why: why.clone(),
        forced: forced(*number),
    };
    let mut rows = Vec::new();
    let mut rest = failed;
    while let Some((first, rule, why)) = rest.first() {
        let (field, draws) = (why.field, is_random(rule));
        let run = rest
            .iter()
            .take_while(|(_, rule, why)| why.field == field && is_random(rule) == draws)
            .count();
        let folded = match run {
            n if draws && n >= FOLD_DRAWS_FROM => n - DRAWS_SHOWN,
            n if !draws && n >= FOLD_FROM => n,
            _ => 0,
        };
        if folded > 0 {
            let open = unfolded == Some(first + 1);
            rows.push(Row::Folded { rules: (first + 1, rest[folded - 1].0 + 1), field, open });
            if open {
                rows.extend(rest[..folded].iter().map(single));
            }
        }
        rows.extend(rest[folded..run].iter().map(single));
        rest = &rest[run..];
    }
    rows
}

fn is_random(rule: &Rule) -> bool {
    rule.matches.iter().any(|m| matches!(m, Match::Random { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(field: &'static str) -> Failing {
        Failing {
            field,
            packet: String::new(),
            rule: String::new(),
            token: String::new(),
            negated: false,
        }
    }

    fn shape(rows: &[Row]) -> Vec<(u32, u32)> {
        rows.iter()
            .map(|r| match r {
                Row::Folded { rules, .. } => *rules,
                Row::Failed { number, .. } => (*number, *number),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_fails_for_one_reason_is_folded_and_can_be_unfolded() {
        let plain = Rule::to(Target::Return);
        let draw =
            Rule { matches: vec![Match::Random { probability: 1 }], ..Rule::to(Target::Return) };
        let of =
            |n: u32, rule, field| (0..n).map(|i| (i, rule, failing(field))).collect::<Vec<_>>();
        let no = &|_| false;
        assert_eq!(shape(&fold(&of(2, &plain, "destination"), no, None)), [(1, 1), (2, 2)]);
        assert_eq!(shape(&fold(&of(5, &plain, "destination"), no, None)), [(1, 5)]);
        assert_eq!(shape(&fold(&of(3, &draw, "draw"), no, None)), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(
            shape(&fold(&of(570, &draw, "draw"), no, None)),
            [(1, 568), (569, 569), (570, 570)]
        );
        assert_eq!(
            shape(&fold(&of(4, &plain, "protocol"), no, Some(1))),
            [(1, 4), (1, 1), (2, 2), (3, 3), (4, 4)]
        );
        assert_eq!(shape(&fold(&of(4, &plain, "protocol"), no, Some(2))), [(1, 4)]);
    }
}

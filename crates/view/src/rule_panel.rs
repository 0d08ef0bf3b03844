//! The rules one packet met in one table, as far as the cursor: chains, each rule as the tool prints
//! it, and for those that did not match the first condition that failed.

use net::engine::explain;
use net::event::{EventKind, Seen};
use net::netfilter::{Effect, Failing, Hook, Match, Policy, Rule, TableName, Target, WalkStep, rule_text};
use net::state::Netns;
use net::{Event, NetnsId, State};
use std::rc::Rc;

/// One line of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Rules that failed for one and the same reason.
    Folded {
        /// The first and the last, counted from 1.
        rules: (u32, u32),
        /// What differed in all of them.
        field: &'static str,
    },
    /// A rule that did not match.
    Failed {
        /// Its number, from 1.
        number: u32,
        /// Its text without `-A CHAIN`.
        text: String,
        /// Why.
        why: Failing,
        /// Not drawn: another endpoint was forced.
        forced: bool,
    },
    /// A rule that matched.
    Matched {
        /// Its number, from 1.
        number: u32,
        /// Its text without `-A CHAIN`.
        text: String,
        /// What it did.
        effect: Option<Effect>,
        /// Packets and bytes it has counted at this moment.
        counter: (u64, u64),
        /// The draw of a random rule.
        draw: Option<net::netfilter::Draw>,
    },
    /// The chain ended.
    End,
    /// The policy decided.
    Policy(Policy),
}

/// A chain the packet went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainView {
    /// Its name.
    pub name: Rc<str>,
    /// What a hashed name stands for.
    pub alias: Option<String>,
    /// How deep in jumps it is.
    pub depth: usize,
    /// What happened in it.
    pub rows: Vec<Row>,
    /// The packet is in it now.
    pub current: bool,
}

/// One table's walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePanel {
    /// Where.
    pub netns: NetnsId,
    /// The hook.
    pub hook: Hook,
    /// The table.
    pub table: TableName,
    /// Chains, in the order the packet entered them.
    pub chains: Vec<ChainView>,
    /// Rules looked at, and rules in the table.
    pub looked: (usize, usize),
    /// The chains that are open now, outermost first.
    pub breadcrumb: Vec<Rc<str>>,
}

/// What a chain with a hashed name stands for: the service, or the endpoint.
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

/// The walk that the event before `cursor` belongs to, or the last one before it.
pub fn panel(state: &State, events: &[Event], cursor: usize) -> Option<RulePanel> {
    let cursor = cursor.min(events.len());
    let packet = events[..cursor].last().and_then(|e| e.packet);
    let at = (0..cursor)
        .rev()
        .find(|i| matches!(events[*i].kind, EventKind::Walked { .. }) && (packet.is_none() || events[*i].packet == packet))?;
    let EventKind::Walked { hook, table, seen, .. } = &events[at].kind else { return None };
    let netns = events[at].netns;
    let ns = state.ns(netns);
    let first = (0..=at)
        .rev()
        .take_while(|i| same_walk(&events[*i], seen, *table) || !matches!(events[*i].kind, EventKind::Walked { .. }))
        .filter(|i| same_walk(&events[*i], seen, *table))
        .last()?;
    let mut panel = RulePanel { netns, hook: *hook, table: *table, chains: Vec::new(), looked: (0, 0), breadcrumb: Vec::new() };
    let rules = ns.rules.table(*table);
    panel.looked.1 = rules.chains.iter().map(|c| c.rules.len()).sum();
    let mut stack: Vec<usize> = Vec::new();
    for e in events[first..=at].iter().filter(|e| same_walk(e, seen, *table)) {
        let EventKind::Walked { step, mark, .. } = &e.kind else { continue };
        let (chain_id, from) = match step {
            WalkStep::Matched { chain, from, .. } | WalkStep::Returned { chain, from, .. } | WalkStep::Policy { chain, from, .. } => {
                (*chain, *from)
            }
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
            Some((i, rule, explain(ns, seen, *mark, rule, drawn(i).map(|d| d.value))?))
        });
        let rows = fold(failed.collect(), &|i| drawn(i).is_some_and(|d| d.forced));
        panel.looked.0 += (until - from) as usize;
        panel.chains[here].rows.extend(rows);
        let counter = |i: u32| ns.counters[*table as usize].get(rules.rule_counter(chain_id, i) as usize).copied().unwrap_or_default();
        let matched = |i: u32, effect| {
            let rule = chain.rules.get(i as usize).map(text).unwrap_or_default();
            Row::Matched { number: i + 1, text: rule, effect, counter: counter(i), draw: drawn(i) }
        };
        match step {
            WalkStep::Matched { rule, effect, .. } => {
                panel.looked.0 += 1;
                panel.chains[here].rows.push(matched(*rule, Some(effect.clone())));
                match effect {
                    Effect::Jump(to) | Effect::Goto(to) => {
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
            WalkStep::Unsupported { rule, .. } => panel.chains[here].rows.push(matched(*rule, None)),
        }
    }
    panel.breadcrumb = stack.iter().map(|i| panel.chains[*i].name.clone()).collect();
    if let Some(i) = stack.last() {
        panel.chains[*i].current = true;
    }
    Some(panel)
}

fn same_walk(e: &Event, seen: &Rc<Seen>, table: TableName) -> bool {
    matches!(&e.kind, EventKind::Walked { seen: s, table: t, .. } if Rc::ptr_eq(s, seen) && *t == table)
}

/// More neighbours than this that fail for one reason are folded into a line.
const FOLD_FROM: usize = 3;

fn fold(failed: Vec<(u32, &Rule, Failing)>, forced: &dyn Fn(u32) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut i = 0;
    while i < failed.len() {
        let field = failed[i].2.field;
        let run = failed[i..].iter().take_while(|(_, rule, why)| why.field == field && !is_random(rule)).count();
        if run >= FOLD_FROM {
            rows.push(Row::Folded { rules: (failed[i].0 + 1, failed[i + run - 1].0 + 1), field });
            i += run;
            continue;
        }
        let (number, rule, why) = &failed[i];
        rows.push(Row::Failed { number: number + 1, text: text(rule), why: why.clone(), forced: forced(*number) });
        i += 1;
    }
    rows
}

fn is_random(rule: &Rule) -> bool {
    rule.matches.iter().any(|m| matches!(m, Match::Random { .. }))
}

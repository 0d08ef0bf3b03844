//! One packet through one table (`net/ipv4/netfilter/ip_tables.c`, `ipt_do_table`).

use super::matches::{MatchContext, RecentOp, View};
use super::ruleset::{Policy, RejectWith, Ruleset, Target};
use super::{Hook, TableName};
use std::net::IpAddr;
use std::rc::Rc;

/// Where a packet stands in a table: the open chains, innermost last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The table.
    pub table: TableName,
    /// The hook.
    pub hook: Hook,
    /// Open chains and the rule to look at next in each.
    frames: Vec<(u32, u32)>,
}

/// What a walk asks context the packet.
pub trait WalkContext {
    /// 31 bits for a `statistic` rule of a chain, and whether they were forced.
    fn draw(&mut self, chain: u32, rule: u32, probability: u32) -> (u32, bool);
    /// See [`MatchContext::recent`].
    fn recent(&mut self, list: &Rc<str>, op: RecentOp, source: IpAddr) -> bool;
}

/// What one rule asks.
struct RuleContext<'a> {
    context: &'a mut dyn WalkContext,
    chain: u32,
    rule: u32,
    draws: &'a mut Vec<Draw>,
}

impl MatchContext for RuleContext<'_> {
    fn draw(&mut self, probability: u32) -> bool {
        let (value, forced) = self.context.draw(self.chain, self.rule, probability);
        self.draws.push(Draw { rule: self.rule, value, probability, forced });
        value < probability
    }
    fn recent(&mut self, list: &Rc<str>, op: RecentOp, source: IpAddr) -> bool {
        self.context.recent(list, op, source)
    }
}

/// One draw of a `statistic` rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The rule, counted from 0 in its chain.
    pub rule: u32,
    /// What was drawn, of 2^31.
    pub value: u32,
    /// What the rule asks, of 2^31: it matches if `value < probability`.
    pub probability: u32,
    /// Not drawn: the endpoint was forced.
    pub forced: bool,
}

/// What a matching rule does to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing but counting.
    Continue,
    /// The packet goes into a chain.
    Jump(Rc<str>),
    /// The packet goes into a chain and will not come back to this one.
    Goto(Rc<str>),
    /// The table is done with it.
    Accept,
    /// It is dropped.
    Drop,
    /// It is dropped and answered.
    Reject(RejectWith),
    /// It gets this mark.
    Mark(u32),
    /// Its connection gets another destination.
    Dnat {
        /// The address.
        addr: IpAddr,
        /// The port, if it changes.
        port: Option<u16>,
    },
    /// Its connection gets another source.
    Snat {
        /// The address.
        addr: IpAddr,
    },
    /// Its connection gets the outgoing device's address as source.
    Masquerade {
        /// Any free port.
        random_fully: bool,
    },
}

/// One step of a walk. `from` is the first rule looked at in this step: the rules from there up
/// to the one that decided did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalkStep {
    /// A rule matched.
    Matched {
        /// The chain's number in the table.
        chain: u32,
        /// The first rule looked at.
        from: u32,
        /// The rule that matched.
        rule: u32,
        /// What it does.
        effect: Effect,
        /// Draws made on the way.
        draws: Vec<Draw>,
    },
    /// The chain ended, or a rule said RETURN; the packet goes back to where the jump was.
    Returned {
        /// The chain's number.
        chain: u32,
        /// The first rule looked at.
        from: u32,
        /// The RETURN rule; none at the chain's end.
        rule: Option<u32>,
        /// Draws made on the way.
        draws: Vec<Draw>,
        /// The built-in chain returned from: its policy comes next.
        to_policy: bool,
    },
    /// The built-in chain's policy decided.
    Policy {
        /// The chain's number.
        chain: u32,
        /// The first rule looked at.
        from: u32,
        /// How many rules the chain has.
        n_rules: u32,
        /// What it says.
        policy: Policy,
    },
    /// A rule asks something that is not simulated.
    Unsupported {
        /// The chain's number.
        chain: u32,
        /// The rule.
        rule: u32,
    },
}

impl Walk {
    /// At the top of the built-in chain. None if the table has no chain for the hook.
    pub fn new(rules: &Ruleset, table: TableName, hook: Hook) -> Option<Self> {
        let chain = rules.builtin(table, hook)?;
        Some(Self { table, hook, frames: vec![(chain, 0)] })
    }

    /// On to the next rule that matches, or the end of a chain. None once the walk is over.
    pub fn step(
        &mut self,
        rules: &Ruleset,
        view: &View<'_>,
        context: &mut dyn WalkContext,
    ) -> Option<WalkStep> {
        let table = rules.table(self.table);
        let (id, from) = *self.frames.last()?;
        let chain = table.chains.get(id as usize)?;
        let n_rules = chain.rules.len() as u32;
        let mut draws = Vec::new();
        for (index, rule) in chain.candidates(from, view.dst) {
            if !rule.holds(
                view,
                &mut RuleContext { context, chain: id, rule: index, draws: &mut draws },
            ) {
                continue;
            }
            if rule.unsupported().is_some() {
                self.frames.clear();
                return Some(WalkStep::Unsupported { chain: id, rule: index });
            }
            if let Some(top) = self.frames.last_mut() {
                top.1 = index + 1;
            }
            let effect = match &rule.target {
                Target::None | Target::Unsupported(_) => Effect::Continue,
                Target::Accept => self.end(Effect::Accept),
                Target::Drop => self.end(Effect::Drop),
                Target::Reject(with) => self.end(Effect::Reject(*with)),
                Target::Dnat { addr, port } => self.end(Effect::Dnat { addr: *addr, port: *port }),
                Target::Snat { addr } => self.end(Effect::Snat { addr: *addr }),
                Target::Masquerade { random_fully } => {
                    self.end(Effect::Masquerade { random_fully: *random_fully })
                }
                Target::Mark { value, mask } => Effect::Mark((view.mark & !mask) ^ value),
                Target::Return => {
                    let to_policy = self.leave();
                    return Some(WalkStep::Returned {
                        chain: id,
                        from,
                        rule: Some(index),
                        draws,
                        to_policy,
                    });
                }
                Target::Jump(to) | Target::Goto(to) => {
                    let Some((next, _)) = table.chain(to) else {
                        self.frames.clear();
                        return Some(WalkStep::Unsupported { chain: id, rule: index });
                    };
                    if matches!(rule.target, Target::Goto(_)) {
                        // A goto from a built-in chain comes back to its policy.
                        if self.frames.len() > 1 {
                            self.frames.pop();
                        } else if let Some(top) = self.frames.last_mut() {
                            top.1 = n_rules;
                        }
                        self.frames.push((next, 0));
                        Effect::Goto(to.clone())
                    } else {
                        self.frames.push((next, 0));
                        Effect::Jump(to.clone())
                    }
                }
            };
            return Some(WalkStep::Matched { chain: id, from, rule: index, effect, draws });
        }
        match chain.policy {
            Some(policy) => {
                self.frames.clear();
                Some(WalkStep::Policy { chain: id, from, n_rules, policy })
            }
            None => {
                let to_policy = self.leave();
                Some(WalkStep::Returned { chain: id, from, rule: None, draws, to_policy })
            }
        }
    }

    fn end(&mut self, effect: Effect) -> Effect {
        self.frames.clear();
        effect
    }

    /// Leaves the innermost chain; a built-in chain stays, past its last rule, for its policy.
    fn leave(&mut self) -> bool {
        if self.frames.len() > 1 {
            self.frames.pop();
            return false;
        }
        if let Some(top) = self.frames.last_mut() {
            top.1 = u32::MAX;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::{AddrType, CtStates};
    use crate::rng::Rng;

    struct Never;
    impl MatchContext for Never {
        fn draw(&mut self, _: u32) -> bool {
            false
        }
        fn recent(&mut self, _: &Rc<str>, _: RecentOp, _: IpAddr) -> bool {
            false
        }
    }
    impl WalkContext for Never {
        fn draw(&mut self, _: u32, _: u32, _: u32) -> (u32, bool) {
            (0x7fff_ffff, false)
        }
        fn recent(&mut self, _: &Rc<str>, _: RecentOp, _: IpAddr) -> bool {
            false
        }
    }

    /// The walk without an index: every rule in turn.
    fn plain(rules: &Ruleset, view: &View<'_>, hook: Hook) -> Vec<(u32, u32)> {
        let table = rules.table(TableName::Filter);
        let mut stack =
            vec![(rules.builtin(TableName::Filter, hook).expect("a hook of filter"), 0usize)];
        let mut matched = Vec::new();
        while let Some((id, at)) = stack.pop() {
            let chain = &table.chains[id as usize];
            let Some(rule) = chain.rules.get(at) else { continue };
            stack.push((id, at + 1));
            if !rule.holds(view, &mut Never) {
                continue;
            }
            matched.push((id, at as u32));
            match &rule.target {
                Target::Accept | Target::Drop => return matched,
                Target::Return => _ = stack.pop(),
                Target::Jump(to) => {
                    stack.push((table.chain(to).expect("a chain that is there").0, 0))
                }
                _ => {}
            }
        }
        matched
    }

    fn indexed(rules: &Ruleset, view: &View<'_>, hook: Hook) -> Vec<(u32, u32)> {
        let mut walk = Walk::new(rules, TableName::Filter, hook).expect("a hook of filter");
        let mut matched = Vec::new();
        while let Some(step) = walk.step(rules, view, &mut Never) {
            match step {
                WalkStep::Matched { chain, rule, .. }
                | WalkStep::Returned { chain, rule: Some(rule), .. } => matched.push((chain, rule)),
                _ => {}
            }
        }
        matched
    }

    #[test]
    fn the_index_finds_what_the_plain_walk_finds() {
        let mut r = Rng::new(9);
        for case in 0..400 {
            let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n".to_owned();
            for _ in 0..r.below(40) {
                // Jumps lead downwards only: FORWARD, A, B.
                let from = ["FORWARD", "A", "B"][r.below(3) as usize];
                let to = match (r.below(6), from) {
                    (0, _) => "ACCEPT",
                    (1, _) => "DROP",
                    (2, _) => "RETURN",
                    (3, "FORWARD") => "A",
                    (4, "FORWARD" | "A") => "B",
                    _ => "MARK --set-xmark 0x1/0x1",
                };
                let net = |r: &mut Rng| {
                    format!("10.0.0.{}/{}", r.below(4), [32, 32, 31, 24][r.below(4) as usize])
                };
                let mut rule = format!("-A {from}");
                for flag in ["-s", "-d", "-d"] {
                    if r.below(3) == 0 && !rule.contains(flag) {
                        let bang = if r.below(4) == 0 { " !" } else { "" };
                        rule += &format!("{bang} {flag} {}", net(&mut r));
                    }
                }
                text += &format!("{rule} -j {to}\n");
            }
            let rules = Ruleset::parse(&(text + "COMMIT\n")).expect("rules");
            for _ in 0..8 {
                let addr = |r: &mut Rng| IpAddr::from([10, 0, 0, r.below(5) as u8]);
                let view = View {
                    src: addr(&mut r),
                    dst: addr(&mut r),
                    proto: 6,
                    ports: None,
                    tcp_flags: None,
                    in_dev: "",
                    out_dev: "",
                    physin: "",
                    physout: "",
                    mark: 0,
                    ctstate: CtStates::NEW,
                    addr_type: &|_| AddrType::Unicast,
                };
                assert_eq!(
                    indexed(&rules, &view, Hook::Forward),
                    plain(&rules, &view, Hook::Forward),
                    "case {case}"
                );
            }
        }
    }
}

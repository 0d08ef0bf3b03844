//! One packet through one table (`net/ipv4/netfilter/ip_tables.c`, `ipt_do_table`).

use super::matches::{MatchContext, MatchInput, RecentOp};
use super::ruleset::{Policy, RejectWith, Ruleset, Target};
use super::{Hook, TableName};
use std::net::IpAddr;
use std::rc::Rc;

/// The position of a packet in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The table that is walked.
    pub table: TableName,
    /// The hook it is called from.
    pub hook: Hook,
    /// Open chains, the innermost last: index of the chain, and of the rule to look at next.
    frames: Vec<(u32, u32)>,
}

/// What a walk needs besides the packet; see [`MatchContext`].
pub trait WalkContext {
    /// A random number of 31 bits for a `statistic` rule of a chain, and whether it was forced.
    fn draw(&mut self, chain: u32, rule: u32, probability: u32) -> (u32, bool);
    /// Carries out `op` for `source` on a list; see [`MatchContext::recent`].
    fn recent(&mut self, list: &Rc<str>, op: RecentOp, source: IpAddr) -> bool;
}

/// The context of one rule.
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

/// The random number that a `statistic` rule compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Index of the rule in its chain.
    pub rule: u32,
    /// The random number, below 2^31.
    pub value: u32,
    /// The rule's probability in parts of 2^31: it matches if `value < probability`.
    pub probability: u32,
    /// The number was chosen to reach a given endpoint, not drawn.
    pub forced: bool,
}

/// The effect of a matching rule on the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleEffect {
    /// None: the rule only counts.
    Continue,
    /// The walk enters this chain.
    Jump(Rc<str>),
    /// The walk enters this chain and will not come back to the present one.
    Goto(Rc<str>),
    /// The packet leaves the table and goes on to the next.
    Accept,
    /// The packet is dropped without an answer.
    Drop,
    /// The packet is dropped and answered.
    Reject(RejectWith),
    /// The packet has this mark now.
    Mark(u32),
    /// The connection gets another destination.
    Dnat {
        /// Destination address of the connection from now on.
        addr: IpAddr,
        /// The new destination port; `None` keeps it.
        port: Option<u16>,
    },
    /// The connection gets another source.
    Snat {
        /// Source address of the connection from now on.
        addr: IpAddr,
    },
    /// The connection gets the output device's address as source.
    Masquerade {
        /// With a random source port.
        random_fully: bool,
    },
}

/// A step of a walk. The rules from `from` up to the deciding one were looked at and did not match.
/// Chains and rules are given by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalkStep {
    /// A rule matched the packet.
    Matched {
        /// Index of the chain in the table.
        chain: u32,
        /// The first rule looked at.
        from: u32,
        /// Index of the matching rule in the chain.
        rule: u32,
        /// What the rule does to the packet.
        effect: RuleEffect,
        /// Random numbers compared on the way.
        draws: Vec<Draw>,
    },
    /// A chain ended, or RETURN left it; the walk goes on behind the jump.
    Returned {
        /// Index of the chain that is left.
        chain: u32,
        /// The first rule looked at.
        from: u32,
        /// The RETURN rule; `None` at the end of the chain.
        rule: Option<u32>,
        /// Random numbers compared on the way.
        draws: Vec<Draw>,
        /// The chain is built in: its policy comes next.
        to_policy: bool,
    },
    /// The policy of the built-in chain decided.
    Policy {
        /// Index of the built-in chain.
        chain: u32,
        /// The first rule looked at.
        from: u32,
        /// Number of rules in the chain.
        n_rules: u32,
        /// What the policy does to the packet.
        policy: Policy,
    },
    /// A rule with a match or target that is not simulated was reached.
    Unsupported {
        /// Index of the chain in the table.
        chain: u32,
        /// Index of the rule in the chain.
        rule: u32,
    },
}

impl Walk {
    /// A walk at the top of the hook's built-in chain. `None` if the table has none.
    pub fn new(rules: &Ruleset, table: TableName, hook: Hook) -> Option<Self> {
        let chain = rules.builtin(table, hook)?;
        Some(Self { table, hook, frames: vec![(chain, 0)] })
    }

    /// Goes on to the next rule that matches, or to the end of a chain. `None` when the walk is
    /// over.
    pub fn step(
        &mut self,
        rules: &Ruleset,
        view: &MatchInput<'_>,
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
                Target::None | Target::Unsupported(_) => RuleEffect::Continue,
                Target::Accept => self.end(RuleEffect::Accept),
                Target::Drop => self.end(RuleEffect::Drop),
                Target::Reject(with) => self.end(RuleEffect::Reject(*with)),
                Target::Dnat { addr, port } => {
                    self.end(RuleEffect::Dnat { addr: *addr, port: *port })
                }
                Target::Snat { addr } => self.end(RuleEffect::Snat { addr: *addr }),
                Target::Masquerade { random_fully } => {
                    self.end(RuleEffect::Masquerade { random_fully: *random_fully })
                }
                Target::Mark { value, mask } => RuleEffect::Mark((view.mark & !mask) ^ value),
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
                        RuleEffect::Goto(to.clone())
                    } else {
                        self.frames.push((next, 0));
                        RuleEffect::Jump(to.clone())
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

    fn end(&mut self, effect: RuleEffect) -> RuleEffect {
        self.frames.clear();
        effect
    }

    /// Leaves the innermost chain. A built-in chain stays open, past its last rule, for its policy;
    /// then the result is true.
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
    fn plain(rules: &Ruleset, view: &MatchInput<'_>, hook: Hook) -> Vec<(u32, u32)> {
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
                    stack.push((table.chain(to).expect("a chain that is there").0, 0));
                }
                _ => {}
            }
        }
        matched
    }

    fn indexed(rules: &Ruleset, view: &MatchInput<'_>, hook: Hook) -> Vec<(u32, u32)> {
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
                let view = MatchInput {
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

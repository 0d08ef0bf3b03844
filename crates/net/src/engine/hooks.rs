//! A netfilter hook: its tables and conntrack, in order of priority (`net/netfilter/core.c`).

use super::{Job, Stage, World};
use crate::conntrack::{CtDirection, CtInfo};
use crate::drop::DropReason;
use crate::event::{EventKind, Seen, Snapshot};
use crate::id::{DevId, PacketId};
use crate::netfilter::{
    CtStates, Failing, Hook, HookFunction, Match, MatchInput, Policy, RecentOp, RejectWith, Rule,
    RuleEffect, Ruleset, TableName, Target, Walk, WalkContext, WalkStep, first_failing,
};
use crate::skb::{Place, Skb};
use crate::socket::{Outcome, Socket};
use crate::state::{Change, Netns};
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// The devices that a hook is called with (`struct nf_hook_state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HookDevs {
    pub(super) in_dev: Option<DevId>,
    pub(super) out_dev: Option<DevId>,
    pub(super) physin: Option<DevId>,
    pub(super) physout: Option<DevId>,
}

/// A packet in a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HookJob {
    hook: Hook,
    part: usize,
    devs: HookDevs,
    walk: Option<(Walk, Rc<Seen>)>,
    next: Box<Stage>,
}

/// Why a rule did not match a packet that a table saw, computed from what the event keeps; `None`
/// if it matched. `draw` is the number that a random condition compared.
pub fn explain(
    ns: &Netns,
    seen: &Seen,
    mark: u32,
    rule: &Rule,
    draw: Option<u32>,
) -> Option<Failing> {
    with_view(ns, seen, mark, |v| first_failing(rule, v, draw))
}

/// Calls `f` with the part of a packet that rules look at.
fn with_view<R>(ns: &Netns, seen: &Seen, mark: u32, f: impl FnOnce(&MatchInput<'_>) -> R) -> R {
    let name = |d: Option<DevId>| d.map_or("", |d| &*ns.dev(d).name);
    let addr_type = |a: IpAddr| ns.addr_type(a);
    let p = &seen.packet;
    f(&MatchInput {
        src: p.src.into(),
        dst: p.dst.into(),
        proto: p.body.proto(),
        ports: p.ports(),
        tcp_flags: match &p.body {
            crate::wire::Body::Tcp(t) => Some(t.flags),
            _ => None,
        },
        in_dev: name(seen.in_dev),
        out_dev: name(seen.out_dev),
        physin: name(seen.physin),
        physout: name(seen.physout),
        mark,
        ctstate: seen.ctstate,
        addr_type: &addr_type,
    })
}

impl World {
    /// Passes a packet through a hook and, if it is accepted, to `next`. A namespace without rules
    /// has no hooks.
    pub(super) fn hook(&mut self, pkt: PacketId, hook: Hook, devs: HookDevs, next: Stage) {
        if !self.filters(self.skb(pkt).netns) {
            return self.then(pkt, next);
        }
        self.update(pkt, |s| s.place = Place::Hook(hook));
        self.stack.push(Job::Hook(
            pkt,
            HookJob { hook, part: 0, devs, walk: None, next: Box::new(next) },
        ));
    }

    pub(super) fn run_hook(&mut self, pkt: PacketId, mut job: HookJob) {
        if !self.state.packets.contains_key(&pkt) {
            return;
        }
        let Some(part) = job.hook.parts().get(job.part) else {
            return self.then(pkt, *job.next);
        };
        match part {
            HookFunction::Defrag => {
                job.part += 1;
                let fragment = self.skb(pkt).ip().is_some_and(crate::wire::Ipv4::is_fragment);
                if let Some(whole) = if fragment { self.defrag(pkt) } else { Some(pkt) } {
                    self.stack.push(Job::Hook(whole, job));
                }
            }
            HookFunction::Conntrack => {
                job.part += 1;
                self.stack.push(Job::Hook(pkt, job));
                self.conntrack_in(pkt);
            }
            HookFunction::Confirm => {
                job.part += 1;
                self.stack.push(Job::Hook(pkt, job));
                self.confirm(pkt);
            }
            HookFunction::Table(table) => self.run_table(pkt, *table, job),
        }
    }

    fn run_table(&mut self, pkt: PacketId, table: TableName, mut job: HookJob) {
        let skb = self.skb(pkt);
        let rules = self.rules(skb.netns);
        if job.walk.is_none() {
            if table == TableName::Nat && !self.nat_asks(&skb, job.hook) {
                let hook = job.hook;
                job.part += 1;
                self.stack.push(Job::Hook(pkt, job));
                return self.nat_known(pkt, hook);
            }
            let Some(seen) = self.seen(&skb, &job.devs) else {
                job.part += 1;
                return self.stack.push(Job::Hook(pkt, job));
            };
            let Some(walk) = Walk::new(&rules, table, job.hook) else {
                job.part += 1;
                return self.stack.push(Job::Hook(pkt, job));
            };
            job.walk = Some((walk, Rc::new(seen)));
        }
        let Some((walk, seen)) = &mut job.walk else { return };
        let step = {
            let forced =
                seen.packet.ports().and_then(|(sport, _)| self.forced.get(&sport)).copied();
            let ns = self.state.ns(skb.netns);
            let now = self.now;
            let mut asked = Asked {
                rules: &rules,
                table,
                forced,
                rng: &mut self.rng,
                choices: &mut self.choices,
                now,
                lists: &ns.recent,
                changed: BTreeMap::new(),
            };
            let step = with_view(ns, seen, skb.mark, |view| walk.step(&rules, view, &mut asked));
            let changed = asked.changed;
            for (list, after) in changed {
                let before = self.state.ns(skb.netns).recent.get(&list).cloned();
                self.change(Change::Recent { netns: skb.netns, list, before, after: Some(after) });
            }
            step
        };
        let Some(step) = step else {
            job.walk = None;
            job.part += 1;
            return self.stack.push(Job::Hook(pkt, job));
        };
        let seen = seen.clone();
        self.count(&skb, &rules, table, &step, seen.packet.len() as u32);
        if let WalkStep::Matched { effect: RuleEffect::Mark(mark), .. } = &step {
            let mark = *mark;
            self.update(pkt, |s| s.mark = mark);
        }
        let hook = job.hook;
        self.emit_for(
            pkt,
            EventKind::Walked {
                hook,
                table,
                seen,
                rules: Snapshot(rules.clone()),
                mark: skb.mark,
                step: step.clone(),
            },
        );
        self.act(pkt, table, job, &step);
    }

    /// Carries out a step of a walk.
    fn act(&mut self, pkt: PacketId, table: TableName, mut job: HookJob, step: &WalkStep) {
        let hook = job.hook;
        let effect = match step {
            WalkStep::Unsupported { .. } => {
                return self.drop_packet(pkt, DropReason::Unsupported, Some(hook));
            }
            WalkStep::Policy { policy: Policy::Drop, .. } => {
                return self.drop_by_rule(pkt, DropReason::NetfilterDrop, hook);
            }
            WalkStep::Policy { policy: Policy::Accept, .. } => &RuleEffect::Accept,
            WalkStep::Returned { .. } => &RuleEffect::Continue,
            WalkStep::Matched { effect, .. } => effect,
        };
        match effect {
            RuleEffect::Continue
            | RuleEffect::Jump(_)
            | RuleEffect::Goto(_)
            | RuleEffect::Mark(_) => {
                return self.stack.push(Job::Hook(pkt, job));
            }
            RuleEffect::Drop => return self.drop_by_rule(pkt, DropReason::NetfilterDrop, hook),
            RuleEffect::Reject(with) => return self.reject(pkt, hook, *with),
            _ => {}
        }
        let out_dev = job.devs.out_dev;
        job.walk = None;
        job.part += 1;
        self.stack.push(Job::Hook(pkt, job));
        if table == TableName::Nat {
            self.nat_decide(pkt, hook, effect, out_dev);
        }
    }

    fn reject(&mut self, pkt: PacketId, hook: Hook, with: RejectWith) {
        match with {
            RejectWith::TcpReset => self.send_reset(pkt, true),
            _ => self.send_unreachable(pkt, with),
        }
        self.drop_by_rule(pkt, DropReason::NetfilterReject, hook);
    }

    /// Drops a packet on behalf of a rule. A local sender gets EPERM from `send`, except for TCP,
    /// which retransmits.
    fn drop_by_rule(&mut self, pkt: PacketId, reason: DropReason, hook: Hook) {
        let sender = if matches!(hook, Hook::Output | Hook::Postrouting) {
            self.sender_of(pkt)
        } else {
            None
        };
        self.drop_packet(pkt, reason, Some(hook));
        if let Some((netns, socket, s)) = sender.filter(|(.., s)| !matches!(**s, Socket::Tcp(_))) {
            self.send_failed(netns, socket, &s, Outcome::NotSent(reason));
        }
    }

    fn count(&mut self, skb: &Skb, rules: &Ruleset, table: TableName, step: &WalkStep, bytes: u32) {
        let t = rules.table(table);
        let index = match step {
            WalkStep::Matched { chain, rule, .. }
            | WalkStep::Returned { chain, rule: Some(rule), .. } => t.rule_counter(*chain, *rule),
            WalkStep::Policy { chain, .. } => t.policy_counter(*chain),
            WalkStep::Returned { rule: None, .. } | WalkStep::Unsupported { .. } => return,
        };
        self.change(Change::Counter { netns: skb.netns, table, index, bytes });
    }

    fn seen(&self, skb: &Skb, devs: &HookDevs) -> Option<Seen> {
        Some(Seen {
            packet: skb.ip()?.clone(),
            in_dev: devs.in_dev,
            out_dev: devs.out_dev,
            physin: devs.physin,
            physout: devs.physout,
            ctstate: self.ctstate(skb),
        })
    }

    fn ctstate(&self, skb: &Skb) -> CtStates {
        let Some((id, info)) = skb.ct else { return CtStates::INVALID };
        let state = match info {
            CtInfo::New => CtStates::NEW,
            CtInfo::Established | CtInfo::EstablishedReply => CtStates::ESTABLISHED,
            CtInfo::Related | CtInfo::RelatedReply => CtStates::RELATED,
        };
        let Some(c) = self.ns(skb.netns).conntrack.get(id) else { return state };
        // SNAT and DNAT are asked of the connection's original direction.
        let snat = if c.reply.dst == c.tuple(CtDirection::Original).src {
            CtStates::default()
        } else {
            CtStates::SNAT
        };
        let dnat = if c.reply.src == c.tuple(CtDirection::Original).dst {
            CtStates::default()
        } else {
            CtStates::DNAT
        };
        state.with(snat).with(dnat)
    }
}

/// The context of the rules of one table.
struct Asked<'a> {
    rules: &'a Ruleset,
    table: TableName,
    forced: Option<super::Forced>,
    rng: &'a mut crate::rng::Rng,
    choices: &'a mut Option<super::Choices>,
    now: Instant,
    lists: &'a BTreeMap<Rc<str>, Vec<(IpAddr, Instant)>>,
    /// Lists of `recent` that the walk changed, as they are now.
    changed: BTreeMap<Rc<str>, Vec<(IpAddr, Instant)>>,
}

/// Addresses that a list of `recent` holds at most (`ip_list_tot`).
const RECENT_ADDRESSES: usize = 100;

impl WalkContext for Asked<'_> {
    fn draw(&mut self, chain: u32, rule: u32, probability: u32) -> (u32, bool) {
        match self.choices {
            Some(c) => (if c.next(probability) { 0 } else { NEVER }, false),
            None => draw(self.rules, self.table, chain, rule, self.forced, self.rng),
        }
    }

    /// As `recent_mt`; entries are in the order they were last entered.
    fn recent(&mut self, list: &Rc<str>, op: RecentOp, source: IpAddr) -> bool {
        let known =
            self.changed.get(list).or_else(|| self.lists.get(list)).map_or(&[][..], Vec::as_slice);
        let found = known.iter().find(|(a, _)| *a == source).map(|(_, at)| *at);
        match op {
            RecentOp::Set => {
                let mut after: Vec<_> =
                    known.iter().filter(|(a, _)| *a != source).copied().collect();
                if after.len() >= RECENT_ADDRESSES {
                    after.remove(0);
                }
                after.push((source, self.now));
                self.changed.insert(list.clone(), after);
                true
            }
            RecentOp::Check { seconds, reap } => {
                let Some(last) = found else { return false };
                let old =
                    |at: Instant| seconds.is_some_and(|s| at + Duration::secs(s.into()) < self.now);
                if reap && known.first().is_some_and(|(_, at)| old(*at)) {
                    let after = known[1..].to_vec();
                    self.changed.insert(list.clone(), after);
                }
                !old(last)
            }
        }
    }
}

/// The largest number: it matches a probability of 1 only.
const NEVER: u32 = 0x7fff_ffff;

/// A random number for a `statistic` rule, or one that leads to the forced endpoint.
fn draw(
    rules: &Ruleset,
    table: TableName,
    chain: u32,
    rule: u32,
    forced: Option<super::Forced>,
    rng: &mut crate::rng::Rng,
) -> (u32, bool) {
    let t = rules.table(table);
    let leads = |r: &Rule, to: (IpAddr, Option<u16>)| match &r.target {
        Target::Jump(name) | Target::Goto(name) => {
            t.chain(name).is_some_and(|(_, c)| c.rules.iter().any(|r| dnats_to(r, to)))
        }
        _ => dnats_to(r, to),
    };
    let chain = t.chains.get(chain as usize);
    match (forced, chain) {
        (Some(to), Some(c)) if c.rules.iter().any(|r| leads(r, to)) => {
            (if c.rules.get(rule as usize).is_some_and(|r| leads(r, to)) { 0 } else { NEVER }, true)
        }
        _ => (rng.next_u31(), false),
    }
}

fn dnats_to(rule: &Rule, (addr, port): (IpAddr, Option<u16>)) -> bool {
    let plain = !rule.matches.iter().any(|m| matches!(m, Match::Unsupported(_)));
    match rule.target {
        Target::Dnat { addr: to, port: p } => plain && to == addr && (port.is_none() || p == port),
        _ => false,
    }
}

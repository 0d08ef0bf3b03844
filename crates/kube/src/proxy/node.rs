//! kube-proxy's tables on a node: the jumps to its chains, kubelet's own rules, and a sync of rules
//! that are there.

use super::rule::{RuleBuilder, Verdict, WrittenRule};
use super::writer::{localnet, masquerading};
use super::{Release, Settings, Sync};
use net::netfilter::{CtStates, Restored, Rule, Ruleset, RulesetBuilder, TableName};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A jump from a built-in chain. Each is inserted at the top, so that the last comes first.
struct Jump {
    table: TableName,
    from: &'static str,
    to: &'static str,
    comment: &'static str,
    /// Whether it takes new connections only.
    new_only: bool,
    /// Whether a release has it.
    exists: fn(Release) -> bool,
}

/// All jumps, in the order in which they are inserted (`iptablesJumpChains`).
const JUMPS: &[Jump] = {
    use TableName::{Filter, Nat};
    const fn jump(
        table: TableName,
        from: &'static str,
        to: &'static str,
        (comment, new_only): (&'static str, bool),
        exists: fn(Release) -> bool,
    ) -> Jump {
        Jump { table, from, to, comment, new_only, exists }
    }
    const fn always(_: Release) -> bool {
        true
    }
    const SERVICES: &str = "kubernetes service portals";
    const EXTERNAL: (&str, bool) = ("kubernetes externally-visible service portals", true);
    const HEALTH: (&str, bool) = ("kubernetes health check service ports", false);
    const FORWARDING: (&str, bool) = ("kubernetes forwarding rules", false);
    const FIREWALL: (&str, bool) = ("kubernetes load balancer firewall", true);
    const POSTROUTING: (&str, bool) = ("kubernetes postrouting rules", false);
    &[
        jump(Filter, "INPUT", "KUBE-EXTERNAL-SERVICES", EXTERNAL, always),
        jump(Filter, "FORWARD", "KUBE-EXTERNAL-SERVICES", EXTERNAL, Release::forwards_external),
        jump(Filter, "INPUT", "KUBE-NODEPORTS", HEALTH, Release::health_check_port),
        jump(Filter, "FORWARD", "KUBE-SERVICES", (SERVICES, true), Release::rejects_forwarded),
        jump(Filter, "OUTPUT", "KUBE-SERVICES", (SERVICES, true), always),
        jump(Filter, "INPUT", "KUBE-SERVICES", (SERVICES, true), Release::rejects_incoming),
        jump(Nat, "OUTPUT", "KUBE-SERVICES", (SERVICES, false), always),
        jump(Nat, "PREROUTING", "KUBE-SERVICES", (SERVICES, false), always),
        jump(Nat, "POSTROUTING", "KUBE-POSTROUTING", POSTROUTING, always),
        jump(Filter, "FORWARD", "KUBE-FORWARD", FORWARDING, always),
        jump(Filter, "INPUT", "KUBE-PROXY-FIREWALL", FIREWALL, Release::drops_in_filter),
        jump(Filter, "OUTPUT", "KUBE-PROXY-FIREWALL", FIREWALL, Release::drops_in_filter),
        jump(Filter, "FORWARD", "KUBE-PROXY-FIREWALL", FIREWALL, Release::drops_in_filter),
    ]
};

fn append(b: &mut RulesetBuilder, table: TableName, rule: WrittenRule) {
    b.append(table, &rule.chain, rule.rule);
}

/// The mark of packets to drop.
const DROP_MARK: &str = "0x00008000";

/// Writes kubelet's chains and rules (`pkg/kubelet/kubelet_network_linux.go`).
pub fn kubelet(b: &mut RulesetBuilder, s: &Settings) {
    use TableName::{Filter, Mangle, Nat};
    let (drop, firewall): (Rc<str>, Rc<str>) = ("KUBE-MARK-DROP".into(), "KUBE-FIREWALL".into());
    let rule = || RuleBuilder::new(false);
    if s.release.canary() {
        for table in [Mangle, Nat, Filter] {
            b.new_chain(table, "KUBE-KUBELET-CANARY");
        }
    }
    if s.release.kubelet_chains_removed() {
        b.new_chain(Mangle, "KUBE-IPTABLES-HINT");
    } else {
        append(b, Nat, rule().or_mark(&drop, DROP_MARK));
        let why = "kubernetes firewall for dropping marked packets".into();
        if s.release.localnet_first() {
            append(b, Filter, localnet(rule(), &firewall));
        }
        append(
            b,
            Filter,
            rule().comment(&why).mark(false, DROP_MARK).verdict(&firewall, Verdict::Drop),
        );
        b.new_chain(Nat, "KUBE-POSTROUTING");
        for written in masquerading(s, rule) {
            append(b, Nat, written);
        }
        b.prepend(Nat, "POSTROUTING", from_built_in(jump_to("KUBE-POSTROUTING")));
    }
    if s.release.blocks_localnet()
        && (s.release.kubelet_chains_removed() || !s.release.localnet_first())
    {
        append(b, Filter, localnet(rule(), &firewall));
    }
    for chain in ["OUTPUT", "INPUT"] {
        b.prepend(Filter, chain, rule().jump(&chain.into(), &firewall).rule);
    }
}

fn jump_to(chain: &str) -> &'static Jump {
    JUMPS.iter().find(|j| j.to == chain).expect("invariant: a chain of the table above")
}

/// The rule of a jump.
fn from_built_in(j: &Jump) -> Rc<Rule> {
    let rule = RuleBuilder::new(false);
    let rule = if j.new_only { rule.ctstate(false, CtStates::NEW) } else { rule };
    rule.comment(&j.comment.into()).jump(&j.from.into(), &j.to.into()).rule
}

/// The text that [`synced`] feeds to iptables-restore. None if jumps or whole tables are missing,
/// which kube-proxy adds by other commands first.
pub fn restore_text(rules: &Ruleset, sync: &Sync, before: Option<&Sync>) -> Option<String> {
    use TableName::{Filter, Mangle, Nat};
    let after = synced(rules, sync, before).rules;
    let built_in = |r: &Ruleset| {
        let of = |t| {
            r.table(t)
                .chains
                .iter()
                .filter(|c| c.policy.is_some())
                .map(|c| c.rules.clone())
                .collect::<Vec<_>>()
        };
        (of(Filter), of(Nat), r.table(Mangle).chains.len())
    };
    let existing: BTreeSet<Rc<str>> =
        rules.table(Nat).chains.iter().map(|c| c.name.clone()).collect();
    let partial = before.filter(|b| sync.skipped(b).iter().all(|c| existing.contains(c)));
    (built_in(rules) == built_in(&after))
        .then(|| partial.map_or_else(|| sync.restore(&existing), |b| sync.restore_after(b)))
}

/// The rules of a node after a sync. `before`: the previous sync of the same process; from 1.27 on,
/// a sync does not write the chains of Services that have not changed since, if they still exist.
pub fn synced(rules: &Ruleset, sync: &Sync, before: Option<&Sync>) -> Restored {
    use TableName::{Filter, Mangle, Nat};
    let mut b = RulesetBuilder::from(rules);
    let skipped = before.map(|b| sync.skipped(b)).unwrap_or_default();
    let intact = skipped.iter().all(|c| rules.table(Nat).chain(c).is_some());
    let skipped = if intact { skipped } else { BTreeSet::new() };
    write_except(&mut b, sync, &skipped);
    let wanted = |table, name: &Rc<str>| {
        let chains = if table == Filter { &sync.filter.chains } else { &sync.nat.chains };
        chains.iter().any(|(c, _)| c == name)
    };
    let mut kept = BTreeSet::new();
    for table in [Mangle, Nat, Filter] {
        for chain in &rules.table(table).chains {
            let name = &chain.name;
            let skip = table == Nat && skipped.contains(name);
            if table == Mangle || skip || !wanted(table, name) {
                if table == Nat && !skip && super::is_own(name) {
                    b.delete(table, name);
                } else {
                    kept.insert((table, name.clone()));
                }
            }
        }
    }
    Restored { rules: b.build(), tables: [Mangle, Nat, Filter].into(), kept }
}

/// The first sync: writes chains, rules and jumps to a node that has none of them.
pub fn first_sync(b: &mut RulesetBuilder, sync: &Sync) {
    write_except(b, sync, &BTreeSet::new());
}

fn write_except(b: &mut RulesetBuilder, sync: &Sync, skipped: &BTreeSet<Rc<str>>) {
    use TableName::{Filter, Mangle, Nat};
    if sync.release.canary() {
        for table in [Mangle, Nat, Filter] {
            b.new_chain(table, "KUBE-PROXY-CANARY");
        }
    }
    for j in JUMPS.iter().filter(|j| (j.exists)(sync.release)) {
        b.new_chain(j.table, j.to);
        let rule = from_built_in(j);
        // kubelet may have inserted the jump of POSTROUTING.
        if !b.has(j.table, j.from, &rule) {
            b.prepend(j.table, j.from, rule);
        }
    }
    for (table, written) in [(Filter, &sync.filter), (Nat, &sync.nat)] {
        let skip = |chain: &Rc<str>| table == Nat && skipped.contains(chain);
        for (chain, _) in written.chains.iter().filter(|(c, _)| !skip(c)) {
            b.flush(table, chain);
        }
        for rules in written.rules.chunk_by(|a, b| a.chain == b.chain) {
            let chain = &rules[0].chain;
            if !skip(chain) {
                b.append_all(table, chain, rules.iter().map(|r| r.rule.clone()));
            }
        }
    }
}

//! What stands around kube-proxy's chains on a node: the jumps to them, and kubelet's own rules.

use super::line::{Draft, Verdict};
use super::write::{localnet, masquerading};
use super::{Line, Release, Settings, Sync};
use net::netfilter::{CtStates, Restored, Ruleset, RulesetBuilder, TableName};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A jump from a built-in chain. Each is put at the top, so that the last stands first.
struct Jump {
    table: TableName,
    from: &'static str,
    to: &'static str,
    comment: &'static str,
    /// Only new connections.
    new_only: bool,
    /// Whether a release makes it.
    made: fn(Release) -> bool,
}

/// All jumps, in the order they are made (`iptablesJumpChains`).
const JUMPS: &[Jump] = {
    use TableName::{Filter, Nat};
    const fn jump(
        table: TableName,
        from: &'static str,
        to: &'static str,
        what: (&'static str, bool),
        made: fn(Release) -> bool,
    ) -> Jump {
        Jump { table, from, to, comment: what.0, new_only: what.1, made }
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

fn append(b: &mut RulesetBuilder, table: TableName, line: Line) {
    b.append(table, &line.chain, line.rule);
}

const DROP_MARK: &str = "0x00008000";

/// kubelet's chains and rules (`pkg/kubelet/kubelet_network_linux.go`).
pub fn kubelet(b: &mut RulesetBuilder, s: &Settings) {
    use TableName::{Filter, Mangle, Nat};
    let (drop, firewall): (Rc<str>, Rc<str>) = ("KUBE-MARK-DROP".into(), "KUBE-FIREWALL".into());
    let draft = || Draft::new(false);
    if s.release.canary() {
        for table in [Mangle, Nat, Filter] {
            b.new_chain(table, "KUBE-KUBELET-CANARY");
        }
    }
    if s.release.kubelet_owns_little() {
        b.new_chain(Mangle, "KUBE-IPTABLES-HINT");
    } else {
        append(b, Nat, draft().or_mark(&drop, DROP_MARK));
        let why = "kubernetes firewall for dropping marked packets".into();
        if s.release.localnet_first() {
            append(b, Filter, localnet(draft(), &firewall));
        }
        append(
            b,
            Filter,
            draft().comment(&why).mark(false, DROP_MARK).verdict(&firewall, Verdict::Drop),
        );
        b.new_chain(Nat, "KUBE-POSTROUTING");
        for line in masquerading(s, draft) {
            append(b, Nat, line);
        }
        b.prepend(Nat, "POSTROUTING", from_built_in(jump_to("KUBE-POSTROUTING")));
    }
    if s.release.blocks_localnet()
        && (s.release.kubelet_owns_little() || !s.release.localnet_first())
    {
        append(b, Filter, localnet(draft(), &firewall));
    }
    for chain in ["OUTPUT", "INPUT"] {
        b.prepend(Filter, chain, draft().jump(&chain.into(), &firewall).rule);
    }
}

fn jump_to(chain: &str) -> &'static Jump {
    JUMPS.iter().find(|j| j.to == chain).expect("invariant: a chain of the table above")
}

fn from_built_in(j: &Jump) -> net::netfilter::Rule {
    let d = Draft::new(false);
    let d = if j.new_only { d.ctstate(false, CtStates::NEW) } else { d };
    d.comment(&j.comment.into()).jump(&j.from.into(), &j.to.into()).rule
}

/// What is fed to iptables-restore for [`synced`]; none if jumps or whole tables are missing, which
/// kube-proxy makes one by one before.
pub fn words(rules: &Ruleset, sync: &Sync, before: Option<&Sync>) -> Option<String> {
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
    let there: BTreeSet<Rc<str>> = rules.table(Nat).chains.iter().map(|c| c.name.clone()).collect();
    let partial = before.filter(|b| sync.skipped(b).iter().all(|c| there.contains(c)));
    (built_in(rules) == built_in(&after))
        .then(|| partial.map_or_else(|| sync.restore(&there), |b| sync.restore_after(b)))
}

/// These rules after a sync, by a kube-proxy that finds them. `before`: its last sync, if it has
/// run since; a later one leaves alone what stays the same, where a release does so and finds it
/// there.
pub fn synced(rules: &Ruleset, sync: &Sync, before: Option<&Sync>) -> Restored {
    use TableName::{Filter, Mangle, Nat};
    let mut b = RulesetBuilder::from(rules);
    let skipped = before.map(|b| sync.skipped(b)).unwrap_or_default();
    let there = skipped.iter().all(|c| rules.table(Nat).chain(c).is_some());
    let skipped = if there { skipped } else { BTreeSet::new() };
    put_all_but(&mut b, sync, &skipped);
    let wanted = |table, name: &Rc<str>| {
        let chains = if table == Filter { &sync.filter.chains } else { &sync.nat.chains };
        chains.iter().any(|(c, _)| c == name)
    };
    let mut kept = BTreeSet::new();
    for table in [Mangle, Nat, Filter] {
        for chain in &rules.table(table).chains {
            let name = &chain.name;
            let left = table == Nat && skipped.contains(name);
            if table == Mangle || left || !wanted(table, name) {
                if table == Nat && !left && super::is_own(name) {
                    b.delete(table, name);
                } else {
                    kept.insert((table, name.clone()));
                }
            }
        }
    }
    Restored { rules: b.build(), tables: [Mangle, Nat, Filter].into(), kept }
}

/// Puts what kube-proxy wants on a node that has none of it yet: chains, rules, and the jumps.
pub fn put(b: &mut RulesetBuilder, sync: &Sync) {
    put_all_but(b, sync, &BTreeSet::new());
}

fn put_all_but(b: &mut RulesetBuilder, sync: &Sync, skipped: &BTreeSet<Rc<str>>) {
    use TableName::{Filter, Mangle, Nat};
    if sync.release.canary() {
        for table in [Mangle, Nat, Filter] {
            b.new_chain(table, "KUBE-PROXY-CANARY");
        }
    }
    for j in JUMPS.iter().filter(|j| (j.made)(sync.release)) {
        b.new_chain(j.table, j.to);
        let rule = from_built_in(j);
        // kubelet has made that of POSTROUTING.
        if !b.has(j.table, j.from, &rule) {
            b.prepend(j.table, j.from, rule);
        }
    }
    for (table, written) in [(Filter, &sync.filter), (Nat, &sync.nat)] {
        let left = |chain: &Rc<str>| table == Nat && skipped.contains(chain);
        for (chain, _) in written.chains.iter().filter(|(c, _)| !left(c)) {
            b.new_chain(table, chain);
            b.flush(table, chain);
        }
        for line in written.lines.iter().filter(|l| !left(&l.chain)) {
            b.append(table, &line.chain, line.rule.clone());
        }
    }
}

//! What stands around kube-proxy's chains on a node: the jumps to them, and kubelet's own rules.

use super::line::{Draft, Verdict};
use super::write::{localnet, masquerading};
use super::{Era, Line, Settings, Sync};
use net::netfilter::{CtStates, Restored, Ruleset, RulesetBuilder, TableName};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A jump from a built-in chain. Each is put at the top, so that the last stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// The table.
    pub table: TableName,
    /// From this built-in chain.
    pub from: &'static str,
    /// To this one.
    pub to: &'static str,
    /// What it says.
    pub comment: &'static str,
    /// Only new connections.
    pub new_only: bool,
    /// The releases that make it, both included.
    pub eras: (u8, u8),
}

const SERVICES: &str = "kubernetes service portals";
const EXTERNAL: &str = "kubernetes externally-visible service portals";
const HEALTH: &str = "kubernetes health check service ports";
const FORWARDING: &str = "kubernetes forwarding rules";
const FIREWALL: &str = "kubernetes load balancer firewall";
const POSTROUTING: &str = "kubernetes postrouting rules";

const fn jump(table: TableName, from: &'static str, to: &'static str, comment: &'static str, new_only: bool, eras: (u8, u8)) -> Jump {
    Jump { table, from, to, comment, new_only, eras }
}

/// All jumps, in the order they are made (`iptablesJumpChains`).
const JUMPS: &[Jump] = {
    use TableName::{Filter, Nat};
    &[
        jump(Filter, "INPUT", "KUBE-EXTERNAL-SERVICES", EXTERNAL, true, (10, 36)),
        jump(Filter, "FORWARD", "KUBE-EXTERNAL-SERVICES", EXTERNAL, true, (20, 36)),
        jump(Filter, "INPUT", "KUBE-NODEPORTS", HEALTH, false, (21, 36)),
        jump(Filter, "FORWARD", "KUBE-SERVICES", SERVICES, true, (14, 36)),
        jump(Filter, "OUTPUT", "KUBE-SERVICES", SERVICES, true, (10, 36)),
        jump(Filter, "INPUT", "KUBE-SERVICES", SERVICES, true, (14, 19)),
        jump(Nat, "OUTPUT", "KUBE-SERVICES", SERVICES, false, (10, 36)),
        jump(Nat, "PREROUTING", "KUBE-SERVICES", SERVICES, false, (10, 36)),
        jump(Nat, "POSTROUTING", "KUBE-POSTROUTING", POSTROUTING, false, (10, 36)),
        jump(Filter, "FORWARD", "KUBE-FORWARD", FORWARDING, false, (10, 36)),
        jump(Filter, "INPUT", "KUBE-PROXY-FIREWALL", FIREWALL, true, (25, 36)),
        jump(Filter, "OUTPUT", "KUBE-PROXY-FIREWALL", FIREWALL, true, (25, 36)),
        jump(Filter, "FORWARD", "KUBE-PROXY-FIREWALL", FIREWALL, true, (25, 36)),
    ]
};

/// The jumps of a release, in the order they are made.
pub fn jumps(era: Era) -> impl Iterator<Item = &'static Jump> {
    JUMPS.iter().filter(move |j| (j.eras.0..=j.eras.1).contains(&era.minor()))
}

fn append(b: &mut RulesetBuilder, table: TableName, line: Line) {
    b.append(table, &line.chain, line.rule);
}

const DROP_MARK: &str = "0x00008000";

/// kubelet's chains and rules (`pkg/kubelet/kubelet_network_linux.go`).
pub fn kubelet(b: &mut RulesetBuilder, s: &Settings) {
    use TableName::{Filter, Mangle, Nat};
    let (drop, firewall): (Rc<str>, Rc<str>) = ("KUBE-MARK-DROP".into(), "KUBE-FIREWALL".into());
    let draft = || Draft::new(false);
    if s.era.canary() {
        for table in [Mangle, Nat, Filter] {
            b.new_chain(table, "KUBE-KUBELET-CANARY");
        }
    }
    if s.era.kubelet_owns_little() {
        b.new_chain(Mangle, "KUBE-IPTABLES-HINT");
    } else {
        append(b, Nat, draft().or_mark(&drop, DROP_MARK));
        let why = "kubernetes firewall for dropping marked packets".into();
        if s.era.localnet_first() {
            append(b, Filter, localnet(draft(), &firewall));
        }
        append(b, Filter, draft().comment(&why).mark(false, DROP_MARK).verdict(&firewall, Verdict::Drop));
        b.new_chain(Nat, "KUBE-POSTROUTING");
        for line in masquerading(s, draft) {
            append(b, Nat, line);
        }
        b.prepend(Nat, "POSTROUTING", from_built_in(jump_to("KUBE-POSTROUTING")));
    }
    if s.era.blocks_localnet() && (s.era.kubelet_owns_little() || !s.era.localnet_first()) {
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

/// These rules after a whole sync, by a kube-proxy that finds them.
pub fn synced(rules: &Ruleset, sync: &Sync) -> Restored {
    use TableName::{Filter, Mangle, Nat};
    let mut b = RulesetBuilder::from(rules);
    put(&mut b, sync);
    let written = |table, name: &Rc<str>| {
        let chains = if table == Filter { &sync.filter.chains } else { &sync.nat.chains };
        chains.iter().any(|(c, _)| c == name)
    };
    let mut kept = BTreeSet::new();
    for table in [Mangle, Nat, Filter] {
        for chain in &rules.table(table).chains {
            let name = &chain.name;
            if table == Mangle || !written(table, name) {
                if table == Nat && super::is_own(name) {
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
    use TableName::{Filter, Mangle, Nat};
    if sync.era.canary() {
        for table in [Mangle, Nat, Filter] {
            b.new_chain(table, "KUBE-PROXY-CANARY");
        }
    }
    for j in jumps(sync.era) {
        b.new_chain(j.table, j.to);
        let rule = from_built_in(j);
        // kubelet has made that of POSTROUTING.
        if !b.has(j.table, j.from, &rule) {
            b.prepend(j.table, j.from, rule);
        }
    }
    for (table, written) in [(Filter, &sync.filter), (Nat, &sync.nat)] {
        for (chain, _) in &written.chains {
            b.new_chain(table, chain);
            b.flush(table, chain);
        }
        for line in &written.lines {
            b.append(table, &line.chain, line.rule.clone());
        }
    }
}

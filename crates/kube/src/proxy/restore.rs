//! The text that is fed to `iptables-restore --noflush --counters`.

use super::writer::{Sync, TableRules};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::rc::Rc;

/// The prefixes of chains that belong to a Service port or an endpoint. A sync deletes those that
/// are no longer needed.
const OWN_PREFIXES: [&str; 6] =
    ["KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-XLB-", "KUBE-EXT-"];

/// Whether a chain belongs to a Service port or an endpoint.
pub fn is_own(chain: &str) -> bool {
    OWN_PREFIXES.iter().any(|p| chain.starts_with(p))
}

impl Sync {
    /// The text of a full sync. `existing`: the chains of table nat before it.
    pub fn restore(&self, existing: &BTreeSet<Rc<str>>) -> String {
        self.text(existing, &|_| true)
    }

    /// The text of a sync after another: from 1.27 on, only the shared chains and those of Services
    /// that changed.
    pub fn restore_after(&self, before: &Self) -> String {
        let existing: BTreeSet<Rc<str>> =
            before.nat.chains.iter().map(|(c, _)| c.clone()).collect();
        let kept = self.unchanged_owners(before);
        self.text(&existing, &|owner| !kept.contains(&owner))
    }

    /// The chains that [`Self::restore_after`] omits.
    pub fn skipped(&self, before: &Self) -> BTreeSet<Rc<str>> {
        let kept = self.unchanged_owners(before);
        self.nat
            .chains
            .iter()
            .filter(|(_, owner)| owner.is_some_and(|o| kept.contains(&o)))
            .map(|(c, _)| c.clone())
            .collect()
    }

    /// The indices of the owners whose chains [`Self::restore_after`] omits.
    fn unchanged_owners(&self, before: &Self) -> BTreeSet<u32> {
        if !self.release.partial_sync() {
            return BTreeSet::new();
        }
        let (was, is) = (before.by_service(), self.by_service());
        let same = |s: &&String| {
            was.get(s.as_str()).is_some_and(|lines| is.get(s.as_str()) == Some(lines))
        };
        self.owners.iter().zip(0..).filter(|(s, _)| same(s)).map(|(_, i)| i).collect()
    }

    /// The rules in the chains of each Service, as pairs of chain and text.
    fn by_service(&self) -> BTreeMap<&str, Vec<&str>> {
        let owner: BTreeMap<&Rc<str>, u32> =
            self.nat.chains.iter().filter_map(|(c, o)| Some((c, (*o)?))).collect();
        let mut out: BTreeMap<&str, Vec<&str>> =
            self.owners.iter().map(|s| (s.as_str(), Vec::new())).collect();
        for rule in &self.nat.rules {
            let service = owner.get(&rule.chain).and_then(|o| self.owners.get(*o as usize));
            if let Some(lines) = service.and_then(|s| out.get_mut(s.as_str())) {
                lines.extend([&*rule.chain, rule.text.as_str()]);
            }
        }
        out
    }

    fn text(&self, existing: &BTreeSet<Rc<str>>, wanted: &dyn Fn(u32) -> bool) -> String {
        let mut out = String::new();
        table(&mut out, "filter", &self.filter, &[], wanted);
        let kept: BTreeSet<&Rc<str>> = self.nat.chains.iter().map(|(c, _)| c).collect();
        let stale: Vec<&Rc<str>> =
            existing.iter().filter(|c| is_own(c) && !kept.contains(c)).collect();
        table(&mut out, "nat", &self.nat, &stale, wanted);
        out
    }
}

fn table(
    out: &mut String,
    name: &str,
    w: &TableRules,
    stale: &[&Rc<str>],
    wanted: &dyn Fn(u32) -> bool,
) {
    let _ = writeln!(out, "*{name}");
    let mut skipped = BTreeSet::new();
    for (chain, owner) in &w.chains {
        if owner.is_none_or(wanted) {
            let _ = writeln!(out, ":{chain} - [0:0]");
        } else {
            skipped.insert(chain);
        }
    }
    for chain in stale {
        let _ = writeln!(out, ":{chain} - [0:0]");
    }
    for r in w.rules.iter().filter(|r| !skipped.contains(&r.chain)) {
        let _ = writeln!(out, "-A {}{}", r.chain, r.text);
    }
    for chain in stale {
        let _ = writeln!(out, "-X {chain}");
    }
    out.push_str("COMMIT\n");
}

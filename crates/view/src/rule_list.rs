//! All rules of a node, searched, and what an edit changed in them.

use net::netfilter::{TableName, rule_text};
use net::state::Netns;

/// A rule with its counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLine {
    /// The table it is in.
    pub table: TableName,
    /// The rule, as iptables-save prints it.
    pub text: String,
    /// Its counter: packets and bytes.
    pub counter: (u64, u64),
}

/// The most rules that `find` returns.
pub const MOST: usize = 300;

/// The rules that contain every word of `search`, in the order of iptables-save, and the number of
/// those that were left out.
pub fn find(ns: &Netns, search: &str) -> (Vec<RuleLine>, usize) {
    let words: Vec<String> = search.split_whitespace().map(str::to_ascii_lowercase).collect();
    let (mut out, mut more) = (Vec::new(), 0);
    for (table, text, counter) in lines(ns) {
        let low = text.to_ascii_lowercase();
        if !words.iter().all(|w| low.contains(w.as_str()) || table.name() == w) {
            continue;
        }
        if out.len() < MOST {
            out.push(RuleLine { table, text, counter });
        } else {
            more += 1;
        }
    }
    (out, more)
}

fn lines(ns: &Netns) -> impl Iterator<Item = (TableName, String, (u64, u64))> + '_ {
    [TableName::Raw, TableName::Mangle, TableName::Nat, TableName::Filter].into_iter().flat_map(
        move |name| {
            let table = ns.rules.table(name);
            table.chains.iter().zip(0..).flat_map(move |(chain, c)| {
                chain.rules.iter().zip(0..).map(move |(rule, r)| {
                    let counter = ns.counter(name, table.rule_counter(c, r));
                    (name, rule_text(&chain.name, rule), counter)
                })
            })
        },
    )
}

/// A rule that only one of two states has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// The table it is in.
    pub table: TableName,
    /// The rule, as iptables-save prints it.
    pub text: String,
    /// Whether it was added; otherwise it was removed.
    pub new: bool,
}

/// The rules that were added and removed between two states of a node, in the order of
/// iptables-save.
pub fn difference(before: &Netns, after: &Netns) -> Vec<DiffLine> {
    if before.rules == after.rules {
        return Vec::new();
    }
    type Line = (TableName, String);
    let of = |ns| lines(ns).map(|(t, text, _)| (t, text)).collect::<Vec<Line>>();
    let (old, new) = (of(before), of(after));
    let sorted = |all: &[Line]| {
        let mut all = all.to_vec();
        all.sort_unstable();
        all
    };
    let (in_old, in_new) = (sorted(&old), sorted(&new));
    let has = |all: &[Line], l: &Line| all.binary_search(l).is_ok();
    let line = |l: &Line, new: bool| DiffLine { table: l.0, text: l.1.clone(), new };
    let mut out = Vec::new();
    let mut rest = old.iter().peekable();
    for l in &new {
        // Removed rules come before the rule that followed them.
        while let Some(gone) = rest.next_if(|o| !has(&in_new, o)) {
            out.push(line(gone, false));
        }
        if has(&in_old, l) {
            if rest.peek() == Some(&l) {
                rest.next();
            }
        } else {
            out.push(line(l, true));
        }
    }
    out.extend(rest.filter(|o| !has(&in_new, o)).map(|o| line(o, false)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use play::Session;

    fn node(document: &str) -> Netns {
        let session = Session::new(document, 1, true).expect("valid");
        session.initial().ns_named("node01").expect("node01").1.clone()
    }

    #[test]
    fn words_find_rules_in_any_case_and_tables_by_name() {
        let ns =
            node(&play::presets::Preset::named("article-nodeport").expect("preset").document());
        let (all, more) = find(&ns, "");
        assert!(all.len() > 40 && more == 0);
        let (found, _) = find(&ns, "nat 30080 kube-svc");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].text.starts_with("-A KUBE-NODEPORTS"));
        assert_eq!(find(&ns, "no-such-word").0.len(), 0);
    }

    #[test]
    fn a_service_that_gets_another_port_changes_its_own_rules_only() {
        let document = play::presets::Preset::named("article-nodeport").expect("preset").document();
        let (before, after) =
            (node(&document), node(&document.replace("nodePort: 30080", "nodePort: 30081")));
        let diff = difference(&before, &after);
        assert!(!diff.is_empty() && diff.iter().all(|d| d.text.contains("3008")), "{diff:?}");
        assert_eq!(diff.iter().filter(|d| d.new).count(), diff.iter().filter(|d| !d.new).count());
        assert_eq!(difference(&before, &before.clone()), []);
    }
}

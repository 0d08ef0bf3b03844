//! Sorts rules as the cases do: tables by name; chains by name, with the two large ones first; the
//! rules of those by Service.

use std::collections::BTreeMap;

fn chain_order(name: &str) -> (u8, &str) {
    let first = match name {
        "KUBE-NODEPORTS" => 0,
        "KUBE-SERVICES" => 1,
        _ if name.starts_with("KUBE-") => 2,
        _ => 3,
    };
    (first, name)
}

/// The sort key of a rule in a large chain: the Service in its comment. The final rule stays last.
fn service_of(rule: &str) -> (bool, &str) {
    let comment = rule.split_once("--comment ").map_or("", |(_, c)| c).trim_start_matches('"');
    let last = comment.contains("must be the last rule");
    let service = comment.split([' ', ':']).next().unwrap_or_default();
    (last, if last { "" } else { service })
}

/// Sorts an input of `iptables-restore`.
pub(crate) fn sorted(text: &str) -> Vec<String> {
    // Per table: chains, rules, deleted chains.
    let mut tables: BTreeMap<String, [Vec<String>; 3]> = BTreeMap::new();
    let mut table = String::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#') && *l != "COMMIT")
    {
        let [chains, rules, deleted] = tables.entry(table.clone()).or_default();
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
        } else if line.starts_with(':') {
            chains.push(line.to_owned());
        } else if line.starts_with("-X") {
            deleted.push(line.to_owned());
        } else {
            rules.push(line.to_owned());
        }
    }
    let mut out = Vec::new();
    for (name, [mut chains, mut rules, mut deleted]) in tables {
        if name.is_empty() {
            continue;
        }
        let chain = |l: &str| {
            l.trim_start_matches([':', '-'])
                .trim_start_matches("A ")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        chains.sort_by(|a, b| chain_order(&chain(a)).cmp(&chain_order(&chain(b))));
        rules.sort_by(|a, b| {
            let (ca, cb) = (chain(a), chain(b));
            let large = matches!(ca.as_str(), "KUBE-NODEPORTS" | "KUBE-SERVICES");
            chain_order(&ca).cmp(&chain_order(&cb)).then_with(|| {
                if large { service_of(a).cmp(&service_of(b)) } else { std::cmp::Ordering::Equal }
            })
        });
        deleted.sort();
        out.push(format!("*{name}"));
        out.extend(chains);
        out.extend(rules);
        out.extend(deleted);
        out.push("COMMIT".to_owned());
    }
    out
}

//! kube-proxy's sync is an event: packets sent before it traverse the old rules, and it resets the
//! counters of its chains.

use net::netfilter::TableName;
use play::presets::Preset;
use play::{Ending, Probe, Session, shell};

fn packets(session: &Session, table: TableName, chain: &str) -> u64 {
    let ns = session.world().state().ns_named("node01").expect("node01").1;
    let t = ns.rules.table(table);
    let (id, c) = t.chain(chain).expect("a chain");
    (0..c.rules.len() as u32).map(|i| ns.counter(table, t.rule_counter(id, i)).0).sum()
}

#[test]
fn a_sync_restores_missing_rules_and_counts_from_zero() {
    for name in ["article-nodeport", "nodeport-1.36"] {
        let document = Preset::named(name).expect("preset").document();
        let stopped = format!("{document}  faults:\n  - {{stopped: node01/kube-proxy}}\n");
        let mut session = Session::new(&stopped, 1, true).unwrap_or_else(|d| panic!("{}", d[0]));
        let probe = Probe::new("bastion", "192.168.120.226:30080");
        let refused = session.send(&probe).expect("sent");
        assert_eq!(
            refused.verdict.ending,
            Ending::Failed,
            "{name}: without rules there is no answer"
        );
        let out = shell::exec(&mut session, "node01", "systemctl start kube-proxy");
        assert_eq!((out.status, out.text.as_str()), (0, ""), "{name}");
        let whole = Session::new(&document, 1, true).expect("valid");
        let rules =
            |s: &Session| s.world().state().ns_named("node01").expect("node01").1.rules.clone();
        assert_eq!(
            rules(&session),
            rules(&whole),
            "{name}: the same rules as if kube-proxy had run from the start"
        );
        let answered = session.send(&probe).expect("sent");
        assert_eq!(answered.verdict.ending, Ending::Answered, "{name}");
        let forwarded = packets(&session, TableName::Filter, "FORWARD");
        assert!(packets(&session, TableName::Nat, "KUBE-NODEPORTS") > 0 && forwarded > 0, "{name}");
        shell::exec(&mut session, "node01", "systemctl restart kube-proxy");
        assert_eq!(
            packets(&session, TableName::Nat, "KUBE-NODEPORTS"),
            0,
            "{name}: its own chains"
        );
        assert_eq!(
            packets(&session, TableName::Filter, "KUBE-FORWARD"),
            0,
            "{name}: its own chains"
        );
        assert_eq!(
            packets(&session, TableName::Filter, "FORWARD"),
            forwarded,
            "{name}: other chains keep counting"
        );
        assert_eq!(rules(&session), rules(&whole), "{name}");
    }
}

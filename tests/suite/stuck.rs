//! Every run ends: a routing loop by TTL, a storm by the event budget. An event names the cause.

use net::DropReason;
use net::event::EventKind;
use net::wire::Body;
use play::{Script, Session};
use std::collections::BTreeMap;
use support::record;

/// Plays steps in the cluster of the article.
fn play(steps: &str) -> Session {
    let cluster = play::presets::Preset::named("article-nodeport").expect("preset").document();
    let document = format!(
        "{cluster}\n---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  start: known\n  steps:\n{steps}"
    );
    let (script, diags) = Script::read(&document);
    script
        .unwrap_or_else(|| panic!("{}", diags[0]))
        .play(&document)
        .unwrap_or_else(|_| panic!("it plays"))
}

fn results(session: &Session, step: usize) -> Vec<String> {
    let (probe, run) = session.results()[step].sent().expect("a probe");
    record::results(session, probe, run, &str::to_owned)
}

fn drops(session: &Session) -> BTreeMap<DropReason, usize> {
    let mut out = BTreeMap::new();
    for e in session.events() {
        if let EventKind::Dropped { reason, .. } = &e.kind {
            *out.entry(*reason).or_default() += 1;
        }
    }
    out
}

/// Two nodes that route a network without pods to each other.
const LOOP: &str = "  - {on: node01, run: \"ip route add 10.1.7.0/24 via 192.168.120.227\"}
  - {on: node02, run: \"ip route add 10.1.7.0/24 via 192.168.120.226\"}
  - {on: bastion, run: \"ip route add 10.1.7.0/24 via 192.168.120.226\"}
";

#[test]
fn a_routing_loop_ends_by_ttl() {
    let session = play(&format!(
        "{LOOP}  - send: {{from: bastion, to: 10.1.7.9, proto: icmp, timeout: 300ms}}\n"
    ));
    let forwarded = session
        .events()
        .iter()
        .filter(|e| matches!(&e.kind, EventKind::TtlDecremented { .. }))
        .count();
    assert_eq!(drops(&session).get(&DropReason::IpTtlExceeded), Some(&1), "{:?}", drops(&session));
    assert!(forwarded >= 63, "{forwarded} times forwarded");
    // The node that dropped the packet has just sent a redirect, and the ICMP rate limit suppresses
    // a second error at the same time: the client gets none, as on a real kernel.
    assert_eq!(results(&session, 3), ["ping 10.1.7.9: no answer"]);
}

#[test]
fn a_storm_ends_by_the_event_budget_and_each_run_has_its_own() {
    let storm = "  - send: {from: bastion, to: 10.1.7.9, proto: icmp, ttl: 255, \
                 count: 100, interval: 1ms, timeout: 1s}\n";
    let after = "  - send: {from: bastion, to: \"192.168.120.226:30080\"}\n";
    let session = play(&format!("{LOOP}{storm}{after}"));
    let n = session.results()[3].run().map_or(0, |r| r.events.len());
    assert!((200_000..201_000).contains(&n), "{n} events");
    assert!(drops(&session).contains_key(&DropReason::Budget), "{:?}", drops(&session));
    let said = results(&session, 4);
    assert!(said.len() == 1 && said[0].contains("200 OK"), "{said:?}");
}

/// When the budget is exhausted, queued fragments are discarded, and their timers (30 s) with them.
#[test]
fn a_storm_of_fragments_leaves_nothing_behind() {
    let storm = "  - send: {from: bastion, to: 10.1.7.9, proto: icmp, size: 3000, pmtudisc: dont, \
                 ttl: 255, count: 100, interval: 1ms, timeout: 1s}\n";
    let after = "  - send: {from: node01, to: 10.1.7.9, proto: icmp, timeout: 40s, settle: 1s}\n";
    let session = play(&format!("{LOOP}{storm}{after}"));
    assert!(drops(&session).contains_key(&DropReason::Budget), "{:?}", drops(&session));
    assert!(session.world().state().netns.iter().all(|n| n.fragments.is_empty()));
}

/// What the client of a document sends from port 41003: when, in milliseconds after its first, and
/// which flags.
fn sent_by_client(document: &str) -> Vec<(u64, String)> {
    let (script, _) = Script::read(document);
    let session = script.expect("a Script").play(document).unwrap_or_else(|d| panic!("{}", d[0]));
    let sent: Vec<_> = session
        .events()
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::PacketMade { packet } => match &packet.body {
                Body::Tcp(t) if t.sport == 41003 => Some((e.at, t.flags.to_string())),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let first = sent.first().expect("something was sent").0;
    sent.into_iter().map(|(at, flags)| ((at - first).0 / 1_000_000, flags)).collect()
}

/// As Linux 6.18 does it: `cargo xtask kernel` compares both documents.
#[test]
fn a_request_that_is_lost_or_refused_is_sent_again_and_the_fin_waits_for_it() {
    let of = |times: &[(u64, &str)]| -> Vec<_> {
        times.iter().map(|(at, flags)| (*at, (*flags).to_owned())).collect()
    };
    let refused = sent_by_client(include_str!("../kernel/live/port-refuses-request.yaml"));
    assert_eq!(refused[..5], of(&[(0, "S"), (0, "."), (0, "P."), (204, "P."), (716, "P.")]));
    assert_eq!(refused.last(), Some(&(3300, "FP.".to_owned())));
    let lost = sent_by_client(include_str!("../kernel/live/port-loses-request.yaml"));
    let again = [(0, "S"), (0, "."), (0, "P."), (204, "P."), (408, "P."), (816, "P.")];
    assert_eq!(lost, of(&[&again[..], &[(1632, "P."), (3264, "P.")]].concat()));
}

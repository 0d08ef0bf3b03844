//! Fuzzing without a fuzzer: random bytes, and mutations of valid input, from a seed, as frames,
//! rules, documents and whole sessions. Nothing may panic, hang, or grow without bound.
//!
//! `FUZZ=N cargo test --test fuzz` runs N times as many cases. A failure prints the number of its
//! case, which is the same on every machine.

use net::netfilter::Ruleset;
use net::rng::Rng;
use net::wire::{Frame, Ipv4};
use play::{Script, Session};

/// The number of cases: `n` times the value of FUZZ.
fn cases(n: u64) -> u64 {
    let times =
        std::env::vars().find(|(k, _)| k == "FUZZ").and_then(|(_, v)| v.parse().ok()).unwrap_or(1);
    n * times
}

/// Prints the number of the case if it panics.
struct Case(u64);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in case {}", self.0);
        }
    }
}

/// Changes bytes in a few places: flips, removes, duplicates or swaps them.
fn mutated(r: &mut Rng, seed: &[u8]) -> Vec<u8> {
    let mut out = seed.to_vec();
    for _ in 0..=r.below(6) {
        if out.is_empty() {
            break;
        }
        let at = r.below(out.len() as u64) as usize;
        let len = (r.below(24) as usize).min(out.len() - at);
        match r.below(5) {
            0 => out[at] ^= 1 << r.below(8),
            1 => _ = out.drain(at..at + len),
            2 => {
                let piece = out[at..at + len].to_vec();
                out.splice(at..at, piece);
            }
            3 => out[at] = b"\0\n:'\"{}[]-&*! 09aZ/.,#%"[r.below(23) as usize],
            _ => {
                let to = r.below(out.len() as u64) as usize;
                out.swap(at, to);
            }
        }
    }
    out
}

fn frames() -> Vec<Vec<u8>> {
    let document = play::presets::Preset::named("article-nodeport").expect("preset").document();
    let mut session = Session::new(&document, 1, false).expect("session");
    let probe = play::Probe::new("bastion", "192.168.120.226:30080");
    session.send(&probe).expect("sent");
    let frame = |e: &net::Event| {
        if let net::event::EventKind::FrameSent { frame, .. } = &e.kind {
            Some(frame.emit())
        } else {
            None
        }
    };
    session.events().iter().filter_map(frame).collect()
}

#[test]
fn frame_parsers_accept_any_bytes() {
    let good = frames();
    let mut r = Rng::new(1);
    let mut read = 0;
    for case in 0..cases(40_000) {
        let _case = Case(case);
        let seed = &good[r.below(good.len() as u64) as usize];
        let bytes = mutated(&mut r, seed);
        if let Ok(frame) = Frame::parse(&bytes) {
            read += 1;
            // A parsed frame can be emitted, and parses to the same frame.
            let again = Frame::parse(&frame.emit()).expect("an emitted frame can be parsed");
            assert_eq!(again, frame);
        }
        let _ = Ipv4::parse_quoted(bytes.get(14..).unwrap_or_default());
    }
    assert!(read > 1_000, "{read} of the mutated frames could be parsed");
}

#[test]
fn the_rules_parser_accepts_any_text() {
    let document = play::presets::Preset::named("article-nodeport").expect("preset").document();
    let (cluster, _) = kube::build(&document);
    let spec = kube::plan::spec(&cluster.expect("cluster").into());
    let node = spec.netns.iter().find(|n| n.name == "node01").expect("node");
    let text = net::netfilter::save(&node.rules, "x", "x", &|_, _| (0, 0));
    let mut r = Rng::new(2);
    let mut read = 0;
    for case in 0..cases(1_500) {
        let _case = Case(case);
        let bytes = mutated(&mut r, text.as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(rules) = Ruleset::parse(&text) {
            read += 1;
            let printed = net::netfilter::save(&rules, "x", "x", &|_, _| (0, 0));
            let again = Ruleset::parse(&printed).unwrap_or_else(|e| panic!("{}\n{printed}", e[0]));
            let again = net::netfilter::save(&again, "x", "x", &|_, _| (0, 0));
            let lines = |t: &str| t.lines().map(str::to_owned).collect::<Vec<_>>();
            let differs =
                support::difference(&format!("case {case}"), &lines(&printed), &lines(&again));
            assert!(differs.is_none(), "\n{}", differs.unwrap_or_default());
        }
    }
    assert!(read > 50, "{read} of the mutated texts could be parsed");
}

/// A document with a Script of many kinds of steps.
const SESSION: &str = "---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  seed: 3
  start: cold
  steps:
  - send: {from: bastion, to: \"192.168.120.226:30080\", sport: 40501, timeout: 1s, settle: 100ms}
  - {on: node01, run: \"ip route del 10.1.6.0/24\"}
  - {on: node02, run: \"sysctl -w net.ipv4.conf.all.rp_filter=0\"}
  - send: {from: centos, to: 10.1.6.5, proto: icmp, size: 3000, ttl: 3, count: 2, interval: 100ms, timeout: 200ms, settle: 50ms}
  - send: {from: node01, to: \"10.1.0.10:53\", proto: udp, size: 1400, count: 2, timeout: 200ms, settle: 50ms}
  - {on: node01, run: conntrack -F}
  - {on: node01, run: \"ip link set ens192 mtu 600\"}
  - {on: node02, run: \"ip neigh del 192.168.120.226 dev ens192\"}
  - {on: node02, run: \"iptables-restore <<< '*nat\\n-A PREROUTING -j MARK --set-xmark 0x1/0x1\\nCOMMIT'\"}
  - send: {from: bastion, to: \"10.1.5.4:53\", proto: udp, size: 2000, timeout: 100ms}
  - {at: {probe: 4, after: 1ms}, on: node01, run: \"bridge fdb del 0a:58:0a:01:05:04 dev flannel.1\"}
  - {at: {probe: 4, direction: request, marker: encapsulated}, packet: {delay: 20ms}}
  - {at: {probe: 1, marker: rule-dnat}, packet: drop}
";

#[test]
fn a_session_of_any_document_ends() {
    let text =
        play::presets::Preset::named("article-nodeport").expect("preset").document() + SESSION;
    let mut r = Rng::new(3);
    let (mut played, mut events) = (0, 0);
    for case in 0..cases(700) {
        let _case = Case(case);
        let bytes = mutated(&mut r, text.as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        let (script, _) = Script::read(&text);
        let (cluster, diags) = kube::build(&text);
        assert!(cluster.is_some() || !diags.is_empty(), "case {case}: no cluster, and no error");
        let Some(script) = script else { continue };
        if let Ok(session) = script.play(&text) {
            played += 1;
            events += session.events().len();
            // Every session ends, and has a lab script or an error.
            assert!(session.events().len() < 1_000_000, "case {case}");
            let _ = play::lab::script(&session);
        }
    }
    println!("{played} sessions were played, {events} events");
    assert!(played > 20, "{played}");
}

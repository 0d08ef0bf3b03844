//! A run as text, for the command line and for comparing: one line an event, or the short story.

use crate::labels::Labels;
use crate::story::{self, Grain};
use crate::words::{Context, Lang, sentence, verdict};
use net::event::EventKind;
use net::netfilter::{Effect, WalkStep};
use net::{Event, State};
use play::Run;
use std::fmt::Write;

/// The stable name of an event's kind, as JSON and traces print it.
pub fn kind_name(e: &Event) -> &'static str {
    match &e.kind {
        EventKind::Asked { .. } => "asked",
        EventKind::PacketMade { .. } => "packet-made",
        EventKind::FrameSent { .. } => "frame-sent",
        EventKind::FrameReceived { .. } => "frame-received",
        EventKind::Walked { step, .. } => match step {
            WalkStep::Matched { effect: Effect::Dnat { .. }, .. } => "rule-dnat",
            WalkStep::Matched { effect: Effect::Masquerade { .. }, .. } => "rule-masquerade",
            WalkStep::Matched { effect: Effect::Mark(_), .. } => "rule-mark",
            WalkStep::Matched { effect: Effect::Accept, .. } => "rule-accept",
            WalkStep::Matched { .. } => "rule-matched",
            WalkStep::Returned { .. } => "chain-returned",
            WalkStep::Policy { .. } => "policy",
            WalkStep::Unsupported { .. } => "unsupported",
        },
        EventKind::NatSkipped { .. } => "nat-skipped",
        EventKind::Tracked { .. } => "tracked",
        EventKind::Confirmed { .. } => "confirmed",
        EventKind::NatDecided { .. } => "nat-decided",
        EventKind::Translated { .. } => "translated",
        EventKind::Routed { .. } => "routed",
        EventKind::TtlDecremented { .. } => "ttl-decremented",
        EventKind::NeighbourUsed { .. } => "neighbour-used",
        EventKind::NeighbourAwaited { .. } => "neighbour-awaited",
        EventKind::NeighbourLearned { .. } => "neighbour-learned",
        EventKind::NeighbourFailed { .. } => "neighbour-failed",
        EventKind::NeighbourAged { .. } => "neighbour-aged",
        EventKind::FdbLearned { .. } => "fdb-learned",
        EventKind::Bridged { .. } => "bridged",
        EventKind::BridgedDnat { .. } => "bridged-dnat",
        EventKind::VtepFound { .. } => "vtep-found",
        EventKind::Encapsulated { .. } => "encapsulated",
        EventKind::Decapsulated { .. } => "decapsulated",
        EventKind::Delivered { .. } => "delivered",
        EventKind::Accepted { .. } => "accepted",
        EventKind::Wrote { .. } => "wrote",
        EventKind::Retransmitted { .. } => "retransmitted",
        EventKind::Dropped { .. } => "dropped",
        EventKind::Ended { .. } => "ended",
    }
}

/// One line an event: number, time, packet, place, kind, sentence. The last line is the verdict.
pub fn text(state: &State, events: &[Event], labels: &Labels, run: &Run, lang: Lang) -> String {
    lines(state, events, labels, run, lang, Grain::Rules)
}

/// The short story: hops only.
pub fn hops(state: &State, events: &[Event], labels: &Labels, run: &Run, lang: Lang) -> String {
    lines(state, events, labels, run, lang, Grain::Hops)
}

fn lines(state: &State, events: &[Event], labels: &Labels, run: &Run, lang: Lang, grain: Grain) -> String {
    let c = Context { state, labels };
    let mut out = String::new();
    for i in run.events.clone() {
        let e = &events[i];
        if !story::shown(e, state, grain) {
            continue;
        }
        let packet = e.packet.map_or_else(|| "-".to_owned(), |p| format!("#{}", p.0));
        let said = sentence(&c, e, lang).replace('`', "");
        let place = story::place(e, state, labels);
        if grain == Grain::Hops {
            let _ = writeln!(out, "{} {packet:>4} {place:32} {said}", e.at);
        } else {
            let _ = writeln!(out, "{i:5} {} {packet:>4} {place:32} {:18} {said}", e.at, kind_name(e));
        }
    }
    let _ = writeln!(out, "=> {}", verdict(&c, &run.verdict, lang).replace('`', ""));
    out
}

/// A fingerprint of everything that happened: equal on every machine for equal sessions.
pub fn hash(events: &[Event]) -> u64 {
    // Written as text, so that no layout of memory gets in.
    events.iter().fold(0, |h, e| net::rng::hash_str(h, &format!("{e:?}")))
}

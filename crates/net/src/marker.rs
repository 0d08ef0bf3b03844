//! The names of the kinds of events in Scripts, traces and JSON. A name never changes its meaning.

use crate::event::EventKind;
use crate::netfilter::{RuleEffect, WalkStep};

macro_rules! markers {
    ($($kind:ident $name:literal,)* ; $($step:literal)*) => {
        /// The names of all kinds.
        pub const NAMES: &[&str] = &[$($name,)* $($step,)*];

        /// The name of an event's kind, one of [`NAMES`].
        pub const fn name(kind: &EventKind) -> &'static str {
            match kind {
                $(EventKind::$kind { .. } => $name,)*
                EventKind::Walked { step, .. } => walk_step(step),
            }
        }
    };
}

/// The name of one step through a table.
const fn walk_step(step: &WalkStep) -> &'static str {
    match step {
        WalkStep::Matched { effect: RuleEffect::Dnat { .. }, .. } => "rule-dnat",
        WalkStep::Matched { effect: RuleEffect::Masquerade { .. }, .. } => "rule-masquerade",
        WalkStep::Matched { effect: RuleEffect::Mark(_), .. } => "rule-mark",
        WalkStep::Matched { effect: RuleEffect::Accept, .. } => "rule-accept",
        WalkStep::Matched { .. } => "rule-matched",
        WalkStep::Returned { .. } => "chain-returned",
        WalkStep::Policy { .. } => "policy",
        WalkStep::Unsupported { .. } => "unsupported",
    }
}

markers! {
    TimePassed "time-passed",
    Asked "asked",
    PacketMade "packet-made",
    FrameSent "frame-sent",
    FrameReceived "frame-received",
    NatSkipped "nat-skipped",
    Tracked "tracked",
    Confirmed "confirmed",
    NatDecided "nat-decided",
    Translated "translated",
    Routed "routed",
    TtlDecremented "ttl-decremented",
    NeighbourUsed "neighbour-used",
    NeighbourAwaited "neighbour-awaited",
    NeighbourLearned "neighbour-learned",
    NeighbourFailed "neighbour-failed",
    NeighbourAged "neighbour-aged",
    FdbLearned "fdb-learned",
    Bridged "bridged",
    BridgedDnat "bridged-dnat",
    VtepFound "vtep-found",
    Encapsulated "encapsulated",
    Decapsulated "decapsulated",
    Fragmented "fragmented",
    FragmentKept "fragment-kept",
    Reassembled "reassembled",
    PathLearned "path-learned",
    Configured "configured",
    Commanded "commanded",
    Daemon "daemon",
    NetnsAdded "netns-added",
    NetnsDeleted "netns-deleted",
    Delivered "delivered",
    Queried "queried",
    Resolved "resolved",
    Accepted "accepted",
    Wrote "wrote",
    Retransmitted "retransmitted",
    Delayed "delayed",
    Duplicated "duplicated",
    CableDuplicated "cable-duplicated",
    Dropped "dropped",
    Ended "ended",
    ;
    "rule-dnat" "rule-masquerade" "rule-mark" "rule-accept" "rule-matched" "chain-returned"
    "policy" "unsupported"
}

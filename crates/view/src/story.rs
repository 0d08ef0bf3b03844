//! The steps of a run at three levels of detail, and each step's glyph and place.

use crate::index::Index;
use crate::labels::NetnsLabels;
use net::event::EventKind;
use net::netfilter::{RuleEffect, WalkStep};
use net::state::DeviceKind;
use net::{Event, PacketId, State};

/// The level of detail at which a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grain {
    /// Steps from device to device.
    Hops,
    /// Every decision about the packet.
    #[default]
    Decisions,
    /// Every event, down to each rule.
    Rules,
}

/// The icon of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Glyph {
    /// A process sends something, or a packet is created.
    Send,
    /// A lookup in the neighbour table or FDB.
    Table,
    /// conntrack looked a packet up, or confirmed a connection.
    Track,
    /// A rule jumped, or a chain ended.
    Jump,
    /// A rule set the packet mark.
    Mark,
    /// An address or port was translated.
    Nat,
    /// The routing tables were looked up.
    Route,
    /// A hook let the packet pass.
    Accept,
    /// A frame was put into a VXLAN datagram.
    Encap,
    /// A frame on a cable.
    Wire,
    /// A frame was taken out of a VXLAN datagram.
    Decap,
    /// A bridge forwarded a frame.
    Bridge,
    /// A packet reached a socket.
    Deliver,
    /// A packet was dropped.
    Drop,
    /// The process has its answer.
    Done,
}

/// The SVG path of an icon, 16 px square, stroked.
pub const fn glyph_path(g: Glyph) -> &'static str {
    match g {
        Glyph::Send => "M8 14V5M4.5 8 8 4.5 11.5 8M2.5 2h11",
        Glyph::Table => "M2.5 3h11v10h-11zM2.5 6.5h11M6.5 6.5V13",
        Glyph::Track => "M3 8a5 5 0 1 0 10 0 5 5 0 1 0-10 0M8 5v3l2 1.5",
        Glyph::Jump => "M3 4h10M6 8h7M6 12h7M3 8h.5M3 12h.5",
        Glyph::Mark => "M4 14V2.5h8L10 5.5l2 3H4",
        Glyph::Nat => "M8 2.5 13.5 8 8 13.5 2.5 8z",
        Glyph::Route => "M4 14V4M4 8h5a3 3 0 0 0 3-3M9.5 5 12 2.5 14.5 5",
        Glyph::Accept => "M3 8.5 6.5 12 13 4.5",
        Glyph::Encap => {
            "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3"
        }
        Glyph::Wire => "M2 8h11M9.5 4.5 13 8l-3.5 3.5",
        Glyph::Decap => {
            "M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6\
             M8 2.5v1M8 12.5v1M2.5 8h1M12.5 8h1M4 4l.8.8M11.2 11.2l.8.8M12 4l-.8.8M4.8 11.2 4 12"
        }
        Glyph::Bridge => "M2 11V8a6 6 0 0 1 12 0v3M2 11h12M8 2v9",
        Glyph::Deliver => "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 10v4h11v-4",
        Glyph::Drop => "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.2l7.6 7.6",
        Glyph::Done => "M4 14V2.5h8v6H4",
    }
}

/// The icon of an event.
pub fn glyph(e: &Event, state: &State) -> Glyph {
    match &e.kind {
        EventKind::Asked { .. }
        | EventKind::Queried { .. }
        | EventKind::PacketMade { .. }
        | EventKind::Wrote { .. }
        | EventKind::Retransmitted { .. }
        | EventKind::Duplicated { .. }
        | EventKind::CableDuplicated { .. } => Glyph::Send,
        EventKind::FrameSent { dev, .. } | EventKind::FrameReceived { dev, .. } => {
            if is_cable(e, *dev, state) { Glyph::Wire } else { Glyph::Bridge }
        }
        EventKind::Walked { step, .. } => match step {
            WalkStep::Matched { effect, .. } => match effect {
                RuleEffect::Continue | RuleEffect::Jump(_) | RuleEffect::Goto(_) => Glyph::Jump,
                RuleEffect::Accept => Glyph::Accept,
                RuleEffect::Drop | RuleEffect::Reject(_) => Glyph::Drop,
                RuleEffect::Mark(_) => Glyph::Mark,
                RuleEffect::Dnat { .. }
                | RuleEffect::Snat { .. }
                | RuleEffect::Masquerade { .. } => Glyph::Nat,
            },
            WalkStep::Returned { .. } => Glyph::Jump,
            WalkStep::Policy { policy: net::netfilter::Policy::Accept, .. } => Glyph::Accept,
            WalkStep::Policy { .. } | WalkStep::Unsupported { .. } => Glyph::Drop,
        },
        EventKind::NatSkipped { .. } | EventKind::Tracked { .. } | EventKind::Confirmed { .. } => {
            Glyph::Track
        }
        EventKind::NatDecided { .. } | EventKind::Translated { .. } => Glyph::Nat,
        EventKind::Routed { .. } | EventKind::TtlDecremented { .. } => Glyph::Route,
        EventKind::NeighbourUsed { .. }
        | EventKind::NeighbourAwaited { .. }
        | EventKind::NeighbourLearned { .. }
        | EventKind::NeighbourAged { .. }
        | EventKind::VtepFound { .. }
        | EventKind::FdbLearned { .. } => Glyph::Table,
        EventKind::NeighbourFailed { .. } | EventKind::Dropped { .. } => Glyph::Drop,
        EventKind::Bridged { .. } | EventKind::BridgedDnat { .. } => Glyph::Bridge,
        EventKind::Fragmented { .. } | EventKind::FragmentKept | EventKind::Reassembled { .. } => {
            Glyph::Bridge
        }
        EventKind::PathLearned { .. }
        | EventKind::Configured { .. }
        | EventKind::Delayed { .. } => Glyph::Table,
        EventKind::NetnsAdded { .. }
        | EventKind::NetnsDeleted { .. }
        | EventKind::Daemon { .. }
        | EventKind::Commanded { .. } => Glyph::Table,
        EventKind::Encapsulated { .. } => Glyph::Encap,
        EventKind::Decapsulated { .. } => Glyph::Decap,
        EventKind::Delivered { .. } | EventKind::Accepted { .. } | EventKind::Resolved { .. } => {
            Glyph::Deliver
        }
        EventKind::Ended { .. } | EventKind::TimePassed => Glyph::Done,
    }
}

/// Whether an event is a step at this level of detail.
pub fn shown(e: &Event, state: &State, grain: Grain) -> bool {
    // What the user or a bad cable did is a step also on a cable or segment, where nothing else
    // is.
    use net::DropReason::{ByHand, CableLoss, PortBlocked};
    let op = matches!(
        e.kind,
        EventKind::Delayed { .. }
            | EventKind::Duplicated { .. }
            | EventKind::CableDuplicated { .. }
            | EventKind::Dropped { reason: ByHand | CableLoss | PortBlocked, .. }
            | EventKind::NetnsAdded { .. }
            | EventKind::NetnsDeleted { .. }
    );
    let tapped = op || e.netns.is_none_or(|n| state.ns(n).tapped);
    match grain {
        Grain::Rules => tapped,
        Grain::Hops => match &e.kind {
            EventKind::FrameSent { dev, .. } | EventKind::FrameReceived { dev, .. } => {
                tapped && is_cable(e, *dev, state)
            }
            EventKind::Asked { .. }
            | EventKind::Queried { .. }
            | EventKind::Resolved { .. }
            | EventKind::Delivered { .. }
            | EventKind::Dropped { .. }
            | EventKind::Ended { .. } => tapped,
            EventKind::Configured { by: Some(_), .. }
            | EventKind::Commanded { .. }
            | EventKind::Daemon { .. }
            | EventKind::NetnsAdded { .. }
            | EventKind::NetnsDeleted { .. } => tapped,
            _ => false,
        },
        Grain::Decisions => tapped && decides(e, state),
    }
}

/// Whether a device of the namespace of an event is the end of a cable.
fn is_cable(e: &Event, dev: net::DevId, state: &State) -> bool {
    e.netns.is_some_and(|n| matches!(state.ns(n).dev(dev).kind, DeviceKind::Cable { .. }))
}

fn decides(e: &Event, state: &State) -> bool {
    match &e.kind {
        EventKind::Walked { step, .. } => match step {
            // The translation or drop that follows shows what the rule decided.
            WalkStep::Matched { effect, .. } => !matches!(
                effect,
                RuleEffect::Continue
                    | RuleEffect::Goto(_)
                    | RuleEffect::Drop
                    | RuleEffect::Reject(_)
                    | RuleEffect::Dnat { .. }
                    | RuleEffect::Snat { .. }
                    | RuleEffect::Masquerade { .. }
            ),
            WalkStep::Policy { .. } | WalkStep::Unsupported { .. } | WalkStep::Returned { .. } => {
                false
            }
        },
        EventKind::FrameSent { dev, .. } => is_cable(e, *dev, state),
        EventKind::Tracked { new, .. } => *new,
        EventKind::TimePassed
        | EventKind::FrameReceived { .. }
        | EventKind::NatSkipped { .. }
        | EventKind::NatDecided { .. }
        | EventKind::TtlDecremented { .. }
        | EventKind::PacketMade { .. } => false,
        EventKind::Dropped { reason, .. } => *reason != net::DropReason::OtherHost,
        _ => true,
    }
}

/// The indices of the events that are steps at this level of detail.
pub fn steps(events: &[Event], state: &State, grain: Grain) -> Vec<usize> {
    (0..events.len()).filter(|i| shown(&events[*i], state, grain)).collect()
}

/// Where an event happens: `node01 PREROUTING nat`; empty if in no namespace.
pub fn place(e: &Event, state: &State, labels: &NetnsLabels) -> String {
    let Some(netns) = e.netns else { return String::new() };
    let (ns, name) = (state.ns(netns), labels.name(netns));
    let at = |d: &net::DevId| format!("{name} {}", ns.dev(*d).name);
    match &e.kind {
        EventKind::Walked { hook, table, .. } => format!("{name} {hook} {table}"),
        EventKind::NatSkipped { hook } | EventKind::Translated { hook, .. } => {
            format!("{name} {hook} nat")
        }
        EventKind::FrameSent { dev, .. }
        | EventKind::FrameReceived { dev, .. }
        | EventKind::NeighbourUsed { dev, .. }
        | EventKind::NeighbourAwaited { dev, .. }
        | EventKind::NeighbourLearned { dev, .. }
        | EventKind::NeighbourFailed { dev, .. }
        | EventKind::NeighbourAged { dev, .. }
        | EventKind::Fragmented { dev, .. }
        | EventKind::VtepFound { dev, .. }
        | EventKind::Encapsulated { dev, .. }
        | EventKind::Decapsulated { dev, .. } => at(dev),
        EventKind::FdbLearned { bridge, .. }
        | EventKind::Bridged { bridge, .. }
        | EventKind::BridgedDnat { bridge } => at(bridge),
        EventKind::Dropped { hook: Some(hook), .. } => format!("{name} {hook}"),
        _ => name.to_owned(),
    }
}

/// A packet of a session, for the row of pills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketPill {
    /// Which packet it is.
    pub id: PacketId,
    /// `SYN`, `SYN-ACK`, `ACK`, `237 B`, `FIN`, `ARP`, `echo`.
    pub word: String,
    /// Whether it goes from the server to the client.
    pub reply: bool,
    /// The indices of its first and last event.
    pub span: (usize, usize),
}

/// The packets that sockets and the kernel sent, in order, without the copies of flooded frames.
pub fn packets(events: &[Event], index: &Index) -> Vec<PacketPill> {
    let pill = |(id, of): (PacketId, &[usize])| {
        let (first, packet) = of.iter().find_map(|i| match &events[*i].kind {
            EventKind::PacketMade { packet } => Some((*i, packet)),
            _ => None,
        })?;
        let reply = !index.is_in_client(&events[first]);
        Some(PacketPill {
            id,
            word: crate::packet::kind_word(packet),
            reply,
            span: (first, *of.last()?),
        })
    };
    let mut out: Vec<PacketPill> = index.packets().filter_map(pill).collect();
    out.sort_by_key(|p| p.span.0);
    out
}

//! A run as a capture file: every frame at every device, checksums filled in.

use net::event::EventKind;
use net::wire::{Frame, PcapNg};
use net::{Event, State};
use std::collections::BTreeSet;

/// The pcapng file of some events, for the chosen interfaces. Interfaces are named `host/device`.
pub fn pcapng(state: &State, events: &[Event], chosen: &dyn Fn(&str) -> bool) -> Vec<u8> {
    let mut file = PcapNg::default();
    for (e, name, frame, out) in events.iter().filter_map(|e| seen(state, e)) {
        if chosen(&name) {
            file.frame(&name, e.at.0, out, "", &frame.emit());
        }
    }
    file.finish()
}

/// Every interface that a frame was seen at.
pub fn interfaces(state: &State, events: &[Event]) -> BTreeSet<String> {
    events.iter().filter_map(|e| seen(state, e)).map(|(_, name, ..)| name).collect()
}

/// A frame at an interface, and whether it went out there.
fn seen<'a>(state: &State, e: &'a Event) -> Option<(&'a Event, String, &'a Frame, bool)> {
    let (dev, frame, out) = match &e.kind {
        EventKind::FrameSent { dev, frame, .. } => (dev, frame, true),
        EventKind::FrameReceived { dev, frame, .. } => (dev, frame, false),
        _ => return None,
    };
    let ns = state.ns(e.netns?);
    Some((e, format!("{}/{}", ns.name, ns.dev(*dev).name), frame, out))
}

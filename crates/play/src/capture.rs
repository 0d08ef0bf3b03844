//! A run as a capture file: every frame at every device, checksums filled in.

use net::event::EventKind;
use net::wire::PcapNg;
use net::{Event, State};

/// The pcapng of some events. Interfaces are named `host/device`.
pub fn pcapng(state: &State, events: &[Event]) -> Vec<u8> {
    let mut file = PcapNg::default();
    for e in events {
        let (dev, frame, out) = match &e.kind {
            EventKind::FrameSent { dev, frame, .. } => (dev, frame, true),
            EventKind::FrameReceived { dev, frame, .. } => (dev, frame, false),
            _ => continue,
        };
        let ns = state.ns(e.netns);
        file.frame(&format!("{}/{}", ns.name, ns.dev(*dev).name), e.at.0, out, "", &frame.emit());
    }
    file.finish()
}

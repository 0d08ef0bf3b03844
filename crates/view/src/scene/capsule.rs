//! The capsule: what the packet that is followed is at this moment, how large its box is and where
//! it stands.

use super::way::rect_of;
use super::{Capsule, Moment, Spot, Stop};
use crate::layout::{Layout, Point};
use crate::packet::{frame_at, kind_word};
use net::PacketId;
use net::event::EventKind;
use net::netfilter::Hook;
use net::wire::{ArpOp, Body, Frame, Ipv4, Payload, UdpPayload};

/// The advance of a character in the capsule's mono face of 11 px.
const CHAR: f32 = 0.6 * 11.0;

/// The capsule of packet `id` at `stop`, or on the cable from there to `next`.
pub(super) fn capsule(
    l: &Layout,
    m: &Moment<'_>,
    id: PacketId,
    stop: &Stop,
    next: Option<Spot>,
    lost: bool,
) -> Option<Capsule> {
    let frame = frame_at(m.state, m.events, m.cursor, id)?;
    let shown = frame.inner().unwrap_or(frame);
    let (kind, src, dst) = words(shown);
    let e = &m.events[m.cursor - 1];
    let (mut old_src, mut old_dst) = (None, None);
    if let (EventKind::Translated { source, before, .. }, true) = (&e.kind, e.packet == Some(id)) {
        let text = if before.port == 0 { before.addr.to_string() } else { before.to_string() };
        *(if *source { &mut old_src } else { &mut old_dst }) = Some(text);
    }
    let mark = m.state.packets.get(&id).filter(|s| s.mark != 0).map(|s| format!("{:#x}", s.mark));
    let shell = frame.inner().and_then(|_| shell(frame.ipv4()?));
    let size = if shell.is_some() {
        let row = kind.len() + src.len() + dst.len() + 4;
        (row as f32 * CHAR + 40.0, 70.0)
    } else {
        let old = |old: &Option<String>| old.as_ref().map_or(0, |o| o.len() + 1);
        let mark = mark.as_ref().map_or(0, |x| x.len() + 4);
        let first = kind.len() + 1 + src.len() + old(&old_src) + mark;
        let second = 2 + dst.len() + old(&old_dst);
        (first.max(second) as f32 * CHAR + 22.0, 42.0)
    };
    let (at, notch) = place(l, stop.spot, next, size, shell.is_some())?;
    Some(Capsule { at, notch, kind, src, dst, old_src, old_dst, mark, shell, lost, size })
}

/// Kind, source and destination of a packet; the question or answer of an ARP packet.
fn words(frame: &Frame) -> (String, String, String) {
    match &frame.payload {
        Payload::Ipv4(p) => {
            let (src, dst) = match p.ports() {
                Some((s, d)) => (format!("{}:{s}", p.src), format!("{}:{d}", p.dst)),
                None => (p.src.to_string(), p.dst.to_string()),
            };
            (kind_word(p), src, dst)
        }
        Payload::Arp(a) => {
            let (first, second) = if a.op == ArpOp::Request {
                (format!("who-has {}", a.tpa), format!("tell {}", a.spa))
            } else {
                (format!("{} is-at", a.spa), a.sha.to_string())
            };
            ("ARP".to_owned(), first, second)
        }
    }
}

/// The two lines of a VXLAN shell: the outer addresses, and what UDP and VXLAN add.
fn shell(outer: &Ipv4) -> Option<(String, String)> {
    let Body::Udp(u) = &outer.body else { return None };
    let UdpPayload::Vxlan(v) = &u.payload else { return None };
    let udp = format!("udp {} → {} · vni {}", u.sport, u.dport, v.vni);
    Some((format!("{} → {}", outer.src, outer.dst), udp))
}

/// The middle of a capsule of this size, and the x its notch points to: in the lane of a node; on
/// the cable in the middle between its two ends; or above the segment's line, beside a host.
fn place(
    l: &Layout,
    spot: Spot,
    next: Option<Spot>,
    (w, h): (f32, f32),
    wrapped: bool,
) -> Option<(Point, Option<f32>)> {
    let rect = rect_of(l, spot)?;
    let node = match spot {
        Spot::Pod(p) => l.nodes.iter().find(|n| n.pods.iter().any(|x| x.pod == p)),
        _ => spot.node().and_then(|i| l.nodes.iter().find(|n| n.node == i)),
    };
    // As near to `x` as there is room between `left` and `right`.
    let within = |x: f32, left: f32, right: f32| {
        let (low, high) = (left + w / 2.0, right - w / 2.0);
        x.clamp(low, high.max(low))
    };
    let on_lan = |x: f32| within(x, 4.0, l.width - 4.0);
    Some(match (next, node) {
        (Some(next), _) => {
            let to = rect_of(l, next)?;
            ((on_lan((rect.cx() + to.cx()) / 2.0), l.lan.cy()), None)
        }
        (None, Some(n)) => {
            let x = within(rect.cx(), n.rect.x + 6.0, n.rect.right() - 6.0);
            let below = if wrapped { -2.0 } else { 10.0 };
            let points = matches!(
                spot,
                Spot::Hook(_, Hook::Prerouting | Hook::Forward | Hook::Postrouting)
                    | Spot::Route(_)
            );
            ((x, n.lane.y + below + h / 2.0), points.then_some(rect.cx()))
        }
        (None, None) => ((on_lan(rect.cx() + 40.0), l.lan.cy() - h / 2.0 - 8.0), None),
    })
}

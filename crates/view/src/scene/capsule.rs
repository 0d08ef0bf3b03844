//! The capsule: what the packet that is followed is at this moment, how large its box is and where
//! it stands.

use super::way::{lan_between, rect_of};
use super::{Capsule, Moment, Spot, Stop};
use crate::layout::{CHAR, Form, Layout, Point, Size};
use crate::packet::{frame_at, kind_word, origin};
use net::PacketId;
use net::event::EventKind;
use net::netfilter::Hook;
use net::wire::{ArpOp, Body, Frame, Ipv4, Payload, UdpPayload};

/// The capsule of packet `id` at `stop`, or on the segment, from there to `cable`; `from` is the
/// place before. A packet that is about to be made is shown as it will be.
pub(super) fn capsule(
    l: &Layout,
    m: &Moment<'_>,
    id: PacketId,
    (from, stop): (Option<Spot>, &Stop),
    cable: Option<Spot>,
    lost: bool,
) -> Option<Capsule> {
    let frame = frame_at(m.state, m.events, m.cursor, id);
    let outer = frame.filter(|f| f.inner().is_some());
    let (kind, src, dst) = match frame {
        Some(frame) => words(frame.inner().unwrap_or(frame)),
        None => words_of(origin(m.events, id)?),
    };
    let e = &m.events[m.cursor - 1];
    let (mut old_src, mut old_dst) = (None, None);
    if let (EventKind::Translated { source, before, .. }, true) = (&e.kind, e.packet == Some(id)) {
        let text = if before.port == 0 { before.addr.to_string() } else { before.to_string() };
        *(if *source { &mut old_src } else { &mut old_dst }) = Some(text);
    }
    let mark = m.state.packets.get(&id).filter(|s| s.mark != 0).map(|s| format!("{:#x}", s.mark));
    let shell = outer.and_then(|frame| shell(frame.ipv4()?));
    let one_row = shell.is_some() || l.form == Form::Short;
    let most = l.nodes.iter().filter(|n| !n.folded).map(|n| n.rect.w - 12.0).fold(336.0, f32::max);
    let mut c = Capsule {
        at: (0.0, 0.0),
        on_lan: false,
        notch: None,
        kind,
        src,
        dst,
        old_src: old_src.filter(|_| !one_row),
        old_dst: old_dst.filter(|_| !one_row),
        mark: mark.filter(|_| !one_row),
        shell,
        one_row,
        lost,
        size: (0.0, 0.0),
    };
    // What a node has no room for is left out: the kind, then the old values. The sentence of the
    // step has both.
    if width(&c) > most {
        c.kind.clear();
    }
    if width(&c) > most {
        (c.old_src, c.old_dst) = (None, None);
    }
    let height = match (&c.shell, one_row) {
        (Some(_), _) => 42.0,
        (None, true) => 24.0,
        (None, false) => 42.0,
    };
    c.size = (width(&c), height);
    (c.at, c.notch, c.on_lan) = place(l, (from, stop.spot), cable, c.size, c.shell.is_some())?;
    Some(c)
}

/// The width of a capsule with all that is in it.
fn width(c: &Capsule) -> f32 {
    let wide = |text: &Option<String>| text.as_ref().map_or(0, |t| t.chars().count() + 1);
    let lead = if c.kind.is_empty() { 0 } else { c.kind.len() + 1 };
    let first = lead + wide(&c.old_src) + c.src.len();
    let second = 2 + wide(&c.old_dst) + c.dst.len() + c.mark.as_ref().map_or(0, |m| m.len() + 3);
    let row = if c.one_row { first + 1 + second } else { first.max(second) };
    let pad = if c.shell.is_some() { 40.0 } else { 22.0 };
    (row as f32 * CHAR + pad).max((wide(&c.shell) as f32) * CHAR + 16.0)
}

/// Kind, source and destination of a packet; the question or answer of an ARP packet.
fn words(frame: &Frame) -> (String, String, String) {
    match &frame.payload {
        Payload::Ipv4(p) => words_of(p),
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

/// Kind, source and destination of an IPv4 packet.
fn words_of(p: &Ipv4) -> (String, String, String) {
    let (src, dst) = match p.ports() {
        Some((s, d)) => (format!("{}:{s}", p.src), format!("{}:{d}", p.dst)),
        None => (p.src.to_string(), p.dst.to_string()),
    };
    (kind_word(p), src, dst)
}

/// A VXLAN shell in a line: the outer addresses and the VNI.
fn shell(outer: &Ipv4) -> Option<String> {
    let Body::Udp(u) = &outer.body else { return None };
    let UdpPayload::Vxlan(v) = &u.payload else { return None };
    Some(format!("{} → {} · vni {}", outer.src, outer.dst, v.vni))
}

/// The middle of a capsule of this size, the x its notch points to, and whether it is on the
/// segment: in the lane of a node; on the cable in the middle between its two ends; or on the
/// segment's line, beside a host.
fn place(
    l: &Layout,
    (from, spot): (Option<Spot>, Spot),
    cable: Option<Spot>,
    (w, h): Size,
    wrapped: bool,
) -> Option<(Point, Option<f32>, bool)> {
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
    let on_lan = |x: f32, from: Spot, to: Spot| {
        let y = l.lan_y(lan_between(l, from, to));
        ((within(x, 4.0, l.width - 4.0), y), None, true)
    };
    Some(match (cable, node) {
        (Some(next), _) => {
            let to = rect_of(l, next)?;
            let same_row = lan_between(l, spot, next) == lan_between(l, next, spot);
            on_lan(if same_row { (rect.cx() + to.cx()) / 2.0 } else { to.cx() }, spot, next)
        }
        (None, Some(n)) => {
            let (left, right) = if n.folded {
                (4.0, l.width - 4.0)
            } else {
                (n.rect.x + 6.0, n.rect.right() - 6.0)
            };
            let x = within(rect.cx(), left, right);
            let above = if wrapped { 0.0 } else { 4.0 };
            let points = matches!(
                spot,
                Spot::Hook(_, Hook::Prerouting | Hook::Forward | Hook::Postrouting)
                    | Spot::Route(_)
            );
            ((x, n.lane.y + above + h / 2.0), points.then_some(rect.cx()), false)
        }
        (None, None) => on_lan(rect.cx() + 40.0, from.unwrap_or(spot), spot),
    })
}

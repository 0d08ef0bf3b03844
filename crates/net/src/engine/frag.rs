//! Fragmentation of packets that exceed an MTU, and reassembly (`net/ipv4/ip_output.c`,
//! `ip_fragment.c`).
//!
//! Left out: overlapping fragments, memory limits, the ICMP error after a timeout.

use super::{CABLE_DELAY, Job, Stage, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{DevId, NetnsId, PacketId};
use crate::skb::Skb;
use crate::state::{Change, DeviceKind, FragmentKey};
use crate::time::Duration;
use crate::wire::{Body, Ipv4, Payload};
use std::rc::Rc;

/// How long the first fragment waits for the others (`net.ipv4.ipfrag_time`).
const WAIT: Duration = Duration::secs(30);

/// The fragments of a packet, of at most `mtu` bytes; all but the last carry a multiple of 8.
fn cut(ip: &Ipv4, mtu: usize) -> Vec<Ipv4> {
    let bytes = ip.bytes();
    let size = (mtu.saturating_sub(20) & !7).max(8);
    let chunks: Vec<_> = bytes[20..].chunks(size).collect();
    let last = chunks.len() - 1;
    let piece = |(i, data): (usize, &&[u8])| Ipv4 {
        mf: ip.mf || i < last,
        frag_offset: ip.frag_offset + (i * size) as u16,
        body: Body::Raw { proto: ip.body.proto(), data: Rc::from(*data) },
        ..ip.clone()
    };
    chunks.iter().enumerate().map(piece).collect()
}

/// The packet that a complete list of fragments was cut from.
fn join(pieces: &[&Ipv4]) -> Ipv4 {
    let data: Vec<u8> = pieces.iter().flat_map(|p| p.bytes()[20..].to_vec()).collect();
    let first = pieces[0];
    let whole = Ipv4 {
        mf: false,
        frag_offset: 0,
        body: Body::Raw { proto: first.body.proto(), data: data.into() },
        ..first.clone()
    };
    Ipv4::parse(&whole.bytes()).unwrap_or(whole)
}

impl World {
    /// Passes a packet to `next` in fragments of at most `mtu` bytes (`ip_do_fragment`). A packet
    /// that was reassembled leaves in the same fragments, if they are small enough and have the
    /// headroom that the device needs.
    ///
    /// Fragments of a local process go all their way one after the other; forwarded ones leave
    /// together.
    pub(super) fn fragment(&mut self, pkt: PacketId, dev: DevId, mtu: u32, next: Stage) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        let roomy = !matches!(self.ns(skb.netns).dev(dev).kind, DeviceKind::Vxlan { .. });
        let as_it_came = (skb.recut || roomy) && (1..=mtu).contains(&u32::from(skb.piece));
        let mtu = if as_it_came { u32::from(skb.piece) } else { mtu };
        let pieces = cut(ip, mtu as usize);
        let by_process = skb.in_dev.is_none() && skb.parent.is_none();
        let n = pieces.len() as u32;
        let mut ids = vec![pkt];
        for piece in &pieces[1..] {
            let mut part = Skb::clone(&skb);
            part.frame.payload = Payload::Ipv4(piece.clone());
            (part.piece, part.recut) = (0, false);
            part.parent = Some(pkt);
            ids.push(self.new_packet(part));
        }
        self.update(pkt, |s| {
            s.frame.payload = Payload::Ipv4(pieces[0].clone());
            (s.piece, s.recut) = (0, false);
        });
        self.emit_for(pkt, EventKind::Fragmented { dev, mtu, n });
        if by_process {
            for (i, id) in ids.into_iter().enumerate().skip(1) {
                // A moment after the piece before it has arrived.
                self.later(Duration((CABLE_DELAY.0 + 1) * i as u64), Job::Packet(id, next.clone()));
            }
            return self.then(pkt, next);
        }
        for id in ids.into_iter().rev() {
            self.then(id, next.clone());
        }
    }

    /// Drops the fragments behind one that a device refused (`NET_XMIT_DROP`).
    pub(super) fn give_up_rest(&mut self, refused: &Skb) {
        let Some(first) = refused.ip().filter(|p| p.is_fragment()) else { return };
        let key = |p: &Ipv4| (p.src, p.dst, p.body.proto(), p.id);
        let after = |p: &Ipv4| key(p) == key(first) && p.frag_offset > first.frag_offset;
        let mut rest = Vec::new();
        let packets = &self.state.packets;
        let mut keep = |job: &Job| {
            let Job::Packet(id, Stage::NeighbourOutput { .. } | Stage::Xmit(_)) = job else {
                return true;
            };
            let skb = packets.get(id).filter(|s| s.netns == refused.netns);
            let is_rest = skb.and_then(|s| s.ip()).is_some_and(after);
            if is_rest {
                rest.push(*id);
            }
            !is_rest
        };
        self.stack.retain(&mut keep);
        self.agenda.retain(|_, job| keep(job));
        for id in rest {
            self.drop_packet(id, DropReason::FragNotSent, None);
        }
    }

    /// Queues a fragment (`ip_defrag`), and returns the packet once all of it is there.
    pub(super) fn defrag(&mut self, pkt: PacketId) -> Option<PacketId> {
        let skb = self.skb(pkt);
        let ip = skb.ip().filter(|p| p.is_fragment())?;
        let key = (ip.src, ip.dst, ip.body.proto(), ip.id);
        let netns = skb.netns;
        let before = self.ns(netns).fragments.get(&key).cloned();
        let mut row = before.clone().unwrap_or_default();
        let fragment = |id: &PacketId| self.state.packets.get(id).and_then(|s| s.ip());
        let at = row
            .iter()
            .position(|id| fragment(id).is_some_and(|p| p.frag_offset > ip.frag_offset))
            .unwrap_or(row.len());
        row.insert(at, pkt);
        let pieces: Vec<&Ipv4> = row.iter().filter_map(fragment).collect();
        let ends = pieces.iter().scan(0, |end, p| {
            let fits = usize::from(p.frag_offset) == *end;
            *end += p.len() - 20;
            Some(fits)
        });
        let complete = ends.into_iter().all(|fits| fits) && pieces.last().is_some_and(|p| !p.mf);
        if !complete {
            if before.is_none() {
                self.in_background(WAIT, Job::Fragments(netns, key));
            }
            self.change(Change::Fragments { netns, key, before, after: Some(row) });
            self.emit_for(pkt, EventKind::FragmentKept);
            return None;
        }
        let (whole, largest) = (join(&pieces), pieces.iter().map(|p| p.len()).max().unwrap_or(0));
        let (first, n, len) = (row[0], row.len() as u32, whole.len() as u32);
        // It stands where its last fragment does.
        let (dev, bridge) = (skb.dev, skb.bridge.clone());
        self.change(Change::Fragments { netns, key, before, after: None });
        for id in &row[1..] {
            self.free(*id);
        }
        self.update(first, |s| {
            s.frame.payload = Payload::Ipv4(whole);
            (s.dev, s.bridge, s.piece, s.recut) = (dev, bridge, largest as u16, true);
        });
        self.emit_for(first, EventKind::Reassembled { n, len });
        Some(first)
    }

    /// Empties the fragment queues at the end of a run; the caller drops the packets.
    pub(super) fn forget_fragments(&mut self) {
        for i in 0..self.state.netns.len() {
            let netns = NetnsId(i as u32);
            for (key, row) in self.ns(netns).fragments.clone() {
                self.change(Change::Fragments { netns, key, before: Some(row), after: None });
            }
        }
        self.background.retain(|_, job| !matches!(job, Job::Fragments(..)));
    }

    /// Drops a queue of fragments that timed out (`ip_expire`).
    pub(super) fn give_up_fragments(&mut self, netns: NetnsId, key: FragmentKey) {
        let Some(row) = self.ns(netns).fragments.get(&key).cloned() else { return };
        self.change(Change::Fragments { netns, key, before: Some(row.clone()), after: None });
        for id in row {
            self.drop_packet(id, DropReason::FragTimeout, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Icmp;

    #[test]
    fn the_pieces_have_the_recorded_sizes_and_make_the_packet_again() {
        let data: Rc<[u8]> = (0..1972).map(|i| i as u8).collect();
        let whole = Ipv4::new(
            [10, 1, 5, 10].into(),
            [10, 1, 6, 5].into(),
            Body::Icmp(Icmp::Echo { reply: false, id: 1206, seq: 1, data }),
        );
        let pieces = cut(&whole, 1450);
        let sizes: Vec<_> = pieces.iter().map(|p| (p.len(), p.frag_offset, p.mf)).collect();
        assert_eq!(sizes, [(1444, 0, true), (576, 1424, false)]);
        assert_eq!(join(&pieces.iter().collect::<Vec<_>>()), whole);
        // A piece may have to be cut again.
        let again: Vec<_> = pieces.iter().flat_map(|p| cut(p, 600)).collect();
        assert!(again.iter().all(|p| p.len() <= 600));
        assert_eq!(join(&again.iter().collect::<Vec<_>>()), whole);
    }
}

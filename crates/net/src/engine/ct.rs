//! Connection tracking and NAT at the hooks (`nf_conntrack_core.c`, `nf_nat_core.c`,
//! `nf_nat_proto.c`, `nf_nat_masquerade.c`).

use super::World;
use crate::conntrack::{
    Connection, CtDirection, CtId, CtInfo, L4, Proto, Status, TcpState, TcpTrack, Timeouts,
    Transition, Tuple, next_state,
};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{DevId, NetnsId, PacketId};
use crate::netfilter::{Hook, RuleEffect};
use crate::route::Decision;
use crate::skb::Skb;
use crate::socket::AddrPort;
use crate::state::Change;
use crate::time::Duration;
use crate::wire::{Body, Icmp, Ipv4, PROTO_ICMP, PROTO_TCP, PROTO_UDP, Tcp, TcpFlags};
use std::net::IpAddr;
use std::rc::Rc;

/// Timeout while data is not acknowledged (`nf_conntrack_tcp_timeout_unacknowledged`).
const UNACKNOWLEDGED: Duration = Duration::secs(300);

/// Whether a hook translates sources (`HOOK2MANIP`).
fn manip_source(hook: Hook) -> bool {
    matches!(hook, Hook::Postrouting | Hook::Input)
}

/// Whether the packet is an ICMP error; the connection it is about translates it.
fn is_error(skb: &Skb) -> bool {
    matches!(skb.ip().map(|p| &p.body), Some(Body::Icmp(i)) if i.quoted().is_some())
}

fn end(p: &Ipv4, source: bool) -> AddrPort {
    let ports = p.ports().unwrap_or_default();
    if source {
        AddrPort { addr: p.src.into(), port: ports.0 }
    } else {
        AddrPort { addr: p.dst.into(), port: ports.1 }
    }
}

impl World {
    fn set_connection(&mut self, netns: NetnsId, id: CtId, to: Option<Connection>) {
        let before = self.ns(netns).conntrack.get(id).cloned();
        self.change(Change::Connection { netns, id, before, after: to.map(Rc::new) });
    }

    /// Deletes an unconfirmed connection with the last packet that belongs to it.
    pub(super) fn forget_if_unused(&mut self, netns: NetnsId, id: CtId) {
        let Some(c) = self.ns(netns).conntrack.get(id) else { return };
        let used = self
            .state
            .packets
            .values()
            .any(|s| s.netns == netns && s.ct.is_some_and(|(i, _)| i == id));
        if !c.confirmed() && !used {
            self.set_connection(netns, id, None);
        }
    }

    /// Looks up or creates the packet's connection (`nf_conntrack_in`).
    pub(super) fn conntrack_in(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        // Came over loopback, or was made for another packet of the connection.
        if skb.ct.is_some() {
            return;
        }
        let Some(ip) = skb.ip() else { return };
        let netns = skb.netns;
        if let Body::Icmp(icmp) = &ip.body
            && let Some(quoted) = icmp.quoted()
        {
            let related = Ipv4::parse_quoted(quoted)
                .and_then(|q| Tuple::of(&Ipv4 { mf: false, ..q }))
                .and_then(|t| self.ns(netns).conntrack.find(&t.inverse()));
            let ct = related.map(|(id, dir)| {
                (id, if dir == CtDirection::Reply { CtInfo::RelatedReply } else { CtInfo::Related })
            });
            self.update(pkt, |s| s.ct = ct);
            return self.emit_for(
                pkt,
                EventKind::Tracked { id: ct.map(|c| c.0), info: ct.map(|c| c.1), new: false },
            );
        }
        let Some(tuple) = Tuple::of(ip) else { return };
        self.expire(netns, &tuple);
        self.reopen(netns, &tuple, ip);
        let found = self.ns(netns).conntrack.find(&tuple);
        let now = self.now;
        let (id, dir, mut c, new) = match found {
            Some((id, dir)) => {
                let c = self
                    .ns(netns)
                    .conntrack
                    .get(id)
                    .expect("invariant: found by tuple")
                    .as_ref()
                    .clone();
                (id, dir, c, false)
            }
            None => {
                let proto = match tuple.proto {
                    PROTO_TCP => Proto::Tcp(TcpTrack::NEW),
                    PROTO_UDP => Proto::Udp { stream_since: None },
                    PROTO_ICMP => Proto::Icmp,
                    _ => Proto::Other,
                };
                let id = self.next_ct;
                self.next_ct += 1;
                let c = Connection {
                    original: tuple,
                    reply: tuple.inverse(),
                    status: Status::default(),
                    proto,
                    since: now,
                    expires: now,
                };
                (id, CtDirection::Original, c, true)
            }
        };
        let info = match dir {
            CtDirection::Reply => CtInfo::EstablishedReply,
            CtDirection::Original if c.status.seen_reply => CtInfo::Established,
            CtDirection::Original => CtInfo::New,
        };
        // An answer that is no echo reply cannot begin a connection.
        let stray_reply = new && matches!(tuple.l4, L4::Echo { kind: 0, .. });
        if stray_reply || !self.track_protocol(netns, ip, dir, &mut c) {
            return self.emit_for(pkt, EventKind::Tracked { id: None, info: None, new: false });
        }
        self.set_connection(netns, id, Some(c));
        self.update(pkt, |s| s.ct = Some((id, info)));
        self.emit_for(pkt, EventKind::Tracked { id: Some(id), info: Some(info), new });
    }

    /// Updates the protocol's part of a connection (`nf_conntrack_handle_packet`); false if the
    /// packet is INVALID. `seen_reply` is set afterwards, so that the first answer is judged
    /// without it.
    fn track_protocol(
        &self,
        netns: NetnsId,
        ip: &Ipv4,
        dir: CtDirection,
        c: &mut Connection,
    ) -> bool {
        let (now, timeouts) = (self.now, self.ns(netns).timeouts.clone());
        let seen_reply = c.status.seen_reply;
        match (&mut c.proto, &ip.body) {
            (Proto::Tcp(track), Body::Tcp(t)) => {
                let lasts = match track_tcp(track, &timeouts, dir, t, &mut c.status) {
                    Tracked::Invalid => return false,
                    Tracked::Kept => None,
                    // Nothing but a reset came back: the entry goes at once, this packet is still
                    // translated by it.
                    Tracked::Over => {
                        c.status.confirmed = false;
                        return true;
                    }
                    Tracked::Lasts(timeout) => Some(timeout),
                };
                c.expires = lasts.map_or(c.expires, |t| now + t);
            }
            (Proto::Udp { stream_since }, _) => {
                let since = *stream_since.get_or_insert(c.since + Duration::secs(2));
                let stream = seen_reply && now > since;
                c.status.assured |= stream;
                c.expires = now + if stream { timeouts.udp_stream } else { timeouts.udp };
            }
            (proto, _) => c.expires = now + timeouts.of(proto),
        }
        c.status.seen_reply |= dir == CtDirection::Reply;
        true
    }

    /// Deletes the connection with this tuple if it has expired (`nf_ct_gc_expired`).
    fn expire(&mut self, netns: NetnsId, tuple: &Tuple) {
        if let Some((id, _)) = self.ns(netns).conntrack.find(tuple)
            && self.ns(netns).conntrack.get(id).is_some_and(|c| c.expires < self.now)
        {
            self.set_connection(netns, id, None);
        }
    }

    /// Whether a SYN reopens a connection that has ended.
    //= linux:v6.12 net/netfilter/nf_conntrack_proto_tcp.c nf_conntrack_tcp_packet
    //# A SYN in original direction on TIME_WAIT or CLOSE kills the entry, and the packet is looked
    //# at again.
    fn reopen(&mut self, netns: NetnsId, tuple: &Tuple, ip: &Ipv4) {
        let Body::Tcp(t) = &ip.body else { return };
        let syn = t.flags.has(TcpFlags::SYN) && !t.flags.has(TcpFlags::ACK);
        let Some((id, CtDirection::Original)) = self.ns(netns).conntrack.find(tuple) else {
            return;
        };
        let state = self.ns(netns).conntrack.get(id).and_then(|c| c.tcp_state());
        if syn && matches!(state, Some(TcpState::TimeWait | TcpState::Close)) {
            self.set_connection(netns, id, None);
        }
    }

    /// Enters a new connection into the table (`__nf_conntrack_confirm`).
    pub(super) fn confirm(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some((id, CtInfo::New | CtInfo::Established)) = skb.ct else { return };
        let Some(c) = self.ns(skb.netns).conntrack.get(id).cloned() else { return };
        if c.confirmed() {
            return;
        }
        // Another connection took its tuples meanwhile.
        let table = &self.ns(skb.netns).conntrack;
        if table.find(&c.original).or(table.find(&c.reply)).is_some() {
            return self.drop_packet(pkt, DropReason::NatNoPort, None);
        }
        let mut c = Connection::clone(&c);
        c.status.confirmed = true;
        // The timeout runs from now on, however long the packet waited for ARP.
        c.expires = c.expires + (self.now - c.since);
        let reply = c.reply;
        self.set_connection(skb.netns, id, Some(c));
        self.emit_for(pkt, EventKind::Confirmed { id, reply });
    }

    // ---- NAT --------------------------------------------------------------------------------

    /// Whether the packet traverses the nat table: only if its connection is new and undecided. A
    /// reset sent by REJECT counts as the first packet, which it replaces.
    pub(super) fn nat_asks(&self, skb: &Skb, hook: Hook) -> bool {
        let Some((id, CtInfo::New | CtInfo::Related | CtInfo::RelatedReply)) = skb.ct else {
            return false;
        };
        if is_error(skb) {
            return false;
        }
        let Some(c) = self.ns(skb.netns).conntrack.get(id) else { return false };
        !(if manip_source(hook) { c.status.src_nat_done } else { c.status.dst_nat_done })
    }

    /// Binds a connection to the verdict of the nat table, and translates its first packet.
    pub(super) fn nat_decide(
        &mut self,
        pkt: PacketId,
        hook: Hook,
        effect: &RuleEffect,
        out_dev: Option<DevId>,
    ) {
        let skb = self.skb(pkt);
        let Some((id, _)) = skb.ct else { return };
        let Some(old) = self.ns(skb.netns).conntrack.get(id).cloned() else { return };
        let source = manip_source(hook);
        let current = old.reply.inverse();
        let wanted = match effect {
            RuleEffect::Dnat { addr, port } => {
                let mut t = Tuple { dst: *addr, ..current };
                if let Some(port) = port {
                    t = t.with_dport(*port);
                }
                Some((t, false))
            }
            RuleEffect::Snat { addr } => Some((Tuple { src: *addr, ..current }, false)),
            RuleEffect::Masquerade { random_fully } => {
                let next_hop = match &skb.route {
                    Some(Decision::Out { next_hop, .. }) => *next_hop,
                    _ => current.dst,
                };
                let addr = out_dev.and_then(|d| self.ns(skb.netns).select_addr(d, next_hop));
                let Some(addr) = addr else {
                    return self.drop_packet(pkt, DropReason::NatNoPort, Some(hook));
                };
                Some((Tuple { src: addr, ..current }, *random_fully))
            }
            _ => None,
        };
        let chosen = match wanted {
            None if source => self.unique(skb.netns, current, false),
            None => Some(current),
            Some((t, random)) if source => self.unique(skb.netns, t, random),
            Some((t, _)) => Some(t),
        };
        let Some(chosen) = chosen else {
            return self.drop_packet(pkt, DropReason::NatNoPort, Some(hook));
        };
        let mut c = Connection::clone(&old);
        if source {
            c.status.src_nat_done = true;
            c.status.src_nat |= chosen != current;
        } else {
            c.status.dst_nat_done = true;
            c.status.dst_nat |= chosen != current;
        }
        c.reply = chosen.inverse();
        let (before, after) = (old.reply, c.reply);
        self.set_connection(skb.netns, id, Some(c));
        if before != after {
            self.emit_for(pkt, EventKind::NatDecided { id, source, before, after });
        }
        self.nat_packet(pkt, hook);
    }

    /// A tuple whose inverse no other connection has (`get_unique_tuple`): `wanted` if it is free,
    /// else with another source port.
    fn unique(&mut self, netns: NetnsId, wanted: Tuple, random: bool) -> Option<Tuple> {
        let taken = |w: &Self, t: &Tuple| {
            let table = &w.ns(netns).conntrack;
            table
                .find(&t.inverse())
                .and_then(|(id, _)| table.get(id))
                .is_some_and(|c| c.expires >= w.now)
        };
        let key = match wanted.l4 {
            L4::Ports(sport, _) => sport,
            L4::Echo { id, .. } => id,
            L4::None => return Some(wanted),
        };
        if !random && !taken(self, &wanted) {
            return Some(wanted);
        }
        // The kernel's ranges: below 512, below 1024, and the rest; any identifier of an echo
        // (`nf_nat_l4proto_unique_tuple`).
        let (first, n) = match (wanted.l4, key) {
            (L4::Echo { .. }, _) => (0, 65_536),
            _ if random => (1024, 64_512),
            (_, 0..512) => (1, 511),
            (_, 512..1024) => (600, 424),
            _ => (1024, 64_512),
        };
        let start = self.rng.below(n);
        let with = |i: u64| wanted.with_key((first + (start + i) % n) as u16);
        (0..n.min(128)).map(with).find(|t| !taken(self, t))
    }

    /// Translates a packet of a connection that is decided; nat rules are skipped.
    pub(super) fn nat_known(&mut self, pkt: PacketId, hook: Hook) {
        let skb = self.skb(pkt);
        if skb.ct.is_some() {
            self.emit_for(pkt, EventKind::NatSkipped { hook });
        }
        match skb.ct {
            Some(_) if is_error(&skb) => self.nat_error(pkt, hook),
            Some(_) => self.nat_packet(pkt, hook),
            None => {}
        }
    }

    /// Rewrites a packet's address as its connection requires (`nf_nat_packet`).
    //= linux:v6.12 net/netfilter/nf_nat_core.c nf_nat_packet
    //# In reply direction the roles swap: what was the destination's translation is undone on the
    //# source, and the other way round.
    fn nat_packet(&mut self, pkt: PacketId, hook: Hook) {
        let skb = self.skb(pkt);
        let (Some((id, info)), Some(ip)) = (skb.ct, skb.ip()) else { return };
        let Some(c) = self.ns(skb.netns).conntrack.get(id).cloned() else { return };
        let source = manip_source(hook);
        let reply = info.direction() == CtDirection::Reply;
        if !(if source != reply { c.status.src_nat } else { c.status.dst_nat }) {
            return;
        }
        let target = if reply { c.original.inverse() } else { c.reply.inverse() };
        let mut after = ip.clone();
        target.write_into(&mut after, source);
        if after == *ip {
            return;
        }
        self.rewrite(pkt, hook, ip, after, reply || info == CtInfo::Established);
    }

    /// Translates an ICMP error and the packet it quotes (`nf_nat_icmp_reply_translation`).
    fn nat_error(&mut self, pkt: PacketId, hook: Hook) {
        let skb = self.skb(pkt);
        let (Some((id, info)), Some(ip)) = (skb.ct, skb.ip()) else { return };
        let Some(c) = self.ns(skb.netns).conntrack.get(id).cloned() else { return };
        // A redirect about a connection that is translated, or may yet be, would only confuse.
        let settled = c.status.src_nat_done
            && c.status.dst_nat_done
            && !c.status.src_nat
            && !c.status.dst_nat;
        if matches!(&ip.body, Body::Icmp(Icmp::Redirect { .. })) && !settled {
            return self.drop_packet(pkt, DropReason::NetfilterDrop, Some(hook));
        }
        let source = manip_source(hook);
        let reply = info.direction() == CtDirection::Reply;
        if !(if source != reply { c.status.src_nat } else { c.status.dst_nat }) {
            return;
        }
        let other = if reply { c.original } else { c.reply };
        let mut after = ip.clone();
        let Body::Icmp(icmp) = &mut after.body else { return };
        if let Some(quoted) = icmp.quoted()
            && let Some(mut inner) = Ipv4::parse_quoted(quoted)
        {
            other.write_into(&mut inner, !source);
            icmp.requote(&inner);
        }
        let target = other.inverse();
        let IpAddr::V4(addr) = (if source { target.src } else { target.dst }) else { return };
        *(if source { &mut after.src } else { &mut after.dst }) = addr;
        self.rewrite(pkt, hook, ip, after, true);
    }

    /// Replaces a packet by its translation, and records that.
    fn rewrite(&mut self, pkt: PacketId, hook: Hook, before: &Ipv4, after: Ipv4, restored: bool) {
        let source = manip_source(hook);
        let (old, new) = (end(before, source), end(&after, source));
        self.update(pkt, |s| {
            if let Some(p) = s.ip_mut() {
                *p = after;
            }
            // Another destination needs another route.
            if !source {
                s.route = None;
            }
        });
        self.emit_for(
            pkt,
            EventKind::Translated { hook, source, before: old, after: new, restored },
        );
    }
}

/// The effect of a segment on its connection's timeout.
enum Tracked {
    /// None: the segment is INVALID.
    Invalid,
    /// None: the entry expires when it would have.
    Kept,
    /// The entry is deleted: the only answer was a RST.
    Over,
    /// The entry expires after this time from now.
    Lasts(Duration),
}

//= linux:v6.12 net/netfilter/nf_conntrack_proto_tcp.c nf_conntrack_tcp_packet
//# A SYN that does not fit is let through and noted: if the answer to it comes, the connection is
//# taken to be at its beginning. An established connection lasts 300 s only while data waits for an
//# acknowledgement, or nothing was answered; a SYN sent again adds no time.
fn track_tcp(
    track: &mut TcpTrack,
    timeouts: &Timeouts,
    dir: CtDirection,
    t: &Tcp,
    status: &mut Status,
) -> Tracked {
    let old = track.state;
    let (syn, ack) = (t.flags.has(TcpFlags::SYN), t.flags.has(TcpFlags::ACK));
    let end = t.seq.wrapping_add(t.seq_len());
    let new = match next_state(old, dir, t.flags) {
        Transition::Invalid => return Tracked::Invalid,
        Transition::Ignored if syn && ack && track.ignored_syn == Some(t.ack) => TcpState::SynRecv,
        Transition::Ignored => {
            track.ignored_syn = (syn && !ack).then_some(end);
            return Tracked::Kept;
        }
        Transition::To(new) => new,
    };
    if t.flags.has(TcpFlags::RST) && !status.seen_reply && status.confirmed {
        track.state = new;
        return Tracked::Over;
    }
    let (own, other) = if dir == CtDirection::Original { (0, 1) } else { (1, 0) };
    match track.end[own] {
        Some(known) if end.wrapping_sub(known) as i32 <= 0 => {}
        Some(_) => (track.end[own], track.unacknowledged[own]) = (Some(end), true),
        None => track.end[own] = Some(end),
    }
    if ack && track.end[other] == Some(t.ack) {
        track.unacknowledged[other] = false;
    }
    track.ignored_syn = None;
    track.state = new;
    let mut lasts = timeouts.tcp[new as usize];
    if t.flags.has(TcpFlags::RST) {
        lasts = timeouts.tcp[TcpState::Close as usize];
    } else if track.unacknowledged != [false; 2] {
        lasts = lasts.min(UNACKNOWLEDGED);
    }
    if status.seen_reply {
        status.assured |= matches!(old, TcpState::SynRecv | TcpState::Established)
            && new == TcpState::Established;
    } else if syn && !ack && old == TcpState::SynSent {
        return Tracked::Kept;
    } else if new == TcpState::Established {
        lasts = lasts.min(UNACKNOWLEDGED);
    }
    Tracked::Lasts(lasts)
}

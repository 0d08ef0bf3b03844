//! Raw TCP sockets (`net/ipv4/raw.c`): one segment with any control bits, sent without a
//! connection. TCP also receives every segment, and answers RST if it has no socket for it. Left
//! out: a raw socket hears the segments of its own ports only, as its process would filter them.

use super::ip::Fit;
use super::{Job, World};
use crate::event::EventKind;
use crate::id::NetnsId;
use crate::rng;
use crate::socket::{AddrPort, IpOptions, Outcome, RawSocket, Socket, SocketId};
use crate::time::Duration;
use crate::wire::{Body, Ipv4, Tcp, TcpFlags, TcpOptions};
use std::net::IpAddr;
use std::rc::Rc;

/// The window of a segment, in bytes: that of `hping3`.
const WINDOW: u16 = 512;

impl World {
    /// Sends one TCP segment with these control bits and `data`, and awaits an answer for `wait`.
    pub fn send_raw(
        &mut self,
        netns: NetnsId,
        raw: RawSocket,
        (flags, data): (TcpFlags, Rc<[u8]>),
        (ip, wait): (IpOptions, Duration),
    ) -> SocketId {
        let (local, remote, tag) = (raw.local, raw.remote, raw.tag);
        let socket = self.open_socket(netns, Socket::Raw(RawSocket { waiting: true, ..raw }));
        self.emit(netns, None, EventKind::Asked { socket, remote });
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (local.addr, remote.addr) else { return socket };
        let number = |which: u64| {
            rng::hash(self.seed, &[u64::from(tag), u64::from(local.port), which]) as u32
        };
        let segment = Tcp {
            sport: local.port,
            dport: remote.port,
            seq: number(0),
            ack: if flags.has(TcpFlags::ACK) { number(1) } else { 0 },
            flags,
            window: WINDOW,
            options: TcpOptions::default(),
            data,
        };
        let mut packet = Ipv4::new(src, dst, Body::Tcp(segment));
        let Some(Fit { df, .. }) = self.fit(netns, &packet, ip.pmtudisc) else {
            let raw = RawSocket { waiting: true, ..raw };
            let outcome = Outcome::NotSent(crate::DropReason::PktTooBig);
            self.raw_ended(netns, socket, &raw, outcome);
            return socket;
        };
        (packet.df, packet.ttl, packet.id) = (df, ip.ttl, self.ip_id());
        self.later(wait, Job::App(netns, socket));
        self.send(netns, packet, |_| {});
        socket
    }

    /// Gives a received segment to the raw socket that waits for it (`raw_local_deliver`).
    pub(super) fn raw_rcv(
        &mut self,
        netns: NetnsId,
        ends: (AddrPort, AddrPort),
        (flags, ttl): (TcpFlags, u8),
    ) {
        let mine =
            |s: &Socket| matches!(s, Socket::Raw(r) if r.waiting && (r.local, r.remote) == ends);
        let found = self.ns(netns).sockets.iter().find(|(_, s)| mine(s));
        let Some((socket, s)) = found.map(|(i, s)| (*i, s.clone())) else { return };
        let Socket::Raw(raw) = &*s else { return };
        let outcome = if flags.has(TcpFlags::RST) {
            Outcome::Reset
        } else {
            Outcome::Segment { flags, from: ends.1.addr, ttl }
        };
        self.raw_ended(netns, socket, raw, outcome);
    }

    /// Ends the wait of a raw socket.
    pub(super) fn raw_ended(
        &mut self,
        netns: NetnsId,
        socket: SocketId,
        raw: &RawSocket,
        outcome: Outcome,
    ) {
        if !raw.waiting {
            return;
        }
        let tag = raw.tag;
        self.set_socket(netns, socket, Socket::Raw(RawSocket { waiting: false, ..raw.clone() }));
        self.agenda.retain(|_, j| !matches!(j, Job::App(n, s) if *n == netns && *s == socket));
        self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
    }
}

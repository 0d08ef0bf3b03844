//! UDP sockets (`net/ipv4/udp.c`), and the dispatch to waking processes.

use super::ip::Fit;
use super::{APP_DELAY, Job, World};
use crate::conntrack::L4;
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{NetnsId, PacketId};
use crate::rng;
use crate::socket::{
    AddrPort, IpOptions, Outcome, RawSocket, ServerApp, Socket, SocketId, UdpSocket,
};
use crate::wire::{Body, Icmp, Ipv4, PROTO_TCP, PROTO_UDP, Udp, UdpPayload, Unreachable};
use std::net::IpAddr;
use std::rc::Rc;

impl World {
    /// Sends datagrams one after the other and awaits an answer to each, which has an outcome with
    /// the socket's `tag`.
    pub fn ask_udp(&mut self, netns: NetnsId, udp: UdpSocket) -> SocketId {
        let remote = udp.remote;
        let socket = self.open_socket(netns, Socket::Udp(udp.clone()));
        self.emit(netns, None, EventKind::Asked { socket, remote });
        self.next_question(netns, socket, udp);
        socket
    }

    fn next_question(&mut self, netns: NetnsId, socket: SocketId, mut u: UdpSocket) {
        // A connected socket draws its hash (`sk_set_txhash`): two with one tuple differ.
        u.waiting = self.send_datagram(
            netns,
            (u.local, u.remote),
            u.data.clone(),
            (u.checksum, u64::from(socket) + 1),
            u.ip,
        );
        let (waiting, wait, tag) = (u.waiting, u.wait, u.tag);
        self.set_socket(netns, socket, Socket::Udp(u));
        if waiting {
            self.later(wait, Job::App(netns, socket));
        } else {
            let outcome = Outcome::NotSent(DropReason::PktTooBig);
            self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
        }
    }

    /// Sends a datagram, unless it is too large to be sent whole, as its socket asks (EMSGSIZE).
    /// Returns whether it was sent.
    pub(super) fn send_datagram(
        &mut self,
        netns: NetnsId,
        (local, remote): (AddrPort, AddrPort),
        data: Rc<[u8]>,
        (checksum, key): (bool, u64),
        ip: IpOptions,
    ) -> bool {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (local.addr, remote.addr) else { return true };
        let udp = Udp {
            sport: local.port,
            dport: remote.port,
            checksum,
            payload: UdpPayload::Data(data),
        };
        let mut packet = Ipv4::new(src, dst, Body::Udp(udp));
        let Some(Fit { whole, df }) = self.fit(netns, &packet, ip.pmtudisc) else { return false };
        (packet.df, packet.ttl) = (df, ip.ttl);
        packet.id = self.ip_id();
        let words = [
            u64::from(u32::from(src)),
            u64::from(u32::from(dst)),
            u64::from(local.port),
            u64::from(remote.port),
            key,
        ];
        let flow_hash = rng::hash(self.seed, &words);
        // The checksum of what will be cut is computed here and now.
        self.send(netns, packet, |s| {
            s.csum_partial = whole;
            s.flow_hash = flow_hash;
        });
        true
    }

    pub(super) fn udp_rcv(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        let Body::Udp(udp) = &ip.body else { return };
        if self.vxlan_rcv(pkt, udp) {
            return;
        }
        let netns = skb.netns;
        let (src, dst) = (
            AddrPort { addr: ip.src.into(), port: udp.sport },
            AddrPort { addr: ip.dst.into(), port: udp.dport },
        );
        // Of several on one port, the one that was opened last: the others are closed in all but
        // name.
        let mine = |s: &Socket| matches!(s, Socket::Udp(u) if u.local == dst && u.remote == src);
        let client = self.ns(netns).sockets.iter().rfind(|(_, s)| mine(s));
        if let Some((id, s)) = client.map(|(i, s)| (*i, s.clone())) {
            self.free(pkt);
            self.emit(netns, Some(pkt), EventKind::Delivered { socket: Some(id), local: dst });
            if let Socket::Udp(u) = &*s
                && u.waiting
            {
                let mut u = u.clone();
                u.waiting = false;
                let (tag, bytes, left) = (u.tag, udp.len() as u32 - 8, u.left);
                u.left = left.saturating_sub(1);
                self.set_socket(netns, id, Socket::Udp(u.clone()));
                self.agenda.retain(|_, j| !matches!(j, Job::App(n, s) if *n == netns && *s == id));
                let outcome =
                    Outcome::Answered { bytes, from: src.addr, ttl: None, seq: 0, took_ns: 0 };
                self.emit(netns, None, EventKind::Ended { socket: id, tag, outcome });
                if left > 0 {
                    self.next_question(netns, id, u);
                }
            }
            return;
        }
        let asked = |s: &Socket| matches!(s, Socket::Resolver(r) if r.is_between(dst, src));
        let resolver = self.ns(netns).sockets.iter().rfind(|(_, s)| asked(s));
        if let (Some((id, s)), UdpPayload::Data(data)) =
            (resolver.map(|(i, s)| (*i, s.clone())), &udp.payload)
        {
            self.free(pkt);
            self.emit(netns, Some(pkt), EventKind::Delivered { socket: Some(id), local: dst });
            if let Socket::Resolver(r) = &*s {
                self.resolver_rcv(netns, id, r, data);
            }
            return;
        }
        let services = self.ns(netns).services.clone();
        let service = services.iter().find(|s| {
            s.proto == PROTO_UDP && s.port == dst.port && s.addr.is_none_or(|a| a == dst.addr)
        });
        match (service.map(|s| &s.app), &udp.payload) {
            (Some(ServerApp::Echo), UdpPayload::Data(data)) => {
                self.free(pkt);
                self.emit(netns, Some(pkt), EventKind::Delivered { socket: None, local: dst });
                let ip = IpOptions::default();
                self.send_datagram(netns, (dst, src), data.clone(), (true, 0), ip);
            }
            (Some(ServerApp::Dns(zone)), UdpPayload::Data(data)) => {
                self.free(pkt);
                self.emit(netns, Some(pkt), EventKind::Delivered { socket: None, local: dst });
                if let Some(answer) = self.dns_answer(zone, data, false, src) {
                    let ip = IpOptions::default();
                    self.send_datagram(netns, (dst, src), answer, (true, 0), ip);
                }
            }
            _ => {
                self.icmp_error(pkt, |quoted| Icmp::Unreachable {
                    code: Unreachable::Port,
                    quoted,
                });
                self.drop_packet(pkt, DropReason::NoSocket, None);
            }
        }
    }

    /// Wakes the process of a socket: it goes on, or stops waiting.
    pub(super) fn run_app(&mut self, netns: NetnsId, id: SocketId) {
        let Some(socket) = self.socket(netns, id) else { return };
        match &*socket {
            Socket::Tcp(t) => self.run_tcp_app(netns, id, t),
            Socket::Ping(p) => self.run_ping(netns, id, p),
            Socket::Udp(u) if u.waiting => {
                let mut u = u.clone();
                u.waiting = false;
                let tag = u.tag;
                self.set_socket(netns, id, Socket::Udp(u));
                self.emit(
                    netns,
                    None,
                    EventKind::Ended { socket: id, tag, outcome: Outcome::TimedOut },
                );
            }
            Socket::Udp(_) => {}
            Socket::Raw(r) => self.raw_ended(netns, id, r, Outcome::TimedOut),
            Socket::Resolver(r) => self.resolver_timed_out(netns, id, r),
        }
    }

    pub(super) fn wake_app(&mut self, netns: NetnsId, socket: SocketId) {
        self.later(APP_DELAY, Job::App(netns, socket));
    }

    /// The socket that sent a packet, while the packet is in its namespace.
    pub(super) fn sender_of(&self, pkt: PacketId) -> Option<(NetnsId, SocketId, Rc<Socket>)> {
        let skb = self.skb(pkt);
        let ip = skb.ip()?;
        // Its destination may be translated already, its source is not.
        let (sport, dport) = ip.ports().unwrap_or_default();
        let local = AddrPort { addr: ip.src.into(), port: sport };
        let id = if let Body::Icmp(Icmp::Echo { reply: false, id, .. }) = &ip.body {
            Some(*id)
        } else {
            None
        };
        let original =
            skb.ct.and_then(|(ct, _)| self.ns(skb.netns).conntrack.get(ct)).map(|c| c.original);
        let remote =
            original.map_or(AddrPort { addr: ip.dst.into(), port: dport }, |o| match o.l4 {
                L4::Ports(_, port) => AddrPort { addr: o.dst, port },
                _ => AddrPort { addr: o.dst, port: 0 },
            });
        let mine = |s: &Socket| match s {
            Socket::Tcp(t) => {
                ip.body.proto() == PROTO_TCP && t.local == local && t.remote == remote
            }
            Socket::Udp(u) => {
                ip.body.proto() == PROTO_UDP && u.local == local && u.remote == remote
            }
            Socket::Ping(p) => Some(p.id) == id,
            Socket::Resolver(r) => ip.body.proto() == PROTO_UDP && r.is_between(local, remote),
            Socket::Raw(RawSocket { local: l, remote: r, .. }) => {
                ip.body.proto() == PROTO_TCP && (*l, *r) == (local, remote)
            }
        };
        self.ns(skb.netns)
            .sockets
            .iter()
            .rfind(|(_, s)| mine(s))
            .map(|(i, s)| (skb.netns, *i, s.clone()))
    }

    /// Reports to its socket that a packet could not be sent.
    pub(super) fn not_sent(&mut self, pkt: PacketId, reason: DropReason) {
        let sender = self.sender_of(pkt);
        self.drop_packet(pkt, reason, None);
        if let Some((netns, socket, s)) = sender {
            self.send_failed(netns, socket, &s, Outcome::NotSent(reason));
        }
    }

    /// Ends a client's request, as `send` failed.
    pub(super) fn send_failed(
        &mut self,
        netns: NetnsId,
        socket: SocketId,
        s: &Socket,
        outcome: Outcome,
    ) {
        let tag = match s {
            Socket::Tcp(t) => return self.tcp_error(netns, socket, t, outcome),
            Socket::Raw(r) => return self.raw_ended(netns, socket, r, outcome),
            Socket::Resolver(r) => return self.resolver_refused(netns, socket, r),
            Socket::Udp(u) => {
                self.set_socket(
                    netns,
                    socket,
                    Socket::Udp(UdpSocket { waiting: false, ..u.clone() }),
                );
                u.tag
            }
            Socket::Ping(p) => {
                let mut p = p.clone();
                p.waiting = false;
                let tag = p.tag;
                self.set_socket(netns, socket, Socket::Ping(p));
                tag
            }
        };
        self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
    }
}

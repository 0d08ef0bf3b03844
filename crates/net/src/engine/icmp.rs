//! ICMP: errors that a host sends, echo that it answers, and errors for its sockets
//! (`net/ipv4/icmp.c`).

use super::ip::Fit;
use super::{Job, Stage, World};
use crate::conntrack::{CtDirection, CtId, CtInfo};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{NetnsId, PacketId};
use crate::netfilter::RejectWith;
use crate::skb::Skb;
use crate::socket::{AddrPort, Outcome, PingSocket, Socket, SocketId};
use crate::time::Duration;
use crate::wire::{Body, Icmp, Ipv4, Tcp, TcpFlags, TcpOptions, Unreachable};
use std::net::IpAddr;
use std::rc::Rc;

/// Greatest length of an error with its quotation, in bytes of IP (RFC 1812 section 4.3.2.3).
const MAX_ERROR_LEN: usize = 576;

/// The relation of an error to the connection of the packet it is about (`nf_conntrack_attach`).
fn related(skb: &Skb) -> Option<(CtId, CtInfo)> {
    skb.ct.map(|(id, info)| {
        (
            id,
            if info.direction() == CtDirection::Original {
                CtInfo::RelatedReply
            } else {
                CtInfo::Related
            },
        )
    })
}

/// Whether an error is reported to a datagram socket without `IP_RECVERR` (`icmp_err_convert`,
/// `fatal`).
const fn is_hard(icmp: &Icmp) -> bool {
    !matches!(
        icmp,
        Icmp::TimeExceeded { .. }
            | Icmp::Redirect { .. }
            | Icmp::Unreachable { code: Unreachable::Net | Unreachable::Host, .. }
    )
}

impl World {
    /// Sends an error about a packet to its sender (`icmp_send`). It is part of the packet's
    /// connection: RELATED.
    pub(super) fn icmp_error(&mut self, about: PacketId, make: impl FnOnce(Rc<[u8]>) -> Icmp) {
        let skb = self.skb(about);
        let Some(ip) = skb.ip() else { return };
        // Never about an error, nor about a later fragment.
        if matches!(&ip.body, Body::Icmp(i) if i.quoted().is_some()) || ip.frag_offset > 0 {
            return;
        }
        let ns = self.ns(skb.netns);
        let to = IpAddr::from(ip.src);
        let asked = IpAddr::from(ip.dst);
        let from = if ns.is_local(asked) { Some(asked) } else { ns.source_for(to) };
        let (Some(IpAddr::V4(src)), IpAddr::V4(dst)) = (from, to) else { return };
        let mut quoted = ip.bytes();
        quoted.truncate(MAX_ERROR_LEN - 28);
        let icmp = make(quoted.into());
        // Redirects have a rate of their own.
        if !matches!(icmp, Icmp::Redirect { .. }) && !self.error_allowed(skb.netns, to) {
            return;
        }
        let mut error = Ipv4::new(src, dst, Body::Icmp(icmp));
        error.tos = 0xc0;
        error.id = self.ip_id();
        let ct = related(&skb);
        self.send(skb.netns, error, |s| {
            s.ct = ct;
            s.parent = Some(about);
        });
    }

    pub(super) fn send_unreachable(&mut self, about: PacketId, with: RejectWith) {
        let code = match with {
            RejectWith::NetUnreachable => Unreachable::Net,
            RejectWith::HostUnreachable => Unreachable::Host,
            RejectWith::ProtoUnreachable => Unreachable::Proto,
            RejectWith::PortUnreachable | RejectWith::TcpReset => Unreachable::Port,
            RejectWith::NetProhibited => Unreachable::NetProhibited,
            RejectWith::HostProhibited => Unreachable::HostProhibited,
            RejectWith::AdminProhibited => Unreachable::AdminProhibited,
        };
        self.icmp_error(about, |quoted| Icmp::Unreachable { code, quoted });
    }

    /// Answers a TCP segment with a reset: for a rule, as part of the segment's connection
    /// (`nf_send_reset`), or for TCP itself (`tcp_v4_send_reset`).
    pub(super) fn send_reset(&mut self, about: PacketId, by_rule: bool) {
        let skb = self.skb(about);
        let Some(ip) = skb.ip() else { return };
        let Body::Tcp(t) = &ip.body else { return };
        if t.flags.has(TcpFlags::RST) {
            return;
        }
        let (seq, ack, flags) = if t.flags.has(TcpFlags::ACK) {
            (t.ack, 0, TcpFlags::RST)
        } else {
            (0, t.seq.wrapping_add(t.seq_len()), TcpFlags::RST.with(TcpFlags::ACK))
        };
        let reset = Tcp {
            sport: t.dport,
            dport: t.sport,
            seq,
            ack,
            flags,
            window: 0,
            options: TcpOptions::default(),
            data: [].into(),
        };
        let mut packet = Ipv4::new(ip.dst, ip.src, Body::Tcp(reset));
        packet.df = true;
        let ct = related(&skb).filter(|_| by_rule);
        // A packet that came in by a bridge port is answered there, past hooks and NAT, in a frame
        // with the rejected one's addresses turned round (`nf_send_reset`). It takes a route all
        // the same.
        let port = skb.bridge.as_ref().map(|b| b.physin).filter(|_| by_rule);
        let stage = match port {
            Some(_) if self.ns(skb.netns).route(ip.src.into()).is_none() => return,
            Some(port) => Stage::Xmit(port),
            None => Stage::LocalOut,
        };
        let (to, from) = (skb.frame.eth.src, skb.frame.eth.dst);
        self.send_from(skb.netns, packet, stage, |s| {
            if port.is_some() {
                (s.frame.eth.src, s.frame.eth.dst) = (from, to);
            }
            s.ct = ct;
            s.parent = Some(about);
            // TCP makes the whole checksum of a segment without a socket; the rule leaves it.
            s.csum_partial = by_rule;
        });
    }

    pub(super) fn icmp_rcv(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        let Body::Icmp(icmp) = &ip.body else { return };
        let (netns, local) = (skb.netns, AddrPort { addr: ip.dst.into(), port: 0 });
        match icmp {
            Icmp::Echo { reply: false, id, seq, data } => {
                let answer = Icmp::Echo { reply: true, id: *id, seq: *seq, data: data.clone() };
                let mut packet = Ipv4::new(ip.dst, ip.src, Body::Icmp(answer));
                packet.tos = ip.tos;
                packet.id = self.ip_id();
                self.free(pkt);
                self.emit(netns, Some(pkt), EventKind::Delivered { socket: None, local });
                self.send(netns, packet, |s| s.parent = Some(pkt));
            }
            Icmp::Echo { reply: true, id, seq, data } => {
                let is_it = |s: &Socket| match s {
                    Socket::Ping(p) => p.waiting && (p.id, p.seq) == (*id, *seq),
                    _ => false,
                };
                let found = self.ns(netns).sockets.iter().find(|(_, s)| is_it(s));
                let Some((socket, s)) = found.map(|(i, s)| (*i, s.clone())) else {
                    return self.drop_packet(pkt, DropReason::NoSocket, None);
                };
                self.free(pkt);
                self.emit(netns, Some(pkt), EventKind::Delivered { socket: Some(socket), local });
                if let Socket::Ping(p) = &*s {
                    let took_ns = (self.now - p.sent_at).0;
                    let outcome = Outcome::Answered {
                        bytes: data.len() as u32 + 8,
                        from: ip.src.into(),
                        ttl: Some(ip.ttl),
                        seq: *seq,
                        took_ns,
                    };
                    self.ping_ended(netns, socket, p, outcome);
                }
            }
            _ => self.icmp_error_rcv(pkt, ip, icmp),
        }
    }

    /// Reports an error to the socket whose packet it quotes.
    fn icmp_error_rcv(&mut self, pkt: PacketId, ip: &Ipv4, icmp: &Icmp) {
        let netns = self.skb(pkt).netns;
        let (kind, code) = icmp.type_code();
        let quoted = icmp.quoted().and_then(Ipv4::parse_quoted);
        let mine = |s: &Socket| {
            let Some(q) = &quoted else { return false };
            let (sport, dport) = q.ports().unwrap_or_default();
            let end = |e: &AddrPort, addr, port| e.addr == IpAddr::V4(addr) && e.port == port;
            match (s, &q.body) {
                (Socket::Tcp(t), Body::Tcp(_)) => {
                    end(&t.local, q.src, sport) && end(&t.remote, q.dst, dport)
                }
                (Socket::Raw(r), Body::Tcp(_)) => {
                    end(&r.local, q.src, sport) && end(&r.remote, q.dst, dport)
                }
                (Socket::Udp(u), Body::Udp(_)) => {
                    end(&u.local, q.src, sport) && end(&u.remote, q.dst, dport)
                }
                (Socket::Resolver(r), Body::Udp(_)) => r.is_between(
                    AddrPort { addr: q.src.into(), port: sport },
                    AddrPort { addr: q.dst.into(), port: dport },
                ),
                (Socket::Ping(p), Body::Icmp(Icmp::Echo { id, seq, .. })) => {
                    p.id == *id && p.hopes_for(*seq)
                }
                _ => false,
            }
        };
        let found =
            self.ns(netns).sockets.iter().find(|(_, s)| mine(s)).map(|(i, s)| (*i, s.clone()));
        let dev = self.skb(pkt).dev;
        self.free(pkt);
        let local = AddrPort { addr: ip.dst.into(), port: 0 };
        self.emit(
            netns,
            Some(pkt),
            EventKind::Delivered { socket: found.as_ref().map(|f| f.0), local },
        );
        if let (Icmp::Redirect { gateway, .. }, Some(dev)) = (icmp, dev) {
            let Some(about) = &quoted else { return };
            return self.learn_gateway(netns, dev, ip.src, about.dst.into(), *gateway);
        }
        // An error about a ping is believed without a socket, one about TCP or UDP is not.
        let about_ping = matches!(quoted.as_ref().map(|q| &q.body), Some(Body::Icmp(_)));
        if let (Icmp::Unreachable { code: Unreachable::FragNeeded { mtu }, .. }, Some(q)) =
            (icmp, &quoted)
            && (about_ping || found.is_some())
        {
            self.learn_mtu(netns, q.dst.into(), *mtu);
        }
        let Some((socket, s)) = found else { return };
        if let (Socket::Tcp(t), Icmp::Unreachable { code: Unreachable::FragNeeded { .. }, .. }) =
            (&*s, icmp)
        {
            return self.mtu_reduced(netns, socket, t.clone());
        }
        let seq = if let Some(Body::Icmp(Icmp::Echo { seq, .. })) = quoted.as_ref().map(|q| &q.body)
        {
            *seq
        } else {
            0
        };
        let mtu = if let Icmp::Unreachable { code: Unreachable::FragNeeded { mtu }, .. } = icmp {
            Some(*mtu)
        } else {
            None
        };
        let outcome =
            Outcome::Unreachable { from: ip.src.into(), kind, code, seq, ttl: ip.ttl, mtu };
        match &*s {
            Socket::Ping(p) if p.seq == seq => self.ping_ended(netns, socket, p, outcome),
            Socket::Ping(p) => {
                let mut p = p.clone();
                p.silent.retain(|s| *s != seq);
                let tag = p.tag;
                self.set_socket(netns, socket, Socket::Ping(p));
                self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
            }
            Socket::Udp(u) if u.waiting && is_hard(icmp) => {
                let mut u = u.clone();
                u.waiting = false;
                let tag = u.tag;
                self.set_socket(netns, socket, Socket::Udp(u));
                self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
            }
            // A connection under way gives up at once; an open one goes on.
            Socket::Tcp(t) => self.tcp_error(netns, socket, t, outcome),
            Socket::Raw(r) => self.raw_ended(netns, socket, r, outcome),
            Socket::Resolver(r) if is_hard(icmp) => self.resolver_refused(netns, socket, r),
            Socket::Udp(_) | Socket::Resolver(_) => {}
        }
    }

    // ---- ping -----------------------------------------------------------------------------

    /// Starts a `ping` of `count` echo requests, each of which has an outcome with the socket's
    /// `tag`.
    pub fn ping(&mut self, netns: NetnsId, mut ping: PingSocket, count: u16) -> SocketId {
        ping.left = count.max(1);
        ping.waiting = false;
        let remote = AddrPort { addr: ping.remote, port: 0 };
        let socket = self.open_socket(netns, Socket::Ping(ping));
        self.emit(netns, None, EventKind::Asked { socket, remote });
        self.later(Duration::default(), Job::App(netns, socket));
        socket
    }

    pub(super) fn run_ping(&mut self, netns: NetnsId, socket: SocketId, p: &PingSocket) {
        let mut p = p.clone();
        let timer_is_late =
            p.waiting && self.now - p.sent_at < if p.left > 0 { p.interval } else { p.wait };
        if timer_is_late {
            return;
        }
        if p.waiting {
            p.waiting = false;
            p.silent.push(p.seq);
            self.set_socket(netns, socket, Socket::Ping(p.clone()));
        }
        if p.left == 0 {
            // It waited long enough for all of them.
            for _ in std::mem::take(&mut p.silent) {
                self.emit(
                    netns,
                    None,
                    EventKind::Ended { socket, tag: p.tag, outcome: Outcome::TimedOut },
                );
            }
            return self.set_socket(netns, socket, Socket::Ping(p));
        }
        p.left -= 1;
        p.seq += 1;
        p.waiting = true;
        p.sent_at = self.now;
        let source = if p.local.is_unspecified() {
            self.ns(netns).source_for(p.remote)
        } else {
            Some(p.local)
        };
        let (Some(IpAddr::V4(src)), IpAddr::V4(dst)) = (source, p.remote) else {
            p.waiting = false;
            p.left = 0;
            let tag = p.tag;
            self.set_socket(netns, socket, Socket::Ping(p));
            return self.emit(
                netns,
                None,
                EventKind::Ended {
                    socket,
                    tag,
                    outcome: Outcome::NotSent(DropReason::IpOutNoRoutes),
                },
            );
        };
        let data: Rc<[u8]> = (0..p.size).map(|i| i as u8).collect();
        let mut packet = Ipv4::new(
            src,
            dst,
            Body::Icmp(Icmp::Echo { reply: false, id: p.id, seq: p.seq, data }),
        );
        let Some(Fit { df, .. }) = self.fit(netns, &packet, p.pmtudisc) else {
            // EMSGSIZE: not even made.
            p.waiting = false;
            let (tag, more, silent) = (p.tag, p.left > 0, !p.silent.is_empty());
            let wait = if more { p.interval } else { p.wait };
            self.set_socket(netns, socket, Socket::Ping(p));
            if more || silent {
                self.later(wait, Job::App(netns, socket));
            }
            return self.emit(
                netns,
                None,
                EventKind::Ended { socket, tag, outcome: Outcome::NotSent(DropReason::PktTooBig) },
            );
        };
        (packet.df, packet.ttl, packet.id) = (df, p.ttl, self.ip_id());
        let wait = if p.left > 0 { p.interval } else { p.wait };
        self.set_socket(netns, socket, Socket::Ping(p));
        self.later(wait, Job::App(netns, socket));
        self.send(netns, packet, |_| {});
    }

    fn ping_ended(&mut self, netns: NetnsId, socket: SocketId, p: &PingSocket, outcome: Outcome) {
        let mut p = p.clone();
        p.waiting = false;
        let tag = p.tag;
        let (last, silent) = (p.left == 0, p.silent.len());
        self.set_socket(netns, socket, Socket::Ping(p));
        self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
        if last && silent == 0 {
            // Nothing more to wait for.
            self.agenda.retain(|_, j| !matches!(j, Job::App(n, s) if *n == netns && *s == socket));
        }
    }
}

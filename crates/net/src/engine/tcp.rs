//! The TCP model (see [`crate::socket`]), with Linux's sizes: a SYN of 60 bytes, 52 for the rest
//! (`net/ipv4/tcp_output.c`, `tcp_timer.c`).

use super::{APP_DELAY, Job, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{NetnsId, PacketId};
use crate::rng;
use crate::route::Decision;
use crate::socket::{
    AddrPort, IpOptions, Outcome, Pmtudisc, ServerApp, Socket, SocketId, TcpApp, TcpPhase,
    TcpSocket,
};
use crate::time::Duration;
use crate::wire::{Body, Ipv4, PROTO_TCP, Tcp, TcpFlags, TcpOptions};
use std::net::IpAddr;
use std::rc::Rc;

/// SYNs that are retransmitted one second apart before the interval doubles
/// (`net.ipv4.tcp_syn_linear_timeouts`).
const SYN_LINEAR: u8 = 4;
/// `net.ipv4.tcp_syn_retries`, and the linear ones before: the end is after 131 s.
const SYN_RETRIES: u8 = 6 + SYN_LINEAR;
/// Retransmissions of a SYN-ACK (`net.ipv4.tcp_synack_retries`).
const SYNACK_RETRIES: u8 = 5;
/// `net.ipv4.tcp_retries2`: the end of an established connection is after about 15 minutes.
const DATA_RETRIES: u8 = 15;
/// `tcp_orphan_retries`: the same once the process is gone.
const ORPHAN_RETRIES: u8 = 8;
/// The retransmission timeout once a round trip was measured, which is always much shorter: the
/// least there is, `TCP_RTO_MIN` (200 ms) and one tick of 4 ms.
const RTO: Duration = Duration::millis(204);
/// The longest retransmission timeout (`TCP_RTO_MAX`, `include/net/tcp.h`).
const RTO_MAX: Duration = Duration::secs(120);
/// `TCP_RESOURCE_PROBE_INTERVAL`, the time between two tries while the own device refuses a
/// segment: half a second, as the timer wheel rounds it at 250 ticks a second.
const RESOURCE_PROBE_INTERVAL: Duration = Duration::millis(512);
/// Bytes of data that leave as one packet at most: the first window of ten segments allows no more
/// in any case.
const GSO_MAX: usize = 14_000;
/// How long a DNS server waits for a query over TCP.
const DNS_IDLE: Duration = Duration::secs(2);
/// `net.ipv4.tcp_rmem` and the default route give this scale.
const WSCALE: u8 = 7;

impl World {
    /// Connects, sends the request of a [`TcpApp::Client`], reads the whole HTTP answer and closes:
    /// what `curl` does. Its `tag` comes back with the outcome.
    pub fn connect(
        &mut self,
        netns: NetnsId,
        (local, remote): (AddrPort, AddrPort),
        app: TcpApp,
        ip: IpOptions,
    ) -> SocketId {
        let mut t = self.tcp_socket(netns, local, remote, TcpPhase::SynSent, app);
        t.ip = ip;
        let syn = self.segment(&t, TcpFlags::SYN, [].into());
        t.snd_nxt = t.snd_nxt.wrapping_add(1);
        let socket = self.open_socket(netns, Socket::Tcp(t.clone()));
        self.emit(netns, None, EventKind::Asked { socket, remote });
        self.transmit(netns, socket, &mut t, syn);
        socket
    }

    fn tcp_socket(
        &self,
        netns: NetnsId,
        local: AddrPort,
        remote: AddrPort,
        phase: TcpPhase,
        app: TcpApp,
    ) -> TcpSocket {
        let number = |a: IpAddr| match a {
            IpAddr::V4(a) => u64::from(u32::from(a)),
            IpAddr::V6(_) => 0,
        };
        let words = [
            number(local.addr),
            number(remote.addr),
            u64::from(local.port),
            u64::from(remote.port),
            self.now.0,
        ];
        let isn = rng::hash(self.seed, &words) as u32;
        let mtu = self.path_mtu(netns, remote.addr);
        let mss = mtu.saturating_sub(40).max(1);
        TcpSocket {
            local,
            remote,
            phase,
            snd_nxt: isn,
            snd_una: isn,
            rcv_nxt: 0,
            mss,
            announced_mss: mss,
            unacked: Vec::new(),
            retries: 0,
            refused: false,
            timer: 0,
            ts_recent: 0,
            received: Vec::new(),
            early: Vec::new(),
            twice: None,
            peer_closed: false,
            ack_owed: false,
            flow_hash: rng::hash(self.seed, &words[..4]) | 1,
            options: true,
            ip: IpOptions::default(),
            app,
        }
    }

    /// The MTU of the device towards an address, as far as a segment size can say it.
    fn path_mtu(&self, netns: NetnsId, to: IpAddr) -> u16 {
        let ns = self.ns(netns);
        let dev = match ns.route(to) {
            Some(Decision::Out { dev, .. }) => Some(dev),
            _ => ns.loopback(),
        };
        u16::try_from(dev.map_or(1500, |d| ns.path_mtu(d, to))).unwrap_or(u16::MAX)
    }

    fn segment(&self, t: &TcpSocket, flags: TcpFlags, data: Rc<[u8]>) -> Tcp {
        let syn = flags.has(TcpFlags::SYN);
        let stamp = (self.now.0 / 1_000_000) as u32 + (t.flow_hash >> 40) as u32;
        let window = t.announced_mss.max(1);
        Tcp {
            sport: t.local.port,
            dport: t.remote.port,
            seq: t.snd_nxt,
            ack: if flags.has(TcpFlags::ACK) { t.rcv_nxt } else { 0 },
            flags,
            window: if syn { u16::MAX / window * window } else { 502 },
            options: TcpOptions {
                mss: syn.then_some(t.announced_mss),
                timestamp: t.options.then_some((stamp, t.ts_recent)),
                wscale: (syn && t.options).then_some(WSCALE),
                sack: t.twice.or(t.early.last().map(|s| (s.seq, end(s)))).filter(|_| t.options),
            },
            data,
        }
    }

    /// Sends a segment; one that uses sequence space is kept until it is acknowledged.
    fn transmit(&mut self, netns: NetnsId, socket: SocketId, t: &mut TcpSocket, segment: Tcp) {
        let shown = t.clone();
        (t.ack_owed, t.twice) = (false, None);
        if segment.seq_len() > 0 {
            t.unacked.push(Rc::new(segment.clone()));
            self.arm(netns, socket, t);
        }
        self.set_socket(netns, socket, Socket::Tcp(t.clone()));
        self.send_segment(netns, socket, &shown, segment);
    }

    fn send_segment(&mut self, netns: NetnsId, socket: SocketId, t: &TcpSocket, mut segment: Tcp) {
        // Sent again or late, a segment says what is known now (`__tcp_transmit_skb`).
        let now = self.segment(t, segment.flags, [].into());
        (segment.ack, segment.options.timestamp) = (now.ack, now.options.timestamp);
        segment.options.sack = now.options.sack;
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (t.local.addr, t.remote.addr) else { return };
        let many = segment.data.len() > t.data_size();
        let mut packet = Ipv4::new(src, dst, Body::Tcp(segment));
        (packet.df, packet.ttl) = (t.ip.pmtudisc != Pmtudisc::Dont, t.ip.ttl);
        packet.id = self.ip_id();
        let (flow_hash, size) = (t.flow_hash, t.data_size());
        self.send(netns, packet, |s| {
            s.csum_partial = true;
            s.flow_hash = flow_hash;
            s.gso_size = if many { size as u16 } else { 0 };
            s.sk = Some(socket);
        });
    }

    /// Starts the retransmission timer, or starts it again.
    fn arm(&mut self, netns: NetnsId, socket: SocketId, t: &mut TcpSocket) {
        self.arm_after(netns, socket, t, t.timeout());
    }

    fn arm_after(&mut self, netns: NetnsId, socket: SocketId, t: &mut TcpSocket, after: Duration) {
        t.timer += 1;
        let timer = t.timer;
        self.agenda.retain(|_, j| {
            !matches!(j, Job::Retransmit { netns: n, socket: s, .. } if (*n, *s) == (netns, socket))
        });
        if !t.unacked.is_empty() {
            self.later(after, Job::Retransmit { netns, socket, timer });
        }
    }

    pub(super) fn retransmit(&mut self, netns: NetnsId, socket: SocketId, timer: u32) {
        let Some(s) = self.socket(netns, socket) else { return };
        let Socket::Tcp(t) = &*s else { return };
        let (Some(first), true) = (t.unacked.first().cloned(), t.timer == timer) else { return };
        let limit = match t.phase {
            TcpPhase::SynSent => SYN_RETRIES,
            TcpPhase::SynRecv => SYNACK_RETRIES,
            _ if t.is_orphan() => ORPHAN_RETRIES,
            _ => DATA_RETRIES,
        };
        let mut t = t.clone();
        if t.refused && t.was_sent(&first) {
            // The device took it at last, and it was lost then.
            (t.refused, t.retries) = (false, 0);
        }
        if t.retries >= limit {
            return self.tcp_error(netns, socket, &t, Outcome::TimedOut);
        }
        t.retries += 1;
        if !t.was_sent(&first) {
            t.snd_nxt = end(&first);
        } else if !t.is_loss_probe() {
            // A new try takes a new hash, and with it another outer port (`sk_rethink_txhash`).
            t.flow_hash = rng::hash(self.seed, &[t.flow_hash, u64::from(t.retries)]) | 1;
        }
        let retry = t.retries;
        self.arm(netns, socket, &mut t);
        self.set_socket(netns, socket, Socket::Tcp(t.clone()));
        // The one before waits in this host still: another would not get further
        // (`skb_still_in_host_queue`).
        if self.state.packets.values().any(|s| s.netns == netns && s.sk == Some(socket)) {
            return;
        }
        self.emit(netns, None, EventKind::Retransmitted { socket, retry });
        self.send_segment(netns, socket, &t, Tcp::clone(&first));
    }

    /// The own device refused a segment (`NET_XMIT_DROP`): it counts as never sent and stays in the
    /// queue, with what is behind it. It is tried again with whatever is sent next, or after a
    /// while (`tcp_write_xmit`, `tcp_check_probe_timer`, `tcp_send_probe0`).
    pub(super) fn segment_refused(&mut self, netns: NetnsId, socket: SocketId, seq: u32) {
        let Some(s) = self.socket(netns, socket) else { return };
        let Socket::Tcp(t) = &*s else { return };
        if !t.unacked.iter().any(|s| s.seq == seq) {
            return;
        }
        let mut t = t.clone();
        if t.retries == 0 || t.refused {
            (t.snd_nxt, t.refused) = (seq, true);
        } else {
            // It was sent before, and is lost (`tcp_retransmit_timer`).
            self.arm_after(netns, socket, &mut t, RESOURCE_PROBE_INTERVAL);
        }
        self.set_socket(netns, socket, Socket::Tcp(t));
    }

    /// Sends what is queued (`tcp_push_pending_frames`), but while a loss is repaired: the
    /// congestion window is one segment then (`tcp_enter_loss`).
    fn push(&mut self, netns: NetnsId, socket: SocketId, mut t: TcpSocket) {
        let queued: Vec<_> = t.unacked.iter().filter(|s| !t.was_sent(s)).cloned().collect();
        if let Some(last) = queued.last()
            && !t.is_repairing()
        {
            t.snd_nxt = end(last);
            let first = t.clone();
            (t.ack_owed, t.twice) = (false, None);
            if !t.refused {
                self.arm(netns, socket, &mut t);
            }
            self.set_socket(netns, socket, Socket::Tcp(t.clone()));
            let above = self.stack.len();
            for (segment, i) in queued.iter().zip(0..) {
                let t = if i == 0 { &first } else { &t };
                self.send_segment(netns, socket, t, Tcp::clone(segment));
            }
            // The first written leaves first.
            self.stack[above..].reverse();
        } else {
            self.set_socket(netns, socket, Socket::Tcp(t));
        }
    }

    /// The path takes smaller packets only: what is under way is sent again in smaller segments, at
    /// once (`tcp_v4_mtu_reduced`, `tcp_simple_retransmit`).
    pub(super) fn mtu_reduced(&mut self, netns: NetnsId, socket: SocketId, mut t: TcpSocket) {
        let mss = self.path_mtu(netns, t.remote.addr).saturating_sub(40).max(1);
        if mss >= t.mss || t.phase == TcpPhase::Closed {
            return;
        }
        let before = t.data_size();
        t.mss = mss;
        let again: Vec<_> = t
            .unacked
            .iter()
            .filter(|s| t.was_sent(s) && s.data.len().min(before) > t.data_size())
            .cloned()
            .collect();
        self.set_socket(netns, socket, Socket::Tcp(t.clone()));
        let above = self.stack.len();
        for segment in again {
            self.send_segment(netns, socket, &t, Tcp::clone(&segment));
        }
        self.stack[above..].reverse();
    }

    /// A client waited long enough: it closes whatever there is.
    pub(super) fn deadline(&mut self, netns: NetnsId, socket: SocketId) {
        let Some(s) = self.socket(netns, socket) else { return };
        let Socket::Tcp(t) = &*s else { return };
        let TcpApp::Client { tag, .. } = t.app else { return };
        match t.phase {
            TcpPhase::SynSent => self.tcp_error(netns, socket, t, Outcome::TimedOut),
            TcpPhase::Established | TcpPhase::CloseWait => {
                let mut t = t.clone();
                self.emit(
                    netns,
                    None,
                    EventKind::Ended { socket, tag, outcome: Outcome::TimedOut },
                );
                t.phase = if t.phase == TcpPhase::Established {
                    TcpPhase::FinWait1
                } else {
                    TcpPhase::LastAck
                };
                self.close(netns, socket, t);
            }
            _ => {}
        }
    }

    /// Ends a client's patience after this long.
    pub fn give_up_after(&mut self, netns: NetnsId, socket: SocketId, wait: Duration) {
        self.later(wait, Job::Deadline(netns, socket));
    }

    /// Ends a connection on an error that TCP takes as final, and reports it to the client.
    pub(super) fn tcp_error(
        &mut self,
        netns: NetnsId,
        socket: SocketId,
        t: &TcpSocket,
        outcome: Outcome,
    ) {
        let opening = matches!(t.phase, TcpPhase::SynSent | TcpPhase::SynRecv);
        let fatal =
            opening || matches!(outcome, Outcome::Reset | Outcome::TimedOut | Outcome::NotSent(_));
        if !fatal || t.phase == TcpPhase::Closed {
            return;
        }
        self.end_tcp(netns, socket, t.clone());
        if let (TcpApp::Client { tag, .. }, false) = (&t.app, t.is_orphan()) {
            let tag = *tag;
            self.emit(netns, None, EventKind::Ended { socket, tag, outcome });
        }
    }

    fn end_tcp(&mut self, netns: NetnsId, socket: SocketId, mut t: TcpSocket) {
        t.phase = TcpPhase::Closed;
        t.unacked.clear();
        self.arm(netns, socket, &mut t);
        self.set_socket(netns, socket, Socket::Tcp(t));
    }

    pub(super) fn tcp_rcv(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        let Body::Tcp(seg) = &ip.body else { return };
        let netns = skb.netns;
        let (src, dst) = (
            AddrPort { addr: ip.src.into(), port: seg.sport },
            AddrPort { addr: ip.dst.into(), port: seg.dport },
        );
        self.raw_rcv(netns, (dst, src), (seg.flags, ip.ttl));
        let is_it = |s: &Socket| match s {
            Socket::Tcp(t) => (t.local, t.remote) == (dst, src) && t.phase != TcpPhase::Closed,
            _ => false,
        };
        let found = self.ns(netns).sockets.iter().rev().find(|(_, s)| is_it(s));
        if let Some((id, s)) = found.map(|(i, s)| (*i, s.clone())) {
            let Socket::Tcp(t) = &*s else { return };
            let delivered = EventKind::Delivered { socket: Some(id), local: dst };
            if t.is_aborted_by(seg) {
                self.emit(netns, Some(pkt), delivered);
                self.send_reset(pkt, false);
                self.free(pkt);
                return self.end_tcp(netns, id, t.clone());
            }
            self.free(pkt);
            self.emit(netns, Some(pkt), delivered);
            return self.tcp_segment(netns, id, t.clone(), seg);
        }
        let services = self.ns(netns).services.clone();
        let service = services.iter().find(|s| {
            s.proto == PROTO_TCP && s.port == dst.port && s.addr.is_none_or(|a| a == dst.addr)
        });
        let opens = seg.flags.has(TcpFlags::SYN) && !seg.flags.has(TcpFlags::ACK);
        let app = match service.filter(|_| opens).map(|s| &s.app) {
            Some(ServerApp::Http(parts)) => {
                Some(TcpApp::Server { parts: parts.clone(), written: 0, requests: 0 })
            }
            Some(ServerApp::Dns(zone)) => Some(TcpApp::Dns { zone: zone.clone(), answered: 0 }),
            Some(ServerApp::Echo | ServerApp::Arp) | None => None,
        };
        match app {
            Some(app) => {
                let mut t = self.tcp_socket(netns, dst, src, TcpPhase::SynRecv, app);
                t.rcv_nxt = seg.seq.wrapping_add(1);
                t.mss = seg.options.mss.unwrap_or(536).min(t.mss);
                t.options = seg.options.timestamp.is_some();
                t.ts_recent = seg.options.timestamp.map_or(0, |x| x.0);
                self.free(pkt);
                let id = self.open_socket(netns, Socket::Tcp(t.clone()));
                self.emit(netns, Some(pkt), EventKind::Delivered { socket: Some(id), local: dst });
                let answer = self.segment(&t, TcpFlags::SYN.with(TcpFlags::ACK), [].into());
                t.snd_nxt = t.snd_nxt.wrapping_add(1);
                self.transmit(netns, id, &mut t, answer);
            }
            _ => {
                self.send_reset(pkt, false);
                self.drop_packet(pkt, DropReason::NoSocket, None);
            }
        }
    }

    /// A segment for an open connection.
    fn tcp_segment(&mut self, netns: NetnsId, id: SocketId, mut t: TcpSocket, seg: &Tcp) {
        if seg.flags.has(TcpFlags::RST) {
            return self.tcp_error(netns, id, &t, Outcome::Reset);
        }
        if let Some((value, _)) = seg.options.timestamp {
            t.ts_recent = value;
        }
        // The client did not hear the answer to its SYN: once more (`tcp_check_req`).
        if t.phase == TcpPhase::SynRecv && seg.flags.has(TcpFlags::SYN) {
            if let Some(answer) = t.unacked.first().cloned() {
                // With another hash, as every try has (`tcp_rtx_synack`).
                t.flow_hash = rng::hash(self.seed, &[t.flow_hash, u64::from(t.retries)]) | 1;
                self.set_socket(netns, id, Socket::Tcp(t.clone()));
                self.send_segment(netns, id, &t, Tcp::clone(&answer));
            }
            return;
        }
        let acknowledges = seg.flags.has(TcpFlags::ACK);
        if acknowledges && seg.ack.wrapping_sub(t.snd_nxt) as i32 > 0 {
            // Acknowledges what was never sent: not of this connection.
            return;
        }
        if acknowledges && t.refused {
            // A new row of tries begins (`tcp_ack_probe`).
            t.retries = 0;
            self.arm_after(netns, id, &mut t, RTO);
        }
        if acknowledges && seg.ack.wrapping_sub(t.snd_una) as i32 > 0 {
            t.snd_una = seg.ack;
            (t.retries, t.refused) = (0, false);
            let una = t.snd_una;
            t.unacked.retain(|s| end(s).wrapping_sub(una) as i32 > 0);
            self.arm(netns, id, &mut t);
        }
        if let Some((left, _)) = seg.options.sack
            && left.wrapping_sub(t.snd_una) as i32 > 0
        {
            self.resend_before(netns, id, &mut t, left);
        }
        let all_acked = t.unacked.is_empty();
        match t.phase {
            TcpPhase::SynSent if seg.flags.has(TcpFlags::SYN) && seg.flags.has(TcpFlags::ACK) => {
                t.rcv_nxt = seg.seq.wrapping_add(1);
                t.mss = seg.options.mss.unwrap_or(536).min(t.mss);
                t.phase = TcpPhase::Established;
                let pause = if let TcpApp::Client { pause, .. } = &t.app {
                    *pause
                } else {
                    Duration::default()
                };
                self.later(pause.max(APP_DELAY), Job::App(netns, id));
                return self.acknowledge(netns, id, t, false);
            }
            TcpPhase::SynRecv if all_acked => {
                t.phase = TcpPhase::Established;
                self.set_socket(netns, id, Socket::Tcp(t.clone()));
                let peer = t.remote;
                self.emit(netns, None, EventKind::Accepted { socket: id, peer });
                if let TcpApp::Dns { .. } = t.app {
                    self.later(DNS_IDLE, Job::App(netns, id));
                }
            }
            TcpPhase::FinWait1 if all_acked => {
                t.phase = if t.peer_closed { TcpPhase::TimeWait } else { TcpPhase::FinWait2 }
            }
            TcpPhase::LastAck if all_acked => t.phase = TcpPhase::Closed,
            _ => {}
        }
        if seg.seq_len() == 0 {
            return self.push(netns, id, t);
        }
        match seg.seq.wrapping_sub(t.rcv_nxt) as i32 {
            0 => {}
            // Something before it is missing.
            1.. => {
                t.early.retain(|s| s.seq != seg.seq);
                t.early.push(Rc::new(seg.clone()));
                return self.acknowledge(netns, id, t, false);
            }
            // It was there already.
            _ => {
                t.twice = Some((seg.seq, end(seg)));
                return self.acknowledge(netns, id, t, false);
            }
        }
        t.rcv_nxt = end(seg);
        t.received.extend(seg.data.iter());
        if !seg.data.is_empty() {
            self.received(netns, id, &mut t);
        }
        let mut at_once = false;
        if seg.flags.has(TcpFlags::FIN) {
            t.peer_closed = true;
            match t.phase {
                TcpPhase::Established | TcpPhase::SynRecv => {
                    // The process will close too, and that segment acknowledges this one.
                    t.phase = TcpPhase::CloseWait;
                    t.ack_owed = true;
                    self.wake_app(netns, id);
                    return self.push(netns, id, t);
                }
                TcpPhase::FinWait1 | TcpPhase::FinWait2 => {
                    at_once = true;
                    if t.unacked.is_empty() {
                        t.phase = TcpPhase::TimeWait;
                    }
                }
                _ => {}
            }
        }
        if let Some(i) = t.early.iter().position(|s| s.seq == t.rcv_nxt) {
            let next = t.early.remove(i);
            return self.tcp_segment(netns, id, t, &next);
        }
        self.acknowledge(netns, id, t, at_once);
    }

    /// Acknowledges what came: with what is queued, which `at_once` must not be waited for
    /// (`tcp_data_snd_check` comes before `tcp_ack_snd_check`; `tcp_fin` before both).
    fn acknowledge(&mut self, netns: NetnsId, id: SocketId, mut t: TcpSocket, at_once: bool) {
        let queued = t.unacked.iter().any(|s| !t.was_sent(s)) && !t.is_repairing();
        if queued && !at_once {
            return self.push(netns, id, t);
        }
        let above = self.stack.len();
        let ack = self.segment(&t, TcpFlags::ACK, [].into());
        self.transmit(netns, id, &mut t, ack);
        if queued {
            let acks = self.stack.len() - above;
            self.push(netns, id, t);
            self.stack[above..].rotate_left(acks);
        }
    }

    /// Something behind `left` arrived, what is before it did not: that is sent again at once
    /// (`tcp_fastretrans_alert`, RFC 8985).
    fn resend_before(&mut self, netns: NetnsId, id: SocketId, t: &mut TcpSocket, left: u32) {
        let lost = |s: &&Rc<Tcp>| end(s).wrapping_sub(left) as i32 <= 0;
        let lost: Vec<_> = t.unacked.iter().filter(lost).cloned().collect();
        t.retries = t.retries.max(1);
        let retry = t.retries;
        self.arm(netns, id, t);
        self.set_socket(netns, id, Socket::Tcp(t.clone()));
        self.emit(netns, None, EventKind::Retransmitted { socket: id, retry });
        let above = self.stack.len();
        for segment in lost {
            self.send_segment(netns, id, t, Tcp::clone(&segment));
        }
        self.stack[above..].reverse();
    }

    /// Data came: does the process have what it waits for?
    fn received(&mut self, netns: NetnsId, id: SocketId, t: &mut TcpSocket) {
        match &mut t.app {
            TcpApp::Server { requests, .. } => {
                let whole = t.received.windows(4).filter(|w| w == b"\r\n\r\n").count();
                if whole > *requests {
                    *requests = whole;
                    self.wake_app(netns, id);
                }
            }
            TcpApp::Dns { answered, .. } => {
                if dns_query(&t.received[*answered..]).is_some() {
                    self.wake_app(netns, id);
                }
            }
            TcpApp::Client { .. } => {
                if http_complete(&t.received) {
                    self.wake_app(netns, id);
                }
            }
        }
    }

    /// The process of a connection goes on.
    pub(super) fn run_tcp_app(&mut self, netns: NetnsId, id: SocketId, t: &TcpSocket) {
        let mut t = t.clone();
        match (&mut t.app, t.phase) {
            (TcpApp::Client { tag, .. }, TcpPhase::Established) if http_complete(&t.received) => {
                let (tag, bytes, from) = (*tag, t.received.len() as u32, t.remote.addr);
                let outcome = Outcome::Answered { bytes, from, ttl: None, seq: 0, took_ns: 0 };
                self.emit(netns, None, EventKind::Ended { socket: id, tag, outcome });
                t.phase = TcpPhase::FinWait1;
                self.close(netns, id, t);
            }
            (TcpApp::Client { request, .. }, TcpPhase::Established) => {
                let request = request.clone();
                self.write(netns, id, t, &request);
            }
            (
                TcpApp::Server { parts, written, requests },
                TcpPhase::Established | TcpPhase::CloseWait,
            ) if *written < parts.len() * *requests => {
                let part = parts[*written % parts.len()].clone();
                *written += 1;
                if *written < parts.len() * *requests {
                    self.wake_app(netns, id);
                }
                self.write(netns, id, t, &part);
            }
            (TcpApp::Dns { zone, answered }, TcpPhase::Established | TcpPhase::CloseWait)
                if dns_query(&t.received[*answered..]).is_some() =>
            {
                let query = dns_query(&t.received[*answered..]).unwrap_or_default();
                let answer = self.dns_answer(zone, query, true, t.remote).unwrap_or_default();
                *answered += 2 + query.len();
                if dns_query(&t.received[*answered..]).is_some() {
                    self.wake_app(netns, id);
                }
                let length = (answer.len() as u16).to_be_bytes();
                self.write(netns, id, t, &[&length, &answer[..]].concat());
            }
            // It waits no longer for a query (`dnsTimeout` of CoreDNS's server).
            (TcpApp::Dns { .. }, TcpPhase::Established) => {
                t.phase = TcpPhase::FinWait1;
                self.close(netns, id, t);
            }
            (app, TcpPhase::CloseWait) => {
                if let TcpApp::Client { tag, .. } = app
                    && !http_complete(&t.received)
                {
                    let ended =
                        EventKind::Ended { socket: id, tag: *tag, outcome: Outcome::Closed };
                    self.emit(netns, None, ended);
                }
                t.phase = TcpPhase::LastAck;
                self.close(netns, id, t);
            }
            _ => {}
        }
    }

    fn write(&mut self, netns: NetnsId, id: SocketId, mut t: TcpSocket, data: &[u8]) {
        self.set_socket(netns, id, Socket::Tcp(t.clone()));
        self.emit(netns, None, EventKind::Wrote { socket: id, bytes: data.len() as u32 });
        // Segments leave together, as one packet that a device would cut (`tcp_sendmsg`, GSO).
        let size = t.data_size();
        let most = (GSO_MAX / size).max(1) * size;
        for (i, chunk) in data.chunks(most).enumerate() {
            let last = (i + 1) * most >= data.len();
            let flags = if last { TcpFlags::PSH.with(TcpFlags::ACK) } else { TcpFlags::ACK };
            self.queue(&mut t, flags, chunk.into());
        }
        self.push(netns, id, t);
    }

    fn close(&mut self, netns: NetnsId, id: SocketId, mut t: TcpSocket) {
        self.set_socket(netns, id, Socket::Tcp(t.clone()));
        self.emit(netns, None, EventKind::Wrote { socket: id, bytes: 0 });
        // What is queued still takes the FIN along (`tcp_send_fin`).
        match t.unacked.pop() {
            Some(last) if !t.was_sent(&last) => {
                let flags = last.flags.with(TcpFlags::FIN);
                t.unacked.push(Rc::new(Tcp { flags, ..Tcp::clone(&last) }));
            }
            last => {
                t.unacked.extend(last);
                self.queue(&mut t, TcpFlags::FIN.with(TcpFlags::ACK), [].into());
            }
        }
        self.push(netns, id, t);
    }

    /// Puts a segment behind what was sent and queued before.
    fn queue(&self, t: &mut TcpSocket, flags: TcpFlags, data: Rc<[u8]>) {
        let seq = t.unacked.last().map_or(t.snd_nxt, |s| end(s));
        let segment = Tcp { seq, ..self.segment(t, flags, data) };
        t.unacked.push(Rc::new(segment));
    }
}

/// The sequence number behind a segment.
fn end(segment: &Tcp) -> u32 {
    segment.seq.wrapping_add(segment.seq_len())
}

impl TcpSocket {
    /// How much data one segment carries, in bytes: timestamps take twelve.
    fn data_size(&self) -> usize {
        usize::from(self.mss.saturating_sub(if self.options { 12 } else { 0 }).max(1))
    }

    /// Whether the process has closed it.
    fn is_orphan(&self) -> bool {
        matches!(
            self.phase,
            TcpPhase::FinWait1 | TcpPhase::FinWait2 | TcpPhase::LastAck | TcpPhase::TimeWait
        )
    }

    /// Whether the process is gone and a segment carries data for it, or more than the FIN that is
    /// due: that aborts the connection (`TCPABORTONDATA` of `tcp_rcv_state_process`).
    fn is_aborted_by(&self, segment: &Tcp) -> bool {
        let fin = u32::from(segment.flags.has(TcpFlags::FIN));
        matches!(self.phase, TcpPhase::FinWait1 | TcpPhase::FinWait2)
            && !self.peer_closed
            && segment.seq_len() > 0
            && end(segment).wrapping_sub(fin).wrapping_sub(self.rcv_nxt) as i32 > 0
    }

    /// Whether a segment of the queue was sent.
    fn was_sent(&self, segment: &Tcp) -> bool {
        (segment.seq.wrapping_sub(self.snd_nxt) as i32) < 0
    }

    /// Whether the last retransmission is the first of an open connection: a tail loss probe
    /// (RFC 8985 section 7; it needs SACK), which changes neither timeout nor window.
    fn is_loss_probe(&self) -> bool {
        self.options
            && self.retries == 1
            && !matches!(self.phase, TcpPhase::SynSent | TcpPhase::SynRecv)
    }

    /// Whether the retransmission timeout has passed, and nothing was acknowledged since.
    fn is_repairing(&self) -> bool {
        self.retries > 0 && !self.refused && !self.is_loss_probe()
    }

    /// The time to the next retransmission.
    fn timeout(&self) -> Duration {
        let (first, doublings) = match self.phase {
            TcpPhase::SynSent => (Duration::secs(1), self.retries.saturating_sub(SYN_LINEAR)),
            TcpPhase::SynRecv => (Duration::secs(1), self.retries),
            _ if self.refused => (RESOURCE_PROBE_INTERVAL, 0),
            _ => (RTO, self.retries.saturating_sub(u8::from(self.options))),
        };
        Duration(first.0 << doublings).min(RTO_MAX)
    }
}

/// The first DNS message of a stream, if it is all there.
fn dns_query(received: &[u8]) -> Option<&[u8]> {
    let (length, rest) = received.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// Whether an HTTP answer is all there: its head, and as much body as `Content-Length` says.
pub(super) fn http_complete(received: &[u8]) -> bool {
    let Some(head) = received.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let length = received[..head]
        .split(|b| *b == b'\n')
        .filter_map(|l| std::str::from_utf8(l).ok())
        .find_map(|l| {
            l.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .and_then(|v| v.trim().parse::<usize>().ok())
        });
    received.len() >= head + 4 + length.unwrap_or(0)
}

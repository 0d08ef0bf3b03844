//! The canonical encoding of an [`Event`] with its changes, and the hash of a run made from it.
//!
//! Equal events have equal bytes on every machine and in every build: neither Rust's memory layout
//! nor its `Debug` output gets in, and renaming or reordering fields and variants in the source
//! changes nothing. The encoding is written, never read back.
//!
//! | value | bytes |
//! | --- | --- |
//! | integer | little-endian, in its own width; `usize` as `u64`; `bool` as one byte, 0 or 1 |
//! | text, list, map | the number of bytes or elements as `u32`, then these in order |
//! | option | 0, or 1 and the value |
//! | array, tuple, struct | the fields in the order of the tables below |
//! | enum | the variant's tag, one byte, then its fields |
//! | IP address | 4 or 6, then the octets in network order; a network adds its prefix length |
//! | frame, packet, segment | its bytes on the wire, as a list |
//! | ruleset | what `iptables-save` prints with every counter at zero, as text |
//!
//! A tag is never given to another variant. A release that encodes events differently from the one
//! before it raises [`VERSION`].

use crate::conntrack::*;
use crate::dns::*;
use crate::drop::DropReason;
use crate::event::*;
use crate::id::*;
use crate::neigh::*;
use crate::netfilter::*;
use crate::route::*;
use crate::skb::*;
use crate::socket::*;
use crate::spec::Sysctl;
use crate::state::*;
use crate::time::{Duration, Instant};
use crate::wire::{Frame, Ipv4, Mac, Tcp, TcpFlags};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// The version of the encoding, which every hash begins with.
pub const VERSION: u32 = 1;

/// The canonical bytes of one event.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    event.put(&mut out);
    out
}

/// The hash of one event: 64-bit FNV-1a over [`VERSION`] and its canonical bytes.
pub fn event_hash(event: &Event) -> u64 {
    fnv1a(&encode(event))
}

/// The hash of a run: 64-bit FNV-1a over [`VERSION`] and the hashes of its events.
pub fn hash(events: &[Event]) -> u64 {
    let hashes: Vec<u8> = events.iter().flat_map(|e| event_hash(e).to_le_bytes()).collect();
    fnv1a(&hashes)
}

/// FNV-1a (draft-eastlake-fnv, section 2) over [`VERSION`] and `bytes`.
fn fnv1a(bytes: &[u8]) -> u64 {
    VERSION
        .to_le_bytes()
        .iter()
        .chain(bytes)
        .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A value with canonical bytes.
trait Put {
    fn put(&self, out: &mut Vec<u8>);
}

/// Structs, with their fields in the order they are written. Those behind `;` are written by what
/// contains them, or are of the document and never change.
macro_rules! structs {
    ($($name:ident { $($field:tt),* $(; $elsewhere:ident)? })*) => { $(impl Put for $name {
        fn put(&self, out: &mut Vec<u8>) {
            // Names every field, so that a new one does not go unnoticed.
            let _ = |$name { $($field: _,)* $($elsewhere: _)? }: Self| ();
            $(self.$field.put(out);)*
        }
    })* };
}

/// Enums, with their tags, and their variants' fields in the order they are written.
macro_rules! enums {
    ($($name:ident { $(
        $tag:literal $variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?
    ),* $(,)? })*) => { $(impl Put for $name {
        fn put(&self, out: &mut Vec<u8>) {
            match self { $(
                Self::$variant $(($($item),*))? $({ $($field),* })? => {
                    out.push($tag);
                    $($($item.put(out);)*)?
                    $($($field.put(out);)*)?
                }
            )* }
        }
    })* };
}

macro_rules! integers {
    ($($name:ident)*) => { $(impl Put for $name {
        fn put(&self, out: &mut Vec<u8>) {
            out.extend(self.to_le_bytes());
        }
    })* };
}

integers! { u8 u16 u32 u64 }

structs! {
    NetnsId { 0 }
    DevId { 0 }
    PacketId { 0 }
    Instant { 0 }
    Duration { 0 }
    CtStates { 0 }
    TcpFlags { 0 }
    Mac { 0 }
    Seen { packet, in_dev, out_dev, physin, physout, ctstate }
    Device { name, ifindex, mac, mtu, addrs, up, master, hairpin, kind, gone; cable }
    Exception { mtu, gateway, expires }
    Peer { tokens, last, redirects }
    Netns {
        name, tapped, devices, routes, exceptions, peers, fragments, neighbours, fdb, rules,
        counters, recent, conntrack, timeouts, sysctl, services, sockets, gone
    }
    Neighbour { lladdr, state, cached, probes, queue }
    Route { dst, via, dev, src, onlink, proto, metric }
    Sysctl {
        ip_forward, bridge_nf_call_iptables, rp_filter, route_localnet, send_redirects,
        accept_redirects
    }
    Tuple { src, dst, proto, l4 }
    Status { confirmed, seen_reply, assured, src_nat, dst_nat, src_nat_done, dst_nat_done }
    TcpTrack { state, end, unacknowledged, ignored_syn }
    Connection { original, reply, status, proto, since, expires }
    Timeouts { tcp, udp, udp_stream, icmp, generic }
    Skb {
        frame, netns, place, dev, in_dev, mark, ct, bridge, prerouting_done, pkt_type, route,
        csum_partial, flow_hash, gso_size, piece, recut, sk, parent
    }
    NfBridge { physin, physout, orig_dst, saved_src_mac }
    AddrPort { addr, port }
    Listener { proto, addr, port, app }
    TcpSocket {
        local, remote, phase, snd_nxt, snd_una, rcv_nxt, mss, announced_mss, unacked, retries,
        refused, timer, ts_recent, received, early, twice, peer_closed, ack_owed, flow_hash,
        options, app; ip
    }
    UdpSocket { local, remote, tag, waiting, data, left, checksum, wait; ip }
    RawSocket { local, remote, tag, waiting }
    ResolverSocket { local, tag, waiting, ends, lookup }
    Lookup { conf, kinds, names, as_is_first, at, asked, answers, tried, sockets }
    ResolvConf { nameservers, search, ndots, timeout, attempts }
    Tried { name, failure }
    Unresolved { temporary, tried }
    RecordType { 0 }
    Rcode { 0 }
    Record { name, class, ttl, data }
    Soa { mname, rname, serial, refresh, retry, expire, minimum }
    Zone { origins, soa, ttl, spelled, shuffled, records }
    IpOptions { ttl, pmtudisc }
    PingSocket {
        local, remote, id, left, seq, sent_at, size, ttl, pmtudisc, wait, interval, tag, waiting,
        silent
    }
    Restored { rules, tables, kept }
    Draw { rule, value, probability, forced }
}

impl Put for Event {
    fn put(&self, out: &mut Vec<u8>) {
        let Self { at, netns, packet, kind, changes } = self;
        at.put(out);
        netns.put(out);
        packet.put(out);
        kind.put(out);
        changes.put(out);
    }
}

/// A socket with IP options of its own has another tag than one with the defaults, and the options
/// in front of its fields.
impl Put for Socket {
    fn put(&self, out: &mut Vec<u8>) {
        let mut tag = |usual: u8, own: u8, ip: &IpOptions| {
            if *ip == IpOptions::default() {
                out.push(usual);
            } else {
                out.push(own);
                ip.put(out);
            }
        };
        match self {
            Self::Tcp(socket) => {
                tag(0, 3, &socket.ip);
                socket.put(out);
            }
            Self::Udp(socket) => {
                tag(1, 4, &socket.ip);
                socket.put(out);
            }
            Self::Ping(socket) => {
                out.push(2);
                socket.put(out);
            }
            Self::Raw(socket) => {
                out.push(5);
                socket.put(out);
            }
            Self::Resolver(socket) => {
                out.push(6);
                socket.put(out);
            }
        }
    }
}

enums! {
    EventKind {
        0 TimePassed,
        1 Asked { socket, remote },
        2 PacketMade { packet },
        3 FrameSent { dev, frame, csum_partial },
        4 FrameReceived { dev, pkt_type, frame, csum_partial },
        5 Walked { hook, table, seen, rules, mark, step },
        6 NatSkipped { hook },
        7 Tracked { id, info, new },
        8 Confirmed { id, reply },
        9 NatDecided { id, source, before, after },
        10 Translated { hook, source, before, after, restored },
        11 Routed { dst, routes, decision, again },
        12 TtlDecremented { before, after },
        13 NeighbourUsed { dev, addr, lladdr, state },
        14 NeighbourAwaited { dev, addr },
        15 NeighbourLearned { dev, addr, lladdr, state },
        16 NeighbourFailed { dev, addr },
        17 NeighbourAged { dev, addr, state },
        18 FdbLearned { bridge, port, mac },
        19 Bridged { bridge, to },
        20 BridgedDnat { bridge },
        21 VtepFound { dev, mac, remote },
        22 Encapsulated { dev, inner_len, outer_len },
        23 Decapsulated { dev, vni },
        24 Fragmented { dev, mtu, n },
        25 FragmentKept,
        26 Reassembled { n, len },
        27 PathLearned { dst, mtu, gateway },
        28 Configured { setting, by },
        29 Commanded { line },
        30 Daemon { name, runs },
        31 NetnsAdded { name, by },
        32 NetnsDeleted { name, by },
        33 Delivered { socket, local },
        34 Accepted { socket, peer },
        35 Wrote { socket, bytes },
        36 Retransmitted { socket, retry },
        37 Delayed { by },
        38 Duplicated { of },
        39 Dropped { reason, hook },
        40 Ended { socket, tag, outcome },
        41 Queried { socket, server, name, kinds },
        42 Resolved { socket, tag, name, addrs },
        43 CableDuplicated { of },
    }
    Change {
        0 Clock { before, after },
        1 Counter { netns, table, index, bytes },
        2 Neighbour { netns, dev, addr, before, after },
        3 Fdb { netns, dev, mac, before, after },
        4 Connection { netns, id, before, after },
        5 Packet { id, before, after },
        6 Exception { netns, dst, before, after },
        7 Peer { netns, addr, before, after },
        8 Fragments { netns, key, before, after },
        9 Netns { netns, before, after },
        10 Device { netns, dev, before, after },
        11 Routes { netns, before, after },
        12 Rules { netns, before, after },
        13 Recent { netns, list, before, after },
        14 Sysctl { netns, before, after },
        15 Socket { netns, id, before, after },
        16 Services { netns, before, after },
    }
    Setting {
        0 Rules(rules),
        1 FlushConntrack,
        2 Forget(id),
        3 Sysctl(to),
        4 Routes(to),
        5 FlushCache,
        6 Neighbour { dev, addr, to },
        7 Fdb { dev, mac, to },
        8 Device { dev, to },
        9 Services(to),
    }
    BridgeTo { 0 Port(port), 1 Flood(ports), 2 Up }
    DeviceKind {
        0 Loopback, 1 Cable { peer, nic }, 2 Bridge { ports }, 3 Vxlan { vni, local, dev, port },
    }
    FdbEntry { 0 Port(port), 1 Local(dev), 2 Remote(vtep) }
    NudState {
        0 Incomplete, 1 Reachable, 2 Stale, 3 Delay, 4 Probe, 5 Failed, 6 Permanent,
    }
    RouteProto { 0 Kernel, 1 Static, 2 Boot }
    Decision { 0 Local, 1 Broadcast, 2 Out { dev, next_hop, route, src } }
    PktType { 0 Host, 1 Broadcast, 2 Multicast, 3 OtherHost }
    Place { 0 Device(dev), 1 Hook(hook), 2 Routing, 3 Socket }
    CtInfo { 0 New, 1 Established, 2 EstablishedReply, 3 Related, 4 RelatedReply }
    L4 { 0 Ports(source, destination), 1 Echo { kind, id }, 2 None }
    Proto { 0 Tcp(track), 1 Udp { stream_since }, 2 Icmp, 3 Other }
    TcpState {
        0 None, 1 SynSent, 2 SynRecv, 3 Established, 4 FinWait, 5 CloseWait, 6 LastAck,
        7 TimeWait, 8 Close, 9 SynSent2,
    }
    ServerApp { 0 Http(parts), 1 Echo, 2 Dns(zone), 3 Arp }
    RecordData {
        0 A(addr), 1 Aaaa(addr), 2 Cname(name), 3 Ptr(name), 4 Ns(name),
        5 Srv { priority, weight, port, target }, 6 Soa(soa), 7 Txt(text), 8 Other(kind, data),
    }
    Failure { 0 Rcode(rcode), 1 NoData, 2 TimedOut, 3 Refused }
    TcpPhase {
        0 SynSent, 1 SynRecv, 2 Established, 3 FinWait1, 4 FinWait2, 5 CloseWait, 6 LastAck,
        7 TimeWait, 8 Closed,
    }
    TcpApp {
        0 Client { request, pause, tag },
        1 Server { parts, written, requests },
        2 Dns { zone, answered },
    }
    Pmtudisc { 0 Want, 1 Do, 2 Dont }
    Outcome {
        0 Answered { bytes, from, ttl, seq, took_ns },
        1 Reset,
        2 Unreachable { from, kind, code, seq, ttl, mtu },
        3 TimedOut,
        4 Killed,
        5 NotSent(reason),
        6 Segment { flags, from, ttl },
        7 Unresolved(why),
        8 Closed,
    }
    Hook { 0 Prerouting, 1 Input, 2 Forward, 3 Output, 4 Postrouting }
    TableName { 0 Raw, 1 Mangle, 2 Nat, 3 Filter }
    WalkStep {
        0 Matched { chain, from, rule, effect, draws },
        1 Returned { chain, from, rule, draws, to_policy },
        2 Policy { chain, from, n_rules, policy },
        3 Unsupported { chain, rule },
    }
    RuleEffect {
        0 Continue,
        1 Jump(chain),
        2 Goto(chain),
        3 Accept,
        4 Drop,
        5 Reject(with),
        6 Mark(mark),
        7 Dnat { addr, port },
        8 Snat { addr },
        9 Masquerade { random_fully },
    }
    Policy { 0 Accept, 1 Drop }
    RejectWith {
        0 NetUnreachable, 1 HostUnreachable, 2 ProtoUnreachable, 3 PortUnreachable,
        4 NetProhibited, 5 HostProhibited, 6 AdminProhibited, 7 TcpReset,
    }
}

impl Put for usize {
    fn put(&self, out: &mut Vec<u8>) {
        (*self as u64).put(out);
    }
}

impl Put for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Put for str {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_bytes().put(out);
    }
}

impl<T: Put> Put for [T] {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        self.iter().for_each(|x| x.put(out));
    }
}

impl<T: Put> Put for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self[..].put(out);
    }
}

impl<T: Put, const N: usize> Put for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|x| x.put(out));
    }
}

impl<T: Put> Put for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        self.iter().for_each(|x| x.put(out));
    }
}

impl<K: Put, V: Put> Put for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u32).put(out);
        self.iter().for_each(|(k, v)| {
            k.put(out);
            v.put(out);
        });
    }
}

impl<T: Put> Put for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        self.iter().for_each(|x| x.put(out));
    }
}

impl<T: Put + ?Sized> Put for &T {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
}

impl<T: Put + ?Sized> Put for Rc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
}

impl<T: Put + ?Sized> Put for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
}

impl<A: Put, B: Put> Put for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
}

/// Used for [`FragmentKey`]: addresses, protocol, identification.
impl<A: Put, B: Put, C: Put, D: Put> Put for (A, B, C, D) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
        self.3.put(out);
    }
}

impl Put for Ipv4Addr {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(4);
        out.extend(self.octets());
    }
}

impl Put for Ipv6Addr {
    fn put(&self, out: &mut Vec<u8>) {
        IpAddr::from(*self).put(out);
    }
}

impl Put for Name {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_string().as_str().put(out);
    }
}

/// A DNS message: its bytes without compression.
impl Put for Message {
    fn put(&self, out: &mut Vec<u8>) {
        self.emit(false).put(out);
    }
}

impl Put for IpAddr {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4(a) => a.put(out),
            Self::V6(a) => {
                out.push(6);
                out.extend(a.octets());
            }
        }
    }
}

impl Put for IpNet {
    fn put(&self, out: &mut Vec<u8>) {
        self.addr().put(out);
        self.prefix_len().put(out);
    }
}

impl Put for Frame {
    fn put(&self, out: &mut Vec<u8>) {
        self.emit().put(out);
    }
}

impl Put for Ipv4 {
    fn put(&self, out: &mut Vec<u8>) {
        self.bytes().put(out);
    }
}

impl Put for Tcp {
    /// A segment that is kept without its addresses: the checksum counts them as zero.
    fn put(&self, out: &mut Vec<u8>) {
        let mut bytes = Vec::new();
        self.emit(Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED, &mut bytes);
        bytes.put(out);
    }
}

impl Put for DropReason {
    fn put(&self, out: &mut Vec<u8>) {
        self.name().put(out);
    }
}

impl Put for Ruleset {
    fn put(&self, out: &mut Vec<u8>) {
        save(self, "", "", &|_, _| (0, 0)).put(out);
    }
}

impl Put for Conntrack {
    fn put(&self, out: &mut Vec<u8>) {
        let all: Vec<_> = self.iter().collect();
        all.put(out);
    }
}

impl<T> Put for Snapshot<T> {
    /// Nothing: it is the state's, which earlier changes cover.
    fn put(&self, _: &mut Vec<u8>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event {
            at: Instant(20_000),
            netns: Some(NetnsId(3)),
            packet: None,
            kind,
            changes: Vec::new(),
        }
    }

    #[test]
    fn an_event_has_the_documented_bytes() {
        let mut e = event(EventKind::TtlDecremented { before: 64, after: 63 });
        e.changes.push(Change::Clock { before: Instant(0), after: Instant(20_000) });
        let clock = [&[0][..], &[0; 8], &[0x20, 0x4e, 0, 0, 0, 0, 0, 0]].concat();
        let head = [0x20, 0x4e, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0];
        assert_eq!(encode(&e), [&head[..], &[12, 64, 63], &[1, 0, 0, 0], &clock].concat());
    }

    #[test]
    fn the_hash_is_the_one_of_version_1() {
        assert_eq!(fnv1a(b""), {
            // FNV-1a of the four bytes 01 00 00 00.
            let h = (0xcbf2_9ce4_8422_2325_u64 ^ 1).wrapping_mul(0x0000_0100_0000_01b3);
            (0..3).fold(h, |h, _| h.wrapping_mul(0x0000_0100_0000_01b3))
        });
        let (a, b) = (event(EventKind::TimePassed), event(EventKind::FragmentKept));
        assert_ne!(hash(&[a.clone(), b.clone()]), hash(&[b, a]));
    }
}

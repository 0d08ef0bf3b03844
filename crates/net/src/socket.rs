//! Sockets and the few applications that use them. TCP is a fixed model: handshake, data of known
//! sizes, an ACK for every segment of data, retransmission, reset, close. There is no congestion
//! control but for the one segment that is sent again after a loss, and no window.

use crate::dns::{Lookup, SharedZone, Unresolved};
use crate::time::{Duration, Instant};
use crate::wire::{Tcp, TcpFlags};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// The number of a socket, unique in its world.
pub type SocketId = u32;

/// An address and a port, as in `10.1.5.4:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddrPort {
    /// The IP address, IPv4 or IPv6.
    pub addr: IpAddr,
    /// The port; 0 where the protocol has none (ICMP).
    pub port: u16,
}

impl std::fmt::Display for AddrPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.addr, self.port)
    }
}

/// A listening socket and the server behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// IP protocol number: TCP or UDP; 0 of a packet socket.
    pub proto: u8,
    /// The address it is bound to; `None` for 0.0.0.0.
    pub addr: Option<IpAddr>,
    /// The port it listens on.
    pub port: u16,
    /// What the server does with a request.
    pub app: ServerApp,
}

impl Listener {
    /// A packet socket (`AF_PACKET`, `ETH_P_ARP`) on every NIC whose process answers requests for
    /// an address.
    pub fn arp(addr: Ipv4Addr) -> Self {
        Self { proto: 0, addr: Some(addr.into()), port: 0, app: ServerApp::Arp }
    }
}

/// How a server answers a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerApp {
    /// HTTP over TCP: after the empty line that ends a request, each part is written with a `send`
    /// of its own.
    Http(Rc<[Rc<[u8]>]>),
    /// Over UDP: sends the datagram back.
    Echo,
    /// DNS over UDP and TCP.
    Dns(SharedZone),
    /// ARP: says that the listener's address is at the MAC of the NIC that the request came in by.
    Arp,
}

/// The state of a TCP connection at one end (RFC 9293 section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpPhase {
    /// A client waits for SYN-ACK.
    SynSent,
    /// A server has answered a SYN with SYN-ACK.
    SynRecv,
    /// The handshake is complete; data goes both ways.
    Established,
    /// This end closed first; its FIN is not acknowledged. With the peer's FIN received, CLOSING.
    FinWait1,
    /// This end's FIN is acknowledged, the peer has not closed.
    FinWait2,
    /// The peer closed first, the process here has not.
    CloseWait,
    /// The peer closed first, this end's FIN is not acknowledged.
    LastAck,
    /// Both FINs are acknowledged. This end closed first, or both at once.
    TimeWait,
    /// The connection ended or was reset; segments no longer find it.
    Closed,
}

/// The process that uses a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpApp {
    /// A client like `curl`: sends one request, reads the whole answer, closes.
    Client {
        /// Bytes of the request, sent after `pause`.
        request: Rc<[u8]>,
        /// Time between the handshake and the request.
        pause: Duration,
        /// The caller's number of the request, given back with its outcome.
        tag: u32,
    },
    /// A server and what it still has to write.
    Server {
        /// The answer to one request, one `send` each.
        parts: Rc<[Rc<[u8]>]>,
        /// Parts written so far, of all requests.
        written: usize,
        /// Complete requests received so far.
        requests: usize,
    },
    /// A DNS server: each message has its length in front, 16 bits (RFC 1035 section 4.2.2).
    Dns {
        /// What it knows.
        zone: SharedZone,
        /// Bytes of the queries that were answered.
        answered: usize,
    },
}

/// One end of a TCP connection (`struct tcp_sock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// Address and port of this end.
    pub local: AddrPort,
    /// Address and port of the peer, as this end sees it.
    pub remote: AddrPort,
    /// Where the connection is between handshake and close.
    pub phase: TcpPhase,
    /// The sequence number of the next new byte to send.
    pub snd_nxt: u32,
    /// The oldest sequence number that is not acknowledged.
    pub snd_una: u32,
    /// The sequence number expected next.
    pub rcv_nxt: u32,
    /// Largest segment to send, in bytes of TCP data and options.
    pub mss: u16,
    /// The MSS option of this end's SYN, in bytes.
    pub announced_mss: u16,
    /// Segments not acknowledged yet, in order; from `snd_nxt` on they are queued and not sent.
    pub unacked: Vec<Rc<Tcp>>,
    /// Retransmissions of the first of them since the last acknowledgement.
    pub retries: u8,
    /// This host's device refused the first of them, so that it was never on a cable.
    pub refused: bool,
    /// Number of the retransmission timer that is armed; older ones are ignored.
    pub timer: u32,
    /// The peer's latest timestamp value (RFC 7323), echoed in every segment.
    pub ts_recent: u32,
    /// Data received in order so far.
    pub received: Vec<u8>,
    /// Segments received out of order, kept until the gap before them is filled.
    pub early: Vec<Rc<Tcp>>,
    /// Sequence numbers of a segment received twice, reported by the next acknowledgement (D-SACK,
    /// RFC 2883).
    pub twice: Option<(u32, u32)>,
    /// The peer's FIN was received.
    pub peer_closed: bool,
    /// An acknowledgement is due and waits for the process to write.
    pub ack_owed: bool,
    /// Hash of the flow (`skb->hash`), which gives a VXLAN datagram its source port.
    pub flow_hash: u64,
    /// Both ends use timestamps, window scaling and SACK.
    pub options: bool,
    /// IP options of its packets.
    pub ip: IpOptions,
    /// The process that reads and writes.
    pub app: TcpApp,
}

/// What a socket sets in the IP header of its packets (`IP_TTL`, `IP_MTU_DISCOVER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpOptions {
    /// Time to live, in hops: 1 to 255.
    pub ttl: u8,
    /// Whether packets may be fragmented.
    pub pmtudisc: Pmtudisc,
}

/// `net.ipv4.ip_default_ttl`, and path MTU discovery.
impl Default for IpOptions {
    fn default() -> Self {
        Self { ttl: 64, pmtudisc: Pmtudisc::Want }
    }
}

/// Path MTU discovery of a socket (`IP_MTU_DISCOVER`, `ping -M`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pmtudisc {
    /// Sets DF and fragments what exceeds the path MTU (`IP_PMTUDISC_WANT`).
    #[default]
    Want,
    /// Sets DF and refuses to send what exceeds the path MTU (`IP_PMTUDISC_DO`).
    Do,
    /// Leaves DF unset, so that routers may fragment (`IP_PMTUDISC_DONT`).
    Dont,
}

impl Pmtudisc {
    /// Its name as an argument of `ping -M`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Want => "want",
            Self::Do => "do",
            Self::Dont => "dont",
        }
    }

    /// The setting of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Want, Self::Do, Self::Dont].into_iter().find(|p| p.name() == name)
    }
}

/// A UDP client that sends datagrams one after the other and awaits an answer to each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSocket {
    /// Address and port of this end.
    pub local: AddrPort,
    /// Address and port of the server.
    pub remote: AddrPort,
    /// The caller's number of the request, given back with its outcome.
    pub tag: u32,
    /// An answer to the last datagram is awaited.
    pub waiting: bool,
    /// Payload of every datagram, without the UDP header.
    pub data: Rc<[u8]>,
    /// Datagrams still to send; each waits for the answer to the one before.
    pub left: u16,
    /// Datagrams carry a checksum (off with `SO_NO_CHECK`).
    pub checksum: bool,
    /// How long an answer is awaited.
    pub wait: Duration,
    /// IP options of its packets.
    pub ip: IpOptions,
}

/// A raw TCP socket that sends one segment without a connection and awaits any segment in reply, as
/// `hping3` does. TCP has no socket for it, so the host answers a SYN-ACK with RST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSocket {
    /// Source address and port of the segment.
    pub local: AddrPort,
    /// Destination address and port of the segment.
    pub remote: AddrPort,
    /// The caller's number of the request, given back with its outcome.
    pub tag: u32,
    /// An answer is awaited.
    pub waiting: bool,
}

/// The sockets of a stub resolver, which looks one name up. Each name that it tries is asked for
/// from a socket of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverSocket {
    /// Address of this end, and port of the first socket; the others have the ports behind it.
    pub local: AddrPort,
    /// The caller's number of the request, given back with its outcome.
    pub tag: u32,
    /// An answer is awaited.
    pub waiting: bool,
    /// The request is over once the name is found, as for `dig`; otherwise the caller goes on.
    pub ends: bool,
    /// What is looked up, and how far that is.
    pub lookup: Lookup,
}

/// A `ping`: echo requests at an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingSocket {
    /// Source address of the echo requests.
    pub local: IpAddr,
    /// Destination address of the echo requests.
    pub remote: IpAddr,
    /// Identifier of the echo requests, which tells one `ping` from another.
    pub id: u16,
    /// Echo requests still to send.
    pub left: u16,
    /// Sequence number of the last echo request.
    pub seq: u16,
    /// When the last echo request was sent; the round-trip time counts from here.
    pub sent_at: Instant,
    /// Payload size, in bytes (`-s`).
    pub size: u16,
    /// ttl of the echo requests (`-t`), in hops.
    pub ttl: u8,
    /// Whether echo requests may be fragmented (`-M`).
    pub pmtudisc: Pmtudisc,
    /// How long an answer to the last one is awaited (`-W`).
    pub wait: Duration,
    /// Time between two echo requests (`-i`).
    pub interval: Duration,
    /// The caller's number of the request, given back with its outcome.
    pub tag: u32,
    /// The last echo request is unanswered.
    pub waiting: bool,
    /// Sequence numbers of earlier ones that are unanswered; an ICMP error may still arrive.
    pub silent: Vec<u16>,
}

impl PingSocket {
    /// Whether an answer or an error for this sequence number would be news.
    pub fn hopes_for(&self, seq: u16) -> bool {
        self.waiting && self.seq == seq || self.silent.contains(&seq)
    }
}

/// An open socket of a client or a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// One end of a TCP connection.
    Tcp(TcpSocket),
    /// A UDP client, such as `dig`.
    Udp(UdpSocket),
    /// A raw ICMP socket of `ping`.
    Ping(PingSocket),
    /// A raw TCP socket.
    Raw(RawSocket),
    /// A stub resolver.
    Resolver(ResolverSocket),
}

/// How a client's request ended; a `ping` of several has one per echo request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer arrived in full.
    Answered {
        /// Bytes that the client read; for `ping`, ICMP header and data.
        bytes: u32,
        /// Source address of the answer, as the client sees it.
        from: IpAddr,
        /// ttl of the echo reply on arrival, in hops; `ping` only.
        ttl: Option<u8>,
        /// Sequence number of the echo request; 0 for other clients.
        seq: u16,
        /// Round-trip time, in nanoseconds; 0 for TCP.
        took_ns: u64,
    },
    /// A TCP segment answered the one of a raw socket. It is not a reset.
    Segment {
        /// Its control bits.
        flags: TcpFlags,
        /// Its source address, as the client sees it.
        from: IpAddr,
        /// Its ttl on arrival, in hops.
        ttl: u8,
    },
    /// The server closed the connection before its answer was complete.
    Closed,
    /// A TCP reset arrived, as the answer to the SYN or later.
    Reset,
    /// An ICMP error about the request arrived.
    Unreachable {
        /// The router or host that sent it.
        from: IpAddr,
        /// ICMP type: 3 (destination unreachable) or 11 (time exceeded).
        kind: u8,
        /// ICMP code, whose meaning depends on the type.
        code: u8,
        /// Sequence number of the echo request; 0 for other clients.
        seq: u16,
        /// ttl of the error on arrival, in hops.
        ttl: u8,
        /// The next hop's MTU, in bytes, from "fragmentation needed".
        mtu: Option<u16>,
    },
    /// No answer arrived within the client's time limit.
    TimedOut,
    /// The client was ended together with its namespace.
    Killed,
    /// The name of the destination was not found.
    Unresolved(Unresolved),
    /// The client's own host could not send: no route, an MTU, a rule.
    NotSent(crate::DropReason),
}

impl Outcome {
    /// Whether the client got data, or a segment other than RST.
    pub const fn is_answer(&self) -> bool {
        matches!(self, Self::Answered { .. } | Self::Segment { .. })
    }
}

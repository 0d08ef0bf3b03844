//! Sockets and the few applications that use them. TCP is a fixed model: handshake, data of known
//! sizes, an ACK for every segment of data, retransmission, reset, close. There is no congestion
//! control but for the one segment that is sent again after a loss, and no window.

use crate::time::{Duration, Instant};
use crate::wire::Tcp;
use std::net::IpAddr;
use std::rc::Rc;

/// The number of a socket within its network namespace.
pub type SocketId = u32;

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.addr, self.port)
    }
}

/// Something that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Protocol number: TCP or UDP.
    pub proto: u8,
    /// The address it is bound to; none for all.
    pub addr: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// What it does with a request.
    pub app: ServerApp,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerApp {
    /// HTTP: after a request's empty line, each of these is written in a segment of its own.
    Http(Rc<[Rc<[u8]>]>),
    /// UDP: sends back what came.
    Echo,
}

/// A TCP connection's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpPhase {
    /// SYN sent.
    SynSent,
    /// SYN received, SYN-ACK sent.
    SynRecv,
    /// Open.
    Established,
    /// FIN sent.
    FinWait1,
    /// FIN sent and acknowledged.
    FinWait2,
    /// FIN received.
    CloseWait,
    /// FIN received, then sent.
    LastAck,
    /// Both FINs sent and received.
    TimeWait,
    /// Over.
    Closed,
}

/// Who uses a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpApp {
    /// `curl`: one request, the whole answer, close.
    Client {
        /// The request.
        request: Rc<[u8]>,
        /// How long it waits between the handshake and the request.
        pause: Duration,
        /// The number of the request, for whoever asked.
        tag: u32,
    },
    /// A server with the parts it still has to write.
    Server {
        /// What it answers with.
        parts: Rc<[Rc<[u8]>]>,
        /// How many it has written.
        written: usize,
        /// How many requests have come in whole.
        requests: usize,
    },
}

/// A TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// This end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// Its state.
    pub phase: TcpPhase,
    /// The next sequence number to send.
    pub snd_nxt: u32,
    /// The oldest not yet acknowledged.
    pub snd_una: u32,
    /// The next expected.
    pub rcv_nxt: u32,
    /// The largest segment to send, in bytes.
    pub mss: u16,
    /// The largest segment announced to the other end.
    pub announced_mss: u16,
    /// What is not acknowledged yet, in order; from `snd_nxt` on it is queued and not sent yet.
    pub unacked: Vec<Rc<Tcp>>,
    /// Retransmissions of the first of them since the last acknowledgement.
    pub retries: u8,
    /// The own device refused the first of them, which was never on a cable.
    pub refused: bool,
    /// Grows with every change of the timer, so that an old one is ignored.
    pub timer: u32,
    /// The other end's last timestamp.
    pub ts_recent: u32,
    /// Data received so far.
    pub received: Vec<u8>,
    /// Segments that came before others that go in front of them (`out_of_order_queue`).
    pub early: Vec<Rc<Tcp>>,
    /// The sequence numbers of a segment that came twice, for the next acknowledgement (D-SACK).
    pub twice: Option<(u32, u32)>,
    /// The other end will send no more.
    pub peer_closed: bool,
    /// An acknowledgement is owed.
    pub ack_owed: bool,
    /// Hash of the flow, for the source port of a VXLAN shell.
    pub flow_hash: u64,
    /// Whether both ends know the options of today: timestamps, window scale.
    pub options: bool,
    /// Who uses it.
    pub app: TcpApp,
}

/// Whether a socket's packets may be cut into fragments (`IP_MTU_DISCOVER`, `ping -M`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pmtudisc {
    /// DF on what fits the path; larger packets are cut here.
    #[default]
    Want,
    /// DF always; larger packets are not sent.
    Do,
    /// Never DF.
    Dont,
}

/// A UDP client: datagrams, one after the other, and an answer to each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpSocket {
    /// This end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// The number of the request, for whoever asked.
    pub tag: u32,
    /// Whether it still waits.
    pub waiting: bool,
    /// What it asks.
    pub data: Rc<[u8]>,
    /// How many are still to be sent after the one under way.
    pub left: u16,
    /// Whether its datagrams carry a checksum.
    pub checksum: bool,
    /// How long an answer is waited for.
    pub wait: Duration,
}

/// A `ping`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingSocket {
    /// This end's address.
    pub local: IpAddr,
    /// Who is asked.
    pub remote: IpAddr,
    /// The identifier.
    pub id: u16,
    /// How many are still to be sent after the one under way.
    pub left: u16,
    /// The number of the one under way.
    pub seq: u16,
    /// When it was sent.
    pub sent_at: Instant,
    /// Bytes of data.
    pub size: u16,
    /// ttl to send with.
    pub ttl: u8,
    /// Whether it may be cut into fragments.
    pub pmtudisc: Pmtudisc,
    /// How long the last one is waited for.
    pub wait: Duration,
    /// The time between two.
    pub interval: Duration,
    /// The number of the request, for whoever asked.
    pub tag: u32,
    /// Whether the one under way is still unanswered.
    pub waiting: bool,
    /// Earlier ones that nothing was heard of; an error may still come.
    pub silent: Vec<u16>,
}

impl PingSocket {
    /// Whether news of that one is still waited for.
    pub fn hopes_for(&self, seq: u16) -> bool {
        self.waiting && self.seq == seq || self.silent.contains(&seq)
    }
}

/// A socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// A TCP connection.
    Tcp(TcpSocket),
    /// A UDP client.
    Udp(UdpSocket),
    /// A `ping`.
    Ping(PingSocket),
}

/// How a client's request ended, or one answer of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer of so many bytes.
    Answered {
        /// Bytes received.
        bytes: u32,
        /// Who the client saw answering.
        from: IpAddr,
        /// The answer's ttl, of a `ping`.
        ttl: Option<u8>,
        /// Which one, of a `ping`.
        seq: u16,
        /// How long it took, in nanoseconds.
        took_ns: u64,
    },
    /// A reset.
    Refused,
    /// An ICMP error from this address.
    Unreachable {
        /// Who sent the error.
        from: IpAddr,
        /// ICMP type.
        kind: u8,
        /// ICMP code.
        code: u8,
        /// Which one, of a `ping`.
        seq: u16,
        /// The error's ttl as it arrived.
        ttl: u8,
        /// How large a packet may be, if that was the trouble, in bytes.
        mtu: Option<u16>,
    },
    /// Nobody answered.
    TimedOut,
    /// Its process was ended before.
    Killed,
    /// No route, an MTU in the way, or a rule that drops it: not even sent.
    NotSent(crate::DropReason),
}

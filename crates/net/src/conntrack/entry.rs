//! An entry of the connection tracking table (`struct nf_conn`).

use super::{TcpState, Tuple};
use crate::time::Instant;

/// The number of a connection, unique in its world, in order of creation.
pub type CtId = u32;

/// The direction of a packet within its connection (`enum ip_conntrack_dir`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CtDirection {
    /// That of the first packet.
    Original,
    /// The direction of the connection's first packet (`IP_CT_DIR_ORIGINAL`).
    Reply,
}

/// A packet's relation to its connection (`enum ip_conntrack_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtInfo {
    /// Original direction, and no answer was seen yet.
    New,
    /// Original direction, and an answer was seen.
    Established,
    /// Reply direction (`IP_CT_ESTABLISHED_REPLY`): an answer, which `--ctstate` names ESTABLISHED.
    EstablishedReply,
    /// An ICMP error about a packet in original direction.
    Related,
    /// An ICMP error about a packet in reply direction.
    RelatedReply,
}

impl CtInfo {
    /// The direction within the connection.
    pub const fn direction(self) -> CtDirection {
        match self {
            Self::New | Self::Established | Self::Related => CtDirection::Original,
            Self::EstablishedReply | Self::RelatedReply => CtDirection::Reply,
        }
    }

    /// The state as `--ctstate` names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Established | Self::EstablishedReply => "ESTABLISHED",
            Self::Related | Self::RelatedReply => "RELATED",
        }
    }
}

/// The status bits of a connection (`IPS_*`, `nf_conntrack_common.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Its first packet passed the last hook, and it is in the table.
    pub confirmed: bool,
    /// A packet in reply direction was seen; otherwise `conntrack` prints UNREPLIED.
    pub seen_reply: bool,
    /// Not evicted early when the table is full; `conntrack` prints ASSURED.
    pub assured: bool,
    /// The source of the original direction is translated (`IPS_SRC_NAT`): SNAT or MASQUERADE.
    pub src_nat: bool,
    /// The destination of the original direction is translated (`IPS_DST_NAT`): DNAT.
    pub dst_nat: bool,
    /// Source translation is decided, maybe as none.
    pub src_nat_done: bool,
    /// Destination translation is decided, maybe as none.
    pub dst_nat_done: bool,
}

/// What is tracked of a TCP connection (`struct ip_ct_tcp`); arrays are indexed by [`CtDirection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpTrack {
    /// State after the last packet that was accepted; it selects the timeout.
    pub state: TcpState,
    /// The sequence number behind what each side has sent (`td_end`); `None` if it sent nothing.
    pub end: [Option<u32>; 2],
    /// Each side has sent data that is not acknowledged yet, which shortens the timeout.
    pub unacknowledged: [bool; 2],
    /// The sequence number behind a SYN that was ignored; an answer to it makes it count.
    pub ignored_syn: Option<u32>,
}

impl TcpTrack {
    /// A connection before its first packet is evaluated.
    pub const NEW: Self = Self {
        state: TcpState::None,
        end: [None; 2],
        unacknowledged: [false; 2],
        ignored_syn: None,
    };
}

/// What is tracked besides the tuples, by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// TCP, with its state machine (`nf_conntrack_proto_tcp.c`).
    Tcp(TcpTrack),
    /// UDP (`nf_conntrack_proto_udp.c`).
    Udp {
        /// When the connection becomes a stream with the longer timeout: two seconds after its
        /// first packet, if it was answered.
        stream_since: Option<Instant>,
    },
    /// ICMP echo (`nf_conntrack_proto_icmp.c`). Errors belong to the connection that they quote.
    Icmp,
    /// Any other protocol: addresses alone identify it (`nf_conntrack_proto_generic.c`).
    Other,
}

/// A tracked connection (`struct nf_conn`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The tuple of packets in original direction.
    pub original: Tuple,
    /// The tuple of packets in reply direction; not the inverse of `original` if NAT is at work.
    pub reply: Tuple,
    /// What has happened to it so far, as bits (`nf_conn.status`).
    pub status: Status,
    /// State that depends on the protocol (`nf_conn.proto`).
    pub proto: Proto,
    /// Virtual time at which its first packet arrived.
    pub since: Instant,
    /// When it is deleted unless another packet arrives.
    pub expires: Instant,
}

impl Connection {
    /// Whether it is in the table.
    pub const fn confirmed(&self) -> bool {
        self.status.confirmed
    }

    /// The tuple of packets in this direction.
    pub const fn tuple(&self, dir: CtDirection) -> &Tuple {
        match dir {
            CtDirection::Original => &self.original,
            CtDirection::Reply => &self.reply,
        }
    }

    /// Its TCP state, if it is a TCP connection.
    pub const fn tcp_state(&self) -> Option<TcpState> {
        match self.proto {
            Proto::Tcp(t) => Some(t.state),
            _ => None,
        }
    }
}

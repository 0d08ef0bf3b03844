//! One tracked connection.

use super::{TcpState, Tuple};
use crate::time::Instant;

/// The number of a connection within its network namespace, in order of creation.
pub type CtId = u32;

/// Which way a packet goes within its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// As the first packet went.
    Original,
    /// As the answers go.
    Reply,
}

/// What a packet is to its connection (`enum ip_conntrack_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CtInfo {
    /// No answer seen yet, original direction.
    New,
    /// Answered, original direction.
    Established,
    /// An answer.
    EstablishedReply,
    /// An error about the connection, towards its originator or away from it.
    Related,
    /// An error about the connection, in reply direction.
    RelatedReply,
}

impl CtInfo {
    /// The direction within the connection.
    pub const fn direction(self) -> Direction {
        match self {
            Self::New | Self::Established | Self::Related => Direction::Original,
            Self::EstablishedReply | Self::RelatedReply => Direction::Reply,
        }
    }

    /// The state's name, as a rule asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Established | Self::EstablishedReply => "ESTABLISHED",
            Self::Related | Self::RelatedReply => "RELATED",
        }
    }
}

/// What is known of a connection (`IPS_*` of `nf_conntrack_common.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Entered into the table: its first packet got through.
    pub confirmed: bool,
    /// An answer was seen.
    pub seen_reply: bool,
    /// It will not be thrown out early.
    pub assured: bool,
    /// Its source is translated.
    pub src_nat: bool,
    /// Its destination is translated.
    pub dst_nat: bool,
    /// The source decision is made, whatever it was.
    pub src_nat_done: bool,
    /// The destination decision is made, whatever it was.
    pub dst_nat_done: bool,
}

/// What is known of a TCP connection (`struct ip_ct_tcp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpTrack {
    /// Its state.
    pub state: TcpState,
    /// The end of what each direction sent, as a sequence number.
    pub end: [Option<u32>; 2],
    /// Whether something each direction sent is not acknowledged yet.
    pub unacknowledged: [bool; 2],
    /// The end of a SYN that was ignored: it may have been meant after all.
    pub ignored_syn: Option<u32>,
}

impl TcpTrack {
    /// Nothing seen.
    pub const NEW: Self = Self {
        state: TcpState::None,
        end: [None; 2],
        unacknowledged: [false; 2],
        ignored_syn: None,
    };
}

/// The protocol's own part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// TCP.
    Tcp(TcpTrack),
    /// UDP.
    Udp {
        /// From when on it counts as a stream: two seconds after its first packet, once answered.
        stream_since: Option<Instant>,
    },
    /// ICMP echo.
    Icmp,
    /// Everything else.
    Other,
}

/// A tracked connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// What its first packet looked like.
    pub original: Tuple,
    /// What an answer looks like.
    pub reply: Tuple,
    /// What is known of it.
    pub status: Status,
    /// The protocol's own part.
    pub proto: Proto,
    /// When it was made.
    pub since: Instant,
    /// When it will be forgotten.
    pub expires: Instant,
}

impl Connection {
    /// Whether it is in the table.
    pub const fn confirmed(&self) -> bool {
        self.status.confirmed
    }

    /// The tuple of one direction.
    pub const fn tuple(&self, dir: Direction) -> &Tuple {
        match dir {
            Direction::Original => &self.original,
            Direction::Reply => &self.reply,
        }
    }

    /// The TCP state, of a TCP connection.
    pub const fn tcp_state(&self) -> Option<TcpState> {
        match self.proto {
            Proto::Tcp(t) => Some(t.state),
            _ => None,
        }
    }
}

//! The neighbour table: the MAC of each address on a link, and how far it can be relied on
//! (`net/core/neighbour.c`; the states are those of RFC 4861 section 7.3.2, used for ARP too).

use crate::id::PacketId;
use crate::wire::Mac;

/// The state of an entry, as `ip neigh` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NudState {
    /// ARP was asked and has not answered; packets are queued.
    Incomplete,
    /// Confirmed within the last `base_reachable_time_ms`.
    Reachable,
    /// Known but not confirmed lately; used, and verified after `delay_first_probe_time`.
    Stale,
    /// Used while STALE; verified when the delay ends.
    Delay,
    /// Being verified by unicast requests.
    Probe,
    /// [`MAX_PROBES`] requests were not answered, and packets that waited were dropped.
    Failed,
    /// Static: set by the administrator or by flanneld, never verified or expired.
    Permanent,
}

impl NudState {
    /// The name that `ip neigh` prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::Permanent => "PERMANENT",
        }
    }

    /// Whether the MAC is used without verification (`NUD_CONNECTED`).
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Reachable | Self::Permanent)
    }

    /// Whether the MAC may be used (`NUD_VALID`).
    pub const fn is_valid(self) -> bool {
        !matches!(self, Self::Incomplete | Self::Failed)
    }
}

/// An entry of the neighbour table (`struct neighbour`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The MAC, once an answer has given it.
    pub lladdr: Option<Mac>,
    /// How far the MAC can be relied on.
    pub state: NudState,
    /// A hardware header is cached (`hh_cache`), so that the next packet skips the output function.
    pub cached: bool,
    /// Requests sent since the last answer.
    pub probes: u8,
    /// Packets that wait for the MAC, oldest first.
    pub queue: Vec<PacketId>,
}

impl Neighbour {
    /// An entry with this MAC through which nothing was sent yet.
    pub fn known(lladdr: Mac, state: NudState) -> Self {
        Self { lladdr: Some(lladdr), state, cached: false, probes: 0, queue: Vec::new() }
    }
}

/// Requests before an entry is FAILED (`mcast_solicit`, `ucast_solicit`).
pub const MAX_PROBES: u8 = 3;
/// Packets that may wait for one neighbour. (The kernel limits bytes, `unres_qlen_bytes`, at about
/// that many.)
pub const QUEUE_LEN: usize = 101;

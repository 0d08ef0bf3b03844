//! The neighbour table: which MAC an address has, and how sure that is
//! (`net/core/neighbour.c`; RFC 4861's states, for ARP).

use crate::id::PacketId;
use crate::wire::Mac;

/// How sure the node is, in the words of `ip neigh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NudState {
    /// RuleContext; packets wait.
    Incomplete,
    /// Confirmed lately.
    Reachable,
    /// Known, but not confirmed lately.
    Stale,
    /// Used while stale; asking soon.
    Delay,
    /// RuleContext the known MAC.
    Probe,
    /// Nobody answered.
    Failed,
    /// Written by hand or by flanneld; never asked, never forgotten.
    Permanent,
}

impl NudState {
    /// The name as `ip neigh` prints it.
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

    /// `NUD_CONNECTED`: used without any doubt.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Reachable | Self::Permanent)
    }

    /// `NUD_VALID`: the MAC may be used.
    pub const fn is_valid(self) -> bool {
        !matches!(self, Self::Incomplete | Self::Failed)
    }
}

/// One neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its MAC, once known.
    pub lladdr: Option<Mac>,
    /// How sure that is.
    pub state: NudState,
    /// Whether a header for it is cached (`hh_cache`): it was sent to through its output function.
    pub cached: bool,
    /// How often it was asked for in vain.
    pub probes: u8,
    /// Packets that wait for its MAC.
    pub queue: Vec<PacketId>,
}

impl Neighbour {
    /// A neighbour with this MAC that nothing was sent to yet.
    pub fn known(lladdr: Mac, state: NudState) -> Self {
        Self { lladdr: Some(lladdr), state, cached: false, probes: 0, queue: Vec::new() }
    }
}

/// How often ARP is asked before giving up (`mcast_solicit`, `ucast_solicit`).
pub const MAX_PROBES: u8 = 3;
/// How many packets may wait for one neighbour: `unres_qlen_bytes` is far more than a run sends.
pub const QUEUE_LEN: usize = 101;

//! Connection tracking and address translation (`net/netfilter/nf_conntrack_core.c`,
//! `nf_nat_core.c`).
//!
//! A connection has two [`Tuple`]s: that of its first packet, and that of an answer. It is
//! translated if the second is not the inverse of the first. A packet is looked up by its tuple,
//! and rewritten where the inverse of the other direction's tuple differs from its own.
//!
//! Left out: helpers and expectations, zones, labels, SCTP states, early drop.

mod entry;
mod tcp;
mod tuple;

pub use entry::{Connection, CtDirection, CtId, CtInfo, Proto, Status, TcpTrack};
pub use tcp::{TcpState, Transition, next_state};
pub use tuple::{L4, Tuple};

use crate::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The connection tracking table of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    entries: BTreeMap<CtId, Rc<Connection>>,
    tuples: BTreeMap<Tuple, (CtId, CtDirection)>,
}

impl Conntrack {
    /// The connection with this number.
    pub fn get(&self, id: CtId) -> Option<&Rc<Connection>> {
        self.entries.get(&id)
    }

    /// The confirmed connection that has this tuple, and in which direction.
    pub fn find(&self, tuple: &Tuple) -> Option<(CtId, CtDirection)> {
        self.tuples.get(tuple).copied()
    }

    /// Every connection by number, confirmed or not.
    pub fn iter(&self) -> impl Iterator<Item = (CtId, &Rc<Connection>)> {
        self.entries.iter().map(|(id, c)| (*id, c))
    }

    /// Adds, replaces or (`None`) deletes a connection. Only a confirmed one is found by its
    /// tuples.
    pub(crate) fn set(&mut self, id: CtId, to: Option<Rc<Connection>>) {
        if let Some(old) = self.entries.remove(&id)
            && old.confirmed()
        {
            for tuple in [&old.original, &old.reply] {
                if self.tuples.get(tuple).is_some_and(|(i, _)| *i == id) {
                    self.tuples.remove(tuple);
                }
            }
        }
        if let Some(new) = to {
            if new.confirmed() {
                self.tuples.insert(new.original, (id, CtDirection::Original));
                self.tuples.insert(new.reply, (id, CtDirection::Reply));
            }
            self.entries.insert(id, new);
        }
    }
}

/// How long a connection is kept after its last packet: the sysctls
/// `net.netfilter.nf_conntrack_*_timeout*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP by state, indexed by [`TcpState`] (`nf_conntrack_tcp_timeout_*`).
    pub tcp: [Duration; TcpState::ALL.len()],
    /// UDP that is unanswered or younger than two seconds (`nf_conntrack_udp_timeout`).
    pub udp: Duration,
    /// UDP once answered and two seconds old.
    pub udp_stream: Duration,
    /// ICMP echo since its last request or reply (`nf_conntrack_icmp_timeout`).
    pub icmp: Duration,
    /// Every other protocol (`nf_conntrack_generic_timeout`).
    pub generic: Duration,
}

impl Default for Timeouts {
    /// The values of a kernel without sysctl settings: 5 days for an established TCP connection.
    fn default() -> Self {
        Self {
            tcp: TcpState::ALL.map(|s| Duration::secs(s.default_timeout_secs())),
            udp: Duration::secs(30),
            udp_stream: Duration::secs(120),
            icmp: Duration::secs(30),
            generic: Duration::secs(600),
        }
    }
}

impl Timeouts {
    /// The timeout for a protocol in its present state.
    pub fn of(&self, proto: &Proto) -> Duration {
        match proto {
            Proto::Tcp(t) => self.tcp[t.state as usize],
            Proto::Udp { .. } => self.udp,
            Proto::Icmp => self.icmp,
            Proto::Other => self.generic,
        }
    }
}

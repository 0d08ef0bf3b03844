//! Connection tracking and address translation (`net/netfilter/nf_conntrack_core.c`,
//! `nf_nat_core.c`).
//!
//! A connection is two [`Tuple`]s: what its first packet looked like, and what an answer will look
//! like. Translation is nothing but a reply tuple that is not the plain inverse of the original.
//! A packet is found by its tuple, and where the two sides disagree it is rewritten.
//!
//! Left out: helpers and expectations, zones, labels, SCTP states, early drop.

mod entry;
mod tcp;
mod tuple;

pub use entry::{Connection, CtId, CtInfo, Direction, Proto, Status, TcpTrack};
pub use tcp::{TcpState, Transition, next_state};
pub use tuple::{L4, Tuple};

use crate::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The connection table of one network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    entries: BTreeMap<CtId, Rc<Connection>>,
    tuples: BTreeMap<Tuple, (CtId, Direction)>,
}

impl Conntrack {
    /// The connection of that number.
    pub fn get(&self, id: CtId) -> Option<&Rc<Connection>> {
        self.entries.get(&id)
    }

    /// The confirmed connection a packet with this tuple belongs to.
    pub fn find(&self, tuple: &Tuple) -> Option<(CtId, Direction)> {
        self.tuples.get(tuple).copied()
    }

    /// Every connection, confirmed or not, by number.
    pub fn iter(&self) -> impl Iterator<Item = (CtId, &Rc<Connection>)> {
        self.entries.iter().map(|(id, c)| (*id, c))
    }

    /// Puts a connection in, replaces or removes it. Only confirmed ones are found by tuple.
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
                self.tuples.insert(new.original, (id, Direction::Original));
                self.tuples.insert(new.reply, (id, Direction::Reply));
            }
            self.entries.insert(id, new);
        }
    }
}

/// How long a connection lives after its last packet; the sysctls
/// `net.netfilter.nf_conntrack_*_timeout*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP by state.
    pub tcp: [Duration; TcpState::ALL.len()],
    /// UDP before and after an answer.
    pub udp: Duration,
    /// UDP that was answered and went on for two seconds.
    pub udp_stream: Duration,
    /// ICMP echo.
    pub icmp: Duration,
    /// Everything else.
    pub generic: Duration,
}

impl Default for Timeouts {
    /// The kernel's own values.
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
    /// The timeout of a connection of this protocol, in its state.
    pub fn of(&self, proto: &Proto) -> Duration {
        match proto {
            Proto::Tcp(t) => self.tcp[t.state as usize],
            Proto::Udp { .. } => self.udp,
            Proto::Icmp => self.icmp,
            Proto::Other => self.generic,
        }
    }
}

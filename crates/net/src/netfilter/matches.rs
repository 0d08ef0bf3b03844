//! The conditions of a rule, and what of a packet they look at.

use crate::wire::TcpFlags;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

pub(super) const PROTOCOLS: [(u8, &str); 6] =
    [(1, "icmp"), (6, "tcp"), (17, "udp"), (50, "esp"), (132, "sctp"), (2, "igmp")];

/// The name of a protocol number.
pub(super) fn proto_name(n: u8) -> Option<&'static str> {
    PROTOCOLS.into_iter().find(|(p, _)| *p == n).map(|(_, name)| name)
}

/// The name of a protocol, or its number.
pub(super) fn proto_text(n: u8) -> String {
    proto_name(n).map_or_else(|| n.to_string(), str::to_owned)
}

/// A probability in parts of 2^31, as `statistic` keeps it, as a decimal fraction.
pub fn fraction(parts: u32, digits: usize) -> String {
    format!("{:.digits$}", f64::from(parts) / f64::from(1_u32 << 31))
}

/// A condition that may be turned round with `!`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negatable<T> {
    /// Whether `!` stands before it.
    pub negated: bool,
    /// The condition.
    pub value: T,
}

impl<T> Negatable<T> {
    /// The condition as it is.
    pub const fn plain(value: T) -> Self {
        Self { negated: false, value }
    }
    /// The condition turned round.
    pub const fn not(value: T) -> Self {
        Self { negated: true, value }
    }
    pub(super) fn holds(&self, test: impl FnOnce(&T) -> bool) -> bool {
        test(&self.value) != self.negated
    }
}

/// An interface name; `veth+` stands for every name that begins with `veth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfName(pub Rc<str>);

impl IfName {
    /// Whether `name` is meant. An absent interface is the empty name.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('+') {
            Some(prefix) => name.starts_with(prefix),
            None => &*self.0 == name,
        }
    }
}

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl PortRange {
    /// Just one.
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }
    /// Whether `port` is among them.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}:{}", self.first, self.last)
        }
    }
}

/// What an address is to a node (`addrtype`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddrType {
    /// One of its own.
    Local,
    /// Everybody on a segment.
    Broadcast,
    /// A group.
    Multicast,
    /// Any other.
    Unicast,
}

impl AddrType {
    /// The name as `--dst-type` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Broadcast => "BROADCAST",
            Self::Multicast => "MULTICAST",
            Self::Unicast => "UNICAST",
        }
    }
}

/// A set of connection states, as `--ctstate` takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtStates(pub u8);

impl CtStates {
    /// Belongs to no connection.
    pub const INVALID: Self = Self(1);
    /// No answer seen yet.
    pub const NEW: Self = Self(2);
    /// An error about a connection.
    pub const RELATED: Self = Self(4);
    /// Answered.
    pub const ESTABLISHED: Self = Self(8);
    /// Not tracked.
    pub const UNTRACKED: Self = Self(16);
    /// Its source is translated.
    pub const SNAT: Self = Self(32);
    /// Its destination is translated.
    pub const DNAT: Self = Self(64);

    /// The names, in the order the tools print them.
    pub const NAMES: [(Self, &'static str); 7] = [
        (Self::INVALID, "INVALID"),
        (Self::NEW, "NEW"),
        (Self::RELATED, "RELATED"),
        (Self::ESTABLISHED, "ESTABLISHED"),
        (Self::UNTRACKED, "UNTRACKED"),
        (Self::SNAT, "SNAT"),
        (Self::DNAT, "DNAT"),
    ];

    /// Both sets.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether they share a state.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Comma-joined names.
impl fmt::Display for CtStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            Self::NAMES.into_iter().filter(|(s, _)| self.meets(*s)).map(|(_, n)| n).collect();
        f.write_str(&names.join(","))
    }
}

/// What the conditions of a rule look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Protocol number.
    pub proto: u8,
    /// Source and destination port.
    pub ports: Option<(u16, u16)>,
    /// TCP control bits.
    pub tcp_flags: Option<TcpFlags>,
    /// The device it came in by; empty if it was made here.
    pub in_dev: &'a str,
    /// The device it will leave by; empty where that is not known.
    pub out_dev: &'a str,
    /// The bridge port it came in by; empty if none.
    pub physin: &'a str,
    /// The bridge port it will leave by; empty if none.
    pub physout: &'a str,
    /// The packet's mark.
    pub mark: u32,
    /// Its connection state.
    pub ctstate: CtStates,
    /// What an address is to this node.
    pub addr_type: &'a dyn Fn(IpAddr) -> AddrType,
}

/// What `recent` does with the packet's source and a list of addresses
/// (`net/netfilter/xt_recent.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecentOp {
    /// `--set`: enters it, now. Always true.
    Set,
    /// `--rcheck`: true if it was entered within so many seconds, or ever.
    Check {
        /// `--seconds`.
        seconds: Option<u32>,
        /// `--reap`: the oldest entry goes if it is older.
        reap: bool,
    },
}

/// Conditions that look past the packet: at chance, and at what was seen before.
pub trait MatchContext {
    /// Whether a draw falls among the first `probability` of 2^31.
    fn draw(&mut self, probability: u32) -> bool;
    /// Whether `source` is in the list of that name; [`RecentOp::Set`] enters it.
    fn recent(&mut self, list: &Rc<str>, op: RecentOp, source: IpAddr) -> bool;
}

/// The ports `multiport` looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `--sports`.
    Source,
    /// `--dports`.
    Destination,
    /// `--ports`: one of both.
    Either,
}

impl Side {
    /// The option's longer name.
    pub(super) const fn long(self) -> &'static str {
        match self {
            Self::Source => "--source-ports",
            Self::Destination => "--destination-ports",
            Self::Either => "--port",
        }
    }

    /// The option and how `-L` names it.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Source => ("--sports", "sports"),
            Self::Destination => ("--dports", "dports"),
            Self::Either => ("--ports", "ports"),
        }
    }
}

/// A condition behind `-m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `comment`: always true.
    Comment(Rc<str>),
    /// `tcp` and `udp` (and `sctp`): ports.
    Ports {
        /// The protocol the module is for.
        proto: u8,
        /// Source ports.
        sport: Option<Negatable<PortRange>>,
        /// Destination ports.
        dport: Option<Negatable<PortRange>>,
    },
    /// `addrtype`.
    AddrType {
        /// What the source must be.
        src: Option<Negatable<AddrType>>,
        /// What the destination must be.
        dst: Option<Negatable<AddrType>>,
    },
    /// `conntrack --ctstate`.
    CtState(Negatable<CtStates>),
    /// `mark`: `packet & mask == value`.
    Mark(Negatable<(u32, u32)>),
    /// `statistic --mode random`: true for `probability` of 2^31 draws.
    Random {
        /// Of 2^31.
        probability: u32,
    },
    /// `physdev --physdev-is-in`: came in by a bridge port.
    PhysdevIsIn(Negatable<()>),
    /// `recent`: the source, and a list of sources that came before.
    Recent {
        /// `--name`.
        list: Rc<str>,
        /// What is done.
        op: RecentOp,
    },
    /// `multiport`: up to fifteen ports.
    Multiport {
        /// Whose.
        side: Side,
        /// One of these, or none of them.
        ports: Negatable<Vec<PortRange>>,
    },
    /// `nfacct`: counts into an object of that name. Always true.
    Nfacct(Rc<str>),
    /// A condition this simulator does not know. It stops the packet.
    Unsupported(Rc<str>),
}

impl Match {
    /// The module's name behind `-m`.
    pub fn module(&self) -> &str {
        match self {
            Self::Comment(_) => "comment",
            Self::Ports { proto, .. } => proto_name(*proto).unwrap_or("tcp"),
            Self::AddrType { .. } => "addrtype",
            Self::CtState(_) => "conntrack",
            Self::Mark(_) => "mark",
            Self::Random { .. } => "statistic",
            Self::PhysdevIsIn(_) => "physdev",
            Self::Recent { .. } => "recent",
            Self::Multiport { .. } => "multiport",
            Self::Nfacct(_) => "nfacct",
            Self::Unsupported(text) => text.split_whitespace().nth(1).unwrap_or("?"),
        }
    }

    /// Whether the packet meets the condition.
    pub(super) fn holds(&self, v: &View<'_>, ask: &mut dyn MatchContext) -> bool {
        match self {
            Self::Comment(_) | Self::Unsupported(_) | Self::Nfacct(_) => true,
            Self::Ports { proto, sport, dport } => {
                v.proto == *proto
                    && v.ports.is_some_and(|(s, d)| {
                        sport.as_ref().is_none_or(|r| r.holds(|r| r.contains(s)))
                            && dport.as_ref().is_none_or(|r| r.holds(|r| r.contains(d)))
                    })
            }
            Self::AddrType { src, dst } => {
                src.as_ref().is_none_or(|t| t.holds(|t| (v.addr_type)(v.src) == *t))
                    && dst.as_ref().is_none_or(|t| t.holds(|t| (v.addr_type)(v.dst) == *t))
            }
            Self::CtState(want) => want.holds(|s| s.meets(v.ctstate)),
            Self::Mark(want) => want.holds(|(value, mask)| v.mark & mask == *value),
            Self::Random { probability } => ask.draw(*probability),
            Self::PhysdevIsIn(want) => want.holds(|()| !v.physin.is_empty()),
            Self::Recent { list, op } => ask.recent(list, *op, v.src),
            Self::Multiport { side, ports } => v.ports.is_some_and(|(s, d)| {
                ports.holds(|all| {
                    let any = |port| all.iter().any(|r| r.contains(port));
                    match side {
                        Side::Source => any(s),
                        Side::Destination => any(d),
                        Side::Either => any(s) || any(d),
                    }
                })
            }),
        }
    }
}

/// Whether an address lies in a network of its own family.
pub(super) fn in_net(net: &IpNet, addr: IpAddr) -> bool {
    net.contains(&addr)
}

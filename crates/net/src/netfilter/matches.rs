//! The conditions of a rule, and the part of a packet they look at.

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

/// A condition that `!` may negate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negatable<T> {
    /// It is preceded by `!`.
    pub negated: bool,
    /// The condition as it is behind `!`.
    pub value: T,
}

impl<T> Negatable<T> {
    /// A condition that must hold.
    pub const fn plain(value: T) -> Self {
        Self { negated: false, value }
    }
    /// A condition that must not hold.
    pub const fn not(value: T) -> Self {
        Self { negated: true, value }
    }
    pub(super) fn holds(&self, test: impl FnOnce(&T) -> bool) -> bool {
        test(&self.value) != self.negated
    }
}

/// An interface name, or a prefix followed by `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfName(pub Rc<str>);

impl IfName {
    /// Whether it stands for `name`; an absent interface has the empty name.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('+') {
            Some(prefix) => name.starts_with(prefix),
            None => &*self.0 == name,
        }
    }
}

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port in the range.
    pub first: u16,
    /// The highest port in the range; equal to `first` for a single port.
    pub last: u16,
}

impl PortRange {
    /// The range of a single port.
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }
    /// Whether `port` is in the range.
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

/// The type of an address, as a host sees it (`addrtype`, `RTN_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddrType {
    /// An address of the host itself, or of 127.0.0.0/8 (`RTN_LOCAL`).
    Local,
    /// A broadcast address of one of its networks.
    Broadcast,
    /// In 224.0.0.0/4 (`RTN_MULTICAST`).
    Multicast,
    /// Any other address, with or without a route (`RTN_UNICAST`).
    Unicast,
}

impl AddrType {
    /// The name that `--src-type` and `--dst-type` take.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Broadcast => "BROADCAST",
            Self::Multicast => "MULTICAST",
            Self::Unicast => "UNICAST",
        }
    }
}

/// A set of connection states (`--ctstate`), one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CtStates(pub u8);

impl CtStates {
    /// conntrack cannot place the packet in any connection.
    pub const INVALID: Self = Self(1);
    /// Original direction, no answer seen.
    pub const NEW: Self = Self(2);
    /// An ICMP error about a connection.
    pub const RELATED: Self = Self(4);
    /// The connection has seen packets in both directions.
    pub const ESTABLISHED: Self = Self(8);
    /// Excluded from tracking by a rule of the raw table (`-j NOTRACK`).
    pub const UNTRACKED: Self = Self(16);
    /// The connection's source is translated.
    pub const SNAT: Self = Self(32);
    /// The connection's destination is translated.
    pub const DNAT: Self = Self(64);

    /// Each state with its name, in the order the tools print them.
    pub const NAMES: [(Self, &'static str); 7] = [
        (Self::INVALID, "INVALID"),
        (Self::NEW, "NEW"),
        (Self::RELATED, "RELATED"),
        (Self::ESTABLISHED, "ESTABLISHED"),
        (Self::UNTRACKED, "UNTRACKED"),
        (Self::SNAT, "SNAT"),
        (Self::DNAT, "DNAT"),
    ];

    /// The union of two sets.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether two sets have a state in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The names, separated by commas.
impl fmt::Display for CtStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            Self::NAMES.into_iter().filter(|(s, _)| self.meets(*s)).map(|(_, n)| n).collect();
        f.write_str(&names.join(","))
    }
}

/// The part of a packet that a rule's conditions look at.
#[derive(Clone, Copy)]
pub struct MatchInput<'a> {
    /// Source address, as rewritten by NAT so far.
    pub src: IpAddr,
    /// Destination address, as rewritten by NAT so far.
    pub dst: IpAddr,
    /// IP protocol number, as in the header.
    pub proto: u8,
    /// Source and destination port; `None` if the protocol has none.
    pub ports: Option<(u16, u16)>,
    /// Control bits of a TCP segment.
    pub tcp_flags: Option<TcpFlags>,
    /// Input device; empty for a packet sent by this host.
    pub in_dev: &'a str,
    /// Output device; empty before routing.
    pub out_dev: &'a str,
    /// Bridge port it came in by; empty if not bridged.
    pub physin: &'a str,
    /// Bridge port it leaves by; empty if not bridged.
    pub physout: &'a str,
    /// Mark of the packet, as rules before this one left it (`skb->mark`).
    pub mark: u32,
    /// State within its connection; one bit of [`CtStates`], and SNAT or DNAT where they apply.
    pub ctstate: CtStates,
    /// The type of an address, as this host sees it.
    pub addr_type: &'a dyn Fn(IpAddr) -> AddrType,
}

/// What `recent` does with the packet's source and a list of addresses
/// (`net/netfilter/xt_recent.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecentOp {
    /// `--set`: enters the source with the current time. Always true.
    Set,
    /// `--rcheck`: whether the source was entered, within `seconds` if given.
    Check {
        /// `--seconds`: the age that counts.
        seconds: Option<u32>,
        /// `--reap`: deletes the oldest entry if it is older than `seconds`.
        reap: bool,
    },
}

/// What conditions need besides the packet: random numbers, and the lists of `recent`.
pub trait MatchContext {
    /// Whether a random number of 31 bits is below `probability`.
    fn draw(&mut self, probability: u32) -> bool;
    /// Carries out `op` for `source` on the list with this name.
    fn recent(&mut self, list: &Rc<str>, op: RecentOp, source: IpAddr) -> bool;
}

/// The ports that `multiport` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `--sports`: the source port.
    Source,
    /// `--dports`: the destination port.
    Destination,
    /// `--ports`: either of the two.
    Either,
}

impl Side {
    /// The long form of the option.
    pub(super) const fn long(self) -> &'static str {
        match self {
            Self::Source => "--source-ports",
            Self::Destination => "--destination-ports",
            Self::Either => "--port",
        }
    }

    /// The option, and its name in `-L`.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Source => ("--sports", "sports"),
            Self::Destination => ("--dports", "dports"),
            Self::Either => ("--ports", "ports"),
        }
    }
}

/// A match extension, which `-m` loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// `comment`: a note about the rule. Always true.
    Comment(Rc<str>),
    /// `tcp`, `udp` and `sctp`: ports.
    Ports {
        /// IP protocol number of the module.
        proto: u8,
        /// Source ports (`--sport`); `None` allows all.
        sport: Option<Negatable<PortRange>>,
        /// Destination ports (`--dport`); `None` allows all.
        dport: Option<Negatable<PortRange>>,
    },
    /// `addrtype`: the types of the addresses.
    AddrType {
        /// Type of the source address.
        src: Option<Negatable<AddrType>>,
        /// Type of the destination address.
        dst: Option<Negatable<AddrType>>,
    },
    /// `conntrack --ctstate`: the state is in this set.
    CtState(Negatable<CtStates>),
    /// `mark`: value and mask; true if `mark & mask == value`.
    Mark(Negatable<(u32, u32)>),
    /// `statistic --mode random`: draws a random number per packet.
    Random {
        /// The probability in parts of 2^31 (`--probability`).
        probability: u32,
    },
    /// `physdev --physdev-is-in`: the packet came in by a bridge port.
    PhysdevIsIn(Negatable<()>),
    /// `recent`: lists of source addresses seen before.
    Recent {
        /// Name of the list (`--name`); lists are shared by all rules of a namespace.
        list: Rc<str>,
        /// What is done with it.
        op: RecentOp,
    },
    /// `multiport`: up to fifteen ports or ranges.
    Multiport {
        /// The ports of the packet that are compared.
        side: Side,
        /// The ports, any of which matches.
        ports: Negatable<Vec<PortRange>>,
    },
    /// `nfacct`: counts in the accounting object with this name. Always true.
    Nfacct(Rc<str>),
    /// A match that is not simulated, as written; it stops the packet.
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
    pub(super) fn holds(&self, v: &MatchInput<'_>, ask: &mut dyn MatchContext) -> bool {
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

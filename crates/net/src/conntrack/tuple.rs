//! Tuples: what identifies one direction of a connection (`struct nf_conntrack_tuple`).

use crate::wire::{Body, Icmp, Ipv4, PROTO_ICMP, PROTO_TCP, PROTO_UDP, Udp, UdpPayload};
use std::fmt;
use std::net::IpAddr;

/// The part of a tuple above the addresses, by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum L4 {
    /// Source and destination port of TCP, UDP or SCTP.
    Ports(u16, u16),
    /// An ICMP echo, where the identifier takes the place of a port.
    Echo {
        /// ICMP type: 8 for the request, 0 for the reply.
        kind: u8,
        /// Identifier of the header, one per `ping`.
        id: u16,
    },
    /// Nothing: other protocols have addresses only.
    None,
}

/// The tuple of one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Source address of packets in this direction.
    pub src: IpAddr,
    /// Destination address of packets in this direction.
    pub dst: IpAddr,
    /// IP protocol number, as in the IPv4 header: 1, 6, 17, …
    pub proto: u8,
    /// Ports, or ICMP type and identifier.
    pub l4: L4,
}

impl Tuple {
    /// The tuple of a packet (`nf_ct_get_tuple`). `None` for fragments, and for ICMP errors, which
    /// belong to another connection.
    pub fn of(p: &Ipv4) -> Option<Self> {
        let l4 = match &p.body {
            _ if p.is_fragment() => return None,
            Body::Tcp(t) => L4::Ports(t.sport, t.dport),
            Body::Udp(u) => L4::Ports(u.sport, u.dport),
            Body::Icmp(Icmp::Echo { reply, id, .. }) => {
                L4::Echo { kind: if *reply { 0 } else { 8 }, id: *id }
            }
            Body::Icmp(_) => return None,
            Body::Raw { .. } => L4::None,
        };
        Some(Self { src: p.src.into(), dst: p.dst.into(), proto: p.body.proto(), l4 })
    }

    /// The tuple of an answer (`nf_ct_invert_tuple`).
    #[must_use]
    pub fn inverse(&self) -> Self {
        let l4 = match self.l4 {
            L4::Ports(s, d) => L4::Ports(d, s),
            L4::Echo { kind, id } => L4::Echo { kind: 8 - kind, id },
            L4::None => L4::None,
        };
        Self { src: self.dst, dst: self.src, proto: self.proto, l4 }
    }

    /// The source port, if the protocol has ports.
    pub fn sport(&self) -> Option<u16> {
        match self.l4 {
            L4::Ports(s, _) => Some(s),
            _ => None,
        }
    }

    /// The destination port, if the protocol has ports.
    pub fn dport(&self) -> Option<u16> {
        match self.l4 {
            L4::Ports(_, d) => Some(d),
            _ => None,
        }
    }

    /// This tuple with another source port, or echo identifier.
    #[must_use]
    pub fn with_key(mut self, key: u16) -> Self {
        match &mut self.l4 {
            L4::Ports(s, _) => *s = key,
            L4::Echo { id, .. } => *id = key,
            L4::None => {}
        }
        self
    }

    /// This tuple with another destination port.
    #[must_use]
    pub fn with_dport(mut self, port: u16) -> Self {
        if let L4::Ports(_, d) = &mut self.l4 {
            *d = port;
        }
        self
    }

    /// Writes the tuple's source (or destination) address and port into a packet
    /// (`nf_nat_manip_pkt`).
    pub fn write_into(&self, p: &mut Ipv4, source: bool) {
        let (addr, port) = if source { (self.src, self.sport()) } else { (self.dst, self.dport()) };
        let IpAddr::V4(addr) = addr else { return };
        if source {
            p.src = addr;
        } else {
            p.dst = addr;
        }
        match (&mut p.body, port) {
            (Body::Tcp(t), Some(port)) => {
                *(if source { &mut t.sport } else { &mut t.dport }) = port;
            }
            (
                Body::Udp(Udp {
                    sport,
                    dport,
                    payload: UdpPayload::Data(_) | UdpPayload::Vxlan(_),
                    ..
                }),
                Some(port),
            ) => {
                *(if source { sport } else { dport }) = port;
            }
            (Body::Icmp(Icmp::Echo { id, .. }), _) => {
                if let L4::Echo { id: new, .. } = self.l4 {
                    *id = new;
                }
            }
            _ => {}
        }
    }

    /// The protocol's name that `conntrack` prints.
    pub fn proto_name(&self) -> &'static str {
        match self.proto {
            PROTO_TCP => "tcp",
            PROTO_UDP => "udp",
            PROTO_ICMP => "icmp",
            132 => "sctp",
            _ => "unknown",
        }
    }
}

/// As `conntrack` prints it: `src=… dst=… sport=… dport=…`.
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src={} dst={}", self.src, self.dst)?;
        match self.l4 {
            L4::Ports(s, d) => write!(f, " sport={s} dport={d}"),
            L4::Echo { kind, id } => write!(f, " type={kind} code=0 id={id}"),
            L4::None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn reply_of_reply_is_the_original() {
        let mut r = Rng::new(1);
        for _ in 0..500 {
            let mut word = || r.next_u64() as u16;
            let l4 = match word() % 3 {
                0 => L4::Ports(word(), word()),
                1 => L4::Echo { kind: 8 * (word() as u8 & 1), id: word() },
                _ => L4::None,
            };
            let t = Tuple {
                src: IpAddr::from([10, 0, 0, word() as u8]),
                dst: IpAddr::from([10, 1, 0, word() as u8]),
                proto: 6,
                l4,
            };
            assert_eq!(t.inverse().inverse(), t);
        }
    }
}

//! Ethernet II frames: 14 bytes of header, then an IPv4 packet or ARP message.

use super::{Arp, Ipv4, Mac, Malformed, Reader, UdpPayload};

/// EtherType of an IPv4 packet (RFC 894).
pub const ETHERTYPE_IPV4: u16 = 0x0800;
/// EtherType of an ARP message (RFC 826).
pub const ETHERTYPE_ARP: u16 = 0x0806;

/// The addresses of an Ethernet header; its type follows from the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ethernet {
    /// MAC of the receiver on this link, or of a group.
    pub dst: Mac,
    /// MAC of the sender on this link.
    pub src: Mac,
}

/// The payload of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// An ARP message, EtherType 0x0806.
    Arp(Arp),
    /// An IPv4 packet, EtherType 0x0800.
    Ipv4(Ipv4),
}

/// An Ethernet II frame without padding and frame check sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The addresses on this link.
    pub eth: Ethernet,
    /// What it carries, which also gives its EtherType.
    pub payload: Payload,
}

impl Frame {
    /// Length in bytes, with the header, without padding and frame check sequence.
    pub fn len(&self) -> usize {
        14 + match &self.payload {
            Payload::Arp(_) => 28,
            Payload::Ipv4(p) => p.len(),
        }
    }

    /// Never, as a frame has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The IPv4 packet it carries.
    pub fn ipv4(&self) -> Option<&Ipv4> {
        match &self.payload {
            Payload::Ipv4(p) => Some(p),
            Payload::Arp(_) => None,
        }
    }

    /// The frame in the VXLAN datagram it carries.
    pub fn inner(&self) -> Option<&Self> {
        match &self.ipv4()?.body {
            super::Body::Udp(u) => match &u.payload {
                UdpPayload::Vxlan(v) => Some(&v.inner),
                UdpPayload::Data(_) => None,
            },
            _ => None,
        }
    }

    /// Appends the frame in network order.
    pub fn emit_into(&self, out: &mut Vec<u8>) {
        out.extend(self.eth.dst.0);
        out.extend(self.eth.src.0);
        match &self.payload {
            Payload::Arp(a) => {
                out.extend(ETHERTYPE_ARP.to_be_bytes());
                a.emit(out);
            }
            Payload::Ipv4(p) => {
                out.extend(ETHERTYPE_IPV4.to_be_bytes());
                p.emit(out);
            }
        }
    }

    /// The frame in network order, without padding and frame check sequence.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        self.emit_into(&mut out);
        out
    }

    /// Parses a frame.
    ///
    /// # Errors
    /// Too few bytes, or a payload that is malformed or not simulated.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes, "Ethernet");
        let eth = Ethernet { dst: Mac(r.array()?), src: Mac(r.array()?) };
        let payload = match r.u16()? {
            ETHERTYPE_ARP => Payload::Arp(Arp::parse(r.rest())?),
            ETHERTYPE_IPV4 => Payload::Ipv4(Ipv4::parse(r.rest())?),
            _ => return Err(Malformed::Unsupported("an EtherType but IPv4 and ARP")),
        };
        Ok(Self { eth, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::rng::Rng;
    use std::rc::Rc;

    fn data(r: &mut Rng) -> Rc<[u8]> {
        (0..r.below(40)).map(|_| r.next_u64() as u8).collect()
    }

    fn any_ipv4(r: &mut Rng, depth: u8) -> Ipv4 {
        let body = match r.below(if depth > 0 { 5 } else { 4 }) {
            0 => Body::Tcp(Tcp {
                sport: r.next_u64() as u16,
                dport: r.next_u64() as u16,
                seq: r.next_u64() as u32,
                ack: r.next_u64() as u32,
                flags: TcpFlags(r.below(32) as u8),
                window: r.next_u64() as u16,
                options: match r.below(3) {
                    0 => TcpOptions {
                        mss: Some(1410),
                        timestamp: Some((1, 2)),
                        wscale: Some(7),
                        sack: None,
                    },
                    1 => TcpOptions {
                        timestamp: Some((3, 4)),
                        sack: (r.below(2) == 0).then_some((5, 6)),
                        ..TcpOptions::default()
                    },
                    _ => TcpOptions::default(),
                },
                data: data(r),
            }),
            1 => Body::Icmp(match r.below(4) {
                0 => Icmp::Echo {
                    reply: r.below(2) == 0,
                    id: r.next_u64() as u16,
                    seq: r.next_u64() as u16,
                    data: data(r),
                },
                1 => Icmp::Unreachable {
                    code: Unreachable::FragNeeded { mtu: 1450 },
                    quoted: data(r),
                },
                2 => Icmp::TimeExceeded { quoted: data(r) },
                _ => Icmp::Redirect { gateway: [10, 0, 0, 1].into(), quoted: data(r) },
            }),
            2 => Body::Udp(Udp {
                sport: r.next_u64() as u16,
                dport: 53,
                checksum: r.below(2) == 0,
                payload: UdpPayload::Data(data(r)),
            }),
            3 => Body::Raw { proto: 132, data: data(r) },
            _ => Body::Udp(Udp {
                sport: 50_000,
                dport: VXLAN_PORT,
                checksum: false,
                payload: UdpPayload::Vxlan(Vxlan {
                    vni: 1,
                    inner: Rc::new(any_frame(r, depth - 1)),
                }),
            }),
        };
        let mut p = Ipv4::new(
            std::net::Ipv4Addr::from(r.next_u64() as u32),
            std::net::Ipv4Addr::from(r.next_u64() as u32),
            body,
        );
        (p.tos, p.id, p.df, p.ttl) =
            (r.next_u64() as u8, r.next_u64() as u16, r.below(2) == 0, r.next_u64() as u8);
        p
    }

    fn any_frame(r: &mut Rng, depth: u8) -> Frame {
        let eth = Ethernet { dst: Mac([2, 0, 0, 0, 0, r.next_u64() as u8]), src: Mac::BROADCAST };
        let payload = if r.below(6) == 0 {
            Payload::Arp(Arp {
                op: ArpOp::Reply,
                sha: eth.dst,
                spa: [10, 1, 5, 4].into(),
                tha: Mac::ZERO,
                tpa: [10, 1, 5, 1].into(),
            })
        } else {
            Payload::Ipv4(any_ipv4(r, depth))
        };
        Frame { eth, payload }
    }

    #[test]
    fn parse_of_emit_is_the_frame_and_its_length_is_right() {
        let mut r = Rng::new(1);
        for i in 0..2000 {
            let f = any_frame(&mut r, 2);
            let bytes = f.emit();
            assert_eq!(bytes.len(), f.len(), "case {i}: {f:?}");
            assert_eq!(Frame::parse(&bytes).as_ref(), Ok(&f), "case {i}");
        }
    }

    #[test]
    fn every_checksum_sums_to_zero() {
        let mut r = Rng::new(2);
        for _ in 0..2000 {
            let p = any_ipv4(&mut r, 0);
            let bytes = p.bytes();
            assert_eq!(fold(ones_complement_sum(&bytes[..20])), 0, "{p:?}");
            let (proto, body) = (p.body.proto(), &bytes[20..]);
            let sum = match &p.body {
                Body::Icmp(_) => fold(ones_complement_sum(body)),
                Body::Tcp(_) | Body::Udp(Udp { checksum: true, .. }) => {
                    fold(pseudo_header(p.src, p.dst, proto, body.len()) + ones_complement_sum(body))
                }
                _ => 0,
            };
            assert_eq!(sum, 0, "{p:?}");
        }
    }

    #[test]
    fn cut_and_broken_bytes_are_refused_without_panic() {
        let mut r = Rng::new(3);
        for _ in 0..300 {
            let bytes = any_frame(&mut r, 1).emit();
            for n in 0..bytes.len() {
                let _ = Frame::parse(&bytes[..n]);
                let mut broken = bytes.clone();
                broken[n] ^= 1 << r.below(8);
                let _ = Frame::parse(&broken);
            }
        }
    }
}

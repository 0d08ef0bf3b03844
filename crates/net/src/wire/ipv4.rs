//! IPv4 packets (RFC 791), without options.

use super::{Icmp, Malformed, Reader, Tcp, Udp, fold, ones_complement_sum};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// IP protocol number of ICMP.
pub const PROTO_ICMP: u8 = 1;
/// IP protocol number of TCP.
pub const PROTO_TCP: u8 = 6;
/// IP protocol number of UDP.
pub const PROTO_UDP: u8 = 17;

/// The payload of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment, protocol 6.
    Tcp(Tcp),
    /// A UDP datagram, protocol 17.
    Udp(Udp),
    /// An ICMP message, protocol 1.
    Icmp(Icmp),
    /// Another protocol, or a fragment.
    Raw {
        /// IP protocol number of the header.
        proto: u8,
        /// Bytes behind the IPv4 header.
        data: Rc<[u8]>,
    },
}

impl Body {
    /// IP protocol number, as the header has it.
    pub fn proto(&self) -> u8 {
        match self {
            Self::Tcp(_) => PROTO_TCP,
            Self::Udp(_) => PROTO_UDP,
            Self::Icmp(_) => PROTO_ICMP,
            Self::Raw { proto, .. } => *proto,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Tcp(t) => t.len(),
            Self::Udp(u) => u.len(),
            Self::Icmp(i) => i.len(),
            Self::Raw { data, .. } => data.len(),
        }
    }
}

/// An IPv4 packet with a header of 20 bytes (RFC 791); options are not simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Type of service; 0xc0 in ICMP errors.
    pub tos: u8,
    /// Identification, which the fragments of a packet share.
    pub id: u16,
    /// Don't Fragment: routers drop the packet rather than cut it.
    pub df: bool,
    /// More Fragments: this is not the last.
    pub mf: bool,
    /// Offset of a fragment's data in its packet, in bytes; a multiple of 8.
    pub frag_offset: u16,
    /// Time to live, in hops.
    pub ttl: u8,
    /// Source address of the header, which SNAT rewrites.
    pub src: Ipv4Addr,
    /// Destination address of the header, which DNAT rewrites.
    pub dst: Ipv4Addr,
    /// What follows the header.
    pub body: Body,
}

impl Ipv4 {
    /// An unfragmented packet with Linux's defaults: ttl 64, tos 0.
    pub fn new(src: Ipv4Addr, dst: Ipv4Addr, body: Body) -> Self {
        Self { tos: 0, id: 0, df: false, mf: false, frag_offset: 0, ttl: 64, src, dst, body }
    }

    /// Total length in bytes, with the header: what iptables counts.
    pub fn len(&self) -> usize {
        20 + self.body.len()
    }

    /// Never, as a packet has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether this is a fragment.
    pub fn is_fragment(&self) -> bool {
        self.mf || self.frag_offset > 0
    }

    /// Source and destination port, if the protocol has ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.body {
            Body::Tcp(t) => Some((t.sport, t.dport)),
            Body::Udp(u) => Some((u.sport, u.dport)),
            _ => None,
        }
    }

    /// The protocol and destination port, if the protocol has ports and this is not a later
    /// fragment.
    pub fn destination_port(&self) -> Option<(u8, u16)> {
        let port = match &self.body {
            Body::Raw { proto: PROTO_TCP | PROTO_UDP, data } if self.frag_offset == 0 => {
                u16::from_be_bytes([*data.get(2)?, *data.get(3)?])
            }
            _ => self.ports()?.1,
        };
        Some((self.body.proto(), port))
    }

    /// Appends the packet, with its checksums, in network order.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0x45, self.tos]);
        out.extend((self.len() as u16).to_be_bytes());
        out.extend(self.id.to_be_bytes());
        let frag = u16::from(self.df) << 14 | u16::from(self.mf) << 13 | (self.frag_offset / 8);
        out.extend(frag.to_be_bytes());
        out.extend([self.ttl, self.body.proto(), 0, 0]);
        out.extend(self.src.octets());
        out.extend(self.dst.octets());
        let sum = fold(ones_complement_sum(&out[start..])).to_be_bytes();
        out[start + 10..start + 12].copy_from_slice(&sum);
        match &self.body {
            Body::Tcp(t) => t.emit(self.src, self.dst, out),
            Body::Udp(u) => u.emit(self.src, self.dst, out),
            Body::Icmp(i) => i.emit(out),
            Body::Raw { data, .. } => out.extend(data.iter()),
        }
    }

    /// The packet in network order, with its checksums.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        self.emit(&mut out);
        out
    }

    /// Parses the packet that an ICMP error quotes and may have cut short; missing bytes count as
    /// zero. `None` if the addresses are missing.
    pub fn parse_quoted(bytes: &[u8]) -> Option<Self> {
        let header = bytes.get(..20)?;
        let said = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut whole = bytes.to_vec();
        whole.resize(said.max(bytes.len()), 0);
        // A first fragment begins with the header of what it is a part of.
        let more = whole[6] & 0x20 != 0;
        whole[6] &= !0x20;
        if more && whole[9] == PROTO_UDP && whole.len() >= 28 {
            // The UDP length is that of the whole datagram.
            let all = 20 + usize::from(u16::from_be_bytes([whole[24], whole[25]]));
            whole.resize(all.clamp(whole.len(), usize::from(u16::MAX)), 0);
            let length = (whole.len() as u16).to_be_bytes();
            whole[2..4].copy_from_slice(&length);
        }
        let part = Self::parse(&whole).ok()?;
        Some(Self { mf: more, ..part })
    }

    /// Parses a packet; bytes beyond its total length are padding and are ignored.
    ///
    /// # Errors
    /// Too few bytes, not version 4, or with header options.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes, "IPv4");
        match r.u8()? {
            0x45 => {}
            v if v >> 4 == 4 => return Err(Malformed::Unsupported("an IPv4 header with options")),
            _ => return Err(Malformed::Field("IP version")),
        }
        let tos = r.u8()?;
        let len = usize::from(r.u16()?);
        let (id, frag, ttl, proto) = (r.u16()?, r.u16()?, r.u8()?, r.u8()?);
        r.u16()?;
        let (src, dst) = (r.array::<4>()?.into(), r.array::<4>()?.into());
        let data = r.take(len.checked_sub(20).ok_or(Malformed::Field("IPv4 total length"))?)?;
        let (df, mf, frag_offset) = (frag & 0x4000 != 0, frag & 0x2000 != 0, (frag & 0x1fff) * 8);
        let body = match proto {
            _ if mf || frag_offset > 0 => Body::Raw { proto, data: data.into() },
            PROTO_TCP => Body::Tcp(Tcp::parse(data)?),
            PROTO_UDP => Body::Udp(Udp::parse(data)?),
            PROTO_ICMP => Body::Icmp(Icmp::parse(data)?),
            _ => Body::Raw { proto, data: data.into() },
        };
        Ok(Self { tos, id, df, mf, frag_offset, ttl, src, dst, body })
    }
}

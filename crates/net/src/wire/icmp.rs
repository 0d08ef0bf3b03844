//! ICMP messages (RFC 792): echo, and the errors that a host sends.

use super::{Malformed, Reader, fold, ones_complement_sum};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The codes of "destination unreachable" (type 3) that a host or a REJECT rule sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unreachable {
    /// Code 0: network unreachable.
    Net,
    /// 1: host unreachable; no route, or no answer to ARP.
    Host,
    /// Code 2: protocol unreachable.
    Proto,
    /// 3: no such UDP port; the default of REJECT.
    Port,
    /// 4: larger than the next hop's MTU, and DF is set (RFC 1191).
    FragNeeded {
        /// The next hop's MTU, in bytes.
        mtu: u16,
    },
    /// Code 9: network administratively prohibited.
    NetProhibited,
    /// Code 10: host administratively prohibited.
    HostProhibited,
    /// Code 13: communication administratively prohibited (RFC 1812 section 5.2.7.1).
    AdminProhibited,
}

impl Unreachable {
    /// The code in the header.
    pub const fn code(self) -> u8 {
        match self {
            Self::Net => 0,
            Self::Host => 1,
            Self::Proto => 2,
            Self::Port => 3,
            Self::FragNeeded { .. } => 4,
            Self::NetProhibited => 9,
            Self::HostProhibited => 10,
            Self::AdminProhibited => 13,
        }
    }
}

/// An ICMP message; an error quotes the packet it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Icmp {
    /// Echo request (type 8) or reply (type 0).
    Echo {
        /// A reply rather than a request.
        reply: bool,
        /// Identifier, one per `ping`, repeated by the reply.
        id: u16,
        /// Sequence number, repeated by the reply; `ping` counts from 1.
        seq: u16,
        /// Payload, which the reply repeats.
        data: Rc<[u8]>,
    },
    /// Destination unreachable (type 3): the packet it quotes was not delivered.
    Unreachable {
        /// Why the packet was not delivered.
        code: Unreachable,
        /// The packet it is about, maybe cut short.
        quoted: Rc<[u8]>,
    },
    /// Time exceeded in transit (type 11 code 0).
    TimeExceeded {
        /// The packet it is about, maybe cut short.
        quoted: Rc<[u8]>,
    },
    /// Redirect for a host (type 5 code 1).
    Redirect {
        /// The gateway on the same link to use for the quoted destination.
        gateway: Ipv4Addr,
        /// The packet it is about, maybe cut short.
        quoted: Rc<[u8]>,
    },
}

impl Icmp {
    /// Type and code, the first two bytes of the header.
    pub fn type_code(&self) -> (u8, u8) {
        match self {
            Self::Echo { reply, .. } => (if *reply { 0 } else { 8 }, 0),
            Self::Unreachable { code, .. } => (3, code.code()),
            Self::TimeExceeded { .. } => (11, 0),
            Self::Redirect { .. } => (5, 1),
        }
    }

    /// The packet that an error quotes.
    pub fn quoted(&self) -> Option<&[u8]> {
        match self {
            Self::Echo { .. } => None,
            Self::Unreachable { quoted, .. }
            | Self::TimeExceeded { quoted }
            | Self::Redirect { quoted, .. } => Some(quoted),
        }
    }

    /// Writes the addresses and ports of `packet` into the quoted one, and updates the quoted
    /// checksum (RFC 1624), as the bytes it covers may be cut off.
    pub fn requote(&mut self, packet: &super::Ipv4) {
        let (Self::Unreachable { quoted, .. }
        | Self::TimeExceeded { quoted }
        | Self::Redirect { quoted, .. }) = self
        else {
            return;
        };
        let new = packet.bytes();
        let mut bytes = quoted.to_vec();
        // Where the sum is, and what of the changed words it counts: addresses and ports, or the
        // identifier alone.
        let (sum_at, changed) = match packet.body {
            super::Body::Tcp(_) => (36, 12..24),
            super::Body::Udp(_) => (26, 12..24),
            super::Body::Icmp(_) => (22, 24..26),
            super::Body::Raw { .. } => (usize::MAX - 2, 12..20),
        };
        let word = |b: &[u8], i: usize| {
            b.get(i..i + 2).map_or(0, |w| u32::from(u16::from_be_bytes([w[0], w[1]])))
        };
        if bytes.len() >= sum_at + 2 && word(&bytes, sum_at) != 0 {
            let delta: u32 = changed
                .clone()
                .step_by(2)
                .map(|i| (0xffff - word(&bytes, i)) + word(&new, i))
                .sum();
            let sum = fold((0xffff - word(&bytes, sum_at)) + delta);
            bytes[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
        }
        for (i, (byte, new)) in bytes.iter_mut().zip(&new).enumerate() {
            if i < 20 || changed.contains(&i) {
                *byte = *new;
            }
        }
        *quoted = bytes.into();
    }

    /// Length in bytes, with the header.
    pub fn len(&self) -> usize {
        8 + match self {
            Self::Echo { data, .. } => data.len(),
            Self::Unreachable { quoted, .. }
            | Self::TimeExceeded { quoted }
            | Self::Redirect { quoted, .. } => quoted.len(),
        }
    }

    /// Never, as a message has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Appends the message, with its checksum, in network order.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let (kind, code) = self.type_code();
        out.extend([kind, code, 0, 0]);
        let rest = match self {
            Self::Echo { id, seq, data, .. } => {
                out.extend(id.to_be_bytes());
                out.extend(seq.to_be_bytes());
                data
            }
            Self::Unreachable { code: Unreachable::FragNeeded { mtu }, quoted } => {
                out.extend([0, 0]);
                out.extend(mtu.to_be_bytes());
                quoted
            }
            Self::Redirect { gateway, quoted } => {
                out.extend(gateway.octets());
                quoted
            }
            Self::Unreachable { quoted, .. } | Self::TimeExceeded { quoted } => {
                out.extend([0; 4]);
                quoted
            }
        };
        out.extend(rest.iter());
        let sum = fold(ones_complement_sum(&out[start..])).to_be_bytes();
        out[start + 2..start + 4].copy_from_slice(&sum);
    }

    /// Parses a message.
    ///
    /// # Errors
    /// Too few bytes, or a type or code that is not simulated.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes, "ICMP");
        let (kind, code) = (r.u8()?, r.u8()?);
        r.u16()?;
        let word: [u8; 4] = r.array()?;
        let (high, low) =
            (u16::from_be_bytes([word[0], word[1]]), u16::from_be_bytes([word[2], word[3]]));
        let rest: Rc<[u8]> = r.rest().into();
        Ok(match (kind, code) {
            (0 | 8, 0) => Self::Echo { reply: kind == 0, id: high, seq: low, data: rest },
            (3, _) => Self::Unreachable {
                code: match code {
                    0 => Unreachable::Net,
                    1 => Unreachable::Host,
                    2 => Unreachable::Proto,
                    3 => Unreachable::Port,
                    4 => Unreachable::FragNeeded { mtu: low },
                    9 => Unreachable::NetProhibited,
                    10 => Unreachable::HostProhibited,
                    13 => Unreachable::AdminProhibited,
                    _ => {
                        return Err(Malformed::Unsupported("this code of destination unreachable"));
                    }
                },
                quoted: rest,
            },
            (11, 0) => Self::TimeExceeded { quoted: rest },
            (5, 1) => Self::Redirect { gateway: word.into(), quoted: rest },
            _ => return Err(Malformed::Unsupported("this ICMP type")),
        })
    }
}

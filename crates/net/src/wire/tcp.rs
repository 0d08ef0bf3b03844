//! TCP segments (RFC 9293) with the options Linux sends: MSS, SACK permitted, SACK, timestamps and
//! window scale. Headers are as long as Linux's: 40 bytes in a SYN, 32 in other segments (44 with
//! SACK), 20 in a reset.

use super::{Malformed, PROTO_TCP, Reader, fold, ones_complement_sum, pseudo_header};
use std::fmt;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The control bits of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The sender has sent all its data.
    pub const FIN: Self = Self(0x01);
    /// Opens a connection: `seq` is the initial sequence number.
    pub const SYN: Self = Self(0x02);
    /// Aborts the connection, or refuses it.
    pub const RST: Self = Self(0x04);
    /// The data is to be handed to the process at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number is valid.
    pub const ACK: Self = Self(0x10);

    /// The bits that are set in either.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// As tcpdump prints them: `S`, `S.`, `P.`, `F.`, `R`, `.`.
impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [
            (Self::SYN, "S"),
            (Self::FIN, "F"),
            (Self::RST, "R"),
            (Self::PSH, "P"),
            (Self::ACK, "."),
        ] {
            if self.has(bit) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

/// The options of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Maximum segment size, in bytes; in a SYN only.
    pub mss: Option<u16>,
    /// Timestamp value and echo reply, in milliseconds (RFC 7323).
    pub timestamp: Option<(u32, u32)>,
    /// Window scale, and SACK permitted; in a SYN only.
    pub wscale: Option<u8>,
    /// A block received out of order (RFC 2018) or twice (RFC 2883): its first sequence number, and
    /// the one behind its last.
    pub sack: Option<(u32, u32)>,
}

/// A TCP segment with its header fields (RFC 9293 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Port of the sender.
    pub sport: u16,
    /// Port of the receiver.
    pub dport: u16,
    /// Sequence number of the first byte of data, or of SYN.
    pub seq: u32,
    /// Acknowledgement number; 0 without [`TcpFlags::ACK`].
    pub ack: u32,
    /// Control bits of the header.
    pub flags: TcpFlags,
    /// Receive window in bytes, before scaling.
    pub window: u16,
    /// Options behind the fixed header.
    pub options: TcpOptions,
    /// Bytes of data; empty in a pure acknowledgement.
    pub data: Rc<[u8]>,
}

impl Tcp {
    /// Length of the options, in bytes.
    fn options_len(&self) -> usize {
        let o = &self.options;
        4 * usize::from(o.mss.is_some())
            + 12 * usize::from(o.timestamp.is_some())
            + 4 * usize::from(o.wscale.is_some())
            + 12 * usize::from(o.sack.is_some())
    }

    /// Length in bytes, with the header.
    pub fn len(&self) -> usize {
        20 + self.options_len() + self.data.len()
    }

    /// Never, as a segment has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Sequence numbers it occupies: one per byte of data, one for SYN, one for FIN.
    pub fn seq_len(&self) -> u32 {
        self.data.len() as u32
            + u32::from(self.flags.has(TcpFlags::SYN))
            + u32::from(self.flags.has(TcpFlags::FIN))
    }

    /// Appends the segment's bytes. The addresses go into the checksum.
    pub fn emit(&self, src: Ipv4Addr, dst: Ipv4Addr, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(self.sport.to_be_bytes());
        out.extend(self.dport.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ack.to_be_bytes());
        out.push((((20 + self.options_len()) / 4) as u8) << 4);
        out.push(self.flags.0);
        out.extend(self.window.to_be_bytes());
        out.extend([0; 4]);
        let o = &self.options;
        if let Some(mss) = o.mss {
            out.extend([2, 4]);
            out.extend(mss.to_be_bytes());
        }
        if let Some((value, echo)) = o.timestamp {
            out.extend(if o.mss.is_some() { [4, 2] } else { [1, 1] });
            out.extend([8, 10]);
            out.extend(value.to_be_bytes());
            out.extend(echo.to_be_bytes());
        }
        if let Some(scale) = o.wscale {
            out.extend([1, 3, 3, scale]);
        }
        if let Some((left, right)) = o.sack {
            out.extend([1, 1, 5, 10]);
            out.extend(left.to_be_bytes());
            out.extend(right.to_be_bytes());
        }
        out.extend(self.data.iter());
        let sum = fold(
            pseudo_header(src, dst, PROTO_TCP, self.len()) + ones_complement_sum(&out[start..]),
        );
        out[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    }

    /// Parses a segment.
    ///
    /// # Errors
    /// Too few bytes, or an impossible header or option length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes, "TCP");
        let (sport, dport, seq, ack) = (r.u16()?, r.u16()?, r.u32()?, r.u32()?);
        let (offset, flags, window) = (usize::from(r.u8()? >> 4) * 4, TcpFlags(r.u8()?), r.u16()?);
        r.u32()?;
        let mut opts = Reader::new(
            r.take(offset.checked_sub(20).ok_or(Malformed::Field("TCP data offset"))?)?,
            "TCP options",
        );
        let mut options = TcpOptions::default();
        while let Ok(kind) = opts.u8() {
            match kind {
                0 => break,
                1 => continue,
                _ => {}
            }
            let len = usize::from(opts.u8()?)
                .checked_sub(2)
                .ok_or(Malformed::Field("TCP option length"))?;
            let mut body = Reader::new(opts.take(len)?, "TCP options");
            match kind {
                2 => options.mss = Some(body.u16()?),
                3 => options.wscale = Some(body.u8()?),
                5 => options.sack = Some((body.u32()?, body.u32()?)),
                8 => options.timestamp = Some((body.u32()?, body.u32()?)),
                _ => {}
            }
        }
        Ok(Self { sport, dport, seq, ack, flags, window, options, data: r.rest().into() })
    }
}

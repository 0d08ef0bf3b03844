//! Frames: typed headers, and their bytes.
//!
//! The engine works on the types. Bytes are emitted on demand (for a capture, the packet pane, a
//! checksum), and parse back to the same frame: `Frame::parse(&f.emit()) == Ok(f)`.

mod arp;
mod checksum;
mod frame;
mod icmp;
mod ipv4;
mod mac;
mod pcapng;
mod tcp;
mod udp;

pub use arp::{Arp, ArpOp};
pub use checksum::{fold, ones_complement_sum, pseudo_header};
pub use frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet, Frame, Payload};
pub use icmp::{Icmp, Unreachable};
pub use ipv4::{Body, Ipv4, PROTO_ICMP, PROTO_TCP, PROTO_UDP};
pub use mac::Mac;
pub use pcapng::PcapNg;
pub use tcp::{Tcp, TcpFlags, TcpOptions};
pub use udp::{Udp, UdpPayload, VXLAN_PORT, Vxlan};

use std::fmt;

/// Why bytes do not parse as a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes end inside this header.
    Short(&'static str),
    /// This field has an impossible value.
    Field(&'static str),
    /// Well formed, but this is not simulated.
    Unsupported(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(what) => write!(f, "too few bytes for {what}"),
            Self::Field(what) => write!(f, "{what} has an impossible value"),
            Self::Unsupported(what) => write!(f, "{what} is not simulated"),
        }
    }
}

/// Reads big-endian numbers from a byte slice.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, what }
    }
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.bytes.split_at_checked(n).ok_or(Malformed::Short(self.what))?;
        self.bytes = tail;
        Ok(head)
    }
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed::Short(self.what))
    }
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }
    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

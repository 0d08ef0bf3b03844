//! ARP for IPv4 over Ethernet (RFC 826).

use super::{Mac, Malformed, Reader};
use std::net::Ipv4Addr;

/// The operation of an ARP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpOp {
    /// 1: who has the target address?
    Request,
    /// 2: the sender has the sender address.
    Reply,
}

/// An ARP message for IPv4 over Ethernet, 28 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Request or reply (`ar$op`).
    pub op: ArpOp,
    /// MAC of the sender (`ar$sha`).
    pub sha: Mac,
    /// IPv4 address of the sender.
    pub spa: Ipv4Addr,
    /// MAC of the target; zero in a request.
    pub tha: Mac,
    /// IPv4 address of the target.
    pub tpa: Ipv4Addr,
}

impl Arp {
    /// Appends the message's 28 bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend([0, 1, 8, 0, 6, 4, 0]);
        out.push(match self.op {
            ArpOp::Request => 1,
            ArpOp::Reply => 2,
        });
        out.extend(self.sha.0);
        out.extend(self.spa.octets());
        out.extend(self.tha.0);
        out.extend(self.tpa.octets());
    }

    /// Parses a message.
    ///
    /// # Errors
    /// Too few bytes, or not a request or reply for IPv4 over Ethernet.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes, "ARP");
        if r.take(6)? != [0, 1, 8, 0, 6, 4] {
            return Err(Malformed::Unsupported("ARP for anything but IPv4 over Ethernet"));
        }
        let op = match r.u16()? {
            1 => ArpOp::Request,
            2 => ArpOp::Reply,
            _ => return Err(Malformed::Unsupported("an ARP operation but request and reply")),
        };
        Ok(Self {
            op,
            sha: Mac(r.array()?),
            spa: r.array::<4>()?.into(),
            tha: Mac(r.array()?),
            tpa: r.array::<4>()?.into(),
        })
    }
}

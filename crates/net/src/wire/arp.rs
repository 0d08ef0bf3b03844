//! ARP for IPv4 over Ethernet (RFC 826).

use super::{Mac, Malformed, Reader};
use std::net::Ipv4Addr;

/// Question or answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpOp {
    /// who-has.
    Request,
    /// is-at.
    Reply,
}

/// One ARP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Question or answer.
    pub op: ArpOp,
    /// The sender's MAC.
    pub sha: Mac,
    /// The sender's address.
    pub spa: Ipv4Addr,
    /// The target's MAC; zero in a request.
    pub tha: Mac,
    /// The target's address.
    pub tpa: Ipv4Addr,
}

impl Arp {
    /// The 28 bytes of the message.
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

    /// Reads a message.
    ///
    /// # Errors
    /// Too few bytes, or not Ethernet and IPv4.
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

//! UDP (RFC 768), and VXLAN (RFC 7348) as what a UDP datagram to port 8472 carries.

use super::{Frame, Malformed, PROTO_UDP, Reader, fold, ones_complement_sum, pseudo_header};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The port Linux and flannel use for VXLAN; the registered one is 4789.
pub const VXLAN_PORT: u16 = 8472;

/// A VXLAN header and the frame inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// VXLAN network identifier, 24 bits.
    pub vni: u32,
    /// The frame inside.
    pub inner: Rc<Frame>,
}

/// What a datagram carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UdpPayload {
    /// Application data.
    Data(Rc<[u8]>),
    /// A frame of the overlay.
    Vxlan(Vxlan),
}

/// A UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Whether it is sent with a checksum; VXLAN of flannel's release sends 0 (`noudpcsum`).
    pub checksum: bool,
    /// What it carries.
    pub payload: UdpPayload,
}

impl Udp {
    /// Length in bytes, header included.
    pub fn len(&self) -> usize {
        8 + match &self.payload {
            UdpPayload::Data(d) => d.len(),
            UdpPayload::Vxlan(v) => 8 + v.inner.len(),
        }
    }

    /// Never: a datagram has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The datagram's bytes.
    pub fn emit(&self, src: Ipv4Addr, dst: Ipv4Addr, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(self.sport.to_be_bytes());
        out.extend(self.dport.to_be_bytes());
        out.extend((self.len() as u16).to_be_bytes());
        out.extend([0, 0]);
        match &self.payload {
            UdpPayload::Data(d) => out.extend(d.iter()),
            UdpPayload::Vxlan(v) => {
                out.extend([0x08, 0, 0, 0]);
                out.extend((v.vni << 8).to_be_bytes());
                v.inner.emit_into(out);
            }
        }
        if self.checksum {
            let sum = fold(
                pseudo_header(src, dst, PROTO_UDP, self.len()) + ones_complement_sum(&out[start..]),
            );
            // 0 means "none", so a sum of 0 is sent as its other form.
            let sum = if sum == 0 { 0xffff } else { sum };
            out[start + 6..start + 8].copy_from_slice(&sum.to_be_bytes());
        }
    }

    /// Reads a datagram. One to [`VXLAN_PORT`] with a valid VXLAN header is read as VXLAN.
    ///
    /// # Errors
    /// Too few bytes, or a malformed frame inside.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes, "UDP");
        let (sport, dport, len, sum) = (r.u16()?, r.u16()?, r.u16()?, r.u16()?);
        if usize::from(len) != bytes.len() {
            return Err(Malformed::Field("UDP length"));
        }
        let data = r.rest();
        let payload = if dport == VXLAN_PORT && data.first() == Some(&0x08) {
            let mut v = Reader::new(data, "VXLAN");
            v.u32()?;
            let vni = v.u32()? >> 8;
            UdpPayload::Vxlan(Vxlan { vni, inner: Rc::new(Frame::parse(v.rest())?) })
        } else {
            UdpPayload::Data(data.into())
        };
        Ok(Self { sport, dport, checksum: sum != 0, payload })
    }
}

//! UDP (RFC 768), and VXLAN (RFC 7348) as the payload of a datagram to port 8472.

use super::{Frame, Malformed, PROTO_UDP, Reader, fold, ones_complement_sum, pseudo_header};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The UDP port of VXLAN in Linux and flannel. (IANA assigned 4789 later.)
pub const VXLAN_PORT: u16 = 8472;

/// A VXLAN header and its frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vxlan {
    /// VXLAN network identifier, 24 bits.
    pub vni: u32,
    /// The frame that it encapsulates.
    pub inner: Rc<Frame>,
}

/// The payload of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UdpPayload {
    /// Bytes that an application sent.
    Data(Rc<[u8]>),
    /// A VXLAN header with the frame that it encapsulates.
    Vxlan(Vxlan),
}

/// A UDP datagram with its header fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Udp {
    /// Port of the sender; for VXLAN, a hash of the inner flow.
    pub sport: u16,
    /// Port of the receiver.
    pub dport: u16,
    /// It carries a checksum; VXLAN over IPv4 is sent with 0, which means none.
    pub checksum: bool,
    /// What follows the header of 8 bytes.
    pub payload: UdpPayload,
}

impl Udp {
    /// Length in bytes, with the header.
    pub fn len(&self) -> usize {
        8 + match &self.payload {
            UdpPayload::Data(d) => d.len(),
            UdpPayload::Vxlan(v) => 8 + v.inner.len(),
        }
    }

    /// Never, as a datagram has a header.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Appends the datagram's bytes. The addresses go into the checksum.
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

    /// Parses a datagram; one to [`VXLAN_PORT`] with the VNI flag set is parsed as VXLAN.
    ///
    /// # Errors
    /// A wrong length, or a malformed encapsulated frame.
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

//! The Internet checksum (RFC 1071).

use std::net::Ipv4Addr;

/// The sum of the big-endian 16-bit words, with carries not yet folded; an odd last byte is padded
/// with a zero.
pub fn ones_complement_sum(bytes: &[u8]) -> u32 {
    let mut chunks = bytes.chunks_exact(2);
    let sum: u32 = chunks.by_ref().map(|c| u32::from(u16::from_be_bytes([c[0], c[1]]))).sum();
    sum + chunks.remainder().first().map_or(0, |b| u32::from(*b) << 8)
}

/// The checksum of a sum: carries folded, and complemented.
pub fn fold(mut sum: u32) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The sum of the pseudo-header of TCP and UDP (RFC 9293 section 3.1), not yet folded; `len` in
/// bytes.
pub fn pseudo_header(src: Ipv4Addr, dst: Ipv4Addr, proto: u8, len: usize) -> u32 {
    ones_complement_sum(&src.octets())
        + ones_complement_sum(&dst.octets())
        + u32::from(proto)
        + len as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(
            ones_complement_sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            0x2_ddf0
        );
        assert_eq!(fold(0x2_ddf0), !0xddf2);
    }

    #[test]
    fn an_odd_last_byte_is_the_high_one() {
        assert_eq!(ones_complement_sum(&[1, 2, 3]), 0x0102 + 0x0300);
    }
}

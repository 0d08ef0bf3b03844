//! Ethernet hardware addresses (MACs), 48 bits.

use std::fmt;
use std::str::FromStr;

/// A MAC, 48 bits in network order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`: every device on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// `00:00:00:00:00:00`: unknown, as the target of an ARP request.
    pub const ZERO: Self = Self([0; 6]);

    /// Whether the group bit is set, as it is in multicast and broadcast addresses.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = &'static str;
    /// Six two-digit hexadecimal numbers with `:` between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANT: &str =
            "six two-digit hexadecimal numbers with ':' between them, such as 00:50:56:98:c1:7a";
        let mut mac = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut mac {
            let part = parts.next().filter(|p| p.len() == 2).ok_or(WANT)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| WANT)?;
        }
        if parts.next().is_some() { Err(WANT) } else { Ok(Self(mac)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        let mac = Mac([0, 0x50, 0x56, 0x98, 0xc1, 0x7a]);
        assert_eq!(mac.to_string(), "00:50:56:98:c1:7a");
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for bad in ["", "00:50", "00:50:56:98:c1:7g", "00:50:56:98:c1:7a:00", "0:50:56:98:c1:7a"] {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }
}

//! Who answers for the addresses of load balancers, and which addresses there are.

use ipnet::Ipv4Net;
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// `spec.loadBalancer`: who gives addresses to Services of type LoadBalancer, and answers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancer {
    /// `layer2`: of each address a node, elected by the speakers, answers ARP, as with MetalLB.
    Layer2,
    /// `servicelb`: pods with host ports on every node, as k3s has them.
    ServiceLb,
    /// `external`: a host in front of the nodes that has the addresses and forwards to node ports.
    External,
    /// `none`: nobody; the address stays `<pending>`.
    None,
}

impl Balancer {
    /// Every balancer, the default one first.
    pub const ALL: [Self; 4] = [Self::Layer2, Self::ServiceLb, Self::External, Self::None];

    /// Its word in a document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layer2 => "layer2",
            Self::ServiceLb => "servicelb",
            Self::External => "external",
            Self::None => "none",
        }
    }

    /// Whether its addresses come from the pool.
    pub const fn has_pool(self) -> bool {
        matches!(self, Self::Layer2 | Self::External)
    }
}

/// Addresses of a pool, from the first to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRange(RangeInclusive<Ipv4Addr>);

impl AddressRange {
    /// Where a document names none: of a LAN of /24 the addresses .240 to .250; of a larger one
    /// those of its first /24, of a smaller one its last sixteenth, and none of one below /27.
    pub fn default_of(lan: Ipv4Net) -> Self {
        let size = 1u32 << (32 - lan.prefix_len()).min(8);
        // A /32 has no last sixteenth.
        let first = (size * 15 / 16).max(1);
        let last = (first + 10).min(size.saturating_sub(2));
        let at = |n| Ipv4Addr::from(u32::from(lan.network()).saturating_add(n));
        Self(at(first)..=at(last))
    }

    /// Its addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let (first, last) = (u32::from(*self.0.start()), u32::from(*self.0.end()));
        (first..=last).map(Ipv4Addr::from)
    }

    /// Whether an address is in it.
    pub fn contains(&self, addr: Ipv4Addr) -> bool {
        self.0.contains(&addr)
    }
}

/// As MetalLB writes it in an IPAddressPool: `192.168.1.240-192.168.1.250`, or a network.
impl FromStr for AddressRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some((first, last)) = text.split_once('-') {
            let at = |s: &str| s.trim().parse::<Ipv4Addr>().map_err(|_| ());
            let range = at(first)?..=at(last)?;
            return if range.is_empty() { Err(()) } else { Ok(Self(range)) };
        }
        let net: Ipv4Net = text.parse().map_err(|_| ())?;
        Ok(Self(net.network()..=net.broadcast()))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.start(), self.0.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_range_is_at_the_end_of_the_lan() {
        let range = |lan: &str| AddressRange::default_of(lan.parse().expect("net")).to_string();
        assert_eq!(range("192.168.1.0/24"), "192.168.1.240-192.168.1.250");
        assert_eq!(range("172.18.0.0/16"), "172.18.0.240-172.18.0.250");
        assert_eq!(range("10.0.0.0/26"), "10.0.0.60-10.0.0.62");
        assert_eq!(range("10.0.0.0/27"), "10.0.0.30-10.0.0.30");
        for prefix in 28..=32 {
            let tiny = Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 0), prefix).expect("a length");
            assert_eq!(AddressRange::default_of(tiny).addresses().count(), 0, "{tiny}");
        }
    }

    #[test]
    fn a_range_is_read_as_metallb_reads_it() {
        let read = |text: &str| text.parse::<AddressRange>().map(|r| r.addresses().count());
        assert_eq!(read("10.0.0.1-10.0.0.3"), Ok(3));
        assert_eq!(read("10.0.0.0/30"), Ok(4));
        for wrong in ["10.0.0.3-10.0.0.1", "10.0.0.1", "10.0.0.1-", "x/24"] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
    }
}

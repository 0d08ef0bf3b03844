//! Address allocation as the real components do it.

use ipnet::Ipv4Net;
use litemap::LiteMap;
use net::rng;
use std::net::Ipv4Addr;

/// Pod networks for nodes, in order (`cidrset.AllocateNext`): each /24 of the cluster's pod CIDR.
pub fn pod_cidrs(cluster: Ipv4Net) -> impl Iterator<Item = Ipv4Net> {
    cluster.subnets(cluster.prefix_len().max(24)).into_iter().flatten()
}

/// host-local's round robin in one node's pod network: `.1` is the gateway, the first pod gets
/// `.2`, freed addresses come back only after the end was reached.
#[derive(Clone, Debug)]
pub struct HostLocal {
    net: Ipv4Net,
    last: Ipv4Addr,
    taken: LiteMap<Ipv4Addr, ()>,
}

impl HostLocal {
    /// A fresh network.
    pub fn new(net: Ipv4Net) -> Self {
        let gateway = Ipv4Addr::from(u32::from(net.network()) + 1);
        Self { net, last: gateway, taken: LiteMap::from_iter([(gateway, ())]) }
    }

    /// The bridge's own address.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.net.network()) + 1)
    }

    /// Takes a certain address. False: it is taken, or not of this network.
    pub fn take(&mut self, addr: Ipv4Addr) -> bool {
        self.net.contains(&addr)
            && addr != self.net.network()
            && addr != self.net.broadcast()
            && self.taken.insert(addr, ()).is_none()
    }

    /// Gives an address back.
    pub fn release(&mut self, addr: Ipv4Addr) {
        self.taken.remove(&addr);
    }

    /// The next free address; none if all are taken.
    pub fn allocate(&mut self) -> Option<Ipv4Addr> {
        let (first, n) = (
            u32::from(self.net.network()) + 1,
            (1u32 << (32 - self.net.prefix_len())).saturating_sub(2),
        );
        let start = u32::from(self.last) - first + 1;
        let free = (0..n)
            .map(|i| Ipv4Addr::from(first + (start + i) % n))
            .find(|a| !self.taken.contains_key(a))?;
        self.taken.insert(free, ());
        self.last = free;
        Some(free)
    }
}

/// Cluster IPs (`ipallocator`, v1.10): a random start, then the first free one upwards.
#[derive(Clone, Debug)]
pub struct ServiceIps {
    net: Ipv4Net,
    taken: LiteMap<Ipv4Addr, ()>,
}

impl ServiceIps {
    /// A fresh range.
    pub fn new(net: Ipv4Net) -> Self {
        Self { net, taken: LiteMap::new() }
    }

    /// The `n`th address: 1 is `kubernetes`, 10 is DNS.
    pub fn nth(&self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.net.network()).saturating_add(n))
    }

    /// Whether an address is of this range.
    pub fn contains(&self, addr: Ipv4Addr) -> bool {
        self.net.contains(&addr) && addr != self.net.network() && addr != self.net.broadcast()
    }

    /// Takes a certain address; false if it is taken.
    pub fn take(&mut self, addr: Ipv4Addr) -> bool {
        self.taken.insert(addr, ()).is_none()
    }

    /// A free address, drawn by name.
    pub fn allocate(&mut self, seed: u64, name: &str) -> Option<Ipv4Addr> {
        let n = (1u64 << (32 - self.net.prefix_len())).saturating_sub(2);
        let start = rng::hash_str(seed, name).checked_rem(n)?;
        let first = u64::from(u32::from(self.net.network())) + 1;
        let free = (0..n)
            .map(|i| Ipv4Addr::from((first + (start + i) % n) as u32))
            .find(|a| !self.taken.contains_key(a))?;
        self.taken.insert(free, ());
        Some(free)
    }
}

/// Node ports: drawn from the range, then upwards.
#[derive(Clone, Debug)]
pub struct NodePorts {
    first: u16,
    last: u16,
    taken: LiteMap<u16, ()>,
}

impl NodePorts {
    /// A fresh range.
    pub fn new(first: u16, last: u16) -> Self {
        Self { first, last, taken: LiteMap::new() }
    }

    /// Whether a port is of this range.
    pub fn contains(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Takes a certain port; false if it is taken.
    pub fn take(&mut self, port: u16) -> bool {
        self.taken.insert(port, ()).is_none()
    }

    /// A free port, drawn by name.
    pub fn allocate(&mut self, seed: u64, name: &str) -> Option<u16> {
        let n = u64::from(self.last - self.first) + 1;
        let start = rng::hash_str(seed, name) % n;
        let free = (0..n)
            .map(|i| self.first + ((start + i) % n) as u16)
            .find(|p| !self.taken.contains_key(p))?;
        self.taken.insert(free, ());
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_local_goes_round() {
        let mut h = HostLocal::new("10.1.5.0/29".parse().expect("net"));
        let all: Vec<_> = std::iter::from_fn(|| h.allocate()).map(|a| a.octets()[3]).collect();
        assert_eq!(all, [2, 3, 4, 5, 6]);
        assert_eq!(h.gateway(), Ipv4Addr::new(10, 1, 5, 1));
        assert!(!h.take(Ipv4Addr::new(10, 1, 5, 3)) && !h.take(Ipv4Addr::new(10, 9, 9, 9)));
    }

    #[test]
    fn every_cluster_ip_is_given_once() {
        let mut s = ServiceIps::new("10.0.0.0/28".parse().expect("net"));
        let mut all: Vec<_> = (0..14).filter_map(|i| s.allocate(1, &i.to_string())).collect();
        assert_eq!(s.allocate(1, "x"), None);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 14);
    }
}

//! Allocation of pod networks, pod addresses, cluster IPs and node ports. Where the real allocators
//! draw, the draw depends on the topology's seed.

use ipnet::Ipv4Net;
use net::rng;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The pod networks that nodes get, in order (`cidrset.AllocateNext`): each /24 of the cluster's.
pub(crate) fn pod_cidrs(cluster: Ipv4Net) -> impl Iterator<Item = Ipv4Net> {
    cluster.subnets(cluster.prefix_len().max(24)).into_iter().flatten()
}

/// host-local's round robin in one node's pod network: `.1` is the gateway, the first pod gets
/// `.2`; released addresses are reused only after the end of the range
/// (`plugins/ipam/host-local/backend/allocator/allocator.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostLocal {
    net: Ipv4Net,
    last: Ipv4Addr,
    taken: BTreeSet<Ipv4Addr>,
}

impl HostLocal {
    /// A network with only the gateway allocated.
    pub(crate) fn new(net: Ipv4Net) -> Self {
        let gateway = Ipv4Addr::from(u32::from(net.network()) + 1);
        Self { net, last: gateway, taken: BTreeSet::from([gateway]) }
    }

    /// The address of cni0, `.1`.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.net.network()) + 1)
    }

    /// Allocates this address. False if it is allocated already, or not in the network.
    pub(crate) fn take(&mut self, addr: Ipv4Addr) -> bool {
        self.net.contains(&addr)
            && addr != self.net.network()
            && addr != self.net.broadcast()
            && self.taken.insert(addr)
    }

    /// Frees an address; it is allocated again once the others were.
    pub(crate) fn release(&mut self, addr: Ipv4Addr) {
        self.taken.remove(&addr);
    }

    /// Allocates the next free address; none if there is none.
    pub(crate) fn allocate(&mut self) -> Option<Ipv4Addr> {
        let first = u32::from(self.net.network()) + 1;
        let n = (1u32 << (32 - self.net.prefix_len())).saturating_sub(2);
        let start = u32::from(self.last) - first + 1;
        let free = (0..n)
            .map(|i| Ipv4Addr::from(first + (start + i) % n))
            .find(|a| !self.taken.contains(a))?;
        self.taken.insert(free);
        self.last = free;
        Some(free)
    }
}

/// Cluster IPs (`ipallocator`, 1.10): the first free address from a random one upwards.
#[derive(Clone, Debug)]
pub(crate) struct ServiceIps {
    net: Ipv4Net,
    taken: BTreeSet<Ipv4Addr>,
}

impl ServiceIps {
    /// A range with nothing allocated.
    pub(crate) fn new(net: Ipv4Net) -> Self {
        Self { net, taken: BTreeSet::new() }
    }

    /// The network address plus `n`: 1 is the Service `kubernetes`, 10 cluster DNS.
    pub(crate) fn nth(&self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.net.network()).saturating_add(n))
    }

    /// Whether an address can be allocated from the range.
    pub(crate) fn contains(&self, addr: Ipv4Addr) -> bool {
        self.net.contains(&addr) && addr != self.net.network() && addr != self.net.broadcast()
    }

    /// Allocates this address; false if it is allocated already.
    pub(crate) fn take(&mut self, addr: Ipv4Addr) -> bool {
        self.taken.insert(addr)
    }

    /// Allocates a free address for the Service with this name.
    pub(crate) fn allocate(&mut self, seed: u64, name: &str) -> Option<Ipv4Addr> {
        let n = (1u64 << (32 - self.net.prefix_len())).saturating_sub(2);
        let start = rng::hash_str(seed, name).checked_rem(n)?;
        let first = u64::from(u32::from(self.net.network())) + 1;
        let free = (0..n)
            .map(|i| Ipv4Addr::from((first + (start + i) % n) as u32))
            .find(|a| !self.taken.contains(a))?;
        self.taken.insert(free);
        Some(free)
    }
}

/// Node ports: the first free port from a random one upwards.
#[derive(Clone, Debug)]
pub(crate) struct NodePorts {
    first: u16,
    last: u16,
    taken: BTreeSet<u16>,
}

impl NodePorts {
    /// A range with nothing allocated.
    pub(crate) fn new(first: u16, last: u16) -> Self {
        Self { first, last, taken: BTreeSet::new() }
    }

    /// Whether a port is in the range.
    pub(crate) fn contains(&self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// Allocates this port; false if it is allocated already.
    pub(crate) fn take(&mut self, port: u16) -> bool {
        self.taken.insert(port)
    }

    /// Allocates a free port for the Service port with this name.
    pub(crate) fn allocate(&mut self, seed: u64, name: &str) -> Option<u16> {
        let n = u64::from(self.last - self.first) + 1;
        let start = rng::hash_str(seed, name) % n;
        let free = (0..n)
            .map(|i| self.first + ((start + i) % n) as u16)
            .find(|p| !self.taken.contains(p))?;
        self.taken.insert(free);
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_local_allocates_in_turn() {
        let mut h = HostLocal::new("10.1.5.0/29".parse().expect("net"));
        let all: Vec<_> = std::iter::from_fn(|| h.allocate()).map(|a| a.octets()[3]).collect();
        assert_eq!(all, [2, 3, 4, 5, 6]);
        assert_eq!(h.gateway(), Ipv4Addr::new(10, 1, 5, 1));
        assert!(!h.take(Ipv4Addr::new(10, 1, 5, 3)) && !h.take(Ipv4Addr::new(10, 9, 9, 9)));
    }

    #[test]
    fn every_cluster_ip_is_allocated_once() {
        let mut s = ServiceIps::new("10.0.0.0/28".parse().expect("net"));
        let mut all: Vec<_> = (0..14).filter_map(|i| s.allocate(1, &i.to_string())).collect();
        assert_eq!(s.allocate(1, "x"), None);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 14);
    }
}

//! Routing tables: the longest prefix wins, then the lowest metric (`net/ipv4/fib_trie.c`).
//!
//! Table `local` (255) is asked first; it follows from the addresses. Left out: policy rules,
//! multipath, TOS.

use crate::id::DevId;
use ipnet::IpNet;
use std::net::IpAddr;

/// Where a route comes from, as `proto` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteProto {
    /// Made by the kernel when an address was added; printed `proto kernel`.
    Kernel,
    /// Made by hand at boot; printed `proto static`.
    Static,
    /// Made by `ip route add` without saying; not printed.
    Boot,
}

/// One route of table `main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network it leads to.
    pub dst: IpNet,
    /// The next hop; none if the network is on the link.
    pub via: Option<IpAddr>,
    /// The device it leaves by.
    pub dev: DevId,
    /// The source address to prefer.
    pub src: Option<IpAddr>,
    /// The next hop need not be on the link.
    pub onlink: bool,
    /// Where it comes from.
    pub proto: RouteProto,
    /// Lower wins among equals.
    pub metric: u32,
}

/// The best route to `dst`: longest prefix, then lowest metric, then first added.
pub fn longest_prefix(routes: &[Route], dst: IpAddr) -> Option<(usize, &Route)> {
    routes
        .iter()
        .enumerate()
        .filter(|(_, r)| r.dst.contains(&dst))
        .min_by_key(|(_, r)| (std::cmp::Reverse(r.dst.prefix_len()), r.metric))
}

/// What routing decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// For this node.
    Local,
    /// To everybody on a segment.
    Broadcast,
    /// Out by a device.
    Out {
        /// The device.
        dev: DevId,
        /// The next hop: the gateway, or the destination itself.
        next_hop: IpAddr,
        /// Which route, counted from 0 in table `main`.
        route: usize,
        /// The route's preferred source.
        src: Option<IpAddr>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn longest_prefix_agrees_with_a_scan() {
        let mut r = Rng::new(5);
        for _ in 0..300 {
            let routes: Vec<_> = (0..r.below(12))
                .map(|_| {
                    let len = r.below(33) as u8;
                    let dst = IpNet::new(
                        IpAddr::from((r.next_u64() as u32 & 0xf0f0_0ff0).to_be_bytes()),
                        len,
                    )
                    .expect("length");
                    Route {
                        dst: dst.trunc(),
                        via: None,
                        dev: DevId(0),
                        src: None,
                        onlink: false,
                        proto: RouteProto::Boot,
                        metric: r.below(3) as u32,
                    }
                })
                .collect();
            let dst = IpAddr::from((r.next_u64() as u32 & 0xf0f0_0ff0).to_be_bytes());
            let mut best: Option<usize> = None;
            for (i, route) in routes.iter().enumerate() {
                let better = |j: usize| {
                    let old = &routes[j];
                    route.dst.prefix_len() > old.dst.prefix_len()
                        || (route.dst.prefix_len() == old.dst.prefix_len()
                            && route.metric < old.metric)
                };
                if route.dst.contains(&dst) && best.is_none_or(better) {
                    best = Some(i);
                }
            }
            assert_eq!(longest_prefix(&routes, dst).map(|(i, _)| i), best);
        }
    }
}

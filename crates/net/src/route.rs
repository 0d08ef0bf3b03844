//! Routing: the longest prefix wins, then the lowest metric (`net/ipv4/fib_trie.c`).
//!
//! Table `local` (255) comes first and follows from the addresses: [`crate::state::Netns::route`]
//! does both. Left out: policy rules, multipath, TOS.

use crate::id::DevId;
use ipnet::IpNet;
use std::net::IpAddr;

/// Who added a route, as `ip route` prints it (`proto`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteProto {
    /// The kernel, when an address was added: `proto kernel`.
    Kernel,
    /// A component or the network configuration: `proto static`.
    Static,
    /// `ip route add` without `proto`; not printed.
    Boot,
}

/// A route of table `main` (`struct fib_alias`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The network that is reached by this route; 0.0.0.0/0 for the default route.
    pub dst: IpNet,
    /// The gateway; `None` for a network on the link.
    pub via: Option<IpAddr>,
    /// The device packets leave by.
    pub dev: DevId,
    /// The source address that unbound sockets use (`src`).
    pub src: Option<IpAddr>,
    /// The gateway need not be in a network of the device (`onlink`).
    pub onlink: bool,
    /// Who added the route.
    pub proto: RouteProto,
    /// The lowest wins among equal networks.
    pub metric: u32,
}

/// The best route to `dst` and its index: longest prefix, then lowest metric, then first added.
pub fn longest_prefix(routes: &[Route], dst: IpAddr) -> Option<(usize, &Route)> {
    routes
        .iter()
        .enumerate()
        .filter(|(_, r)| r.dst.contains(&dst))
        .min_by_key(|(_, r)| (std::cmp::Reverse(r.dst.prefix_len()), r.metric))
}

/// The result of a lookup (`struct fib_result`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// `dst` is an address of this namespace: to INPUT.
    Local,
    /// `dst` is a broadcast or multicast address.
    Broadcast,
    /// The packet leaves by a device: OUTPUT or FORWARD, then POSTROUTING.
    Out {
        /// The device it leaves by.
        dev: DevId,
        /// The next hop: the gateway, or the destination itself.
        next_hop: IpAddr,
        /// The route's index in table `main`.
        route: usize,
        /// The route's preferred source address.
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

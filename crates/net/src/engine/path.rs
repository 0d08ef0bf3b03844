//! Path MTUs and redirects that a host learns, and the rate limits on its errors and redirects
//! (`net/ipv4/route.c`, `icmp.c`).
//!
//! Left out: `ip_no_pmtu_disc`, `min_pmtu` other than the default, the global rate limit.

use super::{Job, World};
use crate::event::EventKind;
use crate::id::{DevId, NetnsId, PacketId};
use crate::route::Decision;
use crate::skb::Skb;
use crate::state::{Change, Exception, Peer};
use crate::time::Duration;
use crate::wire::Icmp;
use std::net::{IpAddr, Ipv4Addr};

/// Lifetime of a path MTU (`net.ipv4.route.mtu_expires`).
const MTU_EXPIRES: Duration = Duration::secs(600);
/// Smallest path MTU, in bytes (`net.ipv4.route.min_pmtu`).
const MIN_MTU: u32 = 552;
/// Lifetime of a redirect (`net.ipv4.route.gc_timeout`).
const GATEWAY_EXPIRES: Duration = Duration::secs(300);
/// Tokens that an error costs (`net.ipv4.icmp_ratelimit`), and errors that can be saved up
/// (`XRLIM_BURST_FACTOR`).
const ERROR_COST: Duration = Duration::secs(1);
const ERROR_BURST: Duration = Duration::secs(6);
/// Redirects to one host: they back off from 20 ms (`net.ipv4.route.redirect_load`) and end after
/// nine (`redirect_number`), until the host was silent for 20 s (`redirect_silence`).
const REDIRECT_LOAD: Duration = Duration::millis(20);
const REDIRECT_SILENCE: Duration = Duration::secs(20);
const REDIRECT_NUMBER: u32 = 9;

impl World {
    fn peer(&self, netns: NetnsId, addr: IpAddr) -> Peer {
        let fresh = Peer { tokens: Duration::default(), last: None, redirects: 0 };
        self.ns(netns).peers.get(&addr).copied().unwrap_or(fresh)
    }

    fn set_peer(&mut self, netns: NetnsId, addr: IpAddr, to: Peer) {
        let before = self.ns(netns).peers.get(&addr).copied();
        self.change(Change::Peer { netns, addr, before, after: Some(to) });
    }

    /// Whether the rate limit allows another error to `to` (`icmpv4_xrlim_allow`); loopback is
    /// exempt.
    pub(super) fn error_allowed(&mut self, netns: NetnsId, to: IpAddr) -> bool {
        if matches!(self.ns(netns).route(to), Some(Decision::Local)) {
            return true;
        }
        let mut peer = self.peer(netns, to);
        let idle = peer.last.map_or(ERROR_BURST, |last| self.now - last);
        let saved = Duration(peer.tokens.0.saturating_add(idle.0)).min(ERROR_BURST);
        let allowed = saved >= ERROR_COST;
        peer.tokens = if allowed { Duration(saved.0 - ERROR_COST.0) } else { saved };
        peer.last = Some(self.now);
        self.set_peer(netns, to, peer);
        allowed
    }

    fn set_exception(&mut self, netns: NetnsId, dst: IpAddr, to: Option<Exception>) {
        let before = self.ns(netns).exceptions.get(&dst).copied();
        if before != to {
            self.change(Change::Exception { netns, dst, before, after: to });
        }
    }

    /// Deletes what was learned about a destination if it has expired.
    pub(super) fn exception_timer(&mut self, netns: NetnsId, dst: IpAddr) {
        if self.ns(netns).exceptions.get(&dst).is_some_and(|e| e.expires <= self.now) {
            self.set_exception(netns, dst, None);
        }
    }

    fn learn_exception(
        &mut self,
        netns: NetnsId,
        dst: IpAddr,
        change: impl FnOnce(&mut Exception),
        lasts: Duration,
    ) {
        let mut e = self.ns(netns).exceptions.get(&dst).copied().unwrap_or_default();
        change(&mut e);
        e.expires = self.now + lasts;
        self.set_exception(netns, dst, Some(e));
        self.in_background(lasts, Job::Exception(netns, dst));
        self.emit(netns, None, EventKind::PathLearned { dst, mtu: e.mtu, gateway: e.gateway });
    }

    /// Learns a path MTU from an ICMP error (`__ip_rt_update_pmtu`).
    pub(super) fn learn_mtu(&mut self, netns: NetnsId, dst: IpAddr, mtu: u16) {
        let Some(Decision::Out { dev, .. }) = self.ns(netns).route(dst) else { return };
        let mtu = u32::from(mtu).max(MIN_MTU);
        if mtu < self.ns(netns).path_mtu(dev, dst) {
            self.learn_exception(netns, dst, |e| e.mtu = Some(mtu), MTU_EXPIRES);
        }
    }

    /// Learns a gateway from a redirect (`__ip_do_redirect`): only from the gateway in use, only on
    /// a host that does not forward, and only if the new gateway's MAC is known.
    pub(super) fn learn_gateway(
        &mut self,
        netns: NetnsId,
        dev: DevId,
        from: Ipv4Addr,
        dst: IpAddr,
        gateway: Ipv4Addr,
    ) {
        let ns = self.ns(netns);
        if ns.sysctl.ip_forward || !ns.sysctl.accept_redirects {
            return;
        }
        let Some(Decision::Out { dev: by, next_hop, .. }) = ns.route(dst) else { return };
        let neighbour = ns.neighbours.get(&(by, gateway.into()));
        let known = neighbour.is_some_and(|n| n.state.is_valid());
        if by != dev || next_hop != IpAddr::V4(from) || gateway == from {
            return;
        }
        if known {
            return self.learn_exception(
                netns,
                dst,
                |e| e.gateway = Some(gateway.into()),
                GATEWAY_EXPIRES,
            );
        }
        if neighbour.is_none() {
            self.ask_neighbour(netns, by, gateway.into());
        }
    }

    /// Sends a redirect to the sender of a packet that leaves by its input device
    /// (`ip_rt_send_redirect`).
    //= linux:v6.12 net/ipv4/route.c ip_rt_send_redirect
    //# Not twice within 20 ms, then 40, 80 and so on; after nine in a row not until 20 s of
    //# silence.
    pub(super) fn maybe_redirect(
        &mut self,
        pkt: PacketId,
        skb: &Skb,
        out: DevId,
        next_hop: IpAddr,
    ) {
        let Some(ip) = skb.ip() else { return };
        let netns = skb.netns;
        let ns = self.ns(netns);
        let (src, IpAddr::V4(gateway)) = (IpAddr::from(ip.src), next_hop) else { return };
        // The sender must be a neighbour.
        let on_link = match ns.route(src) {
            Some(Decision::Out { dev, next_hop, .. }) => (dev, next_hop) == (out, src),
            _ => false,
        };
        if skb.dev != Some(out) || !ns.sysctl.send_redirects || !on_link {
            return;
        }
        let mut peer = self.peer(netns, src);
        if peer.last.is_none_or(|last| self.now - last > REDIRECT_SILENCE) {
            peer.redirects = 0;
        }
        if peer.redirects >= REDIRECT_NUMBER {
            peer.last = Some(self.now);
            return self.set_peer(netns, src, peer);
        }
        let load = Duration(REDIRECT_LOAD.0 << peer.redirects);
        if peer.redirects == 0 || peer.last.is_none_or(|last| self.now > last + load) {
            self.icmp_error(pkt, |quoted| Icmp::Redirect { gateway, quoted });
            // The time of the last error too: one that follows at once is not sent (`rate_last`).
            (peer.last, peer.redirects) = (Some(self.now), peer.redirects + 1);
            self.set_peer(netns, src, peer);
        }
    }
}

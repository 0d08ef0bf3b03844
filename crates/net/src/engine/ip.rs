//! IPv4: receiving, routing, forwarding, sending (`net/ipv4/ip_input.c`, `ip_forward.c`,
//! `ip_output.c`, `route.c`).
//!
//! Left out: options, multicast.

use super::hooks::HookDevs;
use super::{Stage, World};
use crate::drop::DropReason;
use crate::event::{EventKind, Snapshot};
use crate::id::{DevId, NetnsId, PacketId};
use crate::netfilter::Hook;
use crate::route::Decision;
use crate::skb::{PktType, Place, Skb};
use crate::socket::Pmtudisc;
use crate::state::{DeviceKind, Netns};
use crate::wire::{Body, Icmp, Ipv4, Unreachable};
use std::net::IpAddr;

fn physin(skb: &Skb) -> Option<DevId> {
    skb.bridge.as_ref().map(|b| b.physin)
}

/// The output device of a routing decision.
pub(super) fn out_dev(ns: &Netns, decision: &Decision) -> Option<DevId> {
    match decision {
        Decision::Local => ns.loopback(),
        Decision::Broadcast => None,
        Decision::Out { dev, .. } => Some(*dev),
    }
}

/// How a datagram leaves its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// It is not longer than the path MTU: it leaves in one piece.
    pub(super) whole: bool,
    /// Its "don't fragment" bit is set.
    pub(super) df: bool,
}

impl World {
    /// How a datagram leaves under its socket's path MTU discovery; `None` if it is too large to be
    /// sent whole, as the socket asks (EMSGSIZE;
    /// `__ip_append_data`, `__ip_make_skb`).
    pub(super) fn fit(&self, netns: NetnsId, packet: &Ipv4, how: Pmtudisc) -> Option<Fit> {
        let ns = self.ns(netns);
        let dst = IpAddr::from(packet.dst);
        let dev = match ns.route(dst) {
            Some(Decision::Out { dev, .. }) => Some(dev),
            _ => ns.loopback(),
        };
        let whole = dev.is_none_or(|d| packet.len() <= ns.path_mtu(d, dst) as usize);
        let fit = Fit { whole, df: whole && how != Pmtudisc::Dont };
        (whole || how != Pmtudisc::Do).then_some(fit)
    }

    pub(super) fn ip_rcv(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        if skb.pkt_type == PktType::OtherHost {
            return self.drop_packet(pkt, DropReason::OtherHost, None);
        }
        if skb.prerouting_done {
            return self.then(pkt, Stage::Prerouted);
        }
        let devs = HookDevs { in_dev: skb.dev, ..HookDevs::default() };
        self.hook(pkt, Hook::Prerouting, devs, Stage::Prerouted);
    }

    /// The routing decision for a packet that came in (`ip_route_input`).
    pub(super) fn route_input(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let (Some(ip), Some(dev)) = (skb.ip(), skb.dev) else { return };
        let (src, dst): (IpAddr, IpAddr) = (ip.src.into(), ip.dst.into());
        let ns = self.ns(skb.netns);
        if let Some(reason) = source_refused(ns, dev, src, dst) {
            return self.drop_packet(pkt, reason, None);
        }
        let Some(decision) = ns.route(dst) else {
            // Only a router sends an ICMP error (`ip_error`).
            if !ns.sysctl.ip_forward {
                return self.drop_packet(pkt, DropReason::NotForwarding, None);
            }
            self.icmp_error(pkt, |quoted| Icmp::Unreachable { code: Unreachable::Net, quoted });
            return self.drop_packet(pkt, DropReason::IpOutNoRoutes, None);
        };
        let forwards = ns.sysctl.ip_forward;
        if !matches!(decision, Decision::Local) && !forwards {
            return self.drop_packet(pkt, DropReason::NotForwarding, None);
        }
        let set = decision.clone();
        self.update(pkt, |s| {
            s.route = Some(set);
            s.place = Place::Routing;
        });
        self.emit_for(
            pkt,
            EventKind::Routed {
                dst,
                routes: Snapshot(self.ns(skb.netns).routes.clone()),
                decision: decision.clone(),
                again: false,
            },
        );
        match decision {
            Decision::Local => {
                // Where no hook did it, the last moment to put fragments together
                // (`ip_local_deliver`).
                if ip.is_fragment() {
                    if let Some(whole) = self.defrag(pkt) {
                        self.then(whole, Stage::Prerouted);
                    }
                    return;
                }
                let devs =
                    HookDevs { in_dev: skb.dev, physin: physin(&skb), ..HookDevs::default() };
                self.hook(pkt, Hook::Input, devs, Stage::LocalIn);
            }
            Decision::Broadcast => self.drop_packet(pkt, DropReason::NoSocket, None),
            Decision::Out { dev, next_hop, .. } => self.forward(pkt, dev, next_hop),
        }
    }

    /// Forwards a packet, or drops it: too large, or its ttl ends here (`ip_forward`).
    //= linux:v6.12 net/ipv4/ip_forward.c ip_forward
    //# ttl and size are looked at before the FORWARD hook, and ttl is taken off before it too: the
    //# hook already sees the smaller one.
    fn forward(&mut self, pkt: PacketId, dev: DevId, next_hop: IpAddr) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        if ip.ttl <= 1 {
            self.icmp_error(pkt, |quoted| Icmp::TimeExceeded { quoted });
            return self.drop_packet(pkt, DropReason::IpTtlExceeded, None);
        }
        let mtu = self.ns(skb.netns).dev(dev).mtu;
        if ip.df && skb.network_len() > mtu as usize {
            let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
            self.icmp_error(pkt, |quoted| Icmp::Unreachable {
                code: Unreachable::FragNeeded { mtu },
                quoted,
            });
            return self.drop_packet(pkt, DropReason::PktTooBig, None);
        }
        let before = ip.ttl;
        self.update(pkt, |s| {
            if let Some(p) = s.ip_mut() {
                p.ttl -= 1;
            }
        });
        self.emit_for(pkt, EventKind::TtlDecremented { before, after: before - 1 });
        let devs = HookDevs {
            in_dev: skb.in_dev,
            out_dev: Some(dev),
            physin: physin(&skb),
            physout: None,
        };
        self.hook(pkt, Hook::Forward, devs, Stage::Forwarded);
        let skb = self.skb(pkt);
        self.maybe_redirect(pkt, &skb, dev, next_hop);
    }

    pub(super) fn forwarded(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let out = skb.route.as_ref().and_then(|r| out_dev(self.ns(skb.netns), r));
        let devs =
            HookDevs { in_dev: skb.in_dev, out_dev: out, physin: physin(&skb), physout: None };
        self.hook(pkt, Hook::Postrouting, devs, Stage::Finish);
    }

    /// Routes a packet of this host and passes it to OUTPUT (`__ip_local_out`).
    pub(super) fn local_out(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        let dst = ip.dst.into();
        let ns = self.ns(skb.netns);
        let Some(decision) = ns.route(dst) else {
            return self.not_sent(pkt, DropReason::IpOutNoRoutes);
        };
        let Some(dev) = out_dev(ns, &decision) else {
            return self.not_sent(pkt, DropReason::Unsupported);
        };
        let set = decision.clone();
        self.update(pkt, |s| {
            s.route = Some(set);
            s.place = Place::Routing;
        });
        self.emit_for(
            pkt,
            EventKind::Routed {
                dst,
                routes: Snapshot(self.ns(skb.netns).routes.clone()),
                decision,
                again: false,
            },
        );
        let devs = HookDevs { out_dev: Some(dev), ..HookDevs::default() };
        self.hook(pkt, Hook::Output, devs, Stage::Output);
    }

    /// Passes a packet to POSTROUTING; one whose destination OUTPUT changed is routed again
    /// (`ip_route_me_harder`).
    pub(super) fn output(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        let dst = ip.dst.into();
        let decision = match &skb.route {
            Some(decision) => decision.clone(),
            None => {
                let Some(decision) = self.ns(skb.netns).route(dst) else {
                    return self.drop_packet(pkt, DropReason::IpOutNoRoutes, None);
                };
                let set = decision.clone();
                self.update(pkt, |s| {
                    s.route = Some(set);
                    s.place = Place::Routing;
                });
                self.emit_for(
                    pkt,
                    EventKind::Routed {
                        dst,
                        routes: Snapshot(self.ns(skb.netns).routes.clone()),
                        decision: decision.clone(),
                        again: true,
                    },
                );
                decision
            }
        };
        let out = out_dev(self.ns(skb.netns), &decision);
        let devs =
            HookDevs { in_dev: skb.in_dev, out_dev: out, physin: physin(&skb), physout: None };
        self.hook(pkt, Hook::Postrouting, devs, Stage::Finish);
    }

    /// Sends a packet to the next hop, in fragments if need be (`ip_finish_output`).
    pub(super) fn finish_output(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        match skb.route.clone() {
            Some(Decision::Out { dev, next_hop, .. }) => {
                let next = Stage::NeighbourOutput { dev, next_hop };
                let ns = self.ns(skb.netns);
                // What a router learned of the path is for its own sockets only.
                let mtu = if skb.in_dev.is_some() {
                    ns.dev(dev).mtu
                } else {
                    ns.path_mtu(dev, ip.dst.into())
                };
                if !skb.recut && skb.network_len() <= mtu as usize {
                    return self.then(pkt, next);
                }
                if ip.df {
                    let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
                    self.icmp_error(pkt, |quoted| Icmp::Unreachable {
                        code: Unreachable::FragNeeded { mtu },
                        quoted,
                    });
                    return self.drop_packet(pkt, DropReason::PktTooBig, None);
                }
                self.fragment(pkt, dev, mtu, next);
            }
            _ => match self.ns(skb.netns).loopback() {
                Some(lo) => self.then(pkt, Stage::Xmit(lo)),
                None => self.drop_packet(pkt, DropReason::DevReady, None),
            },
        }
    }

    /// Passes a packet to its protocol (`ip_local_deliver_finish`).
    pub(super) fn local_in(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(ip) = skb.ip() else { return };
        self.update(pkt, |s| s.place = Place::Socket);
        match &ip.body {
            Body::Tcp(_) => self.tcp_rcv(pkt),
            Body::Udp(_) => self.udp_rcv(pkt),
            Body::Icmp(_) => self.icmp_rcv(pkt),
            Body::Raw { .. } => self.drop_packet(pkt, DropReason::Unsupported, None),
        }
    }
}

/// Why a packet is rejected on input by its source: a martian, or by the reverse path filter.
/// Loopback accepts everything.
pub(super) fn source_refused(
    ns: &Netns,
    dev: DevId,
    src: IpAddr,
    dst: IpAddr,
) -> Option<DropReason> {
    if matches!(ns.dev(dev).kind, DeviceKind::Loopback) {
        return None;
    }
    let martian =
        (src.is_loopback() || dst.is_loopback()) && !ns.sysctl.route_localnet || ns.is_local(src);
    if martian { Some(DropReason::IpMartianSource) } else { rp_filter(ns, dev, src) }
}

/// The reverse path filter: whether the route back leaves by the input device.
//= linux:v6.12 net/ipv4/fib_frontend.c __fib_validate_source
//# Strict (1): the best route back must use this device. Loose (2): any route back will do.
fn rp_filter(ns: &Netns, dev: DevId, src: IpAddr) -> Option<DropReason> {
    let back = ns.route(src);
    match (ns.sysctl.rp_filter, back) {
        (0, _) => None,
        (_, None) => Some(DropReason::IpRpFilter),
        (1, Some(Decision::Out { dev: by, .. })) if by != dev => Some(DropReason::IpRpFilter),
        _ => None,
    }
}

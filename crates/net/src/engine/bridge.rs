//! A learning bridge with netfilter (`net/bridge/br_input.c`, `br_forward.c`,
//! `br_netfilter_hooks.c`).
//!
//! With `bridge-nf-call-iptables=1` a bridged IPv4 frame passes PREROUTING at the port, and FORWARD
//! and POSTROUTING on its way out. If PREROUTING gives it a destination on the same bridge it is
//! still bridged, not routed: ttl and source MAC stay.
//!
//! Left out: STP, VLANs, multicast snooping, ageing of learned entries.

use super::hooks::HookDevs;
use super::ip::source_refused;
use super::{Stage, World};
use crate::drop::DropReason;
use crate::event::{BridgeTo, EventKind};
use crate::id::{DevId, PacketId};
use crate::netfilter::Hook;
use crate::route::Decision;
use crate::skb::{NfBridge, PktType, Place};
use crate::state::{Change, DeviceKind, FdbEntry, Netns};
use crate::wire::Mac;

fn bridge_of(ns: &Netns, port: DevId) -> DevId {
    ns.dev(port).master.unwrap_or(port)
}

fn ports_of(ns: &Netns, bridge: DevId) -> &[DevId] {
    match &ns.dev(bridge).kind {
        DeviceKind::Bridge { ports } => ports,
        _ => &[],
    }
}

impl World {
    pub(super) fn bridge_rx(&mut self, pkt: PacketId, port: DevId) {
        let skb = self.skb(pkt);
        let ns = self.ns(skb.netns);
        let bridge = bridge_of(ns, port);
        let (Some(ip), true, true) =
            (skb.ip(), ns.sysctl.bridge_nf_call_iptables, self.filters(skb.netns))
        else {
            return self.bridge_finish(pkt, Some(port));
        };
        let orig_dst = ip.dst;
        self.update(pkt, |s| {
            s.bridge =
                Some(NfBridge { physin: port, physout: None, orig_dst, saved_src_mac: None });
            s.dev = Some(bridge);
            s.in_dev = Some(bridge);
        });
        let devs = HookDevs { in_dev: Some(bridge), physin: Some(port), ..HookDevs::default() };
        self.hook(pkt, Hook::Prerouting, devs, Stage::BridgePrerouted { port });
    }

    /// After PREROUTING at a port (`br_nf_pre_routing_finish`).
    //= linux:v6.12 net/bridge/br_netfilter_hooks.c br_nf_pre_routing_finish
    //# A changed destination is routed; if the route leads back to the bridge, the frame is bridged
    //# on to the new neighbour, otherwise it is addressed to the bridge itself.
    pub(super) fn bridge_prerouted(&mut self, pkt: PacketId, port: DevId) {
        let skb = self.skb(pkt);
        let ns = self.ns(skb.netns);
        let bridge = bridge_of(ns, port);
        let bridge_mac = ns.dev(bridge).mac;
        let (Some(ip), Some(info)) = (skb.ip(), &skb.bridge) else {
            return self.bridge_finish(pkt, Some(port));
        };
        if ip.dst == info.orig_dst {
            return self.bridge_finish(pkt, Some(port));
        }
        let (src, dst) = (ip.src.into(), ip.dst.into());
        if let Some(reason) = source_refused(ns, bridge, src, dst) {
            return self.drop_packet(pkt, reason, None);
        }
        // Without forwarding, or without a route, it goes up too, where that is said.
        match ns.route(dst).filter(|_| ns.sysctl.ip_forward) {
            Some(Decision::Out { dev, next_hop, .. }) if dev == bridge => {
                self.update(pkt, |s| s.place = Place::Device(bridge));
                self.emit_for(pkt, EventKind::BridgedDnat { bridge });
                let neighbour = self.ns(skb.netns).neighbours.get(&(bridge, next_hop)).cloned();
                match neighbour {
                    Some(n) if n.state.is_connected() && n.cached => {
                        let mac = n.lladdr.unwrap_or_default();
                        self.update(pkt, |s| s.frame.eth.dst = mac);
                        self.emit_for(
                            pkt,
                            EventKind::NeighbourUsed {
                                dev: bridge,
                                addr: next_hop,
                                lladdr: mac,
                                state: n.state,
                            },
                        );
                        self.then(pkt, Stage::BridgeFinish { port });
                    }
                    // The neighbour's output function overwrites the whole MAC header: the source
                    // is put back when the frame comes to the bridge as if sent by it.
                    _ => {
                        self.update(pkt, |s| {
                            let src = s.frame.eth.src;
                            if let Some(info) = &mut s.bridge {
                                info.saved_src_mac = Some(src);
                            }
                        });
                        self.then(pkt, Stage::NeighbourOutput { dev: bridge, next_hop });
                    }
                }
            }
            _ => {
                self.update(pkt, |s| {
                    s.frame.eth.dst = bridge_mac;
                    s.pkt_type = PktType::Host;
                });
                self.bridge_finish(pkt, Some(port));
            }
        }
    }

    /// Decides where a frame goes (`br_handle_frame_finish`).
    pub(super) fn bridge_finish(&mut self, pkt: PacketId, port: Option<DevId>) {
        let skb = self.skb(pkt);
        let Some(ingress) = port else { return };
        let ns = self.ns(skb.netns);
        let bridge = bridge_of(ns, ingress);
        let src = skb.frame.eth.src;
        let known = ns.fdb.get(&(bridge, src)).cloned();
        let own = ns
            .devices
            .iter()
            .any(|d| (d.master == Some(bridge) || d.name == ns.dev(bridge).name) && d.mac == src);
        if known != Some(FdbEntry::Port(ingress)) && !own && !src.is_multicast() {
            let after = Some(FdbEntry::Port(ingress));
            self.change(Change::Fdb {
                netns: skb.netns,
                dev: bridge,
                mac: src,
                before: known,
                after,
            });
            self.emit_for(pkt, EventKind::FdbLearned { bridge, port: ingress, mac: src });
            // The decision is a step of its own.
            return self.then(pkt, Stage::BridgeFinish { port: ingress });
        }
        self.bridge_decide(pkt, bridge, Some(ingress));
    }

    /// Sends a frame of the node itself by its bridge (`br_dev_xmit`).
    pub(super) fn bridge_dev_xmit(&mut self, pkt: PacketId, bridge: DevId) {
        let skb = self.skb(pkt);
        if let Some(info) = &skb.bridge
            && let Some(src) = info.saved_src_mac
        {
            let port = info.physin;
            self.update(pkt, |s| {
                s.frame.eth.src = src;
                if let Some(info) = &mut s.bridge {
                    info.saved_src_mac = None;
                }
            });
            return self.then(pkt, Stage::BridgeFinish { port });
        }
        // Came in by a port, was routed, and leaves as the node's own: netfilter has seen it.
        self.update(pkt, |s| s.bridge = None);
        self.bridge_decide(pkt, bridge, None);
    }

    fn bridge_decide(&mut self, pkt: PacketId, bridge: DevId, ingress: Option<DevId>) {
        let skb = self.skb(pkt);
        let ns = self.ns(skb.netns);
        let dst = skb.frame.eth.dst;
        let mine = |d: DevId| ns.dev(d).mac == dst;
        let ports = ports_of(ns, bridge);
        let group = dst.is_multicast();
        if !group && (mine(bridge) || ports.iter().any(|p| mine(*p))) {
            return match ingress {
                Some(_) => {
                    self.update(pkt, |s| s.pkt_type = PktType::Host);
                    self.bridged(pkt, bridge, BridgeTo::Up);
                    self.then(pkt, Stage::BridgeUp);
                }
                None => self.drop_packet(pkt, DropReason::OtherHost, None),
            };
        }
        let may = |p: DevId| ns.dev(p).up && (ingress != Some(p) || ns.dev(p).hairpin);
        if let (false, Some(FdbEntry::Port(port))) = (group, ns.fdb.get(&(bridge, dst))) {
            let port = *port;
            if !may(port) {
                return self.drop_packet(pkt, DropReason::BridgeSamePort, None);
            }
            self.bridged(pkt, bridge, BridgeTo::Port(port));
            return self.then(pkt, self.bridge_way(&skb.bridge, port));
        }
        let to: Vec<DevId> = ports.iter().copied().filter(|p| may(*p)).collect();
        let up = group && ingress.is_some();
        let event = if to.is_empty() && up { BridgeTo::Up } else { BridgeTo::Flood(to.clone()) };
        if to.is_empty() && !up {
            return self.drop_packet(pkt, DropReason::DevReady, None);
        }
        // Copies go first, the frame itself last: to the bridge's own address, or to the last port.
        let n_copies = if up { to.len() } else { to.len() - 1 };
        let mut jobs: Vec<(PacketId, Stage)> = Vec::new();
        for port in &to[..n_copies] {
            let mut copy = crate::Skb::clone(&self.skb(pkt));
            copy.parent = Some(pkt);
            jobs.push((self.new_packet(copy), self.bridge_way(&skb.bridge, *port)));
        }
        jobs.push((
            pkt,
            if up { Stage::BridgeUp } else { self.bridge_way(&skb.bridge, to[n_copies]) },
        ));
        self.bridged(pkt, bridge, event);
        for (id, next) in jobs.into_iter().rev() {
            self.then(id, next);
        }
    }

    fn bridge_way(&self, info: &Option<NfBridge>, port: DevId) -> Stage {
        if info.is_some() { Stage::BridgeForward { port } } else { Stage::BridgePush { port } }
    }

    fn bridged(&mut self, pkt: PacketId, bridge: DevId, to: BridgeTo) {
        self.update(pkt, |s| s.place = Place::Device(bridge));
        self.emit_for(pkt, EventKind::Bridged { bridge, to });
    }

    pub(super) fn bridge_forward(&mut self, pkt: PacketId, port: DevId) {
        let skb = self.skb(pkt);
        let bridge = bridge_of(self.ns(skb.netns), port);
        self.update(pkt, |s| {
            if let Some(info) = &mut s.bridge {
                info.physout = Some(port);
            }
        });
        let physin = skb.bridge.as_ref().map(|b| b.physin);
        let devs =
            HookDevs { in_dev: Some(bridge), out_dev: Some(bridge), physin, physout: Some(port) };
        self.hook(pkt, Hook::Forward, devs, Stage::BridgeForwarded { port });
    }

    pub(super) fn bridge_forwarded(&mut self, pkt: PacketId, port: DevId) {
        let bridge = bridge_of(self.ns(self.skb(pkt).netns), port);
        let devs = HookDevs { out_dev: Some(bridge), physout: Some(port), ..HookDevs::default() };
        self.hook(pkt, Hook::Postrouting, devs, Stage::BridgePush { port });
    }

    pub(super) fn bridge_push(&mut self, pkt: PacketId, port: DevId) {
        let skb = self.skb(pkt);
        let mtu = self.ns(skb.netns).dev(port).mtu;
        // Netfilter put fragments together; they leave as they came (`br_nf_dev_queue_xmit`).
        if let (Some(_), Some(ip), 0) = (&skb.bridge, skb.ip(), skb.gso_size)
            && (skb.recut || ip.len() > mtu as usize)
        {
            let ns = self.ns(skb.netns);
            let cut_to = ns.dev(bridge_of(ns, port)).mtu;
            // Pieces are never made smaller than they came (`br_nf_ip_fragment`).
            if ip.df || skb.recut && u32::from(skb.piece) > cut_to {
                return self.drop_packet(pkt, DropReason::PktTooBig, None);
            }
            return self.fragment(pkt, port, cut_to, Stage::Xmit(port));
        }
        // A VLAN tag may come on top (`is_skb_forwardable`).
        if skb.gso_size == 0 && skb.frame.len() > mtu as usize + 18 {
            return self.drop_packet(pkt, DropReason::PktTooBig, None);
        }
        self.then(pkt, Stage::Xmit(port));
    }

    /// Passes a frame for the bridge's own MAC to the node (`br_pass_frame_up`).
    pub(super) fn bridge_up(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let Some(port) = skb.dev else { return };
        let ns = self.ns(skb.netns);
        let bridge = bridge_of(ns, port);
        let tapped = ns.tapped;
        let addressed = skb.frame.eth.dst != Mac::BROADCAST;
        self.update(pkt, |s| {
            s.dev = Some(bridge);
            s.in_dev = Some(bridge);
            s.place = Place::Device(bridge);
            s.prerouting_done = s.bridge.is_some();
            // The protocol's notes begin anew with every device (`IPCB` in `ip_rcv_core`).
            s.recut = false;
            if addressed && !s.frame.eth.dst.is_multicast() {
                s.pkt_type = PktType::Host;
            }
        });
        if tapped {
            self.see_received(pkt, bridge);
        }
        self.then(pkt, Stage::Protocols);
    }
}

//! Devices: receiving and transmitting frames (`net/core/dev.c`).

use super::{CABLE_DELAY, Job, Stage, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{DevId, PacketId};
use crate::skb::{PktType, Place, Skb};
use crate::spec::CableSpec;
use crate::state::DeviceKind;
use crate::wire::{Body, Ipv4, Mac, Payload};
use std::rc::Rc;

/// Whom a destination MAC addresses, seen from a device (`eth_type_trans`).
fn pkt_type(dst: Mac, own: Mac) -> PktType {
    if dst == Mac::BROADCAST {
        PktType::Broadcast
    } else if dst.is_multicast() {
        PktType::Multicast
    } else if dst == own {
        PktType::Host
    } else {
        PktType::OtherHost
    }
}

impl World {
    pub(super) fn rx(&mut self, pkt: PacketId, dev: DevId) {
        let skb = self.skb(pkt);
        let ns = self.ns(skb.netns);
        let device = ns.dev(dev);
        if !device.up {
            return self.drop_packet(pkt, DropReason::DevReady, None);
        }
        let kind = match device.kind {
            DeviceKind::Loopback => PktType::Host,
            _ => pkt_type(skb.frame.eth.dst, device.mac),
        };
        let (tapped, master) = (ns.tapped, device.master);
        self.update(pkt, |s| {
            s.dev = Some(dev);
            s.in_dev = Some(dev);
            s.place = Place::Device(dev);
            s.pkt_type = kind;
            s.route = None;
        });
        if tapped {
            self.see_received(pkt, dev);
        }
        self.then(pkt, if master.is_some() { Stage::BridgeRx(dev) } else { Stage::Protocols });
    }

    /// Records a frame at the inbound tap of a device.
    pub(super) fn see_received(&mut self, pkt: PacketId, dev: DevId) {
        let skb = self.skb(pkt);
        let kind = EventKind::FrameReceived {
            dev,
            pkt_type: skb.pkt_type,
            frame: Rc::new(skb.frame.clone()),
            csum_partial: skb.csum_partial,
        };
        self.emit_for(pkt, kind);
    }

    /// Passes a frame to ARP or IPv4.
    pub(super) fn protocols(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        match &skb.frame.payload {
            Payload::Arp(arp) => self.arp_rcv(pkt, &skb, arp),
            Payload::Ipv4(_) => self.ip_rcv(pkt),
        }
    }

    /// Transmits a frame: past the tap, then to the device's driver (`dev_hard_start_xmit`).
    pub(super) fn xmit(&mut self, pkt: PacketId, dev: DevId) {
        let skb = self.skb(pkt);
        let ns = self.ns(skb.netns);
        let device = ns.dev(dev).clone();
        // Without a carrier the queue of the device takes nothing (`noop_qdisc`).
        if !device.up || !self.state.has_carrier(skb.netns, dev) {
            return self.drop_packet(pkt, DropReason::DevReady, None);
        }
        let tapped = ns.tapped;
        self.update(pkt, |s| {
            s.dev = Some(dev);
            s.place = Place::Device(dev);
        });
        if tapped && device.kind != DeviceKind::Loopback {
            let kind = EventKind::FrameSent {
                dev,
                frame: Rc::new(self.skb(pkt).frame.clone()),
                csum_partial: skb.csum_partial,
            };
            self.emit_for(pkt, kind);
        }
        match device.kind {
            DeviceKind::Cable { peer: (netns, peer), .. } => {
                let far = self.ns(netns).dev(peer);
                // The far end takes its own MTU and a VLAN tag (`is_skb_forwardable`).
                if skb.gso_size == 0 && skb.frame.len() > far.mtu as usize + 18 {
                    // The driver of a veth returns `NET_XMIT_DROP`; a bridge or a tunnel in between
                    // does not pass it on.
                    let heard = device.master.is_none() && skb.frame.inner().is_none();
                    if device.master.is_none() {
                        self.give_up_rest(&skb);
                    }
                    self.drop_packet(pkt, DropReason::PktTooBig, None);
                    if let (true, Some(socket), Some(Body::Tcp(t))) =
                        (heard, skb.sk, skb.ip().map(|p| &p.body))
                    {
                        self.segment_refused(skb.netns, socket, t.seq);
                    }
                    return;
                }
                let copy = match self.on_cable(pkt, &skb, &device.cable) {
                    Ok(copy) => copy,
                    Err(reason) => return self.drop_packet(pkt, reason, None),
                };
                for pkt in copy.into_iter().chain([pkt]) {
                    // Another namespace: mark, connection and everything else stay behind.
                    self.update(pkt, |s| {
                        s.netns = netns;
                        s.mark = 0;
                        s.ct = None;
                        s.bridge = None;
                        s.prerouting_done = false;
                        s.route = None;
                        (s.piece, s.recut) = (0, false);
                        s.sk = None;
                        s.place = Place::Device(peer);
                    });
                    let delay = CABLE_DELAY + device.cable.delay;
                    self.later(delay, Job::Packet(pkt, Stage::Rx(peer)));
                }
            }
            DeviceKind::Loopback => {
                // Mark and connection stay: it is the same namespace.
                self.update(pkt, |s| {
                    s.bridge = None;
                    s.prerouting_done = false;
                    s.sk = None;
                });
                self.later(crate::Duration::default(), Job::Packet(pkt, Stage::Rx(dev)));
            }
            DeviceKind::Bridge { .. } => self.bridge_dev_xmit(pkt, dev),
            DeviceKind::Vxlan { .. } => self.then(pkt, Stage::Vxlan(dev)),
        }
    }

    /// What a cable does to a frame before it delays it (`netem_enqueue`): a copy, which is sent
    /// before the frame, or the reason why the frame does not arrive.
    fn on_cable(
        &mut self,
        pkt: PacketId,
        skb: &Skb,
        cable: &CableSpec,
    ) -> Result<Option<PacketId>, DropReason> {
        let to = skb.frame.ipv4().and_then(Ipv4::destination_port);
        if to.is_some_and(|to| cable.blocked.contains(&to)) {
            return Err(DropReason::PortBlocked);
        }
        let mut happens = |chance: u32| chance > 0 && chance >= self.rng.next_u64() as u32;
        match (happens(cable.duplicate), happens(cable.loss)) {
            (false, true) => Err(DropReason::CableLoss),
            // Of the two, each may be lost.
            (true, false) if !happens(cable.loss) => {
                let copy = Skb { parent: Some(pkt), ..Skb::clone(&self.skb(pkt)) };
                let copy = self.new_packet(copy);
                self.emit(skb.netns, Some(copy), EventKind::CableDuplicated { of: pkt });
                Ok(Some(copy))
            }
            _ => Ok(None),
        }
    }
}

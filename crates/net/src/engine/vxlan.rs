//! The VXLAN device (`drivers/net/vxlan/vxlan_core.c`): encapsulates frames in UDP datagrams
//! between nodes, and decapsulates them.

use super::hooks::HookDevs;
use super::ip::out_dev;
use super::{Job, Stage, World};
use crate::drop::DropReason;
use crate::event::{EventKind, Snapshot};
use crate::id::{DevId, PacketId};
use crate::netfilter::Hook;
use crate::rng;
use crate::skb::Place;
use crate::state::{DeviceKind, FdbEntry};
use crate::wire::{Body, Frame, Ipv4, Payload, Udp, UdpPayload, Vxlan};
use std::net::IpAddr;
use std::rc::Rc;

/// Range of the outer source port (`net.ipv4.ip_local_port_range`).
const PORT_RANGE: (u64, u64) = (32_768, 60_999);

impl World {
    //= linux:v6.12 drivers/net/vxlan/vxlan_core.c vxlan_xmit_one
    //# The outer packet is made here, so it passes OUTPUT and POSTROUTING. It is the same buffer:
    //# the mark stays, the connection does not. ttl 64, no DF, tos 0, UDP checksum 0.
    pub(super) fn vxlan_xmit(&mut self, pkt: PacketId, dev: DevId) {
        let skb = self.skb(pkt);
        let ns = self.ns(skb.netns);
        let DeviceKind::Vxlan { vni, local, port, .. } = ns.dev(dev).kind else { return };
        let mac = skb.frame.eth.dst;
        let Some(FdbEntry::Remote(remote)) = ns.fdb.get(&(dev, mac)).cloned() else {
            return self.drop_packet(pkt, DropReason::VxlanNoRemote, None);
        };
        self.emit_for(pkt, EventKind::VtepFound { dev, mac, remote });
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (local, remote) else {
            return self.drop_packet(pkt, DropReason::Unsupported, None);
        };
        let inner_len = skb.frame.len() as u32 - 14;
        let hash = if skb.flow_hash != 0 { skb.flow_hash } else { self.flow_hash(&skb.frame) };
        let udp = Udp {
            sport: (PORT_RANGE.0 + hash % (PORT_RANGE.1 - PORT_RANGE.0)) as u16,
            dport: port,
            checksum: false,
            payload: UdpPayload::Vxlan(Vxlan { vni, inner: Rc::new(skb.frame.clone()) }),
        };
        let mut outer = Ipv4::new(src, dst, Body::Udp(udp));
        outer.id = self.ip_id();
        let outer_len = outer.len() as u32;
        let Some(decision) = self.ns(skb.netns).route(remote) else {
            return self.drop_packet(pkt, DropReason::IpOutNoRoutes, None);
        };
        let set = decision.clone();
        let old_ct = skb.ct;
        self.update(pkt, |s| {
            s.frame = Frame { eth: s.frame.eth, payload: Payload::Ipv4(outer) };
            s.ct = None;
            s.bridge = None;
            s.prerouting_done = false;
            s.in_dev = Some(dev);
            s.route = Some(set);
            s.place = Place::Device(dev);
        });
        if let Some((id, _)) = old_ct {
            self.forget_if_unused(skb.netns, id);
        }
        self.emit_for(pkt, EventKind::Encapsulated { dev, inner_len, outer_len });
        self.update(pkt, |s| s.place = Place::Routing);
        let out = out_dev(self.ns(skb.netns), &decision);
        self.emit_for(
            pkt,
            EventKind::Routed {
                dst: remote,
                routes: Snapshot(self.ns(skb.netns).routes.clone()),
                decision,
                again: false,
            },
        );
        let devs = HookDevs { out_dev: out, ..HookDevs::default() };
        self.hook(pkt, Hook::Output, devs, Stage::Output);
    }

    /// Decapsulates a datagram (`vxlan_rcv`); false if no VXLAN device listens on its port.
    pub(super) fn vxlan_rcv(&mut self, pkt: PacketId, udp: &Udp) -> bool {
        let skb = self.skb(pkt);
        let UdpPayload::Vxlan(vxlan) = &udp.payload else { return false };
        let ports = self.ns(skb.netns).devices.iter().zip(0..).filter_map(|(d, i)| match d.kind {
            DeviceKind::Vxlan { vni, port, .. } if port == udp.dport && d.up => {
                Some((DevId(i), vni))
            }
            _ => None,
        });
        let mut found = None;
        let mut listens = false;
        for (dev, vni) in ports {
            listens = true;
            if vni == vxlan.vni {
                found = Some(dev);
            }
        }
        if !listens {
            return false;
        }
        let Some(dev) = found else {
            self.drop_packet(pkt, DropReason::VxlanVniNotFound, None);
            return true;
        };
        let inner = Frame::clone(&vxlan.inner);
        let old_ct = skb.ct;
        self.update(pkt, |s| {
            s.frame = inner;
            s.ct = None;
            s.bridge = None;
            s.prerouting_done = false;
            s.place = Place::Device(dev);
            s.route = None;
        });
        if let Some((id, _)) = old_ct {
            self.forget_if_unused(skb.netns, id);
        }
        self.emit_for(pkt, EventKind::Decapsulated { dev, vni: vxlan.vni });
        // The frame is queued for the device, behind what came in meanwhile (`gro_cells_receive`).
        self.later(crate::Duration::default(), Job::Packet(pkt, Stage::Rx(dev)));
        true
    }

    /// The hash of a flow without a socket (`skb_get_hash`): the same in both directions, and for
    /// all fragments.
    fn flow_hash(&self, frame: &Frame) -> u64 {
        let Some(ip) = frame.ipv4() else { return rng::hash(self.seed, &[frame.len() as u64]) };
        let (src, dst) = (u64::from(u32::from(ip.src)), u64::from(u32::from(ip.dst)));
        let (sport, dport) = ip.ports().unwrap_or_default();
        let ((a, p), (b, q)) = if (src, sport) <= (dst, dport) {
            ((src, sport), (dst, dport))
        } else {
            ((dst, dport), (src, sport))
        };
        rng::hash(self.seed, &[a, b, u64::from(ip.body.proto()), u64::from(p), u64::from(q)])
    }
}

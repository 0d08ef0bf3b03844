//! A packet inside a kernel: its frame and what the kernel notes on it (`struct sk_buff`).

use crate::conntrack::{CtId, CtInfo};
use crate::id::{DevId, NetnsId, PacketId};
use crate::netfilter::Hook;
use crate::route::Decision;
use crate::socket::SocketId;
use crate::wire::{Ethernet, Frame, Ipv4, Mac, Payload};
use std::net::Ipv4Addr;

/// Who a received frame is for, in tcpdump's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PktType {
    /// This device.
    Host,
    /// Everybody.
    Broadcast,
    /// A group.
    Multicast,
    /// Somebody else: seen because a bridge port sees everything.
    OtherHost,
}

/// What the bridge notes while netfilter looks at a bridged packet (`struct nf_bridge_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NfBridge {
    /// The port it came in by.
    pub physin: DevId,
    /// The port it will leave by.
    pub physout: Option<DevId>,
    /// The destination before PREROUTING, to see whether NAT changed it.
    pub orig_dst: Ipv4Addr,
    /// The client's MAC, put back after a detour through the neighbour's output function.
    pub saved_src_mac: Option<Mac>,
}

/// Where a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a device.
    Device(DevId),
    /// In a netfilter hook.
    Hook(Hook),
    /// At the routing decision.
    Routing,
    /// In a socket.
    Socket,
}

/// A packet inside a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skb {
    /// The frame. Its Ethernet header means something only once a device has set it.
    pub frame: Frame,
    /// Which network namespace has it.
    pub netns: NetnsId,
    /// Where it is.
    pub place: Place,
    /// The device it is at (`skb->dev`): where it came in, or is going out.
    pub dev: Option<DevId>,
    /// The device it came in by, as netfilter is told (`indev`).
    pub in_dev: Option<DevId>,
    /// The mark. Lives on the packet, not on the connection, and survives encapsulation.
    pub mark: u32,
    /// Its connection.
    pub ct: Option<(CtId, CtInfo)>,
    /// Set while it is bridged with netfilter looking on, and kept after.
    pub bridge: Option<NfBridge>,
    /// The PREROUTING hooks ran at the bridge already.
    pub prerouting_done: bool,
    /// Who it is for.
    pub pkt_type: PktType,
    /// What routing decided.
    pub route: Option<Decision>,
    /// Whether the TCP or UDP checksum is left to a device that never fills it in.
    pub csum_partial: bool,
    /// Hash of the flow, which gives a VXLAN shell its source port; 0 if not chosen yet.
    pub flow_hash: u64,
    /// Bytes of data in each segment this stands for, if it is more than one (`gso_size`); else 0.
    pub gso_size: u16,
    /// The largest fragment it was put together from, in bytes of IP; else 0. They are still there
    /// (`frag_list`), and leave again as they came if the packet has to be cut.
    pub piece: u16,
    /// It has to be cut again, even if the way out takes it whole (`frag_max_size`).
    pub recut: bool,
    /// The socket that sent it, as long as the packet is in that socket's own namespace.
    pub sk: Option<SocketId>,
    /// The packet this one was made for: ARP for a waiting one, an error about a failed one.
    pub parent: Option<PacketId>,
}

impl Skb {
    /// A packet made in `netns`.
    pub fn new(netns: NetnsId, payload: Payload) -> Self {
        Self {
            frame: Frame { eth: Ethernet::default(), payload },
            netns,
            place: Place::Socket,
            dev: None,
            in_dev: None,
            mark: 0,
            ct: None,
            bridge: None,
            prerouting_done: false,
            pkt_type: PktType::Host,
            route: None,
            csum_partial: false,
            flow_hash: 0,
            gso_size: 0,
            piece: 0,
            recut: false,
            sk: None,
            parent: None,
        }
    }

    /// The largest piece that will be on a cable, in bytes of IP: one segment of many, or all.
    pub fn network_len(&self) -> usize {
        let Some(ip) = self.ip() else { return self.frame.len() - 14 };
        if self.gso_size == 0 {
            ip.len()
        } else {
            ip.len() - self.data_len() + usize::from(self.gso_size)
        }
    }

    /// Bytes of TCP data, in a shell or not.
    fn data_len(&self) -> usize {
        let mut frame = &self.frame;
        while let Some(inner) = frame.inner() {
            frame = inner;
        }
        match frame.ipv4().map(|p| &p.body) {
            Some(crate::wire::Body::Tcp(t)) => t.data.len(),
            _ => 0,
        }
    }

    /// The (outermost) IPv4 packet.
    pub fn ip(&self) -> Option<&Ipv4> {
        self.frame.ipv4()
    }

    /// The (outermost) IPv4 packet, to change.
    pub fn ip_mut(&mut self) -> Option<&mut Ipv4> {
        match &mut self.frame.payload {
            Payload::Ipv4(p) => Some(p),
            Payload::Arp(_) => None,
        }
    }
}

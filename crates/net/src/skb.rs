//! A packet in a kernel: its frame and what the kernel keeps about it (`struct sk_buff`,
//! `include/linux/skbuff.h`).

use crate::conntrack::{CtId, CtInfo};
use crate::id::{DevId, NetnsId, PacketId};
use crate::netfilter::Hook;
use crate::route::Decision;
use crate::socket::SocketId;
use crate::wire::{Ethernet, Frame, Ipv4, Mac, Payload};
use std::net::Ipv4Addr;

/// Whom a received frame's destination MAC addresses (`skb->pkt_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PktType {
    /// The MAC of the receiving device (`PACKET_HOST`).
    Host,
    /// ff:ff:ff:ff:ff:ff (`PACKET_BROADCAST`).
    Broadcast,
    /// A MAC with the group bit (`PACKET_MULTICAST`).
    Multicast,
    /// Another host; a bridge port takes it, everything else drops it.
    OtherHost,
}

/// What the bridge keeps while netfilter looks at a bridged packet (`struct nf_bridge_info`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NfBridge {
    /// The port the packet came in by.
    pub physin: DevId,
    /// The port it will leave by, once known.
    pub physout: Option<DevId>,
    /// The destination before PREROUTING; compared afterwards to see whether it was translated.
    pub orig_dst: Ipv4Addr,
    /// The sender's MAC, restored after the neighbour's output function replaced it.
    pub saved_src_mac: Option<Mac>,
}

/// The part of a kernel that holds a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A device, on its receiving or sending side.
    Device(DevId),
    /// A netfilter hook: its tables or conntrack.
    Hook(Hook),
    /// The lookup in the routing tables.
    Routing,
    /// A socket, or the code that built the packet.
    Socket,
}

/// A packet in a kernel or on a cable, with what the kernel keeps about it (`struct sk_buff`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skb {
    /// The frame. The Ethernet header is meaningful only after a device has set it.
    pub frame: Frame,
    /// The network namespace that holds it.
    pub netns: NetnsId,
    /// The part of the namespace that holds it.
    pub place: Place,
    /// The device it came in by or goes out by (`skb->dev`).
    pub dev: Option<DevId>,
    /// The input device as netfilter sees it (`nf_hook_state.in`).
    pub in_dev: Option<DevId>,
    /// The packet mark (`skb->mark`); kept through encapsulation, lost between namespaces.
    pub mark: u32,
    /// The connection it belongs to, and how (`skb->_nfct`).
    pub ct: Option<(CtId, CtInfo)>,
    /// Set when netfilter first sees it on a bridge, and kept afterwards.
    pub bridge: Option<NfBridge>,
    /// PREROUTING ran while it was bridged and is skipped when it is routed
    /// (`nf_bridge->sabotage_in_done`).
    pub prerouting_done: bool,
    /// Whom the frame's destination MAC addresses, seen from `dev`.
    pub pkt_type: PktType,
    /// The routing decision, once made (`skb_dst`).
    pub route: Option<Decision>,
    /// The TCP or UDP checksum is left to a device that never fills it in (`CHECKSUM_PARTIAL`).
    pub csum_partial: bool,
    /// Hash of the flow (`skb->hash`), which gives a VXLAN datagram its source port; 0 if not
    /// computed.
    pub flow_hash: u64,
    /// Bytes of data per segment if it stands for several segments (`gso_size`), else 0.
    pub gso_size: u16,
    /// Length of the largest fragment it was reassembled from, in bytes of IP, else 0. The
    /// fragments are kept (`frag_list`) and leave as they came if the packet has to be fragmented
    /// again.
    pub piece: u16,
    /// It must be fragmented again even where the MTU would take it whole (`frag_max_size`).
    pub recut: bool,
    /// The socket that sent it, while it is in that socket's namespace (`skb->sk`).
    pub sk: Option<SocketId>,
    /// The packet that caused this one: an ARP request has the waiting packet, an ICMP error the
    /// failed one.
    pub parent: Option<PacketId>,
}

impl Skb {
    /// A packet built in `netns`, with everything else unset.
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

    /// Length that the MTU is compared with, in bytes of IP: of one segment, if it stands for
    /// several (`skb_gso_network_seglen`).
    pub fn network_len(&self) -> usize {
        let Some(ip) = self.ip() else { return self.frame.len() - 14 };
        if self.gso_size == 0 {
            ip.len()
        } else {
            ip.len() - self.data_len() + usize::from(self.gso_size)
        }
    }

    /// Length of the TCP data, in bytes, encapsulated or not.
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

    /// The outermost IPv4 packet; `None` for ARP.
    pub fn ip(&self) -> Option<&Ipv4> {
        self.frame.ipv4()
    }

    /// The outermost IPv4 packet, mutably.
    pub fn ip_mut(&mut self) -> Option<&mut Ipv4> {
        match &mut self.frame.payload {
            Payload::Ipv4(p) => Some(p),
            Payload::Arp(_) => None,
        }
    }
}

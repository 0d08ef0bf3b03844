//! Events: past-tense facts, one for every decision that Linux makes about a packet.

use crate::conntrack::{CtId, CtInfo, Tuple};
use crate::dns::{Name, RecordType};
use crate::drop::DropReason;
use crate::id::{DevId, NetnsId, PacketId};
use crate::neigh::NudState;
use crate::netfilter::{CtStates, Hook, Ruleset, TableName, WalkStep};
use crate::route::{Decision, Route};
use crate::skb::PktType;
use crate::socket::{AddrPort, Outcome, SocketId};
use crate::state::{Change, Setting};
use crate::time::{Duration, Instant};
use crate::wire::{Frame, Ipv4, Mac};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// One step of a world: a fact and every change of state that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Virtual time at which it happened.
    pub at: Instant,
    /// The network namespace whose kernel did it; `None` for [`EventKind::TimePassed`].
    pub netns: Option<NetnsId>,
    /// The packet it is about, if any.
    pub packet: Option<PacketId>,
    /// The fact, with its details.
    pub kind: EventKind,
    /// The changes of [`crate::State`] that lead from the moment before to the moment after, in the
    /// order they are applied.
    pub changes: Vec<Change>,
}

/// The table that an event's indices refer to, as it was at that moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot<T>(pub T);

impl<T> fmt::Debug for Snapshot<T> {
    /// Prints `..`: the table belongs to the state and would drown the event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// What a netfilter table sees of a packet (`struct nf_hook_state` and the skb): enough to evaluate
/// every rule again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The packet as it entered the table.
    pub packet: Ipv4,
    /// Input device, which `-i` matches; absent in OUTPUT and POSTROUTING.
    pub in_dev: Option<DevId>,
    /// Output device, which `-o` matches; absent in PREROUTING and INPUT.
    pub out_dev: Option<DevId>,
    /// The bridge port a bridged packet came in by (`physdev`).
    pub physin: Option<DevId>,
    /// The bridge port a bridged packet leaves by, known from FORWARD on (`physdev`).
    pub physout: Option<DevId>,
    /// Connection tracking state, as `-m conntrack --ctstate` matches it.
    pub ctstate: CtStates,
}

/// The forwarding decision of a bridge (`br_handle_frame_finish`, `br_dev_xmit`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeTo {
    /// The FDB names one port.
    Port(DevId),
    /// Broadcast, multicast or a MAC that the FDB does not hold: out of all of these ports.
    Flood(Vec<DevId>),
    /// The MAC is the bridge's own: up to the protocols of the namespace.
    Up,
}

/// The fact that an event states. Devices and addresses are those of the event's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field without a comment is what its name and type say")]
pub enum EventKind {
    /// Nothing happened but that the clock moved, or a timer changed a table without a packet.
    TimePassed,
    /// A client process connected or sent its first packet: `curl`, `ping`, `dig`.
    Asked {
        socket: SocketId,
        /// The address and port it asks for; port 0 for a `ping`.
        remote: AddrPort,
    },
    /// A socket or the kernel itself built a packet; it enters OUTPUT next.
    PacketMade {
        /// The packet before OUTPUT changed it.
        packet: Rc<Ipv4>,
    },
    /// A frame passed the tap of a device on its way out (`dev_queue_xmit_nit`).
    FrameSent {
        /// The device; a veth's or NIC's frame is on the cable now.
        dev: DevId,
        /// The frame as tcpdump shows it.
        frame: Rc<Frame>,
        /// The TCP or UDP checksum is left to the device (`CHECKSUM_PARTIAL`).
        csum_partial: bool,
    },
    /// A frame passed the tap of a device on its way in (`__netif_receive_skb_core`).
    FrameReceived {
        dev: DevId,
        /// Whom the destination MAC addresses, seen from the device.
        pkt_type: PktType,
        /// The frame as tcpdump shows it.
        frame: Rc<Frame>,
        /// The TCP or UDP checksum was never filled in (`CHECKSUM_PARTIAL`).
        csum_partial: bool,
    },
    /// A rule matched, a chain returned or a policy decided (`ipt_do_table`). The rules between two
    /// steps were looked at and did not match.
    Walked {
        /// The hook the table is called from.
        hook: Hook,
        table: TableName,
        /// The packet as it entered the table.
        seen: Rc<Seen>,
        /// The rules that `step` refers to by index.
        rules: Snapshot<Ruleset>,
        /// The packet's mark before this step; earlier rules of the table may have set it.
        mark: u32,
        /// What happened in the table.
        step: WalkStep,
    },
    /// The nat table was skipped: the connection's translation is decided already
    /// (`nf_nat_inet_fn`).
    NatSkipped {
        /// The hook at which it was skipped.
        hook: Hook,
    },
    /// Connection tracking looked the packet up (`nf_conntrack_in`).
    Tracked {
        /// The connection it belongs to; `None` if it is INVALID.
        id: Option<CtId>,
        /// Its direction and state within the connection.
        info: Option<CtInfo>,
        /// The connection was created for this packet and is not confirmed yet.
        new: bool,
    },
    /// A connection was entered into the table when its first packet left the last hook
    /// (`__nf_conntrack_confirm`).
    Confirmed {
        id: CtId,
        /// The tuple that packets in reply direction will have.
        reply: Tuple,
    },
    /// The translation of a connection was set up (`nf_nat_setup_info`): by a rule, or as none.
    NatDecided {
        id: CtId,
        /// The source is translated (POSTROUTING, INPUT) rather than the destination.
        source: bool,
        before: Tuple,
        /// The reply tuple after; equal if nothing is translated.
        after: Tuple,
    },
    /// An address, and maybe a port, of the packet was rewritten (`nf_nat_packet`).
    Translated {
        /// The hook at which it was rewritten.
        hook: Hook,
        /// The source was rewritten rather than the destination.
        source: bool,
        before: AddrPort,
        after: AddrPort,
        /// The packet goes in reply direction: an earlier translation was undone.
        restored: bool,
    },
    /// The routing tables were looked up (`fib_lookup`).
    Routed {
        dst: IpAddr,
        /// Table `main`, which `decision` refers to by index.
        routes: Snapshot<Rc<Vec<Route>>>,
        decision: Decision,
        /// A second lookup, as OUTPUT changed the destination (`ip_route_me_harder`).
        again: bool,
    },
    /// The packet was forwarded, which takes one off its ttl (`ip_forward`).
    TtlDecremented { before: u8, after: u8 },
    /// The neighbour table gave the next hop's MAC (`neigh_output`).
    NeighbourUsed {
        dev: DevId,
        /// The next hop: a gateway, or the destination itself.
        addr: IpAddr,
        lladdr: Mac,
        /// The entry's state when it was used.
        state: NudState,
    },
    /// The next hop's MAC is not known: the packet is queued until ARP answers
    /// (`__neigh_event_send`).
    NeighbourAwaited {
        dev: DevId,
        /// The next hop: a gateway, or the destination itself.
        addr: IpAddr,
    },
    /// An ARP message created or updated a neighbour (`arp_process`).
    NeighbourLearned {
        /// The device the message came in by.
        dev: DevId,
        addr: IpAddr,
        /// The MAC that the message announced.
        lladdr: Mac,
        /// The entry's state afterwards.
        state: NudState,
    },
    /// ARP was not answered: the entry is FAILED and its queue is dropped (`neigh_invalidate`).
    NeighbourFailed {
        dev: DevId,
        /// The address that did not answer.
        addr: IpAddr,
    },
    /// A timer moved a neighbour to another state (`neigh_timer_handler`).
    NeighbourAged {
        dev: DevId,
        addr: IpAddr,
        /// The entry's state afterwards.
        state: NudState,
    },
    /// A bridge learned from a source MAC which port it is behind (`br_fdb_update`).
    FdbLearned {
        bridge: DevId,
        /// The port the frame came in by.
        port: DevId,
        /// Source MAC of the frame.
        mac: Mac,
    },
    /// A bridge decided where a frame goes.
    Bridged { bridge: DevId, to: BridgeTo },
    /// The destination was translated in PREROUTING to a pod behind the same bridge, so the frame
    /// is bridged on instead of routed (`br_nf_pre_routing_finish`).
    BridgedDnat { bridge: DevId },
    /// The VXLAN device's FDB named the remote tunnel end point (`vxlan_xmit`).
    VtepFound {
        dev: DevId,
        /// Destination MAC of the inner frame.
        mac: Mac,
        /// The address of the VTEP.
        remote: IpAddr,
    },
    /// A frame was put into a UDP datagram (`vxlan_xmit_one`).
    Encapsulated {
        dev: DevId,
        /// Length of the inner IP packet, in bytes.
        inner_len: u32,
        /// Length of the outer IP packet, in bytes.
        outer_len: u32,
    },
    /// A frame was taken out of a UDP datagram (`vxlan_rcv`); the VXLAN device receives it next.
    Decapsulated {
        dev: DevId,
        /// VXLAN network identifier, 24 bits.
        vni: u32,
    },
    /// The packet was cut into fragments, as it exceeds the MTU (`ip_do_fragment`).
    Fragmented {
        dev: DevId,
        /// Length of the largest fragment, in bytes of IP.
        mtu: u32,
        /// How many fragments the packet was cut into.
        n: u32,
    },
    /// A fragment was queued until the rest of its packet arrives (`ip_frag_queue`).
    FragmentKept,
    /// The last missing fragment arrived: the packet is whole again (`ip_frag_reasm`).
    Reassembled {
        /// How many fragments it was made of.
        n: u32,
        /// Length of the packet, in bytes of IP.
        len: u32,
    },
    /// An ICMP error or redirect changed what is known of the path to a destination
    /// (`update_or_create_fnhe`).
    PathLearned {
        dst: IpAddr,
        /// Path MTU, in bytes, from "fragmentation needed".
        mtu: Option<u32>,
        /// The gateway to use from now on, from a redirect.
        gateway: Option<IpAddr>,
    },
    /// A setting of the namespace was changed.
    Configured {
        /// The setting and its new value.
        setting: Rc<Setting>,
        /// The program that changed it; `None` for the user.
        by: Option<&'static str>,
    },
    /// The user typed a command that components carry out later: `kubectl apply`.
    Commanded {
        /// The command as typed.
        line: Rc<str>,
    },
    /// A component was started or stopped.
    Daemon {
        /// The component, as its process is called: `kube-proxy`, `flanneld`.
        name: &'static str,
        /// It was started rather than stopped.
        runs: bool,
    },
    /// A network namespace was created together with its cables: a pod, or a machine.
    NetnsAdded {
        name: Rc<str>,
        /// The program that created it; `None` for the user.
        by: Option<&'static str>,
    },
    /// A network namespace was deleted, with its processes and the far ends of its cables.
    NetnsDeleted {
        name: Rc<str>,
        /// The program that deleted it; `None` for the user.
        by: Option<&'static str>,
    },
    /// A packet reached a local socket (`tcp_v4_rcv`, `udp_rcv`) or was answered by the kernel.
    Delivered {
        /// The receiving socket; `None` if the kernel answers itself (ICMP echo).
        socket: Option<SocketId>,
        /// Destination of the packet when it arrived, translated if a rule did that.
        local: AddrPort,
    },
    /// A resolver asked a server for a name.
    Queried {
        socket: SocketId,
        server: AddrPort,
        /// The name, with its domain.
        name: Name,
        /// The types of record that it asked for, a datagram each.
        kinds: Vec<RecordType>,
    },
    /// A resolver found its name.
    Resolved {
        socket: SocketId,
        /// The number the caller gave the request.
        tag: u32,
        /// The name that was found, with its domain.
        name: Name,
        /// The addresses, in the order in which the client tries them.
        addrs: Vec<IpAddr>,
    },
    /// A server's connection is established (`accept`).
    Accepted {
        /// The socket of the new connection, not the listening one.
        socket: SocketId,
        /// The client as the server sees it: translated, if a rule did that.
        peer: AddrPort,
    },
    /// A process wrote to its connection, or closed it.
    Wrote {
        socket: SocketId,
        /// Bytes written; 0 for a close.
        bytes: u32,
    },
    /// A TCP segment was sent again: its timer ran out, or the peer reported it missing.
    Retransmitted {
        socket: SocketId,
        /// Retransmission count since the last acknowledgement, from 1.
        retry: u8,
    },
    /// The user held the packet up.
    Delayed { by: Duration },
    /// The user duplicated a packet; this event's packet is the copy.
    Duplicated {
        /// The packet that was copied.
        of: PacketId,
    },
    /// A cable delivered a frame twice (`netem_enqueue`); this event's packet is the copy.
    CableDuplicated {
        /// The packet that was copied.
        of: PacketId,
    },
    /// A packet was dropped (`kfree_skb_reason`).
    Dropped {
        reason: DropReason,
        /// The netfilter hook that dropped it, if one did.
        hook: Option<Hook>,
    },
    /// A client's request, or one of several, ended.
    Ended {
        socket: SocketId,
        /// The number the caller gave the request.
        tag: u32,
        outcome: Outcome,
    },
}

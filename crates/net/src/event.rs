//! Facts in the past tense: one for every decision Linux makes about a packet.

use crate::conntrack::{CtId, CtInfo, Tuple};
use crate::drop::DropReason;
use crate::id::{DevId, NetnsId, PacketId};
use crate::neigh::NudState;
use crate::netfilter::{CtStates, Hook, Ruleset, TableName, WalkStep};
use crate::route::{Decision, Route};
use crate::skb::PktType;
use crate::socket::{Endpoint, Outcome, SocketId};
use crate::state::{Change, Setting};
use crate::time::{Duration, Instant};
use crate::wire::{Frame, Ipv4, Mac};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// One step of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// In which network namespace.
    pub netns: NetnsId,
    /// The packet it is about.
    pub packet: Option<PacketId>,
    /// What happened.
    pub kind: EventKind,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// What an event speaks of by number, as it was then: others may be there by now.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot<T>(pub Rc<T>);

impl<T> fmt::Debug for Snapshot<T> {
    /// Nothing: it is the state's, not the event's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// A packet as a table saw it: enough to explain every rule again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The packet when it came into the table.
    pub packet: Ipv4,
    /// The device it came in by.
    pub in_dev: Option<DevId>,
    /// The device it will leave by.
    pub out_dev: Option<DevId>,
    /// The bridge port it came in by.
    pub physin: Option<DevId>,
    /// The bridge port it will leave by.
    pub physout: Option<DevId>,
    /// Its connection state.
    pub ctstate: CtStates,
}

/// Where a bridge sent a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BridgeTo {
    /// Out of one port.
    Port(DevId),
    /// Out of every port but the one it came from.
    Flood(Vec<DevId>),
    /// Up to the bridge's own address.
    Up,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Nothing but time went on.
    TimePassed,
    /// A process asked for something: `curl`, `ping`.
    Asked {
        /// The socket.
        socket: SocketId,
        /// Who is asked.
        remote: Endpoint,
    },
    /// A socket or the kernel made a packet.
    PacketMade {
        /// The packet.
        packet: Rc<Ipv4>,
    },
    /// A frame left by a device. On a veth or NIC it is now on the cable.
    FrameSent {
        /// The device.
        dev: DevId,
        /// The frame.
        frame: Rc<Frame>,
        /// Whether its checksum is left to the device.
        csum_partial: bool,
    },
    /// A frame came in by a device.
    FrameReceived {
        /// The device.
        dev: DevId,
        /// Who it is for.
        pkt_type: PktType,
        /// The frame.
        frame: Rc<Frame>,
        /// Whether its checksum is left to the device.
        csum_partial: bool,
    },
    /// A table did one step with a packet.
    Walked {
        /// The hook.
        hook: Hook,
        /// The table.
        table: TableName,
        /// The packet as the table saw it.
        seen: Rc<Seen>,
        /// The rules it walks.
        rules: Snapshot<Ruleset>,
        /// The mark before this step.
        mark: u32,
        /// The step.
        step: WalkStep,
    },
    /// The nat table was not asked: the connection is decided already.
    NatSkipped {
        /// The hook.
        hook: Hook,
    },
    /// Connection tracking found or made the packet's connection.
    Tracked {
        /// The connection; none if the packet fits none (INVALID).
        id: Option<CtId>,
        /// What the packet is to it.
        info: Option<CtInfo>,
        /// Whether it was made just now.
        new: bool,
    },
    /// A new connection was entered into the table.
    Confirmed {
        /// Which.
        id: CtId,
        /// What an answer will look like.
        reply: Tuple,
    },
    /// A rule decided how a connection is translated, or that it is not.
    NatDecided {
        /// The connection.
        id: CtId,
        /// Its source, or its destination.
        source: bool,
        /// The reply tuple before.
        before: Tuple,
        /// The reply tuple after.
        after: Tuple,
    },
    /// A packet's source or destination was rewritten.
    Translated {
        /// The hook.
        hook: Hook,
        /// Its source, or its destination.
        source: bool,
        /// Before.
        before: Endpoint,
        /// After.
        after: Endpoint,
        /// Undone by the connection, rather than done for the first time.
        restored: bool,
    },
    /// A route was chosen.
    Routed {
        /// For which destination.
        dst: IpAddr,
        /// The routes there were.
        routes: Snapshot<Vec<Route>>,
        /// Which.
        decision: Decision,
        /// Again, because the destination changed in OUTPUT.
        again: bool,
    },
    /// A router took one off the ttl.
    TtlDecremented {
        /// Before.
        before: u8,
        /// After.
        after: u8,
    },
    /// The neighbour table gave the next hop's MAC.
    NeighbourUsed {
        /// The device.
        dev: DevId,
        /// The next hop.
        addr: IpAddr,
        /// Its MAC.
        lladdr: Mac,
        /// How sure.
        state: NudState,
    },
    /// The next hop's MAC is not known: the packet waits, ARP asks.
    NeighbourAwaited {
        /// The device.
        dev: DevId,
        /// The next hop.
        addr: IpAddr,
    },
    /// An ARP message taught a neighbour's MAC.
    NeighbourLearned {
        /// The device.
        dev: DevId,
        /// The address.
        addr: IpAddr,
        /// The MAC.
        lladdr: Mac,
        /// How sure.
        state: NudState,
    },
    /// Nobody answered ARP.
    NeighbourFailed {
        /// The device.
        dev: DevId,
        /// The address.
        addr: IpAddr,
    },
    /// A known neighbour is looked at again.
    NeighbourAged {
        /// The device.
        dev: DevId,
        /// The address.
        addr: IpAddr,
        /// How sure now.
        state: NudState,
    },
    /// A bridge learned which port a MAC is behind.
    FdbLearned {
        /// The bridge.
        bridge: DevId,
        /// The port.
        port: DevId,
        /// The MAC.
        mac: Mac,
    },
    /// A bridge decided where a frame goes.
    Bridged {
        /// The bridge.
        bridge: DevId,
        /// Where.
        to: BridgeTo,
    },
    /// The destination was translated to a pod on the same bridge: the frame is bridged on, not
    /// routed.
    BridgedDnat {
        /// The bridge.
        bridge: DevId,
    },
    /// The VXLAN device found the VTEP of a MAC.
    VtepFound {
        /// The VXLAN device.
        dev: DevId,
        /// The MAC.
        mac: Mac,
        /// The VTEP.
        remote: IpAddr,
    },
    /// The frame was put into a UDP datagram.
    Encapsulated {
        /// The VXLAN device.
        dev: DevId,
        /// Its length before, in bytes of IP.
        inner_len: u32,
        /// Its length after, in bytes of IP.
        outer_len: u32,
    },
    /// The frame was taken out of a UDP datagram.
    Decapsulated {
        /// The VXLAN device.
        dev: DevId,
        /// VXLAN network identifier.
        vni: u32,
    },
    /// The packet is larger than the way out takes: it was cut.
    Fragmented {
        /// The device it leaves by.
        dev: DevId,
        /// The largest piece, in bytes.
        mtu: u32,
        /// How many pieces.
        n: u32,
    },
    /// A fragment waits for the rest of its packet.
    FragmentKept,
    /// Every fragment was there: the packet is whole again.
    Reassembled {
        /// How many pieces.
        n: u32,
        /// Its length, in bytes.
        len: u32,
    },
    /// A host learned something about the way to a destination.
    PathLearned {
        /// The destination.
        dst: IpAddr,
        /// How large a packet may be, in bytes.
        mtu: Option<u32>,
        /// The gateway to use.
        gateway: Option<IpAddr>,
    },
    /// Somebody changed a setting.
    Configured {
        /// Which, and how.
        setting: Rc<Setting>,
        /// The program that did it; none: a person.
        by: Option<&'static str>,
    },
    /// A person gave a command that others obey, each in its time.
    Commanded {
        /// The command.
        line: Rc<str>,
    },
    /// A program that goes on by itself was started, or stopped.
    Daemon {
        /// Its name.
        name: &'static str,
        /// It runs now.
        runs: bool,
    },
    /// A network namespace came, with the far ends of its cables.
    NetnsAdded {
        /// Its name.
        name: Rc<str>,
        /// The program that made it; none: a person plugged it in.
        by: Option<&'static str>,
    },
    /// A network namespace went, with the far ends of its cables and all its processes.
    NetnsDeleted {
        /// Its name.
        name: Rc<str>,
        /// The program that deleted it; none: a person unplugged it.
        by: Option<&'static str>,
    },
    /// A socket took the packet.
    Delivered {
        /// The socket; none for the kernel's own answers (ping).
        socket: Option<SocketId>,
        /// Where it arrived.
        local: Endpoint,
    },
    /// A server accepted a connection.
    Accepted {
        /// The socket.
        socket: SocketId,
        /// Who it sees.
        peer: Endpoint,
    },
    /// A process wrote to its connection, or closed it.
    Wrote {
        /// The socket.
        socket: SocketId,
        /// Bytes; 0 for a close.
        bytes: u32,
    },
    /// Nothing came back in time: the segment is sent again.
    Retransmitted {
        /// The socket.
        socket: SocketId,
        /// For the how manieth time.
        retry: u8,
    },
    /// A person held the packet up.
    Delayed {
        /// For so long.
        by: Duration,
    },
    /// A person made this packet, as another was at that moment.
    Duplicated {
        /// The other.
        of: PacketId,
    },
    /// A packet ended.
    Dropped {
        /// Why.
        reason: DropReason,
        /// Where: the hook of a rule.
        hook: Option<Hook>,
    },
    /// A client's request ended, or one of several did.
    Ended {
        /// The socket.
        socket: SocketId,
        /// The number of the request.
        tag: u32,
        /// How.
        outcome: Outcome,
    },
}

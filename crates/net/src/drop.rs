//! Drop reasons, with the kernel's names where it has one (`enum skb_drop_reason`,
//! `include/net/dropreason-core.h`).

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Why a packet was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DropReason { $($(#[$doc])* $variant,)* }
        impl DropReason {
            /// Every reason, for tables and tests.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// The name as the kernel prints it in a `kfree_skb` trace.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

reasons! {
    /// DROP by a rule or a policy.
    NetfilterDrop = "NETFILTER_DROP",
    /// REJECT by a rule: dropped, and answered with an error.
    NetfilterReject = "NETFILTER_REJECT",
    /// The destination MAC is another host's.
    OtherHost = "OTHERHOST",
    /// No socket listens on the TCP or UDP port.
    NoSocket = "NO_SOCKET",
    /// Reverse path filter: the route back leaves by another device (`rp_filter`).
    IpRpFilter = "IP_RPFILTER",
    /// The source address is loopback, broadcast, multicast or one of the host's own.
    IpMartianSource = "IP_INVALID_SOURCE",
    /// No route to the destination.
    IpOutNoRoutes = "IP_OUTNOROUTES",
    /// The packet is for another host and the namespace does not forward (`net.ipv4.ip_forward=0`).
    NotForwarding = "IP_FORWARD_OFF",
    /// The ttl reached zero in transit.
    IpTtlExceeded = "IP_TTL_EXCEEDED",
    /// Larger than an MTU on the way, and not to be fragmented.
    PktTooBig = "PKT_TOO_BIG",
    /// An earlier fragment of the packet was refused by the device (`ip_do_fragment` stops there).
    FragNotSent = "FRAG_NOT_SENT",
    /// Fragments were missing for 30 seconds (`net.ipv4.ipfrag_time`, `ip_expire`).
    FragTimeout = "FRAG_REASM_TIMEOUT",
    /// The next hop did not answer ARP.
    NeighFailed = "NEIGH_FAILED",
    /// The queue of packets that wait for the neighbour is full.
    NeighQueueFull = "NEIGH_QUEUEFULL",
    /// The FDB of the VXLAN device has no VTEP for the MAC.
    VxlanNoRemote = "VXLAN_NO_REMOTE",
    /// No VXLAN device has the datagram's VNI.
    VxlanVniNotFound = "VXLAN_VNI_NOT_FOUND",
    /// It would leave by the bridge port it came in by, and hairpin mode is off.
    BridgeSamePort = "BRIDGE_HAIRPIN_OFF",
    /// The device is down or has no carrier.
    DevReady = "DEV_READY",
    /// NAT found no free source port.
    NatNoPort = "NAT_NO_PORT",
    /// The rule has a match or target that is not simulated.
    Unsupported = "UNSUPPORTED",
    /// The cable lost it (`tc netem loss`).
    CableLoss = "CABLE_LOSS",
    /// The port of the segment does not let its destination port through: a security group.
    PortBlocked = "PORT_BLOCKED",
    /// The user dropped it in flight; no kernel has this reason.
    ByHand = "BY_HAND",
    /// The run exceeded its event budget: a loop or a storm.
    Budget = "EVENT_BUDGET",
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! Why a packet ends before its destination, in the kernel's own names
//! (`enum skb_drop_reason`, `include/net/dropreason-core.h`) where it has one.

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
    /// A rule or a policy said DROP.
    NetfilterDrop = "NETFILTER_DROP",
    /// A rule said REJECT: dropped, and an answer sent.
    NetfilterReject = "NETFILTER_REJECT",
    /// The destination MAC is not the device's.
    OtherHost = "OTHERHOST",
    /// No process has that TCP or UDP port open.
    NoSocket = "NO_SOCKET",
    /// The reverse path filter: the answer would leave by another device.
    IpRpFilter = "IP_RPFILTER",
    /// A source address that must never arrive here.
    IpMartianSource = "IP_INVALID_SOURCE",
    /// No route to the destination.
    IpOutNoRoutes = "IP_OUTNOROUTES",
    /// Forwarding is off (`net.ipv4.ip_forward=0`).
    NotForwarding = "IP_FORWARD_OFF",
    /// ttl was used up.
    IpTtlExceeded = "IP_TTL_EXCEEDED",
    /// Larger than the device's MTU.
    PktTooBig = "PKT_TOO_BIG",
    /// The device refused the fragment before it: the rest is not sent.
    FragNotSent = "FRAG_NOT_SENT",
    /// The rest of a fragmented packet did not come in time.
    FragTimeout = "FRAG_REASM_TIMEOUT",
    /// Nobody answered ARP for the next hop.
    NeighFailed = "NEIGH_FAILED",
    /// More packets waited for one neighbour than its queue holds.
    NeighQueueFull = "NEIGH_QUEUEFULL",
    /// The VXLAN device knows no VTEP for that MAC.
    VxlanNoRemote = "VXLAN_NO_REMOTE",
    /// A VXLAN packet for another VNI.
    VxlanVniNotFound = "VXLAN_VNI_NOT_FOUND",
    /// The bridge port it should leave by is the one it came from.
    BridgeSamePort = "BRIDGE_HAIRPIN_OFF",
    /// The device is down or has no carrier.
    DevReady = "DEV_READY",
    /// No free port was left for the translated connection.
    NatNoPort = "NAT_NO_PORT",
    /// The rule asks something this simulator does not know.
    Unsupported = "UNSUPPORTED",
    /// A person took it away.
    ByHand = "BY_HAND",
    /// The run met its event budget: a loop or a storm.
    Budget = "EVENT_BUDGET",
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

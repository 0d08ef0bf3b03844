//! The Linux state that a world begins with: what an administrator, kubelet, kube-proxy, flanneld
//! and the CNI plugins set up before the first packet.
//!
//! A spec refers to things by name. [`crate::World::new`] resolves the names and reports what does
//! not fit.

use crate::conntrack::Timeouts;
use crate::neigh::NudState;
use crate::netfilter::Ruleset;
use crate::route::RouteProto;
use crate::socket::Listener;
use crate::time::Duration;
use crate::wire::Mac;
use ipnet::IpNet;
use std::net::IpAddr;

/// The initial state of a world.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Network namespaces: nodes, pods, other hosts, and one for each LAN segment.
    pub netns: Vec<NetnsSpec>,
}

/// The initial state of a network namespace.
#[derive(Clone, Debug)]
pub struct NetnsSpec {
    /// Its name, unique in the spec.
    pub name: String,
    /// Frames at its devices make events; off for a LAN segment, a switch without a shell.
    pub tapped: bool,
    /// Its devices, in order of their ifindex.
    pub devices: Vec<DeviceSpec>,
    /// Table `main`, in the order the routes were added.
    pub routes: Vec<RouteSpec>,
    /// Neighbours that are known or permanent from the start.
    pub neighbours: Vec<NeighbourSpec>,
    /// Static forwarding entries of VXLAN devices: device, MAC, address of the VTEP.
    pub fdb: Vec<(String, Mac, IpAddr)>,
    /// The iptables rules; counters start at zero.
    pub rules: Ruleset,
    /// Kernel parameters (`net.*`) that differ between kinds of hosts.
    pub sysctl: Sysctl,
    /// How long idle connections stay tracked (`net.netfilter.nf_conntrack_*_timeout*`).
    pub timeouts: Timeouts,
    /// TCP and UDP servers that listen from the start.
    pub services: Vec<Listener>,
}

impl NetnsSpec {
    /// A namespace that has `lo` and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tapped: true,
            devices: vec![DeviceSpec::loopback()],
            routes: Vec::new(),
            neighbours: Vec::new(),
            fdb: Vec::new(),
            rules: Ruleset::default(),
            sysctl: Sysctl::default(),
            timeouts: Timeouts::default(),
            services: Vec::new(),
        }
    }
}

/// The initial state of a network device.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// Its name, at most 15 bytes (`IFNAMSIZ`).
    pub name: String,
    /// Its ifindex, as `ip link` prints it.
    pub ifindex: u32,
    /// MAC of the device; zero for `lo`.
    pub mac: Mac,
    /// Its MTU, in bytes of IP.
    pub mtu: u32,
    /// Its addresses with their prefix lengths, the primary first.
    pub addrs: Vec<IpNet>,
    /// Administratively up (`IFF_UP`, `ip link set up`).
    pub up: bool,
    /// The bridge it is a port of.
    pub master: Option<String>,
    /// As a bridge port: a frame may leave by the port it came in by.
    pub hairpin: bool,
    /// The driver, and what `ip link add` gives it.
    pub kind: DeviceKindSpec,
    /// What happens to frames on the cable behind it.
    pub cable: CableSpec,
}

/// What happens to the frames that leave a device by its cable: as `tc netem` does it, and as a
/// cloud's security group refuses them. A good cable by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CableSpec {
    /// The chance that a frame is lost; `u32::MAX` stands for 100 %, as in `tc_netem_qopt`.
    pub loss: u32,
    /// The chance that a frame arrives twice; `u32::MAX` stands for 100 %.
    pub duplicate: u32,
    /// How long a frame takes more than on a good cable.
    pub delay: Duration,
    /// The IP protocols and destination ports that are not let through.
    pub blocked: Vec<(u8, u16)>,
}

impl DeviceSpec {
    /// `lo` with 127.0.0.1/8 and an MTU of 65536.
    pub fn loopback() -> Self {
        let addr = "127.0.0.1/8".parse().expect("invariant: a literal network");
        Self {
            addrs: vec![addr],
            ..Self::new("lo", 1, Mac::ZERO, 65_536, DeviceKindSpec::Loopback)
        }
    }

    /// A device that is up, without addresses.
    pub fn new(name: &str, ifindex: u32, mac: Mac, mtu: u32, kind: DeviceKindSpec) -> Self {
        Self {
            name: name.to_owned(),
            ifindex,
            mac,
            mtu,
            addrs: Vec::new(),
            up: true,
            master: None,
            hairpin: false,
            kind,
            cable: CableSpec::default(),
        }
    }
}

/// The driver of a device, with its configuration.
#[derive(Clone, Debug)]
pub enum DeviceKindSpec {
    /// The device `lo`, of which a namespace has one.
    Loopback,
    /// One end of a cable: a veth, or a NIC plugged into a LAN segment.
    Cable {
        /// The namespace of the other end.
        peer_netns: String,
        /// The device at the other end.
        peer: String,
        /// A NIC rather than a veth; `ip` prints a veth's name with `@`.
        nic: bool,
    },
    /// A bridge; its ports name it as their `master`.
    Bridge,
    /// A VXLAN tunnel end point.
    Vxlan {
        /// VXLAN network identifier, 24 bits.
        vni: u32,
        /// Source address of the outer packets.
        local: IpAddr,
        /// The device that carries the outer packets.
        dev: String,
        /// Destination and listening UDP port.
        port: u16,
    },
}

/// A route of table `main`.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// The network that is reached by this route; 0.0.0.0/0 for the default route.
    pub dst: IpNet,
    /// The gateway; `None` for a network on the link.
    pub via: Option<IpAddr>,
    /// The device it leaves by, by name.
    pub dev: String,
    /// The source address that unbound sockets use (`src`).
    pub src: Option<IpAddr>,
    /// The gateway need not be in a network of the device (`onlink`).
    pub onlink: bool,
    /// Who added the route.
    pub proto: RouteProto,
    /// Its metric; the lowest wins among equal networks.
    pub metric: u32,
}

/// An entry of the neighbour table.
#[derive(Clone, Debug)]
pub struct NeighbourSpec {
    /// The device on whose link the neighbour is, by name.
    pub dev: String,
    /// The neighbour's IP address.
    pub addr: IpAddr,
    /// The MAC that frames to it are sent to.
    pub lladdr: Mac,
    /// The state it begins in: PERMANENT for entries that flanneld writes.
    pub state: NudState,
}

/// The kernel parameters of a network namespace that are simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// Packets for other hosts are forwarded (`net.ipv4.ip_forward`).
    pub ip_forward: bool,
    /// Bridged packets pass the iptables hooks (`net.bridge.bridge-nf-call-iptables`).
    pub bridge_nf_call_iptables: bool,
    /// `net.ipv4.conf.all.rp_filter`: 0 off, 1 strict, 2 loose.
    pub rp_filter: u8,
    /// 127.0.0.0/8 may be routed to and from devices (`net.ipv4.conf.all.route_localnet`).
    pub route_localnet: bool,
    /// ICMP redirects are sent to hosts that have a better gateway
    /// (`net.ipv4.conf.all.send_redirects`).
    pub send_redirects: bool,
    /// `net.ipv4.conf.all.accept_redirects`; a router never accepts any.
    pub accept_redirects: bool,
}

impl Default for Sysctl {
    /// The kernel's own values, as a new namespace has them.
    fn default() -> Self {
        Self {
            ip_forward: false,
            bridge_nf_call_iptables: true,
            rp_filter: 0,
            route_localnet: false,
            send_redirects: true,
            accept_redirects: true,
        }
    }
}

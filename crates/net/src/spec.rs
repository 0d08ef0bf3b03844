//! What a world is made of: the Linux state that somebody (an administrator, kubelet, kube-proxy,
//! flanneld, a CNI plugin) set up before the first packet.
//!
//! A spec is data by name; [`crate::World::new`] turns names into numbers and says what does not
//! fit.

use crate::conntrack::Timeouts;
use crate::neigh::NudState;
use crate::netfilter::Ruleset;
use crate::route::RouteProto;
use crate::socket::Service;
use crate::wire::Mac;
use ipnet::IpNet;
use std::net::IpAddr;
use std::rc::Rc;

/// Everything a world begins with.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Network namespaces: nodes, pods, hosts, and one for each LAN segment.
    pub netns: Vec<NetnsSpec>,
}

/// One network namespace.
#[derive(Clone, Debug)]
pub struct NetnsSpec {
    /// Its name, unique in the spec.
    pub name: String,
    /// Whether frames are seen at its devices. A LAN segment is a switch nobody looks into.
    pub tapped: bool,
    /// Devices, in order of their ifindex.
    pub devices: Vec<DeviceSpec>,
    /// Routes of table `main`, in the order they were added.
    pub routes: Vec<RouteSpec>,
    /// Neighbours known from the start.
    pub neighbours: Vec<NeighbourSpec>,
    /// Forwarding entries of VXLAN devices: device, MAC, VTEP.
    pub fdb: Vec<(String, Mac, IpAddr)>,
    /// iptables.
    pub rules: Rc<Ruleset>,
    /// Settings.
    pub sysctl: Sysctl,
    /// Connection tracking timeouts.
    pub timeouts: Timeouts,
    /// What listens.
    pub services: Vec<Service>,
}

impl NetnsSpec {
    /// An empty namespace with a loopback device.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tapped: true,
            devices: vec![DeviceSpec::loopback()],
            routes: Vec::new(),
            neighbours: Vec::new(),
            fdb: Vec::new(),
            rules: Rc::new(Ruleset::default()),
            sysctl: Sysctl::default(),
            timeouts: Timeouts::default(),
            services: Vec::new(),
        }
    }
}

/// A device.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// Its name, at most 15 characters.
    pub name: String,
    /// Its number.
    pub ifindex: u32,
    /// Its MAC.
    pub mac: Mac,
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// Its addresses, with their lengths.
    pub addrs: Vec<IpNet>,
    /// Whether it is up.
    pub up: bool,
    /// The bridge it is a port of.
    pub master: Option<String>,
    /// Whether the bridge may send a frame back to this port (hairpin mode).
    pub hairpin: bool,
    /// What it is.
    pub kind: DeviceKindSpec,
}

impl DeviceSpec {
    /// `lo`.
    pub fn loopback() -> Self {
        let addr = "127.0.0.1/8".parse().expect("invariant: a literal network");
        Self {
            addrs: vec![addr],
            ..Self::new("lo", 1, Mac::ZERO, 65_536, DeviceKindSpec::Loopback)
        }
    }

    /// A device that is up and has no address yet.
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
        }
    }
}

/// What a device is.
#[derive(Clone, Debug)]
pub enum DeviceKindSpec {
    /// `lo`.
    Loopback,
    /// One end of a cable: a veth pair, or a NIC plugged into a segment.
    Cable {
        /// The namespace of the other end.
        peer_netns: String,
        /// The device at the other end.
        peer: String,
        /// A NIC rather than a veth: `ip` prints no `@`.
        nic: bool,
    },
    /// A bridge.
    Bridge,
    /// A VXLAN tunnel end point.
    Vxlan {
        /// VXLAN network identifier.
        vni: u32,
        /// The address of its outer packets.
        local: IpAddr,
        /// The device they leave by.
        dev: String,
        /// The UDP port it listens on.
        port: u16,
    },
}

/// A route of table `main`.
#[derive(Clone, Debug)]
pub struct RouteSpec {
    /// The network.
    pub dst: IpNet,
    /// The gateway.
    pub via: Option<IpAddr>,
    /// The device.
    pub dev: String,
    /// The preferred source.
    pub src: Option<IpAddr>,
    /// Whether the gateway need not be on the link.
    pub onlink: bool,
    /// Who made it.
    pub proto: RouteProto,
    /// Its metric.
    pub metric: u32,
}

/// A neighbour known from the start.
#[derive(Clone, Debug)]
pub struct NeighbourSpec {
    /// The device.
    pub dev: String,
    /// The address.
    pub addr: IpAddr,
    /// The MAC.
    pub lladdr: Mac,
    /// How sure.
    pub state: NudState,
}

/// Settings of a network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// `net.ipv4.ip_forward`.
    pub ip_forward: bool,
    /// `net.bridge.bridge-nf-call-iptables`.
    pub bridge_nf_call_iptables: bool,
    /// `net.ipv4.conf.all.rp_filter`: 0 off, 1 strict, 2 loose.
    pub rp_filter: u8,
    /// `net.ipv4.conf.all.route_localnet`.
    pub route_localnet: bool,
    /// `net.ipv4.conf.all.send_redirects`.
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

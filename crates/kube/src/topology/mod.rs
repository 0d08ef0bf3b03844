//! `kind: Topology`: the machines and networks under the cluster. Every field but the names of
//! nodes has a default; a document without a Topology has a control plane, two workers and a client
//! on one LAN.

mod balancer;
mod decode;
mod network;

pub use balancer::{AddressRange, Balancer};
pub use decode::decode;

use crate::decode::Spanned;
use crate::diag::Span;
use crate::fault::{Daemon, Fault};
use crate::naming;
use crate::release::Release;
use ipnet::Ipv4Net;
use net::netfilter::Ruleset;
use net::spec::CableSpec;
use net::wire::Mac;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// An interface of a machine on a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The device's name, at most 15 characters.
    pub name: String,
    /// Its segment, by the index in [`Topology::segments`].
    pub segment: usize,
    /// Its address with the prefix length of the segment.
    pub address: Spanned<Ipv4Net>,
    /// Its MAC address; derived from the seed if none is given.
    pub mac: Option<Mac>,
    /// The largest IP packet, in bytes, 576 to 65535.
    pub mtu: u32,
    /// What its cable does to frames, in both directions. The ports that are blocked are those of
    /// frames to the machine.
    pub cable: CableSpec,
}

impl Nic {
    /// `eth0` with an address on the first segment.
    fn on_first(address: Spanned<Ipv4Net>) -> Self {
        Self {
            name: "eth0".to_owned(),
            segment: 0,
            address,
            mac: None,
            mtu: 1500,
            cable: CableSpec::default(),
        }
    }

    /// The MAC address of a further interface of a machine.
    pub(crate) fn mac_in(&self, topology: &Topology, machine: &str) -> Mac {
        let random = || naming::random_mac(topology.seed, &format!("{machine}/{}", self.name));
        self.mac.unwrap_or_else(random)
    }

    /// Whether an address is on its link.
    pub(crate) fn reaches(&self, addr: Ipv4Addr) -> bool {
        self.address.value.contains(&addr)
    }
}

/// A route that the text gives a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// The network that it leads to.
    pub to: Ipv4Net,
    /// The gateway, on the link of one of the machine's interfaces.
    pub via: Ipv4Addr,
}

/// What makes a host a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Whether it forwards packets (`net.ipv4.ip_forward`).
    pub ip_forward: bool,
    /// `net.ipv4.conf.all.rp_filter`: 0 off, 1 strict, 2 loose.
    pub rp_filter: u8,
    /// Its iptables rules.
    pub rules: Ruleset,
}

/// What a node runs, and so whether the scheduler puts pods there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The API server; the scheduler puts no pods there.
    ControlPlane,
    /// Pods; the scheduler may put any there.
    Worker,
}

/// A machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSpec {
    /// `metadata.name` of the Node in Kubernetes.
    pub name: Spanned<String>,
    /// The host name that its shell prints.
    pub hostname: String,
    /// What it runs: the control plane, or pods.
    pub role: Role,
    /// Its first interface, with its InternalIP and its default route.
    pub nic: Nic,
    /// Its other interfaces.
    pub interfaces: Vec<Nic>,
    /// Its routes beside those of its interfaces and of flannel.
    pub routes: Vec<StaticRoute>,
    /// Whether docker runs there, with docker0 and its rules. By default only up to Kubernetes
    /// 1.23, as 1.24 removed dockershim.
    pub docker: bool,
    /// The MAC address of docker0; derived from the seed if none is given.
    pub docker_mac: Option<Mac>,
    /// The MAC address of flannel's VXLAN device; derived from the seed if none is given.
    pub vtep_mac: Option<Mac>,
    /// Whether it forwards packets (`net.ipv4.ip_forward`).
    pub ip_forward: bool,
    /// Whether bridged packets pass iptables (`net.bridge.bridge-nf-call-iptables`).
    pub bridge_nf: bool,
    /// `net.ipv4.conf.all.rp_filter`: 0 off, 1 strict, 2 loose.
    pub rp_filter: u8,
    /// Its zone, as the label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
}

/// A machine outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, unique among nodes and hosts.
    pub name: Spanned<String>,
    /// The host name that its shell prints.
    pub hostname: String,
    /// Its first interface, which a default route of its own leads by.
    pub nic: Nic,
    /// Its other interfaces.
    pub interfaces: Vec<Nic>,
    /// Its routes beside those of its interfaces.
    pub routes: Vec<StaticRoute>,
    /// Set if it forwards between its interfaces; it has no default route of its own then.
    pub router: Option<Router>,
}

impl Host {
    /// All its interfaces.
    pub fn nics(&self) -> impl Iterator<Item = &Nic> + Clone {
        std::iter::once(&self.nic).chain(&self.interfaces)
    }
}

/// An item of `spec.pods`: the node and address of one pod, which the scheduler and IPAM would
/// choose otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPlacement {
    /// Name of the Deployment that the pod belongs to.
    pub of: Spanned<String>,
    /// Name of the node that the pod runs on.
    pub node: Spanned<String>,
    /// Address of the pod, in the node's pod CIDR.
    pub ip: Spanned<Ipv4Addr>,
    /// The end of its name: five characters, or the template hash, `-` and five characters.
    pub suffix: Option<String>,
    /// The name of its veth device on the node.
    pub veth: Option<Spanned<String>>,
    /// The MAC address of that device.
    pub veth_mac: Option<Mac>,
    /// Whether its readiness probe succeeds.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// Options of kube-proxy, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeProxy {
    /// `--masquerade-all`: masquerades everything sent to a cluster IP.
    pub masquerade_all: bool,
    /// `--cluster-cidr`: sources inside the cluster. The pods' network by default; none disables
    /// the check.
    pub cluster_cidr: Option<Ipv4Net>,
    /// `--nodeport-addresses`: the node addresses with node ports; empty: all.
    pub node_port_addresses: Vec<Ipv4Net>,
    /// `--iptables-localhost-nodeports`: whether node ports are reachable at 127.0.0.1.
    pub localhost_node_ports: bool,
}

/// How flannel carries packets between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `vxlan`: packets to other nodes are encapsulated in UDP.
    Vxlan {
        /// `DirectRouting`: not encapsulated to nodes on the same segment.
        direct_routing: bool,
    },
    /// `host-gw`: packets are routed as they are.
    HostGw,
}

/// A LAN: an Ethernet segment with one switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its name, which differs from those of nodes and hosts.
    pub name: String,
    /// The network that its machines have addresses in.
    pub subnet: Ipv4Net,
    /// The default gateway of all machines on it: of a segment with routers, the first one unless
    /// the text says otherwise.
    pub gateway: Option<Ipv4Addr>,
    /// The MTU of interfaces on it that have none of their own, in bytes.
    pub mtu: u32,
}

/// The machines and networks under the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// `metadata.name` of the Topology.
    pub name: String,
    /// Seed of what real components draw at random: names, MAC addresses, the order of a Go map.
    pub seed: u64,
    /// The release of Kubernetes, which decides what kube-proxy, flannel, the CNI plugins and
    /// docker write.
    pub version: Release,
    /// `--cluster-cidr` of kube-controller-manager: the pods' network.
    pub pod_cidr: Ipv4Net,
    /// `--service-cluster-ip-range`: the network of cluster IPs.
    pub service_cidr: Ipv4Net,
    /// `--service-node-port-range`: the first and last port.
    pub node_ports: (u16, u16),
    /// Options of kube-proxy, the same on every node.
    pub kube_proxy: KubeProxy,
    /// How flannel carries packets between nodes.
    pub backend: Backend,
    /// The VXLAN network identifier of flannel.
    pub vni: u32,
    /// The UDP port of flannel's VXLAN.
    pub vxlan_port: u16,
    /// `--ip-masq` of flannel: packets from pods to outside are masqueraded.
    pub ip_masq: bool,
    /// `--iface` of flannel: the interface whose address nodes have in the pods' network; by
    /// default the one of the default route.
    pub flannel_iface: Option<Spanned<String>>,
    /// Who answers for the addresses of load balancers.
    pub load_balancer: Balancer,
    /// With `external`: the host that is the load balancer.
    pub load_balancer_host: String,
    /// The addresses that Services of type LoadBalancer get, in order; none for the default range.
    pub load_balancer_pool: Vec<AddressRange>,
    /// The LANs, of which there is at least one.
    pub segments: Vec<Segment>,
    /// The machines of the cluster.
    pub nodes: Vec<NodeSpec>,
    /// Machines on the LANs that do not belong to the cluster, the routers last.
    pub hosts: Vec<Host>,
    /// Pods with a fixed node and address.
    pub pods: Vec<PodPlacement>,
    /// Faults that are there from the start.
    pub faults: Vec<Fault>,
    /// Offsets in the diagram by name of a node or host: right and down, in pixels.
    pub layout: BTreeMap<String, (i32, i32)>,
}

/// Parses a literal of the source.
fn literal<T: std::str::FromStr>(text: &str) -> T {
    let Ok(value) = text.parse() else { unreachable!("invariant: a literal in the source") };
    value
}

impl Default for Topology {
    fn default() -> Self {
        let at = Span { line: 1, column: 1, start: 0, end: 0 };
        let nic = |last: u8| {
            let address = literal(&format!("192.168.1.{last}/24"));
            Nic::on_first(Spanned { value: address, span: at })
        };
        let node = |name: &str, role, last| NodeSpec {
            role,
            nic: nic(last),
            ..NodeSpec::named(Spanned { value: name.to_owned(), span: at })
        };
        let host = |name: &str, last| Host {
            name: Spanned { value: name.to_owned(), span: at },
            hostname: name.to_owned(),
            nic: nic(last),
            interfaces: Vec::new(),
            routes: Vec::new(),
            router: None,
        };
        Self {
            name: "default".to_owned(),
            seed: 0,
            version: Release::default(),
            pod_cidr: literal("10.244.0.0/16"),
            service_cidr: literal("10.96.0.0/12"),
            node_ports: (30_000, 32_767),
            kube_proxy: KubeProxy {
                masquerade_all: false,
                cluster_cidr: Some(literal("10.244.0.0/16")),
                node_port_addresses: Vec::new(),
                localhost_node_ports: true,
            },
            backend: Backend::Vxlan { direct_routing: false },
            vni: 1,
            vxlan_port: net::wire::VXLAN_PORT,
            ip_masq: true,
            flannel_iface: None,
            load_balancer: Balancer::Layer2,
            load_balancer_host: "load-balancer".to_owned(),
            load_balancer_pool: Vec::new(),
            segments: vec![Segment {
                name: "lan".to_owned(),
                subnet: literal("192.168.1.0/24"),
                gateway: Some(literal("192.168.1.1")),
                mtu: 1500,
            }],
            nodes: vec![
                node("control-plane", Role::ControlPlane, 10),
                node("worker-1", Role::Worker, 11),
                node("worker-2", Role::Worker, 12),
            ],
            hosts: vec![host("gateway", 1), host("client", 100)],
            pods: Vec::new(),
            faults: Vec::new(),
            layout: BTreeMap::new(),
        }
    }
}

impl Topology {
    /// The first segment, which machines are on unless the text says otherwise.
    pub fn segment(&self) -> &Segment {
        &self.segments[0]
    }

    /// All machines: their names, interfaces and routes; the nodes first.
    pub fn machines(&self) -> impl Iterator<Item = (&Spanned<String>, Vec<&Nic>, &[StaticRoute])> {
        let nodes = self.nodes.iter().map(|n| (&n.name, n.nics().collect(), &*n.routes));
        nodes.chain(self.hosts.iter().map(|h| (&h.name, h.nics().collect(), &*h.routes)))
    }

    /// Whether a host is the default gateway of a segment.
    pub fn is_gateway(&self, host: &Host) -> bool {
        let gateway = |n: &Nic| self.segments[n.segment].gateway;
        host.nics().any(|n| Some(n.address.value.addr()) == gateway(n))
    }

    /// The interface of a node whose address flannel has for it (`--iface`).
    pub fn flannel_nic<'a>(&self, node: &'a NodeSpec) -> &'a Nic {
        let chosen = |n: &&Nic| self.flannel_iface.as_ref().is_some_and(|i| i.value == n.name);
        node.nics().find(chosen).unwrap_or(&node.nic)
    }

    /// Whether a machine, or a segment, has a name.
    pub fn has_name(&self, name: &str) -> bool {
        let segments = self.segments.iter().map(|s| &s.name);
        self.machines().map(|(name, ..)| &name.value).chain(segments).any(|n| n == name)
    }

    /// The addresses of load balancers, in the order in which they are given: those of the pool
    /// that no machine has. The default pool is on the first segment.
    pub fn balancer_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        let lan = self.segment().subnet;
        let default = self.load_balancer_pool.is_empty().then(|| AddressRange::default_of(lan));
        let nics = self.machines().flat_map(|(_, nics, _)| nics);
        let machines = nics.map(|n| n.address.value.addr());
        let machines = machines.chain(self.segments.iter().filter_map(|s| s.gateway));
        let taken: BTreeSet<Ipv4Addr> = machines.chain([lan.network(), lan.broadcast()]).collect();
        let ranges = self.load_balancer_pool.iter().cloned().chain(default);
        ranges.flat_map(|r| r.addresses()).filter(move |a| !taken.contains(a))
    }

    /// Whether a daemon runs on a node.
    pub fn runs(&self, node: &str, daemon: Daemon) -> bool {
        !self.faults.iter().any(|f| matches!(f, Fault::Stopped(n, d) if n == node && *d == daemon))
    }
}

impl NodeSpec {
    /// All its interfaces.
    pub fn nics(&self) -> impl Iterator<Item = &Nic> + Clone {
        std::iter::once(&self.nic).chain(&self.interfaces)
    }

    /// A node at an address of a LAN, with the default settings otherwise.
    pub(crate) fn at(
        name: Spanned<String>,
        role: Role,
        address: Ipv4Addr,
        subnet: Ipv4Net,
        docker: bool,
    ) -> Self {
        let mut out = Self { role, docker, ..Self::named(name) };
        out.nic.address.value = Ipv4Net::new_assert(address, subnet.prefix_len());
        out
    }

    /// A worker with the default settings.
    fn named(name: Spanned<String>) -> Self {
        let nic = Nic::on_first(Spanned { value: literal("192.168.1.11/24"), span: name.span });
        Self {
            hostname: name.value.clone(),
            name,
            role: Role::Worker,
            nic,
            interfaces: Vec::new(),
            routes: Vec::new(),
            docker: true,
            docker_mac: None,
            vtep_mac: None,
            ip_forward: true,
            bridge_nf: true,
            rp_filter: 1,
            zone: None,
        }
    }
}

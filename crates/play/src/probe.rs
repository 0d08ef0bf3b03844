//! Probes: requests and pings, and the names of their senders and destinations.

use kube::Cluster;
use kube::cluster::{Pod, RunningService};
use kube::object::WorkloadKind;
use net::socket::Pmtudisc;
use net::wire::TcpFlags;
use net::{Duration, NetnsId, World};
use std::net::IpAddr;

pub use crate::probe_error::ProbeError;
pub use kube::fields::{MAX_COUNT, MAX_SEGMENT, MAX_SIZE, TCP_FLAGS};

/// The protocol of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// A TCP connection with `GET /`, as `curl` does.
    #[default]
    Tcp,
    /// One datagram and its answer.
    Udp,
    /// An echo request, as `ping` does.
    Icmp,
}

impl Protocol {
    /// Its name in a Script and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    /// The protocol of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Icmp].into_iter().find(|p| p.name() == name)
    }

    /// `TCP` or `UDP`; ICMP has no ports.
    pub const fn transport(self) -> Option<&'static str> {
        match self {
            Self::Tcp => Some("TCP"),
            Self::Udp => Some("UDP"),
            Self::Icmp => None,
        }
    }
}

/// A command that looks a name up and prints what DNS says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `nslookup`
    Nslookup,
    /// `dig`
    Dig {
        /// Prints the data of the records only (`+short`).
        short: bool,
    },
    /// `host`
    Host,
    /// `getent hosts`
    Getent,
}

/// What a [`Tool`] asks DNS for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The command.
    pub tool: Tool,
    /// The types of record.
    pub kinds: Vec<net::dns::RecordType>,
    /// The server to ask; that of `resolv.conf` if not given.
    pub server: Option<IpAddr>,
    /// Whether the domains of `resolv.conf` are tried.
    pub searches: bool,
}

/// A request, or several of a kind, and how the client sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The sender: a node, host, pod, or a workload such as `deploy/NAME`.
    pub from: String,
    /// The destination: a name or address, with a port for TCP and UDP, or a URL.
    pub to: String,
    /// The destination is a host name or an address, as a command takes it, and no other name.
    pub by_name: bool,
    /// The protocol.
    pub proto: Protocol,
    /// The destination is a name to look up and nothing more.
    pub query: Option<Query>,
    /// Source port, or identifier of a ping; drawn from the seed if not given.
    pub sport: Option<u16>,
    /// IP time to live; 64 if not given.
    pub ttl: Option<u8>,
    /// Bytes of data; 56 for ICMP, 30 for UDP, 0 for a segment with `flags`. For a TCP connection,
    /// bytes beyond those that the request needs.
    pub size: Option<u16>,
    /// Whether the packets may be cut into fragments.
    pub pmtudisc: Pmtudisc,
    /// The control bits of a single TCP segment, sent without a connection. `None`: a connection.
    pub flags: Option<TcpFlags>,
    /// The sequence number of the first echo request.
    pub seq: u16,
    /// Whether datagrams have a UDP checksum.
    pub checksum: bool,
    /// The endpoint that the random rules of kube-proxy choose.
    pub endpoint: Option<(IpAddr, Option<u16>)>,
    /// Count of echo requests or datagrams.
    pub count: u16,
    /// The time between two echo requests.
    pub interval: Duration,
    /// The `Host:` header of the request; address and port if not given.
    pub host: Option<String>,
    /// How long the client waits for an answer; the protocol's own time if not given.
    pub timeout: Option<Duration>,
    /// How long a TCP client waits between the handshake and its request.
    pub pause: Duration,
    /// How long the simulation continues after the client has finished; until the world is idle if
    /// not given.
    pub settle: Option<Duration>,
}

impl Probe {
    /// A TCP probe with the defaults of a Script.
    pub fn new(from: &str, to: &str) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            by_name: to.starts_with(SCHEME) || to.starts_with(TLS_SCHEME),
            proto: Protocol::Tcp,
            query: None,
            sport: None,
            ttl: None,
            size: None,
            pmtudisc: Pmtudisc::Want,
            flags: None,
            seq: 1,
            checksum: true,
            endpoint: None,
            count: 1,
            interval: Duration::secs(1),
            host: None,
            timeout: None,
            pause: Duration::default(),
            settle: None,
        }
    }
}

/// The control bits of a TCP segment, by name.
const FLAGS: [(&str, TcpFlags); 5] = [
    ("syn", TcpFlags::SYN),
    ("ack", TcpFlags::ACK),
    ("fin", TcpFlags::FIN),
    ("rst", TcpFlags::RST),
    ("psh", TcpFlags::PSH),
];

/// Parses control bits, as [`TCP_FLAGS`] says: `syn,ack`, or `none`.
pub fn parse_flags(text: &str) -> Option<TcpFlags> {
    if text == "none" {
        return Some(TcpFlags::default());
    }
    let bit = |name: &str| FLAGS.iter().find(|(n, _)| *n == name).map(|(_, bit)| *bit);
    text.split(',').try_fold(TcpFlags::default(), |all, name| Some(all.with(bit(name.trim())?)))
}

/// Control bits as [`parse_flags`] reads them.
pub fn flags_text(flags: TcpFlags) -> String {
    let names = FLAGS.iter().filter(|(_, bit)| flags.has(*bit)).map(|(name, _)| *name);
    let names: Vec<_> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(",") }
}

/// The ports that the sockets of one lookup may have, one after the other.
pub(crate) const LOOKUP_PORTS: u16 = 64;
/// The scheme of a URL.
pub(crate) const SCHEME: &str = "http://";
/// What an encrypted URL begins with.
pub(crate) const TLS_SCHEME: &str = "https://";

/// Parses `ADDRESS` or `ADDRESS:PORT`.
pub fn parse_endpoint(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let plain = text.parse::<IpAddr>().map(|a| (a, None));
    plain.or_else(|_| text.parse::<std::net::SocketAddr>().map(|s| (s.ip(), Some(s.port())))).ok()
}

/// The names of all senders: hosts, nodes, then `pod/NAME`.
pub fn places(cluster: &Cluster) -> Vec<String> {
    let hosts = cluster.topology.hosts.iter().map(|h| h.name.value.clone());
    let nodes = cluster.nodes.iter().map(|n| n.spec.name.value.clone());
    // The cluster's own pods on the nodes' networks send as their nodes do.
    let own = cluster.host_pods.iter().filter(|p| !p.namespace.starts_with("kube-"));
    let pods = cluster.pods.iter().chain(own).map(|p| format!("pod/{}", p.netns()));
    hosts.chain(nodes).chain(pods).collect()
}

/// The network namespace of a sender's name.
///
/// # Errors
/// The name is unknown, or the beginning of more than one pod's name.
pub fn resolve_netns(cluster: &Cluster, world: &World, name: &str) -> Result<NetnsId, ProbeError> {
    let in_netns = |pod: &Pod| world.state().ns_named(&cluster.netns(pod)).map(|(id, _)| id);
    let (kind, rest) = name.split_once('/').unwrap_or(("", name));
    let kind = WorkloadKind::from_word(kind);
    let pod_name = kind.filter(|k| *k == WorkloadKind::Pod).map(|_| rest);
    let workload = kind.filter(|k| *k != WorkloadKind::Pod);
    if kind.is_none()
        && let Some((id, ns)) = world.state().ns_named(name)
        && ns.tapped
    {
        return Ok(id);
    }
    if let Some(kind) = workload {
        let (namespace, owner) = rest.split_once('/').unwrap_or(("", rest));
        let is_it = |p: &&Pod| {
            p.owner.kind == kind
                && p.owner.name == owner
                && (namespace.is_empty() || p.namespace == namespace)
        };
        if let Some(id) = cluster.all_pods().filter(is_it).find_map(in_netns) {
            return Ok(id);
        }
        let idle = cluster.idle_pods.iter().find(|p| p.owner.kind == kind && p.owner.name == owner);
        if let Some(pod) = idle {
            return Err(ProbeError::Idle(
                pod.name.clone(),
                pod.status.to_string(),
                pod.reason.clone(),
            ));
        }
        let owners = cluster.all_pods().filter(|p| p.owner.kind != WorkloadKind::Pod);
        let known = owners.map(|p| p.owner.to_string()).collect();
        return Err(ProbeError::NoPodOf(format!("{kind} {rest:?}"), known));
    }
    let wanted = pod_name.unwrap_or(name);
    if let Ok(addr) = wanted.parse::<IpAddr>() {
        let owner = world
            .state()
            .netns
            .iter()
            .find(|n| n.tapped && !n.gone && !addr.is_loopback() && n.is_local(addr));
        return match owner.and_then(|n| world.state().ns_named(&n.name)) {
            Some((id, _)) => Ok(id),
            None => Err(ProbeError::NoOwner(addr, places(cluster))),
        };
    }
    let mut found: Vec<_> = cluster.all_pods().filter(|p| p.is_named(wanted)).collect();
    if found.is_empty() && !wanted.is_empty() {
        found = cluster.all_pods().filter(|p| p.name.starts_with(wanted)).collect();
    }
    let is_idle = |p: &&kube::cluster::IdlePod| p.name == wanted;
    if let (true, Some(pod)) = (found.is_empty(), cluster.idle_pods.iter().find(is_idle)) {
        return Err(ProbeError::Idle(pod.name.clone(), pod.status.to_string(), pod.reason.clone()));
    }
    let unknown = || Err(ProbeError::NoSender(name.to_owned(), places(cluster)));
    match found.as_slice() {
        [pod] => in_netns(pod).map_or_else(unknown, Ok),
        [] => unknown(),
        many => {
            let names = many.iter().map(|p| format!("pod/{}", p.netns())).collect();
            Err(ProbeError::ManyPods(wanted.to_owned(), names))
        }
    }
}

/// The Service that has an address, or a node port at a node's address.
pub(crate) fn service_at(cluster: &Cluster, to: (IpAddr, u16)) -> Option<&RunningService> {
    let by_ip = cluster.services.iter().find(|s| s.has_address(to.0));
    let is_node = || cluster.nodes.iter().any(|n| IpAddr::from(n.address()) == to.0);
    by_ip.or_else(|| {
        cluster
            .services
            .iter()
            .find(|s| s.ports.iter().any(|p| p.node_port == Some(to.1)))
            .filter(|_| is_node())
    })
}

/// Checks that a chosen endpoint is one of the destination's Service.
pub(crate) fn check_endpoint(
    cluster: &Cluster,
    to: (IpAddr, u16),
    chosen: (IpAddr, Option<u16>),
) -> Result<(), ProbeError> {
    let Some(s) = service_at(cluster, to) else { return Ok(()) };
    let all: Vec<_> = s.ports.iter().flat_map(|p| &p.endpoints).collect();
    if all.iter().any(|e| e.addr == chosen.0 && chosen.1.is_none_or(|c| c == e.port)) {
        return Ok(());
    }
    let name = chosen.1.map_or_else(|| chosen.0.to_string(), |p| format!("{}:{p}", chosen.0));
    let known = all.iter().map(|e| format!("{}:{}", e.addr, e.port)).collect();
    Err(ProbeError::NoEndpoint(name, format!("{}/{}", s.namespace, s.name), known))
}

//! What kube-proxy knows: its own settings, its node, and every port of every Service.

use super::Release;
use crate::object::{ServiceType, Traffic};
use ipnet::IpNet;
use litemap::LiteMap;
use std::net::IpAddr;
use std::rc::Rc;

/// How kube-proxy was started, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The release.
    pub release: Release,
    /// The family it writes rules for.
    pub ipv6: bool,
    /// `--cluster-cidr`: who is in the cluster.
    pub cluster_cidr: Option<IpNet>,
    /// `--masquerade-all`.
    pub masquerade_all: bool,
    /// `1 << --iptables-masquerade-bit`, as it is written.
    pub mark: Rc<str>,
    /// `--iptables-localhost-nodeports`.
    pub localhost_node_ports: bool,
    /// `--nodeport-addresses`; of both families.
    pub node_port_addresses: Vec<IpNet>,
    /// Whether iptables knows `--random-fully`.
    pub random_fully: bool,
    /// Whether the counter `ct_state_invalid_dropped_pkts` could be made.
    pub counts_invalid: bool,
    /// Whether the counter `localhost_nps_accepted_pkts` could be made.
    pub counts_localhost: bool,
    /// `net.netfilter.nf_conntrack_tcp_be_liberal`.
    pub tcp_liberal: bool,
    /// The addresses of the node's devices, in their order.
    pub addresses: Vec<IpAddr>,
    /// The node's address.
    pub node_ip: Option<IpAddr>,
    /// The node's name.
    pub node: String,
    /// `topology.kubernetes.io/zone` of the node.
    pub zone: Option<String>,
}

impl Settings {
    /// As kube-proxy starts without options.
    pub fn new(release: Release) -> Self {
        Self {
            release,
            ipv6: false,
            cluster_cidr: None,
            masquerade_all: false,
            mark: "0x00004000".into(),
            localhost_node_ports: true,
            node_port_addresses: Vec::new(),
            random_fully: true,
            counts_invalid: false,
            counts_localhost: false,
            tcp_liberal: false,
            addresses: Vec::new(),
            node_ip: None,
            node: String::new(),
            zone: None,
        }
    }

    /// Whether an address is of the family that is written.
    pub(super) fn ours(&self, addr: &IpAddr) -> bool {
        addr.is_ipv6() == self.ipv6
    }

    /// Whether node ports are reached at 127.0.0.1.
    pub(super) fn localhost(&self) -> bool {
        !self.ipv6 && (self.localhost_node_ports || !self.release.localhost_flag())
    }
}

/// A protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// The name in rules and chain names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// Its number in an IP header.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => net::wire::PROTO_TCP,
            Self::Udp => net::wire::PROTO_UDP,
            Self::Sctp => 132,
        }
    }

    /// The protocol of a manifest's word.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp].into_iter().find(|p| p.name().eq_ignore_ascii_case(name))
    }
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// The port's name; may be empty.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// What it is.
    pub kind: ServiceType,
    /// `clusterIP`.
    pub cluster_ip: IpAddr,
    /// `port`.
    pub port: u16,
    /// `nodePort`.
    pub node_port: Option<u16>,
    /// How packets to it are led.
    pub traffic: Traffic,
    /// Every endpoint, of every slice.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub addr: IpAddr,
    /// Its port.
    pub port: u16,
    /// `conditions.ready`.
    pub ready: bool,
    /// `conditions.serving`.
    pub serving: bool,
    /// `conditions.terminating`.
    pub terminating: bool,
    /// Whether it is on this node.
    pub local: bool,
    /// `hints.forZones`.
    pub zones: Vec<String>,
    /// `hints.forNodes`.
    pub nodes: Vec<String>,
}

impl Endpoint {
    /// A ready one.
    pub fn ready(addr: IpAddr, port: u16, local: bool) -> Self {
        Self {
            addr,
            port,
            ready: true,
            serving: true,
            terminating: false,
            local,
            zones: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// `10.1.5.4:80`, `[fd00::1]:80`.
    pub fn text(&self) -> String {
        std::net::SocketAddr::new(self.addr, self.port).to_string()
    }

    fn leaving(&self) -> bool {
        self.serving && self.terminating
    }
}

impl ServicePort {
    /// `default/web:http`; a port without a name keeps the colon up to 1.19.
    pub fn full_name(&self, release: Release) -> String {
        let colon = if self.name.is_empty() && release.no_bare_colon() { "" } else { ":" };
        format!("{}/{}{colon}{}", self.namespace, self.service, self.name)
    }

    /// The addresses of the load balancer that are caught here.
    pub(super) fn vips(&self, s: &Settings) -> Vec<IpAddr> {
        self.traffic
            .ingress
            .iter()
            .filter(|(a, proxy)| s.ours(a) && !(*proxy && s.release.ip_mode()))
            .map(|(a, _)| *a)
            .collect()
    }

    /// Whether it is reached from outside at all.
    pub(super) fn external(&self, s: &Settings) -> bool {
        self.node_port.is_some()
            || !self.vips(s).is_empty()
            || self.traffic.external_ips.iter().any(|a| s.ours(a))
    }

    /// Whether external packets go to endpoints of this node only.
    pub(super) fn local_outside(&self, s: &Settings) -> bool {
        let kind = self.kind > ServiceType::ClusterIp
            || (s.release.external_ips_obey_policy() && !self.traffic.external_ips.is_empty());
        self.traffic.external_local && kind
    }

    /// Whether packets of the cluster go to endpoints of this node only.
    pub(super) fn local_inside(&self, s: &Settings) -> bool {
        self.traffic.internal_local && s.release.internal_policy()
    }

    /// Which endpoints packets go to on a node (`pkg/proxy/topology.go`, `CategorizeEndpoints`).
    pub fn choose(&self, s: &Settings) -> Chosen {
        if !s.release.ext_chains() {
            return self.choose_before_ext(s);
        }
        let (inside, outside) = (self.local_inside(s), self.local_outside(s));
        let wants_all = !inside || self.external(s);
        let wants_local = inside || (outside && self.external(s));
        self.chosen(s, wants_all, wants_local)
    }

    /// Up to 1.23: `internalTrafficPolicy: Local` is for everybody, but only without
    /// `externalTrafficPolicy: Local`.
    fn choose_before_ext(&self, s: &Settings) -> Chosen {
        let outside = self.local_outside(s);
        let here_only = !outside && self.local_inside(s);
        let cluster: Vec<Endpoint> = self
            .sorted(s.release)
            .into_iter()
            .filter(|e| e.ready && (e.local || !here_only))
            .collect();
        let local = if outside {
            cluster.iter().filter(|e| e.local).cloned().collect()
        } else {
            Vec::new()
        };
        Chosen { any: !cluster.is_empty(), cluster, local }
    }

    fn chosen(&self, s: &Settings, wants_all: bool, wants_local: bool) -> Chosen {
        let all = self.sorted(s.release);
        let fallback = s.release.terminating_fallback();
        let pick = |keep: &dyn Fn(&Endpoint) -> bool| -> Vec<Endpoint> {
            all.iter().filter(|e| keep(e)).cloned().collect()
        };
        let hint = self.hint(s);
        let mut cluster = Vec::new();
        if wants_all {
            cluster = pick(&|e| e.ready && hint.as_ref().is_none_or(|h| h.names(e)));
            if cluster.is_empty() && fallback {
                cluster = pick(&Endpoint::leaving);
            }
        }
        let mut any = !cluster.is_empty();
        let mut local = Vec::new();
        if wants_local {
            local = pick(&|e| e.ready && e.local);
            if local.is_empty() && fallback {
                local = pick(&|e| e.local && e.leaving());
            }
            any |= all.iter().any(|e| e.ready || (fallback && e.leaving()));
        }
        Chosen { cluster, local, any }
    }

    /// Every endpoint once, in kube-proxy's order. Of an address that is in two slices, the later
    /// that is not terminating wins.
    fn sorted(&self, release: Release) -> Vec<Endpoint> {
        let mut all: Vec<Endpoint> = Vec::new();
        let mut at: LiteMap<_, usize> = LiteMap::new();
        for e in &self.endpoints {
            let i = at.get(&(e.addr, e.port)).copied().unwrap_or(all.len());
            at.insert((e.addr, e.port), i);
            match all.get_mut(i) {
                Some(known) if known.terminating || !e.terminating => *known = e.clone(),
                Some(_) => {}
                None => all.push(e.clone()),
            }
        }
        if release.slices() {
            all.sort_by_cached_key(Endpoint::text);
        }
        all
    }

    /// What ready endpoints are hinted for, if each is and this node is among it.
    fn hint<'a>(&self, s: &'a Settings) -> Option<Hint<'a>> {
        let ready = || self.endpoints.iter().filter(|e| e.ready);
        if s.release.node_hints()
            && ready().all(|e| !e.nodes.is_empty())
            && ready().any(|e| e.nodes.contains(&s.node))
        {
            return Some(Hint::Node(&s.node));
        }
        let zone = s.zone.as_ref().filter(|z| !z.is_empty())?;
        let zones = s.release.zone_hints()
            && ready().all(|e| !e.zones.is_empty())
            && ready().any(|e| e.zones.contains(zone));
        zones.then_some(Hint::Zone(zone))
    }
}

/// Where traffic should stay.
enum Hint<'a> {
    Node(&'a String),
    Zone(&'a String),
}

impl Hint<'_> {
    fn names(&self, e: &Endpoint) -> bool {
        match self {
            Self::Node(n) => e.nodes.contains(n),
            Self::Zone(z) => e.zones.contains(z),
        }
    }
}

/// Which endpoints packets go to on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// By the policy Cluster.
    pub cluster: Vec<Endpoint>,
    /// By the policy Local.
    pub local: Vec<Endpoint>,
    /// Whether there is a usable one anywhere.
    pub any: bool,
}

impl Chosen {
    /// All that can be reached, each once.
    pub fn reachable(&self) -> Vec<Endpoint> {
        let mut all = self.cluster.clone();
        all.extend(self.local.iter().filter(|e| !self.cluster.contains(e)).cloned());
        all
    }
}

/// An address as kube-proxy reads it: zeros before a number are nothing (`netutils.ParseIPSloppy`).
pub fn sloppy_ip(text: &str) -> Option<IpAddr> {
    let plain = text.trim();
    if plain.contains(':') {
        return plain.parse().ok();
    }
    let parts: Vec<u8> = plain
        .split('.')
        .map(|p| if p.starts_with('+') { None } else { p.parse().ok() })
        .collect::<Option<_>>()?;
    <[u8; 4]>::try_from(parts).ok().map(IpAddr::from)
}

/// A network as kube-proxy reads it.
pub fn sloppy_net(text: &str) -> Option<IpNet> {
    let (addr, length) = text.trim().split_once('/')?;
    IpNet::new(sloppy_ip(addr)?, length.parse().ok()?).ok()
}

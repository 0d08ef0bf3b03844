//! kube-proxy's input: its options, its node, and the Service ports with their endpoints; and which
//! endpoints it chooses (`pkg/proxy/topology.go`).

use super::Release;
use crate::object::{Endpoint, ServiceType, Traffic};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// kube-proxy's options and its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Release of kube-proxy, which decides what it writes.
    pub release: Release,
    /// Whether it writes rules for IPv6 instead of IPv4.
    pub ipv6: bool,
    /// `--cluster-cidr`: sources inside the cluster.
    pub cluster_cidr: Option<IpNet>,
    /// `--masquerade-all`: masquerades everything sent to a cluster IP.
    pub masquerade_all: bool,
    /// `1 << --iptables-masquerade-bit`, in hexadecimal as rules print it.
    pub mark: Rc<str>,
    /// `--iptables-localhost-nodeports`: whether node ports are reachable at 127.0.0.1.
    pub localhost_node_ports: bool,
    /// `--nodeport-addresses`, of both address families; empty: all.
    pub node_port_addresses: Vec<IpNet>,
    /// Whether iptables supports `--random-fully` (from 1.6.2 on).
    pub random_fully: bool,
    /// Whether the nfacct counter `ct_state_invalid_dropped_pkts` exists.
    pub counts_invalid: bool,
    /// Whether the nfacct counter `localhost_nps_accepted_pkts` exists.
    pub counts_localhost: bool,
    /// `net.netfilter.nf_conntrack_tcp_be_liberal`: INVALID packets are not dropped then.
    pub tcp_liberal: bool,
    /// The addresses of the node's devices, in the order of their interface indices.
    pub addresses: Vec<IpAddr>,
    /// Address of the node in the address family of the rules, if it has one.
    pub node_ip: Option<IpAddr>,
    /// Name of the node, which `nodeName` of an endpoint is compared with.
    pub node: String,
    /// Zone of the node, from its label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
}

impl Settings {
    /// The options of kube-proxy when none is given, on a node without name and addresses.
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

    /// Whether the kube-proxy of every node writes the same for these Service ports.
    pub fn are_same_everywhere(&self, ports: &[ServicePortInfo]) -> bool {
        self.node_port_addresses.is_empty() && ports.iter().all(|p| p.is_same_everywhere(self))
    }

    /// Whether an address belongs to the address family of the rules.
    pub(super) fn ours(&self, addr: &IpAddr) -> bool {
        addr.is_ipv6() == self.ipv6
    }

    /// Whether node ports are reachable at 127.0.0.1.
    pub(super) fn localhost(&self) -> bool {
        !self.ipv6 && (self.localhost_node_ports || !self.release.localhost_flag())
    }

    /// Whether an endpoint is on this node.
    pub(super) fn is_local(&self, e: &Endpoint) -> bool {
        e.node.as_ref() == Some(&self.node)
    }
}

/// A transport protocol that a Service port can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceProtocol {
    /// `TCP`, protocol number 6.
    Tcp,
    /// `UDP`, protocol number 17.
    Udp,
    /// `SCTP`, protocol number 132.
    Sctp,
}

impl ServiceProtocol {
    /// Its name in rules, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// Its number in the IP header.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => net::wire::PROTO_TCP,
            Self::Udp => net::wire::PROTO_UDP,
            Self::Sctp => 132,
        }
    }

    /// The protocol of this name, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::Sctp].into_iter().find(|p| p.name().eq_ignore_ascii_case(name))
    }
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePortInfo {
    /// `metadata.namespace` of the Service.
    pub namespace: String,
    /// `metadata.name` of the Service.
    pub service: String,
    /// The port's name; may be empty.
    pub name: String,
    /// `protocol` of the port.
    pub protocol: ServiceProtocol,
    /// `spec.type` of the Service.
    pub kind: ServiceType,
    /// `spec.clusterIP`; a headless Service is not written.
    pub cluster_ip: IpAddr,
    /// `port`, at the cluster IP.
    pub port: u16,
    /// `nodePort`, requested or allocated.
    pub node_port: Option<u16>,
    /// External addresses, policies and session affinity of the Service.
    pub traffic: Traffic,
    /// The endpoints of all slices.
    pub endpoints: Vec<Endpoint>,
}

/// Whether an endpoint is terminating but still serving.
fn is_draining(e: &Endpoint) -> bool {
    e.serving && e.terminating
}

impl ServicePortInfo {
    /// `default/web:http`. Up to 1.19 the colon is there even if the port has no name.
    pub fn full_name(&self, release: Release) -> String {
        let colon = if self.name.is_empty() && release.no_bare_colon() { "" } else { ":" };
        format!("{}/{}{colon}{}", self.namespace, self.service, self.name)
    }

    /// The load balancer's addresses that kube-proxy captures.
    pub(super) fn vips(&self, s: &Settings) -> Vec<IpAddr> {
        self.traffic
            .ingress
            .iter()
            .filter(|(a, proxy)| s.ours(a) && !(*proxy && s.release.ip_mode()))
            .map(|(a, _)| *a)
            .collect()
    }

    /// Whether it can be reached from outside the cluster.
    pub(super) fn external(&self, s: &Settings) -> bool {
        self.node_port.is_some()
            || !self.vips(s).is_empty()
            || self.traffic.external_ips.iter().any(|a| s.ours(a))
    }

    /// Whether every node writes the same for this port, whichever endpoints, zone and addresses it
    /// has itself.
    fn is_same_everywhere(&self, s: &Settings) -> bool {
        !self.local_inside(s)
            && !self.local_outside(s)
            && self.traffic.source_ranges.is_empty()
            && self.endpoints.iter().all(|e| e.nodes.is_empty() && e.zones.is_empty())
    }

    /// Whether packets from outside go to endpoints on this node only.
    pub(super) fn local_outside(&self, s: &Settings) -> bool {
        let kind = self.kind > ServiceType::ClusterIp
            || (s.release.external_ips_obey_policy() && !self.traffic.external_ips.is_empty());
        self.traffic.external_local && kind
    }

    /// Whether packets from inside the cluster go to endpoints on this node only.
    pub(super) fn local_inside(&self, s: &Settings) -> bool {
        self.traffic.internal_local && s.release.internal_policy()
    }

    /// The endpoints that packets go to on a node (`CategorizeEndpoints`).
    pub fn choose(&self, s: &Settings) -> Chosen {
        if !s.release.ext_chains() {
            return self.choose_before_ext(s);
        }
        let (inside, outside) = (self.local_inside(s), self.local_outside(s));
        let wants_all = !inside || self.external(s);
        let wants_local = inside || (outside && self.external(s));
        self.chosen(s, wants_all, wants_local)
    }

    /// Up to 1.23, `internalTrafficPolicy: Local` applies to all packets, but not together with
    /// `externalTrafficPolicy: Local`.
    fn choose_before_ext(&self, s: &Settings) -> Chosen {
        let outside = self.local_outside(s);
        let local_only = !outside && self.local_inside(s);
        let cluster: Vec<Endpoint> = self
            .sorted(s.release)
            .into_iter()
            .filter(|e| e.ready && (s.is_local(e) || !local_only))
            .collect();
        let local = if outside {
            cluster.iter().filter(|e| s.is_local(e)).cloned().collect()
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
            cluster = pick(&|e| e.ready && hint.as_ref().is_none_or(|h| h.allows(e)));
            if cluster.is_empty() && fallback {
                cluster = pick(&is_draining);
            }
        }
        let mut any = !cluster.is_empty();
        let mut local = Vec::new();
        if wants_local {
            local = pick(&|e| e.ready && s.is_local(e));
            if local.is_empty() && fallback {
                local = pick(&|e| s.is_local(e) && is_draining(e));
            }
            any |= all.iter().any(|e| e.ready || (fallback && is_draining(e)));
        }
        Chosen { cluster, local, any }
    }

    /// Every endpoint once, in kube-proxy's order. If two slices have one, the later one that is
    /// not terminating wins.
    fn sorted(&self, release: Release) -> Vec<Endpoint> {
        let mut all: Vec<Endpoint> = Vec::new();
        let mut at: BTreeMap<_, usize> = BTreeMap::new();
        for e in &self.endpoints {
            let i = *at.entry((e.addr, e.port)).or_insert(all.len());
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

    /// The hints that apply on this node: those of all ready endpoints, if one of them is for this
    /// node or its zone.
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

/// Topology hints: which endpoints a node uses.
enum Hint<'a> {
    Node(&'a String),
    Zone(&'a String),
}

impl Hint<'_> {
    fn allows(&self, e: &Endpoint) -> bool {
        match self {
            Self::Node(n) => e.nodes.contains(n),
            Self::Zone(z) => e.zones.contains(z),
        }
    }
}

/// The endpoints that packets go to on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Those for traffic policy Cluster: on any node.
    pub cluster: Vec<Endpoint>,
    /// Those for traffic policy Local: on this node.
    pub local: Vec<Endpoint>,
    /// Whether any node has a usable endpoint.
    pub any: bool,
}

impl Chosen {
    /// All endpoints of both, each once.
    pub fn reachable(&self) -> Vec<Endpoint> {
        let mut all = self.cluster.clone();
        all.extend(self.local.iter().filter(|e| !self.cluster.contains(e)).cloned());
        all
    }
}

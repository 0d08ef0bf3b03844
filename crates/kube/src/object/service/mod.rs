//! Service.

pub(super) mod decode;
mod traffic;

use super::{Labels, Meta};
use crate::decode::Spanned;
use crate::release::Release;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// `spec.ports[].targetPort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A port number of the pod.
    Number(u16),
    /// The name of a container's port; may be another number in each pod.
    Name(Spanned<String>),
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// `name`; may be empty only if the Service has a single port.
    pub name: String,
    /// `port`.
    pub port: Spanned<u16>,
    /// `targetPort`; the same number as `port` by default.
    pub target: TargetPort,
    /// `nodePort`, if the manifest requests one.
    pub node_port: Option<Spanned<u16>>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
}

/// `spec.type`, in the order in which each includes the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceType {
    /// An alias in DNS; kube-proxy writes nothing for it.
    ExternalName,
    /// A virtual address inside the cluster.
    ClusterIp,
    /// Also a port of every node.
    NodePort,
    /// Also the addresses of a load balancer.
    LoadBalancer,
}

impl ServiceType {
    /// Every type.
    pub const ALL: [Self; 4] =
        [Self::ClusterIp, Self::ExternalName, Self::LoadBalancer, Self::NodePort];

    /// The type as manifests spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalName => "ExternalName",
            Self::ClusterIp => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// `spec.trafficDistribution`: which endpoints the EndpointSlice controller hints for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// `PreferClose`: those in the client's zone.
    Close,
    /// `PreferSameZone`: those in the client's zone.
    SameZone,
    /// `PreferSameNode`: those on the client's node, else those in its zone.
    SameNode,
}

impl Distribution {
    /// Whether a release has this value.
    pub(crate) const fn is_known(self, release: Release) -> bool {
        match self {
            Self::Close => release.prefers_close(),
            Self::SameZone | Self::SameNode => release.prefers_same(),
        }
    }
}

/// The fields of a Service that decide which addresses it has and which endpoints its packets
/// reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// `spec.externalIPs`.
    pub external_ips: Vec<IpAddr>,
    /// The load balancer's addresses; true where `ipMode` is `Proxy`, so that kube-proxy does not
    /// capture packets to them.
    pub ingress: Vec<(IpAddr, bool)>,
    /// `spec.loadBalancerSourceRanges`; empty: everyone.
    pub source_ranges: Vec<IpNet>,
    /// `spec.sessionAffinity: ClientIP`: the timeout in seconds, 1 to 86400.
    pub affinity: Option<u32>,
    /// `spec.externalTrafficPolicy: Local`.
    pub external_local: bool,
    /// `spec.internalTrafficPolicy: Local`.
    pub internal_local: bool,
    /// `spec.healthCheckNodePort`.
    pub health_check: Option<u16>,
    /// `spec.publishNotReadyAddresses`: every pod counts as ready.
    pub publish_not_ready: bool,
    /// `spec.trafficDistribution`.
    pub distribution: Option<Distribution>,
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `metadata`.
    pub meta: Meta,
    /// `spec.type`.
    pub kind: ServiceType,
    /// `spec.clusterIP`, if the manifest requests an address.
    pub cluster_ip: Option<Spanned<Ipv4Addr>>,
    /// `spec.clusterIP: None`.
    pub headless: bool,
    /// `spec.ports`.
    pub ports: Vec<ServicePort>,
    /// `spec.selector`; empty, with the span of the name, if there is none.
    pub selector: Spanned<Labels>,
    /// Addresses and policies.
    pub traffic: Traffic,
    /// `spec.externalName`.
    pub external_name: Option<String>,
    /// `spec.allocateLoadBalancerNodePorts: false`.
    pub skips_node_ports: bool,
}

impl Service {
    /// Whether the API server allocates a node port for each port that requests none.
    pub fn allocates_node_ports(&self, release: Release) -> bool {
        self.kind == ServiceType::NodePort
            || (self.kind == ServiceType::LoadBalancer
                && !(self.skips_node_ports && release.may_skip_node_ports()))
    }
}

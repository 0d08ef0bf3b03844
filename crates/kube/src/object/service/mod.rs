//! The kind Service (`v1`).

pub(super) mod decode;
mod traffic;

use super::{Labels, Meta};
use crate::decode::Spanned;
use crate::diag::Span;
use crate::release::Release;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr};

/// `spec.ports[].targetPort`: the port of the pods, by number or name.
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
    /// `port`, from 1 to 65535, at the cluster IP.
    pub port: Spanned<u16>,
    /// `targetPort`; the same number as `port` by default.
    pub target: TargetPort,
    /// The place of `targetPort`, or else of `port`.
    pub target_span: Span,
    /// `nodePort`, if the manifest requests one.
    pub node_port: Option<Spanned<u16>>,
    /// `protocol`: `TCP`, `UDP` or `SCTP`.
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
    /// Every type, by name.
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
    /// `spec.externalIPs`: addresses that nodes accept for the Service.
    pub external_ips: Vec<IpAddr>,
    /// The load balancer's addresses; true where `ipMode` is `Proxy`, so that kube-proxy does not
    /// capture packets to them.
    pub ingress: Vec<(IpAddr, bool)>,
    /// `spec.loadBalancerSourceRanges`: who may use the load balancer's addresses; empty for
    /// everyone.
    pub source_ranges: Vec<IpNet>,
    /// `spec.sessionAffinity: ClientIP`: the timeout in seconds, 1 to 86400.
    pub affinity: Option<u32>,
    /// `spec.externalTrafficPolicy: Local`: packets from outside go to endpoints on the node they
    /// reach.
    pub external_local: bool,
    /// `spec.internalTrafficPolicy: Local`: packets to the cluster IP go to endpoints on the
    /// sender's node.
    pub internal_local: bool,
    /// `spec.healthCheckNodePort`: where a load balancer asks whether the node has endpoints.
    pub health_check: Option<u16>,
    /// `spec.publishNotReadyAddresses`: every pod counts as ready.
    pub publish_not_ready: bool,
    /// `spec.trafficDistribution`: which endpoints are preferred.
    pub distribution: Option<Distribution>,
}

/// A Service (`v1`), decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// `metadata`: its name, namespace and labels.
    pub meta: Meta,
    /// `spec.type`, `ClusterIP` by default.
    pub kind: ServiceType,
    /// `spec.clusterIP`, if the manifest requests an address.
    pub cluster_ip: Option<Spanned<Ipv4Addr>>,
    /// `spec.clusterIP: None`: no address; DNS gives the endpoints.
    pub headless: bool,
    /// `spec.ipFamilies: [IPv6]`: no IPv4 address, so none here.
    pub ipv6_only: bool,
    /// `spec.ports`; an ExternalName or headless Service may have none.
    pub ports: Vec<ServicePort>,
    /// `spec.selector`; empty, with the span of the name, if there is none.
    pub selector: Spanned<Labels>,
    /// Its external addresses, its policies and its session affinity.
    pub traffic: Traffic,
    /// The addresses that it requests of its load balancer: `spec.loadBalancerIP`, or those of the
    /// annotation `metallb.io/loadBalancerIPs`; no address of a request that cannot be read.
    pub requested: Option<Vec<Spanned<Ipv4Addr>>>,
    /// `spec.externalName`: the DNS name it is an alias of.
    pub external_name: Option<String>,
    /// `spec.allocateLoadBalancerNodePorts: false`: a load balancer without node ports.
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

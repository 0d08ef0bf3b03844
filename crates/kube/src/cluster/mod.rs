//! A running cluster: what the API server knows about it once its controllers have acted.

mod transition;

use crate::decode::Spanned;
use crate::ipam::HostLocal;
use crate::object::{Container, Labels, ServiceType, Traffic};
use crate::topology::{self, Topology};
use ipnet::Ipv4Net;
use net::wire::Mac;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

pub use crate::object::Endpoint;
pub(crate) use transition::sort_endpoints;

/// A node with what was allocated to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its machine, as the Topology describes it.
    pub spec: topology::NodeSpec,
    /// `spec.podCIDR`: the network of its pods, allocated by kube-controller-manager.
    pub pod_cidr: Ipv4Net,
    /// The MAC address of its NIC.
    pub mac: Mac,
    /// The MAC address of flannel's VXLAN device.
    pub vtep_mac: Mac,
    /// The MAC address of docker0.
    pub docker_mac: Mac,
}

impl Node {
    /// Its address on the LAN.
    pub fn address(&self) -> Ipv4Addr {
        self.spec.nic.address.value.addr()
    }

    /// The address of its cni0.
    pub fn gateway(&self) -> Ipv4Addr {
        HostLocal::new(self.pod_cidr).gateway()
    }
}

/// A pod with a network namespace of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`: that of its ReplicaSet, `-` and five characters.
    pub name: String,
    /// `metadata.namespace`: that of its Deployment.
    pub namespace: String,
    /// The Deployment it belongs to.
    pub deployment: String,
    /// `metadata.labels`: those of the template, with `pod-template-hash`.
    pub labels: Labels,
    /// Hash of the template in the names of its ReplicaSet and of the pod.
    pub template_hash: String,
    /// `spec.containers`, from the template.
    pub containers: Vec<Container>,
    /// The index of its node in [`Cluster::nodes`].
    pub node: usize,
    /// `status.podIP`, allocated by host-local or fixed by the Topology.
    pub ip: Ipv4Addr,
    /// The name of its veth device on the node.
    pub veth: String,
    /// The MAC address of that device.
    pub veth_mac: Mac,
    /// The MAC address of its eth0: `0a:58` and its address up to CNI plugins 0.6, random later.
    pub mac: Mac,
    /// Whether its readiness probe succeeds.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl Pod {
    /// The name of its network namespace in the simulation, unique in the cluster.
    pub fn netns(&self) -> String {
        if self.namespace == "default" {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }

    /// The host ports it requests, with their protocols.
    pub(crate) fn host_ports(&self) -> Vec<(u16, &'static str)> {
        host_ports(&self.containers)
    }
}

/// The host ports that containers request, with their protocols.
pub(crate) fn host_ports(containers: &[Container]) -> Vec<(u16, &'static str)> {
    let ports = containers.iter().flat_map(|c| &c.ports);
    ports.filter_map(|p| Some((p.host_port?, p.protocol))).collect()
}

/// A pod in its node's own network namespace (`hostNetwork`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPod {
    /// `metadata.name`: the component, then the node's name or five characters.
    pub name: String,
    /// `metadata.namespace`: `kube-system`, or flannel's own.
    pub namespace: &'static str,
    /// The index of its node in [`Cluster::nodes`].
    pub node: usize,
}

/// A port of a Service with its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `name` in `spec.ports`; empty if the Service has a single port.
    pub name: String,
    /// `protocol`: `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// `port`, at the cluster IP.
    pub port: u16,
    /// `nodePort`, requested or allocated.
    pub node_port: Option<u16>,
    /// All its endpoints, ready or not.
    pub endpoints: Vec<Endpoint>,
}

impl Port {
    /// The ready endpoints, as `kubectl get endpoints` lists them.
    pub fn ready(&self) -> impl Iterator<Item = (IpAddr, u16)> {
        self.endpoints.iter().filter(|e| e.ready).map(|e| (e.addr, e.port))
    }
}

/// A Service with what was allocated to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningService {
    /// `metadata.name`, unique in its namespace.
    pub name: String,
    /// `metadata.namespace`, `default` if the manifest names none.
    pub namespace: String,
    /// `spec.type`, `ClusterIP` by default.
    pub kind: ServiceType,
    /// Its external addresses, its policies and its session affinity.
    pub traffic: Traffic,
    /// `spec.externalName`: the DNS name it is an alias of.
    pub external_name: Option<String>,
    /// `spec.clusterIP`; none for a headless Service or an ExternalName.
    pub cluster_ip: Option<Ipv4Addr>,
    /// `spec.ports` with the endpoints of each.
    pub ports: Vec<Port>,
    /// `spec.selector`: the labels that its pods have; empty if there is none.
    pub selector: Labels,
    /// Where the document names it; `None` for a Service that kubeadm creates.
    pub written: Option<Spanned<()>>,
}

impl RunningService {
    /// Whether an address is its cluster IP, an external IP or an address of its load balancer.
    pub fn has_address(&self, addr: IpAddr) -> bool {
        let t = &self.traffic;
        self.cluster_ip.map(IpAddr::from) == Some(addr)
            || t.external_ips.contains(&addr)
            || t.ingress.iter().any(|(a, _)| *a == addr)
    }
}

/// A running cluster: what the control plane has made of a document. Two documents that differ in
/// comments, order or places only make equal clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The machines and networks under it.
    pub topology: Topology,
    /// Nodes, in the order of the Topology.
    pub nodes: Vec<Node>,
    /// Pods with a network namespace, in the order in which they were created.
    pub pods: Vec<Pod>,
    /// Pods in their node's own network namespace.
    pub host_pods: Vec<HostPod>,
    /// Services, by namespace and name.
    pub services: Vec<RunningService>,
    /// What later states of the cluster must not allocate again.
    pub(crate) allocated: Allocated,
}

/// What a cluster has allocated so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocated {
    /// Pod addresses, by node name.
    pub(crate) addresses: BTreeMap<String, HostLocal>,
    /// The number of pods created, by namespace and ReplicaSet.
    pub(crate) created: BTreeMap<String, usize>,
}

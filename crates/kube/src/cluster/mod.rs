//! A running cluster: what the API server knows about it once its controllers have acted.

mod transition;

use crate::decode::Spanned;
use crate::fault::{Daemon, Fault};
use crate::ipam::HostLocal;
use crate::object::{
    HostPort, LabelSelector, Labels, PodSpec, ServiceType, Taint, Traffic, WorkloadKind,
};
use crate::topology::{self, Balancer, Topology};
use ipnet::Ipv4Net;
use net::wire::Mac;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

pub use crate::image::listen::{Listening, Origin};
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
    /// `metadata.labels`: those that kubelet and kubeadm set, and those of the text.
    pub labels: Labels,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`: the scheduler puts no new pods there.
    pub unschedulable: bool,
}

impl Node {
    /// Its InternalIP: the address of its first interface.
    pub fn address(&self) -> Ipv4Addr {
        self.spec.nic.address.value.addr()
    }

    /// The MAC address of its NIC with this number.
    pub fn mac_of(&self, topology: &Topology, nic: usize) -> Mac {
        match nic.checked_sub(1).and_then(|i| self.spec.interfaces.get(i)) {
            Some(further) => further.mac_in(topology, &self.spec.name.value),
            None => self.mac,
        }
    }

    /// The address of its cni0.
    pub fn gateway(&self) -> Ipv4Addr {
        HostLocal::new(self.pod_cidr).gateway()
    }
}

/// What a pod belongs to: the object of the text that it exists for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Its kind. A pod of a Deployment's ReplicaSet belongs to the Deployment.
    pub kind: WorkloadKind,
    /// `metadata.name`, in the pod's namespace. Of a pod by itself, its own.
    pub name: String,
}

impl fmt::Display for Owner {
    /// As kubectl takes it: `deploy/web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.short(), self.name)
    }
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.name`: of a Deployment that of its ReplicaSet, `-` and five characters.
    pub name: String,
    /// `metadata.namespace`: that of its owner.
    pub namespace: String,
    /// Whether a machine, or the segment, has its name.
    pub shares_name: bool,
    /// What it belongs to.
    pub owner: Owner,
    /// `metadata.labels`: those of the template, and those that its controller adds.
    pub labels: Labels,
    /// Hash of the template; in the names of a Deployment's ReplicaSet and of its pods.
    pub template_hash: String,
    /// `spec`, from the template.
    pub spec: Rc<PodSpec>,
    /// The index of its node in [`Cluster::nodes`].
    pub node: usize,
    /// `status.podIP`: allocated by host-local, fixed by the Topology, or the node's.
    pub ip: Ipv4Addr,
    /// The name of its veth device on the node; empty on the node's own network.
    pub veth: String,
    /// The MAC address of that device.
    pub veth_mac: Mac,
    /// The MAC address of its eth0: `0a:58` and its address up to CNI plugins 0.6, random later.
    pub mac: Mac,
    /// What listens in it.
    pub listening: Vec<Listening>,
    /// Whether it is ready: its probes succeed.
    pub ready: bool,
    /// Why it is not, in the words of kubelet's event.
    pub unready: Option<String>,
    /// Whether it is being deleted.
    pub terminating: bool,
}

impl Pod {
    /// The name of its network namespace in the simulation if it has one of its own, and a name
    /// that is unique in the cluster in any case: in namespace `default` its own, elsewhere, or if
    /// it shares its name, `NAMESPACE/NAME`. See [`Cluster::netns`].
    pub fn netns(&self) -> String {
        netns_of(&self.namespace, &self.name, self.shares_name)
    }

    /// Whether `pod/TEXT` names it.
    pub fn is_named(&self, text: &str) -> bool {
        self.netns() == text || (self.namespace == "default" && self.name == text)
    }

    /// The host ports it requests.
    pub(crate) fn host_ports(&self) -> Vec<HostPort> {
        self.spec.host_ports()
    }

    /// Whether it belongs to the owner of a kind, namespace and name.
    pub fn is_of(&self, kind: WorkloadKind, namespace: &str, name: &str) -> bool {
        self.owner.kind == kind && self.owner.name == name && self.namespace == namespace
    }
}

/// The name of a pod's network namespace, [`Pod::netns`].
pub(crate) fn netns_of(namespace: &str, name: &str, shares_name: bool) -> String {
    if namespace == "default" && !shares_name {
        name.to_owned()
    } else {
        format!("{namespace}/{name}")
    }
}

/// A pod that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdlePod {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// What it belongs to.
    pub owner: Owner,
    /// The number of its containers.
    pub containers: usize,
    /// Its node, by its index in [`Cluster::nodes`], if it has one.
    pub node: Option<usize>,
    /// What kubectl prints as its status: `Pending`, `ContainerCreating`, `Completed`.
    pub status: &'static str,
    /// Why, in the words of the scheduler's or kubelet's event.
    pub reason: String,
}

/// A workload as its controller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningWorkload {
    /// What it is.
    pub owner: Owner,
    /// `metadata.namespace`.
    pub namespace: String,
    /// The number of pods it should have.
    pub desired: usize,
    /// `spec.selector`.
    pub selector: LabelSelector,
    /// The hash of its template.
    pub template_hash: String,
    /// Whether its old pods end before new ones begin (`strategy: Recreate`).
    pub recreates: bool,
    /// `spec.schedule` of a CronJob.
    pub schedule: Option<String>,
    /// `spec.suspend` of a Job or CronJob.
    pub suspended: bool,
    /// `spec.completions` of a Job.
    pub completions: Option<u32>,
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
    /// Pods in their node's own network namespace (`hostNetwork`).
    pub host_pods: Vec<Pod>,
    /// Pods that do not run: the scheduler finds no node for them, or they have ended.
    pub idle_pods: Vec<IdlePod>,
    /// The workloads of the text, in its order.
    pub workloads: Vec<RunningWorkload>,
    /// Services, by namespace and name.
    pub services: Vec<RunningService>,
    /// What later states of the cluster must not allocate again.
    pub(crate) allocated: Allocated,
}

impl Cluster {
    /// All running pods: those with a network namespace of their own first.
    pub fn all_pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().chain(&self.host_pods)
    }

    /// The daemons of its nodes. Speakers are there for Services of type LoadBalancer.
    pub fn daemons(&self) -> Vec<Daemon> {
        let is_balanced = |s: &RunningService| s.kind == ServiceType::LoadBalancer;
        let is_stopped = |f: &Fault| matches!(f, Fault::Stopped(_, Daemon::Speaker));
        let has_speakers = self.topology.load_balancer == Balancer::Layer2
            && (self.services.iter().any(is_balanced)
                || self.topology.faults.iter().any(is_stopped));
        let is_there = |d: &Daemon| *d != Daemon::Speaker || has_speakers;
        Daemon::ALL.into_iter().filter(is_there).collect()
    }

    /// The name of the network namespace that a pod is in.
    pub fn netns(&self, pod: &Pod) -> String {
        match self.nodes.get(pod.node) {
            Some(node) if pod.spec.host_network => node.spec.name.value.clone(),
            _ => pod.netns(),
        }
    }

    /// The running pods of a node's own network.
    pub(crate) fn host_pods_of(&self, node: usize) -> impl Iterator<Item = &Pod> {
        self.host_pods.iter().filter(move |p| p.node == node)
    }
}

/// What a cluster has allocated so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocated {
    /// Pod addresses, by node name.
    pub(crate) addresses: BTreeMap<String, HostLocal>,
    /// The number of pods created, by namespace and ReplicaSet.
    pub(crate) created: BTreeMap<String, usize>,
    /// Pods that the text names and `kubectl delete pod` removed, by network namespace.
    pub(crate) deleted: BTreeSet<String>,
}

//! What kubeadm and flannel create: cluster DNS, the Service `kubernetes`, and pods on the nodes'
//! own network. What a text has of these itself, as a cluster's output does, is not made again.

use super::ControlPlane;
use super::new_pod::NewPod;
use crate::cluster::{Owner, Pod, Port, RunningService};
use crate::naming;
use crate::object::{
    Container, ContainerPort, DnsPolicy, Endpoint, Labels, ListenAddress, Object, PodSpec, Service,
    ServiceType, Traffic, WorkloadKind,
};
use crate::release::Release;
use crate::topology::Role;
use net::wire::Mac;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The namespace of cluster DNS.
const SYSTEM: &str = "kube-system";
/// The label of its pods, by which its Service selects them.
const DNS_LABEL: (&str, &str) = ("k8s-app", "kube-dns");

fn dns_labels() -> Labels {
    Labels::from([(DNS_LABEL.0.to_owned(), DNS_LABEL.1.to_owned())])
}

/// Whether a Service is that of the API server.
pub(super) fn is_api(namespace: &str, name: &str) -> bool {
    (namespace, name) == ("default", "kubernetes")
}

/// Whether labels in a namespace are those of cluster DNS.
fn is_dns(namespace: &str, labels: &Labels) -> bool {
    namespace == SYSTEM && labels.get(DNS_LABEL.0).is_some_and(|v| v == DNS_LABEL.1)
}

/// Whether the text has the pods of cluster DNS.
pub(super) fn has_dns(objects: &[Object]) -> bool {
    objects.iter().any(|o| match o {
        Object::Workload(w) => is_dns(&w.meta.namespace, &w.template.labels),
        Object::Pod(p) => is_dns(&p.meta.namespace, &p.meta.labels),
        _ => false,
    })
}

/// The ports of cluster DNS: name, number and protocol.
fn dns_ports(release: Release) -> Vec<(&'static str, u16, &'static str)> {
    let mut ports = vec![("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")];
    if release.coredns_metrics() {
        ports.push(("metrics", 9153, "TCP"));
    }
    ports
}

impl ControlPlane<'_> {
    /// The index of the first node of the control plane.
    fn control_plane_node(&self) -> Option<usize> {
        self.nodes.iter().position(|n| n.spec.role == Role::ControlPlane)
    }

    /// Creates the pods of cluster DNS.
    pub(super) fn system_pods(&mut self) {
        let Some(master) = self.control_plane_node() else { return };
        let release = self.topology.version;
        let ports = dns_ports(release);
        // kube-dns runs one replica, CoreDNS two.
        let (name, image, replicas) = if release.coredns() {
            ("coredns", "k8s.gcr.io/coredns", 2)
        } else {
            ("kube-dns", "k8s.gcr.io/k8s-dns-kube-dns-amd64:1.14.8", 1)
        };
        let container_ports = ports.iter().map(|(name, port, protocol)| ContainerPort {
            name: Some((*name).to_owned()),
            port: *port,
            protocol,
            host_port: None,
            host_ip: None,
        });
        let dns = Container {
            name: name.to_owned(),
            image: image.to_owned(),
            ports: container_ports.collect(),
            ..Container::default()
        };
        let listen =
            |(_, port, protocol): &(&str, u16, &'static str)| ListenAddress::any(protocol, *port);
        let spec = PodSpec {
            containers: vec![dns],
            dns_policy: DnsPolicy::Default,
            listen: Some(ports.iter().map(listen).collect()),
            ..PodSpec::default()
        };
        let labels = dns_labels();
        let hash = naming::template_hash(name);
        let pod = NewPod {
            namespace: SYSTEM,
            owner: Owner { kind: WorkloadKind::Deployment, name: name.to_owned() },
            labels,
            spec: Rc::new(spec),
            set: format!("{name}-{hash}"),
            hash,
            name: None,
            bound: Some(master),
            only: None,
            keeps_old: false,
        };
        for _ in 0..replicas {
            self.start(&pod);
        }
    }

    /// Creates the Services of cluster DNS and of the API server, unless the text has them.
    pub(super) fn system_services(&mut self, written: &[&Service]) {
        let Some(master) = self.control_plane_node() else { return };
        let has = |namespace: &str, name: &str| {
            written.iter().any(|s| s.meta.namespace == namespace && s.meta.name.value == name)
        };
        let at = |node: usize, addr: Ipv4Addr, port| {
            Endpoint::ready(addr.into(), port, Some(self.nodes[node].spec.name.value.clone()))
        };
        let port = |name: &str, protocol, port, endpoints| Port {
            name: name.to_owned(),
            protocol,
            port,
            node_port: None,
            endpoints,
        };
        let dns = self.pods.iter().filter(|p| is_dns(&p.namespace, &p.labels) && p.ready);
        let ports = dns_ports(self.topology.version).into_iter().map(|(name, number, protocol)| {
            port(name, protocol, number, dns.clone().map(|p| at(p.node, p.ip, number)).collect())
        });
        let ports = ports.collect();
        let api = vec![port("https", "TCP", 443, vec![self.api_endpoint(master)])];
        // kubeadm gives DNS the tenth address of the range; the API server takes the first.
        if !has(SYSTEM, "kube-dns") {
            self.system_service((SYSTEM, "kube-dns"), 10, ports, dns_labels());
        }
        if !has("default", "kubernetes") {
            self.system_service(("default", "kubernetes"), 1, api, Labels::new());
        }
    }

    fn api_endpoint(&self, node: usize) -> Endpoint {
        let n = &self.nodes[node];
        Endpoint::ready(n.address().into(), 6443, Some(n.spec.name.value.clone()))
    }

    /// Gives the Service `kubernetes` of a text without its Endpoints the API server's.
    pub(super) fn api_endpoints(&mut self) {
        let Some(endpoint) = self.control_plane_node().map(|n| self.api_endpoint(n)) else {
            return;
        };
        let api = self.services.iter_mut().find(|s| is_api(&s.namespace, &s.name));
        for port in api.into_iter().flat_map(|s| &mut s.ports) {
            if port.endpoints.is_empty() {
                port.endpoints.push(endpoint.clone());
            }
        }
    }

    /// Creates a Service with the `nth` cluster IP.
    fn system_service(
        &mut self,
        (namespace, name): (&str, &str),
        nth: u32,
        ports: Vec<Port>,
        selector: Labels,
    ) {
        let cluster_ip = self.ips.nth(nth);
        self.ips.take(cluster_ip);
        self.services.push(RunningService {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            kind: ServiceType::ClusterIp,
            traffic: Traffic::default(),
            external_name: None,
            cluster_ip: Some(cluster_ip),
            ports,
            selector,
            written: None,
        });
    }

    /// The pods of the cluster itself in the nodes' own network namespaces: static pods of the
    /// control plane, and a pod of each DaemonSet on every node.
    pub(super) fn host_pods(&self) -> Vec<Pod> {
        let (seed, release) = (self.topology.seed, self.topology.version);
        let flannel = if release.flannel_namespace() { "kube-flannel" } else { "kube-system" };
        let mut out = Vec::new();
        let is_written = |p: &Pod| {
            self.pods.iter().any(|q| (&q.namespace, &q.name) == (&p.namespace, &p.name))
                || self
                    .workloads
                    .iter()
                    .any(|w| (&w.namespace, &w.owner) == (&p.namespace, &p.owner))
        };
        for (node, n) in self.nodes.iter().enumerate() {
            let name = &n.spec.name.value;
            if n.spec.role == Role::ControlPlane {
                let parts = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
                out.extend(parts.map(|part| {
                    let pod = format!("{part}-{name}");
                    let owner = Owner { kind: WorkloadKind::Pod, name: pod.clone() };
                    self.host_pod(pod, owner, "kube-system", part, node)
                }));
            }
            for (set, namespace) in [("kube-proxy", "kube-system"), ("kube-flannel-ds", flannel)] {
                let suffix = naming::pod_suffix(seed, &format!("{set}/{name}"), 0);
                let owner = Owner { kind: WorkloadKind::DaemonSet, name: set.to_owned() };
                out.push(self.host_pod(format!("{set}-{suffix}"), owner, namespace, set, node));
            }
        }
        out.retain(|p| !is_written(p));
        out
    }

    /// A pod in a node's own network namespace. What it listens on there is not simulated, but for
    /// the API server, which belongs to its node.
    fn host_pod(
        &self,
        name: String,
        owner: Owner,
        namespace: &str,
        program: &str,
        node: usize,
    ) -> Pod {
        let container = Container {
            name: program.to_owned(),
            image: format!("k8s.gcr.io/{program}"),
            ..Container::default()
        };
        let spec = PodSpec {
            containers: vec![container],
            host_network: true,
            listen: Some(Vec::new()),
            ..PodSpec::default()
        };
        Pod {
            shares_name: self.topology.has_name(&name),
            name,
            namespace: namespace.to_owned(),
            owner,
            labels: Labels::new(),
            template_hash: String::new(),
            spec: Rc::new(spec),
            node,
            ip: self.nodes[node].address(),
            veth: String::new(),
            veth_mac: Mac([0; 6]),
            mac: Mac([0; 6]),
            listening: Vec::new(),
            ready: true,
            unready: None,
            terminating: false,
        }
    }
}

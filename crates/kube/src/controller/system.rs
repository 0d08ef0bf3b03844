//! What kubeadm and flannel create: cluster DNS, the Service `kubernetes`, and pods on the nodes'
//! own network.

use super::ControlPlane;
use super::pods::NewPod;
use crate::cluster::{Owner, Pod, Port, RunningService};
use crate::naming;
use crate::object::{
    Container, ContainerPort, DnsPolicy, Endpoint, Labels, ListenAddress, PodSpec, ServiceType,
    Traffic, WorkloadKind,
};
use crate::topology::Role;
use net::wire::Mac;
use std::net::Ipv4Addr;
use std::rc::Rc;

impl ControlPlane<'_> {
    /// Creates the pods and Service of cluster DNS, and the Service `kubernetes`.
    pub(super) fn system(&mut self) {
        let Some(master) = self.nodes.iter().position(|n| n.spec.role == Role::ControlPlane) else {
            return;
        };
        let release = self.topology.version;
        let mut ports = vec![("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")];
        if release.coredns_metrics() {
            ports.push(("metrics", 9153, "TCP"));
        }
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
        let labels = Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]);
        let hash = naming::template_hash(name);
        let pod = NewPod {
            namespace: "kube-system",
            owner: Owner { kind: WorkloadKind::Deployment, name: name.to_owned() },
            labels: labels.clone(),
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
        let dns_ports = ports.into_iter().map(|(name, number, protocol)| {
            let endpoints = self.pods.iter().map(|p| at(p.node, p.ip, number)).collect();
            port(name, protocol, number, endpoints)
        });
        let dns_ports = dns_ports.collect();
        let api = vec![at(master, self.nodes[master].address(), 6443)];
        let api_ports = vec![port("https", "TCP", 443, api)];
        // kubeadm gives DNS the tenth address of the range; the API server takes the first.
        self.system_service(("kube-system", "kube-dns"), 10, dns_ports, labels);
        self.system_service(("default", "kubernetes"), 1, api_ports, Labels::new());
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

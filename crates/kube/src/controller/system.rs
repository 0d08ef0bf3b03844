//! What kubeadm and flannel create: cluster DNS, the Service `kubernetes`, and pods on the nodes'
//! own network.

use super::ControlPlane;
use super::replicas::PodTemplate;
use crate::cluster::{HostPod, Port, RunningService};
use crate::naming;
use crate::object::{Container, ContainerPort, Endpoint, Labels, ServiceType, Traffic};
use crate::topology::Role;
use std::net::Ipv4Addr;

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
        });
        let dns = Container {
            name: name.to_owned(),
            image: image.to_owned(),
            ports: container_ports.collect(),
            own_command: false,
        };
        let labels = Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]);
        for _ in 0..replicas {
            self.start(&PodTemplate {
                namespace: "kube-system",
                deployment: name,
                labels: &labels,
                containers: std::slice::from_ref(&dns),
                hash: naming::template_hash(name),
                bound: Some(master),
            });
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

    /// The pods in the nodes' own network namespaces: static pods of the control plane, and a pod
    /// of each DaemonSet on every node.
    pub(super) fn host_pods(&self) -> Vec<HostPod> {
        let (seed, release) = (self.topology.seed, self.topology.version);
        let flannel = if release.flannel_namespace() { "kube-flannel" } else { "kube-system" };
        let mut out = Vec::new();
        for (node, n) in self.nodes.iter().enumerate() {
            let name = &n.spec.name.value;
            if n.spec.role == Role::ControlPlane {
                let parts = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
                out.extend(parts.map(|p| HostPod {
                    name: format!("{p}-{name}"),
                    namespace: "kube-system",
                    node,
                }));
            }
            for (set, namespace) in [("kube-proxy", "kube-system"), ("kube-flannel-ds", flannel)] {
                let suffix = naming::pod_suffix(seed, &format!("{set}/{name}"), 0);
                out.push(HostPod { name: format!("{set}-{suffix}"), namespace, node });
            }
        }
        out
    }
}

//! What kubeadm and flannel bring along.

use super::{Endpoint, HostPod, Maker, Port, RunningService};
use crate::naming;
use crate::object::{self, Container, Labels, ServiceType, Traffic};
use crate::topology::Role;

impl Maker<'_> {
    /// What kubeadm brings: kube-dns and the `kubernetes` service.
    pub(super) fn system(&mut self) {
        let Some(master) = self.nodes.iter().position(|n| n.spec.role == Role::ControlPlane) else {
            return;
        };
        let release = self.topology.version;
        let labels = Labels::from_iter([("k8s-app".to_owned(), "kube-dns".to_owned())]);
        let port = |name: &str, port, protocol| object::ContainerPort {
            name: Some(name.to_owned()),
            port,
            protocol,
            host_port: None,
        };
        let mut ports = vec![port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP")];
        if release.coredns_metrics() {
            ports.push(port("metrics", 9153, "TCP"));
        }
        // kube-dns was one pod of three containers, CoreDNS is two of one.
        let (name, image, replicas) = if release.coredns() {
            ("coredns", "k8s.gcr.io/coredns", 2)
        } else {
            ("kube-dns", "k8s.gcr.io/k8s-dns-kube-dns-amd64:1.14.8", 1)
        };
        let dns =
            Container { name: name.to_owned(), image: image.to_owned(), ports, own_command: false };
        for _ in 0..replicas {
            self.start(
                "kube-system",
                name,
                &labels,
                std::slice::from_ref(&dns),
                name,
                Some(master),
            );
        }
        let dns_ips: Vec<_> = self.pods.iter().map(|p| p.ip).collect();
        let (kubernetes, kube_dns) = (self.ips.nth(1), self.ips.nth(10));
        self.ips.take(kubernetes);
        self.ips.take(kube_dns);
        let api = self.nodes[master].address();
        let at = |addr, port| Endpoint {
            addr,
            port,
            node: Some(master),
            ready: true,
            serving: true,
            terminating: false,
            zones: Vec::new(),
            nodes: Vec::new(),
        };
        let endpoints = |port| dns_ips.iter().map(|ip| at(*ip, port)).collect::<Vec<_>>();
        let dns_port = |name: &str, protocol, port| Port {
            name: name.to_owned(),
            protocol,
            port,
            node_port: None,
            endpoints: endpoints(port),
        };
        let mut dns_ports = vec![dns_port("dns", "UDP", 53), dns_port("dns-tcp", "TCP", 53)];
        if release.coredns_metrics() {
            dns_ports.push(dns_port("metrics", "TCP", 9153));
        }
        self.services.push(RunningService {
            name: "kube-dns".to_owned(),
            namespace: "kube-system".to_owned(),
            kind: ServiceType::ClusterIp,
            traffic: Traffic::default(),
            external_name: None,
            cluster_ip: Some(kube_dns),
            ports: dns_ports,
            selector: labels,
            span: None,
        });
        self.services.push(RunningService {
            name: "kubernetes".to_owned(),
            namespace: "default".to_owned(),
            kind: ServiceType::ClusterIp,
            traffic: Traffic::default(),
            external_name: None,
            cluster_ip: Some(kubernetes),
            ports: vec![Port {
                name: "https".to_owned(),
                protocol: "TCP",
                port: 443,
                node_port: None,
                endpoints: vec![at(api, 6443)],
            }],
            selector: Labels::new(),
            span: None,
        });
    }

    /// What kubeadm and flannel run on the nodes' own network: static pods of the control plane,
    /// and a pod of each DaemonSet on every node.
    pub(super) fn host_pods(&self) -> Vec<HostPod> {
        let (seed, release) = (self.topology.seed, self.topology.version);
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
            let flannel = if release.flannel_namespace() { "kube-flannel" } else { "kube-system" };
            for (set, namespace) in [("kube-proxy", "kube-system"), ("kube-flannel-ds", flannel)] {
                out.push(HostPod {
                    name: format!(
                        "{set}-{}",
                        naming::pod_suffix(seed, &format!("{set}/{name}"), 0)
                    ),
                    namespace,
                    node,
                });
            }
        }
        out
    }
}

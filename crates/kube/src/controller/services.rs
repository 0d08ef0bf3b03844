//! The API server's allocation of cluster IPs and node ports (`pkg/registry/core/service`).

use super::ControlPlane;
use super::system::is_api;
use crate::cluster::{Port, RunningService};
use crate::decode::Spanned;
use crate::diag::{Code, Diagnostic};
use crate::object::{self, Distribution, ManualSlice, Service, ServiceType};
use crate::topology::Topology;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// The widest range of cluster IPs that is looked for, in bits of its prefix: kubeadm's.
const WIDEST: u8 = 12;

/// The range of cluster IPs where no Topology says it: the default one, or, if the text has
/// addresses outside of it, as the output of a cluster with another range has, the narrowest
/// network from /16 on that has all of them. A range of public addresses is taken only if the text
/// has Nodes, or the Service `kubernetes`.
pub(super) fn range_of(services: &[&Service], topology: &Topology, has_nodes: bool) -> Ipv4Net {
    let range = topology.service_cidr;
    let written: Vec<Ipv4Addr> =
        services.iter().filter_map(|s| Some(s.cluster_ip.as_ref()?.value)).collect();
    let Some(first) = written.iter().find(|ip| !range.contains(*ip)) else { return range };
    let is_output =
        has_nodes || services.iter().any(|s| is_api(&s.meta.namespace, &s.meta.name.value));
    if !is_output && written.iter().any(|ip| !ip.is_private()) {
        return range;
    }
    let has_all = |n: &Ipv4Net| written.iter().all(|ip| n.contains(ip));
    let subnets = || topology.segments.iter().map(|s| s.subnet).chain([topology.pod_cidr]);
    let is_free = |n: &Ipv4Net| !subnets().any(|o| o.contains(n) || n.contains(&o));
    let wider = (WIDEST..=16).rev().filter_map(|len| Ipv4Net::new(*first, len).ok());
    wider.map(|n| n.trunc()).find(|n| has_all(n) && is_free(n)).unwrap_or(range)
}

impl ControlPlane<'_> {
    pub(super) fn services(&mut self, services: &[&Service], slices: &[&ManualSlice]) {
        // What is in use or requested is allocated before anything is chosen.
        for s in services {
            self.reserve(s);
        }
        for s in services {
            if let Some(ip) = &s.cluster_ip {
                self.allocate_requested_ip(ip);
            }
            for (i, p) in s.ports.iter().enumerate() {
                let Some(node_port) = &p.node_port else { continue };
                // A TCP and a UDP port of one number may share a node port (`initNodePorts`).
                let shared = s.ports[..i].iter().any(|q| {
                    q.port.value == p.port.value
                        && q.node_port.as_ref().is_some_and(|n| n.value == node_port.value)
                });
                if !shared {
                    self.allocate_requested_node_port(node_port, i);
                }
            }
        }
        for s in services {
            self.service(s, slices);
        }
        for x in slices {
            self.check_slice(x, services);
        }
        self.report_outdated();
    }

    fn service(&mut self, s: &Service, slices: &[&ManualSlice]) {
        self.report_ignored(s);
        let key = format!("{}/{}", s.meta.namespace, s.meta.name.value);
        let cluster_ip = self.cluster_ip(s, &key);
        let pods = self.selected_pods(s);
        let mut ports = Vec::new();
        for p in &s.ports {
            let endpoints = self.endpoints(s, p, &pods, slices);
            let node_port = match &p.node_port {
                Some(requested) => Some(requested.value),
                None if s.allocates_node_ports(self.topology.version) => {
                    self.allocate_node_port(s, &key, p, &ports)
                }
                None => None,
            };
            ports.push(Port {
                name: p.name.clone(),
                protocol: p.protocol,
                port: p.port.value,
                node_port,
                endpoints,
            });
        }
        let mut traffic = s.traffic.clone();
        let needs_health_check = s.kind == ServiceType::LoadBalancer && traffic.external_local;
        if needs_health_check && traffic.health_check.is_none() {
            let key = format!("{key}/healthCheckNodePort");
            traffic.health_check = self
                .kept_health_check(s)
                .or_else(|| self.node_ports.allocate(self.topology.seed, &key));
        }
        self.services.push(RunningService {
            name: s.meta.name.value.clone(),
            namespace: s.meta.namespace.clone(),
            kind: s.kind,
            traffic,
            external_name: s.external_name.clone(),
            cluster_ip,
            ports,
            selector: s.selector.value.clone(),
            written: Some(Spanned { value: (), span: s.meta.name.span }),
        });
    }

    /// The cluster IP of a Service: the requested one, the one it has, or a free one.
    fn cluster_ip(&mut self, s: &Service, key: &str) -> Option<Ipv4Addr> {
        if let Some(requested) = &s.cluster_ip {
            return Some(requested.value);
        }
        if s.headless || s.ipv6_only || s.kind == ServiceType::ExternalName {
            return None;
        }
        let ip = self.kept_ip(s).or_else(|| self.ips.allocate(self.topology.seed, key));
        if ip.is_none() {
            self.d.error(
                Code::AddressesExhausted,
                s.meta.name.span,
                format!("no cluster IP is left in {}", self.topology.service_cidr),
                "choose a larger serviceCIDR",
            );
        }
        ip
    }

    /// Notes the fields that kube-proxy of this release does not know.
    fn report_ignored(&mut self, s: &Service) {
        let (release, t) = (self.topology.version, &s.traffic);
        let distribution = t.distribution.is_some_and(|d| !d.is_known(release));
        let fields = [
            (t.internal_local && !release.internal_policy(), "internalTrafficPolicy", 22),
            (
                s.skips_node_ports && !release.may_skip_node_ports(),
                "allocateLoadBalancerNodePorts",
                22,
            ),
            (t.ingress.iter().any(|(_, proxy)| *proxy) && !release.ip_mode(), "ipMode", 30),
            (
                distribution,
                "trafficDistribution",
                if t.distribution == Some(Distribution::Close) { 31 } else { 34 },
            ),
        ];
        for (_, field, minor) in fields.into_iter().filter(|(ignored, ..)| *ignored) {
            self.d.diags.push(Diagnostic::note(
                Code::NotSimulated,
                s.meta.name.span,
                format!(
                    "{field} is ignored: Kubernetes {release} does not support it (since 1.{minor})"
                ),
                "choose a later version, or remove the field",
            ));
        }
    }

    /// Allocates the cluster IP that a Service requests.
    fn allocate_requested_ip(&mut self, ip: &Spanned<Ipv4Addr>) {
        let range = self.topology.service_cidr;
        if !self.ips.contains(ip.value) {
            let message = format!(
                "spec.clusterIP: Invalid value: \"{}\": provided IP is not in the valid range. \
                 The range of valid IPs is {range}",
                ip.value
            );
            self.d.error(
                Code::ClusterIpRange,
                ip.span,
                message,
                format!("remove the line, or write an address of {range}"),
            );
        } else if !self.ips.take(ip.value) {
            let message = format!(
                "spec.clusterIP: Invalid value: \"{}\": provided IP is already allocated",
                ip.value
            );
            self.d.error(
                Code::ClusterIpTaken,
                ip.span,
                message,
                "remove the line, or write a free address",
            );
        }
    }

    /// Allocates the node port that the port with index `i` requests.
    fn allocate_requested_node_port(&mut self, np: &Spanned<u16>, i: usize) {
        let (first, last) = self.topology.node_ports;
        let bad = format!("spec.ports[{i}].nodePort: Invalid value: {}", np.value);
        if !self.node_ports.contains(np.value) {
            let message = format!(
                "{bad}: provided port is not in the valid range. \
                 The range of valid ports is {first}-{last}"
            );
            let near = np.value.clamp(first, last);
            self.d.diags.push(
                Diagnostic::error(
                    Code::NodePortRange,
                    np.span,
                    message,
                    format!("write a port from {first} to {last}, such as {near}"),
                )
                .with_fix(np.span, near.to_string()),
            );
        } else if !self.node_ports.take(np.value) {
            self.d.error(
                Code::NodePortTaken,
                np.span,
                format!("{bad}: provided port is already allocated"),
                "write another port, or remove the line to get a free one",
            );
        }
    }

    /// The node port of a port that requests none: the one of the other protocol's port of the same
    /// number, else a free one.
    fn allocate_node_port(
        &mut self,
        s: &Service,
        key: &str,
        port: &object::ServicePort,
        before: &[Port],
    ) -> Option<u16> {
        let requested = s
            .ports
            .iter()
            .filter(|q| q.port.value == port.port.value)
            .find_map(|q| q.node_port.as_ref().map(|n| n.value));
        let given = requested.or_else(|| {
            before.iter().find(|q| q.port == port.port.value).and_then(|q| q.node_port)
        });
        let given = given.or_else(|| self.kept_node_port(s, port));
        let found = given.or_else(|| {
            self.node_ports.allocate(self.topology.seed, &format!("{key}:{}", port.name))
        });
        if found.is_none() {
            let (first, last) = self.topology.node_ports;
            self.d.error(
                Code::AddressesExhausted,
                port.port.span,
                format!("failed to allocate a nodePort: every port of {first}-{last} is allocated"),
                "choose a larger serviceNodePortRange, or use fewer Services of type NodePort",
            );
        }
        found
    }
}

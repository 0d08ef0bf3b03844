//! Addresses, node ports and endpoints of Services: what the API server and the controllers decide.

use super::{Endpoint, Maker, Port, RunningService};
use crate::decode::Spanned;
use crate::diag::{Code, Diagnostic, nearest};
use crate::object::{self, Distribution, Service, ServiceType, Slice, TargetPort, selects};
use std::net::Ipv4Addr;

fn same(a: Option<&Spanned<u16>>, b: Option<&Spanned<u16>>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.value == b.value)
}

impl Maker<'_> {
    pub(super) fn services(&mut self, services: &[&Service], slices: &[&Slice]) {
        // What was asked for, or is in use, is taken first, as it was there first.
        for s in services {
            self.keep(s);
        }
        for s in services {
            if let Some(ip) = &s.cluster_ip {
                self.asked_ip(ip);
            }
            for (p, i) in s.ports.iter().zip(0..) {
                // Ports of one number, TCP and UDP, may share a node port (`initNodePorts`).
                let shared = s.ports[..i].iter().any(|q| {
                    q.port.value == p.port.value && same(q.node_port.as_ref(), p.node_port.as_ref())
                });
                if let (Some(np), false) = (&p.node_port, shared) {
                    self.asked_node_port(np, i);
                }
            }
        }
        for s in services {
            self.service(s, slices);
        }
        for x in slices {
            let service = services
                .iter()
                .find(|s| s.meta.namespace == x.namespace && s.meta.name.value == x.service.value);
            let (message, hint) = match service {
                Some(s) if s.selector.value.is_empty() => {
                    let fits = |(name, protocol, _): &(String, &str, u16)| {
                        s.ports.iter().any(|p| p.name == *name && p.protocol == *protocol)
                    };
                    if x.endpoints.is_empty() || x.ports.iter().any(fits) {
                        continue;
                    }
                    let has = s
                        .ports
                        .iter()
                        .map(|p| format!("{:?} ({})", p.name, p.protocol))
                        .collect::<Vec<_>>()
                        .join(", ");
                    self.d.diags.push(Diagnostic::warning(
                        Code::SelectorMatchesNothing,
                        x.service.span,
                        format!("no port here has the name and protocol of a port of {}: these are no endpoints of it", x.service.value),
                        format!("name them as the Service does: {has}"),
                    ));
                    continue;
                }
                Some(_) => (
                    format!(
                        "{} selects its pods: the controller writes its endpoints",
                        x.service.value
                    ),
                    "remove this, or the Service's selector",
                ),
                None => (
                    format!("no Service {:?} has these endpoints", x.service.value),
                    "write a Service of that name without a selector",
                ),
            };
            self.d.diags.push(Diagnostic::warning(
                Code::SelectorMatchesNothing,
                x.service.span,
                message,
                hint,
            ));
        }
    }

    /// What a Service asks for and kube-proxy of this release does not know.
    fn ignored(&mut self, s: &Service) {
        let (release, t) = (self.topology.version, &s.traffic);
        let distribution = t.distribution.is_some_and(|d| {
            !(if d == Distribution::Close {
                release.prefers_close()
            } else {
                release.prefers_same()
            })
        });
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
                format!("{field} counts from 1.{minor} on: Kubernetes {release} does not know it"),
                "choose a later release, or leave it out",
            ));
        }
    }

    fn asked_ip(&mut self, ip: &Spanned<Ipv4Addr>) {
        let range = self.topology.service_cidr;
        if !self.ips.contains(ip.value) {
            let message = format!(
                "spec.clusterIP: Invalid value: \"{}\": provided IP is not in the valid range. The range of valid IPs is {range}",
                ip.value
            );
            self.d.error(
                Code::ClusterIpRange,
                ip.span,
                message,
                format!("leave the line out, or write an address of {range}"),
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
                "leave the line out, or write a free address",
            );
        }
    }

    fn asked_node_port(&mut self, np: &Spanned<u16>, i: usize) {
        let (first, last) = self.topology.node_ports;
        let bad = format!("spec.ports[{i}].nodePort: Invalid value: {}", np.value);
        if !self.node_ports.contains(np.value) {
            let message = format!(
                "{bad}: provided port is not in the valid range. The range of valid ports is {first}-{last}"
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
                "write another port, or leave the line out to get a free one",
            );
        }
    }

    fn service(&mut self, s: &Service, slices: &[&Slice]) {
        self.ignored(s);
        let key = format!("{}/{}", s.meta.namespace, s.meta.name.value);
        let seed = self.topology.seed;
        let cluster_ip = match (&s.cluster_ip, s.headless || s.kind == ServiceType::ExternalName) {
            (Some(ip), _) => Some(ip.value),
            (None, true) => None,
            (None, false) => match self.kept_ip(s).or_else(|| self.ips.allocate(seed, &key)) {
                Some(ip) => Some(ip),
                None => {
                    self.d.error(
                        Code::AddressesExhausted,
                        s.meta.name.span,
                        format!("no cluster IP is left in {}", self.topology.service_cidr),
                        "choose a larger serviceCIDR",
                    );
                    None
                }
            },
        };
        let selector = &s.selector.value;
        let pods: Vec<usize> = (0..self.pods.len())
            .filter(|i| {
                self.pods[*i].namespace == s.meta.namespace
                    && selects(selector, &self.pods[*i].labels)
            })
            .collect();
        if pods.is_empty() && !selector.is_empty() && s.kind != ServiceType::ExternalName {
            let want: Vec<_> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let there = self.pods.iter().filter(|p| p.namespace == s.meta.namespace);
            let mut have: Vec<String> =
                there.flat_map(|p| p.labels.iter().map(|(k, v)| format!("{k}: {v}"))).collect();
            have.sort();
            have.dedup();
            let near = selector.iter().find_map(|(k, v)| {
                nearest(&format!("{k}: {v}"), have.iter().map(String::as_str)).map(str::to_owned)
            });
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None if have.is_empty() => "there is no pod in this namespace yet".to_owned(),
                None => format!("pods here have the labels {}", have.join(", ")),
            };
            self.d.diags.push(Diagnostic::warning(
                Code::SelectorMatchesNothing,
                s.selector.span,
                format!("{} selects no pod: the Service has no endpoints", want.join(",")),
                hint,
            ));
        }
        let mut ports = Vec::new();
        for p in &s.ports {
            let mut endpoints = self.written(s, p, slices);
            for i in &pods {
                let pod = &self.pods[*i];
                let port = match &p.target {
                    TargetPort::Number(n) => Some(*n),
                    TargetPort::Name(name) => pod
                        .containers
                        .iter()
                        .flat_map(|c| &c.ports)
                        .find(|c| {
                            c.name.as_deref() == Some(&name.value) && c.protocol == p.protocol
                        })
                        .map(|c| c.port),
                };
                endpoints.extend(port.map(|port| Endpoint {
                    addr: pod.ip,
                    port,
                    node: Some(pod.node),
                    ready: (pod.ready && !pod.terminating) || s.traffic.publish_not_ready,
                    serving: pod.ready,
                    terminating: pod.terminating,
                    zones: Vec::new(),
                    nodes: Vec::new(),
                }));
            }
            if let (TargetPort::Name(name), true, false) =
                (&p.target, endpoints.is_empty(), pods.is_empty())
            {
                let names: Vec<_> = pods
                    .iter()
                    .flat_map(|i| &self.pods[*i].containers)
                    .flat_map(|c| &c.ports)
                    .filter_map(|c| c.name.as_deref())
                    .collect();
                let hint = nearest(&name.value, names.iter().copied()).map_or_else(
                    || "name a container's port so, or write its number".to_owned(),
                    |n| format!("did you mean {n}?"),
                );
                self.d.diags.push(Diagnostic::warning(
                    Code::TargetPortUnknown,
                    name.span,
                    format!(
                        "no selected pod has a port named {:?}: the Service has no endpoints",
                        name.value
                    ),
                    hint,
                ));
            }
            // By the text of the address (`LessEndpointAddress`): .10 stands before .4.
            endpoints.sort_by_cached_key(|e| (e.addr.to_string(), e.port));
            self.hint(s, &mut endpoints);
            let node_port = match &p.node_port {
                Some(np) => Some(np.value),
                None if s.allocates_node_ports(self.topology.version) => {
                    self.free_node_port(s, &key, p, &ports)
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
        if s.kind == ServiceType::LoadBalancer
            && traffic.external_local
            && traffic.health_check.is_none()
        {
            let kept = self.was(s).and_then(|w| w.traffic.health_check);
            traffic.health_check = kept
                .or_else(|| self.node_ports.allocate(seed, &format!("{key}/healthCheckNodePort")));
        }
        self.services.push(RunningService {
            name: s.meta.name.value.clone(),
            namespace: s.meta.namespace.clone(),
            kind: s.kind,
            traffic,
            external_name: s.external_name.clone(),
            cluster_ip,
            ports,
            selector: selector.clone(),
            span: Some(s.meta.name.span),
        });
    }

    /// Endpoints that are written by hand, of a Service that selects nothing.
    fn written(&self, s: &Service, p: &object::ServicePort, slices: &[&Slice]) -> Vec<Endpoint> {
        let mine = |x: &&&Slice| {
            s.selector.value.is_empty()
                && x.namespace == s.meta.namespace
                && x.service.value == s.meta.name.value
        };
        let mut out = Vec::new();
        for x in slices.iter().filter(mine) {
            for (_, _, port) in x
                .ports
                .iter()
                .filter(|(name, protocol, _)| *name == p.name && *protocol == p.protocol)
            {
                out.extend(x.endpoints.iter().map(|e| {
                    Endpoint {
                        addr: e.addr,
                        port: *port,
                        node: e
                            .node
                            .as_ref()
                            .and_then(|n| self.nodes.iter().position(|x| x.spec.name.value == *n)),
                        ready: e.ready,
                        serving: e.serving,
                        terminating: e.terminating,
                        zones: e.zones.clone(),
                        nodes: e.nodes.clone(),
                    }
                }));
            }
        }
        out
    }

    /// The hints of the EndpointSlice controller: each endpoint for its own zone, or its own node
    /// (`trafficDistribution`).
    fn hint(&self, s: &Service, endpoints: &mut [Endpoint]) {
        let Some(distribution) = s.traffic.distribution else { return };
        let release = self.topology.version;
        if !(if distribution == Distribution::Close {
            release.prefers_close()
        } else {
            release.prefers_same()
        }) {
            return;
        }
        for e in endpoints {
            let Some(node) = e.node.and_then(|n| self.nodes.get(n)) else { continue };
            e.zones = node.spec.zone.iter().cloned().collect();
            if distribution == Distribution::SameNode {
                e.nodes = vec![node.spec.name.value.clone()];
            }
        }
    }

    /// The node port of a port that asks for none: that of its number's other protocol, else a free
    /// one.
    fn free_node_port(
        &mut self,
        s: &Service,
        key: &str,
        port: &object::ServicePort,
        before: &[Port],
    ) -> Option<u16> {
        let asked = s
            .ports
            .iter()
            .filter(|q| q.port.value == port.port.value)
            .find_map(|q| q.node_port.as_ref().map(|n| n.value));
        let given = asked.or_else(|| {
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
                format!("failed to allocate a nodePort: every port of {first}-{last} is taken"),
                "choose a larger serviceNodePortRange, or fewer Services of type NodePort",
            );
        }
        found
    }
}

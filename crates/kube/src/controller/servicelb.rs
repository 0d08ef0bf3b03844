//! k3s' ServiceLB (`pkg/cloudprovider/servicelb.go`, 1.33): for each Service of type LoadBalancer a
//! DaemonSet whose pods have the Service's ports as host ports; the load balancer's addresses are
//! those of the nodes that they run on.

use super::ControlPlane;
use super::text::TextPods;
use crate::cluster::{Node, Pod, RunningService};
use crate::decode::Spanned;
use crate::klipper::{NAMESPACE, SERVICE, SERVICE_NAMESPACE, serves};
use crate::object::{
    Container, ContainerPort, LabelSelector, Labels, Meta, Object, PodSpec, PodTemplate,
    Scheduling, Service, ServicePort, ServiceType, Strategy, TaintEffect, Toleration, Workload,
    WorkloadKind,
};
use crate::topology::Balancer;
use net::rng;
use std::net::{IpAddr, Ipv4Addr};

/// The label of the nodes that ServiceLB uses, if any node has it.
const ENABLED: &str = "svccontroller.k3s.cattle.io/enablelb";
/// The longest part of a Service's name in that of its DaemonSet.
const NAME_MAX: usize = 48;

impl ControlPlane<'_> {
    /// Makes the pods of ServiceLB, but for Services whose DaemonSet the text has.
    pub(super) fn service_lb(
        &mut self,
        services: &[&Service],
        objects: &[Object],
        text: &TextPods<'_>,
    ) {
        if self.topology.load_balancer != Balancer::ServiceLb {
            return;
        }
        for s in services.iter().filter(|s| s.kind == ServiceType::LoadBalancer) {
            let of_it = |l: &Labels| {
                l.get(SERVICE) == Some(&s.meta.name.value)
                    && l.get(SERVICE_NAMESPACE) == Some(&s.meta.namespace)
            };
            let is_written = objects.iter().any(|o| match o {
                Object::Workload(w) => of_it(&w.template.labels),
                Object::Pod(p) => of_it(&p.meta.labels),
                _ => false,
            });
            if !is_written && !s.headless && !s.ipv6_only {
                self.workload(&self.daemon_set(s), text);
            }
        }
    }

    /// The DaemonSet of a Service.
    fn daemon_set(&self, s: &Service) -> Workload {
        let (name, span) = (&s.meta.name.value, s.meta.name.span);
        let uid = rng::hash_str(self.topology.seed, &format!("{}/{name}/uid", s.meta.namespace));
        let short = name.get(..NAME_MAX).unwrap_or(name).trim_end_matches('-');
        let own = format!("svclb-{short}-{:08x}", uid as u32);
        let labels = Labels::from([
            ("app".to_owned(), own.clone()),
            (SERVICE.to_owned(), name.clone()),
            (SERVICE_NAMESPACE.to_owned(), s.meta.namespace.clone()),
        ]);
        let container = |p: &ServicePort| {
            let name = format!("lb-{}-{}", p.protocol.to_ascii_lowercase(), p.port.value);
            Container {
                ports: vec![ContainerPort {
                    name: Some(name.clone()),
                    port: p.port.value,
                    protocol: p.protocol,
                    host_port: Some(p.port.value),
                    host_ip: None,
                }],
                name,
                image: "rancher/klipper-lb:v0.4.13".to_owned(),
                ..Container::default()
            }
        };
        let exists =
            |key: &str, effect| Toleration { key: Some(key.to_owned()), value: None, effect };
        let no_schedule = Some(TaintEffect::NoSchedule);
        let mut scheduling = Scheduling {
            tolerations: vec![
                exists("node-role.kubernetes.io/master", no_schedule),
                exists("node-role.kubernetes.io/control-plane", no_schedule),
                exists("CriticalAddonsOnly", None),
            ],
            ..Scheduling::default()
        };
        if self.nodes.iter().any(|n| n.labels.contains_key(ENABLED)) {
            scheduling.node_selector.insert(ENABLED.to_owned(), "true".to_owned());
        }
        let spec = PodSpec {
            containers: s.ports.iter().map(container).collect(),
            scheduling,
            listen: Some(Vec::new()),
            ..PodSpec::default()
        };
        // The environment of its pods.
        let ports: Vec<_> = s.ports.iter().map(|p| (p.protocol, p.port.value)).collect();
        let env = (&ports, &s.traffic.source_ranges, s.traffic.external_local);
        let template = PodTemplate { labels: labels.clone(), spec, text: format!("{own} {env:?}") };
        Workload {
            kind: WorkloadKind::DaemonSet,
            meta: Meta {
                name: Spanned { value: own.clone(), span },
                namespace: NAMESPACE.to_owned(),
                labels,
                owner: None,
                listen: None,
                balancer_ips: None,
                is_static: false,
            },
            replicas: Spanned { value: 1, span },
            selector: LabelSelector {
                labels: Labels::from([("app".to_owned(), own)]),
                expressions: Vec::new(),
            },
            template,
            strategy: Strategy::Rolling,
            max_surge: None,
            max_unavailable: None,
            min_ready: 0,
            service_name: None,
            parallel: false,
            first_ordinal: 0,
            completions: None,
            indexed: false,
            suspended: false,
            schedule: None,
        }
    }

    /// Gives every Service the addresses of the nodes on which its pods of ServiceLB are ready, and
    /// with `externalTrafficPolicy: Local` an endpoint too.
    pub(super) fn node_addresses(&mut self) {
        let nodes = &self.nodes;
        for s in self.services.iter_mut().filter(|s| s.kind == ServiceType::LoadBalancer) {
            let is_its = |p: &&Pod| p.ready && serves(p, &s.namespace, &s.name);
            let there = self.pods.iter().filter(is_its).map(|p| &nodes[p.node]);
            let there =
                there.filter(|n| !s.traffic.external_local || has_endpoint(s, &n.spec.name.value));
            let mut addrs: Vec<Ipv4Addr> = there.map(Node::address).collect();
            addrs.sort_by_key(ToString::to_string);
            addrs.dedup();
            s.traffic.ingress = addrs.into_iter().map(|a| (IpAddr::from(a), false)).collect();
        }
    }
}

fn has_endpoint(s: &RunningService, node: &str) -> bool {
    let all = s.ports.iter().flat_map(|p| &p.endpoints);
    all.filter(|e| e.ready).any(|e| e.node.as_deref() == Some(node))
}

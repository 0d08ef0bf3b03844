//! The EndpointSlice controller: the endpoints of each Service port
//! (`pkg/controller/endpointslice`, `staging/src/k8s.io/endpointslice`).

use super::ControlPlane;
use crate::cluster::{Pod, Port, RunningService, sort_endpoints};
use crate::diag::{Code, Diagnostic, nearest};
use crate::object::pod::command;
use crate::object::{
    Distribution, Endpoint, ManualSlice, Service, ServicePort, ServiceType, TargetPort, selects,
};

impl ControlPlane<'_> {
    /// The indices of the pods that a Service selects.
    pub(super) fn selected_pods(&mut self, s: &Service) -> Vec<usize> {
        let selector = &s.selector.value;
        let in_namespace = |p: &&Pod| p.namespace == s.meta.namespace;
        let selected: Vec<usize> = (0..self.pods.len())
            .filter(|i| {
                let p = &self.pods[*i];
                in_namespace(&p) && selects(selector, &p.labels)
            })
            .collect();
        let needs_none = selector.is_empty() || s.kind == ServiceType::ExternalName;
        if !selected.is_empty() || needs_none || self.d.lacks_pods {
            return selected;
        }
        let wanted: Vec<_> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let mut present: Vec<String> = self
            .pods
            .iter()
            .filter(in_namespace)
            .flat_map(|p| p.labels.iter().filter(|(k, _)| !is_generated(k)))
            .map(|(k, v)| format!("{k}: {v}"))
            .collect();
        present.sort();
        present.dedup();
        // A label that is there is not what is wrong.
        let absent = selector.iter().map(|(k, v)| format!("{k}: {v}"));
        let near = absent
            .filter(|pair| !present.contains(pair))
            .find_map(|pair| nearest(&pair, present.iter().map(String::as_str)).map(str::to_owned));
        let hint = match near {
            Some(near) => format!("did you mean {near}?"),
            None if present.is_empty() => "there is no pod in this namespace yet".to_owned(),
            None => format!("pods here have the labels {}", present.join(", ")),
        };
        self.d.diags.push(Diagnostic::warning(
            Code::SelectorMatchesNothing,
            s.selector.span,
            format!("{} selects no pod: the Service has no endpoints", wanted.join(",")),
            hint,
        ));
        selected
    }

    /// The endpoints of a Service's port: of the pods with these indices, or of slices that the
    /// document defines.
    pub(super) fn endpoints(
        &mut self,
        s: &Service,
        p: &ServicePort,
        pods: &[usize],
        slices: &[&ManualSlice],
    ) -> Vec<Endpoint> {
        let mut out = manual_endpoints(s, p, slices);
        for pod in pods.iter().map(|i| &self.pods[*i]) {
            let port = match &p.target {
                TargetPort::Number(n) => Some(*n),
                TargetPort::Name(name) => pod
                    .spec
                    .running()
                    .flat_map(|c| &c.ports)
                    .find(|c| c.name.as_deref() == Some(&name.value) && c.protocol == p.protocol)
                    .map(|c| c.port),
            };
            let node = self.nodes.get(pod.node).map(|n| n.spec.name.value.clone());
            out.extend(port.map(|port| Endpoint {
                ready: (pod.ready && !pod.terminating) || s.traffic.publish_not_ready,
                serving: pod.ready,
                terminating: pod.terminating,
                ..Endpoint::ready(pod.ip.into(), port, node)
            }));
        }
        if out.is_empty() && !pods.is_empty() {
            self.report_unknown_target(&p.target, pods);
        }
        self.report_silent_target(p, pods, &out);
        sort_endpoints(&mut out);
        self.hint(s, &mut out);
        out
    }

    fn report_unknown_target(&mut self, target: &TargetPort, pods: &[usize]) {
        let TargetPort::Name(name) = target else { return };
        let names: Vec<_> = pods
            .iter()
            .flat_map(|i| self.pods[*i].spec.running())
            .flat_map(|c| &c.ports)
            .filter_map(|c| c.name.as_deref())
            .collect();
        let hint = nearest(&name.value, names.iter().copied()).map_or_else(
            || "give a container's port this name, or write its number".to_owned(),
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

    /// Reports a port at which none of its pods listens: what connects to it is refused.
    fn report_silent_target(&mut self, p: &ServicePort, pods: &[usize], ends: &[Endpoint]) {
        let pods = || pods.iter().map(|i| &self.pods[*i]);
        let is_end = |pod: &Pod, port: u16| {
            ends.iter().any(|e| e.addr == std::net::IpAddr::from(pod.ip) && e.port == port)
        };
        let mut all = pods().flat_map(|pod| pod.listening.iter().map(move |l| (pod, l)));
        let answers =
            all.any(|(pod, l)| l.answers(p.protocol, l.at.port) && is_end(pod, l.at.port));
        let Some(end) = ends.first().filter(|_| !answers && p.protocol != "SCTP") else { return };
        let Some(first) = pods().find(|pod| end.addr == std::net::IpAddr::from(pod.ip)) else {
            return;
        };
        let mut others = first.listening.iter().filter(|l| l.at.protocol == p.protocol);
        let other = others.next().and_then(|l| Some((l, first.spec.running().nth(l.container)?)));
        let (message, hint) = match other {
            Some((l, c)) => {
                let loopback = l.at.addr.map(|a| format!("{a}:")).unwrap_or_default();
                (
                    format!(
                        "no selected pod listens on port {}/{}: {} listens on {loopback}{}",
                        end.port, l.at.protocol, c.image, l.at.port
                    ),
                    format!("write targetPort: {}", l.at.port),
                )
            }
            None => (
                format!("no selected pod listens on port {}/{}", end.port, p.protocol),
                if first.spec.running().all(command::only_waits) {
                    "remove command: what it runs listens on no port".to_owned()
                } else {
                    let protocol = p.protocol.to_lowercase();
                    format!(
                        "annotate the pods with packetwalk.dev/listen: \"{}/{protocol}\" if their \
                         program does listen there",
                        end.port
                    )
                },
            ),
        };
        let code = Code::TargetPortSilent;
        self.d.diags.push(Diagnostic::warning(code, p.target_span, message, hint));
    }

    /// Sets the hints that `trafficDistribution` asks for: the endpoint's own zone, or its own
    /// node.
    fn hint(&self, s: &Service, endpoints: &mut [Endpoint]) {
        let Some(distribution) = s.traffic.distribution else { return };
        if !distribution.is_known(self.topology.version) {
            return;
        }
        for e in endpoints {
            let node = self.nodes.iter().find(|n| e.node.as_ref() == Some(&n.spec.name.value));
            let Some(node) = node else { continue };
            e.zones = node.spec.zone.iter().cloned().collect();
            if distribution == Distribution::SameNode {
                e.nodes = vec![node.spec.name.value.clone()];
            }
        }
    }

    /// Warns about a slice whose endpoints no Service uses.
    pub(super) fn check_slice(&mut self, x: &ManualSlice, services: &[&Service]) {
        let name = &x.service.value;
        let service =
            services.iter().find(|s| s.meta.namespace == x.namespace && s.meta.name.value == *name);
        let (message, hint) = match service {
            Some(s) if s.selector.value.is_empty() => {
                let fits = s.ports.iter().any(|p| x.port_of(p).next().is_some());
                if x.endpoints.is_empty() || fits {
                    return;
                }
                let ports: Vec<_> =
                    s.ports.iter().map(|p| format!("{:?} ({})", p.name, p.protocol)).collect();
                (
                    format!("no port here has the name and protocol of a port of Service {name}"),
                    format!("use the names and protocols of the Service: {}", ports.join(", ")),
                )
            }
            Some(_) if x.managed => {
                if !self.has_endpoints_of(x) {
                    self.outdated.push((x.service.span, name.clone()));
                }
                return;
            }
            Some(_) => (
                format!("Service {name} has a selector: the controller manages its endpoints"),
                "remove this, or the Service's selector".to_owned(),
            ),
            None => (
                format!("no Service {name:?} uses these endpoints"),
                "write a Service of that name without a selector".to_owned(),
            ),
        };
        let code = Code::SelectorMatchesNothing;
        self.d.diags.push(Diagnostic::warning(code, x.service.span, message, hint));
    }
}

impl ControlPlane<'_> {
    /// Whether the endpoints of a slice are among those of its Service.
    fn has_endpoints_of(&self, x: &ManualSlice) -> bool {
        let is_it = |s: &&RunningService| s.namespace == x.namespace && s.name == x.service.value;
        let Some(service) = self.services.iter().find(is_it) else { return false };
        x.ports.iter().all(|q| {
            let same = |p: &&Port| p.name == q.name && p.protocol == q.protocol;
            let ours: Vec<&Endpoint> =
                service.ports.iter().filter(same).flat_map(|p| &p.endpoints).collect();
            x.endpoints.iter().all(|e| ours.iter().any(|o| (o.addr, o.port) == (e.addr, q.port)))
        })
    }

    /// Notes, once for all, the endpoints of the text that its pods do not have.
    pub(super) fn report_outdated(&mut self) {
        let Some((span, _)) = self.outdated.first() else { return };
        let mut names: Vec<&str> = self.outdated.iter().map(|(_, name)| &**name).collect();
        names.dedup();
        let message = format!(
            "the endpoints here are not those of the pods of the text: {}",
            names.join(", ")
        );
        let hint = "the controllers compute them from the pods here; remove these objects, or add \
                    the pods";
        let note = Diagnostic::note(Code::SelectorMatchesNothing, *span, message, hint);
        self.d.diags.push(note);
    }
}

/// Whether a controller gives a label to its pods.
fn is_generated(key: &str) -> bool {
    let own = ["pod-template-hash", "controller-revision-hash", "pod-template-generation"];
    own.contains(&key) || key.starts_with("statefulset.kubernetes.io/") || key.contains("job-name")
}

/// The endpoints that the document defines for a port of a Service without a selector.
fn manual_endpoints(s: &Service, p: &ServicePort, slices: &[&ManualSlice]) -> Vec<Endpoint> {
    if !s.selector.value.is_empty() {
        return Vec::new();
    }
    let all = slices
        .iter()
        .filter(|x| x.namespace == s.meta.namespace && x.service.value == s.meta.name.value)
        .flat_map(|x| x.port_of(p).flat_map(|port| x.endpoints.iter().map(move |e| (port, e))))
        .map(|(port, e)| Endpoint { port, ..e.clone() });
    let mut out: Vec<Endpoint> = Vec::new();
    for e in all {
        // An EndpointSlice may mirror an Endpoints.
        if !out.iter().any(|o| (o.addr, o.port) == (e.addr, e.port)) {
            out.push(e);
        }
    }
    out
}

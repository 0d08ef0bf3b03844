//! One pod: its name, its node, the CNI's IPAM, and whether kubelet's probes find it ready.

use super::ControlPlane;
use super::new_pod::NewPod;
use crate::cluster::{IdlePod, Owner, Pod};
use crate::decode::Spanned;
use crate::diag::{Code, Diagnostic, Span, nearest};
use crate::image::listen::{Listening, Target, listening};
use crate::naming;
use crate::object::{
    Container, Labels, PodSpec, Probe, ProbeAction, Service, ServiceType, TargetPort, TextPod,
    ports_clash, selects,
};
use net::wire::Mac;
use std::net::Ipv4Addr;

/// What became of a pod.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It runs; whether it is ready.
    Running(bool),
    /// The scheduler finds no node, or kubelet does not admit it, or there is no address.
    Idle(&'static str, String),
}

/// Where a pod is put, and with what.
struct Place {
    node: usize,
    ip: Ipv4Addr,
    suffix: Option<String>,
    veth: Option<String>,
    veth_mac: Option<Mac>,
    ready: Option<bool>,
    terminating: bool,
    span: Span,
}

impl Place {
    fn at(node: usize, ip: Ipv4Addr) -> Self {
        let (suffix, veth, veth_mac, ready) = (None, None, None, None);
        Self { node, ip, suffix, veth, veth_mac, ready, terminating: false, span: Span::default() }
    }
}

/// What Services target in pods: namespace, selector, protocol and port.
pub(super) type Targets<'a> = Vec<(&'a str, &'a Labels, Target)>;

/// The ports that Services target by number.
pub(super) fn targets<'a>(services: &[&'a Service]) -> Targets<'a> {
    let by_selector = services.iter().filter(|s| s.kind != ServiceType::ExternalName);
    by_selector
        .flat_map(|s| s.ports.iter().map(move |p| (s, p)))
        .filter_map(|(s, p)| match p.target {
            TargetPort::Number(n) => {
                Some((s.meta.namespace.as_str(), &s.selector.value, (p.protocol, n)))
            }
            TargetPort::Name(_) => None,
        })
        .collect()
}

impl ControlPlane<'_> {
    /// How many running pods a controller keeps that are like this one.
    pub(super) fn remain(&self, t: &NewPod<'_>) -> usize {
        self.remaining.iter().filter(|p| t.describes(p)).count()
    }

    /// The node with this name.
    pub(super) fn node_named(&mut self, name: &Spanned<String>) -> Option<usize> {
        let found = self.nodes.iter().position(|n| n.spec.name.value == name.value);
        if found.is_none() {
            let names = self.nodes.iter().map(|n| n.spec.name.value.as_str());
            let hint = nearest(&name.value, names).map_or_else(
                || "write the name of a node of the Topology".to_owned(),
                |n| format!("did you mean {n}?"),
            );
            self.d.diags.push(Diagnostic::warning(
                Code::NoSuchNode,
                name.span,
                format!("no node {:?}: the pods stay Pending", name.value),
                hint,
            ));
        }
        found
    }

    /// Creates a pod, or keeps one that runs: where the Topology places it, else where the
    /// scheduler does. A pod that cannot run is listed as such.
    pub(super) fn start(&mut self, t: &NewPod<'_>) -> Outcome {
        if let Some(i) = self.remaining.iter().position(|p| t.describes(p)) {
            let pod = self.remaining.remove(i);
            self.pod_names.insert((pod.namespace.clone(), pod.name.clone()));
            let ready = pod.ready;
            self.pods.push(pod);
            return Outcome::Running(ready);
        }
        let place = match self.placed(t) {
            Some(place) => Ok(place),
            None => self.place(t),
        };
        match place {
            Ok(place) => Outcome::Running(self.create(t, place)),
            Err((status, reason)) => {
                self.idle(t, status, reason.clone());
                Outcome::Idle(status, reason)
            }
        }
    }

    /// Creates a pod that the text contains, with the address and state that it has there.
    pub(super) fn start_text(&mut self, t: &NewPod<'_>, pod: &TextPod) -> Outcome {
        let at = |node: usize, ip: Ipv4Addr| Place {
            ready: pod.ready,
            span: pod.meta.name.span,
            ..Place::at(node, ip)
        };
        let known = self.remain(t) > 0;
        let Some((node, ip)) = t.bound.zip(pod.ip.as_ref()).filter(|_| !known) else {
            return self.start(t);
        };
        if t.spec.host_network {
            return Outcome::Running(self.create(t, at(node, self.nodes[node].address())));
        }
        if self.text_addresses.contains(&ip.value) || self.addresses[node].take(ip.value) {
            return Outcome::Running(self.create(t, at(node, ip.value)));
        }
        let cidr = self.nodes[node].pod_cidr;
        self.d.diags.push(Diagnostic::warning(
            Code::AddressTaken,
            ip.span,
            format!("{} is not free in {cidr}, the pod network of its node", ip.value),
            "the pod gets another address here; write the Node with its podCIDR",
        ));
        match self.place(t) {
            Ok(place) => {
                let ready = pod.ready.or(place.ready);
                Outcome::Running(self.create(t, Place { ready, ..place }))
            }
            Err((status, reason)) => {
                self.idle(t, status, reason.clone());
                Outcome::Idle(status, reason)
            }
        }
    }

    /// Lists a pod that does not run.
    pub(super) fn idle(&mut self, t: &NewPod<'_>, status: &'static str, reason: String) {
        let name = match &t.name {
            Some(name) => name.clone(),
            None => {
                let created = self.created.get(&format!("{}/{}", t.namespace, t.set));
                self.free_name(t.namespace, &t.set, created.copied().unwrap_or_default())
            }
        };
        self.pod_names.insert((t.namespace.to_owned(), name.clone()));
        self.idle_pods.push(IdlePod {
            name,
            namespace: t.namespace.to_owned(),
            owner: t.owner.clone(),
            containers: t.spec.running().count(),
            node: t.bound,
            status,
            reason,
        });
    }

    /// The place that the Topology gives to a pod.
    fn placed(&mut self, t: &NewPod<'_>) -> Option<Place> {
        let i = (self.topology.pods.iter().zip(&self.used_placements))
            .position(|(p, used)| !used && t.is_named(&p.of.value))?;
        self.used_placements[i] = true;
        let p = &self.topology.pods[i];
        let node = self.nodes.iter().position(|n| n.spec.name.value == p.node.value)?;
        let ip = if t.spec.host_network { self.nodes[node].address() } else { p.ip.value };
        Some(Place {
            node,
            ip,
            suffix: p.suffix.clone(),
            veth: p.veth.as_ref().map(|v| v.value.clone()),
            veth_mac: p.veth_mac,
            ready: Some(p.ready),
            terminating: p.terminating,
            span: p.of.span,
        })
    }

    /// The place that the scheduler and IPAM give to a pod.
    fn place(&mut self, t: &NewPod<'_>) -> Result<Place, (&'static str, String)> {
        let candidates = match t.bound {
            Some(node) => {
                self.admit(t, node)?;
                vec![node]
            }
            None => self.schedule(t).map_err(|reason| ("Pending", reason))?,
        };
        if t.spec.host_network {
            let node = candidates[0];
            return Ok(Place::at(node, self.nodes[node].address()));
        }
        let mut addresses = |i: usize| Some(Place::at(i, self.addresses[i].allocate()?));
        candidates.into_iter().find_map(&mut addresses).ok_or_else(|| {
            ("ContainerCreating", "no IP addresses available in range set".to_owned())
        })
    }

    /// What kubelet checks of a pod that the scheduler did not place.
    fn admit(&self, t: &NewPod<'_>, node: usize) -> Result<(), (&'static str, String)> {
        let wanted = t.spec.host_ports();
        let mut there = self.pods.iter().chain(&self.remaining).filter(|p| p.node == node);
        if there.any(|p| ports_clash(&p.host_ports(), &wanted)) {
            let why = "Predicate NodePorts failed: node(s) didn't have free ports for the \
                       requested pod ports";
            return Err(("NodePorts", why.to_owned()));
        }
        Ok(())
    }

    /// Creates a pod. Whether it is ready.
    fn create(&mut self, t: &NewPod<'_>, place: Place) -> bool {
        let (node, ip) = (place.node, place.ip);
        let created = self.created.entry(format!("{}/{}", t.namespace, t.set)).or_default();
        let index = *created;
        *created += 1;
        let name = match (&t.name, place.suffix.as_deref()) {
            (Some(name), _) => name.clone(),
            // The suffix includes the hash.
            (_, Some(s)) if s.contains('-') => format!("{}-{s}", t.owner.name),
            (_, Some(s)) => format!("{}-{s}", t.set),
            _ => self.free_name(t.namespace, &t.set, index),
        };
        let (mut veth, mut veth_mac, mut mac) = (String::new(), Mac([0; 6]), Mac([0; 6]));
        if !t.spec.host_network {
            // The real name is `veth` and eight random hexadecimal digits; here those of the
            // address.
            let [a, b, c, d] = ip.octets();
            veth = place.veth.unwrap_or_else(|| format!("veth{a:02x}{b:02x}{c:02x}{d:02x}"));
            let seed = self.topology.seed;
            veth_mac = place.veth_mac.unwrap_or_else(|| naming::random_mac(seed, &veth));
            mac = if self.topology.version.random_macs() {
                naming::random_mac(seed, &format!("{veth}/eth0"))
            } else {
                Mac([0x0a, 0x58, a, b, c, d])
            };
        }
        self.load[node] += 1;
        if !self.pod_names.insert((t.namespace.to_owned(), name.clone())) {
            self.d.error(
                Code::DuplicateObject,
                place.span,
                format!("pods {name:?} already exists"),
                "give each pod a name of its own; each entry of pods: its own suffix",
            );
        }
        let targets: Vec<Target> = self
            .targets
            .iter()
            .filter(|(namespace, selector, _)| {
                *namespace == t.namespace && selects(selector, &t.labels)
            })
            .map(|(.., target)| *target)
            .collect();
        let listening = listening(&t.spec, &targets);
        let unready = match place.ready {
            Some(true) => None,
            Some(false) => Some(String::new()),
            None => unready(&t.spec, &listening, ip),
        };
        if let (None, Some(why), Some(span)) = (place.ready, &unready, failing(&t.spec, &listening))
        {
            self.report_unready(&t.owner, why, span);
        }
        let ready = unready.is_none();
        self.pods.push(Pod {
            shares_name: self.topology.has_name(&name),
            name,
            namespace: t.namespace.to_owned(),
            owner: t.owner.clone(),
            labels: t.labels.clone(),
            template_hash: t.hash.clone(),
            spec: t.spec.clone(),
            node,
            ip,
            veth,
            veth_mac,
            mac,
            listening,
            ready,
            unready: unready.filter(|why| !why.is_empty()),
            terminating: place.terminating,
        });
        ready
    }

    /// Warns of a probe that fails, once for each that is written.
    fn report_unready(&mut self, owner: &Owner, why: &str, span: Span) {
        let code = Code::ProbeFails;
        if self.d.diags.iter().any(|d| d.code == code && d.span == span) {
            return;
        }
        let message = format!("the pods of {owner} are not ready: {why}");
        let hint = "write a port at which the container listens, or name what listens in the \
                    annotation packetwalk.dev/listen of the pod";
        self.d.diags.push(Diagnostic::warning(code, span, message, hint));
    }

    /// A pod's name, drawn again while another pod has it.
    fn free_name(&self, namespace: &str, set: &str, index: usize) -> String {
        let mut draw = index;
        loop {
            let name = format!("{set}-{}", naming::pod_suffix(self.topology.seed, set, draw));
            if !self.pod_names.contains(&(namespace.to_owned(), name.clone())) {
                return name;
            }
            draw += 1 << 20;
        }
    }
}

/// The port at which a probe fails, as nothing listens there. gRPC and exec are not refused: a
/// command is assumed to succeed, and a gRPC server to answer where something listens.
fn fails(c: &Container, probe: &Probe, listening: &[Listening]) -> Option<Result<u16, String>> {
    let port = match &probe.action {
        ProbeAction::HttpGet(port) | ProbeAction::TcpSocket(port) => match c.probed(port) {
            Some(port) => port,
            None => return Some(Err(format!("container {} has no such named port", c.name))),
        },
        ProbeAction::Grpc(port) => *port,
        ProbeAction::Exec => return None,
    };
    (!listening.iter().any(|l| l.answers("TCP", port))).then_some(Ok(port))
}

/// The first failing probe of a pod's containers: its container, its kind and what fails.
fn first_failure<'s>(
    spec: &'s PodSpec,
    listening: &[Listening],
) -> Option<(&'s Probe, &'static str, Result<u16, String>)> {
    spec.running().find_map(|c| {
        let kinds =
            [(&c.startup, "Startup"), (&c.liveness, "Liveness"), (&c.readiness, "Readiness")];
        kinds.into_iter().find_map(|(probe, kind)| {
            let probe = probe.as_ref()?;
            Some((probe, kind, fails(c, probe, listening)?))
        })
    })
}

fn failing(spec: &PodSpec, listening: &[Listening]) -> Option<Span> {
    first_failure(spec, listening)
        .map(|(probe, ..)| probe.span.span)
        .or_else(|| spec.readiness_gates.first().map(|g| g.span))
}

/// Why a pod with an address is not ready, in kubelet's words: a probe is refused, or a readiness
/// gate is not set.
fn unready(spec: &PodSpec, listening: &[Listening], ip: Ipv4Addr) -> Option<String> {
    let Some((probe, kind, why)) = first_failure(spec, listening) else {
        let gate = spec.readiness_gates.first()?;
        let name = &gate.value;
        return Some(format!(
            "corresponding condition of pod readiness gate {name:?} does not exist."
        ));
    };
    let why = match why {
        Err(why) => why,
        Ok(port) => {
            let dial = format!("dial tcp {ip}:{port}: connect: connection refused");
            match probe.action {
                ProbeAction::HttpGet(_) => format!("Get \"http://{ip}:{port}/\": {dial}"),
                _ => dial,
            }
        }
    };
    Some(format!("{kind} probe failed: {why}"))
}

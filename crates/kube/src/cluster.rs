//! From a text to a running cluster: what the API server, the scheduler, the controllers and IPAM
//! decide.

use crate::decode::{Decoder, Spanned};
use crate::diag::{Code, Diagnostic, Severity, Span, nearest};
use crate::ipam::{HostLocal, NodePorts, ServiceIps, pod_cidrs};
use crate::naming;
use crate::object::{self, Container, Deployment, Distribution, Labels, Object, Service, ServiceType, Slice, TargetPort, Traffic, selects};
use crate::topology::{self, Role, Topology};
use crate::yaml;
use ipnet::Ipv4Net;
use net::wire::Mac;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// A node of a running cluster.
#[derive(Clone, Debug)]
pub struct Node {
    /// What the topology says of it.
    pub spec: topology::Node,
    /// Its pod network.
    pub pod_cidr: Ipv4Net,
    /// The MAC of its NIC.
    pub mac: Mac,
    /// The MAC of flannel's VXLAN device.
    pub vtep_mac: Mac,
    /// The MAC of docker0.
    pub docker_mac: Mac,
}

impl Node {
    /// Its address on the LAN.
    pub fn address(&self) -> Ipv4Addr {
        self.spec.nic.address.value.addr()
    }
    /// The address of cni0.
    pub fn gateway(&self) -> Ipv4Addr {
        HostLocal::new(self.pod_cidr).gateway()
    }
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The Deployment it belongs to.
    pub deployment: String,
    /// Its labels.
    pub labels: Labels,
    /// Its containers.
    pub containers: Vec<Container>,
    /// The number of its node.
    pub node: usize,
    /// Its address.
    pub ip: Ipv4Addr,
    /// The name of its veth on the node.
    pub veth: String,
    /// The MAC of that veth.
    pub veth_mac: Mac,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is on its way out.
    pub terminating: bool,
}

impl Pod {
    /// The name of its network namespace here: unique in the cluster.
    pub fn netns(&self) -> String {
        if self.namespace == "default" { self.name.clone() } else { format!("{}/{}", self.namespace, self.name) }
    }

    /// The MAC of its eth0: `0a:58` and its address (CNI plugins up to 0.6).
    pub fn mac(&self) -> Mac {
        let [a, b, c, d] = self.ip.octets();
        Mac([0x0a, 0x58, a, b, c, d])
    }
}

/// An endpoint of a service's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub addr: Ipv4Addr,
    /// Its port.
    pub port: u16,
    /// The number of its node, if it is on one.
    pub node: Option<usize>,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it answers.
    pub serving: bool,
    /// Whether it is on its way out.
    pub terminating: bool,
    /// Zones it is hinted for.
    pub zones: Vec<String>,
    /// Nodes it is hinted for.
    pub nodes: Vec<String>,
}

/// A port of a service with its endpoints.
#[derive(Clone, Debug)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// The port.
    pub port: u16,
    /// The node port.
    pub node_port: Option<u16>,
    /// What its packets may become.
    pub endpoints: Vec<Endpoint>,
}

impl Port {
    /// The endpoints that are ready, as `kubectl get endpoints` lists them.
    pub fn ready(&self) -> impl Iterator<Item = (Ipv4Addr, u16)> {
        self.endpoints.iter().filter(|e| e.ready).map(|e| (e.addr, e.port))
    }
}

/// A service.
#[derive(Clone, Debug)]
pub struct RunningService {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it is.
    pub kind: ServiceType,
    /// How packets to it are led.
    pub traffic: Traffic,
    /// The name that DNS answers instead.
    pub external_name: Option<String>,
    /// Its address; none if headless, or only another name.
    pub cluster_ip: Option<Ipv4Addr>,
    /// Its ports.
    pub ports: Vec<Port>,
    /// What it selects.
    pub selector: Labels,
    /// Where it is written; none for those the cluster brings itself.
    pub span: Option<Span>,
}

impl RunningService {
    /// Whether an address is one of its own: its cluster IP, an external one, its load balancer's.
    pub fn has_address(&self, addr: IpAddr) -> bool {
        let t = &self.traffic;
        self.cluster_ip.map(IpAddr::from) == Some(addr) || t.external_ips.contains(&addr) || t.ingress.iter().any(|(a, _)| *a == addr)
    }
}

/// A running cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What is under it.
    pub topology: Topology,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Pods, in the order they were started.
    pub pods: Vec<Pod>,
    /// Services, by namespace and name.
    pub services: Vec<RunningService>,
}

/// The cluster a text describes, and everything that is wrong with the text. No cluster if there
/// is an error.
pub fn build(text: &str) -> (Option<Cluster>, Vec<Diagnostic>) {
    let (docs, diags) = yaml::parse(text);
    let mut d = Decoder { diags, known: None };
    let cluster = make(&mut d, &docs);
    let mut diags = d.diags;
    diags.sort_by_key(|x| (x.span.start, x.severity));
    let broken = diags.iter().any(|x| x.severity == Severity::Error);
    (cluster.filter(|_| !broken), diags)
}

/// Reads a text for what could stand in it.
pub(crate) fn read(d: &mut Decoder, text: &str) {
    let (docs, _) = yaml::parse(text);
    make(d, &docs);
}

fn make(d: &mut Decoder, docs: &[yaml::YamlNode]) -> Option<Cluster> {
    let mut topology = None;
    let mut objects: Vec<Object> = Vec::new();
    let mut queue: std::collections::VecDeque<&yaml::YamlNode> = docs.iter().collect();
    while let Some(doc) = queue.pop_front() {
        let Some(mut t) = object::typed(d, doc) else { continue };
        if t.kind.value == "List" {
            for item in t.fields.get("items").map_or(&[][..], |n| d.items(n, "items")).iter().rev() {
                queue.push_front(item);
            }
            let fields = t.fields.not_simulated(&["metadata"]);
            d.finish(fields);
            continue;
        }
        let own = matches!(t.kind.value.as_str(), "Topology" | "Script");
        if own && t.api_version != "packetwalk.dev/v1alpha1" {
            let message = format!("no matches for kind {:?} in version {:?}", t.kind.value, t.api_version);
            d.error(Code::UnknownKind, t.kind.span, message, "write apiVersion: packetwalk.dev/v1alpha1");
        }
        // What is done in the cluster changes nothing of it.
        if t.kind.value == "Script" {
            continue;
        }
        if t.kind.value == "Topology" {
            if topology.is_some() {
                d.error(Code::DuplicateObject, t.kind.span, "a second Topology", "keep one of them");
                continue;
            }
            topology = topology::decode(d, t.fields);
            continue;
        }
        objects.extend(object::decode(d, t));
    }
    duplicates(d, &objects);
    let mut make = Maker::new(d, topology.unwrap_or_default());
    for o in &objects {
        if let Object::Deployment(x) = o {
            make.deployment(x);
        }
    }
    let services: Vec<_> = objects.iter().filter_map(|o| if let Object::Service(s) = o { Some(s) } else { None }).collect();
    let slices: Vec<&Slice> = objects.iter().flat_map(|o| if let Object::Slices(all) = o { all.as_slice() } else { &[] }).collect();
    make.services(&services, &slices);
    Some(make.finish())
}

fn duplicates(d: &mut Decoder, objects: &[Object]) {
    let key = |o: &Object| {
        let (what, meta) = match o {
            Object::Deployment(x) => ("deployments.apps", &x.meta),
            Object::Service(x) => ("services", &x.meta),
            Object::Slices(_) => return None,
        };
        Some(((what, meta.namespace.clone(), meta.name.value.clone()), meta.name.span))
    };
    let mut seen = std::collections::BTreeMap::new();
    for (k, span) in objects.iter().filter_map(key) {
        let message = format!("{} \"{}\" already exists", k.0, k.2);
        if let Some(first) = seen.insert(k, span) {
            d.error(Code::DuplicateObject, span, message, format!("the first one is in line {}; give this one another name", first.line));
        }
    }
}

struct Maker<'a> {
    d: &'a mut Decoder,
    topology: Topology,
    nodes: Vec<Node>,
    ipam: Vec<HostLocal>,
    pods: Vec<Pod>,
    services: Vec<RunningService>,
    ips: ServiceIps,
    node_ports: NodePorts,
    used_places: Vec<bool>,
    /// Pods on each node.
    load: Vec<usize>,
    /// Namespaces and names of pods.
    names: BTreeSet<(String, String)>,
}

fn same(a: Option<&Spanned<u16>>, b: Option<&Spanned<u16>>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.value == b.value)
}

impl<'a> Maker<'a> {
    fn new(d: &'a mut Decoder, topology: Topology) -> Self {
        let seed = topology.seed;
        let mut nodes = Vec::new();
        let mut cidrs = pod_cidrs(topology.pod_cidr);
        for n in &topology.nodes {
            let Some(pod_cidr) = cidrs.next() else {
                d.error(
                    Code::AddressesExhausted,
                    n.name.span,
                    "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range",
                    "choose a larger podCIDR, or fewer nodes",
                );
                break;
            };
            let name = &n.name.value;
            let mac = |given: Option<Mac>, what: &str| given.unwrap_or_else(|| naming::random_mac(seed, &format!("{name}/{what}")));
            nodes.push(Node {
                pod_cidr,
                mac: mac(n.nic.mac, "nic"),
                vtep_mac: mac(n.vtep_mac, "flannel"),
                docker_mac: mac(n.docker_mac, "docker0"),
                spec: n.clone(),
            });
        }
        let mut ipam: Vec<_> = nodes.iter().map(|n| HostLocal::new(n.pod_cidr)).collect();
        for p in &topology.pods {
            let Some(i) = nodes.iter().position(|n| n.spec.name.value == p.node.value) else {
                let names = nodes.iter().map(|n| n.spec.name.value.as_str());
                let hint = nearest(&p.node.value, names)
                    .map_or_else(|| "write the name of a node above".to_owned(), |n| format!("did you mean {n}?"));
                d.error(Code::NoSuchNode, p.node.span, format!("no node {:?}", p.node.value), hint);
                continue;
            };
            if !ipam[i].take(p.ip.value) {
                d.error(
                    Code::AddressTaken,
                    p.ip.span,
                    format!("{} is taken, or not in {}'s {}", p.ip.value, p.node.value, nodes[i].pod_cidr),
                    format!("write a free address of {}", nodes[i].pod_cidr),
                );
            }
        }
        let (first, last) = topology.node_ports;
        let used_places = vec![false; topology.pods.len()];
        let load = vec![0; nodes.len()];
        let mut this = Self {
            d,
            ips: ServiceIps::new(topology.service_cidr),
            node_ports: NodePorts::new(first, last),
            topology,
            nodes,
            ipam,
            pods: Vec::new(),
            services: Vec::new(),
            used_places,
            load,
            names: BTreeSet::new(),
        };
        this.system();
        this
    }

    /// What kubeadm brings: kube-dns and the `kubernetes` service.
    fn system(&mut self) {
        let Some(master) = self.nodes.iter().position(|n| n.spec.role == Role::ControlPlane) else { return };
        let labels = Labels::from([("k8s-app".to_owned(), "kube-dns".to_owned())]);
        let port = |name: &str, port, protocol| object::ContainerPort { name: Some(name.to_owned()), port, protocol };
        let dns = Container {
            name: "kubedns".to_owned(),
            image: "k8s.gcr.io/k8s-dns-kube-dns-amd64:1.14.8".to_owned(),
            ports: vec![port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP")],
            own_command: false,
        };
        self.start("kube-system", "kube-dns", &labels, &[dns], "kube-dns", 0, Some(master));
        let dns_ip = self.pods.last().map(|p| p.ip);
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
        let endpoints = |port| dns_ip.map(|ip| at(ip, port)).into_iter().collect::<Vec<_>>();
        self.services.push(RunningService {
            name: "kube-dns".to_owned(),
            namespace: "kube-system".to_owned(),
            kind: ServiceType::ClusterIp,
            traffic: Traffic::default(),
            external_name: None,
            cluster_ip: Some(kube_dns),
            ports: vec![
                Port { name: "dns".to_owned(), protocol: "UDP", port: 53, node_port: None, endpoints: endpoints(53) },
                Port { name: "dns-tcp".to_owned(), protocol: "TCP", port: 53, node_port: None, endpoints: endpoints(53) },
            ],
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
            ports: vec![Port { name: "https".to_owned(), protocol: "TCP", port: 443, node_port: None, endpoints: vec![at(api, 6443)] }],
            selector: Labels::new(),
            span: None,
        });
    }

    fn deployment(&mut self, x: &Deployment) {
        let bound = x.node_name.as_ref().and_then(|n| self.node_named(n));
        if x.node_name.is_some() && bound.is_none() {
            return;
        }
        let workers = self.nodes.iter().any(|n| n.spec.role == Role::Worker);
        if !workers && bound.is_none() && x.replicas.value > 0 {
            self.d.diags.push(Diagnostic::warning(
                Code::NoSuchNode,
                x.replicas.span,
                format!("0/{} nodes are available: the pods stay Pending", self.nodes.len()),
                "add a node with role: worker",
            ));
            return;
        }
        for i in 0..x.replicas.value as usize {
            if !self.start(&x.meta.namespace, &x.meta.name.value, &x.pod_labels, &x.containers, &x.template, i, bound) {
                let message = format!("no IP addresses available for pod {} of {}: it stays ContainerCreating", i + 1, x.replicas.value);
                self.d.diags.push(Diagnostic::warning(
                    Code::AddressesExhausted,
                    x.replicas.span,
                    message,
                    "ask for fewer replicas, or add a node",
                ));
                break;
            }
        }
    }

    fn node_named(&mut self, name: &Spanned<String>) -> Option<usize> {
        let found = self.nodes.iter().position(|n| n.spec.name.value == name.value);
        if found.is_none() {
            let hint = nearest(&name.value, self.nodes.iter().map(|n| n.spec.name.value.as_str()))
                .map_or_else(|| "write the name of a node of the Topology".to_owned(), |n| format!("did you mean {n}?"));
            self.d.diags.push(Diagnostic::warning(
                Code::NoSuchNode,
                name.span,
                format!("no node {:?}: the pods stay Pending", name.value),
                hint,
            ));
        }
        found
    }

    /// Starts a pod: where the topology says, else on the worker with the fewest.
    #[allow(clippy::too_many_arguments, reason = "a pod is made of these seven things")]
    fn start(
        &mut self,
        namespace: &str,
        deployment: &str,
        labels: &Labels,
        containers: &[Container],
        template: &str,
        index: usize,
        bound: Option<usize>,
    ) -> bool {
        let place = self.topology.pods.iter().zip(&self.used_places).position(|(p, used)| !used && p.of.value == deployment);
        let placed = place.map(|i| {
            self.used_places[i] = true;
            self.topology.pods[i].clone()
        });
        let known = placed.as_ref().and_then(|p| Some((self.nodes.iter().position(|n| n.spec.name.value == p.node.value)?, p.ip.value)));
        let (node, ip) = match known {
            Some(x) => x,
            None => {
                let mut workers: Vec<_> =
                    (0..self.nodes.len()).filter(|i| bound.map_or(self.nodes[*i].spec.role == Role::Worker, |b| b == *i)).collect();
                workers.sort_by_key(|i| (self.load[*i], *i));
                let mut found = None;
                for i in workers {
                    if let Some(ip) = self.ipam[i].allocate() {
                        found = Some((i, ip));
                        break;
                    }
                }
                let Some(x) = found else { return false };
                x
            }
        };
        let seed = self.topology.seed;
        let set = format!("{deployment}-{}", naming::template_hash(template));
        let name = match placed.as_ref().and_then(|p| p.suffix.as_deref()) {
            // The hash is told, too.
            Some(s) if s.contains('-') => format!("{deployment}-{s}"),
            Some(s) => format!("{set}-{s}"),
            None => self.free_name(namespace, &set, index),
        };
        // The real name is `veth` and eight random digits; ours are those of the address.
        let [a, b, c, d] = ip.octets();
        let veth = placed
            .as_ref()
            .and_then(|p| p.veth.as_ref())
            .map(|v| v.value.clone())
            .unwrap_or_else(|| format!("veth{a:02x}{b:02x}{c:02x}{d:02x}"));
        let veth_mac = placed.as_ref().and_then(|p| p.veth_mac).unwrap_or_else(|| naming::random_mac(seed, &veth));
        self.load[node] += 1;
        if !self.names.insert((namespace.to_owned(), name.clone())) {
            let span = placed.as_ref().map_or_else(Span::default, |p| p.of.span);
            self.d.error(Code::DuplicateObject, span, format!("pods {name:?} already exists"), "give each place its own suffix");
        }
        self.pods.push(Pod {
            name,
            namespace: namespace.to_owned(),
            deployment: deployment.to_owned(),
            labels: labels.clone(),
            containers: containers.to_vec(),
            node,
            ip,
            veth,
            veth_mac,
            ready: placed.as_ref().is_none_or(|p| p.ready && !p.terminating),
            terminating: placed.as_ref().is_some_and(|p| p.terminating),
        });
        true
    }

    /// A pod's name that no other has, drawn again while it is taken.
    fn free_name(&self, namespace: &str, set: &str, index: usize) -> String {
        let mut draw = index;
        loop {
            let name = format!("{set}-{}", naming::pod_suffix(self.topology.seed, set, draw));
            if !self.names.contains(&(namespace.to_owned(), name.clone())) {
                return name;
            }
            draw += 1 << 20;
        }
    }

    fn services(&mut self, services: &[&Service], slices: &[&Slice]) {
        // What was asked for is taken first, as it was there first.
        for s in services {
            if let Some(ip) = &s.cluster_ip {
                self.asked_ip(ip);
            }
            for (p, i) in s.ports.iter().zip(0..) {
                // Ports of one number, TCP and UDP, may share a node port (`initNodePorts`).
                let shared = s.ports[..i].iter().any(|q| q.port.value == p.port.value && same(q.node_port.as_ref(), p.node_port.as_ref()));
                if let (Some(np), false) = (&p.node_port, shared) {
                    self.asked_node_port(np, i);
                }
            }
        }
        for s in services {
            self.service(s, slices);
        }
        for x in slices {
            let service = services.iter().find(|s| s.meta.namespace == x.namespace && s.meta.name.value == x.service.value);
            let (message, hint) = match service {
                Some(s) if s.selector.value.is_empty() => continue,
                Some(_) => (
                    format!("{} selects its pods: the controller writes its endpoints", x.service.value),
                    "remove this, or the Service's selector",
                ),
                None => {
                    (format!("no Service {:?} has these endpoints", x.service.value), "write a Service of that name without a selector")
                }
            };
            self.d.diags.push(Diagnostic::warning(Code::SelectorMatchesNothing, x.service.span, message, hint));
        }
    }

    fn asked_ip(&mut self, ip: &Spanned<Ipv4Addr>) {
        let range = self.topology.service_cidr;
        if !self.ips.contains(ip.value) {
            let message = format!(
                "spec.clusterIP: Invalid value: \"{}\": provided IP is not in the valid range. The range of valid IPs is {range}",
                ip.value
            );
            self.d.error(Code::ClusterIpRange, ip.span, message, format!("leave the line out, or write an address of {range}"));
        } else if !self.ips.take(ip.value) {
            let message = format!("spec.clusterIP: Invalid value: \"{}\": provided IP is already allocated", ip.value);
            self.d.error(Code::ClusterIpTaken, ip.span, message, "leave the line out, or write a free address");
        }
    }

    fn asked_node_port(&mut self, np: &Spanned<u16>, i: usize) {
        let (first, last) = self.topology.node_ports;
        let bad = format!("spec.ports[{i}].nodePort: Invalid value: {}", np.value);
        if !self.node_ports.contains(np.value) {
            let message = format!("{bad}: provided port is not in the valid range. The range of valid ports is {first}-{last}");
            let near = np.value.clamp(first, last);
            self.d.diags.push(
                Diagnostic::error(Code::NodePortRange, np.span, message, format!("write a port from {first} to {last}, such as {near}"))
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
        let key = format!("{}/{}", s.meta.namespace, s.meta.name.value);
        let seed = self.topology.seed;
        let cluster_ip = match (&s.cluster_ip, s.headless || s.kind == ServiceType::ExternalName) {
            (Some(ip), _) => Some(ip.value),
            (None, true) => None,
            (None, false) => match self.ips.allocate(seed, &key) {
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
            .filter(|i| self.pods[*i].namespace == s.meta.namespace && selects(selector, &self.pods[*i].labels))
            .collect();
        if pods.is_empty() && !selector.is_empty() && s.kind != ServiceType::ExternalName {
            let want: Vec<_> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let labels: BTreeSet<String> = self
                .pods
                .iter()
                .filter(|p| p.namespace == s.meta.namespace)
                .flat_map(|p| p.labels.iter().map(|(k, v)| format!("{k}: {v}")))
                .collect();
            let have: Vec<_> = labels.into_iter().collect();
            let near = selector.iter().find_map(|(k, v)| nearest(&format!("{k}: {v}"), have.iter().map(String::as_str)).map(str::to_owned));
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
                        .find(|c| c.name.as_deref() == Some(&name.value) && c.protocol == p.protocol)
                        .map(|c| c.port),
                };
                endpoints.extend(port.map(|port| Endpoint {
                    addr: pod.ip,
                    port,
                    node: Some(pod.node),
                    ready: pod.ready || s.traffic.publish_not_ready,
                    serving: pod.ready || pod.terminating || s.traffic.publish_not_ready,
                    terminating: pod.terminating,
                    zones: Vec::new(),
                    nodes: Vec::new(),
                }));
            }
            if let (TargetPort::Name(name), true, false) = (&p.target, endpoints.is_empty(), pods.is_empty()) {
                let names: Vec<_> =
                    pods.iter().flat_map(|i| &self.pods[*i].containers).flat_map(|c| &c.ports).filter_map(|c| c.name.as_deref()).collect();
                let hint = nearest(&name.value, names.iter().copied())
                    .map_or_else(|| "name a container's port so, or write its number".to_owned(), |n| format!("did you mean {n}?"));
                self.d.diags.push(Diagnostic::warning(
                    Code::TargetPortUnknown,
                    name.span,
                    format!("no selected pod has a port named {:?}: the Service has no endpoints", name.value),
                    hint,
                ));
            }
            // By the text of the address (`LessEndpointAddress`): .10 stands before .4.
            endpoints.sort_by_cached_key(|e| (e.addr.to_string(), e.port));
            self.hint(s, &mut endpoints);
            let node_port = match &p.node_port {
                Some(np) => Some(np.value),
                None if s.allocates_node_ports => self.free_node_port(s, &key, p, &ports),
                None => None,
            };
            ports.push(Port { name: p.name.clone(), protocol: p.protocol, port: p.port.value, node_port, endpoints });
        }
        let mut traffic = s.traffic.clone();
        if s.kind == ServiceType::LoadBalancer && traffic.external_local && traffic.health_check.is_none() {
            traffic.health_check = self.node_ports.allocate(seed, &format!("{key}/healthCheckNodePort"));
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
        let mine = |x: &&&Slice| s.selector.value.is_empty() && x.namespace == s.meta.namespace && x.service.value == s.meta.name.value;
        let mut out = Vec::new();
        for x in slices.iter().filter(mine) {
            for (_, _, port) in x.ports.iter().filter(|(name, protocol, _)| *name == p.name && *protocol == p.protocol) {
                out.extend(x.endpoints.iter().map(|e| Endpoint {
                    addr: e.addr,
                    port: *port,
                    node: e.node.as_ref().and_then(|n| self.nodes.iter().position(|x| x.spec.name.value == *n)),
                    ready: e.ready,
                    serving: e.serving,
                    terminating: e.terminating,
                    zones: e.zones.clone(),
                    nodes: e.nodes.clone(),
                }));
            }
        }
        out
    }

    /// The hints of the EndpointSlice controller: each endpoint for its own zone, or its own node
    /// (`trafficDistribution`).
    fn hint(&self, s: &Service, endpoints: &mut [Endpoint]) {
        let Some(distribution) = s.traffic.distribution else { return };
        for e in endpoints {
            let Some(node) = e.node.and_then(|n| self.nodes.get(n)) else { continue };
            e.zones = node.spec.zone.iter().cloned().collect();
            if distribution == Distribution::Node {
                e.nodes = vec![node.spec.name.value.clone()];
            }
        }
    }

    /// The node port of a port that asks for none: that of its number's other protocol, else a free one.
    fn free_node_port(&mut self, s: &Service, key: &str, port: &object::ServicePort, before: &[Port]) -> Option<u16> {
        let asked = s.ports.iter().filter(|q| q.port.value == port.port.value).find_map(|q| q.node_port.as_ref().map(|n| n.value));
        let given = asked.or_else(|| before.iter().find(|q| q.port == port.port.value).and_then(|q| q.node_port));
        let found = given.or_else(|| self.node_ports.allocate(self.topology.seed, &format!("{key}:{}", port.name)));
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

    fn finish(mut self) -> Cluster {
        self.services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        for (p, used) in self.topology.pods.iter().zip(&self.used_places) {
            if !used {
                self.d.diags.push(Diagnostic::warning(
                    Code::NoSuchNode,
                    p.of.span,
                    format!("no pod of {:?} is left for this place", p.of.value),
                    "remove it, or ask for more replicas",
                ));
            }
        }
        Cluster { topology: self.topology, nodes: self.nodes, pods: self.pods, services: self.services }
    }
}

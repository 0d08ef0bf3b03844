//! From a text to a running cluster: what the API server, the scheduler, the controllers and IPAM
//! decide.

mod running;
mod services;
mod system;

pub use running::after;

use crate::decode::{Decoder, Spanned};
use crate::diag::{Code, Diagnostic, Severity, Span, bounded, nearest};
use crate::ipam::{HostLocal, NodePorts, ServiceIps, pod_cidrs};
use crate::naming;
use crate::object::{self, Container, Deployment, Labels, Object, ServiceType, Slice, Traffic};
use crate::topology::{self, Role, Topology};
use crate::yaml;
use ipnet::Ipv4Net;
use litemap::LiteMap;
use net::wire::Mac;
use running::Before;
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
    /// The hash of its template.
    pub template_hash: String,
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
    /// The MAC of its eth0: `0a:58` and its address by CNI plugins up to 0.6; else drawn.
    pub mac: Mac,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is on its way out.
    pub terminating: bool,
}

impl Pod {
    /// Whether it is one of a Deployment's, of this template, where the Deployment is bound to.
    fn is_of(
        &self,
        namespace: &str,
        deployment: &str,
        template_hash: &str,
        bound: Option<usize>,
    ) -> bool {
        self.namespace == namespace
            && self.deployment == deployment
            && self.template_hash == template_hash
            && bound.is_none_or(|b| b == self.node)
    }

    /// The name of its network namespace here: unique in the cluster.
    pub fn netns(&self) -> String {
        if self.namespace == "default" {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
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

/// A pod of kube-system that uses its node's own network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPod {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: &'static str,
    /// The number of its node.
    pub node: usize,
}

/// A port of a service with its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        self.cluster_ip.map(IpAddr::from) == Some(addr)
            || t.external_ips.contains(&addr)
            || t.ingress.iter().any(|(a, _)| *a == addr)
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
    /// Pods that use their node's own network.
    pub host_pods: Vec<HostPod>,
    /// Services, by namespace and name.
    pub services: Vec<RunningService>,
    /// What was given out so far.
    pub(crate) ledger: Ledger,
}

/// What was given out so far, and is not given again at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// The addresses of each node's pod network, by the node's name.
    ipam: LiteMap<String, HostLocal>,
    /// How many pods each set has had.
    drawn: LiteMap<String, usize>,
}

/// The cluster a text describes, and everything that is wrong with the text. No cluster if there
/// is an error.
pub fn build(text: &str) -> (Option<Cluster>, Vec<Diagnostic>) {
    let (docs, diags) = yaml::parse(text);
    let mut d = Decoder { diags, known: None };
    let cluster = make(&mut d, &docs, None);
    finish(cluster, d.diags)
}

fn finish(
    cluster: Option<Cluster>,
    mut diags: Vec<Diagnostic>,
) -> (Option<Cluster>, Vec<Diagnostic>) {
    diags.sort_by_key(|x| (x.span.start, x.severity));
    let broken = diags.iter().any(|x| x.severity == Severity::Error);
    (cluster.filter(|_| !broken), bounded(diags))
}

/// Reads a text for what could stand in it.
pub(crate) fn read(d: &mut Decoder, text: &str) {
    let (docs, _) = yaml::parse(text);
    make(d, &docs, None);
}

fn make(d: &mut Decoder, docs: &[yaml::YamlNode], before: Option<Before<'_>>) -> Option<Cluster> {
    let mut topology = None;
    let mut objects: Vec<Object> = Vec::new();
    let mut queue: std::collections::VecDeque<&yaml::YamlNode> = docs.iter().collect();
    while let Some(doc) = queue.pop_front() {
        let Some(mut t) = object::typed(d, doc) else { continue };
        if t.kind.value == "List" {
            for item in t.fields.get("items").map_or(&[][..], |n| d.items(n, "items")).iter().rev()
            {
                queue.push_front(item);
            }
            let fields = t.fields.not_simulated(&["metadata"]);
            d.finish(fields);
            continue;
        }
        let own = matches!(t.kind.value.as_str(), "Topology" | "Script");
        if own && t.api_version != "packetwalk.dev/v1alpha1" {
            let message =
                format!("no matches for kind {:?} in version {:?}", t.kind.value, t.api_version);
            d.error(
                Code::UnknownKind,
                t.kind.span,
                message,
                "write apiVersion: packetwalk.dev/v1alpha1",
            );
        }
        // What is done in the cluster changes nothing of it.
        if t.kind.value == "Script" {
            continue;
        }
        if t.kind.value == "Topology" {
            if topology.is_some() {
                d.error(
                    Code::DuplicateObject,
                    t.kind.span,
                    "a second Topology",
                    "keep one of them",
                );
                continue;
            }
            topology = topology::decode(d, t.fields);
            continue;
        }
        objects.extend(object::decode(d, t));
    }
    duplicates(d, &objects);
    let mut make = Maker::new(d, topology.unwrap_or_default(), before);
    for o in &objects {
        if let Object::Deployment(x) = o {
            make.deployment(x);
        }
    }
    let services: Vec<_> = objects
        .iter()
        .filter_map(|o| if let Object::Service(s) = o { Some(s) } else { None })
        .collect();
    let slices: Vec<&Slice> = objects
        .iter()
        .flat_map(|o| if let Object::Slices(all) = o { all.as_slice() } else { &[] })
        .collect();
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
    let mut seen: LiteMap<_, Span> = LiteMap::new();
    for (k, span) in objects.iter().filter_map(key) {
        let message = format!("{} \"{}\" already exists", k.0, k.2);
        if let Some(first) = seen.insert(k, span) {
            d.error(
                Code::DuplicateObject,
                span,
                message,
                format!("the first one is in line {}; give this one another name", first.line),
            );
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
    /// The cluster that runs already.
    before: Option<Before<'a>>,
    /// Its pods that nobody has taken over yet.
    staying: Vec<Pod>,
    /// How many pods each set has had.
    drawn: LiteMap<String, usize>,
    /// Pods on each node.
    load: Vec<usize>,
    /// Namespaces and names of pods.
    names: LiteMap<(String, String), ()>,
}

impl<'a> Maker<'a> {
    fn new(d: &'a mut Decoder, topology: Topology, before: Option<Before<'a>>) -> Self {
        let seed = topology.seed;
        let mut nodes = Vec::new();
        let had = |name: &str| before.as_ref().and_then(|b| b.pod_cidr(name));
        let mut cidrs =
            pod_cidrs(topology.pod_cidr).filter(|c| before.as_ref().is_none_or(|b| !b.uses(*c)));
        for n in &topology.nodes {
            let Some(pod_cidr) = had(&n.name.value).or_else(|| cidrs.next()) else {
                d.error(
                    Code::AddressesExhausted,
                    n.name.span,
                    "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range",
                    "choose a larger podCIDR, or fewer nodes",
                );
                break;
            };
            let name = &n.name.value;
            let mac = |given: Option<Mac>, what: &str| {
                given.unwrap_or_else(|| naming::random_mac(seed, &format!("{name}/{what}")))
            };
            nodes.push(Node {
                pod_cidr,
                mac: mac(n.nic.mac, "nic"),
                vtep_mac: mac(n.vtep_mac, "flannel"),
                docker_mac: mac(n.docker_mac, "docker0"),
                spec: n.clone(),
            });
        }
        let fresh = |n: &Node| {
            before
                .as_ref()
                .and_then(|b| b.ipam(&n.spec.name.value))
                .unwrap_or_else(|| HostLocal::new(n.pod_cidr))
        };
        let mut ipam: Vec<_> = nodes.iter().map(fresh).collect();
        // A place was taken when the cluster began; it says no more than how its pod is.
        let used_places: Vec<bool> =
            topology.pods.iter().map(|p| before.as_ref().is_some_and(|b| b.has_place(p))).collect();
        for p in topology.pods.iter().zip(&used_places).filter(|(_, used)| !**used).map(|(p, _)| p)
        {
            let Some(i) = nodes.iter().position(|n| n.spec.name.value == p.node.value) else {
                let names = nodes.iter().map(|n| n.spec.name.value.as_str());
                let hint = nearest(&p.node.value, names).map_or_else(
                    || "write the name of a node above".to_owned(),
                    |n| format!("did you mean {n}?"),
                );
                d.error(Code::NoSuchNode, p.node.span, format!("no node {:?}", p.node.value), hint);
                continue;
            };
            if !ipam[i].take(p.ip.value) {
                d.error(
                    Code::AddressTaken,
                    p.ip.span,
                    format!(
                        "{} is taken, or not in {}'s {}",
                        p.ip.value, p.node.value, nodes[i].pod_cidr
                    ),
                    format!("write a free address of {}", nodes[i].pod_cidr),
                );
            }
        }
        let (first, last) = topology.node_ports;
        let staying = before.as_ref().map_or_else(Vec::new, |b| b.staying(&topology, &nodes));
        let load =
            (0..nodes.len()).map(|i| staying.iter().filter(|p| p.node == i).count()).collect();
        let drawn = before.as_ref().map_or_else(LiteMap::new, |b| b.cluster.ledger.drawn.clone());
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
            before,
            staying,
            drawn,
            load,
            names: LiteMap::new(),
        };
        this.system();
        this
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
        let hash = naming::template_hash(&x.template);
        let stay = self
            .staying
            .iter()
            .filter(|p| p.is_of(&x.meta.namespace, &x.meta.name.value, &hash, bound))
            .count();
        for i in 0..x.replicas.value {
            if i as usize >= stay && !self.has_room(&x.containers, bound) {
                let n = self.nodes.len();
                self.d.diags.push(Diagnostic::warning(
                    Code::AddressesExhausted,
                    x.replicas.span,
                    format!(
                        "0/{n} nodes are available: no node has the requested hostPort free for pod {} of {}: it stays Pending",
                        i + 1,
                        x.replicas.value
                    ),
                    "ask for fewer replicas, or leave hostPort out",
                ));
                break;
            }
            if !self.start(
                &x.meta.namespace,
                &x.meta.name.value,
                &x.pod_labels,
                &x.containers,
                &x.template,
                bound,
            ) {
                let message = format!(
                    "no IP addresses available for pod {} of {}: it stays ContainerCreating",
                    i + 1,
                    x.replicas.value
                );
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
                .map_or_else(
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

    /// Whether a node has the host ports of a pod free.
    fn is_free(&self, node: usize, containers: &[Container]) -> bool {
        let wanted = |all: &[Container]| {
            all.iter()
                .flat_map(|c| &c.ports)
                .filter_map(|p| Some((p.host_port?, p.protocol)))
                .collect::<Vec<_>>()
        };
        let mine = wanted(containers);
        mine.is_empty()
            || !self
                .pods
                .iter()
                .chain(&self.staying)
                .filter(|p| p.node == node)
                .any(|p| wanted(&p.containers).iter().any(|x| mine.contains(x)))
    }

    /// The nodes on which a pod can start.
    fn candidates<'s>(
        &'s self,
        containers: &'s [Container],
        bound: Option<usize>,
    ) -> impl Iterator<Item = usize> + 's {
        let may =
            move |i: &usize| bound.map_or(self.nodes[*i].spec.role == Role::Worker, |b| b == *i);
        (0..self.nodes.len()).filter(may).filter(|i| self.is_free(*i, containers))
    }

    /// Whether a pod can start anywhere.
    fn has_room(&self, containers: &[Container], bound: Option<usize>) -> bool {
        self.candidates(containers, bound).next().is_some()
    }

    /// Starts a pod: where the topology says, else on the worker with the fewest. One that runs
    /// already stays.
    fn start(
        &mut self,
        namespace: &str,
        deployment: &str,
        labels: &Labels,
        containers: &[Container],
        template: &str,
        bound: Option<usize>,
    ) -> bool {
        let template_hash = naming::template_hash(template);
        if let Some(i) =
            self.staying.iter().position(|p| p.is_of(namespace, deployment, &template_hash, bound))
        {
            let pod = self.staying.remove(i);
            self.names.insert((pod.namespace.clone(), pod.name.clone()), ());
            self.pods.push(pod);
            return true;
        }
        // What serves DNS was kube-dns, and is CoreDNS: a place is for either.
        let dns = ["kube-dns", "coredns"];
        let named = |of: &str| {
            of == deployment
                || (namespace == "kube-system" && dns.contains(&of) && dns.contains(&deployment))
        };
        let place = self
            .topology
            .pods
            .iter()
            .zip(&self.used_places)
            .position(|(p, used)| !used && named(&p.of.value));
        let placed = place.map(|i| {
            self.used_places[i] = true;
            self.topology.pods[i].clone()
        });
        let known = placed.as_ref().and_then(|p| {
            Some((self.nodes.iter().position(|n| n.spec.name.value == p.node.value)?, p.ip.value))
        });
        let (node, ip) = match known {
            Some(x) => x,
            None => {
                let mut workers: Vec<_> = self.candidates(containers, bound).collect();
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
        let set = format!("{deployment}-{template_hash}");
        let key = format!("{namespace}/{set}");
        let index = self.drawn.get(&key).copied().unwrap_or(0);
        self.drawn.insert(key, index + 1);
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
        let veth_mac = placed
            .as_ref()
            .and_then(|p| p.veth_mac)
            .unwrap_or_else(|| naming::random_mac(seed, &veth));
        let mac = if self.topology.version.random_macs() {
            naming::random_mac(seed, &format!("{veth}/eth0"))
        } else {
            Mac([0x0a, 0x58, a, b, c, d])
        };
        self.load[node] += 1;
        if self.names.insert((namespace.to_owned(), name.clone()), ()).is_some() {
            let span = placed.as_ref().map_or_else(Span::default, |p| p.of.span);
            self.d.error(
                Code::DuplicateObject,
                span,
                format!("pods {name:?} already exists"),
                "give each place its own suffix",
            );
        }
        self.pods.push(Pod {
            name,
            namespace: namespace.to_owned(),
            deployment: deployment.to_owned(),
            labels: labels.clone(),
            template_hash,
            containers: containers.to_vec(),
            node,
            ip,
            veth,
            veth_mac,
            mac,
            ready: placed.as_ref().is_none_or(|p| p.ready),
            terminating: placed.as_ref().is_some_and(|p| p.terminating),
        });
        true
    }

    /// A pod's name that no other has, drawn again while it is taken.
    fn free_name(&self, namespace: &str, set: &str, index: usize) -> String {
        let mut draw = index;
        loop {
            let name = format!("{set}-{}", naming::pod_suffix(self.topology.seed, set, draw));
            if !self.names.contains_key(&(namespace.to_owned(), name.clone())) {
                return name;
            }
            draw += 1 << 20;
        }
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
        let host_pods = self.host_pods();
        let ipam = self.nodes.iter().map(|n| n.spec.name.value.clone()).zip(self.ipam).collect();
        let ledger = Ledger { ipam, drawn: self.drawn };
        Cluster {
            topology: self.topology,
            nodes: self.nodes,
            pods: self.pods,
            host_pods,
            services: self.services,
            ledger,
        }
    }
}

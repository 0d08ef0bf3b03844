//! The control plane: from a document to a running cluster, and from one running cluster to the
//! next.
//!
//! A document's objects pass the API server (defaults, validation, allocation of cluster IPs and
//! node ports), the controllers of workloads and the scheduler, IPAM and kubelet's probes, and the
//! EndpointSlice controller.

mod endpoints;
mod nodes;
mod pods;
mod previous;
pub mod rollout;
mod scheduler;
mod services;
mod system;
mod text;
mod workloads;

pub use previous::after;

use crate::cluster::{Allocated, Cluster, IdlePod, Node, Pod, RunningService, RunningWorkload};
use crate::decode::Decoder;
use crate::diag::{Code, Diagnostic, Severity, Span, limited, nearest};
use crate::fields;
use crate::ipam::{HostLocal, NodePorts, ServiceIps};
use crate::object::{self, ManualSlice, Object, Service};
use crate::topology::{self, Topology};
use crate::yaml::{self, YamlNode};
use pods::Targets;
use previous::Previous;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use text::TextPods;

/// The cluster that a text describes, and every fault of the text. No cluster if one is an error.
pub fn build(text: &str) -> (Option<Cluster>, Vec<Diagnostic>) {
    let (docs, diags) = yaml::parse(text);
    let mut d = Decoder { diags, accepted: None };
    let cluster = build_cluster(&mut d, &docs, None);
    finish(cluster, d.diags)
}

fn finish(cluster: Cluster, mut diags: Vec<Diagnostic>) -> (Option<Cluster>, Vec<Diagnostic>) {
    diags.sort_by_key(|x| (x.span.start, x.severity));
    let broken = diags.iter().any(|x| x.severity == Severity::Error);
    ((!broken).then_some(cluster), limited(diags))
}

/// Decodes a document for what `d` records about it.
pub(crate) fn decode(d: &mut Decoder, doc: &YamlNode) {
    contents(d, std::slice::from_ref(doc));
}

/// The objects of a text, and its Topology.
#[derive(Default)]
struct Contents {
    topology: Option<Topology>,
    objects: Vec<Object>,
}

fn contents(d: &mut Decoder, docs: &[YamlNode]) -> Contents {
    let mut out = Contents::default();
    let mut queue: VecDeque<&YamlNode> = docs.iter().collect();
    while let Some(doc) = queue.pop_front() {
        let Some(mut t) = object::typed(d, doc) else { continue };
        if t.kind.value == "List" {
            let items = t.fields.get("items").map_or(&[][..], |n| d.items(n, "items"));
            items.iter().rev().for_each(|item| queue.push_front(item));
            let fields = t.fields.not_simulated(&["metadata"]);
            d.finish(fields);
            continue;
        }
        if fields::kind(&t.kind.value).is_some() && t.api_version != fields::API_VERSION {
            d.error(
                Code::UnknownKind,
                t.kind.span,
                format!("no matches for kind {:?} in version {:?}", t.kind.value, t.api_version),
                format!("write apiVersion: {}", fields::API_VERSION),
            );
        }
        match t.kind.value.as_str() {
            // A Script does not change the cluster it is played in.
            "Script" => {}
            "Topology" if out.topology.is_some() => d.error(
                Code::DuplicateObject,
                t.kind.span,
                "more than one Topology",
                "keep one of them",
            ),
            "Topology" => out.topology = topology::decode(d, t.fields),
            _ => out.objects.extend(object::decode(d, t)),
        }
    }
    report_duplicates(d, &out.objects);
    out
}

fn report_duplicates(d: &mut Decoder, objects: &[Object]) {
    let key = |o: &Object| {
        let (resource, meta) = match o {
            Object::Workload(x) => (x.kind.resource(), &x.meta),
            Object::Pod(x) => ("pods", &x.meta),
            Object::Node(x) => ("nodes", &x.meta),
            Object::Service(x) => ("services", &x.meta),
            Object::Slices(_) => return None,
        };
        Some(((resource, meta.namespace.clone(), meta.name.value.clone()), meta.name.span))
    };
    let mut seen: BTreeMap<_, Span> = BTreeMap::new();
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

fn build_cluster(d: &mut Decoder, docs: &[YamlNode], previous: Option<Previous<'_>>) -> Cluster {
    let Contents { topology, objects } = contents(d, docs);
    let of_nodes = if topology.is_none() { nodes::topology_of(&objects) } else { None };
    let bare = of_nodes.is_some();
    let topology = topology.or(of_nodes).unwrap_or_default();
    let mut services: Vec<&Service> = Vec::new();
    let mut slices: Vec<&ManualSlice> = Vec::new();
    for o in &objects {
        match o {
            Object::Service(s) => services.push(s),
            Object::Slices(all) => slices.extend(all),
            Object::Workload(_) | Object::Pod(_) | Object::Node(_) => {}
        }
    }
    let nodes = nodes::allocate_nodes(d, &topology, &objects, bare, previous.as_ref());
    let mut control_plane = ControlPlane::new(d, topology, nodes, previous);
    control_plane.targets = pods::targets(&services);
    control_plane.system();
    let text = TextPods::new(&objects);
    control_plane.reserve_text(&text);
    control_plane.text_pods(&text);
    for o in &objects {
        if let Object::Workload(x) = o {
            control_plane.workload(x, &text);
        }
    }
    control_plane.services(&services, &slices);
    control_plane.finish()
}

/// A cluster while its controllers work.
struct ControlPlane<'a> {
    d: &'a mut Decoder,
    topology: Topology,
    nodes: Vec<Node>,
    /// The pod addresses of each node.
    addresses: Vec<HostLocal>,
    /// All running pods, those of the nodes' own networks included.
    pods: Vec<Pod>,
    idle_pods: Vec<IdlePod>,
    workloads: Vec<RunningWorkload>,
    services: Vec<RunningService>,
    /// What Services target in pods.
    targets: Targets<'a>,
    ips: ServiceIps,
    node_ports: NodePorts,
    /// For each item of the Topology's `pods`, whether a pod was created from it.
    used_placements: Vec<bool>,
    /// The running cluster that changes.
    previous: Option<Previous<'a>>,
    /// Its pods that no controller has claimed yet.
    remaining: Vec<Pod>,
    /// Pods of the text that `kubectl delete pod` removed.
    deleted: BTreeSet<String>,
    /// Addresses that are reserved for pods of the text.
    text_addresses: BTreeSet<Ipv4Addr>,
    /// The number of pods created, by namespace and ReplicaSet.
    created: BTreeMap<String, usize>,
    /// The number of pods on each node.
    load: Vec<usize>,
    /// Namespaces and names of pods.
    pod_names: BTreeSet<(String, String)>,
}

impl<'a> ControlPlane<'a> {
    fn new(
        d: &'a mut Decoder,
        topology: Topology,
        nodes: Vec<Node>,
        previous: Option<Previous<'a>>,
    ) -> Self {
        let mut addresses: Vec<_> = nodes
            .iter()
            .map(|n| {
                let kept = previous.as_ref().and_then(|p| p.addresses(&n.spec.name.value));
                kept.unwrap_or_else(|| HostLocal::new(n.pod_cidr))
            })
            .collect();
        let used_placements: Vec<bool> = topology
            .pods
            .iter()
            .map(|p| previous.as_ref().is_some_and(|b| b.has_placement(p)))
            .collect();
        let unused = topology.pods.iter().zip(&used_placements).filter(|(_, used)| !**used);
        for (p, _) in unused {
            let Some(i) = nodes.iter().position(|n| n.spec.name.value == p.node.value) else {
                let names = nodes.iter().map(|n| n.spec.name.value.as_str());
                let hint = nearest(&p.node.value, names).map_or_else(
                    || "write the name of a node of the Topology".to_owned(),
                    |n| format!("did you mean {n}?"),
                );
                d.error(Code::NoSuchNode, p.node.span, format!("no node {:?}", p.node.value), hint);
                continue;
            };
            if !addresses[i].take(p.ip.value) {
                let (ip, cidr) = (p.ip.value, nodes[i].pod_cidr);
                let why = if cidr.contains(&ip) {
                    format!("{ip} is already assigned, or reserved, in {cidr}")
                } else {
                    format!("{ip} is not in {cidr}, the pod network of {}", p.node.value)
                };
                let hint = format!("write a free address of {cidr}");
                d.error(Code::AddressTaken, p.ip.span, why, hint);
            }
        }
        let (first, last) = topology.node_ports;
        let remaining = previous.as_ref().map_or_else(Vec::new, |b| b.remaining(&topology, &nodes));
        let load =
            (0..nodes.len()).map(|i| remaining.iter().filter(|p| p.node == i).count()).collect();
        let created =
            previous.as_ref().map(|b| b.cluster.allocated.created.clone()).unwrap_or_default();
        let deleted = previous.as_ref().map(Previous::deleted).unwrap_or_default();
        Self {
            d,
            ips: ServiceIps::new(topology.service_cidr),
            node_ports: NodePorts::new(first, last),
            topology,
            nodes,
            addresses,
            pods: Vec::new(),
            idle_pods: Vec::new(),
            workloads: Vec::new(),
            services: Vec::new(),
            targets: Vec::new(),
            used_placements,
            previous,
            remaining,
            deleted,
            text_addresses: BTreeSet::new(),
            created,
            load,
            pod_names: BTreeSet::new(),
        }
    }

    fn finish(mut self) -> Cluster {
        self.services.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        for (p, used) in self.topology.pods.iter().zip(&self.used_placements) {
            if !used {
                self.d.diags.push(Diagnostic::warning(
                    Code::NoSuchNode,
                    p.of.span,
                    format!("{:?} has no pod left for this entry", p.of.value),
                    "remove this entry, or increase replicas",
                ));
            }
        }
        let host_pods = self.host_pods();
        let (own, pods): (Vec<_>, Vec<_>) =
            self.pods.into_iter().partition(|p| p.spec.host_network);
        let names = self.nodes.iter().map(|n| n.spec.name.value.clone());
        let allocated = Allocated {
            addresses: names.zip(self.addresses).collect(),
            created: self.created,
            deleted: self.deleted,
        };
        Cluster {
            topology: self.topology,
            nodes: self.nodes,
            pods,
            host_pods: host_pods.into_iter().chain(own).collect(),
            idle_pods: self.idle_pods,
            workloads: self.workloads,
            services: self.services,
            allocated,
        }
    }
}

//! The control plane: from a document to a running cluster, and from one running cluster to the
//! next.
//!
//! A document's objects pass the API server (defaults, validation, allocation of cluster IPs and
//! node ports), the controllers of workloads and the scheduler, IPAM and kubelet's probes, and the
//! EndpointSlice controller.

mod balancers;
mod endpoints;
mod new_pod;
mod nodes;
mod pods;
mod previous;
pub mod rollout;
mod scheduler;
mod servicelb;
mod services;
mod system;
mod text;
mod workloads;

pub use previous::after;

use crate::cluster::{Allocated, Cluster, IdlePod, Node, Pod, RunningService, RunningWorkload};
use crate::decode::Decoder;
use crate::diag::{Code, Diagnostic, Severity, Span, folded, limited, nearest};
use crate::fields;
use crate::ipam::{HostLocal, NodePorts, ServiceIps};
use crate::object::{self, ManualSlice, Object, Service};
use crate::release::Release;
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
    let mut d = Decoder { diags, ..Decoder::default() };
    let cluster = build_cluster(&mut d, &docs, None);
    finish(cluster, d)
}

fn finish(cluster: Cluster, d: Decoder) -> (Option<Cluster>, Vec<Diagnostic>) {
    let mut diags = d.diags;
    diags.extend(folded(d.noted));
    diags.sort_by_key(|x| (x.span.start, x.severity));
    let broken = diags.iter().any(|x| x.severity == Severity::Error);
    ((!broken).then_some(cluster), limited(diags))
}

/// Decodes a document for what `d` records about it.
pub(crate) fn decode(d: &mut Decoder, doc: &YamlNode) {
    decode_for(d, doc, Release::default());
}

/// Decodes a document for a release's API server.
pub(crate) fn decode_for(d: &mut Decoder, doc: &YamlNode, release: Release) {
    contents(d, std::slice::from_ref(doc), release);
}

/// The objects of a text, and its Topology.
#[derive(Default)]
struct Contents {
    topology: Option<Topology>,
    objects: Vec<Object>,
}

/// The release of a text's Topology, which decides what its objects may contain.
pub(crate) fn release_of(docs: &[YamlNode]) -> Release {
    let is_topology = |doc: &&YamlNode| doc.get("kind").is_some_and(|k| k.text() == "Topology");
    let versions = docs.iter().filter(is_topology);
    let mut versions = versions.filter_map(|doc| doc.at(&["spec", "kubernetes", "version"]));
    versions.find_map(|v| Release::parse(v.text())).unwrap_or_default()
}

fn contents(d: &mut Decoder, docs: &[YamlNode], release: Release) -> Contents {
    let mut out = Contents::default();
    d.release = release;
    let mut queue: VecDeque<Item<'_>> = docs.iter().map(|doc| (doc, None)).collect();
    while let Some((doc, implied)) = queue.pop_front() {
        let implied = implied.as_ref().map(|(v, k)| (v.as_str(), k.as_str()));
        let Some(t) = object::typed_as(d, doc, implied) else { continue };
        if let Some(items) = list_items(d, doc, &t) {
            items.into_iter().rev().for_each(|item| queue.push_front(item));
            continue;
        }
        let own = fields::kind(&t.kind.value).is_some();
        if own && t.api_version.value != fields::API_VERSION {
            d.error(
                Code::UnknownKind,
                t.kind.span,
                format!(
                    "no matches for kind {:?} in version {:?}",
                    t.kind.value, t.api_version.value
                ),
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
    out.objects = last_of_each(d, std::mem::take(&mut out.objects));
    out
}

/// An item of a list, with the apiVersion and kind that it may omit.
type Item<'a> = (&'a YamlNode, Option<(String, String)>);

/// The items of a List, or of the list of one kind.
fn list_items<'a>(
    d: &mut Decoder,
    doc: &'a YamlNode,
    t: &object::Typed<'a>,
) -> Option<Vec<Item<'a>>> {
    let of_kind = t.kind.value.strip_suffix("List")?;
    let items = doc.get("items");
    if of_kind.is_empty() && t.api_version.value != "v1" || !of_kind.is_empty() && items.is_none() {
        return None;
    }
    let implied = (!of_kind.is_empty()).then(|| (t.api_version.value.clone(), of_kind.to_owned()));
    let keys = ["apiVersion", "kind", "metadata", "items"];
    for (key, _) in doc.pairs().iter().filter(|(k, _)| !keys.contains(&k.text())) {
        d.error(
            Code::UnknownField,
            key.span,
            format!("unknown field \"{}\"", key.text()),
            "the fields here are apiVersion, kind, metadata, items",
        );
    }
    let items = items.map_or(&[][..], |n| d.items(n, "items"));
    Some(items.iter().map(|item| (item, implied.clone())).collect())
}

/// Of objects of one name the last, as `kubectl apply -f` applies them in turn; the others are
/// noted.
fn last_of_each(d: &mut Decoder, objects: Vec<Object>) -> Vec<Object> {
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
    let mut last: BTreeMap<_, Span> = BTreeMap::new();
    last.extend(objects.iter().filter_map(key));
    let mut keep = |o: &Object| {
        let Some((k, span)) = key(o) else { return true };
        let later = last[&k];
        if later != span {
            d.diags.push(Diagnostic::note(
                Code::DuplicateObject,
                span,
                format!("{} \"{}\" is defined again in line {}", k.0, k.2, later.line),
                "the later one replaces this one, as with kubectl apply; remove one of them",
            ));
        }
        later == span
    };
    objects.into_iter().filter(|o| keep(o)).collect()
}

fn build_cluster(d: &mut Decoder, docs: &[YamlNode], previous: Option<Previous<'_>>) -> Cluster {
    let Contents { topology, mut objects } = contents(d, docs, release_of(docs));
    if topology.is_none() {
        nodes::forget_foreign_addresses(d, &mut objects);
    }
    let of_nodes = if topology.is_none() { nodes::topology_of(&objects) } else { None };
    let bare = of_nodes.is_some();
    let is_described = topology.is_some();
    let mut topology = topology.or(of_nodes).unwrap_or_default();
    let mut services: Vec<&Service> = Vec::new();
    let mut slices: Vec<&ManualSlice> = Vec::new();
    for o in &objects {
        match o {
            Object::Service(s) => services.push(s),
            Object::Slices(all) => slices.extend(all),
            Object::Workload(_) | Object::Pod(_) | Object::Node(_) => {}
        }
    }
    if !is_described {
        topology.service_cidr = services::range_of(&services, &topology, bare);
    }
    let nodes = nodes::allocate_nodes(d, &topology, &objects, bare, previous.as_ref());
    let mut control_plane = ControlPlane::new(d, topology, nodes, previous);
    control_plane.targets = pods::targets(&services);
    if !system::has_dns(&objects) {
        control_plane.system_pods();
    }
    let text = TextPods::new(&objects);
    control_plane.reserve_text(&text);
    control_plane.text_pods(&text);
    for o in &objects {
        if let Object::Workload(x) = o {
            control_plane.workload(x, &text);
        }
    }
    control_plane.service_lb(&services, &objects, &text);
    control_plane.system_services(&services);
    control_plane.services(&services, &slices);
    control_plane.balancers(&services);
    control_plane.api_endpoints();
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
    /// Endpoints of the text that its pods do not have: where, and the Service.
    outdated: Vec<(Span, String)>,
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
            outdated: Vec::new(),
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
            if !used && !self.d.lacks_pods {
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

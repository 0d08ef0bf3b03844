//! The Deployment controller, the scheduler and the CNI's IPAM: which pods run, where, and with
//! which address.

use super::ControlPlane;
use crate::cluster::{Pod, host_ports};
use crate::decode::Spanned;
use crate::diag::{Code, Diagnostic, Span, nearest};
use crate::naming;
use crate::object::{Container, Deployment, Labels};
use crate::topology::Role;
use net::wire::Mac;

/// What a pod to create has from its Deployment.
pub(super) struct PodTemplate<'t> {
    pub(super) namespace: &'t str,
    pub(super) deployment: &'t str,
    pub(super) labels: &'t Labels,
    pub(super) containers: &'t [Container],
    /// Hash of the template in the names of its ReplicaSet and of the pod.
    pub(super) hash: String,
    /// The index of the node that `nodeName` names.
    pub(super) bound: Option<usize>,
}

impl PodTemplate<'_> {
    /// Whether a running pod was created from this template.
    fn describes(&self, p: &Pod) -> bool {
        p.namespace == self.namespace
            && p.deployment == self.deployment
            && p.template_hash == self.hash
            && self.bound.is_none_or(|b| b == p.node)
    }

    /// Whether a placement's `of` names the Deployment. The cluster's DNS is kube-dns or CoreDNS,
    /// depending on the release: either name means it.
    fn is_named(&self, of: &str) -> bool {
        let dns = ["kube-dns", "coredns"];
        let both_dns = dns.contains(&of) && dns.contains(&self.deployment);
        of == self.deployment || (self.namespace == "kube-system" && both_dns)
    }
}

impl ControlPlane<'_> {
    pub(super) fn deployment(&mut self, x: &Deployment) {
        let bound = x.node_name.as_ref().and_then(|n| self.node_named(n));
        if x.node_name.is_some() && bound.is_none() {
            return;
        }
        let (replicas, span, n_nodes) = (x.replicas.value, x.replicas.span, self.nodes.len());
        let has_worker = self.nodes.iter().any(|n| n.spec.role == Role::Worker);
        if !has_worker && bound.is_none() && replicas > 0 {
            self.d.diags.push(Diagnostic::warning(
                Code::NoSuchNode,
                span,
                format!("0/{n_nodes} nodes are available: the pods stay Pending"),
                "add a node with role: worker",
            ));
            return;
        }
        let template = PodTemplate {
            namespace: &x.meta.namespace,
            deployment: &x.meta.name.value,
            labels: &x.pod_labels,
            containers: &x.containers,
            hash: naming::template_hash(&x.template),
            bound,
        };
        let n_remaining = self.remaining.iter().filter(|p| template.describes(p)).count();
        for i in 0..replicas {
            let which = format!("pod {} of {replicas}", i + 1);
            let fault = if i as usize >= n_remaining && self.candidates(&template).is_empty() {
                Some((
                    format!(
                        "0/{n_nodes} nodes are available: no node has the requested hostPort free: \
                         {which} stays Pending"
                    ),
                    "write fewer replicas, or remove hostPort",
                ))
            } else if !self.start(&template) {
                Some((
                    format!("no IP addresses available: {which} stays ContainerCreating"),
                    "write fewer replicas, or add a node",
                ))
            } else {
                None
            };
            if let Some((message, hint)) = fault {
                let code = Code::AddressesExhausted;
                self.d.diags.push(Diagnostic::warning(code, span, message, hint));
                break;
            }
        }
    }

    fn node_named(&mut self, name: &Spanned<String>) -> Option<usize> {
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

    /// Whether no pod of a node has one of these host ports.
    fn has_ports_free(&self, node: usize, wanted: &[(u16, &str)]) -> bool {
        wanted.is_empty()
            || !self
                .pods
                .iter()
                .chain(&self.remaining)
                .filter(|p| p.node == node)
                .any(|p| p.host_ports().iter().any(|x| wanted.contains(x)))
    }

    /// The nodes on which a pod can start, in order.
    fn candidates(&self, t: &PodTemplate<'_>) -> Vec<usize> {
        let wanted = host_ports(t.containers);
        let eligible =
            |i: &usize| t.bound.map_or(self.nodes[*i].spec.role == Role::Worker, |b| b == *i);
        (0..self.nodes.len())
            .filter(eligible)
            .filter(|i| self.has_ports_free(*i, &wanted))
            .collect()
    }

    /// Creates a pod, or keeps one that runs: where the Topology places it, else on the candidate
    /// with the fewest pods. False if no address is free.
    pub(super) fn start(&mut self, t: &PodTemplate<'_>) -> bool {
        if let Some(i) = self.remaining.iter().position(|p| t.describes(p)) {
            let pod = self.remaining.remove(i);
            self.pod_names.insert((pod.namespace.clone(), pod.name.clone()));
            self.pods.push(pod);
            return true;
        }
        let placement = (self.topology.pods.iter().zip(&self.used_placements))
            .position(|(p, used)| !used && t.is_named(&p.of.value));
        let placement = placement.map(|i| {
            self.used_placements[i] = true;
            self.topology.pods[i].clone()
        });
        let placed = placement.as_ref().and_then(|p| {
            let node = self.nodes.iter().position(|n| n.spec.name.value == p.node.value)?;
            Some((node, p.ip.value))
        });
        let Some((node, ip)) = placed.or_else(|| self.schedule(t)) else { return false };
        let set = format!("{}-{}", t.deployment, t.hash);
        let created = self.created.entry(format!("{}/{set}", t.namespace)).or_default();
        let index = *created;
        *created += 1;
        let name = match placement.as_ref().and_then(|p| p.suffix.as_deref()) {
            // The suffix includes the hash.
            Some(s) if s.contains('-') => format!("{}-{s}", t.deployment),
            Some(s) => format!("{set}-{s}"),
            None => self.free_name(t.namespace, &set, index),
        };
        // The real name is `veth` and eight random hexadecimal digits; here those of the address.
        let [a, b, c, d] = ip.octets();
        let veth = placement
            .as_ref()
            .and_then(|p| p.veth.as_ref())
            .map(|v| v.value.clone())
            .unwrap_or_else(|| format!("veth{a:02x}{b:02x}{c:02x}{d:02x}"));
        let seed = self.topology.seed;
        let veth_mac = placement
            .as_ref()
            .and_then(|p| p.veth_mac)
            .unwrap_or_else(|| naming::random_mac(seed, &veth));
        let mac = if self.topology.version.random_macs() {
            naming::random_mac(seed, &format!("{veth}/eth0"))
        } else {
            Mac([0x0a, 0x58, a, b, c, d])
        };
        self.load[node] += 1;
        if !self.pod_names.insert((t.namespace.to_owned(), name.clone())) {
            let span = placement.as_ref().map_or_else(Span::default, |p| p.of.span);
            self.d.error(
                Code::DuplicateObject,
                span,
                format!("pods {name:?} already exists"),
                "give each entry of pods its own suffix",
            );
        }
        self.pods.push(Pod {
            name,
            namespace: t.namespace.to_owned(),
            deployment: t.deployment.to_owned(),
            labels: t.labels.clone(),
            template_hash: t.hash.clone(),
            containers: t.containers.to_vec(),
            node,
            ip,
            veth,
            veth_mac,
            mac,
            ready: placement.as_ref().is_none_or(|p| p.ready),
            terminating: placement.as_ref().is_some_and(|p| p.terminating),
        });
        true
    }

    /// The candidate with the fewest pods that has an address left, and that address.
    fn schedule(&mut self, t: &PodTemplate<'_>) -> Option<(usize, std::net::Ipv4Addr)> {
        let mut candidates = self.candidates(t);
        candidates.sort_by_key(|i| (self.load[*i], *i));
        candidates.into_iter().find_map(|i| Some((i, self.addresses[i].allocate()?)))
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

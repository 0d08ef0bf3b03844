//! The choices of the send bar, and what its free text stands for.

use super::parts::{Loaded, SendBar};
use crate::labels::{SYSTEM, app_of};
use kube::cluster::Port;
use kube::object::WorkloadKind;
use net::netfilter::TableName;
use play::Protocol;
use play::probe::{Probe, ProbeError, resolve_netns};
use play::target::{Target, check_target, resolve_target};
use std::rc::Rc;

/// An option of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MenuItem {
    /// The value.
    pub value: String,
    /// The label.
    pub label: String,
}

/// A field of the send bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The sender.
    From,
    /// The destination.
    To,
}

/// What the choices of a group have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Hosts outside the cluster.
    #[default]
    Hosts,
    /// Nodes.
    Nodes,
    /// Pods of a workload, by its name; in the list of destinations, of all workloads.
    Pods(Rc<str>),
    /// Node ports of Services, at each node.
    NodePorts,
    /// Addresses of load balancers, and external IPs.
    Outside,
    /// Cluster IPs of Services.
    ClusterIps,
    /// Cluster IPs with a port of another protocol than the chosen one.
    OtherProtocol,
    /// The gateway of the segment.
    Gateway,
}

/// A sender or destination to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The value, as a Script has it.
    pub value: String,
    /// The label.
    pub label: String,
    /// Its group.
    pub group: Group,
}

/// A field of the send bar as it reads: the label of its value, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The choice that the value stands for, or the value as its own label.
    pub choice: Choice,
    /// Why nothing can be sent from or to it.
    pub error: Option<ProbeError>,
}

/// The menus of the send bar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menus {
    /// The senders.
    pub from: Rc<Vec<Choice>>,
    /// The destinations.
    pub to: Rc<Vec<Choice>>,
    /// The endpoints of the chosen Service.
    pub endpoints: Vec<MenuItem>,
    /// The chosen sender.
    pub sender: Reading,
    /// The chosen destination.
    pub target: Reading,
}

impl Menus {
    /// The choices of a field.
    pub fn choices(&self, end: End) -> &Rc<Vec<Choice>> {
        match end {
            End::From => &self.from,
            End::To => &self.to,
        }
    }

    /// What a field has now.
    pub fn reading(&self, end: End) -> &Reading {
        match end {
            End::From => &self.sender,
            End::To => &self.target,
        }
    }
}

fn choice(value: impl Into<String>, label: impl Into<String>, group: Group) -> Choice {
    Choice { value: value.into(), label: label.into(), group }
}

/// The possible senders: hosts, the gateway after the others, nodes, pods; those of the cluster
/// itself come last.
pub fn senders(l: &Loaded) -> Vec<Choice> {
    let c = l.session.running();
    let named = |name: &String, group| choice(name.clone(), name.clone(), group);
    let mut hosts: Vec<_> = c.topology.hosts.iter().collect();
    hosts.sort_by_key(|h| c.topology.is_gateway(h));
    let hosts = hosts.into_iter().map(|h| named(&h.name.value, Group::Hosts));
    let nodes = c.nodes.iter().map(|n| named(&n.spec.name.value, Group::Nodes));
    let written = c.host_pods.iter().filter(|p| p.namespace != SYSTEM);
    let mut pods: Vec<_> = c.pods.iter().chain(written).collect();
    pods.sort_by_key(|p| p.namespace == SYSTEM);
    let mut workload: Rc<str> = "".into();
    let pods = pods.into_iter().map(|p| {
        let owner = match p.owner.kind {
            WorkloadKind::Deployment => p.owner.name.clone(),
            _ => p.owner.to_string(),
        };
        if *workload != *owner {
            workload = owner.into();
        }
        let label = format!("{} {}", app_of(p), p.ip);
        choice(format!("pod/{}", p.netns()), label, Group::Pods(workload.clone()))
    });
    hosts.chain(nodes).chain(pods).collect()
}

/// The possible destinations: node ports, Services, pods; for ICMP, addresses only. The Services
/// that the cluster creates itself come after the others of their group.
pub(super) fn targets(l: &Loaded, proto: Protocol) -> Vec<Choice> {
    let c = l.session.running();
    let mut services: Vec<_> = c.services.iter().collect();
    services.sort_by_key(|s| s.written.is_none());
    let pods = Group::Pods("".into());
    let Some(word) = proto.transport() else {
        let at = |name: &str, address: String, group| {
            let label = format!("{name} {address}");
            choice(address, label, group)
        };
        let of_pods = c.pods.iter().map(|p| at(&app_of(p), p.ip.to_string(), pods.clone()));
        let of_nodes =
            c.nodes.iter().map(|n| at(&n.spec.name.value, n.address().to_string(), Group::Nodes));
        let hosts = c
            .topology
            .hosts
            .iter()
            .map(|h| at(&h.name.value, h.nic.address.value.addr().to_string(), Group::Hosts));
        // A host that is written as the gateway is among the hosts.
        let has = |h: &kube::topology::Host, a| h.nics().any(|n| n.address.value.addr() == a);
        let is_host = |a| c.topology.hosts.iter().any(|h| has(h, a));
        let gateways = c.topology.segments.iter().filter_map(|s| {
            let gateway = s.gateway.filter(|a| !c.nodes.is_empty() && !is_host(*a))?;
            Some(at(&s.name, gateway.to_string(), Group::Gateway))
        });
        let gateway: Vec<_> = gateways.collect();
        let of_services = services
            .iter()
            .filter_map(|s| Some(at(&s.name, s.cluster_ip?.to_string(), Group::ClusterIps)));
        return of_pods.chain(of_nodes).chain(hosts).chain(gateway).chain(of_services).collect();
    };
    let (mut node_ports, mut outside, mut inside, mut others) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (s, p) in services.iter().flat_map(|s| s.ports.iter().map(move |p| (s, p))) {
        let cluster_ip = |group| {
            let value = format!("svc/{}/{}:{}", s.namespace, s.name, p.port);
            s.cluster_ip.map(|_| choice(value, format!("{}:{}", s.name, p.port), group))
        };
        if p.protocol != word {
            others.extend(cluster_ip(Group::OtherProtocol));
            continue;
        }
        if let Some(np) = p.node_port {
            node_ports.extend(c.nodes.iter().map(|n| {
                let label = format!("{}:{np}", n.spec.name.value);
                choice(format!("{}:{np}", n.address()), label, Group::NodePorts)
            }));
        }
        let addresses = s.traffic.ingress.iter().map(|(a, _)| a).chain(&s.traffic.external_ips);
        outside.extend(addresses.map(|a| {
            let label = format!("{}:{} {a}", s.name, p.port);
            choice(format!("{a}:{}", p.port), label, Group::Outside)
        }));
        inside.extend(cluster_ip(Group::ClusterIps));
    }
    let mut ports = Vec::new();
    for pod in &c.pods {
        for at in pod.listening.iter().map(|l| l.at).filter(|at| at.protocol == word) {
            let label = format!("{} {}:{}", app_of(pod), pod.ip, at.port);
            ports.push(choice(format!("{}:{}", pod.ip, at.port), label, pods.clone()));
        }
    }
    [node_ports, outside, inside, ports, others].into_iter().flatten().collect()
}

/// What a sender reads as.
pub(super) fn sender(l: &Loaded, all: &[Choice], value: &str) -> Reading {
    let (cluster, world) = (l.session.running(), l.session.world());
    match resolve_netns(cluster, world, value) {
        Ok(id) => {
            let name = &*world.state().ns(id).name;
            let is_it = |c: &&Choice| c.value == name || c.value.strip_prefix("pod/") == Some(name);
            reading(all.iter().find(is_it), value)
        }
        Err(e) => Reading { error: Some(e), ..reading(None, value) },
    }
}

/// Whether a destination's name or address is one of the cluster.
pub(super) fn is_known(l: &Loaded, value: &str) -> bool {
    resolve_target(l.session.running(), l.session.world(), value).is_ok()
}

/// What a destination reads as.
pub(super) fn target(l: &Loaded, all: &[Choice], value: &str, bar: &SendBar) -> Reading {
    if let found @ Some(_) = all.iter().find(|c| c.value == value) {
        return reading(found, value);
    }
    let (cluster, world) = (l.session.running(), l.session.world());
    let probe = Probe { proto: bar.proto, ..Probe::new(&bar.from, value) };
    let checked = resolve_netns(cluster, world, &bar.from)
        .and_then(|from| check_target(cluster, world, from, &probe));
    match checked {
        Ok(Target::Name { .. }) => reading(None, value),
        Ok(Target::Address(addr, port)) => {
            let at = port.map_or_else(|| addr.to_string(), |p| format!("{addr}:{p}"));
            let service = cluster.services.iter().find(|s| s.cluster_ip.is_some_and(|i| addr == i));
            let service =
                service.zip(port).map(|(s, p)| format!("svc/{}/{}:{p}", s.namespace, s.name));
            let is_it = |c: &&Choice| c.value == at || Some(&c.value) == service.as_ref();
            reading(all.iter().find(is_it), value)
        }
        Err(e) => Reading { error: Some(e), ..reading(None, value) },
    }
}

fn reading(found: Option<&Choice>, value: &str) -> Reading {
    let own = || choice(value, value, Group::default());
    let choice = found.map_or_else(own, |c| Choice { value: value.to_owned(), ..c.clone() });
    Reading { choice, error: None }
}

/// A request that can be sent with one click.
pub struct Request {
    /// The sender.
    pub from: Choice,
    /// The destination.
    pub to: Choice,
}

/// Requests to begin with: the one in the send bar, and one from outside to a node port or from a
/// pod to a Service.
pub fn requests(menus: &Menus, bar: &SendBar) -> Vec<Request> {
    let (from, to) = (&menus.sender, &menus.target);
    let is_fine = from.error.is_none() && to.error.is_none();
    let first = is_fine.then(|| Request { from: from.choice.clone(), to: to.choice.clone() });
    let named =
        |all: &[Choice], start: &str| all.iter().find(|c| c.value.starts_with(start)).cloned();
    let of = |all: &[Choice], group| all.iter().find(|c| c.group == group).cloned();
    let outside = of(&menus.from, Group::Hosts).zip(of(&menus.to, Group::NodePorts));
    let outside = outside.filter(|_| to.choice.group != Group::NodePorts);
    let inside = named(&menus.from, "pod/").zip(named(&menus.to, "svc/"));
    let other = outside.or(inside).map(|(from, to)| Request { from, to });
    first.into_iter().chain(other.filter(|r| r.to.value != bar.to)).collect()
}

/// The endpoints that the rules of the chosen Service can select, with their probabilities.
pub(super) fn endpoints(l: &Loaded, to: &str) -> Vec<MenuItem> {
    let cluster = l.session.running();
    let Ok((addr, Some(port))) = resolve_target(cluster, l.session.world(), to) else {
        return Vec::new();
    };
    let asked = cluster.services.iter().find_map(|s| {
        let by_ip = s.has_address(addr);
        let is_it = |p: &&Port| if by_ip { p.port == port } else { p.node_port == Some(port) };
        let p = s.ports.iter().find(is_it)?;
        Some((s, p, kube::plan::chain_of(cluster, s, p)?))
    });
    let (Some((service, port, chain)), Some(node)) = (asked, cluster.nodes.first()) else {
        return Vec::new();
    };
    let Some((_, ns)) = l.session.last().ns_named(&node.spec.name.value) else { return Vec::new() };
    // All rules of a node take long to write in a large cluster; nothing has read them yet.
    let draws = match ns.rules.written(TableName::Nat) {
        Some(nat) => crate::scene::draws(nat, &chain),
        None => {
            let rules = kube::plan::rules_of_port(cluster, 0, service, port);
            crate::scene::draws(rules.table(TableName::Nat), &chain)
        }
    };
    if draws.len() < 2 {
        return Vec::new();
    }
    let one = |d: crate::scene::DrawOf| {
        let at = net::dump::endpoint(d.addr, d.port);
        let name = l.labels.owner(d.addr).unwrap_or_default();
        let label = format!(
            "{at} · {}% · {}",
            crate::px::Px(d.share as f32 * 100.0),
            name.split(' ').next().unwrap_or_default()
        );
        MenuItem { value: at, label }
    };
    draws.into_iter().map(one).collect()
}

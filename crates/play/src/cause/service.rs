//! What the cluster's objects say about a loss: no endpoint, a policy, a port, a stopped daemon.

use super::explain::Explained;
use super::{Fact, Known, Link, Missing, RuleRef, Silence};
use crate::anchor::Direction;
use crate::probe::service_at;
use kube::cluster::{Pod, Port, RunningService};
use kube::fault::Daemon;
use kube::object::ServiceType;
use kube::speaker;
use kube::topology::Balancer;
use net::NetnsId;
use net::event::EventKind;
use net::netfilter::{RuleEffect, TableName, WalkStep};
use net::socket::AddrPort;
use std::cmp::Reverse;
use std::net::IpAddr;

/// Adds the reason that the cluster's objects give, if there is one.
pub(super) fn refine(k: &Known<'_>, found: &mut Explained) {
    let Some(link) = found.links.get(found.decided).cloned() else { return };
    // What the objects say about an address says more than that nobody has it.
    let superseded = matches!(link.fact, Fact::NoSuchAddress(_));
    refined(k, found, &link);
    if superseded && found.links.get(found.decided) != Some(&link) {
        let at = found.links.iter().position(|l| *l == link);
        if let Some(at) = at {
            found.links.remove(at);
            found.decided -= usize::from(at < found.decided);
        }
    }
}

fn refined(k: &Known<'_>, found: &mut Explained, link: &Link) {
    let because = |found: &mut Explained, netns: NetnsId, fact: Fact| {
        found.because(k.link(link.event, netns, fact));
    };
    match &link.fact {
        Fact::Refused { rule, .. } | Fact::Marked(rule) => {
            if let Some((netns, fact)) = by_kube_proxy(k, link.netns, rule) {
                return because(found, netns, fact);
            }
        }
        Fact::Astray { truth: Some(_), .. } | Fact::NoVtep { .. } | Fact::Entry { .. }
            if k.is_node(link.netns) && !(k.runs)(k.name(link.netns), Daemon::Flanneld) =>
        {
            return because(found, link.netns, Fact::Stopped(Daemon::Flanneld));
        }
        Fact::NoSuchName { tried } => {
            // DNS has the names of headless Services and of their pods only while pods are ready.
            let named = |s: &&RunningService| {
                let name = format!("{}.{}.svc.", s.name, s.namespace);
                tried.iter().any(|t| t.starts_with(&name) || t.contains(&format!(".{name}")))
            };
            let found_one = k.cluster.services.iter().find(named);
            if let Some(s) = found_one
                && let Some(p) = s.ports.first()
                && p.ready().next().is_none()
            {
                let service = format!("{}/{}", s.namespace, s.name);
                let fact = Fact::NoEndpoints { service, why: missing(k, s, p) };
                because(found, link.netns, fact);
            }
            return;
        }
        Fact::NoListener { at, .. } if k.is_node(link.netns) => {
            let by_number =
                |s: &&RunningService| s.ports.iter().any(|p| p.node_port == Some(at.port));
            let translated = k.destination(k.range.end).is_some();
            if let Some(s) = k.cluster.services.iter().find(by_number).filter(|_| translated) {
                let service = format!("{}/{}", s.namespace, s.name);
                let fact = Fact::TranslatedOnce { port: at.port, service };
                return because(found, link.netns, fact);
            }
        }
        Fact::LocalOnly { .. } => return,
        _ => {}
    }
    let Some((addr, port)) = asked(k) else { return };
    let protocol = k.protocol.unwrap_or("UDP");
    match k.destination(k.range.end) {
        Some((event, _, after)) => stale(k, found, (event, after)),
        None => untranslated(k, found, (addr, port, protocol)),
    }
}

/// What the client, or its resolver, sent to.
fn asked(k: &Known<'_>) -> Option<(IpAddr, u16)> {
    k.to.or_else(|| {
        k.all().find_map(|(_, e)| match &e.kind {
            EventKind::Queried { server, .. } => Some((server.addr, server.port)),
            _ => None,
        })
    })
}

/// The Service that a comment of kube-proxy names.
fn commented<'a>(k: &Known<'a>, comment: &str) -> Option<&'a RunningService> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/');
    let words: Vec<&str> = comment.split(|c| !is_name(c)).collect();
    k.cluster.services.iter().find(|s| {
        words.iter().any(|w| w.split_once('/') == Some((s.namespace.as_str(), s.name.as_str())))
    })
}

/// What a rule of kube-proxy carries out.
fn by_kube_proxy(k: &Known<'_>, netns: NetnsId, rule: &RuleRef) -> Option<(NetnsId, Fact)> {
    if !rule.chain.starts_with("KUBE-") {
        return None;
    }
    let comment = rule.comment.as_deref()?;
    let to = asked(k);
    let by_to = || to.and_then(|to| service_at(k.cluster, to));
    let s = commented(k, comment).or_else(by_to)?;
    let service = format!("{}/{}", s.namespace, s.name);
    let node = k.name(netns);
    let fits = |p: &&Port| {
        to.is_none_or(|to| p.port == to.1 || p.node_port == Some(to.1)) || s.ports.len() == 1
    };
    let port = s.ports.iter().find(fits)?;
    let is_local = |nodes: &[String]| nodes.iter().any(|n| n == node);
    let nodes: Vec<String> = nodes_of(port);
    if rule.chain.starts_with("KUBE-FW") || &*rule.chain == "KUBE-PROXY-FIREWALL" {
        let ranges = s.traffic.source_ranges.iter().map(ToString::to_string).collect();
        return Some((netns, Fact::SourceRanges { service, ranges }));
    }
    if !comment.contains("endpoints") {
        return None;
    }
    if port.ready().next().is_none() {
        return Some((netns, Fact::NoEndpoints { service, why: missing(k, s, port) }));
    }
    if comment.contains("no local endpoints") && !is_local(&nodes) {
        let outside = s.traffic.external_local;
        let by_cluster_ip = to.is_some_and(|t| s.cluster_ip.map(IpAddr::from) == Some(t.0));
        let field = if outside && !by_cluster_ip {
            "externalTrafficPolicy"
        } else {
            "internalTrafficPolicy"
        };
        return Some((netns, Fact::LocalOnly { service, field, nodes }));
    }
    // The rule is older than the endpoints.
    (!(k.runs)(node, Daemon::KubeProxy)).then_some((netns, Fact::Stopped(Daemon::KubeProxy)))
}

fn nodes_of(port: &Port) -> Vec<String> {
    let mut nodes: Vec<String> =
        port.endpoints.iter().filter(|e| e.ready).filter_map(|e| e.node.clone()).collect();
    nodes.sort();
    nodes.dedup();
    nodes
}

/// Labels as kubectl prints them.
fn pairs(labels: &kube::object::Labels) -> String {
    labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
}

/// Why a port of a Service has no endpoint that gets connections.
fn missing(k: &Known<'_>, s: &RunningService, port: &Port) -> Missing {
    if let Some(e) = port.endpoints.first() {
        let pod = k.cluster.all_pods().find(|p| IpAddr::from(p.ip) == e.addr);
        return Missing::Ready {
            pod: pod.map_or_else(|| e.addr.to_string(), Pod::netns),
            why: pod.and_then(|p| p.unready.clone()),
        };
    }
    if s.selector.is_empty() {
        return Missing::Slice;
    }
    let holds = |labels: &kube::object::Labels| {
        s.selector.iter().filter(|(key, v)| labels.get(*key) == Some(*v)).count()
    };
    let pods = || k.cluster.all_pods().filter(|p| p.namespace == s.namespace);
    if pods().any(|p| holds(&p.labels) == s.selector.len()) {
        return Missing::PortName(port.name.clone());
    }
    let workloads = || k.cluster.workloads.iter().filter(|w| w.namespace == s.namespace);
    let own = workloads().find(|w| holds(&w.selector.labels) == s.selector.len());
    if let Some(w) = own {
        let idle =
            k.cluster.idle_pods.iter().find(|p| p.owner == w.owner && p.namespace == w.namespace);
        return match idle {
            Some(p) => {
                Missing::Runs { pod: p.name.clone(), why: format!("{}: {}", p.status, p.reason) }
            }
            None => {
                Missing::Runs { pod: w.owner.to_string(), why: format!("replicas: {}", w.desired) }
            }
        };
    }
    let nearest = pods()
        .filter(|p| holds(&p.labels) + close(&s.selector, &p.labels) > 0)
        .min_by_key(|p| {
            let common = holds(&p.labels) * 4 + close(&s.selector, &p.labels);
            (Reverse(common), differences(&s.selector, &p.labels))
        })
        .or_else(|| pods().next())
        .map(|p| {
            let mut labels = p.labels.clone();
            labels.retain(|key, _| key != "pod-template-hash");
            (p.owner.to_string(), pairs(&labels))
        });
    Missing::Selected { selector: pairs(&s.selector), nearest }
}

/// Count of the labels of which the key or the value is that of a selector.
fn close(selector: &kube::object::Labels, labels: &kube::object::Labels) -> usize {
    selector
        .iter()
        .filter(|(k, v)| labels.contains_key(*k) || labels.values().any(|x| x == *v))
        .count()
}

/// How many characters the values of a selector differ from those of the labels by.
fn differences(selector: &kube::object::Labels, labels: &kube::object::Labels) -> usize {
    let other = |key: &String| labels.get(key).map_or("", String::as_str);
    selector.iter().map(|(key, value)| kube::diag::distance(value, other(key))).sum()
}

/// The node that should have translated the request: the first that saw it.
fn first_node(k: &Known<'_>) -> Option<(usize, NetnsId)> {
    let own = k.is_node(k.from).then_some(k.from);
    let seen = k.all().find_map(|(i, e)| {
        let n = e.netns.filter(|n| k.is_node(*n) && own.is_none_or(|o| o == *n))?;
        let looks = matches!(&e.kind, EventKind::Walked { table: TableName::Nat, .. })
            || matches!(e.kind, EventKind::NatSkipped { .. } | EventKind::Routed { .. });
        (looks && k.direction(e.packet) == Some(Direction::Request)).then_some((i, n))
    });
    seen.or_else(|| Some((k.range.start, own?)))
}

/// The rule that marked a packet to be dropped on a node.
fn dropped_mark(k: &Known<'_>, node: NetnsId) -> Option<(usize, RuleRef)> {
    k.all().find_map(|(i, e)| match &e.kind {
        EventKind::Walked {
            table,
            rules,
            step: WalkStep::Matched { chain, rule, effect: RuleEffect::Mark(m), .. },
            ..
        } if e.netns == Some(node) && m & kube::proxy::DROP_MARK != 0 => {
            Some((i, super::explain::marking(k, i, &rules.0, *table, (*chain, *rule))?))
        }
        _ => None,
    })
}

/// A request to a Service that no rule translated.
fn untranslated(k: &Known<'_>, found: &mut Explained, to: (IpAddr, u16, &str)) {
    let (addr, port, protocol) = to;
    let event = found.links.get(found.decided).map_or(k.range.start, |l| l.event);
    let is_control = found.links.get(found.decided).is_some_and(|l| {
        matches!(l.fact, Fact::Refused { .. } | Fact::Policy { .. } | Fact::Unknown { .. })
    });
    let node_address = k.cluster.nodes.iter().any(|n| IpAddr::from(n.address()) == addr);
    let silent = found.links.iter().any(|l| matches!(l.fact, Fact::NoListener { .. }));
    let Some(s) = service_at(k.cluster, (addr, port)) else {
        let (first, last) = k.cluster.topology.node_ports;
        if node_address && (first..=last).contains(&port) && silent {
            let at = k.owner(addr).unwrap_or(k.from);
            found.because(k.link(event, at, Fact::NoSuchNodePort(port)));
        }
        return;
    };
    let service = format!("{}/{}", s.namespace, s.name);
    let by_cluster_ip = s.cluster_ip.map(IpAddr::from) == Some(addr);
    let outside = k.cluster.topology.hosts.iter().any(|h| h.name.value == k.name(k.from));
    if by_cluster_ip && outside {
        let node_port = s.ports.iter().find_map(|p| p.node_port);
        let fact = Fact::OutsideOfCluster { service, node_port, to: addr };
        return found.because(k.link(event, k.from, fact));
    }
    let number = |p: &Port| if s.has_address(addr) { Some(p.port) } else { p.node_port };
    let Some(p) = s.ports.iter().find(|p| number(p) == Some(port) && p.protocol == protocol) else {
        if is_control {
            return;
        }
        let ports = s.ports.iter().filter_map(|p| number(p).map(|n| format!("{n}/{}", p.protocol)));
        let fact = Fact::NoSuchPort { service, ports: ports.collect() };
        return found.because(k.link(event, k.from, fact));
    };
    let nowhere = found
        .links
        .get(found.decided)
        .is_some_and(|l| matches!(l.fact, Fact::NoSuchAddress(a) if a == addr));
    if nowhere && outside {
        let why = silence(k, s);
        let fact = if p.ready().next().is_none() && why == Silence::NoNode {
            Fact::NoEndpoints { service, why: missing(k, s, p) }
        } else {
            Fact::Unannounced { service, to: addr, why }
        };
        return found.because(k.link(event, k.from, fact));
    }
    let Some((at, node)) = first_node(k) else { return };
    if p.ready().next().is_none() {
        if !is_control {
            let fact = Fact::NoEndpoints { service, why: missing(k, s, p) };
            found.because(k.link(event, node, fact));
        }
        return;
    }
    // Lost before a node could have translated it.
    let reached = found.links.get(found.decided).is_some_and(|l| l.event >= at);
    if is_control || !reached || at == k.range.start && !k.is_node(k.from) {
        return;
    }
    // Marked to be dropped, and forwarded all the same before 1.25, which drops in FORWARD too.
    if let Some((i, rule)) = dropped_mark(k, node)
        && let Some((netns, fact)) = by_kube_proxy(k, node, &rule)
    {
        found.because(k.link(i, node, Fact::Marked(rule)));
        return found.because(k.link(i, netns, fact));
    }
    let runs = (k.runs)(k.name(node), Daemon::KubeProxy);
    let fact = Fact::NoRule { service, to: AddrPort { addr, port }, runs };
    found.because(k.link(at, node, fact));
    if !runs {
        found.because(k.link(at, node, Fact::Stopped(Daemon::KubeProxy)));
    }
}

/// Why no speaker answers for the addresses of a Service.
fn silence(k: &Known<'_>, s: &RunningService) -> Silence {
    let layer2 = k.cluster.topology.load_balancer == Balancer::Layer2;
    if !layer2 || s.kind != ServiceType::LoadBalancer {
        return Silence::NoSpeaker;
    }
    match speaker::elected(k.cluster, s, &|_| true).map(|n| &n.spec.name.value) {
        Some(node) if !(k.runs)(node, Daemon::Speaker) => Silence::Stopped(node.clone()),
        Some(_) => Silence::NoSpeaker,
        None => Silence::NoNode,
    }
}

/// A request that was translated to an address which is no endpoint any more.
fn stale(k: &Known<'_>, found: &mut Explained, (event, after): (usize, AddrPort)) {
    let is_endpoint = asked(k).and_then(|to| service_at(k.cluster, to)).is_none_or(|s| {
        s.ports
            .iter()
            .flat_map(|p| &p.endpoints)
            .any(|e| e.addr == after.addr && e.port == after.port)
    });
    let Some(netns) = k.events[event].netns.filter(|_| !is_endpoint) else { return };
    let before = k.destination(event).map_or(after, |d| d.1);
    let remembered = super::around::remembered(k, event);
    if remembered {
        let fact = Fact::Destination { before, after, remembered };
        found.because(k.link(event, netns, fact));
    } else if !(k.runs)(k.name(netns), Daemon::KubeProxy) {
        found.because(k.link(event, netns, Fact::Stopped(Daemon::KubeProxy)));
    }
}

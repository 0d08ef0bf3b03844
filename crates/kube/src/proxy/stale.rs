//! The conntrack entries of UDP that kube-proxy deletes, as they lead to endpoints that are gone
//! (`pkg/proxy/conntrack/cleanup.go`).

use super::{ServicePortInfo, ServiceProtocol, Settings};
use crate::object::Endpoint;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The parts of a conntrack entry that kube-proxy compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// IP protocol number; only UDP is deleted.
    pub proto: u8,
    /// The destination of the original direction.
    pub orig_dst: IpAddr,
    /// The destination port of the original direction.
    pub orig_dport: u16,
    /// The source of the reply direction.
    pub reply_src: IpAddr,
    /// The source port of the reply direction.
    pub reply_sport: u16,
}

/// The conntrack entries that a sync deletes.
#[derive(Clone, Debug)]
pub enum Stale {
    /// From 1.32 on: entries that contradict the current endpoints.
    Reconciled(Reconciler),
    /// Up to 1.31: entries of what has changed (`deleteEndpointConnections`, `staleServices`).
    Changed(Changed),
}

/// Entries of Services and endpoints that have changed.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// Those to these addresses, at any port.
    addresses: BTreeSet<IpAddr>,
    /// Those to these ports, at any address.
    ports: BTreeSet<u16>,
    /// Those to this address, answered by this endpoint.
    answered: BTreeSet<(IpAddr, IpAddr)>,
    /// Those to this port, answered by this endpoint.
    answered_at: BTreeSet<(u16, IpAddr)>,
}

impl Stale {
    /// What a sync deletes that follows another; before the first, there are no ports.
    pub fn between(s: &Settings, before: &[ServicePortInfo], after: &[ServicePortInfo]) -> Self {
        let udp = |all: &[ServicePortInfo]| {
            all.iter().filter(|p| p.protocol == ServiceProtocol::Udp).cloned().collect::<Vec<_>>()
        };
        let (before, after) = (udp(before), udp(after));
        if s.release.reconciles_conntrack() {
            // Runs only when an endpoint of a UDP Service has changed.
            let runs = endpoints(&before) != endpoints(&after);
            return Self::Reconciled(Reconciler::new(
                s,
                &if runs { after.iter().collect() } else { Vec::new() },
            ));
        }
        let mut changed = Changed::default();
        let counts =
            |e: &Endpoint| if s.release.stale_when_removed() { e.serving } else { e.ready };
        let by_key = |all| -> BTreeMap<_, &ServicePortInfo> {
            Iterator::map(<[ServicePortInfo]>::iter(all), |p| (key(p), p)).collect()
        };
        let (earlier, later) = (by_key(&before), by_key(&after));
        for was in &before {
            let Some(is) = later.get(&key(was)) else {
                changed.addresses.insert(was.cluster_ip);
                continue;
            };
            let stays = |e: &Endpoint| {
                is.endpoints.iter().any(|n| {
                    (n.addr, n.port) == (e.addr, e.port)
                        && (s.release.stale_when_removed() || n.ready)
                })
            };
            for e in was.endpoints.iter().filter(|e| counts(e) && !stays(e)) {
                changed.endpoint_gone(s, is, e.addr);
            }
        }
        for is in &after {
            let was = earlier.get(&key(is));
            if was.is_none_or(|w| !w.endpoints.iter().any(counts))
                && is.endpoints.iter().any(counts)
            {
                changed.first_endpoint(s, is);
            }
            if !s.release.stale_node_port_on_first_endpoint()
                && was.is_none_or(|w| w.node_port != is.node_port)
            {
                changed.ports.extend(is.node_port);
            }
        }
        Self::Changed(changed)
    }

    /// Whether it deletes an entry.
    pub fn deletes(&self, f: &Flow) -> bool {
        match self {
            Self::Reconciled(r) => r.deletes(f),
            Self::Changed(c) => f.proto == ServiceProtocol::Udp.number() && c.deletes(f),
        }
    }
}

fn endpoints(all: &[ServicePortInfo]) -> BTreeMap<(&str, &str, &str), &[Endpoint]> {
    all.iter().map(|p| (key(p), p.endpoints.as_slice())).collect()
}

fn key(p: &ServicePortInfo) -> (&str, &str, &str) {
    (&p.namespace, &p.service, &p.name)
}

impl Changed {
    fn endpoint_gone(&mut self, s: &Settings, p: &ServicePortInfo, endpoint: IpAddr) {
        if let (Some(port), true) = (p.node_port, s.release.stale_outside()) {
            self.answered_at.insert((port, endpoint));
        }
        if p.node_port.is_none() || !s.release.stale_node_port_only() {
            self.answered.insert((p.cluster_ip, endpoint));
        }
        if s.release.stale_outside() {
            let outside = p.traffic.external_ips.iter().copied().chain(p.vips(s));
            self.answered.extend(outside.map(|a| (a, endpoint)));
        }
    }

    fn first_endpoint(&mut self, s: &Settings, p: &ServicePortInfo) {
        self.addresses.insert(p.cluster_ip);
        if s.release.stale_external_ips() {
            self.addresses.extend(p.traffic.external_ips.iter().copied());
        }
        if s.release.stale_load_balancer() {
            self.addresses.extend(p.vips(s));
        }
        if s.release.stale_node_port_on_first_endpoint() {
            self.ports.extend(p.node_port);
        }
    }

    fn deletes(&self, f: &Flow) -> bool {
        self.addresses.contains(&f.orig_dst)
            || self.ports.contains(&f.orig_dport)
            || self.answered.contains(&(f.orig_dst, f.reply_src))
            || self.answered_at.contains(&(f.orig_dport, f.reply_src))
    }
}

/// The reconciler of 1.32 and later: deletes an entry if it belongs to a UDP Service port that has
/// serving endpoints, none of which answers it (`CleanStaleEntries`).
#[derive(Clone, Debug)]
pub struct Reconciler {
    by_address: BTreeMap<(IpAddr, u16), BTreeSet<(IpAddr, u16)>>,
    by_node_port: BTreeMap<u16, BTreeSet<(IpAddr, u16)>>,
}

impl Reconciler {
    /// A reconciler for these Service ports.
    pub fn new(s: &Settings, ports: &[&ServicePortInfo]) -> Self {
        let mut this = Self { by_address: BTreeMap::new(), by_node_port: BTreeMap::new() };
        for p in ports.iter().filter(|p| p.protocol == ServiceProtocol::Udp) {
            let serving: BTreeSet<_> =
                p.endpoints.iter().filter(|e| e.serving).map(|e| (e.addr, e.port)).collect();
            if serving.is_empty() {
                continue;
            }
            let addresses = std::iter::once(p.cluster_ip)
                .chain(p.traffic.external_ips.iter().copied())
                .chain(p.vips(s));
            for addr in addresses {
                this.by_address.insert((addr, p.port), serving.clone());
            }
            if let Some(np) = p.node_port {
                this.by_node_port.insert(np, serving);
            }
        }
        this
    }

    /// Whether it deletes an entry.
    pub fn deletes(&self, f: &Flow) -> bool {
        if f.proto != ServiceProtocol::Udp.number() {
            return false;
        }
        let serving = self
            .by_address
            .get(&(f.orig_dst, f.orig_dport))
            .or_else(|| self.by_node_port.get(&f.orig_dport));
        serving.is_some_and(|all| !all.contains(&(f.reply_src, f.reply_sport)))
    }
}

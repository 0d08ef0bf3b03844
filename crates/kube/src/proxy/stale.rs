//! Connections of UDP that lead to endpoints that are gone: what kube-proxy deletes of the table.

use super::{Protocol, ServicePort, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What kube-proxy reads of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Its protocol's number.
    pub proto: u8,
    /// Where the client sent it.
    pub orig_dst: IpAddr,
    /// To which port.
    pub orig_dport: u16,
    /// Who answers.
    pub reply_src: IpAddr,
    /// From which port.
    pub reply_sport: u16,
}

/// Whether the reconciler of 1.32 and later deletes a connection: it belongs to a port of a UDP
/// Service that has serving endpoints, and none of them is who answers (`CleanStaleEntries`).
pub struct Reconciler {
    by_address: BTreeMap<(IpAddr, u16), BTreeSet<(IpAddr, u16)>>,
    by_node_port: BTreeMap<u16, BTreeSet<(IpAddr, u16)>>,
}

impl Reconciler {
    /// What these Services want.
    pub fn new(s: &Settings, ports: &[&ServicePort]) -> Self {
        let mut this = Self { by_address: BTreeMap::new(), by_node_port: BTreeMap::new() };
        for p in ports.iter().filter(|p| p.protocol == Protocol::Udp) {
            let serving: BTreeSet<_> = p.endpoints.iter().filter(|e| e.serving).map(|e| (e.addr, e.port)).collect();
            if serving.is_empty() {
                continue;
            }
            let addresses = std::iter::once(p.cluster_ip).chain(p.traffic.external_ips.iter().copied()).chain(p.vips(s));
            for addr in addresses {
                this.by_address.insert((addr, p.port), serving.clone());
            }
            if let Some(np) = p.node_port {
                this.by_node_port.insert(np, serving);
            }
        }
        this
    }

    /// Whether a connection goes.
    pub fn deletes(&self, f: &Flow) -> bool {
        if f.proto != Protocol::Udp.number() {
            return false;
        }
        let serving = self.by_address.get(&(f.orig_dst, f.orig_dport)).or_else(|| self.by_node_port.get(&f.orig_dport));
        serving.is_some_and(|all| !all.contains(&(f.reply_src, f.reply_sport)))
    }
}

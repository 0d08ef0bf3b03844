//! The records of cluster DNS: the Kubernetes DNS-Based Service Discovery specification 1.1.0, as
//! CoreDNS's plugin `kubernetes` implements it with kubeadm's Corefile (`pods insecure`, `ttl 30`,
//! `loadbalance`). kube-dns, up to 1.10, knows no endpoints of Services with a cluster IP.
//!
//! Left out: CoreDNS's cache of 30 seconds, and the serial of the SOA, which is the time of the
//! last change.

use super::{cluster_dns, hostname};
use crate::cluster::{Cluster, Endpoint, RunningService};
use crate::object::selects;
use net::dns::{Name, RecordData, Soa, Zone};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// The domain of the cluster.
pub const CLUSTER_DOMAIN: &str = "cluster.local";
/// The version of the specification, in the TXT record `dns-version`.
const VERSION: &str = "1.1.0";
/// How long a record may be cached, in seconds (`ttl` of the Corefile).
const TTL: u32 = 30;
/// The serial of the SOA: when virtual time begins, as Unix time.
const SERIAL: u32 = 1_528_617_600;
/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The zone of a cluster's DNS servers.
pub fn zone(cluster: &Cluster) -> Zone {
    let Some(origin) = name(CLUSTER_DOMAIN) else { return Zone::default() };
    let below = |labels: &str| name(&format!("{labels}.{CLUSTER_DOMAIN}"));
    let soa = below("ns.dns").zip(below("hostmaster")).map(|(mname, rname)| {
        Box::new(Soa {
            mname,
            rname,
            serial: SERIAL,
            refresh: 7200,
            retry: 1800,
            expire: 86_400,
            minimum: TTL,
        })
    });
    let mut w = Writer {
        zone: Zone::new(origin, soa, TTL),
        there: BTreeSet::new(),
        all_endpoints: cluster.topology.version.coredns(),
    };
    w.zone.shuffled = cluster.topology.version.coredns();
    w.add("dns-version", RecordData::Txt(VERSION.into()));
    w.add("ns.dns", RecordData::A(cluster_dns(cluster)));
    let mut namespaces: BTreeSet<&str> = NAMESPACES.into();
    namespaces.extend(cluster.services.iter().map(|s| s.namespace.as_str()));
    namespaces.extend(cluster.all_pods().map(|p| p.namespace.as_str()));
    for ns in namespaces {
        w.zone.spelled.extend(below(&format!("{ns}.pod")));
        for kind in ["svc", "pod"] {
            below(&format!("{ns}.{kind}")).iter().for_each(|n| w.zone.exists(n));
        }
    }
    for s in &cluster.services {
        w.service(cluster, s);
    }
    w.zone
}

fn name(text: &str) -> Option<Name> {
    text.parse().ok()
}

/// An endpoint of a Service: its label, address and port, with name and protocol of the Service's
/// port.
struct End<'a> {
    label: String,
    addr: Ipv4Addr,
    port: u16,
    service_port: (&'a str, &'static str),
}

struct Writer {
    zone: Zone,
    /// Every record so far: the ports of a Service give some twice.
    there: BTreeSet<(Name, RecordData)>,
    /// Endpoints of Services with a cluster IP have names, too.
    all_endpoints: bool,
}

impl Writer {
    /// Adds a record below the cluster's domain.
    fn add(&mut self, labels: &str, data: RecordData) {
        if let Some(name) = name(&format!("{labels}.{CLUSTER_DOMAIN}")) {
            self.record(name, data);
        }
    }

    /// Adds a record, unless it is there.
    fn record(&mut self, name: Name, data: RecordData) {
        if self.there.insert((name.lower(), data.clone())) {
            self.zone.add(&name, data);
        }
    }

    /// The name of an address.
    fn reverse(&mut self, addr: Ipv4Addr, labels: &str) {
        let [a, b, c, d] = addr.octets();
        let (owner, target) =
            (name(&format!("{d}.{c}.{b}.{a}.in-addr.arpa")), format!("{labels}.{CLUSTER_DOMAIN}"));
        if let Some((owner, target)) = owner.zip(name(&target)) {
            self.record(owner, RecordData::Ptr(target));
        }
    }

    /// Service records below `base`: each a host's labels, its port, and name and protocol of the
    /// Service's port. Of `n` for one question each has the weight 100 / n.
    fn service_records(&mut self, base: &str, hosts: &[(String, u16, (&str, &str))]) {
        let mut add = |owner: &str, of: &[&(String, u16, (&str, &str))]| {
            let weight = (100 / of.len().max(1)).max(1) as u16;
            for (host, port, _) in of {
                let target = name(&format!("{host}.{CLUSTER_DOMAIN}"));
                let data = target.map(|target| RecordData::Srv {
                    priority: 0,
                    weight,
                    port: *port,
                    target,
                });
                data.into_iter().for_each(|data| self.add(owner, data));
            }
        };
        add(base, &hosts.iter().collect::<Vec<_>>());
        let ports: BTreeSet<_> = hosts.iter().map(|(_, _, p)| *p).collect();
        for (port, protocol) in ports.into_iter().filter(|(port, _)| !port.is_empty()) {
            let of: Vec<_> = hosts.iter().filter(|(_, _, p)| *p == (port, protocol)).collect();
            add(&format!("_{port}._{}.{base}", protocol.to_lowercase()), &of);
        }
    }

    fn service(&mut self, cluster: &Cluster, s: &RunningService) {
        let base = format!("{}.{}.svc", s.name, s.namespace);
        if let Some(target) = &s.external_name {
            if target.parse::<IpAddr>().is_err()
                && let Some(target) = name(target)
            {
                self.add(&base, RecordData::Cname(target));
            }
            return;
        }
        let ends = ends(cluster, s);
        if let Some(ip) = s.cluster_ip {
            if !s.ports.is_empty() {
                self.add(&base, RecordData::A(ip));
            }
            self.reverse(ip, &base);
            let hosts = s.ports.iter().map(|p| (base.clone(), p.port, (&*p.name, p.protocol)));
            self.service_records(&base, &hosts.collect::<Vec<_>>());
            if !self.all_endpoints {
                return;
            }
        } else {
            for e in &ends {
                self.add(&base, RecordData::A(e.addr));
            }
            let host = |e: &End<'_>| format!("{}.{base}", e.label);
            let hosts: Vec<_> = ends.iter().map(|e| (host(e), e.port, e.service_port)).collect();
            self.service_records(&base, &hosts);
        }
        for e in &ends {
            let host = format!("{}.{base}", e.label);
            self.reverse(e.addr, &host);
            self.add(&host, RecordData::A(e.addr));
        }
    }
}

/// The ready endpoints of a Service. One without ports has those of its pods, with port 0.
fn ends<'a>(cluster: &Cluster, s: &'a RunningService) -> Vec<End<'a>> {
    let mut all = Vec::new();
    let mut add = |addr: IpAddr, port: u16, service_port| {
        let IpAddr::V4(addr) = addr else { return };
        let label = hostname(cluster, s, addr.into())
            .map_or_else(|| addr.to_string().replace('.', "-"), str::to_owned);
        all.push(End { label, addr, port, service_port });
    };
    for p in &s.ports {
        let ready = |e: &&Endpoint| e.ready;
        p.endpoints
            .iter()
            .filter(ready)
            .for_each(|e| add(e.addr, e.port, (p.name.as_str(), p.protocol)));
    }
    if s.ports.is_empty() {
        let counts = |p: &&crate::cluster::Pod| {
            p.namespace == s.namespace
                && selects(&s.selector, &p.labels)
                && (p.ready && !p.terminating || s.traffic.publish_not_ready)
        };
        cluster.all_pods().filter(counts).for_each(|p| add(p.ip.into(), 0, ("", "TCP")));
    }
    all
}

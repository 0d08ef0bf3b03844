//! kube-proxy's input, made from a cluster.

use crate::cluster::{Cluster, Port, RunningService};
use crate::docker;
use crate::naming;
use crate::proxy::{self, ServicePortInfo, Settings, Stale};
use net::netfilter::{Ruleset, RulesetBuilder};
use net::rng;
use std::cell::OnceCell;
use std::net::Ipv4Addr;

/// The options of kube-proxy on node `i`, and what it knows of the node.
pub fn proxy_settings(cluster: &Cluster, i: usize) -> Settings {
    let (t, this) = (&cluster.topology, &cluster.nodes[i]);
    let mut addresses = vec![Ipv4Addr::LOCALHOST];
    addresses.extend(this.spec.nics().map(|n| n.address.value.addr()));
    addresses.extend(this.spec.docker.then(|| docker::network().addr()));
    addresses.extend([this.pod_cidr.network(), this.gateway()]);
    Settings {
        cluster_cidr: t.kube_proxy.cluster_cidr.map(Into::into),
        masquerade_all: t.kube_proxy.masquerade_all,
        localhost_node_ports: t.kube_proxy.localhost_node_ports,
        node_port_addresses: t.kube_proxy.node_port_addresses.iter().map(|n| (*n).into()).collect(),
        addresses: addresses.into_iter().map(Into::into).collect(),
        node_ip: Some(this.address().into()),
        node: this.spec.name.value.clone(),
        zone: this.spec.zone.clone(),
        ..Settings::new(t.version)
    }
}

/// The tables that a kube-proxy with these settings writes. `with_text`: rules carry the text that
/// is fed to iptables-restore.
pub fn proxy_sync(cluster: &Cluster, settings: &Settings, with_text: bool) -> proxy::Sync {
    proxy::sync(settings, &proxy_ports(cluster), with_text)
}

/// Every Service port, in the order in which kube-proxy writes them. That is the order of a Go map,
/// which is random: here it is drawn from the topology's seed.
pub fn proxy_ports(cluster: &Cluster) -> Vec<ServicePortInfo> {
    let seed = cluster.topology.seed;
    let mut ports: Vec<(u64, ServicePortInfo)> = Vec::new();
    for s in &cluster.services {
        for p in &s.ports {
            let order = rng::hash_str(seed, &format!("{}/{}:{}", s.namespace, s.name, p.name));
            ports.extend(service_port(s, p).map(|x| (order, x)));
        }
    }
    ports.sort_by_key(|(order, _)| *order);
    ports.into_iter().map(|(_, p)| p).collect()
}

/// A Service's port as kube-proxy knows it; none if the Service has no cluster IP.
fn service_port(s: &RunningService, p: &Port) -> Option<ServicePortInfo> {
    Some(ServicePortInfo {
        namespace: s.namespace.clone(),
        service: s.name.clone(),
        name: p.name.clone(),
        protocol: proxy::ServiceProtocol::from_name(p.protocol)?,
        kind: s.kind,
        cluster_ip: s.cluster_ip?.into(),
        port: p.port,
        node_port: p.node_port,
        traffic: s.traffic.clone(),
        endpoints: p.endpoints.clone(),
    })
}

/// What the kube-proxies of all nodes know when they start.
pub(super) struct ProxyInput {
    ports: Vec<ServicePortInfo>,
    /// What they write, if that is the same on every node.
    shared: OnceCell<proxy::Sync>,
}

impl ProxyInput {
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self { ports: proxy_ports(cluster), shared: OnceCell::new() }
    }

    /// The first sync of the kube-proxy with these settings.
    pub(super) fn first_sync(&self, rules: &mut RulesetBuilder, settings: &Settings) {
        let sync = || proxy::sync(settings, &self.ports, false);
        if settings.are_same_everywhere(&self.ports) {
            proxy::first_sync(rules, self.shared.get_or_init(sync));
        } else {
            proxy::first_sync(rules, &sync());
        }
    }
}

/// A sync of kube-proxy, and what it follows.
#[derive(Clone, Debug)]
pub struct Synced {
    /// The rules that it writes.
    pub sync: proxy::Sync,
    /// What its previous sync wrote.
    pub before: Option<proxy::Sync>,
    /// The conntrack entries that it deletes.
    pub stale: Stale,
}

/// The sync by which kube-proxy on node `node` follows a change of the cluster; `before` is the
/// cluster it knew, with the node's index there. None if nothing changes for it. `with_text`: rules
/// carry their text; a partial sync (1.27 on) always needs it, to find what changed.
pub fn synced(
    before: Option<(&Cluster, usize)>,
    after: &Cluster,
    node: usize,
    with_text: bool,
) -> Option<Synced> {
    let (settings, ports) = (proxy_settings(after, node), proxy_ports(after));
    let old = before.map(|(c, j)| (proxy_settings(c, j), proxy_ports(c)));
    if old.as_ref().is_some_and(|(s, p)| *s == settings && *p == ports) {
        return None;
    }
    let with_text = with_text || settings.release.partial_sync();
    let sync = proxy::sync(&settings, &ports, with_text);
    let before = old.as_ref().map(|(s, p)| proxy::sync(s, p, with_text));
    let old_ports = old.map(|(_, p)| p).unwrap_or_default();
    Some(Synced { stale: Stale::between(&settings, &old_ports, &ports), sync, before })
}

/// The rules that the kube-proxy of node `node` would write if this Service port were the only one.
pub fn rules_of_port(cluster: &Cluster, node: usize, s: &RunningService, p: &Port) -> Ruleset {
    let mut rules = RulesetBuilder::default();
    if let Some(port) = service_port(s, p) {
        let settings = proxy_settings(cluster, node);
        proxy::first_sync(&mut rules, &proxy::sync(&settings, &[port], false));
    }
    rules.build()
}

/// The chain that balances a Service port among its endpoints, for packets from inside the cluster.
pub fn chain_of(cluster: &Cluster, s: &RunningService, p: &Port) -> Option<String> {
    let release = cluster.topology.version;
    let port = service_port(s, p)?;
    let local = release.ext_chains() && s.traffic.internal_local;
    let prefix = if local { "KUBE-SVL-" } else { "KUBE-SVC-" };
    Some(naming::service_chain(prefix, &port.full_name(release), port.protocol.name()))
}

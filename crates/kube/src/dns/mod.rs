//! Names: the zone of cluster DNS, and the files by which each machine and pod resolves names.

mod zone;

pub use zone::{CLUSTER_DOMAIN, zone};

use crate::cluster::{Cluster, Pod, RunningService};
use crate::ipam::ServiceIps;
use crate::object::{DnsConfig, DnsPolicy};
use net::Duration;
use net::dns::{Name, ResolvConf, SharedZone};
use net::socket::{Listener, ServerApp};
use net::wire::{PROTO_TCP, PROTO_UDP};
use std::net::{IpAddr, Ipv4Addr};

/// The pod of a name: that of [`Pod::netns`].
fn pod<'a>(cluster: &'a Cluster, name: &str) -> Option<&'a Pod> {
    cluster.all_pods().find(|p| p.netns() == name)
}

/// The address of cluster DNS that kubelet writes into `resolv.conf` (`clusterDNS`): that of the
/// Service kube-dns, which kubeadm gives the tenth address of the range.
pub fn cluster_dns(cluster: &Cluster) -> Ipv4Addr {
    let is_it = |s: &&RunningService| s.namespace == "kube-system" && s.name == "kube-dns";
    let service = cluster.services.iter().find(is_it).and_then(|s| s.cluster_ip);
    service.unwrap_or_else(|| ServiceIps::new(cluster.topology.service_cidr).nth(10))
}

/// `/etc/resolv.conf` of a node, host or pod, by its name; of a pod that is [`Pod::netns`]
/// (`pkg/kubelet/network/dns/dns.go` `GetPodDNS`). Nodes and hosts have no name server.
pub fn resolv_conf(cluster: &Cluster, place: &str) -> ResolvConf {
    let Some(pod) = pod(cluster, place) else { return ResolvConf::default() };
    let of_cluster = match pod.spec.dns_policy {
        DnsPolicy::ClusterFirst => !pod.spec.host_network,
        DnsPolicy::ClusterFirstWithHostNet => true,
        DnsPolicy::Default | DnsPolicy::None => false,
    };
    let mut conf = ResolvConf::default();
    if of_cluster {
        let domains = [
            format!("{}.svc.{CLUSTER_DOMAIN}", pod.namespace),
            format!("svc.{CLUSTER_DOMAIN}"),
            CLUSTER_DOMAIN.to_owned(),
        ];
        conf.nameservers.push(cluster_dns(cluster).into());
        conf.search.extend(domains.iter().filter_map(|d| d.parse::<Name>().ok()));
        conf.ndots = 5;
    }
    append(&mut conf, &pod.spec.dns_config);
    conf
}

/// Adds `dnsConfig` (`appendDNSConfig`). Options that the resolver does not know change nothing.
fn append(conf: &mut ResolvConf, more: &DnsConfig) {
    let new = |s: &&IpAddr| !conf.nameservers.contains(s);
    let servers: Vec<_> = more.nameservers.iter().filter(new).copied().collect();
    conf.nameservers.extend(servers);
    for domain in more.searches.iter().filter_map(|d| d.parse::<Name>().ok()) {
        if !conf.search.contains(&domain) {
            conf.search.push(domain);
        }
    }
    for (name, value) in &more.options {
        // At most what glibc takes (`RES_MAXNDOTS`, `RES_MAXRETRANS`, `RES_MAXRETRY`).
        let number =
            |most: u8| value.as_ref().and_then(|v| v.parse::<u8>().ok()).map(|n| n.min(most));
        match &**name {
            "ndots" => conf.ndots = number(15).unwrap_or(conf.ndots),
            "timeout" => {
                conf.timeout = number(30).map_or(conf.timeout, |n| Duration::secs(n.max(1).into()));
            }
            "attempts" => conf.attempts = number(5).unwrap_or(conf.attempts),
            _ => {}
        }
    }
}

/// `/etc/hosts` of a node, host or pod, a line each: an address and its names. A machine knows all
/// machines of the Topology by name, as those of a lab do; a pod knows itself and its
/// `hostAliases`, and on its node's network what the node knows
/// (`pkg/kubelet/kubelet_pods.go` `managedHostsFileContent`).
pub fn hosts(cluster: &Cluster, place: &str) -> Vec<(IpAddr, Vec<String>)> {
    let mut out = vec![(Ipv4Addr::LOCALHOST.into(), vec!["localhost".to_owned()])];
    let pod = pod(cluster, place);
    if let Some(pod) = pod.filter(|p| !p.spec.host_network) {
        let host = pod.spec.hostname.as_ref().unwrap_or(&pod.name);
        let full = |s: &String| format!("{host}.{s}.{}.svc.{CLUSTER_DOMAIN}", pod.namespace);
        let names = pod.spec.subdomain.iter().map(full).chain([host.clone()]);
        out.push((pod.ip.into(), names.collect()));
    } else {
        let nodes = cluster.nodes.iter().map(|n| (n.address(), &n.spec.name.value));
        let others =
            cluster.topology.hosts.iter().map(|h| (h.nic.address.value.addr(), &h.name.value));
        out.extend(nodes.chain(others).map(|(addr, name)| (addr.into(), vec![name.clone()])));
    }
    let aliases = pod.into_iter().flat_map(|p| &p.spec.host_aliases);
    out.extend(aliases.map(|a| (a.ip, a.hostnames.clone())));
    out
}

/// The host name of an endpoint: that of its pod, if the pod's `subdomain` is the Service
/// (`pkg/controller/endpoint` `podToEndpointAddressForService`).
fn hostname<'a>(cluster: &'a Cluster, s: &RunningService, addr: IpAddr) -> Option<&'a str> {
    let is_it = |p: &&Pod| {
        IpAddr::from(p.ip) == addr
            && p.namespace == s.namespace
            && p.spec.subdomain.as_ref() == Some(&s.name)
    };
    cluster.all_pods().find(is_it)?.spec.hostname.as_deref()
}

/// Whether a pod is a server of cluster DNS.
pub(crate) fn is_server(pod: &Pod) -> bool {
    let image = |c: &crate::object::Container| {
        let image = c.image.rsplit('/').next().unwrap_or_default();
        image.split(':').next().is_some_and(|name| {
            // Distributions copy the image: rancher/mirrored-coredns-coredns.
            name.contains("coredns") || name.starts_with("k8s-dns-kube-dns") || name == "kube-dns"
        })
    };
    pod.spec.running().any(image)
}

/// The sockets of a server of cluster DNS, in place of what its declared port 53 stands for.
pub(crate) fn serve(services: &mut Vec<Listener>, zone: &SharedZone) {
    services.retain(|l| l.port != net::dns::DNS_PORT);
    services.extend([PROTO_UDP, PROTO_TCP].map(|proto| Listener {
        proto,
        addr: None,
        port: net::dns::DNS_PORT,
        app: ServerApp::Dns(zone.clone()),
    }));
}

#[cfg(test)]
mod tests;

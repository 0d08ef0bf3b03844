//! Names: the zone of cluster DNS, and the files by which each machine and pod resolves names.

mod zone;

pub use zone::{CLUSTER_DOMAIN, zone};

use crate::cluster::{Cluster, Pod};
use crate::ipam::ServiceIps;
use net::dns::{Name, ResolvConf};
use net::socket::{Listener, ServerApp};
use net::wire::{PROTO_TCP, PROTO_UDP};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// The pod with a network namespace of this name.
fn pod<'a>(cluster: &'a Cluster, netns: &str) -> Option<&'a Pod> {
    cluster.pods.iter().find(|p| p.netns() == netns)
}

/// The address of cluster DNS that kubelet writes into `resolv.conf` (`clusterDNS`): that of the
/// Service kube-dns, which kubeadm gives the tenth address of the range.
pub fn cluster_dns(cluster: &Cluster) -> Ipv4Addr {
    let is_it =
        |s: &&crate::cluster::RunningService| s.namespace == "kube-system" && s.name == "kube-dns";
    let service = cluster.services.iter().find(is_it).and_then(|s| s.cluster_ip);
    service.unwrap_or_else(|| ServiceIps::new(cluster.topology.service_cidr).nth(10))
}

/// `/etc/resolv.conf` in a network namespace (`pkg/kubelet/network/dns/dns.go` `GetPodDNS`). Nodes
/// and hosts have no name server.
pub fn resolv_conf(cluster: &Cluster, netns: &str) -> ResolvConf {
    let Some(pod) = pod(cluster, netns) else { return ResolvConf::default() };
    let domain = |text: String| text.parse::<Name>().ok();
    let search = [
        domain(format!("{}.svc.{CLUSTER_DOMAIN}", pod.namespace)),
        domain(format!("svc.{CLUSTER_DOMAIN}")),
        domain(CLUSTER_DOMAIN.to_owned()),
    ];
    ResolvConf {
        nameservers: vec![cluster_dns(cluster).into()],
        search: search.into_iter().flatten().collect(),
        ndots: 5,
        ..ResolvConf::default()
    }
}

/// `/etc/hosts` in a network namespace, a line each: an address and its names. A machine knows all
/// machines of the Topology by name, as those of a lab do; a pod knows itself
/// (`pkg/kubelet/kubelet_pods.go` `managedHostsFileContent`).
pub fn hosts(cluster: &Cluster, netns: &str) -> Vec<(IpAddr, Vec<String>)> {
    let mut out = vec![(Ipv4Addr::LOCALHOST.into(), vec!["localhost".to_owned()])];
    if let Some(pod) = pod(cluster, netns) {
        out.push((pod.ip.into(), vec![pod.name.clone()]));
        return out;
    }
    let nodes = cluster.nodes.iter().map(|n| (n.address(), &n.spec.name.value));
    let others = cluster.topology.hosts.iter().map(|h| (h.nic.address.value.addr(), &h.name.value));
    out.extend(nodes.chain(others).map(|(addr, name)| (addr.into(), vec![name.clone()])));
    out
}

/// The host name of a pod under a Service (`hostname` of an endpoint).
fn hostname<'a>(_cluster: &'a Cluster, _service: &str, _addr: IpAddr) -> Option<&'a str> {
    None
}

/// Whether a pod is a server of cluster DNS.
pub(crate) fn is_server(pod: &Pod) -> bool {
    let image = |c: &crate::object::Container| {
        let image = c.image.rsplit('/').next().unwrap_or_default();
        image.split(':').next().is_some_and(|name| {
            name == "coredns" || name.starts_with("k8s-dns-kube-dns") || name == "kube-dns"
        })
    };
    pod.containers.iter().any(image)
}

/// The sockets of a server of cluster DNS, in place of what its declared port 53 stands for.
pub(crate) fn serve(services: &mut Vec<Listener>, zone: &Rc<net::dns::Zone>) {
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

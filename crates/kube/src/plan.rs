//! The Linux state of a whole cluster: one network namespace a node, pod and host, and the LAN.

use crate::cluster::{Cluster, Endpoint, Pod, Port, RunningService};
use crate::fault::{self, Daemon};
use crate::naming;
use crate::proxy::{ServicePort, Settings, Stale};
use crate::topology::{Backend, Nic, Role};
use crate::{cni, docker, flannel, portmap, proxy};
use ipnet::Ipv4Net;
use net::Duration;
use net::conntrack::{TcpState, Timeouts};
use net::netfilter::{Ruleset, RulesetBuilder};
use net::rng;
use net::route::RouteProto;
use net::socket::{ServerApp, Service};
use net::spec::{DeviceKindSpec, DeviceSpec, NetnsSpec, RouteSpec, Spec, Sysctl};
use net::wire::{Mac, PROTO_TCP, PROTO_UDP};
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The bridge that a segment is.
const SWITCH: &str = "switch";

/// Everything a world of this cluster begins with.
pub fn spec(cluster: &Cluster) -> Spec {
    spec_ruled(cluster, &|_| true)
}

/// As [`spec`], with the rules of some nodes only, by their number.
pub(crate) fn spec_ruled(cluster: &Cluster, ruled: &dyn Fn(usize) -> bool) -> Spec {
    let segment = &cluster.topology.segment.name;
    let mut lan = NetnsSpec::new(segment.clone());
    lan.tapped = false;
    lan.sysctl.bridge_nf_call_iptables = false;
    let bridge =
        DeviceSpec::new(SWITCH, 2, Mac([2, 0, 0, 0, 0, 1]), 65_535, DeviceKindSpec::Bridge);
    lan.devices.push(bridge);
    let mut netns = Vec::new();
    for h in &cluster.topology.hosts {
        let mut ns = NetnsSpec::new(h.name.value.clone());
        let mac = h.nic.mac.unwrap_or_else(|| {
            naming::random_mac(cluster.topology.seed, &format!("{}/nic", h.name.value))
        });
        plug(&mut lan, &mut ns, cluster, &h.nic, mac, 0);
        netns.push(ns);
    }
    // The rules of services are the same on every node; what differs is docker's and flannel's.
    for i in 0..cluster.nodes.len() {
        netns.push(node(&mut lan, cluster, i, ruled(i)));
    }
    for pod in &cluster.pods {
        let mut ns = cni::pod_netns(cluster, pod);
        ns.services = services_of(pod);
        netns.push(ns);
    }
    netns.push(lan);
    let mut spec = Spec { netns };
    fault::apply(&mut spec, &cluster.topology);
    spec
}

/// Plugs a NIC into the LAN, with its address and routes.
fn plug(
    lan: &mut NetnsSpec,
    ns: &mut NetnsSpec,
    cluster: &Cluster,
    nic: &Nic,
    mac: Mac,
    metric: u32,
) {
    let port = format!("p-{}", ns.name);
    let far =
        DeviceKindSpec::Cable { peer_netns: ns.name.clone(), peer: nic.name.clone(), nic: true };
    let mut switch_port = DeviceSpec::new(
        &port,
        lan.devices.len() as u32 + 1,
        naming::random_mac(0, &port),
        65_535,
        far,
    );
    switch_port.master = Some(SWITCH.to_owned());
    lan.devices.push(switch_port);
    let near = DeviceKindSpec::Cable { peer_netns: lan.name.clone(), peer: port, nic: true };
    let mut device = DeviceSpec::new(&nic.name, 2, mac, nic.mtu, near);
    let address = nic.address.value;
    device.addrs.push(address.into());
    ns.devices.push(device);
    let route = |dst: Ipv4Net, via: Option<Ipv4Addr>, src: Option<Ipv4Addr>, proto| RouteSpec {
        dst: dst.into(),
        via: via.map(Into::into),
        dev: nic.name.clone(),
        src: src.map(Into::into),
        onlink: false,
        proto,
        metric,
    };
    if let Some(gateway) = cluster.topology.segment.gateway.filter(|g| *g != address.addr()) {
        let proto = if metric > 0 { RouteProto::Static } else { RouteProto::Boot };
        ns.routes.push(route(Ipv4Net::default(), Some(gateway), None, proto));
    }
    ns.routes.push(route(address.trunc(), None, Some(address.addr()), RouteProto::Kernel));
}

fn node(lan: &mut NetnsSpec, cluster: &Cluster, i: usize, ruled: bool) -> NetnsSpec {
    let this = &cluster.nodes[i];
    let mut ns = NetnsSpec::new(this.spec.name.value.clone());
    ns.sysctl = Sysctl {
        ip_forward: this.spec.ip_forward,
        bridge_nf_call_iptables: this.spec.bridge_nf,
        rp_filter: this.spec.rp_filter,
        route_localnet: true,
        ..Sysctl::default()
    };
    // kube-proxy 1.10 sets these two.
    let mut timeouts = Timeouts::default();
    timeouts.tcp[TcpState::Established as usize] = Duration::secs(86_400);
    timeouts.tcp[TcpState::CloseWait as usize] = Duration::secs(3_600);
    ns.timeouts = timeouts;
    plug(lan, &mut ns, cluster, &this.spec.nic, this.mac, 100);
    if this.spec.docker {
        let mut docker0 =
            DeviceSpec::new("docker0", 3, this.docker_mac, 1500, DeviceKindSpec::Bridge);
        docker0.addrs.push(docker::NETWORK.parse().expect("invariant: a literal network"));
        ns.devices.push(docker0);
        let net: Ipv4Net = docker::NETWORK.parse().expect("invariant: a literal network");
        ns.routes.push(RouteSpec {
            dst: net.trunc().into(),
            via: None,
            dev: "docker0".to_owned(),
            src: Some(net.addr().into()),
            onlink: false,
            proto: RouteProto::Kernel,
            metric: 0,
        });
    }
    // lo, the NIC, docker0, flannel's device, cni0, and then the pods' cables, as they came.
    let flannel_index = if this.spec.docker { 4 } else { 3 };
    let bridge_index = flannel_index + u32::from(cluster.topology.backend != Backend::HostGw);
    flannel::configure(&mut ns, cluster, i, flannel_index);
    cni::configure_node(&mut ns, cluster, i, bridge_index);
    if ruled {
        ns.rules = Rc::new(rules(cluster, i));
    }
    if this.spec.role == Role::ControlPlane {
        ns.services.push(Service {
            proto: PROTO_TCP,
            addr: Some(this.address().into()),
            port: 6443,
            app: http(&generic_page()),
        });
    }
    ns
}

/// The rules of a node, as its programs wrote them one after the other.
fn rules(cluster: &Cluster, i: usize) -> Ruleset {
    let (t, this) = (&cluster.topology, &cluster.nodes[i]);
    let mut rules = RulesetBuilder::default();
    if this.spec.docker {
        docker::write(&mut rules, t.version);
    }
    let settings = proxy_settings(cluster, i);
    proxy::kubelet(&mut rules, &settings);
    if t.runs(&this.spec.name.value, Daemon::KubeProxy) {
        proxy::put(&mut rules, &proxy_sync(cluster, i, &settings, false));
    }
    flannel::write(&mut rules, cluster, i);
    portmap::write(&mut rules, cluster, i);
    rules.build()
}

/// How kube-proxy is started on a node.
pub fn proxy_settings(cluster: &Cluster, i: usize) -> Settings {
    let (t, this) = (&cluster.topology, &cluster.nodes[i]);
    let docker = this
        .spec
        .docker
        .then(|| docker::NETWORK.parse::<Ipv4Net>().map(|n| n.addr()))
        .and_then(Result::ok);
    let addresses = [
        Some(Ipv4Addr::LOCALHOST),
        Some(this.address()),
        docker,
        Some(this.pod_cidr.network()),
        Some(this.gateway()),
    ];
    Settings {
        cluster_cidr: t.kube_proxy.cluster_cidr.map(Into::into),
        masquerade_all: t.kube_proxy.masquerade_all,
        localhost_node_ports: t.kube_proxy.localhost_node_ports,
        node_port_addresses: t.kube_proxy.node_port_addresses.iter().map(|n| (*n).into()).collect(),
        addresses: addresses.into_iter().flatten().map(Into::into).collect(),
        node_ip: Some(this.address().into()),
        node: this.spec.name.value.clone(),
        zone: this.spec.zone.clone(),
        ..Settings::new(t.version)
    }
}

/// What kube-proxy wants a node's tables to hold. It walks a Go map, whose order is random: here it
/// is drawn from the topology's seed. `words`: with the text of each rule.
pub fn proxy_sync(cluster: &Cluster, i: usize, settings: &Settings, words: bool) -> proxy::Sync {
    let ports = proxy_ports(cluster, i);
    let ports: Vec<&ServicePort> = ports.iter().collect();
    proxy::sync(settings, &ports, words)
}

/// Every port of every Service as the kube-proxy of a node knows it, in the order it comes to them.
pub fn proxy_ports(cluster: &Cluster, i: usize) -> Vec<ServicePort> {
    let seed = cluster.topology.seed;
    let mut ports: Vec<(u64, ServicePort)> = Vec::new();
    for s in &cluster.services {
        for p in &s.ports {
            let order = rng::hash_str(seed, &format!("{}/{}:{}", s.namespace, s.name, p.name));
            ports.extend(service_port(s, p, i).map(|x| (order, x)));
        }
    }
    ports.sort_by_key(|(order, _)| *order);
    ports.into_iter().map(|(_, p)| p).collect()
}

/// A port as the kube-proxy of a node knows it; none if the Service has no address.
fn service_port(s: &RunningService, p: &Port, node: usize) -> Option<ServicePort> {
    let endpoint = |e: &Endpoint| proxy::Endpoint {
        addr: e.addr.into(),
        port: e.port,
        ready: e.ready,
        serving: e.serving,
        terminating: e.terminating,
        local: e.node == Some(node),
        zones: e.zones.clone(),
        nodes: e.nodes.clone(),
    };
    Some(ServicePort {
        namespace: s.namespace.clone(),
        service: s.name.clone(),
        name: p.name.clone(),
        protocol: proxy::Protocol::from_name(p.protocol)?,
        kind: s.kind,
        cluster_ip: s.cluster_ip?.into(),
        port: p.port,
        node_port: p.node_port,
        traffic: s.traffic.clone(),
        endpoints: p.endpoints.iter().map(endpoint).collect(),
    })
}

/// A sync of kube-proxy.
#[derive(Clone, Debug)]
pub struct Synced {
    /// What it wants.
    pub sync: proxy::Sync,
    /// What it wanted the last time.
    pub before: Option<proxy::Sync>,
    /// What it deletes of the connections.
    pub stale: Stale,
}

/// What a node's kube-proxy does about a cluster; `before`: the cluster it knew, and its number
/// there. None if nothing changes for it. `words`: with the text of each rule, which it needs to
/// see what changed.
pub fn synced(
    before: Option<(&Cluster, usize)>,
    after: &Cluster,
    node: usize,
    words: bool,
) -> Option<Synced> {
    let (settings, ports) = (proxy_settings(after, node), proxy_ports(after, node));
    let old = before.map(|(c, j)| (proxy_settings(c, j), proxy_ports(c, j)));
    if old.as_ref().is_some_and(|o| *o == (settings.clone(), ports.clone())) {
        return None;
    }
    let words = words || settings.release.partial_sync();
    let write = |s: &Settings, ports: &[ServicePort]| {
        proxy::sync(s, &ports.iter().collect::<Vec<_>>(), words)
    };
    let sync = write(&settings, &ports);
    let before = old.as_ref().map(|(s, p)| write(s, p));
    let were = old.map(|(_, p)| p).unwrap_or_default();
    Some(Synced { stale: Stale::between(&settings, &were, &ports), sync, before })
}

/// The chain that chooses an endpoint of a Service's port, for packets of the cluster.
pub fn chain_of(cluster: &Cluster, s: &RunningService, p: &Port) -> Option<String> {
    let release = cluster.topology.version;
    let port = service_port(s, p, 0)?;
    let local = release.ext_chains() && s.traffic.internal_local;
    let prefix = if local { "KUBE-SVL-" } else { "KUBE-SVC-" };
    Some(naming::service_chain(prefix, &port.full_name(release), port.protocol.name()))
}

/// What listens in a pod: the image's server if it is known, else what its ports say.
fn services_of(pod: &Pod) -> Vec<Service> {
    let mut out = Vec::new();
    for c in pod.containers.iter().filter(|c| !c.own_command) {
        let image = c.image.rsplit('/').next().unwrap_or_default();
        let nginx = image == "nginx" || image.starts_with("nginx:");
        if nginx {
            out.push(Service {
                proto: PROTO_TCP,
                addr: None,
                port: 80,
                app: http(&nginx_page(image)),
            });
        }
        for p in c.ports.iter().filter(|p| !nginx || p.protocol != "TCP") {
            let (proto, app) = if p.protocol == "UDP" {
                (PROTO_UDP, ServerApp::Echo)
            } else {
                (PROTO_TCP, http(&generic_page()))
            };
            out.push(Service { proto, addr: None, port: p.port, app });
        }
    }
    out
}

fn http(parts: &[String]) -> ServerApp {
    ServerApp::Http(parts.iter().map(|p| Rc::from(p.as_bytes())).collect())
}

fn generic_page() -> Vec<String> {
    let body = "ok\n";
    vec![format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )]
}

/// nginx's welcome page. Head and body leave in two segments; of nginx 1.7.9 they have 237 and 612
/// bytes.
fn nginx_page(image: &str) -> Vec<String> {
    let version = image.split_once(':').map_or("1.7.9", |(_, tag)| {
        if tag.starts_with(|c: char| c.is_ascii_digit()) { tag } else { "1.7.9" }
    });
    let body = WELCOME;
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: nginx/{version}\r\nDate: Sun, 10 Jun 2018 08:00:00 GMT\r\nContent-Type: text/html\r\nContent-Length: {}\r\nLast-Modified: Tue, 23 Dec 2014 16:25:09 GMT\r\nConnection: keep-alive\r\nETag: \"54999765-264\"\r\nAccept-Ranges: bytes\r\n\r\n",
        body.len()
    );
    vec![head, body.to_owned()]
}

/// The page every nginx is delivered with, which the article's `curl` prints.
const WELCOME: &str = "<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
    body {
        width: 35em;
        margin: 0 auto;
        font-family: Tahoma, Verdana, Arial, sans-serif;
    }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is successfully installed and
working. Further configuration is required.</p>

<p>For online documentation and support please refer to
<a href=\"http://nginx.org/\">nginx.org</a>.<br/>
Commercial support is available at
<a href=\"http://nginx.com/\">nginx.com</a>.</p>

<p><em>Thank you for using nginx.</em></p>
</body>
</html>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_answers_with_the_recorded_sizes() {
        let sizes: Vec<_> = nginx_page("nginx:1.7.9").iter().map(String::len).collect();
        assert_eq!(sizes, [237, 612]);
    }
}

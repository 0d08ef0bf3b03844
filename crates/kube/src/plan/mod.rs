//! The Linux state that a cluster starts with: one network namespace for each node, pod and host,
//! and one for the switch of each segment.

mod faults;
mod proxy;

use proxy::ProxyInput;
pub use proxy::{Synced, chain_of, proxy_ports, proxy_settings, proxy_sync, rules_of_port, synced};

use crate::cluster::Cluster;
use crate::fault::Daemon;
use crate::topology::{Backend, Host, Nic, Role, StaticRoute, Topology};
use crate::{cni, device, dns, docker, flannel, image, naming, portmap, proxy as kube_proxy};
use crate::{external, klipper, speaker};
use ipnet::Ipv4Net;
use net::Duration;
use net::conntrack::{TcpState, Timeouts};
use net::dns::SharedZone;
use net::netfilter::{Ruleset, RulesetBuilder};
use net::route::RouteProto;
use net::socket::Listener;
use net::spec::{CableSpec, DeviceKindSpec, DeviceSpec, NetnsSpec, RouteSpec, Spec, Sysctl};
use net::wire::{Mac, PROTO_TCP};
use std::cell::LazyCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

/// The bridge in the segment's namespace that all NICs are attached to.
const SWITCH: &str = "switch";

/// The switch's port for the NIC of a node or host.
fn switch_port(machine: &str) -> String {
    format!("p-{machine}")
}

/// The namespace of a segment: a switch without ports.
fn segment(name: &str) -> NetnsSpec {
    let mut lan = NetnsSpec::new(name);
    lan.tapped = false;
    lan.sysctl.bridge_nf_call_iptables = false;
    let bridge =
        DeviceSpec::new(SWITCH, 2, Mac([2, 0, 0, 0, 0, 1]), 65_535, DeviceKindSpec::Bridge);
    lan.devices.push(bridge);
    lan
}

/// The namespaces, devices, routes and rules of a cluster.
pub fn spec(cluster: &Rc<Cluster>) -> Spec {
    let mut lans: Vec<NetnsSpec> =
        cluster.topology.segments.iter().map(|s| segment(&s.name)).collect();
    let mut netns: Vec<NetnsSpec> =
        cluster.topology.hosts.iter().map(|h| host(&mut lans, cluster, h)).collect();
    let of = cluster.clone();
    let input = Rc::new(LazyCell::new(move || ProxyInput::new(&of)));
    let runs = |node: &str| cluster.topology.runs(node, Daemon::Speaker);
    let elections = speaker::elections(cluster, &runs);
    for i in 0..cluster.nodes.len() {
        let mut node = node(&mut lans, cluster, i);
        let announced = elections.get(node.name.as_str()).into_iter().flatten();
        node.services.extend(announced.copied().map(Listener::arp));
        let (cluster, input) = (cluster.clone(), input.clone());
        node.rules = Ruleset::lazy(move || rules(&cluster, i, &input));
        netns.push(node);
    }
    let of = cluster.clone();
    let zone = SharedZone::lazy(move || dns::zone(&of));
    for pod in &cluster.pods {
        let mut ns = cni::pod_netns(cluster, pod);
        ns.services = image::services(pod);
        if let Some(rules) = klipper::rules(cluster, pod) {
            ns.rules = rules.build();
            ns.sysctl.ip_forward = true;
        }
        if dns::is_server(pod) {
            dns::serve(&mut ns.services, &zone);
        }
        netns.push(ns);
    }
    netns.append(&mut lans);
    let mut spec = Spec { netns };
    faults::apply(&mut spec, &cluster.topology);
    spec
}

/// Makes a host the load balancer: its addresses, and the rules by which it forwards.
fn balance(ns: &mut NetnsSpec, cluster: &Rc<Cluster>) {
    ns.sysctl.ip_forward = true;
    // It sends clients to no node, though that is on their LAN.
    ns.sysctl.send_redirects = false;
    if let Some(nic) = ns.devices.first_mut() {
        nic.addrs.extend(external::own_addresses(cluster));
    }
    let of = cluster.clone();
    ns.rules = Ruleset::lazy(move || {
        let mut rules = RulesetBuilder::default();
        let runs = |node: &str| of.topology.runs(node, Daemon::KubeProxy);
        external::write(&mut rules, &of, &runs);
        rules
    });
}

/// Attaches the interfaces of a machine to their switches, the first with `mac`, and configures
/// their addresses, the machine's routes and, with `metric`, its default route.
fn plug<'a>(
    lans: &mut [NetnsSpec],
    ns: &mut NetnsSpec,
    topology: &Topology,
    nics: impl Iterator<Item = &'a Nic> + Clone,
    routes: &[StaticRoute],
    (mac, metric): (Mac, Option<u32>),
) {
    let route =
        |dst: Ipv4Net, via: Option<Ipv4Addr>, src: Option<Ipv4Addr>, proto, nic: &Nic, metric| {
            RouteSpec {
                dst: dst.into(),
                via: via.map(Into::into),
                dev: nic.name.clone(),
                src: src.map(Into::into),
                onlink: false,
                proto,
                metric,
            }
        };
    for (i, nic) in nics.clone().enumerate() {
        let lan = &mut lans[nic.segment];
        let port = switch_port(&ns.name);
        let far = DeviceKindSpec::Cable {
            peer_netns: ns.name.clone(),
            peer: nic.name.clone(),
            nic: true,
        };
        let index = lan.devices.len() as u32 + 1;
        let random = naming::random_mac(0, &port);
        let mut switch_port = DeviceSpec::new(&port, index, random, 65_535, far);
        switch_port.master = Some(SWITCH.to_owned());
        switch_port.cable = nic.cable.clone();
        lan.devices.push(switch_port);
        let near = DeviceKindSpec::Cable { peer_netns: lan.name.clone(), peer: port, nic: true };
        let mac = if i == 0 { mac } else { nic.mac_in(topology, &ns.name) };
        let mut device = DeviceSpec::new(&nic.name, i as u32 + 2, mac, nic.mtu, near);
        device.cable = CableSpec { blocked: Vec::new(), ..nic.cable.clone() };
        let address = nic.address.value;
        device.addrs.push(address.into());
        ns.devices.push(device);
        let gateway = topology.segments[nic.segment].gateway.filter(|g| *g != address.addr());
        if let (0, Some(metric), Some(gateway)) = (i, metric, gateway) {
            let proto = if metric > 0 { RouteProto::Static } else { RouteProto::Boot };
            ns.routes.push(route(Ipv4Net::default(), Some(gateway), None, proto, nic, metric));
        }
        let src = Some(address.addr());
        // NetworkManager gives each interface a metric of its own.
        let metric = metric.filter(|m| *m > 0).map_or(0, |m| m + i as u32);
        ns.routes.push(route(address.trunc(), None, src, RouteProto::Kernel, nic, metric));
    }
    for r in routes {
        if let Some(nic) = nics.clone().find(|n| n.reaches(r.via)) {
            ns.routes.push(route(r.to, Some(r.via), None, RouteProto::Boot, nic, 0));
        }
    }
}

fn host(lans: &mut [NetnsSpec], cluster: &Rc<Cluster>, h: &Host) -> NetnsSpec {
    let t = &cluster.topology;
    let mut ns = NetnsSpec::new(h.name.value.clone());
    let seeded = || naming::random_mac(t.seed, &format!("{}/nic", h.name.value));
    let mac = h.nic.mac.unwrap_or_else(seeded);
    let metric = h.router.is_none().then_some(0);
    plug(lans, &mut ns, t, h.nics(), &h.routes, (mac, metric));
    if let Some(router) = &h.router {
        ns.sysctl.ip_forward = router.ip_forward;
        ns.sysctl.rp_filter = router.rp_filter;
        ns.rules = router.rules.clone();
    }
    if external::host(cluster) == Some(ns.name.as_str()) {
        balance(&mut ns, cluster);
    }
    ns
}

fn node(lans: &mut [NetnsSpec], cluster: &Cluster, i: usize) -> NetnsSpec {
    let this = &cluster.nodes[i];
    let mut ns = NetnsSpec::new(this.spec.name.value.clone());
    ns.sysctl = Sysctl {
        ip_forward: this.spec.ip_forward,
        bridge_nf_call_iptables: this.spec.bridge_nf,
        rp_filter: this.spec.rp_filter,
        route_localnet: true,
        ..Sysctl::default()
    };
    // kube-proxy sets these two (--conntrack-tcp-timeout-established, -close-wait).
    let mut timeouts = Timeouts::default();
    timeouts.tcp[TcpState::Established as usize] = Duration::secs(86_400);
    timeouts.tcp[TcpState::CloseWait as usize] = Duration::secs(3_600);
    ns.timeouts = timeouts;
    let nics = this.spec.nics();
    plug(lans, &mut ns, &cluster.topology, nics, &this.spec.routes, (this.mac, Some(100)));
    let index = ns.devices.len() as u32 + 1;
    if this.spec.docker {
        let net = docker::network();
        let name = device::DOCKER_BRIDGE;
        let mut docker0 =
            DeviceSpec::new(name, index, this.docker_mac, 1500, DeviceKindSpec::Bridge);
        docker0.addrs.push(net.into());
        ns.devices.push(docker0);
        ns.routes.push(RouteSpec {
            dst: net.trunc().into(),
            via: None,
            dev: name.to_owned(),
            src: Some(net.addr().into()),
            onlink: false,
            proto: RouteProto::Kernel,
            metric: 0,
        });
    }
    // Interface indices: lo, the NICs, docker0, flannel's device, cni0, and the veths in the order
    // in which the pods were created.
    let flannel_index = index + u32::from(this.spec.docker);
    let bridge_index = flannel_index + u32::from(cluster.topology.backend != Backend::HostGw);
    flannel::configure(&mut ns, cluster, i, flannel_index);
    cni::configure_node(&mut ns, cluster, i, bridge_index);
    ns.services.extend(cluster.host_pods_of(i).flat_map(image::services));
    if this.spec.role == Role::ControlPlane {
        ns.services.push(Listener {
            proto: PROTO_TCP,
            addr: Some(this.address().into()),
            port: 6443,
            app: image::generic(),
        });
    }
    ns
}

/// The rules of a node, in the order in which its programs write them.
fn rules(cluster: &Cluster, i: usize, input: &ProxyInput) -> RulesetBuilder {
    let (t, this) = (&cluster.topology, &cluster.nodes[i]);
    let mut rules = RulesetBuilder::default();
    if this.spec.docker {
        docker::write(&mut rules, t.version);
    }
    let settings = proxy_settings(cluster, i);
    kube_proxy::kubelet(&mut rules, &settings);
    if t.runs(&this.spec.name.value, Daemon::KubeProxy) {
        input.first_sync(&mut rules, &settings);
    }
    flannel::write(&mut rules, cluster, i);
    portmap::write(&mut rules, cluster, i);
    rules
}

//! The bridge plugin: cni0, veth pairs and the pod's network namespace
//! (`plugins/main/bridge/bridge.go`; CNI plugins 0.6 with Kubernetes 1.10, later ones after that).

use crate::cluster::{Cluster, Pod};
use crate::device::CNI_BRIDGE;
use crate::flannel;
use crate::naming;
use ipnet::{IpNet, Ipv4Net};
use net::route::RouteProto;
use net::spec::{DeviceKindSpec, DeviceSpec, NetnsSpec, RouteSpec};
use net::wire::Mac;

/// The kernel's route to a device's own network.
fn on_link(dst: Ipv4Net, dev: &str, src: std::net::Ipv4Addr) -> RouteSpec {
    RouteSpec {
        dst: dst.trunc().into(),
        via: None,
        dev: dev.to_owned(),
        src: Some(src.into()),
        onlink: false,
        proto: RouteProto::Kernel,
        metric: 0,
    }
}

/// Adds cni0, with this interface index, and the veths of the node's pods behind it.
pub(crate) fn configure_node(ns: &mut NetnsSpec, cluster: &Cluster, node: usize, index: u32) {
    let this = &cluster.nodes[node];
    let gateway = this.gateway();
    let mtu = flannel::mtu(&cluster.topology, this);
    let pods: Vec<&Pod> = cluster.pods.iter().filter(|p| p.node == node).collect();
    let [a, b, c, d] = gateway.octets();
    let mac = if cluster.topology.version.random_macs() {
        naming::random_mac(cluster.topology.seed, &format!("{}/cni0", this.spec.name.value))
    } else {
        Mac([0x0a, 0x58, a, b, c, d])
    };
    let mut bridge = DeviceSpec::new(CNI_BRIDGE, index, mac, mtu, DeviceKindSpec::Bridge);
    bridge.addrs.extend(Ipv4Net::new(gateway, this.pod_cidr.prefix_len()).map(IpNet::from));
    ns.devices.push(bridge);
    ns.routes.push(on_link(this.pod_cidr, CNI_BRIDGE, gateway));
    for (pod, i) in pods.iter().zip(index + 1..) {
        let kind =
            DeviceKindSpec::Cable { peer_netns: pod.netns(), peer: "eth0".to_owned(), nic: false };
        let mut veth = DeviceSpec::new(&pod.veth, i, pod.veth_mac, mtu, kind);
        veth.master = Some(CNI_BRIDGE.to_owned());
        veth.hairpin = true;
        ns.devices.push(veth);
    }
}

/// A pod's network namespace: eth0 and its routes.
pub(crate) fn pod_netns(cluster: &Cluster, pod: &Pod) -> NetnsSpec {
    let node = &cluster.nodes[pod.node];
    let mut ns = NetnsSpec::new(pod.netns());
    let kind = DeviceKindSpec::Cable {
        peer_netns: node.spec.name.value.clone(),
        peer: pod.veth.clone(),
        nic: false,
    };
    let t = &cluster.topology;
    let index = if t.version.eth0_is_second() { 2 } else { 3 };
    let mut eth0 = DeviceSpec::new("eth0", index, pod.mac, flannel::mtu(t, node), kind);
    eth0.addrs.extend(Ipv4Net::new(pod.ip, node.pod_cidr.prefix_len()).map(IpNet::from));
    ns.devices.push(eth0);
    let via = |dst: IpNet| RouteSpec {
        dst,
        via: Some(node.gateway().into()),
        dev: "eth0".to_owned(),
        src: None,
        onlink: false,
        proto: RouteProto::Boot,
        metric: 0,
    };
    ns.routes.push(via(Ipv4Net::default().into()));
    ns.routes.push(via(cluster.topology.pod_cidr.into()));
    ns.routes.push(on_link(node.pod_cidr, "eth0", pod.ip));
    ns
}

//! flannel 0.10, vxlan backend: rules, and for every other node a neighbour, a forwarding entry and
//! a route (`backend/vxlan/vxlan_network.go`, `network/iptables.go`).

use crate::cluster::Cluster;
use crate::fault::Daemon;
use net::neigh::NudState;
use net::netfilter::{Rule, RulesetBuilder, TableName, Target};
use net::route::RouteProto;
use net::spec::{DeviceKindSpec, DeviceSpec, NeighbourSpec, NetnsSpec, RouteSpec};

/// What VXLAN puts around a packet, in bytes.
pub const OVERHEAD: u32 = 50;

/// The name of its device.
pub fn device_name(vni: u32) -> String {
    format!("flannel.{vni}")
}

/// flannel's rules, at the end of both chains.
pub fn write(b: &mut RulesetBuilder, cluster: &Cluster, node: usize) {
    use TableName::{Filter, Nat};
    let t = &cluster.topology;
    let (net, own) = (t.pod_cidr, cluster.nodes[node].pod_cidr);
    let masquerade = || Rule::to(Target::Masquerade { random_fully: false });
    if t.ip_masq {
        let groups = "224.0.0.0/4".parse().expect("invariant: a literal network");
        b.append(Nat, "POSTROUTING", Rule::to(Target::Return).from_net(false, net).to_net(false, net));
        b.append(Nat, "POSTROUTING", masquerade().from_net(false, net).to_net(true, groups));
        b.append(Nat, "POSTROUTING", Rule::to(Target::Return).from_net(true, net).to_net(false, own));
        b.append(Nat, "POSTROUTING", masquerade().from_net(true, net).to_net(false, net));
    }
    b.append(Filter, "FORWARD", Rule::to(Target::Accept).from_net(false, net));
    b.append(Filter, "FORWARD", Rule::to(Target::Accept).to_net(false, net));
}

/// The VXLAN device, and what flanneld programs for every other node.
pub fn configure(ns: &mut NetnsSpec, cluster: &Cluster, node: usize) {
    let t = &cluster.topology;
    let this = &cluster.nodes[node];
    let name = device_name(t.vni);
    let nic = &this.spec.nic;
    let kind = DeviceKindSpec::Vxlan { vni: t.vni, local: this.address().into(), dev: nic.name.clone(), port: t.vxlan_port };
    let mut device = DeviceSpec::new(&name, 4, this.vtep_mac, nic.mtu - OVERHEAD, kind);
    device.addrs.push(ipnet::Ipv4Net::from(this.pod_cidr.network()).into());
    ns.devices.push(device);
    if !t.runs(&this.spec.name.value, Daemon::Flanneld) {
        return;
    }
    for (other, _) in cluster.nodes.iter().zip(0..).filter(|(_, i)| *i != node) {
        let vtep = other.pod_cidr.network();
        ns.neighbours.push(NeighbourSpec { dev: name.clone(), addr: vtep.into(), lladdr: other.vtep_mac, state: NudState::Permanent });
        ns.fdb.push((name.clone(), other.vtep_mac, other.address().into()));
        ns.routes.push(RouteSpec {
            dst: other.pod_cidr.into(),
            via: Some(vtep.into()),
            dev: name.clone(),
            src: None,
            onlink: true,
            proto: RouteProto::Boot,
            metric: 0,
        });
    }
}

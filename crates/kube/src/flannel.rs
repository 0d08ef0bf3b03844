//! flannel: rules, and for every other node a neighbour, a forwarding entry and a route
//! (`backend/vxlan/vxlan_network.go`, `backend/hostgw`, `network/iptables.go`). Which flannel: the
//! one of Kubernetes' day, from 0.10 beside 1.10 to 0.28 beside 1.36.

use crate::cluster::{Cluster, Node};
use crate::fault::Daemon;
use crate::proxy::Release;
use crate::topology::{Backend, Topology};
use ipnet::Ipv4Net;
use net::neigh::NudState;
use net::netfilter::{Match, Negatable, Rule, RulesetBuilder, TableName, Target};
use net::route::RouteProto;
use net::spec::{DeviceKindSpec, DeviceSpec, NeighbourSpec, NetnsSpec, RouteSpec};

/// What VXLAN puts around a packet, in bytes.
const OVERHEAD: u32 = 50;

/// kube-proxy's mark: what has it is masqueraded already.
const MASQ: u32 = 0x4000;

/// The name of its VXLAN device.
pub fn device_name(vni: u32) -> String {
    format!("flannel.{vni}")
}

/// The MTU of pods, in bytes: what is left of the NIC's.
pub fn mtu(t: &Topology, node: &Node) -> u32 {
    match t.backend {
        Backend::Vxlan { .. } => node.spec.nic.mtu - OVERHEAD,
        Backend::HostGw => node.spec.nic.mtu,
    }
}

/// flannel's rules.
pub fn write(b: &mut RulesetBuilder, cluster: &Cluster, node: usize) {
    use TableName::{Filter, Nat};
    let t = &cluster.topology;
    let (net, own, release) = (t.pod_cidr, cluster.nodes[node].pod_cidr, t.version);
    if t.ip_masq {
        let chain = Place::of(release, "POSTROUTING", "FLANNEL-POSTRTG");
        chain.enter(b, Nat, "flanneld masq");
        for rule in masquerading(release, net, own) {
            b.append(Nat, chain.name, told(release, "flanneld masq", rule));
        }
    }
    let chain = Place::of(release, "FORWARD", "FLANNEL-FWD");
    chain.enter(b, Filter, "flanneld forward");
    for rule in
        [Rule::to(Target::Accept).from_net(false, net), Rule::to(Target::Accept).to_net(false, net)]
    {
        b.append(Filter, chain.name, told(release, "flanneld forward", rule));
    }
}

/// Where its rules stand: at the end of a built-in chain, or in one of its own.
struct Place {
    built_in: &'static str,
    name: &'static str,
    /// The jump stands above everything else.
    first: bool,
}

impl Place {
    fn of(release: Release, built_in: &'static str, own: &'static str) -> Self {
        Self {
            built_in,
            name: if release.flannel_chains() { own } else { built_in },
            first: !release.flannel_appends(),
        }
    }

    fn enter(&self, b: &mut RulesetBuilder, table: TableName, comment: &str) {
        if self.name == self.built_in {
            return;
        }
        b.new_chain(table, self.name);
        let jump = Rule {
            matches: vec![Match::Comment(comment.into())],
            ..Rule::to(Target::Jump(self.name.into()))
        };
        if self.first {
            b.prepend(table, self.built_in, jump);
        } else {
            b.append(table, self.built_in, jump);
        }
    }
}

/// With the comment that later releases write.
fn told(release: Release, comment: &str, mut rule: Rule) -> Rule {
    if release.flannel_comments() {
        rule.matches.push(Match::Comment(comment.into()));
    }
    rule
}

/// Pods among themselves are left alone; who else comes in or goes out gets the node's address, but
/// for what comes from outside to a pod of this node.
fn masquerading(release: Release, net: Ipv4Net, own: Ipv4Net) -> Vec<Rule> {
    let masquerade =
        || Rule::to(Target::Masquerade { random_fully: release.flannel_random_fully() });
    let leave = || Rule::to(Target::Return);
    let groups = Ipv4Net::new_assert(std::net::Ipv4Addr::new(224, 0, 0, 0), 4);
    let outwards = masquerade().from_net(false, net).to_net(true, groups);
    let inwards = [
        leave().from_net(true, net).to_net(false, own),
        masquerade().from_net(true, net).to_net(false, net),
    ];
    let mut out = Vec::new();
    if release.flannel_chains() {
        out.push(Rule { matches: vec![Match::Mark(Negatable::plain((MASQ, MASQ)))], ..leave() });
    }
    let [local, rest] = inwards;
    if release.flannel_splits() {
        out.extend([
            leave().from_net(false, own).to_net(false, net),
            leave().from_net(false, net).to_net(false, own),
        ]);
        out.extend([local, outwards, rest]);
    } else {
        out.push(leave().from_net(false, net).to_net(false, net));
        out.extend([outwards, local, rest]);
    }
    out
}

/// The device, if the backend has one, and what flanneld programs for every other node.
pub fn configure(ns: &mut NetnsSpec, cluster: &Cluster, node: usize, index: u32) {
    let t = &cluster.topology;
    let this = &cluster.nodes[node];
    let name = device_name(t.vni);
    let nic = &this.spec.nic;
    if t.backend != Backend::HostGw {
        let kind = DeviceKindSpec::Vxlan {
            vni: t.vni,
            local: this.address().into(),
            dev: nic.name.clone(),
            port: t.vxlan_port,
        };
        let mut device = DeviceSpec::new(&name, index, this.vtep_mac, mtu(t, this), kind);
        device.addrs.push(Ipv4Net::from(this.pod_cidr.network()).into());
        ns.devices.push(device);
    }
    if !t.runs(&this.spec.name.value, Daemon::Flanneld) {
        return;
    }
    for (other, _) in cluster.nodes.iter().zip(0..).filter(|(_, i)| *i != node) {
        let vtep = other.pod_cidr.network();
        let route = |via: std::net::Ipv4Addr, dev: &str, onlink| RouteSpec {
            dst: other.pod_cidr.into(),
            via: Some(via.into()),
            dev: dev.to_owned(),
            src: None,
            onlink,
            proto: RouteProto::Boot,
            metric: 0,
        };
        // Every node is on the one segment: none is behind a gateway.
        if t.backend != (Backend::Vxlan { direct_routing: false }) {
            ns.routes.push(route(other.address(), &nic.name, false));
            continue;
        }
        ns.neighbours.push(NeighbourSpec {
            dev: name.clone(),
            addr: vtep.into(),
            lladdr: other.vtep_mac,
            state: NudState::Permanent,
        });
        ns.fdb.push((name.clone(), other.vtep_mac, other.address().into()));
        ns.routes.push(route(vtep, &name, true));
    }
}

//! flannel: its rules, and for every other node a neighbour, a forwarding entry and a route
//! (`backend/vxlan/vxlan_network.go`, `backend/hostgw`, `network/iptables.go`). The version is the
//! contemporary of the Kubernetes release: from 0.10 with 1.10 to 0.28 with 1.36.

use crate::cluster::{Cluster, Node};
use crate::device;
use crate::fault::Daemon;
use crate::proxy::MASQUERADE_MARK;
use crate::release::Release;
use crate::topology::{Backend, Topology};
use ipnet::Ipv4Net;
use net::neigh::NudState;
use net::netfilter::{Match, Negatable, Rule, RulesetBuilder, TableName, Target};
use net::route::RouteProto;
use net::spec::{DeviceKindSpec, DeviceSpec, NeighbourSpec, NetnsSpec, RouteSpec};

/// The headers of VXLAN around an IP packet over IPv4, in bytes: 20 + 8 + 8 + 14.
const OVERHEAD: u32 = 50;

/// The MTU of a node's pods, in bytes: that of flannel's NIC, less the encapsulation.
pub(crate) fn mtu(t: &Topology, node: &Node) -> u32 {
    match t.backend {
        Backend::Vxlan { .. } => t.flannel_nic(&node.spec).mtu - OVERHEAD,
        Backend::HostGw => t.flannel_nic(&node.spec).mtu,
    }
}

/// Appends flannel's rules on a node.
pub(crate) fn write(b: &mut RulesetBuilder, cluster: &Cluster, node: usize) {
    use TableName::{Filter, Nat};
    let t = &cluster.topology;
    let (net, own, release) = (t.pod_cidr, cluster.nodes[node].pod_cidr, t.version);
    if t.ip_masq {
        let chain = RuleChain::new(release, "POSTROUTING", "FLANNEL-POSTRTG");
        chain.create(b, Nat, "flanneld masq");
        for rule in masquerading(release, net, own) {
            b.append(Nat, chain.name, commented(release, "flanneld masq", rule));
        }
    }
    let chain = RuleChain::new(release, "FORWARD", "FLANNEL-FWD");
    chain.create(b, Filter, "flanneld forward");
    for rule in
        [Rule::to(Target::Accept).from_net(false, net), Rule::to(Target::Accept).to_net(false, net)]
    {
        b.append(Filter, chain.name, commented(release, "flanneld forward", rule));
    }
}

/// The chain that holds flannel's rules: a built-in one, or from 0.20 on one of its own.
struct RuleChain {
    built_in: &'static str,
    name: &'static str,
    /// The jump to it is the first rule of the built-in chain, not the last.
    first: bool,
}

impl RuleChain {
    fn new(release: Release, built_in: &'static str, own: &'static str) -> Self {
        Self {
            built_in,
            name: if release.flannel_chains() { own } else { built_in },
            first: !release.flannel_appends(),
        }
    }

    /// Creates flannel's own chain and the jump to it.
    fn create(&self, b: &mut RulesetBuilder, table: TableName, comment: &str) {
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

/// A rule with the comment that later versions write.
fn commented(release: Release, comment: &str, mut rule: Rule) -> Rule {
    if release.flannel_comments() {
        rule.matches.push(Match::Comment(comment.into()));
    }
    rule
}

/// `MasqRules`: traffic among pods keeps its source, as does traffic from outside to a pod of this
/// node; other traffic from or to pods gets the node's address.
fn masquerading(release: Release, net: Ipv4Net, own: Ipv4Net) -> Vec<Rule> {
    let masquerade =
        || Rule::to(Target::Masquerade { random_fully: release.flannel_random_fully() });
    let leave = || Rule::to(Target::Return);
    let multicast = Ipv4Net::new_assert(std::net::Ipv4Addr::new(224, 0, 0, 0), 4);
    let outwards = masquerade().from_net(false, net).to_net(true, multicast);
    let inwards = [
        leave().from_net(true, net).to_net(false, own),
        masquerade().from_net(true, net).to_net(false, net),
    ];
    let mut out = Vec::new();
    if release.flannel_chains() {
        out.push(Rule {
            matches: vec![Match::Mark(Negatable::plain((MASQUERADE_MARK, MASQUERADE_MARK)))],
            ..leave()
        });
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

/// Adds flannel's device, if the backend has one, with this interface index, and what flanneld
/// programs for every other node.
pub(crate) fn configure(ns: &mut NetnsSpec, cluster: &Cluster, node: usize, index: u32) {
    let t = &cluster.topology;
    let this = &cluster.nodes[node];
    let name = device::flannel(t.vni);
    let nic = t.flannel_nic(&this.spec);
    let address = |node: &Node| t.flannel_nic(&node.spec).address.value.addr();
    if t.backend != Backend::HostGw {
        let kind = DeviceKindSpec::Vxlan {
            vni: t.vni,
            local: nic.address.value.addr().into(),
            dev: nic.name.clone(),
            port: t.vxlan_port,
        };
        let mut vxlan = DeviceSpec::new(&name, index, this.vtep_mac, mtu(t, this), kind);
        vxlan.addrs.push(Ipv4Net::from(this.pod_cidr.network()).into());
        ns.devices.push(vxlan);
    }
    if !t.runs(&this.spec.name.value, Daemon::Flanneld) {
        return;
    }
    for (_, other) in cluster.nodes.iter().enumerate().filter(|(i, _)| *i != node) {
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
        let public = address(other);
        let direct = match t.backend {
            Backend::Vxlan { direct_routing: false } => None,
            // `DirectRouting`: whether the route to the address has no gateway.
            Backend::Vxlan { .. } => this.spec.nics().find(|n| n.reaches(public)),
            // The route is added by flannel's interface, and the kernel refuses a gateway that is
            // not on its link; flannel logs that and goes on.
            Backend::HostGw if nic.reaches(public) => Some(nic),
            Backend::HostGw => continue,
        };
        if let Some(nic) = direct {
            ns.routes.push(route(public, &nic.name, false));
            continue;
        }
        ns.neighbours.push(NeighbourSpec {
            dev: name.clone(),
            addr: vtep.into(),
            lladdr: other.vtep_mac,
            state: NudState::Permanent,
        });
        ns.fdb.push((name.clone(), other.vtep_mac, public.into()));
        ns.routes.push(route(vtep, &name, true));
    }
}

//! What happens in a running cluster that is to become another: which component does what, on which node,
//! and how long after.
//!
//! ```text
//! t            kubectl; a machine is plugged in or out
//! + 0.3 s      flanneld on every node: neighbour, forwarding entry and route of a node that came or went
//! + 0.4 s      kubelet and the CNI: the network namespaces of new pods
//! + 1.0 s      new pods are ready; pods that were deleted are gone
//! + 0 to 1 s   kube-proxy, on each node at its own time, after it knows of the endpoints
//! ```
//!
//! The order is the real one; the times are ours, in the order of magnitude of a quiet cluster. kube-proxy
//! syncs at most once a second (`minSyncPeriod`), so when it does is drawn from the seed.

use crate::cluster::Cluster;
use crate::proxy::{Stale, Sync};
use crate::{plan, portmap};
use net::Duration;
use net::netfilter::{Restored, Ruleset, RulesetBuilder, TableName};
use net::rng;
use net::spec::{DeviceKindSpec, DeviceSpec, NeighbourSpec, NetnsSpec, RouteSpec, Spec};
use net::wire::Mac;
use std::net::IpAddr;
use std::rc::Rc;

/// Something a component does.
#[derive(Clone, Debug)]
pub struct Step {
    /// How long after the beginning.
    pub after: Duration,
    /// In which network namespace.
    pub netns: String,
    /// The program that does it.
    pub by: &'static str,
    /// What.
    pub work: Work,
}

/// What a component does.
#[derive(Clone, Debug)]
pub enum Work {
    /// A network namespace comes, with the far ends of its cables.
    Add(Box<NetnsSpec>, Vec<(String, DeviceSpec)>),
    /// A network namespace goes.
    Delete(String),
    /// A device gets another MAC.
    Address(String, Mac),
    /// A permanent neighbour comes, changes or goes.
    Neighbour(NeighbourSpec, bool),
    /// A forwarding entry comes or goes: device, MAC, VTEP.
    Fdb((String, Mac, IpAddr), bool),
    /// A route comes or goes.
    Route(RouteSpec, bool),
    /// The portmap plugin writes its rules about a pod that came, or removes those of one that went.
    HostPorts(Rc<Cluster>, String, bool),
    /// kube-proxy syncs.
    Sync(Box<Synced>),
}

/// A sync of kube-proxy.
#[derive(Clone, Debug)]
pub struct Synced {
    /// What it wants.
    pub sync: Sync,
    /// What it wanted the last time.
    pub before: Option<Sync>,
    /// What it deletes of the connections.
    pub stale: Stale,
}

const PEERS: Duration = Duration::millis(300);
const STARTED: Duration = Duration::millis(400);
const READY: Duration = Duration::secs(1);
const ENDED: Duration = Duration::secs(1);
/// How long the controllers and the watches take.
const KNOWN: Duration = Duration::millis(50);

/// Everything that is done, in order. `n`: how many changes there were before, for the draw.
///
/// # Errors
/// What cannot change while a cluster runs: why, and what to do instead.
pub fn rollout(before: &Rc<Cluster>, after: &Rc<Cluster>, n: u64) -> Result<Vec<Step>, (String, String)> {
    let (was, is) = (plan::spec(before), plan::spec(after));
    fixed(before, after, &was, &is)?;
    let mut out = Vec::new();
    let machine = |c: &Cluster, name: &str| {
        c.nodes.iter().any(|n| n.spec.name.value == name) || c.topology.hosts.iter().any(|h| *h.name.value == *name)
    };
    let there = |spec: &Spec, name: &str| spec.netns.iter().any(|n| n.name == name);
    // Whose node a pod is on; a machine is on the segment.
    let home = |c: &Cluster, name: &str| {
        let pod = c.pods.iter().find(|p| p.netns() == name);
        pod.map_or_else(|| c.topology.segment.name.clone(), |p| c.nodes[p.node].spec.name.value.clone())
    };
    let step = |after, netns: String, by, work| Step { after, netns, by, work };
    let mut starts = false;
    for ns in is.netns.iter().filter(|n| !there(&was, &n.name)) {
        let plugged = machine(after, &ns.name);
        starts |= !plugged;
        let mut ns = ns.clone();
        if plugged {
            // The cables of its pods come with them.
            ns.devices.retain(|d| !matches!(d.kind, DeviceKindSpec::Cable { nic: false, .. }));
        }
        let ends = far_ends(&ns, &is);
        let ports = host_ports(after, &ns.name, true);
        let (when, by) = if plugged { (Duration::default(), "kubeadm") } else { (STARTED, "kubelet") };
        let home = home(after, &ns.name);
        out.push(step(when, home.clone(), by, Work::Add(Box::new(ns), ends)));
        out.extend(ports.map(|work| step(when, home, "portmap", work)));
    }
    // A machine goes after its pods, and they go with it.
    let (machines, pods): (Vec<_>, Vec<_>) = was.netns.iter().filter(|n| !there(&is, &n.name)).partition(|n| machine(before, &n.name));
    for ns in pods {
        let home = home(before, &ns.name);
        let waits = starts && machine(after, &home);
        let when = if waits { READY + ENDED } else { ENDED };
        out.extend(host_ports(before, &ns.name, false).map(|work| step(when, home.clone(), "portmap", work)));
        out.push(step(when, home, "kubelet", Work::Delete(ns.name.clone())));
    }
    for ns in machines {
        out.push(step(ENDED, home(before, &ns.name), "kubeadm", Work::Delete(ns.name.clone())));
    }
    for (a, b) in was.netns.iter().filter_map(|a| Some((a, is.netns.iter().find(|b| b.name == a.name)?))) {
        let gone = |vtep: IpAddr| !after.nodes.iter().any(|n| IpAddr::from(n.address()) == vtep);
        out.extend(flanneld(a, b, &gone).into_iter().map(|w| step(PEERS, a.name.clone(), "flanneld", w)));
    }
    let known = if starts { READY + KNOWN } else { KNOWN };
    for (i, node) in after.nodes.iter().enumerate() {
        let name = &node.spec.name.value;
        let Some(j) = before.nodes.iter().position(|n| n.spec.name.value == *name) else { continue };
        if let Some(work) = synced(Some((before, j)), after, i) {
            let wait = rng::hash_str(after.topology.seed ^ n, &format!("{name}/kube-proxy")) % 1_000;
            out.push(step(known + Duration::millis(wait), name.clone(), "kube-proxy", Work::Sync(Box::new(work))));
        }
    }
    out.sort_by_key(|s| s.after);
    Ok(out)
}

/// What portmap does about a pod, if it has host ports.
fn host_ports(cluster: &Rc<Cluster>, netns: &str, there: bool) -> Option<Work> {
    let pod = cluster.pods.iter().find(|p| p.netns() == netns)?;
    portmap::maps(pod).then(|| Work::HostPorts(cluster.clone(), netns.to_owned(), there))
}

/// A node's rules after portmap has done something about a pod.
pub fn with_host_ports(rules: &Ruleset, cluster: &Cluster, netns: &str, there: bool) -> Restored {
    let mut b = RulesetBuilder::from(rules);
    if let Some(pod) = cluster.pods.iter().find(|p| p.netns() == netns) {
        if there { portmap::add(&mut b, cluster, pod) } else { portmap::remove(&mut b, cluster, pod) }
    }
    let after = b.build();
    // Chains that stay as they are keep their counters, and those that got a rule at one end.
    let chains = rules.table(TableName::Nat).chains.iter().map(|c| (TableName::Nat, c.name.clone()));
    let kept = chains.filter(|(t, c)| after.table(*t).chain(c).is_some()).collect();
    Restored { rules: after, tables: [TableName::Nat].into(), kept }
}

/// What a node's kube-proxy does about a cluster; `before`: the cluster it knew, and its number there. None if
/// nothing changes for it.
pub fn synced(before: Option<(&Cluster, usize)>, after: &Cluster, node: usize) -> Option<Synced> {
    let settings = plan::proxy_settings(after, node);
    let sync = plan::proxy_sync(after, node, &settings, true);
    let ports = plan::proxy_ports(after, node);
    let old = before.map(|(c, j)| (plan::proxy_sync(c, j, &plan::proxy_settings(c, j), true), plan::proxy_ports(c, j)));
    if let Some((was, were)) = &old
        && *were == ports
        && was.restore(&Default::default()) == sync.restore(&Default::default())
    {
        return None;
    }
    let (before, were) = old.map_or_else(|| (None, Vec::new()), |(s, p)| (Some(s), p));
    Some(Synced { stale: Stale::between(&settings, &were, &ports), sync, before })
}

/// What flanneld does about nodes that came, went, or have another MAC. The forwarding entry of an old MAC
/// stays, as long as its node does.
fn flanneld(was: &NetnsSpec, is: &NetnsSpec, gone: &dyn Fn(IpAddr) -> bool) -> Vec<Work> {
    let mut out = Vec::new();
    for d in &is.devices {
        if was.devices.iter().any(|x| x.name == d.name && x.mac != d.mac) {
            out.push(Work::Address(d.name.clone(), d.mac));
        }
    }
    let key = |n: &NeighbourSpec| (n.dev.clone(), n.addr);
    let same = |a: &NeighbourSpec, b: &NeighbourSpec| key(a) == key(b) && a.lladdr == b.lladdr;
    let route = |a: &RouteSpec, b: &RouteSpec| a.dst == b.dst && a.via == b.via && a.dev == b.dev;
    out.extend(is.neighbours.iter().filter(|n| !was.neighbours.iter().any(|o| same(o, n))).map(|n| Work::Neighbour(n.clone(), true)));
    out.extend(is.fdb.iter().filter(|e| !was.fdb.contains(e)).map(|e| Work::Fdb(e.clone(), true)));
    out.extend(is.routes.iter().filter(|r| !was.routes.iter().any(|o| route(o, r))).map(|r| Work::Route(r.clone(), true)));
    out.extend(
        was.neighbours.iter().filter(|n| !is.neighbours.iter().any(|o| key(o) == key(n))).map(|n| Work::Neighbour(n.clone(), false)),
    );
    out.extend(was.fdb.iter().filter(|e| !is.fdb.contains(e) && gone(e.2)).map(|e| Work::Fdb(e.clone(), false)));
    out.extend(was.routes.iter().filter(|r| !is.routes.iter().any(|o| route(o, r))).map(|r| Work::Route(r.clone(), false)));
    out
}

/// The far ends of a namespace's cables.
fn far_ends(ns: &NetnsSpec, spec: &Spec) -> Vec<(String, DeviceSpec)> {
    let end = |d: &DeviceSpec| {
        let DeviceKindSpec::Cable { peer_netns, peer, .. } = &d.kind else { return None };
        let far = spec.netns.iter().find(|n| n.name == *peer_netns)?;
        Some((far.name.clone(), far.devices.iter().find(|x| x.name == *peer)?.clone()))
    };
    ns.devices.iter().filter_map(end).collect()
}

/// What must stay as it is.
fn fixed(before: &Cluster, after: &Cluster, was: &Spec, is: &Spec) -> Result<(), (String, String)> {
    let no = |what: &str| {
        Err((format!("{what} cannot change while the cluster runs"), "change it in the document itself, which begins anew".to_owned()))
    };
    let (a, b) = (&before.topology, &after.topology);
    if a.version != b.version {
        return no("the release of Kubernetes");
    }
    if a.kube_proxy != b.kube_proxy {
        return no("kube-proxy's settings");
    }
    if (a.pod_cidr, a.service_cidr, a.node_ports) != (b.pod_cidr, b.service_cidr, b.node_ports) {
        return no("a range of the cluster");
    }
    if a.backend != b.backend || a.vni != b.vni || a.vxlan_port != b.vxlan_port || a.ip_masq != b.ip_masq {
        return no("flannel's backend");
    }
    if a.segment != b.segment || a.faults != b.faults {
        return no("the segment, or a fault,");
    }
    for (x, y) in was.netns.iter().filter_map(|x| Some((x, is.netns.iter().find(|y| y.name == x.name)?))) {
        let machine = |d: &&DeviceSpec| !matches!(d.kind, DeviceKindSpec::Cable { nic: false, .. });
        let shape = |d: &DeviceSpec| (d.name.clone(), d.mtu, d.addrs.clone(), d.up);
        let same = x.devices.iter().filter(machine).map(shape).eq(y.devices.iter().filter(machine).map(shape));
        if x.tapped && (!same || x.sysctl != y.sysctl) {
            return no(&format!("a device or sysctl of {}", x.name));
        }
    }
    Ok(())
}

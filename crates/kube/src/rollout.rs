//! What happens in a running cluster that is to become another: which component does what, on which
//! node, and how long after.
//!
//! ```text
//! t            kubectl; a machine is plugged in
//! + 0.3 s      flanneld on every node: neighbour, forwarding entry and route of a node that came or went
//! + 0.4 s      kubelet and the CNI: the network namespaces of new pods
//! + 1.0 s      new pods are ready; pods that were deleted are gone, then machines
//! + 2.0 s      pods of an older template, which stayed until the new ones were ready, are gone
//! + 0 to 1 s   kube-proxy, on each node at its own time, after it knows of a change of the endpoints
//! ```
//!
//! A pod that is deleted is an endpoint no more at once, or one that is terminating; its
//! replacement becomes one when it is ready. A new pod that wants a host port of one that leaves
//! starts when that is gone.
//!
//! The order is the real one (`pkg/kubelet`, `pkg/proxy`, flannel's
//! `backend/vxlan/vxlan_network.go`); the times are ours, in the order of magnitude of a quiet
//! cluster. kube-proxy syncs at most once a second (`minSyncPeriod`), so when it does is drawn from
//! the seed.

use crate::cluster::{Cluster, Pod, RunningService};
use crate::object::ServiceType;
use crate::plan;
use crate::portmap;
use crate::topology::Role;
use net::Duration;
use net::rng;
use net::spec::{DeviceKindSpec, DeviceSpec, NeighbourSpec, NetnsSpec, RouteSpec, Spec};
use net::wire::Mac;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// Something a component does.
#[derive(Clone, Debug)]
pub struct Step {
    /// How long after the beginning.
    pub after: Duration,
    /// In which network namespace.
    pub netns: String,
    /// The program that does it; none: a person, to a machine.
    pub by: Option<&'static str>,
    /// What.
    pub work: Work,
}

/// Whether something comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// It comes, or is another now.
    Add,
    /// It goes.
    Delete,
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
    /// A permanent neighbour.
    Neighbour(Op, NeighbourSpec),
    /// A forwarding entry: device, MAC, VTEP.
    Fdb(Op, (String, Mac, IpAddr)),
    /// A route.
    Route(Op, RouteSpec),
    /// The host ports of a pod of this cluster, by its network namespace.
    HostPorts(Op, Rc<Cluster>, String),
    /// kube-proxy syncs, and knows this cluster.
    Sync(Rc<Cluster>),
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
pub fn rollout(
    before: &Rc<Cluster>,
    after: &Rc<Cluster>,
    n: u64,
) -> Result<Vec<Step>, (String, String)> {
    let node = |c: &Cluster, name: &str| c.nodes.iter().position(|n| n.spec.name.value == name);
    let machine = |c: &Cluster, name: &str| {
        node(c, name).is_some() || c.topology.hosts.iter().any(|h| *h.name.value == *name)
    };
    // Only a machine that comes needs the rules it comes with.
    let comes = |i: usize| node(before, &after.nodes[i].spec.name.value).is_none();
    let (was, is) = (plan::spec_ruled(before, &|_| false), plan::spec_ruled(after, &comes));
    fixed(before, after, &was, &is)?;
    let mut out = Vec::new();
    let there = |spec: &Spec, name: &str| spec.netns.iter().any(|n| n.name == name);
    // Whose node a pod is on; a machine is on the segment.
    let home = |c: &Cluster, name: &str| {
        let pod = c.pods.iter().find(|p| p.netns() == name);
        pod.map_or_else(
            || c.topology.segment.name.clone(),
            |p| c.nodes[p.node].spec.name.value.clone(),
        )
    };
    let step = |after, netns: String, by, work| Step { after, netns, by, work };
    let pods = Pods::between(before, after);
    let ready = if pods.late.is_empty() { READY } else { ENDED + READY };
    for ns in is.netns.iter().filter(|n| !there(&was, &n.name)) {
        let plugged = machine(after, &ns.name);
        let mut ns = ns.clone();
        if plugged {
            // The cables of its pods come with them.
            ns.devices.retain(|d| !matches!(d.kind, DeviceKindSpec::Cable { nic: false, .. }));
        }
        let ends = far_ends(&ns, &is);
        let ports = host_ports(Op::Add, after, &ns.name);
        let (when, by) = match plugged {
            true => (Duration::default(), None),
            false if pods.late.contains(&ns.name) => (ENDED + STARTED, Some("kubelet")),
            false => (STARTED, Some("kubelet")),
        };
        let home = home(after, &ns.name);
        out.push(step(when, home.clone(), by, Work::Add(Box::new(ns), ends)));
        out.extend(ports.map(|work| step(when, home, Some("portmap"), work)));
    }
    // A machine goes after its pods, and they go with it.
    let (machines, gone): (Vec<_>, Vec<_>) =
        was.netns.iter().filter(|n| !there(&is, &n.name)).partition(|n| machine(before, &n.name));
    for ns in gone {
        let home = home(before, &ns.name);
        let when = if pods.rolled.contains(&ns.name) { ready + ENDED } else { ENDED };
        out.extend(
            host_ports(Op::Delete, before, &ns.name)
                .map(|work| step(when, home.clone(), Some("portmap"), work)),
        );
        out.push(step(when, home, Some("kubelet"), Work::Delete(ns.name.clone())));
    }
    for ns in machines {
        out.push(step(ENDED, home(before, &ns.name), None, Work::Delete(ns.name.clone())));
    }
    let gone = |vtep: IpAddr| !after.nodes.iter().any(|n| IpAddr::from(n.address()) == vtep);
    let names = |c: &Cluster| c.nodes.iter().map(|n| n.spec.name.value.clone()).collect::<Vec<_>>();
    let same_nodes = names(before) == names(after);
    let mut stages = pods.stages(before, after, ready);
    let mut last = same_nodes.then(|| before.services.clone());
    stages.retain(|(_, c)| last.replace(c.services.clone()).is_none_or(|l| l != c.services));
    for name in names(after).into_iter().filter(|n| node(before, n).is_some()) {
        let of = |spec: &Spec| spec.netns.iter().find(|x| x.name == name).cloned();
        if let (Some(a), Some(b)) = (of(&was), of(&is)) {
            out.extend(
                flanneld(&a, &b, &gone)
                    .into_iter()
                    .map(|w| step(PEERS, name.clone(), Some("flanneld"), w)),
            );
        }
        for ((at, cluster), k) in stages.iter().zip(0..) {
            let wait =
                rng::hash_str(after.topology.seed ^ n, &format!("{name}/kube-proxy/{k}")) % 1_000;
            let when = *at + KNOWN + Duration::millis(wait);
            out.push(step(when, name.clone(), Some("kube-proxy"), Work::Sync(cluster.clone())));
        }
    }
    out.sort_by_key(|s| s.after);
    Ok(out)
}

/// Pods that come and go, by their network namespaces.
struct Pods {
    coming: Vec<Ipv4Addr>,
    /// Those that start only when another is gone, whose host port they want.
    late: Vec<String>,
    /// Addresses of those that are deleted at once.
    deleted: Vec<Ipv4Addr>,
    /// Those of an older template, which stay until the new ones are ready.
    rolled: Vec<String>,
    rolled_at: Vec<Ipv4Addr>,
}

impl Pods {
    fn between(before: &Cluster, after: &Cluster) -> Self {
        let of = |c: &Cluster| c.pods.iter().map(Pod::netns).collect::<BTreeSet<_>>();
        let (were, are) = (of(before), of(after));
        let node = |c: &Cluster, p: &Pod| c.nodes[p.node].spec.name.value.clone();
        let ports = |p: &Pod| {
            p.containers
                .iter()
                .flat_map(|c| &c.ports)
                .filter_map(|p| Some((p.host_port?, p.protocol)))
                .collect::<Vec<_>>()
        };
        let coming: Vec<&Pod> = after.pods.iter().filter(|p| !were.contains(&p.netns())).collect();
        let going: Vec<&Pod> = before.pods.iter().filter(|p| !are.contains(&p.netns())).collect();
        let clash = |a: &Pod, b: &Pod| {
            node(before, a) == node(after, b) && ports(a).iter().any(|x| ports(b).contains(x))
        };
        let late = coming
            .iter()
            .filter(|b| going.iter().any(|a| clash(a, b)))
            .map(|p| p.netns())
            .collect();
        let newer = |a: &Pod, b: &Pod| {
            a.namespace == b.namespace
                && a.deployment == b.deployment
                && a.template_hash != b.template_hash
        };
        let (rolled, deleted): (Vec<_>, Vec<_>) = going.into_iter().partition(|a| {
            coming.iter().any(|b| newer(a, b)) && !coming.iter().any(|b| clash(a, b))
        });
        Self {
            coming: coming.iter().map(|p| p.ip).collect(),
            late,
            deleted: deleted.iter().map(|p| p.ip).collect(),
            rolled: rolled.iter().map(|p| p.netns()).collect(),
            rolled_at: rolled.iter().map(|p| p.ip).collect(),
        }
    }

    /// What the API server knows, and from when on.
    fn stages(
        &self,
        before: &Cluster,
        after: &Rc<Cluster>,
        ready: Duration,
    ) -> Vec<(Duration, Rc<Cluster>)> {
        let at = |coming: &[Ipv4Addr], leaving: &[Ipv4Addr], kept: &[Ipv4Addr]| {
            let still = coming.is_empty() && leaving.is_empty() && kept.is_empty();
            if still {
                after.clone()
            } else {
                Rc::new(after.on_its_way(before, coming, leaving, kept))
            }
        };
        let mut out = vec![(Duration::default(), at(&self.coming, &self.deleted, &self.rolled_at))];
        if !self.deleted.is_empty() {
            out.push((ENDED, at(&self.coming, &[], &self.rolled_at)));
        }
        if !self.coming.is_empty() {
            out.push((ready, at(&[], &self.rolled_at, &[])));
        }
        if !self.rolled_at.is_empty() {
            out.push((ready + ENDED, after.clone()));
        }
        // What is known at one time is known at once.
        let times: Vec<Duration> = out.iter().map(|(t, _)| *t).collect();
        let mut i = 0;
        out.retain(|(t, _)| {
            i += 1;
            times.get(i) != Some(t)
        });
        out
    }
}

/// What portmap does about a pod, if it has host ports.
fn host_ports(op: Op, cluster: &Rc<Cluster>, netns: &str) -> Option<Work> {
    let pod = cluster.pods.iter().find(|p| p.netns() == netns)?;
    portmap::maps(pod).then(|| Work::HostPorts(op, cluster.clone(), netns.to_owned()))
}

/// What flanneld does about nodes that came, went, or have another MAC. The forwarding entry of an
/// old MAC stays, as long as its node does.
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
    out.extend(
        is.neighbours
            .iter()
            .filter(|n| !was.neighbours.iter().any(|o| same(o, n)))
            .map(|n| Work::Neighbour(Op::Add, n.clone())),
    );
    out.extend(
        is.fdb.iter().filter(|e| !was.fdb.contains(e)).map(|e| Work::Fdb(Op::Add, e.clone())),
    );
    out.extend(
        is.routes
            .iter()
            .filter(|r| !was.routes.iter().any(|o| route(o, r)))
            .map(|r| Work::Route(Op::Add, r.clone())),
    );
    let left = |n: &&NeighbourSpec| !is.neighbours.iter().any(|o| key(o) == key(n));
    out.extend(was.neighbours.iter().filter(left).map(|n| Work::Neighbour(Op::Delete, n.clone())));
    out.extend(
        was.fdb
            .iter()
            .filter(|e| !is.fdb.contains(e) && gone(e.2))
            .map(|e| Work::Fdb(Op::Delete, e.clone())),
    );
    out.extend(
        was.routes
            .iter()
            .filter(|r| !is.routes.iter().any(|o| route(o, r)))
            .map(|r| Work::Route(Op::Delete, r.clone())),
    );
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
        Err((
            format!("{what} cannot change while the cluster runs"),
            "change it in the document itself, which begins anew".to_owned(),
        ))
    };
    let (a, b) = (&before.topology, &after.topology);
    if a.version != b.version {
        return no(&format!(
            "the release of Kubernetes, from {} to {} (a Topology that names none means that),",
            a.version, b.version
        ));
    }
    if a.kube_proxy != b.kube_proxy {
        return no("kube-proxy's settings");
    }
    if (a.pod_cidr, a.service_cidr, a.node_ports) != (b.pod_cidr, b.service_cidr, b.node_ports) {
        return no("a range of the cluster");
    }
    if a.backend != b.backend
        || a.vni != b.vni
        || a.vxlan_port != b.vxlan_port
        || a.ip_masq != b.ip_masq
    {
        return no("flannel's backend");
    }
    let leads = |c: &Cluster| c.nodes.iter().any(|n| n.spec.role == Role::ControlPlane);
    if leads(before) && !leads(after) {
        return Err((
            "without the node that runs the API server nothing can be asked any more: that is not simulated".to_owned(),
            "delete another node".to_owned(),
        ));
    }
    for (was, is) in before.services.iter().filter_map(|w| {
        let same = |s: &&RunningService| s.namespace == w.namespace && s.name == w.name;
        Some((w, after.services.iter().find(same)?))
    }) {
        let named = |s: &RunningService| s.kind != ServiceType::ExternalName;
        if was.cluster_ip != is.cluster_ip && named(was) && named(is) {
            let ip = is.cluster_ip.map_or_else(|| "None".to_owned(), |ip| ip.to_string());
            let message = format!(
                "Service {:?} is invalid: spec.clusterIP: Invalid value: {ip:?}: field is immutable",
                is.name
            );
            return Err((
                message,
                "delete the Service first, or leave its clusterIP out".to_owned(),
            ));
        }
    }
    if a.segment != b.segment || a.faults != b.faults {
        return no("the segment, or a fault,");
    }
    for (x, y) in
        was.netns.iter().filter_map(|x| Some((x, is.netns.iter().find(|y| y.name == x.name)?)))
    {
        let own = |d: &&DeviceSpec| !matches!(d.kind, DeviceKindSpec::Cable { nic: false, .. });
        let mac =
            |d: &DeviceSpec| (!matches!(d.kind, DeviceKindSpec::Vxlan { .. })).then_some(d.mac);
        let shape = |d: &DeviceSpec| (d.name.clone(), d.mtu, d.addrs.clone(), d.up, mac(d));
        let mut pairs = x.devices.iter().filter(own).zip(y.devices.iter().filter(own));
        let other = pairs.find(|(a, b)| shape(a) != shape(b)).map(|(a, _)| a.name.as_str());
        if let Some(dev) = other.filter(|_| x.tapped) {
            return no(&format!("device {dev} of {}", x.name));
        }
        if x.tapped && x.sysctl != y.sysctl {
            return no(&format!("a sysctl of {} (but by sysctl -w)", x.name));
        }
    }
    Ok(())
}

//! From one running cluster to the next: which component does what, on which node, and when.
//!
//! ```text
//! t            kubectl; a machine is connected
//! + 0.3 s      flanneld on every node: neighbour, forwarding entry, route of a changed node
//! + 0.4 s      kubelet and the CNI plugins: network namespaces of new pods
//! + 1.0 s      new pods are ready; deleted pods are gone, then machines
//! + 2.0 s      pods of an older template, kept until the new ones are ready, are gone
//! + 0 to 1 s   kube-proxy, on each node separately, after each change of endpoints
//! + 0.05 s     the servers of cluster DNS, after each change of what they answer; the speakers of
//!              load balancers, after each change of endpoints or nodes
//! + 4 s        the health checks of a load balancer outside, after such a change
//! ```
//!
//! Deleting a pod removes its endpoint, or makes it terminating, immediately; the replacement is
//! added once it is ready. A new pod that needs the host port of a pod being deleted starts when
//! that is gone.
//!
//! The order is the real one (`pkg/kubelet`, `pkg/proxy`, flannel's
//! `backend/vxlan/vxlan_network.go`); the times are assumptions, of the magnitude seen in a quiet
//! cluster. kube-proxy syncs at most once a second (`minSyncPeriod`), so its time is drawn from the
//! seed.

use crate::cluster::{Cluster, Node, Pod, RunningService, RunningWorkload};
use crate::dns;
use crate::external;
use crate::fault::Daemon;
use crate::object::{ServiceType, WorkloadKind, ports_clash};
use crate::plan;
use crate::portmap;
use crate::topology::{Role, Topology};
use net::Duration;
use net::dns::SharedZone;
use net::rng;
use net::socket::{Listener, ServerApp};
use net::spec::{DeviceKindSpec, DeviceSpec, NeighbourSpec, NetnsSpec, RouteSpec, Spec};
use net::wire::Mac;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// One action of a component.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Virtual time between the change of the cluster and the action.
    pub after: Duration,
    /// The network namespace of the component; for a machine, the segment.
    pub netns: String,
    /// The component; none if a machine is connected or switched off.
    pub by: Option<&'static str>,
    /// What it does to the kernel.
    pub work: Work,
}

/// Whether something is added or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Adds it, or replaces what has the same key.
    Add,
    /// Deletes what has the same key.
    Delete,
}

/// What a component does to the kernel.
#[derive(Clone, Debug)]
pub enum Work {
    /// Adds a network namespace, and the devices at the other ends of its cables: namespace,
    /// device.
    Add(Box<NetnsSpec>, Vec<(String, DeviceSpec)>),
    /// Deletes the network namespace with this name.
    Delete(String),
    /// Sets a device's MAC address.
    Address(String, Mac),
    /// The servers that listen on a node from now on.
    Listen(Rc<Vec<Listener>>),
    /// Adds or deletes a permanent neighbour.
    Neighbour(Op, NeighbourSpec),
    /// A forwarding entry: device, MAC, VTEP.
    Fdb(Op, (String, Mac, IpAddr)),
    /// Adds or deletes a route.
    Route(Op, RouteSpec),
    /// portmap's rules for the pod of a cluster with this network namespace.
    HostPorts(Op, Rc<Cluster>, String),
    /// A sync of kube-proxy to this state of the cluster.
    Sync(Rc<Cluster>),
    /// A server of cluster DNS answers from this zone.
    Zone(SharedZone),
    /// A speaker elects anew, by this state of the cluster.
    Elect(Rc<Cluster>),
    /// The load balancer outside has the addresses and rules for this state of the cluster.
    Balance(Rc<Cluster>),
}

/// Until flanneld knows of a node.
const FLANNELD: Duration = Duration::millis(300);
/// Until a new pod has its network namespace.
const STARTED: Duration = Duration::millis(400);
/// Until a new pod is ready.
const READY: Duration = Duration::secs(1);
/// Until a deleted pod is gone.
const TERMINATED: Duration = Duration::secs(1);
/// Until kube-proxy, cluster DNS and speakers know of a change of endpoints.
const WATCH: Duration = Duration::millis(50);

/// Until health checks have failed or succeeded often enough: two of them, two seconds apart.
pub const HEALTH: Duration = Duration::secs(4);

/// The operations that turn one cluster into the next, in order. `n`: the number of earlier
/// changes, which varies the draw.
///
/// # Errors
/// A change that a running cluster cannot make: the reason, and what to do instead.
pub fn rollout(
    before: &Rc<Cluster>,
    after: &Rc<Cluster>,
    n: u64,
) -> Result<Vec<Operation>, (String, String)> {
    let node = |c: &Cluster, name: &str| c.nodes.iter().position(|n| n.spec.name.value == name);
    let machine = |c: &Cluster, name: &str| {
        node(c, name).is_some() || c.topology.hosts.iter().any(|h| *h.name.value == *name)
    };
    let (was, is) = (plan::spec(before), plan::spec(after));
    check_immutable(before, after, &was, &is)?;
    let mut out = Vec::new();
    let names = |spec: &Spec| spec.netns.iter().map(|n| n.name.clone()).collect::<BTreeSet<_>>();
    let (were, are) = (names(&was), names(&is));
    // The namespace of a pod's node; of a machine, the segment.
    let home = |c: &Cluster, name: &str| {
        let pod = c.pods.iter().find(|p| p.netns() == name);
        pod.map_or_else(
            || c.topology.segment().name.clone(),
            |p| c.nodes[p.node].spec.name.value.clone(),
        )
    };
    let operation = |after, netns: String, by, work| Operation { after, netns, by, work };
    let pods = Pods::between(before, after);
    let ready = if pods.late.is_empty() { READY } else { TERMINATED + READY };
    let comes = |name: &String| !were.contains(name) || pods.replaced.contains(name);
    for ns in is.netns.iter().filter(|n| comes(&n.name)) {
        let is_machine = machine(after, &ns.name);
        let mut ns = ns.clone();
        if is_machine {
            // Its pods bring their cables.
            ns.devices.retain(|d| !matches!(d.kind, DeviceKindSpec::Cable { nic: false, .. }));
            ns.services.retain(|l| l.app != ServerApp::Arp);
        }
        let ends = far_ends(&ns, &is);
        let ports = host_ports(Op::Add, after, &ns.name);
        let (when, by) = if is_machine {
            (Duration::default(), None)
        } else if pods.late.contains(&ns.name) {
            (TERMINATED + STARTED, Some("kubelet"))
        } else {
            (STARTED, Some("kubelet"))
        };
        let home = home(after, &ns.name);
        out.push(operation(when, home.clone(), by, Work::Add(Box::new(ns), ends)));
        out.extend(ports.map(|work| operation(when, home, Some("portmap"), work)));
    }
    // The pods of a machine are deleted before it.
    let goes = |name: &String| !are.contains(name) || pods.replaced.contains(name);
    let (machines, gone): (Vec<_>, Vec<_>) =
        was.netns.iter().filter(|n| goes(&n.name)).partition(|n| machine(before, &n.name));
    for ns in gone {
        let home = home(before, &ns.name);
        let when = if pods.rolled.contains(&ns.name) { ready + TERMINATED } else { TERMINATED };
        out.extend(
            host_ports(Op::Delete, before, &ns.name)
                .map(|work| operation(when, home.clone(), Some("portmap"), work)),
        );
        out.push(operation(when, home, Some("kubelet"), Work::Delete(ns.name.clone())));
    }
    for ns in machines {
        out.push(operation(
            TERMINATED,
            home(before, &ns.name),
            None,
            Work::Delete(ns.name.clone()),
        ));
    }
    let vtep = |n: &Node| IpAddr::from(after.topology.flannel_nic(&n.spec).address.value.addr());
    let gone = |addr: IpAddr| !after.nodes.iter().any(|n| vtep(n) == addr);
    let names = |c: &Cluster| c.nodes.iter().map(|n| n.spec.name.value.clone()).collect::<Vec<_>>();
    let same_nodes = names(before) == names(after);
    let mut stages = pods.stages(before, after, ready);
    out.extend(dns_servers(before, after, &stages));
    let mut last = same_nodes.then(|| before.services.clone());
    stages.retain(|(_, c)| last.replace(c.services.clone()).is_none_or(|l| l != c.services));
    if [before, after].iter().any(|c| c.daemons().contains(&Daemon::Speaker)) {
        for (at, cluster) in &stages {
            out.extend(elections(*at + WATCH, cluster));
        }
    }
    if let Some(host) = external::host(after) {
        out.extend(stages.iter().map(|(at, cluster)| {
            let work = Work::Balance(cluster.clone());
            operation(*at + HEALTH, host.to_owned(), Some(external::PROGRAM), work)
        }));
    }
    for name in names(after).into_iter().filter(|n| node(before, n).is_some()) {
        let of = |spec: &Spec| spec.netns.iter().find(|x| x.name == name).cloned();
        if let (Some(a), Some(b)) = (of(&was), of(&is)) {
            out.extend(listening(&a, &b).into_iter().map(|(when, services)| {
                operation(when, name.clone(), Some("kubelet"), Work::Listen(Rc::new(services)))
            }));
            out.extend(
                flanneld(&a, &b, &gone)
                    .into_iter()
                    .map(|w| operation(FLANNELD, name.clone(), Some("flanneld"), w)),
            );
        }
        for (k, (at, cluster)) in stages.iter().enumerate() {
            let wait =
                rng::hash_str(after.topology.seed ^ n, &format!("{name}/kube-proxy/{k}")) % 1_000;
            let when = *at + WATCH + Duration::millis(wait);
            out.push(operation(
                when,
                name.clone(),
                Some("kube-proxy"),
                Work::Sync(cluster.clone()),
            ));
        }
    }
    out.sort_by_key(|s| s.after);
    Ok(out)
}

/// The pods that differ between two clusters.
struct Pods {
    /// Addresses of pods that do not exist yet.
    coming: Vec<Ipv4Addr>,
    /// Network namespaces of new pods that wait until an old one is gone, for its host port, its
    /// name or its place.
    late: Vec<String>,
    /// Names of pods that end and begin again under the same name, in another namespace.
    replaced: Vec<String>,
    /// Addresses of pods that are deleted at once.
    deleted: Vec<Ipv4Addr>,
    /// Network namespaces of pods of an older template, kept until the new ones are ready.
    rolled: Vec<String>,
    /// Addresses of the pods in `rolled`.
    rolled_at: Vec<Ipv4Addr>,
}

impl Pods {
    fn between(before: &Cluster, after: &Cluster) -> Self {
        let key = |p: &Pod| (p.netns(), p.ip);
        let of = |c: &Cluster| c.pods.iter().map(key).collect::<BTreeSet<_>>();
        let (were, are) = (of(before), of(after));
        let node = |c: &Cluster, p: &Pod| c.nodes[p.node].spec.name.value.clone();
        let coming: Vec<&Pod> = after.pods.iter().filter(|p| !were.contains(&key(p))).collect();
        let going: Vec<&Pod> = before.pods.iter().filter(|p| !are.contains(&key(p))).collect();
        let recreates = |p: &Pod| {
            let is_it = |w: &&RunningWorkload| w.owner == p.owner && w.namespace == p.namespace;
            after.workloads.iter().find(is_it).is_some_and(|w| w.recreates)
        };
        // A pod that must be gone before the other can start.
        let clash = |a: &Pod, b: &Pod| {
            let same_node = node(before, a) == node(after, b);
            let same_owner = a.owner == b.owner && a.namespace == b.namespace;
            a.netns() == b.netns()
                || (same_owner && recreates(b))
                || (same_owner && same_node && b.owner.kind == WorkloadKind::DaemonSet)
                || (same_node && ports_clash(&a.host_ports(), &b.host_ports()))
        };
        let replaced = going.iter().map(|p| p.netns());
        let replaced = replaced.filter(|n| coming.iter().any(|p| p.netns() == *n)).collect();
        let late = coming
            .iter()
            .filter(|b| going.iter().any(|a| clash(a, b)))
            .map(|p| p.netns())
            .collect();
        let newer = |a: &Pod, b: &Pod| {
            a.namespace == b.namespace && a.owner == b.owner && a.template_hash != b.template_hash
        };
        let (rolled, deleted): (Vec<_>, Vec<_>) = going.into_iter().partition(|a| {
            coming.iter().any(|b| newer(a, b)) && !coming.iter().any(|b| clash(a, b))
        });
        Self {
            coming: coming.iter().map(|p| p.ip).collect(),
            late,
            replaced,
            deleted: deleted.iter().map(|p| p.ip).collect(),
            rolled: rolled.iter().map(|p| p.netns()).collect(),
            rolled_at: rolled.iter().map(|p| p.ip).collect(),
        }
    }

    /// The states of the API server, and when each begins.
    fn stages(
        &self,
        before: &Cluster,
        after: &Rc<Cluster>,
        ready: Duration,
    ) -> Vec<(Duration, Rc<Cluster>)> {
        let at = |coming: &[Ipv4Addr], leaving: &[Ipv4Addr], kept: &[Ipv4Addr]| {
            let done = coming.is_empty() && leaving.is_empty() && kept.is_empty();
            if done {
                after.clone()
            } else {
                Rc::new(after.during_rollout(before, coming, leaving, kept))
            }
        };
        let mut out = vec![(Duration::default(), at(&self.coming, &self.deleted, &self.rolled_at))];
        if !self.deleted.is_empty() {
            out.push((TERMINATED, at(&self.coming, &[], &self.rolled_at)));
        }
        if !self.coming.is_empty() {
            out.push((ready, at(&[], &self.rolled_at, &[])));
        }
        if !self.rolled_at.is_empty() {
            out.push((ready + TERMINATED, after.clone()));
        }
        // Of two states at one time, only the later is seen.
        let times: Vec<Duration> = out.iter().map(|(t, _)| *t).collect();
        let mut i = 0;
        out.retain(|(t, _)| {
            i += 1;
            times.get(i) != Some(t)
        });
        out
    }
}

/// The elections of all speakers at a time.
pub fn elections(after: Duration, cluster: &Rc<Cluster>) -> Vec<Operation> {
    let nodes = cluster.nodes.iter().map(|n| n.spec.name.value.clone());
    let by = Some(Daemon::Speaker.name());
    nodes.map(|netns| Operation { after, netns, by, work: Work::Elect(cluster.clone()) }).collect()
}

/// The operations of the servers of cluster DNS, in each state of the API server that changes what
/// they answer.
fn dns_servers(
    before: &Cluster,
    after: &Cluster,
    stages: &[(Duration, Rc<Cluster>)],
) -> Vec<Operation> {
    let by = if after.topology.version.coredns() { "coredns" } else { "kube-dns" };
    let servers: BTreeSet<String> = before
        .pods
        .iter()
        .chain(&after.pods)
        .filter(|p| dns::is_server(p))
        .map(Pod::netns)
        .collect();
    let mut last = dns::zone(before);
    let mut out = Vec::new();
    for (at, cluster) in stages {
        let zone = dns::zone(cluster);
        if zone == last {
            continue;
        }
        last = zone.clone();
        let zone = SharedZone::lazy(move || zone);
        out.extend(servers.iter().map(|netns| Operation {
            after: *at + WATCH,
            netns: netns.clone(),
            by: Some(by),
            work: Work::Zone(zone.clone()),
        }));
    }
    out
}

/// portmap's operation for a pod, if it has host ports.
fn host_ports(op: Op, cluster: &Rc<Cluster>, netns: &str) -> Option<Work> {
    let pod = cluster.pods.iter().find(|p| p.netns() == netns)?;
    portmap::has_host_ports(pod).then(|| Work::HostPorts(op, cluster.clone(), netns.to_owned()))
}

/// What listens on a node while its pods on its own network change: the old servers beside the new
/// ones until they are gone.
fn listening(was: &NetnsSpec, is: &NetnsSpec) -> Vec<(Duration, Vec<Listener>)> {
    // What the speakers answer for is theirs.
    let own = |ns: &NetnsSpec| {
        let all = ns.services.iter().filter(|l| l.app != ServerApp::Arp);
        all.cloned().collect::<Vec<Listener>>()
    };
    let (was, is) = (own(was), own(is));
    if was == is {
        return Vec::new();
    }
    let mut both = was.clone();
    both.extend(is.iter().filter(|s| !was.contains(s)).cloned());
    vec![(STARTED, both), (TERMINATED, is)]
}

/// flanneld's operations for nodes that were added, removed, or have a new MAC address. The
/// forwarding entry of an old MAC address stays as long as its node does.
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

/// What flanneld writes on a node when it starts: its neighbours, forwarding entries and routes for
/// every other node. What is there and right is written again, as `NeighborSet` does.
pub fn flanneld_start(cluster: &Cluster, node: &str) -> Vec<Work> {
    let mut runs = cluster.clone();
    runs.topology.faults.clear();
    let spec = plan::spec(&Rc::new(runs));
    let Some(is) = spec.netns.into_iter().find(|n| n.name == node) else { return Vec::new() };
    let mut was = is.clone();
    let name = crate::device::flannel(cluster.topology.vni);
    was.neighbours.retain(|n| n.dev != name);
    was.fdb.retain(|(dev, ..)| *dev != name);
    // Its routes are of the protocol boot, as are the default route and those of the Topology.
    let routes = cluster.nodes.iter().filter(|n| n.spec.name.value == node);
    let routes: Vec<_> = routes.flat_map(|n| &n.spec.routes).collect();
    was.routes.retain(|r| {
        r.proto != net::route::RouteProto::Boot
            || r.dst.prefix_len() == 0
            || routes.iter().any(|s| r.dst == s.to.into() && r.via == Some(s.via.into()))
    });
    flanneld(&was, &is, &|_| false)
}

/// The devices at the other ends of a namespace's cables.
fn far_ends(ns: &NetnsSpec, spec: &Spec) -> Vec<(String, DeviceSpec)> {
    let end = |d: &DeviceSpec| {
        let DeviceKindSpec::Cable { peer_netns, peer, .. } = &d.kind else { return None };
        let far = spec.netns.iter().find(|n| n.name == *peer_netns)?;
        Some((far.name.clone(), far.devices.iter().find(|x| x.name == *peer)?.clone()))
    };
    ns.devices.iter().filter_map(end).collect()
}

/// Reports what a running cluster cannot change.
fn check_immutable(
    before: &Cluster,
    after: &Cluster,
    was: &Spec,
    is: &Spec,
) -> Result<(), (String, String)> {
    let no = |what: &str| {
        Err((
            format!("{what} cannot change while the cluster runs"),
            "change the document instead, which starts a new cluster".to_owned(),
        ))
    };
    let (a, b) = (&before.topology, &after.topology);
    if a.version != b.version {
        return no(&format!("spec.kubernetes.version, from {} to {},", a.version, b.version));
    }
    if a.kube_proxy != b.kube_proxy {
        return no("spec.kubeProxy");
    }
    if (a.pod_cidr, a.service_cidr, a.node_ports) != (b.pod_cidr, b.service_cidr, b.node_ports) {
        return no("a range of spec.kubernetes");
    }
    if a.backend != b.backend
        || a.vni != b.vni
        || a.vxlan_port != b.vxlan_port
        || a.ip_masq != b.ip_masq
    {
        return no("spec.flannel");
    }
    let leads = |c: &Cluster| c.nodes.iter().any(|n| n.spec.role == Role::ControlPlane);
    if leads(before) && !leads(after) {
        return Err((
            "a cluster without its API server is not simulated".to_owned(),
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
                "Service {:?} is invalid: spec.clusterIP: Invalid value: {ip:?}: \
                 field is immutable",
                is.name
            );
            return Err((message, "delete the Service first, or remove its clusterIP".to_owned()));
        }
    }
    if a.segments != b.segments || a.faults != b.faults {
        return no("spec.segments or spec.faults");
    }
    for (name, nics, routes) in a.machines() {
        let Some((_, others, others_routes)) = b.machines().find(|(n, ..)| n.value == name.value)
        else {
            continue;
        };
        if nics.iter().map(|n| &n.cable).ne(others.iter().map(|n| &n.cable)) {
            return no(&format!("a cable of {}", name.value));
        }
        if routes != others_routes {
            return no(&format!("a route of {}", name.value));
        }
    }
    for h in &a.hosts {
        let router = b.hosts.iter().find(|x| x.name.value == h.name.value).map(|x| &x.router);
        if router.is_some_and(|r| *r != h.router) {
            return no(&format!("the rules or sysctls of {}", h.name.value));
        }
    }
    let balancer = |t: &Topology| (t.load_balancer, t.load_balancer_host.clone());
    if balancer(a) != balancer(b) {
        return no("spec.loadBalancer");
    }
    for (x, y) in
        was.netns.iter().filter_map(|x| Some((x, is.netns.iter().find(|y| y.name == x.name)?)))
    {
        let own = |d: &&DeviceSpec| !matches!(d.kind, DeviceKindSpec::Cable { nic: false, .. });
        let mac =
            |d: &DeviceSpec| (!matches!(d.kind, DeviceKindSpec::Vxlan { .. })).then_some(d.mac);
        let shape = |d: &DeviceSpec| (d.name.clone(), d.mtu, d.addrs.clone(), d.up, mac(d));
        // A load balancer gets and loses addresses.
        let balances = external::host(after) == Some(x.name.as_str());
        let shape = |d: &DeviceSpec| {
            let (name, mtu, mut addrs, up, mac) = shape(d);
            addrs.retain(|a| !balances || a.prefix_len() < 32);
            (name, mtu, addrs, up, mac)
        };
        let mut pairs = x.devices.iter().filter(own).zip(y.devices.iter().filter(own));
        let other = pairs.find(|(a, b)| shape(a) != shape(b)).map(|(a, _)| a.name.as_str());
        if let Some(dev) = other.filter(|_| x.tapped) {
            return no(&format!("device {dev} of {}", x.name));
        }
        if x.tapped && x.sysctl != y.sysctl {
            return no(&format!("a sysctl of {} (except by sysctl -w)", x.name));
        }
    }
    Ok(())
}

//! Edits of the manifests that might repair a run: of the Service that was asked for, of the pods
//! behind it, and of the Topology.

use super::{Candidate, What};
use crate::cause::{Text, below};
use crate::probe::{Probe, service_at};
use crate::session::Session;
use crate::step::Run;
use kube::change::Object;
use kube::cluster::{Pod, RunningService};
use kube::object::{Labels, WorkloadKind};
use kube::topology::Balancer;
use kube::yaml::Tree;
use kube::yaml::edit::{Edit, YamlPath, edit, spliced};
use std::net::IpAddr;

/// Collects edits of a text.
struct Editor<'a> {
    text: &'a str,
    parsed: Text,
    out: Vec<Candidate>,
}

impl Editor<'_> {
    /// A text after some edits; `None` if one of them is not possible.
    fn edited(&self, edits: &[Edit]) -> Option<String> {
        let mut text = self.text.to_owned();
        for e in edits {
            text = spliced(&text, &edit(&text, e).ok()?);
        }
        Some(text)
    }

    fn add(&mut self, what: What, edits: &[Edit]) {
        if let Some(after) = self.edited(edits) {
            self.out.push(Candidate::edited(self.text, after, what));
        }
    }

    fn set(&mut self, what: What, o: &Object, path: &str, value: Tree) {
        self.add(what, &[Edit::Set(below(o.at.clone(), path), value)]);
    }

    /// Removes a field, if it is written.
    fn remove(&mut self, what: What, o: &Object, path: &str) {
        if self.parsed.field(o, path).is_some() {
            self.add(what, &[Edit::Remove(below(o.at.clone(), path))]);
        }
    }

    fn text_at(&self, o: &Object, path: &str) -> Option<String> {
        self.parsed.field(o, path).map(|(_, n)| n.text().to_owned())
    }

    fn count(&self, o: &Object, path: &str) -> usize {
        self.parsed.field(o, path).map_or(0, |(_, n)| n.items().len())
    }
}

/// Every edit that might help.
pub(super) fn edits(session: &Session, run: &Run, probe: &Probe, text: &str) -> Vec<Candidate> {
    let mut e = Editor { text, parsed: Text::new(text), out: Vec::new() };
    let cluster = session.running();
    let asked = run.to.or_else(|| queried(session, run));
    let by_address = asked.and_then(|to| service_at(cluster, to));
    let named = service_of_name(session, probe);
    let all: Vec<&RunningService> = match by_address.filter(|_| run.to.is_some()).or(named) {
        Some(s) => vec![s],
        None => cluster.services.iter().filter(|s| s.written.is_some()).collect(),
    };
    for s in all {
        let Some(o) = e.parsed.object("Service", &s.namespace, &s.name).cloned() else { continue };
        ports(&mut e, session, (s, &o), probe, asked);
        selector(&mut e, session, s, &o);
        policies(&mut e, session, (s, &o), run);
        names(&mut e, &o, probe);
        slices(&mut e, session, s);
    }
    workloads(&mut e, session, asked);
    nodes(&mut e);
    topology(&mut e);
    e.out
}

/// The DNS server that a run's lookup asked.
fn queried(session: &Session, run: &Run) -> Option<(IpAddr, u16)> {
    session.events()[run.events.clone()].iter().find_map(|e| match &e.kind {
        net::EventKind::Queried { server, .. } => Some((server.addr, server.port)),
        _ => None,
    })
}

/// The Service whose name a destination begins with.
fn service_of_name<'a>(session: &'a Session, probe: &Probe) -> Option<&'a RunningService> {
    let name = probe.target_name();
    let name = name.trim_start_matches("svc/").trim_start_matches("service/");
    let own = |s: &&RunningService| {
        name == s.name
            || name.strip_suffix(&s.name).is_some_and(|r| r.ends_with('.') || r.ends_with('/'))
            || name.split('.').any(|part| part == s.name)
    };
    session.running().services.iter().find(own)
}

fn pods_of<'a>(session: &'a Session, s: &'a RunningService) -> impl Iterator<Item = &'a Pod> {
    session.running().all_pods().filter(move |p| {
        p.namespace == s.namespace
            && !s.selector.is_empty()
            && s.selector.iter().all(|(k, v)| p.labels.get(k) == Some(v))
    })
}

fn ports(
    e: &mut Editor<'_>,
    session: &Session,
    (s, o): (&RunningService, &Object),
    probe: &Probe,
    asked: Option<(IpAddr, u16)>,
) {
    let port = asked.map(|a| a.1);
    let n = e.count(o, "spec/ports");
    for i in 0..n {
        let p = s.ports.get(i);
        let protocol = p.map_or("TCP", |p| p.protocol);
        let mut listening: Vec<u16> = pods_of(session, s)
            .flat_map(|p| &p.listening)
            .filter(|l| l.at.protocol == protocol)
            .map(|l| l.at.port)
            .collect();
        listening.sort_unstable();
        listening.dedup();
        let target = format!("spec/ports/{i}/targetPort");
        let is = e.text_at(o, &target);
        for l in listening.iter().take(4).filter(|l| is != Some(l.to_string())) {
            e.set(What::TargetPort, o, &target, Tree::plain(l));
        }
        let mut names: Vec<&str> = pods_of(session, s)
            .flat_map(|p| p.spec.running())
            .flat_map(|c| &c.ports)
            .filter_map(|c| c.name.as_deref())
            .collect();
        names.sort_unstable();
        names.dedup();
        if is.as_deref().is_some_and(|t| t.parse::<u16>().is_err()) {
            for name in names.iter().take(3).filter(|n| is.as_deref() != Some(**n)) {
                e.set(What::TargetPort, o, &target, Tree::text(*name));
            }
        }
        if let Some(wanted) = port {
            let by_node = !asked.is_some_and(|a| s.has_address(a.0));
            let (field, what) =
                if by_node { ("nodePort", What::NodePort) } else { ("port", What::Port) };
            let path = format!("spec/ports/{i}/{field}");
            if e.text_at(o, &path) != Some(wanted.to_string()) {
                let typed = by_node && e.text_at(o, "spec/type").is_none_or(|t| t == "ClusterIP");
                let mut all = vec![Edit::Set(below(o.at.clone(), &path), Tree::plain(wanted))];
                if typed {
                    let at = below(o.at.clone(), "spec/type");
                    all.push(Edit::Set(at, Tree::text("NodePort")));
                }
                e.add(what, &all);
            }
        }
        let wanted = probe.proto.transport();
        if let Some(wanted) = wanted.filter(|w| *w != protocol) {
            let at = format!("spec/ports/{i}/protocol");
            e.set(What::Protocol, o, &at, Tree::text(wanted));
        }
    }
}

/// The labels of a workload's pods, without those of its controller.
fn own_labels(p: &Pod) -> Labels {
    let mut labels = p.labels.clone();
    let generated = ["pod-template-hash", "controller-revision-hash", "pod-template-generation"];
    labels.retain(|k, _| !generated.contains(&k.as_str()) && !k.contains("kubernetes.io/pod"));
    labels
}

fn selector(e: &mut Editor<'_>, session: &Session, s: &RunningService, o: &Object) {
    let mut seen = Vec::new();
    for pod in session.running().all_pods().filter(|p| p.namespace == s.namespace) {
        if seen.contains(&&pod.owner) || s.selector.is_empty() {
            continue;
        }
        seen.push(&pod.owner);
        let labels = own_labels(pod);
        let wrong: Vec<(&String, &String)> =
            s.selector.iter().filter(|(k, v)| labels.get(*k) != Some(*v)).collect();
        if wrong.is_empty() || wrong.len() > 2 {
            continue;
        }
        let at = |key: &str| {
            let mut path = below(o.at.clone(), "spec/selector");
            path.parts.push(kube::yaml::edit::PathPart::Key(key.to_owned()));
            path
        };
        let edits: Vec<Edit> = wrong
            .iter()
            .map(|(k, v)| match labels.get(*k) {
                Some(is) => Edit::Set(at(k), Tree::text(is)),
                None => {
                    // A key written in another way, with the same value.
                    let near =
                        labels.iter().find(|(key, is)| is == v && !s.selector.contains_key(*key));
                    match near {
                        Some((key, _)) => Edit::Rename(at(k), key.clone()),
                        None => Edit::Remove(at(k)),
                    }
                }
            })
            .collect();
        if wrong.len() < s.selector.len()
            || wrong
                .iter()
                .all(|(k, v)| labels.contains_key(*k) || labels.values().any(|is| is == *v))
        {
            e.add(What::Selector, &edits);
        }
        let Some((w, template)) = workload(e, pod) else { continue };
        let labels: Vec<Edit> = wrong
            .iter()
            .map(|(k, v)| {
                let mut path = below(w.clone(), &format!("{template}metadata/labels"));
                path.parts.push(kube::yaml::edit::PathPart::Key((*k).clone()));
                Edit::Set(path, Tree::text(*v))
            })
            .collect();
        e.add(What::Label, &labels);
    }
}

/// The object that a pod comes from, and the path of its template.
fn workload(e: &Editor<'_>, pod: &Pod) -> Option<(YamlPath, &'static str)> {
    let o = e.parsed.object(pod.owner.kind.name(), &pod.namespace, &pod.owner.name)?;
    let template = if pod.owner.kind == WorkloadKind::Pod { "" } else { "spec/template/" };
    Some((o.at.clone(), template))
}

fn policies(e: &mut Editor<'_>, session: &Session, (s, o): (&RunningService, &Object), run: &Run) {
    for field in ["externalTrafficPolicy", "internalTrafficPolicy"] {
        let path = format!("spec/{field}");
        if e.text_at(o, &path).is_some_and(|p| p == "Local") {
            e.set(What::Policy, o, &path, Tree::text("Cluster"));
        }
    }
    if !s.traffic.source_ranges.is_empty() {
        let ns = session.last().ns(run.from);
        let own = run.to.and_then(|to| ns.source_for(to.0));
        if let Some(IpAddr::V4(own)) = own {
            let list = below(o.at.clone(), "spec/loadBalancerSourceRanges");
            e.add(What::Ranges, &[Edit::Push(list, Tree::text(format!("{own}/32")))]);
        }
        e.remove(What::Ranges, o, "spec/loadBalancerSourceRanges");
    }
    let hidden = s.ports.iter().flat_map(|p| &p.endpoints).any(|x| !x.ready);
    if hidden && !s.traffic.publish_not_ready {
        e.set(What::Publish, o, "spec/publishNotReadyAddresses", Tree::plain(true));
    }
}

/// A Service that is called almost as the client calls it.
fn names(e: &mut Editor<'_>, o: &Object, probe: &Probe) {
    let asked = probe.target_name().trim_start_matches("svc/");
    let asked = asked.split(['.', '/']).next().unwrap_or_default();
    let near = kube::diag::nearest(asked, [o.name.as_str()]);
    if near.is_some() && asked != o.name && asked.parse::<IpAddr>().is_err() {
        e.set(What::Name, o, "metadata/name", Tree::text(asked));
    }
}

/// Slices that are meant for a Service without a selector, but do not name it.
fn slices(e: &mut Editor<'_>, session: &Session, s: &RunningService) {
    node_ports(e, session, s);
    if !s.selector.is_empty() || s.ports.iter().any(|p| !p.endpoints.is_empty()) {
        return;
    }
    for (kind, path) in [
        ("EndpointSlice", "metadata/labels/kubernetes.io~1service-name"),
        ("Endpoints", "metadata/name"),
    ] {
        for o in e.parsed.of_kind(kind) {
            let mut at = o.at.clone();
            for key in path.split('/') {
                let key = key.replace("~1", "/");
                at.parts.push(kube::yaml::edit::PathPart::Key(key));
            }
            e.add(What::Slice, &[Edit::Set(at, Tree::text(&s.name))]);
        }
    }
}

/// Slices that name a node port instead of the pods behind it.
fn node_ports(e: &mut Editor<'_>, session: &Session, s: &RunningService) {
    let written = s.ports.iter().flat_map(|p| &p.endpoints);
    for own in written.filter(|_| s.selector.is_empty()).take(4) {
        let others = session.running().services.iter().flat_map(|o| &o.ports);
        let Some(pod) =
            others.filter(|p| p.node_port == Some(own.port)).find_map(|p| p.ready().next())
        else {
            continue;
        };
        for (kind, address, port) in [
            ("Endpoints", "subsets/0/addresses/0/ip", "subsets/0/ports/0/port"),
            ("EndpointSlice", "endpoints/0/addresses/0", "ports/0/port"),
        ] {
            for o in e.parsed.of_kind(kind).iter().filter(|o| o.name.starts_with(&s.name)) {
                let edits = [
                    Edit::Set(below(o.at.clone(), address), Tree::text(pod.0.to_string())),
                    Edit::Set(below(o.at.clone(), port), Tree::plain(pod.1)),
                ];
                e.add(What::Slice, &edits);
            }
        }
    }
}

/// Pods that do not run, or are not ready.
fn workloads(e: &mut Editor<'_>, session: &Session, asked: Option<(IpAddr, u16)>) {
    let c = session.running();
    for w in &c.workloads {
        let kind = w.owner.kind;
        let Some(o) = e.parsed.object(kind.name(), &w.namespace, &w.owner.name).cloned() else {
            continue;
        };
        let template = if kind == WorkloadKind::Pod { "spec" } else { "spec/template/spec" };
        let of = |p: &&Pod| p.is_of(kind, &w.namespace, &w.owner.name);
        let idle = c.idle_pods.iter().any(|p| p.owner == w.owner && p.namespace == w.namespace);
        if w.desired == 0 && kind != WorkloadKind::Pod {
            e.set(What::Replicas, &o, "spec/replicas", Tree::plain(1));
        }
        if idle {
            for field in ["nodeSelector", "nodeName", "affinity", "schedulerName"] {
                e.remove(What::Schedule, &o, &format!("{template}/{field}"));
            }
            schedulable(e, &o, template);
        }
        let unready: Vec<&Pod> = c.all_pods().filter(of).filter(|p| !p.ready).collect();
        if let Some(pod) = unready.first() {
            readiness(e, &o, template, pod);
        }
        // What a node's own port would need.
        let by_node =
            asked.is_some_and(|(a, _)| c.nodes.iter().any(|n| IpAddr::from(n.address()) == a));
        let serves =
            |p: &Pod| p.listening.iter().any(|l| asked.is_some_and(|a| l.answers("TCP", a.1)));
        if by_node && c.all_pods().filter(of).any(serves) && w.namespace != "kube-system" {
            e.set(What::HostNetwork, &o, &format!("{template}/hostNetwork"), Tree::plain(true));
        }
        if c.all_pods().filter(of).any(|p| p.listening.is_empty()) {
            let n = e.count(&o, &format!("{template}/containers"));
            for i in 0..n {
                for field in ["command", "args"] {
                    e.remove(What::Command, &o, &format!("{template}/containers/{i}/{field}"));
                }
            }
        }
    }
}

fn schedulable(e: &mut Editor<'_>, o: &Object, template: &str) {
    let tolerate = Tree::Seq(vec![Tree::map([("operator", Tree::text("Exists"))])]);
    e.set(What::Schedule, o, &format!("{template}/tolerations"), tolerate);
}

fn readiness(e: &mut Editor<'_>, o: &Object, template: &str, pod: &Pod) {
    let n = e.count(o, &format!("{template}/containers"));
    for i in 0..n {
        let probe = format!("{template}/containers/{i}/readinessProbe");
        let mut ports: Vec<u16> =
            pod.listening.iter().filter(|l| l.at.protocol == "TCP").map(|l| l.at.port).collect();
        ports.dedup();
        for action in ["httpGet", "tcpSocket"] {
            let path = format!("{probe}/{action}/port");
            let Some(is) = e.text_at(o, &path) else { continue };
            for p in ports.iter().take(2).filter(|p| is != p.to_string()) {
                e.set(What::Readiness, o, &path, Tree::plain(p));
            }
        }
        e.remove(What::Readiness, o, &probe);
    }
    e.remove(What::Readiness, o, &format!("{template}/readinessGates"));
    e.remove(What::Readiness, o, "status/conditions");
}

/// Nodes that take no pods.
fn nodes(e: &mut Editor<'_>) {
    for o in e.parsed.of_kind("Node") {
        for field in ["spec/unschedulable", "spec/taints"] {
            e.remove(What::Schedule, &o, field);
        }
    }
}

/// The paths of the interfaces of all machines.
fn nics(e: &Editor<'_>, o: &Object) -> Vec<String> {
    let mut out = Vec::new();
    for list in ["nodes", "hosts", "routers"] {
        for i in 0..e.count(o, &format!("spec/{list}")) {
            let machine = format!("spec/{list}/{i}");
            if list != "routers" {
                out.push(format!("{machine}/nic"));
            }
            let more = e.count(o, &format!("{machine}/interfaces"));
            out.extend((0..more).map(|j| format!("{machine}/interfaces/{j}")));
        }
    }
    out
}

/// Settings of the Topology that differ from what is usual.
fn topology(e: &mut Editor<'_>) {
    let Some(o) = e.parsed.topology().cloned() else { return };
    for i in 0..e.count(&o, "spec/faults") {
        let path = format!("spec/faults/{i}");
        let whole = e.count(&o, "spec/faults") == 1;
        e.remove(What::Fault, &o, if whole { "spec/faults" } else { &path });
    }
    for list in ["nodes", "routers"] {
        for i in 0..e.count(&o, &format!("spec/{list}")) {
            for (key, usual) in [
                ("net.ipv4.ip_forward", 1),
                ("net.bridge.bridge-nf-call-iptables", 1),
                ("net.ipv4.conf.all.rp_filter", 2),
            ] {
                let path = format!("spec/{list}/{i}/sysctl/{key}");
                if e.text_at(&o, &path).is_some_and(|v| v != usual.to_string()) {
                    e.set(What::Sysctl, &o, &path, Tree::plain(usual));
                }
            }
        }
    }
    if e.text_at(&o, "spec/loadBalancer").is_some_and(|b| b == Balancer::None.name()) {
        e.remove(What::Option, &o, "spec/loadBalancer");
    }
    let mtu = |e: &Editor<'_>, path: &str| e.text_at(&o, path)?.parse::<u32>().ok();
    let mut all = Vec::new();
    for nic in nics(e, &o) {
        let path = format!("{nic}/mtu");
        all.push((mtu(e, &path).unwrap_or(1500), path));
        for field in ["blocked", "loss"] {
            e.remove(What::Fault, &o, &format!("{nic}/{field}"));
        }
    }
    for i in 0..e.count(&o, "spec/routers") {
        e.remove(What::DeleteRule, &o, &format!("spec/routers/{i}/iptables"));
    }
    let most = all.iter().map(|(m, _)| *m).max().unwrap_or(1500);
    for (m, path) in &all {
        if *m < most {
            e.set(What::Mtu, &o, path, Tree::plain(most));
        }
    }
    for i in 0..e.count(&o, "spec/pods") {
        for field in ["ready", "terminating"] {
            e.remove(What::Readiness, &o, &format!("spec/pods/{i}/{field}"));
        }
    }
    for field in [
        "kubeProxy/clusterCIDR",
        "kubeProxy/nodePortAddresses",
        "kubeProxy/localhostNodePorts",
        "kubeProxy/masqueradeAll",
        "flannel/ipMasq",
        "flannel/directRouting",
        "flannel/backend",
    ] {
        e.remove(What::Option, &o, &format!("spec/{field}"));
    }
}

/// Other releases of Kubernetes, where a run might end otherwise: those at which kube-proxy's
/// treatment of policies and of old connections changed.
pub(super) fn releases(session: &Session, text: &str) -> Vec<Candidate> {
    let mut e = Editor { text, parsed: Text::new(text), out: Vec::new() };
    let Some(o) = e.parsed.topology().cloned() else { return Vec::new() };
    let is = session.running().topology.version.minor();
    for minor in [14, 15, 19, 22, 24, 25, 26, 36u8].into_iter().filter(|m| *m > is) {
        let version = Tree::text(format!("1.{minor}"));
        e.set(What::Release, &o, "spec/kubernetes/version", version);
    }
    e.out
}

//! What components do after a change of the running cluster, and when
//! (`pkg/proxy/iptables/proxier.go`, `pkg/util/async/bounded_frequency_runner.go`).

use crate::live::Synchronized;
use crate::session::Session;
use kube::fault::Daemon;
use kube::plan::{self, Synced};
use kube::proxy::{self, Flow};
use kube::rollout::{self, Op, Operation, Work};
use kube::{Cluster, Severity, portmap};
use net::conntrack::{Connection, L4, Tuple};
use net::engine::Setting;
use net::neigh::{Neighbour, NudState};
use net::route::Route;
use net::state::{Device, FdbEntry};
use net::wire::PROTO_UDP;
use net::{Duration, Instant, NetnsId};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// kube-proxy syncs no more often than this.
const MIN_SYNC: Duration = Duration::secs(1);

/// Why a cluster cannot become another: what is wrong, and what to do.
pub(crate) type Refused = (String, String);

impl Session {
    /// The running cluster is to become what another text says, without the pods in `deleted`. What
    /// its components do about it is done in time, as the session goes on. Gives what there is to
    /// be warned of.
    pub(crate) fn reapply(
        &mut self,
        typed: (NetnsId, &str),
        text: &str,
        deleted: &BTreeSet<String>,
    ) -> Result<Vec<String>, Refused> {
        let (cluster, diags) = kube::after(self.running(), text, deleted);
        let Some(cluster) = cluster.map(Rc::new) else {
            let wrong = diags.into_iter().find(|d| d.severity == Severity::Error);
            return Err(wrong.map_or_else(Default::default, |d| (d.message, d.hint)));
        };
        let steps =
            rollout::rollout(self.live.cluster(), &cluster, self.live.history.len() as u64 - 1)?;
        let (_, said) = kube::after(self.running(), &self.live.text, &BTreeSet::new());
        let new = diags.iter().filter(|d| !said.iter().any(|s| s.message == d.message));
        let warnings = new
            .map(|d| {
                format!(
                    "{}: {}",
                    if d.severity == Severity::Warning { "Warning" } else { "Note" },
                    d.message
                )
            })
            .collect();
        self.live.text = text.into();
        self.world_mut().command(typed.0, typed.1);
        self.finish_leaving(&steps);
        let now = self.world().now();
        for step in steps {
            let mut at = now + step.after;
            // One sync after the other.
            let sync =
                |(_, s): &(_, &Operation)| matches!(s.work, Work::Sync(_)) && s.netns == step.netns;
            if let (Work::Sync(_), Some(((last, _), _))) =
                (&step.work, self.live.due.iter().rev().find(sync))
            {
                at = at.max(*last + MIN_SYNC);
            }
            self.live.schedule(at, step);
        }
        self.live.history.push((self.events().len(), cluster.clone()));
        self.joined(&cluster);
        Ok(warnings)
    }

    /// A machine that comes again while it is still going: first it goes.
    fn finish_leaving(&mut self, steps: &[Operation]) {
        let comes = |name: &str| {
            steps.iter().any(|s| matches!(&s.work, Work::Add(spec, _) if spec.name == name))
        };
        let goes =
            |s: &Operation| if let Work::Delete(name) = &s.work { comes(name) } else { false };
        if !self.live.due.values().any(goes) {
            return;
        }
        let (leaving, rest) = std::mem::take(&mut self.live.due)
            .into_iter()
            .partition(|(_, s)| matches!(s.work, Work::Delete(_)));
        self.live.due = rest;
        let leaving: BTreeMap<_, Operation> = leaving;
        for step in leaving.values() {
            self.work(step);
        }
    }

    /// When a component next does something.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.live.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing a component has to do, at its time.
    pub(crate) fn perform_next(&mut self) {
        let Some(((at, _), step)) = self.live.due.pop_first() else { return };
        if self.world().now() < at {
            self.world_mut().advance(at);
        }
        self.work(&step);
    }

    fn work(&mut self, step: &Operation) {
        let Some(at) = self.world().state().ns_named(&step.netns).map(|n| n.0) else { return };
        let by = step.by;
        let dev = |s: &Self, name: &str| {
            s.world().state().ns(at).dev_named(name).map(|(id, d)| (id, d.clone()))
        };
        match &step.work {
            Work::Add(spec, ends) => {
                let named = |(netns, d): &(String, _)| {
                    Some((self.world().state().ns_named(netns)?.0, Clone::clone(d)))
                };
                let ends: Vec<_> = ends.iter().filter_map(named).collect();
                // If the name was taken meanwhile, it is not tried again: nor does kubelet.
                if self.world_mut().add_netns(at, spec, &ends, by).is_ok() {
                    let cluster = self.live.cluster().clone();
                    self.live.learn(&spec.name, cluster);
                }
            }
            Work::Delete(name) => {
                if let Some((id, _)) = self.world().state().ns_named(name) {
                    self.world_mut().delete_netns(at, id, by);
                }
            }
            Work::Address(name, mac) => {
                if let Some((dev, d)) = dev(self, name) {
                    self.world_mut().configure_by(
                        at,
                        Setting::Device { dev, to: Box::new(Device { mac: *mac, ..d }) },
                        by,
                    );
                }
            }
            Work::Neighbour(op, n) => {
                if let Some((dev, _)) = dev(self, &n.dev) {
                    let to =
                        (*op == Op::Add).then(|| Neighbour::known(n.lladdr, NudState::Permanent));
                    self.world_mut().configure_by(
                        at,
                        Setting::Neighbour { dev, addr: n.addr, to },
                        by,
                    );
                }
            }
            Work::Fdb(op, (name, mac, vtep)) => {
                if let Some((dev, _)) = dev(self, name) {
                    let to = (*op == Op::Add).then_some(FdbEntry::Remote(*vtep));
                    self.world_mut().configure_by(at, Setting::Fdb { dev, mac: *mac, to }, by);
                }
            }
            Work::Route(op, r) => {
                let Some((dev, _)) = dev(self, &r.dev) else { return };
                let (dst, via, src) = (r.dst, r.via, r.src);
                let route = Route {
                    dst,
                    via,
                    dev,
                    src,
                    onlink: r.onlink,
                    proto: r.proto,
                    metric: r.metric,
                };
                let mut routes: Vec<Route> = self
                    .world()
                    .state()
                    .ns(at)
                    .routes
                    .iter()
                    .filter(|x| **x != route)
                    .cloned()
                    .collect();
                routes.extend((*op == Op::Add).then_some(route));
                self.world_mut().configure_by(at, Setting::Routes(Rc::new(routes)), by);
            }
            Work::HostPorts(op, cluster, netns) => {
                let Some(pod) = cluster.pods.iter().find(|p| p.netns() == *netns) else { return };
                let restored = portmap::after(
                    &self.world().state().ns(at).rules,
                    cluster,
                    pod,
                    *op == Op::Add,
                );
                self.world_mut().configure_by(at, Setting::Rules(Box::new(restored)), by);
                let ports = if *op == Op::Add {
                    portmap::stale_udp_ports(cluster, pod)
                } else {
                    Vec::new()
                };
                self.forget(at, by, &|f| f.proto == PROTO_UDP && ports.contains(&f.orig_dport));
            }
            Work::Sync(cluster) if !self.live.stopped.contains(&step.netns) => {
                self.sync(at, &step.netns, Some(self.live.known(&step.netns)), cluster);
            }
            Work::Sync(_) => {}
        }
    }

    /// kube-proxy stops on a node, or starts there: then it syncs everything, and no earlier sync
    /// is done any more.
    pub(crate) fn kube_proxy(&mut self, netns: NetnsId, node: &str, runs: bool) {
        self.live.stopped.retain(|n| n != node);
        self.world_mut().daemon(netns, Daemon::KubeProxy.name(), runs);
        if runs {
            let sync = |s: &Operation| matches!(s.work, Work::Sync(_)) && s.netns == node;
            self.live.due.retain(|_, s| !sync(s));
            let cluster = self.live.cluster().clone();
            self.sync(netns, node, None, &cluster);
        } else {
            self.live.stopped.push(node.to_owned());
        }
    }

    /// kube-proxy syncs: its rules, then the connections that they make wrong. `before`: the
    /// cluster it knew; none if it just started.
    fn sync(
        &mut self,
        netns: NetnsId,
        node: &str,
        before: Option<Rc<Cluster>>,
        cluster: &Rc<Cluster>,
    ) {
        let number = |c: &Cluster| c.nodes.iter().position(|n| n.spec.name.value == node);
        let Some(i) = number(cluster) else { return };
        let old = before.as_deref().and_then(|c| Some((c, number(c)?)));
        let found = plan::synced(old, cluster, i, false);
        self.live.learn(node, cluster.clone());
        let Some(Synced { sync, before: last, stale }) = found else { return };
        let by = Some(Daemon::KubeProxy.name());
        let rules = self.world().state().ns(netns).rules.clone();
        let restored = proxy::synced(&rules, &sync, last.as_ref());
        let done = Synchronized { node: node.to_owned(), rules, before, cluster: cluster.clone() };
        self.live.syncs.push((self.events().len(), done));
        self.world_mut().configure_by(netns, Setting::Rules(Box::new(restored)), by);
        self.forget(netns, by, &|f| stale.deletes(f));
    }

    /// The connections of a namespace that are wrong are deleted.
    fn forget(&mut self, netns: NetnsId, by: Option<&'static str>, wrong: &dyn Fn(&Flow) -> bool) {
        let all = self.world().state().ns(netns).conntrack.iter();
        let wrong: Vec<_> =
            all.filter(|(_, c)| c.confirmed() && wrong(&flow(c))).map(|(id, _)| id).collect();
        for id in wrong {
            self.world_mut().configure_by(netns, Setting::Forget(id), by);
        }
    }

    /// What kube-proxy fed to iptables-restore for the sync that an event tells of; none if it was
    /// more than that.
    pub(crate) fn words(&self, event: usize) -> Option<String> {
        let (_, done) = self.live.syncs.iter().find(|(at, _)| *at == event)?;
        let number = |c: &Cluster| c.nodes.iter().position(|n| n.spec.name.value == done.node);
        let old = done.before.as_deref().and_then(|c| Some((c, number(c)?)));
        let s = plan::synced(old, &done.cluster, number(&done.cluster)?, true)?;
        proxy::restore_text(&done.rules, &s.sync, s.before.as_ref())
    }
}

/// What kube-proxy reads of a connection.
fn flow(c: &Connection) -> Flow {
    let ports =
        |t: &Tuple| if let L4::Ports(sport, dport) = t.l4 { (sport, dport) } else { (0, 0) };
    let (o, r) = (&c.original, &c.reply);
    Flow {
        proto: o.proto,
        orig_dst: o.dst,
        orig_dport: ports(o).1,
        reply_src: r.src,
        reply_sport: ports(r).0,
    }
}

//! What components do after a change of the running cluster, and when
//! (`pkg/proxy/iptables/proxier.go`, `pkg/util/async/bounded_frequency_runner.go`).

use crate::live::Synchronized;
use crate::session::Session;
use kube::fault::Daemon;
use kube::plan::{self, Synced};
use kube::proxy::{self, Flow};
use kube::rollout::{self, Op, Operation, Work};
use kube::{Cluster, Severity, external, portmap, speaker};
use net::conntrack::{Connection, L4, Tuple};
use net::engine::Setting;
use net::neigh::{Neighbour, NudState};
use net::route::Route;
use net::socket::{Listener, ServerApp};
use net::state::{Device, FdbEntry};
use net::wire::{Mac, PROTO_UDP};
use net::{DevId, Duration, Instant, NetnsId};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The least time between two syncs of kube-proxy (`minSyncPeriod`).
const MIN_SYNC: Duration = Duration::secs(1);

/// Until the other speakers know that one has stopped or started (memberlist).
const GOSSIP: Duration = Duration::millis(200);

/// Why the cluster cannot change so: what is wrong, and a hint.
pub(crate) type Rejection = (String, String);

impl Session {
    /// Changes the running cluster to that of another text, without the pods in `deleted`, and
    /// schedules what its components do about it. Returns the new warnings.
    pub(crate) fn reapply(
        &mut self,
        typed: (NetnsId, &str),
        text: &str,
        deleted: &BTreeSet<String>,
    ) -> Result<Vec<String>, Rejection> {
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
            // Syncs of a node keep their order and distance.
            let sync =
                |(_, s): &(_, &Operation)| matches!(s.work, Work::Sync(_)) && s.netns == step.netns;
            if let (Work::Sync(_), Some(((last, _), _))) =
                (&step.work, self.live.due.iter().rev().find(sync))
            {
                at = at.max(*last + MIN_SYNC);
            }
            // What DNS was told last is what it answers.
            let zone =
                |(_, s): &(_, &Operation)| matches!(s.work, Work::Zone(_)) && s.netns == step.netns;
            if let (Work::Zone(_), Some(((last, _), _))) =
                (&step.work, self.live.due.iter().rev().find(zone))
            {
                at = at.max(*last);
            }
            self.live.schedule(at, step);
        }
        self.live.history.push((self.events().len(), cluster.clone()));
        self.joined(&cluster);
        Ok(warnings)
    }

    /// Deletes at once the namespaces that are still to be deleted, if one of the same name is to
    /// be added.
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

    /// When the next operation of a component is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.live.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Performs the next operation of a component, at its time.
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
                // If the name was taken meanwhile there is no second attempt; kubelet makes none.
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
            Work::Listen(services) => {
                let mut services = Vec::clone(services);
                let all = self.world().state().ns(at).services.clone();
                services.extend(all.iter().filter(|l| l.app == ServerApp::Arp).cloned());
                self.world_mut().configure_by(at, Setting::Services(Rc::new(services)), by);
            }
            Work::Balance(cluster) => {
                self.live.balanced = cluster.clone();
                self.balance(at, by);
            }
            Work::Elect(cluster) => {
                self.live.elected = cluster.clone();
                self.elect(at, &step.netns);
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
                    // A route to the same network is replaced, as `RouteReplace` does.
                    .filter(|x| match op {
                        Op::Add => (x.dst, x.metric) != (route.dst, route.metric),
                        Op::Delete => **x != route,
                    })
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
            Work::Sync(cluster) if self.runs(&step.netns, Daemon::KubeProxy) => {
                self.sync(at, &step.netns, Some(self.live.known(&step.netns)), cluster);
            }
            Work::Sync(_) => {}
            Work::Zone(zone) => {
                let mut listeners = Vec::clone(&self.world().state().ns(at).services);
                for l in listeners.iter_mut().filter(|l| matches!(l.app, ServerApp::Dns(_))) {
                    l.app = ServerApp::Dns(zone.clone());
                }
                self.world_mut().configure_by(at, Setting::Services(Rc::new(listeners)), by);
            }
        }
    }

    /// Stops or starts a daemon on a node. kube-proxy syncs all rules when it starts, and its
    /// pending syncs are cancelled; flanneld writes its entries for every other node; the speakers
    /// elect anew.
    pub(crate) fn run_daemon(&mut self, netns: NetnsId, node: &str, daemon: Daemon, runs: bool) {
        self.live.stopped.retain(|(n, d)| n != node || *d != daemon);
        self.world_mut().daemon(netns, daemon.name(), runs);
        if !runs {
            self.live.stopped.push((node.to_owned(), daemon));
        }
        match daemon {
            Daemon::KubeProxy => {
                if runs {
                    let sync = |s: &Operation| matches!(s.work, Work::Sync(_)) && s.netns == node;
                    self.live.due.retain(|_, s| !sync(s));
                    let cluster = self.live.cluster().clone();
                    self.sync(netns, node, None, &cluster);
                }
                self.check_health();
            }
            Daemon::Flanneld if runs => {
                let cluster = self.live.cluster().clone();
                for work in rollout::flanneld_start(&cluster, node) {
                    self.work(&Operation {
                        after: Duration::default(),
                        netns: node.to_owned(),
                        by: Some(daemon.name()),
                        work,
                    });
                }
            }
            Daemon::Flanneld => {}
            Daemon::Speaker => {
                if !runs {
                    self.elect(netns, node);
                }
                let now = self.world().now();
                for op in rollout::elections(GOSSIP, &self.live.elected.clone()) {
                    self.live.schedule(now + op.after, op);
                }
            }
        }
    }

    /// The load balancer outside finds out which nodes are healthy.
    fn check_health(&mut self) {
        let host = external::host(self.live.cluster()).map(str::to_owned);
        if let Some(netns) = host {
            let (by, work) = (Some(external::PROGRAM), Work::Balance(self.live.balanced.clone()));
            let op = Operation { after: rollout::HEALTH, netns, by, work };
            let at = self.world().now() + op.after;
            self.live.schedule(at, op);
        }
    }

    /// The load balancer outside follows the cluster and its health checks.
    fn balance(&mut self, at: NetnsId, by: Option<&'static str>) {
        let cluster = self.live.balanced.clone();
        let ns = self.world().state().ns(at);
        let own = external::own_addresses(&cluster);
        let nic = (0..).map(DevId).zip(&ns.devices).find(|(_, d)| d.mac != Mac::ZERO);
        if let Some((dev, d)) = nic.map(|(dev, d)| (dev, d.clone())) {
            let lan = d.addrs.iter().filter(|a| a.prefix_len() < 32).copied();
            let addrs: Vec<_> = lan.chain(own).collect();
            if addrs != d.addrs {
                let to = Box::new(Device { addrs, ..d });
                self.world_mut().configure_by(at, Setting::Device { dev, to }, by);
            }
        }
        let rules = &self.world().state().ns(at).rules;
        let runs = |node: &str| self.runs(node, Daemon::KubeProxy);
        let restored = external::restored(rules, &cluster, &runs);
        if restored.rules != *rules {
            self.world_mut().configure_by(at, Setting::Rules(Box::new(restored)), by);
        }
    }

    /// The speaker of a node answers ARP for the addresses that it is elected for, and announces
    /// those that are new.
    fn elect(&mut self, netns: NetnsId, node: &str) {
        let runs = |n: &str| self.runs(n, Daemon::Speaker);
        let mut addrs = speaker::announced(&self.live.elected, node, &runs);
        if !runs(node) {
            addrs.clear();
        }
        let all = self.world().state().ns(netns).services.clone();
        let (before, mut listeners): (Vec<Listener>, Vec<Listener>) =
            all.iter().cloned().partition(|l| l.app == ServerApp::Arp);
        let after: Vec<Listener> = addrs.iter().map(|a| Listener::arp(*a)).collect();
        if before == after {
            return;
        }
        listeners.extend(after.iter().cloned());
        let by = Some(Daemon::Speaker.name());
        self.world_mut().configure_by(netns, Setting::Services(Rc::new(listeners)), by);
        let new = addrs.iter().zip(&after).filter(|(_, l)| !before.contains(l));
        for (addr, _) in new {
            self.world_mut().announce(netns, *addr);
        }
    }

    /// kube-proxy writes its rules, then deletes stale connections. `before`: the cluster of its
    /// last sync; none if it has just started.
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

    /// Deletes the confirmed connections of a namespace for which `wrong` holds.
    fn forget(&mut self, netns: NetnsId, by: Option<&'static str>, wrong: &dyn Fn(&Flow) -> bool) {
        let all = self.world().state().ns(netns).conntrack.iter();
        let wrong: Vec<_> =
            all.filter(|(_, c)| c.confirmed() && wrong(&flow(c))).map(|(id, _)| id).collect();
        for id in wrong {
            self.world_mut().configure_by(netns, Setting::Forget(id), by);
        }
    }

    /// The input of iptables-restore for the sync that caused an event; none if the sync needed
    /// more than one call.
    pub(crate) fn words(&self, event: usize) -> Option<String> {
        let (_, done) = self.live.syncs.iter().find(|(at, _)| *at == event)?;
        let number = |c: &Cluster| c.nodes.iter().position(|n| n.spec.name.value == done.node);
        let old = done.before.as_deref().and_then(|c| Some((c, number(c)?)));
        let s = plan::synced(old, &done.cluster, number(&done.cluster)?, true)?;
        proxy::restore_text(&done.rules, &s.sync, s.before.as_ref())
    }
}

/// The part of a connection by which kube-proxy finds stale ones.
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

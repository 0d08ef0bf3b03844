//! A cluster that changes while it is played: what its components have still to do, and when.

use crate::session::{LONGEST_RUN, Session};
use kube::Cluster;
use kube::fault::{Daemon, Fault};
use kube::proxy::{Flow, Stale, Sync};
use kube::rollout::{self, Step, Work};
use net::conntrack::{Connection, L4, Tuple};
use net::engine::Setting;
use net::neigh::{Neighbour, NudState};
use net::route::Route;
use net::state::{Device, FdbEntry};
use net::{Instant, NetnsId};
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

/// What a session knows of its cluster beyond its document.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// The cluster as it began.
    pub(crate) first: Rc<Cluster>,
    /// The cluster as it is now, as the API server knows it.
    pub(crate) cluster: Rc<Cluster>,
    /// Its text: the document, with what was applied since.
    pub(crate) text: Rc<str>,
    /// Nodes whose kube-proxy does not run.
    pub(crate) stopped: Vec<String>,
    /// How often it changed.
    changes: u64,
    /// What kube-proxy fed to iptables-restore, by the event that says so.
    pub(crate) words: Vec<(usize, Rc<str>)>,
    /// What components have still to do; the first thing is the last.
    due: Vec<(Instant, Task)>,
}

/// Something a component has still to do. A page that only shows never makes one, and carries nothing of it.
#[derive(Clone)]
struct Task(Rc<dyn Fn(&mut Session)>);

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task")
    }
}

impl Live {
    pub(crate) fn new(cluster: Rc<Cluster>, text: Rc<str>) -> Self {
        let stopped = |f: &Fault| if let Fault::Stopped(node, Daemon::KubeProxy) = f { Some(node.clone()) } else { None };
        let stopped = cluster.topology.faults.iter().filter_map(stopped).collect();
        let first = cluster.clone();
        let (words, due) = (Vec::new(), Vec::new());
        Self { first, cluster, text, stopped, changes: 0, words, due }
    }
}

/// Why a cluster cannot become another: what is wrong, and what to do.
pub(crate) type Refused = (String, String);

impl Session {
    /// The running cluster is to become what another text says, without the pods in `deleted`. What its
    /// components do about it is done in time, as the session goes on.
    pub(crate) fn reapply(&mut self, text: &str, deleted: &BTreeSet<String>) -> Result<(), Refused> {
        let (cluster, diags) = kube::cluster::after(self.running(), text, deleted);
        let Some(cluster) = cluster else {
            let wrong = diags.into_iter().find(|d| d.severity == kube::Severity::Error);
            return Err(wrong.map_or_else(Default::default, |d| (d.message, d.hint)));
        };
        let cluster = Rc::new(cluster);
        let steps = rollout::rollout(&self.live.cluster, &cluster, self.live.changes)?;
        self.live.changes += 1;
        self.live.text = text.into();
        let now = self.world().now();
        let task = |s: Step| (now + s.after, Task(Rc::new(move |session| session.perform(&s))));
        let mut due: Vec<_> = std::mem::take(&mut self.live.due).into_iter().rev().chain(steps.into_iter().map(task)).collect();
        due.sort_by_key(|(at, _)| *at);
        due.reverse();
        self.live.due = due;
        self.joined(cluster);
        Ok(())
    }

    /// When a component next does something.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.live.due.last().map(|(at, _)| *at)
    }

    /// Lets the world go on until so many events lie behind, or nothing is under way and no component has
    /// anything to do.
    pub(crate) fn go_on(&mut self, events: usize) {
        let deadline = self.world().now() + LONGEST_RUN;
        while let Some(due) = self.next_due() {
            self.world_mut().run_to(events, due);
            if self.events().len() >= events {
                return;
            }
            self.perform_next();
        }
        self.world_mut().run_to(events, deadline);
    }

    /// Lets components do everything they have still to do.
    pub(crate) fn settle(&mut self) {
        while self.next_due().is_some() {
            self.go_on(usize::MAX);
        }
    }

    /// The next thing a component has to do, at its time.
    pub(crate) fn perform_next(&mut self) {
        let Some((at, Task(perform))) = self.live.due.pop() else { return };
        if self.world().now() < at {
            self.world_mut().advance(at);
        }
        perform(self);
    }

    fn perform(&mut self, step: &Step) {
        let Some(at) = self.world().state().ns_named(&step.netns).map(|n| n.0) else { return };
        let by = step.by;
        let dev = |s: &Self, name: &str| s.world().state().ns(at).dev_named(name).map(|(id, d)| (id, d.clone()));
        match &step.work {
            Work::Add(spec, ends) => {
                let named = |(netns, d): &(String, _)| Some((self.world().state().ns_named(netns)?.0, Clone::clone(d)));
                let ends: Vec<_> = ends.iter().filter_map(named).collect();
                // A name that somebody took meanwhile: as kubelet, it is tried no more.
                _ = self.world_mut().add_netns(at, spec, &ends, by);
            }
            Work::Delete(name) => {
                if let Some((id, _)) = self.world().state().ns_named(name) {
                    self.world_mut().delete_netns(at, id, by);
                }
            }
            Work::Address(name, mac) => {
                if let Some((dev, d)) = dev(self, name) {
                    self.world_mut().configure_by(at, Setting::Device { dev, to: Box::new(Device { mac: *mac, ..d }) }, Some(by));
                }
            }
            Work::Neighbour(n, there) => {
                if let Some((dev, _)) = dev(self, &n.dev) {
                    let to = there.then(|| Neighbour::known(n.lladdr, NudState::Permanent));
                    self.world_mut().configure_by(at, Setting::Neighbour { dev, addr: n.addr, to }, Some(by));
                }
            }
            Work::Fdb((name, mac, vtep), there) => {
                if let Some((dev, _)) = dev(self, name) {
                    let to = there.then_some(FdbEntry::Remote(*vtep));
                    self.world_mut().configure_by(at, Setting::Fdb { dev, mac: *mac, to }, Some(by));
                }
            }
            Work::Route(r, there) => {
                let Some((dev, _)) = dev(self, &r.dev) else { return };
                let (dst, via, src) = (r.dst, r.via, r.src);
                let route = Route { dst, via, dev, src, onlink: r.onlink, proto: r.proto, metric: r.metric };
                let mut routes: Vec<Route> = self.world().state().ns(at).routes.iter().filter(|x| **x != route).cloned().collect();
                if *there {
                    routes.push(route);
                }
                self.world_mut().configure_by(at, Setting::Routes(Rc::new(routes)), Some(by));
            }
            Work::HostPorts(cluster, netns, there) => {
                let restored = rollout::with_host_ports(&self.world().state().ns(at).rules, cluster, netns, *there);
                self.world_mut().configure_by(at, Setting::Rules(Box::new(restored)), Some(by));
            }
            Work::Sync(s) if !self.live.stopped.contains(&step.netns) => self.sync(at, &s.sync, s.before.as_ref(), &s.stale),
            Work::Sync(_) => {}
        }
    }

    /// kube-proxy syncs: its rules, then the connections that they make wrong.
    pub(crate) fn sync(&mut self, netns: NetnsId, sync: &Sync, before: Option<&Sync>, stale: &Stale) {
        let by = Some(Daemon::KubeProxy.name());
        let ns = self.world().state().ns(netns);
        let restored = kube::proxy::synced(&ns.rules, sync, before);
        if let Some(words) = kube::proxy::words(&ns.rules, sync, before) {
            self.live.words.push((self.events().len(), words.into()));
        }
        let ns = self.world().state().ns(netns);
        let wrong: Vec<_> = ns.conntrack.iter().filter(|(_, c)| c.confirmed() && stale.deletes(&flow(c))).map(|(id, _)| id).collect();
        self.world_mut().configure_by(netns, Setting::Rules(Box::new(restored)), by);
        for id in wrong {
            self.world_mut().configure_by(netns, Setting::Forget(id), by);
        }
    }
}

/// What kube-proxy reads of a connection.
fn flow(c: &Connection) -> Flow {
    let ports = |t: &Tuple| if let L4::Ports(sport, dport) = t.l4 { (sport, dport) } else { (0, 0) };
    let (o, r) = (&c.original, &c.reply);
    Flow { proto: o.proto, orig_dst: o.dst, orig_dport: ports(o).1, reply_src: r.src, reply_sport: ports(r).0 }
}

//! Changes of a running namespace's configuration: `ip`, `bridge`, `sysctl`, `iptables-restore`,
//! `conntrack -F`.

use super::World;
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{DevId, NetnsId, PacketId};
use crate::neigh::{Neighbour, NudState};
use crate::netfilter::Restored;
use crate::route::Route;
use crate::state::{Change, Device, DeviceKind, FdbEntry, Setting};
use crate::wire::Mac;
use std::collections::BTreeMap;
use std::rc::Rc;

impl World {
    /// Records a command that components carry out later.
    pub fn command(&mut self, netns: NetnsId, line: &str) {
        self.emit(netns, None, EventKind::Commanded { line: line.into() });
    }

    /// Records that a component was started or stopped.
    pub fn daemon(&mut self, netns: NetnsId, name: &'static str, runs: bool) {
        self.emit(netns, None, EventKind::Daemon { name, runs });
    }

    /// Changes a setting for the user, now.
    pub fn configure(&mut self, netns: NetnsId, setting: Setting) {
        self.configure_by(netns, setting, None);
    }

    /// Changes a setting, now; `by` is the program that does it, `None` for the user.
    pub fn configure_by(&mut self, netns: NetnsId, setting: Setting, by: Option<&'static str>) {
        // Packets that waited for what is gone are lost after it, each by an event of its own.
        let mut lost = (DropReason::NeighFailed, Vec::new());
        match &setting {
            Setting::Rules(restored) => self.set_rules(netns, restored),
            Setting::FlushConntrack => {
                let all: Vec<_> = self
                    .ns(netns)
                    .conntrack
                    .iter()
                    .filter(|(_, c)| c.confirmed())
                    .map(|(id, _)| id)
                    .collect();
                for id in all {
                    let before = self.ns(netns).conntrack.get(id).cloned();
                    self.change(Change::Connection { netns, id, before, after: None });
                }
            }
            Setting::Forget(id) => {
                let before = self.ns(netns).conntrack.get(*id).cloned();
                self.change(Change::Connection { netns, id: *id, before, after: None });
            }
            Setting::Sysctl(to) => {
                let before = self.ns(netns).sysctl.clone();
                self.change(Change::Sysctl { netns, before, after: to.clone() });
            }
            Setting::Services(to) => {
                let (before, after) = (self.ns(netns).services.clone(), to.clone());
                self.change(Change::Services { netns, before, after });
            }
            Setting::Routes(to) => self.set_routes(netns, to.clone()),
            Setting::FlushCache => {
                let all: Vec<_> = self.ns(netns).exceptions.iter().map(|(d, e)| (*d, *e)).collect();
                for (dst, e) in all {
                    self.change(Change::Exception { netns, dst, before: Some(e), after: None });
                }
            }
            Setting::Neighbour { dev, addr, to } => {
                let before = self.ns(netns).neighbours.get(&(*dev, *addr)).cloned();
                let waiting = before.as_ref().map_or(Vec::new(), |n| n.queue.clone());
                let (dev, addr, after) = (*dev, *addr, to.clone().map(Box::new));
                self.change(Change::Neighbour {
                    netns,
                    dev,
                    addr,
                    before: before.map(Box::new),
                    after,
                });
                self.stop_asking(netns, dev, addr);
                if to.is_none() {
                    lost.1 = waiting;
                } else {
                    for pkt in waiting.into_iter().rev() {
                        self.then(pkt, super::Stage::NeighbourOutput { dev, next_hop: addr });
                    }
                }
            }
            Setting::Fdb { dev, mac, to } => self.set_fdb(netns, *dev, *mac, to.clone()),
            Setting::Device { dev, to } => {
                lost = (DropReason::DevReady, self.set_device(netns, *dev, to));
            }
        }
        self.emit(netns, None, EventKind::Configured { setting: Rc::new(setting), by });
        for pkt in lost.1 {
            self.drop_packet(pkt, lost.0, None);
        }
    }

    fn set_rules(&mut self, netns: NetnsId, to: &Restored) {
        let ns = self.ns(netns);
        let (old, rules) = (ns.rules.clone(), to.rules.clone());
        let before = Box::new((old.clone(), ns.counters.clone()));
        let mut counters = ns.counters.clone();
        for t in &to.tables {
            let mut fresh = BTreeMap::new();
            let (was, is) = (old.table(*t), rules.table(*t));
            let mut keep = |from: u32, into: u32| {
                fresh.extend(counters[*t as usize].get(&from).map(|c| (into, *c)));
            };
            // Any change of a table begins its policies' counters anew, as the kernel does (6.18,
            // both iptables).
            let untouched =
                was == is && was.chains.iter().all(|c| to.kept.contains(&(*t, c.name.clone())));
            for (_, name) in to.kept.iter().filter(|(table, _)| table == t) {
                let (Some((from, chain)), Some((into, _))) = (was.chain(name), is.chain(name))
                else {
                    continue;
                };
                // Rules that stay keep their order, and their counters, among those that came.
                let now = &is.chains[into as usize].rules;
                let mut there = chain.rules.iter().zip(0..);
                for (rule, i) in now.iter().zip(0..) {
                    let mut ahead = there.clone();
                    if let Some((_, k)) = ahead.find(|(r, _)| *r == rule) {
                        keep(was.rule_counter(from, k), is.rule_counter(into, i));
                        there = ahead;
                    }
                }
                if untouched {
                    keep(was.policy_counter(from), is.policy_counter(into));
                }
            }
            counters[*t as usize] = fresh;
        }
        // A list of `recent` goes with the last rule that names it.
        let gone: Vec<_> = ns
            .recent
            .iter()
            .filter(|(list, _)| !rules.names_recent(list))
            .map(|(l, e)| (l.clone(), e.clone()))
            .collect();
        self.change(Change::Rules { netns, before, after: Box::new((rules, counters)) });
        for (list, entries) in gone {
            self.change(Change::Recent { netns, list, before: Some(entries), after: None });
        }
    }

    fn set_routes(&mut self, netns: NetnsId, after: Rc<Vec<Route>>) {
        let before = self.ns(netns).routes.clone();
        self.change(Change::Routes { netns, before, after });
    }

    pub(super) fn set_fdb(
        &mut self,
        netns: NetnsId,
        dev: DevId,
        mac: Mac,
        after: Option<FdbEntry>,
    ) {
        let before = self.ns(netns).fdb.get(&(dev, mac)).cloned();
        self.change(Change::Fdb { netns, dev, mac, before, after });
    }

    /// A bridge takes no more than the smallest of its ports (`br_mtu_auto_adjust`).
    pub(super) fn adjust_bridge_mtu(&mut self, netns: NetnsId, port: &Device) {
        let Some(dev) = port.master else { return };
        let ns = self.ns(netns);
        let smallest = ns.devices.iter().filter(|d| d.master == Some(dev)).map(|d| d.mtu).min();
        let before = ns.dev(dev).clone();
        let Some(mtu) = smallest.filter(|m| *m != before.mtu) else { return };
        let after = Box::new(Device { mtu, ..before.clone() });
        self.change(Change::Device { netns, dev, before: Some(Box::new(before)), after });
    }

    /// The devices that have a carrier and may lose it with this one: the far end of its cable, and
    /// the bridges both are ports of.
    fn lit_by(&self, netns: NetnsId, dev: DevId) -> Vec<(NetnsId, DevId)> {
        let device = self.ns(netns).dev(dev);
        let mut out: Vec<(NetnsId, DevId)> =
            device.master.map(|m| (netns, m)).into_iter().collect();
        if let DeviceKind::Cable { peer, .. } = device.kind {
            out.push(peer);
            out.extend(self.ns(peer.0).dev(peer.1).master.map(|m| (peer.0, m)));
        }
        out.retain(|(n, d)| self.state.has_carrier(*n, *d));
        out
    }

    /// A device without a carrier forgets its neighbours, but for permanent ones
    /// (`neigh_carrier_down`). Gives the packets that waited for them.
    fn carrier_down(&mut self, netns: NetnsId, dev: DevId) -> Vec<PacketId> {
        let mine = |(d, n): (DevId, &Neighbour)| d == dev && n.state != NudState::Permanent;
        let all: Vec<_> = self
            .ns(netns)
            .neighbours
            .iter()
            .filter(|((d, _), n)| mine((*d, n)))
            .map(|((_, a), n)| (*a, n.clone()))
            .collect();
        let mut lost = Vec::new();
        for (addr, n) in all {
            lost.extend(n.queue.iter().copied());
            self.change(Change::Neighbour {
                netns,
                dev,
                addr,
                before: Some(Box::new(n)),
                after: None,
            });
            self.stop_asking(netns, dev, addr);
        }
        lost
    }

    /// A device that goes down takes its routes, neighbours and learned MACs with it
    /// (`fib_sync_down_dev`, `neigh_ifdown`, `br_stp_disable_port`). Gives the packets that waited
    /// for those neighbours.
    pub(super) fn set_device(&mut self, netns: NetnsId, dev: DevId, to: &Device) -> Vec<PacketId> {
        let before = self.ns(netns).dev(dev).clone();
        let down = before.up && !to.up;
        let mut lit = self.lit_by(netns, dev);
        self.change(Change::Device {
            netns,
            dev,
            before: Some(Box::new(before)),
            after: Box::new(to.clone()),
        });
        self.adjust_bridge_mtu(netns, to);
        lit.retain(|(n, d)| !self.state.has_carrier(*n, *d));
        let mut lost = Vec::new();
        for (n, d) in lit {
            lost.extend(self.carrier_down(n, d));
        }
        if !down {
            return lost;
        }
        let ns = self.ns(netns);
        let routes: Vec<Route> = ns.routes.iter().filter(|r| r.dev != dev).cloned().collect();
        let neighbours: Vec<_> = ns
            .neighbours
            .iter()
            .filter(|((d, _), _)| *d == dev)
            .map(|((_, a), n)| (*a, n.clone()))
            .collect();
        let learned = |((d, _), e): &(&(DevId, Mac), &FdbEntry)| {
            *e == &FdbEntry::Port(dev) || (*d == dev && matches!(e, FdbEntry::Port(_)))
        };
        let fdb: Vec<_> = ns.fdb.iter().filter(learned).map(|((d, m), _)| (*d, *m)).collect();
        self.set_routes(netns, Rc::new(routes));
        for (addr, n) in neighbours {
            lost.extend(n.queue.iter().copied());
            self.change(Change::Neighbour {
                netns,
                dev,
                addr,
                before: Some(Box::new(n)),
                after: None,
            });
            self.stop_asking(netns, dev, addr);
        }
        for (d, mac) in fdb {
            self.set_fdb(netns, d, mac, None);
        }
        lost
    }
}

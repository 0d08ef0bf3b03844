//! Network namespaces added and deleted while the world runs (`ip netns add`, `ip link add …
//! netns`, `ip netns delete`): pods, or machines plugged in.
//!
//! Numbers are not given again, so that earlier events still name what they were about.

use super::build::{build_netns, device};
use super::tcp::http_complete;
use super::{SpecError, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{DevId, NetnsId};
use crate::socket::{Outcome, Socket, TcpApp, TcpPhase};
use crate::spec::{DeviceKindSpec, DeviceSpec, NetnsSpec};
use crate::state::{Change, Device, DeviceKind};
use std::rc::Rc;

impl World {
    /// Adds a namespace together with the far ends of its cables, each a device of another
    /// namespace that gets the next ifindex there. `by` is the program that does it, in the
    /// namespace `at`.
    ///
    /// # Errors
    /// A name that does not exist, or exists already. Nothing has changed then.
    pub fn add_netns(
        &mut self,
        at: NetnsId,
        spec: &NetnsSpec,
        ends: &[(NetnsId, DeviceSpec)],
        by: Option<&'static str>,
    ) -> Result<NetnsId, SpecError> {
        let fail = |message: String| SpecError { netns: spec.name.clone(), message };
        if self.state.ns_named(&spec.name).is_some() {
            return Err(fail("a network namespace has this name".to_owned()));
        }
        let id = NetnsId(self.state.netns.len() as u32);
        // An end's number: it comes behind the devices that are there, and behind the ends before
        // it.
        let number = |i: usize| {
            let netns = ends[i].0;
            DevId(
                (self.ns(netns).devices.len() + ends[..i].iter().filter(|e| e.0 == netns).count())
                    as u32,
            )
        };
        let far = |netns: &str, dev: &str| {
            let i = ends.iter().position(|(n, d)| *self.ns(*n).name == *netns && d.name == dev);
            i.map(|i| (ends[i].0, number(i)))
                .ok_or_else(|| format!("no device {dev:?} in {netns} for its cable"))
        };
        let ns = build_netns(spec, &far)?;
        let mut devices = Vec::new();
        for (i, (netns, d)) in ends.iter().enumerate() {
            if self.ns(*netns).dev_named(&d.name).is_some() {
                return Err(fail(format!(
                    "there is a device {:?} in {}",
                    d.name,
                    self.ns(*netns).name
                )));
            }
            let near = |peer: &str| {
                spec.devices.iter().position(|x| x.name == peer).map(|i| DevId(i as u32))
            };
            let kind = match &d.kind {
                DeviceKindSpec::Cable { peer, nic, .. } => {
                    near(peer).map(|p| DeviceKind::Cable { peer: (id, p), nic: *nic })
                }
                _ => None,
            };
            let kind = kind.ok_or_else(|| fail(format!("{:?} is no end of its cables", d.name)))?;
            let master = d
                .master
                .as_deref()
                .map(|m| self.ns(*netns).dev_named(m).map(|(id, _)| id).ok_or(m))
                .transpose();
            let master =
                master.map_err(|m| fail(format!("no device {m:?} in {}", self.ns(*netns).name)))?;
            let ifindex = self.ns(*netns).devices.iter().map(|x| x.ifindex).max().unwrap_or(0);
            let before = ends[..i].iter().filter(|e| e.0 == *netns).count() as u32;
            devices.push((
                *netns,
                number(i),
                Device { ifindex: ifindex + 1 + before, ..device(d, master, kind) },
            ));
        }
        let name = ns.name.clone();
        self.change(Change::Netns { netns: id, before: None, after: Rc::new(ns) });
        for (netns, dev, device) in devices {
            self.change(Change::Device {
                netns,
                dev,
                before: None,
                after: Box::new(device.clone()),
            });
            // A bridge floods its newest port first.
            self.set_ports(netns, device.master, &|ports| ports.insert(0, dev));
            self.adjust_bridge_mtu(netns, &device);
        }
        self.emit(at, None, EventKind::NetnsAdded { name, by });
        Ok(id)
    }

    /// Deletes a namespace with its processes, its packets and the far ends of its cables. `by` is
    /// the program that does it, in the namespace `at`.
    pub fn delete_netns(&mut self, at: NetnsId, netns: NetnsId, by: Option<&'static str>) {
        self.kill(netns);
        let before = self.ns(netns).clone();
        let inside: Vec<_> = self
            .state
            .packets
            .iter()
            .filter(|(_, s)| s.netns == netns)
            .map(|(id, _)| *id)
            .collect();
        for pkt in inside {
            self.leave_queues(pkt);
            self.drop_packet(pkt, DropReason::DevReady, None);
        }
        let ends: Vec<(NetnsId, DevId)> = before
            .devices
            .iter()
            .filter_map(
                |d| if let DeviceKind::Cable { peer, .. } = d.kind { Some(peer) } else { None },
            )
            .collect();
        let mut lost = Vec::new();
        for (far, dev) in ends {
            lost.extend(self.delete_device(far, dev));
        }
        let name = before.name;
        let before = self.state.netns[netns.0 as usize].clone();
        let after = Rc::new(before.removed());
        self.change(Change::Netns { netns, before: Some(before), after });
        self.emit(at, None, EventKind::NetnsDeleted { name, by });
        for pkt in lost {
            self.drop_packet(pkt, DropReason::DevReady, None);
        }
    }

    /// Ends all processes of a namespace; clients that wait for an answer get none.
    fn kill(&mut self, netns: NetnsId) {
        let waits = |s: &Socket| match s {
            Socket::Tcp(t) => match &t.app {
                TcpApp::Client { tag, .. } => {
                    (t.phase != TcpPhase::Closed && !http_complete(&t.received)).then_some(*tag)
                }
                TcpApp::Server { .. } | TcpApp::Dns { .. } => None,
            },
            Socket::Udp(u) => u.waiting.then_some(u.tag),
            Socket::Resolver(r) => r.waiting.then_some(r.tag),
            Socket::Raw(r) => r.waiting.then_some(r.tag),
            Socket::Ping(p) => (p.waiting || p.left > 0).then_some(p.tag),
        };
        let killed: Vec<_> =
            self.ns(netns).sockets.iter().filter_map(|(id, s)| Some((*id, waits(s)?))).collect();
        for (socket, tag) in killed {
            let before = self.socket(netns, socket);
            self.change(Change::Socket { netns, id: socket, before, after: None });
            self.emit(netns, None, EventKind::Ended { socket, tag, outcome: Outcome::Killed });
        }
    }

    /// Deletes a device, and returns the packets that waited for its neighbours.
    fn delete_device(&mut self, netns: NetnsId, dev: DevId) -> Vec<crate::id::PacketId> {
        let device = self.ns(netns).dev(dev).clone();
        let lost = self.set_device(netns, dev, &Device { up: false, ..device.clone() });
        self.set_ports(netns, device.master, &|ports| ports.retain(|p| *p != dev));
        let before = self.ns(netns).dev(dev).clone();
        let after = Box::new(Device {
            gone: true,
            up: false,
            master: None,
            addrs: Vec::new(),
            ..before.clone()
        });
        self.change(Change::Device { netns, dev, before: Some(Box::new(before)), after });
        self.adjust_bridge_mtu(netns, &device);
        lost
    }

    fn set_ports(&mut self, netns: NetnsId, bridge: Option<DevId>, f: &dyn Fn(&mut Vec<DevId>)) {
        let Some(dev) = bridge else { return };
        let before = self.ns(netns).dev(dev).clone();
        let mut after = before.clone();
        if let DeviceKind::Bridge { ports } = &mut after.kind {
            f(ports);
        }
        self.change(Change::Device {
            netns,
            dev,
            before: Some(Box::new(before)),
            after: Box::new(after),
        });
    }
}

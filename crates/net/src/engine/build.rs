//! From a spec to a world: names are resolved to numbers.

use super::World;
use super::arp::is_nic;
use crate::conntrack::Conntrack;
use crate::id::{DevId, NetnsId};
use crate::neigh::{Neighbour, NudState};
use crate::rng::Rng;
use crate::route::Route;
use crate::socket::ServerApp;
use crate::spec::{DeviceKindSpec, DeviceSpec, NetnsSpec, Spec};
use crate::state::{Change, Device, DeviceKind, FdbEntry, Netns, State};
use crate::time::Instant;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// A name in a spec that does not exist, or exists twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// The network namespace of the spec.
    pub netns: String,
    /// The fault, as a noun phrase or sentence without a full stop.
    pub message: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.netns, self.message)
    }
}

impl World {
    /// Builds a world; `seed` determines all its random choices.
    ///
    /// # Errors
    /// A name that does not exist, or exists twice.
    pub fn new(spec: &Spec, seed: u64) -> Result<Self, SpecError> {
        let mut names: BTreeMap<&str, ()> = BTreeMap::new();
        for n in &spec.netns {
            let mut devices: BTreeMap<&str, ()> = BTreeMap::new();
            let message = match n.devices.iter().find(|d| devices.insert(&d.name, ()).is_some()) {
                _ if names.insert(&n.name, ()).is_some() => {
                    "two network namespaces have this name".to_owned()
                }
                Some(d) => format!("two devices are named {:?}", d.name),
                None => continue,
            };
            return Err(SpecError { netns: n.name.clone(), message });
        }
        let numbers: BTreeMap<&str, u32> =
            spec.netns.iter().map(|n| n.name.as_str()).zip(0..).collect();
        let far = |netns: &str, dev: &str| {
            let at =
                *numbers.get(netns).ok_or_else(|| format!("no network namespace {netns:?}"))?;
            let there = &spec.netns[at as usize];
            let i = there
                .devices
                .iter()
                .position(|d| d.name == dev)
                .ok_or_else(|| no_device(dev, netns))?;
            Ok((NetnsId(at), DevId(i as u32)))
        };
        let netns = spec.netns.iter().map(|n| Ok(Rc::new(build_netns(n, &far)?)));
        let netns = netns.collect::<Result<_, _>>()?;
        let state = State { now: Instant::default(), netns, packets: BTreeMap::new() };
        Ok(Self {
            state,
            now: Instant::default(),
            events: Vec::new(),
            changes: Vec::new(),
            stack: Vec::new(),
            agenda: BTreeMap::new(),
            background: BTreeMap::new(),
            order: 0,
            next_packet: 0,
            next_ct: 0,
            next_socket: 0,
            next_ip_id: 0,
            seed,
            rng: Rng::new(seed),
            forced: BTreeMap::new(),
            choices: None,
            budget_from: 0,
            over_budget: false,
        })
    }

    /// Makes every neighbour on a segment or bridge REACHABLE and every port learned. `used`: as
    /// traffic leaves them, with cached headers.
    pub fn warm(&mut self, used: bool) {
        let mut changes = Vec::new();
        for (ns, id) in self.state.netns.iter().zip(0..) {
            let netns = NetnsId(id);
            for (bridge, d) in ns.devices.iter().zip(0..) {
                let DeviceKind::Bridge { ports } = &bridge.kind else { continue };
                // Who is on this segment: the bridge itself and what hangs on the ports' cables.
                let own = std::iter::once((netns, DevId(d), None));
                let far = ports.iter().filter_map(|p| match ns.dev(*p).kind {
                    DeviceKind::Cable { peer, .. } => Some((peer.0, peer.1, Some(*p))),
                    _ => None,
                });
                let members: Vec<_> = own.chain(far).collect();
                for (member, dev, port) in &members {
                    let device = self.state.ns(*member).dev(*dev);
                    if let Some(port) = port {
                        let after = Some(FdbEntry::Port(*port));
                        changes.push(Change::Fdb {
                            netns,
                            dev: DevId(d),
                            mac: device.mac,
                            before: None,
                            after,
                        });
                    }
                    for (other, other_dev, _) in
                        members.iter().filter(|m| (m.0, m.1) != (*member, *dev))
                    {
                        let there = self.state.ns(*other);
                        let other = there.dev(*other_dev);
                        let announced = there.services.iter().filter_map(|l| match l.app {
                            ServerApp::Arp if is_nic(&other.kind) => l.addr,
                            _ => None,
                        });
                        let own = other.addrs.iter().map(IpNet::addr);
                        for addr in own
                            .chain(announced)
                            .filter(|a| device.addrs.iter().any(|own| own.contains(a)))
                        {
                            changes.push(Change::Neighbour {
                                netns: *member,
                                dev: *dev,
                                addr,
                                before: None,
                                after: Some(Box::new(Neighbour {
                                    cached: used,
                                    ..Neighbour::known(other.mac, NudState::Reachable)
                                })),
                            });
                        }
                    }
                }
            }
        }
        // A neighbour of the spec stays as it is.
        changes.retain(|c| match c {
            Change::Neighbour { netns, dev, addr, .. } => {
                !self.state.ns(*netns).neighbours.contains_key(&(*dev, *addr))
            }
            _ => true,
        });
        for change in changes {
            self.state.apply(&change);
        }
    }
}

/// A device, with the names of its spec resolved.
pub(super) fn device(d: &DeviceSpec, master: Option<DevId>, kind: DeviceKind) -> Device {
    Device {
        name: d.name.as_str().into(),
        ifindex: d.ifindex,
        mac: d.mac,
        mtu: d.mtu,
        addrs: d.addrs.clone(),
        up: d.up,
        master,
        hairpin: d.hairpin,
        kind,
        cable: d.cable.clone(),
        gone: false,
    }
}

fn no_device(dev: &str, netns: &str) -> String {
    format!("no device {dev:?} in {netns}")
}

/// Resolves the other end of a cable: names of a namespace and of a device.
type Far<'a> = &'a dyn Fn(&str, &str) -> Result<(NetnsId, DevId), String>;

pub(super) fn build_netns(n: &NetnsSpec, far: Far<'_>) -> Result<Netns, SpecError> {
    let fail = |message: String| SpecError { netns: n.name.clone(), message };
    let dev_of = |name: &str| {
        n.devices
            .iter()
            .position(|d| d.name == name)
            .map(|i| DevId(i as u32))
            .ok_or_else(|| fail(no_device(name, &n.name)))
    };
    let mut devices = Vec::with_capacity(n.devices.len());
    for d in &n.devices {
        let kind = match &d.kind {
            DeviceKindSpec::Loopback => DeviceKind::Loopback,
            DeviceKindSpec::Cable { peer_netns, peer, nic } => {
                DeviceKind::Cable { peer: far(peer_netns, peer).map_err(fail)?, nic: *nic }
            }
            DeviceKindSpec::Bridge => {
                let mut ports = (0..)
                    .zip(&n.devices)
                    .filter(|(_, p)| p.master.as_deref() == Some(&d.name))
                    .map(|(i, _)| DevId(i))
                    .collect::<Vec<_>>();
                ports.reverse();
                DeviceKind::Bridge { ports }
            }
            DeviceKindSpec::Vxlan { vni, local, dev, port } => {
                DeviceKind::Vxlan { vni: *vni, local: *local, dev: dev_of(dev)?, port: *port }
            }
        };
        devices.push(device(d, d.master.as_deref().map(dev_of).transpose()?, kind));
    }
    let mut routes = Vec::with_capacity(n.routes.len());
    for r in &n.routes {
        let dev = dev_of(&r.dev)?;
        routes.push(Route {
            dst: r.dst,
            via: r.via,
            dev,
            src: r.src,
            onlink: r.onlink,
            proto: r.proto,
            metric: r.metric,
        });
    }
    let mut neighbours = BTreeMap::new();
    for x in &n.neighbours {
        neighbours.insert((dev_of(&x.dev)?, x.addr), Neighbour::known(x.lladdr, x.state));
    }
    let mut fdb = BTreeMap::new();
    for (dev, mac, vtep) in &n.fdb {
        fdb.insert((dev_of(dev)?, *mac), FdbEntry::Remote(*vtep));
    }
    let bad = |a: &IpAddr| a.is_ipv6();
    if n.devices.iter().flat_map(|d| &d.addrs).any(|a| bad(&a.addr())) {
        return Err(fail("IPv6 is not simulated".to_owned()));
    }
    Ok(Netns {
        name: n.name.as_str().into(),
        tapped: n.tapped,
        devices,
        routes: Rc::new(routes),
        exceptions: BTreeMap::new(),
        peers: BTreeMap::new(),
        fragments: BTreeMap::new(),
        neighbours,
        fdb,
        counters: Default::default(),
        rules: n.rules.clone(),
        recent: BTreeMap::new(),
        conntrack: Conntrack::default(),
        timeouts: Rc::new(n.timeouts.clone()),
        sysctl: n.sysctl.clone(),
        services: Rc::new(n.services.clone()),
        sockets: BTreeMap::new(),
        gone: false,
    })
}

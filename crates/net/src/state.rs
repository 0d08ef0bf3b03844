//! Everything that can be looked at, at one moment, and the [`Change`]s that lead from one moment
//! to the next and back.

use crate::conntrack::{Connection, Conntrack, CtId, Timeouts};
use crate::id::{DevId, NetnsId, PacketId};
use crate::neigh::Neighbour;
use crate::netfilter::{AddrType, Restored, Ruleset, TableName};
use crate::route::{Decision, Route, longest_prefix};
use crate::skb::Skb;
use crate::socket::{Service, Socket, SocketId};
use crate::spec::Sysctl;
use crate::time::{Duration, Instant};
use crate::wire::Mac;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// What a device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// `lo`.
    Loopback,
    /// One end of a cable.
    Cable {
        /// The other end.
        peer: (NetnsId, DevId),
        /// A NIC rather than a veth.
        nic: bool,
    },
    /// A bridge with its ports, the newest first, as it floods them.
    Bridge {
        /// The ports.
        ports: Vec<DevId>,
    },
    /// A VXLAN tunnel end point.
    Vxlan {
        /// VXLAN network identifier.
        vni: u32,
        /// The address of its outer packets.
        local: IpAddr,
        /// The device they leave by.
        dev: DevId,
        /// Its UDP port.
        port: u16,
    },
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: Rc<str>,
    /// Its ifindex.
    pub ifindex: u32,
    /// Its MAC.
    pub mac: Mac,
    /// Its MTU, in bytes.
    pub mtu: u32,
    /// Its addresses.
    pub addrs: Vec<IpNet>,
    /// Whether it is up.
    pub up: bool,
    /// The bridge it is a port of.
    pub master: Option<DevId>,
    /// Hairpin mode of the port.
    pub hairpin: bool,
    /// What it is.
    pub kind: DeviceKind,
    /// Whether it was removed. Its number and ifindex are not given again, and its name stays known
    /// to what happened before.
    pub gone: bool,
}

/// What a bridge or VXLAN device knows of a MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FdbEntry {
    /// Behind this port, as learned from a frame.
    Port(DevId),
    /// The bridge's own, or a port's own.
    Local(DevId),
    /// Behind this VTEP; written by flanneld.
    Remote(IpAddr),
}

/// Packets and bytes.
pub type Counter = (u64, u64);

/// What a namespace learned about the way to one destination (`struct fib_nh_exception`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// The largest packet that gets through, in bytes: an ICMP error said so.
    pub mtu: Option<u32>,
    /// A better gateway: an ICMP redirect said so.
    pub gateway: Option<IpAddr>,
    /// When it is forgotten.
    pub expires: Instant,
}

/// How many errors and redirects somebody was sent lately (`struct inet_peer`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Time saved up; an error costs a second of it, and no more than six are kept.
    pub tokens: Duration,
    /// When it was last looked at; `None`: long ago.
    pub last: Option<Instant>,
    /// Redirects in a row.
    pub redirects: u32,
}

/// What the fragments of one packet share: source, destination, protocol, identification.
pub type FragmentKey = (Ipv4Addr, Ipv4Addr, u8, u16);

/// Rules with their counters.
pub type Loaded = (Rc<Ruleset>, [Vec<Counter>; 4]);

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netns {
    /// Its name.
    pub name: Rc<str>,
    /// Whether frames are seen at its devices.
    pub tapped: bool,
    /// Its devices.
    pub devices: Vec<Device>,
    /// Table `main`.
    pub routes: Rc<Vec<Route>>,
    /// What was learned about single destinations, beside the routes.
    pub exceptions: BTreeMap<IpAddr, Exception>,
    /// Whom errors were sent to, for their rate.
    pub peers: BTreeMap<IpAddr, Peer>,
    /// Fragments that wait for the rest of their packet, by offset.
    pub fragments: BTreeMap<FragmentKey, Vec<PacketId>>,
    /// The neighbour table.
    pub neighbours: BTreeMap<(DevId, IpAddr), Neighbour>,
    /// Forwarding tables of bridges and VXLAN devices.
    pub fdb: BTreeMap<(DevId, Mac), FdbEntry>,
    /// iptables.
    pub rules: Rc<Ruleset>,
    /// Counters of each table; see [`crate::netfilter::Table::n_counters`].
    pub counters: [Vec<Counter>; 4],
    /// The lists of `-m recent`: addresses and when each was last entered, in that order. They do
    /// not outlive the rules that name them.
    pub recent: BTreeMap<Rc<str>, Vec<(IpAddr, Instant)>>,
    /// Connections.
    pub conntrack: Conntrack,
    /// Connection timeouts.
    pub timeouts: Rc<Timeouts>,
    /// Settings.
    pub sysctl: Sysctl,
    /// What listens.
    pub services: Rc<Vec<Service>>,
    /// Open sockets.
    pub sockets: BTreeMap<SocketId, Rc<Socket>>,
    /// Whether it was removed. Its number is not given again.
    pub gone: bool,
}

impl Netns {
    /// What is left of a namespace that is removed: what its name and its devices' names were.
    pub(crate) fn removed(&self) -> Self {
        Self {
            name: self.name.clone(),
            tapped: self.tapped,
            devices: self
                .devices
                .iter()
                .map(|d| Device { gone: true, up: false, ..d.clone() })
                .collect(),
            routes: Rc::default(),
            exceptions: BTreeMap::new(),
            peers: BTreeMap::new(),
            fragments: BTreeMap::new(),
            neighbours: BTreeMap::new(),
            fdb: BTreeMap::new(),
            rules: Rc::default(),
            counters: Default::default(),
            recent: BTreeMap::new(),
            conntrack: Conntrack::default(),
            timeouts: self.timeouts.clone(),
            sysctl: self.sysctl.clone(),
            services: Rc::default(),
            sockets: BTreeMap::new(),
            gone: true,
        }
    }

    /// A device by number.
    ///
    /// # Panics
    /// Never for a number that came from this world.
    pub fn dev(&self, id: DevId) -> &Device {
        &self.devices[id.0 as usize]
    }

    /// A device by name.
    pub fn dev_named(&self, name: &str) -> Option<(DevId, &Device)> {
        self.devices
            .iter()
            .zip(0..)
            .find(|(d, _)| &*d.name == name && !d.gone)
            .map(|(d, i)| (DevId(i), d))
    }

    /// Whether an address is one of this namespace's own.
    pub fn is_local(&self, addr: IpAddr) -> bool {
        addr.is_loopback() || self.devices.iter().any(|d| d.addrs.iter().any(|n| n.addr() == addr))
    }

    /// What an address is to this namespace (`inet_addr_type`).
    pub fn addr_type(&self, addr: IpAddr) -> AddrType {
        let IpAddr::V4(v4) = addr else { return AddrType::Unicast };
        if self.is_local(addr) {
            AddrType::Local
        } else if v4.is_multicast() {
            AddrType::Multicast
        } else if v4 == Ipv4Addr::BROADCAST
            || self
                .devices
                .iter()
                .flat_map(|d| &d.addrs)
                .any(|n| n.prefix_len() < 31 && n.broadcast() == addr)
        {
            AddrType::Broadcast
        } else {
            AddrType::Unicast
        }
    }

    /// Where a packet to `dst` goes: table `local`, then `main`.
    pub fn route(&self, dst: IpAddr) -> Option<Decision> {
        match self.addr_type(dst) {
            AddrType::Local => return Some(Decision::Local),
            AddrType::Broadcast | AddrType::Multicast => return Some(Decision::Broadcast),
            AddrType::Unicast => {}
        }
        let (route, r) = longest_prefix(&self.routes, dst)?;
        let next_hop = self.exceptions.get(&dst).and_then(|e| e.gateway).or(r.via).unwrap_or(dst);
        self.dev(r.dev).up.then_some(Decision::Out { dev: r.dev, next_hop, route, src: r.src })
    }

    /// The largest packet a socket may send to `dst` by a device: the device's MTU, or less if the
    /// path was found to take less.
    pub fn path_mtu(&self, dev: DevId, dst: IpAddr) -> u32 {
        let learned = self.exceptions.get(&dst).and_then(|e| e.mtu);
        learned.unwrap_or(u32::MAX).min(self.dev(dev).mtu)
    }

    /// A device's address for a packet to `dst` (`inet_select_addr`): the first in whose network
    /// `dst` lies, else the device's first, else any other device's. Those of `lo` are of host
    /// scope and never leave.
    pub fn select_addr(&self, dev: DevId, dst: IpAddr) -> Option<IpAddr> {
        let leaves = |d: &Device| d.up && !matches!(d.kind, DeviceKind::Loopback);
        let own: &[IpNet] = if leaves(self.dev(dev)) { &self.dev(dev).addrs } else { &[] };
        let near = own.iter().find(|n| n.contains(&dst)).or(own.first());
        let any = || self.devices.iter().filter(|d| leaves(d)).find_map(|d| d.addrs.first());
        near.or_else(any).map(IpNet::addr)
    }

    /// The source a socket gets for `dst` when it does not choose one.
    pub fn source_for(&self, dst: IpAddr) -> Option<IpAddr> {
        match self.route(dst)? {
            // Of all of 127.0.0.0/8, one is used (`local 127.0.0.0/8 dev lo src 127.0.0.1`).
            Decision::Local if dst.is_loopback() => Some(Ipv4Addr::LOCALHOST.into()),
            Decision::Local => Some(dst),
            Decision::Broadcast => None,
            Decision::Out { dev, next_hop, src, .. } => {
                src.or_else(|| self.select_addr(dev, next_hop))
            }
        }
    }

    /// The loopback device.
    pub fn loopback(&self) -> Option<DevId> {
        self.devices.iter().position(|d| d.kind == DeviceKind::Loopback).map(|i| DevId(i as u32))
    }
}

/// One moment of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The time.
    pub now: Instant,
    /// Network namespaces.
    pub netns: Vec<Netns>,
    /// Packets in flight.
    pub packets: BTreeMap<PacketId, Rc<Skb>>,
}

/// What differs between two moments. Every kind holds both sides, or their difference, so it can
/// be applied and undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Time went on.
    Clock {
        /// From.
        before: Instant,
        /// To.
        after: Instant,
    },
    /// A rule or policy counted a packet.
    Counter {
        /// Where.
        netns: NetnsId,
        /// The table.
        table: TableName,
        /// Which counter.
        index: u32,
        /// Its length, in bytes.
        bytes: u32,
    },
    /// A neighbour appeared, changed or went.
    Neighbour {
        /// Where.
        netns: NetnsId,
        /// On which device.
        dev: DevId,
        /// Its address.
        addr: IpAddr,
        /// Before.
        before: Option<Box<Neighbour>>,
        /// After.
        after: Option<Box<Neighbour>>,
    },
    /// A forwarding entry appeared, changed or went.
    Fdb {
        /// Where.
        netns: NetnsId,
        /// Of which bridge or VXLAN device.
        dev: DevId,
        /// The MAC.
        mac: Mac,
        /// Before.
        before: Option<FdbEntry>,
        /// After.
        after: Option<FdbEntry>,
    },
    /// A connection appeared, changed or went.
    Connection {
        /// Where.
        netns: NetnsId,
        /// Which.
        id: CtId,
        /// Before.
        before: Option<Rc<Connection>>,
        /// After.
        after: Option<Rc<Connection>>,
    },
    /// A packet appeared, changed or went.
    Packet {
        /// Which.
        id: PacketId,
        /// Before.
        before: Option<Rc<Skb>>,
        /// After.
        after: Option<Rc<Skb>>,
    },
    /// Something was learned about a destination, or forgotten.
    Exception {
        /// Where.
        netns: NetnsId,
        /// The destination.
        dst: IpAddr,
        /// Before.
        before: Option<Exception>,
        /// After.
        after: Option<Exception>,
    },
    /// Somebody was sent an error.
    Peer {
        /// Where.
        netns: NetnsId,
        /// Who.
        addr: IpAddr,
        /// Before.
        before: Option<Peer>,
        /// After.
        after: Option<Peer>,
    },
    /// A fragment came to wait, or a packet's fragments are complete.
    Fragments {
        /// Where.
        netns: NetnsId,
        /// Of which packet.
        key: FragmentKey,
        /// Before.
        before: Option<Vec<PacketId>>,
        /// After.
        after: Option<Vec<PacketId>>,
    },
    /// A network namespace came, with the next number; or it went, and its number is not given
    /// again.
    Netns {
        /// Which.
        netns: NetnsId,
        /// Before.
        before: Option<Box<Netns>>,
        /// After.
        after: Box<Netns>,
    },
    /// A device came, with the next number; was set up otherwise; or went.
    Device {
        /// Where.
        netns: NetnsId,
        /// Which.
        dev: DevId,
        /// Before.
        before: Option<Box<Device>>,
        /// After.
        after: Box<Device>,
    },
    /// Routes were added or removed.
    Routes {
        /// Where.
        netns: NetnsId,
        /// Before.
        before: Rc<Vec<Route>>,
        /// After.
        after: Rc<Vec<Route>>,
    },
    /// Rules were loaded.
    Rules {
        /// Where.
        netns: NetnsId,
        /// Before, with their counters.
        before: Box<Loaded>,
        /// After.
        after: Box<Loaded>,
    },
    /// An address was entered into a list of `-m recent`, or left it.
    Recent {
        /// Where.
        netns: NetnsId,
        /// The list's name.
        list: Rc<str>,
        /// Before.
        before: Option<Vec<(IpAddr, Instant)>>,
        /// After.
        after: Option<Vec<(IpAddr, Instant)>>,
    },
    /// A setting was changed.
    Sysctl {
        /// Where.
        netns: NetnsId,
        /// Before.
        before: Sysctl,
        /// After.
        after: Sysctl,
    },
    /// A socket was opened, changed or closed.
    Socket {
        /// Where.
        netns: NetnsId,
        /// Which.
        id: SocketId,
        /// Before.
        before: Option<Rc<Socket>>,
        /// After.
        after: Option<Rc<Socket>>,
    },
}

/// One setting of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Other rules in some tables; their counters begin at zero (`iptables-restore`), but for those
    /// of chains that were not named (`iptables-restore --noflush`).
    Rules(Box<Restored>),
    /// No connection is known any more (`conntrack -F`).
    FlushConntrack,
    /// One connection is not known any more (`conntrack -D`).
    Forget(CtId),
    /// Other sysctls.
    Sysctl(Sysctl),
    /// Other routes (`ip route add`, `del`).
    Routes(Rc<Vec<Route>>),
    /// What was learned about destinations is forgotten (`ip route flush cache`).
    FlushCache,
    /// One neighbour, or none (`ip neigh replace`, `del`).
    Neighbour {
        /// The device.
        dev: DevId,
        /// Its address.
        addr: IpAddr,
        /// What is known of it.
        to: Option<Neighbour>,
    },
    /// One forwarding entry, or none (`bridge fdb append`, `del`).
    Fdb {
        /// The bridge or VXLAN device.
        dev: DevId,
        /// The MAC.
        mac: Mac,
        /// Where it is.
        to: Option<FdbEntry>,
    },
    /// A device set up otherwise (`ip link set`, `bridge link set`).
    Device {
        /// Which.
        dev: DevId,
        /// How.
        to: Box<Device>,
    },
}

impl Change {
    /// The namespace it is in; of a packet, none.
    pub fn netns(&self) -> Option<NetnsId> {
        match self {
            Self::Clock { .. } | Self::Packet { .. } => None,
            Self::Counter { netns, .. }
            | Self::Neighbour { netns, .. }
            | Self::Fdb { netns, .. }
            | Self::Connection { netns, .. }
            | Self::Exception { netns, .. }
            | Self::Fragments { netns, .. }
            | Self::Peer { netns, .. }
            | Self::Socket { netns, .. }
            | Self::Rules { netns, .. }
            | Self::Recent { netns, .. }
            | Self::Sysctl { netns, .. }
            | Self::Routes { netns, .. }
            | Self::Netns { netns, .. }
            | Self::Device { netns, .. } => Some(*netns),
        }
    }
}

impl State {
    /// Whether a device has a carrier: the far end of its cable is up, or one of its ports has one.
    pub fn has_carrier(&self, netns: NetnsId, dev: DevId) -> bool {
        match &self.ns(netns).dev(dev).kind {
            DeviceKind::Cable { peer: (far, port), .. } => self.ns(*far).dev(*port).up,
            DeviceKind::Bridge { ports } => {
                ports.iter().any(|p| self.ns(netns).dev(*p).up && self.has_carrier(netns, *p))
            }
            DeviceKind::Loopback | DeviceKind::Vxlan { .. } => true,
        }
    }

    /// A namespace by number.
    ///
    /// # Panics
    /// Never for a number that came from this world.
    pub fn ns(&self, id: NetnsId) -> &Netns {
        &self.netns[id.0 as usize]
    }

    /// A namespace by name.
    pub fn ns_named(&self, name: &str) -> Option<(NetnsId, &Netns)> {
        self.netns
            .iter()
            .zip(0..)
            .find(|(n, _)| &*n.name == name && !n.gone)
            .map(|(n, i)| (NetnsId(i), n))
    }

    /// Goes one change forward.
    pub fn apply(&mut self, change: &Change) {
        self.step(change, true);
    }

    /// Goes one change back. `undo(apply(s)) == s`.
    pub fn undo(&mut self, change: &Change) {
        self.step(change, false);
    }

    fn step(&mut self, change: &Change, forward: bool) {
        let pick = |before, after| if forward { after } else { before };
        match change {
            Change::Clock { before, after } => self.now = *pick(before, after),
            Change::Counter { netns, table, index, bytes } => {
                let (packets, total) =
                    &mut self.netns[netns.0 as usize].counters[*table as usize][*index as usize];
                if forward {
                    *packets += 1;
                    *total += u64::from(*bytes);
                } else {
                    *packets -= 1;
                    *total -= u64::from(*bytes);
                }
            }
            Change::Neighbour { netns, dev, addr, before, after } => {
                let to = if forward { after } else { before };
                set(
                    &mut self.netns[netns.0 as usize].neighbours,
                    (*dev, *addr),
                    to.as_deref().cloned(),
                );
            }
            Change::Fdb { netns, dev, mac, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.netns[netns.0 as usize].fdb, (*dev, *mac), to.clone());
            }
            Change::Connection { netns, id, before, after } => {
                let to = if forward { after } else { before };
                self.netns[netns.0 as usize].conntrack.set(*id, to.clone());
            }
            Change::Exception { netns, dst, before, after } => {
                set(
                    &mut self.netns[netns.0 as usize].exceptions,
                    *dst,
                    if forward { *after } else { *before },
                );
            }
            Change::Peer { netns, addr, before, after } => {
                set(
                    &mut self.netns[netns.0 as usize].peers,
                    *addr,
                    if forward { *after } else { *before },
                );
            }
            Change::Fragments { netns, key, before, after } => {
                set(
                    &mut self.netns[netns.0 as usize].fragments,
                    *key,
                    if forward { after.clone() } else { before.clone() },
                );
            }
            Change::Netns { netns, before, after } => {
                place(&mut self.netns, netns.0, before.as_deref(), after, forward)
            }
            Change::Device { netns, dev, before, after } => {
                place(
                    &mut self.netns[netns.0 as usize].devices,
                    dev.0,
                    before.as_deref(),
                    after,
                    forward,
                );
            }
            Change::Routes { netns, before, after } => {
                self.netns[netns.0 as usize].routes =
                    if forward { after.clone() } else { before.clone() };
            }
            Change::Rules { netns, before, after } => {
                let (rules, counters) = Loaded::clone(if forward { after } else { before });
                let ns = &mut self.netns[netns.0 as usize];
                (ns.rules, ns.counters) = (rules, counters);
            }
            Change::Recent { netns, list, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.netns[netns.0 as usize].recent, list.clone(), to.clone());
            }
            Change::Sysctl { netns, before, after } => {
                self.netns[netns.0 as usize].sysctl =
                    if forward { after.clone() } else { before.clone() };
            }
            Change::Packet { id, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.packets, *id, to.clone());
            }
            Change::Socket { netns, id, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.netns[netns.0 as usize].sockets, *id, to.clone());
            }
        }
    }
}

/// Puts into a row what came at its end, or what is there instead now; and back.
fn place<T: Clone>(row: &mut Vec<T>, at: u32, before: Option<&T>, after: &T, forward: bool) {
    match (before, forward) {
        (None, true) => row.push(after.clone()),
        (None, false) => _ = row.pop(),
        (Some(before), _) => row[at as usize] = if forward { after } else { before }.clone(),
    }
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, to: Option<V>) {
    match to {
        Some(value) => _ = map.insert(key, value),
        None => _ = map.remove(&key),
    }
}

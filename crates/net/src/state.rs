//! The state of a world at one moment, and the [`Change`]s that lead to the next moment and back.

use crate::conntrack::{Connection, Conntrack, CtId, Timeouts};
use crate::id::{DevId, NetnsId, PacketId};
use crate::neigh::Neighbour;
use crate::netfilter::{AddrType, Restored, Ruleset, TableName};
use crate::route::{Decision, Route, longest_prefix};
use crate::skb::Skb;
use crate::socket::{Listener, Socket, SocketId};
use crate::spec::{CableSpec, Sysctl};
use crate::time::{Duration, Instant};
use crate::wire::Mac;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// The driver of a device, with its configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The device `lo` (`drivers/net/loopback.c`).
    Loopback,
    /// One end of a cable: a veth, or a NIC plugged into a LAN segment.
    Cable {
        /// The device at the other end.
        peer: (NetnsId, DevId),
        /// A NIC rather than a veth; `ip` prints a veth's name with `@`.
        nic: bool,
    },
    /// A bridge, with its own MAC and addresses (`net/bridge`).
    Bridge {
        /// Its ports, the newest first: the order in which a frame is flooded.
        ports: Vec<DevId>,
    },
    /// A VXLAN tunnel end point (`drivers/net/vxlan`).
    Vxlan {
        /// VXLAN network identifier, 24 bits.
        vni: u32,
        /// Source address of the outer packets.
        local: IpAddr,
        /// The device that carries the outer packets.
        dev: DevId,
        /// Destination and listening UDP port.
        port: u16,
    },
}

/// A network device (`struct net_device`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name, at most 15 bytes (`IFNAMSIZ`).
    pub name: Rc<str>,
    /// Its ifindex, as `ip link` prints it.
    pub ifindex: u32,
    /// Its hardware address; zero for `lo`.
    pub mac: Mac,
    /// Its MTU, in bytes of IP.
    pub mtu: u32,
    /// Its addresses with their prefix lengths, the primary first.
    pub addrs: Vec<IpNet>,
    /// Administratively up (`IFF_UP`); for the carrier see [`State::has_carrier`].
    pub up: bool,
    /// The bridge it is a port of.
    pub master: Option<DevId>,
    /// As a bridge port: a frame may leave by the port it came in by (`BR_HAIRPIN_MODE`).
    pub hairpin: bool,
    /// The driver, with its configuration.
    pub kind: DeviceKind,
    /// What happens to frames on the cable behind it; the same for the whole run.
    pub cable: CableSpec,
    /// It was removed. Its number and ifindex are not given again, and its name stays known to
    /// earlier events.
    pub gone: bool,
}

/// An entry in the forwarding table of a bridge or VXLAN device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FdbEntry {
    /// Behind this port, learned from a frame's source MAC.
    Port(DevId),
    /// The MAC of the bridge itself or of this port.
    Local(DevId),
    /// Behind the VTEP with this address; static, written by flanneld.
    Remote(IpAddr),
}

/// Packets and bytes, as `iptables -v` prints them.
pub type Counter = (u64, u64);

/// What was learned about the path to one destination (`struct fib_nh_exception`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// Path MTU, in bytes, from an ICMP "fragmentation needed".
    pub mtu: Option<u32>,
    /// Gateway to use instead of the route's, from an ICMP redirect.
    pub gateway: Option<IpAddr>,
    /// Virtual time at which the entry is deleted.
    pub expires: Instant,
}

/// The rate limit on errors and redirects to one address (`struct inet_peer`,
/// `inet_peer_xrlim_allow`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Tokens, as time: an error costs one second, six are kept at most.
    pub tokens: Duration,
    /// When tokens were last added; `None` if never, which grants all six.
    pub last: Option<Instant>,
    /// Redirects sent without a pause between them.
    pub redirects: u32,
}

/// What the fragments of one packet have in common: source, destination, protocol, identification
/// (`struct frag_v4_compare_key`).
pub type FragmentKey = (Ipv4Addr, Ipv4Addr, u8, u16);

/// The counters of the four tables that are not zero, by their index in the table
/// ([`crate::netfilter::Table::rule_counter`]), in the order of [`TableName::ALL`].
pub type Counters = [BTreeMap<u32, Counter>; 4];

/// A ruleset with its counters.
pub type LoadedRules = (Ruleset, Counters);

/// A network namespace: a node, a pod, another host, or a LAN segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Netns {
    /// Its name, unique among those that exist.
    pub name: Rc<str>,
    /// Frames at its devices make events. Off for a LAN segment, a switch without a shell.
    pub tapped: bool,
    /// Its devices, indexed by [`DevId`].
    pub devices: Vec<Device>,
    /// Table `main`, in the order `ip route` prints it.
    pub routes: Rc<Vec<Route>>,
    /// What was learned about the path to single destinations.
    pub exceptions: BTreeMap<IpAddr, Exception>,
    /// Rate limits on ICMP errors and redirects, by whom they are sent to.
    pub peers: BTreeMap<IpAddr, Peer>,
    /// Fragments that wait for the rest of their packet, in order of their offset.
    pub fragments: BTreeMap<FragmentKey, Vec<PacketId>>,
    /// The neighbour table, by device and address; filled by ARP or by the administrator.
    pub neighbours: BTreeMap<(DevId, IpAddr), Neighbour>,
    /// The forwarding tables of its bridges and VXLAN devices.
    pub fdb: BTreeMap<(DevId, Mac), FdbEntry>,
    /// The tables that iptables-restore loaded.
    pub rules: Ruleset,
    /// The rules' counters.
    pub counters: Counters,
    /// The lists of `-m recent`: addresses with the time each was last entered, in that order. A
    /// list is deleted with the last rule that names it.
    pub recent: BTreeMap<Rc<str>, Vec<(IpAddr, Instant)>>,
    /// The connections that conntrack tracks.
    pub conntrack: Conntrack,
    /// How long idle connections stay tracked.
    pub timeouts: Rc<Timeouts>,
    /// Kernel parameters (`net.*`), as `sysctl` prints them.
    pub sysctl: Sysctl,
    /// TCP and UDP servers that listen.
    pub services: Rc<Vec<Listener>>,
    /// Clients, and connections that a server accepted; listening sockets are in `services`.
    pub sockets: BTreeMap<SocketId, Rc<Socket>>,
    /// It was removed. Its number is not given again.
    pub gone: bool,
}

impl Netns {
    /// A counter of a table, by its index there.
    pub fn counter(&self, table: TableName, index: u32) -> Counter {
        self.counters[table as usize].get(&index).copied().unwrap_or_default()
    }

    /// What remains of a namespace once it is removed: its name and its devices' names.
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
            rules: Ruleset::default(),
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

    /// The device with this number.
    ///
    /// # Panics
    /// If the number is not of this namespace.
    pub fn dev(&self, id: DevId) -> &Device {
        &self.devices[id.0 as usize]
    }

    /// The existing device with this name, and its number.
    pub fn dev_named(&self, name: &str) -> Option<(DevId, &Device)> {
        self.devices
            .iter()
            .zip(0..)
            .find(|(d, _)| &*d.name == name && !d.gone)
            .map(|(d, i)| (DevId(i), d))
    }

    /// Whether an address is assigned to a device here, or is of 127.0.0.0/8.
    pub fn is_local(&self, addr: IpAddr) -> bool {
        addr.is_loopback() || self.devices.iter().any(|d| d.addrs.iter().any(|n| n.addr() == addr))
    }

    /// The type of an address, seen from here (`inet_addr_type`).
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

    /// Looks a destination up in table `local`, then `main` (`fib_lookup`). `None`: no route, or
    /// its device is down.
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

    /// The MTU towards `dst` by a device, in bytes: the device's own, or the path MTU learned since
    /// if that is smaller (`ip_dst_mtu_maybe_forward`).
    pub fn path_mtu(&self, dev: DevId, dst: IpAddr) -> u32 {
        let learned = self.exceptions.get(&dst).and_then(|e| e.mtu);
        learned.unwrap_or(u32::MAX).min(self.dev(dev).mtu)
    }

    /// The source address for a packet to `dst` by a device (`inet_select_addr`): the device's
    /// first address with `dst` in its network, else its first, else another device's. Addresses of
    /// `lo` have host scope and are not used.
    pub fn select_addr(&self, dev: DevId, dst: IpAddr) -> Option<IpAddr> {
        let leaves = |d: &Device| d.up && !matches!(d.kind, DeviceKind::Loopback);
        let own: &[IpNet] = if leaves(self.dev(dev)) { &self.dev(dev).addrs } else { &[] };
        let near = own.iter().find(|n| n.contains(&dst)).or(own.first());
        let any = || self.devices.iter().filter(|d| leaves(d)).find_map(|d| d.addrs.first());
        near.or_else(any).map(IpNet::addr)
    }

    /// The source address of an unbound socket that connects to `dst` (`ip_route_output_key`).
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

    /// Which device is `lo`, unless it was removed with the namespace.
    pub fn loopback(&self) -> Option<DevId> {
        self.devices.iter().position(|d| d.kind == DeviceKind::Loopback).map(|i| DevId(i as u32))
    }
}

/// The state of a world at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Virtual time of the last event.
    pub now: Instant,
    /// Network namespaces, indexed by [`NetnsId`]. Copies of the state share those that are equal.
    pub netns: Vec<Rc<Netns>>,
    /// Packets in flight: in a kernel, in a queue or on a cable.
    pub packets: BTreeMap<PacketId, Rc<Skb>>,
}

/// One difference between two moments: the namespace and the key of what changed, and its value
/// `before` and `after`, so that the change can be applied and undone. Where a value is an
/// `Option`, `None` means that the entry does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field without a comment is what the lines above say")]
pub enum Change {
    /// Virtual time advanced.
    Clock { before: Instant, after: Instant },
    /// A rule or a policy counted one packet.
    Counter {
        netns: NetnsId,
        table: TableName,
        index: u32,
        /// Length of the packet, in bytes of IP.
        bytes: u32,
    },
    /// An entry of the neighbour table changed.
    Neighbour {
        netns: NetnsId,
        dev: DevId,
        addr: IpAddr,
        before: Option<Box<Neighbour>>,
        after: Option<Box<Neighbour>>,
    },
    /// An entry of a forwarding table changed.
    Fdb {
        netns: NetnsId,
        /// The bridge or VXLAN device.
        dev: DevId,
        mac: Mac,
        before: Option<FdbEntry>,
        after: Option<FdbEntry>,
    },
    /// A tracked connection was created, changed or deleted.
    Connection {
        netns: NetnsId,
        id: CtId,
        before: Option<Rc<Connection>>,
        after: Option<Rc<Connection>>,
    },
    /// A packet was made, changed, moved or freed.
    Packet { id: PacketId, before: Option<Rc<Skb>>, after: Option<Rc<Skb>> },
    /// The knowledge about the path to a destination changed or expired.
    Exception { netns: NetnsId, dst: IpAddr, before: Option<Exception>, after: Option<Exception> },
    /// The rate limit on errors to an address changed.
    Peer {
        /// The namespace that sends the errors.
        netns: NetnsId,
        /// The address they are sent to.
        addr: IpAddr,
        before: Option<Peer>,
        after: Option<Peer>,
    },
    /// The queue of a packet's fragments changed.
    Fragments {
        netns: NetnsId,
        /// The packet that the fragments belong to.
        key: FragmentKey,
        before: Option<Vec<PacketId>>,
        after: Option<Vec<PacketId>>,
    },
    /// A network namespace was added with the next number, or removed, which leaves its number
    /// taken.
    Netns {
        netns: NetnsId,
        /// The namespace before; `None` if it is new.
        before: Option<Rc<Netns>>,
        /// The namespace after, [`Netns::gone`] if it was removed.
        after: Rc<Netns>,
    },
    /// A device was added with the next number, changed, or removed, which leaves its number taken.
    Device {
        netns: NetnsId,
        dev: DevId,
        /// The device before; `None` if it is new.
        before: Option<Box<Device>>,
        /// The device after, [`Device::gone`] if it was removed.
        after: Box<Device>,
    },
    /// Routes of table `main` were added or deleted.
    Routes { netns: NetnsId, before: Rc<Vec<Route>>, after: Rc<Vec<Route>> },
    /// The iptables rules were replaced.
    Rules { netns: NetnsId, before: Box<LoadedRules>, after: Box<LoadedRules> },
    /// A list of `-m recent` changed.
    Recent {
        netns: NetnsId,
        /// Name of the list (`--name`).
        list: Rc<str>,
        before: Option<Vec<(IpAddr, Instant)>>,
        after: Option<Vec<(IpAddr, Instant)>>,
    },
    /// A kernel parameter was set (`sysctl -w`).
    Sysctl { netns: NetnsId, before: Sysctl, after: Sysctl },
    /// What listens was replaced: a pod on the node's network starts or ends, or a DNS server has
    /// new data.
    Services { netns: NetnsId, before: Rc<Vec<Listener>>, after: Rc<Vec<Listener>> },
    /// A socket was opened, changed or closed.
    Socket { netns: NetnsId, id: SocketId, before: Option<Rc<Socket>>, after: Option<Rc<Socket>> },
}

/// A setting of a namespace and its new value, as [`crate::World::configure`] takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Replaces the tables named in the text. Counters start at zero, except those of chains that
    /// `iptables-restore --noflush` leaves alone.
    Rules(Box<Restored>),
    /// Deletes every tracked connection (`conntrack -F`).
    FlushConntrack,
    /// Deletes one tracked connection (`conntrack -D`).
    Forget(CtId),
    /// Replaces the kernel parameters (`sysctl -w`).
    Sysctl(Sysctl),
    /// Replaces what listens: a pod on the node's network starts or ends, or a DNS server has new
    /// data.
    Services(Rc<Vec<Listener>>),
    /// Replaces table `main` (`ip route add`, `del`).
    Routes(Rc<Vec<Route>>),
    /// Deletes what was learned about paths (`ip route flush cache`).
    FlushCache,
    /// Replaces or deletes a neighbour (`ip neigh replace`, `del`).
    Neighbour {
        /// The device on whose link the neighbour is.
        dev: DevId,
        /// The neighbour's IP address.
        addr: IpAddr,
        /// The new entry; `None` deletes it.
        to: Option<Neighbour>,
    },
    /// Replaces or deletes a forwarding entry (`bridge fdb append`, `del`).
    Fdb {
        /// The bridge or VXLAN device.
        dev: DevId,
        /// The MAC that the entry is about.
        mac: Mac,
        /// The new entry; `None` deletes it.
        to: Option<FdbEntry>,
    },
    /// Reconfigures a device (`ip link set`, `bridge link set`).
    Device {
        /// The device to change.
        dev: DevId,
        /// What the device is afterwards, in full.
        to: Box<Device>,
    },
}

impl Change {
    /// The namespace it belongs to; none for the clock and for packets, which move.
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
            | Self::Services { netns, .. }
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
    /// Whether a device has a carrier (`netif_carrier_ok`): the other end of its cable is up, or
    /// one of a bridge's ports is up and has one.
    pub fn has_carrier(&self, netns: NetnsId, dev: DevId) -> bool {
        match &self.ns(netns).dev(dev).kind {
            DeviceKind::Cable { peer: (far, port), .. } => self.ns(*far).dev(*port).up,
            DeviceKind::Bridge { ports } => {
                ports.iter().any(|p| self.ns(netns).dev(*p).up && self.has_carrier(netns, *p))
            }
            DeviceKind::Loopback | DeviceKind::Vxlan { .. } => true,
        }
    }

    /// The namespace with this number.
    ///
    /// # Panics
    /// If the number is not of this world.
    pub fn ns(&self, id: NetnsId) -> &Netns {
        &self.netns[id.0 as usize]
    }

    /// The existing namespace with this name, and its number.
    pub fn ns_named(&self, name: &str) -> Option<(NetnsId, &Netns)> {
        self.netns
            .iter()
            .zip(0..)
            .find(|(n, _)| &*n.name == name && !n.gone)
            .map(|(n, i)| (NetnsId(i), &**n))
    }

    /// Makes a change: from the moment before it to the moment after.
    pub fn apply(&mut self, change: &Change) {
        self.step(change, true);
    }

    /// Undoes the change that was applied last: `undo(apply(s)) == s`.
    pub fn undo(&mut self, change: &Change) {
        self.step(change, false);
    }

    /// The namespace with this number, to change it here and not in copies of the state.
    fn ns_mut(&mut self, id: NetnsId) -> &mut Netns {
        Rc::make_mut(&mut self.netns[id.0 as usize])
    }

    fn step(&mut self, change: &Change, forward: bool) {
        let pick = |before, after| if forward { after } else { before };
        match change {
            Change::Clock { before, after } => self.now = *pick(before, after),
            Change::Counter { netns, table, index, bytes } => {
                let counters = &mut self.ns_mut(*netns).counters[*table as usize];
                let (packets, total) = counters.entry(*index).or_default();
                if forward {
                    *packets += 1;
                    *total += u64::from(*bytes);
                } else {
                    *packets -= 1;
                    *total -= u64::from(*bytes);
                    if *packets == 0 {
                        counters.remove(index);
                    }
                }
            }
            Change::Neighbour { netns, dev, addr, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.ns_mut(*netns).neighbours, (*dev, *addr), to.as_deref().cloned());
            }
            Change::Fdb { netns, dev, mac, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.ns_mut(*netns).fdb, (*dev, *mac), to.clone());
            }
            Change::Connection { netns, id, before, after } => {
                let to = if forward { after } else { before };
                self.ns_mut(*netns).conntrack.set(*id, to.clone());
            }
            Change::Exception { netns, dst, before, after } => {
                set(
                    &mut self.ns_mut(*netns).exceptions,
                    *dst,
                    if forward { *after } else { *before },
                );
            }
            Change::Peer { netns, addr, before, after } => {
                set(&mut self.ns_mut(*netns).peers, *addr, if forward { *after } else { *before });
            }
            Change::Fragments { netns, key, before, after } => {
                set(
                    &mut self.ns_mut(*netns).fragments,
                    *key,
                    if forward { after.clone() } else { before.clone() },
                );
            }
            Change::Netns { netns, before, after } => {
                place(&mut self.netns, netns.0, before.as_ref(), after, forward);
            }
            Change::Device { netns, dev, before, after } => {
                place(&mut self.ns_mut(*netns).devices, dev.0, before.as_deref(), after, forward);
            }
            Change::Routes { netns, before, after } => {
                self.ns_mut(*netns).routes = if forward { after.clone() } else { before.clone() };
            }
            Change::Rules { netns, before, after } => {
                let (rules, counters) = LoadedRules::clone(if forward { after } else { before });
                let ns = self.ns_mut(*netns);
                (ns.rules, ns.counters) = (rules, counters);
            }
            Change::Recent { netns, list, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.ns_mut(*netns).recent, list.clone(), to.clone());
            }
            Change::Sysctl { netns, before, after } => {
                self.ns_mut(*netns).sysctl = if forward { after.clone() } else { before.clone() };
            }
            Change::Services { netns, before, after } => {
                self.ns_mut(*netns).services = if forward { after.clone() } else { before.clone() };
            }
            Change::Packet { id, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.packets, *id, to.clone());
            }
            Change::Socket { netns, id, before, after } => {
                let to = if forward { after } else { before };
                set(&mut self.ns_mut(*netns).sockets, *id, to.clone());
            }
        }
    }
}

/// Appends an element, or replaces it; or undoes that.
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

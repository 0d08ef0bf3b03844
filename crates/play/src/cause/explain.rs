//! A loss explained by the tables that decided it.

use super::{EntryKind, Fact, Known, Link, RuleRef};
use crate::anchor::Direction;
use net::event::{BridgeTo, EventKind};
use net::netfilter::{Match, Policy, RuleEffect, Ruleset, TableName, WalkStep, rule_text};
use net::route::Decision;
use net::socket::AddrPort;
use net::state::{Change, DeviceKind, Netns, Setting};
use net::wire::{Body, Mac, PROTO_UDP};
use net::{DevId, DropReason, Event, NetnsId, PacketId, dump};
use std::net::IpAddr;

/// Links in order of time, and which of them decided.
pub(super) struct Explained {
    pub(super) links: Vec<Link>,
    /// The deciding link, by its index.
    pub(super) decided: usize,
    /// Count of the losses that it explains.
    pub(super) lost: usize,
}

impl Explained {
    pub(super) fn one(link: Link) -> Self {
        Self { links: vec![link], decided: 0, lost: 0 }
    }

    /// Adds a link that decides more than what is there: it is the reason.
    pub(super) fn because(&mut self, link: Link) {
        self.links.push(link);
        self.decided = self.links.len() - 1;
    }
}

/// A rule by its indices.
pub(super) fn rule_at(rules: &Ruleset, table: TableName, chain: u32, rule: u32) -> Option<RuleRef> {
    let chain = rules.table(table).chains.get(chain as usize)?;
    let found = chain.rules.get(rule as usize)?;
    Some(RuleRef {
        table,
        chain: chain.name.clone(),
        number: rule + 1,
        text: rule_text(&chain.name, found),
        comment: found.comment().map(str::to_owned),
    })
}

/// The steps of a packet through tables in a namespace before an event, the last first.
pub(super) fn walked<'a>(
    k: &Known<'a>,
    event: usize,
) -> impl Iterator<Item = (usize, &'a Ruleset, TableName, u32, &'a WalkStep)> + use<'a> {
    let events = k.events;
    let (packet, netns) = (events[event].packet, events[event].netns);
    (k.range.start..event).rev().filter_map(move |i| {
        let e = &events[i];
        match &e.kind {
            EventKind::Walked { table, rules, mark, step, .. }
                if e.packet == packet && e.netns == netns =>
            {
                Some((i, &rules.0, *table, *mark, step))
            }
            _ => None,
        }
    })
}

/// Why a packet was dropped at an event.
pub(super) fn explain_drop(k: &Known<'_>, drop: usize) -> Explained {
    let e = &k.events[drop];
    let EventKind::Dropped { reason, .. } = e.kind else { unreachable!("a drop") };
    let netns = e.netns.unwrap_or(k.from);
    let lost = || Explained::one(k.link(drop, netns, Fact::Lost(reason)));
    let found = match reason {
        DropReason::PortBlocked | DropReason::CableLoss => on_cable(k, drop, netns, reason),
        _ if !k.state.ns(netns).tapped => segment(k, drop),
        DropReason::NetfilterDrop | DropReason::NetfilterReject | DropReason::Unsupported => {
            by_rule(k, drop, netns)
        }
        DropReason::NoSocket => no_socket(k, drop, netns),
        DropReason::OtherHost => other_host(k, drop, netns),
        DropReason::NeighFailed | DropReason::NeighQueueFull => no_neighbour(k, drop, netns),
        DropReason::VxlanNoRemote => no_vtep(k, drop, netns),
        DropReason::VxlanVniNotFound => tunnel(k, drop, netns),
        DropReason::IpOutNoRoutes => destination_of(k, drop)
            .map(|to| Explained::one(k.link(drop, netns, no_route(k, netns, to)))),
        DropReason::NotForwarding => forwarding(k, drop, netns),
        DropReason::IpRpFilter => reverse_path(k, drop, netns),
        DropReason::PktTooBig => too_big(k, drop, netns),
        DropReason::BridgeSamePort => hairpin(k, drop, netns),
        DropReason::DevReady => down(k, drop, netns),
        _ => None,
    };
    let mut found = found.unwrap_or_else(lost);
    set_by(k, &mut found);
    found
}

/// The packet of an event, as it last was.
fn packet_at(k: &Known<'_>, event: usize) -> Option<std::rc::Rc<net::Skb>> {
    let id = k.events[event].packet?;
    (k.range.start..=event).rev().find_map(|i| {
        k.events[i].changes.iter().rev().find_map(|c| match c {
            Change::Packet { id: x, after: Some(skb), .. } if *x == id => Some(skb.clone()),
            Change::Packet { id: x, before: Some(skb), after: None } if *x == id => {
                Some(skb.clone())
            }
            _ => None,
        })
    })
}

fn destination_of(k: &Known<'_>, event: usize) -> Option<IpAddr> {
    Some(packet_at(k, event)?.ip()?.dst.into())
}

fn by_rule(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let (at, rules, table, mark, step) = walked(k, drop).next()?;
    match step {
        WalkStep::Policy { chain, n_rules, policy: Policy::Drop, .. } => {
            let chain = rules.table(table).chains.get(*chain as usize)?.name.clone();
            let fact = Fact::Policy { table, chain, rules: *n_rules };
            Some(Explained::one(k.link(at, netns, fact)))
        }
        WalkStep::Unsupported { chain, rule } => {
            let what = rules
                .table(table)
                .chains
                .get(*chain as usize)
                .and_then(|c| c.rules.get(*rule as usize))
                .and_then(|r| r.unsupported())
                .unwrap_or_default()
                .to_owned();
            let rule = rule_at(rules, table, *chain, *rule)?;
            Some(Explained::one(k.link(at, netns, Fact::Unknown { rule, what })))
        }
        WalkStep::Matched { chain, rule, effect, .. } => {
            let with = match effect {
                RuleEffect::Reject(with) => Some(*with),
                _ => None,
            };
            let row = rules.table(table).chains.get(*chain as usize)?.rules.get(*rule as usize)?;
            let refused = Fact::Refused { rule: rule_at(rules, table, *chain, *rule)?, with };
            let mut found = Explained::one(k.link(at, netns, refused));
            // A rule that drops what is marked carries out what another rule decided.
            let asked = row.matches.iter().find_map(|m| match m {
                Match::Mark(m) if !m.negated => Some(m.value.1),
                _ => None,
            });
            if let Some(mask) = asked.filter(|m| mark & m != 0) {
                let marked = walked(k, at).find_map(|(i, rules, table, before, step)| match step {
                    WalkStep::Matched { chain, rule, effect: RuleEffect::Mark(to), .. }
                        if to & mask != 0 && before & mask == 0 =>
                    {
                        Some((i, marking(k, i, rules, table, (*chain, *rule))?))
                    }
                    _ => None,
                });
                if let Some((i, rule)) = marked {
                    found.because(k.link(i, netns, Fact::Marked(rule)));
                }
            }
            Some(found)
        }
        _ => None,
    }
}

/// The rule that decided on a mark: the one that jumped to the chain which sets it.
pub(super) fn marking(
    k: &Known<'_>,
    event: usize,
    rules: &Ruleset,
    table: TableName,
    (chain, rule): (u32, u32),
) -> Option<RuleRef> {
    let name = &rules.table(table).chains.get(chain as usize)?.name;
    let jumped = walked(k, event).find_map(|(_, rules, table, _, step)| match step {
        WalkStep::Matched {
            chain,
            rule,
            effect: RuleEffect::Jump(to) | RuleEffect::Goto(to),
            ..
        } if to == name => rule_at(rules, table, *chain, *rule),
        _ => None,
    });
    jumped.or_else(|| rule_at(rules, table, chain, rule))
}

/// What listens in a namespace, as `80/TCP`; loopback with its address.
fn listeners(ns: &Netns) -> Vec<String> {
    let mut all: Vec<String> = ns
        .services
        .iter()
        .map(|l| {
            let protocol = if l.proto == PROTO_UDP { "UDP" } else { "TCP" };
            let addr = l.addr.map(|a| format!("{a}:")).unwrap_or_default();
            format!("{addr}{}/{protocol}", l.port)
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn no_socket(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let ip = skb.ip()?;
    if netns == k.from && k.direction(k.events[drop].packet) != Some(Direction::Request) {
        return unexpected(k, drop, netns);
    }
    let (_, dport) = ip.ports()?;
    let vxlan = k.cluster.topology.vxlan_port;
    let is_udp = matches!(&ip.body, Body::Udp(_));
    if is_udp && dport == vxlan {
        return Some(no_tunnel(k, drop, netns, (dport, None)));
    }
    let protocol = if is_udp { "UDP" } else { "TCP" };
    let at = AddrPort { addr: ip.dst.into(), port: dport };
    let listens = listeners(k.state.ns(netns));
    Some(Explained::one(k.link(drop, netns, Fact::NoListener { at, protocol, listens })))
}

/// The client got an answer that it does not expect: where its source should have been restored.
fn unexpected(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let ip = skb.ip()?;
    let from = AddrPort { addr: ip.src.into(), port: ip.ports().map_or(0, |p| p.0) };
    let (at, expected, _) = k.destination(drop)?;
    let mut found = Explained::one(k.link(drop, netns, Fact::Unexpected { from, expected }));
    let node = k.events[at].netns?;
    let packet = k.events[drop].packet?;
    let here = |e: &Event| e.packet == Some(packet) && e.netns == Some(node);
    let since = (at..drop).filter(|i| here(&k.events[*i])).collect::<Vec<_>>();
    let bridged = since.iter().find_map(|i| match &k.events[*i].kind {
        EventKind::Bridged { bridge, .. } => Some((*i, *bridge)),
        _ => None,
    });
    let tracked = since.iter().find(|i| matches!(k.events[**i].kind, EventKind::Tracked { .. }));
    let (event, fact) = match (tracked, bridged) {
        (Some(i), _) => (*i, Fact::Forgotten { expected }),
        (None, Some((i, bridge))) => {
            let bridge = k.state.ns(node).dev(bridge).name.clone();
            (i, Fact::Switched { bridge, expected })
        }
        (None, None) => {
            let made = (at..drop)
                .find(|i| {
                    k.events[*i].packet == Some(packet)
                        && matches!(k.events[*i].kind, EventKind::PacketMade { .. })
                })
                .unwrap_or(drop);
            let place = k.events[made].netns.unwrap_or(node);
            found.because(k.link(made, place, Fact::Bypassed { node, expected }));
            if let Some((event, at)) = not_masqueraded(k, drop) {
                let src = expected_source(k, event);
                found.because(k.link(event, at, Fact::NotMasqueraded { src }));
            }
            return Some(found);
        }
    };
    found.because(k.link(event, node, fact));
    Some(found)
}

/// The source of the packet of an event.
fn expected_source(k: &Known<'_>, event: usize) -> IpAddr {
    let ip = packet_at(k, event).and_then(|p| p.ip().map(|p| IpAddr::from(p.src)));
    ip.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into())
}

/// The namespace and device that has a MAC address, of those that are not gone.
fn owner_of_mac(k: &Known<'_>, mac: Mac) -> Option<(NetnsId, DevId)> {
    k.state.netns.iter().zip(0..).filter(|(ns, _)| !ns.gone && ns.tapped).find_map(|(ns, n)| {
        let at = ns.devices.iter().position(|d| d.mac == mac && !d.gone)?;
        Some((NetnsId(n), DevId(at as u32)))
    })
}

/// The packet, or the one that it is a copy of.
fn lineage(k: &Known<'_>, packet: PacketId) -> Vec<PacketId> {
    let mut all = vec![packet];
    let parent = |p: PacketId| {
        k.all().flat_map(|(_, e)| &e.changes).find_map(|c| match c {
            Change::Packet { id, before: None, after: Some(skb) } if *id == p => skb.parent,
            _ => None,
        })
    };
    while let Some(p) = parent(all[all.len() - 1]).filter(|p| !all.contains(p) && all.len() < 4) {
        all.push(p);
    }
    all
}

fn other_host(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let got = skb.frame.eth.dst;
    let dev = skb.dev?;
    let device = k.state.ns(netns).dev(dev);
    let mut found = Explained::one(k.link(
        drop,
        netns,
        Fact::NotMine { dev: device.name.clone(), got, own: device.mac },
    ));
    let way = lineage(k, k.events[drop].packet?);
    let before = (k.range.start..drop)
        .rev()
        .map(|i| (i, &k.events[i]))
        .filter(|(_, e)| e.packet.is_some_and(|p| way.contains(&p)));
    for (i, e) in before {
        let Some(at) = e.netns else { continue };
        let fact = match &e.kind {
            EventKind::VtepFound { dev, mac, remote } if *mac == got => {
                wrong_vtep(k, at, (*dev, *mac, *remote))
            }
            EventKind::NeighbourUsed { dev, addr, lladdr, .. } if *lladdr == got => {
                wrong_neighbour(k, at, (*dev, *addr, *lladdr))
            }
            _ => None,
        };
        if let Some(fact) = fact {
            found.because(k.link(i, at, fact));
            return Some(found);
        }
    }
    // The frame was flooded, because whoever has the address is cut off.
    if let Some((owner, own)) = owner_of_mac(k, got) {
        let d = k.state.ns(owner).dev(own);
        if !d.up {
            found.because(k.link(drop, owner, Fact::Down(d.name.clone())));
        } else if let Some((at, port)) = deaf_port(k, owner, own) {
            found.because(k.link(drop, at, Fact::Down(port)));
        } else if !k.state.has_carrier(owner, own) {
            found.because(k.link(drop, owner, Fact::NoCarrier(d.name.clone())));
        }
    }
    Some(found)
}

/// A forwarding entry that names a machine which does not have the MAC address.
fn wrong_vtep(k: &Known<'_>, at: NetnsId, entry: (DevId, Mac, IpAddr)) -> Option<Fact> {
    let (dev, mac, remote) = entry;
    let (owner, _) = owner_of_mac(k, mac)?;
    if k.owner(remote) == Some(owner) {
        return None;
    }
    let address = k.cluster.nodes.iter().find(|n| n.spec.name.value == k.name(owner))?.address();
    Some(Fact::Entry {
        kind: EntryKind::Fdb,
        entry: format!("{mac} dev {} dst {remote}", k.state.ns(at).dev(dev).name),
        truth: Some(address.to_string()),
    })
}

/// A neighbour whose MAC address is not that of the device with its address.
pub(super) fn wrong_neighbour(
    k: &Known<'_>,
    at: NetnsId,
    (dev, addr, lladdr): (DevId, IpAddr, Mac),
) -> Option<Fact> {
    let owner = k.owner(addr).map(|n| k.state.ns(n));
    let truth = owner.and_then(|ns| own_device(ns, addr)).map(|(_, d)| d.mac);
    (truth != Some(lladdr)).then(|| Fact::Entry {
        kind: EntryKind::Neighbour,
        entry: format!("{addr} dev {} lladdr {lladdr}", k.state.ns(at).dev(dev).name),
        truth: truth.map(|m| m.to_string()),
    })
}

/// The last route that a packet took in a namespace before an event: event, text, destination.
fn route_taken(k: &Known<'_>, event: usize, netns: NetnsId) -> Option<(usize, String, IpAddr)> {
    let packet = k.events[event].packet?;
    (k.range.start..event).rev().find_map(|i| match &k.events[i] {
        Event {
            netns: Some(n),
            packet: Some(p),
            kind: EventKind::Routed { dst, routes, decision: Decision::Out { route, .. }, .. },
            ..
        } if *n == netns && *p == packet => {
            let r = routes.0.get(*route)?;
            Some((i, dump::route_line(k.state.ns(netns), r).trim_end().to_owned(), *dst))
        }
        _ => None,
    })
}

fn no_neighbour(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let packet = k.events[drop].packet?;
    let (at, dev, addr) = (k.range.start..=drop).rev().find_map(|i| match &k.events[i].kind {
        EventKind::NeighbourAwaited { dev, addr }
            if k.events[i].packet == Some(packet) && k.events[i].netns == Some(netns) =>
        {
            Some((i, *dev, *addr))
        }
        _ => None,
    })?;
    let owner = k.owner(addr);
    let name = k.state.ns(netns).dev(dev).name.clone();
    let fact = Fact::NoNeighbour { dev: name, addr, owner };
    let mut found = Explained::one(k.link(drop, netns, fact));
    let reached = destination_of(k, drop);
    if let Some(owner) = owner {
        // Whoever has the address cannot hear or answer: its device, its cable, or its own entry.
        let (own, device) = own_device(k.state.ns(owner), addr)?;
        if !device.up {
            found.because(k.link(at, owner, Fact::Down(device.name.clone())));
        } else if let Some((n, port)) = deaf_port(k, owner, own) {
            found.because(k.link(at, n, Fact::Down(port)));
        } else if !k.state.has_carrier(owner, own) {
            found.because(k.link(at, owner, Fact::NoCarrier(device.name.clone())));
        } else if !k.state.has_carrier(netns, dev) {
            let name = k.state.ns(netns).dev(dev).name.clone();
            found.because(k.link(at, netns, Fact::NoCarrier(name)));
        } else if let Some((i, route, to)) = route_taken(k, drop, netns)
            && Some(addr) == reached.filter(|r| k.is_node(netns) && !is_near(k, netns, *r))
        {
            found.because(k.link(i, netns, astray(k, netns, to, route)));
        }
    } else if let Some((i, route, to)) = route_taken(k, drop, netns) {
        if Some(addr) != reached || k.owner(to).is_some() {
            found.because(k.link(i, netns, astray(k, netns, to, route)));
        } else {
            found.because(k.link(i, netns, Fact::NoSuchAddress(addr)));
        }
    }
    Some(found)
}

/// The device with an address; the NIC for one that a speaker answers for.
fn own_device(ns: &Netns, addr: IpAddr) -> Option<(DevId, &net::state::Device)> {
    let has = |d: &net::state::Device| d.addrs.iter().any(|a| a.addr() == addr);
    let is_nic = |d: &net::state::Device| matches!(d.kind, DeviceKind::Cable { nic: true, .. });
    let at = ns.devices.iter().position(has).or_else(|| ns.devices.iter().position(is_nic))?;
    Some((DevId(at as u32), &ns.devices[at]))
}

/// Whether an address belongs to a device of a namespace's own links.
fn is_near(k: &Known<'_>, netns: NetnsId, addr: IpAddr) -> bool {
    k.state.ns(netns).devices.iter().any(|d| d.addrs.iter().any(|n| n.contains(&addr)))
}

/// The far end of a pod's cable, if it is down or in no bridge.
fn deaf_port(k: &Known<'_>, owner: NetnsId, dev: DevId) -> Option<(NetnsId, std::rc::Rc<str>)> {
    let DeviceKind::Cable { peer: (far, port), nic: false } = &k.state.ns(owner).dev(dev).kind
    else {
        return None;
    };
    let d = k.state.ns(*far).dev(*port);
    (!d.up || d.master.is_none()).then(|| (*far, d.name.clone()))
}

/// A route that does not lead to a destination, and the one that a component would write.
fn astray(k: &Known<'_>, netns: NetnsId, to: IpAddr, route: String) -> Fact {
    let truth = wanted_route(k, netns, to).filter(|t| *t != route);
    Fact::Astray { to, route, truth }
}

/// The route to an address that the node's components write.
fn wanted_route(k: &Known<'_>, netns: NetnsId, to: IpAddr) -> Option<String> {
    let name = k.name(netns);
    if !k.is_node(netns) {
        return None;
    }
    let mut cluster = k.cluster.clone();
    cluster.topology.faults.clear();
    let spec = kube::plan::spec(&std::rc::Rc::new(cluster));
    let ns = spec.netns.iter().find(|n| n.name == name)?;
    let best = ns
        .routes
        .iter()
        .filter(|r| r.dst.contains(&to))
        .max_by_key(|r| (r.dst.prefix_len(), std::cmp::Reverse(r.metric)))?;
    (best.dst.prefix_len() > 0).then(|| {
        let via = best.via.map(|v| format!(" via {v}")).unwrap_or_default();
        format!("{}{via} dev {}", best.dst, best.dev) + if best.onlink { " onlink" } else { "" }
    })
}

fn no_route(k: &Known<'_>, netns: NetnsId, to: IpAddr) -> Fact {
    match wanted_route(k, netns, to) {
        Some(truth) => Fact::Astray { to, route: String::new(), truth: Some(truth) },
        None => Fact::NoRoute(to),
    }
}

fn no_vtep(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let dev = k.state.ns(netns).dev(skb.dev?).name.clone();
    let mac = skb.frame.eth.dst;
    let mut found = Explained::one(k.link(drop, netns, Fact::NoVtep { dev, mac }));
    let packet = k.events[drop].packet;
    let used = (k.range.start..drop).rev().find_map(|i| match &k.events[i].kind {
        EventKind::NeighbourUsed { dev, addr, lladdr, .. }
            if k.events[i].packet == packet && *lladdr == mac =>
        {
            Some((i, wrong_neighbour(k, netns, (*dev, *addr, *lladdr))?))
        }
        _ => None,
    });
    if let Some((i, fact)) = used {
        found.because(k.link(i, netns, fact));
    }
    Some(found)
}

fn tunnel(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let port = skb.ip()?.ports()?.1;
    let vni = skb.ip().and_then(|p| match &p.body {
        Body::Udp(u) => match &u.payload {
            net::wire::UdpPayload::Vxlan(v) => Some(v.vni),
            _ => None,
        },
        _ => None,
    });
    Some(no_tunnel(k, drop, netns, (port, vni)))
}

/// A VXLAN datagram that nobody takes: the device for it may be down.
fn no_tunnel(
    k: &Known<'_>,
    drop: usize,
    netns: NetnsId,
    (port, vni): (u16, Option<u32>),
) -> Explained {
    let mut found = Explained::one(k.link(drop, netns, Fact::NoTunnel { port, vni }));
    let down =
        k.state.ns(netns).devices.iter().find(|d| {
            !d.up && matches!(d.kind, DeviceKind::Vxlan { port: own, .. } if own == port)
        });
    if let Some(d) = down {
        found.because(k.link(drop, netns, Fact::Down(d.name.clone())));
    }
    found
}

/// A frame that the LAN lost: whoever it is for has no carrier.
fn segment(k: &Known<'_>, drop: usize) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let (owner, dev) = owner_of_mac(k, skb.frame.eth.dst)?;
    let name = k.state.ns(owner).dev(dev).name.clone();
    let fact = match (k.state.ns(owner).dev(dev).up, k.state.has_carrier(owner, dev)) {
        (false, _) => Fact::Down(name),
        (true, false) => Fact::NoCarrier(name),
        (true, true) => return None,
    };
    Some(Explained::one(k.link(drop, owner, fact)))
}

/// A frame that a cable lost: of the machine at its end, whose NIC's settings say so.
fn on_cable(k: &Known<'_>, drop: usize, netns: NetnsId, reason: DropReason) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let machine = match skb.dev.map(|d| &k.state.ns(netns).dev(d).kind) {
        Some(DeviceKind::Cable { peer: (far, _), .. }) if !k.state.ns(netns).tapped => *far,
        _ => netns,
    };
    Some(Explained::one(k.link(drop, machine, Fact::Lost(reason))))
}

fn forwarding(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let to = destination_of(k, drop)?;
    if k.is_router(netns) {
        return Some(Explained::one(k.link(drop, netns, Fact::NotForwarding(to))));
    }
    // The packet should not have come here.
    let mut found = Explained::one(k.link(drop, netns, Fact::NotForwarding(to)));
    let packet = k.events[drop].packet;
    let sender = (k.range.start..drop).rev().find_map(|i| {
        let e = &k.events[i];
        let at = e.netns.filter(|n| *n != netns && k.state.ns(*n).tapped)?;
        (e.packet == packet && matches!(e.kind, EventKind::Routed { .. })).then_some((i + 1, at))
    });
    if let Some((i, at)) = sender
        && let Some((i, route, to)) = route_taken(k, i.max(drop), at)
    {
        let fact =
            if k.owner(to).is_some() { astray(k, at, to, route) } else { Fact::NoSuchAddress(to) };
        found.because(k.link(i, at, fact));
    }
    Some(found)
}

fn reverse_path(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let ns = k.state.ns(netns);
    let (dev, src) = (skb.in_dev.or(skb.dev)?, IpAddr::from(skb.ip()?.src));
    let back = match ns.route(src) {
        Some(Decision::Out { route, .. }) => {
            ns.routes.get(route).map(|r| dump::route_line(ns, r).trim_end().to_owned())
        }
        _ => None,
    };
    let fact = Fact::ReversePath { dev: ns.dev(dev).name.clone(), src, back: back.clone() };
    let mut found = Explained::one(k.link(drop, netns, fact));
    if let Some((event, at)) = not_masqueraded(k, drop) {
        found.because(k.link(event, at, Fact::NotMasqueraded { src }));
    } else if let Some(truth) = wanted_route(k, netns, src) {
        let route = back.unwrap_or_default();
        if !route.starts_with(truth.split(' ').next().unwrap_or_default()) {
            found.because(k.link(drop, netns, Fact::Astray { to: src, route, truth: Some(truth) }));
        }
    }
    Some(found)
}

/// Where a packet was marked for masquerading and left with its own source.
fn not_masqueraded(k: &Known<'_>, before: usize) -> Option<(usize, NetnsId)> {
    let (event, ..) = k.destination(before)?;
    let (node, packet) = (k.events[event].netns?, k.events[event].packet?);
    let here = |e: &&Event| e.netns == Some(node) && e.packet == Some(packet);
    let run = || k.range.clone().map(|i| &k.events[i]).filter(here);
    let marked = run().any(|e| {
        matches!(&e.kind, EventKind::Walked {
            step: WalkStep::Matched { effect: RuleEffect::Mark(m), .. }, ..
        } if m & kube::proxy::MASQUERADE_MARK != 0)
    });
    let replaced = run()
        .any(|e| matches!(e.kind, EventKind::Translated { source: true, restored: false, .. }));
    (marked && !replaced && node != k.from).then_some((event, node))
}

fn too_big(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let ns = k.state.ns(netns);
    let out = match &skb.route {
        Some(Decision::Out { dev, .. }) => Some(*dev),
        _ => None,
    };
    // A bridge port refuses what the bridge took, and a VXLAN device what the outer MTU cannot
    // hold.
    let (dev, bridged) = match (out.or(skb.dev)?, last_bridged(k, drop, netns)) {
        (_, Some(port)) if k.events[drop].packet.is_some() => (port, true),
        (dev, _) => (dev, false),
    };
    let to = skb.ip().map(|p| IpAddr::from(p.dst));
    let mtu = match to {
        Some(to) if !bridged => ns.path_mtu(dev, to),
        _ => ns.dev(dev).mtu,
    };
    let len = skb.network_len() as u32;
    // A cable refuses what the device at its other end cannot take (`is_skb_forwardable`).
    if let (true, DeviceKind::Cable { peer: (far, port), .. }) = (mtu >= len, &ns.dev(dev).kind)
        && k.state.ns(*far).dev(*port).mtu < len
    {
        let d = k.state.ns(*far).dev(*port);
        let fact = Fact::TooBig { dev: d.name.clone(), mtu: d.mtu, len };
        return Some(Explained::one(k.link(drop, *far, fact)));
    }
    let fact = Fact::TooBig { dev: ns.dev(dev).name.clone(), mtu, len };
    Some(Explained::one(k.link(drop, netns, fact)))
}

/// The port that a bridge chose for a packet just before it was dropped.
fn last_bridged(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<DevId> {
    let packet = k.events[drop].packet;
    let before = (k.range.start..drop).rev();
    let mine =
        before.filter(|i| k.events[*i].packet == packet && k.events[*i].netns == Some(netns));
    for i in mine {
        match &k.events[i].kind {
            EventKind::Bridged { to: BridgeTo::Port(port), .. } => return Some(*port),
            EventKind::Routed { .. } | EventKind::PacketMade { .. } => return None,
            _ => {}
        }
    }
    None
}

fn hairpin(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let ns = k.state.ns(netns);
    let port = skb
        .bridge
        .as_ref()
        .map(|b| b.physin)
        .or_else(|| skb.dev.filter(|d| ns.dev(*d).master.is_some()))?;
    Some(Explained::one(k.link(drop, netns, Fact::Hairpin { port: ns.dev(port).name.clone() })))
}

fn down(k: &Known<'_>, drop: usize, netns: NetnsId) -> Option<Explained> {
    let skb = packet_at(k, drop)?;
    let ns = k.state.ns(netns);
    let out = match &skb.route {
        Some(Decision::Out { dev, .. }) => Some(*dev),
        _ => None,
    };
    let dev = [last_bridged(k, drop, netns), skb.dev, out]
        .into_iter()
        .flatten()
        .find(|d| !ns.dev(*d).up || !k.state.has_carrier(netns, *d));
    let dev = dev.or(skb.dev).or(out)?;
    let device = ns.dev(dev);
    if device.up && k.state.has_carrier(netns, dev) {
        return None;
    }
    let name = device.name.clone();
    if !device.up {
        return Some(Explained::one(k.link(drop, netns, Fact::Down(name))));
    }
    let mut found = Explained::one(k.link(drop, netns, Fact::NoCarrier(name)));
    if let DeviceKind::Cable { peer: (far, port), nic: false } = &device.kind {
        let name = k.state.ns(*far).dev(*port).name.clone();
        found.because(k.link(drop, *far, Fact::Down(name)));
    }
    Some(found)
}

/// Adds the command that made a table what it was, if a step of the user did.
fn set_by(k: &Known<'_>, found: &mut Explained) {
    let Some(link) = found.links.get(found.decided) else { return };
    let netns = link.netns;
    let fits = |s: &Setting| {
        matches!(
            (&link.fact, s),
            (
                Fact::Refused { .. } | Fact::Policy { .. } | Fact::Marked(_) | Fact::Unknown { .. },
                Setting::Rules(_),
            ) | (
                Fact::Switched { .. } | Fact::NotForwarding(_) | Fact::ReversePath { .. },
                Setting::Sysctl(_),
            ) | (Fact::Astray { .. } | Fact::NoRoute(_), Setting::Routes(_))
                | (Fact::Entry { kind: EntryKind::Neighbour, .. }, Setting::Neighbour { .. })
                | (Fact::Entry { .. } | Fact::NoVtep { .. }, Setting::Fdb { .. })
                | (
                    Fact::Down(_) | Fact::NoCarrier(_) | Fact::TooBig { .. } | Fact::Hairpin { .. },
                    Setting::Device { .. },
                )
        )
    };
    let set = (0..link.event).rev().find(|i| {
        let e = &k.events[*i];
        e.netns == Some(netns)
            && matches!(&e.kind, EventKind::Configured { setting, by: None } if fits(setting))
    });
    if let Some(i) = set
        && let Some((line, _)) = (k.typed)(i)
    {
        found.links.push(k.link(i, netns, Fact::SetBy(line)));
    }
}

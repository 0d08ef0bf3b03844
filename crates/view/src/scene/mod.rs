//! What the picture shows of one moment: which places are lit, where the packet has been and will
//! go, and the capsule that shows what it is now.

mod capsule;
mod station;
mod way;

pub use station::{Camera, Station, camera, drawn_stations};
pub(crate) use way::links;

use crate::index::Index;
use crate::labels::{NetnsKind, NetnsLabels};
use crate::layout::{Layout, Point, path};
use crate::packet::kind_word;
use net::event::EventKind;
use net::netfilter::{Hook, Ruleset, TableName};
use net::state::{Device, DeviceKind, Netns};
use net::{DevId, DropReason, Event, PacketId, State};
use std::collections::{BTreeMap, BTreeSet};
use way::{PILL_PITCH, lan_between, on_lan, rect_of, waiting, way};

/// A place where a packet can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// A host, by its index in the topology.
    Host(usize),
    /// A pod, by its index in the cluster.
    Pod(usize),
    /// The pod bridge of a node, by the node's index in the cluster; so with all that follow.
    Bridge(usize),
    /// A netfilter hook of a node.
    Hook(usize, Hook),
    /// The routing decision of a node.
    Route(usize),
    /// The VXLAN device of a node, `flannel.1`.
    Vxlan(usize),
    /// The first NIC of a node.
    Nic(usize),
    /// A further NIC of a node, by its number from 1.
    FurtherNic(usize, usize),
    /// A process in the node's own network namespace.
    Process(usize),
}

impl Spot {
    /// A NIC of a node, by its number from 0.
    pub(crate) fn nic(node: usize, nic: usize) -> Self {
        if nic == 0 { Self::Nic(node) } else { Self::FurtherNic(node, nic) }
    }

    /// The node whose network namespace the place is in; none for a host or pod.
    pub(crate) fn node(self) -> Option<usize> {
        match self {
            Self::Bridge(n)
            | Self::Hook(n, _)
            | Self::Route(n)
            | Self::Vxlan(n)
            | Self::Nic(n)
            | Self::FurtherNic(n, _)
            | Self::Process(n) => Some(n),
            Self::Host(_) | Self::Pod(_) => None,
        }
    }
}

/// A stop on the way of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where it is.
    pub spot: Spot,
    /// Whether the packet is encapsulated.
    pub shell: bool,
    /// The index of the event that brought it there.
    pub event: usize,
}

/// The state of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lit {
    /// The packet has been here, not encapsulated.
    pub passed: bool,
    /// It has been here, encapsulated.
    pub shell: bool,
    /// It is here at this moment.
    pub now: bool,
    /// It was dropped here, at or before this moment.
    pub lost: bool,
    /// It will be here later.
    pub ahead: bool,
}

/// A piece of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrailPiece {
    /// SVG path data, from one stop to the next.
    pub d: String,
    /// Whether the packet has passed it.
    pub been: bool,
    /// Whether the packet is encapsulated.
    pub shell: bool,
    /// Whether it leads back to the client.
    pub reply: bool,
}

/// What the packet is at this moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Capsule {
    /// The centre of its box.
    pub at: Point,
    /// Whether it is on a cable of the segment, not in a node.
    pub on_lan: bool,
    /// The x that its notch points to, if it has one.
    pub notch: Option<f32>,
    /// The kind of packet: `SYN`.
    pub kind: String,
    /// Source address, with the port if there is one.
    pub src: String,
    /// Destination address, with the port if there is one.
    pub dst: String,
    /// The source before this event, if it was translated.
    pub old_src: Option<String>,
    /// The destination before this event, if it was translated.
    pub old_dst: Option<String>,
    /// The packet mark in hexadecimal, if it is not 0.
    pub mark: Option<String>,
    /// The VXLAN shell in a line, if it is encapsulated.
    pub shell: Option<String>,
    /// Whether it has one row, without old values and mark.
    pub one_row: bool,
    /// Whether it was dropped at this moment.
    pub lost: bool,
    /// Width and height of its box, in CSS pixels at zoom 1.
    pub size: (f32, f32),
}

/// What the picture shows of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// The places that are lit.
    pub lit: BTreeMap<Spot, Lit>,
    /// The tables that were called or skipped, by node and hook.
    pub tables: BTreeMap<(usize, Hook), Vec<(TableName, TableState)>>,
    /// The way of the packet.
    pub trail: Vec<TrailPiece>,
    /// The packet itself; none if its place is not drawn.
    pub capsule: Option<Capsule>,
    /// The probability of each endpoint of the Service, in percent, by pod.
    pub chances: BTreeMap<usize, u32>,
    /// The endpoint that was selected.
    pub drawn: Option<usize>,
    /// Whether the user chose the endpoint; otherwise it was random.
    pub chosen: bool,
    /// The event that selected it, and the rules: the key of what is kept from scene to scene.
    pub draw: Option<(usize, Ruleset)>,
    /// The centre of the place where the packet is or begins.
    pub place: Option<Point>,
    /// The line of the segment that it was lost on, by its index.
    pub lost_on: Option<usize>,
    /// The packet that is followed.
    pub packet: Option<PacketId>,
    /// The machines on its way, in its order.
    pub stations: Vec<Station>,
    /// The other packets under way.
    pub others: Vec<Other>,
    /// Pods and nodes that do not exist yet, or no longer.
    pub absent: Vec<NetnsKind>,
}

/// A packet under way that is not the one that is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Which packet it is.
    pub id: PacketId,
    /// The centre of its pill.
    pub at: Point,
    /// The kind of packet: `SYN`.
    pub kind: String,
    /// Whether the packet is encapsulated.
    pub shell: bool,
    /// The number of further packets at the same place.
    pub more: usize,
}

/// What a table did with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableState {
    /// Its rules were evaluated before this moment.
    Asked,
    /// Skipped: conntrack knows the translation of the connection.
    Skipped,
    /// Its rules are being evaluated.
    Now,
}

/// What a scene is made from.
pub struct Moment<'a> {
    /// The state at this moment.
    pub state: &'a State,
    /// All events of the session, those after this moment too.
    pub events: &'a [Event],
    /// The index of the events.
    pub index: &'a Index,
    /// The number of events that have happened.
    pub cursor: usize,
    /// The names of network namespaces.
    pub labels: &'a NetnsLabels,
    /// The packet that the user chose to follow.
    pub follow: Option<PacketId>,
}

/// The packet of the moment: the one that is followed, otherwise that of the last event.
pub fn current_packet(m: &Moment<'_>) -> Option<PacketId> {
    if m.follow.is_some_and(|p| m.state.packets.contains_key(&p)) {
        return m.follow;
    }
    let behind = &m.events[..m.cursor.min(m.events.len())];
    asked_for(m).or_else(|| behind.iter().rev().find_map(|e| e.packet))
}

/// The packet that the process is about to make whose request is the last event.
fn asked_for(m: &Moment<'_>) -> Option<PacketId> {
    let e = m.events.get(m.cursor.checked_sub(1)?)?;
    let (EventKind::Asked { .. } | EventKind::Queried { .. }) = e.kind else { return None };
    let is_first = |x: &&Event| x.netns == e.netns && x.packet.is_some();
    m.events[m.cursor..].iter().find(is_first)?.packet
}

/// The packet that is shown: before the first event of a packet, the first one.
pub fn shown_packet(m: &Moment<'_>) -> Option<PacketId> {
    current_packet(m).or_else(|| m.index.first())
}

/// What the namespace of an event stands for, if it is in one.
fn kind_of(m: &Moment<'_>, e: &Event) -> Option<NetnsKind> {
    e.netns.map(|n| m.labels.kind(n))
}

/// A NIC of a node by its device.
fn nic_spot(node: usize, ns: &Netns, dev: DevId) -> Spot {
    let before = ns.devices.iter().take(dev.0 as usize);
    let is_nic = |d: &&Device| matches!(d.kind, DeviceKind::Cable { nic: true, .. });
    Spot::nic(node, before.filter(is_nic).count())
}

fn spot_of(m: &Moment<'_>, e: &Event) -> Option<Spot> {
    let netns = e.netns?;
    let node = match m.labels.kind(netns) {
        NetnsKind::Pod(p) => return Some(Spot::Pod(p)),
        NetnsKind::Host(h) => return Some(Spot::Host(h)),
        NetnsKind::Segment => return None,
        NetnsKind::Node(n) => n,
    };
    let ns = m.state.ns(netns);
    let device = |dev: DevId| match &ns.dev(dev).kind {
        DeviceKind::Cable { nic: true, .. } => Some(nic_spot(node, ns, dev)),
        DeviceKind::Cable { nic: false, .. } | DeviceKind::Bridge { .. } => {
            Some(Spot::Bridge(node))
        }
        DeviceKind::Vxlan { .. } => Some(Spot::Vxlan(node)),
        DeviceKind::Loopback => None,
    };
    match &e.kind {
        EventKind::FrameSent { dev, .. }
        | EventKind::FrameReceived { dev, .. }
        | EventKind::Encapsulated { dev, .. }
        | EventKind::Decapsulated { dev, .. }
        | EventKind::VtepFound { dev, .. } => device(*dev),
        EventKind::Bridged { .. } | EventKind::FdbLearned { .. } => Some(Spot::Bridge(node)),
        EventKind::Walked { hook, .. } | EventKind::NatSkipped { hook } => {
            Some(Spot::Hook(node, *hook))
        }
        EventKind::Asked { .. }
        | EventKind::Queried { .. }
        | EventKind::Resolved { .. }
        | EventKind::PacketMade { .. }
        | EventKind::Delivered { .. }
        | EventKind::Accepted { .. } => Some(Spot::Process(node)),
        _ => None,
    }
}

/// Whether a packet is encapsulated before event `before`; a copy is what the other packet was.
pub fn is_wrapped(m: &Moment<'_>, id: PacketId, before: usize) -> bool {
    let found = m.index.behind(id, before).iter().rev().find_map(|i| match m.events[*i].kind {
        EventKind::Encapsulated { .. } => Some(true),
        EventKind::Decapsulated { .. } => Some(false),
        EventKind::Duplicated { of } | EventKind::CableDuplicated { of } => {
            Some(is_wrapped(m, of, *i))
        }
        _ => None,
    });
    found.unwrap_or_default()
}

/// Whether a packet is on the network segment before event `before`: it has left its host, and no
/// other has received it.
fn is_on_lan(m: &Moment<'_>, id: PacketId, before: usize) -> bool {
    let found = m.index.behind(id, before).iter().rev().find_map(|i| {
        let e = &m.events[*i];
        match e.kind {
            EventKind::Delayed { .. } => None,
            EventKind::Dropped { reason: DropReason::ByHand | DropReason::CableLoss, .. } => None,
            EventKind::Duplicated { of } | EventKind::CableDuplicated { of } => {
                Some(is_on_lan(m, of, *i))
            }
            EventKind::FrameSent { .. } if spot_of(m, e).is_some_and(on_lan) => Some(true),
            _ => Some(kind_of(m, e) == Some(NetnsKind::Segment)),
        }
    });
    found.unwrap_or_default()
}

/// The whole way of a packet, also what is still to come.
pub fn journey(m: &Moment<'_>, id: PacketId) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    let mut shell = false;
    // A copy begins where the other packet was.
    if let Some(first) = m.index.of(id).first().copied()
        && let EventKind::Duplicated { of } | EventKind::CableDuplicated { of } =
            m.events[first].kind
    {
        shell = is_wrapped(m, of, first);
        let last = journey(m, of).into_iter().take_while(|s| s.event < first).last();
        stops.extend(last.map(|s| Stop { spot: s.spot, shell, event: first }));
    }
    for i in m.index.of(id).iter().copied() {
        let e = &m.events[i];
        let last = stops.last().map(|s| s.spot);
        let spot = match (&e.kind, last) {
            // The routing decision is a stop only for forwarded and delivered packets: for those
            // of a process it comes before OUTPUT.
            (EventKind::Routed { .. }, Some(Spot::Hook(n, Hook::Prerouting))) => {
                Some(Spot::Route(n))
            }
            (EventKind::Delivered { .. }, Some(Spot::Hook(n, Hook::Input))) => {
                matches!(kind_of(m, e), Some(NetnsKind::Node(_))).then_some(Spot::Process(n))
            }
            (EventKind::Delivered { .. } | EventKind::PacketMade { .. }, _)
                if matches!(kind_of(m, e), Some(NetnsKind::Node(_))) && last.is_some() =>
            {
                None
            }
            // From PREROUTING of bridge netfilter the frame goes up or on to FORWARD, not back to
            // the bridge.
            (
                EventKind::FrameReceived { .. } | EventKind::Bridged { .. },
                Some(Spot::Hook(n, Hook::Prerouting)),
            ) if spot_of(m, e) == Some(Spot::Bridge(n)) => None,
            _ => spot_of(m, e),
        };
        if let EventKind::Decapsulated { .. } = e.kind {
            shell = false;
        }
        if let Some(spot) = spot.filter(|s| Some(*s) != last) {
            stops.push(Stop { spot, shell, event: i });
        }
        if let EventKind::Encapsulated { .. } = e.kind {
            shell = true;
        }
    }
    stops
}

/// The scene of a moment. `other` is a scene of the same session, from which the probabilities are
/// taken if they are the same.
pub fn scene(l: &Layout, m: &Moment<'_>, other: Option<&Scene>) -> Scene {
    let mut s = Scene { absent: m.labels.absent(m.state), ..Scene::default() };
    let Some(id) = shown_packet(m) else { return s };
    s.packet = Some(id);
    let stops = journey(m, id);
    let done = stops.iter().take_while(|x| x.event < m.cursor).count();
    let reply = m.index.of(id).first().is_some_and(|i| !m.index.is_in_client(&m.events[*i]));
    for (i, pair) in stops.windows(2).enumerate() {
        let points = way(l, pair[0].spot, pair[1].spot);
        if points.len() > 1 {
            s.trail.push(TrailPiece {
                d: path(&points),
                been: i + 1 < done,
                shell: pair[0].shell && pair[1].shell,
                reply,
            });
        }
    }
    for (i, stop) in stops.iter().enumerate() {
        let lit = s.lit.entry(stop.spot).or_default();
        if i < done {
            lit.passed |= !stop.shell;
            lit.shell |= stop.shell;
        } else {
            lit.ahead = true;
        }
    }
    let last = m.index.behind(id, m.cursor).last();
    let lost = last.is_some_and(|i| matches!(m.events[*i].kind, EventKind::Dropped { .. }));
    let asked = asked_for(m) == Some(id);
    let here = done.checked_sub(1).or(asked.then_some(0)).and_then(|i| stops.get(i));
    let on_cable = is_on_lan(m, id, m.cursor);
    s.stations = station::stations(&stops, m.cursor, here, is_wrapped(m, id, m.cursor));
    if let Some(stop) = here {
        let lit = s.lit.entry(stop.spot).or_default();
        lit.now = !(lost && on_cable);
        lit.ahead &= !lit.now;
        lit.lost = lost && !on_cable;
        let next = stops.get(done).map_or(stop.spot, |n| n.spot);
        s.lost_on = (lost && on_cable).then(|| lan_between(l, stop.spot, next));
    }
    tables(m, id, &mut s);
    chances(m, &mut s, other);
    s.others = others(l, m, id);
    let place = here.or(stops.first()).and_then(|stop| rect_of(l, stop.spot));
    s.place = place.map(|r| (r.cx(), r.cy()));
    if let Some(stop) = here {
        let next = stops.get(done).map(|n| n.spot).filter(|n| on_lan(*n));
        let cable = on_cable.then(|| next.unwrap_or(stop.spot));
        let from = stops[..done].iter().rev().nth(1).map(|s| s.spot);
        s.capsule = capsule::capsule(l, m, id, (from, stop), cable, lost);
    }
    s
}

/// The other packets, each at its last place, side by side where there are several.
fn others(l: &Layout, m: &Moment<'_>, current: PacketId) -> Vec<Other> {
    let mut out: Vec<Other> = Vec::new();
    let mut crowd: BTreeMap<Spot, (usize, usize)> = BTreeMap::new();
    for (id, skb) in m.state.packets.iter().filter(|(id, _)| **id != current) {
        let behind = m.index.behind(*id, m.cursor);
        let Some(spot) = behind.iter().rev().find_map(|i| spot_of(m, &m.events[*i])) else {
            continue;
        };
        let Some((first, most)) = waiting(l, spot) else { continue };
        let (n, last) = crowd.entry(spot).or_default();
        *n += 1;
        if *n > most {
            out[*last].more += 1;
            continue;
        }
        *last = out.len();
        let at = (first.0 + (*n - 1) as f32 * PILL_PITCH, first.1);
        let shown = skb.frame.inner().unwrap_or(&skb.frame);
        let kind = shown.ipv4().map_or_else(|| "ARP".to_owned(), kind_word);
        out.push(Other { id: *id, at, kind, shell: skb.frame.inner().is_some(), more: 0 });
    }
    out
}

fn tables(m: &Moment<'_>, id: PacketId, s: &mut Scene) {
    let last = m.cursor.checked_sub(1);
    for i in m.index.behind(id, m.cursor).iter().copied() {
        let e = &m.events[i];
        let Some(NetnsKind::Node(n)) = kind_of(m, e) else { continue };
        let (hook, table, state) = match &e.kind {
            EventKind::Walked { hook, table, .. } => {
                (*hook, *table, if Some(i) == last { TableState::Now } else { TableState::Asked })
            }
            EventKind::NatSkipped { hook } => (*hook, TableName::Nat, TableState::Skipped),
            _ => continue,
        };
        let list = s.tables.entry((n, hook)).or_default();
        match list.iter_mut().find(|(t, _)| *t == table) {
            Some(x) => x.1 = state,
            None => list.push((table, state)),
        }
    }
}

/// An endpoint of a Service, in the rules of its chain.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawOf {
    /// Its probability, 0 to 1.
    pub share: f64,
    /// The chain of the endpoint.
    pub chain: String,
    /// The address that the destination is translated to.
    pub addr: std::net::IpAddr,
    /// The port, if it is translated too.
    pub port: Option<u16>,
}

/// The endpoints in a Service's chain, with the probabilities of its random matches.
pub fn draws(rules: &net::netfilter::Table, chain: &str) -> Vec<DrawOf> {
    use net::netfilter::{Match, Target};
    let Some((_, c)) = rules.chain(chain) else { return Vec::new() };
    let mut left = 1.0_f64;
    let mut out = Vec::new();
    for rule in &c.rules {
        let Target::Jump(name) = &rule.target else { continue };
        let dnat = rules.chain(name).and_then(|(_, c)| {
            c.rules.iter().find_map(|r| {
                if let Target::Dnat { addr, port, .. } = r.target {
                    Some((addr, port))
                } else {
                    None
                }
            })
        });
        let Some((addr, port)) = dnat else { continue };
        let probability = rule.matches.iter().find_map(|x| {
            if let Match::Random { probability } = x {
                Some(f64::from(*probability) / 2_147_483_648.0)
            } else {
                None
            }
        });
        let share = left * probability.unwrap_or(1.0);
        left -= share;
        out.push(DrawOf { share, chain: name.to_string(), addr, port });
    }
    out
}

/// Sets the endpoints of the last Service that the packet was translated by.
fn chances(m: &Moment<'_>, s: &mut Scene, other: Option<&Scene>) {
    use net::netfilter::{RuleEffect, WalkStep};
    // The last one counts.
    let draws_behind = &m.index.draws[..m.index.draws.partition_point(|i| *i < m.cursor)];
    for i in draws_behind.iter().rev() {
        let e = &m.events[*i];
        let Some(ns) = e.netns.map(|n| m.state.ns(n)) else { continue };
        let draw = Some((*i, ns.rules.clone()));
        if let Some(o) = other.filter(|o| o.draw == draw) {
            (s.chances, s.drawn, s.chosen) = (o.chances.clone(), o.drawn, o.chosen);
            s.draw = draw;
            return;
        }
        let EventKind::Walked {
            table,
            step: WalkStep::Matched { chain, effect: RuleEffect::Jump(to), draws: drawn, .. },
            ..
        } = &e.kind
        else {
            continue;
        };
        let rules = ns.rules.table(*table);
        let Some(c) = rules.chains.get(*chain as usize) else { continue };
        if !c
            .rules
            .iter()
            .any(|r| r.matches.iter().any(|x| matches!(x, net::netfilter::Match::Random { .. })))
        {
            continue;
        }
        s.draw = draw;
        for way in draws(rules, &c.name) {
            let Some(pod) = m.labels.pod_at(way.addr) else { continue };
            s.chances.insert(pod, (way.share * 100.0).round() as u32);
            if way.chain == **to {
                s.drawn = Some(pod);
                s.chosen = drawn.iter().any(|d| d.forced);
            }
        }
        break;
    }
}

/// The pods in which packets begin or end.
pub fn pods_of_run(m: &Moment<'_>) -> BTreeSet<usize> {
    let pod = |e: &Event| if let NetnsKind::Pod(p) = kind_of(m, e)? { Some(p) } else { None };
    let ends = |e: &&Event| {
        matches!(
            e.kind,
            EventKind::PacketMade { .. } | EventKind::Delivered { .. } | EventKind::Asked { .. }
        )
    };
    m.events.iter().filter(ends).filter_map(pod).collect()
}

/// The nodes that packets go through; copies of flooded frames do not count.
pub fn nodes_of_run(m: &Moment<'_>) -> BTreeSet<usize> {
    let events = m.events;
    let made: BTreeSet<PacketId> = events
        .iter()
        .filter(|e| matches!(e.kind, EventKind::PacketMade { .. }))
        .filter_map(|e| e.packet)
        .collect();
    let at = |e: &Event| spot_of(m, e)?.node();
    events.iter().filter(|e| e.packet.is_some_and(|p| made.contains(&p))).filter_map(at).collect()
}

/// The nodes that one packet goes through, in its order; a node can occur several times.
pub fn nodes_on_way(m: &Moment<'_>, id: PacketId) -> Vec<usize> {
    journey(m, id).iter().filter_map(|s| s.spot.node()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use play::{Probe, Session};

    fn spots(preset: &str, from: &str, to: &str) -> Vec<Spot> {
        let preset = play::presets::Preset::named(preset).expect("preset");
        let mut session = Session::new(&preset.document(), 1, true).expect("valid");
        let run = session
            .send(&Probe { proto: play::Protocol::Icmp, ..Probe::new(from, to) })
            .expect("sent");
        let labels = NetnsLabels::new(session.cluster(), session.last());
        let index = Index::new(session.events());
        let moment = Moment {
            state: session.initial(),
            events: session.events(),
            index: &index,
            cursor: run.events.start,
            labels: &labels,
            follow: None,
        };
        let first = session.events()[run.events].iter().find_map(|e| e.packet).expect("a packet");
        journey(&moment, first).iter().map(|s| s.spot).collect()
    }

    #[test]
    fn what_a_pod_sends_to_another_node_goes_up_and_is_routed() {
        let way = spots("article-pod-cross-node", "10.1.5.4", "10.1.6.5");
        let start = [
            Spot::Pod(1),
            Spot::Bridge(1),
            Spot::Hook(1, Hook::Prerouting),
            Spot::Route(1),
            Spot::Hook(1, Hook::Forward),
        ];
        assert_eq!(way[..5], start, "{way:?}");
    }

    use crate::app::{Action, App, tests::sent, update};
    use crate::layout::{Form, Rect};
    use net::engine::PacketOp;

    fn shown(app: &App) -> Scene {
        let (l, t) = (app.session.loaded.as_ref(), app.derived.timeline.as_ref());
        let (l, t) = l.zip(t).expect("valid");
        scene(&app.derived.layout, &app.moment(l, t.state(), t.at()), None)
    }

    /// Goes to the first event of a kind.
    fn seek(app: &mut App, is: impl Fn(&Event) -> bool) {
        let at = app.session.events().iter().position(is).expect("an event");
        update(app, Action::SeekEvent(at));
    }

    #[test]
    fn at_every_step_the_packet_is_in_the_picture_and_one_place_is_lit() {
        for preset in play::presets::ALL {
            let mut app = App::new(crate::Lang::En, preset.name);
            update(&mut app, Action::Send);
            for step in 1..=app.derived.steps.len() {
                update(&mut app, Action::SeekStep(step));
                let s = shown(&app);
                assert!(s.capsule.is_some(), "{} at step {step}", preset.name);
                let now = s.lit.values().filter(|l| l.now).count();
                assert_eq!(now, 1, "{} at step {step}", preset.name);
            }
        }
    }

    #[test]
    fn a_request_is_shown_where_it_begins_before_its_packet_is_made() {
        let mut app = sent();
        for _ in 0..2 {
            let s = shown(&app);
            let c = s.capsule.expect("a capsule");
            assert_eq!((c.kind.as_str(), c.dst.as_str()), ("SYN", "192.168.120.226:30080"));
            let lit = s.lit.iter().find(|(_, l)| l.now).map(|(spot, l)| (*spot, l.ahead));
            assert!(matches!(lit, Some((Spot::Host(_), false))), "{lit:?}");
            update(&mut app, Action::SeekStep(usize::MAX));
            update(&mut app, Action::Send);
        }
    }

    #[test]
    fn what_is_lost_or_doubled_on_the_segment_is_shown_there() {
        let is_sent = |e: &Event| matches!(&e.kind, EventKind::FrameSent { .. });
        for (op, lost) in [(PacketOp::Drop, true), (PacketOp::Duplicate, false)] {
            let mut app = sent();
            seek(&mut app, is_sent);
            update(&mut app, Action::Packet(op));
            let s = shown(&app);
            let c = s.capsule.expect("a capsule");
            let line = app.derived.layout.lan_y(0);
            assert_eq!((c.on_lan, c.at.1, c.lost), (true, line, lost));
            assert_eq!(s.lost_on, lost.then_some(0));
            assert!(s.lit.values().all(|l| !l.lost));
        }
    }

    #[test]
    fn a_copy_is_shown_where_the_packet_is_also_in_the_shell() {
        let mut app = sent();
        seek(&mut app, |e| matches!(e.kind, EventKind::Encapsulated { .. }));
        update(&mut app, Action::Packet(PacketOp::Duplicate));
        let s = shown(&app);
        let c = s.capsule.expect("a capsule");
        assert!(c.shell.is_some() && !c.on_lan);
        let now = s.lit.iter().find(|(_, l)| l.now).map(|(spot, l)| (*spot, l.shell));
        assert_eq!(now, Some((Spot::Vxlan(1), true)));
    }

    #[test]
    fn the_capsule_stays_in_its_lane_and_clear_of_hooks_and_hosts() {
        let rooms = [(1116, 701), (936, 450), (390, 560), (344, 420), (1800, 900)];
        for (preset, room) in
            play::presets::ALL.iter().flat_map(|p| rooms.iter().map(move |r| (p, *r)))
        {
            let mut app = App::new(crate::Lang::En, preset.name);
            update(&mut app, Action::Room(room.0, room.1));
            update(&mut app, Action::Send);
            for step in 1..=app.derived.steps.len() {
                update(&mut app, Action::SeekStep(step));
                let c = shown(&app).capsule.expect("a capsule");
                let l = &app.derived.layout;
                let (w, h) = c.size;
                let (left, top) = (c.at.0 - w / 2.0, c.at.1 - h / 2.0);
                let (right, bottom) = (left + w, top + h);
                let at = format!("{} in {room:?} at step {step}", preset.name);
                if c.on_lan {
                    let hosts = l.hosts.iter().map(|h| h.rect);
                    let over = |r: Rect| r.x < right && left < r.right() && r.y < bottom;
                    assert!(!hosts.clone().any(|r| over(r) && top < r.bottom()), "{at}: a host");
                    continue;
                }
                let lanes = l.nodes.iter().filter(|n| n.tile.is_none());
                let inside = |n: &&crate::layout::NodeBox| {
                    let x = n.folded || n.rect.x <= left && right <= n.rect.right();
                    x && n.lane.y <= top && bottom <= n.lane.bottom()
                };
                assert!(lanes.clone().any(|n| inside(&n)), "{at}: {left} {top} {right} {bottom}");
                // The words over the hooks, in the tall form.
                let label = |n: &crate::layout::NodeBox| {
                    n.form == Form::Tall && n.rect.x < right && left < n.rect.right()
                };
                let over =
                    |n: &crate::layout::NodeBox| top < n.zone.y + 13.0 && n.zone.y + 2.0 < bottom;
                assert!(!lanes.clone().any(|n| label(n) && over(n)), "{at}: the hooks' label");
            }
        }
    }

    #[test]
    fn every_trail_runs_along_the_lanes() {
        for preset in play::presets::ALL {
            let mut app = App::new(crate::Lang::En, preset.name);
            update(&mut app, Action::Send);
            let loaded = app.session.loaded.clone().expect("valid");
            let m = app.moment(&loaded, loaded.session.last(), app.session.events().len());
            for (id, _) in app.derived.index.packets() {
                for pair in journey(&m, id).windows(2) {
                    let points = way(&app.derived.layout, pair[0].spot, pair[1].spot);
                    let straight = |p: &[Point]| p[0].0 == p[1].0 || p[0].1 == p[1].1;
                    assert!(
                        points.windows(2).all(straight),
                        "{}: {pair:?} {points:?}",
                        preset.name
                    );
                }
            }
        }
    }

    #[test]
    fn what_stays_on_the_bridge_is_not_routed() {
        let way = spots("article-pod-same-node", "10.1.5.4", "10.1.5.5");
        assert!(
            way.contains(&Spot::Hook(1, Hook::Forward)) && !way.contains(&Spot::Route(1)),
            "{way:?}"
        );
    }
}

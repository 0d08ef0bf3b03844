//! The picture of one moment: what is lit, where the packet has been and will go, and the capsule
//! that says what it is now.

mod capsule;
mod way;

pub use way::links;

use crate::index::Index;
use crate::labels::{Kind, Labels};
use crate::layout::{Layout, Point, path};
use crate::packet::kind_word;
use net::event::{BridgeTo, EventKind};
use net::netfilter::{Hook, TableName};
use net::state::DeviceKind;
use net::{Event, PacketId, State};
use std::collections::{BTreeMap, BTreeSet};
use way::{on_lan, rect_of, way};

/// A place the packet can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spot {
    /// A host, by its number in the topology.
    Host(usize),
    /// A pod, by its number in the cluster.
    Pod(usize),
    /// A node's pod bridge.
    Bridge(usize),
    /// A hook of a node.
    Hook(usize, Hook),
    /// A node's routing decision.
    Route(usize),
    /// A node's VXLAN device.
    Vxlan(usize),
    /// A node's NIC.
    Nic(usize),
    /// A process of the node itself.
    Process(usize),
}

impl Spot {
    /// The node whose network namespace the place is in; none for a host or pod.
    pub(crate) fn node(self) -> Option<usize> {
        match self {
            Self::Bridge(n)
            | Self::Hook(n, _)
            | Self::Route(n)
            | Self::Vxlan(n)
            | Self::Nic(n)
            | Self::Process(n) => Some(n),
            Self::Host(_) | Self::Pod(_) => None,
        }
    }
}

/// One stop of a packet's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where.
    pub spot: Spot,
    /// In a VXLAN shell.
    pub shell: bool,
    /// The event that brought it there.
    pub event: usize,
}

/// How a place is lit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lit {
    /// The packet has been here, by itself.
    pub passed: bool,
    /// It has been here in its shell.
    pub shell: bool,
    /// It is here now.
    pub now: bool,
    /// It was lost here.
    pub lost: bool,
    /// It will come here.
    pub ahead: bool,
}

/// A piece of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The SVG path.
    pub d: String,
    /// Already gone, or still to come.
    pub been: bool,
    /// In a VXLAN shell.
    pub shell: bool,
    /// On the way back to the client.
    pub reply: bool,
}

/// What a packet is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Capsule {
    /// The middle of its box.
    pub at: Point,
    /// Where its notch points, if it has one.
    pub notch: Option<f32>,
    /// Its kind: `SYN`.
    pub kind: String,
    /// Its source.
    pub src: String,
    /// Its destination.
    pub dst: String,
    /// The source before this event, if it changed.
    pub old_src: Option<String>,
    /// The destination before this event, if it changed.
    pub old_dst: Option<String>,
    /// Its mark, if it has one.
    pub mark: Option<String>,
    /// The two lines of its shell.
    pub shell: Option<(String, String)>,
    /// Lost: broken.
    pub lost: bool,
    /// Its size.
    pub size: (f32, f32),
}

/// One moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// Lit places.
    pub lit: BTreeMap<Spot, Lit>,
    /// Tables of a hook that were asked, and the one that is now.
    pub tables: BTreeMap<(usize, Hook), Vec<(TableName, TableState)>>,
    /// The trail.
    pub trail: Vec<Segment>,
    /// The capsule.
    pub capsule: Option<Capsule>,
    /// Pods a draw can fall on, in percent.
    pub chances: BTreeMap<usize, u32>,
    /// The pod the draw fell on.
    pub drawn: Option<usize>,
    /// It did not fall: the endpoint was chosen by a person.
    pub chosen: bool,
    /// The event in which it fell, and where the rules are that it fell by.
    pub draw: Option<(usize, usize)>,
    /// The packet that is followed.
    pub packet: Option<PacketId>,
    /// The other packets that are on their way.
    pub others: Vec<Other>,
    /// Pods and nodes that are not there yet, or not any more.
    pub absent: Vec<Kind>,
}

/// A packet on its way that is not the one that is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Other {
    /// Which.
    pub id: PacketId,
    /// The middle of its pill.
    pub at: Point,
    /// Its kind: `SYN`.
    pub kind: String,
    /// In a VXLAN shell.
    pub shell: bool,
    /// So many more are at the same place.
    pub more: usize,
}

/// What a table of a hook did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableState {
    /// Asked.
    Asked,
    /// Not asked: the connection is decided.
    Skipped,
    /// Being asked now.
    Now,
}

/// What a scene is made from.
pub struct Moment<'a> {
    /// The state at this moment.
    pub state: &'a State,
    /// The session's events.
    pub events: &'a [Event],
    /// What is looked up in them.
    pub index: &'a Index,
    /// How many events lie behind.
    pub cursor: usize,
    /// Names.
    pub labels: &'a Labels,
    /// The packet a person chose to look at.
    pub follow: Option<PacketId>,
}

/// The packet the cursor is about: the chosen one, or the last one that did something.
pub fn current_packet(m: &Moment<'_>) -> Option<PacketId> {
    if m.follow.is_some_and(|p| m.state.packets.contains_key(&p)) {
        return m.follow;
    }
    m.events[..m.cursor.min(m.events.len())].iter().rev().find_map(|e| e.packet)
}

/// The packet that is shown: before the first one moves, it is the first of all.
pub fn shown_packet(m: &Moment<'_>) -> Option<PacketId> {
    current_packet(m).or_else(|| m.index.first())
}

fn spot_of(m: &Moment<'_>, e: &Event) -> Option<Spot> {
    let node = match m.labels.kind(e.netns) {
        Kind::Pod(p) => return Some(Spot::Pod(p)),
        Kind::Host(h) => return Some(Spot::Host(h)),
        Kind::Segment => return None,
        Kind::Node(n) => n,
    };
    let ns = m.state.ns(e.netns);
    let device = |dev: net::DevId| match &ns.dev(dev).kind {
        DeviceKind::Cable { nic: true, .. } => Some(Spot::Nic(node)),
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
        | EventKind::PacketMade { .. }
        | EventKind::Delivered { .. }
        | EventKind::Accepted { .. } => Some(Spot::Process(node)),
        _ => None,
    }
}

/// A packet's whole way, past and to come.
pub fn journey(m: &Moment<'_>, id: PacketId) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    let mut shell = false;
    for i in m.index.of(id).iter().copied() {
        let e = &m.events[i];
        let last = stops.last().map(|s| s.spot);
        let spot = match (&e.kind, last) {
            // A route is a stop of its own only on the way in: on the way out it comes before
            // OUTPUT.
            (EventKind::Routed { .. }, Some(Spot::Hook(n, Hook::Prerouting))) => {
                Some(Spot::Route(n))
            }
            (EventKind::Delivered { .. }, Some(Spot::Hook(n, Hook::Input))) => {
                match m.labels.kind(e.netns) {
                    Kind::Node(_) => Some(Spot::Process(n)),
                    _ => None,
                }
            }
            (EventKind::Delivered { .. } | EventKind::PacketMade { .. }, _)
                if matches!(m.labels.kind(e.netns), Kind::Node(_)) && last.is_some() =>
            {
                None
            }
            // Bridge netfilter has looked; the frame goes up, not back to the bridge.
            (
                EventKind::FrameReceived { .. } | EventKind::Bridged { to: BridgeTo::Up, .. },
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

/// The picture of a moment. Another moment of the same session may say what it knows already.
pub fn scene(l: &Layout, m: &Moment<'_>, other: Option<&Scene>) -> Scene {
    let mut s = Scene { absent: m.labels.absent(m.state), ..Scene::default() };
    let Some(id) = shown_packet(m) else { return s };
    s.packet = Some(id);
    let stops = journey(m, id);
    let done = stops.iter().take_while(|x| x.event < m.cursor).count();
    let reply =
        m.index.of(id).first().is_some_and(|i| !m.index.asked.contains(&m.events[*i].netns));
    for (i, pair) in stops.windows(2).enumerate() {
        let points = way(l, pair[0].spot, pair[1].spot);
        if points.len() > 1 {
            s.trail.push(Segment {
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
    let here = done.checked_sub(1).and_then(|i| stops.get(i));
    if let Some(stop) = here {
        let lit = s.lit.entry(stop.spot).or_default();
        lit.now = true;
        lit.lost = lost;
    }
    tables(m, id, &mut s);
    chances(m, &mut s, other);
    s.others = others(l, m, id);
    if let Some(stop) = here {
        let next = stops.get(done).filter(|n| {
            matches!(m.events[m.cursor - 1].kind, EventKind::FrameSent { .. })
                && on_lan(stop.spot)
                && on_lan(n.spot)
        });
        s.capsule = capsule::capsule(l, m, id, stop, next.map(|n| n.spot), lost);
    }
    s
}

/// More than so many at one place are told as a number.
const CROWD: usize = 4;

/// The other packets, each where it was seen last; those at one place stand beside each other.
fn others(l: &Layout, m: &Moment<'_>, current: PacketId) -> Vec<Other> {
    let mut out: Vec<Other> = Vec::new();
    let mut crowd: BTreeMap<Spot, (usize, Option<usize>)> = BTreeMap::new();
    for (id, skb) in m.state.packets.iter().filter(|(id, _)| **id != current) {
        let behind = m.index.behind(*id, m.cursor);
        let Some(spot) = behind.iter().rev().find_map(|i| spot_of(m, &m.events[*i])) else {
            continue;
        };
        let Some(r) = rect_of(l, spot) else { continue };
        let (n, last) = crowd.entry(spot).or_default();
        *n += 1;
        if *n > CROWD {
            if let Some(o) = last.and_then(|i| out.get_mut(i)) {
                o.more += 1;
            }
            continue;
        }
        let at = (r.cx() + (*n - 1) as f32 * 38.0 - 57.0, r.y - 10.0);
        let shown = skb.frame.inner().unwrap_or(&skb.frame);
        let kind = shown.ipv4().map_or_else(|| "ARP".to_owned(), kind_word);
        *last = Some(out.len());
        out.push(Other { id: *id, at, kind, shell: skb.frame.inner().is_some(), more: 0 });
    }
    out
}

fn tables(m: &Moment<'_>, id: PacketId, s: &mut Scene) {
    let last = m.cursor.checked_sub(1);
    for i in m.index.behind(id, m.cursor).iter().copied() {
        let e = &m.events[i];
        let Kind::Node(n) = m.labels.kind(e.netns) else { continue };
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

/// One way a draw can fall.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawOf {
    /// How likely, of 1.
    pub share: f64,
    /// The chain it jumps to.
    pub chain: String,
    /// What the destination becomes.
    pub addr: std::net::IpAddr,
    /// And the port.
    pub port: Option<u16>,
}

/// The ways a draw in a chain can fall, as its rules say it.
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

/// The endpoints a draw chose among, as soon as the packet met the draw.
fn chances(m: &Moment<'_>, s: &mut Scene, other: Option<&Scene>) {
    use net::netfilter::{Effect, WalkStep};
    // The last draw counts.
    let draws_behind = &m.index.draws[..m.index.draws.partition_point(|i| *i < m.cursor)];
    for i in draws_behind.iter().rev() {
        let e = &m.events[*i];
        let draw = Some((*i, std::rc::Rc::as_ptr(&m.state.ns(e.netns).rules).addr()));
        if let Some(o) = other.filter(|o| o.draw == draw) {
            (s.chances, s.drawn, s.chosen, s.draw) = (o.chances.clone(), o.drawn, o.chosen, o.draw);
            return;
        }
        let EventKind::Walked {
            table,
            step: WalkStep::Matched { chain, effect: Effect::Jump(to), draws: drawn, .. },
            ..
        } = &e.kind
        else {
            continue;
        };
        let rules = m.state.ns(e.netns).rules.table(*table);
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

/// The pods that the packets of a run come from or go to.
pub fn pods_of_run(m: &Moment<'_>) -> BTreeSet<usize> {
    let pod = |e: &Event| if let Kind::Pod(p) = m.labels.kind(e.netns) { Some(p) } else { None };
    let ends = |e: &&Event| {
        matches!(
            e.kind,
            EventKind::PacketMade { .. } | EventKind::Delivered { .. } | EventKind::Asked { .. }
        )
    };
    m.events.iter().filter(ends).filter_map(pod).collect()
}

/// The nodes that the packets of a run go through; flooded ARP does not count.
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

/// The nodes that one packet goes through.
pub fn nodes_on_way(m: &Moment<'_>, id: PacketId) -> BTreeSet<usize> {
    journey(m, id).iter().filter_map(|s| s.spot.node()).collect()
}

/// The part of the picture a narrow page shows, so wide: around the packet.
pub fn camera(l: &Layout, s: &Scene, width: f32) -> f32 {
    let middle = match (&s.capsule, s.lit.iter().find(|(_, lit)| lit.now)) {
        (Some(c), Some((Spot::Host(_), _))) => c.at.0,
        (Some(c), _) => l
            .nodes
            .iter()
            .find(|n| n.rect.x <= c.at.0 && c.at.0 <= n.rect.right() && c.at.1 < l.lan.y - 30.0)
            .map_or(c.at.0, |n| n.rect.cx()),
        (None, _) => l.nodes.iter().find(|n| !n.control_plane).map_or(width / 2.0, |n| n.rect.cx()),
    };
    (middle - width / 2.0).clamp(0.0, (l.width - width).max(0.0))
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
        let labels = Labels::new(session.cluster(), session.last());
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

    #[test]
    fn what_stays_on_the_bridge_is_not_routed() {
        let way = spots("article-pod-same-node", "10.1.5.4", "10.1.5.5");
        assert!(
            way.contains(&Spot::Hook(1, Hook::Forward)) && !way.contains(&Spot::Route(1)),
            "{way:?}"
        );
    }
}

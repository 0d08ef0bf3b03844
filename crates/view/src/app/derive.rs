//! What follows from the session, the view and the send bar. It is computed here and nowhere else,
//! and only when what it depends on has changed.

use super::parts::{Loaded, Played, Selected, SendBar, View};
use super::select::{self, Menus};
use crate::index::Index;
use crate::layout::{Layout, Size, Wanted, layout};
use crate::scene::{self, Moment};
use crate::story::{self, Grain, PacketPill};
use crate::thing::thing_of;
use kube::change::{FormGroup, Thing, form};
use net::event::EventKind;
use play::{Protocol, Timeline};
use std::rc::{Rc, Weak};

/// The derived values. Each is derived anew when something that it depends on has changed.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// An index of the events by packet; depends on the session.
    pub index: Rc<Index>,
    /// The packets of the session; depends on the session.
    pub packets: Rc<Vec<PacketPill>>,
    /// The events that are steps; depends on the session and the granularity.
    pub steps: Rc<Vec<usize>>,
    /// The layout of the picture; depends on the session, the focus, the node that is selected and
    /// the room on the page.
    pub layout: Rc<Layout>,
    /// The menus of the send bar; depends on the session, protocol, sender and destination. The
    /// lists in it depend on the session and the protocol only.
    pub menus: Rc<Menus>,
    /// The forms of what is selected: its own, and for a machine that of the Topology; depends on
    /// the text and the selection.
    pub forms: Rc<Vec<(Thing, Vec<FormGroup>)>>,
    /// The state at the moment shown; depends on the session and the moment. Going to another
    /// moment applies or undoes the events between the two.
    pub timeline: Option<Timeline>,
    from: Inputs,
}

/// What the values were derived from. A layout depends on the selection only as `node`, the node
/// or pod that is selected and was not drawn in full.
#[derive(Clone, Debug, Default)]
struct Inputs {
    /// A weak reference keeps the address from being used for another session.
    session: Weak<Loaded>,
    grain: Grain,
    focus: bool,
    host: Option<String>,
    /// The node that the selected host is or is on, and the pod.
    found: Option<(usize, Option<usize>)>,
    node: Option<(usize, Option<usize>)>,
    room: Size,
    every_tile: bool,
    proto: Protocol,
    from: String,
    to: String,
    text: Rc<str>,
    selected: Option<Selected>,
}

impl Derived {
    /// Derives what has changed. Without a change it takes the same time in every session.
    pub(super) fn refresh(&mut self, text: &Rc<str>, played: &Played, view: &View, send: &SendBar) {
        let Some(l) = &played.loaded else { return };
        let is_new = self.from.session.as_ptr() != Rc::as_ptr(l);
        if is_new {
            self.from.session = Rc::downgrade(l);
            self.index = Rc::new(Index::new(l.session.events()));
            self.packets = Rc::new(story::packets(l.session.events(), &self.index));
            self.timeline = Some(Timeline::new(l.session.initial()));
        }
        let from = &mut self.from;
        if changed(&mut from.grain, &view.grain) | is_new {
            self.steps = Rc::new(story::steps(l.session.events(), l.session.last(), view.grain));
        }
        // Selecting a node or pod that is not drawn in full draws it so, if there is room next to
        // those of the path.
        if changed(&mut from.host, &view.selected.as_ref().map(|s| s.host.clone())) | is_new {
            from.found = from.host.as_ref().and_then(|host| found(l.session.cluster(), host));
        }
        let is_drawn = |(n, pod): (usize, Option<usize>)| {
            let node = self.layout.nodes.iter().find(|b| b.node == n && !b.folded);
            node.is_some_and(|b| pod.is_none_or(|p| b.pods.iter().any(|b| b.pod == p)))
        };
        let node = from.found.filter(|f| from.node == Some(*f) || is_new || !is_drawn(*f));
        if changed(&mut from.focus, &view.focus)
            | changed(&mut from.node, &node)
            | changed(&mut from.room, &view.room)
            | changed(&mut from.every_tile, &view.every_tile)
            | is_new
        {
            self.layout = Rc::new(arranged(l, &self.index, view, node));
        }
        let lists = changed(&mut from.proto, &send.proto) | is_new;
        if changed(&mut from.from, &send.from) | changed(&mut from.to, &send.to) | lists {
            let mut menus = Menus::clone(&self.menus);
            if lists {
                menus.from = select::senders(l).into();
                menus.to = select::targets(l, send.proto).into();
            }
            menus.endpoints = select::endpoints(l, &send.to);
            menus.sender = select::sender(l, &menus.from, &send.from);
            menus.target = select::target(l, &menus.to, &send.to, send);
            self.menus = Rc::new(menus);
        }
        let is_same = Rc::ptr_eq(&from.text, text);
        if changed(&mut from.selected, &view.selected) | !is_same | is_new {
            from.text = text.clone();
            let cluster = l.session.cluster();
            let thing = view.selected.as_ref().and_then(|s| thing_of(cluster, s));
            let of_machine = matches!(thing, Some(Thing::Node(_) | Thing::Host(_)));
            let name = view.selected.as_ref().map_or("", |s| s.host.as_str());
            let network = Thing::Segment(segment_of(cluster, name).to_owned());
            let things = thing.into_iter().chain(of_machine.then_some(network));
            self.forms = things
                .filter_map(|t| Some((t.clone(), form(text, &t)?)))
                .collect::<Vec<_>>()
                .into();
        }
        if let Some(t) = &mut self.timeline {
            t.seek(l.session.events(), view.cursor);
        }
    }
}

/// The name of the segment that a machine's first interface is on.
fn segment_of<'a>(cluster: &'a kube::Cluster, machine: &str) -> &'a str {
    let t = &cluster.topology;
    let found = t.machines().find(|(name, ..)| name.value == machine);
    &t.segments[found.map_or(0, |(_, nics, _)| nics[0].segment)].name
}

/// The node that a host is, or that a pod is on, and the pod.
fn found(cluster: &kube::Cluster, host: &str) -> Option<(usize, Option<usize>)> {
    let node = cluster.nodes.iter().position(|n| n.spec.name.value == host);
    let pod = || {
        let (i, pod) = cluster.pods.iter().enumerate().find(|(_, p)| p.netns() == host)?;
        Some((pod.node, Some(i)))
    };
    node.map(|n| (n, None)).or_else(pod)
}

/// Remembers a value. Returns whether it is another one.
fn changed<T: Clone + PartialEq>(old: &mut T, new: &T) -> bool {
    let is_other = old != new;
    if is_other {
        old.clone_from(new);
    }
    is_other
}

/// The layout after all steps. If there is not room for all nodes, those on the path of the last
/// probe are drawn in full, then the one that is selected, then the others that packets go through.
fn arranged(
    l: &Loaded,
    index: &Index,
    view: &View,
    selected: Option<(usize, Option<usize>)>,
) -> Layout {
    let (cluster, events) = (l.session.cluster(), l.session.events());
    let (state, labels) = (l.session.last(), &l.labels);
    let end = Moment { state, events, index, cursor: events.len(), labels, follow: None };
    let mut nodes: Vec<usize> = Vec::new();
    let run = scene::nodes_of_run(&end);
    let only = view.focus && !run.is_empty();
    for n in nodes_of_last_probe(l, &end).into_iter().chain(selected.map(|s| s.0)).chain(run) {
        if !nodes.contains(&n) {
            nodes.push(n);
        }
    }
    let mut pods = scene::pods_of_run(&end);
    pods.extend(selected.and_then(|s| s.1));
    let every_tile = view.every_tile;
    layout(cluster, Wanted { nodes: &nodes, only, every_tile, pods: &pods }, view.room)
}

/// The nodes on the path of the first packet of the last probe, in its order.
fn nodes_of_last_probe(l: &Loaded, m: &Moment<'_>) -> Vec<usize> {
    let last = l.session.results().iter().rev().find_map(play::StepResult::run);
    let start = last.map_or(0, |r| r.events.start).min(m.events.len());
    let asker = m.events.get(start).and_then(|e| e.netns);
    let is_first =
        |e: &&net::Event| matches!(e.kind, EventKind::PacketMade { .. }) && e.netns == asker;
    let first = m.events[start..].iter().find(is_first).and_then(|e| e.packet);
    first.map(|p| scene::nodes_on_way(m, p)).unwrap_or_default()
}

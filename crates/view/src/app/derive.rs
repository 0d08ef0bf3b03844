//! What follows from the session, the view and the send bar. It is computed here and nowhere else,
//! and only when what it depends on has changed.

use super::parts::{Loaded, Played, SendBar, View};
use super::select::{self, Menus};
use crate::index::Index;
use crate::layout::{FEW_NODES, Layout, layout};
use crate::scene::{self, Moment};
use crate::story::{self, Grain, PacketPill};
use net::event::EventKind;
use play::{Protocol, Timeline};
use std::collections::BTreeSet;
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
    /// The layout of the picture; depends on the session, the focus and, in a large cluster, the
    /// selection.
    pub layout: Rc<Layout>,
    /// The menus of the send bar; depends on the session, the protocol and the destination.
    pub menus: Rc<Menus>,
    /// The state at the moment shown; depends on the session and the moment. Going to another
    /// moment applies or undoes the events between the two.
    pub timeline: Option<Timeline>,
    from: Inputs,
}

/// What the values were derived from. A layout depends on the selection only as `tile`, the host
/// that is selected in a large cluster.
#[derive(Clone, Debug, Default)]
struct Inputs {
    /// A weak reference keeps the address from being used for another session.
    session: Weak<Loaded>,
    grain: Grain,
    focus: bool,
    tile: Option<String>,
    proto: Protocol,
    to: String,
}

impl Derived {
    /// Derives what has changed. Without a change it takes the same time in every session.
    pub(super) fn refresh(&mut self, played: &Played, view: &View, send: &SendBar) {
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
        // Selecting a tile draws the node in full.
        let many = l.session.cluster().nodes.len() > FEW_NODES;
        let tile = view.selected.as_ref().filter(|_| many).map(|s| s.host.clone());
        if changed(&mut from.focus, &view.focus) | changed(&mut from.tile, &tile) | is_new {
            self.layout = Rc::new(arranged(l, &self.index, view.focus, tile.as_deref()));
        }
        if changed(&mut from.proto, &send.proto) | changed(&mut from.to, &send.to) | is_new {
            self.menus = Rc::new(Menus {
                from: select::senders(l),
                to: select::targets(l, send.proto),
                endpoints: select::endpoints(l, &send.to),
            });
        }
        if let Some(t) = &mut self.timeline {
            t.seek(l.session.events(), view.cursor);
        }
    }
}

/// Remembers a value. Returns whether it is another one.
fn changed<T: Clone + PartialEq>(old: &mut T, new: &T) -> bool {
    let is_other = old != new;
    if is_other {
        old.clone_from(new);
    }
    is_other
}

/// The layout after all steps. In a large cluster, only the nodes on the path of the last probe and
/// the node `tile` are drawn in full.
fn arranged(l: &Loaded, index: &Index, focus: bool, tile: Option<&str>) -> Layout {
    let (cluster, events) = (l.session.cluster(), l.session.events());
    let (state, labels) = (l.session.last(), &l.labels);
    let end = Moment { state, events, index, cursor: events.len(), labels, follow: None };
    let many = cluster.nodes.len() > FEW_NODES;
    let drawn = match (many, focus) {
        (true, _) => nodes_of_last_probe(l, &end),
        (false, true) => scene::nodes_of_run(&end),
        (false, false) => BTreeSet::new(),
    };
    layout(cluster, &scene::pods_of_run(&end), &|n| {
        let is_tile = |name: &str| cluster.nodes[n].spec.name.value == name;
        !drawn.contains(&n) && if many { !tile.is_some_and(is_tile) } else { !drawn.is_empty() }
    })
}

/// The nodes on the path of the first packet of the last probe.
fn nodes_of_last_probe(l: &Loaded, m: &Moment<'_>) -> BTreeSet<usize> {
    let last = l.session.results().iter().rev().find_map(play::StepResult::run);
    let start = last.map_or(0, |r| r.events.start).min(m.events.len());
    let asker = m.events.get(start).and_then(|e| e.netns);
    let is_first =
        |e: &&net::Event| matches!(e.kind, EventKind::PacketMade { .. }) && e.netns == asker;
    let first = m.events[start..].iter().find(is_first).and_then(|e| e.packet);
    first.map(|p| scene::nodes_on_way(m, p)).unwrap_or_default()
}

//! The picture of a moment as SVG elements: every shape, class, label and text of it. The page
//! mounts them, `svg` prints them; neither draws anything of its own.
//!
//! The picture is drawn in parts, so that whoever shows it can leave a part as it is while its
//! `stamp` stays the same.

mod capsule;
mod element;
mod lan;
mod node;

pub use element::{Child, Element};
pub(crate) use element::{Span, group, path, rect, spans, text};

use crate::app::{App, Selected};
use crate::labels::NetnsKind;
use crate::layout::{Layout, NodeBox};
use crate::scene::{Lit, Scene, Spot, TrailPiece, links, scene};
use crate::stamp::stamp;
use crate::words::{Lang, Ui, ui};
use kube::Cluster;
use net::netfilter::Hook;
use net::{PacketId, State};
use std::borrow::Cow;

/// A group of parts. The groups are drawn in the order of `Picture::groups`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// The frames of the nodes.
    Cards,
    /// The network segments with their cables.
    Lan,
    /// The wires inside the nodes.
    Wires,
    /// The way of the packet.
    Trail,
    /// What is inside the node with this index in the layout.
    Node(usize),
    /// The hosts outside of the cluster.
    Hosts,
    /// The packets under way that are not the one that is followed.
    Others,
}

/// What is drawn at once. The numbers are indices in the layout or the scene, a pod's is that of
/// the cluster; the order is that of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The frame of a node.
    Card(usize),
    /// The tile that stands for the nodes without one of their own.
    More,
    /// The network segments with their cables.
    Lan,
    /// The wires inside the nodes.
    Wires,
    /// A piece of the packet's way.
    TrailPiece(usize),
    /// A pod, hook or device inside a node, by the node's index.
    InNode(usize, Inside),
    /// A host outside of the cluster.
    Host(usize),
    /// The pill of a packet under way that is not followed.
    Other(PacketId),
}

/// What is inside a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inside {
    /// All of it, in a node where nothing happens.
    Folded,
    /// The box of a pod, by its index in the cluster.
    Pod(usize),
    /// Its devices and the routing decision between them.
    Devices,
    /// The box of a netfilter hook with its tables.
    Hook(Hook),
}

/// What the picture is made from.
pub struct Picture<'a> {
    layout: &'a Layout,
    cluster: &'a Cluster,
    scene: &'a Scene,
    /// None before anything was sent.
    state: Option<&'a State>,
    selected: Option<&'a Selected>,
    lang: Lang,
}

impl<'a> Picture<'a> {
    /// The picture of a scene; none without a valid document.
    pub fn new(app: &'a App, scene: &'a Scene) -> Option<Self> {
        let l = app.session.loaded.as_ref()?;
        Some(Self {
            layout: &app.derived.layout,
            cluster: l.session.cluster(),
            scene,
            state: app.derived.timeline.as_ref().map(|t| t.state()),
            selected: app.view.selected.as_ref(),
            lang: app.chrome.lang,
        })
    }

    /// Without the ring around what is selected.
    pub fn unselected(self) -> Self {
        Self { selected: None, ..self }
    }

    /// The picture in a few words, for screen readers.
    pub fn label(&self) -> String {
        match &self.scene.capsule {
            Some(c) => format!("{} {} → {}", c.kind, c.src, c.dst),
            None => self.text(Ui::Diagram).to_owned(),
        }
    }

    /// The groups, in the order of drawing. The capsule follows them.
    pub fn groups(&self) -> impl Iterator<Item = Group> {
        let nodes = self.layout.nodes.iter().enumerate().filter(|(_, n)| n.tile.is_none());
        [Group::Cards, Group::Lan, Group::Wires, Group::Trail]
            .into_iter()
            .chain(nodes.map(|(i, _)| Group::Node(i)))
            .chain([Group::Hosts, Group::Others])
    }

    /// The class of a group.
    pub fn class(&self, group: Group) -> &'static str {
        match group {
            Group::Cards => "cards",
            Group::Lan => "lan",
            Group::Wires => "wires",
            Group::Trail => "trails",
            Group::Node(i) if self.node(i).is_some_and(|n| n.folded) => "node folded",
            Group::Node(i)
                if self.node(i).is_some_and(|n| self.is_absent(NetnsKind::Node(n.node))) =>
            {
                "node absent"
            }
            Group::Node(_) => "node",
            Group::Hosts => "hosts",
            Group::Others => "others",
        }
    }

    /// The parts of a group, in the order of drawing.
    pub fn parts(&self, group: Group) -> Vec<Part> {
        match group {
            Group::Cards => {
                let more = self.layout.more.map(|_| Part::More);
                (0..self.layout.nodes.len()).map(Part::Card).chain(more).collect()
            }
            Group::Lan => vec![Part::Lan],
            Group::Wires => vec![Part::Wires],
            Group::Trail => (0..self.scene.trail.len()).map(Part::TrailPiece).collect(),
            Group::Node(i) => {
                let inside = self.node(i).map(inside).unwrap_or_default();
                inside.into_iter().map(|x| Part::InNode(i, x)).collect()
            }
            Group::Hosts => (0..self.layout.hosts.len()).map(Part::Host).collect(),
            Group::Others => self.scene.others.iter().map(|o| Part::Other(o.id)).collect(),
        }
    }

    /// Stands for what a group shows of the moment, as `stamp` does for a part.
    pub fn group_stamp(&self, group: Group) -> u64 {
        let parts = self.parts(group).into_iter().map(|p| (p, self.stamp(p)));
        stamp((self.class(group), parts.collect::<Vec<_>>()))
    }

    /// Stands for what a part shows of the moment: at two moments of a session where it is the
    /// same, the part looks the same, unless the document, the language or the selection changed.
    pub fn stamp(&self, part: Part) -> u64 {
        let s = self.scene;
        match part {
            Part::More | Part::Wires | Part::InNode(_, Inside::Folded) => 0,
            Part::Card(i) => stamp(self.node(i).map(|n| self.faults(&n.name))),
            Part::Lan => stamp(s.lost_on),
            Part::TrailPiece(i) => stamp(s.trail.get(i)),
            Part::InNode(_, Inside::Pod(p)) => stamp((
                self.lit(Spot::Pod(p)),
                s.chances.get(&p),
                s.drawn == Some(p),
                s.chosen,
                self.is_absent(NetnsKind::Pod(p)),
            )),
            Part::InNode(i, Inside::Devices) => {
                let lit = [Spot::Bridge, Spot::Route, Spot::Vxlan];
                let nics = self.node(i).map_or(0, |n| n.nics.len());
                let n = self.node(i).map_or(i, |n| n.node);
                let ns = self.node(i).and_then(|n| self.state?.ns_named(&n.name));
                let up = ns.iter().flat_map(|(_, ns)| ns.devices.iter().map(|d| d.up));
                let up: Vec<bool> = up.collect();
                let lit = lit.map(|spot| self.lit(spot(n)));
                let nics: Vec<Lit> = (0..nics).map(|k| self.lit(Spot::nic(n, k))).collect();
                stamp((lit, nics, up, self.is_bridged(n)))
            }
            Part::InNode(i, Inside::Hook(h)) => {
                let n = self.node(i).map_or(i, |n| n.node);
                stamp((self.lit(Spot::Hook(n, h)), s.tables.get(&(n, h))))
            }
            Part::Host(i) => stamp(self.layout.hosts.get(i).map(|h| self.lit(Spot::Host(h.host)))),
            Part::Other(id) => stamp(
                s.others
                    .iter()
                    .find(|o| o.id == id)
                    .map(|o| (o.at.0.to_bits(), o.at.1.to_bits(), &o.kind, o.shell, o.more)),
            ),
        }
    }

    /// The elements of a part, in the order they are painted.
    pub fn draw(&self, part: Part) -> Vec<Element> {
        let drawn = match part {
            Part::Card(i) => self.node(i).map(|n| vec![self.card(n)]),
            Part::More => self.layout.more.as_ref().map(|(n, r)| vec![node::more(*n, r)]),
            Part::Lan => Some(self.lan()),
            Part::Wires => {
                let wires = self.layout.nodes.iter().flat_map(|n| links(self.layout, n));
                Some(wires.map(|d| path("wire", d)).collect())
            }
            Part::TrailPiece(i) => self.scene.trail.get(i).map(segment),
            Part::InNode(i, inside) => self.node(i).and_then(|n| match inside {
                Inside::Folded => Some(self.folded(n)),
                Inside::Pod(p) => {
                    let pod = n.pods.iter().find(|x| x.pod == p)?;
                    Some(vec![self.pod(n, pod)])
                }
                Inside::Devices => Some(self.devices(n)),
                Inside::Hook(h) => Some(vec![self.hook(n, h)]),
            }),
            Part::Host(i) => self.layout.hosts.get(i).map(|h| vec![self.host(h)]),
            Part::Other(id) => {
                let other = self.scene.others.iter().find(|o| o.id == id);
                other.map(|o| vec![capsule::other(o)])
            }
        };
        drawn.unwrap_or_default()
    }

    /// Draws the capsule around the origin; its place is `Scene::capsule`'s.
    pub fn capsule(&self) -> Option<Element> {
        self.scene.capsule.as_ref().map(capsule::capsule)
    }

    fn text(&self, text: Ui) -> &'static str {
        ui(text, self.lang)
    }

    fn node(&self, i: usize) -> Option<&'a NodeBox> {
        self.layout.nodes.get(i)
    }

    fn lit(&self, spot: Spot) -> Lit {
        self.scene.lit.get(&spot).copied().unwrap_or_default()
    }

    fn is_absent(&self, kind: NetnsKind) -> bool {
        self.scene.absent.contains(&kind)
    }

    /// Whether a host or a device of it is selected.
    fn is_selected(&self, host: &str, device: Option<&str>) -> bool {
        self.selected.is_some_and(|s| s.host == host && s.device.as_deref() == device)
    }

    /// Whether the packet went through a node's bridge and was not routed.
    fn is_bridged(&self, node: usize) -> bool {
        self.scene.trail.iter().any(|t| t.been)
            && self.lit(Spot::Hook(node, Hook::Forward)).passed
            && !self.scene.lit.contains_key(&Spot::Route(node))
    }
}

/// The scene of the moment that is shown. Nothing is lit before something was sent. `seen` is the
/// scene of another moment of the same session, from which what stays the same is taken.
pub fn scene_of(app: &App, seen: Option<&Scene>) -> Scene {
    match (&app.session.loaded, &app.derived.timeline) {
        (Some(l), Some(t)) if app.session.is_played() => {
            scene(&app.derived.layout, &app.moment(l, t.state(), t.at()), seen)
        }
        _ => Scene::default(),
    }
}

/// The arrowheads that the trail refers to.
pub fn markers() -> [Element; 2] {
    [("arrow-in", "head-in"), ("arrow-out", "head-out")].map(|(id, class)| Element {
        name: "marker",
        attributes: [
            ("id", id),
            ("viewBox", "0 0 8 8"),
            ("refX", "5"),
            ("refY", "4"),
            ("markerWidth", "8"),
            ("markerHeight", "8"),
            ("markerUnits", "userSpaceOnUse"),
            ("orient", "auto"),
        ]
        .map(|(name, value)| (name, value.into()))
        .into(),
        controls: Vec::new(),
        description: None,
        children: vec![Child::Element(path(class, "M1 1 6 4 1 7"))],
    })
}

/// What is drawn inside a node.
fn inside(n: &NodeBox) -> Vec<Inside> {
    if n.folded {
        return vec![Inside::Folded];
    }
    let pods = n.pods.iter().map(|p| Inside::Pod(p.pod));
    pods.chain([Inside::Devices]).chain(n.hooks.map(|(h, _)| Inside::Hook(h))).collect()
}

/// A piece of the packet's way; what is on the way back is hollow.
fn segment(t: &TrailPiece) -> Vec<Element> {
    let states = [(t.been, "been"), (!t.been, "ahead"), (t.shell, "shell"), (t.reply, "reply")];
    let mut line = path(class("trail", &states), t.d.clone());
    if t.been {
        let arrow = if t.shell { "url(#arrow-out)" } else { "url(#arrow-in)" };
        line = line.with("marker-end", arrow);
    }
    let hollow = (t.been && t.reply).then(|| path("hollow", t.d.clone()));
    [line].into_iter().chain(hollow).collect()
}

/// A class, and those of the states that hold.
fn class(name: &'static str, states: &[(bool, &'static str)]) -> Cow<'static, str> {
    let holding = || states.iter().filter(|(holds, _)| *holds).map(|(_, class)| *class);
    if holding().next().is_none() {
        return name.into();
    }
    [name].into_iter().chain(holding()).collect::<Vec<_>>().join(" ").into()
}

/// The classes of a lit place.
fn lit_states(lit: Lit) -> [(bool, &'static str); 5] {
    [
        (lit.passed, "passed"),
        (lit.shell, "shell"),
        (lit.now, "now"),
        (lit.lost, "lost"),
        (lit.ahead && !lit.passed && !lit.shell, "ahead"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, update};
    use crate::layout::ROOM;
    use std::collections::BTreeMap;

    #[test]
    fn a_part_with_the_same_stamp_looks_the_same() {
        for preset in play::presets::ALL {
            let mut app = App::new(Lang::En, preset.name);
            update(&mut app, Action::Send);
            let mut seen: BTreeMap<(Part, u64), Vec<Element>> = BTreeMap::new();
            let mut groups: BTreeMap<u64, (Vec<Part>, Vec<Vec<Element>>)> = BTreeMap::new();
            for at in 0..app.session.events().len() {
                update(&mut app, Action::SeekEvent(at));
                let scene = scene_of(&app, None);
                let picture = Picture::new(&app, &scene).expect("a document");
                for group in picture.groups() {
                    let parts = picture.parts(group);
                    let drawn: Vec<_> = parts.iter().map(|p| picture.draw(*p)).collect();
                    for (part, drawn) in parts.iter().zip(&drawn) {
                        let stamp = picture.stamp(*part);
                        let first = seen.entry((*part, stamp)).or_insert_with(|| drawn.clone());
                        assert_eq!(first, drawn, "{part:?} at event {at} of {}", preset.name);
                    }
                    let whole = (parts, drawn);
                    let stamp = picture.group_stamp(group);
                    let first = groups.entry(stamp).or_insert_with(|| whole.clone());
                    assert_eq!(*first, whole, "{group:?} at event {at} of {}", preset.name);
                }
            }
        }
    }

    #[test]
    fn a_node_shows_its_faults_also_when_it_is_folded_or_a_tile() {
        let classes = |app: &App, i: usize| {
            let scene = Scene::default();
            let picture = Picture::new(app, &scene).expect("a document");
            let card = picture.draw(Part::Card(i)).remove(0);
            let tips = card.children.iter().filter_map(|c| match c {
                Child::Element(e) => Some(format!("{e:?}")),
                Child::Text(_) => None,
            });
            (card.attributes[0].1.to_string(), tips.collect::<String>())
        };
        for fault in ["cut: node02", "down: node02/flannel.1", "stopped: node02/kube-proxy"] {
            for room in [ROOM, (400.0, 900.0), (936.0, 565.0)] {
                let mut app = App::new(Lang::En, "article-nodeport");
                update(&mut app, Action::Room(room.0 as u32, room.1 as u32));
                assert!((0..3).all(|i| !classes(&app, i).0.contains("faulty")), "{room:?}");
                let (before, topology) =
                    app.document.text.split_once("kind: Topology").expect("a Topology");
                let faults = format!("spec:\n  faults:\n  - {fault}\n");
                let topology = topology.replacen("spec:\n", &faults, 1);
                let text = format!("{before}kind: Topology{topology}");
                update(&mut app, Action::Text(text));
                assert_eq!(app.document.errors(), 0, "{:?}", app.document.diagnostics);
                let node = app.derived.layout.nodes.iter().position(|n| n.name == "node02");
                let node = node.expect("node02");
                let (class, inside) = classes(&app, node);
                assert!(class.contains("faulty"), "{fault} {room:?}: {class}");
                let folded = app.derived.layout.nodes[node].folded;
                let word = fault.split_once('/').map_or("cable cut", |f| f.1);
                assert!(!folded || inside.contains(word), "{fault} {room:?}: {inside}");
            }
        }
    }

    #[test]
    fn one_button_is_a_tab_stop_and_every_pod_can_be_dragged() {
        let app = App::new(Lang::En, "article-nodeport");
        let scene = Scene::default();
        let picture = Picture::new(&app, &scene).expect("a document");
        let parts = picture.groups().flat_map(|g| picture.parts(g));
        let mut all: Vec<Element> = parts.flat_map(|p| picture.draw(p)).collect();
        let mut controls = Vec::new();
        while let Some(e) = all.pop() {
            controls.extend(e.controls);
            all.extend(e.children.into_iter().filter_map(|c| match c {
                Child::Element(e) => Some(e),
                Child::Text(_) => None,
            }));
        }
        let count = |name: &str, value: &str| {
            controls.iter().filter(|(n, v)| *n == name && v.starts_with(value)).count()
        };
        assert_eq!(count("tabindex", "0"), 1);
        assert_eq!(count("role", "button"), count("tabindex", ""));
        assert_eq!((count("data-drag", "pod:"), count("data-deployment", "")), (6, 6));
    }
}

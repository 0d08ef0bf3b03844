//! The machines on the way of a packet, and the part of the picture that a page shows.

use super::{Scene, Spot, Stop};
use crate::labels::NetnsKind;
use crate::layout::{Layout, Rect, Size};

/// A machine on the way of the packet; a machine can occur several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Station {
    /// A node, host or pod.
    pub place: NetnsKind,
    /// Whether the packet has left it.
    pub passed: bool,
    /// Whether the packet is in it, or on the cable that leads away from it.
    pub now: bool,
    /// Whether the packet is, or was when it left, encapsulated.
    pub shell: bool,
}

/// The machine that a place is in.
fn machine(spot: Spot) -> NetnsKind {
    match spot {
        Spot::Host(h) => NetnsKind::Host(h),
        Spot::Pod(p) => NetnsKind::Pod(p),
        Spot::Bridge(n)
        | Spot::Hook(n, _)
        | Spot::Route(n)
        | Spot::Vxlan(n)
        | Spot::Nic(n)
        | Spot::FurtherNic(n, _)
        | Spot::Process(n) => NetnsKind::Node(n),
    }
}

/// The stations of the stops of a packet that is at `here` after `cursor` events, encapsulated or
/// not.
pub(super) fn stations(
    stops: &[Stop],
    cursor: usize,
    here: Option<&Stop>,
    is_wrapped: bool,
) -> Vec<Station> {
    let same = |a: &Stop, b: &Stop| machine(a.spot) == machine(b.spot);
    let of = |stops: &[Stop]| {
        let place = machine(stops[0].spot);
        let now = here.is_some_and(|h| stops.iter().any(|s| s.event == h.event));
        let reached = stops.iter().take_while(|s| s.event < cursor).last();
        let shell = if now { is_wrapped } else { reached.is_some_and(|s| s.shell) };
        Station { place, passed: reached.is_some() && !now, now, shell }
    };
    stops.chunk_by(same).map(of).collect()
}

/// Before anything was sent: the hosts, and the nodes that are drawn in full.
pub fn drawn_stations(l: &Layout) -> Vec<Station> {
    let nodes = l.nodes.iter().filter(|n| !n.folded).map(|n| NetnsKind::Node(n.node));
    let all = l.hosts.iter().map(|h| NetnsKind::Host(h.host)).chain(nodes);
    all.map(|place| Station { place, passed: false, now: false, shell: false }).collect()
}

/// What is shown of a machine: its card, and of a pod the card of its node. None if it is not drawn
/// in full.
fn card(l: &Layout, place: NetnsKind) -> Option<Rect> {
    let mut nodes = l.nodes.iter().filter(|n| !n.folded);
    match place {
        NetnsKind::Node(i) => nodes.find(|n| n.node == i).map(|n| n.rect),
        NetnsKind::Pod(p) => nodes.find(|n| n.pods.iter().any(|b| b.pod == p)).map(|n| n.rect),
        NetnsKind::Host(i) => l.hosts.iter().find(|h| h.host == i).map(|h| h.rect),
        NetnsKind::Segment => None,
    }
}

/// The visible part of the picture: left, top, width and height, in its pixels.
pub type Camera = (f32, f32, f32, f32);

/// What a page with this room shows: the whole picture, or, where it is larger than the room, the
/// machine that was chosen, otherwise the node that the packet is in, or whose pod has it.
pub fn camera(l: &Layout, s: &Scene, chosen: Option<NetnsKind>, room: Size) -> Camera {
    let scale = l.scale(room);
    let (w, h) = (room.0 / scale, room.1 / scale);
    let along = |all: f32, seen: f32, point: f32, card: Option<(f32, f32)>| {
        if all <= seen {
            return (all - seen) / 2.0;
        }
        let middle = card.filter(|c| c.1 <= seen).map_or(point, |c| c.0 + c.1 / 2.0);
        (middle - seen / 2.0).clamp(0.0, all - seen)
    };
    let chosen = chosen.and_then(|place| card(l, place));
    let followed = || {
        let at = s.lit.iter().find(|(_, lit)| lit.now).map(|(spot, _)| *spot);
        let in_node = s.capsule.as_ref().is_some_and(|c| !c.on_lan);
        let place = at.filter(|_| in_node).map(machine);
        place.filter(|p| !matches!(p, NetnsKind::Host(_))).and_then(|p| card(l, p))
    };
    let point = match chosen {
        Some(r) => (r.cx(), r.cy()),
        None => s.capsule.as_ref().map(|c| c.at).or(s.place).unwrap_or_default(),
    };
    let card = chosen.or_else(followed);
    let x = along(l.width, w, point.0, card.map(|r| (r.x, r.w)));
    (x, along(l.height, h, point.1, card.map(|r| (r.y, r.h))), w, h)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, App, tests::sent, update};
    use crate::picture::scene_of;
    use net::event::EventKind;

    fn names(app: &App, of: impl Fn(&Station) -> bool) -> Vec<String> {
        let all = app.stations(&scene_of(app, None));
        all.into_iter().filter(of).map(|s| app.station_name(s.place, 5).0).collect()
    }

    /// Goes to the first event of a kind.
    fn seek(app: &mut App, is: impl Fn(&EventKind) -> bool) {
        let at = app.session.events().iter().position(|e| is(&e.kind)).expect("an event");
        update(app, Action::SeekEvent(at));
    }

    #[test]
    fn the_stations_are_the_machines_on_the_way_and_one_has_the_packet() {
        let mut app = App::new(crate::Lang::En, "article-nodeport");
        assert_eq!(
            names(&app, |s| !s.now)[..2],
            ["bastion", "gateway"],
            "before anything was sent"
        );
        app = sent();
        let way = ["bastion", "node01", "node02", "nginx"];
        assert_eq!(names(&app, |_| true), way);
        assert_eq!(names(&app, |s| s.now), ["bastion"]);
        seek(&mut app, |k| matches!(k, EventKind::Encapsulated { .. }));
        assert_eq!(names(&app, |s| s.passed), ["bastion"]);
        assert_eq!(names(&app, |s| s.now && s.shell), ["node01"]);
        seek(&mut app, |k| matches!(k, EventKind::Decapsulated { .. }));
        assert_eq!(names(&app, |s| s.passed && s.shell), ["node01"]);
        assert_eq!(names(&app, |s| s.now), ["node02"]);
        for step in 1..=app.derived.steps.len() {
            update(&mut app, Action::SeekStep(step));
            assert_eq!(names(&app, |s| s.now).len(), 1, "step {step}");
        }
    }

    #[test]
    fn a_station_that_is_chosen_is_shown_until_the_packet_moves() {
        let room = (390, 462);
        let mut app = sent();
        update(&mut app, Action::Room(room.0, room.1));
        let shown = |app: &App| {
            let (room, scene) = ((room.0 as f32, room.1 as f32), scene_of(app, None));
            camera(&app.derived.layout, &scene, app.view.station, room)
        };
        let followed = shown(&app);
        for station in app.stations(&scene_of(&app, None)) {
            update(&mut app, Action::Station(Some(station.place)));
            let (x, y, w, h) = shown(&app);
            assert_eq!((w, h), (390.0, 462.0), "at scale 1");
            let r = card(&app.derived.layout, station.place).expect("drawn");
            let inside = x <= r.x && r.right() <= x + w && y <= r.y && r.bottom() <= y + h;
            assert!(inside, "{:?} {r:?}", (x, y));
        }
        assert_ne!(shown(&app), followed);
        update(&mut app, Action::StepBy(1));
        assert_eq!(app.view.station, None);
    }
}

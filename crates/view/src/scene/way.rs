//! The lanes of the picture: from each place to the next, and where a place is.

use super::Spot;
use crate::layout::{Form, Layout, NodeBox, Point, Rect, path};
use net::netfilter::Hook;

/// Whether a place is an end of a cable of the network segment.
pub(super) fn on_lan(s: Spot) -> bool {
    matches!(s, Spot::Nic(_) | Spot::Host(_))
}

/// The box of a place; none where it is not drawn.
pub(super) fn rect_of(l: &Layout, spot: Spot) -> Option<Rect> {
    let node = |n: usize| l.nodes.iter().find(|b| b.node == n);
    match spot {
        Spot::Host(h) => l.hosts.iter().find(|b| b.host == h).map(|b| b.rect),
        Spot::Pod(p) => l.nodes.iter().flat_map(|n| &n.pods).find(|b| b.pod == p).map(|b| b.rect),
        Spot::Bridge(n) => node(n).map(|b| b.cni0.0),
        Spot::Hook(n, h) => node(n).map(|b| b.hook(h)),
        Spot::Route(n) => node(n).map(|b| Rect {
            x: b.route.0.0 - b.route.1,
            y: b.route.0.1 - b.route.1,
            w: 2.0 * b.route.1,
            h: 2.0 * b.route.1,
        }),
        Spot::Vxlan(n) => node(n).map(|b| b.vxlan.0),
        Spot::Nic(n) => node(n).map(|b| b.nic.0),
        // Between the lower hooks and the VXLAN device.
        Spot::Process(n) => node(n).map(|b| {
            let (input, vxlan) = (b.hook(Hook::Input), b.vxlan.0);
            Rect { x: b.route.0.0, y: input.bottom(), w: 80.0, h: vxlan.y - input.bottom() }
        }),
    }
}

/// The distance of two pills of waiting packets, in CSS pixels.
pub(super) const PILL_PITCH: f32 = 38.0;

/// Where packets that are not followed wait at a place, beside its text: the centre of the first
/// pill, and the number of pills side by side.
pub(super) fn waiting(l: &Layout, spot: Spot) -> Option<(Point, usize)> {
    let r = rect_of(l, spot)?;
    let half = PILL_PITCH / 2.0;
    let within = |room: f32| ((room / PILL_PITCH) as usize).clamp(1, 4);
    // From the right end of a row.
    let ending =
        |y: f32, most: usize| ((r.right() - half - (most as f32 - 1.0) * PILL_PITCH, y), most);
    Some(match spot {
        Spot::Host(_) => ending(r.bottom() - 10.0, 1),
        Spot::Pod(_) => ((r.x + half + 1.0, r.bottom() - 1.0), 1),
        Spot::Bridge(_) => ending(r.cy(), within(r.w)),
        Spot::Hook(..) => ((r.x + half - 2.0, r.bottom() + 8.0), within(r.w)),
        Spot::Route(_) => ((r.right() + 4.0, r.bottom() + 4.0), 1),
        Spot::Vxlan(_) => ((r.x + half, r.bottom() + 8.0), within(r.w)),
        Spot::Process(_) => ((r.x + half + 8.0, r.cy()), 1),
        Spot::Nic(_) if l.form == Form::Tall => ending(r.bottom() - 9.0, within(r.w - 118.0)),
        Spot::Nic(_) => ending(r.cy(), 1),
    })
}

/// The line of the segment that a place hangs on, by its index.
pub(super) fn lan_of(l: &Layout, s: Spot) -> usize {
    let node = s.node().and_then(|n| l.nodes.iter().find(|b| b.node == n));
    node.map_or(l.lan.len().saturating_sub(1), |n| n.lan)
}

/// The lane from one place to another, as a polyline; a straight line if there is no lane.
pub(super) fn way(l: &Layout, a: Spot, b: Spot) -> Vec<Point> {
    let node = |n: usize| l.nodes.iter().find(|x| x.node == n);
    let reversed = |mut v: Vec<Point>| {
        v.reverse();
        v
    };
    let within = |n: usize| {
        node(n).and_then(|x| in_node(l, x, a, b).or_else(|| in_node(l, x, b, a).map(reversed)))
    };
    let found = match (a, b) {
        (
            Spot::Hook(n, _) | Spot::Route(n) | Spot::Vxlan(n) | Spot::Bridge(n) | Spot::Process(n),
            _,
        )
        | (Spot::Pod(_), Spot::Bridge(n)) => within(n),
        (_, Spot::Hook(n, _)) => within(n),
        _ => None,
    };
    if let Some(points) = found {
        return points;
    }
    if on_lan(a) && on_lan(b) {
        let end = |s: Spot, dx: f32| {
            rect_of(l, s).map(|r| match s {
                Spot::Host(_) => (r.cx() + dx, r.y),
                _ => (r.cx() + dx, r.bottom() + 3.0),
            })
        };
        if let (Some(p), Some(q)) = (end(a, 4.0), end(b, -4.0)) {
            let (from, to) = (lan_of(l, a), lan_of(l, b));
            let (y, z) = (l.lan_y(from), l.lan_y(to));
            return if from == to {
                vec![p, (p.0, y), (q.0, y), q]
            } else {
                vec![p, (p.0, y), (l.riser, y), (l.riser, z), (q.0, z), q]
            };
        }
    }
    match (rect_of(l, a), rect_of(l, b)) {
        (Some(p), Some(q)) => vec![(p.cx(), p.cy()), (q.cx(), q.cy())],
        _ => Vec::new(),
    }
}

/// The lanes inside a node, one for each link, in the direction a packet first goes.
fn in_node(l: &Layout, n: &NodeBox, a: Spot, b: Spot) -> Option<Vec<Point>> {
    let i = n.node;
    let hook = |h| n.hook(h);
    let (cni, vx, nic) = (n.cni0.0, n.vxlan.0, n.nic.0);
    let x = |dx| n.lane_x(dx);
    let w = n.rect.w;
    let ((rx, ry), rr) = n.route;
    Some(match (a, b) {
        (Spot::Pod(p), Spot::Bridge(_)) => {
            let r = l.nodes.iter().flat_map(|n| &n.pods).find(|b| b.pod == p).map(|b| b.rect)?;
            let tab = if l.form == Form::Tall { 7.0 } else { 0.0 };
            vec![(r.cx(), r.bottom() + tab), (r.cx(), cni.y)]
        }
        (Spot::Bridge(_), Spot::Hook(_, Hook::Prerouting)) => {
            vec![(x(53.0), cni.bottom()), (x(53.0), hook(Hook::Prerouting).y)]
        }
        (Spot::Nic(m), Spot::Hook(_, Hook::Prerouting)) if m == i => {
            vec![(x(30.0), nic.y), (x(30.0), hook(Hook::Prerouting).bottom())]
        }
        (Spot::Vxlan(_), Spot::Hook(_, Hook::Prerouting)) => {
            vec![(vx.x, vx.cy()), (x(79.0), vx.cy()), (x(79.0), hook(Hook::Prerouting).bottom())]
        }
        (Spot::Hook(_, Hook::Prerouting), Spot::Route(_)) => {
            vec![(hook(Hook::Prerouting).right(), ry), (rx - rr, ry)]
        }
        // Bridged: around the route circle.
        (Spot::Hook(_, Hook::Prerouting), Spot::Hook(_, Hook::Forward)) => {
            let (from, to) = (hook(Hook::Prerouting), hook(Hook::Forward));
            vec![
                (from.right(), ry - 10.0),
                (rx - 16.0, ry - 10.0),
                (rx - 16.0, ry - 17.0),
                (rx + 16.0, ry - 17.0),
                (rx + 16.0, ry - 10.0),
                (to.x, ry - 10.0),
            ]
        }
        (Spot::Hook(_, Hook::Prerouting), Spot::Bridge(_)) => {
            vec![(x(53.0), hook(Hook::Prerouting).y), (x(53.0), cni.bottom())]
        }
        (Spot::Route(_), Spot::Hook(_, Hook::Forward)) => {
            vec![(rx + rr, ry), (hook(Hook::Forward).x, ry)]
        }
        (Spot::Hook(_, Hook::Forward), Spot::Hook(_, Hook::Postrouting)) => {
            vec![(hook(Hook::Forward).right(), ry), (hook(Hook::Postrouting).x, ry)]
        }
        (Spot::Route(_), Spot::Hook(_, Hook::Input)) => {
            vec![(rx, ry + rr), (rx, hook(Hook::Input).y)]
        }
        (Spot::Hook(_, Hook::Input), Spot::Vxlan(_) | Spot::Process(_)) => {
            vec![(rx, hook(Hook::Input).bottom()), (rx, vx.y)]
        }
        (Spot::Vxlan(_) | Spot::Process(_), Spot::Hook(_, Hook::Output)) => {
            let o = hook(Hook::Output);
            vec![(o.cx(), vx.y), (o.cx(), o.bottom())]
        }
        (Spot::Hook(_, Hook::Output), Spot::Hook(_, Hook::Postrouting)) => {
            let (o, p) = (hook(Hook::Output), hook(Hook::Postrouting));
            let lane = p.x + 14.0;
            vec![(o.right(), o.cy()), (lane, o.cy()), (lane, p.bottom())]
        }
        (Spot::Hook(_, Hook::Postrouting), Spot::Bridge(_)) => {
            let p = hook(Hook::Postrouting);
            vec![(p.cx(), p.y), (p.cx(), cni.bottom())]
        }
        (Spot::Hook(_, Hook::Postrouting), Spot::Vxlan(_)) => {
            let p = hook(Hook::Postrouting);
            vec![(x(w - 63.0), p.bottom()), (x(w - 63.0), vx.cy()), (vx.right(), vx.cy())]
        }
        (Spot::Hook(_, Hook::Postrouting), Spot::Nic(m)) if m == i => {
            let p = hook(Hook::Postrouting);
            let gap = (vx.bottom() + nic.y) / 2.0;
            let to = nic.cx() + 46.0;
            vec![(x(w - 26.0), p.bottom()), (x(w - 26.0), gap), (to, gap), (to, nic.y)]
        }
        _ => return None,
    })
}

/// The wires inside a node, as SVG paths: one for each lane; none in a folded node.
pub(crate) fn links(l: &Layout, n: &NodeBox) -> Vec<String> {
    if n.folded {
        return Vec::new();
    }
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    let i = n.node;
    let pairs = [
        (Spot::Bridge(i), Spot::Hook(i, Prerouting)),
        (Spot::Nic(i), Spot::Hook(i, Prerouting)),
        (Spot::Vxlan(i), Spot::Hook(i, Prerouting)),
        (Spot::Hook(i, Prerouting), Spot::Route(i)),
        (Spot::Route(i), Spot::Hook(i, Forward)),
        (Spot::Hook(i, Forward), Spot::Hook(i, Postrouting)),
        (Spot::Route(i), Spot::Hook(i, Input)),
        (Spot::Hook(i, Input), Spot::Vxlan(i)),
        (Spot::Vxlan(i), Spot::Hook(i, Output)),
        (Spot::Hook(i, Output), Spot::Hook(i, Postrouting)),
        (Spot::Hook(i, Postrouting), Spot::Bridge(i)),
        (Spot::Hook(i, Postrouting), Spot::Vxlan(i)),
        (Spot::Hook(i, Postrouting), Spot::Nic(i)),
    ];
    let pods = n.pods.iter().map(|p| (Spot::Pod(p.pod), Spot::Bridge(i)));
    pairs
        .into_iter()
        .chain(pods)
        .map(|(a, b)| path(&way(l, a, b)))
        .filter(|d| !d.is_empty())
        .collect()
}

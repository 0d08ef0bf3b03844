//! The lanes of the picture: from each place to the next, and where a place is.

use super::Spot;
use crate::layout::{Form, Layout, NodeBox, Point, Rect, path};
use net::netfilter::Hook;

/// Whether a place is an end of a cable of the network segment.
pub(super) fn on_lan(s: Spot) -> bool {
    matches!(s, Spot::Nic(_) | Spot::FurtherNic(..) | Spot::Host(_))
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
        Spot::Nic(n) => node(n).map(|b| b.nics[0].rect),
        Spot::FurtherNic(n, k) => node(n).and_then(|b| b.nics.get(k)).map(|b| b.rect),
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
        Spot::Nic(_) | Spot::FurtherNic(..) if l.form == Form::Tall => {
            ending(r.bottom() - 9.0, within(r.w - 118.0))
        }
        Spot::Nic(_) | Spot::FurtherNic(..) => ending(r.cy(), 1),
    })
}

/// The row of lines that a place hangs on, and the segments that it is attached to.
fn attached(l: &Layout, s: Spot) -> (usize, Vec<usize>) {
    let node = |n: usize| l.nodes.iter().find(|b| b.node == n);
    let nic = |n: usize, k: usize| {
        let (node, segment) = node(n)
            .map_or((l.last_row(), 0), |b| (b.row, b.nics.get(k).map_or(0, |nic| nic.segment)));
        (node, vec![segment])
    };
    match s {
        Spot::FurtherNic(n, k) => nic(n, k),
        Spot::Host(h) => {
            let host = l.hosts.iter().find(|b| b.host == h);
            (l.last_row(), host.map_or(vec![0], |b| b.segments.clone()))
        }
        other => other.node().map_or_else(|| (l.last_row(), vec![0]), |n| nic(n, 0)),
    }
}

/// The segment that joins two places.
fn joining(l: &Layout, a: Spot, b: Spot) -> usize {
    let (of_a, of_b) = (attached(l, a).1, attached(l, b).1);
    of_a.iter().find(|s| of_b.contains(s)).or(of_a.first()).copied().unwrap_or_default()
}

/// The line of the segment that joins two places, where the second one hangs on it, by its index.
pub(super) fn lan_between(l: &Layout, a: Spot, b: Spot) -> usize {
    l.lan_of(attached(l, b).0, joining(l, a, b))
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
        let segment = joining(l, a, b);
        let end = |s: Spot, dx: f32| match s {
            Spot::Host(h) => {
                let host = l.hosts.iter().find(|b| b.host == h)?;
                Some((host.cable_x(segment) + dx, host.rect.y))
            }
            _ => rect_of(l, s).map(|r| (r.cx() + dx, r.bottom() + 3.0)),
        };
        if let (Some(p), Some(q)) = (end(a, 4.0), end(b, -4.0)) {
            let (from, to) = (lan_between(l, b, a), lan_between(l, a, b));
            let (y, z) = (l.lan_y(from), l.lan_y(to));
            let riser = l.riser(segment);
            return if from == to {
                vec![p, (p.0, y), (q.0, y), q]
            } else {
                vec![p, (p.0, y), (riser, y), (riser, z), (q.0, z), q]
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
    let (cni, vx) = (n.cni0.0, n.vxlan.0);
    let nic_of = |s: Spot| match s {
        Spot::Nic(m) if m == i => Some((n.nics[0].rect, 0)),
        Spot::FurtherNic(m, k) if m == i => n.nics.get(k).map(|nic| (nic.rect, k)),
        _ => None,
    };
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
        (Spot::Nic(_) | Spot::FurtherNic(..), Spot::Hook(_, Hook::Prerouting)) => {
            let (nic, k) = nic_of(a)?;
            let (lane, y) = (x(30.0), hook(Hook::Prerouting).bottom());
            if k == 0 {
                vec![(lane, nic.y), (lane, y)]
            } else {
                let gap = nic.y - (nic.y - vx.bottom()) / 4.0;
                vec![(nic.x + 16.0, nic.y), (nic.x + 16.0, gap), (lane, gap), (lane, y)]
            }
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
        (Spot::Hook(_, Hook::Postrouting), Spot::Nic(_) | Spot::FurtherNic(..)) => {
            let (nic, _) = nic_of(b)?;
            let p = hook(Hook::Postrouting);
            let gap = (vx.bottom() + nic.y) / 2.0;
            let to = nic.cx() + 46.0_f32.min(nic.w / 4.0);
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
    let further = (1..n.nics.len()).flat_map(|k| {
        let nic = Spot::FurtherNic(i, k);
        [(nic, Spot::Hook(i, Prerouting)), (Spot::Hook(i, Postrouting), nic)]
    });
    pairs
        .into_iter()
        .chain(pods)
        .chain(further)
        .map(|(a, b)| path(&way(l, a, b)))
        .filter(|d| !d.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, App, update};
    use crate::scene::journey;

    /// Two racks and an office; node02 has a NIC in each rack.
    const RACKS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: nginx, image: nginx}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  segments:
  - {name: rack-a, subnet: 10.11.0.0/24}
  - {name: rack-b, subnet: 10.12.0.0/24}
  - {name: office, subnet: 10.13.0.0/24}
  flannel: {iface: eth1}
  nodes:
  - {name: node01, nic: {segment: rack-b}, interfaces: [{segment: rack-a}]}
  - {name: node02, nic: {segment: rack-b}, interfaces: [{segment: rack-a}]}
  hosts: [{name: laptop, nic: {segment: office}}]
  routers: [{name: core, interfaces: [{segment: rack-b}, {segment: office}]}]
  pods: [{of: web, node: node02, ip: 10.244.1.9}]
";

    #[test]
    fn a_packet_runs_along_the_lines_of_the_segments_it_crosses() {
        for room in [(1116, 701), (390, 560)] {
            let mut app = App::new(crate::Lang::En, "article-nodeport");
            update(&mut app, Action::Text(RACKS.to_owned()));
            update(&mut app, Action::Room(room.0, room.1));
            update(&mut app, Action::From("laptop".to_owned()));
            update(&mut app, Action::To("10.12.0.10:30080".to_owned()));
            update(&mut app, Action::Send);
            let loaded = app.session.loaded.clone().expect("valid");
            let m = app.moment(&loaded, loaded.session.last(), app.session.events().len());
            let (l, id) = (&app.derived.layout, app.derived.index.first().expect("a packet"));
            let stops = journey(&m, id);
            let cables = stops.windows(2).filter(|p| on_lan(p[0].spot) && on_lan(p[1].spot));
            let crossed = cables.map(|pair| {
                let (a, b) = (pair[0].spot, pair[1].spot);
                let segment = joining(l, a, b);
                assert!([a, b].iter().all(|s| attached(l, *s).1.contains(&segment)), "{a:?} {b:?}");
                let y = l.lan_y(l.lan_of(attached(l, a).0, segment));
                assert!(way(l, a, b).iter().any(|p| p.1 == y), "{a:?} {b:?}");
                segment
            });
            // The office, the router's side of rack-b, and rack-a between flannel's NICs.
            assert_eq!(crossed.collect::<Vec<_>>(), [2, 1, 0], "{stops:?}");
        }
    }
}

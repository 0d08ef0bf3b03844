//! Where everything in the picture stands. Every node has the same rows, so that the eye reads
//! across; every link has its own lane, so that two trails never cover each other. No text is
//! measured: in a box it is set in a mono face, and its width is `chars × 0.6 × size`.

use crate::labels::app_of;
use crate::px::Px;
use kube::Cluster;
use net::netfilter::Hook;
use std::collections::BTreeSet;

/// A point, in CSS pixels at zoom 1.
pub type Point = (f32, f32);

/// A rectangle, in CSS pixels at zoom 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// The left edge.
    pub x: f32,
    /// The upper edge.
    pub y: f32,
    /// The width, to the right of `x`.
    pub w: f32,
    /// The height, downwards from `y`.
    pub h: f32,
}

impl Rect {
    const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }
    /// The x of its centre.
    pub fn cx(&self) -> f32 {
        self.x + self.w / 2.0
    }
    /// The y of its centre.
    pub fn cy(&self) -> f32 {
        self.y + self.h / 2.0
    }
    /// The x of its right edge.
    pub fn right(&self) -> f32 {
        self.x + self.w
    }
    /// The y of its lower edge.
    pub fn bottom(&self) -> f32 {
        self.y + self.h
    }
}

/// The box of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodBox {
    /// Its index in the cluster.
    pub pod: usize,
    /// The outline of the box.
    pub rect: Rect,
    /// Its short name: see `labels::app_of`.
    pub app: String,
    /// The random suffix of its name.
    pub suffix: String,
    /// `status.podIP`, as it is drawn.
    pub ip: String,
    /// The name of the host's end of its veth.
    pub veth: String,
}

/// The box of a node and of everything in it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeBox {
    /// Its index in the cluster.
    pub node: usize,
    /// Its name in Kubernetes.
    pub name: String,
    /// Whether it has the role control-plane.
    pub control_plane: bool,
    /// The outline of the box.
    pub rect: Rect,
    /// Drawn narrow, with the same rows, because nothing happens here.
    pub folded: bool,
    /// Drawn as a tile with this number of pods, because nothing happens here and there are many
    /// nodes.
    pub tile: Option<usize>,
    /// The pods that are drawn.
    pub pods: Vec<PodBox>,
    /// The number of pods that are not drawn, and the box with that number.
    pub more: Option<(usize, Rect)>,
    /// The bridge: box and address.
    pub cni0: (Rect, String),
    /// The lane where the capsule travels.
    pub lane: Rect,
    /// The area behind the hooks.
    pub zone: Rect,
    /// The boxes of the netfilter hooks, with their tables.
    pub hooks: [(Hook, Rect); 5],
    /// The circle of the routing decision: centre and radius.
    pub route: (Point, f32),
    /// The VXLAN device: box, name, address, second line.
    pub vxlan: (Rect, String, String, String),
    /// The NIC: box, name, address, MAC.
    pub nic: (Rect, String, String, String),
    /// docker0, if Docker runs on the node.
    pub docker0: Option<Rect>,
}

impl NodeBox {
    /// The box of a hook.
    pub fn hook(&self, hook: Hook) -> Rect {
        self.hooks.iter().find(|(h, _)| *h == hook).map_or(self.zone, |(_, r)| *r)
    }
    /// An x, from the node's left edge.
    pub fn lane_x(&self, x: f32) -> f32 {
        self.rect.x + x
    }
}

/// The box of a host outside of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBox {
    /// Its index in the topology.
    pub host: usize,
    /// Its host name.
    pub name: String,
    /// Its address on the segment.
    pub ip: String,
    /// The outline of the box.
    pub rect: Rect,
}

/// Where everything in the picture is, in CSS pixels at zoom 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The width of the picture.
    pub width: f32,
    /// The height of the picture.
    pub height: f32,
    /// The nodes, in the order of the cluster.
    pub nodes: Vec<NodeBox>,
    /// The hosts, from left to right.
    pub hosts: Vec<HostBox>,
    /// The line of the network segment.
    pub lan: Rect,
    /// The segment's name and subnet.
    pub lan_label: String,
}

const MARGIN: f32 = 12.0;
const GAP: f32 = 10.0;
const PAD: f32 = 12.0;
const NODE_W: f32 = 314.0;
const FOLDED_W: f32 = 104.0;
const NODE_H: f32 = 432.0;
const MAX_PODS: usize = 4;
const MIN_POD_W: f32 = 88.0;
/// With more nodes than this, those where nothing happens are tiles.
pub const FEW_NODES: usize = 6;
/// Width and height of a tile.
const TILE: (f32, f32) = (112.0, 46.0);

/// Lays a cluster out. Nodes for which `is_folded` holds are drawn narrow or as tiles. Where there
/// is no room for all pods of a node, those in `first` are drawn.
pub fn layout(
    cluster: &Cluster,
    first: &BTreeSet<usize>,
    is_folded: &dyn Fn(usize) -> bool,
) -> Layout {
    // The offset by which a node or host was dragged.
    let moved = |name: &str| {
        cluster.topology.layout.get(name).map_or((0.0, 0.0), |(x, y)| (*x as f32, *y as f32))
    };
    let many = cluster.nodes.len() > FEW_NODES;
    let tiles = if many { (0..cluster.nodes.len()).filter(|i| is_folded(*i)).count() } else { 0 };
    let open = cluster.nodes.len() - tiles;
    // About as wide as high.
    let columns = ((tiles as f32).sqrt() * 0.85)
        .ceil()
        .max((open as f32 * (NODE_W + GAP) / (TILE.0 + GAP)).floor())
        .max(1.0) as usize;
    let top = if open > 0 { MARGIN + NODE_H + 2.0 * GAP } else { MARGIN };
    let mut x = MARGIN;
    let mut n_tiles = 0;
    let mut nodes: Vec<NodeBox> = Vec::new();
    for i in 0..cluster.nodes.len() {
        if many && is_folded(i) {
            let at = (
                MARGIN + (n_tiles % columns) as f32 * (TILE.0 + GAP),
                top + (n_tiles / columns) as f32 * (TILE.1 + GAP),
            );
            nodes.push(tile(cluster, i, at));
            n_tiles += 1;
            continue;
        }
        let (dx, dy) = moved(&cluster.nodes[i].spec.name.value);
        let at = ((x + dx).max(MARGIN), (MARGIN + dy).max(MARGIN));
        let node = if is_folded(i) { folded(cluster, i, at) } else { node(cluster, first, i, at) };
        x += node.rect.w + GAP;
        nodes.push(node);
    }
    let right = nodes.iter().map(|n| n.rect.right()).fold(x - GAP, f32::max);
    let least = if open > 0 { MARGIN + NODE_H } else { MARGIN };
    let bottom = nodes.iter().map(|n| n.rect.bottom()).fold(least, f32::max);
    let mut width = (right + MARGIN).max(2.0 * MARGIN + NODE_W);
    let lan_y = bottom + 49.0;
    let mut hosts: Vec<HostBox> = Vec::new();
    let mut hx = MARGIN;
    // Clients first, the gateway last: the sender usually stands at the left.
    let mut order: Vec<usize> = (0..cluster.topology.hosts.len()).collect();
    let gateway = cluster.topology.segment.gateway;
    order.sort_by_key(|i| Some(cluster.topology.hosts[*i].nic.address.value.addr()) == gateway);
    for i in order {
        let h = &cluster.topology.hosts[i];
        let (dx, dy) = moved(&h.name.value);
        hosts.push(HostBox {
            host: i,
            name: h.name.value.clone(),
            ip: h.nic.address.value.addr().to_string(),
            rect: Rect::new((hx + dx).max(MARGIN), lan_y + 22.0 + dy.max(0.0), 150.0, 42.0),
        });
        hx += 178.0;
    }
    width = hosts.iter().map(|h| h.rect.right() + MARGIN).fold(width, f32::max);
    let height =
        hosts.iter().map(|h| h.rect.bottom() + MARGIN).fold(lan_y + 22.0 + 42.0 + MARGIN, f32::max);
    let lan = Rect::new(MARGIN, lan_y - 3.0, width - 2.0 * MARGIN, 6.0);
    let segment = &cluster.topology.segment;
    Layout {
        width,
        height,
        nodes,
        hosts,
        lan,
        lan_label: format!("{} {}", segment.name, segment.subnet),
    }
}

fn node(cluster: &Cluster, first: &BTreeSet<usize>, i: usize, (x, y): Point) -> NodeBox {
    let n = &cluster.nodes[i];
    let mut mine: Vec<usize> =
        (0..cluster.pods.len()).filter(|p| cluster.pods[*p].node == i).collect();
    if mine.len() > MAX_PODS {
        mine.sort_by_key(|p| !first.contains(p));
    }
    let drawn = if mine.len() > MAX_PODS { MAX_PODS - 1 } else { mine.len() };
    let cells = drawn + usize::from(mine.len() > drawn);
    let gap = if cells >= 4 { 6.0 } else { 8.0 };
    let w = NODE_W.max(cells as f32 * (MIN_POD_W + gap) - gap + 2.0 * PAD);
    let inner = w - 2.0 * PAD;
    let left = x + PAD;
    let cell = if cells == 0 {
        140.0
    } else {
        ((inner - gap * (cells as f32 - 1.0)) / cells as f32).min(140.0)
    };
    let pod_rect = |k: usize| Rect::new(left + k as f32 * (cell + gap), y + 32.0, cell, 48.0);
    let pods = mine.iter().take(drawn).enumerate().map(|(k, p)| {
        let pod = &cluster.pods[*p];
        PodBox {
            pod: *p,
            rect: pod_rect(k),
            app: app_of(pod),
            suffix: pod.name.rsplit('-').next().unwrap_or_default().to_owned(),
            ip: pod.ip.to_string(),
            veth: pod.veth.clone(),
        }
    });
    let hooks_y = y + 210.0;
    let low_y = y + 268.0;
    let route = ((x + 117.0, hooks_y + 18.0), 12.0);
    let hooks = [
        (Hook::Prerouting, Rect::new(left, hooks_y, 78.0, 36.0)),
        (Hook::Input, Rect::new(x + 88.0, low_y, 58.0, 36.0)),
        (Hook::Forward, Rect::new(x + 146.0, hooks_y, 58.0, 36.0)),
        (Hook::Output, Rect::new(x + 154.0, low_y, 64.0, 36.0)),
        (Hook::Postrouting, Rect::new(x + w - PAD - 84.0, hooks_y, 84.0, 36.0)),
    ];
    let nic = &n.spec.nic;
    NodeBox {
        node: i,
        name: n.spec.name.value.clone(),
        control_plane: n.spec.role == kube::topology::Role::ControlPlane,
        rect: Rect::new(x, y, w, NODE_H),
        folded: false,
        tile: None,
        pods: pods.collect(),
        more: (mine.len() > drawn).then(|| (mine.len() - drawn, pod_rect(drawn))),
        cni0: (
            Rect::new(left, y + 114.0, inner, 28.0),
            format!("{}/{}", n.gateway(), n.pod_cidr.prefix_len()),
        ),
        lane: Rect::new(left, y + 142.0, inner, 68.0),
        zone: Rect::new(x + 6.0, hooks_y - 15.0, w - 12.0, 113.0),
        hooks,
        route,
        vxlan: (
            Rect::new(x + 76.0, y + 324.0, w - 138.0, 36.0),
            kube::device::flannel(cluster.topology.vni),
            format!("{}/32", n.pod_cidr.network()),
            format!("vni {} · udp {}", cluster.topology.vni, cluster.topology.vxlan_port),
        ),
        nic: (
            Rect::new(left, y + 384.0, (inner * 0.66).round(), 36.0),
            nic.name.clone(),
            nic.address.value.to_string(),
            n.mac.to_string(),
        ),
        docker0: n.spec.docker.then(|| {
            Rect::new(
                left + (inner * 0.66).round() + 8.0,
                y + 384.0,
                inner - (inner * 0.66).round() - 8.0,
                36.0,
            )
        }),
    }
}

/// A node where nothing happens: narrow, with the same rows.
fn folded(cluster: &Cluster, i: usize, at: Point) -> NodeBox {
    let x = at.0;
    let full = node(cluster, &BTreeSet::new(), i, at);
    let narrow = |r: Rect| Rect::new(x + 8.0, r.y, FOLDED_W - 16.0, r.h);
    let n_pods = cluster.pods.iter().filter(|p| p.node == i).count();
    let pods_row = Rect::new(x + 8.0, full.rect.y + 32.0, FOLDED_W - 16.0, 48.0);
    let mini = |r: Rect| {
        Rect::new(
            x + 8.0 + (r.cx() - x) * (FOLDED_W - 16.0) / full.rect.w - 9.0,
            r.y + 10.0,
            18.0,
            14.0,
        )
    };
    NodeBox {
        rect: Rect { w: FOLDED_W, ..full.rect },
        folded: true,
        pods: Vec::new(),
        more: (n_pods > 0).then_some((n_pods, pods_row)),
        cni0: (narrow(full.cni0.0), full.cni0.1),
        lane: narrow(full.lane),
        zone: Rect { w: FOLDED_W - 12.0, ..full.zone },
        hooks: full.hooks.map(|(h, r)| (h, mini(r))),
        route: ((x + FOLDED_W / 2.0, full.route.0.1), 0.0),
        vxlan: (narrow(full.vxlan.0), full.vxlan.1, full.vxlan.2, full.vxlan.3),
        nic: (narrow(full.nic.0), full.nic.1, full.nic.2, full.nic.3),
        docker0: None,
        ..full
    }
}

/// A node as a tile: everything in it has the tile's box.
fn tile(cluster: &Cluster, i: usize, at: Point) -> NodeBox {
    let full = node(cluster, &BTreeSet::new(), i, at);
    let rect = Rect::new(at.0, at.1, TILE.0, TILE.1);
    NodeBox {
        rect,
        folded: true,
        tile: Some(cluster.pods.iter().filter(|p| p.node == i).count()),
        pods: Vec::new(),
        more: None,
        cni0: (rect, full.cni0.1),
        lane: rect,
        zone: rect,
        hooks: full.hooks.map(|(h, _)| (h, rect)),
        route: ((rect.cx(), rect.cy()), 0.0),
        vxlan: (rect, full.vxlan.1, full.vxlan.2, full.vxlan.3),
        nic: (rect, full.nic.1, full.nic.2, full.nic.3),
        docker0: None,
        ..full
    }
}

/// A polyline as an SVG path with rounded corners.
pub fn path(points: &[Point]) -> String {
    use std::fmt::Write;
    const R: f32 = 7.0;
    let mut out = String::new();
    for (i, p) in points.iter().enumerate() {
        if i == 0 {
            let _ = write!(out, "M{} {}", Px(p.0), Px(p.1));
            continue;
        }
        let Some(next) = points.get(i + 1) else {
            let _ = write!(out, "L{} {}", Px(p.0), Px(p.1));
            continue;
        };
        let before = points[i - 1];
        let len = |a: Point, b: Point| (a.0 - b.0).abs() + (a.1 - b.1).abs();
        let r = R.min(len(before, *p) / 2.0).min(len(*p, *next) / 2.0);
        let toward = |q: Point| {
            let d = len(q, *p).max(0.001);
            (p.0 + (q.0 - p.0) / d * r, p.1 + (q.1 - p.1) / d * r)
        };
        let (a, b) = (toward(before), toward(*next));
        let _ =
            write!(out, "L{} {}Q{} {} {} {}", Px(a.0), Px(a.1), Px(p.0), Px(p.1), Px(b.0), Px(b.1));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(nodes: usize) -> Cluster {
        let list: String = (0..nodes).map(|i| format!("  - {{name: n{i}}}\n")).collect();
        let text = format!(
            "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  \
             segments: [{{name: lan, subnet: 10.9.0.0/16}}]\n  nodes:\n{list}"
        );
        kube::build(&text).0.expect("valid")
    }

    fn apart(l: &Layout) -> bool {
        let over = |a: &Rect, b: &Rect| {
            a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
        };
        l.nodes.iter().enumerate().all(|(i, n)| {
            l.nodes[..i].iter().all(|m| !over(&n.rect, &m.rect)) && n.rect.bottom() < l.lan.y
        })
    }

    #[test]
    fn many_nodes_are_tiles_but_for_those_where_something_happens() {
        let c = cluster(60);
        let all = layout(&c, &BTreeSet::new(), &|_| true);
        assert!(all.nodes.iter().all(|n| n.tile.is_some()) && apart(&all));
        assert!((0.5..2.5).contains(&(all.width / all.height)), "{} x {}", all.width, all.height);
        let some = layout(&c, &BTreeSet::new(), &|i| i != 7 && i != 31);
        assert_eq!(
            some.nodes.iter().filter(|n| n.tile.is_none()).map(|n| n.node).collect::<Vec<_>>(),
            [7, 31]
        );
        assert!(apart(&some));
    }

    #[test]
    fn few_nodes_are_drawn_whole_or_folded() {
        let l = layout(&cluster(6), &BTreeSet::new(), &|i| i == 2);
        assert!(l.nodes.iter().all(|n| n.tile.is_none()) && l.nodes[2].folded && apart(&l));
    }
}

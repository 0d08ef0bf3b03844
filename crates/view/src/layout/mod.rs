//! Where everything in the picture stands. Everything is laid out at scale 1, in CSS pixels: what
//! has no room is shortened, folded or left out, never shrunk. Every node has the same rows, so
//! that the eye reads across; every link has its own lane, so that two trails never cover each
//! other. No text is measured: in a box it is set in a mono face, and its width is
//! `chars × 0.6 × size`.

mod form;

use crate::labels::{CommonAffixes, SYSTEM, app_of, shortened};
use crate::px::Px;
pub(crate) use form::CHAR;
use form::{FOLDED_W, Rows, Widths};
use kube::Cluster;
use kube::topology::Segment;
use net::netfilter::Hook;
use std::collections::BTreeSet;

/// A point, in CSS pixels at zoom 1.
pub type Point = (f32, f32);

/// Width and height, in CSS pixels at zoom 1.
pub type Size = (f32, f32);

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
    /// Its frame.
    pub rect: Rect,
    /// Its short name: see `labels::app_of`.
    pub app: String,
    /// The random suffix of its name.
    pub suffix: String,
    /// Its address.
    pub ip: String,
    /// The name of the host's end of its veth.
    pub veth: String,
}

/// The two forms of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// With second lines, veth names and the suffixes of pods; a capsule has two rows.
    #[default]
    Tall,
    /// Without them; a capsule has one row.
    Short,
}

/// The box of a node and of everything in it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeBox {
    /// Its index in the cluster.
    pub node: usize,
    /// Its name.
    pub name: String,
    /// Whether it has the role control-plane.
    pub control_plane: bool,
    /// Its frame.
    pub rect: Rect,
    /// Tall or short; the same for all nodes.
    pub form: Form,
    /// Drawn narrow, with the same rows, or as a tile.
    pub folded: bool,
    /// Drawn as a tile: the number of its pods, and its name as far as there is room.
    pub tile: Option<(usize, String)>,
    /// The row of nodes that it stands in.
    pub row: usize,
    /// The pods that are drawn.
    pub pods: Vec<PodBox>,
    /// The pods of the text on the node's own network: the box, their short names, their names.
    pub hosted: Option<(Rect, Vec<String>, Vec<String>)>,
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
    /// Its NICs, the first one with its InternalIP.
    pub nics: Vec<NicBox>,
    /// docker0, if Docker runs on the node.
    pub docker0: Option<Rect>,
}

/// The box of a NIC of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NicBox {
    /// Its frame.
    pub rect: Rect,
    /// The device's name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its MAC address.
    pub mac: String,
    /// Its segment, by the index in the topology.
    pub segment: usize,
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
    /// Its name.
    pub name: String,
    /// Its address, or those of a router.
    pub ip: String,
    /// Whether it forwards between its segments.
    pub is_router: bool,
    /// Its frame.
    pub rect: Rect,
    /// The segments that its cables lead to, by their index in the topology, from left to right.
    pub segments: Vec<usize>,
    /// The distance of its cables.
    pub pitch: f32,
}

impl HostBox {
    /// The x of the cable to a segment.
    pub fn cable_x(&self, segment: usize) -> f32 {
        let at = self.segments.iter().position(|s| *s == segment).unwrap_or_default();
        let middle = (self.segments.len() as f32 - 1.0) / 2.0;
        self.rect.cx() + (at as f32 - middle) * self.pitch
    }
}

/// The line of a segment below a row of nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct LanLine {
    /// The row of nodes that it is below.
    pub row: usize,
    /// Its segment, by the index in the topology.
    pub segment: usize,
    /// Its frame.
    pub rect: Rect,
}

/// The name and subnet of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct LanLabel {
    /// The text, shortened to its room.
    pub text: String,
    /// Where it ends, on its baseline.
    pub at: Point,
}

/// Where everything in the picture is, in CSS pixels at zoom 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The width of the picture.
    pub width: f32,
    /// The height of the picture.
    pub height: f32,
    /// The form of its nodes.
    pub form: Form,
    /// The nodes that are drawn, in the order of the cluster.
    pub nodes: Vec<NodeBox>,
    /// What the names of the nodes have in common.
    pub names: CommonAffixes,
    /// What the short names of the pods have in common.
    pub apps: CommonAffixes,
    /// The tile that stands for the nodes without one of their own, and their number.
    pub more: Option<(usize, Rect)>,
    /// The hosts, from left to right.
    pub hosts: Vec<HostBox>,
    /// The lines of the network segments, each once for each row of nodes. The hosts hang on those
    /// of the last row.
    pub lan: Vec<LanLine>,
    /// The number of segments.
    pub segments: usize,
    /// The names of the segments.
    pub lan_labels: Vec<LanLabel>,
}

impl Layout {
    /// The index of the line of a segment below a row.
    pub fn lan_of(&self, row: usize, segment: usize) -> usize {
        row * self.segments + segment
    }
    /// The last row.
    pub fn last_row(&self) -> usize {
        self.lan.last().map_or(0, |l| l.row)
    }
    /// The y of the line with this index.
    pub fn lan_y(&self, lan: usize) -> f32 {
        self.lan.get(lan).map_or(0.0, |l| l.rect.cy())
    }
    /// The x of the line that joins those of a segment.
    pub fn riser(&self, segment: usize) -> f32 {
        MARGIN + LAN_H / 2.0 + segment as f32 * RISER_PITCH
    }
    /// The factor by which the picture is enlarged to fill `room`: at least 1, at most 1.5.
    pub fn scale(&self, room: Size) -> f32 {
        let least = (room.0 / self.width.max(1.0)).min(room.1 / self.height.max(1.0));
        least.clamp(1.0, MOST_SCALE)
    }
}

/// What is drawn in full if there is not room for everything.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Nodes, the most important first.
    pub nodes: &'a [usize],
    /// Fold all others, even if there is room for them.
    pub only: bool,
    /// Draw every tile, even where the picture becomes higher than its room.
    pub every_tile: bool,
    /// Pods.
    pub pods: &'a BTreeSet<usize>,
}

/// The space of the picture on a page of 1440x900, with the editor open.
pub const ROOM: Size = (1116.0, 701.0);
const MOST_SCALE: f32 = 1.5;
const MARGIN: f32 = 8.0;
/// Above the first row and below the last one.
const EDGE: f32 = 5.0;
const GAP: f32 = 8.0;
/// The gutter at the left for the line that joins the rows.
const GUTTER: f32 = 14.0;
const LAN_H: f32 = 6.0;
/// The distance of the lines of two segments, with room for a name between them.
const LAN_PITCH: f32 = 24.0;
/// From the first line's usual place down to it, where there are several.
const LAN_FIRST: f32 = 8.0;
/// The distance of the lines that join the rows of two segments.
const RISER_PITCH: f32 = 9.0;
/// The room for a segment's name, at the right end of its line.
const LAN_LABEL_W: f32 = 168.0;
/// At most this many nodes stand side by side.
const MOST_IN_ROW: usize = 4;
/// At most this many nodes are drawn in full on a page for one column.
const MOST_IN_COLUMN: usize = 6;
/// At most this many nodes are drawn narrow; more are tiles.
const MOST_FOLDED: usize = 2;
const HOST: Size = (150.0, 40.0);
const TILE_H: f32 = 46.0;
const TILE_GAP: f32 = 6.0;

/// Lays a cluster out in `room`. The picture can be larger: on a page that is too small for a
/// single node.
pub fn layout(cluster: &Cluster, wanted: Wanted<'_>, room: Size) -> Layout {
    let fit = |node_w: f32| {
        let fit = ((room.0 - 2.0 * MARGIN + GAP) / (node_w + GAP)).floor();
        (fit as usize).min(MOST_IN_ROW)
    };
    let per_row = |node_w: f32| fit(node_w).max(1);
    let widths = Widths::of(cluster, fit);
    let segments = cluster.topology.segments.len();
    let plan = Plan::new(cluster, wanted, room, widths.node, per_row(widths.node));
    let mut pods: Vec<Vec<usize>> = vec![Vec::new(); cluster.nodes.len()];
    for (i, pod) in cluster.pods.iter().enumerate() {
        if let Some(of_node) = pods.get_mut(pod.node) {
            of_node.push(i);
        }
    }
    let rows = Rows::of(plan.form);
    let gutter = GUTTER + (segments - 1) as f32 * RISER_PITCH;
    let left = MARGIN + if plan.rows() > 1 { gutter } else { 0.0 };
    let apps: Vec<String> =
        cluster.pods.iter().filter(|p| p.namespace != SYSTEM).map(app_of).collect();
    let mut l = Layout {
        form: plan.form,
        segments,
        names: CommonAffixes::of(cluster.nodes.iter().map(|n| &*n.spec.name.value)),
        apps: CommonAffixes::of(apps.iter().map(String::as_str)),
        ..Layout::default()
    };
    let (mut x, mut in_row, mut row) = (left, 0, 0);
    let row_y = |row: usize| {
        EDGE + row as f32 * (rows.height() + rows.above_lan + lan_h(segments) + rows.below_lan.1)
    };
    let mut tiles = Vec::new();
    for (i, of_node) in pods.iter_mut().enumerate() {
        let full = plan.open.contains(&i);
        if !full && plan.tiled {
            tiles.push(i);
            continue;
        }
        if full && in_row == plan.per_row {
            (x, in_row, row) = (left, 0, row + 1);
        }
        if full {
            in_row += 1;
            of_node.sort_by_key(|p| !wanted.pods.contains(p));
        }
        // In rows, a node stays where the lines of the segment leave room for it.
        let free = plan.rows() == 1;
        let name = &cluster.nodes[i].spec.name.value;
        let (dx, dy) = if free { moved(cluster, name) } else { (0.0, 0.0) };
        let at = ((x + dx).max(left), (row_y(row) + dy).max(EDGE));
        let mut node = form::node(cluster, of_node, i, at, plan.form, widths);
        if !full {
            node = form::folded(node, of_node.len());
        }
        node.row = row;
        x += node.rect.w + GAP;
        l.nodes.push(node);
    }
    let right = l.nodes.iter().map(|n| n.rect.right()).fold(left + widths.node, f32::max);
    let bottom = l.nodes.iter().map(|n| n.rect.bottom()).fold(0.0, f32::max);
    l.width = right.max(if tiles.is_empty() { 0.0 } else { room.0 - MARGIN }) + MARGIN;
    for row in 0..=row {
        let y = if l.nodes.is_empty() { MARGIN } else { row_y(row) + rows.height() };
        let y = y.max(if row + 1 == plan.rows() { bottom } else { 0.0 }) + rows.above_lan;
        for segment in 0..segments {
            let y = y + lan_offset(segment, segments);
            let rect = Rect::new(MARGIN, y, l.width - 2.0 * MARGIN, LAN_H);
            l.lan.push(LanLine { row, segment, rect });
        }
    }
    let below = hosts(cluster, &mut l, left, rows.below_lan.0);
    l.width = l.hosts.iter().map(|h| h.rect.right() + MARGIN).fold(l.width, f32::max);
    let width = l.width - 2.0 * MARGIN;
    l.lan.iter_mut().for_each(|line| line.rect.w = width);
    l.lan_labels = lan_labels(cluster, &l, rows.below_lan.0);
    let room = if wanted.every_tile { (room.0, f32::INFINITY) } else { room };
    l.height = tile_rows(cluster, &mut l, &tiles, &pods, widths, below, room);
    l
}

/// The height of the lines of this many segments, one above the other.
fn lan_h(segments: usize) -> f32 {
    lan_offset(segments - 1, segments) + LAN_H
}

/// How far below the first line's usual place the line of a segment is.
fn lan_offset(segment: usize, segments: usize) -> f32 {
    let first = if segments > 1 { LAN_FIRST } else { 0.0 };
    first + segment as f32 * LAN_PITCH
}

/// The name of a segment with its subnet, in this many characters: the name is shortened.
fn lan_text(segment: &Segment, chars: usize) -> String {
    let subnet = segment.subnet.to_string();
    let room = chars.saturating_sub(subnet.len() + 1).max(4);
    format!("{} {subnet}", shortened(&segment.name, room))
}

/// The names of the segments: of a single one below its line, beside the hosts; of several, each
/// above its own in the last row.
fn lan_labels(cluster: &Cluster, l: &Layout, below_lan: f32) -> Vec<LanLabel> {
    let all = &cluster.topology.segments;
    let right = l.width - MARGIN - 2.0;
    if let [only] = all.as_slice() {
        let last = l.lan.last().map_or(MARGIN, |l| l.rect.bottom());
        let text = lan_text(only, usize::MAX);
        return vec![LanLabel { text, at: (right, last + below_lan + 14.0) }];
    }
    let last = l.last_row();
    let chars = (LAN_LABEL_W / CHAR) as usize;
    let label = |line: &LanLine| LanLabel {
        text: lan_text(&all[line.segment], chars),
        at: (right, line.rect.y - 4.0),
    };
    l.lan.iter().filter(|line| line.row == last).map(label).collect()
}

/// The offset by which a node or host was dragged.
fn moved(cluster: &Cluster, name: &str) -> Point {
    cluster.topology.layout.get(name).map_or((0.0, 0.0), |(x, y)| (*x as f32, *y as f32))
}

/// Which nodes are drawn in full, in which form and in how many rows.
struct Plan {
    form: Form,
    open: BTreeSet<usize>,
    per_row: usize,
    /// The others are tiles; otherwise they are drawn narrow, in the same row.
    tiled: bool,
}

impl Plan {
    fn new(cluster: &Cluster, wanted: Wanted<'_>, room: Size, node_w: f32, per_row: usize) -> Self {
        let n = cluster.nodes.len();
        let only = wanted.only && !wanted.nodes.is_empty();
        let all = (0..n).filter(|i| !wanted.nodes.contains(i) && !only);
        let mut order: Vec<usize> = wanted.nodes.iter().copied().chain(all).collect();
        let height = |form, nodes: usize| {
            let rows = Rows::of(form);
            let lan = lan_h(cluster.topology.segments.len());
            let between = rows.above_lan + lan + rows.below_lan.1;
            let count = nodes.div_ceil(per_row).max(1) as f32;
            let last = rows.above_lan + lan + rows.below_lan.0 + HOST.1 + EDGE;
            EDGE + count * rows.height() + (count - 1.0) * between + last
        };
        let form_for = |nodes: usize| {
            // With tiles, a row of them has to be in view.
            let tiles = if n - nodes > MOST_FOLDED { TILE_H + GAP } else { 0.0 };
            let fits = |form: &Form| height(*form, nodes) + tiles <= room.1;
            [Form::Tall, Form::Short].into_iter().find(fits)
        };
        let one_row = form_for(per_row.min(order.len())).unwrap_or(Form::Short);
        let form = if per_row == 1 {
            order.truncate(MOST_IN_COLUMN);
            // One node is in view at a time, with the line that it hangs on.
            let tall = Rows::of(Form::Tall);
            let lan = lan_h(cluster.topology.segments.len());
            let fits = EDGE + tall.height() + tall.above_lan + lan <= room.1;
            if fits { Form::Tall } else { Form::Short }
        } else if let Some(form) = form_for(order.len()) {
            form
        } else {
            order.truncate(per_row);
            one_row
        };
        let folded = n - order.len();
        let row_w = order.len() as f32 * (node_w + GAP) + folded as f32 * (FOLDED_W + GAP);
        let in_row = order.len() <= per_row && row_w - GAP + 2.0 * MARGIN <= room.0;
        let tiled = folded > MOST_FOLDED || !in_row;
        Self { form, open: order.into_iter().collect(), per_row, tiled }
    }

    fn rows(&self) -> usize {
        self.open.len().div_ceil(self.per_row).max(1)
    }
}

/// Places the hosts below the last line, clients first and the gateway last, in as many rows as
/// they need beside the segment's name. Returns where they end.
fn hosts(cluster: &Cluster, l: &mut Layout, left: f32, below_lan: f32) -> f32 {
    let top = l.lan.last().map_or(MARGIN, |l| l.rect.bottom()) + below_lan;
    let label = match cluster.topology.segments.as_slice() {
        [only] => lan_text(only, usize::MAX).chars().count() as f32 * CHAR + GAP,
        _ => 0.0,
    };
    let pitch = (HOST.0 + 2.0 * GAP, HOST.1 + GAP);
    let per_row = ((l.width - left - MARGIN - label) / pitch.0).floor().max(1.0) as usize;
    let all = &cluster.topology.hosts;
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|i| cluster.topology.is_gateway(&all[*i]));
    // With several segments, the cables of a lower row pass between the boxes above it.
    let shifted = l.segments > 1;
    let (mut row, mut column) = (0, 0);
    for i in order {
        let h = &all[i];
        let is_shifted = shifted && row % 2 == 1;
        let (dx, dy) = moved(cluster, &h.name.value);
        let x = left + column as f32 * pitch.0 + if is_shifted { pitch.0 / 2.0 } else { 0.0 };
        let y = top + row as f32 * pitch.1;
        column += 1;
        if column == per_row.saturating_sub(usize::from(is_shifted)).max(1) {
            (row, column) = (row + 1, 0);
        }
        l.hosts.push(HostBox {
            host: i,
            name: h.name.value.clone(),
            ip: match h.nics().count() {
                1 => h.nic.address.value.addr().to_string(),
                n => format!("{} +{}", h.nic.address.value.addr(), n - 1),
            },
            is_router: h.router.is_some(),
            segments: h.nics().map(|n| n.segment).collect(),
            pitch: if is_shifted { 6.0 } else { HOST.0 / (h.nics().count() as f32 + 1.0) },
            rect: Rect::new((x + dx).max(MARGIN), y + dy.max(0.0), HOST.0, HOST.1),
        });
    }
    l.hosts.iter().map(|h| h.rect.bottom()).fold(top + 16.0, f32::max) + EDGE
}

/// Places the tiles in what is left of the room, at least one row of them. Returns where they end.
fn tile_rows(
    cluster: &Cluster,
    l: &mut Layout,
    tiles: &[usize],
    pods: &[Vec<usize>],
    widths: Widths,
    top: f32,
    room: Size,
) -> f32 {
    if tiles.is_empty() {
        return top;
    }
    let names = tiles.iter().map(|i| cluster.nodes[*i].spec.name.value.chars().count());
    let w = (names.max().unwrap_or(0) as f32 * CHAR + 14.0).clamp(62.0, 120.0).ceil();
    let across = l.width - 2.0 * MARGIN;
    let columns = ((across + TILE_GAP) / (w + TILE_GAP)).floor().max(1.0) as usize;
    let top = top + GAP;
    let fit = ((room.1 - top - EDGE + TILE_GAP) / (TILE_H + TILE_GAP)).floor().max(1.0);
    let cells = columns.saturating_mul(fit as usize);
    let shown = if tiles.len() > cells { cells - 1 } else { tiles.len() };
    let place = |k: usize| {
        Rect::new(
            MARGIN + (k % columns) as f32 * (w + TILE_GAP),
            top + (k / columns) as f32 * (TILE_H + TILE_GAP),
            w,
            TILE_H,
        )
    };
    for (k, i) in tiles.iter().take(shown).enumerate() {
        let full = form::node(cluster, &[], *i, (0.0, 0.0), l.form, widths);
        let row = l.last_row();
        l.nodes.push(NodeBox { row, ..form::tile(full, pods[*i].len(), place(k), l.names) });
    }
    l.nodes.sort_by_key(|n| n.node);
    if tiles.len() > shown {
        l.more = Some((tiles.len() - shown, place(shown)));
    }
    let rows = tiles.len().min(cells).div_ceil(columns) as f32;
    top + rows * (TILE_H + TILE_GAP) - TILE_GAP + EDGE
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

    fn cluster(nodes: usize, name: &str) -> Cluster {
        let list: String = (0..nodes).map(|i| format!("  - {{name: {name}{i}}}\n")).collect();
        let text = format!(
            "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  \
             segments: [{{name: lan, subnet: 10.9.0.0/16}}]\n  nodes:\n{list}"
        );
        kube::build(&text).0.expect("valid")
    }

    /// Nodes on three segments in turn, each also on the last, behind a router.
    fn racks(nodes: usize) -> Cluster {
        let list: String = (0..nodes)
            .map(|i| {
                let further = if i % 3 == 2 { "" } else { ", interfaces: [{segment: storage}]" };
                let segment = ["rack-a", "rack-b", "storage"][i % 3];
                format!("  - {{name: n{i}, nic: {{segment: {segment}}}{further}}}\n")
            })
            .collect();
        let text = format!(
            "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  segments:\n  \
             - {{name: rack-a, subnet: 10.9.0.0/16}}\n  - {{name: rack-b, subnet: 10.8.0.0/16}}\n  \
             - {{name: storage, subnet: 10.7.0.0/16}}\n  routers:\n  - name: core\n    \
             interfaces: [{{segment: rack-a}}, {{segment: rack-b}}]\n  \
             hosts: [{{name: client, nic: {{address: 10.9.1.1/16}}}}]\n  nodes:\n{list}"
        );
        kube::build(&text).0.expect("valid")
    }

    fn arranged(nodes: usize, wanted: &[usize], room: Size) -> Layout {
        let racks = arranged_of(&racks(nodes), wanted, room);
        assert_eq!(racks.lan.len() % 3, 0);
        arranged_of(&cluster(nodes, "n"), wanted, room)
    }

    fn arranged_of(cluster: &Cluster, wanted: &[usize], room: Size) -> Layout {
        let nodes = cluster.nodes.len();
        let pods = BTreeSet::new();
        let only = !wanted.is_empty();
        let wanted = Wanted { nodes: wanted, only, every_tile: false, pods: &pods };
        let l = layout(cluster, wanted, room);
        let over = |a: &Rect, b: &Rect| {
            a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
        };
        let boxes = l.nodes.iter().map(|n| n.rect).chain(l.hosts.iter().map(|h| h.rect));
        let boxes: Vec<Rect> = boxes.chain(l.lan.iter().map(|l| l.rect)).collect();
        for (i, a) in boxes.iter().enumerate() {
            assert!(boxes[..i].iter().all(|b| !over(a, b)), "{nodes} nodes, {room:?}: {a:?}");
            assert!(a.right() <= l.width && a.bottom() <= l.height, "{nodes}, {room:?}: {a:?}");
        }
        l
    }

    fn open(l: &Layout) -> Vec<usize> {
        l.nodes.iter().filter(|n| !n.folded).map(|n| n.node).collect()
    }

    #[test]
    fn nodes_wrap_into_rows_before_they_are_folded() {
        let three = arranged(3, &[], (1116.0, 701.0));
        assert_eq!((three.form, three.lan.len(), open(&three).len()), (Form::Tall, 1, 3));
        let six = arranged(6, &[], (1352.0, 701.0));
        assert_eq!((six.form, six.lan.len(), open(&six).len()), (Form::Short, 2, 6));
        let low = arranged(3, &[], (1116.0, 450.0));
        assert_eq!((low.form, open(&low).len()), (Form::Short, 3));
    }

    #[test]
    fn without_room_the_wanted_nodes_are_open_and_the_others_are_folded_or_tiles() {
        let l = arranged(3, &[], (936.0, 565.0));
        assert_eq!((open(&l), l.nodes[2].folded, &l.nodes[2].tile), (vec![0, 1], true, &None));
        let l = arranged(60, &[7, 31], (1076.0, 701.0));
        assert_eq!(open(&l), [7, 31]);
        assert_eq!((l.form, l.nodes.len() + l.more.map_or(0, |m| m.0)), (Form::Tall, 60));
        let l = arranged(200, &[7, 31], (1076.0, 701.0));
        let hidden = l.more.map_or(0, |m| m.0);
        assert!(l.height <= 701.0 && hidden > 100 && l.nodes.len() + hidden == 200, "{hidden}");
    }

    #[test]
    fn a_narrow_page_has_one_column() {
        let l = arranged(3, &[], (390.0, 462.0));
        assert_eq!((l.lan.len(), open(&l).len()), (3, 3));
        assert!(l.width <= 390.0, "{}", l.width);
        // A node is tall where it has room for itself.
        assert_eq!((l.form, arranged(3, &[], (390.0, 440.0)).form), (Form::Tall, Form::Short));
    }

    #[test]
    fn every_box_of_a_node_is_apart_in_both_forms() {
        for (room, form) in [((1116.0, 701.0), Form::Tall), ((1116.0, 430.0), Form::Short)] {
            let l = arranged(3, &[], room);
            let n = &l.nodes[0];
            assert_eq!(n.form, form);
            let mut rows = vec![n.cni0.0, n.vxlan.0, n.nics[0].rect];
            rows.extend(n.hooks.map(|(_, r)| r));
            let ((x, y), r) = n.route;
            rows.push(Rect::new(x - r, y - r, 2.0 * r, 2.0 * r));
            for (i, a) in rows.iter().enumerate() {
                for b in &rows[..i] {
                    let x = (b.x - a.right()).max(a.x - b.right());
                    let y = (b.y - a.bottom()).max(a.y - b.bottom());
                    assert!(x.max(y) >= 4.0, "{form:?}: {a:?} {b:?}");
                }
            }
        }
    }
}

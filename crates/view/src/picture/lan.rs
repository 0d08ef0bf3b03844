//! The network segments: their lines, the cables to machines, and what is wrong with a cable.

use super::Picture;
use super::element::{Element, circle, group, path, rect, text};
use crate::layout::{CHAR, LanLine, Layout, Point, Rect};
use crate::px::Px;
use kube::fault::Fault;
use kube::topology::Nic;
use net::spec::CableSpec;
use net::wire::PROTO_UDP;

/// A cable from a machine to the line of a segment.
struct Cable<'a> {
    machine: &'a str,
    /// The number of the machine's NIC, from 0.
    nic: usize,
    x: f32,
    /// The y of the machine and of the line.
    ends: (f32, f32),
}

impl Picture<'_> {
    /// The network segments, and the cables to their nodes and hosts.
    pub(super) fn lan(&self) -> Vec<Element> {
        let l = self.layout;
        let cables = cables(l);
        let line = |(i, line): (usize, &LanLine)| {
            let lost = self.scene.lost_on == Some(i);
            rect(if lost { "lan-line lost" } else { "lan-line" }, &line.rect, 3.0)
        };
        let mut out: Vec<Element> = cables.iter().map(|c| self.cable(c)).collect();
        out.extend(l.lan.iter().enumerate().map(line));
        out.extend((0..l.segments).filter_map(|s| riser(l, s)));
        // With several lines, a cable crosses those of other segments.
        if l.segments > 1 {
            let ends = cables.iter().map(|c| (c.x, c.ends.1)).chain(turns(l));
            out.extend(ends.map(|at| circle("lan-joint", at, 5.0)));
        }
        out.extend(cables.iter().flat_map(|c| self.notes(c)));
        out.extend(l.lan_labels.iter().map(|x| text("lan-label", x.at.0, x.at.1, &x.text)));
        out
    }

    fn cable(&self, c: &Cable<'_>) -> Element {
        let (x, (y1, y2)) = (c.x, (c.ends.0.min(c.ends.1), c.ends.0.max(c.ends.1)));
        let cut = self.cluster.topology.faults.contains(&Fault::Cut(c.machine.to_owned()));
        if !cut || c.nic > 0 {
            return path("wire", format!("M{} {}V{}", Px(x), Px(y1), Px(y2)));
        }
        // A gap with a cross.
        let y = (y1 + y2) / 2.0;
        let [x1, y1, up, down, y2] = [x, y1, y - 7.0, y + 7.0, y2].map(Px);
        let wire = path("wire", format!("M{x1} {y1}V{up}M{x1} {down}V{y2}"));
        group("cut", [wire, cross((x, y))])
    }

    /// What a cable does to frames, beside it.
    fn notes(&self, c: &Cable<'_>) -> Vec<Element> {
        let machine = self.cluster.topology.machines().find(|(name, ..)| name.value == c.machine);
        let nic = machine.and_then(|(_, nics, _)| nics.get(c.nic).copied());
        let Some(Nic { cable, .. }) = nic else { return Vec::new() };
        // Nearer to the machine than to the lines, which other cables cross.
        let (near, far) = c.ends;
        let y = near + (far - near).clamp(-11.0, 11.0) + 4.0;
        let blocked = cable.blocked.iter().map(|(proto, port)| {
            format!("{port}/{}", if *proto == PROTO_UDP { "udp" } else { "tcp" })
        });
        let blocked = blocked.collect::<Vec<_>>().join(" ");
        let bad = bad(cable);
        let width = |text: &str| if text.is_empty() { 0.0 } else { text.len() as f32 * CHAR + 8.0 };
        let crossed = if blocked.is_empty() { 0.0 } else { 13.0 };
        let all = crossed + width(&blocked) + width(&bad);
        // To the right of the cable, or to the left where there is no room.
        let mut x = if c.x + 8.0 + all > self.layout.width { c.x - all } else { c.x + 8.0 };
        let mut out = Vec::new();
        if !blocked.is_empty() {
            out.push(group("cut", [cross((x + 4.0, y - 4.0))]));
            out.push(text("cable-note", x + crossed, y, &blocked));
            x += crossed + width(&blocked);
        }
        if !bad.is_empty() {
            out.push(text("cable-note", x, y, &bad));
        }
        out
    }
}

/// The faults of a cable, as `tc netem` names them.
fn bad(cable: &CableSpec) -> String {
    let percent = |name: &str, chance: u32| {
        let hundredths =
            (u64::from(chance) * 10_000 + u64::from(u32::MAX) / 2) / u64::from(u32::MAX);
        let (whole, part) = (hundredths / 100, hundredths % 100);
        let part = if part == 0 { String::new() } else { format!(".{part:02}") };
        (chance > 0).then(|| format!("{name} {whole}{part}%"))
    };
    let ms = |ns: u64| match (ns / 1_000_000, ns % 1_000_000) {
        (ms, 0) => format!("delay {ms}ms"),
        _ => format!("delay {}us", ns / 1_000),
    };
    let delay = (cable.delay.0 > 0).then(|| ms(cable.delay.0));
    let all = [delay, percent("loss", cable.loss), percent("duplicate", cable.duplicate)];
    all.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn cross((x, y): Point) -> Element {
    path("cross", format!("M{} {}l8 8m0 -8l-8 8", Px(x - 4.0), Px(y - 4.0)))
}

/// The cables of the machines that are drawn.
fn cables(l: &Layout) -> Vec<Cable<'_>> {
    let mut out = Vec::new();
    for n in l.nodes.iter().filter(|n| n.tile.is_none()) {
        for (nic, b) in n.nics.iter().enumerate() {
            let y = l.lan_y(l.lan_of(n.row, b.segment));
            let ends = (b.rect.bottom(), y);
            out.push(Cable { machine: &n.name, nic, x: b.rect.cx(), ends });
        }
    }
    for h in &l.hosts {
        for (nic, segment) in h.segments.iter().enumerate() {
            let y = l.lan_y(l.lan_of(l.last_row(), *segment));
            let ends = (h.rect.y, y);
            out.push(Cable { machine: &h.name, nic, x: h.cable_x(*segment), ends });
        }
    }
    out
}

/// The line that joins those of a segment.
fn riser(l: &Layout, segment: usize) -> Option<Element> {
    let last = l.last_row();
    let (first, x) = (l.lan.get(l.lan_of(0, segment)).filter(|_| last > 0)?, l.riser(segment));
    let (w, y) = (first.rect.h, first.rect.y);
    let h = l.lan_y(l.lan_of(last, segment)) - y + w / 2.0;
    Some(rect("lan-line", &Rect { x: x - w / 2.0, y, w, h }, 3.0))
}

/// Where lines meet those that join them.
fn turns(l: &Layout) -> Vec<Point> {
    let several = l.last_row() > 0;
    let all = l.lan.iter().filter(|_| several);
    all.map(|line| (l.riser(line.segment), line.rect.cy())).collect()
}

//! Nodes, pods and hosts: their boxes and what is in them.

use super::element::{Element, Span, circle, group, path, rect, spans, text};
use super::{Picture, class, lit_states};
use crate::labels::Kind;
use crate::layout::{HostBox, NodeBox, PodBox, Rect};
use crate::px::Px;
use crate::scene::{Spot, TableState};
use crate::story::{Glyph, glyph_path};
use crate::words::Ui;
use kube::cluster::Pod;
use kube::fault::Daemon;
use net::netfilter::{Hook, Part, TableName};

/// A tile has room for this many squares in a row, and for two rows.
const SQUARES: usize = 11;

/// What is written in a device's box.
struct Device<'a> {
    name: &'a str,
    addr: &'a str,
    second: Option<&'a str>,
    /// Whether it is drawn as a device without a carrier.
    down: bool,
}

impl Picture<'_> {
    /// The frame of a node with its name.
    pub(super) fn card(&self, n: &NodeBox) -> Element {
        if let Some(pods) = n.tile {
            return tile(n, pods);
        }
        let (x, y) = (n.rect.x, n.rect.y);
        let name_w = n.name.chars().count() as f32 * 8.2 + 10.0;
        let (left, title_w) = if n.folded { (6.0, n.rect.w - 12.0) } else { (8.0, name_w) };
        let title_box = Rect { x: x + left, y: y + 8.0, w: title_w, h: 20.0 };
        let title = [
            rect("title-box", &title_box, 5.0),
            text("node-name", title_box.x + 4.0, y + 22.0, &n.name),
        ];
        let mut out = vec![
            rect("node-card", &n.rect, 10.0),
            group("title", title).control("data-host", n.name.clone()).button(n.node == 0),
        ];
        if !n.folded {
            out.extend(self.title_row(n, x + 12.0 + name_w));
        }
        out.push(rect("zone", &n.zone, 8.0));
        if !n.folded {
            let middle = n.rect.x + n.rect.w / 2.0;
            out.push(text("zone-label", middle, n.zone.y + 10.0, self.text(Ui::Hooks)));
        }
        let states = [(n.folded, "folded"), (self.is_selected(&n.name, None), "selected")];
        group(class("card", &states), out)
            .control("data-drag", format!("node:{}", n.name))
            .control("data-host", n.name.clone())
    }

    /// The row of a node's name: its role, if there is room from `role_x` on, and whether
    /// its daemons run.
    fn title_row(&self, n: &NodeBox, role_x: f32) -> Vec<Element> {
        let mut x = n.rect.right() - 12.0;
        let mut daemons = Vec::new();
        for d in [Daemon::Flanneld, Daemon::KubeProxy] {
            let runs = self.cluster.topology.runs(&n.name, d);
            let (dot, face, words) = if runs {
                ("dot-ok", "daemon", d.name().to_owned())
            } else {
                let words = format!("{} {}", d.name(), self.text(Ui::StoppedWord));
                ("dot-bad", "daemon stopped", words)
            };
            x -= text_width(&words, 5.9, 11.0);
            daemons.push(circle(dot, (x - 8.0, n.rect.y + 17.0), 2.5));
            daemons.push(text(face, x, n.rect.y + 21.0, &words));
            x -= 20.0;
        }
        let role = self.text(if n.control_plane { Ui::ControlPlane } else { Ui::Worker });
        if role_x + text_width(role, 5.3, 10.0) < x + 6.0 {
            daemons.insert(0, text("role", role_x, n.rect.y + 21.0, role));
        }
        daemons
    }

    /// What is inside a node where nothing happens.
    pub(super) fn folded(&self, n: &NodeBox) -> Vec<Element> {
        let row = |r: &Rect, name: &str| {
            let name = text("mono", r.x + 8.0, r.cy() + 4.0, name);
            group("device", [rect("box", r, 6.0), name])
        };
        let pods = n.more.as_ref().map(|(count, r)| {
            let word = self.text(if *count == 1 { Ui::Pod } else { Ui::Pods });
            row(r, &format!("{count} {word}"))
        });
        let mut out: Vec<Element> = pods.into_iter().collect();
        out.push(row(&n.cni0.0, "cni0"));
        out.extend(n.hooks.iter().map(|(_, r)| group("hook", [rect("box", r, 3.0)])));
        out.push(row(&n.vxlan.0, &n.vxlan.1));
        out.push(row(&n.nic.0, &n.nic.1));
        out
    }

    /// The devices of a node, and the routing decision between them.
    pub(super) fn devices(&self, n: &NodeBox) -> Vec<Element> {
        let i = n.node;
        let lit = |spot| lit_states(self.lit(spot));
        let (vx, vx_name, vx_addr, vx_second) = &n.vxlan;
        let (nic, nic_name, nic_addr, nic_mac) = &n.nic;
        let ((rx, ry), rr) = n.route;
        let mut out = Vec::new();
        if let Some((more, r)) = &n.more {
            let count = text("pod-app", r.x + 10.0, r.cy() + 4.0, &format!("+{more}"));
            out.push(group("pod more", [rect("box", r, 8.0), count]));
        }
        let cni0 = Device { name: "cni0", addr: &n.cni0.1, second: None, down: false };
        out.push(self.device(&lit(Spot::Bridge(i)), &n.cni0.0, &n.name, &cni0));
        let place = format!("translate({} {})", Px(rx - 8.0), Px(ry - 8.0));
        let sign = path("sign", glyph_path(Glyph::Route)).with("transform", place);
        let bridged =
            self.is_bridged(i).then(|| text("bridged", rx, ry + 24.0, self.text(Ui::Bridged)));
        let route = [circle("box", (rx, ry), rr), sign].into_iter().chain(bridged);
        out.push(group(class("route", &lit(Spot::Route(i))), route));
        let vxlan = Device { name: vx_name, addr: vx_addr, second: Some(vx_second), down: false };
        let inner = Rect { x: vx.x + 3.0, y: vx.y + 3.0, w: vx.w - 6.0, h: vx.h - 6.0 };
        let vtep = [self.device(&[], vx, &n.name, &vxlan), rect("skin", &inner, 4.0)];
        out.push(group(class("vtep", &lit(Spot::Vxlan(i))), vtep));
        let uplink = Device { name: nic_name, addr: nic_addr, second: Some(nic_mac), down: false };
        out.push(self.device(&lit(Spot::Nic(i)), nic, &n.name, &uplink));
        let jack = Rect { x: nic.cx() - 8.0, y: nic.bottom() - 2.0, w: 16.0, h: 5.0 };
        out.push(rect("jack", &jack, 2.0));
        if let Some(r) = &n.docker0 {
            let second = Some(self.text(Ui::NoCarrier));
            let docker0 = Device { name: "docker0", addr: "", second, down: true };
            out.push(self.device(&[], r, &n.name, &docker0));
        }
        out
    }

    fn device(
        &self,
        states: &[(bool, &'static str)],
        r: &Rect,
        host: &str,
        d: &Device<'_>,
    ) -> Element {
        let up = self.is_up(host, d.name);
        let second = if up { d.second } else { Some(self.text(Ui::IsDown)) };
        let second = second.filter(|_| r.h > 30.0);
        let y = if second.is_some() { r.y + 15.0 } else { r.cy() + 4.0 };
        let words = [
            Span { class: Some("dev-name"), room: None, text: d.name },
            Span { class: None, room: Some(6.0), text: d.addr },
        ];
        let line = [rect("box", r, 6.0), spans("mono", (r.x + 9.0, y), words)];
        let second = second.map(|s| text("second", r.x + 9.0, r.y + 28.0, s));
        let own = [(self.is_selected(host, Some(d.name)), "selected"), (d.down || !up, "down")];
        group(class("device", &[states, &own].concat()), line.into_iter().chain(second))
            .control("data-host", host.to_owned())
            .control("data-dev", d.name.to_owned())
            .button(false)
            .described(host)
    }

    /// Whether a device is up at this moment.
    fn is_up(&self, host: &str, device: &str) -> bool {
        let ns = self.state.and_then(|s| s.ns_named(host));
        ns.and_then(|(_, ns)| ns.dev_named(device)).is_none_or(|(_, d)| d.up)
    }

    /// A pod with the host's end of its veth.
    pub(super) fn pod(&self, n: &NodeBox, x: &PodBox) -> Element {
        let s = self.scene;
        let lit = self.lit(Spot::Pod(x.pod));
        let drawn = s.drawn == Some(x.pod);
        let own = self.cluster.pods.get(x.pod);
        let netns = own.map(Pod::netns).unwrap_or_default();
        let r = &x.rect;
        let app = if r.w < 100.0 && x.app.chars().count() > 8 {
            format!("{}…", x.app.chars().take(7).collect::<String>())
        } else {
            x.app.clone()
        };
        let app_w = app.chars().count() as f32 * 7.0 + 6.0;
        let fits = app_w + x.suffix.len() as f32 * 6.0 + 18.0 < r.w;
        let veth = if n.pods.len() > 3 {
            format!("veth…{}", &x.veth[x.veth.len().saturating_sub(4)..])
        } else {
            x.veth.clone()
        };
        let tab = Rect { x: r.cx() - 17.0, y: r.bottom() - 7.0, w: 34.0, h: 14.0 };
        let badge = if drawn {
            Some(self.text(if s.chosen { Ui::Chosen } else { Ui::Drawn }).to_owned())
        } else {
            s.chances.get(&x.pod).map(|c| if *c == 0 { "<1%".to_owned() } else { format!("{c}%") })
        };
        let mut out = vec![rect("box", r, 8.0), text("pod-app", r.x + 9.0, r.y + 18.0, &app)];
        if fits {
            out.push(text("pod-suffix", r.x + 9.0 + app_w, r.y + 18.0, &x.suffix));
        }
        out.push(text("mono", r.x + 9.0, r.y + 34.0, &x.ip));
        out.push(rect("eth0", &tab, 4.0));
        out.push(text("eth0-name", tab.cx(), tab.y + 10.5, "eth0"));
        out.push(text("veth", r.cx(), r.bottom() + 22.0, &veth));
        if let Some(badge) = badge {
            let w = text_width(&badge, 5.6, 10.0) + 10.0;
            let frame = Rect { x: r.right() - w + 4.0, y: r.y - 7.0, w, h: 15.0 };
            let word = text("badge-text", r.right() - w / 2.0 + 4.0, r.y + 4.0, &badge);
            let class = class("badge", &[(drawn, "drawn")]);
            out.push(group(class, [rect("badge-box", &frame, 7.5), word]));
        }
        let states = [
            (drawn && !lit.passed, "drawn"),
            (self.is_absent(Kind::Pod(x.pod)), "absent"),
            (self.is_selected(&netns, None), "selected"),
        ];
        let mut pod = group(class("pod", &[&lit_states(lit)[..], &states].concat()), out)
            .control("data-host", netns.clone())
            .control("data-drag", format!("pod:{netns}"));
        if let Some(p) = own {
            pod = pod.control("data-deployment", format!("{}/{}", p.namespace, p.deployment));
        }
        pod.button(false).described(netns)
    }

    /// A hook with its tables, each by its first letter.
    pub(super) fn hook(&self, n: &NodeBox, h: Hook) -> Element {
        let r = n.hook(h);
        let asked = self.scene.tables.get(&(n.node, h));
        let table = |p: &Part| if let Part::Table(t) = p { Some(*t) } else { None };
        let tables: Vec<TableName> = h.parts().iter().filter_map(table).collect();
        let w = tables.len() as f32 * 15.0 - 3.0;
        let chips = tables.iter().enumerate().map(|(k, t)| {
            let state = asked.and_then(|a| a.iter().find(|(x, _)| x == t)).map(|x| x.1);
            let class = match state {
                Some(TableState::Now) => "table now",
                Some(TableState::Asked) => "table asked",
                Some(TableState::Skipped) => "table skipped",
                None => "table",
            };
            let x = r.cx() - w / 2.0 + k as f32 * 15.0;
            let chip = [
                rect("chip-box", &Rect { x, y: r.y + 18.0, w: 12.0, h: 12.5 }, 3.0),
                text("chip-text", x + 6.0, r.y + 27.5, &t.name()[..1]),
                path("strike", format!("M{} {}l12 -12.5", Px(x), Px(r.y + 30.5))),
            ];
            group(class, chip)
        });
        let halo = Rect { x: r.x - 3.5, y: r.y - 3.5, w: r.w + 7.0, h: r.h + 7.0 };
        let frame = [
            rect("halo", &halo, 9.0),
            rect("box", &r, 6.0),
            text("hook-name", r.cx(), r.y + 13.5, h.name()),
        ];
        let class = class("hook", &lit_states(self.lit(Spot::Hook(n.node, h))));
        group(class, frame.into_iter().chain(chips))
            .control("data-host", n.name.clone())
            .button(false)
            .described(&n.name)
    }

    /// A host outside of the cluster.
    pub(super) fn host(&self, h: &HostBox) -> Element {
        let r = &h.rect;
        let mut out = vec![rect("box", r, 8.0), text("host-name", r.x + 10.0, r.y + 17.0, &h.name)];
        if h.name != "gateway" {
            out.push(text("host-role", r.right() - 10.0, r.y + 17.0, self.text(Ui::Client)));
        }
        out.push(text("mono", r.x + 10.0, r.y + 33.0, &h.ip));
        let lit = lit_states(self.lit(Spot::Host(h.host)));
        let selected = (self.is_selected(&h.name, None), "selected");
        group(class("device host", &[&lit[..], &[selected]].concat()), out)
            .control("data-host", h.name.clone())
            .control("data-drag", format!("host:{}", h.name))
            .button(false)
    }
}

/// A node of many: its name, and a square for each pod.
fn tile(n: &NodeBox, pods: usize) -> Element {
    let (x, y) = (n.rect.x, n.rect.y);
    let square = |i: usize| {
        let (column, row) = ((i % SQUARES) as f32, (i / SQUARES) as f32);
        format!("M{} {}h6v6h-6z", Px(x + 9.0 + column * 8.5), Px(y + 24.0 + row * 9.0))
    };
    let squares: String = (0..pods.min(2 * SQUARES)).map(square).collect();
    let short: String = n.name.chars().take(10).collect();
    let shapes = [
        rect("box", &n.rect, 7.0),
        text("mono", x + 9.0, y + 16.0, &short),
        text("tile-count", n.rect.right() - 8.0, y + 16.0, &pods.to_string()),
        path("pods", squares),
    ];
    group("tile", shapes).control("data-host", n.name.clone()).button(n.node == 0)
}

/// The width of a text, in pixels: that of an ASCII character, and of any other.
fn text_width(text: &str, ascii: f32, other: f32) -> f32 {
    text.chars().map(|c| if c.is_ascii() { ascii } else { other }).sum()
}

//! Nodes, pods and hosts: their boxes and what is in them.

use super::element::{Element, Span, circle, group, path, rect, spans, text};
use super::{Picture, class, lit_states};
use crate::labels::{CommonAffixes, NetnsKind, shortened, text_width};
use crate::layout::{CHAR, Form, HostBox, NodeBox, PodBox, Rect};
use crate::px::Px;
use crate::scene::{Spot, TableState};
use crate::story::{Glyph, glyph_path};
use crate::thing::{daemon_stopped, device_down};
use crate::words::Ui;
use kube::cluster::Pod;
use kube::fault::Fault;
use kube::object::WorkloadKind;
use net::netfilter::{Hook, HookFunction, TableName};

/// The pitch of the squares of a tile; there are two rows of them.
const SQUARE: f32 = 10.0;

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
        if let Some((pods, name)) = &n.tile {
            return self.tile(n, *pods, name);
        }
        let (x, y) = (n.rect.x, n.rect.y);
        let (daemons, free) = if n.folded { (Vec::new(), n.rect.right()) } else { self.daemons(n) };
        let left = x + if n.folded { 4.0 } else { 8.0 };
        let name = self.layout.names.fit(&n.name, 13.5, free - left - 10.0);
        let w = text_width(&name, 13.5) + 8.0;
        let base = y + if n.form == Form::Tall { 19.0 } else { 17.0 };
        let title_box = Rect { x: left, y: base - 14.0, w, h: 19.0 };
        let title =
            [rect("title-box", &title_box, 5.0), text("node-name", left + 4.0, base, &name)];
        let mut title = group("title", title).control("data-host", n.name.clone());
        if let Some(tip) = self.tip_of(n, name != n.name) {
            title = title.tip(&tip);
        }
        let mut out = vec![rect("node-card", &n.rect, 10.0), title.button(n.node == 0)];
        let role = self.text(if n.control_plane { Ui::ControlPlane } else { Ui::Worker });
        let role_x = title_box.right() + 8.0;
        if !n.folded && role_x + text_width(role, 11.0) < free {
            out.push(text("role", role_x, base, role));
        }
        out.extend(daemons);
        out.push(rect("zone", &n.zone, 8.0));
        if !n.folded && n.form == Form::Tall {
            let middle = n.rect.x + n.rect.w / 2.0;
            out.push(text("zone-label", middle, n.zone.y + 11.5, self.text(Ui::Hooks)));
        }
        let states = [
            (n.folded, "folded"),
            (!self.faults(&n.name).is_empty(), "faulty"),
            (self.is_selected(&n.name, None), "selected"),
        ];
        group(class("card", &states), out)
            .control("data-drag", format!("node:{}", n.name))
            .control("data-host", n.name.clone())
    }

    /// Whether the daemons of a node run, and the x up to which the row is free.
    fn daemons(&self, n: &NodeBox) -> (Vec<Element>, f32) {
        let base = n.rect.y + if n.form == Form::Tall { 19.0 } else { 17.0 };
        let mut x = n.rect.right() - 12.0;
        let mut out = Vec::new();
        for d in self.cluster.daemons().into_iter().rev() {
            let runs = self.cluster.topology.runs(&n.name, d);
            let (dot, face, words) = if runs {
                ("dot-ok", "daemon", d.name().to_owned())
            } else {
                let words = format!("{} {}", d.name(), self.text(Ui::StoppedWord));
                ("dot-bad", "daemon stopped", words)
            };
            x -= text_width(&words, 11.0);
            out.push(circle(dot, (x - 8.0, base - 4.0), 2.5));
            out.push(text(face, x, base, &words));
            x -= 20.0;
        }
        (out, x)
    }

    /// A node of many: its name, and a square for each pod as far as there is room.
    fn tile(&self, n: &NodeBox, pods: usize, name: &str) -> Element {
        let (x, y) = (n.rect.x, n.rect.y);
        let columns = ((n.rect.w - 16.0 + 3.0) / SQUARE) as usize;
        let room = 2 * columns;
        let squares = if pods > room { columns } else { pods };
        let square = |i: usize| {
            let (column, row) = ((i % columns) as f32, (i / columns) as f32);
            format!("M{} {}h7v7h-7z", Px(x + 8.0 + column * SQUARE), Px(y + 22.0 + row * SQUARE))
        };
        let mut shapes = vec![
            rect("box", &n.rect, 7.0),
            text("mono", x + 7.0, y + 15.0, name),
            path("pods", (0..squares).map(square).collect::<String>()),
        ];
        if pods > squares {
            let more = format!("+{}", pods - squares);
            shapes.push(text("tile-count", n.rect.right() - 8.0, y + 40.0, &more));
        }
        let states = [
            (!self.faults(&n.name).is_empty(), "faulty"),
            (self.is_selected(&n.name, None), "selected"),
        ];
        let tile = group(class("tile", &states), shapes).control("data-host", n.name.clone());
        let tip = self.tip_of(n, name != n.name);
        let tile = if let Some(tip) = tip { tile.tip(&tip) } else { tile };
        tile.button(n.node == 0)
    }

    /// What is out of order in a node, in words: by a setting of the document, or at this moment.
    pub(super) fn faults(&self, name: &str) -> Vec<String> {
        let t = &self.cluster.topology;
        let ns = self.state.and_then(|state| state.ns_named(name));
        let down = ns.iter().flat_map(|(_, ns)| ns.devices.iter().filter(|d| !d.up));
        let stopped = self.cluster.daemons().into_iter();
        let stopped = stopped.filter(|d| !t.runs(name, *d)).map(|d| daemon_stopped(d, self.lang));
        let cut = t.faults.contains(&Fault::Cut(name.to_owned()));
        let cut = cut.then(|| self.text(Ui::CableCut).to_owned());
        let down = down.map(|d| device_down(&d.name, self.lang));
        cut.into_iter().chain(stopped).chain(down).collect()
    }

    /// The tip of a node: its whole name if it is shortened, and what is out of order, if that is
    /// not drawn.
    fn tip_of(&self, n: &NodeBox, is_short: bool) -> Option<String> {
        let faults = if n.folded { self.faults(&n.name) } else { Vec::new() };
        (is_short || !faults.is_empty())
            .then(|| [n.name.clone()].into_iter().chain(faults).collect::<Vec<_>>().join(" · "))
    }

    /// What is inside a node where nothing happens.
    pub(super) fn folded(&self, n: &NodeBox) -> Vec<Element> {
        let row = |r: &Rect, name: &str| {
            let name = shortened(name, ((r.w - 12.0) / CHAR) as usize);
            let name = text("mono", r.x + 7.0, r.cy() + 4.0, &name);
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
        out.extend(n.nics.iter().map(|nic| row(&nic.rect, &nic.name)));
        out
    }

    /// The devices of a node, and the routing decision between them.
    pub(super) fn devices(&self, n: &NodeBox) -> Vec<Element> {
        let i = n.node;
        let lit = |spot| lit_states(self.lit(spot));
        let (vx, vx_name, vx_addr, vx_second) = &n.vxlan;
        let ((rx, ry), rr) = n.route;
        let mut out = Vec::new();
        if let Some((more, r)) = &n.more {
            let count = text("pod-app", r.x + 10.0, r.cy() + 4.0, &format!("+{more}"));
            out.push(group("pod more", [rect("box", r, 8.0), count]));
        }
        out.extend(n.hosted.as_ref().map(|h| self.hosted(n, h)));
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
        for (k, nic) in n.nics.iter().enumerate() {
            let second = Some(nic.mac.as_str());
            let uplink = Device { name: &nic.name, addr: &nic.address, second, down: false };
            let r = &nic.rect;
            out.push(self.device(&lit(Spot::nic(i, k)), r, &n.name, &uplink));
            let jack = Rect { x: r.cx() - 8.0, y: r.bottom() - 2.0, w: 16.0, h: 5.0 };
            out.push(rect("jack", &jack, 2.0));
        }
        if let Some(r) = &n.docker0 {
            let second = Some(self.text(Ui::NoCarrier));
            let docker0 = Device { name: "docker0", addr: "", second, down: true };
            out.push(self.device(&[], r, &n.name, &docker0));
        }
        out
    }

    /// The pods on a node's own network: they have no device of their own.
    fn hosted(&self, n: &NodeBox, (r, apps, names): &(Rect, Vec<String>, Vec<String>)) -> Element {
        let first = apps.first().map(String::as_str).unwrap_or_default();
        let app = self.layout.apps.fit(first, 12.0, r.w - 16.0);
        let more = match apps.len() {
            1 => "hostNetwork".to_owned(),
            n => format!("+{} hostNetwork", n - 1),
        };
        let second = shortened(&more, ((r.w - 12.0) / CHAR) as usize);
        let (y, below) = if n.form == Form::Tall { (17.0, 32.0) } else { (14.0, 28.0) };
        let words = [
            rect("box", r, 8.0),
            text("pod-app", r.x + 9.0, r.y + y, &app),
            text("mono", r.x + 7.0, r.y + below, &second),
        ];
        group("pod hosted", words).control("data-host", n.name.clone()).tip(&names.join(" · "))
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
        let tall = r.h > 30.0;
        let chars = ((r.w - 14.0) / CHAR) as usize;
        let name = shortened(d.name, chars);
        // An address that is longer than its device stands in the second line.
        let fits = name.len() + 1 + d.addr.len() <= chars;
        let (addr, second) = match (fits, tall) {
            (true, true) => (d.addr, second),
            (true, false) => (d.addr, None),
            (false, true) => ("", Some(d.addr).filter(|_| up).or(second)),
            (false, false) => ("", None),
        };
        let y = if second.is_some() { r.y + 15.0 } else { r.cy() + 4.0 };
        let words = [
            Span { class: Some("dev-name"), room: None, text: &name },
            Span { class: None, room: Some(6.0), text: addr },
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
        let tall = n.form == Form::Tall;
        let badge = if drawn {
            Some(self.text(if s.chosen { Ui::Chosen } else { Ui::Drawn }).to_owned())
        } else {
            s.chances.get(&x.pod).map(|c| if *c == 0 { "<1%".to_owned() } else { format!("{c}%") })
        };
        let badge_w = badge.as_ref().map_or(0.0, |b| text_width(b, 9.5) + 8.0);
        let app = self.layout.apps.fit(&x.app, 12.0, r.w - 16.0 - badge_w);
        let app_w = text_width(&app, 12.0) + 6.0;
        let suffix_w = x.suffix.len() as f32 * CHAR;
        let fits = tall && badge.is_none() && app_w + suffix_w + 16.0 < r.w;
        let veth = if n.pods.len() > 3 {
            format!("veth…{}", &x.veth[x.veth.len().saturating_sub(4)..])
        } else {
            x.veth.clone()
        };
        let tab = Rect { x: r.cx() - 17.0, y: r.bottom() - 7.0, w: 34.0, h: 14.0 };
        let (first, second) = if tall { (17.0, 32.0) } else { (14.0, 28.0) };
        let mut out = vec![rect("box", r, 8.0), text("pod-app", r.x + 9.0, r.y + first, &app)];
        if fits {
            out.push(text("pod-suffix", r.x + 9.0 + app_w, r.y + first, &x.suffix));
        }
        out.push(text("mono", r.x + 9.0, r.y + second, &x.ip));
        if tall {
            out.push(rect("eth0", &tab, 4.0));
            out.push(text("eth0-name", tab.cx(), tab.y + 10.5, "eth0"));
            out.push(text("veth", r.cx(), r.bottom() + 20.0, &veth));
        }
        if let Some(badge) = badge {
            let frame = Rect { x: r.right() - badge_w - 4.0, y: r.y + 4.0, w: badge_w, h: 15.0 };
            let word = text("badge-text", frame.cx(), frame.y + 11.0, &badge);
            let class = class("badge", &[(drawn, "drawn")]);
            out.push(group(class, [rect("badge-box", &frame, 7.5), word]));
        }
        let states = [
            (drawn && !lit.passed, "drawn"),
            (self.is_absent(NetnsKind::Pod(x.pod)), "absent"),
            (self.is_selected(&netns, None), "selected"),
        ];
        let mut pod = group(class("pod", &[&lit_states(lit)[..], &states].concat()), out)
            .control("data-host", netns.clone())
            .control("data-drag", format!("pod:{netns}"));
        if let Some(p) = own.filter(|p| p.owner.kind == WorkloadKind::Deployment) {
            pod = pod.control("data-deployment", format!("{}/{}", p.namespace, p.owner.name));
        }
        if !fits || app != x.app {
            pod = pod.tip(&netns);
        }
        pod.button(false).described(netns)
    }

    /// A hook with its tables, each by its first letter.
    pub(super) fn hook(&self, n: &NodeBox, h: Hook) -> Element {
        let r = n.hook(h);
        let asked = self.scene.tables.get(&(n.node, h));
        let table = |p: &HookFunction| if let HookFunction::Table(t) = p { Some(*t) } else { None };
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
                rect("chip-box", &Rect { x, y: r.y + 17.0, w: 12.0, h: 12.5 }, 3.0),
                text("chip-text", x + 6.0, r.y + 26.5, &t.name()[..1]),
                path("strike", format!("M{} {}l12 -12.5", Px(x), Px(r.y + 29.5))),
            ];
            group(class, chip)
        });
        let halo = Rect { x: r.x - 3.5, y: r.y - 3.5, w: r.w + 7.0, h: r.h + 7.0 };
        let frame = [
            rect("halo", &halo, 9.0),
            rect("box", &r, 6.0),
            text("hook-name", r.cx(), r.y + 13.0, h.name()),
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
        let name = CommonAffixes::default().fit(&h.name, 12.5, r.w - 18.0);
        let role = self.text(if h.is_router { Ui::Router } else { Ui::Client });
        let fits = text_width(&name, 12.5) + text_width(role, 11.0) + 28.0 < r.w;
        let mut out = vec![rect("box", r, 8.0), text("host-name", r.x + 10.0, r.y + 16.0, &name)];
        if h.name != "gateway" && fits {
            out.push(text("host-role", r.right() - 10.0, r.y + 16.0, role));
        }
        out.push(text("mono", r.x + 10.0, r.y + 32.0, &h.ip));
        let lit = lit_states(self.lit(Spot::Host(h.host)));
        let selected = (self.is_selected(&h.name, None), "selected");
        group(class("device host", &[&lit[..], &[selected]].concat()), out)
            .control("data-host", h.name.clone())
            .control("data-drag", format!("host:{}", h.name))
            .button(false)
    }
}

/// The tile that stands for the nodes without one of their own.
pub(super) fn more(count: usize, r: &Rect) -> Element {
    let count = text("tile-more", r.cx(), r.cy() + 4.0, &format!("+{count}"));
    group("tile more", [rect("box", r, 7.0), count]).control("data-more", "").button(false)
}

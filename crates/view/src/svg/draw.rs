//! The pieces of the picture, as the page draws them: same shapes, same classes. A test of the page
//! compares the two.

use super::writer::SvgWriter;
use crate::app::{App, Loaded};
use crate::labels::Kind;
use crate::layout::{NodeBox, PodBox, Rect};
use crate::px::Px;
use crate::scene::{Capsule, Lit, Other, Scene, Segment, Spot, TableState, links};
use crate::story::{Glyph, glyph_path};
use crate::words::{Ui, ui};
use kube::fault::{Daemon, Fault};
use net::netfilter::{Hook, Part, TableName};

/// Where a piece stands: pieces are drawn in this order.
pub(super) type Place = (u8, usize, usize);

/// What the picture is made from.
pub(super) struct Draw<'a> {
    pub(super) app: &'a App,
    pub(super) l: &'a Loaded,
    pub(super) scene: &'a Scene,
}

/// The layer of the capsule.
pub(super) const CAPSULE: u8 = 7;

impl Draw<'_> {
    fn text(&self, text: Ui) -> &'static str {
        ui(text, self.app.lang)
    }

    /// Every piece, but for the capsule.
    pub(super) fn pieces(&self, put: &mut dyn FnMut(Place, String)) {
        let mut piece = |place: Place, class: &str, draw: &dyn Fn(&mut SvgWriter)| {
            let mut svg = SvgWriter::default();
            svg.group(class, |svg| draw(svg));
            put(place, svg.0);
        };
        let (layout, s) = (&self.l.layout, self.scene);
        for (i, n) in layout.nodes.iter().enumerate() {
            piece((0, i, 0), "cards", &|svg| self.card(svg, n));
        }
        piece((1, 0, 0), "lan", &|svg| self.lan(svg));
        piece((2, 0, 0), "wires", &|svg| {
            layout.nodes.iter().flat_map(|n| links(layout, n)).for_each(|d| svg.path("wire", &d))
        });
        for (i, t) in s.trail.iter().enumerate() {
            piece((3, i, 0), "trails", &|svg| segment(svg, t));
        }
        for (i, n) in layout.nodes.iter().enumerate().filter(|(_, n)| n.tile.is_none()) {
            if n.folded {
                piece((4, i, 0), "things", &|svg| self.folded(svg, n));
                continue;
            }
            let class = if s.absent.contains(&Kind::Node(n.node)) { "node absent" } else { "node" };
            for (k, x) in n.pods.iter().enumerate() {
                piece((4, i, k), class, &|svg| self.pod(svg, n, x));
            }
            piece((4, i, 1000), class, &|svg| self.devices(svg, n));
            for (k, (h, r)) in n.hooks.iter().enumerate() {
                piece((4, i, 1001 + k), class, &|svg| self.hook(svg, n, *h, r));
            }
        }
        for (i, h) in layout.hosts.iter().enumerate() {
            piece((5, i, 0), "hosts", &|svg| self.host(svg, h));
        }
        for (i, o) in s.others.iter().enumerate() {
            piece((6, i, 0), "others", &|svg| other(svg, o));
        }
    }

    fn card(&self, svg: &mut SvgWriter, n: &NodeBox) {
        if let Some(pods) = n.tile {
            let square = |i: usize| {
                format!(
                    "M{} {}h6v6h-6z",
                    Px(n.rect.x + 9.0 + (i % 11) as f32 * 8.5),
                    Px(n.rect.y + 24.0 + (i / 11) as f32 * 9.0)
                )
            };
            let squares: String = (0..pods.min(22)).map(square).collect();
            let short: String = n.name.chars().take(10).collect();
            return svg.group("tile", |svg| {
                svg.rect("box", &n.rect, 7.0);
                svg.text("mono", n.rect.x + 9.0, n.rect.y + 16.0, &short);
                svg.text("tile-count", n.rect.right() - 8.0, n.rect.y + 16.0, &pods.to_string());
                svg.path("pods", &squares);
            });
        }
        if n.folded {
            return svg.group("card folded", |svg| {
                svg.rect("node-card", &n.rect, 10.0);
                svg.text("node-name", n.rect.x + 10.0, n.rect.y + 22.0, &n.name);
                svg.rect("zone", &n.zone, 8.0);
            });
        }
        let role = self.text(if n.control_plane { Ui::ControlPlane } else { Ui::Worker });
        let name_w = n.name.chars().count() as f32 * 8.2 + 10.0;
        svg.group("card", |svg| {
            svg.rect("node-card", &n.rect, 10.0);
            svg.text("node-name", n.rect.x + 12.0, n.rect.y + 22.0, &n.name);
            let mut x = n.rect.right() - 12.0;
            for d in [Daemon::Flanneld, Daemon::KubeProxy] {
                let runs = self.l.session.cluster().topology.runs(&n.name, d);
                let said = if runs {
                    d.name().to_owned()
                } else {
                    format!("{} {}", d.name(), self.text(Ui::StoppedWord))
                };
                x -= said.chars().map(|c| if c.is_ascii() { 5.9 } else { 11.0 }).sum::<f32>();
                let dot = if runs { "dot-ok" } else { "dot-bad" };
                svg.0 += &format!(
                    "<circle class=\"{dot}\" cx=\"{}\" cy=\"{}\" r=\"2.5\"/>",
                    Px(x - 8.0),
                    Px(n.rect.y + 17.0)
                );
                svg.text(if runs { "daemon" } else { "daemon stopped" }, x, n.rect.y + 21.0, &said);
                x -= 20.0;
            }
            let role_x = n.rect.x + 12.0 + name_w;
            if role_x + role.chars().map(|c| if c.is_ascii() { 5.3 } else { 10.0 }).sum::<f32>()
                < x + 6.0
            {
                svg.text("role", role_x, n.rect.y + 21.0, role);
            }
            svg.rect("zone", &n.zone, 8.0);
            svg.text(
                "zone-label",
                n.rect.x + n.rect.w / 2.0,
                n.zone.y + 10.0,
                self.text(Ui::Hooks),
            );
        });
    }

    fn lan(&self, svg: &mut SvgWriter) {
        let (l, t) = (&self.l.layout, &self.l.session.cluster().topology);
        let down = |svg: &mut SvgWriter, x: f32, y1: f32, y2: f32, name: &str| {
            if !t.faults.contains(&Fault::Cut(name.to_owned())) {
                return svg.path("wire", &format!("M{} {}V{}", Px(x), Px(y1), Px(y2)));
            }
            let y = (y1 + y2) / 2.0;
            svg.group("cut", |svg| {
                svg.path(
                    "wire",
                    &format!(
                        "M{} {}V{}M{} {}V{}",
                        Px(x),
                        Px(y1),
                        Px(y - 7.0),
                        Px(x),
                        Px(y + 7.0),
                        Px(y2)
                    ),
                );
                svg.path("cross", &format!("M{} {}l8 8m0 -8l-8 8", Px(x - 4.0), Px(y - 4.0)));
            });
        };
        for n in l.nodes.iter().filter(|n| n.tile.is_none()) {
            down(svg, n.nic.0.cx(), n.nic.0.bottom(), l.lan.cy(), &n.name);
        }
        for h in &l.hosts {
            down(svg, h.rect.cx(), l.lan.cy(), h.rect.y, &h.name);
        }
        svg.rect("lan-line", &l.lan, 3.0);
        svg.text("lan-label", l.lan.right(), l.lan.bottom() + 15.0, &l.lan_label);
    }

    fn is_up(&self, host: &str, dev: &str) -> bool {
        let ns = self.app.timeline.as_ref().and_then(|t| t.state().ns_named(host));
        ns.and_then(|(_, ns)| ns.dev_named(dev)).is_none_or(|(_, d)| d.up)
    }

    fn device(
        &self,
        svg: &mut SvgWriter,
        class: &str,
        r: &Rect,
        host: &str,
        (name, addr, second): (&str, &str, Option<&str>),
    ) {
        let up = self.is_up(host, name);
        let second = if up { second } else { Some(self.text(Ui::IsDown)) };
        let y = if second.is_some() && r.h > 30.0 { r.y + 15.0 } else { r.cy() + 4.0 };
        svg.group(&format!("device {class}{}", if up { "" } else { " down" }), |svg| {
            svg.rect("box", r, 6.0);
            svg.spans("mono", (r.x + 9.0, y), &[("dev-name", 0.0, name), ("", 6.0, addr)]);
            if let Some(s) = second.filter(|_| r.h > 30.0) {
                svg.text("second", r.x + 9.0, r.y + 28.0, s);
            }
        });
    }

    fn devices(&self, svg: &mut SvgWriter, n: &NodeBox) {
        let i = n.node;
        let lit = |spot| lit_classes(self.scene.lit.get(&spot));
        let (vx, vx_name, vx_addr, vx_second) = &n.vxlan;
        let (nic, nic_name, nic_addr, nic_mac) = &n.nic;
        let ((rx, ry), rr) = n.route;
        if let Some((more, r)) = &n.more {
            svg.group("pod more", |svg| {
                svg.rect("box", r, 8.0);
                svg.text("pod-app", r.x + 10.0, r.cy() + 4.0, &format!("+{more}"));
            });
        }
        self.device(svg, &lit(Spot::Bridge(i)), &n.cni0.0, &n.name, ("cni0", &n.cni0.1, None));
        svg.group(&format!("route {}", lit(Spot::Route(i))), |svg| {
            svg.0 += &format!(
                "<circle class=\"box\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
                Px(rx),
                Px(ry),
                Px(rr)
            );
            let (x, y) = (Px(rx - 8.0), Px(ry - 8.0));
            svg.0 += &format!(
                "<path class=\"sign\" transform=\"translate({x} {y})\" d=\"{}\"/>",
                glyph_path(Glyph::Route)
            );
        });
        if self.is_bridged(i) {
            svg.text("bridged", rx, ry + 24.0, self.text(Ui::Bridged));
        }
        svg.group(&format!("vtep {}", lit(Spot::Vxlan(i))), |svg| {
            self.device(svg, "", vx, &n.name, (vx_name, vx_addr, Some(vx_second)));
            svg.rect(
                "skin",
                &Rect { x: vx.x + 3.0, y: vx.y + 3.0, w: vx.w - 6.0, h: vx.h - 6.0 },
                4.0,
            );
        });
        self.device(svg, &lit(Spot::Nic(i)), nic, &n.name, (nic_name, nic_addr, Some(nic_mac)));
        svg.rect("jack", &Rect { x: nic.cx() - 8.0, y: nic.bottom() - 2.0, w: 16.0, h: 5.0 }, 2.0);
        if let Some(d) = &n.docker0 {
            self.device(svg, "down", d, &n.name, ("docker0", "", Some(self.text(Ui::NoCarrier))));
        }
    }

    /// What went through was bridged, not routed.
    fn is_bridged(&self, node: usize) -> bool {
        let s = self.scene;
        let forwarded = s.lit.get(&Spot::Hook(node, Hook::Forward)).is_some_and(|l| l.passed);
        s.trail.iter().any(|t| t.been) && forwarded && s.lit.get(&Spot::Route(node)).is_none()
    }

    fn folded(&self, svg: &mut SvgWriter, n: &NodeBox) {
        let row = |svg: &mut SvgWriter, r: &Rect, name: &str| {
            svg.group("device", |svg| {
                svg.rect("box", r, 6.0);
                svg.text("mono", r.x + 8.0, r.cy() + 4.0, name);
            });
        };
        svg.group("node folded", |svg| {
            if let Some((count, r)) = &n.more {
                row(
                    svg,
                    r,
                    &format!("{count} {}", self.text(if *count == 1 { Ui::Pod } else { Ui::Pods })),
                );
            }
            row(svg, &n.cni0.0, "cni0");
            for (_, r) in &n.hooks {
                svg.group("hook", |svg| svg.rect("box", r, 3.0));
            }
            row(svg, &n.vxlan.0, &n.vxlan.1);
            row(svg, &n.nic.0, &n.nic.1);
        });
    }

    fn pod(&self, svg: &mut SvgWriter, n: &NodeBox, x: &PodBox) {
        let s = self.scene;
        let lit = s.lit.get(&Spot::Pod(x.pod));
        let drawn = s.drawn == Some(x.pod);
        let open = drawn && !lit.is_some_and(|l| l.passed);
        let absent = s.absent.contains(&Kind::Pod(x.pod));
        let r = &x.rect;
        let tab = Rect { x: r.cx() - 17.0, y: r.bottom() - 7.0, w: 34.0, h: 14.0 };
        let badge = if drawn {
            Some(self.text(if s.chosen { Ui::Chosen } else { Ui::Drawn }).to_owned())
        } else {
            s.chances.get(&x.pod).map(|c| if *c == 0 { "<1%".to_owned() } else { format!("{c}%") })
        };
        let veth = if n.pods.len() > 3 {
            format!("veth…{}", &x.veth[x.veth.len().saturating_sub(4)..])
        } else {
            x.veth.clone()
        };
        let app: String = if r.w < 100.0 && x.app.chars().count() > 8 {
            format!("{}…", x.app.chars().take(7).collect::<String>())
        } else {
            x.app.clone()
        };
        let app_w = app.chars().count() as f32 * 7.0 + 6.0;
        let class = format!(
            "pod {}{}{}",
            lit_classes(lit),
            if open { " drawn" } else { "" },
            if absent { " absent" } else { "" }
        );
        svg.group(&class, |svg| {
            svg.rect("box", r, 8.0);
            svg.text("pod-app", r.x + 9.0, r.y + 18.0, &app);
            if app_w + x.suffix.len() as f32 * 6.0 + 18.0 < r.w {
                svg.text("pod-suffix", r.x + 9.0 + app_w, r.y + 18.0, &x.suffix);
            }
            svg.text("mono", r.x + 9.0, r.y + 34.0, &x.ip);
            svg.rect("eth0", &tab, 4.0);
            svg.text("eth0-name", tab.cx(), tab.y + 10.5, "eth0");
            svg.text("veth", r.cx(), r.bottom() + 22.0, &veth);
            if let Some(b) = badge {
                let w =
                    b.chars().map(|c| if c.is_ascii() { 5.6 } else { 10.0 }).sum::<f32>() + 10.0;
                svg.group(if drawn { "badge drawn" } else { "badge" }, |svg| {
                    svg.rect(
                        "badge-box",
                        &Rect { x: r.right() - w + 4.0, y: r.y - 7.0, w, h: 15.0 },
                        7.5,
                    );
                    svg.text("badge-text", r.right() - w / 2.0 + 4.0, r.y + 4.0, &b);
                });
            }
        });
    }

    fn hook(&self, svg: &mut SvgWriter, n: &NodeBox, h: Hook, r: &Rect) {
        let asked = self.scene.tables.get(&(n.node, h));
        let tables: Vec<TableName> = h
            .parts()
            .iter()
            .filter_map(|p| if let Part::Table(t) = p { Some(*t) } else { None })
            .collect();
        let w = tables.len() as f32 * 15.0 - 3.0;
        svg.group(
            &format!("hook {}", lit_classes(self.scene.lit.get(&Spot::Hook(n.node, h)))),
            |svg| {
                svg.rect(
                    "halo",
                    &Rect { x: r.x - 3.5, y: r.y - 3.5, w: r.w + 7.0, h: r.h + 7.0 },
                    9.0,
                );
                svg.rect("box", r, 6.0);
                svg.text("hook-name", r.cx(), r.y + 13.5, h.name());
                for (k, t) in tables.iter().enumerate() {
                    let class =
                        match asked.and_then(|a| a.iter().find(|(x, _)| x == t)).map(|x| x.1) {
                            Some(TableState::Now) => "table now",
                            Some(TableState::Asked) => "table asked",
                            Some(TableState::Skipped) => "table skipped",
                            None => "table",
                        };
                    let x = r.cx() - w / 2.0 + k as f32 * 15.0;
                    svg.group(class, |svg| {
                        svg.rect("chip-box", &Rect { x, y: r.y + 18.0, w: 12.0, h: 12.5 }, 3.0);
                        svg.text("chip-text", x + 6.0, r.y + 27.5, &t.name()[..1]);
                        svg.path("strike", &format!("M{} {}l12 -12.5", Px(x), Px(r.y + 30.5)));
                    });
                }
            },
        );
    }

    fn host(&self, svg: &mut SvgWriter, h: &crate::layout::HostBox) {
        svg.group(
            &format!("device host {}", lit_classes(self.scene.lit.get(&Spot::Host(h.host)))),
            |svg| {
                svg.rect("box", &h.rect, 8.0);
                svg.text("host-name", h.rect.x + 10.0, h.rect.y + 17.0, &h.name);
                if h.name != "gateway" {
                    svg.text(
                        "host-role",
                        h.rect.right() - 10.0,
                        h.rect.y + 17.0,
                        self.text(Ui::Client),
                    );
                }
                svg.text("mono", h.rect.x + 10.0, h.rect.y + 33.0, &h.ip);
            },
        );
    }
}

/// The classes of a lit place.
fn lit_classes(lit: Option<&Lit>) -> String {
    let lit = lit.copied().unwrap_or_default();
    let all = [
        (lit.passed, "passed"),
        (lit.shell, "shell"),
        (lit.now, "now"),
        (lit.lost, "lost"),
        (lit.ahead && !lit.passed && !lit.shell, "ahead"),
    ];
    all.iter().filter(|(on, _)| *on).map(|(_, class)| *class).collect::<Vec<_>>().join(" ")
}

fn segment(svg: &mut SvgWriter, t: &Segment) {
    let class = format!(
        "trail {}{}{}",
        if t.been { "been" } else { "ahead" },
        if t.shell { " shell" } else { "" },
        if t.reply { " reply" } else { "" }
    );
    let arrow = match (t.been, t.shell) {
        (false, _) => "",
        (true, true) => " marker-end=\"url(#arrow-out)\"",
        (true, false) => " marker-end=\"url(#arrow-in)\"",
    };
    svg.0 += &format!("<path class=\"{class}\" d=\"{}\"{arrow}/>", t.d);
    if t.been && t.reply {
        svg.path("hollow", &t.d);
    }
}

fn other(svg: &mut SvgWriter, o: &Other) {
    let short: String = o.kind.chars().take(5).collect();
    svg.group(if o.shell { "other shell" } else { "other" }, |svg| {
        svg.rect("pill-box", &Rect { x: o.at.0 - 17.0, y: o.at.1 - 8.0, w: 34.0, h: 16.0 }, 8.0);
        svg.text("pill-text", o.at.0, o.at.1 + 3.5, &short);
        if o.more > 0 {
            svg.text("pill-more", o.at.0 + 22.0, o.at.1 + 3.5, &format!("+{}", o.more));
        }
    });
}

/// The capsule around the origin; its place is that of the group it stands in.
pub(super) fn capsule(svg: &mut SvgWriter, c: &Capsule) {
    let (w, h) = c.size;
    let frame = Rect { x: -w / 2.0, y: -h / 2.0, w, h };
    let lost = if c.lost { " lost" } else { "" };
    if let Some((outer, udp)) = &c.shell {
        let own = Rect { x: frame.x + 9.0, y: frame.y + 41.0, w: w - 18.0, h: 21.0 };
        return svg.group(&format!("capsule{lost} wrapped"), |svg| {
            svg.rect("shell-box", &frame, 10.0);
            svg.text("shell-text", 0.0, frame.y + 16.0, outer);
            svg.text("shell-text", 0.0, frame.y + 31.0, udp);
            svg.rect("packet-box", &own, 7.0);
            let ends = format!("{} → {}", c.src, c.dst);
            svg.spans(
                "packet-text mid",
                (0.0, own.y + 14.5),
                &[("kind", 0.0, &c.kind), ("", 6.0, &ends)],
            );
        });
    }
    svg.group(&format!("capsule{lost}"), |svg| {
        svg.rect("packet-box", &frame, 8.0);
        if let Some(x) = c.notch {
            let x = (x - c.at.0).clamp(-w / 2.0 + 14.0, w / 2.0 - 14.0);
            svg.path("notch", &format!("M{} {}l7 8 7 -8z", Px(x - 7.0), Px(h / 2.0 - 0.5)));
        }
        line(
            svg,
            (frame.x + 10.0, frame.y + 16.5),
            Some(&c.kind),
            (&c.src, c.old_src.as_deref()),
            c.mark.as_deref(),
        );
        line(svg, (frame.x + 10.0, frame.y + 33.0), None, (&c.dst, c.old_dst.as_deref()), None);
        if c.lost {
            svg.path(
                "crack",
                &format!(
                    "M{} {}l-6 9 8 6 -8 8 7 {}",
                    Px(w * 0.12),
                    Px(frame.y - 2.0),
                    Px(h - 19.0)
                ),
            );
        }
    });
}

/// A row of the capsule: an old value struck before the new one on yellow.
fn line(
    svg: &mut SvgWriter,
    (x, y): (f32, f32),
    kind: Option<&str>,
    (value, old): (&str, Option<&str>),
    mark: Option<&str>,
) {
    const CHAR: f32 = 6.6;
    let lead = kind.map_or(2, |k| k.len() + 1) as f32 * CHAR;
    let old_w = old.map_or(0.0, |o| (o.len() + 1) as f32 * CHAR);
    let new = Rect {
        x: x + lead + old_w - 3.0,
        y: y - 11.5,
        w: value.len() as f32 * CHAR + 6.0,
        h: 15.5,
    };
    let mark_x = new.right() + 8.0;
    match kind {
        Some(k) => svg.text("packet-text kind", x, y, k),
        None => svg.path("to", &format!("M{} {}h9m-3 -3 3 3 -3 3", Px(x), Px(y - 4.0))),
    }
    if let Some(o) = old {
        svg.text("packet-text old", x + lead, y, o);
        svg.rect("new-box", &new, 4.0);
    }
    svg.text(
        if old.is_some() { "packet-text new" } else { "packet-text" },
        x + lead + old_w,
        y,
        value,
    );
    if let Some(m) = mark {
        svg.group("mark", |svg| {
            svg.rect(
                "mark-box",
                &Rect { x: mark_x - 4.0, y: y - 11.0, w: m.len() as f32 * CHAR + 8.0, h: 14.5 },
                4.0,
            );
            svg.text("packet-text", mark_x, y, m);
        });
    }
}

//! The diagram. Everything is placed by attributes; the capsule's place is set outside the markup.

use super::{Page, icons};
use crate::viewport::{self, Touch, view_box};
use kube::change::Change;
use kube::fault::{Daemon, Fault};
use kube::topology::Topology;
use net::netfilter::{Hook, Part, TableName};
use std::hash::Hash;
use view::app::{Action, Selected};
use view::labels::Kind;
use view::layout::{Layout, NodeBox, PodBox, Rect};
use view::px::Px;
use view::scene::{Capsule, Lit, Scene, Spot, TableState, links};
use view::words::Ui;
use yew::prelude::*;

pub(crate) fn diagram(p: &Page<'_>) -> Html {
    let Some(l) = &p.app.loaded else {
        return html! { <div class="empty">{ p.text(Ui::Loading) }</div> };
    };
    let (layout, scene) = (&l.layout, p.scene);
    let summary = p.scene.capsule.as_ref().map_or_else(
        || p.text(Ui::Diagram).to_owned(),
        |c| format!("{} {} → {}", c.kind, c.src, c.dst),
    );
    let camera = p.page.camera.get().unwrap_or_else(|| viewport::fit(p.app, scene));
    html! {
        <div class={classes!("diagram", p.app.stale.then_some("stale"))}>
            { p.still(legend) }
            <div class="stale-note" role="status">if p.app.stale { <span>{ p.text(Ui::LastValid) }</span> }</div>
            <svg class="picture" ref={p.page.picture.clone()} role="group" aria-label={summary} viewBox={view_box(camera)} preserveAspectRatio="xMidYMid meet"
                onpointerdown={p.touch(Touch::Down)} onpointermove={p.touch(Touch::Move)} onpointerup={p.touch(Touch::Up)} onpointercancel={p.touch(|_| Touch::Cancel)}>
                { defs() }
                { p.still(cards) }
                { p.part(trails, 0, &scene.trail) }
                <g class="things">{ for layout.nodes.iter().enumerate().filter(|(_, n)| n.tile.is_none()).map(|(i, n)| p.part(node, i, seen_of(p, n))) }</g>
                <g class="hosts">{ for layout.hosts.iter().enumerate().map(|(i, h)| p.part(host, i, scene.lit.get(&Spot::Host(h.host)))) }</g>
                <g class="others">{ for scene.others.iter().map(other) }</g>
                <g class="capsule-place" ref={p.page.capsule.clone()}>{ scene.capsule.as_ref().map(capsule).unwrap_or_else(|| html! { <g></g> }) }</g>
                <path class="ghost" ref={p.page.ghost.clone()} d="" />
            </svg>
            { p.still(zoom) }
        </div>
    }
}

/// Everything that stays where it is.
fn cards(p: &Page<'_>) -> Html {
    let Some(l) = &p.app.loaded else { return html! { <g></g> } };
    let layout = &l.layout;
    let wires = layout.nodes.iter().flat_map(|n| links(layout, n)).enumerate();
    html! {
        <g>
            <g class="cards">{ for layout.nodes.iter().map(|n| card(p, n)) }</g>
            { lan(layout, &l.session.cluster().topology) }
            <g class="wires">{ for wires.map(|(i, d)| html! { <path key={i} class="wire" d={d} /> }) }</g>
        </g>
    }
}

fn zoom(p: &Page<'_>) -> Html {
    html! {
        <div class="zoom">
            <button type="button" class="tool" aria-label={p.text(Ui::ZoomIn)} title={p.text(Ui::ZoomIn)} onclick={p.touch(|_: MouseEvent| Touch::Zoom(1.3))}>{ icons::icon("plus") }</button>
            <button type="button" class="tool" aria-label={p.text(Ui::ZoomOut)} title={p.text(Ui::ZoomOut)} onclick={p.touch(|_: MouseEvent| Touch::Zoom(1.0 / 1.3))}>{ icons::icon("minus") }</button>
            <button type="button" class="tool" aria-label={p.text(Ui::Fit)} title={p.text(Ui::Fit)} onclick={p.touch(|_: MouseEvent| Touch::Fit)}>{ icons::icon("fit") }</button>
        </div>
    }
}

fn legend(p: &Page<'_>) -> Html {
    let add = |what: Ui, change: Change| html! { <button type="button" class="menu-item" onclick={p.act(Action::Change(change))}>{ p.text(what) }</button> };
    html! {
        <div class="legend">
            <button type="button" class={classes!("filter", p.app.focus.then_some("here"))} aria-pressed={p.app.focus.to_string()} onclick={p.act(Action::Focus(!p.app.focus))}>{ p.text(Ui::Focus) }</button>
            if !p.embed() {
                <details class="menu adder">
                    <summary class="filter">{ icons::icon("plus") }<span>{ p.text(Ui::Add) }</span></summary>
                    <div class="menu-list">
                        { add(Ui::AddNode, Change::AddNode) }
                        { add(Ui::AddHost, Change::AddHost) }
                        { add(Ui::AddDeployment, Change::AddDeployment) }
                    </div>
                </details>
            }
            <div class="services">{ for services(p) }</div>
            <div class="keys">
                <span class="key been">{ p.text(Ui::Been) }</span>
                <span class="key ahead">{ p.text(Ui::WillGo) }</span>
                <span class="key vx">{ p.text(Ui::InVxlan) }</span>
            </div>
        </div>
    }
}

/// The Services that are written in the text, as chips.
fn services(p: &Page<'_>) -> Vec<Html> {
    let Some(l) = p.app.loaded.as_ref().filter(|_| !p.embed()) else { return Vec::new() };
    let written = l.session.cluster().services.iter().filter(|s| s.span.is_some());
    let chip = |s: &kube::cluster::RunningService| {
        let host = format!("svc/{}/{}", s.namespace, s.name);
        let here = p.app.selected.as_ref().is_some_and(|x| x.host == host);
        let port = s.ports.first().map(|x| {
            x.node_port.map_or_else(|| format!(":{}", x.port), |n| format!(":{}·{n}", x.port))
        });
        let select = Action::Select(Some(Selected { host: host.clone(), device: None }));
        html! {
            <button key={host} type="button" class={classes!("filter", "service", here.then_some("here"))} aria-pressed={here.to_string()} onclick={p.act(select)} lang="en">
                { format!("svc {}{}", s.name, port.unwrap_or_default()) }
            </button>
        }
    };
    written.take(6).map(chip).collect()
}

/// A packet on its way that is not the one that is followed.
fn other(o: &view::scene::Other) -> Html {
    let r = Rect { x: o.at.0 - 17.0, y: o.at.1 - 8.0, w: 34.0, h: 16.0 };
    let short: String = o.kind.chars().take(5).collect();
    html! {
        <g key={o.id.0} class={classes!("other", o.shell.then_some("shell"))} data-packet={o.id.0.to_string()} role="button" tabindex="-1">
            <desc>{ o.id.0 }</desc>
            { rect("pill-box", &r, 8.0) }
            { text("pill-text", o.at.0, o.at.1 + 3.5, &short) }
            if o.more > 0 { { text("pill-more", o.at.0 + 22.0, o.at.1 + 3.5, &format!("+{}", o.more)) } }
        </g>
    }
}

fn defs() -> Html {
    let arrow = |id: &'static str, class: &'static str| {
        html! {
            <marker id={id} viewBox="0 0 8 8" refX="5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class={class} d="M1 1 6 4 1 7" /></marker>
        }
    };
    html! { <defs>{ arrow("arrow-in", "head-in") }{ arrow("arrow-out", "head-out") }</defs> }
}

fn px(v: f32) -> String {
    Px(v).to_string()
}

fn rect(class: impl Into<Classes>, r: &Rect, rx: f32) -> Html {
    html! { <rect class={class.into()} x={px(r.x)} y={px(r.y)} width={px(r.w)} height={px(r.h)} rx={px(rx)} /> }
}

fn text(class: &'static str, x: f32, y: f32, t: &str) -> Html {
    html! { <text class={class} x={px(x)} y={px(y)}>{ t }</text> }
}

/// The classes of a lit place.
fn lit_classes(lit: Option<&Lit>) -> Classes {
    let lit = lit.copied().unwrap_or_default();
    classes!(
        lit.passed.then_some("passed"),
        lit.shell.then_some("shell"),
        lit.now.then_some("now"),
        lit.lost.then_some("lost"),
        (lit.ahead && !lit.passed && !lit.shell).then_some("ahead")
    )
}

/// A node of many: its name, and a square for each pod.
fn tile(n: &NodeBox, pods: usize) -> Html {
    let squares: String = (0..pods.min(22))
        .map(|i| {
            format!(
                "M{} {}h6v6h-6z",
                Px(n.rect.x + 9.0 + (i % 11) as f32 * 8.5),
                Px(n.rect.y + 24.0 + (i / 11) as f32 * 9.0)
            )
        })
        .collect();
    let short: String = n.name.chars().take(10).collect();
    html! {
        <g key={n.node} class="tile" data-host={n.name.clone()} role="button" tabindex={if n.node == 0 { "0" } else { "-1" }}>
            { rect("box", &n.rect, 7.0) }
            { text("mono", n.rect.x + 9.0, n.rect.y + 16.0, &short) }
            { text("tile-count", n.rect.right() - 8.0, n.rect.y + 16.0, &pods.to_string()) }
            <path class="pods" d={squares} />
        </g>
    }
}

fn card(p: &Page<'_>, n: &NodeBox) -> Html {
    if let Some(pods) = n.tile {
        return tile(n, pods);
    }
    if n.folded {
        return html! {
            <g key={n.node} class="card folded" data-drag={format!("node:{}", n.name)} data-host={n.name.clone()}>
                { rect("node-card", &n.rect, 10.0) }
                <g class="title" data-host={n.name.clone()} role="button" tabindex={if n.node == 0 { "0" } else { "-1" }}>
                    { rect("title-box", &Rect { x: n.rect.x + 6.0, y: n.rect.y + 8.0, w: n.rect.w - 12.0, h: 20.0 }, 5.0) }
                    { text("node-name", n.rect.x + 10.0, n.rect.y + 22.0, &n.name) }
                </g>
                { rect("zone", &n.zone, 8.0) }
            </g>
        };
    }
    let role = p.text(if n.control_plane { Ui::ControlPlane } else { Ui::Worker });
    let name_w = n.name.chars().count() as f32 * 8.2 + 10.0;
    let mut x = n.rect.right() - 12.0;
    let topology = p.app.loaded.as_ref().map(|l| &l.session.cluster().topology);
    let dots: Vec<Html> = [Daemon::Flanneld, Daemon::KubeProxy]
        .into_iter()
        .map(|d| {
            let runs = topology.is_none_or(|t| t.runs(&n.name, d));
            let said = if runs { d.name().to_owned() } else { format!("{} {}", d.name(), p.text(Ui::StoppedWord)) };
            x -= said.chars().map(|c| if c.is_ascii() { 5.9 } else { 11.0 }).sum::<f32>();
            let out = html! { <g key={d.name()}><circle class={if runs { "dot-ok" } else { "dot-bad" }} cx={px(x - 8.0)} cy={px(n.rect.y + 17.0)} r="2.5" />{ text(if runs { "daemon" } else { "daemon stopped" }, x, n.rect.y + 21.0, &said) }</g> };
            x -= 20.0;
            out
        })
        .collect();
    // A long name leaves no room for it.
    let role_x = n.rect.x + 12.0 + name_w;
    let room =
        role_x + role.chars().map(|c| if c.is_ascii() { 5.3 } else { 10.0 }).sum::<f32>() < x + 6.0;
    html! {
        <g key={n.node} class={classes!("card", selected(p, &n.name, None))} data-drag={format!("node:{}", n.name)} data-host={n.name.clone()}>
            { rect("node-card", &n.rect, 10.0) }
            <g class="title" data-host={n.name.clone()} role="button" tabindex={if n.node == 0 { "0" } else { "-1" }}>
                { rect("title-box", &Rect { x: n.rect.x + 8.0, y: n.rect.y + 8.0, w: name_w, h: 20.0 }, 5.0) }
                { text("node-name", n.rect.x + 12.0, n.rect.y + 22.0, &n.name) }
            </g>
            if room { { text("role", role_x, n.rect.y + 21.0, role) } }
            { dots }
            { rect("zone", &n.zone, 8.0) }
            { text("zone-label", n.rect.x + n.rect.w / 2.0, n.zone.y + 10.0, p.text(Ui::Hooks)) }
        </g>
    }
}

fn lan(l: &Layout, t: &Topology) -> Html {
    let down = |x: f32, y1: f32, y2: f32, key: usize, name: &str| {
        if !t.faults.contains(&Fault::Cut(name.to_owned())) {
            return html! { <path key={key} class="wire" d={format!("M{} {}V{}", Px(x), Px(y1), Px(y2))} /> };
        }
        // A gap with a cross.
        let y = (y1 + y2) / 2.0;
        html! {
            <g key={key} class="cut">
                <path class="wire" d={format!("M{} {}V{}M{} {}V{}", Px(x), Px(y1), Px(y - 7.0), Px(x), Px(y + 7.0), Px(y2))} />
                <path class="cross" d={format!("M{} {}l8 8m0 -8l-8 8", Px(x - 4.0), Px(y - 4.0))} />
            </g>
        }
    };
    let nodes = l
        .nodes
        .iter()
        .filter(|n| n.tile.is_none())
        .map(|n| down(n.nic.0.cx(), n.nic.0.bottom(), l.lan.cy(), n.node, &n.name));
    let hosts =
        l.hosts.iter().map(|h| down(h.rect.cx(), l.lan.cy(), h.rect.y, 1000 + h.host, &h.name));
    html! {
        <g class="lan">
            { for nodes.chain(hosts) }
            { rect("lan-line", &l.lan, 3.0) }
            { text("lan-label", l.lan.right(), l.lan.bottom() + 15.0, &l.lan_label) }
        </g>
    }
}

fn trails(p: &Page<'_>, _: usize) -> Html {
    html! { <g class="trails">{ for p.scene.trail.iter().enumerate().map(|(i, t)| p.part(segment, i, t)) }</g> }
}

fn segment(p: &Page<'_>, number: usize) -> Html {
    let Some(t) = p.scene.trail.get(number) else { return html! { <g></g> } };
    let class = classes!(
        "trail",
        if t.been { "been" } else { "ahead" },
        t.shell.then_some("shell"),
        t.reply.then_some("reply")
    );
    let arrow = t.been.then_some(if t.shell { "url(#arrow-out)" } else { "url(#arrow-in)" });
    html! {
        <g>
            <path class={class} d={t.d.clone()} marker-end={arrow} />
            if t.been && t.reply { <path class="hollow" d={t.d.clone()} /> }
        </g>
    }
}

/// The ring of what was clicked.
fn selected(p: &Page<'_>, host: &str, dev: Option<&str>) -> Option<&'static str> {
    let s = p.app.selected.as_ref()?;
    (s.host == host && s.device.as_deref() == dev).then_some("selected")
}

/// Whether a device is up at this moment.
fn is_up(p: &Page<'_>, host: &str, dev: &str) -> bool {
    let ns = p.app.timeline.as_ref().and_then(|t| t.state().ns_named(host));
    ns.and_then(|(_, ns)| ns.dev_named(dev)).is_none_or(|(_, d)| d.up)
}

fn device(
    p: &Page<'_>,
    class: Classes,
    r: &Rect,
    host: &str,
    name: &str,
    addr: &str,
    second: Option<&str>,
) -> Html {
    let up = is_up(p, host, name);
    let second = if up { second } else { Some(p.text(Ui::IsDown)) };
    let y = if second.is_some() && r.h > 30.0 { r.y + 15.0 } else { r.cy() + 4.0 };
    let second = second.filter(|_| r.h > 30.0);
    html! {
        <g class={classes!("device", class, selected(p, host, Some(name)), (!up).then_some("down"))} data-host={host.to_owned()} data-dev={name.to_owned()} role="button" tabindex="-1">
            <desc>{ host.to_owned() }</desc>
            { rect("box", r, 6.0) }
            <text class="mono" x={px(r.x + 9.0)} y={px(y)}><tspan class="dev-name">{ name }</tspan><tspan dx="6">{ addr }</tspan></text>
            if let Some(s) = second { { text("second", r.x + 9.0, r.y + 28.0, s) } }
        </g>
    }
}

/// What of a moment a node shows.
fn seen_of(p: &Page<'_>, n: &NodeBox) -> impl Hash {
    if n.folded {
        return None;
    }
    let s = p.scene;
    let lit = [Spot::Bridge, Spot::Route, Spot::Vxlan, Spot::Nic]
        .map(|spot| s.lit.get(&spot(n.node)).copied());
    let pods: Vec<_> = n.pods.iter().map(|x| lot_of(s, x)).collect();
    let hooks = n.hooks.map(|(h, _)| {
        (s.lit.get(&Spot::Hook(n.node, h)).copied(), s.tables.get(&(n.node, h)).cloned())
    });
    Some((
        lit,
        pods,
        hooks,
        up_of(p, n),
        is_bridged(s, n.node),
        s.absent.contains(&Kind::Node(n.node)),
    ))
}

/// What of a moment a pod shows.
fn lot_of(s: &Scene, x: &PodBox) -> impl Hash + use<> {
    (
        s.lit.get(&Spot::Pod(x.pod)).copied(),
        s.chances.get(&x.pod).copied(),
        s.drawn == Some(x.pod),
        s.chosen,
        s.absent.contains(&Kind::Pod(x.pod)),
    )
}

/// Which devices are up.
fn up_of(p: &Page<'_>, n: &NodeBox) -> Vec<bool> {
    let ns = p.app.timeline.as_ref().and_then(|t| t.state().ns_named(&n.name));
    ns.map(|(_, ns)| ns.devices.iter().map(|d| d.up).collect()).unwrap_or_default()
}

/// A node: its pods, its hooks, and what connects them.
fn node(p: &Page<'_>, number: usize) -> Html {
    let (s, Some(n)) = (p.scene, node_box(p, number)) else { return html! { <g></g> } };
    if n.folded {
        return folded(p, n);
    }
    let hook_of = |(k, (h, _)): (usize, &(Hook, Rect))| {
        let spot = (s.lit.get(&Spot::Hook(n.node, *h)), s.tables.get(&(n.node, *h)));
        p.part(hook, number * HOOKS + k, spot)
    };
    let lit =
        [Spot::Bridge, Spot::Route, Spot::Vxlan, Spot::Nic].map(|spot| s.lit.get(&spot(n.node)));
    html! {
        <g class={classes!("node", s.absent.contains(&Kind::Node(n.node)).then_some("absent"))}>
            <g>{ for n.pods.iter().map(|x| p.part(pod, x.pod, lot_of(s, x))) }</g>
            { p.part(devices, number, (lit, up_of(p, n), is_bridged(s, n.node))) }
            <g>{ for n.hooks.iter().enumerate().map(hook_of) }</g>
        </g>
    }
}

/// A node has so many.
const HOOKS: usize = 5;

/// What went through was bridged, not routed.
fn is_bridged(s: &Scene, node: usize) -> bool {
    let forwarded = s.lit.get(&Spot::Hook(node, Hook::Forward)).is_some_and(|l| l.passed);
    s.trail.iter().any(|t| t.been) && forwarded && s.lit.get(&Spot::Route(node)).is_none()
}

fn node_box<'a>(p: &Page<'a>, number: usize) -> Option<&'a NodeBox> {
    p.app.loaded.as_ref().and_then(|l| l.layout.nodes.get(number))
}

fn devices(p: &Page<'_>, number: usize) -> Html {
    let Some(n) = node_box(p, number) else { return html! { <g></g> } };
    let i = n.node;
    let lit = |spot| p.scene.lit.get(&spot);
    let (vx, vx_name, vx_addr, vx_second) = &n.vxlan;
    let (nic, nic_name, nic_addr, nic_mac) = &n.nic;
    let ((rx, ry), rr) = n.route;
    let inner = Rect { x: vx.x + 3.0, y: vx.y + 3.0, w: vx.w - 6.0, h: vx.h - 6.0 };
    let jack = Rect { x: nic.cx() - 8.0, y: nic.bottom() - 2.0, w: 16.0, h: 5.0 };
    html! {
        <g>
            if let Some((more, r)) = &n.more {
                <g class="pod more">{ rect("box", r, 8.0) }{ text("pod-app", r.x + 10.0, r.cy() + 4.0, &format!("+{more}")) }</g>
            }
            { device(p, lit_classes(lit(Spot::Bridge(i))), &n.cni0.0, &n.name, "cni0", &n.cni0.1, None) }
            <g class={classes!("route", lit_classes(lit(Spot::Route(i))))}>
                <circle class="box" cx={px(rx)} cy={px(ry)} r={px(rr)} />
                <path class="sign" transform={format!("translate({} {})", Px(rx - 8.0), Px(ry - 8.0))} d={view::story::glyph_path(view::story::Glyph::Route)} />
            </g>
            if is_bridged(p.scene, i) { { text("bridged", rx, ry + 24.0, p.text(Ui::Bridged)) } }
            <g class={classes!("vtep", lit_classes(lit(Spot::Vxlan(i))))}>
                { device(p, classes!(), vx, &n.name, vx_name, vx_addr, Some(vx_second)) }
                { rect("skin", &inner, 4.0) }
            </g>
            { device(p, lit_classes(lit(Spot::Nic(i))), nic, &n.name, nic_name, nic_addr, Some(nic_mac)) }
            { rect("jack", &jack, 2.0) }
            if let Some(d) = &n.docker0 { { device(p, classes!("down"), d, &n.name, "docker0", "", Some(p.text(Ui::NoCarrier))) } }
        </g>
    }
}

/// A node where nothing happens.
fn folded(p: &Page<'_>, n: &NodeBox) -> Html {
    let row = |r: &Rect, name: &str| html! { <g class="device">{ rect("box", r, 6.0) }{ text("mono", r.x + 8.0, r.cy() + 4.0, name) }</g> };
    let pods = n.more.as_ref().map(|(count, r)| {
        row(r, &format!("{count} {}", p.text(if *count == 1 { Ui::Pod } else { Ui::Pods })))
    });
    html! {
        <g key={n.node} class="node folded">
            { pods }
            { row(&n.cni0.0, "cni0") }
            { for n.hooks.iter().map(|(h, r)| html! { <g key={h.name()} class="hook">{ rect("box", r, 3.0) }</g> }) }
            { row(&n.vxlan.0, &n.vxlan.1) }
            { row(&n.nic.0, &n.nic.1) }
        </g>
    }
}

fn pod(p: &Page<'_>, number: usize) -> Html {
    let mut nodes = p.app.loaded.iter().flat_map(|l| &l.layout.nodes);
    let found = nodes.find_map(|n| Some((n, n.pods.iter().find(|x| x.pod == number)?)));
    let (s, Some((n, x))) = (p.scene, found) else { return html! { <g></g> } };
    let lit = s.lit.get(&Spot::Pod(x.pod));
    let drawn = s.drawn == Some(x.pod);
    let answered = lit.is_some_and(|l| l.passed);
    let own = p.app.loaded.as_ref().and_then(|l| l.session.cluster().pods.get(x.pod));
    let netns = own.map(kube::cluster::Pod::netns).unwrap_or_default();
    let deployment = own.map(|p| format!("{}/{}", p.namespace, p.deployment));
    let r = &x.rect;
    let tab = Rect { x: r.cx() - 17.0, y: r.bottom() - 7.0, w: 34.0, h: 14.0 };
    let badge = if drawn {
        Some(p.text(if s.chosen { Ui::Chosen } else { Ui::Drawn }).to_owned())
    } else {
        s.chances.get(&x.pod).map(|c| if *c == 0 { "<1%".to_owned() } else { format!("{c}%") })
    };
    let veth = if n.pods.len() > 3 {
        format!("veth…{}", &x.veth[x.veth.len().saturating_sub(4)..])
    } else {
        x.veth.clone()
    };
    let badge_w = badge.as_ref().map_or(0.0, |b| {
        b.chars().map(|c| if c.is_ascii() { 5.6 } else { 10.0 }).sum::<f32>() + 10.0
    });
    let app: String = if r.w < 100.0 && x.app.chars().count() > 8 {
        format!("{}…", x.app.chars().take(7).collect::<String>())
    } else {
        x.app.clone()
    };
    let app_w = app.chars().count() as f32 * 7.0 + 6.0;
    let fits = app_w + x.suffix.len() as f32 * 6.0 + 18.0 < r.w;
    html! {
        <g key={x.pod} class={classes!("pod", lit_classes(lit), (drawn && !answered).then_some("drawn"), s.absent.contains(&Kind::Pod(x.pod)).then_some("absent"), selected(p, &netns, None))} data-host={netns.clone()} data-drag={format!("pod:{netns}")} data-deployment={deployment} role="button" tabindex="-1">
            <desc>{ netns.clone() }</desc>
            { rect("box", r, 8.0) }
            { text("pod-app", r.x + 9.0, r.y + 18.0, &app) }
            if fits { { text("pod-suffix", r.x + 9.0 + app_w, r.y + 18.0, &x.suffix) } }
            { text("mono", r.x + 9.0, r.y + 34.0, &x.ip) }
            { rect("eth0", &tab, 4.0) }
            { text("eth0-name", tab.cx(), tab.y + 10.5, "eth0") }
            { text("veth", r.cx(), r.bottom() + 22.0, &veth) }
            if let Some(b) = badge {
                <g class={classes!("badge", drawn.then_some("drawn"))}>
                    { rect("badge-box", &Rect { x: r.right() - badge_w + 4.0, y: r.y - 7.0, w: badge_w, h: 15.0 }, 7.5) }
                    { text("badge-text", r.right() - badge_w / 2.0 + 4.0, r.y + 4.0, &b) }
                </g>
            }
        </g>
    }
}

fn hook(p: &Page<'_>, number: usize) -> Html {
    let Some(n) = node_box(p, number / HOOKS) else { return html! { <g></g> } };
    let (name, (h, r)) = (&n.name, &n.hooks[number % HOOKS]);
    let lit = p.scene.lit.get(&Spot::Hook(n.node, *h));
    let asked = p.scene.tables.get(&(n.node, *h));
    let tables: Vec<TableName> = h
        .parts()
        .iter()
        .filter_map(|p| if let Part::Table(t) = p { Some(*t) } else { None })
        .collect();
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
        let letter = &t.name()[..1];
        html! {
            <g key={k} class={class}>
                { rect("chip-box", &Rect { x, y: r.y + 18.0, w: 12.0, h: 12.5 }, 3.0) }
                { text("chip-text", x + 6.0, r.y + 27.5, letter) }
                <path class="strike" d={format!("M{} {}l12 -12.5", Px(x), Px(r.y + 30.5))} />
            </g>
        }
    });
    let halo = Rect { x: r.x - 3.5, y: r.y - 3.5, w: r.w + 7.0, h: r.h + 7.0 };
    html! {
        <g key={h.name()} class={classes!("hook", lit_classes(lit))} data-host={name.to_owned()} role="button" tabindex="-1">
            <desc>{ name.to_owned() }</desc>
            { rect("halo", &halo, 9.0) }
            { rect("box", r, 6.0) }
            { text("hook-name", r.cx(), r.y + 13.5, h.name()) }
            { for chips }
        </g>
    }
}

fn host(p: &Page<'_>, number: usize) -> Html {
    let Some(h) = p.app.loaded.as_ref().and_then(|l| l.layout.hosts.get(number)) else {
        return html! { <g></g> };
    };
    let client = h.name != "gateway";
    html! {
        <g key={h.host} class={classes!("device", "host", lit_classes(p.scene.lit.get(&Spot::Host(h.host))), selected(p, &h.name, None))} data-host={h.name.clone()} data-drag={format!("host:{}", h.name)} role="button" tabindex="-1">
            { rect("box", &h.rect, 8.0) }
            { text("host-name", h.rect.x + 10.0, h.rect.y + 17.0, &h.name) }
            if client { { text("host-role", h.rect.right() - 10.0, h.rect.y + 17.0, p.text(Ui::Client)) } }
            { text("mono", h.rect.x + 10.0, h.rect.y + 33.0, &h.ip) }
        </g>
    }
}

/// The capsule around the origin; its place is the group's.
fn capsule(c: &Capsule) -> Html {
    let (w, h) = c.size;
    let frame = Rect { x: -w / 2.0, y: -h / 2.0, w, h };
    let class = classes!("capsule", c.lost.then_some("lost"));
    let notch = c.notch.map(|x| {
        let x = (x - c.at.0).clamp(-w / 2.0 + 14.0, w / 2.0 - 14.0);
        html! { <path class="notch" d={format!("M{} {}l7 8 7 -8z", Px(x - 7.0), Px(h / 2.0 - 0.5))} /> }
    });
    if let Some((outer, udp)) = &c.shell {
        let own = Rect { x: frame.x + 9.0, y: frame.y + 41.0, w: w - 18.0, h: 21.0 };
        return html! {
            <g class={classes!(class, "wrapped")}>
                { rect("shell-box", &frame, 10.0) }
                { text("shell-text", 0.0, frame.y + 16.0, outer) }
                { text("shell-text", 0.0, frame.y + 31.0, udp) }
                { rect("packet-box", &own, 7.0) }
                <text class="packet-text mid" x="0" y={px(own.y + 14.5)}><tspan class="kind">{ &c.kind }</tspan><tspan dx="6">{ format!("{} → {}", c.src, c.dst) }</tspan></text>
            </g>
        };
    }
    html! {
        <g class={class}>
            { rect("packet-box", &frame, 8.0) }
            { notch.unwrap_or_else(|| html! { <g></g> }) }
            { line(frame.x + 10.0, frame.y + 16.5, Some(&c.kind), &c.src, c.old_src.as_deref(), c.mark.as_deref()) }
            { line(frame.x + 10.0, frame.y + 33.0, None, &c.dst, c.old_dst.as_deref(), None) }
            if c.lost { <path class="crack" d={format!("M{} {}l-6 9 8 6 -8 8 7 {}", Px(w * 0.12), Px(frame.y - 2.0), Px(h - 19.0))} /> }
        </g>
    }
}

/// A row of the capsule: `SYN 192.168.120.252:40501` or `→ 10.1.6.5:80`, an old value struck before
/// the new one on yellow.
fn line(
    x: f32,
    y: f32,
    kind: Option<&str>,
    value: &str,
    old: Option<&str>,
    mark: Option<&str>,
) -> Html {
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
    html! {
        <g>
            if let Some(k) = kind { { text("packet-text kind", x, y, k) } } else { <path class="to" d={format!("M{} {}h9m-3 -3 3 3 -3 3", Px(x), Px(y - 4.0))} /> }
            if let Some(o) = old { { text("packet-text old", x + lead, y, o) } { rect("new-box", &new, 4.0) } }
            { text(if old.is_some() { "packet-text new" } else { "packet-text" }, x + lead + old_w, y, value) }
            if let Some(m) = mark {
                <g class="mark">{ rect("mark-box", &Rect { x: mark_x - 4.0, y: y - 11.0, w: m.len() as f32 * CHAR + 8.0, h: 14.5 }, 4.0) }{ text("packet-text", mark_x, y, m) }</g>
            }
        </g>
    }
}

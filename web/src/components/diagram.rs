//! The picture, which `view::picture` draws and which is mounted here, with the buttons around it.
//! The capsule is moved outside the markup.

use super::{Page, icons};
use crate::viewport::{self, Touch, view_box};
use kube::change::ClusterChange;
use std::borrow::Cow;
use view::app::{Action, Dialog, Selected};
use view::picture::{Child, Element, Group, Part, Picture, markers};
use view::thing::{MOST_CHIPS, deployment_to_serve, service_chips};
use view::words::{Ui, more_services};
use yew::prelude::*;
use yew::virtual_dom::{AttrValue, VTag, VText};

pub(crate) fn diagram(p: &Page<'_>) -> Html {
    let Some(picture) = Picture::new(p.app, p.scene) else {
        return html! { <div class="empty">{ p.text(Ui::Loading) }</div> };
    };
    let camera = p.page.camera.get().unwrap_or_else(|| viewport::fit(p.app, p.scene));
    let layout = &p.app.derived.layout;
    let groups = picture
        .groups()
        .filter(|_| p.page.measured.get())
        .map(|g| p.part(group, g, picture.group_stamp(g)));
    html! {
        <div class={classes!("diagram", p.app.document.is_stale().then_some("stale"))}>
            { stations(p) }
            { p.still(legend) }
            <div class="stale-note" role="status">
                if p.app.document.is_stale() { <span>{ p.text(Ui::LastValid) }</span> }
            </div>
            <svg
                class="picture"
                ref={p.page.picture.clone()}
                role="group"
                aria-label={picture.label()}
                viewBox={view_box(camera)}
                data-size={format!("{} {}", layout.width, layout.height)}
                preserveAspectRatio="xMidYMid meet"
                onpointerdown={p.touch(Touch::Down)}
                onpointermove={p.touch(Touch::Move)}
                onpointerup={p.touch(Touch::Up)}
                onpointercancel={p.touch(|_| Touch::Cancel)}
            >
                <defs>{ for markers().iter().enumerate().map(mounted) }</defs>
                <g>{ for groups }</g>
                <g class="capsule-place" ref={p.page.capsule.clone()}>
                    { for picture.capsule().iter().enumerate().map(mounted) }
                </g>
                <path class="ghost" ref={p.page.ghost.clone()} d="" />
            </svg>
            <button
                type="button"
                class="beyond"
                ref={p.page.beyond.clone()}
                onclick={p.touch(|_: MouseEvent| Touch::Fit)}
            >
                { icons::icon("up") }<span>{ p.text(Ui::ToPacket) }</span>
            </button>
            <p class="busy">{ p.text(Ui::Building) }</p>
        </div>
    }
}

/// The stations of the packet's way, on a page that shows one node at a time.
fn stations(p: &Page<'_>) -> Html {
    if p.embed() {
        return html! { <nav></nav> };
    }
    let all = p.app.stations(p.scene);
    let at = p.app.view.station;
    let stops = all
        .iter()
        .enumerate()
        .map(|(i, s)| p.part(station, i, (*s, at == Some(s.place), all.len())));
    html! {
        <nav
            class={classes!("stations", p.app.session.is_played().then_some("way"))}
            aria-label={p.text(Ui::Stations)}
        >
            <ol>{ for stops }</ol>
        </nav>
    }
}

fn station(p: &Page<'_>, number: usize) -> Html {
    let all = p.app.stations(p.scene);
    let Some(s) = all.get(number).copied() else {
        return html! { <li></li> };
    };
    let (name, whole) = p.app.station_name(s.place, all.len());
    let shown = p.app.view.station == Some(s.place);
    html! {
        <li
            class={classes!(
                s.passed.then_some("been"),
                s.now.then_some("now"),
                s.shell.then_some("shell"),
            )}
        >
            <button
                type="button"
                class={classes!(shown.then_some("here"))}
                title={whole}
                aria-current={s.now.then_some("location")}
                aria-pressed={shown.to_string()}
                onclick={p.act(Action::Station(Some(s.place)))}
                lang="en"
            >
                { name }
            </button>
        </li>
    }
}

/// A group of the picture, whose parts are drawn again one by one.
fn group(p: &Page<'_>, g: Group) -> Html {
    let Some(picture) = Picture::new(p.app, p.scene) else { return Html::default() };
    let parts = picture.parts(g).into_iter().map(|x| p.part(part, x, picture.stamp(x)));
    html! { <g class={picture.class(g)}>{ for parts }</g> }
}

fn part(p: &Page<'_>, part: Part) -> Html {
    let picture = Picture::new(p.app, p.scene);
    let drawn = picture.map(|x| x.draw(part)).unwrap_or_default();
    drawn.iter().enumerate().map(mounted).collect()
}

/// An element of the picture as a virtual node. Its key is its place among its siblings: when one
/// is added behind it, it stays, and keeps the focus.
fn mounted((place, e): (usize, &Element)) -> Html {
    let mut tag = VTag::new(e.name);
    tag.key = Some(place.into());
    for (name, value) in e.attributes.iter().chain(&e.controls) {
        let value = match value {
            Cow::Borrowed(text) => AttrValue::Static(text),
            Cow::Owned(text) => AttrValue::from(text.clone()),
        };
        tag.add_attribute(name, value);
    }
    let description = |text: &String| html! { <desc key="desc">{ text }</desc> };
    tag.add_children(e.description.iter().map(description));
    tag.add_children(e.children.iter().enumerate().map(|(place, child)| match child {
        Child::Element(e) => mounted((place, e)),
        Child::Text(text) => VText::new(text.clone()).into(),
    }));
    tag.into()
}

fn zoom(p: &Page<'_>) -> Html {
    let tool = |icon: &str, text: Ui, touch: fn(MouseEvent) -> Touch| {
        p.tool(icon, text, false, p.touch(touch))
    };
    let opens = |id: &'static str, icon: &str, text: Ui, dialog: Dialog| {
        p.tool_with_id(Some(id), icon, text, false, p.act(Action::Dialog(Some(dialog))))
    };
    html! {
        <div class="zoom">
            { tool("minus", Ui::ZoomOut, |_| Touch::Zoom(1.0 / 1.3)) }
            <span class="percent" ref={p.page.percent.clone()}>{ "100 %" }</span>
            { tool("plus", Ui::ZoomIn, |_| Touch::Zoom(1.3)) }
            { tool("fit", Ui::Fit, |_| Touch::Fit) }
            if !p.embed() {
                { opens("open-find", "search", Ui::Find, Dialog::Find(String::new())) }
                { opens("open-keys", "help", Ui::Keys, Dialog::Keys) }
            }
        </div>
    }
}

fn legend(p: &Page<'_>) -> Html {
    let add = |what: Ui, change: ClusterChange| {
        let onclick = p.act(Action::Change(change));
        html! { <button type="button" class="menu-item" {onclick}>{ p.text(what) }</button> }
    };
    html! {
        <div class="legend">
            { p.toggle(Ui::Focus, p.app.view.focus, Action::Focus(!p.app.view.focus)) }
            if !p.embed() {
                <details class="menu adder">
                    <summary class="filter">
                        { icons::icon("plus") }
                        <span>{ p.text(Ui::Add) }</span>
                    </summary>
                    <div class="menu-list">
                        { add(Ui::AddNode, ClusterChange::AddNode) }
                        { add(Ui::AddHost, ClusterChange::AddHost) }
                        { add(Ui::AddDeployment, ClusterChange::AddDeployment) }
                        if let Some((namespace, name)) = deployment_to_serve(p.app) {
                            { add(Ui::AddService, ClusterChange::AddService(namespace, name)) }
                        }
                    </div>
                </details>
            }
            { services(p) }
            <div class="keys">
                <span class="key been">{ p.text(Ui::Been) }</span>
                <span class="key ahead">{ p.text(Ui::WillGo) }</span>
                <span class="key vx">{ p.text(Ui::InVxlan) }</span>
            </div>
            { zoom(p) }
        </div>
    }
}

/// The Services that are written in the document: some as chips, all of them in a menu where the
/// chips do not show all.
fn services(p: &Page<'_>) -> Html {
    let Some(l) = p.app.session.loaded.as_ref().filter(|_| !p.embed()) else {
        return html! { <div></div> };
    };
    let (shown, all) = service_chips(l.session.cluster());
    let chip = |(host, label): &(String, String), class: &'static str| {
        let here = p.app.view.selected.as_ref().is_some_and(|x| x.host == *host);
        let select = Action::Select(Some(Selected { host: host.clone(), device: None }));
        html! {
            <button
                key={host.clone()}
                type="button"
                class={classes!(class, here.then_some("here"))}
                aria-pressed={here.to_string()}
                onclick={p.act(select)}
                lang="en"
            >
                { label }
            </button>
        }
    };
    let chips = shown.iter().take(MOST_CHIPS).map(|s| chip(s, "filter service"));
    let menu = shown.iter().map(|s| chip(s, "menu-item"));
    let find = p.act(Action::Dialog(Some(Dialog::Find("svc ".to_owned()))));
    let more = (all > shown.len()).then(|| {
        html! {
            <button key="more" type="button" class="menu-item" onclick={find}>
                { more_services(all - shown.len(), p.lang()) }
            </button>
        }
    });
    let class = match all {
        0 => "hidden",
        1..=MOST_CHIPS => "menu all-services few",
        _ => "menu all-services",
    };
    html! {
        <div class="service-list">
            <div class="services">{ for chips }</div>
            <details {class}>
                <summary class="filter">
                    <span>{ p.text(Ui::AllServices) }{ format!(" · {all}") }</span>
                </summary>
                <div class="menu-list">{ for menu.chain(more) }</div>
            </details>
        </div>
    }
}

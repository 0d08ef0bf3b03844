//! The form of what is selected: changes to the document, and commands at this moment.

use super::{Page, icons};
use crate::message::Ask;
use kube::change::{ClusterChange, NicField, Thing};
use kube::fault::{Daemon, Fault};
use kube::topology::Nic;
use view::app::{Action, Selected};
use view::thing::{commands_now, daemon_stopped, device_down, service_addresses};
use view::words::Ui;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

/// The form of what is selected; empty if it has none.
pub(crate) fn form(p: &Page<'_>, s: &Selected) -> Html {
    let Some(l) = p.app.session.loaded.as_ref().filter(|_| !p.embed()) else {
        return html! { <div></div> };
    };
    let c = l.session.cluster();
    let t = &c.topology;
    if let Some(service) = s.host.strip_prefix("svc/").and_then(|x| x.split_once('/')) {
        let found = c.services.iter().find(|x| (x.namespace.as_str(), x.name.as_str()) == service);
        return found.map_or_else(|| html! { <div></div> }, |x| self::service(p, x));
    }
    if let Some(n) = t.nodes.iter().find(|n| n.name.value == s.host) {
        let thing = Thing::Node(s.host.clone());
        let sysctl = |key: &'static str, on: bool| {
            check(p, key, on, {
                let host = s.host.clone();
                move |to| Action::Change(ClusterChange::Sysctl(host.clone(), key, u8::from(to)))
            })
        };
        let daemon =
            |d: Daemon| fault(p, Fault::Stopped(s.host.clone(), d), daemon_stopped(d, p.lang()));
        return html! {
            <form class="thing" onsubmit={|e: SubmitEvent| e.prevent_default()}>
                { head(p, &thing, Some(n.name.span.start)) }
                { nic(p, &thing, &n.nic) }
                <fieldset>
                    <legend>{ p.text(Ui::FromTheBeginning) }</legend>
                    { sysctl("net.ipv4.ip_forward", n.ip_forward) }
                    { sysctl("net.bridge.bridge-nf-call-iptables", n.bridge_nf) }
                    { rp_filter(p, &s.host, n.rp_filter) }
                    { fault(p, Fault::Cut(s.host.clone()), p.text(Ui::CableCut).to_owned()) }
                    { daemon(Daemon::KubeProxy) }
                    { daemon(Daemon::Flanneld) }
                    { device_fault(p, s) }
                    { place(p, &thing) }
                </fieldset>
                { now(p, s) }
            </form>
        };
    }
    if let Some(h) = t.hosts.iter().find(|h| h.name.value == s.host) {
        let thing = Thing::Host(s.host.clone());
        return html! {
            <form class="thing" onsubmit={|e: SubmitEvent| e.prevent_default()}>
                { head(p, &thing, Some(h.name.span.start)) }
                { nic(p, &thing, &h.nic) }
                <fieldset>
                    <legend>{ p.text(Ui::FromTheBeginning) }</legend>
                    { fault(p, Fault::Cut(s.host.clone()), p.text(Ui::CableCut).to_owned()) }
                    { place(p, &thing) }
                </fieldset>
                { now(p, s) }
            </form>
        };
    }
    let Some(pod) = c.pods.iter().find(|x| x.netns() == s.host) else {
        return html! { <div></div> };
    };
    if pod.namespace == "kube-system" {
        return html! { <p class="quiet">{ p.text(Ui::BroughtByCluster) }</p> };
    }
    let (namespace, name) = (pod.namespace.clone(), pod.deployment.clone());
    let thing = Thing::Deployment(namespace.clone(), name.clone());
    let replicas =
        c.pods.iter().filter(|x| x.namespace == namespace && x.deployment == name).count();
    let scale = {
        let (namespace, name) = (namespace.clone(), name.clone());
        move |v: String| {
            v.parse()
                .ok()
                .map(|n| Action::Change(ClusterChange::Scale(namespace.clone(), name.clone(), n)))
        }
    };
    html! {
        <form class="thing" onsubmit={|e: SubmitEvent| e.prevent_default()}>
            { head(p, &thing, None) }
            { field(p, p.text(Ui::Replicas), "number", &replicas.to_string(), scale) }
            <button
                type="button"
                class="filter"
                onclick={p.act(Action::Change(ClusterChange::AddService(namespace, name)))}
            >
                { icons::icon("plus") }<span>{ p.text(Ui::AddService) }</span>
            </button>
            { now(p, s) }
        </form>
    }
}

/// The types of Service that can be chosen.
const TYPES: [&str; 3] = ["ClusterIP", "NodePort", "LoadBalancer"];

fn service(p: &Page<'_>, s: &kube::cluster::RunningService) -> Html {
    let thing = Thing::Service(s.namespace.clone(), s.name.clone());
    let send = p.page.send.clone();
    let (namespace, name) = (s.namespace.clone(), s.name.clone());
    let change = Callback::from(move |e: Event| {
        if let Some(x) = e.target_dyn_into::<HtmlSelectElement>() {
            let Some(kind) = TYPES.into_iter().find(|t| *t == x.value()) else { return };
            send.emit(Action::Change(ClusterChange::ServiceType(
                namespace.clone(),
                name.clone(),
                kind,
            )));
        }
    });
    let (cluster_ip, ports) = service_addresses(s);
    let rows = ports.into_iter().enumerate().map(|(i, port)| html! { <li key={i}>{ port }</li> });
    html! {
        <form class="thing" onsubmit={|e: SubmitEvent| e.prevent_default()}>
            { head(p, &thing, s.written.as_ref().map(|at| at.span.start)) }
            <label class="field">
                <span>{ p.text(Ui::Type) }</span>
                <select class="slot" onchange={change}>
                    { for TYPES.iter().map(|k| html! {
                        <option key={*k} value={*k} selected={*k == s.kind.name()}>{ *k }</option>
                    }) }
                </select>
            </label>
            <p lang="en">{ cluster_ip }</p>
            <ul lang="en">{ for rows }</ul>
        </form>
    }
}

/// The name, with buttons that show it in the text and remove it.
fn head(p: &Page<'_>, thing: &Thing, at: Option<u32>) -> Html {
    let t = thing.clone();
    let rename = move |v: String| Some(Action::Change(ClusterChange::Rename(t.clone(), v)));
    let ask = p.page.ask.clone();
    let at = at.filter(|a| (*a as usize) < p.app.document.text.len() && *a > 0);
    html! {
        <div class="thing-head">
            { field(p, p.text(Ui::Name), "text", thing.name(), rename) }
            if let Some(at) = at {
                <button
                    type="button"
                    class="tool"
                    aria-label={p.text(Ui::ShowInText)}
                    title={p.text(Ui::ShowInText)}
                    onclick={move |_: MouseEvent| ask.emit(Ask::Jump(at))}
                >
                    { icons::icon("jump") }
                </button>
            }
            <button
                type="button"
                class="tool"
                aria-label={format!("{} {}", p.text(Ui::Remove), thing.name())}
                title={p.text(Ui::Remove)}
                onclick={p.act(Action::Change(ClusterChange::Remove(thing.clone())))}
            >
                { icons::icon("trash") }
            </button>
        </div>
    }
}

fn nic(p: &Page<'_>, thing: &Thing, nic: &Nic) -> Html {
    let set = |f: NicField| {
        let thing = thing.clone();
        move |v: String| Some(Action::Change(ClusterChange::Nic(thing.clone(), f, v)))
    };
    let address = nic.address.value.to_string();
    let mac = nic.mac.map(|m| m.to_string()).unwrap_or_default();
    html! {
        <div class="fields">
            { field(p, p.text(Ui::Address), "text", &address, set(NicField::Address)) }
            { field(p, "MAC", "text", &mac, set(NicField::Mac)) }
            { field(p, "MTU", "number", &nic.mtu.to_string(), set(NicField::Mtu)) }
        </div>
    }
}

/// A field whose value is taken on Enter or when it loses the focus.
fn field(
    p: &Page<'_>,
    label: &str,
    kind: &'static str,
    value: &str,
    act: impl Fn(String) -> Option<Action> + 'static,
) -> Html {
    let send = p.page.send.clone();
    let old = value.to_owned();
    let change = Callback::from(move |e: Event| {
        let Some(i) = e.target_dyn_into::<HtmlInputElement>() else { return };
        let v = i.value().trim().to_owned();
        if v != old
            && !v.is_empty()
            && let Some(action) = act(v)
        {
            send.emit(action);
        }
    });
    html! {
        <label class="field">
            <span>{ label }</span>
            <input
                type={kind}
                min="0"
                value={value.to_owned()}
                onchange={change}
                autocomplete="off"
                spellcheck="false"
            />
        </label>
    }
}

fn check(p: &Page<'_>, label: &str, on: bool, act: impl Fn(bool) -> Action + 'static) -> Html {
    let send = p.page.send.clone();
    let change = Callback::from(move |e: Event| {
        if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
            send.emit(act(i.checked()));
        }
    });
    html! {
        <label class="check">
            <input type="checkbox" checked={on} onchange={change} /><span>{ label }</span>
        </label>
    }
}

fn rp_filter(p: &Page<'_>, host: &str, value: u8) -> Html {
    let (send, host) = (p.page.send.clone(), host.to_owned());
    let change = Callback::from(move |e: Event| {
        if let Some(v) =
            e.target_dyn_into::<HtmlSelectElement>().and_then(|s| s.value().parse().ok())
        {
            send.emit(Action::Change(ClusterChange::Sysctl(
                host.clone(),
                "net.ipv4.conf.all.rp_filter",
                v,
            )));
        }
    });
    html! {
        <label class="check">
            <select onchange={change}>
                { for (0..3).map(|v: u8| html! {
                    <option key={v} value={v.to_string()} selected={v == value}>{ v }</option>
                }) }
            </select>
            <span>{ "net.ipv4.conf.all.rp_filter" }</span>
        </label>
    }
}

fn fault(p: &Page<'_>, f: Fault, label: String) -> Html {
    let on = p
        .app
        .session
        .loaded
        .as_ref()
        .is_some_and(|l| l.session.cluster().topology.faults.contains(&f));
    check(p, &label, on, move |to| Action::Change(ClusterChange::Fault(f.clone(), to)))
}

fn device_fault(p: &Page<'_>, s: &Selected) -> Html {
    match &s.device {
        Some(d) => fault(p, Fault::Down(s.host.clone(), d.clone()), device_down(d, p.lang())),
        None => html! { <span></span> },
    }
}

/// A button that moves a dragged node or host back to its place.
fn place(p: &Page<'_>, thing: &Thing) -> Html {
    let moved = p
        .app
        .session
        .loaded
        .as_ref()
        .is_some_and(|l| l.session.cluster().topology.layout.contains_key(thing.name()));
    if !moved {
        return html! { <span></span> };
    }
    html! {
        <button
            type="button"
            class="filter"
            onclick={p.act(Action::Change(ClusterChange::Move(thing.clone(), None)))}
        >
            { p.text(Ui::PlaceReset) }
        </button>
    }
}

/// What can be done at this moment: commands, as in the terminal.
fn now(p: &Page<'_>, s: &Selected) -> Html {
    let rows = commands_now(p.app, s);
    if rows.is_empty() {
        return html! { <span></span> };
    }
    let button = |(text, line): (String, String)| {
        let run = Action::Run(s.host.clone(), line.clone());
        html! {
            <button
                key={line.clone()}
                type="button"
                class="filter"
                title={line}
                onclick={p.act(run)}
            >
                { text }
            </button>
        }
    };
    html! {
        <fieldset>
            <legend>{ p.text(Ui::Now) }</legend>{ for rows.into_iter().map(button) }
        </fieldset>
    }
}

//! The form of what is selected: changes to the document, and commands at this moment.

use super::{Page, icons};
use crate::message::Ask;
use kube::change::{ClusterChange, FormField, FormGroup, Input, NicField, Thing};
use kube::fault::{Daemon, Fault};
use kube::object::WorkloadKind;
use kube::topology::Nic;
use view::app::{Action, Selected};
use view::thing::{commands_now, daemon_stopped, device_down, field_faults, service_addresses};
use view::words::{Ui, add_item};
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
                { own_fields(p) }
                <fieldset>
                    <legend>{ p.text(Ui::FromTheBeginning) }</legend>
                    { sysctl("net.ipv4.ip_forward", n.ip_forward) }
                    { sysctl("net.bridge.bridge-nf-call-iptables", n.bridge_nf) }
                    { rp_filter(p, &s.host, n.rp_filter) }
                    { fault(p, Fault::Cut(s.host.clone()), p.text(Ui::CableCut).to_owned()) }
                    { for c.daemons().into_iter().map(daemon) }
                    { device_fault(p, s) }
                    { place(p, &thing) }
                </fieldset>
                { network_fields(p) }
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
                { own_fields(p) }
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
    if pod.owner.kind != WorkloadKind::Deployment {
        return html! { <p class="quiet">{ pod.owner.to_string() }</p> };
    }
    let (namespace, name) = (pod.namespace.clone(), pod.owner.name.clone());
    let thing = Thing::Deployment(namespace.clone(), name.clone());
    let replicas =
        c.pods.iter().filter(|x| x.namespace == namespace && x.owner == pod.owner).count();
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
            { own_fields(p) }
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
const TYPES: [&str; 4] = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];

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
            { own_fields(p) }
        </form>
    }
}

/// The fields of what is selected, as its text has them.
fn own_fields(p: &Page<'_>) -> Html {
    match p.app.derived.forms.first() {
        Some((thing, all)) => groups(p, thing, all),
        None => html! { <div></div> },
    }
}

/// The fields of the whole Topology, which are the same for every machine.
fn network_fields(p: &Page<'_>) -> Html {
    let Some((thing, all)) = p.app.derived.forms.get(1) else { return html! { <div></div> } };
    html! {
        <details class="more-fields">
            <summary>{ p.text(Ui::NetworkFields) }</summary>
            { groups(p, thing, all) }
        </details>
    }
}

fn groups(p: &Page<'_>, thing: &Thing, all: &[FormGroup]) -> Html {
    let group = |(i, g): (usize, &FormGroup)| {
        let remove = g.item.clone().map(|item| {
            let change = ClusterChange::Set(thing.clone(), item, None);
            let label = format!("{} {}", p.text(Ui::Remove), g.title);
            html! {
                <button
                    type="button"
                    class="tool small"
                    aria-label={label.clone()}
                    title={label}
                    onclick={p.act(Action::Change(change))}
                >
                    { icons::icon("trash") }
                </button>
            }
        });
        let add = g.add.clone().map(|(list, name)| {
            let change = ClusterChange::AddItem(thing.clone(), list);
            html! {
                <button
                    type="button"
                    class="filter"
                    onclick={p.act(Action::Change(change))}
                >
                    { icons::icon("plus") }<span>{ add_item(name, p.lang()) }</span>
                </button>
            }
        });
        let title = (!g.title.is_empty()).then(|| {
            html! { <div class="group-head"><span lang="en">{ &g.title }</span>{ remove }</div> }
        });
        let rows = g.fields.iter().map(|f| form_field(p, thing, f, i));
        html! {
            <div key={i} class="form-group" role="group" aria-label={g.title.clone()}>
                <div>{ title }</div>
                <div class="fields">{ for rows }</div>
                <div>{ add }</div>
            </div>
        }
    };
    html! { <div class="form-groups">{ for all.iter().enumerate().map(group) }</div> }
}

/// A field of the text. Empty, it is left out of the text.
fn form_field(p: &Page<'_>, thing: &Thing, f: &FormField, group: usize) -> Html {
    let id = format!("{}-{group}-{}", thing.name(), f.name);
    let (send, thing, path, input) = (p.page.send.clone(), thing.clone(), f.path.clone(), f.input);
    let old = f.value.clone();
    let set = move |value: String| {
        if value.trim() != old {
            let change = ClusterChange::Set(thing.clone(), path.clone(), input.read(&value));
            send.emit(Action::Change(change));
        }
    };
    let faults = field_faults(p.app, f);
    let fault = format!("fault-{id}");
    let invalid = (!faults.is_empty()).then(|| fault.clone());
    let control = match f.input {
        Input::Flag => choices(&["true", "false"], f, &invalid, p.text(Ui::AsUsual), set),
        Input::Word(words) => choices(words, f, &invalid, p.text(Ui::AsUsual), set),
        Input::Number(..) | Input::Text | Input::NumberOrName | Input::List | Input::Pairs => {
            let change = Callback::from(move |e: Event| {
                if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
                    set(i.value());
                }
            });
            let range = match f.input {
                Input::Number(first, last) => Some((first.to_string(), last.to_string())),
                _ => None,
            };
            let hint = match f.input {
                _ if !f.default.is_empty() => f.default,
                Input::Pairs => "app=web, tier=front",
                Input::List => "192.0.2.1, 192.0.2.2",
                _ => "",
            };
            html! {
                <input
                    type={if range.is_some() { "number" } else { "text" }}
                    min={range.clone().map(|r| r.0)}
                    max={range.map(|r| r.1)}
                    placeholder={hint}
                    value={f.value.clone()}
                    onchange={change}
                    autocomplete="off"
                    spellcheck="false"
                    aria-invalid={invalid.is_some().to_string()}
                    aria-describedby={invalid.clone()}
                />
            }
        }
    };
    html! {
        <div key={id} class="form-field">
            <label lang="en"><span>{ breakable(&f.name) }</span>{ control }</label>
            <p id={fault} class="bad">{ faults.join(" ") }</p>
        </div>
    }
}

/// A field's name, which breaks between its words: `externalTraffic`, `Policy`.
fn breakable(name: &str) -> Html {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c.is_uppercase() || words.last().is_some_and(|w| w.ends_with('.')) {
            words.push(String::new());
        }
        words.last_mut().expect("invariant: never empty").push(c);
    }
    words.into_iter().map(|word| html! { <>{ word }<wbr /></> }).collect()
}

/// A menu of words, with one that leaves the field out.
fn choices(
    words: &[&'static str],
    f: &FormField,
    invalid: &Option<String>,
    usual: &str,
    set: impl Fn(String) + 'static,
) -> Html {
    let change = Callback::from(move |e: Event| {
        if let Some(s) = e.target_dyn_into::<HtmlSelectElement>() {
            set(s.value());
        }
    });
    let usual = match f.default {
        "" => usual.to_owned(),
        default => format!("{default} ({usual})"),
    };
    let known = f.value.is_empty() || words.contains(&&*f.value);
    let own = (!known).then(|| f.value.clone());
    let option = |word: String| {
        let selected = word == f.value;
        html! { <option key={word.clone()} value={word.clone()} {selected}>{ word }</option> }
    };
    let all = words.iter().map(|w| (*w).to_owned()).chain(own);
    html! {
        <select
            class="slot"
            onchange={change}
            aria-invalid={invalid.is_some().to_string()}
            aria-describedby={invalid.clone()}
        >
            <option key="" value="" selected={f.value.is_empty()}>{ usual }</option>
            { for all.map(option) }
        </select>
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

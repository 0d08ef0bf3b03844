//! The header, with the form that sends: it reads as a sentence.

use super::{Page, combo, icons};
use crate::message::Ask;
use net::socket::Pmtudisc;
use play::Protocol;
use play::presets::{ALL, Preset};
use view::Lang;
use view::app::sessions::{self, StorageFault};
use view::app::{Action, End, HeaderPart, MenuItem, NumberField, Options, Theme};
use view::words::Ui;
use web_sys::{HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

pub(crate) fn header(p: &Page<'_>) -> Html {
    let lang_button = |lang: Lang, text: &'static str| {
        let here = p.lang() == lang;
        html! {
            <button
                type="button"
                lang={lang.tag()}
                class={classes!("link", here.then_some("here"))}
                aria-pressed={here.to_string()}
                onclick={p.act(Action::Lang(lang))}
            >
                { text }
            </button>
        }
    };
    let tool =
        |icon: &str, text: Ui, action: Action, off: bool| p.tool(icon, text, off, p.act(action));
    let dark = match p.app.chrome.theme {
        Theme::System => p.page.system_is_dark,
        Theme::Light => false,
        Theme::Dark => true,
    };
    let other = if dark { Theme::Light } else { Theme::Dark };
    let document = &p.app.document;
    let own = sessions::is_own(&document.text);
    let chosen = if own { document.id.to_string() } else { document.preset.to_owned() };
    let name = sessions::name_of(&document.text);
    let current = own.then(|| MenuItem {
        value: chosen.clone(),
        label: format!("{}: {name}", p.text(Ui::Yours)),
    });
    let title = |x: &Preset| if p.lang() == Lang::Ja { x.title_ja } else { x.title };
    let presets =
        ALL.iter().map(|x| MenuItem { value: x.name.to_owned(), label: title(x).to_owned() });
    let kept = document.sessions.all().filter(|k| k.id != document.id).map(|k| {
        let name = match Preset::named(&k.name).filter(|_| k.preset) {
            Some(preset) => title(preset).to_owned(),
            None => format!("{}: {}", p.text(Ui::Yours), k.name),
        };
        let elsewhere = document.sessions.is_elsewhere(&k.id);
        let note = if elsewhere { format!(" · {}", p.text(Ui::OtherTab)) } else { String::new() };
        MenuItem { value: k.id.to_string(), label: format!("{name} · {}{note}", k.changed) }
    });
    let documents: Vec<_> = current.into_iter().chain(presets).chain(kept).collect();
    let shares = p.app.chrome.sharing;
    let unfolded = |part| p.app.chrome.unfolded == Some(part);
    let toggle = |part| p.act(Action::Header((!unfolded(part)).then_some(part)));
    let class = p.app.chrome.unfolded.map(|part| match part {
        HeaderPart::SendForm => "composing",
        HeaderPart::Tools => "with-tools",
    });
    html! {
        <header class={classes!("head", class)}>
            <h1 class="brand" aria-label="Packetwalk">{ logo() }<span>{ "Packetwalk" }</span></h1>
            { select(p, "preset", Ui::Preset, &documents, &chosen, false, Action::Preset) }
            { sentence(p) }
            { compose(p) }
            <button
                type="button"
                class="tool tools-toggle"
                aria-label={p.text(Ui::MoreTools)}
                title={p.text(Ui::MoreTools)}
                aria-expanded={unfolded(HeaderPart::Tools).to_string()}
                onclick={toggle(HeaderPart::Tools)}
            >
                { icons::icon("menu") }
            </button>
            <div class="tools">
                { tool("undo", Ui::Undo, Action::Undo, !p.app.history.can_undo()) }
                <span class="rarer">
                    { tool("redo", Ui::Redo, Action::Redo, !p.app.history.can_redo()) }
                </span>
                <span class="rare">
                    { tool("again", Ui::StartOver, Action::StartOver, !p.app.session.is_played()) }
                    { files(p) }
                    { forget(p) }
                </span>
                <button
                    type="button"
                    id="share"
                    class="tool"
                    aria-label={p.text(Ui::Share)}
                    title={p.text(Ui::Share)}
                    aria-expanded={shares.to_string()}
                    onclick={p.act(Action::Share(!shares))}
                >
                    { icons::icon("share") }
                </button>
                <span class="rarer">
                { lang_button(Lang::Ja, "日本語") }
                { lang_button(Lang::En, "EN") }
                { tool(if dark { "sun" } else { "moon" }, Ui::Theme, Action::Theme(other), false) }
                </span>
            </div>
        </header>
    }
}

/// On a narrow page, the request in short: a button that unfolds the form.
fn compose(p: &Page<'_>) -> Html {
    let menus = &p.app.derived.menus;
    let open = p.app.chrome.unfolded == Some(HeaderPart::SendForm);
    html! {
        <button
            type="button"
            class="compose"
            aria-expanded={open.to_string()}
            onclick={p.act(Action::Header((!open).then_some(HeaderPart::SendForm)))}
        >
            <span>{ &menus.sender.choice.label }{ " → " }{ &menus.target.choice.label }</span>
        </button>
    }
}

/// Open and save. Of the file input only its label is visible.
fn files(p: &Page<'_>) -> Html {
    let ask = p.page.ask.clone();
    let open = Callback::from(move |e: Event| {
        let Some(input) = e.target_dyn_into::<HtmlInputElement>() else { return };
        if let Some(file) = input.files().and_then(|f| f.get(0)) {
            ask.emit(Ask::Open(file));
        }
        // Otherwise opening the same file again would not be a change.
        input.set_value("");
    });
    let ask = p.page.ask.clone();
    html! {
        <>
            <label class="tool" title={p.text(Ui::Open)}>
                { icons::icon("open") }
                <input
                    class="sr-only"
                    type="file"
                    accept=".yaml,.yml,.json,.txt"
                    aria-label={p.text(Ui::Open)}
                    onchange={open}
                />
            </label>
            { p.tool("save", Ui::Save, false, Callback::from(move |_| ask.emit(Ask::Save))) }
        </>
    }
}

/// The menu that says what is forgotten, with the button that does it.
fn forget(p: &Page<'_>) -> Html {
    html! {
        <details class="menu forget">
            <summary
                class="tool"
                aria-label={p.text(Ui::Forget)}
                title={p.text(Ui::Forget)}
            >
                { icons::icon("trash") }
            </summary>
            <div class="popover">
                <p>{ p.text(Ui::ForgetNote) }</p>
                <button type="button" class="filter" onclick={p.act(Action::Forget(true))}>
                    { p.text(Ui::Forget) }
                </button>
            </div>
        </details>
    }
}

/// Says that something is not stored, until it is or the reader closes it.
pub(crate) fn not_stored(p: &Page<'_>) -> Html {
    let fault = p.app.document.sessions.fault().filter(|_| !p.app.chrome.notice_closed);
    let notice = fault.map(|fault| {
        let text = match fault {
            StorageFault::Full => Ui::StorageFull,
            StorageFault::Refused => Ui::StorageRefused,
        };
        let ask = p.page.ask.clone();
        html! {
            <div class="notice">
                <p>{ p.text(text) }</p>
                <button type="button" class="filter" onclick={move |_| ask.emit(Ask::Save)}>
                    { p.text(Ui::Save) }
                </button>
                { p.tool("cross", Ui::Close, false, p.act(Action::CloseNotice)) }
            </div>
        }
    });
    html! { <div class="notices" role="alert">{ notice }</div> }
}

pub(crate) fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">
            <rect class="logo-shell" x="1.5" y="1.5" width="23" height="15" rx="6" />
            <rect class="logo-packet" x="6" y="5" width="14" height="8" rx="3" />
        </svg>
    }
}

/// `From [bastion] send [TCP · GET /] to [node01:30080] endpoint [drawn] [Send]`. In Japanese the
/// words follow the fields: `[bastion] から [TCP · GET /] を [node01:30080] へ`.
fn sentence(p: &Page<'_>) -> Html {
    let (menus, bar) = (&p.app.derived.menus, &p.app.send);
    let protos = [("tcp", "TCP · GET /"), ("udp", "UDP"), ("icmp", "ICMP · ping")];
    let protos: Vec<_> = protos
        .iter()
        .map(|(v, l)| MenuItem { value: (*v).to_owned(), label: (*l).to_owned() })
        .collect();
    let proto = match bar.proto {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    };
    let n = menus.endpoints.len();
    let mut drawn = vec![MenuItem {
        value: String::new(),
        label: if n > 0 {
            format!("{} · {n}", p.text(Ui::Drawn))
        } else {
            p.text(Ui::Drawn).to_owned()
        },
    }];
    drawn.extend(menus.endpoints.iter().cloned());
    let proto_action = |v: String| {
        Action::Proto(match v.as_str() {
            "udp" => Protocol::Udp,
            "icmp" => Protocol::Icmp,
            _ => Protocol::Tcp,
        })
    };
    let send = p.page.send.clone();
    let submit = Callback::from(move |e: SubmitEvent| {
        e.prevent_default();
        send.emit(Action::Send);
    });
    let english = p.lang() == Lang::En;
    let before = |id: &'static str, text: Ui| {
        html! {
            <label class={classes!("slot-label", (!english).then_some("hidden"))} for={id}>
                { p.text(text) }
            </label>
        }
    };
    let after = |text: Ui| {
        html! {
            <span class={classes!("slot-label", english.then_some("hidden"))} aria-hidden="true">
                { p.text(text) }
            </span>
        }
    };
    html! {
        <form class="sentence" novalidate=true onsubmit={submit}>
            { before("from", Ui::From) }
            { combo::combo(p, End::From) }
            { after(Ui::FromAfter) }
            { before("proto", Ui::Send) }
            { select(p, "proto", Ui::Send, &protos, proto, false, proto_action) }
            { after(Ui::SendAfter) }
            { before("to", Ui::To) }
            { combo::combo(p, End::To) }
            { after(Ui::ToAfter) }
            <label class="slot-label optional" for="endpoint">{ p.text(Ui::Endpoint) }</label>
            { select(p, "endpoint", Ui::Endpoint, &drawn, &bar.endpoint, true, Action::Endpoint) }
            { options(p) }
            <button type="submit" class="send">
                <span>{ p.text(Ui::SendButton) }</span>{ icons::icon("play") }
            </button>
        </form>
    }
}

/// The menu of header fields.
fn options(p: &Page<'_>) -> Html {
    let bar = &p.app.send;
    let o = &bar.options;
    let change = |set: fn(&mut Options, String)| {
        let (send, old) = (p.page.send.clone(), o.clone());
        move |value: String| {
            let mut o = old.clone();
            set(&mut o, value);
            send.emit(Action::Options(o));
        }
    };
    let number = |f: NumberField| {
        let (send, old) = (p.page.send.clone(), o.clone());
        let typed = Callback::from(move |e: Event| {
            if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
                let mut o = old.clone();
                *(f.of)(&mut o) = i.value();
                send.emit(Action::Options(o));
            }
        });
        let wrong = bar.wrong(&f, p.lang());
        let (first, last) = (f.range.start(), f.range.end());
        let id = format!("range-{:?}", f.name);
        html! {
            <label key={id.clone()} class="field">
                <span>{ p.text(f.name) }</span>
                <input
                    type="number"
                    min={first.to_string()}
                    max={last.to_string()}
                    placeholder={p.text(Ui::AsUsual)}
                    value={(f.of)(&mut o.clone()).clone()}
                    aria-describedby={id.clone()}
                    aria-invalid={wrong.is_some().to_string()}
                    onchange={typed}
                />
                <small {id} class={classes!("range", wrong.is_some().then_some("bad"))}>
                    { wrong.unwrap_or_else(|| format!("{first}–{last}")) }
                </small>
            </label>
        }
    };
    let choose = |text: Ui, items: &[(&str, &str)], value: &str, act: fn(&mut Options, String)| {
        let act = change(act);
        let chosen = Callback::from(move |e: Event| {
            if let Some(s) = e.target_dyn_into::<HtmlSelectElement>() {
                act(s.value());
            }
        });
        html! {
            <label class="field">
                <span>{ p.text(text) }</span>
                <select class="slot" onchange={chosen}>
                    { for items.iter().map(|(v, label)| html! {
                        <option key={*v} value={v.to_string()} selected={*v == value}>
                            { *label }
                        </option>
                    }) }
                </select>
            </label>
        }
    };
    let fragments = [
        (Pmtudisc::Want.name(), p.text(Ui::FragmentsWant)),
        (Pmtudisc::Do.name(), p.text(Ui::FragmentsDo)),
        (Pmtudisc::Dont.name(), p.text(Ui::FragmentsDont)),
    ];
    let flags = [
        ("", p.text(Ui::Connection)),
        ("syn", "SYN"),
        ("ack", "ACK"),
        ("syn,ack", "SYN, ACK"),
        ("psh,ack", "PSH, ACK"),
        ("fin,ack", "FIN, ACK"),
        ("fin", "FIN"),
        ("rst", "RST"),
        ("rst,ack", "RST, ACK"),
        ("none", p.text(Ui::NoFlags)),
    ];
    let send = p.page.send.clone();
    let cold = Callback::from(move |e: Event| {
        if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
            send.emit(Action::Cold(i.checked()));
        }
    });
    let changed = *o != Options::default() || p.app.session.is_cold();
    html! {
        <details class="menu options">
            <summary
                class={classes!("slot", "dashed", changed.then_some("changed"))}
                aria-label={p.text(Ui::Options)}
                title={p.text(Ui::Options)}
            >
                { icons::icon("more") }
            </summary>
            <div class="menu-list">
                if bar.proto == Protocol::Tcp {
                    <div>{ choose(Ui::TcpFlags, &flags, &o.flags, |o, v| o.flags = v) }</div>
                }
                <div>{ for bar.fields().into_iter().map(number) }</div>
                { choose(Ui::Fragments, &fragments, o.pmtudisc.name(), |o, v| {
                    o.pmtudisc = Pmtudisc::from_name(&v).unwrap_or_default();
                }) }
                <label class="check">
                    <input type="checkbox" checked={p.app.session.is_cold()} onchange={cold} />
                    <span>{ p.text(Ui::Cold) }</span>
                </label>
            </div>
        </details>
    }
}

fn select(
    p: &Page<'_>,
    id: &'static str,
    label: Ui,
    choices: &[MenuItem],
    value: &str,
    dashed: bool,
    action: impl Fn(String) -> Action + 'static,
) -> Html {
    let send = p.page.send.clone();
    let change = Callback::from(move |e: Event| {
        if let Some(s) = e.target_dyn_into::<HtmlSelectElement>() {
            send.emit(action(s.value()));
        }
    });
    let options = choices.iter().map(|c| {
        html! {
            <option key={c.value.clone()} value={c.value.clone()} selected={c.value == value}>
                { &c.label }
            </option>
        }
    });
    html! {
        <select
            id={id}
            class={classes!("slot", dashed.then_some("dashed"))}
            aria-label={p.text(label)}
            title={p.text(label)}
            onchange={change}
        >
            { for options }
        </select>
    }
}

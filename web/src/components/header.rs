//! The header: the send bar reads as a sentence, and is one form.

use super::{Page, icons};
use play::Protocol;
use play::presets::ALL;
use view::Lang;
use view::app::{Action, Choice, Theme, endpoints, senders, targets};
use view::words::Ui;
use web_sys::HtmlSelectElement;
use yew::prelude::*;

pub(crate) fn header(p: &Page<'_>) -> Html {
    let lang_button = |lang: Lang, text: &'static str| {
        let here = p.app.lang == lang;
        html! { <button type="button" lang={lang.tag()} class={classes!("link", here.then_some("here"))} aria-pressed={here.to_string()} onclick={p.act(Action::Lang(lang))}>{ text }</button> }
    };
    let dark = match p.app.theme {
        Theme::System => crate::interop::prefers("(prefers-color-scheme: dark)"),
        Theme::Light => false,
        Theme::Dark => true,
    };
    let presets: Vec<_> = ALL
        .iter()
        .map(|x| Choice { value: x.name.to_owned(), label: if p.app.lang == Lang::Ja { x.title_ja } else { x.title }.to_owned() })
        .collect();
    html! {
        <header class="head">
            <h1 class="brand">{ logo() }<span>{ "Packetwalk" }</span></h1>
            { select(p, "preset", Ui::Preset, &presets, p.app.preset, false, Action::Preset) }
            { sentence(p) }
            <div class="tools">
                { lang_button(Lang::Ja, "日本語") }
                { lang_button(Lang::En, "EN") }
                <button type="button" class="tool" aria-label={p.text(Ui::Theme)} title={p.text(Ui::Theme)} onclick={p.act(Action::Theme(if dark { Theme::Light } else { Theme::Dark }))}>
                    { icons::icon(if dark { "sun" } else { "moon" }) }
                </button>
            </div>
        </header>
    }
}

pub(crate) fn logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 26 18" width="26" height="18" aria-hidden="true">
            <rect class="logo-shell" x="1.5" y="1.5" width="23" height="15" rx="6" />
            <rect class="logo-packet" x="6" y="5" width="14" height="8" rx="3" />
        </svg>
    }
}

/// `From [bastion] send [TCP · GET /] to [node01:30080] endpoint [drawn] [Send]`. In Japanese the words
/// stand behind what they belong to: `[bastion] から [TCP · GET /] を [node01:30080] へ`.
fn sentence(p: &Page<'_>) -> Html {
    let (from, to, ends) = match &p.app.loaded {
        Some(l) => (senders(l), targets(l, p.app.proto), endpoints(l)),
        None => Default::default(),
    };
    let protos = [("tcp", "TCP · GET /"), ("udp", "UDP"), ("icmp", "ICMP · ping")];
    let protos: Vec<_> = protos.iter().map(|(v, l)| Choice { value: (*v).to_owned(), label: (*l).to_owned() }).collect();
    let proto = match p.app.proto {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
    };
    let n = ends.len();
    let mut drawn = vec![Choice {
        value: String::new(),
        label: if n > 0 { format!("{} · {n}", p.text(Ui::Drawn)) } else { p.text(Ui::Drawn).to_owned() },
    }];
    drawn.extend(ends);
    let proto_action = |v: String| {
        Action::Proto(match v.as_str() {
            "udp" => Protocol::Udp,
            "icmp" => Protocol::Icmp,
            _ => Protocol::Tcp,
        })
    };
    let send = p.send.clone();
    let submit = Callback::from(move |e: SubmitEvent| {
        e.prevent_default();
        send.emit(Action::Send);
    });
    let english = p.app.lang == Lang::En;
    let before = |id: &'static str, text: Ui| html! { <label class={classes!("slot-label", (!english).then_some("hidden"))} for={id}>{ p.text(text) }</label> };
    let after =
        |text: Ui| html! { <span class={classes!("slot-label", english.then_some("hidden"))} aria-hidden="true">{ p.text(text) }</span> };
    html! {
        <form class="sentence" onsubmit={submit}>
            { before("from", Ui::From) }
            { select(p, "from", Ui::From, &from, &p.app.from, false, Action::From) }
            { after(Ui::FromAfter) }
            { before("proto", Ui::Send) }
            { select(p, "proto", Ui::Send, &protos, proto, false, proto_action) }
            { after(Ui::SendAfter) }
            { before("to", Ui::To) }
            { select(p, "to", Ui::To, &to, &p.app.to, false, Action::To) }
            { after(Ui::ToAfter) }
            <label class="slot-label optional" for="endpoint">{ p.text(Ui::Endpoint) }</label>
            { select(p, "endpoint", Ui::Endpoint, &drawn, &p.app.endpoint, true, Action::Endpoint) }
            <button type="submit" class="send"><span>{ p.text(Ui::SendButton) }</span>{ icons::icon("play") }</button>
        </form>
    }
}

fn select(
    p: &Page<'_>,
    id: &'static str,
    label: Ui,
    choices: &[Choice],
    value: &str,
    dashed: bool,
    action: impl Fn(String) -> Action + 'static,
) -> Html {
    let send = p.send.clone();
    let change = Callback::from(move |e: Event| {
        if let Some(s) = e.target_dyn_into::<HtmlSelectElement>() {
            send.emit(action(s.value()));
        }
    });
    // A value that the menu does not know (a preset's own words) is shown as it is.
    let known = choices.iter().any(|c| c.value == value);
    let options = choices
        .iter()
        .map(|c| html! { <option key={c.value.clone()} value={c.value.clone()} selected={c.value == value}>{ &c.label }</option> });
    html! {
        <select id={id} class={classes!("slot", dashed.then_some("dashed"))} aria-label={p.text(label)} title={p.text(label)} onchange={change}>
            if !known { <option key="own" value={value.to_owned()} selected=true>{ value }</option> }
            { for options }
        </select>
    }
}

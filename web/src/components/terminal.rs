//! The terminal, which runs emulated commands on nodes, hosts and pods.

use super::Page;
use view::app::{Action, prompt};
use view::words::Ui;
use web_sys::{HtmlInputElement, HtmlSelectElement, KeyboardEvent};
use yew::prelude::*;

pub(crate) fn terminal(p: &Page<'_>) -> Html {
    let t = &p.app.terminal;
    let hosts = &p.app.derived.menus.from;
    let send = p.page.send.clone();
    let choose = Callback::from(move |e: Event| {
        if let Some(s) = e.target_dyn_into::<HtmlSelectElement>() {
            send.emit(Action::TerminalHost(s.value()));
        }
    });
    let options = hosts.iter().map(|h| {
        html! {
            <option key={h.value.clone()} value={h.value.clone()} selected={h.value == t.host}>
                { &h.label }
            </option>
        }
    });
    html! {
        <section class="events terminal" aria-label={p.text(Ui::Terminal)}>
            <div class="events-head">
                <select class="slot" aria-label={p.text(Ui::Terminal)} onchange={choose}>
                    { for options }
                </select>
                <p class="hint-line quiet">
                    { p.text(Ui::TypeHere) }
                    { " " }
                    <code lang="en">{ "curl 192.168.120.226:30080" }</code>
                    { ", " }
                    <code lang="en">{ "ip route" }</code>
                    { ", " }
                    <code lang="en">{ "iptables -t nat -vnL" }</code>
                </p>
            </div>
            { screen(p) }
        </section>
    }
}

fn screen(p: &Page<'_>) -> Html {
    let t = &p.app.terminal;
    let cursor = p.app.view.cursor;
    let transcript: Vec<_> =
        p.app.transcript().into_iter().filter(|c| c.typed_at <= cursor).collect();
    let entries = transcript.iter().enumerate().map(|(i, c)| {
        html! {
            <li key={i}>
                <div><span class="prompt">{ prompt(c.host) }</span>{ c.line }</div>
                if c.known_at <= cursor {
                    <pre class={(c.output.status != 0).then_some("bad")}>{ &c.output.text }</pre>
                } else {
                    <pre class="quiet" lang={p.lang().tag()}>{ p.text(Ui::KnownWhenDone) }</pre>
                }
            </li>
        }
    });
    let send = p.page.send.clone();
    let typed = Callback::from(move |e: InputEvent| {
        if let Some(i) = e.target_dyn_into::<HtmlInputElement>() {
            send.emit(Action::TerminalLine(i.value()));
        }
    });
    let send = p.page.send.clone();
    let key = Callback::from(move |e: KeyboardEvent| {
        let action = match e.key().as_str() {
            "Enter" => Action::TerminalRun,
            // In an empty line, Tab moves the focus.
            "Tab"
                if !e.shift_key()
                    && e.target_dyn_into::<HtmlInputElement>()
                        .is_some_and(|i| !i.value().is_empty()) =>
            {
                Action::TerminalComplete
            }
            "ArrowUp" => Action::TerminalBack(true),
            "ArrowDown" => Action::TerminalBack(false),
            _ => return,
        };
        e.prevent_default();
        send.emit(action);
    });
    html! {
        <div class="screen" lang="en">
            <div role="log" aria-label={p.text(Ui::Terminal)}>
                <ol class="typed">{ for entries }</ol>
            </div>
            <div class="command">
                <label class="prompt" for="command">{ prompt(&t.host) }</label>
                <input
                    id="command"
                    type="text"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    value={t.line.clone()}
                    oninput={typed}
                    onkeydown={key}
                />
            </div>
            <div class="offers" role="status">
                { t.offers.iter().take(60).cloned().collect::<Vec<_>>().join("  ") }
            </div>
            <super::inspector::Bottom
                at={transcript.len() * 2 + usize::from(!t.offers.is_empty())}
                pane=".screen"
            />
        </div>
    }
}

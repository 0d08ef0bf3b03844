//! The small dialogs over the picture: the search for an object, and the list of keys.

use super::{Page, icons};
use crate::message::Ask;
use view::app::{Action, Dialog};
use view::thing::{KEYS, find};
use view::words::Ui;
use web_sys::{HtmlInputElement, KeyboardEvent};
use yew::prelude::*;

pub(crate) fn dialog(p: &Page<'_>) -> Html {
    let (title, body) = match &p.app.chrome.dialog {
        None => return html! { <div></div> },
        Some(Dialog::Find(text)) => (Ui::Find, search(p, text)),
        Some(Dialog::Keys) => (Ui::Keys, keys(p)),
    };
    let send = p.page.send.clone();
    let closed = Callback::from(move |e: KeyboardEvent| {
        if e.key() == "Escape" {
            e.stop_propagation();
            send.emit(Action::Dialog(None));
        }
    });
    html! {
        <section class="popover dialog" role="dialog" aria-label={p.text(title)} onkeydown={closed}>
            <div class="pane-head">
                <h2>{ p.text(title) }</h2>
                <button
                    type="button"
                    id={(title == Ui::Keys).then_some("keys")}
                    class="tool small"
                    aria-label={p.text(Ui::Close)}
                    title={p.text(Ui::Close)}
                    onclick={p.act(Action::Dialog(None))}
                >
                    { icons::icon("cross") }
                </button>
            </div>
            { body }
        </section>
    }
}

/// A field, and what has the name or address in it. Enter shows the first.
fn search(p: &Page<'_>, text: &str) -> Html {
    let found = find(p.app, text);
    let first = found.first().map(|(host, _)| host.clone());
    let send = p.page.send.clone();
    let typed = Callback::from(move |e: InputEvent| {
        if let Some(field) = e.target_dyn_into::<HtmlInputElement>() {
            send.emit(Action::Dialog(Some(Dialog::Find(field.value()))));
        }
    });
    let ask = p.page.ask.clone();
    let submit = Callback::from(move |e: SubmitEvent| {
        e.prevent_default();
        if let Some(host) = &first {
            ask.emit(Ask::Show(host.clone()));
        }
    });
    let item = |(host, label): (String, String)| {
        let ask = p.page.ask.clone();
        let shown = host.clone();
        let onclick = Callback::from(move |_: MouseEvent| ask.emit(Ask::Show(shown.clone())));
        html! {
            <li key={host}>
                <button type="button" class="menu-item" lang="en" {onclick}>{ label }</button>
            </li>
        }
    };
    let none = found.is_empty().then(|| p.text(Ui::NotFound));
    html! {
        <form onsubmit={submit}>
            <input
                type="search"
                id="find"
                autocomplete="off"
                aria-label={p.text(Ui::Find)}
                value={text.to_owned()}
                oninput={typed}
            />
            <ol class="found">{ for found.into_iter().map(item) }</ol>
            <p class="quiet" role="status">{ none }</p>
        </form>
    }
}

fn keys(p: &Page<'_>) -> Html {
    let row = |(key, what): &(&'static str, Ui)| {
        html! {
            <tr key={*key}>
                <th scope="row"><kbd lang="en">{ *key }</kbd></th>
                <td>{ p.text(*what) }</td>
            </tr>
        }
    };
    html! { <table class="key-list"><tbody>{ for KEYS.iter().map(row) }</tbody></table> }
}

//! The dialog with a link to what is shown.

use super::Page;
use crate::interop;
use crate::root::Ask;
use view::app::link::{LONG, link};
use view::app::{Action, Share};
use view::words::{Ui, link_holds, link_long, link_private};
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// The link, what it holds, and where it goes.
pub(super) fn share(p: &Page<'_>) -> Html {
    let lang = p.app.lang;
    let address = link(p.app).map(|l| AttrValue::from(interop::address() + &l));
    let length = address.as_ref().map(|a| a.len());
    let long = length.is_none_or(|n| n > LONG);
    let all = Callback::from(|e: FocusEvent| {
        if let Some(t) = e.target_dyn_into::<HtmlTextAreaElement>() {
            let all = u32::try_from(t.value().len()).unwrap_or(u32::MAX);
            // Backward, so that its beginning is in sight.
            let _ = t.set_selection_range_with_direction(0, all, "backward");
        }
    });
    let ask = |what: fn(AttrValue) -> Ask, of: AttrValue| {
        let tell = p.desk.ask.clone();
        Callback::from(move |_: MouseEvent| tell.emit(what(of.clone())))
    };
    let close = p.desk.send.clone();
    let keys = Callback::from(move |e: KeyboardEvent| {
        if e.key() == "Escape" {
            close.emit(Action::Share(Share::Closed));
        }
    });
    html! {
        <section class="share" role="dialog" aria-label={p.text(Ui::Share)} onkeydown={keys}>
            <strong>{ p.text(Ui::Share) }</strong>
            if let Some(address) = address.clone() {
                <p>{ link_holds(p.app.script.len(), p.app.cursor(), lang) }</p>
                <textarea id="link" lang="en" readonly=true rows="4" spellcheck="false" aria-label={p.text(Ui::Share)} value={address} onfocus={all} />
            }
            if long { <p class="bad" role="status">{ link_long(length, lang) }</p> }
            <p class="quiet">{ link_private(lang) }</p>
            <div class="deeds">
                if let Some(address) = address { <button type="button" class="filter" onclick={ask(Ask::Copy, address)}>{ p.text(if p.app.share == Share::Copied { Ui::Copied } else { Ui::Copy }) }</button> }
                if long { <button type="button" class="filter" onclick={ask(|_| Ask::Save, AttrValue::default())}>{ p.text(Ui::Save) }</button> }
                <button type="button" class="filter" onclick={p.act(Action::Share(Share::Closed))}>{ p.text(Ui::Close) }</button>
            </div>
        </section>
    }
}

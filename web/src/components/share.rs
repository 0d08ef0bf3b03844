//! The dialog with a link to what is shown.

use super::Page;
use crate::interop;
use crate::root::Ask;
use view::app::link::{LONG, link};
use view::app::{Action, Share};
use view::words::{Ui, link_by_hand, link_holds, link_long, link_private};
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

/// The link, what it holds, and where it goes. The page behind it goes on: it is not modal.
pub(super) fn share(p: &Page<'_>) -> Html {
    let lang = p.app.lang;
    let address = link(p.app).map(|l| AttrValue::from(interop::address() + &l));
    let length = address.as_ref().map(|a| a.len());
    let long = length.is_none_or(|n| n > LONG);
    let all = Callback::from(|e: FocusEvent| {
        if let Some(t) = e.target_dyn_into::<HtmlTextAreaElement>() {
            t.select();
        }
    });
    let ask = |what: fn(AttrValue) -> Ask, of: AttrValue| {
        let tell = p.desk.ask.clone();
        Callback::from(move |_: MouseEvent| tell.emit(what(of.clone())))
    };
    let close = p.desk.send.clone();
    let keys = Callback::from(move |e: KeyboardEvent| {
        // The page's own keys are not meant here.
        e.stop_propagation();
        if e.key() == "Escape" {
            close.emit(Action::Share(Share::Closed));
        }
    });
    html! {
        <section class="share" role="dialog" aria-label={p.text(Ui::Share)} onkeydown={keys}>
            <strong>{ p.text(Ui::Share) }</strong>
            if let Some(address) = address.clone() {
                <p>{ link_holds(p.app.script.len(), p.app.step(), lang) }</p>
                <textarea id="link" lang="en" readonly=true rows="4" spellcheck="false" aria-label={p.text(Ui::Share)} value={address} onfocus={all} />
            }
            if p.app.share == Share::ByHand { <p class="bad" role="alert">{ link_by_hand(lang) }</p> }
            if long { <p class="bad">{ link_long(length, lang) }</p> }
            <p class="quiet">{ link_private(lang) }</p>
            <div class="deeds">
                if let Some(address) = address { <button type="button" class="filter" onclick={ask(Ask::Copy, address)}>{ p.text(if p.app.share == Share::Copied { Ui::Copied } else { Ui::Copy }) }</button> }
                if long { <button type="button" class="filter" onclick={ask(|_| Ask::Save, AttrValue::default())}>{ p.text(Ui::Save) }</button> }
                <button type="button" class="filter" onclick={p.act(Action::Share(Share::Closed))}>{ p.text(Ui::Close) }</button>
            </div>
        </section>
    }
}

//! In place of what the workbench shows, until it is there.

use super::{Page, drawer_tabs, icons};
use net::state::Netns;
use view::app::{Action, Selected};
use view::words::Ui;
use yew::prelude::*;

/// In place of the form: asks for it.
pub(crate) fn form(p: &Page<'_>, _: &Selected) -> Html {
    html! {
        <p class="thing">
            <button type="button" class="filter" disabled={p.page.loading.get()} onclick={p.act(Action::Workbench)}>{ icons::icon("more") }<span lang={p.app.lang.tag()}>{ p.text(if p.page.loading.get() { Ui::LoadingBench } else { Ui::Edit }) }</span></button>
        </p>
    }
}

/// In place of the list of all rules.
pub(crate) fn all(p: &Page<'_>, _: &Netns) -> Html {
    html! { <p class="empty">{ p.text(Ui::LoadingBench) }</p> }
}

/// In place of the difference.
pub(crate) fn difference(p: &Page<'_>, ns: &Netns) -> Html {
    all(p, ns)
}

/// In place of the terminal.
pub(crate) fn terminal(p: &Page<'_>) -> Html {
    html! {
        <section class="events terminal" aria-label={p.text(Ui::Terminal)}>
            <div class="events-head">{ drawer_tabs(p) }</div>
            <div class="empty" role="status"><span>{ p.text(Ui::LoadingBench) }</span></div>
        </section>
    }
}

/// In place of the dialog with a link.
pub(crate) fn share(_: &Page<'_>) -> Html {
    html! {}
}

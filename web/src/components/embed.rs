//! The embed: read only, the diagram, one sentence, the transport. No editor, no storage.

use super::{Page, diagram, header, icons, transport};
use view::app::Action;
use view::words::Ui;
use yew::prelude::*;

/// The whole embed.
pub fn embed(p: &Page<'_>) -> Html {
    let title = play::presets::Preset::named(p.app.preset).map(|x| if p.app.lang == view::Lang::Ja { x.title_ja } else { x.title });
    html! {
        <div class="page embed">
            <header class="head">
                <h1 class="brand">{ header::logo() }<span>{ title }</span></h1>
                <span class="chip">{ p.text(Ui::ReadOnly) }</span>
                <button type="button" class="send" onclick={p.act(Action::Send)}><span>{ p.text(Ui::SendButton) }</span>{ icons::icon("play") }</button>
            </header>
            <section class="canvas" aria-label={p.text(Ui::Diagram)}>{ diagram::diagram(p) }</section>
            <p class="saying" role="status" aria-live="polite">{ transport::said(p) }</p>
            { transport::transport(p) }
        </div>
    }
}

//! The embed, read only: picture, rules or packet, with one sentence and the transport; no editor,
//! no storage.

use super::{Page, diagram, header, icons, inspector, now, transport};
use crate::embedded;
use view::app::link::link;
use view::embed::Shown;
use view::words::{Give, Ui, give};
use yew::prelude::*;

/// The whole embed.
pub fn embed(p: &Page<'_>) -> Html {
    let shown = embedded::shown();
    let why = embedded::broken(p.app);
    let broken = why.is_some();
    let at_end = p.app.step() == p.app.derived.steps.len();
    let pictured = matches!(shown, Shown::Diagram | Shown::Split);
    html! {
        <div class={classes!("page", "embed", format!("shows-{}", shown.name()))}>
            <header class="head">
                <h1 class="brand">{ header::logo() }<span>{ embedded::title(p.app) }</span></h1>
                if !broken {
                    <span class="chip">{ give(Give::ReadOnly, p.lang()) }</span>
                    { p.late(2, leave) }
                }
            </header>
            <main>
                <div class="body">
                    if broken {
                        <p class="empty" role="alert">{ why }</p>
                    } else if pictured {
                        <section class="canvas" aria-label={p.text(Ui::Diagram)}>
                            { diagram::diagram(p) }
                        </section>
                    }
                    if shown != Shown::Diagram && !broken { { p.late(1, inspector::inspector) } }
                </div>
                if broken {
                    <p class="saying"></p>
                } else if let Some(why) = &p.app.session.refused {
                    <p class="saying bad" role="alert">{ why }</p>
                } else {
                    <p class="saying" role="status" aria-live="polite">
                        { if at_end { now::verdict_line(p) } else { now::said(p) } }
                    </p>
                }
                if embedded::has_controls() && !broken { { transport::transport(p) } }
            </main>
        </div>
    }
}

/// A link to the page with the session at this moment.
fn leave(p: &Page<'_>) -> Html {
    let href = format!("./{}", link(p.app).unwrap_or_default());
    html! {
        <a class="send" target="_blank" rel="noopener" href={href}>
            { icons::icon("jump") }<span>{ give(Give::OpenHere, p.lang()) }</span>
        </a>
    }
}

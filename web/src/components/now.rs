//! The row of the moment: what happens now, the verdict, and the buttons that open the drawer.

use super::{Page, icons, rich};
use view::app::{Action, Drawer, requests};
use view::story::{Glyph, glyph, place};
use view::words::{Context, Ui, answer_changed, marker, sentence, undone, verdict};
use yew::prelude::*;

pub(crate) fn now(p: &Page<'_>) -> Html {
    let at_end = p.app.step() == p.app.derived.steps.len();
    let class = classes!("now", at_end.then_some("at-end"));
    html! {
        <div {class}>
            { sign(p) }
            <div class="told">
                <p class="saying" role="status" aria-live="polite">{ said(p) }</p>
                { p.part(outcome, 0, p.app.run().map(|r| r.tag)) }
            </div>
            { p.still(toggles) }
        </div>
    }
}

/// The current step: its sign, its kind and its place.
fn sign(p: &Page<'_>) -> Html {
    let Some((l, e)) = p.app.current_event() else {
        return html! {
            <div class="sign-of">
                <span class="disc quiet">{ icons::glyph(Glyph::Send) }</span>
                <span class="step-kind">{ p.text(Ui::NothingSent) }</span>
            </div>
        };
    };
    let g = glyph(e, l.session.last());
    let class = classes!("disc", (g == Glyph::Drop).then_some("lost"));
    html! {
        <div class="sign-of">
            <span {class}>{ icons::glyph(g) }</span>
            <span class="step-kind">
                { marker(e, g, p.lang()) }
                <span class="step-place" lang="en">{ place(e, l.session.last(), &l.labels) }</span>
            </span>
        </div>
    }
}

/// The sentence of the current step; before anything was sent, requests that can be.
pub(crate) fn said(p: &Page<'_>) -> Html {
    if let Some((l, e)) = p.app.current_event() {
        let c = Context { state: l.session.last(), labels: &l.labels };
        return rich(&sentence(&c, e, p.lang()));
    }
    if p.app.session.is_played() || p.embed() {
        return html! { <span></span> };
    }
    let words = |from: &str, to: &str| view::words::request(from, to, p.lang());
    html! {
        <span class="requests">
            { for requests(&p.app.derived.menus, &p.app.send).into_iter().map(|r| {
                let send = p.page.send.clone();
                let (from, to) = (r.from.value.clone(), r.to.value.clone());
                let onclick = Callback::from(move |_: MouseEvent| {
                    send.emit(Action::From(from.clone()));
                    send.emit(Action::To(to.clone()));
                    send.emit(Action::Send);
                });
                html! {
                    <button type="button" class="request" {onclick}>
                        <span>{ rich(&words(&r.from.label, &r.to.label)) }</span>
                        { icons::icon("play") }
                    </button>
                }
            }) }
        </span>
    }
}

/// How the run ends, what the last edit changed, and which steps could not be done.
fn outcome(p: &Page<'_>, _: usize) -> Html {
    let changed = p.app.session.changed.map(|(was, is)| answer_changed(was, is, p.lang()));
    let session = p.app.session.loaded.as_ref().map(|l| &l.session);
    let undone = session.and_then(|s| undone(s, p.lang()));
    html! {
        <>
            <p class="verdict">{ verdict_line(p) }</p>
            <p class="changed" role="status">{ changed }</p>
            <p class="changed undone" role="status">{ undone }</p>
        </>
    }
}

/// How the run ends, or why nothing was sent.
pub(crate) fn verdict_line(p: &Page<'_>) -> Html {
    if let Some(why) = &p.app.session.refused {
        return html! { <span class="bad">{ why }</span> };
    }
    let (Some(l), Some(run)) = (&p.app.session.loaded, p.app.run()) else {
        return html! { <span></span> };
    };
    let c = Context { state: l.session.last(), labels: &l.labels };
    let good = run.verdict.outcome.as_ref().is_some_and(view::words::is_good);
    let told = verdict(&c, &run.verdict, p.lang());
    html! {
        <span class={if good { "good" } else { "bad" }} title={told.replace('`', "")}>
            { icons::icon(if good { "tick" } else { "cross" }) }
            <span>{ rich(&told) }</span>
        </span>
    }
}

/// The buttons that open and close the drawer.
fn toggles(p: &Page<'_>) -> Html {
    let steps = Some(p.app.session.results().len()).filter(|n| *n > 0);
    let toggle = |d: Drawer, icon: &str, text: Ui| {
        let count = steps.filter(|_| d == Drawer::Script).map(|n| format!(" · {n}"));
        let label = format!("{}{}", p.text(text), count.unwrap_or_default());
        let open = p.app.chrome.panes.drawer == Some(d);
        html! {
            <button
                type="button"
                class={classes!("filter", open.then_some("here"))}
                aria-label={label.clone()}
                title={label.clone()}
                aria-expanded={open.to_string()}
                onclick={p.act(Action::Drawer((!open).then_some(d)))}
            >
                { icons::icon(icon) }<span>{ label }</span>
            </button>
        }
    };
    html! {
        <div class="toggles">
            { toggle(Drawer::Events, "list", Ui::Events) }
            { toggle(Drawer::Terminal, "prompt", Ui::Terminal) }
            { toggle(Drawer::Script, "text", Ui::Script) }
        </div>
    }
}

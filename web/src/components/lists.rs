//! The search over all rules of a node, and what the last edit changed in rules and run.

use super::{Page, empty};
use net::state::Netns;
use view::app::{Action, Loaded};
use view::rule_list::{difference as rules_difference, find};
use view::words::Ui;
use yew::prelude::*;

/// The rules of a node that contain the searched words.
pub(super) fn all(p: &Page<'_>, ns: &Netns) -> Html {
    let send = p.page.send.clone();
    let typed = Callback::from(move |e: InputEvent| {
        if let Some(i) = e.target_dyn_into::<web_sys::HtmlInputElement>() {
            send.emit(Action::Search(i.value()));
        }
    });
    let (found, more) = find(ns, &p.app.view.search);
    let none = found.is_empty();
    let rows = found.iter().enumerate().map(|(i, r)| {
        html! {
            <li key={i} class="entry">
                <span class="fate">{ r.table.name() }</span>
                <code>{ &r.text }</code>
                <span class="fate">{ format!("{} · {} B", r.counter.0, r.counter.1) }</span>
            </li>
        }
    });
    html! {
        <div class="dump" lang="en">
            <div class="rules-head">
                <strong>{ &*ns.name }</strong>
                <input
                    class="search"
                    type="search"
                    placeholder={p.text(Ui::Search)}
                    aria-label={p.text(Ui::Search)}
                    value={p.app.view.search.clone()}
                    oninput={typed}
                />
            </div>
            <ol>{ for rows }</ol>
            if none { <p class="quiet" lang={p.lang().tag()}>{ p.text(Ui::NothingFound) }</p> }
            if more > 0 { <p class="quiet">{ format!("+ {more}") }</p> }
        </div>
    }
}

/// What the last edit added and removed.
pub(super) fn difference(p: &Page<'_>, ns: &Netns) -> Html {
    let before =
        p.app.session.previous.as_ref().and_then(|b| b.session.initial().ns_named(&ns.name));
    let now = p.app.session.loaded.as_ref().and_then(|l| l.session.initial().ns_named(&ns.name));
    let diff = before.zip(now).map(|(b, n)| rules_difference(b.1, n.1)).unwrap_or_default();
    let run = runs(p).map(|_| p.still(run_lines));
    if diff.is_empty() && run.is_none() {
        return empty(p.text(Ui::NoDifference));
    }
    let rows = diff.iter().enumerate().map(|(i, d)| {
        let (class, sign) = if d.new { ("entry new", "+") } else { ("entry gone", "−") };
        html! {
            <li key={i} class={class}>
                <span class="fate">{ format!("{sign} {}", d.table.name()) }</span>
                <code>{ &d.text }</code>
            </li>
        }
    });
    html! {
        <div class="dump diff" lang="en">
            <div class="rules-head">
                <strong>{ &*ns.name }</strong>
                <span class="quiet" lang={p.lang().tag()}>{ p.text(Ui::Diff) }</span>
            </div>
            <ol>{ for rows }</ol>
            { run }
        </div>
    }
}

/// The sessions before and after the last edit, if both have a run.
fn runs<'a>(p: &'a Page<'_>) -> Option<(&'a Loaded, &'a Loaded)> {
    let (b, n) = (p.app.session.previous.as_deref()?, p.app.session.loaded.as_deref()?);
    let played = p.app.session.is_played() && !b.session.events().is_empty();
    played.then_some((b, n))
}

/// The decisions that only one of both runs has.
fn run_lines(p: &Page<'_>) -> Html {
    let Some((b, n)) = runs(p) else { return html! { <section></section> } };
    let lines =
        view::run_diff::run_difference((&b.session, &b.labels), (&n.session, &n.labels), p.lang());
    let rows = lines.iter().enumerate().map(|(i, d)| {
        let (class, sign) = if d.new { ("entry new", "+") } else { ("entry gone", "−") };
        html! {
            <li key={i} class={class}>
                <span class="fate" lang="en">{ format!("{sign} {}", d.place) }</span>
                <span>{ &d.text }</span>
            </li>
        }
    });
    let none = lines.is_empty();
    html! {
        <section lang={p.lang().tag()}>
            <div class="rules-head"><strong>{ p.text(Ui::RunDiff) }</strong></div>
            <ol>{ for rows }</ol>
            if none { <p class="quiet">{ p.text(Ui::NoRunDiff) }</p> }
        </section>
    }
}

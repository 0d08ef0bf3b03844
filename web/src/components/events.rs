//! The event list: the document of the run, and its primary accessible view.

use super::{Page, drawer_tabs, icons, rich};
use view::app::{Action, Pane};
use view::story::{Glyph, Grain, glyph, place};
use view::words::Ui;
use view::words::{Context, Lang, change, marker, sentence, verdict};
use yew::prelude::*;

/// One row. It is drawn again only if something of it changed.
#[derive(Clone, PartialEq, Properties)]
struct RowProps {
    number: usize,
    place: AttrValue,
    glyph: Glyph,
    word: &'static str,
    text: AttrValue,
    change: Option<(&'static str, String, String)>,
    /// The current row says how the list is shown: when that changes, it is scrolled to again.
    current: Option<(Grain, Pane, bool)>,
    go: Callback<usize>,
}

#[component]
fn Row(r: &RowProps) -> Html {
    let (go, number) = (r.go.clone(), r.number);
    let onclick = Callback::from(move |_: MouseEvent| go.emit(number));
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(r.current, move |current| {
            if current.is_some()
                && let Some(e) = node.cast::<web_sys::Element>()
            {
                let options = web_sys::ScrollIntoViewOptions::new();
                options.set_block(web_sys::ScrollLogicalPosition::Nearest);
                e.scroll_into_view_with_scroll_into_view_options(&options);
            }
        });
    }
    let class = classes!("event", r.current.map(|_| "current"), (r.glyph == Glyph::Drop).then_some("lost"));
    html! {
        <li ref={node} class={class} aria-current={r.current.map(|_| "step")}>
            <button type="button" tabindex={if r.current.is_some() { "0" } else { "-1" }} onclick={onclick}>
                <span class="n">{ r.number }</span>
                <span class="place" lang="en">{ &r.place }</span>
                <span class="kind">{ icons::glyph(r.glyph) }<span>{ r.word }</span></span>
                <span class="text">{ rich(&r.text) }</span>
                <span class="change">
                    if let Some((field, old, new)) = &r.change {
                        <span lang="en">{ *field }{ " " }<s>{ old }</s>{ " → " }<ins>{ new }</ins></span>
                    }
                </span>
            </button>
        </li>
    }
}

/// A run of more steps than this is listed in part only,
const WHOLE: usize = 800;
/// so many before and behind the current one.
const NEAR: usize = 40;

pub(crate) fn events(p: &Page<'_>) -> Html {
    let app = p.app;
    let filter = |only: bool, text: Ui| {
        let here = app.only_packet == only;
        html! { <button type="button" class={classes!("filter", here.then_some("here"))} aria-pressed={here.to_string()} onclick={p.act(Action::OnlyPacket(only))}>{ p.text(text) }</button> }
    };
    html! {
        <section class="events" aria-label={p.text(Ui::Events)}>
            <div class="events-head">
                { drawer_tabs(p) }
                <p class="verdict">{ verdict_line(p) }</p>
                <div class="filters">{ filter(true, Ui::ThisPacket) }{ filter(false, Ui::AllPackets) }</div>
            </div>
            { list(p) }
        </section>
    }
}

fn verdict_line(p: &Page<'_>) -> Html {
    if let Some(why) = &p.app.refused {
        return html! { <span class="bad" lang="en">{ why }</span> };
    }
    let (Some(l), Some(run)) = (&p.app.loaded, p.app.run()) else { return html! { <span></span> } };
    let c = Context { state: l.session.initial(), labels: &l.labels };
    let good = run.verdict.outcome.as_ref().is_some_and(view::words::is_good);
    html! { <span class={if good { "good" } else { "bad" }}>{ rich(&verdict(&c, &run.verdict, p.app.lang)) }</span> }
}

fn list(p: &Page<'_>) -> Html {
    let app = p.app;
    let (Some(l), Some(_)) = (&app.loaded, app.run()) else {
        return html! { <div class="empty"><strong>{ p.text(Ui::ReadyTitle) }</strong><span>{ p.text(Ui::ReadyText) }</span></div> };
    };
    let events = l.session.events();
    let c = Context { state: l.session.initial(), labels: &l.labels };
    let current = app.step().checked_sub(1).and_then(|i| app.steps.get(i)).copied();
    let send = p.send.clone();
    let go = Callback::from(move |i| send.emit(Action::SeekEvent(i)));
    let lang: Lang = app.lang;
    let shown = (app.grain, app.pane, app.only_packet);
    // Of a long run only what is near the current step is in the list.
    let mine = |i: &&usize| !app.only_packet || p.scene.packet.is_none() || events[**i].packet == p.scene.packet;
    let all: Vec<usize> = app.steps.iter().filter(mine).copied().collect();
    let here = current.map_or(0, |c| all.partition_point(|i| *i < c));
    let first = if all.len() <= WHOLE { 0 } else { here.saturating_sub(NEAR).min(all.len() - 2 * NEAR) };
    let last = if all.len() <= WHOLE { all.len() } else { first + 2 * NEAR };
    let rows = all[first..last].iter().map(|i| {
        let e = &events[*i];
        let g = glyph(e, c.state);
        html! {
            <Row key={*i} number={*i} place={place(e, c.state, &l.labels)} glyph={g} word={marker(e, g, lang)} text={sentence(&c, e, lang)} change={change(e)} current={(current == Some(*i)).then_some(shown)} go={go.clone()} />
        }
    });
    let left_out = |n: usize, key: &'static str| html! { <li key={key} class={if n > 0 { "left-out" } else { "hidden" }} aria-hidden="true">{ format!("… {n}") }</li> };
    let rows: Vec<Html> = std::iter::once(left_out(first, "before")).chain(rows).chain([left_out(all.len() - last, "after")]).collect();
    html! { <ol class="event-list" tabindex="0" aria-label={p.text(Ui::Events)}>{ rows }</ol> }
}

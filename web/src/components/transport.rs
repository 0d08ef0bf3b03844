//! The transport: play, steps, scrubber; and the track with packets and decisions.

use super::{Page, icons};
use view::app::{Action, When};
use view::story::{Grain, glyph};
use view::words::{Ui, marker};
use web_sys::HtmlInputElement;
use yew::prelude::*;

pub(crate) fn transport(p: &Page<'_>) -> Html {
    let app = p.app;
    let (step, n) = (app.step(), app.derived.steps.len());
    let send = p.page.send.clone();
    let scrub = Callback::from(move |e: InputEvent| {
        if let Some(n) =
            e.target_dyn_into::<HtmlInputElement>().and_then(|i| i.value().parse().ok())
        {
            send.emit(Action::SeekStep(n));
        }
    });
    html! {
        <div class="transport">
            { p.part(buttons, 0, (app.chrome.playing, step == 0, step >= n)) }
            <span class="count"><strong>{ step }</strong>{ format!(" / {n}") }</span>
            <input
                class="scrub"
                type="range"
                min="0"
                max={n.to_string()}
                value={step.to_string()}
                aria-label={p.text(Ui::Position)}
                disabled={n == 0}
                oninput={scrub}
            />
            if app.step() < n && n > 0 && !app.chrome.playing && !p.embed() {
                <span class="past" title={p.text(Ui::PastNote)}>
                    { icons::icon("again") }<span class="sr-only">{ p.text(Ui::PastNote) }</span>
                </span>
            }
            { p.still(grains) }
        </div>
    }
}

fn buttons(p: &Page<'_>, _: usize) -> Html {
    let app = p.app;
    let (step, n) = (app.step(), app.derived.steps.len());
    let button =
        |icon: &str, text: Ui, action: Action, off: bool| p.tool(icon, text, off, p.act(action));
    let send = p.page.send.clone();
    let speed = Callback::from(move |e: Event| {
        if let Some(s) =
            e.target_dyn_into::<web_sys::HtmlSelectElement>().and_then(|s| s.value().parse().ok())
        {
            send.emit(Action::Speed(s));
        }
    });
    let speeds =
        [("25", "¼×"), ("50", "½×"), ("100", "1×"), ("200", "2×"), ("400", "4×"), ("800", "8×")];
    html! {
        <div class="buttons">
            { button("first", Ui::ToStart, Action::SeekStep(0), step == 0) }
            { button("back", Ui::StepBack, Action::StepBy(-1), step == 0) }
            <button
                type="button"
                id="play"
                class="play"
                aria-label={p.text(if app.chrome.playing { Ui::Pause } else { Ui::Play })}
                disabled={n == 0}
                onclick={p.act(Action::TogglePlay)}
            >
                { icons::icon(if app.chrome.playing { "pause" } else { "play" }) }
            </button>
            { button("forward", Ui::StepForward, Action::StepBy(1), step >= n) }
            { button("last", Ui::ToEnd, Action::SeekStep(n), step >= n) }
            <select class="speed" aria-label={p.text(Ui::Speed)} onchange={speed}>
                { for speeds.iter().map(|(v, l)| html! {
                    <option key={*v} value={*v} selected={v.parse() == Ok(app.chrome.speed)}>
                        { *l }
                    </option>
                }) }
            </select>
        </div>
    }
}

fn grains(p: &Page<'_>) -> Html {
    let grain = |g: Grain, text: Ui| {
        let here = p.app.view.grain == g;
        html! {
            <button
                type="button"
                class={classes!(here.then_some("here"))}
                aria-pressed={here.to_string()}
                onclick={p.act(Action::Grain(g))}
            >
                { p.text(text) }
            </button>
        }
    };
    html! {
        <div class="grains" role="group">
            { grain(Grain::Hops, Ui::Hops) }
            { grain(Grain::Decisions, Ui::Decisions) }
            { grain(Grain::Rules, Ui::EveryRule) }
        </div>
    }
}

/// The most markers on the track.
const MARKERS: usize = 17;

/// The most packets that are pills.
const PILLS: usize = 40;

/// The track: the packets as pills, and the steps of the current one as markers.
pub(crate) fn track(p: &Page<'_>) -> Html {
    let app = p.app;
    if app.run().is_none() {
        return html! { <div class="track"></div> };
    }
    let markers = app.track(MARKERS).into_iter().map(|m| p.part(mark, m.event, m));
    html! {
        <div class="track">
            { p.part(pills, 0, p.scene.packet) }
            <ol class="markers">{ for markers }</ol>
        </div>
    }
}

/// The packets near the current one.
fn pills(p: &Page<'_>, _: usize) -> Html {
    let packets = &p.app.derived.packets;
    let at = packets.iter().position(|x| Some(x.id) == p.scene.packet).unwrap_or(0);
    let from = at.saturating_sub(PILLS / 2).min(packets.len().saturating_sub(PILLS));
    let near = packets.iter().enumerate().skip(from).take(PILLS);
    html! {
        <div class="pills">
            { for near.map(|(i, x)| p.part(pill, i, p.scene.packet == Some(x.id))) }
        </div>
    }
}

/// The pill of a packet.
fn pill(p: &Page<'_>, number: usize) -> Html {
    let Some(x) = p.app.derived.packets.get(number) else {
        return html! { <button type="button"></button> };
    };
    let here = p.scene.packet == Some(x.id);
    let word = if x.reply { format!("‹ {}", x.word) } else { format!("{} ›", x.word) };
    html! {
        <button
            type="button"
            tabindex={stop(here)}
            class={classes!("pill", here.then_some("here"), x.reply.then_some("back"))}
            aria-pressed={here.to_string()}
            onclick={p.act(Action::SeekPacket(x.id))}
        >
            { word }
        </button>
    }
}

/// The marker of a step.
fn mark(p: &Page<'_>, event: usize) -> Html {
    let m = p.app.track_step(event);
    let Some((l, e)) =
        p.app.session.loaded.as_ref().and_then(|l| Some((l, l.session.events().get(event)?)))
    else {
        return html! { <li></li> };
    };
    let g = glyph(e, l.session.last());
    let now = m.when == When::Current;
    let state = match m.when {
        When::Past => "been",
        When::Current => "now",
        When::Future => "ahead",
    };
    html! {
        <li class={classes!("marker", state, m.encapsulated.then_some("shell"))}>
            <button
                type="button"
                tabindex={stop(now)}
                onclick={p.act(Action::SeekEvent(event))}
                aria-current={now.then_some("step")}
            >
                <span class="sign">{ icons::glyph(g) }</span>
                <span class="word">{ marker(e, g, p.lang()) }</span>
            </button>
        </li>
    }
}

/// The tabindex of one of many: only the current one is a tab stop.
fn stop(here: bool) -> &'static str {
    if here { "0" } else { "-1" }
}

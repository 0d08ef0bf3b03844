//! The embed: the parameters of its address, and its messages with the parent page.
//!
//! `embed.js` runs before the engine. It reads the address into `data-` attributes of the body, and
//! validates and sends the messages. This module turns the attributes and the parent page's
//! commands into actions, and reports the state to `embed.js`.

use crate::bindings::{Frame, globals, to_js};
use crate::interop;
use crate::message::Msg;
use net::event::EventKind;
use play::Ending;
use play::presets::Preset;
use serde::Serialize;
use std::cell::Cell;
use view::Lang;
use view::app::{Action, App, Effect, Tab, Theme, link, update};
use view::embed::Shown;
use view::story::{Grain, place};
use view::words::{Context, sentence, verdict};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use yew::Callback;

thread_local! {
    /// Whether opening the link of the address has failed.
    static UNREADABLE: Cell<bool> = const { Cell::new(false) };
}

/// A parameter of the address; empty if it is missing.
fn asked(name: &str) -> String {
    gloo::utils::body().get_attribute(&format!("data-{name}")).unwrap_or_default()
}

/// The part of the page that the embed shows.
pub fn shown() -> Shown {
    Shown::named(&asked("view")).unwrap_or_default()
}

/// Whether the embed has playback controls.
pub fn has_controls() -> bool {
    asked("controls") != "0"
}

/// Why nothing can be shown: the link cannot be opened, or its document has errors.
pub fn broken(app: &App) -> Option<String> {
    interop::link()?;
    if UNREADABLE.get() {
        return app.session.refused.clone();
    }
    let error = app.document.diagnostics.iter().find(|d| d.severity == kube::Severity::Error);
    error.map(ToString::to_string)
}

/// The title of the embed: that of its preset, or "Packetwalk".
pub fn title(app: &App) -> &'static str {
    if broken(app).is_some() {
        return "Packetwalk";
    }
    let preset = Preset::named(app.document.preset).filter(|p| p.document() == *app.document.text);
    preset.map_or("Packetwalk", |p| if app.chrome.lang == Lang::Ja { p.title_ja } else { p.title })
}

/// The initial state of the embed: the session of its link, the Script of its document, or the
/// probe of its preset.
pub fn opened() -> (App, Vec<Effect>) {
    let lang = match asked("lang").as_str() {
        "ja" => Lang::Ja,
        "en" => Lang::En,
        _ => match interop::link().and_then(|l| link::language(&l)) {
            Some(tag) if tag == "ja" => Lang::Ja,
            Some(_) => Lang::En,
            None if interop::browser_language().starts_with("ja") => Lang::Ja,
            None => Lang::En,
        },
    };
    let mut app = App::new(lang, &asked("preset"));
    app.chrome.theme = match asked("theme").as_str() {
        "light" => Theme::Light,
        "dark" => Theme::Dark,
        _ => Theme::System,
    };
    if let Some(link) = interop::link() {
        update(&mut app, Action::Link(link));
        UNREADABLE.set(app.session.refused.is_some());
    }
    // A preset has a probe; a document from a link has its Script.
    let fresh = interop::link().is_none();
    if fresh {
        update(&mut app, Action::Send);
    }
    match asked("grain").as_str() {
        "hops" => _ = update(&mut app, Action::Grain(Grain::Hops)),
        "decisions" => _ = update(&mut app, Action::Grain(Grain::Decisions)),
        "rules" => _ = update(&mut app, Action::Grain(Grain::Rules)),
        _ => {}
    }
    match asked("step").parse() {
        Ok(step) => _ = update(&mut app, Action::SeekStep(step)),
        Err(_) if fresh || app.view.cursor == 0 => {
            let first = first(&app);
            update(&mut app, Action::SeekStep(first));
        }
        Err(_) => {}
    }
    app.view.tab = if shown() == Shown::Packet { Tab::Packet } else { Tab::Rules };
    app.history = view::app::History::default();
    app.chrome.playing = false;
    let plays = asked("play") == "1" && !interop::prefers("(prefers-reduced-motion: reduce)");
    let begin = if plays { update(&mut app, Action::TogglePlay) } else { Vec::new() };
    (app, begin)
}

/// The step at which a session opens if the address names none: the first, or, without the diagram,
/// the first that has rules to show.
fn first(app: &App) -> usize {
    let Some(l) = app.session.loaded.as_ref().filter(|_| shown() != Shown::Diagram) else {
        return 1;
    };
    let ruled = |i: &usize| {
        matches!(
            l.session.events()[*i].kind,
            EventKind::Walked { .. } | EventKind::Translated { .. }
        )
    };
    app.derived.steps.iter().position(ruled).map_or(1, |n| n + 1)
}

/// The object of embed.js that receives reports.
fn frame() -> Option<Frame> {
    globals().packetwalk()?.embed()
}

/// Carries out a command of the parent page, which embed.js has validated.
pub fn obey(act: Callback<Msg>) {
    let Some(frame) = frame() else { return };
    let command = Closure::<dyn FnMut(String, f64)>::new(move |what: String, step: f64| {
        act.emit(match what.as_str() {
            "seek" => Msg::Do(Action::SeekStep(step as usize)),
            what => Msg::Play(what == "play"),
        });
    });
    let _ = frame.set_command(command.into_js_value().unchecked_ref());
}

/// The state, as embed.js takes it.
#[derive(Default, Serialize)]
struct Seen {
    /// The number of steps before the moment.
    step: usize,
    steps: usize,
    playing: bool,
    title: &'static str,
    /// Whether nothing can be shown; `refused` then has the reason.
    broken: bool,
    /// Why the last action was refused.
    refused: Option<String>,
    /// The width of the visible picture, in picture units.
    width: f32,
    height: f32,
    /// What the current step does, and where.
    text: Option<String>,
    place: Option<String>,
    /// The hash of all events, in the first report.
    hash: Option<String>,
    /// At the last step: whether the probe was answered, and the verdict.
    answered: bool,
    outcome: Option<String>,
}

/// Reports the state to embed.js. `first`: for the first time.
pub fn tell(app: &App, first: bool) {
    let Some(frame) = frame() else { return };
    let broken = broken(app);
    let (derived, lang) = (&app.derived, app.chrome.lang);
    let (step, steps) = (app.step(), derived.steps.len());
    let mut seen = Seen {
        step,
        steps,
        playing: app.chrome.playing,
        title: title(app),
        broken: broken.is_some(),
        refused: broken.or_else(|| app.session.refused.clone()),
        width: derived.layout.width,
        height: derived.layout.height,
        ..Seen::default()
    };
    if let Some(l) = &app.session.loaded {
        seen.hash = first.then(|| view::session::hash(&l.session));
        let c = Context { state: l.session.last(), labels: &l.labels };
        if let Some((_, e)) = app.current_event() {
            seen.text = Some(sentence(&c, e, lang).replace('`', ""));
            seen.place = Some(place(e, l.session.last(), &l.labels));
        }
        if let Some(run) = app.run().filter(|_| step == steps) {
            seen.answered = run.verdict.ending == Ending::Answered;
            seen.outcome = Some(verdict(&c, &run.verdict, lang).replace('`', ""));
        }
    }
    let _ = frame.told(&to_js(&seen));
}

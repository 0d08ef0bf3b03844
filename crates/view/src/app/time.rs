//! Time: steps at the moment shown, going back, and playback.

use super::action::{Effect, FocusField};
use super::history::UndoState;
use super::keep;
use super::parts::Loaded;
use super::state::App;
use crate::story::{self, Glyph, Grain, glyph};
use crate::words::{self, Ui};
use net::PacketId;
use net::engine::PacketOp;
use play::{Act, Anchor, ResultKind, Step};
use std::rc::Rc;

/// Takes a step at the moment shown. At an earlier moment, this discards the later steps; undo
/// restores them.
pub(super) fn act(app: &mut App, act: Act, of: Option<PacketId>) {
    let Some(l) = app.session.loaded.clone() else { return };
    app.remember();
    // After the last step that is shown there is nothing to discard.
    let is_over = of.is_none() && app.step() == app.derived.steps.len();
    let at = if is_over { l.session.events().len() } else { app.view.cursor };
    if of.is_none() && at == l.session.events().len() {
        // Nothing is in flight: the session continues.
        drop(l);
        extend(app, Step::new(Anchor::Quiet, act));
    } else {
        let session = l.session.forked(at, of, act);
        Rc::make_mut(&mut app.session.script).steps = session.steps().to_vec();
        app.session.loaded = Some(Rc::new(Loaded::new(session)));
        // The events before the moment are the same.
        app.seek(at);
    }
    (app.session.refused, app.session.changed) = (None, None);
}

/// Plays another step in the session. If the session is shared, it is replayed instead of copied.
fn extend(app: &mut App, step: Step) {
    let Some(loaded) = app.session.loaded.take() else { return };
    let mut session = Rc::try_unwrap(loaded).map(|l| l.session).unwrap_or_else(|shared| {
        let mut session = shared.session.rewound();
        session.play(&app.session.script.steps);
        session
    });
    session.play(std::slice::from_ref(&step));
    app.session.loaded = Some(Rc::new(Loaded::new(session)));
    Rc::make_mut(&mut app.session.script).steps.push(step);
}

/// Restores a state for undo or redo.
pub(super) fn restore(app: &mut App, was: &UndoState) -> Vec<Effect> {
    let mut effects = Vec::new();
    if *was.text != *app.document.text {
        effects.push(Effect::EditEditor);
    }
    // What was opened is closed again: the session before it goes on.
    let reopens = was.id != app.document.id;
    if reopens {
        let text = app.document.text.clone();
        effects.extend(app.keep(&text));
        (app.document.linked, app.document.state) = (None, None);
        app.document.id = if app.document.sessions.is_elsewhere(&was.id) {
            app.document.sessions.fresh()
        } else {
            was.id.clone()
        };
    }
    app.session.script = was.script.clone();
    let same = |l: &Rc<Loaded>| {
        let s = &l.session;
        s.document() == &*was.document
            && (s.seed(), s.start()) == (was.script.seed, was.script.start)
    };
    match app.session.loaded.clone().filter(same) {
        Some(l) if l.session.steps() == was.script.steps => {}
        Some(l) => {
            let mut session = l.session.rewound();
            session.play(&was.script.steps);
            app.session.loaded = Some(Rc::new(Loaded::new(session)));
        }
        None => app.show(&was.document),
    }
    app.seek(was.cursor);
    // A text with errors is shown next to the last valid cluster.
    if *was.text != *app.document.text || app.document.is_stale() {
        app.document.text = was.text.clone();
        app.build();
    }
    app.chrome.playing = false;
    (app.session.refused, app.session.changed) = (None, None);
    if reopens {
        effects.extend(keep::arrive(app, false));
    }
    effects
}

/// Takes a step; if it is refused, restores the state. Returns whether it was done.
pub(super) fn try_act(app: &mut App, what: Act, of: Option<PacketId>) -> bool {
    let (was, future) = (app.snapshot(), app.history.future().to_vec());
    act(app, what, of);
    let lang = app.chrome.lang;
    let last = app.session.script.steps.last().zip(app.session.results().last());
    let refused = last.and_then(|(step, result)| match &result.kind {
        ResultKind::Invalid(e) => {
            let (message, hint) = words::probe_error(e, lang);
            Some(format!("{message}: {hint}"))
        }
        ResultKind::NotDone(why) => Some(words::not_done(step, *why, lang)),
        ResultKind::Printed(out) | ResultKind::Applied(out) if out.status != 0 => {
            let text = Some(out.text.clone()).filter(|t| !t.trim().is_empty());
            Some(text.unwrap_or_else(|| words::exit_status(out.status, lang)))
        }
        _ => None,
    });
    if refused.is_some() {
        restore(app, &was);
        app.history.forget(future);
        app.session.refused = refused;
    }
    app.session.refused.is_none()
}

/// Sends the probe of the send bar.
pub(super) fn send(app: &mut App) -> Vec<Effect> {
    if let Some(wrong) = app.send.wrong_option(app.chrome.lang) {
        app.session.refused = Some(wrong);
        return Vec::new();
    }
    if app.document.is_stale() {
        app.session.refused = Some(words::ui(Ui::NotSentStale, app.chrome.lang).to_owned());
        return Vec::new();
    }
    let probe = app.send.probe();
    if !try_act(app, Act::Send(probe), None) {
        return Vec::new();
    }
    // On the button that was pressed, Space would send again.
    [Effect::Focus(FocusField::Play)].into_iter().chain(begin_playing(app)).collect()
}

/// Goes on in a document of its own, without the steps after the moment shown.
pub(super) fn fork(app: &mut App) -> Vec<Effect> {
    let before = app.session.results().iter().take_while(|r| r.events.start < app.view.cursor);
    let before = before.count();
    if before == app.session.script.steps.len() {
        return Vec::new();
    }
    let mut effects = keep::leave(app);
    let mut now = app.snapshot();
    Rc::make_mut(&mut now.script).steps.truncate(before);
    effects.extend(restore(app, &now));
    effects.extend(keep::arrive(app, true));
    effects
}

/// Goes to the first step of the last run and starts playback.
pub(super) fn begin_playing(app: &mut App) -> Vec<Effect> {
    let (Some(l), Some(run)) = (&app.session.loaded, app.session.runs().next_back()) else {
        return Vec::new();
    };
    let start = run.events.start;
    let (events, state) = (&l.session.events()[start..], l.session.last());
    let first = events.iter().position(|e| story::shown(e, state, app.view.grain)).unwrap_or(0);
    app.seek(start + first + 1);
    app.view.follow = None;
    app.chrome.playing = true;
    tick_after(app)
}

/// Operates on the packet shown.
pub(super) fn handle(app: &mut App, op: PacketOp) -> Vec<Effect> {
    let Some(packet) = app.in_flight() else { return Vec::new() };
    if try_act(app, Act::Packet(op), Some(packet)) {
        see_it(app);
    }
    Vec::new()
}

/// Goes to the first event of the last step, at the granularity that is shown.
pub(super) fn see_it(app: &mut App) {
    if let Some(behind) = app.session.results().last().map(|r| r.events.start) {
        app.derive();
        let next = app.derived.steps.iter().find(|i| **i >= behind);
        app.seek(next.map_or(behind, |i| *i) + 1);
    }
    app.chrome.playing = false;
}

/// Goes to the moment after `step` steps.
pub(super) fn go(app: &mut App, step: usize) {
    let to = match step.min(app.derived.steps.len()) {
        0 => 0,
        n => app.derived.steps.get(n - 1).map_or(0, |i| i + 1),
    };
    app.seek(to);
}

/// Goes to the next or previous device.
pub(super) fn hop(app: &mut App, forward: bool) {
    let Some(l) = app.session.loaded.clone() else { return };
    let events = l.session.events();
    let steps = app.derived.steps.clone();
    let is_hop = |n: &usize| {
        steps.get(*n).and_then(|i| events.get(*i)).is_some_and(|e| {
            matches!(
                glyph(e, l.session.last()),
                Glyph::Wire | Glyph::Deliver | Glyph::Done | Glyph::Drop
            )
        })
    };
    jump(app, forward, &is_hop);
}

/// Goes to the next or previous marker of the packet shown, past chains and bridges.
pub(super) fn to_marker(app: &mut App, forward: bool) {
    let Some(l) = app.session.loaded.clone() else { return };
    let events = l.session.events();
    let packet = app.current_packet();
    let steps = app.derived.steps.clone();
    let is_marker = |n: &usize| {
        let e = steps.get(*n).and_then(|i| events.get(*i));
        e.is_some_and(|e| {
            e.packet == packet && !matches!(glyph(e, l.session.last()), Glyph::Jump | Glyph::Bridge)
        })
    };
    let here = app.step();
    if forward && !(here..app.derived.steps.len()).any(|n| is_marker(&n)) {
        // The packet has no more markers: go to the next step.
        return go(app, here + 1);
    }
    jump(app, forward, &is_marker);
}

fn jump(app: &mut App, forward: bool, is_stop: &dyn Fn(&usize) -> bool) {
    let here = app.step();
    let to = if forward {
        (here..app.derived.steps.len()).find(is_stop).map(|n| n + 1)
    } else {
        (0..here.saturating_sub(1)).rev().find(is_stop).map(|n| n + 1)
    };
    go(app, to.unwrap_or(if forward { app.derived.steps.len() } else { 0 }));
}

/// The effect that schedules the next step of playback.
pub(super) fn tick_after(app: &App) -> Vec<Effect> {
    if !app.chrome.playing {
        return Vec::new();
    }
    // How long a step is shown: for hops, decisions, rules; in ms at 100 % times 100.
    let rest = match app.view.grain {
        Grain::Hops => 70_000,
        Grain::Decisions => 90_000,
        Grain::Rules => 25_000,
    };
    vec![Effect::TickAfter(rest / app.chrome.speed.max(1))]
}

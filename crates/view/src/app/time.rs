//! Time: what is done at the moment that is shown, going back, and playing on.

use super::history::Snapshot;
use super::state::{App, Loaded};
use super::update::Effect;
use crate::story::{Glyph, Grain, glyph};
use net::engine::PacketOp;
use play::{Act, Came, Step, Timeline, When};
use std::rc::Rc;

/// Does something at the moment that is shown. In the past, what came after is given up; it can be
/// undone.
pub(super) fn act(app: &mut App, act: Act) {
    let Some(l) = app.loaded.clone() else { return };
    app.remember();
    let (at, end) = (app.cursor(), l.session.events().len());
    let mut script = Vec::clone(&app.script);
    if at < end {
        script.truncate(app.began.iter().take_while(|b| **b < at).count());
    }
    // From where nothing is under way, or from the middle.
    let when = if at < end && !script.is_empty() { When::After(at) } else { When::Quiet };
    let step = Step { when, act };
    if at == end && !script.is_empty() {
        // Nothing is under way: the session goes on.
        drop(l);
        if let Some(l) = app.own_loaded() {
            let done = l.session.steps(std::slice::from_ref(&step));
            app.began.extend(done.iter().map(|d| d.behind));
            app.came.extend(done.into_iter().map(|d| d.came));
        }
        script.push(step);
        app.script = Rc::new(script);
    } else {
        script.push(step);
        play(app, &l, Rc::new(script));
        // What lies behind is the same.
        app.seek(at);
    }
    app.refused = None;
    app.retell();
    app.arrange();
}

/// Plays a script from its beginning.
fn play(app: &mut App, l: &Loaded, script: Rc<Vec<Step>>) {
    let mut session = l.session.rewound();
    let done = session.steps(&script);
    app.began = done.iter().map(|d| d.behind).collect();
    app.came = done.into_iter().map(|d| d.came).collect();
    app.script = script;
    app.timeline = Some(Timeline::new(session.initial()));
    app.loaded =
        Some(Rc::new(Loaded { session, labels: l.labels.clone(), layout: l.layout.clone() }));
}

/// To another text, script and moment: undo, redo, a page that was handed over.
pub(super) fn restore(app: &mut App, was: &Snapshot) -> Vec<Effect> {
    let shown = app.loaded.as_ref().map(|l| l.session.document().to_owned());
    let other_chances = (app.seed, app.cold) != (was.seed, was.cold);
    let effects =
        if *was.text == *app.text { Vec::new() } else { vec![Effect::SetEditor, Effect::KeepText] };
    (app.seed, app.cold) = (was.seed, was.cold);
    if other_chances || shown.as_deref() != Some(&*was.document) {
        app.read(&was.document);
    }
    if let Some(l) = app.loaded.clone().filter(|l| l.session.document() == &*was.document) {
        play(app, &l, was.script.clone());
        app.retell();
        app.arrange();
        app.seek(was.cursor);
    }
    // A text with errors stands beside the cluster it once was.
    if *was.text != *app.text {
        app.read(&was.text);
    }
    app.playing = false;
    app.refused = None;
    effects
}

/// Does something, or leaves everything as it was if it could not be done.
pub(super) fn try_act(app: &mut App, what: Act) -> bool {
    let (was, future) = (app.snapshot(), app.history.future().to_vec());
    act(app, what);
    let refused = match app.came.last() {
        Some(Came::Refused(e)) => Some(format!("{}: {}", e.message, e.hint)),
        Some(Came::Done(false)) => Some(String::new()),
        Some(Came::Output(out)) if out.status != 0 => Some(out.text.clone()),
        _ => None,
    };
    if refused.is_some() {
        restore(app, &was);
        app.history.forget(future);
        app.refused = refused;
    }
    app.refused.is_none()
}

/// Sends what the sentence says.
pub(super) fn send(app: &mut App) -> Vec<Effect> {
    if let Some(wrong) = app.wrong_option() {
        app.refused = Some(wrong);
        return Vec::new();
    }
    let probe = app.probe();
    if try_act(app, Act::Action(play::Action::Send(probe))) {
        begin_playing(app)
    } else {
        Vec::new()
    }
}

/// To the first step of what was begun last, and on by itself.
pub(super) fn begin_playing(app: &mut App) -> Vec<Effect> {
    let Some(start) = app.runs().next_back().map(|r| r.events.start) else { return Vec::new() };
    let first = app.steps.iter().position(|i| *i >= start).unwrap_or(0);
    go(app, first + 1);
    app.follow = None;
    app.playing = true;
    tick_after(app)
}

/// Does something to the packet that is shown.
pub(super) fn handle(app: &mut App, op: PacketOp) -> Vec<Effect> {
    let Some(packet) = app.in_flight() else { return Vec::new() };
    if try_act(app, Act::Packet(packet, op)) {
        see_it(app);
    } else {
        app.refused = Some(crate::words::ui(crate::words::Ui::Waits, app.lang).to_owned());
    }
    Vec::new()
}

/// What was done last is the next thing to see.
pub(super) fn see_it(app: &mut App) {
    if let Some(behind) = app.began.last().copied() {
        app.seek(behind + 1);
    }
    app.playing = false;
}

/// To the moment after so many steps.
pub(super) fn go(app: &mut App, step: usize) {
    let to = match step.min(app.steps.len()) {
        0 => 0,
        n => app.steps.get(n - 1).map_or(0, |i| i + 1),
    };
    app.seek(to);
}

/// To the next device, or the one before.
pub(super) fn hop(app: &mut App, forward: bool) {
    let Some(l) = app.loaded.clone() else { return };
    let events = l.session.events();
    let steps = app.steps.clone();
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

/// To the next marker of the packet that is shown, or the one before.
pub(super) fn to_marker(app: &mut App, forward: bool) {
    let Some(l) = app.loaded.clone() else { return };
    let events = l.session.events();
    let packet = app.current_packet();
    let steps = app.steps.clone();
    let is_marker = |n: &usize| {
        let e = steps.get(*n).and_then(|i| events.get(*i));
        e.is_some_and(|e| {
            e.packet == packet && !matches!(glyph(e, l.session.last()), Glyph::Jump | Glyph::Bridge)
        })
    };
    let here = app.step();
    if forward && !(here..app.steps.len()).any(|n| is_marker(&n)) {
        // The packet's way is over: on to what comes next.
        return go(app, here + 1);
    }
    jump(app, forward, &is_marker);
}

fn jump(app: &mut App, forward: bool, is_stop: &dyn Fn(&usize) -> bool) {
    let here = app.step();
    let to = if forward {
        (here..app.steps.len()).find(is_stop).map(|n| n + 1)
    } else {
        (0..here.saturating_sub(1)).rev().find(is_stop).map(|n| n + 1)
    };
    go(app, to.unwrap_or(if forward { app.steps.len() } else { 0 }));
}

/// The next step by itself, after a rest.
pub(super) fn tick_after(app: &App) -> Vec<Effect> {
    if !app.playing {
        return Vec::new();
    }
    // A step rests this long: on a hop, a decision, a rule.
    let rest = match app.grain {
        Grain::Hops => 70_000,
        Grain::Decisions => 90_000,
        Grain::Rules => 25_000,
    };
    vec![Effect::TickAfter(rest / app.speed.max(1))]
}

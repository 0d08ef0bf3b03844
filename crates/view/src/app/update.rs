//! What every action does.

use super::state::{App, Loaded, Pane, Tab, Theme};
use crate::story::{Glyph, Grain, glyph};
use crate::words::Lang;
use play::presets::Preset;
use play::{Probe, Protocol, Session};
use std::rc::Rc;

/// Something a person did, or time.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The text was edited.
    Text(String),
    /// A preset was opened.
    Preset(String),
    /// Who sends.
    From(String),
    /// To whom.
    To(String),
    /// With what.
    Proto(Protocol),
    /// The endpoint; empty: drawn.
    Endpoint(String),
    /// Empty neighbour tables or not.
    Cold(bool),
    /// Send.
    Send,
    /// Play or pause.
    TogglePlay,
    /// The next step by itself.
    Tick,
    /// So many steps on, or back.
    Step(i32),
    /// To the step of that number; 0 is before the first.
    SeekStep(usize),
    /// To the step of that event.
    SeekEvent(usize),
    /// To the next (true) or previous device.
    Hop(bool),
    /// How fine.
    Grain(Grain),
    /// How fast.
    Speed(f32),
    /// The language.
    Lang(Lang),
    /// Light or dark.
    Theme(Theme),
    /// The inspector's tab.
    Tab(Tab),
    /// The pane of a narrow page.
    Pane(Pane),
    /// The event list: this packet, or all.
    OnlyPacket(bool),
    /// The fix of the fault of that number.
    ApplyFix(usize),
    /// Fold the nodes that the run does not touch, or not.
    Focus(bool),
    /// The page became narrow, or wide.
    Narrow(bool),
}

/// What must be done outside, after an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The editor shows another text.
    SetEditor,
    /// The language or theme of the whole page changed.
    SetPage,
    /// Call again with [`Action::Tick`] after so many milliseconds.
    TickAfter(u32),
    /// Keep the language and theme that a person chose.
    Save,
    /// Keep the text, if it is a person's own. A typed one is kept before it is read.
    KeepText,
}

/// Does an action.
pub fn update(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Text(text) => {
            app.set_text(&text);
            Vec::new()
        }
        Action::Preset(name) => {
            if let Some(p) = Preset::named(&name) {
                app.open(p);
            }
            vec![Effect::SetEditor, Effect::KeepText]
        }
        Action::From(v) => set(&mut app.from, v),
        Action::To(v) => set(&mut app.to, v),
        Action::Endpoint(v) => set(&mut app.endpoint, v),
        Action::Proto(p) => {
            app.proto = p;
            if let Some(l) = &app.loaded
                && let Some(first) = super::targets(l, p).into_iter().next()
            {
                app.to = first.value;
            }
            Vec::new()
        }
        Action::Cold(v) => {
            app.cold = v;
            Vec::new()
        }
        Action::Send => send(app),
        Action::TogglePlay => {
            app.playing = !app.playing && app.run.is_some();
            if app.playing && app.step() >= app.steps.len() {
                app.seek(app.run.as_ref().map_or(0, |r| r.events.start));
            }
            tick_after(app)
        }
        Action::Tick => {
            if !app.playing {
                return Vec::new();
            }
            go(app, app.step() + 1);
            if app.step() >= app.steps.len() {
                app.playing = false;
            }
            tick_after(app)
        }
        Action::Step(n) => {
            app.playing = false;
            let to = app.step().saturating_add_signed(n as isize);
            go(app, to);
            Vec::new()
        }
        Action::SeekStep(n) => {
            app.playing = false;
            go(app, n);
            Vec::new()
        }
        Action::SeekEvent(i) => {
            app.playing = false;
            app.seek(i + 1);
            Vec::new()
        }
        Action::Hop(forward) => {
            app.playing = false;
            hop(app, forward);
            Vec::new()
        }
        Action::Grain(g) => {
            app.grain = g;
            app.retell();
            Vec::new()
        }
        Action::Speed(s) => {
            app.speed = s.clamp(0.25, 8.0);
            Vec::new()
        }
        Action::Lang(l) => {
            app.lang = l;
            vec![Effect::SetPage, Effect::Save]
        }
        Action::Theme(t) => {
            app.theme = t;
            vec![Effect::SetPage, Effect::Save]
        }
        Action::Tab(t) => {
            app.tab = t;
            Vec::new()
        }
        Action::Pane(p) => {
            app.pane = p;
            Vec::new()
        }
        Action::OnlyPacket(v) => {
            app.only_packet = v;
            Vec::new()
        }
        Action::Focus(v) => {
            app.focus = v;
            app.arrange();
            Vec::new()
        }
        Action::Narrow(v) => {
            app.narrow = v;
            Vec::new()
        }
        Action::ApplyFix(i) => {
            let Some(fix) = app.diags.get(i).and_then(|d| d.fix.clone()) else { return Vec::new() };
            let (start, end) = (fix.span.start as usize, fix.span.end as usize);
            let (Some(before), Some(after)) = (app.text.get(..start), app.text.get(end..)) else { return Vec::new() };
            let text = format!("{before}{}{after}", fix.text);
            app.set_text(&text);
            vec![Effect::SetEditor, Effect::KeepText]
        }
    }
}

fn set(field: &mut String, value: String) -> Vec<Effect> {
    *field = value;
    Vec::new()
}

/// To the moment after so many steps.
fn go(app: &mut App, step: usize) {
    let start = app.run.as_ref().map_or(0, |r| r.events.start);
    let to = match step.min(app.steps.len()) {
        0 => start,
        n => app.steps.get(n - 1).map_or(start, |i| i + 1),
    };
    app.seek(to);
}

fn hop(app: &mut App, forward: bool) {
    let Some(l) = app.loaded.clone() else { return };
    let events = l.session.events();
    let is_hop = |n: &usize| {
        app.steps
            .get(*n)
            .and_then(|i| events.get(*i))
            .is_some_and(|e| matches!(glyph(e, l.session.initial()), Glyph::Wire | Glyph::Deliver | Glyph::Done | Glyph::Drop))
    };
    let here = app.step();
    let to = if forward {
        (here..app.steps.len()).find(is_hop).map(|n| n + 1)
    } else {
        (0..here.saturating_sub(1)).rev().find(is_hop).map(|n| n + 1)
    };
    go(app, to.unwrap_or(if forward { app.steps.len() } else { 0 }));
}

fn tick_after(app: &App) -> Vec<Effect> {
    if !app.playing {
        return Vec::new();
    }
    // A step rests this long: on a hop, a decision, a rule.
    let rest = match app.grain {
        Grain::Hops => 700.0,
        Grain::Decisions => 900.0,
        Grain::Rules => 250.0,
    };
    vec![Effect::TickAfter((rest / app.speed) as u32)]
}

/// Plays the probe in a fresh session of the last valid document.
fn send(app: &mut App) -> Vec<Effect> {
    let Some(old) = app.loaded.clone() else { return Vec::new() };
    app.sends += 1;
    let Ok(mut session) = Session::new(old.session.document(), app.sends, !app.cold) else { return Vec::new() };
    let mut probe = Probe::new(&app.from, &app.to);
    probe.proto = app.proto;
    probe.endpoint = app.endpoint.parse::<std::net::SocketAddr>().ok().map(|s| (s.ip(), Some(s.port())));
    match session.send(&probe) {
        Ok(run) => {
            app.timeline = Some(play::Timeline::new(session.initial()));
            app.loaded = Some(Rc::new(Loaded { session, labels: old.labels.clone(), layout: old.layout.clone() }));
            app.run = Some(run);
            app.refused = None;
            app.arrange();
            app.retell();
            go(app, 1);
            app.playing = true;
        }
        Err(e) => {
            app.refused = Some(format!("{} {}", e.message, e.hint));
            app.playing = false;
        }
    }
    tick_after(app)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> App {
        let mut app = App::new(Lang::En, "article-nodeport");
        app.endpoint = "10.1.6.5:80".to_owned();
        update(&mut app, Action::Send);
        app
    }

    #[test]
    fn sending_begins_a_run_at_its_first_step() {
        let app = sent();
        assert!(app.run.is_some() && app.playing);
        assert_eq!(app.step(), 1);
        assert!(app.steps.len() > 100, "{}", app.steps.len());
    }

    #[test]
    fn forth_and_back_is_where_one_was() {
        let mut app = sent();
        let states: Vec<_> = (0..40)
            .map(|_| {
                update(&mut app, Action::Step(1));
                app.timeline.as_ref().map(|t| t.state().clone())
            })
            .collect();
        for before in states.iter().rev().skip(1) {
            update(&mut app, Action::Step(-1));
            assert_eq!(&app.timeline.as_ref().map(|t| t.state().clone()), before);
        }
    }

    #[test]
    fn what_is_chosen_and_gone_is_chosen_anew() {
        let mut app = sent();
        update(&mut app, Action::Text(String::new()));
        let l = app.loaded.clone().expect("the default cluster");
        assert!(super::super::senders(&l).iter().any(|c| c.value == app.from), "{}", app.from);
        assert_eq!(app.endpoint, "");
        update(&mut app, Action::Send);
        assert_eq!(app.refused, None);
    }

    #[test]
    fn an_error_keeps_the_last_valid_cluster_and_its_fix_mends_it() {
        let mut app = App::new(Lang::En, "article-nodeport");
        let broken = app.text.replace("nodePort: 30080", "nodePort: 20000");
        update(&mut app, Action::Text(broken));
        assert!(app.stale && app.loaded.is_some());
        assert_eq!(app.errors(), 1);
        let effects = update(&mut app, Action::ApplyFix(0));
        assert!(!app.stale && effects.contains(&Effect::SetEditor));
        assert!(app.text.contains("nodePort: 30000"));
    }

    #[test]
    fn a_run_plays_to_its_end_and_stops() {
        let mut app = sent();
        for _ in 0..app.steps.len() + 5 {
            update(&mut app, Action::Tick);
        }
        assert!(!app.playing);
        assert_eq!(app.step(), app.steps.len());
        assert!(update(&mut app, Action::Tick).is_empty());
    }
}

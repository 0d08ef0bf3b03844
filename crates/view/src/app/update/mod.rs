//! Applies actions to the state.

use super::action::{Action, Effect, FocusField};
use super::panes::{Drawer, Side};
use super::parts::{Dialog, Selected};
use super::state::App;
use super::{combo, edit, keep, terminal, time};
use play::Start;
use play::presets::Preset;
use std::rc::Rc;

/// Applies an action, then derives what follows from it. Returns the effects.
pub fn update(app: &mut App, action: Action) -> Vec<Effect> {
    if action.folds_header() {
        app.chrome.unfolded = None;
    }
    let cursor = app.view.cursor;
    let effects = apply(app, action);
    if app.view.cursor != cursor {
        app.view.station = None;
    }
    app.derive();
    effects
}

fn apply(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::Text(text) => {
            let was = app.snapshot();
            app.history.typed(was, &text);
            app.read(&text);
            Vec::new()
        }
        Action::Preset(name) => {
            if let Some(kept) = app.document.sessions.get(&name).cloned() {
                return keep::open(app, &kept);
            }
            let Some(p) = Preset::named(&name) else { return Vec::new() };
            let mut effects = keep::leave(app);
            app.open(p);
            effects.extend(keep::arrive(app, true));
            effects
        }
        Action::From(v) => set(&mut app.send.from, v),
        Action::To(v) => {
            app.send.to = v;
            app.send.endpoint.clear();
            Vec::new()
        }
        Action::Combo(end, a) => {
            combo::act(app, end, a);
            Vec::new()
        }
        Action::Endpoint(v) => set(&mut app.send.endpoint, v),
        Action::Proto(p) => {
            app.send.proto = p;
            if let Some(first) = app.targets().into_iter().next() {
                app.send.to = first.value;
            }
            app.send.endpoint.clear();
            Vec::new()
        }
        Action::Cold(v) => {
            app.remember();
            Rc::make_mut(&mut app.session.script).start = if v { Start::Cold } else { Start::Used };
            start_over(app);
            Vec::new()
        }
        Action::Options(o) => {
            app.send.options = o;
            Vec::new()
        }
        Action::Send => time::send(app),
        Action::StartOver => {
            app.remember();
            let script = Rc::make_mut(&mut app.session.script);
            script.seed = (script.seed + 1) & (i64::MAX as u64);
            start_over(app);
            Vec::new()
        }
        Action::Packet(op) => time::handle(app, op),
        Action::Follow(packet) => {
            app.view.follow = packet;
            Vec::new()
        }
        Action::Change(c) => edit::edit(app, &c),
        Action::Undo => {
            let now = app.snapshot();
            app.history.undo(now).map_or_else(Vec::new, |was| time::restore(app, &was))
        }
        Action::Redo => {
            let now = app.snapshot();
            app.history.redo(now).map_or_else(Vec::new, |next| time::restore(app, &next))
        }
        Action::Select(s) => {
            if let Some(s) = &s
                && !s.host.starts_with("svc/")
            {
                app.terminal.host = terminal_host(&s.host);
                app.terminal.offers.clear();
            }
            match s {
                Some(s) => app.select(s).into_iter().collect(),
                None => {
                    app.view.selected = None;
                    Vec::new()
                }
            }
        }
        Action::SelectAt(at) => {
            let host = kube::change::thing_at(&app.document.text, at)
                .and_then(|thing| app.host_of(&thing));
            match host {
                Some(host) => apply(app, Action::Select(Some(Selected { host, device: None }))),
                None => Vec::new(),
            }
        }
        Action::Drawer(d) => {
            app.chrome.panes.drawer = d;
            let focus = (d == Some(Drawer::Terminal)).then_some(Effect::Focus(FocusField::Command));
            [Effect::Panes].into_iter().chain(focus).collect()
        }
        Action::Fold(side, fold) => {
            let panes = &mut app.chrome.panes;
            match side {
                Side::Editor => panes.editor = fold,
                Side::Inspector => panes.inspector = fold,
                Side::Drawer => {}
            }
            // The button that was pressed is hidden; the focus goes to the one that undoes it.
            vec![Effect::Panes, Effect::Focus(FocusField::Pane(side, fold))]
        }
        Action::Resize(side, size) => {
            app.chrome.panes.resize(side, size);
            vec![Effect::Panes]
        }
        Action::Header(part) => {
            app.chrome.unfolded = part;
            Vec::new()
        }
        Action::TerminalHost(host) => {
            app.terminal.offers.clear();
            set(&mut app.terminal.host, host)
        }
        Action::TerminalLine(line) => {
            app.terminal.offers.clear();
            set(&mut app.terminal.line, line)
        }
        Action::TerminalRun => terminal::run(app),
        Action::Run(host, line) => {
            let (host, line) = (
                std::mem::replace(&mut app.terminal.host, terminal_host(&host)),
                std::mem::replace(&mut app.terminal.line, line),
            );
            let effects = terminal::run(app);
            (app.terminal.host, app.terminal.line) = (host, line);
            effects
        }
        Action::Share(open) => {
            app.chrome.sharing = open;
            if !open {
                return vec![Effect::Focus(FocusField::Share)];
            }
            app.chrome.playing = false;
            vec![Effect::Focus(FocusField::Link)]
        }
        Action::KeepSecrets(keep) => {
            app.chrome.keep_secrets = keep;
            Vec::new()
        }
        Action::Dialog(dialog) => {
            let field = match (&app.chrome.dialog, &dialog) {
                (None, Some(Dialog::Find(_))) => Some(FocusField::Find),
                (None, Some(Dialog::Keys)) => Some(FocusField::Keys),
                (Some(Dialog::Find(_)), None) => Some(FocusField::OpenFind),
                (Some(Dialog::Keys), None) => Some(FocusField::OpenKeys),
                _ => None,
            };
            app.chrome.dialog = dialog;
            field.map(Effect::Focus).into_iter().collect()
        }
        Action::ShowFound(host) => {
            let mut effects = apply(app, Action::Dialog(None));
            effects.extend(apply(app, Action::Select(Some(Selected { host, device: None }))));
            effects
        }
        Action::File(name, bytes) => match crate::files::text(&name, bytes, app.chrome.lang) {
            Ok(text) => opened(app, &text),
            Err(why) => {
                app.session.refused = Some(why);
                Vec::new()
            }
        },
        Action::Fork => time::fork(app),
        Action::Link(link) => keep::follow(app, &link),
        Action::GoToSession(id, state) => keep::back(app, &id, state.as_deref()),
        Action::UnknownAddress => vec![app.address(false)],
        Action::Keep(typed) => {
            let text = typed.map_or_else(|| app.document.text.clone(), Rc::from);
            app.keep(&text)
        }
        Action::Stored(id, fault) => {
            let again = app.document.sessions.stored(&id, fault, &app.document.id);
            app.chrome.notice_closed &= app.document.sessions.fault().is_some();
            again.into_iter().map(Effect::Store).collect()
        }
        Action::CloseNotice => {
            app.chrome.notice_closed = true;
            Vec::new()
        }
        Action::ChangedInOtherTab(id, value) => keep::changed_elsewhere(app, &id, value.as_deref()),
        Action::OpenInOtherTabs(ids) => {
            app.document.sessions.elsewhere = ids;
            Vec::new()
        }
        Action::Forget(here) => keep::forget(app, here),
        Action::Opened(text) => opened(app, &text),
        Action::TerminalComplete => terminal::complete(app),
        Action::TerminalBack(older) => {
            app.terminal.look_back(older);
            Vec::new()
        }
        Action::TogglePlay => {
            app.chrome.playing = !app.chrome.playing && !app.derived.steps.is_empty();
            if app.chrome.playing && app.step() >= app.derived.steps.len() {
                app.seek(app.run().map_or(0, |r| r.events.start));
            }
            time::tick_after(app)
        }
        Action::Tick => {
            if !app.chrome.playing {
                return Vec::new();
            }
            time::go(app, app.step() + 1);
            if app.step() >= app.derived.steps.len() {
                app.chrome.playing = false;
            }
            time::tick_after(app)
        }
        Action::StepBy(n) => {
            app.chrome.playing = false;
            let to = app.step().saturating_add_signed(n as isize);
            time::go(app, to);
            Vec::new()
        }
        Action::SeekStep(n) => {
            app.chrome.playing = false;
            time::go(app, n);
            Vec::new()
        }
        Action::SeekEvent(i) => {
            (app.chrome.playing, app.view.follow) = (false, None);
            app.seek(i + 1);
            Vec::new()
        }
        Action::SeekPacket(id) => {
            let first = app.steps_of(id).first().copied();
            match first.or_else(|| app.derived.index.of(id).first().copied()) {
                Some(i) => apply(app, Action::SeekEvent(i)),
                None => Vec::new(),
            }
        }
        Action::Hop(forward) => {
            app.chrome.playing = false;
            time::hop(app, forward);
            Vec::new()
        }
        Action::Marker(forward) => {
            app.chrome.playing = false;
            time::to_marker(app, forward);
            Vec::new()
        }
        Action::Grain(g) => {
            app.view.grain = g;
            app.derive();
            // Counter, list and picture show the same step.
            time::go(app, app.step());
            Vec::new()
        }
        Action::Speed(s) => {
            app.chrome.speed = s.clamp(25, 800);
            Vec::new()
        }
        Action::Lang(l) => {
            app.chrome.lang = l;
            vec![Effect::SetPage, Effect::Save]
        }
        Action::Theme(t) => {
            app.chrome.theme = t;
            vec![Effect::SetPage, Effect::Save]
        }
        Action::Tab(t) => {
            app.view.tab = t;
            Vec::new()
        }
        Action::RulesView(v) => {
            app.view.rules_view = v;
            Vec::new()
        }
        Action::Unfold(chain, first) => {
            let it = Some((chain, first));
            app.view.unfolded = if app.view.unfolded == it { None } else { it };
            Vec::new()
        }
        Action::Search(words) => set(&mut app.view.search, words),
        Action::Pane(p) => {
            app.chrome.pane = p;
            Vec::new()
        }
        Action::OnlyPacket(v) => {
            app.view.only_packet = v;
            Vec::new()
        }
        Action::Room(w, h) => {
            // A pane that is not shown has no size.
            if w > 0 && h > 0 {
                app.view.room = (w as f32, h as f32);
            }
            Vec::new()
        }
        Action::Focus(v) => {
            app.view.focus = v;
            Vec::new()
        }
        Action::Station(place) => {
            app.view.station = place;
            Vec::new()
        }
        Action::EveryTile(v) => {
            app.view.every_tile = v;
            Vec::new()
        }
        Action::ApplyFix(i) => {
            let Some(fix) = app.document.diagnostics.get(i).and_then(|d| d.fix.clone()) else {
                return Vec::new();
            };
            let (start, end) = (fix.span.start as usize, fix.span.end as usize);
            let (Some(before), Some(after)) =
                (app.document.text.get(..start), app.document.text.get(end..))
            else {
                return Vec::new();
            };
            let text = format!("{before}{}{after}", fix.text);
            app.remember();
            app.read(&text);
            vec![Effect::EditEditor]
        }
    }
}

/// Opens another document and keeps this one. Its Script is played and removed from the text; later
/// steps are appended to it.
fn opened(app: &mut App, text: &str) -> Vec<Effect> {
    let mut effects = keep::leave(app);
    app.take(text);
    app.seek(0);
    effects.extend(keep::arrive(app, true));
    effects
}

fn set(field: &mut String, value: String) -> Vec<Effect> {
    *field = value;
    Vec::new()
}

/// The name of a namespace as a sender: pods get the prefix `pod/`.
fn terminal_host(netns: &str) -> String {
    if netns.contains('/') { format!("pod/{netns}") } else { netns.to_owned() }
}

/// Removes all steps.
fn start_over(app: &mut App) {
    let valid = app.session.loaded.as_ref().map(|l| l.session.document().to_owned());
    let text = app.document.text.clone();
    app.forget_steps();
    app.show(valid.as_deref().unwrap_or(&text));
    // A text with errors is kept.
    if *app.document.text != *text {
        app.document.text = text;
        app.build();
    }
}

#[cfg(test)]
mod tests;

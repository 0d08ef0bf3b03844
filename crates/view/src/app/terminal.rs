//! The terminal: commands, their output, and the history.

use super::action::Effect;
use super::parts::Entry;
use super::state::App;
use super::{edit, time};
use net::event::EventKind;
use play::shell::kubectl;
use play::{Act, Probe, StepResult, shell};

/// Completes the line as far as it is unambiguous, then lists the alternatives.
pub(super) fn complete(app: &mut App) -> Vec<Effect> {
    let (Some(l), Some(t)) = (&app.session.loaded, &app.derived.timeline) else {
        return Vec::new();
    };
    let session = l.session.moment(t.state(), t.at());
    let offers = shell::complete(&session, &app.terminal.host, &app.terminal.line);
    let common =
        offers.iter().skip(1).fold(offers.first().cloned().unwrap_or_default(), |common, o| {
            let same = common.chars().zip(o.chars()).take_while(|(a, b)| a == b).count();
            common.chars().take(same).collect()
        });
    let begun = app.terminal.line.rsplit(' ').next().unwrap_or_default().len();
    let kept = app.terminal.line.len() - begun;
    if common.len() > begun {
        app.terminal.line.truncate(kept);
        app.terminal.line.push_str(&common);
    }
    if offers.len() == 1 && !common.ends_with('=') {
        app.terminal.line.push(' ');
    }
    app.terminal.offers = if offers.len() > 1 { offers } else { Vec::new() };
    Vec::new()
}

/// Runs the input line at the moment shown.
pub(super) fn run(app: &mut App) -> Vec<Effect> {
    let line = std::mem::take(&mut app.terminal.line).trim().to_owned();
    let host = app.terminal.host.clone();
    (app.terminal.back, app.terminal.offers) = (0, Vec::new());
    if line.is_empty() {
        return Vec::new();
    }
    if line == "clear" {
        app.terminal.entries.clear();
        return Vec::new();
    }
    let (Some(l), Some(t)) = (&app.session.loaded, &app.derived.timeline) else {
        return Vec::new();
    };
    let mut moment = l.session.moment(t.state(), t.at());
    let mut effects = Vec::new();
    let mut known_at = 0;
    let out = if shell::sends(&line) {
        match shell::probe(&moment, &host, &line) {
            Ok(probe) => {
                let (out, begins) = sent(app, &probe, &mut known_at);
                effects = begins;
                out
            }
            Err(out) => out,
        }
    } else if let Some(change) = kubectl::edit_of(&line).filter(|_| !app.session.is_played()) {
        // Before the first step a change is an edit of the document.
        effects = edit::edit(app, &change);
        match app.session.refused.take() {
            Some(why) => shell::CommandOutput { text: format!("error: {why}\n"), status: 1 },
            None => shell::CommandOutput { text: kubectl::told(&change), status: 0 },
        }
    } else if shell::changes(&line) {
        let what = Act::Run { host: host.clone(), line: line.clone() };
        if time::try_act(app, what, None) {
            let last = app.session.results().last();
            let out = last.and_then(StepResult::output).cloned().unwrap_or_default();
            time::see_it(app);
            out
        } else {
            shell::CommandOutput { text: app.session.refused.take().unwrap_or_default(), status: 1 }
        }
    } else {
        shell::exec(&mut moment, &host, &line)
    };
    app.terminal.entries.push(Entry {
        host,
        line,
        output: out.text,
        good: out.status == 0,
        known_at,
    });
    effects
}

/// Sends the probe of a command, whose output is known when the probe ends.
fn sent(app: &mut App, probe: &Probe, known_at: &mut usize) -> (shell::CommandOutput, Vec<Effect>) {
    if !time::try_act(app, Act::Send(probe.clone()), None) {
        return (
            shell::CommandOutput {
                text: app.session.refused.take().unwrap_or_default() + "\n",
                status: 1,
            },
            Vec::new(),
        );
    }
    let (Some(l), Some(run)) = (&app.session.loaded, app.session.runs().next_back()) else {
        return Default::default();
    };
    let ended = |e: &net::Event| match &e.kind {
        EventKind::Ended { tag, .. } => *tag == run.tag,
        _ => false,
    };
    let events = l.session.events();
    *known_at = events.iter().rposition(ended).map_or(events.len(), |i| i + 1);
    let out = shell::report(&l.session, probe, Ok(run));
    (out, time::begin_playing(app))
}

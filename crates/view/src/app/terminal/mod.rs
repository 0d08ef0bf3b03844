//! The terminal: commands, their output, and the history.

use super::action::Effect;
use super::parts::{Entry, Terminal};
use super::state::App;
use super::{edit, time};
use crate::session::moment;
use net::event::EventKind;
use play::shell::kubectl;
use play::{Act, CommandOutput, ResultKind, Session, Step, StepResult, shell};

/// A command on the screen of the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// The host that it runs on.
    pub host: &'a str,
    /// The command.
    pub line: &'a str,
    /// What it prints.
    pub output: &'a CommandOutput,
    /// The number of events after which it is typed.
    pub typed_at: usize,
    /// The number of events after which its output is known.
    pub known_at: usize,
}

/// The prompt of a host.
pub fn prompt(host: &str) -> String {
    format!("[root@{} ~]# ", host.trim_start_matches("pod/").rsplit('/').next().unwrap_or_default())
}

impl App {
    /// The commands on the screen of the terminal, of all moments: those that are steps of the
    /// session, whoever took them, and those that were only typed here.
    pub fn transcript(&self) -> Vec<Command<'_>> {
        let Terminal { entries, cleared, .. } = &self.terminal;
        let mut steps = self.commands().enumerate().skip(*cleared).peekable();
        let mut out = Vec::new();
        for e in entries {
            while let Some((_, step)) = steps.next_if(|(n, _)| *n < e.below) {
                out.push(step);
            }
            let Entry { host, line, output, .. } = e;
            out.push(Command { host, line, output, typed_at: 0, known_at: 0 });
        }
        out.extend(steps.map(|(_, step)| step));
        out
    }

    /// The commands that are steps of the session and were performed.
    fn commands(&self) -> impl Iterator<Item = Command<'_>> {
        let session = self.session.loaded.as_ref().map(|l| &l.session);
        session.into_iter().flat_map(|s| {
            s.steps().iter().zip(s.results()).filter_map(|(step, r)| command(s, step, r))
        })
    }
}

fn command<'a>(session: &Session, step: &'a Step, result: &'a StepResult) -> Option<Command<'a>> {
    let (Act::Run { host, line }, Some(output)) = (&step.act, result.output()) else { return None };
    let typed_at = moment(result);
    let known_at = match &result.kind {
        // `curl` and `ping` print when the last request has ended.
        ResultKind::Sent { run, .. } => {
            let ended =
                |e: &net::Event| matches!(&e.kind, EventKind::Ended { tag, .. } if *tag == run.tag);
            session.events().iter().rposition(ended).map_or(session.events().len(), |i| i + 1)
        }
        _ => typed_at,
    };
    Some(Command { host, line: line.trim_end(), output, typed_at, known_at })
}

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
    app.terminal.typed.push(line.clone());
    if line == "clear" {
        app.terminal.entries.clear();
        app.terminal.cleared = app.commands().count();
        return Vec::new();
    }
    let (Some(l), Some(t)) = (&app.session.loaded, &app.derived.timeline) else {
        return Vec::new();
    };
    let mut here = l.session.moment(t.state(), t.at());
    let mut effects = Vec::new();
    let sends = shell::sends(&line);
    let fail = |text: String| CommandOutput { text, status: 1 };
    // Before the first step a change is an edit of the document.
    let change = kubectl::edit_of(&line).filter(|_| !app.session.is_played());
    let output = if let Some(change) = change {
        effects = edit::edit(app, &change);
        match app.session.refused.take() {
            Some(why) => Some(fail(format!("error: {why}\n"))),
            None => Some(CommandOutput { text: kubectl::told(&change), status: 0 }),
        }
    } else if sends || shell::changes(&line) {
        let what = Act::Run { host: host.clone(), line: line.clone() };
        if !time::try_act(app, what, None) {
            Some(fail(app.session.refused.take().unwrap_or_default()))
        } else if sends {
            effects = time::begin_playing(app);
            None
        } else {
            time::see_it(app);
            None
        }
    } else {
        Some(shell::exec(&mut here, &host, &line))
    };
    // Steps that were discarded or undone are not above any longer.
    let steps = app.commands().count();
    let Terminal { entries, cleared, .. } = &mut app.terminal;
    let above = steps - usize::from(output.is_none());
    entries.iter_mut().for_each(|e| e.below = e.below.min(above));
    *cleared = (*cleared).min(above);
    entries.extend(output.map(|output| Entry { host, line, output, below: steps }));
    effects
}

#[cfg(test)]
mod tests;

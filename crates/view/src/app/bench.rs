//! What the workbench does: edits on the diagram, and commands in the terminal.

use super::terminal::Entry;
use super::update::Effect;
use super::{App, Pane, Snapshot, link, time};
use crate::words;
use kube::change::{Change, Thing, change};
use play::shell::kubectl;
use play::{Act, Came, Probe, shell};

/// Completes the line as far as it is certain; then offers what it can be.
pub(super) fn complete(app: &mut App) -> Vec<Effect> {
    let (Some(l), Some(t)) = (&app.loaded, &app.timeline) else { return Vec::new() };
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

/// Opens a link; a person's own text goes on the shelf.
pub(super) fn open_link(app: &mut App, link: &str) -> Vec<Effect> {
    match link::open(link, app) {
        Ok(mut other) => {
            other.shelf = std::mem::take(&mut app.shelf);
            other.shelf.put(&app.text);
            other.history = std::mem::take(&mut app.history);
            other.history.remember(app.snapshot());
            *app = other;
            vec![Effect::SetEditor, Effect::KeepShelf]
        }
        Err(fault) => {
            app.refused = Some(words::link_fault(&fault, app.lang));
            // On a narrow page it stands there.
            app.pane = Pane::Events;
            Vec::new()
        }
    }
}

impl App {
    /// Every draw falls on this endpoint, `IP` or `IP:PORT`; on chance if it is empty.
    ///
    /// # Errors
    /// It is none, or none of those that are drawn.
    pub fn force(&mut self, endpoint: &str) -> Result<(), String> {
        self.endpoint.clear();
        if endpoint.is_empty() {
            return Ok(());
        }
        let (addr, port) = play::probe::parse_endpoint(endpoint)
            .ok_or_else(|| words::no_endpoint(endpoint, self.lang))?;
        if self.menus.endpoints.is_empty() {
            return Err(words::no_draw(&self.to, self.lang));
        }
        let begin = net::dump::endpoint(addr, port) + if port.is_none() { ":" } else { "" };
        let is_it = |e: &&super::Choice| {
            if port.is_none() { e.value.starts_with(&begin) } else { e.value == begin }
        };
        match self.menus.endpoints.iter().find(is_it) {
            Some(e) => self.endpoint.clone_from(&e.value),
            None => {
                let all: Vec<&str> =
                    self.menus.endpoints.iter().map(|e| e.value.as_str()).collect();
                return Err(words::none_of_draw(endpoint, &self.to, &all.join(", "), self.lang));
            }
        }
        Ok(())
    }
}

/// Runs the line that is typed, at the moment that is shown.
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
    let (Some(l), Some(t)) = (&app.loaded, &app.timeline) else { return Vec::new() };
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
    } else if let Some(change) = kubectl::edit_of(&line).filter(|_| app.script.is_empty()) {
        // Nothing has happened yet: the cluster may as well begin so.
        effects = edit(app, &change);
        match app.refused.take() {
            Some(why) => shell::Output { text: format!("error: {why}\n"), status: 1 },
            None => shell::Output { text: kubectl::told(&change), status: 0 },
        }
    } else if shell::changes(&line) {
        let what = Act::Action(play::Action::Shell { host: host.clone(), line: line.clone() });
        if time::try_act(app, what) {
            let out = if let Some(Came::Output(out)) = app.came.last() {
                out.clone()
            } else {
                shell::Output::default()
            };
            time::see_it(app);
            out
        } else {
            shell::Output { text: app.refused.take().unwrap_or_default(), status: 1 }
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

/// Sends what a command sends; what it prints is known when it ends.
fn sent(app: &mut App, probe: &Probe, known_at: &mut usize) -> (shell::Output, Vec<Effect>) {
    if !time::try_act(app, Act::Action(play::Action::Send(probe.clone()))) {
        return (
            shell::Output { text: app.refused.take().unwrap_or_default() + "\n", status: 1 },
            Vec::new(),
        );
    }
    let (Some(l), Some(Came::Run(run))) = (&app.loaded, app.came.last()) else {
        return Default::default();
    };
    let ended = |e: &net::Event| matches!(&e.kind, net::event::EventKind::Ended { tag, .. } if *tag == run.tag);
    let events = l.session.events();
    *known_at = events.iter().rposition(ended).map_or(events.len(), |i| i + 1);
    let out = shell::report(&l.session, probe, Ok(run));
    (out, time::begin_playing(app))
}

/// An edit of the cluster, as an edit of the text.
pub(super) fn edit(app: &mut App, c: &Change) -> Vec<Effect> {
    app.refused = None;
    match change(&app.text, c) {
        Ok(text) if *text == *app.text => Vec::new(),
        Ok(text) if matches!(c, Change::Move(..)) => {
            // Nothing depends on it: what was played is played again.
            let was = app.snapshot();
            app.remember();
            let text: std::rc::Rc<str> = text.into();
            time::restore(app, &Snapshot { text: text.clone(), document: text, ..was })
        }
        Ok(text) if matches!(c, Change::Version(_)) => {
            // The same is sent again, and what came of it stands beside what came before.
            let (was, before) = (app.snapshot(), app.loaded.clone());
            app.remember();
            let text: std::rc::Rc<str> = text.into();
            let effects =
                time::restore(app, &Snapshot { text: text.clone(), document: text, ..was });
            app.previous = before;
            (app.tab, app.rules_view) = (super::Tab::Rules, super::RulesView::Difference);
            effects
        }
        Ok(text) => {
            app.remember();
            if let Change::Rename(Thing::Node(old) | Thing::Host(old), to) = c
                && app.from == *old
            {
                app.from.clone_from(to);
            }
            if let (Change::Rename(thing, to), Some(s)) = (c, &mut app.selected) {
                if s.host == thing.name() {
                    s.host.clone_from(to);
                } else if let Thing::Service(namespace, name) = thing
                    && s.host == format!("svc/{namespace}/{name}")
                {
                    s.host = format!("svc/{namespace}/{to}");
                }
            }
            app.read(&text);
            vec![Effect::SetEditor, Effect::KeepText]
        }
        Err(why) => {
            app.refused = Some(why.to_string());
            Vec::new()
        }
    }
}

//! Keeping a session, and the ways back to it: a reload, the browser's history, the stored
//! sessions.

use super::action::{Address, Effect};
use super::entry::{Clock, StoredForm, printed};
use super::history::History;
use super::link;
use super::parts::OpenedFile;
use super::sessions::{self, StoredSession};
use super::state::{App, FIRST};
use crate::words::{self, Ui, ui};
use play::Script;
use std::borrow::Cow;
use std::rc::Rc;

impl App {
    /// The parts of the session with `text` in the editor.
    fn parts<'a>(&'a self, text: &'a str, script: &Script) -> Vec<(&'static str, Cow<'a, str>)> {
        let opened = self.document.opened.as_deref().filter(|o| o.script == *script);
        let mut parts: Vec<(&str, Cow<'_, str>)> = match opened {
            Some(o) if o.text == text => vec![("file", (&*o.file).into())],
            Some(o) => vec![("text", text.into()), ("script", o.script_text().into())],
            None => vec![("text", text.into()), ("script", script.to_string().into())],
        };
        let valid = self.session.loaded.as_ref().map(|l| l.session.document());
        // That of another document, which was shown before, may be much longer.
        let room = 2 * text.len().max(link::MOST);
        if let Some(valid) = valid.filter(|v| *v != text && v.len() <= room) {
            parts.push(("valid", valid.into()));
        }
        parts
    }

    /// Puts the session among the stored ones as it is, with `text` in the editor. If nothing was
    /// done in it, the entry of the browser's history alone keeps it.
    pub(super) fn keep(&mut self, text: &str) -> Vec<Effect> {
        let script = self.script_with(text);
        let id = self.document.id.clone();
        let was_linked = self.document.linked.is_some();
        self.document.linked.take_if(|(t, s)| **t != *text || *s != script);
        let linked = self.document.linked.is_some();
        // The history has no room for more than a link.
        let idle = (linked || script.steps.is_empty() && !sessions::is_own(text))
            && text.len() <= link::MOST;

        let parts = self.parts(text, &script);
        let old = self.document.sessions.get(&id);
        let same = old.filter(|k| {
            let body = k.value.split_once('\n').map(|(_, body)| body);
            let rest = parts.iter().fold(body, |body, (_, part)| body?.strip_prefix(&**part));
            rest == Some("")
        });
        let changed = match same {
            _ if idle => Clock::default(),
            Some(k) => k.changed,
            None => self.chrome.now,
        };
        let value = printed(changed, &parts, vec![("view", link::view(self, false, true))]);
        let stored = old.is_some_and(|k| *k.value == *value && k.fault.is_none());

        let mut effects = Vec::new();
        let mut moved = was_linked != linked;
        if idle {
            effects.extend(self.document.sessions.remove(&id).map(|k| Effect::Store(k.id)));
            moved |= self.document.state.as_deref() != Some(&*value);
            self.document.state = Some(value.into());
        } else {
            if !stored {
                self.document.sessions.put(StoredSession::of(&id, value.into(), changed, text));
                effects.extend(self.document.sessions.prune(&id).into_iter().map(Effect::Store));
                effects.push(Effect::Store(id.clone()));
            }
            moved |= self.document.state.take().is_some();
        }
        // What could not be stored is tried again.
        effects.extend(self.document.sessions.failed(&id).map(Effect::Store));
        effects.extend(moved.then(|| self.address(false)));
        effects
    }

    /// The entry of the browser's history for the session.
    pub(super) fn address(&self, push: bool) -> Effect {
        let doc = &self.document;
        let first = doc.state.is_some() && doc.preset == FIRST.name;
        let (id, state, linked) = (doc.id.clone(), doc.state.clone(), doc.linked.is_some());
        Effect::Address(Address { id, state, first, linked, push })
    }

    /// Goes on with another session. What surrounds the session stays.
    pub(super) fn replace(&mut self, mut other: Self) {
        other.document.sessions = std::mem::take(&mut self.document.sessions);
        other.document.id = self.document.id.clone();
        other.history = std::mem::take(&mut self.history);
        other.view.room = self.view.room;
        other.chrome = self.chrome.clone();
        let chrome = &mut other.chrome;
        (chrome.playing, chrome.sharing, chrome.keep_secrets) = (false, false, false);
        *self = other;
    }
}

/// Leaves the session for another one, which gets an identifier of its own.
pub(super) fn leave(app: &mut App) -> Vec<Effect> {
    app.remember();
    let text = app.document.text.clone();
    let effects = app.keep(&text);
    app.document.id = app.document.sessions.fresh();
    (app.document.linked, app.document.state) = (None, None);
    effects
}

/// As [`leave`], if the browser shows the address of the other session already.
pub(super) fn left(app: &mut App) -> Vec<Effect> {
    let mut effects = leave(app);
    effects.retain(|e| !matches!(e, Effect::Address(_)));
    effects
}

/// Shows another session, which keeps its place from now on. `push`: its address is new.
pub(super) fn arrive(app: &mut App, push: bool) -> Vec<Effect> {
    let text = app.document.text.clone();
    let mut effects = app.keep(&text);
    effects.retain(|e| !matches!(e, Effect::Address(_)));
    effects.extend([Effect::SetEditor, app.address(push)]);
    effects
}

/// Opens a stored session. If another tab shows it, this tab goes on with a copy.
pub(super) fn open(app: &mut App, kept: &StoredSession) -> Vec<Effect> {
    let mut effects = leave(app);
    show(app, &kept.id, Some(&kept.value));
    effects.extend(arrive(app, true));
    effects
}

/// Returns to a session of the browser's history. `state` is what the history keeps of it.
pub(super) fn back(app: &mut App, id: &str, state: Option<&str>) -> Vec<Effect> {
    if *id == *app.document.id {
        return Vec::new();
    }
    let mut effects = left(app);
    // What was stored is later: the history cannot be written while a page ends.
    let kept = app.document.sessions.get(id).map(|k| k.value.clone());
    show(app, id, kept.as_deref().or(state));
    if kept.is_none() && state.is_some() {
        app.document.linked = Some((app.document.text.clone(), app.session.script.clone()));
    }
    effects.extend(arrive(app, false));
    effects
}

/// The page with this session. Language, theme, panes and speed are those of `own`.
fn opened(entry: &StoredForm<'_>, own: &App) -> App {
    let view = link::View(entry.view.clone());
    let mut app = App::new(own.chrome.lang, &view.preset());
    let [file, text, script, valid] = entry.parts;
    if let Some(file) = file {
        app.take(file);
    } else {
        let text = text.unwrap_or_default();
        let script = script.unwrap_or_default();
        if let Ok((Some(steps), _)) = Script::take(script) {
            // A Script as the reader wrote it keeps its bytes.
            let is_own = Script::text_in(text).is_none() && steps.to_string() != script;
            let file = is_own.then(|| Script::put_text(script, text));
            app.document.opened = file.and_then(OpenedFile::new).map(Rc::new);
            app.session.script = Rc::new(steps);
        }
        app.show(text);
        if let Some(valid) = valid.filter(|_| app.document.is_stale()) {
            app.show_stale(valid, text);
        }
    }
    app.session.previous = None;
    if entry.view.is_some() {
        view.apply(&mut app);
    }
    app.derive();
    app
}

fn show(app: &mut App, id: &str, value: Option<&str>) {
    match value.and_then(StoredForm::parse) {
        Some(entry) => {
            let other = opened(&entry, app);
            app.replace(other);
            if !app.document.sessions.is_elsewhere(id) {
                app.document.id = id.into();
            }
        }
        None => {
            app.replace(App::new(app.chrome.lang, FIRST.name));
            app.session.refused = Some(ui(Ui::NoLongerKept, app.chrome.lang).to_owned());
        }
    }
}

/// Opens a link. The reader's own document is kept.
pub(super) fn follow(app: &mut App, address: &str) -> Vec<Effect> {
    match link::open(address, app) {
        Ok(other) => {
            let mut effects = left(app);
            app.replace(other);
            app.document.linked = Some((app.document.text.clone(), app.session.script.clone()));
            effects.extend(arrive(app, false));
            effects
        }
        Err(fault) => {
            app.session.refused = Some(words::link_fault(&fault, app.chrome.lang));
            vec![app.address(false)]
        }
    }
}

/// Another tab has stored or removed a session.
pub(super) fn changed_elsewhere(app: &mut App, id: &str, value: Option<&str>) -> Vec<Effect> {
    let is_own = *id == *app.document.id;
    match value.and_then(|v| StoredSession::new(id, v)) {
        Some(theirs) => app.document.sessions.put(theirs),
        None => _ = app.document.sessions.remove(id),
    }
    if !is_own {
        return Vec::new();
    }
    // Both tabs go on, each with its own.
    if value.is_some() {
        app.document.id = app.document.sessions.fresh();
    }
    let text = app.document.text.clone();
    let mut effects = app.keep(&text);
    effects.retain(|e| !matches!(e, Effect::Address(_)));
    effects.push(app.address(false));
    effects
}

/// Forgets every session and shows the first document. `here`: this tab empties the storage.
pub(super) fn forget(app: &mut App, here: bool) -> Vec<Effect> {
    app.document.id = app.document.sessions.fresh();
    app.document.sessions.clear();
    app.replace(App::new(app.chrome.lang, FIRST.name));
    app.history = History::default();
    let mut effects = arrive(app, false);
    effects.extend(here.then_some(Effect::Forget));
    effects
}

#[cfg(test)]
mod tests;

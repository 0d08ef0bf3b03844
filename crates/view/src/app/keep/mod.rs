//! A session as the browser keeps it, and the way back to it.
//!
//! The stored form is a line and what follows it:
//!
//! ```yaml
//! {time: 1764514980000, zone: 540, text: 3562, script: 120, view: {lang: en, grain: hops}}
//! ```
//!
//! `time` (in ms) and `zone` (in minutes) say when the session was last changed. The other numbers
//! are the lengths in bytes of the parts behind the line: `file` is a whole file that was opened
//! and not changed, otherwise `text` and `script` are the editor's text and the steps. `valid` is
//! the last document without errors, if the text has some. `view` is that of a [`super::link`].
//!
//! A later version with another form stores it under other keys; fields that are not known are
//! ignored.

use super::action::{Address, Effect};
use super::history::History;
use super::link;
use super::shelf::{self, Clock, Kept};
use super::state::{App, FIRST};
use crate::words::{Ui, ui};
use kube::yaml::{Tree, YamlNode, parse};
use play::Script;
use std::borrow::Cow;
use std::rc::Rc;

const PARTS: [&str; 4] = ["file", "text", "script", "valid"];

/// A session as it is stored.
pub(super) struct Entry<'a> {
    /// When the document or the Script was last changed.
    pub(super) changed: Clock,
    /// Whether it was set aside after a panic.
    pub(super) set_aside: bool,
    parts: [Option<&'a str>; PARTS.len()],
    view: Option<YamlNode>,
}

impl<'a> Entry<'a> {
    /// Parses the stored form; `None` if it is damaged or another form.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let (head, mut rest) = value.split_once('\n')?;
        let head = parse(head).0.into_iter().next()?;
        let number = |name: &str| head.get(name)?.text().parse::<u64>().ok();
        let mut parts = [None; PARTS.len()];
        for (part, name) in parts.iter_mut().zip(PARTS) {
            if let Some(length) = number(name) {
                let (own, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (*part, rest) = (Some(own), behind);
            }
        }
        let zone = head.get("zone").and_then(|z| z.text().parse().ok()).unwrap_or_default();
        let changed = Clock { ms: number("time")?, zone };
        let set_aside = head.get("rescued").is_some();
        let has_text = parts[0].or(parts[1]).is_some();
        has_text.then(|| Self { changed, set_aside, parts, view: head.get("view").cloned() })
    }

    /// The stored form of a file.
    pub(super) fn of_file(file: &str, changed: Clock, set_aside: bool) -> String {
        let mut fields = Vec::new();
        if set_aside {
            fields.push(("rescued", Tree::plain(true)));
        }
        printed(changed, &[("file", file.into())], fields)
    }

    /// The text of the editor.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self.parts {
            [Some(file), ..] => Script::take(file).map_or(file.into(), |(_, text)| text.into()),
            [_, text, ..] => text.unwrap_or_default().into(),
        }
    }

    /// The page with this session. Language, theme, panes and speed are those of `own`.
    fn open(&self, own: &App) -> App {
        let view = link::View(self.view.clone());
        let mut app = App::new(own.chrome.lang, &view.preset());
        let [file, text, script, valid] = self.parts;
        if let Some(file) = file {
            app.take(file);
        } else {
            let text = text.unwrap_or_default();
            let script = script.unwrap_or_default();
            if let Ok((Some(steps), _)) = Script::take(script) {
                // A Script as the reader wrote it keeps its bytes.
                let is_own = Script::text_in(text).is_none() && steps.to_string() != script;
                app.document.opened = is_own.then(|| Script::put_text(script, text).into());
                app.session.script = Rc::new(steps);
            }
            app.show(text);
            if let Some(valid) = valid.filter(|_| app.document.is_stale()) {
                app.show_stale(valid, text);
            }
        }
        app.session.previous = None;
        if self.view.is_some() {
            view.apply(&mut app);
        }
        app.derive();
        app
    }
}

/// The stored form. What follows the line is the parts.
fn printed(changed: Clock, parts: &[(&str, Cow<'_, str>)], fields: Vec<(&str, Tree)>) -> String {
    let mut head = vec![("time", Tree::plain(changed.ms)), ("zone", Tree::plain(changed.zone))];
    head.extend(parts.iter().map(|(name, part)| (*name, Tree::plain(part.len()))));
    head.extend(fields);
    let mut out = Tree::map(head).flow() + "\n";
    parts.iter().for_each(|(_, part)| out.push_str(part));
    out
}

impl App {
    /// The parts of the session with `text` in the editor.
    fn parts<'a>(&'a self, text: &'a str, script: &Script) -> Vec<(&'static str, Cow<'a, str>)> {
        let opened = self.document.opened.as_deref().and_then(|file| {
            let (own, rest) = Script::take(file).ok()?;
            (own.as_ref() == Some(script)).then_some((file, rest))
        });
        let mut parts: Vec<(&str, Cow<'_, str>)> = match opened {
            Some((file, rest)) if rest == text => vec![("file", file.into())],
            Some((file, _)) => {
                let own = Script::text_in(file).unwrap_or_default();
                vec![("text", text.into()), ("script", own.into())]
            }
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

    /// Puts the session on the shelf as it is, with `text` in the editor. If nothing was done in
    /// it, the entry of the browser's history alone keeps it.
    pub(super) fn keep(&mut self, text: &str) -> Vec<Effect> {
        let script = self.script_with(text);
        let id = self.document.id.clone();
        let was_linked = self.document.linked.is_some();
        self.document.linked.take_if(|(t, s)| **t != *text || *s != script);
        let linked = self.document.linked.is_some();
        // The history has no room for more than a link.
        let idle =
            (linked || script.steps.is_empty() && !shelf::is_own(text)) && text.len() <= link::MOST;

        let parts = self.parts(text, &script);
        let old = self.document.shelf.get(&id);
        let body: String = parts.iter().map(|(_, part)| &**part).collect();
        let same = old.filter(|k| k.value.split_once('\n').is_some_and(|(_, b)| b == body));
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
            effects.extend(self.document.shelf.remove(&id).map(|k| Effect::Store(k.id)));
            moved |= self.document.state.as_deref() != Some(&*value);
            self.document.state = Some(value.into());
        } else {
            if let Some(kept) = Kept::new(&id, &value).filter(|_| !stored) {
                self.document.shelf.put(kept);
                effects.extend(self.document.shelf.prune(&id).into_iter().map(Effect::Store));
                effects.push(Effect::Store(id.clone()));
            }
            moved |= self.document.state.take().is_some();
        }
        // What could not be stored is tried again.
        effects.extend(self.document.shelf.failed(&id).map(Effect::Store));
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
        other.document.shelf = std::mem::take(&mut self.document.shelf);
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
    app.document.id = app.document.shelf.fresh();
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

/// Opens a session of the shelf. If another tab shows it, this tab goes on with a copy.
pub(super) fn open(app: &mut App, kept: &Kept) -> Vec<Effect> {
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
    let kept = app.document.shelf.get(id).map(|k| k.value.clone());
    show(app, id, state.or(kept.as_deref()));
    if state.is_some() {
        app.document.linked = Some((app.document.text.clone(), app.session.script.clone()));
    }
    effects.extend(arrive(app, false));
    effects
}

fn show(app: &mut App, id: &str, value: Option<&str>) {
    match value.and_then(Entry::parse) {
        Some(entry) => {
            let other = entry.open(app);
            app.replace(other);
            if !app.document.shelf.is_elsewhere(id) {
                app.document.id = id.into();
            }
        }
        None => {
            app.replace(App::new(app.chrome.lang, FIRST.name));
            app.session.refused = Some(ui(Ui::NoLongerKept, app.chrome.lang).to_owned());
        }
    }
}

/// Another tab has stored or removed a session.
pub(super) fn changed_elsewhere(app: &mut App, id: &str, value: Option<&str>) -> Vec<Effect> {
    let is_own = *id == *app.document.id;
    match value.and_then(|v| Kept::new(id, v)) {
        Some(theirs) => app.document.shelf.put(theirs),
        None => _ = app.document.shelf.remove(id),
    }
    if !is_own {
        return Vec::new();
    }
    // Both tabs go on, each with its own.
    if value.is_some() {
        app.document.id = app.document.shelf.fresh();
    }
    let text = app.document.text.clone();
    let mut effects = app.keep(&text);
    effects.retain(|e| !matches!(e, Effect::Address(_)));
    effects.push(app.address(false));
    effects
}

/// Forgets every session and shows the first document. `here`: this tab empties the storage.
pub(super) fn forget(app: &mut App, here: bool) -> Vec<Effect> {
    app.document.id = app.document.shelf.fresh();
    app.document.shelf.clear();
    app.replace(App::new(app.chrome.lang, FIRST.name));
    app.history = History::default();
    let mut effects = arrive(app, false);
    effects.extend(here.then_some(Effect::Forget));
    effects
}

#[cfg(test)]
mod tests;

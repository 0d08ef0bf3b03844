//! From and To: fields of free text with a list of choices that the text filters.

use super::select::{self, Choice, End};
use super::state::App;
use play::Protocol;
use play::probe::ProbeError;
use std::ops::Range;

/// The most rows that a list shows at once.
pub const MOST_ROWS: usize = 100;

/// A list that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combo {
    /// Its field.
    pub end: End,
    /// What was typed since it opened; `None`: nothing, and the list is not filtered.
    pub text: Option<String>,
    /// The row that Enter takes.
    pub active: Option<usize>,
}

/// What happens to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComboAction {
    /// Opens the list.
    Open,
    /// The text was edited.
    Type(String),
    /// Makes a row further down, or up if negative, the active one. Opens the list if it is closed.
    Move(i32),
    /// Takes the active row, or else the text.
    Accept,
    /// Takes a choice by its value.
    Pick(String),
    /// The field lost the focus: takes the text.
    Leave,
    /// Closes the list and forgets what was typed.
    Cancel,
}

/// The rows of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<'a> {
    /// The first choices that match, at most [`MOST_ROWS`].
    pub rows: Vec<&'a Choice>,
    /// The number of matching choices that are not shown.
    pub more: usize,
}

impl Rows<'_> {
    /// The rows of each group, one after the other.
    pub fn groups(&self) -> Vec<Range<usize>> {
        let mut out: Vec<Range<usize>> = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            match out.last_mut() {
                Some(last) if self.rows[last.start].group == row.group => last.end = i + 1,
                _ => out.push(i..i + 1),
            }
        }
        out
    }
}

impl Combo {
    /// The choices that contain every word of the text, in any case.
    pub fn rows<'a>(&self, all: &'a [Choice]) -> Rows<'a> {
        let text = self.text.as_deref().unwrap_or_default().to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let has = |field: &str, word: &str| field.to_lowercase().contains(word);
        let found = |c: &&Choice| words.iter().all(|w| has(&c.label, w) || has(&c.value, w));
        let mut matching = all.iter().filter(found);
        let rows = matching.by_ref().take(MOST_ROWS).collect();
        Rows { rows, more: matching.count() }
    }
}

/// Does what happens to a field.
pub(super) fn act(app: &mut App, end: End, action: ComboAction) {
    let open = app.send.combo.take().filter(|c| c.end == end);
    let choices = app.derived.menus.choices(end).clone();
    match action {
        ComboAction::Open => {
            app.send.combo = Some(open.unwrap_or_else(|| opened(app, end, &choices)));
        }
        ComboAction::Type(text) => {
            let mut combo = Combo { end, text: Some(text.clone()), active: None };
            // What is not a name or address of its own is looked for in the list.
            let is_own = app.check(end, &text).is_none() && app.is_known(end, &text);
            if !is_own && !combo.rows(&choices).rows.is_empty() {
                combo.active = Some(0);
            }
            app.send.combo = Some(combo);
        }
        ComboAction::Move(by) => {
            let mut combo = match open {
                Some(mut c) => {
                    let n = c.rows(&choices).rows.len() as i32;
                    let from = c.active.map_or(if by > 0 { -1 } else { n }, |a| a as i32);
                    c.active = (n > 0).then(|| (from + by).rem_euclid(n) as usize);
                    c
                }
                None => opened(app, end, &choices),
            };
            combo.end = end;
            app.send.combo = Some(combo);
        }
        ComboAction::Accept => {
            let Some(combo) = open else { return };
            let row = combo.active.and_then(|i| combo.rows(&choices).rows.get(i).copied());
            match row {
                Some(row) => set(app, end, row.value.clone()),
                None => take(app, end, combo.text),
            }
        }
        ComboAction::Pick(value) => set(app, end, value),
        ComboAction::Leave => take(app, end, open.and_then(|c| c.text)),
        ComboAction::Cancel => {}
    }
}

/// The list of a field, with its value as the active row.
fn opened(app: &App, end: End, choices: &[Choice]) -> Combo {
    let label = &app.derived.menus.reading(end).choice.label;
    let active = choices.iter().take(MOST_ROWS).position(|c| c.label == *label);
    Combo { end, text: None, active }
}

/// Takes what was typed.
fn take(app: &mut App, end: End, text: Option<String>) {
    let text = text.map(|t| app.completed(end, &t)).filter(|t| !t.is_empty());
    if let Some(text) = text {
        set(app, end, text);
    }
}

fn set(app: &mut App, end: End, value: String) {
    match end {
        End::From => app.send.from = value,
        End::To => {
            app.send.to = value;
            app.send.endpoint.clear();
        }
    }
}

impl App {
    /// The value that a typed text stands for: of a label, its choice; of a port alone, that port
    /// of the present destination.
    fn completed(&self, end: End, text: &str) -> String {
        let text = text.trim();
        let choices = self.derived.menus.choices(end);
        if let Some(found) = choices.iter().find(|c| c.label == text) {
            return found.value.clone();
        }
        let is_port = |t: &str| t.parse::<u16>().is_ok_and(|p| p > 0);
        let port = text.strip_prefix(':').unwrap_or(text);
        if end == End::To && is_port(port) && self.send.proto != Protocol::Icmp {
            let to = &self.send.to;
            let name = to.rsplit_once(':').filter(|(_, p)| is_port(p)).map_or(&**to, |(n, _)| n);
            return format!("{name}:{port}");
        }
        text.to_owned()
    }

    /// Whether a text is a sender or destination of the cluster. DNS may know other names, too.
    fn is_known(&self, end: End, text: &str) -> bool {
        let text = self.completed(end, text);
        let known = |l: &std::rc::Rc<_>| end == End::From || select::is_known(l, &text);
        self.session.loaded.as_ref().is_some_and(known)
    }

    /// What is wrong with a text in a field of the send bar.
    pub fn check(&self, end: End, text: &str) -> Option<ProbeError> {
        let l = self.session.loaded.as_ref()?;
        let text = self.completed(end, text);
        match end {
            End::From => select::sender(l, &self.derived.menus.from, &text),
            End::To => select::target(l, &self.derived.menus.to, &text, &self.send),
        }
        .error
    }
}

#[cfg(test)]
mod tests;

//! One undo and redo over everything a person does: the text, the diagram, and what is done in
//! time.

use play::Script;
use std::rc::Rc;

/// All that is needed to be at a moment again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The text.
    pub text: Rc<str>,
    /// The text of the cluster that is shown; another one while the text has errors.
    pub document: Rc<str>,
    /// What was done.
    pub script: Rc<Script>,
    /// How many events lay behind.
    pub cursor: usize,
}

/// How much is kept.
const LONGEST: usize = 200;

/// What was, and what was undone.
#[derive(Clone, Debug, Default)]
pub struct History {
    past: Vec<Snapshot>,
    future: Vec<Snapshot>,
    /// Where in the text the last letter was typed, while one types on.
    typed_to: Option<usize>,
}

impl History {
    /// Whether something can be undone.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether something can be done again.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Keeps what was, before something else is done.
    pub fn remember(&mut self, was: Snapshot) {
        if self.past.len() == LONGEST {
            self.past.remove(0);
        }
        self.past.push(was);
        self.future.clear();
        self.typed_to = None;
    }

    /// As [`History::remember`], for text that is typed: one word is one step.
    pub fn typed(&mut self, was: Snapshot, text: &str) {
        let (from, removed, inserted) = difference(&was.text, text);
        let goes_on = removed == 0
            && self.typed_to == Some(from)
            && !inserted.starts_with(char::is_whitespace);
        if !goes_on {
            self.remember(was);
        }
        self.future.clear();
        self.typed_to =
            (removed == 0 && inserted.chars().count() == 1).then_some(from + inserted.len());
    }

    /// Everything that can be undone, the oldest first.
    pub fn past(&self) -> &[Snapshot] {
        &self.past
    }

    /// The moment before this one, which is kept to be done again.
    pub fn undo(&mut self, now: Snapshot) -> Option<Snapshot> {
        let was = self.past.pop()?;
        self.future.push(now);
        self.typed_to = None;
        Some(was)
    }

    /// Forgets what was remembered last: it was not done after all.
    pub(super) fn forget(&mut self, future: Vec<Snapshot>) {
        self.past.pop();
        self.future = future;
    }

    /// Everything that can be done again.
    pub(super) fn future(&self) -> &[Snapshot] {
        &self.future
    }

    /// The moment that was undone last.
    pub fn redo(&mut self, now: Snapshot) -> Option<Snapshot> {
        let next = self.future.pop()?;
        self.past.push(now);
        self.typed_to = None;
        Some(next)
    }
}

/// Where two texts differ: from which byte, how many bytes went, what came.
fn difference<'t>(old: &str, new: &'t str) -> (usize, usize, &'t str) {
    let same = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let mut from = same;
    while !(old.is_char_boundary(from) && new.is_char_boundary(from)) {
        from -= 1;
    }
    let most = old.len().min(new.len()) - from;
    let mut tail =
        old.bytes().rev().zip(new.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    while !(old.is_char_boundary(old.len() - tail) && new.is_char_boundary(new.len() - tail)) {
        tail -= 1;
    }
    (from, old.len() - tail - from, &new[from..new.len() - tail])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Snapshot {
        Snapshot { text: text.into(), document: text.into(), script: Rc::default(), cursor: 0 }
    }

    #[test]
    fn a_word_is_one_step_and_the_next_word_another() {
        let mut h = History::default();
        for (was, now) in
            [("", "a"), ("a", "ab"), ("ab", "ab "), ("ab ", "ab c"), ("ab c", "ab cd")]
        {
            h.typed(at(was), now);
        }
        let back: Vec<_> =
            std::iter::from_fn(|| h.undo(at("?")).map(|s| s.text.to_string())).collect();
        assert_eq!(back, ["ab", ""]);
    }

    #[test]
    fn what_is_undone_is_done_again() {
        let mut h = History::default();
        h.remember(at("one"));
        assert_eq!(h.undo(at("two")), Some(at("one")));
        assert_eq!(h.redo(at("one")), Some(at("two")));
        assert!(h.can_undo() && !h.can_redo());
    }

    #[test]
    fn differences_end_at_letters() {
        assert_eq!(difference("a二b", "a三b"), (1, 3, "三"));
        assert_eq!(difference("aa", "aaa"), (2, 0, "a"));
        assert_eq!(difference("abc", ""), (0, 3, ""));
    }
}

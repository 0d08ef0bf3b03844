//! One undo and redo history for the text, the diagram and the steps of the session.

use play::Script;
use std::rc::Rc;

/// What is needed to return to a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoState {
    /// The text.
    pub text: Rc<str>,
    /// The document whose cluster is shown: the last valid text if `text` has errors.
    pub document: Rc<str>,
    /// The steps of the session.
    pub script: Rc<Script>,
    /// The number of events before the moment.
    pub cursor: usize,
    /// The identifier of the session.
    pub id: Rc<str>,
}

/// The maximum number of undo steps.
const LONGEST: usize = 200;

/// The undo and redo stacks.
#[derive(Clone, Debug, Default)]
pub struct History {
    past: Vec<UndoState>,
    future: Vec<UndoState>,
    /// The byte offset behind the last typed letter, while typing continues.
    typed_to: Option<usize>,
}

impl History {
    /// Whether something can be undone.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether something can be redone.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    /// Records a state before it is changed.
    pub fn remember(&mut self, was: UndoState) {
        if self.past.len() == LONGEST {
            self.past.remove(0);
        }
        self.past.push(was);
        self.future.clear();
        self.typed_to = None;
    }

    /// Like [`History::remember`], for typed text: each word is one undo step.
    pub fn typed(&mut self, was: UndoState, text: &str) {
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

    /// The states that can be restored by undo, oldest first.
    pub fn past(&self) -> &[UndoState] {
        &self.past
    }

    /// Takes the last state; `now` is kept for redo.
    pub fn undo(&mut self, now: UndoState) -> Option<UndoState> {
        let was = self.past.pop()?;
        self.future.push(now);
        self.typed_to = None;
        Some(was)
    }

    /// Removes the last record, because the change was not made, and restores the redo stack.
    pub(super) fn forget(&mut self, future: Vec<UndoState>) {
        self.past.pop();
        self.future = future;
    }

    /// The states that can be restored by redo.
    pub(super) fn future(&self) -> &[UndoState] {
        &self.future
    }

    /// Takes the state that was undone last.
    pub fn redo(&mut self, now: UndoState) -> Option<UndoState> {
        let next = self.future.pop()?;
        self.past.push(now);
        self.typed_to = None;
        Some(next)
    }
}

/// The difference between two texts: byte offset, number of removed bytes, inserted text.
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

    fn at(text: &str) -> UndoState {
        let text: Rc<str> = text.into();
        UndoState { document: text.clone(), text, script: Rc::default(), cursor: 0, id: "".into() }
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

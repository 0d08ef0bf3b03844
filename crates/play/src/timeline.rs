//! Going back and forth: a state and how many events it has behind it.

use net::{Event, State};

/// A moment of a session.
#[derive(Clone, Debug)]
pub struct Timeline {
    state: State,
    at: usize,
}

impl Timeline {
    /// The moment before the first event.
    pub fn new(initial: &State) -> Self {
        Self { state: initial.clone(), at: 0 }
    }

    /// How many events lie behind.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Everything as it was at this moment.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Goes to where `to` events lie behind, by applying or undoing those between.
    pub fn seek(&mut self, events: &[Event], to: usize) {
        let to = to.min(events.len());
        while self.at < to {
            for change in &events[self.at].changes {
                self.state.apply(change);
            }
            self.at += 1;
        }
        while self.at > to {
            self.at -= 1;
            for change in events[self.at].changes.iter().rev() {
                self.state.undo(change);
            }
        }
    }
}

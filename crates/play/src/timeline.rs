//! The state at any moment: events are applied to go forward and undone to go back.

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

    /// Count of the events before this moment.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The state at this moment.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Goes to the moment after the first `to` events, by applying or undoing those between.
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

//! The whole logic of the page, without a page: a state, actions, and what must be done outside.

mod select;
mod state;
mod update;

pub use select::{Choice, endpoints, senders, targets};
pub use state::{App, Loaded, Pane, Tab, Theme};
pub use update::{Action, Effect, update};

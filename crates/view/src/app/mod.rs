//! The whole logic of the page, without a page: a state, actions, and what must be done outside.

mod history;
mod select;
mod state;
mod terminal;
mod time;
mod update;

pub use history::{History, Snapshot};
pub use select::{Choice, endpoints, senders, targets};
pub use state::{App, Drawer, Loaded, Options, Pane, Selected, Tab, Theme};
pub use terminal::{Entry, Terminal};
pub use update::{Action, Effect, update};

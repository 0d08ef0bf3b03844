//! The logic of the page without a browser: state, actions, and effects.

mod edit;
mod history;
pub mod link;
mod redact;
mod select;
pub mod shelf;
mod state;
mod terminal;
mod time;
mod update;

pub use history::{History, Snapshot};
pub use select::{Choice, Menus, senders};
pub use state::{App, Drawer, Loaded, Options, Pane, RulesView, Selected, Tab, Theme};
pub use terminal::{Entry, Terminal};
pub use update::{Action, Effect, Field, update};

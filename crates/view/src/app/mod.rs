//! The logic of the page without a browser: state, actions, and effects.
//!
//! The state is in parts ([`App`]). An action changes the document, the session, the view or what
//! surrounds them; then [`update()`] derives what follows from these ([`Derived`]).

mod action;
mod combo;
mod derive;
mod edit;
mod entry;
mod history;
mod keep;
pub mod link;
mod panes;
mod parts;
mod redact;
mod select;
pub mod sessions;
mod state;
mod terminal;
mod time;
mod track;
mod update;

pub use action::{Action, Address, Effect, FocusField};
pub use combo::{Combo, ComboAction, MOST_ROWS, Rows};
pub use derive::Derived;
pub use history::{History, UndoState};
pub use panes::{Drawer, Fold, Panes, Side};
pub use parts::{
    Chrome, Dialog, Document, HeaderPart, Loaded, NumberField, Options, Pane, Played, RulesView,
    Selected, SendBar, Tab, Terminal, Theme, View,
};
pub use redact::{LeftOut, Place};
pub use select::{Choice, End, Group, MenuItem, Menus, Reading, Request, requests, senders};
pub use state::App;
pub use terminal::{Command, prompt};
pub use track::{TrackStep, When};
pub use update::update;

#[cfg(test)]
pub(crate) mod tests {
    use super::{Action, App, update};
    use crate::words::Lang;

    /// The article's cluster after a request from outside to a node port, whose endpoint is on the
    /// other node.
    pub(crate) fn sent() -> App {
        let mut app = App::new(Lang::En, "article-nodeport");
        app.send.endpoint = "10.1.6.5:80".to_owned();
        update(&mut app, Action::Send);
        app
    }
}

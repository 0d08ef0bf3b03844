//! What can happen to the page, and what the browser must do then.

use super::combo::ComboAction;
use super::panes::{Drawer, Fold, Side};
use super::parts::{Dialog, HeaderPart, Options, Pane, RulesView, Selected, Tab, Theme};
use super::select::End;
use super::sessions::StorageFault;
use crate::labels::NetnsKind;
use crate::story::Grain;
use crate::words::Lang;
use kube::change::ClusterChange;
use net::PacketId;
use net::engine::PacketOp;
use play::Protocol;
use std::rc::Rc;

/// An action of the reader or of a timer.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The text was edited.
    Text(String),
    /// Open a preset by its name, or a stored session by its identifier.
    Preset(String),
    /// Choose the sender.
    From(String),
    /// Choose the destination.
    To(String),
    /// Choose the protocol.
    Proto(Protocol),
    /// Type in a field of the send bar, or choose from its list.
    Combo(End, ComboAction),
    /// Force an endpoint; empty: leave it to the rules.
    Endpoint(String),
    /// Start with empty neighbour tables, or not.
    Cold(bool),
    /// Set the header fields.
    Options(Options),
    /// Send at the moment shown.
    Send,
    /// Remove all steps and change the seed.
    StartOver,
    /// Operate on the packet shown.
    Packet(PacketOp),
    /// Follow a packet; `None`: that of the current event.
    Follow(Option<PacketId>),
    /// Edit the cluster on the diagram.
    Change(ClusterChange),
    /// Undo the last change.
    Undo,
    /// Redo the last undone change.
    Redo,
    /// Select a host or device.
    Select(Option<Selected>),
    /// Select the object at this byte of the text.
    SelectAt(usize),
    /// Show events or terminal in the drawer, or close it.
    Drawer(Option<Drawer>),
    /// Open or fold the editor or the inspector.
    Fold(Side, Fold),
    /// Give a pane this width, or the drawer this height, in CSS pixels.
    Resize(Side, u16),
    /// Unfold a part of the header, or fold what is unfolded.
    Header(Option<HeaderPart>),
    /// Choose the host of the terminal.
    TerminalHost(String),
    /// Set the input line of the terminal.
    TerminalLine(String),
    /// Run the input line.
    TerminalRun,
    /// Complete the input line.
    TerminalComplete,
    /// Recall the older (true) or newer line.
    TerminalBack(bool),
    /// Run a command on a host.
    Run(String, String),
    /// Open the text of a file.
    Opened(String),
    /// Open the search for an object of the diagram, or the list of keys, or close it.
    Dialog(Option<Dialog>),
    /// Select an object that was searched for, and show it.
    ShowFound(String),
    /// Open a file by its name and bytes.
    File(String, Vec<u8>),
    /// Keep the session as a document of its own, and remove the steps after the moment shown.
    Fork,
    /// Open or close the Share dialog.
    Share(bool),
    /// Include Secrets, tokens and `last-applied-configuration` in links, or not.
    KeepSecrets(bool),
    /// Open a link.
    Link(String),
    /// The browser went to a session of its history: the identifier, and what the history keeps.
    GoToSession(String, Option<String>),
    /// The browser went to an address that is no session and no link.
    UnknownAddress,
    /// Keep the session, with this text in the editor if it was not read yet.
    Keep(Option<String>),
    /// The browser has stored a session, or not.
    Stored(Rc<str>, Option<StorageFault>),
    /// Close the notice that something cannot be stored.
    CloseNotice,
    /// Another tab stored this session, or removed it.
    ChangedInOtherTab(String, Option<String>),
    /// Other tabs show these sessions.
    OpenInOtherTabs(Vec<String>),
    /// Forget everything: in this tab (true), or because another tab does.
    Forget(bool),
    /// Play or pause.
    TogglePlay,
    /// The next step of playback.
    Tick,
    /// Go a number of steps forward, or back if negative.
    StepBy(i32),
    /// Go to a step; 0 is the start.
    SeekStep(usize),
    /// Go to the step of an event.
    SeekEvent(usize),
    /// Go to the first step of a packet.
    SeekPacket(PacketId),
    /// Go to the next (true) or previous device.
    Hop(bool),
    /// Go to the next (true) or previous marker.
    Marker(bool),
    /// Set the granularity of the steps.
    Grain(Grain),
    /// Set the speed of playback.
    Speed(u32),
    /// Set the language.
    Lang(Lang),
    /// Set the theme.
    Theme(Theme),
    /// Choose the tab of the inspector.
    Tab(Tab),
    /// Choose the view of the tab Rules.
    RulesView(RulesView),
    /// Unfold the run of skipped rules that starts there, or fold it again.
    Unfold(String, u32),
    /// Set the search text for rules.
    Search(String),
    /// Choose the pane of a narrow page.
    Pane(Pane),
    /// Show the events of this packet only, or of all.
    OnlyPacket(bool),
    /// Apply the fix of a diagnostic, by its index.
    ApplyFix(usize),
    /// Fold the nodes that the run does not touch, or not.
    Focus(bool),
    /// Show a station of the packet's way, or follow the packet again.
    Station(Option<NetnsKind>),
    /// Draw every tile, or only those that there is room for.
    EveryTile(bool),
    /// The picture has this width and height on the page, in CSS pixels.
    Room(u32, u32),
}

impl Action {
    /// Whether the action only goes to another moment, so that parts that do not depend on the
    /// moment stay.
    pub fn only_moves(&self) -> bool {
        use Action::{Hop, Marker, SeekEvent, SeekPacket, SeekStep, StepBy, Tick, TogglePlay};
        matches!(
            self,
            Tick | TogglePlay
                | StepBy(_)
                | SeekStep(_)
                | SeekEvent(_)
                | SeekPacket(_)
                | Hop(_)
                | Marker(_)
        )
    }

    /// Whether a part of the header that was unfolded on a narrow page folds again.
    pub(super) fn folds_header(&self) -> bool {
        use Action::{
            File, Forget, Lang, Opened, Pane, Preset, Select, Send, Share, StartOver, Theme,
        };
        matches!(
            self,
            File(..)
                | Forget(_)
                | Lang(_)
                | Opened(_)
                | Pane(_)
                | Preset(_)
                | Select(_)
                | Send
                | Share(_)
                | StartOver
                | Theme(_)
        )
    }

    /// Whether the action changes only what is shown; an embed accepts no others.
    pub fn only_looks(&self) -> bool {
        use Action::{
            EveryTile, Focus, Follow, Grain, OnlyPacket, Room, RulesView, Search, Select, Speed,
            Station, Tab, Unfold,
        };
        self.only_moves()
            || matches!(
                self,
                EveryTile(_)
                    | Focus(_)
                    | Follow(_)
                    | Grain(_)
                    | OnlyPacket(_)
                    | Room(..)
                    | RulesView(_)
                    | Search(_)
                    | Select(_)
                    | Speed(_)
                    | Station(_)
                    | Tab(_)
                    | Unfold(..)
            )
    }
}

/// A field that can get the keyboard focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FocusField {
    /// The input line of the terminal.
    Command,
    /// The link in the Share dialog.
    Link,
    /// The Share button.
    Share,
    /// The button that plays and pauses, unless a field has the focus.
    Play,
    /// The search for an object of the diagram.
    Find,
    /// The list of keys.
    Keys,
    /// The button that opens the search.
    OpenFind,
    /// The button that opens the list of keys.
    OpenKeys,
    /// The button that opens a folded pane, or folds an open one.
    Pane(Side, Fold),
}

/// The entry of the browser's history for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The identifier of the session.
    pub id: Rc<str>,
    /// The session, if nothing was done in it, so that it is not stored.
    pub state: Option<Rc<str>>,
    /// Whether it is the document that the page opens with, unless the address is a link.
    pub first: bool,
    /// Whether a link in the address is that of the session; otherwise it is removed.
    pub linked: bool,
    /// Whether it is a new entry; otherwise it replaces the current one.
    pub push: bool,
}

/// What the browser must do after an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Set the text of the editor to another document.
    SetEditor,
    /// Set the text of the editor, scroll to the lines that differ and mark them.
    EditEditor,
    /// Set language and theme of the page.
    SetPage,
    /// Send [`Action::Tick`] after this many milliseconds.
    TickAfter(u32),
    /// Store the language and theme.
    Save,
    /// Set and store the panes.
    Panes,
    /// Store this session as it is among the stored ones, or remove it if it is not there.
    Store(Rc<str>),
    /// Set the address and the entry of the browser's history.
    Address(Address),
    /// Empty the storage and remove the offline copy of the page.
    Forget,
    /// Focus a field.
    Focus(FocusField),
}

//! What the root component is sent, and the limits that its parts share.

use crate::viewport::Touch;
use view::app::{Action, FocusField};

/// On such a page the panes are tabs. small.css and page.css have the same limits.
pub const NARROW: &str = "(max-width: 899px), (max-height: 499px)";

/// How long the keys rest before the cluster of a typed text is built.
pub const TYPING_MS: u32 = 100;

/// Longer than a frame, at 30 a second.
pub const FRAME_MS: u32 = 34;

/// How long after an action the session is stored. Going on from step to step does not store it.
pub const KEEP_MS: u32 = 300;

/// Something that happened.
pub enum Msg {
    /// An action of the reader or of a timer.
    Do(Action),
    /// The text was typed in the editor: it is read when the keys have rested for [`TYPING_MS`].
    Typed,
    /// The keys have rested.
    Read,
    /// Store the session as it is, also what was typed and not read.
    Keep,
    /// The language of the page has changed.
    SetLang,
    /// The text that the editor shows must change. True: it is an edit, whose lines are marked.
    SetEditor(bool),
    /// The script of the editor was loaded.
    EditorReady,
    /// An animation frame of the packet, with its time in milliseconds.
    Glide(f64),
    /// A pointer event of the picture.
    Touch(Touch),
    /// A request that needs the browser.
    Ask(Ask),
    /// Move the keyboard focus to a field.
    Focus(FocusField),
    /// The parent page started or paused playback.
    Play(bool),
}

/// A request that needs the browser.
pub enum Ask {
    /// A file was chosen or dropped.
    Open(web_sys::File),
    /// Save the document and its Script as a file.
    Save,
    /// Move the editor's cursor to this byte of the document.
    Jump(u32),
    /// Select the element of the diagram that the editor's cursor is at.
    ToDiagram,
    /// Select a host that was searched for, and show it.
    Show(String),
    /// Fold the nodes that the run does not touch, or unfold them.
    ToggleFocus,
}

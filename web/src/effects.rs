//! Runs the effects of actions: storage, timers, focus, attributes of the document.

use crate::interop;
use crate::message::Msg;
use gloo::timers::callback::Timeout;
use view::app::shelf::{self, Shelf};
use view::app::{Action, App, Effect, Panes, Side, Theme};
use yew::Callback;

const LANG: &str = "packetwalk.lang";
const THEME: &str = "packetwalk.theme";
/// Also read by guard.js.
const PANES: &str = "packetwalk.panes";
const TEXT: &str = "packetwalk.text";
const SHELF: &str = "packetwalk.shelf";
/// The document that guard.js set aside after a panic.
const RESCUED: &str = "packetwalk.rescued";

/// Runs one effect. Dropping the returned timer cancels it.
pub fn run(app: &App, effect: &Effect, send: &Callback<Msg>) -> Option<Timeout> {
    match effect {
        Effect::SetEditor => send.emit(Msg::SetEditor),
        Effect::SetPage => set_page(app),
        Effect::TickAfter(ms) => {
            // With reduced motion each step is shown for longer, as there is no animation.
            let ms = if interop::prefers("(prefers-reduced-motion: reduce)") {
                (*ms).max(1500)
            } else {
                *ms
            };
            let send = send.clone();
            return Some(Timeout::new(ms, move || send.emit(Msg::Do(Action::Tick))));
        }
        Effect::Save => {
            interop::save(LANG, app.chrome.lang.tag());
            interop::save(THEME, theme_word(app.chrome.theme));
        }
        Effect::Panes => {
            set_panes(&app.chrome.panes);
            interop::save(PANES, &app.chrome.panes.to_string());
        }
        Effect::KeepText => keep_text(&app.kept_file()),
        Effect::KeepShelf => _ = interop::save(SHELF, &app.document.shelf.pack()),
        Effect::Focus(field) => send.emit(Msg::Focus(*field)),
    }
    None
}

/// Stores the reader's own text, and removes the link from the address, which no longer matches.
pub fn keep_text(text: &str) {
    interop::drop_link();
    if shelf::is_own(text) {
        interop::save(TEXT, text);
    } else {
        interop::forget(TEXT);
    }
}

/// The reader's other documents, including one that was set aside after a panic.
pub fn kept_shelf() -> Shelf {
    let mut kept = Shelf::unpack(&interop::load(SHELF).unwrap_or_default());
    if let Some(text) = interop::load(RESCUED) {
        kept.put(&text);
        if interop::save(SHELF, &kept.pack()) {
            interop::forget(RESCUED);
        }
    }
    kept
}

/// The reader's own text from the last visit.
pub fn kept_text() -> Option<String> {
    interop::load(TEXT)
}

fn theme_word(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// The language that the reader chose, or that of the browser.
pub fn chosen_lang() -> view::Lang {
    let tag = interop::load(LANG).unwrap_or_else(interop::browser_language);
    if tag.starts_with("ja") { view::Lang::Ja } else { view::Lang::En }
}

/// The theme that the reader chose.
pub fn chosen_theme() -> Theme {
    match interop::load(THEME).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }
}

/// Sets language and theme on the root element.
pub fn set_page(app: &App) {
    let Some(root) = gloo::utils::document().document_element() else { return };
    let _ = root.set_attribute("lang", app.chrome.lang.tag());
    let _ = root.set_attribute("data-theme", theme_word(app.chrome.theme));
}

/// The panes as the reader left them.
pub fn kept_panes() -> Panes {
    Panes::parse(&interop::load(PANES).unwrap_or_default())
}

/// Sets the panes on the root element, from which the style sheets take them.
pub fn set_panes(panes: &Panes) {
    let Some(root) = gloo::utils::document().document_element() else { return };
    let _ = root.set_attribute("data-editor", panes.editor.name());
    let _ = root.set_attribute("data-inspector", panes.inspector.name());
    let _ = root.set_attribute("data-drawer", panes.drawer_name());
    for side in [Side::Editor, Side::Inspector, Side::Drawer] {
        if let Some(size) = panes.size(side) {
            set_size(side, size);
        }
    }
}

/// Sets the width of a pane, or the height of the drawer, in CSS pixels.
pub fn set_size(side: Side, size: u16) {
    if let Some(root) = gloo::utils::document().document_element() {
        interop::set_property(&root, &format!("--{}", side.name()), &format!("{size}px"));
    }
}

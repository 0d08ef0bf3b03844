//! Runs the effects of actions: storage, timers, focus, attributes of the document.

use crate::interop;
use crate::message::Msg;
use gloo::timers::callback::Timeout;
use std::rc::Rc;
use view::app::sessions::StoredSession;
use view::app::{Action, App, Effect, Panes, Side, Theme};
use yew::Callback;

const LANG: &str = "packetwalk.lang";
const THEME: &str = "packetwalk.theme";
/// Also read by guard.js.
const PANES: &str = "packetwalk.panes";
/// The beginning of the keys of sessions. Also in guard.js. A version of the page with another form
/// of them takes another number.
pub const SESSION: &str = "packetwalk.1.session.";
/// A hash of what was taken over from the keys of earlier versions.
const TAKEN: &str = "packetwalk.1.taken";
/// The keys of earlier versions: the open text, the other texts, and the one that was set aside
/// after a panic. They are read, but never changed.
const EARLIER: [&str; 3] = ["packetwalk.text", "packetwalk.shelf", "packetwalk.rescued"];
/// Set by a tab that forgets everything. Also in guard.js.
pub const FORGET: &str = "packetwalk.forget";

/// Runs one effect. Dropping the returned timer cancels it.
pub fn run(app: &App, effect: &Effect, send: &Callback<Msg>) -> Option<Timeout> {
    match effect {
        Effect::SetEditor => send.emit(Msg::SetEditor(false)),
        Effect::EditEditor => send.emit(Msg::SetEditor(true)),
        Effect::SetPage => {
            set_page(app);
            send.emit(Msg::SetLang);
        }
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
            let _ = interop::save(LANG, app.chrome.lang.tag());
            let _ = interop::save(THEME, theme_word(app.chrome.theme));
        }
        Effect::Panes => {
            set_panes(&app.chrome.panes);
            let _ = interop::save(PANES, &app.chrome.panes.to_string());
        }
        // guard.js has set the session aside.
        Effect::Store(_) | Effect::Address(_) if interop::has_stopped() => {}
        Effect::Store(id) => store(app, id, send),
        Effect::Address(address) => interop::set_address(address),
        Effect::Forget => interop::forget_everything(),
        Effect::Focus(field) => send.emit(Msg::Focus(*field)),
    }
    None
}

/// Stores a session as it is among the stored ones, or removes it if it is not there.
fn store(app: &App, id: &Rc<str>, send: &Callback<Msg>) {
    let key = format!("{SESSION}{id}");
    let kept = app.document.sessions.to_store(id, &app.document.id);
    let Some(kept) = kept else { return interop::forget(&key) };
    let fault = interop::save(&key, &kept.value).err();
    if kept.fault != fault {
        send.emit(Msg::Do(Action::Stored(id.clone(), fault)));
    }
}

/// Loads the sessions of all tabs.
pub fn load_sessions(app: &mut App) {
    let stored = &mut app.document.sessions;
    stored.page = interop::random();
    stored.elsewhere = interop::shown_elsewhere();
    for (key, value) in interop::load_all(SESSION) {
        if let Some(kept) = StoredSession::new(&key[SESSION.len()..], &value) {
            stored.put(kept);
        }
    }
    let earlier = EARLIER.map(|key| interop::load(key).unwrap_or_default());
    let hash = format!("{:x}", view::stamp::stamp(&earlier));
    if interop::load(TAKEN).unwrap_or_default() != hash {
        let [text, others, rescued] = &earlier;
        let taken = stored.take_over(text, others, rescued, app.chrome.now);
        let saved = taken
            .iter()
            .filter_map(|id| stored.get(id))
            .all(|kept| interop::save(&format!("{SESSION}{}", kept.id), &kept.value).is_ok());
        if saved && !earlier.iter().all(String::is_empty) {
            let _ = interop::save(TAKEN, &hash);
        }
    }
    app.document.id = app.document.sessions.fresh();
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

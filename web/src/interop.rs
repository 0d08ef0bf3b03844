//! Browser interfaces: storage, files, the clipboard, the address, the editor.
//!
//! Failures are silent, because they are expected: with an opaque origin (a sandboxed frame)
//! storage throws, and there is no editor.

use crate::bindings::{EditorHandle, EditorScript, globals, to_js};
use js_sys::Array;
use serde::Serialize;
use view::app::Address;
use view::app::sessions::{Clock, StorageFault};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlElement, HtmlOptionElement, HtmlScriptElement};

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// A text from storage; `None` if it is missing or storage is not available.
pub fn load(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// The keys that begin like this, each with its text.
pub fn load_all(prefix: &str) -> Vec<(String, String)> {
    let Some(storage) = storage() else { return Vec::new() };
    let keys = (0..storage.length().unwrap_or_default()).filter_map(|i| storage.key(i).ok()?);
    let own = keys.filter(|key| key.starts_with(prefix));
    own.filter_map(|key| Some((storage.get_item(&key).ok()??, key)))
        .map(|(text, key)| (key, text))
        .collect()
}

/// Stores a text.
///
/// # Errors
/// Storage is full or not available.
pub fn save(key: &str, value: &str) -> Result<(), StorageFault> {
    let storage = storage().ok_or(StorageFault::Refused)?;
    storage.set_item(key, value).map_err(|e| {
        let name = js_sys::Reflect::get(&e, &"name".into()).ok().and_then(|n| n.as_string());
        let full = name.is_some_and(|n| n.contains("Quota") || n.contains("QUOTA"));
        if full { StorageFault::Full } else { StorageFault::Refused }
    })
}

/// Removes a stored text.
pub fn forget(key: &str) {
    if let Some(s) = storage() {
        let _ = s.remove_item(key);
    }
}

/// The current time.
pub fn clock() -> Clock {
    let now = js_sys::Date::new_0();
    Clock { ms: now.get_time() as u64, zone: -now.get_timezone_offset() as i16 }
}

/// A random word.
pub fn random() -> String {
    format!("{:x}", (js_sys::Math::random() * 2_f64.powi(52)) as u64)
}

/// Whether a media query matches.
pub fn prefers(query: &str) -> bool {
    web_sys::window().and_then(|w| w.match_media(query).ok().flatten()).is_some_and(|m| m.matches())
}

/// The first element with this selector that is shown.
pub fn first_shown(selector: &str) -> Option<web_sys::Element> {
    let all = gloo::utils::document().query_selector_all(selector).ok()?;
    let element = |i| all.item(i)?.dyn_into::<web_sys::Element>().ok();
    (0..all.length()).filter_map(element).find(|e| e.get_client_rects().length() > 0)
}

/// The size of an element, in whole CSS pixels.
pub fn size(element: &web_sys::Element) -> (u32, u32) {
    let r = element.get_bounding_client_rect();
    (r.width() as u32, r.height() as u32)
}

/// Reports the size of an element, in CSS pixels, now and whenever it changes.
pub struct Observer {
    observer: web_sys::ResizeObserver,
    _report: Closure<dyn FnMut()>,
}

impl Observer {
    /// Observes an element; `None` if the browser cannot.
    pub fn new(element: &web_sys::Element, report: impl Fn(u32, u32) + 'static) -> Option<Self> {
        let observed = element.clone();
        let measure = move || {
            let (w, h) = size(&observed);
            report(w, h);
        };
        measure();
        let report = Closure::<dyn FnMut()>::new(measure);
        let observer = web_sys::ResizeObserver::new(report.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(Self { observer, _report: report })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Sets a custom property of an element. The content security policy allows this, but no `style`
/// attribute.
pub fn set_property(element: &web_sys::Element, name: &str, value: &str) {
    if let Some(e) = element.dyn_ref::<HtmlElement>() {
        let _ = e.style().set_property(name, value);
    }
}

/// Shows that a cluster is being built, if it takes long enough to be seen.
pub fn set_busy(busy: bool) {
    if let Some(root) = gloo::utils::document().document_element() {
        let _ = root.toggle_attribute_with_force("data-busy", busy);
    }
}

/// Lets every select show the option that it was rendered with: an option that moves within the
/// list keeps the choice otherwise.
pub fn show_choices() {
    let Ok(all) = gloo::utils::document().query_selector_all("option[selected]") else { return };
    for i in 0..all.length() {
        let option = all.item(i).and_then(|e| e.dyn_into::<HtmlOptionElement>().ok());
        if let Some(option) = option.filter(|o| !o.selected()) {
            option.set_selected(true);
        }
    }
}

/// Scrolls the row around an element sideways, so that the element is in its middle.
pub fn center(selector: &str) {
    let found = gloo::utils::document().query_selector(selector).ok().flatten();
    let Some(e) = found.and_then(|e| e.dyn_into::<HtmlElement>().ok()) else { return };
    if let Some(row) = e.parent_element() {
        row.set_scroll_left(e.offset_left() - (row.client_width() - e.offset_width()) / 2);
    }
}

/// Scrolls an element to its begin.
pub fn to_top(selector: &str) {
    if let Ok(Some(e)) = gloo::utils::document().query_selector(selector) {
        e.set_scroll_top(0);
    }
}

/// Closes every menu that is open.
pub fn close_menus() {
    while let Ok(Some(menu)) = gloo::utils::document().query_selector("details.menu[open]") {
        let _ = menu.remove_attribute("open");
    }
}

/// How long a button may take to be rendered or enabled, in tries of 20 ms.
const FOCUS_TRIES: u32 = 25;

/// Moves the keyboard focus to the element with an id, as soon as it can have it; `unless_typing`:
/// unless a field has it.
pub fn focus(id: String, unless_typing: bool) {
    try_focus(id, unless_typing, 0);
}

fn try_focus(id: String, unless_typing: bool, tries: u32) {
    let document = gloo::utils::document();
    let typing = document.active_element().is_some_and(|e| {
        matches!(&*e.tag_name(), "INPUT" | "SELECT" | "TEXTAREA") || e.shadow_root().is_some()
    });
    if unless_typing && typing {
        return;
    }
    let element = document.get_element_by_id(&id).and_then(|e| e.dyn_into::<HtmlElement>().ok());
    if let Some(e) = element.filter(|e| !e.has_attribute("disabled")) {
        let _ = e.focus();
    } else if tries < FOCUS_TRIES {
        let again = move || try_focus(id, unless_typing, tries + 1);
        gloo::timers::callback::Timeout::new(20, again).forget();
    }
}

/// Tells the sizes of the panes to assistive technology, at the handles that resize them.
pub fn tell_sizes() {
    let Ok(all) = gloo::utils::document().query_selector_all(".handle") else { return };
    let handles = (0..all.length()).filter_map(|i| all.item(i)?.dyn_into::<HtmlElement>().ok());
    for handle in handles {
        let Some(pane) = handle.parent_element() else { continue };
        let (w, h) = size(&pane);
        let across = handle.get_attribute("aria-orientation").as_deref() == Some("horizontal");
        let now = if across { h } else { w };
        // A pane that is not shown has no size.
        if now > 0 {
            let _ = handle.set_attribute("aria-valuenow", &now.to_string());
        }
    }
}

/// The browser's language.
pub fn browser_language() -> String {
    globals().navigator().and_then(|n| n.language()).unwrap_or_default()
}

/// Downloads bytes as a file.
pub fn download(name: &str, media: &str, bytes: &[u8]) {
    let parts = Array::of1(&js_sys::Uint8Array::from(bytes));
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(media);
    if let Ok(blob) = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options) {
        give(name, &blob);
    }
}

fn give(name: &str, blob: &web_sys::Blob) {
    let Ok(url) = web_sys::Url::create_object_url_with_blob(blob) else { return };
    let link = gloo::utils::document()
        .create_element("a")
        .ok()
        .and_then(|a| a.dyn_into::<HtmlElement>().ok());
    if let Some(a) = link {
        let _ = a.set_attribute("href", &url);
        let _ = a.set_attribute("download", name);
        a.click();
    }
    let _ = web_sys::Url::revoke_object_url(&url);
}

/// The resolution of a PNG: its pixels for each pixel of the page.
const FINE: f64 = 2.0;

/// Renders an SVG picture and downloads it as a PNG file.
pub fn paint(name: &str, svg: &str, failed: impl Fn() + Clone + 'static) {
    let Ok(image) = web_sys::HtmlImageElement::new() else { return failed() };
    let (name, painted, none) = (name.to_owned(), image.clone(), failed.clone());
    let on_load = Closure::once_into_js(move || {
        let (w, h) =
            (f64::from(painted.natural_width()) * FINE, f64::from(painted.natural_height()) * FINE);
        let canvas = gloo::utils::document()
            .create_element("canvas")
            .ok()
            .and_then(|c| c.dyn_into::<web_sys::HtmlCanvasElement>().ok());
        let Some(canvas) = canvas else { return failed() };
        canvas.set_width(w as u32);
        canvas.set_height(h as u32);
        let context = canvas
            .get_context("2d")
            .ok()
            .flatten()
            .and_then(|c| c.dyn_into::<web_sys::CanvasRenderingContext2d>().ok());
        let drawn = context.is_some_and(|c| {
            c.draw_image_with_html_image_element_and_dw_and_dh(&painted, 0.0, 0.0, w, h).is_ok()
        });
        let none = failed.clone();
        let got =
            Closure::once_into_js(move |blob: JsValue| match blob.dyn_into::<web_sys::Blob>() {
                Ok(blob) => give(&name, &blob),
                Err(_) => failed(),
            });
        if !drawn || canvas.to_blob(got.unchecked_ref()).is_err() {
            none();
        }
    });
    image.set_onload(Some(on_load.unchecked_ref()));
    image.set_onerror(Some(Closure::once_into_js(none).unchecked_ref()));
    let address = js_sys::encode_uri_component(svg);
    image.set_src(&format!("data:image/svg+xml,{}", String::from(address)));
}

/// The callbacks of a pending copy: success and failure.
pub type Copying = [Closure<dyn FnMut(JsValue)>; 2];

/// Copies a text to the clipboard and calls `done` with whether the browser allowed it. The
/// returned callbacks must be kept until then.
pub fn copy(text: &str, done: impl Fn(bool) + Clone + 'static) -> Option<Copying> {
    let clipboard = globals().navigator().and_then(|n| n.clipboard());
    let promise = clipboard.and_then(|c| c.write_text(text).ok());
    let Some(promise) = promise else {
        done(false);
        return None;
    };
    let other = done.clone();
    let copying = [
        Closure::<dyn FnMut(JsValue)>::new(move |_| done(true)),
        Closure::<dyn FnMut(JsValue)>::new(move |_| other(false)),
    ];
    let _ = promise.then2(&copying[0], &copying[1]);
    Some(copying)
}

/// The address of the page without its fragment.
pub fn address() -> String {
    let href = web_sys::window().and_then(|w| w.location().href().ok()).unwrap_or_default();
    href.split('#').next().unwrap_or_default().to_owned()
}

/// The fragment of the address, if it is a link.
pub fn link() -> Option<String> {
    web_sys::window()?
        .location()
        .hash()
        .ok()
        .filter(|h| h.starts_with("#v") && h.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
}

/// The session of the entry of the browser's history: its identifier, and what the entry keeps.
pub fn state() -> Option<(String, Option<String>)> {
    let state = web_sys::window()?.history().ok()?.state().ok()?;
    let text = |name: &str| js_sys::Reflect::get(&state, &name.into()).ok()?.as_string();
    Some((text("packetwalk")?, text("value")))
}

/// The state of an entry of the browser's history. guard.js reads it, too.
#[derive(Serialize)]
struct State<'a> {
    packetwalk: &'a str,
    value: Option<&'a str>,
    first: bool,
}

/// Sets the address and the entry of the browser's history, and tells other tabs which session this
/// one shows.
pub fn set_address(to: &Address) {
    let Some(history) = web_sys::window().and_then(|w| w.history().ok()) else { return };
    let state = to_js(&State { packetwalk: &to.id, value: to.state.as_deref(), first: to.first });
    let address = address();
    let url = (!to.linked).then_some(address.as_str());
    let _ = if to.push {
        history.push_state_with_url(&state, "", url)
    } else {
        history.replace_state_with_url(&state, "", url)
    };
    lock_session(&to.id);
}

/// Tells other tabs which session this one shows.
pub fn lock_session(id: &str) {
    if let Some(guard) = globals().packetwalk() {
        let _ = guard.lock_session(id);
    }
}

/// Whether the page has stopped because of an internal error.
pub fn has_stopped() -> bool {
    globals().packetwalk().and_then(|g| g.stopped()).unwrap_or_default()
}

/// The sessions that other tabs show, as far as guard.js knows.
pub fn shown_elsewhere() -> Vec<String> {
    let ids = globals().packetwalk().and_then(|g| g.elsewhere());
    ids.map(|ids| ids.iter().filter_map(|id| id.as_string()).collect()).unwrap_or_default()
}

/// Asks guard.js for the sessions that other tabs show; `then` is called when it knows.
pub fn ask_elsewhere(then: &Closure<dyn FnMut()>) {
    if let Some(guard) = globals().packetwalk() {
        let _ = guard.query_locks(then);
    }
}

/// Empties the storage, also of other tabs, and removes the offline copy of the page.
pub fn forget_everything() {
    if let Some(guard) = globals().packetwalk() {
        let _ = guard.forget();
    }
}

/// A diagnostic in the editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Start, in UTF-16 units.
    pub from: u32,
    /// End (exclusive), in UTF-16 units.
    pub to: u32,
    /// `error`, `warning` or `info`.
    pub severity: &'static str,
    /// The message, and the hint in a line of its own.
    pub message: String,
}

/// The CodeMirror editor, mounted after its script was loaded.
pub struct Editor {
    handle: EditorHandle,
    _on_change: Closure<dyn FnMut()>,
    _complete: Closure<dyn Fn(String, u32) -> JsValue>,
    _help: Closure<dyn Fn(String, u32, String) -> JsValue>,
}

impl Editor {
    /// Loads the script of the editor if necessary, then calls `then`.
    pub fn load(then: impl FnOnce() + 'static) {
        if script().is_some() {
            return then();
        }
        let document = gloo::utils::document();
        let (Ok(script), Some(head)) = (document.create_element("script"), document.head()) else {
            return;
        };
        let Ok(script) = script.dyn_into::<HtmlScriptElement>() else { return };
        let source = document
            .query_selector("meta[name=packetwalk-editor]")
            .ok()
            .flatten()
            .and_then(|m| m.get_attribute("content"));
        let Some(source) = source else { return };
        script.set_src(&source);
        let on_load = Closure::once_into_js(then);
        script.set_onload(Some(on_load.unchecked_ref()));
        let _ = head.append_child(&script);
    }

    /// Mounts an editor into an element.
    pub fn mount(
        host: &HtmlElement,
        (text, lang): (&str, &str),
        label: &str,
        on_change: impl FnMut() + 'static,
    ) -> Option<Self> {
        let script = script()?;
        let on_change = Closure::<dyn FnMut()>::new(on_change);
        let complete = Closure::<dyn Fn(String, u32) -> JsValue>::new(|text: String, at: u32| {
            to_js(&completed(&text, at))
        });
        let help = Closure::<dyn Fn(String, u32, String) -> JsValue>::new(
            |text: String, at: u32, lang: String| to_js(&help(&text, at, &lang)),
        );
        let handle = script.mount(host, text, label, &on_change, &complete, &help).ok()?;
        let this = Self { handle, _on_change: on_change, _complete: complete, _help: help };
        this.set_lang(lang);
        Some(this)
    }

    /// Sets the language of the editor's own texts.
    pub fn set_lang(&self, lang: &str) {
        let _ = self.handle.set_lang(lang);
    }

    /// The text. A long one takes time: it is read when the keys rest, not at every key.
    pub fn text(&self) -> String {
        self.handle.text().unwrap_or_default()
    }

    /// The position of the cursor, in UTF-16 units.
    pub fn cursor(&self) -> u32 {
        self.handle.cursor().unwrap_or_default()
    }

    /// Replaces the text. The lines of an edit are scrolled to and marked.
    pub fn set_text(&self, text: &str, is_edit: bool) {
        let _ = self.handle.set_text(text, is_edit);
    }

    /// Scrolls to a position, in UTF-16 units, and selects the rest of its line.
    pub fn reveal(&self, at: u32) {
        let _ = self.handle.reveal(at);
    }

    /// Shows diagnostics.
    pub fn set_marks(&self, marks: &[Mark]) {
        let _ = self.handle.set_marks(&to_js(&marks));
    }
}

/// The global of `editor.js`, once it is loaded.
fn script() -> Option<EditorScript> {
    globals().editor()
}

/// The completions at a place.
#[derive(Serialize)]
struct Completions {
    /// Where the word begins that a completion replaces, in UTF-16 units.
    from: u32,
    options: Vec<Completion>,
}

/// One completion: its name in the list, and the text that it inserts.
#[derive(Serialize)]
struct Completion {
    label: String,
    apply: String,
}

fn completed(text: &str, at: u32) -> Completions {
    let found = kube::complete::complete(text, byte(text, at));
    let option = |o: kube::complete::Completion| Completion {
        apply: format!("{}{}", o.word, o.suffix),
        label: o.word,
    };
    Completions {
        from: utf16(text, found.from as u32),
        options: found.list.into_iter().map(option).collect(),
    }
}

/// The help about a field of Topology or Script, and the range of the field in UTF-16 units.
#[derive(Serialize)]
struct Help {
    from: u32,
    to: u32,
    text: String,
}

fn help(text: &str, at: u32, lang: &str) -> Option<Help> {
    let (range, help) = kube::help::help_at(text, byte(text, at), lang)?;
    let place = |byte: usize| utf16(text, byte as u32);
    Some(Help { from: place(range.start), to: place(range.end), text: help })
}

/// A place in UTF-16 units as a byte offset.
pub fn byte(text: &str, at: u32) -> usize {
    let mut units = 0;
    for (i, c) in text.char_indices() {
        if units >= at {
            return i;
        }
        units += c.len_utf16() as u32;
    }
    text.len()
}

/// Converts a byte offset to UTF-16 units, in which the editor counts.
pub fn utf16(text: &str, byte: u32) -> u32 {
    text.get(..byte as usize).map_or(0, |t| t.encode_utf16().count() as u32)
}

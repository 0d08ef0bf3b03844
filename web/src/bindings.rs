//! The JavaScript that the page calls besides the browser's own: the editor of `editor.js`, the
//! frame of `embed.js`, and browser interfaces that may be missing. Everything can be absent (with
//! an opaque origin there is no editor, over plain HTTP no clipboard) and every call can throw.

use js_sys::{Array, Function, Promise};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

#[wasm_bindgen]
extern "C" {
    /// The global object.
    pub(crate) type Globals;
    #[wasm_bindgen(method, getter, js_name = PacketwalkEditor)]
    pub(crate) fn editor(this: &Globals) -> Option<EditorScript>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn packetwalk(this: &Globals) -> Option<Guard>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn navigator(this: &Globals) -> Option<Navigator>;

    /// The global that `editor.js` defines.
    pub(crate) type EditorScript;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn mount(
        this: &EditorScript,
        host: &HtmlElement,
        text: &str,
        label: &str,
        on_change: &Closure<dyn FnMut()>,
        complete: &Closure<dyn Fn(String, u32) -> JsValue>,
        help: &Closure<dyn Fn(String, u32, String) -> JsValue>,
    ) -> Result<EditorHandle, JsValue>;

    /// A mounted editor. Positions are in UTF-16 units.
    pub(crate) type EditorHandle;
    #[wasm_bindgen(method, catch, js_name = setText)]
    pub(crate) fn set_text(this: &EditorHandle, text: &str, is_edit: bool) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn text(this: &EditorHandle) -> Result<String, JsValue>;
    #[wasm_bindgen(method, catch, js_name = setLang)]
    pub(crate) fn set_lang(this: &EditorHandle, lang: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = setMarks)]
    pub(crate) fn set_marks(this: &EditorHandle, marks: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn reveal(this: &EditorHandle, at: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn cursor(this: &EditorHandle) -> Result<u32, JsValue>;

    /// The global that `guard.js` or `embed.js` defines.
    pub(crate) type Guard;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn embed(this: &Guard) -> Option<Frame>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn stopped(this: &Guard) -> Option<bool>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn elsewhere(this: &Guard) -> Option<Array>;
    #[wasm_bindgen(method, catch, js_name = queryLocks)]
    pub(crate) fn query_locks(this: &Guard, then: &Closure<dyn FnMut()>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = lockSession)]
    pub(crate) fn lock_session(this: &Guard, id: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn forget(this: &Guard) -> Result<(), JsValue>;

    /// The object through which the embed and `embed.js` talk.
    pub(crate) type Frame;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn told(this: &Frame, seen: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, setter)]
    pub(crate) fn set_command(this: &Frame, command: &Function) -> Result<(), JsValue>;

    /// `navigator`.
    pub(crate) type Navigator;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn language(this: &Navigator) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn clipboard(this: &Navigator) -> Option<Clipboard>;

    /// `navigator.clipboard`.
    pub(crate) type Clipboard;
    #[wasm_bindgen(method, catch, js_name = writeText)]
    pub(crate) fn write_text(this: &Clipboard, text: &str) -> Result<Promise, JsValue>;
}

/// The global object.
pub(crate) fn globals() -> Globals {
    js_sys::global().unchecked_into()
}

/// A value as plain objects and arrays; a missing field is null.
pub(crate) fn to_js(value: &impl Serialize) -> JsValue {
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL)
}

//! The one stateful component.

use crate::components;
use crate::effects;
use crate::interop::{self, Editor, Mark};
use crate::stage::{self, Stage, Touch};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::file::Blob;
use gloo::file::callbacks::{FileReader, read_as_text};
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use kube::Diagnostic;
use std::cell::RefCell;
use std::rc::Rc;
use view::app::{Action, App, handover, update};
use view::scene::{Scene, scene};
use view::story::Grain;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};
use yew::AppHandle;
use yew::prelude::*;

/// Below this width the panes are tabs; the same number stands in small.css.
const NARROW: &str = "(max-width: 899px)";

/// How the page is mounted.
#[derive(Clone, PartialEq, Eq, Properties)]
pub struct Props {
    /// Read only, in somebody else's page.
    pub embed: bool,
    /// The state of the page before this one.
    pub session: Option<AttrValue>,
}

thread_local! {
    /// The page, to be taken away when another takes over.
    static PAGE: RefCell<Option<AppHandle<Root>>> = const { RefCell::new(None) };
}

/// Mounts the page in its place.
pub fn mount(embed: bool, session: Option<String>) {
    let place = gloo::utils::document().get_element_by_id("app").unwrap_or_else(|| gloo::utils::body().into());
    place.set_inner_html("");
    let props = Props { embed, session: session.map(Into::into) };
    let page = yew::Renderer::<Root>::with_root_and_props(place, props).render();
    PAGE.set(Some(page));
}

/// Something that happened.
pub enum Msg {
    /// A person did something, or a timer.
    Do(Action),
    /// The text that the editor shows must change.
    SetEditor,
    /// The editor's script is there.
    EditorReady,
    /// A frame of the capsule's glide.
    Glide(f64),
    /// A hand on the picture.
    Touch(Touch),
    /// Something only the browser can do.
    Ask(Ask),
    /// The terminal's line is typed into.
    FocusTerminal,
    /// The workbench is needed.
    Workbench,
    /// It could not be loaded.
    NoWorkbench(String),
}

/// What needs the browser.
pub enum Ask {
    /// A file was chosen or dropped.
    Open(web_sys::File),
    /// The text becomes a file.
    Save,
    /// To this byte of the text.
    Jump(u32),
    /// From the text's cursor to its thing on the diagram.
    ToDiagram,
}

/// A glide of the capsule: from, to, since when.
struct Glide {
    from: (f32, f32),
    to: (f32, f32),
    since: Option<f64>,
}

/// The page.
pub struct Root {
    app: App,
    /// The picture of the moment that is shown.
    scene: Scene,
    /// The faults that the editor shows.
    marked: Rc<Vec<Diagnostic>>,
    editor: Option<Editor>,
    editor_host: NodeRef,
    capsule: NodeRef,
    stage: Stage,
    reading: Option<FileReader>,
    shown_at: Option<(f32, f32)>,
    glide: Option<Glide>,
    frame: Option<AnimationFrame>,
    timer: Option<Timeout>,
    /// The workbench is on its way.
    loading: bool,
    _keys: EventListener,
    _resize: EventListener,
    _wheel: Option<EventListener>,
    _drops: Vec<EventListener>,
}

impl Component for Root {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let preset = gloo::utils::body().get_attribute("data-preset").unwrap_or_default();
        let left = ctx.props().session.as_deref().and_then(handover::unpack);
        let (mut app, begin) = left.unwrap_or_else(|| {
            let mut app = App::new(effects::chosen_lang(), &preset);
            app.theme = effects::chosen_theme();
            if let (false, Some(text)) = (ctx.props().embed, effects::kept_text()) {
                update(&mut app, Action::Opened(text));
                app.history = view::app::History::default();
            }
            (app, Vec::new())
        });
        app.narrow = !ctx.props().embed && interop::prefers(NARROW);
        effects::set_page(&app);
        let link = ctx.link().clone();
        let options = EventListenerOptions::enable_prevent_default();
        let keys = EventListener::new_with_options(&gloo::utils::document(), "keydown", options, move |e| {
            if let Some(message) = e.dyn_ref::<KeyboardEvent>().and_then(key) {
                e.prevent_default();
                link.send_message(message);
            }
        });
        let (link, embed) = (ctx.link().clone(), ctx.props().embed);
        let resize = EventListener::new(&gloo::utils::window(), "resize", move |_| {
            link.send_message(Msg::Do(Action::Narrow(!embed && interop::prefers(NARROW))));
        });
        if !ctx.props().embed {
            let link = ctx.link().clone();
            // The first picture comes first; the editor follows it.
            Timeout::new(0, move || Editor::load(move || link.send_message(Msg::EditorReady))).forget();
        }
        let timer = begin.iter().find_map(|e| effects::run(&app, e, ctx.link()));
        let mut this = Self {
            app,
            scene: Scene::default(),
            marked: Rc::default(),
            editor: None,
            editor_host: NodeRef::default(),
            capsule: NodeRef::default(),
            stage: Stage::default(),
            reading: None,
            shown_at: None,
            glide: None,
            frame: None,
            timer,
            loading: false,
            _keys: keys,
            _resize: resize,
            _wheel: None,
            _drops: if ctx.props().embed { Vec::new() } else { drops(ctx) },
        };
        this.scene = this.scene();
        if this.app.drawer == view::app::Drawer::Terminal {
            ctx.link().send_message(Msg::FocusTerminal);
        }
        this
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Do(action) => {
                if let Action::Text(text) = &action {
                    // First kept, then read: whatever happens, it is there.
                    effects::keep_text(text);
                }
                for effect in update(&mut self.app, action) {
                    if let Some(timer) = effects::run(&self.app, &effect, ctx.link()) {
                        self.timer = Some(timer);
                    }
                }
                if !self.app.playing {
                    self.timer = None;
                }
                self.scene = self.scene();
                if !Rc::ptr_eq(&self.marked, &self.app.diags) {
                    self.mark();
                }
                true
            }
            Msg::SetEditor => {
                if let Some(e) = &self.editor {
                    e.set_text(&self.app.text);
                }
                self.mark();
                false
            }
            Msg::EditorReady => {
                if let Some(host) = self.editor_host.cast::<HtmlElement>() {
                    let link = ctx.link().clone();
                    let label = view::words::ui(view::words::Ui::Editor, self.app.lang);
                    self.editor = Editor::mount(&host, &self.app.text, label, move |text| link.send_message(Msg::Do(Action::Text(text))));
                    self.mark();
                }
                true
            }
            Msg::Touch(touch) => {
                let fit = self.fit();
                for action in self.stage.touch(touch, &self.app, fit) {
                    ctx.link().send_message(Msg::Do(action));
                }
                false
            }
            Msg::Ask(Ask::Open(file)) => {
                let link = ctx.link().clone();
                self.reading = Some(read_as_text(&Blob::from(file), move |text| {
                    if let Ok(text) = text {
                        link.send_message(Msg::Do(Action::Opened(text)));
                    }
                }));
                false
            }
            Msg::Ask(Ask::Save) => {
                interop::download("packetwalk.yaml", &self.app.text);
                false
            }
            Msg::Ask(Ask::Jump(byte)) => {
                if let Some(e) = &self.editor {
                    e.reveal(interop::utf16(&self.app.text, byte));
                }
                if self.app.narrow {
                    ctx.link().send_message(Msg::Do(Action::Pane(view::app::Pane::Text)));
                }
                false
            }
            Msg::Ask(Ask::ToDiagram) => {
                let at = self.editor.as_ref().map_or(0, |e| interop::byte(&self.app.text, e.cursor()));
                ctx.link().send_message(Msg::Do(Action::SelectAt(at)));
                false
            }
            Msg::Workbench => {
                if std::mem::replace(&mut self.loading, true) {
                    return false;
                }
                let (link, scope) = (ctx.link().clone(), ctx.link().clone());
                let leave = move || {
                    let state = scope.get_component().map(|root| handover::pack(&root.app)).unwrap_or_default();
                    // Not from within: the closure that runs belongs to what goes.
                    Timeout::new(0, || _ = PAGE.take().map(AppHandle::destroy)).forget();
                    state
                };
                interop::load_workbench(leave, move |why| link.send_message(Msg::NoWorkbench(why)));
                true
            }
            Msg::NoWorkbench(why) => {
                self.loading = false;
                ctx.link().send_message(Msg::Do(Action::NoWorkbench(why)));
                true
            }
            Msg::FocusTerminal => {
                if let Some(e) = gloo::utils::document().get_element_by_id("command").and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
                    let _ = e.focus();
                }
                false
            }
            Msg::Glide(now) => {
                self.glide_frame(ctx, now);
                false
            }
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link().clone();
        let send = Callback::from(move |action| link.send_message(Msg::Do(action)));
        let page = components::Page {
            app: &self.app,
            scene: &self.scene,
            send,
            capsule: self.capsule.clone(),
            picture: self.stage.picture.clone(),
            ghost: self.stage.ghost.clone(),
            touch: ctx.link().callback(Msg::Touch),
            ask: ctx.link().callback(Msg::Ask),
            embed: ctx.props().embed,
            loading: self.loading,
            editor_host: self.editor_host.clone(),
            editor_ready: self.editor.is_some(),
        };
        if ctx.props().embed { components::embed(&page) } else { components::page(&page) }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if first && !ctx.props().embed {
            self._wheel = self.stage.picture.cast::<web_sys::Element>().map(|svg| {
                let link = ctx.link().clone();
                EventListener::new_with_options(&svg, "wheel", EventListenerOptions::enable_prevent_default(), move |e| {
                    if let Some(e) = e.dyn_ref::<WheelEvent>() {
                        link.send_message(Msg::Touch(Touch::Wheel(e.clone())));
                    }
                })
            });
        }
        self.stage.show(self.fit());
        self.start_glide(ctx);
    }
}

impl Root {
    fn scene(&self) -> Scene {
        let (Some(l), Some(t)) = (&self.app.loaded, &self.app.timeline) else { return Scene::default() };
        if self.app.script.is_empty() {
            return Scene::default();
        }
        scene(&l.layout, &self.app.moment(l, t.state(), t.at()))
    }

    /// The part of the picture that is shown by itself: all; on a narrow page the node with the packet.
    fn fit(&self) -> (f32, f32, f32, f32) {
        const NARROW: f32 = 340.0;
        let Some(l) = &self.app.loaded else { return (0.0, 0.0, 100.0, 100.0) };
        let layout = &l.layout;
        if self.app.narrow {
            return (view::scene::camera(layout, &self.scene, NARROW), 0.0, NARROW, layout.height);
        }
        (0.0, 0.0, layout.width, layout.height)
    }

    fn mark(&mut self) {
        self.marked = self.app.diags.clone();
        let Some(editor) = &self.editor else { return };
        let text = &*self.app.text;
        let marks = self.app.diags.iter().map(|d| Mark {
            from: interop::utf16(text, d.span.start),
            to: interop::utf16(text, d.span.end.max(d.span.start + 1)),
            severity: match d.severity {
                kube::Severity::Error => "error",
                kube::Severity::Warning => "warning",
                kube::Severity::Note => "info",
            },
            message: format!("{}\n{}", d.message, d.hint),
        });
        let marks: Vec<_> = marks.collect();
        editor.set_marks(&marks);
    }

    /// After a render the capsule stands where it was; it glides to where it is now.
    fn start_glide(&mut self, ctx: &Context<Self>) {
        let Some(to) = self.scene.capsule.as_ref().map(|c| c.at) else {
            self.shown_at = None;
            return;
        };
        let from = self.shown_at.unwrap_or(to);
        let still = interop::prefers("(prefers-reduced-motion: reduce)") || self.app.speed >= 4.0 || from == to;
        if still {
            self.glide = None;
            return self.place(to);
        }
        self.place(from);
        if self.glide.as_ref().is_none_or(|g| g.to != to) {
            self.glide = Some(Glide { from, to, since: None });
            self.next_frame(ctx);
        }
    }

    fn next_frame(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self.frame = Some(request_animation_frame(move |now| link.send_message(Msg::Glide(now))));
    }

    fn glide_frame(&mut self, ctx: &Context<Self>, now: f64) {
        let Some(g) = &mut self.glide else { return };
        let since = *g.since.get_or_insert(now);
        let length = ((g.from.0 - g.to.0).hypot(g.from.1 - g.to.1) * 0.9).clamp(180.0, 600.0);
        let t = ((now - since) as f32 / length).clamp(0.0, 1.0);
        // Fast out, slow in.
        let eased = 1.0 - (1.0 - t).powi(3);
        let at = (g.from.0 + (g.to.0 - g.from.0) * eased, g.from.1 + (g.to.1 - g.from.1) * eased);
        self.place(at);
        if t < 1.0 {
            self.next_frame(ctx);
        } else {
            self.glide = None;
        }
    }

    fn place(&mut self, at: (f32, f32)) {
        self.shown_at = Some(at);
        if let Some(g) = self.capsule.cast::<web_sys::Element>() {
            let _ = g.set_attribute("transform", &format!("translate({:.1} {:.1})", at.0, at.1));
        }
    }
}

/// A file dropped anywhere on the page is opened.
fn drops(ctx: &Context<Root>) -> Vec<EventListener> {
    let options = EventListenerOptions::enable_prevent_default();
    let document = gloo::utils::document();
    let over = EventListener::new_with_options(&document, "dragover", options, |e| e.prevent_default());
    let link = ctx.link().clone();
    let drop = EventListener::new_with_options(&document, "drop", options, move |e| {
        e.prevent_default();
        let files = e.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer).and_then(|d| d.files());
        if let Some(file) = files.and_then(|f| f.get(0)) {
            link.send_message(Msg::Ask(Ask::Open(file)));
        }
    });
    vec![over, drop]
}

/// What a key does, unless it is typed into something.
fn key(e: &KeyboardEvent) -> Option<Msg> {
    let target = e.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    let tag = target.as_ref().map(web_sys::Element::tag_name).unwrap_or_default();
    let in_picture = target.as_ref().filter(|t| t.closest(".picture").ok().flatten().is_some());
    let typed = target.as_ref().is_some_and(|t| {
        matches!(tag.as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || t.dyn_ref::<HtmlElement>().is_some_and(HtmlElement::is_content_editable)
            || t.shadow_root().is_some()
            || (matches!(tag.as_str(), "BUTTON" | "SUMMARY") && matches!(e.key().as_str(), " " | "Enter"))
    });
    let undoes = target.as_ref().is_none_or(|t| tag != "INPUT" || t.id() == "command");
    let command = e.ctrl_key() || e.meta_key();
    // One undo over everything, also while one types in the text.
    match (e.key().as_str(), e.shift_key()) {
        ("z" | "Z", false) if command && undoes => return Some(Msg::Do(Action::Undo)),
        ("z" | "Z", true) | ("y", false) if command && undoes => return Some(Msg::Do(Action::Redo)),
        _ => {}
    }
    if typed || command || e.alt_key() {
        return None;
    }
    if let Some(at) = in_picture {
        let step = match e.key().as_str() {
            "ArrowRight" => Some((1.0, 0.0)),
            "ArrowLeft" => Some((-1.0, 0.0)),
            "ArrowDown" => Some((0.0, 1.0)),
            "ArrowUp" => Some((0.0, -1.0)),
            _ => None,
        };
        if let Some((dx, dy)) = step.filter(|_| !e.shift_key()) {
            let next = stage::neighbour(at, dx, dy).and_then(|n| n.dyn_into::<web_sys::SvgElement>().ok());
            if let Some(n) = next {
                let _ = n.focus();
            }
            return Some(Msg::Touch(Touch::Cancel));
        }
        if e.key() == "Enter" {
            return stage::clicked(at).map(Msg::Do);
        }
    }
    Some(Msg::Do(match (e.key().as_str(), e.shift_key()) {
        (" ", _) => Action::TogglePlay,
        ("ArrowRight", false) => Action::Step(1),
        ("ArrowLeft", false) => Action::Step(-1),
        ("ArrowRight", true) => Action::Hop(true),
        ("ArrowLeft", true) => Action::Hop(false),
        ("]", _) => Action::Marker(true),
        ("[", _) => Action::Marker(false),
        ("1", _) => Action::Grain(Grain::Hops),
        ("2", _) => Action::Grain(Grain::Decisions),
        ("3", _) => Action::Grain(Grain::Rules),
        ("+" | "=", _) => return Some(Msg::Touch(Touch::Zoom(1.3))),
        ("-", _) => return Some(Msg::Touch(Touch::Zoom(1.0 / 1.3))),
        ("0", _) => return Some(Msg::Touch(Touch::Fit)),
        ("Escape", _) => Action::Select(None),
        _ => return None,
    }))
}

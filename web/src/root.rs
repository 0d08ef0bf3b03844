//! The root component, which holds the state of the page.

use crate::components;
use crate::effects;
use crate::interop::{self, Editor, Mark, Observer};
use crate::message::{Ask, FRAME_MS, KEEP_MS, Msg, NARROW, TYPING_MS};
use crate::page_context::PageContext;
use crate::viewport::{self, Camera, Touch, Viewport};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::file::Blob;
use gloo::file::callbacks::{FileReader, read_as_bytes};
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use kube::Diagnostic;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use view::app::{Action, App, Dialog, Effect, FocusField, Fold, Side, update};
use view::picture::scene_of;
use view::stamp::stamp;
use view::story::Grain;
use view::words::problem_hint;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, KeyboardEvent};
use yew::prelude::*;

/// The properties of the root component.
#[derive(Clone, PartialEq, Eq, Properties)]
pub struct Props {
    /// Whether this is an embed, which is read-only.
    pub embed: bool,
    /// The room of the initial picture, if there was one.
    pub room: Option<(u32, u32)>,
}

/// Mounts the page, or the embed if the body has the attribute `data-embed`.
pub fn mount() {
    let place = gloo::utils::document()
        .get_element_by_id("app")
        .unwrap_or_else(|| gloo::utils::body().into());
    let room = interop::first_shown(".still .picture").map(|still| interop::size(&still));
    place.set_inner_html("");
    let props = Props { embed: gloo::utils::body().has_attribute("data-embed"), room };
    yew::Renderer::<Root>::with_root_and_props(place, props).render();
}

/// The movement of the packet: start, end, and the time of its first frame.
struct Glide {
    from: (f32, f32),
    to: (f32, f32),
    since: Option<f64>,
}

/// What menus and rows were last arranged for.
#[derive(Clone, Copy, PartialEq)]
struct Arranged {
    edition: u64,
    packet: Option<net::PacketId>,
    cursor: usize,
    /// A stamp of what is selected.
    selected: u64,
}

/// The root component.
pub struct Root {
    page: Rc<PageContext>,
    /// The diagnostics that the editor shows.
    marked: Rc<Vec<Diagnostic>>,
    editor: Option<Editor>,
    viewport: Viewport,
    reading: Option<FileReader>,
    shown_at: Option<(f32, f32)>,
    arranged: Option<Arranged>,
    glide: Option<Glide>,
    frame: Option<AnimationFrame>,
    timer: Option<Timeout>,
    /// Whether the sizes of the panes have to be told anew to assistive technology.
    panes_changed: bool,
    /// The timer that reads a text that was typed.
    typed: Option<Timeout>,
    /// The timer that stores the session.
    keeping: Option<Timeout>,
    _keys: EventListener,
    _wheel: Option<EventListener>,
    _room: Option<Observer>,
    _drops: Vec<EventListener>,
    _tabs: Option<Tabs>,
}

impl Component for Root {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let embed = ctx.props().embed;
        let (app, begin) = opened(ctx.props());
        effects::set_page(&app);
        let link = ctx.link().clone();
        let options = EventListenerOptions::enable_prevent_default();
        let keys = EventListener::new_with_options(
            &gloo::utils::document(),
            "keydown",
            options,
            move |e| {
                if let Some(message) = e.dyn_ref::<KeyboardEvent>().and_then(key) {
                    e.prevent_default();
                    link.send_message(message);
                }
            },
        );
        if !embed {
            let link = ctx.link().clone();
            // The editor is loaded after the first picture.
            Timeout::new(0, move || Editor::load(move || link.send_message(Msg::EditorReady)))
                .forget();
        }
        let send = ctx.link().callback(|message| message);
        if embed {
            crate::embedded::obey(send.clone());
        }
        let timer = begin.iter().find_map(|e| effects::run(&app, e, &send));
        let link = ctx.link().clone();
        if !embed {
            effects::set_panes(&app.chrome.panes);
        }
        let focus = app.chrome.sharing.then_some(FocusField::Link);
        let viewport = Viewport::default();
        let page = Rc::new(PageContext {
            scene: RefCell::new(scene_of(&app, None)),
            app: RefCell::new(app),
            edition: Cell::new(0),
            send: Callback::from(move |action| link.send_message(Msg::Do(action))),
            touch: ctx.link().callback(Msg::Touch),
            ask: ctx.link().callback(Msg::Ask),
            capsule: NodeRef::default(),
            picture: viewport.picture.clone(),
            camera: viewport.camera.clone(),
            beyond: viewport.beyond.clone(),
            percent: viewport.percent.clone(),
            measured: Cell::new(ctx.props().room.is_some()),
            ghost: viewport.ghost.clone(),
            embed,
            system_is_dark: interop::prefers("(prefers-color-scheme: dark)"),
            editor_host: NodeRef::default(),
            editor_ready: Cell::new(false),
        });
        if let Some(field) = focus {
            ctx.link().send_message(Msg::Focus(field));
        }
        Self {
            page,
            marked: Rc::default(),
            editor: None,
            viewport,
            reading: None,
            shown_at: None,
            arranged: None,
            glide: None,
            frame: None,
            timer,
            panes_changed: true,
            typed: None,
            keeping: None,
            _keys: keys,
            _wheel: None,
            _room: None,
            _drops: if embed { Vec::new() } else { drops(ctx) },
            _tabs: (!embed).then(|| Tabs::new(&ctx.link().callback(|message| message))),
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        // Whatever is done, it is done to the text as it stands; only playing goes on without it.
        let waits = matches!(msg, Msg::Typed | Msg::Keep | Msg::Glide(_) | Msg::Do(Action::Tick));
        let read = !waits && self.read_typed(ctx);
        let drawn = match msg {
            Msg::Do(action) if self.page.embed && !action.only_looks() => false,
            Msg::Do(action) => {
                self.act(ctx, action);
                true
            }
            Msg::Typed => {
                let link = ctx.link().clone();
                interop::set_busy(true);
                self.typed = Some(Timeout::new(TYPING_MS, move || link.send_message(Msg::Read)));
                false
            }
            Msg::Read => false,
            Msg::Keep => {
                self.keep(ctx);
                false
            }
            Msg::Play(on) => {
                if self.page.app.borrow().chrome.playing != on {
                    ctx.link().send_message(Msg::Do(Action::TogglePlay));
                }
                false
            }
            Msg::SetLang => {
                if let Some(e) = &self.editor {
                    e.set_lang(self.page.app.borrow().chrome.lang.tag());
                }
                self.mark();
                false
            }
            Msg::SetEditor(is_edit) => {
                if let Some(e) = &self.editor {
                    e.set_text(&self.page.app.borrow().document.text, is_edit);
                }
                self.mark();
                false
            }
            Msg::EditorReady => {
                if let Some(host) = self.page.editor_host.cast::<HtmlElement>() {
                    let link = ctx.link().clone();
                    let app = self.page.app.borrow();
                    let label = view::words::ui(view::words::Ui::Editor, app.chrome.lang);
                    let lang = app.chrome.lang.tag();
                    let text = &app.document.text;
                    self.editor = Editor::mount(&host, (text, lang), label, move || {
                        link.send_message(Msg::Typed);
                    });
                    drop(app);
                    self.mark();
                }
                self.page.editor_ready.set(self.editor.is_some());
                self.page.edition.update(|e| e + 1);
                true
            }
            Msg::Touch(touch) => {
                let fit = self.fit();
                for action in self.viewport.touch(touch, &self.page.app.borrow(), fit) {
                    ctx.link().send_message(Msg::Do(action));
                }
                false
            }
            Msg::Ask(Ask::Open(file)) => {
                let link = ctx.link().clone();
                let name = file.name();
                interop::set_busy(true);
                self.reading = Some(read_as_bytes(&Blob::from(file), move |bytes| {
                    let Ok(bytes) = bytes else { return interop::set_busy(false) };
                    // After the next frame, which shows that it has begun.
                    let open = move || link.send_message(Msg::Do(Action::File(name, bytes)));
                    Timeout::new(FRAME_MS, open).forget();
                }));
                false
            }
            Msg::Ask(Ask::ToggleFocus) => {
                let focus = self.page.app.borrow().view.focus;
                self.act(ctx, Action::Focus(!focus));
                true
            }
            Msg::Ask(Ask::Save) => {
                let file = self.page.app.borrow().file();
                interop::download("packetwalk.yaml", "text/plain;charset=utf-8", file.as_bytes());
                false
            }
            Msg::Ask(Ask::Jump(byte)) => {
                if let Some(e) = &self.editor {
                    e.reveal(interop::utf16(&self.page.app.borrow().document.text, byte));
                }
                let open = if interop::prefers(NARROW) {
                    Action::Pane(view::app::Pane::Text)
                } else {
                    Action::Fold(Side::Editor, Fold::Open)
                };
                ctx.link().send_message(Msg::Do(open));
                false
            }
            Msg::Ask(Ask::ToDiagram) => {
                let at = self.editor.as_ref().map_or(0, |e| {
                    interop::byte(&self.page.app.borrow().document.text, e.cursor())
                });
                ctx.link().send_message(Msg::Do(Action::SelectAt(at)));
                false
            }
            Msg::Focus(field) => {
                let id = match field {
                    FocusField::Command => "command".to_owned(),
                    FocusField::Link => "link".to_owned(),
                    FocusField::Share => "share".to_owned(),
                    FocusField::Play => "play".to_owned(),
                    FocusField::Find => "find".to_owned(),
                    FocusField::Keys => "keys".to_owned(),
                    FocusField::OpenFind => "open-find".to_owned(),
                    FocusField::OpenKeys => "open-keys".to_owned(),
                    FocusField::Pane(side, Fold::Folded) => format!("unfold-{}", side.name()),
                    FocusField::Pane(side, _) => format!("fold-{}", side.name()),
                };
                let unless_typing = field == FocusField::Play;
                // Deferred: the field may not be rendered yet.
                Timeout::new(0, move || interop::focus(id, unless_typing)).forget();
                false
            }
            Msg::Ask(Ask::Show(host)) => {
                self.act(ctx, Action::ShowFound(host.clone()));
                let place = self.page.app.borrow().place_of(&host);
                if let Some(place) = place {
                    self.viewport.look_at(place, self.fit());
                }
                true
            }
            Msg::Glide(now) => {
                self.glide_frame(ctx, now);
                false
            }
        };
        drawn || read
    }

    fn view(&self, _: &Context<Self>) -> Html {
        if self.page.embed {
            return self.page.draw(components::embed);
        }
        self.page.draw(components::page)
    }

    fn rendered(&mut self, ctx: &Context<Self>, first: bool) {
        if let (true, Some(svg)) = (first, self.viewport.picture.cast::<web_sys::Element>()) {
            let link = ctx.link().clone();
            self._room = Observer::new(&svg, move |w, h| {
                link.send_message(Msg::Do(Action::Room(w, h)));
            });
        }
        if first && !self.page.embed {
            self._wheel = self.viewport.picture.cast::<web_sys::Element>().map(|svg| {
                let link = ctx.link().clone();
                EventListener::new_with_options(
                    &svg,
                    "wheel",
                    EventListenerOptions::enable_prevent_default(),
                    move |e| {
                        if let Some(e) = e.dyn_ref::<WheelEvent>() {
                            link.send_message(Msg::Touch(Touch::Wheel(e.clone())));
                        }
                    },
                )
            });
        }
        if self.page.embed {
            crate::embedded::tell(&self.page.app.borrow(), first);
        }
        if std::mem::take(&mut self.panes_changed) {
            interop::tell_sizes();
        }
        self.show();
        self.start_glide(ctx);
        self.arrange();
    }
}

/// The initial state of the page, and the effects of opening it.
fn opened(props: &Props) -> (App, Vec<Effect>) {
    if props.embed {
        return crate::embedded::opened();
    }
    let mut app = App::new(effects::chosen_lang(), "");
    app.chrome.theme = effects::chosen_theme();
    app.chrome.panes = effects::kept_panes();
    app.chrome.now = interop::clock();
    effects::load_sessions(&mut app);
    if let Some((w, h)) = props.room {
        update(&mut app, Action::Room(w, h));
    }
    // The session of this tab, or the last one that no tab shows.
    let state = interop::state();
    let last = || Some((app.document.sessions.last()?.id.to_string(), None));
    let mut begin = match state.clone().or_else(last) {
        Some((id, value)) => {
            interop::lock_session(&id);
            update(&mut app, Action::GoToSession(id, value))
        }
        None => update(&mut app, Action::Keep(None)),
    };
    app.history = view::app::History::default();
    if let Some(link) = interop::link().filter(|_| state.is_none()) {
        begin.extend(update(&mut app, Action::Link(link)));
    }
    (app, begin)
}

impl Root {
    fn fit(&self) -> Camera {
        viewport::fit(&self.page.app.borrow(), &self.page.scene.borrow())
    }

    /// Shows the choices of menus, and scrolls what is current into view, as far as they changed.
    fn arrange(&mut self) {
        let now = Arranged {
            edition: self.page.edition.get(),
            packet: self.page.scene.borrow().packet,
            cursor: self.page.app.borrow().view.cursor,
            selected: stamp(self.page.app.borrow().view.selected.as_ref().map(|s| &s.host)),
        };
        let before = self.arranged.replace(now);
        let is_new = before.is_none_or(|b| b.edition != now.edition);
        if is_new {
            interop::show_choices();
        }
        if is_new || before.is_none_or(|b| b.packet != now.packet) {
            interop::center(".pill.here");
        }
        if before.is_some_and(|b| b.selected != now.selected) {
            interop::to_top(".inspector-body");
        }
        if before != Some(now) {
            interop::center(".marker.now");
            interop::center(".stations .now");
        }
    }

    /// Shows the part of the picture that the reader chose, or that with the packet.
    fn show(&self) {
        let scene = self.page.scene.borrow();
        self.viewport.packet.set(scene.capsule.as_ref().map(|c| c.at).or(scene.place));
        drop(scene);
        self.viewport.show(self.fit(), self.page.app.borrow().view.room);
    }

    /// Does an action, runs its effects and works out the scene.
    fn act(&mut self, ctx: &Context<Self>, action: Action) {
        if matches!(
            action,
            Action::Change(_)
                | Action::Dialog(_)
                | Action::Select(_)
                | Action::Send
                | Action::Forget(_)
        ) {
            interop::close_menus();
        }
        if matches!(action, Action::Station(_)) {
            self.viewport.camera.set(None);
        }
        if matches!(action, Action::Room(..)) {
            self.page.measured.set(true);
            self.panes_changed = true;
        }
        self.panes_changed |= matches!(action, Action::Drawer(_) | Action::Resize(..));
        let moves = action.only_moves();
        if !moves {
            self.page.edition.update(|e| e + 1);
        }
        if action != Action::Tick && !self.page.embed && self.keeping.is_none() {
            let link = ctx.link().clone();
            self.keeping = Some(Timeout::new(KEEP_MS, move || link.send_message(Msg::Keep)));
        }
        let mut app = self.page.app.borrow_mut();
        app.chrome.now = interop::clock();
        let send = ctx.link().callback(|message| message);
        for effect in update(&mut app, action) {
            // An embed has no panes, no storage and no address of its own.
            if self.page.embed && !matches!(effect, Effect::TickAfter(_)) {
                continue;
            }
            if let Some(timer) = effects::run(&app, &effect, &send) {
                self.timer = Some(timer);
            }
        }
        if !app.chrome.playing {
            self.timer = None;
        }
        let seen = self.page.scene.take();
        self.page.scene.replace(scene_of(&app, moves.then_some(&seen)));
        let told = Rc::ptr_eq(&self.marked, &app.document.diagnostics);
        drop(app);
        if !told {
            self.mark();
        }
        self.show();
        self.start_glide(ctx);
        interop::set_busy(self.typed.is_some());
    }

    /// Builds the cluster of a typed text that has not been read. Returns whether there was one.
    fn read_typed(&mut self, ctx: &Context<Self>) -> bool {
        if self.typed.is_some() {
            // It is stored before it is read: whatever reading does, it is there.
            self.keep(ctx);
        }
        let typed = self.typed();
        self.typed = None;
        let Some(text) = typed else { return false };
        self.act(ctx, Action::Text(text));
        true
    }

    /// The typed text that has not been read.
    fn typed(&self) -> Option<String> {
        self.typed.as_ref().and(self.editor.as_ref()).map(Editor::text)
    }

    /// Stores the session.
    fn keep(&mut self, ctx: &Context<Self>) {
        self.keeping = None;
        let mut app = self.page.app.borrow_mut();
        app.chrome.now = interop::clock();
        let send = ctx.link().callback(|message| message);
        let typed = self.typed();
        for effect in update(&mut app, Action::Keep(typed)) {
            effects::run(&app, &effect, &send);
        }
    }

    fn mark(&mut self) {
        let app = self.page.app.borrow();
        self.marked = app.document.diagnostics.clone();
        let Some(editor) = &self.editor else { return };
        let text = &*app.document.text;
        let marks = app.document.diagnostics.iter().map(|d| Mark {
            from: interop::utf16(text, d.span.start),
            to: interop::utf16(text, d.span.end.max(d.span.start + 1)),
            severity: match d.severity {
                kube::Severity::Error => "error",
                kube::Severity::Warning => "warning",
                kube::Severity::Note => "info",
            },
            message: format!("{}\n{}", d.message, problem_hint(d, app.chrome.lang)),
        });
        let marks: Vec<_> = marks.collect();
        editor.set_marks(&marks);
    }

    /// Starts the movement of the packet from its previous to its current position.
    fn start_glide(&mut self, ctx: &Context<Self>) {
        let Some(to) = self.page.scene.borrow().capsule.as_ref().map(|c| c.at) else {
            self.shown_at = None;
            return;
        };
        let from = self.shown_at.unwrap_or(to);
        let still = from == to
            || self.page.app.borrow().chrome.speed >= 400
            || interop::prefers("(prefers-reduced-motion: reduce)");
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
        // Ease-out: fast at first, then slower.
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
        // Setting the same value would still cause a layout.
        if self.shown_at.replace(at) == Some(at) {
            return;
        }
        if let Some(g) = self.page.capsule.cast::<web_sys::Element>() {
            let _ = g.set_attribute(
                "transform",
                &format!("translate({} {})", view::px::Px(at.0), view::px::Px(at.1)),
            );
        }
    }
}

/// Listens to the browser's history, to other tabs, and to the end of the page.
struct Tabs {
    _listeners: Vec<EventListener>,
    _seen: Rc<Closure<dyn FnMut()>>,
}

impl Tabs {
    fn new(send: &Callback<Msg>) -> Self {
        let window = gloo::utils::window();
        let act = send.reform(Msg::Do);
        let tell = act.clone();
        let seen = Rc::new(Closure::<dyn FnMut()>::new(move || {
            tell.emit(Action::OpenInOtherTabs(interop::shown_elsewhere()));
        }));
        let go = act.clone();
        let pop = EventListener::new(&window, "popstate", move |_| {
            if let Some((id, value)) = interop::state() {
                go.emit(Action::GoToSession(id, value));
            }
        });
        // An address that the reader entered is an entry without a state.
        let go = act.clone();
        let hash = EventListener::new(&window, "hashchange", move |_| {
            if interop::state().is_none() {
                go.emit(interop::link().map_or(Action::UnknownAddress, Action::Link));
            }
        });
        let look = seen.clone();
        let storage = EventListener::new(&window, "storage", move |e| {
            let Some(e) = e.dyn_ref::<web_sys::StorageEvent>() else { return };
            let key = e.key().unwrap_or_default();
            if let Some(id) = key.strip_prefix(effects::SESSION) {
                act.emit(Action::ChangedInOtherTab(id.to_owned(), e.new_value()));
                interop::ask_elsewhere(&look);
            } else if key == effects::FORGET && e.new_value().is_some() {
                act.emit(Action::Forget(false));
            }
        });
        let look = seen.clone();
        let focus = EventListener::new(&window, "focus", move |_| interop::ask_elsewhere(&look));
        let keep = |send: Callback<Msg>| move |_: &Event| send.emit(Msg::Keep);
        let hide = EventListener::new(&window, "pagehide", keep(send.clone()));
        let document = gloo::utils::document();
        let blur = EventListener::new(&document, "visibilitychange", keep(send.clone()));
        Self { _listeners: vec![pop, hash, storage, focus, hide, blur], _seen: seen }
    }
}

/// Opens a file that is dropped anywhere on the page.
fn drops(ctx: &Context<Root>) -> Vec<EventListener> {
    let options = EventListenerOptions::enable_prevent_default();
    let document = gloo::utils::document();
    let over =
        EventListener::new_with_options(&document, "dragover", options, |e| e.prevent_default());
    let link = ctx.link().clone();
    let drop = EventListener::new_with_options(&document, "drop", options, move |e| {
        e.prevent_default();
        let files =
            e.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer).and_then(|d| d.files());
        if let Some(file) = files.and_then(|f| f.get(0)) {
            link.send_message(Msg::Ask(Ask::Open(file)));
        }
    });
    vec![over, drop]
}

/// The message of a key, unless it is typed into a field.
fn key(e: &KeyboardEvent) -> Option<Msg> {
    let target = e.target().and_then(|t| t.dyn_into::<web_sys::Element>().ok());
    let tag = target.as_ref().map(web_sys::Element::tag_name).unwrap_or_default();
    let in_picture = target.as_ref().filter(|t| t.closest(".picture").ok().flatten().is_some());
    let typed = target.as_ref().is_some_and(|t| {
        matches!(tag.as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || t.dyn_ref::<HtmlElement>().is_some_and(HtmlElement::is_content_editable)
            || t.shadow_root().is_some()
            || (matches!(tag.as_str(), "BUTTON" | "SUMMARY")
                && matches!(e.key().as_str(), " " | "Enter"))
    });
    let undoes = target.as_ref().is_none_or(|t| tag != "INPUT" || t.id() == "command");
    let command = e.ctrl_key() || e.meta_key();
    // There is one undo history, also while the editor has the focus.
    match (e.key().as_str(), e.shift_key()) {
        ("z" | "Z", false) if command && undoes => return Some(Msg::Do(Action::Undo)),
        ("z" | "Z", true) | ("y", false) if command && undoes => {
            return Some(Msg::Do(Action::Redo));
        }
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
            let next = viewport::neighbour(at, dx, dy)
                .and_then(|n| n.dyn_into::<web_sys::SvgElement>().ok());
            if let Some(n) = next {
                let _ = n.focus();
            }
            return Some(Msg::Touch(Touch::Cancel));
        }
        if e.key() == "Enter" {
            return viewport::clicked(at).map(Msg::Do);
        }
    }
    Some(Msg::Do(match (e.key().as_str(), e.shift_key()) {
        (" ", _) => Action::TogglePlay,
        ("ArrowRight", false) => Action::StepBy(1),
        ("ArrowLeft", false) => Action::StepBy(-1),
        ("ArrowRight", true) => Action::Hop(true),
        ("ArrowLeft", true) => Action::Hop(false),
        ("]", _) => Action::Marker(true),
        ("[", _) => Action::Marker(false),
        ("Home", _) => Action::SeekStep(0),
        ("End", _) => Action::SeekStep(usize::MAX),
        ("f" | "F", _) => Action::Fork,
        ("/", _) => Action::Dialog(Some(Dialog::Find(String::new()))),
        ("?", _) => Action::Dialog(Some(Dialog::Keys)),
        ("1", _) => Action::Grain(Grain::Hops),
        ("2", _) => Action::Grain(Grain::Decisions),
        ("3", _) => Action::Grain(Grain::Rules),
        ("+" | "=", _) => return Some(Msg::Touch(Touch::Zoom(1.3))),
        ("-", _) => return Some(Msg::Touch(Touch::Zoom(1.0 / 1.3))),
        ("0", _) => return Some(Msg::Touch(Touch::Fit)),
        (".", _) => return Some(Msg::Ask(Ask::ToggleFocus)),
        ("Escape", _) => Action::Select(None),
        _ => return None,
    }))
}

//! The one stateful component.

use crate::components;
use crate::effects;
use crate::interop::{self, Editor, Mark};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::render::{AnimationFrame, request_animation_frame};
use gloo::timers::callback::Timeout;
use kube::Diagnostic;
use std::rc::Rc;
use view::app::{Action, App, update};
use view::scene::{Moment, Scene, scene};
use view::story::Grain;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};
use yew::prelude::*;

/// Below this width the panes are tabs; the same number stands in small.css.
const NARROW: &str = "(max-width: 899px)";

/// How the page is mounted.
#[derive(Clone, PartialEq, Eq, Properties)]
pub struct Props {
    /// Read only, in somebody else's page.
    pub embed: bool,
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
    shown_at: Option<(f32, f32)>,
    glide: Option<Glide>,
    frame: Option<AnimationFrame>,
    timer: Option<Timeout>,
    _keys: EventListener,
    _resize: EventListener,
}

impl Component for Root {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let preset = gloo::utils::body().get_attribute("data-preset").unwrap_or_default();
        let mut app = App::new(effects::chosen_lang(), &preset);
        app.theme = effects::chosen_theme();
        if let (false, Some(text)) = (ctx.props().embed, effects::kept_text()) {
            update(&mut app, Action::Text(text));
        }
        app.narrow = !ctx.props().embed && interop::prefers(NARROW);
        effects::set_page(&app);
        let link = ctx.link().clone();
        let options = EventListenerOptions::enable_prevent_default();
        let keys = EventListener::new_with_options(&gloo::utils::document(), "keydown", options, move |e| {
            if let Some(action) = e.dyn_ref::<KeyboardEvent>().and_then(key) {
                e.prevent_default();
                link.send_message(Msg::Do(action));
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
        Self {
            app,
            scene: Scene::default(),
            marked: Rc::default(),
            editor: None,
            editor_host: NodeRef::default(),
            capsule: NodeRef::default(),
            shown_at: None,
            glide: None,
            frame: None,
            timer: None,
            _keys: keys,
            _resize: resize,
        }
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
            editor_host: self.editor_host.clone(),
            editor_ready: self.editor.is_some(),
        };
        if ctx.props().embed { components::embed(&page) } else { components::page(&page) }
    }

    fn rendered(&mut self, ctx: &Context<Self>, _first: bool) {
        self.start_glide(ctx);
    }
}

impl Root {
    fn scene(&self) -> Scene {
        let (Some(l), Some(run), Some(t)) = (&self.app.loaded, &self.app.run, &self.app.timeline) else { return Scene::default() };
        let moment = Moment { state: t.state(), events: l.session.events(), run: run.events.clone(), cursor: t.at(), labels: &l.labels };
        scene(&l.layout, &moment)
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

/// What a key does, unless it is typed into something.
fn key(e: &KeyboardEvent) -> Option<Action> {
    let target = e.target().and_then(|t| t.dyn_into::<HtmlElement>().ok());
    let typed = target.is_some_and(|t| {
        let tag = t.tag_name();
        matches!(tag.as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || t.is_content_editable()
            || t.shadow_root().is_some()
            || (tag == "BUTTON" && matches!(e.key().as_str(), " " | "Enter"))
    });
    if typed || e.ctrl_key() || e.alt_key() || e.meta_key() {
        return None;
    }
    Some(match (e.key().as_str(), e.shift_key()) {
        (" ", _) => Action::TogglePlay,
        ("ArrowRight", false) => Action::Step(1),
        ("ArrowLeft", false) => Action::Step(-1),
        ("ArrowRight", true) => Action::Hop(true),
        ("ArrowLeft", true) => Action::Hop(false),
        ("1", _) => Action::Grain(Grain::Hops),
        ("2", _) => Action::Grain(Grain::Decisions),
        ("3", _) => Action::Grain(Grain::Rules),
        _ => return None,
    })
}

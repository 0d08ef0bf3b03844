//! What the page is drawn from, and the parts of the page that are drawn again only when they
//! change: a tick of a session with sixty nodes draws what moved, not sixty nodes.

use crate::message::Ask;
use crate::viewport::{Camera, Touch};
use gloo::timers::callback::Timeout;
use std::cell::{Cell, RefCell};
use std::hash::Hash;
use std::marker::PhantomData;
use std::rc::Rc;
use view::app::{Action, App};
use view::scene::Scene;
use view::stamp::stamp;
use yew::prelude::*;

/// What the page is drawn from, and how its parts report to the root.
pub struct PageContext {
    /// The state.
    pub app: RefCell<App>,
    /// The scene of the moment that is shown.
    pub scene: RefCell<Scene>,
    /// Grows with every action that does more than move to another moment: everything is drawn
    /// again.
    pub edition: Cell<u64>,
    /// Does an action.
    pub send: Callback<Action>,
    /// Passes a touch of the picture on.
    pub touch: Callback<Touch>,
    /// Asks for what needs the browser: files, places in the text.
    pub ask: Callback<Ask>,
    /// The group of the capsule, whose transform is set outside of the virtual DOM.
    pub capsule: NodeRef,
    /// The `svg` of the picture, whose viewBox is set outside of the virtual DOM.
    pub picture: NodeRef,
    /// What the reader zoomed or moved to; `None` while the picture fits. Between two renders it is
    /// set outside of the virtual DOM.
    pub camera: Rc<Cell<Option<Camera>>>,
    /// The button that points to the packet, shown outside of the virtual DOM.
    pub beyond: NodeRef,
    /// The zoom in percent, set outside of the virtual DOM.
    pub percent: NodeRef,
    /// Whether the room of the picture has been measured: without it nothing can be laid out.
    pub measured: Cell<bool>,
    /// The outline of what is dragged, set outside of the virtual DOM.
    pub ghost: NodeRef,
    /// Whether it is an embed: read only, in a frame of another page.
    pub embed: bool,
    /// Whether the colour scheme of the system was dark when the page was opened.
    pub system_is_dark: bool,
    /// The element that the editor is mounted in.
    pub editor_host: NodeRef,
    /// Whether the editor is mounted.
    pub editor_ready: Cell<bool>,
}

impl PageContext {
    /// A page at its first moment without callbacks, for rendering it to HTML.
    pub fn inert(app: App) -> Rc<Self> {
        Rc::new(Self {
            app: RefCell::new(app),
            scene: RefCell::default(),
            edition: Cell::new(0),
            send: Callback::noop(),
            touch: Callback::noop(),
            ask: Callback::noop(),
            capsule: NodeRef::default(),
            picture: NodeRef::default(),
            camera: Rc::default(),
            beyond: NodeRef::default(),
            percent: NodeRef::default(),
            measured: Cell::new(true),
            ghost: NodeRef::default(),
            embed: false,
            system_is_dark: false,
            editor_host: NodeRef::default(),
            editor_ready: Cell::new(false),
        })
    }

    /// Draws a part of the page.
    pub fn draw(self: &Rc<Self>, draw: impl FnOnce(&Page<'_>) -> Html) -> Html {
        draw(&Page { app: &self.app.borrow(), scene: &self.scene.borrow(), page: self })
    }
}

/// What a part of the page is drawn from.
pub struct Page<'a> {
    /// The state.
    pub app: &'a App,
    /// The scene of this moment.
    pub scene: &'a Scene,
    /// The whole context.
    pub page: &'a Rc<PageContext>,
}

impl Page<'_> {
    /// A part that changes with the document, the language and what was chosen, but not from moment
    /// to moment.
    pub(crate) fn still(&self, draw: fn(&Page<'_>) -> Html) -> Html {
        let (page, stamp) = (self.page.clone(), self.page.edition.get());
        html! { <Memo<()> {page} drawn={Drawn::All(draw)} {stamp} late={0} /> }
    }

    /// A part that is drawn at every moment. While the session plays, it follows this many frames
    /// later, so that no frame does all the work.
    pub(crate) fn late(&self, frames: u32, draw: fn(&Page<'_>) -> Html) -> Html {
        let stamp = stamp((self.page.edition.get(), self.app.view.cursor, self.scene.packet));
        let late = if self.app.chrome.playing { frames } else { 0 };
        html! { <Memo<()> page={self.page.clone()} drawn={Drawn::All(draw)} {stamp} {late} /> }
    }

    /// The part with this id among its siblings. It is drawn again when `made_of`, which is all
    /// that it shows of the moment, changes.
    pub(crate) fn part<T: Id>(
        &self,
        draw: fn(&Page<'_>, T) -> Html,
        id: T,
        made_of: impl Hash,
    ) -> Html {
        let (page, drawn) = (self.page.clone(), Drawn::One(draw, id));
        let (key, stamp) = (stamp(id), stamp((self.page.edition.get(), made_of)));
        html! { <Memo<T> {key} {page} {drawn} {stamp} late={0} /> }
    }
}

/// What tells a part from its siblings.
pub(crate) trait Id: Copy + PartialEq + Hash + 'static {}
impl<T: Copy + PartialEq + Hash + 'static> Id for T {}

/// How a part is drawn.
#[derive(Clone, Copy)]
enum Drawn<T> {
    All(fn(&Page<'_>) -> Html),
    One(fn(&Page<'_>, T) -> Html, T),
}

#[derive(Clone, Properties)]
struct MemoProps<T: Id> {
    page: Rc<PageContext>,
    drawn: Drawn<T>,
    stamp: u64,
    late: u32,
}

impl<T: Id> PartialEq for MemoProps<T> {
    /// The drawing function is not compared: id and stamp stand for all that it depends on.
    fn eq(&self, other: &Self) -> bool {
        let id = |d: &Drawn<T>| if let Drawn::One(_, id) = d { Some(*id) } else { None };
        self.stamp == other.stamp && id(&self.drawn) == id(&other.drawn)
    }
}

/// A little more than a frame, in milliseconds.
const FRAME: u32 = 25;

struct Memo<T> {
    /// Set while it waits for a later frame.
    waits: Option<Timeout>,
    of: PhantomData<T>,
}

impl<T: Id> Component for Memo<T> {
    type Message = ();
    type Properties = MemoProps<T>;

    fn create(_: &Context<Self>) -> Self {
        Self { waits: None, of: PhantomData }
    }

    fn changed(&mut self, ctx: &Context<Self>, _: &MemoProps<T>) -> bool {
        let late = ctx.props().late;
        if late == 0 {
            self.waits = None;
        } else if self.waits.is_none() {
            let link = ctx.link().clone();
            self.waits = Some(Timeout::new(late * FRAME, move || link.send_message(())));
        }
        late == 0
    }

    fn update(&mut self, _: &Context<Self>, (): ()) -> bool {
        self.waits = None;
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        ctx.props().page.draw(|p| match ctx.props().drawn {
            Drawn::All(draw) => draw(p),
            Drawn::One(draw, id) => draw(p, id),
        })
    }
}

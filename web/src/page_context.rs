//! What the page is drawn from, and the parts of it that stay as they are as long as nothing of
//! them changed: a tick of a session with sixty nodes draws what moved, not sixty nodes.

use crate::root::Ask;
use crate::viewport::{Camera, Touch};
use gloo::timers::callback::Timeout;
use std::cell::{Cell, RefCell};
use std::hash::Hash;
use std::rc::Rc;
use view::app::{Action, App};
use view::scene::Scene;
use view::stamp::stamp;
use yew::prelude::*;

/// Everything the page is drawn from.
pub struct PageContext {
    /// The state.
    pub app: RefCell<App>,
    /// The picture of the moment that is shown.
    pub scene: RefCell<Scene>,
    /// Grows with every action that does more than go to another moment: then all is drawn again.
    pub edition: Cell<u64>,
    /// Tells what a person did.
    pub send: Callback<Action>,
    /// Tells what a hand does to the picture.
    pub touch: Callback<Touch>,
    /// Tells what needs the browser: files, places in the text.
    pub ask: Callback<Ask>,
    /// The capsule, which moves outside the markup.
    pub capsule: NodeRef,
    /// The picture.
    pub picture: NodeRef,
    /// What the reader zoomed or moved to; `None` while the picture fits. Between two renders it is
    /// set outside the markup.
    pub camera: Rc<Cell<Option<Camera>>>,
    /// What shows where something would go.
    pub ghost: NodeRef,
    /// Read only, embedded in another page.
    pub embed: bool,
    /// The system's colour scheme is dark, as the page opened.
    pub system_is_dark: bool,
    /// Where the editor is mounted.
    pub editor_host: NodeRef,
    /// Whether it is.
    pub editor_ready: Cell<bool>,
}

impl PageContext {
    /// A page at its first moment that nothing listens to: for printing it as HTML.
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
            ghost: NodeRef::default(),
            embed: false,
            system_is_dark: false,
            editor_host: NodeRef::default(),
            editor_ready: Cell::new(false),
        })
    }

    /// Draws something of it.
    pub fn draw(self: &Rc<Self>, draw: impl FnOnce(&Page<'_>) -> Html) -> Html {
        draw(&Page { app: &self.app.borrow(), scene: &self.scene.borrow(), page: self })
    }
}

/// What every part of the page is made from.
pub struct Page<'a> {
    /// The state.
    pub app: &'a App,
    /// The picture of this moment.
    pub scene: &'a Scene,
    /// All of it.
    pub page: &'a Rc<PageContext>,
}

impl Page<'_> {
    /// A part that depends on nothing but what a person did.
    pub(crate) fn still(&self, draw: fn(&Page<'_>) -> Html) -> Html {
        let edition = self.page.edition.get();
        html! { <Memo page={self.page.clone()} drawn={Drawn::All(draw)} stamp={edition} late={0} /> }
    }

    /// A part that is drawn at every moment. While it plays by itself it follows so many frames
    /// later: no frame does all the work.
    pub(crate) fn late(&self, frames: u32, draw: fn(&Page<'_>) -> Html) -> Html {
        let stamp = stamp((self.page.edition.get(), self.app.cursor(), self.scene.packet));
        html! { <Memo page={self.page.clone()} drawn={Drawn::All(draw)} stamp={stamp} late={if self.app.playing { frames } else { 0 }} /> }
    }

    /// The part of that number; what it is made from besides, is told.
    pub(crate) fn part(
        &self,
        draw: fn(&Page<'_>, usize) -> Html,
        number: usize,
        made_of: impl Hash,
    ) -> Html {
        let stamp = stamp((self.page.edition.get(), made_of));
        html! { <Memo key={number} page={self.page.clone()} drawn={Drawn::One(draw, number)} stamp={stamp} late={0} /> }
    }
}

/// How a part is drawn.
#[derive(Clone, Copy)]
enum Drawn {
    All(fn(&Page<'_>) -> Html),
    One(fn(&Page<'_>, usize) -> Html, usize),
}

#[derive(Clone, Properties)]
struct MemoProps {
    page: Rc<PageContext>,
    drawn: Drawn,
    stamp: u64,
    late: u32,
}

impl PartialEq for MemoProps {
    /// A part keeps its place: how it is drawn depends on its number and what it is made from
    /// alone.
    fn eq(&self, other: &Self) -> bool {
        let number = |d: &Drawn| if let Drawn::One(_, n) = d { Some(*n) } else { None };
        self.stamp == other.stamp && number(&self.drawn) == number(&other.drawn)
    }
}

/// A frame and a little, in milliseconds.
const FRAME: u32 = 25;

struct Memo {
    /// It waits for a later frame.
    waits: Option<Timeout>,
}

impl Component for Memo {
    type Message = ();
    type Properties = MemoProps;

    fn create(_: &Context<Self>) -> Self {
        Self { waits: None }
    }

    fn changed(&mut self, ctx: &Context<Self>, _: &MemoProps) -> bool {
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
            Drawn::One(draw, number) => draw(p, number),
        })
    }
}

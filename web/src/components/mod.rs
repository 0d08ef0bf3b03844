//! The page: functions from its state to markup.

mod combo;
mod diagram;
mod dialog;
mod editor;
mod embed;
mod events;
mod header;
mod icons;
mod inspector;
mod lists;
mod now;
mod panes;
mod script;
mod share;
mod terminal;
mod thing;
mod transport;

pub use embed::embed;

pub use crate::page_context::Page;
use crate::viewport::Touch;
use view::Lang;
use view::app::{Action, Drawer, Pane, Side};
use view::words::{Ui, pieces, ui};
use yew::prelude::*;

impl Page<'_> {
    /// A callback that passes a touch of the picture on.
    pub(crate) fn touch<E: 'static>(&self, touch: impl Fn(E) -> Touch + 'static) -> Callback<E> {
        let tell = self.page.touch.clone();
        Callback::from(move |e| tell.emit(touch(e)))
    }
    /// Whether it is an embed: read only, in a frame of another page.
    pub(crate) fn embed(&self) -> bool {
        self.page.embed
    }
    pub(crate) fn lang(&self) -> Lang {
        self.app.chrome.lang
    }
    pub(crate) fn text(&self, text: Ui) -> &'static str {
        ui(text, self.lang())
    }
    /// A button that is an icon.
    pub(crate) fn tool(
        &self,
        icon: &str,
        text: Ui,
        disabled: bool,
        onclick: Callback<MouseEvent>,
    ) -> Html {
        self.tool_with_id(None, icon, text, disabled, onclick)
    }
    /// As [`Self::tool`], with an id, by which it gets the focus.
    pub(crate) fn tool_with_id(
        &self,
        id: Option<&'static str>,
        icon: &str,
        text: Ui,
        disabled: bool,
        onclick: Callback<MouseEvent>,
    ) -> Html {
        let label = self.text(text);
        html! {
            <button
                type="button"
                {id}
                class="tool"
                aria-label={label}
                title={label}
                {disabled}
                {onclick}
            >
                { icons::icon(icon) }
            </button>
        }
    }
    /// A button that stays pressed.
    pub(crate) fn toggle(&self, text: Ui, on: bool, action: Action) -> Html {
        let class = classes!("filter", on.then_some("here"));
        html! {
            <button type="button" {class} aria-pressed={on.to_string()} onclick={self.act(action)}>
                { self.text(text) }
            </button>
        }
    }
    /// A callback that does an action.
    pub(crate) fn act<E>(&self, action: Action) -> Callback<E> {
        let send = self.page.send.clone();
        Callback::from(move |_: E| send.emit(action.clone()))
    }
}

/// A sentence with its `code` in the mono face.
pub(crate) fn rich(sentence: &str) -> Html {
    pieces(sentence)
        .into_iter()
        .map(|(text, code)| {
            if code {
                html! { <code lang="en">{ text }</code> }
            } else {
                html! { { text } }
            }
        })
        .collect()
}

/// A pane that has nothing to show.
fn empty(text: &'static str) -> Html {
    html! { <p class="empty">{ text }</p> }
}

/// The whole page.
pub fn page(p: &Page<'_>) -> Html {
    let pane = match p.app.chrome.pane {
        Pane::Diagram => "pane-diagram",
        Pane::Inspector => "pane-inspector",
        Pane::Events => "pane-events",
        Pane::Text => "pane-text",
    };
    let played = p.app.session.is_played().then_some("played");
    html! {
        <div class={classes!("page", pane, played)}>
            { p.still(header::header) }
            if p.app.chrome.sharing { { p.late(0, share::share) } }
            if p.app.chrome.dialog.is_some() { { p.still(dialog::dialog) } }
            <main>
                <div class="body">
                    { p.still(editor::editor) }
                    <section class="canvas" aria-label={p.text(Ui::Diagram)}>
                        { diagram::diagram(p) }
                    </section>
                    { p.late(1, inspector::inspector) }
                </div>
                <div class="foot">
                    { p.late(2, drawer) }
                    { now::now(p) }
                    { transport::transport(p) }
                </div>
            </main>
            { p.still(tabs) }
            { p.still(header::not_stored) }
        </div>
    }
}

/// The drawer above the transport. On a narrow page the events are a pane of their own.
fn drawer(p: &Page<'_>) -> Html {
    let body = match (p.app.chrome.panes.drawer, p.app.chrome.pane) {
        (Some(Drawer::Terminal), _) => terminal::terminal(p),
        (Some(Drawer::Script), _) => script::script(p),
        (Some(Drawer::Events), _) | (None, Pane::Events) => {
            html! { <>{ transport::track(p) }{ events::events(p) }</> }
        }
        (None, _) => Html::default(),
    };
    html! {
        <div class="drawer">{ panes::handle(p, Side::Drawer) }{ body }</div>
    }
}

/// The tabs that choose the pane of a narrow page.
fn tabs(p: &Page<'_>) -> Html {
    let tab = |pane: Pane, text: Ui, icon: &'static str| {
        let here = p.app.chrome.pane == pane;
        html! {
            <button
                key={icon}
                type="button"
                class={classes!("tab", here.then_some("here"))}
                aria-pressed={here.to_string()}
                onclick={p.act(Action::Pane(pane))}
            >
                { icons::icon(icon) }<span>{ p.text(text) }</span>
            </button>
        }
    };
    html! {
        <nav class="tabs">
            { tab(Pane::Diagram, Ui::Diagram, "diagram") }
            { tab(Pane::Inspector, Ui::Details, "rules") }
            { tab(Pane::Events, Ui::Events, "list") }
            { tab(Pane::Text, Ui::Text, "text") }
        </nav>
    }
}

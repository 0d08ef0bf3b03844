//! The dialog that shares the session: a link, a snippet for a page of documentation, files.

use super::Page;
use crate::interop::{self, Copying};
use crate::message::Ask;
use crate::page_context::PageContext;
use gloo::timers::callback::Timeout;
use std::collections::BTreeSet;
use std::rc::Rc;
use view::app::link::{self, LONG, link};
use view::app::{Action, App};
use view::embed::{self, Shown, Snippet, shortcode};
use view::export::{self, Export};
use view::stamp::stamp;
use view::words::{
    self, Give, Ui, capture_chosen, give, link_by_hand, link_holds, link_long, link_private,
    snippet_note, ui,
};
use web_sys::{HtmlSelectElement, HtmlTextAreaElement};
use yew::prelude::*;

/// The dialog. It is not modal.
pub(super) fn share(p: &Page<'_>) -> Html {
    let stamp = stamp((p.page.edition.get(), p.app.view.cursor, p.app.chrome.keep_secrets));
    html! { <Sharing page={p.page.clone()} {stamp} /> }
}

#[derive(Clone, Properties)]
struct Props {
    page: Rc<PageContext>,
    /// Changes with the session and its moment.
    stamp: u64,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.stamp == other.stamp
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Link,
    Embed,
    Files,
}

enum Msg {
    Tab(Tab),
    /// A tab by an arrow key: the focus follows.
    Turn(Tab),
    Kind(usize),
    Shown(usize),
    /// An interface is added to the capture or removed from it.
    Capture(String),
    Write(Export),
    /// The browser could not paint the picture.
    Failed,
    /// Copies the text of the field.
    Copy,
    Copied(bool),
}

struct Sharing {
    tab: Tab,
    kind: Snippet,
    shown: Shown,
    captured: BTreeSet<String>,
    /// Whether the copy succeeded; none before an attempt.
    copied: Option<bool>,
    copying: Option<Copying>,
    /// Why the last file was not written.
    refused: Option<String>,
    field: NodeRef,
}

impl Component for Sharing {
    type Message = Msg;
    type Properties = Props;

    fn create(_: &Context<Self>) -> Self {
        Self {
            tab: Tab::Link,
            kind: Snippet::Iframe,
            shown: Shown::Diagram,
            captured: BTreeSet::new(),
            copied: None,
            copying: None,
            refused: None,
            field: NodeRef::default(),
        }
    }

    fn changed(&mut self, _: &Context<Self>, _: &Props) -> bool {
        self.copied = None;
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        (self.copied, self.refused) = (None, None);
        match msg {
            Msg::Tab(tab) => self.tab = tab,
            Msg::Turn(tab) => {
                self.tab = tab;
                interop::focus(format!("share-{}", tab as u8), false);
            }
            Msg::Kind(n) => self.kind = Snippet::ALL[n],
            Msg::Shown(n) => self.shown = Shown::ALL[n],
            Msg::Capture(name) => {
                if !self.captured.remove(&name) {
                    self.captured.insert(name);
                }
            }
            Msg::Write(what) => self.write(ctx, what),
            Msg::Failed => {
                let lang = ctx.props().page.app.borrow().chrome.lang;
                self.refused = Some(give(Give::NoPng, lang).to_owned());
            }
            Msg::Copy => {
                let link = ctx.link().clone();
                let text =
                    self.field.cast::<HtmlTextAreaElement>().map(|t| t.value()).unwrap_or_default();
                self.copying =
                    interop::copy(&text, move |copied| link.send_message(Msg::Copied(copied)));
            }
            Msg::Copied(copied) => {
                self.copied = Some(copied);
                if !copied {
                    let field = self.field.clone();
                    // The field selects its text when it gets the focus.
                    Timeout::new(0, move || {
                        _ = field.cast::<HtmlTextAreaElement>().map(|t| t.focus());
                    })
                    .forget();
                }
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let page = &ctx.props().page;
        let app = &*page.app.borrow();
        let close = page.send.clone();
        let keys = Callback::from(move |e: KeyboardEvent| {
            // The dialog's keys are not the page's.
            e.stop_propagation();
            if e.key() == "Escape" {
                close.emit(Action::Share(false));
            }
        });
        let tab = |t: Tab, name: Give| {
            let here = self.tab == t;
            html! {
                <button
                    type="button"
                    role="tab"
                    id={format!("share-{}", t as u8)}
                    tabindex={if here { "0" } else { "-1" }}
                    class={classes!("drawer-tab", here.then_some("here"))}
                    aria-selected={here.to_string()}
                    onclick={ctx.link().callback(move |_| Msg::Tab(t))}
                >
                    { give(name, app.chrome.lang) }
                </button>
            }
        };
        let close = page.send.reform(|_: MouseEvent| Action::Share(false));
        let here = self.tab;
        let turn = ctx.link().batch_callback(move |e: KeyboardEvent| turned(here, &e.key()));
        let copy = if self.copied == Some(true) { Give::Copied } else { Give::Copy };
        html! {
            <section
                class="popover share"
                role="dialog"
                aria-label={ui(Ui::Share, app.chrome.lang)}
                onkeydown={keys}
            >
                <div
                    class="drawer-tabs"
                    role="tablist"
                    onkeydown={turn}
                >
                    { tab(Tab::Link, Give::ShareLink) }
                    { tab(Tab::Embed, Give::ShareEmbed) }
                    { tab(Tab::Files, Give::ShareFiles) }
                </div>
                { match self.tab {
                    Tab::Link => self.link(ctx, app),
                    Tab::Embed => self.embed(ctx, app),
                    Tab::Files => self.files(ctx, app),
                } }
                <div class="ops">
                    if self.tab != Tab::Files && link(app).is_some() {
                        <button
                            type="button"
                            class="filter"
                            onclick={ctx.link().callback(|_| Msg::Copy)}
                        >
                            { give(copy, app.chrome.lang) }
                        </button>
                    }
                    <button type="button" class="filter" onclick={close}>
                        { ui(Ui::Close, app.chrome.lang) }
                    </button>
                </div>
            </section>
        }
    }
}

impl Sharing {
    /// The link, what it contains, and who sees it.
    fn link(&self, ctx: &Context<Self>, app: &App) -> Html {
        let lang = app.chrome.lang;
        let address = link(app).map(|l| interop::address() + &l);
        let length = address.as_ref().map(String::len);
        let long = length.is_none_or(|n| n > LONG);
        html! {
            <>
                if let Some(address) = address {
                    <p>{ link_holds(app.session.script.steps.len(), app.step(), lang) }</p>
                    { self.field(Give::ShareLink, address, app) }
                }
                if long { { self.too_long(ctx, app) } }
                <p class="quiet">{ link_private(lang) }</p>
                { self.secrets(ctx, app) }
            </>
        }
    }

    /// What a link leaves out, and whether to keep it.
    fn secrets(&self, ctx: &Context<Self>, app: &App) -> Html {
        let (keep, lang) = (app.chrome.keep_secrets, app.chrome.lang);
        let left_out = link::left_out(app);
        let onchange = ctx.props().page.send.reform(move |_: Event| Action::KeepSecrets(!keep));
        html! {
            <div class="secrets">
                if !left_out.is_empty() {
                    <p class="quiet">{ give(Give::LeftOut, lang) }</p>
                    <ul>
                        { for left_out.iter().map(|l| html! {
                            <li>{ words::left_out(l, lang) }</li>
                        }) }
                    </ul>
                }
                <label class="check">
                    <input id="keep-secrets" type="checkbox" checked={keep} {onchange} />
                    { give(Give::KeepSecrets, lang) }
                </label>
            </div>
        }
    }

    /// What to do when the session is too long for a link.
    fn too_long(&self, ctx: &Context<Self>, app: &App) -> Html {
        let save = ctx.props().page.ask.reform(|_: MouseEvent| Ask::Save);
        let length = link(app).map(|l| interop::address().len() + l.len());
        html! {
            <>
                <p class="bad">{ link_long(length, app.chrome.lang) }</p>
                <div class="ops">
                    <button type="button" class="filter" onclick={save}>
                        { ui(Ui::Save, app.chrome.lang) }
                    </button>
                </div>
            </>
        }
    }

    /// A text to be copied, and what to do when the browser refuses to copy.
    fn field(&self, name: Give, text: String, app: &App) -> Html {
        let all = Callback::from(select_all);
        html! {
            <>
                <textarea
                    id="link"
                    ref={self.field.clone()}
                    lang="en"
                    readonly=true
                    rows="5"
                    spellcheck="false"
                    aria-label={give(name, app.chrome.lang)}
                    value={text}
                    onfocus={all}
                />
                if self.copied == Some(false) {
                    <p class="bad" role="alert">{ link_by_hand(app.chrome.lang) }</p>
                }
            </>
        }
    }

    /// The snippet for a page of documentation.
    fn embed(&self, ctx: &Context<Self>, app: &App) -> Html {
        let lang = app.chrome.lang;
        let Some(link) = link(app) else { return self.too_long(ctx, app) };
        let kinds: Vec<&str> = Snippet::ALL.iter().map(|s| s.name()).collect();
        let shown = [Give::Diagram, Give::DiagramAndRules, Give::Rules, Give::Packet]
            .map(|t| give(t, lang));
        let kind = Snippet::ALL.iter().position(|s| *s == self.kind).unwrap_or_default();
        let what = Shown::ALL.iter().position(|s| *s == self.shown).unwrap_or_default();
        let (title, poster) = (embed::title(app), embed::poster(app, &link));
        let text = self.kind.text(&interop::address(), (&link, &poster), &title, self.shown);
        html! {
            <>
                <div class="share-choices">
                    { choice(ctx, Give::ShareEmbed, &kinds, kind, Msg::Kind, app) }
                    if self.kind != Snippet::Markdown {
                        { choice(ctx, Give::Shows, &shown, what, Msg::Shown, app) }
                    }
                </div>
                { self.field(Give::ShareEmbed, text, app) }
                <p class="quiet">{ snippet_note(self.kind, lang) }</p>
                { self.secrets(ctx, app) }
                if self.kind == Snippet::Hugo {
                    <textarea
                        lang="en"
                        readonly=true
                        rows="4"
                        spellcheck="false"
                        aria-label={give(Give::Shortcode, lang)}
                        value={shortcode()}
                        onfocus={Callback::from(select_all)}
                    />
                }
            </>
        }
    }

    /// The files.
    fn files(&self, ctx: &Context<Self>, app: &App) -> Html {
        let file = |what: Export| {
            let write = ctx.link().callback(move |_| Msg::Write(what));
            let node = (what == Export::Save).then(|| export::ruled(app)).flatten();
            html! {
                <button
                    type="button"
                    class="menu-item"
                    disabled={!what.is_there(app)}
                    onclick={write}
                >
                    { give(what.name(), app.chrome.lang) }{ node.map(|n| format!(" · {n}")) }
                </button>
            }
        };
        let all = export::interfaces(app);
        let captured = self.captured.intersection(&all).count();
        let interface = |name: &String| {
            let (mine, toggled) = (name.clone(), self.captured.contains(name));
            html! {
                <label class="check" lang="en">
                    <input
                        type="checkbox"
                        checked={toggled}
                        onchange={ctx.link().callback(move |_| Msg::Capture(mine.clone()))}
                    />
                    { name.clone() }
                </label>
            }
        };
        html! {
            <>
                if let Some(why) = &self.refused { <p class="bad" role="alert">{ why }</p> }
                <div class="share-files">{ for Export::ALL.iter().map(|e| file(*e)) }</div>
                if app.run().is_none() {
                    <p class="quiet">{ give(Give::NothingToExport, app.chrome.lang) }</p>
                }
                if !all.is_empty() {
                    <details class="interfaces">
                        <summary>
                            { capture_chosen(captured, all.len(), app.chrome.lang) }
                        </summary>
                        <div>{ for all.iter().map(interface) }</div>
                    </details>
                }
            </>
        }
    }

    fn write(&mut self, ctx: &Context<Self>, what: Export) {
        let app = ctx.props().page.app.borrow();
        let there = export::interfaces(&app);
        let captured: BTreeSet<String> = self.captured.intersection(&there).cloned().collect();
        match export::file(&app, what, &captured) {
            Ok(file) if what == Export::Png => {
                let link = ctx.link().clone();
                interop::paint(&file.name, &String::from_utf8_lossy(&file.bytes), move || {
                    link.send_message(Msg::Failed);
                });
            }
            Ok(file) => interop::download(&file.name, file.media, &file.bytes),
            Err(why) => self.refused = Some(why),
        }
    }
}

/// The tab that an arrow key moves to.
fn turned(here: Tab, key: &str) -> Option<Msg> {
    const ALL: [Tab; 3] = [Tab::Link, Tab::Embed, Tab::Files];
    let to = match key {
        "ArrowRight" => ALL[(here as usize + 1) % 3],
        "ArrowLeft" => ALL[(here as usize + 2) % 3],
        "Home" => Tab::Link,
        "End" => Tab::Files,
        _ => return None,
    };
    Some(Msg::Turn(to))
}

/// Selects the whole text.
fn select_all(e: FocusEvent) {
    if let Some(t) = e.target_dyn_into::<HtmlTextAreaElement>() {
        t.select();
    }
}

/// A menu.
fn choice(
    ctx: &Context<Sharing>,
    name: Give,
    words: &[&str],
    chosen: usize,
    msg: fn(usize) -> Msg,
    app: &App,
) -> Html {
    let chose = ctx.link().batch_callback(move |e: Event| {
        let n = e.target_dyn_into::<HtmlSelectElement>()?.selected_index();
        usize::try_from(n).ok().map(msg)
    });
    html! {
        <select class="slot" aria-label={give(name, app.chrome.lang)} onchange={chose}>
            { for words.iter().enumerate().map(|(n, w)| html! {
                <option selected={n == chosen}>{ (*w).to_owned() }</option>
            }) }
        </select>
    }
}

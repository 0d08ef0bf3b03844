//! The list of events: the run as text, and its primary accessible view.

use super::{Page, icons, rich};
use crate::page_context::PageContext;
use net::PacketId;
use std::rc::Rc;
use view::app::{Action, Pane};
use view::story::{Glyph, Grain, glyph, place};
use view::words::Ui;
use view::words::{Context as Told, change, marker, sentence};
use yew::prelude::*;

/// A row of the list, drawn again only when it changes.
#[derive(Clone, Properties)]
struct RowProps {
    page: Rc<PageContext>,
    /// The index of the event.
    number: usize,
    /// In the current row, what the list shows: when that changes, the row is scrolled to again.
    current: Option<(Grain, Pane, bool)>,
    edition: u64,
}

impl PartialEq for RowProps {
    fn eq(&self, other: &Self) -> bool {
        (self.number, self.current, self.edition) == (other.number, other.current, other.edition)
    }
}

#[derive(Default)]
struct Row {
    node: NodeRef,
    scrolled_to: Option<(Grain, Pane, bool)>,
}

impl Component for Row {
    type Message = ();
    type Properties = RowProps;

    fn create(_: &Context<Self>) -> Self {
        Self::default()
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        ctx.props().page.draw(|p| row(p, ctx.props(), self.node.clone()))
    }

    fn rendered(&mut self, ctx: &Context<Self>, _: bool) {
        let current = ctx.props().current;
        if std::mem::replace(&mut self.scrolled_to, current) != current
            && current.is_some()
            && let Some(e) = self.node.cast::<web_sys::Element>()
        {
            let options = web_sys::ScrollIntoViewOptions::new();
            options.set_block(web_sys::ScrollLogicalPosition::Nearest);
            e.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }
}

fn row(p: &Page<'_>, r: &RowProps, node: NodeRef) -> Html {
    let Some((l, e)) =
        p.app.session.loaded.as_ref().and_then(|l| Some((l, l.session.events().get(r.number)?)))
    else {
        return html! { <li></li> };
    };
    let c = Told { state: l.session.last(), labels: &l.labels };
    let (g, lang) = (glyph(e, c.state), p.lang());
    let class =
        classes!("event", r.current.map(|_| "current"), (g == Glyph::Drop).then_some("lost"));
    html! {
        <li ref={node} class={class} aria-current={r.current.map(|_| "step")}>
            <button
                type="button"
                tabindex={if r.current.is_some() { "0" } else { "-1" }}
                onclick={p.act(Action::SeekEvent(r.number))}
            >
                <span class="n">{ r.number }</span>
                <span class="place" lang="en">{ place(e, c.state, &l.labels) }</span>
                <span class="kind">{ icons::glyph(g) }<span>{ marker(e, g, lang) }</span></span>
                <span class="text">{ rich(&sentence(&c, e, lang)) }</span>
                if let Some((field, old, new)) = change(e) {
                    <span class="change" lang="en">
                        { field }{ " " }<s>{ old }</s>{ " → " }<ins>{ new }</ins>
                    </span>
                }
            </button>
        </li>
    }
}

/// Of a run with more steps than this, only the rows near the visible ones are in the page.
const WHOLE: usize = 800;
/// The number of rows before and after the visible one.
const NEAR: usize = 30;
/// The height of a row on a wide page, in pixels, to reserve space for rows that are left out.
const ROW: usize = 25;

pub(crate) fn events(p: &Page<'_>) -> Html {
    html! {
        <section class="events" aria-label={p.text(Ui::Events)}>
            { p.still(filters) }
            { list(p) }
        </section>
    }
}

fn filters(p: &Page<'_>) -> Html {
    let filter = |only: bool, text: Ui| {
        p.toggle(text, p.app.view.only_packet == only, Action::OnlyPacket(only))
    };
    html! {
        <div class="filters">{ filter(true, Ui::ThisPacket) }{ filter(false, Ui::AllPackets) }</div>
    }
}

fn list(p: &Page<'_>) -> Html {
    if p.app.session.loaded.is_none() || p.app.run().is_none() {
        return html! {
            <div class="empty">
                <strong>{ p.text(Ui::ReadyTitle) }</strong><span>{ p.text(Ui::ReadyText) }</span>
            </div>
        };
    }
    html! {
        <List
            page={p.page.clone()}
            at={p.app.view.cursor}
            packet={p.scene.packet}
            edition={p.page.edition.get()}
        />
    }
}

#[derive(Clone, Properties)]
struct ListProps {
    page: Rc<PageContext>,
    at: usize,
    packet: Option<PacketId>,
    edition: u64,
}

impl PartialEq for ListProps {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.packet, self.edition) == (other.at, other.packet, other.edition)
    }
}

#[derive(Default)]
struct List {
    /// The row that the user scrolled to; none when the list follows the moment.
    looked: Option<usize>,
}

impl Component for List {
    type Message = usize;
    type Properties = ListProps;

    fn create(_: &Context<Self>) -> Self {
        Self::default()
    }

    fn changed(&mut self, ctx: &Context<Self>, was: &ListProps) -> bool {
        let now = ctx.props();
        if (now.at, now.packet) != (was.at, was.packet) {
            self.looked = None;
        }
        true
    }

    fn update(&mut self, _: &Context<Self>, row: usize) -> bool {
        self.looked.replace(row) != Some(row)
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link().clone();
        ctx.props().page.draw(|p| rows(p, self.looked, move |row| link.send_message(row)))
    }
}

fn rows(p: &Page<'_>, at: Option<usize>, look: impl Fn(usize) + 'static) -> Html {
    let app = p.app;
    let current = app.step().checked_sub(1).and_then(|i| app.derived.steps.get(i)).copied();
    let shown = (app.view.grain, app.chrome.pane, app.view.only_packet);
    let of_packet: Vec<usize>;
    let all: &[usize] = match p.scene.packet.filter(|_| app.view.only_packet) {
        Some(id) => {
            of_packet = app.steps_of(id);
            &of_packet
        }
        None => &app.derived.steps,
    };
    let n = all.len();
    let here = at.unwrap_or_else(|| current.map_or(0, |c| all.partition_point(|i| *i < c)));
    let (first, last) =
        if n <= WHOLE { (0, n) } else { (here.saturating_sub(NEAR), (here + NEAR + 1).min(n)) };
    let edition = p.page.edition.get();
    let row = |i: &usize| {
        html! {
            <Row
                key={*i}
                page={p.page.clone()}
                number={*i}
                current={(current == Some(*i)).then_some(shown)}
                edition={edition}
            />
        }
    };
    let rows = all[first..last].iter().map(row);
    let onscroll = (n > WHOLE).then(|| {
        Callback::from(move |e: Event| {
            let Some(list) = e.target_dyn_into::<web_sys::Element>() else { return };
            let (top, seen, height) = (
                list.scroll_top() as usize,
                list.client_height() as usize,
                list.scroll_height() as usize,
            );
            let below = height.saturating_sub(top + seen);
            if first > 0 && top < first * ROW {
                look(top / ROW);
            } else if last < n && below < (n - last) * ROW {
                look(n - below / ROW);
            }
        })
    });
    // An `svg` has its height by attribute: the content security policy forbids inline styles.
    let left_out = |n: usize, key: &'static str| {
        html! {
            <li key={key} class="left-out" aria-hidden="true">
                <svg width="1" height={(n * ROW).to_string()}></svg>
            </li>
        }
    };
    let rows: Vec<Html> = std::iter::once(left_out(first, "before"))
        .chain(rows)
        .chain([left_out(n - last, "after")])
        .collect();
    html! {
        <ol class="event-list" tabindex="0" aria-label={p.text(Ui::Events)} onscroll={onscroll}>
            { rows }
        </ol>
    }
}

//! The inspector: the rules that the packet met, the packet, the tables of a host.

use super::{Page, empty, icons, lists, panes, thing};
use net::engine::PacketOp;
use net::netfilter::{RuleEffect, fraction};
use view::app::{Action, RulesView, Side, Tab};
use view::packet::{PacketView, frame_at, has_ethernet, hex_rows, origin, view as packet_view};
use view::rule_panel::{ChainView, Row, panel};
use view::tables::{Fate, Line};
use view::words::{Ui, evaluated};
use yew::prelude::*;

pub(crate) fn inspector(p: &Page<'_>) -> Html {
    let body = match p.app.view.tab {
        Tab::Packet => packet(p),
        Tab::Rules => html! { <div>{ p.still(rules_tabs) }{ rules_shown(p) }</div> },
        Tab::Tables => tables(p),
    };
    html! {
        <div class="side inspector-side">
            { panes::rail(p, Side::Inspector, &[Ui::Packet, Ui::Rules, Ui::Tables], (0, 0)) }
            <aside class="inspector">
                if !p.embed() { { panes::handle(p, Side::Inspector) } }
                { p.still(tabs) }
                <div class="inspector-body" role="tabpanel" tabindex="0">{ body }</div>
            </aside>
        </div>
    }
}

fn tabs(p: &Page<'_>) -> Html {
    let tab = |t: Tab, text: Ui| {
        let here = p.app.view.tab == t;
        html! {
            <button
                type="button"
                role="tab"
                aria-selected={here.to_string()}
                class={classes!(here.then_some("here"))}
                onclick={p.act(Action::Tab(t))}
            >
                { p.text(text) }
            </button>
        }
    };
    html! {
        <div class="pane-head">
            <div class="pane-tabs" role="tablist">
            { tab(Tab::Packet, Ui::Packet) }
            { tab(Tab::Rules, Ui::Rules) }
            { tab(Tab::Tables, Ui::Tables) }
            </div>
            if !p.embed() { { panes::fold(p, Side::Inspector) } }
        </div>
    }
}

fn rules_tabs(p: &Page<'_>) -> Html {
    let tab =
        |v: RulesView, text: Ui| p.toggle(text, p.app.view.rules_view == v, Action::RulesView(v));
    if p.embed() {
        return html! { <div></div> };
    }
    html! {
        <div class="ops">
            { tab(RulesView::Walk, Ui::Walk) }
            { tab(RulesView::All, Ui::AllRules) }
            { tab(RulesView::Difference, Ui::Difference) }
        </div>
    }
}

fn rules_shown(p: &Page<'_>) -> Html {
    let (Some(t), Some((id, _))) = (&p.app.derived.timeline, p.app.shown()) else {
        return empty(p.text(Ui::NoRules));
    };
    match p.app.view.rules_view {
        RulesView::Walk => rules(p),
        RulesView::All => lists::all(p, t.state().ns(id)),
        RulesView::Difference => lists::difference(p, t.state().ns(id)),
    }
}

fn rules(p: &Page<'_>) -> Html {
    let (Some(l), Some(t)) = (&p.app.session.loaded, &p.app.derived.timeline) else {
        return empty(p.text(Ui::NoRules));
    };
    let walk = |packet| {
        panel(t.state(), l.session.events(), (packet, t.at()), p.app.view.unfolded.as_ref())
    };
    let Some(view) = p.scene.packet.and_then(walk) else {
        return empty(p.text(Ui::NoRules));
    };
    let crumbs =
        view.breadcrumb.iter().enumerate().map(
            |(i, c)| html! { <li key={i}><span title={c.to_string()}>{ short(c) }</span></li> },
        );
    let chains = view.chains.iter().enumerate().map(|(i, c)| chain(p, i, c));
    html! {
        <div class="rules" lang="en">
            <div class="rules-head">
                <strong>{ l.labels.name(view.netns) }</strong>
                <span class="chip">{ view.hook.name() }</span>
                <span class="chip on">{ view.table.name() }</span>
                <span class="quiet" lang={p.lang().tag()}>
                    { evaluated(view.looked, p.lang()) }
                </span>
            </div>
            if view.left {
                <p class="quiet" lang={p.lang().tag()}>{ p.text(Ui::LeftTable) }</p>
            }
            <ol class="crumbs">{ for crumbs }</ol>
            <ol class="walk">{ for chains }</ol>
            <Bottom at={t.at()} />
        </div>
    }
}

/// The end of a scrolled pane, which is scrolled to when `at` changes.
#[derive(Clone, PartialEq, Eq, Properties)]
pub(crate) struct BottomProps {
    pub(crate) at: usize,
    /// The selector of the pane.
    #[prop_or(".inspector-body")]
    pub(crate) pane: &'static str,
}

#[derive(Default)]
pub(crate) struct Bottom {
    node: NodeRef,
    scrolled_at: Option<usize>,
}

impl Component for Bottom {
    type Message = ();
    type Properties = BottomProps;

    fn create(_: &Context<Self>) -> Self {
        Self::default()
    }

    fn view(&self, _: &Context<Self>) -> Html {
        html! { <div ref={self.node.clone()}></div> }
    }

    fn rendered(&mut self, ctx: &Context<Self>, _: bool) {
        let BottomProps { at, pane } = *ctx.props();
        if self.scrolled_at.replace(at) == Some(at) {
            return;
        }
        let pane =
            self.node.cast::<web_sys::Element>().and_then(|e| e.closest(pane).ok().flatten());
        if let Some(pane) = pane {
            pane.set_scroll_top(pane.scroll_height());
        }
    }
}

/// A chain name with its hash truncated to four characters.
fn short(name: &str) -> String {
    let hashed = name.starts_with("KUBE-SVC-") || name.starts_with("KUBE-SEP-");
    if hashed && name.len() > 14 { format!("{}…", &name[..13]) } else { name.to_owned() }
}

fn chain(p: &Page<'_>, i: usize, c: &ChainView) -> Html {
    // A finished chain without random matches is reduced to the rules that decided.
    let drew = c.rows.iter().any(|r| matches!(r, Row::Matched { draw: Some(_), .. }));
    let unfolded = c.rows.iter().any(|r| matches!(r, Row::Folded { open: true, .. }));
    let open = c.current || drew || unfolded;
    let rows = c
        .rows
        .iter()
        .enumerate()
        .map(|(k, r)| if open { row(p, &c.name, k, r) } else { brief(p, &c.name, k, r) });
    let depth = format!("depth-{}", c.depth.min(6));
    html! {
        <li key={i} class={classes!("chain", c.current.then_some("current"), depth)}>
            <div class="chain-head">
                <strong>{ &*c.name }</strong>
                if let Some(alias) = &c.alias { <span class="alias">{ alias }</span> }
            </div>
            <ol class="rows">{ for rows }</ol>
        </li>
    }
}

/// A row of a finished chain: one line, with the rule in its tooltip.
fn brief(p: &Page<'_>, chain: &str, k: usize, r: &Row) -> Html {
    match r {
        Row::Matched { number, text, effect, .. } => {
            let target = text.rsplit_once(" -j ").map_or(text.as_str(), |(_, t)| t);
            html! {
                <li key={k} class="rule brief" title={text.clone()}>
                    <span class="sign">{ icons::icon("tick") }</span>
                    <span class="n">{ *number }</span>
                    <span class="code"><b>{ target }</b>{ " " }{ did(effect.as_ref()) }</span>
                </li>
            }
        }
        Row::Failed { number, text, why, .. } => html! {
            <li key={k} class="rule folded" title={text.clone()}>
                <span class="sign">{ "…" }</span>
                <span lang={p.lang().tag()}>
                    <strong>{ *number }</strong>{ differs(p, why.field) }
                </span>
            </li>
        },
        other => row(p, chain, k, other),
    }
}

/// ` not matched: FIELD differs`.
fn differs(p: &Page<'_>, field: &str) -> String {
    format!(" {}: {field} {}", p.text(Ui::NotMatched), p.text(Ui::Differs))
}

fn row(p: &Page<'_>, chain: &str, k: usize, r: &Row) -> Html {
    let lang = p.lang().tag();
    match r {
        Row::Folded { rules, field, open } => {
            let why = if *field == "draw" {
                format!(" {}", p.text(Ui::NotDrawn))
            } else {
                differs(p, field)
            };
            html! {
                <li key={k} class="rule folded">
                    <button
                        type="button"
                        aria-expanded={open.to_string()}
                        onclick={p.act(Action::Unfold(chain.to_owned(), rules.0))}
                    >
                        <span class="sign">
                            { icons::icon(if *open { "minus" } else { "plus" }) }
                        </span>
                        <span lang={lang}>
                            <strong>{ format!("{} – {}", rules.0, rules.1) }</strong>{ why }
                        </span>
                    </button>
                </li>
            }
        }
        Row::Failed { number, text, forced: true, .. } => html! {
            <li key={k} class="rule failed">
                <span class="sign">{ icons::icon("cross") }</span>
                <span class="n">{ *number }</span>
                <span class="code">
                    { text }<span class="why" lang={lang}>{ p.text(Ui::Forced) }</span>
                </span>
            </li>
        },
        Row::Failed { number, text, why, .. } => {
            let sign = if why.negated {
                "="
            } else if why.field == "draw" {
                "≥"
            } else {
                "≠"
            };
            html! {
                <li key={k} class="rule failed">
                    <span class="sign">{ icons::icon("cross") }</span>
                    <span class="n">{ *number }</span>
                    <span class="code">
                        { marked(text, &why.token) }
                        <span class="why">
                            { why.field }
                            { " " }
                            <b>{ &why.packet }</b>
                            { format!(" {sign} ") }
                            <b class="wavy">{ &why.rule }</b>
                            <span lang={lang}>{ format!(" {}", p.text(Ui::InTheRule)) }</span>
                        </span>
                    </span>
                </li>
            }
        }
        Row::Matched { number, text, effect, counter, draw } => html! {
            <li key={k} class="rule matched">
                <span class="sign">{ icons::icon("tick") }</span><span class="n">{ *number }</span>
                <span class="code">
                    { text }
                    <span class="why">
                        if let Some(d) = draw {
                            <span lang={lang}>
                                if d.forced { { p.text(Ui::ForcedHere) } } else {
                                    { "draw " }{ fraction(d.value, 3) }
                                    { " < " }{ fraction(d.probability, 5) }
                                }
                            </span>
                        }
                        <span>{ did(effect.as_ref()) }</span>
                        <span class="counter">{ format!("{} · {} B", counter.0, counter.1) }</span>
                    </span>
                </span>
            </li>
        },
        Row::End => {
            html! {
                <li key={k} class="rule end">
                    <span class="sign">{ "↩" }</span>
                    <span lang={lang}>{ p.text(Ui::EndOfChain) }</span>
                </li>
            }
        }
        Row::Policy(policy) => {
            html! {
                <li key={k} class="rule end">
                    <span class="sign">{ "■" }</span>
                    <span lang={lang}>{ p.text(Ui::Policy) }</span>
                    { " " }
                    <strong>{ policy.name() }</strong>
                </li>
            }
        }
    }
}

fn did(effect: Option<&RuleEffect>) -> Html {
    match effect {
        Some(RuleEffect::Mark(m)) => html! { <>{ "mark " }<ins>{ format!("{m:#x}") }</ins></> },
        Some(RuleEffect::Dnat { addr, port }) => {
            html! { <>{ "dst " }<ins>{ net::dump::endpoint(*addr, *port) }</ins></> }
        }
        Some(RuleEffect::Snat { addr }) => html! { <>{ "src " }<ins>{ addr.to_string() }</ins></> },
        _ => html! { <></> },
    }
}

/// A rule with the condition that failed underlined.
fn marked(text: &str, token: &str) -> Html {
    match text.split_once(token).filter(|_| !token.is_empty()) {
        Some((a, b)) => html! { <span class="text">{ a }<b class="wavy">{ token }</b>{ b }</span> },
        None => html! { <span class="text">{ text }</span> },
    }
}

fn packet(p: &Page<'_>) -> Html {
    let (Some(l), Some(t), Some(id)) =
        (&p.app.session.loaded, &p.app.derived.timeline, p.scene.packet)
    else {
        return empty(p.text(Ui::NoPacket));
    };
    let events = l.session.events();
    let Some(frame) = frame_at(t.state(), events, t.at(), id) else {
        return empty(p.text(Ui::NoPacket));
    };
    let is_written = has_ethernet(events, p.app.derived.index.behind(id, t.at()));
    let v = packet_view(frame, origin(events, id), is_written);
    html! { <div class="packet" lang="en">{ ops(p) }{ layers(p, &v) }{ bytes(p, &v) }</div> }
}

/// The operations on the packet at this moment.
fn ops(p: &Page<'_>) -> Html {
    if p.embed() {
        return html! { <div></div> };
    }
    let off = p.app.in_flight().is_none();
    let op = |text: Ui, d: PacketOp| {
        html! {
            <button type="button" class="filter" disabled={off} onclick={p.act(Action::Packet(d))}>
                { p.text(text) }
            </button>
        }
    };
    html! {
        <div class="ops" lang={p.lang().tag()}>
            { op(Ui::Drop, PacketOp::Drop) }
            { op(Ui::Delay, PacketOp::Delay(net::Duration::secs(1))) }
            { op(Ui::Duplicate, PacketOp::Duplicate) }
            if off { <span class="quiet">{ p.text(Ui::NotInFlight) }</span> }
        </div>
    }
}

fn layers(p: &Page<'_>, v: &PacketView) -> Html {
    let box_of = |shell: bool, title: &'static str, len: usize, inside: Html| {
        let rows = v.layers.iter().enumerate().filter(|(_, x)| x.shell == shell).map(|(i, x)| {
            let fields = x.fields.iter().map(|f| {
                html! {
                    <tr key={f.name} class={f.was.is_some().then_some("changed")}>
                        <th scope="row">{ f.name }</th>
                        <td>
                            if let Some(was) = &f.was { <s>{ was }</s>{ " → " } }
                            <span>{ &f.value }</span>
                        </td>
                    </tr>
                }
            });
            let open = x.name == "IPv4" || x.fields.iter().any(|f| f.was.is_some());
            html! {
                <details key={i} class="layer" open={open}>
                    <summary>
                        <strong>{ x.name }</strong>
                        <span class="sum">{ &x.summary }</span>
                        <span class="len">{ x.len }</span>
                    </summary>
                    <table><tbody>{ for fields }</tbody></table>
                </details>
            }
        });
        html! {
            <section class={if shell { "around" } else { "itself" }}>
                <h2 lang={p.lang().tag()}>
                    <span>{ title }</span><span>{ format!("{len} {}", p.text(Ui::Bytes)) }</span>
                </h2>
                { for rows }
                { inside }
            </section>
        }
    };
    let own = box_of(false, p.text(Ui::PacketItself), v.bytes.len() - v.shell_len, html! { <></> });
    if v.shell_len > 0 { box_of(true, p.text(Ui::ShellTitle), v.shell_len, own) } else { own }
}

fn bytes(p: &Page<'_>, v: &PacketView) -> Html {
    let rows = hex_rows(&v.bytes).into_iter().map(|(at, row)| {
        let cells = row.into_iter().enumerate().map(|(i, b)| {
            let class = if at + i < v.shell_len { "shell" } else { "own" };
            html! { <span key={i} class={class}>{ b }</span> }
        });
        html! {
            <div key={at} class="hex-row">
                <span class="at">{ format!("{at:04x}") }</span>{ for cells }
            </div>
        }
    });
    html! {
        <section class="hex" tabindex="0" aria-label={p.text(Ui::Bytes)}>
            <h2 lang={p.lang().tag()}>{ format!("{} {}", v.bytes.len(), p.text(Ui::Bytes)) }</h2>
            { for rows }
        </section>
    }
}

fn tables(p: &Page<'_>) -> Html {
    if let Some(s) = p.app.view.selected.as_ref().filter(|s| s.host.starts_with("svc/")) {
        return html! {
            <div class="dumps" lang="en">{ told(p, &s.host, None) }{ thing::form(p, s) }</div>
        };
    }
    let (Some(l), Some(t)) = (&p.app.session.loaded, &p.app.derived.timeline) else {
        return empty(p.text(Ui::NoPacket));
    };
    // A pod or node that does not exist at this moment has no tables.
    if let Some(s) = p.app.view.selected.as_ref().filter(|s| t.state().ns_named(&s.host).is_none())
    {
        return html! {
            <div class="dumps" lang="en">
                { told(p, &s.host, None) }
                <p class="quiet" lang={p.lang().tag()}>{ p.text(Ui::NotThere) }</p>
            </div>
        };
    }
    let Some((id, selected)) = p.app.shown() else { return empty(p.text(Ui::NoPacket)) };
    let device = selected.as_ref().and_then(|s| s.device.clone());
    let event = t.at().checked_sub(1).and_then(|i| l.session.events().get(i));
    let host = t.state().ns(id).name.to_string();
    let list = view::tables::tables(t.state(), id, device.as_deref(), event);
    let sections = list.into_iter().map(|table| {
        let lines = table.lines.iter().enumerate().map(|(i, x)| line(p, &host, i, x));
        html! {
            <section key={table.command.clone()} class="dump">
                <h2>{ &table.command }</h2><ol>{ for lines }</ol>
            </section>
        }
    });
    html! {
        <div class="dumps" lang="en">
            { told(p, l.labels.name(id), device.as_deref()) }
            if let Some(s) = &selected { { thing::form(p, s) } }
            { for sections }
        </div>
    }
}

/// The name of what is shown, with a button that returns to the packet's place.
fn told(p: &Page<'_>, name: &str, device: Option<&str>) -> Html {
    html! {
        <div class="rules-head">
            <strong>{ name }</strong>
            if let Some(d) = device { <span class="chip on">{ d }</span> }
            if p.app.view.selected.is_some() {
                <button
                    type="button"
                    class="tool small"
                    aria-label={p.text(Ui::Close)}
                    title={p.text(Ui::Close)}
                    onclick={p.act(Action::Select(None))}
                >
                    { icons::icon("cross") }
                </button>
            }
            if let Some(why) = &p.app.session.refused {
                <span class="bad" role="alert">{ why }</span>
            }
        </div>
    }
}

fn line(p: &Page<'_>, host: &str, i: usize, x: &Line) -> Html {
    let fate = match x.fate {
        Fate::Same => None,
        Fate::New => Some(("new", Ui::New)),
        Fate::Gone => Some(("gone", Ui::Gone)),
    };
    let run = x.delete.as_ref().filter(|_| !p.embed() && x.fate != Fate::Gone).map(|d| {
        let name = format!("{}: {d}", p.text(Ui::Delete));
        html! {
            <button
                type="button"
                class="tool small"
                aria-label={name.clone()}
                title={name}
                onclick={p.act(Action::Run(host.to_owned(), d.clone()))}
            >
                { icons::icon("cross") }
            </button>
        }
    });
    html! {
        <li key={i} class={classes!("entry", x.used.then_some("used"), fate.map(|f| f.0))}>
            <span class="sign">if x.used { { icons::icon("forward") } }</span>
            <code>{ &x.text }</code>
            <span class="fate" lang={p.lang().tag()}>
                { fate.map(|f| p.text(f.1)).or(x.used.then_some(p.text(Ui::Used))) }
            </span>
            { run }
        </li>
    }
}

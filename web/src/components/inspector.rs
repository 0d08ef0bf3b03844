//! The inspector: rules, packet, tables.

use super::{Page, icons};
use net::netfilter::Effect;
use view::app::{Action, Tab};
use view::packet::{PacketView, frame_at, hex_rows, origin, view as packet_view};
use view::rule_panel::{ChainView, Row, panel};
use view::words::Ui;
use yew::prelude::*;

pub(crate) fn inspector(p: &Page<'_>) -> Html {
    let tab = |t: Tab, text: Ui| {
        let here = p.app.tab == t;
        html! { <button type="button" role="tab" aria-selected={here.to_string()} class={classes!(here.then_some("here"))} onclick={p.act(Action::Tab(t))}>{ p.text(text) }</button> }
    };
    let body = match p.app.tab {
        Tab::Packet => packet(p),
        Tab::Rules => rules(p),
        Tab::Tables => tables(p),
    };
    html! {
        <aside class="inspector">
            <div class="pane-head" role="tablist">{ tab(Tab::Packet, Ui::Packet) }{ tab(Tab::Rules, Ui::Rules) }{ tab(Tab::Tables, Ui::Tables) }</div>
            <div class="inspector-body" role="tabpanel" tabindex="0">{ body }</div>
        </aside>
    }
}

fn empty(text: &'static str) -> Html {
    html! { <p class="empty">{ text }</p> }
}

fn rules(p: &Page<'_>) -> Html {
    let (Some(l), Some(t)) = (&p.app.loaded, &p.app.timeline) else { return empty(p.text(Ui::NoRules)) };
    let Some(view) = panel(t.state(), l.session.events(), t.at()).filter(|_| p.app.run.is_some()) else {
        return empty(p.text(Ui::NoRules));
    };
    let crumbs =
        view.breadcrumb.iter().enumerate().map(|(i, c)| html! { <li key={i}><span title={c.to_string()}>{ short(c) }</span></li> });
    let chains = view.chains.iter().enumerate().map(|(i, c)| chain(p, i, c));
    html! {
        <div class="rules" lang="en">
            <div class="rules-head">
                <strong>{ l.labels.name(view.netns) }</strong>
                <span class="chip">{ view.hook.name() }</span>
                <span class="chip on">{ view.table.name() }</span>
                <span class="quiet" lang={p.app.lang.tag()}>{ format!("{} {} {}", view.looked.0, p.text(Ui::LookedAt), view.looked.1) }</span>
            </div>
            <ol class="crumbs">{ for crumbs }</ol>
            <ol class="walk">{ for chains }</ol>
            <Bottom at={t.at()} />
        </div>
    }
}

/// Stands at the end of the walk and is scrolled to when the walk goes on.
#[derive(Clone, PartialEq, Eq, Properties)]
struct BottomProps {
    at: usize,
}

#[component]
fn Bottom(props: &BottomProps) -> Html {
    let node = use_node_ref();
    {
        let node = node.clone();
        use_effect_with(props.at, move |_| {
            let pane = node.cast::<web_sys::Element>().and_then(|e| e.closest(".inspector-body").ok().flatten());
            if let Some(pane) = pane {
                pane.set_scroll_top(pane.scroll_height());
            }
        });
    }
    html! { <div ref={node}></div> }
}

/// A hashed chain name, cut after four characters of its hash.
fn short(name: &str) -> String {
    let hashed = name.starts_with("KUBE-SVC-") || name.starts_with("KUBE-SEP-");
    if hashed && name.len() > 14 { format!("{}…", &name[..13]) } else { name.to_owned() }
}

fn chain(p: &Page<'_>, i: usize, c: &ChainView) -> Html {
    // A chain that is done, and where nothing was drawn, shrinks to what decided in it.
    let drew = c.rows.iter().any(|r| matches!(r, Row::Matched { draw: Some(_), .. }));
    let open = c.current || drew;
    let rows = c.rows.iter().enumerate().map(|(k, r)| if open { row(p, k, r) } else { brief(p, k, r) });
    html! {
        <li key={i} class={classes!("chain", c.current.then_some("current"), format!("depth-{}", c.depth.min(6)))}>
            <div class="chain-head">
                <strong>{ &*c.name }</strong>
                if let Some(alias) = &c.alias { <span class="alias">{ alias }</span> }
            </div>
            <ol class="rows">{ for rows }</ol>
        </li>
    }
}

/// A row of a finished chain: one line, the whole rule in its tooltip.
fn brief(p: &Page<'_>, k: usize, r: &Row) -> Html {
    match r {
        Row::Matched { number, text, effect, .. } => {
            let target = text.rsplit_once(" -j ").map_or(text.as_str(), |(_, t)| t);
            html! {
                <li key={k} class="rule brief" title={text.clone()}>
                    <span class="sign">{ icons::icon("tick") }</span><span class="n">{ *number }</span>
                    <span class="code"><b>{ target }</b>{ " " }{ did(effect.as_ref()) }</span>
                </li>
            }
        }
        Row::Failed { number, text, why, .. } => html! {
            <li key={k} class="rule folded" title={text.clone()}><span class="sign">{ "…" }</span><span lang={p.app.lang.tag()}><strong>{ *number }</strong>{ format!(" {}: {} {}", p.text(Ui::NotMatched), why.field, p.text(Ui::Differs)) }</span></li>
        },
        other => row(p, k, other),
    }
}

fn row(p: &Page<'_>, k: usize, r: &Row) -> Html {
    let lang = p.app.lang.tag();
    match r {
        Row::Folded { rules, field } => html! {
            <li key={k} class="rule folded"><span class="sign">{ "…" }</span><span lang={lang}><strong>{ format!("{} – {}", rules.0, rules.1) }</strong>{ format!(" {}: {field} {}", p.text(Ui::NotMatched), p.text(Ui::Differs)) }</span></li>
        },
        Row::Failed { number, text, forced: true, .. } => html! {
            <li key={k} class="rule failed"><span class="sign">{ icons::icon("cross") }</span><span class="n">{ *number }</span><span class="code">{ text }<span class="why" lang={lang}>{ p.text(Ui::Forced) }</span></span></li>
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
                    <span class="sign">{ icons::icon("cross") }</span><span class="n">{ *number }</span>
                    <span class="code">{ marked(text, &why.token) }
                        <span class="why">{ why.field }{ " " }<b>{ &why.packet }</b>{ format!(" {sign} ") }<b class="wavy">{ &why.rule }</b><span lang={lang}>{ format!(" {}", p.text(Ui::InTheRule)) }</span></span>
                    </span>
                </li>
            }
        }
        Row::Matched { number, text, effect, counter, draw } => html! {
            <li key={k} class="rule matched">
                <span class="sign">{ icons::icon("tick") }</span><span class="n">{ *number }</span>
                <span class="code">{ text }
                    <span class="why">
                        if let Some(d) = draw { <span lang={lang}>{ if d.forced { p.text(Ui::ForcedHere).to_owned() } else { format!("draw {:.3} < {:.5}", f64::from(d.value) / 2_147_483_648.0, f64::from(d.probability) / 2_147_483_648.0) } }</span> }
                        <span>{ did(effect.as_ref()) }</span>
                        <span class="counter">{ format!("{} · {} B", counter.0, counter.1) }</span>
                    </span>
                </span>
            </li>
        },
        Row::End => {
            html! { <li key={k} class="rule end"><span class="sign">{ "↩" }</span><span lang={lang}>{ p.text(Ui::EndOfChain) }</span></li> }
        }
        Row::Policy(policy) => {
            html! { <li key={k} class="rule end"><span class="sign">{ "■" }</span><span lang={lang}>{ p.text(Ui::Policy) }</span>{ " " }<strong>{ policy.name() }</strong></li> }
        }
    }
}

fn did(effect: Option<&Effect>) -> Html {
    match effect {
        Some(Effect::Mark(m)) => html! { <>{ "mark " }<ins>{ format!("{m:#x}") }</ins></> },
        Some(Effect::Dnat { addr, port }) => html! { <>{ "dst " }<ins>{ net::dump::endpoint(*addr, *port) }</ins></> },
        Some(Effect::Snat { addr }) => html! { <>{ "src " }<ins>{ addr.to_string() }</ins></> },
        _ => html! { <></> },
    }
}

/// A rule with the token that failed under a wavy line.
fn marked(text: &str, token: &str) -> Html {
    match text.split_once(token).filter(|_| !token.is_empty()) {
        Some((a, b)) => html! { <span class="text">{ a }<b class="wavy">{ token }</b>{ b }</span> },
        None => html! { <span class="text">{ text }</span> },
    }
}

fn packet(p: &Page<'_>) -> Html {
    let (Some(l), Some(t), Some(id)) = (&p.app.loaded, &p.app.timeline, p.scene.packet) else { return empty(p.text(Ui::NoPacket)) };
    let events = l.session.events();
    let Some(frame) = frame_at(t.state(), events, t.at(), id) else { return empty(p.text(Ui::NoPacket)) };
    let v = packet_view(frame, origin(events, id));
    html! { <div class="packet" lang="en">{ layers(p, &v) }{ bytes(p, &v) }</div> }
}

fn layers(p: &Page<'_>, v: &PacketView) -> Html {
    let box_of =
        |shell: bool, title: &'static str, len: usize, inside: Html| {
            let rows = v.layers.iter().enumerate().filter(|(_, x)| x.shell == shell).map(|(i, x)| {
            let fields = x.fields.iter().map(|f| html! {
                <tr key={f.name} class={f.was.is_some().then_some("changed")}>
                    <th scope="row">{ f.name }</th>
                    <td>if let Some(was) = &f.was { <s>{ was }</s>{ " → " } }<span>{ &f.value }</span></td>
                </tr>
            });
            let open = x.name == "IPv4" || x.fields.iter().any(|f| f.was.is_some());
            html! {
                <details key={i} class="layer" open={open}>
                    <summary><strong>{ x.name }</strong><span class="sum">{ &x.summary }</span><span class="len">{ x.len }</span></summary>
                    <table><tbody>{ for fields }</tbody></table>
                </details>
            }
        });
            html! {
                <section class={if shell { "around" } else { "itself" }}>
                    <h3 lang={p.app.lang.tag()}><span>{ title }</span><span>{ format!("{len} {}", p.text(Ui::Bytes)) }</span></h3>
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
        html! { <div key={at} class="hex-row"><span class="at">{ format!("{at:04x}") }</span>{ for cells }</div> }
    });
    html! { <section class="hex"><h3 lang={p.app.lang.tag()}>{ format!("{} {}", v.bytes.len(), p.text(Ui::Bytes)) }</h3>{ for rows }</section> }
}

fn tables(p: &Page<'_>) -> Html {
    let (Some(l), Some(t)) = (&p.app.loaded, &p.app.timeline) else { return empty(p.text(Ui::NoPacket)) };
    // The namespace of the current step; before anything was sent, the first worker.
    let current = p.app.step().checked_sub(1).and_then(|n| p.app.steps.get(n)).map(|i| l.session.events()[*i].netns);
    let first = || {
        l.session
            .cluster()
            .nodes
            .iter()
            .find(|n| n.spec.role == kube::topology::Role::Worker)
            .and_then(|n| t.state().ns_named(&n.spec.name.value))
            .map(|n| n.0)
    };
    let Some(id) = current.or_else(first) else { return empty(p.text(Ui::NoPacket)) };
    let ns = t.state().ns(id);
    let fdb = kube::flannel::device_name(l.session.cluster().topology.vni);
    let list = [
        ("ip route", Some(net::dump::ip_route(ns))),
        ("ip neigh", Some(net::dump::ip_neigh(ns, false))),
        ("bridge fdb show dev flannel", net::dump::bridge_fdb(ns, &fdb, false)),
        ("conntrack -L", Some(net::dump::conntrack_list(t.state(), id))),
    ];
    let tables = list.into_iter().filter_map(|(name, text)| Some((name, text.filter(|t| !t.is_empty())?))).map(|(name, text)| {
        html! {
            <section key={name} class="dump"><h3>{ name }</h3><pre>{ text }</pre></section>
        }
    });
    html! { <div class="dumps" lang="en"><div class="rules-head"><strong>{ l.labels.name(id) }</strong></div>{ for tables }</div> }
}

//! A run as text, for the command line and for comparisons: one line per event, or hops only.

use crate::labels::NetnsLabels;
use crate::story::{self, Grain};
use crate::words::{Context, Lang, cause, sentence, verdict};
use net::event::EventKind;
use net::netfilter::WalkStep;
use net::{Event, State};
use play::{Cause, Run};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

/// One line per event: number, time, packet, place, kind, sentence; then the verdict and why.
pub fn text(
    state: &State,
    events: &[Event],
    labels: &NetnsLabels,
    run: &Run,
    lang: Lang,
) -> String {
    lines(state, events, labels, run, lang, Grain::Rules)
}

/// The verdict of a run.
pub fn verdict_text(
    session: &play::Session,
    labels: &NetnsLabels,
    run: &Run,
    lang: Lang,
) -> String {
    let c = Context { state: session.last(), labels };
    verdict(&c, &run.verdict, lang).replace('`', "")
}

/// The hops of a run, and the verdict.
pub fn hops(
    state: &State,
    events: &[Event],
    labels: &NetnsLabels,
    run: &Run,
    lang: Lang,
) -> String {
    lines(state, events, labels, run, lang, Grain::Hops)
}

/// The hops among events that do not belong to a run: what the components did.
pub fn ops(
    state: &State,
    events: &[Event],
    labels: &NetnsLabels,
    range: Range<usize>,
    lang: Lang,
) -> String {
    told(&Context { state, labels }, events, range, lang, Grain::Hops)
}

fn lines(
    state: &State,
    events: &[Event],
    labels: &NetnsLabels,
    run: &Run,
    lang: Lang,
    grain: Grain,
) -> String {
    let c = Context { state, labels };
    let mut out = told(&c, events, run.events.clone(), lang, grain);
    let _ = writeln!(out, "=> {}", verdict(&c, &run.verdict, lang).replace('`', ""));
    out + &why(&c, &run.verdict.cause, lang)
}

/// The chain of a cause: a line for each event, with a star at the one that decided, and where in
/// the text its value is.
fn why(c: &Context<'_>, found: &Cause, lang: Lang) -> String {
    let mut out = String::new();
    for l in cause::lines(c, found, lang) {
        let star = if l.decided { '*' } else { ' ' };
        let _ = writeln!(out, "{star}{:5} {}", l.event, l.text.replace('`', ""));
        if let Some(origin) = l.origin {
            let _ = writeln!(out, "       {}", origin.replace('`', ""));
        }
    }
    if let Some(others) = found.decided.and_then(|_| cause::others(found.others, lang)) {
        let _ = writeln!(out, "       {others}");
    }
    out
}

fn told(
    c: &Context<'_>,
    events: &[Event],
    range: Range<usize>,
    lang: Lang,
    grain: Grain,
) -> String {
    let (state, labels) = (c.state, c.labels);
    let mut out = String::new();
    for i in range {
        let e = &events[i];
        if !story::shown(e, state, grain) {
            continue;
        }
        let packet = e.packet.map_or_else(|| "-".to_owned(), |p| format!("#{}", p.0));
        let said = sentence(c, e, lang).replace('`', "");
        let place = Some(story::place(e, state, labels)).filter(|p| !p.is_empty());
        let place = place.unwrap_or_else(|| "-".to_owned());
        if grain == Grain::Hops {
            let _ = writeln!(out, "{} {packet:>4} {place:32} {said}", e.at);
        } else {
            let _ = writeln!(
                out,
                "{i:5} {} {packet:>4} {place:32} {:18} {said}",
                e.at,
                net::marker::name(&e.kind)
            );
        }
    }
    out
}

/// The fields of an event, for JSON and for the index of the article's figures.
pub fn facts(state: &State, e: &Event) -> BTreeMap<&'static str, String> {
    let kind = ("kind", net::marker::name(&e.kind).to_owned());
    let Some(ns) = e.netns.map(|n| state.ns(n)) else { return BTreeMap::from([kind]) };
    let dev = |d: &net::DevId| ns.dev(*d).name.to_string();
    let mut f = BTreeMap::from([kind, ("netns", ns.name.to_string())]);
    let mut put = |key, value: String| _ = f.insert(key, value);
    match &e.kind {
        EventKind::Asked { remote, .. } => put(
            "remote",
            if remote.port == 0 { remote.addr.to_string() } else { remote.to_string() },
        ),
        EventKind::FrameSent { dev: d, frame, .. }
        | EventKind::FrameReceived { dev: d, frame, .. } => {
            put("dev", dev(d));
            put("lladdr", frame.eth.dst.to_string());
            if let Some(p) = frame.ipv4() {
                put("src", p.src.to_string());
                put("dst", p.dst.to_string());
                put("ttl", p.ttl.to_string());
            }
        }
        EventKind::Walked { hook, table, seen, mark, step, .. } => {
            put("hook", hook.name().to_owned());
            put("table", table.name().to_owned());
            put("mark", format!("{mark:#x}"));
            put("src", seen.packet.src.to_string());
            put("dst", seen.packet.dst.to_string());
            if let WalkStep::Matched { chain, rule, .. } = step {
                put(
                    "chain",
                    ns.rules
                        .table(*table)
                        .chains
                        .get(*chain as usize)
                        .map_or_else(String::new, |c| c.name.to_string()),
                );
                put("rule", (rule + 1).to_string());
            }
        }
        EventKind::Translated { hook, source, before, after, restored } => {
            put("hook", hook.name().to_owned());
            put("field", if *source { "src" } else { "dst" }.to_owned());
            put("before", before.to_string());
            put("after", after.to_string());
            put("after_addr", after.addr.to_string());
            put("restored", restored.to_string());
        }
        EventKind::Routed { dst, decision, .. } => {
            put("dst", dst.to_string());
            if let net::route::Decision::Out { dev: d, next_hop, .. } = decision {
                put("dev", dev(d));
                put("via", next_hop.to_string());
            }
        }
        EventKind::NeighbourUsed { dev: d, addr, lladdr, state }
        | EventKind::NeighbourLearned { dev: d, addr, lladdr, state } => {
            put("dev", dev(d));
            put("addr", addr.to_string());
            put("lladdr", lladdr.to_string());
            put("state", state.name().to_owned());
        }
        EventKind::VtepFound { dev: d, mac, remote } => {
            put("dev", dev(d));
            put("lladdr", mac.to_string());
            put("vtep", remote.to_string());
        }
        EventKind::Bridged { bridge, to } => {
            put("dev", dev(bridge));
            if let net::event::BridgeTo::Port(p) = to {
                put("port", dev(p));
            }
        }
        EventKind::Encapsulated { dev: d, inner_len, outer_len } => {
            put("dev", dev(d));
            put("inner_len", inner_len.to_string());
            put("outer_len", outer_len.to_string());
        }
        EventKind::Decapsulated { dev: d, vni } => {
            put("dev", dev(d));
            put("vni", vni.to_string());
        }
        EventKind::Fragmented { mtu, n, .. } => {
            put("mtu", mtu.to_string());
            put("fragments", n.to_string());
        }
        EventKind::PathLearned { dst, mtu, gateway } => {
            put("dst", dst.to_string());
            if let Some(mtu) = mtu {
                put("mtu", mtu.to_string());
            }
            if let Some(gateway) = gateway {
                put("gateway", gateway.to_string());
            }
        }
        EventKind::Delivered { local, .. } => put("local", local.to_string()),
        EventKind::Queried { server, name, .. } => {
            put("server", server.to_string());
            put("name", name.to_string());
        }
        EventKind::Resolved { name, addrs, .. } => {
            put("name", name.to_string());
            put("addresses", addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        }
        EventKind::Accepted { peer, .. } => put("peer", peer.addr.to_string()),
        EventKind::Dropped { reason, .. } => put("reason", reason.name().to_owned()),
        _ => {}
    }
    f
}

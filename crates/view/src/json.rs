//! A run or a session as JSON, for programs. The format has a version; fields are only ever added.

use crate::words::{Context, Lang, cause, change, sentence, step_result, verdict};
use crate::{NetnsLabels, diagnosis, story, trace};
use net::event::EventKind;
use play::{Ending, Link, ResultKind, Run, Session, Step, StepResult};
use serde_json::{Value, json};

/// The version of the format, written as `version`.
const VERSION: u32 = 1;

/// A run: its events with their fields, and the verdict.
pub fn run(session: &Session, labels: &NetnsLabels, run: &Run, lang: Lang) -> String {
    let state = session.last();
    let c = Context { state, labels };
    let events: Vec<Value> = run.events.clone().map(|i| event(&c, session, i, lang)).collect();
    let mut out = json!({
        "version": VERSION,
        "kubernetes": session.cluster().topology.version.to_string(),
        "seed": session.seed(),
        "hash": format!("{:016x}", net::encoding::hash(&session.events()[run.events.clone()])),
        "events": events,
        "verdict": json_verdict(&c, run, lang),
    });
    let step = session.results().iter().position(|r| r.run() == Some(run));
    if let Some(step) = step {
        out["diagnosis"] = diagnosis::json(session, step, lang);
    }
    format!("{out:#}\n")
}

/// A session that was played: its steps and what came of each, and all its events.
pub fn session(session: &Session, labels: &NetnsLabels, lang: Lang) -> String {
    let c = Context { state: session.last(), labels };
    let one = |(i, (step, result)): (usize, (&Step, &StepResult))| {
        let kind = match &result.kind {
            ResultKind::Sent { .. } => "sent",
            ResultKind::Printed(_) => "printed",
            ResultKind::Applied(_) => "applied",
            ResultKind::Handled => "handled",
            ResultKind::Invalid(_) => "refused",
            ResultKind::NotDone(_) => "not-done",
        };
        let events = [result.events.start, result.events.end];
        let mut out = json!({
            "at_ns": result.at.0,
            "events": events,
            "result": kind,
            "text": step_result(step, result, lang),
        });
        if let Some(run) = result.run() {
            out["verdict"] = json_verdict(&c, run, lang);
            out["diagnosis"] = diagnosis::json(session, i, lang);
        }
        if let Some(output) = result.output() {
            out["output"] = json!({"text": output.text, "status": output.status});
        }
        out
    };
    let steps = session.steps().iter().zip(session.results()).enumerate();
    let events: Vec<Value> =
        (0..session.events().len()).map(|i| event(&c, session, i, lang)).collect();
    let out = json!({
        "version": VERSION,
        "seed": session.seed(),
        "hash": crate::session::hash(session),
        "steps": steps.map(one).collect::<Vec<_>>(),
        "events": events,
    });
    format!("{out:#}\n")
}

fn json_verdict(c: &Context<'_>, run: &Run, lang: Lang) -> Value {
    let found = &run.verdict.cause;
    let link = |(i, l): (usize, &Link)| {
        let origin = l.origin.as_ref().map(|o| {
            json!({
                "object": o.object,
                "field": o.field,
                "line": o.span.line,
                "column": o.span.column,
            })
        });
        json!({
            "event": l.event,
            "netns": &*c.state.ns(l.netns).name,
            "text": cause::link(c, l, lang).replace('`', ""),
            "decided": found.decided == Some(i),
            "origin": origin,
        })
    };
    let why: Vec<Value> = found.links.iter().enumerate().map(link).collect();
    json!({
        "answered": run.verdict.ending == Ending::Answered,
        "text": verdict(c, &run.verdict, lang).replace('`', ""),
        "why": why,
    })
}

fn event(c: &Context<'_>, session: &Session, i: usize, lang: Lang) -> Value {
    let e = &session.events()[i];
    let mut out = json!({
        "n": i,
        "at_ns": e.at.0,
        "place": story::place(e, c.state, c.labels),
        "facts": trace::facts(c.state, e),
        "text": sentence(c, e, lang).replace('`', ""),
    });
    if let Some(p) = e.packet {
        out["packet"] = json!(p.0);
    }
    if let Some((field, before, after)) = change(e) {
        out["change"] = json!({"field": field, "before": before, "after": after});
    }
    if let EventKind::FrameSent { frame, .. } | EventKind::FrameReceived { frame, .. } = &e.kind {
        out["bytes"] = json!(frame.emit().iter().map(|b| format!("{b:02x}")).collect::<String>());
    }
    out
}

//! A run as JSON, for programs. The format has a version; fields are only ever added.

use crate::words::{Context, Lang, change, sentence, verdict};
use crate::{Labels, story, trace};
use net::event::EventKind;
use play::{Ending, Run, Session};
use serde_json::{Value, json};

/// The version of the format, written as `version`.
const VERSION: u32 = 1;

/// A run: its events with their fields, and the verdict.
pub fn run(session: &Session, labels: &Labels, run: &Run, lang: Lang) -> String {
    let state = session.last();
    let c = Context { state, labels };
    let events: Vec<Value> = run.events.clone().map(|i| event(&c, session, i, lang)).collect();
    let out = json!({
        "version": VERSION,
        "seed": session.seed(),
        "hash": format!("{:016x}", net::encoding::hash(&session.events()[run.events.clone()])),
        "events": events,
        "verdict": {
            "answered": run.verdict.ending == Ending::Answered,
            "text": verdict(&c, &run.verdict, lang).replace('`', ""),
        },
    });
    format!("{out:#}\n")
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

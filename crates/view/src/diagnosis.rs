//! What repairs a run, and which endpoints answer: as text, Markdown and JSON. Both are played.

use crate::NetnsLabels;
use crate::words::repair::{Line, control, edited, heading, lines, opened, or, summary};
use crate::words::{Context, Lang, cause, partly_broken, repair};
use play::repair::{Reached, Repair, Repairs, endpoints, repairs};
use play::{Ending, Session};
use serde_json::{Value, json};
use std::fmt::Write;

/// What is shown below a run: its repairs, and the endpoints if only some of them answer.
pub struct Diagnosis {
    /// The repairs; none if the client was answered.
    pub repairs: Option<Repairs>,
    /// What comes of each endpoint, if some answer and some do not.
    pub reached: Vec<Reached>,
}

/// Plays what is shown below the run of a step.
pub fn diagnosis(session: &Session, step: usize) -> Diagnosis {
    let run = session.results().get(step).and_then(|r| r.run());
    let failed = run.is_some_and(|r| r.verdict.ending == Ending::Failed);
    let reached = if run.is_some() { endpoints(session, step) } else { Vec::new() };
    let answering = reached.iter().filter(|r| r.answered).count();
    let is_partly = answering > 0 && answering < reached.len();
    Diagnosis {
        repairs: failed.then(|| repairs(session, step)),
        reached: if is_partly { reached } else { Vec::new() },
    }
}

/// Each endpoint that does not answer, in a sentence; first how many do.
fn broken(session: &Session, reached: &[Reached], lang: Lang) -> Vec<String> {
    if reached.is_empty() {
        return Vec::new();
    }
    let n = reached.len();
    let answering = reached.iter().filter(|r| r.answered).count();
    let first = partly_broken::counts(answering, n, lang);
    let one = |r: &Reached| {
        let labels = NetnsLabels::new(session.cluster(), &r.state);
        let c = Context { state: &r.state, labels: &labels };
        let why = r.cause.deciding().map(|l| cause::link(&c, l, lang)).unwrap_or_default();
        partly_broken::endpoint(r, 100.0 / n as f64, &why, lang)
    };
    [first].into_iter().chain(reached.iter().filter(|r| !r.answered).map(one)).collect()
}

/// As plain text.
pub fn text(session: &Session, step: usize, lang: Lang) -> String {
    let d = diagnosis(session, step);
    let mut out = String::new();
    for line in broken(session, &d.reached, lang) {
        let _ = writeln!(out, "{}", line.replace('`', ""));
    }
    out + &d.repairs.map(|r| repair::text(&r, lang)).unwrap_or_default()
}

/// As Markdown.
pub fn markdown(session: &Session, step: usize, lang: Lang) -> String {
    let d = diagnosis(session, step);
    let mut out = String::new();
    for line in broken(session, &d.reached, lang) {
        let _ = writeln!(out, "- {}", crate::markdown::rich(&line));
    }
    let Some(found) = d.repairs else { return out };
    let _ = writeln!(out, "\n{}\n", crate::markdown::rich(&summary(&found, lang)));
    for (r, n) in found.found.iter().zip(1..) {
        let mark = if r.control { format!(" ({})", control(lang)) } else { String::new() };
        let _ = writeln!(out, "{n}. {}{mark}\n", crate::markdown::plain(&heading(r, lang)));
        for l in lines(r) {
            let _ = writeln!(out, "       {}", shown(&l));
        }
        if !r.or.is_empty() {
            let _ = writeln!(out, "\n   {}\n", or(lang));
        }
        for l in edited(&r.or) {
            let _ = writeln!(out, "       {}", shown(&l));
        }
        for opens in opened(r, lang) {
            let _ = writeln!(out, "\n   {}", crate::markdown::plain(opens));
        }
        out.push('\n');
    }
    out
}

/// A line of an edit. An indented block takes any text as it is, but no line break.
fn shown(l: &Line) -> String {
    l.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// As JSON: `repairs` and `endpoints`.
pub fn json(session: &Session, step: usize, lang: Lang) -> Value {
    let d = diagnosis(session, step);
    let edit = |l: Line| match l {
        Line::Old(n, text) => json!({"line": n, "old": text}),
        Line::New(n, text) => json!({"line": n, "new": text}),
        Line::Command(host, line) => json!({"host": host, "command": line}),
    };
    let one = |r: &Repair| {
        json!({
            "title": heading(r, lang),
            "control": r.control,
            "edits": lines(r).into_iter().map(edit).collect::<Vec<_>>(),
            "or": edited(&r.or).into_iter().map(edit).collect::<Vec<_>>(),
            "opens": opened(r, lang),
        })
    };
    let mut out = json!({});
    if let Some(found) = &d.repairs {
        out["tried"] = json!(found.tried);
        out["unknown"] = json!(found.unknown);
        out["repairs"] = found.found.iter().map(one).collect::<Vec<_>>().into();
    }
    if !d.reached.is_empty() {
        let said = broken(session, &d.reached, lang);
        out["endpoints"] = said.iter().map(|s| s.replace('`', "")).collect::<Vec<_>>().into();
    }
    out
}

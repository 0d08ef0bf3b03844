//! `kind: Script`: a session as text. Together with the other documents of its file it is the whole
//! session: the page, links, embeds, the command line, the lab and the tests read and write it.
//!
//! ```yaml
//! apiVersion: packetwalk.dev/v1alpha1
//! kind: Script
//! spec:
//!   seed: 7               # decides every random choice; default 0
//!   start: used           # neighbour tables: cold, known (entered by hand) or used (default)
//!   steps:
//!   - send: {from: bastion, to: "192.168.120.226:30080", endpoint: 10.1.6.5}
//!   - {at: 1.5s, on: node01, run: conntrack -F}
//!   - {at: {probe: 1, after: 20ms}, on: node01, run: conntrack -F}
//!   - {at: {probe: 1, direction: request, packet: 2, marker: encapsulated}, packet: drop}
//!   - apply: |
//!       kind: Service
//!       # ... manifests, as kubectl apply reads them
//! ```
//!
//! `at` is when a step is performed ([`crate::anchor`]); a step without it is performed when
//! everything before it is over. [`crate::player`] defines how steps are played, and when a step is
//! reported as not done.

mod print;
mod read;

pub use print::anchor as anchor_tree;
pub use read::read_anchor;

use crate::anchor::Anchor;
use crate::command::CommandOutput;
use crate::session::{Session, Start};
use crate::step::{Act, NotDone, ResultKind, Step, StepResult};
use kube::decode::Decoder;
use kube::{Code, Diagnostic, Severity, Span, object, yaml};
use std::ops::Range;

/// A session without its document: what is done in the cluster, and from which start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The seed of every random choice.
    pub seed: u64,
    /// The neighbour tables at the start.
    pub start: Start,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Default for Script {
    fn default() -> Self {
        Self { seed: 0, start: Start::Used, steps: Vec::new() }
    }
}

impl Script {
    /// The Script of a text, if it has one, and its diagnostics.
    pub fn read(text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        let (found, diags) = find(text);
        (found.and_then(|f| f.script), diags)
    }

    /// Splits a text into the Script and the other documents, which keep their bytes.
    ///
    /// # Errors
    /// The diagnostics of the Script, if one of them is an error.
    pub fn take(text: &str) -> Result<(Option<Self>, String), Vec<Diagnostic>> {
        let (found, diags) = find(text);
        if diags.iter().any(|d| d.severity == Severity::Error) {
            return Err(diags);
        }
        let Some(Found { script: Some(script), lines }) = found else {
            return Ok((None, text.to_owned()));
        };
        let (before, after) = (&text[..lines.start], &text[lines.end..]);
        // The first document may have no marker of its own.
        let after = if before.trim().is_empty() { without_marker(after) } else { after };
        Ok((Some(script), format!("{before}{after}")))
    }

    /// The bytes of a text's Script, without the `---` in front.
    pub fn text_in(text: &str) -> Option<&str> {
        find(text).0.map(|found| without_marker(&text[found.lines]))
    }

    /// A text with this Script in place of its own, or appended. Other documents keep their bytes.
    pub fn put(&self, text: &str) -> String {
        Self::put_text(&self.to_string(), text)
    }

    /// As [`Script::put`], for a Script as it is written.
    pub fn put_text(own: &str, text: &str) -> String {
        if let (Some(Found { lines, .. }), _) = find(text) {
            let marker = if lines.start == 0 { "" } else { "---\n" };
            return format!("{}{marker}{own}{}", &text[..lines.start], &text[lines.end..]);
        }
        if text.trim().is_empty() {
            return format!("{text}{own}");
        }
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        format!("{text}{newline}---\n{own}")
    }

    /// Plays it in a new session of a document.
    ///
    /// # Errors
    /// The diagnostics of the document, if one of them is an error.
    pub fn play(&self, document: &str) -> Result<Session, Vec<Diagnostic>> {
        let mut session = Session::edited(document, self.seed, self.start, |_| {})?;
        session.play(&self.steps);
        Ok(session)
    }
}

impl Session {
    /// The steps so far, with seed and start, to play them again.
    pub fn script(&self) -> Script {
        Script { seed: self.seed(), start: self.start(), steps: self.steps().to_vec() }
    }
}

/// The place of a Script in a text, and the Script if it has no errors.
struct Found {
    script: Option<Script>,
    /// The bytes of its lines, with the `---` before it.
    lines: Range<usize>,
}

fn find(text: &str) -> (Option<Found>, Vec<Diagnostic>) {
    let mut d = Decoder::default();
    if !text.contains("Script") {
        return (None, d.diags);
    }
    let (docs, _) = yaml::parse(text);
    let mut found: Option<Found> = None;
    for doc in &docs {
        // Faults of kind and version are reported where objects are read.
        let Some(t) = object::typed(&mut Decoder::default(), doc) else { continue };
        if t.kind.value != "Script" {
            continue;
        }
        if found.is_some() {
            d.error(Code::DuplicateObject, t.kind.span, "a second Script", "keep one of them");
            continue;
        }
        let lines = document_lines(text, doc.span.start as usize, doc.span.end as usize);
        found = Some(Found { script: read::script(&mut d, t.fields), lines });
    }
    // A step with an error is missing from what was read: the rest is not what the reader means.
    if let Some(found) = &mut found
        && d.diags.iter().any(|d| d.severity == Severity::Error)
    {
        found.script = None;
    }
    (found, d.diags)
}

/// Whether a line is a document marker, `---`.
fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// The bytes of the lines of a document whose content is between two bytes.
fn document_lines(text: &str, first: usize, last: usize) -> Range<usize> {
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if is_marker(line) {
            if at > last {
                return start..at;
            }
            if at <= first {
                start = at;
            }
        }
        at += line.len();
    }
    start..text.len()
}

fn without_marker(text: &str) -> &str {
    match text.split_once('\n') {
        Some((line, rest)) if line.trim_end() == "---" => rest,
        None if text.trim_end() == "---" => "",
        _ => text,
    }
}

/// The diagnostics of a document and its Script, by place. The Script is played to find steps whose
/// hosts, targets or commands do not exist.
pub fn check(document: &str) -> Vec<Diagnostic> {
    let (_, mut diags) = kube::build(document);
    let (script, wrong) = Script::read(document);
    diags.extend(wrong);
    if let Some(script) = script
        && !diags.iter().any(|d| d.severity == Severity::Error)
    {
        diags.extend(script.play(document).map_or_else(|wrong| wrong, |s| complaints(&s)));
    }
    diags.sort_by_key(|d| d.span.start);
    diags
}

/// Why a step was not performed, in English.
pub fn not_done(step: &Step, why: NotDone) -> String {
    let anchor = anchor_tree(&step.anchor).flow();
    match (why, &step.anchor) {
        (NotDone::NotReached, Anchor::After { probe, .. }) => {
            format!("probe {probe} was not sent in its turn")
        }
        (NotDone::NotReached, _) => format!("{anchor} did not happen in its turn"),
        (NotDone::TooLate, _) => format!("{anchor} happened before its turn"),
        (NotDone::NotInFlight, Anchor::Event(_)) => {
            format!("no packet is in flight after {anchor}")
        }
        (NotDone::NotInFlight, _) => "it names no packet".to_owned(),
        (NotDone::Queued, _) => {
            format!("after {anchor} the packet is queued: it can only be dropped")
        }
    }
}

/// A warning for every step that was not performed, was performed later than at its time, or is
/// listed below a step for a later time.
pub fn misplaced(session: &Session) -> Vec<Diagnostic> {
    let mut last = None;
    let one = |(i, (step, result)): (usize, (&Step, &StepResult))| {
        let warning = |message: String, hint: &str| {
            let message = format!("spec.steps[{i}]: {message}");
            Some(Diagnostic::warning(Code::UnsupportedValue, step.span, message, hint))
        };
        if let ResultKind::NotDone(why) = result.kind {
            let hint = "anchor it to something that happens, or remove it";
            return warning(format!("not done: {}", not_done(step, why)), hint);
        }
        let Anchor::At(at) = step.anchor else { return None };
        let above = last.replace(at).filter(|above| *above > at);
        if result.late(step).is_some() {
            let message = format!("late: its time is {at} s, its turn came at {} s", result.at);
            return warning(message, "move it up, or write a later time");
        }
        let message = format!("a step above it is for {} s, this one for {at} s", above?);
        warning(message, "list steps in order of time")
    };
    session.steps().iter().zip(session.results()).enumerate().filter_map(one).collect()
}

/// A diagnostic for every step that was refused or is misplaced. A refused command is a warning,
/// as it may be intended.
pub fn complaints(session: &Session) -> Vec<Diagnostic> {
    let unsupported = Code::UnsupportedValue;
    let refused = |line: &str, out: &CommandOutput, span: Span| {
        let first = out.text.lines().next().unwrap_or_default();
        let message = format!("{line:?} is refused: {first}");
        let hint = "correct it unless this is intended; a lab leaves it out";
        Diagnostic::warning(unsupported, span, message, hint)
    };
    let one = |(i, (step, result)): (usize, (&Step, &StepResult))| {
        let path = format!("spec.steps[{i}]");
        match (&step.act, &result.kind) {
            (_, ResultKind::Invalid(e)) => Some(Diagnostic::error(
                unsupported,
                step.span,
                format!("{path}: {}", e.message()),
                e.hint(),
            )),
            (Act::Run { line, .. }, ResultKind::Printed(out)) if out.status != 0 => {
                Some(refused(line, out, step.span))
            }
            (_, ResultKind::Applied(out)) if out.status != 0 => {
                Some(refused("apply", out, step.span))
            }
            _ => None,
        }
    };
    let refused = session.steps().iter().zip(session.results()).enumerate().filter_map(one);
    refused.chain(misplaced(session)).collect()
}

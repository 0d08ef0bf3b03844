//! A session that was played, step by step, as text: for `packetwalk run`.

use crate::words::{Lang, not_done_step, sent_at, step_result};
use crate::{NetnsLabels, diagnosis, markdown, mermaid, trace};
use play::{Act, Anchor, Ending, ResultKind, Run, Session, Step, StepResult};
use std::fmt::Write;

/// Prints the run of a probe.
pub type Teller = fn(&net::State, &[net::Event], &NetnsLabels, &Run, Lang) -> String;

/// As lines, with a run by hops or with every event.
pub fn text(session: &Session, labels: &NetnsLabels, tell: Teller, lang: Lang) -> String {
    let mut out = String::new();
    for (n, (step, result)) in (1..).zip(session.steps().iter().zip(session.results())) {
        if let ResultKind::NotDone(why) = result.kind {
            let _ = writeln!(out, "{}", not_done_step(n, step, why, lang));
            continue;
        }
        let time = match step.anchor {
            Anchor::Quiet => String::new(),
            _ => format!("{} s: ", result.at),
        };
        if let ResultKind::Handled | ResultKind::Invalid(_) = result.kind {
            let _ = writeln!(out, "{time}{}", step_result(step, result, lang));
            continue;
        }
        let _ = match &step.act {
            Act::Send(p) => writeln!(out, "# {}", sent_at(&p.from, &p.to, result.at, lang)),
            Act::Run { host, line } => writeln!(out, "{time}{host}$ {}", line.trim_end()),
            Act::Apply(_) => writeln!(out, "{time}kubectl apply -f -"),
            Act::Packet(_) => Ok(()),
        };
        if let Some(output) = result.output() {
            out.push_str(&output.text);
        }
        let mut rest = result.events.clone();
        if let Some(run) = result.run() {
            out.push_str(&tell(session.last(), session.events(), labels, run, lang));
            out.push_str(&diagnosis::text(session, n - 1, lang));
            rest.start = run.events.end;
        }
        // What components did afterwards.
        out.push_str(&trace::ops(session.last(), session.events(), labels, rest, lang));
    }
    out
}

/// As Markdown: a heading for each step.
pub fn markdown(session: &Session, labels: &NetnsLabels, lang: Lang) -> String {
    headed(session, lang, &|run| markdown::run(session.last(), session.events(), labels, run, lang))
}

/// As Markdown with a sequence diagram of Mermaid for each probe.
pub fn mermaid(session: &Session, labels: &NetnsLabels, lang: Lang) -> String {
    headed(session, lang, &|run| {
        let diagram = mermaid::run(session.last(), session.events(), labels, run, lang);
        format!("```mermaid\n{diagram}```\n")
    })
}

fn headed(session: &Session, lang: Lang, tell: &dyn Fn(&Run) -> String) -> String {
    let mut out = String::new();
    let all = session.steps().iter().zip(session.results());
    for ((step, result), n) in all.zip(1..) {
        let said = markdown::plain(&step_result(step, result, lang));
        let _ = writeln!(out, "## {n}. {said}\n");
        if let Some(run) = result.run() {
            let _ = writeln!(out, "{}", tell(run));
            out.push_str(&diagnosis::markdown(session, n - 1, lang));
        }
        if let Some(output) = result.output() {
            let lines = output.text.lines().map(|l| format!("    {l}\n"));
            let _ = writeln!(out, "{}", lines.collect::<String>());
        }
    }
    out
}

/// Whether every step was done, every command went well, and every probe was answered.
pub fn is_good(session: &Session) -> bool {
    let good = |r: &StepResult| match &r.kind {
        ResultKind::Sent { run, .. } => run.verdict.ending == Ending::Answered,
        ResultKind::Printed(out) | ResultKind::Applied(out) => out.status == 0,
        ResultKind::Handled => true,
        ResultKind::Invalid(_) | ResultKind::NotDone(_) => false,
    };
    session.results().iter().all(good)
}

/// The hash of all events, as text. Equal sessions have equal hashes on every machine.
pub fn hash(session: &Session) -> String {
    format!("{:016x}", net::encoding::hash(session.events()))
}

/// The number of events after which a step was performed and, if it caused events, the first of
/// them has happened.
pub fn moment(result: &StepResult) -> usize {
    (result.events.start + 1).min(result.events.end)
}

/// What a step does, in a few words of a Script.
pub fn title(step: &Step) -> String {
    match &step.act {
        Act::Send(p) => format!("{} {} → {}", p.proto.name(), p.from, p.to),
        Act::Run { host, line } => format!("{host}$ {}", line.lines().next().unwrap_or_default()),
        Act::Apply(_) => "kubectl apply".to_owned(),
        Act::Packet(op) => match op {
            net::engine::PacketOp::Drop => "packet: drop".to_owned(),
            net::engine::PacketOp::Duplicate => "packet: duplicate".to_owned(),
            net::engine::PacketOp::Delay(by) => {
                format!("packet: delay {} ms", by.0 as f64 / 1_000_000.0)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use play::Script;

    const STEPS: &str = "\
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
  - send: {from: bastion, to: 192.168.120.226, proto: icmp, count: 2, timeout: 1s}
  - {at: {probe: 1, direction: request, marker: frame-sent}, packet: drop}
  - {at: {probe: 1, marker: encapsulated}, on: node01, run: conntrack -F}
";

    #[test]
    fn what_is_printed_counts_answers_and_names_steps_that_were_not_done() {
        let document = play::presets::ALL[3].document();
        let script = Script::read(STEPS).0.expect("a Script");
        let session = script.play(&document).expect("valid");
        let labels = NetnsLabels::new(session.cluster(), session.last());
        let text = text(&session, &labels, trace::hops, Lang::En);
        assert!(text.contains("=> 1 of 2 answered. 192.168.120.226 answered the ping"), "{text}");
        let last = "step 3 (line 7) was not done: \
                    {probe: 1, marker: encapsulated} did not happen in its turn";
        assert_eq!(text.lines().last(), Some(last), "{text}");
        let said = step_result(&session.steps()[0], &session.results()[0], Lang::En);
        assert_eq!(said, "icmp bastion → 192.168.120.226: 1 of 2 answered");
    }
}

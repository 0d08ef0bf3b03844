//! Bad input: every fault is found at its place, with its code, message and hint. The expected
//! faults are comments at the end of each case:
//!
//! ```yaml
//! # error: 20:35-20:40 service-node-port-out-of-range
//! # message: spec.ports[0].nodePort: Invalid value: 20000: …
//! # hint: write a port from 30000 to 32767, such as 30000
//! ```
//!
//! Lines and columns count from 1; the second place is the column after the last character.
//! `BLESS=1` rewrites the comments.

use kube::{Code, Diagnostic, Severity};
use std::fmt::Write;
use support::{difference, read, root};

/// The case without its expected faults, and these, line by line.
fn split(text: &str) -> (String, Vec<String>) {
    let is_expected = |line: &str| {
        ["error", "warning", "note", "message", "hint"].iter().any(|kind| {
            line.strip_prefix("# ").is_some_and(|l| l.starts_with(&format!("{kind}: ")))
        })
    };
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.iter().rposition(|l| !is_expected(l)).map_or(0, |i| i + 1);
    let case = lines[..end].iter().fold(String::new(), |case, line| case + line + "\n");
    (case, lines[end..].iter().map(|l| (*l).to_owned()).collect())
}

/// The line and column after a span.
fn end_of(text: &str, d: &Diagnostic) -> String {
    let before = &text[..d.span.end.max(d.span.start) as usize];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

/// The comments that describe the faults of a text.
fn described(text: &str, diags: &[Diagnostic]) -> Vec<String> {
    let mut out = String::new();
    for d in diags {
        let (start, end) = (format!("{}:{}", d.span.line, d.span.column), end_of(text, d));
        let _ = writeln!(out, "# {}: {start}-{end} {}", d.severity.name(), d.code.name());
        let _ = writeln!(out, "# message: {}\n# hint: {}", d.message, d.hint);
    }
    out.lines().map(str::to_owned).collect()
}

fn cases() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("diagnostics/cases"))
        .expect("cases")
        .flatten()
        .map(|f| f.path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|f| (f.file_name().expect("name").to_string_lossy().into_owned(), read(f)))
        .collect()
}

#[test]
fn every_fault_is_found_with_its_place_message_and_hint() {
    let bless = std::env::vars_os().any(|(k, _)| k == "BLESS");
    let mut failures = String::new();
    for (name, text) in cases() {
        let (case, expected) = split(&text);
        let diags = play::script::check(&text);
        for d in &diags {
            assert!(!d.hint.is_empty() && !d.message.is_empty(), "{name}: {d}");
            let span = text.get(d.span.start as usize..d.span.end.max(d.span.start) as usize);
            assert!(span.is_some(), "{name}: {d}: a span outside the text");
        }
        let found = described(&text, &diags);
        if bless {
            let path = root().join("diagnostics/cases").join(&name);
            let lines = found.iter().fold(case, |text, line| text + line + "\n");
            std::fs::write(path, lines).expect("a case");
        } else {
            failures.extend(difference(&name, &expected, &found));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_fix_corrects_its_fault() {
    for (name, text) in cases() {
        let (_, diags) = kube::build(&text);
        for d in diags.iter().filter(|d| d.fix.is_some()) {
            let fix = d.fix.as_ref().expect("filtered");
            let fixed = format!(
                "{}{}{}",
                &text[..fix.span.start as usize],
                fix.text,
                &text[fix.span.end as usize..]
            );
            let (_, after) = kube::build(&fixed);
            let still = after.iter().any(|x| {
                x.code == d.code && x.span.start == d.span.start && x.message == d.message
            });
            assert!(!still, "{name}: the fix of {d} changes nothing");
        }
    }
}

#[test]
fn every_code_has_a_case() {
    let all: String = cases().into_iter().map(|(_, t)| t).collect();
    let without: Vec<&str> =
        Code::ALL.iter().map(|c| c.name()).filter(|c| !all.contains(&format!(" {c}\n"))).collect();
    assert!(without.is_empty(), "codes without a case: {without:?}");
}

#[test]
fn broken_text_never_panics() {
    let mut rng = net::rng::Rng::new(11);
    let whole = play::presets::ALL[3].document();
    for _ in 0..400 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = b"\t:-[]{}&*!|>'\"%@`#,?\n 09az"[rng.below(26) as usize],
                2 => _ = bytes.remove(at),
                _ => bytes.insert(at, b":-{}[]&*\n\" "[rng.below(11) as usize]),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (cluster, diags) = kube::build(&text);
        assert!(cluster.is_some() || diags.iter().any(|d| d.severity == Severity::Error));
        for d in diags {
            assert!(text.get(d.span.start as usize..).is_some(), "{d}: a span outside the text");
        }
        // What was accepted can be started, or has an error that explains why not.
        if let (true, Err(why)) = (cluster.is_some(), play::Session::new(&text, 1, true)) {
            assert!(why.iter().any(|d| d.severity == Severity::Error), "refused without an error");
        }
    }
}

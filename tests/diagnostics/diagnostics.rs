//! Bad input: every fault is found at its place, with its code, and says what to type. Expected
//! faults stand in the input itself: `# error: 7:11 service-node-port-out-of-range`.

use kube::{Code, Severity};
use std::collections::BTreeSet;
use support::{read, root};

/// `# SEVERITY: LINE:COLUMN CODE` of every comment line that says so.
fn expected(text: &str) -> BTreeSet<String> {
    let told = |l: &str| {
        let rest = l.trim().strip_prefix("# ")?;
        let (severity, place) = rest.split_once(": ")?;
        ["error", "warning", "note"]
            .contains(&severity)
            .then(|| format!("{severity}: {}", place.trim()))
    };
    text.lines().filter_map(told).collect()
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
fn every_fault_is_found_where_it_is() {
    let mut failures = String::new();
    for (name, text) in cases() {
        let diags = play::script::check(&text);
        let key = |d: &kube::Diagnostic| {
            format!("{}: {}:{} {}", d.severity.name(), d.span.line, d.span.column, d.code.name())
        };
        let got: BTreeSet<String> = diags.iter().map(key).collect();
        let want = expected(&text);
        for missing in want.difference(&got) {
            failures.push_str(&format!("{name}: not found: {missing}\n"));
        }
        for extra in got.difference(&want) {
            let d = diags.iter().find(|d| key(d) == **extra).expect("found above");
            failures.push_str(&format!("{name}: not expected: {extra}\n    {}\n", d.message));
        }
        for d in &diags {
            assert!(!d.hint.is_empty() && !d.message.is_empty(), "{name}: {d}");
            let span = text.get(d.span.start as usize..d.span.end.max(d.span.start) as usize);
            assert!(span.is_some(), "{name}: {d}: a span outside the text");
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_fix_mends_its_fault() {
    for (name, text) in cases() {
        let (_, diags) = kube::build(&text);
        for d in diags.iter().filter(|d| d.fix.is_some()) {
            let fix = d.fix.as_ref().expect("filtered");
            let mended = format!(
                "{}{}{}",
                &text[..fix.span.start as usize],
                fix.text,
                &text[fix.span.end as usize..]
            );
            let (_, after) = kube::build(&mended);
            let still = after.iter().any(|x| {
                x.code == d.code && x.span.start == d.span.start && x.message == d.message
            });
            assert!(!still, "{name}: the fix of {d} changes nothing");
        }
    }
}

#[test]
fn every_code_has_a_case() {
    let told: String = cases().into_iter().map(|(_, t)| t).collect();
    let without: Vec<&str> =
        Code::ALL.iter().map(|c| c.name()).filter(|c| !told.contains(&format!(" {c}\n"))).collect();
    assert!(without.is_empty(), "codes without a case: {without:?}");
}

#[test]
fn broken_text_of_any_kind_is_never_a_panic() {
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
        // What was accepted can be started, or says why not.
        if let (true, Err(why)) = (cluster.is_some(), play::Session::new(&text, 1, true)) {
            assert!(why.iter().any(|d| d.severity == Severity::Error), "refused without a word");
        }
    }
}

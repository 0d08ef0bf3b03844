//! kube-proxy's own unit tests, as cases in a folder: the rules it writes, where they send packets,
//! the endpoints it uses, the connections it deletes. The cases are not part of this project; the
//! README in their folder describes the format.
//!
//! `PACKETWALK_KUBE_PROXY_CASES` names the folder. By default it is the one next to the checkout.

mod case;
mod dump;
mod flow;
mod manifest;

use case::{Case, Checked};
use kube::proxy::Release;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn cases_folder() -> PathBuf {
    let named = std::env::vars_os().find(|(k, _)| k == "PACKETWALK_KUBE_PROXY_CASES");
    named.map_or_else(
        || support::root().join("../../shared/conformance/kube-proxy"),
        |(_, v)| v.into(),
    )
}

/// A row of the table: the checks of one case.
struct Row {
    version: String,
    name: String,
    done: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

const COLUMNS: [&str; 8] =
    ["dumps", "restores", "flows", "chains", "asserts", "endpoints", "conntrack", "names"];

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|r| r.name.len()).max().unwrap_or(4);
    let line = |version: &str, name: &str, cells: &dyn Fn(&str) -> String, end: &str| {
        let cells: Vec<_> = COLUMNS.iter().map(|c| format!("{:>9}", cells(c))).collect();
        format!("{version:7}{name:width$} {} {end}\n", cells.join(" "))
    };
    let mut out = line("", "case", &|c| c.to_owned(), "");
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for r in rows {
        let cell = |c: &str| r.done.get(c).map_or_else(|| "·".to_owned(), ToString::to_string);
        out += &line(&r.version, &r.name, &cell, if r.wrong.is_empty() { "pass" } else { "FAIL" });
        for (k, n) in &r.done {
            *sums.entry(k).or_default() += n;
        }
    }
    let failed = rows.iter().filter(|r| !r.wrong.is_empty()).count();
    let end = if failed == 0 { "all pass".to_owned() } else { format!("{failed} FAIL") };
    out + &line(
        "",
        &format!("{} rows", rows.len()),
        &|c| sums.get(c).unwrap_or(&0).to_string(),
        &end,
    )
}

fn json<T: for<'a> Deserialize<'a>>(path: &Path) -> T {
    serde_json::from_str(&support::read(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn kube_proxy_cases() {
    let folder = cases_folder();
    if !folder.is_dir() {
        println!(
            "NOTHING WAS CHECKED: {} is not a folder. Set PACKETWALK_KUBE_PROXY_CASES to the cases.",
            folder.display()
        );
        return;
    }
    let mut rows = Vec::new();
    let mut unread = Vec::new();
    for version in support::folders(&folder) {
        let name = version.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(release) = Release::parse(&name) else {
            unread.push(format!("{name}/ (a release that is not simulated)"));
            continue;
        };
        rows.extend(version_rows(&name, &version, release, &mut unread));
    }
    for (file, check) in [
        ("chain-hashes.json", case::names as fn(&Path) -> Checked),
        ("probability.json", case::probabilities),
    ] {
        let path = folder.join(file);
        if path.exists() {
            rows.push(row("", file, check(&path)));
        }
    }
    assert!(!rows.is_empty(), "{} holds no case", folder.display());
    println!("\n{}", table(&rows));
    if !unread.is_empty() {
        println!("not read: {}", unread.join(", "));
    }
    let wrong: Vec<String> = rows
        .iter()
        .filter(|r| !r.wrong.is_empty())
        .map(|r| format!("== {} {}\n{}", r.version, r.name, r.wrong.join("\n")))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn row(version: &str, name: &str, checked: Checked) -> Row {
    Row {
        version: version.to_owned(),
        name: name.to_owned(),
        done: checked.done,
        wrong: checked.wrong,
    }
}

/// Checks the cases of a version's index, then the files that are not in the index.
fn version_rows(
    version: &str,
    folder: &Path,
    release: Release,
    unread: &mut Vec<String>,
) -> Vec<Row> {
    let index: Vec<Case> = json(&folder.join("index.json"));
    let mut rows = Vec::new();
    let mut before = None;
    for case in &index {
        let (checked, sync) = case.check(folder, release, before.take());
        // A step of a case continues from the preceding one.
        before = sync.map(|s| (case.name.clone(), s));
        rows.push(row(version, &case.name, checked));
    }
    let listed: Vec<&String> = index.iter().flat_map(|c| &c.files).collect();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|d| d.flatten().map(|e| e.path()).collect())
        .unwrap_or_default();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "index.json" || listed.contains(&&name) {
            continue;
        }
        match name.as_str() {
            "categorize-endpoints.json" => {
                rows.push(row(version, "categorize-endpoints", case::endpoints(&path)));
            }
            "conntrack-clean-stale-entries.json" => rows.push(row(
                version,
                "conntrack-clean-stale-entries",
                case::conntrack(&path, release),
            )),
            "conntrack-clean-stale-entries.yaml" => {}
            _ => unread.push(format!("{version}/{name}")),
        }
    }
    rows
}

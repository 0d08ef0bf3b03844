//! What the house asks of itself, checked: dependencies point one way, the pure crates stay pure,
//! no file is too long, every crate's first page says what it must not know.

mod commands;
mod cycles;
mod lines;

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{read, root};

fn checkout() -> PathBuf {
    root().parent().expect("tests has a parent").to_path_buf()
}

/// The files git knows or would take.
fn files() -> Vec<PathBuf> {
    let out = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(checkout())
        .output()
        .expect("git");
    assert!(out.status.success(), "git ls-files: {}", String::from_utf8_lossy(&out.stderr));
    let files: Vec<_> = String::from_utf8_lossy(&out.stdout)
        .lines()
        .map(|l| checkout().join(l))
        .filter(|p| p.is_file())
        .collect();
    assert!(!files.is_empty(), "git lists no file");
    files
}

fn with_ending(endings: &[&str]) -> Vec<PathBuf> {
    files()
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| endings.iter().any(|x| *x == e)))
        .collect()
}

fn metadata() -> Value {
    let out = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(checkout())
        .output()
        .expect("cargo");
    serde_json::from_slice(&out.stdout).expect("JSON of cargo metadata")
}

/// The staircase: each crate sees only those below it.
const STAIRS: &[(&str, &[&str])] = &[
    ("packetwalk-net", &["ipnet"]),
    (
        "packetwalk-kube",
        &["packetwalk-net", "ipnet", "data-encoding", "granit-parser", "miniz_oxide", "sha2"],
    ),
    ("packetwalk-play", &["packetwalk-net", "packetwalk-kube"]),
    (
        "packetwalk-view",
        &[
            "packetwalk-net",
            "packetwalk-kube",
            "packetwalk-play",
            "data-encoding",
            "miniz_oxide",
            "serde_json",
        ],
    ),
];

#[test]
fn dependencies_point_down_the_staircase() {
    let meta = metadata();
    for (name, allowed) in STAIRS {
        let package = meta["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .find(|p| p["name"] == *name)
            .expect("package");
        for d in package["dependencies"].as_array().expect("dependencies") {
            let (dep, kind) = (d["name"].as_str().expect("name"), &d["kind"]);
            assert!(kind == "dev" || allowed.contains(&dep), "{name} must not depend on {dep}");
        }
    }
}

#[test]
fn pure_crates_touch_no_clock_file_thread_network_or_page() {
    let forbidden = [
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "std::thread",
        "std::env",
        "std::process",
        "SystemTime",
        "time::Instant::now",
        "web_sys",
        "js_sys",
        "wasm_bindgen",
        "yew",
    ];
    for file in with_ending(&["rs"]) {
        let text = file.to_string_lossy().into_owned();
        if !["crates/net/src", "crates/kube/src", "crates/play/src", "crates/view/src"]
            .iter()
            .any(|c| text.contains(c))
        {
            continue;
        }
        let code: String = read(&file)
            .lines()
            .filter(|l| !l.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        for word in forbidden {
            assert!(!code.contains(word), "{text} uses {word}");
        }
    }
}

#[test]
fn no_source_file_is_longer_than_eight_hundred_lines() {
    for file in with_ending(&["rs", "css", "mjs", "js"]) {
        let n = read(&file).lines().count();
        assert!(n <= 800, "{} has {n} lines", file.display());
    }
}

#[test]
fn every_crate_says_what_it_must_not_know() {
    for meta in metadata()["packages"].as_array().expect("packages") {
        let manifest = PathBuf::from(meta["manifest_path"].as_str().expect("path"));
        let folder = manifest.parent().expect("folder");
        let page = ["src/lib.rs", "src/main.rs", "support/lib.rs", "lib.rs"]
            .iter()
            .map(|f| folder.join(f))
            .find(|f| f.exists())
            .expect("a first page");
        assert!(
            read(&page).contains("Architecture invariant"),
            "{} says no architecture invariant",
            page.display()
        );
    }
}

#[test]
fn markup_has_no_inline_style_and_no_inline_script() {
    for file in with_ending(&["rs", "html"]) {
        if !(file.starts_with(checkout().join("web")) || file.ends_with("index.html")) {
            continue;
        }
        let text = read(&file);
        for bad in [" style=", "<style", "javascript:", "onclick=\""] {
            assert!(!text.contains(bad), "{} has {bad:?}", file.display());
        }
    }
}

#[test]
fn every_reason_to_drop_is_said_in_both_languages_and_every_name_is_its_own() {
    let names: BTreeSet<_> = net::DropReason::ALL.iter().map(|r| r.name()).collect();
    assert_eq!(names.len(), net::DropReason::ALL.len());
    for r in net::DropReason::ALL {
        let (en, ja) =
            (view::words::reason(*r, view::Lang::En), view::words::reason(*r, view::Lang::Ja));
        assert!(!en.is_empty() && !ja.is_empty() && en != ja, "{r}");
    }
}

#[test]
fn nothing_names_a_path_of_some_machine() {
    for file in with_ending(&["rs", "md", "toml", "mjs", "js", "html", "css", "yaml", "txt"]) {
        let text = read(&file);
        for bad in [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")] {
            assert!(!text.contains(bad), "{} names {bad}", file.display());
        }
    }
    assert!(Path::new(&checkout()).join("LICENSE").exists());
}

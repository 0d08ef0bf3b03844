//! Shared by the tests: files, scenarios, and text comparison with readable failures.
//!
//! **Architecture invariant.** The product does not depend on this crate.
#![forbid(unsafe_code)]

pub mod frames;
pub mod hashes;
pub mod kernel;
pub mod record;
pub mod scenario;
pub mod sessions;

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The `tests` folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a text file.
///
/// # Panics
/// Panics with the path if the file cannot be read.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The folders in a folder, sorted by name.
pub fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path)
        .map(|d| d.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect::<Vec<_>>());
    let mut out = entries.unwrap_or_default();
    out.sort();
    out
}

/// The first lines in which two lists differ, with the lines before them; `None` if they are equal.
pub fn difference(what: &str, expected: &[String], got: &[String]) -> Option<String> {
    let n = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    if n == expected.len() && n == got.len() {
        return None;
    }
    let mut out = format!(
        "{what}: {} lines expected, {} found; they differ from line {}\n",
        expected.len(),
        got.len(),
        n + 1
    );
    for line in &expected[n.saturating_sub(3)..n] {
        let _ = writeln!(out, "    {line}");
    }
    for (sign, lines) in [("-", expected), ("+", got)] {
        for line in lines.iter().skip(n).take(4) {
            let _ = writeln!(out, "  {sign} {line}");
        }
    }
    Some(out)
}

/// The manifests of a shape of Services without what the API server of a minor release refuses.
pub fn shape_for(shape: &str, minor: u8) -> String {
    let mut text = shape.to_owned();
    let mut before = |release: u8, known: &str, instead: &str| {
        if minor < release {
            text = text.replace(known, instead);
        }
    };
    before(29, ", ipMode: Proxy", "");
    before(21, "internalTrafficPolicy: Local, ", "");
    before(21, "discovery.k8s.io/v1\n", "discovery.k8s.io/v1beta1\n");
    before(20, ", serving: true, terminating: true", "");
    if minor < 17 {
        let documents = text.split("---\n").filter(|doc| !doc.contains("kind: EndpointSlice"));
        text = documents.collect::<Vec<_>>().join("---\n");
    }
    text
}

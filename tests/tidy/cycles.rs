//! No two files of a crate refer to each other, but a module and its own parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use support::{read, root};

type Module = Vec<String>;

/// The modules below a `src` folder, with the text of their files.
fn modules(src: &Path, at: &[String], out: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(src).unwrap_or_else(|e| panic!("{}: {e}", src.display())) {
        let path = entry.expect("entry").path();
        let name = path.file_stem().expect("name").to_string_lossy().into_owned();
        let mut module = at.to_vec();
        if path.is_dir() {
            module.push(name);
            modules(&path, &module, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            if !["lib", "main", "mod"].contains(&&*name) {
                module.push(name);
            }
            out.insert(module, code(&read(&path)));
        }
    }
}

/// Without comments, and without white space but single spaces.
fn code(text: &str) -> String {
    let lines = text.lines().map(|l| l.split("//").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Every path of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let (mut depth, mut from) = (0, 0);
    let ends = tree.char_indices().chain([(tree.len(), ',')]);
    let mut parts = Vec::new();
    for (i, c) in ends {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(tree[from..i].trim());
                from = i + 1;
            }
            _ => {}
        }
    }
    for part in parts.into_iter().filter(|p| !p.is_empty()) {
        match part.split_once('{') {
            Some((head, rest)) => {
                let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
                paths(&format!("{prefix}{}", head.trim()), inner, out);
            }
            None => out.push(format!("{prefix}{part}")),
        }
    }
}

/// The modules that a module's code refers to by `crate::`, `super::`, `self::`, or by the name of
/// a module of its own.
fn references(module: &Module, code: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let mut found = Vec::new();
    let mut rest = String::new();
    for (i, piece) in format!(" {code}").split(" use ").enumerate() {
        let (tree, after) =
            if i == 0 { ("", piece) } else { piece.split_once(';').unwrap_or(("", piece)) };
        paths("", tree, &mut found);
        rest.push_str(after);
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = rest.split(|c| !word(c)).map(str::to_owned);
    found.extend(words.filter(|w| w.starts_with("crate::") || w.starts_with("super::")));
    let resolve = |path: &String| {
        let mut at = module.clone();
        for (i, step) in path.split("::").map(str::trim).enumerate() {
            match step {
                "crate" => at.clear(),
                "super" => _ = at.pop(),
                "self" => {}
                _ => {
                    at.push(step.to_owned());
                    if !all.contains_key(&at) {
                        at.pop();
                        return (i > 0).then_some(at);
                    }
                }
            }
        }
        Some(at)
    };
    found.iter().filter_map(resolve).filter(|m| m != module).collect()
}

#[test]
fn no_two_files_refer_to_each_other_but_parent_and_child() {
    let checkout = root().parent().expect("tests has a parent");
    let mut found = String::new();
    for part in [
        "crates/net",
        "crates/kube",
        "crates/play",
        "crates/view",
        "crates/cli",
        "crates/engine",
        "crates/xtask",
        "web",
    ] {
        let mut all = BTreeMap::new();
        modules(&checkout.join(part).join("src"), &[], &mut all);
        assert!(!all.is_empty(), "{part} has no modules");
        let uses: BTreeMap<&Module, BTreeSet<Module>> =
            all.iter().map(|(m, code)| (m, references(m, code, &all))).collect();
        for (a, of_a) in &uses {
            for b in of_a.iter().filter(|b| a < b && uses[b].contains(*a)) {
                let kin = a[..] == b[..b.len() - 1];
                let (a, b) = (a.join("::"), b.join("::"));
                if !kin {
                    found.push_str(&format!("{part}: {a} and {b} refer to each other\n"));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{found}Move what both need into a module below them.");
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let code_of = |text: &str| code(text);
    let all = BTreeMap::from([
        (Vec::new(), String::new()),
        (module("a"), code_of("use crate::{\n    b::{X, Y}, // c\n};")),
        (module("b"), code_of("fn f() -> super::a::Z { crate::c::g() }")),
        (module("c"), code_of("pub use part::Q;\nuse std::fmt;")),
        (module("c::part"), String::new()),
    ]);
    let of = |m: &str| references(&module(m), &all[&module(m)], &all);
    assert_eq!(of("a"), BTreeSet::from([module("b")]));
    assert_eq!(of("b"), BTreeSet::from([module("a"), module("c")]));
    assert_eq!(of("c"), BTreeSet::from([module("c::part")]));
}

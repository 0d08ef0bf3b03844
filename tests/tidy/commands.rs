//! The CI script runs the README's commands, in that order; and no crate has cargo features.

use super::checkout;
use support::read;

#[test]
fn ci_runs_the_first_two_commands_of_the_readme_in_order() {
    let readme = read(&checkout().join("README.md"));
    let block = readme.split("```sh\n").nth(1).expect("the README has commands");
    let block = block.split("```").next().unwrap_or_default();
    let commands: Vec<&str> = block
        .lines()
        .map(|l| l.split('#').next().unwrap_or_default().trim())
        .filter(|l| l.starts_with("cargo xtask"))
        .collect();
    let [first, second, ..] = commands[..] else { panic!("two commands: {commands:?}") };
    let ci = read(&checkout().join(".ci/run"));
    let runs: Vec<&str> = ci.lines().filter(|l| l.contains("cargo xtask")).collect();
    assert_eq!(runs, [&format!("node tests/e2e/first-command.mjs {first}"), second]);
}

#[test]
fn the_product_has_no_cargo_features() {
    for folder in ["crates/net", "crates/kube", "crates/play", "crates/view", "web"] {
        let manifest = read(&checkout().join(folder).join("Cargo.toml"));
        assert!(!manifest.contains("[features]"), "{folder}/Cargo.toml has features");
    }
    for file in super::with_ending(&["rs"]) {
        let text = read(&file);
        let flag = concat!("cfg(fea", "ture");
        assert!(!text.contains(flag), "{} tests a feature", file.display());
        assert!(!text.contains(&flag.replace('(', "!(")), "{} tests a feature", file.display());
    }
}

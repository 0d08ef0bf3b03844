//! Building, serving, testing.

use crate::process::{Result, root, run, say};
use crate::setup::{self, Tools};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Builds the page into dist/.
pub(crate) fn build(t: &Tools) -> Result<()> {
    say("building the page");
    run(t.wasm_command("trunk").args(["build", "--release"]), "trunk build")?;
    say("dist/ is ready: any static host can serve it, from any path");
    Ok(())
}

/// Builds the npm package, and packs it into target/npm.
pub(crate) fn package(t: &Tools) -> Result<()> {
    say("building the npm package");
    let build = [
        "build",
        "--quiet",
        "--package",
        "packetwalk-engine",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        "wasm",
    ];
    run(t.wasm_command("cargo").args(build), "cargo build")?;
    let (root, out) = (root(), root().join("target/npm"));
    let folder = out.join("packetwalk");
    let io = |what: &Path, e: std::io::Error| format!("{}: {e}", what.display());
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(folder.join("schema")).map_err(|e| io(&folder, e))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let wasm = target.join("wasm32-unknown-unknown/wasm/engine.wasm");
    let bindgen = ["--target", "web", "--out-name", "packetwalk", "--out-dir"];
    run(t.command("wasm-bindgen").args(bindgen).arg(&folder).arg(wasm), "wasm-bindgen")?;
    // [Symbol.dispose] does not type-check with the library of older TypeScript versions.
    let types = folder.join("packetwalk.d.ts");
    let text = std::fs::read_to_string(&types).map_err(|e| io(&types, e))?;
    let text: String =
        text.lines().filter(|l| !l.contains("[Symbol.dispose]")).flat_map(|l| [l, "\n"]).collect();
    std::fs::write(&types, text).map_err(|e| io(&types, e))?;
    let bytes = folder.join("packetwalk_bg.wasm");
    run(t.command("node").arg("web/build/prepare.mjs"), "web/build/prepare.mjs")?;
    run(t.command("node").arg("web/build/shrink.mjs").arg(&bytes), "web/build/shrink.mjs")?;
    // Adds the files that are written by hand.
    let npm = root.join("crates/engine/npm");
    let schemas = ["schema/document.schema.json", "schema/trace.schema.json"];
    for file in ["package.json", "README.md", "index.d.ts", "node.js", "browser.js", "example.mjs"]
        .into_iter()
        .chain(schemas)
    {
        std::fs::copy(npm.join(file), folder.join(file)).map_err(|e| io(&npm.join(file), e))?;
    }
    std::fs::copy(root.join("LICENSE"), folder.join("LICENSE")).map_err(|e| io(&folder, e))?;
    run(
        t.command("npm")
            .args(["pack", "--silent", "--pack-destination", ".."])
            .current_dir(&folder),
        "npm pack",
    )?;
    say("target/npm contains the package and its tarball");
    Ok(())
}

/// Builds and serves the page, and rebuilds it when a source changes.
pub(crate) fn serve(t: &Tools) -> Result<()> {
    say("building, then serving on http://127.0.0.1:8080/ (stop with Ctrl-C)");
    run(t.wasm_command("trunk").args(["serve", "--release"]), "trunk serve")
}

/// Runs every test, fast ones first, with a sample of the random sessions.
pub(crate) fn test(t: &Tools, yes: bool) -> Result<()> {
    let cargo = |args: &[&str]| {
        let mut c = t.command("cargo");
        c.args(args);
        c
    };
    step("formatting", || {
        run(cargo(&["fmt", "--all", "--check"]).env("RUSTFMT_LOG", "off"), "cargo fmt --check")
    })?;
    step("native tests", || {
        run(
            &mut cargo(&[
                "test",
                "--workspace",
                "--exclude",
                "packetwalk-web",
                "--exclude",
                "packetwalk-browser-tests",
            ]),
            "cargo test",
        )
    })?;
    step("the running kernel", || kernel(yes, &[]))?;
    step("lints", || {
        let lints = [
            "clippy",
            "--workspace",
            "--exclude",
            "packetwalk-web",
            "--exclude",
            "packetwalk-browser-tests",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        run(&mut cargo(&lints), "cargo clippy")
    })?;
    step("documentation", || {
        let docs = [
            "doc",
            "--workspace",
            "--exclude",
            "packetwalk-web",
            "--exclude",
            "packetwalk-browser-tests",
            "--no-deps",
            "--quiet",
        ];
        run(cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"), "cargo doc")
    })?;
    step("the page", || build(t))?;
    step("the npm package", || package(t))?;
    step("tests in headless Chromium", || {
        let mut c = t.wasm_command("cargo");
        c.args([
            "test",
            "--target",
            "wasm32-unknown-unknown",
            "--package",
            "packetwalk-browser-tests",
        ]);
        c.current_dir(root().join("tests/browser")).env("CHROMEDRIVER", "/usr/bin/chromedriver");
        run(&mut c, "wasm-bindgen-test")
    })?;
    step("whole-page tests", || {
        let mut c = t.command("node");
        c.args(["--test", "--test-concurrency=2"]).args(page_tests()?);
        run(&mut c, "node --test")
    })?;
    say("every test passed");
    Ok(())
}

/// Runs every test, then what takes too long for every change: hundreds of random sessions in the
/// simulator and on the kernel, every state of the page at every size, the benchmarks, a smoke run
/// in Firefox and WebKitGTK, and screenshots for visual review.
pub(crate) fn full(t: &Tools, yes: bool) -> Result<()> {
    test(t, yes)?;
    step("every random session", || {
        let mut c = t.command("cargo");
        c.args(["test", "--release", "--package", "packetwalk-tests", "--", "--nocapture"]);
        run(c.env("PACKETWALK_FULL", "1"), "cargo test")
    })?;
    for seed in ["1", "2"] {
        step(&format!("the running kernel, 300 random sessions from seed {seed}"), || {
            kernel(yes, &["--random", "300", "--seed", seed].map(str::to_owned))
        })?;
    }
    step("every state of the page at every size", || {
        let mut c = t.command("node");
        c.args(["--test", "--test-concurrency=2"]);
        c.args(["legible", "states"].map(|name| format!("tests/e2e/{name}.test.mjs")));
        run(c.env("PACKETWALK_FULL", "1"), "node --test")
    })?;
    setup::browsers(yes)?;
    for script in ["load.mjs", "bench.mjs", "large.mjs", "browsers.mjs", "sheets.mjs"] {
        step(script, || run(t.command("node").arg(format!("tests/e2e/{script}")), script))?;
    }
    say("every test and benchmark has run");
    Ok(())
}

/// The files of the whole-page tests. `node --test` of Node 22 does not accept a folder.
fn page_tests() -> Result<Vec<PathBuf>> {
    let folder = root().join("tests/e2e");
    let files = std::fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .flatten()
        .map(|f| f.path());
    let mut tests: Vec<_> = files.filter(|f| f.to_string_lossy().ends_with(".test.mjs")).collect();
    tests.sort();
    Ok(tests)
}

/// Compares the simulator with the running kernel if this is root on Linux, else with recordings.
pub(crate) fn kernel(yes: bool, args: &[String]) -> Result<()> {
    if !setup::may_ask_kernel() {
        if let Some(arg) = args.iter().find(|a| !matches!(a.as_str(), "-h" | "--help")) {
            return Err(format!(
                "{arg} needs the running kernel, and that needs root on Linux: sudo cargo xtask kernel {}",
                args.join(" ")
            ));
        }
        say("not root on Linux: comparing with recordings instead of the running kernel");
        let mut c = std::process::Command::new("cargo");
        return run(
            c.args(["test", "--package", "packetwalk-tests", "--test", "recordings"])
                .current_dir(root()),
            "cargo test",
        );
    }
    setup::kernel_tools(yes)?;
    let mut c = std::process::Command::new("cargo");
    c.args(["run", "--quiet", "--package", "packetwalk-tests", "--bin", "packetwalk-kernel", "--"])
        .args(args)
        .current_dir(root());
    run(&mut c, "the comparison with the kernel")
}

#[allow(clippy::disallowed_methods, reason = "measures the duration of a build step")]
fn step(what: &str, f: impl FnOnce() -> Result<()>) -> Result<()> {
    say(&format!("== {what}"));
    let start = Instant::now();
    f()?;
    say(&format!("== {what}: {} s", start.elapsed().as_secs()));
    Ok(())
}

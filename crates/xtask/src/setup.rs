//! What is there is found and left alone; what is missing is installed in a pinned version.

use crate::wasm;
use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a step failed, for a person.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Trunk; the version in Trunk.toml.
const TRUNK: &str = "0.21.14";
/// mdBook, for a test: what an author pastes is built into a chapter.
const MDBOOK: &str = "0.4.52";
/// wasm-bindgen; the version in web/Cargo.toml and Trunk.toml.
const WASM_BINDGEN: &str = "0.2.130";

/// The tools, ready to use.
pub(crate) struct Tools {
    /// PATH with the checkout's own tools in front.
    path: OsString,
    /// The rustup toolchain that has the wasm32 standard library, if it is not the default one.
    toolchain: Option<String>,
    /// Whether that toolchain has the sources of its standard library.
    std_sources: bool,
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

impl Tools {
    /// A command that finds the tools. Cargo's own variables for this program stay behind: they
    /// would fix the toolchain.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut c = Command::new(program);
        c.current_dir(root()).env("PATH", &self.path);
        for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC", "RUSTDOC"] {
            c.env_remove(name);
        }
        c
    }

    /// A command that builds for wasm32.
    pub(crate) fn wasm_command(&self, program: &str) -> Command {
        let mut c = self.command(program);
        if let Some(t) = &self.toolchain {
            c.env("RUSTUP_TOOLCHAIN", t);
        }
        c
    }

    /// A command that builds the page. The standard library is built with it, small instead of
    /// fast, and a panic stops at once instead of telling a story: together a tenth of the page.
    /// Without the library's sources the page works as well, and is that much larger.
    pub(crate) fn page_command(&self, program: &str) -> Command {
        let mut c = self.wasm_command(program);
        if self.std_sources {
            // What is asked for here is not stable, and changes nothing but size.
            c.env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                .env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size")
                .env(
                    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                    "-Zunstable-options -Cpanic=immediate-abort",
                );
        }
        c
    }
}

/// Runs a command to its end.
pub(crate) fn run(c: &mut Command, what: &str) -> Result<()> {
    let status = c.status().map_err(|e| {
        format!("{what}: {} could not be started: {e}", c.get_program().to_string_lossy())
    })?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed ({status})")) }
}

/// What a command prints, if it runs and succeeds.
pub(crate) fn output(c: &mut Command) -> Option<String> {
    let out = c.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// Says which step this is.
pub(crate) fn say(step: &str) {
    println!("xtask: {step}");
    let _ = std::io::stdout().flush();
}

/// Asks, once, before system packages are installed.
fn may_install(packages: &[&str], yes: bool) -> Result<()> {
    let list = packages.join(" ");
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(format!(
            "these system packages are needed: {list}\n  run again with --yes to install them with apt-get, or install them yourself"
        ));
    }
    print!("xtask: install these system packages with apt-get? {list} [y/N] ");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(format!("not installed: {list}"))
    }
}

/// Installs Debian packages. Whoever calls has asked.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if output(Command::new("apt-get").arg("--version")).is_none() {
        return Err(format!(
            "this system has no apt-get; install what these Debian packages hold: {}",
            packages.join(" ")
        ));
    }
    // As root there is no sudo to ask.
    let root = output(Command::new("id").arg("-u")).as_deref() == Some("0");
    let apt = |args: &[&str]| {
        let mut c = if root { Command::new("apt-get") } else { Command::new("sudo") };
        if !root {
            c.arg("apt-get");
        }
        c.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        c
    };
    run(apt(&["-q", "update"]).stdout(std::process::Stdio::null()), "apt-get update")?;
    run(
        apt(&["-q", "-y", "install", "--no-install-recommends"])
            .args(packages)
            .stdout(std::process::Stdio::null()),
        "apt-get install",
    )
}

fn first_line(program: &str, arg: &str, path: &OsString) -> Option<String> {
    let text = output(Command::new(program).arg(arg).env("PATH", path))?;
    text.lines().next().map(str::to_owned)
}

/// Everything that building the page needs, and what the tests need besides. One question covers
/// every system package.
pub(crate) fn tools(yes: bool, for_tests: bool) -> Result<Tools> {
    let root = root();
    let own = [root.join("target/tools/bin"), root.join("web/js/node_modules/.bin")];
    let old = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(own.iter().cloned().chain(std::env::split_paths(&old)))
        .map_err(|e| e.to_string())?;
    let node = first_line("node", "--version", &path)
        .and_then(|v| v.trim_start_matches('v').split('.').next()?.parse::<u32>().ok());
    match node {
        Some(20..) => {}
        Some(v) => return Err(format!("Node.js {v} is too old: install version 20 or later")),
        None => return Err("Node.js is missing: install version 20 or later, with npm".to_owned()),
    }
    npm(&root.join("web/js"), "the packages of web/js (editor, fonts, wasm-opt; a few seconds)")?;
    if for_tests {
        npm(
            &root.join("tests/tools"),
            "the packages of tests/tools (generators of pages, readers of what is written; a minute)",
        )?;
    }
    let compiler = wasm::find()?;
    let mut packages = compiler.missing_packages().to_vec();
    if for_tests {
        packages.extend(test_packages());
    }
    if !packages.is_empty() {
        may_install(&packages, yes)?;
        say(&format!("installing {} (a minute or two)", packages.join(", ")));
        apt(&packages)?;
    }
    let toolchain = wasm::finish(compiler)?;
    cargo_tool("wasm-bindgen", "wasm-bindgen-cli", WASM_BINDGEN, &["--force"], &path)?;
    cargo_tool(
        "trunk",
        "trunk",
        TRUNK,
        &["--locked", "--no-default-features", "--features", "rustls"],
        &path,
    )?;
    if for_tests {
        cargo_tool("mdbook", "mdbook", MDBOOK, &["--no-default-features"], &path)?;
    }
    launcher(&root, &old);
    let std_sources = wasm::std_sources(toolchain.as_deref());
    let tools = Tools { path, toolchain, std_sources };
    // Trunk builds offline.
    run(tools.page_command("cargo").args(["fetch", "--quiet", "--locked"]), "cargo fetch")?;
    Ok(tools)
}

/// What a package-lock.json pins.
fn npm(folder: &Path, what: &str) -> Result<()> {
    let file = folder.join("package-lock.json");
    let lock = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let stamp = folder.join("node_modules/.packetwalk-lock");
    if std::fs::read_to_string(&stamp).is_ok_and(|s| s == lock) {
        return Ok(());
    }
    say(&format!("installing {what}"));
    run(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(folder)
            .stdout(std::process::Stdio::null()),
        "npm ci",
    )?;
    std::fs::write(&stamp, lock).map_err(|e| e.to_string())
}

/// A tool that cargo builds. One that is there in another version stays as it is: ours goes beside
/// it, below target/.
fn cargo_tool(
    program: &str,
    package: &str,
    version: &str,
    extra: &[&str],
    path: &OsString,
) -> Result<()> {
    let have = first_line(program, "--version", path);
    if have
        .as_deref()
        .and_then(|v| v.split_whitespace().nth(1))
        .is_some_and(|v| v.trim_start_matches('v') == version)
    {
        return Ok(());
    }
    say(&format!("building {package} {version} (about four minutes on two cores)"));
    let mut c = Command::new("cargo");
    c.args(["install", "--quiet", &format!("{package}@{version}")]).args(extra);
    // The tool is used a few times a day: built fast, not to be fast.
    for (key, value) in
        [("LTO", "false"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "0"), ("DEBUG", "0")]
    {
        c.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
    }
    c.env("CARGO_TARGET_DIR", root().join("target/tools-build"));
    if have.is_some() {
        c.arg("--root").arg(root().join("target/tools"));
    }
    run(&mut c, &format!("cargo install {package}"))
}

/// So that plain `trunk` finds wasm-opt too, if there is none: a launcher beside trunk itself.
fn launcher(root: &Path, path: &OsString) {
    if first_line("wasm-opt", "--version", path).is_some() {
        return;
    }
    let home = std::env::split_paths(path).find(|p| p.join("cargo").is_file());
    let Some(file) = home.map(|h| h.join("wasm-opt")) else { return };
    let script = format!(
        "#!/bin/sh\nexec node '{}' \"$@\"\n",
        root.join("web/js/node_modules/binaryen/bin/wasm-opt").display()
    );
    if std::fs::write(&file, script).is_ok() {
        let _ = Command::new("chmod").arg("+x").arg(&file).status();
        say(&format!("wrote {}, for plain trunk", file.display()));
    }
}

/// Whether this is root on Linux, who may make namespaces.
pub(crate) fn may_ask_kernel() -> bool {
    cfg!(target_os = "linux") && output(Command::new("id").arg("-u")).as_deref() == Some("0")
}

/// What a lab on the real kernel is built with.
pub(crate) fn kernel_tools(yes: bool) -> Result<()> {
    let wanted = [
        ("ip", "iproute2"),
        ("bridge", "iproute2"),
        ("iptables", "iptables"),
        ("conntrack", "conntrack"),
        ("sysctl", "procps"),
        ("unshare", "util-linux"),
        ("setpriv", "util-linux"),
        ("taskset", "util-linux"),
        ("python3", "python3"),
    ];
    let there = |program: &str| {
        output(Command::new("sh").args(["-c", &format!("command -v {program}")])).is_some()
    };
    let mut missing: Vec<_> = wanted
        .into_iter()
        .filter(|(program, _)| !there(program))
        .map(|(_, package)| package)
        .collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    may_install(&missing, yes)?;
    apt(&missing)
}

/// The system packages the tests need and that are not there: a browser with its driver, tshark, a
/// generator of pages, a Japanese font.
fn test_packages() -> Vec<&'static str> {
    let wanted = [
        ("/usr/bin/chromium", "chromium"),
        ("/usr/bin/chromedriver", "chromium-driver"),
        ("/usr/bin/tshark", "tshark"),
        ("/usr/bin/hugo", "hugo"),
        ("/usr/share/fonts/opentype/noto", "fonts-noto-cjk"),
    ];
    wanted
        .into_iter()
        .filter(|(path, _)| !Path::new(path).exists())
        .map(|(_, package)| package)
        .collect()
}

//! Finds the tools that a checkout needs and installs those that are missing, in pinned versions.
//!
//! Tools that cargo builds go into the user's cache folder, one folder per version, and are shared
//! by every checkout. Nothing is written into cargo's bin folder.

use crate::process::{Result, apt, is_root, output, root, run, say};
use crate::wasm;
use std::ffi::OsString;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Trunk; the version in Trunk.toml.
const TRUNK: &str = "0.21.14";
/// mdBook, for the test that builds a snippet into a book.
const MDBOOK: &str = "0.4.52";
/// wasm-bindgen; the version in web/Cargo.toml and Trunk.toml.
const WASM_BINDGEN: &str = "0.2.130";

/// The tools, ready to use.
pub(crate) struct Tools {
    /// PATH with the pinned tools in front.
    path: OsString,
    /// The rustup toolchain that has the wasm32 standard library, if it is not the default one.
    toolchain: Option<String>,
}

impl Tools {
    /// A command that finds the tools. Variables that cargo sets for this program are removed: they
    /// would fix the toolchain of the command.
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
}

/// Asks, once, before system packages are installed.
fn may_install(packages: &[&str], yes: bool) -> Result<()> {
    let list = packages.join(" ");
    // Without a terminal to ask on, only root installs packages.
    if yes || (!std::io::stdin().is_terminal() && is_root()) {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(format!(
            "these system packages are missing: {list}\n  \
             run again with --yes to install them with apt-get, or install them yourself"
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

/// The folder that keeps the tools between runs: `packetwalk` in the user's cache folder.
fn cache() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let home = || set("HOME").or_else(|| set("USERPROFILE"));
    let folder = if cfg!(target_os = "macos") {
        home().map(|h| h.join("Library/Caches"))
    } else if cfg!(windows) {
        set("LOCALAPPDATA")
    } else {
        set("XDG_CACHE_HOME").or_else(|| home().map(|h| h.join(".cache")))
    };
    Ok(folder
        .ok_or("neither HOME nor a cache folder is set in the environment")?
        .join("packetwalk"))
}

/// Installs what building the page needs and, with `for_tests`, what the tests need. The user is
/// asked once for all system packages.
pub(crate) fn tools(yes: bool, for_tests: bool) -> Result<Tools> {
    let node = output(Command::new("node").arg("--version"));
    match node.and_then(|v| v.trim_start_matches('v').split('.').next()?.parse::<u32>().ok()) {
        Some(20..) => {}
        Some(v) => return Err(format!("Node.js {v} is too old: install version 20 or later")),
        None => {
            return Err("Node.js is missing: install version 20 or later, with npm".to_owned());
        }
    }
    if for_tests {
        npm(&root().join("tests/tools"))?;
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
    let cache = cache()?;
    let trunk = ["--locked", "--no-default-features", "--features", "rustls"];
    let mut folders = vec![
        cargo_tool(&cache, "wasm-bindgen-cli", WASM_BINDGEN, &[])?,
        cargo_tool(&cache, "trunk", TRUNK, &trunk)?,
    ];
    offer_to_trunk(&folders[0]);
    if for_tests {
        folders.push(cargo_tool(&cache, "mdbook", MDBOOK, &["--no-default-features"])?);
    }
    let old = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&old)));
    Ok(Tools { path: path.map_err(|e| e.to_string())?, toolchain })
}

/// Installs the npm packages of the tests, as the lock file pins them.
fn npm(folder: &Path) -> Result<()> {
    let file = folder.join("package-lock.json");
    let lock = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let stamp = folder.join("node_modules/.stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|s| s == lock) {
        return Ok(());
    }
    say("installing the npm packages of tests/tools (a minute)");
    let mut c = Command::new("npm");
    c.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder).stdout(Stdio::null());
    run(&mut c, "npm ci")?;
    std::fs::write(&stamp, lock).map_err(|e| e.to_string())
}

/// Builds a tool with cargo, unless this version is in the cache. Returns the folder of its
/// programs.
fn cargo_tool(cache: &Path, package: &str, version: &str, options: &[&str]) -> Result<PathBuf> {
    let folder = cache.join(format!("{package}-{version}"));
    // cargo creates this file as a lock when it begins, and names the package in it when all
    // programs are there. So an installation that was ended early, or still runs, is not taken as
    // complete.
    let installed = std::fs::read_to_string(folder.join(".crates2.json"));
    if !installed.is_ok_and(|list| list.contains(package)) {
        say(&format!(
            "building {package} {version} into {} (about four minutes on two cores)",
            folder.display()
        ));
        let mut c = Command::new("cargo");
        c.args(["install", "--quiet", &format!("{package}@{version}"), "--root"]).arg(&folder);
        c.args(options).env("CARGO_TARGET_DIR", cache.join("build"));
        // The tool runs a few times a day: its build time matters more than its speed.
        for (key, value) in
            [("LTO", "false"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "0"), ("DEBUG", "0")]
        {
            c.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        run(&mut c, &format!("cargo install {package}"))?;
    }
    Ok(folder.join("bin"))
}

/// Links wasm-bindgen into Trunk's own cache, so that plain `trunk serve` finds it without PATH and
/// without a download. If that fails, Trunk downloads it.
#[cfg(unix)]
fn offer_to_trunk(bin: &Path) {
    let Some(folder) = cache().ok().and_then(|c| c.parent().map(Path::to_path_buf)) else { return };
    let trunk = folder.join(if cfg!(target_os = "macos") { "dev.trunkrs.trunk" } else { "trunk" });
    let _ = std::fs::create_dir_all(&trunk);
    let _ = std::os::unix::fs::symlink(bin, trunk.join(format!("wasm-bindgen-{WASM_BINDGEN}")));
}

/// Does nothing where symbolic links need privileges; Trunk then downloads wasm-bindgen.
#[cfg(not(unix))]
fn offer_to_trunk(_: &Path) {}

/// Whether this is root on Linux, which may create network namespaces.
pub(crate) fn may_ask_kernel() -> bool {
    cfg!(target_os = "linux") && is_root()
}

/// Installs the programs that a lab on the running kernel needs.
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
    install(&missing, yes)
}

/// Installs the other browsers of the smoke run.
pub(crate) fn browsers(yes: bool) -> Result<()> {
    let wanted = [
        ("/usr/bin/firefox-esr", "firefox-esr"),
        ("/usr/bin/WebKitWebDriver", "webkit2gtk-driver"),
        ("/usr/bin/xvfb-run", "xvfb"),
        ("/usr/bin/xauth", "xauth"),
    ];
    install(&missing(&wanted), yes)
}

fn install(packages: &[&str], yes: bool) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    may_install(packages, yes)?;
    apt(packages)
}

/// The missing system packages of the tests: a browser with its driver, tshark, a site generator, a
/// Japanese font.
fn test_packages() -> Vec<&'static str> {
    missing(&[
        ("/usr/bin/chromium", "chromium"),
        ("/usr/bin/chromedriver", "chromium-driver"),
        ("/usr/bin/tshark", "tshark"),
        ("/usr/bin/hugo", "hugo"),
        ("/usr/share/fonts/opentype/noto", "fonts-noto-cjk"),
    ])
}

/// The packages of the files that do not exist.
fn missing(wanted: &[(&str, &'static str)]) -> Vec<&'static str> {
    let absent = wanted.iter().filter(|(path, _)| !Path::new(path).exists());
    absent.map(|(_, package)| *package).collect()
}

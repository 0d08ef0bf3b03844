//! Provides the standard library for wasm32: rustup's, if it is installed or can be fetched, else
//! one built from Debian's sources for Debian's compiler.

use crate::process::{Result, apt, output, root, run, say};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "wasm32-unknown-unknown";
/// The name of Debian's compiler as a rustup toolchain.
const DEBIAN: &str = "debian";
/// How long rustup may take to fetch the library before this counts as a failure.
const FETCH: Duration = Duration::from_secs(180);

fn has_std(sysroot: &Path) -> bool {
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    std::fs::read_dir(lib)
        .is_ok_and(|d| d.flatten().any(|f| f.file_name().to_string_lossy().starts_with("libstd-")))
}

fn default_sysroot() -> Option<PathBuf> {
    let mut c = Command::new("rustc");
    c.args(["--print", "sysroot"]).env_remove("RUSTUP_TOOLCHAIN").current_dir(root());
    output(&mut c).map(PathBuf::from)
}

/// The compiler whose wasm32 standard library is used.
pub(crate) enum Compiler {
    /// The default toolchain has it.
    Default,
    /// Debian's compiler, set up.
    Debian,
    /// Debian's compiler, which has to be set up.
    DebianMissing,
}

impl Compiler {
    /// The system packages to install for it.
    pub(crate) fn missing_packages(&self) -> &'static [&'static str] {
        match self {
            Self::Default | Self::Debian => &[],
            // lld follows later, in the LLVM version that this compiler reports.
            Self::DebianMissing => &[
                "rustc-web",
                "cargo-web",
                "rust-web-src",
                "rust-web-llvm",
                "rust-web-clippy",
                "rustfmt-web",
            ],
        }
    }
}

/// Finds the standard library for wasm32, or fetches it with rustup if possible.
pub(crate) fn find() -> Result<Compiler> {
    if default_sysroot().is_some_and(|s| has_std(&s)) {
        return Ok(Compiler::Default);
    }
    if has_std(Path::new("/usr")) && linked() && has_lld() {
        return Ok(Compiler::Debian);
    }
    let has_rustup = output(Command::new("rustup").arg("--version")).is_some();
    let told_not_to = std::env::vars().any(|(k, v)| k == "RUSTUP_AUTO_INSTALL" && v == "0");
    if has_rustup && !told_not_to {
        say("fetching the wasm32 standard library with rustup");
        if rustup(&["target", "add", TARGET]) {
            return Ok(Compiler::Default);
        }
        say("rustup could not fetch it");
    }
    if output(Command::new("apt-get").arg("--version")).is_none() || !has_rustup {
        return Err(format!(
            "the wasm32 standard library is missing: run `rustup target add {TARGET}`"
        ));
    }
    Ok(Compiler::DebianMissing)
}

/// Sets up what is missing; the system packages are installed already. Returns the rustup toolchain
/// that builds for wasm32, if it is not the default one.
pub(crate) fn finish(compiler: Compiler) -> Result<Option<String>> {
    match compiler {
        Compiler::Default => return Ok(None),
        Compiler::Debian => {}
        Compiler::DebianMissing => debian()?,
    }
    Ok(Some(DEBIAN.to_owned()))
}

/// Runs rustup for at most [`FETCH`]. Returns whether it succeeded.
fn rustup(args: &[&str]) -> bool {
    let Ok(mut child) = Command::new("rustup")
        .args(args)
        .env_remove("RUSTUP_TOOLCHAIN")
        .current_dir(root())
        .spawn()
    else {
        return false;
    };
    let mut waited = Duration::ZERO;
    let step = Duration::from_millis(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if waited < FETCH => {
                std::thread::sleep(step);
                waited += step;
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

fn linked() -> bool {
    output(Command::new("rustup").args(["toolchain", "list"]))
        .is_some_and(|l| l.lines().any(|t| t.split_whitespace().next() == Some(DEBIAN)))
}

/// Whether the linker that Debian's compiler calls is installed.
fn has_lld() -> bool {
    Command::new("rust-lld")
        .args(["-flavor", "wasm", "--version"])
        .output()
        .is_ok_and(|o| o.status.success())
}

/// Sets up Debian's compiler: installs its linker, builds the standard library from Debian's
/// sources, and registers it with rustup.
fn debian() -> Result<()> {
    let version = output(Command::new("/usr/bin/rustc").arg("-vV")).unwrap_or_default();
    let llvm = version
        .lines()
        .find_map(|l| l.strip_prefix("LLVM version: ")?.split('.').next().map(str::to_owned));
    let llvm = llvm.ok_or("/usr/bin/rustc does not report its LLVM version")?;
    if !has_lld() {
        apt(&[&format!("lld-{llvm}")])?;
    }
    if !has_std(Path::new("/usr")) {
        say("building the wasm32 standard library from Debian's sources (about two minutes)");
        build_std()?;
    }
    if !linked() {
        run(
            Command::new("rustup").args(["toolchain", "link", DEBIAN, "/usr"]),
            "rustup toolchain link",
        )?;
    }
    Ok(())
}

fn build_std() -> Result<()> {
    let dir = root().join("target/wasm-std");
    let write = |path: PathBuf, text: &str| {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, text))
            .map_err(|e| format!("{}: {e}", path.display()))
    };
    write(
        dir.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
    )?;
    write(dir.join("src/lib.rs"), "")?;
    let mut c = Command::new("/usr/bin/cargo");
    c.current_dir(&dir)
        .args([
            "build",
            "--quiet",
            "--release",
            "--target",
            TARGET,
            "-Z",
            "build-std=std,panic_abort,proc_macro,test",
        ])
        // Link-time optimization needs bitcode.
        .env("RUSTFLAGS", "-C embed-bitcode=yes")
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN");
    run(&mut c, "building the standard library")?;
    let to = Path::new("/usr/lib/rustlib").join(TARGET).join("lib");
    std::fs::create_dir_all(&to)
        .map_err(|e| format!("{}: {e}; run this once as root", to.display()))?;
    let from = dir.join("target").join(TARGET).join("release/deps");
    for file in std::fs::read_dir(&from).map_err(|e| e.to_string())?.flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libempty") {
            std::fs::copy(file.path(), to.join(&name)).map_err(|e| e.to_string())?;
        }
    }
    Ok(())
}

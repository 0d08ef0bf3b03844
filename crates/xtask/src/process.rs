//! Running programs, and the messages around them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The error is a message for the user.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// The root folder of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Runs a command to its end.
pub(crate) fn run(c: &mut Command, what: &str) -> Result<()> {
    let status = c.status().map_err(|e| {
        format!("{what}: {} could not be started: {e}", c.get_program().to_string_lossy())
    })?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed ({status})")) }
}

/// The standard output of a command, if it succeeds.
pub(crate) fn output(c: &mut Command) -> Option<String> {
    let out = c.output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// Prints the current step.
pub(crate) fn say(step: &str) {
    println!("xtask: {step}");
    let _ = std::io::stdout().flush();
}

/// Whether the user is root.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).as_deref() == Some("0")
}

/// Installs Debian packages. The caller must have asked the user.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if output(Command::new("apt-get").arg("--version")).is_none() {
        return Err(format!(
            "this system has no apt-get; install the equivalents of these Debian packages: {}",
            packages.join(" ")
        ));
    }
    let apt = |args: &[&str]| {
        let mut c = Command::new(if is_root() { "apt-get" } else { "sudo" });
        if !is_root() {
            c.arg("apt-get");
        }
        c.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        c
    };
    run(apt(&["-q", "update"]).stdout(Stdio::null()), "apt-get update")?;
    run(
        apt(&["-q", "-y", "install", "--no-install-recommends"])
            .args(packages)
            .stdout(Stdio::null()),
        "apt-get install",
    )
}

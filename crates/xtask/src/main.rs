//! `cargo xtask`: set-up, build and test of a checkout. Every command installs the tools it needs.
//! `cargo xtask --help` lists the commands.
//!
//! **Architecture invariant.** The product does not depend on this crate. It uses the standard
//! library only, so that it builds in seconds.
#![forbid(unsafe_code)]

mod process;
mod run;
mod setup;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask [serve|build|package|test|full|kernel|setup] [--yes]

  serve    build the page and serve it on http://127.0.0.1:8080/
  build    build the page into dist/; any static host can serve it, from any path
  package  build the npm package into target/npm
  test     run every test
  full     run every test, then what takes hours: hundreds of random sessions, also on the
           running kernel, the page at every size and in other browsers, the benchmarks, and
           screenshots into target/screenshots
  kernel   as root on Linux, compare the simulator with the running kernel, in network
           namespaces of its own; otherwise with recordings. kernel --help lists its options
  setup    install the tools that serve and build need

Every command first installs the tools that it needs.

  --yes    install system packages without asking; CI=true in the environment does the same";

fn main() -> ExitCode {
    let mut command = None;
    let mut yes = std::env::vars().any(|(k, v)| k == "CI" && v == "true");
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--yes" | "-y" => yes = true,
            "-h" | "--help" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            // The remaining arguments are for the program that compares.
            "kernel" if command.is_none() => {
                let rest: Vec<_> = args.filter(|a| !matches!(a.as_str(), "--yes" | "-y")).collect();
                return ended(run::kernel(yes, &rest));
            }
            word if command.is_none() && !word.starts_with('-') => command = Some(word.to_owned()),
            other => {
                eprintln!("unknown argument {other:?}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let done = match command.as_deref() {
        Some("serve") => setup::tools(yes, false).and_then(|t| run::serve(&t)),
        Some("build") => setup::tools(yes, false).and_then(|t| run::build(&t)),
        Some("package") => setup::tools(yes, false).and_then(|t| run::package(&t)),
        Some("test") => setup::tools(yes, true).and_then(|t| run::test(&t, yes)),
        Some("full") => setup::tools(yes, true).and_then(|t| run::full(&t, yes)),
        Some("setup") => setup::tools(yes, false).map(|_| ()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    ended(done)
}

fn ended(done: process::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nxtask: {why}");
            ExitCode::FAILURE
        }
    }
}

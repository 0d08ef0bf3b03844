//! `cargo xtask`: everything a checkout needs, in one word.
//!
//! ```text
//! serve   set up, build, and serve the page on 127.0.0.1
//! build   set up, and leave dist/, which any static host serves from any path
//! package set up, and leave the npm package of the engine in target/npm
//! test    set up the test tools too, and run every test
//! full    test, then the full counts: random sessions, the kernel, benchmarks, pictures
//! kernel  compare with the kernel this runs on (root), or else with the recordings of one
//! setup   only set up
//! ```
//!
//! **Architecture invariant.** Nothing of the product depends on this. It uses the standard library
//! only, so that it is built in seconds.
#![forbid(unsafe_code)]

mod run;
mod setup;
mod wasm;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask [serve|build|package|test|full|kernel|setup] [--yes]

  serve   set up, build, and serve the page on 127.0.0.1:8080
  build   set up, and leave dist/, which any static host serves from any path
  package set up, and leave the npm package of the engine in target/npm
  test    set up the test tools too, and run every test
  full    test, then hundreds of random sessions here and on the kernel, benchmarks, and
          screenshots of the page in target/screenshots
  kernel  compare with the kernel this runs on, as root in namespaces of its own; not as root,
          with the recordings of one. kernel --help says what it takes
  setup   only set up what serve and build need

  --yes   install system packages without asking (so does CI=true)";

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
            // What follows is for another program.
            "kernel" if command.is_none() => {
                let rest: Vec<_> = args.filter(|a| !matches!(a.as_str(), "--yes" | "-y")).collect();
                return ended(run::kernel(yes, &rest));
            }
            word if command.is_none() && !word.starts_with('-') => command = Some(word.to_owned()),
            other => {
                eprintln!("{other:?} is not understood\n\n{USAGE}");
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

fn ended(done: setup::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nxtask: {why}");
            ExitCode::FAILURE
        }
    }
}

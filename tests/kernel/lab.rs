//! The lab script as a shell reads it, without root and without a namespace: it is one bash accepts,
//! the same each time, and nothing of the user's in it is run.

use play::script::Script;
use play::{Session, lab};
use std::io::Write;
use std::process::{Command, Stdio};
use support::scenario::{ALL, Scenario};

/// What no shell may make; named in `hostile.yaml`.
const TRAP: &str = "/tmp/packetwalk-was-here";

/// Gives a text to bash, and fails with what it says.
fn bash(what: &str, args: &[&str], text: &str) {
    let mut child = Command::new("bash").args(args).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash");
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("bash reads");
    let out = child.wait_with_output().expect("bash ends");
    assert!(out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stderr));
}

fn hostile() -> String {
    let document = include_str!("live/hostile.yaml");
    let script = Script::read(document).0.expect("a Script");
    let (session, done) = script.play(document).expect("it plays");
    lab::script(&session, &done).expect("a lab")
}

#[test]
fn bash_accepts_the_lab_of_every_scenario() {
    for s in ALL {
        let (document, script) = Scenario::parse(s.name, s.scenario).script(s.name, s.manifests);
        let (session, done) = script.play(&document).unwrap_or_else(|_| panic!("{} plays", s.name));
        let text = lab::script(&session, &done).expect("a lab");
        assert_eq!(text, lab::script(&session, &done).expect("a lab"), "{}: the same each time", s.name);
        bash(s.name, &["-n"], &text);
    }
    bash("hostile names", &["-n"], &hostile());
}

/// Runs what the script is made of from the session, with every command it calls replaced by nothing.
#[test]
fn nothing_of_the_users_is_run() {
    let text = hostile();
    assert!(text.matches(TRAP).count() > 5, "the script says nothing of what is tried");
    let from = text.find("NETNS=(").expect("the session's part");
    let to = text.rfind("build\nexport LAB_AGENT").expect("the end of the session's part");
    let stubs = "set -eu; ip() { :; }; settle() { :; }; sysctls() { :; }; batch() { cat >/dev/null; }; rules() { cat >/dev/null; }\n";
    bash("the session's part", &["-s"], &format!("{stubs}{}\nbuild; agent >/dev/null; plan >/dev/null\n", &text[from..to]));
    assert!(!std::path::Path::new(TRAP).exists(), "a name was run: {TRAP} is there");
}

#[test]
fn a_session_that_no_script_can_build_says_why() {
    let document = play::presets::Preset::named("article-nodeport").expect("preset").document().replace("name: ens192", "name: \"-a b\"");
    if let Ok(session) = Session::new(&document, 1, false) {
        let error = lab::script(&session, &[]).expect_err("such a device");
        assert!(error.to_string().contains("-a b"), "{error}");
    }
}

//! The command line as a user types it: what is played before a command, several documents, and
//! what is wrong with files that cannot be read.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const CLUSTER: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
";

const SCRIPT: &str = "---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  seed: 5
  start: cold
  steps:
  - send: {from: client, to: \"worker-1:30080\"}
  - {on: worker-1, run: ip route add 10.9.9.0/24 via 192.168.1.1}
";

/// A folder for the files of one test; removed at the end.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a command printed, and its exit status.
struct Printed {
    out: String,
    err: String,
    status: i32,
}

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("packetwalk-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        let folder = Self(path);
        folder.write("cluster.yaml", CLUSTER);
        folder.write("script.yaml", format!("{CLUSTER}{SCRIPT}"));
        folder
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    }

    /// Runs a command, whose words are separated by spaces, with a text as its standard input.
    fn fed(&self, command: &str, input: &str) -> Printed {
        let mut child = Command::new(env!("CARGO_BIN_EXE_packetwalk"))
            .args(command.split(' '))
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("written");
        let done = child.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let status = done.status.code().unwrap_or(-1);
        Printed { out: text(&done.stdout), err: text(&done.stderr), status }
    }

    fn run(&self, command: &str) -> Printed {
        self.fed(command, "")
    }
}

#[test]
fn the_script_of_a_file_is_played_before_a_command() {
    let f = Folder::new("first");
    let out = f.run("exec script.yaml worker-1 -- ip r").out;
    assert!(out.contains("10.9.9.0/24 via 192.168.1.1"), "{out}");
    let out = f.fed("shell script.yaml", "worker-1$ ip r\nworker-1$ conntrack -L\n").out;
    assert!(out.contains("10.9.9.0/24") && out.contains("dport=30080"), "{out}");

    // A request at the end of the session: the Script has sent one, and filled the neighbours.
    let request = "--from client --to worker-1:30080 --format text";
    let alone = f.run(&format!("trace cluster.yaml {request} --cold")).out;
    let last = f.run(&format!("trace script.yaml {request}")).out;
    assert!(alone.trim_start().starts_with("0 0.000000") && alone.contains("neighbour-awaited"));
    assert!(!last.trim_start().starts_with("0 ") && !last.contains("neighbour-awaited"), "{last}");
    // The numbers of events are those of the picture.
    let first = last.split_whitespace().next().expect("a number");
    let svg = f.run(&format!("svg script.yaml --from client --to worker-1:30080 --at {first}"));
    assert!(svg.out.contains("client connects to"), "{}", svg.err);
    // The page and the lab play the same steps.
    let link = f.run("link script.yaml --from client --to worker-1:30080").out;
    let file = f.fed("open -", &link).out;
    assert_eq!(file.matches("- send:").count(), 2, "{file}");
}

#[test]
fn without_a_request_the_script_is_traced() {
    let f = Folder::new("script");
    for format in ["hops", "text", "json"] {
        let [run, trace] =
            ["run", "trace"].map(|c| f.run(&format!("{c} script.yaml --format {format}")));
        assert_eq!((run.out, run.status), (trace.out, trace.status));
    }
    assert_eq!(f.run("trace script.yaml --pcap out.pcapng").status, 0);
    assert!(f.0.join("out.pcapng").exists());
    let none = f.run("trace cluster.yaml");
    assert!(none.err.starts_with("cluster.yaml: no Script") && none.status == 2, "{}", none.err);
    for option in ["--to client", "--sport 7", "--outcomes", "--endpoint 10.244.1.2"] {
        let wrong = f.run(&format!("trace script.yaml {option}"));
        assert!(wrong.err.contains("--from") && wrong.status == 2, "{}", wrong.err);
    }
}

#[test]
fn options_replace_the_seed_and_the_start_of_the_script() {
    let f = Folder::new("chance");
    let seed = |command: &str| {
        let value: serde_json::Value = serde_json::from_str(&f.run(command).out).expect("JSON");
        value["seed"].as_u64().expect("a seed")
    };
    assert_eq!(seed("run script.yaml --format json"), 5);
    assert_eq!(seed("run script.yaml --format json --seed 6"), 6);
    assert_eq!(seed("trace script.yaml --format json --from client --to svc/web --seed 6"), 6);
    assert_eq!(seed("trace cluster.yaml --format json --from client --to svc/web"), 0);
    let link = f.run("link script.yaml --seed 6").out;
    assert!(f.fed("open -", &link).out.contains("seed: 6"));
    assert!(f.fed("lab - --cold", CLUSTER).out != f.fed("lab -", CLUSTER).out);
}

#[test]
fn a_step_that_is_not_done_is_named_before_a_command() {
    let f = Folder::new("undone");
    let step = "  - {at: {probe: 1, marker: dropped}, packet: drop}\n";
    f.write("undone.yaml", format!("{CLUSTER}{SCRIPT}{step}"));
    let out = f.run("exec undone.yaml worker-1 -- hostname");
    assert_eq!((out.out.as_str(), out.status), ("worker-1\n", 0));
    assert!(
        out.err.starts_with("undone.yaml:23:5: warning: spec.steps[2]: not done"),
        "{}",
        out.err
    );
}

#[test]
fn several_documents_are_json_lines_with_their_names() {
    let f = Folder::new("json");
    f.write("folder/a.yaml", format!("{CLUSTER}{SCRIPT}"));
    f.write("folder/b.yaml", "kind: [");
    for (command, names) in [
        ("run folder script.yaml --format json", &["folder/a.yaml", "script.yaml"][..]),
        ("trace folder --format json", &["folder/a.yaml"][..]),
        (
            "trace - cluster.yaml --from client --to svc/web --format json",
            &["-", "cluster.yaml"][..],
        ),
    ] {
        let done = f.fed(command, CLUSTER);
        let read = |line| serde_json::from_str::<serde_json::Value>(line).expect("one JSON value");
        let files: Vec<_> = done.out.lines().map(|l| read(l)["file"].clone()).collect();
        assert_eq!(files, names, "{command}");
        assert_eq!(done.err.contains("folder/b.yaml:1:7: error"), command.contains("folder"));
    }
    // Other formats have headings.
    let text = f.run("run folder script.yaml");
    let headings: Vec<_> = text.out.lines().filter(|l| l.starts_with("== ")).collect();
    assert_eq!(headings, ["== folder/a.yaml", "== folder/b.yaml", "== script.yaml"]);
    assert_eq!(text.status, 1);
}

/// A file that is not in order does not keep the others from being read.
#[test]
fn every_file_is_checked_and_each_message_names_its_file() {
    let f = Folder::new("check");
    f.write("broken.yaml", "kind: [");
    f.write("latin.yaml", b"apiVersion: v1\nkind: Caf\xe9\n");
    f.write("empty.yaml", "");
    f.write("bom.yaml", format!("\u{feff}{CLUSTER}"));
    f.write("crlf.yaml", "apiVersion: v1\r\nkind: Servic\r\nmetadata: {name: a}\r\n");
    std::fs::create_dir(f.0.join("nothing")).expect("a folder");
    let files =
        "nope.yaml broken.yaml latin.yaml empty.yaml bom.yaml nothing crlf.yaml script.yaml";
    let done = f.run(&format!("check {files}"));
    assert_eq!(done.status, 2);
    let firsts: Vec<_> = done.out.lines().filter(|l| !l.starts_with(' ')).collect();
    assert_eq!(firsts.len(), 2, "{}", done.out);
    assert!(firsts[0].starts_with("broken.yaml:1:7: error"), "{}", firsts[0]);
    assert!(firsts[1].starts_with("crlf.yaml:2:7: error"), "{}", firsts[1]);
    let errors: Vec<_> = done.err.lines().collect();
    assert!(errors[0].starts_with("nope.yaml: "), "{}", done.err);
    assert_eq!(
        errors[1..],
        [
            "latin.yaml:2:10: not UTF-8: save the file as UTF-8 text",
            "nothing: a folder without *.yaml, *.yml and *.json files"
        ]
    );
    assert_eq!(f.run("check broken.yaml script.yaml").status, 1);
    assert_eq!(f.run("check empty.yaml script.yaml").status, 0);
    let twice = f.run("check - -");
    assert!(twice.err.contains("once") && twice.status == 2, "{}", twice.err);
}

#[test]
fn a_message_says_what_to_type() {
    let f = Folder::new("messages");
    f.write("folder/a.yaml", CLUSTER);
    for (command, message) in [
        ("exec folder worker-1 -- hostname", "folder: a folder; name one document, such as "),
        ("exec cluster.yaml nobody -- hostname", "cluster.yaml: no node, host or pod is named"),
        ("exec article-nodeport node01 -- hostname", "article-nodeport: "),
        ("svg cluster.yaml --at 3", "cluster.yaml: --at 3: no packet was sent; add --from"),
        ("svg cluster.yaml --from nobody --to client", "cluster.yaml: no node, host or pod"),
        ("trace cluster.yaml --from client --to svc/x", "cluster.yaml: no Service \"x\""),
        ("shell -", "-: standard input has the commands; write "),
        ("run cluster.yaml", "cluster.yaml: no Script to play: add "),
        ("open cluster.yaml", "\"cluster.yaml\": not a link to the page; copy "),
    ] {
        let done = f.run(command);
        assert!(done.err.starts_with(message) && done.status == 2, "{command}: {}", done.err);
        assert_eq!(done.out, "", "{command}");
    }
    let preset = f.run("exec article-nodeport node01 -- hostname").err;
    assert!(preset.contains("preset:article-nodeport"), "{preset}");
}

#[test]
fn of_several_documents_run_plays_those_that_have_a_script() {
    let f = Folder::new("some-scripts");
    let scripted = std::fs::read_to_string(f.0.join("script.yaml")).expect("a script");
    f.write("some/a.yaml", CLUSTER);
    f.write("some/b.yaml", &scripted);
    f.write("none/a.yaml", CLUSTER);
    f.write("none/b.yaml", CLUSTER);
    let some = f.run("run some");
    assert_eq!((some.status, some.err.as_str()), (0, "some/a.yaml: no Script, not played\n"));
    assert!(some.out.starts_with("== some/b.yaml\n"), "{}", some.out);
    let none = f.run("run none");
    assert!(
        none.status == 2 && none.err.contains("none/b.yaml: no Script to play"),
        "{}",
        none.err
    );
    f.write("some/c.yaml", "kind: [");
    let broken = f.run("run some");
    assert!(broken.status == 1 && broken.err.contains("some/c.yaml:1:"), "{}", broken.err);
}

#[test]
fn the_whole_output_is_in_the_language_that_was_asked_for() {
    let out = Folder::new("japanese").run("run script.yaml --lang ja").out;
    assert!(out.starts_with("# client から worker-1:30080 へ、0.000000 秒\n"), "{out}");
}

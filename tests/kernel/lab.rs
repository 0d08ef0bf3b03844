//! The lab script without root and without namespaces: bash accepts it, it is deterministic, and no
//! text of the user's is executed.

use play::script::Script;
use play::{Session, lab};
use std::io::Write;
use std::process::{Command, Stdio};
use support::scenario::{ALL, Scenario};

/// A file that `hostile.yaml` tries to create; it must not appear.
const TRAP: &str = "/tmp/packetwalk-was-here";

/// Runs bash on a text; panics with its messages if it fails.
fn bash(what: &str, args: &[&str], text: &str) {
    let mut child = Command::new("bash")
        .args(args)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash");
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("bash reads");
    let out = child.wait_with_output().expect("bash ends");
    assert!(out.status.success(), "{what}: {}", String::from_utf8_lossy(&out.stderr));
}

fn hostile() -> String {
    let document = include_str!("live/hostile.yaml");
    let script = Script::read(document).0.expect("a Script");
    let session = script.play(document).expect("it plays");
    lab::script(&session).expect("a lab").script
}

#[test]
fn bash_accepts_the_lab_of_every_scenario() {
    for s in ALL {
        let (document, script) = Scenario::parse(s.name, s.scenario).script(s.name, s.manifests);
        let session = script.play(&document).unwrap_or_else(|_| panic!("{} plays", s.name));
        let lab = lab::script(&session).expect("a lab");
        assert_eq!(Ok(&lab), lab::script(&session).as_ref(), "{}: the same each time", s.name);
        assert_eq!(lab.left_out, [""; 0], "{}", s.name);
        bash(s.name, &["-n"], &lab.script);
    }
    bash("hostile names", &["-n"], &hostile());
}

/// Runs the part of the script that comes from the session, with every command replaced by one that
/// does nothing.
#[test]
fn no_text_of_the_user_is_executed() {
    let text = hostile();
    assert!(text.contains(TRAP), "the script does not contain the attack");
    let from = text.find("NETNS=(").expect("the session's part");
    let to = text.rfind("build\nexport LAB_AGENT").expect("the end of the session's part");
    let stubs = "set -eu; ip() { :; }; settle() { :; }; sysctls() { :; }; batch() { cat >/dev/null; }; rules() { cat >/dev/null; }\n";
    bash(
        "the session's part",
        &["-s"],
        &format!("{stubs}{}\nbuild; agent >/dev/null; plan >/dev/null\n", &text[from..to]),
    );
    assert!(!std::path::Path::new(TRAP).exists(), "a name was executed: {TRAP} exists");
}

#[test]
fn a_device_name_that_ip_could_misread_is_refused() {
    let document = play::presets::Preset::named("article-nodeport")
        .expect("preset")
        .document()
        .replace("name: ens192", "name: \"a'b\"");
    let session = Session::new(&document, 1, false).expect("the simulator accepts the name");
    let error = lab::script(&session).expect_err("the lab refuses the name");
    assert!(error.to_string().contains("a'b"), "{error}");
}

/// A lab runs as root: it contains only commands that the simulator understood completely.
#[test]
fn a_lab_contains_only_commands_that_changed_a_namespace() {
    let steps = [
        "ip netns exec node01 sh -c id",
        "ip link set eth0 netns 1",
        "ip -batch /etc/passwd",
        "ip route add 10.9.9.0/24 via 192.168.120.226 table 7",
        "sysctl -p /etc/passwd",
        "sysctl -w kernel.core_pattern=x",
        "iptables-restore --modprobe=/bin/true",
        "iptables-restore <<< 'no rules'",
        "conntrack -D",
        "sysctl net.ipv4.ip_forward",
        "iptables -t nat -vnL",
    ];
    let lines: String = steps.iter().map(|s| format!("  - {{on: node01, run: {s:?}}}\n")).collect();
    let cluster = play::presets::Preset::named("article-nodeport").expect("preset").document();
    let head = "apiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  steps:\n";
    let play = |steps: &str| {
        let document = format!("{cluster}\n---\n{head}{steps}");
        let (script, diags) = Script::read(&document);
        let session = script
            .unwrap_or_else(|| panic!("{}", diags[0]))
            .play(&document)
            .unwrap_or_else(|_| panic!("it plays"));
        lab::script(&session).expect("a lab")
    };
    let lab = play(&format!(
        "{lines}  - {{on: node01, run: \"ip route add 10.9.9.0/24 via 192.168.120.227\"}}\n"
    ));
    assert_eq!(lab.script.matches("\"kind\": \"run\"").count(), 1, "one of the commands is run");
    for line in steps {
        let last = line.rsplit(' ').next().unwrap_or(line);
        assert!(!lab.script.contains(&format!("\"{last}\"]")), "{line} is typed");
    }
    // The last one is run; every other one is named, with the reason.
    let named: Vec<_> = lab.left_out.iter().filter_map(|l| l.split(':').next()).collect();
    let expected: Vec<_> = (1..=steps.len()).map(|n| format!("step {n}")).collect();
    assert_eq!(named, expected, "{:?}", lab.left_out);
    assert!(lab.left_out[9].contains("only prints"), "{:?}", lab.left_out);
    // What sends is sent, however it is written; what no kernel does is named.
    let lab = play(
        "  - {on: node01, run: \"ping -c 1 10.1.5.4\"}
  - {at: {probe: 1, direction: request, marker: routed}, packet: drop}
  - {at: {probe: 1, after: 1ms}, on: node01, run: conntrack -F}
  - {on: node01, run: kubectl scale deploy nginx-deployment --replicas=6}\n",
    );
    assert!(lab.script.contains("\"kind\": \"icmp\"") && lab.script.contains("\"after\": 0.001"));
    let left = lab.left_out.join("\n");
    assert!(left.starts_with("step 2: a kernel") && left.contains("a lab cannot start"), "{left}");
    assert!(lab.left_out.iter().all(|l| lab.script.contains(&format!("# Left out: {l}"))));
    // Pods that exist only part of the time: a command is run on one that is deleted later, and
    // named for one that is created later.
    let session = Session::new(&cluster, 0, true).expect("valid");
    let pods = session.running().pods.iter().filter(|p| p.owner.name == "nginx-deployment");
    let delete: String = pods
        .map(|p| format!("  - {{on: master01, run: kubectl delete pod {}}}\n", p.name))
        .collect();
    let set = "  - {on: deploy/nginx-deployment, run: sysctl -w net.ipv4.ip_forward=1}\n";
    let lab = play(&format!(
        "{set}{delete}{set}  - {{on: master01, run: kubectl get pods}}
  - {{on: master01, run: kubectl delete pod nobody}}
  - {{apply: \"kind: [\"}}\n",
    ));
    assert_eq!(lab.script.matches("\"net.ipv4.ip_forward=1\"]").count(), 1, "{}", lab.script);
    let left = lab.left_out.join("\n");
    for why in
        ["its host was not there from", "only prints", "nobody\" is refused", "apply is refused"]
    {
        assert!(left.contains(why), "{why}: {left}");
    }
}

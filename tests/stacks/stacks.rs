//! Whole stacks of manifests, as people write them and as Helm, kustomize and kubectl print them:
//! none is refused, and every Service with endpoints answers by its name.

use kube::{Code, Severity};
use play::{Ending, Probe, Session};
use std::path::{Path, PathBuf};
use support::{read, root};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("stacks").flatten().map(|f| f.path()).collect();
    files.sort();
    files
}

/// The stacks: a file each, or a folder whose files are one text.
fn stacks() -> Vec<(String, String)> {
    let name = |f: &Path| f.file_name().expect("name").to_string_lossy().into_owned();
    let text = |f: &PathBuf| {
        if f.is_dir() {
            files(f).iter().map(|f| read(f)).collect::<Vec<_>>().join("\n---\n")
        } else {
            read(f)
        }
    };
    files(&root().join("stacks/files")).iter().map(|f| (name(f), text(f))).collect()
}

#[test]
fn every_stack_is_accepted_with_one_note_of_what_is_not_simulated() {
    let stacks = stacks();
    assert!(stacks.len() >= 29, "{}", stacks.len());
    for (name, text) in stacks {
        let diags = play::script::check(&text);
        let errors: Vec<_> = diags.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{name}: {}", errors[0]);
        let folded: Vec<_> = diags.iter().filter(|d| !d.parts.is_empty()).collect();
        assert!(folded.len() <= 1, "{name}: {folded:?}");
        for note in folded {
            assert_eq!((note.code, note.severity), (Code::NotSimulated, Severity::Note));
            assert_eq!(note.span, note.parts[0].0, "{name}");
            for (span, what) in &note.parts {
                let word = &text[span.start as usize..span.end as usize];
                let field = what.rsplit(['.', ' ']).next().unwrap_or_default();
                let custom = what.contains('.') && what.starts_with("kind ");
                assert!(custom || word.trim_matches('"') == field, "{name}: {what} at {word:?}");
            }
        }
    }
}

#[test]
fn the_objects_of_a_stack_are_there_in_whatever_form_it_is_written() {
    let services = |name: &str| {
        let text = stacks().into_iter().find(|(n, _)| n == name).expect(name).1;
        let (cluster, diags) = kube::build(&text);
        let cluster = cluster.unwrap_or_else(|| panic!("{name}: {}", diags[0]));
        let written = cluster.services.iter().filter(|s| s.written.is_some());
        written.map(|s| s.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(services("list.json"), ["api"]);
    assert_eq!(services("stream.json"), ["api", "bare"]);
    assert_eq!(services("helm.yaml"), services("helm-crlf.yaml"));
    assert_eq!(services("guestbook.yaml"), ["frontend", "store-follower", "store-leader"]);
    assert_eq!(services("monitoring.yaml"), ["prometheus"]);
}

#[test]
fn a_stack_is_refused_by_a_release_that_does_not_serve_it() {
    let old = stacks().into_iter().find(|(name, _)| name == "old.yaml").expect("a stack").1;
    let faults = |version: &str| {
        let (_, diags) = kube::build(&old.replace("\"1.10\"", &format!("{version:?}")));
        let errors = diags.iter().filter(|d| d.severity == Severity::Error);
        errors.map(|d| d.message.clone()).collect::<Vec<_>>()
    };
    assert_eq!(faults("1.15"), Vec::<String>::new());
    assert_eq!(
        faults("1.16"),
        ["no matches for kind \"Deployment\" in version \"extensions/v1beta1\""]
    );
    let count = faults("1.25").len();
    assert_eq!(count, 4, "Ingress, PodDisruptionBudget and CronJob have moved too");
}

/// A table of the stacks is printed with `--nocapture`.
#[test]
fn every_service_with_endpoints_answers_a_pod_by_its_name() {
    println!("{:24}{:>6}{:>10}{:>10}", "stack", "pods", "services", "answers");
    let mut all = 0;
    for (name, text) in stacks() {
        let mut s = Session::new(&text, 1, true).unwrap_or_else(|d| panic!("{name}: {}", d[0]));
        let (pods, services) = (s.cluster().pods.clone(), s.cluster().services.clone());
        let mut answers = 0;
        // A pod of the text that uses cluster DNS, else one of cluster DNS itself has none.
        let Some(from) = pods.iter().find(|p| !p.namespace.starts_with("kube-")) else { continue };
        let from = format!("pod/{}", from.netns());
        for service in services.iter().filter(|s| s.written.is_some()) {
            for port in service.ports.iter().filter(|p| p.protocol == "TCP") {
                if port.ready().next().is_none() {
                    continue;
                }
                // A headless Service's name is that of its pods, at their own port.
                let headless = service.cluster_ip.is_none();
                let number =
                    if headless { port.ready().next().map_or(0, |e| e.1) } else { port.port };
                let to = format!("http://{}.{}:{number}", service.name, service.namespace);
                let run = s.send(&Probe::new(&from, &to));
                let run = run.unwrap_or_else(|e| panic!("{name}: {to}: {}", e.message()));
                let verdict = &run.verdict;
                assert_eq!(verdict.ending, Ending::Answered, "{name}: {to}: {verdict:?}");
                answers += 1;
            }
        }
        let written = services.iter().filter(|s| s.written.is_some()).count();
        println!("{name:24}{:>6}{written:>10}{answers:>10}", pods.len());
        all += answers;
    }
    assert!(all >= 50, "{all} ports of Services answered");
}

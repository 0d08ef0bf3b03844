//! Whole stacks of manifests, as people write them and as Helm, kustomize and kubectl print them:
//! none is refused.

use kube::{Code, Severity};
use support::{read, root};

fn stacks() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(root().join("stacks/files")).expect("stacks");
    let mut files: Vec<_> = folder.flatten().map(|f| f.path()).collect();
    files.sort();
    let name = |f: &std::path::Path| f.file_name().expect("name").to_string_lossy().into_owned();
    files.iter().map(|f| (name(f), read(f))).collect()
}

#[test]
fn every_stack_is_accepted_with_one_note_of_what_is_not_simulated() {
    let stacks = stacks();
    assert!(stacks.len() >= 12, "{}", stacks.len());
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

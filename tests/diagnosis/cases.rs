//! Clusters like those of public reports: the verdict names the known cause at its place, and one
//! of the first repairs is the one that helped there.

use play::repair::{What, repairs};
use play::{Ending, Probe, Script, Session, Step};
use support::{read, root};

struct Report {
    name: &'static str,
    /// Sender and destination; none: the first request of its Script that fails.
    request: Option<(&'static str, &'static str)>,
    /// What is taken out of the text first: the report's own mend.
    without: &'static str,
    fact: &'static str,
    place: &'static str,
    /// What helped.
    what: What,
    control: bool,
}

const fn report(name: &'static str, fact: &'static str, place: &'static str, what: What) -> Report {
    Report { name, request: None, without: "", fact, place, what, control: false }
}

fn reports() -> Vec<Report> {
    let sent = |r: Report, from, to| Report { request: Some((from, to)), ..r };
    vec![
        sent(
            report("wrong-targetport", "NoListener", "shop/catalog", What::TargetPort),
            "deploy/front",
            "svc/shop/catalog:80",
        ),
        sent(
            report("selector-extra-label", "NoEndpoints", "worker-2", What::Label),
            "deploy/probe",
            "svc/awx:80",
        ),
        Report {
            control: true,
            ..report("firewalld-reject-order", "Refused", "node-a", What::MoveRule)
        },
        sent(
            report("br-netfilter-off", "Switched", "node-a", What::Sysctl),
            "deploy/caller",
            "svc/tasks:80",
        ),
        report("stale-vtep-mac", "Entry", "n165", What::Sync),
        Report {
            control: true,
            ..sent(
                report("node-to-lb-local", "LocalOnly", "node-b", What::Policy),
                "node-b",
                "192.168.1.240:80",
            )
        },
        sent(
            report("endpoints-to-nodeport", "TranslatedOnce", "worker-1", What::Slice),
            "worker-1",
            "svc/svc-mixed:80",
        ),
        Report {
            without: "      hostNetwork: true\n",
            ..sent(
                report("hostnetwork-ingress", "NoListener", "worker-1", What::HostNetwork),
                "client",
                "worker-1:80",
            )
        },
        report("ip-forward-off", "NotForwarding", "a", What::Sysctl),
    ]
}

/// The session of a report and the step that fails.
fn failing(r: &Report) -> (Session, usize) {
    let text = read(&root().join("cases").join(format!("{}.yaml", r.name)));
    let text = text.replacen(r.without, "", 1);
    let (script, _) = Script::read(&text);
    let mut s = script.unwrap_or_default().play(&text).expect("valid");
    if let Some((from, to)) = r.request {
        s.play(&[Step::send(Probe::new(from, to))]);
        let last = s.steps().len() - 1;
        return (s, last);
    }
    let failed =
        |i: &usize| s.results()[*i].run().is_some_and(|run| run.verdict.ending == Ending::Failed);
    let step = (0..s.steps().len()).find(failed).expect("a request fails");
    (s, step)
}

#[test]
fn reports_are_explained_and_repaired_as_they_were() {
    let mut wrong = Vec::new();
    for r in reports() {
        let (s, step) = failing(&r);
        let run = s.results()[step].run().unwrap_or_else(|| panic!("{}: not sent", r.name));
        let link = run.verdict.cause.deciding();
        let said = link.map_or_else(String::new, |l| format!("{:?}", l.fact));
        let place = link.map_or("", |l| &*s.last().ns(l.netns).name);
        if !said.starts_with(r.fact) || !place.starts_with(r.place) {
            wrong.push(format!("{}: {said} on {place}", r.name));
        }
        let found = repairs(&s, step);
        let all: Vec<_> = found.found.iter().map(|f| (f.what.clone(), f.control)).collect();
        if !all.iter().any(|(w, control)| w.contains(&r.what) && *control == r.control) {
            wrong.push(format!("{}: repaired by {all:?}, {} tried", r.name, found.tried));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! The labels and commands of what is selected in the diagram.

use crate::app::{App, MOST_ROWS, Selected};
use crate::words::{Lang, Ui, ui};
use kube::change::{FormField, Thing};
use kube::cluster::RunningService;
use kube::fault::Daemon;
use kube::object::WorkloadKind;
use kube::{Cluster, Diagnostic, Severity};
use std::fmt::{self, Write as _};

/// What is selected, as the text names it: of a pod, its Deployment. None for what a component
/// creates.
pub fn thing_of(cluster: &Cluster, s: &Selected) -> Option<Thing> {
    if let Some((namespace, name)) = s.host.strip_prefix("svc/").and_then(|x| x.split_once('/')) {
        return Some(Thing::Service(namespace.to_owned(), name.to_owned()));
    }
    let is_it = |name: &str| name == s.host;
    if cluster.topology.nodes.iter().any(|n| is_it(&n.name.value)) {
        return Some(Thing::Node(s.host.clone()));
    }
    if cluster.topology.hosts.iter().any(|h| is_it(&h.name.value)) {
        return Some(Thing::Host(s.host.clone()));
    }
    let pod = cluster.pods.iter().find(|p| is_it(&p.netns()))?;
    let deployment = pod.owner.kind == WorkloadKind::Deployment;
    deployment.then(|| Thing::Deployment(pod.namespace.clone(), pod.owner.name.clone()))
}

/// What is wrong with a field of a form: the messages and hints of the errors in its value.
pub fn field_faults(app: &App, field: &FormField) -> Vec<String> {
    let Some(span) = field.span else { return Vec::new() };
    let inside = |d: &&Diagnostic| {
        d.severity == Severity::Error && d.span.start >= span.start && d.span.end <= span.end
    };
    let found = app.document.diagnostics.iter().filter(inside);
    found.map(|d| format!("{}: {}", d.message, d.hint)).collect()
}

/// The most Services that are shown as chips; the others are in a menu only.
pub const MOST_CHIPS: usize = 6;

/// The Services that are written in the document: for each the name of its selection and a label.
/// At most as many as a list shows.
pub fn service_chips(cluster: &Cluster) -> Vec<(String, String)> {
    let written = cluster.services.iter().filter(|s| s.written.is_some());
    let chip = |s: &RunningService| {
        let port = s.ports.first().map(|p| match p.node_port {
            Some(node_port) => format!(":{}·{node_port}", p.port),
            None => format!(":{}", p.port),
        });
        let label = format!("svc {}{}", s.name, port.unwrap_or_default());
        (format!("svc/{}/{}", s.namespace, s.name), label)
    };
    written.take(MOST_ROWS).map(chip).collect()
}

/// The most results of a search.
const MOST_FOUND: usize = 12;

/// The nodes, hosts, pods and Services whose name and address contain every word of a text: for
/// each the name of its selection and a label.
pub fn find(app: &App, text: &str) -> Vec<(String, String)> {
    let Some(l) = &app.session.loaded else { return Vec::new() };
    let (c, text) = (l.session.cluster(), text.to_lowercase());
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found = Vec::new();
    // One buffer for the labels of all, which can be thousands of pods.
    let mut lower = String::new();
    let mut look = |name: &str, label: fmt::Arguments<'_>| {
        if found.len() == MOST_FOUND {
            return;
        }
        lower.clear();
        let _ = lower.write_fmt(label);
        lower.make_ascii_lowercase();
        if words.iter().all(|w| lower.contains(w)) {
            found.push((name.to_owned(), label.to_string()));
        }
    };
    for n in &c.nodes {
        let name = &n.spec.name.value;
        look(name, format_args!("{name} {}", n.address()));
    }
    for h in &c.topology.hosts {
        let name = &h.name.value;
        look(name, format_args!("{name} {}", h.nic.address.value.addr()));
    }
    for s in &c.services {
        let ip = s.cluster_ip.map(|ip| format!(" {ip}")).unwrap_or_default();
        look(&format!("svc/{}/{}", s.namespace, s.name), format_args!("svc {}{ip}", s.name));
    }
    for p in &c.pods {
        let name = p.netns();
        look(&name, format_args!("{name} {}", p.ip));
    }
    found
}

/// The keys of the page, each with what it does.
pub const KEYS: [(&str, Ui); 13] = [
    ("Space", Ui::KeyPlay),
    ("← →", Ui::KeyStep),
    ("Shift ← →", Ui::KeyHop),
    ("[ ]", Ui::KeyMarker),
    ("Home End", Ui::KeyEnds),
    ("1 2 3", Ui::KeyGrain),
    ("F", Ui::KeyFork),
    (".", Ui::KeyFocus),
    ("/", Ui::KeyFind),
    ("+ − 0", Ui::KeyZoom),
    ("Ctrl Z, Ctrl Y", Ui::KeyUndo),
    ("← → ↑ ↓", Ui::KeyArrows),
    ("?", Ui::KeyList),
];

/// The addresses of a Service: its clusterIP, if it has one, and each port with its endpoints.
pub fn service_addresses(s: &RunningService) -> (Option<String>, Vec<String>) {
    let ports = s.ports.iter().map(|p| {
        let ends: Vec<_> = p.ready().map(|(ip, port)| format!("{ip}:{port}")).collect();
        let ends = if ends.is_empty() { "—".to_owned() } else { ends.join(", ") };
        let node_port = p.node_port.map(|n| format!(", nodePort {n}")).unwrap_or_default();
        format!("{}/{}{node_port} → {ends}", p.port, p.protocol)
    });
    (s.cluster_ip.map(|ip| format!("clusterIP {ip}")), ports.collect())
}

/// The label of the fault that a daemon has never run.
pub fn daemon_stopped(daemon: Daemon, lang: Lang) -> String {
    format!("{} {}", daemon.name(), ui(Ui::StoppedWord, lang))
}

/// The label of the fault that a device is down.
pub fn device_down(device: &str, lang: Lang) -> String {
    format!("{device} {}", ui(Ui::IsDown, lang))
}

/// What can be done at the moment with what is selected: labels and commands, as in the terminal.
pub fn commands_now(app: &App, s: &Selected) -> Vec<(String, String)> {
    let text = |t: Ui| ui(t, app.chrome.lang).to_owned();
    let Some(l) = &app.session.loaded else { return Vec::new() };
    let state = app.derived.timeline.as_ref().map(play::Timeline::state);
    let Some((_, ns)) = state.and_then(|state| state.ns_named(&s.host)) else { return Vec::new() };
    if let Some(device) = &s.device {
        let Some((_, d)) = ns.dev_named(device) else { return Vec::new() };
        let (word, label) = if d.up { ("down", Ui::TakeDown) } else { ("up", Ui::BringUp) };
        let label = format!("{device}: {}", text(label));
        return vec![(label, format!("ip link set {device} {word}"))];
    }
    let cluster = l.session.running_at(app.view.cursor);
    if let Some(pod) = cluster.pods.iter().find(|p| p.netns() == s.host) {
        let delete = format!("kubectl delete pod {} -n {}", pod.name, pod.namespace);
        return vec![(text(Ui::DeletePod), delete)];
    }
    if cluster.nodes.iter().any(|n| n.spec.name.value == s.host) {
        return vec![
            (text(Ui::StopProxy), "systemctl stop kube-proxy".to_owned()),
            (text(Ui::SyncNow), "systemctl restart kube-proxy".to_owned()),
        ];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, Dialog, Effect, FocusField, update};

    #[test]
    fn a_search_finds_nodes_hosts_services_and_pods_by_name_and_address() {
        let app = App::new(Lang::En, "article-nodeport");
        let first = |text: &str| find(&app, text).first().map(|(host, _)| host.clone());
        assert_eq!(first("NODE02").as_deref(), Some("node02"));
        assert_eq!(first("bastion").as_deref(), Some("bastion"));
        assert_eq!(first("nginx-service").as_deref(), Some("svc/default/nginx-service"));
        assert!(first("10.1.6.5").is_some_and(|pod| pod.starts_with("nginx")));
        assert!(first("5 NGINX 10.1.6").is_some_and(|pod| pod.starts_with("nginx")));
        assert_eq!(find(&app, "nothing like this"), []);
        assert_eq!(find(&app, "").len(), MOST_FOUND);
    }

    #[test]
    fn the_documentation_lists_the_same_keys() {
        let page = include_str!("../../../web/docs/page.md");
        let lines = page.lines().skip_while(|l| !l.starts_with("| Key |")).skip(2);
        let rows = lines.map_while(|l| l.strip_prefix("| ")?.split_once(" |"));
        let listed: Vec<_> = rows.map(|(keys, _)| keys.replace('`', "")).collect();
        assert_eq!(listed, KEYS.map(|(keys, _)| keys));
    }

    #[test]
    fn a_dialog_that_closes_gives_the_focus_back_to_its_button() {
        let mut app = App::new(Lang::En, "article-nodeport");
        for (dialog, field, button) in [
            (Dialog::Find(String::new()), FocusField::Find, FocusField::OpenFind),
            (Dialog::Keys, FocusField::Keys, FocusField::OpenKeys),
        ] {
            let opened = update(&mut app, Action::Dialog(Some(dialog)));
            assert_eq!(opened, [Effect::Focus(field)]);
            assert_eq!(update(&mut app, Action::Dialog(None)), [Effect::Focus(button)]);
        }
    }

    #[test]
    fn what_is_found_is_selected_and_drawn_in_full() {
        let list: String = (0..40).map(|i| format!("  - {{name: n{i}}}\n")).collect();
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 400\n  \
             selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
             spec: {{containers: [{{name: c, image: nginx}}]}}\n---\n\
             apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  \
             segments: [{{name: lan, subnet: 10.9.0.0/16}}]\n  nodes:\n{list}"
        );
        let mut app = App::new(Lang::En, "article-nodeport");
        update(&mut app, Action::Text(text));
        assert_eq!(app.document.errors(), 0, "{:?}", app.document.diagnostics);
        let opened = update(&mut app, Action::Dialog(Some(Dialog::Find(String::new()))));
        assert_eq!(opened, [Effect::Focus(FocusField::Find)]);
        let last = app.session.loaded.as_ref().expect("valid").session.cluster().pods.len() - 1;
        let pods = &app.session.loaded.as_ref().expect("valid").session.cluster().pods;
        let (host, node) = (pods[last].netns(), pods[last].node);
        let effects = update(&mut app, Action::ShowFound(host.clone()));
        assert_eq!(app.chrome.dialog, None);
        assert!(effects.contains(&Effect::Focus(FocusField::OpenFind)), "{effects:?}");
        assert_eq!(app.view.selected.as_ref().map(|s| s.host.clone()), Some(host));
        let drawn = app.derived.layout.nodes.iter().find(|b| b.node == node).expect("its node");
        assert!(!drawn.folded && drawn.pods.iter().any(|p| p.pod == last));
    }
}

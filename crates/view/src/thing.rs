//! The labels and commands of what is selected in the diagram.

use crate::app::{App, Selected};
use crate::words::{Lang, Ui, ui};
use kube::Cluster;
use kube::cluster::RunningService;
use kube::fault::Daemon;

/// The most Services that are shown as chips.
const MOST_CHIPS: usize = 6;

/// The Services that are written in the document: for each the name of its selection and a label.
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
    written.take(MOST_CHIPS).map(chip).collect()
}

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

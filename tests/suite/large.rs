//! A large document: 30,000 services with two endpoints each, one NodePort connection through it.

use play::{Ending, Probe, Session};
use std::fmt::Write;

/// The most memory this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0)
}

#[test]
fn thirty_thousand_services_fit_into_a_gibibyte() {
    let mut text = String::from(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: nginx, ports: [{containerPort: 80}]}\n",
    );
    for i in 0..30_000 {
        let kind = if i == 29_999 { "  type: NodePort\n" } else { "" };
        let port = if i == 29_999 { ", nodePort: 30080" } else { "" };
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{i}}}\nspec:\n{kind}  selector: {{app: web}}\n  ports:\n  - {{port: 80{port}}}\n"
        );
    }
    let mut session = Session::new(&text, 1, true).unwrap_or_else(|d| panic!("{}", d[0]));
    let endpoints: usize =
        session.cluster().services.iter().flat_map(|s| &s.ports).map(|p| p.endpoints.len()).sum();
    let rules: usize = session.world().state().ns_named("worker-1").map_or(0, |(_, ns)| {
        let t = ns.rules.table(net::netfilter::TableName::Nat);
        t.chains.iter().map(|c| c.rules.len()).sum()
    });
    let run = session.send(&Probe::new("client", "192.168.1.11:30080")).expect("sent");
    let peak = peak_kib();
    println!(
        "{} services, {endpoints} endpoints, {rules} nat rules a node, {} events, peak {} MiB",
        session.cluster().services.len(),
        run.events.len(),
        peak / 1024
    );
    assert_eq!(run.verdict.ending, Ending::Answered);
    assert!(endpoints >= 60_000, "{endpoints}");
    if peak > 0 {
        assert!(peak < 1024 * 1024, "{peak} KiB");
    }
}

//! `kubectl get`, in the columns of 1.10.

use super::Output;
use crate::Session;
use kube::cluster::RunningService;
use kube::object::ServiceType;

pub(super) fn run(session: &Session, args: &[&str]) -> Output {
    let wide = args.windows(2).any(|w| w == ["-o", "wide"]) || args.contains(&"-owide");
    let all = args.contains(&"--all-namespaces");
    let namespace = args.windows(2).find(|w| w[0] == "-n").map_or("default", |w| w[1]);
    let here = |ns: &str| all || ns == namespace;
    let age = format!("{}s", session.world().state().now.0 / 1_000_000_000);
    match args {
        ["get", "svc" | "service" | "services", ..] => {
            let mut rows = vec![["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"].map(str::to_owned).to_vec()];
            for s in session.cluster().services.iter().filter(|s| here(&s.namespace)) {
                let ports: Vec<_> = s
                    .ports
                    .iter()
                    .map(|p| {
                        p.node_port.map_or_else(|| format!("{}/{}", p.port, p.protocol), |np| format!("{}:{np}/{}", p.port, p.protocol))
                    })
                    .collect();
                let selector: Vec<_> = s.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
                let selector = if selector.is_empty() { "<none>".to_owned() } else { selector.join(",") };
                let none = if s.kind == ServiceType::ExternalName { "<none>" } else { "None" };
                let ip = s.cluster_ip.map_or_else(|| none.to_owned(), |ip| ip.to_string());
                let ports = if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") };
                rows.push(vec![s.name.clone(), s.kind.name().to_owned(), ip, external(s), ports, age.clone(), selector]);
            }
            table(rows, if wide { 7 } else { 6 })
        }
        ["get", "po" | "pod" | "pods", ..] => {
            let mut rows = vec![["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"].map(str::to_owned).to_vec()];
            for p in session.cluster().pods.iter().filter(|p| here(&p.namespace)) {
                // kube-dns was three containers; only the one that answers is simulated.
                let n = if p.deployment == "kube-dns" && p.namespace == "kube-system" { 3 } else { p.containers.len() };
                let ready = if p.ready { n } else { 0 };
                let node = session.cluster().nodes[p.node].spec.hostname.clone();
                rows.push(vec![
                    p.name.clone(),
                    format!("{ready}/{n}"),
                    if p.terminating { "Terminating" } else { "Running" }.to_owned(),
                    "0".to_owned(),
                    age.clone(),
                    p.ip.to_string(),
                    node,
                ]);
            }
            let node_of = |i: usize| &session.cluster().nodes[i];
            for p in session.cluster().host_pods.iter().filter(|p| here(p.namespace)) {
                let node = node_of(p.node);
                rows.push(vec![
                    p.name.clone(),
                    "1/1".to_owned(),
                    "Running".to_owned(),
                    "0".to_owned(),
                    age.clone(),
                    node.address().to_string(),
                    node.spec.hostname.clone(),
                ]);
            }
            table(rows, if wide { 7 } else { 5 })
        }
        _ => Output::fail(1, "kubectl: not understood here; try: kubectl get svc -o wide, kubectl get pods -o wide\n"),
    }
}

/// `EXTERNAL-IP`: the load balancer's addresses, then those that are written.
fn external(s: &RunningService) -> String {
    if let Some(name) = &s.external_name {
        return name.clone();
    }
    let t = &s.traffic;
    let all: Vec<String> = t.ingress.iter().map(|(a, _)| a.to_string()).chain(t.external_ips.iter().map(ToString::to_string)).collect();
    match s.kind {
        _ if !all.is_empty() => all.join(","),
        ServiceType::LoadBalancer => "<pending>".to_owned(),
        _ => "<none>".to_owned(),
    }
}

/// Columns as wide as their longest cell and three more, at least ten; the last is not padded.
fn table(rows: Vec<Vec<String>>, columns: usize) -> Output {
    if rows.len() == 1 {
        return Output::ok("No resources found.\n");
    }
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count() + 3).max().unwrap_or(0).max(10);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        for (cell, (i, w)) in row.iter().zip(widths.iter().enumerate()) {
            out.push_str(cell);
            if i + 1 < columns {
                out.extend(std::iter::repeat_n(' ', w - cell.chars().count()));
            }
        }
        out.push('\n');
    }
    Output::ok(out)
}

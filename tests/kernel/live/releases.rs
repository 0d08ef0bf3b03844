//! Eleven shapes of Services and host ports under five Kubernetes releases: the rules as a kernel
//! prints them, and random probes.

use net::netfilter::save;
use net::rng::Rng;
use play::Session;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::difference;

macro_rules! shapes {
    ($($name:literal,)*) => { &[$(($name, include_str!(concat!("../shapes/", $name, ".yaml"))),)*] };
}

/// The name and manifests of each shape.
pub(crate) const SHAPES: &[(&str, &str)] = shapes! {
    "cluster-ip",
    "node-port",
    "node-port-local",
    "load-balancer",
    "load-balancer-local",
    "external-ips",
    "affinity",
    "several-ports",
    "no-endpoints",
    "internal-local",
    "host-port",
};

/// The minor versions of the releases.
pub(crate) const MINORS: [u8; 5] = [10, 16, 22, 28, 36];

/// The name of a session, from the indices of its release and shape.
pub(crate) fn name(release: usize, shape: usize) -> String {
    format!("1.{} {}", MINORS[release], SHAPES[shape].0)
}

fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - {{name: nginx, image: \"nginx:1.7.9\", ports: [{{name: http, containerPort: 80}}, {{containerPort: 53, protocol: UDP}}]}}\n---\n"
    )
}

/// The session of a release and a shape, with random probes.
pub(crate) fn session(release: usize, shape: usize, seed: u64) -> String {
    let minor = MINORS[release];
    let mut r = Rng::new(seed ^ ((minor as u64) << 32) ^ ((shape as u64) << 40));
    let mut text = deployment("web", 3) + &deployment("one", 1) + SHAPES[shape].1;
    // Each shape meets each of these options under one of the releases.
    let proxy = match (release + shape) % 5 {
        1 => "{masqueradeAll: true}",
        2 => "{clusterCIDR: \"\"}",
        3 => "{nodePortAddresses: [192.168.120.0/24, 127.0.0.0/8]}",
        4 => "{localhostNodePorts: false}",
        _ => "{}",
    };
    let _ = write!(
        text,
        "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  seed: {seed}\n  kubernetes: {{version: \"1.{minor}\", podCIDR: 10.1.4.0/22, serviceCIDR: 10.1.0.0/22}}\n  kubeProxy: {proxy}\n  segments: [{{name: lan, subnet: 192.168.120.0/24, gateway: 192.168.120.254}}]\n  nodes:\n  - {{name: master01, role: control-plane, nic: {{name: ens192, address: 192.168.120.225/24}}}}\n  - {{name: node01, nic: {{name: ens192, address: 192.168.120.226/24}}}}\n  - {{name: node02, nic: {{name: ens192, address: 192.168.120.227/24}}}}\n  hosts:\n  - {{name: bastion, nic: {{name: ens192, address: 192.168.120.252/24}}}}\n  - {{name: gateway, nic: {{name: eth0, address: 192.168.120.254/24}}}}\n"
    );
    let (cluster, diags) = kube::build(&text);
    let Some(cluster) = cluster else { panic!("{}: {}\n{text}", name(release, shape), diags[0]) };
    let mut steps = String::new();
    for (addr, node) in [("203.0.113.10", 226), ("203.0.113.20", 227)] {
        let _ = writeln!(
            steps,
            "  - {{on: bastion, run: ip route add {addr}/32 via 192.168.120.{node}}}"
        );
    }
    let mut senders: Vec<String> =
        ["bastion", "node01", "node02", "bastion"].map(str::to_owned).into();
    senders.extend(
        cluster.pods.iter().filter(|p| p.namespace == "default").map(|p| format!("pod/{}", p.name)),
    );
    let mut targets: Vec<(String, &str)> = Vec::new();
    for s in cluster.services.iter().filter(|s| s.written.is_some()) {
        for p in s.ports.iter().filter(|p| p.protocol != "SCTP") {
            let own = s
                .cluster_ip
                .map(Into::into)
                .into_iter()
                .chain(s.traffic.external_ips.iter().copied());
            let all = own.chain(s.traffic.ingress.iter().map(|(a, _)| *a));
            targets.extend(all.map(|a: std::net::IpAddr| (format!("{a}:{}", p.port), p.protocol)));
            if let Some(np) = p.node_port {
                targets.extend(
                    ["192.168.120.226", "192.168.120.227", "127.0.0.1"]
                        .map(|a| (format!("{a}:{np}"), p.protocol)),
                );
            }
        }
    }
    let mapped = cluster.pods.iter().flat_map(|p| &p.spec.containers).flat_map(|c| &c.ports);
    for (port, protocol) in mapped.filter_map(|p| Some((p.host_port?, p.protocol))) {
        targets.extend(
            ["192.168.120.226", "192.168.120.227", "127.0.0.1"]
                .map(|a| (format!("{a}:{port}"), protocol)),
        );
    }
    for i in 0..8_u16 {
        let from = &senders[r.below(senders.len() as u64) as usize];
        let (to, protocol) = &targets[r.below(targets.len() as u64) as usize];
        let proto = protocol.to_lowercase();
        let _ = writeln!(
            steps,
            "  - send: {{from: {from:?}, to: {to:?}, proto: {proto}, sport: {}, timeout: 350ms, settle: 100ms}}",
            42_000 + i
        );
    }
    format!(
        "{text}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  seed: {seed}\n  start: known\n  steps:\n{steps}"
    )
}

/// The tables of a dump, without the comments, which contain program and date.
fn tables(dump: &str) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    for line in dump.lines().filter(|l| !l.starts_with('#')) {
        if let Some(name) = line.strip_prefix('*') {
            name.clone_into(&mut table);
        }
        out.entry(table.clone()).or_default().push(line.to_owned());
    }
    out
}

/// Loads the printed rules of each node into the kernel, then kube-proxy's own input on top, and
/// compares what the kernel prints each time. Returns the number of compared lines, and the
/// differences.
pub(crate) fn printed(session: &Session, dir: &Path) -> Result<(usize, Vec<String>), String> {
    let cluster = session.cluster();
    let (mut lines, mut wrong) = (0, Vec::new());
    for (i, node) in cluster.nodes.iter().enumerate() {
        let name = &node.spec.name.value;
        let spec = session
            .spec()
            .netns
            .iter()
            .find(|n| n.name == *name)
            .ok_or("a node without a namespace")?;
        let print = save(&spec.rules, "packetwalk", "the session's beginning", &|_, _| (0, 0));
        let settings = kube::plan::proxy_settings(cluster, i);
        let words = kube::plan::proxy_sync(cluster, &settings, true)
            .restore(&std::collections::BTreeSet::new());
        let (print_file, words_file) = (dir.join("print.txt"), dir.join("words.txt"));
        std::fs::write(&print_file, &print).map_err(|e| e.to_string())?;
        std::fs::write(&words_file, &words).map_err(|e| e.to_string())?;
        for variant in ["iptables-legacy", "iptables-nft"] {
            let run = "set -eu; \"$1-restore\" <\"$2\"; \"$1-save\"; echo '# words'; \"$1-restore\" --noflush --counters <\"$3\"; \"$1-save\"";
            let out = Command::new("unshare")
                .args(["--net", "bash", "-c", run, "bash", variant])
                .args([&print_file, &words_file])
                .stdin(Stdio::null())
                .output()
                .map_err(|e| format!("unshare: {e}"))?;
            if !out.status.success() {
                return Err(format!(
                    "{name}, {variant}: {}\n{words}",
                    String::from_utf8_lossy(&out.stderr)
                ));
            }
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let (first, second) = text.split_once("# words\n").unwrap_or((&text, ""));
            for (what, dump) in [("its print", first), ("kube-proxy's words", second)] {
                let (ours, kernel) = (tables(&print), tables(dump));
                for (table, expected) in &kernel {
                    lines += expected.len();
                    let have = ours.get(table).map_or(&[][..], Vec::as_slice);
                    wrong.extend(difference(
                        &format!("{name}, {variant}, table {table} after {what}"),
                        expected,
                        have,
                    ));
                }
                if ours.len() > kernel.len() {
                    wrong.push(format!(
                        "{name}, {variant}: {} tables printed, {} expected",
                        ours.len(),
                        kernel.len()
                    ));
                }
            }
        }
    }
    Ok((lines, wrong))
}

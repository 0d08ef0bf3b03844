//! Every kind that makes pods: its pods run where they should, answer, and send; what listens in
//! them and whether they are ready follows from their images, commands and probes.

use kube::cluster::{Origin, Pod};
use kube::object::WorkloadKind;
use kube::{Cluster, Severity};
use play::{Ending, Probe, Protocol, Session, shell};

/// The cases of public reports that were written down as texts.
const CASES: [(&str, &str); 6] = [
    ("declared-port", include_str!("workloads/declared-port.yaml")),
    ("source-ranges", include_str!("workloads/source-ranges.yaml")),
    ("endpoints-of-a-node-port", include_str!("workloads/endpoints-of-a-node-port.yaml")),
    ("daemon-with-host-port", include_str!("workloads/daemon-with-host-port.yaml")),
    ("peers-by-name", include_str!("workloads/peers-by-name.yaml")),
    ("host-network", include_str!("workloads/host-network.yaml")),
];

fn session(document: &str) -> Session {
    Session::new(document, 1, true).unwrap_or_else(|d| panic!("{}", d[0]))
}

fn case(name: &str) -> Session {
    let (_, text) = CASES.iter().find(|(n, _)| *n == name).expect("a case");
    session(text)
}

/// A text on a release, with the default topology.
fn on(version: &str, text: &str) -> Session {
    session(&format!(
        "{text}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  \
         kubernetes: {{version: \"{version}\"}}\n  nodes: [{{name: cp, role: control-plane}}, \
         {{name: n1}}, {{name: n2}}]\n  hosts: [{{name: client}}]\n"
    ))
}

fn ask(s: &mut Session, from: &str, to: &str) -> Ending {
    s.send(&Probe::new(from, to)).unwrap_or_else(|e| panic!("{from} → {to}: {e}")).verdict.ending
}

fn run(s: &mut Session, line: &str) -> String {
    let host = s.running().nodes[0].spec.name.value.clone();
    let out = shell::exec(s, &host, line);
    assert_eq!(out.status, 0, "{line}: {}", out.text);
    out.text
}

fn of<'c>(c: &'c Cluster, kind: WorkloadKind, name: &str) -> Vec<&'c Pod> {
    c.all_pods().filter(|p| p.is_of(kind, "default", name)).collect()
}

fn names(pods: &[&Pod]) -> Vec<String> {
    pods.iter().map(|p| p.name.clone()).collect()
}

fn nodes(c: &Cluster, pods: &[&Pod]) -> Vec<String> {
    pods.iter().map(|p| c.nodes[p.node].spec.name.value.clone()).collect()
}

#[test]
fn a_port_that_is_not_declared_answers_unless_the_image_is_known() {
    let mut s = case("declared-port");
    assert_eq!(ask(&mut s, "client", "worker-1:31515"), Ending::Answered);
    assert_eq!(ask(&mut s, "worker-1", "svc/client-node-port"), Ending::Answered);
    let pod = of(s.cluster(), WorkloadKind::Pod, "client-pod")[0];
    let listening: Vec<_> = pod.listening.iter().map(|l| (l.at.port, l.origin)).collect();
    assert_eq!(listening, [(9999, Origin::Declared), (3000, Origin::Target)]);
    let known = CASES[0].1.replace("example/multi-client", "nginx");
    assert_eq!(ask(&mut session(&known), "client", "worker-1:31515"), Ending::Failed);
}

#[test]
fn source_ranges_do_not_hold_for_node_ports() {
    let mut s = case("source-ranges");
    let port = s.cluster().services.iter().find(|x| x.name == "nginx-lb").expect("a Service").ports
        [0]
    .node_port;
    let to = format!("worker-1:{}", port.expect("a node port"));
    assert_eq!(ask(&mut s, "client", &to), Ending::Answered);
}

#[test]
fn a_node_port_is_no_endpoint_on_its_own_node() {
    let mut s = case("endpoints-of-a-node-port");
    assert_eq!(ask(&mut s, "client", "worker-1:30081"), Ending::Answered);
    assert_eq!(ask(&mut s, "worker-2", "svc/svc-mixed"), Ending::Answered);
    assert_ne!(ask(&mut s, "worker-1", "svc/svc-mixed"), Ending::Answered);
}

#[test]
fn a_daemon_runs_on_every_worker_and_its_host_port_answers() {
    let mut s = case("daemon-with-host-port");
    let c = s.cluster().clone();
    let pods = of(&c, WorkloadKind::DaemonSet, "datadog");
    assert_eq!(nodes(&c, &pods), ["worker-1", "worker-2"]);
    for node in ["worker-1", "worker-2"] {
        let to = format!("{node}:8125");
        let probe = Probe { proto: Protocol::Udp, ..Probe::new("client", &to) };
        assert_eq!(s.send(&probe).expect("sent").verdict.ending, Ending::Answered, "{node}");
    }
    assert!(run(&mut s, "kubectl get ds").contains("datadog   2         2         2"));
}

#[test]
fn pods_of_a_stateful_set_have_ordinals_and_wait_for_each_other() {
    let s = case("peers-by-name");
    assert_eq!(
        names(&of(s.cluster(), WorkloadKind::StatefulSet, "server")),
        ["server-0", "server-1"]
    );
    let pod = of(s.cluster(), WorkloadKind::StatefulSet, "server")[1];
    assert_eq!(pod.spec.hostname.as_deref(), Some("server-1"));
    assert_eq!(pod.spec.subdomain.as_deref(), Some("server-ms"));
    assert_eq!(pod.labels["statefulset.kubernetes.io/pod-name"], "server-1");
    // The probe of the first fails: the second is not made, and the Service has no endpoint.
    let failing = CASES[4].1.replace("{port: 4222}", "{port: 1}");
    let (cluster, diags) = kube::build(&failing);
    let cluster = cluster.expect("valid");
    assert_eq!(names(&of(&cluster, WorkloadKind::StatefulSet, "server")), ["server-0"]);
    assert!(
        diags.iter().any(|d| d.code == kube::Code::ProbeFails && d.severity == Severity::Warning)
    );
    let ends = |c: &Cluster| {
        let s = c.services.iter().find(|s| s.name == "server-ms").expect("a Service");
        s.ports[0].ready().count()
    };
    assert_eq!(ends(&cluster), 0);
    let published =
        failing.replace("clusterIP: None", "clusterIP: None\n  publishNotReadyAddresses: true");
    assert_eq!(ends(&kube::build(&published).0.expect("valid")), 1);
    let parallel = failing.replace("replicas: 2", "replicas: 2\n  podManagementPolicy: Parallel");
    let parallel = kube::build(&parallel).0.expect("valid");
    assert_eq!(of(&parallel, WorkloadKind::StatefulSet, "server").len(), 2);
    let why = of(&parallel, WorkloadKind::StatefulSet, "server")[0].unready.clone();
    let why = why.expect("a reason");
    assert!(why.starts_with("Readiness probe failed: dial tcp 10.244."), "{why}");
}

#[test]
fn a_pod_on_the_host_network_answers_at_its_node() {
    let mut s = case("host-network");
    let pod = of(s.cluster(), WorkloadKind::Deployment, "nginx-ingress")[0].clone();
    assert_eq!(pod.ip.to_string(), "192.168.1.11");
    assert_eq!(ask(&mut s, "client", "worker-1:80"), Ending::Answered);
    assert_eq!(ask(&mut s, "worker-2", "svc/nginx-ingress"), Ending::Answered);
    assert_eq!(ask(&mut s, "client", "worker-2:80"), Ending::Failed);
    let service = s.cluster().services.iter().find(|x| x.name == "nginx-ingress").expect("there");
    let ends: Vec<_> = service.ports[0].ready().map(|(a, p)| format!("{a}:{p}")).collect();
    assert_eq!(ends, ["192.168.1.11:80"]);
    let pods = run(&mut s, "kubectl get pods -o wide");
    assert!(pods.contains("192.168.1.11   worker-1"), "{pods}");
    // It sends from its node.
    assert_eq!(ask(&mut s, "deploy/nginx-ingress", "svc/nginx-ingress"), Ending::Answered);
    let without = CASES[5].1.replace("hostNetwork: true", "hostNetwork: false");
    assert_eq!(ask(&mut session(&without), "client", "worker-1:80"), Ending::Failed);
}

/// A text with a workload of each kind and a Service for it.
fn each_kind() -> String {
    let template = |name: &str| {
        format!(
            "{{metadata: {{labels: {{app: {name}}}}}, spec: {{restartPolicy: Always, containers: \
             [{{name: c, image: nginx}}]}}}}"
        )
    };
    let kinds = [
        ("apps/v1", "Deployment", "replicas: 2, "),
        ("apps/v1", "ReplicaSet", "replicas: 2, "),
        ("v1", "ReplicationController", "replicas: 2, "),
        ("apps/v1", "StatefulSet", "replicas: 2, serviceName: x, "),
        ("apps/v1", "DaemonSet", ""),
        ("batch/v1", "Job", "parallelism: 2, completions: 5, "),
    ];
    let mut out = String::new();
    for (version, kind, fields) in kinds {
        let name = kind.to_lowercase();
        let selector = match kind {
            "Job" => String::new(),
            "ReplicationController" => format!("selector: {{app: {name}}}, "),
            _ => format!("selector: {{matchLabels: {{app: {name}}}}}, "),
        };
        out += &format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{fields}\
             {selector}template: {}}}\n---\napiVersion: v1\nkind: Service\nmetadata: \
             {{name: {name}}}\nspec: {{selector: {{app: {name}}}, ports: [{{port: 80}}]}}\n---\n",
            template(&name)
        );
    }
    out + "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: \
           '0 3 * * *', jobTemplate: {spec: {template: {spec: {containers: []}}}}}\n"
}

#[test]
fn each_kind_sends_and_answers() {
    for version in ["1.10", "1.22", "1.28", "1.36"] {
        let mut s = on(version, &each_kind());
        for kind in WorkloadKind::ALL {
            let name = kind.name().to_lowercase();
            if matches!(kind, WorkloadKind::Pod | WorkloadKind::CronJob) {
                continue;
            }
            let pods = of(s.cluster(), kind, &name);
            assert_eq!(pods.len(), 2, "{version} {kind}");
            let first = pods[0].name.clone();
            assert!(first.starts_with(&format!("{name}-")), "{first}");
            let from = format!("{}/{name}", kind.short());
            assert_eq!(ask(&mut s, &from, &format!("svc/{name}")), Ending::Answered, "{version}");
            let from = format!("pod/{first}");
            let ping = Probe { proto: Protocol::Icmp, ..Probe::new(&from, "n1") };
            assert_eq!(s.send(&ping).expect("sent").verdict.ending, Ending::Answered, "{first}");
        }
    }
}

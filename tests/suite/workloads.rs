//! Every kind that makes pods: its pods run where they should, answer, and send; what listens in
//! them and whether they are ready follows from their images, commands and probes.

use kube::cluster::{Origin, Pod};
use kube::object::WorkloadKind;
use kube::{Cluster, Severity};
use play::{Ending, Probe, Protocol, Session, shell};

/// The cases of public reports that were written down as texts.
const CASES: [(&str, &str); 8] = [
    ("declared-port", include_str!("workloads/declared-port.yaml")),
    ("source-ranges", include_str!("workloads/source-ranges.yaml")),
    ("endpoints-of-a-node-port", include_str!("workloads/endpoints-of-a-node-port.yaml")),
    ("daemon-with-host-port", include_str!("workloads/daemon-with-host-port.yaml")),
    ("peers-by-name", include_str!("workloads/peers-by-name.yaml")),
    ("host-network", include_str!("workloads/host-network.yaml")),
    ("cluster-output", include_str!("workloads/cluster-output.yaml")),
    ("eks", include_str!("workloads/eks.yaml")),
];

fn session(document: &str) -> Session {
    let told =
        |d: Vec<kube::Diagnostic>| d.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Session::new(document, 1, true).unwrap_or_else(|d| panic!("{}", told(d)))
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
    // The verdict says that it depends on an assumption.
    let run = s.send(&Probe::new("client", "worker-1:31515")).expect("sent");
    let assumed = run.verdict.assumed.expect("an assumption");
    assert_eq!((assumed.pod.as_str(), assumed.port), ("client-pod", 3000));
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
        let restart = if name == "job" { "OnFailure" } else { "Always" };
        format!(
            "{{metadata: {{labels: {{app: {name}}}}}, spec: {{restartPolicy: {restart}, containers: \
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
           '0 3 * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, \
           containers: [{name: c, image: busybox}]}}}}}\n"
}

#[test]
fn each_kind_sends_and_answers() {
    for version in ["1.10", "1.22", "1.28", "1.36"] {
        // CronJobs are in batch/v1 since 1.21.
        let old = version == "1.10";
        let cron = "apiVersion: batch/v1\nkind: CronJob";
        let text =
            each_kind().replace(cron, &cron.replace("v1", if old { "v1beta1" } else { "v1" }));
        let mut s = on(version, &text);
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

/// Lets the components finish what a change began.
fn settle(s: &mut Session) {
    s.play(&[play::Step::send(Probe {
        proto: Protocol::Icmp,
        settle: Some(net::Duration::secs(8)),
        ..Probe::new("client", "n1")
    })]);
}

#[test]
fn a_change_of_the_template_replaces_the_pods_of_each_kind() {
    let before = each_kind();
    let mut s = on("1.36", &before);
    let of_each = |c: &Cluster| -> Vec<(WorkloadKind, Vec<String>, Vec<std::net::Ipv4Addr>)> {
        let kinds = WorkloadKind::ALL.into_iter();
        let pods = |k: WorkloadKind| {
            let pods = of(c, k, &k.name().to_lowercase());
            let (mut names, mut ips): (Vec<_>, Vec<_>) =
                pods.iter().map(|p| (p.name.clone(), p.ip)).unzip();
            names.sort();
            ips.sort();
            (k, names, ips)
        };
        kinds.map(pods).filter(|(_, names, _)| !names.is_empty()).collect()
    };
    let old = of_each(s.running());
    let text = before.replace("image: nginx", "image: httpd");
    let out = shell::exec(
        &mut s,
        "cp",
        &format!("kubectl apply -f - <<< '{}'", text.replace('\'', "\"")),
    );
    assert_eq!(out.status, 0, "{}", out.text);
    settle(&mut s);
    let new = of_each(s.running());
    for ((kind, names, ips), (_, were, were_at)) in new.iter().zip(&old) {
        assert!(ips.iter().all(|ip| !were_at.contains(ip)), "{kind}: {ips:?}");
        assert_eq!(names == were, *kind == WorkloadKind::StatefulSet, "{kind}: {names:?}");
        let to = format!("svc/{}", kind.name().to_lowercase());
        assert_eq!(ask(&mut s, "n1", &to), Ending::Answered, "{kind}");
        let from = format!("{}/{}", kind.short(), kind.name().to_lowercase());
        assert_eq!(ask(&mut s, &from, &to), Ending::Answered, "{kind}");
    }
    let state = s.last();
    let there = |n: &&str| state.netns.iter().filter(|x| !x.gone && *x.name == **n).count();
    assert!(["statefulset-0", "statefulset-1"].iter().all(|n| there(n) == 1));
    let n_pods = s.running().pods.len();
    let pods = state.netns.iter().filter(|n| !n.gone).count() - 5;
    assert_eq!(pods, n_pods, "the namespaces that are left");
}

#[test]
fn a_pod_on_the_host_network_comes_and_goes() {
    let text = CASES[5].1.replace("worker-1", "n1");
    let mut s = on("1.36", "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n");
    assert_eq!(ask(&mut s, "client", "n1:80"), Ending::Failed);
    let line = format!("kubectl apply -f - <<< '{text}'");
    assert_eq!(shell::exec(&mut s, "cp", &line).status, 0);
    settle(&mut s);
    assert_eq!(ask(&mut s, "client", "n1:80"), Ending::Answered);
    run(&mut s, "kubectl delete deploy nginx-ingress");
    settle(&mut s);
    assert_eq!(ask(&mut s, "client", "n1:80"), Ending::Failed);
}

#[test]
fn pods_wait_with_the_schedulers_reason_and_are_listed() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
                replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: \
                {labels: {app: web}}\n    spec:\n      nodeSelector: {disk: ssd}\n      \
                containers: [{name: c, image: nginx}]\n---\napiVersion: v1\nkind: Service\n\
                metadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    let reason = |version: &str, text: &str| {
        let s = on(version, text);
        let pending = &s.running().idle_pods;
        pending.first().map(|p| p.reason.clone()).unwrap_or_default()
    };
    assert_eq!(
        reason("1.36", text),
        "0/3 nodes are available: 1 node(s) had untolerated taint \
         {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match Pod's node \
         affinity/selector"
    );
    assert_eq!(
        reason("1.10", text),
        "0/3 nodes are available: 1 node(s) had taints that the pod didn't tolerate, 2 node(s) \
         didn't match node selector"
    );
    let mut s = on("1.22", text);
    let pods = run(&mut s, "kubectl get pods");
    assert_eq!(
        pods.matches("0/1       Pending").count() + pods.matches("0/1     Pending").count(),
        2,
        "{pods}"
    );
    let error = s.send(&Probe::new("deploy/web", "n1:80")).expect_err("no pod");
    assert!(error.message().contains("0/3 nodes are available"), "{error}");
    // A Node gives the label that is missing.
    let node = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n2, labels: {disk: ssd}}\n";
    let s = on("1.22", &(text.to_owned() + node));
    let pods = of(s.cluster(), WorkloadKind::Deployment, "web");
    assert_eq!(nodes(s.cluster(), &pods), ["n2", "n2"]);
}

#[test]
fn affinity_taints_and_spread_decide_the_node() {
    let web = |name: &str, spec: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{replicas: \
             3, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: \
             {{app: {name}}}}}, spec: {{{spec}, containers: [{{name: c, image: nginx}}]}}}}}}\n---\n"
        )
    };
    let rule = "requiredDuringSchedulingIgnoredDuringExecution";
    let own = |name: &str| {
        format!(
            "[{{labelSelector: {{matchLabels: {{app: {name}}}}}, topologyKey: kubernetes.io/hostname}}]"
        )
    };
    let text = [
        web("apart", &format!("affinity: {{podAntiAffinity: {{{rule}: {}}}}}", own("apart"))),
        web("together", &format!("affinity: {{podAffinity: {{{rule}: {}}}}}", own("together"))),
        web(
            "leader",
            "nodeSelector: {node-role.kubernetes.io/control-plane: \"\"}, tolerations: \
             [{operator: Exists}]",
        ),
        web(
            "spread",
            "tolerations: [{operator: Exists}], topologySpreadConstraints: [{maxSkew: 1, \
             topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: \
             {matchLabels: {app: spread}}}]",
        ),
        web(
            "liked",
            "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: \
             [{weight: 5, preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: \
             In, values: [n2]}]}}]}}",
        ),
    ]
    .concat();
    let s = on("1.36", &text);
    let placed = |name: &str| {
        let mut all = nodes(s.cluster(), &of(s.cluster(), WorkloadKind::Deployment, name));
        all.sort();
        all
    };
    assert_eq!(placed("apart"), ["n1", "n2"]);
    let together = placed("together");
    assert!(together.len() == 3 && together.iter().all(|n| *n == together[0]), "{together:?}");
    assert_eq!(placed("leader"), ["cp", "cp", "cp"]);
    assert_eq!(placed("spread"), ["cp", "n1", "n2"]);
    assert_eq!(placed("liked"), ["n2", "n2", "n2"]);
    assert_eq!(s.cluster().idle_pods.len(), 1);
}

#[test]
fn the_pods_of_a_clusters_output_are_its_workloads_pods() {
    let mut s = session(include_str!("workloads/output.yaml"));
    let c = s.cluster().clone();
    let names_of_nodes: Vec<_> = c.nodes.iter().map(|n| n.spec.name.value.as_str()).collect();
    assert_eq!(names_of_nodes, ["kind-control-plane", "kind-worker"]);
    assert_eq!(c.topology.version.to_string(), "1.29");
    assert_eq!(c.nodes[1].pod_cidr.to_string(), "10.244.7.0/24");
    let pods = of(&c, WorkloadKind::Deployment, "web");
    assert_eq!(names(&pods), ["web-5d8f9b7c6d-aaaaa", "web-5d8f9b7c6d-bbbbb"]);
    assert_eq!(pods[0].ip.to_string(), "10.244.7.9");
    assert!(pods[0].ready && !pods[1].ready);
    let service = c.services.iter().find(|x| x.name == "web").expect("a Service");
    let ends: Vec<_> = service.ports[0].ready().map(|(a, p)| format!("{a}:{p}")).collect();
    assert_eq!(ends, ["10.244.7.9:80"]);
    assert_eq!(ask(&mut s, "kind-control-plane", "svc/web"), Ending::Answered);
    assert!(run(&mut s, "kubectl get deploy").contains("web       1/2       2            1"));
}

#[test]
fn a_clusters_output_brings_its_own_addresses_services_and_dns() {
    let mut s = case("cluster-output");
    let c = s.cluster();
    assert_eq!(c.topology.version.to_string(), "1.29");
    assert_eq!(c.topology.service_cidr.to_string(), "10.43.0.0/16");
    let services: Vec<_> =
        c.services.iter().map(|s| format!("{}/{}", s.namespace, s.name)).collect();
    assert_eq!(services, ["default/kubernetes", "kube-system/kube-dns", "shop/web"]);
    let dns: Vec<_> = c.pods.iter().filter(|p| p.namespace == "kube-system").collect();
    assert_eq!(dns.len(), 1, "the text's own CoreDNS is the only one");
    for to in ["http://web", "svc/default/kubernetes:443"] {
        assert_eq!(ask(&mut s, "pod/shop/web-abc-x1", to), Ending::Answered, "{to}");
    }
}

#[test]
fn pods_of_a_foreign_network_plugin_get_flannels_addresses_and_one_note() {
    let (_, diags) = kube::build(CASES[7].1);
    let about: Vec<_> = diags.iter().filter(|d| d.message.contains("network plugin")).collect();
    assert_eq!(about.len(), 1, "{diags:?}");
    assert!(diags.iter().all(|d| d.severity == Severity::Note), "{diags:?}");
    let mut s = case("eks");
    assert_eq!(s.cluster().topology.version.to_string(), "1.28");
    let web = of(s.cluster(), WorkloadKind::Pod, "web-6d4cf56db6-7xq4n")[0];
    assert!(web.ip.to_string().starts_with("10.244."), "{}", web.ip);
    for to in ["http://web", "svc/web", "svc/default/kubernetes:443"] {
        assert_eq!(ask(&mut s, "pod/web-6d4cf56db6-7xq4n", to), Ending::Answered, "{to}");
    }
}

#[test]
fn a_pod_may_have_the_name_of_a_machine() {
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: x}}}}\n\
             spec: {{containers: [{{name: c, image: nginx}}]}}\n"
        )
    };
    let names = ["client", "worker-1", "control-plane", "lan", "gateway"];
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: client}\n\
                   spec: {selector: {app: x}, ports: [{port: 80}]}\n";
    let mut s = session(&(names.map(pod).concat() + service));
    for from in names {
        for to in ["svc/client", "pod/client:80"] {
            let run = s.send(&Probe::new(&format!("pod/{from}"), to)).expect("sent");
            assert_eq!(run.verdict.ending, Ending::Answered, "{from} → {to}");
            let netns = &s.world().state().ns(run.from).name;
            assert!(**netns == *from || **netns == *format!("default/{from}"), "{netns}");
        }
    }
    let run = s.send(&Probe::new("client", "worker-2:22")).expect("sent");
    assert_eq!(&*s.world().state().ns(run.from).name, "client", "the machine");
    assert!(shell::exec(&mut s, "control-plane", "kubectl delete pod worker-1").status == 0);
    assert!(of(s.running(), WorkloadKind::Pod, "worker-1").is_empty());
}

#[test]
fn what_is_declared_beside_a_configurable_image_listens() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: i, labels: {app: i}}\nspec:\n  \
                containers:\n  - name: c\n    image: registry.k8s.io/ingress-nginx/controller:v1\n    \
                args: [/nginx-ingress-controller, '--validating-webhook=:8443']\n    \
                ports: [{containerPort: 80}, {containerPort: 8444, name: hook}]\n";
    let s = session(text);
    let listening = &of(s.cluster(), WorkloadKind::Pod, "i")[0].listening;
    let ports: Vec<_> = listening.iter().map(|l| (l.at.port, l.origin)).collect();
    let image = [80, 443, 10254].map(|p| (p, Origin::Image));
    let rest = [(8443, Origin::Command), (8444, Origin::Declared)];
    assert_eq!(ports, [&image[..], &rest[..]].concat());
}

#[test]
fn a_request_ends_with_what_its_client_gets() {
    use net::socket::Outcome;
    let mut s = case("eks");
    let from = "pod/web-6d4cf56db6-7xq4n";
    let run = s.send(&Probe::new(from, "kube-dns.kube-system:53")).expect("two ports, one TCP");
    assert_eq!(run.verdict.outcome, Some(Outcome::Closed));
    let run = s.send(&Probe::new(from, "https://web:80")).expect("sent");
    assert_eq!((run.verdict.ending, run.verdict.without_tls), (Ending::Answered, true));
    let run = s.send(&Probe::new(from, "https://kubernetes")).expect("sent");
    assert_eq!(run.to.map(|to| to.1), Some(443));
}

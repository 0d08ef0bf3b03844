//! `kubectl`: `get` in the columns of 1.10, and what changes the cluster: `apply`, `scale`,
//! `delete`.

use super::CommandOutput;
use crate::components::Rejection;
use crate::session::Session;
use kube::change::{self, ChangeError, ClusterChange, Thing};
use kube::cluster::{Pod, RunningService, RunningWorkload};
use kube::object::{ServiceType, WorkloadKind};
use kube::proxy::Release;
use kube::topology::Role;
use net::NetnsId;
use std::collections::BTreeSet;

/// The arguments of a line after its verb.
struct Line<'a> {
    words: Vec<&'a str>,
    namespace: Option<&'a str>,
    all: bool,
    wide: bool,
    replicas: Option<&'a str>,
    file: Option<&'a str>,
    text: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn read(args: &[&'a str]) -> Result<Self, CommandOutput> {
        let mut this = Self {
            words: Vec::new(),
            namespace: None,
            all: false,
            wide: false,
            replicas: None,
            file: None,
            text: None,
        };
        let mut args = args.iter().copied();
        while let Some(arg) = args.next() {
            let (flag, value) = arg.split_once('=').map_or((arg, None), |(f, v)| (f, Some(v)));
            let mut value = || {
                let found = value.or_else(|| args.next());
                found.ok_or_else(|| {
                    CommandOutput::fail(1, format!("error: flag needs an argument: {flag}\n"))
                })
            };
            match flag {
                "-n" | "--namespace" => this.namespace = Some(value()?),
                "-A" | "--all-namespaces" => this.all = true,
                "-owide" => this.wide = true,
                "-o" | "--output" => match value()? {
                    "wide" => this.wide = true,
                    other => {
                        return Err(CommandOutput::fail(
                            1,
                            format!("error: -o {other} is not understood here; -o wide is\n"),
                        ));
                    }
                },
                "--replicas" => this.replicas = Some(value()?),
                "-f" | "--filename" => this.file = Some(value()?),
                "<<<" => this.text = Some(value()?),
                f if f.starts_with('-') => {
                    return Err(CommandOutput::fail(1, format!("error: unknown flag: {f}\n")));
                }
                // `svc/nginx` is `svc nginx`.
                _ => this.words.extend(arg.splitn(2, '/')),
            }
        }
        Ok(this)
    }

    fn namespace(&self) -> &'a str {
        self.namespace.unwrap_or("default")
    }
}

/// The namespace in which a line is run, and the line.
type Typed<'a> = (NetnsId, &'a str);

pub(super) fn run(session: &mut Session, typed: Typed<'_>, args: &[&str]) -> CommandOutput {
    let Some((verb, rest)) = args.split_first() else { return unknown() };
    let line = match Line::read(rest) {
        Ok(line) => line,
        Err(out) => return out,
    };
    match *verb {
        "get" => get(session, &line),
        "apply" => apply(session, typed, &line),
        "scale" => scale(session, typed, &line),
        "delete" => delete(session, typed, &line),
        _ => unknown(),
    }
}

fn unknown() -> CommandOutput {
    CommandOutput::fail(
        1,
        "kubectl: not understood here; try: kubectl get svc -o wide, kubectl get pods -o wide, kubectl get nodes, \
         kubectl scale deployment NAME --replicas=3, kubectl delete pod NAME, kubectl apply -f - <<< '…'\n",
    )
}

/// The resource of a kind's name or short name: in errors, and before an object's name.
fn kind(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word {
        "svc" | "service" | "services" => ("services", "service"),
        "po" | "pod" | "pods" => ("pods", "pod"),
        "deploy" | "deployment" | "deployments" | "deployment.apps" | "deployments.apps" => {
            ("deployments.apps", "deployment.apps")
        }
        "no" | "node" | "nodes" => ("nodes", "node"),
        other => match WorkloadKind::from_word(other)? {
            WorkloadKind::ReplicaSet => ("replicasets.apps", "replicaset.apps"),
            WorkloadKind::ReplicationController => {
                ("replicationcontrollers", "replicationcontroller")
            }
            WorkloadKind::StatefulSet => ("statefulsets.apps", "statefulset.apps"),
            WorkloadKind::DaemonSet => ("daemonsets.apps", "daemonset.apps"),
            WorkloadKind::Job => ("jobs.batch", "job.batch"),
            WorkloadKind::CronJob => ("cronjobs.batch", "cronjob.batch"),
            WorkloadKind::Deployment | WorkloadKind::Pod => return None,
        },
    })
}

fn not_found(kind: &str, name: &str) -> CommandOutput {
    CommandOutput::fail(1, format!("Error from server (NotFound): {kind} {name:?} not found\n"))
}

fn refused(why: &str, hint: &str) -> CommandOutput {
    CommandOutput::fail(1, format!("Error from server: {why}\n  hint: {hint}\n"))
}

/// The output for a change: its warnings, then the change.
fn done(result: Result<Vec<String>, Rejection>, text: String) -> CommandOutput {
    match result {
        Ok(warnings) => CommandOutput::ok(
            warnings.iter().map(|w| format!("{w}\n")).chain([text]).collect::<String>(),
        ),
        Err((why, hint)) => refused(&why, &hint),
    }
}

/// The edit of the document that corresponds to a line: `scale` or `delete`.
pub fn edit_of(line: &str) -> Option<ClusterChange> {
    let words = super::split(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["kubectl", verb, rest @ ..] = words.as_slice() else { return None };
    let line = Line::read(rest).ok()?;
    let [what, name] = line.words.as_slice() else { return None };
    let owned = (line.namespace().to_owned(), (*name).to_owned());
    match (*verb, kind(what)?.1) {
        ("scale", "deployment.apps") => {
            Some(ClusterChange::Scale(owned.0, owned.1, line.replicas?.parse().ok()?))
        }
        ("delete", "deployment.apps") => {
            Some(ClusterChange::Remove(Thing::Deployment(owned.0, owned.1)))
        }
        ("delete", "service") => Some(ClusterChange::Remove(Thing::Service(owned.0, owned.1))),
        _ => None,
    }
}

/// The kind of the objects that a line names, their namespace and their names.
pub(crate) fn named<'w>(words: &[&'w str]) -> Option<(&'static str, &'w str, Vec<&'w str>)> {
    let ["kubectl", _, rest @ ..] = words else { return None };
    let line = Line::read(rest).ok()?;
    let (what, names) = line.words.split_first()?;
    Some((kind(what)?.1, line.namespace(), names.to_vec()))
}

/// The output of kubectl for an edit of the document.
pub fn told(change: &ClusterChange) -> String {
    match change {
        ClusterChange::Scale(_, name, _) => format!("deployment.apps/{name} scaled\n"),
        ClusterChange::Remove(Thing::Deployment(_, name)) => {
            format!("deployment.apps \"{name}\" deleted\n")
        }
        ClusterChange::Remove(Thing::Service(_, name)) => format!("service \"{name}\" deleted\n"),
        _ => String::new(),
    }
}

fn cannot(e: &ChangeError) -> CommandOutput {
    CommandOutput::fail(1, format!("Error from server: {e}\n"))
}

fn apply(session: &mut Session, typed: Typed<'_>, line: &Line<'_>) -> CommandOutput {
    let (Some("-"), Some(text), []) = (line.file, line.text, line.words.as_slice()) else {
        return CommandOutput::fail(
            1,
            "error: files cannot be read here; pass the manifests: kubectl apply -f - <<< '…'\n",
        );
    };
    apply_as(session, typed, text, line.namespace)
}

/// Applies manifests where the API server is.
pub(crate) fn apply_text(session: &mut Session, text: &str) -> CommandOutput {
    let nodes = &session.running().nodes;
    let server = nodes.iter().find(|n| n.spec.role == Role::ControlPlane).or(nodes.first());
    let netns = server.and_then(|n| session.last().ns_named(&n.spec.name.value));
    let Some((netns, _)) = netns else {
        return CommandOutput::fail(1, "error: no node is there\n");
    };
    apply_as(session, (netns, "kubectl apply -f -"), text, None)
}

fn apply_as(
    session: &mut Session,
    typed: Typed<'_>,
    text: &str,
    namespace: Option<&str>,
) -> CommandOutput {
    let (_, diags) = kube::yaml::parse(text);
    if let Some(d) = diags.iter().find(|d| d.severity == kube::Severity::Error) {
        return CommandOutput::fail(
            1,
            format!(
                "error: error parsing STDIN: line {}: {}\n  hint: {}\n",
                d.span.line, d.message, d.hint
            ),
        );
    }
    let (whole, applied) = match change::applied(&session.live.text, text, namespace) {
        Ok(x) => x,
        Err(e) => return cannot(&e),
    };
    if applied.is_empty() {
        return CommandOutput::fail(1, "error: no objects passed to apply\n");
    }
    if applied.iter().any(|t| t.kind == "Script") {
        return refused("a Script is not an object of the cluster", "write its commands instead");
    }
    let result = session.reapply(typed, &whole, &BTreeSet::new());
    let name = |kind: &str| {
        if kind == "Deployment" { "deployment.apps".to_owned() } else { kind.to_lowercase() }
    };
    done(
        result,
        applied.iter().map(|t| format!("{}/{} {}\n", name(&t.kind), t.name, t.result)).collect(),
    )
}

fn scale(session: &mut Session, typed: Typed<'_>, line: &Line<'_>) -> CommandOutput {
    let Some(replicas) = line.replicas else {
        return CommandOutput::fail(1, "error: required flag(s) \"replicas\" not set\n");
    };
    let Ok(n) = replicas.parse::<u32>() else {
        return CommandOutput::fail(
            1,
            format!("error: invalid argument {replicas:?} for \"--replicas\": write a number\n"),
        );
    };
    let [what, name] = line.words.as_slice() else { return unknown() };
    let Some((plural, one @ "deployment.apps")) = kind(what) else {
        return CommandOutput::fail(
            1,
            format!("error: {what} cannot be scaled here; a deployment can\n"),
        );
    };
    let asked = ClusterChange::Scale(line.namespace().to_owned(), (*name).to_owned(), n);
    match change::change(&session.live.text, &asked) {
        Err(ChangeError::NotWritten(_)) => not_found(plural, name),
        Err(e) => cannot(&e),
        Ok(text) => {
            done(session.reapply(typed, &text, &BTreeSet::new()), format!("{one}/{name} scaled\n"))
        }
    }
}

fn delete(session: &mut Session, typed: Typed<'_>, line: &Line<'_>) -> CommandOutput {
    let (Some(what), [name, more @ ..]) =
        (line.words.first(), line.words.get(1..).unwrap_or_default())
    else {
        return unknown();
    };
    let Some((plural, one)) = kind(what) else { return cannot_delete(what) };
    if !more.is_empty() {
        return CommandOutput::fail(1, "error: one name at a time is understood here\n");
    }
    let owned = (line.namespace().to_owned(), (*name).to_owned());
    let thing = match one {
        "service" => Thing::Service(owned.0, owned.1),
        "deployment.apps" => Thing::Deployment(owned.0, owned.1),
        "node" => Thing::Node(owned.1),
        "pod" => return delete_pod(session, typed, line.namespace(), name),
        _ => return cannot_delete(what),
    };
    match change::change(&session.live.text, &ClusterChange::Remove(thing)) {
        Err(ChangeError::NotWritten(_))
            if one == "service" && is_service(session, line.namespace(), name) =>
        {
            refused(
                &format!(
                    "service {name:?} is brought by the cluster itself, which brings it again"
                ),
                "delete one that is written in the text",
            )
        }
        Err(ChangeError::NotWritten(_)) => not_found(plural, name),
        Err(e) => cannot(&e),
        Ok(text) => done(
            session.reapply(typed, &text, &BTreeSet::new()),
            format!("{one} {name:?} deleted\n"),
        ),
    }
}

fn cannot_delete(what: &str) -> CommandOutput {
    CommandOutput::fail(
        1,
        format!("error: {what} cannot be deleted here; a service, deployment, pod or node can\n"),
    )
}

fn is_service(session: &Session, namespace: &str, name: &str) -> bool {
    session.running().services.iter().any(|s| s.name == name && s.namespace == namespace)
}

/// Deletes a pod; its ReplicaSet creates another.
fn delete_pod(
    session: &mut Session,
    typed: Typed<'_>,
    namespace: &str,
    name: &str,
) -> CommandOutput {
    let cluster = session.running();
    let is_it = |p: &&Pod| p.name == *name && p.namespace == namespace;
    if cluster.host_pods.iter().any(|p| is_it(&p)) {
        return refused(
            &format!(
                "pod {name:?} uses its node's own network: what becomes of it is not simulated"
            ),
            "delete another",
        );
    }
    let Some(pod) = cluster.pods.iter().find(is_it) else {
        return not_found("pods", name);
    };
    let (text, gone) = (session.live.text.clone(), BTreeSet::from([pod.netns()]));
    done(session.reapply(typed, &text, &gone), format!("pod {name:?} deleted\n"))
}

fn get(session: &Session, line: &Line<'_>) -> CommandOutput {
    let cluster = session.running();
    let here = |ns: &str| line.all || ns == line.namespace();
    let age =
        age(session.world().state().now.0 / 1_000_000_000, cluster.topology.version.human_ages());
    let (what, names) =
        (line.words.first().and_then(|w| kind(w)), line.words.get(1..).unwrap_or_default());
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let (plural, head, shown, rows) = match what {
        Some((plural, "service")) => {
            let head = ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE", "SELECTOR"];
            let rows = cluster
                .services
                .iter()
                .filter(|s| here(&s.namespace) && wanted(&s.name))
                .map(|s| service_row(s, &age));
            (plural, head, if line.wide { 7 } else { 6 }, rows.collect::<Vec<_>>())
        }
        Some((plural, "pod")) => {
            let head = ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"];
            let rows =
                pod_rows(session, &age).into_iter().filter(|(ns, r)| here(ns) && wanted(&r[0]));
            (plural, head, if line.wide { 7 } else { 5 }, rows.collect())
        }
        Some((plural, "node")) => {
            let head = ["NAME", "STATUS", "ROLES", "AGE", "VERSION", "INTERNAL-IP", "EXTERNAL-IP"];
            let rows = cluster.nodes.iter().filter(|n| wanted(&n.spec.name.value)).map(|n| {
                let release = cluster.topology.version;
                let role = match n.spec.role {
                    Role::ControlPlane if release.no_master() => "control-plane",
                    Role::ControlPlane if release.two_roles() => "control-plane,master",
                    Role::ControlPlane => "master",
                    Role::Worker => "<none>",
                };
                let version = format!("v{release}.0");
                let row = [
                    &n.spec.name.value,
                    "Ready",
                    role,
                    &age,
                    &version,
                    &n.address().to_string(),
                    "<none>",
                ];
                (String::new(), row.map(str::to_owned))
            });
            (plural, head, if line.wide { 7 } else { 5 }, rows.collect())
        }
        Some((plural, _)) => {
            let kind = line.words.first().and_then(|w| WorkloadKind::from_word(w));
            let Some(kind) = kind else { return unknown() };
            let (head, shown) = workload_head(kind, cluster.topology.version);
            let rows = workload_rows(session, kind, &age);
            let rows = rows.into_iter().filter(|(ns, r)| here(ns) && wanted(&r[0]));
            (plural, head, shown, rows.collect())
        }
        None => return unknown(),
    };
    let have = |name: &&&str| !rows.iter().any(|(_, r)| r[0] == **name);
    if let Some(missing) = names.iter().find(have) {
        return not_found(plural, missing);
    }
    let spaced = line.all && plural != "nodes";
    let with = |ns: &str, r: [String; 7]| {
        spaced
            .then(|| ns.to_owned())
            .into_iter()
            .chain(r.into_iter().take(shown))
            .collect::<Vec<_>>()
    };
    let rows = std::iter::once(with("NAMESPACE", head.map(str::to_owned)))
        .chain(rows.into_iter().map(|(ns, r)| with(&ns, r)));
    table(&rows.collect::<Vec<_>>())
}

/// An age as kubectl prints it, in one unit or two (`duration.HumanDuration`).
fn age(seconds: u64, human: bool) -> String {
    let (m, h) = (seconds / 60, seconds / 3_600);
    let two = |a: u64, unit: &str, b: u64, of: &str| {
        if b > 0 { format!("{a}{unit}{b}{of}") } else { format!("{a}{unit}") }
    };
    // The ends, in seconds, of the ranges printed as 1s, 1m1s, 1m, 1h1m and 1h.
    let (s_end, ms_end, m_end, hm_end, h_end) =
        if human { (120, 600, 10_800, 28_800, 172_800) } else { (60, 60, 3_600, 3_600, 86_400) };
    match seconds {
        n if n < s_end => format!("{n}s"),
        n if n < ms_end => two(m, "m", n % 60, "s"),
        n if n < m_end => format!("{m}m"),
        n if n < hm_end => two(h, "h", m % 60, "m"),
        n if n < h_end => format!("{h}h"),
        _ => format!("{}d", h / 24),
    }
}

fn service_row(s: &RunningService, age: &str) -> (String, [String; 7]) {
    let port = |p: &kube::cluster::Port| {
        p.node_port.map_or_else(
            || format!("{}/{}", p.port, p.protocol),
            |np| format!("{}:{np}/{}", p.port, p.protocol),
        )
    };
    let ports: Vec<_> = s.ports.iter().map(port).collect();
    let selector: Vec<_> = s.selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let selector = if selector.is_empty() { "<none>".to_owned() } else { selector.join(",") };
    let none = if s.kind == ServiceType::ExternalName { "<none>" } else { "None" };
    let ip = s.cluster_ip.map_or_else(|| none.to_owned(), |ip| ip.to_string());
    let ports = if ports.is_empty() { "<none>".to_owned() } else { ports.join(",") };
    (
        s.namespace.clone(),
        [
            s.name.clone(),
            s.kind.name().to_owned(),
            ip,
            external(s),
            ports,
            age.to_owned(),
            selector,
        ],
    )
}

/// The columns of a kind of workload, and how many of the seven it has.
fn workload_head(kind: WorkloadKind, release: Release) -> ([&'static str; 7], usize) {
    use WorkloadKind as K;
    match kind {
        // Up to 1.10 kubectl prints what a Deployment wants and has in columns of their own.
        K::Deployment if release.short_deployments() => {
            (["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "", ""], 5)
        }
        K::Deployment => (["NAME", "DESIRED", "CURRENT", "UP-TO-DATE", "AVAILABLE", "AGE", ""], 6),
        K::StatefulSet if release.short_deployments() => {
            (["NAME", "READY", "AGE", "", "", "", ""], 3)
        }
        K::StatefulSet => (["NAME", "DESIRED", "CURRENT", "AGE", "", "", ""], 4),
        K::DaemonSet => {
            (["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"], 7)
        }
        K::Job => (["NAME", "COMPLETIONS", "DURATION", "AGE", "", "", ""], 4),
        K::CronJob => (["NAME", "SCHEDULE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE", ""], 6),
        K::ReplicaSet | K::ReplicationController | K::Pod => {
            (["NAME", "DESIRED", "CURRENT", "READY", "AGE", "", ""], 5)
        }
    }
}

/// The workloads of a kind, with their namespaces. A Deployment is also its ReplicaSet.
fn workload_rows(session: &Session, kind: WorkloadKind, age: &str) -> Vec<(String, [String; 7])> {
    use WorkloadKind as K;
    let cluster = session.running();
    let own = cluster.workloads.iter().filter(|w| {
        w.owner.kind == kind || (kind == K::ReplicaSet && w.owner.kind == K::Deployment)
    });
    let row = |w: &RunningWorkload| {
        let is_it = |p: &&Pod| p.owner == w.owner && p.namespace == w.namespace;
        let there = |p: &&Pod| session.world().state().ns_named(&cluster.netns(p)).is_some();
        let running: Vec<_> = cluster.all_pods().filter(is_it).filter(there).collect();
        let ready = running.iter().filter(|p| p.ready && !p.terminating).count().to_string();
        let idle = cluster.idle_pods.iter();
        let idle = idle.filter(|p| p.owner == w.owner && p.namespace == w.namespace).count();
        let (current, desired) = ((running.len() + idle).to_string(), w.desired.to_string());
        let of = |n: &str, all: &str| format!("{n}/{all}");
        let name = match w.owner.kind {
            K::Deployment if kind == K::ReplicaSet => {
                format!("{}-{}", w.owner.name, w.template_hash)
            }
            _ => w.owner.name.clone(),
        };
        let suspended = if w.suspended { "True" } else { "False" }.to_owned();
        let schedule = w.schedule.clone().unwrap_or_default();
        let completions = match w.completions {
            Some(n) => of("0", &n.to_string()),
            None if w.desired > 1 => format!("0/1 of {desired}"),
            None => of("0", "1"),
        };
        let age = age.to_owned();
        let cells = match kind {
            K::Deployment if cluster.topology.version.short_deployments() => {
                vec![name, of(&ready, &desired), current, ready, age]
            }
            K::Deployment => vec![name, desired, current.clone(), current, ready, age],
            K::StatefulSet if cluster.topology.version.short_deployments() => {
                vec![name, of(&ready, &desired), age]
            }
            K::StatefulSet => vec![name, desired, current, age],
            K::DaemonSet => {
                vec![name, desired, current.clone(), ready.clone(), current, ready, age]
            }
            K::Job => vec![name, completions, age.clone(), age],
            K::CronJob => {
                vec![name, schedule, suspended, "0".to_owned(), "<none>".to_owned(), age]
            }
            K::ReplicaSet | K::ReplicationController | K::Pod => {
                vec![name, desired, current, ready, age]
            }
        };
        let mut out = [const { String::new() }; 7];
        out.iter_mut().zip(cells).for_each(|(to, cell)| *to = cell);
        (w.namespace.clone(), out)
    };
    own.map(row).collect()
}

fn pod_rows(session: &Session, age: &str) -> Vec<(String, [String; 7])> {
    let cluster = session.running();
    let own = cluster.all_pods().map(|p| {
        // A kube-dns pod has three containers, of which only the DNS server is simulated.
        let n = if p.owner.name == "kube-dns" && p.namespace == "kube-system" {
            3
        } else {
            p.spec.running().count()
        };
        let there = session.world().state().ns_named(&cluster.netns(p)).is_some();
        let ready = if p.ready && there { n } else { 0 };
        let restarts = |why: &String| !why.starts_with("Readiness");
        let status = match (there, p.terminating) {
            (false, _) => "ContainerCreating",
            (_, true) => "Terminating",
            _ if p.unready.as_ref().is_some_and(restarts) => "CrashLoopBackOff",
            _ => "Running",
        };
        let node = &cluster.nodes[p.node].spec.name.value;
        (
            p.namespace.clone(),
            [&p.name, &format!("{ready}/{n}"), status, "0", age, &p.ip.to_string(), node]
                .map(str::to_owned),
        )
    });
    let idle = cluster.idle_pods.iter().map(|p| {
        let node = p.node.and_then(|n| cluster.nodes.get(n)).map(|n| n.spec.name.value.as_str());
        let ready = format!("0/{}", p.containers);
        (
            p.namespace.clone(),
            [&p.name, &ready, p.status, "0", age, "<none>", node.unwrap_or("<none>")]
                .map(str::to_owned),
        )
    });
    own.chain(idle).collect()
}

/// `EXTERNAL-IP`: the load balancer's addresses, then `externalIPs`.
fn external(s: &RunningService) -> String {
    if let Some(name) = &s.external_name {
        return name.clone();
    }
    let t = &s.traffic;
    let all: Vec<String> = t
        .ingress
        .iter()
        .map(|(a, _)| a.to_string())
        .chain(t.external_ips.iter().map(ToString::to_string))
        .collect();
    match s.kind {
        _ if !all.is_empty() => all.join(","),
        ServiceType::LoadBalancer => "<pending>".to_owned(),
        _ => "<none>".to_owned(),
    }
}

/// Columns as wide as their longest cell and three more, at least ten; the last is not padded.
fn table(rows: &[Vec<String>]) -> CommandOutput {
    let [head, rest @ ..] = rows else { return CommandOutput::default() };
    if rest.is_empty() {
        return CommandOutput::ok("No resources found.\n");
    }
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count() + 3).max().unwrap_or(0).max(10);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for row in rows {
        for (cell, (i, w)) in row.iter().zip(widths.iter().enumerate()) {
            out.push_str(cell);
            if i + 1 < head.len() {
                out.extend(std::iter::repeat_n(' ', w - cell.chars().count()));
            }
        }
        out.push('\n');
    }
    CommandOutput::ok(out)
}

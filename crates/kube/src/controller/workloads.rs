//! The controllers that make pods of templates: which pods there are, and how they are called
//! (`pkg/controller/{deployment,replicaset,statefulset,daemon,job}`).

use super::ControlPlane;
use super::pods::{NewPod, Outcome};
use super::text::TextPods;
use crate::cluster::{Owner, RunningWorkload};
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::object::{Labels, PodSpec, Strategy, TaintEffect, Toleration, Workload, WorkloadKind};
use std::rc::Rc;

/// The most pods of a workload that are listed though they do not run.
const MOST_IDLE: u32 = 100;

impl ControlPlane<'_> {
    /// Makes the pods of a workload, beside those that the text itself contains.
    pub(super) fn workload(&mut self, x: &Workload, text: &TextPods<'_>) {
        let owner = Owner { kind: x.kind, name: x.meta.name.value.clone() };
        if text.belongs_to_another(x) {
            return;
        }
        let hash = text.hash_of(&x.meta.namespace, &owner);
        let hash = hash.unwrap_or_else(|| naming::template_hash(&x.template.text));
        let nodes = match x.kind {
            WorkloadKind::DaemonSet => self.daemon_nodes(x),
            _ => Vec::new(),
        };
        let desired = match x.kind {
            WorkloadKind::DaemonSet => nodes.len(),
            _ if x.suspended => 0,
            _ => x.replicas.value as usize,
        };
        self.workloads.push(RunningWorkload {
            owner: owner.clone(),
            namespace: x.meta.namespace.clone(),
            desired,
            selector: x.selector.clone(),
            template_hash: hash.clone(),
            schedule: x.schedule.clone(),
            suspended: x.suspended,
            completions: x.completions,
        });
        let bound = match &x.template.spec.node_name {
            None => None,
            Some(name) => match self.node_named(name) {
                Some(node) => Some(node),
                None => return,
            },
        };
        let spec = match x.kind {
            WorkloadKind::DaemonSet => daemon_spec(&x.template.spec),
            _ => x.template.spec.clone(),
        };
        let pod = NewPod {
            namespace: &x.meta.namespace,
            set: match x.kind {
                WorkloadKind::Deployment => format!("{}-{hash}", owner.name),
                _ => owner.name.clone(),
            },
            labels: self.labels(x, &hash),
            owner,
            spec: Rc::new(spec),
            hash,
            name: None,
            bound,
            only: None,
            keeps_old: x.strategy == Strategy::OnDelete,
        };
        match x.kind {
            WorkloadKind::CronJob => {}
            WorkloadKind::StatefulSet => self.stateful_pods(x, &pod, text),
            WorkloadKind::DaemonSet => {
                let free = nodes.into_iter().filter(|n| bound.is_none_or(|b| b == *n));
                let written = text.nodes_of(self, &pod);
                for node in free.filter(|n| !written.contains(n)) {
                    let outcome = self.start(&NewPod { only: Some(node), ..pod.clone() });
                    self.report(x, &outcome, "");
                }
            }
            _ => self.replicas(x, &pod, text),
        }
    }

    /// The pods of a Deployment, ReplicaSet, ReplicationController or Job.
    fn replicas(&mut self, x: &Workload, pod: &NewPod<'_>, text: &TextPods<'_>) {
        let desired = if x.suspended { 0 } else { x.replicas.value };
        let written = u32::try_from(text.count(pod)).unwrap_or(u32::MAX);
        for i in written..desired {
            let mut pod = pod.clone();
            if x.indexed {
                pod.set = format!("{}-{i}", x.meta.name.value);
                let spec = PodSpec { hostname: Some(pod.set.clone()), ..(*pod.spec).clone() };
                pod.spec = Rc::new(spec);
            }
            let outcome = self.start(&pod);
            let Outcome::Idle(status, reason) = &outcome else { continue };
            self.report(x, &outcome, &format!(": pod {} of {desired}", i + 1));
            for _ in (i + 1..desired).take(MOST_IDLE as usize) {
                self.idle(&pod, status, reason.clone());
            }
            break;
        }
    }

    /// The pods of a StatefulSet. Unless they are started in parallel, each waits until the one
    /// before it is ready.
    fn stateful_pods(&mut self, x: &Workload, pod: &NewPod<'_>, text: &TextPods<'_>) {
        let first = x.first_ordinal;
        for ordinal in first..first.saturating_add(x.replicas.value) {
            let name = format!("{}-{ordinal}", x.meta.name.value);
            if let Some(ready) = text.state_of(self, pod.namespace, &name) {
                if ready || x.parallel {
                    continue;
                }
                break;
            }
            let mut labels = pod.labels.clone();
            labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), name.clone());
            if self.topology.version.pod_index_label() {
                labels.insert("apps.kubernetes.io/pod-index".to_owned(), ordinal.to_string());
            }
            let spec = PodSpec {
                hostname: Some(name.clone()),
                subdomain: x.service_name.clone(),
                ..(*pod.spec).clone()
            };
            let pod = NewPod { name: Some(name), labels, spec: Rc::new(spec), ..pod.clone() };
            let outcome = self.start(&pod);
            self.report(x, &outcome, &format!(": pod {:?}", pod.name.unwrap_or_default()));
            if outcome != Outcome::Running(true) && !x.parallel {
                break;
            }
        }
    }

    /// The labels of a workload's pods: the template's, and those that its controller adds.
    fn labels(&self, x: &Workload, hash: &str) -> Labels {
        let name = &x.meta.name.value;
        let mut out = x.template.labels.clone();
        let mut add = |key: &str, value: &str| {
            out.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        };
        match x.kind {
            WorkloadKind::Deployment => add("pod-template-hash", hash),
            WorkloadKind::StatefulSet => {
                add("controller-revision-hash", &format!("{name}-{hash}"));
            }
            WorkloadKind::DaemonSet => {
                add("controller-revision-hash", hash);
                add("pod-template-generation", "1");
            }
            WorkloadKind::Job => {
                add("job-name", name);
                if self.topology.version.batch_labels() {
                    add("batch.kubernetes.io/job-name", name);
                }
            }
            _ => {}
        }
        out
    }

    /// The nodes on which a DaemonSet runs a pod: those that its node affinity allows and whose
    /// taints it tolerates.
    fn daemon_nodes(&self, x: &Workload) -> Vec<usize> {
        let rules = daemon_spec(&x.template.spec).scheduling;
        let all = self.nodes.iter().enumerate();
        all.filter(|(_, n)| rules.wants(&n.spec.name.value, &n.labels))
            .filter(|(_, n)| rules.untolerated(&n.taints, false).is_none())
            .map(|(i, _)| i)
            .collect()
    }

    /// Warns of a pod that does not run. `which`: the pod, after a colon.
    fn report(&mut self, x: &Workload, outcome: &Outcome, which: &str) {
        let Outcome::Idle(status, reason) = outcome else { return };
        self.report_idle(x.replicas.span, status, reason, which);
    }

    /// Warns of a pod that does not run.
    pub(super) fn report_idle(
        &mut self,
        span: crate::diag::Span,
        status: &str,
        reason: &str,
        which: &str,
    ) {
        let (code, hint) = if status == "ContainerCreating" {
            (Code::AddressesExhausted, "write fewer replicas, or add a node")
        } else if reason.contains("free ports") {
            (Code::PodPending, "write fewer replicas, or remove hostPort")
        } else if reason.contains("taint") && !reason.contains("affinity") {
            (Code::PodPending, "add a node with role: worker, or a toleration of the taint")
        } else if reason.contains("unschedulable") {
            (Code::PodPending, "remove unschedulable: true from the Node")
        } else {
            (Code::PodPending, "add a node that fits, or change what the pod requires of its node")
        };
        let message = match status {
            "Pending" | "ContainerCreating" if which.is_empty() => {
                format!("{reason}: a pod stays {status}")
            }
            "Pending" | "ContainerCreating" => format!("{reason}{which} stays {status}"),
            _ => format!("{reason}{which}"),
        };
        self.d.diags.push(Diagnostic::warning(code, span, message, hint));
    }
}

/// The spec of a DaemonSet's pods: they tolerate what the controller adds
/// (`pkg/controller/daemon/util`, `AddOrUpdateDaemonPodTolerations`).
fn daemon_spec(spec: &PodSpec) -> PodSpec {
    use TaintEffect::{NoExecute, NoSchedule};
    let mut out = spec.clone();
    let mut tolerate = |key: &str, effect| {
        out.scheduling
            .tolerations
            .push(Toleration::of(&format!("node.kubernetes.io/{key}"), effect));
    };
    tolerate("not-ready", NoExecute);
    tolerate("unreachable", NoExecute);
    for key in ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"] {
        tolerate(key, NoSchedule);
    }
    if spec.host_network {
        tolerate("network-unavailable", NoSchedule);
    }
    out
}

//! Pods that the text itself contains: bare ones, static ones, and those of a cluster's own output,
//! which are the pods of their Deployment, StatefulSet and so on, and are not made a second time.

use super::ControlPlane;
use super::new_pod::NewPod;
use super::pods::Outcome;
use crate::cluster::{Owner, netns_of};
use crate::naming;
use crate::object::{Object, TextPod, Workload, WorkloadKind};
use std::rc::Rc;

/// A pod of the text, and what it belongs to.
struct Written<'a> {
    pod: &'a TextPod,
    owner: Owner,
}

/// The pods and ReplicaSets of a text by what they belong to.
#[derive(Default)]
pub(super) struct TextPods<'a> {
    pods: Vec<Written<'a>>,
    /// ReplicaSets of Deployments of the text, and Jobs of its CronJobs.
    owned: Vec<(&'a Workload, Owner)>,
}

impl<'a> TextPods<'a> {
    pub(super) fn new(objects: &'a [Object]) -> Self {
        let workloads: Vec<&Workload> = objects
            .iter()
            .filter_map(|o| if let Object::Workload(w) = o { Some(&**w) } else { None })
            .collect();
        let find = |kind: &str, namespace: &str, name: &str| {
            let is_it = |w: &&&Workload| {
                w.kind.name() == kind && w.meta.namespace == namespace && w.meta.name.value == name
            };
            workloads.iter().find(is_it).copied()
        };
        let owner = |w: &Workload| Owner { kind: w.kind, name: w.meta.name.value.clone() };
        let owned = workloads.iter().filter(|w| w.kind == WorkloadKind::ReplicaSet);
        let owned = owned.filter_map(|w| {
            let of = w.meta.owner.as_ref()?;
            Some((*w, owner(find(&of.kind, &w.meta.namespace, &of.name)?)))
        });
        let owned: Vec<_> = owned.collect();
        let of_pod = |p: &TextPod| {
            let namespace = &p.meta.namespace;
            let Some(of) = &p.meta.owner else {
                // Output without its references: the label names the Deployment's ReplicaSet.
                let hash = p.meta.labels.get("pod-template-hash");
                let selects = |w: &&&Workload| {
                    w.kind == WorkloadKind::Deployment
                        && w.meta.namespace == *namespace
                        && w.selector.selects(&p.meta.labels)
                };
                return hash.and_then(|_| workloads.iter().find(selects)).map(|w| owner(w));
            };
            let set = owned.iter().find(|(w, _)| {
                of.kind == "ReplicaSet"
                    && w.meta.namespace == *namespace
                    && w.meta.name.value == of.name
            });
            if let Some((_, deployment)) = set {
                return Some(deployment.clone());
            }
            if let Some(w) = find(&of.kind, namespace, &of.name) {
                return Some(owner(w));
            }
            // The ReplicaSet is missing, but its name is the Deployment's with the hash.
            let hash = p.meta.labels.get("pod-template-hash")?;
            let name = of.name.strip_suffix(hash)?.strip_suffix('-')?;
            find("Deployment", namespace, name).map(owner)
        };
        let pods = objects.iter().filter_map(|o| {
            let Object::Pod(pod) = o else { return None };
            let owner = of_pod(pod).unwrap_or_else(|| Owner {
                kind: WorkloadKind::Pod,
                name: pod.meta.name.value.clone(),
            });
            Some(Written { pod, owner })
        });
        Self { pods: pods.collect(), owned }
    }

    /// Whether a workload is the ReplicaSet of a Deployment of the text.
    pub(super) fn belongs_to_another(&self, x: &Workload) -> bool {
        self.owned.iter().any(|(w, _)| {
            w.kind == x.kind && w.meta.namespace == x.meta.namespace && w.meta.name == x.meta.name
        })
    }

    /// The pods of an owner.
    fn of<'s>(
        &'s self,
        namespace: &'s str,
        owner: &'s Owner,
    ) -> impl Iterator<Item = &'s Written<'a>> {
        self.pods.iter().filter(move |p| p.owner == *owner && p.pod.meta.namespace == namespace)
    }

    /// The hash of a workload's template as the text has it: of its newest ReplicaSet that has
    /// pods, else of its last pod.
    pub(super) fn hash_of(&self, namespace: &str, owner: &Owner) -> Option<String> {
        let sets = self
            .owned
            .iter()
            .filter(|(w, of)| of == owner && w.meta.namespace == namespace && w.replicas.value > 0);
        let of_set = sets.filter_map(|(w, _)| w.meta.labels.get("pod-template-hash")).next_back();
        let of_pod = self.of(namespace, owner).filter_map(|p| hash(p.pod)).last();
        of_set.cloned().or(of_pod)
    }

    /// The number of pods of a workload that the text contains and that count.
    pub(super) fn count(&self, pod: &NewPod<'_>) -> usize {
        self.of(pod.namespace, &pod.owner).count()
    }

    /// The nodes on which the text has pods of a DaemonSet.
    pub(super) fn nodes_of(&self, plane: &ControlPlane<'_>, pod: &NewPod<'_>) -> Vec<usize> {
        let names = self.of(pod.namespace, &pod.owner).filter_map(|p| {
            let name = p.pod.template.spec.node_name.as_ref()?;
            plane.nodes.iter().position(|n| n.spec.name.value == name.value)
        });
        names.collect()
    }

    /// Whether the pod of the text with this name is ready; `None` if the text has none.
    pub(super) fn state_of(
        &self,
        plane: &ControlPlane<'_>,
        namespace: &str,
        name: &str,
    ) -> Option<bool> {
        let is_it =
            |p: &&Written<'_>| p.pod.meta.namespace == namespace && p.pod.meta.name.value == name;
        self.pods.iter().find(is_it)?;
        let mut running = plane.pods.iter();
        Some(running.any(|p| p.namespace == namespace && p.name == name && p.ready))
    }
}

/// The hash of a pod's template, from the label that its controller gave it.
fn hash(pod: &TextPod) -> Option<String> {
    let labels = &pod.meta.labels;
    let of_set = labels.get("pod-template-hash");
    let revision = labels.get("controller-revision-hash");
    // That of a StatefulSet has its name in front.
    let revision = revision.map(|r| r.rsplit('-').next().unwrap_or(r).to_owned());
    of_set.cloned().or(revision)
}

impl ControlPlane<'_> {
    /// Reserves the addresses of the text's pods, so that no other pod gets them.
    pub(super) fn reserve_text(&mut self, text: &TextPods<'_>) {
        for w in text.pods.iter().filter(|w| !w.pod.ended && !w.pod.template.spec.host_network) {
            let node =
                w.pod.template.spec.node_name.as_ref().and_then(|name| {
                    self.nodes.iter().position(|n| n.spec.name.value == name.value)
                });
            if let Some((node, ip)) = node.zip(w.pod.ip.as_ref())
                && self.addresses[node].take(ip.value)
            {
                self.text_addresses.insert(ip.value);
            }
        }
    }

    /// Starts the pods of the text.
    pub(super) fn text_pods(&mut self, text: &TextPods<'_>) {
        for w in &text.pods {
            let (meta, spec) = (&w.pod.meta, &w.pod.template.spec);
            let mut t = NewPod {
                namespace: &meta.namespace,
                owner: w.owner.clone(),
                labels: meta.labels.clone(),
                spec: Rc::new(spec.clone()),
                hash: hash(w.pod).unwrap_or_else(|| naming::template_hash(&w.pod.template.text)),
                set: meta.name.value.clone(),
                name: Some(meta.name.value.clone()),
                bound: None,
                only: None,
                keeps_old: false,
            };
            let name = &meta.name.value;
            let netns = netns_of(&meta.namespace, name, self.topology.has_name(name));
            if self.deleted.contains(&netns) {
                continue;
            }
            if w.pod.ended {
                self.idle(&t, "Completed", "its containers have ended".to_owned());
                continue;
            }
            if let Some(name) = &spec.node_name {
                t.bound = self.node_named(name);
                if t.bound.is_none() {
                    let reason = format!("node {:?} not found", name.value);
                    self.idle(&t, "Pending", reason);
                    continue;
                }
            }
            if let Outcome::Idle(status, reason) = self.start_text(&t, w.pod) {
                self.report_idle(meta.name.span, status, &reason, ": the pod");
            }
        }
    }
}

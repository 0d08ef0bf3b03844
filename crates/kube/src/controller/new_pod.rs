//! A pod as its controller asks for it.

use crate::cluster::{Owner, Pod};
use crate::object::{Labels, PodSpec};
use std::rc::Rc;

/// A pod to create.
#[derive(Clone)]
pub(super) struct NewPod<'t> {
    pub(super) namespace: &'t str,
    pub(super) owner: Owner,
    pub(super) labels: Labels,
    pub(super) spec: Rc<PodSpec>,
    /// The hash of the template.
    pub(super) hash: String,
    /// Its name without `-` and five characters, if its controller draws those.
    pub(super) set: String,
    /// Its name, if it is fixed.
    pub(super) name: Option<String>,
    /// The index of the node that `nodeName` names: the scheduler is not asked.
    pub(super) bound: Option<usize>,
    /// The node that the scheduler has to take, for a DaemonSet.
    pub(super) only: Option<usize>,
    /// Whether a running pod of another template stays (`OnDelete`).
    pub(super) keeps_old: bool,
}

impl NewPod<'_> {
    /// Whether a running pod is the one to create.
    pub(super) fn describes(&self, p: &Pod) -> bool {
        p.namespace == self.namespace
            && p.owner == self.owner
            && (p.template_hash == self.hash || self.keeps_old)
            && self.name.as_ref().is_none_or(|n| *n == p.name)
            && self.bound.or(self.only).is_none_or(|n| n == p.node)
    }

    /// Whether a placement's `of` names its owner. The cluster's DNS is kube-dns or CoreDNS,
    /// depending on the release: either name means it.
    pub(super) fn is_named(&self, of: &str) -> bool {
        let dns = ["kube-dns", "coredns"];
        let both_dns = dns.contains(&of) && dns.contains(&self.owner.name.as_str());
        of == self.owner.name || (self.namespace == "kube-system" && both_dns)
    }
}

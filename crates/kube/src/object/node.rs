//! Node: labels, taints and addresses (`pkg/apis/core/types.go`).

use super::Meta;
use super::meta::NameRule;
use super::pod::{Taint, taints};
use crate::decode::{Decoder, Fields, Spanned};
use crate::release::Release;
use crate::yaml::YamlNode;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// A Node of the text: of a cluster's output, or labels and taints for a node of the Topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeObject {
    /// `metadata`: its name and labels.
    pub meta: Meta,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`: `kubectl cordon`.
    pub unschedulable: bool,
    /// `spec.podCIDR`.
    pub pod_cidr: Option<Spanned<Ipv4Net>>,
    /// The first IPv4 address of type `InternalIP` in `status.addresses`.
    pub address: Option<Ipv4Addr>,
    /// The release in `status.nodeInfo.kubeletVersion`.
    pub release: Option<Release>,
}

impl NodeObject {
    /// Whether its labels say that it is of the control plane.
    pub fn leads(&self) -> bool {
        let role =
            |name: &str| self.meta.labels.contains_key(&format!("node-role.kubernetes.io/{name}"));
        role("control-plane") || role("master")
    }
}

/// Decodes a Node; `None` without a valid name.
pub(super) fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Option<NodeObject> {
    let metadata = f.require(d, "metadata", "write metadata: with a name: below it");
    let meta = metadata.and_then(|n| Meta::decode(d, n, NameRule::Subdomain));
    let (mut found, mut unschedulable, mut pod_cidr) = (Vec::new(), false, None);
    if let Some(spec) = f.fields(d, "spec") {
        let mut spec =
            spec.not_simulated(&["podCIDRs", "providerID", "externalID", "configSource"]);
        found = taints(d, &mut spec);
        unschedulable = spec.boolean(d, "unschedulable").unwrap_or(false);
        pod_cidr = spec
            .string(d, "podCIDR")
            .and_then(|s| Some(Spanned { value: s.value.parse::<Ipv4Net>().ok()?, span: s.span }));
        d.finish(spec);
    }
    let (mut address, mut release) = (None, None);
    if let Some(status) = f.get("status") {
        let all = status.get("addresses").map(YamlNode::items).unwrap_or_default();
        address = all
            .iter()
            .filter(|a| a.get("type").is_some_and(|t| t.text() == "InternalIP"))
            .find_map(|a| a.get("address")?.text().parse().ok());
        let version = status.at(&["nodeInfo", "kubeletVersion"]).map(YamlNode::text);
        // Distributions append their own: v1.28.3+k3s1, v1.29.1-eks-508b6b3.
        let plain = version.map(|v| v.split(['+', '-']).next().unwrap_or_default());
        release = plain.and_then(Release::parse);
    }
    d.finish(f);
    Some(NodeObject { meta: meta?, taints: found, unschedulable, pod_cidr, address, release })
}

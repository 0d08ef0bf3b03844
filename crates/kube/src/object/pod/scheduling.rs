//! What restricts the nodes of a pod: node selector, affinity, tolerations, topology spread
//! (`pkg/apis/core/types.go`, `pkg/scheduler/framework/plugins`).

use crate::decode::{Decoder, Fields};
use crate::object::Labels;
use crate::object::selector::{LabelSelector, Requirement, strings};

/// A term of node affinity: all its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTerm {
    /// `matchExpressions`, of the node's labels.
    pub labels: Vec<Requirement>,
    /// `matchFields`: of `metadata.name` only.
    pub fields: Vec<Requirement>,
}

impl NodeTerm {
    /// Whether a node with this name and these labels meets it. An empty term is met by none.
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        let field = Labels::from([("metadata.name".to_owned(), name.to_owned())]);
        !(self.labels.is_empty() && self.fields.is_empty())
            && self.labels.iter().all(|r| r.matches(labels))
            && self.fields.iter().all(|r| r.matches(&field))
    }
}

/// A term of pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTerm {
    /// `labelSelector`: the pods it is about.
    pub selector: LabelSelector,
    /// `namespaces`; empty for the pod's own.
    pub namespaces: Vec<String>,
    /// `namespaceSelector` is present: pods of every namespace.
    pub every_namespace: bool,
    /// `topologyKey`: the label that nodes of one domain have in common.
    pub topology_key: String,
}

/// A value with the weight, 1 to 100, that it has among preferences.
type Weighted<T> = (i64, T);

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaintEffect {
    /// The scheduler puts no such pod there.
    NoSchedule,
    /// The scheduler avoids the node.
    PreferNoSchedule,
    /// No such pod is put there, and those that run are evicted.
    NoExecute,
}

impl TaintEffect {
    /// The words of a taint's `effect`.
    pub const NAMES: &[&'static str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];

    /// The effect of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute];
        all.get(Self::NAMES.iter().position(|n| *n == name)?).copied()
    }
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// `key`.
    pub key: String,
    /// `value`; empty if there is none.
    pub value: String,
    /// `effect`.
    pub effect: TaintEffect,
}

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// `key`; `None` with `operator: Exists` tolerates every taint.
    pub key: Option<String>,
    /// `value`; `None` with `operator: Exists`, which tolerates every value.
    pub value: Option<String>,
    /// `effect`; `None` for every effect.
    pub effect: Option<TaintEffect>,
}

impl Toleration {
    /// A toleration of every value of a taint with this key and effect.
    pub fn of(key: &str, effect: TaintEffect) -> Self {
        Self { key: Some(key.to_owned()), value: None, effect: Some(effect) }
    }

    /// Whether it tolerates a taint.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|e| e == taint.effect)
            && self.key.as_ref().is_none_or(|k| *k == taint.key)
            && self.value.as_ref().is_none_or(|v| *v == taint.value)
    }
}

/// An item of `topologySpreadConstraints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    /// `maxSkew`: how many more pods a domain may have than the emptiest.
    pub max_skew: usize,
    /// `topologyKey`: the label that nodes of one domain have in common.
    pub topology_key: String,
    /// `whenUnsatisfiable: DoNotSchedule`; otherwise a preference.
    pub required: bool,
    /// `labelSelector`: the pods that are counted.
    pub selector: LabelSelector,
}

/// What restricts the nodes of a pod, beside its host ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// `nodeSelector`: labels that the node must have.
    pub node_selector: Labels,
    /// Required node affinity: one of the terms must match; none if there is no such affinity.
    pub node_terms: Option<Vec<NodeTerm>>,
    /// Preferred node affinity.
    pub node_preferences: Vec<Weighted<NodeTerm>>,
    /// Required pod affinity: each term must match a pod of the node's domain.
    pub affinity: Vec<PodTerm>,
    /// Preferred pod affinity, and anti-affinity with negative weights.
    pub pod_preferences: Vec<Weighted<PodTerm>>,
    /// Required pod anti-affinity: no term may match a pod of the node's domain.
    pub anti_affinity: Vec<PodTerm>,
    /// `tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `topologySpreadConstraints`.
    pub spread: Vec<Spread>,
}

impl Scheduling {
    /// Whether node selector and required node affinity allow a node.
    pub fn wants(&self, node: &str, labels: &Labels) -> bool {
        self.node_selector.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.node_terms.as_ref().is_none_or(|t| t.iter().any(|t| t.matches(node, labels)))
    }

    /// The first taint with one of these effects that is not tolerated.
    pub fn untolerated<'t>(&self, taints: &'t [Taint], soft: bool) -> Option<&'t Taint> {
        taints.iter().find(|t| {
            (t.effect == TaintEffect::PreferNoSchedule) == soft
                && !self.tolerations.iter().any(|x| x.tolerates(t))
        })
    }

    /// Decodes the fields of a pod's spec.
    pub(super) fn decode(d: &mut Decoder, pod: &mut Fields<'_>) -> Self {
        let path = pod.path_of("nodeSelector");
        let mut out = Self {
            node_selector: pod
                .get("nodeSelector")
                .map(|n| d.string_map(n, &path))
                .unwrap_or_default(),
            tolerations: tolerations(d, pod),
            spread: spread(d, pod),
            ..Self::default()
        };
        let Some(mut affinity) = pod.fields(d, "affinity") else { return out };
        if let Some(mut f) = affinity.fields(d, "nodeAffinity") {
            out.node_terms = f.fields(d, REQUIRED).map(|mut f| {
                let terms = node_terms(d, &mut f, "nodeSelectorTerms");
                d.finish(f);
                terms
            });
            for mut f in f.list(d, PREFERRED) {
                let weight = weight(d, &mut f);
                let term = f.fields(d, "preference").map(|f| node_term(d, f));
                d.finish(f);
                out.node_preferences.extend(term.map(|t| (weight, t)));
            }
            d.finish(f);
        }
        for (name, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
            let Some(mut f) = affinity.fields(d, name) else { continue };
            let terms: Vec<_> = f.list(d, REQUIRED).into_iter().map(|f| pod_term(d, f)).collect();
            let list = if sign > 0 { &mut out.affinity } else { &mut out.anti_affinity };
            list.extend(terms.into_iter().flatten());
            for mut f in f.list(d, PREFERRED) {
                let weight = weight(d, &mut f);
                let term = f.fields(d, "podAffinityTerm").and_then(|f| pod_term(d, f));
                d.finish(f);
                out.pod_preferences.extend(term.map(|t| (sign * weight, t)));
            }
            d.finish(f);
        }
        d.finish(affinity);
        out
    }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn weight(d: &mut Decoder, f: &mut Fields<'_>) -> i64 {
    f.integer(d, "weight").map_or(1, |w| w.value)
}

fn node_terms(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Vec<NodeTerm> {
    f.list(d, name).into_iter().map(|f| node_term(d, f)).collect()
}

fn node_term(d: &mut Decoder, mut f: Fields<'_>) -> NodeTerm {
    let labels = Requirement::list(d, &mut f, "matchExpressions", true);
    let fields = Requirement::list(d, &mut f, "matchFields", true);
    d.finish(f);
    NodeTerm { labels, fields }
}

fn selector(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> LabelSelector {
    f.fields(d, name).map(|f| LabelSelector::decode(d, f)).unwrap_or_default()
}

fn pod_term(d: &mut Decoder, f: Fields<'_>) -> Option<PodTerm> {
    let mut f = f.not_simulated(&["matchLabelKeys", "mismatchLabelKeys"]);
    let label_selector = selector(d, &mut f, "labelSelector");
    let namespaces = strings(d, &mut f, "namespaces");
    let of_namespaces = f.fields(d, "namespaceSelector");
    let every_namespace = of_namespaces.is_some();
    if let Some(f) = of_namespaces {
        LabelSelector::decode(d, f);
    }
    let hint = "write topologyKey: kubernetes.io/hostname";
    let topology_key = f.require_string(d, "topologyKey", hint);
    d.finish(f);
    let topology_key = topology_key?.value;
    Some(PodTerm { selector: label_selector, namespaces, every_namespace, topology_key })
}

fn tolerations(d: &mut Decoder, pod: &mut Fields<'_>) -> Vec<Toleration> {
    let mut out = Vec::new();
    for f in pod.list(d, "tolerations") {
        let mut f = f.not_simulated(&["tolerationSeconds"]);
        let key = f.string(d, "key").map(|k| k.value).filter(|k| !k.is_empty());
        let exists = f.word(d, "operator", &["Exists", "Equal"]) == Some("Exists");
        let value = f.string(d, "value").map(|v| v.value);
        let effect = f.get("effect").filter(|n| !n.text().is_empty());
        let path = f.path_of("effect");
        let effect = effect.and_then(|n| d.word(n, &path, TaintEffect::NAMES));
        d.finish(f);
        let value = (!exists).then(|| value.unwrap_or_default());
        out.push(Toleration { key, value, effect: effect.and_then(TaintEffect::from_name) });
    }
    out
}

fn spread(d: &mut Decoder, pod: &mut Fields<'_>) -> Vec<Spread> {
    let mut out = Vec::new();
    for f in pod.list(d, "topologySpreadConstraints") {
        let mut f = f.not_simulated(&[
            "minDomains",
            "nodeAffinityPolicy",
            "nodeTaintsPolicy",
            "matchLabelKeys",
        ]);
        let skew = f.integer(d, "maxSkew").map_or(1, |n| n.value.max(1));
        let key = f.require_string(d, "topologyKey", "write topologyKey: kubernetes.io/hostname");
        let when = f.word(d, "whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]);
        let selector = selector(d, &mut f, "labelSelector");
        d.finish(f);
        out.extend(key.map(|key| Spread {
            max_skew: usize::try_from(skew).unwrap_or(1),
            topology_key: key.value,
            required: when != Some("ScheduleAnyway"),
            selector,
        }));
    }
    out
}

/// Decodes `taints` of a node.
pub(crate) fn taints(d: &mut Decoder, node: &mut Fields<'_>) -> Vec<Taint> {
    let mut out = Vec::new();
    for f in node.list(d, "taints") {
        let mut f = f.not_simulated(&["timeAdded"]);
        let key = f.require_string(d, "key", "write the key of the taint");
        let value = f.string(d, "value").map(|v| v.value).unwrap_or_default();
        let effect = f.require(d, "effect", "write effect: NoSchedule");
        let path = f.path_of("effect");
        let effect = effect.and_then(|n| d.word(n, &path, TaintEffect::NAMES));
        d.finish(f);
        let effect = effect.and_then(TaintEffect::from_name);
        out.extend(key.zip(effect).map(|(k, effect)| Taint { key: k.value, value, effect }));
    }
    out
}

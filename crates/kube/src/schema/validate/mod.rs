//! What the API server checks across the fields of a type (`pkg/apis/*/validation`): rules by the
//! name of the type, so that a pod template is checked the same in every kind.

mod network;
mod pod;
mod quantity;
mod rbac;
mod schedule;
mod service;
mod storage;
mod text;
mod workload;

use super::Type;
use super::path::Path;
use super::words::Object;
use crate::diag::{Code, Diagnostic, nearest};
use crate::object::NameRule;
use crate::yaml::{Value, YamlNode};

/// Checks the value of a type.
type Rule = fn(&mut Faults<'_>, &At<'_>);

/// The types with rules, by name; a rule checks the group itself where two share a name.
const RULES: &[(&str, Rule)] = &[
    ("Container", pod::container),
    ("DownwardAPIVolumeSource", pod::files),
    ("EnvFromSource", pod::env_from),
    ("EnvVar", pod::env),
    ("HTTPHeader", pod::header),
    ("HostAlias", pod::host_alias),
    ("HostPathVolumeSource", pod::host_path),
    ("KeyToPath", pod::key_to_path),
    ("Lifecycle", pod::lifecycle),
    ("ObjectFieldSelector", pod::field_path),
    ("PodSpec", pod::spec),
    ("PodSecurityContext", pod::security),
    ("Probe", pod::probe),
    ("ProjectedVolumeSource", pod::files),
    ("ResourceFieldSelector", pod::resource_field),
    ("ResourceRequirements", pod::resources),
    ("SecurityContext", pod::security),
    ("Toleration", pod::toleration),
    ("TopologySpreadConstraint", pod::spread),
    ("VolumeMount", pod::mount),
    ("ConfigMapVolumeSource", pod::config_map_volume),
    ("SecretVolumeSource", pod::secret_volume),
    ("LabelSelectorRequirement", workload::requirement),
    ("MetricSpec", workload::metric),
    ("NodeSelector", workload::node_selector),
    ("NodeSelectorRequirement", workload::requirement),
    ("CronJob", workload::cron_job),
    ("CronJobSpec", workload::cron_job_spec),
    ("DaemonSetSpec", workload::daemon_set),
    ("DeploymentSpec", workload::deployment),
    ("HorizontalPodAutoscalerSpec", workload::autoscaler),
    ("JobSpec", workload::job),
    ("PodDisruptionBudgetSpec", workload::budget),
    ("ReplicaSetSpec", workload::always_restarts),
    ("ReplicationControllerSpec", workload::always_restarts),
    ("StatefulSetSpec", workload::stateful_set),
    ("ServiceSpec", service::spec),
    ("EndpointAddress", service::endpoint_address),
    ("EndpointSlice", service::slice),
    ("EndpointSubset", service::subset),
    ("HTTPIngressPath", network::path),
    ("IngressBackend", network::backend),
    ("IngressRule", network::rule),
    ("IngressServiceBackend", network::service_backend),
    ("IngressSpec", network::ingress),
    ("IPBlock", network::ip_block),
    ("NetworkPolicyPeer", network::peer),
    ("NetworkPolicyPort", network::policy_port),
    ("NodeSpec", storage::node),
    ("PersistentVolumeClaimSpec", storage::claim),
    ("PersistentVolumeSpec", storage::volume),
    ("ConfigMap", storage::config_map),
    ("CustomResourceDefinition", storage::definition),
    ("PriorityClass", storage::priority),
    ("ResourceQuotaSpec", storage::quota),
    ("Secret", storage::secret),
    ("MutatingWebhook", rbac::webhook),
    ("ValidatingWebhook", rbac::webhook),
    ("PolicyRule", rbac::rule),
    ("RoleRef", rbac::role_ref),
    ("Subject", rbac::subject),
];

/// The faults of a value of a type, whose structure is sound.
pub(super) fn check(
    object: &Object,
    t: &Type,
    node: &YamlNode,
    path: &Path<'_>,
) -> Vec<Diagnostic> {
    let Some((_, rule)) = RULES.iter().find(|(name, _)| *name == t.name) else { return Vec::new() };
    let mut faults = Faults { found: Vec::new(), object };
    rule(&mut faults, &At { node, path: path.to_string() });
    faults.found
}

/// A value of an object, and its path.
#[derive(Clone)]
pub(super) struct At<'a> {
    node: &'a YamlNode,
    path: String,
}

impl<'a> At<'a> {
    /// A field that is not null, and no empty text or list, which Go cannot tell from a missing
    /// one.
    fn get(&self, key: &str) -> Option<Self> {
        let node = self.node.get(key)?;
        let empty = match &node.value {
            Value::Scalar { text, .. } => text.is_empty(),
            Value::Seq(items) => items.is_empty(),
            Value::Map(_) => false,
        };
        (!node.is_null() && !empty).then(|| Self { node, path: self.below(key) })
    }

    /// A field further down.
    fn at(&self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self.clone(), |at, key| at.get(key))
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The text of a field; empty if there is none.
    fn text(&self, key: &str) -> &'a str {
        self.node.get(key).filter(|n| !n.is_null()).map(YamlNode::text).unwrap_or_default()
    }

    fn integer(&self, key: &str) -> Option<i64> {
        self.node.get(key).and_then(YamlNode::integer)
    }

    fn is_true(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|n| n.text() == "true")
    }

    /// The items of a list.
    fn items(&self, key: &str) -> Vec<Self> {
        let items = self.node.get(key).map(YamlNode::items).unwrap_or_default();
        let path = self.below(key);
        items
            .iter()
            .enumerate()
            .map(|(i, node)| Self { node, path: format!("{path}[{i}]") })
            .collect()
    }

    /// The entries of a map: at the key's name, the key and the value.
    fn entries(&self, key: &str) -> Vec<(&'a YamlNode, Self)> {
        let pairs = self.node.get(key).map(YamlNode::pairs).unwrap_or_default();
        let path = self.below(key);
        let one = |(k, node): &'a (YamlNode, YamlNode)| {
            (k, Self { node, path: format!("{path}[{}]", k.text()) })
        };
        pairs.iter().map(one).collect()
    }

    /// The fields that a value has.
    fn fields(&self) -> Vec<Self> {
        let present = self.node.pairs().iter().filter(|(_, v)| !v.is_null());
        present.map(|(k, node)| Self { node, path: self.below(k.text()) }).collect()
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The last name of its path.
    fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// The value as a message shows it.
    fn shown(&self) -> String {
        match self.node.kind() {
            "integer" | "number" | "boolean" => self.node.text().to_owned(),
            _ => format!("{:?}", self.node.text()),
        }
    }
}

/// The faults of an object, in the API server's words.
pub(super) struct Faults<'a> {
    found: Vec<Diagnostic>,
    object: &'a Object,
}

impl Faults<'_> {
    fn minor(&self) -> u8 {
        self.object.release.minor()
    }

    fn add(&mut self, code: Code, at: &At<'_>, what: String, hint: impl Into<String>) {
        let message = format!("{}: {what}", at.path);
        self.found.push(Diagnostic::error(code, at.node.span, message, hint));
    }

    /// `Invalid value`.
    fn invalid(&mut self, at: &At<'_>, why: &str, hint: impl Into<String>) {
        let number = matches!(at.node.kind(), "integer" | "number");
        let code = if number { Code::OutOfRange } else { Code::UnsupportedValue };
        self.add(code, at, format!("Invalid value: {}: {why}", at.shown()), hint);
    }

    /// `Invalid value` of an address or network.
    fn bad_address(&mut self, at: &At<'_>, why: &str, hint: &str) {
        self.add(Code::InvalidAddress, at, format!("Invalid value: {}: {why}", at.shown()), hint);
    }

    /// `Required value` of a field of `at`.
    fn required(&mut self, at: &At<'_>, field: &str, why: &str, hint: impl Into<String>) {
        let path = match field {
            "" => at.path.clone(),
            field if field.starts_with('[') => format!("{}{field}", at.path),
            field => at.below(field),
        };
        let found = at.node.get(field);
        let start = crate::diag::Span { end: at.node.span.start, ..at.node.span };
        let span = found.map_or(start, |n| n.span);
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let message = format!("{path}: Required value{why}");
        self.found.push(Diagnostic::error(Code::MissingField, span, message, hint));
    }

    fn forbidden(&mut self, at: &At<'_>, why: &str, hint: impl Into<String>) {
        self.add(Code::UnsupportedValue, at, format!("Forbidden: {why}"), hint);
    }

    fn duplicate(&mut self, at: &At<'_>, hint: &str) {
        self.add(Code::DuplicateValue, at, format!("Duplicate value: {}", at.shown()), hint);
    }

    /// `Unsupported value`, unless it is one of the words.
    fn one_of(&mut self, at: &At<'_>, words: &[&str]) {
        let text = at.node.text();
        if words.contains(&text) {
            return;
        }
        let list: Vec<String> = words.iter().map(|w| format!("{w:?}")).collect();
        let what = format!("Unsupported value: {text:?}: supported values: {}", list.join(", "));
        let near = nearest(text, words.iter().copied());
        let hint = near.map_or_else(|| words.join(" or "), str::to_owned);
        self.add(Code::UnsupportedValue, at, what, format!("write {hint}"));
    }

    /// A name that must follow a rule.
    fn named(&mut self, at: Option<At<'_>>, rule: NameRule) {
        if let Some(at) = at.filter(|at| !rule.accepts(at.node.text())) {
            self.found.push(rule.fault(at.node, &at.path));
        }
    }

    /// A number that must not be less than another.
    fn at_least(&mut self, at: &At<'_>, key: &str, least: i64) {
        let Some(n) = at.get(key).filter(|n| n.node.integer().is_some_and(|n| n < least)) else {
            return;
        };
        let why = format!("must be greater than or equal to {least}");
        self.invalid(&n, &why, format!("write {least} or more"));
    }

    /// The values of a field of a list's items must differ.
    fn unique(&mut self, items: &[At<'_>], key: &str, hint: &str) {
        let mut seen: Vec<&str> = Vec::new();
        for item in items {
            let Some(value) = item.get(key) else { continue };
            let text = value.node.text();
            if seen.contains(&text) {
                self.duplicate(&value, hint);
            }
            seen.push(text);
        }
    }

    /// Exactly one of the fields must be there.
    fn exactly_one(&mut self, at: &At<'_>, none: &str, many: &str, of: &[&str]) {
        let count = of.iter().filter(|key| at.node.get(key).is_some_and(|n| !n.is_null())).count();
        let hint = format!("write one of {}", of.join(", "));
        match count {
            1 => {}
            0 => self.add(Code::MissingField, at, none.to_owned(), hint),
            _ => self.add(Code::UnsupportedValue, at, many.to_owned(), hint),
        }
    }
}

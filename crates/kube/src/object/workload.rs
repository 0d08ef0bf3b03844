//! The kinds that make pods of a template: Deployment, ReplicaSet, ReplicationController,
//! StatefulSet, DaemonSet, Job, CronJob (`pkg/apis/apps/validation`, `pkg/apis/batch/validation`).

use super::Meta;
use super::meta::NameRule;
use super::pod::{self, PodTemplate};
use super::selector::LabelSelector;
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Span};
use crate::yaml::YamlNode;
use std::fmt;

/// What a pod belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// A Deployment, by way of a ReplicaSet.
    Deployment,
    /// A ReplicaSet of its own.
    ReplicaSet,
    /// A ReplicationController.
    ReplicationController,
    /// A StatefulSet: pods with ordinals, one after the other.
    StatefulSet,
    /// A DaemonSet: a pod on every node.
    DaemonSet,
    /// A Job.
    Job,
    /// A CronJob, which makes a Job when its time comes.
    CronJob,
    /// Nothing: a Pod by itself.
    Pod,
}

impl WorkloadKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::ReplicationController,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::Pod,
    ];

    /// `kind`.
    pub const fn name(self) -> &'static str {
        self.names().0
    }

    /// The short name that kubectl knows, as in `deploy/web`.
    pub const fn short(self) -> &'static str {
        self.names().1
    }

    /// The resource with its group, as the API server's messages have it.
    pub const fn resource(self) -> &'static str {
        self.names().2
    }

    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Deployment => ("Deployment", "deploy", "deployments.apps"),
            Self::ReplicaSet => ("ReplicaSet", "rs", "replicasets.apps"),
            Self::ReplicationController => {
                ("ReplicationController", "rc", "replicationcontrollers")
            }
            Self::StatefulSet => ("StatefulSet", "sts", "statefulsets.apps"),
            Self::DaemonSet => ("DaemonSet", "ds", "daemonsets.apps"),
            Self::Job => ("Job", "job", "jobs.batch"),
            Self::CronJob => ("CronJob", "cj", "cronjobs.batch"),
            Self::Pod => ("Pod", "pod", "pods"),
        }
    }

    /// The kind of a word as kubectl takes it: `deploy`, `deployment`, `deployments.apps`.
    pub fn from_word(word: &str) -> Option<Self> {
        let lower = word.to_ascii_lowercase();
        Self::ALL.into_iter().find(|k| {
            let one = k.name().to_ascii_lowercase();
            let plain = k.resource().split('.').next().unwrap_or_default();
            lower == k.short()
                || lower == one
                || lower == plain
                || lower == k.resource()
                || k.resource().strip_prefix(plain).is_some_and(|g| lower == format!("{one}{g}"))
                || (*k == Self::Pod && lower == "po")
        })
    }

    /// The kind of a `kind`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How pods of an older template are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// `RollingUpdate`.
    #[default]
    Rolling,
    /// `Recreate` of a Deployment: first all old pods end.
    Recreate,
    /// `OnDelete` of a StatefulSet or DaemonSet: a pod is replaced when it is deleted.
    OnDelete,
}

/// A number of pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// As many.
    Pods(u32),
    /// A percentage of the replicas.
    Percent(u32),
}

/// A workload, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `kind`.
    pub kind: WorkloadKind,
    /// `metadata`: its name, namespace and labels.
    pub meta: Meta,
    /// `spec.replicas`, or the pods of a Job that run at once; 1 by default, with the span of the
    /// name. A DaemonSet and a CronJob have none.
    pub replicas: Spanned<u32>,
    /// `spec.selector`: the pods it owns.
    pub selector: LabelSelector,
    /// `spec.template`.
    pub template: PodTemplate,
    /// `spec.strategy` or `spec.updateStrategy`.
    pub strategy: Strategy,
    /// `maxSurge` of a rolling update.
    pub max_surge: Option<Share>,
    /// `maxUnavailable` of a rolling update.
    pub max_unavailable: Option<Share>,
    /// `spec.minReadySeconds`.
    pub min_ready: u32,
    /// `spec.serviceName` of a StatefulSet: the headless Service of its pods.
    pub service_name: Option<String>,
    /// `podManagementPolicy: Parallel` of a StatefulSet: its pods do not wait for each other.
    pub parallel: bool,
    /// `spec.ordinals.start` of a StatefulSet.
    pub first_ordinal: u32,
    /// `spec.completions` of a Job.
    pub completions: Option<u32>,
    /// `completionMode: Indexed` of a Job.
    pub indexed: bool,
    /// `spec.suspend` of a Job or CronJob.
    pub suspended: bool,
    /// `spec.schedule` of a CronJob.
    pub schedule: Option<String>,
}

/// Decodes a workload; `None` if a required field is missing or faulty.
pub(super) fn decode(d: &mut Decoder, kind: WorkloadKind, fields: Fields<'_>) -> Option<Workload> {
    let mut f = fields;
    let metadata = f.require(d, "metadata", "write metadata: with a name: below it");
    let spec = f.require(d, "spec", "write spec: with the object's fields below it");
    let object = metadata
        .and_then(|n| Meta::decode(d, n, NameRule::Subdomain))
        .zip(spec)
        .and_then(|(meta, spec)| decode_spec(d, kind, meta, spec));
    d.finish(f);
    object
}

fn decode_spec(
    d: &mut Decoder,
    kind: WorkloadKind,
    meta: Meta,
    node: &YamlNode,
) -> Option<Workload> {
    use WorkloadKind as K;
    let mut f = d.fields(node, "spec")?;
    let one = Spanned { value: 1, span: meta.name.span };
    let count = |d: &mut Decoder, f: &mut Fields<'_>, name: &'static str| {
        let path = f.path_of(name);
        f.get(name).and_then(|n| count(d, n, &path))
    };
    let mut out = Workload {
        kind,
        replicas: one,
        meta,
        selector: LabelSelector::default(),
        template: PodTemplate::default(),
        strategy: Strategy::default(),
        max_surge: None,
        max_unavailable: None,
        min_ready: 0,
        service_name: None,
        parallel: false,
        first_ordinal: 0,
        completions: None,
        indexed: false,
        suspended: false,
        schedule: None,
    };
    if matches!(kind, K::Deployment | K::ReplicaSet | K::ReplicationController | K::StatefulSet) {
        out.replicas = count(d, &mut f, "replicas").unwrap_or(out.replicas);
    }
    if !matches!(kind, K::Job | K::CronJob) {
        out.min_ready = count(d, &mut f, "minReadySeconds").map_or(0, |n| n.value);
    }
    match kind {
        K::Deployment => strategy(d, &mut f, "strategy", &["RollingUpdate", "Recreate"], &mut out),
        K::StatefulSet => {
            strategy(d, &mut f, "updateStrategy", &["RollingUpdate", "OnDelete"], &mut out);
            out.service_name = f.string(d, "serviceName").map(|s| s.value);
            let policy = f.word(d, "podManagementPolicy", &["OrderedReady", "Parallel"]);
            out.parallel = policy == Some("Parallel");
            if let Some(mut o) = f.fields(d, "ordinals") {
                out.first_ordinal = count(d, &mut o, "start").map_or(0, |n| n.value);
                d.finish(o);
            }
        }
        K::DaemonSet => {
            strategy(d, &mut f, "updateStrategy", &["RollingUpdate", "OnDelete"], &mut out);
        }
        K::Job => {
            out.completions = count(d, &mut f, "completions").map(|n| n.value);
            let parallelism = count(d, &mut f, "parallelism").unwrap_or(out.replicas);
            let most = out.completions.unwrap_or(parallelism.value);
            out.replicas = Spanned { value: parallelism.value.min(most), span: parallelism.span };
            let mode = f.word(d, "completionMode", &["NonIndexed", "Indexed"]);
            out.indexed = mode == Some("Indexed");
            out.suspended = f.boolean(d, "suspend").unwrap_or(false);
        }
        K::CronJob => {
            out.suspended = f.boolean(d, "suspend").unwrap_or(false);
            let hint = "write a schedule, such as \"0 * * * *\"";
            out.schedule = f.require_string(d, "schedule", hint).map(|s| s.value);
            out.replicas.value = 0;
            f.require(d, "jobTemplate", "write jobTemplate: with the spec: of the Job below it");
            d.finish(f);
            return Some(out);
        }
        K::ReplicaSet | K::ReplicationController | K::Pod => {}
    }
    let hint = "write selector: with matchLabels: below it, equal to the template's labels";
    // These versions take the template's labels where no selector is written.
    let defaults = ["extensions/v1beta1", "apps/v1beta1"];
    let defaults = d.object.as_ref().is_some_and(|o| defaults.contains(&&*o.api_version))
        || matches!(kind, K::ReplicationController | K::Job);
    let selector_node = if defaults { f.get("selector") } else { f.require(d, "selector", hint) };
    let hint = "write template: with metadata: and spec: of the pods below it";
    let template = f.require(d, "template", hint);
    let selector = selector_node.and_then(|n| match kind {
        K::ReplicationController => {
            let labels = d.string_map(n, "spec.selector");
            Some(LabelSelector { labels, expressions: Vec::new() })
        }
        _ => selector(d, n, kind),
    });
    d.finish(f);
    let decoded = pod::template(d, template?, "spec.template", kind != K::Job);
    let (template, labels_span) = decoded?;
    let selector = match selector {
        None if defaults && selector_node.is_none() => {
            LabelSelector { labels: template.labels.clone(), expressions: Vec::new() }
        }
        selector => selector?,
    };
    let is_empty = selector.labels.is_empty() && selector.expressions.is_empty();
    if kind != K::Job && !is_empty && !selector.selects(&template.labels) {
        report_mismatch(d, &selector, &template, labels_span.span);
    }
    Some(Workload { selector, template, ..out })
}

/// A selector, which must not be empty.
fn selector(d: &mut Decoder, node: &YamlNode, kind: WorkloadKind) -> Option<LabelSelector> {
    let f = d.fields(node, "spec.selector")?;
    let span = Span { end: f.span.start, ..f.span };
    let has_key = node.get("matchLabels").is_some_and(|n| !n.is_null())
        || node.get("matchExpressions").is_some_and(|n| !n.is_null());
    let selector = LabelSelector::decode(d, f);
    if !has_key && kind != WorkloadKind::Job {
        let message = "spec.selector.matchLabels: Required value";
        d.error(Code::MissingField, span, message, "write matchLabels: with a label below it");
        return None;
    }
    Some(selector)
}

fn report_mismatch(d: &mut Decoder, want: &LabelSelector, template: &PodTemplate, span: Span) {
    let have: Vec<_> = template.labels.iter().map(|(k, v)| format!("{k:?}:{v:?}")).collect();
    let labels: Vec<_> = want.labels.iter().map(|(k, v)| format!("{k}: {v}")).collect();
    let message = format!(
        "spec.template.metadata.labels: Invalid value: map[string]string{{{}}}: \
         `selector` does not match template `labels`",
        have.join(", ")
    );
    let labels = if want.expressions.is_empty() { labels.join(", ") } else { want.to_string() };
    let hint = format!("give the template the selector's labels: {labels}");
    d.error(Code::SelectorMismatch, span, message, hint);
}

/// Decodes `strategy` or `updateStrategy`.
fn strategy(
    d: &mut Decoder,
    f: &mut Fields<'_>,
    name: &'static str,
    types: &[&'static str],
    out: &mut Workload,
) {
    let Some(mut f) = f.fields(d, name) else { return };
    out.strategy = match f.word(d, "type", types) {
        Some("Recreate") => Strategy::Recreate,
        Some("OnDelete") => Strategy::OnDelete,
        _ => Strategy::Rolling,
    };
    if let Some(mut rolling) = f.fields(d, "rollingUpdate") {
        out.max_surge = share(d, &mut rolling, "maxSurge");
        out.max_unavailable = share(d, &mut rolling, "maxUnavailable");
        d.finish(rolling);
    }
    d.finish(f);
}

/// A number of pods, or a percentage in quotes.
fn share(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Option<Share> {
    let node = f.get(name)?;
    let path = f.path_of(name);
    if node.kind() == "integer" {
        return count(d, node, &path).map(|n| Share::Pods(n.value));
    }
    let text = d.string(node, &path)?;
    let percent = text.value.strip_suffix('%').and_then(|n| n.parse().ok());
    if percent.is_none() {
        let message = format!(
            "{path}: Invalid value: {:?}: a valid percent string must be a numeric string \
             followed by an ending '%'",
            text.value
        );
        d.error(Code::UnsupportedValue, text.span, message, "write a number, or a share like 25%");
    }
    percent.map(Share::Percent)
}

/// A number of 0 or more that fits an int32.
fn count(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<Spanned<u32>> {
    let n = d.integer(node, path)?;
    match i32::try_from(n.value).map(u32::try_from) {
        Ok(Ok(value)) => return Some(Spanned { value, span: n.span }),
        Err(_) if n.value > 0 => d.error(
            Code::OutOfRange,
            n.span,
            format!("{path}: Invalid value: {}: must fit in an int32", n.value),
            "write a number from 0 to 2147483647",
        ),
        _ => d.error(
            Code::OutOfRange,
            n.span,
            format!("{path}: Invalid value: {}: must be greater than or equal to 0", n.value),
            "write 0 or more",
        ),
    }
    None
}

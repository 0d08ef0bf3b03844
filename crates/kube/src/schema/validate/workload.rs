//! The kinds that make pods, and what scales and protects them (`pkg/apis/apps/validation`,
//! `pkg/apis/batch/validation`, `pkg/apis/autoscaling/validation`, `pkg/apis/policy/validation`).

use super::{At, Faults, pod, schedule};
use crate::diag::Code;

/// Pods of these controllers are restarted always.
pub(super) fn always_restarts(f: &mut Faults<'_>, at: &At<'_>) {
    f.at_least(at, "minReadySeconds", 0);
    f.at_least(at, "revisionHistoryLimit", 0);
    if let Some(policy) = at.at(&["template", "spec", "restartPolicy"]) {
        f.one_of(&policy, &["Always"]);
    }
    if let Some(deadline) = at.at(&["template", "spec", "activeDeadlineSeconds"]) {
        let kind = f.object.kind.replace("Deployment", "ReplicaSet");
        let why = format!("activeDeadlineSeconds in {kind} is not Supported");
        f.forbidden(&deadline, &why, "remove it: pods of this kind run without end");
    }
    let selector = at.get("selector").filter(|_| f.object.kind != "ReplicationController");
    if let Some(selector) = selector {
        let count = |key: &str| selector.items(key).len() + selector.entries(key).len();
        if count("matchLabels") + count("matchExpressions") == 0 && selector.has("matchLabels") {
            let kind = f.object.kind.to_lowercase();
            let why = format!("empty selector is invalid for {kind}");
            f.invalid(&selector, &why, "write a label below matchLabels:");
        }
    }
}

/// A share of pods: its number, and whether it is a percentage. None if it is not there.
fn share(at: &At<'_>, key: &str) -> Option<(i64, bool)> {
    let value = at.get(key)?;
    match value.node.text().strip_suffix('%') {
        Some(percent) => Some((percent.parse().ok()?, true)),
        None => Some((value.node.integer()?, false)),
    }
}

const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' \
                       (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// A share must not be negative, and no more than all.
fn bounded(f: &mut Faults<'_>, at: &At<'_>, key: &str) {
    let Some(value) = at.get(key) else { return };
    let Some((n, percent)) = share(at, key) else {
        return f.invalid(&value, PERCENT, "write a number, or a share like 25%");
    };
    if n < 0 {
        f.invalid(&value, "must be greater than or equal to 0", "write 0 or more");
    } else if percent && n > 100 && key != "maxSurge" {
        f.invalid(&value, "must not be greater than 100%", "write 100% or less");
    }
}

pub(super) fn deployment(f: &mut Faults<'_>, at: &At<'_>) {
    always_restarts(f, at);
    if let Some(rolling) = at.at(&["strategy", "rollingUpdate"]) {
        if at.get("strategy").is_some_and(|s| s.text("type") == "Recreate") {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            f.forbidden(&rolling, why, "remove rollingUpdate:, or write type: RollingUpdate");
        }
        bounded(f, &rolling, "maxUnavailable");
        bounded(f, &rolling, "maxSurge");
        let is_zero = |key: &str| share(&rolling, key).is_some_and(|(n, _)| n == 0);
        if is_zero("maxSurge")
            && is_zero("maxUnavailable")
            && let Some(n) = rolling.get("maxUnavailable")
        {
            f.invalid(
                &n,
                "may not be 0 when `maxSurge` is 0",
                "write 1 or more for one of the two",
            );
        }
    }
    let ready = at.integer("minReadySeconds").unwrap_or(0);
    let unlimited = f.object.api_version == "extensions/v1beta1";
    let deadline = at.integer("progressDeadlineSeconds");
    if !unlimited && deadline.unwrap_or(600) <= ready {
        let why = "must be greater than minReadySeconds";
        let place = at.get("progressDeadlineSeconds").or_else(|| at.get("minReadySeconds"));
        if let Some(place) = place {
            let path = at.below("progressDeadlineSeconds");
            let what = format!("Invalid value: {}: {why}", deadline.unwrap_or(600));
            let hint = format!("write progressDeadlineSeconds: {} or more", ready + 1);
            f.add(Code::OutOfRange, &At { path, ..place }, what, hint);
        }
    }
}

pub(super) fn daemon_set(f: &mut Faults<'_>, at: &At<'_>) {
    always_restarts(f, at);
    let Some(rolling) = at.at(&["updateStrategy", "rollingUpdate"]) else { return };
    bounded(f, &rolling, "maxUnavailable");
    bounded(f, &rolling, "maxSurge");
    let unavailable = share(&rolling, "maxUnavailable").map_or(1, |(n, _)| n);
    let surge = share(&rolling, "maxSurge").map_or(0, |(n, _)| n);
    if unavailable == 0 && surge == 0 {
        let hint = "write maxUnavailable: 1";
        f.required(&rolling, "maxUnavailable", "cannot be 0 when maxSurge is 0", hint);
    } else if unavailable > 0
        && surge > 0
        && let Some(n) = rolling.get("maxSurge")
    {
        let why = "may not be set when maxUnavailable is non-zero";
        f.invalid(&n, why, "write maxUnavailable: 0, or remove maxSurge");
    }
}

pub(super) fn stateful_set(f: &mut Faults<'_>, at: &At<'_>) {
    always_restarts(f, at);
    if let Some(rolling) = at.at(&["updateStrategy", "rollingUpdate"])
        && at.get("updateStrategy").is_some_and(|s| s.text("type") == "OnDelete")
    {
        let why = "only allowed for updateStrategy 'RollingUpdate'";
        f.invalid(&rolling, why, "remove rollingUpdate:, or write type: RollingUpdate");
    }
    if let Some(rolling) = at.at(&["updateStrategy", "rollingUpdate"]) {
        f.at_least(&rolling, "partition", 0);
    }
    let Some(spec) = at.at(&["template", "spec"]) else { return };
    let (volumes, claims) = (spec.items("volumes"), at.items("volumeClaimTemplates"));
    let claims = claims.iter().filter_map(|c| c.get("metadata")).map(|m| m.text("name"));
    let names: Vec<&str> = volumes.iter().map(|v| v.text("name")).chain(claims).collect();
    let containers = ["containers", "initContainers"].map(|key| spec.items(key)).concat();
    pod::mounts(f, &containers, &names, &spec.below("volumes"));
}

pub(super) fn job(f: &mut Faults<'_>, at: &At<'_>) {
    for key in ["activeDeadlineSeconds", "ttlSecondsAfterFinished"] {
        f.at_least(at, key, 0);
    }
    if at.text("completionMode") == "Indexed" && !at.has("completions") {
        let why = "when completion mode is Indexed";
        f.required(at, "completions", why, "write completions: with the number of pods");
    }
    let Some(spec) = at.at(&["template", "spec"]) else { return };
    let policies = ["OnFailure", "Never"];
    let hint = "write restartPolicy: Never or restartPolicy: OnFailure in the pod's spec";
    // What is not written defaults to Always.
    match spec.text("restartPolicy") {
        "" | "Always" => {
            let why = "valid values: \"OnFailure\", \"Never\"";
            f.required(&spec, "restartPolicy", why, hint);
        }
        _ => _ = spec.get("restartPolicy").map(|p| f.one_of(&p, &policies)),
    }
}

pub(super) fn cron_job(f: &mut Faults<'_>, at: &At<'_>) {
    let name = at.at(&["metadata", "name"]).filter(|n| n.node.text().len() > 52);
    if let Some(name) = name {
        let what = format!("Invalid value: {}: must be no more than 52 characters", name.shown());
        f.add(Code::InvalidName, &name, what, "write a shorter name: its Jobs add a time to it");
    }
}

pub(super) fn cron_job_spec(f: &mut Faults<'_>, at: &At<'_>) {
    let keys = ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"];
    for key in keys {
        f.at_least(at, key, 0);
    }
    if let Some(text) = at.get("schedule")
        && let Some(why) = schedule::fault(text.node.text())
    {
        let hint = "write minute, hour, day of month, month and day of week, such as \"0 3 * * *\"";
        f.invalid(&text, &why, hint);
    }
}

pub(super) fn autoscaler(f: &mut Faults<'_>, at: &At<'_>) {
    f.at_least(at, "minReplicas", 1);
    let Some(most) = at.get("maxReplicas") else { return };
    let (n, least) = (most.node.integer(), at.integer("minReplicas").unwrap_or(1));
    if n < Some(1) {
        f.invalid(&most, "must be greater than 0", "write 1 or more");
    } else if n < Some(least) {
        let why = "must be greater than or equal to `minReplicas`";
        f.invalid(&most, why, format!("write {least} or more"));
    }
}

/// A metric's source is in the field that its type names.
pub(super) fn metric(f: &mut Faults<'_>, at: &At<'_>) {
    let kind = at.text("type");
    let (first, rest) = kind.split_at(kind.len().min(1));
    let field = first.to_lowercase() + rest;
    let known = ["containerResource", "external", "object", "pods", "resource"];
    if known.contains(&&*field) && !at.has(&field) {
        let why = "must populate information for the given metric source";
        f.required(at, &field, why, format!("write {field}: with the metric below it"));
    }
}

pub(super) fn node_selector(f: &mut Faults<'_>, at: &At<'_>) {
    if at.items("nodeSelectorTerms").is_empty() {
        let why = "must have at least one node selector term";
        f.required(at, "nodeSelectorTerms", why, "write - matchExpressions: below it");
    }
}

pub(super) fn budget(f: &mut Faults<'_>, at: &At<'_>) {
    bounded(f, at, "minAvailable");
    bounded(f, at, "maxUnavailable");
    if let (Some(_), Some(both)) = (at.get("minAvailable"), at.get("maxUnavailable")) {
        let why = "minAvailable and maxUnavailable cannot be both set";
        f.invalid(&At { path: at.path.clone(), ..both }, why, "keep one of the two");
    }
}

/// What an operator of a label or node selector needs.
pub(super) fn requirement(f: &mut Faults<'_>, at: &At<'_>) {
    let values = at.items("values").len();
    let operator = at.text("operator");
    let hint = "write values: with a list";
    match operator {
        "In" | "NotIn" if values == 0 => {
            let why = "must be specified when `operator` is 'In' or 'NotIn'";
            f.required(at, "values", why, hint);
        }
        "Exists" | "DoesNotExist" if values > 0 => {
            let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            if let Some(list) = at.get("values") {
                f.forbidden(&list, why, "remove values:, or write operator: In");
            }
        }
        "Gt" | "Lt" if values != 1 => {
            let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            f.required(at, "values", why, "write values: with one number");
        }
        _ => {}
    }
}

//! Roles, their bindings, and webhooks of admission (`pkg/apis/rbac/validation`,
//! `pkg/apis/admissionregistration/validation`).

use super::{At, Faults};

const GROUP: &str = "rbac.authorization.k8s.io";

fn is_rbac(f: &Faults<'_>) -> bool {
    f.object.api_version.starts_with(GROUP)
}

pub(super) fn rule(f: &mut Faults<'_>, at: &At<'_>) {
    if !is_rbac(f) || !at.path.starts_with("rules[") {
        return;
    }
    let empty = |key: &str| at.items(key).is_empty();
    if empty("verbs") {
        let why = "verbs must contain at least one value";
        f.required(at, "verbs", why, "write verbs: [get, list, watch]");
    }
    if let Some(urls) = at.get("nonResourceURLs").filter(|_| !empty("nonResourceURLs")) {
        if f.object.kind == "Role" {
            let why = "namespaced rules cannot apply to non-resource URLs";
            f.invalid(&urls, why, "write kind: ClusterRole");
        } else if !empty("apiGroups") || !empty("resources") || !empty("resourceNames") {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            f.invalid(&urls, why, "write a rule for each");
        }
        return;
    }
    if empty("apiGroups") {
        let why = "resource rules must supply at least one api group";
        f.required(at, "apiGroups", why, "write apiGroups: [\"\"] for pods and Services");
    }
    if empty("resources") {
        let why = "resource rules must supply at least one resource";
        f.required(at, "resources", why, "write resources: [pods]");
    }
}

pub(super) fn role_ref(f: &mut Faults<'_>, at: &At<'_>) {
    if let Some(group) = at.get("apiGroup") {
        f.one_of(&group, &[GROUP]);
    }
    let kinds: &[&str] = match f.object.kind.as_str() {
        "RoleBinding" => &["Role", "ClusterRole"],
        _ => &["ClusterRole"],
    };
    if let Some(kind) = at.get("kind") {
        f.one_of(&kind, kinds);
    }
    if !at.has("name") {
        f.required(at, "name", "", "write name: with the name of the role");
    }
}

pub(super) fn subject(f: &mut Faults<'_>, at: &At<'_>) {
    if !is_rbac(f) {
        return;
    }
    if !at.has("name") {
        f.required(at, "name", "", "write the name of the user, group or ServiceAccount");
    }
    match at.text("kind") {
        "ServiceAccount" => {
            if !at.has("namespace") {
                let hint = "write namespace: with that of the ServiceAccount";
                f.required(at, "namespace", "", hint);
            }
            if let Some(group) = at.get("apiGroup") {
                f.one_of(&group, &[""]);
            }
        }
        "User" | "Group" => _ = at.get("apiGroup").map(|group| f.one_of(&group, &[GROUP])),
        _ => {}
    }
}

pub(super) fn webhook(f: &mut Faults<'_>, at: &At<'_>) {
    let few = |n: &At<'_>| n.node.text().split('.').count() < 3;
    if let Some(name) = at.get("name").filter(few) {
        let why = "should be a domain with at least three segments separated by dots";
        f.invalid(&name, why, "write a name such as pods.webhook.example.com");
    }
    let stable = f.object.api_version.ends_with("/v1");
    if let Some(effects) = at.get("sideEffects").filter(|_| stable) {
        f.one_of(&effects, &["None", "NoneOnDryRun"]);
    }
}

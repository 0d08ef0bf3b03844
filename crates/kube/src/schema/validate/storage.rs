//! Volumes, claims, configuration, and nodes (`pkg/apis/core/validation`).

use super::quantity::nano;
use super::{At, Faults};
use crate::diag::{Code, nearest};
use crate::object::NameRule;

/// A size must be there and more than nothing.
fn size(f: &mut Faults<'_>, at: &At<'_>, map: &str, path: &str) {
    let found = at.entries(map).into_iter().find(|(key, _)| key.text() == "storage");
    match found {
        None => {
            let path = At { path: path.to_owned(), ..at.clone() };
            f.required(&path, "", "", "write storage: with a size such as 1Gi");
        }
        Some((_, value)) if nano(value.node.text()).is_some_and(|n| n <= 0) => {
            let place = At { path: path.to_owned(), ..value };
            let what = format!("Invalid value: {:?}: must be greater than zero", place.node.text());
            f.add(Code::OutOfRange, &place, what, "write a size such as 1Gi");
        }
        Some(_) => {}
    }
}

pub(super) fn claim(f: &mut Faults<'_>, at: &At<'_>) {
    // The API server checks the claims of a StatefulSet only when its controller creates them.
    if at.path.starts_with("spec.volumeClaimTemplates[") {
        return;
    }
    let hint = "write accessModes: with - ReadWriteOnce below it";
    if at.items("accessModes").is_empty() {
        f.required(at, "accessModes", "at least 1 access mode is required", hint);
    }
    f.named(at.get("storageClassName"), NameRule::Subdomain);
    let path = at.below("resources[storage]");
    match at.get("resources") {
        Some(resources) => size(f, &resources, "requests", &path),
        None => {
            let place = At { path, ..at.clone() };
            let hint = "write resources: with requests: and storage: below it";
            f.required(&place, "", "", hint);
        }
    }
}

/// Fields of a volume that are not about where its data is.
const NO_SOURCES: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

pub(super) fn volume(f: &mut Faults<'_>, at: &At<'_>) {
    if at.items("accessModes").is_empty() {
        let hint = "write accessModes: with - ReadWriteOnce below it";
        f.required(at, "accessModes", "", hint);
    }
    if at.entries("capacity").is_empty() {
        f.required(at, "capacity", "", "write capacity: with storage: below it");
    } else {
        size(f, at, "capacity", &at.below("capacity.storage"));
    }
    f.named(at.get("storageClassName"), NameRule::Subdomain);
    let fields = at.fields();
    let sources: Vec<_> = fields.iter().filter(|s| !NO_SOURCES.contains(&s.name())).collect();
    if sources.is_empty() {
        let hint = "write where its data is, such as hostPath: or csi:";
        f.required(at, "", "must specify a volume type", hint);
    }
    if at.has("local") && !at.has("nodeAffinity") {
        let why = "Local volume requires node affinity";
        f.required(at, "nodeAffinity", why, "write nodeAffinity: with the node of the disk");
    }
    for more in sources.iter().skip(1) {
        let why = "may not specify more than 1 volume type";
        f.forbidden(more, why, "keep one source");
    }
}

pub(super) fn config_map(f: &mut Faults<'_>, at: &At<'_>) {
    let binary = at.entries("binaryData");
    for (key, value) in at.entries("data") {
        if binary.iter().any(|(k, _)| k.text() == key.text()) {
            let place = At { node: key, ..value };
            f.invalid(&place, "duplicate of key present in binaryData", "remove one of the two");
        }
    }
}

/// The types of Secrets that need data: the type and the keys.
const SECRETS: [(&str, &[&str]); 4] = [
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
];

pub(super) fn secret(f: &mut Faults<'_>, at: &At<'_>) {
    let kind = at.text("type");
    let has = |key: &str| {
        let mut entries = at.entries("data").into_iter().chain(at.entries("stringData"));
        entries.any(|(k, _)| k.text() == key)
    };
    let place = |key: &str| At { path: format!("data[{key}]"), ..at.clone() };
    let needed = SECRETS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, keys)| keys);
    for key in needed.iter().filter(|key| !has(key)) {
        f.required(&place(key), "", "", format!("write {key}: below data:, or below stringData:"));
    }
    if kind == "kubernetes.io/basic-auth" && !has("username") && !has("password") {
        f.required(&place("username"), "", "", "write username: and password: below stringData:");
    }
    if kind == "kubernetes.io/service-account-token" {
        let key = "kubernetes.io/service-account.name";
        let named = at.get("metadata").is_some_and(|m| {
            m.entries("annotations")
                .iter()
                .any(|(k, v)| k.text() == key && !v.node.text().is_empty())
        });
        if !named {
            let at = At { path: format!("metadata.annotations[{key}]"), ..at.clone() };
            f.required(&at, "", "", "write the annotation with the name of a ServiceAccount");
        }
    }
}

/// The name of a definition is that of its resource
/// (`pkg/apis/apiextensions/validation`).
pub(super) fn definition(f: &mut Faults<'_>, at: &At<'_>) {
    let Some(name) = at.at(&["metadata", "name"]) else { return };
    let plural = at.at(&["spec", "names"]).map(|n| n.text("plural")).unwrap_or_default();
    let wanted =
        format!("{plural}.{}", at.get("spec").map(|s| s.text("group")).unwrap_or_default());
    if name.node.text() != wanted {
        let why = "must be spec.names.plural+\".\"+spec.group";
        f.invalid(&name, why, format!("write {wanted}"));
    }
    if f.object.api_version != "apiextensions.k8s.io/v1" {
        return;
    }
    let Some(spec) = at.get("spec") else { return };
    let versions = spec.items("versions");
    for v in versions.iter().filter(|v| v.at(&["schema", "openAPIV3Schema"]).is_none()) {
        let schema = At { path: v.below("schema"), ..v.clone() };
        let hint = "write schema: with openAPIV3Schema: {type: object} below it";
        f.required(&schema, "openAPIV3Schema", "schemas are required", hint);
    }
    let stored = versions.iter().filter(|v| v.is_true("storage")).count();
    if let Some(list) = spec.get("versions").filter(|_| stored != 1) {
        let why = "must have exactly one version marked as storage version";
        f.invalid(&list, why, "write storage: true in one version");
    }
}

pub(super) fn node(f: &mut Faults<'_>, at: &At<'_>) {
    let all = at.items("podCIDRs");
    let one = at.get("podCIDR").filter(|_| all.is_empty());
    let one = one.map(|c| At { path: at.below("podCIDRs[0]"), ..c });
    for cidr in all.iter().chain(&one) {
        f.cidr(cidr);
    }
    let taints = at.items("taints");
    for (i, t) in taints.iter().enumerate() {
        let of = |t: &At<'_>| ["key", "effect"].map(|key| t.text(key).to_owned());
        if taints[..i].iter().any(|x| of(x) == of(t)) {
            let what = format!("Duplicate value: \"{}\"", of(t).join(":"));
            f.add(Code::DuplicateValue, t, what, "keep one taint of this key and effect");
        }
    }
}

/// The largest priority that is not one of the system's.
const MOST_PRIORITY: i64 = 1_000_000_000;

pub(super) fn priority(f: &mut Faults<'_>, at: &At<'_>) {
    let system = at.get("metadata").is_some_and(|m| m.text("name").starts_with("system-"));
    let wrong = |n: &At<'_>| n.node.integer().is_some_and(|n| n > MOST_PRIORITY);
    if let Some(value) = at.get("value").filter(|n| !system && wrong(n)) {
        let why = format!("maximum allowed value of a user defined priority is {MOST_PRIORITY}");
        f.forbidden(&value, &why, "write a smaller number");
    }
}

/// What a quota can limit, beside what has `/` in its name.
const QUOTAS: [&str; 18] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services.loadbalancers",
    "services.nodeports",
];

pub(super) fn quota(f: &mut Faults<'_>, at: &At<'_>) {
    for (key, value) in at.entries("hard") {
        let name = key.text();
        let known = QUOTAS.contains(&name) || name == "services" || name == "storage";
        if !known && !name.contains('/') && !name.contains("hugepages-") {
            let why = "must be a standard resource type or fully qualified";
            let hint = nearest(name, QUOTAS).map_or_else(
                || "write cpu, memory or pods, or count/ and a resource".to_owned(),
                |n| format!("did you mean {n}?"),
            );
            f.invalid(&At { node: key, path: value.path }, why, hint);
        }
    }
}

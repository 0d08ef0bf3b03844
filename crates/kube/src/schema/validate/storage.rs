//! Volumes, claims, configuration, and nodes (`pkg/apis/core/validation`).

use super::quantity::nano;
use super::{At, Faults};
use crate::diag::Code;
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
}

pub(super) fn node(f: &mut Faults<'_>, at: &At<'_>) {
    let all = at.items("podCIDRs");
    let one = at.get("podCIDR").filter(|_| all.is_empty());
    let one = one.map(|c| At { path: at.below("podCIDRs[0]"), ..c });
    for cidr in all.iter().chain(&one) {
        f.cidr(cidr);
    }
}

//! `metadata` of an object: its name, namespace and labels.

use super::Labels;
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::Code;
use crate::yaml::YamlNode;

/// The annotation that says what listens in a pod.
pub(super) const LISTEN: Annotation = Annotation("packetwalk.dev/listen");
/// The annotation that names where a static pod comes from.
const SOURCE: Annotation = Annotation("kubernetes.io/config.source");

/// An annotation that means something here; others are not read.
pub(super) struct Annotation(&'static str);

impl Annotation {
    /// Its key.
    pub(super) const fn key(&self) -> &'static str {
        self.0
    }

    /// Its value among annotations.
    pub(super) fn of(&self, d: &mut Decoder, annotations: &Fields<'_>) -> Option<Spanned<String>> {
        let (key, node) = annotations.all().find(|(key, _)| *key == self.0)?;
        d.string(node, &annotations.path_of(key))
    }
}

/// The controller in `ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerReference {
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
}

/// The name, namespace and labels of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `name`, unique for the kind in its namespace.
    pub name: Spanned<String>,
    /// `namespace`; `default` if the object names none.
    pub namespace: String,
    /// `labels`, which selectors match.
    pub labels: Labels,
    /// The controller in `ownerReferences`.
    pub owner: Option<OwnerReference>,
    /// The annotation `packetwalk.dev/listen`, of a pod.
    pub listen: Option<Spanned<String>>,
    /// The annotation `kubernetes.io/config.source`: the pod is a static one of its node's kubelet.
    pub is_static: bool,
}

/// The names that the API server accepts for a kind
/// (`k8s.io/apimachinery/pkg/util/validation/validation.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// A DNS-1035 label of at most 63 characters: Services.
    Label,
    /// A DNS-1123 subdomain of at most 253 characters: other kinds, nodes and hosts.
    Subdomain,
}

impl NameRule {
    /// Whether a name is accepted.
    pub(crate) fn accepts(self, name: &str) -> bool {
        let label = self == Self::Label;
        let inner = |c: char| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (c == '.' && !label)
        };
        name.starts_with(|c: char| c.is_ascii_lowercase() || (c.is_ascii_digit() && !label))
            && name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name.chars().all(inner)
            && name.len() <= if label { 63 } else { 253 }
    }

    /// What a name must be, in the API server's words.
    const fn expected(self) -> &'static str {
        match self {
            Self::Label => {
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
                 start with an alphabetic character, and end with an alphanumeric character \
                 (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                 '[a-z]([-a-z0-9]*[a-z0-9])?')"
            }
            Self::Subdomain => {
                "a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' \
                 or '.', and must start and end with an alphanumeric character (e.g. \
                 'example.com', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            }
        }
    }
}

impl Meta {
    /// Decodes `metadata`; `None` without a valid name.
    pub(super) fn decode(d: &mut Decoder, node: &YamlNode, rule: NameRule) -> Option<Self> {
        let mut f = d.fields(node, "metadata")?.not_simulated(&[
            "creationTimestamp",
            "uid",
            "resourceVersion",
            "generation",
            "generateName",
            "managedFields",
            "selfLink",
            "finalizers",
        ]);
        let name = f.require_string(d, "name", "write a name, such as name: nginx");
        let namespace = f.string(d, "namespace").map_or_else(|| "default".to_owned(), |n| n.value);
        let labels =
            f.get("labels").map(|n| d.string_map(n, "metadata.labels")).unwrap_or_default();
        let annotations = f.fields(d, "annotations");
        let mut annotation = |a: &Annotation| annotations.as_ref().and_then(|f| a.of(d, f));
        let (listen, is_static) = (annotation(&LISTEN), annotation(&SOURCE).is_some());
        let owner = f.get("ownerReferences").and_then(owner);
        d.finish(f);
        let name = name?;
        if !rule.accepts(&name.value) {
            d.error(
                Code::InvalidName,
                name.span,
                format!("metadata.name: Invalid value: {:?}: {}", name.value, rule.expected()),
                "use lower case letters, digits and '-', and begin with a letter",
            );
            return None;
        }
        Some(Self { name, namespace, labels, owner, listen, is_static })
    }
}

/// The owner that is the controller, or the only one.
fn owner(references: &YamlNode) -> Option<OwnerReference> {
    let all = references.items();
    let leads = |r: &&YamlNode| r.get("controller").is_some_and(|c| c.text() == "true");
    let found = all.iter().find(leads).or(all.first())?;
    let text = |key| found.get(key).map(|n| n.text().to_owned());
    Some(OwnerReference { kind: text("kind")?, name: text("name")? })
}

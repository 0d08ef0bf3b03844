//! `metadata` of an object: its name, namespace and labels.

use super::Labels;
use crate::decode::{Decoder, Spanned};
use crate::diag::Code;
use crate::yaml::YamlNode;

/// The name, namespace and labels of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// `name`, unique for the kind in its namespace.
    pub name: Spanned<String>,
    /// `namespace`; `default` if the object names none.
    pub namespace: String,
    /// `labels`, which selectors match.
    pub labels: Labels,
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
            "annotations",
            "creationTimestamp",
            "uid",
            "resourceVersion",
            "generation",
            "generateName",
            "managedFields",
            "selfLink",
            "ownerReferences",
            "finalizers",
        ]);
        let name = f.require_string(d, "name", "write a name, such as name: nginx");
        let namespace = f.string(d, "namespace").map_or_else(|| "default".to_owned(), |n| n.value);
        let labels =
            f.get("labels").map(|n| d.string_map(n, "metadata.labels")).unwrap_or_default();
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
        Some(Self { name, namespace, labels })
    }
}

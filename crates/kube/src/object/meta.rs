//! `metadata` of an object: its name, namespace and labels.

use super::Labels;
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Diagnostic};
use crate::naming;
use crate::yaml::YamlNode;

/// The annotation that says what listens in a pod.
pub(super) const LISTEN: Annotation = Annotation("packetwalk.dev/listen");
/// The annotation that names where a static pod comes from.
const SOURCE: Annotation = Annotation("kubernetes.io/config.source");

/// The annotation that requests addresses of MetalLB, and its older name.
const BALANCER_IPS: [Annotation; 2] =
    [Annotation("metallb.io/loadBalancerIPs"), Annotation("metallb.universe.tf/loadBalancerIPs")];

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
    /// The annotation `metallb.io/loadBalancerIPs`, of a Service: addresses, with commas.
    pub balancer_ips: Option<Spanned<String>>,
    /// The annotation `kubernetes.io/config.source`: the pod is a static one of its node's kubelet.
    pub is_static: bool,
}

/// The names that the API server accepts for a kind
/// (`k8s.io/apimachinery/pkg/util/validation/validation.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// A DNS-1035 label of at most 63 characters: Services.
    Dns1035Label,
    /// A DNS-1123 label of at most 63 characters: Namespaces, containers, volumes.
    Dns1123Label,
    /// A DNS-1123 subdomain of at most 253 characters: other kinds, nodes and hosts.
    Subdomain,
    /// A segment of a URL's path: kinds of RBAC.
    PathSegment,
}

impl NameRule {
    /// The rule of a kind (`pkg/apis/*/validation`).
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "Service" => Self::Dns1035Label,
            "Namespace" => Self::Dns1123Label,
            "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding" | "IPAddress"
            | "ClusterTrustBundle" => Self::PathSegment,
            _ => Self::Subdomain,
        }
    }

    /// Whether a name is accepted.
    pub(crate) fn accepts(self, name: &str) -> bool {
        if self == Self::PathSegment {
            return !matches!(name, "" | "." | "..") && !name.contains(['/', '%']);
        }
        let subdomain = self == Self::Subdomain;
        let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let label = |label: &str| {
            label.starts_with(end)
                && label.ends_with(end)
                && label.chars().all(|c| end(c) || c == '-')
        };
        let labels = if subdomain { name.split('.').all(label) } else { label(name) };
        let letter = self != Self::Dns1035Label || name.starts_with(|c: char| !c.is_ascii_digit());
        labels && letter && name.len() <= if subdomain { 253 } else { 63 }
    }

    /// What a name must be, in the API server's words.
    const fn expected(self) -> &'static str {
        match self {
            Self::Dns1035Label => {
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
                 start with an alphabetic character, and end with an alphanumeric character \
                 (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                 '[a-z]([-a-z0-9]*[a-z0-9])?')"
            }
            Self::Dns1123Label => {
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or \
                 '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
                 '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            }
            Self::Subdomain => {
                "a DNS-1123 subdomain must consist of lower case alphanumeric characters, '-' \
                 or '.', and must start and end with an alphanumeric character (e.g. \
                 'example.com', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            }
            Self::PathSegment => "may not be '.' or '..', and may not contain '/' or '%'",
        }
    }

    /// The fault of a name that is not accepted.
    pub(crate) fn fault(self, node: &YamlNode, path: &str) -> Diagnostic {
        let longest = if matches!(self, Self::Subdomain | Self::PathSegment) { 253 } else { 63 };
        let name = node.text();
        let (why, hint) = if name.len() > longest {
            (format!("must be no more than {longest} characters"), "write a shorter name")
        } else {
            let hint = match self {
                Self::Dns1035Label => {
                    "use lower case letters, digits and '-', and begin with a letter"
                }
                Self::Dns1123Label => {
                    "use lower case letters, digits and '-', and begin with a letter or digit"
                }
                Self::Subdomain => {
                    "use lower case letters, digits, '-' and '.', and begin with a letter or digit"
                }
                Self::PathSegment => "remove '/' and '%' from the name",
            };
            (self.expected().to_owned(), hint)
        };
        let message = format!("{path}: Invalid value: {name:?}: {why}");
        Diagnostic::error(Code::InvalidName, node.span, message, hint)
    }
}

impl Meta {
    /// Decodes `metadata`; `None` without a valid name.
    pub(super) fn decode(d: &mut Decoder, node: &YamlNode, rule: NameRule) -> Option<Self> {
        let mut f = d.fields(node, "metadata")?;
        let generated = match f.get("name") {
            Some(_) => None,
            None => f.string(d, "generateName"),
        };
        let name = match &generated {
            Some(prefix) => {
                d.generated += 1;
                let suffix = naming::pod_suffix(0, &prefix.value, d.generated);
                Some(Spanned { value: format!("{}{suffix}", prefix.value), span: prefix.span })
            }
            None => f.require_string(d, "name", "write a name, such as name: nginx"),
        };
        if let Some(n) = f.get("namespace").filter(|n| !NameRule::Dns1123Label.accepts(n.text())) {
            d.diags.push(NameRule::Dns1123Label.fault(n, "metadata.namespace"));
        }
        let namespace = f.string(d, "namespace").map_or_else(|| "default".to_owned(), |n| n.value);
        let labels =
            f.get("labels").map(|n| d.string_map(n, "metadata.labels")).unwrap_or_default();
        let written = f.get("name").or_else(|| f.get("generateName"));
        let annotations = f.fields(d, "annotations");
        let mut annotation = |a: &Annotation| annotations.as_ref().and_then(|f| a.of(d, f));
        let (listen, is_static) = (annotation(&LISTEN), annotation(&SOURCE).is_some());
        let balancer_ips = BALANCER_IPS.iter().find_map(annotation);
        let owner = f.get("ownerReferences").and_then(owner);
        d.finish(f);
        let name = name?;
        if !rule.accepts(&name.value) {
            d.diags.extend(written.map(|n| rule.fault(n, "metadata.name")));
            return None;
        }
        Some(Self { name, namespace, labels, owner, listen, balancer_ips, is_static })
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

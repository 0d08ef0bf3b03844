//! Label selectors and the requirements of which they and node affinity consist
//! (`k8s.io/apimachinery/pkg/labels/selector.go`).

use super::{Labels, selects};
use crate::decode::{Decoder, Fields};
use crate::diag::Code;

/// How a requirement compares a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label has one of the values.
    In,
    /// The label has none of the values, or is absent.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label is a number greater than the value; of nodes only.
    Gt,
    /// The label is a number less than the value; of nodes only.
    Lt,
}

impl Operator {
    const SELECTOR: &[&'static str] = &["In", "NotIn", "Exists", "DoesNotExist"];
    const NODE: &[&'static str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];

    fn from_name(name: &str) -> Option<Self> {
        let all = [Self::In, Self::NotIn, Self::Exists, Self::DoesNotExist, Self::Gt, Self::Lt];
        let at = Self::NODE.iter().position(|n| *n == name)?;
        all.get(at).copied()
    }
}

/// An item of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The key of the label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// What it is compared with; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<String>,
}

impl Requirement {
    /// Whether labels meet it.
    pub fn matches(&self, labels: &Labels) -> bool {
        let label = labels.get(&self.key);
        let number = |text: &str| text.parse::<i64>().ok();
        let compared = |greater: bool| {
            let (have, want) = (label.and_then(|l| number(l)), self.values.first());
            let pair = have.zip(want.and_then(|w| number(w)));
            pair.is_some_and(|(have, want)| if greater { have > want } else { have < want })
        };
        match self.operator {
            Operator::In => label.is_some_and(|l| self.values.contains(l)),
            Operator::NotIn => label.is_none_or(|l| !self.values.contains(l)),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::Gt => compared(true),
            Operator::Lt => compared(false),
        }
    }

    /// Decodes the items of a list of requirements: of labels, or of a node.
    pub(super) fn list(
        d: &mut Decoder,
        of: &mut Fields<'_>,
        name: &'static str,
        node: bool,
    ) -> Vec<Self> {
        let words = if node { Operator::NODE } else { Operator::SELECTOR };
        let mut out = Vec::new();
        for mut f in of.list(d, name) {
            let key = f.require_string(d, "key", "write the key of a label");
            let operator = f.require(d, "operator", "write operator: In or operator: Exists");
            let path = f.path_of("operator");
            let operator = operator.and_then(|n| d.word(n, &path, words));
            let values = strings(d, &mut f, "values");
            let (span, path) = (f.span, f.path_of("values"));
            d.finish(f);
            let Some((key, operator)) = key.zip(operator.and_then(Operator::from_name)) else {
                continue;
            };
            let wants = !matches!(operator, Operator::Exists | Operator::DoesNotExist);
            let words = match operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    Some("Required value: must be specified when `operator` is 'In' or 'NotIn'")
                }
                Operator::Gt | Operator::Lt if values.len() != 1 => Some(
                    "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
                ),
                _ if !wants && !values.is_empty() => Some(
                    "Forbidden: may not be specified when `operator` is 'Exists' or \
                     'DoesNotExist'",
                ),
                _ => None,
            };
            if let Some(words) = words {
                let hint = if wants { "write values: [a, b]" } else { "remove values" };
                d.error(Code::MissingField, span, format!("{path}: {words}"), hint);
            }
            out.push(Self { key: key.value, operator, values });
        }
        out
    }
}

/// Decodes a list of strings; empty if it is absent.
pub(super) fn strings(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Vec<String> {
    let Some(node) = f.get(name) else { return Vec::new() };
    let path = f.path_of(name);
    let items = d.items(node, &path).iter().enumerate();
    let mut out = Vec::new();
    for (i, item) in items {
        out.extend(d.string(item, &format!("{path}[{i}]")).map(|s| s.value));
    }
    out
}

/// A label selector: `matchLabels` and `matchExpressions`, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// `matchLabels`.
    pub labels: Labels,
    /// `matchExpressions`.
    pub expressions: Vec<Requirement>,
}

impl LabelSelector {
    /// Whether it selects labels. An empty selector selects nothing.
    pub fn selects(&self, labels: &Labels) -> bool {
        (self.labels.is_empty() || selects(&self.labels, labels))
            && self.expressions.iter().all(|e| e.matches(labels))
            && !self.is_empty()
    }

    /// Whether it requires nothing.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    /// Decodes a selector.
    pub(super) fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Self {
        let path = f.path_of("matchLabels");
        let labels = f.get("matchLabels").map(|n| d.string_map(n, &path)).unwrap_or_default();
        let expressions = Requirement::list(d, &mut f, "matchExpressions", false);
        d.finish(f);
        Self { labels, expressions }
    }
}

impl std::fmt::Display for LabelSelector {
    /// As kubectl prints it: `app=web,tier in (a,b),!canary`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let labels = self.labels.iter().map(|(k, v)| format!("{k}={v}"));
        let expressions = self.expressions.iter().map(|e| {
            let (key, values) = (&e.key, e.values.join(","));
            match e.operator {
                Operator::In => format!("{key} in ({values})"),
                Operator::NotIn => format!("{key} notin ({values})"),
                Operator::Exists => key.clone(),
                Operator::DoesNotExist => format!("!{key}"),
                Operator::Gt => format!("{key}>{values}"),
                Operator::Lt => format!("{key}<{values}"),
            }
        });
        f.write_str(&labels.chain(expressions).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_compares_one_label() {
        let labels = Labels::from([("tier".to_owned(), "5".to_owned())]);
        let matches = |key: &str, operator, values: &[&str]| {
            let values = values.iter().map(|v| (*v).to_owned()).collect();
            Requirement { key: key.to_owned(), operator, values }.matches(&labels)
        };
        assert!(matches("tier", Operator::In, &["4", "5"]) && !matches("a", Operator::In, &["5"]));
        assert!(!matches("tier", Operator::NotIn, &["5"]) && matches("a", Operator::NotIn, &["5"]));
        assert!(
            matches("tier", Operator::Exists, &[]) && matches("a", Operator::DoesNotExist, &[])
        );
        assert!(matches("tier", Operator::Gt, &["4"]) && !matches("tier", Operator::Lt, &["5"]));
    }
}

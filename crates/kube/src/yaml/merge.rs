//! Merge keys (<https://yaml.org/type/merge.html>): `<<: *base` adds the keys of another mapping
//! that this one does not have.

use super::{Value, YamlNode};
use crate::diag::{Code, Diagnostic, Span};

/// Whether a key is a merge key.
fn is_merge(key: &YamlNode) -> bool {
    matches!(&key.value, Value::Scalar { text, plain: true } if text == "<<")
}

/// Replaces the merge keys in a value by what they stand for. Keys of the mapping itself have
/// precedence, then those of the first mapping of a list.
pub(super) fn merge(node: &mut YamlNode, diags: &mut Vec<Diagnostic>) {
    match &mut node.value {
        Value::Scalar { .. } => {}
        Value::Seq(items) => items.iter_mut().for_each(|item| merge(item, diags)),
        Value::Map(pairs) => {
            pairs.iter_mut().for_each(|(_, value)| merge(value, diags));
            if !pairs.iter().any(|(key, _)| is_merge(key)) {
                return;
            }
            let (merged, own): (Vec<_>, Vec<_>) =
                std::mem::take(pairs).into_iter().partition(|(key, _)| is_merge(key));
            *pairs = own;
            for (_, value) in merged {
                let span = value.span;
                let list = match value.value {
                    Value::Seq(items) => items,
                    other => vec![YamlNode { span, value: other }],
                };
                for mapping in list {
                    let Value::Map(more) = mapping.value else {
                        diags.push(no_mapping(span));
                        continue;
                    };
                    for (key, value) in more {
                        if !pairs.iter().any(|(k, _)| k.value == key.value) {
                            pairs.push((key, value));
                        }
                    }
                }
            }
        }
    }
}

fn no_mapping(span: Span) -> Diagnostic {
    let message = "map merge requires map or sequence of maps as the value";
    let hint = "write an alias of a mapping, such as <<: *base";
    Diagnostic::error(Code::WrongType, span, message, hint)
}

//! `kubectl apply`: objects of one text, applied to another.

use super::ChangeError;
use super::editor::Editor;
use super::find::{Object, node_at, objects};
use crate::yaml::edit::Edit;
use crate::yaml::{Tree, parse};

/// The result of applying one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The object's kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// `created`, `configured` or `unchanged`.
    pub result: &'static str,
}

/// The text after objects of another text are applied to it: an object of the same kind, namespace
/// and name is replaced, any other added. `namespace`: of objects that name none.
///
/// # Errors
/// The text cannot be edited.
pub fn applied(
    text: &str,
    more: &str,
    namespace: Option<&str>,
) -> Result<(String, Vec<Applied>), ChangeError> {
    let mut e = Editor::new(text);
    let mut results = Vec::new();
    let docs = parse(more).0;
    for mut new in objects(&docs) {
        let node =
            node_at(&docs, &new.at).ok_or_else(|| ChangeError::NotWritten(new.name.clone()))?;
        let mut tree = Tree::from(node);
        if let (Some(namespace), None) = (namespace, node.at(&["metadata", "namespace"])) {
            new.namespace = namespace.to_owned();
            if let Some(Tree::Map(meta)) = tree.get_mut("metadata") {
                meta.push((Tree::text("namespace"), Tree::text(namespace)));
            }
        }
        let same = |o: &Object| {
            o.kind == new.kind
                && (new.kind == "Topology" || (o.namespace == new.namespace && o.name == new.name))
        };
        let old = objects(&e.docs()).into_iter().find(same);
        let result = match old {
            Some(old) if e.node(&old.at).is_some_and(|n| Tree::from(&n) == tree) => "unchanged",
            Some(old) => {
                e.remove_object(old.at)?;
                e.edit(Edit::AddDocument(tree))?;
                "configured"
            }
            None => {
                e.edit(Edit::AddDocument(tree))?;
                "created"
            }
        };
        results.push(Applied { kind: new.kind, name: new.name, result });
    }
    Ok((e.text, results))
}

//! Edits of a text that keep every other byte: comments, order, quotes, line breaks.
//!
//! An edit is located in the tree that `load` returns, then in the text, and becomes a few
//! [`Splice`]s. They are checked before they are returned: the new text must parse to exactly what
//! [`apply`] makes of the old tree, or the edit fails.

use super::concrete::{Slot, Text, Within};
use super::tree::{Style, Tree, scalar};
use super::{Value, YamlNode, load};
use crate::diag::Code;
use std::fmt;
use std::ops::Range;

/// A step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// The value of a key.
    Key(String),
    /// The item with this index.
    Item(usize),
}

/// The path of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlPath {
    /// The index of the document; empty documents do not count.
    pub document: usize,
    /// The way from the document's root.
    pub parts: Vec<PathPart>,
}

impl YamlPath {
    /// The root of a document.
    pub fn root(document: usize) -> Self {
        Self { document, parts: Vec::new() }
    }

    /// The path of a key's value below it.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.parts.push(PathPart::Key(key.to_owned()));
        self
    }

    /// The path of an item below it.
    #[must_use]
    pub fn item(mut self, item: usize) -> Self {
        self.parts.push(PathPart::Item(item));
        self
    }
}

/// `document 1: spec.nodes[1].name`, counting documents from 1.
impl fmt::Display for YamlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}", self.document + 1)?;
        for (i, step) in self.parts.iter().enumerate() {
            match step {
                PathPart::Key(key) => write!(f, "{}{key}", if i == 0 { ": " } else { "." })?,
                PathPart::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// A change of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Sets the value at a path. Missing keys on the way are added.
    Set(YamlPath, Tree),
    /// Removes the key or item at a path.
    Remove(YamlPath),
    /// Renames the key at a path.
    Rename(YamlPath, String),
    /// Appends an item to the list at a path. A missing list is added.
    Push(YamlPath, Tree),
    /// Appends a document at the end, behind `---`.
    AddDocument(Tree),
    /// Removes the document with this index.
    RemoveDocument(usize),
}

/// The reason why an edit is impossible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The text is not valid YAML.
    InvalidYaml {
        /// The line of the first syntax error.
        line: u32,
    },
    /// There is no value at the path.
    NotFound(String),
    /// The mapping already has the key.
    KeyExists(String),
    /// The edit would change the meaning of another part of the text.
    SideEffect(String),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidYaml { line } => {
                write!(f, "line {line} is not valid YAML: correct it first")
            }
            Self::NotFound(path) => write!(f, "there is no value at {path}"),
            Self::KeyExists(key) => write!(f, "the key {key} already exists"),
            Self::SideEffect(path) => write!(
                f,
                "changing {path} would change another part of the document: edit the text by hand"
            ),
        }
    }
}

/// A replacement in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// What to replace, in bytes; empty for an insertion.
    pub range: Range<usize>,
    /// What to put in its place; empty for a deletion.
    pub text: String,
}

/// A text with splices applied. They must be in order and must not overlap.
pub fn spliced(text: &str, splices: &[Splice]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for s in splices {
        out.push_str(&text[at..s.range.start]);
        out.push_str(&s.text);
        at = s.range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The splices that undo `splices`, for the text that they make of `text`.
pub fn inverse(text: &str, splices: &[Splice]) -> Vec<Splice> {
    let mut shift = 0isize;
    let undo = |s: &Splice| {
        let start = s.range.start.saturating_add_signed(shift);
        shift += s.text.len() as isize - s.range.len() as isize;
        Splice { range: start..start + s.text.len(), text: text[s.range.clone()].to_owned() }
    };
    splices.iter().map(undo).collect()
}

/// Applies an edit to parsed documents: the reference for [`edit`].
///
/// # Errors
/// The path does not exist, or the key already does.
pub fn apply(docs: &mut Vec<Tree>, edit: &Edit) -> Result<(), EditError> {
    match edit {
        Edit::AddDocument(tree) => docs.push(tree.clone()),
        Edit::RemoveDocument(n) => {
            document(docs, &YamlPath::root(*n))?;
            docs.remove(*n);
        }
        Edit::Set(p, tree) => {
            *find_or_add(document(docs, p)?, &p.parts).ok_or_else(|| not_found(p))? = tree.clone();
        }
        Edit::Push(p, tree) => {
            let list = find_or_add(document(docs, p)?, &p.parts).ok_or_else(|| not_found(p))?;
            if list.is_null() {
                *list = Tree::Seq(Vec::new());
            }
            let Tree::Seq(items) = list else { return Err(not_found(p)) };
            items.push(tree.clone());
        }
        Edit::Remove(p) | Edit::Rename(p, _) => {
            let (last, way) = p.parts.split_last().ok_or_else(|| not_found(p))?;
            let parent = find(document(docs, p)?, way).ok_or_else(|| not_found(p))?;
            match (parent, last, edit) {
                (Tree::Map(pairs), PathPart::Key(key), _) => {
                    let i =
                        pairs.iter().position(|(k, _)| k.is(key)).ok_or_else(|| not_found(p))?;
                    match edit {
                        Edit::Rename(_, to) if pairs.iter().any(|(k, _)| k.is(to)) => {
                            return Err(EditError::KeyExists(to.clone()));
                        }
                        Edit::Rename(_, to) => pairs[i].0 = Tree::text(to.clone()),
                        _ => _ = pairs.remove(i),
                    }
                }
                (Tree::Seq(items), PathPart::Item(i), Edit::Remove(_)) if *i < items.len() => {
                    _ = items.remove(*i);
                }
                _ => return Err(not_found(p)),
            }
        }
    }
    Ok(())
}

fn not_found(place: &YamlPath) -> EditError {
    EditError::NotFound(place.to_string())
}

fn document<'t>(docs: &'t mut [Tree], place: &YamlPath) -> Result<&'t mut Tree, EditError> {
    docs.get_mut(place.document).ok_or_else(|| not_found(place))
}

/// The value at a path.
fn find<'t>(tree: &'t mut Tree, way: &[PathPart]) -> Option<&'t mut Tree> {
    way.iter().try_fold(tree, |tree, step| match (tree, step) {
        (Tree::Map(pairs), PathPart::Key(key)) => {
            pairs.iter_mut().find(|(k, _)| k.is(key)).map(|(_, v)| v)
        }
        (Tree::Seq(items), PathPart::Item(i)) => items.get_mut(*i),
        _ => None,
    })
}

/// The value at a path, after adding what is missing.
fn find_or_add<'t>(tree: &'t mut Tree, way: &[PathPart]) -> Option<&'t mut Tree> {
    way.iter().try_fold(tree, |tree, step| {
        if tree.is_null() {
            *tree = match step {
                PathPart::Key(_) => Tree::Map(Vec::new()),
                PathPart::Item(0) => Tree::Seq(vec![Tree::plain("null")]),
                PathPart::Item(_) => return None,
            };
        }
        match (tree, step) {
            (Tree::Map(pairs), PathPart::Key(key)) => {
                let i = pairs.iter().position(|(k, _)| k.is(key)).unwrap_or_else(|| {
                    pairs.push((Tree::text(key.clone()), Tree::plain("null")));
                    pairs.len() - 1
                });
                Some(&mut pairs[i].1)
            }
            (Tree::Seq(items), PathPart::Item(i)) => items.get_mut(*i),
            _ => None,
        }
    })
}

/// A value inside new mappings and lists for the rest of a path.
fn wrapped(way: &[PathPart], tree: Tree) -> Option<Tree> {
    way.iter().rev().try_fold(tree, |tree, step| match step {
        PathPart::Key(key) => Some(Tree::Map(vec![(Tree::text(key.clone()), tree)])),
        PathPart::Item(0) => Some(Tree::Seq(vec![tree])),
        PathPart::Item(_) => None,
    })
}

/// The splices that apply an edit to a text.
///
/// # Errors
/// The text is not YAML, the path does not exist, the key already exists, or the edit would change
/// another part of the text.
pub fn edit(text: &str, edit: &Edit) -> Result<Vec<Splice>, EditError> {
    let (docs, diags) = load(text);
    if let Some(fault) = diags.iter().find(|d| d.code == Code::YamlSyntax) {
        return Err(EditError::InvalidYaml { line: fault.span.line });
    }
    let mut wanted: Vec<Tree> = docs.iter().map(Tree::from).collect();
    apply(&mut wanted, edit)?;
    let splices = Plan::new(text, &docs).edit(edit)?;
    let in_order = splices.windows(2).all(|w| w[0].range.end <= w[1].range.start)
        && splices.iter().all(|s| text.get(s.range.clone()).is_some());
    let (read, faults) = if in_order { load(&spliced(text, &splices)) } else { Default::default() };
    if !in_order
        || faults.len() > diags.len()
        || read.iter().map(Tree::from).ne(wanted.into_iter().filter(|t| !t.is_null()))
    {
        return Err(EditError::SideEffect(match edit {
            Edit::Set(p, _) | Edit::Remove(p) | Edit::Rename(p, _) | Edit::Push(p, _) => {
                p.to_string()
            }
            Edit::RemoveDocument(n) => YamlPath::root(*n).to_string(),
            Edit::AddDocument(_) => "the end of the text".to_owned(),
        }));
    }
    Ok(splices)
}

/// The splices of an edit while they are collected.
struct Plan<'a> {
    text: Text<'a>,
    roots: Vec<Slot<'a>>,
    style: Style,
    splices: Vec<Splice>,
    /// The values that contain the edited one. Aliases of them elsewhere must keep their value.
    around: Vec<Slot<'a>>,
}

impl<'a> Plan<'a> {
    fn new(text: &'a str, docs: &'a [YamlNode]) -> Self {
        let text = Text(text);
        let mut roots: Vec<Slot<'a>> = Vec::new();
        for doc in docs {
            let before = roots.last().map_or(0, |r| r.end);
            roots.push(text.root(doc, before));
        }
        let style = text.style(&roots);
        Self { text, roots, style, splices: Vec::new(), around: Vec::new() }
    }

    fn splice(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.splices.push(Splice { range, text: text.into() });
    }

    fn edit(mut self, edit: &Edit) -> Result<Vec<Splice>, EditError> {
        match edit {
            Edit::AddDocument(tree) => self.add_document(tree),
            Edit::RemoveDocument(n) => self.remove_document(*n),
            Edit::Set(p, _) | Edit::Push(p, _) | Edit::Remove(p) | Edit::Rename(p, _) => {
                self.in_document(edit, p)?;
                self.keep_aliases(p.document);
            }
        }
        self.splices.sort_by_key(|s| (s.range.start, s.range.end));
        Ok(self.splices)
    }

    fn in_document(&mut self, edit: &Edit, place: &YamlPath) -> Result<(), EditError> {
        let mut slot = self.roots.get(place.document).cloned().ok_or_else(|| not_found(place))?;
        let mut parent: Option<(Slot<'a>, usize)> = None;
        let mut rest = place.parts.as_slice();
        while let [step, more @ ..] = rest {
            if self.text.is_alias(&slot) {
                return self.in_alias(edit, &slot, rest);
            }
            let children = self.text.children(&slot);
            let i = match step {
                PathPart::Key(key) => children.iter().position(|c| c.is(key)),
                PathPart::Item(i) => Some(*i).filter(|i| *i < children.len()),
            };
            let Some(i) = i else { break };
            self.around.push(slot.clone());
            let child = children[i].value.clone();
            parent = Some((slot, i));
            slot = child;
            rest = more;
        }
        match (edit, parent) {
            (Edit::Set(_, tree), _) => match rest.split_first() {
                None => self.replace(&slot, tree),
                Some((first, more)) => {
                    let value = wrapped(more, tree.clone()).ok_or_else(|| not_found(place))?;
                    self.add(&slot, first, &value);
                }
            },
            (Edit::Push(_, tree), _) => match rest.split_first() {
                None if self.text.is_alias(&slot) => return self.in_alias(edit, &slot, rest),
                None => self.push(&slot, tree),
                Some((first, more)) => {
                    let value = wrapped(more, Tree::Seq(vec![tree.clone()]))
                        .ok_or_else(|| not_found(place))?;
                    self.add(&slot, first, &value);
                }
            },
            (Edit::Remove(_), Some((parent, i))) => self.remove(&parent, i),
            (Edit::Rename(_, to), Some((parent, i))) => {
                if let Some(key) = self.text.children(&parent)[i].key {
                    let range = key.span.start as usize..key.span.end as usize;
                    let name = self.quoted_like(&range, &Tree::text(to.clone()));
                    self.splice(range, name);
                }
            }
            _ => return Err(not_found(place)),
        }
        Ok(())
    }

    /// Edits the value of an alias: the alias is replaced by a changed copy.
    fn in_alias(
        &mut self,
        edit: &Edit,
        slot: &Slot<'a>,
        rest: &[PathPart],
    ) -> Result<(), EditError> {
        let place = YamlPath { document: 0, parts: rest.to_vec() };
        let inner = match edit.clone() {
            Edit::Set(_, tree) => Edit::Set(place, tree),
            Edit::Push(_, tree) => Edit::Push(place, tree),
            Edit::Rename(_, to) => Edit::Rename(place, to),
            _ => Edit::Remove(place),
        };
        let mut tree = vec![Tree::from(slot.node)];
        apply(&mut tree, &inner)?;
        self.splice(slot.body..slot.end, tree[0].flow());
        Ok(())
    }

    /// A scalar, quoted like the one it replaces.
    fn quoted_like(&self, old: &Range<usize>, tree: &Tree) -> String {
        match tree {
            Tree::Scalar { text, plain: false } if !text.chars().any(char::is_control) => {
                match self.text.byte(old.start) {
                    b'\'' => format!("'{}'", text.replace('\'', "''")),
                    b'"' => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
                    _ => scalar(text, false),
                }
            }
            _ => tree.flow(),
        }
    }

    /// Replaces a value, on one line where the text around it demands that.
    fn replace(&mut self, slot: &Slot<'a>, tree: &Tree) {
        let t = self.text;
        let one_line = t.line_start(slot.after) == t.line_start(slot.start);
        let commented = !t.0[slot.end..t.line_end(slot.end)].trim().is_empty();
        let inline = tree.is_inline()
            || slot.within == Within::Flow
            || one_line && slot.start < slot.end && commented;
        if inline && (one_line || slot.within == Within::Root) && slot.start < slot.end {
            let new = self.quoted_like(&(slot.body..slot.end), tree);
            return self.splice(slot.start..slot.end, new);
        }
        let behind = match slot.within {
            _ if inline => format!(" {}", tree.flow()),
            Within::Key(column) => tree.behind_key(column, &self.style),
            Within::Dash(column) => format!(" {}", tree.block(column + 2, &self.style)),
            Within::Root | Within::Flow => {
                return self.splice(slot.body..slot.end, tree.block(0, &self.style));
            }
        };
        // A comment between the colon and the value stays where it is.
        if slot.start == slot.body
            && slot.start < slot.end
            && t.comment(slot.after..slot.start)
            && t.is_first(slot.start)
        {
            let head = t.line_start(slot.start);
            if inline {
                self.splice(slot.after..slot.after, behind);
                return self.splice(head..t.next_line(slot.end), "");
            }
            let lines = match slot.within {
                Within::Dash(column) => {
                    format!("{}{}", " ".repeat(column + 2), tree.block(column + 2, &self.style))
                }
                _ => behind.trim_start_matches(['\r', '\n']).to_owned(),
            };
            return self.splice(head..slot.end, lines);
        }
        if slot.start == slot.end && !inline {
            // No value yet: it goes behind the line's comment.
            let at = if slot.within == Within::Flow { slot.after } else { t.line_end(slot.after) };
            let dash = matches!(slot.within, Within::Dash(_));
            return self.splice(if dash { slot.after..slot.after } else { at..at }, behind);
        }
        self.splice(slot.after..slot.end, behind);
    }

    /// Adds a key to a mapping.
    fn add(&mut self, slot: &Slot<'a>, key: &PathPart, value: &Tree) {
        self.around.push(slot.clone());
        let PathPart::Key(key) = key else { return };
        let key = Tree::text(key.clone());
        let Some(last) = self.text.children(slot).pop() else {
            return self.replace(slot, &Tree::Map(vec![(key, value.clone())]));
        };
        if self.text.is_flow(slot) {
            return self
                .splice(last.end()..last.end(), format!(", {}: {}", key.flow(), value.flow()));
        }
        let column = self.text.column(slot.body);
        let line = format!("{}:{}", key.flow(), value.behind_key(column, &self.style));
        self.insert_line(last.end(), column, &line);
    }

    /// Appends an item to a list.
    fn push(&mut self, slot: &Slot<'a>, tree: &Tree) {
        self.around.push(slot.clone());
        let Some(last) = self.text.children(slot).pop() else {
            return self.replace(slot, &Tree::Seq(vec![tree.clone()]));
        };
        if self.text.is_flow(slot) {
            return self.splice(last.end()..last.end(), format!(", {}", tree.flow()));
        }
        let column = self.text.column(slot.body);
        let item = if self.text.is_flow(&last.value) {
            tree.flow()
        } else {
            tree.block(column + 2, &self.style)
        };
        self.insert_line(last.end(), column, &format!("- {item}"));
    }

    /// Inserts a line after the one that contains byte `at`.
    fn insert_line(&mut self, at: usize, column: usize, line: &str) {
        let at = self.text.line_end(at);
        self.splice(at..at, format!("{}{}{line}", self.style.newline, " ".repeat(column)));
    }

    /// Removes the `i`th key or item; a collection without any becomes `{}` or `[]`.
    fn remove(&mut self, parent: &Slot<'a>, i: usize) {
        let t = self.text;
        let children = t.children(parent);
        let (child, next) = (&children[i], children.get(i + 1));
        if children.len() == 1 {
            let empty = if matches!(parent.node.value, Value::Seq(_)) {
                Tree::Seq(Vec::new())
            } else {
                Tree::Map(Vec::new())
            };
            return if t.is_flow(parent) {
                self.splice(parent.body + 1..parent.end - 1, "");
            } else {
                self.replace(parent, &empty);
            };
        }
        if t.is_flow(parent) {
            return match (next, i.checked_sub(1).map(|b| children[b].end())) {
                (Some(next), _) => self.splice(child.start..next.start, ""),
                (None, Some(before)) => self.splice(before..child.end(), ""),
                (None, None) => {}
            };
        }
        if t.is_first(child.start) {
            let (start, end) = (t.line_start(child.start), t.next_line(child.end()));
            // In a text without a final line break, the one before the last line goes.
            let before = if start > 1 && t.byte(start - 2) == b'\r' {
                start - 2
            } else {
                start.saturating_sub(1)
            };
            let start = if end == t.0.len() && !t.0.ends_with('\n') { before } else { start };
            return self.splice(start..end, "");
        }
        match next {
            Some(next) if !t.comment(child.end()..next.start) => {
                self.splice(child.start..next.start, "");
            }
            _ => self.splice(child.start..t.line_end(child.end()), ""),
        }
    }

    /// Replaces the first alias of a value that is removed or changed by a copy of it.
    fn keep_aliases(&mut self, document: usize) {
        let mut marks = Vec::new();
        marked(self.text, &self.roots[document], &mut marks);
        let gone: Vec<Range<usize>> = self.splices.iter().map(|s| s.range.clone()).collect();
        let is_gone = |at: usize| gone.iter().any(|r| r.contains(&at));
        for (i, mark) in marks.iter().enumerate() {
            let Mark::Anchor(slot) = mark else { continue };
            let Some((name, token)) = &slot.anchor else { continue };
            let own = is_gone(token.start);
            if !own && !self.around.iter().any(|a| a.start == slot.start && a.end == slot.end) {
                continue;
            }
            let until = marks[i + 1..].iter().position(
                |m| matches!(m, Mark::Anchor(s) if s.anchor.as_ref().is_some_and(|a| a.0 == *name)),
            );
            let uses: Vec<&Range<usize>> = marks[i + 1..]
                .iter()
                .take(until.unwrap_or(usize::MAX))
                .filter_map(|m| {
                    if let Mark::Alias(n, range) = m {
                        (n == name && !is_gone(range.start)).then_some(range)
                    } else {
                        None
                    }
                })
                .collect();
            let Some(first) = uses.first() else { continue };
            let anchor = if uses.len() > 1 { format!("&{name} ") } else { String::new() };
            self.splices.push(Splice {
                range: (*first).clone(),
                text: format!("{anchor}{}", Tree::from(slot.node).flow()),
            });
            if !own {
                self.splices.push(Splice { range: token.clone(), text: String::new() });
            }
        }
    }

    fn add_document(&mut self, tree: &Tree) {
        let (text, nl) = (self.text.0, self.style.newline);
        let lines = tree.block(0, &self.style);
        let end = text.len();
        let new = match text {
            _ if text.trim().is_empty() => format!("{lines}{nl}"),
            _ if text.ends_with('\n') => format!("---{nl}{lines}{nl}"),
            _ => format!("{nl}---{nl}{lines}{nl}"),
        };
        self.splice(end..end, new);
    }

    fn remove_document(&mut self, n: usize) {
        let t = self.text;
        let Some(root) = self.roots.get(n).cloned() else { return };
        let before = n.checked_sub(1).and_then(|b| self.roots.get(b)).map_or(0, |r| r.end);
        let head = &t.0[before..root.start];
        let marker = head
            .rfind("\n---")
            .map(|i| before + i + 1)
            .or_else(|| head.starts_with("---").then_some(before));
        let plain = marker.is_some_and(|m| {
            let line = t.0[m + 3..t.line_end(m)].trim_start();
            (line.is_empty() || line.starts_with('#'))
                && !head.contains("\n%")
                && !head.starts_with('%')
        });
        if !t.is_first(root.start) || t.line_start(root.start) != root.start {
            return self.splice(root.start..root.end, "");
        }
        let mut end = t.next_line(root.end);
        let start = match marker.filter(|_| plain) {
            Some(marker) => marker,
            None => {
                // The first document: a bare `---` before the second goes with it.
                let next = t.skip(end);
                if t.0[next..].starts_with("---")
                    && t.0[next + 3..t.line_end(next)].trim().is_empty()
                    && !t.comment(end..next)
                {
                    end = t.next_line(next);
                }
                root.start
            }
        };
        self.splice(start..end, "");
    }
}

/// An anchor or an alias.
enum Mark<'a> {
    Anchor(Slot<'a>),
    Alias(&'a str, Range<usize>),
}

/// The anchors and aliases in a value, in the order of the text.
fn marked<'a>(text: Text<'a>, slot: &Slot<'a>, out: &mut Vec<Mark<'a>>) {
    if slot.anchor.is_some() {
        out.push(Mark::Anchor(slot.clone()));
    }
    if text.is_alias(slot) && slot.end > slot.body {
        out.push(Mark::Alias(&text.0[slot.body + 1..slot.end], slot.body..slot.end));
    }
    for child in text.children(slot) {
        marked(text, &child.value, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(text: &str, e: Edit) -> String {
        spliced(text, &edit(text, &e).unwrap_or_else(|why| panic!("{why}")))
    }

    #[test]
    fn line_breaks_of_two_kinds_and_multibyte_characters() {
        assert_eq!(
            done("a: 1\r\nb: 二\nc: 3", Edit::Remove(YamlPath::root(0).key("c"))),
            "a: 1\r\nb: 二"
        );
        assert_eq!(
            done("a: 1\nb: 二\r\nc: 3", Edit::Remove(YamlPath::root(0).key("c"))),
            "a: 1\nb: 二"
        );
    }

    #[test]
    fn a_comment_after_a_byte_order_mark_stays() {
        assert_eq!(
            done("\u{feff}# head\na: 1\nb: 2\n", Edit::Remove(YamlPath::root(0).key("a"))),
            "\u{feff}# head\nb: 2\n"
        );
    }

    #[test]
    fn an_impossible_edit_gives_its_reason() {
        let why = |text: &str, e: Edit| edit(text, &e).map_err(|why| why.to_string());
        assert_eq!(
            why("a: [1\n", Edit::Remove(YamlPath::root(0).key("a"))),
            Err("line 1 is not valid YAML: correct it first".into())
        );
        assert_eq!(
            why("a: 1\n", Edit::Remove(YamlPath::root(0).key("b"))),
            Err("there is no value at document 1: b".into())
        );
        assert_eq!(
            why("a: 1\nb: 2\n", Edit::Rename(YamlPath::root(0).key("a"), "b".into())),
            Err("the key b already exists".into())
        );
    }
}

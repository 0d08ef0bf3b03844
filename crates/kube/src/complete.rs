//! Completion: the keys, words, labels and names that can be typed at a place. For Topology and
//! Script the table of fields gives them, for Kubernetes kinds the schema of the release.

use crate::controller;
use crate::decode::{Accepted, Decoder};
use crate::fields::{self, Field, Type};
use crate::schema::{self, Shape};
use crate::yaml::{Value, YamlNode, parse};

/// A word that may be inserted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Completion {
    /// The word in full, with what is typed already.
    pub word: String,
    /// What to insert after it: `: ` after a key.
    pub suffix: &'static str,
}

/// The completions at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    /// The first byte of the word that is being typed.
    pub from: usize,
    /// The words that fit, sorted.
    pub list: Vec<Completion>,
}

/// Replaces the word that is being typed while the text is decoded.
const PLACEHOLDER: &str = "zzherezz";

/// The completions at a byte of a text.
pub fn complete(text: &str, at: usize) -> Completions {
    let Some(before) = text.get(..at) else { return Completions::default() };
    let ends_word = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    let from = before
        .rfind(ends_word)
        .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let typed = &before[from..];
    let line = before[..from].rfind('\n').map_or(0, |i| i + 1);
    let left = &before[line..from];
    let is_key =
        left.trim_start_matches([' ', '-']).is_empty() || left.trim_end().ends_with(['{', ',']);
    let rest = text[at..].find(ends_word).map_or(text.len(), |i| at + i);
    let inserted = if is_key { format!("{PLACEHOLDER}: 0") } else { PLACEHOLDER.to_owned() };
    // The rest of the line stays, unless it is the value of the key that is being typed.
    let resume = if is_key && text[rest..].trim_start_matches(' ').starts_with(':') {
        text[rest..].find('\n').map_or(text.len(), |i| rest + i)
    } else {
        rest
    };
    let trial = format!("{}{inserted}{}", &text[..from], &text[resume..]);
    let (docs, _) = parse(&trial);
    let key =
        left.trim_end().trim_end_matches(':').rsplit([' ', '{', ',']).next().unwrap_or_default();
    let mut words = match described(&docs, from) {
        Some((mapping, table)) if is_key => missing_keys(mapping, table),
        Some((_, table)) => table.iter().find(|f| f.key == key).map(values).unwrap_or_default(),
        None => {
            kubernetes(&docs, from, is_key, key).unwrap_or_else(|| accepted(&docs, from, is_key))
        }
    };
    if !is_key {
        words.extend(related(&docs, key));
    }
    words.sort();
    words.dedup();
    let suffix = if is_key { ": " } else { "" };
    let list = words
        .into_iter()
        .filter(|w| w.starts_with(typed) && *w != typed && w != PLACEHOLDER)
        .map(|word| Completion { word, suffix })
        .collect();
    Completions { from, list }
}

/// The innermost mapping at a byte and its fields, in a document of a kind with a table.
fn described(docs: &[YamlNode], at: usize) -> Option<(&YamlNode, &'static [Field])> {
    let doc = docs.iter().find(|d| d.span.contains(at))?;
    let kind = fields::kind(doc.get("kind")?.text())?;
    let (mapping, table) = fields::mapping_at(doc, kind, at);
    // `apiVersion` and `kind` are not in the table: the decoder knows them.
    (!std::ptr::eq(mapping, doc)).then_some((mapping, table))
}

/// The keys that a mapping does not have yet.
fn missing_keys(mapping: &YamlNode, table: &[Field]) -> Vec<String> {
    let missing = table.iter().filter(|f| mapping.get(f.key).is_none());
    missing.map(|f| f.key.to_owned()).collect()
}

/// The values of a described field.
fn values(field: &Field) -> Vec<String> {
    match field.value {
        Type::Word(words) => words.iter().map(|w| (*w).to_owned()).collect(),
        Type::Boolean => ["true", "false"].map(str::to_owned).into(),
        _ => Vec::new(),
    }
}

/// What the decoder accepts at a byte.
fn accepted(docs: &[YamlNode], at: usize, is_key: bool) -> Vec<String> {
    let mut d = Decoder { accepted: Some(Vec::new()), ..Decoder::default() };
    if let Some(doc) = docs.iter().find(|d| d.span.contains(at)) {
        controller::decode(&mut d, doc);
    }
    let accepted = d.accepted.unwrap_or_default();
    if !is_key {
        let is_value = |a: &&Accepted| a.present.is_none() && a.span.start as usize == at;
        return accepted.iter().filter(is_value).flat_map(|a| a.words.clone()).collect();
    }
    let is_mapping = |a: &&Accepted| {
        a.span.contains(at)
            && a.present.as_ref().is_some_and(|keys| keys.iter().any(|k| k == PLACEHOLDER))
    };
    let Some(mapping) = accepted.iter().rfind(is_mapping) else {
        let outside = !accepted.iter().any(|a| a.span.contains(at));
        let top = ["apiVersion", "kind", "metadata", "spec"];
        return if outside { top.map(str::to_owned).into() } else { Vec::new() };
    };
    let is_missing = |w: &String| !mapping.present.iter().flatten().any(|p| p == w);
    let mut words: Vec<String> = mapping.words.clone();
    words.retain(is_missing);
    words
}

/// The keys, or the values of `key`, that the type of a mapping of Kubernetes gives; none for other
/// kinds and values.
fn kubernetes(docs: &[YamlNode], at: usize, is_key: bool, key: &str) -> Option<Vec<String>> {
    let release = controller::release_of(docs);
    let doc = docs.iter().find(|d| d.span.contains(at))?;
    let place = schema::place(doc, at, release)?;
    let mut words: Vec<String> = Vec::new();
    if is_key {
        if let Shape::Object(t) = place.shape {
            words.extend(t.fields(release).map(|f| f.name.to_owned()));
        }
        if ["selector", "matchLabels", "labels"].contains(&place.name) {
            words.extend(labels(docs).into_iter().map(|(key, _)| key));
        }
        words.retain(|w| place.mapping.get(w).is_none());
        return Some(words);
    }
    let Shape::Object(t) = place.shape else { return None };
    let field = t.field(key.trim_start_matches('-').trim(), release)?;
    match schema::words_of(t, field.name) {
        Some(list) => words.extend(list.iter().map(|w| (*w).to_owned())),
        None if field.shape() == Shape::Bool => words.extend(["true", "false"].map(str::to_owned)),
        None => return None,
    }
    Some(words)
}

/// Calls `f` for every key and value of every mapping.
fn for_each<'a>(n: &'a YamlNode, f: &mut dyn FnMut(&'a str, &'a YamlNode)) {
    match &n.value {
        Value::Map(pairs) => pairs.iter().for_each(|(k, v)| {
            f(k.text(), v);
            for_each(v, f);
        }),
        Value::Seq(items) => items.iter().for_each(|i| for_each(i, f)),
        Value::Scalar { .. } => {}
    }
}

/// Every label and selector of the documents.
fn labels(docs: &[YamlNode]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for doc in docs {
        for_each(doc, &mut |key, v| {
            if let ("labels" | "matchLabels", Value::Map(pairs)) = (key, &v.value) {
                out.extend(pairs.iter().map(|(k, v)| (k.text().to_owned(), v.text().to_owned())));
            }
        });
    }
    out
}

/// The `name` of every item of the lists with one of these keys.
fn names_in(docs: &[YamlNode], lists: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    for doc in docs {
        for_each(doc, &mut |key, v| {
            if lists.contains(&key) {
                out.extend(v.items().iter().filter_map(|item| item.get("name")));
            }
        });
    }
    out.into_iter().map(|n| n.text().to_owned()).collect()
}

/// The built-in kinds that the documents' release serves.
fn served(docs: &[YamlNode]) -> impl Iterator<Item = &'static schema::Kind> {
    let release = controller::release_of(docs);
    schema::kinds().iter().filter(move |k| k.is_served(release))
}

/// The values of a key that other parts of the documents suggest.
fn related(docs: &[YamlNode], key: &str) -> Vec<String> {
    let mut out: Vec<String> =
        labels(docs).into_iter().filter(|(k, _)| k == key).map(|(_, v)| v).collect();
    match key {
        "node" | "nodeName" | "on" => out.extend(names_in(docs, &["nodes"])),
        "from" | "to" | "cut" => out.extend(names_in(docs, &["nodes", "hosts"])),
        "targetPort" => out.extend(names_in(docs, &["ports"])),
        "of" => out.extend(
            docs.iter()
                .filter(|d| d.get("kind").is_some_and(|k| k.text() == "Deployment"))
                .filter_map(|d| d.at(&["metadata", "name"]))
                .map(|n| n.text().to_owned()),
        ),
        "kind" => {
            out.extend(["List", "Topology", "Script"].map(str::to_owned));
            let names = served(docs).map(|k| k.name).filter(|name| !name.ends_with("List"));
            out.extend(names.map(str::to_owned));
        }
        "apiVersion" => {
            out.push(fields::API_VERSION.to_owned());
            out.extend(served(docs).map(|k| k.api_version.to_owned()));
        }
        _ => {}
    }
    out.retain(|w| !w.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector:
    app: nginx
  ports:
  - port: 80
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  replicas: 1
  selector: {matchLabels: {app: nginx, tier: front}}
  template:
    metadata: {labels: {app: nginx, tier: front}}
    spec: {containers: [{name: c, image: nginx, ports: [{name: http, containerPort: 80}]}]}
";

    /// The completions at `|` in a text with `old` replaced.
    fn completed(old: &str, new: &str) -> Vec<String> {
        let text = TEXT.replacen(old, new, 1);
        let at = text.find('|').expect("a cursor");
        complete(&text.replace('|', ""), at).list.into_iter().map(|c| c.word).collect()
    }

    #[test]
    fn the_fields_that_are_missing_are_completed() {
        let ports = completed("  - port: 80\n", "  - port: 80\n    |\n");
        assert!(
            ports.contains(&"targetPort".to_owned())
                && ports.contains(&"nodePort".to_owned())
                && !ports.contains(&"port".to_owned()),
            "{ports:?}"
        );
        assert_eq!(completed("  - port: 80\n", "  - port: 80\n    tar|\n"), ["targetPort"]);
        assert_eq!(completed("spec:\n  selector:", "spec:\n  typ|\n  selector:"), ["type"]);
        let top = completed("apiVersion: v1\n", "apiVersion: v1\n|\n");
        assert!(top.contains(&"status".to_owned()) && !top.contains(&"kind".to_owned()), "{top:?}");
        assert_eq!(completed("{name: nginx}", "{name: nginx, name|}"), ["namespace"]);
        let pod = completed("containers: [", "host|, containers: [");
        assert!(pod.contains(&"hostNetwork".to_owned()), "{pod:?}");
    }

    #[test]
    fn kinds_types_labels_and_names_are_completed() {
        assert_eq!(
            completed("kind: Service", "kind: Ser|"),
            ["Service", "ServiceAccount", "ServiceCIDR"]
        );
        assert_eq!(completed("apiVersion: v1", "apiVersion: batch|"), ["batch/v1"]);
        assert_eq!(completed("containers: [", "hostNetwork: t|, containers: ["), ["true"]);
        assert_eq!(completed("spec:\n  selector:", "spec:\n  type: N|\n  selector:"), ["NodePort"]);
        assert_eq!(completed("    app: nginx\n", "    app: nginx\n    t|\n"), ["tier"]);
        assert_eq!(completed("    app: nginx\n", "    tier: |\n"), ["front"]);
        assert!(
            completed("  - port: 80\n", "  - port: 80\n    targetPort: |\n")
                .contains(&"http".to_owned())
        );
    }

    #[test]
    fn no_place_is_a_panic() {
        assert_eq!(complete("", 0).from, 0);
        for at in 0..TEXT.len() + 3 {
            _ = complete(TEXT, at);
        }
        for at in 0.."二: 三\n- é".len() {
            _ = complete("二: 三\n- é", at);
        }
    }

    #[test]
    fn fields_of_our_own_kinds_are_completed() {
        let complete = |text: &str| {
            let at = text.find('|').expect("a cursor");
            let found = complete(&text.replace('|', ""), at).list;
            found.into_iter().map(|c| c.word).collect::<Vec<_>>()
        };
        let head = "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n";
        assert_eq!(
            complete(&format!("{head}  nodes:\n  - name: a\n    nic: {{m|}}\n")),
            ["mac", "mtu"]
        );
        assert_eq!(complete(&format!("{head}  flannel:\n    backend: h|\n")), ["host-gw"]);
        assert_eq!(complete(&format!("{head}  faults:\n  - {{c|}}\n")), ["cut"]);
        let head = head.replace("Topology", "Script");
        assert_eq!(complete(&format!("{head}  steps:\n  - send: {{proto: i|}}\n")), ["icmp"]);
        assert_eq!(complete(&format!("{head}  se|\n")), ["seed"]);
    }
}

//! Removes what is not meant to be shared: the `data` and `stringData` of Secrets, which include
//! the tokens of ServiceAccounts, and the copy of an object that `kubectl apply` keeps in an
//! annotation. None of it affects the simulation.
//!
//! Each removal is a minimal edit. Where the text does not allow one (a syntax error, an alias),
//! the whole YAML document that could contain a secret is removed.

use kube::yaml::edit::{Edit, YamlPath, edit, spliced};
use kube::yaml::{Value, YamlNode, parse};
use play::{Act, Script, shell};

/// The fields of a Secret that are not confidential.
const HARMLESS: [&str; 5] = ["apiVersion", "kind", "metadata", "type", "immutable"];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A text without its secrets.
pub(super) fn redacted(text: &str) -> String {
    let mut out = text.to_owned();
    loop {
        let (docs, diags) = parse(&out);
        let broken = diags.iter().any(|d| d.code == kube::Code::YamlSyntax);
        let place = docs.iter().enumerate().find_map(|(i, doc)| secret(doc, YamlPath::root(i)));
        match place {
            None if broken => return without_suspects(&out),
            None => return out,
            Some(place) => match edit(&out, &Edit::Remove(place)) {
                Ok(splices) => out = spliced(&out, &splices),
                Err(_) => return without_suspects(&out),
            },
        }
    }
}

/// A Script without the secrets in the manifests it applies.
pub(super) fn redacted_script(script: &Script) -> Script {
    let mut script = script.clone();
    for step in &mut script.steps {
        match &mut step.act {
            Act::Apply(text) => *text = redacted(text),
            Act::Run { line, .. } => {
                if let Some((command, _)) = line.split_once("<<<") {
                    let words = shell::split(line);
                    let text = words.iter().skip_while(|w| *w != "<<<").nth(1);
                    let text = text.map(String::as_str).unwrap_or_default();
                    let safe = redacted(text);
                    if safe != *text {
                        let quote = if safe.contains('\'') { '"' } else { '\'' };
                        let safe = safe.replace(quote, "");
                        *line = format!("{command}<<< {quote}{safe}{quote}");
                    }
                }
            }
            Act::Send(_) | Act::Packet(_) => {}
        }
    }
    script
}

/// Whether sharing these leaves something out.
pub(super) fn has_secrets(text: &str, script: &Script) -> bool {
    redacted(text) != text || redacted_script(script) != *script
}

fn get<'n>(node: &'n YamlNode, key: &str) -> Option<&'n YamlNode> {
    let Value::Map(pairs) = &node.value else { return None };
    pairs.iter().find(|(k, _)| is(k, key)).map(|(_, v)| v)
}

fn is(node: &YamlNode, word: &str) -> bool {
    matches!(&node.value, Value::Scalar { text, .. } if text == word)
}

/// The first secret of an object.
fn secret(node: &YamlNode, at: YamlPath) -> Option<YamlPath> {
    if let Some(Value::Seq(items)) = get(node, "items").map(|n| &n.value) {
        let list = at.clone().key("items");
        let found = items.iter().enumerate().find_map(|(i, n)| secret(n, list.clone().item(i)));
        if found.is_some() {
            return found;
        }
    }
    let annotations = get(node, "metadata").and_then(|m| get(m, "annotations"));
    if annotations.and_then(|a| get(a, LAST_APPLIED)).is_some() {
        return Some(at.key("metadata").key("annotations").key(LAST_APPLIED));
    }
    let is_secret = get(node, "kind").is_some_and(|k| is(k, "Secret"));
    let Value::Map(pairs) = &node.value else { return None };
    // Nothing else belongs there; an alias of the data might.
    let data = pairs.iter().find_map(|(key, _)| match &key.value {
        Value::Scalar { text, .. } => Some(text).filter(|t| !HARMLESS.contains(&t.as_str())),
        _ => None,
    });
    data.filter(|_| is_secret).map(|key| at.key(key))
}

/// The text without the YAML documents that could contain a secret.
fn without_suspects(text: &str) -> String {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with("---") {
            documents.push(String::new());
        }
        documents.last_mut().expect("invariant: it began with one").push_str(line);
    }
    documents.retain(|d| !d.contains("Secret") && !d.contains("last-applied-configuration"));
    documents.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ntype: \
        kubernetes.io/service-account-token\ndata:\n  token: c2VjcmV0\nstringData: {a: hush}\n";

    #[test]
    fn secrets_go_and_all_else_stays() {
        let service = "# a comment\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    \
            kubectl.kubernetes.io/last-applied-configuration: |\n      {\"a\": 1}\n    b: c\n";
        let text = format!("{service}---\n{SECRET}---\nkind: ConfigMap\ndata: {{a: b}}\n");
        let out = redacted(&text);
        for gone in ["c2VjcmV0", "hush", "{\"a\": 1}"] {
            assert!(!out.contains(gone), "{gone}: {out}");
        }
        for kept in ["# a comment", "name: t", "b: c", "data: {a: b}"] {
            assert!(out.contains(kept), "{kept}: {out}");
        }
        assert_eq!(redacted(&out), out);
        let list = "kind: List\nitems:\n- kind: Secret\n  data: {k: c2VjcmV0}\n- kind: Service\n";
        assert!(!redacted(list).contains("c2VjcmV0"));
    }

    #[test]
    fn what_cannot_be_edited_goes_as_a_whole() {
        let broken = format!("kind: [\n---\n{SECRET}---\nkind: Service\n");
        let out = redacted(&broken);
        assert!(!out.contains("c2VjcmV0") && out.contains("kind: Service"), "{out}");
        let shared = "kind: Secret\ndata: &x {k: c2VjcmV0}\nother: *x\n";
        assert!(!redacted(shared).contains("c2VjcmV0"));
    }

    #[test]
    fn what_is_applied_is_looked_at_too() {
        let line = format!("kubectl apply -f - <<< '{SECRET}'");
        let steps = vec![
            play::Step::new(play::Anchor::Quiet, Act::Apply(SECRET.to_owned())),
            play::Step::run("node01", &line),
        ];
        let script = Script { steps, ..Script::default() };
        let out = redacted_script(&script).to_string();
        assert!(!out.contains("c2VjcmV0") && out.contains("<<<"), "{out}");
    }
}

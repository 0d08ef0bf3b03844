//! What could stand at a place of a text: the fields of the mapping there, the words of a value,
//! labels, names. Worked out by the decoder itself: what it would ask for is what is offered.

use crate::cluster;
use crate::decode::{Decoder, Known};
use crate::yaml::{Value, YamlNode, parse};

/// One word that could stand at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// The word.
    pub word: String,
    /// What to put behind it: `: ` behind a key.
    pub behind: &'static str,
}

/// What is offered: from which byte the word that is typed begins, and what it could become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// The first byte of the word.
    pub from: usize,
    /// What it could be, in order.
    pub offers: Vec<Offer>,
}

/// Stands in for the word that is typed, while the text is read.
const HERE: &str = "zzherezz";

/// What could stand at a byte of a text.
pub fn complete(text: &str, at: usize) -> Offers {
    let Some(before) = text.get(..at) else { return Offers::default() };
    let typed = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    let from =
        before.rfind(typed).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let begun = &before[from..];
    let line = before[..from].rfind('\n').map_or(0, |i| i + 1);
    let left = &before[line..from];
    let is_key =
        left.trim_start_matches([' ', '-']).is_empty() || left.trim_end().ends_with(['{', ',']);
    let rest = text[at..].find(typed).map_or(text.len(), |i| at + i);
    let place = if is_key { format!("{HERE}: 0") } else { HERE.to_owned() };
    // The rest of the line stays, unless it belongs to the word's own value.
    let behind = if is_key && text[rest..].trim_start_matches(' ').starts_with(':') {
        text[rest..].find('\n').map_or(text.len(), |i| rest + i)
    } else {
        rest
    };
    let trial = format!("{}{place}{}", &text[..from], &text[behind..]);
    let mut d = Decoder { known: Some(Vec::new()), ..Decoder::default() };
    cluster::read(&mut d, &trial);
    let (docs, _) = parse(&trial);
    let known = d.known.unwrap_or_default();
    let mut words: Vec<String> = Vec::new();
    let has = |k: &&Known| {
        k.keys.as_ref().is_some_and(|keys| keys.iter().any(|x| x == HERE)) && holds(k, from)
    };
    if let Some(k) = known.iter().filter(|_| is_key).rfind(has) {
        let there = k.keys.iter().flatten();
        let there: Vec<&String> = there.collect();
        words.extend(k.words.iter().filter(|w| !there.contains(w)).cloned());
        if k.path.ends_with("selector")
            || k.path.ends_with("matchLabels")
            || k.path.ends_with("labels")
        {
            words.extend(
                labels(&docs)
                    .into_iter()
                    .map(|(key, _)| key)
                    .filter(|w| w != HERE && !there.contains(&w)),
            );
        }
    } else if is_key && !known.iter().any(|k| holds(k, from)) {
        words.extend(["apiVersion", "kind", "metadata", "spec"].map(str::to_owned));
    } else if !is_key {
        let key = left
            .trim_end()
            .trim_end_matches(':')
            .rsplit([' ', '{', ','])
            .next()
            .unwrap_or_default();
        words.extend(
            known
                .iter()
                .filter(|k| k.keys.is_none() && k.span.start as usize == from)
                .flat_map(|k| k.words.clone()),
        );
        words.extend(values(&docs, key));
    }
    words.sort();
    words.dedup();
    let offer = |word: String| Offer { word, behind: if is_key { ": " } else { "" } };
    let offers = words
        .into_iter()
        .filter(|w| w.starts_with(begun) && *w != begun && w != HERE)
        .map(offer)
        .collect();
    Offers { from, offers }
}

fn holds(k: &Known, at: usize) -> bool {
    (k.span.start as usize..=k.span.end as usize).contains(&at)
}

fn word(n: &YamlNode) -> &str {
    if let Value::Scalar { text, .. } = &n.value { text } else { "" }
}

/// Calls `f` for every pair of every mapping.
fn each<'a>(n: &'a YamlNode, f: &mut dyn FnMut(&'a str, &'a YamlNode)) {
    match &n.value {
        Value::Map(pairs) => pairs.iter().for_each(|(k, v)| {
            f(word(k), v);
            each(v, f);
        }),
        Value::Seq(items) => items.iter().for_each(|i| each(i, f)),
        Value::Scalar { .. } => {}
    }
}

/// Every label that is written somewhere.
fn labels(docs: &[YamlNode]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for doc in docs {
        each(doc, &mut |key, v| {
            if let ("labels" | "matchLabels", Value::Map(pairs)) = (key, &v.value) {
                out.extend(pairs.iter().map(|(k, v)| (word(k).to_owned(), word(v).to_owned())));
            }
        });
    }
    out
}

/// What the value of a key could be, from what stands elsewhere.
fn values(docs: &[YamlNode], key: &str) -> Vec<String> {
    let mut out: Vec<String> =
        labels(docs).into_iter().filter(|(k, _)| k == key).map(|(_, v)| v).collect();
    let mut names = |wanted: &[&str], from: &[&str]| {
        if !wanted.contains(&key) {
            return;
        }
        for doc in docs {
            each(doc, &mut |k, v| {
                if from.contains(&k)
                    && let Value::Seq(items) = &v.value
                {
                    for item in items {
                        each(item, &mut |k, v| {
                            if k == "name" && !word(v).is_empty() {
                                out.push(word(v).to_owned());
                            }
                        });
                    }
                }
            });
        }
    };
    names(&["node", "nodeName", "on", "cut"], &["nodes"]);
    names(&["from", "to", "cut"], &["nodes", "hosts"]);
    // Named ports of containers.
    names(&["targetPort"], &["ports"]);
    let kinds = ["Service", "Deployment", "List", "Topology", "Script"];
    let versions = ["v1", "apps/v1", "packetwalk.dev/v1alpha1"];
    let fixed: &[&str] = match key {
        "kind" => &kinds,
        "apiVersion" => &versions,
        "type" => &["ClusterIP", "NodePort"],
        "protocol" => &["TCP", "UDP"],
        "docker" | "masqueradeAll" | "ipMasq" => &["true", "false"],
        "of" => {
            for doc in docs {
                let mut kind = "";
                each(doc, &mut |k, v| {
                    if k == "kind" {
                        kind = word(v);
                    }
                });
                if kind == "Deployment" {
                    let mut first = true;
                    each(doc, &mut |k, v| {
                        if k == "name" && std::mem::take(&mut first) {
                            out.push(word(v).to_owned());
                        }
                    });
                }
            }
            &[]
        }
        _ => &[],
    };
    out.extend(fixed.iter().map(|w| (*w).to_owned()));
    out.retain(|w| w != HERE && !w.is_empty());
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

    /// What is offered at `|` in a text with `old` replaced.
    fn offered(old: &str, new: &str) -> Vec<String> {
        let text = TEXT.replacen(old, new, 1);
        let at = text.find('|').expect("a place");
        complete(&text.replace('|', ""), at).offers.into_iter().map(|o| o.word).collect()
    }

    #[test]
    fn the_fields_that_are_missing_are_offered() {
        let ports = offered("  - port: 80\n", "  - port: 80\n    |\n");
        assert!(
            ports.contains(&"targetPort".to_owned())
                && ports.contains(&"nodePort".to_owned())
                && !ports.contains(&"port".to_owned()),
            "{ports:?}"
        );
        assert_eq!(offered("  - port: 80\n", "  - port: 80\n    tar|\n"), ["targetPort"]);
        assert_eq!(offered("spec:\n  selector:", "spec:\n  typ|\n  selector:"), ["type"]);
        let top = offered("apiVersion: v1\n", "apiVersion: v1\n|\n");
        assert!(top.contains(&"status".to_owned()) && !top.contains(&"kind".to_owned()), "{top:?}");
        assert_eq!(offered("{name: nginx}", "{name: nginx, name|}"), ["namespace"]);
    }

    #[test]
    fn kinds_types_labels_and_names_are_offered() {
        assert_eq!(offered("kind: Service", "kind: S|"), ["Script", "Service"]);
        assert_eq!(offered("spec:\n  selector:", "spec:\n  type: N|\n  selector:"), ["NodePort"]);
        assert_eq!(offered("    app: nginx\n", "    app: nginx\n    t|\n"), ["tier"]);
        assert_eq!(offered("    app: nginx\n", "    tier: |\n"), ["front"]);
        assert!(
            offered("  - port: 80\n", "  - port: 80\n    targetPort: |\n")
                .contains(&"http".to_owned())
        );
    }

    #[test]
    fn nowhere_is_nothing_and_no_place_is_a_panic() {
        assert_eq!(complete("", 0).from, 0);
        for at in 0..TEXT.len() + 3 {
            _ = complete(TEXT, at);
        }
        for at in 0.."二: 三\n- é".len() {
            _ = complete("二: 三\n- é", at);
        }
    }
}

//! Renaming an object in a Script: senders, destinations, hosts, the names in command lines, and
//! manifests that are applied. [`kube::change`] renames it in the other documents.

use crate::command;
use crate::script::Script;
use crate::shell::kubectl;
use crate::step::Act;
use kube::change::{Thing, renamed};
use kube::object::WorkloadKind;
use kube::yaml::edit::{Splice, spliced};
use kube::yaml::{Tree, YamlNode, parse};

/// An object and its new name, with the pods whose names follow from it.
#[derive(Clone, Debug)]
pub struct Renaming {
    thing: Thing,
    to: String,
    /// The namespace, old and new name of each pod.
    pods: Vec<(String, String, String)>,
}

impl Renaming {
    /// The renaming of an object that turned one document into another.
    pub fn new(thing: &Thing, to: &str, before: &str, after: &str) -> Self {
        let mut pods = Vec::new();
        if let Thing::Deployment(namespace, old) = thing {
            let names = |document: &str, name: &str| -> Vec<String> {
                let pods = kube::build(document).0.map(|c| c.pods).unwrap_or_default();
                let own =
                    pods.into_iter().filter(|p| p.is_of(WorkloadKind::Deployment, namespace, name));
                own.map(|p| p.name).collect()
            };
            let pairs = names(before, old).into_iter().zip(names(after, to));
            pods.extend(pairs.map(|(old, new)| (namespace.clone(), old, new)));
        }
        Self { thing: thing.clone(), to: to.to_owned(), pods }
    }

    /// A sender or destination under its new name; `None` if it is another object.
    pub fn name(&self, text: &str) -> Option<String> {
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let name = bare.find(':').map_or(bare, |colon| &bare[..colon]);
        let name = name.trim_end_matches('/');
        let new = self.object(name)?;
        let (scheme, rest) = (&text[..text.len() - bare.len()], &bare[name.len()..]);
        Some(format!("{scheme}{new}{rest}"))
    }

    /// A name without port, such as `node01`, `svc/web` or `pod/default/web-5d8f`.
    fn object(&self, name: &str) -> Option<String> {
        let (kind, object) = match name.split_once('/') {
            Some((kind @ ("svc" | "service" | "deploy" | "deployment" | "pod"), object)) => {
                (kind, object)
            }
            _ => ("", name),
        };
        let prefix = &name[..name.len() - object.len()];
        match (&self.thing, kind) {
            (Thing::Node(old) | Thing::Host(old), "") => (object == old).then(|| self.to.clone()),
            (Thing::Service(namespace, old), "svc" | "service") => {
                let (of, short) = object.split_once('/').unwrap_or(("default", object));
                let is_it = (of, short) == (namespace, old);
                is_it.then(|| format!("{}{}", &name[..name.len() - short.len()], self.to))
            }
            (Thing::Deployment(_, old), "deploy" | "deployment") => {
                (object == old).then(|| format!("{prefix}{}", self.to))
            }
            (Thing::Deployment(..), "" | "pod") => {
                let (of, short) =
                    object.split_once('/').map_or((None, object), |(n, s)| (Some(n), s));
                let before = &name[..name.len() - short.len()];
                self.pod(of, short).map(|new| format!("{before}{new}"))
            }
            _ => None,
        }
    }

    /// The new name of a pod.
    fn pod(&self, namespace: Option<&str>, name: &str) -> Option<&str> {
        let is_it = |n: &str, old: &str| old == name && namespace.is_none_or(|of| of == n);
        self.pods.iter().find(|(n, old, _)| is_it(n, old)).map(|(_, _, new)| new.as_str())
    }

    /// A command line with the new name.
    fn line(&self, line: &str) -> String {
        // What comes after is read by the command: manifests or rules.
        let (head, text) = line.find("<<<").map_or((line, ""), |at| line.split_at(at));
        let words = command::split(head);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let named = kubectl::named(&words);
        let mut out = String::new();
        let mut last = "";
        for piece in head.split_inclusive(char::is_whitespace) {
            let word = piece.trim().trim_matches(['"', '\'']);
            let new = match &named {
                Some((kind, namespace, names)) if !matches!(last, "-n" | "--namespace") => {
                    let name = word.rsplit('/').next().unwrap_or_default();
                    let new = names.contains(&name).then(|| self.of_kind(kind, namespace, name));
                    new.flatten().map(|new| format!("{}{new}", &word[..word.len() - name.len()]))
                }
                None if command::sends(line) => self.name(word),
                _ => None,
            };
            out += &new.map_or_else(|| piece.to_owned(), |new| piece.replacen(word, &new, 1));
            last = word;
        }
        let quote = text.find(['"', '\'']).filter(|_| words.first() == Some(&"kubectl"));
        let Some(start) = quote.map(|at| at + 1) else { return out + text };
        let end = text.rfind(&text[start - 1..start]).unwrap_or_default().max(start);
        out + &text[..start] + &renamed(&text[start..end], &self.thing, &self.to) + &text[end..]
    }

    /// The new name of an object of a kind of kubectl.
    fn of_kind(&self, kind: &str, namespace: &str, name: &str) -> Option<&str> {
        let is_it = match (&self.thing, kind) {
            (Thing::Service(of, old), "service")
            | (Thing::Deployment(of, old), "deployment.apps") => of == namespace && old == name,
            (Thing::Node(old), "node") => old == name,
            (Thing::Deployment(..), "pod") => return self.pod(Some(namespace), name),
            _ => false,
        };
        is_it.then_some(&self.to)
    }

    /// The text of a step's field with the new name; `None` if it stays the same.
    fn field(&self, key: &str, text: &str) -> Option<String> {
        let new = match key {
            "from" | "to" | "on" => self.name(text)?,
            "run" => self.line(text),
            "apply" => renamed(text, &self.thing, &self.to),
            _ => return None,
        };
        (new != text).then_some(new)
    }

    /// Renames the object in the steps of a Script.
    pub fn script(&self, script: &mut Script) {
        for step in &mut script.steps {
            let fields = match &mut step.act {
                Act::Send(p) => vec![("from", &mut p.from), ("to", &mut p.to)],
                Act::Run { host, line } => vec![("on", host), ("run", line)],
                Act::Apply(text) => vec![("apply", text)],
                Act::Packet(_) => continue,
            };
            for (key, text) in fields {
                if let Some(new) = self.field(key, text) {
                    *text = new;
                }
            }
        }
    }

    /// Renames the object in the Script of a text. All other bytes stay as they are.
    pub fn text(&self, text: &str) -> String {
        let (docs, _) = parse(text);
        let mut splices = Vec::new();
        for doc in docs.iter().filter(|d| d.get("kind").is_some_and(|k| k.text() == "Script")) {
            for step in doc.at(&["spec", "steps"]).map_or(&[][..], YamlNode::items) {
                for (key, node) in step.get("send").unwrap_or(step).pairs() {
                    let range = node.span.start as usize..node.span.end as usize;
                    let new = self.field(key.text(), node.text());
                    let new = new.and_then(|n| written(&text[range.clone()], node.text(), &n));
                    splices.extend(new.map(|text| Splice { range, text }));
                }
            }
        }
        splices.sort_by_key(|s| s.range.start);
        spliced(text, &splices)
    }
}

/// The lines of a scalar with another text, as they are written now; quoted if they are. `None` for
/// a folded scalar.
fn written(now: &str, old: &str, new: &str) -> Option<String> {
    let is_same = now.lines().map(str::trim).eq(old.lines().map(str::trim));
    if !is_same {
        return now.starts_with(['"', '\'']).then(|| Tree::text(new).flow());
    }
    let lines = now.split_inclusive('\n').zip(old.lines().zip(new.lines()));
    Some(lines.map(|(line, (old, new))| line.replacen(old.trim(), new.trim(), 1)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;
    use kube::change::{ClusterChange, change};

    fn steps() -> String {
        "\
---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
  - send: {from: bastion, to: \"node01:30080\"} # by name
  - send: {from: deploy/nginx-deployment, to: svc/nginx-service, host: nginx-service}
  - send: {from: POD, to: svc/default/nginx-service:80}
  - {on: node01, run: 'ping -c 1 node01'}
  - {on: bastion, run: curl http://node01:30080/nginx-service}
  - {on: node01, run: kubectl scale deploy nginx-deployment --replicas=3}
  - {on: node01, run: kubectl delete svc/nginx-service}
  - {on: node01, run: \"kubectl delete pod  SHORT -n default\"}
  - {on: node01, run: kubectl get svc nginx-service -n nginx-service}
  - run: |
      kubectl apply -f - <<< 'kind: Service
      metadata: {name: nginx-service}'
    on: POD
  - apply: |
      apiVersion: v1 # nginx-service
      kind: Service
      metadata: {name: nginx-service}
      spec: {selector: {app: nginx}, ports: [{port: 81}]}
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: nginx-deployment
      spec: {template: {spec: {nodeName: node01}}}
  - {on: node01, run: conntrack -F}
"
        .to_owned()
    }

    /// The lines of the Script that a renaming changes, in the text and as steps.
    fn changed(thing: Thing, to: &str) -> Vec<String> {
        let document = Preset::named("article-nodeport").expect("preset").document();
        let pod = kube::build(&document).0.expect("valid").pods.into_iter();
        let pod = pod.filter(|p| p.owner.name == "nginx-deployment").nth(1).expect("a pod").name;
        let steps = steps().replace("POD", &format!("pod/default/{pod}")).replace("SHORT", &pod);
        let text = document + &steps;
        let after = change(&text, &ClusterChange::Rename(thing.clone(), to.to_owned()))
            .expect("it is there");
        let renaming = Renaming::new(&thing, to, &text, &after);
        let new = renaming.text(&after);
        let mut script = Script::read(&text).0.expect("a Script");
        renaming.script(&mut script);
        let read = Script::read(&new).0.expect("a Script");
        assert_eq!(script, read, "{new}");
        let at = new.find("kind: Script").expect("a Script");
        assert_eq!(new[at..].lines().count() + 2, steps.lines().count());
        let old: Vec<&str> = steps.lines().skip(2).collect();
        let pairs = new[at..].lines().zip(old).filter(|(new, old)| new != old);
        let short = |line: &str| {
            let names = renaming.pods.iter().map(|(.., new)| new).chain([&pod]);
            names.fold(line.trim().to_owned(), |line, name| line.replace(name, "POD"))
        };
        pairs.map(|(new, _)| short(new)).collect()
    }

    #[test]
    fn a_node_and_a_host_are_renamed_in_every_step() {
        let new = changed(Thing::Node("node01".into()), "edge");
        let (first, rest) = new.split_at(3);
        assert_eq!(
            first,
            [
                "- send: {from: bastion, to: edge:30080} # by name",
                "- {on: edge, run: ping -c 1 edge}",
                "- {on: bastion, run: curl http://edge:30080/nginx-service}",
            ]
        );
        assert!(rest.iter().all(|l| l.contains("on: edge") || l.contains("nodeName: edge")));
        assert_eq!(
            changed(Thing::Host("bastion".into()), "jump"),
            [
                "- send: {from: jump, to: \"node01:30080\"} # by name",
                "- {on: jump, run: curl http://node01:30080/nginx-service}",
            ]
        );
    }

    #[test]
    fn services_and_deployments_are_renamed_in_every_step() {
        let ns = || "default".to_owned();
        assert_eq!(
            changed(Thing::Service(ns(), "nginx-service".into()), "web"),
            [
                "- send: {from: deploy/nginx-deployment, to: svc/web, host: nginx-service}",
                "- send: {from: pod/default/POD, to: svc/default/web:80}",
                "- {on: node01, run: kubectl delete svc/web}",
                "metadata: {name: web}'",
                "metadata: {name: web}",
            ]
        );
        assert_eq!(
            changed(Thing::Deployment(ns(), "nginx-deployment".into()), "web"),
            [
                "- send: {from: deploy/web, to: svc/nginx-service, host: nginx-service}",
                "- send: {from: pod/default/POD, to: svc/default/nginx-service:80}",
                "- {on: node01, run: kubectl scale deploy web --replicas=3}",
                "- {on: node01, run: kubectl delete pod  POD -n default}",
                "on: pod/default/POD",
                "name: web",
            ]
        );
    }

    #[test]
    fn a_short_name_is_not_looked_for_in_the_scheme() {
        let host = Thing::Host("p".to_owned());
        let renaming = Renaming::new(&host, "q", "", "");
        assert_eq!(renaming.name("http://p:80/p"), Some("http://q:80/p".to_owned()));
        assert_eq!(renaming.name("http://pp:80"), None);
    }
}

//! Removes what is not meant to be shared, and lists it: the `data` and `stringData` of Secrets,
//! which include the tokens of ServiceAccounts; the copy of an object that `kubectl apply` keeps in
//! an annotation; the credentials of a kubeconfig; values of environment variables whose names
//! speak of a secret; tokens and passwords in commands. None of it affects the simulation.
//!
//! Each removal is a minimal edit. Where a YAML document does not allow one (a syntax error, an
//! alias), all of that document is removed.

use super::sessions::name_of;
use kube::yaml::edit::{Edit, YamlPath, edit, spliced};
use kube::yaml::{Value, YamlNode, parse};
use play::{Act, Script, shell};

/// Something that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it is.
    pub place: Place,
    /// The kind and name of its object; empty in a command.
    pub object: String,
    /// The path of the field, or the option of the command; `None`: all of the YAML document.
    pub field: Option<String>,
}

/// The place of something that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the text, from 1.
    Line(u32),
    /// A step of the Script, from 1.
    Step(usize),
}

/// A session without its secrets, and what was left out.
#[derive(Debug)]
pub(super) struct Redacted {
    pub(super) text: String,
    pub(super) script: Script,
    pub(super) left_out: Vec<LeftOut>,
}

/// A text and a Script without their secrets.
pub(super) fn redacted(text: &str, script: &Script) -> Redacted {
    let (text, mut left_out) = manifests(text);
    let mut script = script.clone();
    for (step, n) in script.steps.iter_mut().zip(1..) {
        let found = match &mut step.act {
            Act::Apply(text) => {
                let (safe, found) = manifests(text);
                *text = safe;
                found
            }
            Act::Run { line, .. } => {
                let (safe, found) = command(line);
                *line = safe;
                found
            }
            Act::Send(_) | Act::Packet(_) => Vec::new(),
        };
        left_out.extend(found.into_iter().map(|l| LeftOut { place: Place::Step(n), ..l }));
    }
    Redacted { text, script, left_out }
}

/// Manifests without their secrets.
fn manifests(text: &str) -> (String, Vec<LeftOut>) {
    let (mut out, mut left_out) = (String::with_capacity(text.len()), Vec::new());
    let mut first = 0;
    for document in documents(text) {
        let (safe, found) = document_without_secrets(document);
        let here = |l: LeftOut| match l.place {
            Place::Line(line) => LeftOut { place: Place::Line(first + line), ..l },
            Place::Step(_) => l,
        };
        left_out.extend(found.into_iter().map(here));
        out.push_str(&safe);
        first += document.matches('\n').count() as u32;
    }
    (out, left_out)
}

/// The YAML documents of a text, each with the `---` before it.
fn documents(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut at) = (Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            out.push(&text[start..at]);
            start = at;
        }
        at += line.len();
    }
    out.push(&text[start..]);
    out
}

fn document_without_secrets(document: &str) -> (String, Vec<LeftOut>) {
    let mut out = document.to_owned();
    let mut left_out = None;
    loop {
        let (docs, diags) = parse(&out);
        let mut found = Vec::new();
        for (i, doc) in docs.iter().enumerate() {
            secrets(doc, YamlPath::root(i), &Within::Object, "", &mut found);
        }
        let is_broken = diags.iter().any(|d| d.code == kube::Code::YamlSyntax);
        if is_broken && (!found.is_empty() || left_out.is_some() || is_suspect(&out)) {
            return without(document);
        }
        let first = found.first().map(|s| s.path.clone());
        let named = left_out.get_or_insert_with(|| found.into_iter().map(LeftOut::from).collect());
        let Some(path) = first else { return (out, std::mem::take(named)) };
        match edit(&out, &Edit::Remove(path)) {
            Ok(splices) => out = spliced(&out, &splices),
            Err(_) => return without(document),
        }
    }
}

/// Nothing of a document that cannot be edited.
fn without(document: &str) -> (String, Vec<LeftOut>) {
    let begins = |(_, line): &(u32, &str)| {
        let line = line.trim();
        !(line.is_empty() || line.starts_with('#') || line.starts_with("---"))
    };
    let line = (1..).zip(document.lines()).find(begins).map_or(1, |(n, _)| n);
    let kind = document.lines().find_map(|l| l.trim_start().strip_prefix("kind:")).unwrap_or("");
    let name = if document.contains("name:") { name_of(document) } else { "" };
    let object = format!("{} {name}", kind.trim()).trim().to_owned();
    (String::new(), vec![LeftOut { place: Place::Line(line), object, field: None }])
}

/// Whether a text that cannot be parsed could contain a secret.
fn is_suspect(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words =
        ["secret", "last-applied-configuration", "token", "passw", "client-key-data", "api_key"];
    words.iter().any(|word| text.contains(word))
}

/// The fields of a Secret that are not confidential. Nothing else belongs there; an alias of the
/// data might.
const OF_SECRET: [&str; 5] = ["apiVersion", "kind", "metadata", "type", "immutable"];
/// The fields of a user of a kubeconfig that are not confidential.
const OF_USER: [&str; 8] = [
    "username",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "tokenFile",
    "as",
    "as-uid",
    "as-groups",
];
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Whether the name of an environment variable speaks of a secret: `API_KEY`, `DB_PASSWORD`.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    ["token", "passw", "secret"].iter().any(|word| name.contains(word))
        || words.any(|word| word.ends_with("key") || word.ends_with("keys"))
}

/// What a value is part of.
enum Within {
    Object,
    /// The list `env` of a container, or an item of it.
    Env,
    /// The list `users` of a kubeconfig, or an item of it.
    Users,
    /// The credentials of a user.
    User,
    Other,
}

struct Secret {
    path: YamlPath,
    line: u32,
    object: String,
}

impl From<Secret> for LeftOut {
    fn from(s: Secret) -> Self {
        let path = s.path.to_string();
        let field = path.split_once(": ").map_or(&*path, |(_, field)| field).to_owned();
        Self { place: Place::Line(s.line), object: s.object, field: Some(field) }
    }
}

/// Finds the secrets below a value.
fn secrets(node: &YamlNode, at: YamlPath, within: &Within, object: &str, out: &mut Vec<Secret>) {
    for (i, item) in node.items().iter().enumerate() {
        secrets(item, at.clone().item(i), within, object, out);
    }
    let Value::Map(pairs) = &node.value else { return };
    let text = |key: &str| node.get(key).map_or("", YamlNode::text);
    let is_object = matches!(within, Within::Object);
    let name = node.at(&["metadata", "name"]).map_or("", YamlNode::text);
    let own = format!("{} {name}", text("kind")).trim().to_owned();
    let object = if is_object { own.as_str() } else { object };
    for (key, value) in pairs {
        let path = at.clone().key(key.text());
        let is_secret = match (within, key.text()) {
            (_, LAST_APPLIED) => true,
            (Within::Object, field) => text("kind") == "Secret" && !OF_SECRET.contains(&field),
            (Within::Env, "value") => is_secret_name(text("name")),
            (Within::User, field) => !OF_USER.contains(&field),
            _ => false,
        };
        if is_secret {
            out.push(Secret { path, line: key.span.line, object: object.to_owned() });
            continue;
        }
        let inner = match (within, key.text()) {
            (Within::Object, "items") => Within::Object,
            (Within::Object, "users") => Within::Users,
            (Within::Users, "user") => Within::User,
            (_, "env") => Within::Env,
            _ => Within::Other,
        };
        secrets(value, path, &inner, object, out);
    }
}

/// A command without its secrets: those of its manifests, and the values of its options.
fn command(line: &str) -> (String, Vec<LeftOut>) {
    let (mut out, mut left_out) = (line.to_owned(), Vec::new());
    if let Some((command, _)) = line.split_once("<<<") {
        let words = shell::split(line);
        let text = words.iter().skip_while(|w| *w != "<<<").nth(1);
        let (safe, found) = manifests(text.map_or("", String::as_str));
        if !found.is_empty() {
            let quote = if safe.contains('\'') { '"' } else { '\'' };
            let safe = safe.replace(quote, "");
            out = format!("{command}<<< {quote}{safe}{quote}");
            left_out = found;
        }
    }
    for option in OPTIONS {
        mask(&mut out, option, &mut left_out);
    }
    (out, left_out)
}

/// What a secret of a command follows.
const OPTIONS: [&str; 6] =
    ["authorization:", "bearer ", "--token=", "--token ", "--password=", "--password "];
/// What stands in the place of a secret in a command, which keeps its words.
const MASK: &str = "left-out";

/// Masks the word that follows each occurrence of `option`, in any case; within quotes, all up to
/// their end.
fn mask(line: &mut String, option: &str, left_out: &mut Vec<LeftOut>) {
    let is_quote = |c: char| matches!(c, '\'' | '"');
    let mut from = 0;
    while let Some(found) = line[from..].to_ascii_lowercase().find(option) {
        let rest = &line[from + found + option.len()..];
        let start = line.len() - rest.trim_start_matches([' ', '\'', '"']).len();
        let quoted = line[..start].matches(is_quote).count() % 2 == 1;
        let rest = &line[start..];
        let end = rest.find(|c: char| is_quote(c) || !quoted && c.is_whitespace());
        let end = start + end.unwrap_or(rest.len());
        if start < end && line[start..end] != *MASK {
            line.replace_range(start..end, MASK);
            let field = option.trim_end_matches([':', '=', ' ']).to_owned();
            let (place, object) = (Place::Step(0), String::new());
            left_out.push(LeftOut { place, object, field: Some(field) });
        }
        from = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ntype: \
        kubernetes.io/service-account-token\ndata:\n  token: c2VjcmV0\nstringData: {a: hush}\n";

    /// The text without its secrets, and what was left out, in English.
    fn of(text: &str) -> (String, Vec<String>) {
        let (out, left_out) = manifests(text);
        assert_eq!(manifests(&out).1, []);
        (out, left_out.iter().map(|l| crate::words::left_out(l, crate::words::Lang::En)).collect())
    }

    #[test]
    fn secrets_go_and_all_else_stays() {
        let service = "# a comment\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    \
            kubectl.kubernetes.io/last-applied-configuration: |\n      {\"a\": 1}\n    b: c\n";
        let text = format!("{service}---\n{SECRET}---\nkind: ConfigMap\ndata: {{a: b}}\n");
        let (out, left_out) = of(&text);
        for gone in ["c2VjcmV0", "hush", "{\"a\": 1}"] {
            assert!(!out.contains(gone), "{gone}: {out}");
        }
        for kept in ["# a comment", "name: t", "b: c", "data: {a: b}"] {
            assert!(out.contains(kept), "{kept}: {out}");
        }
        let annotation = format!("line 6, Service web: metadata.annotations.{LAST_APPLIED}");
        assert_eq!(
            left_out,
            [&*annotation, "line 14, Secret t: data", "line 16, Secret t: stringData"]
        );
        let list = "kind: List\nitems:\n- kind: Secret\n  data: {k: c2VjcmV0}\n- kind: Service\n";
        assert_eq!(of(list).1, ["line 4, Secret: items[0].data"]);
    }

    #[test]
    fn credentials_of_a_kubeconfig_and_of_containers_go() {
        let config = "apiVersion: v1\nkind: Config\nusers:\n- name: me\n  user:\n    token: a1\n    \
            client-certificate-data: pub\n    client-key-data: b2\n- {name: o, user: {password: c3}}\n";
        let (out, left_out) = of(config);
        assert!(
            out.contains("pub") && !["a1", "b2", "c3"].iter().any(|s| out.contains(s)),
            "{out}"
        );
        let fields = ["token", "client-key-data"].map(|f| format!("users[0].user.{f}"));
        assert_eq!(
            left_out,
            [
                format!("line 6, Config: {}", fields[0]),
                format!("line 8, Config: {}", fields[1]),
                "line 9, Config: users[1].user.password".to_owned()
            ]
        );
        let pod = "kind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    env:\n    \
            - {name: DB_PASSWORD, value: hush}\n    - {name: KEYBOARD, value: us}\n    \
            - name: API_KEY\n      value: a1\n";
        let (out, left_out) = of(pod);
        assert!(out.contains("us") && !out.contains("hush") && !out.contains("a1"), "{out}");
        let path = "Pod p: spec.containers[0].env";
        assert_eq!(
            left_out,
            [format!("line 7, {path}[0].value"), format!("line 10, {path}[2].value")]
        );
    }

    #[test]
    fn what_cannot_be_edited_goes_as_a_whole_and_is_named() {
        let broken = format!("kind: [\n---\n{SECRET}bad: [\n---\nkind: Service\n");
        let (out, left_out) = of(&broken);
        assert!(!out.contains("c2VjcmV0") && out.contains("kind: Service"), "{out}");
        let whole = "all of this YAML document, as it cannot be edited";
        assert_eq!(left_out, [format!("line 3, Secret t: {whole}")]);
        let shared = "kind: Secret\ndata: &x {k: c2VjcmV0}\nother: *x\n";
        assert_eq!(of(shared).0, "kind: Secret\n");
    }

    #[test]
    fn what_is_done_is_looked_at_too() {
        let line = format!("kubectl apply -f - <<< '{SECRET}'");
        let mut steps = vec![
            play::Step::new(play::Anchor::Quiet, Act::Apply(SECRET.to_owned())),
            play::Step::run("node01", &line),
        ];
        let commands = [
            ("curl -H 'Authorization: Bearer a1 b2' x", "curl -H 'Authorization: left-out' x"),
            ("curl -H authorization:a1 x", "curl -H authorization:left-out x"),
            ("curl -H \"X-Auth: Bearer a1\" x", "curl -H \"X-Auth: Bearer left-out\" x"),
            ("kubectl --token=a1 get po", "kubectl --token=left-out get po"),
            ("kubectl --password 'a1 b2' get po", "kubectl --password 'left-out' get po"),
        ];
        steps.extend(commands.map(|(line, _)| play::Step::run("node01", line)));
        let script = Script { steps, ..Script::default() };
        let Redacted { script, left_out, .. } = redacted("", &script);
        let out = script.to_string();
        assert!(!out.contains("c2VjcmV0") && out.contains("<<<"), "{out}");
        for (step, (_, safe)) in script.steps[2..].iter().zip(commands) {
            assert!(matches!(&step.act, Act::Run { line, .. } if line == safe), "{step:?} {safe}");
        }
        let said: Vec<_> =
            left_out.iter().map(|l| crate::words::left_out(l, crate::words::Lang::En)).collect();
        assert_eq!(said[0], "step 1, Secret t: data");
        assert_eq!(said[4], "step 3: authorization");
        assert_eq!(said.len(), 9);
        assert_eq!(redacted("", &script).left_out, []);
    }
}

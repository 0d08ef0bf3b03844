//! The table of the fields of Topology and Script against what is generated from it: the JSON
//! Schema of a document and the reference page. `BLESS=1` rewrites both. The schema of Kubernetes
//! kinds is written by hand, above the generated part.

use kube::fields::{API_VERSION, Field, Kind, SCRIPT, TOPOLOGY, Type};
use std::fmt::Write;
use std::path::PathBuf;
use support::{difference, read, root};

const KINDS: [&Kind; 2] = [&TOPOLOGY, &SCRIPT];

fn compare(path: &str, generated: &str) {
    let path: PathBuf = root().join("..").join(path);
    if std::env::vars_os().any(|(k, _)| k == "BLESS") {
        std::fs::write(&path, generated).expect("a file of the project");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let diff = difference(&path.display().to_string(), &lines(generated), &lines(&read(&path)));
    assert!(diff.is_none(), "{}", diff.unwrap_or_default());
}

/// A JSON text on several lines, with one property a line.
fn object(pairs: &[(&str, String)], indent: usize) -> String {
    let inner = " ".repeat(indent + 2);
    let lines: Vec<String> = pairs.iter().map(|(k, v)| format!("{inner}\"{k}\": {v}")).collect();
    format!("{{\n{}\n{}}}", lines.join(",\n"), " ".repeat(indent))
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

/// The required keys of exactly one form.
fn one_of(forms: &[&[&str]]) -> (&'static str, String) {
    // Strict validators want a required property to be named where it is required.
    let form = |keys: &&[&str]| {
        let named: Vec<String> = keys.iter().map(|k| format!("{}: true", quoted(k))).collect();
        format!("{{\"properties\": {{{}}}, \"required\": {keys:?}}}", named.join(", "))
    };
    ("oneOf", format!("[{}]", forms.iter().map(form).collect::<Vec<_>>().join(", ")))
}

/// The schema of mappings with these fields.
fn mapping(fields: &[Field], more: &[(&str, String)], indent: usize) -> String {
    let properties: Vec<(&str, String)> =
        fields.iter().map(|f| (f.key, value(f, indent + 4))).collect();
    let mut pairs = vec![
        ("type", quoted("object")),
        ("properties", object(&properties, indent + 2)),
        ("additionalProperties", "false".to_owned()),
    ];
    let required: Vec<&str> = fields.iter().filter(|f| f.required).map(|f| f.key).collect();
    if !required.is_empty() {
        pairs.push(("required", serde_json::to_string(&required).expect("strings")));
    }
    pairs.extend(more.iter().cloned());
    object(&pairs, indent)
}

/// The schema of a field's value.
fn value(field: &Field, indent: usize) -> String {
    let mut pairs = vec![("description", quoted(field.help[0]))];
    let text = |format: &kube::fields::Format| {
        let kind = if format.number { "[\"string\", \"number\"]" } else { "\"string\"" };
        let pattern = format.pattern.map(|p| format!(", \"pattern\": {}", quoted(p)));
        format!("{{\"type\": {kind}{}}}", pattern.unwrap_or_default())
    };
    match &field.value {
        Type::Object(fields) => return mapping(fields, &pairs, indent),
        Type::ByName(fields) => {
            pairs.push(("type", quoted("object")));
            pairs.push(("additionalProperties", mapping(fields, &[], indent + 2)));
        }
        Type::Objects(fields) => {
            pairs.push(("type", quoted("array")));
            pairs.push(("items", mapping(fields, &[], indent + 2)));
        }
        Type::Variants(fields, forms) => {
            pairs.push(("type", quoted("array")));
            pairs.push(("items", mapping(fields, &[one_of(forms)], indent + 2)));
        }
        Type::List(format) => {
            pairs.push(("type", quoted("array")));
            pairs.push(("items", text(format)));
        }
        Type::Text(format) => {
            let kind = if format.number { "[\"string\", \"number\"]" } else { "\"string\"" };
            pairs.push(("type", kind.to_owned()));
            pairs.extend(format.pattern.map(|p| ("pattern", quoted(p))));
        }
        Type::Integer(min, max) => {
            pairs.push(("type", quoted("integer")));
            pairs.push(("minimum", min.to_string()));
            pairs.extend((*max != i64::MAX).then(|| ("maximum", max.to_string())));
        }
        Type::Boolean => pairs.push(("type", quoted("boolean"))),
        Type::Word(words) => pairs.push(("enum", format!("{words:?}"))),
        Type::Either(scalar, fields, forms) => {
            let scalar = match scalar {
                Type::Word(words) => format!("{{\"enum\": {words:?}}}"),
                Type::Text(format) => text(format),
                other => panic!("{}: no schema for {other:?}", field.key),
            };
            let mapping = mapping(fields, &[one_of(forms)], indent + 2);
            pairs.push(("oneOf", format!("[{scalar}, {mapping}]")));
        }
        Type::Ignored => {}
    }
    if let Some(kube::fields::DefaultValue::Fixed(default)) = field.default {
        let bare = matches!(field.value, Type::Integer(..) | Type::Boolean);
        pairs.push(("default", if bare { default.to_owned() } else { quoted(default) }));
    }
    object(&pairs, indent)
}

/// The schema of documents of a kind.
fn schema(kind: &Kind) -> String {
    let constant = |text: &str| format!("{{\"const\": {}}}", quoted(text));
    let mut properties = vec![("apiVersion", constant(API_VERSION)), ("kind", constant(kind.name))];
    properties.extend(kind.fields.iter().map(|f| (f.key, value(f, 8))));
    let pairs = [
        ("description", quoted(kind.help[0])),
        ("type", quoted("object")),
        ("properties", object(&properties, 6)),
        ("additionalProperties", "false".to_owned()),
        ("required", "[\"apiVersion\", \"kind\", \"spec\"]".to_owned()),
    ];
    object(&pairs, 4)
}

/// The schema of a YAML document, up to our own kinds. What Kubernetes' kinds contain depends on
/// the release; the engine checks it.
const HEAD: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://packetwalk.dev/schema/document.schema.json",
  "title": "A YAML document of a Packetwalk text",
  "description": "A text is several of them. Every kind but Topology and Script is a manifest of Kubernetes: the engine checks its fields against the types of the release.",
  "type": "object",
  "required": ["apiVersion", "kind"],
  "properties": {
    "apiVersion": {"type": "string", "minLength": 1},
    "kind": {"type": "string", "minLength": 1}
  },
  "oneOf": [
    {"$ref": "#/$defs/topology"},
    {"$ref": "#/$defs/script"},
    {"$ref": "#/$defs/list"},
    {"$ref": "#/$defs/manifest"}
  ],
  "$defs": {
    "list": {
      "type": "object",
      "properties": {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "List"},
        "metadata": {"type": "object"},
        "items": {"type": "array", "items": {"$ref": "#"}}
      },
      "additionalProperties": false
    },
    "manifest": {
      "type": "object",
      "properties": {
        "kind": {"not": {"enum": ["List", "Topology", "Script"]}},
        "metadata": {"type": "object"}
      }
    },
"##;

#[test]
fn the_json_schema_is_that_of_the_table() {
    let kinds = KINDS.map(|k| format!("    \"{}\": {}", k.name.to_lowercase(), schema(k)));
    let text = format!("{HEAD}{}\n  }}\n}}\n", kinds.join(",\n"));
    let whole: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(whole["$defs"]["topology"]["properties"]["spec"].is_object());
    compare("crates/engine/npm/schema/document.schema.json", &text);
}

/// The rows of the fields below a path.
fn rows(out: &mut String, fields: &[Field], path: &str) {
    for f in fields {
        let list = match f.value {
            Type::Objects(_) | Type::Variants(..) => "[]",
            Type::ByName(_) => ".NAME",
            _ => "",
        };
        let path = format!("{path}{}", f.key);
        let default = match f.default_text("en") {
            _ if f.required => "required".to_owned(),
            Some(text) if matches!(f.default, Some(kube::fields::DefaultValue::Fixed(_))) => {
                format!("`{text}`")
            }
            other => other.unwrap_or_default().to_owned(),
        };
        let kind = f.type_text("en").replace('|', "\\|");
        let _ = writeln!(out, "| `{path}{list}` | {kind} | {default} | {} |", f.help[0]);
        rows(out, f.fields(), &format!("{path}{list}."));
    }
}

#[test]
fn the_reference_page_is_that_of_the_table() {
    let mut page = format!(
        "# Document reference\n\n\
         The fields of `kind: Topology` and `kind: Script`, both `apiVersion: {API_VERSION}`. This \
         page is generated\nfrom the table that also feeds the decoder, completion and help in the \
         editor, and the JSON Schema:\n`BLESS=1 cargo test -p packetwalk-tests --test fields`.\n"
    );
    for kind in KINDS {
        let _ = write!(page, "\n## {}\n\n{}\n\n", kind.name, kind.help[0]);
        page.push_str("| Field | Type | Default | Meaning |\n| --- | --- | --- | --- |\n");
        rows(&mut page, kind.fields, "");
    }
    compare("web/docs/document.md", &page);
}

/// A document with a value for every field.
fn document_of(fields: &[&Field], indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    for f in fields {
        let key = format!("{pad}{}:", f.key);
        let _ = match &f.value {
            Type::Object(_) => writeln!(out, "{key}"),
            Type::Either(_, fields, forms) => {
                let _ = writeln!(out, "{key}");
                let (form, others) = forms.split_last().expect("a form");
                let of_form = |f: &&Field| {
                    form.contains(&f.key) || !others.iter().any(|o| o.contains(&f.key))
                };
                let fields: Vec<&Field> = fields.iter().filter(of_form).collect();
                document_of(&fields, indent + 4, out);
                continue;
            }
            Type::Objects(_) => writeln!(out, "{key}\n{pad}-"),
            Type::Variants(fields, forms) => {
                let _ = writeln!(out, "{key}");
                for form in *forms {
                    let _ = writeln!(out, "{pad}-");
                    let of_form = |f: &&Field| {
                        form.contains(&f.key) || !forms.iter().any(|o| o.contains(&f.key))
                    };
                    document_of(
                        &fields.iter().filter(of_form).collect::<Vec<_>>(),
                        indent + 4,
                        out,
                    );
                }
                continue;
            }
            Type::ByName(_) => writeln!(out, "{key}\n{pad}  node01:"),
            Type::List(format) => writeln!(out, "{key} [{}]", format.example),
            Type::Text(format) => writeln!(out, "{key} {}", quoted(format.example)),
            Type::Integer(min, _) => writeln!(out, "{key} {min}"),
            Type::Boolean => writeln!(out, "{key} true"),
            Type::Word(words) => writeln!(out, "{key} {}", words[0]),
            Type::Ignored => writeln!(out, "{key} x"),
        };
        document_of(&f.fields().iter().collect::<Vec<_>>(), indent + 4, out);
    }
}

#[test]
fn the_decoders_know_every_field_of_the_table() {
    for kind in KINDS {
        let mut text = format!("apiVersion: {API_VERSION}\nkind: {}\n", kind.name);
        document_of(&kind.fields.iter().collect::<Vec<_>>(), 0, &mut text);
        let diags = play::script::check(&text);
        let unknown: Vec<_> = diags.iter().filter(|d| d.code == kube::Code::UnknownField).collect();
        assert!(unknown.is_empty(), "{unknown:?}\n{text}");
        // A misspelling of a field is corrected to one of the table.
        let wrong = text.replacen("spec:\n", "spec:\n    sead: 1\n", 1);
        let diags = play::script::check(&wrong);
        let hint = diags.iter().find(|d| d.code == kube::Code::UnknownField).map(|d| &d.hint);
        assert_eq!(hint.map(String::as_str), Some("did you mean seed?"), "{diags:?}");
    }
}

#[test]
fn defaults_of_the_table_are_those_of_the_decoder() {
    fn find<'a>(fields: &'a [Field], path: &[&str]) -> &'a Field {
        let f = fields.iter().find(|f| f.key == path[0]).expect(path[0]);
        if path.len() == 1 { f } else { find(f.fields(), &path[1..]) }
    }
    let text = format!(
        "apiVersion: {API_VERSION}\nkind: Topology\nspec: {{nodes: [{{name: a}}], \
         kubernetes: {{}}, kubeProxy: {{}}, flannel: {{}}, segments: [{{}}]}}\n"
    );
    let (cluster, diags) = kube::build(&text);
    let t = cluster.unwrap_or_else(|| panic!("{diags:?}")).topology;
    let node = &t.nodes[0];
    let (first, last) = t.node_ports;
    for (path, value) in [
        ("metadata.name", t.name.clone()),
        ("spec.seed", t.seed.to_string()),
        ("spec.kubernetes.version", t.version.to_string()),
        ("spec.kubernetes.podCIDR", t.pod_cidr.to_string()),
        ("spec.kubernetes.serviceCIDR", t.service_cidr.to_string()),
        ("spec.kubernetes.serviceNodePortRange", format!("{first}-{last}")),
        ("spec.kubeProxy.masqueradeAll", t.kube_proxy.masquerade_all.to_string()),
        ("spec.kubeProxy.localhostNodePorts", t.kube_proxy.localhost_node_ports.to_string()),
        ("spec.flannel.vni", t.vni.to_string()),
        ("spec.flannel.port", t.vxlan_port.to_string()),
        ("spec.flannel.ipMasq", t.ip_masq.to_string()),
        ("spec.segments.name", t.segment().name.clone()),
        ("spec.segments.subnet", t.segment().subnet.to_string()),
        ("spec.nodes.nic.name", node.nic.name.clone()),
        ("spec.segments.mtu", node.nic.mtu.to_string()),
    ] {
        let path: Vec<&str> = path.split('.').collect();
        let field = find(TOPOLOGY.fields, &path);
        assert_eq!(field.default_text("en"), Some(value.as_str()), "{path:?}");
    }
    let sysctl = |key| find(find(TOPOLOGY.fields, &["spec", "nodes", "sysctl"]).fields(), &[key]);
    for (key, value) in [
        ("net.ipv4.ip_forward", u8::from(node.ip_forward)),
        ("net.bridge.bridge-nf-call-iptables", u8::from(node.bridge_nf)),
        ("net.ipv4.conf.all.rp_filter", node.rp_filter),
    ] {
        assert_eq!(sysctl(key).default_text("en"), Some(value.to_string().as_str()), "{key}");
    }
}

/// The kinds with tables of their fields, and their apiVersions.
const DESCRIBED: [(&str, &str); 14] = [
    ("Pod", "v1"),
    ("Deployment", "apps/v1"),
    ("ReplicaSet", "apps/v1"),
    ("StatefulSet", "apps/v1"),
    ("DaemonSet", "apps/v1"),
    ("ReplicationController", "v1"),
    ("Job", "batch/v1"),
    ("CronJob", "batch/v1"),
    ("Service", "v1"),
    ("Endpoints", "v1"),
    ("EndpointSlice", "discovery.k8s.io/v1"),
    ("NetworkPolicy", "networking.k8s.io/v1"),
    ("Ingress", "networking.k8s.io/v1"),
    ("Node", "v1"),
];

/// What has the same fields in several kinds: described once, in the first of them.
const ONCE: [&str; 6] = [
    "metadata.",
    "spec.template.",
    "spec.jobTemplate.",
    "spec.initContainers[].",
    "spec.ephemeralContainers[].",
    "spec.selector.",
];

/// What becomes of a kind or field.
const fn fate(simulated: bool) -> &'static str {
    if simulated { "simulated" } else { "noted" }
}

#[test]
fn the_page_about_kubernetes_is_that_of_the_schema_and_the_decoders() {
    let last = kube::Release::LAST;
    let mut page = format!(
        "# Kubernetes kinds and fields\n\n\
         Every kind and field that the API server of a release from {} to {last} knows is accepted \
         as that\nserver accepts it, and anything else is refused in its words. **Simulated** has an \
         effect here;\n**noted** is checked, has none, and is named in one note. A kind or field is \
         refused in releases\nother than those named; where none is named, it is in all of them. \
         Alpha versions, and beta\nversions that are new since 1.24, are off in an API server and \
         refused. Kinds of other groups are\ncustom resources: noted, and not checked.\n\n\
         This page is generated from Kubernetes' API definitions (`crates/kube/schema`) and from \
         what the\ndecoders request: `BLESS=1 cargo test -p packetwalk-tests --test fields`.\n\n\
         ## Kinds\n\n| Kind | Here | Versions |\n| --- | --- | --- |\n",
        kube::Release::FIRST
    );
    let served = |k: &&kube::schema::Kind| kube::Release::all().any(|r| k.is_served(r));
    let kinds: Vec<_> = kube::schema::kinds().iter().filter(served).collect();
    let mut names: Vec<&str> = kinds.iter().map(|k| k.name).collect();
    names.retain(|n| !n.ends_with("List"));
    names.sort_unstable();
    names.dedup();
    for name in names {
        let versions = kinds.iter().filter(|k| k.name == name);
        let versions = versions.map(|k| format!("`{}` {}", k.api_version, k.releases_text()));
        let here = fate(kube::object::is_simulated(name));
        let list = versions.collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| {name} | {here} | {list} |");
    }
    for (name, version) in DESCRIBED {
        let opens = |t: &str| match t {
            "PodTemplateSpec" | "JobTemplateSpec" => name == "Deployment",
            "ObjectMeta" => name == "Pod",
            "Container" => true,
            _ => t.ends_with("Spec") || t.starts_with(name) || t.starts_with("HTTPIngress"),
        };
        let rows = kube::reference::rows(name, version, &opens);
        assert!(rows.len() > 3, "{name}");
        let _ = write!(page, "\n## {name}\n\n`{version}`\n\n");
        page.push_str("| Field | Type | Here | Releases |\n| --- | --- | --- | --- |\n");
        let first = |path: &str| match name {
            "Pod" => path.starts_with("metadata."),
            "Deployment" => path.starts_with("spec.selector."),
            _ => false,
        };
        let again = |path: &str| ONCE.iter().any(|p| path.starts_with(p)) && !first(path);
        for r in rows.iter().filter(|r| !again(&r.path)) {
            let here = fate(r.simulated);
            let required = if r.required { ", required" } else { "" };
            let shape = r.shape.replace('|', "\\|");
            let _ =
                writeln!(page, "| `{}` | {shape}{required} | {here} | {} |", r.path, r.releases);
        }
    }
    compare("web/docs/kubernetes.md", &page);
}

#[test]
fn every_field_of_every_kind_is_accepted_by_the_releases_that_have_it() {
    use kube::Code;
    let mut documents = 0;
    for kind in kube::schema::kinds().iter().filter(|k| !k.name.ends_with("List")) {
        for release in kube::Release::all().filter(|r| kind.is_served(*r)) {
            let text = kube::reference::document(kind, release);
            let (_, diags) = kube::build(&text);
            let structure = [Code::UnknownField, Code::UnknownKind, Code::YamlSyntax];
            let wrong = diags.iter().find(|d| structure.contains(&d.code));
            assert!(wrong.is_none(), "{release} {}: {}", kind.name, wrong.expect("one"));
            let typed = diags.iter().find(|d| d.code == Code::WrongType);
            assert!(typed.is_none(), "{release} {}: {}", kind.name, typed.expect("one"));
            documents += 1;
        }
    }
    assert!(documents > 1000, "{documents}");
}

//! What of each built-in kind is simulated, found out by decoding a document with every field: what
//! a decoder requests is simulated, everything else is accepted and noted.

use crate::controller;
use crate::decode::Decoder;
use crate::object;
use crate::release::Release;
use crate::schema::{Field, Kind, Required, Shape, Type, range_text, words_of};
use crate::yaml::{Tree, YamlNode, parse};
use std::collections::BTreeMap;

/// A field of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its path, with `[]` for items of lists and `.NAME` for names.
    pub path: String,
    /// Its type.
    pub shape: String,
    /// Whether the API server requires it.
    pub required: bool,
    /// The releases that have it: `1.10 and later`.
    pub releases: String,
    /// Whether it is simulated.
    pub simulated: bool,
}

/// A document of a kind with every field that a release has.
pub fn document(kind: &Kind, release: Release) -> String {
    let mut pairs = vec![("apiVersion", kind.api_version), ("kind", kind.name)];
    pairs.retain(|(key, _)| kind.object().field(key, release).is_some());
    let head = pairs.iter().map(|(key, value)| (Tree::text(*key), Tree::text(*value)));
    let Tree::Map(rest) = object_sample(kind.object(), release, &[]) else { return String::new() };
    let rest = rest.into_iter().filter(|(key, _)| {
        !matches!(key, Tree::Scalar { text, .. }
        if text == "apiVersion" || text == "kind")
    });
    let topology = format!(
        "---\napiVersion: {}\nkind: Topology\nspec: {{kubernetes: {{version: \"{release}\"}}, \
         nodes: [{{name: a}}]}}\n",
        crate::fields::API_VERSION
    );
    format!("{}\n{topology}", Tree::Map(head.chain(rest).collect()).flow())
}

/// A mapping with every field; empty inside a mapping of its own type.
fn object_sample(t: &'static Type, release: Release, within: &[&'static Type]) -> Tree {
    if within.contains(&t) {
        return Tree::Map(Vec::new());
    }
    let within = [within, &[t]].concat();
    let value = |f: &Field| sample((t, f.name), f.shape(), release, &within);
    Tree::Map(t.fields(release).map(|f| (Tree::text(f.name), value(f))).collect())
}

/// A value of a shape, of a field of a type.
fn sample(
    field: (&'static Type, &'static str),
    shape: Shape,
    release: Release,
    within: &[&'static Type],
) -> Tree {
    let (owner, name) = field;
    match shape {
        Shape::Object(t) => object_sample(t, release, within),
        Shape::List(inner) => Tree::Seq(vec![sample(field, inner.shape(), release, within)]),
        Shape::Map(inner) => {
            let value = sample(field, inner.shape(), release, within);
            Tree::Map(vec![(Tree::text("a"), value)])
        }
        Shape::Any => Tree::Map(Vec::new()),
        Shape::Bool => Tree::plain(true),
        Shape::Int32 | Shape::Int64 if name == "nodePort" => Tree::plain(30000),
        Shape::Int32 | Shape::Int64 | Shape::Number | Shape::Quantity | Shape::IntOrString => {
            Tree::plain(1)
        }
        Shape::Time => Tree::text("2024-05-01T12:00:00Z"),
        Shape::Bytes => Tree::text("YQ=="),
        Shape::String => Tree::text(match (words_of(owner, name), name) {
            (Some(words), _) => words.iter().find(|w| !w.is_empty()).copied().unwrap_or("a"),
            (_, "ip" | "clusterIP" | "clusterIPs" | "externalIPs" | "addresses") => "10.96.0.9",
            (_, "loadBalancerIP" | "hostIP" | "podIP") => "10.96.0.9",
            (_, "loadBalancerSourceRanges" | "podCIDR" | "podCIDRs" | "cidr") => "10.0.0.0/8",
            (_, "ipMode") => "VIP",
            (_, "trafficDistribution") => "PreferClose",
            _ => "a",
        }),
    }
}

/// The fields of a kind in every release that serves it. Mappings that are not simulated are one
/// row, except those whose type `opens` names.
pub fn rows(name: &str, api_version: &str, opens: &dyn Fn(&str) -> bool) -> Vec<Row> {
    let mut found: Vec<Row> = Vec::new();
    let mut releases: BTreeMap<(String, String), Vec<u8>> = BTreeMap::new();
    let kinds = crate::schema::kinds().iter();
    let Some(kind) = kinds.into_iter().find(|k| k.name == name && k.api_version == api_version)
    else {
        return found;
    };
    for release in
        Release::all().filter(|r| kind.is_served(*r)).collect::<Vec<_>>().into_iter().rev()
    {
        let (docs, _) = parse(&document(kind, release));
        let mut d = Decoder { release, ..Decoder::default() };
        let Some(doc) = docs.first() else { continue };
        controller::decode_for(&mut d, doc, release);
        let mut walk = Walk { d: &d, release, opens, out: Vec::new() };
        walk.mapping(doc, kind.object(), "", object::is_simulated(name));
        for row in walk.out {
            let key = (row.path.clone(), row.shape.clone());
            if !releases.contains_key(&key) {
                let at = found.iter().position(|r| r.path > row.path).unwrap_or(found.len());
                found.insert(at, row);
            }
            releases.entry(key).or_default().push(release.minor());
        }
    }
    let (first, last) = (Release::FIRST.minor(), Release::LAST.minor());
    for row in &mut found {
        let minors = &releases[&(row.path.clone(), row.shape.clone())];
        row.releases = ranges(minors, first, last);
    }
    found
}

/// Releases, newest first, as text; empty for all of them.
fn ranges(minors: &[u8], first: u8, last: u8) -> String {
    let mut out: Vec<(u8, u8)> = Vec::new();
    for minor in minors.iter().rev() {
        match out.last_mut() {
            Some((_, to)) if *to + 1 == *minor => *to = *minor,
            _ => out.push((*minor, *minor)),
        }
    }
    if out == [(first, last)] {
        return String::new();
    }
    let one = |(from, to): (u8, u8)| {
        if to == last { format!("{from}-") } else { format!("{from}-{to}") }
    };
    range_text(&out.into_iter().map(one).collect::<Vec<_>>().join(","))
}

struct Walk<'a> {
    d: &'a Decoder,
    release: Release,
    opens: &'a dyn Fn(&str) -> bool,
    out: Vec<Row>,
}

impl Walk<'_> {
    fn mapping(&mut self, node: &YamlNode, t: &'static Type, path: &str, simulated: bool) {
        let requested = self.d.requested.get(&(node.span.start, node.span.end));
        for (key, value) in node.pairs() {
            let Some(field) = t.field(key.text(), self.release) else { continue };
            let dot = if path.is_empty() { "" } else { "." };
            let mut path = format!("{path}{dot}{}", field.name);
            let simulated = simulated && requested.is_none_or(|r| r.contains(&field.name));
            let top = matches!(path.as_str(), "apiVersion" | "kind");
            let (mut shape, mut value) = (field.shape(), value);
            loop {
                match shape {
                    Shape::List(inner) => {
                        path.push_str("[]");
                        (shape, value) = (inner.shape(), value.items().first().unwrap_or(value));
                    }
                    Shape::Map(inner) => {
                        path.push_str(".NAME");
                        let below = value.pairs().first().map_or(value, |(_, v)| v);
                        (shape, value) = (inner.shape(), below);
                    }
                    _ => break,
                }
            }
            self.out.push(Row {
                path: path.clone(),
                shape: field.shape().text(t, field.name),
                required: field.required == Required::Server,
                releases: String::new(),
                simulated: simulated || top,
            });
            if let Shape::Object(below) = shape
                && (simulated || (self.opens)(below.name))
            {
                self.mapping(value, below, &path, simulated);
            }
        }
    }
}

//! Help about a key of a document, for the editor: from the table of Topology and Script, or from
//! Kubernetes' schema.

use crate::controller;
use crate::decode::Decoder;
use crate::fields;
use crate::object;
use crate::schema::{self, Required, Shape};
use crate::yaml::{YamlNode, parse};
use std::ops::Range;

/// The help about the key, or the name of a kind, at a byte of a text: its bytes and a text in the
/// language of a BCP 47 tag.
pub fn help_at(text: &str, at: usize, lang: &str) -> Option<(Range<usize>, String)> {
    let (docs, _) = parse(text);
    let doc = docs.iter().find(|d| d.span.contains(at))?;
    fields::help_at(doc, at, lang).or_else(|| kubernetes(&docs, doc, at, lang))
}

/// The help about a key of a built-in kind: its type, whether it is required, whether it is
/// simulated.
fn kubernetes(
    docs: &[YamlNode],
    doc: &YamlNode,
    at: usize,
    lang: &str,
) -> Option<(Range<usize>, String)> {
    let release = controller::release_of(docs);
    let place = schema::place(doc, at, release)?;
    let Shape::Object(t) = place.shape else { return None };
    let (key, _) = place.mapping.pairs().iter().find(|(k, _)| k.span.contains(at))?;
    let field = t.field(key.text(), release)?;
    let mut d = Decoder { notes_all: true, ..Decoder::default() };
    controller::decode_for(&mut d, doc, release);
    let keys = || place.keys.iter().chain([&key.span]);
    let noted = |kind: &str| !object::is_simulated(kind);
    let noted = doc.get("kind").is_some_and(|k| k.text() != "List" && noted(k.text()))
        || d.noted.iter().any(|(span, ..)| keys().any(|k| k == span));
    let ja = lang == "ja";
    let mut out = format!("{}.{}: {}", t.name, field.name, field.shape().text(t, field.name));
    if field.required == Required::Server {
        out.push_str(if ja { "、必須" } else { ", required" });
    }
    out.push('\n');
    out.push_str(match (noted, ja) {
        (true, false) => "Not simulated: valid, without effect here.",
        (true, true) => "シミュレーションの対象外：書けるが、ここでは何も変わらない。",
        (false, false) => "Simulated.",
        (false, true) => "シミュレーションの対象。",
    });
    Some((key.span.start as usize..key.span.end as usize, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPOLOGY: &str = "\
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  nodes:
  - name: node01
    nic: {mtu: 1400}
    sysctl: {net.ipv4.ip_forward: 0}
  layout: {node01: {x: 1}}
";

    #[test]
    fn help_is_found_by_place() {
        for (word, path) in [
            ("mtu", "spec.nodes.nic.mtu"),
            ("net.ipv4", "spec.nodes.sysctl.net.ipv4.ip_forward"),
            ("x: 1", "spec.layout.x"),
        ] {
            let at = TOPOLOGY.find(word).expect("in the text");
            let (range, found) = help_at(TOPOLOGY, at + 1, "en").expect(word);
            assert_eq!(range.start, at);
            assert_eq!(Some(found), fields::help(&format!("Topology.{path}"), "en"));
        }
        let at = TOPOLOGY.find("Topology").expect("in the text");
        let found = help_at(TOPOLOGY, at, "en").map(|(_, h)| h);
        assert_eq!(found, fields::help("Topology", "en"));
        assert_eq!(help_at(TOPOLOGY, TOPOLOGY.len() + 5, "en"), None);
    }

    #[test]
    fn fields_of_kubernetes_are_explained_by_their_type() {
        let text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  \
                    loadBalancerClass: x\n  sessionAffinity: None\n  ports: [{port: 80}]\n";
        let help = |word: &str| {
            let at = text.find(word).expect("in the text");
            help_at(text, at + 1, "en").map(|(range, help)| (range.start - at, help))
        };
        let expected = "ServiceSpec.sessionAffinity: ClientIP | None\nSimulated.";
        assert_eq!(help("sessionAffinity"), Some((0, expected.to_owned())));
        let expected = "ServicePort.port: int32, required\nSimulated.";
        assert_eq!(help("port:"), Some((0, expected.to_owned())));
        let expected = "ServiceSpec.loadBalancerClass: string\nNot simulated: valid, without \
                        effect here.";
        assert_eq!(help("loadBalancerClass"), Some((0, expected.to_owned())));
    }
}

//! The fields of Packetwalk's own kinds, Topology and Script: one table for the decoder,
//! completion, hover help, the JSON Schema (`crates/engine/npm/schema`) and the reference
//! (`web/docs`).

mod script;
mod topology;

pub use script::{AT, MAX_COUNT, MAX_SEGMENT, MAX_SIZE, SCRIPT, TCP_FLAGS};
pub use topology::{IPTABLES, PERCENTAGE, PORT_OF, TOPOLOGY};

use crate::yaml::{Value, YamlNode};
use std::ops::Range;

/// `apiVersion` of both kinds.
pub const API_VERSION: &str = "packetwalk.dev/v1alpha1";

/// A kind of document.
#[derive(Debug)]
pub struct Kind {
    /// `kind`.
    pub name: &'static str,
    /// What it describes, a sentence in English and one in Japanese.
    pub help: [&'static str; 2],
    /// The fields of the document, beside `apiVersion` and `kind`.
    pub fields: &'static [Field],
}

impl Kind {
    /// The field that a path leads to, which has the keys without indices.
    pub fn field<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&'static Field> {
        let (mut fields, mut found) = (self.fields, None);
        for key in path {
            let field = fields.iter().find(|f| f.key == key)?;
            (fields, found) = (field.fields(), Some(field));
        }
        found
    }
}

/// A field of a mapping.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// The type of its value.
    pub value: Type,
    /// Whether it must be present.
    pub required: bool,
    /// The value of a missing field.
    pub default: Option<DefaultValue>,
    /// The unit of a number.
    pub unit: Option<Unit>,
    /// What it means, a sentence in English and one in Japanese.
    pub help: [&'static str; 2],
}

/// What a missing field means.
#[derive(Clone, Copy, Debug)]
pub enum DefaultValue {
    /// This value, as it would be written.
    Fixed(&'static str),
    /// A value that depends on other fields: how, in English and in Japanese.
    Rule([&'static str; 2]),
}

/// The unit of a number.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Pixels of the diagram.
    Pixels,
}

impl Unit {
    /// Its name in English and in Japanese.
    pub const fn names(self) -> [&'static str; 2] {
        match self {
            Self::Bytes => ["bytes", "バイト"],
            Self::Pixels => ["pixels", "ピクセル"],
        }
    }
}

/// What a field contains.
#[derive(Debug)]
pub enum Type {
    /// A mapping with these fields.
    Object(&'static [Field]),
    /// A list of mappings with these fields.
    Objects(&'static [Field]),
    /// A list of mappings, each with the required fields of exactly one form.
    Variants(&'static [Field], &'static [&'static [&'static str]]),
    /// A mapping from names of nodes and hosts to mappings with these fields.
    ByName(&'static [Field]),
    /// A list of texts in one format.
    List(&'static Format),
    /// A text in a format.
    Text(&'static Format),
    /// A whole number, from and to.
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A scalar of this type, or a mapping with the required fields of exactly one form.
    Either(&'static Self, &'static [Field], &'static [&'static [&'static str]]),
    /// Accepted and ignored.
    Ignored,
}

/// The form of a text.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// What it is, in English and in Japanese.
    pub names: [&'static str; 2],
    /// How it is written.
    pub example: &'static str,
    /// A regular expression (ECMA 262) that every valid text matches.
    pub pattern: Option<&'static str>,
    /// Whether a bare YAML number is read as its digits.
    pub number: bool,
}

impl Format {
    /// Its English name with `a` or `an`.
    pub(crate) fn with_article(&self) -> String {
        let name = self.names[0];
        let article = if name.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
        format!("{article} {name}")
    }
}

/// Any text.
pub static TEXT: Format =
    Format { names: ["string", "文字列"], example: "text", pattern: None, number: false };
/// The name of a node, host, segment or object.
pub static NAME: Format = Format {
    names: ["name", "名前"],
    example: "node01",
    pattern: Some("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"),
    number: false,
};
/// The name of a network device (`dev_valid_name`).
pub static DEVICE: Format = Format {
    names: ["device name", "デバイス名"],
    example: "eth0",
    pattern: Some("^[^/:\\s]{1,15}$"),
    number: false,
};
/// An IPv4 address.
pub static ADDRESS: Format = Format {
    names: ["IPv4 address", "IPv4 アドレス"],
    example: "192.168.120.254",
    pattern: Some("^\\d+\\.\\d+\\.\\d+\\.\\d+$"),
    number: false,
};
/// The IPv4 address of a pod.
pub static POD_ADDRESS: Format = Format { example: "10.1.5.4", ..ADDRESS };
/// An IPv4 network.
pub static NETWORK: Format = Format {
    names: ["IPv4 network", "IPv4 ネットワーク"],
    example: "192.168.120.0/24",
    pattern: Some("^\\d+\\.\\d+\\.\\d+\\.\\d+/\\d+$"),
    number: false,
};
/// Addresses of a pool, as MetalLB writes them.
pub static ADDRESS_RANGE: Format = Format {
    names: ["IPv4 range", "IPv4 の範囲"],
    example: "192.168.1.240-192.168.1.250",
    pattern: Some("^\\d+\\.\\d+\\.\\d+\\.\\d+(/\\d+|\\s*-\\s*\\d+\\.\\d+\\.\\d+\\.\\d+)$"),
    number: false,
};
/// An IPv4 address with its prefix length.
pub static INTERFACE: Format = Format {
    names: ["IPv4 address with prefix length", "プレフィックス長付き IPv4 アドレス"],
    example: "192.168.120.226/24",
    pattern: NETWORK.pattern,
    number: false,
};
/// A MAC address.
pub static MAC: Format = Format {
    names: ["MAC address", "MAC アドレス"],
    example: "00:50:56:98:c1:7a",
    pattern: Some("^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$"),
    number: false,
};
/// A duration.
pub static DURATION: Format = Format {
    names: ["duration", "時間"],
    example: "350ms",
    pattern: Some("^\\d*\\.?\\d+m?s$"),
    number: false,
};

/// What a mapping is called, in English and in Japanese.
const MAPPING: [&str; 2] = ["mapping", "マッピング"];

/// A field with no default, which may be missing.
const fn field(key: &'static str, value: Type, help: [&'static str; 2]) -> Field {
    Field { key, value, required: false, default: None, unit: None, help }
}

impl Field {
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn default(self, value: &'static str) -> Self {
        Self { default: Some(DefaultValue::Fixed(value)), ..self }
    }

    const fn default_rule(self, rule: [&'static str; 2]) -> Self {
        Self { default: Some(DefaultValue::Rule(rule)), ..self }
    }

    const fn unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// The fields of the mapping, or mappings, that it contains.
    pub const fn fields(&self) -> &'static [Self] {
        match self.value {
            Type::Object(f)
            | Type::Objects(f)
            | Type::Variants(f, _)
            | Type::ByName(f)
            | Type::Either(_, f, _) => f,
            _ => &[],
        }
    }

    /// The forms of the mapping, or mappings, that it contains.
    pub const fn forms(&self) -> &'static [&'static [&'static str]] {
        match self.value {
            Type::Variants(_, forms) | Type::Either(_, _, forms) => forms,
            _ => &[],
        }
    }

    /// The mapping of its first form with an example of each field, such as `{delay: 350ms}`.
    pub fn form_example(&self) -> Option<String> {
        let example = |key: &&str| {
            let field = self.fields().iter().find(|f| f.key == *key)?;
            let Type::Text(format) = field.value else { return None };
            Some(format!("{key}: {}", format.example))
        };
        let pairs: Vec<String> = self.forms().first()?.iter().filter_map(example).collect();
        Some(format!("{{{}}}", pairs.join(", ")))
    }

    /// Its type with range and unit, in the language of a BCP 47 tag.
    pub fn type_text(&self, lang: &str) -> String {
        let pick = |both: [&str; 2]| both[usize::from(lang == "ja")].to_owned();
        match &self.value {
            Type::Object(_) | Type::ByName(_) => pick(MAPPING),
            Type::Objects(_) => pick(["list", "リスト"]),
            Type::Variants(_, forms) => {
                let forms: Vec<String> = forms.iter().map(|keys| keys.join(" + ")).collect();
                pick(["list of ", "リスト："]) + &forms.join(" | ")
            }
            Type::List(format) => {
                let name = pick(format.names);
                if lang == "ja" {
                    format!("{name}のリスト")
                } else {
                    let (head, rest) = name.split_at(name.find(" with ").unwrap_or(name.len()));
                    let plural = if head.ends_with('s') { "" } else { "s" };
                    format!("list of {head}{plural}{rest}")
                }
            }
            Type::Text(format) => pick(format.names),
            Type::Boolean => "true | false".to_owned(),
            Type::Word(words) => words.join(" | "),
            Type::Ignored => pick(["ignored", "無視"]),
            Type::Either(scalar, ..) => match scalar {
                Type::Word(words) => format!("{} | {}", words.join(" | "), pick(MAPPING)),
                Type::Text(format) => format!("{} | {}", pick(format.names), pick(MAPPING)),
                _ => pick(MAPPING),
            },
            Type::Integer(min, max) => {
                let unit = self.unit.map(|u| format!(" {}", pick(u.names()))).unwrap_or_default();
                match (*min, *max) {
                    (min, i64::MAX) if lang == "ja" => format!("{min} 以上の整数{unit}"),
                    (min, i64::MAX) => format!("integer from {min}{unit}"),
                    (min, max) if lang == "ja" => format!("整数 {min}〜{max}{unit}"),
                    (min, max) => format!("integer {min} to {max}{unit}"),
                }
            }
        }
    }

    /// Its default, in the language of a BCP 47 tag.
    pub fn default_text(&self, lang: &str) -> Option<&'static str> {
        self.default.map(|d| match d {
            DefaultValue::Fixed(value) => value,
            DefaultValue::Rule(both) => both[usize::from(lang == "ja")],
        })
    }
}

/// The kind of a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    [&TOPOLOGY, &SCRIPT].into_iter().find(|k| k.name == name)
}

/// What the editor shows about a field: its sentence, type and default. `path` is the kind and the
/// keys below it, without indices: `Topology.spec.nodes.nic.mtu`.
pub fn help(path: &str, lang: &str) -> Option<String> {
    let (name, mut rest) = path.split_once('.').unwrap_or((path, ""));
    let kind = kind(name)?;
    if rest.is_empty() {
        return Some(kind.help[usize::from(lang == "ja")].to_owned());
    }
    let mut fields = kind.fields;
    loop {
        // A key of `sysctl` contains dots itself.
        let found = fields.iter().find_map(|f| {
            let after = rest.strip_prefix(f.key)?;
            (after.is_empty() || after.starts_with('.')).then_some((f, after))
        });
        let (field, after) = found?;
        if after.is_empty() {
            return Some(field_help(field, lang));
        }
        (fields, rest) = (field.fields(), &after[1..]);
    }
}

fn field_help(field: &Field, lang: &str) -> String {
    let mut out = field.help[usize::from(lang == "ja")].to_owned();
    let scalar = field.fields().is_empty() && !matches!(field.value, Type::Ignored);
    if scalar {
        out.push('\n');
        out.push_str(&field.type_text(lang));
        if let Some(default) = field.default_text(lang) {
            out.push_str(if lang == "ja" { "、省略時は " } else { "; default: " });
            out.push_str(default);
        }
    }
    out
}

/// The help about the key, or the name of a kind, at a byte of a Topology or Script: its bytes and
/// what [`help`] says.
pub(crate) fn help_at(doc: &YamlNode, at: usize, lang: &str) -> Option<(Range<usize>, String)> {
    let name = doc.get("kind")?;
    let kind = kind(name.text())?;
    let range = |n: &YamlNode| n.span.start as usize..n.span.end as usize;
    if name.span.contains(at) {
        return Some((range(name), kind.help[usize::from(lang == "ja")].to_owned()));
    }
    let (key, field) = key_at(doc, kind.fields, at)?;
    Some((range(key), field_help(field, lang)))
}

/// The key at a byte of a mapping with these fields.
fn key_at<'a>(
    node: &'a YamlNode,
    fields: &'static [Field],
    at: usize,
) -> Option<(&'a YamlNode, &'static Field)> {
    let Value::Map(pairs) = &node.value else { return None };
    let (key, value) = pairs.iter().find(|(k, v)| k.span.contains(at) || v.span.contains(at))?;
    let field = fields.iter().find(|f| f.key == key.text())?;
    if key.span.contains(at) {
        return Some((key, field));
    }
    mappings(field, value).find(|n| n.span.contains(at)).and_then(|n| key_at(n, field.fields(), at))
}

/// The mappings in a field's value, whose keys are [`Field::fields`].
fn mappings<'a>(field: &Field, value: &'a YamlNode) -> Box<dyn Iterator<Item = &'a YamlNode> + 'a> {
    match (&field.value, &value.value) {
        (Type::Object(_) | Type::Either(..), _) => Box::new(std::iter::once(value)),
        (_, Value::Seq(items)) => Box::new(items.iter()),
        (Type::ByName(_), Value::Map(pairs)) => Box::new(pairs.iter().map(|(_, v)| v)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The field of a kind that the mapping at a byte belongs to, and that mapping: what could be
/// completed there.
pub(crate) fn mapping_at<'a>(
    doc: &'a YamlNode,
    kind: &'static Kind,
    at: usize,
) -> (&'a YamlNode, &'static [Field]) {
    let (mut node, mut fields) = (doc, kind.fields);
    loop {
        let Value::Map(pairs) = &node.value else { return (node, fields) };
        let inner = pairs.iter().filter(|(_, v)| v.span.contains(at)).find_map(|(k, v)| {
            let field = fields.iter().find(|f| f.key == k.text())?;
            let inner = mappings(field, v).find(|n| n.span.contains(at))?;
            matches!(inner.value, Value::Map(_)).then_some((inner, field.fields()))
        });
        let Some((inner, below)) = inner else { return (node, fields) };
        (node, fields) = (inner, below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_found_by_path() {
        let mtu = help("Topology.spec.nodes.nic.mtu", "en").expect("a field");
        assert!(mtu.ends_with("integer 576 to 65535 bytes; default: mtu of the segment"), "{mtu}");
        assert!(help("Topology.spec.nodes.sysctl.net.ipv4.ip_forward", "ja").is_some());
        assert_eq!(help("Topology.spec.nowhere", "en"), None);
    }

    #[test]
    fn every_sentence_is_one_and_there_in_both_languages() {
        fn check(fields: &[Field]) {
            for f in fields {
                let [en, ja] = f.help;
                assert!(en.ends_with('.') && ja.ends_with('。'), "{}", f.key);
                assert!(!en.contains("  ") && ja.chars().any(|c| c > '\u{3000}'), "{}", f.key);
                check(f.fields());
            }
        }
        for kind in [&TOPOLOGY, &SCRIPT] {
            check(kind.fields);
        }
    }
}

//! Kubernetes' built-in kinds: which release serves which, and the fields of their types
//! (`crates/kube/schema`).

mod check;
mod path;
mod place;
mod rules;
mod validate;
mod words;

pub(crate) use check::check;
pub use place::{Place, place};
pub(crate) use rules::words_of;
pub(crate) use words::Object;

use crate::diag::nearest;
use crate::release::Release;
use std::sync::LazyLock;

/// The table, compressed with zlib (RFC 1950).
const DATA: &[u8] = include_bytes!("../../schema/api.zz");

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let text = miniz_oxide::inflate::decompress_to_vec_zlib(DATA).unwrap_or_default();
    Table::read(String::from_utf8(text).unwrap_or_default().leak())
});

/// A type of the API, with its fields in every release.
#[derive(Debug)]
pub struct Type {
    package: &'static str,
    /// Its name in its package: `PodSpec`.
    pub name: &'static str,
    fields: Vec<Field>,
}

impl PartialEq for &'static Type {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(*self, *other)
    }
}

/// A field of a type.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    shape: &'static str,
    releases: Releases,
    /// Who refuses an object without it.
    pub required: Required,
}

/// Who refuses an object without a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// Nobody.
    No,
    /// kubectl up to 1.24, which validates by the schema.
    Client,
    /// The API server too.
    Server,
}

/// What a field contains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A string.
    String,
    /// An `int32`.
    Int32,
    /// An `int64`.
    Int64,
    /// A `float64`.
    Number,
    /// A boolean.
    Bool,
    /// A `resource.Quantity`: a number, or a string such as `100m`.
    Quantity,
    /// An `intstr.IntOrString`.
    IntOrString,
    /// A time (RFC 3339).
    Time,
    /// Bytes, in base64.
    Bytes,
    /// Anything.
    Any,
    /// A mapping with the fields of a type.
    Object(&'static Type),
    /// A list.
    List(Inner),
    /// A mapping from names.
    Map(Inner),
}

/// What the items of a list or the values of a map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner(&'static str);

impl Inner {
    /// Their shape.
    pub fn shape(self) -> Shape {
        Shape::read(self.0)
    }
}

/// A kind in one version of the API.
#[derive(Debug, PartialEq)]
pub struct Kind {
    /// `apiVersion`: group and version.
    pub api_version: &'static str,
    /// `kind`.
    pub name: &'static str,
    index: usize,
    releases: Releases,
}

struct Table {
    types: Vec<Type>,
    kinds: Vec<Kind>,
}

impl Table {
    /// Reads the text whose form `generate.py` documents.
    fn read(text: &'static str) -> Self {
        let mut table = Self { types: Vec::new(), kinds: Vec::new() };
        let (mut package, mut api_version) = ("", "");
        for line in text.lines() {
            let mut words = line.split(' ');
            let (first, second) = (words.next().unwrap_or_default(), words.next());
            if let Some(name) = first.strip_prefix('>') {
                table.types.push(Type { package, name, fields: Vec::new() });
            } else if let Some(version) = first.strip_prefix('=') {
                api_version = version;
            } else if let Some(name) = first.strip_prefix(':') {
                let index = second.and_then(|n| n.parse().ok()).unwrap_or_default();
                let releases = Releases::read(words.next().unwrap_or_default());
                table.kinds.push(Kind { api_version, name, index, releases });
            } else if let Some(shape) = second {
                let (shape, releases) = shape.split_once('@').unwrap_or((shape, ""));
                let releases = Releases::read(releases);
                let (shape, required) = match shape.as_bytes().last() {
                    Some(b'!') => (&shape[..shape.len() - 1], Required::Server),
                    Some(b'?') => (&shape[..shape.len() - 1], Required::Client),
                    _ => (shape, Required::No),
                };
                if let Some(t) = table.types.last_mut() {
                    t.fields.push(Field { name: first, shape, releases, required });
                }
            } else {
                package = first;
            }
        }
        table
    }
}

/// Releases: ranges of minors such as `10-12,16-`. No range contains every one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Releases {
    ranges: &'static str,
    /// The same, a bit per minor.
    minors: u64,
}

impl Releases {
    fn read(ranges: &'static str) -> Self {
        let bits = |range: &str| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let from = from.parse().ok().filter(|n: &u32| *n < 64)?;
            let to = to.parse().map_or(63, |n: u32| n.min(63));
            Some(u64::MAX << from & u64::MAX >> (63 - to))
        };
        let minors = match ranges {
            "" => u64::MAX,
            _ => ranges.split(',').filter_map(bits).fold(0, |all, range| all | range),
        };
        Self { ranges, minors }
    }

    fn contains(self, release: Release) -> bool {
        self.minors >> release.minor() & 1 == 1
    }
}

/// Ranges of releases as text: `1.10 to 1.15, 1.20 and later`.
pub(crate) fn range_text(ranges: &str) -> String {
    let one = |range: &str| match range.split_once('-') {
        Some((from, "")) => format!("1.{from} and later"),
        Some((from, to)) if from != to => format!("1.{from} to 1.{to}"),
        _ => format!("1.{}", range.split('-').next().unwrap_or_default()),
    };
    ranges.split(',').map(one).collect::<Vec<_>>().join(", ")
}

impl Shape {
    fn read(text: &'static str) -> Self {
        match text.as_bytes().first() {
            Some(b'[') => Self::List(Inner(&text[1..])),
            Some(b'{') => Self::Map(Inner(&text[1..])),
            Some(b's') => Self::String,
            Some(b'i') => Self::Int32,
            Some(b'l') => Self::Int64,
            Some(b'n') => Self::Number,
            Some(b'b') => Self::Bool,
            Some(b'q') => Self::Quantity,
            Some(b'p') => Self::IntOrString,
            Some(b't') => Self::Time,
            Some(b'y') => Self::Bytes,
            _ => {
                let index = text.parse::<usize>().ok();
                index.and_then(|i| TABLE.types.get(i)).map_or(Self::Any, Self::Object)
            }
        }
    }

    /// What is inside lists and maps of it.
    pub fn innermost(self) -> Self {
        match self {
            Self::List(inner) | Self::Map(inner) => inner.shape().innermost(),
            other => other,
        }
    }
}

impl Field {
    /// What it contains.
    pub fn shape(&self) -> Shape {
        Shape::read(self.shape)
    }
}

impl Type {
    /// Its name with its package, as kubectl writes it: `io.k8s.api.core.v1.PodSpec`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }

    /// The fields that a release has, by name.
    pub fn fields(&self, release: Release) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |f| f.releases.contains(release))
    }

    /// A field of a release.
    pub fn field(&self, name: &str, release: Release) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name && f.releases.contains(release))
    }
}

impl Kind {
    /// Its type.
    pub fn object(&self) -> &'static Type {
        &TABLE.types[self.index]
    }

    /// The releases that serve it: `1.10 to 1.21`.
    pub fn releases_text(&self) -> String {
        range_text(self.releases.ranges)
    }

    /// Whether a release serves it.
    pub fn is_served(&self, release: Release) -> bool {
        self.releases.contains(release)
    }
}

/// Every kind of every version, by version.
pub fn kinds() -> &'static [Kind] {
    &TABLE.kinds
}

/// What a release's API server makes of an apiVersion and a kind.
#[derive(Debug, PartialEq)]
pub enum Resolved {
    /// A kind that it serves.
    Served(&'static Type),
    /// A kind of a group that is not built in: a custom resource.
    Custom,
    /// No match; with what was probably meant.
    NoMatch(Option<Meant>),
}

/// What was probably meant by an apiVersion or a kind that does not exist.
#[derive(Debug, PartialEq)]
pub enum Meant {
    /// This apiVersion.
    Version(&'static str),
    /// This kind.
    Kind(&'static str),
    /// A release that serves the kind in this version.
    Release(&'static Kind),
}

/// The group of an apiVersion; empty for the core group.
pub fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// Whether an apiVersion is of a group that is not built in.
pub(crate) fn is_custom(api_version: &str) -> bool {
    let group = group(api_version);
    group.contains('.') && !kinds().iter().any(|k| self::group(k.api_version) == group)
}

/// Resolves a kind as a release's API server does.
pub fn resolve(api_version: &str, kind: &str, release: Release) -> Resolved {
    let served = || kinds().iter().filter(|k| k.is_served(release));
    if let Some(k) = served().find(|k| k.name == kind && k.api_version == api_version) {
        return Resolved::Served(k.object());
    }
    let group = group(api_version);
    let mut others: Vec<&str> =
        served().filter(|k| k.name == kind).map(|k| k.api_version).collect();
    // A custom resource's group is a domain with at least one dot.
    if is_custom(api_version) {
        let groups = others.iter().map(|v| self::group(v));
        if nearest(group, groups.filter(|g| !g.is_empty())).is_none() {
            return Resolved::Custom;
        }
    }
    // Of the versions that serve it, one of the same group, then the newest stable one.
    others.sort_by_key(|v| {
        let stable = !v.contains("alpha") && !v.contains("beta");
        (self::group(v) == group, stable, !v.starts_with("extensions/"), *v)
    });
    if let Some(version) = others.last() {
        return Resolved::NoMatch(Some(Meant::Version(version)));
    }
    let ever = kinds().iter().filter(|k| k.name == kind);
    if let Some(k) = ever.max_by_key(|k| (self::group(k.api_version) == group, k.api_version)) {
        return Resolved::NoMatch(Some(Meant::Release(k)));
    }
    let names = served().map(|k| k.name).filter(|n| !n.ends_with("List"));
    Resolved::NoMatch(nearest(kind, names.chain(["List"])).map(Meant::Kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(minor: u8) -> Release {
        Release::new(minor).expect("a release")
    }

    #[test]
    fn every_type_and_kind_of_the_table_is_read() {
        assert!(TABLE.types.len() > 900 && kinds().len() > 200);
        for k in kinds() {
            assert!(
                k.object().field("metadata", Release::LAST).is_some()
                    || k.name.is_empty()
                    || !k.is_served(Release::LAST),
                "{k:?}"
            );
        }
    }

    #[test]
    fn kinds_are_served_by_the_releases_that_have_them() {
        let served = |v, k, n| matches!(resolve(v, k, release(n)), Resolved::Served(_));
        assert!(served("extensions/v1beta1", "Deployment", 15));
        assert_eq!(
            resolve("extensions/v1beta1", "Deployment", release(16)),
            Resolved::NoMatch(Some(Meant::Version("apps/v1")))
        );
        assert!(served("extensions/v1beta1", "Ingress", 21));
        assert!(!served("extensions/v1beta1", "Ingress", 22));
        assert!(served("discovery.k8s.io/v1beta1", "EndpointSlice", 20));
        assert!(served("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", 10));
        let meant = |v, k| match resolve(v, k, Release::LAST) {
            Resolved::NoMatch(meant) => meant,
            other => panic!("{other:?}"),
        };
        assert_eq!(meant("v1", "Deployment"), Some(Meant::Version("apps/v1")));
        assert_eq!(meant("app/v1", "Deployment"), Some(Meant::Version("apps/v1")));
        assert_eq!(meant("v1", "Servce"), Some(Meant::Kind("Service")));
        assert_eq!(
            meant("autoscaling/v2beta2", "HorizontalPodAutoscaler"),
            Some(Meant::Version("autoscaling/v2"))
        );
        assert_eq!(
            meant("rbac.authorisation.k8s.io/v1", "Role"),
            Some(Meant::Version("rbac.authorization.k8s.io/v1"))
        );
        assert_eq!(resolve("serving.knative.dev/v1", "Service", Release::LAST), Resolved::Custom);
    }

    #[test]
    fn fields_have_types_and_releases() {
        let Resolved::Served(pod) = resolve("v1", "Pod", Release::LAST) else { panic!() };
        let spec = pod.field("spec", Release::LAST).map(Field::shape);
        let Some(Shape::Object(spec)) = spec else { panic!("{spec:?}") };
        assert_eq!(spec.full_name(), "io.k8s.api.core.v1.PodSpec");
        assert!(spec.field("topologySpreadConstraints", release(15)).is_none());
        let field = spec.field("containers", release(10)).expect("containers");
        assert_eq!(field.required, Required::Server);
        let Shape::Object(container) = field.shape().innermost() else { panic!() };
        assert_eq!(container.name, "Container");
        assert_eq!(
            container.field("args", release(10)).map(|f| f.shape().innermost()),
            Some(Shape::String)
        );
    }
}

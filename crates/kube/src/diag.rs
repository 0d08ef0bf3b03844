//! Faults of a document: where they are, what was found and expected, and what to type instead.

use std::collections::BTreeMap;
use std::fmt;

/// A range of the text. Lines and columns count from 1, columns in characters; `start` and `end`
/// are byte offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The line it starts in.
    pub line: u32,
    /// The column it starts in.
    pub column: u32,
    /// Offset of its first byte in the text.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
}

impl Span {
    /// Whether a byte is in the range, or directly after it.
    pub fn contains(&self, at: usize) -> bool {
        (self.start as usize..=self.end as usize).contains(&at)
    }
}

/// What a fault means for the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The API server would reject it.
    Error,
    /// Accepted, but unlikely to do what was intended.
    Warning,
    /// The API server accepts it, but it has no effect here.
    Note,
}

impl Severity {
    /// The label of a message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The kind of a fault. Names are never changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $variant,)* }
        impl Code {
            /// Every code, in the order of this list.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// Its name, in kebab case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// The text is not YAML.
    YamlSyntax = "yaml-syntax",
    /// An alias without its anchor.
    YamlAlias = "yaml-alias-unknown",
    /// The same key twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A value of the wrong type.
    WrongType = "wrong-type",
    /// A required field is missing.
    MissingField = "missing-field",
    /// A field that does not exist.
    UnknownField = "unknown-field",
    /// A valid field, kind or value that is not simulated.
    NotSimulated = "not-simulated",
    /// A kind or version that does not exist.
    UnknownKind = "unknown-kind",
    /// Two objects of one name.
    DuplicateObject = "duplicate-object",
    /// A name that is not allowed.
    InvalidName = "invalid-name",
    /// A value that is not among the supported ones.
    UnsupportedValue = "unsupported-value",
    /// A number outside its range.
    OutOfRange = "out-of-range",
    /// A Deployment's selector does not select its own pods.
    SelectorMismatch = "selector-mismatch",
    /// A Service's selector selects nothing.
    SelectorMatchesNothing = "selector-matches-nothing",
    /// A node port outside the cluster's range.
    NodePortRange = "service-node-port-out-of-range",
    /// A node port used twice.
    NodePortTaken = "service-node-port-taken",
    /// A node port on a Service whose type has none.
    NodePortForbidden = "service-node-port-forbidden",
    /// A cluster IP outside the cluster's range.
    ClusterIpRange = "service-cluster-ip-out-of-range",
    /// A cluster IP used twice.
    ClusterIpTaken = "service-cluster-ip-taken",
    /// Not an address or network, or one that cannot be used there.
    InvalidAddress = "invalid-address",
    /// The same name or port twice in one list.
    DuplicateValue = "duplicate-value",
    /// A node that flannel's backend cannot reach from another one.
    NodeUnreachable = "node-unreachable",
    /// Two networks that must be disjoint overlap.
    NetworkOverlap = "network-overlap",
    /// An address that is already assigned.
    AddressTaken = "address-taken",
    /// No address or port is left.
    AddressesExhausted = "addresses-exhausted",
    /// A pod for which the scheduler finds no node.
    PodPending = "pod-pending",
    /// A probe that asks at a port at which nothing listens.
    ProbeFails = "probe-fails",
    /// A reference to a node or host that does not exist.
    NoSuchNode = "no-such-node",
    /// A targetPort that no selected pod names.
    TargetPortUnknown = "target-port-unknown",
    /// A targetPort at which no selected pod listens.
    TargetPortSilent = "target-port-silent",
}

/// A replacement that corrects a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What to replace; empty for an insertion.
    pub span: Span,
    /// What to put in its place; empty for a deletion.
    pub text: String,
}

/// A fault of a document, at a place in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which fault it is, for tools; a code is never renamed.
    pub code: Code,
    /// What it means for the document.
    pub severity: Severity,
    /// The text it is about.
    pub span: Span,
    /// What was found and what was expected; in the API server's words where it has some.
    pub message: String,
    /// What to type to correct it.
    pub hint: String,
    /// A replacement that certainly corrects it.
    pub fix: Option<Fix>,
    /// What it tells together, each with its place.
    pub parts: Vec<(Span, String)>,
}

impl Diagnostic {
    /// A fault that the API server would reject.
    pub fn error(
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span,
            message: message.into(),
            hint: hint.into(),
            fix: None,
            parts: Vec::new(),
        }
    }

    /// Something the API server accepts that is unlikely to be intended.
    pub fn warning(
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message, hint) }
    }

    /// Something valid that has no effect here.
    pub fn note(
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, span, message, hint) }
    }

    /// Adds a replacement that corrects it.
    #[must_use]
    pub fn with_fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { span, text: text.into() });
        self
    }
}

/// `LINE:COL: error: message [code]`, then the hint on a line of its own.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { line, column, .. } = self.span;
        write!(
            f,
            "{line}:{column}: {}: {} [{}]\n  hint: {}",
            self.severity.name(),
            self.message,
            self.code.name(),
            self.hint
        )
    }
}

/// The most diagnostics that are reported for one text.
pub const MAX_REPORTED: usize = 500;

/// At most [`MAX_REPORTED`] of the diagnostics, errors in preference to others, in their order; and
/// a note with the number of those left out.
pub(crate) fn limited(diags: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let Some(more) = diags.len().checked_sub(MAX_REPORTED).filter(|n| *n > 0) else { return diags };
    let (errors, others): (Vec<_>, Vec<_>) =
        diags.into_iter().partition(|x| x.severity == Severity::Error);
    let mut kept: Vec<_> = errors.into_iter().chain(others).take(MAX_REPORTED).collect();
    kept.sort_by_key(|x| (x.span.start, x.severity));
    let last = kept.last().map(|x| (x.code, x.span));
    kept.extend(last.map(|(code, span)| Diagnostic {
        severity: Severity::Note,
        ..Diagnostic::error(
            code,
            span,
            format!("{more} more are not shown"),
            "correct the ones above first",
        )
    }));
    kept
}

/// The most kinds or fields that one message names.
const MAX_NAMED: usize = 6;

/// One note for all that is valid and not simulated: places, kinds and paths of fields.
pub(crate) fn folded(mut noted: Vec<(Span, String, Option<String>)>) -> Option<Diagnostic> {
    noted.sort_by_key(|(span, ..)| span.start);
    let span = noted.first()?.0;
    let last = |path: &String| path.rsplit('.').next().unwrap_or_default().to_owned();
    let kinds = noted.iter().filter(|n| n.2.is_none()).map(|n| n.1.clone());
    let fields = noted.iter().filter_map(|n| n.2.as_ref().map(last));
    let (kinds, fields) = (counted(kinds), counted(fields));
    let list: Vec<String> = [("kind", kinds), ("field", fields)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| {
            let plural = if names.len() == 1 { "" } else { "s" };
            let more = names.len().saturating_sub(MAX_NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = names[..names.len().min(MAX_NAMED)].join(", ");
            format!("{what}{plural} {named}{more}")
        })
        .collect();
    let parts = noted.into_iter().map(|(span, kind, field)| {
        let what = match field {
            Some(field) => format!("{kind} {field}"),
            None => format!("kind {kind}"),
        };
        (span, what)
    });
    let message = format!("not simulated: {}", list.join("; "));
    let hint =
        "valid, without effect here, and can stay; packetwalk check --notes lists each place";
    let mut note = Diagnostic::note(Code::NotSimulated, span, message, hint);
    note.parts = parts.collect();
    Some(note)
}

/// Names with the number of times each occurs, the most frequent first.
fn counted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let one = |(name, n): (String, usize)| if n == 1 { name } else { format!("{name} ({n})") };
    counts.into_iter().map(one).collect()
}

/// The word nearest to `word`, if it is near enough for `word` to be a misspelling of it.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = words.into_iter().map(|w| (distance(word, w), w)).min_by_key(|(d, _)| *d)?;
    (near.0 <= 1 + word.chars().count() / 4).then_some(near.1)
}

/// The words by their edit distance from `word`, the nearest first.
pub(crate) fn nearest_first<'a>(
    word: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut words: Vec<&str> = words.into_iter().collect();
    words.sort_by_cached_key(|w| distance(word, w));
    words
}

/// The edit distance (insert, remove, replace, swap neighbours), ignoring case.
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_faults_errors_are_reported_first_and_the_rest_is_counted() {
        let at = |n: u32, severity| Diagnostic {
            severity,
            ..Diagnostic::error(
                Code::WrongType,
                Span { start: n, line: n, ..Span::default() },
                n.to_string(),
                "",
            )
        };
        let many: Vec<_> = (0..1200)
            .map(|n| at(n, if n % 4 == 3 { Severity::Error } else { Severity::Note }))
            .collect();
        let kept = limited(many.clone());
        assert_eq!(kept.len(), MAX_REPORTED + 1);
        assert_eq!(kept.iter().filter(|x| x.severity == Severity::Error).count(), 300);
        assert!(kept.is_sorted_by_key(|x| x.span.start));
        assert_eq!(
            kept.last().map(|x| (x.message.as_str(), x.severity)),
            Some(("700 more are not shown", Severity::Note))
        );
        assert_eq!(limited(many[..MAX_REPORTED].to_vec()), many[..MAX_REPORTED]);
    }

    #[test]
    fn misspellings_are_recognised() {
        let words = ["containerPort", "protocol", "name"];
        assert_eq!(nearest("containerport", words), Some("containerPort"));
        assert_eq!(nearest("protocl", words), Some("protocol"));
        assert_eq!(nearest("naem", words), Some("name"));
        assert_eq!(nearest("replicas", words), None);
    }
}

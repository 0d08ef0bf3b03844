//! What is wrong in a document: where, what, and what to type instead.

use std::fmt;

/// A range of the text. Lines and columns count from 1, columns in characters; `start` and `end`
/// are bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// First byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The API server would refuse it.
    Error,
    /// It would be accepted, and hardly do what was meant.
    Warning,
    /// Valid, and not simulated.
    Note,
}

impl Severity {
    /// The word before a message.
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
        /// What kind of fault it is. The names are never changed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $variant,)* }
        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// Not YAML.
    YamlSyntax = "yaml-syntax",
    /// An alias without its anchor.
    YamlAlias = "yaml-alias-unknown",
    /// The same key twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A value of the wrong type.
    WrongType = "wrong-type",
    /// A field that must be there and is not.
    MissingField = "missing-field",
    /// A field that does not exist.
    UnknownField = "unknown-field",
    /// A valid field or kind that is not simulated.
    NotSimulated = "not-simulated",
    /// A kind or version that does not exist.
    UnknownKind = "unknown-kind",
    /// Two objects of one name.
    DuplicateObject = "duplicate-object",
    /// A name that is not allowed.
    InvalidName = "invalid-name",
    /// A word that is not one of the allowed ones.
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
    /// A node port on a Service that has none.
    NodePortForbidden = "service-node-port-forbidden",
    /// A cluster IP outside the cluster's range.
    ClusterIpRange = "service-cluster-ip-out-of-range",
    /// A cluster IP used twice.
    ClusterIpTaken = "service-cluster-ip-taken",
    /// A text that is not an address or network.
    InvalidAddress = "invalid-address",
    /// The same name or port twice in one list.
    DuplicateValue = "duplicate-value",
    /// Networks that overlap.
    NetworkOverlap = "network-overlap",
    /// Addresses that clash.
    AddressTaken = "address-taken",
    /// No address is left.
    AddressesExhausted = "addresses-exhausted",
    /// A node, host or segment that is named but not there.
    NoSuchNode = "no-such-node",
    /// A Service port name that no pod has.
    TargetPortUnknown = "target-port-unknown",
}

/// A replacement that mends a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What to replace.
    pub span: Span,
    /// With what.
    pub text: String,
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// What is, and what was expected; the API server's own words where it has some.
    pub message: String,
    /// What to type.
    pub hint: String,
    /// The replacement, where one is sure.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error.
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
        }
    }

    /// A warning.
    pub fn warning(
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message, hint) }
    }

    /// A note.
    pub fn note(
        code: Code,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, span, message, hint) }
    }

    /// With the replacement that mends it.
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

/// So many faults of a text are told: one with more is of another kind, or made to hurt.
pub const MOST_TOLD: usize = 500;

/// The first of many faults, errors before others, in their order; and how many there are besides.
pub(crate) fn bounded(diags: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let Some(more) = diags.len().checked_sub(MOST_TOLD).filter(|n| *n > 0) else { return diags };
    let (errors, others): (Vec<_>, Vec<_>) =
        diags.into_iter().partition(|x| x.severity == Severity::Error);
    let mut told: Vec<_> = errors.into_iter().chain(others).take(MOST_TOLD).collect();
    told.sort_by_key(|x| (x.span.start, x.severity));
    let last = told.last().map(|x| (x.code, x.span));
    told.extend(last.map(|(code, span)| Diagnostic {
        severity: Severity::Note,
        ..Diagnostic::error(
            code,
            span,
            format!("{more} more are not listed"),
            "mend what is listed first",
        )
    }));
    told
}

/// The nearest of `words` to `word`, if it is near enough to be a slip of the hand.
pub fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = words.into_iter().map(|w| (distance(word, w), w)).min_by_key(|(d, _)| *d)?;
    (near.0 <= 1 + word.chars().count() / 4).then_some(near.1)
}

/// How many letters to insert, remove, replace or swap, without regard to case.
fn distance(a: &str, b: &str) -> usize {
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
    fn of_very_many_faults_the_errors_are_told_and_the_rest_is_counted() {
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
        let told = bounded(many.clone());
        assert_eq!(told.len(), MOST_TOLD + 1);
        assert_eq!(told.iter().filter(|x| x.severity == Severity::Error).count(), 300);
        assert!(told.is_sorted_by_key(|x| x.span.start));
        assert_eq!(
            told.last().map(|x| (x.message.as_str(), x.severity)),
            Some(("700 more are not listed", Severity::Note))
        );
        assert_eq!(bounded(many[..MOST_TOLD].to_vec()), many[..MOST_TOLD]);
    }

    #[test]
    fn slips_of_the_hand_are_recognised() {
        let words = ["containerPort", "protocol", "name"];
        assert_eq!(nearest("containerport", words), Some("containerPort"));
        assert_eq!(nearest("protocl", words), Some("protocol"));
        assert_eq!(nearest("naem", words), Some("name"));
        assert_eq!(nearest("replicas", words), None);
    }
}

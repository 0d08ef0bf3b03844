//! Domain names (RFC 1034 section 3.1, RFC 1035 section 2.3.4).

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

/// A domain name: labels, the one of the host first. The root has none.
///
/// Labels keep their case, as an answer repeats the name of its question; names are compared by
/// [`Name::lower`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(Vec<Rc<[u8]>>);

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Two dots in a row, or one at the beginning.
    EmptyLabel,
    /// A label has more than 63 bytes.
    LongLabel,
    /// The name has more than 255 bytes on the wire.
    LongName,
    /// A character that a host name cannot have.
    Character(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyLabel => f.write_str("a label is empty"),
            Self::LongLabel => f.write_str("a label has more than 63 characters"),
            Self::LongName => f.write_str("the name has more than 253 characters"),
            Self::Character(c) => write!(f, "{c:?} is not a letter, digit, '-', '_' or '.'"),
        }
    }
}

impl Name {
    /// The longest label, in bytes.
    pub const MAX_LABEL: usize = 63;
    /// The longest name on the wire, in bytes, with the length of each label and the root's.
    pub const MAX_LEN: usize = 255;

    /// The name of these labels.
    ///
    /// # Errors
    /// A label is empty or too long, or the name is.
    pub fn from_labels(labels: Vec<Rc<[u8]>>) -> Result<Self, NameError> {
        let name = Self(labels);
        if name.0.iter().any(|l| l.is_empty()) {
            Err(NameError::EmptyLabel)
        } else if name.0.iter().any(|l| l.len() > Self::MAX_LABEL) {
            Err(NameError::LongLabel)
        } else if name.wire_len() > Self::MAX_LEN {
            Err(NameError::LongName)
        } else {
            Ok(name)
        }
    }

    /// Its labels, the one of the host first.
    pub fn labels(&self) -> &[Rc<[u8]>] {
        &self.0
    }

    /// Length on the wire without compression, in bytes.
    pub fn wire_len(&self) -> usize {
        1 + self.0.iter().map(|l| 1 + l.len()).sum::<usize>()
    }

    /// The name in lower case, by which names are compared (RFC 4343).
    #[must_use]
    pub fn lower(&self) -> Self {
        Self(self.0.iter().map(|l| l.to_ascii_lowercase().into()).collect())
    }

    /// The name without its first label; none of the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_first().map(|(_, rest)| Self(rest.to_vec()))
    }

    /// Whether this name is `other` or lies below it, in any case.
    pub fn is_in(&self, other: &Self) -> bool {
        let (n, m) = (self.0.len(), other.0.len());
        n >= m && self.0[n - m..].iter().zip(&other.0).all(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    /// This name in front of another: `web` and `default.svc.cluster.local`.
    ///
    /// # Errors
    /// The result is too long.
    pub fn join(&self, other: &Self) -> Result<Self, NameError> {
        Self::from_labels(self.0.iter().chain(&other.0).cloned().collect())
    }
}

impl FromStr for Name {
    type Err = NameError;

    /// Reads a host name, with or without the dot at the end.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some(c) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
            return Err(NameError::Character(c));
        }
        let text = text.strip_suffix('.').filter(|t| !t.is_empty()).unwrap_or(text);
        if text == "." {
            return Ok(Self::default());
        }
        Self::from_labels(text.split('.').map(|l| l.as_bytes().into()).collect())
    }
}

/// With a dot at the end, as `dig` prints it, unless `#` is given; other bytes than those of a host
/// name are escaped (RFC 1035 section 5.1).
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for (label, i) in self.0.iter().zip(1..) {
            for b in label.iter() {
                match b {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(*b))?,
                    0x21..=0x7e => write!(f, "{}", char::from(*b))?,
                    _ => write!(f, "\\{b:03}")?,
                }
            }
            if i < self.0.len() || !f.alternate() {
                f.write_str(".")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_read_and_printed_with_a_final_dot() {
        let name: Name = "Web.Default.svc".parse().expect("a name");
        assert_eq!(name.to_string(), "Web.Default.svc.");
        assert_eq!(format!("{name:#}"), "Web.Default.svc");
        assert_eq!(name.lower().to_string(), "web.default.svc.");
        assert_eq!("web.default.svc.".parse::<Name>().map(|n| n.lower()), Ok(name.lower()));
        assert_eq!(".".parse::<Name>().map(|n| n.to_string()), Ok(".".to_owned()));
        let odd = Name::from_labels(vec![b"a.b\\\x07 "[..].into()]).expect("a label");
        assert_eq!(odd.to_string(), "a\\.b\\\\\\007\\032.");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        let why = |text: &str| text.parse::<Name>().err();
        assert_eq!(why("a..b"), Some(NameError::EmptyLabel));
        assert_eq!(why(""), Some(NameError::EmptyLabel));
        assert_eq!(why("a b"), Some(NameError::Character(' ')));
        assert_eq!(why(&"x".repeat(64)), Some(NameError::LongLabel));
        assert_eq!(why(&"x".repeat(63)), None);
        // Four labels of 62 bytes have 253 on the wire, and one byte each more is too much.
        assert_eq!(why(&vec!["x".repeat(62); 4].join(".")), None);
        assert_eq!(why(&vec!["x".repeat(63); 4].join(".")), Some(NameError::LongName));
    }

    #[test]
    fn a_name_lies_below_its_parents_in_any_case() {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        assert!(name("web.DEFAULT.svc").is_in(&name("default.svc")));
        assert!(name("svc").is_in(&name(".")) && name("svc").is_in(&name("svc")));
        assert!(!name("web.xdefault.svc").is_in(&name("default.svc")));
        assert_eq!(name("web.svc").parent(), Some(name("svc")));
        assert_eq!(name("web").join(&name("svc")), Ok(name("web.svc")));
    }
}

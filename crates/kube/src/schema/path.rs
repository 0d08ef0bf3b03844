//! Paths as the API server writes them: `spec.ports[0].port`.

use std::fmt;

/// A path, as a chain from the value to the object.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    above: Option<&'a Self>,
    last: Segment<'a>,
}

/// A step of a path.
#[derive(Clone, Copy)]
pub(super) enum Segment<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// The object itself.
    pub(super) const ROOT: Self = Path { above: None, last: Segment::Root };

    /// One step below it.
    pub(super) const fn then(&'a self, last: Segment<'a>) -> Self {
        Self { above: Some(self), last }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(above) = self.above else { return Ok(()) };
        above.fmt(f)?;
        let first = matches!(above.last, Segment::Root);
        match self.last {
            Segment::Key(key) if first => f.write_str(key),
            Segment::Key(key) => write!(f, ".{key}"),
            Segment::Index(i) => write!(f, "[{i}]"),
            Segment::Root => Ok(()),
        }
    }
}

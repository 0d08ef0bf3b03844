//! The stored form of a session.
//!
//! It is a line and what follows it:
//!
//! ```yaml
//! {time: 1764514980000, zone: 540, text: 3562, script: 120, view: {lang: en, grain: hops}}
//! ```
//!
//! `time` (in ms) and `zone` (in minutes) say when the session was last changed. The other numbers
//! are the lengths in bytes of the parts behind the line: `file` is a whole file that was opened
//! and not changed, otherwise `text` and `script` are the editor's text and the steps. `valid` is
//! the last document without errors, if the text has some. `view` is that of a [`super::link`].
//!
//! A later version with another form stores it under other keys; fields that are not known are
//! ignored.

use kube::yaml::{Tree, YamlNode, parse};
use play::Script;
use std::borrow::Cow;
use std::fmt;

/// A time with the offset of the local time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// Milliseconds since 1970, UTC.
    pub ms: u64,
    /// The offset of the local time from UTC, in minutes.
    pub zone: i16,
}

impl fmt::Display for Clock {
    /// The local time: `2026-11-30 14:03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = (self.ms / 60_000).saturating_add_signed(self.zone.into());
        // The calendar repeats every 400 years; a year is counted from March, so that the day that
        // a leap year adds is its last.
        let days = minutes / 1_440 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = 400 * era + year + u64::from(month < 3);
        let (hour, minute) = (minutes / 60 % 24, minutes % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

const PARTS: [&str; 4] = ["file", "text", "script", "valid"];

/// A session as it is stored.
pub(super) struct StoredForm<'a> {
    /// When the document or the Script was last changed.
    pub(super) changed: Clock,
    /// Whether it was set aside after a panic.
    pub(super) set_aside: bool,
    /// The parts, in the order of [`PARTS`].
    pub(super) parts: [Option<&'a str>; PARTS.len()],
    /// How the page showed it.
    pub(super) view: Option<YamlNode>,
}

impl<'a> StoredForm<'a> {
    /// Parses the stored form; `None` if it is damaged or another form.
    pub(super) fn parse(value: &'a str) -> Option<Self> {
        let (head, mut rest) = value.split_once('\n')?;
        let head = parse(head).0.into_iter().next()?;
        let number = |name: &str| head.get(name)?.text().parse::<u64>().ok();
        let mut parts = [None; PARTS.len()];
        for (part, name) in parts.iter_mut().zip(PARTS) {
            if let Some(length) = number(name) {
                let (own, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                (*part, rest) = (Some(own), behind);
            }
        }
        let zone = head.get("zone").and_then(|z| z.text().parse().ok()).unwrap_or_default();
        let changed = Clock { ms: number("time")?, zone };
        let set_aside = head.get("rescued").is_some();
        let has_text = parts[0].or(parts[1]).is_some();
        has_text.then(|| Self { changed, set_aside, parts, view: head.get("view").cloned() })
    }

    /// The stored form of a file.
    pub(super) fn of_file(file: &str, changed: Clock, set_aside: bool) -> String {
        let mut fields = Vec::new();
        if set_aside {
            fields.push(("rescued", Tree::plain(true)));
        }
        printed(changed, &[("file", file.into())], fields)
    }

    /// The text of the editor.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self.parts {
            [Some(file), ..] => Script::take(file).map_or(file.into(), |(_, text)| text.into()),
            [_, text, ..] => text.unwrap_or_default().into(),
        }
    }
}

/// The stored form. What follows the line is the parts.
pub(super) fn printed(
    changed: Clock,
    parts: &[(&str, Cow<'_, str>)],
    fields: Vec<(&str, Tree)>,
) -> String {
    let mut head = vec![("time", Tree::plain(changed.ms)), ("zone", Tree::plain(changed.zone))];
    head.extend(parts.iter().map(|(name, part)| (*name, Tree::plain(part.len()))));
    head.extend(fields);
    let mut out = Tree::map(head).flow() + "\n";
    parts.iter().for_each(|(_, part)| out.push_str(part));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_the_local_one() {
        for (ms, zone, shown) in [
            (0, 0, "1970-01-01 00:00"),
            (951_782_400_000, 0, "2000-02-29 00:00"),
            (1_764_514_980_000, 540, "2025-12-01 00:03"),
            (1_764_514_980_000, -480, "2025-11-30 07:03"),
            (4_107_542_399_000, 0, "2100-02-28 23:59"),
            (4_107_542_400_000, 0, "2100-03-01 00:00"),
        ] {
            assert_eq!(Clock { ms, zone }.to_string(), shown);
        }
    }

    #[test]
    fn a_damaged_entry_is_none() {
        for value in [
            "",
            "{time: 1, text: 1}",
            "{time: 1}\n",
            "{text: 0}\n",
            "{time: 1, text: 5}\nabc",
            "{time: 1, text: 1}\né",
            "{time: 1, text: -1}\nx",
            "[\n",
            "{{{{\n",
        ] {
            assert!(StoredForm::parse(value).is_none(), "{value:?}");
        }
        let later =
            StoredForm::parse("{time: 1, colour: red, rescued: true, text: 1, view: [1]}\nx");
        assert!(later.is_some_and(|e| e.set_aside && e.text() == "x"));
    }
}

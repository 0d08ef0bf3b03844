//! The reader's own documents that are not open, so that opening another one loses nothing.

use crate::stamp::stamp;
use std::rc::Rc;

/// The maximum number of documents; the oldest are dropped.
const MOST: usize = 12;
/// The maximum total size in bytes, as browser storage is small and shared with the open document.
/// A longer document is kept only while the page is open, and does not count.
const MOST_BYTES: usize = 1 << 20;
/// The maximum length of a preset, in bytes.
const LONGEST_PRESET: usize = 8_192;

/// The documents, latest first, each with its [`mark`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf(Vec<(String, Rc<str>)>);

impl Shelf {
    /// Reads the stored form; ignores what is malformed.
    pub fn unpack(mut stored: &str) -> Self {
        let mut out = Vec::new();
        while let Some((length, rest)) = stored.split_once(':') {
            let Some((text, behind)) = length.parse().ok().and_then(|n| rest.split_at_checked(n))
            else {
                break;
            };
            out.push((mark(text), text.into()));
            stored = behind;
        }
        Self(out)
    }

    /// The stored form: for each document its length in bytes, a colon, and the text.
    pub fn pack(&self) -> String {
        self.0
            .iter()
            .filter(|(_, t)| t.len() <= MOST_BYTES)
            .map(|(_, t)| format!("{}:{t}", t.len()))
            .collect()
    }

    /// Adds a document if it is the reader's own.
    pub fn put(&mut self, text: &str) {
        if !is_own(text) {
            return;
        }
        self.0.retain(|(_, t)| **t != *text);
        self.0.insert(0, (mark(text), text.into()));
        let mut bytes = 0;
        let fits = self.0.iter().take_while(|(_, t)| {
            bytes += if t.len() > MOST_BYTES { 0 } else { t.len() };
            bytes <= MOST_BYTES
        });
        let fits = fits.count().clamp(1, MOST);
        self.0.truncate(fits);
    }

    /// The document with this [`mark`].
    pub fn get(&self, wanted: &str) -> Option<Rc<str>> {
        self.0.iter().find(|(mark, _)| mark == wanted).map(|(_, t)| t.clone())
    }

    /// All documents with their marks.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(mark, t)| (mark.as_str(), &**t))
    }
}

/// The identifier of a document in the menu: `own:` and a hash of the text.
pub fn mark(text: &str) -> String {
    format!("own:{:x}", stamp(text))
}

/// Whether a text is the reader's own: neither empty nor a preset.
pub fn is_own(text: &str) -> bool {
    let is_preset =
        text.len() < LONGEST_PRESET && play::presets::ALL.iter().any(|p| p.document() == text);
    !is_preset && !text.trim().is_empty()
}

/// The name of a document: that of the first object with `metadata`, or its first word.
pub fn name_of(text: &str) -> &str {
    // Called whenever the menu is rendered: it must not scan megabytes.
    let text = &text[..text.floor_char_boundary(LONGEST_PRESET)];
    let within = text.find("metadata:").map_or(text, |i| &text[i..]);
    let name = within
        .split_once("name:")
        .map_or(text, |(_, rest)| rest)
        .trim_start_matches([' ', '"', '\'']);
    let word = name
        .split(|c: char| c.is_whitespace() || ",}\"'".contains(c))
        .find(|w| !w.is_empty())
        .unwrap_or("—");
    word.char_indices().nth(30).map_or(word, |(i, _)| &word[..i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(shelf: &Shelf) -> Vec<&str> {
        shelf.texts().map(|(_, t)| name_of(t)).collect()
    }

    #[test]
    fn what_is_kept_comes_back_whatever_it_says() {
        let mut shelf = Shelf::default();
        for text in [
            "a: 1:2\n",
            "日本語 🐋: x",
            "12:",
            "kind: Service\nmetadata: {name: web}\n",
            "a: 1:2\n",
        ] {
            shelf.put(text);
        }
        assert_eq!(Shelf::unpack(&shelf.pack()), shelf);
        assert_eq!(names(&shelf), ["a:", "web", "12:", "日本語"]);
        assert_eq!(shelf.get(&mark("12:")).as_deref(), Some("12:"));
        assert_eq!(shelf.get("own:0"), None);
    }

    #[test]
    fn a_preset_and_an_empty_text_are_nobodys() {
        let mut shelf = Shelf::default();
        play::presets::ALL.iter().for_each(|p| shelf.put(&p.document()));
        shelf.put(" \n");
        assert_eq!(shelf, Shelf::default());
        for n in 0..40 {
            shelf.put(&format!("name: x{n}"));
        }
        assert_eq!((shelf.texts().count(), names(&shelf)[0]), (MOST, "x39"));
        shelf.put(&"#".repeat(MOST_BYTES - 20));
        assert_eq!(names(&shelf).len(), 3, "two small ones beside it");
        shelf.put(&"#".repeat(MOST_BYTES + 1));
        assert_eq!(
            names(&shelf).len(),
            4,
            "the latest is there, however long, and pushes nobody out"
        );
        assert_eq!(
            Shelf::unpack(&shelf.pack()).texts().count(),
            3,
            "what is too long is not stored"
        );
    }

    #[test]
    fn a_damaged_store_gives_what_can_be_read() {
        assert_eq!(names(&Shelf::unpack("3:abc99:x")), ["abc"]);
        assert_eq!(Shelf::unpack("1:é").texts().count() + Shelf::unpack("x").texts().count(), 0);
    }
}

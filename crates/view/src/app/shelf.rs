//! The documents that a person left for another one: nothing of theirs is lost.

use std::rc::Rc;

/// So many are kept, the latest first.
const MOST: usize = 12;
/// No preset is longer, in bytes.
const LONGEST_PRESET: usize = 8_192;

/// Documents, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelf(Vec<Rc<str>>);

impl Shelf {
    /// As it was stored; what cannot be read of it is left out.
    pub fn unpack(mut stored: &str) -> Self {
        let mut out = Vec::new();
        while let Some((length, rest)) = stored.split_once(':') {
            let Some((text, behind)) = length.parse().ok().and_then(|n| rest.split_at_checked(n)) else { break };
            out.push(text.into());
            stored = behind;
        }
        Self(out)
    }

    /// To be stored: the length of each in bytes, a colon, and the text.
    pub fn pack(&self) -> String {
        self.0.iter().map(|t| format!("{}:{t}", t.len())).collect()
    }

    /// Puts a document on it, if it is a person's own. Says whether it did.
    pub fn put(&mut self, text: &str) -> bool {
        if !is_own(text) {
            return false;
        }
        self.0.retain(|t| **t != *text);
        self.0.insert(0, text.into());
        self.0.truncate(MOST);
        true
    }

    /// Takes the nth from it.
    pub fn take(&mut self, n: usize) -> Option<Rc<str>> {
        (n < self.0.len()).then(|| self.0.remove(n))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|t| name_of(t))
    }
}

/// Whether a text is a person's own: not empty, and no preset.
pub fn is_own(text: &str) -> bool {
    let is_preset = text.len() < LONGEST_PRESET && play::presets::ALL.iter().any(|p| p.document() == text);
    !is_preset && !text.trim().is_empty()
}

/// What a document is called: as the first thing in it that has `metadata`, or its first word.
pub fn name_of(text: &str) -> &str {
    let within = text.find("metadata:").map_or(text, |i| &text[i..]);
    let name = within.split_once("name:").map_or(text, |(_, rest)| rest).trim_start_matches([' ', '"', '\'']);
    let word = name.split(|c: char| c.is_whitespace() || ",}\"'".contains(c)).find(|w| !w.is_empty()).unwrap_or("—");
    word.char_indices().nth(30).map_or(word, |(i, _)| &word[..i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_whatever_it_says() {
        let mut shelf = Shelf::default();
        for text in ["a: 1:2\n", "日本語 🐋: x", "12:", "kind: Service\nmetadata: {name: web}\n", "a: 1:2\n"] {
            assert!(shelf.put(text));
        }
        assert_eq!(Shelf::unpack(&shelf.pack()), shelf);
        assert_eq!(shelf.names().collect::<Vec<_>>(), ["a:", "web", "12:", "日本語"]);
        assert_eq!(shelf.take(1).as_deref(), Some("kind: Service\nmetadata: {name: web}\n"));
        assert_eq!(shelf.take(9), None);
        assert_eq!(shelf.names().count(), 3);
    }

    #[test]
    fn a_preset_and_an_empty_text_are_nobodys() {
        let mut shelf = Shelf::default();
        assert!(play::presets::ALL.iter().all(|p| !shelf.put(&p.document())) && !shelf.put(" \n"));
        for n in 0..40 {
            shelf.put(&format!("name: x{n}"));
        }
        assert_eq!(shelf.names().count(), MOST);
        assert_eq!(shelf.names().next(), Some("x39"));
    }

    #[test]
    fn a_damaged_store_gives_what_can_be_read() {
        assert_eq!(Shelf::unpack("3:abc99:x").names().collect::<Vec<_>>(), ["abc"]);
        assert_eq!(Shelf::unpack("1:é").names().count() + Shelf::unpack("x").names().count(), 0);
    }
}

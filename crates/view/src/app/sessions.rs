//! The sessions that the browser keeps, of all tabs, so that nothing is lost: neither by opening
//! another document nor by a reload, and not by another tab.
//!
//! Each session is an entry of its own, in the form of the module `entry`. No tab writes an entry
//! that another one shows.

pub use super::entry::Clock;

use super::entry::StoredForm;
use crate::stamp::stamp;
use std::rc::Rc;

/// The maximum number of sessions that no tab shows; the oldest are dropped.
const MOST: usize = 12;
/// The maximum total size of these in bytes, as browser storage is small. Of those that are longer
/// than that the latest is kept, and does not count.
const MOST_BYTES: usize = 2 << 20;
/// The maximum length of a preset, in bytes.
const LONGEST_PRESET: usize = 8_192;

/// Why the browser did not store a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageFault {
    /// Its storage is full.
    Full,
    /// It allows no storage.
    Refused,
}

/// A session as the browser keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Its identifier, the same in all tabs.
    pub id: Rc<str>,
    /// What the browser stores.
    pub value: Rc<str>,
    /// When the document or the Script was last changed.
    pub changed: Clock,
    /// The name of the document; of a preset, that of the preset.
    pub name: String,
    /// Whether the document is a preset.
    pub preset: bool,
    /// Whether it was set aside after a panic: it is opened only on request.
    pub set_aside: bool,
    /// Why it is not stored, if it could not be.
    pub fault: Option<StorageFault>,
}

impl StoredSession {
    /// Whether it needs more storage than all others together may have.
    fn is_long(&self) -> bool {
        self.value.len() > MOST_BYTES
    }

    /// A session as it is stored; `None` if this is not the form of this version.
    pub fn new(id: &str, value: &str) -> Option<Self> {
        let entry = StoredForm::parse(value)?;
        let kept = Self::of(id, value.into(), entry.changed, &entry.text());
        Some(Self { set_aside: entry.set_aside, ..kept })
    }

    /// The session of a text, with what the browser stores of it.
    pub(super) fn of(id: &str, value: Rc<str>, changed: Clock, text: &str) -> Self {
        let preset = preset_of(text);
        let name = preset.map_or_else(|| name_of(text), |p| p.name).to_owned();
        let (id, preset) = (id.into(), preset.is_some());
        Self { id, value, changed, name, preset, set_aside: false, fault: None }
    }
}

/// The sessions of all tabs, latest first, including the one that is shown.
#[derive(Clone, Debug, Default)]
pub struct StoredSessions {
    kept: Vec<StoredSession>,
    /// The identifiers of the sessions that other tabs show.
    pub elsewhere: Vec<String>,
    /// The beginning of the identifiers that this page gives: random, so that no two pages give
    /// the same.
    pub page: String,
    /// How many identifiers it has given.
    given: u32,
}

impl StoredSessions {
    /// An identifier that no session has.
    pub fn fresh(&mut self) -> Rc<str> {
        self.given += 1;
        format!("{}-{}", self.page, self.given).into()
    }

    /// All sessions, latest first.
    pub fn all(&self) -> impl Iterator<Item = &StoredSession> {
        self.kept.iter()
    }

    /// The session with this identifier.
    pub fn get(&self, id: &str) -> Option<&StoredSession> {
        self.kept.iter().find(|k| *k.id == *id)
    }

    /// Whether another tab shows a session.
    pub fn is_elsewhere(&self, id: &str) -> bool {
        self.elsewhere.iter().any(|e| e == id)
    }

    /// Adds a session, or replaces it.
    pub fn put(&mut self, mut kept: StoredSession) {
        if let Some(old) = self.remove(&kept.id) {
            kept.fault = old.fault;
        }
        let at = self.kept.partition_point(|k| k.changed.ms > kept.changed.ms);
        self.kept.insert(at, kept);
    }

    /// Removes every session.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Removes a session.
    pub fn remove(&mut self, id: &str) -> Option<StoredSession> {
        let at = self.kept.iter().position(|k| *k.id == *id)?;
        Some(self.kept.remove(at))
    }

    /// Drops the oldest sessions that no tab shows, as far as there are too many. Returns their
    /// identifiers.
    pub(super) fn prune(&mut self, shown: &str) -> Vec<Rc<str>> {
        let (mut count, mut long, mut bytes, mut dropped) = (0, 0, 0, Vec::new());
        let elsewhere = std::mem::take(&mut self.elsewhere);
        self.kept.retain(|k| {
            if *k.id == *shown || elsewhere.iter().any(|e| **e == *k.id) {
                return true;
            }
            let stays = if k.is_long() {
                long += 1;
                long == 1
            } else {
                (count, bytes) = (count + 1, bytes + k.value.len());
                count <= MOST && bytes <= MOST_BYTES
            };
            if !stays {
                dropped.push(k.id.clone());
            }
            stays
        });
        self.elsewhere = elsewhere;
        dropped
    }

    /// Records whether a session could be stored. If there is no room for the one that is shown,
    /// long ones that no tab shows give way: they stay as long as the page is open. Returns what is
    /// to be stored or removed then.
    pub(super) fn stored(
        &mut self,
        id: &str,
        fault: Option<StorageFault>,
        shown: &str,
    ) -> Vec<Rc<str>> {
        if let Some(k) = self.kept.iter_mut().find(|k| *k.id == *id) {
            k.fault = fault;
        }
        let mut give_way = Vec::new();
        if *id == *shown && fault == Some(StorageFault::Full) {
            let elsewhere = &self.elsewhere;
            for k in self.kept.iter_mut().filter(|k| k.fault.is_none() && k.is_long()) {
                if *k.id != *shown && !elsewhere.iter().any(|e| **e == *k.id) {
                    k.fault = fault;
                    give_way.push(k.id.clone());
                }
            }
        }
        let again = (!give_way.is_empty()).then(|| id.into());
        give_way.into_iter().chain(again).collect()
    }

    /// What is to be stored of a session; `None`: it is to be removed.
    pub fn to_store(&self, id: &str, shown: &str) -> Option<&StoredSession> {
        self.get(id).filter(|k| k.fault.is_none() || !k.is_long() || *k.id == *shown)
    }

    /// The sessions whose last attempt at storing failed; they are tried again.
    pub(super) fn failed(&self, shown: &str) -> impl Iterator<Item = Rc<str>> {
        let failed = self.kept.iter().filter(|k| k.fault.is_some() && !k.is_long());
        failed.filter(move |k| *k.id != *shown).map(|k| k.id.clone())
    }

    /// Why something is not stored; `None` if everything is.
    pub fn fault(&self) -> Option<StorageFault> {
        self.kept.iter().find_map(|k| k.fault)
    }

    /// The session with which a new tab goes on: the reader's last document that no tab shows.
    pub fn last(&self) -> Option<&StoredSession> {
        self.kept.iter().find(|k| !k.preset && !k.set_aside && !self.is_elsewhere(&k.id))
    }

    /// Takes over what earlier versions of the page stored: the text that was open, the others (for
    /// each its length in bytes, a colon, and the text), and the one that was set aside after a
    /// panic. Returns the identifiers of those that are new.
    pub fn take_over(
        &mut self,
        text: &str,
        others: &str,
        rescued: &str,
        now: Clock,
    ) -> Vec<Rc<str>> {
        let mut texts = vec![(text, false), (rescued, true)];
        let mut rest = others;
        while let Some((length, behind)) = rest.split_once(':') {
            let Some((text, behind)) = length.parse().ok().and_then(|n| behind.split_at_checked(n))
            else {
                break;
            };
            texts.push((text, false));
            rest = behind;
        }
        let mut taken = Vec::new();
        for (i, (text, set_aside)) in texts.into_iter().enumerate() {
            let id = format!("0-{:x}", stamp(text));
            if !is_own(text) || self.get(&id).is_some() {
                continue;
            }
            let changed = Clock { ms: now.ms.saturating_sub(i as u64), ..now };
            if let Some(kept) =
                StoredSession::new(&id, &StoredForm::of_file(text, changed, set_aside))
            {
                taken.push(kept.id.clone());
                self.put(kept);
            }
        }
        taken
    }
}

/// The preset with this document.
fn preset_of(text: &str) -> Option<&'static play::presets::Preset> {
    let short = text.len() < LONGEST_PRESET;
    play::presets::ALL.iter().find(|p| short && p.document() == text)
}

/// Whether a text is the reader's own: neither empty nor a preset.
pub fn is_own(text: &str) -> bool {
    !text.trim().is_empty() && preset_of(text).is_none()
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

    fn at(ms: u64) -> Clock {
        Clock { ms, zone: 0 }
    }

    fn put(stored: &mut StoredSessions, id: &str, text: &str, ms: u64) {
        let value = StoredForm::of_file(text, at(ms), false);
        stored.put(StoredSession::new(id, &value).expect("an entry"));
    }

    fn names(stored: &StoredSessions) -> Vec<&str> {
        stored.all().map(|k| k.name.as_str()).collect()
    }

    #[test]
    fn the_latest_is_first_and_the_oldest_that_no_tab_shows_is_dropped() {
        let mut stored = StoredSessions::default();
        for n in 0..20 {
            put(&mut stored, &format!("a-{n}"), &format!("name: x{n}"), n);
        }
        stored.elsewhere = vec!["a-1".to_owned()];
        let dropped: Vec<_> = stored.prune("a-0").iter().map(ToString::to_string).collect();
        assert_eq!(dropped, ["a-7", "a-6", "a-5", "a-4", "a-3", "a-2"]);
        assert_eq!(names(&stored)[0], "x19");
        assert_eq!(names(&stored)[12..], ["x1", "x0"], "what a tab shows stays");
        put(&mut stored, "b", &"#".repeat(MOST_BYTES), 30);
        assert!(stored.prune("a-0").is_empty(), "a long one pushes nobody out");
        put(&mut stored, "c", &"#".repeat(MOST_BYTES), 29);
        assert_eq!(stored.prune("a-0"), ["c".into()], "and there is one of them");
        assert_eq!(stored.last().map(|k| &*k.id), Some("b"));
        put(&mut stored, "b", "name: less", 31);
        assert_eq!((names(&stored)[0], stored.all().count()), ("less", 15), "replaced");
    }

    #[test]
    fn what_earlier_pages_stored_is_taken_over_once() {
        let mut stored = StoredSessions::default();
        let preset = play::presets::ALL[0].document();
        let others = format!("5:web: 9:日本語{}:{preset}3:abc99:x", preset.len());
        let taken = stored.take_over("a: 1:2\n", &others, "12:", at(9));
        assert_eq!(names(&stored), ["a:", "12:", "web:", "日本語", "abc"]);
        assert_eq!(taken.len(), 5, "a preset is no document of the reader");
        assert_eq!(stored.last().map(|k| k.name.as_str()), Some("a:"));
        assert!(stored.all().any(|k| k.set_aside));
        assert!(stored.take_over("a: 1:2\n", &others, "12:", at(99)).is_empty());
        for damaged in ["1:é", "x", ":", "99999999999999999999:a"] {
            assert!(stored.take_over("", damaged, "", at(9)).is_empty());
        }
    }
}

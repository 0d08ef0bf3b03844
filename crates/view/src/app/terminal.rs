//! The terminal: lines typed on a host, what came of them, and those typed before.

/// A command and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it was typed.
    pub host: String,
    /// The command.
    pub line: String,
    /// What it printed.
    pub output: String,
    /// Whether it went well.
    pub good: bool,
    /// How many events must lie behind before it is known.
    pub known_at: usize,
}

/// What the terminal shows.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// Where one types.
    pub host: String,
    /// What was typed and printed.
    pub entries: Vec<Entry>,
    /// The line that is typed.
    pub line: String,
    /// How many lines back one looks.
    pub(super) back: usize,
    /// What the line could be.
    pub offers: Vec<String>,
}

impl Terminal {
    /// The line typed so many before, or the empty one.
    pub(super) fn look_back(&mut self, older: bool) {
        let typed: Vec<&str> = self.entries.iter().map(|e| e.line.as_str()).collect();
        self.back =
            if older { (self.back + 1).min(typed.len()) } else { self.back.saturating_sub(1) };
        self.line = self
            .back
            .checked_sub(1)
            .and_then(|b| typed.iter().rev().nth(b))
            .map_or_else(String::new, |l| (*l).to_owned());
        self.offers.clear();
    }
}

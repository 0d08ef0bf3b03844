//! Which endings and which of the recorded findings the sessions reached.

use play::Session;
use play::script::{Done, Outcome};
use play::{Action, record};
use std::collections::BTreeMap;
use std::fmt;

/// Counts, over all sessions.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    endings: BTreeMap<String, usize>,
}

impl Coverage {
    /// Adds a session.
    pub(crate) fn add(&mut self, session: &Session, done: &[Done]) {
        for d in done {
            let (Action::Send(probe), Outcome::Run(run)) = (&d.action, &d.result) else { continue };
            for line in record::results(session, probe, run, &str::to_owned) {
                *self.endings.entry(ending(&line)).or_default() += 1;
            }
        }
    }
}

/// A result without addresses.
fn ending(line: &str) -> String {
    if line.contains("200 OK") {
        return "200 OK".to_owned();
    }
    let words: Vec<&str> = line.split(' ').filter(|w| !w.contains('.') && !w.contains('=')).collect();
    words.join(" ").replace(" from", "")
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.endings.values().sum();
        writeln!(f, "{:30} {:>6}", "ending", "count")?;
        for (name, n) in &self.endings {
            writeln!(f, "{name:30} {n:6}")?;
        }
        let fine = self.endings.get("200 OK").copied().unwrap_or(0);
        write!(f, "{} of {total} endings are other than 200 OK", total - fine)
    }
}

//! A command line of the emulated shell: its words, whether it sends, and what it printed.

/// The output of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// Standard output and error, as a terminal shows them.
    pub text: String,
    /// Exit status; 0 is success.
    pub status: i32,
}

impl CommandOutput {
    pub(crate) fn ok(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 0 }
    }
    pub(crate) fn fail(status: i32, text: impl Into<String>) -> Self {
        Self { text: text.into(), status }
    }
}

/// Splits a line into words. Quotes, single or double, keep spaces.
pub fn split(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut any = false;
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => word.push(c),
            None if c == '"' || c == '\'' => (quote, any) = (Some(c), true),
            None if c.is_whitespace() => {
                if any || !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                any = false;
            }
            None => word.push(c),
        }
    }
    if any || !word.is_empty() {
        out.push(word);
    }
    out
}

/// Whether a line sends a probe: `curl`, `ping`, and what looks a name up.
pub fn sends(line: &str) -> bool {
    matches!(
        split(line).first().map(String::as_str),
        Some("curl" | "ping" | "nslookup" | "dig" | "host" | "getent")
    )
}

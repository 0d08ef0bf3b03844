//! Times: `1.2s`, `20ms`.

use super::{Decoder, Fields};
use crate::diag::Code;
use crate::yaml::{Value, YamlNode};
use net::Duration;

impl Decoder {
    /// A time with its unit.
    pub fn time(&mut self, node: &YamlNode, path: &str) -> Option<Duration> {
        let Value::Scalar { text, .. } = &node.value else {
            return self.string(node, path).and(None);
        };
        let time = parse(text);
        if time.is_none() {
            let (wrong, hint) = if nanoseconds(text, 1).is_some() {
                (format!("{text}: a time without unit"), format!("write {text}s or {text}ms"))
            } else {
                (format!("{text:?}: not a time"), "write it like 1.2s or 20ms".to_owned())
            };
            let message = format!("{path}: Invalid value: {wrong}");
            self.error(Code::UnsupportedValue, node.span, message, hint);
        }
        time
    }
}

impl Fields<'_> {
    /// A field with a time, or its default.
    pub fn time(&mut self, d: &mut Decoder, name: &'static str) -> Option<Duration> {
        match self.get(name) {
            Some(node) => d.time(node, &self.path_of(name)),
            None => self.default_value(name).and_then(parse),
        }
    }
}

fn parse(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(n) => (n, 1_000_000),
        None => (text.strip_suffix('s')?, 1_000_000_000),
    };
    nanoseconds(number, unit).map(Duration)
}

/// A decimal number of units, at most a million; `unit` is in nanoseconds.
fn nanoseconds(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |t: &str| !t.is_empty() && t.len() <= 18 && t.bytes().all(|b| b.is_ascii_digit());
    if !digits(part) || !(whole.is_empty() && number.starts_with('.') || digits(whole)) {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let (part, of) = (part.parse::<u64>().ok()?, 10_u64.pow(part.len() as u32));
    let more = (u128::from(part) * u128::from(unit) / u128::from(of)) as u64;
    whole.checked_mul(unit)?.checked_add(more).filter(|n| *n <= 1_000_000 * unit)
}

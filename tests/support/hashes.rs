//! `expect/hash.txt`: the hash of a scenario's events, then the last 16 bits of each event's own
//! hash, 16 events a line. The first says whether a machine plays the scenario as it was blessed;
//! the others say where it begins to differ.

use net::Event;
use net::encoding::{event_hash, hash};

/// What `expect/hash.txt` holds for these events.
pub fn text(events: &[Event]) -> String {
    let short: Vec<_> = events.iter().map(|e| format!("{:04x}", event_hash(e) as u16)).collect();
    let lines: String = short.chunks(16).map(|line| line.join(" ") + "\n").collect();
    format!("{:016x}\n{lines}", hash(events))
}

/// How these events differ from the ones that `expected`, an `expect/hash.txt`, was written for:
/// both hashes, and the first event that differs.
pub fn difference(name: &str, expected: &str, events: &[Event]) -> Option<String> {
    let found = text(events);
    if found == expected {
        return None;
    }
    let (mut expected, mut found) = (expected.split_whitespace(), found.split_whitespace());
    let (was, is) = (expected.next().unwrap_or("nothing"), found.next().unwrap_or("nothing"));
    let first = expected.by_ref().zip(found).take_while(|(a, b)| a == b).count();
    let event = events.get(first).map_or("no more events".to_owned(), |e| format!("{e:#?}"));
    Some(format!("{name}: hash {was} expected, {is} found; event {first} differs: {event}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use net::event::EventKind;
    use net::{Instant, NetnsId};

    #[test]
    fn a_difference_names_the_first_event_that_differs() {
        let event = |at| Event {
            at: Instant(at),
            netns: Some(NetnsId(0)),
            packet: None,
            kind: EventKind::FragmentKept,
            changes: Vec::new(),
        };
        let blessed: Vec<_> = (0..40).map(event).collect();
        let mut other = blessed.clone();
        other[20] = event(7);
        other[30] = event(7);
        assert_eq!(difference("same", &text(&blessed), &blessed), None);
        let found = difference("other", &text(&blessed), &other).expect("a difference");
        assert!(found.contains("event 20 differs: Event {"), "{found}");
        let found = difference("short", &text(&blessed), &blessed[..33]).expect("a difference");
        assert!(found.contains("event 33 differs: no more events"), "{found}");
    }
}

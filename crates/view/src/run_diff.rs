//! The difference of two runs: the decisions that only one of them has.

use crate::labels::NetnsLabels;
use crate::story::{Grain, place, steps};
use crate::words::{Context, Lang, sentence};
use play::Session;

/// A decision that only one of two runs has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLine {
    /// Network namespace and hook, or what else names the place.
    pub place: String,
    /// The decision as a sentence.
    pub text: String,
    /// Whether the later run has it; otherwise the earlier.
    pub new: bool,
}

/// The most decisions of a run that are compared: the cost is quadratic.
const MOST: usize = 1_000;

/// The decisions that only one of two sessions has, in the order of events.
pub fn run_difference(
    before: (&Session, &NetnsLabels),
    after: (&Session, &NetnsLabels),
    lang: Lang,
) -> Vec<RunLine> {
    let told = |(session, labels): (&Session, &NetnsLabels)| -> Vec<(String, String)> {
        let (state, events) = (session.last(), session.events());
        let c = Context { state, labels };
        let one = |i: usize| {
            (place(&events[i], state, labels), sentence(&c, &events[i], lang).replace('`', ""))
        };
        steps(events, state, Grain::Decisions).into_iter().take(MOST).map(one).collect()
    };
    let (old, new) = (told(before), told(after));
    let n = new.len() + 1;
    // The length of the longest common subsequence of the rests from each pair of positions.
    let mut rest = vec![0_u32; (old.len() + 1) * n];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let longer = rest[(i + 1) * n + j].max(rest[i * n + j + 1]);
            rest[i * n + j] = if old[i] == new[j] { rest[(i + 1) * n + j + 1] + 1 } else { longer };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    let line = |(place, text): &(String, String), new| RunLine {
        place: place.clone(),
        text: text.clone(),
        new,
    };
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j >= new.len() || (i < old.len() && rest[(i + 1) * n + j] >= rest[i * n + j + 1])
        {
            out.push(line(&old[i], false));
            i += 1;
        } else {
            out.push(line(&new[j], true));
            j += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use play::Probe;
    use play::presets::Preset;

    fn played(document: &str) -> (Session, NetnsLabels) {
        let mut session = Session::new(document, 1, true).expect("valid");
        let mut probe = Probe::new("bastion", "192.168.120.226:30080");
        probe.endpoint = Some(("10.1.6.5".parse().expect("an address"), None));
        session.send(&probe).expect("sent");
        let labels = NetnsLabels::new(session.cluster(), session.last());
        (session, labels)
    }

    #[test]
    fn the_newest_release_takes_the_mark_off_before_the_tunnel() {
        let document = Preset::named("article-nodeport").expect("preset").document();
        let (old, new) = (played(&document), played(&document.replace("\"1.10\"", "\"1.36\"")));
        let diff = run_difference((&old.0, &old.1), (&new.0, &new.1), Lang::En);
        let has =
            |new: bool, word: &str| diff.iter().any(|l| l.new == new && l.text.contains(word));
        assert!(has(true, "KUBE-EXT-"), "{diff:#?}");
        assert!(has(false, "KUBE-MARK-MASQ") || has(true, "KUBE-MARK-MASQ"), "{diff:#?}");
        assert_eq!(run_difference((&old.0, &old.1), (&old.0, &old.1), Lang::En), []);
    }
}

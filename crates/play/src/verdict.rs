//! How a run ended, which event decided it, and what would mend it.

use net::event::EventKind;
use net::socket::Outcome;
use net::{DropReason, Event, NetnsId};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client got an answer.
    Answered,
    /// The client was refused, told that it is unreachable, or heard nothing.
    Failed,
}

/// The verdict of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it ended.
    pub ending: Ending,
    /// What the client got; the last, if there were several. None if nothing ended.
    pub outcome: Option<Outcome>,
    /// The event that decided a failure, counted within the run: the last packet lost.
    pub cause: Option<usize>,
    /// Where and why that packet was lost.
    pub lost: Option<(NetnsId, DropReason)>,
    /// Who answered, as the server saw its client.
    pub server: Option<(NetnsId, net::socket::Endpoint)>,
}

/// Looks at a run's events.
pub(crate) fn verdict(events: &[Event], tag: u32) -> Verdict {
    let outcomes: Vec<&Outcome> = events
        .iter()
        .filter_map(|e| match &e.kind {
            EventKind::Ended { tag: t, outcome, .. } if *t == tag => Some(outcome),
            _ => None,
        })
        .collect();
    let answered = outcomes.iter().find(|o| matches!(o, Outcome::Answered { .. }));
    let outcome = answered.or(outcomes.last()).map(|o| (*o).clone());
    let lost = events.iter().enumerate().rev().find_map(|(i, e)| match &e.kind {
        EventKind::Dropped { reason, .. } if !harmless(*reason) => Some((i, e.netns, *reason)),
        _ => None,
    });
    let server = events.iter().find_map(|e| match &e.kind {
        EventKind::Accepted { peer, .. } => Some((e.netns, *peer)),
        _ => None,
    });
    let failed = answered.is_none();
    Verdict {
        ending: if failed { Ending::Failed } else { Ending::Answered },
        outcome,
        cause: lost.filter(|_| failed).map(|l| l.0),
        lost: lost.filter(|_| failed).map(|l| (l.1, l.2)),
        server,
    }
}

/// Copies of flooded frames end at everybody they are not for.
fn harmless(reason: DropReason) -> bool {
    matches!(reason, DropReason::OtherHost)
}

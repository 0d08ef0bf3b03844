//! Steps, the entries of a Script, and what came of each.

use crate::anchor::Anchor;
use crate::command::{self, CommandOutput};
use crate::probe::{Probe, ProbeError};
use crate::verdict::Verdict;
use kube::Span;
use net::engine::PacketOp;
use net::{Instant, NetnsId};
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

/// Something that is done at some time.
#[derive(Clone, Debug, Eq)]
pub struct Step {
    /// When.
    pub anchor: Anchor,
    /// What.
    pub act: Act,
    /// Where it stands in the text that it was read from.
    pub span: Span,
}

/// Two steps are equal if they do the same; where they stand is not part of it.
impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        (&self.anchor, &self.act) == (&other.anchor, &other.act)
    }
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Sends a probe.
    Send(Probe),
    /// Runs a command on a host.
    Run {
        /// The host: a node, pod or outside host by name.
        host: String,
        /// The command line.
        line: String,
    },
    /// Applies manifests to the running cluster, as `kubectl apply` does.
    Apply(String),
    /// Drops, delays or duplicates the packet of the event that the step is anchored to.
    Packet(PacketOp),
}

impl Step {
    /// A step that is done at a moment.
    pub fn new(anchor: Anchor, act: Act) -> Self {
        Self { anchor, act, span: Span::default() }
    }

    /// A probe that is sent when everything before it is over.
    pub fn send(probe: Probe) -> Self {
        Self::new(Anchor::Quiet, Act::Send(probe))
    }

    /// A command that is run when everything before it is over.
    pub fn run(host: &str, line: &str) -> Self {
        let (host, line) = (host.to_owned(), line.to_owned());
        Self::new(Anchor::Quiet, Act::Run { host, line })
    }

    /// Whether it sends a probe, which then has a number.
    pub fn sends(&self) -> bool {
        match &self.act {
            Act::Send(_) => true,
            Act::Run { line, .. } => command::sends(line),
            Act::Apply(_) | Act::Packet(_) => false,
        }
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// When it was done; when its group was over, if it was not done.
    pub at: Instant,
    /// What happened: everything until its group was over if it sent a probe or began the group,
    /// else what it did itself.
    pub events: Range<usize>,
    /// What it did.
    pub kind: ResultKind,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// It sent a probe.
    Sent {
        /// The probe; that of a command as its words say.
        probe: Box<Probe>,
        /// What came of it.
        run: Run,
        /// What `curl` or `ping` printed, if a command sent it.
        printed: Option<CommandOutput>,
    },
    /// It ran a command.
    Printed(CommandOutput),
    /// It applied manifests, and kubectl printed this.
    Applied(CommandOutput),
    /// It dropped, delayed or duplicated its packet.
    Handled,
    /// It names something that is not there.
    Refused(ProbeError),
    /// It was not done.
    NotDone(NotDone),
}

/// Why a step was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Its event did not happen before the group was over.
    NotReached,
    /// Its event happened before the group began.
    TooLate,
    /// No packet, or one that is not in flight or waits and cannot be delayed or duplicated.
    NotInFlight,
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReached => "its event did not happen",
            Self::TooLate => "its event happened before the step's turn",
            Self::NotInFlight => "its packet is not in flight",
        })
    }
}

impl StepResult {
    /// The probe that it sent, and what came of it.
    pub fn sent(&self) -> Option<(&Probe, &Run)> {
        if let ResultKind::Sent { probe, run, .. } = &self.kind { Some((probe, run)) } else { None }
    }

    /// The run of the probe that it sent.
    pub fn run(&self) -> Option<&Run> {
        self.sent().map(|(_, run)| run)
    }

    /// What its command printed.
    pub fn output(&self) -> Option<&CommandOutput> {
        match &self.kind {
            ResultKind::Sent { printed, .. } => printed.as_ref(),
            ResultKind::Printed(out) | ResultKind::Applied(out) => Some(out),
            _ => None,
        }
    }

    /// Whether it did something.
    pub fn is_done(&self) -> bool {
        !matches!(self.kind, ResultKind::Refused(_) | ResultKind::NotDone(_))
    }
}

/// What came of one probe: a range of the session's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The number that the probe's sockets carry.
    pub tag: u32,
    /// Its events.
    pub events: Range<usize>,
    /// How it ended.
    pub verdict: Verdict,
    /// Who sent.
    pub from: NetnsId,
    /// To whom.
    pub to: (IpAddr, u16),
}

//! Steps, the entries of a Script, and what came of each.

use crate::anchor::Anchor;
use crate::command::{self, CommandOutput};
use crate::probe::{Probe, ProbeError};
use crate::verdict::Verdict;
use kube::Span;
use net::engine::PacketOp;
use net::{Instant, NetnsId};
use std::net::IpAddr;
use std::ops::Range;

/// An entry of a Script: an action and when it is performed.
#[derive(Clone, Debug, Eq)]
pub struct Step {
    /// When it is performed.
    pub anchor: Anchor,
    /// The action.
    pub act: Act,
    /// Its place in the text that it was read from.
    pub span: Span,
}

/// Steps are equal if anchor and action are; the place in the text does not count.
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
    /// A step with an anchor.
    pub fn new(anchor: Anchor, act: Act) -> Self {
        Self { anchor, act, span: Span::default() }
    }

    /// A step that sends a probe when everything before it is over.
    pub fn send(probe: Probe) -> Self {
        Self::new(Anchor::Quiet, Act::Send(probe))
    }

    /// A step that runs a command when everything before it is over.
    pub fn run(host: &str, line: &str) -> Self {
        let (host, line) = (host.to_owned(), line.to_owned());
        Self::new(Anchor::Quiet, Act::Run { host, line })
    }

    /// Whether it sends a probe, and so is counted by the `probe` of anchors.
    pub fn sends(&self) -> bool {
        match &self.act {
            Act::Send(_) => true,
            Act::Run { line, .. } => command::sends(line),
            Act::Apply(_) | Act::Packet(_) => false,
        }
    }
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// When it was performed; the end of its group if it was not.
    pub at: Instant,
    /// Its events: those until the end of its group if it sent a probe or began the group, else
    /// only those that it caused directly.
    pub events: Range<usize>,
    /// What it did, or why it was not performed.
    pub kind: ResultKind,
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// It sent a probe.
    Sent {
        /// The probe; that of a command has the command's options.
        probe: Box<Probe>,
        /// The probe's result.
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
    /// It names a host, target or endpoint that does not exist.
    Invalid(ProbeError),
    /// It was not performed.
    NotDone(NotDone),
}

/// Why a step was not performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Its event did not happen before the group was over.
    NotReached,
    /// Its event happened before the group began.
    TooLate,
    /// Its event has no packet, or the packet is no longer in flight.
    NotInFlight,
    /// The packet waits for a neighbour or in a reassembly queue, where it can only be dropped.
    Queued,
}

impl StepResult {
    /// The probe that it sent, and the probe's result.
    pub fn sent(&self) -> Option<(&Probe, &Run)> {
        if let ResultKind::Sent { probe, run, .. } = &self.kind { Some((probe, run)) } else { None }
    }

    /// The result of the probe that it sent.
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

    /// The time for which its step was anchored, if that had passed before the step's turn.
    pub fn late(&self, step: &Step) -> Option<Instant> {
        match step.anchor {
            Anchor::At(at) if self.is_done() && at < self.at => Some(at),
            _ => None,
        }
    }

    /// Whether it was performed.
    pub fn is_done(&self) -> bool {
        !matches!(self.kind, ResultKind::Invalid(_) | ResultKind::NotDone(_))
    }
}

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The number that the probe's sockets carry.
    pub tag: u32,
    /// Its events, as indices of the session's.
    pub events: Range<usize>,
    /// How it ended, and why.
    pub verdict: Verdict,
    /// The client's namespace.
    pub from: NetnsId,
    /// The destination address and port; 0 for a ping. None if its name was not found.
    pub to: Option<(IpAddr, u16)>,
}

//! What repairs a run that failed: every candidate is tried by playing the session again with it.
//!
//! Candidates come from the deciding link of the cause, from what differs between the kernels and
//! what components would make of the cluster, and from the manifests. Each is one small edit: of
//! the text, or commands as an administrator types them. One counts if the client is answered after
//! every daemon that runs has synced once more; the probe stays as it is. Nothing is returned that
//! was not played.
//!
//! Where no single candidate helps, the first that changes what decides is kept and the search goes
//! on from there, for several faults at once.
//!
//! Budget: [`BUDGET`] trials for a fault, [`FAULTS`] faults, [`WANTED`] repairs.

mod drift;
mod endpoints;
mod objects;
mod rules;
mod trial;

pub use endpoints::{Reached, endpoints};

use crate::cause::{Fact, Link};
use crate::session::Session;
use crate::step::Run;
use crate::verdict::Ending;
use net::netfilter::{Rule, rule_text};
use std::collections::BTreeSet;
use std::rc::Rc;
use trial::{Base, Trial};

/// The most trials for one fault.
pub const BUDGET: usize = 64;
/// The most faults that are repaired together.
pub const FAULTS: usize = 3;
/// The search ends at this many repairs.
pub const WANTED: usize = 3;

/// What a repair changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The selector of a Service.
    Selector,
    /// A label of pods.
    Label,
    /// `targetPort`.
    TargetPort,
    /// `port` of a Service.
    Port,
    /// `nodePort`, and the type that it needs.
    NodePort,
    /// `protocol` of a Service's port.
    Protocol,
    /// The name of a Service.
    Name,
    /// The Service that a slice is for.
    Slice,
    /// A traffic policy.
    Policy,
    /// `loadBalancerSourceRanges`.
    Ranges,
    /// `publishNotReadyAddresses`.
    Publish,
    /// The number of pods.
    Replicas,
    /// What keeps pods from nodes.
    Schedule,
    /// What keeps pods from being ready.
    Readiness,
    /// The command of a container.
    Command,
    /// `hostNetwork`.
    HostNetwork,
    /// An option of a component.
    Option,
    /// A fault of the Topology.
    Fault,
    /// The release of Kubernetes.
    Release,
    /// A kernel parameter.
    Sysctl,
    /// An MTU.
    Mtu,
    /// A device that is down.
    Up,
    /// Hairpin mode of a bridge port.
    HairpinMode,
    /// A route.
    Route,
    /// A neighbour.
    Neighbour,
    /// A forwarding entry.
    Fdb,
    /// An entry of conntrack.
    Conntrack,
    /// A rule is deleted.
    DeleteRule,
    /// A rule is moved.
    MoveRule,
    /// A rule is written that components would write.
    AddRule,
    /// The narrowest exception to a rule or policy.
    Exception,
    /// The policy of a chain.
    ChainPolicy,
    /// A daemon is started.
    Daemon,
    /// A daemon writes its entries again.
    Sync,
}

/// One edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Of the manifests.
    Text {
        /// The text.
        before: Rc<str>,
        /// The text with the edit.
        after: Rc<str>,
    },
    /// A command.
    Command {
        /// Where it is typed.
        host: String,
        /// The line.
        line: String,
    },
}

impl Edit {
    /// How much it changes, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Command { line, .. } => line.len(),
            Self::Text { before, after } => {
                let (a, b) = (before.as_bytes(), after.as_bytes());
                let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
                let (a, b) = (&a[head..], &b[head..]);
                let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
                a.len().max(b.len()) - tail
            }
        }
    }
}

/// What might help.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    what: What,
    edits: Vec<Edit>,
}

impl Candidate {
    fn typed(host: &str, what: What, lines: Vec<String>) -> Self {
        let one = |line| Edit::Command { host: host.to_owned(), line };
        Self { what, edits: lines.into_iter().map(one).collect() }
    }

    fn edited(before: &str, after: String, what: What) -> Self {
        Self { what, edits: vec![Edit::Text { before: before.into(), after: after.into() }] }
    }

    fn host(&self) -> Option<&str> {
        self.edits.iter().find_map(|e| match e {
            Edit::Command { host, .. } => Some(host.as_str()),
            Edit::Text { .. } => None,
        })
    }

    fn size(&self) -> usize {
        self.edits.iter().map(Edit::size).sum()
    }
}

/// A repair that was played: after it the client is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What it changes, one for each fault.
    pub what: Vec<What>,
    /// The edits, in order.
    pub edits: Vec<Edit>,
    /// Another way to do the same: by commands instead of the text, or the text instead.
    pub or: Vec<Edit>,
    /// Whether it makes an exception to what is kept out on purpose.
    pub control: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// The repairs, the smallest and closest to the user's own text first.
    pub found: Vec<Repair>,
    /// Count of the candidates that were tried.
    pub tried: usize,
    /// What is not simulated and so stands in the way, if that decided.
    pub unknown: Option<String>,
}

/// The repairs of a step's run; none if the client was answered or the step sent nothing.
pub fn repairs(session: &Session, step: usize) -> Repairs {
    let mut out = Repairs::default();
    let Some(run) = session.results().get(step).and_then(|r| r.run()) else { return out };
    if run.verdict.ending == Ending::Answered {
        return out;
    }
    if let Some(Link { fact: Fact::Unknown { what, .. }, .. }) = run.verdict.cause.deciding() {
        out.unknown = Some(what.clone());
    }
    let Some(base) = Base::of(session, step) else { return out };
    let Some(ready) = base.before(&base.document) else { return out };
    // Later steps may have changed what the run met.
    let Some(now) = base.send(ready.clone(), None) else { return out };
    let mut search = Search { base: &base, ready: &ready, seen: BTreeSet::new(), out };
    search.go(&now, &[], &[], false, WANTED);
    let mut out = search.out;
    out.found.truncate(WANTED);
    out
}

struct Search<'a> {
    base: &'a Base,
    ready: &'a Session,
    /// What decided so far, so that no fault is met twice.
    seen: BTreeSet<String>,
    out: Repairs,
}

/// What decides in a run, in a form that is the same in another session.
fn decides(t: &Trial) -> String {
    t.run.verdict.cause.deciding().map_or_else(
        || format!("{:?}", t.run.verdict.outcome),
        |l| {
            let place = &t.session.last().ns(l.netns).name;
            let fact = format!("{:?}", l.fact);
            format!("{place} {}", fact.split(['{', '(']).next().unwrap_or_default())
        },
    )
}

impl Search<'_> {
    /// Tries the candidates for a run, behind edits that are made already, until `wanted` repairs
    /// are found.
    fn go(&mut self, now: &Trial, made: &[Edit], whats: &[What], control: bool, wanted: usize) {
        self.seen.insert(decides(now));
        let link = now.run.verdict.cause.deciding().cloned();
        let control = control || link.as_ref().is_some_and(|l| l.fact.is_control());
        if self.resync(made, whats) {
            return;
        }
        let mut further: Vec<(Candidate, Trial)> = Vec::new();
        let (mut tried, before) = (0, self.out.found.len());
        for c in self.candidates(now, link.as_ref(), whats.last().copied()) {
            if tried == BUDGET || self.out.found.len() >= before + wanted {
                break;
            }
            tried += 1;
            let edits: Vec<Edit> = made.iter().chain(&c.edits).cloned().collect();
            let Some(t) = self.base.tried(self.ready, &edits, true) else { continue };
            let decides = decides(&t);
            if t.run.verdict.ending == Ending::Answered && is_whole(&t.run) {
                let what = whats.iter().copied().chain([c.what]).collect();
                self.works(Repair { what, edits, or: Vec::new(), control });
            } else if !self.seen.contains(&decides) && !further.iter().any(|f| f.0.what == c.what) {
                further.push((c, t));
            }
        }
        self.out.tried += tried;
        if self.out.found.len() > before || whats.len() + 1 >= FAULTS {
            return;
        }
        // Something else decides now: the next fault. Each kind of edit that led there is followed.
        let seen = self.seen.clone();
        for (c, t) in further.into_iter().take(wanted) {
            let edits: Vec<Edit> = made.iter().chain(&c.edits).cloned().collect();
            let what: Vec<What> = whats.iter().copied().chain([c.what]).collect();
            self.go(&t, &edits, &what, control, 1);
            self.seen.clone_from(&seen);
        }
    }

    /// Keeps a repair that works, beside one that does the same in another way.
    fn works(&mut self, new: Repair) {
        let by_text = |r: &Repair| r.edits.iter().any(|e| matches!(e, Edit::Text { .. }));
        let same = self.out.found.iter_mut().find(|r| r.what == new.what);
        match same {
            Some(r) if r.or.is_empty() && by_text(r) != by_text(&new) => r.or = new.edits,
            Some(r) if r.what.contains(&What::Release) && r.edits.len() == new.edits.len() => {}
            _ => self.out.found.push(new),
        }
    }

    /// Whether a sync of the daemons that run is enough; then it says whose.
    fn resync(&mut self, made: &[Edit], whats: &[What]) -> bool {
        let answered = |t: &Trial| t.run.verdict.ending == Ending::Answered && is_whole(&t.run);
        self.out.tried += 1;
        if !self.base.tried(self.ready, made, true).is_some_and(|t| answered(&t)) {
            return false;
        }
        for node in self.base.nodes() {
            for daemon in self.ready.running().daemons() {
                if !self.ready.runs(node, daemon) {
                    continue;
                }
                let line = format!("systemctl restart {}", daemon.name());
                let c = Candidate::typed(node, What::Sync, vec![line]);
                let edits: Vec<Edit> = made.iter().chain(&c.edits).cloned().collect();
                self.out.tried += 1;
                if self.base.tried(self.ready, &edits, false).is_some_and(|t| answered(&t)) {
                    let what = whats.iter().copied().chain([c.what]).collect();
                    let or = Vec::new();
                    self.out.found.push(Repair { what, edits, or, control: false });
                    return true;
                }
            }
        }
        false
    }

    /// The candidates for a run, the most promising first.
    /// `like`: the kind of the edit before, which comes first.
    fn candidates(&self, now: &Trial, link: Option<&Link>, like: Option<What>) -> Vec<Candidate> {
        let (session, run) = (&now.session, &now.run);
        let mut all: Vec<(u32, Candidate)> = Vec::new();
        let place = link.map(|l| session.last().ns(l.netns).name.to_string());
        for c in daemons(session) {
            all.push((u32::from(c.host() != place.as_deref()), c));
        }
        if let Some(link) = link {
            all.extend(rules::commands(session, run, link).into_iter().map(|c| {
                let rank = match c.what {
                    What::DeleteRule | What::ChainPolicy => 2,
                    What::MoveRule => 1,
                    _ => 0,
                };
                (rank, c)
            }));
        }
        let visited: BTreeSet<&str> = session.events()[run.events.clone()]
            .iter()
            .filter_map(|e| e.netns)
            .map(|n| &*session.last().ns(n).name)
            .collect();
        let few = session.running().nodes.len() <= 8;
        let wanted = |name: &str| few || visited.contains(name);
        for c in drift::commands(session, &wanted) {
            let rank = match c.host() {
                // It may be there on purpose: an exception comes first.
                _ if c.what == What::DeleteRule => 2,
                host if host == place.as_deref() => 0,
                Some(host) if visited.contains(host) => 1,
                _ => 3,
            };
            all.push((rank, c));
        }
        // Edits of a text that later manifests changed would not be what was applied.
        let text = session.document();
        if let Some(probe) = self.base.probe().filter(|_| *session.live.text == *text) {
            let origins: Vec<usize> = run
                .verdict
                .cause
                .links
                .iter()
                .filter_map(|l| l.origin.as_ref())
                .map(|o| o.span.start as usize)
                .collect();
            for c in objects::edits(session, run, probe, text) {
                let near = c.edits.iter().any(|e| is_near(e, &origins));
                all.push((if near { 0 } else { rank_of(link, c.what) }, c));
            }
            all.extend(objects::releases(session, text).into_iter().map(|c| (4, c)));
        }
        all.sort_by_key(|(rank, c)| (like != Some(c.what), *rank, c.size()));
        let mut seen: Vec<Vec<Edit>> = Vec::new();
        all.retain(|(_, c)| {
            let new = !seen.contains(&c.edits);
            seen.push(c.edits.clone());
            new
        });
        all.into_iter().map(|(_, c)| c).collect()
    }
}

/// Whether every request of a run was answered.
fn is_whole(run: &Run) -> bool {
    run.verdict.answered >= run.verdict.requests
}

/// Whether an edit of a text is at one of these bytes.
fn is_near(e: &Edit, origins: &[usize]) -> bool {
    let Edit::Text { before, after } = e else { return false };
    let head = before.bytes().zip(after.bytes()).take_while(|(x, y)| x == y).count();
    origins.iter().any(|o| head.abs_diff(*o) < 48)
}

/// How far a kind of edit is from what decided.
fn rank_of(link: Option<&Link>, what: What) -> u32 {
    use What::{
        Label, Name, NodePort, Policy, Port, Publish, Ranges, Readiness, Replicas, Schedule,
        Selector, Slice, TargetPort,
    };
    let of_service = matches!(
        what,
        Label
            | Name
            | NodePort
            | Policy
            | Port
            | Publish
            | Ranges
            | Readiness
            | Replicas
            | Schedule
            | Selector
            | Slice
            | TargetPort
    );
    let by_service = link.is_some_and(|l| {
        matches!(
            l.fact,
            Fact::NoEndpoints { .. }
                | Fact::NoListener { .. }
                | Fact::NoSuchPort { .. }
                | Fact::LocalOnly { .. }
                | Fact::SourceRanges { .. }
                | Fact::NoSuchNodePort(_)
                | Fact::TranslatedOnce { .. }
                | Fact::NoSuchName { .. }
        )
    });
    match (of_service, by_service) {
        (true, true) => 0,
        (false, false) => 1,
        _ => 2,
    }
}

/// Daemons to start where they do not run.
fn daemons(session: &Session) -> Vec<Candidate> {
    let mut out = Vec::new();
    for node in session.running().nodes.iter().map(|n| n.spec.name.value.as_str()) {
        for daemon in session.running().daemons() {
            if !session.runs(node, daemon) {
                let line = format!("systemctl start {}", daemon.name());
                out.push(Candidate::typed(node, What::Daemon, vec![line]));
            }
        }
    }
    out
}

/// A rule behind the name of its chain, as iptables takes it; empty for one without match and
/// target.
fn specification(chain: &str, rule: &Rule) -> String {
    let text = rule_text(chain, rule);
    text.split_at(chain.len() + "-A ".len()).1.trim_start().to_owned()
}

//! A repair tried: the session is played again with it, every daemon that runs syncs once more, and
//! the client sends as before.

use super::Edit;
use crate::anchor::Anchor;
use crate::session::{Session, Start};
use crate::shell;
use crate::step::{Act, Run, Step};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

/// What is played again: a session up to one of its probes.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) document: Rc<str>,
    seed: u64,
    start: Start,
    /// The steps before the probe's group.
    before: Vec<Step>,
    /// The group, with the place of the probe in it.
    group: Vec<Step>,
    probe: usize,
    /// The nodes that the run visited; their daemons sync.
    nodes: Vec<String>,
}

/// What came of a trial.
pub(super) struct Trial {
    pub(super) session: Session,
    pub(super) run: Run,
}

impl Base {
    /// The probe of a step of a session, with the steps that it needs.
    pub(super) fn of(session: &Session, step: usize) -> Option<Self> {
        let run = session.results().get(step)?.run()?;
        let steps = session.steps();
        let quiet = |i: &usize| steps[*i].anchor == Anchor::Quiet;
        let first = (0..=step).rev().find(quiet).unwrap_or(0);
        let end = (step + 1..steps.len()).find(quiet).unwrap_or(steps.len());
        let seen: BTreeSet<_> =
            session.events()[run.events.clone()].iter().filter_map(|e| e.netns).collect();
        let name = |n: &kube::cluster::Node| n.spec.name.value.clone();
        let nodes = session.running().nodes.iter().map(name);
        let seen: BTreeSet<&str> = seen.iter().map(|n| &*session.last().ns(*n).name).collect();
        let few = session.running().nodes.len() <= 8;
        Some(Self {
            document: session.document().into(),
            seed: session.seed(),
            start: session.start(),
            before: steps[..first].to_vec(),
            group: steps[first..end].to_vec(),
            probe: step - first,
            nodes: nodes.filter(|n| few || seen.contains(n.as_str())).collect(),
        })
    }

    /// The session before the probe, of the document or of an edited one; `None` if that is
    /// refused.
    pub(super) fn before(&self, document: &str) -> Option<Session> {
        let mut s = Session::edited(document, self.seed, self.start, |_| {}).ok()?;
        s.play(&self.before);
        Some(s)
    }

    /// Every daemon that runs syncs once more.
    fn synced(&self, s: &mut Session) {
        for node in &self.nodes {
            for daemon in s.running().daemons() {
                if s.runs(node, daemon) {
                    shell::exec(s, node, &format!("systemctl restart {}", daemon.name()));
                }
            }
        }
    }

    /// The probe's run in a session that has come to it.
    pub(super) fn send(&self, mut session: Session, endpoint: Option<IpAddr>) -> Option<Trial> {
        let at = session.steps().len() + self.probe;
        let mut group = self.group.clone();
        if let (Some(addr), Act::Send(p)) = (endpoint, &mut group[self.probe].act) {
            p.endpoint = Some((addr, None));
        }
        session.play(&group);
        let run = session.results().get(at)?.run()?.clone();
        Some(Trial { session, run })
    }

    /// The probe's run with some edits, after every daemon has synced if `sync`. `ready`: the
    /// session before the probe, if the document is not edited. `None`: an edit is refused.
    pub(super) fn tried(&self, ready: &Session, edits: &[Edit], sync: bool) -> Option<Trial> {
        let text = edits.iter().rev().find_map(|e| match e {
            Edit::Text { after, .. } => Some(after),
            Edit::Command { .. } => None,
        });
        let mut s = match text {
            Some(text) => self.before(text)?,
            None => ready.clone(),
        };
        for e in edits {
            if let Edit::Command { host, line } = e
                && shell::exec(&mut s, host, line).status != 0
            {
                return None;
            }
        }
        if sync {
            self.synced(&mut s);
        }
        self.send(s, None)
    }

    /// The nodes whose daemons sync.
    pub(super) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The probe as it is sent.
    pub(super) fn probe(&self) -> Option<&crate::probe::Probe> {
        match &self.group[self.probe].act {
            Act::Send(p) => Some(p),
            _ => None,
        }
    }
}

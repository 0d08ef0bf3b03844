//! A Service endpoint by endpoint: which of them answer the client, and why the others do not.

use super::trial::Base;
use crate::cause::Cause;
use crate::probe::service_at;
use crate::session::Session;
use crate::verdict::Ending;
use net::State;
use net::socket::{AddrPort, Outcome};
use std::rc::Rc;

/// What came of a connection to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The endpoint.
    pub endpoint: AddrPort,
    /// Whether the client was answered.
    pub answered: bool,
    /// What the client got.
    pub outcome: Option<Outcome>,
    /// Why.
    pub cause: Cause,
    /// The state after it, which has the names of what the cause is about.
    pub state: Rc<State>,
}

/// What comes of a step's probe at each ready endpoint of its Service, in the order of the rules;
/// none if it chose one, or asked for no Service. Each is played.
pub fn endpoints(session: &Session, step: usize) -> Vec<Reached> {
    let found = || {
        let run = session.results().get(step)?.run()?;
        let base = Base::of(session, step)?;
        let probe = base.probe()?;
        let to = run.to.filter(|_| probe.endpoint.is_none())?;
        let protocol = probe.proto.transport()?;
        let before = base.before(&base.document)?;
        let s = service_at(before.running(), to)?;
        let fits = |p: &&kube::cluster::Port| {
            p.protocol == protocol
                && (if s.has_address(to.0) { p.port == to.1 } else { p.node_port == Some(to.1) })
        };
        let ready: Vec<_> = s.ports.iter().find(fits)?.ready().collect();
        if ready.len() < 2 || ready.len() > 64 {
            return None;
        }
        let one = |(addr, port)| {
            let t = base.send(before.clone(), Some(addr))?;
            let v = t.run.verdict;
            Some(Reached {
                endpoint: AddrPort { addr, port },
                answered: v.ending == Ending::Answered,
                outcome: v.outcome,
                cause: v.cause,
                state: Rc::new(t.session.last().clone()),
            })
        };
        Some(ready.into_iter().filter_map(one).collect::<Vec<_>>())
    };
    found().unwrap_or_default()
}

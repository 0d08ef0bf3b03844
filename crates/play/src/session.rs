//! A document being played.

use crate::probe::{Probe, ProbeError, Protocol, check_endpoint, resolve_netns, resolve_target};
use crate::verdict::{Ending, Verdict, advice, verdict};
use kube::{Cluster, Diagnostic};
use net::rng;
use net::socket::{Endpoint, PingSocket};
use net::{Duration, Instant, NetnsId, Spec, State, World};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::rc::Rc;

/// Something done in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A probe was sent.
    Send(Probe),
    /// A command was given on a host.
    Shell {
        /// Where.
        host: String,
        /// What.
        line: String,
    },
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
}

/// A document being played.
#[derive(Clone, Debug)]
pub struct Session {
    document: String,
    seed: u64,
    cluster: Cluster,
    notes: Vec<Diagnostic>,
    initial: State,
    world: World,
    actions: Vec<Action>,
    next_tag: u32,
}

/// No run lasts longer than this much virtual time: TCP gives up before.
const LONGEST_RUN: Duration = Duration::secs(2_000);

impl Session {
    /// Builds the document's cluster. `warm`: every neighbour is known, as after a moment of traffic.
    ///
    /// # Errors
    /// Everything that is wrong with the document, if any of it is an error.
    pub fn new(document: &str, seed: u64, warm: bool) -> Result<Self, Vec<Diagnostic>> {
        Self::edited(document, seed, warm, |_| {})
    }

    /// As [`Session::new`], with a last word on the Linux state that the components made of it.
    ///
    /// # Errors
    /// Everything that is wrong with the document, if any of it is an error.
    pub fn edited(document: &str, seed: u64, warm: bool, edit: impl FnOnce(&mut Spec)) -> Result<Self, Vec<Diagnostic>> {
        let (cluster, notes) = kube::build(document);
        let Some(cluster) = cluster else { return Err(notes) };
        let mut spec = kube::plan::spec(&cluster);
        edit(&mut spec);
        let mut world = World::new(&spec, seed).map_err(|e| {
            let span = kube::Span { line: 1, column: 1, start: 0, end: 0 };
            vec![Diagnostic::error(kube::Code::UnsupportedValue, span, e.to_string(), "change what it names")]
        })?;
        if warm {
            world.warm();
        }
        let initial = world.state().clone();
        Ok(Self { document: document.to_owned(), seed, cluster, notes, initial, world, actions: Vec::new(), next_tag: 1 })
    }

    /// Its document.
    pub fn document(&self) -> &str {
        &self.document
    }
    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// Its cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
    /// Warnings and notes about the document.
    pub fn notes(&self) -> &[Diagnostic] {
        &self.notes
    }
    /// The moment before anything was done.
    pub fn initial(&self) -> &State {
        &self.initial
    }
    /// The world as it is now.
    pub fn world(&self) -> &World {
        &self.world
    }
    /// What was done so far.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
    /// Everything that happened.
    pub fn events(&self) -> &[net::Event] {
        self.world.events()
    }

    /// Sends a probe and plays until nothing is in flight.
    ///
    /// # Errors
    /// A sender or target that is not there, or a port that is missing.
    pub fn send(&mut self, probe: &Probe) -> Result<Run, ProbeError> {
        let tag = self.next_tag;
        let first = self.world.events().len();
        self.world.begin_run();
        let (from, to) = self.begin(probe, tag)?;
        self.next_tag += 1;
        self.actions.push(Action::Send(probe.clone()));
        let deadline = self.world.state().now + LONGEST_RUN;
        self.world.run_until_quiet(deadline);
        self.world.force_endpoint(None);
        let events = first..self.world.events().len();
        let mut verdict = verdict(&self.world.events()[events.clone()], tag);
        if let (Ending::Failed, Some(protocol)) = (&verdict.ending, probe.proto.transport()) {
            let outside = self.cluster.topology.hosts.iter().any(|h| *h.name.value == *self.world.state().ns(from).name);
            verdict.advice = advice(&self.cluster, outside, to, protocol);
        }
        Ok(Run { tag, events, verdict })
    }

    /// Starts a probe. Who sends, and to what.
    fn begin(&mut self, probe: &Probe, tag: u32) -> Result<(NetnsId, (IpAddr, u16)), ProbeError> {
        let from = resolve_netns(&self.cluster, &self.world, &probe.from)?;
        let (addr, port) = resolve_target(&self.cluster, &self.world, &probe.to)?;
        let draw = rng::hash_str(self.seed, &format!("{}>{}#{tag}", probe.from, probe.to));
        let local_port = probe.sport.unwrap_or(32_768 + (draw % 28_232) as u16);
        let world = &mut self.world;
        world.force_endpoint(probe.endpoint);
        if probe.proto == Protocol::Icmp {
            let ping = PingSocket {
                local: Ipv4Addr::UNSPECIFIED.into(),
                remote: addr,
                id: probe.sport.unwrap_or((draw >> 32) as u16),
                left: 0,
                seq: 0,
                sent_at: Instant::default(),
                size: probe.size.unwrap_or(56),
                ttl: probe.ttl.unwrap_or(64),
                df: true,
                tag,
                waiting: false,
                silent: Vec::new(),
            };
            world.ping(from, ping, probe.count);
            return Ok((from, (addr, 0)));
        }
        let Some(port) = port else {
            return Err(ProbeError { message: format!("{} has no port", probe.to), hint: format!("write one behind it: {}:80", probe.to) });
        };
        if let Some((endpoint, wanted)) = probe.endpoint {
            check_endpoint(&self.cluster, (addr, port), (endpoint, wanted))?;
        }
        let world = &mut self.world;
        let source = source_for(world, from, addr);
        let (local, remote) = (Endpoint { addr: source, port: local_port }, Endpoint { addr, port });
        if probe.proto == Protocol::Tcp {
            let host = probe.host.clone().unwrap_or_else(|| remote.to_string());
            world.connect(from, local, remote, curl_request(&host), tag);
        } else {
            let data: Rc<[u8]> = vec![b'q'; usize::from(probe.size.unwrap_or(30))].into();
            world.ask_udp(from, local, remote, data, tag);
        }
        Ok((from, (addr, port)))
    }

    /// Notes that a command was given.
    pub(crate) fn note_command(&mut self, host: &str, line: &str) {
        self.actions.push(Action::Shell { host: host.to_owned(), line: line.to_owned() });
    }
}

/// The source a socket gets; the unspecified address where there is no route, which is then told.
fn source_for(world: &World, from: NetnsId, to: IpAddr) -> IpAddr {
    world.state().ns(from).source_for(to).unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

/// What curl 7.29 sends.
fn curl_request(host: &str) -> Rc<[u8]> {
    format!("GET / HTTP/1.1\r\nUser-Agent: curl/7.29.0\r\nHost: {host}\r\nAccept: */*\r\n\r\n").as_bytes().into()
}

//! A session: a document's cluster in a simulated world, and what has been done in it so far.

use crate::anchor::{Census, EventAnchor, PacketName, Sent};
use crate::cause::{self, Known};
use crate::live::Live;
use crate::probe::{
    LOOKUP_PORTS, MAX_SEGMENT, Probe, ProbeError, Protocol, check_endpoint, resolve_netns,
    service_at,
};
use crate::step::{Act, NotDone, ResultKind, Run, Step, StepResult};
use crate::target::{Target, check_target, resolve_target, resolver_of};
use crate::verdict::{Ending, assumption, verdict};
use kube::fault::Daemon;
use kube::{Cluster, Diagnostic};
use net::dns::{Lookup, Name, RecordType};
use net::engine::{Setting, SpecError};
use net::rng;
use net::socket::{AddrPort, IpOptions, PingSocket, RawSocket, ResolverSocket, TcpApp, UdpSocket};
use net::wire::Ipv4;
use net::{Duration, Instant, NetnsId, PacketId, Spec, State, World};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::rc::Rc;

/// A probe whose sockets are open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    /// The probe's number, which its sockets carry.
    pub(crate) tag: u32,
    /// The client's namespace.
    pub(crate) from: NetnsId,
    /// The client's port, or the identifier of its echo requests.
    pub(crate) key: u16,
    /// The port of the first socket of its lookup; none if it needs no lookup.
    pub(crate) lookup: Option<u16>,
    /// The destination; none until its name is found.
    to: Option<(IpAddr, u16)>,
    /// The port of a destination whose name is looked up.
    port: u16,
    proto: Protocol,
    /// Whether the request would be encrypted.
    tls: bool,
    /// Count of the requests.
    count: u16,
}

/// The neighbour tables at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Only permanent entries, which flanneld adds.
    Cold,
    /// Every neighbour, reachable, as entered by hand (`ip neigh add … nud reachable`).
    Known,
    /// Every neighbour, reachable, as after recent traffic.
    Used,
}

impl Start {
    /// Its name in a Script.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Known => "known",
            Self::Used => "used",
        }
    }

    /// The start of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cold, Self::Known, Self::Used].into_iter().find(|s| s.name() == name)
    }
}

/// A document's cluster in a simulated world, with the steps so far and their results.
#[derive(Clone, Debug)]
pub struct Session {
    document: Rc<str>,
    seed: u64,
    /// Every node, host, pod and Service that ever existed.
    cluster: Rc<Cluster>,
    pub(crate) live: Live,
    notes: Rc<[Diagnostic]>,
    spec: Rc<Spec>,
    initial: Rc<State>,
    world: World,
    start: Start,
    steps: Vec<Step>,
    results: Vec<StepResult>,
    /// The probes that were sent, in order of time.
    pub(crate) sent: Vec<Sent>,
    census: Census,
}

/// How long `ping` waits for the last answer.
pub(crate) const PING_WAIT: Duration = Duration::secs(10);
/// How long a client waits for an answer to its datagram.
pub(crate) const UDP_WAIT: Duration = Duration::secs(5);
/// The longest run, in virtual time. TCP gives up earlier.
pub(crate) const LONGEST_RUN: Duration = Duration::secs(2_000);

/// A world at its beginning.
fn begin(spec: &Spec, seed: u64, start: Start) -> Result<World, SpecError> {
    let mut world = World::new(spec, seed)?;
    if start != Start::Cold {
        world.warm(start == Start::Used);
    }
    Ok(world)
}

impl Session {
    /// Builds the document's cluster. `warm`: [`Start::Used`] instead of [`Start::Cold`].
    ///
    /// # Errors
    /// All diagnostics of the document, if one of them is an error.
    pub fn new(document: &str, seed: u64, warm: bool) -> Result<Self, Vec<Diagnostic>> {
        Self::edited(document, seed, if warm { Start::Used } else { Start::Cold }, |_| {})
    }

    /// As [`Session::new`], but `edit` may change the Linux state that the components set up.
    ///
    /// # Errors
    /// All diagnostics of the document, if one of them is an error.
    pub fn edited(
        document: &str,
        seed: u64,
        start: Start,
        edit: impl FnOnce(&mut Spec),
    ) -> Result<Self, Vec<Diagnostic>> {
        let (cluster, notes) = kube::build(document);
        let Some(cluster) = cluster.map(Rc::new) else { return Err(notes) };
        Self::of(cluster, notes, document, (seed, start), edit)
    }

    /// The session of another text, without its steps; or, if the text describes the same cluster
    /// in other words, this session as it was played.
    ///
    /// # Errors
    /// All diagnostics of the document, if one of them is an error.
    pub fn reworded(
        &self,
        document: &str,
        seed: u64,
        start: Start,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (cluster, notes) = kube::build(document);
        let Some(cluster) = cluster.map(Rc::new) else { return Err(notes) };
        // Later manifests follow from the text.
        let [(_, first)] = &self.live.history[..] else {
            return Self::of(cluster, notes, document, (seed, start), |_| {});
        };
        if (self.seed, self.start) != (seed, start) || *first != cluster {
            return Self::of(cluster, notes, document, (seed, start), |_| {});
        }
        let mut same = self.clone();
        same.document = document.into();
        (same.live.history[0].1, same.live.text) = (cluster.clone(), same.document.clone().into());
        (same.cluster, same.notes) = (cluster, notes.into());
        Ok(same)
    }

    /// A session of a cluster that was built.
    fn of(
        cluster: Rc<Cluster>,
        notes: Vec<Diagnostic>,
        document: &str,
        (seed, start): (u64, Start),
        edit: impl FnOnce(&mut Spec),
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut spec = kube::plan::spec(&cluster);
        edit(&mut spec);
        let world = begin(&spec, seed, start).map_err(|e| {
            let span = kube::Span { line: 1, column: 1, start: 0, end: 0 };
            vec![Diagnostic::error(
                kube::Code::UnsupportedValue,
                span,
                e.to_string(),
                "change what it names",
            )]
        })?;
        let initial = Rc::new(world.state().clone());
        let document: Rc<str> = document.into();
        let live = Live::new(cluster.clone(), document.clone());
        let (notes, spec) = (notes.into(), Rc::new(spec));
        Ok(Self {
            document,
            seed,
            cluster,
            live,
            notes,
            spec,
            initial,
            world,
            start,
            steps: Vec::new(),
            results: Vec::new(),
            sent: Vec::new(),
            census: Census::default(),
        })
    }

    /// A copy of this session without its steps.
    #[must_use]
    pub fn rewound(&self) -> Self {
        let first = self.live.at(0).clone();
        let world = begin(&self.spec, self.seed, self.start).expect("invariant: it began once");
        self.in_world(
            world,
            self.initial.clone(),
            first.clone(),
            Live::new(first, self.document.clone()),
        )
    }

    /// A copy in the state after the first `events` events, without steps: commands print the state
    /// of that moment.
    #[must_use]
    pub fn moment(&self, state: &State, events: usize) -> Self {
        let world = self.world.moment(state.clone());
        let mut live = self.live.clone();
        live.history.retain(|(from, _)| *from == 0 || *from <= events);
        self.in_world(world, Rc::new(state.clone()), self.cluster.clone(), live)
    }

    /// A copy in another world, without steps.
    fn in_world(&self, world: World, initial: Rc<State>, cluster: Rc<Cluster>, live: Live) -> Self {
        Self {
            document: self.document.clone(),
            seed: self.seed,
            cluster,
            live,
            notes: self.notes.clone(),
            spec: self.spec.clone(),
            initial,
            world,
            start: self.start,
            steps: Vec::new(),
            results: Vec::new(),
            sent: Vec::new(),
            census: Census::default(),
        }
    }

    /// The document, without later changes of the cluster.
    pub fn document(&self) -> &str {
        &self.document
    }
    /// The seed of every random choice.
    pub fn seed(&self) -> u64 {
        self.seed
    }
    /// The neighbour tables at the start.
    pub fn start(&self) -> Start {
        self.start
    }
    /// Every node, host and pod that ever existed, with the Services as they are now; for pictures
    /// and names.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
    /// The cluster as the API server knows it now.
    pub fn running(&self) -> &Cluster {
        self.live.cluster()
    }
    /// The cluster as the API server knew it after the first `events` events.
    pub fn running_at(&self, events: usize) -> &Cluster {
        self.live.at(events)
    }
    /// Whether a daemon runs on a node.
    pub fn runs(&self, node: &str, daemon: Daemon) -> bool {
        !self.live.stopped.iter().any(|(n, d)| n == node && *d == daemon)
    }
    /// The state after the last event. It has the names of deleted namespaces and devices too.
    pub fn last(&self) -> &State {
        self.world.state()
    }
    /// Warnings and notes about the document.
    pub fn notes(&self) -> &[Diagnostic] {
        &self.notes
    }
    /// The Linux state that the components set up before the first event.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
    /// The state before the first event.
    pub fn initial(&self) -> &State {
        &self.initial
    }
    /// The simulated world after the last event.
    pub fn world(&self) -> &World {
        &self.world
    }
    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
    /// The result of each step.
    pub fn results(&self) -> &[StepResult] {
        &self.results
    }
    /// The events so far.
    pub fn events(&self) -> &[net::Event] {
        self.world.events()
    }

    /// The anchor of an event, which finds the same event after an edit of the document.
    pub fn name(&self, event: usize) -> Option<EventAnchor> {
        let census = self.whole_census();
        (event < self.events().len()).then(|| census.name(event, self.events(), &self.sent))
    }

    /// The index of the event that an anchor names.
    pub fn find(&self, anchor: &EventAnchor) -> Option<usize> {
        self.whole_census().find(anchor, self.events(), &self.sent)
    }

    /// The name of a packet.
    pub fn packet_name(&self, packet: PacketId) -> Option<PacketName> {
        self.whole_census().packet(packet)
    }

    /// The packet of a name.
    pub fn packet(&self, name: PacketName) -> Option<PacketId> {
        self.whole_census().named(name)
    }

    fn whole_census(&self) -> Census {
        let mut census = self.census.clone();
        census.read(self.events(), &self.sent, self.events().len());
        census
    }

    /// Count of the events so far that an anchor counts.
    pub(crate) fn count(&mut self, anchor: &EventAnchor) -> u32 {
        let events = self.world.events();
        self.census.read(events, &self.sent, events.len());
        let n = (0..events.len()).filter(|i| self.census.counts(anchor, &self.sent, *i, events));
        n.count() as u32
    }

    /// Whether an anchor counts an event.
    pub(crate) fn is_counted(&mut self, anchor: &EventAnchor, event: usize) -> bool {
        let events = self.world.events();
        self.census.read(events, &self.sent, event + 1);
        self.census.counts(anchor, &self.sent, event, events)
    }

    /// Adds steps that are about to be played.
    pub(crate) fn enter(&mut self, steps: &[Step]) {
        let (at, n) = (self.world.now(), self.events().len());
        let kind = ResultKind::NotDone(NotDone::NotReached);
        self.steps.extend_from_slice(steps);
        self.results.resize(self.steps.len(), StepResult { at, events: n..n, kind });
    }

    /// Sets the result of a step.
    pub(crate) fn note(&mut self, step: usize, result: StepResult) {
        self.results[step] = result;
    }

    /// Performs one step of the world that is due at a time. False: nothing is due.
    pub(crate) fn poll(&mut self, at: Instant) -> bool {
        self.world.poll(at).is_some()
    }

    /// Moves virtual time on.
    pub(crate) fn advance(&mut self, to: Instant) {
        self.world.advance(to);
    }

    /// Opens a probe's sockets. Nothing is sent before the world is polled.
    pub(crate) fn start_probe(&mut self, probe: &Probe, tag: u32) -> Result<Begun, ProbeError> {
        self.world.begin_run();
        let from = resolve_netns(self.running(), &self.world, &probe.from)?;
        let target = check_target(self.running(), &self.world, from, probe)?;
        let is_segment = probe.proto == Protocol::Tcp && probe.flags.is_some();
        if let Some(size) = probe.size.filter(|n| is_segment && *n > MAX_SEGMENT) {
            return Err(ProbeError::TooLong(size));
        }
        let likely = match &target {
            Target::Address(addr, port) => Some((*addr, *port)),
            Target::Name { .. } => resolve_target(self.running(), &self.world, &probe.to).ok(),
        };
        let port = target.port().unwrap_or_default();
        if let (Some(endpoint), Some((addr, _))) = (probe.endpoint, likely)
            && probe.proto != Protocol::Icmp
        {
            self.check_endpoint((addr, port), endpoint)?;
        }
        let mut begun = Begun {
            tag,
            from,
            key: local_key(self.seed, probe, tag),
            lookup: None,
            to: None,
            port,
            proto: probe.proto,
            tls: probe.is_tls(),
            count: probe.count.max(1),
        };
        match target {
            Target::Address(addr, _) => self.connect(&mut begun, probe, addr),
            Target::Name { name, absolute, .. } => {
                self.look_up(&mut begun, probe, &name, absolute);
            }
        }
        Ok(begun)
    }

    /// Looks up the name of a probe's destination.
    fn look_up(&mut self, begun: &mut Begun, probe: &Probe, name: &Name, absolute: bool) {
        let Begun { tag, from, .. } = *begun;
        let place = resolver_of(self.running(), &self.world, &probe.from, from);
        let mut conf = kube::dns::resolv_conf(self.running(), &place);
        let mut kinds = vec![RecordType::A, RecordType::AAAA];
        if let Some(query) = &probe.query {
            kinds.clone_from(&query.kinds);
            conf.nameservers = query.server.map_or(conf.nameservers, |s| vec![s]);
            if !query.searches {
                conf.search.clear();
            }
        }
        let lookup = Lookup::new(Rc::new(conf), name, absolute, &kinds);
        let port = lookup_port(self.seed, probe, tag);
        begun.lookup = Some(port);
        let local = AddrPort { addr: Ipv4Addr::UNSPECIFIED.into(), port };
        let ends = probe.query.is_some();
        self.world.look_up(from, ResolverSocket { local, tag, waiting: false, ends, lookup });
    }

    /// The name of a probe's destination was found: the client sends to its first address.
    pub(crate) fn resolved(&mut self, begun: &mut Begun, probe: &Probe, addrs: &[IpAddr]) {
        if let Some(addr) = addrs.iter().find(|a| a.is_ipv4()) {
            self.connect(begun, probe, *addr);
        }
    }

    /// The result of a probe, from a range of events.
    pub(crate) fn judged(&self, begun: &Begun, events: Range<usize>) -> Run {
        let Begun { tag, from, to, proto, count, .. } = *begun;
        let mut verdict = verdict(&self.world.events()[events.clone()], tag, count);
        let answered = verdict.ending == Ending::Answered;
        let census = self.whole_census();
        let known = Known {
            cluster: self.running(),
            text: &self.live.text,
            state: self.world.state(),
            events: self.world.events(),
            range: events.clone(),
            census: &census,
            tag,
            from,
            to,
            protocol: proto.transport(),
            runs: &|node, daemon| self.runs(node, daemon),
            typed: &|event| self.typed(event),
        };
        verdict.cause = cause::find(&known, verdict.outcome.as_ref(), answered);
        if verdict.ending == Ending::Answered {
            let of_run = &self.world.events()[events.clone()];
            let found = assumption(self.running(), self.world.state(), of_run);
            verdict.assumed = found.map(Box::new);
            verdict.without_tls = begun.tls;
        }
        Run { tag, events, verdict, from, to }
    }

    /// The command of the step that caused an event, and its place in the text.
    fn typed(&self, event: usize) -> Option<(String, kube::Span)> {
        let step = self.results.iter().position(|r| r.events.contains(&event))?;
        match &self.steps[step] {
            Step { act: Act::Run { line, .. }, span, .. } => Some((line.clone(), *span)),
            _ => None,
        }
    }

    /// The simulated world, for steps that change it.
    pub(crate) fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Sends a packet unchanged from a host, and runs the world for `watch`.
    ///
    /// # Errors
    /// There is no such host.
    pub fn inject(
        &mut self,
        host: &str,
        packet: Ipv4,
        watch: Duration,
    ) -> Result<Range<usize>, ProbeError> {
        let first = self.world.events().len();
        let netns = resolve_netns(self.running(), &self.world, host)?;
        self.world.begin_run();
        self.world.inject(netns, packet);
        let deadline = self.world.now() + watch;
        self.world.run_until_quiet(deadline);
        self.world.advance(deadline);
        Ok(first..self.world.events().len())
    }

    /// Fixes the random choices of rules from now on: [`net::World::decide`].
    pub(crate) fn decide(&mut self, given: Vec<bool>) {
        self.world.decide(given);
    }

    /// The random choices made since [`Session::decide`].
    pub(crate) fn decided(&mut self) -> Vec<net::engine::RandomMatch> {
        self.world.decided()
    }

    /// Adds the machines of a later cluster to [`Session::cluster`].
    pub(crate) fn joined(&mut self, later: &Cluster) {
        self.cluster = Rc::new(self.cluster.joined(later));
    }

    /// Changes a setting of a namespace.
    pub(crate) fn configure(&mut self, netns: NetnsId, setting: Setting) {
        self.world.configure(netns, setting);
    }

    /// Opens a probe's sockets to an address.
    fn connect(&mut self, begun: &mut Begun, probe: &Probe, addr: IpAddr) {
        let Begun { tag, from, key: local_port, port, .. } = *begun;
        begun.to = Some((addr, port));
        if probe.proto == Protocol::Icmp {
            let world = &mut self.world;
            let ping = PingSocket {
                local: Ipv4Addr::UNSPECIFIED.into(),
                remote: addr,
                id: local_port,
                left: 0,
                seq: probe.seq.wrapping_sub(1),
                sent_at: Instant::default(),
                size: probe.size.unwrap_or(56),
                ttl: probe.ttl.unwrap_or(64),
                pmtudisc: probe.pmtudisc,
                wait: probe.timeout.unwrap_or(PING_WAIT),
                interval: probe.interval,
                tag,
                waiting: false,
                silent: Vec::new(),
            };
            world.ping(from, ping, probe.count);
            begun.to = Some((addr, 0));
            return;
        }
        let world = &mut self.world;
        let source = source_for(world, from, addr);
        world.force_endpoint(local_port, probe.endpoint);
        let (local, remote) =
            (AddrPort { addr: source, port: local_port }, AddrPort { addr, port });
        let ip = IpOptions { ttl: probe.ttl.unwrap_or(64), pmtudisc: probe.pmtudisc };
        if let (Protocol::Tcp, Some(flags)) = (probe.proto, probe.flags) {
            let data: Rc<[u8]> = vec![b'x'; usize::from(probe.size.unwrap_or(0))].into();
            let wait = probe.timeout.unwrap_or(UDP_WAIT);
            let raw = RawSocket { local, remote, tag, waiting: false };
            world.send_raw(from, raw, (flags, data), (ip, wait));
        } else if probe.proto == Protocol::Tcp {
            let request = curl_request(probe, remote);
            let socket = world.connect(
                from,
                (local, remote),
                TcpApp::Client { request, pause: probe.pause, tag },
                ip,
            );
            if let Some(wait) = probe.timeout {
                world.give_up_after(from, socket, wait);
            }
        } else {
            let data: Rc<[u8]> = vec![b'q'; usize::from(probe.size.unwrap_or(30))].into();
            let (left, checksum, wait) =
                (probe.count.max(1) - 1, probe.checksum, probe.timeout.unwrap_or(UDP_WAIT));
            world.ask_udp(
                from,
                UdpSocket { local, remote, tag, waiting: false, data, left, checksum, wait, ip },
            );
        }
    }

    /// Checks that the chosen endpoint is one of the Service now or was one earlier: rules of a
    /// node may still contain it.
    fn check_endpoint(
        &self,
        to: (IpAddr, u16),
        chosen: (IpAddr, Option<u16>),
    ) -> Result<(), ProbeError> {
        let mut wrong = Ok(());
        for (_, cluster) in self.live.history.iter().rev() {
            let known = check_endpoint(cluster, to, chosen);
            if known.is_ok() && (wrong.is_ok() || service_at(cluster, to).is_some()) {
                return Ok(());
            }
            wrong = wrong.and(known);
        }
        wrong
    }
}

/// A probe's source port or identifier; drawn from the seed if the probe has none.
pub(crate) fn local_key(seed: u64, probe: &Probe, tag: u32) -> u16 {
    let draw = rng::hash_str(seed, &format!("{}>{}#{tag}", probe.from, probe.to));
    let drawn = if probe.proto == Protocol::Icmp {
        (draw >> 32) as u16
    } else {
        32_768 + (draw % 28_232) as u16
    };
    probe.sport.unwrap_or(drawn)
}

/// The source address of a socket; unspecified without a route, so that sending fails.
pub(crate) fn source_for(world: &World, from: NetnsId, to: IpAddr) -> IpAddr {
    world.state().ns(from).source_for(to).unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

/// The port of the first socket of a probe's lookup, drawn from the seed.
fn lookup_port(seed: u64, probe: &Probe, tag: u32) -> u16 {
    let draw = rng::hash_str(seed, &format!("{}>{}#{tag} resolver", probe.from, probe.to));
    32_768 + (draw % u64::from(28_232 - LOOKUP_PORTS)) as u16
}

/// The request of curl 7.29 to an address, with a padding header of `size` bytes if that is not 0.
pub(crate) fn curl_request(probe: &Probe, remote: AddrPort) -> Rc<[u8]> {
    let host = probe
        .host
        .clone()
        .unwrap_or_else(|| if probe.by_name { probe.authority() } else { remote.to_string() });
    let more = probe.size.unwrap_or(0);
    let pad =
        if more == 0 { String::new() } else { format!("X-Pad: {}\r\n", "x".repeat(more.into())) };
    let path = probe.path();
    format!(
        "GET {path} HTTP/1.1\r\nUser-Agent: curl/7.29.0\r\nHost: {host}\r\nAccept: */*\r\n{pad}\r\n"
    )
    .as_bytes()
    .into()
}

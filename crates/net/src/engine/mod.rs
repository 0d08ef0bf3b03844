//! The machine: one bounded step at a time.
//!
//! What a kernel does in one go (softirq) is a stack of jobs here, so that every decision is a step
//! of its own; what it leaves for later (a frame on a cable, a timer) waits in an agenda ordered by
//! time, then by when it was put there. That order is fixed, so a run is too.
//!
//! ```text
//! rx ──▶ bridge ──▶ hooks ──▶ ip ──▶ neighbour (arp) ──▶ xmit ──▶ cable │ bridge │ vxlan
//!                     │                                     sockets ◀──┘
//!                 conntrack, nat
//! ```

mod admin;
mod arp;
mod bridge;
mod build;
mod ct;
mod frag;
mod hooks;
mod icmp;
mod ip;
mod netns;
mod packet_op;
mod path;
mod rx;
mod tcp;
mod udp;
mod vxlan;

pub use crate::state::Setting;
pub use build::SpecError;
pub use hooks::explain;
pub use packet_op::PacketOp;

use crate::drop::DropReason;
use crate::event::{Event, EventKind};
use crate::id::{DevId, NetnsId, PacketId};
use crate::netfilter::{Hook, Ruleset};
use crate::rng::{self, Rng};
use crate::skb::{Place, Skb};
use crate::socket::{Socket, SocketId};
use crate::state::{Change, FragmentKey, Netns, State};
use crate::time::{Duration, Instant};
use crate::wire::{Ipv4, Payload};
use hooks::HookJob;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

/// How long a frame is on a cable.
const CABLE_DELAY: Duration = Duration::micros(20);
/// How long a process takes to do something about what it got.
const APP_DELAY: Duration = Duration::micros(500);
/// After so many events of one run it is a loop or a storm, and ends.
const EVENT_BUDGET: usize = 200_000;

/// What is done with a packet once a hook let it through, or next.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// A frame came in by a device.
    Rx(DevId),
    /// A bridge port's frame, before netfilter.
    BridgeRx(DevId),
    /// A bridge port's frame after PREROUTING.
    BridgePrerouted { port: DevId },
    /// A bridge port's frame: where to?
    BridgeFinish { port: DevId },
    /// A bridged frame on its way out of a port, before FORWARD.
    BridgeForward { port: DevId },
    /// After FORWARD.
    BridgeForwarded { port: DevId },
    /// After POSTROUTING.
    BridgePush { port: DevId },
    /// A frame for the bridge's own address.
    BridgeUp,
    /// A frame for the protocols of this namespace.
    Protocols,
    /// An IP packet after PREROUTING.
    Prerouted,
    /// After INPUT.
    LocalIn,
    /// After FORWARD.
    Forwarded,
    /// Made here, before OUTPUT.
    LocalOut,
    /// After OUTPUT.
    Output,
    /// After POSTROUTING.
    Finish,
    /// To the next hop on a device.
    NeighbourOutput { dev: DevId, next_hop: IpAddr },
    /// Out by a device.
    Xmit(DevId),
    /// Into a VXLAN tunnel.
    Vxlan(DevId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Job {
    Packet(PacketId, Stage),
    Hook(PacketId, HookJob),
    App(NetnsId, SocketId),
    Retransmit {
        netns: NetnsId,
        socket: SocketId,
        timer: u32,
    },
    Neighbour {
        netns: NetnsId,
        dev: DevId,
        addr: IpAddr,
    },
    Fragments(NetnsId, FragmentKey),
    Exception(NetnsId, IpAddr),
    /// A client waited as long as it wanted to.
    Deadline(NetnsId, SocketId),
}

/// An endpoint that a choice falls on: its address, and its port if it matters.
pub type Forced = (IpAddr, Option<u16>);

/// A random choice of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// How likely it matches, of 2^31.
    pub probability: u32,
    /// Whether it did.
    pub taken: bool,
}

impl Choice {
    /// Whether there was nothing to choose.
    pub const fn certain(self) -> bool {
        self.probability == 0 || self.probability >= 1 << 31
    }
}

/// Choices that are given beforehand.
#[derive(Clone, Debug, Default)]
struct Choices {
    given: Vec<bool>,
    made: Vec<Choice>,
}

impl Choices {
    /// Whether the next rule matches.
    fn next(&mut self, probability: u32) -> bool {
        let choice = Choice { probability, taken: true };
        let wanted = self.given.get(self.made.len()).copied().unwrap_or(true);
        let taken = if choice.certain() { probability > 0 } else { wanted };
        self.made.push(Choice { taken, ..choice });
        taken
    }
}

/// A world: network namespaces, cables, packets, and what will happen next.
#[derive(Clone, Debug)]
pub struct World {
    state: State,
    /// The time; the state's follows with the next event.
    now: Instant,
    events: Vec<Event>,
    changes: Vec<Change>,
    stack: Vec<Job>,
    agenda: BTreeMap<(Instant, u64), Job>,
    background: BTreeMap<(Instant, u64), Job>,
    order: u64,
    next_packet: u32,
    next_ct: u32,
    next_socket: u32,
    next_ip_id: u64,
    seed: u64,
    rng: Rng,
    /// By the source port of who sends, which masquerading keeps.
    forced: BTreeMap<u16, Forced>,
    choices: Option<Choices>,
    budget_from: usize,
    over_budget: bool,
}

impl World {
    /// The present moment.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// This world at another of its moments, to look at: nothing is under way in it, and nothing
    /// has happened.
    pub fn moment(&self, state: State) -> Self {
        Self {
            now: state.now,
            state,
            events: Vec::new(),
            changes: Vec::new(),
            stack: Vec::new(),
            agenda: BTreeMap::new(),
            background: BTreeMap::new(),
            rng: self.rng.clone(),
            choices: None,
            forced: BTreeMap::new(),
            ..*self
        }
    }

    /// Goes on until so many events have happened, until nothing is under way, or until `deadline`.
    /// A step is never cut: there may be a few events more.
    pub fn run_to(&mut self, events: usize, deadline: Instant) {
        let mut at = self.now;
        while self.events.len() < events {
            if self.poll(at).is_none() {
                match self.poll_timeout() {
                    Some(next) if next <= deadline => at = next,
                    _ => break,
                }
            }
        }
    }

    /// The time; the present moment may be a little older.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Everything that happened so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The seed it was made with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// From now on every random choice about packets with this source port falls on this endpoint,
    /// where it can; on none: chance decides.
    pub fn force_endpoint(&mut self, sport: u16, endpoint: Option<Forced>) {
        match endpoint {
            Some(e) => _ = self.forced.insert(sport, e),
            None => _ = self.forced.remove(&sport),
        }
    }

    /// From now on the random choices of rules are these, in order; those after are taken. Until
    /// [`World::decided`].
    pub fn decide(&mut self, given: Vec<bool>) {
        self.choices = Some(Choices { given, made: Vec::new() });
    }

    /// The choices since [`World::decide`]; chance decides again.
    pub fn decided(&mut self) -> Vec<Choice> {
        self.choices.take().map_or_else(Vec::new, |c| c.made)
    }

    /// A new run begins: it has the whole budget of events.
    pub fn begin_run(&mut self) {
        (self.budget_from, self.over_budget) = (self.events.len(), false);
    }

    /// Does one step of what is due at `now`, and gives the first event of it. `None`: nothing is
    /// due any more.
    pub fn poll(&mut self, now: Instant) -> Option<&Event> {
        let seen = self.events.len();
        while self.events.len() == seen {
            let job = match self.stack.pop() {
                Some(job) => job,
                None => match self.next_due(now) {
                    Some(job) => job,
                    // What changed without an event of its own belongs to the time that passed.
                    None if !self.changes.is_empty() => {
                        self.emit(NetnsId(0), None, EventKind::TimePassed);
                        break;
                    }
                    None => return None,
                },
            };
            self.run(job);
            if self.events.len() - self.budget_from >= EVENT_BUDGET && !self.over_budget {
                self.end_by_budget();
            }
        }
        self.events.get(seen)
    }

    /// When something next happens to a packet or a waiting process by itself. Timers that only
    /// age tables do not count.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.stack.is_empty() {
            self.agenda.first_key_value().map(|((at, _), _)| *at)
        } else {
            Some(self.now)
        }
    }

    /// Goes on until no packet is in flight and no process waits, or until `deadline`.
    pub fn run_until_quiet(&mut self, deadline: Instant) {
        while let Some(at) = self.poll_timeout() {
            if at > deadline {
                break;
            }
            while self.poll(at).is_some() {}
        }
    }

    /// Lets time go on to `to`; what is due until then happens.
    pub fn advance(&mut self, to: Instant) {
        while self.poll(to).is_some() {}
        self.set_clock(to);
        self.emit(NetnsId(0), None, EventKind::TimePassed);
    }

    fn next_due(&mut self, now: Instant) -> Option<Job> {
        let first = |m: &BTreeMap<(Instant, u64), Job>| m.first_key_value().map(|(k, _)| *k);
        let key = match (first(&self.agenda), first(&self.background)) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        if key.0 > now {
            return None;
        }
        let job = self.agenda.remove(&key).or_else(|| self.background.remove(&key))?;
        self.set_clock(key.0);
        Some(job)
    }

    fn set_clock(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Packet(pkt, next) => self.run_packet(pkt, next),
            Job::Hook(pkt, hook) => self.run_hook(pkt, hook),
            Job::App(netns, socket) => self.run_app(netns, socket),
            Job::Retransmit { netns, socket, timer } => self.retransmit(netns, socket, timer),
            Job::Neighbour { netns, dev, addr } => self.neighbour_timer(netns, dev, addr),
            Job::Fragments(netns, key) => self.give_up_fragments(netns, key),
            Job::Exception(netns, dst) => self.exception_timer(netns, dst),
            Job::Deadline(netns, socket) => self.deadline(netns, socket),
        }
    }

    fn run_packet(&mut self, pkt: PacketId, next: Stage) {
        if !self.state.packets.contains_key(&pkt) {
            return;
        }
        match next {
            Stage::Rx(dev) => self.rx(pkt, dev),
            Stage::BridgeRx(dev) => self.bridge_rx(pkt, dev),
            Stage::BridgePrerouted { port } => self.bridge_prerouted(pkt, port),
            Stage::BridgeFinish { port } => self.bridge_finish(pkt, Some(port)),
            Stage::BridgeForward { port } => self.bridge_forward(pkt, port),
            Stage::BridgeForwarded { port } => self.bridge_forwarded(pkt, port),
            Stage::BridgePush { port } => self.bridge_push(pkt, port),
            Stage::BridgeUp => self.bridge_up(pkt),
            Stage::Protocols => self.protocols(pkt),
            Stage::Prerouted => self.route_input(pkt),
            Stage::LocalIn => self.local_in(pkt),
            Stage::Forwarded => self.forwarded(pkt),
            Stage::LocalOut => self.local_out(pkt),
            Stage::Output => self.output(pkt),
            Stage::Finish => self.finish_output(pkt),
            Stage::NeighbourOutput { dev, next_hop } => self.neighbour_output(pkt, dev, next_hop),
            Stage::Xmit(dev) => self.xmit(pkt, dev),
            Stage::Vxlan(dev) => self.vxlan_xmit(pkt, dev),
        }
    }

    fn end_by_budget(&mut self) {
        self.over_budget = true;
        self.stack.clear();
        self.agenda.clear();
        self.give_up_neighbours();
        self.forget_fragments();
        let left: Vec<_> = self.state.packets.keys().copied().collect();
        for pkt in left {
            self.drop_packet(pkt, DropReason::Budget, None);
        }
    }

    // ---- the small tools every part uses -------------------------------------------------

    fn change(&mut self, change: Change) {
        self.state.apply(&change);
        self.changes.push(change);
    }

    fn emit(&mut self, netns: NetnsId, packet: Option<PacketId>, kind: EventKind) {
        if self.now > self.state.now {
            self.change(Change::Clock { before: self.state.now, after: self.now });
        }
        let changes = std::mem::take(&mut self.changes);
        self.events.push(Event { at: self.now, netns, packet, kind, changes });
    }

    fn emit_for(&mut self, pkt: PacketId, kind: EventKind) {
        let netns = self.skb(pkt).netns;
        self.emit(netns, Some(pkt), kind);
    }

    fn then(&mut self, pkt: PacketId, next: Stage) {
        self.stack.push(Job::Packet(pkt, next));
    }

    fn later(&mut self, delay: Duration, job: Job) {
        self.order += 1;
        self.agenda.insert((self.now + delay, self.order), job);
    }

    fn in_background(&mut self, delay: Duration, job: Job) {
        self.order += 1;
        self.background.insert((self.now + delay, self.order), job);
    }

    fn skb(&self, pkt: PacketId) -> Rc<Skb> {
        self.state.packets.get(&pkt).expect("invariant: a packet with a job is in flight").clone()
    }

    fn ns(&self, netns: NetnsId) -> &Netns {
        self.state.ns(netns)
    }

    fn rules(&self, netns: NetnsId) -> Rc<Ruleset> {
        self.ns(netns).rules.clone()
    }

    /// Whether netfilter is in use in a namespace: without a rule the kernel registers no hook.
    fn filters(&self, netns: NetnsId) -> bool {
        self.ns(netns).rules.tables_in_use().next().is_some()
    }

    fn update(&mut self, pkt: PacketId, f: impl FnOnce(&mut Skb)) {
        let before = self.skb(pkt);
        let mut after = Skb::clone(&before);
        f(&mut after);
        if after != *before {
            self.change(Change::Packet {
                id: pkt,
                before: Some(before),
                after: Some(Rc::new(after)),
            });
        }
    }

    fn new_packet(&mut self, skb: Skb) -> PacketId {
        let id = PacketId(self.next_packet);
        self.next_packet += 1;
        self.change(Change::Packet { id, before: None, after: Some(Rc::new(skb)) });
        id
    }

    /// Takes a packet out of the world.
    fn free(&mut self, pkt: PacketId) {
        let skb = self.skb(pkt);
        let ct = skb.ct;
        self.change(Change::Packet { id: pkt, before: Some(skb.clone()), after: None });
        if let Some((id, _)) = ct {
            self.forget_if_unused(skb.netns, id);
        }
    }

    fn drop_packet(&mut self, pkt: PacketId, reason: DropReason, hook: Option<Hook>) {
        let netns = self.skb(pkt).netns;
        self.free(pkt);
        self.emit(netns, Some(pkt), EventKind::Dropped { reason, hook });
    }

    fn socket(&self, netns: NetnsId, id: SocketId) -> Option<Rc<Socket>> {
        self.ns(netns).sockets.get(&id).cloned()
    }

    fn set_socket(&mut self, netns: NetnsId, id: SocketId, to: Socket) {
        let before = self.socket(netns, id);
        if before.as_deref() != Some(&to) {
            self.change(Change::Socket { netns, id, before, after: Some(Rc::new(to)) });
        }
    }

    fn open_socket(&mut self, netns: NetnsId, socket: Socket) -> SocketId {
        let id = self.next_socket;
        self.next_socket += 1;
        self.change(Change::Socket { netns, id, before: None, after: Some(Rc::new(socket)) });
        id
    }

    /// Identification for a packet that may be fragmented, or not: the same every run.
    fn ip_id(&mut self) -> u16 {
        self.next_ip_id += 1;
        rng::hash(self.seed, &[self.next_ip_id]) as u16
    }

    /// Sends a packet as it is, as a raw socket does (`IP_HDRINCL`).
    pub fn inject(&mut self, netns: NetnsId, packet: Ipv4) -> PacketId {
        self.send(netns, packet, |_| {})
    }

    /// A packet made here: into OUTPUT once its event is out.
    fn send(&mut self, netns: NetnsId, packet: Ipv4, with: impl FnOnce(&mut Skb)) -> PacketId {
        let mut skb = Skb::new(netns, Payload::Ipv4(packet));
        with(&mut skb);
        let shown = Rc::new(skb.ip().expect("invariant: made of IPv4").clone());
        skb.place = Place::Socket;
        let pkt = self.new_packet(skb);
        self.emit(netns, Some(pkt), EventKind::PacketMade { packet: shown });
        self.then(pkt, Stage::LocalOut);
        pkt
    }
}

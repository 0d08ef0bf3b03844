//! The engine: what the kernels of a world do, one bounded step at a time.
//!
//! What a kernel does in one go (softirq) is a stack of jobs, so that every decision is a step of
//! its own. What happens later (a frame on a cable, a timer) waits in an agenda, ordered by time
//! and then by when it was entered. That makes every run deterministic.
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
mod dns;
mod frag;
mod hooks;
mod icmp;
mod ip;
mod netns;
mod packet_op;
mod path;
mod raw;
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

/// Time that a frame takes to cross a cable; the model's own.
const CABLE_DELAY: Duration = Duration::micros(20);
/// Time that a process takes to react; the model's own.
const APP_DELAY: Duration = Duration::micros(500);
/// Events of one run before it is taken for a loop or a storm and ended.
const EVENT_BUDGET: usize = 200_000;

/// The next function that a packet is passed to; after a hook, the hook's `okfn`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Received by a device (`__netif_receive_skb_core`).
    Rx(DevId),
    /// Received by a bridge port, before netfilter (`br_handle_frame`).
    BridgeRx(DevId),
    /// Received by a bridge port, after PREROUTING (`br_nf_pre_routing_finish`).
    BridgePrerouted { port: DevId },
    /// Looked up in the bridge's FDB (`br_handle_frame_finish`).
    BridgeFinish { port: DevId },
    /// To leave by a bridge port, before FORWARD (`__br_forward`).
    BridgeForward { port: DevId },
    /// To leave by a bridge port, after FORWARD (`br_forward_finish`).
    BridgeForwarded { port: DevId },
    /// To leave by a bridge port, after POSTROUTING (`br_dev_queue_push_xmit`).
    BridgePush { port: DevId },
    /// For the bridge's own MAC (`br_pass_frame_up`).
    BridgeUp,
    /// To ARP or IPv4 of this namespace.
    Protocols,
    /// IPv4 received, after PREROUTING (`ip_rcv_finish`).
    Prerouted,
    /// For a local address, after INPUT (`ip_local_deliver_finish`).
    LocalIn,
    /// To be forwarded, after FORWARD (`ip_forward_finish`).
    Forwarded,
    /// Sent by this namespace, before OUTPUT (`__ip_local_out`).
    LocalOut,
    /// Sent by this namespace, after OUTPUT (`ip_output`).
    Output,
    /// To leave, after POSTROUTING (`ip_finish_output`).
    Finish,
    /// To the next hop (`neigh_output`).
    NeighbourOutput { dev: DevId, next_hop: IpAddr },
    /// To the driver of this device (`dev_hard_start_xmit`).
    Xmit(DevId),
    /// To a VXLAN device (`vxlan_xmit`).
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
    /// The client stops waiting for an answer.
    Deadline(NetnsId, SocketId),
}

/// The endpoint that random choices are forced to: its address, and its port if that matters.
pub type Forced = (IpAddr, Option<u16>);

/// A random choice that a `statistic` rule made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomMatch {
    /// The rule's probability, in parts of 2^31.
    pub probability: u32,
    /// The rule matched the packet.
    pub taken: bool,
}

impl RandomMatch {
    /// Whether the outcome was certain: probability 0 or 1.
    pub const fn certain(self) -> bool {
        self.probability == 0 || self.probability >= 1 << 31
    }
}

/// Choices given in advance, and those made so far.
#[derive(Clone, Debug, Default)]
struct Choices {
    given: Vec<bool>,
    made: Vec<RandomMatch>,
}

impl Choices {
    /// Whether the next rule matches; choices beyond those given are taken.
    fn next(&mut self, probability: u32) -> bool {
        let choice = RandomMatch { probability, taken: true };
        let wanted = self.given.get(self.made.len()).copied().unwrap_or(true);
        let taken = if choice.certain() { probability > 0 } else { wanted };
        self.made.push(RandomMatch { taken, ..choice });
        taken
    }
}

/// Network namespaces, cables, packets, and what is going to happen to them.
#[derive(Clone, Debug)]
pub struct World {
    state: State,
    /// The clock. That of `state` follows with the next event.
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
    /// Forced endpoints, by the client's source port, which masquerading tries to keep.
    forced: BTreeMap<u16, Forced>,
    choices: Option<Choices>,
    budget_from: usize,
    over_budget: bool,
}

impl World {
    /// The state after the last event.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// This world in another of its states, to look things up in: without packets under way and
    /// without events.
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

    /// Runs until `events` are recorded, the world is idle, or `deadline` passes. A step is never
    /// cut, so that there may be a few events more.
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

    /// The clock; [`World::state`] may be of a little earlier.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Every event since the world began, oldest first; the index is the event's number.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The seed it was built with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Forces the random choices about packets with this source port to lead to `endpoint` where
    /// they can; `None` leaves them to chance again.
    pub fn force_endpoint(&mut self, sport: u16, endpoint: Option<Forced>) {
        match endpoint {
            Some(e) => _ = self.forced.insert(sport, e),
            None => _ = self.forced.remove(&sport),
        }
    }

    /// Makes the random choices of rules these, in order, until [`World::decided`]; further ones
    /// are taken.
    pub fn decide(&mut self, given: Vec<bool>) {
        self.choices = Some(Choices { given, made: Vec::new() });
    }

    /// The choices made since [`World::decide`]. Chance decides again.
    pub fn decided(&mut self) -> Vec<RandomMatch> {
        self.choices.take().map_or_else(Vec::new, |c| c.made)
    }

    /// Begins a run, which has a full budget of events.
    pub fn begin_run(&mut self) {
        (self.budget_from, self.over_budget) = (self.events.len(), false);
    }

    /// Does one step that is due at `now`, and returns its first event. `None`: nothing is due.
    pub fn poll(&mut self, now: Instant) -> Option<&Event> {
        let seen = self.events.len();
        while self.events.len() == seen {
            let job = match self.stack.pop() {
                Some(job) => job,
                None => match self.next_due(now) {
                    Some(job) => job,
                    // Changes without an event of their own.
                    None if !self.changes.is_empty() => {
                        self.emit(None, None, EventKind::TimePassed);
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

    /// When something happens next to a packet or a waiting process. Timers that only age tables do
    /// not count.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.stack.is_empty() {
            self.agenda.first_key_value().map(|((at, _), _)| *at)
        } else {
            Some(self.now)
        }
    }

    /// Runs until no packet is in flight and no process waits, or until `deadline`.
    pub fn run_until_quiet(&mut self, deadline: Instant) {
        while let Some(at) = self.poll_timeout() {
            if at > deadline {
                break;
            }
            while self.poll(at).is_some() {}
        }
    }

    /// Advances the clock to `to`; everything due before happens.
    pub fn advance(&mut self, to: Instant) {
        while self.poll(to).is_some() {}
        self.set_clock(to);
        self.emit(None, None, EventKind::TimePassed);
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

    fn change(&mut self, change: Change) {
        self.state.apply(&change);
        self.changes.push(change);
    }

    fn emit(
        &mut self,
        netns: impl Into<Option<NetnsId>>,
        packet: Option<PacketId>,
        kind: EventKind,
    ) {
        if self.now > self.state.now {
            self.change(Change::Clock { before: self.state.now, after: self.now });
        }
        let changes = std::mem::take(&mut self.changes);
        self.events.push(Event { at: self.now, netns: netns.into(), packet, kind, changes });
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

    fn rules(&self, netns: NetnsId) -> Ruleset {
        self.ns(netns).rules.clone()
    }

    /// Whether a namespace uses netfilter: the kernel registers hooks with the first rule.
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

    /// Frees a packet, and its connection if that is unconfirmed and has no other packet.
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

    /// An identification for the next packet; the same in every run with this seed.
    fn ip_id(&mut self) -> u16 {
        self.next_ip_id += 1;
        rng::hash(self.seed, &[self.next_ip_id]) as u16
    }

    /// Sends a packet as a raw socket with `IP_HDRINCL` does.
    pub fn inject(&mut self, netns: NetnsId, packet: Ipv4) -> PacketId {
        self.send(netns, packet, |_| {})
    }

    /// Sends a packet built here: after its event it enters OUTPUT.
    fn send(&mut self, netns: NetnsId, packet: Ipv4, with: impl FnOnce(&mut Skb)) -> PacketId {
        self.send_from(netns, packet, Stage::LocalOut, with)
    }

    /// Makes a packet that enters the stack at a stage.
    fn send_from(
        &mut self,
        netns: NetnsId,
        packet: Ipv4,
        stage: Stage,
        with: impl FnOnce(&mut Skb),
    ) -> PacketId {
        let mut skb = Skb::new(netns, Payload::Ipv4(packet));
        with(&mut skb);
        let shown = Rc::new(skb.ip().expect("invariant: made of IPv4").clone());
        skb.place = Place::Socket;
        let pkt = self.new_packet(skb);
        self.emit(netns, Some(pkt), EventKind::PacketMade { packet: shown });
        self.then(pkt, stage);
        pkt
    }
}

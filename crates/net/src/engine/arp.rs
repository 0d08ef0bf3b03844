//! Neighbours and ARP (`net/core/neighbour.c`, `net/ipv4/arp.c`).

use super::{Job, Stage, World};
use crate::drop::DropReason;
use crate::event::EventKind;
use crate::id::{DevId, NetnsId, PacketId};
use crate::neigh::{MAX_PROBES, Neighbour, NudState, QUEUE_LEN};
use crate::skb::{PktType, Skb};
use crate::socket::{Listener, ServerApp};
use crate::state::{Change, DeviceKind, Netns};
use crate::time::Duration;
use crate::wire::{Arp, ArpOp, Ethernet, Icmp, Mac, Payload, Unreachable};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

/// Time between two requests (`net.ipv4.neigh.*.retrans_time_ms`).
const RETRANS: Duration = Duration::secs(1);
/// Time from the use of a STALE entry to its verification
/// (`net.ipv4.neigh.*.delay_first_probe_time`).
const DELAY_FIRST_PROBE: Duration = Duration::secs(5);

impl World {
    fn neighbour(&self, netns: NetnsId, dev: DevId, addr: IpAddr) -> Option<Neighbour> {
        self.ns(netns).neighbours.get(&(dev, addr)).cloned()
    }

    fn set_neighbour(&mut self, netns: NetnsId, dev: DevId, addr: IpAddr, to: Option<Neighbour>) {
        let before = self.neighbour(netns, dev, addr);
        if before != to {
            self.change(Change::Neighbour {
                netns,
                dev,
                addr,
                before: before.map(Box::new),
                after: to.map(Box::new),
            });
        }
    }

    /// Sends a packet to the next hop (`neigh_output`): at once if the MAC is known, else the
    /// packet is queued and ARP asks.
    pub(super) fn neighbour_output(&mut self, pkt: PacketId, dev: DevId, next_hop: IpAddr) {
        let skb = self.skb(pkt);
        let netns = skb.netns;
        let known = self.neighbour(netns, dev, next_hop);
        match known {
            Some(mut n) if n.state.is_valid() => {
                let lladdr = n.lladdr.unwrap_or_default();
                if n.state == NudState::Stale {
                    n.state = NudState::Delay;
                    self.in_background(
                        DELAY_FIRST_PROBE,
                        Job::Neighbour { netns, dev, addr: next_hop },
                    );
                }
                n.cached = true;
                let state = n.state;
                self.set_neighbour(netns, dev, next_hop, Some(n));
                let src = self.ns(netns).dev(dev).mac;
                self.update(pkt, |s| s.frame.eth = Ethernet { dst: lladdr, src });
                self.emit_for(pkt, EventKind::NeighbourUsed { dev, addr: next_hop, lladdr, state });
                self.then(pkt, Stage::Xmit(dev));
            }
            Some(mut n) if n.state == NudState::Incomplete => {
                // The oldest goes when the queue is full.
                let oldest = (n.queue.len() >= QUEUE_LEN).then(|| n.queue.remove(0));
                n.queue.push(pkt);
                self.set_neighbour(netns, dev, next_hop, Some(n));
                self.emit_for(pkt, EventKind::NeighbourAwaited { dev, addr: next_hop });
                if let Some(oldest) = oldest {
                    self.drop_packet(oldest, DropReason::NeighQueueFull, None);
                }
            }
            _ => {
                let n = Neighbour {
                    lladdr: None,
                    state: NudState::Incomplete,
                    cached: false,
                    probes: 1,
                    queue: vec![pkt],
                };
                self.set_neighbour(netns, dev, next_hop, Some(n));
                self.emit_for(pkt, EventKind::NeighbourAwaited { dev, addr: next_hop });
                self.later(RETRANS, Job::Neighbour { netns, dev, addr: next_hop });
                self.arp_solicit(netns, dev, next_hop, None, Some(&skb), Some(pkt));
            }
        }
    }

    /// Starts to resolve a neighbour without a packet (`neigh_event_send`).
    pub(super) fn ask_neighbour(&mut self, netns: NetnsId, dev: DevId, addr: IpAddr) {
        let n = Neighbour {
            lladdr: None,
            state: NudState::Incomplete,
            cached: false,
            probes: 1,
            queue: Vec::new(),
        };
        self.set_neighbour(netns, dev, addr, Some(n));
        self.later(RETRANS, Job::Neighbour { netns, dev, addr });
        self.arp_solicit(netns, dev, addr, None, None, None);
    }

    /// Sends an ARP request (`arp_solicit`). Its sender address is the source of the waiting packet
    /// if that is local, else the device's address.
    fn arp_solicit(
        &mut self,
        netns: NetnsId,
        dev: DevId,
        addr: IpAddr,
        to: Option<Mac>,
        about: Option<&Skb>,
        parent: Option<PacketId>,
    ) {
        let ns = self.ns(netns);
        let own =
            about.and_then(|s| s.ip()).map(|p| IpAddr::from(p.src)).filter(|a| ns.is_local(*a));
        let (Some(IpAddr::V4(spa)), IpAddr::V4(tpa)) =
            (own.or_else(|| ns.select_addr(dev, addr)), addr)
        else {
            return;
        };
        let sha = ns.dev(dev).mac;
        let arp = Arp { op: ArpOp::Request, sha, spa, tha: Mac::ZERO, tpa };
        self.send_arp(netns, dev, to.unwrap_or(Mac::BROADCAST), arp, parent);
    }

    fn send_arp(
        &mut self,
        netns: NetnsId,
        dev: DevId,
        dst: Mac,
        arp: Arp,
        parent: Option<PacketId>,
    ) {
        let src = arp.sha;
        let mut skb = Skb::new(netns, Payload::Arp(arp));
        skb.frame.eth = Ethernet { dst, src };
        skb.parent = parent;
        let pkt = self.new_packet(skb);
        self.then(pkt, Stage::Xmit(dev));
    }

    /// Processes an ARP message (`arp_process`).
    pub(super) fn arp_rcv(&mut self, pkt: PacketId, skb: &Skb, arp: &Arp) {
        let (netns, Some(dev)) = (skb.netns, skb.dev) else { return };
        if skb.pkt_type == PktType::OtherHost {
            return self.drop_packet(pkt, DropReason::OtherHost, None);
        }
        let ns = self.ns(netns);
        let parent = skb.parent;
        if arp.op == ArpOp::Request && ns.is_local(arp.tpa.into()) {
            self.learn(netns, pkt, dev, arp, NudState::Stale, true);
            let sha = self.ns(netns).dev(dev).mac;
            let reply = Arp { op: ArpOp::Reply, sha, spa: arp.tpa, tha: arp.sha, tpa: arp.spa };
            self.free(pkt);
            self.emit(
                netns,
                Some(pkt),
                EventKind::Delivered { socket: None, local: endpoint(arp.tpa) },
            );
            return self.send_arp(netns, dev, arp.sha, reply, parent);
        }
        let state = if arp.op == ArpOp::Reply && skb.pkt_type == PktType::Host {
            NudState::Reachable
        } else {
            NudState::Stale
        };
        let known = ns.neighbours.contains_key(&(dev, arp.spa.into()));
        if known {
            self.learn(netns, pkt, dev, arp, state, false);
        }
        self.free(pkt);
        self.emit(
            netns,
            Some(pkt),
            EventKind::Delivered { socket: None, local: endpoint(arp.tpa) },
        );
        if arp.op == ArpOp::Request && self.is_announced(netns, dev, arp.tpa) {
            let sha = self.ns(netns).dev(dev).mac;
            let reply = Arp { op: ArpOp::Reply, sha, spa: arp.tpa, tha: arp.sha, tpa: arp.spa };
            self.send_arp(netns, dev, arp.sha, reply, parent);
        }
    }

    /// Whether a process answers the requests for an address that come in by a device.
    fn is_announced(&self, netns: NetnsId, dev: DevId, addr: Ipv4Addr) -> bool {
        let ns = self.ns(netns);
        let is_asked = |l: &Listener| l.app == ServerApp::Arp && l.addr == Some(IpAddr::from(addr));
        is_nic(&ns.dev(dev).kind) && ns.services.iter().any(is_asked)
    }

    /// Sends gratuitous ARP by every NIC that is up, as a process does that begins to answer for an
    /// address: a request and a reply, both broadcast (RFC 5227 section 3).
    pub fn announce(&mut self, netns: NetnsId, addr: Ipv4Addr) {
        let ns = self.ns(netns);
        let nics = (0..).map(DevId).zip(&ns.devices).filter(|(_, d)| d.up && is_nic(&d.kind));
        let nics: Vec<(DevId, Mac)> = nics.map(|(id, d)| (id, d.mac)).collect();
        for (dev, sha) in nics.into_iter().rev() {
            // What is sent last leaves first.
            for op in [ArpOp::Reply, ArpOp::Request] {
                let arp = Arp { op, sha, spa: addr, tha: Mac::BROADCAST, tpa: addr };
                self.send_arp(netns, dev, Mac::BROADCAST, arp, None);
            }
        }
    }

    /// Enters a MAC into the table and sends the packets that waited for it (`neigh_update`).
    fn learn(
        &mut self,
        netns: NetnsId,
        pkt: PacketId,
        dev: DevId,
        arp: &Arp,
        state: NudState,
        create: bool,
    ) {
        let addr = IpAddr::from(arp.spa);
        let old = self.neighbour(netns, dev, addr);
        if old.is_none() && !create || old.as_ref().is_some_and(|n| n.state == NudState::Permanent)
        {
            return;
        }
        let mut n = old.unwrap_or_else(|| Neighbour::known(arp.sha, NudState::Stale));
        let same = n.lladdr == Some(arp.sha);
        // An unconfirmed repeat of what is known changes nothing.
        n.state =
            if same && state == NudState::Stale && n.state.is_valid() { n.state } else { state };
        n.lladdr = Some(arp.sha);
        n.probes = 0;
        let queue = std::mem::take(&mut n.queue);
        let learned = n.state;
        if self.neighbour(netns, dev, addr).as_ref() == Some(&n) {
            return;
        }
        self.set_neighbour(netns, dev, addr, Some(n));
        self.emit(
            netns,
            Some(pkt),
            EventKind::NeighbourLearned { dev, addr, lladdr: arp.sha, state: learned },
        );
        for waiting in queue.into_iter().rev() {
            self.then(waiting, Stage::NeighbourOutput { dev, next_hop: addr });
        }
    }

    /// Cancels the timer of an entry that was deleted or replaced.
    pub(super) fn stop_asking(&mut self, netns: NetnsId, dev: DevId, addr: IpAddr) {
        let timer = Job::Neighbour { netns, dev, addr };
        self.agenda.retain(|_, job| *job != timer);
        self.background.retain(|_, job| *job != timer);
    }

    /// Runs the timer of a neighbour (`neigh_timer_handler`).
    pub(super) fn neighbour_timer(&mut self, netns: NetnsId, dev: DevId, addr: IpAddr) {
        let Some(mut n) = self.neighbour(netns, dev, addr) else { return };
        let again = Job::Neighbour { netns, dev, addr };
        match n.state {
            NudState::Incomplete if n.probes < MAX_PROBES => {
                n.probes += 1;
                let waiting = n.queue.first().copied();
                let about = waiting.and_then(|p| self.state.packets.get(&p).cloned());
                self.set_neighbour(netns, dev, addr, Some(n));
                self.later(RETRANS, again);
                self.arp_solicit(netns, dev, addr, None, about.as_deref(), waiting);
            }
            NudState::Incomplete => {
                n.state = NudState::Failed;
                let queue = std::mem::take(&mut n.queue);
                self.set_neighbour(netns, dev, addr, Some(n));
                self.emit(netns, queue.first().copied(), EventKind::NeighbourFailed { dev, addr });
                let above = self.stack.len();
                for waiting in queue {
                    self.icmp_error(waiting, |quoted| Icmp::Unreachable {
                        code: Unreachable::Host,
                        quoted,
                    });
                    self.drop_packet(waiting, DropReason::NeighFailed, None);
                }
                // The sender of the oldest packet gets its error first.
                self.stack[above..].reverse();
            }
            NudState::Delay | NudState::Probe => {
                let probes = if n.state == NudState::Delay { 0 } else { n.probes };
                n.state = if probes < MAX_PROBES { NudState::Probe } else { NudState::Failed };
                n.probes = probes + 1;
                let (state, lladdr) = (n.state, n.lladdr);
                self.set_neighbour(netns, dev, addr, Some(n));
                self.emit(netns, None, EventKind::NeighbourAged { dev, addr, state });
                if state == NudState::Probe {
                    self.in_background(RETRANS, again);
                    self.arp_solicit(netns, dev, addr, lladdr, None, None);
                }
            }
            _ => {}
        }
    }

    /// Empties the queues of all neighbours at the end of a run.
    pub(super) fn give_up_neighbours(&mut self) {
        let open = |(i, ns): (usize, &Rc<Netns>)| {
            let asked = ns.neighbours.iter().filter(|(_, n)| n.state == NudState::Incomplete);
            asked.map(|((dev, addr), _)| (NetnsId(i as u32), *dev, *addr)).collect::<Vec<_>>()
        };
        let all: Vec<_> = self.state.netns.iter().enumerate().flat_map(open).collect();
        for (netns, dev, addr) in all {
            let failed = Neighbour {
                lladdr: None,
                state: NudState::Failed,
                cached: false,
                probes: 0,
                queue: Vec::new(),
            };
            self.set_neighbour(netns, dev, addr, Some(failed));
        }
    }
}

pub(super) fn is_nic(kind: &DeviceKind) -> bool {
    matches!(kind, DeviceKind::Cable { nic: true, .. })
}

fn endpoint(addr: Ipv4Addr) -> crate::socket::AddrPort {
    crate::socket::AddrPort { addr: addr.into(), port: 0 }
}

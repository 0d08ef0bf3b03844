//! The sockets of a stub resolver ([`crate::dns::Lookup`]), and of a DNS server.

use super::{Job, World};
use crate::dns::{DNS_PORT, Next, Zone};
use crate::event::EventKind;
use crate::id::NetnsId;
use crate::rng;
use crate::socket::{AddrPort, IpOptions, Outcome, ResolverSocket, Socket, SocketId};
use std::cmp::Reverse;
use std::net::IpAddr;
use std::rc::Rc;

impl World {
    /// Looks a name up. It ends with [`EventKind::Resolved`], or [`Outcome::Unresolved`] with the
    /// resolver's tag.
    pub fn look_up(&mut self, netns: NetnsId, resolver: ResolverSocket) -> SocketId {
        let socket = self.open_socket(netns, Socket::Resolver(resolver.clone()));
        self.resolve(netns, socket, resolver, Next::Ask);
        socket
    }

    /// Takes the next step of a lookup.
    fn resolve(&mut self, netns: NetnsId, id: SocketId, mut r: ResolverSocket, next: Next) {
        let mine = |j: &Job| matches!(j, Job::App(n, s) if *n == netns && *s == id);
        if next != Next::Wait {
            self.agenda.retain(|_, j| !mine(j));
        }
        let mut next = next;
        while next == Next::Ask {
            let server = r.lookup.server();
            let source = server.and_then(|s| self.ns(netns).source_for(s));
            let Some((server, addr)) = server.zip(source) else {
                next = r.lookup.refused();
                continue;
            };
            r.local.addr = addr;
            r.waiting = true;
            return self.query(netns, id, r, server);
        }
        r.waiting = next == Next::Wait;
        let tag = r.tag;
        match next {
            Next::Wait | Next::Ask => self.set_socket(netns, id, Socket::Resolver(r)),
            Next::Failed => {
                let outcome = Outcome::Unresolved(r.lookup.unresolved());
                self.set_socket(netns, id, Socket::Resolver(r));
                self.emit(netns, None, EventKind::Ended { socket: id, tag, outcome });
            }
            Next::Found => {
                let name = r.lookup.name().clone();
                let addrs = self.by_preference(netns, r.lookup.addresses());
                let answered = r.ends.then(|| r.remote().map(|s| (s.addr, r.lookup.answer_len())));
                self.set_socket(netns, id, Socket::Resolver(r));
                self.emit(netns, None, EventKind::Resolved { socket: id, tag, name, addrs });
                if let Some((from, bytes)) = answered.flatten() {
                    let outcome = Outcome::Answered { bytes, from, ttl: None, seq: 0, took_ns: 0 };
                    self.emit(netns, None, EventKind::Ended { socket: id, tag, outcome });
                }
            }
        }
    }

    /// Sends the open questions to a server, one right after the other.
    fn query(&mut self, netns: NetnsId, id: SocketId, r: ResolverSocket, server: IpAddr) {
        let (local, remote) = (r.port(), AddrPort { addr: server, port: DNS_PORT });
        let (name, wait) = (r.lookup.name().clone(), r.lookup.conf.timeout);
        let queries = r.lookup.queries(self.query_draw(&r));
        self.set_socket(netns, id, Socket::Resolver(r));
        let kinds = queries.iter().flat_map(|q| q.questions.first()).map(|q| q.kind).collect();
        self.emit(netns, None, EventKind::Queried { socket: id, server: remote, name, kinds });
        self.later(wait, Job::App(netns, id));
        let above = self.stack.len();
        for query in queries {
            let key = (true, u64::from(id) + 1);
            let data = query.emit(false).into();
            self.send_datagram(netns, (local, remote), data, key, IpOptions::default());
        }
        self.stack[above..].reverse();
    }

    /// A random number for the queries about one name.
    fn query_draw(&self, r: &ResolverSocket) -> u64 {
        let words = [u64::from(r.tag), u64::from(r.local.port), r.lookup.at as u64];
        rng::hash(self.seed, &words)
    }

    /// A datagram of the server arrived.
    pub(super) fn resolver_rcv(
        &mut self,
        netns: NetnsId,
        id: SocketId,
        r: &ResolverSocket,
        data: &[u8],
    ) {
        let mut r = r.clone();
        let next = r.lookup.received(data, self.query_draw(&r));
        self.resolve(netns, id, r, next);
    }

    /// The query was refused, or could not be sent.
    pub(super) fn resolver_refused(&mut self, netns: NetnsId, id: SocketId, r: &ResolverSocket) {
        if r.waiting {
            let mut r = r.clone();
            let next = r.lookup.refused();
            self.resolve(netns, id, r, next);
        }
    }

    /// The wait for an answer is over.
    pub(super) fn resolver_timed_out(&mut self, netns: NetnsId, id: SocketId, r: &ResolverSocket) {
        if r.waiting {
            let mut r = r.clone();
            let next = r.lookup.timed_out();
            self.resolve(netns, id, r, next);
        }
    }

    /// The order in which a client tries addresses (`nss/getaddrinfo.c` `rfc3484_sort`, rule 9): of
    /// the client's own subnet first, there those with the longest difference.
    fn by_preference(&self, netns: NetnsId, mut addrs: Vec<IpAddr>) -> Vec<IpAddr> {
        let ns = self.ns(netns);
        let difference = |dst: &IpAddr| {
            let (IpAddr::V4(to), Some(IpAddr::V4(from))) = (dst, ns.source_for(*dst)) else {
                return 0;
            };
            let nets = ns.devices.iter().flat_map(|d| &d.addrs);
            let near = |n: &&ipnet::IpNet| n.addr() == IpAddr::V4(from) && n.contains(dst);
            let bits = 32 - (u32::from(*to) ^ u32::from(from)).leading_zeros();
            nets.into_iter().find(near).map_or(0, |_| bits)
        };
        addrs.sort_by_key(|a| Reverse(difference(a)));
        addrs
    }

    /// The answer of a DNS server to a query.
    pub(super) fn dns_answer(
        &self,
        zone: &Zone,
        query: &[u8],
        over_tcp: bool,
        from: AddrPort,
    ) -> Option<Rc<[u8]>> {
        let draw = rng::hash(self.seed, &[self.now.0, u64::from(from.port)]);
        zone.serve(query, over_tcp, draw).map(Into::into)
    }
}

impl ResolverSocket {
    /// The address and port of the socket that is open.
    pub fn port(&self) -> AddrPort {
        let port = self.local.port.wrapping_add(self.lookup.sockets);
        AddrPort { port, ..self.local }
    }

    /// The server that is asked.
    pub fn remote(&self) -> Option<AddrPort> {
        self.lookup.server().map(|addr| AddrPort { addr, port: DNS_PORT })
    }

    /// Whether the socket is open to datagrams that a server sends to it.
    pub(super) fn is_between(&self, local: AddrPort, remote: AddrPort) -> bool {
        self.waiting && self.port() == local && self.remote() == Some(remote)
    }
}

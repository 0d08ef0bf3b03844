//! DNS in a lab. Its server answers the queries of the session as the simulated one did, and its
//! clients send the same queries.

use super::plan::{list, seconds, text};
use crate::session::Session;
use crate::step::Run;
use net::dns::DNS_PORT;
use net::event::EventKind;
use net::socket::{ServerApp, Socket, SocketId};
use net::state::Change;
use net::wire::{Body, UdpPayload};
use net::{Event, NetnsId};
use std::collections::BTreeMap;
use std::fmt::Write;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// The data of a datagram that an event makes, with its source and destination port.
fn datagram(e: &Event) -> Option<(u16, u16, &[u8])> {
    let EventKind::PacketMade { packet } = &e.kind else { return None };
    let Body::Udp(udp) = &packet.body else { return None };
    let UdpPayload::Data(data) = &udp.payload else { return None };
    Some((udp.sport, udp.dport, data))
}

/// A JSON object of all queries of a session with their answers, as hexadecimal.
pub(super) fn answers(session: &Session) -> String {
    let serves = |netns: NetnsId| {
        let ns = session.spec().netns.get(netns.0 as usize);
        ns.is_some_and(|n| n.services.iter().any(|l| matches!(l.app, ServerApp::Dns(_))))
    };
    let mut queries: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    let mut out = BTreeMap::new();
    let datagrams = session.events().iter().filter_map(|e| Some((e.netns, datagram(e)?)));
    for (netns, (sport, dport, data)) in datagrams {
        let Some((number, _)) = data.split_at_checked(2) else { continue };
        if dport == DNS_PORT {
            queries.insert(number, data);
        } else if sport == DNS_PORT
            && netns.is_some_and(serves)
            && let Some(query) = queries.get(number)
        {
            out.entry(*query).or_insert(data);
        }
    }
    let pair =
        |(query, answer): (&&[u8], &&[u8])| format!("\"{}\": \"{}\"", hex(query), hex(answer));
    let pairs: Vec<_> = out.iter().map(|(query, answer)| pair((query, answer))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// The queries of a client before its request, as a JSON list: those about one name, from one
/// socket.
pub(super) fn lookup(session: &Session, run: &Run) -> String {
    let events = &session.events()[run.events.clone()];
    let asked = events.iter().enumerate().filter_map(|(i, e)| match &e.kind {
        EventKind::Queried { socket, server, name, kinds } => {
            let (port, wait) = port_and_wait(e, run.from, *socket)?;
            let sent = events[i..].iter().filter(|e| e.netns == Some(run.from));
            let sent = sent.filter_map(datagram).filter(|(sport, dport, _)| {
                (*sport, *dport) == (port, DNS_PORT)
            });
            let queries = sent.take(kinds.len()).map(|(_, _, data)| format!("\"{}\"", hex(data)));
            Some(format!(
                "{{\"name\": {}, \"server\": \"{}\", \"port\": {port}, \"wait\": {wait}, \"queries\": {}}}",
                text(&name.to_string()),
                server.addr,
                list(queries)
            ))
        }
        _ => None,
    });
    list(asked)
}

/// The port of the socket that an event opens, and how long it waits for an answer.
fn port_and_wait(e: &Event, netns: NetnsId, socket: SocketId) -> Option<(u16, String)> {
    e.changes.iter().rev().find_map(|c| match c {
        Change::Socket { netns: n, id, after: Some(after), .. } if (*n, *id) == (netns, socket) => {
            let Socket::Resolver(r) = &**after else { return None };
            Some((r.port().port, seconds(r.lookup.conf.timeout)))
        }
        _ => None,
    })
}

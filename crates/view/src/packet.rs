//! A packet as nested layers: every header with its fields, and the bytes.

use net::dns::{DNS_PORT, Message, Rcode};
use net::event::EventKind;
use net::state::Change;
use net::wire::{Arp, ArpOp, Body, Frame, Icmp, Ipv4, Payload, TcpFlags, UdpPayload};
use net::{Event, PacketId, State};

/// A field of a header, as the inspector shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField {
    /// Its name, as Wireshark and the RFCs spell it.
    pub name: &'static str,
    /// Its value as Wireshark prints it.
    pub value: String,
    /// Its value when the packet was created, if it was different.
    pub was: Option<String>,
}

/// A header with its fields, or the payload behind the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The protocol: `Ethernet`, `IPv4`, `TCP`, …
    pub name: &'static str,
    /// A summary in one line.
    pub summary: String,
    /// Its own length in bytes, without the layers inside.
    pub len: usize,
    /// Its fields, in the order of the header.
    pub fields: Vec<HeaderField>,
    /// Whether it was added by VXLAN encapsulation.
    pub shell: bool,
}

/// A packet as the inspector shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketView {
    /// Its layers, the outermost first.
    pub layers: Vec<Layer>,
    /// The bytes of the frame.
    pub bytes: Vec<u8>,
    /// The number of bytes that VXLAN encapsulation added in front of the inner frame.
    pub shell_len: usize,
}

/// The kind of a packet, in a word: `SYN`, `237 B`, `echo`.
pub fn kind_word(p: &Ipv4) -> String {
    match &p.body {
        Body::Tcp(t) => {
            let has = |f| t.flags.has(f);
            if has(TcpFlags::RST) {
                "RST".to_owned()
            } else if has(TcpFlags::SYN) {
                if has(TcpFlags::ACK) { "SYN-ACK" } else { "SYN" }.to_owned()
            } else if has(TcpFlags::FIN) {
                "FIN".to_owned()
            } else if t.data.starts_with(b"GET ") {
                "GET /".to_owned()
            } else if !t.data.is_empty() {
                format!("{} B", t.data.len())
            } else {
                "ACK".to_owned()
            }
        }
        Body::Udp(u) => match &u.payload {
            UdpPayload::Vxlan(v) => v.inner.ipv4().map_or_else(|| "ARP".to_owned(), kind_word),
            UdpPayload::Data(d) => match dns_of(p) {
                Some(m) => dns_word(&m),
                None => format!("UDP {} B", d.len()),
            },
        },
        Body::Icmp(i) => match i {
            Icmp::Echo { reply: false, .. } => "echo",
            Icmp::Echo { reply: true, .. } => "reply",
            Icmp::Unreachable { .. } => "unreachable",
            Icmp::TimeExceeded { .. } => "ttl exceeded",
            Icmp::Redirect { .. } => "redirect",
        }
        .to_owned(),
        Body::Raw { proto, .. } => format!("proto {proto}"),
    }
}

/// The DNS message in a datagram from or to port 53.
fn dns_of(p: &Ipv4) -> Option<Message> {
    let (sport, dport) = p.ports()?;
    let Body::Udp(u) = &p.body else { return None };
    let UdpPayload::Data(data) = &u.payload else { return None };
    [sport, dport].contains(&DNS_PORT).then(|| Message::parse(data).ok()).flatten()
}

/// A DNS message in a few words: `A? web.default.svc.cluster.local.`, `A 10.96.0.10`, `NXDOMAIN`.
fn dns_word(m: &Message) -> String {
    let question = m.questions.first();
    match (m.response, m.answers.first()) {
        (false, _) => {
            question.map_or_else(|| "DNS".to_owned(), |q| format!("{}? {:#}", q.kind, q.name))
        }
        (true, Some(r)) => format!("{} {}", r.data.kind(), r.data),
        (true, None) if m.rcode != Rcode::NO_ERROR => m.rcode.to_string(),
        (true, None) => question.map_or_else(|| "DNS".to_owned(), |q| format!("no {}", q.kind)),
    }
}

/// The frame of a packet at a moment: the one in flight, or that of the event that ended it.
pub fn frame_at<'a>(
    state: &'a State,
    events: &'a [Event],
    cursor: usize,
    id: PacketId,
) -> Option<&'a Frame> {
    if let Some(skb) = state.packets.get(&id) {
        return Some(&skb.frame);
    }
    events[..cursor.min(events.len())].iter().rev().find_map(|e| {
        e.changes.iter().rev().find_map(|c| match c {
            Change::Packet { id: i, before: Some(skb), .. } if *i == id => Some(&skb.frame),
            _ => None,
        })
    })
}

/// The frame of a packet when it was created.
pub fn origin(events: &[Event], id: PacketId) -> Option<&Ipv4> {
    events.iter().find_map(|e| match &e.kind {
        EventKind::PacketMade { packet } if e.packet == Some(id) => Some(&**packet),
        _ => None,
    })
}

/// Whether the Ethernet header of a packet has been written, after its events `behind`. The host
/// that makes a packet, or puts it into another one, writes the header when it sends the frame.
pub fn has_ethernet(events: &[Event], behind: &[usize]) -> bool {
    let written = behind.iter().rev().find_map(|i| match events[*i].kind {
        EventKind::FrameSent { .. } | EventKind::FrameReceived { .. } => Some(true),
        EventKind::Decapsulated { .. } => Some(true),
        EventKind::PacketMade { .. } | EventKind::Encapsulated { .. } => Some(false),
        _ => None,
    });
    written.unwrap_or(true)
}

/// The layers and bytes of a frame. `origin` is what it was when the packet was created; the
/// Ethernet header is left out unless `is_written`.
pub fn view(frame: &Frame, origin: Option<&Ipv4>, is_written: bool) -> PacketView {
    let mut layers = Vec::new();
    let inner = frame.inner();
    push(&mut layers, frame, origin.filter(|_| inner.is_none()), inner.is_some());
    if let Some(f) = inner {
        push(&mut layers, f, origin, false);
    }
    let mut shell_len = inner.map_or(0, |i| frame.len() - i.len());
    let mut bytes = frame.emit();
    if !is_written {
        let ethernet = layers.remove(0).len;
        bytes.drain(..ethernet);
        shell_len = shell_len.saturating_sub(ethernet);
    }
    PacketView { layers, bytes, shell_len }
}

fn push(layers: &mut Vec<Layer>, frame: &Frame, origin: Option<&Ipv4>, shell: bool) {
    let field = |name, value: String| HeaderField { name, value, was: None };
    let eth = frame.eth;
    layers.push(Layer {
        name: "Ethernet",
        summary: format!("{} → {}", eth.src, eth.dst),
        len: 14,
        fields: vec![
            field("source", eth.src.to_string()),
            field("destination", eth.dst.to_string()),
            field(
                "type",
                if frame.ipv4().is_some() { "0x0800 IPv4" } else { "0x0806 ARP" }.to_owned(),
            ),
        ],
        shell,
    });
    let p = match &frame.payload {
        Payload::Arp(a) => return layers.push(arp(a)),
        Payload::Ipv4(p) => p,
    };
    let changed = |name, now: String, before: Option<String>| HeaderField {
        name,
        was: before.filter(|b| *b != now),
        value: now,
    };
    layers.push(Layer {
        name: "IPv4",
        summary: format!("ttl {} · len {}{}", p.ttl, p.len(), if p.df { " · DF" } else { "" }),
        len: 20,
        fields: vec![
            changed("source", p.src.to_string(), origin.map(|o| o.src.to_string())),
            changed("destination", p.dst.to_string(), origin.map(|o| o.dst.to_string())),
            changed("ttl", p.ttl.to_string(), origin.map(|o| o.ttl.to_string())),
            field("length", p.len().to_string()),
            field("tos", format!("{:#04x}", p.tos)),
            field("id", format!("{:#06x}", p.id)),
            field("flags", if p.df { "DF" } else { "-" }.to_owned()),
            field("protocol", p.body.proto().to_string()),
        ],
        shell,
    });
    let ports = origin.and_then(Ipv4::ports);
    match &p.body {
        Body::Tcp(t) => layers.push(Layer {
            name: "TCP",
            summary: format!(
                "{} → {} · {}{}",
                t.sport,
                t.dport,
                kind_word(p),
                t.options.mss.map_or_else(String::new, |m| format!(" · mss {m}"))
            ),
            len: t.len() - t.data.len(),
            fields: vec![
                changed("source port", t.sport.to_string(), ports.map(|x| x.0.to_string())),
                changed("destination port", t.dport.to_string(), ports.map(|x| x.1.to_string())),
                field("seq", t.seq.to_string()),
                field("ack", t.ack.to_string()),
                field("flags", t.flags.to_string()),
                field("window", t.window.to_string()),
                field("data", format!("{} bytes", t.data.len())),
            ],
            shell,
        }),
        Body::Udp(u) => {
            layers.push(Layer {
                name: "UDP",
                summary: format!(
                    "{} → {} · checksum {}",
                    u.sport,
                    u.dport,
                    if u.checksum { "on" } else { "0" }
                ),
                len: 8,
                fields: vec![
                    changed("source port", u.sport.to_string(), ports.map(|x| x.0.to_string())),
                    changed(
                        "destination port",
                        u.dport.to_string(),
                        ports.map(|x| x.1.to_string()),
                    ),
                    field("length", u.len().to_string()),
                ],
                shell,
            });
            if let Some(m) = dns_of(p) {
                layers.push(dns(&m, u.len() - 8));
            }
            if let UdpPayload::Vxlan(v) = &u.payload {
                layers.push(Layer {
                    name: "VXLAN",
                    summary: format!("flags 0x08 · vni {}", v.vni),
                    len: 8,
                    fields: vec![
                        field("flags", "0x08".to_owned()),
                        field("vni", v.vni.to_string()),
                    ],
                    shell,
                });
            }
        }
        Body::Icmp(i) => {
            let (kind, code) = i.type_code();
            let mut fields = vec![field("type", kind.to_string()), field("code", code.to_string())];
            if let Icmp::Echo { id, seq, .. } = i {
                fields.push(field("id", id.to_string()));
                fields.push(field("seq", seq.to_string()));
            }
            layers.push(Layer {
                name: "ICMP",
                summary: format!("type {kind} · code {code} · {}", kind_word(p)),
                len: i.len(),
                fields,
                shell,
            });
        }
        Body::Raw { data, .. } => {
            layers.push(Layer {
                name: "data",
                summary: format!("{} bytes", data.len()),
                len: data.len(),
                fields: Vec::new(),
                shell,
            });
        }
    }
}

fn dns(m: &Message, len: usize) -> Layer {
    let field = |name, value: String| HeaderField { name, value, was: None };
    let flags = [
        (m.response, "qr"),
        (m.authoritative, "aa"),
        (m.truncated, "tc"),
        (m.recursion_desired, "rd"),
        (m.recursion_available, "ra"),
    ];
    let flags: Vec<_> = flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name).collect();
    let mut fields = vec![field("id", format!("{:#06x}", m.id)), field("flags", flags.join(" "))];
    if m.response {
        fields.push(field("rcode", m.rcode.to_string()));
    }
    fields.extend(m.questions.iter().map(|q| field("question", format!("{} {}", q.name, q.kind))));
    let sections =
        [("answer", &m.answers), ("authority", &m.authority), ("additional", &m.additional)];
    for (section, records) in sections {
        let text =
            |r: &net::dns::Record| format!("{} {} {} {}", r.name, r.ttl, r.data.kind(), r.data);
        fields.extend(records.iter().map(|r| field(section, text(r))));
    }
    Layer { name: "DNS", summary: dns_word(m), len, fields, shell: false }
}

fn arp(a: &Arp) -> Layer {
    let field = |name, value: String| HeaderField { name, value, was: None };
    let summary = match a.op {
        ArpOp::Request => format!("who-has {} tell {}", a.tpa, a.spa),
        ArpOp::Reply => format!("{} is-at {}", a.spa, a.sha),
    };
    let fields = vec![
        field("sender MAC", a.sha.to_string()),
        field("sender address", a.spa.to_string()),
        field("target MAC", a.tha.to_string()),
        field("target address", a.tpa.to_string()),
    ];
    Layer { name: "ARP", summary, len: 28, fields, shell: false }
}

/// Bytes as hexadecimal in rows of sixteen, each with its offset.
pub fn hex_rows(bytes: &[u8]) -> Vec<(usize, Vec<String>)> {
    bytes
        .chunks(16)
        .enumerate()
        .map(|(i, row)| (i * 16, row.iter().map(|b| format!("{b:02x}")).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, App, update};

    #[test]
    fn every_ethernet_header_that_is_shown_is_that_of_the_next_or_last_cable() {
        let (mut plain, mut shell) = (0, 0);
        for preset in play::presets::ALL {
            let mut app = App::new(crate::Lang::En, preset.name);
            update(&mut app, Action::Send);
            let (events, index) = (app.session.events().to_vec(), app.derived.index.clone());
            for (i, e) in events.iter().enumerate() {
                let Some(id) = e.packet else { continue };
                update(&mut app, Action::SeekEvent(i));
                let state = app.derived.timeline.as_ref().expect("a moment").state();
                let Some(frame) = frame_at(state, &events, i + 1, id) else { continue };
                let behind = index.behind(id, i + 1);
                let v = view(frame, None, has_ethernet(&events, behind));
                let own: usize = v.layers.iter().filter(|l| l.shell).map(|l| l.len).sum();
                assert_eq!(v.shell_len, own);
                let headers = v.layers.iter().filter(|l| l.name == "Ethernet");
                let shown: Vec<_> = headers.map(|l| l.summary.clone()).collect();
                // The headers of the frames on the cables before and after, the outermost first.
                let on_cable = |i: &usize| match &events[*i].kind {
                    EventKind::FrameSent { frame, .. } | EventKind::FrameReceived { frame, .. } => {
                        let frames = std::iter::successors(Some(&**frame), |f| f.inner());
                        let text = |f: &Frame| format!("{} → {}", f.eth.src, f.eth.dst);
                        Some(frames.map(text).collect::<Vec<_>>())
                    }
                    _ => None,
                };
                let last = behind.iter().rev().find_map(on_cable);
                let next = index.of(id)[behind.len()..].iter().find_map(on_cable);
                let cables: Vec<_> = last.into_iter().chain(next).collect();
                let is_there = cables.iter().any(|c| c.ends_with(&shown));
                assert!(is_there, "{}, event {i}: {shown:?} of {cables:?}", preset.name);
                let is_shell = v.layers[0].shell && v.layers[0].name == "Ethernet";
                (plain, shell) = (plain + shown.len(), shell + usize::from(is_shell));
            }
        }
        assert!(plain > 1_000 && shell > 100, "{plain} headers, {shell} of them outer ones");
    }
}

//! Frames as one line of text, the form of the committed recordings: `00:50:56:98:d2:4e >
//! 00:50:56:98:c1:7a ttl=64 len=60 DF 192.168.120.252:40501 > … TCP S mss=1460`.

use net::wire::{
    Arp, ArpOp, Body, Frame, Icmp, Ipv4, PROTO_ICMP, Payload, TcpFlags, Udp, UdpPayload,
    Unreachable, VXLAN_PORT,
};
use std::fmt::Write;

/// What is said about the TCP or UDP checksum of the (innermost) packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// Nothing.
    Silent,
    /// `cs=partial`: left to the device, which a veth never does (CHECKSUM_PARTIAL).
    Partial,
    /// `cs=ok`: complete.
    Complete,
    /// `cs=BAD`: neither.
    Bad,
}

/// A frame as one line. `sport` names the outer UDP source port of a VXLAN datagram.
pub fn frame_text(frame: &Frame, sums: Checksums, sport: &mut dyn FnMut(u16) -> String) -> String {
    let mut out = format!("{} > {} ", frame.eth.src, frame.eth.dst);
    match &frame.payload {
        Payload::Arp(Arp { op: ArpOp::Request, tpa, spa, .. }) => {
            _ = write!(out, "ARP who-has {tpa} tell {spa}");
        }
        Payload::Arp(Arp { op: ArpOp::Reply, spa, sha, .. }) => {
            _ = write!(out, "ARP {spa} is-at {sha}");
        }
        Payload::Ipv4(p) => write_ipv4(&mut out, p, sums, true, sport),
    }
    out
}

/// An IPv4 packet as one line, without what a VXLAN datagram carries.
pub fn ipv4_text(packet: &Ipv4, sport: &mut dyn FnMut(u16) -> String) -> String {
    let mut out = String::new();
    write_ipv4(&mut out, packet, Checksums::Silent, false, sport);
    out
}

fn write_ipv4(
    out: &mut String,
    p: &Ipv4,
    sums: Checksums,
    inner: bool,
    sport: &mut dyn FnMut(u16) -> String,
) {
    let _ = write!(out, "ttl={} len={}", p.ttl, p.len());
    if p.df {
        out.push_str(" DF");
    }
    if p.is_fragment() {
        let _ = write!(out, " frag@{}{}", p.frag_offset, if p.mf { "+" } else { "" });
    }
    if p.tos != 0 {
        let _ = write!(out, " tos={:#x}", p.tos);
    }
    let (src, dst) = (p.src, p.dst);
    let say = |out: &mut String| match sums {
        Checksums::Silent => {}
        Checksums::Partial => out.push_str(" cs=partial"),
        Checksums::Complete => out.push_str(" cs=ok"),
        Checksums::Bad => out.push_str(" cs=BAD"),
    };
    match &p.body {
        Body::Tcp(t) => {
            let _ = write!(out, " {src}:{} > {dst}:{} TCP {}", t.sport, t.dport, t.flags);
            if !t.data.is_empty() {
                let _ = write!(out, " +{}", t.data.len());
            }
            if t.flags.has(TcpFlags::SYN)
                && let Some(mss) = t.options.mss
            {
                let _ = write!(out, " mss={mss}");
            }
            say(out);
        }
        Body::Udp(Udp {
            sport: port, dport: VXLAN_PORT, payload: UdpPayload::Vxlan(v), ..
        }) if inner => {
            let name = sport(*port);
            let _ = write!(
                out,
                " {src}:{name} > {dst}:{VXLAN_PORT} UDP cs=0 VXLAN flags=0x8 vni={} {{",
                v.vni
            );
            out.push_str(&frame_text(&v.inner, sums, sport));
            out.push('}');
        }
        Body::Udp(u) => {
            let port = if u.dport == VXLAN_PORT { sport(u.sport) } else { u.sport.to_string() };
            let _ = write!(out, " {src}:{port} > {dst}:{} UDP +{}", u.dport, u.len() - 8);
            if sums != Checksums::Silent && !u.checksum {
                out.push_str(" cs=0");
            } else {
                say(out);
            }
        }
        Body::Icmp(i) => write_icmp(out, p, i, sport),
        // The first fragment of an ICMP message still shows its header.
        Body::Raw { proto: PROTO_ICMP, data }
            if p.frag_offset == 0
                && let Ok(icmp) = Icmp::parse(data) =>
        {
            write_icmp(out, p, &icmp, sport);
        }
        Body::Raw { proto, .. } => _ = write!(out, " {src} > {dst} proto {proto}"),
    }
}

fn write_icmp(out: &mut String, p: &Ipv4, icmp: &Icmp, sport: &mut dyn FnMut(u16) -> String) {
    let (kind, code) = icmp.type_code();
    let _ = write!(out, " {} > {} ICMP {}", p.src, p.dst, icmp_kind(kind, code));
    if let Icmp::Echo { id, seq, .. } = icmp {
        let _ = write!(out, " id={id} seq={seq}");
    }
    if let Icmp::Unreachable { code: Unreachable::FragNeeded { mtu }, .. } = icmp {
        let _ = write!(out, " mtu={mtu}");
    }
    if let Icmp::Redirect { gateway, .. } = icmp {
        let _ = write!(out, " gw={gateway}");
    }
    if let Some(quoted) = icmp.quoted()
        && let Some(q) = Ipv4::parse_quoted(quoted)
    {
        out.push_str(" [");
        write_ipv4(out, &q, Checksums::Silent, false, sport);
        out.push(']');
    }
}

/// The name of an ICMP type and code.
pub const fn icmp_kind(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (0, _) => "echo-reply",
        (8, _) => "echo",
        (3, 0) => "net-unreach",
        (3, 1) => "host-unreach",
        (3, 2) => "proto-unreach",
        (3, 3) => "port-unreach",
        (3, 4) => "frag-needed",
        (3, 9) => "net-prohib",
        (3, 10) => "host-prohib",
        (3, _) => "admin-prohib",
        (11, _) => "time-exceeded",
        (5, _) => "redirect-host",
        _ => "other",
    }
}

//! Normalizes texts of a kernel and of the simulator for comparison.

use crate::frames::Checksums;
use net::wire::{PROTO_TCP, PROTO_UDP, VXLAN_PORT, fold, ones_complement_sum, pseudo_header};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Masks random ports: every port of a line that is not among `known` becomes `P1`, `P2`… in order
/// of appearance in that line.
pub fn mask_ports(lines: Vec<String>, known: &[u16]) -> Vec<String> {
    lines.into_iter().map(|l| mask_line(&l, known)).collect()
}

fn mask_line(line: &str, known: &[u16]) -> String {
    let mut names: BTreeMap<u16, String> = BTreeMap::new();
    // The source port of a VXLAN packet is random, even if it equals a known one.
    let known = if line.contains("port=8472") { &[VXLAN_PORT][..] } else { known };
    let mut name = |port: &str| {
        let Some(n) = port.parse::<u16>().ok().filter(|n| !known.contains(n)) else {
            return port.to_owned();
        };
        let next = format!("P{}", names.len() + 1);
        names.entry(n).or_insert(next).clone()
    };
    let word = |w: &str| {
        let (bare, tail) = w.split_at(w.trim_end_matches([':', ',', ']', '}', ';']).len());
        if let Some(port) = bare.strip_prefix("sport=").or(bare.strip_prefix("dport=")) {
            return format!("{}={}{tail}", &bare[..5], name(port));
        }
        match bare.rsplit_once(':') {
            // An address with a port; MACs and rule numbers have no dots.
            Some((addr, port)) if addr.contains('.') => format!("{addr}:{}{tail}", name(port)),
            _ => w.to_owned(),
        }
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The index of the timeout among the words of a `conntrack` line.
fn timeout_at(words: &[&str]) -> Option<usize> {
    words
        .iter()
        .position(|w| matches!(*w, "6" | "17" | "1"))
        .map(|i| i + 1)
        .filter(|i| words.get(*i).is_some_and(|w| w.parse::<u64>().is_ok()))
}

fn without_timeout(line: &str) -> (String, Option<u64>) {
    let mut words: Vec<&str> = line.split(' ').collect();
    let at = timeout_at(&words);
    let timeout = at.and_then(|i| words.remove(i).parse().ok());
    (words.join(" "), timeout)
}

/// Sorts `conntrack` lines, ignoring their timeouts.
pub fn settled(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_cached_key(|l| without_timeout(l));
    lines
}

/// The expected lines. Where only a timeout differs from `got`, by at most one second, the line is
/// that of `got`.
pub fn near(expected: &[String], got: &[String]) -> Vec<String> {
    let near = |(i, line): (usize, &String)| {
        let Some(other) = got.get(i) else { return line.clone() };
        let ((a, x), (b, y)) = (without_timeout(line), without_timeout(other));
        let close = matches!((x, y), (Some(x), Some(y)) if x.abs_diff(y) <= 1);
        if a == b && close { other.clone() } else { line.clone() }
    };
    expected.iter().enumerate().map(near).collect()
}

/// Numbered frames without their numbers, grouped by device and direction, in order in each group.
/// Equal ARP frames form groups of their own, as neighbour probes depend on independent timers.
pub fn by_device(frames: &[String]) -> Vec<String> {
    let mut devices: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for frame in frames {
        let text = frame.trim_start().split_once(' ').map_or("", |(_, t)| t);
        let words: Vec<&str> = text.split_whitespace().collect();
        let arp = words.contains(&"ARP");
        let key = words.iter().take(if arp { words.len() } else { 3 }).copied().collect();
        devices.entry(key).or_default().push(words.join(" "));
    }
    devices.into_values().flatten().collect()
}

/// The state of the innermost TCP or UDP checksum of a frame. `partial`: the kernel reports that it
/// is left to the device.
pub fn checksums(frame: &[u8], partial: bool) -> Checksums {
    let Some(ip) = frame.get(14..).filter(|b| b.len() >= 20 && b[0] == 0x45) else {
        return Checksums::Silent;
    };
    let word = |b: &[u8], i: usize| b.get(i..i + 2).map_or(0, |w| u16::from_be_bytes([w[0], w[1]]));
    let (len, proto) = (usize::from(word(ip, 2)), ip[9]);
    let Some(segment) = ip.get(20..len) else { return Checksums::Silent };
    if proto == PROTO_UDP && word(segment, 2) == VXLAN_PORT {
        return checksums(segment.get(16..).unwrap_or_default(), partial);
    }
    let at = match proto {
        PROTO_TCP => 16,
        PROTO_UDP => 6,
        _ => return Checksums::Silent,
    };
    let address = |i: usize| Ipv4Addr::new(ip[i], ip[i + 1], ip[i + 2], ip[i + 3]);
    let pseudo = pseudo_header(address(12), address(16), proto, segment.len());
    match partial {
        true if word(segment, at) == !fold(pseudo) => Checksums::Partial,
        false if fold(pseudo + ones_complement_sum(segment)) == 0 => Checksums::Complete,
        _ => Checksums::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ports_are_masked_and_known_ports_are_kept() {
        let line = "    [NEW] udp      17 30 src=10.0.0.1 dst=10.0.0.2 sport=33165 dport=8472 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=8472 dport=33165";
        assert_eq!(mask_line(line, &[8472]), line.replace("33165", "P1"));
        let frame = "a > b ttl=64 len=60 10.1.5.1:11182 > 10.1.5.4:80 TCP S";
        assert_eq!(mask_line(frame, &[80]), frame.replace("11182", "P1"));
        assert_eq!(
            mask_line("KUBE-SERVICES:9 00:50:56:98:d2:4e", &[]),
            "KUBE-SERVICES:9 00:50:56:98:d2:4e"
        );
    }

    #[test]
    fn timeouts_may_differ_by_one_second() {
        let line = |t: u32| vec![format!("tcp      6 {t} SYN_SENT src=1.1.1.1")];
        assert_eq!(near(&line(119), &line(120)), line(120));
        assert_eq!(near(&line(118), &line(120)), line(118));
    }
}

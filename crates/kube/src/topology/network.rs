//! Decoding of segments, of the interfaces and routes of machines, and of routers.

use super::{Host, Nic, Router, Segment, StaticRoute};
use crate::decode::{Decoder, Fields, Spanned};
use crate::device;
use crate::diag::{Code, Diagnostic, Span, nearest};
use crate::fields;
use ipnet::Ipv4Net;
use net::netfilter::{Ruleset, TableName};
use net::spec::CableSpec;
use net::wire::{Mac, PROTO_TCP, PROTO_UDP};
use std::net::Ipv4Addr;
use std::str::FromStr;

/// A network that the text defines: its field, itself, its place.
pub(super) type DefinedNetwork = (&'static str, Ipv4Net, Span);

/// What [`DefinedNetwork`] calls a segment's.
pub(super) const SUBNET: &str = "the segment's subnet";

/// Decodes `spec.segments` into `all`, which has the default one.
pub(super) fn segments(
    d: &mut Decoder,
    spec: &mut Fields<'_>,
    all: &mut Vec<Segment>,
    networks: &mut Vec<DefinedNetwork>,
) {
    let written = spec.list(d, "segments");
    let Some(default) = all.pop_if(|_| !written.is_empty()) else { return };
    let mut names: Vec<Spanned<String>> = Vec::new();
    for mut f in written {
        if !all.is_empty() {
            f.require(d, "name", "write - name: with another name than the first segment's");
            f.require(d, "subnet", "write subnet: with a network that no other segment has");
        }
        let mut s = default.clone();
        // Only the first one may have the default name.
        let unnamed = Spanned { value: s.name.clone(), span: f.span };
        let name = f.string(d, "name").or_else(|| all.is_empty().then_some(unnamed));
        if let Some(n) = f.parsed::<Ipv4Net>(d, "subnet") {
            s.subnet = n.value.trunc();
            s.gateway = None;
            networks.push((SUBNET, s.subnet, n.span));
            let overlaps =
                |o: &&Segment| o.subnet.contains(&s.subnet) || s.subnet.contains(&o.subnet);
            if let Some(other) = all.iter().find(overlaps) {
                let message = format!(
                    "{} overlaps the subnet of segment {}: {}",
                    s.subnet, other.name, other.subnet
                );
                let hint = "give each segment a network of its own";
                d.error(Code::NetworkOverlap, n.span, message, hint);
            }
        }
        if let Some(n) = f.parsed(d, "gateway") {
            s.gateway = Some(n.value);
            check_usable(d, &f.path_of("gateway"), n.value, s.subnet, n.span);
        }
        if let Some(mtu) = f.number(d, "mtu") {
            s.mtu = mtu;
        }
        d.finish(f);
        if let Some(name) = name {
            if let Some(first) = names.iter().find(|n| n.value == name.value) {
                d.error(
                    Code::DuplicateObject,
                    name.span,
                    format!("{:?} is already defined in line {}", name.value, first.span.line),
                    "give each segment its own name",
                );
            }
            s.name.clone_from(&name.value);
            names.push(name);
        }
        all.push(s);
    }
}

/// Makes the first router of a segment its gateway unless the text names another one.
pub(super) fn default_gateways(segments: &mut [Segment], hosts: &[Host]) {
    for (i, s) in segments.iter_mut().enumerate().filter(|(_, s)| s.gateway.is_none()) {
        let routers = hosts.iter().filter(|h| h.router.is_some());
        let mut nics = routers.flat_map(Host::nics).filter(|n| n.segment == i);
        s.gateway = nics.next().map(|n| n.address.value.addr());
    }
}

/// Reports an address that no machine can have on a network.
fn check_usable(d: &mut Decoder, path: &str, addr: Ipv4Addr, net: Ipv4Net, span: Span) {
    let why = if !net.contains(&addr) {
        format!("not in the segment's subnet {net}")
    } else if net.prefix_len() < 31 && addr == net.network() {
        format!("the network address of {net}")
    } else if net.prefix_len() < 31 && addr == net.broadcast() {
        format!("the broadcast address of {net}")
    } else {
        return;
    };
    d.error(
        Code::InvalidAddress,
        span,
        format!("{path}: Invalid value: {addr}: {why}"),
        format!("write an address of {net}"),
    );
}

pub(super) fn mac(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Option<Mac> {
    f.parsed(d, name).map(|m| m.value)
}

/// A chance as `tc netem` takes it: `10%`, in parts of `u32::MAX`.
struct Chance(u32);

impl FromStr for Chance {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let number: f64 = text.strip_suffix('%').ok_or(())?.parse().map_err(|_| ())?;
        let in_range = (0.0..=100.0).contains(&number);
        in_range.then(|| Self((number / 100.0 * f64::from(u32::MAX)).round() as u32)).ok_or(())
    }
}

/// A destination port with its protocol: `8472/udp`.
struct PortOf(u8, u16);

impl FromStr for PortOf {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (port, protocol) = text.split_once('/').ok_or(())?;
        let protocol = match protocol {
            "tcp" => PROTO_TCP,
            "udp" => PROTO_UDP,
            _ => return Err(()),
        };
        port.parse().ok().filter(|p| *p > 0).map(|p| Self(protocol, p)).ok_or(())
    }
}

/// What interfaces are decoded with.
#[derive(Clone, Copy)]
pub(super) struct Segments<'a> {
    /// The segments of the text.
    pub(super) all: &'a [Segment],
    /// The default address of a machine's interface, as its number in the subnet.
    pub(super) number: u32,
    /// Of a router, which by default has the address of the segment's gateway.
    pub(super) of_router: bool,
}

impl Segments<'_> {
    /// The default address on a segment.
    fn address(self, segment: usize) -> Ipv4Net {
        let Segment { subnet, gateway, .. } = &self.all[segment];
        let numbered = || u32::from(subnet.network()).wrapping_add(self.number).into();
        let address = gateway.filter(|_| self.of_router).unwrap_or_else(numbered);
        Ipv4Net::new(address, subnet.prefix_len()).unwrap_or(*subnet)
    }

    /// The segment that an interface is on: the one that is named, or that has the address.
    fn of(self, d: &mut Decoder, f: &mut Fields<'_>, address: Option<&Spanned<Ipv4Net>>) -> usize {
        let Some(name) = f.string(d, "segment") else {
            let Some(address) = address else { return 0 };
            let has = |s: &Segment| s.subnet.contains(&address.value.addr());
            return self.all.iter().position(has).unwrap_or_else(|| {
                if self.all.len() > 1 {
                    let subnets: Vec<_> = self.all.iter().map(|s| s.subnet.to_string()).collect();
                    d.error(
                        Code::InvalidAddress,
                        address.span,
                        format!(
                            "{}: Invalid value: {}: not in the subnet of any segment",
                            f.path_of("address"),
                            address.value.addr()
                        ),
                        format!("write an address of {}", subnets.join(" or ")),
                    );
                }
                0
            });
        };
        let names = || self.all.iter().map(|s| s.name.as_str());
        names().position(|n| n == name.value).unwrap_or_else(|| {
            let hint = nearest(&name.value, names()).map_or_else(
                || format!("write one of {}", names().collect::<Vec<_>>().join(", ")),
                |n| format!("did you mean {n}?"),
            );
            let message = format!("{}: no segment {:?}", f.path_of("segment"), name.value);
            d.error(Code::UnsupportedValue, name.span, message, hint);
            0
        })
    }

    /// Decodes an interface, whose default name is `name`; without its mapping, all of it is the
    /// default.
    fn nic(self, d: &mut Decoder, f: Option<Fields<'_>>, name: String, span: Span) -> Nic {
        let at = |value| Spanned { value, span };
        let Some(mut f) = f else {
            let nic = Nic { name, ..Nic::on_first(at(self.address(0))) };
            return Nic { mtu: self.all[0].mtu, ..nic };
        };
        let known = d.diags.len();
        let name = f
            .string(d, "name")
            .filter(|n| check_device(d, &f.path_of("name"), n))
            .map_or(name, |n| n.value);
        let address = f.parsed::<Ipv4Net>(d, "address");
        let segment = self.of(d, &mut f, address.as_ref());
        let is_placed = d.diags.len() == known || self.all.len() == 1;
        let address = address.unwrap_or_else(|| at(self.address(segment)));
        if is_placed {
            let subnet = self.all[segment].subnet;
            check_usable(d, &f.path_of("address"), address.value.addr(), subnet, address.span);
        }
        let mac = mac(d, &mut f, "mac");
        let mtu = f.number(d, "mtu").unwrap_or(self.all[segment].mtu);
        let mut chance = |name| {
            let (node, path) = (f.get(name)?, f.path_of(name));
            d.parsed_or::<Chance>(node, &path, &fields::PERCENTAGE, Code::UnsupportedValue)
        };
        let mut cable = CableSpec {
            loss: chance("loss").map_or(0, |c| c.value.0),
            duplicate: chance("duplicate").map_or(0, |c| c.value.0),
            ..CableSpec::default()
        };
        cable.delay = f.time(d, "delay").unwrap_or_default();
        if let Some(list) = f.get("blocked") {
            let path = f.path_of("blocked");
            for (i, n) in d.items(list, &path).iter().enumerate() {
                let port = d.parsed_or::<PortOf>(
                    n,
                    &format!("{path}[{i}]"),
                    &fields::PORT_OF,
                    Code::UnsupportedValue,
                );
                cable.blocked.extend(port.map(|p| (p.value.0, p.value.1)));
            }
        }
        d.finish(f);
        Nic { name, segment, address, mac, mtu, cable }
    }

    /// Decodes `interfaces`, further ones than `first`.
    fn interfaces(self, d: &mut Decoder, f: &mut Fields<'_>, first: Option<&Nic>) -> Vec<Nic> {
        let mut out: Vec<Nic> = Vec::new();
        for item in f.list(d, "interfaces") {
            let (path, span) = (item.path.clone(), item.span);
            let name = format!("eth{}", out.len() + usize::from(first.is_some()));
            let nic = self.nic(d, Some(item), name, span);
            let mut others = first.into_iter().chain(&out);
            if let Some(other) = others.clone().find(|o| o.segment == nic.segment) {
                d.error(
                    Code::DuplicateValue,
                    span,
                    format!(
                        "{path}: {} is already on segment {}",
                        other.name, self.all[nic.segment].name
                    ),
                    "write segment: with the name of another segment",
                );
            } else if others.any(|o| o.name == nic.name) {
                d.error(
                    Code::DuplicateObject,
                    span,
                    format!("{path}: there is already a device {:?}", nic.name),
                    "give each interface of a machine its own name",
                );
            }
            out.push(nic);
        }
        out
    }

    /// Decodes `nic`, `interfaces` and `routes` of a machine.
    pub(super) fn machine(
        self,
        d: &mut Decoder,
        f: &mut Fields<'_>,
    ) -> (Nic, Vec<Nic>, Vec<StaticRoute>) {
        let own = f.fields(d, "nic");
        let nic = self.nic(d, own, "eth0".to_owned(), f.span);
        let interfaces = self.interfaces(d, f, Some(&nic));
        let nics: Vec<&Nic> = std::iter::once(&nic).chain(&interfaces).collect();
        let routes = routes(d, f, &nics);
        (nic, interfaces, routes)
    }
}

/// The network that a route leads to.
struct Destination(Ipv4Net);

impl FromStr for Destination {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = Ipv4Net::default();
        let net = if text == "default" { Ok(all) } else { text.parse::<Ipv4Net>() };
        net.map(|n| Self(n.trunc())).map_err(|_| ())
    }
}

fn routes(d: &mut Decoder, f: &mut Fields<'_>, nics: &[&Nic]) -> Vec<StaticRoute> {
    let mut out = Vec::new();
    for mut r in f.list(d, "routes") {
        r.require(d, "to", "write to: with a network, or default");
        r.require(d, "via", "write via: with the address of a router");
        let (to, via) = (r.parsed::<Destination>(d, "to"), r.parsed::<Ipv4Addr>(d, "via"));
        if let Some(via) = &via
            && !nics.iter().any(|n| n.reaches(via.value) && n.address.value.addr() != via.value)
        {
            let links: Vec<_> = nics.iter().map(|n| n.address.value.trunc().to_string()).collect();
            d.error(
                Code::InvalidAddress,
                via.span,
                format!("{}: Nexthop has invalid gateway: {}", r.path_of("via"), via.value),
                format!("write the address of another machine of {}", links.join(" or ")),
            );
        }
        d.finish(r);
        out.extend(to.zip(via).map(|(to, via)| StaticRoute { to: to.value.0, via: via.value }));
    }
    out
}

/// Decodes an item of `spec.hosts`.
pub(super) fn host(d: &mut Decoder, mut f: Fields<'_>, segments: Segments<'_>) -> Option<Host> {
    let name = f.require_string(d, "name", "write - name: bastion");
    let hostname = f.string(d, "hostname").map(|h| h.value);
    let (nic, interfaces, routes) = segments.machine(d, &mut f);
    d.finish(f);
    let name = name?;
    let hostname = hostname.unwrap_or_else(|| name.value.clone());
    Some(Host { hostname, name, nic, interfaces, routes, router: None })
}

/// Decodes an item of `spec.routers`.
pub(super) fn router(d: &mut Decoder, mut f: Fields<'_>, segments: Segments<'_>) -> Option<Host> {
    let name = f.require_string(d, "name", "write - name: router");
    let hostname = f.string(d, "hostname").map(|h| h.value);
    f.require(d, "interfaces", "write interfaces: with - segment: and a segment's name below it");
    let mut nics = segments.interfaces(d, &mut f, None);
    let routes = routes(d, &mut f, &nics.iter().collect::<Vec<_>>());
    let rules = iptables(d, &mut f);
    let mut router = Router { ip_forward: true, rp_filter: 0, rules };
    if let Some(mut s) = f.fields(d, "sysctl") {
        if let Some(v) = s.number::<u8>(d, "net.ipv4.ip_forward") {
            router.ip_forward = v == 1;
        }
        if let Some(v) = s.number(d, "net.ipv4.conf.all.rp_filter") {
            router.rp_filter = v;
        }
        d.finish(s);
    }
    d.finish(f);
    let (name, router) = (name?, Some(router));
    let hostname = hostname.unwrap_or_else(|| name.value.clone());
    let interfaces = nics.split_off(nics.len().min(1));
    Some(Host { hostname, name, nic: nics.pop()?, interfaces, routes, router })
}

/// Carries out the commands of `iptables`, one after the other.
fn iptables(d: &mut Decoder, f: &mut Fields<'_>) -> Ruleset {
    let mut rules = Ruleset::default();
    let Some(list) = f.get("iptables") else { return rules };
    let path = f.path_of("iptables");
    for (i, n) in d.items(list, &path).iter().enumerate() {
        let path = format!("{path}[{i}]");
        let Some(command) = d.string(n, &path) else { continue };
        let restored = iptables_restore(&command.value).and_then(|text| {
            rules.restored(&text, true).map_err(|errors| {
                // Advice about iptables-restore follows a semicolon.
                let why = errors.first().map_or("", |e| e.message.as_str());
                why.split("; write :").next().unwrap_or_default().to_owned()
            })
        });
        match restored {
            Ok(restored) => rules = restored.rules,
            Err(why) => {
                let message = format!("{path}: {why}");
                let hint = format!(
                    "write it like {}; -N and a name above it makes a chain",
                    fields::IPTABLES.example
                );
                d.error(Code::UnsupportedValue, command.span, message, hint);
            }
        }
    }
    rules
}

/// The text for iptables-restore that does what the arguments of iptables say.
fn iptables_restore(command: &str) -> Result<String, String> {
    let command = command.trim();
    let command = command.strip_prefix("iptables ").unwrap_or(command).trim_start();
    let (table, command) = match command.strip_prefix("-t ") {
        Some(rest) => rest.trim_start().split_once(' ').unwrap_or((rest, "")),
        None => (TableName::Filter.name(), command.trim_start()),
    };
    let words: Vec<&str> = command.split_whitespace().collect();
    let line = match words[..] {
        ["-A", ..] => command.to_owned(),
        ["-N", chain] => format!(":{chain} - [0:0]"),
        ["-P", chain, policy] => format!(":{chain} {policy} [0:0]"),
        _ => {
            return Err(format!(
                "Invalid value: {command:?}: must be -A, -N or -P with its arguments"
            ));
        }
    };
    if line.contains('\n') {
        return Err("Invalid value: must be a single command".to_owned());
    }
    Ok(format!("*{table}\n{line}\nCOMMIT\n"))
}

/// Reports a name that a configured device cannot have (`net/core/dev.c`, `dev_valid_name`; names
/// that components use). Returns whether it is valid.
pub(super) fn check_device(d: &mut Decoder, path: &str, name: &Spanned<String>) -> bool {
    let n = name.value.as_str();
    let invalid = matches!(n, "" | "." | "..")
        || n.len() > 15
        || n.contains(|c: char| c == '/' || c == ':' || c.is_whitespace());
    let reserved =
        matches!(n, "lo" | device::CNI_BRIDGE | device::DOCKER_BRIDGE) || n.starts_with("flannel.");
    let (why, hint) = if invalid {
        ("not a device name", "write 1 to 15 characters without spaces, '/' or ':'")
    } else if reserved {
        ("a component creates a device of this name", "choose another name, such as eth0")
    } else {
        return true;
    };
    let message = format!("{path}: Invalid value: {n:?}: {why}");
    d.error(Code::InvalidName, name.span, message, hint);
    false
}

/// Reports networks that overlap: valid, but hardly intended.
pub(super) fn warn_of_overlaps(
    d: &mut Decoder,
    all: &[(&str, Ipv4Net)],
    defined: &[DefinedNetwork],
) {
    let mut reported: Vec<(&str, &str)> = Vec::new();
    for (name, net, span) in defined.iter().rev() {
        for (other, range) in all.iter().filter(|(n, _)| n != name) {
            let overlap = net.contains(range) || range.contains(net);
            if overlap && !reported.contains(&(other, name)) {
                reported.push((name, other));
                d.diags.push(Diagnostic::warning(
                    Code::NetworkOverlap,
                    *span,
                    format!("{net} overlaps {other} ({range}): addresses in both are ambiguous"),
                    "choose a network that nothing else uses",
                ));
            }
        }
    }
}

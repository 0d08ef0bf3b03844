//! The tables of a network namespace, as `ip`, `bridge`, `sysctl`, `conntrack` and `iptables` print
//! them.

use crate::conntrack::Connection;
use crate::id::{DevId, NetnsId};
use crate::netfilter::{TableName, list_chain, list_table, save};
use crate::route::{Route, RouteProto};
use crate::skb::Skb;
use crate::state::{DeviceKind, FdbEntry, Netns, State};
use crate::time::Instant;
use std::fmt::Write;
use std::net::IpAddr;
use std::rc::Rc;

/// `ip route`: table `main`, sorted by destination, prefix length and metric.
pub fn ip_route(ns: &Netns) -> String {
    let mut routes: Vec<_> = ns.routes.iter().collect();
    routes.sort_by_key(|r| (r.dst.addr(), r.dst.prefix_len(), r.metric));
    routes.into_iter().map(|r| route_line(ns, r) + "\n").collect()
}

/// A line of `ip route`, with the space it ends in.
pub fn route_line(ns: &Netns, r: &Route) -> String {
    let mut out =
        if r.dst.prefix_len() == 0 { "default ".to_owned() } else { format!("{} ", r.dst) };
    if let Some(via) = r.via {
        let _ = write!(out, "via {via} ");
    }
    let _ = write!(out, "dev {} ", ns.dev(r.dev).name);
    match r.proto {
        RouteProto::Kernel => out.push_str("proto kernel "),
        RouteProto::Static => out.push_str("proto static "),
        RouteProto::Boot => {}
    }
    if r.via.is_none() {
        out.push_str("scope link ");
    }
    if let Some(src) = r.src {
        let _ = write!(out, "src {src} ");
    }
    if r.metric > 0 {
        let _ = write!(out, "metric {} ", r.metric);
    }
    if r.onlink {
        out.push_str("onlink ");
    }
    out
}

/// `ip neigh`, in order of device and address (the kernel's own order is that of a hash). Without
/// `trailing_space` as iproute2 of 2018 prints it, with it as today's.
pub fn ip_neigh(ns: &Netns, trailing_space: bool) -> String {
    let mut out = String::new();
    for ((dev, addr), n) in &ns.neighbours {
        let _ = write!(out, "{addr} dev {} ", ns.dev(*dev).name);
        match n.lladdr {
            Some(mac) => _ = write!(out, "lladdr {mac} "),
            None if trailing_space => {}
            None => out.push(' '),
        }
        let _ = writeln!(out, "{}{}", n.state.name(), if trailing_space { " " } else { "" });
    }
    out
}

/// `sysctl`, of what is simulated.
pub fn sysctl(ns: &Netns) -> String {
    let s = &ns.sysctl;
    let all = [
        ("net.ipv4.ip_forward", u8::from(s.ip_forward)),
        ("net.bridge.bridge-nf-call-iptables", u8::from(s.bridge_nf_call_iptables)),
        ("net.ipv4.conf.all.rp_filter", s.rp_filter),
        ("net.ipv4.conf.all.route_localnet", u8::from(s.route_localnet)),
        ("net.ipv4.conf.all.send_redirects", u8::from(s.send_redirects)),
        ("net.ipv4.conf.all.accept_redirects", u8::from(s.accept_redirects)),
    ];
    all.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// `ip -br addr`: name, whether it works, addresses.
pub fn ip_brief(state: &State, netns: NetnsId) -> String {
    let mut out = String::new();
    for (d, i) in state.ns(netns).devices.iter().zip(0..).filter(|(d, _)| !d.gone) {
        let (name, word) = (peered(state, d), operstate(state, netns, DevId(i)));
        let addrs: String = d.addrs.iter().map(|a| format!("{a} ")).collect();
        let _ = writeln!(out, "{name:<16} {word:<14} {addrs}");
    }
    out
}

/// `bridge link`: the ports of bridges.
pub fn bridge_link(state: &State, netns: NetnsId) -> String {
    let ns = state.ns(netns);
    let mut out = String::new();
    for (d, i) in ns.devices.iter().zip(0..).filter(|(d, _)| !d.gone) {
        let Some(master) = d.master else { continue };
        let up = operstate(state, netns, DevId(i)) == "UP";
        let flags = if up { "BROADCAST,MULTICAST,UP,LOWER_UP" } else { "BROADCAST,MULTICAST" };
        let (state_word, cost) = if up { ("forwarding", 2) } else { ("disabled", 2) };
        let _ = writeln!(
            out,
            "{}: {}: <{flags}> mtu {} master {} state {state_word} priority 32 cost {cost}",
            d.ifindex,
            peered(state, d),
            d.mtu,
            ns.dev(master).name
        );
    }
    out
}

/// A veth's name with the number of its other end, which is in another namespace.
fn peered(state: &State, d: &crate::state::Device) -> String {
    match d.kind {
        DeviceKind::Cable { peer: (netns, dev), nic: false } => {
            format!("{}@if{}", d.name, state.ns(netns).dev(dev).ifindex)
        }
        _ => d.name.to_string(),
    }
}

/// `UP`, `DOWN` or `UNKNOWN`, as `ip` says whether a device works.
fn operstate(state: &State, netns: NetnsId, dev: DevId) -> &'static str {
    let d = state.ns(netns).dev(dev);
    match d.kind {
        DeviceKind::Loopback | DeviceKind::Vxlan { .. } if d.up => "UNKNOWN",
        _ if d.up && state.has_carrier(netns, dev) => "UP",
        _ => "DOWN",
    }
}

/// `bridge fdb show dev DEV`, or `br BRIDGE`; none if there is no such device.
pub fn bridge_fdb(ns: &Netns, name: &str, of_bridge: bool) -> Option<String> {
    let (id, _) = ns.dev_named(name)?;
    let mut out = String::new();
    for ((bridge, mac), entry) in &ns.fdb {
        match entry {
            FdbEntry::Remote(vtep) if *bridge == id => {
                _ = writeln!(out, "{mac} dst {vtep} self permanent");
            }
            FdbEntry::Port(port) if of_bridge && *bridge == id => {
                _ = writeln!(out, "{mac} dev {} master {name} ", ns.dev(*port).name);
            }
            FdbEntry::Port(port) if *port == id => {
                _ = writeln!(out, "{mac} master {} ", ns.dev(*bridge).name);
            }
            _ => {}
        }
    }
    Some(out)
}

/// One connection, as `conntrack -L` prints it. `packets`: how many of its packets are held up on
/// this node, each of which uses the entry.
pub fn conntrack_line(c: &Connection, now: Instant, packets: usize) -> String {
    let proto = c.original.proto;
    let mut out =
        format!("{:<8} {proto} {} ", c.original.proto_name(), (c.expires - now).as_secs());
    if let Some(state) = c.tcp_state() {
        let _ = write!(out, "{} ", state.name());
    }
    let _ = write!(out, "{} ", c.original);
    if !c.status.seen_reply {
        out.push_str("[UNREPLIED] ");
    }
    let _ = write!(out, "{} ", c.reply);
    if c.status.assured {
        out.push_str("[ASSURED] ");
    }
    let _ = write!(out, "mark=0 use={}", packets + 1);
    out
}

/// `conntrack -L`: the confirmed connections that have not expired, one a line.
pub fn conntrack_list(state: &State, netns: NetnsId) -> String {
    let mut out = String::new();
    for (id, c) in
        state.ns(netns).conntrack.iter().filter(|(_, c)| c.confirmed() && c.expires >= state.now)
    {
        let uses = |s: &&Rc<Skb>| s.netns == netns && s.ct.is_some_and(|(i, _)| i == id);
        out.push_str(&conntrack_line(c, state.now, state.packets.values().filter(uses).count()));
        out.push('\n');
    }
    out
}

/// `iptables -t TABLE -vnL [CHAIN]`; none if there is no such chain.
pub fn iptables_list(ns: &Netns, table: TableName, chain: Option<&str>) -> Option<String> {
    let t = ns.rules.table(table);
    let counter = |i: u32| ns.counter(table, i);
    match chain {
        None => Some(list_table(t, &counter)),
        Some(name) => t.chain(name).map(|(id, _)| list_chain(t, id, &counter)),
    }
}

/// `iptables-save` with counters. `program` and `date` go into its comments.
pub fn iptables_save(ns: &Netns, program: &str, date: &str) -> String {
    save(&ns.rules, program, date, &|t, i| ns.counter(t, i))
}

/// `address:port`, or the address alone where there is no port.
pub fn endpoint(addr: IpAddr, port: Option<u16>) -> String {
    port.map_or_else(|| addr.to_string(), |p| format!("{addr}:{p}"))
}

//! The commands that change a node: `ip`, `bridge`, `sysctl`, `iptables-restore`, `conntrack -F`.

use super::CommandOutput;
use crate::session::Session;
use net::engine::Setting;
use net::neigh::{Neighbour, NudState};
use net::route::{Route, RouteProto};
use net::state::{DeviceKind, FdbEntry, Netns};
use net::wire::Mac;
use net::{DevId, NetnsId, spec::Sysctl};
use std::net::IpAddr;
use std::rc::Rc;

/// Applies a setting, or prints why there is none.
fn set(session: &mut Session, netns: NetnsId, setting: Result<Setting, String>) -> CommandOutput {
    match setting {
        Ok(setting) => {
            session.configure(netns, setting);
            CommandOutput::default()
        }
        Err(message) => CommandOutput::fail(2, message + "\n"),
    }
}

fn device(ns: &Netns, name: &str) -> Result<DevId, String> {
    ns.dev_named(name).map(|(id, _)| id).ok_or_else(|| format!("Cannot find device \"{name}\""))
}

/// The word that follows a word.
fn after<'a>(args: &[&'a str], word: &str) -> Option<&'a str> {
    args.iter().position(|a| *a == word).and_then(|i| args.get(i + 1)).copied()
}

/// Checks that arguments are options with a value or options without; any other is an error.
fn only(args: &[&str], pairs: &[&str], alone: &[&str]) -> Result<(), String> {
    let mut rest = args;
    while let [word, more @ ..] = rest {
        rest = match more {
            [_, more @ ..] if pairs.contains(word) => more,
            [] if pairs.contains(word) => {
                return Err(format!("Command line is not complete after \"{word}\"."));
            }
            _ if alone.contains(word) => more,
            _ => {
                return Err(format!(
                    "\"{word}\" is not understood here; try: {}",
                    [pairs, alone].concat().join(", ")
                ));
            }
        };
    }
    Ok(())
}

fn parsed<T: std::str::FromStr>(what: &str, text: Option<&str>) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("Error: {what} is missing."))?;
    text.parse().map_err(|_| format!("Error: {what} expected rather than \"{text}\"."))
}

/// `ip route add|replace|del`, `ip route flush cache`.
pub(super) fn route(
    session: &mut Session,
    netns: NetnsId,
    verb: &str,
    args: &[&str],
) -> CommandOutput {
    let ns = session.world().state().ns(netns);
    let setting = match (verb, args) {
        ("flush", ["cache"]) => Ok(Setting::FlushCache),
        ("flush", _) => Err("ip: only `ip route flush cache` is understood here".to_owned()),
        _ => routes(ns, verb, args),
    };
    set(session, netns, setting)
}

fn routes(ns: &Netns, verb: &str, args: &[&str]) -> Result<Setting, String> {
    let dst = match args.first() {
        Some(&"default") => "0.0.0.0/0",
        Some(a) => a,
        None => return Err("Command line is not complete. Try option \"help\"".to_owned()),
    };
    let dst = dst
        .parse()
        .or_else(|_| dst.parse::<IpAddr>().map(Into::into))
        .map_err(|_| format!("Error: any valid prefix is expected rather than \"{dst}\"."))?;
    only(&args[1..], &["via", "dev", "src", "metric"], &["onlink"])?;
    let mut all = Vec::clone(&ns.routes);
    let route = Route {
        dst,
        via: None,
        dev: DevId(0),
        src: None,
        onlink: false,
        proto: RouteProto::Boot,
        metric: 0,
    };
    if route.dst.trunc() != route.dst {
        return Err("Error: Invalid prefix for given prefix length.".to_owned());
    }
    let via: Option<IpAddr> =
        after(args, "via").map(|v| parsed("any valid address", Some(v))).transpose()?;
    if verb == "del" {
        let dev = after(args, "dev").map(|d| device(ns, d)).transpose()?;
        let fits = |r: &Route| {
            r.dst == dst && dev.is_none_or(|d| d == r.dev) && (via.is_none() || via == r.via)
        };
        let Some(at) = all.iter().position(fits) else {
            return Err("RTNETLINK answers: No such process".to_owned());
        };
        all.remove(at);
        return Ok(Setting::Routes(Rc::new(all)));
    }
    let onlink = args.contains(&"onlink");
    let named = after(args, "dev").map(|name| device(ns, name)).transpose()?;
    // A gateway must be a neighbour on the link (`fib_check_nh`).
    let gateway =
        via.filter(|_| !onlink || named.is_none()).map(|gateway| match ns.route(gateway) {
            Some(net::route::Decision::Out { dev, next_hop, .. })
                if next_hop == gateway && named.is_none_or(|n| n == dev) =>
            {
                Ok(dev)
            }
            _ => Err("Error: Nexthop has invalid gateway.".to_owned()),
        });
    let Some(dev) = gateway.transpose()?.or(named) else {
        return Err("RTNETLINK answers: No such device".to_owned());
    };
    let src = after(args, "src").map(|v| parsed("any valid address", Some(v))).transpose()?;
    let metric = after(args, "metric").map_or(Ok(0), |m| parsed("\"metric\" value", Some(m)))?;
    let same = |r: &Route| r.dst == dst && r.metric == metric;
    match (verb, all.iter().position(same)) {
        ("add", Some(_)) => return Err("RTNETLINK answers: File exists".to_owned()),
        (_, Some(at)) => _ = all.remove(at),
        _ => {}
    }
    all.push(Route { via, dev, src, onlink, metric, ..route });
    Ok(Setting::Routes(Rc::new(all)))
}

/// `ip neigh add|replace|del ADDRESS … dev DEV`.
pub(super) fn neigh(
    session: &mut Session,
    netns: NetnsId,
    verb: &str,
    args: &[&str],
) -> CommandOutput {
    let ns = session.world().state().ns(netns);
    let setting = (|| {
        let addr: IpAddr = parsed("an address", args.first().copied())?;
        only(&args[1..], &["lladdr", "dev", "nud"], &[])?;
        let dev = device(
            ns,
            after(args, "dev").ok_or("Device and destination are required arguments.")?,
        )?;
        let to = if verb == "del" {
            ns.neighbours
                .get(&(dev, addr))
                .map(|_| None)
                .ok_or("RTNETLINK answers: No such file or directory")?
        } else {
            if verb == "add" && ns.neighbours.contains_key(&(dev, addr)) {
                return Err("RTNETLINK answers: File exists".to_owned());
            }
            let state = match after(args, "nud").unwrap_or("permanent") {
                "permanent" => NudState::Permanent,
                "reachable" => NudState::Reachable,
                "stale" => NudState::Stale,
                other => {
                    return Err(format!("Error: argument \"{other}\" is wrong: nud state is bad"));
                }
            };
            // An entry that is there keeps its cached header.
            let cached = ns.neighbours.get(&(dev, addr)).is_some_and(|n| n.cached);
            Some(Neighbour {
                cached,
                ..Neighbour::known(parsed("\"lladdr\" value", after(args, "lladdr"))?, state)
            })
        };
        Ok(Setting::Neighbour { dev, addr, to })
    })();
    set(session, netns, setting)
}

/// `ip link set [dev] DEV up|down|mtu N|type bridge_slave hairpin on|off`.
pub(super) fn link(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let args = if args.first() == Some(&"dev") { &args[1..] } else { args };
    let ns = session.world().state().ns(netns);
    let setting = (|| {
        let [name, rest @ ..] = args else {
            return Err("Not enough information: \"dev\" argument is required.".to_owned());
        };
        let dev = device(ns, name)?;
        let mut to = ns.dev(dev).clone();
        match rest {
            ["up"] => to.up = true,
            ["down"] => to.up = false,
            ["mtu", n] => {
                to.mtu = parsed("\"mtu\" value", Some(n))?;
                let most = if matches!(to.kind, DeviceKind::Loopback) { 65_536 } else { 65_535 };
                if to.mtu < 68 {
                    return Err("Error: mtu less than device minimum.".to_owned());
                }
                if to.mtu > most {
                    return Err("Error: mtu greater than device maximum.".to_owned());
                }
            }
            ["type", "bridge_slave", ..] if to.master.is_none() => {
                return Err("RTNETLINK answers: Operation not supported".to_owned());
            }
            ["type", "bridge_slave", "hairpin", how @ ("on" | "off")] => to.hairpin = *how == "on",
            _ => {
                return Err(format!(
                    "ip link set: {} is not understood here; try: up, down, mtu N, type bridge_slave hairpin on|off",
                    rest.join(" ")
                ));
            }
        }
        Ok(Setting::Device { dev, to: Box::new(to) })
    })();
    set(session, netns, setting)
}

/// `bridge fdb append|add|replace|del MAC dev DEV dst VTEP`. Of a unicast address that has an
/// entry, `add` fails and `append` changes nothing (`vxlan_fdb_update_existing`).
pub(super) fn fdb(
    session: &mut Session,
    netns: NetnsId,
    verb: &str,
    args: &[&str],
) -> CommandOutput {
    let ns = session.world().state().ns(netns);
    let setting = (|| {
        let mac: Mac = parsed("a MAC", args.first().copied())?;
        only(&args[1..], &["dev", "dst"], &["self", "permanent"])?;
        let dev =
            device(ns, after(args, "dev").ok_or("Device and address are required arguments.")?)?;
        if !matches!(ns.dev(dev).kind, DeviceKind::Vxlan { .. }) {
            return Err("bridge fdb: only entries of a VXLAN device can be changed here".to_owned());
        }
        let known = ns.fdb.contains_key(&(dev, mac));
        let unicast = mac.0[0] & 1 == 0 && mac != Mac::ZERO;
        let remote = || parsed("an address", after(args, "dst")).map(FdbEntry::Remote);
        let to = match verb {
            "del" if known => None,
            "del" => return Err("RTNETLINK answers: No such file or directory".to_owned()),
            "add" if known => return Err("RTNETLINK answers: File exists".to_owned()),
            "append" if known && unicast => return remote().map(|_| None),
            _ => Some(remote()?),
        };
        Ok(Some(Setting::Fdb { dev, mac, to }))
    })();
    match setting {
        Ok(None) => CommandOutput::ok(String::new()),
        Ok(Some(setting)) => set(session, netns, Ok(setting)),
        Err(why) => set(session, netns, Err(why)),
    }
}

/// `sysctl [-w] KEY=VALUE`, `sysctl KEY`.
pub(super) fn sysctl(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let args: Vec<_> = args.iter().filter(|a| !matches!(**a, "-w" | "-q" | "-qw")).collect();
    let [word] = args.as_slice() else {
        return CommandOutput::fail(
            1,
            "sysctl: one KEY or KEY=VALUE at a time is understood here\n",
        );
    };
    let (key, value) = word.split_once('=').map_or((**word, None), |(k, v)| (k, Some(v)));
    let mut to = session.world().state().ns(netns).sysctl.clone();
    let Some(field) = field(&mut to, key) else {
        let keys = SYSCTLS.join(", ");
        return CommandOutput::fail(
            255,
            format!(
                "sysctl: cannot stat /proc/sys/{}: not simulated; here are: {keys}\n",
                key.replace('.', "/")
            ),
        );
    };
    let shown = match (field, value) {
        (Field::Switch(on), None) => u8::from(*on),
        (Field::Number(n), None) => *n,
        (field, Some(text)) => {
            let most = if matches!(field, Field::Switch(_)) { 1 } else { 2 };
            let Some(n) = text.parse::<u8>().ok().filter(|n| *n <= most) else {
                return CommandOutput::fail(
                    255,
                    format!(
                        "sysctl: setting key \"{key}\": Invalid argument; write a number from 0 to {most}\n"
                    ),
                );
            };
            match field {
                Field::Switch(on) => *on = n == 1,
                Field::Number(number) => *number = n,
            }
            session.configure(netns, Setting::Sysctl(to));
            n
        }
    };
    CommandOutput::ok(format!("{key} = {shown}\n"))
}

/// The settings that are simulated.
pub(super) const SYSCTLS: [&str; 6] = [
    "net.ipv4.ip_forward",
    "net.bridge.bridge-nf-call-iptables",
    "net.ipv4.conf.all.rp_filter",
    "net.ipv4.conf.all.route_localnet",
    "net.ipv4.conf.all.send_redirects",
    "net.ipv4.conf.all.accept_redirects",
];

enum Field<'a> {
    Switch(&'a mut bool),
    Number(&'a mut u8),
}

fn field<'a>(s: &'a mut Sysctl, key: &str) -> Option<Field<'a>> {
    Some(match SYSCTLS.iter().position(|k| *k == key)? {
        0 => Field::Switch(&mut s.ip_forward),
        1 => Field::Switch(&mut s.bridge_nf_call_iptables),
        2 => Field::Number(&mut s.rp_filter),
        3 => Field::Switch(&mut s.route_localnet),
        4 => Field::Switch(&mut s.send_redirects),
        _ => Field::Switch(&mut s.accept_redirects),
    })
}

/// `iptables-restore [--noflush] <<< 'TEXT'`.
pub(super) fn restore(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    let (noflush, rest) = match args {
        ["--noflush" | "-n", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let setting = match rest {
        ["<<<", text] => {
            let rules = &session.world().state().ns(netns).rules;
            let fault = |e: &net::netfilter::RestoreError| {
                format!("iptables-restore: line {} column {}: {}", e.line, e.column, e.message)
            };
            match rules.restored(text, noflush) {
                Ok(rules) => Ok(Setting::Rules(Box::new(rules))),
                Err(e) => Err(e.iter().map(fault).collect::<Vec<_>>().join("\n")),
            }
        }
        _ => Err("iptables-restore: add the rules: iptables-restore [--noflush] <<< '*filter …'"
            .to_owned()),
    };
    set(session, netns, setting)
}

/// `conntrack -D [-p PROTO] [-s ADDRESS] [-d ADDRESS] [--sport PORT] [--dport PORT]`: compares with
/// the original direction.
pub(super) fn forget(session: &mut Session, netns: NetnsId, args: &[&str]) -> CommandOutput {
    const WORDS: [&str; 7] = ["-p", "-s", "--orig-src", "-d", "--orig-dst", "--sport", "--dport"];
    let wanted = (|| {
        only(args, &WORDS, &[])?;
        let address = |short, long| {
            after(args, short)
                .or(after(args, long))
                .map(|v| parsed::<IpAddr>("an address", Some(v)))
                .transpose()
        };
        let port = |word| after(args, word).map(|v| parsed::<u16>("a port", Some(v))).transpose();
        let proto = match after(args, "-p") {
            None => None,
            Some("tcp") => Some(net::wire::PROTO_TCP),
            Some("udp") => Some(net::wire::PROTO_UDP),
            Some("icmp") => Some(net::wire::PROTO_ICMP),
            Some(other) => return Err(format!("conntrack: unknown protocol `{other}'")),
        };
        Ok((
            proto,
            address("-s", "--orig-src")?,
            address("-d", "--orig-dst")?,
            port("--sport")?,
            port("--dport")?,
        ))
    })();
    let (proto, src, dst, sport, dport) = match wanted {
        Ok(w) => w,
        Err(message) => return CommandOutput::fail(2, message + "\n"),
    };
    let fits = |t: &net::conntrack::Tuple| {
        proto.is_none_or(|p| p == t.proto)
            && src.is_none_or(|a| a == t.src)
            && dst.is_none_or(|a| a == t.dst)
            && sport.is_none_or(|p| t.sport() == Some(p))
            && dport.is_none_or(|p| t.dport() == Some(p))
    };
    let state = session.world().state();
    let found: Vec<_> = state
        .ns(netns)
        .conntrack
        .iter()
        .filter(|(_, c)| c.confirmed() && fits(&c.original))
        .map(|(id, c)| (id, c.clone()))
        .collect();
    let lines: String =
        found.iter().map(|(_, c)| net::dump::conntrack_line(c, state.now, 0) + "\n").collect();
    for (id, _) in &found {
        session.configure(netns, Setting::Forget(*id));
    }
    let n = found.len();
    let text =
        format!("{lines}conntrack v1.4.4 (conntrack-tools): {n} flow entries have been deleted.\n");
    CommandOutput { text, status: i32::from(n == 0) }
}

//! The tables of a network namespace at a moment, as the tools print them, with the entries that
//! the last event used or changed.

use net::event::{BridgeTo, EventKind};
use net::route::Decision;
use net::state::{DeviceKind, Netns};
use net::{Event, NetnsId, State, dump};

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, as the tool prints it.
    pub text: String,
    /// Whether the last event used this entry.
    pub used: bool,
    /// What the last event did to it.
    pub fate: Fate,
    /// The command that deletes the entry, if there is one.
    pub delete: Option<String>,
}

/// What the last event did to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The entry is as it was before.
    Same,
    /// The entry was added or changed.
    New,
    /// The entry was removed; it is shown once more.
    Gone,
}

/// A table with its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintedTable {
    /// The command that prints it.
    pub command: String,
    /// What the command prints, one entry a line.
    pub lines: Vec<Line>,
}

/// The tables of a network namespace. `event` is the last event; with `device`, only what concerns
/// that device.
pub fn tables(
    state: &State,
    netns: NetnsId,
    device: Option<&str>,
    event: Option<&Event>,
) -> Vec<PrintedTable> {
    let before = event.filter(|e| e.changes.iter().any(|c| c.netns() == Some(netns))).map(|e| {
        let mut before = state.clone();
        e.changes.iter().rev().for_each(|c| before.undo(c));
        before
    });
    let here = event.filter(|e| e.netns == Some(netns));
    let ns = state.ns(netns);
    let mut out = Vec::new();
    for printed in printers(ns, device) {
        let now = (printed.print)(state, netns);
        let was = before.as_ref().map(|b| (printed.print)(b, netns));
        let sorted = |text: &str| {
            let mut all: Vec<String> = text.lines().map(steady).collect();
            all.sort_unstable();
            all
        };
        let known = was.as_deref().map(sorted);
        let left = was.as_ref().map(|_| sorted(&now)).unwrap_or_default();
        let mut lines: Vec<Line> = Vec::new();
        for text in now.lines() {
            let is_new = known.as_ref().is_some_and(|k| k.binary_search(&steady(text)).is_err());
            let used = here.is_some_and(|e| uses(e, ns, printed.kind, text));
            let delete = delete(printed.kind, text, &printed.command);
            lines.push(Line {
                text: text.trim_end().to_owned(),
                used,
                fate: if is_new { Fate::New } else { Fate::Same },
                delete,
            });
        }
        for text in
            was.iter().flat_map(|w| w.lines()).filter(|l| left.binary_search(&steady(l)).is_err())
        {
            lines.push(Line {
                text: text.trim_end().to_owned(),
                used: false,
                fate: Fate::Gone,
                delete: None,
            });
        }
        if !lines.is_empty() {
            out.push(PrintedTable { command: printed.command, lines });
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Addresses,
    Routes,
    Neighbours,
    Fdb,
    Ports,
    Connections,
    Sysctl,
}

/// Prints a table of a network namespace.
type Print = Box<dyn Fn(&State, NetnsId) -> String>;

struct Printed {
    kind: Kind,
    command: String,
    print: Print,
}

/// The tables with their commands, in the order in which a packet meets them.
fn printers(ns: &Netns, device: Option<&str>) -> Vec<Printed> {
    let mut out = Vec::new();
    let mut add = |kind, command: String, print: Print| out.push(Printed { kind, command, print });
    // With `device`, only the lines about it.
    let only = |words: Option<String>, text: String| match words {
        Some(w) => text
            .lines()
            .filter(|l| l.split([' ', '@', ':']).any(|x| x == w))
            .map(|l| format!("{l}\n"))
            .collect(),
        None => text,
    };
    let dev = device.map(str::to_owned);
    let d = dev.clone();
    add(
        Kind::Addresses,
        "ip -br addr".to_owned(),
        Box::new(move |s, n| only(d.clone(), dump::ip_brief(s, n))),
    );
    let d = dev.clone();
    add(
        Kind::Routes,
        "ip route".to_owned(),
        Box::new(move |s, n| only(d.clone(), dump::ip_route(s.ns(n)))),
    );
    let d = dev.clone();
    add(
        Kind::Neighbours,
        "ip neigh".to_owned(),
        Box::new(move |s, n| only(d.clone(), dump::ip_neigh(s.ns(n), false))),
    );
    for x in ns.devices.iter().filter(|x| !x.gone && device.is_none_or(|d| d == &*x.name)) {
        let of_bridge = matches!(x.kind, DeviceKind::Bridge { .. });
        if !of_bridge && !matches!(x.kind, DeviceKind::Vxlan { .. }) {
            continue;
        }
        let name = x.name.clone();
        let command = format!("bridge fdb show {} {name}", if of_bridge { "br" } else { "dev" });
        add(
            Kind::Fdb,
            command,
            Box::new(move |s, n| dump::bridge_fdb(s.ns(n), &name, of_bridge).unwrap_or_default()),
        );
    }
    let bridge = device.is_none_or(|d| {
        ns.dev_named(d)
            .is_some_and(|(_, d)| matches!(d.kind, DeviceKind::Bridge { .. }) || d.master.is_some())
    });
    if bridge {
        add(
            Kind::Ports,
            "bridge link".to_owned(),
            Box::new(move |s, n| only(dev.clone(), dump::bridge_link(s, n))),
        );
    }
    if device.is_none() {
        add(Kind::Connections, "conntrack -L".to_owned(), Box::new(dump::conntrack_list));
        add(Kind::Sysctl, "sysctl".to_owned(), Box::new(|s, n| dump::sysctl(s.ns(n))));
    }
    out
}

/// A line without its timeout, for comparisons.
fn steady(line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    // The third word of a conntrack entry is its timeout in seconds.
    if matches!(words.first(), Some(&("tcp" | "udp" | "icmp"))) && words.len() > 3 {
        words.remove(2);
    }
    words.join(" ")
}

/// Whether an event used the entry in a line.
fn uses(e: &Event, ns: &Netns, kind: Kind, line: &str) -> bool {
    let begins = |word: String| line.strip_prefix(&word).is_some_and(|rest| rest.starts_with(' '));
    let dev = |d: net::DevId| &*ns.dev(d).name;
    let has_dev = |d: net::DevId| {
        line.contains(&format!("dev {} ", dev(d)))
            || line.trim_end().ends_with(&format!("dev {}", dev(d)))
    };
    match (&e.kind, kind) {
        (EventKind::Routed { decision: Decision::Out { route, .. }, .. }, Kind::Routes) => ns
            .routes
            .get(*route)
            .is_some_and(|r| dump::route_line(ns, r).trim_end() == line.trim_end()),
        (
            EventKind::NeighbourUsed { dev: d, addr, .. }
            | EventKind::NeighbourAwaited { dev: d, addr },
            Kind::Neighbours,
        ) => begins(addr.to_string()) && has_dev(*d),
        (EventKind::VtepFound { mac, .. }, Kind::Fdb) => {
            begins(mac.to_string()) && line.contains(" dst ")
        }
        (EventKind::Bridged { to: BridgeTo::Port(p), .. }, Kind::Ports) => {
            line.contains(&format!(" {}@", dev(*p))) || line.contains(&format!(" {}:", dev(*p)))
        }
        (
            EventKind::Tracked { id: Some(id), .. }
            | EventKind::NatDecided { id, .. }
            | EventKind::Confirmed { id, .. },
            Kind::Connections,
        ) => ns.conntrack.get(*id).is_some_and(|c| {
            let own = dump::conntrack_line(c, net::Instant::default(), 0);
            ends(&own) == ends(line)
        }),
        _ => false,
    }
}

/// The tuples in the line of a conntrack entry.
fn ends(line: &str) -> Vec<&str> {
    line.split_whitespace().filter(|w| w.contains('=') && !w.starts_with("use=")).collect()
}

/// The command that deletes an entry.
fn delete(kind: Kind, line: &str, command: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after =
        |word: &str| words.iter().position(|w| *w == word).and_then(|i| words.get(i + 1)).copied();
    match kind {
        Kind::Routes => {
            let via = after("via").map(|v| format!(" via {v}")).unwrap_or_default();
            Some(format!("ip route del {}{via} dev {}", words.first()?, after("dev")?))
        }
        Kind::Neighbours => Some(format!("ip neigh del {} dev {}", words.first()?, after("dev")?)),
        Kind::Fdb if line.contains(" dst ") => {
            Some(format!("bridge fdb del {} dev {}", words.first()?, command.rsplit(' ').next()?))
        }
        Kind::Connections => {
            let value = |key: &str| words.iter().find_map(|w| w.strip_prefix(key));
            let ports = match (value("sport="), value("dport=")) {
                (Some(s), Some(d)) => format!(" --sport {s} --dport {d}"),
                _ => String::new(),
            };
            Some(format!(
                "conntrack -D -p {} -s {} -d {}{ports}",
                words.first()?,
                value("src=")?,
                value("dst=")?
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, App, tests::sent, update};

    /// The tables of node01 at the first event that `is` one.
    fn at(app: &mut App, is: impl Fn(&EventKind) -> bool) -> Vec<PrintedTable> {
        let l = app.session.loaded.clone().expect("loaded");
        let (node01, _) = l.session.initial().ns_named("node01").expect("node01");
        let i = l
            .session
            .events()
            .iter()
            .position(|e| e.netns == Some(node01) && is(&e.kind))
            .expect("such an event");
        update(app, Action::SeekEvent(i));
        let t = app.derived.timeline.as_ref().expect("a moment");
        tables(t.state(), node01, None, l.session.events().get(i))
    }

    fn used(tables: &[PrintedTable]) -> Vec<String> {
        tables.iter().flat_map(|t| &t.lines).filter(|l| l.used).map(|l| l.text.clone()).collect()
    }

    #[test]
    fn the_route_neighbour_and_vtep_that_were_used_are_marked() {
        let mut app = sent();
        let t = at(
            &mut app,
            |k| matches!(k, EventKind::Routed { dst, .. } if dst.to_string() == "10.1.6.5"),
        );
        assert_eq!(used(&t), ["10.1.6.0/24 via 10.1.6.0 dev flannel.1 onlink"]);
        let peer = |addr: &std::net::IpAddr| addr.to_string() == "10.1.6.0";
        let t = at(&mut app, |k| matches!(k, EventKind::NeighbourUsed { addr, .. } if peer(addr)));
        assert_eq!(used(&t).len(), 1);
        let t = at(&mut app, |k| matches!(k, EventKind::VtepFound { .. }));
        assert!(used(&t)[0].contains("dst 192.168.120.227"), "{:?}", used(&t));
    }

    #[test]
    fn a_connection_that_was_entered_is_new_and_one_that_changed_was_and_is() {
        let mut app = sent();
        let t = at(&mut app, |k| matches!(k, EventKind::Confirmed { .. }));
        let new: Vec<_> = t.iter().flat_map(|t| &t.lines).filter(|l| l.fate == Fate::New).collect();
        assert_eq!(new.len(), 1, "{new:?}");
        assert!(new[0].text.contains("dport=30080") && new[0].used);
        assert!(
            new[0]
                .delete
                .as_ref()
                .is_some_and(|d| d.starts_with("conntrack -D -p tcp -s 192.168.120.252"))
        );
    }

    #[test]
    fn every_delete_is_understood_and_takes_its_line_away() {
        let mut app = sent();
        update(&mut app, Action::SeekStep(usize::MAX));
        let l = app.session.loaded.clone().expect("loaded");
        let (node01, _) = l.session.initial().ns_named("node01").expect("node01");
        let all = tables(l.session.world().state(), node01, None, None);
        let lines: Vec<_> = all
            .iter()
            .flat_map(|t| t.lines.iter().filter_map(|l| Some((l.text.clone(), l.delete.clone()?))))
            .collect();
        assert!(lines.len() > 10, "{lines:?}");
        for (text, command) in lines {
            let mut session = l.session.clone();
            let out = play::shell::exec(&mut session, "node01", &command);
            assert_eq!(out.status, 0, "{command}: {}", out.text);
            let left = tables(session.world().state(), node01, None, None);
            assert!(
                !left.iter().flat_map(|t| &t.lines).any(|l| l.text == text),
                "{command} left {text}"
            );
        }
    }
}

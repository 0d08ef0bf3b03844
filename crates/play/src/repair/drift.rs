//! Where the kernels of a session differ from what its components make of the cluster, and the
//! command that makes each difference good.

use super::{Candidate, What, specification};
use crate::session::Session;
use kube::Cluster;
use kube::fault::Daemon;
use net::netfilter::{Policy, Rule, Ruleset, TableName};
use net::route::Route;
use net::state::{DeviceKind, FdbEntry, Netns};
use net::{NetnsId, State, World};
use std::rc::Rc;

/// The cluster as it would be if nothing under it were broken.
fn sound(cluster: &Cluster) -> Cluster {
    let mut c = cluster.clone();
    c.topology.faults.clear();
    for (node, spec) in c.nodes.iter_mut().map(|n| &mut n.spec).zip(&mut c.topology.nodes) {
        for n in [node, spec] {
            (n.ip_forward, n.bridge_nf) = (true, true);
        }
    }
    for router in c.topology.hosts.iter_mut().filter_map(|h| h.router.as_mut()) {
        router.ip_forward = true;
    }
    c
}

/// The commands for all differences on the nodes and hosts that `wanted` names.
pub(super) fn commands(session: &Session, wanted: &dyn Fn(&str) -> bool) -> Vec<Candidate> {
    let cluster = Rc::new(sound(session.running()));
    let Ok(world) = World::new(&kube::plan::spec(&cluster), session.seed()) else {
        return Vec::new();
    };
    let (is, ought) = (session.last(), world.state());
    let mut out = Vec::new();
    for (ns, i) in is.netns.iter().zip(0..).filter(|(n, _)| !n.gone && n.tapped && wanted(&n.name))
    {
        let Some((other, sound)) = ought.ns_named(&ns.name) else { continue };
        let mut here = Vec::new();
        devices(is, NetnsId(i), ought, other, &mut here);
        sysctls(ns, sound, &mut here);
        routes(ns, sound, &mut here);
        neighbours(ns, sound, &mut here);
        forwarding(ns, sound, &mut here);
        let node = session.running().nodes.iter().any(|n| n.spec.name.value == *ns.name);
        let proxy = node && session.runs(&ns.name, Daemon::KubeProxy);
        for table in TableName::ALL {
            rules(&ns.rules, &sound.rules, table, proxy, &mut here);
        }
        let one = |(what, lines): (What, Vec<String>)| Candidate::typed(&ns.name, what, lines);
        out.extend(here.into_iter().map(one));
    }
    out
}

type Lines = Vec<(What, Vec<String>)>;

fn devices(is: &State, at: NetnsId, ought: &State, other: NetnsId, out: &mut Lines) {
    let (ns, sound) = (is.ns(at), ought.ns(other));
    for d in ns.devices.iter().filter(|d| !d.gone) {
        let Some((_, s)) = sound.dev_named(&d.name) else { continue };
        if d.mtu != s.mtu {
            out.push((What::Mtu, vec![format!("ip link set {} mtu {}", d.name, s.mtu)]));
        }
        if d.hairpin != s.hairpin {
            let how = if s.hairpin { "on" } else { "off" };
            let line = format!("ip link set {} type bridge_slave hairpin {how}", d.name);
            out.push((What::HairpinMode, vec![line]));
        }
        if s.up && !d.up {
            let mut lines = vec![format!("ip link set {} up", d.name)];
            // What the kernel forgot with the device.
            let lost = |r: &&Route| {
                sound.dev(r.dev).name == d.name && (r.via.is_some() || r.src.is_none())
            };
            lines.extend(
                sound
                    .routes
                    .iter()
                    .filter(lost)
                    .map(|r| format!("ip route replace {}", route(sound, r))),
            );
            if lines.len() > 1 && !matches!(d.kind, DeviceKind::Vxlan { .. }) {
                out.push((What::Up, lines.clone()));
            }
            lines.truncate(1);
            out.push((What::Up, lines));
        }
    }
}

fn sysctls(ns: &Netns, sound: &Netns, out: &mut Lines) {
    let mut one = |key: &str, is: u8, ought: u8| {
        if is != ought {
            out.push((What::Sysctl, vec![format!("sysctl -w {key}={ought}")]));
        }
    };
    let (a, b) = (&ns.sysctl, &sound.sysctl);
    one("net.ipv4.ip_forward", a.ip_forward.into(), b.ip_forward.into());
    one(
        "net.bridge.bridge-nf-call-iptables",
        a.bridge_nf_call_iptables.into(),
        b.bridge_nf_call_iptables.into(),
    );
    one("net.ipv4.conf.all.rp_filter", a.rp_filter, b.rp_filter);
    one("net.ipv4.conf.all.route_localnet", a.route_localnet.into(), b.route_localnet.into());
}

/// A route as `ip route` takes it.
fn route(ns: &Netns, r: &Route) -> String {
    let mut out = if r.dst.prefix_len() == 0 { "default".to_owned() } else { r.dst.to_string() };
    if let Some(via) = r.via {
        out += &format!(" via {via}");
    }
    out += &format!(" dev {}", ns.dev(r.dev).name);
    if let Some(src) = r.src {
        out += &format!(" src {src}");
    }
    if r.metric > 0 {
        out += &format!(" metric {}", r.metric);
    }
    if r.onlink {
        out += " onlink";
    }
    out
}

fn routes(ns: &Netns, sound: &Netns, out: &mut Lines) {
    let is: Vec<(&Route, String)> = ns.routes.iter().map(|r| (r, route(ns, r))).collect();
    let ought: Vec<(&Route, String)> = sound.routes.iter().map(|r| (r, route(sound, r))).collect();
    for (_, text) in ought.iter().filter(|(_, t)| !is.iter().any(|(_, x)| x == t)) {
        out.push((What::Route, vec![format!("ip route replace {text}")]));
    }
    for (r, _) in is.iter().filter(|(_, t)| !ought.iter().any(|(_, x)| x == t)) {
        if !ought.iter().any(|(o, _)| o.dst == r.dst && o.metric == r.metric) {
            let via = r.via.map(|v| format!(" via {v}")).unwrap_or_default();
            let dst =
                if r.dst.prefix_len() == 0 { "default".to_owned() } else { r.dst.to_string() };
            let line = format!("ip route del {dst}{via} dev {}", ns.dev(r.dev).name);
            out.push((What::Route, vec![line]));
        }
    }
}

/// Neighbours that components wrote, and learned ones that are wrong.
fn neighbours(ns: &Netns, sound: &Netns, out: &mut Lines) {
    for ((dev, addr), n) in &sound.neighbours {
        let (name, Some(mac)) = (&sound.dev(*dev).name, n.lladdr) else { continue };
        let Some((own, _)) = ns.dev_named(name) else { continue };
        if ns.neighbours.get(&(own, *addr)).and_then(|x| x.lladdr) != Some(mac) {
            let line = format!("ip neigh replace {addr} lladdr {mac} dev {name} nud permanent");
            let mut lines = vec![line];
            // Its forwarding entry, if that is missing too.
            if let Some((at, FdbEntry::Remote(to))) =
                sound.fdb.iter().find(|((d, m), _)| d == dev && *m == mac).map(|(k, e)| (k.1, e))
                && ns.fdb.get(&(own, at)) != Some(&FdbEntry::Remote(*to))
            {
                lines.push(format!("bridge fdb replace {at} dev {name} dst {to}"));
            }
            out.push((What::Neighbour, lines));
        }
    }
    for ((dev, addr), n) in &ns.neighbours {
        let name = &ns.dev(*dev).name;
        let Some((other, _)) = sound.dev_named(name) else { continue };
        let permanent = n.state == net::neigh::NudState::Permanent;
        if permanent && !sound.neighbours.contains_key(&(other, *addr)) {
            out.push((What::Neighbour, vec![format!("ip neigh del {addr} dev {name}")]));
        }
    }
}

fn forwarding(ns: &Netns, sound: &Netns, out: &mut Lines) {
    for ((dev, mac), entry) in &sound.fdb {
        let FdbEntry::Remote(to) = entry else { continue };
        let name = &sound.dev(*dev).name;
        let Some((own, _)) = ns.dev_named(name) else { continue };
        if ns.fdb.get(&(own, *mac)) != Some(entry) {
            out.push((What::Fdb, vec![format!("bridge fdb replace {mac} dev {name} dst {to}")]));
        }
    }
}

/// Whether kube-proxy writes a chain anew at every sync.
fn is_synced(chain: &str) -> bool {
    chain.starts_with("KUBE-")
}

fn rules(is: &Ruleset, ought: &Ruleset, table: TableName, proxy: bool, out: &mut Lines) {
    let (is, ought) = (is.table(table), ought.table(table));
    let t =
        if table == TableName::Filter { String::new() } else { format!("-t {} ", table.name()) };
    for chain in is.chains.iter().filter(|c| !(proxy && is_synced(&c.name))) {
        let name = &chain.name;
        let sound: &[Rc<Rule>] = ought.chain(name).map_or(&[], |(_, c)| &c.rules);
        if let (Some(a), Some(b)) = (chain.policy, ought.chain(name).and_then(|c| c.1.policy))
            && a != b
            && b == Policy::Accept
        {
            out.push((What::ChainPolicy, vec![format!("iptables {t}-P {name} ACCEPT")]));
        }
        let spec = |r: &Rule| specification(name, r);
        let common = longest_common(&chain.rules, sound);
        let extra = (0..chain.rules.len()).filter(|i| !common.iter().any(|(a, _)| a == i));
        let missing: Vec<usize> =
            (0..sound.len()).filter(|i| !common.iter().any(|(_, b)| b == i)).collect();
        for i in extra {
            let rule = &chain.rules[i];
            let delete = format!("iptables {t}-D {name} {}", spec(rule)).trim_end().to_owned();
            match missing.iter().find(|m| sound[**m] == *rule) {
                Some(m) => {
                    let at = place(&common, *m) + 1 - usize::from(place(&common, *m) > i);
                    let insert = format!("iptables {t}-I {name} {at} {}", spec(rule));
                    out.push((What::MoveRule, vec![delete, insert]));
                }
                None => out.push((What::DeleteRule, vec![delete])),
            }
        }
        // Those that are there in another place are moved.
        let new: Vec<usize> =
            missing.iter().copied().filter(|m| !chain.rules.contains(&sound[*m])).collect();
        let all: Vec<String> = (0..)
            .zip(&new)
            .map(|(n, m)| {
                let at = place(&common, *m) + 1 + n;
                format!("iptables {t}-I {name} {at} {}", spec(&sound[*m]))
            })
            .collect();
        if all.len() > 1 {
            out.push((What::AddRule, all.clone()));
        }
        for (n, line) in all.into_iter().enumerate() {
            // By itself it goes where the ones before it would have been.
            let m = new[n];
            let alone =
                format!("iptables {t}-I {name} {} {}", place(&common, m) + 1, spec(&sound[m]));
            out.push((What::AddRule, vec![if n == 0 { line } else { alone }]));
        }
    }
}

/// Behind how many present rules a missing one belongs.
fn place(common: &[(usize, usize)], missing: usize) -> usize {
    common.iter().filter(|(_, b)| *b < missing).map(|(a, _)| a + 1).max().unwrap_or(0)
}

/// The most pairs of rules that are compared.
const PAIRS: usize = 250_000;

/// The rules that two chains have in common, in order: their places in both. Of chains that differ
/// too much to be compared, only those at both ends.
fn longest_common<T: PartialEq>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (rest, other) = (&a[head..], &b[head..]);
    let tail = rest.iter().rev().zip(other.iter().rev()).take_while(|(x, y)| x == y).count();
    let middle = common_middle(&rest[..rest.len() - tail], &other[..other.len() - tail]);
    let mut out: Vec<(usize, usize)> = (0..head).map(|i| (i, i)).collect();
    out.extend(middle.into_iter().map(|(i, j)| (head + i, head + j)));
    out.extend((0..tail).rev().map(|n| (a.len() - 1 - n, b.len() - 1 - n)));
    out
}

fn common_middle<T: PartialEq>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    if a.len() * b.len() > PAIRS {
        return Vec::new();
    }
    let mut best = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i][j] = if a[i] == b[j] {
                best[i + 1][j + 1] + 1
            } else {
                best[i + 1][j].max(best[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            out.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i + 1][j] >= best[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{longest_common, rules, specification};
    use net::netfilter::{Ruleset, TableName, parse_rule};

    fn parsed(text: &str) -> Ruleset {
        Ruleset::parse(&format!("*filter\n{text}COMMIT\n")).expect("valid rules")
    }

    fn lines(is: &str, ought: &str) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        rules(&parsed(is), &parsed(ought), TableName::Filter, false, &mut out);
        out.into_iter().map(|(_, lines)| lines).collect()
    }

    #[test]
    fn a_rule_without_match_and_target_has_an_empty_specification() {
        let (chain, rule) = parse_rule("-A INPUT").expect("a rule");
        assert_eq!(specification(&chain, &rule), "");
        let sound = "-A INPUT -s 10.0.0.1/32 -j ACCEPT\n";
        let deleted = lines(&format!("-A INPUT\n{sound}"), sound);
        assert_eq!(deleted, [["iptables -D INPUT"]]);
    }

    #[test]
    fn a_missing_rule_is_written_and_not_one_that_is_moved() {
        let rule = |n: u8| format!("-A INPUT -s 10.0.0.{n}/32 -j ACCEPT\n");
        let ought = [1, 2, 3, 4].map(rule).concat();
        // 1 has moved to the end; 3 is missing.
        let is = [2, 4, 1].map(rule).concat();
        let found = lines(&is, &ought);
        let third = "iptables -I INPUT 2 -s 10.0.0.3/32 -j ACCEPT";
        assert!(found.contains(&vec![third.to_owned()]), "{found:?}");
        let added = |lines: &Vec<String>| lines.len() == 1 && lines[0].contains("-I INPUT");
        assert_eq!(found.iter().filter(|l| added(l)).count(), 1, "{found:?}");
    }

    #[test]
    fn long_chains_are_paired_by_their_rules() {
        let ought: Vec<u32> = (0..2_000).collect();
        let mut is = ought.clone();
        is.remove(700);
        is.insert(20, 9_999);
        let common = longest_common(&is, &ought);
        assert!(common.iter().all(|(i, j)| is[*i] == ought[*j]));
        assert!(common.is_sorted());
        let one = longest_common(&ought[1..], &ought);
        assert_eq!(one.len(), 1_999);
        let other: Vec<u32> = (5_000..7_000).collect();
        assert!(longest_common(&other, &ought).is_empty());
    }
}

//! The lab: a shell script that builds the same session on a real Linux kernel, in network
//! namespaces of its own, and plays it there.
//!
//! Random choices of the simulator (the endpoint of a `statistic` rule) are repeated on the kernel:
//! before a request, the probabilities in the chains where it made a choice are set to 0 and 1.
//! Clients act at the virtual times of the simulated session. Only commands that changed something
//! in the simulator are run: it has parsed every word of them, so they affect their namespace only.
//! Steps during another probe run concurrently with it.
//!
//! Steps that are left out are named with the reason ([`Lab::left_out`]): a packet operation, a
//! step that waits for an event, a pod or machine that starts later, a command that only prints or
//! is refused.
//!
//! `tc netem` stands for bad cables; a kernel draws other frames than the simulator, which is named
//! as well. It acts before the tap of the sender, whose capture lacks the frames that are lost. The
//! ports that a segment blocks are rules of its bridge.
//!
//! Text from the document is quoted: arguments in single quotes, rules and the plan in
//! here-documents without expansion. A name that `ip` cannot accept is an error.

mod names;
mod plan;

pub use plan::lab_names;

use crate::session::Session;
use net::conntrack::{TcpState, Timeouts};
use net::neigh::NudState;
use net::route::RouteProto;
use net::spec::{CableSpec, DeviceKindSpec, DeviceSpec, NetnsSpec, Sysctl};
use net::state::FdbEntry;
use net::wire::PROTO_UDP;
use net::{NetnsId, netfilter};
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Why there is no lab for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabError {
    /// The name that cannot be used, and why.
    pub message: String,
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The processes of a lab.
const AGENT: &str = include_str!("agent.py");
const HEAD: &str = include_str!("head.sh");
const TAIL: &str = include_str!("tail.sh");

/// A session for a real kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lab {
    /// The shell script.
    pub script: String,
    /// The steps that a real kernel does not perform, and why: `step 3: …`. The script's comments
    /// list them too.
    pub left_out: Vec<String>,
}

/// The lab of a session that was played.
///
/// # Errors
/// A device name that a shell or `ip` could misread.
pub fn script(session: &Session) -> Result<Lab, LabError> {
    let spec = session.spec();
    let names = netns_names(spec.netns.iter().map(|n| n.name.as_str()));
    let mut left_out = Vec::new();
    let plan = plan::json(session, &names, &mut left_out);
    left_out.extend(spec.netns.iter().filter(|n| n.tapped && draws(n)).map(|n| {
        format!("a cable of {}: a kernel does not lose or double the same frames", n.name)
    }));
    let mut out = HEAD.to_owned();
    for what in &left_out {
        let _ = writeln!(out, "# Left out: {}", comment(what));
    }
    let ruled = spec
        .netns
        .iter()
        .zip(&names)
        .filter(|(n, _)| n.rules.tables_in_use().next().is_some())
        .map(|(_, name)| quoted(name));
    let _ =
        writeln!(out, "NETNS=({})", names.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(" "));
    let _ = writeln!(out, "RULED=({})\n\nbuild() {{", ruled.collect::<Vec<_>>().join(" "));
    out.push_str("  local n\n  for n in \"${NETNS[@]}\"; do ip netns add \"$n\"; done\n");
    for (ns, name) in spec.netns.iter().zip(&names) {
        let _ = writeln!(out, "  # {}", comment(&ns.name));
        let mut sysctl = ns.sysctl.clone();
        sysctl.bridge_nf_call_iptables |= ns.devices.iter().any(|d| !d.cable.blocked.is_empty());
        let keys: Vec<String> = sysctls(&sysctl, &ns.timeouts)
            .iter()
            .map(|(k, v)| quoted(&format!("{k}={v}")))
            .collect();
        let _ = writeln!(out, "  sysctls {} {}", quoted(name), keys.join(" "));
    }
    for (i, ns) in spec.netns.iter().enumerate() {
        batch(&mut out, "ip", &names[i], links(ns, i, &names, spec)?);
    }
    for (i, ns) in spec.netns.iter().enumerate() {
        batch(&mut out, "ip", &names[i], addresses(ns)?);
    }
    for (i, ns) in spec.netns.iter().enumerate() {
        let lines = cables(ns)?;
        if !lines.is_empty() {
            let name = quoted(&names[i]);
            let _ = writeln!(
                out,
                "  netem {name} <<'END-OF-BATCH'\n{}\nEND-OF-BATCH",
                lines.join("\n")
            );
        }
        let lines = blocked(ns)?;
        if !lines.is_empty() {
            let text = format!("*filter\n{}\nCOMMIT\n", lines.join("\n"));
            let name = quoted(&names[i]);
            let _ = writeln!(out, "  rules {name} <<'END-OF-RULES'\n{text}END-OF-RULES");
        }
    }
    out.push_str("  settle\n");
    let state = session.initial();
    for (i, ns) in spec.netns.iter().enumerate() {
        let live = state.ns(NetnsId(i as u32));
        let mut lines = routes(ns)?;
        for ((dev, addr), n) in &live.neighbours {
            let nud = if n.state == NudState::Permanent {
                "permanent"
            } else if n.state == NudState::Stale {
                "stale"
            } else {
                "reachable"
            };
            let mac = n.lladdr.unwrap_or_default();
            lines.push(format!(
                "neigh replace {addr} lladdr {mac} dev {} nud {nud}",
                word(&live.dev(*dev).name)?
            ));
        }
        batch(&mut out, "ip", &names[i], lines);
        let mut lines = Vec::new();
        for ((dev, mac), entry) in &live.fdb {
            match entry {
                FdbEntry::Remote(vtep) => lines.push(format!(
                    "fdb append {mac} dev {} dst {vtep}",
                    word(&live.dev(*dev).name)?
                )),
                FdbEntry::Port(port) => lines.push(format!(
                    "fdb replace {mac} dev {} master dynamic",
                    word(&live.dev(*port).name)?
                )),
                FdbEntry::Local(_) => {}
            }
        }
        batch(&mut out, "bridge", &names[i], lines);
        if ns.rules.tables_in_use().next().is_some() {
            let text =
                netfilter::save(&ns.rules, "packetwalk", "the session's beginning", &|_, _| (0, 0));
            let _ =
                writeln!(out, "  rules {} <<'END-OF-RULES'\n{text}END-OF-RULES", quoted(&names[i]));
        }
    }
    out.push_str("}\n\nagent() {\n  cat <<'END-OF-AGENT'\n");
    out.push_str(AGENT);
    out.push_str("END-OF-AGENT\n}\n\nplan() {\n  cat <<'END-OF-PLAN'\n");
    out.push_str(&plan);
    out.push_str("\nEND-OF-PLAN\n}\n\n");
    out.push_str(TAIL);
    Ok(Lab { script: out, left_out })
}

/// A unique name for each namespace that is valid as a file name: letters, digits, `.`, `_`, `-`.
pub fn netns_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let safe =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let one = |name: &str| {
        let base: String = name.chars().map(safe).collect();
        let base = if base.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            base
        } else {
            format!("n{base}")
        };
        let mut unique = base.clone();
        let mut n = 1;
        while !taken.insert(unique.clone()) {
            n += 1;
            unique = format!("{base}_{n}");
        }
        unique
    };
    names.map(one).collect()
}

/// Quotes a text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text on the rest of a comment line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A word of an `ip -batch` file, which has no reliable quoting.
fn word(text: &str) -> Result<&str, LabError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if !text.is_empty() && text.len() <= 15 && text.chars().all(fine) && !text.starts_with('-') {
        return Ok(text);
    }
    Err(LabError {
        message: format!(
            "a device named {text:?} cannot be built: use letters, digits, '.', '_' and '-', 15 at most"
        ),
    })
}

/// Lines for one call of `ip -batch` or `bridge -batch`.
fn batch(out: &mut String, tool: &str, netns: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "  batch {tool} {} <<'END-OF-BATCH'", quoted(netns));
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    out.push_str("END-OF-BATCH\n");
}

/// The sysctls of a namespace. Those that the simulator keeps for all devices together are set
/// under `all`; the devices' own are off.
fn sysctls(s: &Sysctl, t: &Timeouts) -> Vec<(String, String)> {
    let flag = |on: bool| if on { "1" } else { "0" }.to_owned();
    let mut out: Vec<(String, String)> = Vec::new();
    let mut put = |key: &str, value: String| out.push((key.to_owned(), value));
    put("net.ipv6.conf.all.disable_ipv6", "1".to_owned());
    put("net.ipv6.conf.default.disable_ipv6", "1".to_owned());
    // First: it resets others.
    put("net.ipv4.ip_forward", flag(s.ip_forward));
    for (name, value) in [
        ("rp_filter", s.rp_filter.to_string()),
        ("route_localnet", flag(s.route_localnet)),
        ("send_redirects", flag(s.send_redirects)),
        ("accept_redirects", flag(s.accept_redirects)),
    ] {
        put(&format!("net.ipv4.conf.all.{name}"), value);
        put(&format!("net.ipv4.conf.default.{name}"), "0".to_owned());
        put(&format!("net.ipv4.conf.lo.{name}"), "0".to_owned());
    }
    put("net.bridge.bridge-nf-call-iptables", flag(s.bridge_nf_call_iptables));
    put("net.ipv4.tcp_no_metrics_save", "1".to_owned());
    let defaults = Timeouts::default();
    for state in TcpState::ALL {
        let (i, name) = (state as usize, state.name().to_ascii_lowercase());
        if t.tcp[i] != defaults.tcp[i] {
            put(
                &format!("net.netfilter.nf_conntrack_tcp_timeout_{name}"),
                t.tcp[i].as_secs().to_string(),
            );
        }
    }
    out
}

/// Devices, all down, with their bridges.
fn links(
    ns: &NetnsSpec,
    i: usize,
    names: &[String],
    spec: &net::Spec,
) -> Result<Vec<String>, LabError> {
    let mut out = Vec::new();
    // A cable is made from the end that comes first; a VXLAN device needs its NIC.
    let mut last = Vec::new();
    for d in &ns.devices {
        let head = |d: &DeviceSpec| -> Result<String, LabError> {
            Ok(format!("{} index {} address {} mtu {}", word(&d.name)?, d.ifindex, d.mac, d.mtu))
        };
        match &d.kind {
            DeviceKindSpec::Loopback => {}
            DeviceKindSpec::Bridge => {
                out.push(format!("link add {} type bridge mcast_snooping 0", head(d)?));
            }
            DeviceKindSpec::Vxlan { vni, local, dev, port } => {
                let dev = word(dev)?;
                last.push(format!("link add {} type vxlan id {vni} local {local} dev {dev} dstport {port} nolearning noudpcsum", head(d)?));
            }
            DeviceKindSpec::Cable { peer_netns, peer, .. } => {
                let Some(j) = spec.netns.iter().position(|n| n.name == *peer_netns) else {
                    continue;
                };
                let Some(far) = spec.netns[j].devices.iter().find(|p| p.name == *peer) else {
                    continue;
                };
                if i < j {
                    out.push(format!(
                        "link add {} type veth peer name {} netns {}",
                        head(d)?,
                        head(far)?,
                        names[j]
                    ));
                }
            }
        }
    }
    out.append(&mut last);
    Ok(out)
}

/// Ports, addresses, and everything up.
fn addresses(ns: &NetnsSpec) -> Result<Vec<String>, LabError> {
    let mut out = Vec::new();
    for d in &ns.devices {
        let name = word(&d.name)?;
        if let Some(master) = &d.master {
            out.push(format!("link set {name} master {}", word(master)?));
            if d.hairpin {
                out.push(format!("link set {name} type bridge_slave hairpin on"));
            }
        }
        let loopback = matches!(d.kind, DeviceKindSpec::Loopback);
        for a in d.addrs.iter().filter(|a| !(loopback && a.addr().is_loopback())) {
            out.push(format!(
                "addr add {a} dev {name}{}",
                if a.prefix_len() < 31 { " noprefixroute" } else { "" }
            ));
        }
        if d.up {
            out.push(format!("link set {name} up"));
        }
    }
    Ok(out)
}

/// Whether chance decides about frames on the cables of a machine.
fn draws(ns: &NetnsSpec) -> bool {
    let uncertain = |chance: u32| chance != 0 && chance != u32::MAX;
    ns.devices.iter().any(|d| uncertain(d.cable.loss) || uncertain(d.cable.duplicate))
}

/// What `tc netem` does at the devices with bad cables.
fn cables(ns: &NetnsSpec) -> Result<Vec<String>, LabError> {
    let percent = |chance: u32| f64::from(chance) / f64::from(u32::MAX) * 100.0;
    let mut out = Vec::new();
    for d in &ns.devices {
        let CableSpec { loss, duplicate, delay, .. } = d.cable;
        if (loss, duplicate, delay) == (0, 0, net::Duration::default()) {
            continue;
        }
        let mut line = format!("qdisc add dev {} root netem", word(&d.name)?);
        if delay.0 > 0 {
            let _ = write!(line, " delay {}us", delay.0 / 1_000);
        }
        if loss > 0 {
            let _ = write!(line, " loss {:.6}%", percent(loss));
        }
        if duplicate > 0 {
            let _ = write!(line, " duplicate {:.6}%", percent(duplicate));
        }
        out.push(line);
    }
    Ok(out)
}

/// The rules of a segment whose ports do not let everything through.
fn blocked(ns: &NetnsSpec) -> Result<Vec<String>, LabError> {
    let mut out = Vec::new();
    for d in &ns.devices {
        for (proto, port) in &d.cable.blocked {
            let proto = if *proto == PROTO_UDP { "udp" } else { "tcp" };
            out.push(format!(
                "-A FORWARD -m physdev --physdev-out {} -p {proto} -m {proto} --dport {port} -j DROP",
                word(&d.name)?
            ));
        }
    }
    Ok(out)
}

fn routes(ns: &NetnsSpec) -> Result<Vec<String>, LabError> {
    let mut out = Vec::new();
    // Those on the link first: a gateway must be reachable.
    let (near, far): (Vec<_>, Vec<_>) = ns.routes.iter().partition(|r| r.via.is_none());
    for r in near.into_iter().chain(far) {
        let mut line = format!("route add {} dev {}", r.dst, word(&r.dev)?);
        if let Some(via) = r.via {
            let _ = write!(line, " via {via}");
        }
        line.push_str(match r.proto {
            RouteProto::Kernel => " proto kernel",
            RouteProto::Static => " proto static",
            RouteProto::Boot => "",
        });
        if r.via.is_none() {
            line.push_str(" scope link");
        }
        if let Some(src) = r.src {
            let _ = write!(line, " src {src}");
        }
        if r.metric > 0 {
            let _ = write!(line, " metric {}", r.metric);
        }
        if r.onlink {
            line.push_str(" onlink");
        }
        out.push(line);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_whatever_it_holds() {
        assert_eq!(quoted("a'b $(touch /tmp/x)\n`c`"), "'a'\\''b $(touch /tmp/x)\n`c`'");
        assert_eq!(comment("a\nrm -rf"), "a rm -rf");
    }

    #[test]
    fn namespaces_get_names_that_files_can_have() {
        let names = ["kube-system/kube-dns", "kube-system_kube-dns", "../etc", "$(id)"];
        assert_eq!(
            netns_names(names.into_iter()),
            ["kube-system_kube-dns", "kube-system_kube-dns_2", "n.._etc", "n__id_"]
        );
    }

    #[test]
    fn a_device_name_that_ip_could_misread_is_refused() {
        assert!(word("veth0a010504").is_ok());
        for name in ["", "-a", "a b", "a'b", "a\nb", "abcdefghijklmnop"] {
            assert!(word(name).is_err(), "{name:?}");
        }
    }
}

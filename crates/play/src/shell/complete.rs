//! Completion of command lines.

use super::{COMMANDS, split};
use crate::probe::resolve_netns;
use crate::session::Session;
use kube::object::WorkloadKind;

/// The possible last words of a line, sorted: those that begin with what is typed of it.
pub fn complete(session: &Session, host: &str, line: &str) -> Vec<String> {
    let mut words = split(line);
    let begun = if line.is_empty() || line.ends_with(' ') {
        String::new()
    } else {
        words.pop().unwrap_or_default()
    };
    let before: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut out: Vec<String> = next(session, host, &before)
        .into_iter()
        .filter(|w| w.starts_with(&begun) && *w != begun)
        .collect();
    out.sort();
    out.dedup();
    out
}

fn next(session: &Session, host: &str, before: &[&str]) -> Vec<String> {
    let fixed = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let cluster = session.running();
    let ns =
        resolve_netns(cluster, session.world(), host).ok().map(|id| session.world().state().ns(id));
    let devices = || {
        ns.iter()
            .flat_map(|n| &n.devices)
            .filter(|d| !d.gone)
            .map(|d| d.name.to_string())
            .collect::<Vec<_>>()
    };
    match before {
        [] => fixed(COMMANDS),
        ["nslookup" | "dig" | "host"] | ["getent", "hosts"] => {
            let name = |s: &kube::cluster::RunningService| {
                format!("{}.{}.svc.{}", s.name, s.namespace, kube::dns::CLUSTER_DOMAIN)
            };
            cluster.services.iter().map(name).collect()
        }
        ["getent"] => fixed(&["hosts"]),
        ["cat"] => fixed(&["/etc/hosts", "/etc/resolv.conf"]),
        ["curl", ..] => {
            let nodes = || cluster.nodes.iter().map(|n| n.address());
            let services =
                cluster.services.iter().flat_map(|s| {
                    s.ports.iter().filter(|p| p.protocol == "TCP").flat_map(move |p| {
                        let own = s.cluster_ip.map(|ip| format!("http://{ip}:{}", p.port));
                        own.into_iter().chain(nodes().filter_map(move |n| {
                            p.node_port.map(|port| format!("http://{n}:{port}"))
                        }))
                    })
                });
            let named = cluster.services.iter().flat_map(|s| {
                let ports = s.ports.iter().filter(|p| p.protocol == "TCP");
                ports.map(move |p| format!("http://{}.{}:{}", s.name, s.namespace, p.port))
            });
            services.chain(named).collect()
        }
        ["ping", ..] => {
            let pods = cluster.pods.iter().map(|p| p.ip.to_string());
            pods.chain(cluster.nodes.iter().map(|n| n.address().to_string()))
                .chain(fixed(&["-c", "-s", "-M", "-t", "-W"]))
                .collect()
        }
        ["iptables"] => fixed(&["-t", "-vnL"]),
        ["iptables", "-t"] => fixed(&["raw", "mangle", "nat", "filter"]),
        ["iptables", "-t", _] => fixed(&["-vnL"]),
        ["iptables", .., "-t", table, "-vnL"] => {
            let table = net::netfilter::TableName::from_name(table);
            let chains = table.and_then(|t| {
                ns.map(|n| n.rules.table(t).chains.iter().map(|c| c.name.to_string()).collect())
            });
            chains.unwrap_or_default()
        }
        ["ip"] => fixed(&["route", "neigh", "link", "-br"]),
        ["ip", "-br"] => fixed(&["addr"]),
        ["ip", "route" | "neigh"] => fixed(&["show", "add", "replace", "del"]),
        ["ip", "link"] => fixed(&["set"]),
        ["ip", "link", "set"] | ["ip", .., "dev"] | ["bridge", .., "dev" | "br"] => devices(),
        ["ip", "link", "set", _] => fixed(&["up", "down", "mtu", "type"]),
        ["ip", "route", "add" | "replace" | "del", _, ..] => {
            fixed(&["via", "dev", "src", "metric", "onlink"])
        }
        ["ip", "neigh", "add" | "replace" | "del", _, ..] => fixed(&["lladdr", "dev", "nud"]),
        ["bridge"] => fixed(&["fdb", "link"]),
        ["bridge", "fdb"] => fixed(&["show", "append", "add", "replace", "del"]),
        ["bridge", "fdb", "show"] => fixed(&["dev", "br"]),
        ["bridge", "fdb", _, _, ..] => fixed(&["dev", "dst"]),
        ["conntrack"] => fixed(&["-L", "-F", "-D"]),
        ["conntrack", "-D", ..] => fixed(&["-p", "-s", "-d", "--sport", "--dport"]),
        ["sysctl"] | ["sysctl", "-w"] => {
            super::admin::SYSCTLS.iter().map(|k| (*k).to_owned()).collect()
        }
        ["kubectl"] => fixed(&["get", "scale", "delete"]),
        ["kubectl", "get"] => fixed(&["svc", "pods", "deploy", "rs", "sts", "ds", "job", "nodes"]),
        ["kubectl", "get", _, ..] => fixed(&["-o", "wide", "--all-namespaces", "-n"]),
        ["kubectl", "scale"] => fixed(&["deployment"]),
        ["kubectl", "delete"] => fixed(&["service", "deployment"]),
        ["kubectl", "scale" | "delete", "deployment" | "deploy"] => {
            let kind = before.get(2).and_then(|w| WorkloadKind::from_word(w));
            let of_kind = cluster.workloads.iter().filter(|w| Some(w.owner.kind) == kind);
            of_kind.map(|w| w.owner.name.clone()).collect()
        }
        ["kubectl", "delete", "service" | "svc"] => cluster
            .services
            .iter()
            .filter(|s| s.written.is_some())
            .map(|s| s.name.clone())
            .collect(),
        ["kubectl", "scale", _, _] => fixed(&["--replicas="]),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presets::Preset;

    #[test]
    fn words_are_completed_by_what_is_there() {
        let s =
            Session::new(&Preset::named("article-nodeport").expect("preset").document(), 1, true)
                .expect("valid");
        let at = |line: &str| complete(&s, "node01", line);
        assert_eq!(at("con"), ["conntrack"]);
        assert_eq!(at("iptables -t n"), ["nat"]);
        assert!(
            at("iptables -t nat -vnL KUBE-SVC").iter().all(|c| c.starts_with("KUBE-SVC-"))
                && at("iptables -t nat -vnL ").len() > 5
        );
        assert!(at("curl ").contains(&"http://192.168.120.226:30080".to_owned()));
        assert!(at("bridge fdb show dev ").contains(&"flannel.1".to_owned()));
        assert_eq!(at("hostname"), Vec::<String>::new());
    }
}

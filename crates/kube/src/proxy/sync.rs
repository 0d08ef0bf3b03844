//! `syncProxyRules`: the chains and rules at the beginning and end of both tables, and in between
//! those of every Service port, written by [`super::xlb`] up to 1.23 and by [`super::ext`] from
//! 1.24 on.

use super::rule::Verdict;
use super::writer::{Names, Sync, TableRules, Writer, localnet, loopback, masquerading};
use super::{ServicePortInfo, Settings, ext, xlb};
use ipnet::IpNet;
use net::netfilter::CtStates;
use std::net::IpAddr;
use std::rc::Rc;

/// With more endpoints than this in the cluster, rules that name an endpoint have no comment
/// (`largeClusterEndpointsThreshold`).
const LARGE: usize = 1000;

/// The rules that kube-proxy writes for these Service ports, in this order. `with_text`: rules
/// carry the text that is fed to iptables-restore.
pub fn sync(s: &Settings, ports: &[ServicePortInfo], with_text: bool) -> Sync {
    let endpoints: usize = ports.iter().map(|p| p.endpoints.len()).sum();
    let names = Names {
        services: "KUBE-SERVICES".into(),
        external: "KUBE-EXTERNAL-SERVICES".into(),
        node_ports: "KUBE-NODEPORTS".into(),
        proxy_firewall: "KUBE-PROXY-FIREWALL".into(),
        mark_masq: "KUBE-MARK-MASQ".into(),
        mark_drop: "KUBE-MARK-DROP".into(),
        forward: "KUBE-FORWARD".into(),
        firewall: "KUBE-FIREWALL".into(),
        postrouting: "KUBE-POSTROUTING".into(),
    };
    let large = s.release.drops_comments_when_large() && endpoints > LARGE;
    let mut w = Writer {
        s,
        names,
        with_text,
        large,
        filter: TableRules::default(),
        nat: TableRules::default(),
        owner: 0,
    };
    begin(&mut w);
    let mut owners = Vec::new();
    for port in ports.iter().filter(|p| s.ours(&p.cluster_ip)) {
        w.owner = owners.len() as u32;
        owners.push(format!("{}/{}", port.namespace, port.service));
        let p = super::writer::Port::new(s, port);
        if s.release.ext_chains() { ext::write(&mut w, &p) } else { xlb::write(&mut w, &p) }
    }
    end(&mut w);
    Sync { release: s.release, filter: w.filter, nat: w.nat, owners }
}

/// Writes what comes before the Services.
fn begin(w: &mut Writer<'_>) {
    let (s, release) = (w.s, w.s.release);
    let filter = [&w.names.services, &w.names.external, &w.names.forward].map(Rc::clone);
    w.filter.chains.extend(filter.map(|c| (c, None)));
    if release.health_check_port() {
        w.filter.chains.push((w.names.node_ports.clone(), None));
    }
    if release.drops_in_filter() {
        w.filter.chains.push((w.names.proxy_firewall.clone(), None));
    }
    let nat = [&w.names.services, &w.names.node_ports, &w.names.postrouting, &w.names.mark_masq]
        .map(Rc::clone);
    w.nat.chains.extend(nat.map(|c| (c, None)));
    if release.own_firewall() && s.localhost() {
        let chain = w.names.firewall.clone();
        w.filter.chains.push((chain.clone(), None));
        let line = localnet(w.rule(), &chain);
        w.filter(line);
    }
    for line in masquerading(s, || w.rule()) {
        w.nat(line);
    }
}

/// Writes what comes after the Services.
fn end(w: &mut Writer<'_>) {
    let (s, release) = (w.s, w.s.release);
    let last: Rc<str> =
        "kubernetes service nodeports; NOTE: this must be the last rule in this chain".into();
    let (services, node_ports) = (w.names.services.clone(), w.names.node_ports.clone());
    let head = w.rule().comment(&last);
    let ranges: Vec<&IpNet> = s.node_port_addresses.iter().filter(|n| s.ours(&n.addr())).collect();
    if ranges.is_empty() || ranges.iter().any(|n| n.prefix_len() == 0) {
        let local = head.dst_local();
        let draft = if s.ipv6 && release.localhost_flag() {
            local.not_to(loopback(true))
        } else if s.localhost() || s.ipv6 {
            local
        } else {
            local.not_to(loopback(false))
        };
        w.nat(draft.jump(&services, &node_ports));
    } else {
        let reached = |a: &&IpAddr| {
            s.ours(a)
                && ranges.iter().any(|n| n.contains(*a))
                && (s.localhost() || !a.is_loopback())
        };
        for addr in s.addresses.iter().filter(reached) {
            let line = head.clone().to((*addr).into(), true).jump(&services, &node_ports);
            w.nat(line);
        }
    }
    forward(w);
}

/// Writes KUBE-FORWARD: INVALID packets are dropped; marked ones and answers are accepted.
fn forward(w: &mut Writer<'_>) {
    let (s, release) = (w.s, w.s.release);
    let chain = w.names.forward.clone();
    if release.drops_invalid() && !s.tcp_liberal {
        let invalid = w.rule().ctstate(false, CtStates::INVALID);
        let invalid = if s.counts_invalid && release.nfacct() {
            invalid.count("ct_state_invalid_dropped_pkts")
        } else {
            invalid
        };
        w.filter(invalid.verdict(&chain, Verdict::Drop));
    }
    let marked = w.rule().comment(&"kubernetes forwarding rules".into()).mark(false, &s.mark);
    w.filter(marked.verdict(&chain, Verdict::Accept));
    let answers = CtStates::RELATED.with(CtStates::ESTABLISHED);
    if release.one_forward_rule() {
        let rule = w
            .rule()
            .comment(&"kubernetes forwarding conntrack rule".into())
            .ctstate(false, answers);
        w.filter(rule.verdict(&chain, Verdict::Accept));
        return;
    }
    let pods = s.cluster_cidr.filter(|_| !release.forwards_all_answers());
    if pods.is_none() && !release.forwards_all_answers() {
        return;
    }
    let source = w.rule();
    let source = match pods {
        Some(pods) => source.from(pods, false),
        None => source,
    };
    let source = source
        .comment(&"kubernetes forwarding conntrack pod source rule".into())
        .ctstate(false, answers);
    w.filter(source.verdict(&chain, Verdict::Accept));
    let destination =
        w.rule().comment(&"kubernetes forwarding conntrack pod destination rule".into());
    let destination = match pods {
        Some(pods) => destination.to(pods, false),
        None => destination,
    };
    w.filter(destination.ctstate(false, answers).verdict(&chain, Verdict::Accept));
}

//! The rules of a Service port from 1.24 on: KUBE-EXT for packets from outside the cluster,
//! KUBE-SVC for all endpoints, KUBE-SVL for those on this node.

use super::rule::Verdict;
use super::writer::{Port, RejectedDestination, Writer, loopback};
use std::rc::Rc;

/// Writes the rules of a Service port.
pub(super) fn write(w: &mut Writer<'_>, p: &Port<'_>) {
    let s = w.s;
    let (port, release) = (p.port, s.release);
    let (inside, outside) = (port.local_inside(s), port.local_outside(s));
    let (has, has_local) = (p.chosen.any, !p.chosen.local.is_empty());
    // 1.24 marks packets that have no local endpoint, to drop them later; from 1.25 on the filter
    // table drops them.
    let marks = !release.drops_in_filter();
    let (has_inside, has_outside) =
        (has && (!inside || has_local || marks), has && (!outside || has_local || marks));
    let external = port.external(s);
    let (svc, svl, ext, fw) =
        (p.chain("KUBE-SVC-"), p.chain("KUBE-SVL-"), p.chain("KUBE-EXT-"), p.chain("KUBE-FW-"));
    let inside_chain = if inside { &svl } else { &svc };
    let outside_chain = if outside { &svl } else { &svc };
    let ranges = p.ranges(s);
    let firewall = has && !p.vips.is_empty() && !ranges.is_empty();
    let (services, external_services) = (w.names.services.clone(), w.names.external.clone());
    // The verdict of the filter table for packets without an endpoint.
    let (why, verdict): (Rc<str>, _) = if has {
        (p.comment(" has no local endpoints"), Verdict::Drop)
    } else {
        (p.comment(" has no endpoints"), Verdict::Reject)
    };

    let cluster: Rc<str> = p.comment(" cluster IP");
    let to_cluster_ip = |w: &Writer<'_>| {
        w.host(w.rule().comment(&cluster).protocol(port.protocol), port.cluster_ip).dport(port.port)
    };
    if has_inside {
        let rule = to_cluster_ip(w).jump(&services, inside_chain);
        w.nat(rule);
    } else {
        w.refuse(p, &services, &why, RejectedDestination::Address(port.cluster_ip), verdict);
    }
    let comment = p.comment(" external IP");
    for addr in &p.external_ips {
        if has {
            let rule = w
                .host(w.rule().comment(&comment).protocol(port.protocol), *addr)
                .dport(port.port)
                .jump(&services, &ext);
            w.nat(rule);
        }
        if !has_outside {
            w.refuse(p, &external_services, &why, RejectedDestination::Address(*addr), verdict);
        }
    }
    let comment = p.comment(" loadbalancer IP");
    for addr in &p.vips {
        if has {
            let to = if firewall { &fw } else { &ext };
            let rule = w
                .host(w.rule().comment(&comment).protocol(port.protocol), *addr)
                .dport(port.port)
                .jump(&services, to);
            w.nat(rule);
        }
        if firewall && release.drops_in_filter() {
            let why: Rc<str> = format!("{} traffic not accepted by {fw}", p.name).into();
            let chain = w.names.proxy_firewall.clone();
            w.refuse(p, &chain, &why, RejectedDestination::Address(*addr), Verdict::Drop);
        }
    }
    for addr in p.vips.iter().filter(|_| !has_outside) {
        w.refuse(p, &external_services, &why, RejectedDestination::Address(*addr), verdict);
    }
    if let Some(np) = port.node_port {
        let node_ports = w.names.node_ports.clone();
        if has {
            if s.localhost() && s.counts_localhost && release.nfacct() {
                let d = w
                    .rule()
                    .comment(&p.name)
                    .protocol(port.protocol)
                    .to(loopback(false), false)
                    .dport(np);
                w.nat(d.count("localhost_nps_accepted_pkts").jump(&node_ports, &ext));
            }
            let rule =
                w.rule().comment(&p.name).protocol(port.protocol).dport(np).jump(&node_ports, &ext);
            w.nat(rule);
        }
        if !has_outside {
            w.refuse(p, &external_services, &why, RejectedDestination::NodePort(np), verdict);
        }
    }
    if outside {
        w.health_check(p);
    }
    let masq = w.names.mark_masq.clone();
    if has_inside {
        let d = to_cluster_ip(w);
        if s.masquerade_all {
            w.nat(d.jump(inside_chain, &masq));
        } else if let Some(pods) = s.cluster_cidr {
            w.nat(d.not_from(pods).jump(inside_chain, &masq));
        }
    }
    if has && external {
        w.own_chain(&ext);
        from_outside(w, p, outside, &ext, &svc);
        if has_outside {
            let rule = w.rule().jump(&ext, outside_chain);
            w.nat(rule);
        }
    }
    if firewall {
        w.own_chain(&fw);
        let comment = p.comment(" loadbalancer IP");
        for range in &ranges {
            let rule = w.rule().comment(&comment).from(*range, false).jump(&fw, &ext);
            w.nat(rule);
        }
        if p.allows_node(s, &ranges) {
            for addr in &p.vips {
                let rule = w.rule().comment(&comment).from((*addr).into(), true).jump(&fw, &ext);
                w.nat(rule);
            }
        }
        if release.drops_in_filter() {
            let rest: Rc<str> =
                p.comment_around("other traffic to ", " will be dropped by KUBE-PROXY-FIREWALL");
            let rule = w.rule().comment(&rest).no_target(&fw);
            w.nat(rule);
        } else {
            let drop = w.names.mark_drop.clone();
            let rule = w.rule().comment(&comment).jump(&fw, &drop);
            w.nat(rule);
        }
    }
    // KUBE-SVC serves packets from inside the cluster, also those to external addresses.
    let uses_all = has && (!inside || external);
    if uses_all && !p.chosen.cluster.is_empty() {
        balanced(w, p, &svc, &p.chosen.cluster);
    }
    if has_local {
        balanced(w, p, &svl, &p.chosen.local);
    } else if marks && has && (inside || (outside && external)) {
        w.own_chain(&svl);
        let drop = w.names.mark_drop.clone();
        let rule = w.rule().comment(&p.comment(" has no local endpoints")).jump(&svl, &drop);
        w.nat(rule);
    }
    for e in &p.chosen.reachable() {
        let sep = p.endpoint_chain(e);
        w.own_chain(&sep);
        w.endpoint(p, e);
    }
}

/// KUBE-EXT: which packets are masqueraded, and which may go to endpoints on any node.
fn from_outside(w: &mut Writer<'_>, p: &Port<'_>, local: bool, ext: &Rc<str>, svc: &Rc<str>) {
    let masq = w.names.mark_masq.clone();
    if !local {
        let comment = p.comment_around("masquerade traffic for ", " external destinations");
        let rule = w.rule().comment(&comment).jump(ext, &masq);
        return w.nat(rule);
    }
    if let Some(pods) = w.s.cluster_cidr {
        let comment = p.comment_around("pod traffic for ", " external destinations");
        let rule = w.rule().comment(&comment).from(pods, false).jump(ext, svc);
        w.nat(rule);
    }
    let comment = p.comment_around("masquerade LOCAL traffic for ", " external destinations");
    let rule = w.rule().comment(&comment).src_local().jump(ext, &masq);
    w.nat(rule);
    let comment = p.comment_around("route LOCAL traffic for ", " external destinations");
    let rule = w.rule().comment(&comment).src_local().jump(ext, svc);
    w.nat(rule);
}

/// A chain that balances among endpoints.
fn balanced(w: &mut Writer<'_>, p: &Port<'_>, chain: &Rc<str>, among: &[super::Endpoint]) {
    w.own_chain(chain);
    w.affinity(p, chain, among);
    for i in 0..among.len() {
        w.balance(p, chain, among, i);
    }
}

//! A Service's port since 1.24: KUBE-EXT for what comes from outside, KUBE-SVC and KUBE-SVL for the
//! endpoints of the cluster and of the node.

use super::line::Verdict;
use super::write::{Port, Refused, Writer, loopback};
use std::rc::Rc;

pub(super) fn write(w: &mut Writer<'_>, p: &Port<'_>) {
    let s = w.s;
    let (port, release) = (p.port, s.release);
    let (inside, outside) = (port.local_inside(s), port.local_outside(s));
    let (has, here) = (p.chosen.any, !p.chosen.local.is_empty());
    // 1.24 sends even where no local endpoint is there, and marks what should be dropped.
    let marks = !release.drops_in_filter();
    let (has_inside, has_outside) =
        (has && (!inside || here || marks), has && (!outside || here || marks));
    let external = port.external(s);
    let (svc, svl, ext, fw) =
        (p.chain("KUBE-SVC-"), p.chain("KUBE-SVL-"), p.chain("KUBE-EXT-"), p.chain("KUBE-FW-"));
    let inside_chain = if inside { &svl } else { &svc };
    let outside_chain = if outside { &svl } else { &svc };
    let ranges = p.ranges(s);
    let firewall = has && !p.vips.is_empty() && !ranges.is_empty();
    let (services, external_services) = (w.names.services.clone(), w.names.external.clone());
    // Why the filter table ends it, and how.
    let (why, verdict): (Rc<str>, _) = if has {
        (p.says(" has no local endpoints"), Verdict::Drop)
    } else {
        (p.says(" has no endpoints"), Verdict::Reject)
    };

    let cluster: Rc<str> = p.says(" cluster IP");
    let to_cluster_ip = |w: &Writer<'_>| {
        w.host(w.draft().comment(&cluster).protocol(port.protocol), port.cluster_ip)
            .dport(port.port)
    };
    if has_inside {
        let line = to_cluster_ip(w).jump(&services, inside_chain);
        w.nat(line);
    } else {
        w.refuse(p, &services, &why, Refused::Address(port.cluster_ip), verdict);
    }
    let comment = p.says(" external IP");
    for addr in &p.external_ips {
        if has {
            let line = w
                .host(w.draft().comment(&comment).protocol(port.protocol), *addr)
                .dport(port.port)
                .jump(&services, &ext);
            w.nat(line);
        }
        if !has_outside {
            w.refuse(p, &external_services, &why, Refused::Address(*addr), verdict);
        }
    }
    let comment = p.says(" loadbalancer IP");
    for addr in &p.vips {
        if has {
            let to = if firewall { &fw } else { &ext };
            let line = w
                .host(w.draft().comment(&comment).protocol(port.protocol), *addr)
                .dport(port.port)
                .jump(&services, to);
            w.nat(line);
        }
        if firewall && release.drops_in_filter() {
            let why: Rc<str> = format!("{} traffic not accepted by {fw}", p.name).into();
            let chain = w.names.proxy_firewall.clone();
            w.refuse(p, &chain, &why, Refused::Address(*addr), Verdict::Drop);
        }
    }
    for addr in p.vips.iter().filter(|_| !has_outside) {
        w.refuse(p, &external_services, &why, Refused::Address(*addr), verdict);
    }
    if let Some(np) = port.node_port {
        let node_ports = w.names.node_ports.clone();
        if has {
            if s.localhost() && s.counts_localhost && release.nfacct() {
                let d = w
                    .draft()
                    .comment(&p.name)
                    .protocol(port.protocol)
                    .to(loopback(false), false)
                    .dport(np);
                w.nat(d.count("localhost_nps_accepted_pkts").jump(&node_ports, &ext));
            }
            let line = w
                .draft()
                .comment(&p.name)
                .protocol(port.protocol)
                .dport(np)
                .jump(&node_ports, &ext);
            w.nat(line);
        }
        if !has_outside {
            w.refuse(p, &external_services, &why, Refused::NodePort(np), verdict);
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
            let line = w.draft().jump(&ext, outside_chain);
            w.nat(line);
        }
    }
    if firewall {
        w.own_chain(&fw);
        let comment = p.says(" loadbalancer IP");
        for range in &ranges {
            let line = w.draft().comment(&comment).from(*range, false).jump(&fw, &ext);
            w.nat(line);
        }
        if p.allows_node(s, &ranges) {
            for addr in &p.vips {
                let line = w.draft().comment(&comment).from((*addr).into(), true).jump(&fw, &ext);
                w.nat(line);
            }
        }
        if release.drops_in_filter() {
            let rest: Rc<str> =
                p.told("other traffic to ", " will be dropped by KUBE-PROXY-FIREWALL");
            let line = w.draft().comment(&rest).nothing(&fw);
            w.nat(line);
        } else {
            let drop = w.names.mark_drop.clone();
            let line = w.draft().comment(&comment).jump(&fw, &drop);
            w.nat(line);
        }
    }
    // The whole cluster's endpoints serve packets of the cluster, and those that are
    // short-circuited.
    let uses_all = has && (!inside || external);
    if uses_all && !p.chosen.cluster.is_empty() {
        balanced(w, p, &svc, &p.chosen.cluster);
    }
    if here {
        balanced(w, p, &svl, &p.chosen.local);
    } else if marks && has && (inside || (outside && external)) {
        w.own_chain(&svl);
        let drop = w.names.mark_drop.clone();
        let line = w.draft().comment(&p.says(" has no local endpoints")).jump(&svl, &drop);
        w.nat(line);
    }
    for e in &p.chosen.reachable() {
        let sep = p.endpoint_chain(e);
        w.own_chain(&sep);
        w.endpoint(p, e);
    }
}

/// Who is masqueraded on the way in, and who of the cluster is let to every endpoint.
fn from_outside(w: &mut Writer<'_>, p: &Port<'_>, local: bool, ext: &Rc<str>, svc: &Rc<str>) {
    let masq = w.names.mark_masq.clone();
    if !local {
        let comment = p.told("masquerade traffic for ", " external destinations");
        let line = w.draft().comment(&comment).jump(ext, &masq);
        return w.nat(line);
    }
    if let Some(pods) = w.s.cluster_cidr {
        let comment = p.told("pod traffic for ", " external destinations");
        let line = w.draft().comment(&comment).from(pods, false).jump(ext, svc);
        w.nat(line);
    }
    let comment = p.told("masquerade LOCAL traffic for ", " external destinations");
    let line = w.draft().comment(&comment).src_local().jump(ext, &masq);
    w.nat(line);
    let comment = p.told("route LOCAL traffic for ", " external destinations");
    let line = w.draft().comment(&comment).src_local().jump(ext, svc);
    w.nat(line);
}

fn balanced(w: &mut Writer<'_>, p: &Port<'_>, chain: &Rc<str>, among: &[super::Endpoint]) {
    w.own_chain(chain);
    w.affinity(p, chain, among);
    for i in 0..among.len() {
        w.balance(p, chain, among, i);
    }
}

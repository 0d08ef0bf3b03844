//! The rules of a Service port up to 1.23: KUBE-XLB for `externalTrafficPolicy: Local`.

use super::rule::{RuleBuilder, Verdict};
use super::writer::{Port, RejectedDestination, Writer, loopback};
use std::net::IpAddr;
use std::rc::Rc;

/// The chains of a Service port.
struct Chains {
    svc: Rc<str>,
    xlb: Rc<str>,
    /// Whether `externalTrafficPolicy` is Local.
    local: bool,
    /// Whether it has an endpoint.
    has_endpoints: bool,
}

impl Chains {
    /// The chain for packets from outside the cluster.
    fn outside(&self) -> &Rc<str> {
        if self.local { &self.xlb } else { &self.svc }
    }
}

/// Writes the rules of a Service port.
pub(super) fn write(w: &mut Writer<'_>, p: &Port<'_>) {
    let release = w.s.release;
    let all = &p.chosen.cluster;
    let c = Chains {
        svc: p.chain("KUBE-SVC-"),
        xlb: p.chain("KUBE-XLB-"),
        local: p.port.local_outside(w.s),
        has_endpoints: !all.is_empty(),
    };
    let early = release.endpoints_first();
    let endpoints = |w: &mut Writer<'_>, rules: bool| {
        for e in all {
            let sep = p.endpoint_chain(e);
            w.own_chain(&sep);
            if rules {
                w.endpoint(p, e);
            }
        }
    };
    if early {
        endpoints(w, true);
    }
    if c.has_endpoints {
        w.own_chain(&c.svc);
    }
    if c.local {
        w.own_chain(&c.xlb);
    }
    cluster_ip(w, p, &c);
    for addr in &p.external_ips {
        external_ip(w, p, &c, *addr);
    }
    load_balancer(w, p, &c);
    if let Some(np) = p.port.node_port {
        node_port(w, p, &c, np);
    }
    if c.local && release.health_check_port() {
        w.health_check(p);
    }
    if !c.has_endpoints {
        return;
    }
    if !early {
        endpoints(w, false);
    }
    w.affinity(p, &c.svc, all);
    for (i, e) in all.iter().enumerate() {
        w.balance(p, &c.svc, all, i);
        if !early {
            w.endpoint(p, e);
        }
    }
    if c.local {
        from_outside(w, p, &c);
    }
}

/// A rule for packets to an address and the Service's port.
fn to(w: &Writer<'_>, p: &Port<'_>, comment: &Rc<str>, addr: IpAddr) -> RuleBuilder {
    w.host(w.rule().comment(comment).protocol(p.port.protocol), addr).dport(p.port.port)
}

fn no_endpoints(p: &Port<'_>) -> Rc<str> {
    p.comment(" has no endpoints")
}

fn cluster_ip(w: &mut Writer<'_>, p: &Port<'_>, c: &Chains) {
    let (s, services, masq) = (w.s, w.names.services.clone(), w.names.mark_masq.clone());
    if !c.has_endpoints {
        return w.refuse(
            p,
            &services,
            &no_endpoints(p),
            RejectedDestination::Address(p.port.cluster_ip),
            Verdict::Reject,
        );
    }
    let d = to(w, p, &p.comment(" cluster IP"), p.port.cluster_ip);
    let chain = if s.release.masquerade_in_service() { &c.svc } else { &services };
    if s.masquerade_all {
        w.nat(d.clone().jump(chain, &masq));
    } else if let Some(pods) = s.cluster_cidr {
        w.nat(d.clone().not_from(pods).jump(chain, &masq));
    }
    w.nat(d.jump(&services, &c.svc));
}

fn external_ip(w: &mut Writer<'_>, p: &Port<'_>, c: &Chains, addr: IpAddr) {
    let (s, release) = (w.s, w.s.release);
    let (services, external, masq) =
        (w.names.services.clone(), w.names.external.clone(), w.names.mark_masq.clone());
    if !c.has_endpoints {
        return w.refuse(
            p,
            &external,
            &no_endpoints(p),
            RejectedDestination::Address(addr),
            Verdict::Reject,
        );
    }
    let d = to(w, p, &p.comment(" external IP"), addr);
    let local = c.local && release.external_ips_obey_policy();
    let chain = if local { &c.xlb } else { &c.svc };
    if !local {
        let from = if release.masquerade_in_service() { &c.svc } else { &services };
        let masked = match s.cluster_cidr.filter(|_| release.no_physdev()) {
            Some(pods) => d.clone().not_from(pods),
            None => d.clone(),
        };
        w.nat(masked.jump(from, &masq));
    }
    if release.no_physdev() {
        w.nat(d.jump(&services, chain));
    } else {
        w.nat(d.clone().not_bridged().not_src_local().jump(&services, chain));
        w.nat(d.dst_local().jump(&services, chain));
    }
}

/// The load balancer's addresses, behind KUBE-FW.
fn load_balancer(w: &mut Writer<'_>, p: &Port<'_>, c: &Chains) {
    let (s, release) = (w.s, w.s.release);
    let fw = p.chain("KUBE-FW-");
    let comment = p.comment(" loadbalancer IP");
    let (services, external, masq, drop) = (
        w.names.services.clone(),
        w.names.external.clone(),
        w.names.mark_masq.clone(),
        w.names.mark_drop.clone(),
    );
    let ranges = p.ranges(s);
    for (i, addr) in p.vips.iter().enumerate() {
        if !c.has_endpoints {
            if release.rejects_load_balancer() {
                let chain = if release.forwards_external() { &external } else { &services };
                w.refuse(
                    p,
                    chain,
                    &no_endpoints(p),
                    RejectedDestination::Address(*addr),
                    Verdict::Reject,
                );
            }
            continue;
        }
        if i == 0 {
            w.own_chain(&fw);
        }
        let rule = to(w, p, &comment, *addr).jump(&services, &fw);
        w.nat(rule);
        let d = w.rule().comment(&comment);
        if !c.local {
            w.nat(d.clone().jump(&fw, &masq));
        }
        if ranges.is_empty() {
            w.nat(d.clone().jump(&fw, c.outside()));
        }
        for range in &ranges {
            w.nat(d.clone().from(*range, false).jump(&fw, c.outside()));
        }
        if p.allows_node(s, &ranges) {
            w.nat(d.clone().from((*addr).into(), release.plain_addresses()).jump(&fw, c.outside()));
        }
        w.nat(d.jump(&fw, &drop));
    }
}

fn node_port(w: &mut Writer<'_>, p: &Port<'_>, c: &Chains, np: u16) {
    let (node_ports, external, masq) =
        (w.names.node_ports.clone(), w.names.external.clone(), w.names.mark_masq.clone());
    if !c.has_endpoints {
        return w.refuse(
            p,
            &external,
            &no_endpoints(p),
            RejectedDestination::NodePort(np),
            Verdict::Reject,
        );
    }
    let d = w.rule().comment(&p.name).protocol(p.port.protocol).dport(np);
    if c.local {
        w.nat(d.clone().from(loopback(w.s.ipv6), false).jump(&node_ports, &masq));
    } else {
        let chain = if w.s.release.masquerade_in_service() { &c.svc } else { &node_ports };
        w.nat(d.clone().jump(chain, &masq));
    }
    w.nat(d.jump(&node_ports, c.outside()));
}

/// KUBE-XLB, for `externalTrafficPolicy: Local`: packets from pods, and from 1.15 on from the node,
/// go to any endpoint, others to endpoints on this node.
fn from_outside(w: &mut Writer<'_>, p: &Port<'_>, c: &Chains) {
    let release = w.s.release;
    let local = &p.chosen.local;
    let pods = |w: &mut Writer<'_>| {
        let Some(pods) = w.s.cluster_cidr else { return };
        let comment: Rc<str> =
            "Redirect pods trying to reach external loadbalancer VIP to clusterIP".into();
        let rule = w.rule().comment(&comment).from(pods, false).jump(&c.xlb, &c.svc);
        w.nat(rule);
    };
    if !release.node_before_pods() {
        pods(w);
    }
    if release.local_reaches_all() {
        let masq = w.names.mark_masq.clone();
        let comment = p.comment_around("masquerade LOCAL traffic for ", " LB IP");
        let rule = w.rule().comment(&comment).src_local().jump(&c.xlb, &masq);
        w.nat(rule);
        let comment = p.comment_around("route LOCAL traffic for ", " LB IP to service chain");
        let rule = w.rule().comment(&comment).src_local().jump(&c.xlb, &c.svc);
        w.nat(rule);
    }
    if release.node_before_pods() {
        pods(w);
    }
    if local.is_empty() {
        let (comment, drop): (Rc<str>, _) =
            (p.comment(" has no local endpoints"), w.names.mark_drop.clone());
        let rule = w.rule().comment(&comment).jump(&c.xlb, &drop);
        return w.nat(rule);
    }
    if release.counts_balancing_rules() {
        w.affinity_of_xlb(p, &c.xlb, local);
        for i in 0..local.len() {
            let comment: Rc<str> = format!("Balancing rule {i} for {}", p.name).into();
            let rule = w.rule().comment(&comment);
            w.balance_with(p, rule, &c.xlb, local, i);
        }
    } else {
        w.affinity(p, &c.xlb, local);
        for i in 0..local.len() {
            w.balance(p, &c.xlb, local, i);
        }
    }
}

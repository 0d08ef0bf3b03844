//! The tables while kube-proxy writes them, and what all releases write for a Service port alike.

use super::rule::{RuleBuilder, Verdict, WrittenRule};
use super::{Chosen, Endpoint, Release, ServicePortInfo, ServiceProtocol, Settings};
use crate::naming::{endpoint_chain, service_chain};
use crate::object::ServiceType;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use net::netfilter::CtStates;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// What one sync writes into a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRules {
    /// The chains, each with its owner: an index into [`Sync::owners`], or none for a shared chain.
    pub chains: Vec<(Rc<str>, Option<u32>)>,
    /// The rules of all chains, in the order in which they are written.
    pub rules: Vec<WrittenRule>,
}

/// What one sync of kube-proxy writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// Release of kube-proxy that wrote it.
    pub release: Release,
    /// Chains and rules of table filter.
    pub filter: TableRules,
    /// Chains and rules of table nat.
    pub nat: TableRules,
    /// For each Service port, its Service: `namespace/name`.
    pub owners: Vec<String>,
}

/// The names of the shared chains.
pub(super) struct Names {
    pub(super) services: Rc<str>,
    pub(super) external: Rc<str>,
    pub(super) node_ports: Rc<str>,
    pub(super) proxy_firewall: Rc<str>,
    pub(super) mark_masq: Rc<str>,
    pub(super) mark_drop: Rc<str>,
    pub(super) forward: Rc<str>,
    pub(super) firewall: Rc<str>,
    pub(super) postrouting: Rc<str>,
}

/// Both tables while they are written.
pub(super) struct Writer<'a> {
    pub(super) s: &'a Settings,
    pub(super) names: Names,
    /// Whether rules carry their text.
    pub(super) with_text: bool,
    /// Whether rules that name an endpoint have no comment.
    pub(super) large: bool,
    pub(super) filter: TableRules,
    pub(super) nat: TableRules,
    /// The index of the Service port that is written.
    pub(super) owner: u32,
}

impl Writer<'_> {
    /// A rule without conditions.
    pub(super) fn rule(&self) -> RuleBuilder {
        RuleBuilder::new(self.with_text)
    }

    /// Appends a rule to table nat.
    pub(super) fn nat(&mut self, rule: WrittenRule) {
        self.nat.rules.push(rule);
    }

    /// Appends a rule to table filter.
    pub(super) fn filter(&mut self, rule: WrittenRule) {
        self.filter.rules.push(rule);
    }

    /// Declares a chain that belongs to the current Service port.
    pub(super) fn own_chain(&mut self, name: &Rc<str>) {
        self.nat.chains.push((name.clone(), Some(self.owner)));
    }

    /// Restricts a rule to one destination address, as this release writes it.
    pub(super) fn host(&self, r: RuleBuilder, addr: IpAddr) -> RuleBuilder {
        r.to(addr.into(), self.s.release.plain_addresses())
    }

    /// A rule of a balancing or endpoint chain; some releases write no comment there.
    fn commented(&self, comment: &Rc<str>) -> RuleBuilder {
        if self.s.release.loses_comments() || self.large {
            self.rule()
        } else {
            self.rule().comment(comment)
        }
    }

    /// The rules that return a client to the endpoint it had (`sessionAffinity`).
    pub(super) fn affinity(&mut self, p: &Port<'_>, chain: &Rc<str>, among: &[Endpoint]) {
        for e in among {
            let rule = self.commented(&p.endpoint_comment(self.s, e));
            self.affinity_rule(p, rule, chain, e);
        }
    }

    /// As [`Self::affinity`], for KUBE-XLB, where every release writes comments.
    pub(super) fn affinity_of_xlb(&mut self, p: &Port<'_>, chain: &Rc<str>, among: &[Endpoint]) {
        for e in among {
            let rule = self.rule().comment(&p.name);
            self.affinity_rule(p, rule, chain, e);
        }
    }

    fn affinity_rule(&mut self, p: &Port<'_>, rule: RuleBuilder, chain: &Rc<str>, e: &Endpoint) {
        if let Some(seconds) = p.port.traffic.affinity {
            let sep = p.endpoint_chain(e);
            self.nat(rule.seen_within(&sep, seconds).jump(chain, &sep));
        }
    }

    /// The rule that takes endpoint `i` at random, of it and those after it.
    pub(super) fn balance(&mut self, p: &Port<'_>, chain: &Rc<str>, among: &[Endpoint], i: usize) {
        let Some(e) = among.get(i) else { return };
        let rule = self.commented(&p.endpoint_comment(self.s, e));
        self.balance_with(p, rule, chain, among, i);
    }

    /// As [`Self::balance`], with a rule that has its comment already.
    pub(super) fn balance_with(
        &mut self,
        p: &Port<'_>,
        rule: RuleBuilder,
        chain: &Rc<str>,
        among: &[Endpoint],
        i: usize,
    ) {
        let Some(e) = among.get(i) else { return };
        let left = among.len() - i;
        let rule = if left > 1 { rule.one_of(left, self.s.release) } else { rule };
        self.nat(rule.jump(chain, &p.endpoint_chain(e)));
    }

    /// Accepts the port on which a load balancer asks whether this node has endpoints.
    pub(super) fn health_check(&mut self, p: &Port<'_>) {
        let (Some(port), ServiceType::LoadBalancer) = (p.port.traffic.health_check, p.port.kind)
        else {
            return;
        };
        let comment = p.comment(" health check node port");
        let chain = self.names.node_ports.clone();
        let rule = self
            .rule()
            .comment(&comment)
            .protocol(ServiceProtocol::Tcp)
            .dport(port)
            .verdict(&chain, Verdict::Accept);
        self.filter(rule);
    }

    /// The rules of an endpoint's chain, `KUBE-SEP-…`: mark hairpin traffic, then translate.
    pub(super) fn endpoint(&mut self, p: &Port<'_>, e: &Endpoint) {
        let sep = p.endpoint_chain(e);
        let (plain, masq) = (self.s.release.plain_addresses(), self.names.mark_masq.clone());
        let own = self.commented(&p.name).from(e.addr.into(), plain).jump(&sep, &masq);
        self.nat(own);
        let dnat = self.commented(&p.name);
        let dnat = if p.port.traffic.affinity.is_some() { dnat.remember(&sep) } else { dnat };
        self.nat(dnat.protocol(p.port.protocol).dnat(&sep, e.addr, e.port));
    }

    /// The filter rule for packets that have no endpoint to go to.
    pub(super) fn refuse(
        &mut self,
        p: &Port<'_>,
        chain: &Rc<str>,
        why: &Rc<str>,
        to: RejectedDestination,
        verdict: Verdict,
    ) {
        let d = self.rule().comment(why);
        let (d, dport) = match to {
            RejectedDestination::Address(addr) => {
                (self.host(d.protocol(p.port.protocol), addr), p.port.port)
            }
            RejectedDestination::NodePort(port) => (d.dst_local().protocol(p.port.protocol), port),
        };
        self.filter(d.dport(dport).verdict(chain, verdict));
    }
}

/// The destination of packets that are rejected.
#[derive(Clone, Copy)]
pub(super) enum RejectedDestination {
    Address(IpAddr),
    NodePort(u16),
}

/// A Service port with its chain names and chosen endpoints.
pub(super) struct Port<'a> {
    pub(super) port: &'a ServicePortInfo,
    /// `namespace/service:port`, as comments name it.
    pub(super) name: Rc<str>,
    pub(super) vips: Vec<IpAddr>,
    pub(super) external_ips: Vec<IpAddr>,
    pub(super) chosen: Chosen,
    hash: String,
}

impl<'a> Port<'a> {
    pub(super) fn new(s: &Settings, port: &'a ServicePortInfo) -> Self {
        let name = port.full_name(s.release);
        let hash = service_chain("", &name, port.protocol.name());
        Self {
            name: name.into(),
            vips: port.vips(s),
            external_ips: port.traffic.external_ips.iter().filter(|a| s.ours(a)).copied().collect(),
            chosen: port.choose(s),
            port,
            hash,
        }
    }

    /// A comment that begins with the port's name.
    pub(super) fn comment(&self, rest: &str) -> Rc<str> {
        self.comment_around("", rest)
    }

    /// A comment that contains the port's name.
    pub(super) fn comment_around(&self, before: &str, after: &str) -> Rc<str> {
        [before, &self.name, after].concat().into()
    }

    /// The port's chain with this prefix: `KUBE-SVC-…`.
    pub(super) fn chain(&self, prefix: &str) -> Rc<str> {
        format!("{prefix}{}", self.hash).into()
    }

    pub(super) fn endpoint_chain(&self, e: &Endpoint) -> Rc<str> {
        endpoint_chain(&self.name, self.port.protocol.name(), &e.text()).into()
    }

    /// The comment of the rule that jumps to an endpoint's chain.
    pub(super) fn endpoint_comment(&self, s: &Settings, e: &Endpoint) -> Rc<str> {
        if s.release.ext_chains() {
            format!("{} -> {}", self.name, e.text()).into()
        } else {
            self.name.clone()
        }
    }

    /// Whether the source ranges include the node. Then the load balancer's address is allowed too,
    /// as the node's own traffic to it may have that source.
    pub(super) fn allows_node(&self, s: &Settings, ranges: &[IpNet]) -> bool {
        s.node_ip.is_some_and(|ip| ranges.iter().any(|r| r.contains(&ip)))
    }

    /// `loadBalancerSourceRanges` of this address family; from 1.24 on none if one of them is
    /// everything.
    pub(super) fn ranges(&self, s: &Settings) -> Vec<IpNet> {
        let ours: Vec<IpNet> = self
            .port
            .traffic
            .source_ranges
            .iter()
            .filter(|n| s.ours(&n.addr()))
            .map(IpNet::trunc)
            .collect();
        if s.release.ext_chains() && ours.iter().any(|n| n.prefix_len() == 0) {
            Vec::new()
        } else {
            ours
        }
    }
}

/// `127.0.0.0/8`, `::1/128`.
pub(super) fn loopback(ipv6: bool) -> IpNet {
    if ipv6 {
        Ipv6Net::from(Ipv6Addr::LOCALHOST).into()
    } else {
        Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into()
    }
}

/// KUBE-FIREWALL's rule against packets from other machines to 127.0.0.0/8 (CVE-2020-8558).
pub(super) fn localnet(rule: RuleBuilder, chain: &Rc<str>) -> WrittenRule {
    let known = CtStates::RELATED.with(CtStates::ESTABLISHED).with(CtStates::DNAT);
    let rule = rule
        .comment(&"block incoming localnet connections".into())
        .to(loopback(false), false)
        .not_from(loopback(false));
    rule.ctstate(true, known).verdict(chain, Verdict::Drop)
}

/// The rules of KUBE-POSTROUTING and KUBE-MARK-MASQ. `rule`: makes a new rule.
pub(super) fn masquerading(s: &Settings, rule: impl Fn() -> RuleBuilder) -> Vec<WrittenRule> {
    let (post, masq): (Rc<str>, Rc<str>) = ("KUBE-POSTROUTING".into(), "KUBE-MARK-MASQ".into());
    let why = "kubernetes service traffic requiring SNAT".into();
    let fully = s.random_fully && s.release.random_fully();
    if s.release.clears_mark() {
        vec![
            rule().mark(true, &s.mark).verdict(&post, Verdict::Return),
            rule().xor_mark(&post, &s.mark),
            rule().comment(&why).masquerade(&post, fully),
            rule().or_mark(&masq, &s.mark),
        ]
    } else {
        vec![
            rule().comment(&why).mark(false, &s.mark).masquerade(&post, fully),
            rule().set_mark(&masq, &s.mark),
        ]
    }
}

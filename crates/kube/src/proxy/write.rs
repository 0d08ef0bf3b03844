//! The rules themselves (`syncProxyRules`): what stands at the beginning and the end of both
//! tables, and what every release writes of a Service's port. What changed most is apart:
//! [`super::xlb`] up to 1.23, [`super::ext`] since 1.24.

use super::line::{Draft, Line, Verdict};
use super::{Chosen, Endpoint, Protocol, ServicePort, Settings, ext, xlb};
use crate::naming::{endpoint_chain, service_chain};
use crate::object::ServiceType;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use net::netfilter::CtStates;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// What was written into one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The chains that are named, and whose they are: the number of a service port, or everybody's.
    pub chains: Vec<(Rc<str>, Option<u32>)>,
    /// Rules, in the order they were written.
    pub lines: Vec<Line>,
}

/// What kube-proxy wants both tables to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// The release that wrote it.
    pub release: super::Release,
    /// Table filter.
    pub filter: Written,
    /// Table nat.
    pub nat: Written,
    /// The Services, `namespace/name`, of the service ports.
    pub owners: Vec<String>,
}

/// More endpoints than this in a cluster, and the rules that name them have no comments
/// (`largeClusterEndpointsThreshold`).
const LARGE: usize = 1000;

/// Chains that are there whatever the Services.
pub(super) struct Names {
    pub(super) services: Rc<str>,
    pub(super) external: Rc<str>,
    pub(super) node_ports: Rc<str>,
    pub(super) proxy_firewall: Rc<str>,
    pub(super) mark_masq: Rc<str>,
    pub(super) mark_drop: Rc<str>,
    forward: Rc<str>,
    firewall: Rc<str>,
    postrouting: Rc<str>,
}

/// Rules in the making.
pub(super) struct Writer<'a> {
    pub(super) s: &'a Settings,
    pub(super) names: Names,
    words: bool,
    /// Whether rules that name endpoints have no comments.
    large: bool,
    filter: Written,
    nat: Written,
    /// The number of the service port that is written.
    owner: u32,
}

/// What kube-proxy wants both tables to hold for these Services, which come in this order. `words`:
/// with the text of each rule.
pub fn sync(s: &Settings, ports: &[&ServicePort], words: bool) -> Sync {
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
        words,
        large,
        filter: Written::default(),
        nat: Written::default(),
        owner: 0,
    };
    w.begin();
    let mut owners = Vec::new();
    for port in ports.iter().filter(|p| s.ours(&p.cluster_ip)) {
        w.owner = owners.len() as u32;
        owners.push(format!("{}/{}", port.namespace, port.service));
        let p = Port::new(s, port);
        if s.release.ext_chains() { ext::write(&mut w, &p) } else { xlb::write(&mut w, &p) }
    }
    w.end();
    Sync { release: s.release, filter: w.filter, nat: w.nat, owners }
}

impl Writer<'_> {
    pub(super) fn draft(&self) -> Draft {
        Draft::new(self.words)
    }

    pub(super) fn nat(&mut self, line: Line) {
        self.nat.lines.push(line);
    }

    pub(super) fn filter(&mut self, line: Line) {
        self.filter.lines.push(line);
    }

    /// A chain of the service port's own.
    pub(super) fn own_chain(&mut self, name: &Rc<str>) {
        self.nat.chains.push((name.clone(), Some(self.owner)));
    }

    /// One address, as this release writes it.
    pub(super) fn host(&self, d: Draft, addr: IpAddr) -> Draft {
        d.to(addr.into(), self.s.release.plain_addresses())
    }

    fn begin(&mut self) {
        let (s, release) = (self.s, self.s.release);
        let filter =
            [&self.names.services, &self.names.external, &self.names.forward].map(Rc::clone);
        self.filter.chains.extend(filter.map(|c| (c, None)));
        if release.health_check_port() {
            self.filter.chains.push((self.names.node_ports.clone(), None));
        }
        if release.drops_in_filter() {
            self.filter.chains.push((self.names.proxy_firewall.clone(), None));
        }
        let nat = [
            &self.names.services,
            &self.names.node_ports,
            &self.names.postrouting,
            &self.names.mark_masq,
        ]
        .map(Rc::clone);
        self.nat.chains.extend(nat.map(|c| (c, None)));
        if release.own_firewall() && s.localhost() {
            let chain = self.names.firewall.clone();
            self.filter.chains.push((chain.clone(), None));
            let line = localnet(self.draft(), &chain);
            self.filter(line);
        }
        for line in masquerading(s, || self.draft()) {
            self.nat(line);
        }
    }

    fn end(&mut self) {
        let (s, release) = (self.s, self.s.release);
        let last: Rc<str> =
            "kubernetes service nodeports; NOTE: this must be the last rule in this chain".into();
        let (services, node_ports) = (self.names.services.clone(), self.names.node_ports.clone());
        let head = self.draft().comment(&last);
        let mine: Vec<&IpNet> =
            s.node_port_addresses.iter().filter(|n| s.ours(&n.addr())).collect();
        if mine.is_empty() || mine.iter().any(|n| n.prefix_len() == 0) {
            let local = head.dst_local();
            let draft = if s.ipv6 && release.localhost_flag() {
                local.not_to(loopback(true))
            } else if s.localhost() || s.ipv6 {
                local
            } else {
                local.not_to(loopback(false))
            };
            self.nat(draft.jump(&services, &node_ports));
        } else {
            let reached = |a: &&IpAddr| {
                s.ours(a)
                    && mine.iter().any(|n| n.contains(*a))
                    && (s.localhost() || !a.is_loopback())
            };
            for addr in s.addresses.iter().filter(reached) {
                let line = head.clone().to((*addr).into(), true).jump(&services, &node_ports);
                self.nat(line);
            }
        }
        self.forward();
    }

    fn forward(&mut self) {
        let (s, release) = (self.s, self.s.release);
        let chain = self.names.forward.clone();
        if release.drops_invalid() && !s.tcp_liberal {
            let invalid = self.draft().ctstate(false, CtStates::INVALID);
            let invalid = if s.counts_invalid && release.nfacct() {
                invalid.count("ct_state_invalid_dropped_pkts")
            } else {
                invalid
            };
            self.filter(invalid.verdict(&chain, Verdict::Drop));
        }
        let marked =
            self.draft().comment(&"kubernetes forwarding rules".into()).mark(false, &s.mark);
        self.filter(marked.verdict(&chain, Verdict::Accept));
        let answers = CtStates::RELATED.with(CtStates::ESTABLISHED);
        if release.one_forward_rule() {
            let rule = self
                .draft()
                .comment(&"kubernetes forwarding conntrack rule".into())
                .ctstate(false, answers);
            self.filter(rule.verdict(&chain, Verdict::Accept));
            return;
        }
        let pods = s.cluster_cidr.filter(|_| !release.forwards_all_answers());
        if pods.is_none() && !release.forwards_all_answers() {
            return;
        }
        let source = self.draft();
        let source = match pods {
            Some(pods) => source.from(pods, false),
            None => source,
        };
        let source = source
            .comment(&"kubernetes forwarding conntrack pod source rule".into())
            .ctstate(false, answers);
        self.filter(source.verdict(&chain, Verdict::Accept));
        let destination =
            self.draft().comment(&"kubernetes forwarding conntrack pod destination rule".into());
        let destination = match pods {
            Some(pods) => destination.to(pods, false),
            None => destination,
        };
        self.filter(destination.ctstate(false, answers).verdict(&chain, Verdict::Accept));
    }

    /// A rule of an endpoint's or a balancing chain: with its comment, unless that is lost.
    fn named(&self, comment: &Rc<str>) -> Draft {
        if self.s.release.loses_comments() || self.large {
            self.draft()
        } else {
            self.draft().comment(comment)
        }
    }

    /// First the endpoint that the client had.
    pub(super) fn affinity(&mut self, p: &Port<'_>, chain: &Rc<str>, among: &[Endpoint]) {
        for e in among {
            let draft = self.named(&p.endpoint_comment(self.s, e));
            self.same_again(p, draft, chain, e);
        }
    }

    /// As [`Self::affinity`], where KUBE-XLB never loses its comments.
    pub(super) fn affinity_of_xlb(&mut self, p: &Port<'_>, chain: &Rc<str>, among: &[Endpoint]) {
        for e in among {
            let draft = self.draft().comment(&p.name);
            self.same_again(p, draft, chain, e);
        }
    }

    fn same_again(&mut self, p: &Port<'_>, draft: Draft, chain: &Rc<str>, e: &Endpoint) {
        if let Some(seconds) = p.port.traffic.affinity {
            let sep = p.endpoint_chain(e);
            self.nat(draft.seen_within(&sep, seconds).jump(chain, &sep));
        }
    }

    /// Endpoint `i`, by chance.
    pub(super) fn balance(&mut self, p: &Port<'_>, chain: &Rc<str>, among: &[Endpoint], i: usize) {
        let Some(e) = among.get(i) else { return };
        let draft = self.named(&p.endpoint_comment(self.s, e));
        self.one_of(p, draft, chain, among, i);
    }

    /// The end of a rule that takes endpoint `i` by chance.
    pub(super) fn one_of(
        &mut self,
        p: &Port<'_>,
        draft: Draft,
        chain: &Rc<str>,
        among: &[Endpoint],
        i: usize,
    ) {
        let Some(e) = among.get(i) else { return };
        let left = among.len() - i;
        let draft = if left > 1 { draft.one_of(left, self.s.release) } else { draft };
        self.nat(draft.jump(chain, &p.endpoint_chain(e)));
    }

    /// The port a load balancer asks whether this node has endpoints.
    pub(super) fn health_check(&mut self, p: &Port<'_>) {
        let (Some(port), ServiceType::LoadBalancer) = (p.port.traffic.health_check, p.port.kind)
        else {
            return;
        };
        let comment = p.says(" health check node port");
        let chain = self.names.node_ports.clone();
        let line = self
            .draft()
            .comment(&comment)
            .protocol(Protocol::Tcp)
            .dport(port)
            .verdict(&chain, Verdict::Accept);
        self.filter(line);
    }

    /// `KUBE-SEP-…`: the hairpin's mark, and the translation.
    pub(super) fn endpoint(&mut self, p: &Port<'_>, e: &Endpoint) {
        let sep = p.endpoint_chain(e);
        let (plain, masq) = (self.s.release.plain_addresses(), self.names.mark_masq.clone());
        let own = self.named(&p.name).from(e.addr.into(), plain).jump(&sep, &masq);
        self.nat(own);
        let dnat = self.named(&p.name);
        let dnat = if p.port.traffic.affinity.is_some() { dnat.enter(&sep) } else { dnat };
        self.nat(dnat.protocol(p.port.protocol).dnat(&sep, e.addr, e.port));
    }

    /// A filter rule about a packet that finds no endpoint.
    pub(super) fn refuse(
        &mut self,
        p: &Port<'_>,
        chain: &Rc<str>,
        why: &Rc<str>,
        to: Refused,
        verdict: Verdict,
    ) {
        let d = self.draft().comment(why);
        let (d, dport) = match to {
            Refused::Address(addr) => (self.host(d.protocol(p.port.protocol), addr), p.port.port),
            Refused::NodePort(port) => (d.dst_local().protocol(p.port.protocol), port),
        };
        self.filter(d.dport(dport).verdict(chain, verdict));
    }
}

/// Where a refused packet goes to.
#[derive(Clone, Copy)]
pub(super) enum Refused {
    Address(IpAddr),
    NodePort(u16),
}

/// A port of a Service, with its names and its endpoints.
pub(super) struct Port<'a> {
    pub(super) port: &'a ServicePort,
    /// As it stands in comments.
    pub(super) name: Rc<str>,
    pub(super) vips: Vec<IpAddr>,
    pub(super) external_ips: Vec<IpAddr>,
    pub(super) chosen: Chosen,
    hash: String,
}

impl<'a> Port<'a> {
    fn new(s: &Settings, port: &'a ServicePort) -> Self {
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

    /// A comment that begins with the name.
    pub(super) fn says(&self, rest: &str) -> Rc<str> {
        self.told("", rest)
    }

    /// A comment about the name.
    pub(super) fn told(&self, before: &str, after: &str) -> Rc<str> {
        [before, &self.name, after].concat().into()
    }

    /// `KUBE-SVC-…` and its like.
    pub(super) fn chain(&self, prefix: &str) -> Rc<str> {
        format!("{prefix}{}", self.hash).into()
    }

    pub(super) fn endpoint_chain(&self, e: &Endpoint) -> Rc<str> {
        endpoint_chain(&self.name, self.port.protocol.name(), &e.text()).into()
    }

    /// What the rule that leads to an endpoint says.
    pub(super) fn endpoint_comment(&self, s: &Settings, e: &Endpoint) -> Rc<str> {
        if s.release.ext_chains() {
            format!("{} -> {}", self.name, e.text()).into()
        } else {
            self.name.clone()
        }
    }

    /// Whether the node itself is let through the Service's firewall: then the balancer's address
    /// is, too, which is often the node's own.
    pub(super) fn allows_node(&self, s: &Settings, ranges: &[IpNet]) -> bool {
        s.node_ip.is_some_and(|ip| ranges.iter().any(|r| r.contains(&ip)))
    }

    /// Source ranges of the family; none if one is everybody.
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

/// KUBE-FIREWALL's rule about packets of others to 127.0.0.0/8.
pub(super) fn localnet(d: Draft, chain: &Rc<str>) -> Line {
    let known = CtStates::RELATED.with(CtStates::ESTABLISHED).with(CtStates::DNAT);
    let d = d
        .comment(&"block incoming localnet connections".into())
        .to(loopback(false), false)
        .not_from(loopback(false));
    d.ctstate(true, known).verdict(chain, Verdict::Drop)
}

/// KUBE-POSTROUTING and KUBE-MARK-MASQ.
pub(super) fn masquerading(s: &Settings, draft: impl Fn() -> Draft) -> Vec<Line> {
    let (post, masq): (Rc<str>, Rc<str>) = ("KUBE-POSTROUTING".into(), "KUBE-MARK-MASQ".into());
    let why = "kubernetes service traffic requiring SNAT".into();
    let fully = s.random_fully && s.release.random_fully();
    if s.release.unmarks() {
        vec![
            draft().mark(true, &s.mark).verdict(&post, Verdict::Return),
            draft().xor_mark(&post, &s.mark),
            draft().comment(&why).masquerade(&post, fully),
            draft().or_mark(&masq, &s.mark),
        ]
    } else {
        vec![
            draft().comment(&why).mark(false, &s.mark).masquerade(&post, fully),
            draft().set_mark(&masq, &s.mark),
        ]
    }
}

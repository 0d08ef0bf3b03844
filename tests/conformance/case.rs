//! Checks one case of an index, and the case files that are not part of an index.

use crate::{dump, flow, json, manifest};
use kube::naming::{endpoint_chain, service_chain};
use kube::object::{ServiceType, Traffic};
use kube::proxy::{
    Endpoint, Flow, Reconciler, Release, ServicePortInfo, ServiceProtocol, Settings, Sync,
    sloppy_ip, sloppy_net, sync,
};
use net::netfilter::{Ruleset, parse_rule};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use support::difference;

/// How often each kind of check ran, and the failures.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) done: BTreeMap<&'static str, usize>,
    pub(crate) wrong: Vec<String>,
}

impl Checked {
    fn count(&mut self, what: &'static str, wrong: Option<String>) {
        *self.done.entry(what).or_default() += 1;
        self.wrong.extend(wrong);
    }
}

/// An entry of `index.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) files: Vec<String>,
    settings: Option<CaseSettings>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CaseSettings {
    node_name: String,
    #[serde(rename = "nodeIP")]
    node_ip: Option<String>,
    #[serde(default)]
    interface_addresses: Vec<String>,
    ip_family: String,
    #[serde(rename = "clusterCIDR")]
    cluster_cidr: Option<String>,
    #[serde(default)]
    masquerade_all: bool,
    masquerade_mark: Option<String>,
    localhost_node_ports: Option<bool>,
    #[serde(default)]
    node_port_addresses: Vec<String>,
    #[serde(default)]
    random_fully: bool,
    #[serde(default)]
    nfacct_counters: Vec<String>,
    #[serde(rename = "conntrackTCPLiberal", default)]
    conntrack_tcp_liberal: bool,
}

impl CaseSettings {
    fn settings(&self, release: Release, zone: Option<String>) -> Settings {
        let counts = |name: &str| self.nfacct_counters.iter().any(|c| c == name);
        Settings {
            ipv6: self.ip_family == "IPv6",
            cluster_cidr: self
                .cluster_cidr
                .as_deref()
                .and_then(sloppy_net)
                .filter(|c| c.addr().is_ipv6() == (self.ip_family == "IPv6")),
            masquerade_all: self.masquerade_all,
            mark: self.masquerade_mark.as_deref().unwrap_or("0x4000").into(),
            localhost_node_ports: self.localhost_node_ports.unwrap_or(true),
            node_port_addresses: self
                .node_port_addresses
                .iter()
                .filter_map(|t| sloppy_net(t))
                .collect(),
            random_fully: self.random_fully,
            counts_invalid: counts("ct_state_invalid_dropped_pkts"),
            counts_localhost: counts("localhost_nps_accepted_pkts"),
            tcp_liberal: self.conntrack_tcp_liberal,
            addresses: self
                .interface_addresses
                .iter()
                .filter_map(|t| sloppy_net(t))
                .map(|n| n.addr())
                .collect(),
            node_ip: self.node_ip.as_deref().and_then(sloppy_ip),
            node: self.node_name.clone(),
            zone,
            ..Settings::new(release)
        }
    }
}

impl Case {
    fn file(&self, folder: &Path, end: &str) -> Option<std::path::PathBuf> {
        self.files.iter().find(|f| f.ends_with(end)).map(|f| folder.join(f))
    }

    /// Checks the case. `before` is the name and the sync of the preceding case; a case of several
    /// steps continues from it. Returns the sync of this case.
    pub(crate) fn check(
        &self,
        folder: &Path,
        release: Release,
        before: Option<(String, Sync)>,
    ) -> (Checked, Option<Sync>) {
        let mut out = Checked::default();
        let made = match (&self.settings, self.file(folder, ".yaml")) {
            (Some(settings), Some(path)) => match made(settings, &support::read(&path), release) {
                Ok(made) => Some(made),
                Err(why) => {
                    out.wrong.push(why);
                    return (out, None);
                }
            },
            _ => None,
        };
        let text = match &made {
            Some(made) => {
                out.wrong.extend(both_forms(made));
                made.restore(&BTreeSet::new())
            }
            // A case without manifests: its rules are given.
            None => {
                self.file(folder, ".iptables-save").map(|p| support::read(&p)).unwrap_or_default()
            }
        };
        if let Some(path) = self.file(folder, ".iptables-save") {
            let dump = support::read(&path);
            let wrong = match &made {
                Some(_) => difference("dump", &dump::sorted(&dump), &dump::sorted(&text)),
                None => flow::entered(&dump).and_then(|rules| printed_again(&rules)).err(),
            };
            out.count("dumps", wrong);
        }
        if let (Some(path), Some(now)) = (self.file(folder, ".iptables-restore"), &made) {
            out.count("restores", self.restore(&support::read(&path), now, before));
        }
        if let Some(path) = self.file(folder, ".flows.json") {
            let flows: flow::Flows = json(&path);
            let rules = flow::entered(&text);
            for f in &flows.flows {
                let wrong = rules
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|r| flow::check(r, &flows.local_ips, f));
                out.count("flows", wrong.err());
            }
        }
        if let Some(path) = self.file(folder, ".chains.json") {
            for c in json::<Vec<ChainCheck>>(&path) {
                let have: Vec<String> = rules_of(&text, Some(&c.table), &c.chain);
                out.count("chains", difference(&c.chain, &c.rules, &have));
            }
        }
        if let Some(path) = self.file(folder, ".asserts.json") {
            let asserts = match json::<Asserts>(&path) {
                Asserts::Plain(all) => all,
                Asserts::Named { asserts } => asserts,
            };
            for a in asserts {
                let wrong = (!a.holds(&text)).then(|| format!("not so: {a:?}"));
                out.count("asserts", wrong);
            }
        }
        (out, made)
    }

    /// Compares the input of `iptables-restore` with that expected: a partial sync must agree,
    /// or a full one, as after a failure.
    fn restore(
        &self,
        expected: &str,
        now: &Sync,
        before: Option<(String, Sync)>,
    ) -> Option<String> {
        let stem = |name: &str| name.rsplit_once(".step").map(|(s, _)| s.to_owned());
        let before = before
            .filter(|(name, _)| stem(name).is_some() && stem(name) == stem(&self.name))
            .map(|(_, s)| s);
        let Some(before) = before else { return Some("the preceding step is missing".to_owned()) };
        let there = before.nat.chains.iter().map(|(c, _)| c.clone()).collect();
        let expected = dump::sorted(expected);
        let partial =
            difference("partial sync", &expected, &dump::sorted(&now.restore_after(&before)))?;
        let full = difference("full sync", &expected, &dump::sorted(&now.restore(&there)))?;
        Some(format!("{partial}\n{full}"))
    }
}

fn made(settings: &CaseSettings, manifests: &str, release: Release) -> Result<Sync, String> {
    let cluster = manifest::read(manifests)?;
    let zone = cluster.zones.iter().find(|(n, _)| *n == settings.node_name).map(|(_, z)| z.clone());
    Ok(sync(&settings.settings(release, zone), &cluster.ports, true))
}

/// Checks that parsing the text of each rule gives the rule.
fn both_forms(sync: &Sync) -> Vec<String> {
    let lines = sync.filter.rules.iter().chain(&sync.nat.rules);
    let wrong = lines.filter_map(|l| {
        let text = format!("-A {}{}", l.chain, l.text);
        match parse_rule(&text) {
            Ok((_, rule)) if rule == *l.rule => None,
            Ok((_, rule)) => {
                Some(format!("{text}\n is parsed as {rule:?}\n instead of {:?}", l.rule))
            }
            Err(e) => Some(format!("{text}: {e}")),
        }
    });
    wrong.collect()
}

/// Checks that printing and parsing rules gives the same rules.
fn printed_again(rules: &Ruleset) -> Result<(), String> {
    let text = net::netfilter::save(rules, "a test", "a day", &|_, _| (0, 0));
    let again = Ruleset::parse(&text)
        .map_err(|e| e.first().map(ToString::to_string).unwrap_or_default())?;
    if again == *rules {
        Ok(())
    } else {
        Err(format!("printing and parsing changes the rules:\n{text}"))
    }
}

/// The rules of a chain, in one table or in all.
fn rules_of(text: &str, table: Option<&str>, chain: &str) -> Vec<String> {
    let mut here = "";
    let mut out = Vec::new();
    for line in text.lines() {
        here = line.strip_prefix('*').unwrap_or(here);
        if table.is_none_or(|t| t == here) && line.starts_with(&format!("-A {chain} ")) {
            out.push(line.to_owned());
        }
    }
    out
}

#[derive(Debug, Deserialize)]
struct ChainCheck {
    table: String,
    chain: String,
    rules: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Asserts {
    Plain(Vec<Assert>),
    Named { asserts: Vec<Assert> },
}

/// Requires a rule to be present or absent.
#[derive(Debug, Deserialize)]
struct Assert {
    table: Option<String>,
    chain: String,
    rule_with_destination: Option<String>,
    present: Option<bool>,
    jump: Option<String>,
    dst: Option<String>,
    dport: Option<u16>,
    dnat_to: Option<String>,
    session_affinity_rule: Option<bool>,
    rules: Option<usize>,
    expect: Option<bool>,
}

impl Assert {
    fn holds(&self, text: &str) -> bool {
        let rules = rules_of(text, self.table.as_deref(), &self.chain);
        let word = |rule: &str, flag: &str| {
            let mut words = rule.split(' ');
            words.find(|w| *w == flag).and_then(|_| words.next()).map(str::to_owned)
        };
        let found = if let Some(dst) = &self.rule_with_destination {
            rules.iter().any(|r| word(r, "-d").is_some_and(|d| d.split('/').next() == Some(dst)))
        } else if let Some(jump) = &self.jump {
            let dport = self.dport.map(|p| p.to_string());
            rules.iter().filter(|r| word(r, "-j").as_deref() == Some(jump)).any(|r| {
                let (d, p) = (word(r, "-d"), word(r, "--dport"));
                let has = |have: &Option<String>, want: &str| {
                    have.as_ref().is_some_and(|h| h.contains(want))
                };
                let dst = self.dst.as_deref();
                match (dst, dport.as_deref()) {
                    (None, None) => true,
                    (Some(dst), port)
                        if has(&d, dst) && (p.is_none() || port.is_none_or(|q| has(&p, q))) =>
                    {
                        true
                    }
                    (dst, Some(port)) => {
                        has(&p, port) && (d.is_none() || dst.is_none_or(|q| has(&d, q)))
                    }
                    _ => false,
                }
            })
        } else if let Some(to) = &self.dnat_to {
            rules.iter().any(|r| word(r, "--to-destination").as_deref() == Some(to))
        } else if self.session_affinity_rule == Some(true) {
            rules.iter().any(|r| r.contains("-m recent"))
        } else if let Some(n) = self.rules {
            rules.len() == n
        } else {
            return false;
        };
        found == self.expect.or(self.present).unwrap_or(true)
    }
}

#[derive(Debug, Deserialize)]
struct EndpointCases {
    cases: Vec<EndpointCase>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointCase {
    name: String,
    prefer_same_node_feature: bool,
    node_name: String,
    node_labels: Option<BTreeMap<String, String>>,
    service: EndpointService,
    endpoints: Vec<CaseEndpoint>,
    expect: Expected,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndpointService {
    internal_traffic_policy_local: bool,
    external_traffic_policy_local: bool,
    node_port: u16,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CaseEndpoint {
    endpoint: std::net::SocketAddr,
    ready: bool,
    serving: bool,
    terminating: bool,
    local: bool,
    #[serde(default)]
    zone_hints: Vec<String>,
    #[serde(default)]
    node_hints: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Expected {
    cluster: Vec<String>,
    local: Vec<String>,
    all: Vec<String>,
    has_any: bool,
}

/// Checks `categorize-endpoints.json`: the endpoints that a proxy uses.
pub(crate) fn endpoints(path: &Path) -> Checked {
    let mut out = Checked::default();
    for c in json::<EndpointCases>(path).cases {
        // Node hints exist in later releases only.
        let release = if c.prefer_same_node_feature {
            Release::LAST
        } else {
            Release::new(33).unwrap_or(Release::LAST)
        };
        let zone =
            c.node_labels.as_ref().and_then(|l| l.get("topology.kubernetes.io/zone")).cloned();
        let settings = Settings { node: c.node_name.clone(), zone, ..Settings::new(release) };
        let one = |e: &CaseEndpoint| Endpoint {
            ready: e.ready,
            serving: e.serving,
            terminating: e.terminating,
            zones: e.zone_hints.clone(),
            nodes: e.node_hints.clone(),
            ..Endpoint::ready(
                e.endpoint.ip(),
                e.endpoint.port(),
                e.local.then(|| c.node_name.clone()),
            )
        };
        let s = &c.service;
        let port = ServicePortInfo {
            namespace: "ns".to_owned(),
            service: "svc".to_owned(),
            name: String::new(),
            protocol: ServiceProtocol::Tcp,
            kind: if s.node_port == 0 { ServiceType::ClusterIp } else { ServiceType::NodePort },
            cluster_ip: IpAddr::from([172, 30, 0, 1]),
            port: 80,
            node_port: Some(s.node_port).filter(|n| *n != 0),
            traffic: Traffic {
                external_local: s.external_traffic_policy_local,
                internal_local: s.internal_traffic_policy_local,
                ..Traffic::default()
            },
            endpoints: c.endpoints.iter().map(one).collect(),
        };
        let chosen = port.choose(&settings);
        let texts = |all: &[Endpoint]| {
            let mut all: Vec<String> = all.iter().map(Endpoint::text).collect();
            all.sort();
            all
        };
        let found = Expected {
            cluster: texts(&chosen.cluster),
            local: texts(&chosen.local),
            all: texts(&chosen.reachable()),
            has_any: chosen.any,
        };
        let mut want = c.expect;
        for list in [&mut want.cluster, &mut want.local, &mut want.all] {
            list.sort();
        }
        out.count(
            "endpoints",
            (found != want).then(|| format!("{}: {want:?} expected, {found:?} found", c.name)),
        );
    }
    out
}

#[derive(Debug, Deserialize)]
struct Entries {
    before: Vec<Entry>,
    deleted: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    proto: String,
    orig_dst: String,
    orig_dport: u16,
    reply_src: IpAddr,
    reply_sport: u16,
}

/// Checks `conntrack-clean-stale-entries.json`: the conntrack entries that a sync deletes.
pub(crate) fn conntrack(path: &Path, release: Release) -> Checked {
    let mut out = Checked::default();
    let entries: Entries = json(path);
    let cluster = match manifest::read(&support::read(&path.with_extension("yaml"))) {
        Ok(c) => c,
        Err(why) => return Checked { wrong: vec![why], ..out },
    };
    let reconciler =
        Reconciler::new(&Settings::new(release), &cluster.ports.iter().collect::<Vec<_>>());
    for e in &entries.before {
        let flow = Flow {
            proto: ServiceProtocol::from_name(&e.proto).map_or(0, ServiceProtocol::number),
            // "" stands for any address of the node.
            orig_dst: e.orig_dst.parse().unwrap_or(IpAddr::from([192, 0, 2, 1])),
            orig_dport: e.orig_dport,
            reply_src: e.reply_src,
            reply_sport: e.reply_sport,
        };
        let (want, found) = (entries.deleted.contains(e), reconciler.deletes(&flow));
        out.count(
            "conntrack",
            (want != found).then(|| format!("{e:?}: deleted {want} expected, {found} found")),
        );
    }
    out
}

#[derive(Debug, Deserialize)]
struct Hashes {
    rows: Vec<HashRow>,
}

#[derive(Debug, Deserialize)]
struct HashRow {
    service: String,
    port_name: String,
    protocol: String,
    endpoint: Option<String>,
    #[serde(rename = "era")]
    release: String,
    hash: String,
}

/// Checks `chain-hashes.json`: published chain names.
pub(crate) fn names(path: &Path) -> Checked {
    let mut out = Checked::default();
    for r in json::<Hashes>(path).rows {
        let releases: Vec<Release> = match r.release.as_str() {
            "any" => Release::all().collect(),
            "<=1.19" => Release::all().filter(|e| e.minor() <= 19).collect(),
            ">=1.20" => Release::all().filter(|e| e.minor() >= 20).collect(),
            _ => Vec::new(),
        };
        let (namespace, service) = r.service.split_once('/').unwrap_or(("", &r.service));
        let wrong = releases.iter().find_map(|release| {
            let colon = if r.port_name.is_empty() && release.no_bare_colon() { "" } else { ":" };
            let name = format!("{namespace}/{service}{colon}{}", r.port_name);
            let chain = match &r.endpoint {
                Some(e) => endpoint_chain(&name, &r.protocol, e),
                None => service_chain("KUBE-SVC-", &name, &r.protocol),
            };
            let fine = chain.ends_with(&format!("-{}", r.hash));
            (!fine).then(|| {
                format!(
                    "{release} {} {:?}: {} expected, {chain} found",
                    r.service, r.endpoint, r.hash
                )
            })
        });
        out.count(
            "names",
            wrong.or_else(|| {
                releases.is_empty().then(|| format!("unknown release {:?}", r.release))
            }),
        );
    }
    out
}

#[derive(Debug, Deserialize)]
struct Probabilities {
    restore_text: Vec<RestoreRow>,
    save_text: Vec<SaveRow>,
}

#[derive(Debug, Deserialize)]
struct RestoreRow {
    n: usize,
    text: String,
}

#[derive(Debug, Deserialize)]
struct SaveRow {
    restore: String,
    save: String,
}

/// Checks `probability.json`: how probabilities are written and printed.
pub(crate) fn probabilities(path: &Path) -> Checked {
    let mut out = Checked::default();
    let all: Probabilities = json(path);
    for r in all.restore_text {
        let found = kube::proxy::probability(r.n, Release::LAST).0;
        out.count(
            "names",
            (found != r.text).then(|| format!("1/{}: {} expected, {found} found", r.n, r.text)),
        );
    }
    for r in all.save_text {
        let rule = format!("-A X -m statistic --mode random --probability {} -j Y", r.restore);
        let printed = parse_rule(&rule)
            .map(|(chain, rule)| net::netfilter::rule_text(&chain, &rule))
            .unwrap_or_default();
        let fine = printed.contains(&format!("--probability {} ", r.save));
        out.count(
            "names",
            (!fine).then(|| format!("{}: {} expected, {printed} found", r.restore, r.save)),
        );
    }
    out
}

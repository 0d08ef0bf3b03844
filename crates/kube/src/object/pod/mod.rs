//! Pods and the templates of pods, the same for every kind of workload
//! (`pkg/apis/core/validation`, `pkg/apis/core/v1/defaults.go`).

pub(crate) mod command;
mod container;
mod hash;
mod listen;
mod scheduling;

pub use container::{
    Container, ContainerPort, HostPort, Probe, ProbeAction, ProbePort, ports_clash,
};
pub use listen::ListenAddress;
pub(crate) use scheduling::taints;
pub use scheduling::{NodeTerm, PodTerm, Scheduling, Spread, Taint, TaintEffect, Toleration};

use super::meta::{LISTEN, NameRule};
use super::selector::strings;
use super::{Labels, Meta};
use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::Code;
use crate::yaml::YamlNode;
use std::net::{IpAddr, Ipv4Addr};

/// `dnsPolicy`: whose name servers a pod's `resolv.conf` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsPolicy {
    /// `ClusterFirst`: the cluster's; in a pod on its node's network the node's.
    #[default]
    ClusterFirst,
    /// `ClusterFirstWithHostNet`: the cluster's in every pod.
    ClusterFirstWithHostNet,
    /// `Default`: the node's.
    Default,
    /// `None`: only what `dnsConfig` names.
    None,
}

impl DnsPolicy {
    const NAMES: &[(&'static str, Self)] = &[
        ("ClusterFirst", Self::ClusterFirst),
        ("ClusterFirstWithHostNet", Self::ClusterFirstWithHostNet),
        ("Default", Self::Default),
        ("None", Self::None),
    ];
}

/// `dnsConfig`: lines that are added to a pod's `resolv.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsConfig {
    /// `nameservers`.
    pub nameservers: Vec<IpAddr>,
    /// `searches`.
    pub searches: Vec<String>,
    /// `options`: name and value.
    pub options: Vec<(String, Option<String>)>,
}

/// An item of `hostAliases`: a line of the pod's `/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAlias {
    /// `ip`.
    pub ip: IpAddr,
    /// `hostnames`.
    pub hostnames: Vec<String>,
}

/// `spec` of a pod or of a pod template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSpec {
    /// `containers`, at least one.
    pub containers: Vec<Container>,
    /// `initContainers`. Those with `restartPolicy: Always` run as long as the pod.
    pub init_containers: Vec<Container>,
    /// `nodeName`: the node of the pod, without the scheduler.
    pub node_name: Option<Spanned<String>>,
    /// `hostNetwork`: the pod is in its node's network namespace.
    pub host_network: bool,
    /// What restricts its nodes.
    pub scheduling: Scheduling,
    /// `dnsPolicy`.
    pub dns_policy: DnsPolicy,
    /// `dnsConfig`.
    pub dns_config: DnsConfig,
    /// `hostAliases`.
    pub host_aliases: Vec<HostAlias>,
    /// `hostname`; the pod's name if there is none. A StatefulSet sets it to the pod's name.
    pub hostname: Option<String>,
    /// `subdomain`: the headless Service under which DNS knows the pod's host name.
    pub subdomain: Option<String>,
    /// `readinessGates`: conditions that a controller must set before the pod is ready.
    pub readiness_gates: Vec<Spanned<String>>,
    /// `terminationGracePeriodSeconds`, 30 by default.
    pub termination_grace: Option<u32>,
    /// The annotation `packetwalk.dev/listen`: what listens, whatever the containers are.
    pub listen: Option<Vec<ListenAddress>>,
}

impl PodSpec {
    /// The containers that run: `containers`, then init containers that do not end.
    pub fn running(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().chain(self.init_containers.iter().filter(|c| c.sidecar))
    }

    /// The host ports it requests.
    pub fn host_ports(&self) -> Vec<HostPort> {
        let ports = self.running().flat_map(|c| &c.ports);
        ports.filter_map(|p| Some((p.host_port?, p.protocol, p.host_ip))).collect()
    }
}

/// The template of a workload's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodTemplate {
    /// `metadata.labels`.
    pub labels: Labels,
    /// `spec`.
    pub spec: PodSpec,
    /// The text that the hash of the template is computed over.
    pub text: String,
}

/// A Pod of the text itself: a bare one, a static one, or one that a cluster's output contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPod {
    /// `metadata`; its owner is the ReplicaSet or other controller it belongs to.
    pub meta: Meta,
    /// `spec`, with the labels of `metadata`.
    pub template: PodTemplate,
    /// `status.podIP`.
    pub ip: Option<Spanned<Ipv4Addr>>,
    /// The status of the condition `Ready`.
    pub ready: Option<bool>,
    /// `status.phase` is `Succeeded` or `Failed`: its containers have ended.
    pub ended: bool,
}

/// Decodes a Pod; `None` if a required field is missing or faulty.
pub(super) fn decode(d: &mut Decoder, mut f: Fields<'_>) -> Option<TextPod> {
    let metadata = f.require(d, "metadata", "write metadata: with a name: below it");
    let node = f.require(d, "spec", "write spec: with containers: below it");
    let meta = metadata.and_then(|n| Meta::decode(d, n, NameRule::Subdomain));
    let spec = node.and_then(|n| decode_spec(d, n, "spec"));
    let (mut ip, mut ready, mut ended) = (None, None, false);
    if let Some(status) = f.get("status") {
        ip = status.get("podIP").filter(|n| !n.text().is_empty()).and_then(|n| {
            let value = n.text().parse().ok()?;
            Some(Spanned { value, span: n.span })
        });
        let conditions = status.get("conditions").map(YamlNode::items).unwrap_or_default();
        let is_ready = |c: &&YamlNode| c.get("type").is_some_and(|t| t.text() == "Ready");
        let condition = conditions.iter().find(is_ready).and_then(|c| c.get("status"));
        ready = condition.map(|s| s.text() == "True");
        let phase = status.get("phase").map(YamlNode::text);
        ended = matches!(phase, Some("Succeeded" | "Failed"));
    }
    d.finish(f);
    let (meta, mut spec) = meta.zip(spec)?;
    let text = hash::text(&meta.labels, &spec, metadata, node);
    spec.listen = meta.listen.as_ref().and_then(|l| listened(d, l));
    let template = PodTemplate { labels: meta.labels.clone(), spec, text };
    Some(TextPod { meta, template, ip, ready, ended })
}

/// Decodes the `template` of a workload. `labels`: whether it must have labels.
pub(super) fn template(
    d: &mut Decoder,
    node: &YamlNode,
    path: &str,
    labels: bool,
) -> Option<(PodTemplate, Spanned<()>)> {
    let mut t = d.fields(node, path)?;
    let metadata = if labels {
        t.require(d, "metadata", "write metadata: with labels: below it")
    } else {
        t.get("metadata")
    };
    let pod_spec = t.require(d, "spec", "write spec: with containers: below it");
    d.finish(t);
    let mut span = node.span;
    let mut listen = None;
    let decoded = metadata.and_then(|n| {
        let path = format!("{path}.metadata");
        let mut f = d.fields(n, &path)?;
        listen = f.fields(d, "annotations").and_then(|a| LISTEN.of(d, &a));
        let found = if labels {
            f.require(d, "labels", "write labels: with the selector's labels below it")
        } else {
            f.get("labels")
        };
        let found = found.map(|n| {
            span = n.span;
            d.string_map(n, &format!("{path}.labels"))
        });
        d.finish(f);
        found
    });
    let mut spec = decode_spec(d, pod_spec?, &format!("{path}.spec"))?;
    let pod_labels = if labels { decoded? } else { decoded.unwrap_or_default() };
    let text = hash::text(&pod_labels, &spec, metadata, pod_spec);
    spec.listen = listen.as_ref().and_then(|l| listened(d, l));
    Some((PodTemplate { labels: pod_labels, spec, text }, Spanned { value: (), span }))
}

/// Reads the annotation that says what listens.
fn listened(d: &mut Decoder, text: &Spanned<String>) -> Option<Vec<ListenAddress>> {
    let found = listen::list(&text.value);
    if found.is_none() {
        let message = format!(
            "metadata.annotations.{}: Invalid value: {:?}: must be ports with their protocols",
            LISTEN.key(),
            text.value
        );
        let hint = "write it like \"80/tcp 127.0.0.1:9000/tcp\", or none";
        d.error(Code::UnsupportedValue, text.span, message, hint);
    }
    found
}

fn decode_spec(d: &mut Decoder, node: &YamlNode, path: &str) -> Option<PodSpec> {
    let mut p = d.fields(node, path)?;
    let hint = "write containers: with - name: and image: below it";
    let list = p.require(d, "containers", hint);
    if let Some(list) = list.filter(|n| n.kind() == "array" && n.items().is_empty()) {
        d.error(Code::MissingField, list.span, format!("{path}.containers: Required value"), hint);
    }
    let mounts = configurations(&mut p);
    let mut host_ports = Vec::new();
    let mut containers = container::containers(d, &mut p, "containers", &mounts, &mut host_ports);
    let mut init_containers =
        container::containers(d, &mut p, "initContainers", &mounts, &mut host_ports);
    let node_name = p.string(d, "nodeName").filter(|n| !n.value.is_empty());
    let host_network = p.boolean(d, "hostNetwork").unwrap_or(false);
    if host_network {
        let ports = containers.iter_mut().chain(&mut init_containers).flat_map(|c| &mut c.ports);
        for port in ports {
            port.host_port = Some(port.port);
        }
    }
    let words: Vec<&str> = DnsPolicy::NAMES.iter().map(|(n, _)| *n).collect();
    let policy_path = p.path_of("dnsPolicy");
    let policy = p.get("dnsPolicy").and_then(|n| {
        let words: Vec<&'static str> = words.clone();
        d.word(n, &policy_path, &words)
    });
    let named = |word| DnsPolicy::NAMES.iter().find(|(n, _)| Some(*n) == word).map(|(_, p)| *p);
    let out = PodSpec {
        containers,
        init_containers,
        node_name,
        host_network,
        scheduling: Scheduling::decode(d, &mut p),
        dns_policy: named(policy).unwrap_or_default(),
        dns_config: dns_config(d, &mut p),
        host_aliases: host_aliases(d, &mut p),
        hostname: p.string(d, "hostname").map(|s| s.value).filter(|s| !s.is_empty()),
        subdomain: p.string(d, "subdomain").map(|s| s.value).filter(|s| !s.is_empty()),
        readiness_gates: readiness_gates(d, &mut p),
        termination_grace: p
            .integer(d, "terminationGracePeriodSeconds")
            // A negative one counts as 1 (`SetDefaults_PodSpec`).
            .and_then(|n| if n.value < 0 { Some(1) } else { n.value.try_into().ok() }),
        listen: None,
    };
    d.finish(p);
    Some(out)
}

/// The names of the volumes that hold configuration: ConfigMaps, Secrets and projected volumes.
fn configurations(p: &mut Fields<'_>) -> Vec<String> {
    let items = p.get("volumes").map(YamlNode::items).unwrap_or_default();
    let holds = |v: &&YamlNode| {
        ["configMap", "secret", "projected"].iter().any(|kind| v.get(kind).is_some())
    };
    let names = items.iter().filter(holds).filter_map(|v| v.get("name"));
    names.map(|n| n.text().to_owned()).collect()
}

fn dns_config(d: &mut Decoder, p: &mut Fields<'_>) -> DnsConfig {
    let Some(mut f) = p.fields(d, "dnsConfig") else { return DnsConfig::default() };
    let nameservers = strings(d, &mut f, "nameservers");
    let searches = strings(d, &mut f, "searches");
    let mut options = Vec::new();
    for mut o in f.list(d, "options") {
        let name = o.require_string(d, "name", "write the name of an option, such as ndots");
        let value = o.string(d, "value").map(|v| v.value);
        d.finish(o);
        options.extend(name.map(|n| (n.value, value)));
    }
    d.finish(f);
    let nameservers = nameservers.iter().filter_map(|n| n.parse().ok()).collect();
    DnsConfig { nameservers, searches, options }
}

fn host_aliases(d: &mut Decoder, p: &mut Fields<'_>) -> Vec<HostAlias> {
    let mut out = Vec::new();
    for mut f in p.list(d, "hostAliases") {
        let ip = f.require_string(d, "ip", "write an address");
        let hostnames = strings(d, &mut f, "hostnames");
        d.finish(f);
        out.extend(ip.and_then(|ip| Some(HostAlias { ip: ip.value.parse().ok()?, hostnames })));
    }
    out
}

fn readiness_gates(d: &mut Decoder, p: &mut Fields<'_>) -> Vec<Spanned<String>> {
    let mut out = Vec::new();
    for mut f in p.list(d, "readinessGates") {
        let hint = "write the type of a condition of the pod";
        out.extend(f.require_string(d, "conditionType", hint));
        d.finish(f);
    }
    out
}

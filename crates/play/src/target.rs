//! Destinations: what the text of a probe's `to` stands for.
//!
//! An address, `svc/NAME`, `lb/NAME` (a Service's load balancer), `pod/NAME`, `deploy/NAME` and the
//! names of machines and pods stand for an address at once. Every other name, and every name in a
//! URL, is looked up by the sender: in its `/etc/hosts`, then by DNS if its `/etc/resolv.conf`
//! names a server.

use crate::probe::{Probe, ProbeError, Protocol, SCHEME, TLS_SCHEME, Tool, resolve_netns};
use kube::Cluster;
use kube::cluster::{Pod, RunningService};
use kube::object::{ServiceType, WorkloadKind};
use net::dns::Name;
use net::{NetnsId, World};
use std::net::{IpAddr, Ipv4Addr};

/// Where a probe goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an address, and a port if one is known.
    Address(IpAddr, Option<u16>),
    /// To an address that DNS must tell first.
    Name {
        /// The name to look up.
        name: Name,
        /// It ends with a dot: no domain is added.
        absolute: bool,
        /// The port.
        port: Option<u16>,
    },
}

impl Target {
    /// The port, if one is known.
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Address(_, port) | Self::Name { port, .. } => *port,
        }
    }
}

/// The parts of a destination's text.
struct Parts<'a> {
    /// The name or address.
    name: &'a str,
    /// The text behind its last colon.
    port: Option<&'a str>,
    /// The path of a URL, `/` at least.
    path: &'a str,
    /// The port of a URL's scheme: 80, or 443 of https.
    scheme_port: Option<u16>,
}

fn parts(to: &str) -> Parts<'_> {
    let http = || to.strip_prefix(SCHEME).map(|rest| (rest, Some(80)));
    let (rest, scheme_port) = to
        .strip_prefix(TLS_SCHEME)
        .map(|rest| (rest, Some(443)))
        .or_else(http)
        .unwrap_or((to, None));
    let is_url = scheme_port.is_some();
    let slash = rest.find('/').filter(|_| is_url).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let is_address = authority.parse::<IpAddr>().is_ok();
    let split = authority.rsplit_once(':').filter(|_| !is_address);
    let (name, port) = split.map_or((authority, None), |(name, port)| (name, Some(port)));
    Parts { name, port, path: if path.is_empty() { "/" } else { path }, scheme_port }
}

impl Probe {
    /// The path that an HTTP request asks for.
    pub(crate) fn path(&self) -> &str {
        parts(&self.to).path
    }

    /// Whether the request would be encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.to.starts_with(TLS_SCHEME)
    }

    /// The name in the destination, for the `Host` header, with a port other than the scheme's.
    pub(crate) fn authority(&self) -> String {
        let Parts { name, port, scheme_port, .. } = parts(&self.to);
        let usual = scheme_port.unwrap_or(80).to_string();
        match port.filter(|p| *p != usual) {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        }
    }

    /// The name in the destination.
    pub(crate) fn target_name(&self) -> &str {
        parts(&self.to).name
    }
}

/// The default protocol for a destination: TCP to a port, UDP to a Service that has UDP ports only,
/// ICMP to an address without a port.
pub fn usual_protocol(cluster: &Cluster, world: &World, to: &str) -> Protocol {
    let Parts { name, port, scheme_port, .. } = parts(to);
    if scheme_port.is_some() {
        return Protocol::Tcp;
    }
    let asked = port.and_then(|p| p.parse::<u16>().ok());
    let Some(wanted) = service_named(cluster, world, "default", name) else {
        return if asked.is_some() { Protocol::Tcp } else { Protocol::Icmp };
    };
    let mut ports = service_of(cluster, wanted)
        .into_iter()
        .flat_map(|s| &s.ports)
        .filter(|p| asked.is_none_or(|n| n == p.port))
        .peekable();
    if ports.peek().is_some() && ports.all(|p| p.protocol == "UDP") {
        Protocol::Udp
    } else {
        Protocol::Tcp
    }
}

/// What precedes the name of a Service whose load balancer is meant.
const BALANCER: &str = "lb/";

/// The namespace and name of the Service that a name is of: behind `svc/` or `lb/`, or a name that
/// DNS has in the cluster, such as `web` or `web.default.svc.cluster.local`, unless a machine has
/// that name. `namespace`: that of a name without one.
fn service_named<'a>(
    cluster: &Cluster,
    world: &World,
    namespace: &'a str,
    name: &'a str,
) -> Option<(&'a str, &'a str)> {
    let kinds = ["svc/", "service/", BALANCER];
    if let Some(name) = kinds.iter().find_map(|kind| name.strip_prefix(kind)) {
        return Some(name.split_once('/').unwrap_or((namespace, name)));
    }
    let short = name.strip_suffix(".cluster.local").unwrap_or(name);
    let short = short.strip_suffix(".svc").unwrap_or(short);
    let (service, namespace) = short.split_once('.').unwrap_or((short, namespace));
    let is_machine = world.state().ns_named(name).is_some_and(|(_, ns)| ns.tapped);
    let found = (namespace, service);
    (!is_machine && service_of(cluster, found).is_some()).then_some(found)
}

/// The Service of a namespace and name.
fn service_of<'a>(
    cluster: &'a Cluster,
    (namespace, name): (&str, &str),
) -> Option<&'a RunningService> {
    cluster.services.iter().find(|s| s.name == name && s.namespace == namespace)
}

/// The address and port that a destination most likely stands for, without asking DNS: a name that
/// DNS has in the cluster is that of its Service. The port follows the last colon, or is the only
/// port of a Service.
///
/// # Errors
/// The name is unknown or has no address, or the port is not a number from 1 to 65535.
pub fn resolve_target(
    cluster: &Cluster,
    world: &World,
    to: &str,
) -> Result<(IpAddr, Option<u16>), ProbeError> {
    let Parts { name, port, scheme_port, .. } = parts(to);
    let port = number(port)?.or(scheme_port);
    if let Ok(addr) = name.parse::<IpAddr>() {
        return if addr.is_ipv6() {
            Err(ProbeError::Ipv6(addr))
        } else if addr.is_unspecified() || addr.is_multicast() || addr == Ipv4Addr::BROADCAST {
            Err(ProbeError::NoHostAddress(addr))
        } else {
            Ok((addr, port))
        };
    }
    if let Some((namespace, short)) = service_named(cluster, world, "default", name) {
        let Some(s) = service_of(cluster, (namespace, short)) else {
            let all = cluster.services.iter();
            let known = all.map(|s| format!("svc/{}/{}", s.namespace, s.name)).collect();
            return Err(ProbeError::NoService(short.to_owned(), namespace.to_owned(), known));
        };
        let service = format!("svc/{namespace}/{short}");
        let address = if name.starts_with(BALANCER) {
            if s.kind != ServiceType::LoadBalancer {
                return Err(ProbeError::NotBalanced(service));
            }
            let Some(ip) = s.traffic.ingress.iter().map(|(a, _)| *a).find(IpAddr::is_ipv4) else {
                return Err(ProbeError::Pending(service));
            };
            Some(ip)
        } else {
            s.cluster_ip.map(IpAddr::from)
        };
        let Some(ip) = address else {
            return Err(match &s.external_name {
                Some(name) => ProbeError::ExternalName(service, name.clone()),
                None => ProbeError::Headless(service),
            });
        };
        let only = if let [p] = s.ports.as_slice() { Some(p.port) } else { None };
        if port.or(only).is_none() {
            let ports = s.ports.iter().map(|p| format!("{name}:{} ({})", p.port, p.protocol));
            return Err(ProbeError::ManyPorts(service, ports.collect()));
        }
        return Ok((ip, port.or(only)));
    }
    let found = resolve_netns(cluster, world, name).map_err(|e| match e {
        ProbeError::NoSender(..) => ProbeError::NoTarget(name.to_owned()),
        e => e,
    })?;
    let ns = world.state().ns(found);
    let addr = ns.devices.iter().skip(1).flat_map(|d| &d.addrs).next().map(|n| n.addr());
    match addr {
        Some(addr) => Ok((addr, port)),
        None => Err(ProbeError::NoAddress(name.to_owned())),
    }
}

/// The number of a port.
fn number(port: Option<&str>) -> Result<Option<u16>, ProbeError> {
    let Some(text) = port else { return Ok(None) };
    match text.parse::<u16>() {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(ProbeError::NotAPort(text.to_owned())),
    }
}

/// The name by which [`kube::dns`] knows a sender: a pod on its node's network has files of its
/// own.
pub(crate) fn resolver_of(cluster: &Cluster, world: &World, from: &str, netns: NetnsId) -> String {
    let (kind, rest) = from.split_once('/').unwrap_or(("", from));
    let kind = WorkloadKind::from_word(kind);
    let is_it = |p: &&Pod| match kind {
        Some(WorkloadKind::Pod) => p.is_named(rest),
        Some(kind) => {
            let (namespace, owner) = rest.split_once('/').unwrap_or((&p.namespace, rest));
            p.is_of(kind, namespace, owner)
        }
        None => p.netns() == from,
    };
    let on_node = cluster.host_pods.iter().find(is_it).map(Pod::netns);
    on_node.unwrap_or_else(|| world.state().ns(netns).name.to_string())
}

/// Whether a name stands for an address at once, unless a command takes it.
fn is_direct(cluster: &Cluster, world: &World, name: &str) -> bool {
    let kind = name.split_once('/').map(|(kind, _)| kind);
    kind.is_some_and(|k| {
        ["svc", "service", "lb"].contains(&k) || WorkloadKind::from_word(k).is_some()
    }) || world.state().ns_named(name).is_some_and(|(_, ns)| ns.tapped)
        || cluster.all_pods().any(|p| p.netns() == name)
}

/// Where a probe goes, seen from its sender. TCP and UDP need a port.
///
/// # Errors
/// The text names nothing that its sender could know, or the port is missing or not a number from 1
/// to 65535.
pub fn check_target(
    cluster: &Cluster,
    world: &World,
    from: NetnsId,
    probe: &Probe,
) -> Result<Target, ProbeError> {
    let target = target(cluster, world, from, probe)?;
    let needs_port = probe.proto.transport().is_some() && probe.query.is_none();
    if target.port().is_none() && needs_port {
        return Err(ProbeError::NoPort(probe.to.clone()));
    }
    Ok(target)
}

fn target(
    cluster: &Cluster,
    world: &World,
    from: NetnsId,
    probe: &Probe,
) -> Result<Target, ProbeError> {
    let to = &*probe.to;
    let Parts { name, port, scheme_port, .. } = parts(to);
    let direct = !probe.by_name && is_direct(cluster, world, name);
    if direct || name.parse::<IpAddr>().is_ok() {
        return resolve_target(cluster, world, to).map(|(addr, port)| Target::Address(addr, port));
    }
    let place = &*resolver_of(cluster, world, &probe.from, from);
    let namespace = cluster.all_pods().find(|p| p.netns() == place).map(|p| &*p.namespace);
    let only = || {
        let wanted = service_named(cluster, world, namespace.unwrap_or("default"), name)?;
        let [port] = &service_of(cluster, wanted)?.ports[..] else { return None };
        Some(port.port)
    };
    let wants_port = probe.proto.transport().is_some();
    let port = number(port)?.or(scheme_port).or_else(|| only().filter(|_| wants_port));
    let wanted = match name.parse::<Name>() {
        Ok(name) => name,
        Err(e) => return Err(ProbeError::NotAName(name.to_owned(), e.to_string())),
    };
    let absolute = name.ends_with('.');
    let query = probe.query.as_ref();
    let asks = query.is_some_and(|q| q.server.is_some() || q.tool != Tool::Getent);
    if asks {
        return Ok(Target::Name { name: wanted, absolute, port });
    }
    let lines = kube::dns::hosts(cluster, place);
    let same = |other: &String| other.eq_ignore_ascii_case(name.trim_end_matches('.'));
    if let Some((addr, _)) = lines.iter().find(|(_, names)| names.iter().any(same)) {
        return Ok(Target::Address(*addr, port));
    }
    if kube::dns::resolv_conf(cluster, place).nameservers.is_empty() {
        let service = service_named(cluster, world, "default", name);
        let service = service.map(|(namespace, service)| format!("svc/{namespace}/{service}"));
        return Err(ProbeError::CannotResolve(name.to_owned(), place.to_owned(), service));
    }
    Ok(Target::Name { name: wanted, absolute, port })
}

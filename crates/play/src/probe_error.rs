//! Why a probe cannot be sent: what is wrong, and what to write instead.

use kube::fields::MAX_SEGMENT;
use std::fmt;
use std::net::IpAddr;

/// Why a probe could not be sent at all, with the names that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeError {
    /// No pod is of this workload (kind and name). With the workloads that have pods.
    NoPodOf(String, Vec<String>),
    /// The pod does not run: its name, status and the reason.
    Idle(String, String, String),
    /// Nothing has this address. With the senders.
    NoOwner(IpAddr, Vec<String>),
    /// No sender has this name. With the senders.
    NoSender(String, Vec<String>),
    /// No destination has this name.
    NoTarget(String),
    /// The names of several pods begin with this. With these names.
    ManyPods(String, Vec<String>),
    /// It cannot be the name of a host, and why.
    NotAName(String, String),
    /// The sender cannot look the name up: the name, the sender, and the Service of that name, if
    /// there is one.
    CannotResolve(String, String, Option<String>),
    /// What follows the colon is not a port.
    NotAPort(String),
    /// IPv6 is not simulated.
    Ipv6(IpAddr),
    /// It is a broadcast or multicast address, or unspecified.
    NoHostAddress(IpAddr),
    /// No Service has this name in this namespace. With the Services.
    NoService(String, String, Vec<String>),
    /// The Service is an alias of another name, without an address.
    ExternalName(String, String),
    /// The Service is headless.
    Headless(String),
    /// The Service has no load balancer.
    NotBalanced(String),
    /// Nobody gives the Service's load balancer an address.
    Pending(String),
    /// The Service has several ports, and none was chosen. With its ports.
    ManyPorts(String, Vec<String>),
    /// The machine has no address.
    NoAddress(String),
    /// The destination has no port, which TCP and UDP need.
    NoPort(String),
    /// The endpoint is none of the Service's. With the endpoints.
    NoEndpoint(String, String, Vec<String>),
    /// Data of this size do not fit into a segment.
    TooLong(u16),
}

/// The most names in a sentence, which counts the others.
const MOST_NAMES: usize = 8;

impl ProbeError {
    /// What is wrong.
    pub fn message(&self) -> String {
        match self {
            Self::NoPodOf(workload, _) => format!("no pod belongs to {workload}"),
            Self::Idle(pod, status, reason) => format!("pod {pod:?} is {status}: {reason}"),
            Self::NoOwner(addr, _) => format!("no node, host or pod has the address {addr}"),
            Self::NoSender(name, _) | Self::NoTarget(name) => {
                format!("no node, host or pod is named {name:?}")
            }
            Self::ManyPods(name, pods) => {
                format!("the names of {} pods begin with {name:?}", pods.len())
            }
            Self::NotAName(name, why) => format!("{name:?} is not a host name: {why}"),
            Self::CannotResolve(name, ..) => format!("Could not resolve host: {name}"),
            Self::NotAPort(text) => format!("{text:?} is not a port"),
            Self::Ipv6(addr) => format!("{addr} is IPv6, which is not simulated"),
            Self::NoHostAddress(addr) => {
                format!("{addr} is not a host's address: broadcast and multicast are not simulated")
            }
            Self::NoService(name, namespace, _) => {
                format!("no Service {name:?} in namespace {namespace}")
            }
            Self::ExternalName(service, name) => format!(
                "{service} is an ExternalName, an alias of {name} in DNS: it has no address"
            ),
            Self::Headless(service) => format!("{service} is headless: it has no address"),
            Self::NotBalanced(service) => format!("{service} is not of type LoadBalancer"),
            Self::Pending(service) => format!(
                "the load balancer's address of {service} is <pending>: nobody gives it one"
            ),
            Self::ManyPorts(service, _) => format!("{service} has more than one port"),
            Self::NoAddress(name) => format!("{name} has no address"),
            Self::NoPort(to) => format!("{to} has no port"),
            Self::NoEndpoint(endpoint, service, _) => {
                format!("{endpoint} is not an endpoint of {service}")
            }
            Self::TooLong(size) => format!("size {size}: more than fits into a segment"),
        }
    }

    /// How to correct it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoPodOf(_, known) => list("the workloads with pods are", known),
            Self::Idle(..) => "make it run first, or send from another host".into(),
            Self::NoOwner(_, known) | Self::NoSender(_, known) => list("the senders are", known),
            Self::NoTarget(_) | Self::NotAName(..) => {
                "write ADDRESS:PORT, or the name of a Service, node, host or pod with a port".into()
            }
            Self::ManyPods(_, pods) => list("write the whole name of one of", pods),
            Self::CannotResolve(_, place, Some(service)) => {
                format!("{place} does not use cluster DNS: write {service}")
            }
            Self::CannotResolve(_, place, None) => {
                format!("{place} has no name server: write an address, or svc/NAME")
            }
            Self::NotAPort(_) => "write a number from 1 to 65535 after the colon".into(),
            Self::Ipv6(_) => "write an IPv4 address".into(),
            Self::NoHostAddress(_) => "write the address of a host, node, pod or Service".into(),
            Self::NoService(_, _, known) => list("the Services are", known),
            Self::ExternalName(..) => "send to an address".into(),
            Self::Headless(_) => "send to one of its pods".into(),
            Self::NotBalanced(service) => format!("write {service}, or a node port"),
            Self::Pending(_) => {
                "write loadBalancer: layer2, servicelb or external in the Topology, or send to a \
                 node port"
                    .into()
            }
            Self::ManyPorts(_, ports) => list("write one of", ports),
            Self::NoAddress(_) => "give its NIC an address".into(),
            Self::NoPort(to) => format!("add one: {to}:80"),
            Self::NoEndpoint(_, _, known) if known.is_empty() => {
                "it has no endpoints: remove endpoint".into()
            }
            Self::NoEndpoint(_, _, known) => format!("write one of {}", known.join(", ")),
            Self::TooLong(_) => format!("write 0 to {MAX_SEGMENT}"),
        }
    }

    /// The names that would do, as far as a sentence has room for them, and the number of the
    /// others.
    pub fn named(known: &[String]) -> (String, usize) {
        let mut names = known.to_vec();
        names.dedup();
        let more = names.len().saturating_sub(MOST_NAMES);
        names.truncate(MOST_NAMES);
        (names.join(", "), more)
    }
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  hint: {}", self.message(), self.hint())
    }
}

fn list(intro: &str, known: &[String]) -> String {
    match ProbeError::named(known) {
        (names, _) if names.is_empty() => {
            "there are none: add a node or host to the Topology".to_owned()
        }
        (names, 0) => format!("{intro} {names}"),
        (names, more) => format!("{intro} {names} and {more} more"),
    }
}

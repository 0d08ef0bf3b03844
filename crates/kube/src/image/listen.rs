//! At which ports the containers of a pod listen, and how that is known.
//!
//! For each container, the first of these that applies:
//!
//! 1. the annotation `packetwalk.dev/listen` of the pod, which stands for all its containers
//! 2. ports in `command` and `args`; a command that only waits listens on nothing
//! 3. the table of well-known images, unless a command or a mounted configuration replaces theirs
//! 4. declared ports; then those that the container's probes and Services ask for
//!
//! The last are assumptions: nobody but the program knows. Declared ports count also beside those
//! of a command that names one of them, and beside those of an image that takes its ports from
//! flags, variables or the cluster; not beside those that a program has fixed, as nginx has.

use super::table;
use crate::object::pod::command;
use crate::object::{Container, ListenAddress, PodSpec, ProbeAction};
use std::net::Ipv4Addr;

/// How it is known that something listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The annotation `packetwalk.dev/listen`.
    Annotation,
    /// A port in `command` or `args`.
    Command,
    /// The table of well-known images.
    Image,
    /// Assumed: the container declares the port.
    Declared,
    /// Assumed: a probe of the container asks at the port.
    Probe,
    /// Assumed: a Service targets the port.
    Target,
}

impl Origin {
    /// Whether it is an assumption.
    pub const fn assumed(self) -> bool {
        matches!(self, Self::Declared | Self::Probe | Self::Target)
    }
}

/// A port at which a container listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Protocol, port and address.
    pub at: ListenAddress,
    /// How it is known.
    pub origin: Origin,
    /// The container, by its index in [`PodSpec::running`].
    pub container: usize,
}

impl Listening {
    /// Whether what arrives at the pod's own address reaches it.
    pub fn answers(&self, protocol: &str, port: u16) -> bool {
        self.at.protocol == protocol
            && self.at.port == port
            && self.at.addr.is_none_or(|a| !a.is_loopback())
    }
}

/// A port that a Service targets in a pod: protocol and number.
pub(crate) type Target = (&'static str, u16);

/// The ports at which a pod listens, in the order of its containers. `targets`: those of the
/// Services that select it.
pub(crate) fn listening(spec: &PodSpec, targets: &[Target]) -> Vec<Listening> {
    let mut out: Vec<Listening> = Vec::new();
    let mut add = |at: ListenAddress, origin, container| {
        let is_new = out.iter().all(|x| (x.at.protocol, x.at.port) != (at.protocol, at.port));
        if is_new {
            out.push(Listening { at, origin, container });
        }
    };
    if let Some(all) = &spec.listen {
        all.iter().for_each(|at| add(*at, Origin::Annotation, 0));
        return out;
    }
    let mut unknown = None;
    for (i, c) in spec.running().enumerate() {
        let known = of_container(c);
        for (at, origin) in known.ports {
            add(at, origin, i);
        }
        if known.rest != Rest::Nothing {
            for p in c.ports.iter().filter(|p| p.protocol != "SCTP") {
                add(ListenAddress::any(p.protocol, p.port), Origin::Declared, i);
            }
        }
        if known.rest == Rest::Anything {
            unknown = unknown.or(Some(i));
            for port in probed(c) {
                add(ListenAddress::any("TCP", port), Origin::Probe, i);
            }
        }
    }
    if let Some(i) = unknown {
        for (protocol, port) in targets.iter().filter(|(p, _)| *p != "SCTP") {
            add(ListenAddress::any(protocol, *port), Origin::Target, i);
        }
    }
    out
}

/// What is known of a container.
struct Known {
    ports: Vec<(ListenAddress, Origin)>,
    rest: Rest,
}

/// On what else a container may listen, so that it is assumed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// What it declares.
    Declared,
    /// What it declares, and what probes and Services ask for.
    Anything,
}

fn of_container(c: &Container) -> Known {
    let row = table::of(&c.image);
    let nothing = || Known { ports: Vec::new(), rest: Rest::Nothing };
    let bare = row.is_none() && table::is_bare(&c.image);
    if command::only_waits(c) && (!c.command.is_empty() || bare) {
        return nothing();
    }
    let found = command::ports(c);
    let from_command =
        |all: &[ListenAddress]| -> Vec<_> { all.iter().map(|a| (*a, Origin::Command)).collect() };
    let side = from_command(&found.side);
    if !found.main.is_empty() {
        let declares = |a: &ListenAddress| c.ports.iter().any(|p| p.port == a.port);
        let agrees = found.main.iter().any(declares);
        let ports = from_command(&found.main).into_iter().chain(side).collect();
        return Known { ports, rest: if agrees { Rest::Declared } else { Rest::Nothing } };
    }
    // A command may be the image's own program, or another one that is known.
    let programs = command::statements(c);
    let programs = programs.iter().map(|s| command::program(s));
    let row = if c.command.is_empty() && !bare {
        row
    } else {
        let mut programs = programs;
        programs.find_map(|p| row.filter(|r| r.runs(p)).or_else(|| table::of_program(p)))
    };
    match row.filter(|r| !r.is_configured(c)) {
        Some(row) => {
            let given = row.variable.and_then(|v| c.env.iter().find(|(name, _)| name == v));
            let given = given.and_then(|(_, value)| value.parse().ok());
            let ports: Vec<ListenAddress> = match given {
                Some(port) => vec![ListenAddress::any("TCP", port)],
                None => row.ports.iter().filter_map(|p| entry(p)).collect(),
            };
            let ports = ports.into_iter().map(|at| (at, Origin::Image)).chain(side).collect();
            Known { ports, rest: if row.is_fixed() { Rest::Nothing } else { Rest::Declared } }
        }
        None if bare && c.command.is_empty() && c.args.is_empty() => nothing(),
        None => Known { ports: side, rest: Rest::Anything },
    }
}

/// Reads a port of the table: `80`, `53/udp`, `2379/l`.
pub(super) fn entry(text: &str) -> Option<ListenAddress> {
    match text.strip_suffix("/l") {
        Some(port) => {
            let at = ListenAddress::parse(port)?;
            Some(ListenAddress { addr: Some(Ipv4Addr::LOCALHOST), ..at })
        }
        None => ListenAddress::parse(text),
    }
}

/// The ports that a container's probes ask at.
fn probed(c: &Container) -> impl Iterator<Item = u16> {
    [&c.readiness, &c.liveness, &c.startup].into_iter().flatten().filter_map(|p| match &p.action {
        ProbeAction::HttpGet(port) | ProbeAction::TcpSocket(port) => c.probed(port),
        ProbeAction::Grpc(port) => Some(*port),
        ProbeAction::Exec => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ContainerPort;

    fn container(image: &str, command: &[&str], port: u16) -> Container {
        let port =
            ContainerPort { name: None, port, protocol: "TCP", host_port: None, host_ip: None };
        Container {
            image: image.to_owned(),
            command: command.iter().map(|w| (*w).to_owned()).collect(),
            ports: vec![port],
            ..Container::default()
        }
    }

    fn of(c: Container, target: u16) -> Vec<(u16, Origin)> {
        let spec = PodSpec { containers: vec![c], ..PodSpec::default() };
        listening(&spec, &[("TCP", target)]).iter().map(|l| (l.at.port, l.origin)).collect()
    }

    #[test]
    fn the_first_that_says_something_counts() {
        use Origin::{Command, Declared, Image, Target};
        assert_eq!(of(container("nginx", &[], 84), 84), [(80, Image)]);
        assert_eq!(of(container("example/app", &[], 84), 3000), [(84, Declared), (3000, Target)]);
        assert_eq!(of(container("example/app", &["app", "--port=5"], 84), 3), [(5, Command)]);
        assert_eq!(of(container("example/app", &["app"], 84), 84), [(84, Declared)]);
        let agrees = &["app", "--port=5", "--health-port=84"];
        assert_eq!(of(container("example/app", agrees, 5), 3), [(5, Command), (84, Command)]);
        let mut c = container("example/app", &["app", "--secure-port=84"], 84);
        c.ports.extend(container("", &[], 6080).ports);
        assert_eq!(of(c, 3), [(84, Command), (6080, Declared)]);
        let kafka = of(container("apache/kafka", &[], 9090), 3);
        assert_eq!(kafka, [(9092, Image), (9090, Declared)]);
        assert_eq!(of(container("nginx", &["sleep", "1d"], 80), 80), []);
        assert_eq!(of(container("nginx", &["nginx", "-g", "daemon off;"], 84), 1), [(80, Image)]);
        assert_eq!(of(container("ubuntu", &["redis-server"], 84), 1), [(6379, Image)]);
        assert_eq!(of(container("busybox", &[], 84), 84), []);
        let mut c = container("nginx", &[], 8080);
        c.configured = vec!["/etc/nginx/conf.d".to_owned()];
        assert_eq!(of(c, 8080), [(8080, Declared)]);
        let mut c = container("hello-app", &[], 8080);
        c.env = vec![("PORT".to_owned(), "9000".to_owned())];
        assert_eq!(of(c, 8080), [(9000, Image)]);
    }

    #[test]
    fn an_annotation_stands_for_all() {
        let listen = Some(vec![ListenAddress::any("UDP", 53)]);
        let spec =
            PodSpec { containers: vec![container("nginx", &[], 80)], listen, ..PodSpec::default() };
        assert_eq!(listening(&spec, &[("TCP", 80)]).len(), 1);
    }
}

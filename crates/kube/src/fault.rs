//! Faults that a cluster has from its start.

use std::fmt;

/// A daemon that runs on every node and programs its kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Programs the rules of Services.
    KubeProxy,
    /// Programs routes, neighbours and forwarding entries to other nodes.
    Flanneld,
    /// Answers ARP for the addresses of load balancers (`loadBalancer: layer2`).
    Speaker,
}

impl Daemon {
    /// Every daemon.
    pub const ALL: [Self; 3] = [Self::KubeProxy, Self::Flanneld, Self::Speaker];

    /// The name of its process.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeProxy => "kube-proxy",
            Self::Flanneld => "flanneld",
            Self::Speaker => "speaker",
        }
    }

    /// The daemon with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

/// An item of `spec.faults` of a Topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The NIC of this node or host has no carrier.
    Cut(String),
    /// A device is down: node or host, device.
    Down(String, String),
    /// A daemon has not run since its node booted.
    Stopped(String, Daemon),
}

/// As a document writes it: `cut: node01`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key(), self.value())
    }
}

impl Fault {
    /// Its key in a document.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Cut(_) => "cut",
            Self::Down(..) => "down",
            Self::Stopped(..) => "stopped",
        }
    }

    /// Its value in a document.
    pub fn value(&self) -> String {
        match self {
            Self::Cut(name) => name.clone(),
            Self::Down(name, dev) => format!("{name}/{dev}"),
            Self::Stopped(name, daemon) => format!("{name}/{}", daemon.name()),
        }
    }

    /// The node or host that it affects.
    pub fn owner(&self) -> &str {
        match self {
            Self::Cut(name) | Self::Down(name, _) | Self::Stopped(name, _) => name,
        }
    }
}

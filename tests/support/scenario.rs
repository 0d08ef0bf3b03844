//! A scenario: a document, what is sent in it, and the events expected of it.

use net::Duration;
use play::presets::Preset;
use play::{Probe, Protocol, Run, Script, Session, Start, Step};
use serde::Deserialize;

/// `scenario.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub title: String,
    /// The built-in document; else `manifests.yaml` beside it.
    pub preset: Option<String>,
    /// What is changed in the document, in order: from, to.
    #[serde(default)]
    pub edit: Vec<(String, String)>,
    /// Decides every chance.
    #[serde(default)]
    pub seed: u64,
    /// Begin with empty neighbour tables.
    #[serde(default)]
    pub cold: bool,
    /// What is sent, one after the other.
    pub send: Vec<Send>,
}

/// One probe.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Who sends.
    pub from: String,
    /// To whom.
    pub to: String,
    /// `tcp`, `udp` or `icmp`.
    #[serde(default)]
    pub proto: Option<String>,
    /// Source port or identifier.
    pub sport: Option<u16>,
    /// The endpoint every draw falls on.
    pub endpoint: Option<String>,
    /// ttl of a ping.
    pub ttl: Option<u8>,
    /// Bytes of data.
    pub size: Option<u16>,
}

impl Scenario {
    /// Reads `scenario.toml`.
    ///
    /// # Panics
    /// If it cannot be read: it says where.
    pub fn parse(name: &str, text: &str) -> Self {
        toml::from_str(text).unwrap_or_else(|e| panic!("{name}/scenario.toml: {e}"))
    }

    /// As a Script for a real kernel: clients give up after a while, and the world is watched a
    /// moment longer.
    ///
    /// # Panics
    /// If the document is wrong.
    pub fn script(&self, name: &str, manifests: Option<&str>) -> (String, Script) {
        let patient = |s: &Send| {
            Step::send(Probe {
                timeout: Some(Duration::millis(1300)),
                settle: Some(Duration::millis(100)),
                ..s.probe(name)
            })
        };
        let start = if self.cold { Start::Cold } else { Start::Known };
        (
            self.document(name, manifests),
            Script { seed: self.seed, start, steps: self.send.iter().map(patient).collect() },
        )
    }

    /// Plays it; `manifests` is the text beside it, if it names no preset.
    ///
    /// # Panics
    /// If the document or a probe is wrong.
    pub fn play(&self, name: &str, manifests: Option<&str>) -> (Session, Vec<Run>) {
        let document = self.document(name, manifests);
        let mut session = Session::new(&document, self.seed, !self.cold).unwrap_or_else(|d| {
            panic!("{name}: {}", d.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        let runs = self
            .send
            .iter()
            .map(|s| session.send(&s.probe(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
            .collect();
        (session, runs)
    }

    fn document(&self, name: &str, manifests: Option<&str>) -> String {
        let mut document = match &self.preset {
            Some(p) => {
                Preset::named(p).unwrap_or_else(|| panic!("{name}: no preset {p}")).document()
            }
            None => manifests
                .unwrap_or_else(|| panic!("{name}: neither preset nor manifests.yaml"))
                .to_owned(),
        };
        for (from, to) in &self.edit {
            assert!(document.contains(from.as_str()), "{name}: {from:?} is not in the document");
            document = document.replacen(from.as_str(), to, 1);
        }
        document
    }
}

impl Send {
    fn probe(&self, name: &str) -> Probe {
        let mut probe = Probe::new(&self.from, &self.to);
        probe.proto = match self.proto.as_deref() {
            None | Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            Some("icmp") => Protocol::Icmp,
            Some(other) => panic!("{name}: no protocol {other:?}"),
        };
        (probe.sport, probe.ttl, probe.size) = (self.sport, self.ttl, self.size);
        probe.endpoint = self
            .endpoint
            .as_ref()
            .map(|e| (e.parse().unwrap_or_else(|_| panic!("{name}: endpoint {e:?}")), None));
        probe
    }
}

/// A scenario that is built into the tests, so that a browser can play it too.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// Its folder below `tests/suite`.
    pub name: &'static str,
    /// `scenario.toml`.
    pub scenario: &'static str,
    /// `manifests.yaml`, or nothing.
    pub manifests: Option<&'static str>,
    /// `expect/hash.txt`; see [`crate::hashes`].
    pub hash: &'static str,
}

macro_rules! scenarios {
    ($($name:literal $(with $manifests:literal)?,)*) => {
        /// Every scenario of the suite.
        pub const ALL: &[Embedded] = &[$(Embedded {
            name: $name,
            scenario: include_str!(concat!("../suite/", $name, "/scenario.toml")),
            manifests: scenarios!(@text $($manifests)?),
            hash: include_str!(concat!("../suite/", $name, "/expect/hash.txt")),
        },)*];
    };
    (@text) => { None };
    (@text $path:literal) => { Some(include_str!(concat!("../suite/", $path))) };
}

scenarios! {
    "article/pod-same-node",
    "article/pod-cross-node",
    "article/pod-cross-node-cold",
    "article/clusterip-same-node",
    "article/clusterip-same-node-cold",
    "article/clusterip-cross-node",
    "article/clusterip-hairpin",
    "article/nodeport-same-node",
    "article/nodeport-cross-node",
    "article/nodeport-cross-node-cold",
    "article/nodeport-newest",
    "service/dns-over-udp",
    "service/no-endpoints-node-port",
    "service/no-endpoints-cluster-ip",
    "service/unknown-port",
    "service/cluster-ip-from-outside",
    "service/own-api-server",
    "service/node-to-cluster-ip",
    "service/own-node-port",
    "service/two-connections",
    "service/default-topology" with "service/default-topology/manifests.yaml",
    "service/load-balancer-ranges" with "service/load-balancer-ranges/manifests.yaml",
    "service/external-local" with "service/external-local/manifests.yaml",
    "service/external-local-old" with "service/external-local-old/manifests.yaml",
    "service/internal-local" with "service/internal-local/manifests.yaml",
    "service/affinity" with "service/affinity/manifests.yaml",
    "service/terminating" with "service/terminating/manifests.yaml",
    "service/zone-hints" with "service/zone-hints/manifests.yaml",
    "service/written-endpoints" with "service/written-endpoints/manifests.yaml",
    "network/host-gw" with "network/host-gw/manifests.yaml",
    "network/direct-routing" with "network/direct-routing/manifests.yaml",
    "network/nobody-there",
    "network/port-closed",
    "network/ttl-exceeded",
    "network/forwarding-off",
    "network/no-bridge-netfilter",
}

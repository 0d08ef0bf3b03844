//! The built-in documents: the article's cluster and its four walks, and the last of them under the
//! newest release.

/// A built-in document and the packet to send in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name after `preset:`.
    pub name: &'static str,
    /// Its title in English.
    pub title: &'static str,
    /// Its title in Japanese.
    pub title_ja: &'static str,
    /// The sender of its probe.
    pub from: &'static str,
    /// The destination of its probe.
    pub to: &'static str,
    /// The protocol of its probe.
    pub proto: crate::probe::Protocol,
    service: &'static str,
    seed: &'static str,
    version: &'static str,
}

const CLUSTERIP: &str = include_str!("clusterip.yaml");
const NODEPORT: &str = include_str!("nodeport.yaml");
// Topology seeds with the article's random values: the cluster IP of nginx-service, and the order
// of the rules in KUBE-SERVICES.
const CLUSTERIP_SEED: &str = "4488";
const NODEPORT_SEED: &str = "8774";

/// Every built-in document.
pub const ALL: [Preset; 5] = [
    Preset {
        name: "article-pod-same-node",
        title: "Pod to pod, same node",
        title_ja: "Pod から Pod (同一 Node)",
        from: "deploy/nginx-deployment",
        to: "10.1.5.5",
        proto: crate::probe::Protocol::Icmp,
        service: CLUSTERIP,
        seed: CLUSTERIP_SEED,
        version: "1.10",
    },
    Preset {
        name: "article-pod-cross-node",
        title: "Pod to pod, other node",
        title_ja: "Pod から Pod (異なる Node)",
        from: "deploy/nginx-deployment",
        to: "10.1.6.5",
        proto: crate::probe::Protocol::Icmp,
        service: CLUSTERIP,
        seed: CLUSTERIP_SEED,
        version: "1.10",
    },
    Preset {
        name: "article-clusterip",
        title: "Pod to ClusterIP",
        title_ja: "Pod から ClusterIP",
        from: "deploy/centos-deployment",
        to: "svc/nginx-service:8000",
        proto: crate::probe::Protocol::Tcp,
        service: CLUSTERIP,
        seed: CLUSTERIP_SEED,
        version: "1.10",
    },
    Preset {
        name: "article-nodeport",
        title: "Client to NodePort",
        title_ja: "クライアントから NodePort",
        from: "bastion",
        to: "192.168.120.226:30080",
        proto: crate::probe::Protocol::Tcp,
        service: NODEPORT,
        seed: NODEPORT_SEED,
        version: "1.10",
    },
    Preset {
        name: "nodeport-1.36",
        title: "Client to NodePort, Kubernetes 1.36",
        title_ja: "クライアントから NodePort (Kubernetes 1.36)",
        from: "bastion",
        to: "192.168.120.226:30080",
        proto: crate::probe::Protocol::Tcp,
        service: NODEPORT,
        seed: NODEPORT_SEED,
        version: "1.36",
    },
];

impl Preset {
    /// The preset of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|p| p.name == name)
    }

    /// Its text: Service, Deployments and Topology.
    pub fn document(&self) -> String {
        let topology = include_str!("topology.yaml")
            .replace("@SEED@", self.seed)
            .replace("@VERSION@", self.version);
        format!("{}---\n{}---\n{topology}", self.service, include_str!("deployments.yaml"))
    }
}

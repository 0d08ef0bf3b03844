//! Which release of Kubernetes wrote what: the one place where versions are compared.
//!
//! A release is named by its minor number: 1.36 is 36. The table was made from
//! `pkg/proxy/iptables/proxier.go` of the releases themselves.

use std::fmt;

/// A minor release of Kubernetes, 1.10 to 1.36.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(u8);

impl Release {
    /// The first that is simulated: the article's.
    pub const FIRST: Self = Self(10);
    /// The last.
    pub const LAST: Self = Self(36);

    /// The release of a minor number, if it is simulated.
    pub fn new(minor: u8) -> Option<Self> {
        (Self::FIRST.0..=Self::LAST.0).contains(&minor).then_some(Self(minor))
    }

    /// Every release that is simulated.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::LAST.0).map(Self)
    }

    /// The minor number.
    pub const fn minor(self) -> u8 {
        self.0
    }

    /// Reads `1.22`, `v1.22` or `1.22.17`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let (major, minor, patch) = (parts.next()?, parts.next()?, parts.next());
        let fine = major == "1"
            && parts.next().is_none()
            && patch.is_none_or(|p| p.parse::<u16>().is_ok());
        fine.then(|| minor.parse().ok().and_then(Self::new)).flatten()
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

macro_rules! since {
    ($($(#[$doc:meta])* $minor:literal $name:ident,)*) => {
        impl Release {
            $($(#[$doc])* pub const fn $name(self) -> bool { self.0 >= $minor })*
        }
    };
}

since! {
    /// kubeadm brings CoreDNS instead of kube-dns.
    11 coredns,
    /// Docker has a chain for people's rules, and isolates its networks in two stages (18.06).
    12 docker_stages,
    /// kubectl tells an age in two units.
    12 human_ages,
    /// In a large cluster, rules that name endpoints have no comments.
    12 drops_comments_when_large,
    /// The Service kube-dns has CoreDNS's port for metrics.
    13 coredns_metrics,
    /// Others' packets to a Service without endpoints are rejected on their way through, too:
    /// FORWARD jumps to KUBE-SERVICES.
    14 rejects_forwarded,
    /// A load balancer's address without endpoints is rejected.
    14 rejects_load_balancer,
    /// flannel 0.11: `MASQUERADE --random-fully`.
    14 flannel_random_fully,
    /// CNI plugins 0.7: a pod's MAC, and the bridge's, are random, not made of the address.
    14 random_macs,
    /// With an endpoint that goes, its UDP connections by node port, external and load balancer's
    /// address are deleted too.
    14 forgets_outside,
    /// With a Service's first endpoint, the UDP connections to its external addresses are deleted.
    14 forgets_external,
    /// CNI plugins 0.7: what comes to a host port from this node is marked for masquerading.
    14 portmap_marks,
    /// KUBE-FORWARD drops what belongs to no connection.
    15 drops_invalid,
    /// The node itself gets through `externalTrafficPolicy: Local`.
    15 local_reaches_all,
    /// `MASQUERADE --random-fully`, where iptables knows it.
    16 random_fully,
    /// Probabilities have ten digits, not five.
    17 ten_digits,
    /// A set that shrinks loses pods of the node that has most of them first.
    17 prefers_doubled,
    /// Canary chains: when they vanish, everything is written again.
    17 canary,
    /// KUBE-FORWARD accepts every answer, not only those of pods.
    18 forwards_all_answers,
    /// kubelet drops what others send to 127.0.0.0/8.
    19 blocks_localnet,
    /// CNI plugins 0.8.6: every pod of the node that comes to a host port is masqueraded, not only
    /// the one behind it.
    19 portmap_marks_subnet,
    /// Endpoints come in EndpointSlices: sorted by their text, with conditions.
    19 slices,
    /// KUBE-POSTROUTING takes the mark off, so that a tunnel's outer packet has none.
    19 unmarks,
    /// Addresses from outside obey `externalTrafficPolicy`.
    20 external_ips_obey_policy,
    /// A node of the control plane has two roles.
    20 two_roles,
    /// A port without a name has no colon behind its Service's name: every chain gets another name.
    20 no_bare_colon,
    /// FORWARD jumps to KUBE-EXTERNAL-SERVICES.
    20 forwards_external,
    /// With a Service's first endpoint, not with its node port, the UDP connections to that port
    /// are deleted.
    21 forgets_node_port_late,
    /// The rules of external addresses ask no bridge port any more.
    21 no_physdev,
    /// The health check's port is accepted.
    21 health_check_port,
    /// The rules of a Service's endpoints stand before everything else of it.
    22 endpoints_first,
    /// `internalTrafficPolicy` counts.
    22 internal_policy,
    /// The masquerade rules stand in the Service's own chain.
    22 masquerade_in_service,
    /// `allocateLoadBalancerNodePorts: false` is obeyed.
    22 may_skip_node_ports,
    /// With a Service's first endpoint, the UDP connections to its load balancer's addresses are
    /// deleted.
    23 forgets_load_balancer,
    /// Single addresses are written without `/32`.
    23 plain_addresses,
    /// KUBE-FORWARD has one rule for answers.
    23 one_forward_rule,
    /// KUBE-EXT and KUBE-SVL instead of KUBE-XLB; the balancing rules' comments name the endpoint.
    24 ext_chains,
    /// CNI plugins 1.0 (0.9): UDP connections to a host port are deleted when its pod comes.
    24 portmap_forgets,
    /// A node of the control plane has no role `master` any more.
    24 no_master,
    /// flannel 0.16.2: its rules say whose they are.
    24 flannel_comments,
    /// CNI plugins 1.0: the far end of a pod's cable is made in the node's namespace, and eth0 is
    /// the pod's second device.
    24 eth0_is_second,
    /// flannel 0.19: a namespace of its own, kube-flannel.
    25 flannel_namespace,
    /// Where no local endpoint is there, and behind source ranges, the filter table drops; no mark.
    25 drops_in_filter,
    /// kubelet's rule about 127.0.0.0/8 stands before that about dropped packets.
    25 localnet_first,
    /// flannel 0.20.2: chains of its own, and what kube-proxy marked is left to kube-proxy.
    26 flannel_chains,
    /// `--iptables-localhost-nodeports`; one is not forwarded to 127.0.0.0/8 without it.
    26 localhost_flag,
    /// Endpoints that are on their way out serve as long as there are no others.
    26 terminating_fallback,
    /// flannel 0.21: a rule for each direction between pods.
    27 flannel_splits,
    /// flannel 0.21.3: the jumps stand at the end.
    27 flannel_appends,
    /// A sync writes only the chains of Services that changed.
    27 partial_sync,
    /// kube-proxy writes KUBE-FIREWALL's rule about 127.0.0.0/8 itself.
    27 own_firewall,
    /// kubelet leaves KUBE-MARK-DROP, KUBE-MARK-MASQ and KUBE-POSTROUTING to others.
    27 kubelet_owns_little,
    /// UDP connections are deleted when an endpoint is gone, not when it is no longer ready.
    29 forgets_the_gone,
    /// `status.loadBalancer.ingress[].ipMode: Proxy` is left to the load balancer.
    30 ip_mode,
    /// `nfacct` counters, where they can be made.
    31 nfacct,
    /// Hints of zones count. From 1.24 they did with an annotation of the Service, which is not
    /// simulated.
    31 zone_hints,
    /// `trafficDistribution: PreferClose` is obeyed.
    31 prefers_close,
    /// UDP connections are compared with the endpoints there are, whatever changed.
    32 reconciles_connections,
    /// Hints of nodes count.
    34 node_hints,
    /// `trafficDistribution: PreferSameZone` and `PreferSameNode` are obeyed.
    34 prefers_same,
}

impl Release {
    /// Nodes run docker, as long as kubelet speaks to it (dockershim, up to 1.23).
    pub const fn brings_docker(self) -> bool {
        self.0 <= 23
    }

    /// INPUT jumps to KUBE-SERVICES (1.14 to 1.19).
    pub const fn rejects_incoming(self) -> bool {
        self.rejects_forwarded() && !self.forwards_external()
    }

    /// KUBE-XLB lets the node through before the pods (1.15).
    pub const fn node_before_pods(self) -> bool {
        self.0 == 15
    }

    /// KUBE-XLB's rules are counted: `Balancing rule 0 for …` (up to 1.22).
    pub const fn counts_balancing_rules(self) -> bool {
        self.0 <= 22
    }

    /// With an endpoint that goes, only the UDP connections by node port are deleted, if there is
    /// one, by mistake (1.14 to 1.19).
    pub const fn forgets_node_port_only(self) -> bool {
        matches!(self.0, 14..=19)
    }

    /// The comments of rules in KUBE-SVC and KUBE-SEP chains were lost by mistake (1.12 to 1.17).
    pub const fn loses_comments(self) -> bool {
        matches!(self.0, 12..=17)
    }
}

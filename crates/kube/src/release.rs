//! How the releases of Kubernetes differ: the one place where versions are compared.
//!
//! A release is its minor number: 1.36 is 36. The table is drawn from
//! `pkg/proxy/iptables/proxier.go` of each release, and from the versions of flannel, the CNI
//! plugins and docker that were current with it.

use std::fmt;

/// A minor release of Kubernetes, 1.10 to 1.36.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(u8);

impl Release {
    /// The first release that is simulated, 1.10.
    pub const FIRST: Self = Self(10);
    /// The last release that is simulated, 1.36.
    pub const LAST: Self = Self(36);

    /// The release with this minor number, if it is simulated.
    pub fn new(minor: u8) -> Option<Self> {
        (Self::FIRST.0..=Self::LAST.0).contains(&minor).then_some(Self(minor))
    }

    /// Every release that is simulated, the oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::LAST.0).map(Self)
    }

    /// The minor number: 36 for 1.36.
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

/// The release of a text that names none: the newest one.
impl Default for Release {
    fn default() -> Self {
        Self::LAST
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
    /// docker 18.06: the chain DOCKER-USER, and isolation of networks in two stages.
    12 docker_stages,
    /// kubectl prints ages in two units (`2d3h`).
    12 human_ages,
    /// In a cluster of more than 1000 endpoints, rules that name an endpoint have no comment.
    12 drops_comments_when_large,
    /// kubectl prints how many pods of a Deployment or StatefulSet are ready as `2/2`.
    13 short_deployments,
    /// The Service kube-dns has a port for CoreDNS's metrics.
    13 coredns_metrics,
    /// kubelet sets `kubernetes.io/os` and `kubernetes.io/arch`, not only their beta names.
    14 stable_node_labels,
    /// Forwarded packets to a Service without endpoints are rejected: FORWARD jumps to
    /// KUBE-SERVICES.
    14 rejects_forwarded,
    /// Packets to a load balancer's address without endpoints are rejected.
    14 rejects_load_balancer,
    /// flannel 0.11 masquerades with `--random-fully`.
    14 flannel_random_fully,
    /// CNI plugins 0.7: the MAC addresses of pods and cni0 are random, not derived from the
    /// address.
    14 random_macs,
    /// Removing an endpoint also deletes UDP conntrack entries to the node port, external IPs and
    /// load balancer addresses.
    14 stale_outside,
    /// A Service's first endpoint deletes UDP conntrack entries to its external IPs.
    14 stale_external_ips,
    /// CNI plugins 0.7: packets from the node to a host port are masqueraded by a mark.
    14 portmap_marks,
    /// KUBE-FORWARD drops packets in state INVALID.
    15 drops_invalid,
    /// With `externalTrafficPolicy: Local`, the node itself reaches all endpoints.
    15 local_reaches_all,
    /// kube-proxy: `MASQUERADE --random-fully`, if iptables supports it.
    16 random_fully,
    /// Probabilities have ten decimals, not five.
    17 ten_digits,
    /// Scaling down first removes pods from the node that has most of the ReplicaSet.
    17 spreads_removals,
    /// Canary chains, whose loss triggers a full sync.
    17 canary,
    /// The zone of a node is the label `topology.kubernetes.io/zone`.
    17 topology_labels,
    /// KUBE-FORWARD accepts all RELATED and ESTABLISHED packets, not only those of pods.
    18 forwards_all_answers,
    /// kubelet drops packets from other machines to 127.0.0.0/8 (CVE-2020-8558).
    19 blocks_localnet,
    /// CNI plugins 0.8.6: packets from any pod of the node to a host port are masqueraded, not only
    /// from the pod behind it.
    19 portmap_marks_subnet,
    /// kube-proxy reads EndpointSlices: endpoints have conditions and are sorted by their text.
    19 slices,
    /// KUBE-POSTROUTING clears the mark, so that the outer packet of a tunnel has none.
    19 clears_mark,
    /// `externalIPs` obey `externalTrafficPolicy`.
    20 external_ips_obey_policy,
    /// A control plane node has the roles `control-plane` and `master`.
    20 two_roles,
    /// A port without a name is `default/web` instead of `default/web:`, which changes every chain
    /// name.
    20 no_bare_colon,
    /// FORWARD jumps to KUBE-EXTERNAL-SERVICES.
    20 forwards_external,
    /// A Service's first endpoint, instead of its node port's creation, deletes UDP conntrack
    /// entries to that port.
    21 stale_node_port_on_first_endpoint,
    /// Rules of external IPs no longer use `-m physdev`.
    21 no_physdev,
    /// Packets to `healthCheckNodePort` are accepted.
    21 health_check_port,
    /// kubeadm keeps nodes of the control plane out of load balancing, by a label.
    21 excludes_control_plane,
    /// The rules of a Service's endpoints precede its other rules.
    22 endpoints_first,
    /// `internalTrafficPolicy` is obeyed.
    22 internal_policy,
    /// Rules that mark for masquerading stand in the Service's own chain.
    22 masquerade_in_service,
    /// `allocateLoadBalancerNodePorts: false` is obeyed.
    22 may_skip_node_ports,
    /// A Service's first endpoint deletes UDP conntrack entries to its load balancer addresses.
    23 stale_load_balancer,
    /// Single addresses are written without `/32`.
    23 plain_addresses,
    /// KUBE-FORWARD has one rule for answers.
    23 one_forward_rule,
    /// KUBE-EXT and KUBE-SVL instead of KUBE-XLB; the balancing rules' comments name the endpoint.
    24 ext_chains,
    /// CNI plugins 0.9: adding a pod deletes UDP conntrack entries to its host ports.
    24 portmap_deletes_udp,
    /// A node of the control plane has no role `master` any more.
    24 no_master,
    /// flannel 0.16.2: rules have comments.
    24 flannel_comments,
    /// CNI plugins 1.0: the far end of a pod's cable is made in the node's namespace, and eth0 is
    /// the pod's second device.
    24 eth0_is_second,
    /// The API server refuses unknown fields itself; before, kubectl validates by the schema.
    25 strict_fields,
    /// Only the taint `control-plane`, no longer `master`, keeps pods off the control plane.
    25 no_master_taint,
    /// flannel 0.19: its pods are in the namespace kube-flannel.
    25 flannel_namespace,
    /// The filter table drops packets that have no local endpoint or are outside the source ranges,
    /// instead of a mark.
    25 drops_in_filter,
    /// In KUBE-FIREWALL, kubelet's rule about 127.0.0.0/8 precedes the one about marked packets.
    25 localnet_first,
    /// flannel 0.20.2: rules stand in chains of their own; packets marked by kube-proxy are left to
    /// it.
    26 flannel_chains,
    /// kube-proxy has `--iptables-localhost-nodeports`.
    26 localhost_flag,
    /// Terminating endpoints that still serve are used if there are no others.
    26 terminating_fallback,
    /// Pods of a Job have the labels `batch.kubernetes.io/job-name` and `…/job-completion-index`.
    27 batch_labels,
    /// flannel 0.21: one rule for each direction between pods.
    27 flannel_splits,
    /// flannel 0.21.3: the jumps to its chains are appended.
    27 flannel_appends,
    /// A sync writes only the chains of Services that have changed.
    27 partial_sync,
    /// kube-proxy writes KUBE-FIREWALL's rule about 127.0.0.0/8 itself.
    27 own_firewall,
    /// kubelet no longer creates KUBE-MARK-DROP, KUBE-MARK-MASQ and KUBE-POSTROUTING.
    27 kubelet_chains_removed,
    /// Pods of a StatefulSet have the label `apps.kubernetes.io/pod-index`.
    28 pod_index_label,
    /// UDP conntrack entries are deleted when an endpoint is gone, not when it is no longer ready.
    29 stale_when_removed,
    /// kube-proxy does not capture addresses with `ipMode: Proxy`.
    30 ip_mode,
    /// Rules use nfacct counters, if they exist.
    31 nfacct,
    /// Zone hints are obeyed. From 1.24 to 1.30 they depend on an annotation of the Service, which
    /// is not simulated.
    31 zone_hints,
    /// `trafficDistribution: PreferClose` is obeyed.
    31 prefers_close,
    /// UDP conntrack entries are compared with the current endpoints.
    32 reconciles_conntrack,
    /// Node hints are obeyed.
    34 node_hints,
    /// `trafficDistribution: PreferSameZone` and `PreferSameNode` are obeyed.
    34 prefers_same,
}

impl Release {
    /// Whether nodes run docker by default: up to 1.23, the last release with dockershim.
    pub const fn brings_docker(self) -> bool {
        self.0 <= 23
    }

    /// Whether INPUT jumps to KUBE-SERVICES (1.14 to 1.19).
    pub const fn rejects_incoming(self) -> bool {
        self.rejects_forwarded() && !self.forwards_external()
    }

    /// Whether KUBE-XLB has the rules for the node before those for pods (1.15).
    pub const fn node_before_pods(self) -> bool {
        self.0 == 15
    }

    /// Whether comments in KUBE-XLB are numbered, `Balancing rule 0 for …` (up to 1.22).
    pub const fn counts_balancing_rules(self) -> bool {
        self.0 <= 22
    }

    /// Whether removing an endpoint of a Service with a node port deletes only the UDP conntrack
    /// entries to that port, a bug (1.14 to 1.19).
    pub const fn stale_node_port_only(self) -> bool {
        matches!(self.0, 14..=19)
    }

    /// Whether rules in KUBE-SVC and KUBE-SEP chains have no comment, a bug (1.12 to 1.17).
    pub const fn loses_comments(self) -> bool {
        matches!(self.0, 12..=17)
    }

    /// Why the scheduler passes over a node with a taint: up to 1.17 without naming it.
    pub(crate) fn untolerated(self, key: &str, value: &str) -> String {
        match self.0 {
            0..=17 => "node(s) had taints that the pod didn't tolerate".to_owned(),
            18..=23 => {
                format!("node(s) had taint {{{key}: {value}}}, that the pod didn't tolerate")
            }
            _ => format!("node(s) had untolerated taint {{{key}: {value}}}"),
        }
    }

    /// Why the scheduler passes over a node that node selector or node affinity does not match.
    pub(crate) const fn no_affinity(self) -> &'static str {
        match self.0 {
            0..=19 => "node(s) didn't match node selector",
            20 => "node(s) didn't match Pod's node affinity",
            _ => "node(s) didn't match Pod's node affinity/selector",
        }
    }
}

//! klipper-lb (`entry`, 0.4): the script of ServiceLB's pods, which forwards their host ports by
//! rules in the pod's own network namespace.
//!
//! ```text
//! node:PORT ──portmap──▶ pod:PORT ──DNAT──▶ cluster IP:PORT, or with Local node:NODEPORT
//!                                  ──MASQUERADE──▶
//! ```

use crate::cluster::{Cluster, Pod, RunningService};
use crate::portmap::{from_range, to_port};
use crate::proxy::ServiceProtocol;
use ipnet::IpNet;
use net::netfilter::{Negatable, Rule, RulesetBuilder, TableName, Target};
use std::net::Ipv4Addr;

/// The namespace of its pods.
pub(crate) const NAMESPACE: &str = "kube-system";
/// The label of its pods that names the Service.
pub(crate) const SERVICE: &str = "svccontroller.k3s.cattle.io/svcname";
/// The label of its pods that names the Service's namespace.
pub(crate) const SERVICE_NAMESPACE: &str = "svccontroller.k3s.cattle.io/svcnamespace";

/// Whether a pod is one of ServiceLB for a Service.
pub(crate) fn serves(pod: &Pod, namespace: &str, service: &str) -> bool {
    let is = |key: &str, value: &str| pod.labels.get(key).is_some_and(|v| v == value);
    is(SERVICE, service) && is(SERVICE_NAMESPACE, namespace)
}

/// The rules that the script writes in a pod's namespace; none if the pod is not one of ServiceLB.
pub(crate) fn rules(cluster: &Cluster, pod: &Pod) -> Option<RulesetBuilder> {
    pod.labels.get(SERVICE)?;
    let s = cluster.services.iter().find(|s| serves(pod, &s.namespace, &s.name))?;
    let mut b = RulesetBuilder::default();
    for port in &s.ports {
        let protocol = ServiceProtocol::from_name(port.protocol)?;
        let to = if s.traffic.external_local {
            (cluster.nodes[pod.node].address(), port.node_port?)
        } else {
            (s.cluster_ip?, port.port)
        };
        forward(&mut b, s, protocol, port.port, to);
    }
    Some(b)
}

/// What the script does in the container of one port.
fn forward(
    b: &mut RulesetBuilder,
    s: &RunningService,
    protocol: ServiceProtocol,
    port: u16,
    (addr, to): (Ipv4Addr, u16),
) {
    use TableName::{Filter, Nat};
    let accept = || to_port(protocol, to, Rule::to(Target::Accept));
    let ranges: Vec<_> = s.traffic.source_ranges.iter().collect();
    for range in &ranges {
        if let IpNet::V4(range) = range {
            b.prepend(Filter, "FORWARD", from_range(*range, accept()));
        }
    }
    if ranges.is_empty() {
        b.prepend(Filter, "FORWARD", accept());
    }
    let lost = to_port(protocol, to, Rule::to(Target::Drop)).to_net(false, addr.into());
    b.append(Filter, "FORWARD", lost);
    let dnat = Target::Dnat { addr: addr.into(), port: Some(to) };
    b.prepend(Nat, "PREROUTING", to_port(protocol, port, Rule::to(dnat)));
    let masquerade = Rule::to(Target::Masquerade { random_fully: false });
    let masquerade = Rule { proto: Some(Negatable::plain(protocol.number())), ..masquerade };
    b.prepend(Nat, "POSTROUTING", masquerade.to_net(false, addr.into()));
}

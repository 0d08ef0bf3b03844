//! Faults of rules, chain policies, kernel parameters, tables, devices, cables and daemons.

use crate::faults::{Case, Fault};

/// Every kind.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "filter FORWARD: DROP by source",
        facts: &["Refused"],
        apply: |s| {
            let (ip, ..) = s.pod("other");
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &format!("iptables -I FORWARD 1 -s {ip}/32 -j DROP"),
            )
        },
    },
    Fault {
        name: "filter FORWARD: REJECT",
        facts: &["Refused"],
        apply: |s| {
            s.line(("deploy/other", "svc/api:80"), "node-a", "iptables -I FORWARD 1 -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited")
        },
    },
    Fault {
        name: "filter FORWARD: REJECT with a reset",
        facts: &["Refused"],
        apply: |s| {
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                "iptables -I FORWARD 1 -p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset",
            )
        },
    },
    Fault {
        name: "filter INPUT: UDP 8472 blocked",
        facts: &["Refused"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            s.line(
                ("deploy/other", "svc/api:80"),
                at,
                "iptables -I INPUT 1 -p udp -m udp --dport 8472 -j DROP",
            )
        },
    },
    Fault {
        name: "filter OUTPUT: DROP",
        facts: &["Refused"],
        apply: |s| {
            s.line(
                ("node-b", "svc/api:80"),
                "node-b",
                "iptables -I OUTPUT 1 -p tcp -m tcp --dport 80 -j DROP",
            )
        },
    },
    Fault {
        name: "raw PREROUTING: DROP",
        facts: &["Refused"],
        apply: |s| {
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                "iptables -t raw -A PREROUTING -p tcp -m tcp --dport 80 -j DROP",
            )
        },
    },
    Fault {
        name: "mangle FORWARD: DROP",
        facts: &["Refused"],
        apply: |s| {
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-a",
                "iptables -t mangle -A FORWARD -p tcp -m tcp --sport 80 -j DROP",
            )
        },
    },
    Fault {
        name: "policy of INPUT: DROP",
        facts: &["Policy"],
        apply: |s| s.line(("deploy/other", "svc/api:80"), "node-a", "iptables -P INPUT DROP"),
    },
    Fault {
        name: "policy of FORWARD: DROP, flannel's rules gone",
        facts: &["Policy"],
        apply: |s| {
            let chain = if s.minor() >= 26 { "FLANNEL-FWD" } else { "FORWARD" };
            s.typed(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &[format!("iptables -F {chain}"), "iptables -P FORWARD DROP".to_owned()],
            )
        },
    },
    Fault {
        name: "nat PREROUTING: RETURN before kube-proxy",
        facts: &["NoRule"],
        apply: |s| {
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                "iptables -t nat -I PREROUTING 1 -p tcp -j RETURN",
            )
        },
    },
    Fault {
        name: "rule of an unknown kind",
        facts: &["Unknown"],
        apply: |s| {
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                "iptables -I FORWARD 1 -p tcp -j NFLOG --nflog-group 5",
            )
        },
    },
    Fault {
        name: "nat KUBE-SERVICES flushed",
        facts: &["NoRule"],
        apply: |s| {
            s.line(("deploy/other", "svc/api:80"), "node-b", "iptables -t nat -F KUBE-SERVICES")
        },
    },
    Fault {
        name: "nat POSTROUTING flushed",
        facts: &["NotMasqueraded"],
        apply: |s| s.line(("client", "node-b:30090"), "node-b", "iptables -t nat -F POSTROUTING"),
    },
    Fault {
        name: "ip_forward off, by command",
        facts: &["NotForwarding"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            s.line(("deploy/other", "svc/api:80"), at, "sysctl -w net.ipv4.ip_forward=0")
        },
    },
    Fault {
        name: "ip_forward off, in the text",
        facts: &["NotForwarding"],
        apply: |s| {
            let c = s.edited(
                ("deploy/other", "svc/api:80"),
                "{name: node-b}",
                "{name: node-b, sysctl: {net.ipv4.ip_forward: 0}}",
            );
            Case { places: vec!["node-b".to_owned()], ..c }
        },
    },
    Fault {
        name: "bridge-nf-call-iptables off, by command",
        facts: &["Switched"],
        apply: |s| {
            s.line(
                ("deploy/caller", "svc/api:80"),
                "node-a",
                "sysctl -w net.bridge.bridge-nf-call-iptables=0",
            )
        },
    },
    Fault {
        name: "bridge-nf-call-iptables off, in the text",
        facts: &["Switched"],
        apply: |s| {
            let c = s.edited(
                ("deploy/caller", "svc/api:80"),
                "{name: node-a}",
                "{name: node-a, sysctl: {net.bridge.bridge-nf-call-iptables: 0}}",
            );
            Case { places: vec!["node-a".to_owned()], ..c }
        },
    },
    Fault {
        name: "route to the other node's pods deleted",
        facts: &["Astray"],
        apply: |s| {
            let (cidr, ..) = s.node("node-a");
            s.line(("deploy/other", "svc/api:80"), "node-b", &format!("ip route del {cidr}"))
        },
    },
    Fault {
        name: "route back deleted",
        facts: &["Astray"],
        apply: |s| {
            let (cidr, ..) = s.node("node-b");
            s.line(("deploy/other", "svc/api:80"), "node-a", &format!("ip route del {cidr}"))
        },
    },
    Fault {
        name: "route by another device",
        facts: &["Astray"],
        apply: |s| {
            let (cidr, ..) = s.node("node-a");
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &format!("ip route replace {cidr} dev eth0"),
            )
        },
    },
    Fault {
        name: "default route of a pod deleted",
        facts: &["NoRoute"],
        apply: |s| {
            let (_, _, pod) = s.pod("other");
            s.line(("deploy/other", "svc/api:80"), &pod, "ip route del default")
        },
    },
    Fault {
        name: "neighbour of a VTEP: stale MAC",
        facts: &["Entry", "NoVtep"],
        apply: |s| {
            let (_, vtep, _, address) = s.node("node-a");
            let mac = "e6:7c:02:8e:e8:7e";
            s.typed(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &[
                    format!("ip neigh replace {vtep} lladdr {mac} dev flannel.1 nud permanent"),
                    format!("bridge fdb append {mac} dev flannel.1 dst {address}"),
                ],
            )
        },
    },
    Fault {
        name: "forwarding entry of a VTEP deleted",
        facts: &["NoVtep"],
        apply: |s| {
            let (_, _, mac, _) = s.node("node-a");
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &format!("bridge fdb del {mac} dev flannel.1"),
            )
        },
    },
    Fault {
        name: "forwarding entry of a VTEP: another machine",
        facts: &["Entry"],
        apply: |s| {
            let (_, _, mac, _) = s.node("node-a");
            s.typed(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &[
                    format!("bridge fdb del {mac} dev flannel.1"),
                    format!("bridge fdb append {mac} dev flannel.1 dst 192.168.1.10"),
                ],
            )
        },
    },
    Fault {
        name: "neighbour on the LAN: stale MAC",
        facts: &["Entry"],
        apply: |s| {
            let (.., address) = s.node("node-a");
            s.line(
                ("client", "node-a:30090"),
                "client",
                &format!(
                    "ip neigh replace {address} lladdr de:ad:be:ef:00:01 dev eth0 nud permanent"
                ),
            )
        },
    },
    Fault {
        name: "neighbour of a pod: stale MAC",
        facts: &["Entry"],
        apply: |s| {
            let (ip, ..) = s.pod("api");
            s.line(
                ("deploy/other", "svc/api:80"),
                "node-a",
                &format!("ip neigh replace {ip} lladdr de:ad:be:ef:00:02 dev cni0 nud permanent"),
            )
        },
    },
    Fault {
        name: "flannel.1 down",
        facts: &["Down", "Astray"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            s.line(("deploy/other", "svc/api:80"), at, "ip link set flannel.1 down")
        },
    },
    Fault {
        name: "cni0 down",
        facts: &["Down", "Astray"],
        apply: |s| s.line(("deploy/other", "svc/api:80"), "node-a", "ip link set cni0 down"),
    },
    Fault {
        name: "NIC down",
        facts: &["Down", "NoRoute", "Astray", "NoCarrier"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            s.line(("deploy/other", "svc/api:80"), at, "ip link set eth0 down")
        },
    },
    Fault {
        name: "cable of a pod: the node's end down",
        facts: &["Down", "NoCarrier"],
        apply: |s| {
            let (_, veth, _) = s.pod("api");
            let (_, _, pod) = s.pod("api");
            let c = s.line(
                ("deploy/other", "svc/api:80"),
                "node-a",
                &format!("ip link set {veth} down"),
            );
            Case { places: vec!["node-a".to_owned(), pod], ..c }
        },
    },
    Fault {
        name: "eth0 of a pod down",
        facts: &["Down", "NoCarrier"],
        apply: |s| {
            let (_, _, pod) = s.pod("api");
            let c = s.line(("deploy/other", "svc/api:80"), &pod, "ip link set eth0 down");
            Case { places: vec!["node-a".to_owned(), pod], ..c }
        },
    },
    Fault {
        name: "cable of a node cut",
        facts: &["NoCarrier"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            let c = s.edited(
                ("deploy/other", "svc/api:80"),
                "  seed:",
                &format!("  faults: [{{cut: {at}}}]\n  seed:"),
            );
            Case { places: vec![at.to_owned()], ..c }
        },
    },
    Fault {
        name: "flannel.1 down from the start",
        facts: &["Down", "Astray"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            let c = s.edited(
                ("deploy/other", "svc/api:80"),
                "  seed:",
                &format!("  faults: [{{down: {at}/flannel.1}}]\n  seed:"),
            );
            Case { places: vec![at.to_owned()], ..c }
        },
    },
    Fault {
        name: "kube-proxy never started",
        facts: &["Stopped"],
        apply: |s| {
            let c = s.edited(
                ("deploy/other", "svc/api:80"),
                "  seed:",
                "  faults: [{stopped: node-b/kube-proxy}]\n  seed:",
            );
            Case { places: vec!["node-b".to_owned()], ..c }
        },
    },
    Fault {
        name: "flanneld never started",
        facts: &["Stopped"],
        apply: |s| {
            let at = s.pick(&["node-a", "node-b"]);
            let c = s.edited(
                ("deploy/other", "svc/api:80"),
                "  seed:",
                &format!("  faults: [{{stopped: {at}/flanneld}}]\n  seed:"),
            );
            Case { places: vec![at.to_owned()], ..c }
        },
    },
    Fault {
        name: "kube-proxy stopped before the pods were replaced",
        facts: &["Stopped", "NoNeighbour", "NoSuchAddress"],
        apply: |s| {
            let (_, _, pod) = s.pod("api");
            let c = s.typed(
                ("deploy/other", "svc/api:80"),
                "node-b",
                &["systemctl stop kube-proxy".to_owned(), format!("kubectl delete pod {pod}")],
            );
            Case { places: vec!["node-b".to_owned()], ..c }
        },
    },
    Fault {
        name: "MTU of a pod's port",
        facts: &["TooBig"],
        apply: |s| {
            let (_, veth, _) = s.pod("api");
            s.line(
                ("deploy/caller", "svc/api:80"),
                "node-a",
                &format!("ip link set {veth} mtu 300"),
            )
        },
    },
    Fault {
        name: "hairpin mode off",
        facts: &["Hairpin"],
        apply: |s| {
            let (_, veth, _) = s.pod("api");
            s.line(
                ("deploy/api", "svc/api:80"),
                "node-a",
                &format!("ip link set {veth} type bridge_slave hairpin off"),
            )
        },
    },
    Fault {
        name: "another VXLAN network in a rule of the node",
        facts: &["Refused"],
        apply: |s| {
            let way = s.across();
            let (.., address) = s.node("node-b");
            s.line(
                way,
                "node-a",
                &format!("iptables -t raw -A PREROUTING -s {address}/32 -p udp -j DROP"),
            )
        },
    },
];

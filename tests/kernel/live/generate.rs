//! Random sessions: one document with a cluster, its Services, settings, faults, and a Script.

use kube::Cluster;
use kube::cluster::{Pod, RunningService};
use net::rng::Rng;
use std::fmt::Write;

/// A random session. Each pair of `seed` and `attempt` gives another one.
pub(crate) fn session(seed: u64, attempt: u64) -> String {
    let mut r = Dice(Rng::new(seed ^ (attempt << 48)));
    let mut text = manifests(&mut r);
    text.push_str(&topology(&mut r, seed));
    let (cluster, diags) = kube::build(&text);
    let Some(cluster) = cluster else {
        panic!("seed {seed} gives an invalid document: {}\n{text}", diags[0])
    };
    let mut steps =
        Steps { r, cluster: &cluster, text: String::new(), sport: 41_000, used: Vec::new() };
    let n = 2 + steps.r.below(4);
    for _ in 0..n {
        steps.one();
    }
    let start = if steps.r.chance(20) { "cold" } else { "known" };
    let script = steps.text;
    format!(
        "{text}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  seed: {seed}\n  start: {start}\n  steps:\n{script}"
    )
}

struct Dice(Rng);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }
    /// Returns true with a probability of `percent` %.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len() as u64) as usize).cloned()
    }
}

fn deployment(name: &str, replicas: u64, container: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - {container}\n---\n"
    )
}

fn service(name: &str, app: &str, kind: &str, ports: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec:\n  type: {kind}\n  selector: {{app: {app}}}\n  ports: [{ports}]\n---\n"
    )
}

fn manifests(r: &mut Dice) -> String {
    let mut out = deployment(
        "web",
        1 + r.below(4),
        "{name: nginx, image: \"nginx:1.7.9\", ports: [{containerPort: 80}]}",
    );
    out += &deployment(
        "tool",
        1 + r.below(2),
        "{name: tool, image: \"centos:latest\", command: [\"sleep\", \"1000\"]}",
    );
    out += &service("web", "web", "ClusterIP", "{port: 8000, targetPort: 80}");
    out += &service("web-np", "web", "NodePort", "{port: 80, targetPort: 80, nodePort: 30080}");
    if r.chance(50) {
        out += &deployment(
            "echo",
            1 + r.below(2),
            "{name: echo, image: \"example/echo\", ports: [{containerPort: 53, protocol: UDP}]}",
        );
        out += &service(
            "echo",
            "echo",
            "NodePort",
            "{port: 5300, targetPort: 53, protocol: UDP, nodePort: 30053}",
        );
    }
    if r.chance(50) {
        out += &service(
            "nobody",
            "nobody",
            "NodePort",
            "{port: 8000, targetPort: 80, nodePort: 30090}",
        );
    }
    if r.chance(40) {
        out +=
            &service("wrong", "web", "NodePort", "{port: 8000, targetPort: 81, nodePort: 30081}");
    }
    out
}

fn topology(r: &mut Dice, seed: u64) -> String {
    let mut out = format!(
        "apiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  seed: {seed}\n  kubernetes: {{version: \"1.10\", podCIDR: 10.1.4.0/22, serviceCIDR: 10.1.0.0/22}}\n  kubeProxy: {{masqueradeAll: {}}}\n  flannel: {{ipMasq: {}}}\n  segments: [{{name: lan, subnet: 192.168.120.0/24, gateway: 192.168.120.254}}]\n  hosts:\n  - {{name: bastion, nic: {{name: ens192, address: 192.168.120.252/24}}}}\n",
        r.chance(15),
        !r.chance(10)
    );
    if r.chance(80) {
        out.push_str("  - {name: gateway, nic: {name: eth0, address: 192.168.120.254/24}}\n");
    }
    out.push_str("  nodes:\n");
    let workers = 1 + r.below(3).min(1 + r.below(2));
    for i in 0..=workers {
        let role = if i == 0 { "control-plane" } else { "worker" };
        let name = if i == 0 { "master01".to_owned() } else { format!("node{i:02}") };
        let mtu = if r.chance(6) { 1400 } else { 1500 };
        let docker = r.chance(70);
        let mut sysctl = Vec::new();
        if r.chance(12) {
            sysctl.push("net.bridge.bridge-nf-call-iptables: 0".to_owned());
        }
        if r.chance(25) {
            sysctl.push(format!("net.ipv4.conf.all.rp_filter: {}", r.below(3)));
        }
        if r.chance(3) {
            sysctl.push("net.ipv4.ip_forward: 0".to_owned());
        }
        let _ = writeln!(
            out,
            "  - {{name: {name}, role: {role}, docker: {docker}, nic: {{name: ens192, address: 192.168.120.{}/24, mtu: {mtu}}}, sysctl: {{{}}}}}",
            225 + i,
            sysctl.join(", ")
        );
    }
    out
}

struct Steps<'a> {
    r: Dice,
    cluster: &'a Cluster,
    text: String,
    sport: u16,
    used: Vec<u16>,
}

impl Steps<'_> {
    fn one(&mut self) {
        if self.r.chance(30)
            && let Some((host, line)) = self.command()
        {
            let _ = writeln!(self.text, "  - {{on: {host:?}, run: {}}}", json(&line));
        }
        self.send();
    }

    fn node(&mut self) -> usize {
        self.r.below(self.cluster.nodes.len() as u64) as usize
    }

    fn name(&self, node: usize) -> String {
        self.cluster.nodes[node].spec.name.value.clone()
    }

    fn pod(&mut self) -> Option<Pod> {
        self.r.pick(&self.cluster.pods)
    }

    fn hosts(&self) -> Vec<String> {
        self.cluster.topology.hosts.iter().map(|h| h.name.value.clone()).collect()
    }

    fn source_port(&mut self) -> u16 {
        // Sometimes one that was used before, so that connections clash.
        if self.r.chance(15)
            && let Some(port) = self.r.pick(&self.used.clone())
        {
            return port;
        }
        self.sport += 1;
        self.used.push(self.sport);
        self.sport
    }

    fn sender(&mut self) -> String {
        match self.r.below(10) {
            0..3 => "bastion".to_owned(),
            3..5 => {
                let node = self.node();
                self.name(node)
            }
            _ => self.pod().map_or_else(|| "bastion".to_owned(), |p| format!("pod/{}", p.netns())),
        }
    }

    /// A destination with a port, and the endpoint that random rules are to choose.
    fn target(&mut self, udp: bool) -> (String, Option<String>) {
        let protocol = if udp { "UDP" } else { "TCP" };
        let services: Vec<RunningService> = self
            .cluster
            .services
            .iter()
            .filter(|s| s.ports.iter().any(|p| p.protocol == protocol))
            .cloned()
            .collect();
        let node = self.node();
        let (node_address, node_gateway) =
            (self.cluster.nodes[node].address(), self.cluster.nodes[node].gateway());
        let choice = self.r.below(100);
        if choice < 70
            && let Some(s) = self.r.pick(&services)
            && let Some(port) = s.ports.iter().find(|p| p.protocol == protocol)
        {
            let endpoint = self.r.pick(&port.endpoints).map(|e| format!("{}:{}", e.addr, e.port));
            let to = match (port.node_port, self.r.below(100)) {
                (Some(np), 0..50) => format!("{node_address}:{np}"),
                (Some(np), 50..56) => format!("{node_gateway}:{np}"),
                (Some(np), 56..60) => format!("127.0.0.1:{np}"),
                _ => s.cluster_ip.map_or_else(
                    || format!("{node_address}:9"),
                    |ip| format!("{ip}:{}", port.port),
                ),
            };
            return (to, endpoint);
        }
        let pod = self.pod();
        let port = if udp { 53 } else { 80 };
        let to = match (self.r.below(100), pod) {
            (0..50, Some(p)) => format!("{}:{port}", p.ip),
            (50..60, Some(p)) => format!("{}:81", p.ip),
            (60..75, _) => format!("{node_address}:30099"),
            (75..85, _) => format!("{}:{port}", self.nobody(node)),
            _ => format!("203.0.113.10:{port}"),
        };
        (to, None)
    }

    /// An unused address of a node's pod network.
    fn nobody(&self, node: usize) -> std::net::Ipv4Addr {
        let [a, b, c, _] = self.cluster.nodes[node].pod_cidr.network().octets();
        [a, b, c, 200].into()
    }

    fn echo_target(&mut self) -> String {
        let node = self.node();
        let pod = self.pod();
        let n = &self.cluster.nodes[node];
        match (self.r.below(100), pod) {
            (0..55, Some(p)) => p.ip.to_string(),
            (55..70, _) => n.address().to_string(),
            (70..76, _) => n.gateway().to_string(),
            (76..84, _) => self
                .cluster
                .services
                .first()
                .and_then(|s| s.cluster_ip)
                .map_or_else(|| n.address().to_string(), |i| i.to_string()),
            (84..92, _) => self.nobody(node).to_string(),
            _ => "203.0.113.10".to_owned(),
        }
    }

    fn send(&mut self) {
        let from = self.sender();
        let mut fields = vec![format!("from: {from:?}")];
        let patience = match self.r.below(100) {
            0..60 => "350ms",
            60..90 => "1300ms",
            _ => "3300ms",
        };
        match self.r.below(100) {
            // A single segment from a raw socket.
            0..8 => {
                let (to, endpoint) = self.target(false);
                fields.push(format!("to: {to:?}"));
                fields.extend(endpoint.map(|e| format!("endpoint: {e:?}")));
                let flags = ["syn", "ack", "fin,ack", "rst", "syn,ack", "none"];
                let flags = flags[self.r.below(flags.len() as u64) as usize];
                fields.push(format!("sport: {}, flags: {flags:?}", self.source_port()));
                if self.r.chance(30) {
                    fields.push(format!("size: {}", 1 + self.r.below(1600)));
                }
                self.ip_options(&mut fields);
            }
            8..60 => {
                let (to, endpoint) = self.target(false);
                fields.push(format!("to: {to:?}"));
                fields.extend(endpoint.map(|e| format!("endpoint: {e:?}")));
                fields.push(format!("sport: {}", self.source_port()));
                // At most two segments: whether a kernel sends more at once depends on the measured
                // round-trip time (`tcp_tso_autosize`).
                if self.r.chance(15) {
                    fields.push(format!("size: {}", 500 + self.r.below(1900)));
                }
                if self.r.chance(30) {
                    self.ip_options(&mut fields);
                }
            }
            60..72 => {
                let (to, endpoint) = self.target(true);
                fields.push(format!("to: {to:?}, proto: udp"));
                fields.extend(endpoint.map(|e| format!("endpoint: {e:?}")));
                fields.push(format!("sport: {}", self.source_port()));
                if self.r.chance(30) {
                    fields.push(format!("size: {}", 1 + self.r.below(3000)));
                }
                if self.r.chance(30) {
                    fields.push("count: 2".to_owned());
                }
                if self.r.chance(10) {
                    fields.push("checksum: false".to_owned());
                }
                if self.r.chance(50) {
                    self.ip_options(&mut fields);
                }
            }
            _ => {
                let to = self.echo_target();
                fields.push(format!("to: {to:?}, proto: icmp, sport: {}", self.source_port()));
                if self.r.chance(35) {
                    fields.push(format!("size: {}", 1300 + self.r.below(900)));
                }
                self.ip_options(&mut fields);
                if self.r.chance(25) {
                    fields.push("count: 3, interval: 150ms".to_owned());
                }
            }
        }
        fields.push(format!("timeout: {patience}, settle: 100ms"));
        let _ = writeln!(self.text, "  - send: {{{}}}", fields.join(", "));
    }

    /// What the socket sets in the IP header.
    fn ip_options(&mut self, fields: &mut Vec<String>) {
        if self.r.chance(30) {
            fields.push(format!("ttl: {}", 1 + self.r.below(4)));
        }
        let pmtudisc = ["want", "do", "dont"][self.r.below(3) as usize];
        fields.push(format!("pmtudisc: {pmtudisc}"));
    }

    fn command(&mut self) -> Option<(String, String)> {
        let node = self.node();
        let name = self.name(node);
        let others: Vec<usize> = (0..self.cluster.nodes.len()).filter(|i| *i != node).collect();
        let other = self.r.pick(&others).map(|i| self.cluster.nodes[i].clone())?;
        let on_node: Vec<Pod> =
            self.cluster.pods.iter().filter(|p| p.node == node).cloned().collect();
        let line = match self.r.below(18) {
            0 => "conntrack -F".to_owned(),
            1 => format!("sysctl -w net.ipv4.conf.all.rp_filter={}", self.r.below(3)),
            2 => format!("sysctl -w net.bridge.bridge-nf-call-iptables={}", self.r.below(2)),
            3 => "sysctl -w net.ipv4.conf.all.send_redirects=0".to_owned(),
            4 => format!("ip route del {}", other.pod_cidr),
            5 => format!("ip neigh del {} dev flannel.1", other.pod_cidr.network()),
            6 => format!("bridge fdb del {} dev flannel.1 dst {}", other.vtep_mac, other.address()),
            7 => {
                format!("ip link set {} type bridge_slave hairpin off", self.r.pick(&on_node)?.veth)
            }
            8 | 9 => {
                let via = self.cluster.nodes[node].address();
                let dst =
                    ["10.1.4.0/22", "10.1.0.0/22", "203.0.113.0/24"][self.r.below(3) as usize];
                return Some((
                    self.r.pick(&self.hosts())?,
                    format!("ip route replace {dst} via {via}"),
                ));
            }
            10 => {
                let pod = self.r.pick(&self.cluster.pods)?;
                let mtu = 1000 + self.r.below(400);
                return Some((
                    format!("pod/{}", pod.netns()),
                    format!("ip link set eth0 mtu {mtu}"),
                ));
            }
            11 => format!(
                "ip link set {} mtu {}",
                self.r.pick(&on_node)?.veth,
                1000 + self.r.below(400)
            ),
            _ => format!("iptables-restore <<< '{}'", self.rules(node)?),
        };
        Some((name, line))
    }

    /// Changed rules for a node, such as another version or an administrator would write.
    fn rules(&mut self, node: usize) -> Option<String> {
        let spec = kube::plan::spec(&self.cluster.clone().into());
        let ns = spec.netns.iter().find(|n| n.name == self.cluster.nodes[node].spec.name.value)?;
        let text = net::netfilter::save(&ns.rules, "x", "x", &|_, _| (0, 0));
        let kept = |keep: &dyn Fn(&str) -> bool| {
            text.lines().filter(|l| keep(l)).map(|l| format!("{l}\n")).collect::<String>()
        };
        let before = |rule: &str, new: &str| text.replacen(rule, &format!("{new}\n{rule}"), 1);
        let masquerade = text
            .lines()
            .find(|l| l.starts_with("-A KUBE-POSTROUTING") && l.ends_with("MASQUERADE"))?
            .to_owned();
        let reject = [
            "icmp-port-unreachable",
            "icmp-host-unreachable",
            "icmp-net-unreachable",
            "icmp-admin-prohibited",
            "tcp-reset",
        ];
        let with = reject[self.r.below(5) as usize];
        let only = if with == "tcp-reset" { "-p tcp -m tcp --dport 80 " } else { "" };
        Some(match self.r.below(9) {
            0 => kept(&|l| !(l.starts_with("-A KUBE-NODEPORTS") && l.contains("KUBE-MARK-MASQ"))),
            1 => kept(&|l| !(l.starts_with("-A POSTROUTING") && l.contains("! -s 10.1.4.0/22"))),
            2 => text.replace(&masquerade, &format!("{masquerade} --random-fully")),
            3 => text.replace(
                &masquerade,
                "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
                 -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
                 -A KUBE-POSTROUTING -m comment \
                 --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE",
            ),
            4 => text.replace(":FORWARD ACCEPT", ":FORWARD DROP"),
            5 => before(
                "-A FORWARD",
                &format!("-A FORWARD -s 10.1.4.0/22 {only}-j REJECT --reject-with {with}"),
            ),
            6 => {
                let only = if only.is_empty() { "-p icmp " } else { only };
                let target = ["DROP", "REJECT"][self.r.below(2) as usize];
                before("-A INPUT", &format!("-A INPUT {only}-j {target}"))
            }
            7 => text.replace(":80\n", ":81\n"),
            _ => {
                let to = text
                    .lines()
                    .filter(|l| l.contains("--to-destination"))
                    .filter_map(|l| l.rsplit_once(' '))
                    .find(|(_, to)| to.starts_with("10.1."))?
                    .1
                    .to_owned();
                text.replace(&to, &format!("{}:80", self.nobody(node)))
            }
        })
    }
}

/// A text as a double-quoted YAML scalar.
fn json(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

use super::*;
use net::dns::{Message, RecordType};

const DOCUMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: 'nginx:1.7.9', ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.1.1
  selector: {app: web}
  ports: [{name: http, port: 8080, targetPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: peers}
spec:
  clusterIP: None
  selector: {app: web}
  ports: [{name: http, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {clusterIP: None, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: example.com}
---
apiVersion: v1
kind: Service
metadata: {name: inside, namespace: shop}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
";

fn cluster(version: &str) -> Cluster {
    let topology = format!(
        "---\napiVersion: packetwalk.dev/v1alpha1\nkind: Topology\nspec:\n  \
         kubernetes: {{version: \"{version}\"}}\n  \
         segments: [{{name: lan, subnet: 192.168.1.0/24}}]\n  \
         hosts: [{{name: client, nic: {{name: eth0, address: 192.168.1.20/24}}}}]\n  nodes:\n  \
         - {{name: main, role: control-plane, nic: {{name: eth0, address: 192.168.1.10/24}}}}\n  \
         - {{name: one, nic: {{name: eth0, address: 192.168.1.11/24}}}}\n"
    );
    let (cluster, diags) = crate::build(&format!("{DOCUMENT}{topology}"));
    cluster.unwrap_or_else(|| panic!("{diags:?}"))
}

fn ask(cluster: &Cluster, text: &str, kind: RecordType) -> Message {
    let mut zone = zone(cluster);
    zone.shuffled = false;
    let query = Message::query(1, text.parse().expect("a name"), kind);
    let bytes = zone.serve(&query.emit(false), true, 0).expect("an answer");
    Message::parse(&bytes).expect("a message")
}

/// The response code and the data of the answers.
fn says(cluster: &Cluster, text: &str, kind: RecordType) -> String {
    let m = ask(cluster, text, kind);
    let answers: Vec<_> = m.answers.iter().map(|r| r.data.to_string()).collect();
    format!("{} {}", m.rcode, answers.join(" | ")).trim_end().to_owned()
}

#[test]
fn names_are_those_of_the_specification() {
    use RecordType as T;
    let c = cluster("1.36");
    let pods: Vec<String> =
        c.pods.iter().filter(|p| p.owner.name == "web").map(|p| p.ip.to_string()).collect();
    let [a, b] = &pods[..] else { panic!("{pods:?}") };
    let dashed = |ip: &str| ip.replace('.', "-");
    let reverse = |ip: &str| {
        let parts: Vec<_> = ip.rsplit('.').collect();
        format!("{}.in-addr.arpa", parts.join("."))
    };
    let (at_a, at_b) = (
        format!("{}.peers.default.svc.cluster.local", dashed(a)),
        format!("{}.peers.default.svc.cluster.local", dashed(b)),
    );
    let cases: &[(&str, T, String)] = &[
        // 2.2
        ("dns-version.cluster.local", T::TXT, "NOERROR \"1.1.0\"".into()),
        // 2.3.1
        ("web.default.svc.cluster.local", T::A, "NOERROR 10.96.1.1".into()),
        ("web.default.svc.cluster.local", T::AAAA, "NOERROR".into()),
        ("web.shop.svc.cluster.local", T::A, "NXDOMAIN".into()),
        ("kubernetes.default.svc.cluster.local", T::A, "NOERROR 10.96.0.1".into()),
        ("kube-dns.kube-system.svc.cluster.local", T::A, "NOERROR 10.96.0.10".into()),
        // 2.3.2
        (
            "_http._tcp.web.default.svc.cluster.local",
            T::SRV,
            "NOERROR 0 100 8080 web.default.svc.cluster.local.".into(),
        ),
        ("_http._udp.web.default.svc.cluster.local", T::SRV, "NXDOMAIN".into()),
        // 2.3.3
        (&reverse("10.96.1.1"), T::PTR, "NOERROR web.default.svc.cluster.local.".into()),
        // 2.4.1
        ("peers.default.svc.cluster.local", T::A, format!("NOERROR {a} | {b}")),
        (&at_a, T::A, format!("NOERROR {a}")),
        ("nobody.default.svc.cluster.local", T::A, "NXDOMAIN".into()),
        // 2.4.2
        (
            "_http._tcp.peers.default.svc.cluster.local",
            T::SRV,
            format!("NOERROR 0 50 80 {at_a}. | 0 50 80 {at_b}."),
        ),
        // 2.5
        ("outside.default.svc.cluster.local", T::A, "NOERROR example.com.".into()),
        (
            "inside.shop.svc.cluster.local",
            T::A,
            "NOERROR web.default.svc.cluster.local. | 10.96.1.1".into(),
        ),
        // Pods, by CoreDNS (`pods insecure`) and kube-dns.
        ("10-1-2-3.default.pod.cluster.local", T::A, "NOERROR 10.1.2.3".into()),
        ("10-1-2-3.nowhere.pod.cluster.local", T::A, "NXDOMAIN".into()),
        ("shop.svc.cluster.local", T::A, "NOERROR".into()),
        ("nowhere.svc.cluster.local", T::A, "NXDOMAIN".into()),
        ("example.com", T::A, "SERVFAIL".into()),
        ("cluster.local", T::A, "NOERROR".into()),
    ];
    for (text, kind, expected) in cases {
        assert_eq!(&says(&c, text, *kind), expected, "{text} {kind}");
    }
    // 2.4.3; CoreDNS knows the endpoint under both Services.
    let ptr = says(&c, &reverse(a), T::PTR);
    assert!(ptr.contains(&format!("{at_a}.")), "{ptr}");
    let srv = ask(&c, "_http._tcp.peers.default.svc.cluster.local", T::SRV);
    assert_eq!(srv.additional.len(), 2, "the addresses of both hosts");
    let negative = ask(&c, "no.default.svc.cluster.local", T::A);
    assert!(negative.authoritative && negative.authority[0].data.kind() == T::SOA);
    assert_eq!(negative.authority[0].name.to_string(), "cluster.local.");
}

#[test]
fn kube_dns_names_endpoints_of_headless_services_only() {
    for (version, expected) in [("1.10", "NXDOMAIN"), ("1.11", "NOERROR")] {
        let c = cluster(version);
        let ip = c.pods.iter().find(|p| p.owner.name == "web").map(|p| p.ip).expect("a pod");
        let name = format!("{}.web.default.svc.cluster.local", ip.to_string().replace('.', "-"));
        assert!(says(&c, &name, RecordType::A).starts_with(expected), "{version}");
    }
}

#[test]
fn a_pod_asks_cluster_dns_and_a_machine_nobody() {
    let c = cluster("1.36");
    let web = c.pods.iter().find(|p| p.owner.name == "web").expect("a pod").netns();
    assert_eq!(
        resolv_conf(&c, &web).to_string(),
        "search default.svc.cluster.local svc.cluster.local cluster.local\n\
         nameserver 10.96.0.10\noptions ndots:5\n"
    );
    let node = &c.nodes[0].spec.name.value;
    assert_eq!(resolv_conf(&c, node), ResolvConf::default());
    let names = |netns: &str| {
        let lines = hosts(&c, netns).into_iter();
        lines.flat_map(|(_, names)| names).collect::<Vec<_>>()
    };
    assert_eq!(names(&web), ["localhost", &*web]);
    for n in &c.nodes {
        assert!(names(node).contains(&n.spec.name.value));
    }
    assert!(c.topology.hosts.iter().all(|h| names(node).contains(&h.name.value)));
}

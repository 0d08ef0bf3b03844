//! Faults of the cluster's objects.

use crate::faults::{Case, Fault};

/// Every kind.
pub(crate) const FAULTS: &[Fault] = &[
    Fault {
        name: "selector: wrong value",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(
                ("deploy/caller", "svc/web:80"),
                "selector: {app: web}\n  ports",
                "selector: {app: wbe}\n  ports",
            )
        },
    },
    Fault {
        name: "selector: label that no pod has",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(
                ("deploy/other", "svc/api:80"),
                "selector: {app: api}\n  ports",
                "selector: {app: api, release: a}\n  ports",
            )
        },
    },
    Fault {
        name: "selector: wrong key",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(
                ("node-a", "svc/web:80"),
                "selector: {app: web}\n  ports",
                "selector: {name: web}\n  ports",
            )
        },
    },
    Fault {
        name: "labels: pods renamed",
        facts: &["NoEndpoints"],
        apply: |s| {
            let c = s.edited(
                ("deploy/caller", "svc/web:80"),
                "selector: {matchLabels: {app: web}}",
                "selector: {matchLabels: {app: web2}}",
            );
            Case {
                document: c.document.replacen(
                    "{labels: {app: web, tier: front}}",
                    "{labels: {app: web2, tier: front}}",
                    1,
                ),
                ..c
            }
        },
    },
    Fault {
        name: "targetPort: nothing listens",
        facts: &["NoListener"],
        apply: |s| {
            s.edited(("deploy/caller", "svc/web:80"), "targetPort: 80,", "targetPort: 8081,")
        },
    },
    Fault {
        name: "targetPort: unknown name",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(("deploy/caller", "svc/api:80"), "targetPort: http,", "targetPort: htp,")
        },
    },
    Fault {
        name: "port: another number",
        facts: &["NoSuchPort"],
        apply: |s| {
            s.edited(
                ("deploy/caller", "svc/web:80"),
                "port: 80, targetPort: 80",
                "port: 81, targetPort: 80",
            )
        },
    },
    Fault {
        name: "nodePort: another number",
        facts: &["NoSuchNodePort"],
        apply: |s| s.edited(("client", "node-b:30080"), "nodePort: 30080", "nodePort: 30081"),
    },
    Fault {
        name: "type: ClusterIP",
        facts: &["NoSuchNodePort"],
        apply: |s| {
            s.edited(("client", "node-a:30080"), "type: NodePort\n  selector: {app: web}\n  ports: [{name: http, port: 80, targetPort: 80, nodePort: 30080}]", "selector: {app: web}\n  ports: [{name: http, port: 80, targetPort: 80}]")
        },
    },
    Fault {
        name: "protocol: UDP",
        facts: &["NoSuchPort"],
        apply: |s| {
            s.edited(
                ("deploy/caller", "svc/web:80"),
                "{name: http, port: 80, targetPort: 80,",
                "{name: http, protocol: UDP, port: 80, targetPort: 80,",
            )
        },
    },
    Fault {
        name: "replicas: 0",
        facts: &["NoEndpoints"],
        apply: |s| s.edited(("deploy/caller", "svc/web:80"), "replicas: 2", "replicas: 0"),
    },
    Fault {
        name: "readiness probe at a port that is closed",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(("deploy/caller", "svc/web:80"), "containerPort: 80}]\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}", "containerPort: 80}]\n        readinessProbe: {httpGet: {path: /, port: 8080}}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web}")
        },
    },
    Fault {
        name: "readiness gate",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(("deploy/caller", "svc/web:80"), "    spec:\n      containers:", "    spec:\n      readinessGates: [{conditionType: example.com/up}]\n      containers:")
        },
    },
    Fault {
        name: "pending: node selector",
        facts: &["NoEndpoints"],
        apply: |s| {
            s.edited(
                ("deploy/caller", "svc/web:80"),
                "    spec:\n      containers:",
                "    spec:\n      nodeSelector: {disk: ssd}\n      containers:",
            )
        },
    },
    Fault {
        name: "command that only waits",
        facts: &["NoListener"],
        apply: |s| {
            s.edited(
                ("deploy/caller", "svc/web:80"),
                "        image: nginx\n",
                "        image: nginx\n        command: [sleep, 1d]\n",
            )
        },
    },
    Fault {
        name: "externalTrafficPolicy: Local, other node",
        facts: &["LocalOnly"],
        apply: |s| {
            let c = s.edited(
                ("client", "node-b:30090"),
                "type: LoadBalancer",
                "type: LoadBalancer\n  externalTrafficPolicy: Local",
            );
            Case { places: vec!["node-b".to_owned()], ..c }
        },
    },
    Fault {
        name: "internalTrafficPolicy: Local, other node",
        facts: &["LocalOnly"],
        apply: |s| {
            s.edited(
                ("deploy/other", "svc/api:80"),
                "type: LoadBalancer",
                "type: LoadBalancer\n  internalTrafficPolicy: Local",
            )
        },
    },
    Fault {
        name: "source ranges",
        facts: &["SourceRanges"],
        apply: |s| {
            s.edited(
                ("deploy/other", "192.168.1.240:80"),
                "type: LoadBalancer",
                "type: LoadBalancer\n  loadBalancerSourceRanges: [203.0.113.0/24]",
            )
        },
    },
    Fault {
        name: "Service of another name",
        facts: &["NoSuchName"],
        apply: |s| {
            s.edited(
                ("deploy/caller", "http://web"),
                "kind: Service\nmetadata: {name: web}",
                "kind: Service\nmetadata: {name: webb}",
            )
        },
    },
    Fault {
        name: "cluster IP from outside",
        facts: &["OutsideOfCluster"],
        apply: |s| Case {
            works: false,
            ..s.case("client", &format!("{}:80", s.cluster_ip("web")))
        },
    },
    Fault {
        name: "load balancer's address that nobody announces",
        facts: &["Unannounced"],
        apply: |s| Case { works: false, ..s.case("client", "192.168.1.240:80") },
    },
];

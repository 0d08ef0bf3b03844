//! Kinds of single faults. Each is applied to a sound cluster by its document or by commands alone;
//! what counts as the right answer is declared beside it: the facts that may decide, and where.

use net::rng::Rng;
use play::Session;
use play::shell;

/// A sound cluster, a sender and a destination, and what was broken.
pub(crate) struct Case {
    pub(crate) document: String,
    /// Commands: where, and the line.
    pub(crate) commands: Vec<(String, String)>,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Where the cause may be placed; anywhere if empty.
    pub(crate) places: Vec<String>,
    /// Whether the same request is answered without the fault.
    pub(crate) works: bool,
}

/// A kind of fault.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// The facts that may decide.
    pub(crate) facts: &'static [&'static str],
    /// Breaks a cluster.
    pub(crate) apply: fn(&mut Sound) -> Case,
}

/// A sound cluster that was drawn.
pub(crate) struct Sound {
    pub(crate) version: &'static str,
    pub(crate) document: String,
    pub(crate) session: Session,
    pub(crate) rng: Rng,
}

const MANIFESTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      containers:
      - name: nginx
        image: nginx
        ports: [{name: http, containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 80, nodePort: 30080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      nodeName: node-a
      containers:
      - name: nginx
        image: nginx
        ports: [{name: http, containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec:
  type: LoadBalancer
  selector: {app: api}
  ports: [{port: 80, targetPort: http, nodePort: 30090}]
status: {loadBalancer: {ingress: [{ip: 192.168.1.240}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: caller}
spec:
  selector: {matchLabels: {app: caller}}
  template:
    metadata: {labels: {app: caller}}
    spec:
      nodeName: node-a
      containers: [{name: c, image: busybox, command: [sleep, 1d]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec:
      nodeName: node-b
      containers: [{name: c, image: busybox, command: [sleep, 1d]}]
";

const TOPOLOGY: &str = "\
---
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
metadata: {name: drawn}
spec:
  seed: SEED
  kubernetes: {version: \"VERSION\"}
  nodes:
  - {name: master, role: control-plane}
  - {name: node-a}
  - {name: node-b}
  hosts: [{name: gateway, nic: {address: 192.168.1.1/24}}, {name: client}]
";

const VERSIONS: [&str; 6] = ["1.10", "1.16", "1.20", "1.24", "1.29", "1.36"];

impl Sound {
    /// The cluster of a draw.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let version = VERSIONS[rng.below(VERSIONS.len() as u64) as usize];
        let topology =
            TOPOLOGY.replace("SEED", &rng.below(1000).to_string()).replace("VERSION", version);
        let document = format!("{MANIFESTS}{topology}");
        let session = Session::new(&document, 1, true).expect("a sound cluster");
        Self { version, document, session, rng }
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.below(from.len() as u64) as usize]
    }

    /// The release's minor number.
    pub(crate) fn minor(&self) -> u8 {
        self.session.running().topology.version.minor()
    }

    /// The address, the node's veth and the network namespace of a pod.
    pub(crate) fn pod(&self, owner: &str) -> (String, String, String) {
        let c = self.session.running();
        let p = c.pods.iter().find(|p| p.owner.name == owner).expect("a pod");
        (p.ip.to_string(), p.veth.clone(), p.netns())
    }

    pub(crate) fn cluster_ip(&self, name: &str) -> String {
        let c = self.session.running();
        let s = c.services.iter().find(|s| s.name == name).expect("a Service");
        s.cluster_ip.expect("an address").to_string()
    }

    /// The pods' network of a node, and its VTEP's address and MAC address.
    pub(crate) fn node(&self, name: &str) -> (String, String, String, String) {
        let c = self.session.running();
        let n = c.nodes.iter().find(|n| n.spec.name.value == name).expect("a node");
        let cidr = n.pod_cidr;
        (
            cidr.to_string(),
            cidr.network().to_string(),
            n.vtep_mac.to_string(),
            n.address().to_string(),
        )
    }

    pub(crate) fn case(&self, from: &str, to: &str) -> Case {
        Case {
            document: self.document.clone(),
            commands: Vec::new(),
            from: from.to_owned(),
            to: to.to_owned(),
            places: Vec::new(),
            works: true,
        }
    }

    /// A case of an edit of the text.
    pub(crate) fn edited(&self, (from, to): (&str, &str), old: &str, new: &str) -> Case {
        let document = self.document.replacen(old, new, 1);
        assert_ne!(document, self.document, "{old:?} is in the text");
        Case { document, ..self.case(from, to) }
    }

    /// A case of commands on a node, which must be accepted.
    pub(crate) fn typed(&self, (from, to): (&str, &str), host: &str, lines: &[String]) -> Case {
        let mut s = self.session.clone();
        for line in lines {
            let out = shell::exec(&mut s, host, line);
            assert_eq!(out.status, 0, "{host}$ {line}: {}", out.text);
        }
        let commands = lines.iter().map(|l| (host.to_owned(), l.clone())).collect();
        Case { commands, places: vec![host.to_owned()], ..self.case(from, to) }
    }

    /// As [`Sound::typed`], of a line.
    pub(crate) fn line(&self, way: (&str, &str), host: &str, line: &str) -> Case {
        self.typed(way, host, &[line.to_owned()])
    }

    /// A sender whose request to `svc/api` crosses nodes.
    pub(crate) fn across(&mut self) -> (&'static str, &'static str) {
        ("deploy/other", "svc/api:80")
    }
}

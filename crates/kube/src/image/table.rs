//! Well-known images and the ports at which they listen when they are started as they are.
//!
//! A row is of every image whose path ends with its name: `nginx` also of `mirror.example/nginx`;
//! `library/registry` of `registry` only; `bitnami/nginx` before `nginx`. Only what the image's own
//! documentation or its default configuration says is here.

use crate::object::Container;

/// What a well-known image does.
#[derive(Debug)]
pub(super) struct Row {
    /// Ends of the image's path.
    names: &'static [&'static str],
    /// Programs that are the image's own when a command names them.
    programs: &'static [&'static str],
    /// Its ports: number, protocol and `l` if only on loopback, as in `80`, `53/udp`, `2379/l`.
    pub(super) ports: &'static [&'static str],
    /// Directories and files of its configuration.
    config: &'static [&'static str],
    /// A variable of the container that holds the port instead.
    pub(super) variable: Option<&'static str>,
}

/// The programs that listen on their ports and nothing else unless a file tells them to: web
/// servers with their applications, databases, caches and demonstrations. Other programs get
/// theirs from flags, from variables, or from what they find in the cluster.
const FIXED: &[&str] = &[
    "nginx",
    "nginxinc/nginx-unprivileged",
    "nginxdemos/hello",
    "httpd",
    "wordpress",
    "redis",
    "bitnami/redis",
    "memcached",
    "postgres",
    "mysql",
    "mongo",
    "library/cassandra",
    "library/tomcat",
    "library/jetty",
    "gb-frontend",
    "example-guestbook-php-redis",
    "hello-app",
    "node-hello",
    "echoserver",
    "serve_hostname",
    "kennethreitz/httpbin",
    "examples-bookinfo-productpage-v1",
    "eclipse-mosquitto",
];

const fn row(
    names: &'static [&'static str],
    programs: &'static [&'static str],
    ports: &'static [&'static str],
    config: &'static [&'static str],
) -> Row {
    Row { names, programs, ports, config, variable: None }
}

const fn with_variable(row: Row, variable: &'static str) -> Row {
    Row { variable: Some(variable), ..row }
}

const NGINX: &[&str] = &["/etc/nginx"];
const BITNAMI_NGINX: &[&str] = &["/opt/bitnami/nginx"];
const APACHE: &[&str] = &["/usr/local/apache2/conf", "/etc/apache2"];

/// Images that run a shell, an interpreter or nothing: what they do is in their command.
const BARE: &[&str] = &[
    "busybox",
    "alpine",
    "debian",
    "ubuntu",
    "centos",
    "fedora",
    "rockylinux",
    "almalinux",
    "amazonlinux",
    "opensuse/leap",
    "ubi8",
    "ubi9",
    "ubi-minimal",
    "library/bash",
    "curl",
    "curlimages/curl",
    "netshoot",
    "pause",
    "pause-amd64",
    "jessie-dnsutils",
    "dnsutils",
    "radial/busyboxplus",
    "buildpack-deps",
    "kubectl",
    "aws-cli",
    "library/python",
    "library/node",
    "library/golang",
    "library/ruby",
    "library/openjdk",
    "eclipse-temurin",
    "library/perl",
    "toolbox",
    "alpine/git",
    "alpine/curl",
    "busybox-curl",
    "tutum/curl",
    "appropriate/curl",
    "mysql-client",
    "git-sync",
];

static ROWS: &[Row] = &[
    row(&["nginxinc/nginx-unprivileged"], &["nginx"], &["8080"], NGINX),
    row(&["bitnami/nginx"], &["nginx"], &["8080", "8443"], BITNAMI_NGINX),
    row(&["nginxdemos/hello", "nginxdemos/nginx-hello"], &["nginx"], &["80"], NGINX),
    row(
        &["ingress-nginx/controller", "nginx-ingress-controller"],
        &["nginx-ingress-controller"],
        &["80", "443", "10254"],
        &[],
    ),
    row(
        &["nginxdemos/nginx-ingress", "nginx/nginx-ingress"],
        &["nginx-ingress"],
        &["80", "443"],
        &[],
    ),
    row(&["nginx"], &["nginx"], &["80"], NGINX),
    row(&["httpd"], &["httpd", "httpd-foreground"], &["80"], APACHE),
    row(&["bitnami/apache"], &[], &["8080", "8443"], &["/opt/bitnami/apache"]),
    row(&["library/caddy"], &["caddy"], &["80", "443", "2019/l"], &["/etc/caddy"]),
    row(&["library/traefik", "traefik/traefik"], &["traefik"], &["80"], &["/etc/traefik"]),
    row(&["envoyproxy/envoy"], &["envoy"], &["10000"], &["/etc/envoy"]),
    row(
        &["library/tomcat", "bitnami/tomcat"],
        &["catalina.sh"],
        &["8080"],
        &["/usr/local/tomcat/conf"],
    ),
    row(&["library/jetty"], &[], &["8080"], &[]),
    row(&["bitnami/redis", "bitnami/valkey"], &["redis-server", "valkey-server"], &["6379"], &[]),
    row(
        &[
            "redis",
            "valkey",
            "redis-stack-server",
            "gb-redisslave",
            "gb-redis-follower",
            "redis-slave",
            "redis-follower",
        ],
        &["redis-server", "valkey-server"],
        &["6379"],
        &["/usr/local/etc/redis", "/etc/redis"],
    ),
    row(&["memcached"], &["memcached"], &["11211"], &[]),
    with_variable(
        row(
            &["postgres", "postgis", "timescaledb", "bitnami/postgresql"],
            &["postgres"],
            &["5432"],
            &[],
        ),
        "PGPORT",
    ),
    row(
        &["mysql", "mysql-server", "mariadb", "percona", "percona-server"],
        &["mysqld", "mariadbd"],
        &["3306"],
        &[],
    ),
    row(&["mongo", "bitnami/mongodb", "mongodb-community-server"], &["mongod"], &["27017"], &[]),
    row(&["library/cassandra", "bitnami/cassandra"], &["cassandra"], &["9042", "7000"], &[]),
    row(&["library/couchdb"], &[], &["5984"], &[]),
    row(&["library/neo4j"], &["neo4j"], &["7474", "7687"], &[]),
    row(&["library/influxdb", "bitnami/influxdb"], &["influxd"], &["8086"], &["/etc/influxdb"]),
    row(
        &["clickhouse-server"],
        &["clickhouse-server"],
        &["8123", "9000"],
        &["/etc/clickhouse-server"],
    ),
    row(&["cockroachdb/cockroach"], &["cockroach"], &["26257", "8080"], &[]),
    row(&["rabbitmq"], &["rabbitmq-server"], &["5672", "25672", "4369"], &["/etc/rabbitmq"]),
    row(
        &["library/nats"],
        &["nats-server"],
        &["4222", "8222", "6222"],
        &["/etc/nats", "/nats-server.conf"],
    ),
    row(&["nats-streaming"], &[], &["4222", "8222"], &[]),
    row(
        &["apache/kafka", "bitnami/kafka"],
        &[],
        &["9092"],
        &["/opt/kafka/config", "/opt/bitnami/kafka/config"],
    ),
    row(
        &["zookeeper", "kubernetes-zookeeper"],
        &["zkServer.sh", "start-zookeeper"],
        &["2181"],
        &["/conf"],
    ),
    row(&["eclipse-mosquitto"], &["mosquitto"], &["1883/l"], &["/mosquitto/config"]),
    row(
        &["elasticsearch", "opensearch"],
        &[],
        &["9200", "9300"],
        &["/usr/share/elasticsearch/config"],
    ),
    row(&["kibana"], &[], &["5601"], &["/usr/share/kibana/config"]),
    row(&["coreos/etcd", "library/etcd", "etcd"], &["etcd"], &["2379/l", "2380/l"], &[]),
    row(
        &["library/consul", "hashicorp/consul"],
        &["consul"],
        &["8500", "8600", "8600/udp", "8300", "8301", "8301/udp"],
        &["/consul/config"],
    ),
    row(&["library/vault", "hashicorp/vault"], &["vault"], &["8200"], &["/vault/config"]),
    row(
        &["grafana/grafana", "grafana/grafana-oss", "grafana/grafana-enterprise"],
        &["grafana-server"],
        &["3000"],
        &["/etc/grafana/grafana.ini"],
    ),
    row(&["grafana/loki"], &["loki"], &["3100", "9095"], &["/etc/loki"]),
    row(&["prom/prometheus", "prometheus/prometheus"], &["prometheus"], &["9090"], &[]),
    row(
        &["prom/alertmanager", "prometheus/alertmanager"],
        &["alertmanager"],
        &["9093", "9094"],
        &[],
    ),
    row(&["node-exporter"], &["node_exporter"], &["9100"], &[]),
    row(&["prom/pushgateway"], &["pushgateway"], &["9091"], &[]),
    row(&["blackbox-exporter"], &["blackbox_exporter"], &["9115"], &[]),
    row(&["kube-state-metrics"], &[], &["8080", "8081"], &[]),
    row(
        &["jaegertracing/all-in-one"],
        &[],
        &["16686", "14268", "14250", "4317", "4318", "5778", "6831/udp", "6832/udp"],
        &[],
    ),
    row(&["openzipkin/zipkin", "openzipkin/zipkin-slim"], &[], &["9411"], &[]),
    row(&["coredns"], &["coredns"], &["53", "53/udp"], &["/etc/coredns"]),
    row(&["kubernetesui/dashboard"], &[], &["8443"], &[]),
    row(&["cert-manager-controller"], &[], &["9402"], &[]),
    row(&["gb-frontend", "guestbook/php-redis"], &[], &["80"], APACHE),
    row(&["example-guestbook-php-redis"], &[], &["80"], APACHE),
    with_variable(row(&["hello-app"], &[], &["8080"], &[]), "PORT"),
    row(&["node-hello", "samples/hello-node"], &[], &["8080"], &[]),
    row(&["echoserver"], &[], &["8080", "8443"], NGINX),
    with_variable(
        row(&["kicbase/echo-server", "jmalloc/echo-server"], &[], &["8080"], &[]),
        "PORT",
    ),
    with_variable(row(&["ealen/echo-server"], &[], &["80"], &[]), "PORT"),
    row(&["hashicorp/http-echo"], &["http-echo"], &["5678"], &[]),
    row(&["traefik/whoami", "containous/whoami"], &["whoami"], &["80"], &[]),
    row(&["stefanprodan/podinfo"], &["podinfo"], &["9898"], &[]),
    row(&["kennethreitz/httpbin"], &[], &["80"], &[]),
    row(&["mccutchen/go-httpbin"], &[], &["8080"], &[]),
    row(&["serve_hostname", "serve-hostname"], &[], &["9376"], &[]),
    row(&["wbitt/network-multitool", "praqma/network-multitool"], &[], &["80", "443"], NGINX),
    row(
        &[
            "examples-bookinfo-productpage-v1",
            "examples-bookinfo-details-v1",
            "examples-bookinfo-ratings-v1",
            "examples-bookinfo-reviews-v1",
            "examples-bookinfo-reviews-v2",
            "examples-bookinfo-reviews-v3",
        ],
        &[],
        &["9080"],
        &[],
    ),
    row(&["bitnami/wordpress"], &[], &["8080", "8443"], &[]),
    row(
        &["wordpress", "nextcloud", "drupal", "joomla", "phpmyadmin"],
        &["apache2-foreground"],
        &["80"],
        APACHE,
    ),
    row(&["ghost"], &[], &["2368"], &[]),
    row(&["library/redmine"], &[], &["3000"], &[]),
    row(&["adminer"], &[], &["8080"], &[]),
    row(&["mongo-express"], &[], &["8081"], &[]),
    row(&["jenkins/jenkins", "jenkins/jenkins-experimental"], &[], &["8080", "50000"], &[]),
    row(&["library/sonarqube"], &[], &["9000"], &[]),
    row(&["sonatype/nexus3"], &[], &["8081"], &[]),
    row(&["gitea/gitea", "gogs/gogs"], &[], &["3000", "22"], &[]),
    row(
        &["library/registry", "distribution/distribution"],
        &["registry"],
        &["5000"],
        &["/etc/docker/registry", "/etc/distribution"],
    ),
    row(&["minio/minio"], &["minio"], &["9000"], &[]),
    row(&["keycloak/keycloak"], &["kc.sh"], &["8080"], &[]),
    row(&["portainer/portainer-ce"], &[], &["9000", "9443", "8000"], &[]),
    row(&["nodered/node-red"], &[], &["1880"], &[]),
];

/// The path of an image without its registry, tag and digest: `library/nginx` of `nginx:1.27`.
pub(super) fn path(image: &str) -> String {
    let image = image.split('@').next().unwrap_or_default();
    let (head, last) = image.rsplit_once('/').map_or(("", image), |(h, l)| (h, l));
    let last = last.split(':').next().unwrap_or_default();
    let first = head.split('/').next().unwrap_or_default();
    let is_registry = first.contains(['.', ':']) || first == "localhost";
    let own = if is_registry { head.get(first.len() + 1..).unwrap_or_default() } else { head };
    let own = own.replace("bitnamilegacy", "bitnami");
    if own.is_empty() { format!("library/{last}") } else { format!("{own}/{last}") }
}

/// Whether a path ends with a name, at a slash.
fn ends(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with('/'))
}

/// The row of an image.
pub(super) fn of(image: &str) -> Option<&'static Row> {
    let path = path(image);
    let has = |slash: bool| {
        ROWS.iter().find(|r| r.names.iter().any(|n| n.contains('/') == slash && ends(&path, n)))
    };
    // bitnami's images are others than those whose names they have.
    let other = || (!path.starts_with("bitnami/")).then(|| has(false)).flatten();
    has(true).or_else(other)
}

/// Whether an image runs only what its command says.
pub(super) fn is_bare(image: &str) -> bool {
    let path = path(image);
    BARE.iter().any(|n| ends(&path, n))
}

/// The row of a program that a command names.
pub(super) fn of_program(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|r| r.programs.contains(&name))
}

impl Row {
    /// Whether a mounted configuration of the container may say other ports.
    pub(super) fn is_configured(&self, c: &Container) -> bool {
        let inside = |a: &str, b: &str| {
            a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mounts = c.configured.iter().map(|m| m.trim_end_matches('/'));
        mounts.into_iter().any(|m| self.config.iter().any(|c| inside(m, c) || inside(c, m)))
    }

    /// Whether its program listens on nothing else.
    pub(super) fn is_fixed(&self) -> bool {
        self.names.first().is_some_and(|name| FIXED.contains(name))
    }

    /// Whether a program is the image's own.
    pub(super) fn runs(&self, program: &str) -> bool {
        self.programs.contains(&program) || program.contains("entrypoint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_path() {
        assert_eq!(path("nginx:1.27@sha256:00"), "library/nginx");
        assert_eq!(path("localhost:5000/team/web"), "team/web");
        assert_eq!(path("registry.k8s.io/ingress-nginx/controller:v1"), "ingress-nginx/controller");
        let ports = |image: &str| of(image).map(|r| r.ports.join(" ")).unwrap_or_default();
        assert_eq!(ports("docker.io/nginxinc/nginx-unprivileged:1.27"), "8080");
        assert_eq!(
            (ports("mirror.example:5000/nginx"), ports("bitnami/nginx")),
            ("80".into(), "8080 8443".into())
        );
        assert_eq!(
            (ports("registry:2"), ports("example.com/registry/app")),
            ("5000".into(), String::new())
        );
        assert_eq!(ports("nginxdemos/hello:plain-text"), "80");
        assert!(of("example/multi-client").is_none() && of("bitnami/etcd").is_none());
        assert!(is_bare("busybox:1.36") && is_bare("registry.k8s.io/pause:3.9"));
        assert!(!is_bare("team/node"));
    }

    #[test]
    fn every_fixed_program_is_the_first_name_of_a_row() {
        for name in FIXED {
            assert!(ROWS.iter().any(|r| r.names.first() == Some(name)), "{name}");
        }
    }

    #[test]
    fn every_row_can_be_read_and_is_found() {
        for row in ROWS {
            for name in row.names {
                let image = format!("example.com/{name}:1");
                assert!(
                    of(name).is_some() && (name.contains('/') || of(&image).is_some()),
                    "{name}"
                );
            }
            assert!(row.ports.iter().all(|p| super::super::listen::entry(p).is_some()), "{row:?}");
        }
    }
}

//! Containers of a pod: image, command, ports, probes and what is mounted
//! (`pkg/apis/core/validation`, `ValidateContainerPorts`).

use crate::decode::{Decoder, Fields, Spanned};
use crate::diag::{Code, Span};
use crate::object::protocol;
use crate::object::selector::strings;
use std::net::Ipv4Addr;

/// A declared port of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    /// The name that a Service's `targetPort` may refer to.
    pub name: Option<String>,
    /// `containerPort`, from 1 to 65535.
    pub port: u16,
    /// `protocol`: `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// `hostPort`: the node's port that the portmap plugin forwards to this one. In a pod on the
    /// node's network it is the port itself.
    pub host_port: Option<u16>,
    /// `hostIP`: the node's address that `hostPort` is restricted to.
    pub host_ip: Option<Ipv4Addr>,
}

/// A port of a probe: a number, or the name of a declared port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbePort {
    /// The port, from 1 to 65535.
    Number(u16),
    /// The name of a port of the container.
    Name(String),
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAction {
    /// `httpGet`: a request to this port.
    HttpGet(ProbePort),
    /// `tcpSocket`: a connection to this port.
    TcpSocket(ProbePort),
    /// `grpc`: a health check at this port.
    Grpc(u16),
    /// `exec`: a command in the container; it is assumed to succeed.
    Exec,
}

/// A probe of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it does.
    pub action: ProbeAction,
    /// Where its port is written.
    pub span: Spanned<()>,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// `name`, unique in the pod.
    pub name: String,
    /// `image`, as written; decides what listens in the pod.
    pub image: String,
    /// `ports`; they name what listens, and are no more than information for Kubernetes.
    pub ports: Vec<ContainerPort>,
    /// `command`: what runs instead of the image's own program; empty if it does.
    pub command: Vec<String>,
    /// `args`: the arguments of the program.
    pub args: Vec<String>,
    /// `env`, those with a `value`.
    pub env: Vec<(String, String)>,
    /// The paths at which a ConfigMap, a Secret or a projected volume is mounted.
    pub configured: Vec<String>,
    /// `readinessProbe`: while it fails, the pod is not ready.
    pub readiness: Option<Probe>,
    /// `livenessProbe`: if it fails, the container is restarted again and again.
    pub liveness: Option<Probe>,
    /// `startupProbe`: the other probes wait until it has succeeded.
    pub startup: Option<Probe>,
    /// `restartPolicy: Always` of an init container: it runs as long as the pod.
    pub sidecar: bool,
}

impl Container {
    /// The number of a probe's port: a named one is among the declared.
    pub fn probed(&self, port: &ProbePort) -> Option<u16> {
        match port {
            ProbePort::Number(n) => Some(*n),
            ProbePort::Name(name) => {
                self.ports.iter().find(|p| p.name.as_ref() == Some(name)).map(|p| p.port)
            }
        }
    }
}

/// Fields of a container that the simulation ignores.
const IGNORED: &[&str] = &[
    "envFrom",
    "resources",
    "resizePolicy",
    "lifecycle",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
    "workingDir",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "volumeDevices",
];

/// Decodes a list of containers. `mounts`: the names of the pod's volumes that hold configuration;
/// `host_ports`: the pod's host ports so far.
pub(super) fn containers(
    d: &mut Decoder,
    pod: &mut Fields<'_>,
    name: &'static str,
    mounts: &[String],
    host_ports: &mut Vec<HostPort>,
) -> Vec<Container> {
    let mut out = Vec::new();
    for f in pod.list(d, name) {
        let mut f = f.not_simulated(IGNORED);
        let name = f.require_string(d, "name", "write a name, such as name: nginx");
        let image = f.require_string(d, "image", "write an image, such as image: nginx:1.7.9");
        let (command, args) = (strings(d, &mut f, "command"), strings(d, &mut f, "args"));
        let mut ports = Vec::new();
        for port in f.list(d, "ports") {
            ports.extend(container_port(d, port, host_ports));
        }
        let env = environment(d, &mut f);
        let configured = configured(d, &mut f, mounts);
        let [readiness, liveness, startup] =
            ["readinessProbe", "livenessProbe", "startupProbe"].map(|p| probe(d, &mut f, p));
        let sidecar = f.word(d, "restartPolicy", &["Always", "Never", "OnFailure"]);
        d.finish(f);
        if let (Some(name), Some(image)) = (name, image) {
            out.push(Container {
                name: name.value,
                image: image.value,
                ports,
                command,
                args,
                env,
                configured,
                readiness,
                liveness,
                startup,
                sidecar: sidecar == Some("Always"),
            });
        }
    }
    out
}

/// A host port of a pod: port, protocol and the address it is restricted to.
pub type HostPort = (u16, &'static str, Option<Ipv4Addr>);

/// Decodes a port. `host_ports`: those of the pod so far.
fn container_port(
    d: &mut Decoder,
    mut f: Fields<'_>,
    host_ports: &mut Vec<HostPort>,
) -> Option<ContainerPort> {
    let hint = "write containerPort: with the port the container listens on";
    let port = f.require_port(d, "containerPort", hint);
    let name = f.string(d, "name").map(|n| n.value);
    let protocol = protocol(d, &mut f);
    let host_port = optional_port(d, &mut f, "hostPort");
    let host_ip = f.string(d, "hostIP").and_then(|ip| ip.value.parse().ok());
    let host_ip = host_ip.filter(|ip: &Ipv4Addr| !ip.is_unspecified());
    let path = f.path_of("hostPort");
    d.finish(f);
    if let (Some(p), Some(protocol)) = (&host_port, protocol) {
        let this = (p.value, protocol, host_ip);
        if host_ports.contains(&this) {
            let ip = host_ip.map(|ip| ip.to_string()).unwrap_or_default();
            let message = format!("{path}: Duplicate value: \"{protocol}/{ip}/{}\"", p.value);
            d.error(Code::DuplicateObject, p.span, message, "write another port, or remove it");
        }
        host_ports.push(this);
    }
    let host_port = host_port.map(|p| p.value);
    Some(ContainerPort { name, port: port?.value, protocol: protocol?, host_port, host_ip })
}

/// A port that may be absent, or 0, which means the same.
fn optional_port(d: &mut Decoder, f: &mut Fields<'_>, name: &'static str) -> Option<Spanned<u16>> {
    let node = f.get(name)?;
    if node.text() == "0" { None } else { d.port(node, &f.path_of(name)) }
}

fn environment(d: &mut Decoder, f: &mut Fields<'_>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for f in f.list(d, "env") {
        let mut f = f.not_simulated(&["valueFrom"]);
        let name = f.require_string(d, "name", "write the name of the variable");
        let value = f.string(d, "value");
        d.finish(f);
        out.extend(name.zip(value).map(|(n, v)| (n.value, v.value)));
    }
    out
}

/// The paths of the mounted volumes that hold configuration.
fn configured(d: &mut Decoder, f: &mut Fields<'_>, mounts: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    for f in f.list(d, "volumeMounts") {
        let mut f = f.not_simulated(&[
            "readOnly",
            "recursiveReadOnly",
            "subPath",
            "subPathExpr",
            "mountPropagation",
        ]);
        let name = f.require_string(d, "name", "write the name of a volume of the pod");
        let path = f.require_string(d, "mountPath", "write the path in the container");
        d.finish(f);
        let path = name.filter(|n| mounts.contains(&n.value)).and(path);
        out.extend(path.map(|p| p.value));
    }
    out
}

/// A port of a probe, as a number or a name.
fn probe_port(d: &mut Decoder, f: &mut Fields<'_>, span: &mut Span) -> Option<ProbePort> {
    let node = f.require(d, "port", "write port: with a number or a declared port's name")?;
    *span = node.span;
    let path = f.path_of("port");
    if node.kind() == "integer" {
        return d.port(node, &path).map(|p| ProbePort::Number(p.value));
    }
    let name = d.string(node, &path)?.value;
    Some(name.parse().map_or(ProbePort::Name(name), ProbePort::Number))
}

fn probe(d: &mut Decoder, of: &mut Fields<'_>, name: &'static str) -> Option<Probe> {
    let f = of.fields(d, name)?;
    let mut span = f.span;
    let mut f = f.not_simulated(&[
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "successThreshold",
        "failureThreshold",
        "terminationGracePeriodSeconds",
    ]);
    let http = f.fields(d, "httpGet").map(|http| {
        let mut http = http.not_simulated(&["path", "host", "scheme", "httpHeaders"]);
        let port = probe_port(d, &mut http, &mut span);
        d.finish(http);
        port.map(ProbeAction::HttpGet)
    });
    let tcp = f.fields(d, "tcpSocket").map(|tcp| {
        let mut tcp = tcp.not_simulated(&["host"]);
        let port = probe_port(d, &mut tcp, &mut span);
        d.finish(tcp);
        port.map(ProbeAction::TcpSocket)
    });
    let grpc = f.fields(d, "grpc").map(|grpc| {
        let mut grpc = grpc.not_simulated(&["service"]);
        let port = grpc.require_port(d, "port", "write port: with the number of a port");
        d.finish(grpc);
        port.map(|p| ProbeAction::Grpc(p.value))
    });
    let exec = f.fields(d, "exec").map(|exec| {
        d.finish(exec.not_simulated(&["command"]));
        Some(ProbeAction::Exec)
    });
    let path = f.path.clone();
    let at = f.span;
    d.finish(f);
    let mut given = [http, tcp, grpc, exec].into_iter().flatten();
    let first = given.next();
    if first.is_none() {
        let message = format!("{path}: Required value: must specify a handler type");
        let hint = "write httpGet: or tcpSocket: with the port, or exec: with a command";
        d.error(Code::MissingField, at, message, hint);
    }
    if given.next().is_some() {
        let message = format!("{path}: Forbidden: may not specify more than 1 handler type");
        d.error(Code::UnsupportedValue, at, message, "keep one of httpGet, tcpSocket, grpc, exec");
    }
    first.flatten().map(|action| Probe { action, span: Spanned { value: (), span } })
}

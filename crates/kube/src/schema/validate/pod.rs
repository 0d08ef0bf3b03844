//! Pods and their containers (`pkg/apis/core/validation/validation.go`).

use super::quantity::nano;
use super::{At, Faults};
use crate::diag::{Code, nearest};
use crate::object::NameRule;

const EXISTS: &str = "operator must be Exists when `key` is empty, which means \"match all values \
                      and all keys\"";

pub(super) fn spec(f: &mut Faults<'_>, at: &At<'_>) {
    let lists = ["containers", "initContainers"].map(|key| at.items(key));
    let all: Vec<At<'_>> = lists.concat();
    if lists[0].is_empty() {
        f.required(at, "containers", "", "write containers: with - name: and image: below it");
    }
    f.unique(&all, "name", "give each container its own name");
    volumes(f, at, &all);
    for (c, init) in lists.iter().enumerate().flat_map(|(i, l)| l.iter().map(move |c| (c, i == 1)))
    {
        own_restart(f, c, init);
        host_ports(f, c, at.is_true("hostNetwork"));
    }
    f.named(at.get("hostname"), NameRule::Dns1123Label);
    f.named(at.get("subdomain"), NameRule::Dns1123Label);
    for key in ["serviceAccountName", "nodeName", "priorityClassName"] {
        f.named(at.get(key), NameRule::Subdomain);
    }
    f.at_least(at, "activeDeadlineSeconds", 1);
    dns(f, at);
    let keys = ["topologyKey", "whenUnsatisfiable"];
    let spread = at.items("topologySpreadConstraints");
    for (i, s) in spread.iter().enumerate() {
        let of = |s: &At<'_>| keys.map(|k| s.text(k).to_owned());
        if spread[..i].iter().any(|x| of(x) == of(s)) {
            let [key, when] = of(s);
            let place = At { path: s.below("{topologyKey, whenUnsatisfiable}"), ..s.clone() };
            let what = format!("Duplicate value: \"{{{key}, {when}}}\"");
            f.add(Code::DuplicateValue, &place, what, "remove one of the two constraints");
        }
    }
}

/// Every volume has a name and at most one source; every mount is of a volume. A StatefulSet adds
/// the volumes of its claim templates, which [`super::workload`] checks.
fn volumes(f: &mut Faults<'_>, at: &At<'_>, containers: &[At<'_>]) {
    let volumes = at.items("volumes");
    f.unique(&volumes, "name", "give each volume its own name");
    for v in &volumes {
        let sources: Vec<At<'_>> = v.fields().into_iter().filter(|s| s.name() != "name").collect();
        for more in sources.iter().skip(1) {
            let hint = "keep one source; a second needs a volume of its own";
            f.forbidden(more, "may not specify more than 1 volume type", hint);
        }
    }
    if f.object.kind == "StatefulSet" {
        return;
    }
    let names: Vec<&str> = volumes.iter().map(|v| v.text("name")).collect();
    mounts(f, containers, &names, &at.below("volumes"));
}

/// Reports mounts of volumes that do not exist, and paths that are mounted twice.
pub(super) fn mounts(f: &mut Faults<'_>, containers: &[At<'_>], names: &[&str], path: &str) {
    for c in containers {
        let mounts = c.items("volumeMounts");
        for (i, m) in mounts.iter().enumerate() {
            if let Some(name) = m.get("name").filter(|n| !names.contains(&n.node.text())) {
                let near = nearest(name.node.text(), names.iter().copied());
                let hint = near.map_or_else(
                    || format!("add it to {path}, or remove this mount"),
                    |n| format!("did you mean {n}?"),
                );
                let what = format!("Not found: {}", name.shown());
                f.add(Code::MissingField, &name, what, hint);
            }
            let path = m.text("mountPath");
            if let Some(p) = m.get("mountPath")
                && mounts[..i].iter().any(|x| x.text("mountPath") == path)
            {
                f.invalid(&p, "must be unique", "mount each volume at a path of its own");
            }
        }
    }
}

/// `restartPolicy` of a container, which makes an init container a sidecar, and what other init
/// containers cannot have.
fn own_restart(f: &mut Faults<'_>, c: &At<'_>, init: bool) {
    let policy = c.get("restartPolicy");
    let minor = f.minor();
    if let Some(p) = policy.as_ref().filter(|_| minor < 34) {
        if init {
            f.one_of(p, &["Always"]);
        } else {
            let hint = "write it below the pod's spec, or remove it";
            f.forbidden(p, "may not be set for non-init containers", hint);
        }
    }
    if !init || c.text("restartPolicy") == "Always" {
        return;
    }
    let why = match minor {
        ..28 => "must not be set for init containers",
        _ => "may not be set for init containers without restartPolicy=Always",
    };
    for key in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(at) = c.get(key) else { continue };
        f.forbidden(&at, why, "remove it, or write restartPolicy: Always for a sidecar");
    }
}

/// On the node's network a host port is the container's own.
fn host_ports(f: &mut Faults<'_>, c: &At<'_>, on_host: bool) {
    for p in c.items("ports").iter().filter(|_| on_host) {
        let (Some(own), Some(host)) = (p.get("containerPort"), p.get("hostPort")) else { continue };
        if host.node.integer() == Some(0) || own.node.integer() == host.node.integer() {
            continue;
        }
        let hint = "remove hostPort: on the node's network it is containerPort";
        if f.minor() < 28 {
            f.invalid(&own, "must match `hostPort` when `hostNetwork` is true", hint);
        } else {
            f.invalid(&host, "must match `containerPort` when `hostNetwork` is true", hint);
        }
    }
}

fn dns(f: &mut Faults<'_>, at: &At<'_>) {
    let config = at.get("dnsConfig");
    let servers = config.as_ref().map(|c| c.items("nameservers")).unwrap_or_default();
    if at.text("dnsPolicy") == "None" {
        let hint = "write dnsConfig: with nameservers: and an address below it";
        match &config {
            None => {
                let why = "must provide `dnsConfig` when `dnsPolicy` is None";
                f.required(at, "dnsConfig", why, hint);
            }
            Some(config) if servers.is_empty() => {
                let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
                f.required(config, "nameservers", why, hint);
            }
            Some(_) => {}
        }
    }
    for server in &servers {
        f.ip(server);
    }
    if let Some(fourth) = servers.get(3) {
        f.invalid(fourth, "must not have more than 3 nameservers", "keep three");
    }
}

pub(super) fn container(f: &mut Faults<'_>, at: &At<'_>) {
    if !at.has("image") {
        f.required(at, "image", "", "write an image, such as image: nginx:1.7.9");
    }
    if let Some(image) = at.get("image") {
        let text = image.node.text();
        if text.trim() != text {
            f.invalid(
                &image,
                "must not have leading or trailing whitespace",
                format!("write {}", text.trim()),
            );
        }
    }
    let ports = at.items("ports");
    for p in &ports {
        f.port_name(p.get("name"));
        p.get("hostIP").map(|ip| f.ip(&ip));
    }
    f.unique(&ports, "name", "give each port of the container its own name");
    if let Some(security) = at.get("securityContext")
        && security.is_true("privileged")
        && let Some(escalation) = security.get("allowPrivilegeEscalation")
        && escalation.node.text() == "false"
    {
        let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        f.invalid(&security, why, "remove one of the two");
    }
}

pub(super) fn mount(f: &mut Faults<'_>, at: &At<'_>) {
    let (path, expr) = (at.get("subPath"), at.get("subPathExpr"));
    if let (Some(_), Some(expr)) = (&path, &expr) {
        f.invalid(expr, "subPathExpr and subPath are mutually exclusive", "keep one of the two");
    }
    for p in [path, expr].iter().flatten() {
        if p.node.text().starts_with('/') {
            f.invalid(p, "must be a relative path", "remove the first slash");
        } else if p.node.text().split('/').any(|part| part == "..") {
            f.invalid(p, "must not contain '..'", "write a path inside the volume");
        }
    }
}

pub(super) fn host_path(f: &mut Faults<'_>, at: &At<'_>) {
    if let Some(path) = at.get("path")
        && path.node.text().split('/').any(|part| part == "..")
    {
        f.invalid(&path, "must not contain '..'", "write the path itself");
    }
}

/// The mode of a volume's files.
fn mode(f: &mut Faults<'_>, at: &At<'_>, key: &str) {
    let wrong = |n: &At<'_>| n.node.integer().is_some_and(|n| !(0..=0o777).contains(&n));
    if let Some(mode) = at.get(key).filter(wrong) {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        f.invalid(&mode, why, "write it in octal, such as 0644");
    }
}

pub(super) fn files(f: &mut Faults<'_>, at: &At<'_>) {
    mode(f, at, "defaultMode");
}

pub(super) fn key_to_path(f: &mut Faults<'_>, at: &At<'_>) {
    mode(f, at, "mode");
    let Some(path) = at.get("path") else { return };
    if path.node.text().starts_with('/') {
        f.invalid(&path, "must be a relative path", "remove the first slash");
    } else if path.node.text().split('/').any(|part| part == "..") {
        f.invalid(&path, "must not contain '..'", "write a path inside the volume");
    }
}

pub(super) fn security(f: &mut Faults<'_>, at: &At<'_>) {
    for key in ["runAsUser", "runAsGroup", "fsGroup"] {
        let wrong =
            |n: &At<'_>| n.node.integer().is_some_and(|n| i32::try_from(n).is_err() || n < 0);
        if let Some(id) = at.get(key).filter(wrong) {
            let why = "must be between 0 and 2147483647, inclusive";
            f.invalid(&id, why, "write 0 or more");
        }
    }
}

pub(super) fn header(f: &mut Faults<'_>, at: &At<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if let Some(name) = at.get("name").filter(|n| !n.node.text().chars().all(allowed)) {
        let why = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. \
                   'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
        f.invalid(&name, why, "use letters, digits and '-'");
    }
}

pub(super) fn resource_field(f: &mut Faults<'_>, at: &At<'_>) {
    let Some(name) = at.get("resource") else { return };
    if name.node.text().contains("hugepages-") {
        return;
    }
    let all = [
        "limits.cpu",
        "limits.ephemeral-storage",
        "limits.memory",
        "requests.cpu",
        "requests.ephemeral-storage",
        "requests.memory",
    ];
    f.one_of(&name, &all);
}

pub(super) fn config_map_volume(f: &mut Faults<'_>, at: &At<'_>) {
    files(f, at);
    if !at.has("name") {
        f.required(at, "name", "", "write name: with that of a ConfigMap");
    }
}

pub(super) fn secret_volume(f: &mut Faults<'_>, at: &At<'_>) {
    files(f, at);
    if !at.has("secretName") {
        f.required(at, "secretName", "", "write secretName: with that of a Secret");
    }
}

const VALUE_SOURCES: [&str; 5] =
    ["configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"];

pub(super) fn env(f: &mut Faults<'_>, at: &At<'_>) {
    if let Some(name) = at.get("name") {
        env_name(f, &name);
    }
    let Some(from) = at.get("valueFrom") else { return };
    let what = |why: &str| format!("Invalid value: \"\": {why}");
    if at.has("value") {
        let why = what("may not be specified when `value` is not empty");
        f.add(Code::UnsupportedValue, &from, why, "keep value: or valueFrom:, not both");
        return;
    }
    let none = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or \
                `secretKeyRef`";
    let many = "may not have more than one field specified at a time";
    f.exactly_one(&from, &what(none), &what(many), &VALUE_SOURCES);
    for key in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(source) = from.get(key).filter(|s| !s.has("name")) {
            f.required(&source, "name", "", "write the name of the object");
        }
    }
}

/// Since 1.32 every printable ASCII character but `=` is allowed.
fn env_name(f: &mut Faults<'_>, at: &At<'_>) {
    let text = at.node.text();
    let old = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let (fine, why) = if f.minor() < 32 {
        (
            text.chars().all(old) && !text.starts_with(|c: char| c.is_ascii_digit()),
            "a valid environment variable name must consist of alphabetic characters, digits, \
             '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or \
             'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is \
             '[-._a-zA-Z][-._a-zA-Z0-9]*')",
        )
    } else {
        (
            text.chars().all(|c| matches!(c, ' '..='~') && c != '='),
            "a valid environment variable name must consist only of printable ASCII characters \
             other than '='",
        )
    };
    if !fine {
        let what = format!("Invalid value: {text:?}: {why}");
        f.add(Code::InvalidName, at, what, "use letters, digits and '_', and begin with a letter");
    }
}

pub(super) fn env_from(f: &mut Faults<'_>, at: &At<'_>) {
    let none = "Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`";
    let many = "Invalid value: \"\": may not have more than one field specified at a time";
    f.exactly_one(at, none, many, &["configMapRef", "secretRef"]);
    for key in ["configMapRef", "secretRef"] {
        if let Some(source) = at.get(key).filter(|s| !s.has("name")) {
            f.required(&source, "name", "", "write the name of the object");
        }
    }
}

/// The fields of a pod that its containers can have as variables or files.
const FIELD_PATHS: [&str; 10] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
    "metadata.labels",
];

pub(super) fn field_path(f: &mut Faults<'_>, at: &At<'_>) {
    let Some(path) = at.get("fieldPath") else { return };
    let text = path.node.text();
    let map = text.split('[').next().unwrap_or_default();
    let of_map = matches!(map, "metadata.labels" | "metadata.annotations");
    if of_map || FIELD_PATHS.contains(&text) {
        return;
    }
    let near = nearest(text, FIELD_PATHS).unwrap_or("metadata.name");
    let why = format!("error converting fieldPath: field label not supported: {text}");
    f.invalid(
        &path,
        &why,
        format!("write {near}, or another of the fields that a pod can be told"),
    );
}

pub(super) fn host_alias(f: &mut Faults<'_>, at: &At<'_>) {
    if let Some(ip) = at.get("ip")
        && crate::address::sloppy_ip(ip.node.text()).is_none()
    {
        f.bad_address(&ip, "must be valid IP address", "write an address like 192.168.99.22");
    }
    for name in at.items("hostnames") {
        f.named(Some(name), NameRule::Subdomain);
    }
}

const HANDLERS: [&str; 5] = ["exec", "grpc", "httpGet", "sleep", "tcpSocket"];

pub(super) fn lifecycle(f: &mut Faults<'_>, at: &At<'_>) {
    for hook in ["postStart", "preStop"].into_iter().filter_map(|key| at.get(key)) {
        let none = "Required value: must specify a handler type";
        let many = "Forbidden: may not specify more than 1 handler type";
        f.exactly_one(&hook, none, many, &HANDLERS);
    }
}

pub(super) fn probe(f: &mut Faults<'_>, at: &At<'_>) {
    let none = "Required value: must specify a handler type";
    let many = "Forbidden: may not specify more than 1 handler type";
    f.exactly_one(at, none, many, &["exec", "grpc", "httpGet", "tcpSocket"]);
    for key in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"] {
        f.at_least(at, key, 0);
    }
    f.at_least(at, "successThreshold", 0);
    let one = matches!(at.name(), "livenessProbe" | "startupProbe");
    if let Some(n) = at.get("successThreshold").filter(|n| one && n.node.integer() > Some(1)) {
        f.invalid(&n, "must be 1", "write 1, or remove the line");
    }
    for action in ["httpGet", "tcpSocket"].into_iter().filter_map(|key| at.get(key)) {
        let named = action.get("port").filter(|p| p.node.kind() == "string");
        f.port_name(named.filter(|p| p.node.text().parse::<u16>().is_err()));
    }
}

pub(super) fn toleration(f: &mut Faults<'_>, at: &At<'_>) {
    let operator = at.text("operator");
    let shown = At { node: at.node, path: at.below("operator") };
    let hint = "write operator: Exists, or a key";
    if !at.has("key") && operator != "Exists" {
        f.add(
            Code::UnsupportedValue,
            &shown,
            format!("Invalid value: {operator:?}: {EXISTS}"),
            hint,
        );
    }
    if let Some(value) = at.get("value").filter(|_| operator == "Exists") {
        let why = "value must be empty when `operator` is 'Exists'";
        let place = At { path: shown.path.clone(), ..value };
        f.invalid(&place, why, "remove value:, or write operator: Equal");
    }
    if let Some(o) = at.get("operator").filter(|_| f.minor() < 35) {
        f.one_of(&o, &["Equal", "Exists"]);
    }
    if let Some(key) = at.get("key") {
        f.qualified(&key);
    }
    if let Some(value) = at.get("value").filter(|_| operator != "Exists") {
        f.label_value(&At { path: shown.path.clone(), ..value });
    }
    if at.has("tolerationSeconds")
        && let Some(effect) = at.get("effect").filter(|e| e.node.text() != "NoExecute")
    {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        f.invalid(&effect, why, "write effect: NoExecute, or remove tolerationSeconds:");
    }
}

pub(super) fn spread(f: &mut Faults<'_>, at: &At<'_>) {
    for key in ["maxSkew", "minDomains"] {
        if let Some(n) = at.get(key).filter(|n| n.node.integer() < Some(1)) {
            f.invalid(&n, "must be greater than zero", "write 1 or more");
        }
    }
    if let Some(n) =
        at.get("minDomains").filter(|_| at.text("whenUnsatisfiable") != "DoNotSchedule")
    {
        let why = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway";
        f.invalid(&n, why, "remove it, or write whenUnsatisfiable: DoNotSchedule");
    }
}

/// Resources without a domain that are no containers'.
const OTHER_RESOURCES: [&str; 8] = [
    "storage",
    "pods",
    "services",
    "secrets",
    "configmaps",
    "requests.cpu",
    "requests.memory",
    "persistentvolumeclaims",
];

pub(super) fn resources(f: &mut Faults<'_>, at: &At<'_>) {
    // Those of a claim are another matter.
    if !at.path.ends_with("].resources") {
        return;
    }
    let limits = at.entries("limits");
    for (key, value) in limits.iter().chain(&at.entries("requests")) {
        let name = key.text();
        let own = ["cpu", "memory", "ephemeral-storage"];
        if !own.contains(&name) && !name.starts_with("hugepages-") && !name.contains('/') {
            let why = if OTHER_RESOURCES.contains(&name) {
                "must be a standard resource for containers"
            } else {
                "must be a standard resource type or fully qualified"
            };
            let hint = nearest(name, own).map_or_else(
                || "write cpu, memory or ephemeral-storage, or a name with a domain".to_owned(),
                |n| format!("did you mean {n}?"),
            );
            let place = At { node: key, path: value.path.clone() };
            f.invalid(&place, why, hint);
        } else if nano(value.node.text()).is_some_and(|n| n < 0) {
            let why = "must be greater than or equal to 0";
            let what = format!("Invalid value: {:?}: {why}", value.node.text());
            f.add(Code::OutOfRange, value, what, "write a quantity such as 100m or 64Mi");
        }
    }
    for (key, request) in at.entries("requests") {
        let Some((_, limit)) = limits.iter().find(|(k, _)| k.text() == key.text()) else {
            continue;
        };
        let (Some(a), Some(b)) = (nano(request.node.text()), nano(limit.node.text())) else {
            continue;
        };
        // A limit that is wrong itself is reported already.
        if b < 0 {
            continue;
        }
        let name = key.text();
        let exact = name.contains('/') || name.starts_with("hugepages-");
        if a > b || exact && a != b {
            let relation = if exact { "equal to" } else { "less than or equal to" };
            let what = format!(
                "Invalid value: {:?}: must be {relation} {name} limit of {}",
                request.node.text(),
                limit.node.text()
            );
            let place = At { path: at.below("requests"), ..request };
            f.add(Code::OutOfRange, &place, what, "write a smaller request, or a larger limit");
        }
    }
}

//! What the API server checks beyond types: enumerations, names, labels, ports, quantities
//! (`pkg/apis/*/validation`, `k8s.io/apimachinery/pkg/util/validation`).

use super::path::Path;
use super::{Field, Shape, Type};
use crate::diag::{Code, Diagnostic, nearest};
use crate::object::NameRule;
use crate::yaml::{Value, YamlNode};

/// The supported values of a field: its types, itself, the values.
type Words = (&'static [&'static str], &'static str, &'static [&'static str]);

const CONTAINERS: &[&str] = &["Container", "EphemeralContainer"];

const WORDS: &[Words] = &[
    (CONTAINERS, "imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    (CONTAINERS, "terminationMessagePolicy", &["FallbackToLogsOnError", "File"]),
    (&["VolumeMount"], "mountPropagation", &["Bidirectional", "HostToContainer", "None"]),
    (&["SeccompProfile"], "type", &["Localhost", "RuntimeDefault", "Unconfined"]),
    (&["PodOS"], "name", &["linux", "windows"]),
    (&["CustomResourceDefinitionSpec"], "scope", &["Cluster", "Namespaced"]),
    (&["MetricSpec"], "type", &["ContainerResource", "External", "Object", "Pods", "Resource"]),
    (&["PodSpec"], "restartPolicy", &["Always", "OnFailure", "Never"]),
    (&["PodSpec"], "dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    (&["PodSpec"], "preemptionPolicy", &["PreemptLowerPriority", "Never"]),
    (&["ContainerPort", "ServicePort"], "protocol", &["SCTP", "TCP", "UDP"]),
    (&["EndpointPort", "NetworkPolicyPort"], "protocol", &["SCTP", "TCP", "UDP"]),
    (&["HTTPGetAction"], "scheme", &["HTTP", "HTTPS"]),
    (&["Toleration"], "operator", &["Equal", "Exists", "Gt", "Lt"]),
    (&["Toleration"], "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    (&["Taint"], "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    (
        &["NodeSelectorRequirement"],
        "operator",
        &["DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"],
    ),
    (&["LabelSelectorRequirement"], "operator", &["DoesNotExist", "Exists", "In", "NotIn"]),
    (&["TopologySpreadConstraint"], "whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
    (&["DeploymentStrategy"], "type", &["Recreate", "RollingUpdate"]),
    (&["StatefulSetUpdateStrategy"], "type", &["OnDelete", "RollingUpdate"]),
    (&["DaemonSetUpdateStrategy"], "type", &["OnDelete", "RollingUpdate"]),
    (&["StatefulSetSpec"], "podManagementPolicy", &["OrderedReady", "Parallel"]),
    (&["CronJobSpec"], "concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    (&["JobSpec"], "completionMode", &["Indexed", "NonIndexed"]),
    (&["ServiceSpec"], "type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    (&["ServiceSpec"], "sessionAffinity", &["ClientIP", "None"]),
    (&["ServiceSpec"], "externalTrafficPolicy", &["Cluster", "Local"]),
    (&["ServiceSpec"], "internalTrafficPolicy", &["Cluster", "Local"]),
    (&["ServiceSpec"], "ipFamilyPolicy", &["PreferDualStack", "RequireDualStack", "SingleStack"]),
    (&["ServiceSpec"], "ipFamilies", &["IPv4", "IPv6"]),
    (&["EndpointSlice"], "addressType", &["FQDN", "IPv4", "IPv6"]),
    (&["HTTPIngressPath"], "pathType", &["Exact", "ImplementationSpecific", "Prefix"]),
    (&["NetworkPolicySpec"], "policyTypes", &["Egress", "Ingress"]),
    (
        &["PersistentVolumeClaimSpec", "PersistentVolumeSpec"],
        "accessModes",
        &["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"],
    ),
    (&["PersistentVolumeSpec"], "persistentVolumeReclaimPolicy", &["Delete", "Recycle", "Retain"]),
    (
        &["PersistentVolumeSpec", "PersistentVolumeClaimSpec"],
        "volumeMode",
        &["Block", "Filesystem"],
    ),
    (&["StorageClass"], "reclaimPolicy", &["Delete", "Retain"]),
    (&["StorageClass"], "volumeBindingMode", &["Immediate", "WaitForFirstConsumer"]),
    (&["Subject"], "kind", &["Group", "ServiceAccount", "User"]),
    (
        &["HostPathVolumeSource"],
        "type",
        &[
            "",
            "BlockDevice",
            "CharDevice",
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
        ],
    ),
];

/// Ports and other numbers with a range: types, field, from, to.
type Range = (&'static [&'static str], &'static str, i64, i64);

const RANGES: &[Range] = &[
    (&["ContainerPort"], "containerPort", 1, 65535),
    (&["ContainerPort"], "hostPort", 0, 65535),
    (&["ServicePort", "EndpointPort", "HTTPGetAction", "TCPSocketAction"], "port", 1, 65535),
    (&["GRPCAction", "NetworkPolicyPort", "ServiceReference"], "port", 1, 65535),
    (&["ServicePort"], "nodePort", 0, 65535),
    (&["ServiceBackendPort"], "number", 0, 65535),
    (&["PreferredSchedulingTerm", "WeightedPodAffinityTerm"], "weight", 1, 100),
    (
        &["DeploymentSpec", "ReplicaSetSpec", "StatefulSetSpec", "ReplicationControllerSpec"],
        "replicas",
        0,
        i32::MAX as i64,
    ),
    (&["JobSpec"], "parallelism", 0, i32::MAX as i64),
    (&["JobSpec"], "completions", 0, i32::MAX as i64),
    (&["JobSpec"], "backoffLimit", 0, i32::MAX as i64),
    (&["Probe"], "initialDelaySeconds", 0, i32::MAX as i64),
    (&["Probe"], "timeoutSeconds", 0, i32::MAX as i64),
    (&["Probe"], "periodSeconds", 0, i32::MAX as i64),
];

/// The supported values of a field, if it has a fixed set.
pub(crate) fn words_of(t: &Type, field: &str) -> Option<&'static [&'static str]> {
    WORDS.iter().find(|(types, f, _)| *f == field && types.contains(&t.name)).map(|(.., w)| *w)
}

/// The faults of a field's value, which has the right type.
pub(super) fn check(t: &Type, field: &Field, value: &YamlNode, path: &Path<'_>) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    if let Some(words) = words_of(t, field.name) {
        match &value.value {
            Value::Seq(items) => {
                for (i, item) in items.iter().enumerate() {
                    out.extend(word(words, item, || format!("{path}[{i}]")));
                }
            }
            _ => out.extend(word(words, value, || path.to_string())),
        }
    }
    let range = RANGES.iter().find(|(types, f, ..)| *f == field.name && types.contains(&t.name));
    if let (Some((.., min, max)), Some(n)) = (range, value.integer())
        && !(*min..=*max).contains(&n)
    {
        out.push(out_of_range(value, n, *min, *max, path));
    }
    match (t.name, field.name) {
        ("ObjectMeta", "labels")
        | ("LabelSelector", "matchLabels")
        | ("ServiceSpec" | "ReplicationControllerSpec", "selector")
        | ("PodSpec", "nodeSelector") => {
            for (k, v) in value.pairs() {
                out.extend(qualified_name(k, path));
                out.extend(label_value(v, path));
            }
        }
        ("ObjectMeta", "annotations") => {
            out.extend(value.pairs().iter().filter_map(|(k, _)| qualified_name(k, path)));
        }
        ("Container" | "EphemeralContainer" | "Volume", "name")
            if !NameRule::Dns1123Label.accepts(value.text()) =>
        {
            out.push(NameRule::Dns1123Label.fault(value, &path.to_string()));
        }
        ("ConfigMap" | "Secret", "data" | "stringData" | "binaryData") => {
            out.extend(value.pairs().iter().filter_map(|(k, _)| data_key(k, path)));
        }
        _ => {}
    }
    out
}

fn word(
    words: &[&'static str],
    value: &YamlNode,
    path: impl FnOnce() -> String,
) -> Option<Diagnostic> {
    let text = value.text();
    // An empty value is the default.
    if text.is_empty() || words.contains(&text) {
        return None;
    }
    let list: Vec<String> = words.iter().map(|w| format!("\"{w}\"")).collect();
    let near = nearest(text, words.iter().copied());
    let hint = near.map_or_else(|| words.join(" or "), str::to_owned);
    let message =
        format!("{}: Unsupported value: {text:?}: supported values: {}", path(), list.join(", "));
    let diag =
        Diagnostic::error(Code::UnsupportedValue, value.span, message, format!("write {hint}"));
    Some(match near {
        Some(near) => diag.with_fix(value.span, near),
        None => diag,
    })
}

fn out_of_range(value: &YamlNode, n: i64, min: i64, max: i64, path: &Path<'_>) -> Diagnostic {
    let (expected, hint) = match (min, max) {
        (0, 65_536..) => {
            ("must be greater than or equal to 0".to_owned(), "write 0 or more".to_owned())
        }
        (0, _) => (
            format!("must be between 1 and {max}, inclusive"),
            format!("write a number from 1 to {max}"),
        ),
        _ => (
            format!("must be between {min} and {max}, inclusive"),
            format!("write a number from {min} to {max}"),
        ),
    };
    let message = format!("{path}: Invalid value: {n}: {expected}");
    Diagnostic::error(Code::OutOfRange, value.span, message, hint)
}

/// `[A-Za-z0-9]`, with `-`, `_` and `.` inside; at most 63 characters.
fn is_label_text(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(end)
        && text.ends_with(end)
        && text.chars().all(|c| end(c) || matches!(c, '-' | '_' | '.'))
}

pub(super) fn qualified_name(key: &YamlNode, path: &dyn std::fmt::Display) -> Option<Diagnostic> {
    let text = key.text();
    let (prefix, name) = text.split_once('/').map_or((None, text), |(p, n)| (Some(p), n));
    let lower = prefix.map(str::to_ascii_lowercase);
    if is_label_text(name) && lower.is_none_or(|p| NameRule::Subdomain.accepts(&p)) {
        return None;
    }
    let message = format!(
        "{path}: Invalid value: {text:?}: name part must consist of alphanumeric characters, '-', \
         '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or \
         'my.name',  or '123-abc', regex used for validation is \
         '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    );
    let hint = "use letters, digits, '-', '_' and '.', after a domain and one '/' if need be";
    Some(Diagnostic::error(Code::InvalidName, key.span, message, hint))
}

pub(super) fn label_value(value: &YamlNode, path: &dyn std::fmt::Display) -> Option<Diagnostic> {
    let text = value.text();
    if text.is_empty() || is_label_text(text) {
        return None;
    }
    let why = if text.len() > 63 {
        "must be no more than 63 characters".to_owned()
    } else {
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
         '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or \
         'my_value',  or '12345', regex used for validation is \
         '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            .to_owned()
    };
    let message = format!("{path}: Invalid value: {text:?}: {why}");
    let hint = "use at most 63 letters, digits, '-', '_' and '.'; anything fits in an annotation";
    Some(Diagnostic::error(Code::InvalidName, value.span, message, hint))
}

/// A key of a ConfigMap or Secret is a file name.
fn data_key(key: &YamlNode, path: &Path<'_>) -> Option<Diagnostic> {
    let text = key.text();
    let fine = !text.is_empty()
        && text.len() <= 253
        && text != "."
        && !text.starts_with("..")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fine {
        return None;
    }
    let message = format!(
        "{path}[{text}]: Invalid value: {text:?}: a valid config key must consist of alphanumeric \
         characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used \
         for validation is '[-._a-zA-Z0-9]+')"
    );
    let hint = "use letters, digits, '-', '_' and '.'";
    Some(Diagnostic::error(Code::InvalidName, key.span, message, hint))
}

/// Why a text is not of a shape with a form of its own, and what to type.
pub(super) fn undecodable(shape: Shape, text: &str) -> Option<(String, &'static str)> {
    match shape {
        Shape::Quantity if !is_quantity(text) => Some((
            "quantities must match the regular expression \
             '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                .to_owned(),
            "write a number with a suffix, such as 100m, 64Mi or 1.5Gi",
        )),
        Shape::Bytes => bad_base64(text).map(|at| {
            (
                format!("illegal base64 data at input byte {at}"),
                "write the value in base64, or plainly below stringData: if it is a Secret",
            )
        }),
        Shape::Time if !is_time(text) => Some((
            format!(
                "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \
                 \"2006\""
            ),
            "write a time like 2024-05-01T12:00:00Z",
        )),
        _ => None,
    }
}

/// A `resource.Quantity`: sign, digits with at most one point, a suffix or an exponent.
fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(digits);
    let suffixes =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let exponent = suffix.strip_prefix(['e', 'E']).map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    number.bytes().any(|b| b.is_ascii_digit())
        && number.matches('.').count() <= 1
        && (suffixes.contains(&suffix)
            || exponent.is_some_and(|e| !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit())))
}

/// The first byte at which a text is no padded base64 (RFC 4648), as Go's decoder counts it.
fn bad_base64(text: &str) -> Option<usize> {
    let data: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let padding = data.iter().rev().take_while(|b| **b == b'=').count();
    let body = &data[..data.len() - padding];
    let wrong = |b: &u8| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    if let Some(at) = body.iter().position(wrong) {
        return Some(at);
    }
    let fine = match body.len() % 4 {
        0 => padding == 0,
        2 => padding == 2,
        3 => padding == 1,
        _ => false,
    };
    (!fine).then_some(data.len() / 4 * 4)
}

/// A time of RFC 3339.
fn is_time(text: &str) -> bool {
    let b = text.as_bytes();
    let form = |form: &[u8], from: usize| {
        form.iter().enumerate().all(|(i, f)| match (f, b.get(from + i)) {
            (b'0', Some(d)) => d.is_ascii_digit(),
            (f, Some(d)) => f == d,
            _ => false,
        })
    };
    if !form(b"0000-00-00T00:00:00", 0) {
        return false;
    }
    let mut at = 19;
    if b.get(at) == Some(&b'.') {
        at += 1;
        at += b[at..].iter().take_while(|d| d.is_ascii_digit()).count();
    }
    match b.get(at) {
        Some(b'Z') => b.len() == at + 1,
        Some(b'+' | b'-') => b.len() == at + 6 && form(b"00:00", at + 1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_times_and_base64_are_read_as_go_reads_them() {
        for fine in ["100m", "1", "1.5Gi", "+2", "1e3", "12E6", ".5", "5.", "0", "1Ki", "2E"] {
            assert!(is_quantity(fine), "{fine}");
        }
        for wrong in ["", "m", "1 Gi", "100mb", "1GB", "1..2", "1e", "ten", "1kI"] {
            assert!(!is_quantity(wrong), "{wrong}");
        }
        for fine in
            ["2024-05-01T12:00:00Z", "2024-05-01T12:00:00.123456Z", "2024-05-01T12:00:00+09:00"]
        {
            assert!(is_time(fine), "{fine}");
        }
        for wrong in ["", "2024-05-01", "2024-05-01 12:00:00", "2024-05-01T12:00:00"] {
            assert!(!is_time(wrong), "{wrong}");
        }
        for fine in ["", "YQ==", "YWI=", "YWJj", "YW\nJj\n"] {
            assert_eq!(bad_base64(fine), None, "{fine}");
        }
        assert_eq!(bad_base64("pass word"), Some(4));
        assert_eq!(bad_base64("YQ"), Some(0));
        assert_eq!(bad_base64("my-secret"), Some(2));
    }
}

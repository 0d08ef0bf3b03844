#!/usr/bin/env python3
"""Writes api.zz, the table of Kubernetes' built-in types that `kube::schema` reads.

    generate.py [--text] SCHEMAS...

SCHEMAS are directories `kubernetes-json-schema` of the Python packages kubernetes-validate 1.24.1
(releases 1.10 to 1.24) and 1.37.0 (1.25 to 1.37), unpacked. Nothing is downloaded.
`--text` also prints the table.

The table is a text, one line each, compressed with zlib:

    PREFIX                     the prefix of the names of the types that follow
    >NAME                      a type
    FIELD TYPE[!|?][@FROM-TO]  its field
    =GROUP/VERSION             the kinds that follow belong to it
    :KIND TYPE FROM-TO         a kind, the number of its type, the releases that have it

TYPE is one letter (see SCALARS) or the number of a type in order of appearance, after `[` for a
list of it or `{` for a map of names to it. `!` marks a field that the API server requires, `?` one
that only the schema, and therefore kubectl up to 1.24, requires. Releases are minor numbers; a
field without them is in every release of its type, and an end without a number is open.
"""

import json
import re
import sys
import zlib
from pathlib import Path

SCALARS = {
    ("string", None): "s",
    ("string", "byte"): "y",
    ("string", "date-time"): "t",
    ("integer", "int32"): "i",
    ("integer", "int64"): "l",
    ("integer", None): "l",
    ("number", "double"): "n",
    ("boolean", None): "b",
}
# Types with a JSON form of their own.
SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "p",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "t",
}
ANY = "*"

# Fields that the schema requires and the API server does not: `pkg/apis/*/validation` accepts
# their zero value, or `pkg/apis/*/v1/defaults.go` sets them.
NOT_VALIDATED = {
    "ClusterRole.rules",
    "ControllerRevision.revision",
    "CustomResourceDefinition.spec.preserveUnknownFields",
    "EndpointSlice.endpoints",
    "EnvVar.value",
    "Event.metadata",
    "HTTPHeader.value",
    "LimitRangeSpec.limits",
    "NetworkPolicySpec.podSelector",
    "PodSecurityPolicySpec.fsGroup",
    "PriorityClass.value",
    "Role.rules",
    "RoleRef.apiGroup",
    "StatefulSetSpec.serviceName",
    "Sysctl.value",
    "PodResourceClaim.name",
    "PreferredSchedulingTerm.preference",
}

# Kinds that the API server no longer serves by default after this release, though they remain in
# its definitions.
SERVED_UNTIL = {
    "extensions/v1beta1": (15, {"Ingress": 21}),
    "apps/v1beta1": (15, {}),
    "apps/v1beta2": (15, {}),
}


def served(group, kind, first, minor):
    """Whether the API server serves a kind without `--runtime-config`.

    Alpha versions are off; so are beta versions of APIs that are new since 1.24.
    """
    if "alpha" in group:
        return False
    if "beta" in group and first >= 24 and not group.startswith("flowcontrol"):
        return False
    until, others = SERVED_UNTIL.get(group, (minor, {}))
    return minor <= others.get(kind.removesuffix("List"), until)


def releases(directories):
    """The schemas by minor number."""
    found = {}
    for directory in directories:
        for path in Path(directory).iterdir():
            minor = re.fullmatch(r"v1\.(\d+)\.\d+-local(-strict)?", path.name)
            if minor:
                # The definitions of both forms are the same; 1.10 has only one.
                found.setdefault(int(minor[1]), path / "_definitions.json")
    out = {}
    for minor, path in sorted(found.items()):
        file = json.loads(path.read_text())
        out[minor] = file.get("$defs") or file["definitions"]
    # The published schema of 1.10 leaves out what these two servers serve.
    for name, schema in out[11].items():
        if name.startswith(("io.k8s.apiextensions-apiserver", "io.k8s.kube-aggregator")):
            if ".v1beta1." in name:
                out[10][name] = schema
    return out


def type_of(schema, defs):
    """TYPE of a value, with the name of a type in place of its number."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        while set(defs[name]) <= {"$ref", "description"} and "$ref" in defs[name]:
            name = defs[name]["$ref"].rsplit("/", 1)[1]
        if name in SPECIAL:
            return SPECIAL[name]
        target = defs[name]
        if "properties" in target:
            return "#" + name
        kind = target.get("type")
        if kind in ("object", ["object", "null"]) and "Fields" not in name and "Raw" not in name:
            return "#" + name  # A type without fields.
        return ANY
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(k for k in kind if k != "null")
    if kind == "array":
        return "[" + type_of(schema["items"], defs)
    if kind == "object":
        values = schema.get("additionalProperties")
        return "{" + type_of(values, defs) if isinstance(values, dict) else ANY
    return SCALARS.get((kind, schema.get("format")), ANY)


def requirement(owner, field, schema, kind):
    """`!`, `?` or nothing."""
    if field not in schema.get("required", ()):
        return ""
    short = owner.rsplit(".", 1)[1]
    # The API server overwrites status, and cannot tell false from missing.
    lax = (
        f"{short}.{field}" in NOT_VALIDATED
        or re.search(r"Status|Condition|Review|List$|Metric.*Status", short)
        or kind in ("b", "n")
        or field == "status"
    )
    return "?" if lax else "!"


def span(minors, all_minors):
    """The ranges of releases in a list of them; empty for all."""
    out, start = [], None
    for minor, after in zip(all_minors, all_minors[1:] + [None]):
        if minor in minors and start is None:
            start = minor
        if start is not None and (after is None or after not in minors):
            out.append((start, minor))
            start = None
    return out


def ranges(found, last):
    return ",".join(f"{a}-{'' if b == last else b}" for a, b in found)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    directories = [a for a in sys.argv[1:] if a != "--text"]
    by_release = releases(directories)
    minors = list(by_release)
    last = minors[-1]
    assert minors == list(range(10, last + 1)), minors

    # Every kind, and every type that one of its fields leads to.
    kinds = {}
    for minor, defs in by_release.items():
        for name, schema in defs.items():
            versions = schema.get("x-kubernetes-group-version-kind", ())
            if len(versions) == 1 and "metadata" in schema.get("properties", {}):
                v = versions[0]
                group = f"{v['group']}/{v['version']}" if v["group"] else v["version"]
                kinds.setdefault((group, v["kind"], name), set()).add(minor)
    for (group, kind, _), found in kinds.items():
        found.intersection_update(
            {m for m in found if served(group, kind, min(found), m)}
        )
    kinds = {key: found for key, found in kinds.items() if found}
    fields, present = {}, {}
    for minor, defs in by_release.items():
        queue = [name for (_, _, name), in_ in kinds.items() if minor in in_]
        seen = set()
        while queue:
            name = queue.pop()
            if name in seen:
                continue
            seen.add(name)
            present.setdefault(name, set()).add(minor)
            schema = defs[name]
            own = fields.setdefault(name, {})
            for field, value in schema.get("properties", {}).items():
                kind = type_of(value, defs)
                if "#" in kind:
                    queue.append(kind.lstrip("[{#"))
                key = (field, kind, requirement(name, field, schema, kind))
                own.setdefault(key, set()).add(minor)

    order = sorted(present, key=lambda n: (n.rsplit(".", 1)[0], n.rsplit(".", 1)[1]))
    number = {name: str(i) for i, name in enumerate(order)}
    lines, prefix = [], None
    for name in order:
        head, short = name.rsplit(".", 1)
        if head != prefix:
            prefix = head
            lines.append(prefix)
        lines.append(">" + short)
        whole = sorted(present[name])
        for (field, kind, need), found in sorted(fields[name].items()):
            kind = re.sub("#(.*)", lambda m: number[m[1]], kind)
            when = "" if found == present[name] else "@" + ranges(span(found, whole), last)
            lines.append(f"{field} {kind}{need}{when}")
    group = None
    for (g, kind, name), found in sorted(kinds.items()):
        if g != group:
            group = g
            lines.append("=" + g)
        lines.append(f":{kind} {number[name]} {ranges(span(found, minors), last)}")
    text = "\n".join(lines) + "\n"
    data = zlib.compress(text.encode(), 9)
    Path(__file__).with_name("api.zz").write_bytes(data)
    print(f"{len(order)} types, {len(kinds)} kinds, {len(text)} bytes, {len(data)} compressed")
    if "--text" in sys.argv:
        print(text)


if __name__ == "__main__":
    main()

// Two hundred hostile documents and links.
import { deflateSync } from "node:zlib";

export const EVIL = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "'; touch pwned; '",
  "$(touch pwned)",
  "`touch pwned`",
  "]]><svg onload=alert(1)>",
  "--><b>bold</b>",
  "[x](javascript:alert(1))",
  "| a | b |\n| - | - |",
  '#59; end\nNote over p0: x\nclick p0 href "javascript:alert(1)"',
  '%%{init: {"securityLevel": "loose"}}%%',
  "\u202eevil\u0000\u0007",
  "x\nEND-OF-RULES\ntouch pwned",
  "x\nEND-OF-PLAN\ntouch pwned",
  "{{evil}} ${evil} <%= evil %>",
  "</title></style><script>alert(2)</script>",
];

/** A small cluster with the given names and values. */
export function cluster(given = {}) {
  const w = {
    service: "web",
    annotation: "x",
    label: "web",
    deployment: "web",
    container: "c",
    image: "nginx",
    command: "nginx",
    topology: "t",
    segment: "lan",
    zone: "a",
    hostname: "node01.local",
    kernel: "3.10",
    tools: "1.4.21",
    nic: "ens192",
    host: "client",
    ...given,
  };
  const q = (place) => JSON.stringify(w[place]);
  return `${w.comment ? `# ${w.comment}\n` : ""}apiVersion: v1
kind: Service
metadata: {name: ${q("service")}, annotations: {note: ${q("annotation")}}}
spec: {type: NodePort, selector: {app: ${q("label")}}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${q("deployment")}}
spec:
  replicas: 2
  selector: {matchLabels: {app: ${q("label")}}}
  template:
    metadata: {labels: {app: ${q("label")}}}
    spec:
      containers:
      - {name: ${q("container")}, image: ${q("image")}, command: [${q("command")}],
         ports: [{containerPort: 80}]}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Topology
metadata: {name: ${q("topology")}}
spec:
  segments:
  - {name: ${q("segment")}, subnet: 192.168.120.0/24, gateway: 192.168.120.254}
  nodes:
  - {name: master01, role: control-plane}
  - {name: node01, zone: ${q("zone")}, hostname: ${q("hostname")},
     kernel: ${q("kernel")}, tools: ${q("tools")}, nic: {name: ${q("nic")}}}
  - {name: node02}
  hosts: [{name: ${q("host")}}]
`;
}
export const FROM = "client";
export const TO = "svc/web:80";
const PLACES = [
  "comment",
  "annotation",
  "label",
  "image",
  "command",
  "container",
  "service",
  "deployment",
  "zone",
  "hostname",
  "kernel",
  "tools",
  "nic",
  "host",
  "segment",
  "topology",
];
const script = (steps) =>
  `${cluster()}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\nspec:\n  steps:\n${steps}`;

const deflated = (text) => `#v2:${deflateSync(Buffer.from(text)).toString("base64url")}`;

/** A link with these lines in the spec of its Script, and this document. */
export const packed = (spec, document) =>
  deflated(
    `${document}\n---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\n` +
      `spec:\n${spec || "  steps: []"}\n`,
  );

const laughs = (n, width) => {
  let text = "a0: &a0 [x]\n";
  for (let i = 1; i < n; i++)
    text += `a${i}: &a${i} [${Array(width)
      .fill(`*a${i - 1}`)
      .join(", ")}]\n`;
  return text;
};
const MEGABYTE = 1 << 20;

function documents() {
  const out = [];
  // Every field with every third string, so that each string reaches most fields: 85 cases.
  PLACES.forEach((place, p) =>
    EVIL.forEach(
      (evil, e) =>
        (p + e) % 3 === 0 &&
        out.push([
          `${place}: ${evil}`,
          cluster({ [place]: place === "comment" ? evil.replace(/[\n\u0000\u0007]/g, " ") : evil }),
        ]),
    ),
  );
  const steps = EVIL.slice(0, 8).map((evil) => [
    `step: ${evil}`,
    script(
      `  - {on: node01, run: ${JSON.stringify(`ip link set ${evil} down`)}}\n` +
        `  - send: {from: client, to: ${JSON.stringify(evil)}}\n`,
    ),
  ]);
  out.push(...steps);
  const good = cluster();
  for (let n = 1; n < 12; n++)
    out.push([`truncated at ${n}/12`, good.slice(0, Math.floor((good.length * n) / 12))]);
  out.push(
    ["10 MB of comment", `# ${"x".repeat(10 * MEGABYTE)}\n${good}`],
    ["10 MB in one string", good.replace('"x"', JSON.stringify("x".repeat(10 * MEGABYTE)))],
    ["a thousand documents", `${good}---\n`.repeat(1000)],
    ["10 MB of list", `apiVersion: v1\nkind: List\nitems: [${"{}, ".repeat(MEGABYTE * 2.5)}{}]\n`],
    ["10 MB of nothing", "\n".repeat(10 * MEGABYTE)],
    ["deep lists", "[".repeat(100_000)],
    ["deep maps", "{a: ".repeat(50_000)],
    ["deep blocks", Array.from({ length: 2_000 }, (_, n) => `${" ".repeat(n)}a:`).join("\n")],
    ["deep and closed", `x: ${"[".repeat(5_000)}${"]".repeat(5_000)}\n`],
    ["a billion laughs", laughs(12, 10)],
    [
      "a billion laughs in a Service",
      `${laughs(10, 9)}apiVersion: v1\nkind: Service\n` +
        `metadata: {name: web, labels: *a9}\nspec: {ports: [{port: 80}]}\n`,
    ],
    ["an alias of itself", "a: &a [*a]\n"],
    ["an alias without an anchor", "a: *nobody\n"],
    ["merge keys", "a: &a {x: 1}\nb: {<<: *a, <<: *a}\n"],
    [
      "a tag that calls code",
      "a: !!js/function 'function () { alert(1) }'\n" +
        "b: !!python/object/apply:os.system ['touch pwned']\n",
    ],
    ["the same key twice", good.replace("kind: Service", "kind: Service\nkind: Service")],
    ["a million replicas", good.replace("replicas: 2", "replicas: 1000000")],
    ["a number out of range", good.replace("replicas: 2", "replicas: 1e999999999")],
    [
      "many nodes",
      good.replace(
        "  - {name: node02}\n",
        Array.from({ length: 5_000 }, (_, n) => `  - {name: n${n}}\n`).join(""),
      ),
    ],
    ["bytes that are not text", "\u0000\u0001\ufffe\uffff"],
    ["nothing", ""],
    ["a byte order mark", `\ufeff${good}`],
    ["CRLF line ends", good.replaceAll("\n", "\r\n")],
    ["tabs", good.replaceAll("  ", "\t")],
    [
      "another kind",
      "apiVersion: <script>alert(1)</script>\nkind: '\"><img src=x onerror=alert(1)>'\n",
    ],
    [
      "a picture as a document",
      '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    ],
  );
  return out.map(([name, text]) => ({ kind: "document", name, text }));
}

function links() {
  const plain = packed('  steps: []\n  view: {from: client, to: "svc/web:80"}', cluster());
  const out = [];
  const add = (name, text) => out.push([name, text]);
  for (let n = 1; n <= 16; n++)
    add(`truncated at ${n}/17`, plain.slice(0, Math.floor((plain.length * n) / 17)));
  for (let n = 0; n < 16; n++) {
    const at = 5 + ((n * 7919) % (plain.length - 6));
    add(
      `a changed letter at ${at}`,
      plain.slice(0, at) + (plain[at] === "A" ? "B" : "A") + plain.slice(at + 1),
    );
  }
  for (const version of ["0", "1", "9", "99999", "18446744073709551616"])
    add(`version ${version}`, plain.replace("#v2:", `#v${version}:`));
  add("an incomplete step", packed("  steps: [{send: {}}]", cluster()));
  const quoted = JSON.stringify;
  for (const evil of EVIL)
    add(
      `steps: ${evil}`,
      packed(
        [
          "  steps:",
          `  - send: {from: client, to: ${quoted(TO)}}`,
          "  - at: {probe: 1, marker: routed}",
          "    on: node01",
          `    run: ${quoted(`sysctl -w net.ipv4.ip_forward=1 ${evil}`)}`,
          `  - {on: node01, run: ${quoted(`ip link set ${evil} down`)}}`,
          `  - {on: ${quoted(evil.split(" ")[0])}, run: ip r}`,
          '  view: {from: client, to: "svc/web:80", at: {probe: 1, marker: routed}}',
        ].join("\n"),
        cluster({ annotation: evil }),
      ),
    );
  add("a zip bomb", packed("", "x".repeat(50 * MEGABYTE)));
  add("a zip bomb of lines", packed("  seed: 1\n".repeat(2 * MEGABYTE), "x"));
  add("10 MB", `#v2:${"A".repeat(10 * MEGABYTE)}`);
  add("an empty stream", "#v2:");
  add("no zlib", `#v2:${Buffer.from("hello").toString("base64url")}`);
  add(
    "no text",
    `#v2:${deflateSync(Buffer.from([255, 254, 253, 10, 10, 128])).toString("base64url")}`,
  );
  add(
    "too many steps",
    packed(`  steps:\n${"  - {on: node01, run: hostname}\n".repeat(101)}`, cluster()),
  );
  for (const evil of EVIL.slice(0, 12))
    add(
      `words: ${evil}`,
      packed(
        `  steps: []\n  view: {${[
          "from",
          "to",
          "preset",
          "search",
          "host",
          "device",
          "endpoint",
          "sport",
          "tab",
          "grain",
          "follow",
          "at",
        ]
          .map((f) => `${f}: ${quoted(evil)}`)
          .join(", ")}}`,
        cluster({ annotation: evil }),
      ),
    );
  for (const evil of EVIL.slice(0, 6)) add(`behind v2: ${evil}`, `#v2:${evil}`);
  return out.map(([name, text]) => ({ kind: "link", name, text }));
}

/** All cases. */
export const corpus = () => [...documents(), ...links()];

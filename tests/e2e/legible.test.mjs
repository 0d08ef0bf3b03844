// What the picture says can be read: measured in CSS px, at many sizes of the window.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compose, end, visit } from "./visit.mjs";

const SIZES = [
  [1920, 1080],
  [1440, 900],
  [1280, 720],
  [1024, 768],
  [820, 1180],
  [844, 390],
  [720, 450],
  [390, 844],
];
const PRESETS = [
  "article-nodeport",
  "article-clusterip",
  "article-pod-same-node",
  "article-pod-cross-node",
  "nodeport-1.36",
];

/** The least size of a text by its class, in CSS px. Of addresses, names and the rest it is 11. */
const SMALL = {
  second: 9.5,
  veth: 9.5,
  "eth0-name": 9.5,
  "badge-text": 9.5,
  "pill-text": 9.5,
  "pill-more": 9.5,
  "tile-count": 9.5,
  bridged: 9.5,
  "zone-label": 10,
  "chip-text": 9,
};

/** Runs in the page: what is too small, and which texts overlap. */
function faults(least) {
  const svg = document.querySelector("#app > .page .picture");
  const view = svg.getBoundingClientRect();
  const scale = svg.getScreenCTM().a;
  const wrong = [];
  const boxes = [];
  for (const e of svg.querySelectorAll("text")) {
    const r = e.getBoundingClientRect();
    if (!r.width || r.right < view.left || r.left > view.right) continue;
    if (r.bottom < view.top || r.top > view.bottom) continue;
    const kind = [...e.classList].find((c) => least[c]);
    const size = parseFloat(getComputedStyle(e).fontSize) * scale;
    const name = `${e.getAttribute("class")} "${e.textContent}"`;
    if (size < (least[kind] ?? 11) - 0.01) wrong.push(`${name} has ${size.toFixed(1)} px`);
    // The line box is higher than its letters.
    const inset = r.height * 0.18;
    boxes.push({ name, e, l: r.left + 1, r: r.right - 1, t: r.top + inset, b: r.bottom - inset });
  }
  const apart = (a, b) => a.r <= b.l || b.r <= a.l || a.b <= b.t || b.b <= a.t;
  boxes.forEach((a, i) => {
    for (const b of boxes.slice(0, i)) if (!apart(a, b)) wrong.push(`${a.name} overlaps ${b.name}`);
  });
  const capsule = svg.querySelector(".capsule-place > .capsule");
  const frame = capsule?.querySelector(".shell-box, .packet-box")?.getBoundingClientRect();
  if (frame)
    for (const a of boxes)
      if (
        !capsule.contains(a.e) &&
        !apart(a, { l: frame.left, r: frame.right, t: frame.top, b: frame.bottom })
      )
        wrong.push(`the packet covers ${a.name}`);
  for (const e of svg.querySelectorAll(".device, .pod, .hook, .host")) {
    const box = e.querySelector(".box")?.getBoundingClientRect();
    for (const t of e.querySelectorAll("text:not(.veth, .eth0-name)")) {
      const r = t.getBoundingClientRect();
      if (box && r.width && (r.left < box.left || r.right > box.right))
        wrong.push(`"${t.textContent}" is wider than its box`);
    }
  }
  return [...new Set(wrong)];
}

async function check(page, where) {
  // A change of the room is laid out in the next frame.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 60)));
  const found = await page.evaluate(faults, SMALL);
  assert.deepEqual(found, [], where);
}

async function seek(page, share) {
  await page.locator(".scrub").evaluate((e, share) => {
    e.value = String(Math.round(Number(e.max) * share));
    e.dispatchEvent(new Event("input", { bubbles: true }));
  }, share);
}

for (const [width, height] of SIZES) {
  test(`at ${width}x${height} every text of the picture can be read`, async () => {
    const viewport = { width, height };
    await visit({ viewport, panes: null, reducedMotion: "reduce" }, async (page) => {
      for (const preset of PRESETS) {
        await page.selectOption("#preset", preset);
        await check(page, `${preset}, before anything is sent`);
        await compose(page);
        await page.click(".sentence .send");
        await page.locator(".play[aria-label=Pause]").click();
        for (const share of [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.2, 0.5]) {
          await seek(page, share);
          await check(page, `${preset}, at ${share * 100} % of the run`);
        }
        await end(page);
        await check(page, `${preset}, at the end`);
      }
    });
  });
}

/** Documents with names as clouds give them to nodes, names of 63 characters, and many nodes. */
const long = "a".repeat(30) + "-" + "b".repeat(32);
const DOCUMENTS = {
  "names of EKS and GKE": [
    "ip-192-168-120-226.us-west-2.compute.internal",
    "gke-standard-cluster-1-default-pool-0a1b2c3d-x7k2",
    "ip-192-168-101-17.eu-central-1.compute.internal",
  ],
  "names of 63 characters": [long, `c${long.slice(1)}`],
  "60 nodes": Array.from({ length: 60 }, (_, i) => `node${String(i + 1).padStart(2, "0")}`),
};
const deployment = (name) => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: 8
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: ${name}}
  ports: [{port: 80, nodePort: 30080}]
`;
const topology = (nodes) => `apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  segments: [{name: lan, subnet: 192.168.120.0/24, gateway: 192.168.120.254}]
  nodes:
${nodes.map((name) => `  - {name: ${name}}\n`).join("")}  hosts:
  - {name: client, nic: {address: 192.168.120.252/24}}
`;

for (const [name, nodes] of Object.entries(DOCUMENTS)) {
  for (const [width, height] of [
    [1440, 900],
    [1280, 720],
    [390, 844],
  ]) {
    test(`at ${width}x${height}, with ${name}, every text can be read`, async () => {
      const app = name === "60 nodes" ? "web" : long;
      const document = topology(nodes) + deployment(app);
      const before = (page) =>
        page.addInitScript((text) => (localStorage["packetwalk.text"] = text), document);
      const viewport = { width, height };
      await visit({ viewport, before, panes: null, reducedMotion: "reduce" }, async (page) => {
        await check(page, "before anything is sent");
        await compose(page);
        // A long menu is filled when it gets the focus.
        await page.focus("#from");
        await page.selectOption("#from", "client");
        await page.click(".sentence .send");
        await page.locator(".play[aria-label=Pause]").click();
        for (const share of [0.03, 0.06, 0.09, 0.12, 0.3, 0.6]) {
          await seek(page, share);
          await check(page, `at ${share * 100} % of the run`);
        }
        await end(page);
        await check(page, "at the end");
      });
    });
  }
}

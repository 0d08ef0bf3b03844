// What the picture says can be read: measured in CSS px, at many sizes of the window.
// PACKETWALK_FULL=1 measures every preset and moment at every size; otherwise it is a sample.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { choose, compose, origin, send, visit } from "./visit.mjs";

const FULL = "PACKETWALK_FULL" in process.env;
const SIZES = [
  [320, 256],
  [360, 225],
  [640, 360],
  [390, 844],
  [844, 390],
  [720, 450],
  [820, 1180],
  [1024, 768],
  [1280, 720],
  [1366, 650],
  [1440, 900],
  [1920, 1080],
  [3840, 2160],
];
const PRESETS = [
  "article-nodeport",
  "article-clusterip",
  "article-pod-same-node",
  "article-pod-cross-node",
  "nodeport-1.36",
];
/** The share of the run at each moment that is measured. */
const MOMENTS = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.2, 0.5, 1];

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

/** Runs in the page: what is too small, which texts overlap, and which are covered. */
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
  // What is drawn later and filled covers a text that is under it.
  const shapes = [...svg.querySelectorAll("rect, circle, ellipse, path, polygon, text")];
  const order = new Map(shapes.map((e, i) => [e, i]));
  const solid = shapes
    .filter((e) => {
      const style = getComputedStyle(e);
      const clear = style.fill === "none" || /, 0\)$|\/ 0\)$/.test(style.fill);
      return e.tagName !== "text" && !clear && style.fillOpacity > 0.5 && style.opacity > 0.5;
    })
    .map((e) => ({ e, box: e.getBoundingClientRect() }));
  for (const a of boxes)
    for (const { e, box } of solid)
      if (order.get(e) > order.get(a.e) && !e.closest(".capsule-place, .capsule")) {
        const b = { l: box.left, r: box.right, t: box.top, b: box.bottom };
        if (!apart(a, b)) wrong.push(`${a.name} is under ${e.getAttribute("class")}`);
      }
  const capsule = svg.querySelector(".capsule-place > .capsule");
  const frame = capsule?.querySelector(".shell-box, .packet-box")?.getBoundingClientRect();
  // The view follows the packet.
  const sides = ["left", "top", "right", "bottom"];
  const out = frame && sides.filter((k, i) => (frame[k] - view[k]) * (i < 2 ? 1 : -1) < 0);
  if (out?.length) wrong.push(`the packet is cut at the ${out}`);
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
  return { wrong: [...new Set(wrong)], measured: boxes.length };
}

let texts = 0;
let pictures = 0;
after(() => console.log(`${texts} texts measured in ${pictures} pictures`));

async function check(page, where) {
  // A change of the room is laid out in the next frame.
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let i = 0; i < 2; i++) await page.evaluate(frame);
  const { wrong, measured } = await page.evaluate(faults, SMALL);
  texts += measured;
  pictures += 1;
  assert.deepEqual(wrong, [], where);
}

async function seek(page, share) {
  await page.locator(".scrub").evaluate((e, share) => {
    e.value = String(Math.round(Number(e.max) * share));
    e.dispatchEvent(new Event("input", { bubbles: true }));
  }, share);
}

/** Measures the picture at each of these moments of the run. */
async function walk(page, moments, name) {
  for (const share of moments) {
    await seek(page, share);
    await check(page, `${name}, at ${share * 100} % of the run`);
  }
}

SIZES.forEach(([width, height], i) => {
  test(`at ${width}x${height} every text of the picture can be read`, async () => {
    const viewport = { width, height };
    // The sample has every preset twice or more.
    const presets = FULL ? PRESETS : [PRESETS[i % PRESETS.length]];
    await visit({ viewport, panes: null, reducedMotion: "reduce" }, async (page) => {
      for (const preset of presets) {
        await page.selectOption("#preset", preset);
        await check(page, `${preset}, before anything is sent`);
        await send(page, "");
        await walk(page, MOMENTS, preset);
      }
    });
  });
});

test("in an embed of 760x480 every text of the picture can be read", async () => {
  const viewport = { width: 760, height: 480 };
  await visit({ viewport, panes: null, reducedMotion: "reduce" }, async (page) => {
    for (const preset of FULL ? PRESETS : PRESETS.slice(0, 2)) {
      await page.goto(`${origin()}/embed.html?preset=${preset}&load=now`);
      await page.locator(".picture .node-card").first().waitFor();
      await walk(page, MOMENTS, preset);
    }
  });
});

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
const SAMPLE = ["1440x900", "1280x720", "390x844"];

for (const [name, nodes] of Object.entries(DOCUMENTS)) {
  for (const [width, height] of SIZES) {
    if (!FULL && !SAMPLE.includes(`${width}x${height}`)) continue;
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
        await choose(page, "from", "client");
        await send(page, "");
        await walk(page, [0.03, 0.06, 0.09, 0.12, 0.3, 0.6, 1], name);
      });
    });
  }
}

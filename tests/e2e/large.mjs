// Opens large clusters on the page in headless Chromium and measures what a reader waits for: the
// opening, a typed key, the cluster after it, Send, a step; and the memory of the page. Each
// figure is compared with that of a small cluster in the same run.
//
//     node tests/e2e/large.mjs
//
// Needs dist/ of `cargo xtask build`. Prints a table; exits with 1 if a limit is exceeded. This is
// not a test, because figures from a machine under load mean nothing.
import { readFileSync, readdirSync } from "node:fs";
import { READY, dist, launch } from "./browser.mjs";
import { serve } from "./serve.mjs";

const topology = (nodes) => `apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  kubernetes: {podCIDR: 10.64.0.0/12, serviceCIDR: 10.96.0.0/16}
  segments: [{name: lan, subnet: 10.9.0.0/16, gateway: 10.9.0.1}]
  nodes:
${Array.from({ length: nodes }, (_, i) => {
  const address = `10.9.${1 + Math.floor(i / 200)}.${(i % 200) + 10}/16`;
  return `  - {name: node${i + 1}, nic: {address: ${address}}}`;
}).join("\n")}
  hosts:
  - {name: gateway, nic: {address: 10.9.0.1/16}}
  - {name: client, nic: {address: 10.9.0.2/16}}
`;
const deployment = (name, replicas) => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
`;
const service = (name, app, more = "") => `---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  ${more}
  selector: {app: ${app}}
  ports: [{port: 80}]
`;
const many = (n, f) => Array.from({ length: n }, (_, i) => f(i)).join("");
// The Service that is edited comes first, so that its lines are in sight.
const cluster = (app, nodes, rest) =>
  `# edited\n${service(app, app, "type: NodePort")}---\n${topology(nodes)}${rest}`;
const CLUSTERS = {
  small: cluster("web", 2, deployment("web", 2)),
  "600 pods, 60 nodes": cluster("web", 60, deployment("web", 600)),
  "2,000 Services": cluster(
    "web",
    3,
    deployment("web", 4) + many(2000, (i) => service(`s${i}`, "web")),
  ),
  "5,000 pods, 200 nodes": cluster(
    "web0",
    200,
    many(50, (i) => deployment(`web${i}`, 100)) +
      many(49, (i) => service(`web${i + 1}`, `web${i + 1}`)),
  ),
};
// Upper limits, in milliseconds and MiB.
const LIMITS = {
  "600 pods, 60 nodes": { key: 16, ready: 200 },
  "2,000 Services": { key: 16, ready: 200 },
  "5,000 pods, 200 nodes": { key: 50, ready: 1000, open: 1500, memory: 300 },
};
const FIGURES = [
  ["open", "opened and drawn", "ms"],
  ["key", "main thread, from a key to its text", "ms"],
  ["comment", "from the last key in a comment to the cluster", "ms"],
  ["ready", "from the last key in a selector to the cluster", "ms"],
  ["send", "Send to the first step", "ms"],
  ["step", "a step", "ms"],
  ["memory", "memory of the page, more than before", "MiB"],
];

/** The resident memory of a browser's largest renderer, in MiB. */
function memory(profile) {
  let most = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (!command.includes("--type=renderer") || !command.includes(profile)) continue;
      const rss = readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/);
      most = Math.max(most, Number(rss?.[1] ?? 0) / 1024);
    } catch {
      // The process has ended.
    }
  }
  return most;
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** What is measured in the page itself. */
const measures = () => {
  const editor = () => document.querySelector(".editor-host").shadowRoot;
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const painted = () =>
    new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))));
  const busy = () => document.documentElement.hasAttribute("data-busy");
  globalThis.bench = {
    /** Opens a file, until it is drawn. */
    open(text) {
      const input = document.querySelector("input[type=file]");
      const files = new DataTransfer();
      files.items.add(new File([text], "cluster.yaml"));
      input.files = files.files;
      return bench.until(() => input.dispatchEvent(new Event("change", { bubbles: true })));
    },
    /** Types a text at the cursor: how long scripts work before it is drawn. */
    async key(text) {
      editor().querySelector(".cm-content").focus();
      const frame = () =>
        new Promise((done) => requestAnimationFrame(() => done(performance.now())));
      // The first callback of the frame, and the last: those of the editor are between them.
      const begin = frame();
      const t = performance.now();
      document.execCommand("insertText", false, text);
      const typed = performance.now() - t;
      const drawn = (await frame()) - (await begin);
      await wait(20);
      return typed + drawn;
    },
    /** Does something, and waits until its cluster is drawn. */
    async until(act) {
      const t = performance.now();
      await act();
      while (busy()) await wait(1);
      return (await painted()) - t;
    },
    /** Sends, until the first step is drawn. */
    async send() {
      const t = performance.now();
      document.querySelector(".sentence .send").click();
      while (Number(document.querySelector(".count strong")?.textContent ?? 0) < 1) await wait(1);
      return (await painted()) - t;
    },
    /** A step: the time until it is drawn, of ten. */
    async step() {
      const t = performance.now();
      for (let i = 0; i < 10; i++) {
        document.querySelector(".transport [aria-label='Step forward']").click();
        await painted();
      }
      return (performance.now() - t) / 10;
    },
  };
};

async function measure(text) {
  const { context, close, profile } = await launch({ locale: "en-US" });
  const out = {};
  try {
    const page = await context.newPage();
    await page.addInitScript(() => {
      localStorage["packetwalk.panes"] = "editor=open;inspector=folded;drawer=closed";
    });
    await page.goto(`${server.origin}/`);
    await page.waitForSelector(READY);
    await page.waitForSelector(".editor-host");
    await page.waitForFunction(() => document.querySelector(".editor-host").shadowRoot);
    await page.evaluate(measures);
    const before = memory(profile);
    out.open = await page.evaluate((text) => bench.open(text), text);
    // Typing in a comment, then in a selector, which then selects nothing.
    const line = (words) => page.locator(".cm-line", { hasText: words }).first();
    await line("# edited").click();
    await page.keyboard.press("End");
    const keys = [];
    for (let i = 0; i < 9; i++) keys.push(await page.evaluate(() => bench.key("y")));
    out.key = median(keys);
    await page.waitForFunction(() => !document.documentElement.hasAttribute("data-busy"));
    out.comment = await page.evaluate(() => bench.until(() => bench.key("z")));
    await line("selector").click();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    out.ready = await page.evaluate(() => bench.until(() => bench.key("z")));
    if (!(await page.locator(".problems-place").textContent()).includes("selects no pod"))
      throw new Error("the edit was not read");
    await page.keyboard.press("Backspace");
    await page.waitForTimeout(200);
    await page.waitForFunction(() => !document.documentElement.hasAttribute("data-busy"));
    out.send = await page.evaluate(() => bench.send());
    await page.click(".play");
    await page.click(".play");
    out.step = await page.evaluate(() => bench.step());
    out.memory = memory(profile) - before;
  } finally {
    await close();
  }
  return out;
}

const server = await serve(dist);
let above = false;
try {
  const all = {};
  for (const [name, text] of Object.entries(CLUSTERS)) all[name] = await measure(text);
  for (const [name, figures] of Object.entries(all)) {
    console.log(`\n${name}`);
    for (const [key, what, unit] of FIGURES) {
      const [value, small, limit] = [figures[key], all.small[key], LIMITS[name]?.[key]];
      const bad = limit !== undefined && value > limit;
      above ||= bad;
      const ratio = name === "small" ? "" : `${(value / Math.max(small, 0.1)).toFixed(1)} times`;
      const bound = limit === undefined ? "" : `limit ${limit}${bad ? "   ABOVE" : ""}`;
      console.log(
        `  ${what.padEnd(52)}${value.toFixed(1).padStart(8)} ${unit.padEnd(4)}` +
          `${ratio.padStart(12)}  ${bound}`,
      );
    }
  }
} finally {
  await server.close();
}
process.exit(above ? 1 : 0);

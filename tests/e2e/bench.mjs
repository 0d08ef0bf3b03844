// Plays the page with 60 nodes, 600 pods and 100 packets in flight in headless Chromium and
// measures the cost of a frame, the number of elements, the growth of the heap, and the time from a
// key press to its diagnostic.
//
//     node tests/e2e/bench.mjs [SECONDS]
//
// Needs dist/ of `cargo xtask build`. Prints a table; exits with 1 if a limit is exceeded. This is
// not a test, because figures from a machine under load mean nothing.
import { READY, dist, launch } from "./browser.mjs";
import { serve } from "./serve.mjs";

const SECONDS = Number(process.argv[2] ?? 60);
const NODES = 60;
const PODS = 600;
const PACKETS = 100;

function cluster() {
  const nodes = Array.from({ length: NODES }, (_, i) => {
    const name = `node${String(i + 1).padStart(2, "0")}`;
    const address = `10.9.${1 + Math.floor(i / 200)}.${(i % 200) + 10}/16`;
    return `  - {name: ${name}, nic: {address: ${address}}}`;
  });
  return `apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  kubernetes: {podCIDR: 10.64.0.0/14, serviceCIDR: 10.96.0.0/16}
  segments: [{name: lan, subnet: 10.9.0.0/16, gateway: 10.9.0.1}]
  nodes:
${nodes.join("\n")}
  hosts:
  - {name: gateway, nic: {address: 10.9.0.1/16}}
  - {name: client, nic: {address: 10.9.0.2/16}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${PODS}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, nodePort: 30080}]
`;
}

/** The cluster with a Script: all probes are sent at the same time. */
function session() {
  const send = (i) => `send: {from: client, to: "10.9.1.${10 + (i % NODES)}:30080"}`;
  const steps = Array.from({ length: PACKETS }, (_, i) =>
    i === 0 ? `  - ${send(i)}` : `  - {at: {probe: 1, after: 0s}, ${send(i)}}`,
  );
  return (
    `${cluster()}---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\n` +
    `spec:\n  seed: 1\n  steps:\n${steps.join("\n")}\n`
  );
}

const p95 = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.95)] ?? 0;
const SCRIPT = new Set([
  "FireAnimationFrame",
  "TimerFire",
  "EventDispatch",
  "FunctionCall",
  "RunMicrotasks",
]);
const RENDER = new Set(["UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize", "Commit"]);

/** Milliseconds of script and of rendering in each frame of a trace, since the previous frame. */
function frames(events) {
  const count = new Map();
  const thread = (e) => `${e.pid}/${e.tid}`;
  for (const e of events)
    if (e.name === "Commit") count.set(thread(e), (count.get(thread(e)) ?? 0) + 1);
  const [main] = [...count].sort((a, b) => b[1] - a[1])[0] ?? [];
  const kind = (e) => (SCRIPT.has(e.name) ? "script" : RENDER.has(e.name) ? "render" : undefined);
  const mine = events
    .filter((e) => thread(e) === main && e.ph === "X" && e.dur && kind(e))
    .sort((a, b) => a.ts - b.ts || b.dur - a.dur);
  const out = [];
  let frame = { script: 0, render: 0 };
  // The time of a nested task is subtracted from the outer one: a layout forced by a script counts
  // as layout.
  const open = [];
  for (const e of mine) {
    while (open.length && open.at(-1).ts + open.at(-1).dur <= e.ts) open.pop();
    if (open.length) frame[kind(open.at(-1))] -= e.dur / 1000;
    frame[kind(e)] += e.dur / 1000;
    open.push(e);
    if (e.name === "Commit") {
      out.push(frame);
      frame = { script: 0, render: 0 };
    }
  }
  return out;
}

const server = await serve(dist);
const { context, close } = await launch({ locale: "en-US" });
let above = false;
const row = (name, value, unit, limit) => {
  const bad = limit !== undefined && value > limit;
  above ||= bad;
  const bound = limit === undefined ? "" : `limit ${limit}${bad ? "   ABOVE" : ""}`;
  console.log(`${name.padEnd(38)} ${value.toFixed(1).padStart(9)} ${unit.padEnd(9)} ${bound}`);
};
try {
  const page = await context.newPage();
  await page.goto(`${server.origin}/`);
  await page.waitForSelector(READY);
  await page.selectOption(".speed", "800");
  const t0 = Date.now();
  await page.locator("input[type=file]").setInputFiles({
    name: "session.yaml",
    mimeType: "text/plain",
    buffer: Buffer.from(session()),
  });
  await page.waitForSelector(".picture .tile", { timeout: 120_000 });
  row("built, 100 probes played", Date.now() - t0, "ms");
  row(
    "elements at fit",
    await page.evaluate(() => document.querySelectorAll("*").length),
    "",
    3000,
  );
  const client = await context.newCDPSession(page);
  const events = [];
  client.on("Tracing.dataCollected", (d) => events.push(...d.value));
  const heap = async () => {
    await client.send("HeapProfiler.collectGarbage");
    const { metrics } = await client.send("Performance.getMetrics");
    return metrics.find((m) => m.name === "JSHeapUsedSize").value / 2 ** 20;
  };
  await client.send("Performance.enable");
  // Into the middle of the run, where most packets are in flight.
  await page.locator(".scrub").fill("400");
  await page.evaluate(() => document.activeElement.blur());
  row(
    "packets in flight",
    await page.evaluate(() =>
      [...document.querySelectorAll(".picture .other")].reduce(
        (n, o) => n + 1 + Number(o.querySelector(".pill-more")?.textContent ?? 0),
        1,
      ),
    ),
    "",
  );
  await page.click(".play");
  await page.waitForTimeout(3000);
  const before = await heap();
  await client.send("Tracing.start", {
    transferMode: "ReportEvents",
    categories: "devtools.timeline,disabled-by-default-devtools.timeline",
  });
  await page.waitForTimeout(Math.min(SECONDS, 10) * 1000);
  const done = new Promise((resolve) => client.once("Tracing.tracingComplete", resolve));
  await client.send("Tracing.end");
  await done;
  await page.waitForTimeout(Math.max(SECONDS - 10, 0) * 1000);
  const after = await heap();
  const all = frames(events);
  row("frames measured", all.length, "");
  row("script, 95 of 100 frames", p95(all.map((f) => f.script)), "ms", 4);
  row("style, layout, paint (95th percentile)", p95(all.map((f) => f.render)), "ms", 12);
  row(`heap growth in ${SECONDS} s`, after - before, "MiB", 4);
  row(
    "elements while playing",
    await page.evaluate(() => document.querySelectorAll("*").length),
    "",
  );
  await page.click(".play");
  // From a typed letter to its diagnostic.
  const spent = [];
  await page.locator(".cm-line", { hasText: "kubernetes:" }).first().click();
  await page.keyboard.press("End");
  for (let i = 0; i < 10; i++) {
    const ms = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const t = performance.now();
          new MutationObserver((_, me) => {
            me.disconnect();
            resolve(performance.now() - t);
          }).observe(document.querySelector(".problems-place"), {
            childList: true,
            subtree: true,
            characterData: true,
          });
          document.querySelector(".editor-host").shadowRoot.querySelector(".cm-content").focus();
          document.execCommand("insertText", false, "x");
        }),
    );
    spent.push(ms);
    await page.keyboard.press("Backspace");
    await page.waitForSelector(".problems-place li", { state: "detached" });
  }
  // Without the 100 ms of rest after a key that the page waits for.
  row("key press to diagnostic (95th percentile)", p95(spent) - 100, "ms", 100);
} finally {
  await close();
  await server.close();
}
process.exit(above ? 1 : 0);

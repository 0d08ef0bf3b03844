// The states of the page that the contact sheets show and axe-core checks. Each is reached from a
// page that was just opened, at every size and in both languages.
import { compose, end, openTools, origin, send } from "./visit.mjs";

const cluster = (
  nodes,
  { selects = "web", faults = "" } = {},
) => `apiVersion: packetwalk.dev/v1alpha1
kind: Topology
spec:
  segments: [{name: lan, subnet: 192.168.120.0/24, gateway: 192.168.120.254}]
  nodes: [${nodes.map((name) => `{name: ${name}}`).join(", ")}]
  hosts: [{name: client, nic: {address: 192.168.120.252/24}}]
  faults: [${faults}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: ${selects}}
  ports: [{port: 80, nodePort: 30080}]
`;
const script = (...steps) => `---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
${steps.map((step) => `  - ${step}\n`).join("")}`;
const TWO = ["node01", "node02"];
const SIXTY = Array.from({ length: 60 }, (_, i) => `node${String(i + 1).padStart(2, "0")}`);
const BROKEN = cluster(TWO).replace("nodePort: 30080", "nodePort: 80");
const REQUEST = 'send: {from: client, to: "node01:30080"}';

/** Opens a document as a file of the reader. */
async function open(page, document) {
  // The menu of documents changes, or, if the text is empty, the picture.
  const look = () => {
    const picture = document.querySelector(".picture").textContent;
    return document.querySelector("#preset").value + picture;
  };
  const before = await page.evaluate(look);
  const buffer = Buffer.from(document);
  const file = { name: "session.yaml", mimeType: "text/yaml", buffer };
  await page.locator("input[type=file]").setInputFiles(file);
  while ((await page.evaluate(look)) === before) await page.waitForTimeout(20);
}

/** Goes to the first step of the run whose kind has this word. */
async function seek(page, word) {
  const scrub = page.locator(".scrub");
  for (let n = 1, last = Number(await scrub.getAttribute("max")); n <= last; n++) {
    await scrub.evaluate((e, n) => {
      e.value = String(n);
      e.dispatchEvent(new Event("input", { bubbles: true }));
    }, n);
    if (word.test(await page.locator(".now .step-kind").textContent())) return;
  }
  throw new Error(`no step is ${word}`);
}
async function sent(page, word) {
  await send(page, "");
  await seek(page, word);
}

/** Shows a pane: the tab of a narrow page, the pane at its side otherwise. */
const TABS = { diagram: 0, inspector: 1, events: 2, editor: 3 };
async function pane(page, name) {
  const tab = page.locator(".tabs .tab").nth(TABS[name]);
  if (await tab.isVisible()) return tab.click();
  const rail = page.locator(`.${name}-side > .rail`);
  if (await rail.count() && await rail.isVisible()) await rail.click();
}
async function drawer(page, n) {
  await pane(page, "events");
  const button = page.locator(".toggles button").nth(n);
  if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
}
async function inspector(page, n) {
  await pane(page, "inspector");
  await page.locator(".inspector [role=tab]").nth(n).click();
}
async function share(page, n) {
  await openTools(page);
  await page.click("#share");
  await page.locator(`#share-${n}`).click();
}
/** Opens the form of a device of node01, in the picture or, where it is not drawn, of a node. */
async function thing(page, selector) {
  await page.locator(`.picture ${selector}`).first().press("Enter");
  await pane(page, "inspector");
}
async function terminal(page, ...lines) {
  await drawer(page, 1);
  for (const line of lines) {
    await page.fill("#command", line);
    await page.press("#command", "Enter");
  }
}
const folded = "editor=folded;inspector=folded;drawer=closed";

/** Every state: its name, what leads to it, and the panes as the reader left them before. */
export const STATES = [
  ["idle", async () => {}, null],
  ["idle, panes folded", async () => {}, folded],
  ["idle, panes open", async () => {}],
  ["the form that sends", (page) => compose(page), null],
  [
    "header fields",
    async (page) => {
      await compose(page);
      await page.click(".options summary");
    },
    null,
  ],
  ["tools", (page) => openTools(page), null],
  ["adding", (page) => page.locator(".adder summary").press("Enter"), null],
  ["NAT", (page) => sent(page, /DNAT/), null],
  ["NAT, panes folded", (page) => sent(page, /DNAT/), folded],
  ["ARP", (page) => sent(page, /ARP/), null],
  ["VXLAN", (page) => sent(page, /encap|包む/), null],
  [
    "answered",
    async (page) => {
      await send(page, "");
      await end(page);
    },
    null,
  ],
  [
    "refused",
    async (page) => {
      await open(page, cluster(TWO, { selects: "wbe" }) + script(REQUEST));
      await end(page);
    },
    null,
  ],
  [
    "dropped",
    async (page) => {
      const drop = "{at: {probe: 1, direction: request, marker: translated}, packet: drop}";
      await open(page, cluster(TWO) + script(REQUEST, drop));
      await seek(page, /drop|破棄/i);
    },
    null,
  ],
  [
    "timed out",
    async (page) => {
      const remote = 'send: {from: client, to: "node01:30080", endpoint: 10.244.1.2}';
      await open(page, cluster(TWO, { faults: "{cut: node02}" }) + script(remote));
      await end(page);
    },
    null,
  ],
  ["packet", (page) => sent(page, /encap|包む/).then(() => inspector(page, 0))],
  ["rules", (page) => sent(page, /DNAT/).then(() => inspector(page, 1))],
  ["tables", (page) => sent(page, /DNAT/).then(() => inspector(page, 2))],
  ["device", (page) => thing(page, '[data-dev="flannel.1"]')],
  [
    "cable cut",
    async (page) => {
      await thing(page, ".title");
      const cable = page.locator(".thing .check", { hasText: /cable|ケーブル/ });
      await cable.locator("input").check();
    },
  ],
  ["events", (page) => sent(page, /DNAT/).then(() => drawer(page, 0))],
  [
    "terminal",
    async (page) => {
      await send(page, "");
      await end(page);
      await terminal(page, "ip route", "conntrack -L", "iptables -t nat -vnL KUBE-SERVICES");
    },
  ],
  ["script", (page) => send(page, "").then(() => drawer(page, 2))],
  [
    "errors",
    async (page) => {
      await open(page, BROKEN.replace("apps/v1", "apps/v2"));
      await pane(page, "editor");
      await page.locator(".problem").first().waitFor();
    },
  ],
  [
    "errors, panes folded",
    (page) => open(page, BROKEN),
    folded,
  ],
  [
    "rule changes",
    async (page) => {
      await inspector(page, 1);
      await page.locator(".inspector .ops button").last().click();
    },
  ],
  [
    "an old release",
    async (page) => {
      await pane(page, "editor");
      const menu = page.locator(".status .slot");
      await menu.selectOption(await menu.locator("option").first().getAttribute("value"));
    },
  ],
  ["share a link", (page) => share(page, 0), null],
  ["share a snippet", (page) => share(page, 1), null],
  ["share files", (page) => share(page, 2), null],
  ["60 nodes", (page) => open(page, cluster(SIXTY)), null],
  [
    "60 nodes, sent",
    async (page) => {
      await open(page, cluster(SIXTY) + script(REQUEST));
      await seek(page, /DNAT/);
    },
    null,
  ],
  ["an empty document", (page) => open(page, "\n"), null],
  [
    "an embed",
    async (page) => {
      await page.goto(`${origin()}/embed.html?preset=article-nodeport&load=now&step=30`);
      await page.locator(".picture .capsule").first().waitFor();
    },
    null,
  ],
  [
    "an embed, split",
    async (page) => {
      await page.goto(`${origin()}/embed.html?preset=article-nodeport&load=now&step=30&view=split`);
      await page.locator(".picture .capsule").first().waitFor();
    },
    null,
  ],
].map(([name, act, panes]) => ({ name, act, panes }));

/** The states that the contact sheets show at every size. */
export const EIGHT = [
  "idle",
  "NAT",
  "answered",
  "rules",
  "terminal",
  "errors",
  "share a snippet",
  "60 nodes, sent",
];

// A session as one file, and played again when its text is edited.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./browser.mjs";
import { end, file, shots, step, steps, terminal, verdict, visit } from "./visit.mjs";

const CLUSTER = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: we}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
`;
const SCRIPT = `---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
  - send: {from: client, to: svc/web, sport: 40001}
  - {at: {probe: 1, direction: request, marker: routed}, packet: {delay: 20ms}}
  - {on: worker-1, run: conntrack -F}
`;
const open = (page, body) =>
  page.setInputFiles("input[type=file]", {
    name: "own.yaml",
    mimeType: "text/yaml",
    buffer: Buffer.from(body),
  });

test("a file is played when it is opened, and saved to the last byte", async () => {
  await visit({}, async (page) => {
    await open(page, CLUSTER + SCRIPT);
    await page.locator(".pod-app", { hasText: "web" }).waitFor();
    assert.ok((await steps(page)) > 5);
    assert.equal(await file(page), CLUSTER + SCRIPT);
    assert.ok(!(await page.locator(".cm-content").innerText()).includes("kind: Script"));
  });
});

test("a corrected selector is answered without another Send", async () => {
  await visit({}, async (page) => {
    await open(
      page,
      CLUSTER +
        SCRIPT.replace("from: client, to: svc/web", 'from: client, to: "192.168.1.11:30080"'),
    );
    await page.locator(".pod-app", { hasText: "web" }).waitFor();
    await end(page);
    assert.doesNotMatch(await verdict(page), /has its answer/);
    const before = await step(page);
    await page.locator(".cm-line", { hasText: "selector: {app: we}" }).first().click();
    await page.keyboard.press("Home");
    for (let n = 0; n < "spec: {type: NodePort, selector: {app: we".length; n++)
      await page.keyboard.press("ArrowRight");
    await page.keyboard.type("b");
    await page.locator(".changed", { hasText: "→ answered" }).waitFor();
    assert.ok((await step(page)) > 0 && before > 0, "the moment stays near");
    await end(page);
    assert.match(await verdict(page), /has its answer/);
  });
});

test("a step that is not reached or refused is named on the page", async () => {
  await visit({}, async (page) => {
    const steps =
      "  - {at: {probe: 1, direction: request, packet: 99, marker: delivered}, packet: drop}\n" +
      "  - {on: ghost, run: hostname}\n";
    await open(page, CLUSTER + SCRIPT + steps);
    await page.locator(".pod-app", { hasText: "web" }).waitFor();
    const undone = await page.locator(".changed.undone").textContent();
    assert.match(undone, /^Step \d: .*not done.* · Step \d: .*refused.*ghost/);
  });
});

const tab = (page, name) => page.locator(".toggles button", { hasText: name });
/** The commands that the terminal shows, with their outputs. */
const screen = async (page) =>
  (await page.locator(".typed li").allTextContents()).map((text) => text.trim());

test("the Script of a file is listed, and its commands print in the terminal", async () => {
  await visit({}, async (page) => {
    await open(page, `${CLUSTER}${SCRIPT}  - {on: client, run: curl 192.168.1.11:30080}\n`);
    await tab(page, "Script · 4").click();
    const rows = page.locator(".script .event");
    assert.deepEqual(
      (await rows.locator(".text").allTextContents()).map((text) => text.split(":")[0]),
      ["tcp client → svc/web", "packet", "worker-1$ conntrack -F", "client$ curl 192.168.1.11"],
    );
    await page.screenshot({ path: join(shots, "script.png") });
    await terminal(page);
    assert.deepEqual(await screen(page), []);
    await tab(page, "Script").click();
    await rows.nth(3).locator("button").click();
    assert.equal(await rows.nth(3).getAttribute("aria-current"), "step");
    await terminal(page);
    const lines = ["[root@worker-1 ~]# conntrack -F", "[root@client ~]# curl 192.168.1.11:30080"];
    const shown = await screen(page);
    assert.deepEqual(
      shown.map((text, i) => text.slice(0, lines[i].length)),
      lines,
    );
    assert.match(shown.at(-1), /printed when it ends/);
    await end(page);
    assert.match((await screen(page)).at(-1), /Connection refused/);
    await page.screenshot({ path: join(shots, "script-terminal.png") });
  });
});

test("a broken file leaves no verdict of the session before it", async () => {
  await visit({}, async (page) => {
    await open(page, CLUSTER + SCRIPT);
    await page.locator(".pod-app", { hasText: "web" }).waitFor();
    await end(page);
    assert.notEqual((await verdict(page)).trim(), "");
    await open(page, "kind: [\n");
    await page.locator(".stale-note span").waitFor();
    assert.equal((await verdict(page)).trim(), "");
    assert.equal(await page.locator(".event, .capsule").count(), 0);
    assert.equal(await steps(page), 0);
  });
});

test("after another file, sender and destination are those of its cluster", async () => {
  await visit({}, async (page) => {
    await open(page, CLUSTER);
    await page.locator(".pod-app", { hasText: "web" }).waitFor();
    for (const id of ["from", "to"]) {
      const field = page.locator(`#${id}`);
      const chosen = await field.inputValue();
      assert.ok(chosen, id);
      await field.click();
      const offered = page.locator(`#${id}-list [role=option][aria-selected=true]`);
      assert.ok((await offered.textContent()).includes(chosen), `${id}: ${chosen}`);
      await page.keyboard.press("Escape");
    }
    assert.doesNotMatch(await page.locator("#to").inputValue(), /192\.168\.120/);
  });
});

test("a file with every kind of step has the events of the command line", async () => {
  const sessions = join(root, "tests", "suite", "sessions");
  const [hash] = readFileSync(join(sessions, "every-kind.hash.txt"), "utf8").split(/\s/);
  await visit({}, async (page) => {
    await open(page, readFileSync(join(sessions, "every-kind.yaml"), "utf8"));
    await tab(page, "Script · 10").click();
    assert.equal(await page.locator(".script .hash").textContent(), hash);
  });
});

// A session as one file, and played again when its text is edited.
import assert from "node:assert/strict";
import { test } from "node:test";
import { end, file, step, steps, verdict, visit } from "./visit.mjs";

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

// Editing on the diagram, in its forms and in the text: all stay in sync and share one undo.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { READY } from "./browser.mjs";
import {
  add,
  check,
  end,
  field,
  fill,
  go,
  pick,
  send,
  shots,
  step,
  steps,
  text,
  undo,
  verdict,
  visit,
} from "./visit.mjs";

const WORKER = "master01, node01 and node02";
const names = (page) => page.locator(".picture .node-name").allTextContents();

test("an added node or host copies the last one, and undo removes it", async () => {
  // With room for four nodes.
  await visit({ panes: "editor=folded;inspector=folded" }, async (page) => {
    const before = await text(page);
    await add(page, "Add a node");
    await page.locator(".node-name", { hasText: "node03" }).waitFor();
    assert.deepEqual(await names(page), ["master01", "node01", "node02", "node03"], WORKER);
    await add(page, "Add a host");
    await page.locator(".host-name", { hasText: "bastion-2" }).waitFor();
    const after = await text(page);
    assert.match(
      after,
      /- name: node03\n    nic:\n      name: ens192\n      address: 192\.168\.120\.228\/24/,
    );
    await page.screenshot({ path: join(shots, "added.png") });
    await undo(page);
    await undo(page);
    assert.equal(await text(page), before);
    assert.deepEqual(await names(page), ["master01", "node01", "node02"]);
  });
});

test("the pods of an added Deployment are on the diagram", async () => {
  await visit({}, async (page) => {
    await add(page, "Add a Deployment");
    await page.locator(".pod-app", { hasText: "web" }).first().waitFor();
    assert.match(await text(page), /kind: Deployment\nmetadata:\n  name: web\n/);
  });
});

test("scaling a Deployment leaves every other byte of the text unchanged", async () => {
  await visit({}, async (page) => {
    const before = await text(page);
    await page.locator(".pod", { hasText: "10.1.5.4" }).click();
    await fill(page, "replicas", "2");
    await page.locator(".pod", { hasText: "10.1.6.6" }).waitFor({ state: "detached" });
    const after = await text(page);
    assert.equal(
      after.replace("replicas: 2", "replicas: 4").replaceAll(/ {2}- \{of: nginx.*\n/g, ""),
      before.replaceAll(/ {2}- \{of: nginx.*\n/g, ""),
    );
    assert.match(after, /# What the scheduler and IPAM decided in this cluster\./);
  });
});

test("renaming a node renames every reference to it", async () => {
  await visit({}, async (page) => {
    await pick(page, "node01");
    await fill(page, "name", "edge");
    await page.locator(".node-name", { hasText: "edge" }).waitFor();
    const after = await text(page);
    assert.doesNotMatch(after, /name: node01|node: node01/);
    assert.match(after, /of: nginx-deployment, node: edge/);
    assert.equal(await field(page, "name").inputValue(), "edge", "the renamed node is still shown");
  });
});

test("addresses, MACs and MTUs are edited in the form; invalid ones are errors", async () => {
  await visit({}, async (page) => {
    await pick(page, "bastion");
    await fill(page, "address", "192.168.120.77/24");
    await page.locator(".host", { hasText: "192.168.120.77" }).waitFor();
    await fill(page, "MTU", "1400");
    await fill(page, "MAC", "00:50:56:00:00:01");
    const after = await text(page);
    assert.match(after, /address: 192\.168\.120\.77\/24, mac: "00:50:56:00:00:01", mtu: 1400\}/);
    await fill(page, "address", "10.9.9.9/24");
    await page
      .locator(".problem.error", { hasText: "not in the segment's subnet 192.168.120.0/24" })
      .waitFor();
    assert.match(await page.locator(".stale-note").textContent(), /last valid document/);
    await undo(page);
    await page.locator(".problem.error").waitFor({ state: "detached" });
  });
});

test("with ip_forward off the packet is dropped, and the verdict names the setting", async () => {
  await visit({}, async (page) => {
    await pick(page, "node01");
    await check(page, "ip_forward").click();
    await send(page);
    await end(page);
    assert.match(await verdict(page), /node01 does not forward \(net\.ipv4\.ip_forward = 0\)/);
    assert.match(await text(page), /sysctl:\n      net\.ipv4\.ip_forward: 0/);
    await check(page, "ip_forward").click();
    await send(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("a cut cable is drawn with a gap and a cross, and passes no frame", async () => {
  await visit({}, async (page) => {
    await pick(page, "node02");
    await check(page, "cable cut").click();
    await page.locator(".picture .cut .cross").waitFor();
    await send(page);
    await end(page);
    assert.match(await verdict(page), /The client heard nothing|cannot be reached/);
    await page.screenshot({ path: join(shots, "cable-cut.png") });
  });
});

test("without kube-proxy a node port does not answer, and the node is marked", async () => {
  await visit({}, async (page) => {
    await pick(page, "node01");
    await check(page, "kube-proxy stopped").click();
    await page.locator(".daemon.stopped", { hasText: "kube-proxy stopped" }).waitFor();
    await send(page);
    await end(page);
    assert.match(await verdict(page), /refused/);
    assert.match(await text(page), /faults:\n  - stopped: node01\/kube-proxy/);
  });
});

test("without flanneld the pods of the other node are unreachable", async () => {
  await visit({}, async (page) => {
    await pick(page, "node01");
    await check(page, "flanneld stopped").click();
    await page.locator(".daemon.stopped", { hasText: "flanneld" }).waitFor();
    await send(page);
    await end(page);
    assert.doesNotMatch(await verdict(page), /849 bytes/);
  });
});

test("a device that is down from the start is drawn dashed and labelled as down", async () => {
  await visit({}, async (page) => {
    await pick(page, "node01", "flannel.1");
    await check(page, "flannel.1 is down").click();
    await page.locator(".device.down[data-dev='flannel.1']").waitFor();
    assert.match(await page.locator(".device.down[data-dev='flannel.1']").textContent(), /is down/);
    assert.match(await text(page), /- down: node01\/flannel\.1/);
  });
});

test("drawing a line from one pod to another creates a Service for the latter", async () => {
  await visit({}, async (page) => {
    const from = await page.locator(".pod", { hasText: "centos" }).boundingBox();
    const to = await page.locator(".pod", { hasText: "10.1.6.5" }).boundingBox();
    await page.mouse.move(from.x + 20, from.y + 15);
    await page.mouse.down();
    await page.mouse.move(from.x + 80, from.y + 20, { steps: 4 });
    await page.mouse.move(to.x + 20, to.y + 15, { steps: 6 });
    assert.notEqual(
      await page.locator(".ghost").getAttribute("d"),
      "",
      "the line is shown while it is drawn",
    );
    await page.mouse.up();
    await page.locator(".service", { hasText: "nginx-service-2" }).waitFor();
    assert.match(
      await text(page),
      /name: nginx-service-2\nspec:\n  type: NodePort\n  selector:\n    app: nginx/,
    );
    assert.match(await page.locator("#from").inputValue(), /centos/);
  });
});

test("the position of a dragged node is written into the text and survives a reload", async () => {
  await visit({}, async (page) => {
    const card = page.locator(".card .node-card").nth(2);
    const was = await card.boundingBox();
    await page.mouse.move(was.x + 90, was.y + 8);
    await page.mouse.down();
    await page.mouse.move(was.x + 140, was.y + 40, { steps: 5 });
    await page.mouse.up();
    await page.locator(".cm-line").first().waitFor();
    assert.match(await text(page), /layout:\n    node02:\n      x: \d+\n      y: \d+/);
    const x = Number(await card.getAttribute("x"));
    await page.reload();
    await page.waitForSelector(READY);
    assert.equal(Number(await page.locator(".card .node-card").nth(2).getAttribute("x")), x);
  });
});

test("dragging a node does not interrupt a run", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "DNAT");
    const [at, n] = [await step(page), await steps(page)];
    const was = await page.locator(".card .node-card").nth(1).boundingBox();
    await page.mouse.move(was.x + 120, was.y + 8);
    await page.mouse.down();
    await page.mouse.move(was.x + 150, was.y + 30, { steps: 5 });
    await page.mouse.up();
    assert.match(await text(page), /layout:/);
    assert.deepEqual([await step(page), await steps(page)], [at, n]);
  });
});

test("a Service is selected, changed to ClusterIP, and removed", async () => {
  await visit({}, async (page) => {
    await page.click(".service");
    assert.match(
      await page.locator(".thing").textContent(),
      /8000\/TCP, nodePort 30080 → 10\.1\.5\.4:80/,
    );
    await page
      .locator(".thing .field", { hasText: "type" })
      .locator("select")
      .selectOption("ClusterIP");
    assert.doesNotMatch(await text(page), /nodePort/);
    await page.click(".thing [aria-label='Remove nginx-service']");
    await page.locator(".service").waitFor({ state: "detached" });
    assert.doesNotMatch(await text(page), /kind: Service/);
  });
});

test("one undo and redo history covers the text, the diagram and what was sent", async () => {
  await visit({}, async (page) => {
    const before = await text(page);
    await page.locator(".cm-line", { hasText: "replicas: 4" }).click();
    await page.keyboard.press("End");
    await page.keyboard.type(" # four");
    await pick(page, "node02");
    await fill(page, "MTU", "1400");
    await send(page);
    assert.ok((await step(page)) > 0);
    await page.keyboard.press("Escape");
    for (let i = 0; i < 2; i++) await page.keyboard.press("Control+z");
    await page.waitForFunction(() => document.querySelector(".count strong").textContent === "0");
    const typed = await text(page);
    assert.match(typed, /replicas: 4 # four/);
    assert.doesNotMatch(typed, /1400/);
    for (let i = 0; i < 3; i++) await page.keyboard.press("Control+z");
    assert.equal(await text(page), before, "byte for byte");
    for (let i = 0; i < 5; i++) await page.keyboard.press("Control+Shift+z");
    assert.match(await text(page), /mtu: 1400/);
    await page.locator(".event").first().waitFor();
  });
});

test("objects that the cluster creates cannot be edited; the form explains why", async () => {
  await visit({}, async (page) => {
    await page.locator(".pod", { hasText: "kube-dns" }).click();
    assert.match(
      await page.locator(".dumps").textContent(),
      /The cluster creates this object itself/,
    );
  });
});

test("an element of the diagram leads to its line in the text", async () => {
  await visit({}, async (page) => {
    await page.locator(".cm-line").first().waitFor();
    await page.locator(".cm-line").first().waitFor();
    await pick(page, "node02");
    await page.click("[aria-label='Show in the document']");
    const line = await page.evaluate(
      () =>
        document.querySelector(".editor-host").shadowRoot.querySelector(".cm-activeLine")
          .textContent,
    );
    assert.match(line, /name: node02/);
  });
});

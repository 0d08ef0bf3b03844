// Rules and tables: the entries that were searched, used and changed.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { end, go, pick, send, shots, undo, verdict, visit } from "./visit.mjs";

test("a rule shows the condition that failed with both values, and its counters", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "DNAT");
    const rules = await page.locator(".rules").textContent();
    assert.match(rules, /source 192\.168\.120\.252 ≠ 10\.1\.\d\.\d(\/32)? in the rule/);
    assert.match(rules, /did not match: \w+ differs/);
    assert.match(rules, /1 · 60 B/);
    const crumbs = await page.locator(".crumbs li").allTextContents();
    assert.ok(crumbs.length >= 3 && crumbs[0] === "PREROUTING", `${crumbs}`);
  });
});

test("the search covers all rules of the node", async () => {
  await visit({}, async (page) => {
    await page.click("[role=tab]:has-text('Rules')");
    await page.click(".ops button:has-text('All rules')");
    await page.locator(".dump .entry").first().waitFor();
    const all = await page.locator(".dump .entry").count();
    await page.locator(".search").fill("nat 30080 kube-svc");
    await page.waitForFunction((n) => document.querySelectorAll(".dump .entry").length < n, all);
    assert.match(
      await page.locator(".dump .entry").textContent(),
      /-A KUBE-NODEPORTS .*--dport 30080 -j KUBE-SVC-/,
    );
  });
});

test("changing a node port shows the rules before and after", async () => {
  await visit({}, async (page) => {
    await page.locator(".cm-line", { hasText: "nodePort: 30080" }).click();
    await page.keyboard.press("End");
    await page.keyboard.press("Backspace");
    await page.keyboard.type("1");
    await page.click("[role=tab]:has-text('Rules')");
    await page.click(".ops button:has-text('Changes')");
    await page.locator(".dump .entry.gone", { hasText: "--dport 30080" }).first().waitFor();
    await page.locator(".dump .entry.new", { hasText: "--dport 30081" }).first().waitFor();
    await page.screenshot({ path: join(shots, "difference.png") });
  });
});

test("clicking a device shows its tables at this moment", async () => {
  await visit({}, async (page) => {
    await pick(page, "node02", "flannel.1");
    const shown = await page.locator(".dumps").textContent();
    assert.match(shown, /10\.1\.5\.0\/24 via 10\.1\.5\.0 dev flannel\.1 onlink/);
    assert.match(shown, /ba:12:6c:5e:8f:01 dst 192\.168\.120\.226 self permanent/);
    await page.keyboard.press("Escape");
    await page.locator(".device.selected").waitFor({ state: "detached" });
  });
});

test("the route, neighbour and FDB entry in use and changed entries are marked", async () => {
  await visit({}, async (page) => {
    await send(page);
    await page.click("[role=tab]:has-text('Tables')");
    await go(page, "route", 1);
    await page
      .locator(".entry.used", { hasText: "10.1.6.0/24 via 10.1.6.0 dev flannel.1" })
      .waitFor();
    await page
      .locator(".event", { hasText: "that VTEP sits on node02" })
      .first()
      .locator("button")
      .click();
    await page.locator(".entry.used", { hasText: "dst 192.168.120.227" }).waitFor();
    await page
      .locator(".event", { hasText: "The connection is entered into the table" })
      .first()
      .locator("button")
      .click();
    const entry = page.locator(".entry.new", { hasText: "dport=30080" });
    await entry.waitFor();
    const original = "src=192\\.168\\.120\\.252 dst=192\\.168\\.120\\.226 sport=\\d+ dport=30080";
    const reply = "src=10\\.1\\.6\\.5 dst=10\\.1\\.5\\.0 sport=80";
    assert.match(await entry.textContent(), new RegExp(`${original}.*${reply}`));
    await page.screenshot({ path: join(shots, "tables.png") });
  });
});

test("a packet is lost when its FDB entry is deleted at this moment", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "DNAT");
    await pick(page, "node01", "flannel.1");
    await page.locator(".entry", { hasText: "dst 192.168.120.227" }).locator("button").click();
    await page
      .locator(".entry", { hasText: "dst 192.168.120.227" })
      .first()
      .locator("..")
      .waitFor();
    await end(page);
    assert.match(await verdict(page), /forwarding table of flannel\.1 on node01 has no entry for /);
    await undo(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

// The terminal prints what the real tools print, at the moment shown.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { end, printed, shots, terminal, text, type, visit } from "./visit.mjs";

test("curl sends packets on the diagram and prints its output when it ends", async () => {
  await visit({}, async (page) => {
    await terminal(page, "bastion");
    await type(page, "curl http://192.168.120.226:30080");
    await page.locator(".capsule").waitFor();
    assert.match(await printed(page), /printed when it ends/);
    await end(page);
    assert.match(await printed(page), /<title>Welcome to nginx!<\/title>/);
    await page.screenshot({ path: join(shots, "terminal.png") });
  });
});

test("ping prints what the real ping prints", async () => {
  await visit({}, async (page) => {
    await terminal(page, "node01");
    await type(page, "ping -c 2 10.1.6.5");
    await end(page);
    assert.match(await printed(page), /2 packets transmitted, 2 received, 0% packet loss/);
  });
});

test("words are completed, and ambiguous ones list the alternatives", async () => {
  await visit({}, async (page) => {
    await terminal(page, "node01");
    await page.locator("#command").fill("iptab");
    await page.keyboard.press("Tab");
    assert.equal(await page.locator("#command").inputValue(), "iptables");
    assert.match(await page.locator(".offers").textContent(), /iptables-save {2}|iptables-restore/);
    await page.locator("#command").fill("bridge fdb show dev fl");
    await page.keyboard.press("Tab");
    assert.equal(await page.locator("#command").inputValue(), "bridge fdb show dev flannel.1 ");
    await page.keyboard.press("Enter");
    assert.match(await printed(page), /dst 192\.168\.120\.227 self permanent/);
  });
});

test("earlier lines are recalled from the history", async () => {
  await visit({}, async (page) => {
    await terminal(page, "node01");
    await type(page, "ip route");
    await type(page, "hostname");
    assert.equal((await printed(page)).trim(), "sugi-kubeadm-node01");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.locator("#command").inputValue(), "ip route");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.locator("#command").inputValue(), "hostname");
  });
});

test("kubectl edits the text", async () => {
  await visit({}, async (page) => {
    await terminal(page, "master01");
    await type(page, "kubectl scale deployment nginx-deployment --replicas=6");
    assert.equal((await printed(page)).trim(), "deployment.apps/nginx-deployment scaled");
    assert.match(await text(page), /replicas: 6/);
    await type(page, "kubectl delete service nginx-service");
    await page.locator(".service").waitFor({ state: "detached" });
  });
});

test("an unknown command lists the known ones", async () => {
  await visit({}, async (page) => {
    await terminal(page, "node01");
    await type(page, "tcpdump");
    assert.match(await printed(page), /command not found\s+here are: curl, ping/);
  });
});

// Sending: protocols, header fields, the endpoints with their probabilities, the verdict.
import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, end, send, steps, verdict, visit } from "./visit.mjs";

const option = async (page, label, value) => {
  if (!(await page.locator("details.options[open]").count())) await page.click(".options summary");
  const field = page.locator(".options .field", { has: page.getByText(label, { exact: true }) });
  await field.locator("input").fill(value);
  await field.locator("input").press("Tab");
};

test("the endpoints show their probabilities under the rules, and one can be forced", async () => {
  await visit({}, async (page) => {
    const offered = await page.locator("#endpoint option").allTextContents();
    assert.equal(offered.length, 5);
    assert.match(offered[0], /random · 4/);
    for (const o of offered.slice(1)) assert.match(o, /^10\.1\.[56]\.\d:80 · 25\.0% · nginx$/);
    await send(page, "10.1.6.6:80");
    await end(page);
    assert.match(await verdict(page), /nginx 10\.1\.6\.6 saw the client/);
  });
});

test("packets are sent from a pod to a Service and from a node to a pod", async () => {
  await visit({}, async (page) => {
    await choose(page, "from", "centos");
    await choose(page, "to", "svc/default/nginx-service:8000");
    await send(page, "10.1.5.4:80");
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
    await choose(page, "from", "node02");
    await choose(page, "to", "10.1.5.5:80");
    await send(page, "");
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("a ping with a small ttl gets Time exceeded; a usual one is answered", async () => {
  await visit({}, async (page) => {
    await page.selectOption("#proto", "icmp");
    await choose(page, "from", "node01");
    await choose(page, "to", "10.1.6.5");
    await send(page, "");
    await end(page);
    assert.match(await verdict(page), /answered the ping: 64 bytes, ttl 63/);
    await option(page, "ttl", "1");
    await page.click(".options summary");
    await send(page, "");
    await end(page);
    assert.match(await verdict(page), /says that ttl was used up/);
  });
});

test("a datagram to kube-dns is answered", async () => {
  await visit({}, async (page) => {
    await page.selectOption("#proto", "udp");
    await choose(page, "from", "node01");
    await send(page, "");
    await end(page);
    assert.match(await verdict(page), /The client has its answer/);
  });
});

test("the source port and the number of pings are those that were requested", async () => {
  await visit({}, async (page) => {
    await option(page, "source port", "40501");
    await page.click(".options summary");
    await send(page);
    // The run has begun to play.
    await page.keyboard.press("Home");
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
    await page.locator(".capsule", { hasText: "192.168.120.252:40501" }).waitFor();
    await page.selectOption("#proto", "icmp");
    await option(page, "number", "3");
    await option(page, "identifier", "");
    await page.click(".options summary");
    await end(page);
    await send(page, "");
    await end(page);
    assert.equal((await page.locator(".pill", { hasText: "echo" }).count()) >= 3, true);
  });
});

test("a header field out of range is reported, and nothing is sent", async () => {
  await visit({}, async (page) => {
    await page.click(".options summary");
    await page.locator(".options input[type=number]").first().fill("70000");
    await page.locator(".options input[type=number]").first().press("Tab");
    await page.click(".sentence .send");
    await page.locator(".verdict .bad", { hasText: "70000: write a number from 1 to 65535" }).waitFor();
    assert.equal(await steps(page), 0);
    await page.click(".options summary");
    await page.locator(".options input[type=number]").first().fill("40501");
    await page.locator(".options input[type=number]").first().press("Tab");
    await send(page);
    assert.ok((await steps(page)) > 100);
  });
});

test("TCP takes ttl, DF and single segments; UDP goes to any Service", async () => {
  await visit({}, async (page) => {
    const menu = (label) =>
      page.locator(".options .field", { hasText: label }).locator("select");
    await choose(page, "to", "10.1.6.5:80");
    await choose(page, "from", "node01");
    await option(page, "ttl", "1");
    await page.click(".options summary");
    await send(page, "");
    await end(page);
    assert.match(await verdict(page), /says that ttl was used up/);
    await option(page, "ttl", "");
    await menu("TCP flags").selectOption("syn");
    await page.click(".options summary");
    await send(page, "");
    await end(page);
    assert.match(await verdict(page), /10\.1\.6\.5 answered with a segment: SYN,ACK, ttl 63/);
    await page.selectOption("#proto", "udp");
    await choose(page, "to", "nginx-service:8000");
    assert.equal(await page.inputValue("#to"), "nginx-service:8000");
    await send(page, "");
    await end(page);
    assert.doesNotMatch(await verdict(page), /has its answer/);
  });
});

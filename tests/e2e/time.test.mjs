// Time: grains, markers, changing the past, several packets in flight.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import {
  drawer,
  end,
  go,
  pick,
  send,
  shots,
  step,
  steps,
  terminal,
  type,
  undo,
  verdict,
  visit,
} from "./visit.mjs";

test("the three grains show hops, decisions and every rule", async () => {
  await visit({}, async (page) => {
    await send(page);
    const counts = [];
    for (const key of ["1", "2", "3"]) {
      await page.keyboard.press("Escape");
      await page.keyboard.press(key);
      counts.push(await steps(page));
    }
    assert.ok(counts[0] < counts[1] && counts[1] < counts[2], `${counts}`);
  });
});

test("the bracket keys step through the markers of the packet", async () => {
  await visit({}, async (page) => {
    await send(page);
    const word = () => page.locator(".marker.now .word").textContent();
    const words = [];
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("]");
      words.push(await word());
    }
    assert.ok(words.includes("DNAT") && words.includes("mark"), `${words}`);
    const here = await step(page);
    await page.keyboard.press("[");
    assert.ok((await step(page)) < here);
  });
});

test("a dropped packet is retransmitted by its host, and undo restores it", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "encap");
    const n = await steps(page);
    await page.click("[role=tab]:has-text('Packet')");
    await page.click(".ops button:has-text('Drop')");
    await page.locator(".event.current.lost", { hasText: "dropped by the user" }).waitFor();
    await page.screenshot({ path: join(shots, "dropped.png") });
    await end(page);
    await page.locator(".event", { hasText: "sent again, try 1" }).waitFor();
    assert.match(await verdict(page), /849 bytes/);
    await undo(page);
    assert.equal(await steps(page), n);
  });
});

test("an operation on a packet on the cable is a step of its own", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "wire");
    await page.click("[role=tab]:has-text('Packet')");
    await page.click(".ops button:has-text('Drop')");
    await page.locator(".event.lost", { hasText: "dropped by the user" }).waitFor();
  });
});

test("a delayed packet arrives a second later", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "DNAT");
    await page.click("[role=tab]:has-text('Packet')");
    await page.click(".ops button:has-text('Delay by')");
    await page.locator(".event.current", { hasText: "held up by hand, for 1000 ms" }).waitFor();
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("a duplicated packet and its copy are both on the diagram", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "DNAT");
    await page.click("[role=tab]:has-text('Packet')");
    await page.click(".ops button:has-text('Duplicate')");
    await page.locator(".event.current", { hasText: "doubled by hand" }).waitFor();
    await page.locator(".picture .other").first().waitFor();
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("a packet that has arrived cannot be dropped", async () => {
  await visit({}, async (page) => {
    await send(page);
    await end(page);
    await page.click("[role=tab]:has-text('Packet')");
    assert.ok(await page.locator(".ops button").first().isDisabled());
    assert.match(await page.locator(".ops").textContent(), /not in flight/);
  });
});

test("of two probes in flight the other is drawn small, and a click follows it", async () => {
  await visit({}, async (page) => {
    await send(page);
    for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowRight");
    await send(page, "10.1.5.4:80");
    for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowRight");
    await page.locator(".picture .other").first().waitFor();
    await page.screenshot({ path: join(shots, "two-probes.png") });
    const pill = page.locator(".picture .other").first();
    const id = await pill.getAttribute("data-packet");
    await pill.click();
    await page.locator(`.picture .other[data-packet="${id}"]`).waitFor({ state: "detached" });
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("starting over removes every step, and undo restores them", async () => {
  await visit({}, async (page) => {
    await send(page);
    const n = await steps(page);
    await page.click("[aria-label^='Start over']");
    assert.equal(await steps(page), 0);
    await undo(page);
    assert.equal(await steps(page), n);
  });
});

test("a command at an earlier moment changes what follows", async () => {
  await visit({}, async (page) => {
    await send(page);
    await go(page, "DNAT");
    await terminal(page, "node01");
    await type(page, "ip link set flannel.1 down");
    await drawer(page, "Events");
    await end(page);
    assert.doesNotMatch(await verdict(page), /849 bytes/);
    await page.locator(".device.down[data-dev='flannel.1']").waitFor();
    await undo(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("a device is set down at this moment in its form", async () => {
  await visit({}, async (page) => {
    await send(page);
    await page.click(".adder");
    await page.locator("#app > .page details.adder").waitFor();
    await pick(page, "node02", "cni0");
    await page.click(".thing button:has-text('cni0: set down')");
    await page.locator(".device.down[data-dev='cni0']").waitFor();
    await end(page);
    assert.doesNotMatch(await verdict(page), /849 bytes/);
  });
});

test("the picture is panned, zoomed and fitted, and stays where the reader put it", async () => {
  await visit({}, async (page) => {
    const box = () => page.locator(".picture").getAttribute("viewBox");
    const fit = await box();
    await page.click("[aria-label='Zoom in']");
    assert.notEqual(await box(), fit);
    const zoomed = await box();
    const r = await page.locator(".picture").boundingBox();
    await page.mouse.move(r.x + r.width / 2, r.y + r.height - 8);
    await page.mouse.down();
    await page.mouse.move(r.x + r.width / 2 + 60, r.y + r.height - 30, { steps: 4 });
    await page.mouse.up();
    const panned = await box();
    assert.notEqual(panned, zoomed);
    await send(page);
    assert.equal(await box(), panned);
    await page.mouse.move(r.x + r.width / 2, r.y + r.height / 2);
    await page.mouse.wheel(0, 120);
    await page.waitForFunction(
      (b) => document.querySelector(".picture").getAttribute("viewBox") !== b,
      panned,
    );
    await page.click("[aria-label='Show all']");
    await page.click(".legend .filter:has-text('Only the nodes')");
    assert.equal(await box(), fit);
  });
});

test("while the packet is outside of the view, a button points to it and leads there", async () => {
  await visit({}, async (page) => {
    await send(page);
    const fit = await page.locator(".picture").getAttribute("viewBox");
    const button = page.locator(".beyond");
    assert.equal(await button.isVisible(), false);
    assert.match(await page.locator(".percent").textContent(), /^1\d\d %$/);
    for (let i = 0; i < 6; i++) await page.click("[aria-label='Zoom in']");
    assert.match(await page.locator(".percent").textContent(), /^[45]\d\d %$/);
    // The packet is at bastion, in the lower left corner.
    assert.equal(await button.getAttribute("data-at"), "sw");
    await page.screenshot({ path: join(shots, "beyond.png") });
    await button.click();
    assert.equal(await button.isVisible(), false);
    assert.equal(await page.locator(".picture").getAttribute("viewBox"), fit);
  });
});

// The built page in a real browser, under the strict policy, used as a reader would.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { READY, untilKept } from "./browser.mjs";
import { compose, go, send, shots, step, visit } from "./visit.mjs";

test("the reader's own text survives a reload; that of a preset is not stored", async () => {
  await visit({}, async (page) => {
    const line = page.locator(".cm-line", { hasText: "nodePort: 30080" });
    await line.click();
    await page.keyboard.press("End");
    await page.keyboard.type("1");
    await page.locator(".problem.error").waitFor();
    await page.reload();
    await page.locator(".problem.error").waitFor();
    await page.locator(".cm-line", { hasText: "nodePort: 300801" }).click();
    await page.keyboard.press("End");
    await page.keyboard.press("Backspace");
    await page.locator(".problem.error").waitFor({ state: "detached" });
    await untilKept(page, (text) => text === undefined);
  });
});

test("an error is shown at its line and corrected; a packet is stepped to its DNAT", async () => {
  await visit({}, async (page) => {
    const line = page.locator(".cm-line", { hasText: "nodePort: 30080" });
    await line.waitFor();
    await line.click();
    await page.keyboard.press("End");
    for (let i = 0; i < 5; i++) await page.keyboard.press("Backspace");
    await page.keyboard.type("20000");
    const problem = page.locator(".problem.error");
    await problem.waitFor();
    assert.equal(await problem.locator(".where").textContent(), "10:15");
    assert.match(await problem.textContent(), /The range of valid ports is 30000-32767/);
    assert.match(await page.locator(".stale-note").textContent(), /last valid document/);
    await page.locator(".cm-lintRange-error").first().waitFor();
    await page.screenshot({ path: join(shots, "error.png") });
    for (let i = 0; i < 5; i++) await page.keyboard.press("Backspace");
    await page.keyboard.type("30080");
    await problem.waitFor({ state: "detached" });

    await send(page);
    await go(page, "DNAT");
    assert.match(
      await page.locator(".capsule").textContent(),
      /192\.168\.120\.226:30080.*10\.1\.6\.5:80/,
    );
    assert.match(await page.locator(".rules").textContent(), /--to-destination 10\.1\.6\.5:80/);
    assert.match(
      await page.locator(".event.current").textContent(),
      /192\.168\.120\.226:30080 becomes 10\.1\.6\.5:80/,
    );
    const here = await step(page);
    await page.click("[aria-label='Step forward']");
    assert.equal(await step(page), here + 1);
    assert.doesNotMatch(await page.locator(".capsule").textContent(), /30080/);
    await page.click("[aria-label='Step back']");
    assert.equal(await step(page), here);
    assert.match(
      await page.locator(".capsule").textContent(),
      /192\.168\.120\.226:30080.*10\.1\.6\.5:80/,
    );
    await page.screenshot({ path: join(shots, "dnat-light.png") });
  });
});

test("between node01 and node02 the packet is drawn inside its VXLAN packet", async () => {
  await visit({ colorScheme: "dark" }, async (page) => {
    await send(page);
    const wire = page
      .locator(".event", { hasText: "node01 ens192" })
      .filter({ hasText: "The frame leaves" });
    await wire.first().locator("button").click();
    const shell = page.locator(".capsule.wrapped");
    await shell.waitFor();
    const text = await shell.textContent();
    assert.match(text, /192\.168\.120\.226 → 192\.168\.120\.227/);
    assert.match(text, /192\.168\.120\.226 → 192\.168\.120\.227 · vni 1/);
    assert.match(text, /SYN10\.1\.5\.0:\d+10\.1\.6\.5:80/);
    await page.waitForTimeout(800);
    const [capsule, one, two] = await Promise.all([
      shell.boundingBox(),
      page.locator(".node-card").nth(1).boundingBox(),
      page.locator(".node-card").nth(2).boundingBox(),
    ]);
    const middle = capsule.x + capsule.width / 2;
    assert.ok(
      middle > one.x + one.width / 4 && middle < two.x + two.width,
      "the packet is between node01 and node02",
    );
    await page.click("[role=tab]:has-text('Packet')");
    const layers = await page.locator(".layer summary strong").allTextContents();
    assert.deepEqual(layers, ["Ethernet", "IPv4", "UDP", "VXLAN", "Ethernet", "IPv4", "TCP"]);
    assert.equal(
      await page.locator(".around > .itself").count(),
      1,
      "the layers show the inner packet inside VXLAN",
    );
    await page.screenshot({ path: join(shots, "wire-dark.png") });
  });
});

test("playback stops at the end; the slider goes to any moment", async () => {
  await visit({}, async (page) => {
    await page.selectOption(".speed", "800");
    await page.click(".grains button:has-text('Hops')");
    await page.selectOption("#endpoint", "10.1.5.4:80");
    await page.click(".sentence .send");
    await page.waitForFunction(
      () => Number(document.querySelector(".count strong").textContent) > 4,
    );
    const n = Number((await page.locator(".count").textContent()).split("/")[1]);
    await page.locator(".play[aria-label=Play]").waitFor({ timeout: 30_000 });
    assert.equal(await step(page), n);
    assert.match(await page.locator(".verdict").textContent(), /849 bytes.*10\.1\.5\.1/);
    await page.locator(".scrub").fill("3");
    assert.equal(await step(page), 3);
  });
});

test("a run is started and stepped, by step and by hop, with the keyboard alone", async () => {
  await visit({}, async (page) => {
    await page.locator("#from").focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "send");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".event.current");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press(" ");
    const here = await step(page);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(
      (n) => Number(document.querySelector(".count strong").textContent) === n,
      here + 1,
    );
    await page.keyboard.press("Shift+ArrowRight");
    await page.waitForFunction(
      (n) => Number(document.querySelector(".count strong").textContent) > n,
      here + 1,
    );
    await page.keyboard.press("1");
    await page.locator(".grains .here", { hasText: "Hops" }).waitFor();
  });
});

test("on a phone the verdict stays in view while the list of events scrolls", async () => {
  await visit({ viewport: { width: 390, height: 844 } }, async (page) => {
    await send(page, "");
    await page.click(".tab >> nth=2");
    await page.keyboard.press("End");
    const verdict = await page.locator(".verdict").boundingBox();
    const current = await page.locator(".event.current").boundingBox();
    assert.ok(
      current.y > 0 && current.y + current.height <= verdict.y,
      JSON.stringify([verdict, current]),
    );
    assert.ok(verdict.y + verdict.height <= 844, JSON.stringify(verdict));
    await page.screenshot({ path: join(shots, "phone-verdict.png") });
  });
});

test("the language follows the browser; a language that the reader chooses is kept", async () => {
  await visit({ locale: "ja-JP" }, async (page) => {
    assert.equal(await page.locator("html").getAttribute("lang"), "ja");
    await send(page);
    await go(page, "SNAT");
    assert.match(await page.locator(".event.current .text").textContent(), /送信元/);
    await page.screenshot({ path: join(shots, "japanese.png") });
    await page.click(".tools button:has-text('EN')");
    await page.reload();
    await page.waitForSelector(READY);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
  });
});

test("without endpoints a Service rejects packets, and the verdict names the fix", async () => {
  await visit({}, async (page) => {
    const line = page.locator(".cm-line", { hasText: "app: nginx" }).first();
    await line.click();
    await page.keyboard.press("End");
    await page.keyboard.type("x");
    await page.locator(".problem", { hasText: "selects no pod" }).waitFor();
    await page.click(".sentence .send");
    await page.waitForSelector(".event.current");
    await page.click("[aria-label='To the end']");
    assert.match(
      await page.locator(".verdict").textContent(),
      /refused.*has no endpoint: its selector app=nginxx selects no pod/,
    );
    // The drop is one decision; the rules show which of them rejected the packet.
    assert.equal(await page.locator(".event .kind", { hasText: "drop" }).count(), 1);
    await go(page, "drop");
    await page.locator(".hook.lost").waitFor();
    await page.screenshot({ path: join(shots, "refused.png") });
  });
});

for (const [name, viewport] of [
  ["desktop", { width: 1440, height: 900 }],
  ["laptop", { width: 1024, height: 768 }],
  ["phone", { width: 390, height: 844 }],
]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${name}, ${colorScheme}: no sideways scrolling; the send bar is visible`, async () => {
      await visit({ viewport, colorScheme }, async (page) => {
        await send(page, "");
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth > innerWidth + 1,
        );
        assert.equal(wide, false, "the page is not wider than the window");
        await compose(page);
        assert.ok(await page.locator(".sentence .send").isVisible());
        assert.ok(await page.locator(".picture").isVisible());
        await page.screenshot({ path: join(shots, `${name}-${colorScheme}.png`) });
        if (name === "phone") {
          for (const tab of ["Details", "Events", "Text"]) {
            await page.locator(".tabs .tab", { hasText: tab }).click();
            await page.screenshot({
              path: join(shots, `phone-${colorScheme}-${tab.toLowerCase()}.png`),
            });
          }
        }
      });
    });
  }
}

test("the pictures of a run in the README can be retaken", async () => {
  const panes = "editor=folded;drawer=events";
  await visit({ panes, viewport: { width: 1280, height: 720 } }, async (page) => {
    await send(page);
    const events = page.locator(".toggles button", { hasText: "Events" });
    const moments = [
      ["run-1-dnat", () => go(page, "DNAT")],
      [
        "run-2-vxlan",
        () =>
          page
            .locator(".event", { hasText: "node01 ens192" })
            .filter({ hasText: "The frame leaves" })
            .first()
            .locator("button")
            .click(),
      ],
      [
        "run-3-pod",
        () =>
          page
            .locator(".event", { hasText: "The packet has arrived at 10.1.6.5:80" })
            .first()
            .locator("button")
            .click(),
      ],
      [
        "run-4-answer",
        () =>
          page
            .locator(".event", { hasText: "The client has its answer" })
            .first()
            .locator("button")
            .click(),
      ],
    ];
    for (const [name, goes] of moments) {
      await goes();
      assert.ok(await page.locator(".event.current").isVisible());
      await events.click();
      await page.waitForTimeout(800);
      await page.screenshot({ path: join(shots, `${name}.png`) });
      await events.click();
    }
  });
});

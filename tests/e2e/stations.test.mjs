// The strip of a narrow page: the machines on the packet's way, one of which is shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { send, visit } from "./visit.mjs";

const strip = (page) => page.locator("#app > .page .stations");
const names = (page, which = "") => strip(page).locator(`li${which}`).allInnerTexts();

/** Waits until all of a node's card is in view, at the scale at which it was designed. */
const shows = (page, node) =>
  page.waitForFunction((node) => {
    const svg = document.querySelector("#app > .page .picture");
    const card = svg.querySelector(`.card[data-host="${node}"] > .node-card`);
    const [a, b] = [card, svg].map((e) => e.getBoundingClientRect());
    const across = a.left >= b.left && a.right <= b.right;
    return across && a.top >= b.top && a.bottom <= b.bottom && svg.getScreenCTM().a === 1;
  }, node);

/** Goes to the first step of the packet at this station. */
async function go(page, station) {
  const there = strip(page).locator("li.now", { hasText: station });
  for (let i = 0; i < 120 && !(await there.count()); i++) await page.keyboard.press("ArrowRight");
  await there.waitFor();
}

for (const [width, height] of [
  [390, 844],
  [844, 390],
])
  for (const locale of ["en-US", "ja-JP"])
    test(`at ${width}x${height}, in ${locale}, one node of the packet's way is shown`, async () => {
      const viewport = { width, height };
      await visit({ viewport, locale, panes: null, reducedMotion: "reduce" }, async (page) => {
        assert.ok((await names(page)).includes("node02"), "also before anything was sent");
        await send(page);
        assert.deepEqual(await names(page), ["bastion", "node01", "node02", "nginx"]);
        assert.deepEqual(await names(page, ".now"), ["bastion"]);
        for (const button of await strip(page).locator("button").all()) {
          const box = await button.boundingBox();
          assert.ok(box.width >= 44 && box.height >= 44, JSON.stringify(box));
          const size = await button.evaluate((e) => parseFloat(getComputedStyle(e).fontSize));
          assert.ok(size >= 11, `${size} px`);
        }
        await page.keyboard.press("Escape");
        await go(page, "node01");
        await shows(page, "node01");
        assert.deepEqual(await names(page, ".been"), ["bastion"]);
        // By a tap and by keys.
        await strip(page).getByRole("button", { name: "node02" }).click();
        await shows(page, "node02");
        await page.keyboard.press("Shift+Tab");
        await page.keyboard.press("Enter");
        await shows(page, "node01");
        await page.keyboard.press("Tab");
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await strip(page).locator("button[aria-pressed=true]", { hasText: "nginx" }).waitFor();
        await shows(page, "node02");
        // The view follows the packet again as soon as it moves.
        await page.keyboard.press("ArrowRight");
        await shows(page, "node01");
        assert.equal(await strip(page).locator("[aria-pressed=true]").count(), 0);
        await go(page, "node02");
        await shows(page, "node02");
      });
    });

test("a wide page has no strip, as all of the way is in view", async () => {
  await visit({ viewport: { width: 1280, height: 720 }, panes: null }, async (page) => {
    await send(page);
    assert.equal(await strip(page).isVisible(), false);
  });
});

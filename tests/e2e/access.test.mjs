// Accessibility: axe-core in every state of the page, and a whole run with the keyboard alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { violations } from "./axe.mjs";
import { check, go, pick, send, step, steps, terminal, type, visit } from "./visit.mjs";

async function clean(page, state) {
  assert.deepEqual(await violations(page), [], state);
}

for (const [name, options] of [
  ["English, light", {}],
  ["Japanese, dark", { locale: "ja-JP", colorScheme: "dark" }],
  ["phone, light", { viewport: { width: 390, height: 844 } }],
  ["phone, dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
]) {
  test(`${name}: axe finds no violation in the idle page, a run, a packet, tables`, async () => {
    await visit(options, async (page) => {
      await clean(page, "idle");
      await send(page, "");
      for (let i = 0; i < 12; i++) await page.keyboard.press("ArrowRight");
      await clean(page, "in the run");
      if (options.viewport) await page.locator(".tabs .tab").nth(1).click();
      for (const n of [0, 2]) {
        await page.locator(".inspector [role=tab]").nth(n).click();
        await clean(page, `inspector ${n}`);
      }
    });
  });
}

test("axe finds no violation while editing: form, terminal, errors, rule changes", async () => {
  await visit({}, async (page) => {
    await clean(page, "the menu");
    await page.keyboard.press("Escape");
    await pick(page, "node01", "flannel.1");
    await check(page, "cable cut").click();
    await clean(page, "with a form and an error");
    await terminal(page, "node01");
    await type(page, "iptables -t nat -vnL KUBE-SERVICES");
    await clean(page, "the terminal");
    await page.click("[role=tab]:has-text('Rules')");
    await page.click(".ops button:has-text('Changes')");
    // The editor is at the lines that the form changed.
    await page.locator(".cm-scroller").evaluate((e) => (e.scrollTop = 0));
    await page.locator(".cm-line", { hasText: "nodePort:" }).click();
    await page.keyboard.press("End");
    await page.keyboard.type("1");
    await page.locator(".problem.error").waitFor();
    await clean(page, "an error");
  });
});

test("a run with the keyboard alone; every sentence is in the accessibility tree", async () => {
  await visit({}, async (page) => {
    // Tab to the endpoint, choose it with the arrow keys, submit the form.
    const focused = () =>
      page.evaluate(
        () => document.activeElement.id || document.activeElement.getAttribute("class"),
      );
    for (let i = 0; i < 12 && (await focused()) !== "endpoint"; i++)
      await page.keyboard.press("Tab");
    assert.equal(await focused(), "endpoint");
    for (let i = 0; i < 5 && (await page.locator("#endpoint").inputValue()) !== "10.1.6.5:80"; i++)
      await page.keyboard.press("ArrowDown");
    assert.equal(await page.locator("#endpoint").inputValue(), "10.1.6.5:80");
    for (let i = 0; i < 4 && (await focused()) !== "send"; i++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".event.current");
    // Tab to the event list, a single tab stop, where the page handles the arrow keys.
    for (let i = 0; i < 90 && (await focused()) !== "event-list"; i++)
      await page.keyboard.press("Tab");
    assert.equal(await focused(), "event-list");
    if (await page.locator(".play[aria-label=Pause]").count()) await page.keyboard.press(" ");
    const n = await steps(page);
    const client = await page.context().newCDPSession(page);
    const tree = async () =>
      (await client.send("Accessibility.getFullAXTree")).nodes
        .filter((x) => !x.ignored && x.name?.value)
        .map((x) => x.name.value)
        .join("\n");
    let here = await step(page);
    const said = [];
    for (; here < n; here++) {
      await page.keyboard.press("ArrowRight");
      await page.waitForFunction(
        (k) => Number(document.querySelector(".count strong").textContent) === k,
        here + 1,
      );
      said.push((await page.locator(".foot .saying").textContent()).trim());
    }
    assert.ok(said.length > 100 && said.every((s) => s), "every step has a sentence");
    assert.ok(
      said.some((s) => /The client has its answer: 849 bytes/.test(s)) &&
        said.some((s) => /becomes 10\.1\.6\.5:80/.test(s)),
    );
    const all = (await tree()).replaceAll(/\s+/g, "");
    const missing = [...new Set(said)].filter((s) => !all.includes(s.replaceAll(/\s+/g, "")));
    assert.deepEqual(missing, [], "each sentence is in the accessibility tree");
    // The picture is a single tab stop; arrow keys move in it, Enter opens the tables.
    for (
      let i = 0;
      i < 80 && !(await page.evaluate(() => document.activeElement.closest?.(".picture")));
      i++
    )
      await page.keyboard.press("Shift+Tab");
    const first = await page.evaluate(() => document.activeElement.textContent);
    await page.keyboard.press("ArrowRight");
    const second = await page.evaluate(() => document.activeElement.textContent);
    assert.ok(
      await page.evaluate(() => document.activeElement.closest(".picture")),
      "the focus stays in the picture",
    );
    assert.notEqual(first, second);
    await page.keyboard.press("Enter");
    await page.locator(".inspector .dumps").waitFor();
  });
});

test("at 200 % zoom with reduced motion, everything is visible and nothing moves", async () => {
  await visit({ viewport: { width: 720, height: 450 }, reducedMotion: "reduce" }, async (page) => {
    await send(page);
    await page.keyboard.press("ArrowRight");
    await page.locator(".tabs .tab").nth(1).click();
    assert.equal(
      await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1),
      false,
    );
    await page.locator(".tabs .tab").first().click();
    const at = () => page.locator(".capsule-place").getAttribute("transform");
    await page.keyboard.press("ArrowRight");
    const one = await at();
    await page.waitForTimeout(300);
    assert.equal(await at(), one, "the packet is drawn at its position without moving there");
  });
});

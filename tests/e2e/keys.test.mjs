// Keys, focus, pinch, files and the editor's language, on the whole page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { at, end, send, steps, text, visit } from "./visit.mjs";

const focused = (page) => page.evaluate(() => document.activeElement?.id);

test("after Send, Space pauses and does not send again", async () => {
  await visit({}, async (page) => {
    await page.focus(".sentence .send");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement?.id === "play");
    const before = await steps(page);
    await page.keyboard.press("Space");
    await page.locator(".play[aria-label=Play]").waitFor();
    await page.keyboard.press("Space");
    await page.locator(".play[aria-label=Pause]").waitFor();
    assert.equal(await steps(page), before);
  });
});

test("Home, End, full stop and F do what the list of keys says", async () => {
  await visit({}, async (page) => {
    await send(page);
    await page.keyboard.press("End");
    await at(page, await steps(page));
    await page.keyboard.press("Home");
    await at(page, 0);
    const focus = page.locator(".legend > .filter").first();
    assert.equal(await focus.getAttribute("aria-pressed"), "true");
    await page.keyboard.press(".");
    await page.locator(".legend > .filter[aria-pressed=false]").waitFor();
    await end(page);
    await send(page);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await at(page, 1);
    await page.keyboard.press("f");
    const kept = page.locator("#preset option", { hasText: / · \d{4}-/ });
    await kept.first().waitFor({ state: "attached" });
    assert.equal(await kept.count(), 1);
    await page.keyboard.press("?");
    const list = page.getByRole("dialog", { name: "Keys" });
    assert.match(await list.textContent(), /find a node, pod or Service/);
    await page.keyboard.press("Escape");
    await list.waitFor({ state: "detached" });
  });
});

test("a slash finds a pod by its address, selects it and shows it", async () => {
  await visit({}, async (page) => {
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement?.id === "find");
    await page.keyboard.type("10.1.6.5");
    await page.keyboard.press("Enter");
    await page.locator(".picture .pod.selected").waitFor();
    assert.match(await page.locator(".picture .pod.selected").textContent(), /10\.1\.6\.5/);
    assert.equal(await page.getByRole("dialog").count(), 0);
  });
});

test("when a pane folds, the focus is on the button that unfolds it, and back", async () => {
  await visit({}, async (page) => {
    for (const [pane, button] of [
      ["editor", "fold"],
      ["editor", "unfold"],
      ["inspector", "fold"],
    ]) {
      await page.focus(`#${button}-${pane}`);
      await page.keyboard.press("Enter");
      const other = button === "fold" ? "unfold" : "fold";
      await page.waitForFunction((id) => document.activeElement?.id === id, `${other}-${pane}`);
      assert.equal(await focused(page), `${other}-${pane}`);
    }
  });
});

test("the handle of a pane tells its size, before and after it was moved", async () => {
  await visit({ panes: null }, async (page) => {
    const check = async () => {
      const [now, width] = await page.evaluate(() => {
        const handle = document.querySelector(".editor > .handle");
        return [
          Number(handle.getAttribute("aria-valuenow")),
          handle.parentElement.getBoundingClientRect().width,
        ];
      });
      assert.ok(Math.abs(now - width) <= 1, `${now} of ${width}`);
    };
    await check();
    await page.focus(".editor > .handle");
    await page.keyboard.press("ArrowRight");
    await page.waitForTimeout(100);
    await check();
  });
});

test("the zoom in percent follows the room of the picture", async () => {
  await visit({}, async (page) => {
    await page.click(".zoom [aria-label='Zoom in']");
    const percent = () => page.locator(".percent").textContent();
    const drawn = () =>
      page.locator(".picture").evaluate((svg) => {
        const [, , w, h] = svg.getAttribute("viewBox").split(" ").map(Number);
        const room = svg.getBoundingClientRect();
        return `${Math.round(Math.min(room.width / w, room.height / h) * 100)} %`;
      });
    assert.equal(await percent(), await drawn());
    await page.setViewportSize({ width: 1200, height: 700 });
    await page.waitForTimeout(300);
    assert.equal(await percent(), await drawn());
  });
});

test("two fingers zoom the picture around their middle", async () => {
  await visit({ hasTouch: true, viewport: { width: 390, height: 844 } }, async (page, context) => {
    const room = await page.locator(".picture").boundingBox();
    const [x, y] = [room.x + room.width / 2, room.y + room.height / 2];
    const cdp = await context.newCDPSession(page);
    const touch = (type, gap) =>
      cdp.send("Input.dispatchTouchEvent", {
        type,
        touchPoints: gap ? [-gap, gap].map((dx, id) => ({ x: x + dx, y, id })) : [],
      });
    const width = () =>
      page.locator(".picture").evaluate((svg) => Number(svg.getAttribute("viewBox").split(" ")[2]));
    const before = await width();
    await touch("touchStart", 40);
    for (const gap of [50, 60, 70, 80]) await touch("touchMove", gap);
    await touch("touchEnd");
    const after = await width();
    assert.ok(Math.abs(before / after - 2) < 0.2, `${before} ${after}`);
  });
});

test("a file that is not text is named and refused; the document stays", async () => {
  await visit({}, async (page) => {
    const before = await text(page);
    await page.setInputFiles("input[type=file]", {
      name: "picture.yaml",
      mimeType: "image/png",
      buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 1]),
    });
    await page.locator(".verdict .bad").waitFor();
    assert.match(await page.locator(".verdict").textContent(), /picture\.yaml is a PNG file/);
    assert.equal(await text(page), before);
  });
});

test("the first click on Add opens its menu", async () => {
  await visit({}, async (page) => {
    await page.click(".adder summary");
    assert.ok(await page.locator(".adder .menu-item").first().isVisible());
  });
});

test("in Japanese the hints and the editor's search panel are in Japanese", async () => {
  await visit({ locale: "ja-JP" }, async (page) => {
    await page.locator(".editor-host .cm-content").waitFor();
    await page.evaluate(() =>
      document
        .querySelector(".editor-host")
        .shadowRoot.querySelector(".cm-content")
        .focus(),
    );
    await page.keyboard.press("Control+f");
    const panel = page.locator(".cm-search");
    await panel.waitFor();
    assert.match(await panel.textContent(), /すべて置換/);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("kind: [");
    await page.locator(".problem.error .hint").first().waitFor();
    assert.match(await page.locator(".problem.error .hint").first().textContent(), /YAML の構文/);
  });
});

test("the menu of releases is whole in a narrow editor", async () => {
  await visit({ panes: "editor=open;--editor=220px" }, async (page) => {
    const [menu, status] = await Promise.all(
      [".status .slot", ".status"].map((s) => page.locator(s).boundingBox()),
    );
    assert.ok(menu.x >= status.x && menu.x + menu.width <= status.x + status.width + 0.5);
    assert.ok(menu.y + menu.height <= status.y + status.height + 0.5);
  });
});

for (const [name, viewport, panes] of [
  ["with the terminal open", { width: 1280, height: 720 }, "drawer=terminal"],
  ["on a phone's diagram", { width: 390, height: 844 }, null],
])
  test(`the verdict is whole and in view ${name}`, async () => {
    await visit({ viewport, panes }, async (page) => {
      await send(page, null);
      await end(page);
      const verdict = page.locator(".now .verdict > span > span");
      const cut = await verdict.evaluate(
        (e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().height < 15,
      );
      assert.ok((await verdict.isVisible()) && !cut);
      const [box, { height }] = [await verdict.boundingBox(), viewport];
      assert.ok(box.y > 0 && box.y + box.height <= height);
    });
  });

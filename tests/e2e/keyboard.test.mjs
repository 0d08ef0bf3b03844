// The page by keys alone. No test here touches the pointer, sets a field or calls an element: after
// every key, the focus is on an element that can be seen, and shows that it has the focus.
import assert from "node:assert/strict";
import { test } from "node:test";
import { at as shown, printed, step, steps, verdict, visit } from "./visit.mjs";

/** Runs in the page: what has the focus, and what is wrong with that. */
function focus() {
  let e = document.activeElement;
  // The editor is in a shadow tree.
  while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  const label = e.getAttribute("aria-label") ?? e.textContent.trim().slice(0, 40);
  const name = `${e.tagName.toLowerCase()}#${e.id}.${e.getAttribute("class") ?? ""} "${label}"`;
  if (e === document.body) return { name, wrong: "the focus is on nothing" };
  const own = e.labels?.[0]?.classList.contains("tool") ? e.labels[0] : e;
  const r = own.getBoundingClientRect();
  const seen = r.width && r.height && r.bottom > 0 && r.right > 0 && r.top < innerHeight;
  if (!seen || r.left >= innerWidth) return { name, wrong: "what has the focus is not in view" };
  // A ring around it or around what holds it, the stroke of a box in the picture, or a cursor.
  const ring = (e) => {
    const s = getComputedStyle(e);
    const line = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
    return line || s.boxShadow !== "none";
  };
  const holders = [own, own.parentElement, own.parentElement?.parentElement];
  const box = e.closest(".picture") && e.querySelector("rect, circle");
  const stroked = box && parseFloat(getComputedStyle(box).strokeWidth) >= 2.5;
  const caret = e.matches(".cm-content");
  const filled = e.matches(".handle") && getComputedStyle(e).backgroundColor !== "rgba(0, 0, 0, 0)";
  const shows = holders.some((h) => h && ring(h)) || stroked || caret || filled;
  return { name, wrong: shows ? "" : "nothing shows that it has the focus" };
}

/** The keyboard of a page. */
function keyboard(page) {
  const here = async () => page.evaluate(focus);
  const press = async (key, times = 1) => {
    for (let i = 0; i < times; i++) {
      await page.keyboard.press(key);
      // What is drawn anew gets the focus in the next frame.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done())));
      const { name, wrong } = await here();
      assert.equal(wrong, "", `after ${key}: ${name}`);
    }
  };
  const at = (selector) =>
    page.evaluate((selector) => {
      const e = document.activeElement;
      return Boolean((e.shadowRoot?.activeElement ?? e).closest(selector));
    }, selector);
  /** Moves the focus to an element by Tab, forwards or backwards. */
  const reach = async (selector, key = "Tab") => {
    for (let i = 0; i < 120; i++) {
      if (await at(selector)) return;
      await press(key);
    }
    assert.fail(`${selector} cannot be reached by ${key}`);
  };
  /** Chooses in a menu or a field with suggestions: by the name of what is chosen. */
  const choose = async (selector, text) => {
    await reach(selector);
    const combobox = await page.locator(selector).getAttribute("role");
    if (combobox === "combobox") {
      await press("Control+a");
      await page.keyboard.type(text);
      await press("Enter");
    } else await page.keyboard.type(text);
    const chosen = page.locator(selector);
    const value = await chosen.evaluate((e) => e.selectedOptions?.[0]?.textContent ?? e.value);
    assert.ok(value.startsWith(text), `${selector} has ${value}`);
  };
  return { press, at, reach, choose, here, type: (text) => page.keyboard.type(text) };
}

test("sending, stepping and seeking by keys alone", async () => {
  await visit({ panes: null, viewport: { width: 1440, height: 900 } }, async (page) => {
    const keys = keyboard(page);
    await keys.choose("#from", "gateway");
    await keys.choose("#to", "node02:30080");
    await keys.reach(".sentence .send");
    await keys.press("Enter");
    await page.locator(".capsule").waitFor();
    // The focus goes to the button that pauses: Space does not send again.
    await page.waitForFunction(() => document.activeElement.matches(".play"));
    const n = await steps(page);
    await keys.press(" ");
    await page.locator(".play[aria-label=Play]").waitFor();
    assert.equal(await steps(page), n);
    const paused = await step(page);
    await keys.press("ArrowRight", 3);
    await shown(page, paused + 3);
    await keys.press("ArrowLeft");
    await shown(page, paused + 2);
    await keys.press("End");
    await shown(page, n);
    assert.match(await verdict(page), /849 bytes/);
    await keys.press("Home");
    await shown(page, 0);
    // The scrubber, as a field of its own.
    await keys.reach(".scrub");
    await keys.press("PageUp");
    await page.waitForFunction(() => +document.querySelector(".count strong").textContent > 1);
    await keys.press("End");
    await shown(page, n);
    await keys.press("Home");
    // The buttons of the transport and the grains.
    await keys.reach("[aria-label='Step forward']", "Shift+Tab");
    await keys.press("Enter", 2);
    await shown(page, 2);
    await keys.reach(".grains button");
    await keys.press("Enter");
    await page.waitForFunction(
      (n) => +document.querySelector(".count").textContent.split("/")[1] < n,
      n,
    );
  });
});

test("a node, its form, and every pane by keys alone", async () => {
  await visit({ panes: null, viewport: { width: 1280, height: 720 } }, async (page) => {
    const keys = keyboard(page);
    // The picture is one tab stop; arrows move in it, Enter opens what is there.
    await keys.reach(".picture");
    const node = (await keys.here()).name;
    await keys.press("ArrowRight");
    assert.ok(await keys.at(".picture"), "the focus stays in the picture");
    assert.notEqual((await keys.here()).name, node);
    await keys.press("ArrowLeft");
    await keys.press("Enter");
    await page.locator(".inspector .thing").waitFor();
    await keys.reach(".thing input");
    await keys.press("Tab");
    // Each pane is opened and folded, and the focus stays with it.
    for (const side of ["editor", "inspector"]) {
      const pane = page.locator(`.${side}-side > .${side}`);
      if (await pane.isVisible()) {
        await keys.reach(`.${side} .fold`, side === "editor" ? "Shift+Tab" : "Tab");
        await keys.press("Enter");
      }
      await pane.waitFor({ state: "hidden" });
      await keys.reach(`.${side}-side > .rail`, "Shift+Tab");
      await keys.press("Enter");
      await pane.waitFor();
      assert.ok(await keys.at(`.${side}-side`), `the focus stays in ${side}`);
    }
    for (const n of [3, 2, 1]) {
      const tab = `.inspector [role=tab]:nth-child(${n})`;
      await keys.reach(tab, "Shift+Tab");
      await keys.press("Enter");
      assert.equal(await page.locator(tab).getAttribute("aria-selected"), "true");
    }
    for (const n of [1, 2, 3]) {
      await keys.reach(`.toggles button:nth-child(${n})`);
      await keys.press("Enter");
      await page.locator(".drawer").waitFor();
      assert.equal(await page.locator(".toggles [aria-expanded=true]").count(), 1);
      await keys.reach(`.toggles button:nth-child(${n})`);
    }
    await keys.press("Enter");
    await page.locator(".drawer").waitFor({ state: "hidden" });
  });
});

test("the text, undo, the dialog and the terminal by keys alone", async () => {
  await visit({ panes: null, viewport: { width: 1440, height: 900 } }, async (page) => {
    const keys = keyboard(page);
    await page.locator(".cm-content").waitFor();
    await keys.reach(".cm-content");
    await keys.press("Control+End");
    await keys.type("# typed");
    const first = page.locator(".cm-line", { hasText: "# typed" });
    await first.waitFor();
    await keys.press("Control+z");
    await first.waitFor({ state: "detached" });
    // Escape leaves the editor, so that Tab is no trap.
    await keys.press("Escape");
    await keys.reach("#share", "Shift+Tab");
    await keys.press("Enter");
    await page.locator(".share").waitFor();
    assert.ok(await keys.at(".share"), "the focus is in the dialog");
    await keys.press("Tab", 3);
    await keys.press("Escape");
    await page.locator(".share").waitFor({ state: "detached" });
    assert.ok(await keys.at("#share"), "the focus is back at the button");
    for (const [key, field, button] of [
      ["/", "#find", "#open-find"],
      ["?", "#keys", "#open-keys"],
    ]) {
      await keys.press(key);
      await page.locator(field).waitFor();
      assert.ok(await keys.at(field), "the focus is in the dialog");
      await keys.press("Escape");
      await page.locator(field).waitFor({ state: "detached" });
      assert.ok(await keys.at(button), "the focus is back at the button");
    }
    await keys.press("/");
    await keys.type("10.1.6.5");
    await keys.press("Enter");
    await page.locator(".picture .pod.selected").waitFor();
    assert.ok(await keys.at(".zoom"), "the focus is at the diagram");
    await keys.reach(".toggles button:nth-child(2)");
    await keys.press("Enter");
    await keys.reach("#command", "Shift+Tab");
    await keys.type("ip route");
    await keys.press("Enter");
    assert.match(await printed(page), /default via/);
    assert.ok(await keys.at("#command"), "the focus stays at the prompt");
  });
});

// The set-up of every whole-page test: the built page, in a new browser, under the strict policy.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { READY, dist, launch, listen, root } from "./browser.mjs";
import { serve } from "./serve.mjs";

export const shots = join(root, "target", "screenshots");
let server;

before(async () => {
  mkdirSync(shots, { recursive: true });
  server = await serve(dist);
});
after(() => server.close());

/** As a reader left the panes who uses all of them. */
const PANES = "editor=open;inspector=open;drawer=events;--inspector=320px";

/** Opens the page, runs `act`, and checks that nothing was written to the console. */
export async function visit(options, act) {
  const { before: prepare, panes = PANES, ...rest } = options;
  const { context, close } = await launch({ locale: "en-US", ...rest });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const said = listen(page);
    if (panes)
      await page.addInitScript((panes) => {
        // A sandboxed frame has no storage.
        try {
          localStorage["packetwalk.panes"] ??= panes;
        } catch {}
      }, panes);
    await prepare?.(page);
    await page.goto(`${server.origin}/`);
    await page.waitForSelector(READY);
    await act(page, context);
    assert.deepEqual(said, [], "the console is silent");
  } finally {
    await close();
  }
}

export const origin = () => server.origin;

/** Unfolds the tools, on a page where they are folded. */
export async function openTools(page) {
  const button = page.locator(".tools-toggle");
  if ((await button.isVisible()) && (await button.getAttribute("aria-expanded")) === "false")
    await button.click();
}

/** Unfolds the form that sends, on a page where it is folded. */
export async function compose(page) {
  const button = page.locator(".compose");
  if ((await button.isVisible()) && (await button.getAttribute("aria-expanded")) === "false")
    await button.click();
}

/** Types in From or To and takes what is found. */
export async function choose(page, id, text) {
  await compose(page);
  await page.fill(`#${id}`, text);
  await page.press(`#${id}`, "Enter");
}

/** Presses Send and pauses playback at once. */
export async function send(page, endpoint = "10.1.6.5:80") {
  await compose(page);
  if (endpoint) await page.selectOption("#endpoint", endpoint);
  await page.click(".sentence .send");
  await page.waitForSelector(".play[aria-label=Pause], .play[aria-label=一時停止]");
  await page.click(".play");
}

/** Steps to the nth event of a kind in the list. */
export const go = (page, word, nth = 0) =>
  page
    .locator(".event", { has: page.locator(".kind", { hasText: word }) })
    .nth(nth)
    .locator("button")
    .click();
export const step = async (page) => Number(await page.locator(".count strong").textContent());
/** Waits until a step is shown: under load the page draws a key's effect in a later task. */
export const at = (page, n) =>
  page.waitForFunction((n) => document.querySelector(".count strong").textContent === n, `${n}`);
export const steps = async (page) =>
  Number((await page.locator(".count").textContent()).split("/")[1]);
export const verdict = (page) => page.locator(".verdict").first().textContent();
/** Goes to the end of the run, unless the page is there. */
export async function end(page) {
  await page.locator(".scrub").evaluate((e) => {
    e.value = e.max;
    e.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
export const undo = (page) => page.click(".tools [aria-label=Undo]");

/** The whole session as Save writes it: the document and the Script. */
export async function file(page) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.click("[aria-label='Save as a file']"),
  ]);
  const stream = await download.createReadStream();
  let out = "";
  for await (const part of stream) out += part;
  return out;
}

/** The whole text, taken from the saved file, as the editor renders visible lines only. */
export async function text(page) {
  const all = await file(page);
  const script = all.lastIndexOf("---\napiVersion: packetwalk.dev/v1alpha1\nkind: Script\n");
  return script < 0 ? all : all.slice(0, script);
}

/** Chooses an item of the Add menu. */
export async function add(page, what) {
  if (!(await page.locator("details.adder[open]").count())) await page.click(".adder summary");
  await page.click(`.adder .menu-item:has-text('${what}')`);
}

/** Clicks an element of the picture. */
export const pick = (page, host, device) =>
  page
    .locator(`[data-host="${host}"]${device ? `[data-dev="${device}"]` : ":not([data-dev])"}`)
    .first()
    .click({ position: device ? undefined : { x: 30, y: 12 } });

/** A form field, by its label. */
export const field = (page, label) =>
  page.locator(".thing .field", { hasText: label }).locator("input, select");
export async function fill(page, label, value) {
  await field(page, label).fill(value);
  await field(page, label).press("Enter");
}
export const check = (page, label) =>
  page.locator(".thing .check", { hasText: label }).locator("input");

/** Opens the drawer with this content. */
export async function drawer(page, name) {
  const button = page.locator(".toggles button", { hasText: name });
  if ((await button.getAttribute("aria-expanded")) === "false") await button.click();
}

/** Types a command in the terminal. */
export async function type(page, line) {
  await page.locator("#command").fill(line);
  await page.keyboard.press("Enter");
}
export async function terminal(page, host) {
  await drawer(page, "Terminal");
  await page.locator("#command").waitFor();
  if (host) await page.selectOption(".terminal select", host);
}
export const printed = (page) => page.locator(".typed li pre").last().textContent();

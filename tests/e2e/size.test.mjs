// What is fetched until the diagram is drawn, the NodePort run delivered and the rule panel open,
// compressed as a host would. Editor and fonts come after the first picture and have budgets of
// their own; the workbench comes when it is asked for.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { dist } from "./browser.mjs";
import { end, send, verdict, visit } from "./visit.mjs";

const KIB = 1024;
const FIRST_LOAD = 350;
const brotli = (file) =>
  brotliCompressSync(readFileSync(join(dist, file)), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
  }).length;

test("the first load stays within its budget", async () => {
  const fetched = [];
  let times;
  const watch = async (page) => {
    page.on("request", (r) => {
      const name = basename(new URL(r.url()).pathname) || "index.html";
      if (!fetched.includes(name)) fetched.push(name);
    });
    await page.addInitScript(() => {
      new MutationObserver((_, me) => {
        if (!document.querySelector(".picture .node-card")) return;
        globalThis.drawnAt = performance.now();
        me.disconnect();
      }).observe(document, { childList: true, subtree: true });
    });
  };
  await visit({ before: watch }, async (page) => {
    await send(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
    await page.locator(".rules").waitFor();
    await page.waitForTimeout(500);
    times = await page.evaluate(() => ({
      drawn: globalThis.drawnAt,
      editor: performance.getEntriesByType("resource").find((e) => /\/editor-\w+\.js$/.test(e.name))
        .startTime,
    }));
  });
  const parts = { wasm: 0, js: 0, css: 0, html: 0 };
  const editor = fetched.find((f) => /^editor-/.test(f));
  const workbench = readdirSync(dist).filter((f) => f.startsWith("packetwalk-workbench"));
  const apart = {
    editor: brotli(editor),
    fonts: 0,
    workbench: workbench.reduce((n, f) => n + brotli(f), 0),
  };
  for (const name of fetched) {
    const kind = name.split(".").pop();
    if (kind === "woff2") apart.fonts += readFileSync(join(dist, "fonts", name)).length;
    else if (kind in parts && name !== editor) parts[kind] += brotli(name);
  }
  const total = Object.values(parts).reduce((a, b) => a + b);
  const row = (name, n) => console.log(`${name.padEnd(12)} ${String(n).padStart(8)} bytes`);
  for (const [name, n] of Object.entries(parts)) row(name, n);
  row("first load", total);
  for (const [name, n] of Object.entries(apart)) row(name, n);
  assert.ok(
    Object.values(parts).every((n) => n > 0),
    `every part is there: ${fetched}`,
  );
  assert.ok(
    !fetched.some((f) => f.startsWith("packetwalk-workbench")),
    "nobody asked for the workbench",
  );
  assert.ok(times.editor > times.drawn, "the editor is fetched after the first picture");
  assert.ok(
    total <= FIRST_LOAD * KIB,
    `the first load has ${total} bytes, more than ${FIRST_LOAD} KiB`,
  );
  assert.ok(apart.editor <= 200 * KIB, `the editor has ${apart.editor} bytes`);
  assert.ok(apart.fonts <= 100 * KIB, `the fonts have ${apart.fonts} bytes`);
});

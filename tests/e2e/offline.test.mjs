// After one visit the page opens without a network; another version of it takes over cleanly.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { dist, launch, listen } from "./browser.mjs";
import { serve } from "./serve.mjs";
import { end, send, verdict, workbench } from "./visit.mjs";

/** The worker has everything. */
const ready = (page) => page.evaluate(() => navigator.serviceWorker.ready.then((r) => r.active.scriptURL));
/** Asks again until it is so. */
async function until(page, what, ask, argument) {
  for (let n = 0; n < 120; n++) {
    if (await page.evaluate(ask, argument)) return;
    await page.waitForTimeout(250);
  }
  assert.fail(what);
}
const activated = (page) => until(page, "the worker is active", async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated");
const names = (page) => page.evaluate(() => caches.keys());

async function walk(page) {
  await page.waitForSelector(".picture .node-card");
  await send(page);
  await end(page);
  assert.match(await verdict(page), /849 bytes/);
}

test("a reload without a network works, with editor and workbench", async () => {
  const server = await serve(dist, { prefix: "/net/" });
  const { context, close } = await launch({ worker: true, locale: "en-US" });
  let closed = false;
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const said = listen(page);
    await page.goto(`${server.origin}/net/`);
    await walk(page);
    await ready(page);
    await activated(page);
    const address = `${server.origin}/net/`;
    await server.close();
    closed = true;
    await page.goto(address);
    await walk(page);
    await page.locator(".cm-content").waitFor();
    await workbench(page);
    await page.reload();
    await walk(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
    if (!closed) await server.close();
  }
});

/** The build after this one: another style sheet and another workbench, and so another page and worker. */
function next(folder) {
  cpSync(dist, folder, { recursive: true });
  const file = (pattern) => readdirSync(folder).find((f) => pattern.test(f));
  const rename = (from, to, change = (t) => t) => {
    const bytes = readFileSync(join(folder, from));
    renameSync(join(folder, from), join(folder, to));
    const changed = change(bytes);
    if (changed !== bytes) writeFileSync(join(folder, to), changed);
    return (text) => text.replaceAll(from, to);
  };
  const style = rename(file(/^styles-/), "styles-next0000.css", (b) => `${b}\n.brand { outline: 0 }`);
  const glue = rename(file(/^packetwalk-workbench-\w+\.js$/), "packetwalk-workbench-next0000.js");
  const wasm = rename(file(/^packetwalk-workbench_bg-/), "packetwalk-workbench_bg-next0000.wasm");
  const start = file(/^start-/);
  const named = rename(start, "start-next0000.js", (b) => wasm(glue(String(b))));
  const edit = (name, change) => writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
  edit("index.html", (t) => style(named(t)).replace("<title>Packetwalk", "<title>Next Packetwalk"));
  edit("offline.js", (t) => wasm(glue(style(named(t)))).replace(/"[0-9a-f]{8}"/, '"next0000"').replace(/"[0-9a-f]{64}"/, `"${createHash("sha256").update(readFileSync(join(folder, "index.html"))).digest("hex")}"`));
}

test("an update is there with the next load, and an open page of before goes on working", async () => {
  const folder = mkdtempSync(join(tmpdir(), "packetwalk-next-"));
  next(folder);
  let now = dist;
  const server = await serve(() => now, { prefix: "/" });
  const { context, close } = await launch({ worker: true, locale: "en-US" });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const said = listen(page);
    await page.goto(`${server.origin}/`);
    await walk(page);
    await ready(page);
    await activated(page);
    const before = await names(page);
    assert.equal(before.length, 1);

    // Another version is put in place; this page was open before, and asks for its own workbench now.
    now = folder;
    await workbench(page);
    await walk(page);
    const other = await context.newPage();
    const said2 = listen(other);
    await other.goto(`${server.origin}/`);
    assert.equal(await other.title(), "Next Packetwalk: a Kubernetes network you can watch");
    await walk(other);
    await workbench(other);
    await other.evaluate(() => navigator.serviceWorker.getRegistration().then((r) => r.update()));
    await until(other, "the next worker waits", async () => Boolean((await navigator.serviceWorker.getRegistration())?.waiting));
    assert.equal((await names(other)).length, 2, "both are there as long as a page of before is open");

    // Without a network, in the middle of it: what was there before opens, whole.
    now = null;
    await page.reload();
    await walk(page);
    now = folder;

    // All pages are closed: the new one takes over, and what was before is thrown away.
    await page.close();
    await other.close();
    const last = await context.newPage();
    const said3 = listen(last);
    await last.goto(`${server.origin}/`);
    await walk(last);
    await until(last, "what was before is thrown away", async (old) => !(await caches.keys()).includes(old), before[0]);
    now = null;
    await last.reload();
    assert.equal(await last.title(), "Next Packetwalk: a Kubernetes network you can watch");
    await walk(last);
    await workbench(last);
    assert.deepEqual([said, said2, said3].flat(), []);
  } finally {
    await close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

// After the first visit the page opens without a network, and a new version replaces the old one.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { READY, dist, launch, listen } from "./browser.mjs";
import { serve } from "./serve.mjs";
import { end, send, verdict } from "./visit.mjs";

/** Waits until the service worker has cached every file. */
const ready = (page) =>
  page.evaluate(() => navigator.serviceWorker.ready.then((r) => r.active.scriptURL));
/** Repeats `check` until it holds. */
async function until(page, what, ask, argument) {
  for (let n = 0; n < 120; n++) {
    if (await page.evaluate(ask, argument)) return;
    await page.waitForTimeout(250);
  }
  assert.fail(what);
}
const activated = (page) =>
  until(
    page,
    "the service worker is active",
    async () => (await navigator.serviceWorker.getRegistration())?.active?.state === "activated",
  );

async function walk(page) {
  await page.waitForSelector(READY);
  await send(page);
  await end(page);
  assert.match(await verdict(page), /849 bytes/);
}

test("a reload without a network works, including the editor", async () => {
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
    await page.reload();
    await walk(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
    if (!closed) await server.close();
  }
});

/** The next version of a build: other style sheet and engine, hence other page and worker. */
function next(from, folder, mark) {
  cpSync(from, folder, { recursive: true });
  const file = (pattern) => readdirSync(folder).find((f) => pattern.test(f));
  const rename = (from, to, change = (t) => t) => {
    const bytes = readFileSync(join(folder, from));
    renameSync(join(folder, from), join(folder, to));
    const changed = change(bytes);
    if (changed !== bytes) writeFileSync(join(folder, to), changed);
    return (text) => text.replaceAll(from, to);
  };
  const style = rename(
    file(/^styles-/),
    `styles-${mark}.css`,
    (b) => `${b}\n.brand { outline: 0 }`,
  );
  const glue = rename(file(/^packetwalk-\w+\.js$/), `packetwalk-${mark}.js`);
  const [plain, packed] = [".wasm", ".wasm.xz"].map((ending) =>
    rename(file(new RegExp(`^packetwalk-\\w+\\${ending}$`)), `packetwalk-${mark}${ending}`),
  );
  const wasm = (text) => plain(packed(text));
  const start = rename(file(/^start-/), `start-${mark}.js`, (b) => wasm(glue(String(b))));
  const edit = (name, change) =>
    writeFileSync(join(folder, name), change(readFileSync(join(folder, name), "utf8")));
  edit("index.html", (t) =>
    style(wasm(glue(start(t)))).replace(/<title>.*?Packetwalk/, `<title>${mark} Packetwalk`),
  );
  const is = createHash("sha256")
    .update(readFileSync(join(folder, "index.html")))
    .digest("hex");
  edit("offline.js", (t) =>
    wasm(glue(style(start(t))))
      .replace(/"[0-9a-f]{8}"/, `"${mark}"`)
      .replace(/"[0-9a-f]{64}"/, `"${is}"`),
  );
}

test("the next load uses an update; open pages keep theirs; old caches are deleted", async () => {
  const folders = ["0000000a", "0000000b"].map((mark) => [
    mark,
    mkdtempSync(join(tmpdir(), "packetwalk-next-")),
  ]);
  folders.reduce((from, [mark, folder]) => (next(from, folder, mark), folder), dist);
  let now = dist;
  const server = await serve(() => now, { prefix: "/" });
  const { context, close } = await launch({ worker: true, locale: "en-US" });
  const said = [];
  const page = async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    said.push(listen(page));
    return page;
  };
  const versions = async (page) =>
    (await page.evaluate(() => caches.keys())).map((n) => n.split(" ").pop());
  try {
    const first = await page();
    await first.goto(`${server.origin}/`);
    await walk(first);
    await ready(first);
    await activated(first);
    const [version] = await versions(first);

    // A second version is deployed and loaded while a page of the first is open.
    const [[a, folderA], [b, folderB]] = folders;
    now = folderA;
    const second = await page();
    await second.goto(`${server.origin}/`);
    assert.match(await second.title(), /^0000000a Packetwalk/);
    await walk(second);
    await until(
      second,
      "the next version is cached",
      async (mark) =>
        (await caches.keys()).some((n) => n.endsWith(mark)) &&
        (await navigator.serviceWorker.getRegistration()).active.state === "activated" &&
        !(await navigator.serviceWorker.getRegistration()).installing,
      a,
    );
    assert.deepEqual(await versions(second), [version, a]);

    // Without a network the old page still finds the files it loads late, and every load is of one
    // version.
    now = null;
    await walk(first);
    await first.reload();
    assert.match(await first.title(), /^0000000a Packetwalk/);
    await walk(first);

    // With a third version, only the last two are kept.
    now = folderB;
    await second.reload();
    assert.match(await second.title(), /^0000000b Packetwalk/);
    await walk(second);
    await until(
      second,
      "the oldest version is deleted",
      async (old) => !(await caches.keys()).some((n) => n.endsWith(old)),
      version,
    );
    assert.deepEqual(await versions(second), [a, b]);

    // A version that is half deployed: the page is new, the service worker is old. Versions are
    // not mixed.
    writeFileSync(
      join(folderB, "index.html"),
      readFileSync(join(folderB, "index.html"), "utf8").replace("0000000b", "0000000c"),
    );
    writeFileSync(
      join(folderB, "offline.js"),
      readFileSync(join(folderB, "offline.js"), "utf8").replace(`"${b}"`, '"0000000d"'),
    );
    await second.reload();
    await walk(second);
    await second.evaluate(() =>
      navigator.serviceWorker
        .getRegistration()
        .then((r) => r.update())
        .catch(() => {}),
    );
    await second.waitForTimeout(1500);
    assert.deepEqual(await versions(second), [a, b]);
    now = null;
    await second.reload();
    assert.match(await second.title(), /^0000000b Packetwalk/, "the last complete version");
    await walk(second);
    assert.deepEqual(said.flat(), []);
  } finally {
    await close();
    await server.close();
    for (const [, folder] of folders) rmSync(folder, { recursive: true, force: true });
  }
});

// Files, loading, and the messages of a page that cannot run.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { READY, launch, sessions, untilKept } from "./browser.mjs";
import { end, origin, send, shots, text, undo, verdict, visit } from "./visit.mjs";

const OWN = `apiVersion: apps/v1
kind: Deployment
metadata: {name: own} # mine
spec:
  replicas: 1
  selector: {matchLabels: {app: own}}
  template:
    metadata: {labels: {app: own}}
    spec: {containers: [{name: c, image: nginx}]}
`;

test("a file is opened, saved byte for byte, and closed by undo", async () => {
  const dir = mkdtempSync(join(tmpdir(), "packetwalk-files-"));
  try {
    await visit({}, async (page) => {
      const before = await text(page);
      const file = join(dir, "own.yaml");
      writeFileSync(file, OWN.replaceAll("\n", "\r\n"));
      await page.setInputFiles("input[type=file]", file);
      await page.locator(".pod-app", { hasText: "own" }).waitFor();
      assert.equal(await text(page), OWN.replaceAll("\n", "\r\n"));
      await undo(page);
      assert.equal(await text(page), before);
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test("a file can be dropped anywhere on the page and survives a reload", async () => {
  await visit({}, async (page) => {
    const data = await page.evaluateHandle((own) => {
      const d = new DataTransfer();
      d.items.add(new File([own], "own.yaml", { type: "text/yaml" }));
      return d;
    }, OWN);
    await page.dispatchEvent(".picture", "drop", { dataTransfer: data });
    await page.locator(".pod-app", { hasText: "own" }).waitFor();
    await page.reload();
    await page.locator(".pod-app", { hasText: "own" }).waitFor();
  });
});

test("several documents are kept across a reload, each unchanged", async () => {
  await visit({}, async (page) => {
    const open = (name, body) =>
      page.setInputFiles("input[type=file]", {
        name,
        mimeType: "text/yaml",
        buffer: Buffer.from(body),
      });
    const menu = () => page.locator("#preset option").allTextContents();
    const second = OWN.replaceAll("own", "second");
    await open("own.yaml", OWN);
    await page.locator(".pod-app", { hasText: "own" }).waitFor();
    assert.match((await menu())[0], /^Yours: own$/);
    const chosen = () => page.locator("#preset").evaluate((s) => s.selectedOptions[0].textContent);
    assert.equal(await chosen(), "Yours: own");
    await open("second.yaml", second);
    await page.locator(".pod-app", { hasText: "second" }).waitFor();
    await page.selectOption("#preset", "article-clusterip");
    await page.waitForFunction(
      () => document.querySelector("#preset").value === "article-clusterip",
    );
    await page.reload();
    await page.waitForSelector(READY);
    const time = / · \d{4}-\d\d-\d\d \d\d:\d\d$/;
    const yours = (await menu()).filter((m) => /Yours/.test(m));
    assert.ok(yours.every((m) => time.test(m)), yours.join("\n"));
    assert.deepEqual(
      yours.map((m) => m.replace(time, "")),
      ["Yours: second", "Yours: own"],
    );
    for (const [name, body] of [
      ["own", OWN],
      ["second", second],
      ["own", OWN],
    ]) {
      const option = page.locator("#preset option", { hasText: `Yours: ${name}` });
      await page.selectOption("#preset", await option.getAttribute("value"));
      await page.locator(".pod-app", { hasText: name }).waitFor();
      assert.equal(await text(page), body);
      assert.equal(await chosen(), `Yours: ${name}`);
      assert.equal((await menu()).filter((m) => /Yours/.test(m)).length, 2);
    }
    await page.screenshot({ path: join(shots, "documents.png") });
  });
});

test("a document set aside after a panic is offered in the menu", async () => {
  const rescued = (page) =>
    page.addInitScript(
      (own) =>
        localStorage["packetwalk.1.taken"] ?? localStorage.setItem("packetwalk.rescued", own),
      OWN,
    );
  await visit({ before: rescued }, async (page) => {
    const option = page.locator("#preset option", { hasText: "Yours: own" });
    await page.selectOption("#preset", await option.getAttribute("value"));
    await page.locator(".pod-app", { hasText: "own" }).waitFor();
    assert.equal(await text(page), OWN);
  });
});

test("a host that serves no packed files still serves the engine", async () => {
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    const plain = [];
    page.on("request", (r) => plain.push(...(r.url().endsWith(".wasm") ? [r.url()] : [])));
    await page.route("**/*.xz", (route) => route.fulfill({ status: 404, body: "" }));
    await page.goto(`${origin()}/`);
    await page.waitForSelector(READY);
    assert.equal(plain.length, 1);
    await send(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  } finally {
    await close();
  }
});

test("a bar shows the progress of loading", async () => {
  const seen = [];
  const slow = (page) =>
    page.route("**/*.wasm*", async (route) => {
      await page.locator("progress").waitFor();
      seen.push(await page.locator("progress").getAttribute("max"));
      await route.continue();
    });
  await visit({ before: slow }, async (page) => {
    assert.deepEqual([...new Set(seen)], ["1"], "the bar is shown while the engine loads");
    assert.equal(await page.locator("progress").count(), 0);
  });
});

test("a browser without WebAssembly shows an explanation in its language", async () => {
  for (const [locale, words] of [
    ["en-US", /This browser cannot run Packetwalk/],
    ["ja-JP", /このブラウザーでは/],
  ]) {
    const { context, close } = await launch({ locale });
    try {
      const page = await context.newPage();
      await page.addInitScript(() => delete globalThis.WebAssembly);
      await page.goto(`${origin()}/`);
      await page.locator(".failed").waitFor();
      assert.match(await page.locator(".failed").first().textContent(), words);
      await page.screenshot({ path: join(shots, `no-wasm-${locale}.png`) });
    } finally {
      await close();
    }
  }
});

test("a missing engine is reported beside the picture, and loaded on a retry", async () => {
  for (const [locale, words, retry] of [
    ["en-US", /could not be loaded.*try again/, "Try again"],
    ["ja-JP", /読み込めなかった.*もう一度/, "再試行"],
  ]) {
    const { context, close } = await launch({ locale });
    try {
      const page = await context.newPage();
      let missing = true;
      await page.route("**/*.wasm*", (route) =>
        missing ? route.fulfill({ status: 404, body: "" }) : route.continue(),
      );
      await page.goto(`${origin()}/`);
      await page.locator(".failed").waitFor();
      assert.match(await page.locator(".failed").textContent(), words);
      const card = page.locator(".still .picture .node-card").locator("visible=true").first();
      const [message, picture] = await Promise.all([
        page.locator(".failed").boundingBox(),
        card.boundingBox(),
      ]);
      assert.ok(picture.y >= message.y + message.height, "the picture stays below the message");
      await page.screenshot({ path: join(shots, `no-engine-${locale}.png`) });
      await page.getByRole("button", { name: retry }).click();
      await page.locator(".failed").waitFor();
      missing = false;
      await page.getByRole("button", { name: retry }).click();
      await page.waitForSelector(READY);
      assert.equal(await page.locator(".failed").count(), 0);
    } finally {
      await close();
    }
  }
});

test("a script that cannot be loaded is reported, too", async () => {
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    let missing = true;
    await page.route(/\/packetwalk-\w+\.js$/, (route) =>
      missing ? route.abort() : route.continue(),
    );
    await page.goto(`${origin()}/`);
    assert.match(await page.locator(".failed").textContent(), /could not be loaded/);
    missing = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(READY);
  } finally {
    await close();
  }
});

test("after a panic the document can be copied, and a reload works", async () => {
  await visit({}, async (page) => {
    await page.locator(".cm-line", { hasText: "replicas: 4" }).click();
    await page.keyboard.press("End");
    await page.keyboard.type(" # mine 日本\nbroken");
    await untilKept(page, (text) => text?.includes("broken"));
    const shown = await text(page);
    await page.evaluate(() =>
      dispatchEvent(
        new ErrorEvent("error", { error: new WebAssembly.RuntimeError("unreachable") }),
      ),
    );
    await page.locator(".panic").waitFor();
    const own = await page.locator(".panic pre").textContent();
    assert.match(own, /replicas: 4 # mine 日本\n/);
    const script = own.slice(shown.length);
    assert.equal(own.slice(0, shown.length), shown);
    assert.match(script, /^---\napiVersion: .*\nkind: Script\nspec:\n(  .*\n)+$/);
    await page.reload();
    await page.waitForSelector(READY);
    assert.doesNotMatch(await text(page), /# mine/, "it is not opened again by itself");
    assert.ok([...(await sessions(page)).values()].some((text) => text.includes("# mine")));
    const option = page.locator("#preset option", { hasText: "Yours: " });
    await page.selectOption("#preset", await option.getAttribute("value"));
    await page.locator(".cm-line", { hasText: "replicas: 4 # mine" }).waitFor();
  });
});

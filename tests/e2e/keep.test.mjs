// Nothing is lost: tabs, reloads, the browser's history, storage that is full, other versions.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { READY, kept, launch, listen, sessions, untilKept } from "./browser.mjs";
import * as visits from "./visit.mjs";

const { end, openTools, origin, send, shots, step, terminal, text, verdict, visit } = visits;

const own = (name) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  replicas: 1
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: c, image: nginx}]}
`;
const menu = (page) => page.locator("#preset option").allTextContents();
const yours = async (page) => (await menu(page)).filter((label) => /Yours/.test(label));
/** Opens a page in a new tab of the browser. */
async function tab(context, address = `${origin()}/`) {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const said = listen(page);
  await page.goto(address);
  await page.waitForSelector(READY);
  return Object.assign(page, { said });
}
async function open(page, name, body = own(name)) {
  const file = { name: `${name}.yaml`, mimeType: "text/yaml", buffer: Buffer.from(body) };
  await page.setInputFiles("input[type=file]", file);
  await page.locator(".pod-app", { hasText: name }).first().waitFor();
}
async function type(page, words) {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type(words);
}
async function reload(page) {
  await page.reload();
  await page.waitForSelector(READY);
}
/** Waits until the page shows a preset. */
const shows = (page, preset) =>
  page.waitForFunction((name) => document.querySelector("#preset").value === name, preset);
/** Chooses a session of the document menu by the beginning of its label. */
async function choose(page, begin) {
  const option = page.locator("#preset option", { hasText: begin }).first();
  await page.selectOption("#preset", await option.getAttribute("value"));
}
/** Goes this many steps on. */
async function forward(page, n) {
  const to = (await step(page)) + n;
  for (; n > 0; n--) await page.keyboard.press("ArrowRight");
  await page.waitForFunction(
    (to) => +document.querySelector(".count strong").textContent === to,
    to,
  );
}
const TIME = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d`;

test("each tab keeps its own text, and the menu has both with their times", async () => {
  await visit({}, async (one, context) => {
    const two = await tab(context);
    await open(one, "first");
    await open(two, "second");
    await Promise.all([type(one, "# one\n"), type(two, "# two\n")]);
    await untilKept(one, (t) => /# one/.test(t));
    await untilKept(two, (t) => /# two/.test(t));
    await type(one, "# more\n");
    await Promise.all([reload(one), reload(two)]);
    assert.equal(await text(one), `# more\n# one\n${own("first")}`);
    assert.equal(await text(two), `# two\n${own("second")}`);
    // The menu follows the other tab.
    await one.bringToFront();
    await one.evaluate(() => dispatchEvent(new Event("focus")));
    const other = new RegExp(`^Yours: second · ${TIME} · open in another tab$`);
    await one
      .locator("#preset option", { hasText: other })
      .waitFor({ state: "attached" })
      .catch(async () => assert.fail((await menu(one)).join("\n")));
    // It opens as a copy.
    await choose(one, "Yours: second");
    await one.locator(".pod-app", { hasText: "second" }).first().waitFor();
    await type(one, "# copy\n");
    await untilKept(one, (t) => /# copy/.test(t));
    assert.equal(await kept(two), `# two\n${own("second")}`);
    await two.close();
    // A new tab goes on with what no tab shows.
    const three = await tab(context);
    assert.equal(await text(three), `# more\n# one\n${own("first")}`);
    assert.equal((await sessions(three)).size, 3);
    assert.deepEqual([...two.said, ...three.said], []);
  });
});

test("a duplicated tab goes on with a copy", async () => {
  await visit({}, async (page, context) => {
    await open(page, "first");
    await untilKept(page, Boolean);
    const state = await page.evaluate(() => history.state);
    const twin = await context.newPage();
    // As the browser duplicates a tab: with the entry of its history.
    await twin.addInitScript((state) => history.state ?? history.replaceState(state, ""), state);
    await twin.goto(`${origin()}/`);
    await twin.waitForSelector(READY);
    assert.equal(await text(twin), own("first"));
    assert.notEqual(await twin.evaluate(() => history.state.packetwalk), state.packetwalk);
    await type(twin, "# twin\n");
    await untilKept(twin, (t) => /# twin/.test(t));
    await type(page, "# page\n");
    await untilKept(page, (t) => /# page/.test(t));
    await Promise.all([reload(page), reload(twin)]);
    assert.equal(await text(page), `# page\n${own("first")}`);
    assert.equal(await text(twin), `# twin\n${own("first")}`);
  });
});

test("tabs that show the same session part when one of them stores it", async () => {
  const locks = (page) =>
    page.addInitScript(() => Object.defineProperty(navigator, "locks", { value: undefined }));
  await visit({ before: locks }, async (page, context) => {
    await open(page, "first");
    await untilKept(page, Boolean);
    const twin = await context.newPage();
    await locks(twin);
    await twin.goto(`${origin()}/`);
    await twin.waitForSelector(READY);
    await type(page, "# page\n");
    await untilKept(page, (t) => /# page/.test(t));
    await type(twin, "# twin\n");
    await untilKept(twin, (t) => /# twin/.test(t));
    await Promise.all([reload(page), reload(twin)]);
    assert.equal(await text(page), `# page\n${own("first")}`);
    assert.equal(await text(twin), `# twin\n${own("first")}`);
  });
});

/** All that a reload restores. */
const seen = async (page) => ({
  step: await step(page),
  verdict: await verdict(page),
  text: await text(page),
  grain: await page.locator(".grains [aria-pressed=true]").allTextContents(),
  from: await page.locator("#from").inputValue(),
  to: await page.locator("#to").inputValue(),
  selected: await page.locator(".picture .selected").count(),
  playing: await page.locator(".play").getAttribute("aria-label"),
});

test("a reload in mid-run restores the run and the moment", async () => {
  await visit({}, async (page) => {
    await send(page);
    await forward(page, 30);
    const was = await seen(page);
    assert.ok(was.step > 20);
    await reload(page);
    assert.deepEqual(await seen(page), was);
    // While it plays, with an error in the text that was typed last.
    await page.click(".play");
    await page.waitForFunction(
      (n) => +document.querySelector(".count strong").textContent > n,
      was.step,
    );
    await type(page, "kind: [\n");
    const [at, typed] = [await step(page), await text(page)];
    await reload(page);
    const is = await seen(page);
    assert.equal(is.playing, "Play");
    assert.ok(is.step >= at, `${is.step}`);
    assert.deepEqual({ ...is, step: 0, text: "" }, { ...was, step: 0, text: "" });
    assert.equal(is.text, typed);
    await page.locator(".stale-note", { hasText: "last valid" }).waitFor();
    // What was done in the terminal is a step; the host stays.
    await terminal(page, "node02");
    await visits.type(page, "conntrack -F");
    await reload(page);
    assert.equal(await page.locator(".terminal select").inputValue(), "node02");
    assert.match(await page.locator(".typed").innerText(), /conntrack -F/);
  });
});

test("Back and Forward move between documents and links, each with its run", async () => {
  await visit({}, async (page) => {
    const at = async () => ({
      step: await step(page),
      text: await text(page),
      verdict: await verdict(page),
      hash: new URL(page.url()).hash,
      chosen: await page.locator("#preset").evaluate((s) => s.selectedOptions[0].textContent),
    });
    // The address changes first, and two moments can have the same step.
    const went = async (there) => {
      const is = JSON.stringify(there);
      for (const end = Date.now() + 15_000; Date.now() < end; await page.waitForTimeout(50))
        if (JSON.stringify(await at()) === is) return;
      assert.deepEqual(await at(), there);
    };
    await openTools(page);
    await page.click("#share");
    await page.locator(".share[role=dialog]").waitFor();
    const link = new URL(await page.locator("#link").inputValue()).hash;
    await page.locator("#link").press("Escape");
    await page.selectOption("#preset", "article-clusterip");
    await send(page, "");
    await forward(page, 9);
    const preset = await at();
    await open(page, "mine");
    const mine = await at();
    await page.evaluate((l) => (location.hash = l), link);
    await shows(page, "article-nodeport");
    const linked = await at();
    assert.equal(linked.hash, link);
    await page.goBack();
    await went(mine);
    await page.goBack();
    await went(preset);
    await page.goBack();
    await shows(page, "article-nodeport");
    assert.equal(new URL(page.url()).hash, "");
    await page.goForward();
    await went(preset);
    await reload(page);
    await went(preset);
    await page.goForward();
    await went(mine);
    await page.goForward();
    await went(linked);
    await reload(page);
    await went(linked);
    // A sent packet makes it a session of the reader's own.
    await send(page);
    await page.waitForFunction(() => location.hash === "");
    await end(page);
    const sent = await at();
    await page.goBack();
    await went(mine);
    await page.goForward();
    await went(sent);
    // Another page, and back.
    await page.goto("about:blank");
    await page.goBack();
    await page.waitForSelector(READY);
    await went(sent);
    // Broken: the address is again that of what is shown.
    await page.evaluate(() => (location.hash = "#v9:abc"));
    await page.locator(".now .bad").waitFor();
    assert.equal(new URL(page.url()).hash, "");
    assert.equal((await at()).step, sent.step);
  });
});

test("full storage is said once; what is done stays as long as the page is open", async () => {
  for (const [locale, full, words] of [
    ["en-US", true, /storage is full[^]*lost when this tab is closed[^]*Save/],
    ["en-US", false, /does not allow[^]*lost when this tab is closed[^]*Save/],
    ["ja-JP", true, /保存領域がいっぱい/],
    ["ja-JP", false, /保存できません/],
  ]) {
    const before = full ? undefined : refuse;
    await visit({ locale, before, viewport: { width: 1280, height: 720 } }, async (page) => {
      if (full) await page.evaluate(fill);
      const notice = page.locator(".notice");
      assert.equal(await notice.count(), 0, "nothing is lost yet");
      await open(page, "first");
      await notice.waitFor();
      assert.match(await notice.innerText(), words);
      const name = `storage-${full ? "full" : "refused"}-${locale}.png`;
      await page.screenshot({ path: join(shots, name) });
      await open(page, "second");
      await page.selectOption("#preset", "article-clusterip");
      assert.equal(await notice.count(), 1);
      await choose(page, "first");
      await page.locator(".pod-app", { hasText: "first" }).first().waitFor();
      await page.goBack();
      await page.goBack();
      await page.locator(".pod-app", { hasText: "second" }).first().waitFor();
      await notice.locator("[aria-label=Close], [aria-label=閉じる]").click();
      await notice.waitFor({ state: "detached" });
      await type(page, "# more\n");
      await page.waitForTimeout(600);
      assert.equal(await notice.count(), 0, "it was read");
      if (!full) return;
      // As soon as there is space, everything is stored.
      await page.evaluate(() => localStorage.removeItem("other"));
      await type(page, "# and more\n");
      await untilKept(page, (t) => t?.startsWith("# and more\n"));
      const all = [...(await sessions(page)).values()];
      assert.ok(all.includes(own("first")), all.join("\n"));
      await page.evaluate(fill);
      await type(page, `# ${"x".repeat(2_000)}\n`);
      await notice.waitFor();
    });
  }
});

/** Leaves less than a kilobyte. */
function fill() {
  let filling = "x".repeat(1 << 23);
  for (let n = filling.length; n > 500; n >>= 1)
    try {
      const other = localStorage.getItem("other") ?? "";
      localStorage.setItem("other", other + filling.slice(0, n));
      n <<= 1;
    } catch {}
}

/** As browsers do that are set to block all data of sites. */
const refuse = (page) =>
  page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
  });

test("what earlier versions stored is taken over, and left as it is", async () => {
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const said = listen(page);
    const shelf = [own("second"), own("third")].map((t) => `${t.length}:${t}`).join("");
    const earlier = {
      "packetwalk.text": own("first"),
      "packetwalk.shelf": shelf,
      "packetwalk.rescued": own("rescued"),
    };
    const empty = { contentType: "text/html", body: "" };
    await page.route(`${origin()}/`, (route) => route.fulfill(empty));
    await page.goto(`${origin()}/`);
    await page.evaluate((earlier) => Object.assign(localStorage, earlier), earlier);
    await page.unroute(`${origin()}/`);
    await page.goto(`${origin()}/`);
    await page.waitForSelector(READY);
    assert.equal(await text(page), own("first"));
    assert.deepEqual(
      (await yours(page)).map((m) => m.split(" · ")[0]),
      ["Yours: first", "Yours: rescued", "Yours: second", "Yours: third"],
    );
    for (const name of ["rescued", "third"]) {
      await choose(page, `Yours: ${name}`);
      await page.locator(".pod-app", { hasText: name }).first().waitFor();
      assert.equal(await text(page), own(name));
    }
    await reload(page);
    assert.equal((await yours(page)).length, 4, "once");
    const is = await page.evaluate(() => ({ ...localStorage }));
    for (const [key, value] of Object.entries(earlier)) assert.equal(is[key], value, key);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
});

test("what another version stored is neither read wrongly nor changed", async () => {
  const foreign = {
    "packetwalk.2.session.a": '{"text": "# of a later version"}',
    "packetwalk.settings": "{}",
    "packetwalk.1.session.": "",
    "packetwalk.1.session.x-1": "",
    "packetwalk.1.session.x-2": "{time: 1, text: 99}\n# short",
    "packetwalk.1.session.x-3": "{time: 1, text: 1}\n日本",
    "packetwalk.1.session.x-4": "{time: soon, text: 2}\n# ",
    "packetwalk.1.session.x-5": "[{\n",
    "packetwalk.1.session.x-6": "{time: 99999999999999999999, text: 0}\n",
    "packetwalk.panes": "editor=<img>;--drawer",
    "packetwalk.theme": "purple",
  };
  // Unknown fields do no harm.
  const body = own("later");
  const later = `{colour: red, time: 1, text: ${body.length}, view: {tab: none, at: 5}}\n${body}`;
  const before = (page) =>
    page.addInitScript((all) => {
      if (!localStorage.getItem("packetwalk.2.session.a")) Object.assign(localStorage, all);
    }, { ...foreign, "packetwalk.1.session.x-7": later });
  await visit({ before, panes: null }, async (page) => {
    assert.equal(await text(page), own("later"));
    await open(page, "mine");
    await untilKept(page, Boolean);
    for (let n = 0; n < 20; n++) await open(page, `more${n}`);
    await reload(page);
    const is = await page.evaluate(() => ({ ...localStorage }));
    for (const [key, value] of Object.entries(foreign)) assert.equal(is[key], value, key);
    assert.equal((await yours(page)).length, 13, "the one that is shown and twelve others");
  });
});

test("Forget everything empties all of it, in every tab", async () => {
  await visit({ worker: true, viewport: { width: 1600, height: 900 } }, async (page, context) => {
    const other = await tab(context);
    await open(other, "second");
    await untilKept(other, Boolean);
    await open(page, "first");
    await page.click("[aria-label='Light or dark']");
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.evaluate(() => {
      sessionStorage.setItem("packetwalk.x", "1");
      localStorage.setItem("packetwalk.text", "# of an earlier version");
      localStorage.setItem("another", "page");
    });
    await openTools(page);
    await page.locator(".forget summary").click();
    assert.match(await page.locator(".forget p").innerText(), /all tabs[^]*cannot be undone/);
    await page.screenshot({ path: join(shots, "forget.png") });
    await page.locator(".forget button").click();
    await shows(page, "article-nodeport");
    await shows(other, "article-nodeport");
    assert.equal(await page.locator(".tools [aria-label=Undo]").isDisabled(), true);
    const left = () =>
      page.evaluate(async () => ({
        local: Object.keys(localStorage),
        session: Object.keys(sessionStorage),
        caches: await caches.keys(),
        workers: (await navigator.serviceWorker.getRegistrations()).length,
      }));
    await page.waitForFunction(async () => !(await caches.keys()).length);
    await page.keyboard.press("Escape");
    await page.waitForTimeout(700);
    assert.deepEqual(await left(), { local: ["another"], session: [], caches: [], workers: 0 });
    await other.evaluate(() => dispatchEvent(new Event("pagehide")));
    assert.deepEqual((await left()).local, ["another"]);
    assert.equal((await yours(page)).length, 0);
    await other.close();
    await page.goto(`${origin()}/`);
    await page.waitForSelector(READY);
    assert.equal((await yours(page)).length, 0);
    // And it works on.
    await open(page, "third");
    await untilKept(page, Boolean);
  });
});

test("a session that is no longer kept is said to be so", async () => {
  await visit({}, async (page) => {
    await open(page, "first");
    await untilKept(page, Boolean);
    await page.evaluate(() => {
      localStorage.clear();
      history.replaceState({ packetwalk: "gone" }, "");
    });
    await reload(page);
    assert.match(await page.locator(".now .bad").innerText(), /no longer keeps this session/);
  });
});

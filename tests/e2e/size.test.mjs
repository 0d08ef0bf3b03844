// The size of each part that a reader downloads, compressed as hosts do, and of each crate. Sizes
// are reported, not limited: a commit that makes a part more than 5 % larger mentions it. What
// readers notice is limited: the first picture needs no engine, and the editor and the fonts do not
// delay it.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { READY, dist, root } from "./browser.mjs";
import { crates } from "./crates.mjs";
import { end, send, verdict, visit } from "./visit.mjs";

const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
const packed = /woff2$/;

/** Prints the sizes of files in bytes: uncompressed, with gzip, with brotli. */
function report(part, files) {
  const sizes = files.map((file) => {
    const bytes = readFileSync(join(dist, file));
    if (packed.test(file)) return [bytes.length, bytes.length, bytes.length];
    return [
      bytes.length,
      gzipSync(bytes, { level: 9 }).length,
      brotliCompressSync(bytes, quality).length,
    ];
  });
  const [plain, gzip, brotli] = [0, 1, 2].map((i) => sizes.reduce((n, s) => n + s[i], 0));
  const cell = (n) => String(n).padStart(9);
  console.log(`${part.padEnd(34)}${cell(plain)} bytes, gzip${cell(gzip)}, brotli${cell(brotli)}`);
  assert.ok(plain > 0, `${part} is there`);
}

test("the size of every part is reported", async () => {
  const fetched = [];
  let editorAt;
  let drawnAt;
  const watch = async (page) => {
    page.on("request", (r) => {
      const name = basename(new URL(r.url()).pathname) || "index.html";
      if (!fetched.includes(name)) fetched.push(name);
    });
    await page.addInitScript((ready) => {
      new MutationObserver((_, me) => {
        if (!document.querySelector(ready)) return;
        globalThis.drawnAt = performance.now();
        me.disconnect();
      }).observe(document, { childList: true, subtree: true });
    }, READY);
  };
  await visit({ before: watch }, async (page) => {
    await send(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
    await page.locator(".cm-content").waitFor();
    [drawnAt, editorAt] = await page.evaluate(() => [
      globalThis.drawnAt,
      performance.getEntriesByType("resource").find((e) => /\/editor-\w+\.js$/.test(e.name))
        .startTime,
    ]);
  });
  const of = (pattern) => fetched.filter((f) => pattern.test(f));
  report("page and first picture (html, css)", [...of(/\.html$|\.css$/), ...of(/^guard-/)]);
  report("engine (wasm, xz)", of(/\.wasm\.xz$/));
  report("its JavaScript", of(/^(packetwalk|start)-\w+\.js$/));
  report("editor", of(/^editor-/));
  report(
    "fonts",
    of(/woff2$/).map((f) => join("fonts", f)),
  );
  const there = readdirSync(dist);
  report(
    "an embed, before its engine",
    there.filter((f) => /^embed(-\w{8}\.css|\.js|\.html)$/.test(f)),
  );
  report(
    "an embed's engine",
    there.filter((f) => /^embed-engine-/.test(f)),
  );
  assert.equal(there.filter((f) => f.endsWith(".wasm")).length, 1, "one module");
  assert.ok(editorAt > drawnAt, "the editor is fetched after the engine has drawn");
});

test("the size of every crate is reported", (t) => {
  const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
  const module = join(target, "wasm-bindgen", "release", "packetwalk-web_bg.wasm");
  if (!existsSync(module)) return t.skip(`${module} is missing: build the page with trunk`);
  const rows = crates(module);
  for (const [name, lines, bytes] of rows)
    console.log(
      `${name.padEnd(18)}${String(lines).padStart(7)}${lines === "" ? "      " : " lines"}` +
        `${String(bytes).padStart(10)} bytes of code before wasm-opt`,
    );
  const own = rows.filter(([, lines]) => lines !== "");
  for (const [name, lines, bytes] of own)
    assert.ok(lines > 1000 && bytes > 10_000, `${name}: ${lines} lines, ${bytes} bytes`);
});

test("the first picture needs no engine and fits the language, theme and window", async () => {
  for (const [locale, width, colorScheme] of [
    ["en-US", 1440, "light"],
    ["ja-JP", 1440, "dark"],
    ["en-US", 390, "dark"],
    ["ja-JP", 390, "light"],
  ]) {
    let page;
    const before = async (p) => {
      page = p;
      let pass;
      const waiting = new Promise((done) => (pass = done));
      await p.route("**/*.wasm*", async (route) => {
        await waiting;
        await route.continue();
      });
      p.pass = pass;
      p.on("domcontentloaded", async () => {
        const seen = await p.evaluate(() => {
          const visible = (e) => e.getClientRects().length > 0;
          const stills = [...document.querySelectorAll(".still .picture")].filter(visible);
          const card = [...document.querySelectorAll(".still .node-card")].find(visible);
          return {
            stills: stills.map((e) => [e.classList[1], e.closest(".still").lang]),
            card: card?.getBoundingClientRect().width,
            background: getComputedStyle(document.body).backgroundColor,
          };
        });
        p.seen = seen;
        pass();
      });
    };
    const viewport = { width, height: 844 };
    await visit({ before, panes: null, locale, colorScheme, viewport }, async () => {
      const { stills, card, background } = page.seen;
      const from = [["wide", 1168], ["middle", 900], ["pair", 720]];
      const layout = from.find(([, least]) => width >= least);
      assert.deepEqual(stills, [[layout?.[0] ?? "narrow", locale.slice(0, 2)]]);
      assert.ok(card > 100, "a node is drawn");
      assert.equal(background, colorScheme === "dark" ? "rgb(12, 14, 17)" : "rgb(243, 244, 246)");
    });
  }
});

test("the layout does not shift when the engine takes over", async () => {
  for (const [width, height] of [
    [1440, 900],
    [1280, 720],
    [1366, 650],
    [1024, 768],
    [820, 1180],
    [390, 844],
  ]) {
    let seen;
    const before = async (page) => {
      await page.route("**/*.wasm*", async (route) => {
        await page.waitForFunction(() => globalThis.before);
        await route.continue();
      });
      await page.addInitScript(() => {
        globalThis.shift = 0;
        new PerformanceObserver((list) => {
          for (const e of list.getEntries()) globalThis.shift += e.value;
        }).observe({ type: "layout-shift", buffered: true });
        const boxes = () =>
          [".head", ".canvas", ".picture", ".node-card", ".foot"].map((selector) => {
            const e = [...document.querySelectorAll(selector)].find(
              (e) => e.getClientRects().length,
            );
            const r = e?.getBoundingClientRect();
            return r && [selector, r.x, r.y, r.width, r.height].join(" ");
          });
        const look = () => {
          if (document.querySelector("#app > .page")) return (globalThis.after = boxes());
          if (boxes().every(Boolean)) globalThis.before = boxes();
          requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      });
    };
    await visit({ before, panes: null, viewport: { width, height } }, async (page) => {
      await page.waitForFunction(() => globalThis.after);
      seen = await page.evaluate(() => ({ shift, before: globalThis.before, after }));
    });
    assert.deepEqual(seen.after, seen.before, `${width}x${height}: every element stays in place`);
    assert.equal(seen.shift, 0, `${width}x${height}: layout shift`);
  }
});

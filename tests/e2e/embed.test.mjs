// The embed: what it fetches, what it shows, the messages it exchanges with the parent page, and
// that it does not interfere with other pages.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { READY, dist, kept, launch, listen, root, untilKept } from "./browser.mjs";
import { cluster, packed } from "./hostile.mjs";
import { serve } from "./serve.mjs";

const shots = join(root, "target", "screenshots");
const packetwalk = (...args) =>
  execFileSync("cargo", ["run", "--quiet", "--package", "packetwalk", "--", ...args], {
    cwd: root,
    encoding: "utf8",
  });
let plain;
const pages = {};

before(async () => {
  mkdirSync(shots, { recursive: true });
  // A plain file server: no policy, no CORS.
  plain = await serve(dist, { prefix: "/files/", pages, policy: null });
});
after(() => plain.close());

/** A page of documentation with this markup; collects the messages of its embeds. */
async function around(markup, act, options = {}) {
  const head =
    `<!DOCTYPE html><html lang="en"><title>Documentation</title>` +
    `<link rel="icon" href="data:,"><body><p>Watch it:</p>`;
  const path = `/doc-${Object.keys(pages).length}.html`;
  pages[path] = head + markup;
  const { context, close } = await launch({
    viewport: { width: 860, height: 700 },
    locale: "en-US",
    ...options,
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const said = listen(page);
    const asked = [];
    page.on("request", (r) => asked.push(new URL(r.url()).pathname.split("/").slice(2).join("/")));
    await page.addInitScript(() => {
      if (window.parent !== window) return;
      window.heard = [];
      addEventListener("message", (e) => window.heard.push(e.data));
    });
    await page.goto(plain.origin + path);
    await act(page, { asked, context });
    assert.deepEqual(said, [], "the console is silent");
  } finally {
    await close();
  }
}
const frame = (query = "", more = "") =>
  `<iframe sandbox="allow-scripts" src="/files/embed.html${query}" width="820" height="560" ` +
  `${more}></iframe>`;
const heard = (page, type) => page.evaluate((t) => window.heard.filter((m) => m.type === t), type);
const until = async (page, type, n = 1) => {
  await page.waitForFunction(
    ([t, n]) => window.heard.filter((m) => m.type === t).length >= n,
    [type, n],
  );
  return (await heard(page, type)).at(-1);
};
const tell = (page, message, at = 0) =>
  page.evaluate(([m, at]) => frames[at].postMessage(m, "*"), [message, at]);

test("an embed shows a picture, loads the engine on a click, and stores nothing", async () => {
  await around(frame("?preset=article-nodeport"), async (page, { asked }) => {
    const inside = page.frameLocator("iframe");
    await inside.locator(".poster img").waitFor();
    await page.waitForTimeout(600);
    const own = (names) => names.map((n) => n.replace(/-[0-9a-f]{8}\./, "-HASH."));
    assert.deepEqual(
      own(asked)
        .filter((n) => n)
        .sort(),
      ["embed-HASH.css", "embed.html", "embed.js", "posters/article-nodeport.en.svg"],
    );
    assert.deepEqual((await heard(page, "ready")).length, 0, "the engine is not loaded");
    assert.ok((await until(page, "height")).height > 200);
    await page.screenshot({ path: join(shots, "embed-poster.png") });
    const [, window] = page.frames();
    const before = await window.evaluate(() => [origin, history.length, location.href]);
    assert.equal(before[0], "null", "the frame's origin is opaque");
    await inside.locator(".start").click();
    await inside.locator(".picture .node-card").first().waitFor();
    const ready = await until(page, "ready");
    assert.ok(ready.steps > 100 && ready.step === 1, JSON.stringify(ready));
    assert.equal(
      await inside.locator(".play").getAttribute("aria-label"),
      "Play",
      "it does not start playing by itself",
    );
    for (let n = 0; n < 12; n++) await inside.locator("[aria-label='Step forward']").click();
    await page.keyboard.press("Control+z");
    await inside.locator(".capsule").waitFor();
    assert.notEqual((await inside.locator(".saying").textContent()).trim(), "");
    assert.equal(
      await inside.locator("textarea, .cm-editor, input[type=file]").count(),
      0,
      "no editor",
    );
    assert.deepEqual(
      own(asked)
        .filter((n) => n)
        .sort(),
      [
        "embed-HASH.css",
        "embed-engine-HASH.js",
        "embed.html",
        "embed.js",
        "posters/article-nodeport.en.svg",
      ],
    );
    assert.deepEqual(await window.evaluate(() => [origin, history.length, location.href]), before);
    await page.screenshot({ path: join(shots, "embed.png") });
  });
});

test("the button of an embed names the step of its address, and the engine begins there", async () => {
  await around(frame("?preset=article-nodeport&step=24"), async (page) => {
    const inside = page.frameLocator("iframe");
    assert.equal(await inside.locator(".start").textContent(), "▶ Walk through it from step 24");
    await inside.locator(".start").click();
    assert.equal((await until(page, "ready")).step, 24);
  });
});

test("an embed with an origin of its own stores nothing and has no service worker", async () => {
  const at = plain.origin;
  const markup = `<iframe src="/files/embed.html?load=now" width="820" height="560"></iframe>`;
  await around(
    markup,
    async (page, { context }) => {
      await until(page, "ready");
      await page.frameLocator("iframe").locator("[aria-label='To the end']").click();
      await until(page, "outcome");
      const [, window] = page.frames();
      const kept = await window.evaluate(async () => [
        localStorage.length,
        sessionStorage.length,
        document.cookie,
        (await indexedDB.databases()).length,
        (await caches.keys()).length,
        (await navigator.serviceWorker.getRegistrations()).length,
      ]);
      assert.deepEqual(kept, [0, 0, "", 0, 0, 0]);
      assert.deepEqual(await context.cookies(at), []);
      assert.equal(page.workers().length, 0);
    },
    { worker: true },
  );
});

test("embed and parent page exchange the documented messages; all others are refused", async () => {
  await around(frame("?load=now&grain=hops") + frame("", 'name="other"'), async (page) => {
    const { steps } = await until(page, "ready");
    assert.ok(steps > 20 && steps < 100, `${steps}`);
    const command = (type, more) => tell(page, { target: "packetwalk", v: 1, type, ...more });
    await command("seek", { step: 7 });
    await page.waitForFunction(() => window.heard.some((m) => m.type === "step" && m.step === 7));
    const step = (await heard(page, "step")).at(-1);
    assert.ok(step.text && step.place && step.steps === steps, JSON.stringify(step));
    await command("play");
    await page.waitForFunction(() => window.heard.some((m) => m.type === "step" && m.step === 9));
    await command("pause");
    await page.waitForTimeout(300);
    const paused = (await heard(page, "step")).at(-1).step;
    await page.waitForTimeout(1200);
    assert.equal((await heard(page, "step")).at(-1).step, paused, "paused");
    // Several messages at once.
    await page.evaluate(() => {
      for (const type of ["play", "pause", "pause", "play", "pause"])
        frames[0].postMessage({ target: "packetwalk", v: 1, type }, "*");
    });
    await page.waitForTimeout(1200);
    assert.equal((await heard(page, "step")).at(-1).step, paused, "the last message, pause, wins");
    await command("seek", { step: steps });
    const outcome = await until(page, "outcome");
    assert.ok(outcome.answered && outcome.text.includes("849 bytes"), JSON.stringify(outcome));
    const all = await page.evaluate(() => window.heard);
    assert.ok(
      all.every((m) => m.source === "packetwalk" && m.v === 1),
      JSON.stringify(all[0]),
    );

    // Invalid messages are answered with an error; messages for other scripts are ignored.
    const wrong = [
      [{ v: 2, type: "play" }, /v: must be 1/],
      [{ v: 1, type: "eval" }, /type: must be one of play, pause, seek/],
      [{ v: 1, type: "__proto__" }, /type: must be/],
      [{ v: 1, type: "constructor" }, /type: must be/],
      [{ v: 1, type: "seek" }, /seek: step must be/],
      [{ v: 1, type: "seek", step: -1 }, /seek: step must be/],
      [{ v: 1, type: "seek", step: 1.5 }, /seek: step must be/],
      [{ v: 1, type: "seek", step: "3" }, /seek: step must be/],
      [{ v: 1, type: "seek", step: 1e9 }, /seek: the last step is \d+/],
    ];
    for (const [n, [message, why]] of wrong.entries()) {
      await tell(page, { target: "packetwalk", ...message });
      assert.match((await until(page, "error", n + 1)).message, why);
    }
    const others = [
      "play",
      null,
      7,
      [],
      { type: "play" },
      { v: 1, type: "seek", step: 3 },
      { target: "another", v: 1, type: "seek", step: 3 },
    ];
    for (const m of others) await tell(page, m);
    // A message from a window that is not the parent page.
    await page
      .frames()[2]
      .evaluate(() =>
        window.parent.frames[0].postMessage(
          { target: "packetwalk", v: 1, type: "seek", step: 3 },
          "*",
        ),
      );
    await page.waitForTimeout(400);
    assert.equal((await heard(page, "error")).length, wrong.length);
    assert.equal((await heard(page, "step")).at(-1).step, steps);
  });
});

test("the parent page can start an embed that still shows its picture", async () => {
  await around(frame(), async (page) => {
    await page.frameLocator("iframe").locator(".poster img").waitFor();
    await tell(page, { target: "packetwalk", v: 1, type: "seek", step: 30 });
    await page.waitForFunction(() => window.heard.some((m) => m.type === "step" && m.step === 30));
  });
});

test("two embeds and the page in one document do not interfere with each other", async () => {
  const own = "load=now&theme=dark&lang=ja&preset=article-clusterip";
  const markup = [
    `<iframe src="/files/index.html" width="1460" height="700"></iframe>`,
    `<iframe src="/files/embed.html?load=now" width="400" height="300"></iframe>`,
    `<iframe src="/files/embed.html?${own}" width="400" height="300"></iframe>`,
  ].join("");
  await around(
    markup,
    async (page) => {
      const [, main, one, two] = page.frames();
      await until(page, "ready", 2);
      await main.locator("#app > .page .picture .node-card").first().waitFor();
      await main.locator(".cm-content").waitFor();
      await main.locator(".cm-content").focus();
      await page.keyboard.press("Control+Home");
      await page.keyboard.type("# mine\n");
      const text = () => kept(main);
      await untilKept(main, (text) => text?.startsWith("# mine\n"));
      const mine = await text();
      assert.ok(mine.startsWith("# mine\n"), "the page keeps its text");
      const state = (f) =>
        f.evaluate(() => [
          document.documentElement.lang,
          document.documentElement.dataset.theme,
          document.querySelector(".count strong").textContent,
        ]);
      await one.locator("[aria-label='Step forward']").click();
      await one.locator("[aria-label='Step forward']").click();
      await two.locator("[aria-label='To the end'], [aria-label='最後へ']").click();
      await main.locator("[aria-label='Light or dark']").click();
      await main.locator(".sentence .send").click();
      await page.waitForTimeout(300);
      assert.deepEqual(await state(one), ["en", "system", "3"]);
      const [lang, theme] = await state(two);
      assert.deepEqual([lang, theme], ["ja", "dark"]);
      assert.equal(await text(), mine);
      assert.equal(await main.evaluate(() => localStorage.getItem("packetwalk.theme")), "dark");
      assert.deepEqual(await state(one), ["en", "system", "3"], "an embed keeps its own theme");
    },
    { viewport: { width: 1520, height: 1100 } },
  );
});

test("the parameters of the address are applied, and invalid ones are reported", async () => {
  await around(frame("?load=now&view=split&theme=dark&lang=ja&step=24"), async (page) => {
    const inside = page.frameLocator("iframe");
    await inside.locator(".rules").first().waitFor();
    assert.equal(await inside.locator(".count strong").textContent(), "24");
    assert.equal(await inside.locator("html").getAttribute("data-theme"), "dark");
    await page.screenshot({ path: join(shots, "embed-split-dark-ja.png") });
  });
  await around(frame("?load=now&view=rules&controls=0&step=24"), async (page) => {
    const inside = page.frameLocator("iframe");
    await inside.locator(".rules").first().waitFor();
    assert.equal(await inside.locator(".picture, .transport").count(), 0);
    await page.screenshot({ path: join(shots, "embed-rules.png") });
  });
  await around(frame("?load=now&view=packet&step=60"), async (page) => {
    await page.frameLocator("iframe").locator(".packet").first().waitFor();
    await page.screenshot({ path: join(shots, "embed-packet.png") });
  });
  await around(
    frame(
      "?preset=nothing&view=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&step=two" +
        "&poster=https://example.org/x.svg&colour=red",
    ),
    async (page) => {
      const inside = page.frameLocator("iframe");
      const faults = await inside.locator(".faults").textContent();
      for (const part of [
        "preset=nothing: unknown; the presets are article-",
        "view=<img src=x onerror=alert(1)>: write diagram, rules, packet or split.",
        "step=two: write a step number",
        "poster=https://example.org/x.svg: write the name",
        "colour: unknown parameter; the parameters are controls,",
      ])
        assert.ok(faults.includes(part), `${part}\n${faults}`);
      assert.equal((await until(page, "error", 5)).message.includes("colour"), true);
      assert.equal(await inside.locator(".faults img").count(), 0);
      const [banner, cover] = await Promise.all([
        inside.locator(".faults").boundingBox(),
        inside.locator(".poster").boundingBox(),
      ]);
      assert.ok(
        cover.y >= banner.y + banner.height - 1,
        "the errors are above the content and do not cover it",
      );
      await page.screenshot({ path: join(shots, "embed-faults.png") });
    },
  );
});

test("an embed fits a phone", async () => {
  await around(
    [
      ["step=40", 420],
      ["view=split&step=40", 620],
    ]
      .map(
        ([query, height]) =>
          `<iframe sandbox="allow-scripts" src="/files/embed.html?load=now&${query}" ` +
          `width="350" height="${height}"></iframe>`,
      )
      .join(""),
    async (page) => {
      await until(page, "ready", 2);
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(shots, "embed-phone.png"), fullPage: true });
    },
    { viewport: { width: 390, height: 844 } },
  );
});

test("an embed shows the session of its link, and links to the page with it", async () => {
  const link = packetwalk(
    "link",
    "preset:article-clusterip",
    "--from",
    "deploy/centos-deployment",
    "--to",
    "svc/nginx-service:8000",
  ).trim();
  await around(frame(`?load=now${link}`), async (page) => {
    const inside = page.frameLocator("iframe");
    await until(page, "ready");
    const href = await inside.locator(".head a.send").getAttribute("href");
    assert.match(href, /^\.\/#v2:/);
    assert.ok(packetwalk("open", href) === packetwalk("open", link), "the same document");
    const { step } = await until(page, "step");
    await inside.locator("[aria-label='Step forward']").click();
    await page.waitForFunction(
      (n) => window.heard.some((m) => m.type === "step" && m.step === n + 1),
      step,
    );
    await page.waitForTimeout(200);
    assert.notEqual(
      await inside.locator(".head a.send").getAttribute("href"),
      href,
      "the link includes the moment",
    );
  });
  await around(frame(`?load=now${link.slice(0, 60)}`), async (page) => {
    assert.match((await until(page, "error")).message, /truncated/);
    assert.match(
      await page.frameLocator("iframe").locator(".empty[role=alert]").textContent(),
      /The link was not opened/,
    );
    assert.equal(
      await page.frameLocator("iframe").locator(".picture, .transport").count(),
      0,
      "nobody else's cluster",
    );
    assert.equal((await heard(page, "ready")).length, 0);
  });
  const snippet = packetwalk("embed", "preset:article-nodeport", "--page", plain.origin + "/files/");
  for (const markup of [snippet, packetwalk("embed", link, "--page", plain.origin + "/files/")]) {
    await around(markup, async (page, { asked }) => {
      const inside = page.frameLocator("iframe");
      const picture = inside.locator(".poster img");
      await picture.waitFor();
      assert.ok((await picture.evaluate((img) => img.decode().then(() => img.naturalWidth))) > 300);
      assert.ok(!asked.some((name) => /engine/.test(name)), "nothing is computed before a click");
      await page.screenshot({ path: join(shots, "embed-link-poster.png") });
      assert.doesNotMatch(await inside.locator(".leave").getAttribute("href"), /poster/);
      await inside.locator(".start").click();
      await until(page, "ready");
    });
  }
  const broken = packed(
    "",
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {prots: []}\n",
  );
  await around(frame(`?load=now${broken}`), async (page) => {
    assert.match((await until(page, "error")).message, /4:8: error: .*unknown field "spec.prots"/);
  });
  const sessions = join(root, "tests", "suite", "sessions");
  const every = packetwalk("link", join(sessions, "every-kind.yaml")).trim();
  const [hash] = readFileSync(join(sessions, "every-kind.hash.txt"), "utf8").split(/\s/);
  await around(frame(`?load=now${every}`), async (page) => {
    assert.equal((await until(page, "ready")).hash, hash, "its events are those of the file");
  });
  const script = packed('  steps: [{send: {from: client, to: "svc/web:80"}}]', cluster());
  await around(frame(`?load=now${script}`), async (page) => {
    assert.ok((await until(page, "ready")).steps > 20, "the Script of the document is played");
  });
  await around(frame(`?load=now${packed("", cluster())}`), async (page) => {
    assert.equal((await until(page, "ready")).steps, 0, "without a Script nothing is sent");
  });
});

test("<packet-walk> wraps the sandboxed embed", async () => {
  const element =
    `<script src="/files/packet-walk.js"></script>` +
    `<packet-walk preset="article-clusterip" theme="light" label="A pod asks a Service">` +
    `A pod asks a Service.</packet-walk>`;
  await around(element, async (page) => {
    const inside = page.frameLocator("packet-walk iframe");
    await inside.locator(".poster img").waitFor();
    const iframe = page.locator("packet-walk iframe");
    assert.deepEqual(
      await iframe.evaluate((f) => [f.getAttribute("sandbox"), f.title, f.loading]),
      ["allow-scripts allow-popups allow-popups-to-escape-sandbox", "A pod asks a Service", "lazy"],
    );
    await page.evaluate(() => {
      window.events = [];
      for (const type of ["ready", "step", "outcome", "error"])
        document.addEventListener(`packetwalk-${type}`, (e) =>
          window.events.push([type, e.detail, e.target.localName]),
        );
      document.querySelector("packet-walk").seek(12);
    });
    await page.waitForFunction(() => window.events.some(([t, d]) => t === "step" && d.step === 12));
    const [ready] = await page.evaluate(() => window.events.filter(([t]) => t === "ready"));
    assert.equal(ready[2], "packet-walk");
    assert.equal(ready[1].title, "Pod to ClusterIP");
    const height = await iframe.evaluate((f) => f.offsetHeight);
    assert.ok(height > 400 && height < 1000, `the height follows the content: ${height}`);
    await page.evaluate(() => document.querySelector("packet-walk").play());
    await page.waitForFunction(() => window.events.some(([t, d]) => t === "step" && d.step === 13));
    await page.evaluate(() => document.querySelector("packet-walk").pause());
    await page.screenshot({ path: join(shots, "packet-walk.png") });
    await page.evaluate(() => document.querySelector("packet-walk").setAttribute("height", "333"));
    assert.equal(await iframe.evaluate((f) => f.offsetHeight), 333);
    assert.equal(
      (await page.evaluate(() => window.events.filter(([t]) => t === "ready"))).length,
      1,
      "the frame is kept",
    );
    await page.evaluate(() =>
      document.querySelector("packet-walk").setAttribute("src", "http://[bad"),
    );
    await page.waitForFunction(() =>
      window.events.some(([t, d]) => t === "error" && d.message.includes("is not the address")),
    );
    await page.evaluate(() => document.querySelector("packet-walk").removeAttribute("src"));
    await inside.locator(".poster img").waitFor();
    await page.waitForLoadState("networkidle");
    // Changed attributes load another embed; a removed element leaves nothing behind.
    await page.evaluate(() => {
      const e = document.querySelector("packet-walk");
      e.setAttribute("view", "rules");
      e.setAttribute("load", "now");
    });
    await inside.locator(".inspector .rules").first().waitFor();
    assert.equal(await iframe.count(), 1);
    await page.evaluate(() => document.querySelector("packet-walk").remove());
    assert.equal(await page.locator("iframe").count(), 0);
  });
});

test("of requests made before the engine starts, the last of each kind is done", async () => {
  await around(frame("?play=1"), async (page) => {
    await page.frameLocator("iframe").locator(".poster img").waitFor();
    const command = (type, more) => tell(page, { target: "packetwalk", v: 1, type, ...more });
    await command("seek", { step: 90 });
    await command("seek", { step: 30 });
    await command("play");
    await command("pause");
    await page.waitForFunction(() => window.heard.some((m) => m.type === "step" && m.step === 30));
    await page.waitForTimeout(1500);
    assert.equal(
      (await heard(page, "step")).at(-1).step,
      30,
      "paused, although the address has play=1",
    );
  });
  await around(frame(), async (page) => {
    await page.frameLocator("iframe").locator(".poster img").waitFor();
    await tell(page, { target: "packetwalk", v: 1, type: "seek", step: 5000 });
    assert.match((await until(page, "error")).message, /seek: the last step is \d+/);
  });
});

test("<packet-walk> below the fold obeys its methods before it is visible", async () => {
  await around(
    `<div style="height: 6000px"></div>` +
      `<script src="/files/packet-walk.js"></script><packet-walk></packet-walk>`,
    async (page) => {
      await page.evaluate(() => {
        document.addEventListener("packetwalk-step", (e) => (window.at = e.detail.step));
        document.querySelector("packet-walk").seek(17);
      });
      await page.waitForFunction(() => window.at === 17);
    },
  );
});

test("a failed engine is reported, also to the parent page, and can be retried", async () => {
  const policies = [
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'",
    null,
  ];
  for (const policy of policies) {
    const server = await serve(dist, { policy });
    const { context, close } = await launch({ locale: "en-US" });
    try {
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      let cut = policy === null;
      await page.route(/embed-engine/, (route) => (cut ? route.abort() : route.continue()));
      await page.goto(`${server.origin}/embed.html`);
      await page.locator(".start").click();
      await page
        .locator(".faults", { hasText: policy ? /blocked the engine/ : /could not be loaded/ })
        .waitFor();
      assert.equal(await page.locator(".start").textContent(), "Try again");
      cut = false;
      await page.locator(".start").click();
      if (policy) {
        await page.locator(".faults", { hasText: /blocked the engine/ }).waitFor();
        assert.equal(
          (await page.locator(".faults").textContent()).match(/blocked the engine/g).length,
          1,
        );
      } else {
        await page.waitForSelector(READY);
        assert.equal(await page.locator(".faults").count(), 0, "the error is gone");
      }
    } finally {
      await close();
      await server.close();
    }
  }
});

test("the embed loads under the strict policy of the page", async () => {
  const strict = await serve(dist);
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    const said = listen(page);
    await page.goto(`${strict.origin}/embed.html`);
    await page.locator(".start").click();
    await page.waitForSelector(READY);
    await page.locator("[aria-label='Step forward']").click();
    assert.deepEqual(said, []);
  } finally {
    await close();
    await strict.close();
  }
});

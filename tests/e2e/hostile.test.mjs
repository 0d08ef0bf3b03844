// Feeds two hundred hostile documents and links to every entry point (command line, engine, page,
// embed), and everything exported from them to its readers: a shell, a browser, a Markdown
// renderer, Mermaid.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { dist, kept, launch, root, untilKept } from "./browser.mjs";
import { FROM, TO, corpus, packed } from "./hostile.mjs";
import { serve } from "./serve.mjs";

const tools = createRequire(join(root, "tests", "tools", "package.json"));
const cases = corpus();
const LARGE = 200_000;
const GIB = 1 << 30;
let folder;
let server;
/** The exports of the cases that can be played: kind, case, text. */
const written = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "packetwalk-hostile-"));
  cases.forEach((c, n) => writeFileSync(join(folder, `${n}.txt`), c.text));
  server = await serve(dist);
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("there are two hundred cases", () => {
  assert.ok(cases.length >= 200, `${cases.length}`);
});

test("the command line answers every case, in bounded memory and without side effects", () => {
  const program = resolve(root, process.env.CARGO_TARGET_DIR ?? "target", "debug", "packetwalk");
  assert.equal(
    spawnSync("cargo", ["build", "--quiet", "--package", "packetwalk"], { cwd: root }).status,
    0,
  );
  // The kernel enforces the limit: an allocation beyond it fails, and the program aborts.
  const run = (args) =>
    spawnSync("prlimit", [`--as=${2 * GIB}`, program, ...args], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      timeout: 120_000,
    });
  const commands = [
    (f) => ["trace", f, "--from", FROM, "--to", TO, "--format", "text"],
    (f) => ["trace", f, "--from", FROM, "--to", TO, "--format", "markdown", "--pcap", "x.pcapng"],
    (f) => ["svg", f, "--from", FROM, "--to", TO],
    (f) => ["lab", f],
    (f) => ["run", f],
    (f) => ["embed", f, "--page", "https://example.org/"],
    (f) => ["link", f],
    (f) => ["shell", f],
  ];
  const before = readdirSync(folder).length;
  for (const [n, c] of cases.entries()) {
    const more = c.text.length < LARGE ? [commands[n % commands.length](`${n}.txt`)] : [];
    for (const args of [["check", `${n}.txt`], ...more]) {
      const out = run(args);
      const what = `${c.kind} ${c.name}: packetwalk ${args.join(" ")}`;
      assert.ok(
        [0, 1, 2].includes(out.status),
        `${what}: status ${out.status} ${out.signal}\n${out.stderr.slice(0, 2000)}`,
      );
      assert.ok(
        !/panicked|RUST_BACKTRACE|memory allocation/.test(out.stderr),
        `${what}\n${out.stderr.slice(0, 2000)}`,
      );
      if (out.status !== 0) assert.ok((out.stdout + out.stderr).trim(), `${what} says nothing`);
      for (const text of args[0] === "check" ? [out.stderr, out.stdout] : [out.stderr]) {
        const control = text.match(/.{0,80}[\u0000-\u0008\u000b-\u001f\u007f].{0,80}/s);
        assert.equal(
          control,
          null,
          `${what}: control characters on a terminal: ${JSON.stringify(control?.[0])}`,
        );
      }
    }
  }
  rmSync(join(folder, "x.pcapng"), { force: true });
  assert.equal(readdirSync(folder).length, before);
});

test("the engine answers every case in bounded memory", async () => {
  const engine = await import(
    pathToFileURL(join(root, "target", "npm", "packetwalk", "packetwalk.js"))
  );
  const exports = engine.initSync({
    module: readFileSync(join(root, "target", "npm", "packetwalk", "packetwalk_bg.wasm")),
  });
  let played = 0;
  for (const c of cases) {
    let session;
    try {
      session = c.kind === "link" ? engine.Session.open(c.text) : new engine.Session(c.text);
    } catch (e) {
      assert.ok(
        e instanceof Error && !(e instanceof WebAssembly.RuntimeError) && e.message,
        `${c.kind} ${c.name}: ${e}`,
      );
      continue;
    }
    try {
      session.send({ from: FROM, to: TO });
    } catch (e) {
      assert.ok(
        e instanceof Error && !(e instanceof WebAssembly.RuntimeError) && e.message,
        `${c.kind} ${c.name}: ${e}`,
      );
    }
    for (const what of [
      "svg",
      "animation",
      "lines",
      "markdown",
      "mermaid",
      "lab",
      "trace",
      "pcapng",
      "link",
    ]) {
      try {
        const text = session[what]();
        if (what !== "pcapng" && what !== "link") written.push([what, c.name, text]);
      } catch (e) {
        assert.ok(
          e instanceof Error && !(e instanceof WebAssembly.RuntimeError) && e.message,
          `${c.kind} ${c.name}: ${what}: ${e}`,
        );
      }
    }
    for (const host of ["node01", FROM])
      for (const line of [
        "iptables-save",
        "ip -br a",
        "kubectl get pods -o wide",
        "$(touch pwned)",
      ])
        session.exec(host, line);
    played++;
    session.free();
  }
  assert.ok(played > 60, `${played} can be played`);
  assert.ok(
    exports.memory.buffer.byteLength < GIB / 2,
    `${exports.memory.buffer.byteLength} bytes`,
  );
});

test("a shell runs nothing that a document smuggles into a lab script", () => {
  const labs = written.filter(([what]) => what === "lab");
  assert.ok(labs.length > 40, `${labs.length}`);
  const room = join(folder, "room");
  mkdirSync(room);
  for (const [, name, text] of labs) {
    const lab = join(folder, "lab.sh");
    writeFileSync(lab, text);
    const syntax = spawnSync("bash", ["-n", lab], { encoding: "utf8" });
    assert.equal(syntax.status, 0, `${name}: ${syntax.stderr}`);
    // Runs the lab with tools that do nothing: only a quoting error could have an effect.
    const nothing =
      "ip() { :; }; netns() { :; }; batch() { cat >/dev/null; }; " +
      "rules() { cat >/dev/null; }; settle() { :; }; sysctls() { :; }";
    const own =
      text.slice(text.indexOf("\nNETNS=("), text.indexOf("\nplan() {")) +
      text.slice(text.indexOf("\nplan() {")).split("\nEND-OF-PLAN\n}\n")[0] +
      "\nEND-OF-PLAN\n}\n";
    writeFileSync(lab, `${nothing}\n${own}\nbuild; agent >/dev/null; plan\n`);
    const out = spawnSync("bash", ["-eu", lab], {
      cwd: room,
      encoding: "utf8",
      input: "",
      maxBuffer: 1 << 29,
    });
    assert.equal(out.status, 0, `${name}: ${out.stderr}`);
    JSON.parse(out.stdout);
    assert.deepEqual(readdirSync(room), [], name);
  }
});

test("a browser and a Markdown renderer run nothing that is in an export", async () => {
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    let dialogs = 0;
    page.on("dialog", (d) => (dialogs++, d.dismiss()));
    const errors = [];
    page.on("pageerror", (e) => errors.push(e.message));
    await page.setContent("<!DOCTYPE html><body></body>");
    const md = tools("markdown-it")({ html: true, linkify: true, typographer: true });
    const distinct = (kind) => [
      ...new Map(written.filter(([what]) => what === kind).map(([, name, text]) => [text, name])),
    ];
    for (const [text, name] of [...distinct("svg"), ...distinct("animation").slice(0, 12)]) {
      const found = await page.evaluate((t) => {
        const xml = new DOMParser().parseFromString(t, "image/svg+xml");
        const bad = [
          ...xml.querySelectorAll(
            "parsererror, script, foreignObject, a, image, use, iframe, animate, set",
          ),
        ].map((e) => e.localName);
        for (const e of xml.querySelectorAll("*"))
          for (const a of e.attributes)
            if (/^on|href|src|^style$/i.test(a.name)) bad.push(`${e.localName} ${a.name}`);
        // And inserted without care into a page.
        document.body.innerHTML = t;
        for (const e of document.body.querySelectorAll("*"))
          for (const a of e.attributes)
            if (/^on|href|src/i.test(a.name)) bad.push(`in HTML: ${e.localName} ${a.name}`);
        bad.push(
          ...[...document.body.querySelectorAll("script, img, iframe, b")].map(
            (e) => `in HTML: ${e.localName}`,
          ),
        );
        return bad;
      }, text);
      assert.deepEqual(found, [], name);
    }
    for (const [text, name] of distinct("markdown")) {
      const found = await page.evaluate((html) => {
        document.body.innerHTML = html;
        const may = ["table", "thead", "tbody", "tr", "th", "td", "p", "ul", "li", "strong", "code"];
        return [...document.body.querySelectorAll("*")]
          .filter((e) => !may.includes(e.localName))
          .map((e) => e.outerHTML.slice(0, 80));
      }, md.render(text));
      assert.deepEqual(found, [], name);
    }
    await page.addScriptTag({ path: tools.resolve("mermaid/dist/mermaid.min.js") });
    const sequences = distinct("mermaid");
    const meant = ["svg", "lab"].map(
      (kind) => distinct(kind).filter(([t]) => /pwned|alert|onerror|evil/.test(t)).length,
    );
    assert.ok(
      meant.every((n) => n > 2),
      `the exports contain the hostile strings: ${meant}`,
    );
    for (const [n, [text, name]] of sequences.entries()) {
      const found = await page.evaluate(
        async ([t, n]) => {
          // Mermaid's least strict security level.
          mermaid.initialize({ startOnLoad: false, securityLevel: "loose", htmlLabels: true });
          const { svg } = await mermaid.render(`m${n}`, t);
          document.body.innerHTML = svg;
          return [
            ...document.body.querySelectorAll("script, img, iframe, a, b, [onerror], [onload]"),
          ].map((e) => e.outerHTML.slice(0, 80));
        },
        [text, n],
      );
      assert.deepEqual(found, [], name);
    }
    await page.waitForTimeout(300);
    assert.equal(dialogs, 0);
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
});

test("the page handles every case, loses no text, and runs nothing", async () => {
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const said = [];
    page.on("dialog", (d) => (said.push("a dialog"), d.dismiss()));
    page.on("pageerror", (e) => said.push(e.message));
    page.on("console", (m) => said.push(m.text()));
    await page.goto(`${server.origin}/`);
    await page.locator(".cm-content").waitFor();
    await page.click(".adder");
    await page.locator("#app > .page details.adder").waitFor();
    const own = "# my own text\n";
    for (const [n, c] of cases.entries()) {
      const what = `${c.kind} ${c.name}`;
      if (c.kind === "document") {
        const before = await kept(page);
        await page.locator("input[type=file]").setInputFiles(join(folder, `${n}.txt`));
        if (c.text.includes("\0")) {
          // It is not text: the document stays.
          await page.locator(".verdict .bad").waitFor();
          assert.equal(await kept(page), before, what);
        } else if (c.text.length < LARGE) {
          // Browsers strip the byte order mark of a file.
          const text = Buffer.from(c.text)
            .toString("utf8")
            .replace(/^\ufeff/, "");
          await untilKept(page, (t) => (t ?? "") === (text.trim() === "" ? "" : text)).catch(
            async () => assert.equal(await kept(page), text, `${what}: the text is kept`),
          );
        } else {
          await page.waitForTimeout(1500);
        }
      } else {
        await page.evaluate((l) => (location.hash = l), c.text);
        await page.waitForTimeout(30);
      }
      const alive = await page.evaluate(() => [
        document.querySelectorAll(".panic").length,
        Boolean(document.querySelector(".page")),
        document.querySelectorAll("script:not([src])").length,
      ]);
      assert.deepEqual(alive, [0, true, 0], what);
      assert.deepEqual(said, [], what);
      if (n % 20 === 0) {
        await page.click(".sentence .send");
        await page.click("#share");
        await page.getByRole("tab", { name: "Embed" }).click();
        await page.click("#share");
        await page.locator(".share").waitFor({ state: "detached" });
      }
    }
    // A broken link while the reader has a document.
    await page.locator("input[type=file]").setInputFiles({
      name: "own.yaml",
      mimeType: "text/yaml",
      buffer: Buffer.from(own),
    });
    await untilKept(page, (t) => t === own);
    for (const c of cases.filter((c) => c.kind === "link").slice(0, 12)) {
      await page.goto("about:blank");
      await page.goto(`${server.origin}/${c.text}`);
      await page.locator("#app > .page details.adder").waitFor({ state: "attached" });
      assert.equal(await kept(page), own, c.name);
    }
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
});

test("the embed handles every case and runs nothing", async () => {
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    const said = [];
    context.on("dialog", (d) => (said.push("a dialog"), d.dismiss()));
    context.on("weberror", (e) => said.push(e.error().message));
    context.on("console", (m) => said.push(m.text()));
    await page.goto(`${server.origin}/embed.html?load=now`);
    await page.locator("#app > .page .picture .node-card").first().waitFor();
    const other = await context.newPage();
    other.setDefaultTimeout(60_000);
    const take = async (page, c) => {
      const link =
        c.kind === "link"
          ? c.text
          : packed(
              `  steps: [{send: {from: ${JSON.stringify(FROM)}, to: ${JSON.stringify(TO)}}}]`,
              c.text,
            );
      // Browsers limit the length of an address: longer links are not opened.
      await page.goto("about:blank");
      await page.goto(`${server.origin}/embed.html?load=now${link.slice(0, 1_500_000)}`);
      const shown = ".picture .node-card, .picture .tile, .empty[role=alert]";
      await page.waitForSelector(`#app > .page.embed :is(${shown}), .faults`);
      const faults = await page.locator(".faults").count();
      assert.equal(faults, 0, `${c.kind} ${c.name}`);
      assert.deepEqual(said, [], `${c.kind} ${c.name}`);
    };
    const half = async (page, from) => {
      for (let n = from; n < cases.length; n += 2) await take(page, cases[n]);
    };
    await Promise.all([half(page, 0), half(other, 1)]);
    const hostile = [
      "preset",
      "view",
      "step",
      "theme",
      "lang",
      "poster",
      "controls",
      "load",
      "play",
      "grain",
      "__proto__",
      "constructor",
      "toString",
    ];
    for (const name of hostile) {
      for (const value of [
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "../../x.svg",
        "x".repeat(5_000),
        "\u0000",
      ]) {
        await page.goto("about:blank");
        await page.goto(`${server.origin}/embed.html?${name}=${encodeURIComponent(value)}`);
        await page.locator(".faults").waitFor();
      }
    }
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
});

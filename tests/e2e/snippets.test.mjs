// Every snippet for authors in a real page: built with the site generator it is meant for, opened,
// and played.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { dist, launch, listen, root } from "./browser.mjs";
import { serve } from "./serve.mjs";
import { shots } from "./visit.mjs";

const modules = join(root, "tests", "tools", "node_modules");
const tools = createRequire(join(modules, "package.json"));
const run = (program, args, cwd) =>
  execFileSync(program, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_UPDATE_NOTIFIER: "1", CI: "true" },
  });
const packetwalk = (...args) =>
  run("cargo", ["run", "--quiet", "--package", "packetwalk", "--", ...args], root);
const TITLE = "Packetwalk: bastion to 192.168.120.226:30080";
let server;
let site;
let work;
let link;

before(async () => {
  mkdirSync(join(root, "target"), { recursive: true });
  work = mkdtempSync(join(root, "target", "snippets-"));
  server = await serve(dist, { prefix: "/files/", policy: null });
  site = await serve(() => join(work, "out"), { prefix: "/site/", policy: null });
  // A session from the page: a packet was sent, and playback stopped in the middle.
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    await page.goto(`${server.origin}/files/`);
    await page.locator(".sentence .send").click();
    await page.locator(".play[aria-label=Pause]").click();
    for (let n = 0; n < 20; n++) await page.keyboard.press("ArrowRight");
    await page.click("#share");
    await page.locator("#link").waitFor();
    link = await page.locator("#link").inputValue();
  } finally {
    await close();
  }
});
after(async () => {
  await server.close();
  await site.close();
  rmSync(work, { recursive: true, force: true });
});

const snippet = (kind, ...more) =>
  packetwalk("embed", link, "--page", `${server.origin}/files/`, "--for", kind, ...more);
const write = (path, text) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};
/** A page of plain HTML. */
const html = (body) =>
  `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">` +
  `<meta name="viewport" content="width=device-width"><title>Documentation</title>` +
  `<link rel="icon" href="data:,"></head><body><p>Watch it:</p>\n${body}</body></html>`;

/** Opens a built page and plays its embed. */
async function opened(name, path, act, frame = "iframe") {
  const { context, close } = await launch({
    locale: "en-US",
    viewport: { width: 1000, height: 760 },
  });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const said = listen(page);
    await page.goto(`${site.origin}/site/${path}`);
    await page.locator(frame).scrollIntoViewIfNeeded();
    assert.deepEqual(
      await page.locator(frame).evaluate((f) => [f.title, f.getAttribute("sandbox"), f.loading]),
      [TITLE, "allow-scripts allow-popups allow-popups-to-escape-sandbox", "lazy"],
    );
    const inside = page.frameLocator(frame);
    await inside.locator(".start").click();
    await inside.locator(".picture .capsule").waitFor();
    const step = Number(await inside.locator(".count strong").textContent());
    assert.ok(step >= 20, `the embed opens at its moment: ${step}`);
    await inside.locator("[aria-label='Step forward']").click();
    await inside.locator(".count strong", { hasText: String(step + 1) }).waitFor();
    await act?.(page, inside);
    await page.screenshot({ path: join(shots, `snippet-${name}.png`) });
    assert.deepEqual(said, [], "the console is silent");
  } finally {
    await close();
  }
}

test("HTML: an iframe, whose link opens the page with the session", async () => {
  write(join(work, "out", "iframe.html"), html(snippet("iframe", "--view", "split")));
  await opened("iframe", "iframe.html", async (page, inside) => {
    await inside.locator(".inspector").waitFor();
    const [popup] = await Promise.all([
      page.waitForEvent("popup"),
      inside.locator(".head a.send").click(),
    ]);
    await popup.locator("#app > .page details.adder").waitFor({ state: "attached" });
    assert.ok(Number(await popup.locator(".count strong").textContent()) >= 21);
    await popup.close();
  });
});

test("HTML: <packet-walk>", async () => {
  write(join(work, "out", "element.html"), html(snippet("element")));
  await opened(
    "element",
    "element.html",
    async (page) => {
      assert.ok(
        (await page.locator("packet-walk iframe").evaluate((f) => f.offsetHeight)) > 500,
        "the height follows the content",
      );
    },
    "packet-walk iframe",
  );
});

test("mdBook", async () => {
  const book = join(work, "mdbook");
  write(
    join(book, "book.toml"),
    '[book]\ntitle = "Net"\n[output.html]\nsite-url = "/site/mdbook/"\n',
  );
  write(join(book, "src", "SUMMARY.md"), "- [NodePort](nodeport.md)\n");
  write(
    join(book, "src", "nodeport.md"),
    `# NodePort\n\nWatch it:\n\n${snippet("mdbook")}\nAnd *on*.\n`,
  );
  run("mdbook", ["build", "--dest-dir", join(work, "out", "mdbook")], book);
  assert.match(
    readFileSync(join(work, "out", "mdbook", "nodeport.html"), "utf8"),
    /And <em>on<\/em>/,
  );
  await opened("mdbook", "mdbook/nodeport.html");
});

test("Hugo, with its shortcode", async () => {
  const hugo = join(work, "hugo");
  write(
    join(hugo, "config.toml"),
    `baseURL = "${site.origin}/site/hugo/"
title = "Net"
disableKinds = ["RSS", "sitemap", "term", "taxonomyTerm"]
`,
  );
  write(join(hugo, "layouts", "_default", "single.html"), html("{{ .Content }}"));
  write(join(hugo, "layouts", "index.html"), html(""));
  write(join(hugo, "layouts", "shortcodes", "packetwalk.html"), packetwalk("shortcode"));
  write(
    join(hugo, "content", "nodeport.md"),
    `---\ntitle: NodePort\n---\n\nWatch it:\n\n${snippet("hugo")}\nAnd *on*.\n`,
  );
  run("hugo", ["--quiet", "--destination", join(work, "out", "hugo")], hugo);
  await opened("hugo", "hugo/nodeport/");
});

test("Docusaurus", async () => {
  const docs = join(work, "docusaurus");
  write(
    join(docs, "docusaurus.config.js"),
    `module.exports = {
  title: "Net", url: ${JSON.stringify(site.origin)}, baseUrl: "/site/docusaurus/",
  onBrokenLinks: "throw", favicon: "data:,",
  presets: [
    ["classic", {
      docs: { routeBasePath: "/", sidebarPath: undefined }, blog: false, pages: false,
    }],
  ],
};\n`,
  );
  write(join(docs, "package.json"), '{"name": "docs", "private": true}\n');
  write(
    join(docs, "docs", "nodeport.mdx"),
    `---\nslug: /\n---\n\n# NodePort\n\nWatch it:\n\n${snippet("docusaurus")}\nAnd *on*.\n`,
  );
  symlinkSync(modules, join(docs, "node_modules"));
  run(
    "node",
    [
      join(modules, "@docusaurus", "core", "bin", "docusaurus.mjs"),
      "build",
      "--no-minify",
      "--out-dir",
      join(work, "out", "docusaurus"),
    ],
    docs,
  );
  await opened("docusaurus", "docusaurus/");
});

test("Markdown: a linked picture, for sites that strip frames", async () => {
  write(join(work, "out", "readme", "packetwalk.svg"), packetwalk("svg", link));
  const text = `# NodePort\n\nWatch it:\n\n${snippet("markdown")}`;
  write(join(work, "out", "readme", "index.html"), html(tools("markdown-it")().render(text)));
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    const said = listen(page);
    await page.goto(`${site.origin}/site/readme/`);
    const picture = page.locator("a > img");
    assert.deepEqual(await picture.evaluate((i) => [i.alt, i.complete && i.naturalWidth > 500]), [
      TITLE,
      true,
    ]);
    await page.screenshot({ path: join(shots, "snippet-markdown.png") });
    await picture.click();
    await page.locator("#app > .page details.adder").waitFor({ state: "attached" });
    assert.ok(Number(await page.locator(".count strong").textContent()) >= 20);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
});

test("a document from standard input becomes a link", () => {
  const text = packetwalk("open", link);
  const out = execFileSync(
    "cargo",
    ["run", "--quiet", "--package", "packetwalk", "--", "link", "-"],
    { cwd: root, encoding: "utf8", input: text },
  );
  assert.equal(packetwalk("open", out.trim()), text);
});

test("the page gives the same snippets as the command line", async () => {
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    await page.goto(link);
    await page.locator("#app > .page details.adder").waitFor({ state: "attached" });
    await page.click("#share");
    await page.getByRole("tab", { name: "Embed" }).click();
    const kinds = ["iframe", "element", "mdbook", "docusaurus", "hugo", "markdown"];
    for (const [n, kind] of kinds.entries()) {
      await page.locator(".share-choices select").first().selectOption({ index: n });
      assert.equal(await page.locator("#link").inputValue(), snippet(kind), kind);
    }
    await page.locator(".share-choices select").first().selectOption({ index: 4 });
    assert.equal(await page.getByLabel("Shortcode").inputValue(), packetwalk("shortcode"));
    await page.screenshot({ path: join(shots, "share-embed.png") });
  } finally {
    await close();
  }
});

// Where the page must run: below any path, and as an embed with an opaque origin from a plain file
// server without CORS headers.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dist, launch, listen, root } from "./browser.mjs";
import { POLICY, serve } from "./serve.mjs";

const shots = join(root, "target", "screenshots");

test("the page loads below any path under the strict policy", async () => {
  const server = await serve(dist, { prefix: "/docs/net/packetwalk/" });
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    const said = listen(page);
    const response = await page.goto(`${server.origin}/docs/net/packetwalk/`);
    assert.equal(response.headers()["content-security-policy"], POLICY);
    await page.waitForSelector(".picture .node-card");
    await page.locator(".cm-content").waitFor();
    const fonts = await page.evaluate(async () => (await document.fonts.ready, [...document.fonts].filter((f) => f.status === "loaded").map((f) => f.family.replaceAll('"', ""))));
    assert.ok(fonts.includes("Inter Variable") && fonts.includes("JetBrains Mono Variable"), `fonts: ${fonts}`);
    assert.deepEqual(said, []);
  } finally {
    await close();
    await server.close();
  }
});

test("the embed runs in a sandboxed frame with an opaque origin, silent, without the editor", async () => {
  mkdirSync(shots, { recursive: true });
  const host = `<!DOCTYPE html><title>A page of documentation</title><link rel="icon" href="data:,"><p>Watch it:</p><iframe sandbox="allow-scripts" src="/files/embed.html" width="720" height="520"></iframe>`;
  const server = await serve(dist, { prefix: "/files/", pages: { "/doc.html": host }, policy: null });
  const { context, close } = await launch({ viewport: { width: 800, height: 640 } });
  try {
    const page = await context.newPage();
    const said = listen(page);
    const asked = [];
    page.on("request", (r) => asked.push(new URL(r.url()).pathname));
    await page.goto(`${server.origin}/doc.html`);
    const frame = page.frameLocator("iframe");
    await frame.locator(".picture .node-card").first().waitFor();
    assert.equal(await page.frames()[1].evaluate(() => origin), "null", "the frame's origin is opaque");
    await frame.locator(".head .send").click();
    await frame.locator(".capsule").waitFor();
    await frame.locator(".play").click();
    assert.notEqual((await frame.locator(".saying").textContent()).trim(), "");
    assert.equal(await frame.locator("textarea, .cm-editor").count(), 0);
    assert.ok(!asked.some((p) => p.endsWith(".wasm") || p.endsWith("editor.js")), `one script carries the engine: ${asked}`);
    assert.deepEqual(said, []);
    await page.screenshot({ path: join(shots, "embed.png") });
  } finally {
    await close();
    await server.close();
  }
});

test("the embed's page also loads under the strict policy", async () => {
  const server = await serve(dist);
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    const said = listen(page);
    await page.goto(`${server.origin}/embed.html`);
    await page.waitForSelector(".picture .node-card");
    assert.deepEqual(said, []);
  } finally {
    await close();
    await server.close();
  }
});

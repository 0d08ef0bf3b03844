// Hosting: the page runs below any path, under the strict content security policy.
import assert from "node:assert/strict";
import { test } from "node:test";
import { READY, dist, launch, listen } from "./browser.mjs";
import { POLICY, serve } from "./serve.mjs";

test("the page loads below any path under the strict policy", async () => {
  const server = await serve(dist, { prefix: "/docs/net/packetwalk/" });
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    const said = listen(page);
    const response = await page.goto(`${server.origin}/docs/net/packetwalk/`);
    assert.equal(response.headers()["content-security-policy"], POLICY);
    await page.waitForSelector(READY);
    await page.locator(".cm-content").waitFor();
    const fonts = await page.evaluate(
      async () => (
        await document.fonts.ready,
        [...document.fonts]
          .filter((f) => f.status === "loaded")
          .map((f) => f.family.replaceAll('"', ""))
      ),
    );
    assert.ok(
      fonts.includes("Inter Variable") && fonts.includes("JetBrains Mono Variable"),
      `fonts: ${fonts}`,
    );
    assert.deepEqual(said, []);
  } finally {
    await close();
    await server.close();
  }
});

// The editor: diagnostics with a fix, completion, hover help, from a line to its element.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { shots, text, visit } from "./visit.mjs";

const line = (page, words) => page.locator(".cm-line", { hasText: words }).first();
async function typeBehind(page, words, what) {
  await line(page, words).click();
  await page.keyboard.press("End");
  await page.keyboard.type(what, { delay: 15 });
}

test("completion offers the fields and values that the decoder accepts", async () => {
  await visit({}, async (page) => {
    await typeBehind(page, "protocol: TCP", "\ntar");
    // targetPort is there already; completion offers the remaining fields.
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    await page.keyboard.type("na", { delay: 15 });
    const offer = page.locator(".cm-tooltip-autocomplete li", { hasText: "name" });
    await offer.waitFor();
    await page.screenshot({ path: join(shots, "completion.png") });
    await offer.click();
    await page.keyboard.type("web");
    assert.match(await text(page), /protocol: TCP\n    name: web\n/);
  });
});

test("a value of an enumeration is completed", async () => {
  await visit({}, async (page) => {
    await line(page, "type: NodePort").click();
    await page.keyboard.press("End");
    for (let i = 0; i < 8; i++) await page.keyboard.press("Backspace");
    await page.keyboard.type("Cl", { delay: 15 });
    await page.locator(".cm-tooltip-autocomplete li", { hasText: "ClusterIP" }).waitFor();
    // CodeMirror ignores keys just after the list has opened.
    await page.waitForTimeout(150);
    await page.keyboard.press("Enter");
    assert.match(await text(page), /type: ClusterIP/);
  });
});

test("an unknown field is corrected with one click", async () => {
  await visit({}, async (page) => {
    await line(page, "replicas: 4").click();
    await page.keyboard.press("Home");
    await page.keyboard.press("Delete");
    await page.locator(".problem.error", { hasText: "did you mean replicas" }).waitFor();
    const before = await page.locator(".problem.error").count();
    await page.locator(".problem.error .fix").first().click();
    await page.waitForFunction(
      (n) => document.querySelectorAll(".problem.error").length < n,
      before,
    );
    assert.match(await text(page), /replicas: 4/);
  });
});

test("several errors are shown at once, each at its line", async () => {
  await visit({}, async (page) => {
    await typeBehind(page, "nodePort: 30080", "0");
    await typeBehind(page, "targetPort: 80", "x");
    await page.waitForFunction(() => document.querySelectorAll(".problem").length >= 2);
    const where = await page.locator(".problem .where").allTextContents();
    assert.ok(where.includes("10:15") && where.some((w) => w.startsWith("9:")), `${where}`);
  });
});

test("a line leads to its element on the diagram", async () => {
  await visit({}, async (page) => {
    await line(page, "name: nginx-service").click();
    await page.click("[aria-label^='Show the object at the cursor']");
    await page.locator(".service.here").waitFor();
    await line(page, "replicas: 4").click();
    await page.click("[aria-label^='Show the object at the cursor']");
    await page.locator(".pod.selected").waitFor();
  });
});

test("hovering over a field shows the help for it in its kind", async () => {
  for (const [locale, words] of [
    ["en-US", /^The pod's port, a number or a name/],
    ["ja-JP", /^Pod のポート/],
  ]) {
    await visit({ locale }, async (page) => {
      const word = page.locator(".cm-line", { hasText: "targetPort:" }).first();
      await word.hover({ position: { x: 60, y: 8 } });
      const help = page.locator(".cm-help");
      await help.waitFor();
      assert.match(await help.textContent(), words);
      await page.screenshot({ path: join(shots, `help-${locale}.png`) });
    });
  }
});

test("a text keeps its CRLF line ends; errors have the right position", async () => {
  const own = [
    "apiVersion: apps/v1",
    "kind: Deployment",
    "metadata: {name: own} # mine",
    "spec:",
    "  replicas: 1",
    "  selector: {matchLabels: {app: own}}",
    "  template:",
    "    metadata: {labels: {app: own}}",
    "    spec: {containers: [{name: c, image: nginx}]}",
    "",
  ].join("\r\n");
  await visit({}, async (page) => {
    await page.setInputFiles("input[type=file]", {
      name: "own.yaml",
      mimeType: "text/yaml",
      buffer: Buffer.from(own),
    });
    await page.locator(".pod-app", { hasText: "own" }).waitFor();
    await typeBehind(page, "replicas: 1", "0");
    await page.locator(".status", { hasText: "12 pods" }).waitFor();
    assert.equal(await text(page), own.replace("replicas: 1", "replicas: 10"));
    await typeBehind(page, "replicas: 10", "x");
    await page.locator(".problem .where", { hasText: "5:13" }).waitFor();
    assert.equal(await page.locator(".cm-lintRange-error").first().textContent(), "10x");
  });
});

test("typing over a selection of everything replaces it, without a console message", async () => {
  await visit({}, async (page) => {
    await line(page, "kind: Service").click();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("x");
    await page.locator(".problem").first().waitFor();
    assert.equal(await text(page), "x");
  });
});

// Forms: every field is a minimal edit of the text, which the editor scrolls to and marks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { text, undo, visit } from "./visit.mjs";

const inTheForm = (page, of, name) =>
  page
    .locator(`.form-group[aria-label="${of}"] .form-field`, {
      has: page.getByText(name, { exact: true }),
    })
    .locator("input, select");
async function put(page, of, name, value) {
  await inTheForm(page, of, name).fill(value);
  await inTheForm(page, of, name).press("Tab");
}
const marked = (page) => page.locator(".cm-edited").allTextContents();
const service = async (page) => {
  if (await page.locator(".all-services summary").isVisible()) {
    await page.click(".all-services summary");
    await page.locator(".all-services .menu-item").first().click();
  } else await page.locator(".service").first().click();
  await inTheForm(page, "ports[0]", "port").waitFor();
};

test("a Service's ports, selector and policies are edited in place, marked and undone", async () => {
  await visit({}, async (page) => {
    await page.waitForSelector(".cm-editor");
    await service(page);
    const before = await text(page);
    await put(page, "ports[0]", "targetPort", "8080");
    assert.equal(await text(page), before.replace("targetPort: 80\n", "targetPort: 8080\n"));
    assert.deepEqual((await marked(page)).map((l) => l.trim()), ["targetPort: 8080"]);
    assert.ok(await page.locator(".cm-edited").first().isVisible());
    await undo(page);
    assert.equal(await text(page), before);
    await put(page, "", "selector", "app=nobody");
    assert.match(await text(page), /app: nobody/);
    await undo(page);
    await inTheForm(page, "", "externalTrafficPolicy").selectOption("Local");
    assert.match(await text(page), /externalTrafficPolicy: Local/);
    await page.click(".form-group[aria-label='ports[0]'] >> text=Add port");
    await inTheForm(page, "ports[1]", "name").waitFor();
    assert.match(await text(page), /name: port-8000[\s\S]*name: port-80\n/);
    await page.click("[aria-label='Remove ports[1]']");
    assert.equal(await inTheForm(page, "ports[1]", "name").count(), 0);
  });
});

test("a value that is not possible is reported at its field", async () => {
  await visit({}, async (page) => {
    await service(page);
    await put(page, "ports[0]", "nodePort", "20000");
    await page.locator(".form-field .bad", { hasText: "provided port is not in the valid range" })
      .waitFor();
    assert.equal(await inTheForm(page, "ports[0]", "nodePort").getAttribute("aria-invalid"), "true");
    await put(page, "ports[0]", "nodePort", "30081");
    await page.locator(".form-field .bad:not(:empty)").waitFor({ state: "detached" });
  });
});

test("workloads, machines and the network have their fields", async () => {
  await visit({}, async (page) => {
    await page.waitForSelector(".cm-editor");
    await page.locator("[data-host^=nginx]").first().click();
    await put(page, "containers[0].ports[0]", "containerPort", "8080");
    assert.match(await text(page), /containerPort: 8080/);
    await page.locator("[data-host=node01]:not([data-dev])").first().click({ position: { x: 30, y: 12 } });
    await put(page, "", "zone", "b");
    assert.match(await text(page), /zone: b/);
    await page.click(".more-fields summary");
    await page.locator(".more-fields .form-field", { hasText: "vni" }).locator("input").fill("7");
    await page.locator(".more-fields .form-field", { hasText: "vni" }).locator("input").press("Tab");
    assert.match(await text(page), /vni: 7/);
    assert.match((await marked(page)).join(), /vni: 7/);
  });
});

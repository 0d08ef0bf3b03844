// The Kubernetes release: how this one field changes the rules and the run.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { end, send, shots, text, undo, verdict, visit } from "./visit.mjs";

const release = (page) => page.locator(".editor .status select");
const lines = (page) => page.locator(".dump.diff li").allTextContents();

test("choosing another release shows how the rules and the run change", async () => {
  await visit({ viewport: { width: 1440, height: 900 } }, async (page) => {
    const before = await text(page);
    await send(page);
    await end(page);
    await release(page).selectOption("1.36");
    await page.locator(".dump.diff").waitFor();
    assert.equal(
      await text(page),
      before.replace('version: "1.10"', 'version: "1.36"'),
      "one field",
    );
    const told = await lines(page);
    assert.ok(
      told.some((l) => /^\+ nat.*KUBE-EXT-/.test(l)),
      told.join("\n"),
    );
    assert.ok(
      told.some((l) => /^− nat.*GKN7Y2BSGW4NJTYL/.test(l)),
      "the old chain names are gone",
    );
    assert.ok(
      told.some((l) => /^\+ node01 PREROUTING nat.*KUBE-EXT-/.test(l)),
      "the path of the packet changes",
    );
    assert.match(await verdict(page), /849 bytes/, "the probe is sent again");
    await page.screenshot({ path: join(shots, "release.png") });
    await undo(page);
    assert.equal(await text(page), before);
    assert.equal(await release(page).inputValue(), "1.10");
  });
});

test("a release can be chosen on a phone", async () => {
  await visit(
    { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "ja-JP" },
    async (page) => {
      await page.locator("nav.tabs button").nth(3).click();
      await release(page).selectOption("1.22");
      await page.waitForFunction(
        () => document.querySelector(".editor .status select")?.value === "1.22",
      );
      await page.screenshot({ path: join(shots, "release-phone.png") });
    },
  );
});

test("the menu has the same preset with the newest release", async () => {
  await visit({}, async (page) => {
    await page.selectOption("#preset", "nodeport-1.36");
    await page.waitForFunction(
      () => document.querySelector(".editor .status select")?.value === "1.36",
    );
    await send(page);
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
    await page.screenshot({ path: join(shots, "release-newest.png") });
  });
});

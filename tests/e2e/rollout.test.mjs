// A running cluster that changes: kubectl, once something was sent, acts in virtual time, and the
// picture shows the pods that exist at each moment.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import {
  drawer,
  end,
  pick,
  printed,
  send,
  shots,
  terminal,
  text,
  type,
  undo,
  visit,
} from "./visit.mjs";

const pods = (page) => page.locator("g.pod[data-deployment='default/nginx-deployment']");
const absent = (page) => page.locator("g.pod.absent[data-deployment='default/nginx-deployment']");

test("kubectl scale after a run adds pods from that moment on", async () => {
  await visit({ viewport: { width: 1440, height: 900 } }, async (page) => {
    const document = await text(page);
    await send(page);
    await end(page);
    const before = await pods(page).count();
    await terminal(page, "node01");
    await type(page, "kubectl scale deployment nginx-deployment --replicas=6");
    assert.equal((await printed(page)).trim(), "deployment.apps/nginx-deployment scaled");
    assert.equal(await text(page), document, "the text, the initial state, is unchanged");
    await end(page);
    await page.waitForFunction(
      (n) =>
        document.querySelectorAll("g.pod[data-deployment='default/nginx-deployment']").length > n,
      before,
    );
    assert.equal(await absent(page).count(), 0);
    await drawer(page, "Events");
    assert.match(
      await page.locator(".drawer").textContent(),
      /kube-proxy on node0\d writes its rules/,
    );
    await page.screenshot({ path: join(shots, "rollout.png") });
    await page.click("[aria-label='To the start']");
    await page.waitForFunction((n) => document.querySelectorAll("g.pod.absent").length === n, 2);
    await page.screenshot({ path: join(shots, "rollout-before.png") });
    await undo(page);
    await page.waitForFunction(
      (n) =>
        document.querySelectorAll("g.pod[data-deployment='default/nginx-deployment']").length === n,
      before,
    );
  });
});

test("a pod deleted in its form, at this moment, is replaced by another", async () => {
  await visit(
    { viewport: { width: 1440, height: 900 }, colorScheme: "dark", locale: "ja-JP" },
    async (page) => {
      await send(page);
      await page.click("[aria-label='最後へ']");
      await page.click(".adder");
      await page.locator("#app > .page details.adder").waitFor();
      const pod = await pods(page).first().getAttribute("data-host");
      await pick(page, pod);
      await page.click(".thing button:has-text('この Pod を削除')");
      await page.click("[aria-label='最後へ']");
      await page.locator(`g.pod.absent[data-host="${pod}"]`).waitFor();
      assert.match(
        await page.locator(".drawer").textContent(),
        /kubelet が .* とそのケーブルを作りました/,
      );
      await pick(page, pod);
      assert.match(await page.locator(".dumps").textContent(), /この時点では存在しません/);
      await page.screenshot({ path: join(shots, "rollout-ja.png") });
    },
  );
});

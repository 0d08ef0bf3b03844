// Links: the address holds a session and its moment, and neither is sent anywhere.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { READY } from "./browser.mjs";
import { end, origin, send, shots, step, text, openTools, verdict, visit } from "./visit.mjs";

const dialog = (page) => page.locator(".share[role=dialog]");
const link = (page) => page.locator("#link").inputValue();
const kept = (page) => page.evaluate(() => localStorage.getItem("packetwalk.text"));
/** The page of a link is there once the engine has drawn it. */
const opened = (page) => page.locator(READY).first().waitFor();

async function share(page) {
  await openTools(page);
  await page.click("#share");
  await dialog(page).waitFor();
}

test("a link opens the session at the same moment and sends none of it to a server", async () => {
  let shared;
  const asked = [];
  await visit({ permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
    await send(page);
    await end(page);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(() => {
      const [shown, last] = document.querySelector(".count").textContent.split("/").map(Number);
      return shown === last - 2;
    });
    const was = { step: await step(page), verdict: await verdict(page), text: await text(page) };
    await share(page);
    assert.match(await dialog(page).innerText(), /Nothing is uploaded[\s\S]*Copy/);
    assert.equal(
      await page.evaluate(() => document.activeElement.id),
      "link",
      "the link is selected for copying",
    );
    shared = { ...was, link: await link(page) };
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), shared.link);
    await page.screenshot({ path: join(shots, "share.png") });
    await page.locator("#link").press("Escape");
    await dialog(page).waitFor({ state: "detached" });
    const focus = (id) => page.waitForFunction((id) => document.activeElement?.id === id, id);
    await focus("share");
    await page.keyboard.press("Enter");
    await focus("link");
    assert.equal(await link(page), shared.link);
    await page.click("[aria-label='Step back']");
    await page.waitForFunction(
      (l) => document.querySelector("#link").value !== l,
      shared.link,
      undefined,
    );
    await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined }));
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await dialog(page).getByRole("alert").waitFor();
    await focus("link");
  });
  assert.match(shared.link, /^http:\/\/127\.0\.0\.1:\d+\/#v2:[\w-]+$/);
  await visit({}, async (page, context) => {
    await page.evaluate(() => localStorage.setItem("packetwalk.text", "# mine\n"));
    context.on("request", (r) => asked.push(r.url()));
    // The editor is loaded behind the picture; leaving would cut it off.
    const editor = () => page.locator(".cm-content").waitFor();
    await editor();
    await page.goto("about:blank");
    await page.goto(shared.link);
    await opened(page);
    assert.deepEqual(
      { step: await step(page), verdict: await verdict(page), text: await text(page) },
      { step: shared.step, verdict: shared.verdict, text: shared.text },
    );
    assert.equal(await kept(page), "# mine\n", "the reader's own text is kept");
    assert.match(
      await page.locator("#preset").innerText(),
      /Yours: #/,
      "the reader's own text is in the menu",
    );
    await page.click(".tools [aria-label=Undo]");
    assert.equal(await text(page), "# mine\n", "undo restores the reader's own text");
    await editor();
    await page.goto("about:blank");
    await page.goto(shared.link);
    await opened(page);
    assert.equal(await step(page), shared.step, "the address holds the session until it is edited");
    const data = shared.link.split("#")[1];
    assert.ok(
      asked.length > 3 && asked.every((u) => !u.includes(data.slice(0, 20))),
      asked.join("\n"),
    );
  });
});

test("an edited session of a link becomes the reader's own document", async () => {
  await visit({}, async (page) => {
    await share(page);
    await page.goto(await link(page));
    await opened(page);
    await page.locator(".cm-content").click();
    await page.keyboard.press("Control+Home");
    await page.keyboard.type("# edited\n");
    await page.waitForFunction(() => location.hash === "");
    await page.reload();
    await page.waitForSelector(READY);
    assert.match(await text(page), /^# edited\n/);
  });
});

test("a link that cannot be opened is explained, and the reader's own text is kept", async () => {
  await visit({}, async (page) => {
    const mine = "# mine\n" + (await text(page));
    await page.evaluate((t) => localStorage.setItem("packetwalk.text", t), mine);
    await share(page);
    const good = await link(page);
    for (const [bad, why] of [
      [good.slice(0, -9), /truncated/],
      [good.replace("#v2:", "#v9:"), /version 9/],
      [good.replace("#v2:", "#v1:"), /before the first release/],
      [`${origin()}/#v2:<script>alert(1)</script>`, /truncated/],
      [`${origin()}/#v2:${"A".repeat(1_000_000)}`, /exceeds 256 KiB/],
    ]) {
      await page.goto("about:blank");
      await page.goto(bad);
      await opened(page);
      assert.match(await page.locator(".now .bad").innerText(), why);
      assert.equal(await text(page), mine);
      assert.equal(await kept(page), mine);
    }
    await page.screenshot({ path: join(shots, "share-broken.png") });
  });
});

test("a link entered in an open page replaces its session; a broken link does not", async () => {
  await visit({}, async (page) => {
    await share(page);
    const other = (await link(page)).split("#")[1];
    await page.locator("#link").press("Escape");
    await page.reload();
    await page.waitForSelector(READY);
    await send(page);
    await end(page);
    const was = { step: await step(page), verdict: await verdict(page) };
    assert.ok(was.step > 100);
    await page.evaluate(() => (location.hash = "#v9:abc"));
    await opened(page);
    await page.locator(".now .bad").waitFor();
    assert.equal(await step(page), was.step, "undo restores what was sent");
    await page.evaluate((l) => (location.hash = l), other);
    await page.waitForFunction(() => document.querySelector(".count strong").textContent === "0");
    await page.click(".tools [aria-label=Undo]");
    await page.waitForFunction(
      (n) => document.querySelector(".count strong").textContent === n,
      String(was.step),
    );
    assert.equal(await verdict(page), was.verdict);
  });
});

test("a session that is too long for a link is offered as a file", async () => {
  await visit(
    { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "ja-JP" },
    async (page) => {
      let noise = "";
      for (let n = 1; noise.length < 20_000; n = (n * 48271) % 2147483647) noise += n.toString(36);
      const long = { name: "long.yaml", mimeType: "text/yaml", buffer: Buffer.from(`# ${noise}\n`) };
      await page.setInputFiles("input[type=file]", long);
      await page.locator("#preset option", { hasText: "#" }).waitFor({ state: "attached" });
      await share(page);
      const said = await dialog(page).innerText();
      assert.match(said, /\d{5} 文字[\s\S]*アップロードされません/);
      assert.equal(
        await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
        false,
        "nothing is wider than the window",
      );
      await page.screenshot({ path: join(shots, "share-phone.png") });
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        dialog(page).getByRole("button", { name: "ファイルに保存" }).click(),
      ]);
      assert.equal(download.suggestedFilename(), "packetwalk.yaml");
    },
  );
});

test("the dialog names what a link leaves out, and keeps it on request", async () => {
  const secrets = `apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hush}
---
apiVersion: packetwalk.dev/v1alpha1
kind: Script
spec:
  steps:
  - {on: worker-1, run: "kubectl --token=hush get pods"}
`;
  await visit({}, async (page) => {
    await page.setInputFiles("input[type=file]", {
      name: "own.yaml",
      mimeType: "text/yaml",
      buffer: Buffer.from(secrets),
    });
    await share(page);
    const left = () => dialog(page).locator(".secrets li").allTextContents();
    assert.deepEqual(await left(), ["line 4, Secret login: stringData", "step 1: --token"]);
    await page.screenshot({ path: join(shots, "share-secrets.png") });
    const without = await link(page);
    await dialog(page).locator("#keep-secrets").check();
    await page.waitForFunction((l) => document.querySelector("#link").value !== l, without);
    assert.deepEqual(await left(), []);
    await dialog(page).getByRole("tab", { name: "Embed" }).click();
    await dialog(page).locator("#keep-secrets").uncheck();
    assert.equal((await left()).length, 2, "a snippet leaves out the same");
  });
});

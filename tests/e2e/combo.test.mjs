// From and To: lists in groups that what is typed filters, by keyboard and pointer, and free text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, end, send, verdict, visit } from "./visit.mjs";

const rows = (page) => page.locator(".combo-row");
const error = (page) => page.locator(".combo-error:not(:empty)");

test("a list is opened, moved in, taken and left by keys alone", async () => {
  await visit({}, async (page) => {
    await page.focus("#to");
    assert.equal(await rows(page).count(), 0);
    await page.keyboard.press("ArrowDown");
    const groups = await page.locator(".combo-group").allTextContents();
    const first = ["Services: node ports", "Services: cluster IPs", "Pods"];
    assert.deepEqual(groups.slice(0, 3), first);
    const active = () =>
      page.locator("#to").evaluate((e) => {
        const row = document.getElementById(e.getAttribute("aria-activedescendant"));
        return row?.getAttribute("role") === "option" && row.textContent;
      });
    assert.equal(await active(), "node01:30080");
    await page.keyboard.press("ArrowDown");
    assert.equal(await active(), "node02:30080");
    await page.keyboard.press("Enter");
    assert.equal(await page.inputValue("#to"), "node02:30080");
    assert.equal(await page.getAttribute("#to", "aria-expanded"), "false");
    await page.keyboard.type("xyz");
    await page.keyboard.press("Escape");
    assert.equal(await page.inputValue("#to"), "node02:30080");
    assert.equal(await page.locator(".play[aria-label=Pause]").count(), 0, "nothing was sent");
  });
});

test("what is typed filters, and a click takes a row", async () => {
  await visit({}, async (page) => {
    await page.click("#from");
    await page.fill("#from", "centos");
    assert.equal(await rows(page).count(), 1);
    await rows(page).first().click();
    assert.match(await page.inputValue("#from"), /^centos 10\.1\./);
    await choose(page, "to", "nginx-service");
    await send(page, "10.1.5.4:80");
    await end(page);
    assert.match(await verdict(page), /849 bytes/);
  });
});

test("free text is taken, and what is wrong with it stands below the field", async () => {
  await visit({}, async (page) => {
    await choose(page, "to", "192.0.2.7:8080");
    assert.equal(await error(page).count(), 0);
    await choose(page, "to", ":9000");
    assert.equal(await page.inputValue("#to"), "192.0.2.7:9000");
    await page.fill("#to", "10.1.5.4");
    await page.press("#to", "Tab");
    await error(page).filter({ hasText: "10.1.5.4 has no port: add one: 10.1.5.4:80" }).waitFor();
    assert.equal(await page.getAttribute("#to", "aria-invalid"), "true");
    await choose(page, "to", "nobody:80");
    await error(page).filter({ hasText: "Could not resolve host: nobody" }).waitFor();
    await choose(page, "to", "node01:30080");
    assert.equal(await error(page).count(), 0);
  });
});

test("what is wrong is said in the language of the page", async () => {
  await visit({ locale: "ja-JP" }, async (page) => {
    await choose(page, "to", "nobody:80");
    await error(page).filter({ hasText: "ホスト名 nobody を解決できません" }).waitFor();
    await page.click(".sentence .send");
    await page.locator(".now .bad", { hasText: "ホスト名 nobody を" }).waitFor();
    await page.fill("#to", "10.1.5.4");
    await page.press("#to", "Tab");
    await error(page).filter({ hasText: "10.1.5.4 にポートがありません" }).waitFor();
  });
});

test("another document takes sender and destination with it", async () => {
  await visit({}, async (page) => {
    await page.selectOption("#preset", "article-clusterip");
    assert.doesNotMatch(await page.inputValue("#from"), /\//);
    const offered = async (id) => {
      await page.click(`#${id}`);
      const all = await rows(page).allTextContents();
      await page.keyboard.press("Escape");
      return all;
    };
    for (const id of ["from", "to"])
      assert.ok((await offered(id)).includes(await page.inputValue(`#${id}`)), id);
  });
});

// What leaves the page as a file: every file of the dialog is taken and read by somebody else.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./browser.mjs";
import { end, send, shots, step, visit } from "./visit.mjs";

const tools = createRequire(join(root, "tests", "tools", "package.json"));

async function files(page) {
  if (!(await page.locator(".share[role=dialog]").count())) await page.click("#share");
  await page.getByRole("tab", { name: /^(Files|ファイル)$/ }).click();
}
/** The file of a button of the dialog: its name, where it is, its text. */
async function take(page, label) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.locator(".share-files button", { hasText: label }).click(),
  ]);
  const path = await download.path();
  return {
    name: download.suggestedFilename(),
    path,
    bytes: readFileSync(path),
    text: readFileSync(path, "utf8"),
  };
}

/** Every shape of a picture with what a reader sees of it. */
const shapes = (svg) => {
  const seen = (e) => {
    const style = getComputedStyle(e);
    if (["title-box"].some((c) => e.classList.contains(c)) || e.closest("marker, .ghost"))
      return null;
    let opacity = 1;
    let moved = "";
    for (let up = e; up !== svg; up = up.parentElement) {
      opacity *= Number(getComputedStyle(up).opacity);
      moved += up.getAttribute("transform") ?? "";
    }
    const own = ["x", "y", "width", "height", "rx", "cx", "cy", "r", "d", "marker-end"]
      .map((a) => e.getAttribute(a) ?? "")
      .map((v) => (v && Number.isFinite(Number(v)) ? Number(v) : v))
      .join(" ");
    const text = e.localName === "text" ? e.textContent : "";
    const face = e.localName === "text" ? [style.fontSize, style.fontWeight, style.textAnchor] : [];
    return [
      e.localName,
      own,
      moved,
      text,
      style.fill,
      style.stroke,
      style.strokeWidth,
      style.strokeDasharray,
      opacity.toFixed(3),
      ...face,
    ].join("|");
  };
  return [...svg.querySelectorAll("rect, circle, path, text")].map(seen).filter(Boolean).sort();
};

for (const colorScheme of ["light", "dark"]) {
  test(`the saved picture is the one on the page, shape by shape, in the ${colorScheme}`, async () => {
    await visit({ colorScheme }, async (page) => {
      await send(page);
      for (const [at, what] of [
        [14, "a rule"],
        [34, "in the shell"],
        [60, "at the pod"],
        [110, "the answer"],
      ]) {
        await page.evaluate((n) => {
          const range = document.querySelector(".scrub");
          range.value = n;
          range.dispatchEvent(new Event("input", { bubbles: true }));
        }, at);
        await page.waitForFunction(
          (n) => document.querySelector(".count strong").textContent === String(n),
          at,
        );
        await same(page, what, colorScheme);
      }
    });
  });
}

/** Compares the file with the page at this moment. */
async function same(page, what, colorScheme = "light") {
  await page.emulateMedia({ reducedMotion: "reduce", colorScheme });
  await page.waitForTimeout(250);
  await files(page);
  const { text } = await take(page, "this moment (SVG)");
  const other = await page.context().newPage();
  await other.emulateMedia({ colorScheme });
  await other.setContent(`<!DOCTYPE html><body>${text}</body>`);
  const saved = await other.evaluate(`(${shapes})(document.querySelector("svg"))`);
  const live = await page.evaluate(`(${shapes})(document.querySelector(".picture"))`);
  await other.close();
  assert.deepEqual(
    live.filter((s) => !saved.includes(s)),
    [],
    `${what}: on the page only`,
  );
  // What only a file has: the paper, and the sentence.
  const more = saved.filter((s) => !live.includes(s));
  assert.ok(more.length <= 6, `${what}: in the file only\n${more.join("\n")}`);
}

test("the saved picture is the one on the page also where things are broken, many, lost or bridged", async () => {
  const { cluster } = await import("./hostile.mjs");
  const odd = cluster()
    .replace("replicas: 2", "replicas: 40")
    .replace(
      "  hosts:",
      "  - {name: a-node-with-a-long-name}\n  faults: [{cut: client}, {down: node01/flannel.1}, {stopped: node02/kube-proxy}, {stopped: node01/flanneld}]\n  hosts:",
    );
  await visit({}, async (page) => {
    const open = async (text) => {
      await page
        .locator("input[type=file]")
        .setInputFiles({ name: "odd.yaml", mimeType: "text/plain", buffer: Buffer.from(text) });
      await page.waitForTimeout(400);
    };
    await open(odd);
    await same(page, "faults and many pods");
    await page.click(".share .ops button:has-text('Close')");
    await page.selectOption("#from", {
      label: (await page.locator("#from option").allTextContents()).find((t) => /node01/.test(t)),
    });
    await send(page, null);
    await page.keyboard.press("End");
    await end(page);
    await same(page, "what was sent among them");
    await page.click(".share .ops button:has-text('Close')");
    // Another probe while the first is under way; and one that is dropped.
    await page.selectOption("#preset", "article-nodeport");
    await send(page);
    for (let n = 0; n < 16; n++) await page.keyboard.press("ArrowRight");
    await page.click(".sentence .send");
    await page.click(".play");
    await same(page, "two packets");
    await page.click(".share .ops button:has-text('Close')");
    await page.getByRole("tab", { name: "Packet" }).click();
    await page.locator(".ops button:has-text('Drop it')").click();
    await same(page, "a lost packet");
    await page.click(".share .ops button:has-text('Close')");
    await page.selectOption("#preset", "article-pod-same-node");
    await page.click(".sentence .send");
    await page.click(".play");
    await end(page);
    await same(page, "bridged");
    // Many nodes are tiles.
    await page.click(".share .ops button:has-text('Close')");
    await open(
      cluster().replace(
        "  - {name: node02}\n",
        Array.from({ length: 20 }, (_, n) => `  - {name: n${n}}\n`).join(""),
      ),
    );
    await same(page, "tiles");
  });
});

test("every file of the dialog is one", async () => {
  await visit({}, async (page) => {
    await files(page);
    assert.equal(
      await page.locator(".share-files button:enabled").count(),
      4,
      "pictures, rules and lab need no run",
    );
    await page.click(".share .ops button:has-text('Close')");
    await send(page);
    await end(page);
    for (let n = 0; n < 30; n++) await page.keyboard.press("ArrowLeft");
    await files(page);
    await page.screenshot({ path: join(shots, "share-files.png") });

    const png = await take(page, "(PNG)");
    assert.deepEqual([...png.bytes.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
    const [w, h] = [png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)];
    const svg = await take(page, "this moment (SVG)");
    const [, sw, sh] = svg.text.match(/width="([\d.]+)" height="([\d.]+)"/).map(Number);
    assert.ok(
      Math.abs(w - 2 * sw) < 3 && Math.abs(h - 2 * sh) < 3 && png.bytes.length > 40_000,
      `${w}x${h} of ${sw}x${sh}, ${png.bytes.length} bytes`,
    );

    const film = await take(page, "moving");
    assert.equal(film.name, "packetwalk-run.svg");
    assert.match(film.text, /@keyframes go-[0-9a-f]{8}\{/);

    const lines = await take(page, "a line an event");
    assert.ok(lines.text.split("\n").length > 300);
    const json = JSON.parse((await take(page, "JSON")).text);
    assert.ok(json.version === 1 && json.verdict.answered);

    const markdown = await take(page, "Markdown");
    const html = tools("markdown-it")({ html: true, linkify: true }).render(markdown.text);
    assert.ok(html.split("<tr>").length > 300 && !html.includes("<a "), html.slice(0, 300));

    const rules = await take(page, "iptables-save");
    assert.match(rules.name, /^node0\d\.rules$/);
    assert.match(rules.text, /^# Generated by iptables-save[\s\S]*\*nat[\s\S]*KUBE-NODEPORTS/);

    const lab = await take(page, "bash");
    assert.equal(lab.name, "packetwalk-lab.sh");
    execFileSync("bash", ["-n", lab.path]);

    // All interfaces, then two of them.
    const interfaces = (path) =>
      new Set(
        execFileSync("tshark", ["-r", path, "-T", "fields", "-e", "frame.interface_name"], {
          encoding: "utf8",
        })
          .split("\n")
          .filter(Boolean),
      );
    const all = interfaces((await take(page, "pcapng")).path);
    assert.ok(all.size > 6, [...all].join());
    await page.locator(".interfaces summary").click();
    for (const name of ["node01/flannel.1", "node01/ens192"])
      await page.locator(".interfaces label", { hasText: name }).locator("input").check();
    assert.match(await page.locator(".interfaces summary").textContent(), /2 of \d+/);
    assert.deepEqual([...interfaces((await take(page, "pcapng")).path)].sort(), [
      "node01/ens192",
      "node01/flannel.1",
    ]);
    await page.screenshot({ path: join(shots, "share-interfaces.png") });
  });
});

test("a film plays in an image, and rests where nothing may move", async () => {
  let film;
  await visit({}, async (page) => {
    await send(page);
    await files(page);
    film = (await take(page, "moving")).text;
    const image = `<img width="760" src="data:image/svg+xml,${encodeURIComponent(film)}">`;
    // An image asks the system itself: what is emulated here reaches only what stands in the page.
    for (const [motion, moves, markup] of [
      ["no-preference", true, image],
      ["no-preference", true, film],
      ["reduce", false, film],
    ]) {
      const other = await page.context().newPage();
      await other.emulateMedia({ reducedMotion: motion });
      await other.setContent(`<!DOCTYPE html><body>${markup}</body>`);
      await other.waitForFunction(() => [...document.images].every((i) => i.complete));
      await other.waitForTimeout(500);
      const first = await other.screenshot();
      if (moves) await other.screenshot({ path: join(shots, "film.png") });
      await other.waitForTimeout(1800);
      const second = await other.screenshot();
      assert.equal(!first.equals(second), moves, `motion: ${motion}`);
      await other.close();
    }
  });
});

test("Mermaid draws the sequence, and the actors are the machines", async () => {
  await visit({}, async (page) => {
    await send(page);
    await files(page);
    const { text } = await take(page, "Mermaid");
    const other = await page.context().newPage();
    await other.setContent("<!DOCTYPE html><body></body>");
    await other.addScriptTag({ path: tools.resolve("mermaid/dist/mermaid.min.js") });
    const svg = await other.evaluate(async (t) => {
      mermaid.initialize({ startOnLoad: false });
      const { svg } = await mermaid.render("m", t);
      document.body.innerHTML = svg;
      return [...document.querySelectorAll("text.actor")].map((e) => e.textContent);
    }, text);
    assert.deepEqual([...new Set(svg)].sort(), ["bastion", "nginx 10.1.6.5", "node01", "node02"]);
    await other.screenshot({ path: join(shots, "mermaid.png") });
    await other.close();
  });
});

test("on a phone, in Japanese, in the dark", async () => {
  await visit(
    { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "ja-JP" },
    async (page) => {
      await page.click(".sentence .send");
      await page.waitForTimeout(300);
      await files(page);
      await page.screenshot({ path: join(shots, "share-files-phone.png") });
      await page.getByRole("tab", { name: "埋め込み" }).click();
      await page.screenshot({ path: join(shots, "share-embed-phone.png") });
      assert.ok((await step(page)) > 0);
    },
  );
});

// A smoke run in Firefox and in WebKitGTK: open, send, step, edit, use the terminal, at two sizes.
// The screenshots in target/screenshots/browsers are for visual review.
// On Debian: apt-get install firefox-esr webkit2gtk-driver xvfb xauth
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { READY, dist, root } from "./browser.mjs";
import { serve } from "./serve.mjs";

const out = join(root, "target", "screenshots", "browsers");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Firefox, driven by puppeteer-core over WebDriver BiDi. */
async function firefox([width, height]) {
  const puppeteer = createRequire(join(root, "tests", "tools", "package.json"))("puppeteer-core");
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: "/usr/bin/firefox-esr",
    headless: true,
    extraPrefsFirefox: { "intl.locale.requested": "en-US", "intl.accept_languages": "en-US" },
    defaultViewport: { width, height },
  });
  const page = await browser.newPage();
  const said = [];
  page.on("console", (m) => said.push(m.text()));
  page.on("pageerror", (e) => said.push(e.message));
  return {
    open: (url) => page.goto(url),
    evaluate: (f, ...args) => page.evaluate(f, ...args),
    click: (selector) => page.click(selector),
    press: (key) => page.keyboard.press(key),
    type: (text) => page.keyboard.type(text),
    screenshot: async () => page.screenshot(),
    said: () => said,
    close: () => browser.close(),
  };
}

/** The keys of WebDriver, as code points of the private use area. */
const KEYS = { Enter: "\ue007", End: "\ue010", Home: "\ue011", ArrowRight: "\ue014" };

/** WebKitGTK's MiniBrowser, driven by plain WebDriver. */
async function webkit([width, height]) {
  const libraries = "/usr/lib/x86_64-linux-gnu";
  const folder = readdirSync(libraries).find(
    (f) => /^webkit2gtk-/.test(f) && existsSync(join(libraries, f, "MiniBrowser")),
  );
  const port = 20000 + (process.pid % 20000);
  const screen = ["-a", "-s", `-screen 0 ${width + 100}x${height + 200}x24`];
  const driver = spawn("xvfb-run", [...screen, "/usr/bin/WebKitWebDriver", `--port=${port}`], {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, LANG: "en_US.UTF-8", LANGUAGE: "en_US" },
  });
  const ask = async (method, path, body) => {
    const url = `http://127.0.0.1:${port}${path}`;
    const response = await fetch(url, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  };
  for (let i = 0; ; i++) {
    const up = await ask("GET", "/status").catch(() => null);
    if (up?.ready) break;
    assert.ok(i < 100, "WebKitWebDriver does not start");
    await wait(100);
  }
  const binary = join(libraries, folder, "MiniBrowser");
  const browser = { binary, args: ["--automation"] };
  const wanted = { browserName: "MiniBrowser", "webkitgtk:browserOptions": browser };
  const capabilities = { alwaysMatch: wanted };
  const { sessionId } = await ask("POST", "/session", { capabilities });
  const at = `/session/${sessionId}`;
  const evaluate = (f, ...args) =>
    ask("POST", `${at}/execute/sync`, { script: `return (${f}).apply(null, arguments)`, args });
  const keys = (actions) =>
    ask("POST", `${at}/actions`, { actions: [{ type: "key", id: "keys", actions }] });
  const stroke = (value) => [
    { type: "keyDown", value },
    { type: "keyUp", value },
  ];
  return {
    open: async (url) => {
      // The frame of the window is not the page's.
      for (let i = 0, size = [width, height]; i < 3; i++) {
        await ask("POST", `${at}/window/rect`, { x: 0, y: 0, width: size[0], height: size[1] });
        await wait(300);
        const inner = await evaluate(() => [innerWidth, innerHeight]);
        size = [size[0] + width - inner[0], size[1] + height - inner[1]];
      }
      await ask("POST", `${at}/url`, { url });
    },
    evaluate,
    click: async (selector) => {
      const value = { using: "css selector", value: selector };
      const [id] = Object.values(await ask("POST", `${at}/element`, value));
      await ask("POST", `${at}/element/${id}/click`, {});
    },
    press: (key) => keys(stroke(KEYS[key] ?? key)),
    type: (text) => keys([...text].flatMap(stroke)),
    screenshot: async () => Buffer.from(await ask("GET", `${at}/screenshot`), "base64"),
    said: () => [],
    close: async () => {
      await ask("DELETE", at).catch(() => {});
      process.kill(-driver.pid);
    },
  };
}

/** Runs in the page: the parts of the picture that are cut off at its edges. */
function cut() {
  const svg = document.querySelector("#app > .page .picture");
  const view = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll(".node-card, .host > .box")];
  const parts = [...boxes.map((e) => e.getBoundingClientRect()), view];
  return parts.filter(
    (r) =>
      r.left < view.left - 1 ||
      r.right > view.right + 1 ||
      r.top < view.top - 1 ||
      r.bottom > Math.min(view.bottom, innerHeight) + 1,
  ).length;
}

async function smoke(name, launch, size, origin) {
  const page = await launch(size);
  const shot = async (moment) => {
    await wait(400);
    writeFileSync(join(out, `${name}-${size.join("x")}-${moment}.png`), await page.screenshot());
  };
  /** Waits until this is true in the page. */
  const until = async (f, ...args) => {
    for (let i = 0; !(await page.evaluate(f, ...args)); i++) {
      if (i === 150) {
        await shot("failed");
        assert.fail(`${name}: never ${f} ${args}`);
      }
      await wait(100);
    }
  };
  const there = (selector) => Boolean(document.querySelector(selector));
  const says = (selector, text) => document.querySelector(selector)?.textContent.includes(text);
  const narrow = size[0] < 900;
  try {
    await page.open(`${origin}/`);
    await until(there, READY);
    await shot("open");
    if (!narrow) assert.equal(await page.evaluate(cut), 0, `${name}: the picture is cut off`);

    if (narrow) await page.click(".compose");
    await page.click(".sentence .send");
    await until(there, ".capsule");
    await page.click(".play");
    await page.click("[aria-label='Step forward']");
    await page.click("[aria-label='Step forward']");
    const step = () => Number(document.querySelector(".count strong").textContent);
    assert.ok((await page.evaluate(step)) >= 3);
    await shot("sent");
    if (!narrow) assert.equal(await page.evaluate(cut), 0, `${name}: the picture is cut off`);
    await page.press("End");
    await until(says, ".at-end .verdict", "849 bytes");
    await shot("end");

    if (narrow) await page.click(".tabs .tab:nth-child(4)");
    const written = (text) =>
      document.querySelector(".editor-host").shadowRoot?.textContent.includes(text);
    await until(written, "apiVersion");
    await page.click(".editor-host");
    await page.press("Home");
    await page.type("# typed here ");
    await until(written, "# typed here");
    await shot("edited");

    if (narrow) await page.click(".tabs .tab:nth-child(3)");
    await page.click(".toggles button:nth-child(2)");
    await until(there, "#command");
    await page.click("#command");
    await page.type("ip route");
    await page.press("Enter");
    await until(says, ".screen", "default via");
    await shot("terminal");
    assert.deepEqual(page.said(), [], `${name}: the console is silent`);
    console.log(`${name} at ${size.join("x")}: opened, sent, stepped, edited, used the terminal`);
  } finally {
    await page.close();
  }
}

mkdirSync(out, { recursive: true });
const server = await serve(dist);
try {
  for (const size of [
    [1440, 862],
    [390, 844],
  ]) {
    await smoke("firefox", firefox, size, server.origin);
    await smoke("webkitgtk", webkit, size, server.origin);
  }
} finally {
  await server.close();
}

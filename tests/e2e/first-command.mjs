// Runs a command that serves the page, such as the first one of the README, waits until the page,
// its engine and the embed answer over HTTP, sends a packet in a browser, checks the answer, and
// stops the server. `node tests/e2e/first-command.mjs COMMAND...`
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import process from "node:process";
import { launch, listen } from "./browser.mjs";

const SITE = "http://127.0.0.1:8080/";
// The first run builds tools, the engine and the page.
const PATIENCE = 40 * 60_000;

const command = process.argv.slice(2);
assert.ok(command.length > 0, "which command?");
const began = Date.now();
const seconds = () => Math.round((Date.now() - began) / 1000);
const report = (text) => console.log(`${command.join(" ")}: ${text} after ${seconds()} s`);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** The body of a file of the site, or undefined if the request fails. */
async function answer(path) {
  const response = await fetch(new URL(path, SITE)).catch(() => undefined);
  if (response?.status === 200) return response;
}

assert.ok(!(await answer("")), `another program already serves ${SITE}: stop it first`);
// A process group of its own, so that everything it starts can be stopped with it.
const server = spawn(command[0], command.slice(1), { stdio: "inherit", detached: true });
let ended;
server.on("exit", (code, signal) => (ended = `the command ended with ${code ?? signal}`));
server.on("error", (error) => (ended = error.message));
const stop = () => {
  try {
    process.kill(-server.pid, "SIGINT");
  } catch {}
};
process.on("exit", stop);

try {
  let html;
  for (;;) {
    assert.ok(!ended, `nothing was served: ${ended}`);
    assert.ok(Date.now() - began < PATIENCE, `nothing was served within ${PATIENCE / 60_000} min`);
    html = await (await answer(""))?.text();
    if (html?.includes("start-")) break;
    await wait(500);
  }
  report("the page answers");
  const [wasm] = html.match(/packetwalk-[0-9a-f]+\.wasm/) ?? [];
  assert.ok(wasm, "the page refers to its engine");
  for (const [path, what] of [
    [wasm, "the engine"],
    ["embed.html", "the embed"],
  ]) {
    const response = await answer(path);
    assert.ok(response, `${what} (${path}) answers`);
    assert.ok((await response.arrayBuffer()).byteLength > 0, `${path} is not empty`);
    report(`${what} answers`);
  }
  const { context, close } = await launch({ locale: "en-US" });
  try {
    const page = await context.newPage();
    const said = listen(page);
    await page.goto(SITE);
    await page.locator("#app > .page .picture .node-card").first().waitFor();
    await page.click("#app > .page .sentence .send");
    await page.click("[aria-label='To the end']");
    const verdict = await page.locator(".verdict").first().textContent();
    assert.match(verdict, /849 bytes/, `the verdict states what the client received: ${verdict}`);
    assert.deepEqual(said, [], "the console is silent");
    report(`a packet was sent and answered: "${verdict.trim()}"`);
  } finally {
    await close();
  }
} finally {
  stop();
}
for (let i = 0; i < 100 && !ended; i++) await wait(100);
assert.ok(ended, "the server stops when it is interrupted");
report("the server stopped");

// Debian's Chromium, headless, without background traffic, driven by playwright-core.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const dist = join(root, "dist");
const { chromium } = createRequire(join(root, "tests", "tools", "package.json"))("playwright-core");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Selects the page as drawn by the engine, not the inert picture that the HTML contains. */
export const READY = "#app > .page .picture .node-card";

/** A browser with a new profile; `close` removes it. `worker` allows service workers; `connection`
 * lets the page know how fast the line is, which a busy machine makes look slow. */
export async function launch({ worker = false, connection = false, ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "packetwalk-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.PACKETWALK_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width: 1760, height: 1000 },
    ...options,
  });
  if (!connection)
    await context.addInitScript(() =>
      Object.defineProperty(navigator, "connection", { value: undefined }),
    );
  // The downloads of the service worker would only slow the tests.
  if (!worker)
    await context.addInitScript(() =>
      Object.defineProperty(navigator, "serviceWorker", { value: undefined }),
    );
  return {
    context,
    profile,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Collects console messages and exceptions of a page; tests expect none. */
export function listen(page) {
  const said = [];
  page.on("console", (m) => said.push(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => said.push(`error: ${e.message}`));
  page.on("requestfailed", (r) => {
    // The page never cancels a request: what is aborted belongs to a document that the test left.
    if (r.failure()?.errorText !== "net::ERR_ABORTED")
      said.push(`failed: ${r.url()} ${r.failure()?.errorText}`);
  });
  return said;
}

/** The text of a session as it is stored, or the file that was opened. */
function stored(value) {
  const [head] = value.split("\n", 1);
  const length = Number(/\b(?:file|text): (\d+)/.exec(head)?.[1]);
  return Buffer.from(value.slice(head.length + 1)).subarray(0, length).toString();
}

/** The texts of the sessions that the browser keeps, by their identifiers. */
export async function sessions(page) {
  const all = await page.evaluate(() =>
    Object.entries(localStorage).filter(([key]) => key.startsWith("packetwalk.1.session.")),
  );
  return new Map(all.map(([key, value]) => [key.slice(21), stored(value)]));
}

/** The text that the browser keeps of the page's session, if something was done in it. */
export async function kept(page) {
  const id = await page.evaluate(() => history.state?.packetwalk);
  return (await sessions(page)).get(id);
}

/** Waits until what the browser keeps of the page's session satisfies a condition. */
export async function untilKept(page, condition) {
  for (const end = Date.now() + 15_000; !condition(await kept(page)); await page.waitForTimeout(40))
    if (Date.now() > end) throw new Error(`the browser keeps ${await kept(page)}`);
}

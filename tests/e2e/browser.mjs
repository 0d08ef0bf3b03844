// Debian's Chromium, headless and quiet, driven by playwright-core.
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

/** The page, drawn by the engine: before it the same picture stands there, but does nothing. */
export const READY = "#app > .page .picture .node-card";

/** A browser with a new profile; `close` removes it. With `worker` pages may have service workers. */
export async function launch({ worker = false, ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "packetwalk-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.PACKETWALK_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
    ...options,
  });
  // What the page fetches for later would only be work here.
  if (!worker)
    await context.addInitScript(() =>
      Object.defineProperty(navigator, "serviceWorker", { value: undefined }),
    );
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Collects what a page prints and throws; a test expects it to be nothing. */
export function listen(page) {
  const said = [];
  page.on("console", (m) => said.push(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => said.push(`error: ${e.message}`));
  page.on("requestfailed", (r) => {
    // A page that is left or loaded again takes its icon no longer: that is the test's doing.
    if (r.failure()?.errorText !== "net::ERR_ABORTED" || !r.url().endsWith(".svg"))
      said.push(`failed: ${r.url()} ${r.failure()?.errorText}`);
  });
  return said;
}

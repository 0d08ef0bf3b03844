// Takes screenshots of the page for visual review, in several sizes, themes, languages and moments,
// into target/screenshots/sheets, with a page that shows them side by side.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { READY, dist, launch, root } from "./browser.mjs";
import { serve } from "./serve.mjs";

const out = join(root, "target", "screenshots", "sheets");
const SIZES = [
  ["1440x900", { viewport: { width: 1440, height: 900 } }],
  ["1280x720", { viewport: { width: 1280, height: 720 } }],
  ["1280x720-zoom-200", { viewport: { width: 640, height: 360 }, deviceScaleFactor: 2 }],
  ["390x844", { viewport: { width: 390, height: 844 } }],
];
/** Sends to 10.1.6.5 and goes to the DNAT event. */
async function dnat(page) {
  await page.selectOption("#endpoint", "10.1.6.5:80");
  await page.click(".sentence .send");
  await page.locator(".play[aria-label=Pause], .play[aria-label=一時停止]").click();
  const translated = page.locator(".event", { has: page.locator(".kind", { hasText: "DNAT" }) });
  await translated.first().locator("button").click();
}
const MOMENTS = [
  ["opening", async () => {}],
  ["dnat", dnat],
];

mkdirSync(out, { recursive: true });
const server = await serve(dist);
const names = [];
try {
  for (const [size, options] of SIZES)
    for (const colorScheme of ["light", "dark"])
      for (const locale of ["en-US", "ja-JP"]) {
        const { context, close } = await launch({ ...options, colorScheme, locale });
        try {
          const page = await context.newPage();
          page.setDefaultTimeout(15_000);
          await page.goto(`${server.origin}/`);
          await page.waitForSelector(READY);
          for (const [moment, act] of MOMENTS) {
            // The event list is visible in wide windows only.
            if (moment !== "opening" && options.viewport.width < 900) continue;
            await act(page);
            await page.waitForTimeout(400);
            const name = `${size}-${colorScheme}-${locale.slice(0, 2)}-${moment}.png`;
            await page.screenshot({ path: join(out, name) });
            names.push(name);
          }
        } finally {
          await close();
        }
      }
} finally {
  await server.close();
}
const figure = (name) =>
  `<figure><img src="${name}" width="480"><figcaption>${name}</figcaption></figure>`;
writeFileSync(
  join(out, "index.html"),
  `<!DOCTYPE html><title>Packetwalk</title>${names.map(figure).join("\n")}\n`,
);
console.log(`${names.length} pictures in target/screenshots/sheets/`);

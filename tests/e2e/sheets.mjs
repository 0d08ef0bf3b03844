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
/** Sends to 10.1.6.5 and stops playback. */
async function send(page) {
  await page.selectOption("#endpoint", "10.1.6.5:80");
  // By key: in a small window the button may be outside of the visible part.
  await page.locator(".sentence .send").press("Enter");
  await page.locator(".play[aria-label=Pause], .play[aria-label=一時停止]").press("Enter");
}
/** Goes to the DNAT event of a Send. */
async function dnat(page) {
  await send(page);
  const translated = page.locator(".event", { has: page.locator(".kind", { hasText: "DNAT" }) });
  await translated.first().locator("button").click();
}
const pane = (n) => (page) => page.locator(".tabs .tab").nth(n).click();
const WIDE = [
  ["opening", async () => {}],
  ["dnat", dnat],
];
/** Narrow windows show one pane at a time. */
const NARROW = [
  ["opening", async () => {}],
  ["sent", send],
  ["rules", pane(1)],
  ["events", pane(2)],
  ["text", pane(3)],
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
          for (const [moment, act] of options.viewport.width < 900 ? NARROW : WIDE) {
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

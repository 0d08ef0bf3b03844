// Contact sheets for visual review, in target/screenshots/sheets: every state of the page at two
// sizes, and eight states at every size, in both themes and languages.
// `node tests/e2e/sheets.mjs WORD …` makes only the sheets with one of these words in their name.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch } from "./browser.mjs";
import { EIGHT, STATES } from "./states.mjs";
import { shots, visit } from "./visit.mjs";

const out = join(shots, "sheets");
const SIZES = [
  [1440, 900],
  [1280, 720],
  [1024, 768],
  [844, 390],
  [390, 844],
  [720, 450],
  [320, 256],
];
/** The pictures of one sheet. */
const PER_SHEET = 12;

/** The sheets: a name, the options of the browser, and the states. */
const sheets = [];
for (const [width, height] of SIZES) {
  const viewport = { width, height };
  if (width === 1440 || width === 390)
    for (let i = 0; i < STATES.length; i += PER_SHEET)
      sheets.push([
        `${width}x${height}-every-${i / PER_SHEET + 1}`,
        { viewport },
        STATES.slice(i, i + PER_SHEET),
      ]);
  const eight = STATES.filter((state) => EIGHT.includes(state.name));
  for (const colorScheme of ["light", "dark"])
    for (const locale of ["en-US", "ja-JP"])
      sheets.push([
        `${width}x${height}-${colorScheme}-${locale.slice(0, 2)}`,
        { viewport, colorScheme, locale },
        eight,
      ]);
}

const words = process.argv.slice(2);
for (const [name, options, states] of sheets) {
  if (words.length && !words.some((word) => name.includes(word))) continue;
  test(name, async () => {
    const folder = join(out, name);
    mkdirSync(folder, { recursive: true });
    for (const state of states)
      await visit({ ...options, reducedMotion: "reduce", panes: state.panes }, async (page) => {
        await state.act(page);
        await page.waitForTimeout(300);
        await page.screenshot({ path: join(folder, `${state.name}.png`) });
      });
    await sheet(name, options.viewport, states);
  });
}

/** Puts the pictures side by side: a page of them, as a screenshot. */
async function sheet(name, { width, height }, states) {
  const columns = Math.max(2, Math.min(4, Math.round(2400 / width)));
  const scale = Math.min(1, 2400 / columns / width);
  const figure = (state) =>
    `<figure><figcaption>${state.name}</figcaption>` +
    `<img src="${encodeURI(name)}/${encodeURI(state.name)}.png" width="${width * scale}"></figure>`;
  const style =
    `body { margin: 8px; font: 16px sans-serif; background: #888; display: grid; gap: 8px;` +
    ` grid-template-columns: repeat(${columns}, max-content) } figure { margin: 0 }`;
  const file = join(out, `${name}.html`);
  const charset = `<!DOCTYPE html><meta charset="utf-8"><title>${name}</title>`;
  writeFileSync(file, `${charset}<style>${style}</style>${states.map(figure).join("\n")}\n`);
  const rows = Math.ceil(states.length / columns);
  const viewport = {
    width: Math.ceil(columns * (width * scale + 8) + 8),
    height: Math.ceil(rows * (height * scale + 32) + 8),
  };
  const { context, close } = await launch({ viewport });
  try {
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    await page.screenshot({ path: join(out, `${name}.png`) });
  } finally {
    await close();
  }
}

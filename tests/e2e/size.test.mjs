// The first load, compressed as a host would: wasm, JavaScript, CSS and HTML. Editor and fonts come
// after the first picture and have budgets of their own.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync, constants } from "node:zlib";
import { dist } from "./browser.mjs";

const KIB = 1024;
const brotli = (file) => brotliCompressSync(readFileSync(file), { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

test("the first load stays within its budget", () => {
  const parts = { wasm: 0, js: 0, css: 0, html: 0 };
  const apart = { editor: brotli(join(dist, "editor.js")), fonts: 0 };
  for (const name of readdirSync(dist)) {
    const kind = name.split(".").pop();
    if (kind in parts && !name.startsWith("embed") && name !== "editor.js") parts[kind] += brotli(join(dist, name));
  }
  for (const name of readdirSync(join(dist, "fonts"))) if (name.endsWith(".woff2")) apart.fonts += readFileSync(join(dist, "fonts", name)).length;
  const total = Object.values(parts).reduce((a, b) => a + b);
  const row = (name, n) => console.log(`${name.padEnd(12)} ${String(n).padStart(8)} bytes`);
  for (const [name, n] of Object.entries(parts)) row(name, n);
  row("first load", total);
  for (const [name, n] of Object.entries(apart)) row(name, n);
  assert.ok(parts.wasm > 0 && parts.js > 0 && parts.css > 0 && parts.html > 0, "every part is there");
  assert.ok(total <= 350 * KIB, `the first load has ${total} bytes, more than 350 KiB`);
  assert.ok(apart.editor <= 200 * KIB, `the editor has ${apart.editor} bytes`);
  assert.ok(apart.fonts <= 100 * KIB, `the fonts have ${apart.fonts} bytes`);
});

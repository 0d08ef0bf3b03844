// Bundles the editor and copies the fonts into web/generated, which is not committed.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "generated");
const inputs = ["build.mjs", "editor.js", "package-lock.json"].map((f) =>
  readFileSync(join(here, f)),
);
const stamp = createHash("sha256").update(Buffer.concat(inputs)).digest("hex");
let known = "";
try {
  known = readFileSync(join(out, ".stamp"), "utf8");
} catch {}
// Trunk watches this folder: nothing is written unless something changed.
if (known !== stamp) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "fonts"), { recursive: true });
  await build({
    entryPoints: [join(here, "editor.js")],
    outfile: join(out, "editor.js"),
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    legalComments: "eof",
    logLevel: "warning",
  });
  for (const name of ["inter", "jetbrains-mono"]) {
    const from = join(here, "node_modules", "@fontsource-variable", name);
    copyFileSync(
      join(from, "files", `${name}-latin-wght-normal.woff2`),
      join(out, "fonts", `${name}.woff2`),
    );
    copyFileSync(join(from, "LICENSE"), join(out, "fonts", `${name}.LICENSE`));
  }
  writeFileSync(join(out, ".stamp"), stamp);
}

// Runs before Trunk's build: installs the npm packages, bundles the editor and copies the fonts
// into web/generated, unless their inputs are unchanged. It imports only modules of Node itself, so
// that it runs in a fresh clone.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(web, "generated");

/** Calls `make` unless the stamp file already holds the digest of the inputs. */
async function unlessDone(stampFile, inputs, make) {
  const bytes = Buffer.concat(inputs.map((f) => readFileSync(join(web, f))));
  const digest = createHash("sha256").update(bytes).digest("hex");
  let known = "";
  try {
    known = readFileSync(stampFile, "utf8");
  } catch {}
  if (known === digest) return;
  await make();
  writeFileSync(stampFile, digest);
}

await unlessDone(join(web, "node_modules", ".stamp"), ["package-lock.json"], () =>
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: web,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  }),
);

const inputs = ["build/prepare.mjs", "js/editor.js", "js/help.js", "package-lock.json"];
await unlessDone(join(out, ".stamp"), inputs, async () => {
  const { build } = await import("esbuild");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, "fonts"), { recursive: true });
  await build({
    entryPoints: [join(web, "js", "editor.js")],
    outfile: join(out, "editor.js"),
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    legalComments: "eof",
    logLevel: "warning",
  });
  for (const name of ["inter", "jetbrains-mono"]) {
    const from = join(web, "node_modules", "@fontsource-variable", name);
    copyFileSync(
      join(from, "files", `${name}-latin-wght-normal.woff2`),
      join(out, "fonts", `${name}.woff2`),
    );
    copyFileSync(join(from, "LICENSE"), join(out, "fonts", `${name}.LICENSE`));
  }
});

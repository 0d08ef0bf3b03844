// The JavaScript in the documentation, run in the packed npm package.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./browser.mjs";

test("the JavaScript of the documentation runs", () => {
  const folder = mkdtempSync(join(tmpdir(), "packetwalk-docs-"));
  try {
    const npm = join(root, "target", "npm");
    const tarball = readdirSync(npm).find((f) => f.endsWith(".tgz"));
    writeFileSync(join(folder, "package.json"), '{"private": true, "type": "module"}');
    execFileSync(
      "npm",
      ["install", "--offline", "--no-audit", "--no-fund", "--silent", join(npm, tarball)],
      { cwd: folder },
    );
    for (const page of ["crates/engine/npm/README.md", "web/docs/javascript.md"]) {
      const blocks = [...readFileSync(join(root, page), "utf8").matchAll(/^```js\n(.*?)^```/gms)];
      assert.ok(blocks.length > 0, `${page} has JavaScript`);
      for (const [, code] of blocks) {
        writeFileSync(
          join(folder, "block.mjs"),
          `import { presets } from "packetwalk";
          const manifests = presets().find((p) => p.name === "article-nodeport").document;
          ${code}`,
        );
        const { status, stdout, stderr } = spawnSync("node", ["block.mjs"], {
          cwd: folder,
          encoding: "utf8",
        });
        assert.equal(status, 0, `${page}: ${stderr}`);
        assert.match(stdout, /849 bytes/, `${page} prints the verdict`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

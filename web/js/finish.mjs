// Runs after Trunk, in its staging folder: makes the page fit a policy without inline scripts, and
// adds the embed, one classic script with the engine inside, which runs with an opaque origin from a
// plain file server.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const out = process.env.TRUNK_STAGING_DIR;
const profile = process.env.TRUNK_PROFILE ?? "release";
const index = join(out, "index.html");
let html = readFileSync(index, "utf8");

// What Trunk leaves readable is made small: the glue of the modules, and the styles, which become one file.
const small = async (text, loader, format) => (await transform(text, { loader, format, minify: true, charset: "utf8" })).code;
const hashed = (text) => createHash("sha256").update(text).digest("hex").slice(0, 8);
for (const file of readdirSync(out).filter((f) => /^packetwalk-\w+(-[0-9a-f]+)?\.js$/.test(f))) {
  writeFileSync(join(out, file), await small(readFileSync(join(out, file), "utf8"), "js", "esm"));
}
const parts = [...html.matchAll(/<link rel="stylesheet" href="\.\/((?!fonts-)[\w-]+\.css)"[^>]*>\s*/g)];
if (parts.length < 2) throw new Error("the styles were not found in the page");
const style = await small(parts.map((m) => readFileSync(join(out, m[1]), "utf8")).join("\n"), "css");
const styles = `styles-${hashed(style)}.css`;
writeFileSync(join(out, styles), style);
for (const [tag, file] of parts) {
  html = html.replace(tag, tag === parts[0][0] ? `<link rel="stylesheet" href="./${styles}">` : "");
  rmSync(join(out, file));
}

// A workbench of another build must not be met by this page.
const workbench = {};
for (const [kind, name, ending] of [["glue", "packetwalk-workbench", ".js"], ["wasm", "packetwalk-workbench_bg", ".wasm"]]) {
  const hash = createHash("sha256").update(readFileSync(join(out, name + ending))).digest("hex").slice(0, 8);
  workbench[kind] = `${name}-${hash}${ending}`;
  renameSync(join(out, name + ending), join(out, workbench[kind]));
}

// The script Trunk writes into the page becomes a file: it starts the engine through the guard, which
// shows how far it is loaded.
let replaced = false;
html = html.replace(/<script type="module"[^>]*>([\s\S]*?)<\/script>/, (_, body) => {
  replaced = true;
  const [glue] = body.match(/\.\/[\w-]+\.js/);
  const [wasm] = body.match(/\.\/[\w-]+\.wasm/);
  const size = (file) => statSync(join(out, file)).size;
  const start = `import init from "${glue}";
packetwalk.workbench = (leave, failed) => {
  const wasm = fetch("./${workbench.wasm}").then((r) => (r.ok ? r.arrayBuffer() : Promise.reject(r.status))).then((b) => WebAssembly.compile(b));
  Promise.all([import("./${workbench.glue}"), wasm]).then(([glue, module]) => {
    packetwalk.session = leave();
    // What goes has gone first.
    setTimeout(() => glue.default({ module_or_path: module }).catch(packetwalk.failed), 0);
  }, (why) => failed(String(why)));
};
const { linked, start } = packetwalk;
if (linked()) start((o) => import("./${workbench.glue}").then((glue) => glue.default(o)), "./${workbench.wasm}", ${size(workbench.wasm)});
else start(init, "${wasm}", ${size(wasm)});
`;
  const name = `start-${hashed(start)}.js`;
  writeFileSync(join(out, name), start);
  return `<script type="module" src="./${name}"></script>`;
});
if (!replaced) throw new Error("Trunk's script was not found in the page: the policy would refuse it");
const guard = readFileSync(join(root, "web/js/guard.js"), "utf8");
writeFileSync(join(out, "guard.js"), (await transform(guard, { minify: true, target: "es5" })).code);
// The guard fetches the engine, unless a link needs another one: a preload would fetch it always.
let early;
html = html.replace(/<link rel="preload" href="([^"]+\.wasm)"[^>]*>/, (_, wasm) => ((early = wasm), ""));
if (!early) throw new Error("Trunk's preload was not found in the page");
html = html.replace('<script src="./guard.js">', `<script src="./guard.js" data-wasm="${early}">`);
// Preloads with integrity or nonce attributes are not needed and only break odd origins.
html = html.replace(/ (?:integrity|nonce)="[^"]*"/g, "");
writeFileSync(index, html);

// The embed.
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const wasm = join(target, "wasm32-unknown-unknown", "wasm", "packetwalk-web.wasm");
const dir = mkdtempSync(join(tmpdir(), "packetwalk-embed-"));
try {
  execFileSync("wasm-bindgen", ["--target", "no-modules", "--no-typescript", "--out-name", "embed", "--out-dir", dir, wasm], { stdio: "inherit" });
  const glue = readFileSync(join(dir, "embed.js"), "utf8");
  // The page's own, already optimised module has the same imports: both come from one compilation.
  execFileSync("wasm-opt", ["-Oz", "--low-memory-unused", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-reference-types", "--enable-multivalue", "--enable-sign-ext", "--enable-mutable-globals", "-o", join(dir, "small.wasm"), join(dir, "embed_bg.wasm")], { stdio: "inherit" });
  const bytes = readFileSync(join(dir, "small.wasm")).toString("base64");
  const start = `${guard}${glue}
(function () {
  const text = atob("${bytes}");
  const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
  const run = () => wasm_bindgen({ module_or_path: bytes });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
`;
  writeFileSync(join(out, "embed.js"), start);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
writeFileSync(
  join(out, "embed.html"),
  `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Packetwalk</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="./${styles}">
</head>
<body data-embed>
  <div id="app"><div class="loading"><strong>Packetwalk</strong></div></div>
  <script src="./embed.js"></script>
</body>
</html>
`,
);
if (profile === "debug") console.log("packetwalk: a debug build; the sizes say nothing");

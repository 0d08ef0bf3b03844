// Runs after Trunk, in its staging folder: makes the page fit a policy without inline scripts, and
// adds the embed, which runs with an opaque origin from a plain file server.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { transform, transformSync } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const out = process.env.TRUNK_STAGING_DIR;
const profile = process.env.TRUNK_PROFILE ?? "release";
const index = join(out, "index.html");
let html = readFileSync(index, "utf8");

// What Trunk leaves readable is made small: the glue of the modules, and the styles, which become
// one file.
const small = async (text, loader, format) =>
  (await transform(text, { loader, format, minify: true, charset: "utf8" })).code;
const hashed = (text) => createHash("sha256").update(text).digest("hex").slice(0, 8);
for (const file of readdirSync(out).filter((f) => /^packetwalk-\w+(-[0-9a-f]+)?\.js$/.test(f))) {
  writeFileSync(join(out, file), await small(readFileSync(join(out, file), "utf8"), "js", "esm"));
}
// Trunk names the engine after what it was before it was made small.
for (const file of readdirSync(out).filter((f) => /^packetwalk-web-\w+\.(js|wasm)$/.test(f))) {
  const name = file.replace(/-[0-9a-f]{8,}/, `-${hashed(readFileSync(join(out, file)))}`);
  renameSync(join(out, file), join(out, name));
  html = html.replaceAll(`./${file}`, `./${name}`);
}
const parts = [
  ...html.matchAll(/<link rel="stylesheet" href="\.\/((?!fonts-)[\w-]+\.css)"[^>]*>\s*/g),
];
if (parts.length < 2) throw new Error("the styles were not found in the page");
const style = await small(
  parts.map((m) => readFileSync(join(out, m[1]), "utf8")).join("\n"),
  "css",
);
const styles = `styles-${hashed(style)}.css`;
writeFileSync(join(out, styles), style);
for (const [tag, file] of parts) {
  html = html.replace(tag, tag === parts[0][0] ? `<link rel="stylesheet" href="./${styles}">` : "");
  rmSync(join(out, file));
}

// A workbench of another build must not be met by this page.
const workbench = {};
for (const [kind, name, ending] of [
  ["glue", "packetwalk-workbench", ".js"],
  ["wasm", "packetwalk-workbench_bg", ".wasm"],
]) {
  const hash = createHash("sha256")
    .update(readFileSync(join(out, name + ending)))
    .digest("hex")
    .slice(0, 8);
  workbench[kind] = `${name}-${hash}${ending}`;
  renameSync(join(out, name + ending), join(out, workbench[kind]));
}

// The script Trunk writes into the page becomes a file: it starts the engine through the guard,
// which shows how far it is loaded.
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
// Nothing of the first load waits for it; who counts bytes goes without.
if (navigator.serviceWorker && !navigator.connection?.saveData) addEventListener("load", () => setTimeout(() => navigator.serviceWorker.register("./offline.js").catch(() => {}), 4000));
`;
  const tight = transformSync(start, { loader: "js", format: "esm", minify: true }).code;
  const name = `start-${hashed(tight)}.js`;
  writeFileSync(join(out, name), tight);
  return `<script type="module" src="./${name}"></script>`;
});
if (!replaced)
  throw new Error("Trunk's script was not found in the page: the policy would refuse it");
// Files are named after what is in them: an old page never meets a new file.
const named = (file, text) => {
  const [stem, end] = file.split(".");
  const name = `${stem}-${hashed(text)}.${end}`;
  rmSync(join(out, file));
  writeFileSync(join(out, name), text);
  if (!html.includes(`"./${file}"`)) throw new Error(`${file} was not found in the page`);
  html = html.replace(`"./${file}"`, `"./${name}"`);
  return name;
};
const guard = readFileSync(join(root, "web/js/guard.js"), "utf8");
const guardFile = named("guard.js", (await transform(guard, { minify: true, target: "es5" })).code);
named("editor.js", readFileSync(join(out, "editor.js"), "utf8"));
// The guard fetches the engine, unless a link needs another one: a preload would fetch it always.
let early;
html = html.replace(
  /<link rel="preload" href="([^"]+\.wasm)"[^>]*>/,
  (_, wasm) => ((early = wasm), ""),
);
if (!early) throw new Error("Trunk's preload was not found in the page");
html = html.replace(
  `<script src="./${guardFile}">`,
  `<script src="./${guardFile}" data-wasm="${early}">`,
);
// Preloads with integrity or nonce attributes are not needed and only break odd origins.
html = html.replace(/ (?:integrity|nonce)="[^"]*"/g, "");
writeFileSync(index, html);

// What the page needs without a network: all there is so far.
const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter(
  (f) => f.isFile() && !f.name.endsWith(".LICENSE") && f.name !== "index.html",
);
const list = [
  "./",
  ...files.map((f) => relative(out, join(f.parentPath ?? f.path, f.name))).sort(),
];
const version = hashed(
  Buffer.concat([
    Buffer.from(list.join()),
    Buffer.from(html),
    ...list.slice(1).map((f) => readFileSync(join(out, f))),
  ]),
);
const offline = readFileSync(join(root, "web/js/offline.js"), "utf8")
  .replace("[/* files */]", () => JSON.stringify(list))
  .replace("/* version */", version)
  .replace("/* page */", createHash("sha256").update(html).digest("hex"));
writeFileSync(join(out, "offline.js"), await small(offline, "js"));

// The embed: a small script at once; the engine, in one classic script, when it is asked for. An
// opaque origin may neither fetch nor import.
const own = style + (await small(readFileSync(join(root, "web/styles/embed.css"), "utf8"), "css"));
const css = `embed-${hashed(own)}.css`;
writeFileSync(join(out, css), own);
// As text between quotes it goes where a module goes not.
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
const wasm = join(target, "wasm32-unknown-unknown", "wasm", "packetwalk-workbench.wasm");
const dir = mkdtempSync(join(tmpdir(), "packetwalk-embed-"));
let engine;
try {
  execFileSync(
    "wasm-bindgen",
    ["--target", "no-modules", "--no-typescript", "--out-name", "embed", "--out-dir", dir, wasm],
    { stdio: "inherit" },
  );
  const glue = await small(readFileSync(join(dir, "embed.js"), "utf8"), "js");
  execFileSync(
    "wasm-opt",
    [
      "-Oz",
      "--low-memory-unused",
      "--enable-bulk-memory",
      "--enable-nontrapping-float-to-int",
      "--enable-reference-types",
      "--enable-multivalue",
      "--enable-sign-ext",
      "--enable-mutable-globals",
      "-o",
      join(dir, "small.wasm"),
      join(dir, "embed_bg.wasm"),
    ],
    { stdio: "inherit" },
  );
  const text = readFileSync(join(dir, "small.wasm")).toString("base64");
  engine = `${glue}window.packetwalkEngine=()=>wasm_bindgen({module_or_path:Uint8Array.from(atob("${text}"),(c)=>c.charCodeAt(0))});\n`;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
const engineFile = `embed-engine-${hashed(engine)}.js`;
writeFileSync(join(out, engineFile), engine);
// The still pictures, by the command line's own engine; with the toolchain that is not the page's.
const posters = join(out, "posters");
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(RUSTUP_TOOLCHAIN|RUSTC_BOOTSTRAP|RUSTFLAGS|CARGO_(UNSTABLE|BUILD|ENCODED|PROFILE).*)$/.test(
        name,
      ),
  ),
);
execFileSync("cargo", ["run", "--quiet", "--package", "packetwalk", "--", "posters", posters], {
  cwd: root,
  env,
  stdio: "inherit",
});
const presets = readFileSync(join(posters, "posters.json"), "utf8").trim();
rmSync(join(posters, "posters.json"));
const loader = readFileSync(join(root, "web/js/embed.js"), "utf8")
  .replace("{ /* presets */ }", () => presets)
  .replace("/* engine */", () => `./${engineFile}`);
writeFileSync(join(out, "embed.js"), await small(loader, "js"));
writeFileSync(
  join(out, "packet-walk.js"),
  await small(readFileSync(join(root, "web/js/packet-walk.js"), "utf8"), "js"),
);
writeFileSync(
  join(out, "embed.html"),
  `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Packetwalk</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="./${css}">
</head>
<body data-embed>
  <div id="app"><div class="loading"><strong>Packetwalk</strong><noscript>This needs JavaScript and WebAssembly.</noscript></div></div>
  <script src="./embed.js"></script>
</body>
</html>
`,
);
if (profile === "debug") console.log("packetwalk: a debug build; the sizes say nothing");

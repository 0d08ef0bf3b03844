// Runs after Trunk's build, in its staging folder: shrinks the engine, inserts the initial page
// into the HTML, and adds the embed and the service worker. The name of every file contains a hash
// of its content, so that a page never loads files of another build.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { shrink } from "./shrink.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const out = process.env.TRUNK_STAGING_DIR;
const release = process.env.TRUNK_PROFILE !== "debug";
const read = (file) => readFileSync(join(out, file), "utf8");
const source = (file) => readFileSync(join(root, "web", file), "utf8");
const minified = async (text, loader, options) =>
  (await transform(text, { loader, minify: true, charset: "utf8", ...options })).code;
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Writes a file with a hash of its content in the name. Returns the name. */
function add(stem, ending, content) {
  const name = `${stem}-${digest(content).slice(0, 8)}.${ending}`;
  writeFileSync(join(out, name), content);
  return name;
}

/** Runs a program of this workspace with the toolchain of the host. Returns its output. */
function workspace(name, ...args) {
  const forWasm = /^(RUSTUP_TOOLCHAIN|RUSTFLAGS|CARGO_(UNSTABLE|BUILD|ENCODED|PROFILE).*)$/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !forWasm.test(key)));
  const command = ["run", "--quiet", "--package", name, "--", ...args];
  return execFileSync("cargo", command, {
    cwd: root,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

let html = read("index.html");
/** Replaces a pattern in the HTML. A missing one fails the build instead of the page. */
function replace(pattern, by) {
  const changed = html.replace(pattern, by);
  if (changed === html) throw new Error(`index.html has changed: ${pattern} was not found`);
  html = changed;
}

// The engine: wasm and its JavaScript, as Trunk named them.
const [trunkJs, trunkWasm] = ["js", "wasm"].map((ending) => {
  const found = readdirSync(out).find((f) => f.startsWith("packetwalk-web") && f.endsWith(ending));
  if (!found) throw new Error(`Trunk left no packetwalk-web*.${ending}`);
  return found;
});
if (release) shrink(join(out, trunkWasm));
const bytes = readFileSync(join(out, trunkWasm));
const wasm = add("packetwalk", "wasm", bytes);
// Packed with xz, it is a quarter smaller than what a host's gzip makes of it; at the fastest
// setting in a debug build.
const packed = `${wasm}.xz`;
workspace("packetwalk-prerender", "pack", join(out, wasm), join(out, packed), release ? "9" : "0");
const xz = readFileSync(join(out, packed));
const glueText = read(trunkJs);
const glue = add("packetwalk", "js", await minified(glueText, "js", { format: "esm" }));
for (const file of [trunkJs, trunkWasm]) rmSync(join(out, file));

// Merges the style sheets, except that of the fonts.
const fonts = /^fonts-/;
const sheets = [...html.matchAll(/<link rel="stylesheet" href="\.\/([\w-]+\.css)"[^>]*>\s*/g)];
const own = sheets.filter(([, file]) => !fonts.test(file));
if (own.length < 2) throw new Error("the style sheets were not found in index.html");
const style = await minified(own.map(([, file]) => read(file)).join("\n"), "css");
const styles = add("styles", "css", style);
own.forEach(([tag, file], i) => {
  replace(tag, i === 0 ? `<link rel="stylesheet" href="./${styles}">` : "");
  rmSync(join(out, file));
});

/** A script of web/js with the modules it imports; those of this folder stay where they are. */
async function bundled(file, options) {
  const { outputFiles } = await build({
    entryPoints: [join(root, "web", "js", file)],
    bundle: true,
    minify: true,
    write: false,
    charset: "utf8",
    ...options,
  });
  return outputFiles[0].text;
}

// Replaces Trunk's inline script: the page's policy allows no inline scripts.
const names = { PACKED: `./${packed}`, PLAIN: `./${wasm}`, SIZE: xz.length };
const define = Object.fromEntries(Object.entries(names).map(([k, v]) => [k, JSON.stringify(v)]));
const starting = await bundled("start.js", { format: "esm", define, external: ["./engine.js"] });
const start = add("start", "js", starting.replace("./engine.js", `./${glue}`));
replace(
  /<script type="module"[^>]*>[\s\S]*?<\/script>/,
  `<script type="module" src="./${start}"></script>`,
);
// The engine is requested with the first bytes of the page; with a lower priority the line would be
// idle for a round trip.
replace(/<link rel="modulepreload"[^>]*>\s*/, "");
replace(
  /<link rel="preload" href="[^"]+\.wasm"[^>]*>/,
  `<link rel="modulepreload" href="./${glue}">` +
    `<link rel="preload" href="./${packed}" as="fetch" crossorigin fetchpriority="high">`,
);
// The texts that are shown without the engine.
const words = workspace("packetwalk-prerender", "words").trim();
const worded = (file) => source(file).replace("{/* words */}", () => words);
const guard = await minified(worded("js/guard.js"), "js", { target: "es5" });
for (const [file, text] of [
  ["guard.js", guard],
  ["editor.js", read("editor.js")],
]) {
  const [stem, ending] = file.split(".");
  rmSync(join(out, file));
  replace(`"./${file}"`, `"./${add(stem, ending, text)}"`);
}
// Integrity and nonce attributes serve no purpose here and break opaque origins.
html = html.replace(/ (?:integrity|nonce)="[^"]*"/g, "");

// Inserts the initial page into the HTML. It is inert, so that what its elements stand for, their
// roles, names and descriptions are left out, and so is what a closed menu has. Each icon is there
// once.
const controls = [
  /<desc>[^<]*<\/desc>/,
  / data-(?:host|dev|drag|deployment)="[^"]*"/,
  / (?:title|aria-(?:label|describedby|controls|autocomplete))="[^"]*"/,
  / role="button"| tabindex="-?\d"/,
  /<option(?![^>]*selected)[^>]*>[^<]*<\/option>/,
  /<div class="(?:menu-list|popover)">(?:(?!<details)[^])*?(?=<\/details>)/,
].map((part) => part.source);
const icons = new Map();
const shared = (_, begin, drawing) => {
  if (!icons.has(drawing)) icons.set(drawing, `icon-${icons.size}`);
  return `${begin}<use href="#${icons.get(drawing)}"/></svg>`;
};
const opening = workspace("packetwalk-prerender")
  .trim()
  .replace(new RegExp(controls.join("|"), "g"), "")
  .replace(/(<svg[^>]*class="icon[^>]*>)(.*?)<\/svg>/g, shared);
const drawn = [...icons].map(([drawing, id]) => `<g id="${id}">${drawing}</g>`).join("");
replace("<!-- opening -->", () => `<svg class="hidden"><defs>${drawn}</defs></svg>${opening}`);
writeFileSync(join(out, "index.html"), html);

// The service worker caches all files written so far.
const files = readdirSync(out, { recursive: true, withFileTypes: true })
  .filter((f) => f.isFile() && !/\.LICENSE$|\.wasm$/.test(f.name) && f.name !== "index.html")
  .map((f) => relative(out, join(f.parentPath ?? f.path, f.name)))
  .sort();
const contents = files.map((f) => readFileSync(join(out, f)));
const version = digest(Buffer.concat([Buffer.from(files.join() + html), ...contents])).slice(0, 8);
const offline = source("js/offline.js")
  .replace("[/* files */]", () => JSON.stringify(["./", ...files]))
  .replace("/* version */", version)
  .replace("/* page */", digest(html));
writeFileSync(join(out, "offline.js"), await minified(offline, "js"));

// The embed loads a small script and a picture first, and the engine on demand. As an opaque origin
// can neither fetch nor import, the engine is one classic script that contains the wasm as text.
const css = add("embed", "css", style + (await minified(source("styles/embed.css"), "css")));
const classic = await minified(glueText, "js", {
  format: "iife",
  globalName: "packetwalkGlue",
  define: { "import.meta.url": "location.href" },
});
const unpacker = await bundled("unpack.js", { format: "iife", globalName: "packetwalkXz" });
const engine = add(
  "embed-engine",
  "js",
  `${classic}${unpacker}window.packetwalkEngine=()=>packetwalkGlue.default({module_or_path:` +
    `packetwalkXz.unpack(new Blob([Uint8Array.from(atob("${xz.toString("base64")}"),` +
    `(c)=>c.charCodeAt(0))]).stream())});\n`,
);
const posters = join(out, "posters");
workspace("packetwalk", "posters", posters);
const presets = readFileSync(join(posters, "posters.json"), "utf8").trim();
rmSync(join(posters, "posters.json"));
const loader = worded("js/embed.js")
  .replace("{/* presets */}", () => presets)
  .replace("/* engine */", () => `./${engine}`);
writeFileSync(join(out, "embed.js"), await minified(loader, "js"));
writeFileSync(join(out, "packet-walk.js"), await minified(source("js/packet-walk.js"), "js"));
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
if (!release) console.log("packetwalk: a debug build; its sizes are meaningless");

// Runs wasm-opt over a wasm file in place: `node shrink.mjs FILE`, or imported as a function.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
// The features that rustc's target wasm32-unknown-unknown uses beyond WebAssembly 1.0.
const FEATURES = [
  "bulk-memory",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
];

export function shrink(file) {
  const tool = join(here, "..", "node_modules", "binaryen", "bin", "wasm-opt");
  // Sorted by name, the functions of one generic stand together, and are packed smaller.
  const options = ["-Oz", "--reorder-functions-by-name", ...FEATURES.map((f) => `--enable-${f}`)];
  execFileSync(process.execPath, [tool, ...options, "-o", file, file], { stdio: "inherit" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) shrink(process.argv[2]);

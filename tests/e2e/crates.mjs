// Counts the lines of each crate, and the bytes of its code in a module that still has its names:
// that of wasm-bindgen, before wasm-opt.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./browser.mjs";

const FOLDERS = {
  net: "crates/net/src",
  kube: "crates/kube/src",
  play: "crates/play/src",
  view: "crates/view/src",
  web: "web/src",
};
const STD = /^(core|alloc|std|compiler_builtins|dlmalloc|hashbrown|panic_\w+)$/;

/** Lines without comments, blank lines and unit tests. */
function lines(folder) {
  const files = readdirSync(folder, { recursive: true }).filter((f) => /\.rs$/.test(f));
  const isCode = (line) => !/^\s*($|\/\/)/.test(line);
  const TESTS = /^#\[cfg\(test\)\]\nmod /m;
  const code = (file) => readFileSync(join(folder, file), "utf8").split(TESTS)[0];
  return files
    .filter((f) => !/(^|\/)tests\.rs$/.test(f))
    .reduce((n, f) => n + code(f).split("\n").filter(isCode).length, 0);
}

/** The functions of a module that has its names, as `[name, size of the body in bytes]`. */
function functions(file) {
  const bytes = readFileSync(file);
  let at = 8;
  const number = () => {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = bytes[at++];
      value += (byte % 128) * unit;
      if (byte < 128) return value;
    }
  };
  const text = () => {
    const length = number();
    return bytes.toString("utf8", at, (at += length));
  };
  const sizes = [];
  const names = new Map();
  while (at < bytes.length) {
    const section = bytes[at++];
    const end = number() + at;
    if (section === 10) {
      for (let n = number(); n > 0; n--) {
        sizes.push(number());
        at += sizes.at(-1);
      }
    } else if (section === 0 && text() === "name") {
      while (at < end) {
        const part = bytes[at++];
        const stop = number() + at;
        // Part 1 names the functions: first the imported ones, then those with a body.
        if (part === 1) for (let n = number(); n > 0; n--) names.set(number(), text());
        at = stop;
      }
    }
    at = end;
  }
  const imported = Math.max(...names.keys()) + 1 - sizes.length;
  return sizes.map((size, i) => [names.get(imported + i) ?? "", size]);
}

/**
 * The crate of a function. Generic code of a library belongs to the first of our crates that its
 * name mentions; if it mentions none, to the library.
 */
function crate(name) {
  // The names are demangled: <alloc::vec::Vec<net::Rule> as core::clone::Clone>::clone
  const found = [...name.matchAll(/(?<![\w:>])([a-z]\w*)(?:\[\w+\])?::/g)].map((m) => m[1]);
  const own = found.find((c) => c in FOLDERS);
  if (own) return own;
  return found.length && found.every((c) => STD.test(c)) ? "std" : "others";
}

/** Rows of name, lines and bytes: our crates, the standard library, and other libraries. */
export function crates(module) {
  const bytes = {};
  for (const [name, size] of functions(module))
    bytes[crate(name)] = (bytes[crate(name)] ?? 0) + size;
  const own = Object.entries(FOLDERS).map(([c, f]) => [c, lines(join(root, f)), bytes[c] ?? 0]);
  return [...own, ["standard library", "", bytes.std ?? 0], ["others", "", bytes.others ?? 0]];
}

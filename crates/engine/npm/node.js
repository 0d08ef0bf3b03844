// The engine in Node: its bytes are read beside this file, at once.
import { readFileSync } from "node:fs";
import { initSync } from "./packetwalk.js";

initSync({ module: readFileSync(new URL("./packetwalk_bg.wasm", import.meta.url)) });
export { Session, check, presets } from "./packetwalk.js";

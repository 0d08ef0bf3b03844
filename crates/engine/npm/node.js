// The engine in Node: reads the wasm file in the folder of this file.
import { readFileSync } from "node:fs";
import { initSync } from "./packetwalk.js";

initSync({ module: readFileSync(new URL("./packetwalk_bg.wasm", import.meta.url)) });
export { Session, check, presets } from "./packetwalk.js";

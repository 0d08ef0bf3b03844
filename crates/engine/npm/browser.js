// The engine in a browser: bundlers recognise this URL and add the wasm file to the bundle.
import init from "./packetwalk.js";

await init({ module_or_path: new URL("./packetwalk_bg.wasm", import.meta.url) });
export { Session, check, presets } from "./packetwalk.js";

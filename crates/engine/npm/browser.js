// The engine in a browser: a bundler finds its bytes by the address that is made here.
import init from "./packetwalk.js";

await init({ module_or_path: new URL("./packetwalk_bg.wasm", import.meta.url) });
export { Session, check, presets } from "./packetwalk.js";

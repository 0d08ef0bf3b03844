export * from "./packetwalk.js";

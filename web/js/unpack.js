// Unpacks the engine of an embed, which is one script.
export { decompress } from "fzstd";

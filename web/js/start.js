// Starts the engine: finish.mjs gives it the names of the files and inserts it into the page.
import { Decompress } from "fzstd";
import init from "./engine.js";

/** Unpacks what passes, piece by piece, so that the engine is compiled while it arrives. */
function unpack() {
  let zstd;
  return new TransformStream({
    start(controller) {
      zstd = new Decompress((piece) => controller.enqueue(piece));
    },
    transform(piece) {
      zstd.push(piece);
    },
    flush() {
      zstd.push(new Uint8Array(), true);
    },
  });
}

packetwalk.start(init, { packed: PACKED, size: SIZE, plain: PLAIN, unpack });

const { serviceWorker, connection } = navigator;
if (serviceWorker && !connection?.saveData)
  addEventListener("load", () =>
    setTimeout(() => {
      if (!packetwalk.forgotten) serviceWorker.register("./offline.js").catch(() => {});
    }, 4000),
  );

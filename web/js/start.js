// Starts the engine: finish.mjs gives it the names of the files and inserts it into the page.
import init from "./engine.js";
import { unpack } from "./unpack.js";

packetwalk.start(init, { packed: PACKED, size: SIZE, plain: PLAIN, unpack });

const { serviceWorker, connection } = navigator;
if (serviceWorker && !connection?.saveData)
  addEventListener("load", () =>
    setTimeout(() => {
      if (!packetwalk.forgotten) serviceWorker.register("./offline.js").catch(() => {});
    }, 4000),
  );

// The service worker: after the first visit the page opens without a network.
//
// Every file except the page itself and the fonts carries a hash of its content in its name, so
// pages of different versions can be open at the same time, each with its own files. The page is
// taken from the network if there is one, its files from the cache. A new version is fetched in the
// background and takes over at once; the previous one is kept for pages that are still open, and
// older ones are deleted.
const FILES = [/* files */];
const VERSION = "/* version */";
// SHA-256 of the page of this version.
const PAGE_IS = "/* page */";
// Another copy of the page may live below another path of this origin.
const MINE = `packetwalk ${registration.scope} `;
const CACHE = MINE + VERSION;
const PAGE = new URL("./", registration.scope).href;
// How long the network may take to answer before the cached page is used, in milliseconds.
const PATIENCE = 4000;

/** The caches of this page, oldest first. */
const mine = async () => (await caches.keys()).filter((name) => name.startsWith(MINE));

addEventListener("install", (event) => {
  event.waitUntil(install().then(() => skipWaiting()));
});

async function install() {
  const cache = await caches.open(CACHE);
  // During a deployment the page and this worker may be of different versions. Then the
  // installation fails, and the browser tries again later.
  const come = await fetch(PAGE, { cache: "reload" });
  const bytes = await come.arrayBuffer();
  const is = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))]
    .map((b) => b.toString(16).padStart(2, "0"))
    .join("");
  if (is !== PAGE_IS) {
    await caches.delete(CACHE);
    throw new Error("the page and its service worker are of different versions");
  }
  // A new response: browsers reject a redirected one for a navigation.
  await cache.put(PAGE, new Response(bytes, { headers: come.headers }));
  await cache.addAll(FILES.filter((f) => f !== "./").map((f) => new Request(new URL(f, PAGE))));
}

addEventListener("activate", (event) => {
  const old = mine().then((names) => Promise.all(names.slice(0, -2).map((n) => caches.delete(n))));
  // claim(): the page that registered this worker is controlled by it without a reload.
  event.waitUntil(Promise.all([clients.claim(), old]));
});

/** The cached response for an address, of this version or of the previous one. */
async function kept(address) {
  for (const name of (await mine()).reverse()) {
    const found = await (await caches.open(name)).match(address);
    if (found) return found;
  }
}

async function page(request) {
  const own = await (await caches.open(CACHE)).match(PAGE);
  if (!own) return fetch(request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, own));
  const come = fetch(request).then(
    (r) => (r.status >= 500 ? own : r),
    () => own,
  );
  return Promise.race([come, late]);
}

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const address = url.origin + url.pathname;
  if (request.method !== "GET" || !address.startsWith(PAGE)) return;
  if (request.mode !== "navigate")
    return event.respondWith(kept(address).then((found) => found ?? fetch(request)));
  if (address === PAGE || address === `${PAGE}index.html`) event.respondWith(page(request));
});

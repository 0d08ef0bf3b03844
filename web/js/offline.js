// The service worker: after the first visit the page opens without a network.
//
// Every file but the page itself, and the faces, has a name that says what is in it. So each page
// fits its own files, and any version of it may be open at any time: the page comes from the
// network as long as there is one, its files from where they are kept. A new version is fetched in
// the background and takes over at once; the one before it is kept for pages that are open, and
// what was before that is thrown away.
const FILES = [/* files */];
const VERSION = "/* version */";
// What the page of this version is, in SHA-256.
const PAGE_IS = "/* page */";
// Another copy of the page may live below another path of this origin.
const MINE = `packetwalk ${registration.scope} `;
const CACHE = MINE + VERSION;
const PAGE = new URL("./", registration.scope).href;
// A network that does not answer is none, in ms.
const PATIENCE = 4000;

/** Our caches, the oldest first. */
const mine = async () => (await caches.keys()).filter((name) => name.startsWith(MINE));

addEventListener("install", (event) => {
  event.waitUntil(install().then(() => skipWaiting()));
});

async function install() {
  const cache = await caches.open(CACHE);
  // While a version is put in place, page and worker may be of two: then this one is not for now.
  const come = await fetch(PAGE, { cache: "reload" });
  const bytes = await come.arrayBuffer();
  const is = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))]
    .map((b) => b.toString(16).padStart(2, "0"))
    .join("");
  if (is !== PAGE_IS) {
    await caches.delete(CACHE);
    throw new Error("the page is of another version than its worker");
  }
  // Not what the server made of it on the way: a page that was led elsewhere is none to a browser.
  await cache.put(PAGE, new Response(bytes, { headers: come.headers }));
  await cache.addAll(FILES.filter((f) => f !== "./").map((f) => new Request(new URL(f, PAGE))));
}

addEventListener("activate", (event) => {
  const old = mine().then((names) => Promise.all(names.slice(0, -2).map((n) => caches.delete(n))));
  // The page that brought it is one of its own.
  event.waitUntil(Promise.all([clients.claim(), old]));
});

/** What is kept under an address: of this version, or of the one before. */
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

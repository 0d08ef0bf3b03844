// A plain file server on loopback, with the strict policy that the page must run under, and without
// CORS headers.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { gzipSync } from "node:zlib";

export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; " +
  "img-src 'self' data:; connect-src 'self'; font-src 'self'";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

const compressed = new Map();
/** Caches compressed files: hosts do not compress for each visitor either. */
function gzipped(file) {
  const key = `${file} ${statSync(file).mtimeMs}`;
  if (!compressed.has(key)) compressed.set(key, gzipSync(readFileSync(file), { level: 9 }));
  return compressed.get(key);
}

/** Serves the folder `from` below `prefix`. `from` may be a function: where it returns no folder,
 * connections are dropped. `pages` are extra documents by path. `gzip` compresses text and wasm, as
 * hosts do. */
export function serve(from, { prefix = "/", pages = {}, policy = POLICY, gzip = false } = {}) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    if (pages[path]) {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      return response.end(pages[path]);
    }
    const folder = typeof from === "function" ? from() : from;
    if (!folder) return request.socket.destroy();
    let file = path.startsWith(prefix) ? normalize(join(folder, path.slice(prefix.length))) : "";
    if (file && existsSync(file) && statSync(file).isDirectory()) file = join(file, "index.html");
    if (!file.startsWith(normalize(folder) + sep) || !existsSync(file)) {
      response.writeHead(404);
      return response.end("not found");
    }
    const headers = { "content-type": TYPES[extname(file)] ?? "application/octet-stream" };
    if (policy) headers["content-security-policy"] = policy;
    const small = gzip && /html|javascript|css|svg|wasm/.test(headers["content-type"]);
    if (small) headers["content-encoding"] = "gzip";
    response.writeHead(200, headers);
    if (small) response.end(gzipped(file));
    else createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({
        origin: `http://127.0.0.1:${server.address().port}`,
        close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))),
      }),
    );
  });
}

// Unpacks the engine piece by piece, so that it is compiled while it arrives.
import { XzReadableStream } from "xz-decompress";

/** The module as a response, from the stream of the packed one. */
export function unpack(stream) {
  const headers = { "content-type": "application/wasm" };
  return new Response(new XzReadableStream(stream), { headers });
}

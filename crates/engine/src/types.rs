//! The types of what crosses the border, for TypeScript.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface SessionOptions {
  /** Decides every chance; 0 if not said. */
  seed?: number;
  /** Begin with empty neighbour tables. */
  cold?: boolean;
  /** The language of sentences; "en" if not said. */
  lang?: "en" | "ja";
  /** The colours of pictures; those of the reader's system if not said. */
  theme?: "auto" | "light" | "dark";
}
export interface Probe {
  /** Who sends: a host, node, pod/NAME, deploy/NAME or an address. */
  from: string;
  /** To whom: an address, svc/NAME, a host, node or pod; a port stands behind a colon. */
  to: string;
  /** If not said: tcp to a port, udp to a Service that speaks nothing else, icmp to an address without a port. */
  proto?: "tcp" | "udp" | "icmp";
  /** The endpoint every draw falls on: IP or IP:PORT. */
  endpoint?: string;
  /** Source port, or the identifier of a ping; 1 to 65535. */
  sport?: number;
  /** ttl of a ping; 1 to 255. */
  ttl?: number;
  /** Bytes of data; 0 to 65467. */
  size?: number;
  /** How many pings or datagrams; 1 to 100. */
  count?: number;
  /** A ping must not be cut into fragments. */
  dontFragment?: boolean;
}
export type Grain = "hops" | "decisions" | "rules";
export interface Diagnostic {
  code: string;
  severity: "error" | "warning" | "note";
  /** Counted from 1. */
  line: number;
  /** Counted from 1, in characters. */
  column: number;
  message: string;
  /** What to type. */
  hint: string;
}
/** What is thrown for a document with errors: the first of them, and all. */
export interface DocumentError extends Error {
  code: string;
  line: number;
  column: number;
  hint: string;
  diagnostics: Diagnostic[];
}
export interface TraceEvent {
  /** The number of the event in the session. */
  n: number;
  /** Virtual time, in ns. */
  at_ns: number;
  /** Where: node01 PREROUTING nat. */
  place: string;
  /** What it says, field by field; kind and netns are always there. */
  facts: { kind: string; netns: string; [field: string]: string };
  /** The sentence. */
  text: string;
  /** The packet's number. */
  packet?: number;
  change?: { field: string; before: string; after: string };
  /** The frame on the wire, in hex. */
  bytes?: string;
}
export interface Trace {
  version: 1;
  seed: number;
  /** The same on every machine for the same session. */
  hash: string;
  events: TraceEvent[];
  verdict: { answered: boolean; text: string };
}
export interface CommandOutput {
  text: string;
  /** Exit status 0. */
  ok: boolean;
}
export interface Preset {
  name: string;
  title: string;
  titleJa: string;
  from: string;
  to: string;
  document: string;
}
"#;

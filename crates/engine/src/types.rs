//! The TypeScript types of the arguments and results.

use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface SessionOptions {
  /** The seed of every random choice. Defaults to 0. */
  seed?: number;
  /** Start with empty neighbour tables. Defaults to false. */
  cold?: boolean;
  /** The language of texts. Defaults to "en". */
  lang?: "en" | "ja";
  /** The colours of pictures. Defaults to "auto", which follows the reader's system. */
  theme?: "auto" | "light" | "dark";
}
export interface Probe {
  /** The sender: a host, node, pod/NAME, deploy/NAME or an address. */
  from: string;
  /** The destination: an address, svc/NAME, a host, node or pod; with :PORT if it has one. */
  to: string;
  /** Defaults to tcp to a port, udp to a Service with UDP ports only, and icmp otherwise. */
  proto?: "tcp" | "udp" | "icmp";
  /** The endpoint that random rules choose: IP or IP:PORT. */
  endpoint?: string;
  /** The source port, or the identifier of a ping; 1 to 65535. */
  sport?: number;
  /** The IP time to live; 1 to 255. */
  ttl?: number;
  /** TCP: one segment with these control bits, without a connection; "syn,ack" or "none". */
  flags?: string;
  /** The ICMP sequence number of the first ping; 0 to 65535. */
  seq?: number;
  /** The data in bytes; 0 to 65507. */
  size?: number;
  /** The number of pings or datagrams; 1 to 100. */
  count?: number;
  /** DF. `true`: always; `false`: never; left out: unless a packet must be fragmented. */
  dontFragment?: boolean;
}
export type Grain = "hops" | "decisions" | "rules";
export interface Diagnostic {
  code: string;
  severity: "error" | "warning" | "note";
  /** 1-based. */
  line: number;
  /** 1-based, in characters. */
  column: number;
  message: string;
  /** What to type to fix it. */
  hint: string;
}
/** Thrown for a document with errors. It has the fields of the first one; `diagnostics` has all. */
export interface DocumentError extends Error {
  code: string;
  line: number;
  column: number;
  hint: string;
  diagnostics: Diagnostic[];
}
export interface TraceEvent {
  /** The number of the event in the session, from 0. */
  n: number;
  /** Virtual time in ns. */
  at_ns: number;
  /** The host, hook and table, such as "node01 PREROUTING nat". */
  place: string;
  /** The fields of the event. `kind` and `netns` are always present. */
  facts: { kind: string; netns: string; [field: string]: string };
  /** The event as a sentence. */
  text: string;
  /** The number of the packet. */
  packet?: number;
  /** The header field that the event changed. */
  change?: { field: string; before: string; after: string };
  /** The frame on the wire, in hex. */
  bytes?: string;
}
export interface Trace {
  version: 1;
  seed: number;
  /** A hash of the events. Equal sessions have equal hashes on every machine. */
  hash: string;
  events: TraceEvent[];
  verdict: { answered: boolean; text: string; why: TraceLink[] };
  /** What was played again: repairs of a failure, and endpoints that do not answer. */
  diagnosis?: TraceDiagnosis;
}
export interface TraceLink {
  event: number;
  netns: string;
  text: string;
  /** It decided the outcome. */
  decided: boolean;
  origin: { object: string; field: string; line: number; column: number } | null;
}
export interface TraceEdit {
  line?: number;
  old?: string;
  new?: string;
  host?: string;
  command?: string;
}
export interface TraceDiagnosis {
  tried?: number;
  unknown?: string | null;
  repairs?: {
    title: string;
    control: boolean;
    edits: TraceEdit[];
    or: TraceEdit[];
    opens: string[];
  }[];
  endpoints?: string[];
}
export interface CommandOutput {
  text: string;
  /** Whether the exit status is 0. */
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

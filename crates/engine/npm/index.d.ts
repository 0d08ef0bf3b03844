export { Session, check, presets } from "./packetwalk.js";
export type {
  CommandOutput,
  Diagnostic,
  DocumentError,
  Grain,
  Preset,
  Probe,
  SessionOptions,
  Trace,
  TraceEvent,
} from "./packetwalk.js";

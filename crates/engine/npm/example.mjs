// Prints the trace of a packet: node example.mjs [DOCUMENT.yaml FROM TO]
import { readFileSync } from "node:fs";
import { Session, presets } from "packetwalk";

const [file, from, to] = process.argv.slice(2);
const preset = presets().find((p) => p.name === "article-clusterip");
const document = file ? readFileSync(file, "utf8") : preset.document;
try {
  const session = new Session(document);
  const trace = session.send(file ? { from, to } : { from: preset.from, to: preset.to });
  console.log(JSON.stringify(trace, null, 2));
  process.exitCode = trace.verdict.answered ? 0 : 1;
} catch (error) {
  for (const d of error.diagnostics ?? [])
    console.error(`${d.line}:${d.column}: ${d.severity}: ${d.message}\n  ${d.hint}`);
  if (!error.diagnostics) console.error(error.message);
  process.exitCode = 2;
}

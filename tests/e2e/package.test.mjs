// The npm package, installed from its tarball into an empty folder: in Node, in TypeScript, in a
// browser.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, listen, root } from "./browser.mjs";
import { serve } from "./serve.mjs";

const tools = createRequire(join(root, "tests", "tools", "package.json"));
const esbuild = createRequire(join(root, "web", "package.json"))("esbuild");
const packetwalk = (...args) =>
  spawnSync("cargo", ["run", "--quiet", "--package", "packetwalk", "--", ...args], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  }).stdout;
let folder;
const file = (...parts) => join(folder, "node_modules", "packetwalk", ...parts);
const node = (script, ...args) =>
  spawnSync("node", ["--input-type=module", "-e", script, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });

before(() => {
  folder = mkdtempSync(join(tmpdir(), "packetwalk-npm-"));
  const npm = join(root, "target", "npm");
  const tarball = readdirSync(npm).find((f) => f.endsWith(".tgz"));
  writeFileSync(join(folder, "package.json"), '{"private": true, "type": "module"}');
  execFileSync(
    "npm",
    ["install", "--offline", "--no-audit", "--no-fund", "--silent", join(npm, tarball)],
    { cwd: folder },
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("the example prints the same trace as the command line, byte for byte", () => {
  copyFileSync(file("example.mjs"), join(folder, "example.mjs"));
  const out = spawnSync("node", ["example.mjs"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  assert.equal(out.status, 0, out.stderr);
  const native = packetwalk(
    "trace",
    "preset:article-clusterip",
    "--from",
    "deploy/centos-deployment",
    "--to",
    "svc/nginx-service:8000",
    "--format",
    "json",
  );
  assert.ok(out.stdout === native, "the same text");
  writeFileSync(
    join(folder, "broken.yaml"),
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {prots: []}\n",
  );
  const broken = spawnSync("node", ["example.mjs", "broken.yaml", "a", "b"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(broken.status, 2);
  assert.match(broken.stderr, /^4:8: error: .*prots.*\n.*ports/m);
});

test("a file with every kind of step is the session of the command line", () => {
  const path = join(root, "tests", "suite", "sessions", "every-kind.yaml");
  const native = JSON.parse(packetwalk("run", path, "--format", "json"));
  const out = node(
    `
    import { readFileSync } from "node:fs";
    import { Session } from "packetwalk";
    const session = new Session(readFileSync(process.argv[1], "utf8"));
    const linked = Session.open(session.link());
    const saved = new Session(session.file);
    console.log(JSON.stringify([session, linked, saved].map((s) => [s.hash, s.results])));
  `,
    path,
  );
  assert.equal(out.status, 0, out.stderr);
  const expected = [native.hash, native.steps.map((s) => s.text)];
  assert.deepEqual(JSON.parse(out.stdout), [expected, expected, expected]);
});

test("a session has the functions of the page, and reports errors", () => {
  const out = node(`
    import { Session, check, presets } from "packetwalk";
    const preset = presets().find((p) => p.name === "article-nodeport");
    const session = new Session(preset.document, { seed: 3, theme: "dark" });
    const probe = { from: "bastion", to: "192.168.120.226:30080" };
    const trace = session.send({ ...probe, endpoint: "10.1.6.5" });
    const again = new Session(preset.document, { seed: 3 })
      .send({ ...probe, endpoint: "10.1.6.5:80" });
    const link = session.link("https://example.org/");
    const opened = Session.open(link);
    const why = (act) => {
      try { act(); return "nothing"; }
      catch (e) {
        const isError = e instanceof Error;
        return [isError, e.message, e.line, e.column, e.code, e.hint, e.diagnostics?.length];
      }
    };
    const bytes = session.pcapng(["node01/flannel.1"]);
    const files = ["svg", "animation", "lines", "markdown", "mermaid", "lab"]
      .map((f) => session[f]().length);
    session.step = 12;
    console.log(JSON.stringify({
      answered: trace.verdict.answered,
      same: trace.hash === again.hash,
      events: trace.events.length,
      opened: opened.trace().hash === trace.hash,
      document: opened.document === preset.document,
      steps: [session.step, session.steps > 100],
      save: session.exec("node01", "iptables-save").text.length,
      curl: session.exec("bastion", "curl http://192.168.120.226:30080/").text.slice(0, 15),
      none: session.exec("nobody", "ip r"), files,
      pcapng: [...bytes.subarray(0, 4)],
      wrong: [
        () => new Session("kind: ["),
        () => new Session(preset.document, { sed: 3 }),
        () => new Session(preset.document, { lang: "de" }),
        () => session.send({ from: "bastion" }),
        () => session.send({ from: "nobody", to: "svc/x:1" }),
        () => session.send({ ...probe, sport: 70000 }),
        () => session.send({ ...probe, endpoint: "10.9.9.9" }),
        () => Session.open("#v9:abc"),
        () => session.grain("fine"),
        () => session.pcapng(["x/y"]),
        () => new Session(preset.document).animation(),
        () => new Session(5),
        () => new Session(),
        () => session.exec("node01"),
        () => { session.step = NaN; },
        () => session.pcapng("node01/cni0"),
        () => session.send({ ...probe, proto: "udp", flags: "syn" }),
      ].map(why),
      checked: check("apiVersion: v1\\nkind: Service\\n").map((d) => [d.line, d.severity, d.code]),
    }));
  `);
  assert.equal(out.status, 0, out.stderr);
  const got = JSON.parse(out.stdout);
  assert.deepEqual(
    [got.answered, got.same, got.opened, got.document, got.steps, got.pcapng],
    [true, true, true, true, [12, true], [10, 13, 13, 10]],
  );
  assert.ok(
    got.events > 300 && got.save > 2000 && got.files.every((n) => n > 1000),
    JSON.stringify(got),
  );
  assert.equal(got.curl, "<!DOCTYPE html>");
  assert.equal(got.none.ok, false);
  const said = got.wrong.map(([isError, message]) => (assert.ok(isError), message));
  const expected = [
    /^1:\d+: error: /,
    /options: unknown field "sed"; the fields are seed/,
    /lang "de": must be en or ja/,
    /probe: missing field `to`/,
    /nobody/,
    /sport 70000: must be an integer from 1 to 65535/,
    /endpoint 10\.9\.9\.9: the endpoints of .* are 10\.1\.5\.4:80/,
    /version 9/,
    /grain "fine": must be hops/,
    /interface "x\/y": no frame was seen there; frames were seen on bastion\/ens192/,
    /send a packet first/,
    /document: must be a string, not number/,
    /document: must be a string, not undefined/,
    /command: must be a string/,
    /step NaN: must be an integer from 0 to/,
    /interfaces: must be an array of strings/,
    /flags requires TCP/,
  ];
  for (const [n, e] of expected.entries()) assert.match(said[n], e);
  const [, , line, column, code, hint, all] = got.wrong[0];
  assert.ok(line === 1 && column > 0 && code && hint && all >= 1, JSON.stringify(got.wrong[0]));
  assert.ok(got.checked.length > 0);
});

test("traces and documents are valid under their schemas", () => {
  const Ajv = tools("ajv/dist/2020.js").default;
  const yaml = tools("yaml");
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
  const schema = (name) =>
    ajv.compile(JSON.parse(readFileSync(file("schema", `${name}.schema.json`), "utf8")));
  const trace = schema("trace");
  const document = schema("document");
  const told = (v) => JSON.stringify(v.errors?.slice(0, 4));
  const runs = JSON.parse(
    node(`
    import { Session, presets } from "packetwalk";
    const run = (p) => new Session(p.document, { cold: true }).send({ from: p.from, to: p.to });
    console.log(JSON.stringify(presets().map(run)));
  `).stdout,
  );
  for (const t of runs) {
    assert.ok(trace(t), told(trace));
    for (const bad of [
      { ...t, version: 2 },
      { ...t, hash: 7 },
      { ...t, events: [{}] },
      { ...t, verdict: {} },
    ])
      assert.ok(!trace(bad));
  }
  let n = 0;
  const suite = join(root, "tests", "suite");
  const texts = readdirSync(suite, { recursive: true })
    .filter((f) => f.endsWith(".yaml"))
    .map((f) => [f, readFileSync(join(suite, f), "utf8")]);
  const presets = JSON.parse(
    node(
      'import { presets } from "packetwalk";' +
        "console.log(JSON.stringify(presets().map((p) => [p.name, p.document])))",
    ).stdout,
  );
  for (const [name, text] of [...presets, ...texts]) {
    for (const d of yaml.parseAllDocuments(text)) {
      const value = d.toJS();
      if (value === null) continue;
      assert.ok(document(value), `${name}: ${value.kind}: ${told(document)}`);
      // It knows every field of our own kinds.
      if (value.apiVersion.startsWith("packetwalk.dev/"))
        assert.ok(!document({ ...value, spce: {} }), `${name}: ${value.kind} with spce`);
      n++;
    }
  }
  assert.ok(n > 50, `${n} documents`);
});

test("correct calls type-check, and wrong ones do not", () => {
  const check = (text) => {
    writeFileSync(join(folder, "typed.ts"), text);
    const options = { noEmit: true, strict: true, module: "nodenext", target: "es2022", types: [] };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: ["typed.ts"] }),
    );
    return spawnSync("node", [tools.resolve("typescript/bin/tsc")], {
      cwd: folder,
      encoding: "utf8",
    }).stdout;
  };
  const good = `import { Session, check, presets, type Trace, type Diagnostic } from "packetwalk";
const plain = new Session("");
Session.open(plain.link() ?? "");
const s = new Session(presets()[0].document, { seed: 1, lang: "ja" });
const t: Trace = s.send({ from: "a", to: "b", proto: "udp" });
const kinds: string[] = t.events.map((e) => e.facts.kind);
const d: Diagnostic[] = check("");
const line: number | undefined = d[0]?.line;
const bytes: Uint8Array = s.pcapng(["x"]);
const link: string | undefined = s.link();
console.log(kinds, line, bytes, link);
`;
  assert.equal(check(good), "");
  for (const bad of [
    'new Session("", { seed: "x" })',
    'new Session("").send({ from: 1, to: "b" })',
    'new Session("").send({ from: "a", to: "b", proto: "sctp" })',
    'const n: number = check("")',
  ]) {
    assert.match(check(`import { Session, check } from "packetwalk";\n${bad};\n`), /error TS/, bad);
  }
});

test("a bundled page runs the package under the strict policy", async () => {
  const out = join(folder, "site");
  writeFileSync(
    join(folder, "app.js"),
    `import { Session, presets } from "packetwalk";
const p = presets()[3];
document.title = new Session(p.document).send({ from: p.from, to: p.to }).verdict.text;
`,
  );
  await esbuild.build({
    entryPoints: [join(folder, "app.js")],
    bundle: true,
    format: "esm",
    outdir: out,
    platform: "browser",
    absWorkingDir: folder,
  });
  copyFileSync(file("packetwalk_bg.wasm"), join(out, "packetwalk_bg.wasm"));
  writeFileSync(
    join(out, "index.html"),
    '<!DOCTYPE html><link rel="icon" href="data:,"><script type="module" src="./app.js"></script>',
  );
  const server = await serve(out);
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    const said = listen(page);
    await page.goto(`${server.origin}/`);
    await page.waitForFunction(() => document.title.includes("849 bytes"));
    assert.deepEqual(said, []);
  } finally {
    await close();
    await server.close();
  }
});

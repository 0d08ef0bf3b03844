// The first script of an embed. It reads the address, shows a still picture, and loads the engine
// when the reader or the parent page asks for it. It also creates and validates the messages
// exchanged with the parent page. It stores nothing and adds no history entries.
(function () {
  "use strict";
  const PRESETS = {/* presets */};
  const ENGINE = "/* engine */";
  // The texts of words/load.rs, by language and name.
  const TEXTS = {/* words */};
  const body = document.body;
  const root = document.documentElement;
  const app = document.getElementById("app");

  // The values that each parameter of the address accepts; the first is the default.
  const WORDS = {
    view: ["diagram", "rules", "packet", "split"],
    load: ["click", "visible", "now"],
    play: ["0", "1"],
    controls: ["1", "0"],
    theme: ["auto", "light", "dark"],
    lang: ["auto", "en", "ja"],
    grain: ["decisions", "hops", "rules"],
  };
  const given = new URLSearchParams(location.search);
  const asked = {};
  for (const [name, words] of Object.entries(WORDS))
    asked[name] = words.includes(given.get(name)) ? given.get(name) : words[0];
  const japanese = asked.lang === "ja" || (asked.lang === "auto" && /^ja/.test(navigator.language));
  const texts = TEXTS[japanese ? "ja" : "en"];
  /** A text with its `{0}`, `{1}` replaced. */
  const fill = (text, ...values) => text.replace(/\{(\d)\}/g, (_, n) => values[n]);
  /** `a, b or c`. */
  const oneOf = (words) => words.slice(0, -1).join(texts.Comma) + texts.Or + words.at(-1);
  const faults = [];
  for (const [name, words] of Object.entries(WORDS)) {
    const value = given.get(name);
    if (value !== null && value !== asked[name])
      faults.push(fill(texts.WrongWord, `${name}=${value}`, oneOf(words)));
  }
  const number = (text) => (/^\d{1,6}$/.test(text) ? Number(text) : null);
  const step = given.get("step");
  if (step !== null && number(step) === null)
    faults.push(fill(texts.WrongStep, `step=${step}`));
  const presets = Object.keys(PRESETS);
  const linked = /^#v\d/.test(location.hash);
  let preset = given.get("preset");
  if (preset !== null && !presets.includes(preset)) {
    faults.push(fill(texts.WrongPreset, `preset=${preset}`, presets.join(texts.Comma)));
    preset = null;
  }
  let poster = given.get("poster");
  if (poster !== null && !/^[\w-]+(\.[\w-]+)*\.svg$/.test(poster)) {
    faults.push(fill(texts.WrongPoster, `poster=${poster}`));
    poster = null;
  }
  const known = [...Object.keys(WORDS), "step", "preset", "poster"].sort();
  for (const name of new Set(given.keys()))
    if (!known.includes(name))
      faults.push(fill(texts.UnknownParameter, name, known.join(texts.Comma)));

  root.lang = japanese ? "ja" : "en";
  root.dataset.theme = asked.theme === "auto" ? "system" : asked.theme;
  preset ??= presets.find((p) => p === "article-nodeport");
  const title = linked ? "Packetwalk" : PRESETS[preset][japanese ? 1 : 0];
  Object.assign(body.dataset, {
    preset,
    view: asked.view,
    controls: asked.controls,
    lang: asked.lang,
    theme: asked.theme,
    play: asked.play,
  });
  // Without the parameter, the grain is that of the session.
  if (given.has("grain")) body.dataset.grain = asked.grain;
  if (number(step ?? "") !== null) body.dataset.step = number(step);

  const add = (to, tag, props, ...children) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children);
    to.append(e);
    return e;
  };
  // Errors in the address stay visible; a load failure disappears when loading is retried.
  let failure = "";
  const complain = () => {
    const lines = [...faults, failure].filter(Boolean);
    const box = document.querySelector(".faults");
    if (!lines.length) return box?.remove();
    const shown = box ?? add(body, "div", { className: "faults", role: "alert" });
    shown.textContent = lines.join("\n");
    // Before the content, so that it covers nothing.
    body.prepend(shown);
  };
  const fail = (text) => {
    failure = text;
    tell("error", { message: text });
    complain();
  };

  /** The text of a zlib stream in base64url. */
  async function unpacked(text) {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const packed = new Blob([Uint8Array.from(bytes, (c) => c.charCodeAt(0))]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  // Sends a message to the parent page.
  const outside = window.parent !== window;
  const tell = (type, more) =>
    outside && window.parent.postMessage({ source: "packetwalk", v: 1, type, ...more }, "*");

  // The still picture.
  let engine = "none";
  const cover = add(app, "div", { className: "poster" });
  app.querySelector(".loading")?.remove();
  const [session, inlined] = location.hash.split(";poster=");
  const still = poster ?? (linked ? null : `posters/${preset}.${japanese ? "ja" : "en"}.svg`);
  const picture = (still || inlined) && add(cover, "img", { alt: "" });
  picture?.addEventListener("error", () => (picture.hidden = true));
  picture?.addEventListener("load", () => measure());
  if (still) picture.src = `./${still}`;
  else if (inlined)
    unpacked(inlined).then(
      (svg) => (picture.src = `data:image/svg+xml,${encodeURIComponent(svg)}`),
      () => (picture.hidden = true),
    );
  const call = add(cover, "div", { className: "call" });
  add(call, "strong", { textContent: title });
  // The picture of a preset is that of its first step.
  const from = number(step ?? "");
  const button = add(call, "button", {
    type: "button",
    className: "start",
    textContent: from === null ? texts.Start : fill(texts.StartAt, from),
  });
  button.addEventListener("click", () => load());
  if (linked)
    add(call, "a", {
      className: "leave",
      href: `./${session}`,
      target: "_blank",
      rel: "noopener",
      textContent: texts.OpenHere,
    });

  // The engine panicked.
  const broken = (error) =>
    typeof WebAssembly === "object" &&
    error instanceof WebAssembly.RuntimeError &&
    fail(texts.Panicked);
  window.addEventListener("error", (event) => broken(event.error));
  window.addEventListener("unhandledrejection", (event) => broken(event.reason));

  // The engine could not be loaded or started.
  function stopped(text) {
    engine = "none";
    button.disabled = false;
    button.textContent = texts.Retry;
    fail(text);
  }

  function load() {
    if (engine !== "none") return;
    if (typeof WebAssembly !== "object")
      return stopped(texts.NoWebAssembly);
    engine = "coming";
    failure = "";
    complain();
    button.disabled = true;
    button.textContent = texts.Loading;
    const script = add(document.head, "script", { src: ENGINE });
    script.addEventListener("error", () => stopped(texts.NotFetched));
    script.addEventListener("load", () => {
      script.remove();
      packetwalkEngine().catch((error) => {
        if (error instanceof WebAssembly.RuntimeError) return broken(error);
        const blocked = error instanceof WebAssembly.CompileError;
        stopped(fill(blocked ? texts.Blocked : texts.NotStarted, error.message));
      });
    });
  }

  /** How much a picture of this width is enlarged to fill the room: never shrunk. */
  function scale(width, room) {
    return Math.min(Math.max(room / width, 1), 1.5);
  }

  // The height in pixels that the content needs at the current width.
  let height = 0;
  function measure(seen) {
    const width = root.clientWidth;
    if (!width) return;
    let now = 420;
    if (seen) {
      const own = [".head", ".saying", ".transport"].reduce(
        (n, s) => n + (document.querySelector(s)?.offsetHeight ?? 0),
        0,
      );
      const wide = width >= 640;
      const across = asked.view === "split" && wide ? width * 0.6 : width;
      const drawn = ["diagram", "split"].includes(asked.view)
        ? Math.min(seen.height * scale(seen.width, across - 20), 900) + 60
        : 420;
      now = own + drawn + (asked.view === "split" && !wide ? 320 : 0);
    } else if (picture?.naturalWidth) {
      now = Math.min((picture.naturalHeight / picture.naturalWidth) * width, 900);
    }
    now = Math.round(now);
    if (now === height) return;
    height = now;
    tell("height", { height });
  }

  // The state that the engine last reported.
  let last = null;
  // What the parent page requested before the engine had started.
  const wish = { step: null, playing: null };
  const frame = {
    told(seen) {
      const before = last;
      last = seen;
      if (engine !== "there") {
        engine = "there";
        if (seen.refused) tell("error", { message: seen.refused });
        if (seen.broken) return;
        measure(seen);
        const { title, step: at, steps, hash } = seen;
        tell("ready", { title, step: at, steps, height, hash });
        if (Number(step) > seen.steps) {
          faults.push(fill(texts.StepTooFar, `step=${step}`, seen.steps));
          tell("error", { message: faults.at(-1) });
          complain();
        }
      }
      if (seen.broken) return;
      if (before && (before.width !== seen.width || before.height !== seen.height)) measure(seen);
      if (!before || before.step !== seen.step)
        tell("step", {
          step: seen.step,
          steps: seen.steps,
          place: seen.place ?? "",
          text: seen.text ?? "",
        });
      if (seen.outcome && before?.outcome !== seen.outcome)
        tell("outcome", { answered: seen.answered, text: seen.outcome });
      if (wish.step !== null || wish.playing !== null) {
        const { step, playing } = wish;
        wish.step = wish.playing = null;
        // Deferred: the engine must not be called while it is reporting.
        setTimeout(() => {
          if (step !== null) refuse(COMMANDS.seek({ step }));
          if (playing !== null) plays(playing);
        });
      }
    },
    command: null,
  };
  const plays = (on) => frame.command(on ? "play" : "pause", 0);
  const COMMANDS = {
    play: () => {
      if (engine === "there") return void plays(true);
      wish.playing = true;
      load();
    },
    pause: () => {
      if (engine === "there") plays(false);
      else wish.playing = false;
    },
    seek: (m) => {
      if (!Number.isInteger(m.step) || m.step < 0)
        return "seek: step must be the number of a step; 0 is the start";
      if (engine === "there")
        return m.step > last.steps
          ? `seek: the last step is ${last.steps}`
          : void frame.command("seek", m.step);
      wish.step = m.step;
      load();
    },
  };
  const refuse = (wrong) => typeof wrong === "string" && tell("error", { message: wrong });
  window.addEventListener("message", (event) => {
    // Messages are accepted from the parent page only; those meant for other scripts are ignored.
    const m = event.data;
    if (
      !outside ||
      event.source !== window.parent ||
      typeof m !== "object" ||
      m === null ||
      m.target !== "packetwalk"
    )
      return;
    const act = Object.hasOwn(COMMANDS, m.type) && COMMANDS[m.type];
    const wrong =
      m.v !== 1
        ? "v: must be 1"
        : act
          ? act(m)
          : `type: must be one of ${Object.keys(COMMANDS).join(", ")}`;
    refuse(wrong);
  });

  window.packetwalk = { embed: frame };
  new ResizeObserver(() => measure(last)).observe(root);
  measure();
  for (const message of faults) tell("error", { message });
  complain();
  if (asked.load === "now") load();
  if (asked.load === "visible") {
    const observer = new IntersectionObserver((seen) => {
      if (!seen.some((e) => e.isIntersecting)) return;
      observer.disconnect();
      load();
    });
    observer.observe(cover);
  }
})();

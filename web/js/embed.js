// The first script of an embed. It reads the address, shows a still picture, and loads the engine
// when the reader or the parent page asks for it. It also creates and validates the messages
// exchanged with the parent page. It stores nothing and adds no history entries.
(function () {
  "use strict";
  const PRESETS = {/* presets */};
  const ENGINE = "/* engine */";
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
  const faults = [];
  const given = new URLSearchParams(location.search);
  const asked = {};
  for (const [name, words] of Object.entries(WORDS)) {
    const value = given.get(name);
    asked[name] = words.includes(value) ? value : words[0];
    if (value !== null && !words.includes(value))
      faults.push([
        `${name}=${value}: write ${words.slice(0, -1).join(", ")} or ${words.at(-1)}.`,
        `${name}=${value}：${words.join("、")} のいずれかを指定してください。`,
      ]);
  }
  const number = (text) => (/^\d{1,6}$/.test(text) ? Number(text) : null);
  const step = given.get("step");
  if (step !== null && number(step) === null)
    faults.push([
      `step=${step}: write a step number, such as 12; 0 is the start.`,
      `step=${step}：12 のようなステップ番号を指定してください（0 は開始時点）。`,
    ]);
  const presets = Object.keys(PRESETS);
  const linked = /^#v\d/.test(location.hash);
  let preset = given.get("preset");
  if (preset !== null && !presets.includes(preset)) {
    faults.push([
      `preset=${preset}: unknown; the presets are ${presets.join(", ")}.`,
      `preset=${preset}：不明なプリセットです。指定できるのは ${presets.join("、")} です。`,
    ]);
    preset = null;
  }
  let poster = given.get("poster");
  if (poster !== null && !/^[\w-]+(\.[\w-]+)*\.svg$/.test(poster)) {
    faults.push([
      `poster=${poster}: write the name of an SVG file in the folder of this page.`,
      `poster=${poster}：このページと同じフォルダーにある SVG ファイルの名前を指定してください。`,
    ]);
    poster = null;
  }
  const known = [...Object.keys(WORDS), "step", "preset", "poster"];
  for (const name of new Set(given.keys()))
    if (!known.includes(name))
      faults.push([
        `${name}: unknown parameter; the parameters are ${known.sort().join(", ")}.`,
        `${name}：不明なパラメーターです。指定できるのは ${known.sort().join("、")} です。`,
      ]);

  const japanese = asked.lang === "ja" || (asked.lang === "auto" && /^ja/.test(navigator.language));
  const say = (en, ja) => (japanese ? ja : en);
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
    const lines = [...faults.map(([en, ja]) => say(en, ja)), failure].filter(Boolean);
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

  // Sends a message to the parent page.
  const outside = window.parent !== window;
  const tell = (type, more) =>
    outside && window.parent.postMessage({ source: "packetwalk", v: 1, type, ...more }, "*");

  // The still picture.
  let engine = "none";
  const cover = add(app, "div", { className: "poster" });
  app.querySelector(".loading")?.remove();
  const still = poster ?? (linked ? null : `posters/${preset}.${japanese ? "ja" : "en"}.svg`);
  const picture = still && add(cover, "img", { src: `./${still}`, alt: "" });
  picture?.addEventListener("error", () => (picture.hidden = true));
  picture?.addEventListener("load", () => measure());
  const call = add(cover, "div", { className: "call" });
  add(call, "strong", { textContent: title });
  const button = add(call, "button", {
    type: "button",
    className: "start",
    textContent: say("▶ Walk through it", "▶ 再生する"),
  });
  button.addEventListener("click", () => load());
  if (linked)
    add(call, "a", {
      className: "leave",
      href: `./${location.hash}`,
      target: "_blank",
      rel: "noopener",
      textContent: say("Open in Packetwalk", "Packetwalk で開く"),
    });

  // The engine panicked.
  const broken = (error) =>
    typeof WebAssembly === "object" &&
    error instanceof WebAssembly.RuntimeError &&
    fail(
      say(
        "Packetwalk stopped because of an internal error.",
        "内部エラーのため、Packetwalk は停止しました。",
      ),
    );
  window.addEventListener("error", (event) => broken(event.error));
  window.addEventListener("unhandledrejection", (event) => broken(event.reason));

  // The engine could not be loaded or started.
  function stopped(text) {
    engine = "none";
    button.disabled = false;
    button.textContent = say("Try again", "再試行");
    fail(text);
  }

  function load() {
    if (engine !== "none") return;
    if (typeof WebAssembly !== "object")
      return stopped(
        say(
          "This browser cannot run Packetwalk: it has no WebAssembly.",
          "このブラウザーは WebAssembly に対応していないため、Packetwalk を実行できません。",
        ),
      );
    engine = "coming";
    failure = "";
    complain();
    button.disabled = true;
    button.textContent = say("Loading…", "読み込んでいます…");
    const script = add(document.head, "script", { src: ENGINE });
    script.addEventListener("error", () =>
      stopped(
        say(
          "The engine could not be loaded. Check the network connection.",
          "エンジンを読み込めませんでした。ネットワーク接続を確認してください。",
        ),
      ),
    );
    script.addEventListener("load", () => {
      script.remove();
      packetwalkEngine().catch((error) => {
        if (error instanceof WebAssembly.RuntimeError) return broken(error);
        const why =
          error instanceof WebAssembly.CompileError
            ? say(
                "The browser or the content security policy of this page blocked the engine",
                "ブラウザーまたはこのページのコンテンツセキュリティポリシーがエンジンの実行を拒否しました",
              )
            : say("The engine could not be started", "エンジンを起動できませんでした");
        stopped(`${why}: ${error.message}`);
      });
    });
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
        ? Math.min((seen.height / seen.width) * (across - 20), 900) + 60
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
          faults.push([
            `step=${step}: the last step is ${seen.steps}.`,
            `step=${step}：最後のステップは ${seen.steps} です。`,
          ]);
          tell("error", { message: say(...faults.at(-1)) });
          complain();
        }
      }
      if (seen.broken) return;
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
  for (const [en, ja] of faults) tell("error", { message: say(en, ja) });
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

// Runs before anything else: sets the language and theme of the page, shows how far the engine is
// loaded, why it cannot run, and what to do after a fault of its own. The syntax is old on purpose:
// a browser that cannot run the engine must still be able to read this.
(function () {
  var root = document.documentElement;

  /** A stored text, or null; with an opaque origin every access throws. */
  function stored(key) {
    try {
      return localStorage.getItem("packetwalk." + key);
    } catch (e) {
      return null;
    }
  }

  var japanese = /^ja/.test(stored("lang") || navigator.language || "");
  function say(en, ja) {
    return japanese ? ja : en;
  }
  function linked() {
    return /^#v\d/.test(location.hash);
  }

  // The page as it opens is in the HTML, in both languages; style sheets show the one that fits.
  // It holds the default document, so it is not shown if another one is about to open.
  root.lang = japanese ? "ja" : "en";
  root.setAttribute("data-theme", stored("theme") || "system");
  if (!stored("text") && !linked()) root.className = "opening";

  /** Shows a message in place of the page, or over it, with the reader's own text to copy. */
  function show(title, lines, detail, over) {
    var box = document.createElement("div");
    box.className = over ? "panic" : "loading failed";
    box.setAttribute("role", "alert");
    function add(tag, text) {
      var e = document.createElement(tag);
      e.textContent = text;
      box.appendChild(e);
    }
    add("strong", title);
    for (var i = 0; i < lines.length; i++) add("p", lines[i]);
    var text = stored("text");
    if (text) {
      add("p", say("Your text, to copy:", "あなたのテキスト（コピーできます）："));
      add("pre", text);
    }
    if (detail) add("small", String(detail));
    var app = document.getElementById("app") || document.body;
    if (!over) app.innerHTML = "";
    (over ? document.body : app).appendChild(box);
  }

  function unsupported(why) {
    show(
      say("This browser cannot run Packetwalk.", "このブラウザーでは Packetwalk を動かせません。"),
      [
        say(
          "It needs WebAssembly as in browsers since 2022: Chrome 96, Firefox 89, Safari 15, or later.",
          "2022 年以降のブラウザーの WebAssembly が必要です（Chrome 96、Firefox 89、Safari 15 以降）。",
        ),
      ],
      why,
    );
  }

  /** A response whose body moves the progress bar. `size` is the length of the body in bytes. */
  function counted(response, size) {
    var bar = document.querySelector("#app progress");
    if (!response.body || !bar || typeof ReadableStream !== "function") return response;
    var reader = response.body.getReader();
    var received = 0;
    var stream = new ReadableStream({
      pull: function (controller) {
        return reader.read().then(function (part) {
          if (part.done) return controller.close();
          received += part.value.length;
          bar.value = Math.min(received / size, 1);
          controller.enqueue(part.value);
        });
      },
    });
    return new Response(stream, { headers: { "content-type": "application/wasm" } });
  }

  // After a fault of the engine the same text or link would bring it back. The text is put aside
  // (the next load offers it in the document menu); the link is removed from the address.
  function fault(error) {
    if (document.querySelector(".panic")) return;
    show(
      say(
        "Packetwalk has met a fault of its own and stopped.",
        "Packetwalk 自身の不具合で停止しました。",
      ),
      [
        say(
          "Copy what you need from here, then load the page again.",
          "必要なものをコピーしてから、ページを読み込み直してください。",
        ),
      ],
      error.stack || error,
      true,
    );
    try {
      if (linked()) return history.replaceState(null, "", location.pathname + location.search);
      var text = stored("text");
      if (text) localStorage.setItem("packetwalk.rescued", text);
      localStorage.removeItem("packetwalk.text");
    } catch (e) {}
  }
  function isFault(error) {
    return typeof WebAssembly === "object" && error instanceof WebAssembly.RuntimeError;
  }

  window.packetwalk = {
    /** Fetches the engine and starts it with `init`, the entry point of its JavaScript. */
    start: function (init, url, size) {
      return fetch(url)
        .then(function (response) {
          if (!response.ok) throw new Error(url + ": " + response.status);
          return init({ module_or_path: counted(response, size) });
        })
        .catch(function (error) {
          if (typeof WebAssembly !== "object" || error instanceof WebAssembly.CompileError)
            return unsupported(error);
          if (isFault(error)) return fault(error);
          show(
            say("Packetwalk could not be loaded.", "Packetwalk を読み込めませんでした。"),
            [
              say(
                "Check the connection and load the page again.",
                "接続を確認して、ページを読み込み直してください。",
              ),
            ],
            error,
          );
        });
    },
  };

  window.addEventListener("error", function (event) {
    if (isFault(event.error)) fault(event.error);
  });
  window.addEventListener("unhandledrejection", function (event) {
    if (isFault(event.reason)) fault(event.reason);
  });

  if (typeof WebAssembly !== "object" || !("noModule" in HTMLScriptElement.prototype)) {
    document.addEventListener("DOMContentLoaded", function () {
      unsupported(navigator.userAgent);
    });
  }
})();

// Runs before any other script: sets the language and theme of the page, shows the progress of
// loading the engine, explains why it cannot run, and what to do after it has panicked. It is
// written in ES5, so that a browser too old for the engine can still show the explanation.
(function () {
  var root = document.documentElement;

  /** A value from localStorage, or null. With an opaque origin every access throws. */
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
      add("p", say("Your document, to copy:", "編集していたドキュメント（コピーできます）："));
      add("pre", text);
    }
    if (detail) add("small", String(detail));
    var app = document.getElementById("app") || document.body;
    if (!over) app.innerHTML = "";
    (over ? document.body : app).appendChild(box);
  }

  function unsupported(why) {
    show(
      say(
        "This browser cannot run Packetwalk.",
        "このブラウザーでは Packetwalk を実行できません。",
      ),
      [
        say(
          "It needs WebAssembly: use Chrome 96, Firefox 89, Safari 15 or later.",
          "WebAssembly が必要です。Chrome 96、Firefox 89、Safari 15 以降をご利用ください。",
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

  // After a panic the same document or link would cause it again. The document is set aside (the
  // next load offers it in the document menu), and the link is removed from the address.
  function fault(error) {
    if (document.querySelector(".panic")) return;
    show(
      say(
        "Packetwalk stopped because of an internal error.",
        "内部エラーのため、Packetwalk は停止しました。",
      ),
      [
        say(
          "Copy what you need from here, then reload the page.",
          "必要な内容をコピーしてから、ページを再読み込みしてください。",
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
                "Check the network connection, then reload the page.",
                "ネットワーク接続を確認して、ページを再読み込みしてください。",
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

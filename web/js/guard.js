// What stands around the engine, before it is there and after it is gone: how far it is loaded, why
// it cannot run, and what to do when it met a fault of its own. Old syntax on purpose: a browser
// that cannot run the engine must still be able to read this.
(function () {
  var japanese = /^ja/.test(navigator.language || "");
  var say = function (en, ja) {
    return japanese ? ja : en;
  };
  var place = function () {
    return document.getElementById("app") || document.body;
  };
  var kept = function () {
    try {
      return localStorage.getItem("packetwalk.text");
    } catch (e) {
      return null;
    }
  };

  // In place of the page, or over it: what happened, and the person's own text, to copy.
  function tell(title, lines, detail, over) {
    var box = document.createElement("div");
    box.className = over ? "panic" : "loading failed";
    box.setAttribute("role", "alert");
    var add = function (tag, text) {
      var e = document.createElement(tag);
      e.textContent = text;
      box.appendChild(e);
    };
    add("strong", title);
    for (var i = 0; i < lines.length; i++) add("p", lines[i]);
    var text = kept();
    if (text) {
      add("p", say("Your text, to copy:", "あなたのテキスト（コピーできます）："));
      add("pre", text);
    }
    if (detail) add("small", String(detail));
    if (!over) place().innerHTML = "";
    (over ? document.body : place()).appendChild(box);
  }

  function cannot(why) {
    tell(
      say("This browser cannot run Packetwalk.", "このブラウザーでは Packetwalk を動かせません。"),
      [
        say(
          "It needs WebAssembly as browsers have it since 2022: Chrome 96, Firefox 89, Safari 15, or later.",
          "2022 年以降のブラウザーにある WebAssembly が必要です（Chrome 96、Firefox 89、Safari 15 以降）。",
        ),
      ],
      why,
    );
  }

  // A body that says how much of it has come. `size` is what it will have, in bytes.
  function counted(response, size) {
    var bar = document.querySelector("#app progress");
    if (!response.body || !bar || typeof ReadableStream !== "function") return response;
    var reader = response.body.getReader();
    var got = 0;
    var stream = new ReadableStream({
      pull: function (to) {
        return reader.read().then(function (part) {
          if (part.done) return to.close();
          got += part.value.length;
          bar.value = Math.min(got / size, 1);
          to.enqueue(part.value);
        });
      },
    });
    return new Response(stream, { headers: { "content-type": "application/wasm" } });
  }

  // A link to a session, which the workbench opens.
  var linked = function () {
    return /^#v\d/.test(location.hash);
  };
  // The page fetches its engine at once; a link needs another.
  var early = document.currentScript && document.currentScript.getAttribute("data-wasm");
  var coming = early && !linked() && window.fetch && fetch(early);

  // The engine stops at a fault of its own. What is kept would bring it back: it is put aside. A
  // link is taken out of the address.
  function fault(error) {
    if (document.querySelector(".panic")) return;
    tell(
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
      var text = kept();
      if (text) localStorage.setItem("packetwalk.rescued", text);
      localStorage.removeItem("packetwalk.text");
    } catch (e) {}
  }
  function isFault(error) {
    return typeof WebAssembly === "object" && error instanceof WebAssembly.RuntimeError;
  }

  window.packetwalk = {
    failed: fault,
    linked: linked,
    // Fetches the engine and starts it with `init`.
    start: function (init, url, size) {
      return (coming && url === early ? coming : fetch(url))
        .then(function (response) {
          if (!response.ok) throw new Error(url + ": " + response.status);
          return init({ module_or_path: counted(response, size) });
        })
        .catch(function (error) {
          if (typeof WebAssembly !== "object" || error instanceof WebAssembly.CompileError)
            return cannot(error);
          if (error instanceof WebAssembly.RuntimeError) return fault(error);
          tell(
            say("Packetwalk could not be loaded.", "Packetwalk を読み込めませんでした。"),
            [
              say(
                "Look at the connection and load the page again.",
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
      cannot(navigator.userAgent);
    });
  }
})();

// Runs before any other script: sets the language and theme of the page, shows the progress of
// loading the engine, explains why it cannot run, and what to do after it has panicked. It is
// written in ES5, so that a browser too old for the engine can still show the explanation.
(function () {
  var root = document.documentElement;
  // The texts of words/load.rs, by language and name.
  var WORDS = {/* words */};

  /** A value from localStorage, or null. With an opaque origin every access throws. */
  function stored(key) {
    try {
      return localStorage.getItem("packetwalk." + key);
    } catch (e) {
      return null;
    }
  }

  var words = WORDS[/^ja/.test(stored("lang") || navigator.language || "") ? "ja" : "en"];
  function linked() {
    return /^#v\d/.test(location.hash);
  }

  // The page as it opens is in the HTML, in both languages; style sheets show the one that fits.
  // It holds the default document, so it is not shown if another one is about to open.
  root.lang = words === WORDS.ja ? "ja" : "en";
  root.setAttribute("data-theme", stored("theme") || "system");
  if (!stored("text") && !linked()) {
    root.className = "opening";
    requestAnimationFrame(fit);
  }

  /** Before each frame: fits the picture of the initial page as the engine will, in the middle, or,
   * where it is larger than its place, from its left upper corner; enlarged by at most 1.5. */
  function fit() {
    if (document.querySelector("#app > .page")) return;
    requestAnimationFrame(fit);
    Array.prototype.forEach.call(document.querySelectorAll(".still .picture"), function (svg) {
      var place = svg.getBoundingClientRect();
      var room = [Math.floor(place.width), Math.floor(place.height)];
      var size = svg.getAttribute("data-size").split(" ").map(Number);
      var scale = Math.min(room[0] / size[0], room[1] / size[1]);
      if (!scale) return;
      scale = Math.min(Math.max(scale, 1), 1.5);
      var from = size.map(function (size, i) {
        return Math.min((size - room[i] / scale) / 2, 0);
      });
      var box = from.concat(room[0] / scale, room[1] / scale).map(function (n) {
        return n.toFixed(1);
      });
      svg.setAttribute("viewBox", box.join(" "));
    });
  }

  // The panes as the reader left them: `editor=folded;--drawer=240px`.
  (stored("panes") || "").split(";").forEach(function (part) {
    var pair = part.split("=");
    if (pair.length !== 2) return;
    if (/^--/.test(pair[0])) root.style.setProperty(pair[0], pair[1]);
    else if (/^[a-z]+$/.test(pair[0])) root.setAttribute("data-" + pair[0], pair[1]);
  });

  /** A message, with the reader's own text to copy. */
  function message(className, title, hint, detail) {
    var box = document.createElement("div");
    box.className = className;
    box.setAttribute("role", "alert");
    function add(tag, text) {
      var e = document.createElement(tag);
      e.textContent = text;
      box.appendChild(e);
      return e;
    }
    add("strong", title);
    add("p", hint);
    var text = stored("text");
    if (text) {
      add("p", words.YourDocument);
      add("pre", text);
    }
    if (detail) add("small", String(detail));
    box.add = add;
    return box;
  }

  /** Shows why the engine does not run, beside the picture. `retry` loads it again. */
  function failed(title, hint, detail, retry) {
    var app = document.getElementById("app") || document.body;
    var bar = app.querySelector(".loading");
    // A script and what it imports can fail one after the other.
    if (bar && bar.className !== "loading") return;
    var box = message("loading failed", title, hint, detail);
    if (bar) app.replaceChild(box, bar);
    else app.appendChild(box);
    if (!retry) return;
    var button = box.add("button", words.Retry);
    button.type = "button";
    button.onclick = function () {
      if (bar) app.replaceChild(bar, box);
      retry();
    };
  }

  function unsupported(why) {
    failed(words.Unsupported, words.UnsupportedHint, why);
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
    var detail = error.stack || error;
    document.body.appendChild(message("panic", words.Panicked, words.PanickedHint, detail));
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

  function start(init, url, size) {
    return fetch(url)
      .then(function (response) {
        if (!response.ok) throw new Error(url + ": " + response.status);
        return init({ module_or_path: counted(response, size) });
      })
      .catch(function (error) {
        if (typeof WebAssembly !== "object" || error instanceof WebAssembly.CompileError)
          return unsupported(error);
        if (isFault(error)) return fault(error);
        failed(words.NotLoaded, words.NotLoadedHint, error, function () {
          start(init, url, size);
        });
      });
  }
  /** Fetches the engine and starts it with `init`, the entry point of its JavaScript. */
  window.packetwalk = { start: start };

  window.addEventListener(
    "error",
    function (event) {
      if (isFault(event.error)) return fault(event.error);
      // The script that starts the engine, or one that it imports, could not be loaded.
      var script = event.target;
      if (script && script.type === "module")
        failed(words.NotLoaded, words.NotLoadedHint, script.src, function () {
          location.reload();
        });
    },
    true,
  );
  window.addEventListener("unhandledrejection", function (event) {
    if (isFault(event.reason)) fault(event.reason);
  });

  if (typeof WebAssembly !== "object" || !("noModule" in HTMLScriptElement.prototype)) {
    document.addEventListener("DOMContentLoaded", function () {
      unsupported(navigator.userAgent);
    });
  }
})();

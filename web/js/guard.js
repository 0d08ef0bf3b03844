// Runs before any other script: sets the language and theme of the page, shows the progress of
// loading the engine, explains why it cannot run, and what to do after it has panicked. It also
// knows which sessions other tabs show. It is written in ES5, so that a browser too old for the
// engine can still show the explanation.
(function () {
  var root = document.documentElement;
  // The texts of words/load.rs, by language and name.
  var WORDS = {/* words */};

  // The beginning of the keys of sessions, and the key that tells other tabs to forget everything.
  // effects.rs has both, too.
  var SESSION = "packetwalk.1.session.";
  var FORGET = "packetwalk.forget";

  /** A value from localStorage, or null. With an opaque origin every access throws. */
  function stored(key) {
    try {
      return localStorage.getItem("packetwalk." + key);
    } catch (e) {
      return null;
    }
  }

  /** The keys of a storage that begin like this. */
  function keys(prefix, storage) {
    try {
      return Object.keys(window[storage || "localStorage"]).filter(function (key) {
        return key.indexOf(prefix) === 0;
      });
    } catch (e) {
      return [];
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
  var state = history.state;
  if (!linked() && (state ? state.first : !stored("text") && !keys(SESSION).length)) {
    root.className = "opening";
    requestAnimationFrame(fit);
  }

  // On a slow line, in ms of its round-trip time, the fonts would come too late to be used, and the
  // engine after them.
  var line = navigator.connection;
  if (line && (line.saveData || line.rtt >= 250)) {
    root.setAttribute("data-fonts", "system");
  } else {
    ["inter", "jetbrains-mono"].forEach(function (font) {
      var link = document.createElement("link");
      link.rel = "preload";
      link.as = "font";
      link.type = "font/woff2";
      link.crossOrigin = "";
      link.href = "fonts/" + font + ".woff2";
      document.head.appendChild(link);
    });
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

  // Each tab holds a lock with the identifier of its session. Without locks (over plain HTTP) tabs
  // that show the same session part when one of them stores it.
  var own = state && state.packetwalk;
  var held, release;

  function lockSession(id) {
    if (id === held) return;
    if (release) release();
    release = null;
    own = held = id;
    if (!navigator.locks) return;
    navigator.locks
      .request(SESSION + id, function () {
        if (held === id)
          return new Promise(function (resolve) {
            release = resolve;
          });
      })
      .catch(function () {});
  }

  /** The identifiers of the sessions that other tabs show. The page that was here before a reload
   * may still hold its session: it is waited for, `patience` times. */
  function others(patience) {
    if (!navigator.locks) return Promise.resolve([]);
    return navigator.locks
      .query()
      .then(function (all) {
        var ids = all.held
          .filter(function (lock) {
            return lock.name.indexOf(SESSION) === 0 && lock.name !== SESSION + held;
          })
          .map(function (lock) {
            return lock.name.slice(SESSION.length);
          });
        if (!patience || ids.indexOf(own) < 0) return ids;
        return new Promise(function (resolve) {
          setTimeout(resolve, 50);
        }).then(function () {
          return others(patience - 1);
        });
      })
      .catch(function () {
        return [];
      });
  }

  /** Looks which sessions other tabs show, then calls `then`. */
  function queryLocks(then) {
    return others(0).then(function (ids) {
      window.packetwalk.elsewhere = ids;
      then();
    });
  }

  addEventListener("pagehide", function () {
    if (release) release();
  });
  // The page was kept in memory while it could not see what other tabs did.
  addEventListener("pageshow", function (event) {
    if (event.persisted) location.reload();
  });

  /** Removes all that this page keeps in the browser, and its offline copy. */
  function forget() {
    window.packetwalk.forgotten = true;
    try {
      localStorage.setItem(FORGET, String(Date.now()));
    } catch (e) {}
    ["localStorage", "sessionStorage"].forEach(function (name) {
      keys("packetwalk.", name).forEach(function (key) {
        window[name].removeItem(key);
      });
    });
    var here = new URL("./", location.href).href;
    if (navigator.serviceWorker)
      navigator.serviceWorker.getRegistration(here).then(function (worker) {
        if (worker) worker.unregister();
      });
    if (window.caches)
      caches.keys().then(function (names) {
        names.forEach(function (name) {
          if (name.indexOf("packetwalk " + here + " ") === 0) caches.delete(name);
        });
      });
  }

  /** The key of this tab's session, if it is stored; before the engine has chosen one, that of the
   * session that was changed last. */
  function last() {
    function time(key) {
      var found = /\btime: (\d+)/.exec(localStorage.getItem(key));
      return found ? Number(found[1]) : 0;
    }
    var all = keys(SESSION);
    if (held || all.indexOf(SESSION + own) >= 0)
      return all.filter(function (key) {
        return key === SESSION + own;
      })[0];
    return all.sort(function (a, b) {
      return time(b) - time(a);
    })[0];
  }

  /** The reader's own text in a stored session: a whole file, or the text and the Script. The line
   * in front has their lengths in bytes; entry.rs describes it. */
  function ownText(value) {
    var end = value.indexOf("\n");
    var head = value.slice(0, end).split(", view: ")[0];
    // A character for each byte.
    var bytes = unescape(encodeURIComponent(value.slice(end + 1)));
    return ["file", "text", "script"].reduce(function (own, name) {
      var found = RegExp("\\b" + name + ": (\\d+)").exec(head);
      if (!found) return own;
      var part = decodeURIComponent(escape(bytes.slice(0, found[1])));
      bytes = bytes.slice(found[1]);
      return own + (own && part ? (/\n$/.test(own) ? "---\n" : "\n---\n") : "") + part;
    }, "");
  }

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
    var key = last();
    if (key) {
      add("p", words.YourDocument);
      add("pre", ownText(localStorage.getItem(key)));
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

  /** The packed module of a response, unpacked as it arrives; the progress bar shows how much of it
   * is there. */
  function unpacked(response, engine) {
    var bar = document.querySelector("#app progress") || {};
    var received = 0;
    var counter = new TransformStream({
      transform: function (part, controller) {
        received += part.length;
        bar.value = Math.min(received / engine.size, 1);
        controller.enqueue(part);
      },
    });
    return engine.unpack(response.body.pipeThrough(counter));
  }

  /** The module. Hosts that serve no files of unknown types still have it as it is. */
  function fetchModule(engine) {
    return fetch(engine.packed).then(function (packed) {
      if (packed.ok) return unpacked(packed, engine);
      return fetch(engine.plain).then(function (plain) {
        if (!plain.ok) throw new Error(engine.plain + ": " + plain.status);
        return plain;
      });
    });
  }

  // After a panic the same session or link would cause it again. The session is set aside (the next
  // load offers it in the document menu), and the link is removed from the address.
  function fault(error) {
    if (document.querySelector(".panic")) return;
    window.packetwalk.stopped = true;
    var detail = error.stack || error;
    document.body.appendChild(message("panic", words.Panicked, words.PanickedHint, detail));
    var key = SESSION + own;
    try {
      history.replaceState(null, "", location.pathname + location.search);
      var value = localStorage.getItem(key);
      if (value) localStorage.setItem(key, value.replace("{", "{rescued: true, "));
    } catch (e) {}
  }
  function isFault(error) {
    return typeof WebAssembly === "object" && error instanceof WebAssembly.RuntimeError;
  }

  function start(init, engine) {
    var seen = others(6);
    return fetchModule(engine)
      .then(function (response) {
        return seen.then(function (ids) {
          window.packetwalk.elsewhere = ids;
          return init({ module_or_path: response });
        });
      })
      .catch(function (error) {
        if (typeof WebAssembly !== "object" || error instanceof WebAssembly.CompileError)
          return unsupported(error);
        if (isFault(error)) return fault(error);
        failed(words.NotLoaded, words.NotLoadedHint, error, function () {
          start(init, engine);
        });
      });
  }
  /** Fetches the engine and starts it with `init`, the entry point of its JavaScript. `engine` has
   * the addresses `packed` (xz) and `plain` of its module, the `size` of the packed one in bytes,
   * and `unpack`, which makes a response of a packed stream. */
  window.packetwalk = {
    start: start,
    queryLocks: queryLocks,
    lockSession: lockSession,
    forget: forget,
  };

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

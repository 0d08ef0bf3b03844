// <packet-walk>: an embed of Packetwalk in a page of documentation. The element wraps a sandboxed
// frame, which has no access to the parent page.
//
//   <script src="https://…/packet-walk.js" defer></script>
//   <packet-walk preset="article-nodeport" step="12"></packet-walk>
//
// Attributes: src (a link to a session, or the address of the embed page if it is not in the folder
// of this file), label (the title of the frame), height (in pixels; by default that of the
// content), and the parameters of the embed's address: preset, view, step, grain, controls, play,
// load, poster, theme, lang. The text inside the element is shown where scripts do not run.
// Events: packetwalk-ready, -height, -step, -outcome and -error, with the fields of the embed's
// message in `detail`. Methods: play(), pause(), seek(step).
(() => {
  const home = document.currentScript
    ? new URL(".", document.currentScript.src)
    : new URL(".", location.href);
  const PARAMETERS = [
    "preset",
    "view",
    "step",
    "grain",
    "controls",
    "play",
    "load",
    "poster",
    "theme",
    "lang",
  ];
  const LOWEST = 120;
  const HIGHEST = 2000;

  class PacketWalk extends HTMLElement {
    static observedAttributes = ["src", "label", "height", ...PARAMETERS];
    #frame = null;
    #again = 0;
    // Messages queued until the frame listens; null from then on.
    #unheard = [];

    connectedCallback() {
      window.addEventListener("message", this.#heard);
      this.#draw();
    }

    disconnectedCallback() {
      window.removeEventListener("message", this.#heard);
      this.#frame?.remove();
      this.#frame = null;
    }

    attributeChangedCallback(name) {
      if (name === "height" && this.#frame)
        this.#frame.height = this.getAttribute("height") ?? "460";
      if (name === "label" && this.#frame)
        this.#frame.title = this.getAttribute("label") ?? "Packetwalk";
      // Attributes that are set together redraw the frame once.
      if (!this.isConnected || name === "height" || name === "label") return;
      cancelAnimationFrame(this.#again);
      this.#again = requestAnimationFrame(() => this.isConnected && this.#draw());
    }

    /** Plays; loads the engine first if necessary. */
    play() {
      this.#tell({ type: "play" });
    }

    /** Pauses playback. */
    pause() {
      this.#tell({ type: "pause" });
    }

    /** Goes to a step; 0 is the start. */
    seek(step) {
      this.#tell({ type: "seek", step });
    }

    /** The address of the frame. Throws if `src` is not the address of a page. */
    get address() {
      const src = new URL(this.getAttribute("src") ?? "", home);
      if (!/^(https?|file):$/.test(src.protocol)) throw new TypeError("not the address of a page");
      const session = src.hash;
      const page = new URL(
        /\/[^/]+\.html$/.test(src.pathname) && !src.pathname.endsWith("/index.html")
          ? src.pathname
          : "embed.html",
        src,
      );
      for (const [name, value] of src.searchParams) page.searchParams.set(name, value);
      for (const name of PARAMETERS)
        if (this.hasAttribute(name)) page.searchParams.set(name, this.getAttribute(name));
      page.hash = session;
      return page.href;
    }

    #draw() {
      this.#frame?.remove();
      this.#frame = null;
      let address;
      try {
        address = this.address;
      } catch {
        const message = `src="${this.getAttribute("src")}" is not the address of a page`;
        this.replaceChildren(message);
        this.dispatchEvent(
          new CustomEvent("packetwalk-error", { detail: { message }, bubbles: true }),
        );
        return;
      }
      const frame = document.createElement("iframe");
      frame.title = this.getAttribute("label") ?? "Packetwalk";
      frame.loading = "lazy";
      frame.setAttribute("sandbox", "allow-scripts allow-popups allow-popups-to-escape-sandbox");
      frame.width = "100%";
      frame.height = this.getAttribute("height") ?? "460";
      frame.src = address;
      frame.style.display = "block";
      frame.setAttribute("frameborder", "0");
      this.style.display = "block";
      this.#unheard = [];
      this.replaceChildren(frame);
      this.#frame = frame;
    }

    #tell(message) {
      if (!this.#frame) return;
      if (this.#unheard) {
        this.#unheard.push(message);
        this.#frame.loading = "eager";
        return;
      }
      // The origin of a sandboxed frame is opaque: only "*" addresses it.
      this.#frame.contentWindow.postMessage({ target: "packetwalk", v: 1, ...message }, "*");
    }

    #heard = (event) => {
      const m = event.data;
      if (
        !this.#frame ||
        event.source !== this.#frame.contentWindow ||
        typeof m !== "object" ||
        m === null ||
        m.source !== "packetwalk" ||
        m.v !== 1
      )
        return;
      const unheard = this.#unheard ?? [];
      this.#unheard = null;
      unheard.forEach((message) => this.#tell(message));
      if (
        Number.isFinite(m.height) &&
        (m.type === "height" || m.type === "ready") &&
        !this.hasAttribute("height")
      ) {
        this.#frame.height = String(Math.min(Math.max(Math.round(m.height), LOWEST), HIGHEST));
      }
      if (!["ready", "height", "step", "outcome", "error"].includes(m.type)) return;
      const { source, v, type, ...detail } = m;
      this.dispatchEvent(new CustomEvent(`packetwalk-${type}`, { detail, bubbles: true }));
    };
  }

  if (!customElements.get("packet-walk")) customElements.define("packet-walk", PacketWalk);
})();

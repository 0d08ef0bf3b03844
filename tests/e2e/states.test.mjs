// Every state of the page: axe-core finds no violation, every control can be reached, nothing
// overlaps, and nothing scrolls sideways. PACKETWALK_FULL=1 checks every state at every size;
// otherwise each state is checked once, at one size or another.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { violations } from "./axe.mjs";
import { STATES } from "./states.mjs";
import { visit } from "./visit.mjs";

const FULL = "PACKETWALK_FULL" in process.env;
/** Width, height, theme and language. The two sizes of the contact sheets have both themes. */
const WINDOWS = [
  [1440, 900, "light", "en-US"],
  [390, 844, "dark", "en-US"],
  [320, 256, "light", "en-US"],
  [844, 390, "light", "ja-JP"],
  [1280, 720, "dark", "en-US"],
  [360, 225, "dark", "ja-JP"],
  [1024, 768, "light", "en-US"],
  [640, 360, "dark", "en-US"],
  [390, 844, "light", "ja-JP"],
  [720, 450, "dark", "en-US"],
  [1440, 900, "dark", "ja-JP"],
  [1366, 650, "light", "ja-JP"],
  [820, 1180, "light", "en-US"],
  [1920, 1080, "dark", "ja-JP"],
  [3840, 2160, "light", "en-US"],
];

/** Runs in the page: what cannot be reached, what overlaps, and what scrolls sideways. */
function faults() {
  const app = document.querySelector("#app");
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".sr-only");
  const all = (selector) => [...app.querySelectorAll(selector)].filter(shown);
  const name = (e) => {
    const label = e.getAttribute("aria-label") ?? e.textContent.trim().slice(0, 30);
    return `${e.tagName.toLowerCase()}.${e.getAttribute("class")} "${label}"`;
  };
  const wrong = [];
  const style = getComputedStyle;
  scrollTo(0, 0);

  // Code may be wider than its box, and the track scrolls with the packet.
  const WIDE = ".cm-scroller, textarea, pre, .hex, .pills, .markers";
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) wrong.push(`the page is ${root.scrollWidth} px wide`);
  const scrolls = (e) => /auto|scroll/.test(style(e).overflowX) && !e.matches(WIDE);
  for (const e of all("*"))
    if (scrolls(e) && e.scrollWidth > e.clientWidth + 1) wrong.push(`${name(e)} scrolls sideways`);

  // The parts of the page, and the controls outside of what opens above them.
  const apart = (a, b) =>
    a.right <= b.left + 1 ||
    b.right <= a.left + 1 ||
    a.bottom <= b.top + 1 ||
    b.bottom <= a.top + 1;
  const overlaps = (elements) => {
    const boxes = elements.map((e) => [e, e.getBoundingClientRect()]);
    boxes.forEach(([e, a], i) => {
      for (const [f, b] of boxes.slice(0, i))
        if (a.width && b.width && !apart(a, b) && !e.contains(f) && !f.contains(e))
          wrong.push(`${name(e)} overlaps ${name(f)}`);
    });
  };
  const PARTS = ".head, .side, .canvas, .drawer, .foot > .now, .embed .saying, .transport, .tabs";
  overlaps(all(PARTS));
  const CONTROLS = "button, a[href], input, select, textarea, summary, [role=tab], .cm-content";
  const above = (e) => e.closest(".menu-list, .popover, .with-tools .tools, .beyond");
  const inPicture = (e) => e.closest(".picture");
  const controls = all(CONTROLS).filter((e) => !inPicture(e));
  const ROWS = ".head, .legend, .foot > .now, .transport, .tabs, .pane-head, .status, .ops";
  for (const row of all(ROWS))
    overlaps(controls.filter((e) => row.contains(e) && !above(e)));

  // What a button says is inside of it.
  for (const e of all("button, summary"))
    if (!inPicture(e) && e.scrollWidth > e.clientWidth + 1 && style(e).textOverflow === "clip")
      wrong.push(`the text of ${name(e)} is wider than it`);

  // Each control can be brought into view and is not covered. Only what is open may cover others.
  const popup = app.querySelector(".menu[open] .menu-list, .popover, .with-tools .tools");
  for (const e of popup ? controls.filter((e) => popup.contains(e)) : controls) {
    e.scrollIntoView({ block: "nearest", inline: "nearest" });
    const label = e.labels?.[0];
    const r = (label?.contains(e) ? label : e).getBoundingClientRect();
    const clip = (at, low, size, most) => (Math.max(at, 0) + Math.min(at + size, most)) / 2;
    const [x, y] = [clip(r.left, 0, r.width, innerWidth), clip(r.top, 0, r.height, innerHeight)];
    const hit = document.elementFromPoint(x, y);
    if (!hit) wrong.push(`${name(e)} is outside of the window`);
    else if (!e.contains(hit) && !label?.contains(hit))
      wrong.push(`${name(e)} is covered by ${name(hit)}`);
    if (r.width < 16 || r.height < 14) wrong.push(`${name(e)} has ${r.width} x ${r.height} px`);
  }
  // What clips without a scroll bar cannot be scrolled by the reader.
  for (const e of all("*"))
    if (style(e).overflowY === "hidden" && !inPicture(e) && (e.scrollTop || e.scrollLeft))
      wrong.push(`${name(e)} hides what is in it`);
  return [...new Set(wrong)];
}

let pages = 0;
after(() => console.log(`${pages} pages checked in ${STATES.length} states`));

STATES.forEach(({ name, act, panes }, i) => {
  const windows = FULL ? WINDOWS : [WINDOWS[i % WINDOWS.length]];
  for (const [width, height, colorScheme, locale] of windows)
    test(`${name}, at ${width}x${height}, ${colorScheme}, ${locale}`, async () => {
      const options = { viewport: { width, height }, colorScheme, locale, panes };
      await visit({ ...options, reducedMotion: "reduce" }, async (page) => {
        await act(page);
        assert.deepEqual([...(await violations(page)), ...(await page.evaluate(faults))], []);
        pages += 1;
      });
    });
});

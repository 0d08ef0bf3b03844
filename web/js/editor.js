// The text editor: CodeMirror 6 with YAML, as one classic script. The page asks for it after its
// first picture. It lives in a shadow root: there CodeMirror adopts constructed style sheets
// instead of writing <style>, so it runs under `style-src 'self'`.
import { autocompletion, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
  syntaxTree,
} from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { helpAt, isOwn } from "./help.js";
import { phrases } from "./phrases.js";

const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--panel)", color: "var(--ink)", fontSize: "12px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "19px", fontVariantLigatures: "none" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--ink3)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  ".cm-edited": { backgroundColor: "var(--chg)", boxShadow: "inset 3px 0 var(--chg-bar)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--in-tint)" },
  ".cm-selectionMatch": { backgroundColor: "var(--chg)" },
  ".cm-matchingBracket": { backgroundColor: "var(--hover)", outline: "1px solid var(--line2)" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--ink)",
    border: "1px solid var(--line2)",
    borderRadius: "6px",
  },
  ".cm-help": {
    maxWidth: "320px",
    padding: "6px 10px",
    whiteSpace: "pre-line",
    fontFamily: "var(--sans)",
    fontSize: "12px",
    lineHeight: "17px",
  },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "12px" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--in)",
    color: "var(--on-in)",
  },
  ".cm-diagnostic": { whiteSpace: "pre-wrap", fontFamily: "var(--sans)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--bad) 1px",
  },
  ".cm-lintRange-warning": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--chg-bar) 1px",
  },
  ".cm-lintRange-info": {
    backgroundImage: "none",
    textDecoration: "underline dotted var(--ink3) 1px",
  },
  ".cm-panels": { backgroundColor: "var(--sunk)", color: "var(--ink)" },
});

// Keys and values differ in weight, not in hue: colours are reserved for the diagram.
const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--ink2)" },
  {
    tag: [tags.string, tags.content, tags.number, tags.bool, tags.literal],
    color: "var(--ink)",
    fontWeight: "650",
  },
  { tag: tags.comment, color: "var(--ink3)", fontStyle: "italic" },
  { tag: [tags.separator, tags.punctuation, tags.meta], color: "var(--ink3)" },
]);

// The lines that an edit outside of the editor changed. They are marked until the next edit.
const setEdited = StateEffect.define();
const edited = StateField.define({
  create: () => Decoration.none,
  update(lines, tr) {
    const set = tr.effects.find((e) => e.is(setEdited));
    if (set) return set.value;
    return tr.docChanged ? Decoration.none : lines;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** The positions of the lines from `from` to `to` that the replaced text did not have. */
function changedLines(doc, from, to, replaced) {
  const had = new Set(replaced.split("\n"));
  const all = [];
  for (let n = doc.lineAt(from).number; n <= doc.lineAt(to).number; n++) all.push(doc.line(n));
  const changed = all.filter((line) => !had.has(line.text));
  return (changed.length ? changed : all.slice(0, 1)).map((line) => line.from);
}

globalThis.PacketwalkEditor = {
  mount(host, text, label, onChange, complete, help) {
    const root = host.attachShadow({ mode: "open" });
    const parent = document.createElement("div");
    parent.className = "editor-root";
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":host,.editor-root{display:block;height:100%}");
    root.adoptedStyleSheets = [sheet];
    root.append(parent);
    let silent = false;
    const language = new Compartment();
    // CodeMirror ends lines with LF. A text that ends every line with CRLF is converted on the way
    // in and out, and so are positions. A text that mixes both becomes LF with its first edit.
    const isCrlf = (text) => text.includes("\r\n") && !/(^|[^\r])\n/.test(text);
    let crlf = isCrlf(text);
    const out = (doc) => (crlf ? doc.toString().replaceAll("\n", "\r\n") : doc.toString());
    const outAt = (doc, at) => at + (crlf ? doc.lineAt(at).number - 1 : 0);
    const inAt = (doc, at) => {
      if (!crlf) return Math.min(at, doc.length);
      let [low, high] = [1, doc.lines];
      while (low < high) {
        const line = (low + high + 1) >> 1;
        if (doc.line(line).from + line - 1 <= at) low = line;
        else high = line - 1;
      }
      return Math.min(at - (low - 1), doc.line(low).to);
    };
    // Fields of Topology and Script; those of Kubernetes kinds are in help.js.
    const fieldHelp = (doc, pos, lang) => {
      const found = help(out(doc), outAt(doc, pos), lang);
      return found && { ...found, from: inAt(doc, found.from), to: inAt(doc, found.to) };
    };
    const view = new EditorView({
      parent,
      root,
      state: EditorState.create({
        doc: text,
        extensions: [
          language.of([]),
          lineNumbers(),
          highlightActiveLineGutter(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          indentUnit.of("  "),
          yaml(),
          lintGutter(),
          edited,
          syntaxHighlighting(highlight),
          theme,
          autocompletion({
            icons: false,
            override: [
              (context) => {
                const word = context.matchBefore(/[\w./-]*/);
                const inside = syntaxTree(context.state).resolveInner(context.pos, -1).name;
                if (!context.explicit && (!word.text || inside === "Comment")) return null;
                const doc = context.state.doc;
                const found = complete(out(doc), outAt(doc, context.pos));
                return found.options.length
                  ? { ...found, from: inAt(doc, found.from), validFor: /^[\w./-]*$/ }
                  : null;
              },
            ],
          }),
          hoverTooltip((v, pos) => {
            const doc = v.state.doc;
            const lang = document.documentElement.lang;
            const typed = fieldHelp(doc, pos, lang);
            const told = helpAt(doc, pos, lang === "ja");
            // The engine's table says all about our own kinds; of Kubernetes' kinds it knows types.
            const found = isOwn(doc, pos) ? [typed ?? told] : [told, typed];
            const texts = found.filter(Boolean);
            if (!texts.length) return null;
            const create = () => {
              const dom = document.createElement("div");
              dom.className = "cm-help";
              dom.textContent = texts.map((t) => t.text).join("\n");
              return { dom };
            };
            return { pos: texts[0].from, end: texts[0].to, above: true, create };
          }),
          keymap.of([...completionKeymap, ...defaultKeymap, ...searchKeymap, ...lintKeymap]),
          // Tab leaves the editor, as everywhere on the page; Mod-] indents.
          EditorView.contentAttributes.of({
            "aria-label": label,
            spellcheck: "false",
            tabindex: "0",
          }),
          EditorView.updateListener.of((u) => {
            if (u.docChanged && !silent) onChange();
          }),
          // Typing over a selection: by default the browser copies the style of the replaced text
          // into a style attribute, which the content security policy blocks.
          EditorView.domEventHandlers({
            beforeinput(e, v) {
              if (
                e.inputType !== "insertText" ||
                !e.data ||
                v.state.readOnly ||
                v.state.selection.main.empty
              )
                return false;
              e.preventDefault();
              v.dispatch(v.state.replaceSelection(e.data), {
                userEvent: "input.type",
                scrollIntoView: true,
              });
              return true;
            },
          }),
        ],
      }),
    });
    return {
      setText(next, isEdit) {
        crlf = isCrlf(next);
        if (crlf) next = next.replaceAll("\r\n", "\n");
        const now = view.state.doc.toString();
        if (now === next) return;
        // Replaces only what differs, so that the cursor and the history are kept.
        let from = 0;
        while (from < now.length && from < next.length && now[from] === next[from]) from++;
        let a = now.length;
        let b = next.length;
        while (a > from && b > from && now[a - 1] === next[b - 1]) (a--, b--);
        const changes = view.state.changes({ from, to: a, insert: next.slice(from, b) });
        const effects = [];
        if (isEdit) {
          // Of a line that both texts have in part, the whole.
          const start = now.lastIndexOf("\n", from - 1) + 1;
          const end = now.indexOf("\n", a);
          const replaced = now.slice(start, end < 0 ? now.length : end);
          const lines = changedLines(changes.apply(view.state.doc), from, b, replaced);
          const mark = Decoration.line({ class: "cm-edited" });
          effects.push(
            setEdited.of(Decoration.set(lines.map((at) => mark.range(at)))),
            EditorView.scrollIntoView(lines[0], { y: "center" }),
          );
        }
        silent = true;
        view.dispatch({ changes, effects });
        silent = false;
      },
      text() {
        return out(view.state.doc);
      },
      cursor() {
        return outAt(view.state.doc, view.state.selection.main.head);
      },
      reveal(at) {
        const pos = inAt(view.state.doc, at);
        view.dispatch({
          selection: { anchor: pos, head: view.state.doc.lineAt(pos).to },
          effects: EditorView.scrollIntoView(pos, { y: "center" }),
        });
        view.focus();
      },
      setLang(lang) {
        const own = lang === "ja" ? EditorState.phrases.of(phrases) : [];
        view.dispatch({ effects: language.reconfigure(own) });
      },
      setMarks(marks) {
        const at = (place) => inAt(view.state.doc, place);
        const list = marks.map((m) => ({ ...m, from: at(m.from), to: at(Math.max(m.to, m.from)) }));
        view.dispatch(setDiagnostics(view.state, list));
      },
    };
  },
};

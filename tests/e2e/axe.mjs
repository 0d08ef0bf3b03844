// axe-core, run in a page.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./browser.mjs";

const axe = readFileSync(
  join(root, "tests", "tools", "node_modules", "axe-core", "axe.min.js"),
  "utf8",
);

/** What axe-core finds in the page: each rule with up to four elements that violate it. */
export async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(
      (v) =>
        `${v.id}: ${v.help}\n${v.nodes
          .slice(0, 4)
          .map(
            (n) => `    ${n.target.join(" ")}: ${n.failureSummary.split("\n").slice(1).join("; ")}`,
          )
          .join("\n")}`,
    );
  });
}

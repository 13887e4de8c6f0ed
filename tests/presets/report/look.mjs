// Opens pages in headless Chromium at 1280 and 400 pixels, light and dark, and on paper: every section is there, nothing is wider than the window, nothing is
// loaded from elsewhere, and axe finds no violation of impact serious or critical. Usage: look.mjs CHROMIUM OUT PAGE:SECTION,SECTION,...
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [chromium, out, ...pages] = process.argv.slice(2);
const problems = [];
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-gpu"] });
for (const item of pages) {
  const [file, sections] = item.split(":");
  const name = path.basename(file, ".html");
  for (const width of [1280, 400]) {
    for (const scheme of ["light", "dark"]) {
      const page = await browser.newPage();
      const say = (text) => problems.push(`${name} ${width} ${scheme}: ${text}`);
      page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) say(`loads ${request.url()}`); });
      page.on("console", (message) => { if (message.type() === "error") say(message.text()); });
      await page.setBypassCSP(true); // for axe alone: the page itself runs no script
      await page.setViewport({ width, height: 900, deviceScaleFactor: 1 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto("file://" + path.resolve(file));
      const found = await page.evaluate(() => ({
        sections: [...document.querySelectorAll("section")].map((s) => s.id),
        width: document.documentElement.scrollWidth,
        wide: [...document.querySelectorAll("body *")].filter((e) => !e.closest(".wide") && !e.closest("svg") && e.getBoundingClientRect().right > window.innerWidth + 1)
          .map((e) => `${e.tagName}.${e.className}`).slice(0, 5),
      }));
      if (found.sections.join(",") !== sections) say(`sections are ${found.sections}, expected ${sections}`);
      if (found.width > width || found.wide.length) say(`is ${found.width} pixels wide: ${found.wide}`);
      await page.evaluate(axe);
      const result = await page.evaluate(async () => (await axe.run(document)).violations.map((v) => [v.impact, v.id, v.nodes.length, v.nodes[0].html.slice(0, 160)]));
      for (const violation of result) if (["serious", "critical"].includes(violation[0])) say(`axe: ${violation.join(" ")}`);
      await page.screenshot({ path: `${out}/${name}-${width}-${scheme}.png`, fullPage: true });
      if (width === 1280 && scheme === "light") await page.pdf({ path: `${out}/${name}.pdf`, format: "A4" });
      await page.close();
    }
  }
}
await browser.close();
for (const problem of problems) console.error("report: " + problem);
console.log(`report: ${pages.length} pages looked at in 4 ways and on paper, ${problems.length} problems; pictures in ${out}`);
process.exit(problems.length ? 1 : 0);

/* Checks the pages of 08 in a browser; tests/upkeep/browse starts it. */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, chromium, pictures] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/`));
const playwright = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PATIENCE = 120000;  // milliseconds: a machine may be busy
const WIDTHS = [390, 1280, 1920];
const SCHEMES = ["light", "dark"];
const AXE = { light: 1280, dark: 390 };
let passed = 0;
const failures = [];

function check(name, found) {
  if (found.length === 0) {
    passed += 1;
  } else {
    failures.push(name);
    console.log(`FAILED ${name}`, ...found.map((text) => `\n    ${text}`));
  }
}

/* ------------------------------------------------------------ the server */

const log = [];
const server = spawn("08-http/server", ["-l", "-", "0"],
  { stdio: ["ignore", "pipe", "pipe"] });
server.stdout.on("data", (data) => {
  log.push(...data.toString().split("\n").filter((line) => line));
});
const origin = await new Promise((resolve, reject) => {
  let text = "";
  server.stderr.on("data", (data) => {
    text += data;
    const found = /listening on (\S+)/.exec(text);
    if (found) resolve(`http://${found[1]}`);
  });
  server.on("exit", () => reject(new Error(`the server: ${text}`)));
});

const browser = await playwright.chromium.launch({ executablePath: chromium,
  args: process.getuid() === 0 ? ["--no-sandbox"] : [] });

async function open(path, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 720 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.trouble = [];
  page.on("console", (message) => page.trouble.push(message.text()));
  page.on("pageerror", (error) => page.trouble.push(String(error)));
  page.on("requestfailed", (request) => page.trouble.push(
    `failed: ${request.url()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin))
      page.trouble.push(`leaves the machine: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400)
      page.trouble.push(`${response.status()}: ${response.url()}`);
  });
  await page.goto(`${origin}/${path}`, { waitUntil: "load" });
  return page;
}

const name = (url) => new URL(url).pathname.slice(1) || "index.html";

/* Boxes that may be scrolled sideways do not count; the page does. */
const sideways = (page) => page.evaluate(() => {
  const over = document.documentElement.scrollWidth - innerWidth;
  return over > 0 ? [`the page is ${over} px wider than the screen`] : [];
});

/* ------------------------------------------------------------- the checks */

const pages = new Map([["index.html", null]]);  // their ids and links

async function crawl() {
  for (const path of pages.keys()) {
    const page = await open(path);
    check(`${path}: loads, with an empty console`, page.trouble);
    const seen = await page.evaluate(() => ({
      ids: [...document.querySelectorAll("[id]")].map((part) => part.id),
      links: [...document.querySelectorAll("a[href], link[href]")].map(
        (link) => link.href),
    }));
    const twice = seen.ids.filter((id, place) =>
      seen.ids.indexOf(id) !== place);
    check(`${path}: no id twice`, twice);
    pages.set(path, seen);
    for (const link of seen.links)
      if (link.startsWith(origin) && name(link).endsWith(".html") &&
          !pages.has(name(link)))
        pages.set(name(link), null);
    await page.context().close();
  }
}

async function links() {
  const asked = new Map();
  for (const [path, { links }] of pages) {
    const lost = [];
    for (const link of new Set(links)) {
      const { hash } = new URL(link);
      if (!link.startsWith(origin)) {
        if (!link.startsWith("https://")) lost.push(link);
        continue;
      }
      const target = name(link);
      if (!asked.has(target))
        asked.set(target, (await fetch(`${origin}/${target}`)).status);
      if (asked.get(target) !== 200) lost.push(`${asked.get(target)} ${link}`);
      if (hash && !pages.get(target)?.ids.includes(hash.slice(1)))
        lost.push(`no such place: ${link}`);
    }
    check(`${path}: every link leads somewhere`, lost);
  }
}

/* axe looks at the small screen in dark, and at the large one in light. */
async function looks() {
  for (const path of pages.keys()) {
    for (const colorScheme of SCHEMES) {
      const page = await open(path, { colorScheme });
      for (const width of WIDTHS) {
        await page.setViewportSize({ width,
          height: width === 390 ? 844 : 1080 });
        check(`${path}: fits ${width} px, ${colorScheme}`,
          await sideways(page));
        if (width === AXE[colorScheme])
          check(`${path}: axe, ${width} px, ${colorScheme}`,
            await complaints(page));
        if (pictures)
          await page.screenshot({ fullPage: true, path:
            `${pictures}/${path}-${width}-${colorScheme}.png` });
      }
      await page.context().close();
    }
  }
}

async function complaints(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate("axe.run()");
  return violations.filter(
    (found) => ["serious", "critical"].includes(found.impact)).map(
    (found) => `${found.id}: ${found.help}: ${
      found.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
}

/* Steps to a screen as a teacher does. */
const to = async (page, number) => {
  for (let press = 0; press < 30; press += 1) {
    const there = await page.evaluate((place) => document.querySelectorAll(
      ".slide")[place].matches(".shown"), number);
    if (there) return;
    await page.keyboard.press("ArrowRight");
  }
};

async function projector() {
  for (const path of pages.keys()) {
    const page = await open(`${path}?projector`);
    const count = await page.evaluate(
      () => document.querySelectorAll(".slide").length);
    const found = [];
    for (let number = 0; number < count; number += 1) {
      await to(page, number);
      found.push(...await page.evaluate(() => {
        const slide = document.querySelector(".slide.shown");
        if (slide === null) return ["no slide is shown"];
        const chrome = [...document.querySelectorAll(
          "body > header, body > footer, .contents, .slide:not(.shown)")]
          .filter((part) => part.offsetParent !== null);
        const wide = [...slide.querySelectorAll(".scroll")].filter(
          (box) => box.scrollWidth > box.clientWidth + 1);
        const size = parseFloat(getComputedStyle(slide).fontSize);
        return [
          ...chrome.map((part) => `${slide.id}: ${part.tagName} is seen`),
          ...wide.map((box) => `${slide.id}: ${box.getAttribute(
            "aria-label")} is wider than the screen`),
          ...document.documentElement.scrollWidth > innerWidth ?
            [`${slide.id}: the page is wider than the screen`] : [],
          ...size < 16 ? [`${slide.id}: type of ${size} px`] : [],
          ...slide.matches(".hunk") && slide.offsetHeight > innerHeight ?
            [`${slide.id}: a hunk is higher than the screen`] : [],
        ];
      }));
      if (pictures)
        await page.screenshot({ path: `${pictures}/${path}-projector-${
          String(number).padStart(2, "0")}.png` });
    }
    check(`${path}: ${count} screens fit a projector of 1280x720`, found);
    await page.context().close();
  }
}

async function keys() {
  const page = await open("index.html");
  const walk = async (key) => {
    const seen = [name(page.url())];
    for (;;) {
      const more = await page.evaluate((kind) => document.querySelector(
        `link[rel="${kind}"]`) !== null,
      key === "ArrowRight" ? "next" : "prev");
      if (!more) return seen;
      const href = await page.evaluate((kind) => document.querySelector(
        `link[rel="${kind}"]`).href, key === "ArrowRight" ? "next" : "prev");
      await Promise.all([page.waitForURL(href), page.keyboard.press(key)]);
      seen.push(name(page.url()));
    }
  };
  const forth = await walk("ArrowRight");
  const back = await walk("ArrowLeft");
  check("the arrow keys walk through every page, forward and back", [
    ...[...pages.keys()].filter((path) => !forth.includes(path)).map(
      (path) => `${path} is left out`),
    ...forth.join() === back.reverse().join() ? [] : ["a different way back"],
  ]);
  await page.goto(`${origin}/02-bind.html`);
  await page.keyboard.press("p");
  const on = await page.evaluate(
    () => document.querySelector(".shown") !== null);
  const first = await page.evaluate(() => location.href);
  const last = () => page.evaluate(() => [...document.querySelectorAll(
    ".slide")].pop().matches(".shown") && scrollY + innerHeight + 8 >=
    document.documentElement.scrollHeight);
  while (!await last()) await page.keyboard.press("ArrowRight");
  await Promise.all([page.waitForURL(/03-listen/),
    page.keyboard.press("ArrowRight")]);
  await page.waitForFunction(() => document.querySelector(".shown") !== null);
  const next = page.url();
  await page.keyboard.press("Escape");
  const off = await page.evaluate(
    () => document.querySelector(".shown") === null);
  check("p turns the projector on, arrows walk through it, Escape ends it", [
    ...on && first.includes("?projector") ? [] : ["p does nothing"],
    ...next.includes("03-listen.html?projector") ? [] : [`ends at ${next}`],
    ...off ? [] : ["Escape does nothing"]]);
  check("the keys: an empty console", page.trouble);
  await page.context().close();
}

/* Waits until the server has logged nothing more for a moment. */
async function quiet() {
  for (let before = -1; before !== log.length;) {
    before = log.length;
    await new Promise((resolve) => { setTimeout(resolve, 300); });
  }
}

/* The browser requests a tab's icon at a time of its choice. */
async function reload() {
  for (const path of pages.keys()) {
    const page = await open(path);
    await quiet();
    const start = log.length;
    await page.reload({ waitUntil: "load" });
    await quiet();
    const lines = log.slice(start).map((line) => line.replace(
      /^.*?"(\S+ \S+)[^"]*" (\d+).*$/, "$2 $1")).filter(
      (line) => !line.endsWith("/favicon.ico"));
    check(`${path}: a reload brings 304 only`, [
      ...lines.length === 0 ? ["nothing was asked for"] : [],
      ...lines.filter((line) => !line.startsWith("304"))]);
    await page.context().close();
  }
}

async function plain() {
  for (const path of pages.keys()) {
    const page = await open(path, { javaScriptEnabled: false });
    const text = await page.innerText("main");
    check(`${path}: has its text without JavaScript`,
      text.length > 500 ? [] : [`${text.length} characters`]);
    await page.context().close();
  }
  const page = await open("04-accept.html");
  const paper = await page.pdf({ format: "A4" });
  check("04-accept.html: prints", paper.length > 10000 ? [] : ["no paper"]);
  if (pictures) {
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 794, height: 1123 });
    await page.screenshot({ fullPage: true,
      path: `${pictures}/04-accept.html-print.png` });
  }
  await page.context().close();
}

try {
  if (pictures) mkdirSync(pictures, { recursive: true });
  await crawl();
  await links();
  await keys();
  await reload();
  await plain();
  await looks();
  await projector();
} finally {
  await browser.close();
  server.removeAllListeners("exit");
  server.kill("SIGTERM");
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

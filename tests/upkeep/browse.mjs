/* Checks the pages of 08 in a browser; tests/upkeep/browse starts it. */

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";

const [modules, chromium, pictures] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/`));
const playwright = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PATIENCE = 120000;  // milliseconds: a machine may be busy
const LONGEST = 1800000;  // for all of it
const LARGEST = 200000;
const PROJECTOR = { width: 1280, height: 720 };
const PAPER = { width: 687, height: 1001 };  // what margins leave of A4
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

/* Ends in good order: exit handlers end the server and the browser. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => process.exit(2));
setTimeout(() => {
  console.log(`FAILED to end within ${LONGEST / 1000} seconds`);
  process.exit(1);
}, LONGEST).unref();

/* ------------------------------------------------------------ the server */

const log = [];
const server = spawn("08-http/server", ["-l", "-", "0"],
  { stdio: ["ignore", "pipe", "pipe"] });
process.on("exit", () => server.kill("SIGTERM"));
let rest = "";
server.stdout.on("data", (data) => {
  const lines = (rest + data).split("\n");
  rest = lines.pop();
  log.push(...lines);
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
  timeout: PATIENCE, handleSIGINT: false, handleSIGTERM: false,
  handleSIGHUP: false });

/* Opens a page in a context of its own, and so with an empty cache. */
async function open(path, options = {}) {
  const context = await browser.newContext(
    { viewport: PROJECTOR, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.trouble = [];
  page.asked = [];
  page.on("console", (message) => page.trouble.push(message.text()));
  page.on("pageerror", (error) => page.trouble.push(String(error)));
  page.on("requestfailed", (request) => page.trouble.push(
    `failed: ${request.url()}`));
  page.on("request", (request) => {
    if (request.url().startsWith(`${origin}/`))
      page.asked.push(new URL(request.url()).pathname);
    else
      page.trouble.push(`leaves the machine: ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400)
      page.trouble.push(`${response.status()}: ${response.url()}`);
  });
  await page.goto(`${origin}/${path}`);
  return page;
}

const name = (url) => new URL(url).pathname.slice(1) || "index.html";

/* Takes a picture: of the whole page, to be looked at. A screen of one
   colour makes a file of a few thousand bytes. */
async function picture(page, title, fullPage = true) {
  const data = await page.screenshot(pictures ?
    { fullPage, path: `${pictures}/${title}.png` } : {});
  return data.length > 15000 ? [] : [`${title}: ${data.length} bytes of PNG`];
}

/* Boxes that may be scrolled sideways do not count; the page does. */
const sideways = (page) => page.evaluate(() => {
  const over = document.documentElement.scrollWidth - innerWidth;
  return over > 0 ? [`the page is ${over} px wider than the screen`] : [];
});

async function complaints(page, options = {}) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((more) => window.axe.run(
    { resultTypes: ["violations"], ...more }), options);
  return violations.filter(
    (found) => ["serious", "critical"].includes(found.impact)).map(
    (found) => `${found.id}: ${found.help}: ${
      found.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
}

/* ------------------------------------------- one after another, then links */

const pages = new Map([["index.html", null]]);  // what each has

/* Follows the links from the first page. A reload requests everything that a
   page needs again, and the server's log shows the answers. The browser
   requests a tab's icon at a time of its choice. */
async function crawl() {
  for (const path of pages.keys()) {
    const page = await open(path);
    const seen = await page.evaluate(() => ({
      ids: [...document.querySelectorAll("[id]")].map((part) => part.id),
      links: [...document.querySelectorAll("a[href], link[href]")].map(
        (link) => link.href),
      stages: [...document.querySelectorAll("header nav a")].map(
        (link) => link.href),
      next: document.querySelector('link[rel="next"]') !== null,
      bytes: ["navigation", "resource"].flatMap((kind) => performance
        .getEntriesByType(kind)).map((entry) => entry.encodedBodySize)
        .reduce((sum, size) => sum + size),
    }));
    check(`${path}: at most ${LARGEST} bytes, with all it needs`,
      seen.bytes > LARGEST || seen.bytes < 5000 ? [`${seen.bytes}`] : []);
    check(`${path}: no id twice`, seen.ids.filter(
      (id, place) => seen.ids.indexOf(id) !== place));
    pages.set(path, seen);
    for (const link of seen.links)
      if (link.startsWith(`${origin}/`) && name(link).endsWith(".html") &&
          !pages.has(name(link)))
        pages.set(name(link), null);
    await answers(page);
    page.asked = [];
    await page.reload();
    const found = await answers(page);
    check(`${path}: a reload brings 304 only`, [
      ...found.length === 0 ? ["nothing was asked for"] : [],
      ...found.filter((line) => !line.startsWith("304"))]);
    check(`${path}: loads, with an empty console`, page.trouble);
    await page.context().close();
  }
}

/* Waits until all that a page has asked for is in the log. Returns it as
   "STATUS PATH", and empties the log. */
async function answers(page) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const lines = log.map((line) => line.replace(
      /^.*?"\S+ (\S+)[^"]*" (\d+).*$/, "$2 $1")).filter(
      (line) => !line.endsWith("/favicon.ico"));
    const lost = page.asked.filter((path) => !lines.some(
      (line) => line.endsWith(` ${path}`)));
    if (lost.length === 0 || Date.now() > deadline) {
      log.length = 0;
      return [...lines, ...lost.map((path) => `not in the log: ${path}`)];
    }
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

async function links() {
  const asked = new Map();
  for (const [path, { links }] of pages) {
    const lost = [];
    for (const link of new Set(links)) {
      const { hash } = new URL(link);
      if (!link.startsWith(`${origin}/`)) {
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

/* ------------------------------------------------- several pages at a time */

/* axe looks at the small screen in dark, and at the large one in light. */
async function looks(path) {
  const page = await open(path);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width,
        height: width === 390 ? 844 : 1080 });
      check(`${path}: fits ${width} px, ${colorScheme}`, await sideways(page));
      if (width === AXE[colorScheme]) {
        check(`${path}: axe, ${width} px, ${colorScheme}`,
          await complaints(page));
      }
      if (pictures || width === AXE[colorScheme])
        check(`${path}: a picture, ${width} px, ${colorScheme}`,
          await picture(page, `${path}-${width}-${colorScheme}`));
    }
  }
  await paper(path, page);
  check(`${path}: in all sizes, an empty console`, page.trouble);
  await page.context().close();
}

/* What is wider than the paper would be cut. */
async function paper(path, page) {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize(PAPER);
  const cut = await page.evaluate(() => [
    ...document.querySelectorAll("main .scroll, main")].filter(
    (box) => box.scrollWidth > box.clientWidth + 1).map((box) => `${
    box.getAttribute("aria-label") ?? "main"}: ${box.scrollWidth} px, ${
    box.clientWidth} on paper`));
  const back = await page.evaluate(
    () => getComputedStyle(document.body).backgroundColor);
  check(`${path}: prints, dark on white, nothing cut`, [...cut,
    ...back === "rgb(255, 255, 255)" ? [] : [`on ${back}`],
    ...await complaints(page, { runOnly: ["color-contrast"] })]);
  if (pictures)
    await page.pdf({ format: "A4", path: `${pictures}/${path}.pdf` });
}

async function plain(path) {
  const page = await open(path, { javaScriptEnabled: false });
  const text = await page.innerText("main");
  check(`${path}: has its text without JavaScript`,
    text.length > 500 ? [] : [`${text.length} characters`]);
  await page.context().close();
}

/* What is wrong with the screen that the projector shows. Runs in the page. */
function screen() {
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
    ...wide.map((box) => `${slide.id}: ${box.getAttribute("aria-label")
    } is wider than the screen`),
    ...document.documentElement.scrollWidth > innerWidth ?
      [`${slide.id}: the page is wider than the screen`] : [],
    ...size < 16 ? [`${slide.id}: type of ${size} px`] : [],
    ...slide.matches(".hunk") && slide.offsetHeight > innerHeight ?
      [`${slide.id}: a hunk is higher than the screen`] : [],
  ];
}

/* Walks to the next screen as the right arrow key does. Runs in the page, and
   returns false at its end. */
function onward() {
  const before = document.querySelector(".slide.shown");
  const last = [...document.querySelectorAll(".slide")].pop();
  for (let press = 0; press < 100; press += 1) {
    if (before === last && scrollY + innerHeight + 8 >=
        document.documentElement.scrollHeight) return false;
    dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
    if (document.querySelector(".slide.shown") !== before) return true;
  }
  return false;
}

async function projector(path) {
  const page = await open(`${path}?projector`);
  const found = [];
  let count = 0;
  do {
    found.push(...await page.evaluate(screen));
    if (pictures || count === 0)
      found.push(...await picture(page, `${path}-projector-${
        String(count).padStart(2, "0")}`, false));
    count += 1;
  } while (await page.evaluate(onward));
  const slides = await page.locator(".slide").count();
  if (count !== slides) found.push(`${count} screens of ${slides}`);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    found.push(...await complaints(page, { runOnly: ["color-contrast"] }));
  }
  check(`${path}: ${count} screens fit a projector of 1280x720`,
    [...found, ...page.trouble]);
  await page.context().close();
}

/* ------------------------------------------------------------ the keyboard */

async function keys() {
  const page = await open("index.html");
  const walk = async (key, kind) => {
    const seen = [name(page.url())];
    for (;;) {
      const href = await page.evaluate((rel) => document.querySelector(
        `link[rel="${rel}"]`)?.href, kind);
      if (!href) return seen;
      await Promise.all([page.waitForURL(href), page.keyboard.press(key)]);
      seen.push(name(page.url()));
    }
  };
  const forth = await walk("ArrowRight", "next");
  const back = await walk("ArrowLeft", "prev");
  const due = [...pages.keys()].filter((path) => pages.get(path).next).concat(
    pages.get("index.html").stages.map(name));
  check("the arrow keys walk the ladder, forward and back", [
    ...due.filter((path) => !forth.includes(path)).map(
      (path) => `${path} is left out`),
    ...forth.join() === back.reverse().join() ? [] : ["a different way back"],
  ]);
  await page.goto(`${origin}/02-bind.html`);
  const on = () => page.evaluate(
    () => document.querySelector(".shown") !== null);
  await page.keyboard.press("p");
  const begun = await on() && page.url().includes("?projector");
  for (let press = 0; press < 200 && name(page.url()) === "02-bind.html";
    press += 1)
    await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelector(".shown") !== null);
  const next = page.url();
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL(/02-bind.html\?projector#the-program/);
  await page.keyboard.press("5");
  await page.waitForURL(/05-recv-send.html\?projector/);
  await page.waitForFunction(() => document.querySelector(".shown") !== null);
  await page.keyboard.press("Escape");
  check("p turns the projector on, arrows walk through it, Escape ends it", [
    ...begun ? [] : ["p does nothing"],
    ...next.includes("03-listen.html?projector") ? [] : [`ends at ${next}`],
    ...await on() ? ["Escape does nothing"] : []]);
  await page.keyboard.press("8");
  await page.waitForURL(/08-http.html$/);
  check("the keys: an empty console", page.trouble);
  await page.context().close();
}

/* --------------------------------------------------------------- all of it */

/* Does the jobs, as many at a time as the machine has processors, up to 4. */
async function all(jobs) {
  const work = async () => {
    while (jobs.length) await jobs.shift()();
  };
  await Promise.all(Array.from(
    { length: Math.min(4, availableParallelism()) }, work));
}

async function timed(what, work) {
  const start = Date.now();
  await work();
  console.log(`${what}: ${Math.round((Date.now() - start) / 1000)} s`);
}

try {
  if (pictures) mkdirSync(pictures, { recursive: true });
  await timed("loading and links", async () => {
    await crawl();
    await links();
  });
  await timed("keys", keys);
  await timed("sizes, axe, paper", () => all([...pages.keys()].map(
    (path) => () => looks(path))));
  await timed("projector", () => all([...pages.keys()].flatMap(
    (path) => [() => projector(path), () => plain(path)])));
} finally {
  await browser.close();
  server.removeAllListeners("exit");
  server.kill("SIGTERM");
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

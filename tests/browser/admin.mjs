// Leads Chromium through the admin page: by keyboard, in both schemes, on a narrow screen, with the host away. Fails at the first thing
// that is not as it should be. Arguments: the browser, the page's URL, the key.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [program, url, key] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["overview", "plugins", "calls", "latencies", "denials", "tasks", "audit"];

// Its sandbox needs what many machines of CI do not give; the page is our own. The rest keeps it from calling home.
const browser = await chromium.launch({
  executablePath: program,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

/** A page in a browser of its own, which fails if it says anything on its console, or asks anybody but the host. */
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (line) => line.type() !== "log" && complaints.push(line.text()));
  page.on("request", (request) => request.url().startsWith(url) || complaints.push(`asked ${request.url()}`));
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

async function enter(page) {
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#tenants table");
}

/** Presses Tab until what has the focus is `wanted`: a selector. Each stop on the way can be seen to have it. */
async function tabTo(page, wanted) {
  for (let stops = 0; stops < 40; stops++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate((wanted) => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      const box = at.getBoundingClientRect();
      return {
        there: at.matches(wanted),
        what: at.outerHTML.slice(0, 100),
        outlined: at === document.body || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2),
        seen: at === document.body || (box.width > 0 && box.bottom > 0),
      };
    }, wanted);
    assert.ok(stop.outlined && stop.seen, `the focus cannot be seen: ${stop.what}`);
    if (stop.there) return;
  }
  assert.fail(`Tab does not lead to ${wanted}`);
}

/** Goes to a view by keyboard, as somebody would who sees nothing. */
async function go(page, view) {
  await tabTo(page, `nav a[href="#${view}"]`);
  await page.keyboard.press("Enter");
  await page.waitForFunction((view) => document.activeElement === document.querySelector(`#${view} h1`), view);
  await page.waitForSelector(`#${view} .scroll, #${view} .empty, #${view} details`);
}

async function checkAccess(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await window.axe.run(document)).violations.map((violation) =>
    `${violation.impact}: ${violation.help}: ${violation.nodes.map((node) => node.target.join(" ")).join(", ")}`));
  assert.deepEqual(found, [], `axe, ${where}`);
}

const text = (page, selector) => page.locator(selector).innerText();

/** All views, with what is known to have happened in them. */
async function walk(scheme) {
  const { page, complaints, close } = await open({ colorScheme: scheme });
  await checkAccess(page, `${scheme}, the door`);
  await page.keyboard.type("not-the-key-of-this-host");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("door-error").textContent);
  assert.match(await text(page, "#door-error"), /not the admin key/);
  assert.match(complaints.splice(0).join(), /401/);
  await enter(page);
  assert.equal(await page.evaluate(() => document.activeElement.id), "overview-title");
  assert.equal(new URL(page.url()).search, "", "the key is not in the address");
  const kept = await page.evaluate((key) => ({
    tab: sessionStorage.getItem("toolyard-admin-key") === key,
    elsewhere: document.cookie + JSON.stringify(localStorage),
  }), key);
  assert.deepEqual(kept, { tab: true, elsewhere: "{}" });

  const shows = {
    overview: [/default/, /Needs attention\s+Not served\s+default\s*broken\.wasm/],
    plugins: [/caller/, /1 optional grant missing/],
    calls: [/p_wait/],
    latencies: [/p_say/],
    denials: [/http GET http:\/\/127\.0\.0\.1:9\/private/, /wrong admin key/i],
    tasks: [/There are no tasks/],
    audit: [/No audit trail is configured/],
  };
  for (const view of VIEWS) {
    await page.evaluate(() => document.getElementById("skip").focus());
    await go(page, view);
    for (const expected of shows[view]) assert.match(await text(page, `#${view}`), expected, view);
    await checkAccess(page, `${scheme}, ${view}`);
  }
  await details(page);
  await checkAccess(page, `${scheme}, a plugin`);
  assert.deepEqual(complaints, []);
  await close();
}

/** What a plugin says of itself is shown, and is no more than text. */
async function details(page) {
  await page.evaluate(() => document.getElementById("skip").focus());
  await go(page, "plugins");
  await tabTo(page, "details:last-of-type summary");
  await page.keyboard.press("Enter");
  await page.waitForSelector("details[open] table");
  const shown = await text(page, "details[open]");
  for (const expected of [/p_slow/, /sha256:|[0-9a-f]{64}/, /to read orders/, /Not granted, optional/, /Not wished for/]) {
    assert.match(shown, expected);
  }
  assert.ok(shown.includes("<img src=x onerror=alert(1)>"), "it is shown as it was written");
  assert.equal(await page.locator("main img").count(), 0, "and made nothing");
}

/** It fits, whatever is shown. */
async function narrow() {
  const { page, complaints, close } = await open({ viewport: { width: 320, height: 640 } });
  await enter(page);
  for (const view of VIEWS) {
    await page.evaluate((view) => { location.hash = view; }, view);
    await page.waitForSelector(`#${view} .scroll, #${view} .empty, #${view} details`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(wide, 0, `${view} is wider than the screen`);
  }
  await page.evaluate(() => { location.hash = "plugins"; });
  await page.click("details:last-of-type summary");
  await page.waitForSelector("details[open] table");
  await checkAccess(page, "narrow");
  assert.deepEqual(complaints, []);
  await close();
}

/** The other colours, by hand, and kept. */
async function theme() {
  const { page, close } = await open({ colorScheme: "light" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await tabTo(page, "#theme");
  await page.keyboard.press("Space");
  assert.notEqual(await ground(), light);
  const dark = await ground();
  await page.reload();
  assert.equal(await ground(), dark);
  await close();
}

/** Updates come by themselves, can be stopped, and say so when they do not come. The page's clock is ours. */
async function updates() {
  const { page, complaints, close } = await open({});
  await page.clock.install();
  await page.reload();
  await page.waitForSelector("#door:not([hidden])");
  await enter(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const answered = page.waitForResponse(/tenants/);
  await page.clock.runFor(2_500);
  await answered;
  await page.waitForFunction(() => document.getElementById("updated").textContent.startsWith("Updated"));

  // Of somebody who listens, an update wants nothing.
  assert.deepEqual(await page.locator("[aria-live], [role=status], [role=alert]").allInnerTexts(), ["", "", ""]);
  const focused = await page.evaluate(() => document.activeElement.id);
  assert.equal(focused, "overview-title", "an update leaves the focus where it is");

  await page.focus("#pause");
  await page.keyboard.press("Space");
  assert.equal(await page.getAttribute("#pause", "aria-pressed"), "true");
  await page.waitForLoadState("networkidle");
  const before = asked.length;
  await page.clock.runFor(60_000);
  assert.equal(asked.length, before, "it asks although it is paused");

  await page.route("**/api/**", (route) => route.abort());
  await page.keyboard.press("Space");
  await page.waitForSelector("#trouble:not([hidden])");
  assert.match(await text(page, "#trouble"), /does not answer.*from before/);
  assert.match(await page.locator("#heard").textContent(), /does not answer/);
  assert.match(await text(page, "#tenants"), /default/);
  await checkAccess(page, "the host is away");
  await page.unroute("**/api/**");
  await page.clock.runFor(2_500);
  await page.waitForSelector("#trouble", { state: "hidden" });
  assert.match(await page.locator("#heard").textContent(), /answers again/);
  assert.ok(complaints.every((line) => line.includes("ERR_FAILED")), complaints.join());
  await close();
}

/** What the host can be told to do, by keyboard: the last of it ends the host. */
async function actions() {
  const { page, close } = await open({});
  await enter(page);
  await page.evaluate(() => document.getElementById("skip").focus());
  await tabTo(page, "#reload");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /read anew/.test(document.getElementById("said").textContent));
  await page.evaluate(() => document.getElementById("skip").focus());
  await tabTo(page, "#drain");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  await checkAccess(page, "the question");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "hidden" });
  assert.equal(await text(page, "#state"), "Ready");
  assert.equal(await page.evaluate(() => document.activeElement.id), "drain", "the focus goes back to where it was");
  await page.keyboard.press("Enter");
  await tabTo(page, "#drain-yes");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.getElementById("state").textContent === "Draining");
  await close();
}

try {
  for (const scheme of ["light", "dark"]) await walk(scheme);
  await narrow();
  await theme();
  await updates();
  await actions();
  console.log("all is well");
} finally {
  await browser.close();
}

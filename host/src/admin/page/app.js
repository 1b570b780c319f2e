// The page: the key, which view is shown, and when it is asked for anew.

import { hostClock, setText } from "./draw.js";
import { VIEWS } from "./views.js";

const KEY = "toolyard-admin-key";
const THEME = "toolyard-theme";
const EVERY_MS = 2_000;
/** An answer that takes longer is given up, and asked for again. */
const ANSWER_MS_MAX = 10_000;

const byId = (id) => document.getElementById(id);
let paused = false;
let timer;
/** Counts what was asked, so that an answer that was overtaken is not shown. */
let turn = 0;
let wasWell = true;

class KeyRefused extends Error {}

/** Asks the API. Errors are sentences for the operator. */
async function api(path, options = {}) {
  let reply;
  try {
    reply = await fetch(`api/v1/${path}`, {
      ...options,
      cache: "no-store",
      credentials: "omit",
      headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` },
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
  } catch {
    throw new Error("The host does not answer. It may have ended, or the way to it is cut; this page goes on asking.");
  }
  const answer = await reply.json().catch(() => ({}));
  if (reply.status === 401) throw new KeyRefused(answer.error ?? "The key is not the host's.");
  if (!reply.ok) throw new Error(answer.error ?? `The host answered with status ${reply.status}.`);
  return answer;
}

const viewName = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "overview");

/** Asks for the view that is shown, shows it, and asks again later. */
async function update() {
  clearTimeout(timer);
  const mine = ++turn;
  const view = VIEWS[viewName()];
  try {
    const [answer, host] = await Promise.all([view.ask(api), api("host")]);
    if (mine !== turn) return;
    hostClock(host.now_ms);
    view.show(answer);
    view.shown = true;
    well(host);
  } catch (error) {
    if (mine !== turn) return;
    if (error instanceof KeyRefused) return lockedOut(error.message);
    unwell(error.message, view.shown);
  }
  if (!paused && !document.hidden) timer = setTimeout(update, EVERY_MS);
}

function well(host) {
  setText(byId("version"), host.version);
  const state = byId("state");
  state.hidden = false;
  state.className = `state badge ${host.ready ? "good" : "warn"}`;
  setText(state, host.ready ? "Ready" : "Draining");
  byId("drain").disabled = !host.ready;
  setText(byId("updated"), paused ? "" : `Updated ${new Date().toLocaleTimeString("en-GB")}`);
  byId("trouble").hidden = true;
  if (!wasWell) byId("heard").textContent = "The host answers again.";
  wasWell = true;
}

function unwell(reason, shown) {
  const trouble = byId("trouble");
  trouble.hidden = false;
  setText(trouble, shown ? `${reason} What is shown below is from before.` : reason);
  const state = byId("state");
  state.hidden = false;
  state.className = "state badge bad";
  setText(state, "No answer");
  if (wasWell) byId("heard").textContent = reason;
  wasWell = false;
}

/** Says something once, to eyes and ears. */
function say(text) {
  const said = byId("said");
  said.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.textContent = ""; }, 6_000);
}

/** Shows the view that the address names. */
function navigate(byHand) {
  const name = viewName();
  for (const view of document.querySelectorAll("section.view")) view.hidden = view.id !== name;
  for (const link of document.querySelectorAll("#nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = document.querySelector(`#${name} h1`);
  document.title = `${title.textContent} · Toolyard admin`;
  // Where somebody went there, reading goes on there. The browser has scrolled to the section by now, past the links to the others.
  if (byHand) {
    title.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  update();
}

function letIn() {
  byId("door").hidden = true;
  byId("nav").hidden = byId("actions").hidden = false;
  navigate(false);
}

function lockedOut(reason = "") {
  clearTimeout(timer);
  turn++;
  sessionStorage.removeItem(KEY);
  for (const part of document.querySelectorAll("section.view, #nav, #actions, #trouble, #state")) part.hidden = true;
  byId("door").hidden = false;
  document.title = "Toolyard admin";
  setText(byId("door-error"), reason);
  byId("key").value = "";
  byId("key").focus();
}

/** Does something that changes the host, and says how that went. */
async function act(button, path, done) {
  button.disabled = true;
  try {
    const answer = await api(path, { method: "POST" });
    say(answer.said ?? done);
  } catch (error) {
    if (error instanceof KeyRefused) lockedOut(error.message);
    else say(error.message);
  } finally {
    button.disabled = false;
    update();
  }
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const label = () => setText(byId("theme"), isDark() ? "Light colours" : "Dark colours");
  const chosen = localStorage.getItem(THEME);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  label();
  dark.addEventListener("change", label);
  byId("theme").addEventListener("click", () => {
    const wanted = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = wanted;
    localStorage.setItem(THEME, wanted);
    label();
  });
}

function pause() {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  setText(byId("updated"), paused ? "Paused" : "");
  clearTimeout(timer);
  if (!paused) update();
}

theme();
byId("skip").addEventListener("click", (event) => {
  // The address names the view; it stays as it is.
  event.preventDefault();
  byId("content").focus();
});
byId("door-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("key").value.trim());
  setText(byId("door-error"), "");
  try {
    await api("host");
    letIn();
    byId("overview-title").focus();
  } catch (error) {
    lockedOut(error.message);
  }
});
byId("pause").addEventListener("click", pause);
byId("leave").addEventListener("click", () => lockedOut());
byId("reload").addEventListener("click", () => act(byId("reload"), "reload", "The configuration and the plugins were read again."));
byId("drain").addEventListener("click", () => byId("drain-dialog").showModal());
byId("drain-no").addEventListener("click", () => byId("drain-dialog").close());
byId("drain-yes").addEventListener("click", () => {
  byId("drain-dialog").close();
  act(byId("drain"), "drain", "The host drains.");
});
for (const field of document.querySelectorAll(".filters select, .filters input")) field.addEventListener("input", update);
for (const form of document.querySelectorAll(".filters")) form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => navigate(true));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !paused && sessionStorage.getItem(KEY)) update();
});

if (sessionStorage.getItem(KEY)) letIn();
else lockedOut();

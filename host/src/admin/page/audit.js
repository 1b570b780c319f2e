// The end of the audit trail: one line for each record, all of it below.

import { count, element, keep, nothing, setText } from "./draw.js";

const byId = (id) => document.getElementById(id);

/** Where something is looked for, it is looked for among all that the host keeps. */
const LOOKED_THROUGH = 1_000;
const SHOWN_MAX = 100;

/** What came of a call, in words. */
const OUTCOMES = {
  answered: ["Answered", "plain"],
  tool_error: ["Tool error", "warn"],
  fault: ["Fault", "bad"],
  asked: ["Asked", "plain"],
  task: ["Task", "plain"],
  dropped: ["Dropped", "warn"],
};

const CHANGES = { refused: "bad", held: "warn" };

const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** What came of it, and how bad that is. */
function verdict({ kind, outcome, change }) {
  if (kind === "call") return OUTCOMES[outcome] ?? [outcome, "plain"];
  if (kind === "refused") return ["Refused", "bad"];
  if (change) return [capital(change), CHANGES[change] ?? "plain"];
  return [capital(kind ?? "record"), ["torn", "cut", "missing"].includes(kind) ? "bad" : "plain"];
}

/** What it was about, and why. */
function about(record) {
  const { kind, name, method, plugin, what, reason, status } = record;
  const subject = kind === "plugin" ? `plugin ${plugin}` : kind === "changed" ? [what, name].filter(Boolean).join(" ") : name || method || "";
  const why = status ? `${reason} (${status})` : reason ?? "";
  return [subject, why];
}

const whose = ({ tenant, subject }) => [tenant, subject].filter(Boolean).join(" · ");

function cost({ duration_us: us, effects }) {
  const parts = [];
  if (us !== undefined) parts.push(us < 10_000 ? `${count(us)} µs` : us < 10_000_000 ? `${count(us / 1_000)} ms` : `${count(us / 1_000_000)} s`);
  if (effects?.length) parts.push(`${effects.length} ${effects.length === 1 ? "effect" : "effects"}`);
  return parts.join(", ");
}

function fits({ record }) {
  const what = byId("audit-what").value;
  const text = byId("audit-text").value.trim().toLowerCase();
  const wrong = verdict(record)[1] !== "plain";
  if (what === "wrong" && !wrong) return false;
  if (what === "changes" && !["plugin", "changed"].includes(record.kind)) return false;
  return !text || [...about(record), whose(record)].some((part) => part.toLowerCase().includes(text));
}

function clock(time) {
  const at = new Date(time);
  const day = at.toDateString() === new Date().toDateString() ? "" : `${at.toLocaleDateString("en-CA")} `;
  return `${day}${at.toLocaleTimeString("en-GB")}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

const made = () => element("details", {},
  element("summary", {}, ...["quiet at", "badge", "name", "quiet who", "quiet cost"].map((kind) => element("span", { class: kind }))),
  element("div", { class: "inside" }, element("pre")));

function shown(line, { record }) {
  const [at, badge, name, who, took] = line.firstElementChild.children;
  const [said, tone] = verdict(record);
  setText(at, clock(record.time));
  badge.className = `badge ${tone}`;
  setText(badge, said);
  const [subject, why] = about(record);
  setText(name, [subject, why].filter(Boolean).join(": "));
  setText(who, whose(record));
  setText(took, cost(record));
  setText(line.querySelector("pre"), JSON.stringify(record, null, 2));
}

function show({ configured, records }) {
  const parent = byId("audit-list");
  byId("audit-filters").hidden = !configured;
  // Somebody reads: what is new would push it away. But who asks for something else is shown that.
  const isOpen = !changed() && parent.querySelector("details[open]") !== null;
  byId("audit-held").hidden = !isOpen;
  if (isOpen) return;
  if (!configured) {
    return nothing(parent, ["No audit trail is configured.", "Give [audit] a file in the configuration, and each call leaves a record."]);
  }
  if (records.length === 0) return nothing(parent, ["The audit trail has no record yet.", "Each call leaves one."]);
  const fitting = records.filter(fits).slice(0, SHOWN_MAX);
  if (fitting.length === 0) return nothing(parent, [`None of the last ${count(records.length)} records fits.`, "`toolyard audit query` looks through all."]);
  let list = parent.querySelector(":scope > .log");
  if (!list) parent.replaceChildren((list = element("div", { class: "log" })));
  keep(list, fitting, (one) => String(one.key), made, shown);
}

/** Whether something else is looked for than last time. */
let asked = "";
function changed() {
  const now = `${byId("audit-what").value}\u0000${byId("audit-text").value}`;
  const differs = now !== asked;
  asked = now;
  return differs;
}

export const AUDIT = {
  ask: (ask) => ask(`audit?limit=${byId("audit-what").value || byId("audit-text").value ? LOOKED_THROUGH : SHOWN_MAX}`),
  show,
};

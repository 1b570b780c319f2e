// The views: which part of the API each asks, and what it shows of the answer.

import { AUDIT } from "./audit.js";
import { ago, caption, count, element, keep, moment, nothing, plural, setText, share, span, table, tiles } from "./draw.js";
import { KINDS, OVERVIEW, fails } from "./overview.js";

const byId = (id) => document.getElementById(id);
const named = (...parts) => parts.join("\u0000");

const tenant = { label: "Tenant", of: (row) => row.tenant };
const plugin = { label: "Plugin", of: (row) => row.plugin };

function plugins({ plugins: list, left_off: leftOff, tenants }) {
  const select = byId("plugin-tenant");
  keep(select, ["", ...tenants], (name) => name, () => element("option"), (option, name) => {
    option.value = name;
    setText(option, name || "All tenants");
  });
  const parent = byId("plugin-list");
  if (list.length === 0) {
    const filtered = select.value || byId("plugin-text").value;
    return nothing(parent, filtered ? ["No plugin fits.", "Clear the filters to see all."]
      : ["No plugin is loaded.", "Copy a component (NAME.wasm) into the tenant's plugin folder; it is served a moment later."]);
  }
  parent.querySelector(":scope > .empty")?.remove();
  const said = leftOff ? [{ tenant: "", name: "", more: leftOff }] : [];
  keep(parent, [...list, ...said], (one) => named(one.tenant, one.name), pluginMade, pluginShown);
}

function pluginMade(one) {
  if (one.more) return element("p", { class: "quiet" });
  return element("details", { class: "plugin" },
    element("summary", {}, ...["name", "quiet", "quiet", "quiet code", "badge"].map((kind) => element("span", { class: kind }))),
    element("div", { class: "inside" },
      element("dl", { class: "facts" }),
      element("h2", {}, "Tools"), element("div"),
      element("h2", {}, "Wishes and grants"), element("div")));
}

function pluginShown(shown, one) {
  if (one.more) return setText(shown, `${plural(one.more, "more plugin")} not shown: choose a tenant, or part of a name.`);
  const [name, of, tools, digest, badge] = shown.firstElementChild.children;
  setText(name, one.name);
  setText(of, one.tenant);
  setText(tools, plural(one.tools.length, "tool"));
  setText(digest, one.digest.replace("sha256:", "").slice(0, 12));
  const unmet = one.wishes.filter((wish) => !wish.granted);
  const needed = unmet.filter((wish) => !wish.optional).length;
  const [tone, said] = needed ? ["bad", `${plural(needed, "needed grant")} missing`]
    : unmet.length ? ["warn", `${plural(unmet.length, "optional grant")} missing`] : ["good", "Has what it wishes for"];
  badge.className = `badge ${one.wishes.length ? tone : "plain"}`;
  setText(badge, one.wishes.length ? said : "Wishes for nothing");
  const [facts, , toolsAt, , grantsAt] = shown.lastElementChild.children;
  keep(facts, [["Digest", one.digest]].flatMap(([term, value]) => [[`${term}:`, "dt", term], [`${term}=`, "dd", value]]),
    ([key]) => key, ([, kind]) => element(kind), (node, [, , text]) => setText(node, text));
  toolTable(toolsAt, one);
  grantTable(grantsAt, one);
}

function toolTable(parent, one) {
  table(parent, {
    caption: `Tools of ${one.name}, by the names that clients use.`,
    key: (row) => row.name,
    rows: one.tools,
    empty: ["It offers no tools.", "It may offer prompts or resources."],
    columns: [
      { label: "Tool", head: true, of: (row) => ({ text: row.name, code: true }) },
      { label: "Title", of: (row) => row.title },
      { label: "Says of itself", of: (row) => row.hints.join(", ") },
      { label: "Becomes a task", of: (row) => row.task },
    ],
  });
}

function grantTable(parent, one) {
  const asked = one.wishes.map((wish) => ({ what: wish.what, why: wish.why,
    state: wish.granted ? { text: "Granted", tone: "good" }
      : wish.optional ? { text: "Not granted, optional", tone: "warn" } : { text: "Not granted, needed", tone: "bad" } }));
  const given = one.grants.map(({ what, wished }) => ({ what, given: true,
    state: wished ? { text: "Wished for", tone: "plain" } : { text: "Not wished for", tone: "warn" } }));
  table(parent, {
    caption: "What the plugin wishes for, and what the operator grants it.",
    key: (row) => named(row.given ? "grant" : "wish", row.what),
    rows: [...asked, ...given],
    empty: ["It wishes for nothing and is granted nothing.", "It can compute, and touch nothing."],
    columns: [
      { label: "What", head: true, of: (row) => ({ text: row.what, code: true }) },
      { label: "From", of: (row) => row.given ? "Grant" : "Wish" },
      { label: "State", of: (row) => row.state },
      { label: "Why, in the plugin's words", of: (row) => row.why },
    ],
  });
}

function calls({ calls: list, left_off: leftOff }) {
  table(byId("call-list"), {
    caption: caption(`${plural(list.length, "call")}, the longest running first`, leftOff, "they began later"),
    key: (row) => named(row.tenant, row.tool, row.id),
    rows: list,
    empty: ["No call is in flight.", "Calls show here while they wait for a place and while they run."],
    columns: [
      { label: "Tool", head: true, of: (row) => ({ text: row.tool, code: true }) },
      plugin,
      tenant,
      { label: "Caller", of: (row) => ({ text: row.subject, code: true }) },
      { label: "Since", of: (row) => moment(row.since_ms) },
      { label: "For", number: true, of: (row) => span(row.for_us) },
    ],
  });
}

function latencies({ tools, left_off: leftOff, window_s: window }) {
  const order = byId("latency-order").value;
  tools.sort((a, b) => (b[order] ?? -1) - (a[order] ?? -1));
  table(byId("latency-list"), {
    caption: caption(`Calls of the last ${count(window / 60)} to ${count(window / 30)} minutes: half of them took p50 or less, 99 of 100 took p99 or less`,
      leftOff, "they are called least"),
    order,
    key: (row) => named(row.tenant, row.plugin, row.tool),
    rows: tools,
    empty: ["Nothing was called yet.", "Each tool shows here after its first call."],
    columns: [
      { label: "Tool", head: true, of: (row) => ({ text: row.tool, code: true }) },
      plugin,
      tenant,
      { label: "p50", number: true, of: (row) => span(row.p50_us) },
      { label: "p99", number: true, order: "p99_us", of: (row) => span(row.p99_us) },
      { label: "1 µs to 1 min", wide: true, of: (row) => ({ bar: row.recent ? [onScale(row.p50_us), onScale(row.p99_us)] : null }) },
      { label: "Calls", number: true, order: "recent", of: (row) => count(row.recent) },
      { label: "Failed", number: true, order: "recent_failed", of: failedOf },
      { label: "Since start", number: true, wide: true, of: (row) => count(row.calls) },
    ],
  });
}

/** Where a span of microseconds is between 1 µs and a minute, each step to the right being so many times longer. */
const onScale = (us) => Math.min(1, Math.max(0, Math.log10(us || 1) / Math.log10(60_000_000)));

/** How many failed, with the share where there is one. */
function failedOf(row) {
  if (!row.recent_failed) return "0";
  return { text: `${count(row.recent_failed)} (${share(row.recent_failed, row.recent)})`, tone: fails(row) ? "bad" : undefined };
}

function denials({ denials: list }) {
  const kind = byId("denial-kind").value;
  table(byId("denial-list"), {
    caption: "The last refusals, the newest first; the same one again is counted.",
    key: (row) => String(row.id),
    rows: kind ? list.filter((row) => row.kind === kind) : list,
    empty: kind && list.length ? ["Nothing of that kind was refused.", "Choose “Anything” to see the rest."]
      : ["Nothing was refused.", "Calls that sign-in or policy refuse, and what plugins try without a grant, show here."],
    columns: [
      { label: "What was refused", head: true, of: (row) => row.what },
      { label: "By", of: (row) => KINDS[row.kind] ?? row.kind },
      tenant,
      { label: "Plugin or tool", of: (row) => row.on },
      { label: "Caller", of: (row) => ({ text: row.subject, code: true }) },
      { label: "Times", number: true, of: (row) => count(row.times) },
      { label: "First", of: (row) => moment(row.first_ms) },
      { label: "Last", of: (row) => ago(row.last_ms) },
    ],
  });
}

const STATES = {
  working: { text: "Working", tone: "plain" },
  input_required: { text: "Waits for input", tone: "warn" },
  completed: { text: "Completed", tone: "good" },
  failed: { text: "Failed", tone: "bad" },
  cancelled: { text: "Cancelled", tone: "plain" },
};

function tasks({ open, ended, newest, more_open: moreOpen }) {
  const at = moreOpen ? "+" : "";
  tiles(byId("task-tiles"), [
    ["Working", count(open.working) + at],
    ["Waiting for input", count(open.input_required) + at, open.input_required ? "warn" : undefined],
    ["Completed here", count(ended.completed)],
    ["Failed here", count(ended.failed), ended.failed ? "bad" : undefined],
    ["Cancelled here", count(ended.cancelled)],
  ]);
  table(byId("task-list"), {
    caption: "The newest tasks: those that are open on any host, and those that this host saw end.",
    key: (row) => row.id,
    rows: newest,
    empty: ["There are no tasks.", "A call becomes one when it takes long and its client knows tasks."],
    columns: [
      { label: "Task", head: true, of: (row) => ({ text: row.id, code: true }) },
      { label: "State", of: (row) => STATES[row.state] ?? row.state },
      { label: "What", of: (row) => ({ text: row.what, code: true }) },
      tenant,
      { label: "Caller", of: (row) => ({ text: row.subject, code: true }) },
      { label: "Attempts", number: true, of: (row) => count(row.attempts) },
      { label: "Says", of: (row) => row.message },
      { label: "Created", of: (row) => moment(row.created_ms) },
      { label: "Changed", of: (row) => ago(row.updated_ms) },
    ],
  });
}

/** By name: what it asks, and how it shows the answer. */
export const VIEWS = {
  overview: OVERVIEW,
  plugins: {
    ask: (ask) => ask(`plugins?${new URLSearchParams({ tenant: byId("plugin-tenant").value, name: byId("plugin-text").value })}`),
    show: plugins,
  },
  calls: { ask: (ask) => ask("calls"), show: calls },
  latencies: { ask: (ask) => ask("latencies"), show: latencies },
  denials: { ask: (ask) => ask("denials"), show: denials },
  tasks: { ask: (ask) => ask("tasks"), show: tasks },
  audit: AUDIT,
};

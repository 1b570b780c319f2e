// The views: which part of the API each asks, and what it shows of the answer.

import { count, element, keep, moment, nothing, setText, span, table, tiles } from "./draw.js";

const byId = (id) => document.getElementById(id);
const named = (...parts) => parts.join("\u0000");
const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** What a table says of what is not in it. */
function caption(said, leftOff, how) {
  return leftOff ? `${said}. ${plural(leftOff, "more")} not shown: ${how}.` : `${said}.`;
}

const tenant = { label: "Tenant", of: (row) => row.tenant };
const plugin = { label: "Plugin", of: (row) => row.plugin };

function overview({ host, tenants }) {
  tiles(byId("tiles"), [
    ["Tenants", count(host.tenants)],
    ["Plugins serving", count(host.plugins)],
    ["Tools", count(host.tools)],
    ["Calls in flight", `${count(host.calls_in_flight)} of ${count(host.calls_max)}`],
    ["Files not served", count(host.refused)],
    ["Denials listed", count(host.denials)],
  ]);
  table(byId("tenants"), {
    caption: caption("Tenants, and what was called since the host started", tenants.left_off, "the API takes ?limit="),
    key: (row) => row.tenant,
    rows: tenants.tenants,
    empty: ["There is no tenant.", "A host has at least the tenant “default”; look at the log."],
    columns: [
      { ...tenant, head: true },
      { label: "Plugins", number: true, of: (row) => count(row.plugins) },
      { label: "Tools", number: true, of: (row) => count(row.tools) },
      { label: "In flight", number: true, of: (row) => count(row.in_flight) },
      { label: "Calls", number: true, of: (row) => count(row.calls) },
      { label: "Failed", number: true, of: (row) => count(row.failed) },
      { label: "State", of: (row) => row.refused ? { text: `${plural(row.refused, "file")} not served`, tone: "bad" }
        : row.plugins ? { text: "Serving", tone: "good" } : { text: "No plugins", tone: "plain" } },
    ],
  });
}

function refused(list) {
  const parent = byId("refused");
  if (list.length === 0) return parent.replaceChildren();
  table(parent, {
    caption: "Files that are not served, or not in the version they now hold. Mend the file and put it back; it is looked at at once.",
    key: (row) => named(row.tenant, row.file),
    rows: list,
    columns: [{ label: "File", head: true, of: (row) => ({ text: row.file, code: true }) }, tenant, { label: "Why", of: (row) => row.reason }],
  });
}

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
    element("summary", {}, ...["name", "quiet", "quiet", "badge"].map((kind) => element("span", { class: kind }))),
    element("div", { class: "inside" },
      element("dl", { class: "facts" }),
      element("h2", {}, "Tools"), element("div"),
      element("h2", {}, "Grants against wishes"), element("div")));
}

function pluginShown(shown, one) {
  if (one.more) return setText(shown, `${plural(one.more, "more plugin")} not shown: choose a tenant, or part of a name.`);
  const [name, of, tools, badge] = shown.firstElementChild.children;
  setText(name, one.name);
  setText(of, one.tenant);
  setText(tools, plural(one.tools.length, "tool"));
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
    caption: caption(`p50 and p99 of the last ${count(window / 60)} to ${count(window / 30)} minutes; calls and failures since the host started`,
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
      { label: "Lately", number: true, order: "recent", of: (row) => count(row.recent) },
      { label: "Calls", number: true, of: (row) => count(row.calls) },
      { label: "Failed", number: true, order: "failed", of: (row) => count(row.failed) },
    ],
  });
}

const KINDS = {
  auth: { text: "Sign-in", tone: "bad" },
  policy: { text: "Policy", tone: "warn" },
  grant: { text: "Grant", tone: "warn" },
  limit: { text: "Limit", tone: "plain" },
};

function denials({ denials: list }) {
  table(byId("denial-list"), {
    caption: "The last refusals, newest first; the same one again is counted.",
    key: (row) => String(row.id),
    rows: list,
    empty: ["Nothing was refused.", "Calls that sign-in or policy refuse, and what plugins try without a grant, show here."],
    columns: [
      { label: "What was refused", head: true, of: (row) => row.what },
      { label: "By", of: (row) => KINDS[row.kind] ?? row.kind },
      tenant,
      { label: "Plugin or tool", of: (row) => row.on },
      { label: "Caller", of: (row) => ({ text: row.subject, code: true }) },
      { label: "Times", number: true, of: (row) => count(row.times) },
      { label: "Last", of: (row) => moment(row.last_ms) },
    ],
  });
}

const STATES = {
  working: { text: "Working", tone: "plain" },
  input_required: { text: "Waits for its caller", tone: "warn" },
  completed: { text: "Completed", tone: "good" },
  failed: { text: "Failed", tone: "bad" },
  cancelled: { text: "Cancelled", tone: "plain" },
};

function tasks({ open, ended, newest, more_open: moreOpen }) {
  const at = moreOpen ? "+" : "";
  tiles(byId("task-tiles"), [
    ["Working", count(open.working) + at],
    ["Waiting for their caller", count(open.input_required) + at],
    ["Completed here", count(ended.completed)],
    ["Failed here", count(ended.failed)],
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
      { label: "Changed", of: (row) => moment(row.updated_ms) },
    ],
  });
}

function audit({ configured, records }) {
  const parent = byId("audit-list");
  if (!configured) {
    return nothing(parent, ["No audit trail is configured.", "Give [audit] a file in the configuration, and each call leaves a record."]);
  }
  if (records.length === 0) return nothing(parent, ["The audit trail has no record yet.", "Each call leaves one."]);
  parent.querySelector(":scope > .empty")?.remove();
  const make = () => element("details", { class: "plugin record" },
    element("summary", {}, element("span", { class: "name" }), element("span", { class: "quiet" })),
    element("div", { class: "inside" }, element("pre")));
  keep(parent, records, (one) => String(one.key), make, (shown, one) => {
    setText(shown.firstElementChild.children[0], one.title);
    setText(shown.firstElementChild.children[1], one.summary);
    setText(shown.querySelector("pre"), JSON.stringify(one.record, null, 2));
  });
}

const everything = async (ask) => {
  const [host, tenants, files] = await Promise.all([ask("host"), ask("tenants"), ask("refused")]);
  return { host, tenants, files };
};

/** By name: what it asks, and how it shows the answer. */
export const VIEWS = {
  overview: {
    ask: everything,
    show: (answer) => {
      overview(answer);
      refused(answer.files.refused);
    },
  },
  plugins: {
    ask: (ask) => ask(`plugins?${new URLSearchParams({ tenant: byId("plugin-tenant").value, name: byId("plugin-text").value })}`),
    show: plugins,
  },
  calls: { ask: (ask) => ask("calls"), show: calls },
  latencies: { ask: (ask) => ask("latencies"), show: latencies },
  denials: { ask: (ask) => ask("denials"), show: denials },
  tasks: { ask: (ask) => ask("tasks"), show: tasks },
  audit: { ask: (ask) => ask("audit"), show: audit },
};

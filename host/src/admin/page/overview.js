// The overview: what needs attention first, then how much there is of everything.

import { ago, caption, count, element, keep, moment, plural, setProse, setText, share, since, span, table, tiles } from "./draw.js";

const byId = (id) => document.getElementById(id);

/** What was refused longer ago does not need attention now. */
const LATELY_MS = 10 * 60_000;
/** A tool that failed once is none that fails; one that fails a quarter of the time is. */
const CALLS_MIN = 5;
const FAILED_SHARE = 0.25;
/** Of one kind of trouble; what is beyond is counted. */
const ALIKE_MAX = 4;

/** What may refuse, as it is called. */
export const KINDS = {
  auth: { text: "Sign-in", tone: "bad" },
  policy: { text: "Policy", tone: "warn" },
  grant: { text: "Grant", tone: "warn" },
  limit: { text: "Limit", tone: "plain" },
};

/** Whether a tool, or all of a tenant's, can be said to fail. */
export const fails = (row) => row.recent >= CALLS_MIN && row.recent_failed >= row.recent * FAILED_SHARE;

/** What the operator should look at, the worst first. */
function troubles({ host, refused, tools, denials }) {
  const found = [];
  if (!host.ready) found.push({ key: "drain", tone: "warn", badge: "Draining", what: "This host takes no new connections, and ends when its calls have ended." });
  const files = refused.map((one) => ({
    key: `file ${one.tenant} ${one.file}`,
    tone: one.held ? "warn" : "bad",
    badge: one.held ? "Held back" : "Not served",
    tenant: one.tenant,
    code: one.file,
    what: one.reason,
  }));
  found.push(...few(files.filter((one) => one.tone === "bad"), "files that are not served"));
  const failing = tools.filter(fails).sort((a, b) => b.recent_failed - a.recent_failed);
  found.push(...few(failing.map((row) => ({
    key: `tool ${row.tenant} ${row.plugin} ${row.tool}`,
    tone: "bad",
    badge: "Failing",
    tenant: row.tenant,
    code: row.tool,
    what: `${count(row.recent_failed)} of ${plural(row.recent, "recent call")} failed`,
    view: "latencies",
  })), "tools that fail", "latencies"));
  found.push(...few(files.filter((one) => one.tone === "warn"), "changes that are held back"));
  found.push(...few(refusals(denials), "refusals", "denials"));
  return found;
}

/** The refusals of the last minutes; those that differ in their caller alone are one. */
function refusals(denials) {
  const alike = new Map();
  for (const one of denials) {
    if (since(one.last_ms) > LATELY_MS) continue;
    const key = `denial ${one.kind} ${one.tenant ?? ""} ${one.on ?? ""} ${one.what}`;
    const known = alike.get(key);
    const first_ms = Math.min(one.first_ms, known?.first_ms ?? Infinity);
    alike.set(key, { ...(known ?? one), key, first_ms, times: one.times + (known?.times ?? 0) });
  }
  return [...alike.values()].sort(byWeight).map((one) => ({
    key: one.key,
    tone: KINDS[one.kind]?.tone ?? "plain",
    badge: KINDS[one.kind]?.text ?? one.kind,
    tenant: one.tenant,
    code: one.on,
    what: `${one.kind === "grant" ? "is not granted " : ""}${one.what} (${one.times === 1 ? "once" : `${count(one.times)} times since ${moment(one.first_ms)}`}, last ${ago(one.last_ms)})`,
    view: "denials",
  }));
}

/** Those first that say most; an order that does not change with each of them. */
function byWeight(a, b) {
  const weight = ({ kind }) => ["bad", "warn", "plain"].indexOf(KINDS[kind]?.tone ?? "plain");
  return weight(a) - weight(b) || b.times - a.times || (a.key < b.key ? -1 : 1);
}

/** The first of them, and how many there are beside. */
function few(all, called, view) {
  if (all.length <= ALIKE_MAX) return all;
  const more = `${count(all.length - ALIKE_MAX)} more ${called}`;
  return [...all.slice(0, ALIKE_MAX), { key: `more ${called}`, tone: "plain", badge: "And", what: more, view }];
}

function attention(answer) {
  const found = troubles(answer);
  const well = { key: "well", tone: "good", badge: "All well", what: "Nothing is broken, held back, failing or refused at the moment." };
  const make = () => element("li", {}, element("span", { class: "badge" }),
    // With spaces, for those who hear or copy it.
    element("span", { class: "what" }, element("strong"), " ", element("span", { class: "code" }), " ", element("span")), element("a"));
  keep(byId("troubles"), found.length ? found : [well], (one) => one.key, make, (shown, one) => {
    const [badge, what, link] = shown.children;
    badge.className = `badge ${one.tone}`;
    setText(badge, one.badge);
    setText(what.children[0], one.tenant ?? "");
    setText(what.children[1], one.code ?? "");
    setProse(what.children[2], one.what);
    for (const part of what.children) part.hidden = !part.textContent;
    link.hidden = !one.view;
    if (one.view) link.href = `#${one.view}`;
    setText(link, one.view === "latencies" ? "Latencies" : "Denials");
  });
}

function state(row) {
  const broken = row.refused - row.held;
  if (broken) return { text: `${plural(broken, "file")} not served`, tone: "bad" };
  if (fails(row)) return { text: `${share(row.recent_failed, row.recent)} of calls fail`, tone: "bad" };
  if (row.held) return { text: `${plural(row.held, "change")} held back`, tone: "warn" };
  return row.plugins ? { text: "Serving", tone: "good" } : { text: "No plugins", tone: "plain" };
}

function numbers({ host, tenants, tools, window_s: window }) {
  const [recent, failed] = ["recent", "recent_failed"].map((name) => tools.reduce((sum, row) => sum + row[name], 0));
  const full = host.calls_in_flight >= host.calls_max;
  tiles(byId("tiles"), [
    ["Calls in flight", `${count(host.calls_in_flight)} of ${count(host.calls_max)}`, full ? "bad" : undefined],
    ["Recent calls", count(recent)],
    ["Of these failed", share(failed, recent) ?? "–", fails({ recent, recent_failed: failed }) ? "bad" : undefined],
    ["Plugins serving", count(host.plugins)],
    ["Tools", count(host.tools)],
    ["Tenants", count(host.tenants)],
    ["Up for", span(host.up_s * 1_000_000)],
  ]);
  table(byId("tenants"), {
    caption: caption(`Calls and failures are of the last ${count(window / 60)} to ${count(window / 30)} minutes`, tenants.left_off,
      "the API takes ?limit="),
    key: (row) => row.tenant,
    rows: tenants.tenants,
    empty: ["There is no tenant.", "A host has at least the tenant “default”; look at the log."],
    columns: [
      { label: "Tenant", head: true, of: (row) => row.tenant },
      { label: "State", of: state },
      { label: "Plugins", number: true, of: (row) => count(row.plugins) },
      { label: "Tools", number: true, of: (row) => count(row.tools) },
      { label: "In flight", number: true, of: (row) => count(row.in_flight) },
      { label: "Calls", number: true, of: (row) => count(row.recent) },
      { label: "Failed", number: true, of: (row) => count(row.recent_failed) },
      { label: "Since start", number: true, wide: true, of: (row) => count(row.calls) },
    ],
  });
}

export const OVERVIEW = {
  ask: async (ask) => {
    const paths = ["host", "tenants", "refused", "latencies", "denials"];
    const [host, tenants, { refused }, { tools, window_s }, { denials }] = await Promise.all(paths.map((path) => ask(path)));
    return { host, tenants, refused, tools, window_s, denials };
  },
  show: (answer) => {
    attention(answer);
    numbers(answer);
  },
};

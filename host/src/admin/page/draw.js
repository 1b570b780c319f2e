// From data to the document. All that comes from the host is put in as text: nothing here makes HTML of a string.

/** An element with a class, attributes and children; strings become text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** Sets the text where it differs, so that a selection or a screen reader's place in it survives what has not changed. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The same for a sentence, with what stands between backticks in it as code. */
export function setProse(node, text) {
  if (node.dataset.text === text) return;
  node.dataset.text = text;
  node.replaceChildren(...text.split("`").map((part, place) => place % 2 ? element("code", {}, part) : part));
}

/** Makes the children of `parent` those of `items`, in their order. What has the same key stays the same element. */
export function keep(parent, items, keyOf, make, update) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = before.get(key);
    before.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of before.values()) gone.remove();
}

const NONE = "–";

/** What a cell shows: a text, or a text with a tone, which the text says as well, or a bar. */
function fill(cell, content) {
  if (content?.bar !== undefined) return bar(cell, content.bar);
  const { text, tone, code } = typeof content === "object" && content ? content : { text: content };
  const shown = text === undefined || text === null || text === "" ? NONE : String(text);
  const wanted = tone ? `badge ${tone}` : code ? "code" : "";
  let inner = cell.firstElementChild;
  if (!inner) cell.append((inner = element("span")));
  if (inner.className !== wanted) inner.className = wanted;
  setText(inner, shown);
  // Narrow screens have no room to say what is not there.
  cell.classList.toggle("none", shown === NONE);
}

/** A span from one part of the cell's width to another. The numbers that it is of stand beside it, for those who do not see it. */
function bar(cell, ends) {
  let inner = cell.firstElementChild;
  if (!inner) cell.append((inner = element("span", { class: "bar-of", "aria-hidden": "true" }, element("span"))));
  const [from, to] = ends ?? [0, 0];
  inner.firstElementChild.style.marginInlineStart = `${from * 100}%`;
  inner.firstElementChild.style.inlineSize = `${(to - from) * 100}%`;
}

/**
 * A table of `rows`, or what to say where there are none. A column is `{ label, of, number, head, wide }`: `of` gives a row's cell, `head`
 * marks the one that names the row, `wide` one for which narrow screens have no room.
 */
export function table(parent, { caption, columns, rows, key, empty, order }) {
  if (rows.length === 0) return nothing(parent, empty);
  let frame = parent.querySelector(":scope > .scroll");
  if (!frame) {
    const heads = columns.map((column) =>
      element("th", { scope: "col", role: "columnheader", class: column.number && "number" }, column.label));
    frame = element("div", { class: "scroll" },
      element("table", { class: "stacks", role: "table" },
        element("caption"),
        element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
        element("tbody", { role: "rowgroup" })));
    parent.replaceChildren(frame);
  }
  setText(frame.querySelector("caption"), caption);
  if (order) sortedBy(frame, columns, order);
  const make = () => element("tr", { role: "row" }, ...columns.map(cell));
  const update = (line, row) => columns.forEach((column, place) => fill(line.children[place], column.of(row)));
  keep(frame.querySelector("tbody"), rows, key, make, update);
  reachable(frame, caption);
}

/** What is wider than its frame can be scrolled with the keyboard too. */
function reachable(frame, caption) {
  if (frame.scrollWidth > frame.clientWidth) {
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", caption);
  } else {
    for (const name of ["tabindex", "role", "aria-label"]) frame.removeAttribute(name);
  }
}

function cell(column) {
  const attributes = { "data-label": column.label, class: ["number", "wide"].filter((kind) => column[kind]).join(" ") || undefined };
  return column.head
    ? element("th", { scope: "row", role: "rowheader", ...attributes })
    : element("td", { role: "cell", ...attributes });
}

function sortedBy(frame, columns, order) {
  const heads = frame.querySelectorAll("thead th");
  columns.forEach((column, place) => {
    if (column.order === order) heads[place].setAttribute("aria-sort", "descending");
    else heads[place].removeAttribute("aria-sort");
  });
}

/** Says why there is nothing, and what would change that. */
export function nothing(parent, [what, todo]) {
  let box = parent.querySelector(":scope > .empty");
  if (!box) {
    box = element("div", { class: "empty" }, element("p"), element("p"));
    parent.replaceChildren(box);
  }
  setText(box.children[0], what);
  setProse(box.children[1], todo ?? "");
  box.children[1].hidden = !todo;
}

/** Numbers under their names; a third member is the tone of one that is not as it should be. */
export function tiles(parent, entries) {
  const make = () => element("div", {}, element("dt"), element("dd"));
  keep(parent, entries, ([name]) => name, make, (tile, [name, value, tone]) => {
    setText(tile.children[0], name);
    setText(tile.children[1], String(value));
    const wanted = tone ?? "";
    if (tile.children[1].className !== wanted) tile.children[1].className = wanted;
  });
}

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
/** What is measured is off by some percent: a third digit would be made up. */
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

export const count = (number) => plain.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A part of a whole in percent: what is there is never 0 %, and what is not all never 100 %. */
export function share(part, whole) {
  if (!whole) return undefined;
  const percent = Math.round((100 * part) / whole);
  return `${part === 0 ? 0 : part >= whole ? 100 : Math.min(99, Math.max(1, percent))} %`;
}

/** A span of microseconds in the unit that suits it. */
export function span(us) {
  if (us === null || us === undefined) return undefined;
  // A thousand of a unit is one of the next, after rounding too.
  if (us < 995) return `${fine.format(us)} µs`;
  if (us < 995_000) return `${fine.format(us / 1_000)} ms`;
  if (us < 120_000_000) return `${us < 9_950_000 ? fine.format(us / 1_000_000) : plain.format(us / 1_000_000)} s`;
  if (us < 7_200_000_000) return `${plain.format(us / 60_000_000)} min`;
  if (us < 172_800_000_000) return `${plain.format(us / 3_600_000_000)} h`;
  return `${plain.format(us / 86_400_000_000)} days`;
}

/** How far the host's clock is ahead of this machine's. */
let ahead_ms = 0;

/** It is so late at the host. */
export function hostClock(now_ms) {
  ahead_ms = now_ms - Date.now();
}

/** How long ago a moment of the host's clock was, in milliseconds. */
export const since = (ms) => Math.max(0, Date.now() + ahead_ms - ms);

/** The same in words, and a moment that is longer ago than an hour as that. */
export function ago(ms) {
  if (!ms) return undefined;
  const s = Math.floor(since(ms) / 1_000);
  if (s < 2) return "now";
  if (s < 120) return `${s} s ago`;
  return s < 3_600 ? `${Math.floor(s / 60)} min ago` : moment(ms);
}

/** A moment of milliseconds since 1970, in this machine's time: the time today, and the date before it on other days. */
export function moment(ms) {
  if (!ms) return undefined;
  const at = new Date(ms);
  const time = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString("en-CA")} ${time}`;
}

/** What a table says of what is not in it. */
export function caption(said, leftOff, how) {
  return leftOff ? `${said}. ${plural(leftOff, "more")} not shown: ${how}.` : `${said}.`;
}

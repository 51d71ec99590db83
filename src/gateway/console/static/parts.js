// What views are made of.

import { h } from "./dom.js";
import { ago, short, tone, utc, words } from "./format.js";

export function badge(state, label = words(state)) {
  return h("span", { class: "badge", "data-tone": tone(state) }, label);
}

// Text that somebody else wrote: isolated, so that it cannot turn its surroundings around either.
export function foreign(text) {
  return text === null || text === undefined || text === "" ? "–" : h("bdi", {}, text);
}

export function time(moment) {
  return moment ? h("time", { class: "ago", datetime: moment, title: utc(moment) }, ago(moment)) : "–";
}

export function exactly(moment) {
  return moment ? h("time", { datetime: moment, title: ago(moment) }, utc(moment)) : "–";
}

export function code(id, label = short(id)) {
  return h("code", { title: id }, label);
}

export function link(href, ...content) {
  return h("a", { href }, ...content);
}

export function button(label, onclick, { kind = "plain", ...attributes } = {}) {
  return h("button", { type: "button", class: kind, onclick, ...attributes }, label);
}

// Columns are pairs of a heading and what makes a cell of a row.
export function table(caption, columns, rows, empty = "Nothing here.") {
  if (!rows.length) return h("p", { class: "empty" }, empty);
  const head = columns.map(([heading]) => h("th", { scope: "col" }, heading));
  const body = rows.map((row) =>
    h("tr", {}, columns.map(([heading, cell]) => h("td", { "data-label": heading }, h("div", {}, cell(row))))),
  );
  return h("div", { class: "table" },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–"))));
}

export function card(title, ...content) {
  return h("section", { class: "card" }, h("h2", {}, title), ...content);
}

// Data without a shape that the console knows: receipts, audit entries, details.
export function tree(value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) {
    if (!value.length) return "none";
    if (value.every((each) => each === null || typeof each !== "object")) return foreign(value.join(", "));
    return h("ol", { class: "tree" }, value.map((each) => h("li", {}, tree(each))));
  }
  if (typeof value === "object") {
    const entries = Object.entries(value);
    if (!entries.length) return "none";
    return h("dl", { class: "tree" }, entries.map(([name, each]) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, tree(each)))));
  }
  return foreign(String(value));
}

export function pager(page, go) {
  const last = page.data.at(-1);
  return page.has_more && last ? h("p", { class: "pager" }, button("Older", () => go(last.id))) : null;
}

// An error as the API tells it: what happened, whether it did anything, and the id that finds it in the logs.
export function complaint(error) {
  return h("div", { class: "complaint", role: "alert" },
    h("p", {}, error.title ? h("strong", {}, `${error.title}: `) : null, foreign(error.message)),
    (error.errors ?? []).map((each) => h("p", {}, code(each.pointer), " ", foreign(each.detail))),
    error.effect === "unknown" ? h("p", {}, "It may have been carried out: look before you repeat it.") : null,
    error.retryAfter ? h("p", {}, `Try again in ${error.retryAfter} s.`) : null,
    error.requestId ? h("p", { class: "quiet" }, "Request ", code(error.requestId, error.requestId)) : null);
}

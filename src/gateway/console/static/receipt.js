// The receipt of a decision (docs/APPLICATIONS.md#fraud-decisions): what it came to, which rules fired, what they saw.
// It is free data to the API, so whatever is not of the expected form is shown as it is.

import { h } from "./dom.js";
import { words } from "./format.js";
import { money } from "./money.js";
import { badge, foreign, table, tree } from "./parts.js";

const WINDOWS = ["1 min", "10 min", "1 h", "24 h"];

export function receipt(decision, id) {
  const { outcome, score, rules, signals, amount_usd, ...rest } = decision;
  if (amount_usd !== undefined) rest.amount = money(amount_usd, "USD");
  return [
    h("p", {}, badge(String(outcome)), " with a score of ", h("strong", {}, score ?? "none")),
    fired(rules),
    h("details", { id: `receipt-${id}` }, h("summary", {}, "The whole receipt"), seen(signals), tree(rest)),
  ];
}

function fired(rules) {
  if (!Array.isArray(rules) || !rules.length) return h("p", { class: "quiet" }, "No rule fired.");
  return h("ul", { class: "lines" }, rules.map((rule) =>
    h("li", {}, foreign(words(rule?.name ?? "a rule")), ` +${rule?.score ?? 0} `, rule?.action && rule.action !== "score" ? badge(rule.action) : null)));
}

// One value for each window, by subject and quantity.
function seen(signals) {
  const rows = Object.entries(signals ?? {}).flatMap(([subject, quantities]) =>
    Object.entries(quantities ?? {}).map(([quantity, values]) => ({ subject, quantity, values })));
  if (!rows.length || !rows.every(({ values }) => Array.isArray(values))) return tree(signals);
  const value = (row, window) => (row.quantity === "amount_usd" ? money(row.values[window] ?? null, "USD") : row.values[window] ?? "–");
  return table("Signals by window", [
    ["Signal", (row) => `${words(row.subject)}: ${words(row.quantity).toLowerCase()}`],
    ...WINDOWS.map((name, window) => [name, (row) => h("span", { class: "amount" }, value(row, window))]),
  ], rows);
}
